// The flusher: writes dirty pages back in the background (fs/fs-writeback.c).
//
// Verbs: flusherInit, inodeDirtied, inodeLeftDirty, inodeCleaned, inodeForgotten, flusherWake, flusherBackground, and the
// handlers flusherResume and flusherTick. Work is done in this order: asked for, periodic (files that became dirty long
// ago), background (until fewer pages are dirty than the background limit). Work goes round the dirty files, oldest first, a
// chunk of pages each; it ends when it has what it wanted or when a round found nothing to write. No device flush is sent.
// Layout: the dirty files are a list through their inodes, in order of the time when each became dirty.
// Invariant: a file is on the list iff it has dirty pages; the flusher waits for a bio and for nothing else (WB_SYNC_NONE),
// and holds nothing while it waits.

import { eventInBackground, now, timeAfter } from '../base/clock';
import { count, counterValue, countMany } from '../base/counters';
import { complete, KIND_FLUSHER_RESUME, KIND_FLUSHER_TICK } from '../base/dispatch';
import { record, recording } from '../base/record';
import { park } from '../base/wait-queue';
import { plugBegin, plugEnd } from '../block/queue';
import { bioOffer, bioWaiters } from '../drive/request';
import {
  COUNTER_FLUSHER_PAGES,
  COUNTER_FLUSHER_PASSES,
  COUNTER_NR_DIRTY,
  FLUSH_ASKED,
  FLUSH_BACKGROUND,
  FLUSH_PERIODIC,
  OP_WRITE,
  RECORD_FLUSHER,
  WRITEBACK_FLUSHER,
} from '../layout';
import { sortDirty } from './dirty';
import { isOverBackground, limitsOf } from './dirty-limits';
import { Inode } from './inode';
import { PAGE_LOCKED, PAGE_WRITEBACK, Page, pageIndex } from './page';
import { pageIoSubmit, writeBack } from './page-io';

/** Nanoseconds of 1/100 s. */
const CENTISECOND_NS: u64 = 10000000;
/** Fewest pages of one chunk (MIN_WRITEBACK_PAGES), and the part of the dirty limit that more than that may be. */
const MIN_CHUNK: u64 = 1024;
const LIMIT_PARTS: u64 = 8;
const NO_WORK: u32 = 3;

@unmanaged
class Flusher {
  // the first two words are a Waiter
  next: usize;
  resumeKind: u32;
  /** A resume is on its way, or it is parked. */
  isScheduled: u32;
  isTicking: u32;
  intervalNs: u64;
  expireNs: u64;
  /** Pages a second. */
  bandwidth: u64;
  head: usize;
  tail: usize;
  /** Bits 1 << FLUSH_… of the work that waits; the work in hand, or NO_WORK; pages that it may still write. */
  wanted: u32;
  work: u32;
  workLeft: u64;
  /** The round: the next file, the one that it stops before (0: none), pages written. */
  cursor: usize;
  end: usize;
  roundPages: u64;
  /** The pass over one file (0: none): pages it may still write, pages written, where it began, whether it is behind the end. */
  inode: usize;
  passLeft: u64;
  passPages: u64;
  passStart: u64;
  hasWrapped: u32;
}

const flusher = changetype<Flusher>(memory.data(offsetof<Flusher>(), 16));

/** Times in 1/100 s, an interval of 0: no periodic work. `bandwidth`: pages a second. */
export function flusherInit(expireCentisecs: u32, intervalCentisecs: u32, bandwidth: u64): void {
  flusher.resumeKind = KIND_FLUSHER_RESUME;
  flusher.expireNs = <u64>expireCentisecs * CENTISECOND_NS;
  flusher.intervalNs = <u64>intervalCentisecs * CENTISECOND_NS;
  flusher.bandwidth = bandwidth;
  flusher.work = NO_WORK;
}

/** Puts the inode behind those that became dirty before it or at the same time. */
function listInsert(inode: Inode): void {
  const pointer = changetype<usize>(inode);
  let previous = flusher.tail;
  while (previous != 0 && changetype<Inode>(previous).dirtiedWhen > inode.dirtiedWhen)
    previous = changetype<Inode>(previous).dirtyInodePrevious;
  const next = previous != 0 ? changetype<Inode>(previous).dirtyInodeNext : flusher.head;
  inode.isListed = 1;
  inode.dirtyInodePrevious = previous;
  inode.dirtyInodeNext = next;
  if (previous != 0) changetype<Inode>(previous).dirtyInodeNext = pointer;
  else flusher.head = pointer;
  if (next != 0) changetype<Inode>(next).dirtyInodePrevious = pointer;
  else flusher.tail = pointer;
}

