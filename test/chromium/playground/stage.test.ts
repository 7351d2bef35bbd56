// test-timeout: 120
// The lanes in Chromium: every mark has a name, the keyboard reaches it, words can be read in both themes, nothing moves for a reader who
// asked for that, and the picture of them stands alone.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { PHONE, playgroundSuite, WIDE, waitForStep } from '../support/page.ts';

/** WCAG 2.2 §1.4.3, level AA. */
const LEAST_CONTRAST = 4.5;
/** Of the first scene: pages, requests on the ring and at the drive are all there. */
const BUSY_STEP = 35;

const { test, visit, run } = playgroundSuite('lanes in Chromium');

/** Shows the moment behind `step` steps. */
async function seek(page: Page, step: number): Promise<void> {
  await page.waitForFunction(
    (least) => Number(document.querySelector('main')?.dataset.stepCount) >= least,
    step,
  );
  await page.$eval(
    'input[type="range"]',
    (slider, value) => {
      (slider as HTMLInputElement).value = String(value);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    },
    step,
  );
  await waitForStep(page, step);
  await page.waitForSelector('svg.stack .mark');
}

test('every mark has a key and a sentence for its name, and no name is an empty one', async () => {
  await visit({ viewport: WIDE }, async (page) => {
    await seek(page, BUSY_STEP);
    const marks = await page.$$eval('svg.stack .mark', (all) =>
      all.map((mark) => ({
        key: mark.getAttribute('data-key'),
        name: mark.getAttribute('aria-label') ?? '',
      })),
    );
    assert.ok(marks.length > 10);
    for (const { key, name } of marks) {
      assert.ok(key, name);
      assert.match(name, /^[\w ]+.*(,|:) /, `${key}`);
    }
  });
});

test('Tab goes from lane to lane, arrows from mark to mark, Enter selects', async () => {
  await visit({ viewport: WIDE }, async (page) => {
    await seek(page, BUSY_STEP);
    const lanes = await page.$$('svg.stack .lane');
    await lanes[1]?.focus();
    const active = (): Promise<string | null | undefined> =>
      page.evaluate(() => {
        const id = document.activeElement?.getAttribute('aria-activedescendant');
        return id === null || id === undefined ? id : document.getElementById(id)?.getAttribute('aria-label');
      });
    assert.not.ok(await active());
    await page.keyboard.press('ArrowRight');
    const first = await active();
    assert.match(first ?? '', /^page /);
    await page.keyboard.press('ArrowRight');
    const second = await active();
    assert.match(second ?? '', /^page /);
    assert.is.not(second, first);
    await page.keyboard.press('Home');
    assert.is(await active(), first);
    await page.keyboard.press('Enter');
    const selected = await page.$eval('.mark[data-selected]', (mark) => mark.getAttribute('aria-label'));
    assert.is(selected, first);
    assert.ok((await page.$$('.mark[data-related]')).length > 0);
    await page.keyboard.press('Tab');
    const lane = await page.evaluate(() => document.activeElement?.getAttribute('data-lane'));
    assert.is(lane, '2');
    assert.is(await page.$eval('main', (main) => main.dataset.step), String(BUSY_STEP));
  });
});

test('what is hovered is told by its ring, and what does not belong to it is dimmed', async () => {
  await visit({ viewport: WIDE }, async (page) => {
    await seek(page, BUSY_STEP);
    await page.hover('svg.stack .page >> nth=0');
    await page.waitForSelector('.mark[data-hovered]');
    const opacities = await page.$$eval('svg.stack .page', (pages) =>
      pages.map((each) => Number(getComputedStyle(each).opacity)),
    );
    assert.is(opacities[0], 1);
    assert.ok(opacities.slice(1).every((opacity) => opacity < 1));
  });
});

test('for a reader who asked for less motion nothing in the lanes moves', async () => {
  await visit({ viewport: WIDE, reducedMotion: 'reduce' }, async (page) => {
    await seek(page, BUSY_STEP);
    const durations = await page.$$eval('svg.stack *', (all) => [
      ...new Set(all.flatMap((each) => getComputedStyle(each).transitionDuration.split(', '))),
    ]);
    assert.equal(durations, ['0s']);
    assert.is(await page.evaluate(() => document.getAnimations().length), 0);
  });
});

test('for others a step is a movement', async () => {
  await visit({ viewport: WIDE, reducedMotion: 'no-preference' }, async (page) => {
    await page.keyboard.press('Escape');
    await seek(page, BUSY_STEP);
    await seek(page, BUSY_STEP + 1);
    const duration = await page.$eval('svg.stack .mark', (mark) => getComputedStyle(mark).transitionDuration);
    assert.is.not(duration, '0s');
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [WIDE, PHONE]) {
    test(`words in the lanes have a contrast of ${LEAST_CONTRAST} in ${colorScheme} at ${viewport.width}`, async () => {
      await visit({ viewport, colorScheme }, async (page) => {
        for (const step of [8, BUSY_STEP]) {
          await seek(page, step);
          assert.equal(await page.evaluate(lowContrast, LEAST_CONTRAST), [], `step ${step}`);
        }
      });
    });
  }
}

test('lanes fit a screen of 320 pixels', async () => {
  await visit({ viewport: { width: 320, height: 640 } }, async (page) => {
    await seek(page, BUSY_STEP);
    const [drawn, room] = await page.$eval('svg.stack', (svg) => [
      svg.getBoundingClientRect().right,
      document.documentElement.clientWidth,
    ]);
    assert.ok((drawn ?? 0) <= (room ?? 0) + 1, `${drawn} in ${room}`);
  });
});

/** Runs in the page: every text of the lanes whose colour is too near to what lies behind it. */
function lowContrast(least: number): string[] {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('no canvas');
  const luminance = (color: string): number => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const pageGround = (element: Element | null): string => {
    if (element === null) return 'white';
    const color = getComputedStyle(element).backgroundColor;
    return color === 'rgba(0, 0, 0, 0)' ? pageGround(element.parentElement) : color;
  };
  const isPlain = (fill: string): boolean => fill !== 'none' && !fill.startsWith('url');
  /** The plain shape behind a mark's words: its plate, else its body; outside marks the strip's ground, else the page's. */
  const behind = (text: Element): string => {
    const shapes = [
      ...(text.closest('.mark')?.querySelectorAll('.plate, .body') ?? []),
      ...(text.matches('.strip-empty')
        ? (text.closest('.strip')?.querySelectorAll('.strip-ground') ?? [])
        : []),
    ].map((shape) => getComputedStyle(shape).fill);
    return shapes.reverse().find(isPlain) ?? pageGround(text);
  };
  return [...document.querySelectorAll('svg.stack text')].flatMap((text) => {
    if (text.textContent === '') return [];
    const pair = [luminance(getComputedStyle(text).fill), luminance(behind(text))];
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    return contrast < least ? [`${text.textContent}: ${contrast.toFixed(2)}`] : [];
  });
}

run();
