// test-timeout: 120
// WASI calls with arguments and memory of noise: no exception, no trap, no byte of the guest changed that a call does not name, no
// file outside of the guest's directory, and nothing left in the machine at the end.
//
// Half of what is drawn makes sense, so that files are really open; the rest is any 32 bits.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RIGHTS_DIRECTORY } from '../../../src/adapters/wasi/abi.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { ALL, BUFFER, IOVECS, OUT, SIZE, WasiGuest } from './wasi-guest.ts';

const CALLS = { release: 12_000, debug: 8_000 } as const;
const PATHS = 0x200;
const NAMES = [
  'a',
  'b',
  'c',
  'a/b',
  'a/../b',
  'c/',
  '.',
  '..',
  '../up',
  '/abs',
  '',
  'b/./c',
  'x'.repeat(300),
];
/** Where a good call may write: its answers, and the buffer. What is below holds paths, which none may change. */
const WRITABLE = 0x100;
const PATHS_END = 0x1000;

/** Kinds of arguments, by name of the call. */
type Kind = 'fd' | 'opened' | 'path' | 'address' | 'small' | 'rights' | 'u64' | 'iovecs' | 'out' | 'length';
const SIGNATURES: Readonly<Record<string, readonly Kind[]>> = {
  fd_advise: ['fd', 'u64', 'u64', 'small'],
  fd_allocate: ['fd', 'u64', 'u64'],
  fd_close: ['opened'],
  fd_datasync: ['fd'],
  fd_fdstat_get: ['fd', 'out'],
  fd_fdstat_set_flags: ['fd', 'small'],
  fd_filestat_get: ['fd', 'out'],
  fd_filestat_set_size: ['fd', 'u64'],
  fd_filestat_set_times: ['fd', 'u64', 'u64', 'small'],
  fd_pread: ['fd', 'iovecs', 'small', 'u64', 'out'],
  fd_prestat_get: ['fd', 'out'],
  fd_prestat_dir_name: ['fd', 'address', 'length'],
  fd_pwrite: ['fd', 'iovecs', 'small', 'u64', 'out'],
  fd_read: ['fd', 'iovecs', 'small', 'out'],
  fd_readdir: ['fd', 'address', 'length', 'u64', 'out'],
  fd_renumber: ['opened', 'opened'],
  fd_seek: ['fd', 'u64', 'small', 'out'],
  fd_sync: ['fd'],
  fd_tell: ['fd', 'out'],
  fd_write: ['fd', 'iovecs', 'small', 'out'],
  path_create_directory: ['fd', 'path'],
  path_filestat_get: ['fd', 'small', 'path', 'out'],
  path_filestat_set_times: ['fd', 'small', 'path', 'u64', 'u64', 'small'],
  path_link: ['fd', 'small', 'path', 'fd', 'path'],
  path_open: ['fd', 'small', 'path', 'small', 'rights', 'rights', 'small', 'out'],
  path_readlink: ['fd', 'path', 'address', 'length', 'out'],
  path_remove_directory: ['fd', 'path'],
  path_rename: ['fd', 'path', 'fd', 'path'],
  path_symlink: ['path', 'fd', 'path'],
  path_unlink_file: ['fd', 'path'],
  clock_time_get: ['small', 'u64', 'out'],
  random_get: ['address', 'length'],
  args_get: ['out', 'address'],
};
/** What is called most: without it nothing is open. */
const FAVOURITES = ['path_open', 'path_open', 'fd_pwrite', 'fd_pread', 'path_create_directory'];

