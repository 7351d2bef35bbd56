// A driver for tests: a split virtqueue in client memory of a machine, with every field open to misuse.
//
// Verbs: attach, describe, offer, put, kick, takeUsed. `describe` writes one descriptor as told, `put` builds a whole
// well-formed request (16-byte header, data pieces, status byte) and offers it, through an indirect table if asked.
// Memory is taken from one range, upwards; `mark` and `release` give the top of it back.

import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTQ_AVAIL_IDX,
  VIRTQ_AVAIL_RING,
  VIRTQ_DESC_ADDR,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_FLAGS,
  VIRTQ_DESC_LEN,
  VIRTQ_DESC_NEXT,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_ENTRY_SIZE,
  VIRTQ_USED_IDX,
  VIRTQ_USED_RING,
} from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';

export const NEXT = VIRTQ_DESC_F_NEXT;
export const WRITE = VIRTQ_DESC_F_WRITE;
export const INDIRECT = VIRTQ_DESC_F_INDIRECT;

const STATUS = 0x070;

/** What a status byte holds before the device has answered. */
export const NO_STATUS = 0xff;

export interface Descriptor {
  readonly address: number;
  readonly length: number;
  readonly flags?: number;
  readonly next?: number;
}

export interface Used {
  readonly id: number;
  readonly length: number;
}

/** One request as `put` built it. */
export interface Put {
  readonly head: number;
  readonly header: number;
  /** Address of the data; the pieces follow each other. */
  readonly data: number;
  readonly bytes: number;
  readonly status: number;
}

export interface Request {
  readonly type: number;
  readonly sector?: number | bigint;
  /** Bytes of each piece of data. */
  readonly pieces?: readonly number[];
  /** Bytes left free in front of the data, so that it begins at any address. */
  readonly past?: number;
  /** The device writes the data. */
  readonly isIn?: boolean;
  /** Through a table of its own, so that one entry of the ring is enough. */
  readonly isIndirect?: boolean;
}

export class GuestQueue {
  readonly machine: Machine;
  readonly size: number;
  readonly device: number;
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  /** Which of the device's queues this is. */
  queue = 0;
  #availableIndex = 0;
  #usedIndex = 0;
  #nextDescriptor = 0;
  #nextByte: number;
  readonly #end: number;

  /** Rings for `size` entries, and `room` bytes for requests; the device is not told yet. */
  constructor(machine: Machine, options: { size?: number; device?: number; room?: number } = {}) {
    this.machine = machine;
    this.size = options.size ?? 256;
    this.device = options.device ?? 0;
    const room = options.room ?? 2097152;
    this.#nextByte = machine.buffers.allocate(room, 4096);
    this.#end = this.#nextByte + room;
    this.descriptors = this.allocate(16 * this.size, 16);
    this.available = this.allocate(6 + 2 * this.size, 2);
    this.used = this.allocate(6 + 8 * this.size, 4);
  }

  /** Rings that the device knows. */
  static attached(machine: Machine, options: { size?: number; device?: number; room?: number } = {}) {
    const queue = new GuestQueue(machine, options);
    const status = queue.attach();
    if (status !== 15) throw new Error(`the status is ${status}`);
    return queue;
  }

  get view(): DataView {
    return new DataView(this.machine.core.memory.buffer);
  }

  get bytes(): Uint8Array {
    return this.machine.core.memory.bytes;
  }

