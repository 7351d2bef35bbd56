// test-timeout: 90
// A large trace is read only as long as it is wanted: a scene, another file or Cancel ends the reading at once, and nothing of it comes later.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { factsOf, playgroundSuite, waitFor } from '../support/page.ts';
import { dropFile } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('reading a large trace');
const SAMPLE = gunzipSync(readFileSync(new URL('../../examples/sample.iolog.gz', import.meta.url)));
/** Soon played. */
const SMALL = new TextEncoder().encode(`${SAMPLE.toString().split('\n').slice(0, 300).join('\n')}\n`);
const HEAD = 'fio version 3 iolog\n0 a add\n';
const LARGE = { name: 'large.iolog', bytes: new TextEncoder().encode(HEAD) };
const MOST_MIB = 200;

interface Pulled {
  bytes: number;
  isCancelled: boolean;
}

/** Gives files of this name a content without requests, of 200 MiB, that is made as it is pulled. */
async function makeLarge(page: Page): Promise<void> {
  await page.evaluate(
    ([name, head, mib]) => {
      const plain = Blob.prototype.stream;
      const pulled: Pulled = { bytes: 0, isCancelled: false };
      Object.assign(globalThis, { pulled });
      const chunk = new TextEncoder().encode('0 a open\n0 a close\n'.repeat(8192));
      Blob.prototype.stream = function (this: Blob) {
        if (!(this instanceof File) || this.name !== name) return plain.call(this);
        return new ReadableStream<Uint8Array<ArrayBuffer>>(
          {
            async pull(controller) {
              // as a disk, it takes a turn of the loop for each chunk
              await new Promise((resolve) => setTimeout(resolve));
              const next = pulled.bytes === 0 ? new TextEncoder().encode(head as string) : chunk.slice();
              pulled.bytes += next.length;
              if (pulled.bytes > (mib as number) * 1048576) controller.close();
              else if (!pulled.isCancelled) controller.enqueue(next);
            },
            cancel() {
              pulled.isCancelled = true;
            },
          },
          { highWaterMark: 0 },
        );
      };
    },
    [LARGE.name, HEAD, MOST_MIB],
  );
}

const pulledOf = (page: Page): Promise<Pulled> =>
  page.evaluate(() => ({ ...(globalThis as unknown as { pulled: Pulled }).pulled }));

/** The reading has come far enough to be told of. */
async function beginReading(page: Page): Promise<void> {
  await makeLarge(page);
  await dropFile(page, LARGE);
  await page.locator('.trace-reading', { hasText: LARGE.name }).waitFor();
}

/** Nothing is pulled any more, and nothing of it is told: not even when something else has run to its end. */
async function assertStopped(page: Page, scene: string): Promise<void> {
  const { bytes, isCancelled } = await pulledOf(page);
  assert.ok(isCancelled, 'the file is let go of');
  assert.ok(bytes > 0 && bytes < MOST_MIB * 1048576, `${bytes} bytes were read`);
  await page.getByRole('button', { name: 'To the end', exact: true }).click();
  await waitFor(page, 'finished');
  assert.is((await pulledOf(page)).bytes, bytes);
  assert.is((await factsOf(page)).scene, scene);
  assert.is(await page.locator('.trace-reading').count(), 0);
  assert.is(await page.getByRole('alert').count(), 0);
}

test('a scene that is opened ends the reading', async () => {
  await visit({}, async (page) => {
    await beginReading(page);
    await page.locator('[data-scene-id="merging"]').click();
    await page.waitForSelector('main[data-scene="merging"]:not([data-state="loading"])');
    await assertStopped(page, 'merging');
  });
});

test('so does the scene that is open already', async () => {
  await visit({}, async (page) => {
    await page.locator('[data-scene-id="merging"]').click();
    await waitFor(page, 'ready');
    await beginReading(page);
    await page.locator('[data-scene-id="merging"]').click();
    await page.locator('.trace-reading').waitFor({ state: 'detached' });
    await waitFor(page, 'ready');
    await assertStopped(page, 'merging');
  });
});

test('a second file that is dropped takes its place, and one that is broken is told of alone', async () => {
  await visit({}, async (page) => {
    await beginReading(page);
    await dropFile(page, { name: 'small.iolog', bytes: SMALL });
    await page.locator('.trace-bar summary', { hasText: 'small.iolog' }).waitFor();
    const { scene } = await factsOf(page);
    await assertStopped(page, scene);
    await beginReading(page);
    await dropFile(page, { name: 'letter.txt', bytes: new TextEncoder().encode('Dear reader') });
    await page.locator('.problem', { hasText: 'letter.txt' }).waitFor();
    await page.getByRole('button', { name: 'Close this message' }).click();
    await assertStopped(page, scene);
  });
});

test('Cancel ends it, and so does a live machine', async () => {
  await visit({}, async (page) => {
    const { scene } = await factsOf(page);
    await beginReading(page);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.trace-reading').waitFor({ state: 'detached' });
    await assertStopped(page, scene);
    await beginReading(page);
    await page.getByRole('button', { name: 'Your disk', exact: true }).click();
    await page.getByRole('button', { name: 'Make the disk' }).click();
    await page.waitForSelector('main[data-scene="your-disk"]', { state: 'attached' });
    await page.locator('.trace-reading').waitFor({ state: 'detached' });
    assert.ok((await pulledOf(page)).isCancelled);
    assert.is(await page.getByRole('alert').count(), 0);
  });
});

run();
