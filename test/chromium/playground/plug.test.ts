// test-timeout: 90
// The plug in Chromium: pulled by keys, chosen, booted, put back; a flush of the xv6 log switched off, its failing case drawn, stood at, and followed in Node.

import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { type Recipe, rerunDevice } from '../../../src/index.ts';
import { sceneSubject } from '../../../src/playground/plug/scene-subject.ts';
import { ALL_FLUSHES, xv6Scene } from '../../../src/playground/scenes/xv6-log.ts';
import { factsOf, playgroundSuite, waitFor, waitForStep } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('the plug in Chromium');

/** Shows the moment behind `step` steps, by the slider. */
async function seekTo(page: Page, step: number): Promise<void> {
  await page.locator('input[type="range"]').first().fill(String(step));
  await waitForStep(page, step);
}

/** Goes to a button by Tab and presses it. */
async function pressByKeys(page: Page, name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await button.waitFor();
  for (let tabs = 0; tabs < 60; tabs++) {
    if (await button.evaluate((element) => element === document.activeElement)) {
      await page.keyboard.press('Enter');
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach "${name}"`);
}

const HATCHED = '.plug[data-mode="choosing"] .uncertain > li';

test('pulled by keys, what was chosen comes up as a run that plays, and the moment before is there again with its choice', async () => {
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPlug(page);
    const { stepCount } = await factsOf(page);
    await seekTo(page, Math.round(stepCount * 0.62));
    const { step, recordHash } = await factsOf(page);
    await page.locator('.at-stake').first().waitFor();
    await page.locator('.plug-panel').focus();
    await pressByKeys(page, 'Pull the plug now');
    await page.locator(HATCHED).first().waitFor();
    const count = await page.locator(HATCHED).count();
    await pressByKeys(page, 'Keep all');
    assert.is(await page.locator(`${HATCHED}[data-fate="kept"]`).count(), count);
    await page.locator('.uncertain-write').first().press('Space');
    assert.is(await page.locator(`${HATCHED}[data-fate="lost"]`).count(), 1);
    await pressByKeys(page, `Try all ${2 ** count}`);
    const told = page.locator('.try-all [role="status"]');
    await told.filter({ hasText: 'none breaks a promise.' }).waitFor();
    await page.locator('.plug').getByRole('button', { name: 'Boot what is left' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.outcome[data-broken="false"]').waitFor();
    const strip = page.getByRole('region', { name: 'After the crash' });
    assert.match((await strip.textContent()) ?? '', new RegExp(`power cut at step ${step} of`));
    // the boot is a run as any other: played to its end, and stepped
    const booted = await factsOf(page);
    assert.ok(booted.step === 0 && booted.stepCount > 2, 'the boot has steps');
    await page.getByRole('button', { name: 'Play', exact: true }).first().click();
    await waitFor(page, 'finished');
    assert.not.equal((await factsOf(page)).recordHash, recordHash);
    await page.getByRole('heading', { name: 'It is up again' }).waitFor();
    await page.getByRole('button', { name: 'One step back' }).click();
    await waitForStep(page, booted.stepCount - 1);
    await strip.getByRole('button', { name: 'Back to before the cut' }).press('Enter');
    await page.locator('.plug[data-mode="choosing"]').waitFor();
    const after = await factsOf(page);
    assert.equal([after.scene, after.step, after.recordHash], ['xv6-log', step, recordHash]);
    assert.is(await page.locator(`${HATCHED}[data-fate="lost"]`).count(), 1, 'the choice is as it was');
    await pressByKeys(page, 'Plug it in again');
    await page.locator('.plug[data-mode="idle"]').waitFor();
  });
});

test('without a flush the xv6 log fails: the case is drawn, stood at, booted, and its recipe followed in Node', async () => {
  await visit({ link: '#scene=xv6-log' }, async (page) => {
    await openPlug(page);
    await page.locator('input[data-flush="log"]').uncheck();
    await page.locator('main[data-state="ready"]').waitFor();
    await page.locator('.explore-all').click();
    const found = page.locator('.failing-case').first();
    await found.waitFor({ timeout: 30_000 });
    assert.match((await found.textContent()) ?? '', /header of transaction \d can reach the media while/);
    assert.ok((await found.locator('[data-culprit="true"]').count()) >= 2);
    const waiting = page.waitForEvent('download');
    await found.getByRole('button', { name: 'Download the recipe' }).click();
    const recipe = await readFile(await (await waiting).path(), 'utf8');
    const { options } = sceneSubject(xv6Scene({ ...ALL_FLUSHES, log: false }));
    const followed = await rerunDevice(recipe, options);
    assert.is(followed.image.hash, (JSON.parse(recipe) as Recipe).image);
    assert.match(followed.error ?? '', /by halves/);
    await found.getByRole('button', { name: 'Show this moment' }).click();
    await page.locator(HATCHED).first().waitFor();
    await page.locator('.plug').getByRole('button', { name: 'Boot what is left' }).click();
    await page.locator('.outcome[data-broken="true"]').waitFor();
    assert.match((await page.textContent('.outcome-sentence')) ?? '', /by halves/);
    // the recipe opens here too, from a page whose scene has all its flushes
    await page.locator('input[data-flush="log"]').check();
    await page.locator('#recipe-file').setInputFiles({
      name: 'found.json',
      mimeType: 'application/json',
      buffer: Buffer.from(recipe),
    });
    await page.getByRole('region', { name: 'The case of found.json' }).waitFor({ timeout: 30_000 });
    assert.is(await page.locator('input[data-flush="log"]').isChecked(), false);
  });
});

async function openPlug(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Pull the plug' }).click();
  await page.locator('.plug').waitFor();
}

run();
