// test-timeout: 60
// Time: stepped, rewound, sought or played, the page stands at the same records as Node, and the machine agrees.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { FIRST_SCENE } from '../../../src/playground/scenes/index.ts';
import { type Played, playAhead } from '../../src/playground/support/engine.ts';
import { factsOf, playgroundSuite, waitFor, waitForStep } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('time in the playground');
let node: Played;

test.before(async () => {
  node = await playAhead(FIRST_SCENE);
});

async function assertAt(page: Page, step: number): Promise<void> {
  await waitForStep(page, step);
  const facts = await factsOf(page);
  assert.is(facts.stepCount, node.stepCount);
  assert.is(facts.recordHash, step === 0 ? '' : node.hashOf(step), `step ${step}`);
}

/** The machine was put back to the moment that is shown, and made the same records. */
async function assertReplayed(page: Page): Promise<void> {
  await page.waitForSelector('.replayed:has-text("same hash")');
  assert.is(await page.$('[role="alert"]'), null);
}

test('step by step to the end and all the way back it has the hashes of Node', async () => {
  await visit({}, async (page) => {
    for (let step = 1; step <= node.stepCount; step++) {
      await page.keyboard.press('ArrowRight');
      await assertAt(page, step);
    }
    await waitFor(page, 'finished');
    await assertReplayed(page);
    for (let step = node.stepCount - 1; step >= 0; step--) {
      await page.keyboard.press('ArrowLeft');
      await assertAt(page, step);
    }
    await waitFor(page, 'ready');
  });
});

test('the slider goes to any step, in any order, and the machine agrees', async () => {
  await visit({}, async (page) => {
    for (const step of [20, 3, node.stepCount, 1, 33]) {
      await page.fill('.time-slider', String(step));
      await assertAt(page, step);
      await assertReplayed(page);
    }
    const said = await page.getAttribute('.time-slider', 'aria-valuetext');
    assert.match(said ?? '', /^step 33 of \d+, [\d,]+ µs, chapter \d+: /);
  });
});

for (const speed of ['16', '0']) {
  test(`played at speed ${speed} it ends at the end, with the hash of Node`, async () => {
    await visit({}, async (page) => {
      await page.selectOption('.speed', speed);
      await page.keyboard.press('End');
      await page.keyboard.press('Shift+ArrowLeft');
      await page.click('.play-button');
      await waitFor(page, 'finished');
      await assertAt(page, node.stepCount);
    });
  });
}

test('from the end, play begins anew; pausing keeps the moment', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    await page.click('.play-button');
    await waitFor(page, 'playing');
    await page.waitForSelector('main[data-step="1"]');
    await page.click('.play-button');
    await waitFor(page, 'paused');
    const { step } = await factsOf(page);
    await assertReplayed(page);
    await assertAt(page, step);
  });
});

test('chapters: keys go from one to the next and back, a title goes to its own', async () => {
  await visit({}, async (page) => {
    const title = (): Promise<string | null> => page.textContent('.captions h2');
    for (const chapter of FIRST_SCENE.chapters) {
      await page.keyboard.press('Shift+ArrowRight');
      await page.waitForFunction(
        (name) => document.querySelector('.captions h2')?.textContent === name,
        chapter.title,
      );
    }
    await page.keyboard.press('Shift+ArrowLeft');
    await page.waitForFunction(
      (name) => document.querySelector('.captions h2')?.textContent === name,
      FIRST_SCENE.chapters.at(-2)?.title,
    );
    const third = FIRST_SCENE.chapters[3]?.title as string;
    await page.click(`.chapter-marks button:has-text("${third}")`);
    assert.is(await title(), third);
  });
});

test('a note leads to the step of its record, and is there again after any way back', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    const notes = await page.$$eval('.notes .note', (all) => all.map((note) => note.textContent));
    assert.ok(notes.length >= 2);
    await page.click('.notes li:last-child .note');
    await page.waitForSelector(`main:not([data-step="${node.stepCount}"])`);
    assert.is(await page.textContent('.notes li:first-child .note'), notes.at(-1));
    await page.keyboard.press('Home');
    await waitFor(page, 'ready');
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    assert.equal(await page.$$eval('.notes .note', (all) => all.map((note) => note.textContent)), notes);
  });
});

run();
