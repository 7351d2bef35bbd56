// Random calls on several USRBIO rings, files and buffers against the naive model of usrbio-model.ts: every request gives
// one result, with its index, userdata and bytes; jobs, slots and times follow their rules; nothing outside changes.
//
// Requests in flight that overlap have no defined outcome, so none is made: then what each must bring is known when it is
// prepared. Writes through descriptors and AIO, truncates and punches run in between.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StorageError } from '../../../src/errors.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { ChunkFile } from '../files/chunk-file.ts';
import { EINVAL, ENODATA, ENOSPC, UsrbioTester } from './usrbio-client.ts';
import { type RingConfig, RingModel, type Wanted } from './usrbio-model.ts';

const SEED = 20240715;
const RUNS = 90;
const CHUNK = 4096;
const FILE_BYTES = 64 * CHUNK;
const IOVS = [
  { bytes: 65536, blockSize: 0 },
  { bytes: 65536, blockSize: 8192 },
  { bytes: 35000, blockSize: 5000 },
] as const;
const GUARD = 0x5a;
const model = suite('rings/usrbio-model');

interface Config {
  readonly rings: readonly RingConfig[];
  readonly sizes: readonly number[];
  readonly channels: number;
  readonly parts: number;
  readonly priority: boolean;
}

const config: fc.Arbitrary<Config> = fc.record({
  rings: fc.array(
    fc
      .record({
        entries: fc.integer({ min: 1, max: 12 }),
        read: fc.boolean(),
        depth: fc.constantFrom(0, 1, 2, 3, -1, -2, -4, -9),
        timeoutMs: fc.constantFrom(0, 0, 1, 3),
        priority: fc.integer({ min: -1, max: 1 }),
        flags: fc.constantFrom(0, 0, 1, 2),
      })
      .map(({ depth, ...ring }) => ({ ...ring, ioDepth: Math.min(depth, ring.entries) })),
    { minLength: 1, maxLength: 4, size: 'max' },
  ),
  sizes: fc.array(fc.constantFrom(0, 5000, FILE_BYTES), { minLength: 2, maxLength: 2 }),
  channels: fc.constantFrom(1, 3, 8),
  parts: fc.constantFrom(1, 2, 5, 1024),
  priority: fc.boolean(),
});

const place = fc.oneof(
  fc.nat(FILE_BYTES + CHUNK),
  fc.nat(129).map((half) => half * 2048),
);
const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 6000 }) },
  { weight: 3, arbitrary: fc.constantFrom(512, 2048, 4096, 8192) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20000 }) },
);

interface Wish {
  readonly iov: number;
  readonly at: number;
  /** Two buffered, one direct. */
  readonly file: number;
  readonly offset: number;
  readonly bytes: number;
}

const request: fc.Arbitrary<Wish> = fc.record({
  iov: fc.nat(2),
  at: fc.oneof(
    fc.nat(65535),
    fc.nat(31).map((half) => half * 2048),
  ),
  file: fc.nat(2),
  offset: place,
  bytes,
});

type Step =
  | { readonly do: 'prepare'; readonly ring: number; readonly requests: readonly Wish[] }
  | { readonly do: 'submit'; readonly ring: number }
  | {
      readonly do: 'wait';
      readonly ring: number;
      readonly limit: number;
      readonly minimum: number;
      readonly waitNs: number | undefined;
    }
  | { readonly do: 'hold'; readonly isHolding: boolean }
  | { readonly do: 'release'; readonly index: number }
  | { readonly do: 'advance'; readonly nanoseconds: number }
  | {
      readonly do: 'write';
      readonly file: number;
      readonly offset: number;
      readonly bytes: number;
      readonly how: number;
    }
  | { readonly do: 'truncate'; readonly file: number; readonly size: number }
  | { readonly do: 'punch'; readonly file: number; readonly first: number; readonly count: number };

