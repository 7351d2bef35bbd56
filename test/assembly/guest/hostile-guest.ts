// Guests that spoil their rings as fast as they can: whole pages of descriptors at a time, many chains for each notification.
//
// Verbs: HostileGuests.play, walked, checkQuiet. Device 1 has a well-behaved driver; the devices beside it belong to hostile
// guests, each with an arena of its own between guard zones. A page of descriptors is made of groups: readable entries,
// then writable ones, sometimes in an indirect table; now and then an entry is spoilt, a ring lies over data, tables or
// another ring, an index runs ahead, or a register is written at random.

import * as assert from 'uvu/assert';
import { VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from '../../../assembly/layout.ts';
import { VIRTQUEUE_MAX_PIECES } from '../../../assembly/limits.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { GuestQueue, INDIRECT, NEXT, WRITE } from './queue.ts';

const QUEUES = 4;
const GUARD_BYTES = 8192;
const GUARD = 0x5a;
const ARENA_BYTES = 262144;
/** Of an arena: tables, then headers, then data, then the rings. */
const TABLE_ENTRIES = 2048;
/** The first half of the tables is every queue's main table, the second holds indirect ones. */
const MAIN_ENTRIES = 1024;
const HEADERS_AT = TABLE_ENTRIES * 16;
const HEADER_COUNT = 256;
/** The last headers are segments for discards, and headers that want one. */
const FIRST_SEGMENT = 224;
const FIRST_SEGMENT_HEADER = 240;
const DATA_AT = HEADERS_AT + HEADER_COUNT * 16;
const RINGS_AT = 196608;
const RING_ROOM = 16384;
const GROUP = 16;
const NICE_LENGTHS = [512, 512, 512, 512, 512, 512, 512, 512, 1024, 1024, 1536, 2048];
const OTHER_LENGTHS = [16, 1, 511, 513, 20, 4096];
const ODD_LENGTHS = [0, 0xffffffff, 0x80000000, ARENA_BYTES, ARENA_BYTES + 1, 15, 17, 65536];
const TYPES = [
  0, 0, 0, 0, 1, 1, 1, 1, 4, 5, 8, 9, 2, 3, 6, 10, 11, 13, 13, 14, 15, 16, 0x80000000, 0x80000001,
];
const NEEDS_RESET = 64;
const EDEADLK = -35;
/** Registers and the start of the config space. */
const WINDOW_BYTES = 0x140;
const NEIGHBOUR = 1;

export interface HostileOptions {
  readonly seed: number;
  readonly machine?: MachineConfig;
}

class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  oneIn(limit: number): boolean {
    return this.next() % limit === 0;
  }

  of(values: readonly number[]): number {
    return values[this.next() % values.length] as number;
  }
}

/** Where one queue of a hostile guest lies, in its arena. */
interface Ring {
  readonly size: number;
  readonly available: number;
  index: number;
}

interface Guest {
  readonly device: number;
  readonly base: number;
  rings: Ring[];
}

export class HostileGuests {
  readonly machine: Machine;
  readonly #random: Random;
  readonly #guests: Guest[];
  readonly #guards: readonly number[];
  readonly #neighbour: GuestQueue;
  readonly #neighbourStart: number;
  #isHolding = false;
  /** Descriptors that a device walked without breaking, and how often one broke. */
  walked = 0;
  broken = 0;
  /** Requests that the neighbour was served. */
  served = 0;