function listRemove(inode: Inode): void {
  const pointer = changetype<usize>(inode);
  const previous = inode.dirtyInodePrevious;
  const next = inode.dirtyInodeNext;
  if (previous != 0) changetype<Inode>(previous).dirtyInodeNext = next;
  else flusher.head = next;
  if (next != 0) changetype<Inode>(next).dirtyInodePrevious = previous;
  else flusher.tail = previous;
  if (flusher.cursor == pointer) flusher.cursor = next;
  if (flusher.end == pointer) flusher.end = next;
  inode.isListed = 0;
}

/** A page of a clean inode became dirty: the inode goes to the end of the list of dirty inodes. */
export function inodeDirtied(inode: Inode): void {
  if (inode.isListed != 0) return;
  inode.dirtiedWhen = now();
  inodeLeftDirty(inode);
}

/** Not all of what the inode was dirty with could be sent: it is on the list, as old as it was. */
export function inodeLeftDirty(inode: Inode): void {
  if (inode.isListed != 0) return;
  listInsert(inode);
  armTick();
}

/** The last dirty page is clean or on its way to the drive. */
export function inodeCleaned(inode: Inode): void {
  if (inode.isListed != 0) listRemove(inode);
}

/** The inode is going away. */
export function inodeForgotten(inode: Inode): void {
  inodeCleaned(inode);
  if (flusher.inode == changetype<usize>(inode)) endPass();
  inode.writebackIndex = 0;
}

/** While a file is dirty there is one tick on its way. */
function armTick(): void {
  if (flusher.isTicking != 0 || flusher.intervalNs == 0) return;
  flusher.isTicking = 1;
  eventInBackground(timeAfter(flusher.intervalNs), KIND_FLUSHER_TICK, 0);
}

function hasExpired(inode: Inode): bool {
  return now() - inode.dirtiedWhen >= flusher.expireNs;
}

/** Handler of KIND_FLUSHER_TICK: asks for what time and limits ask for. */
export function flusherTick(_owner: usize, _result: i32): void {
  flusher.isTicking = 0;
  if (flusher.head == 0) return;
  armTick();
  if (hasExpired(changetype<Inode>(flusher.head))) ask(FLUSH_PERIODIC);
  if (isOverBackground()) ask(FLUSH_BACKGROUND);
}

function ask(work: u32): void {
  if (flusher.head == 0) return;
  flusher.wanted |= (<u32>1) << work;
  schedule();
}

function schedule(): void {
  if (flusher.isScheduled != 0) return;
  flusher.isScheduled = 1;
  complete(KIND_FLUSHER_RESUME, changetype<usize>(flusher), 0);
}

/** Somebody needs clean pages: write back now, whatever the limits say (`FLUSH_ASKED`). */
export function flusherWake(): void {
  ask(FLUSH_ASKED);
}

/** Write back until fewer pages are dirty than the background limit. */
export function flusherBackground(): void {
  if (flusher.work != FLUSH_BACKGROUND) ask(FLUSH_BACKGROUND);
}

/** The work that comes first. False when none waits. */
function nextWork(): bool {
  if (flusher.wanted == 0) return false;
  let work: u32 = FLUSH_BACKGROUND;
  if (flusher.wanted & ((<u32>1) << FLUSH_ASKED)) work = FLUSH_ASKED;
  else if (flusher.wanted & ((<u32>1) << FLUSH_PERIODIC)) work = FLUSH_PERIODIC;
  flusher.wanted &= ~((<u32>1) << work);
  flusher.work = work;
  flusher.workLeft = work == FLUSH_BACKGROUND ? u64.MAX_VALUE : counterValue(COUNTER_NR_DIRTY);
  flusher.end = 0;
  startRound();
  return true;
}

function startRound(): void {
  flusher.cursor = flusher.head;
  flusher.roundPages = 0;
}

/** The work in hand has more to do, and nothing more urgent waits. */
function goesOn(): bool {
  if (flusher.work == FLUSH_BACKGROUND && !isOverBackground()) return false;
  const isAskedFor = (flusher.wanted & ((<u32>1) << FLUSH_ASKED)) != 0;
  if (isAskedFor && flusher.work != FLUSH_ASKED) {
    // it comes back when that is done
    flusher.wanted |= (<u32>1) << flusher.work;
    return false;
  }
  return flusher.workLeft > 0;
}

/** The next file of the round, or 0 at its end. */
function nextInode(): usize {
  const pointer = flusher.cursor;
  if (pointer == 0 || pointer == flusher.end) return 0;
  if (flusher.work == FLUSH_PERIODIC && !hasExpired(changetype<Inode>(pointer))) return 0;
  flusher.cursor = changetype<Inode>(pointer).dirtyInodeNext;
  return pointer;
}

