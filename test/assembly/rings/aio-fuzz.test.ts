// Random calls with random iocbs against a model of the checks of fs/aio.c: no trap; io_submit accepts exactly the iocbs that
// the model accepts and stops with its error; every accepted request gives one event, with the result that the model says;
// eventfds count the completions that name them, polls wait as long as they must; NOWAIT stops early only where something
// may be in the way; no byte outside the buffers of requests changes; afterwards every pool is empty.
//
// Hostile addresses lie in the core's memory or in none: a client may spoil its own memory as it likes.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_NR_DIRTY } from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EventfdModel, type PollModel, pollFault } from './eventfd-model.ts';
import * as aio from './ring.ts';
import { type Iocb, Ring } from './ring.ts';

const { EAGAIN, EBADF, EFAULT, EINPROGRESS, EINVAL, ENOSPC, EOPNOTSUPP, EPERM } = aio;
const { FDSYNC, FSYNC, POLL, PREAD, PREADV, PWRITE, PWRITEV } = aio;

const SEED = 20240619;
const NUMBER_OF_RUNS = 1000;
const SIZE = 262144;
const BUFFER_BYTES = 65536;
const MAX_TRANSFER = 0x7ffff000n;
const GUARD_BYTES = 4096;
const GUARD = 0x5a;
const NR = 127;
const EVENTFDS = 3;
const DSYNC = 2;
const SYNC = 4;
const NOWAIT = 8;
const EIO = -5;
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

const PLAIN: Wanted = {
  opcode: PREAD,
  file: 0,
  place: { at: 0 },
  segments: [],
  nbytes: 0n,
  offset: 0n,
  odd: {},
  isClean: true,
};

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

const anything: fc.Arbitrary<Wanted> = fc.record({
  opcode: mostly(fc.constantFrom(PREAD, PWRITE, PREADV, PWRITEV, FSYNC, FDSYNC, POLL), fc.nat(65535)),
  file: fc.oneof(
    { weight: 12, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.integer({ min: 4, max: 7 }) },
    { weight: 2, arbitrary: fc.integer({ min: 8, max: 7 + EVENTFDS }) },
  ),
  place: transferPlace,
  segments: fc.array(fc.record({ place: transferPlace, length: mostly(small, wild) }), { maxLength: 5 }),
  nbytes: mostly(small, wild),
  offset: fc.oneof(
    { weight: 8, arbitrary: fc.nat(SIZE / 512 + 8).map((sector) => BigInt(sector) * 512n) },
    { weight: 4, arbitrary: fc.nat(SIZE + 4096).map(BigInt) },
    { weight: 1, arbitrary: wild },
  ),
  odd: fc.oneof(
    { weight: 15, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: fc.constant({ rwFlags: NOWAIT }) },
    { weight: 3, arbitrary: fc.nat(EVENTFDS - 1).map((index) => ({ flags: 1, resfd: 7 + index })) },
    {
      weight: 1,
      arbitrary: fc.record(
        {
          rwFlags: fc.oneof(fc.nat(31), fc.nat(0x1ff), fc.nat(0xffffffff)),
          flags: fc.oneof(fc.nat(7), fc.nat(0xffffffff)),
          priority: fc.nat(0xffff),
          resfd: fc.nat(9),
          reserved2: fc.constantFrom(0n, 1n, MAX_U64),
        },
        { requiredKeys: [] },
      ),
    },
  ),
  // syncs and polls take next to nothing: mostly they get it
  isClean: fc.nat(9).map((n) => n > 0),
});

/** A well-formed poll of an eventfd, which may have to wait. */
const patience: fc.Arbitrary<Wanted> = fc
  .tuple(fc.integer({ min: 8, max: 7 + EVENTFDS }), fc.constantFrom(1n, 1n, 2n, 3n, 4n, 5n))
  .map(([file, nbytes]) => ({ ...PLAIN, opcode: POLL, file, nbytes }));

/** A request that wants to be served at once, in whole pages. */
const haste: fc.Arbitrary<Wanted> = fc
  .tuple(fc.constantFrom(PREAD, PWRITE), fc.nat(1), fc.nat(60), fc.integer({ min: 1, max: 4 }))
  .map(([opcode, file, page, pages]) => ({
    ...PLAIN,
    opcode,
    file,
    nbytes: BigInt(pages * 4096),
    offset: BigInt(page * 4096),
    odd: { rwFlags: NOWAIT },
  }));

