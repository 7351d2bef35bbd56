// Truncate of a flat file: the end moves, what is new reads as zeros, and what the extent held before never shows.
//
// The extent is full of OLD bytes that no test writes. A random model mixes writes, reads, truncates and syncs, buffered
// and direct, with requests in flight on a slow drive under a small cache.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { holds } from '../../model/workload.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { FlakyImage, openFlaky, WASI_EIO } from '../drive/flaky-image.ts';

const PAGE = 4096;
const CAPACITY = 16 * PAGE;
const OLD = 0xdd;
const truncate = suite('files/truncate');

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return '0';
}

/** A machine with a flat file over an extent full of OLD bytes. */
async function open(build: Build, size: number, config: MachineConfig = {}): Promise<[Machine, OpenFile]> {
  const memory = new SparseMemory();
  memory.write(filled(CAPACITY, OLD), 0);
  const machine = await openMachine(build, {
    ...EXACT,
    ...config,
    drives: [{ size: CAPACITY, memory, ...config.drives?.[0] }],
    files: [{ name: 'file', capacity: CAPACITY, size }],
  });
  return [machine, machine.openFile('file')];
}

function onMedia(machine: Machine, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  machine.memory().read(bytes, 0);
  return bytes;
}

for (const build of BUILDS) {
  truncate(`${build}: what it refuses`, async () => {
    const [machine, file] = await open(build, 100);
    const call = (descriptor: number, size: number) => machine.core.exports.fileTruncate(descriptor, size);
    assert.is(call(99, 0), -9, 'EBADF');
    assert.is(call(machine.openFile('drive0').descriptor, 0), -22, 'a whole drive');
    assert.is(call(machine.openFile('file', { readOnly: true }).descriptor, 0), -22, 'read-only');
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) assert.is(call(file.descriptor, size), -22, `${size}`);
    assert.is(
      codeOf(() => file.truncate(CAPACITY + 1)),
      'EFBIG',
    );
    assert.is(file.size, 100);
    file.truncate(CAPACITY);
    assert.is(file.size, CAPACITY);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  for (const blockSize of [512, 4096]) {
    for (const [from, to] of [
      [0, 1],
      [0, CAPACITY],
      [100, 200],
      [100, 511],
      [100, 513],
      [100, PAGE],
      [100, 3 * PAGE + 7],
      [512, 1024],
      [PAGE, 2 * PAGE],
      [PAGE + 5, CAPACITY],
    ] as const) {
      truncate(`${build}: growing from ${from} to ${to} in blocks of ${blockSize} shows zeros`, async () => {
        for (const isCached of [false, true]) {
          const [machine, file] = await open(build, from, { blockSize });
          if (isCached) file.read(CAPACITY, 0);
          file.truncate(to);
          assert.is(file.size, to);
          const expected = filled(to, 0).fill(OLD, 0, from);
          assert.equal(file.read(CAPACITY, 0), expected, 'buffered');
          assert.equal(machine.openFile('file', { direct: true }).read(CAPACITY, 0), expected, 'direct');
          file.sync();
          assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
          machine.cutPower();
          assert.equal(onMedia(machine, to), expected, 'after a power cut');
        }
      });
    }
  }

  truncate(`${build}: what was cut off does not come back when the file grows again`, async () => {
    for (const end of [0, 10, 512, PAGE, PAGE + 600, 3 * PAGE]) {
      for (const isSynced of [false, true]) {
        const [machine, file] = await open(build, 0, { blockSize: 512 });
        file.write(filled(4 * PAGE, 7), 0);
        if (isSynced) file.sync();
        file.truncate(end);
        file.truncate(4 * PAGE);
        const expected = filled(4 * PAGE, 0).fill(7, 0, end);
        assert.equal(file.read(CAPACITY, 0), expected);
        file.sync();
        machine.cutPower();
        assert.equal(onMedia(machine, 4 * PAGE), expected);
      }
    }
  });

  truncate(
    `${build}: dirty pages behind the end leave unwritten, the kept part of the last is written`,
    async () => {
      const { machine, image } = await openFlaky(build, {
        ...EXACT,
        drives: [{ size: CAPACITY }],
        files: [{ name: 'file', capacity: CAPACITY }],
        blockSize: 512,
      });
      const file = machine.openFile('file');
      file.write(filled(6 * PAGE, 7), 0);
      file.truncate(2 * PAGE + 700);
      assert.equal(image.take(), [], 'nothing went to the image');
      const { nrDirty, nrFilePages } = machine.counters.cache;
      assert.equal({ nrDirty, nrFilePages }, { nrDirty: 3, nrFilePages: 3 });
      file.sync();
      const written = image.take('pwrite').map(({ offset, bytes }) => [offset, bytes]);
      assert.equal(written, [[0, 2 * PAGE + 1024]]);
      file.truncate(0);
      assert.is(machine.counters.cache.nrFilePages, 0);
      assert.is(file.read(10, 0).length, 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  truncate(`${build}: a drive that fails leaves a file that was to grow at its size`, async () => {
    const image = new FlakyImage();
    const { machine } = await openFlaky(
      build,
      { drives: [{ size: CAPACITY }], files: [{ name: 'file', capacity: CAPACITY, size: 100 }] },
      image,
    );
    const file = machine.openFile('file');
    for (const name of ['pwrite', 'pread']) {
      image.fail = (call) => (call.name === name ? WASI_EIO : 0);
      assert.is(
        codeOf(() => file.truncate(3 * PAGE)),
        'EIO',
        name,
      );
      assert.is(file.size, 100);
    }
    image.fail = () => 0;
    file.truncate(3 * PAGE);
    assert.is(file.size, 3 * PAGE);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  truncate(`${build}: a read in flight ends where the file now ends`, async () => {
    const config = { drives: [{ latencyNs: 1000, size: CAPACITY }] };
    for (const [offset, end, expected] of [
      [0, 5 * PAGE + 9, 5 * PAGE + 9],
      [2 * PAGE, 2 * PAGE + 1, 1],
      [PAGE, 100, 0],
    ] as const) {
      const [machine, file] = await open(build, CAPACITY, config);
      const context = machine.createAioContext(4);
      const buffer = machine.buffers.allocate(CAPACITY);
      context.submit([{ op: 'pread', file, buffer, length: CAPACITY - offset, offset }]);
      file.truncate(end);
      assert.equal(
        context.getEvents({ min: 1 }).map(({ res }) => res),
        [expected],
      );
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    }
    const [machine, file] = await open(build, CAPACITY, config);
    const context = machine.createAioContext(4);
    const buffer = machine.buffers.allocate(CAPACITY);
    const whole = machine.openFile('file', { direct: true });
    file.truncate(2 * PAGE);
    context.submit([{ op: 'pread', file: whole, buffer, length: CAPACITY, offset: 0 }]);
    file.truncate(0);
    assert.is(context.getEvents({ min: 1 })[0]?.res, 2 * PAGE, 'a truncate waits for direct reads');
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  truncate(`${build}: a truncate ends when no page is on its way to the drive any more`, async () => {
    const [machine, file] = await open(build, 0, { cache: PAGE });
    machine.holdCompletions(true);
    file.write(filled(2 * PAGE, 7), 0);
    assert.is(machine.counters.cache.nrWriteback, 1, 'the first page is being evicted');
    assert.is(
      codeOf(() => file.truncate(0)),
      'EDEADLK',
    );
    assert.is(file.size, 0, 'the end has moved');
    machine.holdCompletions(false);
    machine.run();
    assert.is(machine.counters.cache.nrFilePages, 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  truncate(`${build}: a truncate waits for writes in flight, and writes wait for it`, async () => {
    for (const direct of [false, true]) {
      const [machine, plain] = await open(build, CAPACITY, {
        drives: [{ latencyNs: 1000, size: CAPACITY }],
        cache: 2 * PAGE,
      });
      const file = machine.openFile('file', { direct });
      const context = machine.createAioContext(8);
      const buffer = machine.buffers.allocate(CAPACITY);
      machine.core.memory.bytes.fill(7, buffer, buffer + CAPACITY);
      context.submit([{ op: 'pwrite', file, buffer, length: 8 * PAGE, offset: 4 * PAGE }]);
      plain.truncate(PAGE);
      assert.is(plain.size, PAGE, 'the write came first');
      context.submit([
        { op: 'pwrite', file, buffer, length: PAGE, offset: 9 * PAGE },
        { op: 'pwrite', file, buffer, length: PAGE, offset: 5 * PAGE },
      ]);
      assert.equal(
        context.getEvents({ min: 3 }).map(({ res }) => res),
        [8 * PAGE, PAGE, PAGE],
      );
      const expected = filled(10 * PAGE, 0)
        .fill(OLD, 0, PAGE)
        .fill(7, 5 * PAGE, 6 * PAGE)
        .fill(7, 9 * PAGE);
      assert.equal(plain.read(CAPACITY, 0), expected, 'the gap of one write is not zeroed over the other');
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    }
  });

  truncate(`${build}: appends in flight follow each other without a gap`, async () => {
    for (const direct of [false, true]) {
      const [machine, plain] = await open(build, 0, {
        drives: [{ latencyNs: 1000, channels: 4, size: CAPACITY }],
        cache: 2 * PAGE,
      });
      const file = machine.openFile('file', { direct, append: true });
      const context = machine.createAioContext(8);
      const buffers = [1, 2, 3].map((value) => {
        const buffer = machine.buffers.allocate(3 * PAGE);
        machine.core.memory.bytes.fill(value, buffer, buffer + 3 * PAGE);
        return buffer;
      });
      context.submit(buffers.map((buffer) => ({ op: 'pwrite', file, buffer, length: 3 * PAGE, offset: 0 })));
      assert.is(context.getEvents({ min: 3 }).length, 3);
      const expected = filled(9 * PAGE, 1)
        .fill(2, 3 * PAGE)
        .fill(3, 6 * PAGE);
      assert.equal(plain.read(CAPACITY, 0), expected);
    }
  });
}

const RUNS = { release: 160, debug: 40 } as const;
/** Truncates stay at or above it; requests in flight write below it, each in a slot of its own. */
const FLOOR = 4 * PAGE;
const SLOT = 2048;

type Step = readonly [kind: string, isDirect: boolean, offset: number, length: number];

const steps: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    'write',
    'write',
    'read',
    'grow',
    'shrink',
    'shrink',
    'sync',
    'aioWrite',
    'aioRead',
    'reap',
  ),
  fc.boolean(),
  fc.nat(CAPACITY - 1),
  fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1, max: 5 * PAGE })),
);

const setups = fc.record({
  blockSize: fc.constantFrom(512, 1024, 4096),
  cachePages: fc.integer({ min: 1, max: 20 }),
  channels: fc.integer({ min: 1, max: 4 }),
  latencyNs: fc.constantFrom(0, 1000),
  bios: fc.constantFrom(4, 64),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

/** The machine beside a plain array of bytes. */
async function play(build: Build, setup: Setup, sequence: readonly Step[]): Promise<void> {
  const [machine, buffered] = await open(build, FLOOR, {
    drives: [{ latencyNs: setup.latencyNs, channels: setup.channels, size: CAPACITY }],
    blockSize: setup.blockSize,
    cache: setup.cachePages * PAGE,
    buffers: '1MiB',
    aioMaxNr: 256,
    limits: { bios: setup.bios },
  });
  const direct = machine.openFile('file', { direct: true });
  const context = machine.createAioContext(64);
  const requests = new Map<number, { buffer: number; length: number; slot: number | undefined }>();
  const busySlots = new Set<number>();
  let content = filled(FLOOR, OLD - 1);
  buffered.write(content, 0);
  let number = 0;
  const reap = (min: number) => {
    for (const { data, res } of context.getEvents({ min })) {
      const { buffer, length, slot } = requests.get(data) as { buffer: number; length: number; slot: number };
      requests.delete(data);
      const bytes = machine.core.memory.bytes.slice(buffer, buffer + Math.max(0, res));
      machine.buffers.free(buffer);
      if (slot !== undefined) {
        busySlots.delete(slot);
        assert.is(res, length);
      } else {
        assert.ok(res >= 0 && res <= length, `a read answers ${res}`);
        assert.not.ok(bytes.includes(OLD), 'a read in flight shows what the extent held');
      }
    }
  };
  const submit = (
    op: 'pread' | 'pwrite',
    isDirect: boolean,
    length: number,
    offset: number,
    slot?: number,
  ) => {
    const buffer = machine.buffers.allocate(length);
    if (op === 'pwrite') machine.core.memory.bytes.set(content.subarray(offset, offset + length), buffer);
    requests.set(++number, { buffer, length, slot });
    context.submit([{ op, file: isDirect ? direct : buffered, buffer, length, offset, data: number }]);
  };
  for (const [kind, isDirect, at, asked] of sequence) {
    const offset = isDirect ? at & ~511 : at;
    const length = isDirect ? (asked + 511) & ~511 : asked;
    const what = `${kind} ${isDirect ? 'direct' : 'buffered'} ${offset}+${length}`;
    const file = isDirect ? direct : buffered;
    const value = 1 + (++number % 200);
    if (kind === 'write') {
      // below the floor belongs to requests in flight
      const start = FLOOR + (offset % (CAPACITY - FLOOR));
      const end = Math.min(start + length, CAPACITY);
      assert.is(file.write(filled(length, value), start), end - start, what);
      const longer = filled(Math.max(end, content.length), 0);
      longer.set(content);
      content = longer.fill(value, start, end);
    } else if (kind === 'read') {
      const isKnown = busySlots.size === 0;
      const bytes = file.read(length, offset);
      const expected = content.subarray(offset, offset + length);
      assert.is(bytes.length, expected.length, what);
      if (isKnown) assert.is(Buffer.compare(bytes, expected), 0, what);
      assert.not.ok(bytes.includes(OLD), what);
    } else if (kind === 'grow' || kind === 'shrink') {
      const room = kind === 'grow' ? CAPACITY - content.length : content.length - FLOOR;
      const size = content.length + (kind === 'grow' ? 1 : -1) * (at % (room + 1));
      file.truncate(size);
      const moved = filled(size, 0);
      moved.set(content.subarray(0, size));
      content = moved;
      assert.is(file.size, size, what);
    } else if (kind === 'sync') {
      file.sync();
    } else if (kind === 'aioWrite') {
      const slot = at % (FLOOR / SLOT);
      if (busySlots.has(slot)) continue;
      busySlots.add(slot);
      content.fill(value, slot * SLOT, (slot + 1) * SLOT);
      submit('pwrite', isDirect, SLOT, slot * SLOT, slot);
    } else if (kind === 'aioRead') {
      if (requests.size < 20) submit('pread', isDirect, length, offset);
    } else {
      reap(at % 2);
    }
  }
  reap(requests.size);
  assert.is(requests.size, 0, 'every request ended');
  assert.is(Buffer.compare(buffered.read(CAPACITY, 0), content), 0, 'at the end');
  buffered.sync();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  machine.cutPower();
  assert.is(Buffer.compare(onMedia(machine, content.length), content), 0, 'after a power cut');
}

for (const build of BUILDS) {
  truncate(`${build}: random writes, reads, truncates and syncs are those of a plain array`, async () => {
    await holds(
      fc.asyncProperty(setups, fc.array(steps, { maxLength: 60, size: 'max' }), (setup, sequence) =>
        play(build, setup, sequence),
      ),
      4711,
      RUNS[build],
    );
  });
}

truncate.run();
