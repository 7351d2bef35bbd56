// test-timeout: 120
// The page on any static host: under any path, without headers of ours; over a whole session it asks nobody but where it came from.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import * as assert from 'uvu/assert';
import { FIRST_SCENE, SCENES } from '../../../src/playground/scenes/index.ts';
import { playAhead } from '../../src/playground/support/engine.ts';
import { factsOf, openBrowser, playgroundSuite, visitPage, waitFor } from '../support/page.ts';
import { closeSheet, dropFile, openPanel, PANEL_NAMES } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('hosting of the playground');
const FOLDER = fileURLToPath(new URL('../../../dist/playground/', import.meta.url));
const DEEP = '/some/deep/path/';
/** What the simplest of hosts know; anything else has no type. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

let plain: Server;
let browser: Browser;

test.before(async () => {
  plain = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    const prefix = pathname.startsWith(DEEP) ? DEEP : '/';
    const name = pathname.slice(prefix.length) || 'index.html';
    readFile(join(FOLDER, name)).then(
      (bytes) => {
        const type = TYPES[extname(name)];
        response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  browser = await openBrowser();
});

test.after(async () => {
  await browser?.close();
  plain?.closeAllConnections();
  plain?.close();
});

for (const path of ['/', DEEP]) {
  test(`a plain static host at ${path}: the scene plays to the hash of Node, charts, disk and a worker beside it load`, async () => {
    const node = await playAhead(FIRST_SCENE);
    const url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}${path}`;
    await visitPage(browser, url, {}, async (page) => {
      await page.keyboard.press('End');
      await waitFor(page, 'finished');
      assert.is((await factsOf(page)).recordHash, node.hashOf(node.stepCount));
      await openPanel(page, 'charts');
      await page.waitForSelector('#panel-charts canvas');
      await openPanel(page, 'disk');
      await page.click('button:text-is("Make the disk")');
      await page.waitForSelector('main[data-scene="your-disk"]');
    });
  });
}

test('over a whole session no request goes to another origin, and nothing breaks the policy', async () => {
  // a visit notes each request, each message and each breach of the policy as a fault
  await visit({}, async (page) => {
    for (const name of PANEL_NAMES) await openPanel(page, name);
    await closeSheet(page);
    await openPanel(page, 'scenes');
    await page.click(`[data-scene-id="${SCENES[2]?.id}"]`);
    await page.waitForSelector(`main[data-scene="${SCENES[2]?.id}"][data-state="ready"]`);
    await page.keyboard.press('k');
    await page.fill('.knob-search', 'seed');
    await page.fill('[data-knob="machine.seed"] input[type="text"]', '5');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.knob-strip');
    const trace = 'fio version 3 iolog\n0 a add\n0 a open\n1 a write 0 4096\n2 a read 0 4096\n';
    await dropFile(page, { name: 'mine.log', bytes: new TextEncoder().encode(trace) });
    await page.waitForFunction(() => document.title.includes('mine'));
    await page.click('#tab-plug');
    await page.click('.pull');
    await page.click('.plug button:text-is("Boot what is left")');
    await page.waitForSelector('.outcome');
    for (const kind of ['SVG', 'PNG', 'CSV']) {
      await openPanel(page, 'share');
      const saved = page.waitForEvent('download');
      await page.click(`.share-files button:has-text("${kind}")`);
      await saved;
    }
  });
});

test('the policy is in the page and in the headers, the same, and lets no text become code or style', async () => {
  await visit({ expected: [/Content Security Policy/] }, async (page) => {
    const written = await page.getAttribute('meta[http-equiv="Content-Security-Policy"]', 'content');
    for (const file of ['', 'main.js', 'worker.js', 'live.js']) {
      const response = await page.request.get(new URL(file, page.url()).href);
      const sent = response.headers()['content-security-policy'] ?? '';
      assert.ok(sent.startsWith(written ?? 'none'), `${file} is sent with: ${sent}`);
    }
    assert.match(written ?? '', "default-src 'none'");
    assert.not.match(written ?? '', /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|https?:|\*/);
    const refused = await page.evaluate(tryTextAsCode);
    assert.equal(refused, ['script-src', 'script-src-elem', 'style-src-attr', 'style-src-elem']);
  });
});

/** Runs in the page: the directives that refused what was tried, sorted. */
async function tryTextAsCode(): Promise<string[]> {
  const refused = new Set<string>();
  const all = new Promise<void>((resolve) => {
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
      refused.add(effectiveDirective);
      if (refused.size === 4) resolve();
    });
  });
  // as a timer: what the debugger evaluates itself is not held to the policy
  setTimeout('globalThis.wasRun = true');
  const script = document.createElement('script');
  script.textContent = 'globalThis.wasRun = true';
  const style = document.createElement('style');
  style.textContent = 'body { color: red }';
  document.head.append(script, style);
  document.body.insertAdjacentHTML('beforeend', '<p style="color: red"></p>');
  await all;
  if ('wasRun' in globalThis) throw new Error('text was run as code');
  return [...refused].sort();
}

run();
