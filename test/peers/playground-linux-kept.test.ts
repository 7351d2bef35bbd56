// test-timeout: 600
// Linux in the page with files that the reader chose, on the disk that the browser keeps, through the host's page cache: what it synced is in the
// browser's file behind a power cut, as e2fsck and debugfs of this machine find it, and what it did not sync is not.
//
// One boot, so that it takes less than a minute on a machine that does nothing else. Debian packages: chromium, e2fsprogs.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { servePlayground } from '../../src/cli/playground.ts';
import { makeLinux } from '../../src/playground/linux/build/make.ts';
import { LINUX_FILES } from '../../src/playground/linux/files.ts';
import { EXECUTABLE, openBrowser, visitPage } from '../chromium/support/page.ts';

const BUILT = fileURLToPath(new URL('../../dist/playground/', import.meta.url));
const LIMIT_MS = 240_000;
const TOOLS = '/sbin/debugfs';

const peer = suite('Linux on a kept disk');
const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-kept-'));
/** The reader's own files: the server has none. */
const own = path.join(folder, 'own');

peer.after(() => rmSync(folder, { recursive: true, force: true }));

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const atPrompt = (page: Page) =>
  page.locator('.console[data-phase="atPrompt"]').waitFor({ timeout: LIMIT_MS });

/** The browser's file of the guest's disk. */
async function keptDisk(page: Page): Promise<Uint8Array> {
  const base64 = await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const file = await (await root.getFileHandle('linux.img')).getFile();
    const url = await new Promise<string>((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result as string);
      reader.readAsDataURL(file);
    });
    return url.slice(url.indexOf(',') + 1);
  });
  return Buffer.from(base64, 'base64');
}

const debugfs = (image: string, request: string): string =>
  execFileSync(TOOLS, ['-R', request, image], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();

peer('what it synced is in the file behind a power cut, and nothing else', async () => {
  const server = await servePlayground({ port: 0, folder: path.join(folder, 'page') });
  const browser = await openBrowser();
  try {
    await visitPage(browser, server.url, {}, async (page) => {
      await button(page, 'Linux').click();
      const files = Object.values(LINUX_FILES).map((name) => path.join(own, name));
      await page.getByLabel('Files for the guest').setInputFiles(files);
      await page.getByText('vmlinuz').waitFor();
      await button(page, '16 MiB').click();
      await page.getByLabel('Keep it in this browser over reloads').check();
      await button(page, 'Through it (writeback)').click();
      await button(page, 'Boot Linux').click();
      await page.locator('.console[data-phase="running"]').waitFor({ timeout: LIMIT_MS });
      await atPrompt(page);
      for (const name of ['Make a file system', 'Mount it', 'Write and sync', 'Write, no sync']) {
        await button(page, name).click();
        await atPrompt(page);
      }
      await button(page, 'Your disk').click();
      await button(page, 'Clear Linux’s disk').click();
      await button(page, 'Clear it').click();
      await page.getByText('The disk is open, here or in another tab: close it there first.').waitFor();
      await button(page, 'Linux').click();
      await button(page, 'Pull the plug').last().click();
      await page.locator('.live-news', { hasText: 'The power went.' }).waitFor();
      const image = path.join(folder, 'kept.img');
      writeFileSync(image, await keptDisk(page));
      // replays the journal, as the next mount does; 1: it has mended something
      try {
        execFileSync('/sbin/e2fsck', ['-fp', image], { stdio: 'ignore' });
      } catch (error) {
        assert.is((error as { status: number }).status, 1);
      }
      assert.match(debugfs(image, 'cat /numbers'), /^1\n2\n[\s\S]*\n30000\n$/);
      assert.not.match(debugfs(image, 'ls -l /'), /unsynced/);
    });
  } finally {
    await browser.close();
    await server.close();
  }
});

const isBuilt = existsSync(path.join(BUILT, 'index.html'));
if (!existsSync(EXECUTABLE) || !existsSync(TOOLS) || !isBuilt) {
  rmSync(folder, { recursive: true, force: true });
  console.log('SKIPPED: Linux on a kept disk: needs chromium, e2fsprogs and the built page');
} else {
  cpSync(BUILT, path.join(folder, 'page'), { recursive: true });
  rmSync(path.join(folder, 'page', 'linux'), { recursive: true, force: true });
  mkdirSync(own);
  const why = makeLinux(own);
  if (why === undefined) peer.run();
  else {
    rmSync(folder, { recursive: true, force: true });
    console.log(`SKIPPED: Linux on a kept disk: ${why}`);
  }
}
