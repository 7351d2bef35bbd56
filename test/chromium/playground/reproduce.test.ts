// test-timeout: 90
// A link is the whole of a moment: made in the page, it gives Node and another browser the same records; one that does not is told of.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { SCENES } from '../../../src/playground/scenes/index.ts';
import { decodeLink, type LinkTarget } from '../../../src/playground/share/link.ts';
import { playAhead } from '../../src/playground/support/engine.ts';
import { factsOf, playgroundSuite, waitFor, waitForStep } from '../support/page.ts';
import { closeSheet, openPanel, seekTo } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('links of the playground');
const SCENE = 'queue-depth';
const SEED = 4242;
const CACHE = '1 MiB';

/** Resolves when the run is known to its end. */
async function waitForWhole(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('.clock')?.textContent?.includes('playing ahead'));
}

/** Of the link that a reader made of a scene with two knobs turned. */
let link: string;
let target: LinkTarget;

test('knobs turned in the page and a moment of it make a link, and Node has the hash that the link says', async () => {
  await visit({ link: `#scene=${SCENE}` }, async (page) => {
    await openPanel(page, 'knobs');
    for (const [label, key, text] of [
      ['Seed', 'machine.seed', String(SEED)],
      ['Cache size', 'machine.cache', CACHE],
    ] as const) {
      await page.fill('.knob-search', label);
      await page.fill(`[data-knob="${key}"] input[type="text"]`, text);
      await page.keyboard.press('Enter');
      await page.waitForSelector(`[data-knob="${key}"][data-changed="true"]`);
    }
    await waitForWhole(page);
    const { stepCount } = await factsOf(page);
    await seekTo(page, Math.round(stepCount * 0.4));
    const { step, recordHash } = await factsOf(page);
    await openPanel(page, 'share');
    await page.waitForFunction(() =>
      document.querySelector<HTMLInputElement>('#share-link')?.value.includes('&hash='),
    );
    link = new URL(await page.inputValue('#share-link')).hash;
    target = (await decodeLink(link, SCENES)) as LinkTarget;
    assert.equal([target.step, target.hash], [step, recordHash]);
    assert.is(target.scene.machine.seed, SEED);
    const node = await playAhead(target.scene);
    assert.is(node.stepCount, stepCount);
    assert.is(node.hashOf(step), recordHash);
    await closeSheet(page);
  });
});

test('the link opens at its moment elsewhere; from there to anywhere and back the hashes are those of Node', async () => {
  const node = await playAhead(target.scene);
  await visit({ link }, async (page) => {
    await waitForStep(page, target.step as number);
    await waitForWhole(page);
    const { scene, stepCount, recordHash } = await factsOf(page);
    assert.equal([scene, stepCount, recordHash], [SCENE, node.stepCount, target.hash]);
    await page.waitForSelector('.replayed:has-text("same hash")');
    const parts = [0.9, 0.1, 1, 0.5, 0.05, 0.6];
    for (const step of parts.map((part) => Math.max(1, Math.round(part * stepCount)))) {
      await seekTo(page, step);
      assert.is((await factsOf(page)).recordHash, node.hashOf(step), `step ${step}`);
      await page.waitForSelector('.replayed:has-text("same hash")');
      await page.keyboard.press('ArrowLeft');
      await waitForStep(page, step - 1);
      await page.keyboard.press('ArrowRight');
      await waitForStep(page, step);
      assert.is((await factsOf(page)).recordHash, node.hashOf(step), `back at step ${step}`);
    }
    assert.is(await page.$('[role="alert"]'), null);
  });
});

test('a link whose hash is of other records opens, and the reader is told', async () => {
  const other = link.replace(/hash=(\w)/, (_, digit: string) => `hash=${digit === '0' ? '1' : '0'}`);
  await visit({ link: other }, async (page) => {
    await waitForStep(page, target.step as number);
    await page.waitForSelector('[role="alert"]:has-text("another run")');
    await waitFor(page, 'paused');
  });
});

test('an own scene goes in the link as a whole', async () => {
  const text =
    'title Mine\nmachine seed=9\ndrive ssd size=16MiB\nclient app aio drive0 depth=2\nchapter One\nwrite 0 4KiB x20 random span=1MiB\nfsync\n';
  let own = '';
  let hash = '';
  await visit({}, async (page) => {
    await openPanel(page, 'editor');
    await page.fill('#editor-text', text);
    await page.click('button:text-is("Open this scene")');
    await page.waitForFunction(() => document.title.startsWith('Mine'));
    await page.focus('.play-button');
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    hash = (await factsOf(page)).recordHash;
    await openPanel(page, 'share');
    await page.waitForFunction(() =>
      document.querySelector<HTMLInputElement>('#share-link')?.value.includes('&hash='),
    );
    own = new URL(await page.inputValue('#share-link')).hash;
  });
  const { scene, step } = (await decodeLink(own, SCENES)) as LinkTarget;
  assert.is((await playAhead(scene)).hashOf(step as number), hash);
  await visit({ link: own }, async (page) => {
    await waitFor(page, 'finished');
    assert.is((await factsOf(page)).recordHash, hash);
    assert.is(await page.$('[role="alert"]'), null);
  });
});

run();
