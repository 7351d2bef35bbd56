// The device side of a split virtqueue in client memory (virtio 1.2 §2.7).
//
// Verbs: queueSetUp, queuePop, queuePush. Pop walks one chain and sorts its pieces: the request header, the data that
// the device reads, the data that it writes, the status byte. Framing is not assumed: header and status may share
// descriptors with data.
// Layout of one queue: addresses of the three parts, the size, and where the device stands in both rings.
// Invariants: every address is checked against client memory before it is used; a malformed chain answers POP_BROKEN
// and never a trap or an endless walk; the device never writes to the descriptor table.

import { isClientRange } from '../base/client-memory';
import { EINVAL } from '../base/errno';
import { Span, spanGiveChain, spanTake } from '../base/span';
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
}

export const chain = changetype<Chain>(memory.data(offsetof<Chain>(), 16));

/** 0, or EINVAL for a size that is no power of two up to 1024, or a part outside client memory or misaligned. */
export function queueSetUp(queue: Virtqueue, size: u32, descriptors: u32, available: u32, used: u32): i32 {
  queue.size = 0;
  if (size == 0 || size > <u32>VIRTQUEUE_MAX_SIZE || (size & (size - 1)) != 0) return -EINVAL;
  if ((descriptors & 15) != 0 || (available & 1) != 0 || (used & 3) != 0) return -EINVAL;
  if (!isClientRange(descriptors, <u64>size * VIRTQ_DESC_SIZE)) return -EINVAL;
  if (!isClientRange(available, 4 + <u64>size * 2) || !isClientRange(used, 4 + <u64>size * 8)) return -EINVAL;
  queue.descriptors = descriptors;
  queue.available = available;
  queue.used = used;
  queue.size = size;
  queue.lastAvailable = 0;
  queue.usedIndex = 0;
  return 0;
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
    const address = load<u64>(descriptor, VIRTQ_DESC_ADDR);
    const length = load<u32>(descriptor, VIRTQ_DESC_LEN);
    const flags = <u32>load<u16>(descriptor, VIRTQ_DESC_FLAGS);
    if ((flags & VIRTQ_DESC_F_INDIRECT) != 0 && !isIndirect) {
      if (length == 0 || (length & 15) != 0 || !isClientRange(address, length)) return POP_BROKEN;
      table = <usize>address;
      tableSize = length >> 4;
      index = 0;
      visited = 0;
      isIndirect = true;
      continue;
    }
    if (length == 0 || !isClientRange(address, length) || ++chain.pieces > <u32>VIRTQUEUE_MAX_PIECES)
      return POP_BROKEN;
    if (flags & VIRTQ_DESC_F_WRITE) {
      if (lastLength > 0 && !addPiece(true, lastAddress, lastLength)) return POP_LATER;
      lastAddress = <usize>address;
      lastLength = length;
      chain.writableBytes += length;
    } else {
      if (lastLength > 0) return POP_BROKEN;
      if (!addReadable(<usize>address, length)) return POP_LATER;
    }
    if ((flags & VIRTQ_DESC_F_NEXT) == 0) break;
    index = <u32>load<u16>(descriptor, VIRTQ_DESC_NEXT);
  }
  if (lastLength == 0 || chain.headerBytes < <u32>VIRTIO_BLK_HEADER_SIZE) return POP_BROKEN;
  chain.statusAddress = lastAddress + lastLength - 1;
  if (lastLength > 1 && !addPiece(true, lastAddress, lastLength - 1)) return POP_LATER;
  return POP_CHAIN;
}

/** Takes the next chain off the available ring into `chain`. One of POP_…. */
export function queuePop(queue: Virtqueue): u32 {
  const availableIndex = load<u16>(queue.available, VIRTQ_AVAIL_IDX);
  const waiting = <u32>(<u16>(availableIndex - queue.lastAvailable));
  if (waiting == 0) return POP_EMPTY;
  if (waiting > queue.size) return POP_BROKEN;
  const slot = <u32>queue.lastAvailable & (queue.size - 1);
  const head = <u32>load<u16>(queue.available + ((<usize>slot) << 1), VIRTQ_AVAIL_RING);
  if (head >= queue.size) return POP_BROKEN;
  resetChain(head);
  const result = walk(queue, head);
  if (result == POP_CHAIN) queue.lastAvailable++;
  else chainDrop();
  return result;
}

/** Publishes a finished chain: head index, and bytes written into its writable part. */
export function queuePush(queue: Virtqueue, head: u32, writtenBytes: u32): void {
  const slot = <u32>queue.usedIndex & (queue.size - 1);
  const entry = queue.used + VIRTQ_USED_RING + <usize>slot * VIRTQ_USED_ENTRY_SIZE;
  store<u32>(entry, head);
  store<u32>(entry, writtenBytes, 4);
  queue.usedIndex++;
  store<u16>(queue.used, queue.usedIndex, VIRTQ_USED_IDX);
}
