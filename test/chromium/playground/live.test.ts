// test-timeout: 120
// While a live machine has the lanes, every other part of the page works or says why it does not; a scene that is opened ends the machine and gives back
// what it held, and a live machine ends the scene.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { factsOf, playgroundSuite, waitFor } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('live machines on the page');
let profile: string;

test.before(async () => {
  profile = await mkdtemp(join(tmpdir(), 'sectorlab-live-'));
});

test.after(async () => {
  await rm(profile, { recursive: true, force: true });
});

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });
const problems = (page: Page) => page.locator('.problem').allTextContents();
const liveWorkers = (page: Page): number =>
  page.workers().filter((worker) => worker.url().includes('live.js')).length;

/** Makes or opens the disk, and writes a file that nobody syncs. */
async function useDisk(page: Page, name = 'note.txt'): Promise<void> {
  // the button of an open panel closes it
  if ((await page.locator('.disk').count()) === 0) await button(page, 'Your disk').click();
  await page.getByRole('button', { name: /^(Make the disk|Open it)$/ }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await button(page, 'Write').click();
  await page.locator('.disk-name', { hasText: name }).waitFor();
}

test('panels about scenes say that the machine is live, and lead to its own panel', async () => {
  await visit({}, async (page) => {
    const address = page.url();
    await useDisk(page);
    for (const name of ['Knobs', 'Pull the plug']) {
      await tab(page, name).click();
      const said = page.locator('.while-live', { hasText: 'This machine is live' });
      await button(page, 'Charts').click();
      await said.getByRole('button', { name: 'Show your disk' }).first().click();
      await page.locator('.disk').waitFor();
    }
    await tab(page, 'Editor').click();
    assert.is(await button(page, 'Start from this scene').isDisabled(), true);
    await button(page, 'Share').click();
    await page.getByText('A live machine has no link').waitFor();
    assert.is(await page.locator('#share-link').count(), 0);
    assert.is(await page.getByRole('button', { name: /^Records.*JSON Lines$/ }).isEnabled(), true);
    await page.keyboard.press('Escape');
    assert.is(page.url(), address, 'what is live is in no address');
    assert.equal(await problems(page), []);
  });
});

test('the lanes, the records and the charts tell of a live run; keys go to its past and back to now', async () => {
  await visit({}, async (page) => {
    await useDisk(page);
    await page.locator('.lanes [aria-label*="of /note.txt"]').first().waitFor({ state: 'attached' });
    await button(page, 'Charts').click();
    await page.locator('.chart-facts').first().waitFor({ state: 'attached' });
    await page.locator('main').evaluate(() => (document.activeElement as HTMLElement)?.blur());
    await page.keyboard.press('ArrowLeft');
    await waitFor(page, 'paused');
    const before = await factsOf(page);
    assert.ok(before.step < before.stepCount);
    await button(page, 'Back to now').waitFor();
    await page.keyboard.press('End');
    await waitFor(page, 'playing');
    await page.waitForSelector(`main[data-step="${before.stepCount}"]`, { state: 'attached' });
    assert.equal(await problems(page), []);
  });
});

test('a scene that is opened closes the disk, with everything written; the disk takes the lanes back', async () => {
  await visit({ profile }, async (page) => {
    await useDisk(page, 'unsynced.txt');
    assert.is(liveWorkers(page), 1);
    await tab(page, 'Scenes').click();
    await page.locator('.scene-card').nth(1).click();
    await waitFor(page, 'ready');
    await page.getByText('everything was written, and the disk is closed').waitFor();
    assert.is(liveWorkers(page), 0);
    const { scene } = await factsOf(page);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await useDisk(other, 'second.txt');
    assert.equal(await other.locator('.disk-name').allTextContents(), ['unsynced.txt', 'second.txt']);
    await other.close();
    await button(page, 'To the end').click();
    await waitFor(page, 'finished');
    assert.is((await factsOf(page)).scene, scene);
    await useDisk(page, 'third.txt');
    assert.is((await factsOf(page)).scene, 'your-disk');
    await page.goBack();
    await page.getByText('everything was written, and the disk is closed').waitFor();
    await waitFor(page, 'ready');
    assert.is((await factsOf(page)).scene, scene);
    assert.equal(await problems(page), []);
  });
});

test('a run with as many records as the page keeps is followed by one that goes on, and the page says so', async () => {
  await visit({}, async (page) => {
    await page.route('**/live.js', async (route) => {
      const response = await route.fetch();
      const script = await response.text();
      assert.is(script.split('4e5').length, 2, 'the one limit of a run');
      await route.fulfill({ response, body: script.replace('4e5', '600') });
    });
    await useDisk(page);
    const note = page.locator('.live-note');
    for (let count = 0; (await note.textContent()) === ''; count++) {
      assert.ok(count < 40, 'a run has an end');
      await page.getByLabel('Name', { exact: true }).fill(`file${count}`);
      await page.getByLabel('Text', { exact: true }).fill('much '.repeat(4000));
      await button(page, 'Write').click();
      await page.locator('.disk-name', { hasText: `file${count}` }).waitFor();
    }
    assert.match((await note.textContent()) ?? '', /goes on from there.*disk are as they were/);
    await waitFor(page, 'playing');
    assert.is((await factsOf(page)).scene, 'your-disk');
    const dirty = /(\d+) dirty page/.exec((await page.locator('.disk-state').textContent()) ?? '')?.[1];
    assert.ok(Number(dirty) > 5);
    await page.locator('#panel-inspector', { hasText: `${dirty} dirty` }).waitFor();
    await button(page, 'Pull the plug').last().click();
    await page.locator('.live-news', { hasText: 'The power went.' }).waitFor();
    assert.is(await note.textContent(), '', 'a new machine begins a run of its own');
    assert.equal(await problems(page), []);
  });
});

test('a scene that is dropped on the page ends the live machine; files for Linux are judged where they are dropped', async () => {
  await visit({}, async (page) => {
    const drop = (target: string, text: string): Promise<void> =>
      page.evaluate(
        ([where, content]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([content as string], 'own.txt'));
          const element = document.querySelector(where as string);
          for (const type of ['dragover', 'drop'])
            element?.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        },
        [target, text],
      );
    await useDisk(page);
    await drop('main', 'title Dropped\nclient app aio drive0\nchapter One\nwrite 0 4KiB\n');
    await page.locator('.top-scene', { hasText: 'Dropped' }).waitFor();
    await page.getByText('everything was written, and the disk is closed').waitFor();
    await button(page, 'Linux').click();
    await drop('.linux-files', 'no kernel');
    await page.getByText('own.txt is nothing that a guest starts from').waitFor();
    assert.is(await page.locator('.drop-overlay').count(), 0);
    assert.equal(await problems(page), []);
  });
});

run();
