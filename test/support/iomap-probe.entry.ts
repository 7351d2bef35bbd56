// @ts-nocheck
// biome-ignore-all lint/style/useImportType: AssemblyScript has no imports of types alone
// AssemblyScript, compiled beside assembly/index.ts by iomap-probe.ts: an iomap provider that does what a test has written down.
//
// `probeInstall` puts it under a file of an open machine. The script: extents, and for the n-th call of begin, end or map the
// errno to answer, or that the map changes the file's mappings. Every call is logged. The other exports are parts of the
// core that a test calls by hand: the iterator, the release of delayed blocks, the error sequence; and damage of every kind
// that machineCheck must find.
// Layout: SCRIPT_… and LOG_… below, as iomap-probe.ts knows them.

import { clientBytes } from '../../assembly/base/client-memory';
import { count } from '../../assembly/base/counters';
import { writeDelallocRelease } from '../../assembly/cache/delalloc';
import { errseqCheckAndAdvance, errseqSample, errseqSet, Inode, inodeAt } from '../../assembly/cache/inode';
import {
  blockMap,
  IOMAP_DELALLOC,
  IOMAP_F_NEW,
  IOMAP_UNWRITTEN,
  IOMAP_WRITE,
  Iomap,
  iomap,
  registerIomap,
} from '../../assembly/cache/iomap';
import {
  IomapIter,
  iterAdvance,
  iterBegin,
  iterFail,
  iterLeft,
  iterNext,
  iterStale,
} from '../../assembly/cache/iomap-iter';
import { PAGE_LISTED, PAGE_LOCKED, Page, pageKey } from '../../assembly/cache/page';
import { indexFind } from '../../assembly/cache/page-index';
import { reserveBlocks } from '../../assembly/files/volume/blocks';
import { extentsRemove, reserveDelayed } from '../../assembly/files/volume/extents';
import {
  CHECK_COUNTS,
  CHECK_DIRTY_UPTODATE,
  CHECK_EXTENTS,
  CHECK_GAUGES,
  CHECK_IDLE,
  CHECK_IOENDS,
  CHECK_LISTS,
  CHECK_MAPPINGS,
  CHECK_PAST_END,
  CHECK_RESERVED_BLOCKS,
  CHECK_SIZE_ON_DISK,
  CHECK_UNPROMISED,
  COUNTER_IOMAP_BEGINS,
  COUNTER_NR_DIRTY,
} from '../../assembly/layout';

const PROBE_KIND: u32 = 3;
const MAX_CALLS: u32 = 64;
const EXTENT_SIZE: usize = 32;
const LOG_SIZE: usize = 32;
const LOG_CAPACITY: u32 = 512;

const CALL_BEGIN: u32 = 0;
const CALL_END: u32 = 1;
const CALL_MAP: u32 = 2;
const CALL_DONE: u32 = 3;
const CALL_PUNCH: u32 = 4;

/** Delayed blocks stay delayed when they are mapped for writing. */
const KEEP_DELAYED: u32 = 1;

@unmanaged
class Probe {
  extentCount: u32;
  flags: u32;
  /** Longest mapping, 0 for no limit. */
  longest: u64;
  logCount: u32;
  begins: u32;
  ends: u32;
  maps: u32;
}

const probe = changetype<Probe>(memory.data(offsetof<Probe>(), 16));
const EXTENTS: usize = memory.data(2048, 16);
/** i32 a call: the negative errno that call n of begin (0), end (1) or map (2) answers; 1 for a map that changes the mappings. */
const ANSWERS: usize = memory.data(1024, 16);
const LOG: usize = memory.data(16384, 16);
const iter = changetype<IomapIter>(memory.data(offsetof<IomapIter>(), 16));
const cursors: usize = memory.data(64, 16);

function log(kind: u32, flags: u32, position: u64, length: u64, extra: i64): void {
  assert(probe.logCount < LOG_CAPACITY, 'the log is full');
  const at = LOG + <usize>probe.logCount * LOG_SIZE;
  store<u32>(at, kind);
  store<u32>(at, flags, 4);
  store<u64>(at, position, 8);
  store<u64>(at, length, 16);
  store<i64>(at, extra, 24);
  probe.logCount++;
}

function answer(kind: u32, number: u32): i32 {
  return number < MAX_CALLS ? load<i32>(ANSWERS + ((<usize>(kind * MAX_CALLS + number)) << 2)) : 0;
}

function fill(map: Iomap, position: u64): void {
  for (let index: u32 = 0; index < probe.extentCount; index++) {
    const at = EXTENTS + <usize>index * EXTENT_SIZE;
    const offset = load<u64>(at);
    const length = load<u64>(at, 8);
    if (position < offset || position - offset >= length) continue;
    map.offset = offset;
    map.length = length;
    map.address = load<u64>(at, 16);
    map.type = load<u32>(at, 24);
    map.flags = load<u32>(at, 28);
    if (probe.longest !== 0) map.length = min<u64>(length, position - offset + probe.longest);
    return;
  }
  assert(false, 'the script has no extent there');
}

function begin(_inode: usize, position: u64, length: u64, flags: u32): i32 {
  log(CALL_BEGIN, flags, position, length, 0);
  const refused = answer(CALL_BEGIN, probe.begins++);
  if (refused < 0) return refused;
  fill(iomap, position);
  return 0;
}

