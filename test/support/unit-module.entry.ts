// @ts-nocheck
// biome-ignore-all lint/style/useImportType: AssemblyScript has no imports of types alone
// AssemblyScript, compiled by unit-module.ts: inner parts of the core with nothing around them.
//
// `unitSetup` stands in for machineOpen: it claims what these parts need and no more. What they export is exported again
// as it is; an address or a u32 crosses as an i32, a u64 as a BigInt. The few functions written here look at what the
// parts keep to themselves.

import '../../assembly/base/abort';
import { arenaClaim, arenaCommit, arenaStart } from '../../assembly/base/arena';
import { clockClaim } from '../../assembly/base/clock';
import { dispatchClaim, handle, KIND_FLUSHER_RESUME } from '../../assembly/base/dispatch';
import { EIO } from '../../assembly/base/errno';
import { Pool, poolClaim, poolInit } from '../../assembly/base/pool';
import { spanClaim, spanInit, spanPool } from '../../assembly/base/span';
import { flusherInit, flusherResume } from '../../assembly/cache/flusher';
import { Inode, inodeAt, inodeClaim } from '../../assembly/cache/inode';
import { blockMap, IOMAP_HOLE, registerIomap } from '../../assembly/cache/iomap';
import { keyOf, Page, pageClaim, pageIndex, pageInit, pageKey } from '../../assembly/cache/page';
import { indexClaim } from '../../assembly/cache/page-index';
import { Batch } from '../../assembly/rings/submit-batch';

export { advanceTo, eventAt, eventCount, eventNextTime, eventPop, now } from '../../assembly/base/clock';
export { complete, dispatchOne, dispatchPending } from '../../assembly/base/dispatch';
export { bucketOf, histogramAdd, histogramAddAll, histogramClear } from '../../assembly/base/histogram';
export { poolGive, poolHolds, poolInit, poolTake } from '../../assembly/base/pool';
export {
  spanAdvance,
  spanCopyIn,
  spanCopyOut,
  spanGiveChain,
  spanPieces,
  spansToIovecs,
  spanTake,
  spanZero,
} from '../../assembly/base/span';
export { park, wakeAll, wakeOne } from '../../assembly/base/wait-queue';
export { clearDirty, listRemove, markDirty, pickDirty, sortDirty } from '../../assembly/cache/dirty';
export { positionRatio } from '../../assembly/cache/dirty-limits';
export { flusherWake } from '../../assembly/cache/flusher';
export { pageGiveFree, pageTakeFree } from '../../assembly/cache/page';
export { indexFind, indexInsert, indexRemove } from '../../assembly/cache/page-index';
export {
  multireqAdd,
  multireqConfigure,
  multireqCount,
  multireqIsFull,
  multireqIsWrite,
  multireqPlan,
  multireqRequest,
  multireqRunFirst,
  multireqRunLength,
} from '../../assembly/guest/multireq';
export { needsEvent } from '../../assembly/guest/virtqueue';
export { batchAnswer, batchBegin, batchOffer } from '../../assembly/rings/submit-batch';

const RECORD_SIZE: u32 = 16;
const SCRATCH_SIZE: u64 = 262144;
const LOG_CAPACITY: u32 = 4096;
/** A kind whose handler writes down whom it was called for. */
export const LOG_KIND: u32 = 3;

@unmanaged
class Unit {
  scratch: usize;
  log: usize;
  logCount: u32;
  /** The page whose mapping fails. */
  badPage: u64;
}

const unit = changetype<Unit>(memory.data(offsetof<Unit>(), 16));
const pool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

function writeDown(owner: usize, _result: i32): void {
  assert(unit.logCount < LOG_CAPACITY, 'the log is full');
  store<usize>(unit.log + ((<usize>unit.logCount) << 2), owner);
  unit.logCount++;
}

/** Once per instance, before anything else: room for `events`, `records` of 16 bytes, `spans` and `pages`. */
export function unitSetup(events: u32, records: u32, spans: u32, pages: u32): void {
  arenaStart((__heap_base + 15) & ~15);
  unit.scratch = arenaClaim(SCRATCH_SIZE, 16);
  unit.log = arenaClaim(LOG_CAPACITY * 4, 16);
  clockClaim(events);
  poolClaim(pool, RECORD_SIZE, records);
  spanClaim(spans, 0);
  dispatchClaim(LOG_CAPACITY);
  inodeClaim(1);
  pageClaim(pages, false);
  indexClaim(pages);
  assert(arenaCommit(), 'no memory');
  poolInit(pool);
  spanInit();
  pageInit();
  inodeAt(0).blockShift = 12;
  handle(LOG_KIND, writeDown);
  handle(KIND_FLUSHER_RESUME, flusherResume);
  flusherInit(0, 0, 1);
  registerIomap(0, noMapping, noMappingEnded, mapHole, nothing, nothingPunched);
  inodeAt(0).size = (<u64>1) << 52;
  inodeAt(0).capacity = (<u64>1) << 52;
  unit.badPage = u64.MAX_VALUE;
}

