// test-timeout: 60
// What a reader gives the page: dropped files of three formats run as in Node, what is broken is told and changes nothing, knobs, the editor, files to keep.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { RECORD_SIZE } from '../../../assembly/layout.ts';
import { applyChanges } from '../../../src/playground/scene/changes.ts';
import { sceneFromTrace, type TraceSceneOptions } from '../../../src/playground/scene/from-trace.ts';
import { parseSceneText } from '../../../src/playground/scene/text.ts';
import type { Scene } from '../../../src/playground/scene/types.ts';
import { FIRST_SCENE } from '../../../src/playground/scenes/index.ts';
import { chunksOf } from '../../../src/trace/web-source.ts';
import { playAhead } from '../../src/playground/support/engine.ts';
import { join, utf8, vscsiRecord } from '../../src/trace/support.ts';
import { factsOf, playgroundSuite, waitFor } from '../support/page.ts';

const { test, visit, run } = playgroundSuite('what is given to the playground');

const ROWS = Array.from({ length: 60 }, (_, index) => {
  const operation = index % 3 === 0 ? 'Read' : 'Write';
  return `${128166372000000000 + index * 1000},hm,${index % 2},${operation},${index * 8192},4096,100`;
});
const MSR = utf8(`${ROWS.join('\n')}\n`);
const VSCSI = join(
  Array.from({ length: 40 }, (_, index) =>
    vscsiRecord(2, {
      opcode: index % 2 === 0 ? 0x2a : 0x28,
      lbn: BigInt(index * 16),
      micros: 5633898368802n + BigInt(index),
    }),
  ),
);
const PACKED = readFileSync(new URL('../../examples/sample.iolog.gz', import.meta.url));
/** The first lines only, so that the test ends soon. */
const IOLOG = utf8(`${gunzipSync(PACKED).toString().split('\n').slice(0, 400).join('\n')}\n`);

