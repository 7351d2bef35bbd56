// QEMU's multi-request buffer: which guest requests become one I/O (hw/block/virtio-blk.c).
//
// Verbs: multireqConfigure, multireqIsFull, multireqAdd, multireqPlan. During one drain of the queue reads or writes
// gather here; when the buffer is submitted they are sorted by sector and cut into runs of contiguous requests.
// Layout: 32 entries (sector, bytes, pieces, request), then up to 32 runs (first entry, entry count).
// Invariant: the sort is stable; a run is contiguous (no gap, overlap or duplicate), within max_transfer bytes and the
// piece limit; nothing survives from one notification to the next.

import { record, recording } from '../base/record';
import {
  MULTIREQ_NOT_CONTIGUOUS,
  MULTIREQ_TOO_LONG,
  MULTIREQ_TOO_MANY_PIECES,
  OP_READ,
  OP_WRITE,
  RECORD_MULTIREQ_SPLIT,
} from '../layout';
import { MULTIREQ_MAX_PIECES, MULTIREQ_MAX_REQUESTS, SECTOR_SHIFT } from '../limits';

const ENTRY_SIZE: usize = 24;
const DEFAULT_MAX_TRANSFER: u32 = 0x7ffffe00;

@unmanaged
class Entry {
  sector: u64;
  bytes: u32;
  pieces: u32;
  request: usize;
  padding: u32;
}

@unmanaged
class Multireq {
  count: u32;
  isWrite: u32;
  maxTransfer: u32;
  maxPieces: u32;
  isMerging: u32;
  runCount: u32;
}

const buffer = changetype<Multireq>(memory.data(offsetof<Multireq>(), 16));
const entries: usize = memory.data(768, 16);
const runs: usize = memory.data(256, 16);

/** `maxTransfer` bytes of one run, rounded down to sectors (0: QEMU's INT_MAX); `maxPieces` of one run (0: IOV_MAX). */
export function multireqConfigure(maxTransfer: u32, maxPieces: u32, isMerging: bool): void {
  buffer.maxTransfer = maxTransfer == 0 ? DEFAULT_MAX_TRANSFER : maxTransfer & ~(<u32>511);
  buffer.maxPieces = maxPieces == 0 ? MULTIREQ_MAX_PIECES : maxPieces;
  buffer.isMerging = isMerging ? 1 : 0;
  buffer.count = 0;
}

export function multireqCount(): u32 {
  return buffer.count;
}

export function multireqIsWrite(): bool {
  return buffer.isWrite != 0;
}

/** True when a request of this direction must first push the buffer out: it is full, goes the other way, or merging is off. */
export function multireqIsFull(isWrite: bool): bool {
  if (buffer.count == 0) return false;
  return buffer.count == MULTIREQ_MAX_REQUESTS || (buffer.isWrite != 0) != isWrite || buffer.isMerging == 0;
}

function entryAt(index: u32): Entry {
  return changetype<Entry>(entries + <usize>index * ENTRY_SIZE);
}

export function multireqAdd(request: usize, sector: u64, bytes: u32, pieces: u32, isWrite: bool): void {
  const entry = entryAt(buffer.count++);
  entry.sector = sector;
  entry.bytes = bytes;
  entry.pieces = pieces;
  entry.request = request;
  buffer.isWrite = isWrite ? 1 : 0;
}

/** Insertion sort by sector: stable, and one pass over what is in order already. */
function sort(): void {
  const moving = changetype<Entry>(scratch);
  for (let index: u32 = 1; index < buffer.count; index++) {
    if (entryAt(index - 1).sector <= entryAt(index).sector) continue;
    memory.copy(scratch, changetype<usize>(entryAt(index)), ENTRY_SIZE);
    let place = index;
    while (place > 0 && entryAt(place - 1).sector > moving.sector) {
      memory.copy(changetype<usize>(entryAt(place)), changetype<usize>(entryAt(place - 1)), ENTRY_SIZE);
      place--;
    }
    memory.copy(changetype<usize>(entryAt(place)), scratch, ENTRY_SIZE);
  }
}

const scratch: usize = memory.data(32, 16);

function addRun(first: u32, entryCount: u32): void {
  store<u32>(runs + ((<usize>buffer.runCount) << 3), first);
  store<u32>(runs + ((<usize>buffer.runCount) << 3), entryCount, 4);
  buffer.runCount++;
}

/** Why this entry can not join the run, or 0. */
function splitReason(entry: Entry, runSector: u64, runSectors: u32, runPieces: u32): u32 {
  if (runSector + runSectors != entry.sector) return MULTIREQ_NOT_CONTIGUOUS;
  if (entry.pieces > buffer.maxPieces || runPieces > buffer.maxPieces - entry.pieces)
    return MULTIREQ_TOO_MANY_PIECES;
  if (entry.bytes > buffer.maxTransfer) return MULTIREQ_TOO_LONG;
  return runSectors > (buffer.maxTransfer - entry.bytes) >> SECTOR_SHIFT ? MULTIREQ_TOO_LONG : 0;
}

/** Sorts the buffer, cuts it into runs, empties it. The number of runs; they are valid until the next multireqAdd. */
export function multireqPlan(device: u32): u32 {
  const entryCount = buffer.count;
  buffer.count = 0;
  buffer.runCount = 0;
  if (entryCount == 0) return 0;
  buffer.count = entryCount;
  if (entryCount > 1) sort();
  buffer.count = 0;
  let first: u32 = 0;
  let runSector: u64 = entryAt(0).sector;
  let runSectors: u32 = 0;
  let runPieces: u32 = 0;
  for (let index: u32 = 0; index < entryCount; index++) {
    const entry = entryAt(index);
    const reason = index > first ? splitReason(entry, runSector, runSectors, runPieces) : 0;
    if (reason != 0) {
      if (recording()) {
        const operation = buffer.isWrite ? OP_WRITE : OP_READ;
        record(
          RECORD_MULTIREQ_SPLIT,
          operation,
          device,
          index,
          entry.sector,
          entry.bytes >> SECTOR_SHIFT,
          reason,
        );
      }
      addRun(first, index - first);
      first = index;
    }
    if (index == first) {
      runSector = entry.sector;
      runSectors = 0;
      runPieces = 0;
    }
    runSectors += entry.bytes >> SECTOR_SHIFT;
    runPieces += entry.pieces;
  }
  addRun(first, entryCount - first);
  return buffer.runCount;
}

export function multireqRunFirst(run: u32): u32 {
  return load<u32>(runs + ((<usize>run) << 3));
}

export function multireqRunLength(run: u32): u32 {
  return load<u32>(runs + ((<usize>run) << 3), 4);
}

/** The request of an entry after the sort. */
export function multireqRequest(entryIndex: u32): usize {
  return entryAt(entryIndex).request;
}
