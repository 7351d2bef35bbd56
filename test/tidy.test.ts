// The rules of the house that a formatter does not know, as tests over the source text.
//
// Inside assembly/ imports point down, never up; only drive/backing.ts makes file calls; all state sits in
// linear memory. In src/ only src/core looks at that memory. Each rule is tried on made-up sources as well,
// so that a rule which finds nothing is known to be able to.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONSTANT_FILES,
  constantFaults,
  HEADER_FREE_LINES,
  headerFaults,
  importFaults,
  leftoverFaults,
  type Sources,
  stateFaults,
  traceFaults,
  viewFaults,
  WASI,
  WASI_IMPORTER,
} from './support/tidy-rules.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const tidy = suite('tidy');

const assembly = read('assembly');
const host = read('src');
const tests = new Map([...read('test'), ...read('bench')]);

tidy('there are files to check', () => {
  assert.ok(assembly.size > 1);
});

tidy('imports inside assembly/ point down', () => {
  assert.equal(importFaults(assembly), []);
});

tidy('an import that points up, aside or outside is found', () => {
  const faults = (path: string, specifier: string) =>
    importFaults(sources(path, `import { x } from '${specifier}';\n`));
  assert.equal(faults('assembly/cache/page.ts', '../files/inode'), [
    'assembly/cache/page.ts:1: cache may not import files (../files/inode)',
  ]);
  for (const specifier of [
    '../index',
    '../machine',
    '../crash/plan',
    '../nowhere/x',
    '../../src/x',
    'util',
  ]) {
    assert.is(faults('assembly/block/merge.ts', specifier).length, 1, specifier);
  }
  assert.is(faults('assembly/crash/plan.ts', '../block/merge').length, 1);
  assert.is(faults('assembly/base/heap.ts', WASI).length, 1);
  assert.is(importFaults(sources('assembly/base/a.ts', "export { x } from '../drive/b';\n")).length, 1);
  assert.is(importFaults(sources('assembly/odd/a.ts', '// Nothing.\n')).length, 1);

  for (const specifier of ['./merge', '../drive/disk', '../base/heap', '../layout', '../limits.ts']) {
    assert.equal(faults('assembly/block/queue.ts', specifier), [], specifier);
  }
  assert.equal(faults('assembly/crash/plan.ts', '../drive/disk'), []);
  assert.equal(faults('assembly/machine.ts', './crash/plan'), []);
  assert.equal(faults('assembly/index.ts', './machine'), []);
  assert.equal(faults(WASI_IMPORTER, WASI), []);
});

tidy('assembly/ keeps no state outside linear memory', () => {
  assert.equal(stateFaults(assembly), []);
});

tidy('module variables, mutable statics and default parameters are found', () => {
  const bad = [
    'let a = 1;',
    'export let a = 1;',
    'var a = 1;',
    'namespace n { export let a = 1; }',
    'class A { static a: i32 = 1; }',
    'function f(a: i32 = 1): void {}',
    'class A { f(a: i32 = 1): void {} }',
  ];
  for (const text of bad) assert.is(stateFaults(sources('assembly/base/a.ts', text)).length, 1, text);
  const good =
    'const A = 1;\nclass B { static readonly C: i32 = 1; d: i32; }\nfunction f(a: i32): void { let b = a; b++; }';
  assert.equal(stateFaults(sources('assembly/base/a.ts', good)), []);
});

tidy('layout.ts and limits.ts hold integer constants only', () => {
  for (const path of CONSTANT_FILES) {
    const text = assembly.get(path);
    assert.type(text, 'string', `${path} is missing`);
    assert.equal(constantFaults(path, text ?? ''), []);
  }
});

tidy('a constant that asc and tsc could read differently is found', () => {
  const bad = [
    'export const A = 7 / 2;',
    'export const A: i32 = 1;',
    'export const A = 1.5;',
    'export const A = f(1);',
    'export const A = 1n;',
    'export let A = 1;',
    'const A = 1;',
    "import { B } from './b';",
    'export function f(): void {}',
  ];
  for (const text of bad) assert.is(constantFaults('a.ts', text).length, 1, text);
  const good = '// Why.\nexport const A = 0x10;\nexport const B = (A + 1) * 2 | 1 << A;\n';
  assert.equal(constantFaults('a.ts', good), []);
});

tidy('only src/core looks at linear memory', () => {
  assert.equal(viewFaults(host), []);
});

tidy('a view over linear memory outside src/core is found', () => {
  const view = 'const view = new DataView(core.memory.buffer);\n';
  assert.is(viewFaults(sources('src/aio.ts', view)).length, 1);
  assert.is(viewFaults(sources('src/aio.ts', 'const { buffer } = core.memory;\n')).length, 1);
  assert.equal(viewFaults(sources('src/core/views.ts', view)), []);
  assert.equal(viewFaults(sources('src/trace/blk.ts', 'const view = new DataView(bytes.buffer);\n')), []);
});

tidy('src/trace stands without the core', () => {
  assert.equal(traceFaults(host), []);
});

tidy('a trace reader that imports the core is found', () => {
  const found = traceFaults(sources('src/trace/a.ts', "import type { X } from '../core/x.ts';\n"));
  assert.is(found.length, 1);
});

tidy('every file opens by saying what it is', () => {
  assert.equal(headerFaults(new Map([...assembly, ...host])), []);
});

tidy('a long file without an opening comment is found', () => {
  const body = 'code();\n'.repeat(HEADER_FREE_LINES);
  assert.is(headerFaults(sources('src/a.ts', body)).length, 1);
  assert.is(headerFaults(sources('src/a.ts', `// One line.\n${body}`)).length, 1);
  assert.equal(headerFaults(sources('src/a.ts', `#!/usr/bin/env node\n// Two\n// lines.\n${body}`)), []);
  assert.equal(headerFaults(sources('src/a.ts', `/**\n * Two lines.\n */\n${body}`)), []);
  assert.equal(headerFaults(sources('src/a.ts', 'code();\n')), []);
});

tidy('nothing is left to do later, and no test is switched off', () => {
  assert.equal(leftoverFaults(new Map([...assembly, ...host, ...tests])), []);
});

tidy('a mark for later and a test switched off are found', () => {
  assert.is(leftoverFaults(sources('src/a.ts', `// ${'TO'}DO: later\n`)).length, 1);
  assert.is(leftoverFaults(sources('test/a.test.ts', `aio${'.on'}ly('x', f);\n`)).length, 1);
  assert.equal(leftoverFaults(sources('src/a.ts', `reader${'.sk'}ip(4);\n`)), []);
});

tidy.run();

function sources(path: string, text: string): Sources {
  return new Map([[path, text]]);
}

/** Every TypeScript or JavaScript file below a folder of the repository; none if the folder is missing. */
function read(folder: string): Sources {
  const found: Sources = new Map();
  if (!existsSync(join(root, folder))) return found;
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
    if (/\.m?[tj]s$/.test(name)) {
      found.set(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8'));
    }
  }
  return found;
}
