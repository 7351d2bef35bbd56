// test-timeout: 240
// Calls with arguments and memory of noise: no exception, no trap, no byte of the guest changed that was not named, and
// nothing left in the machine at the end.
//
// Half of what is drawn makes sense, so that requests are really in flight; the rest is any 32 bits. Before each call the
// ranges that it may write are worked out from the guest's memory alone, and every other byte is compared afterwards.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { Guest } from './guest.ts';

const CALLS = { release: 30_000, debug: 8_000 } as const;
const SIZE = 65536;
const IOCBS = 0x800;
const IOCB_COUNT = 12;
const POINTERS = 0x700;
const IOVECS = 0x1000;
const READ = 0;
const READV = 7;

type Range = readonly [start: number, length: number];

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
  readonly guest: Guest;
  readonly #random: (limit: number) => number;
  /** Where the reads in flight of a context may put their bytes. */
  readonly #targets = new Map<number, Range[]>();
  readonly #contexts: number[] = [];
  /** Descriptors of files, some of which may have been closed. */
  readonly #files: number[] = [];
  readonly answers = new Map<string, number>();

  constructor(guest: Guest, seed: number) {
    this.guest = guest;
    this.#random = randomOf(seed);
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random(values.length)] as T;
  }

  /** Any 32 bits, more often near an edge. */
  #word(): number {
    const edges = [0, 1, 7, SIZE - 4, SIZE - 1, SIZE, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
    return this.#random(2) === 0 ? this.#one(edges) : this.#random(0x100000000);
  }

  /** An address that is usually there. */
  #address(): number {
    return this.#random(8) === 0 ? this.#word() : 0x2000 + this.#random(0x8000);
  }

  #small(limit: number): number {
    return this.#random(12) === 0 ? this.#word() | 0 : this.#random(limit);
  }

  #fd(): number {
    return this.#random(8) === 0 || this.#files.length === 0 ? this.#small(12) : this.#one(this.#files);
  }

  #context(): number {
    return this.#random(10) === 0 || this.#contexts.length === 0 ? this.#word() : this.#one(this.#contexts);
  }

  #number(address: number): number | undefined {
    return address <= SIZE - 4 ? this.guest.view.getUint32(address, true) : undefined;
  }

  #writeIocb(address: number): void {
    const { guest } = this;
    const opcode =
      this.#random(15) === 0 ? this.#random(65536) : this.#one([0, 0, 1, 1, 2, 3, 5, 7, 7, 8, 8]);
    const isVector = opcode >= READV;
    guest.iocb(address, {
      opcode,
      fd: this.#fd(),
      buf: isVector && this.#random(6) > 0 ? IOVECS : this.#address(),
      nbytes: isVector ? this.#small(9) : this.#random(10) === 0 ? this.#word() : this.#random(6000),
      offset: this.#random(20) === 0 ? BigInt.asIntN(64, BigInt(this.#word()) << 32n) : this.#random(70000),
      data: BigInt(this.#random(0x100000000)) << 20n,
      key: this.#random(4),
      flags: this.#random(20) === 0 ? this.#word() : 0,
      rwFlags: this.#random(20) === 0 ? this.#word() : 0,
      resfd: this.#small(8),
      reserved: this.#random(30) === 0 ? 1n : 0n,
    });
    if (opcode === 2 || opcode === 3) guest.bytes.fill(0, address + 24, address + 64);
    for (let index = 0; index < 10; index++)
      guest.words(IOVECS + index * 8, [this.#address(), this.#random(3) === 0 ? this.#small(4000) : 64]);
  }

  /** The ranges of an iovec array. */
  #pieces(array: number, count: number): Range[] {
    const ranges: Range[] = [];
    for (let index = 0; index < Math.min(count, 1024); index++) {
      const base = this.#number(array + index * 8);
      const length = this.#number(array + index * 8 + 4);
      if (base !== undefined && length !== undefined) ranges.push([base, length]);
    }
    return ranges;
  }

  #targetsOf(iocb: number): Range[] {
    if (iocb > SIZE - 64) return [];
    const { view } = this.guest;
    const opcode = view.getUint16(iocb + 16, true);
    const buffer = view.getUint32(iocb + 24, true);
    const count = Number(view.getBigUint64(iocb + 32, true));
    if (opcode === READ) return [[buffer, count]];
    return opcode === READV ? this.#pieces(buffer, count) : [];
  }

  #submit(): void {
    for (let index = 0; index < 3; index++) this.#writeIocb(IOCBS + this.#random(IOCB_COUNT) * 64);
    const context = this.#context();
    const pointers = this.#random(10) === 0 ? this.#word() : POINTERS;
    const count = this.#small(6);
    const list = Array.from({ length: 6 }, () =>
      this.#random(12) === 0 ? this.#word() : IOCBS + this.#random(IOCB_COUNT) * 64,
    );
    this.guest.words(POINTERS, list);
    const iocbs: number[] = [];
    for (let index = 0; index < Math.min(count, SIZE); index++) {
      const iocb = this.#number((pointers >>> 0) + index * 4);
      if (iocb !== undefined) iocbs.push(iocb);
    }
    const targets = iocbs.map((iocb) => this.#targetsOf(iocb));
    const keys = iocbs.map((iocb): Range => [iocb + 8, 4]);
    const accepted = this.#call('io_submit', [context, count, pointers], keys);
    const known = this.#targets.get(context >>> 0);
    if (accepted > 0) known?.push(...targets.slice(0, accepted).flat());
  }

  #getevents(): void {
    const context = this.#context();
    const events = this.#random(6) === 0 ? this.#word() : 0x8000;
    const timeout = this.#one([0, 0x600, 0x600, this.#word()]);
    this.guest.view.setBigInt64(0x600, BigInt(this.#random(3) - 1), true);
    this.guest.view.setInt32(0x608, this.#random(100_000) - 1000, true);
    const maximum = this.#small(70);
    const values = [context, this.#small(4), maximum, events, timeout];
    const name = this.#one(['io_getevents', 'io_pgetevents']);
    // an array behind whose end nothing can be is checked below, by the count
    const reads = this.#targets.get(context >>> 0) ?? [];
    this.#call(name, values, [...reads, [events, Math.max(0, Math.min(maximum, 2048)) * 32]]);
  }

  #life(): void {
    const address = this.#random(4) === 0 ? this.#word() : 0x400;
    if (this.#random(2) === 0 && address === 0x400) this.guest.words(0x400, [0]);
    if (this.#random(3) > 0 && this.#contexts.length < 6) {
      const name = this.#one(['io_setup', 'io_queue_init']);
      if (this.#call(name, [this.#small(200), address], [[address, 4]]) !== 0) return;
      const handle = this.#number(address) as number;
      this.#contexts.push(handle);
      this.#targets.set(handle, []);
      return;
    }
    const context = this.#context();
    if (this.#call(this.#one(['io_destroy', 'io_queue_release']), [context], []) !== 0) return;
    this.#targets.delete(context >>> 0);
    this.#contexts.splice(this.#contexts.indexOf(context >>> 0), 1);
  }

  #openFile(): void {
    const name = this.#one(['file', 'drive0', '/drive0', '..', '.', 'x'.repeat(300), 'drive7']);
    const length = this.#random(6) === 0 ? this.#word() | 0 : this.guest.text(0x500, name);
    const path = this.#random(12) === 0 ? this.#word() : 0x500;
    const rights = this.#one([2n, 64n, 66n, 66n, 66n, -1n, 0n]);
    const out = this.#address();
    const dir = this.#small(5) === 4 ? 3 : this.#one([3, 3, 3, this.#word()]);
    const answer = this.#call(
      'path_open',
      [dir, 0, path, length, this.#one([0, 0, 1, 2, 8, 15]), rights, 0n, this.#one([0, 0, 1, 2, 31]), out],
      [[out, 4]],
    );
    if (answer === 0 && this.#files.length < 40) this.#files.push(this.#number(out) as number);
  }

  /** The other calls: name, arguments, and what they may write. */
  #other(): void {
    const [fd, a, b, small] = [this.#fd(), this.#address(), this.#address(), this.#small(12)];
    const offset = this.#one([0n, BigInt(this.#random(70000)), -1n, 2n ** 63n - 1n]);
    const pieces = this.#pieces(a, Math.max(0, small));
    const size = this.#one([0n, 100n, BigInt(this.#random(70000)), -1n, 2n ** 62n]);
    const calls: readonly (readonly [string, readonly (number | bigint)[], readonly Range[]])[] = [
      ['io_cancel', [this.#context(), this.#random(2) === 0 ? IOCBS : this.#word(), a], []],
      ['io_queue_wait', [this.#context(), a], []],
      ['fd_pread', [fd, a, small, offset, b], [...pieces, [b, 4]]],
      ['fd_read', [fd, a, small, b], [...pieces, [b, 4]]],
      ['fd_pwrite', [fd, a, small, offset, b], [[b, 4]]],
      ['fd_write', [fd, a, small, b], [[b, 4]]],
      ['fd_seek', [fd, offset, small, b], [[b, 8]]],
      ['fd_tell', [fd, b], [[b, 8]]],
      ['fd_fdstat_get', [fd, b], [[b, 24]]],
      ['fd_fdstat_set_flags', [fd, small & 31], []],
      ['fd_filestat_get', [fd, b], [[b, 64]]],
      ['fd_filestat_set_size', [fd, size], []],
      ['fd_sync', [fd], []],
      ['fd_close', [this.#random(4) === 0 ? fd + (fd === 3 ? 1 : 0) : 99], []],
      ['fd_prestat_get', [fd, b], [[b, 8]]],
      ['fd_prestat_dir_name', [fd, b, small], [[b, 1]]],
      ['path_filestat_get', [3, 0, a, small, b], [[b, 64]]],
      ['path_unlink_file', [3, a, small], []],
      [
        'args_get',
        [a, b],
        [
          [a, 4],
          [b, 8],
        ],
      ],
      [
        'args_sizes_get',
        [a, b],
        [
          [a, 4],
          [b, 4],
        ],
      ],
      ['environ_get', [a, b], []],
      ['clock_time_get', [small, 0n, b], [[b, 8]]],
      ['clock_res_get', [small, b], [[b, 8]]],
      ['random_get', [a, small], [[a, small]]],
      ['sched_yield', [], []],
      ['fd_readdir', [fd, a, small, 0n, b], []],
    ];
    const [name, values, ranges] = this.#one(calls);
    this.#call(name, values, ranges);
  }

  /** poll_oneoff of clocks that are never far. */
  #sleep(): void {
    const count = this.#random(4);
    const [input, output, out] = [this.#address(), this.#address(), this.#address()];
    if (input < SIZE - 48 * 4) {
      for (let index = 0; index < count; index++)
        this.guest.view.setBigUint64(input + index * 48 + 24, BigInt(this.#random(2000)), true);
    }
    this.#call(
      'poll_oneoff',
      [input, output, count, out],
      [
        [output, count * 32],
        [out, 4],
      ],
    );
  }

  /** Makes the call and compares; its answer. */
  #call(name: string, values: readonly (number | bigint)[], allowed: readonly Range[]): number {
    const before = this.guest.bytes.slice();
    const answer = this.guest.call(name, ...values);
    this.answers.set(name, (this.answers.get(name) ?? 0) + 1);
    const after = this.guest.bytes;
    if (Buffer.compare(before, after) === 0) return answer;
    const map = new Uint8Array(SIZE);
    for (const [start, length] of allowed)
      map.fill(1, Math.min(start >>> 0, SIZE), Math.min((start >>> 0) + length, SIZE));
    for (let at = 0; at < SIZE; at++) {
      if (before[at] !== after[at] && map[at] === 0)
        assert.unreachable(`${name}(${values.join(', ')}) = ${answer} changed byte ${at}`);
    }
    return answer;
  }

  step(): void {
    const kind = this.#random(20);
    if (kind < 6) this.#submit();
    else if (kind < 10) this.#getevents();
    else if (kind === 10 && this.#random(3) === 0) this.#life();
    else if (kind === 11) this.#openFile();
    else if (kind === 12) this.#sleep();
    else this.#other();
  }
}

const fuzz = suite('adapters/libaio fuzz');

for (const build of BUILDS) {
  fuzz(`${build}: noise is answered, and touches only what it names`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: 131072, latencyNs: 500, channels: 2 }],
      files: [{ name: 'file', capacity: 65536, size: 3000 }],
      cache: 16384,
      buffers: '1MiB',
    });
    const guest = new Guest(machine, { args: ['program'], direct: (path) => path === '/drive0' });
    const play = new Fuzz(guest, 20260417);
    for (let count = 0; count < CALLS[build]; count++) play.step();
    const { submitted, completed } = machine.counters.aio;
    assert.ok(submitted > CALLS[build] / 15, `${submitted} requests were accepted`);
    assert.ok(completed > submitted / 2);
    assert.is(play.answers.size, 35);
    guest.host.dispose();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    assert.is(machine.buffers.freeBytes, machine.buffers.capacity);
  });
}

fuzz.run();
