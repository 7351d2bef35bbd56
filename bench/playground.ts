// How smoothly the playground plays a scene of 10,000 requests, and how long a jump to any moment of it takes.
//
// In headless Chromium without a graphics card, on a screen of 1440 by 900. The limit of the same run is an empty page: the frames that this
// browser can show when nothing is drawn.

import { existsSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { servePlayground } from '../src/cli/playground.ts';
import { TEN_THOUSAND } from '../src/playground/scenes/ten-thousand.ts';
import { EXECUTABLE, factsOf, openBrowser, visitPage, WIDE, waitFor } from '../test/chromium/support/page.ts';
import { count, printTable, times } from './table.ts';

export const title = 'frames a second of the page while it plays 10,000 requests';

const WATCH_MS = 4000;
const JUMPS = 60;
/** Playing begins here: at the start a reader is given time to read, and nothing moves. */
const BEGIN_PART = 0.3;
const SLIDER = 'input[type="range"][aria-valuetext]';
const SPEEDS = ['¼×', '1×', '4×'];

/** Frames that the page shows while `WATCH_MS` pass: how many a second, and the longest time without one. */
function watchFrames(page: Page): Promise<{ perSecond: number; longestMs: number }> {
  return page.evaluate(
    (watchMs) =>
      new Promise((resolve) => {
        const times: number[] = [];
        const take = (now: number): void => {
          times.push(now);
          const [first = now] = times;
          if (now - first < watchMs) {
            requestAnimationFrame(take);
            return;
          }
          const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
          resolve({ perSecond: (gaps.length * 1000) / (now - first), longestMs: Math.max(...gaps) });
        };
        requestAnimationFrame(take);
      }),
    WATCH_MS,
  );
}

/** Milliseconds from asking for a moment to the frame behind the one that shows it: median and worst of random moments. */
function watchJumps(page: Page): Promise<{ medianMs: number; worstMs: number }> {
  return page.evaluate(async (jumps) => {
    const slider = document.querySelector<HTMLInputElement>('input[type="range"][aria-valuetext]');
    if (slider === null) throw new Error('the page has no slider');
    const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    const taken: number[] = [];
    for (let index = 1; index <= jumps; index++) {
      const step = Math.floor(Number(slider.max) * ((index * 0.618034) % 1));
      await frame();
      const begun = performance.now();
      slider.value = String(step);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      await frame();
      await frame();
      taken.push(performance.now() - begun);
    }
    taken.sort((left, right) => left - right);
    return { medianMs: taken[jumps >> 1] ?? 0, worstMs: taken.at(-1) ?? 0 };
  }, JUMPS);
}

export async function run(): Promise<void> {
  if (!existsSync(EXECUTABLE)) {
    console.log(`  not measured: ${EXECUTABLE} is missing`);
    return;
  }
  const server = await servePlayground({ port: 0 });
  const browser = await openBrowser();
  try {
    const empty = await browser.newPage({ viewport: WIDE });
    // the loader that runs this (tsx) keeps function names by a helper, which a page does not have
    await empty.addInitScript('globalThis.__name = (body) => body');
    await empty.goto('about:blank');
    const limit = await watchFrames(empty);
    await empty.close();
    const rows = [['empty page', '', count(limit.perSecond), times(1), `${limit.longestMs.toFixed(0)} ms`]];
    const link = `#scene=${TEN_THOUSAND.id}&step=1`;
    await visitPage(browser, server.url, { link, reducedMotion: 'no-preference' }, async (page) => {
      await page.waitForSelector('.clock:not(:has-text("playing ahead"))');
      const begin = Math.floor((await factsOf(page)).stepCount * BEGIN_PART);
      for (const speed of SPEEDS) {
        await page.selectOption('select[aria-label="Speed"]', { label: speed });
        await page.locator(SLIDER).fill(String(begin));
        const before = await factsOf(page);
        await page.keyboard.press('Space');
        await waitFor(page, 'playing');
        const seen = await watchFrames(page);
        const after = await factsOf(page);
        const stepsASecond = ((after.step - before.step) * 1000) / WATCH_MS;
        if (after.state === 'playing') await page.keyboard.press('Space');
        rows.push([
          `playing at ${speed}`,
          `${count(stepsASecond)} steps/s`,
          count(seen.perSecond),
          times(seen.perSecond / limit.perSecond),
          `${seen.longestMs.toFixed(0)} ms`,
        ]);
      }
      const jumps = await watchJumps(page);
      const { stepCount } = await factsOf(page);
      printTable(['', 'pace', 'frames/s', 'of the limit', 'longest frame'], rows);
      console.log(
        `\n  a jump to any of ${count(stepCount)} steps, drawn: median ${jumps.medianMs.toFixed(0)} ms, worst ${jumps.worstMs.toFixed(0)} ms`,
      );
    });
  } finally {
    await browser.close();
    await server.close();
  }
}
