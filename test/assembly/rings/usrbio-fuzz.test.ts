// Hostile USRBIO clients: between calls they scribble over the rings, structs and ids in their own memory, and they call with
// garbage. No trap, no byte changes that they did not name, and once all is destroyed every pool is empty and a new ring works.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { IOR_BYTES, IOV_BYTES, type IorOptions, pattern, UsrbioTester } from './usrbio-client.ts';

const SEED = 20240718;
const RUNS = 150;
const CHUNK = 4096;
const ARENA_BYTES = 32768;
const GUARD_BYTES = 8192;
const GUARD = 0x5a;
const fuzz = suite('rings/usrbio-fuzz');

/** A number that a call gets: see Player.#number. */
type Garbage = {
  readonly kind: 'struct' | 'shared' | 'arena' | 'outside' | 'fd' | 'plain';
  readonly n: number;
};

const ODD = [0, 1, -1, 2, 3, 7, 511, 512, 4096, 4097, 0x7fffffff, -0x80000000, 0xfffffff0, 65536];
const HUGE = [2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 63, Number.NaN, Infinity, -Infinity, 0.5, -0.5];
const plain = fc.oneof(fc.constantFrom(...ODD), fc.nat(9000), fc.integer());
const garbage: fc.Arbitrary<Garbage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('struct' as const), n: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('shared' as const), n: fc.nat(200000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('arena' as const), n: fc.nat(ARENA_BYTES - 5000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('outside' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fd' as const), n: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('plain' as const), n: plain }) },
);
const wide = fc.oneof(
  { weight: 6, arbitrary: fc.nat(70000) },
  { weight: 2, arbitrary: fc.nat(300).map((n) => n * 512) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD, ...HUGE) },
);

const CALLS = [
  'iovCreate',
  'iovOpen',
  'iovWrap',
  'iovPublish',
  'iovUnpublish',
  'iovUnlink',
  'iovDestroy',
  'iorCreate',
  'iorDestroy',
  'ioEntries',
  'regFd',
  'deregFd',
  'isHf3fs',
  'extractMountPoint',
  'punchHole',
] as const;

type Step =
  | {
      readonly do: 'call';
      readonly call: (typeof CALLS)[number];
      readonly args: readonly Garbage[];
      readonly wide: readonly number[];
    }
  | {
      readonly do: 'prepare';
      readonly ring: number;
      readonly iov: number;
      readonly args: readonly Garbage[];
      readonly wide: readonly number[];
      readonly isTidy: boolean;
    }
  | { readonly do: 'submit'; readonly ring: Garbage }
  | {
      readonly do: 'wait';
      readonly ring: Garbage;
      readonly limit: number;
      readonly minimum: number;
      readonly timeout: Garbage;
    }
  | { readonly do: 'scribble'; readonly where: Garbage; readonly words: readonly number[] }
  | { readonly do: 'scribbleRing'; readonly ring: number; readonly word: number; readonly value: number }
  | { readonly do: 'time'; readonly what: number; readonly n: number };

const garbageArray = (length: number) => fc.array(garbage, { minLength: length, maxLength: length });
const wideArray = fc.array(wide, { minLength: 3, maxLength: 3 });
const word = fc.oneof(plain, fc.nat(20), fc.integer({ min: -2147483648, max: 2147483647 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      call: fc.constantFrom(...CALLS),
      args: garbageArray(9),
      wide: wideArray,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('prepare' as const),
      ring: fc.nat(4),
      iov: fc.nat(2),
      args: garbageArray(4),
      wide: wideArray,
      isTidy: fc.nat(9).map((n) => n > 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), ring: garbage }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ring: garbage,
      limit: fc.oneof(fc.integer({ min: -1, max: 40 }), plain),
      minimum: fc.oneof(fc.integer({ min: -1, max: 40 }), plain),
      timeout: garbage,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('scribble' as const),
      where: garbage,
      words: fc.array(word, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('scribbleRing' as const),
      ring: fc.nat(4),
      // the markers and the first args more often than the rest
      word: fc.oneof(fc.nat(3), fc.nat(40), fc.nat(1200)),
      value: word,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('time' as const), what: fc.nat(5), n: fc.nat(3_000_000) }),
  },
);

