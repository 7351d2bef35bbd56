// A trace becomes a scene that passes the gate and plays to its end; what is wrong with a file is said in the trace's own words.
// test-timeout: 120

import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/index.ts';
import { checkScene } from '../../../../src/playground/scene/check.ts';
import {
  sceneFromTrace,
  type TraceScene,
  type TraceSceneOptions,
} from '../../../../src/playground/scene/from-trace.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import type { ListWork } from '../../../../src/playground/scene/types.ts';
import { chunksOf } from '../../../../src/trace/web-source.ts';

const trace = suite('scene from trace');
const MIB = 1048576;
const SHARED = new URL('../../../../../shared/traces/', import.meta.url);
const SAMPLE = new URL('../../../examples/sample.iolog.gz', import.meta.url);

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function read(bytes: Uint8Array, options: Partial<TraceSceneOptions> = {}): Promise<TraceScene> {
  return sceneFromTrace(pieces(bytes, 5000), { name: 'given.trace', ...options });
}

/** Requests and syncs of a scene. */
function askedOf({ scene }: TraceScene): number {
  const works = scene.chapters.flatMap(({ work }) => work);
  return works.reduce((sum, work) => sum + (work.op === 'list' ? (work as ListWork).requests.length : 1), 0);
}

async function playsToItsEnd(made: TraceScene): Promise<void> {
  assert.is(checkScene(made.scene), made.scene);
  const run = await openScene(made.scene, (options) => Machine.create(options));
  run.finish();
  assert.is(run.stuck, undefined);
  const [submitted, failed] = run.clients.reduce(
    ([all, bad], client) => [all + client.submitted, bad + client.failed],
    [0, 0],
  );
  assert.is(submitted, askedOf(made));
  assert.is(failed, 0);
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing was thrown',
    (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
  );
}

const iolog = (lines: string): Uint8Array =>
  new TextEncoder().encode(`fio version 3 iolog\n0 a add\n0 a open\n${lines}`);

trace('a packed fio log plays through the cache, directly, and on any drive', async () => {
  const bytes = readFileSync(SAMPLE);
  for (const options of [{}, { direct: true, model: 'nvme' as const }, { depth: 1, requests: 200 }]) {
    const made = await read(bytes, options);
    assert.is(made.compression, 'gzip');
    assert.match(made.format, 'fio iolog');
    assert.is(made.requestCount, options.requests ?? made.requestCount);
    assert.is(made.isWhole, options.requests === undefined);
    await playsToItsEnd(made);
  }
});

trace('packed and plain, whole or in pieces, it is the same scene', async () => {
  const packed = readFileSync(SAMPLE);
  const { scene } = await read(packed);
  assert.equal((await read(gunzipSync(packed))).scene, scene);
  assert.equal((await sceneFromTrace(chunksOf(new Blob([packed])), { name: 'given.trace' })).scene, scene);
});

trace('a device that only the rest of the trace is for is none of the scene', async () => {
  const rows = [0, 0, 1].map((disk, index) => `${128166372000000000 + index},hm,${disk},Write,4096,4096,9`);
  const made = await read(new TextEncoder().encode(`${rows.join('\n')}\n`), { requests: 2 });
  assert.is(made.told, 'the first 2 of 3 requests, MSR Cambridge CSV, 1 device');
  assert.is(made.scene.clients.length, 1);
  await playsToItsEnd(made);
});

trace('a part is read where there are more, and the rest is left out, right or wrong', async () => {
  const good = Array.from({ length: 30 }, (_, index) => `${index} a write ${index * 4096} 4096\n`).join('');
  for (const [text, requests, isWhole, told] of [
    [good, 30, true, 'all 30 requests'],
    [good, 29, false, 'the first 29 of 30 requests'],
    [`${good}31 a nonsense\n`, 30, false, 'the first 30 of at least 30 requests'],
    [good, 100, true, 'all 30 requests'],
  ] as const) {
    const made = await read(iolog(text), { requests });
    assert.is(made.isWhole, isWhole, `${requests}`);
    assert.is(made.requestCount, Math.min(30, requests));
    assert.is(/left out/.test(made.summary), !isWhole);
    assert.is(made.told, `${told}, fio iolog version 3, 1 device`);
    assert.match(made.summary, `${made.requestCount} requests for one device`);
  }
});

const LARGE_BYTES = 100 * MIB;
const CHUNK_BYTES = 262144;

/** 100 MiB without requests but the first, made as they are pulled into one buffer; `pulled` counts them. */
function largeTrace(): { readonly chunks: AsyncGenerator<Uint8Array>; readonly pulled: { bytes: number } } {
  const pulled = { bytes: 0 };
  const lines = new TextEncoder().encode('0 a open\n0 a close\n'.repeat(Math.floor(CHUNK_BYTES / 19)));
  async function* make(): AsyncGenerator<Uint8Array> {
    yield iolog('1 a write 0 4096\n');
    const chunk = new Uint8Array(lines.length);
    for (; pulled.bytes < LARGE_BYTES; pulled.bytes += chunk.length) {
      chunk.set(lines);
      yield chunk;
      chunk.fill(0x58);
    }
  }
  return { chunks: make(), pulled };
}