function noMapping(_inode: usize, _position: u64, _length: u64, _flags: u32): i32 {
  return -EIO;
}

function noMappingEnded(_inode: usize, _position: u64, _length: u64, _written: u64, _flags: u32): i32 {
  return 0;
}

/** Everything is a hole, so write-back has nothing to send; but one page can not be mapped. */
function mapHole(_inode: usize, position: u64, _length: u64, _isWrite: bool): i32 {
  const index = position >> 12;
  if (index === unit.badPage) return -EIO;
  blockMap.type = IOMAP_HOLE;
  blockMap.offset = index << 12;
  blockMap.length = 4096;
  return 0;
}

function nothing(_inode: usize, _position: u64, _length: u64, _isUnwritten: bool, _result: i32): void {}

function nothingPunched(_inode: usize, _position: u64, _length: u64): void {}

/** Write-back of this page fails before it reaches a drive. */
export function unitFailPage(index: u64): void {
  unit.badPage = index;
}

export function unitWritebackErrors(): u32 {
  return inodeAt(0).writebackErrors;
}

/** 256 KiB for the test's own use. */
export function unitScratch(): usize {
  return unit.scratch;
}

export function unitPool(): usize {
  return changetype<usize>(pool);
}

export function unitPoolUsed(): u32 {
  return pool.used;
}

export function unitSpansUsed(): u32 {
  return spanPool.used;
}

/** Owners that LOG_KIND was completed for, u32 each. */
export function unitLog(): usize {
  return unit.log;
}

export function unitLogCount(): u32 {
  return unit.logCount;
}

export function unitLink(span: usize, next: usize): void {
  store<usize>(span, next);
}

export function unitKey(file: u32, index: u64): u64 {
  return pageKey(file, index);
}

/** Names a page, as whoever puts it in the index does first. */
export function unitNamePage(pointer: usize, file: u32, index: u64): void {
  const page = changetype<Page>(pointer);
  page.indexLow = <u32>index;
  page.indexHigh = <u8>(index >> 32);
  page.pins = 0;
  page.file = <u16>file;
}

export function unitPageKey(page: usize): u64 {
  return keyOf(page);
}

export function unitInode(): usize {
  return changetype<usize>(inodeAt(0));
}

/** Says that a page holds what the drive holds, as it must before it may become dirty. */
export function unitFillPage(pointer: usize): void {
  changetype<Page>(pointer).uptodate = 1;
}

/** Writes the indexes of the pages on the dirty (0) or the write list (1) to `out`, u64 each; -1 if its links disagree. */
export function unitList(isWriteList: u32, out: usize): i32 {
  const inode = inodeAt(0);
  let count: i32 = 0;
  let previous: usize = 0;
  let pointer = isWriteList ? inode.writeHead : inode.dirtyHead;
  while (pointer !== 0) {
    const page = changetype<Page>(pointer);
    if (page.ioPrevious !== previous) return -1;
    store<u64>(out + ((<usize>count) << 3), pageIndex(page));
    count++;
    previous = pointer;
    pointer = page.ioNext;
  }
  return previous === (isWriteList ? inode.writeTail : inode.dirtyTail) ? count : -1;
}

export function unitDirtyCount(): u32 {
  return changetype<Inode>(inodeAt(0)).dirtyCount;
}

/** What a batch has come to, as a test reads it: 7 words of 64 bits at `out`. */
export function unitBatch(pointer: usize, out: usize): void {
  const batch = changetype<Batch>(pointer);
  store<i64>(out, batch.result);
  store<u64>(out, batch.done, 8);
  store<u64>(out, batch.retries, 16);
  store<u64>(out, batch.slept, 24);
  store<u64>(out, batch.calls, 32);
  store<u64>(out, batch.abortReason, 40);
  store<u64>(out, batch.sleep, 48);
}
