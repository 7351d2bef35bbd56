// Frames: whose line a call is, and how its place is shown.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineOf } from '../../../src/explore/explain-words.ts';
import { callerFrames, userFrames } from '../../../src/explore/record-stack.ts';

const frames = suite('explore/stack');

const ours = new URL('../../../src/fs/file-system.ts', import.meta.url).href;
const here = pathToFileURL(process.cwd()).href;
const stackOf = (...lines: string[]): string =>
  ['Error', ...lines.map((line) => `    at ${line}`)].join('\n');

frames('a call from inside a package is the line that has called the package', () => {
  const stack = stackOf(
    `FileSystem.write (${ours}:10:3)`,
    `xWrite (${here}/node_modules/@scope/engine/dist/node.mjs:6622:12)`,
    'wasm://wasm/1234:wasm-function[7]:0x12',
    'exec (/elsewhere/node_modules/engine/index.js:1:2)',
    `put (${here}/store/engine.ts:31:9)`,
    `workload (${here}/store/main.ts:3:1)`,
    `record (${ours}:80:3)`,
    `suite (${here}/whoever/called.ts:1:1)`,
  );
  const callers = callerFrames(stack);
  assert.equal(callers, ['put (store/engine.ts:31:9)', 'workload (store/main.ts:3:1)']);
  assert.is(lineOf(callers), 'engine.ts:31');
  assert.equal(userFrames(stack).slice(0, 2), [
    'xWrite (node_modules/@scope/engine/dist/node.mjs:6622:12)',
    'exec (/elsewhere/node_modules/engine/index.js:1:2)',
  ]);
});

frames('where all frames are of packages, they are what is shown', () => {
  const stack = stackOf(`write (${here}/node_modules/tool/run.mjs:6:2)`, `record (${ours}:80:3)`);
  assert.equal(callerFrames(stack), ['write (node_modules/tool/run.mjs:6:2)']);
});

frames('places below the current folder are relative to it, as URLs and as paths; others stay', () => {
  const lines = [
    `${here}/a.mjs:1:2`,
    `async ${here}/b.mjs:1:2`,
    `load (${path.join(process.cwd(), 'c.cjs')}:1:2)`,
    `d (file:///elsewhere${process.cwd()}/d.mjs:1:2)`,
    'e (/elsewhere/e.cjs:1:2)',
  ];
  assert.equal(userFrames(stackOf(...lines)), [
    'a.mjs:1:2',
    'async b.mjs:1:2',
    'load (c.cjs:1:2)',
    ...lines.slice(3),
  ]);
});

frames('a real frame of this file', () => {
  assert.match(
    callerFrames(new Error().stack)[0] ?? '',
    /^(?:.* \()?test\/src\/explore\/stack\.test\.ts:\d+:\d+\)?$/,
  );
});

frames('in a browser, places are those of the page’s server', () => {
  const known = Object.getOwnPropertyDescriptor(globalThis, 'process') as PropertyDescriptor;
  const stack = 'put@https://example.org/app/engine.js:31:9\nmain@https://cdn.example/main.js:3:1';
  try {
    Object.defineProperty(globalThis, 'process', { value: undefined, configurable: true });
    Object.defineProperty(globalThis, 'location', {
      value: { origin: 'https://example.org' },
      configurable: true,
    });
    const [first, second] = userFrames(stack);
    assert.equal([first, second], ['put@app/engine.js:31:9', 'main@https://cdn.example/main.js:3:1']);
    assert.is(lineOf([first as string]), 'engine.js:31');
  } finally {
    Object.defineProperty(globalThis, 'process', known);
    Reflect.deleteProperty(globalThis, 'location');
  }
});

frames.run();
