// Holes as a store of chunks has them, seen through USRBIO reads: what no write has reached, what was punched, what a
// truncate added. A random model keeps the length of each chunk that exists, and the bytes.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import type { IoRing, Iovec } from '../../../src/usrbio.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { ChunkFile } from './chunk-file.ts';

const SEED = 20240711;
const RUNS = 100;
const CHUNK = 8192;
const CHUNKS = 12;
// the room ends inside a chunk
const CAPACITY = CHUNKS * CHUNK - 4096;
const DRIVE = 1048576;
const OLD = 0xdd;
const holes = suite('files/holes');

type Step =
  | { readonly do: 'write'; readonly at: number; readonly length: number; readonly isDirect: boolean }
  | { readonly do: 'truncate'; readonly size: number }
  | { readonly do: 'punch'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly do: 'read'; readonly at: number; readonly length: number; readonly isStrict: boolean }
  | { readonly do: 'sync' };

const place = fc.oneof(
  fc.nat(CAPACITY + CHUNK),
  fc.nat(CHUNKS).map((chunk) => chunk * CHUNK),
  fc.nat(CHUNKS * 16).map((sector) => sector * 512),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 3 * CHUNK }),
  fc.constantFrom(1, 512, 4096, CHUNK, 2 * CHUNK),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('write' as const), at: place, length, isDirect: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('truncate' as const), size: place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('punch' as const),
      ranges: fc.array(fc.tuple(fc.nat(CHUNKS), fc.nat(4)), { maxLength: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), at: place, length, isStrict: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
);

class Player {
  readonly machine: Machine;
  readonly file: OpenFile;
  readonly direct: OpenFile;
  readonly model: ChunkFile;
  readonly isDrive: boolean;
  readonly #iov: Iovec;
  readonly #plain: IoRing;
  readonly #strict: IoRing;
  #seed = 1;
  holeReads = 0;

  constructor(machine: Machine, name: string, model: ChunkFile, isDrive: boolean) {
    this.machine = machine;
    this.file = machine.openFile(name);
    this.direct = machine.openFile(name, { direct: true });
    this.model = model;
    this.isDrive = isDrive;
    this.#iov = machine.usrbio.createIov(4 * CHUNK);
    this.#plain = machine.usrbio.createRing({ entries: 2 });
    this.#strict = machine.usrbio.createRing({ entries: 2, forbidReadHoles: true });
    if (!isDrive && model.size > 0) this.file.write(model.bytes.slice(0, model.size), 0);
  }

  #write(at: number, length: number, isDirect: boolean): void {
    const round = isDirect ? 512 : 1;
    const start = Math.floor(at / round) * round;
    const content = new Uint8Array(Math.ceil(length / round) * round).fill(this.#seed++ % 200 || 1);
    const limit = this.isDrive ? Math.min(content.length, CAPACITY - start) : content.length;
    if (limit <= 0) return;
    const expected = this.model.write(start, content.subarray(0, limit));
    let put = 0;
    try {
      put = (isDirect ? this.direct : this.file).write(content.subarray(0, limit), start);
    } catch (error) {
      assert.is((error as StorageError).code, 'ENOSPC');
    }
    assert.is(put, expected);
  }

  #read(at: number, bytes: number, isStrict: boolean): void {
    const part = this.#iov.slice(0, bytes);
    part.bytes.fill(0xaa);
    const ring = isStrict ? this.#strict : this.#plain;
    const [got] = ring.prepare(part, this.file, at).submit().wait({ minResults: 1 });
    const { length, isHoley } = this.model.read(at, bytes);
    const result = isStrict && isHoley ? -61 : length;
    assert.is(got?.result, result, `read of ${bytes} at ${at}`);
    if (isHoley) this.holeReads++;
    if (result < 0) return;
    assert.equal(part.bytes.slice(0, result), this.model.bytes.slice(at, at + result));
    assert.ok(
      part.bytes.subarray(result).every((byte) => byte === 0xaa),
      'behind the result',
    );
  }

  play(one: Step): void {
    const { model, file } = this;
    switch (one.do) {
      case 'write':
        this.#write(one.at, one.length, one.isDirect);
        break;
      case 'truncate':
        if (this.isDrive || one.size > model.capacity) break;
        model.truncate(one.size);
        file.truncate(one.size);
        break;
      case 'punch': {
        const ranges = one.ranges.map(([first, count]) => [first, first + count] as const);
        for (const [first, end] of ranges) model.punch(first, end);
        this.machine.usrbio.punchHole(
          file,
          ranges.map(([first, end]) => ({ start: first * CHUNK, end: end * CHUNK })),
        );
        break;
      }
      case 'read':
        this.#read(one.at, one.length, one.isStrict);
        break;
      case 'sync':
        file.sync();
        break;
    }
  }

  finish(): void {
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      this.#read(chunk * CHUNK, CHUNK, false);
      this.#read(chunk * CHUNK, 3 * CHUNK, true);
    }
    const size = Math.min(this.model.size, CHUNKS * CHUNK);
    assert.equal(this.file.read(size, 0), this.model.bytes.slice(0, size));
    this.#iov.destroy();
    this.#plain.destroy();
    this.#strict.destroy();
    this.machine.usrbio.close();
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

const CONFIG: MachineConfig = {
  drives: [{ size: DRIVE }, { size: DRIVE }],
  cache: 262144,
  buffers: 2097152,
  sharedMemory: 262144,
  usrbio: { chunkSize: CHUNK },
};

