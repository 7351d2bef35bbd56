// Pictures of every scene, to be looked at: `npm run screenshots [-- FOLDER [part of a scene's name …]]`.
//
// Each scene at its middle and at its end, light and dark on a wide screen, and on a phone; and a sheet of all of them, index.html. The folder is
// dist/pictures, which git ignores, unless another is named. The page is the built one.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { servePlayground } from '../../src/cli/playground.ts';
import { SCENES } from '../../src/playground/scenes/index.ts';
import { openBrowser, PHONE, visitPage, WIDE, waitFor } from './support/page.ts';

const DEFAULT_FOLDER = 'dist/pictures';

const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: WIDE, colorScheme: 'light' },
  dark: { viewport: WIDE, colorScheme: 'dark' },
  phone: { viewport: PHONE, colorScheme: 'light', deviceScaleFactor: 2 },
};

/** Pictures of a scene in one look; their names. */
async function picture(
  browser: Browser,
  url: string,
  folder: string,
  id: string,
  look: string,
): Promise<string[]> {
  const names = [`${id}-${look}-middle.png`, `${id}-${look}-end.png`];
  const [middle, end] = names as [string, string];
  await visitPage(browser, url, { ...LOOKS[look], link: `#scene=${id}` }, async (page) => {
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    await page.waitForTimeout(SETTLES_MS);
    await page.screenshot({ path: join(folder, end) });
    await page.$eval('.time-slider', (slider) => {
      const range = slider as HTMLInputElement;
      range.value = String(Math.round(Number(range.max) * 0.5));
      range.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await waitFor(page, 'paused');
    await page.waitForTimeout(SETTLES_MS);
    await page.screenshot({ path: join(folder, middle) });
  });
  return names;
}

/** What the machine says of the moment comes a little after the moment. */
const SETTLES_MS = 400;

function sheetOf(rows: readonly (readonly string[])[]): string {
  const row = (names: readonly string[]): string =>
    `<p>${names.map((name) => `<a href="${name}"><img src="${name}" alt="${name}" height="300"></a>`).join(' ')}</p>`;
  return `<!doctype html><meta charset="utf-8"><title>sectorlab playground</title>${rows.map(row).join('\n')}\n`;
}

const [folder = DEFAULT_FOLDER, ...parts] = process.argv.slice(2);
const scenes = SCENES.filter(({ id }) => parts.length === 0 || parts.some((part) => id.includes(part)));
mkdirSync(folder, { recursive: true });
const server = await servePlayground({ port: 0 });
const browser = await openBrowser();
try {
  const rows: string[][] = [];
  for (const { id } of scenes) {
    const names: string[] = [];
    for (const look of Object.keys(LOOKS))
      names.push(...(await picture(browser, server.url, folder, id, look)));
    rows.push(names);
    console.log(`${id}: ${names.length} pictures`);
  }
  writeFileSync(join(folder, 'index.html'), sheetOf(rows));
  console.log(`all on one sheet: ${join(folder, 'index.html')}`);
} finally {
  await browser.close();
  await server.close();
}
