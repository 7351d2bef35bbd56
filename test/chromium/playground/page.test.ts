// test-timeout: 120
// The page as a whole: what a first visitor sees, links, themes, widths, and less motion.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { FIRST_SCENE, SCENES } from '../../../src/playground/scenes/index.ts';
import { assertFits, factsOf, PHONE, playgroundSuite, waitFor, waitForStep } from '../support/page.ts';
import { openPanel, PANEL_NAMES, type PanelName } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('playground page');
const WIDTHS = [320, 390, 768, 1100, 1440];
/** A first visitor has seen something move by then. */
const FIRST_MOVE_MS = 3000;

test('a first visit opens the first scene, says what it is about, and plays by itself', async () => {
  await visit({ reducedMotion: 'no-preference' }, async (page) => {
    await page.waitForSelector('main[data-state="playing"]', { timeout: FIRST_MOVE_MS });
    await page.waitForSelector('main:not([data-step="0"])', { timeout: FIRST_MOVE_MS });
    assert.is((await factsOf(page)).scene, FIRST_SCENE.id);
    const title = FIRST_SCENE.chapters[0]?.title as string;
    assert.is(await page.textContent('.captions h2'), title);
    assert.is(await page.title(), `${FIRST_SCENE.title} · sectorlab`);
  });
});

test('for a reader who asked for less motion nothing plays by itself, and nothing moves', async () => {
  await visit({ reducedMotion: 'reduce' }, async (page) => {
    assert.is((await factsOf(page)).state, 'ready');
    await page.keyboard.press('ArrowRight');
    await waitForStep(page, 1);
    const moving = await page.$$eval('*', (all) =>
      all
        .filter((element) => {
          const style = getComputedStyle(element);
          const times = `${style.transitionDuration}, ${style.animationName === 'none' ? '0s' : style.animationDuration}`;
          return times.split(', ').some((time) => time !== '0s' && time !== '0ms');
        })
        .map((element) => element.outerHTML.slice(0, 80)),
    );
    assert.equal(moving, []);
  });
});

test('at the end of a scene on a wide screen, every way on is whole and in sight', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('End');
    await page.waitForSelector('main[data-state="finished"] .ending button');
    const cut = await page.$$eval('.ending button', (buttons) =>
      buttons
        .filter((button) => {
          const { right, bottom } = button.getBoundingClientRect();
          const words = button.closest('.caption-words')?.getBoundingClientRect();
          return words === undefined || right > words.right + 1 || bottom > words.bottom + 1;
        })
        .map((button) => button.textContent),
    );
    assert.equal(cut, []);
  });
});

test('a link to a scene and a step opens them, and nothing plays', async () => {
  const other = SCENES[1] as (typeof SCENES)[number];
  await visit({ link: `#v1&scene=${other.id}&step=7`, reducedMotion: 'no-preference' }, async (page) => {
    await waitForStep(page, 7);
    const { scene, state } = await factsOf(page);
    assert.equal([scene, state], [other.id, 'paused']);
  });
});

test('a link that says nothing is told of in words, and the first scene is there', async () => {
  await visit({ link: '#scene=no-such-scene' }, async (page) => {
    await page.waitForSelector('[role="alert"]');
    assert.match(await page.innerText('[role="alert"]'), 'no-such-scene');
    assert.is((await factsOf(page)).scene, FIRST_SCENE.id);
    await page.click('[role="alert"] button');
    await page.waitForSelector('[role="alert"]', { state: 'detached' });
  });
});

test('the theme is the system’s until the reader chooses, and the choice outlives a reload', async () => {
  await visit({ colorScheme: 'dark' }, async (page) => {
    const ground = (): Promise<string> =>
      page.$eval('body', (body) => getComputedStyle(body).backgroundColor);
    const dark = await ground();
    await page.keyboard.press('t');
    await page.waitForSelector('html[data-theme="light"]');
    const light = await ground();
    assert.is.not(light, dark);
    await page.reload();
    await waitFor(page, 'ready');
    assert.is(await ground(), light);
  });
});

for (const width of WIDTHS) {
  test(`at ${width} pixels nothing scrolls sideways, at the start, in the middle, at the end, with any panel`, async () => {
    await visit({ viewport: { width, height: 800 } }, async (page) => {
      await assertFits(page, 'at the start');
      await page.keyboard.press('Shift+ArrowRight');
      await page.keyboard.press('Shift+ArrowRight');
      await assertFits(page, 'in the second chapter');
      await page.keyboard.press('End');
      await waitFor(page, 'finished');
      await assertFits(page, 'at the end');
      for (const name of PANEL_NAMES) {
        await openPanel(page, name);
        await assertPanelFits(page, name);
      }
    });
  });
}

async function assertPanelFits(page: Page, name: PanelName): Promise<void> {
  await assertFits(page, `panel ${name}`);
  const [content = 0, view = 0] = await page.$eval(`#panel-${name}`, (panel) => [
    panel.scrollWidth,
    panel.clientWidth,
  ]);
  assert.ok(content <= view, `panel ${name} is ${content} wide in ${view}`);
}

test('on a phone a scene is chosen from its sheet, and the lanes are there again', async () => {
  await visit({ viewport: PHONE, hasTouch: true }, async (page) => {
    await page.tap('.phone-bar button:has-text("Scenes")');
    const other = SCENES[1] as (typeof SCENES)[number];
    await page.tap(`[data-scene-id="${other.id}"]`);
    await page.waitForSelector(`main[data-scene="${other.id}"][data-state="ready"]`);
    assert.is(await page.$('dialog'), null);
  });
});

run();