const ring = fc.nat(3);
const file = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('prepare' as const),
      ring,
      requests: fc.array(request, { minLength: 1, maxLength: 5, size: 'max' }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('submit' as const), ring }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ring,
      limit: fc.integer({ min: 1, max: 12 }),
      minimum: fc.integer({ min: -1, max: 9 }),
      waitNs: fc.option(fc.integer({ min: -1000, max: 4_000_000 }), { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('hold' as const), isHolding: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('release' as const), index: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), nanoseconds: fc.nat(2_000_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('write' as const), file, offset: place, bytes, how: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('truncate' as const), file, size: fc.nat(FILE_BYTES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('punch' as const),
      file,
      first: fc.nat(60),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
);

/** Whole chunks of a file that somebody uses. */
interface Range {
  readonly file: number;
  readonly start: number;
  readonly end: number;
}

interface Request extends Wanted, Range {
  readonly isRead: boolean;
  readonly iov: number;
  readonly at: number;
  readonly bytes: number;
  /** What a read brings, where that is defined. */
  readonly content: Uint8Array | undefined;
}

const roundDown = (position: number) => Math.floor(position / CHUNK) * CHUNK;
const roundUp = (position: number) => Math.ceil(position / CHUNK) * CHUNK;

interface Ring {
  readonly ior: number;
  readonly model: RingModel<Request>;
}

interface Seen {
  results: number;
  jobs: number;
  timeouts: number;
  overtakes: number;
  queueFull: number;
  held: number;
  holes: number;
}

class Player {
  readonly machine: Machine;
  readonly client: UsrbioTester;
  readonly #rings: readonly Ring[];
  readonly #files: readonly OpenFile[];
  /** Descriptors: both files buffered, the second one direct. */
  readonly #fds: readonly number[];
  readonly #models: readonly ChunkFile[];
  readonly #iovs: readonly number[];
  readonly #shadows: readonly Uint8Array[];
  readonly #guards: readonly number[];
  readonly #seen: Seen;
  #userdata = 1;
  #isHolding = false;

  constructor(machine: Machine, { rings, sizes }: Config, seen: Seen) {
    this.machine = machine;
    this.#seen = seen;
    this.client = new UsrbioTester(machine);
    const { client } = this;
    this.#models = sizes.map((size) => new ChunkFile(CHUNK, size, FILE_BYTES, 0));
    this.#files = ['a', 'b'].map((name) => machine.openFile(name));
    this.#fds = [client.open(1), client.open(2), client.open(2, 7)];
    this.#rings = rings.map((ring) => ({ ior: client.ior(ring), model: new RingModel<Request>(ring) }));
    const guards: number[] = [];
    this.#iovs = IOVS.map(({ bytes, blockSize }) => {
      guards.push(client.iov(4096));
      return client.iov(bytes, blockSize);
    });
    guards.push(client.iov(4096));
    for (const guard of guards) client.content(guard).fill(GUARD);
    this.#guards = guards;
    for (let chunk = 1; chunk < 64; chunk += 3) {
      for (const file of [0, 1]) this.#punch(file, chunk, chunk + 1 + (chunk % 2));
    }
    this.#shadows = IOVS.map(({ bytes }) => new Uint8Array(bytes));
  }

  get #outstanding(): Request[] {
    return this.#rings.flatMap(({ model }) => model.outstanding);
  }

  /** Somebody uses these chunks of a file, and one of both writes. */
  #isInTheWay({ file, start, end }: Range, isRead: boolean): boolean {
    return this.#outstanding.some(
      (other) => other.file === file && !(isRead && other.isRead) && start < other.end && other.start < end,
    );
  }

  #isIovInTheWay(iov: number, at: number, bytes: number): boolean {
    return this.#outstanding.some(
      (other) => other.iov === iov && at < other.at + other.bytes && other.at < at + bytes,
    );
  }

  /** What a write changes: its chunks, and all from the end of the file on when it is behind that. */
  #effect(file: number, offset: number, bytes: number): Range {
    const start = Math.min(offset, (this.#models[file] as ChunkFile).size);
    return { file, start: roundDown(offset + bytes > start ? start : offset), end: roundUp(offset + bytes) };
  }

  #prepare({ model, ior }: Ring, one: Wish): void {
    const isRead = model.config.read;
    const iovConfig = IOVS[one.iov] as (typeof IOVS)[number];
    const at = one.at % iovConfig.bytes;
    const bytes = Math.min(one.bytes, iovConfig.bytes - at);
    const file = Math.min(one.file, 1);
    const isDirect = one.file === 2;
    const chunks = this.#models[file] as ChunkFile;
    const effect = this.#effect(file, one.offset, bytes);
    const range = isRead
      ? { file, start: roundDown(one.offset), end: roundUp(one.offset + bytes) }
      : { ...effect, start: Math.min(effect.start, roundDown(one.offset)) };
    if (this.#isInTheWay(range, isRead) || this.#isIovInTheWay(one.iov, at, bytes)) return;
    const iov = this.#iovs[one.iov] as number;
    const shadow = this.#shadows[one.iov] as Uint8Array;
    const userdata = this.#userdata++;
    const source = new Uint8Array(bytes).fill((userdata % 250) + 1);
    source[0] = userdata >> 8;
    this.client.content(iov).set(source, at);
    shadow.set(source, at);
    const expected = model.nextSlot();
    const slot = this.client.prep(ior, iov, {
      fd: this.#fds[one.file] as number,
      at,
      bytes,
      offset: one.offset,
      userdata,
    });
    assert.is(slot, expected, 'the lowest free slot');
    if (slot < 0) return;
    let result: number;
    let content: Uint8Array | undefined;
    const block = iovConfig.blockSize;
    const isCut = block !== 0 && Math.floor(at / block) !== Math.floor((at + bytes - 1) / block);
    if (isCut || (isDirect && (one.offset % 512 !== 0 || bytes % 512 !== 0))) {
      result = EINVAL;
      content = isRead ? source : undefined;
    } else if (isRead) {
      const read = chunks.read(one.offset, bytes);
      if (read.isHoley) this.#seen.holes++;
      const isForbidden = read.isHoley && (model.config.flags & 2) !== 0;
      result = isForbidden ? ENODATA : read.length;
      // around the cache the rest of a sector comes along
      if (!isForbidden && (!isDirect || read.length % 512 === 0)) {
        content = source.slice();
        content.set(chunks.bytes.subarray(one.offset, one.offset + read.length));
      }
    } else {
      result = chunks.write(one.offset, source) < bytes ? ENOSPC : bytes;
    }
    model.prepared({
      ...range,
      slot,
      userdata,
      timeNs: this.machine.nowNs,
      result,
      isRead,
      iov: one.iov,
      at,
      bytes,
      content,
    });
  }

  /** Follows the records since the last call; a wait on `ring` fetched `fetched` results meanwhile. */
  #follow(ring = -1, fetched = 0): void {
    for (const record of this.machine.records.take()) {
      if (record.kind !== 'usrbioJob' && record.kind !== 'usrbioDone') continue;
      const target = this.#rings[record.device];
      assert.ok(target !== undefined, 'a ring that nobody made');
      target?.model.follow(record, record.device === ring ? fetched : 0);
    }
  }

  #wait(index: number, limit: number, minimum: number, waitNs: number | undefined): void {
    const { ior, model } = this.#rings[index] as Ring;
    const before = this.machine.nowNs;
    const deadline = waitNs === undefined ? undefined : Math.max(0, before + waitNs);
    const { result, cqes } = this.client.wait(ior, limit, minimum, deadline);
    assert.ok(result >= 0 && result <= limit);
    this.#follow(index, result);
    for (const request of model.fetched(cqes)) this.#ended(request);
    this.#compare();
    if (result < limit) assert.is(model.ready.length, 0, 'all that is ready is returned');
    const { nowNs } = this.machine;
    if (deadline !== undefined) assert.ok(nowNs <= Math.max(before, deadline), 'not past the deadline');
    if (result >= Math.min(minimum, limit)) return;
    if (deadline === undefined) assert.is(this.machine.step(), false, 'it waits while anything can happen');
    else assert.ok(nowNs >= deadline, 'it waits until the deadline');
  }

  #ended(request: Request): void {
    this.#seen.results++;
    const { at, bytes, content, isRead } = request;
    const shadow = this.#shadows[request.iov] as Uint8Array;
    const got = this.client.content(this.#iovs[request.iov] as number).subarray(at, at + bytes);
    if (isRead && content !== undefined) shadow.set(content, at);
    else if (isRead) shadow.set(got, at);
  }

  /** Every byte of the buffers, but for what reads in flight may write. */
  #compare(): void {
    for (const [index, shadow] of this.#shadows.entries()) {
      const content = this.client.content(this.#iovs[index] as number).slice();
      for (const { iov, isRead, at, bytes } of this.#outstanding) {
        if (iov === index && isRead) content.set(shadow.subarray(at, at + bytes), at);
      }
      if (Buffer.compare(content, shadow) === 0) continue;
      const first = content.findIndex((byte, place) => byte !== shadow[place]);
      assert.unreachable(`byte ${first} of buffer ${index} is ${content[first]}, not ${shadow[first]}`);
    }
    for (const guard of this.#guards) assert.ok(this.client.content(guard).every((byte) => byte === GUARD));
  }

  #write({ file, offset, bytes, how }: Step & { readonly do: 'write' }): void {
    const content = new Uint8Array(bytes).fill((this.#userdata++ % 250) + 1);
    if (this.#isHolding || this.#isInTheWay(this.#effect(file, offset, bytes), false)) return;
    const expected = (this.#models[file] as ChunkFile).write(offset, content);
    const opened = this.#files[file] as OpenFile;
    let put = 0;
    try {
      put = how === 0 ? this.#writeByAio(opened, content, offset) : opened.write(content, offset);
      if (how === 2) opened.sync();
    } catch (error) {
      assert.is((error as StorageError).code, 'ENOSPC');
    }
    assert.is(put, expected);
  }

  #writeByAio(opened: OpenFile, content: Uint8Array, offset: number): number {
    const { buffers, core } = this.machine;
    const context = this.machine.createAioContext(1);
    const buffer = buffers.allocate(content.length);
    core.memory.bytes.set(content, buffer);
    context.submit([{ op: 'pwrite', file: opened, buffer, length: content.length, offset }]);
    const [event] = context.getEvents({ min: 1 });
    context.destroy();
    buffers.free(buffer);
    assert.ok((event?.res ?? -1) >= 0 || event?.res === ENOSPC);
    return Math.max(0, event?.res ?? -1);
  }

  #punch(file: number, first: number, end: number): void {
    this.#models[file]?.punch(first, end);
    const range = { start: first * CHUNK, end: end * CHUNK };
    this.machine.usrbio.punchHole(this.#files[file] as OpenFile, [range]);
  }

  play(one: Step): void {
    switch (one.do) {
      case 'prepare':
        for (const wish of one.requests)
          this.#prepare(this.#rings[one.ring % this.#rings.length] as Ring, wish);
        break;
      case 'submit':
        assert.is(this.client.raw.submitIos((this.#rings[one.ring % this.#rings.length] as Ring).ior), 0);
        break;
      case 'wait':
        this.#wait(one.ring % this.#rings.length, one.limit, one.minimum, one.waitNs);
        break;
      case 'hold':
        this.machine.holdCompletions(one.isHolding);
        this.#isHolding = one.isHolding;
        break;
      case 'release':
        if (this.machine.heldCompletions() > 0) {
          this.#seen.held++;
          this.machine.releaseCompletion(one.index % this.machine.heldCompletions());
        }
        break;
      case 'advance':
        this.machine.advance(one.nanoseconds);
        break;
      case 'write':
        this.#write(one);
        break;
      case 'truncate': {
        const chunks = this.#models[one.file] as ChunkFile;
        const start = roundDown(Math.min(one.size, chunks.size));
        if (this.#isHolding || this.#isInTheWay({ file: one.file, start, end: Infinity }, false)) break;
        chunks.truncate(one.size);
        this.#files[one.file]?.truncate(one.size);
        break;
      }
      case 'punch': {
        const [start, end] = [one.first * CHUNK, (one.first + one.count) * CHUNK];
        if (this.#isHolding || this.#isInTheWay({ file: one.file, start, end }, false)) break;
        this.#punch(one.file, one.first, one.first + one.count);
        break;
      }
    }
    this.#follow();
  }

  /** Lets everything end that can, and looks at what is left. */
  finish(): void {
    this.play({ do: 'hold', isHolding: false });
    for (let round = 0; round < 8; round++) {
      this.#rings.forEach((_, index) => {
        this.play({ do: 'submit', ring: index });
        this.machine.run();
        this.#follow();
        this.#wait(index, 12, 12, 0);
      });
    }
    for (const { model } of this.#rings) {
      assert.ok(model.isStuck && model.ready.length === 0, `${model.waiting.length} requests do not go on`);
      this.#seen.jobs += model.jobCount;
      this.#seen.timeouts += model.timeouts;
      this.#seen.overtakes += model.overtakes;
      this.#seen.queueFull += model.queueFull;
    }
    this.#compareFiles();
    for (const { ior } of this.#rings) this.client.raw.iorDestroy(ior);
    for (const iov of [...this.#iovs, ...this.#guards]) this.client.raw.iovDestroy(iov);
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }

  /** The files, but for what writes that never ran would have changed. */
  #compareFiles(): void {
    for (const [file, chunks] of this.#models.entries()) {
      const left = this.#outstanding.filter((request) => request.file === file && !request.isRead);
      const got = (this.#files[file] as OpenFile).read(FILE_BYTES, 0);
      if (left.length === 0) assert.is(got.length, chunks.size);
      for (let start = 0; start < Math.min(got.length, chunks.size); start += CHUNK) {
        if (left.some((request) => start < request.end && request.start < start + CHUNK)) continue;
        const end = Math.min(start + CHUNK, got.length, chunks.size);
        assert.equal(got.slice(start, end), chunks.bytes.slice(start, end), `file ${file} at ${start}`);
      }
    }
  }
}

async function open(build: Build, { sizes, channels, parts, priority }: Config): Promise<Machine> {
  return openMachine(build, {
    drives: [{ size: 1048576, latencyNs: { read: 70_000, write: 130_000 }, channels }],
    files: sizes.map((size, index) => ({ name: 'ab'[index] as string, capacity: FILE_BYTES, size })),
    cache: 131072,
    buffers: 1048576,
    sharedMemory: 524288,
    records: true,
    powerCuts: false,
    usrbio: { chunkSize: CHUNK, priority },
    limits: { usrbioParts: parts },
  });
}

for (const build of BUILDS) {
  model(`${build}: random calls against the model`, async () => {
    const seen: Seen = { results: 0, jobs: 0, timeouts: 0, overtakes: 0, queueFull: 0, held: 0, holes: 0 };
    await fc.assert(
      fc.asyncProperty(
        config,
        fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }),
        async (options, steps) => {
          const machine = await open(build, options);
          const player = new Player(machine, options, seen);
          for (const one of steps) player.play(one);
          player.finish();
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(seen.results > RUNS * 5 && seen.jobs < seen.results, JSON.stringify(seen));
    assert.ok(
      Math.min(seen.timeouts, seen.overtakes, seen.queueFull, seen.held, seen.holes) > 0,
      JSON.stringify(seen),
    );
  });
}

model.run();