interface Made {
  readonly kind: 'iov' | 'ior' | 'id';
  readonly bytes: Uint8Array;
}

const RINGS = [
  { entries: 6, read: true },
  { entries: 6, read: false },
  { entries: 9, read: true, ioDepth: -2, timeoutMs: 2 },
  { entries: 4, read: false, ioDepth: 3, priority: -1 },
  { entries: 12, read: true, ioDepth: -1, flags: 2, priority: 1 },
] as const;

class Player {
  readonly machine: Machine;
  readonly client: UsrbioTester;
  readonly #arena: number;
  readonly #guards: readonly (readonly [address: number, bytes: number])[];
  /** Structs: rings first, then buffers. */
  readonly #iors: number[] = [];
  readonly #iovs: number[] = [];
  readonly #bases: number[];
  /** What the structs held when they were made: with these everything can be destroyed. */
  readonly #made: Made[] = [];
  readonly #mount: number;
  prepared = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.client = new UsrbioTester(machine);
    const { client } = this;
    const guard = () => [machine.buffers.allocate(GUARD_BYTES, 4096), GUARD_BYTES] as const;
    const guards: (readonly [number, number])[] = [guard()];
    this.#arena = machine.buffers.allocate(ARENA_BYTES, 4096);
    guards.push(guard());
    this.#mount = this.#arena + ARENA_BYTES - 2048;
    client.bytes.set(new TextEncoder().encode('/3fs\0'), this.#mount);
    const between = () => {
      const address = client.base(client.iov(4096));
      guards.push([address, 4096]);
    };
    between();
    let at = this.#arena;
    for (const config of RINGS) {
      assert.is(client.create(at, config, this.#mount), 0);
      this.#keep('ior', at, IOR_BYTES);
      this.#iors.push(at);
      at += 1024;
      between();
    }
    for (const block of [0, 4096, 0]) {
      assert.is(client.raw.iovCreate(at, this.#mount, 16384, block, -1), 0);
      this.#keep('iov', at, IOV_BYTES);
      this.#iovs.push(at);
      at += 512;
      between();
    }
    this.#bases = [...this.#iors, ...this.#iovs].map((struct) => client.base(struct));
    for (const [address, bytes] of guards) client.bytes.fill(GUARD, address, address + bytes);
    this.#guards = guards;
    for (const flags of [3, 7, 1, 2]) for (const file of [0, 1, 2]) client.open(file, flags);
  }

  #keep(kind: 'iov' | 'ior' | 'id', address: number, bytes: number): void {
    this.#made.push({ kind, bytes: this.client.bytes.slice(address, address + bytes) });
  }

  /** An address or number. It is never one of a guard, of another buffer of the machine or of a struct's neighbour. */
  #number({ kind, n }: Garbage): number {
    switch (kind) {
      case 'struct':
        return [...this.#iors, ...this.#iovs, this.#mount][n % 9] as number;
      case 'shared': {
        const index = n % this.#bases.length;
        // inside the memory of a ring (4 KiB of it) or of a buffer
        const room = index < this.#iors.length ? 4096 - IOR_BYTES : 16384 - IOR_BYTES;
        return (this.#bases[index] as number) + (((n >> 3) % room) & ~3);
      }
      case 'arena':
        return this.#arena + n;
      case 'outside':
        return this.client.outside[n] as number;
      case 'fd':
        return n;
      case 'plain':
        return this.#isGuarded(n >>> 0) ? 0 : n;
    }
  }

  /** Client memory: only what the other kinds name may be written to. */
  #isGuarded(address: number): boolean {
    const { core, buffers } = this.machine;
    return address < core.memory.bytes.length && address + 65536 > this.#arena - buffers.capacity;
  }

  #call({ call, args, wide }: Step & { readonly do: 'call' }): void {
    const { raw } = this.client;
    const n = args.map((arg) => this.#number(arg));
    const [a, b, c, d, e, f, g, h] = n as [number, number, number, number, number, number, number, number];
    const [x, y, z] = wide as [number, number, number];
    const mount = (args[8]?.n ?? 0) % 4 === 0 ? b : this.#mount;
    switch (call) {
      case 'iovCreate':
        if (raw.iovCreate(a, mount, x, y % 8192, c) === 0) this.#keep('iov', a, IOV_BYTES);
        break;
      case 'iovOpen':
        if (raw.iovOpen(a, (this.#iovs[c & 1] as number) + 16, mount, x, [0, 4096][d & 1] as number, e) === 0)
          this.#keep('iov', a, IOV_BYTES);
        break;
      case 'iovWrap':
        raw.iovWrap(a, c, d, mount, x, y, e);
        break;
      case 'iovPublish':
        // a range that lies in the arena or does not lie in client memory
        if (raw.iovPublish(a, this.#arena + (c & 4095), x % 20000, y % 20000) === 0) this.#keep('id', a, 16);
        else raw.iovPublish(a, args[3]?.kind === 'outside' ? d : 0, x, y);
        break;
      case 'iovUnpublish':
        raw.iovUnpublish(a);
        break;
      case 'iovUnlink':
        raw.iovUnlink(a);
        break;
      case 'iovDestroy':
        raw.iovDestroy(a);
        break;
      case 'iorCreate':
        if (raw.iorCreate(a, mount, c % 100, (d & 1) !== 0, e % 12, f, g % 5, h, z | 0) === 0)
          this.#keep('ior', a, IOR_BYTES);
        raw.iorCreate(a, mount, c < 0 ? c : c + 200000, true, e, f, g, h, z | 0);
        break;
      case 'iorDestroy':
        raw.iorDestroy(a);
        break;
      case 'ioEntries':
        raw.ioEntries(a);
        raw.iorSize(c);
        break;
      case 'regFd':
        raw.regFd(a);
        break;
      case 'deregFd':
        raw.deregFd(args[0]?.kind === 'fd' ? a : b);
        break;
      case 'isHf3fs':
        raw.isHf3fs(a);
        break;
      case 'extractMountPoint':
        raw.extractMountPoint(a, c, b);
        break;
      case 'punchHole':
        raw.punchHole(args[0]?.kind === 'fd' ? a : b, c, d, e);
        break;
    }
  }

  /** Makes a ring anew that was destroyed, and gives the struct of a buffer back what it held. */
  #mend(ring: number, iov: number): void {
    const { client } = this;
    const ior = this.#iors[ring] as number;
    client.bytes.set(new TextEncoder().encode('/3fs\0'), this.#mount);
    if (client.raw.ioEntries(ior) < 0 && client.create(ior, RINGS[ring] as IorOptions, this.#mount) === 0) {
      this.#keep('ior', ior, IOR_BYTES);
      this.#bases[ring] = client.base(ior);
    }
    client.bytes.set((this.#made[RINGS.length + iov] as Made).bytes, this.#iovs[iov] as number);
  }

  #prepare({ ring, iov, args, wide, isTidy }: Step & { readonly do: 'prepare' }): void {
    const [a, b, c, d] = args.map((arg) => this.#number(arg)) as [number, number, number, number];
    const [x, y, z] = wide as [number, number, number];
    const { raw } = this.client;
    let slot: number;
    if (isTidy) {
      this.#mend(ring, iov);
      // the buffer is where it was made, whatever its struct says by now
      const pointer = (this.#bases[this.#iors.length + iov] as number) + (Math.abs(x | 0) % 12000);
      const descriptor = 3 + (Math.abs(z | 0) % 24);
      raw.regFd(descriptor);
      const isRead = (RINGS[ring] as (typeof RINGS)[number]).read;
      const bytes = 1 + (Math.abs(y | 0) % 4384);
      slot = raw.prepIo(
        this.#iors[ring] as number,
        this.#iovs[iov] as number,
        isRead,
        pointer,
        descriptor,
        Math.abs(z | 0),
        bytes,
        7,
      );
    } else {
      slot = raw.prepIo(a, b, (c & 1) !== 0, this.#arena, d, x, y, z);
    }
    if (slot >= 0) this.prepared++;
  }

  play(one: Step): void {
    const { client, machine } = this;
    switch (one.do) {
      case 'call':
        this.#call(one);
        break;
      case 'prepare':
        this.#prepare(one);
        break;
      case 'submit':
        client.raw.submitIos(this.#number(one.ring));
        break;
      case 'wait': {
        const results = this.#arena + 16384;
        // the results fit the rest of the arena, or do not fit client memory
        const limit = one.limit > 300 ? 0x7fffffff : one.limit;
        client.raw.waitForIos(this.#number(one.ring), results, limit, one.minimum, this.#number(one.timeout));
        break;
      }
      case 'scribble': {
        if (!['struct', 'shared', 'arena'].includes(one.where.kind)) break;
        const at = this.#number(one.where) & ~3;
        one.words.forEach((value, index) => {
          client.view.setInt32(at + index * 4, value | 0, true);
        });
        break;
      }
      case 'scribbleRing': {
        const base = this.#bases[one.ring] as number;
        client.view.setInt32(base + one.word * 4, one.value | 0, true);
        break;
      }
      case 'time':
        if (one.what < 2) machine.advance(one.n);
        else if (one.what === 2) machine.holdCompletions(true);
        else if (one.what === 3) machine.holdCompletions(false);
        else if (machine.heldCompletions() > 0) machine.releaseCompletion(one.n % machine.heldCompletions());
        break;
    }
  }

  finish(): void {
    const { client, machine } = this;
    for (const [address, bytes] of this.#guards) {
      const guard = client.bytes.subarray(address, address + bytes);
      assert.ok(
        guard.every((byte) => byte === GUARD),
        `the guard at ${address}`,
      );
    }
    machine.holdCompletions(false);
    const struct = client.struct(IOR_BYTES);
    for (const { kind, bytes } of this.#made) {
      client.bytes.set(bytes, struct);
      if (kind === 'ior') client.raw.iorDestroy(struct);
      else if (kind === 'iov') client.raw.iovDestroy(struct);
      else client.raw.iovUnpublish(struct);
    }
    machine.run();
    // the guards in shared memory, a page each
    assert.equal(poolsInUse(machine), { ...NO_POOL_IN_USE, sharedPages: this.#guards.length - 2 });
    this.#useAgain();
  }

  #useAgain(): void {
    const { client, machine } = this;
    const content = pattern(10000, 5);
    const iov = client.iov(20000);
    client.content(iov).set(content);
    const fd = client.open(0);
    const writer = client.ior({ read: false });
    const reader = client.ior();
    assert.is(client.prep(writer, iov, { fd, bytes: 10000, offset: 3000 }), 0);
    assert.equal(client.run(writer, 1), [10000]);
    assert.is(client.prep(reader, iov, { fd, at: 10000, bytes: 10000, offset: 3000 }), 0);
    assert.equal(client.run(reader, 1), [10000]);
    assert.equal(client.content(iov).slice(10000), content);
    for (const ior of [reader, writer]) client.raw.iorDestroy(ior);
    client.raw.iovDestroy(iov);
    machine.run();
    assert.is(poolsInUse(machine).sharedPages, this.#guards.length - 2);
  }
}

for (const build of BUILDS) {
  fuzz(`${build}: scribbled rings and structs, and calls with garbage`, async () => {
    let prepared = 0;
    let completed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 30, maxLength: 150, size: 'max' }),
        fc.constantFrom(1, 3, 1024),
        async (steps, parts) => {
          const machine = await openMachine(build, {
            drives: [{ size: 262144, latencyNs: 50_000, channels: 4 }, { size: 65536 }],
            files: [{ name: 'file', capacity: 65536, size: 30000 }],
            cache: 131072,
            buffers: 131072,
            sharedMemory: 262144,
            powerCuts: false,
            usrbio: { chunkSize: CHUNK },
            limits: { usrbioParts: parts },
          });
          const player = new Player(machine);
          for (const one of steps) player.play(one);
          player.finish();
          prepared += player.prepared;
          completed += machine.counters.usrbio.completed;
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(prepared > RUNS * 3 && completed > RUNS * 3, `${prepared} prepared, ${completed} completed`);
  });
}

fuzz.run();
