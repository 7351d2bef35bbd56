// Random workloads for the model tests: a machine and the naive model side by side, one step at a time.
//
// Verbs: setups and steps (fast-check arbitraries), openPair, runStep, checkSynced. Drive 0 is used whole; drive 1 holds two
// flat files side by side. Every file has handles of every kind, so buffered and direct I/O mix on the same pages.
// Invariant: after every step the answer, the bytes and the cache counters of both sides are equal.

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../assembly/limits.ts';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { StorageError } from '../../src/errors.ts';
import type { OpenFile } from '../../src/files.ts';
import type { Machine } from '../../src/machine.ts';
import { type Build, EXACT, openMachine } from '../support/machine.ts';
import { type NaiveMode, NaivePath } from './naive.ts';

/** What varies from machine to machine. Sizes are small, so that steps meet. */
export interface Setup {
  readonly blockSize: number;
  readonly cachePages: number;
  readonly merge: boolean;
  readonly latencyNs: number;
  readonly channels: number;
  readonly queueDepth: number;
  readonly volatileWrites: number;
  readonly bios: number;
  readonly maxSectors: number;
  readonly maxSegments: number;
  /** Sectors of drive 0: not always whole pages or blocks. */
  readonly driveSectors: number;
  /** Size of the first flat file at open. */
  readonly fileSize: number;
}

export type Step = readonly [kind: StepKind, file: number, mode: number, offset: number, length: number];
export type StepKind = 'read' | 'write' | 'sync' | 'discard' | 'alignedRead' | 'alignedWrite' | 'size';

export const FILE_CAPACITY = 24 * PAGE_SIZE;
const MODES: readonly NaiveMode[] = [
  {},
  {},
  { direct: true },
  { dsync: true },
  { direct: true, dsync: true },
  { append: true },
];
const MANY_BIOS = 4096;
const FILE_COUNT = 3;
const REACH = 26 * PAGE_SIZE;

export const setups: fc.Arbitrary<Setup> = fc.record({
  blockSize: fc.constantFrom(512, 1024, 2048, 4096),
  cachePages: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 80 })),
  merge: fc.boolean(),
  latencyNs: fc.constantFrom(0, 0, 1, 1000),
  channels: fc.integer({ min: 1, max: 4 }),
  queueDepth: fc.constantFrom(1, 2, 7, 256),
  volatileWrites: fc.constantFrom(0, 1, 5, 4096),
  bios: fc.constantFrom(4, 5, 16, MANY_BIOS, MANY_BIOS, MANY_BIOS),
  maxSectors: fc.constantFrom(8, 9, 64, 2560),
  maxSegments: fc.constantFrom(1, 2, 128),
  driveSectors: fc.constantFrom(1, 7, 8, 9, 100, 199, 200),
  fileSize: fc.integer({ min: 0, max: FILE_CAPACITY }),
});

const lengths = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 1500 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 * PAGE_SIZE }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: REACH }) },
);

export const steps: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom<StepKind>(
    'read',
    'read',
    'read',
    'write',
    'write',
    'write',
    'alignedRead',
    'alignedWrite',
    'discard',
    'sync',
    'size',
  ),
  fc.nat(FILE_COUNT - 1),
  fc.nat(MODES.length - 1),
  fc.nat(REACH),
  lengths,
);

export function configOf(setup: Setup): MachineConfig {
  const shared = {
    model: setup.latencyNs === 0 ? 'instant' : 'fixed',
    latencyNs: setup.latencyNs,
    channels: setup.channels,
    queueDepth: setup.queueDepth,
    volatileWrites: setup.volatileWrites,
  } as const;
  return {
    ...EXACT,
    drives: [
      { ...shared, size: setup.driveSectors * 512 },
      { ...shared, size: 2 * FILE_CAPACITY },
    ],
    files: [
      { name: 'first', drive: 1, capacity: FILE_CAPACITY, size: setup.fileSize },
      { name: 'second', drive: 1, capacity: FILE_CAPACITY },
    ],
    blockSize: setup.blockSize,
    cache: setup.cachePages * PAGE_SIZE,
    merge: setup.merge,
    buffers: '1MiB',
    aioMaxNr: 256,
    limits: {
      operations: 256,
      bios: setup.bios,
      spans: 2048,
      maxSectors: setup.maxSectors,
      maxSegments: setup.maxSegments,
      virtioRequests: 0,
    },
  };
}

/** Bytes without a pattern that a wrong offset could repeat; the same in every run. */
const NOISE = (() => {
  const noise = new Uint8Array(REACH * 2);
  let state = 0x9e3779b9;
  for (let index = 0; index < noise.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[index] = state;
  }
  return noise;
})();

export function noise(length: number, salt: number): Uint8Array {
  const start = (salt * 7919) % (NOISE.length - REACH);
  return NOISE.subarray(start, start + length);
}

/** A machine, the model of it, and a handle of every mode on every file. */
export interface Pair {
  readonly machine: Machine;
  readonly model: NaivePath;
  readonly handles: readonly (readonly OpenFile[])[];
  readonly config: MachineConfig;
  /** More bios than the steps can use at once. */
  readonly hasBios: boolean;
  stepCount: number;
}

export const FILE_NAMES = ['drive0', 'first', 'second'] as const;

