// test-timeout: 90
// A phone in the hand: taps, a dragged slider, small and turned screens, large text; and browsers that cannot show the page at all.

import type { BrowserContextOptions, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { assertFits, factsOf, PHONE, playgroundSuite, waitForStep } from '../support/page.ts';
import { closeSheet, openPanel, seekTo } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('the playground under a finger');

const FINGER: BrowserContextOptions = { viewport: PHONE, hasTouch: true, isMobile: true };
/** Of the first scene: pages in the cache, requests in flight. */
const BUSY_STEP = 20;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

async function boxOf(page: Page, selector: string): Promise<Box> {
  const box = await page.locator(selector).first().boundingBox();
  assert.ok(box !== null, `${selector} is nowhere`);
  return box as Box;
}

/** Puts one finger down, draws it along the places, and takes it off: as the screen tells it, so that the browser's own gestures take part. */
async function draw(page: Page, places: readonly (readonly [x: number, y: number])[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  for (const [index, [x, y]] of places.entries()) {
    const type = index === 0 ? 'touchStart' : 'touchMove';
    await session.send('Input.dispatchTouchEvent', { type, touchPoints: [{ x, y }] });
  }
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

test('a tap beside a mark selects it, says what it is, and leads to its history, with the lanes still in sight', async () => {
  await visit(FINGER, async (page) => {
    await seekTo(page, BUSY_STEP);
    const first = await boxOf(page, '.pages [data-key]');
    await page.touchscreen.tap(first.x + first.width / 2, first.y + first.height + 6);
    const words = await page.innerText('.peek');
    assert.match(words, /^Page \d+ of /);
    assert.match(words, /A page of the cache/);
    await page.tap('.peek button:has-text("Details")');
    await page.waitForSelector('#panel-inspector h4:has-text("History")');
    assert.is(await page.$('.peek'), null);
    const [lanes, sheet] = [await boxOf(page, '.lanes'), await boxOf(page, 'dialog')];
    assert.ok(lanes.y + lanes.height <= sheet.y && lanes.height > 200, 'the sheet stands below the lanes');
    const other = await boxOf(page, '.bars [data-key]');
    await page.touchscreen.tap(other.x + other.width / 2, other.y + other.height / 2);
    await page.waitForSelector('#panel-inspector h3:not(:has-text("Page"))');
    await closeSheet(page);
    await page.tap('.peek button[aria-label="Let go"]');
    assert.is(await page.$('.peek'), null);
  });
});

test('a finger along the time slider goes through the moments and moves nothing else', async () => {
  await visit(FINGER, async (page) => {
    await seekTo(page, 1);
    const { x, y, width, height } = await boxOf(page, '.time-slider');
    const middle = y + height / 2;
    await draw(
      page,
      [0.1, 0.3, 0.5, 0.7].map((part) => [x + width * part, middle - part * 60] as const),
    );
    const { step, stepCount } = await factsOf(page);
    assert.ok(Math.abs(step / stepCount - 0.7) < 0.05, `step ${step} of ${stepCount}`);
    const scrolled = await page.$$eval('*', (all) => all.filter((element) => element.scrollTop > 0).length);
    assert.is(scrolled, 0);
  });
});

test('what is pressed is large enough for a finger, in the page and in each panel', async () => {
  await visit(FINGER, async (page) => {
    await seekTo(page, BUSY_STEP);
    assert.equal(await smallTargets(page), [], 'the page');
    for (const name of ['scenes', 'knobs', 'editor', 'inspector', 'records', 'share', 'plug'] as const) {
      await openPanel(page, name);
      assert.equal(await smallTargets(page), [], name);
      await closeSheet(page);
    }
  });
});

/** Controls that are lower or narrower than 24 pixels, the least that WCAG 2.2 asks for. Text links in a sentence or a table may be. */
function smallTargets(page: Page): Promise<string[]> {
  return page.$$eval('button:not(.link), select, input:not(.unseen), summary, textarea', (all) =>
    all.flatMap((element) => {
      // a label is pressed as well as what it names
      const pressed = element.closest('label') ?? element;
      const { width, height } = pressed.getBoundingClientRect();
      return height === 0 || (width >= 24 && height >= 24) ? [] : [`${width}×${height} ${element.outerHTML}`];
    }),
  );
}

for (const [name, width, height] of [
  ['on its side', 844, 390],
  ['at four times the size, 320 by 256 pixels', 320, 256],
] as const) {
  test(`a phone ${name} shows lanes, words and time, and nothing sticks out`, async () => {
    await visit({ ...FINGER, viewport: { width, height } }, async (page) => {
      await seekTo(page, BUSY_STEP);
      await assertFits(page, name);
      for (const part of ['.captions', '.lanes', '.time', '.phone-bar']) {
        await page.locator(part).scrollIntoViewIfNeeded();
        const box = await boxOf(page, part);
        assert.ok(box.height >= 44 && box.width >= 44, `${part} is ${box.width}×${box.height}`);
      }
      await openPanel(page, 'plug');
      await assertFits(page, `${name}, the plug`);
    });
  });
}

test('with text of twice the size the lanes grow with it, and nothing sticks out', async () => {
  await visit(FINGER, async (page) => {
    const titleHeight = async (): Promise<number> => (await boxOf(page, '.lane-title')).height;
    const before = await titleHeight();
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '200%';
    });
    await page.setViewportSize({ ...PHONE, width: PHONE.width - 1 });
    await page.waitForFunction(
      (least) => (document.querySelector('.lane-title')?.getBoundingClientRect().height ?? 0) > least,
      before * 1.2,
    );
    await assertFits(page, 'the page');
    await openPanel(page, 'knobs');
    await assertFits(page, 'the knobs');
  });
});

test('with less motion nothing moves, not even while it plays', async () => {
  await visit(FINGER, async (page) => {
    await page.tap('.play-button');
    await page.waitForSelector('main[data-state="playing"]:not([data-step="0"])');
    const moving = await page.evaluate(() => {
      return document
        .getAnimations()
        .filter(
          ({ playState, effect }) => playState === 'running' && Number(effect?.getTiming().duration) > 0,
        )
        .map((animation) => (animation as CSSAnimation).animationName);
    });
    assert.equal(moving, []);
  });
});

test('in the system’s own colours marks keep their fill, and what is chosen is told from what is not', async () => {
  await visit({ ...FINGER, forcedColors: 'active' }, async (page) => {
    await seekTo(page, BUSY_STEP);
    const colours = await page.evaluate(() => {
      const of = (selector: string, name: string): string => {
        const element = document.querySelector(selector);
        return element === null ? 'nothing' : getComputedStyle(element).getPropertyValue(name);
      };
      return {
        ground: of('body', 'background-color'),
        text: of('.lane-title', 'fill'),
        mark: of('.cells-durable', 'fill'),
        primary: of('.primary', 'background-color'),
        other: of('.transport .quiet', 'background-color'),
      };
    });
    assert.is.not(colours.text, colours.ground);
    assert.is.not(colours.mark, colours.ground);
    assert.is.not(colours.mark, colours.text);
    assert.is.not(colours.primary, colours.other);
  });
});

const CANNOT: readonly (readonly [what: string, script: string, told: RegExp])[] = [
  ['WebAssembly', 'delete globalThis.WebAssembly', /lacks what it takes: WebAssembly/],
  [
    'workers made of modules',
    'globalThis.Worker = class { terminate() {} postMessage() {} addEventListener() {} }',
    /lacks what it takes: workers made of modules/,
  ],
];

for (const [what, script, told] of CANNOT) {
  test(`a browser without ${what} is told so in words`, async () => {
    await visit({ ...FINGER, before: script, begins: [] }, async (page) => {
      await page.waitForSelector('.plain:not(.late)');
      assert.match(await page.innerText('#app'), told);
      await assertFits(page, what);
    });
  });
}

test('without JavaScript the page says what it is and what it needs', async () => {
  await visit({ ...FINGER, javaScriptEnabled: false, begins: [] }, async (page) => {
    const words = await page.locator('body').innerText();
    assert.match(words, /Watch a write travel/);
    assert.match(words, /needs JavaScript/);
    assert.not.match(words, /has not begun/);
  });
});

test('on paper the words and all lanes are printed, and no buttons', async () => {
  await visit(FINGER, async (page) => {
    await seekTo(page, BUSY_STEP);
    await page.emulateMedia({ media: 'print' });
    assert.ok(await page.isVisible('.captions h2'));
    assert.is(await page.isVisible('.time'), false);
    assert.is(await page.isVisible('.phone-bar'), false);
    const [picture, lanes] = [await boxOf(page, '.stack'), await boxOf(page, '.lanes')];
    assert.ok(picture.y + picture.height <= lanes.y + lanes.height + 1, 'no lane is cut off');
    await page.emulateMedia({ media: 'screen' });
    await seekTo(page, BUSY_STEP + 1);
    await waitForStep(page, BUSY_STEP + 1);
  });
});

run();
