// What a reader does to the page, in whatever layout it stands: open a panel, go to a moment, walk by keys, drop a file.
//
// Verbs: openPanel, closeSheet, seekTo, pressByKeys, focusByKeys, dropFile, dragOver.

import type { Page } from 'playwright-core';
import { waitForStep } from './page.ts';

interface Place {
  /** Its name on the page. */
  readonly title: string;
  readonly home: 'tab' | 'drawer' | 'dock' | 'dialog';
  /** The bar of a phone has it; the others are behind More. */
  readonly isInBar?: boolean;
}

/** Every panel, where a wide screen has it. */
export const PLACES = {
  scenes: { title: 'Scenes', home: 'tab', isInBar: true },
  knobs: { title: 'Knobs', home: 'tab', isInBar: true },
  editor: { title: 'Editor', home: 'tab' },
  inspector: { title: 'Inspector', home: 'drawer', isInBar: true },
  records: { title: 'Records', home: 'drawer' },
  plug: { title: 'Plug', home: 'drawer', isInBar: true },
  charts: { title: 'Charts', home: 'dock' },
  disk: { title: 'Your disk', home: 'dock' },
  linux: { title: 'Linux', home: 'dock' },
  share: { title: 'Share', home: 'dialog' },
  help: { title: 'Keys and marks', home: 'dialog' },
} as const satisfies Readonly<Record<string, Place>>;

export type PanelName = keyof typeof PLACES;
export const PANEL_NAMES = Object.keys(PLACES) as PanelName[];

/** Shows a panel, by the buttons that this layout has for it. */
export async function openPanel(page: Page, name: PanelName): Promise<void> {
  const layout = await page.getAttribute('.page', 'data-layout');
  await closeSheet(page);
  if (layout === 'phone') await openSheet(page, PLACES[name]);
  else await openInPlace(page, name, layout === 'medium');
  await page.waitForSelector(`#panel-${name}`);
}

async function openSheet(page: Page, { title, isInBar }: Place): Promise<void> {
  await page.click(`.phone-bar button:has-text("${isInBar ? title : 'More'}")`);
  if (!isInBar) await page.click(`.more-list button:has-text("${title}")`);
}

async function openInPlace(page: Page, name: PanelName, isMedium: boolean): Promise<void> {
  const { title, home }: Place = PLACES[name];
  if (home === 'dialog') {
    await page.locator('.top-tools').getByRole('button', { name: title }).click();
    return;
  }
  if (home === 'dock') {
    const button = page.locator('.dock-buttons').getByRole('button', { name: title });
    if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
    return;
  }
  if (isMedium && home === 'drawer' && !(await page.isVisible(`#tab-${name}`)))
    await page.locator('.top-tools').getByRole('button', { name: 'Details' }).click();
  await page.click(`#tab-${name}`);
}

/** Closes what lies over the page, if anything does. */
export async function closeSheet(page: Page): Promise<void> {
  if ((await page.$('dialog')) === null) return;
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
}

/** Shows the moment behind `step` steps, by the slider. */
export async function seekTo(page: Page, step: number): Promise<void> {
  await page.waitForFunction(
    (least) => Number(document.querySelector('main')?.dataset.stepCount) >= least,
    step,
  );
  await page.fill('.time-slider', String(step));
  await waitForStep(page, step);
}

/** More than any panel has to be walked through. */
const MOST_TABS = 300;

/** Goes to what the selector names by Tab alone. */
export async function focusByKeys(page: Page, selector: string): Promise<void> {
  const wanted = page.locator(selector).first();
  await wanted.waitFor();
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${selector}`);
}

/** Goes to a button by Tab, and presses it by Enter. */
export async function pressByKeys(page: Page, name: string): Promise<void> {
  await focusByKeys(page, `button:text-is("${name}")`);
  await page.keyboard.press('Enter');
}

export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Drags a file over the page and lets it go there. */
export async function dropFile(page: Page, file: DroppedFile): Promise<void> {
  await drag(page, ['dragover', 'drop'], file);
}

/** Drags a file over the page and holds it there. */
export async function dragOver(page: Page, file: DroppedFile): Promise<void> {
  await drag(page, ['dragover'], file);
}

async function drag(page: Page, events: readonly string[], { name, bytes }: DroppedFile): Promise<void> {
  await page.evaluate(
    ({ kinds, fileName, base64 }) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([content], fileName));
      for (const kind of kinds)
        document.body.dispatchEvent(
          new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
    },
    { kinds: events, fileName: name, base64: Buffer.from(bytes).toString('base64') },
  );
}