/** xorshift32. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

class Fuzz {
  readonly guest: WasiGuest;
  readonly #random: (limit: number) => number;
  /** Where each name lies, and its bytes. */
  readonly #places: (readonly [address: number, length: number])[] = [];
  readonly answers = new Map<number, number>();

  constructor(guest: WasiGuest, seed: number) {
    this.guest = guest;
    this.#random = randomOf(seed);
    let at = PATHS;
    for (const name of NAMES) {
      const length = guest.text(at, name);
      this.#places.push([at, length]);
      at += length;
    }
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random(values.length)] as T;
  }

  /** Any 32 bits, more often near an edge. */
  #word(): number {
    const edges = [0, 1, 7, SIZE - 4, SIZE - 1, SIZE, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
    return (this.#random(2) === 0 ? this.#one(edges) : this.#random(0x100000000)) | 0;
  }

  #isOdd(): boolean {
    return this.#random(16) === 0;
  }

  #argument(kind: Kind): readonly (number | bigint)[] {
    const random = this.#random;
    switch (kind) {
      case 'fd':
        return [this.#isOdd() ? this.#word() : 3 + (random(2) === 0 ? 0 : random(5))];
      // the directory itself stays: without it there is nothing
      case 'opened':
        return [this.#isOdd() ? this.#word() : 4 + random(5)];
      case 'path':
        return this.#isOdd() ? [this.#word(), this.#word()] : this.#one(this.#places);
      case 'address':
        return [this.#isOdd() ? this.#outside() : BUFFER + random(0x2000)];
      case 'out':
        return [this.#isOdd() ? this.#outside() : OUT];
      case 'iovecs':
        return [this.#isOdd() ? this.#word() : IOVECS];
      case 'length':
        return [this.#isOdd() ? this.#word() : random(500)];
      case 'small':
        return [this.#isOdd() ? this.#word() : random(6)];
      case 'rights':
        return [
          this.#isOdd() ? this.#wide() : this.#one([ALL, RIGHTS_DIRECTORY, RIGHTS_DIRECTORY & this.#wide()]),
        ];
      case 'u64':
        return [this.#isOdd() ? this.#wide() : BigInt(random(9000))];
    }
  }

  /** An address at which nothing may be written. */
  #outside(): number {
    return this.#one([SIZE - 1, SIZE, -1, -2, 0x7fffffff, -0x80000000]);
  }

  #wide(): bigint {
    const [high, low] = [this.#random(0x100000000), this.#random(0x100000000)];
    return this.#one([
      BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)),
      -1n,
      2n ** 63n - 1n,
      2n ** 53n,
    ]);
  }

  #writeIovecs(): void {
    for (let index = 0; index < 6; index++) {
      this.guest.view.setUint32(
        IOVECS + index * 8,
        this.#isOdd() ? this.#outside() : BUFFER + this.#random(0x2000),
        true,
      );
      this.guest.view.setUint32(
        IOVECS + index * 8 + 4,
        this.#isOdd() ? this.#word() : this.#random(700),
        true,
      );
    }
  }

  /** One call; what is below the buffer and not an answer must stay as it is. */
  step(): void {
    const name = this.#random(3) === 0 ? this.#one(FAVOURITES) : this.#one(Object.keys(SIGNATURES));
    const values = (SIGNATURES[name] ?? []).flatMap((kind) => this.#argument(kind));
    this.#writeIovecs();
    const before = this.guest.bytes.slice();
    const answer = this.guest.call(name, ...values);
    const what = `${name}(${values.join(', ')})`;
    assert.type(answer, 'number', what);
    assert.ok(answer >= 0 && answer <= 76, what);
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
    const after = this.guest.bytes;
    const isSame = (from: number, to: number) =>
      Buffer.compare(before.subarray(from, to), after.subarray(from, to)) === 0;
    assert.ok(isSame(0, WRITABLE) && isSame(PATHS, PATHS_END) && isSame(IOVECS, BUFFER), what);
  }
}

const fuzz = suite('wasi fuzz');

for (const build of BUILDS) {
  fuzz(`${build}: hostile calls answer numbers and touch nothing else`, async () => {
    for (const seed of [1, 2]) {
      const machine = await openMachine(build, { drives: [{ size: '2MiB' }], volume: true });
      machine.fs.mkdir('/jail');
      const run = new Fuzz(new WasiGuest(machine, { preopens: { '/': '/jail' } }), seed);
      for (let index = 0; index < CALLS[build] / 2; index++) run.step();
      assert.equal(machine.fs.readdir('/'), ['jail']);
      assert.ok(
        (run.answers.get(0) ?? 0) > CALLS[build] / 20,
        `enough succeeds: ${JSON.stringify([...run.answers])}`,
      );
      assert.ok(run.answers.size >= 12, [...run.answers.keys()].join(' '));
      run.guest.host.dispose();
      assert.equal(machine.fs.check(), []);
      machine.fs.unmount();
      assert.equal(machine.fs.check(), []);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    }
  });
}

fuzz.run();
