// Random calls with random iocbs against a model of the checks of fs/aio.c: no trap; io_submit accepts exactly the iocbs that
// the model accepts and stops with its error; every accepted request gives one event, with the result that the model says;
// no byte outside the buffers of requests changes; afterwards every pool is empty.
//
// Hostile addresses lie in the core's memory or in none: a client may spoil its own memory as it likes.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import * as aio from './ring.ts';
import { type Iocb, Ring } from './ring.ts';

const { EAGAIN, EBADF, EFAULT, EINVAL, ENOSPC, EOPNOTSUPP, EPERM } = aio;
const { FDSYNC, FSYNC, POLL, PREAD, PREADV, PWRITE, PWRITEV } = aio;

const SEED = 20240619;
const NUMBER_OF_RUNS = 1000;
const SIZE = 262144;
const BUFFER_BYTES = 65536;
const GUARD_BYTES = 4096;
const GUARD = 0x5a;
const NR = 127;
const MAX_I64 = 2n ** 63n - 1n;
const MAX_U64 = 2n ** 64n - 1n;

/** Where a request's bytes are: at a place in the buffer, or at one of the hostile addresses. */
type Place = { readonly at: number } | { readonly hostile: number };

interface Wanted {
  readonly opcode: number;
  readonly file: number;
  readonly place: Place;
  readonly segments: readonly { readonly place: Place; readonly length: bigint }[];
  readonly nbytes: bigint;
  readonly offset: bigint;
  readonly odd: Partial<Pick<Iocb, 'rwFlags' | 'flags' | 'priority' | 'resfd' | 'reserved2'>>;
  readonly isClean: boolean;
}

const transferPlace: fc.Arbitrary<Place> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(BUFFER_BYTES / 2).map((at) => ({ at })) },
  { weight: 1, arbitrary: fc.nat(8).map((hostile) => ({ hostile })) },
);
const small = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(512n, 1024n, 4096n, 8192n) },
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 5000n }) },
);
const wild = fc.oneof(
  fc.bigInt({ min: 0n, max: MAX_U64 }),
  fc.constantFrom(2n ** 32n, 2n ** 63n, MAX_I64, MAX_U64, 0x7ffff000n),
);
const mostly = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 15, arbitrary: usual }, { weight: 1, arbitrary: rare });

const wanted: fc.Arbitrary<Wanted> = fc.record({
  opcode: mostly(fc.constantFrom(PREAD, PWRITE, PREADV, PWRITEV, FSYNC, FDSYNC, POLL), fc.nat(65535)),
  file: mostly(fc.nat(3), fc.integer({ min: 4, max: 7 })),
  place: transferPlace,
  segments: fc.array(fc.record({ place: transferPlace, length: mostly(small, wild) }), { maxLength: 5 }),
  nbytes: mostly(small, wild),
  offset: fc.oneof(
    { weight: 8, arbitrary: fc.nat(SIZE / 512 + 8).map((sector) => BigInt(sector) * 512n) },
    { weight: 4, arbitrary: fc.nat(SIZE + 4096).map(BigInt) },
    { weight: 1, arbitrary: wild },
  ),
  odd: mostly(
    fc.constant({}),
    fc.record(
      {
        rwFlags: fc.oneof(fc.nat(31), fc.nat(0x1ff), fc.nat(0xffffffff)),
        flags: fc.oneof(fc.nat(7), fc.nat(0xffffffff)),
        priority: fc.nat(0xffff),
        resfd: fc.nat(9),
        reserved2: fc.constantFrom(0n, 1n, MAX_U64),
      },
      { requiredKeys: [] },
    ),
  ),
  // syncs and polls take next to nothing: mostly they get it
  isClean: fc.nat(9).map((n) => n > 0),
});

type Step =
  | { readonly do: 'submit'; readonly context: number; readonly iocbs: readonly (Wanted | null)[] }
  | {
      readonly do: 'reap';
      readonly context: number;
      readonly minimum: number;
      readonly maximum: number;
      readonly timeoutNs: number | undefined;
    }
  | { readonly do: 'hold'; readonly isHolding: boolean }
  | { readonly do: 'release'; readonly index: number }
  | { readonly do: 'advance'; readonly nanoseconds: number }
  | { readonly do: 'renew'; readonly context: number }
  | { readonly do: 'garbage'; readonly numbers: readonly number[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      context: fc.nat(1),
      iocbs: fc.array(fc.option(wanted, { freq: 30 }), { maxLength: 20, size: 'max' }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reap' as const),
      context: fc.nat(1),
      minimum: fc.integer({ min: -1, max: 8 }),
      maximum: fc.integer({ min: -1, max: 40 }),
      timeoutNs: fc.option(fc.nat(3_000_000), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), isHolding: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), index: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), nanoseconds: fc.nat(500_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const), context: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('garbage' as const),
      numbers: fc.array(fc.oneof(fc.nat(0xffff), fc.nat(0xffffffff)), { minLength: 5, maxLength: 5 }),
    }),
  },
);

