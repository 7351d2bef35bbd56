// test-timeout: 120
// The browser's entry in real Chromium: a verdict is Node's, hash for hash, and a recipe leads to the same image on either side.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, type Recipe, rerun, type Verdict } from '../../src/index.ts';
import { ledger } from '../support/ledger.ts';

const EXECUTABLE = '/usr/bin/chromium';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PAGE = `
  import { explore, rerun } from '../../src/browser.ts';
  import { ledger } from '../support/ledger.ts';
  const core = (base64) => WebAssembly.compile(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  globalThis.exploreLedger = async (base64) => JSON.stringify(await explore(await core(base64), ledger));
  globalThis.rerunLedger = async (base64, recipe) => {
    const { error, image } = await rerun(await core(base64), recipe, ledger);
    return { error, hash: image.hash };
  };
`;

/** What PAGE leaves in the page. */
interface InPage {
  exploreLedger(base64: string): Promise<string>;
  rerunLedger(base64: string, recipe: string): Promise<{ error: string | undefined; hash: string }>;
}

/** What does not tell of the time it took, or of where the workload's source lies: its line is another one in the bundle. */
function essence({ verdict, exhaustive, states, distinctImages, failedImages, findings }: Verdict): unknown {
  const kept = findings.map(({ error, images, recipe }) => {
    const text = JSON.stringify(recipe);
    return {
      error,
      images,
      recipe: JSON.parse(text.replace(/(ledger\.ts|<anonymous>):\d+/g, 'the line')) as Recipe,
    };
  });
  return { verdict, exhaustive, states, distinctImages, failedImages, findings: kept };
}

const browserEntry = suite('explore in Chromium');
let browser: Browser;
let page: Page;
let core: string;

browserEntry.before(async () => {
  const bundled = await build({
    stdin: { contents: PAGE, resolveDir: HERE, loader: 'ts' },
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
    logLevel: 'error',
  });
  core = await readFile(new URL('../../wasm/core.wasm', import.meta.url), 'base64');
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-gpu'] });
  page = await browser.newPage();
  await page.addScriptTag({ content: (bundled.outputFiles[0] as { text: string }).text });
});

browserEntry.after(() => browser.close());

browserEntry('the verdict is that of Node, with the same images and recipes', async () => {
  const text = await page.evaluate((base64) => (globalThis as unknown as InPage).exploreLedger(base64), core);
  const inNode = await explore(ledger);
  assert.is(inNode.verdict, 'violated');
  assert.equal(essence(JSON.parse(text)), essence(inNode));
});

browserEntry('a recipe from Node leads to the same image', async () => {
  const [finding] = (await explore(ledger)).findings;
  const recipe = finding?.recipe as Recipe;
  const inPage = await page.evaluate(
    ([base64, json]) => (globalThis as unknown as InPage).rerunLedger(base64, json),
    [core, JSON.stringify(recipe)] as const,
  );
  assert.equal(inPage, { error: finding?.error, hash: recipe.image });
  const inNode = await rerun(recipe, ledger);
  assert.is(inNode.image.hash, inPage.hash);
});

if (existsSync(EXECUTABLE)) browserEntry.run();
else console.log(`SKIPPED: explore in Chromium: ${EXECUTABLE} is missing`);