export async function openPair(build: Build, setup: Setup): Promise<Pair> {
  const config = configOf(setup);
  const model = new NaivePath({
    drives: 2,
    files: [
      {
        drive: 0,
        offsetBytes: 0,
        capacity: setup.driveSectors * 512,
        isBlockDevice: true,
        size: setup.driveSectors * 512,
      },
      {
        drive: 1,
        offsetBytes: 0,
        capacity: FILE_CAPACITY,
        isBlockDevice: false,
        size: setup.fileSize,
      },
      { drive: 1, offsetBytes: FILE_CAPACITY, capacity: FILE_CAPACITY, isBlockDevice: false, size: 0 },
    ],
    blockSize: setup.blockSize,
    cachePages: setup.cachePages,
  });
  // both drives start with bytes on them; behind the end of a file there are zeros
  const memories = [new SparseMemory(), new SparseMemory()];
  [setup.driveSectors * 512, setup.fileSize].forEach((bytes, drive) => {
    memories[drive]?.write(noise(bytes, drive), 0);
    model.drives[drive]?.write(noise(bytes, drive), 0);
  });
  const machine = await openMachine(build, {
    ...config,
    drives: (config.drives ?? []).map((drive, index) => ({
      ...drive,
      memory: memories[index] as SparseMemory,
    })),
  });
  const handles = FILE_NAMES.map((name) => MODES.map((mode) => machine.openFile(name, mode)));
  return { machine, model, handles, config, hasBios: setup.bios === MANY_BIOS, stepCount: 0 };
}

/** Ends the search for a smaller failing input before the runner ends the file. */
const TIME_LIMIT_MS = 280_000;

/** Runs a property and throws what a reader needs: seed, path, the smallest failing input, and why it failed. */
export async function holds<T>(property: fc.IAsyncProperty<T>, seed: number, numRuns: number): Promise<void> {
  const { failed, counterexample, counterexamplePath, errorInstance } = await fc.check(property, {
    seed,
    numRuns,
    interruptAfterTimeLimit: TIME_LIMIT_MS,
    markInterruptAsFailure: true,
  });
  if (!failed) return;
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(
    `seed ${seed}, path ${counterexamplePath?.slice(0, 60)}: ${why}\n${JSON.stringify(counterexample)}`,
    {
      cause: errorInstance,
    },
  );
}

/** A call's result, or the negative errno that it threw. */
function resultOf<T>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    if (error instanceof StorageError) return error.errno;
    throw error;
  }
}

function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  assert.unreachable(`${what}: ${actual.length} and ${expected.length} bytes, first difference at ${at}`);
}

/** Takes one step on both sides and compares answer, bytes and counters. */
export function runStep(pair: Pair, [kind, file, modeIndex, askedOffset, askedLength]: Step): void {
  const { machine, model } = pair;
  const number = ++pair.stepCount;
  const isAligned = kind === 'alignedRead' || kind === 'alignedWrite' || kind === 'discard';
  const offset = isAligned ? Math.floor(askedOffset / 512) * 512 : askedOffset;
  const length = isAligned ? Math.floor(askedLength / 512) * 512 : askedLength;
  const handle = pair.handles[file]?.[modeIndex] as OpenFile;
  const mode = MODES[modeIndex] as NaiveMode;
  const what = `step ${number}: ${kind} ${FILE_NAMES[file]} ${JSON.stringify(mode)} ${offset}+${length}`;
  switch (kind) {
    case 'read':
    case 'alignedRead': {
      const actual = resultOf(() => handle.read(length, offset));
      const expected = length === 0 ? new Uint8Array(0) : model.read(file, length, offset, mode);
      if (typeof actual === 'number' || typeof expected === 'number') assert.is(actual, expected, what);
      else sameBytes(actual, expected, what);
      break;
    }
    case 'write':
    case 'alignedWrite': {
      const bytes = noise(length, number);
      assert.is(
        resultOf(() => handle.write(bytes, offset)),
        model.write(file, bytes, offset, mode),
        what,
      );
      break;
    }
    case 'discard':
      assert.is(
        resultOf(() => handle.discard(offset, length)) ?? 0,
        model.discard(file, offset, length),
        what,
      );
      break;
    case 'sync':
      handle.sync();
      model.sync(file);
      break;
    default:
      assert.is(handle.size, model.files[file]?.size, what);
  }
  const { cache } = machine.counters;
  const { accesses, hits, misses, evictions, discardedPages } = cache;
  assert.equal({ accesses, hits, misses, evictions, discardedPages }, model.counters, what);
  // a victim that finds no bio for all its runs is dirty a little longer than the model's
  if (pair.hasBios) assert.is(cache.nrDirty, model.dirtyPageCount, `${what}: dirty pages`);
  else assert.ok(cache.nrDirty >= model.dirtyPageCount, `${what}: dirty pages`);
}

/** Syncs every file, then nothing is dirty and the backing holds exactly the model's bytes. */
export function checkSynced(pair: Pair): void {
  const { machine, model } = pair;
  for (const [file, handles] of pair.handles.entries()) {
    handles[0]?.sync();
    model.sync(file);
  }
  const { cache } = machine.counters;
  assert.is(cache.nrDirty, 0, 'dirty after sync');
  assert.is(cache.nrWriteback, 0, 'under write-back after sync');
  assert.is(cache.nrFilePages, model.cachedPageCount, 'cached pages');
  model.drives.forEach((drive, number) => {
    const memory = machine.memory(number);
    const bytes = new Uint8Array(memory.size);
    memory.read(bytes, 0);
    sameBytes(bytes, drive.read(memory.size, 0), `backing of drive ${number}`);
  });
}