  allocate(bytes: number, alignment = 1): number {
    const address = Math.ceil(this.#nextByte / alignment) * alignment;
    if (address + bytes > this.#end) throw new Error('the test needs more room');
    this.#nextByte = address + bytes;
    return address;
  }

  /** What is allocated from here on can be released together. */
  mark(): number {
    return this.#nextByte;
  }

  release(mark: number): void {
    this.#nextByte = mark;
  }

  /**
   * Resets the device, negotiates, and tells it (again) where the ring is: both sides start at 0. `features`: those that the
   * driver accepts, else all that are offered but EVENT_IDX. Returns the device's status.
   */
  attach(options: { features?: bigint; status?: number } = {}): number {
    this.write(STATUS, 0);
    this.write(STATUS, 1);
    this.write(STATUS, 3);
    const features = options.features ?? this.offered & ~(1n << 29n);
    for (const word of [0, 1]) {
      this.write(0x024, word);
      this.write(0x020, Number((features >> BigInt(word * 32)) & 0xffffffffn));
    }
    this.write(STATUS, 11);
    this.setUpQueue(0);
    this.write(STATUS, options.status ?? 15);
    return this.read(STATUS);
  }

  /** Gives the ring to queue number `queue` of the device. */
  setUpQueue(queue: number): void {
    this.view.setUint32(this.available, 0, true);
    this.view.setUint32(this.used, 0, true);
    this.#availableIndex = 0;
    this.#usedIndex = 0;
    this.#nextDescriptor = 0;
    this.queue = queue;
    this.write(0x030, queue);
    this.write(0x038, this.size);
    const addresses = [this.descriptors, this.available, this.used];
    for (const [index, address] of addresses.entries()) {
      this.write(0x080 + index * 16, address);
      this.write(0x084 + index * 16, 0);
    }
    this.write(0x044, 1);
  }

  /** A register of the virtio-mmio window. */
  read(offset: number, width = 4): number {
    return this.machine.core.call((exports) => exports.virtioRead(this.device, offset, width)) >>> 0;
  }

  write(offset: number, value: number, width = 4): number {
    return this.machine.core.call((exports) => exports.virtioWrite(this.device, offset, width, value));
  }

  /** Features that the device offers. */
  get offered(): bigint {
    const words = [0, 1].map((word) => {
      this.write(0x014, word);
      return BigInt(this.read(0x010));
    });
    return (words[0] as bigint) | ((words[1] as bigint) << 32n);
  }

  get interruptStatus(): number {
    return this.read(0x060);
  }

  acknowledge(bits = 3): void {
    this.write(0x064, bits);
  }

  /** Writes entry `index` of the main table, or of the table at `table`. */
  describe(index: number, descriptor: Descriptor, table = this.descriptors): void {
    const at = table + index * VIRTQ_DESC_SIZE;
    const view = this.view;
    view.setBigUint64(at + VIRTQ_DESC_ADDR, BigInt(descriptor.address), true);
    view.setUint32(at + VIRTQ_DESC_LEN, descriptor.length, true);
    view.setUint16(at + VIRTQ_DESC_FLAGS, descriptor.flags ?? 0, true);
    view.setUint16(at + VIRTQ_DESC_NEXT, descriptor.next ?? 0, true);
  }

  /** Writes a chain into the entries from `first` on; every one but the last gets NEXT. */
  describeChain(first: number, chain: readonly Descriptor[], table = this.descriptors): void {
    chain.forEach((descriptor, index) => {
      const isLast = index === chain.length - 1;
      const flags = (descriptor.flags ?? 0) | (isLast ? 0 : NEXT);
      this.describe(first + index, { next: first + index + 1, ...descriptor, flags }, table);
    });
  }

  /** Puts a head on the available ring. */
  offer(head: number): void {
    const slot = this.#availableIndex % this.size;
    this.view.setUint16(this.available + VIRTQ_AVAIL_RING + slot * 2, head, true);
    this.setAvailableIndex(this.#availableIndex + 1);
  }

  setAvailableIndex(index: number): void {
    this.#availableIndex = index & 0xffff;
    this.view.setUint16(this.available + VIRTQ_AVAIL_IDX, this.#availableIndex, true);
  }

  header(type: number, sector: number | bigint = 0): number {
    const header = this.allocate(VIRTIO_BLK_HEADER_SIZE, 16);
    this.view.setUint32(header, type, true);
    this.view.setUint32(header + 4, 0, true);
    this.view.setBigUint64(header + 8, BigInt(sector), true);
    return header;
  }

  statusByte(): number {
    const status = this.allocate(1);
    this.bytes[status] = NO_STATUS;
    return status;
  }

  /** Builds a request and offers it. The data is not touched: fill it before the kick. */
  put(request: Request): Put {
    const pieces = request.pieces ?? [];
    const bytes = pieces.reduce((a, b) => a + b, 0);
    const header = this.header(request.type, request.sector);
    const past = request.past ?? 0;
    const data = bytes > 0 ? this.allocate(bytes + past) + past : 0;
    const status = this.statusByte();
    const chain: Descriptor[] = [{ address: header, length: VIRTIO_BLK_HEADER_SIZE }];
    let address = data;
    for (const length of pieces) {
      chain.push({ address, length, flags: request.isIn === true ? WRITE : 0 });
      address += length;
    }
    chain.push({ address: status, length: 1, flags: WRITE });
    const head = this.putChain(chain, request.isIndirect === true);
    return { head, header, data, bytes, status };
  }

  /** Writes a chain into free entries, or one entry with a table, and offers it. Returns its head. */
  putChain(chain: readonly Descriptor[], isIndirect = false): number {
    const count = isIndirect ? 1 : chain.length;
    if (count > this.size) throw new Error('the chain is longer than the ring');
    if (this.#nextDescriptor + count > this.size) this.#nextDescriptor = 0;
    const head = this.#nextDescriptor;
    this.#nextDescriptor += count;
    if (isIndirect) {
      const table = this.allocate(chain.length * VIRTQ_DESC_SIZE, 16);
      this.describeChain(0, chain, table);
      this.describe(head, { address: table, length: chain.length * VIRTQ_DESC_SIZE, flags: INDIRECT });
    } else {
      this.describeChain(head, chain);
    }
    this.offer(head);
    return head;
  }

  kick(): number {
    return this.write(0x050, this.queue);
  }

  /** Kicks and runs until the machine is idle. */
  kickAndRun(): void {
    const result = this.kick();
    if (result !== 0) throw new Error(`the notification answered ${result}`);
    this.machine.run();
  }

  get needsReset(): boolean {
    return (this.read(STATUS) & 64) !== 0;
  }

  get usedIndex(): number {
    return this.view.getUint16(this.used + VIRTQ_USED_IDX, true);
  }

  /** Entries used since the last call, in order. */
  takeUsed(): Used[] {
    const view = this.view;
    const entries: Used[] = [];
    while (this.#usedIndex !== this.usedIndex) {
      const at = this.used + VIRTQ_USED_RING + (this.#usedIndex % this.size) * VIRTQ_USED_ENTRY_SIZE;
      entries.push({ id: view.getUint32(at, true), length: view.getUint32(at + 4, true) });
      this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    }
    return entries;
  }

  statusOf(put: Put): number {
    return this.bytes[put.status] as number;
  }

  dataOf(put: Put): Uint8Array {
    return this.bytes.slice(put.data, put.data + put.bytes);
  }
}
