// test-timeout: 120
// The disk that the browser keeps, as a reader uses it: files go through the whole stack and are there after a reload, what nobody synced is gone
// behind a power cut, and clearing leaves nothing.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { factsOf, playgroundSuite } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('the kept disk');
let profile: string;

test.before(async () => {
  profile = await mkdtemp(join(tmpdir(), 'sectorlab-disk-'));
});

test.after(async () => {
  await rm(profile, { recursive: true, force: true });
});

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const disk = (page: Page) => page.locator('.disk');

async function openPanel(page: Page): Promise<void> {
  await button(page, 'Your disk').click();
  await disk(page).waitFor();
}

async function write(page: Page, name: string, text: string, isSynced: boolean): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Text', { exact: true }).fill(text);
  await page.getByLabel('fsync the file and its folder').setChecked(isSynced);
  await button(page, 'Write').click();
  await page.locator('.disk-name', { hasText: name }).waitFor();
}

const names = (page: Page): Promise<string[]> => page.locator('.disk-name').allTextContents();

test('files are written through the stack, found after a reload, and lost in a power cut unless synced', async () => {
  await visit({ profile }, async (page) => {
    await openPanel(page);
    await button(page, 'Make the disk').click();
    await button(page, 'Write').waitFor();
    await write(page, 'synced.txt', 'Ada owes 10', true);
    const before = (await factsOf(page)).stepCount;
    await button(page, 'Sync all').click();
    await page.locator('.live-news', { hasText: 'All is synced' }).waitFor();
    assert.is((await factsOf(page)).scene, 'your-disk');
    assert.ok(before > 0, 'the run of the machine is what the lanes show');
    await write(page, 'careless.txt', 'nobody synced this', false);
    await button(page, 'Pull the plug').last().click();
    await page.locator('.live-news', { hasText: 'The power went.' }).waitFor();
    assert.equal(await names(page), ['synced.txt']);
  });
  await visit({ profile }, async (page) => {
    await openPanel(page);
    await button(page, 'Open it').click();
    await page.locator('.disk-name', { hasText: 'synced.txt' }).waitFor();
    await button(page, 'Read').click();
    assert.is(await page.locator('.disk-text pre').textContent(), 'Ada owes 10');
    await button(page, 'Rename').click();
    await page.getByLabel('New name of synced.txt').fill('kept.txt');
    await button(page, 'Rename').click();
    await page.locator('.disk-name', { hasText: 'kept.txt' }).waitFor();
    await button(page, 'Delete').click();
    await page.getByText('None yet.').waitFor();
  });
});

test('a second tab is told that the disk is open, and clearing asks first', async () => {
  await visit({ profile }, async (page) => {
    await openPanel(page);
    await button(page, 'Open it').click();
    await button(page, 'Write').waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await openPanel(other);
    await button(other, 'Open it').click();
    assert.match(
      (await disk(other).getByRole('alert').textContent()) ?? '',
      /^The disk is open, here or in another tab: close it there first\.$/,
    );
    await button(other, 'Clear the volume’s disk').click();
    await button(other, 'Clear it').click();
    await disk(other).getByRole('alert').filter({ hasText: 'close it there first' }).waitFor();
    await write(page, 'undisturbed.txt', 'still here', false);
    await button(page, 'Write all and close').click();
    await button(page, 'Open it').waitFor();
    await button(other, 'Open it').click();
    await other.locator('.disk-name', { hasText: 'undisturbed.txt' }).waitFor();
    await button(page, 'Open it').click();
    await disk(page).getByRole('alert').filter({ hasText: 'close it there first' }).waitFor();
    await other.close();
    await button(page, 'Open it').click();
    await page.locator('.disk-name', { hasText: 'undisturbed.txt' }).waitFor();
    await button(page, 'Clear the volume’s disk').click();
    await button(page, 'Clear it').click();
    await button(page, 'Make the disk').waitFor();
    assert.is(
      await page.evaluate(async () => {
        const root = await navigator.storage.getDirectory();
        let count = 0;
        for await (const _ of root.keys()) count++;
        return count;
      }),
      0,
    );
  });
});

test('where the browser has no room, the page says so, and leaves nothing behind', async () => {
  // a profile of its own: what is not kept has no quota
  await visit({ profile: join(profile, 'full') }, async (page) => {
    const browser = await page.context().newCDPSession(page);
    const origin = new URL(page.url()).origin;
    await browser.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1048576 });
    await openPanel(page);
    await button(page, 'Make the disk').click();
    await disk(page)
      .getByRole('alert')
      .filter({ hasText: 'The browser has no room for a disk of this size' })
      .waitFor();
    assert.is(await button(page, 'Clear the volume’s disk').count(), 0);
    await browser.send('Storage.overrideQuotaForOrigin', { origin });
    await button(page, '16 MiB').click();
    await button(page, 'Make the disk').click();
    await button(page, 'Write').waitFor();
    assert.is(await disk(page).getByRole('alert').count(), 0);
  });
});

run();