function open(build: Build, size: number): Promise<Machine> {
  return openMachine(build, { ...CONFIG, files: [{ name: 'file', drive: 1, capacity: CAPACITY, size }] });
}

/** A drive with more chunks than a machine has records of holes. */
function many(build: Build): Promise<Machine> {
  return openMachine(build, { ...CONFIG, usrbio: { chunkSize: 4096 }, drives: [{ size: '64MiB' }] });
}

function ranges(count: number, stride: number, from: number) {
  return Array.from({ length: count }, (_, index) => {
    const chunk = from + index * stride;
    return { start: chunk * 4096, end: (chunk + 1) * 4096 };
  });
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return '0';
}

for (const build of BUILDS) {
  holes(`${build}: random writes, truncates and punches against a model`, async () => {
    let holeReads = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.constantFrom(0, 1, CHUNK, 20000, CAPACITY),
        fc.boolean(),
        async (steps, size, isDrive) => {
          const machine = await open(build, size);
          const model = isDrive
            ? new ChunkFile(CHUNK, DRIVE, DRIVE, 0)
            : new ChunkFile(CHUNK, size, CAPACITY, OLD);
          const player = new Player(machine, isDrive ? 'drive0' : 'file', model, isDrive);
          for (const one of steps) player.play(one);
          player.finish();
          holeReads += player.holeReads;
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(holeReads > RUNS, `${holeReads} reads met a hole before data`);
  });

  holes(`${build}: holes that touch are one`, async () => {
    const machine = await many(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    // forwards and backwards: 8,000 chunks, more than there are records
    for (let call = 0; call < 4; call++) usrbio.punchHole(file, ranges(1000, 1, call * 1000));
    for (let call = 4; call < 8; call++) usrbio.punchHole(file, ranges(1000, 1, call * 1000).reverse());
    const iov = usrbio.createIov(65536);
    assert.is(usrbio.preadv([iov], file, 7984 * 4096), 0);
    assert.is(usrbio.preadv([iov], file, 8000 * 4096), 65536);
    assert.is(usrbio.preadv([iov], file, 7990 * 4096), 65536);
    iov.destroy();
    usrbio.close();
    machine.run();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  holes(`${build}: more holes than there are records are refused, and no write minds`, async () => {
    const machine = await many(build);
    const { usrbio } = machine;
    const file = machine.openFile('drive0');
    for (let call = 0; call < 4; call++) usrbio.punchHole(file, ranges(1000, 2, call * 2000));
    let punched = 4000;
    const code = codeOf(() => {
      for (; ; punched++) usrbio.punchHole(file, ranges(1, 2, punched * 2));
    });
    assert.is(code, 'ENOSPC');
    assert.ok(punched <= 4096, `${punched}`);
    const iov = usrbio.createIov(65536);
    assert.is(usrbio.preadv([iov], file, punched * 2 * 4096), 65536, 'what was refused is data');
    assert.is(usrbio.preadv([iov.slice(0, 4096)], file, (punched - 1) * 2 * 4096), 0);
    file.write(new Uint8Array(100).fill(1), 50);
    assert.is(usrbio.preadv([iov.slice(0, 4096)], file, 0), 150, 'a chunk that exists up to a write');
    file.write(new Uint8Array(65536), 0);
    assert.is(usrbio.preadv([iov], file, 0), 65536);
    usrbio.punchHole(file, ranges(1, 1, 0));
    iov.destroy();
    usrbio.close();
    machine.run();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  holes(`${build}: what punchHole refuses, with positive errnos`, async () => {
    const machine = await open(build, CAPACITY);
    const { raw } = machine.usrbio;
    const file = machine.openFile('file');
    const readOnly = machine.openFile('file', { readOnly: true });
    const at = machine.buffers.allocate(16016);
    const punch = (start: bigint, end: bigint, descriptor = file.descriptor, count = 1) => {
      const view = new DataView(machine.core.memory.buffer);
      view.setBigUint64(at, start, true);
      view.setBigUint64(at + 8, end, true);
      return raw.punchHole(descriptor, count, at, at + 8);
    };
    const chunk = BigInt(CHUNK);
    assert.is(punch(0n, chunk, 99), 9);
    assert.is(punch(0n, chunk, readOnly.descriptor), 9);
    assert.is(punch(1n, chunk), 22);
    assert.is(punch(0n, chunk + 512n), 22);
    assert.is(punch(chunk, 0n), 22);
    assert.is(punch(0n, chunk, file.descriptor, -1), 22);
    assert.is(punch(0n, chunk, file.descriptor, 1001), 22);
    assert.is(punch(0n, 2n ** 64n - chunk), 0, 'far behind the end');
    assert.is(punch(2n ** 64n - chunk, 2n ** 64n - chunk), 0);
    assert.is(punch(chunk, chunk), 0, 'nothing');
    assert.is(raw.punchHole(file.descriptor, 0, 0, 0), 0, 'no ranges');
    assert.is(raw.punchHole(file.descriptor, 1, 64, at), 14);
    assert.is(raw.punchHole(file.descriptor, 1, at, 0xfffffff8), 14);
    assert.ok(file.read(CAPACITY, 0).every((byte) => byte === 0));
    assert.is(file.size, CAPACITY);
    machine.run();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

holes.run();
