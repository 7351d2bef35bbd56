// The device side of a split virtqueue in client memory (virtio 1.2 §2.7).
//
// Verbs: queueSetUp, queuePop, queueReparse, queuePush, queueShouldSignal, queueSilence, queueListen. Pop walks one chain and
// sorts its pieces: the request header, the data that the device reads, the data that it writes, the status byte. Framing is
// not assumed: header and status may share descriptors with data.
// Layout of one queue: addresses of the three parts, the size, and where the device stands in both rings. Addresses that the
// driver writes are its own (guest-physical); the queue knows where its memory lies in client memory.
// Invariants: every address is checked against the guest's and against client memory before it is used; a malformed chain
// answers POP_BROKEN and never a trap or an endless walk; the device never writes to the descriptor table.

import { isClientRange } from '../base/client-memory';
import { EINVAL } from '../base/errno';
import { Span, spanDropChain, spanGiveChain, spanTake } from '../base/span';
import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
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
  VIRTQ_USED_F_NO_NOTIFY,
  VIRTQ_USED_IDX,
  VIRTQ_USED_RING,
} from '../layout';
import { VIRTQUEUE_MAX_PIECES, VIRTQUEUE_MAX_SIZE } from '../limits';

@unmanaged
export class Virtqueue {
  descriptors: usize;
  available: usize;
  used: usize;
  /** Entries, a power of two; 0: not set up. */
  size: u32;
  /** Free-running 16-bit counters. */
  lastAvailable: u16;
  usedIndex: u16;
  /** used.idx when the driver was last signalled; until the first time after a reset every completion signals. */
  signalled: u16;
  isSignalledValid: u16;
  /** VIRTIO_F_EVENT_IDX was negotiated. */
  hasEventIndex: u32;
  /** The driver is asked not to notify (while the queue is being drained). */
  isSilenced: u32;
  /** Chains popped and not pushed. */
  outstanding: u32;
  /** The guest's memory: its address 0 in client memory, and how many bytes there are. */
  guestBase: u64;
  guestBytes: u64;
}

export const POP_EMPTY: u32 = 0;
export const POP_CHAIN: u32 = 1;
/** The ring or the chain is malformed: the device needs a reset. */
export const POP_BROKEN: u32 = 2;
/** No span is free; the chain is still on the ring. */
export const POP_LATER: u32 = 3;

/** One chain as queuePop leaves it. */
@unmanaged
export class Chain {
  header0: u64;
  header1: u64;
  head: u32;
  headerBytes: u32;
  readable: usize;
  readableTail: usize;
  readableBytes: u64;
  readablePieces: u32;
  writablePieces: u32;
  writable: usize;
  writableTail: usize;
  /** All bytes the device may write, the status byte included. */
  writableBytes: u64;
  statusAddress: usize;
  pieces: u32;
  /** Descriptors of either kind, and the piece before the last writable one. */
  readableCount: u32;
  writableCount: u32;
  secondLast: usize;
  secondLastBytes: u32;
}

export const chain = changetype<Chain>(memory.data(offsetof<Chain>(), 16));

/** Where [address, address + length) of the guest lies, or 0 when it is not in its memory. */
export function guestRange(queue: Virtqueue, address: u64, length: u64): usize {
  if (address > queue.guestBytes || length > queue.guestBytes - address) return 0;
  const linear = queue.guestBase + address;
  return isClientRange(linear, length) ? <usize>linear : 0;
}

/**
 * 0, or EINVAL for a size that is no power of two up to 1024, or a part outside the guest's memory or misaligned.
 * `queue.guestBase` and `guestBytes` are set; everything else starts anew.
 */
