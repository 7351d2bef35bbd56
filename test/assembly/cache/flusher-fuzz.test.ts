// Writers, limits and the flusher under any order of calls: what is read is what was written, the rules of the cache hold
// after each step, nobody goes beyond the limit, time brings every page to the drive, and nothing is left in use.
// test-timeout: 90

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RWF_NOWAIT } from '../../../assembly/layout.ts';
import type { AioContext } from '../../../src/aio.ts';
import type { RegisteredBuffer } from '../../../src/core/registered-buffer.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import {
  BUILDS,
  type Build,
  brokenRule,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';

const SEED = 20261121;
const RUNS = { release: 150, debug: 25 } as const;
const PAGE = 4096;
const FILE_BYTES = 96 * PAGE;
const FILES = ['drive0', 'a', 'b'] as const;
/** What a look at the limits may let a writer do beyond them (DIRTY_POLL_THRESH). */
const OVER = 32;

const setups = fc.record({
  cachePages: fc.integer({ min: 24, max: 200 }),
  dirtyPages: fc.integer({ min: 2, max: 120 }),
  backgroundPages: fc.integer({ min: 0, max: 60 }),
  bandwidthPages: fc.constantFrom(256, 4096, 100_000),
  latencyNs: fc.constantFrom(0, 20_000, 3_000_000),
  bios: fc.constantFrom(4, 16, 4096),
  blockSize: fc.constantFrom(512, 4096),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

const place = {
  file: fc.integer({ min: 0, max: FILES.length - 1 }),
  offset: fc.integer({ min: 0, max: FILE_BYTES - 1 }),
  bytes: fc.oneof(fc.integer({ min: 1, max: PAGE }), fc.integer({ min: 1, max: 40 * PAGE })),
};
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), ...place }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), ...place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('now' as const), ...place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sync' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), ...place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), ...place }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ...place,
      ns: fc.constantFrom(1, 1e6, 3e8, 5e9, 31e9),
    }),
  },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

function meets(one: Step, other: Step): boolean {
  return (
    one.file === other.file &&
    one.offset < other.offset + other.bytes &&
    other.offset < one.offset + one.bytes
  );
}

/** A difference of many bytes is told by its first one. */
function isSame(found: Uint8Array, expected: Uint8Array): void {
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  assert.is(found.length, expected.length);
  assert.is(at, -1, `byte ${at} is ${found[at]}, not ${expected[at]}`);
}

class Bench {
  readonly machine: Machine;
  readonly files: OpenFile[];
  readonly contents = FILES.map(() => new Uint8Array(FILE_BYTES));
  readonly #context: AioContext;
  readonly #free: RegisteredBuffer[] = [];
  readonly #limit: number;
  readonly #bios: number;
  #value = 0;
  #isHolding = false;
  #inFlight: Step[] = [];

  constructor(machine: Machine, bios: number) {
    this.#bios = bios;
    this.machine = machine;
    this.files = FILES.map((name) => machine.openFile(name));
    this.#context = machine.createAioContext(64);
    this.#limit = machine.dirtyLimits().threshold + OVER;
  }

  static async open(build: Build, setup: Setup): Promise<Bench> {
    const drive = { size: 2 * FILE_BYTES, latencyNs: setup.latencyNs };
    return new Bench(
      await openMachine(build, {
        drives: [{ ...drive, size: FILE_BYTES }, drive],
        files: ['a', 'b'].map((name) => ({ name, drive: 1, capacity: FILE_BYTES, size: FILE_BYTES })),
        cache: setup.cachePages * PAGE,
        blockSize: setup.blockSize,
        limits: { bios: setup.bios },
        buffers: '8MiB',
        vm: {
          dirtyBytes: setup.dirtyPages * PAGE,
          dirtyBackgroundBytes: setup.backgroundPages * PAGE,
          writeBandwidth: setup.bandwidthPages * PAGE,
        },
      }),
      setup.bios,
    );
  }

  #fill(step: Step): Uint8Array {
    this.#value = (this.#value % 255) + 1;
    return new Uint8Array(Math.min(step.bytes, FILE_BYTES - step.offset)).fill(this.#value);
  }

