// test-timeout: 60
// The picture of the lanes that a reader keeps: an SVG that stands alone, and a PNG of its size, as the Share panel saves them.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { playgroundSuite, WIDE, waitForStep } from '../support/page.ts';

const PNG_SIGNATURE = '89504e470d0a1a0a';
const STEP = 2;

const { test, visit, run } = playgroundSuite('picture of the lanes in Chromium');

/** What a button of the Share panel saves. */
async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.click(`button:has-text("${button}")`),
  ]);
  return readFileSync(await download.path());
}

async function openShare(page: Page): Promise<void> {
  for (let step = 1; step <= STEP; step++) {
    await page.keyboard.press('ArrowRight');
    await waitForStep(page, step);
  }
  await page.click('.top-tools button:has-text("Share")');
}

/** Width and height as the file itself says. */
function svgSize(text: string): readonly [number, number] {
  const [, width, height] = /<svg[^>]*? width="(\d+)" height="(\d+)"/.exec(text) ?? [];
  return [Number(width), Number(height)];
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`in ${colorScheme} the SVG parses, refers to nothing outside, and says which moment it is`, async () => {
    await visit({ viewport: WIDE, colorScheme }, async (page) => {
      await openShare(page);
      const text = (await saved(page, 'Picture as SVG')).toString();
      const found = await page.evaluate((source) => {
        const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
        const ids = [...parsed.querySelectorAll('[id]')].map(({ id }) => id);
        const named = [...source.matchAll(/url\(([^)]*)\)/g)].map(([, name]) => name);
        return {
          error: parsed.querySelector('parsererror')?.textContent ?? '',
          title: parsed.querySelector('title')?.textContent,
          missing: named.filter((name) => !ids.some((id) => name === `#${id}`)),
          shapes: parsed.querySelectorAll('rect, path, text').length,
          leftovers: parsed.querySelectorAll('[class], [style], script, image, foreignObject, [href]').length,
        };
      }, text);
      assert.is(found.error, '');
      assert.equal(found.missing, []);
      assert.is(found.leftovers, 0);
      assert.ok(found.shapes > 40);
      assert.match(found.title ?? '', new RegExp(`step ${STEP}`));
      assert.not.match(text.replaceAll('http://www.w3.org/2000/svg', ''), /https?:|var\(/);
    });
  });
}

test('the PNG has twice the size of the SVG, and is not of one colour', async () => {
  await visit({ viewport: WIDE }, async (page) => {
    await openShare(page);
    const [width, height] = svgSize((await saved(page, 'Picture as SVG')).toString());
    const png = await saved(page, 'Picture as PNG');
    assert.is(png.subarray(0, 8).toString('hex'), PNG_SIGNATURE);
    assert.equal([png.readUInt32BE(16), png.readUInt32BE(20)], [width * 2, height * 2]);
    assert.ok(png.length > 10_000, `${png.length} bytes`);
  });
});

run();