const wanted: fc.Arbitrary<Wanted> = fc.oneof(
  { weight: 14, arbitrary: anything },
  { weight: 2, arbitrary: patience },
  { weight: 1, arbitrary: haste },
);

type Step =
  | { readonly do: 'quiet'; readonly context: number; readonly wish: Wanted }
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
  | { readonly do: 'write'; readonly eventfd: number; readonly value: bigint }
  | { readonly do: 'read' | 'reopen'; readonly eventfd: number }
  | { readonly do: 'cancel'; readonly context: number; readonly request: number }
  | { readonly do: 'spoil'; readonly words: readonly number[] }
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
    arbitrary: fc.record({ do: fc.constant('quiet' as const), context: fc.nat(1), wish: haste }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      eventfd: fc.nat(EVENTFDS - 1),
      value: mostly(fc.bigInt({ min: 0n, max: 3n }), fc.constantFrom(MAX_U64, MAX_U64 - 1n, MAX_U64 - 2n)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('read' as const), eventfd: fc.nat(EVENTFDS - 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reopen' as const), eventfd: fc.nat(EVENTFDS - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('cancel' as const), context: fc.nat(1), request: fc.nat(40) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('spoil' as const),
      words: fc.array(fc.oneof(fc.nat(200), fc.nat(0xffffffff)), { minLength: 12, maxLength: 12 }),
    }),
  },
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
  /** RWF_NOWAIT, and something may be in its way: EAGAIN or fewer bytes will do. */
  readonly mayStop: boolean;
  readonly reports: boolean;
  /** A poll that was not ready. */
  readonly poll: PollModel | undefined;
  /** What the completion is counted in. */
  readonly notified: EventfdModel | undefined;
  /** The iocb, for the message. */
  readonly text: string;
}

interface Context {
  handle: number;
  taken: number;
  /** Where on the ring the next completion will be. */
  tail: number;
  readonly outstanding: Map<number, Outstanding>;
}