interface File {
  readonly fd: number;
  readonly isDirect: boolean;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

interface Outstanding {
  readonly obj: number;
  readonly res: number;
  /** RWF_NOWAIT: EAGAIN or fewer bytes will do. */
  readonly isImpatient: boolean;
  /** The iocb, for the message. */
  readonly text: string;
}

interface Context {
  handle: number;
  taken: number;
  readonly outstanding: Map<number, Outstanding>;
}

class Player {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly files: readonly File[];
  readonly buffer: number;
  readonly contexts: Context[];
  readonly #guards: readonly number[];
  #nextData = 1;
  #isHolding = false;
  accepted = 0;
  refused = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    const ring = new Ring(machine, 4194304);
    this.ring = ring;
    const before = ring.allocate(GUARD_BYTES);
    this.buffer = ring.allocate(BUFFER_BYTES);
    this.#guards = [before, ring.allocate(GUARD_BYTES)];
    for (const guard of this.#guards) ring.bytes.fill(GUARD, guard, guard + GUARD_BYTES);
    const open = (flags: number) => machine.core.call((exports) => exports.fileOpen(0, flags));
    this.files = [
      { fd: open(3), isDirect: false, canRead: true, canWrite: true },
      { fd: open(7), isDirect: true, canRead: true, canWrite: true },
      { fd: open(1), isDirect: false, canRead: true, canWrite: false },
      { fd: open(6), isDirect: true, canRead: false, canWrite: true },
    ];
    this.contexts = [0, 1].map(() => ({ handle: ring.open(1), taken: 0, outstanding: new Map() }));
  }

  #address(place: Place): bigint {
    if ('at' in place) return BigInt(this.buffer + place.at);
    const hostile = [0, ...this.ring.outside].map(BigInt);
    const far = [2n ** 32n + BigInt(this.buffer), MAX_U64 - 15n];
    return [...hostile, ...far][place.hostile] as bigint;
  }

