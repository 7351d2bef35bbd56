// test-timeout: 60
// The keyboard alone: everything is reached, nothing holds the focus, what has it shows it, and each key does what the help says.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { SCENES } from '../../../src/playground/scenes/index.ts';
import { KEYS } from '../../../src/playground/shell/keys.ts';
import { factsOf, MEDIUM, PHONE, playgroundSuite, WIDE, waitFor, waitForStep } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('playground by keyboard');
const MOST_STOPS = 400;

interface Stop {
  readonly name: string;
  readonly isVisible: boolean;
  readonly hasOutline: boolean;
}

/** Where the focus is, and whether a reader can see that. */
function stopOf(page: Page): Promise<Stop> {
  return page.evaluate(() => {
    const focused = document.activeElement as HTMLElement;
    const { width, height } = focused.getBoundingClientRect();
    const own = getComputedStyle(focused);
    // a lane shows it by a line around its ground
    const ground = focused.querySelector('.lane-ground');
    const name = `${focused.tagName} ${focused.className} ${focused.getAttribute('aria-label') ?? focused.textContent?.slice(0, 40)}`;
    return {
      name,
      isVisible: width > 0 && height > 0,
      hasOutline:
        focused === document.body ||
        (own.outlineStyle !== 'none' && own.outlineWidth !== '0px') ||
        (ground !== null && getComputedStyle(ground).stroke !== 'none'),
    };
  });
}

/** Every place that Tab stops at, until it comes to the page's first again. */
async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = [];
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
  });
  for (let at = 0; at < MOST_STOPS; at++) {
    await page.keyboard.press('Tab');
    const isOutside = await page.evaluate(
      () => document.activeElement === document.body || document.activeElement === null,
    );
    if (isOutside) return stops;
    stops.push(await stopOf(page));
  }
  throw new Error(`Tab has not left the page after ${MOST_STOPS} stops; the last: ${stops.at(-1)?.name}`);
}

for (const [name, viewport] of [
  ['wide', WIDE],
  ['medium', MEDIUM],
  ['phone', PHONE],
] as const) {
  test(`on a ${name} screen Tab goes through the page and out, and the focus can be seen`, async () => {
    await visit({ viewport }, async (page) => {
      await page.keyboard.press('Shift+ArrowRight');
      const stops = await walk(page);
      assert.ok(stops.length > 10, `${stops.length} stops`);
      for (const { name: stop, isVisible, hasOutline } of stops) {
        assert.ok(isVisible, `${stop} has the focus and no size`);
        assert.ok(hasOutline, `${stop} does not show that it has the focus`);
      }
    });
  });
}

test('a scene is chosen, played, stepped and sought by keys', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('g');
    await page.waitForSelector('.scene-card:focus');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const other = SCENES[1]?.id as string;
    await page.waitForSelector(`main[data-scene="${other}"][data-state="ready"]`);
    await page.focus('.time-slider');
    await page.keyboard.press('ArrowRight');
    await waitForStep(page, 1);
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    await page.keyboard.press('Home');
    await waitFor(page, 'ready');
    await page.keyboard.press('Space');
    await waitFor(page, 'playing');
    await page.keyboard.press('Space');
    await page.waitForSelector('main:not([data-state="playing"])');
  });
});

test('tabs: arrows choose along the row, letters open from anywhere', async () => {
  await visit({}, async (page) => {
    await page.focus('#tab-inspector');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('#tab-records[aria-selected="true"]:focus');
    await page.keyboard.press('End');
    await page.waitForSelector('#tab-plug[aria-selected="true"]:focus');
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('#tab-inspector[aria-selected="true"]:focus');
    assert.is((await factsOf(page)).step, 0);
    for (const [key, panel] of Object.entries({ k: 'knobs', p: 'plug', i: 'inspector', g: 'scenes' })) {
      await page.focus('.play-button'); // a field that has the focus keeps letters
      await page.keyboard.press(key);
      await page.waitForSelector(`#panel-${panel}:focus, #panel-${panel} :focus`);
    }
  });
});

test('the help opens by ?, lists every key, keeps the focus, closes by Escape and gives the focus back', async () => {
  await visit({}, async (page) => {
    await page.focus('.speed');
    await page.focus('.play-button');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    const listed = await page.$$eval('dialog kbd', (all) => all.map((key) => key.textContent));
    assert.equal(
      listed,
      KEYS.map(({ shown }) => shown),
    );
    for (let at = 0; at < 5; at++) {
      await page.keyboard.press('Tab');
      const isInside = await page.evaluate(
        () => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
      );
      assert.ok(isInside);
    }
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.waitForSelector('.play-button:focus');
  });
});

test('a key is left to the control that has the focus', async () => {
  await visit({}, async (page) => {
    await page.focus('.play-button');
    await page.keyboard.press('Space');
    await waitFor(page, 'playing');
    await page.keyboard.press('Space');
    await waitFor(page, 'ready', 'paused');
    await page.keyboard.press('Home');
    await page.focus('.speed');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('g');
    assert.is((await factsOf(page)).step, 0);
    assert.is(await page.$('.scene-card:focus'), null);
  });
});

run();
