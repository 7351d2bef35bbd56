// test-timeout: 120
// Random reads, writes, direct writes, discards, truncates, syncs and drop_caches on caches of a few pages, under every policy, against
// an array of bytes.
//
// Whatever leaves the cache, no byte is lost: a page that is dropped while it is dirty would bring the drive's old bytes back.
// Under `linux` no record may say that a dirty page left, and the two lists always hold every page.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EVICTIONS, type Eviction, type MachineConfig } from '../../../src/core/options.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import {
  BUILDS,
  type Build,
  brokenRule,
  EXACT,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';

const PAGE = 4096;
const FILE_PAGES = 24;
const FILE_BYTES = FILE_PAGES * PAGE;
const STEPS = { release: 1500, debug: 500 } as const;

/** Numbers from 0 to limit - 1; the same ones for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

class Fuzz {
  readonly machine: Machine;
  readonly file: OpenFile;
  readonly direct: OpenFile;
  readonly policy: Eviction;
  readonly #next: (limit: number) => number;
  /** What the file holds: as many bytes as it is long. */
  #bytes = new Uint8Array(FILE_BYTES);

  constructor(machine: Machine, policy: Eviction, seed: number) {
    this.machine = machine;
    this.policy = policy;
    this.file = machine.openFile('file');
    this.direct = machine.openFile('file', { direct: true });
    this.#next = randomNumbers(seed);
  }

  #range(unit: number): [offset: number, length: number] {
    const limit = Math.max(Math.floor(this.#bytes.length / unit), 1);
    const first = this.#next(limit);
    const most = Math.max(Math.min(Math.ceil((5 * PAGE) / unit), limit - first), 1);
    return [first * unit, (1 + this.#next(most)) * unit];
  }

  #write(file: OpenFile, unit: number): void {
    const [offset, wanted] = this.#range(unit);
    const length = Math.min(wanted, FILE_BYTES - offset);
    const bytes = new Uint8Array(length).fill(1 + this.#next(255));
    assert.is(file.write(bytes, offset), length);
    if (offset + length > this.#bytes.length) {
      const grown = new Uint8Array(offset + length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, offset);
  }

  #truncate(): void {
    const size = this.#next(4) === 0 ? 0 : this.#next(FILE_BYTES + 1);
    this.file.truncate(size);
    const kept = new Uint8Array(size);
    kept.set(this.#bytes.subarray(0, size));
    this.#bytes = kept;
  }

  step(number: number): void {
    const kind = this.#next(40);
    if (kind < 14) {
      const [offset, length] = this.#range(1);
      const expected = this.#bytes.subarray(offset, offset + length);
      assert.is(Buffer.compare(this.file.read(length, offset), expected), 0, `read of step ${number}`);
    } else if (kind < 20) this.#write(this.file, PAGE);
    else if (kind < 30) this.#write(this.file, 1);
    else if (kind < 32 && this.#bytes.length >= PAGE) this.#write(this.direct, PAGE);
    else if (kind < 34) this.file.sync();
    else if (kind < 36) this.machine.dropCaches();
    else if (kind < 37) this.#truncate();
    else if (kind < 38) this.machine.advance(this.#next(2) * 3_000_000_000);
    else this.machine.run();
    this.#check(number);
  }

  #check(number: number): void {
    if (number % 8 === 0) assert.is(brokenRule(this.machine), '', `after step ${number}`);
    if (this.policy !== 'linux') return;
    const { cache, reclaim } = this.machine.counters;
    assert.is(reclaim.nrActiveFile + reclaim.nrInactiveFile, cache.nrFilePages, `lists after step ${number}`);
    for (const { kind, detail, address } of this.machine.records.take())
      assert.ok(kind !== 'evicted' || detail === 0, `page ${address} left dirty in step ${number}`);
  }

  end(): void {
    this.file.sync();
    this.machine.run();
    const { size } = this.file;
    assert.is(size, this.#bytes.length);
    assert.is(Buffer.compare(this.file.read(size, 0), this.#bytes), 0, 'read at the end');
    this.machine.dropCaches();
    assert.is(this.machine.counters.cache.nrFilePages, 0);
    assert.is(Buffer.compare(this.file.read(size, 0), this.#bytes), 0, 'read from the drive');
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

const LIMITS: readonly [name: string, config: MachineConfig][] = [
  ['no limits', EXACT],
  ['the default limits', {}],
];

async function play(build: Build, policy: Eviction, config: MachineConfig, seed: number): Promise<void> {
  const next = randomNumbers(seed * 7919);
  const machine = await openMachine(build, {
    ...config,
    eviction: policy,
    cache: (1 + next(seed % 2 === 0 ? 4 : 20)) * PAGE,
    blockSize: [512, 1024, 4096][next(3)] as number,
    drives: [{ size: FILE_BYTES, latencyNs: next(2) * 1000 }],
    files: [{ name: 'file', capacity: FILE_BYTES, size: FILE_BYTES }],
    records: 65536,
    limits: { bios: [4, 8, 4096][next(3)] as number },
  });
  const fuzz = new Fuzz(machine, policy, seed);
  for (let number = 0; number < STEPS[build]; number++) fuzz.step(number);
  fuzz.end();
}

const fuzzing = suite('eviction, fuzzed');

for (const build of BUILDS) {
  for (const [name, config] of LIMITS) {
    for (const policy of EVICTIONS) {
      fuzzing(`${build}: ${policy}, ${name}: no byte is lost`, async () => {
        for (let seed = 1; seed <= 4; seed++) await play(build, policy, config, seed);
      });
    }
  }
}

fuzzing.run();
