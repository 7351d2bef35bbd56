// test-timeout: 90
// What is dropped on the page opens as what it is; a broken file gives a message in words, and what was shown stays.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { sceneFromTrace } from '../../../src/playground/scene/from-trace.ts';
import { FIRST_SCENE } from '../../../src/playground/scenes/index.ts';
import { chunksOf } from '../../../src/trace/web-source.ts';
import { playAhead } from '../../src/playground/support/engine.ts';
import { packedFiles } from '../../src/trace/packed.ts';
import { join, pack, vscsiRecord } from '../../src/trace/support.ts';
import { factsOf, playgroundSuite, waitFor, waitForStep } from '../support/page.ts';
import { dropFile } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('files dropped on the playground');
const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const SAMPLE = new Uint8Array(readFileSync(new URL('../../examples/sample.iolog.gz', import.meta.url)));
/** Its first lines: enough to be a trace, and soon played. */
const START = gunzipSync(SAMPLE).toString('latin1').split('\n').slice(0, 600).join('\n');
const MSR = [0, 8, 4, 16]
  .map(
    (page, at) =>
      `${128166372003061629n + BigInt(at) * 1000n},web,0,${at % 2 ? 'Read' : 'Write'},${page * 4096},4096,900\n`,
  )
  .join('');
const VSCSI = join([8n, 16n, 64n, 8n].map((lbn, at) => vscsiRecord(2, { lbn, serial: at })));

const TRACES: Readonly<Record<string, Uint8Array>> = {
  'sample.iolog.gz': pack(`${START}\n`),
  'msr.csv': textBytes(MSR),
  'machine.vscsi': VSCSI,
};

test('traces of three formats play to their end, with the records of Node', async () => {
  await visit({}, async (page) => {
    for (const [name, bytes] of Object.entries(TRACES)) {
      const { scene } = await sceneFromTrace(chunksOf(new Blob([new Uint8Array(bytes)])), { name });
      const node = await playAhead(scene);
      await dropFile(page, { name, bytes });
      await page.waitForSelector(`main[data-scene="${scene.id}"]:not([data-state="loading"])`);
      await page.keyboard.press('End');
      await waitFor(page, 'finished');
      const { stepCount, recordHash } = await factsOf(page);
      assert.equal([stepCount, recordHash], [node.stepCount, node.hashOf(node.stepCount)], name);
    }
  });
});

test('gzip data of several members, padded, cut or followed by something else is read as in Node', async () => {
  await visit({}, async (page) => {
    for (const { name, bytes } of packedFiles(START)) {
      const blob = new Blob([new Uint8Array(bytes)]);
      const made = await sceneFromTrace(chunksOf(blob), { name }).catch((error: Error) => error);
      await dropFile(page, { name, bytes });
      if (made instanceof Error) {
        await page.waitForSelector(`[role="alert"]:has-text("${name}")`);
        assert.is(await page.innerText('[role="alert"] p'), made.message);
      } else {
        await page.locator('.trace-bar summary', { hasText: name }).waitFor();
        assert.is(await page.innerText('.trace-bar summary'), `${name}: ${made.told}`);
      }
    }
  });
});

const BROKEN: readonly (readonly [name: string, bytes: Uint8Array, told: RegExp])[] = [
  [
    'bad-line.log',
    textBytes('fio version 3 iolog\n0 a add\n0 a open\n1 a write x 4096\n'),
    /^bad-line\.log: line 4: .*x/,
  ],
  ['half.iolog.gz', SAMPLE.subarray(0, SAMPLE.length / 2), /^half\.iolog\.gz: .*truncated/],
  ['letter.txt', textBytes('Dear reader,\nthis is no trace.\n'), /^letter\.txt: .*supported: fio-iolog/],
  ['empty.csv', new Uint8Array(0), /^empty\.csv: there is nothing in it/],
  ['other.json', textBytes('{"name": "x"}'), /^other\.json: /],
  ['scene.json', textBytes('{"chapters": [], "clients": [{}]}'), /^scene\.json: /],
];

test('a broken file is told of by its name, place and reason, once, and the run that was shown stays', async () => {
  await visit({}, async (page) => {
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await waitForStep(page, 2);
    const before = await factsOf(page);
    for (const [name, bytes, told] of BROKEN) {
      await dropFile(page, { name, bytes });
      await page.waitForSelector(`[role="alert"]:has-text("${name}")`);
      const text = await page.innerText('[role="alert"] p');
      assert.match(text, told);
      assert.is(text.split(name).length, 2, `the name comes once in: ${text}`);
      assert.equal(await factsOf(page), before, name);
    }
    await page.keyboard.press('End');
    await waitFor(page, 'finished');
    assert.is((await factsOf(page)).scene, FIRST_SCENE.id);
  });
});

run();
