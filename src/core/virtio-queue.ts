// A split virtqueue of the host's own in a machine's buffers: chains go in with their bytes copied, answers come out.
//
// Verbs: submit, poll, clear, free. Whoever submits notifies the device.
// Layout: descriptors, available ring, used ring in one piece; for each chain in flight one piece with its data, its
// answer and its header, in this order, so that data is aligned for direct I/O. A slot is a chain's place: three descriptors.
// Invariant: what is not answered keeps its memory until `clear`, which only a device that was reset allows.

import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTIO_BLK_S_OK,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_AVAIL_IDX,
  VIRTQ_AVAIL_RING,
  VIRTQ_DESC_ADDR,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_FLAGS,
  VIRTQ_DESC_LEN,
  VIRTQ_DESC_NEXT,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_ENTRY_SIZE,
  VIRTQ_USED_IDX,
  VIRTQ_USED_RING,
} from '../../assembly/layout.ts';
import { VIRTQUEUE_MAX_SIZE } from '../../assembly/limits.ts';
import { ConfigError, StorageError } from '../errors.ts';
import type { BufferArena } from './buffer-arena.ts';
import type { LinearMemory } from './linear-memory.ts';
import { saveList } from './timeline.ts';

const EAGAIN = -11;

const DESCRIPTORS_PER_SLOT = 3;
const SLOT_COUNT = Math.floor(VIRTQUEUE_MAX_SIZE / DESCRIPTORS_PER_SLOT);
const GRANULE = 64;
const DATA_ALIGNMENT = 4096;
const AVAILABLE = VIRTQUEUE_MAX_SIZE * VIRTQ_DESC_SIZE;
const USED = AVAILABLE + VIRTQUEUE_MAX_SIZE * 2 + GRANULE;
const RING_BYTES = USED + VIRTQ_USED_RING + VIRTQUEUE_MAX_SIZE * VIRTQ_USED_ENTRY_SIZE + 2;

/** A request as its bytes are (virtio 1.2 §5.2.6): a 16-byte header, data, and room for an answer that ends with the status. */
export interface VirtioBlkChain {
  /** Header and data: what the device reads. */
  readonly readable: Uint8Array;
  /** Bytes of room for what the device writes; the last one is the status. */
  readonly writableLength: number;
}

/** A chain in the hands of the device, until it `isDone`. */
export class VirtioBlkRequest {
  /** `lost`: the device was reset before it answered. */
  state: 'pending' | 'done' | 'lost' = 'pending';
  /** What the device wrote: all of the writable part, with the status as its last byte. */
  written = new Uint8Array(0);
  /** Bytes written, as the used ring says. */
  length = 0;
  /** @internal Its memory, and what of it is the answer. */
  readonly memory: number;
  readonly #writable: { readonly address: number; readonly bytes: number };

  /** @internal */
  constructor(memory: number, address: number, bytes: number) {
    this.memory = memory;
    this.#writable = { address, bytes };
  }

  get isDone(): boolean {
    return this.state === 'done';
  }

  /** 0 OK, 1 IOERR, 2 UNSUPP; only when it is done. */
  get status(): number {
    return this.written.at(-1) ?? VIRTIO_BLK_S_OK;
  }

  /** @internal It is in the device's hands again. */
  wait(): void {
    this.state = 'pending';
    this.written = new Uint8Array(0);
    this.length = 0;
  }

  /** @internal */
  complete(memory: Uint8Array, length: number): void {
    const { address, bytes } = this.#writable;
    this.written = memory.slice(address, address + bytes);
    this.length = length;
    this.state = 'done';
  }
}

/** The ring, with room for 341 chains. */
export class VirtioQueue {
  readonly size = VIRTQUEUE_MAX_SIZE;
  readonly #memory: LinearMemory;
  readonly #buffers: BufferArena;
  readonly #ring: number;
  readonly #slots: (VirtioBlkRequest | undefined)[] = [];
  #availableIndex = 0;
  #usedIndex = 0;

  /** Throws ConfigError when `buffers` has no room. */
  constructor(memory: LinearMemory, buffers: BufferArena) {
    this.#memory = memory;
    this.#buffers = buffers;
    this.#ring = buffers.allocate(RING_BYTES, DATA_ALIGNMENT);
  }

