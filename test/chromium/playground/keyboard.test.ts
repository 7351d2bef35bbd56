// test-timeout: 180
// The keyboard alone: everything is reached, nothing holds the focus, what has it shows it, and each key does what the help says.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { FIRST_SCENE, SCENES } from '../../../src/playground/scenes/index.ts';
import { KEYS } from '../../../src/playground/shell/keys.ts';
import { factsOf, MEDIUM, PHONE, playgroundSuite, WIDE, waitFor, waitForStep } from '../support/page.ts';
import { focusByKeys, openPanel, PANEL_NAMES, PLACES, pressByKeys } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('playground by keyboard');
/** Presses of Tab between two looks at whether the page was left. */
const TABS_A_LOOK = 25;
const MOST_STOPS = 600;

interface Walk {
  readonly faults: string[];
  readonly unreached: string[];
  readonly stopCount: number;
  readonly isOut: boolean;
}

/** Runs in the page: from now on every stop of the focus is looked at. */
function watchFocus(): void {
  const seen = new Set<Element>();
  const faults = new Set<string>();
  const focusedLooks = new Map<Element, string>();
  let isOut = false;
  const nameOf = (element: Element): string =>
    `${element.tagName} ${element.getAttribute('class')} "${element.getAttribute('aria-label') ?? element.textContent?.slice(0, 40)}"`;
  /** What may show the focus: an outline of its own or of what lies around it, or what its style draws only then (a lane's ground). */
  const looks = (element: Element): string =>
    [element, ...element.children, element.parentElement ?? element]
      .map((each) => {
        const { outlineStyle, outlineWidth, outlineColor, stroke, strokeWidth, boxShadow } =
          getComputedStyle(each);
        const outline =
          outlineStyle === 'none' ? outlineStyle : `${outlineStyle} ${outlineWidth} ${outlineColor}`;
        return [outline, stroke, strokeWidth, boxShadow].join();
      })
      .join(';');
  document.addEventListener('focusin', ({ target }) => {
    const element = target as Element;
    if (element === document.body) return;
    seen.add(element);
    const { width, height } = element.getBoundingClientRect();
    if (width === 0 || height === 0) faults.add(`${nameOf(element)} has the focus and no size`);
    focusedLooks.set(element, looks(element));
  });
  document.addEventListener('focusout', ({ target, relatedTarget }) => {
    if (relatedTarget === null) isOut = true;
    const left = target as Element;
    const focused = focusedLooks.get(left);
    requestAnimationFrame(() => {
      if (left !== document.activeElement && left.isConnected && focused === looks(left))
        faults.add(`${nameOf(left)} does not show that it has the focus`);
    });
  });
  /** Controls that Tab should stop at, in what lies over the page if anything does. */
  const unreached = (): string[] => {
    const inside = document.querySelector('dialog[open]') ?? document;
    return [
      ...inside.querySelectorAll<HTMLElement>(
        'button, input, select, textarea, summary, a[href], [tabindex]',
      ),
    ]
      .filter((element) => {
        const isRadio = element instanceof HTMLInputElement && element.type === 'radio' && !element.checked;
        const isFolded = element.closest('details:not([open])') !== null && element.tagName !== 'SUMMARY';
        const isNoStop = element.matches(':disabled') || element.tabIndex < 0 || isRadio || isFolded;
        return !isNoStop && element.getClientRects().length > 0 && !seen.has(element);
      })
      .map((element) => `${nameOf(element)} is not reached`);
  };
  Object.assign(globalThis, {
    walked: (): Walk => ({ faults: [...faults], unreached: unreached(), stopCount: seen.size, isOut }),
    walkAnew: async () => {
      document.body.tabIndex = -1;
      document.body.focus();
      // what had the focus by a click is judged by the frame after
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      seen.clear();
      faults.clear();
      focusedLooks.clear();
      isOut = false;
    },
  });
}

async function pressTab(page: Page, times: number): Promise<void> {
  for (let at = 0; at < times; at++) await page.keyboard.press('Tab');
}

/** Goes through the page, or what lies over it, by Tab until it is left; every control was stopped at, and showed it. */
async function assertWalked(page: Page, what: string): Promise<void> {
  await page.evaluate('walkAnew()');
  let walk: Walk;
  let tabs = 0;
  do {
    await pressTab(page, TABS_A_LOOK);
    tabs += TABS_A_LOOK;
    walk = await page.evaluate('walked()');
    assert.ok(tabs < MOST_STOPS, `${what}: Tab has not left the page after ${tabs} stops`);
  } while (!walk.isOut);
  // a dialog gives the focus to something in its middle first
  if (walk.unreached.length > 0) await pressTab(page, walk.unreached.length + 1);
  walk = await page.evaluate('walked()');
  assert.equal([...walk.faults, ...walk.unreached], [], what);
  assert.ok(walk.stopCount > 1, `${what}: ${walk.stopCount} stops`);
}

for (const [name, viewport] of [
  ['wide', WIDE],
  ['medium', MEDIUM],
  ['phone', PHONE],
] as const) {
  test(`on a ${name} screen Tab goes to every control and out, and the focus can be seen`, async () => {
    await visit({ viewport, link: `#v1&scene=${FIRST_SCENE.id}&machine.seed=7&step=35` }, async (page) => {
      await page.evaluate(watchFocus);
      await assertWalked(page, 'the lanes alone');
      for (const panel of PANEL_NAMES) {
        if (PLACES[panel].home === 'dialog' && name !== 'phone') continue;
        await openPanel(page, panel);
        await assertWalked(page, panel);
      }
    });
  });
}

test('by keys alone: a scene chosen and stepped, a page kept, a knob turned, the plug pulled, and booted', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('g');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`main[data-scene="${SCENES[1]?.id}"][data-state="ready"]`);
    await page.keyboard.press('g');
    await page.waitForSelector('.scene-card:focus');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.waitForSelector(`main[data-scene="${FIRST_SCENE.id}"][data-state="ready"]`);
    for (let step = 1; step <= 35; step++) await page.keyboard.press('ArrowRight');
    await waitForStep(page, 35);
    await focusByKeys(page, 'svg.stack .lane[data-lane="1"]');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.mark[data-selected]');
    await page.keyboard.press('i');
    await page.waitForSelector('#panel-inspector:focus, #panel-inspector :focus');
    await pressByKeys(page, 'Let go');
    await page.waitForSelector('.mark[data-selected]', { state: 'detached' });
    await turnKnobByKeys(page);
    const { step } = await factsOf(page);
    await page.keyboard.press('p');
    await page.waitForSelector('.pull:focus');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.plug:not([data-mode="idle"])');
    await pressByKeys(page, 'Boot what is left');
    await page.waitForSelector('.outcome');
    await pressByKeys(page, 'Back to before the cut');
    await page.waitForSelector('.plug[data-mode="choosing"]');
    await pressByKeys(page, 'Plug it in again');
    await page.waitForSelector('.plug[data-mode="idle"]');
    assert.is((await factsOf(page)).step, step);
  });
});

async function turnKnobByKeys(page: Page): Promise<void> {
  const { recordHash } = await factsOf(page);
  await page.keyboard.press('k');
  await page.waitForSelector('.knob-search:focus');
  await page.keyboard.type('cache size');
  await focusByKeys(page, '[data-knob="machine.cache"] input[type="text"]');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('32KiB');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-knob="machine.cache"][data-changed="true"]');
  await page.waitForSelector(`main[data-state="paused"]:not([data-record-hash="${recordHash}"])`);
  await page.keyboard.press('Escape');
  await focusByKeys(page, '.play-button');
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