export function queueSetUp(queue: Virtqueue, size: u32, descriptors: u64, available: u64, used: u64): i32 {
  queue.size = 0;
  if (size == 0 || size > <u32>VIRTQUEUE_MAX_SIZE || (size & (size - 1)) != 0) return -EINVAL;
  if ((descriptors & 15) != 0 || (available & 1) != 0 || (used & 3) != 0) return -EINVAL;
  // the event words count only when they are used (virtio_queue_get_avail_size)
  const eventBytes: u64 = queue.hasEventIndex != 0 ? 2 : 0;
  queue.descriptors = guestRange(queue, descriptors, <u64>size * VIRTQ_DESC_SIZE);
  queue.available = guestRange(queue, available, 4 + <u64>size * 2 + eventBytes);
  queue.used = guestRange(queue, used, 4 + <u64>size * VIRTQ_USED_ENTRY_SIZE + eventBytes);
  if (queue.descriptors == 0 || queue.available == 0 || queue.used == 0) return -EINVAL;
  queue.size = size;
  queue.lastAvailable = 0;
  queue.usedIndex = 0;
  queue.signalled = 0;
  queue.isSignalledValid = 0;
  queue.isSilenced = 0;
  queue.outstanding = 0;
  return 0;
}

function usedEvent(queue: Virtqueue): u16 {
  return load<u16>(queue.available + VIRTQ_AVAIL_RING + ((<usize>queue.size) << 1));
}

function setAvailableEvent(queue: Virtqueue, value: u16): void {
  store<u16>(queue.used + VIRTQ_USED_RING + <usize>queue.size * VIRTQ_USED_ENTRY_SIZE, value);
}

/** Asks the driver not to notify while the device drains the queue by itself. */
export function queueSilence(queue: Virtqueue): void {
  queue.isSilenced = 1;
  if (queue.hasEventIndex == 0) store<u16>(queue.used, VIRTQ_USED_F_NO_NOTIFY);
}

/** Asks for notifications again. */
export function queueListen(queue: Virtqueue): void {
  queue.isSilenced = 0;
  if (queue.hasEventIndex != 0) setAvailableEvent(queue, load<u16>(queue.available, VIRTQ_AVAIL_IDX));
  else store<u16>(queue.used, 0);
}

/** vring_need_event: whether moving from `old` to `current` passes `event`. */
export function needsEvent(event: u16, current: u16, old: u16): bool {
  return <u32>(<u16>(current - event - 1)) < <u32>(<u16>(current - old));
}