/** As a reader's hand does it. */
function drop(page: Page, name: string, content: Uint8Array): Promise<void> {
  return page.evaluate(
    ([fileName, base64]) => {
      const bytes = Uint8Array.from(atob(base64 as string), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], fileName as string));
      for (const type of ['dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    },
    [name, Buffer.from(content).toString('base64')],
  );
}

async function sceneOf(
  name: string,
  content: Uint8Array,
  options: Partial<TraceSceneOptions> = {},
): Promise<Scene> {
  const blob = new Blob([new Uint8Array(content)]);
  return (await sceneFromTrace(chunksOf(blob), { name, ...options })).scene;
}

/** The page shows the end of this scene's run, and it is the one that Node has. */
async function assertEndsAsInNode(page: Page, scene: Scene): Promise<void> {
  const node = await playAhead(scene);
  await page.waitForSelector(`main[data-scene="${scene.id}"][data-step-count="${node.stepCount}"]`, {
    state: 'attached',
  });
  await page.locator('.time-slider').fill(String(node.stepCount));
  await waitFor(page, 'finished');
  assert.is((await factsOf(page)).recordHash, node.hashOf(node.stepCount));
}

for (const [name, content] of [
  ['plain.iolog', IOLOG],
  ['disks.csv', MSR],
  ['machine.vscsi', VSCSI],
] as const)
  test(`${name}, dropped, runs to its end with the hash of Node`, async () => {
    await visit({}, async (page) => {
      await drop(page, name, content);
      await assertEndsAsInNode(page, await sceneOf(name, content));
    });
  });

test('a packed trace is opened as well, and each choice about it is what Node has for it', async () => {
  await visit({}, async (page) => {
    const name = 'sample.iolog.gz';
    await drop(page, name, PACKED);
    await page.selectOption('#trace-requests', '1000');
    await page.waitForSelector('.trace-bar summary:has-text("the first 1,000 of 8,354 requests")');
    await page.selectOption('#trace-path', 'direct');
    await page.selectOption('#trace-model', 'nvme');
    await page.selectOption('#trace-depth', '8');
    const choices = { requests: 1000, direct: true, model: 'nvme', depth: 8 } as const;
    await assertEndsAsInNode(page, await sceneOf(name, PACKED, choices));
  });
});

test('a broken file is told of once by its name, and the run stays', async () => {
  await visit({}, async (page) => {
    const before = await factsOf(page);
    await drop(page, 'broken.csv', utf8(`${ROWS[0]}\n${ROWS[1]}\nnonsense\n`));
    const told = await page.textContent('.problem p');
    assert.match(told ?? '', /^broken\.csv: line 3: /);
    assert.is(told?.split('broken.csv').length, 2);
    assert.equal(await factsOf(page), before);
    await drop(page, 'empty.csv', new Uint8Array(0));
    await page.waitForSelector('.problem p:text-is("empty.csv: there is nothing in it")');
    assert.equal(await factsOf(page), before);
  });
});

test("a knob changes the run to Node's; what is refused is told at the knob, and changes nothing", async () => {
  await visit({}, async (page) => {
    await page.getByRole('tab', { name: 'Knobs' }).click();
    const field = page.locator('[data-knob="machine.cache"] input[type="text"]');
    await field.fill('16KiB');
    await field.press('Enter');
    await page.waitForSelector('[data-knob="machine.cache"][data-changed="true"]');
    await assertEndsAsInNode(page, applyChanges(FIRST_SCENE, { 'machine.cache': 16384 }));
    const before = await factsOf(page);
    await field.fill('5');
    await field.press('Enter');
    await page.waitForSelector('[data-knob="machine.cache"] .fault');
    assert.is(await page.$('.problem'), null);
    assert.equal(await factsOf(page), before);
  });
});

test('in the editor a fault stands at its line, and the mended text plays', async () => {
  await visit({}, async (page) => {
    const text = (word: string): string =>
      `title Mine\nmachine cache=64KiB\ndrive ssd\nclient app aio\nchapter One\n${word} 0 4KiB\nfsync\n`;
    await page.getByRole('tab', { name: 'Editor' }).click();
    await page.fill('#editor-text', text('wrte'));
    await page.waitForSelector('.editor-problems li[data-line="6"]');
    assert.ok(await page.isDisabled('.editor-actions .primary'));
    await page.fill('#editor-text', text('write'));
    await page.click('.editor-actions .primary');
    await assertEndsAsInNode(page, parseSceneText(text('write')).scene as Scene);
  });
});

test('Back opens the scene before, and Forward the next one again', async () => {
  await visit({}, async (page) => {
    await page.click('[data-scene-id="merging"]');
    await page.waitForURL(/#scene=merging$/);
    await page.goBack();
    await page.waitForSelector(`main[data-scene="${FIRST_SCENE.id}"]`);
    await page.goForward();
    await page.waitForSelector('main[data-scene="merging"]');
  });
});

test('the files to keep hold each record, and pictures that are pictures', async () => {
  await visit({}, async (page) => {
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    const saved = async (name: RegExp): Promise<Buffer> => {
      const waiting = page.waitForEvent('download');
      await page.getByRole('button', { name }).click();
      return readFile(await (await waiting).path());
    };
    const { parts } = await playAhead(FIRST_SCENE);
    const recordCount = parts.reduce((sum, { records }) => sum + records.length / RECORD_SIZE, 0);
    const lines = (await saved(/JSON Lines/)).toString().trimEnd().split('\n');
    assert.is(lines.length, recordCount);
    for (const line of lines) assert.type(JSON.parse(line).kind, 'string');
    const svg = (await saved(/SVG/)).toString();
    const root = await page.evaluate(
      (source) => new DOMParser().parseFromString(source, 'image/svg+xml').documentElement.nodeName,
      svg,
    );
    assert.is(root, 'svg');
    assert.is((await saved(/PNG/)).subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  });
});

run();