  private constructor(machine: Machine, seed: number) {
    this.machine = machine;
    this.#random = new Random(seed);
    const step = GUARD_BYTES + ARENA_BYTES;
    const start = machine.buffers.allocate(2 * step + GUARD_BYTES, 4096);
    this.#guards = [start, start + step, start + 2 * step];
    for (const guard of this.#guards) this.#bytes.fill(GUARD, guard, guard + GUARD_BYTES);
    this.#guests = [0, 2].map((device, index) => ({
      device,
      base: start + index * step + GUARD_BYTES,
      rings: [],
    }));
    for (const { device, base } of this.#guests)
      assert.is(machine.core.exports.virtioMemory(device, base, ARENA_BYTES), 0);
    this.#neighbour = GuestQueue.attached(machine, { device: NEIGHBOUR, size: 64, room: 65536 });
    this.#neighbourStart = this.#neighbour.mark();
  }

  static async open(build: Build, { seed, machine = {} }: HostileOptions): Promise<HostileGuests> {
    const drive = { size: 1048576 };
    const opened = await openMachine(build, {
      drives: [drive, drive, drive],
      cache: 262144,
      powerCuts: false,
      seed,
      ...machine,
      virtio: { queues: QUEUES, ...machine.virtio },
    });
    return new HostileGuests(opened, seed);
  }

  get #bytes(): Uint8Array {
    return this.machine.core.memory.bytes;
  }

  get #view(): DataView {
    return new DataView(this.machine.core.memory.buffer);
  }

  /** Plays until `descriptors` have been offered, then ends everything and checks that nothing is left. */
  play(descriptors: number): void {
    for (let round = 0; this.walked < descriptors; round++) {
      for (const guest of this.#guests) {
        if (guest.rings.length === 0) this.#attach(guest);
        this.#drawPage(guest);
        const kicks = 4 + this.#random.below(12);
        for (let kick = 0; kick < kicks && guest.rings.length > 0; kick++) this.#kick(guest);
        if (this.#random.oneIn(8)) this.#meddle(guest);
      }
      if (!this.#isHolding) this.#checkNeighbour();
      if (round % 64 === 0) this.#checkGuards();
    }
    this.checkQuiet();
  }

  /** After a reset of all devices no record is in use, the guards are whole, and every device works. */
  checkQuiet(): void {
    this.#hold(false);
    for (const { device } of this.#guests) this.#write(device, 0x070, 0);
    this.machine.run();
    this.#checkNeighbour();
    this.#checkGuards();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    for (const { device, base } of this.#guests) {
      assert.is(this.#read(device, 0x070), 0);
      assert.is(this.machine.core.exports.virtioMemory(device, base, ARENA_BYTES), 0);
    }
  }

  #read(device: number, offset: number): number {
    return this.machine.core.exports.virtioRead(device, offset, 4) >>> 0;
  }

  #write(device: number, offset: number, value: number, width = 4): void {
    const result = this.machine.core.exports.virtioWrite(device, offset, width, value);
    if (result !== 0 && !(result === EDEADLK && this.#isHolding))
      throw new Error(`register ${offset} = ${value}: ${result}`);
  }

  #hold(isHolding: boolean): void {
    this.#isHolding = isHolding;
    for (const { device } of this.#guests) this.machine.holdCompletions(isHolding, device);
  }

  // ---- a guest sets up its device ----

  #attach(guest: Guest): void {
    const { device } = guest;
    const random = this.#random;
    for (const status of [0, 1, 3]) this.#write(device, 0x070, status);
    if (this.#read(device, 0x070) !== 3) {
      // the reset waits for a drive that holds its completions
      assert.ok(this.#isHolding);
      this.#hold(false);
      return;
    }
    // features that are offered, each in three of four negotiations
    const low = this.#feature(device, 0) & (random.next() | random.next());
    for (const [word, value] of [low, this.#feature(device, 1)].entries()) {
      this.#write(device, 0x024, word);
      this.#write(device, 0x020, value | 0);
    }
    this.#write(device, 0x070, 11);
    guest.rings = Array.from({ length: QUEUES }, (_, queue) => this.#setUpRing(device, queue, guest.base));
    this.#write(device, 0x070, 15);
    if ((this.#read(device, 0x070) & NEEDS_RESET) !== 0) this.#reset(guest);
  }

  #feature(device: number, word: number): number {
    this.#write(device, 0x014, word);
    return this.#read(device, 0x010);
  }

  #setUpRing(device: number, queue: number, base: number): Ring {
    const random = this.#random;
    const size = random.of([1024, 256, 128, 64]);
    const room = RINGS_AT + queue * RING_ROOM;
    let available = room;
    let used = room + 4096;
    // a ring over data, headers, tables or another ring
    if (random.oneIn(12)) available = random.below(ARENA_BYTES - 3000) & ~1;
    if (random.oneIn(12)) used = random.below(ARENA_BYTES - 9000) & ~3;
    if (random.oneIn(24)) used = (available + random.below(16)) & ~3;
    const bytes = this.#bytes;
    bytes.fill(0, base + available, base + available + 4);
    bytes.fill(0, base + used, base + used + 4);
    this.#write(device, 0x030, queue);
    this.#write(device, 0x038, size);
    for (const [index, address] of [0, available, used].entries())
      this.#write(device, 0x080 + index * 16, address);
    this.#write(device, 0x044, 1);
    return { size, available: base + available, index: 0 };
  }

  #reset(guest: Guest): void {
    this.broken++;
    guest.rings = [];
  }

  // ---- descriptors ----

  /** New headers, and a whole new page of descriptors. */
  #drawPage(guest: Guest): void {
    const random = this.#random;
    const words = new Uint32Array(this.machine.core.memory.buffer, guest.base, DATA_AT / 4);
    for (let at = HEADERS_AT / 4; at < DATA_AT / 4; at += 4) {
      words[at] = random.of(TYPES);
      words[at + 1] = 0;
      words[at + 2] = random.oneIn(32) ? random.next() : random.below(2048);
      words[at + 3] = random.oneIn(64) ? random.next() : 0;
    }
    for (let slot = FIRST_SEGMENT; slot < HEADER_COUNT; slot++)
      this.#drawSegment(words, HEADERS_AT / 4 + slot * 4, slot);
    for (let first = 0; first < TABLE_ENTRIES; first += GROUP) this.#drawGroup(words, first);
    const spoilt = random.below(16);
    for (let count = 0; count < spoilt; count++) this.#spoil(words, random.below(TABLE_ENTRIES));
  }

  #drawSegment(words: Uint32Array, at: number, slot: number): void {
    const random = this.#random;
    const isHeader = slot >= FIRST_SEGMENT_HEADER;
    words[at] = isHeader ? random.of([11, 13]) : random.below(256) * 8;
    words[at + 1] = 0;
    words[at + 2] = isHeader ? 0 : random.oneIn(8) ? random.next() : random.below(16) * 8;
    words[at + 3] = isHeader ? 0 : random.of([0, 0, 0, 1, 1, 2]);
  }

  #drawGroup(words: Uint32Array, first: number): void {
    const random = this.#random;
    const isMain = first < MAIN_ENTRIES;
    if (isMain && random.oneIn(2)) {
      // an indirect table: a group of the second half, or anything in the arena
      const place = random.oneIn(500)
        ? random.below(ARENA_BYTES)
        : MAIN_ENTRIES * 16 + random.below((TABLE_ENTRIES - MAIN_ENTRIES) / GROUP) * GROUP * 16;
      this.#set(words, first, place, GROUP * 16, INDIRECT | (random.below(4) & WRITE), 0);
      return;
    }
    if (random.oneIn(10)) {
      const next = isMain ? first : 0;
      const header = HEADERS_AT + (FIRST_SEGMENT_HEADER + random.below(16)) * 16;
      const segment = HEADERS_AT + (FIRST_SEGMENT + random.below(16)) * 16;
      this.#set(words, first, header, 16, NEXT, next + 1);
      this.#set(words, first + 1, segment, 16, NEXT, next + 2);
      this.#set(words, first + 2, DATA_AT, 1, WRITE, 0);
      return;
    }
    const length = 2 + random.below(GROUP - 1);
    const writableFrom = 1 + random.below(length - 1);
    for (let index = 0; index < length; index++) {
      const isHeader = index === 0;
      const address = isHeader
        ? HEADERS_AT + random.below(HEADER_COUNT) * 16
        : DATA_AT + random.below(RINGS_AT - DATA_AT - 4096);
      const bytes = isHeader ? 16 : random.of(random.oneIn(40) ? OTHER_LENGTHS : NICE_LENGTHS);
      const isLast = index === length - 1;
      const flags = (index >= writableFrom ? WRITE : 0) | (isLast ? 0 : NEXT);
      const size = isLast && !random.oneIn(16) ? 1 : bytes;
      this.#set(words, first + index, address, size, flags, (isMain ? first : 0) + index + 1);
    }
  }

  #set(words: Uint32Array, entry: number, address: number, length: number, flags: number, next: number) {
    words[entry * 4] = address;
    words[entry * 4 + 1] = 0;
    words[entry * 4 + 2] = length;
    words[entry * 4 + 3] = flags | (next << 16);
  }

  #spoil(words: Uint32Array, entry: number): void {
    const random = this.#random;
    const at = entry * 4;
    const word = words[at + 3] as number;
    switch (random.below(7)) {
      case 0:
        words[at] = random.next();
        break;
      case 1:
        words[at + 1] = random.oneIn(2) ? 0xffffffff : random.below(3);
        break;
      case 2:
        words[at + 2] = random.of(ODD_LENGTHS);
        break;
      case 3:
        words[at + 3] = (word & 0xffff0000) | (random.oneIn(2) ? random.below(8) : random.below(65536));
        break;
      case 4:
        words[at + 3] = (word & 0xffff) | (random.next() << 16);
        break;
      case 5:
        // anywhere in the arena: other tables, headers, the rings
        words[at] = random.below(ARENA_BYTES);
        break;
      default:
        words[at] = ARENA_BYTES - random.below(1024);
    }
  }

  // ---- a notification ----

  #kick(guest: Guest): void {
    const random = this.#random;
    const queue = random.below(QUEUES);
    const ring = guest.rings[queue] as Ring;
    const view = this.#view;
    const heads = 1 + random.below(Math.min(ring.size / GROUP, 24));
    let walked = 0;
    for (let count = 0; count < heads; count++) {
      const head = random.oneIn(300) ? random.below(65536) : random.below(ring.size / GROUP) * GROUP;
      view.setUint16(ring.available + 4 + (ring.index % ring.size) * 2, head, true);
      ring.index = (ring.index + 1) & 0xffff;
      walked += this.#walk(guest, ring, head);
    }
    if (random.oneIn(400)) ring.index = random.below(65536);
    view.setUint16(ring.available + 2, ring.index, true);
    this.#write(guest.device, 0x050, random.oneIn(100) ? random.below(8) : queue);
    this.#letRun();
    if ((this.#read(guest.device, 0x070) & NEEDS_RESET) === 0) this.walked += walked;
    else this.#reset(guest);
  }

  #letRun(): void {
    const random = this.#random;
    if (random.oneIn(200)) this.#hold(!this.#isHolding);
    if (random.oneIn(3)) this.machine.run();
    else if (random.oneIn(2)) this.machine.core.exports.machineStep();
  }

  /** How many descriptors of a chain the device comes to. */
  #walk(guest: Guest, ring: Ring, head: number): number {
    const view = this.#view;
    let table = guest.base;
    let size = ring.size;
    let isIndirect = false;
    let index = head;
    let visited = 0;
    for (let pieces = 0; index < size && pieces < VIRTQUEUE_MAX_PIECES; visited++) {
      const at = table + index * 16;
      const length = view.getUint32(at + 8, true);
      const flags = view.getUint16(at + 12, true);
      const address = view.getUint32(at, true);
      if (length === 0 || view.getUint32(at + 4, true) !== 0 || address + length > ARENA_BYTES)
        return visited + 1;
      if ((flags & INDIRECT) !== 0 && !isIndirect) {
        isIndirect = true;
        table = guest.base + address;
        size = length / 16;
        index = 0;
        continue;
      }
      pieces++;
      if ((flags & NEXT) === 0) return visited + 1;
      index = view.getUint16(at + 14, true);
    }
    return visited;
  }

  // ---- what a guest and its machine do besides ----

  #meddle(guest: Guest): void {
    const random = this.#random;
    const { exports } = this.machine.core;
    const { device } = guest;
    switch (random.below(6)) {
      case 0:
        for (let count = random.below(20); count > 0; count--) {
          const offset = random.oneIn(4) ? random.next() | 0 : random.below(WINDOW_BYTES / 4) * 4;
          const value = random.oneIn(2) ? random.below(16) : random.next() | 0;
          this.#write(device, offset, value, random.of([4, 4, 4, 4, 1, 2, 3, 0]));
          exports.virtioRead(device, offset, random.of([1, 2, 4, 8]));
        }
        guest.rings = [];
        break;
      case 1:
        // a queue is stopped with requests in flight, and begins anew
        this.#write(device, 0x030, random.below(QUEUES));
        this.#write(device, 0x044, 0);
        if (random.oneIn(2)) this.#write(device, 0x044, 1);
        guest.rings = [];
        break;
      case 2:
        this.#write(device, 0x070, 0);
        guest.rings = [];
        break;
      case 3:
        if (exports.virtioDrainBegin(device) !== 0) assert.ok(this.#isHolding);
        if (guest.rings.length > 0) this.#kick(guest);
        assert.is(exports.virtioDrainEnd(device), 0);
        break;
      case 4:
        assert.is(exports.virtioResize(device, random.below(257) * 4096), 0);
        break;
      default:
        assert.is(exports.virtioResume(device), 0);
    }
  }

  // ---- what must not be touched ----

  #checkGuards(): void {
    for (const guard of this.#guards) {
      const zone = Buffer.from(this.machine.core.memory.buffer, guard, GUARD_BYTES);
      assert.ok(zone.equals(GUARD_ZONE), `the guard at ${guard} is whole`);
    }
  }

  /** Some requests of the well-behaved driver: each one is answered once, with the right bytes. */
  #checkNeighbour(): void {
    const queue = this.#neighbour;
    const random = this.#random;
    const count = 1 + random.below(6);
    const puts = Array.from({ length: count }, (_, index) => {
      const isIn = index % 2 === 1;
      const type = isIn ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
      const put = queue.put({
        type,
        sector: 8 * index,
        pieces: [1024, 3072],
        isIn,
        isIndirect: random.oneIn(2),
      });
      if (!isIn) queue.bytes.fill(put.head + 1, put.data, put.data + put.bytes);
      return put;
    });
    assert.is(queue.kick(), 0);
    this.machine.run();
    const used = queue.takeUsed();
    assert.equal(
      used.map(({ id }) => id).sort((a, b) => a - b),
      puts.map(({ head }) => head).sort((a, b) => a - b),
    );
    for (const [index, put] of puts.entries()) {
      assert.is(queue.statusOf(put), VIRTIO_BLK_S_OK);
      if (index % 2 === 0)
        assert.is(this.machine.core.memory.bytes[put.data + put.bytes - 1], (put.head + 1) & 0xff);
    }
    assert.not(queue.needsReset);
    queue.release(this.#neighbourStart);
    this.served += count;
  }
}

const GUARD_ZONE = Buffer.alloc(GUARD_BYTES, GUARD);