/** Whether the driver wants to hear of the entries used since it was last asked (virtio_split_should_notify). */
export function queueShouldSignal(queue: Virtqueue): bool {
  if (queue.hasEventIndex == 0) return (load<u16>(queue.available) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
  const isFirst = queue.isSignalledValid == 0;
  const old = queue.signalled;
  queue.signalled = queue.usedIndex;
  queue.isSignalledValid = 1;
  return isFirst || needsEvent(usedEvent(queue), queue.usedIndex, old);
}

/** Appends a piece to the readable or the writable chain of spans. */
function addPiece(isWritable: bool, address: usize, length: u32): bool {
  const span = spanTake(address, length);
  if (span == 0) return false;
  const tail = isWritable ? chain.writableTail : chain.readableTail;
  if (tail != 0) changetype<Span>(tail).next = span;
  else if (isWritable) chain.writable = span;
  else chain.readable = span;
  if (isWritable) {
    chain.writableTail = span;
    chain.writablePieces++;
  } else {
    chain.readableTail = span;
    chain.readablePieces++;
  }
  return true;
}

/** A readable piece: the first 16 bytes of all go to the header, the rest is data. */
function addReadable(address: usize, length: u32): bool {
  const toHeader = min<u32>(length, VIRTIO_BLK_HEADER_SIZE - chain.headerBytes);
  if (toHeader > 0) {
    memory.copy(changetype<usize>(chain) + chain.headerBytes, address, toHeader);
    chain.headerBytes += toHeader;
  }
  chain.readableBytes += length - toHeader;
  return length == toHeader || addPiece(false, address + toHeader, length - toHeader);
}

function resetChain(head: u32): void {
  memory.fill(changetype<usize>(chain), 0, offsetof<Chain>());
  chain.head = head;
}

/** Gives back what a chain that is not going to be served holds. */
export function chainDrop(): void {
  spanGiveChain(chain.readable);
  spanGiveChain(chain.writable);
  chain.readable = 0;
  chain.writable = 0;
}

/** Walks the chain from `head`. POP_CHAIN, POP_BROKEN or POP_LATER. */
function walk(queue: Virtqueue, head: u32): u32 {
  let table = queue.descriptors;
  let tableSize = queue.size;
  let index = head;
  let visited: u32 = 0;
  let isIndirect = false;
  // the last writable piece waits until it is known whether it holds the status byte
  let lastAddress: usize = 0;
  let lastLength: u32 = 0;
  while (true) {
    if (index >= tableSize || visited++ >= tableSize) return POP_BROKEN;
    const descriptor = table + <usize>index * VIRTQ_DESC_SIZE;
    const length = load<u32>(descriptor, VIRTQ_DESC_LEN);
    const address = guestRange(queue, load<u64>(descriptor, VIRTQ_DESC_ADDR), length);
    const flags = <u32>load<u16>(descriptor, VIRTQ_DESC_FLAGS);
    if ((flags & VIRTQ_DESC_F_INDIRECT) != 0 && !isIndirect) {
      if (length == 0 || (length & (VIRTQ_DESC_SIZE - 1)) != 0 || address == 0) return POP_BROKEN;
      table = address;
      tableSize = length / VIRTQ_DESC_SIZE;
      index = 0;
      visited = 0;
      isIndirect = true;
      continue;
    }
    if (length == 0 || address == 0 || ++chain.pieces > <u32>VIRTQUEUE_MAX_PIECES) return POP_BROKEN;
    if (flags & VIRTQ_DESC_F_WRITE) {
      if (lastLength > 0 && !addPiece(true, lastAddress, lastLength)) return POP_LATER;
      chain.secondLast = lastAddress;
      chain.secondLastBytes = lastLength;
      lastAddress = address;
      lastLength = length;
      chain.writableBytes += length;
      chain.writableCount++;
    } else {
      if (lastLength > 0) return POP_BROKEN;
      if (!addReadable(address, length)) return POP_LATER;
      chain.readableCount++;
    }
    if ((flags & VIRTQ_DESC_F_NEXT) == 0) break;
    index = <u32>load<u16>(descriptor, VIRTQ_DESC_NEXT);
  }
  if (lastLength == 0 || chain.headerBytes < <u32>VIRTIO_BLK_HEADER_SIZE) return POP_BROKEN;
  chain.statusAddress = lastAddress + lastLength - 1;
  if (lastLength > 1 && !addPiece(true, lastAddress, lastLength - 1)) return POP_LATER;
  return POP_CHAIN;
}

/** Walks the chain of a head that was popped before and is handled anew. One of POP_…, never POP_EMPTY. */
export function queueReparse(queue: Virtqueue, head: u32): u32 {
  resetChain(head);
  const result = walk(queue, head);
  if (result != POP_CHAIN) {
    spanDropChain(chain.readable);
    spanDropChain(chain.writable);
  }
  return result;
}

/** Takes the next chain off the available ring into `chain`. One of POP_…. */
export function queuePop(queue: Virtqueue): u32 {
  const availableIndex = load<u16>(queue.available, VIRTQ_AVAIL_IDX);
  const waiting = <u32>(<u16>(availableIndex - queue.lastAvailable));
  if (waiting == 0) return POP_EMPTY;
  if (waiting > queue.size || queue.outstanding >= queue.size) return POP_BROKEN;
  const slot = <u32>queue.lastAvailable & (queue.size - 1);
  const head = <u32>load<u16>(queue.available + ((<usize>slot) << 1), VIRTQ_AVAIL_RING);
  if (head >= queue.size) return POP_BROKEN;
  const result = queueReparse(queue, head);
  if (result != POP_CHAIN) return result;
  queue.lastAvailable++;
  queue.outstanding++;
  if (queue.hasEventIndex != 0 && queue.isSilenced == 0) setAvailableEvent(queue, queue.lastAvailable);
  return POP_CHAIN;
}

/** Publishes a finished chain: head index, and bytes written into its writable part. */
export function queuePush(queue: Virtqueue, head: u32, writtenBytes: u32): void {
  const slot = <u32>queue.usedIndex & (queue.size - 1);
  const entry = queue.used + VIRTQ_USED_RING + <usize>slot * VIRTQ_USED_ENTRY_SIZE;
  store<u32>(entry, head);
  store<u32>(entry, writtenBytes, 4);
  queue.usedIndex++;
  queue.outstanding--;
  store<u16>(queue.used, queue.usedIndex, VIRTQ_USED_IDX);
}