/** For a taker that holds several at a time. */
async function* copiesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield new Uint8Array(chunk);
}

trace('a large trace takes no more memory than a small one, packed or not', async () => {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  let most = 0;
  const { chunks, pulled } = largeTrace();
  async function* watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      const now = process.memoryUsage();
      most = Math.max(most, now.arrayBuffers - arrayBuffers + now.heapUsed - heapUsed);
      yield chunk;
    }
  }
  const plain = await sceneFromTrace(watched(chunks), { name: 'given.trace' });
  assert.is(plain.requestCount, 1);
  assert.ok(pulled.bytes >= LARGE_BYTES);
  const packed = Readable.from(copiesOf(largeTrace().chunks)).pipe(createGzip({ level: 1 }));
  const unpacked = await sceneFromTrace(watched(packed), { name: 'given.trace' });
  assert.equal(unpacked.scene, plain.scene);
  assert.ok(most < 64 * MIB, `${Math.round(most / MIB)} MiB more at the most`);
});

trace('a reading that is cancelled pulls no more, and lets go of the file', async () => {
  const cancelled = new AbortController();
  const { chunks, pulled } = largeTrace();
  let isLetGo = false;
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        if (pulled.bytes > 10 * MIB) cancelled.abort(new Error('not wanted'));
        yield chunk;
      }
    } finally {
      isLetGo = true;
    }
  }
  try {
    await sceneFromTrace(counted(), { name: 'given.trace', signal: cancelled.signal });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'not wanted');
  }
  assert.ok(isLetGo);
  assert.ok(pulled.bytes < 11 * MIB, `${pulled.bytes}`);
});

trace('addresses stay, syncs are barriers, long requests are cut, parts have their lines', async () => {
  const made = await read(
    iolog(`1 a write 8192 4096\n2 a read 4096 20000000\n3 a datasync 0 0\n4 a sync 0 0\n5 a trim 4096 512\n`),
  );
  const works = made.scene.chapters.flatMap(({ work }) => work);
  assert.equal(
    works.map((work) => (work.op === 'list' ? work.requests : work.op)),
    [
      [[1, 8192, 4096]],
      [
        [0, 4096, 16777216],
        [0, 16781312, 3222784],
      ],
      'fdatasync',
      'fsync',
      [[2, 4096, 512]],
    ],
  );
  assert.is(made.scene.machine.drives?.[0]?.size, 20 * 1048576);
  assert.match(made.scene.chapters[0]?.text ?? '', 'Lines 4 to 4');
  await playsToItsEnd(made);
});

trace('what is no trace, broken, or too much for a scene is said in words', async () => {
  const sample = readFileSync(SAMPLE);
  const devices = Array.from({ length: 9 }, (_, index) => `${index} web ${index} x`);
  const rows = devices.map((_, index) => `128166372003061629,web,${index},Read,0,512,9\n`).join('');
  for (const [bytes, found] of [
    [new Uint8Array(0), /TraceError: given\.trace: the file is empty/],
    [new TextEncoder().encode('hello\nworld\n'), /TraceError: given\.trace: .*supported: fio-iolog[^;]*\)$/],
    [iolog('1 a write x 4096\n'), /TraceError: given\.trace: line 4: .*x/],
    [sample.subarray(0, sample.length / 2), /TraceError: given\.trace: .*truncated/],
    [gzipSync(sample), /TraceError: given\.trace: .*gzip inside gzip/],
    [new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 1, 2]), /TraceError: given\.trace: .*zstd -d/],
    [iolog(`1 a write ${2 ** 52} 4096\n`), /RangeError: given\.trace: line 4: .*2\^52/],
    [new TextEncoder().encode(rows), /RangeError: given\.trace: .*9 devices.*8 drives/],
  ] as const)
    assert.match(await messageOf(read(bytes, { requests: 100_000 })), found);
  assert.match(await messageOf(read(sample, { requests: 0 })), /requests is 0/);
  const damaged = Uint8Array.from(sample);
  damaged[600] = (damaged[600] as number) ^ 0xff;
  assert.match(await messageOf(read(damaged, { requests: 200_000 })), /TraceError/);
});

trace('an aborted signal ends reading with its reason', async () => {
  const controller = new AbortController();
  controller.abort(new Error('changed my mind'));
  assert.match(await messageOf(read(readFileSync(SAMPLE), { signal: controller.signal })), /changed my mind/);
});

const SHARED_FILES = [
  'msr-csv/hm_0-sample.csv',
  'vscsi/cloudPhysicsIO.vscsi.gz',
  'fio-iolog/overlap-unaligned.v2.iolog',
  'fio-iolog/multifile-fdatasync.v3.iolog',
  'fio-iolog/trimwrite64k.v3.iolog',
];
if (existsSync(SHARED)) {
  for (const path of SHARED_FILES) {
    trace(`${path} plays to its end`, async () => {
      const bytes = readFileSync(new URL(path, SHARED));
      await playsToItsEnd(await read(bytes, { requests: 3000 }));
      await playsToItsEnd(await read(bytes, { requests: 500, direct: true }));
    });
  }
} else {
  console.log('SKIPPED: scenes from shared traces: ../shared/traces is not there');
}

trace.run();