  /** The iocb of a wish, its iovecs in memory. Lengths are cut so that good places stay inside the buffer. */
  #fields(wish: Wanted): Iocb {
    const data = this.#nextData++;
    const file = this.files[wish.file];
    const base = {
      data,
      key: 77,
      opcode: wish.opcode,
      fd: file?.fd ?? [0, 999, 0xffffffff, 2][wish.file - 4] ?? 0,
    };
    if (wish.isClean && (wish.opcode === FSYNC || wish.opcode === FDSYNC)) return { ...base, ...wish.odd };
    if (wish.isClean && wish.opcode === POLL) return { ...base, buf: wish.nbytes & 0xffffn, ...wish.odd };
    if (wish.opcode === PREADV || wish.opcode === PWRITEV) {
      const iovecs = this.ring.iovecs(
        wish.segments.map(({ place, length }) => [this.#address(place), length]),
      );
      const isHostile = 'hostile' in wish.place;
      const buf = isHostile ? this.#address(wish.place) : BigInt(iovecs);
      const nbytes = isHostile ? wish.nbytes : BigInt(wish.segments.length);
      return { ...base, buf, nbytes, offset: wish.offset, ...wish.odd };
    }
    return { ...base, buf: this.#address(wish.place), nbytes: wish.nbytes, offset: wish.offset, ...wish.odd };
  }

  #isInBuffer(address: bigint, length: bigint): boolean {
    const start = BigInt(this.buffer);
    return address >= start && length <= start + BigInt(BUFFER_BYTES) - address;
  }

  /** fs/aio.c: the error that io_submit stops with, or the result of the event. */
  #expect(fields: Iocb, wish: Wanted, context: Context): { error: number } | { res: number } {
    const buf = BigInt(fields.buf ?? 0);
    const nbytes = BigInt(fields.nbytes ?? 0);
    const offset = BigInt.asIntN(64, BigInt(fields.offset ?? 0));
    const { rwFlags = 0, flags = 0, priority = 0, opcode = 0 } = fields;
    if (BigInt(fields.reserved2 ?? 0) !== 0n || buf >= 2n ** 32n || nbytes > MAX_I64)
      return { error: EINVAL };
    if (context.taken === NR - 1) return { error: EAGAIN };
    const file = this.files.find(({ fd }) => fd === fields.fd);
    if (file === undefined) return { error: EBADF };
    if ((flags & 1) !== 0)
      return { error: this.files.some(({ fd }) => fd === fields.resfd) ? EINVAL : EBADF };
    if (![PREAD, PWRITE, FSYNC, FDSYNC, POLL, PREADV, PWRITEV].includes(opcode)) return { error: EINVAL };
    if (opcode === FSYNC || opcode === FDSYNC)
      return buf === 0n && nbytes === 0n && offset === 0n && rwFlags === 0 ? { res: 0 } : { error: EINVAL };
    if (opcode === POLL) {
      const isClean = buf <= 0xffffn && nbytes === 0n && offset === 0n && rwFlags === 0;
      return isClean ? { res: Number(buf) & 0x145 } : { error: EINVAL };
    }
    if ((flags & 2) !== 0) {
      if (priority >> 13 > 3) return { error: EINVAL };
      if (priority >> 13 === 1) return { error: EPERM };
    }
    if ((rwFlags & ~0x1ff) !== 0) return { error: EOPNOTSUPP };
    if ((rwFlags & 0x30) === 0x30) return { error: EINVAL };
    if ((rwFlags & 0x40) !== 0) return { error: EOPNOTSUPP };
    const isWrite = opcode === PWRITE || opcode === PWRITEV;
    if (!(isWrite ? file.canWrite : file.canRead)) return { error: EBADF };
    const lengths = this.#import(opcode, buf, nbytes, wish);
    if (typeof lengths === 'number') return { error: lengths };
    const bytes = lengths.reduce((a, b) => a + b, 0n);
    if (offset < 0n || bytes > MAX_I64 - offset) return { error: EINVAL };
    return { res: this.#transferred(file, isWrite, offset, bytes, lengths) };
  }

  /** The lengths of the pieces that are moved, or an errno. */
  #import(opcode: number, buf: bigint, nbytes: bigint, wish: Wanted): bigint[] | number {
    if (opcode === PREAD || opcode === PWRITE) {
      if (nbytes === 0n) return [];
      return this.#isInBuffer(buf, nbytes) ? [nbytes] : EFAULT;
    }
    if (nbytes > 1024n) return EINVAL;
    if (nbytes === 0n) return [];
    if ('hostile' in wish.place) return EFAULT;
    if (wish.segments.some(({ length }) => length > MAX_I64)) return EINVAL;
    const lengths: bigint[] = [];
    for (const { place, length } of wish.segments) {
      if (length === 0n) continue;
      if (!this.#isInBuffer(this.#address(place), length)) return lengths.length === 0 ? EFAULT : lengths;
      lengths.push(length);
    }
    return lengths;
  }

  #transferred(file: File, isWrite: boolean, offset: bigint, bytes: bigint, lengths: bigint[]): number {
    if (bytes === 0n) return 0;
    const size = BigInt(SIZE);
    if (file.isDirect && ((offset | bytes) & 511n) !== 0n) return EINVAL;
    if (offset >= size) return isWrite ? ENOSPC : 0;
    if (file.isDirect && lengths.some((length) => (length & 511n) !== 0n)) return EINVAL;
    return Number(bytes < size - offset ? bytes : size - offset);
  }

