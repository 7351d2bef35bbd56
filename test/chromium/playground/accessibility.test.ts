// test-timeout: 180
// axe-core finds nothing serious in any view: wide and phone, light and dark, every panel as it is when something is in it, and what lies over the page.

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { factsOf, PHONE, playgroundSuite, WIDE, waitFor } from '../support/page.ts';
import { closeSheet, dragOver, openPanel, PANEL_NAMES, type PanelName, seekTo } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('accessibility of the playground');
const GRAVE: readonly unknown[] = ['serious', 'critical'];
/** Of the first scene: pages, requests on the ring and at the drive are all there. */
const BUSY_STEP = 35;
const BUSY = `#v1&scene=write-to-media&machine.seed=7&step=${BUSY_STEP}`;

interface PageWithAxe {
  readonly axe: { run(context: string): Promise<AxeResults> };
}

/** In both themes; `part` of the page, or all of it. */
async function assertClean(page: Page, view: string, part = 'html'): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(
      (context) => (globalThis as unknown as PageWithAxe).axe.run(context),
      part,
    );
    const grave = violations
      .filter(({ impact }) => GRAVE.includes(impact))
      .flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      );
    assert.equal(grave, [], `${view}, ${colorScheme}`);
  }
}

/** What makes a panel show more than it does at first. */
const FILLED: Partial<Record<PanelName, (page: Page) => Promise<unknown>>> = {
  knobs: (page) => page.waitForSelector('.knob-strip'),
  editor: async (page) => {
    await page.fill('#editor-text', 'title Broken\nchapter One\nscribble 0 4KiB\n');
    await page.waitForSelector('.editor-problems .fault');
    await page.click('.editor-words summary');
  },
  charts: (page) => page.waitForSelector('#panel-charts canvas'),
  share: (page) =>
    page.waitForFunction(() => document.querySelector<HTMLInputElement>('#share-link')?.value !== ''),
};

async function select(page: Page): Promise<void> {
  await page.focus('svg.stack .lane[data-lane="1"]');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.mark[data-selected]');
}

const SCREENS = [
  ['wide', WIDE],
  ['phone', PHONE],
] as const;

for (const [screen, viewport] of SCREENS) {
  test(`on a ${screen} screen: the start, a busy moment, every panel with something in it`, async () => {
    await visit({ viewport, link: BUSY }, async (page) => {
      await page.evaluate(axe.source);
      await assertClean(page, 'a busy moment');
      await select(page);
      for (const name of PANEL_NAMES) {
        await openPanel(page, name);
        await FILLED[name]?.(page);
        await assertClean(page, name, `#panel-${name}`);
      }
      await closeSheet(page);
      await dragOver(page, { name: 'a.csv', bytes: new Uint8Array(1) });
      await page.waitForSelector('.drop-overlay');
      await assertClean(page, 'a file over the page', '.drop-overlay');
    });
  });

  test(`on a ${screen} screen: the plug before and after a cut, and a case that fails`, async () => {
    await visit({ viewport, link: '#scene=xv6-log' }, async (page) => {
      await page.evaluate(axe.source);
      await openPanel(page, 'plug');
      await page.uncheck('input[data-flush="log"]');
      await waitFor(page, 'ready');
      await page.click('.explore-all');
      await page.waitForSelector('.failing-case', { timeout: 60_000 });
      await assertClean(page, 'a failing case', '#panel-plug');
      await closeSheet(page);
      await seekTo(page, Math.round((await factsOf(page)).stepCount * 0.62));
      await openPanel(page, 'plug');
      await page.waitForSelector('.at-stake');
      await assertClean(page, 'before the cut', '#panel-plug');
      await page.click('.pull');
      await page.waitForSelector('.plug[data-mode="choosing"] .uncertain > li');
      await assertClean(page, 'after the cut');
      await page.click('.plug button:text-is("Boot what is left")');
      // on a phone the lanes are there again, for the boot to be watched
      await page.getByRole('region', { name: 'After the crash' }).waitFor();
      await assertClean(page, 'behind the crash');
      await openPanel(page, 'plug');
      await page.waitForSelector('.outcome');
      await assertClean(page, 'what came up');
    });
  });
}

run();