/** Pages of one pass: up to half a second's, or an eighth of the limit, but not fewer than 1,024 (writeback_chunk_size). */
function chunkPages(): u64 {
  const most = min<u64>(flusher.bandwidth >> 1, limitsOf().threshold / LIMIT_PARTS);
  return (min<u64>(most, flusher.workLeft) + MIN_CHUNK) & ~(MIN_CHUNK - 1);
}

function beginPass(inode: Inode): void {
  flusher.inode = changetype<usize>(inode);
  flusher.passLeft = chunkPages();
  flusher.passPages = 0;
  flusher.passStart = inode.writebackIndex;
  flusher.hasWrapped = 0;
  if (recording()) {
    const wanted = min<u64>(inode.dirtyCount, flusher.passLeft);
    record(RECORD_FLUSHER, OP_WRITE, inode.index, 0, inode.writebackIndex, <u32>wanted, flusher.work);
  }
}

function endPass(): void {
  flusher.inode = 0;
  flusher.roundPages += flusher.passPages;
  flusher.workLeft -= min<u64>(flusher.workLeft, flusher.passPages);
  if (flusher.passPages == 0) return;
  count(COUNTER_FLUSHER_PASSES);
  countMany(COUNTER_FLUSHER_PAGES, flusher.passPages);
}

/** Begins the pass over the next file that the flusher should write. False: there is nothing to do. */
function nextPass(): bool {
  while (true) {
    if (flusher.work != NO_WORK && !goesOn()) flusher.work = NO_WORK;
    if (flusher.work == NO_WORK) {
      if (!nextWork()) return false;
      continue;
    }
    const inode = nextInode();
    if (inode != 0) {
      beginPass(changetype<Inode>(inode));
      return true;
    }
    if (flusher.roundPages > 0) startRound();
    else flusher.work = NO_WORK;
  }
}

/** Something failed before it reached the drive: the file's turn is over until the next work, as if it had just become dirty. */
function putOff(inode: Inode): void {
  if (inode.isListed == 0) return;
  listRemove(inode);
  inode.dirtiedWhen = now();
  listInsert(inode);
  if (flusher.end == 0) flusher.end = changetype<usize>(inode);
}

/** The first dirty page from the pass's place on, behind the end of the file once from its beginning; 0 when it has been round. */
function nextPage(inode: Inode, from: usize): usize {
  let pointer = from;
  while (true) {
    while (pointer != 0 && pageIndex(changetype<Page>(pointer)) < inode.writebackIndex)
      pointer = changetype<Page>(pointer).ioNext;
    const isOver =
      flusher.hasWrapped != 0 && (pointer == 0 || pageIndex(changetype<Page>(pointer)) >= flusher.passStart);
    if (isOver) return 0;
    if (pointer != 0) return pointer;
    flusher.hasWrapped = 1;
    inode.writebackIndex = 0;
    pointer = inode.dirtyHead;
  }
}

/** Writes one page of the pass. False when it has no bio, and is parked for one. */
function writeOne(inode: Inode, page: Page): bool {
  if (writeBack(inode, page, WRITEBACK_FLUSHER) != 0) {
    park(bioWaiters(), changetype<usize>(flusher));
    return false;
  }
  flusher.passPages++;
  flusher.passLeft--;
  return true;
}

/** What a sync has picked is dirty all the same, and the sync may have ended since: it goes first. As writeOne. */
function writePicked(inode: Inode): bool {
  while (inode.writeHead != 0 && flusher.passLeft > 0) {
    const page = changetype<Page>(inode.writeHead);
    if (page.flags & PAGE_LOCKED) return true;
    if (!writeOne(inode, page)) return false;
  }
  return true;
}

/** Goes on with the pass. False when it has no bio, and is parked for one. */
function writePass(inode: Inode): bool {
  const errors = inode.writebackErrors;
  if (!writePicked(inode)) return false;
  sortDirty(inode);
  let pointer = inode.dirtyHead;
  while (flusher.passLeft > 0) {
    pointer = nextPage(inode, pointer);
    if (pointer == 0) {
      inode.writebackIndex = 0;
      break;
    }
    const page = changetype<Page>(pointer);
    const index = pageIndex(page);
    pointer = page.ioNext;
    const isIdle = (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) == 0;
    if (isIdle && !writeOne(inode, page)) return false;
    inode.writebackIndex = index + 1;
    if (inode.writebackErrors != errors) {
      putOff(inode);
      break;
    }
  }
  endPass();
  return true;
}

/** Handler of KIND_FLUSHER_RESUME: one pass, or the rest of one. */
export function flusherResume(_owner: usize, _result: i32): void {
  flusher.isScheduled = 0;
  if (flusher.inode == 0 && !nextPass()) return;
  plugBegin();
  const isOver = writePass(changetype<Inode>(flusher.inode));
  pageIoSubmit();
  plugEnd();
  if (isOver) schedule();
  else flusher.isScheduled = 1;
  bioOffer();
}