  #submit(step: Step, rwFlags: number): Uint8Array {
    const bytes = this.#fill(step);
    const buffer = this.#free.pop() ?? this.machine.allocateBuffer(40 * PAGE);
    buffer.bytes.set(bytes);
    const part = { op: 'pwrite' as const, file: this.files[step.file] as OpenFile, buffer };
    this.#context.submit([{ ...part, length: bytes.length, offset: step.offset, rwFlags }]);
    return bytes;
  }

  /** Takes the events that are there; the results. */
  reap(): number[] {
    return this.#context.getEvents({ max: 64 }).map(({ res, request }) => {
      if (request !== undefined) this.#free.push(request.buffer as RegisteredBuffer);
      return res;
    });
  }

  /** Everything in flight ends. */
  settle(): void {
    this.machine.holdCompletions(false, 0);
    this.machine.holdCompletions(false, 1);
    this.#isHolding = false;
    this.machine.run();
    this.reap();
    this.#inFlight = [];
  }

  play(step: Step): void {
    const file = this.files[step.file] as OpenFile;
    const content = this.contents[step.file] as Uint8Array;
    switch (step.do) {
      case 'write': {
        this.settle();
        const bytes = this.#fill(step);
        assert.is(file.write(bytes, step.offset), bytes.length);
        content.set(bytes, step.offset);
        break;
      }
      case 'submit':
        // writers do not wait for each other: whose bytes win where they meet is nobody's to say
        if (this.#inFlight.some((other) => meets(step, other)) || this.#inFlight.length > 40) this.settle();
        this.#inFlight.push(step);
        content.set(this.#submit(step, 0), step.offset);
        break;
      case 'now': {
        this.settle();
        const bytes = this.#submit(step, RWF_NOWAIT);
        this.machine.run();
        const [done] = this.reap();
        assert.ok(done === -11 || ((done ?? 0) > 0 && (done ?? 0) <= bytes.length), `${done}`);
        if ((done ?? 0) > 0) content.set(bytes.subarray(0, done), step.offset);
        break;
      }
      case 'read': {
        this.settle();
        const length = Math.min(step.bytes, FILE_BYTES - step.offset);
        isSame(file.read(length, step.offset), content.subarray(step.offset, step.offset + length));
        break;
      }
      case 'sync':
        this.settle();
        file.sync();
        break;
      case 'hold':
        this.machine.holdCompletions(true, step.file === 0 ? 0 : 1);
        this.#isHolding = true;
        break;
      case 'release':
        if (this.machine.heldCompletions(step.file === 0 ? 0 : 1) > 0)
          this.machine.releaseCompletion(0, step.file === 0 ? 0 : 1);
        break;
      case 'advance':
        this.machine.advance(step.ns);
        break;
    }
    this.reap();
    const { nr_dirty, nr_writeback } = this.machine.vmstat();
    assert.ok(nr_dirty + nr_writeback <= this.#limit, `${nr_dirty} + ${nr_writeback} of ${this.#limit}`);
    assert.is(brokenRule(this.machine), '');
    if (this.#isHolding) return;
    if (step.do === 'advance' && step.ns > 30e9) assert.is(this.machine.run(), 0);
  }

  finish(): void {
    this.settle();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    // 30 s of age, at most 5 s to the tick, and the time of the writes; a tick more for what finds no bio
    this.machine.advance(36e9);
    for (let tick = 0; tick < 4 && this.machine.vmstat().nr_dirty > 0; tick++) {
      assert.is(this.#bios, 4, 'only bios are missing');
      this.machine.advance(5e9);
    }
    const { nr_dirty, nr_writeback, nr_dirtied, nr_written } = this.machine.vmstat();
    assert.equal([nr_dirty, nr_writeback], [0, 0]);
    assert.ok(nr_written >= nr_dirtied, 'what goes in two parts is written twice');
    for (const [index, file] of this.files.entries())
      isSame(file.read(FILE_BYTES, 0), this.contents[index] as Uint8Array);
    this.#context.destroy();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    assert.is(brokenRule(this.machine), '');
  }
}

for (const build of BUILDS) {
  const fuzz = suite(`flusher fuzz (${build})`);

  fuzz('any order of writes, pauses, held drives and time', async () => {
    const seen = { pauses: 0, flusherPages: 0 };
    await fc.assert(
      fc.asyncProperty(
        setups,
        fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' }),
        async (setup, all) => {
          const bench = await Bench.open(build, setup);
          for (const step of all) bench.play(step);
          bench.finish();
          seen.pauses += bench.machine.counters.dirty.pauses;
          seen.flusherPages += bench.machine.counters.dirty.flusherPages;
        },
      ),
      { seed: SEED, numRuns: RUNS[build], endOnFailure: true },
    );
    console.log(`seed ${SEED}, ${JSON.stringify(seen)}`);
    assert.ok(seen.pauses > RUNS[build] && seen.flusherPages > 100 * RUNS[build], JSON.stringify(seen));
  });

  fuzz.run();
}
