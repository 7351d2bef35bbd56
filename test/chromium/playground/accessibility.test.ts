// test-timeout: 120
// axe-core finds nothing serious in any view: wide and phone, light and dark, every tab, dock and sheet.

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { PHONE, playgroundSuite, WIDE } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('accessibility of the playground');
const GRAVE: readonly unknown[] = ['serious', 'critical'];

interface PageWithAxe {
  readonly axe: { run(): Promise<AxeResults> };
}

async function assertClean(page: Page, view: string): Promise<void> {
  const { violations } = await page.evaluate(() => (globalThis as unknown as PageWithAxe).axe.run());
  const grave = violations
    .filter(({ impact }) => GRAVE.includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  assert.equal(grave, [], view);
}

/** Somewhere in the middle, where the lanes have something to show. */
async function goToMiddle(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (let chapter = 0; chapter < 4; chapter++) await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('main[data-state="paused"]');
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a wide page in ${colorScheme}: start, middle, every tab, dock and dialog`, async () => {
    await visit({ viewport: WIDE, colorScheme }, async (page) => {
      await page.evaluate(axe.source);
      await assertClean(page, 'start');
      await goToMiddle(page);
      for (const tab of ['scenes', 'knobs', 'editor', 'inspector', 'records', 'plug']) {
        await page.click(`#tab-${tab}`);
        await page.waitForSelector(`#panel-${tab}`);
        await assertClean(page, tab);
      }
      for (const dock of ['Charts', 'Your disk', 'Linux']) {
        await page.click(`.dock-buttons button:has-text("${dock}")`);
        await page.waitForSelector('.dock');
        await assertClean(page, dock);
      }
      await page.keyboard.press('?');
      await page.waitForSelector('dialog[open]');
      await assertClean(page, 'help');
    });
  });

  test(`a phone in ${colorScheme}: lanes and every sheet`, async () => {
    await visit({ viewport: PHONE, colorScheme }, async (page) => {
      await goToMiddle(page);
      await assertClean(page, 'lanes');
      for (const sheet of ['Scenes', 'Knobs', 'Inspector', 'Plug', 'More']) {
        await page.click(`.phone-bar button:has-text("${sheet}")`);
        await page.waitForSelector('dialog[open]');
        await assertClean(page, sheet);
        await page.keyboard.press('Escape');
        await page.waitForSelector('dialog', { state: 'detached' });
      }
    });
  });
}

run();