function end(pointer: usize, position: u64, length: u64, written: u64, flags: u32): i32 {
  log(CALL_END, iomap.flags, position, length, <i64>written);
  const isUnused = written < length && (iomap.flags & IOMAP_F_NEW) !== 0;
  if ((flags & IOMAP_WRITE) !== 0 && isUnused && iomap.type === IOMAP_DELALLOC)
    writeDelallocRelease(changetype<Inode>(pointer), position, length, written);
  return answer(CALL_END, probe.ends++);
}

/** A delayed block that is written gets the place on the drive that it has in the file. */
function map(pointer: usize, position: u64, length: u64, isWrite: bool): i32 {
  log(CALL_MAP, isWrite ? 1 : 0, position, length, 0);
  const asked = answer(CALL_MAP, probe.maps++);
  if (asked < 0) return asked;
  if (asked > 0) changetype<Inode>(pointer).mappingSequence++;
  fill(blockMap, position);
  if (isWrite && blockMap.type === IOMAP_DELALLOC && (probe.flags & KEEP_DELAYED) === 0) {
    blockMap.type = IOMAP_UNWRITTEN;
    blockMap.address = blockMap.offset;
  }
  return 0;
}

function done(_inode: usize, position: u64, length: u64, isUnwritten: bool, result: i32): void {
  log(CALL_DONE, isUnwritten ? 1 : 0, position, length, result);
}

function punch(_inode: usize, position: u64, length: u64): void {
  log(CALL_PUNCH, 0, position, length, 0);
}

/** File number `file` of the machine is mapped by the script from now on. */
export function probeInstall(file: u32): void {
  registerIomap(PROBE_KIND, begin, end, map, done, punch);
  inodeAt(file).iomapKind = PROBE_KIND;
}

export function probeState(): usize {
  return changetype<usize>(probe);
}

export function probeExtents(): usize {
  return EXTENTS;
}

export function probeAnswers(): usize {
  return ANSWERS;
}

export function probeLog(): usize {
  return LOG;
}

/** Bytes from an address to the end of client memory. */
export function probeClientBytes(address: u32): u32 {
  return clientBytes(<u64>address, 0x7fffffff);
}

/** uptodate bits, dirty bits << 8, flags << 16; -1 when the page is not cached. */
export function probePage(file: u32, index: u64): i32 {
  const pointer = indexFind(pageKey(file, index));
  if (pointer === 0) return -1;
  const page = changetype<Page>(pointer);
  return <i32>(<u32>page.uptodate | ((<u32>page.dirty) << 8) | ((<u32>page.flags) << 16));
}

export function probeSetSize(file: u32, size: u64): void {
  inodeAt(file).size = size;
}

export function probeRelease(file: u32, position: u64, length: u64, written: u64): void {
  writeDelallocRelease(inodeAt(file), position, length, written);
}

// ---- the iterator ----

export function probeIterBegin(file: u32, position: u64, length: u64, flags: u32): void {
  iterBegin(iter, inodeAt(file), position, length, flags);
}

export function probeIterNext(): i32 {
  return iterNext(iter);
}

export function probeIterAdvance(bytes: u64): void {
  iterAdvance(iter, bytes);
}

export function probeIterFail(status: i32): void {
  iterFail(iter, status);
}

export function probeIterStale(): void {
  iterStale(iter);
}

export function probeIterLeft(): u64 {
  return iterLeft(iter);
}

export function probeIterPosition(): u64 {
  return iter.position;
}

// ---- the error sequence ----

export function probeErrseqSet(file: u32, errno: u32): u32 {
  errseqSet(inodeAt(file), errno);
  return inodeAt(file).errseq;
}

/** Opens cursor `number`, 0 to 15. */
export function probeErrseqSample(file: u32, number: u32): u32 {
  const value = errseqSample(inodeAt(file));
  store<u32>(cursors + ((<usize>number) << 2), value);
  return value;
}

export function probeErrseqCheck(file: u32, number: u32): i32 {
  return errseqCheckAndAdvance(inodeAt(file), cursors + ((<usize>number) << 2));
}

export function probeErrseq(file: u32): u32 {
  return inodeAt(file).errseq;
}

// ---- damage ----

/** Breaks rule `rule` of machineCheck with page 0 of a file, which is dirty. */
export function probeBreak(rule: u32, file: u32): void {
  const inode = inodeAt(file);
  const page = changetype<Page>(indexFind(pageKey(file, 0)));
  if (rule === <u32>CHECK_DIRTY_UPTODATE) page.uptodate = 0;
  if (rule === <u32>CHECK_COUNTS) inode.pageCount++;
  if (rule === <u32>CHECK_GAUGES) count(COUNTER_NR_DIRTY);
  if (rule === <u32>CHECK_PAST_END) inode.size = 0;
  if (rule === <u32>CHECK_MAPPINGS) count(COUNTER_IOMAP_BEGINS);
  if (rule === <u32>CHECK_RESERVED_BLOCKS) reserveDelayed(inode.volumeInode, 1000, 1);
  if (rule === <u32>CHECK_SIZE_ON_DISK) inode.diskSize = inode.size + 1;
  if (rule === <u32>CHECK_LISTS) page.flags &= ~PAGE_LISTED;
  if (rule === <u32>CHECK_IOENDS) page.flags |= PAGE_LOCKED;
  if (rule === <u32>CHECK_IDLE) page.pins++;
  if (rule === <u32>CHECK_EXTENTS) reserveBlocks(1);
  if (rule === <u32>CHECK_UNPROMISED) extentsRemove(inode.volumeInode, 0, 1, false);
}