class Player {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly files: readonly File[];
  readonly buffer: number;
  readonly contexts: Context[];
  readonly eventfds: EventfdModel[];
  readonly #guards: readonly number[];
  #nextData = 1;
  #isHolding = false;
  /** Completions that have not been judged yet. */
  readonly #ended: [Outstanding, number][] = [];
  accepted = 0;
  refused = 0;
  /** What has happened, so that a test that shuns the interesting cases fails. */
  readonly seen = { waited: 0, woken: 0, cancelled: 0, notified: 0, stopped: 0, mustNotStop: 0 };

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
    this.eventfds = Array.from({ length: EVENTFDS }, (_, index) => {
      assert.is(ring.createEventfd(0, index === 2 ? 1 : 0), 7 + index);
      return new EventfdModel(index === 2);
    });
    this.contexts = [0, 1].map(() => ({ handle: ring.open(1), taken: 0, tail: 0, outstanding: new Map() }));
  }

  #address(place: Place): bigint {
    if ('at' in place) return BigInt(this.buffer + place.at);
    const hostile = [0, ...this.ring.outside].map(BigInt);
    const far = [2n ** 32n + BigInt(this.buffer), MAX_U64 - 15n];
    return [...hostile, ...far][place.hostile] as bigint;
  }

  /** The address of a piece: one that would run out of the buffer begins outside client memory, for behind it are our own structs. */
  #pieceAt(place: Place, length: bigint): bigint {
    const address = this.#address(place);
    return 'at' in place && !this.#isInBuffer(address, length)
      ? BigInt(this.ring.outside[0] as number)
      : address;
  }

  /** The iocb of a wish, its iovecs in memory. */
  #fields(wish: Wanted): Iocb {
    const data = this.#nextData++;
    const file = this.files[wish.file];
    const base = {
      data,
      key: 77,
      opcode: wish.opcode,
      fd: file?.fd ?? [0, 999, 0xffffffff, 2][wish.file - 4] ?? wish.file - 1,
    };
    if (wish.isClean && (wish.opcode === FSYNC || wish.opcode === FDSYNC)) return { ...base, ...wish.odd };
    if (wish.isClean && wish.opcode === POLL) return { ...base, buf: wish.nbytes & 0xffffn, ...wish.odd };
    if (wish.opcode === PREADV || wish.opcode === PWRITEV) {
      const iovecs = this.ring.iovecs(
        wish.segments.map(({ place, length }) => [this.#pieceAt(place, length), length]),
      );
      const isHostile = 'hostile' in wish.place;
      const buf = isHostile ? this.#address(wish.place) : BigInt(iovecs);
      const nbytes = isHostile ? wish.nbytes : BigInt(wish.segments.length);
      return { ...base, buf, nbytes, offset: wish.offset, ...wish.odd };
    }
    const buf = this.#pieceAt(wish.place, wish.nbytes);
    return { ...base, buf, nbytes: wish.nbytes, offset: wish.offset, ...wish.odd };
  }

  #isInBuffer(address: bigint, length: bigint): boolean {
    const start = BigInt(this.buffer);
    return address >= start && length <= start + BigInt(BUFFER_BYTES) - address;
  }

  /** fs/aio.c: the error that io_submit stops with, or the result of the event. */
  #expect(
    fields: Iocb,
    wish: Wanted,
    context: Context,
  ): { error: number } | { res: number; poll?: PollModel } {
    const buf = BigInt(fields.buf ?? 0);
    const nbytes = BigInt(fields.nbytes ?? 0);
    const offset = BigInt.asIntN(64, BigInt(fields.offset ?? 0));
    const { rwFlags = 0, flags = 0, priority = 0, opcode = 0 } = fields;
    if (BigInt(fields.reserved2 ?? 0) !== 0n || buf >= 2n ** 32n || nbytes > MAX_I64)
      return { error: EINVAL };
    if (context.taken === NR - 1) return { error: EAGAIN };
    const file = this.files.find(({ fd }) => fd === fields.fd);
    const eventfd = this.#eventfd(fields.fd);
    if (file === undefined && eventfd === undefined) return { error: EBADF };
    if ((flags & 1) !== 0 && this.#eventfd(fields.resfd) === undefined)
      return { error: this.files.some(({ fd }) => fd === fields.resfd) ? EINVAL : EBADF };
    if (![PREAD, PWRITE, FSYNC, FDSYNC, POLL, PREADV, PWRITEV].includes(opcode)) return { error: EINVAL };
    if (opcode === FSYNC || opcode === FDSYNC)
      return buf === 0n && nbytes === 0n && offset === 0n && rwFlags === 0 && file !== undefined
        ? { res: 0 }
        : { error: EINVAL };
    if (opcode === POLL) {
      const isClean = buf <= 0xffffn && nbytes === 0n && offset === 0n && rwFlags === 0;
      if (!isClean) return { error: EINVAL };
      if (eventfd === undefined) return { res: Number(buf) & 0x145 };
      const res = eventfd.ready(Number(buf));
      return res !== 0 ? { res } : { res, poll: eventfd.wait(Number(buf)) };
    }
    if ((flags & 2) !== 0) {
      if (priority >> 13 > 3) return { error: EINVAL };
      if (priority >> 13 === 1) return { error: EPERM };
    }
    if ((rwFlags & ~0x1ff) !== 0) return { error: EOPNOTSUPP };
    if ((rwFlags & 0x30) === 0x30) return { error: EINVAL };
    if ((rwFlags & 0x40) !== 0) return { error: EOPNOTSUPP };
    if (file === undefined) return { error: EINVAL };
    const isWrite = opcode === PWRITE || opcode === PWRITEV;
    if (!(isWrite ? file.canWrite : file.canRead)) return { error: EBADF };
    const lengths = this.#import(opcode, buf, nbytes, wish);
    if (typeof lengths === 'number') return { error: lengths };
    const bytes = lengths.reduce((a, b) => a + b, 0n);
    if (offset < 0n || this.#asked(opcode, nbytes, wish) > MAX_I64 - offset) return { error: EINVAL };
    return { res: this.#transferred(file, isWrite, offset, bytes, lengths) };
  }

  #eventfd(fd: number | undefined): EventfdModel | undefined {
    return fd === undefined ? undefined : this.eventfds[fd - 7];
  }

  /**
   * False when nothing can be in the way of a request with RWF_NOWAIT: it is direct, or a buffered write of whole pages, in
   * an idle machine without a dirty page. `isAlone`: nothing has been submitted that has not ended.
   */
  #mayStop(fields: Iocb, res: number, isAlone: boolean): boolean {
    if (((fields.rwFlags ?? 0) & NOWAIT) === 0 || res <= 0) return false;
    const { core } = this.machine;
    const file = this.files.find(({ fd }) => fd === fields.fd) as File;
    if (!isAlone || core.counter(COUNTER_NR_DIRTY) > 0) return true;
    if (file.isDirect) return false;
    const isWhole = ((BigInt(fields.offset ?? 0) | BigInt(res)) & 4095n) === 0n;
    const isWrite = fields.opcode === PWRITE || fields.opcode === PWRITEV;
    return !(isWrite && isWhole);
  }

  /** A sync, or a write that is one: it tells of what write-back and direct writes met. */
  #reports({ opcode = 0, rwFlags = 0 }: Iocb): boolean {
    const isWrite = opcode === PWRITE || opcode === PWRITEV;
    return opcode === FSYNC || opcode === FDSYNC || (isWrite && (rwFlags & (DSYNC | SYNC)) !== 0);
  }

  /** Takes note of what has been put on a ring since the last look: eventfds have counted it, polls were right to end. */
  #observe(context: Context): void {
    const { view } = this.ring;
    const tail = view.getUint32(context.handle + 12, true);
    const found: [Outstanding, number][] = [];
    for (; context.tail !== tail; context.tail = (context.tail + 1) % NR) {
      const event = context.handle + 32 + context.tail * 32;
      const request = context.outstanding.get(Number(view.getBigUint64(event, true)));
      if (request !== undefined) found.push([request, Number(view.getBigInt64(event + 16, true))]);
    }
    for (const [{ notified }] of found) {
      notified?.signal();
      if (notified !== undefined) this.seen.notified++;
    }
    this.#ended.push(...found);
  }

  /** After each step: both rings are looked at before any poll is judged, for either may have woken it. */
  observe(): void {
    for (const context of this.contexts) this.#observe(context);
    for (const [{ poll, text }, res] of this.#ended) {
      if (poll === undefined) continue;
      assert.is(pollFault(poll, res), undefined, `${res} ${text}`);
      if (poll.state !== 'waits') this.seen[poll.state]++;
    }
    this.#ended.length = 0;
  }

  /** io_cancel of what has this iocb: the oldest waiting poll of the context, if any. */
  #cancel(context: Context, obj: number): void {
    this.ring.view.setUint32(obj + 8, 0, true);
    const same = [...context.outstanding.values()].filter((request) => request.obj === obj);
    const poll = same.find((request) => request.poll?.state === 'waits')?.poll;
    assert.is(this.ring.cancel(context.handle, obj), poll === undefined ? EINVAL : EINPROGRESS);
    if (poll !== undefined) poll.state = 'cancelled';
  }

  /** A context whose ring is overwritten with garbage while it is used: nothing traps, and nobody else is hurt. */
  #spoil(words: readonly number[]): void {
    const { ring, machine } = this;
    const handle = ring.open(1);
    const id = ring.view.getUint32(handle, true);
    const mark = ring.mark();
    const wish = { opcode: PREAD, fd: this.files[0]?.fd as number, buf: this.buffer, nbytes: 512 };
    const iocb = ring.iocb(wish);
    const waits = ring.iocb({ opcode: POLL, fd: 7, buf: 2 });
    const events = ring.allocate(4096);
    words.forEach((word, index) => {
      assert.ok(ring.submit(handle, [iocb, waits, iocb]) <= 3);
      ring.view.setUint32(handle + (index % 10) * 4, word, true);
      machine.core.call((exports) => exports.machineStep());
      assert.ok(ring.getEventsRaw(handle, 0, 127, events, 0) <= 126);
      ring.cancel(handle, waits);
    });
    ring.view.setUint32(handle, id, true);
    assert.is(ring.destroy(handle), 0);
    ring.release(mark);
  }

  /** Bytes that are asked for, whether there is memory for them or not. */
  #asked(opcode: number, nbytes: bigint, wish: Wanted): bigint {
    const isVector = opcode === PREADV || opcode === PWRITEV;
    const wanted = isVector ? wish.segments.reduce((sum, { length }) => sum + length, 0n) : nbytes;
    return wanted < MAX_TRANSFER ? wanted : MAX_TRANSFER;
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
      const isAlone =
        found.length === 0 && this.contexts.every((one) => one.taken === 1 - Number(one !== context));
      const mayStop = this.#mayStop(fields as Iocb, expected.res, isAlone);
      if (((fields?.rwFlags ?? 0) & NOWAIT) !== 0 && expected.res > 0 && !mayStop) this.seen.mustNotStop++;
      if (expected.poll !== undefined) this.seen.waited++;
      const notified = ((fields?.flags ?? 0) & 1) !== 0 ? this.#eventfd(fields?.resfd) : undefined;
      const text = JSON.stringify({ ...fields, segments: wishes[count]?.segments }, bigintText);
      found.push([
        Number(fields?.data),
        {
          obj: addresses[count] as number,
          res: expected.res,
          mayStop,
          reports: this.#reports(fields as Iocb),
          poll: expected.poll,
          notified,
          text,
        },
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
    this.observe();
    const waiting = [...context.outstanding.values()].filter(({ poll }) => poll?.state === 'waits').length;
    if (timeoutNs === undefined && !this.#isHolding)
      assert.ok(result >= Math.min(minimum, context.outstanding.size - waiting), 'waits without limit');
    for (const { data, obj, res, res2 } of events) {
      const expected = context.outstanding.get(data);
      assert.ok(expected !== undefined, `event ${data} is of no request of this context, or came twice`);
      const isCut = expected.mayStop && (res === EAGAIN || (res > 0 && res < expected.res));
      const isPoll = expected.poll !== undefined;
      // a page that was dirtied while a direct write passed it by: whatever syncs next hears of it
      const isHidden = expected.reports && res === EIO;
      if (isCut) this.seen.stopped++;
      assert.equal(
        [obj, isCut || isPoll || isHidden ? expected.res : res, res2],
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
    this.observe();
    for (const context of this.contexts) {
      for (const { obj, poll } of context.outstanding.values())
        if (poll?.state === 'waits') this.#cancel(context, obj);
      this.machine.run();
      this.observe();
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
      case 'write':
        assert.is(
          ring.writeEventfd(7 + one.eventfd, one.value),
          this.eventfds[one.eventfd]?.add(one.value, { EINVAL, EAGAIN }),
        );
        break;
      case 'read':
        assert.is(ring.readEventfd(7 + one.eventfd), this.eventfds[one.eventfd]?.take() ?? BigInt(EAGAIN));
        break;
      case 'reopen':
        assert.is(
          machine.core.call((exports) => exports.fileClose(7 + one.eventfd)),
          0,
        );
        assert.is(ring.createEventfd(0, one.eventfd === 2 ? 1 : 0), 7 + one.eventfd);
        this.eventfds[one.eventfd] = new EventfdModel(one.eventfd === 2);
        break;
      case 'cancel': {
        const all = [...context.outstanding.values()];
        const request = all[one.request % Math.max(1, all.length)];
        if (request !== undefined) this.#cancel(context, request.obj);
        break;
      }
      case 'quiet':
        if (this.#isHolding) break;
        machine.run();
        for (const each of this.contexts) this.reap(each, 0, 200, undefined);
        machine.core.call((exports) => exports.fileSync(this.files[0]?.fd as number, 0));
        this.submit(context, [one.wish]);
        break;
      case 'spoil':
        if (!this.#isHolding) this.#spoil(one.words);
        break;
      case 'renew':
        if (this.#isHolding) break;
        for (const { poll } of context.outstanding.values())
          if (poll?.state === 'waits') poll.state = 'cancelled';
        assert.is(ring.destroy(context.handle), 0);
        // the ring is nobody's, but what was put on it stands there still
        this.observe();
        context.tail = 0;
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
    ...EXACT,
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
        for (const one of steps) {
          player.play(one);
          player.observe();
        }
        player.finish();
        player.ring.release(mark);
      }),
      { seed: SEED, numRuns: NUMBER_OF_RUNS, endOnFailure: true },
    );
    assert.ok(player.accepted > 4000, `${player.accepted} requests were accepted`);
    console.log(`seed ${SEED}, ${JSON.stringify(player.seen)}`);
    for (const [what, times] of Object.entries(player.seen)) assert.ok(times > 50, `${what}: ${times} times`);
    assert.ok(player.refused > 1000, `${player.refused} calls stopped at a bad iocb`);
  });

  fuzz.run();
}