  submit(context: Context, wishes: readonly (Wanted | null)[]): void {
    const { ring } = this;
    const mark = ring.mark();
    const all = wishes.map((wish) => (wish === null ? null : this.#fields(wish)));
    const addresses = all.map((fields) => (fields === null ? 64 : ring.iocb(fields)));
    let count = 0;
    let error = 0;
    const found: [number, Outstanding][] = [];
    for (; count < all.length; count++) {
      const fields = all[count] ?? null;
      const expected =
        fields === null ? { error: EFAULT } : this.#expect(fields, wishes[count] as Wanted, context);
      if ('error' in expected) {
        error = expected.error;
        break;
      }
      context.taken++;
      const isImpatient = ((fields?.rwFlags ?? 0) & 8) !== 0;
      const text = JSON.stringify({ ...fields, segments: wishes[count]?.segments }, bigintText);
      found.push([
        Number(fields?.data),
        { obj: addresses[count] as number, res: expected.res, isImpatient, text },
      ]);
    }
    const result = ring.submit(context.handle, addresses);
    assert.is(result, count > 0 || all.length === 0 ? count : error, JSON.stringify(all[count], bigintText));
    for (const [data, outstanding] of found) context.outstanding.set(data, outstanding);
    this.accepted += count;
    if (error !== 0) this.refused++;
    // what was submitted is the kernel's copy
    ring.bytes.fill(0xff, mark, ring.mark());
    ring.release(mark);
  }

  reap(context: Context, minimum: number, maximum: number, timeoutNs: number | undefined): void {
    const { result, events } = this.ring.getEvents(context.handle, minimum, maximum, timeoutNs);
    if (minimum < 0 || minimum > maximum) {
      assert.is(result, EINVAL);
      return;
    }
    assert.ok(result >= 0 && result <= maximum);
    if (timeoutNs === undefined && !this.#isHolding)
      assert.ok(result >= Math.min(minimum, context.outstanding.size), 'waits without limit');
    for (const { data, obj, res, res2 } of events) {
      const expected = context.outstanding.get(data);
      assert.ok(expected !== undefined, `event ${data} is of no request of this context, or came twice`);
      const isCut = expected.isImpatient && (res === EAGAIN || (res > 0 && res < expected.res));
      assert.equal(
        [obj, isCut ? expected.res : res, res2],
        [expected.obj, expected.res, 0],
        `${res} ${expected.text}`,
      );
      context.outstanding.delete(data);
      context.taken--;
    }
  }

  /** Lets everything end and reaps it: nothing may be missing. */
  finish(): void {
    this.machine.holdCompletions(false);
    this.#isHolding = false;
    this.machine.run();
    for (const context of this.contexts) {
      this.reap(context, 0, 200, undefined);
      assert.is(context.outstanding.size, 0, 'no completion is lost');
      assert.is(context.taken, 0);
    }
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    for (const guard of this.#guards)
      assert.ok(this.ring.bytes.subarray(guard, guard + GUARD_BYTES).every((byte) => byte === GUARD));
  }

  play(one: Step): void {
    const { machine, ring } = this;
    const context = this.contexts['context' in one ? one.context : 0] as Context;
    switch (one.do) {
      case 'submit':
        this.submit(context, one.iocbs);
        break;
      case 'reap':
        this.reap(context, one.minimum, one.maximum, one.timeoutNs);
        break;
      case 'hold':
        machine.holdCompletions(one.isHolding);
        this.#isHolding = one.isHolding;
        break;
      case 'release':
        if (one.index < machine.heldCompletions()) machine.releaseCompletion(one.index);
        break;
      case 'advance':
        machine.advance(one.nanoseconds);
        break;
      case 'renew':
        if (this.#isHolding) break;
        assert.is(ring.destroy(context.handle), 0);
        context.handle = ring.open(1);
        context.outstanding.clear();
        context.taken = 0;
        break;
      case 'garbage': {
        const [a, b, c, d, e] = one.numbers as [number, number, number, number, number];
        const isReal = this.contexts.some(({ handle }) => handle === a);
        if (isReal) break;
        assert.ok(ring.submitRaw(a, b, c) < 0);
        assert.ok(ring.getEventsRaw(a, b, c, d, 0) < 0);
        assert.ok(ring.destroy(a) < 0);
        assert.ok(ring.cancel(a, e) < 0);
        break;
      }
    }
  }
}

const bigintText = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);

async function openPlayer(build: Build): Promise<Player> {
  const machine = await openMachine(build, {
    drives: [{ size: SIZE, channels: 3, latencyNs: { read: 90_000, write: 120_000, flush: 400_000 } }],
    cache: 131072,
  });
  return new Player(machine);
}

for (const build of BUILDS) {
  const fuzz = suite(`aio fuzz (${build})`);

  fuzz('any calls answer as the model does, and every request completes once', async () => {
    const player = await openPlayer(build);
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const mark = player.ring.mark();
        for (const one of steps) player.play(one);
        player.finish();
        player.ring.release(mark);
      }),
      { seed: SEED, numRuns: NUMBER_OF_RUNS, endOnFailure: true },
    );
    assert.ok(player.accepted > 4000, `${player.accepted} requests were accepted`);
    assert.ok(player.refused > 1000, `${player.refused} calls stopped at a bad iocb`);
  });

  fuzz.run();
}
