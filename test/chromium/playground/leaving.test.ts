// test-timeout: 120
// A guest that runs is not ended by a slip: whatever would take the lanes asks first, says what is lost, and leaves everything as it was when the
// reader stays. What loses nothing asks nothing.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { guestFiles } from '../support/guest-files.ts';
import { factsOf, PHONE, playgroundSuite, waitFor } from '../support/page.ts';
import { dropFile, focusByKeys, openPanel } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('leaving a live machine');

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const question = (page: Page) => page.getByRole('dialog', { name: /Switch Linux off|Give up Linux/ });
const OWN = new TextEncoder().encode('title Dropped\nclient app aio drive0\nchapter One\nwrite 0 4KiB\n');
const OTHER_CARD = '.scene-card:not([aria-current]) >> nth=0';

/** A guest whose shell waits for a command. */
async function bootGuest(page: Page): Promise<void> {
  await openPanel(page, 'linux');
  await page.getByLabel('Files for the guest').setInputFiles([...guestFiles('Booted.\r\n# ')]);
  await button(page, 'Boot Linux').click();
  await page.locator('.console[data-phase="atPrompt"]').waitFor();
}

/** It is asked, and the reader stays: nothing has changed. */
async function stays(page: Page, what: string): Promise<void> {
  await question(page).waitFor();
  assert.match((await question(page).textContent()) ?? '', /not synced is lost.*in memory only/, what);
  await page.keyboard.press('Escape');
  await question(page).waitFor({ state: 'detached' });
  assert.is((await factsOf(page)).scene, 'your-linux', what);
  assert.is(await page.locator('.console').getAttribute('data-phase'), 'atPrompt', what);
  assert.is(page.workers().filter((worker) => worker.url().includes('live.js')).length, 1, what);
}

test('by keys: Enter on a scene asks, Escape stays and gives the focus back, the answer switches Linux off', async () => {
  await visit({}, async (page) => {
    await bootGuest(page);
    await focusByKeys(page, OTHER_CARD);
    const id = await page.locator(OTHER_CARD).getAttribute('data-scene-id');
    await page.keyboard.press('Enter');
    await question(page).waitFor();
    assert.is(await page.locator(':focus').textContent(), 'Stay with Linux');
    await page.keyboard.press('ArrowLeft');
    await stays(page, 'keys');
    assert.is((await factsOf(page)).state, 'playing', 'a key for the question is none for the page');
    assert.is(await page.locator(':focus').getAttribute('data-scene-id'), id);
    await page.keyboard.press('Enter');
    await question(page).waitFor();
    await page.keyboard.press('Enter');
    await question(page).waitFor({ state: 'detached' });
    assert.is((await factsOf(page)).scene, 'your-linux');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitFor(page, 'ready');
    assert.is((await factsOf(page)).scene, id);
    await page.getByText('Its disk went with it').waitFor();
  });
});

test('Back, a link, a dropped scene, the editor and the other live machine ask as well; a broken file does not', async () => {
  await visit({}, async (page) => {
    await page.locator(OTHER_CARD).click();
    await waitFor(page, 'ready');
    const before = (await factsOf(page)).scene;
    await bootGuest(page);
    const address = page.url();
    for (const what of ['Back', 'Back again']) {
      await page.evaluate(() => history.back());
      await stays(page, what);
      assert.is(page.url(), address);
    }
    await page.evaluate(() => {
      location.hash = '#scene=merging';
    });
    await stays(page, 'a link');
    assert.is(page.url(), address);
    await dropFile(page, { name: 'own.txt', bytes: OWN });
    await stays(page, 'a dropped scene');
    await dropFile(page, { name: 'letter.txt', bytes: new TextEncoder().encode('Dear reader') });
    await page.locator('.problem', { hasText: 'letter.txt' }).waitFor();
    assert.is(await question(page).count(), 0);
    await openPanel(page, 'disk');
    await button(page, 'Make the disk').click();
    await question(page).waitFor();
    await button(page, 'Stay with Linux').click();
    await openPanel(page, 'linux');
    await page.evaluate(() => history.back());
    await button(page, 'Switch it off').click();
    await waitFor(page, 'ready');
    // what was refused left an entry of its own; the one before the guest is behind it
    assert.ok([before, 'merging'].includes((await factsOf(page)).scene));
  });
});

test('without power only a disk that is in memory is asked about', async () => {
  await visit({}, async (page) => {
    await bootGuest(page);
    await page.locator('.linux-side').getByRole('button', { name: 'Pull the plug' }).click();
    await page.getByText('The power went.').waitFor();
    await page.locator(OTHER_CARD).click();
    assert.match((await question(page).textContent()) ?? '', /has no power.*in memory only/);
    await button(page, 'Give it up').click();
    await waitFor(page, 'ready');
    await page.getByLabel('Keep it in this browser over reloads').check();
    await button(page, 'Boot Linux').click();
    await page.locator('.console[data-phase="atPrompt"]').waitFor();
    await page.locator('.linux-side').getByRole('button', { name: 'Pull the plug' }).click();
    await page.getByText('The power went.').waitFor();
    await page.locator(OTHER_CARD).click();
    await waitFor(page, 'ready');
    assert.is(await question(page).count(), 0);
  });
});

test('closing the tab is asked about while a guest runs, and only then', async () => {
  await visit({}, async (page) => {
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await bootGuest(page);
    const dialog = page.waitForEvent('dialog');
    await page.evaluate(() => location.reload());
    await dialog;
    assert.is(await page.locator('.console').getAttribute('data-phase'), 'atPrompt');
    await page.locator('.linux-side').getByRole('button', { name: 'Pull the plug' }).click();
    await page.getByText('The power went.').waitFor();
    await page.reload();
    await waitFor(page, 'ready');
    assert.equal(asked, ['beforeunload']);
  });
});

test('on a phone the question lies over the lanes, and the focus goes back to where scenes are opened', async () => {
  await visit({ viewport: PHONE }, async (page) => {
    await bootGuest(page);
    await openPanel(page, 'scenes');
    await page.locator(OTHER_CARD).click();
    await question(page).waitFor();
    await page.keyboard.press('Escape');
    await question(page).waitFor({ state: 'detached' });
    assert.is((await factsOf(page)).scene, 'your-linux');
    assert.is(await page.locator(':focus').textContent(), 'Scenes');
  });
});

run();
