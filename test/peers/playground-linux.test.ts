// test-timeout: 600
// Linux in the page: Debian's kernel boots in Chromium on a disk of the playground, makes a file system, writes, and syncs; the plug is
// pulled; booted again, it finds what it had synced and not what it had not.
//
// The files come from apt at test time, see src/playground/linux/build/debian.ts; Debian packages: chromium.

import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PlaygroundServer, servePlayground } from '../../src/cli/playground.ts';
import { makeLinux } from '../../src/playground/linux/build/make.ts';
import { EXECUTABLE, factsOf, openBrowser, visitPage } from '../chromium/support/page.ts';

const BUILT = fileURLToPath(new URL('../../dist/playground/', import.meta.url));
const BOOT_LIMIT_MS = 240_000;
const COMMAND_LIMIT_MS = 90_000;

const peer = suite('Linux in the page');
let folder: string;
let server: PlaygroundServer;
let browser: Browser;

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

async function boot(page: Page, name: string): Promise<void> {
  await button(page, name).click();
  await page.locator('.console[data-phase="running"]').waitFor({ timeout: BOOT_LIMIT_MS });
  await page.locator('.console[data-phase="atPrompt"]').waitFor({ timeout: BOOT_LIMIT_MS });
}

/** Has a command typed; what the console shows afterwards. */
async function typed(page: Page, name: string): Promise<string> {
  await button(page, name).click();
  await page.locator('.console[data-phase="atPrompt"]').waitFor({ timeout: COMMAND_LIMIT_MS });
  return (await page.locator('.console-view').textContent()) ?? '';
}

/** The text of a control whose number says what the disk has served. */
async function served(page: Page): Promise<Record<string, number>> {
  const told = (await page.locator('.linux-phase').textContent()) ?? '';
  return Object.fromEntries(
    [...told.matchAll(/(\d+) (reads|writes|flushes|discards)/g)].map(([, count, what]) => [
      what,
      Number(count),
    ]),
  );
}

peer.after(async () => {
  await browser?.close();
  await server?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

peer('it boots, and finds behind a power cut what it had synced, and nothing else', async () => {
  server = await servePlayground({ port: 0, folder });
  browser = await openBrowser();
  await visitPage(browser, server.url, {}, async (page) => {
    await button(page, 'Linux').click();
    const startedAt = performance.now();
    await boot(page, 'Boot Linux');
    console.log(`booted in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    await typed(page, 'Make a file system');
    const { reads = 0, writes = 0, flushes = 0, discards = 0 } = await served(page);
    console.log(`mkfs.ext4: ${reads} reads, ${writes} writes, ${flushes} flushes, ${discards} discards`);
    assert.ok(reads > 50 && writes > 0 && flushes > 0 && discards > 0);
    await typed(page, 'Mount it');
    await typed(page, 'Write and sync');
    await typed(page, 'Write, no sync');
    const { scene, stepCount } = await factsOf(page);
    assert.is(scene, 'your-linux');
    assert.ok(stepCount > reads, 'the lanes have a step for each of its requests at least');
    await button(page, 'Pull the plug').last().click();
    await page.locator('.live-news', { hasText: 'The power went.' }).waitFor();
    await boot(page, 'Boot it again');
    await typed(page, 'Mount it');
    const listed = await typed(page, 'List the files');
    assert.match(listed, /168894 .*numbers[\s\S]*30000/);
    assert.not.match(listed, /unsynced/);
    assert.match(await typed(page, 'What the kernel said'), /recovery complete/);
  });
});

const isBuilt = existsSync(path.join(BUILT, 'index.html'));
if (!existsSync(EXECUTABLE) || !isBuilt) {
  console.log(
    `SKIPPED: Linux in the page: ${isBuilt ? `${EXECUTABLE} is missing` : 'the page is not built'}`,
  );
} else {
  folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-page-'));
  cpSync(BUILT, folder, { recursive: true });
  const why = makeLinux(folder);
  if (why === undefined) peer.run();
  else {
    rmSync(folder, { recursive: true, force: true });
    console.log(`SKIPPED: Linux in the page: ${why}`);
  }
}
