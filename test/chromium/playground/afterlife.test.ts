// test-timeout: 90
// Behind a crash in Chromium: the machine stands at steps of the boot, the plug is pulled again in it, and the scene's rest is played on what survived.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { exploreDevice } from '../../../src/index.ts';
import { factsOf, playgroundSuite, waitForStep } from '../support/page.ts';
import { openPanel, seekTo } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('behind a crash in Chromium');

/** Pulls the plug at the moment that is shown, keeps what is said, and boots. */
async function crash(page: Page, preset: string): Promise<void> {
  await page.locator('.plug .pull').click();
  await page.locator('.plug[data-mode="choosing"]').waitFor();
  const choice = page.locator('.plug-presets').getByRole('button', { name: preset });
  if ((await choice.count()) > 0) await choice.click();
  await page.getByRole('button', { name: 'Boot what is left' }).click();
  await page.locator('.plug[data-mode="survivor"]').waitFor();
}

const strip = (page: Page) => page.getByRole('region', { name: 'After the crash' });

test('a crash in recovery, and one in what came after it: each boots, each leads back to its own moment', async () => {
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPanel(page, 'plug');
    const { stepCount } = await factsOf(page);
    const first = Math.round(stepCount * 0.3);
    await seekTo(page, first);
    await crash(page, 'Keep all');
    const booted = await factsOf(page);
    assert.ok(booted.stepCount > 2 && booted.step === 0);
    assert.is(await page.locator('.cut-mark').count(), 1);
    const second = Math.round(booted.stepCount / 2);
    await seekTo(page, second);
    const { recordHash } = await factsOf(page);
    // the machine has been put back to this step of the boot, and has made the same records
    await page.locator('.replayed .label').waitFor();
    await crash(page, 'Lose all');
    assert.match((await strip(page).textContent()) ?? '', /of what came after the one before/);
    await page.locator('.outcome[data-broken="false"]').waitFor();
    await strip(page).getByRole('button', { name: 'Back to before the cut' }).click();
    await waitForStep(page, second);
    assert.is((await factsOf(page)).recordHash, recordHash, 'in the boot again');
    assert.is(await page.locator('.cut-mark').count(), 2);
    await page.getByRole('button', { name: 'Plug it in again' }).click();
    await strip(page).getByRole('button', { name: 'Back to before the cut' }).click();
    await waitForStep(page, first);
    assert.is(await strip(page).count(), 0);
  });
});

test('the rest of the scene is played on what survived, with its captions, and ends well', async () => {
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPanel(page, 'plug');
    const { stepCount } = await factsOf(page);
    await seekTo(page, Math.round(stepCount * 0.55));
    await crash(page, 'Lose all');
    await page.locator('.play-rest').click();
    await page.waitForFunction(
      (least) => Number(document.querySelector('main')?.dataset.stepCount) > least,
      20,
    );
    const rest = await factsOf(page);
    assert.ok(rest.step > 0 && rest.step < rest.stepCount, `step ${rest.step} of ${rest.stepCount}`);
    await seekTo(page, rest.step + 1);
    assert.match((await page.textContent('.captions')) ?? '', /Transaction \d: into the log/);
    await seekTo(page, rest.stepCount);
    await page.getByRole('heading', { name: 'The end, on what survived' }).waitFor();
    await page.locator('.replayed .label').waitFor();
    assert.ok((await page.locator('.notes .note').count()) > 0, 'a note that a record has proved');
    await crash(page, 'Lose all');
    assert.match((await page.textContent('.outcome-sentence')) ?? '', /2 transactions, whole/);
    assert.match((await page.textContent('.plug')) ?? '', /nothing left to do/);
  });
});

test('where a search over every crash is not for a scene, the page says why; where it is, what counts as lost', async () => {
  await visit({ link: '#scene=lying-drive' }, async (page) => {
    await openPanel(page, 'plug');
    assert.match((await page.textContent('.explore')) ?? '', /has 2 drives\. .* scenes on one drive only/);
  });
  await visit({ link: '#scene=rename-replace' }, async (page) => {
    await openPanel(page, 'plug');
    assert.match((await page.textContent('.explore')) ?? '', /files of a volume\. .* one plain drive only/);
  });
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPanel(page, 'plug');
    assert.match((await page.textContent('.explore')) ?? '', /the page cache counts as lost, all of it/);
  });
});

test('a recipe of a workload that is not in the page draws its smallest failing case all the same', async () => {
  const { findings } = await exploreDevice<number>({
    flushes: false,
    tearing: 'none',
    workload({ device, ack }) {
      device.write(0, new Uint8Array(1024).fill(1));
      device.write(8, new Uint8Array(1024).fill(2));
      device.flush();
      ack(1);
    },
    recover({ device }) {
      if (device.read(8, 1)[0] !== 0 && device.read(0, 1)[0] !== 1) throw new Error('no log record');
    },
  });
  const json = JSON.stringify(findings[0]?.recipe);
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPanel(page, 'plug');
    await page.locator('#recipe-file').setInputFiles({
      name: 'foreign.json',
      mimeType: 'application/json',
      buffer: Buffer.from(json),
    });
    const drawn = page.getByRole('region', { name: 'The case of foreign.json' });
    await drawn.waitFor();
    assert.match((await drawn.textContent()) ?? '', /Recovery says: no log record\..* is not in this page/);
    assert.is(await drawn.locator('[data-fate="missing"][data-culprit="true"]').count(), 1);
    assert.is(await drawn.locator('[data-kind="crash"]').count(), 1);
    assert.ok((await drawn.locator('.case-rows svg').count()) >= 2, 'writes are bars on the address axis');
  });
});

run();