  /** Notes what is on the ring, and returns what puts it back. */
  save(): () => void {
    const slots = saveList(this.#slots);
    const [availableIndex, usedIndex] = [this.#availableIndex, this.#usedIndex];
    const waiting = this.#slots.filter((request) => request !== undefined);
    return () => {
      slots();
      this.#availableIndex = availableIndex;
      this.#usedIndex = usedIndex;
      for (const request of waiting) request.wait();
    };
  }

  /** Where the device finds its parts. */
  get addresses(): { readonly descriptors: number; readonly available: number; readonly used: number } {
    return { descriptors: this.#ring, available: this.#ring + AVAILABLE, used: this.#ring + USED };
  }

  /** Empties the ring; chains in flight are lost. The device must not know them any more. */
  clear(): void {
    this.#slots.forEach((request, slot) => {
      if (request === undefined) return;
      request.state = 'lost';
      this.#release(slot);
    });
    const { bytes } = this.#memory;
    bytes.fill(0, this.#ring, this.#ring + RING_BYTES);
    // nobody listens to interrupts
    bytes[this.#ring + AVAILABLE] = VIRTQ_AVAIL_F_NO_INTERRUPT;
    this.#availableIndex = 0;
    this.#usedIndex = 0;
  }

  /** Gives the memory of the ring back, after `clear`. */
  free(): void {
    this.#buffers.free(this.#ring);
  }

  /** Puts chains on the ring, all or none. Throws StorageError EAGAIN for want of slots, ConfigError for want of memory. */
  submit(chains: readonly VirtioBlkChain[]): VirtioBlkRequest[] {
    const slots = this.#freeSlots(chains.length);
    const requests: VirtioBlkRequest[] = [];
    try {
      chains.forEach((chain, index) => {
        requests.push(this.#place(slots[index] as number, chain));
      });
    } catch (error) {
      for (const request of requests) this.#buffers.free(request.memory);
      throw error;
    }
    requests.forEach((request, index) => {
      this.#offer(slots[index] as number, request);
    });
    return requests;
  }

  /** Takes what the device has answered; returns how many requests that were. Does not wait. */
  poll(): number {
    const memory = this.#memory;
    const view = new DataView(memory.buffer, this.#ring + USED);
    const end = view.getUint16(VIRTQ_USED_IDX, true);
    let taken = 0;
    for (; this.#usedIndex !== end; this.#usedIndex = (this.#usedIndex + 1) & 0xffff) {
      const at = VIRTQ_USED_RING + (this.#usedIndex % VIRTQUEUE_MAX_SIZE) * VIRTQ_USED_ENTRY_SIZE;
      const slot = view.getUint32(at, true) / DESCRIPTORS_PER_SLOT;
      this.#slots[slot]?.complete(memory.bytes, view.getUint32(at + 4, true));
      this.#release(slot);
      taken++;
    }
    return taken;
  }

  /** Numbers of `count` slots that no request has. */
  #freeSlots(count: number): number[] {
    if (count > SLOT_COUNT) throw new ConfigError('chains', count, `at most ${SLOT_COUNT}`);
    const slots: number[] = [];
    for (let slot = 0; slot < SLOT_COUNT && slots.length < count; slot++) {
      if (this.#slots[slot] === undefined) slots.push(slot);
    }
    if (slots.length < count) throw new StorageError('submit', EAGAIN, { hint: 'the ring is full' });
    return slots;
  }

  /** Copies a chain into client memory and writes its descriptors. */
  #place(slot: number, { readable, writableLength }: VirtioBlkChain): VirtioBlkRequest {
    if (!Number.isSafeInteger(writableLength) || writableLength < 0)
      throw new ConfigError('writableLength', writableLength, 'a whole number of bytes');
    const header = readable.subarray(0, VIRTIO_BLK_HEADER_SIZE);
    const data = readable.subarray(header.length);
    const answerOffset = Math.ceil(data.length / GRANULE) * GRANULE;
    const headerOffset = answerOffset + Math.ceil(writableLength / GRANULE) * GRANULE;
    const memory = this.#buffers.allocate(headerOffset + GRANULE, DATA_ALIGNMENT);
    const answer = memory + answerOffset;
    this.#memory.bytes.set(data, memory);
    this.#memory.bytes.fill(0, answer, answer + writableLength);
    this.#memory.bytes.set(header, memory + headerOffset);
    this.#describe(slot, [
      [memory + headerOffset, header.length, 0],
      [memory, data.length, 0],
      [answer, writableLength, VIRTQ_DESC_F_WRITE],
    ]);
    return new VirtioBlkRequest(memory, answer, writableLength);
  }

  /** Writes the descriptors of a slot: those of `pieces` that are not empty. A chain without any is one empty descriptor. */
  #describe(
    slot: number,
    pieces: readonly (readonly [address: number, bytes: number, flags: number])[],
  ): void {
    const first = slot * DESCRIPTORS_PER_SLOT;
    const view = new DataView(this.#memory.buffer, this.#ring + first * VIRTQ_DESC_SIZE);
    const filled = pieces.filter(([, bytes]) => bytes > 0);
    const chain = filled.length > 0 ? filled : pieces.slice(0, 1);
    chain.forEach(([address, bytes, flags], index) => {
      const at = index * VIRTQ_DESC_SIZE;
      view.setBigUint64(at + VIRTQ_DESC_ADDR, BigInt(address), true);
      view.setUint32(at + VIRTQ_DESC_LEN, bytes, true);
      view.setUint16(at + VIRTQ_DESC_FLAGS, flags | (index + 1 < chain.length ? VIRTQ_DESC_F_NEXT : 0), true);
      view.setUint16(at + VIRTQ_DESC_NEXT, first + index + 1, true);
    });
  }

  #offer(slot: number, request: VirtioBlkRequest): void {
    this.#slots[slot] = request;
    const view = new DataView(this.#memory.buffer, this.#ring + AVAILABLE);
    const at = VIRTQ_AVAIL_RING + (this.#availableIndex % VIRTQUEUE_MAX_SIZE) * 2;
    view.setUint16(at, slot * DESCRIPTORS_PER_SLOT, true);
    this.#availableIndex = (this.#availableIndex + 1) & 0xffff;
    view.setUint16(VIRTQ_AVAIL_IDX, this.#availableIndex, true);
  }

  #release(slot: number): void {
    const request = this.#slots[slot];
    this.#slots[slot] = undefined;
    if (request !== undefined) this.#buffers.free(request.memory);
  }
}
