// test-timeout: 180
// A thousand seeds in real Chromium: random machines under random workloads leave the same trail as in Node.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runSeeds, SEEDS } from '../model/seeds.ts';
import { openMachine } from '../support/machine.ts';

const EXECUTABLE = '/usr/bin/chromium';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PAGE = `
  import { Machine } from '../../src/browser.ts';
  import { runSeeds } from '../model/seeds.ts';
  globalThis.play = async (base64, first, count) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const module = await WebAssembly.compile(bytes);
    return runSeeds((config) => Machine.create(module, config), first, count);
  };
`;

/** What PAGE leaves in the page. */
type Play = (base64: string, first: number, count: number) => Promise<string[]>;

const seeds = suite('seeds in Chromium');

seeds('a thousand seeds leave the same trail as in Node', async () => {
  const bundled = await build({
    stdin: { contents: PAGE, resolveDir: HERE, loader: 'ts' },
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
    logLevel: 'error',
  });
  const core = await readFile(new URL('../../wasm/core.wasm', import.meta.url), 'base64');
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: (bundled.outputFiles[0] as { text: string }).text });
    const inPage = await page.evaluate(
      ([base64, first, count]) => (globalThis as unknown as { play: Play }).play(base64, first, count),
      [core, SEEDS.first, SEEDS.count] as const,
    );
    const inNode = await runSeeds((config) => openMachine('release', config), SEEDS.first, SEEDS.count);
    assert.is(inPage.length, SEEDS.count);
    assert.equal(inPage, inNode);
  } finally {
    await browser.close();
  }
});

if (existsSync(EXECUTABLE)) seeds.run();
else console.log(`SKIPPED: seeds in Chromium: ${EXECUTABLE} is missing`);
