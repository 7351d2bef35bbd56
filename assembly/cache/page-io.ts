// Page I/O: runs of pages become bios. Read-ins bring pages in, ioends write dirty pages back.
//
// Verbs: readIn, writeBack, pageIoSubmit, pagesRead, pagesWritten (fs/iomap/buffered-io.c and ioend.c).
// Two open bios are kept while a step of an operation runs, one for reading and one for writing (wpc->ioend); the next
// run joins if it follows in the file and on the drive and the bio has room, else the open one is submitted. The end
// of the step submits both.
// Layout: a bio's pages are a chain through their I/O links, its bytes the chain of the pages' spans.
// Invariants: a page is LOCKED while bios read into it, WRITEBACK while bios write from it, never both; at the end of
// write-back every dirty bit that was set at its start has been cleared, whatever the result.

import { count, countDown, countMany } from '../base/counters';
import { KIND_PAGES_READ, KIND_PAGES_WRITTEN, KIND_READAHEAD_DONE } from '../base/dispatch';
import { EIO } from '../base/errno';
import { record, recording } from '../base/record';
import { Span } from '../base/span';
import { wakeAll } from '../base/wait-queue';
import { blockMaxSectors, blockMaxSegments, submitBio } from '../block/queue';
import { movesBytes } from '../drive/drive-table';
import { BIO_NO_MERGE, BIO_TOGETHER, Bio, bioGive, bioTake } from '../drive/request';
import {
  COUNTER_CACHE_IOENDS,
  COUNTER_CACHE_READ_IN_PAGES,
  COUNTER_CACHE_WRITTEN_BACK_PAGES,
  COUNTER_NR_FILE_PAGES,
  COUNTER_NR_WRITEBACK,
  COUNTER_NR_WRITTEN,
  OP_READ,
  OP_WRITE,
  RECORD_EVICTED,
  RECORD_PAGE_READ,
  RECORD_READ_IN,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
  WRITEBACK_EVICTION,
  WRITEBACK_SYNC,
} from '../layout';
import { BIO_MAX_PAGES, PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { clearDirty, redirty, relistDirty } from './dirty';
import { pageReclaimable } from './eviction-lists';
import { errseqSet, Inode } from './inode';
import { ioendAdd, ioendRemove } from './ioend';
import {
  blockMap,
  IOMAP_DELALLOC,
  IOMAP_F_BOUNDARY,
  IOMAP_HOLE,
  IOMAP_MAPPED,
  IOMAP_UNWRITTEN,
  ioendDone,
  iomapSector,
  mapBlocks,
} from './iomap';
import {
  blockMask,
  blocksWord,
  hasIo,
  ioEnded,
  ioStarted,
  noteBlocks,
  PAGE_ERROR,
  PAGE_EVICTING,
  PAGE_LISTED,
  PAGE_LOCKED,
  PAGE_RECLAIM,
  PAGE_TOWRITE,
  PAGE_WRITEBACK,
  Page,
  pageFrame,
  pageGiveFree,
  pageIndex,
  pageSpan,
  wakePage,
} from './page';
import { indexRemove } from './page-index';
import { dirtyFell } from './throttle';

/** Flag of an ioend: its blocks are unwritten until it is done. */
const IOEND_UNWRITTEN: u32 = 2;

@unmanaged
class OpenBio {
  bio: usize;
  inode: usize;
  lastPage: usize;
  /** File position right behind the bio. */
  end: u64;
  /** First file position of the bio. */
  start: u64;
  /** Why pages are written (WRITEBACK_…); of the open read-in, 1 while it is readahead. */
  reason: u32;
}

const openRead = changetype<OpenBio>(memory.data(offsetof<OpenBio>(), 16));
const openWrite = changetype<OpenBio>(memory.data(offsetof<OpenBio>(), 16));

function submitOpenRead(): void {
  if (openRead.bio == 0) return;
  const bio = changetype<Bio>(openRead.bio);
  openRead.bio = 0;
  countMany(COUNTER_CACHE_READ_IN_PAGES, bio.pageCount);
  if (recording()) {
    record(
      RECORD_READ_IN,
      OP_READ,
      changetype<Inode>(openRead.inode).index,
      bio.id,
      openRead.start >> PAGE_SHIFT,
      bio.pageCount,
      bio.id,
    );
  }
  submitBio(bio);
}

/**
 * Where data and the size or mapping that shows it stand or fall together, what brings such a change is in one chain with it; and the
 * zeros behind a new end come before that end.
 */
function noteChain(inode: Inode, bio: Bio): void {
  const isShownLater = bio.ioendFlags == IOEND_UNWRITTEN || openWrite.end > inode.diskSize;
  const isTogether = isShownLater && inode.chain != 0;
  bio.chain = isTogether ? inode.chain : inode.cutChain;
  if (bio.chain != 0) bio.flags |= BIO_NO_MERGE;
  if (isTogether) bio.flags |= BIO_TOGETHER;
}

function submitOpenWrite(): void {
  if (openWrite.bio == 0) return;
  const bio = changetype<Bio>(openWrite.bio);
  openWrite.bio = 0;
  bio.ioendStart = openWrite.start;
  bio.ioendBytes = <u32>(openWrite.end - openWrite.start);
  noteChain(changetype<Inode>(openWrite.inode), bio);
  ioendAdd(changetype<Inode>(openWrite.inode), bio);
  count(COUNTER_CACHE_IOENDS);
  if (recording()) {
    record(
      RECORD_WRITEBACK,
      OP_WRITE,
      changetype<Inode>(openWrite.inode).index,
      bio.id,
      openWrite.start >> PAGE_SHIFT,
      bio.pageCount,
      openWrite.reason,
    );
  }
  submitBio(bio);
}

/** Until readaheadEnd the read-ins of readIn are readahead: in bios of their own, and nobody is told of an error. */
export function readaheadBegin(): void {
  submitOpenRead();
  openRead.reason = 1;
}

export function readaheadEnd(): void {
  submitOpenRead();
  openRead.reason = 0;
}

/** Submits what readIn and writeBack have gathered. Every step of an operation ends with it. */
export function pageIoSubmit(): void {
  submitOpenRead();
  submitOpenWrite();
}

function canJoin(open: OpenBio, inode: Inode, position: u64, sector: u64, bytes: u32): bool {
  if (open.bio == 0 || open.inode != changetype<usize>(inode) || open.end != position) return false;
  const bio = changetype<Bio>(open.bio);
  return (
    bio.sector + bio.sectorCount == sector &&
    bio.sectorCount + (bytes >> SECTOR_SHIFT) <= blockMaxSectors() &&
    bio.pageCount < <u32>BIO_MAX_PAGES &&
    bio.segmentCount < blockMaxSegments()
  );
}

function join(open: OpenBio, pointer: usize, bytes: u32): void {
  const bio = changetype<Bio>(open.bio);
  const last = changetype<Page>(open.lastPage);
  last.ioNext = pointer;
  if (bio.span != 0) changetype<Span>(pageSpan(open.lastPage)).next = pageSpan(pointer);
  open.lastPage = pointer;
  open.end += bytes;
  bio.sectorCount += bytes >> SECTOR_SHIFT;
  bio.pageCount++;
  bio.segmentCount++;
}

/** iomap_can_add_to_ioend: whether blocks that are mapped so may join the open ioend. */
function canJoinIoend(inode: Inode, position: u64, sector: u64, bytes: u32, isUnwritten: bool): bool {
  if (openWrite.bio == 0 || (changetype<Bio>(openWrite.bio).ioendFlags == IOEND_UNWRITTEN) != isUnwritten)
    return false;
  const isBoundary = (blockMap.flags & IOMAP_F_BOUNDARY) != 0 && position == blockMap.offset;
  return !isBoundary && canJoin(openWrite, inode, position, sector, bytes);
}

/** Opens a bio over bytes [position, position + bytes) of one page. False when no bio is free. */
function open(
  target: OpenBio,
  inode: Inode,
  pointer: usize,
  position: u64,
  sector: u64,
  bytes: u32,
  operation: u32,
  kind: u32,
): bool {
  const bioPointer = bioTake();
  if (bioPointer == 0) return false;
  const bio = changetype<Bio>(bioPointer);
  bio.operation = operation;
  bio.doneKind = kind;
  bio.owner = changetype<usize>(inode);
  bio.drive = inode.drive;
  bio.file = inode.index;
  bio.tag = inode.tag;
  bio.domain = inode.volumeInode;
  bio.sector = sector;
  bio.sectorCount = bytes >> SECTOR_SHIFT;
  bio.firstPage = pointer;
  bio.pageCount = 1;
  bio.segmentCount = 1;
  bio.span = pageSpan(pointer);
  bio.spanOffset = <u32>position & (PAGE_SIZE - 1);
  target.bio = bioPointer;
  target.inode = changetype<usize>(inode);
  target.lastPage = pointer;
  target.start = position;
  target.end = position + bytes;
  return true;
}

/** The kind that a read-in completes. */
function readDone(): u32 {
  return openRead.reason != 0 ? KIND_READAHEAD_DONE : KIND_PAGES_READ;
}

function roundUpToSector(bytes: u64): u64 {
  return (bytes + (SECTOR_SIZE - 1)) & ~(<u64>SECTOR_SIZE - 1);
}

/** What readPiece answers when it could not begin. */
const NO_BIO: i32 = 0;
const IS_WRITING: i32 = i32.MAX_VALUE;

/** Bytes [offset, offset + bytes) of a page are zeros; blocks that lie wholly in them are uptodate. */
function fillZeros(inode: Inode, pointer: usize, offset: u32, bytes: u32): void {
  const page = changetype<Page>(pointer);
  if (movesBytes()) memory.fill(pageFrame(pointer) + offset, 0, bytes);
  // a block that the drive's end cuts is complete only when its read ends
  const firstWhole = ((offset + (1 << inode.blockShift) - 1) >> inode.blockShift) << inode.blockShift;
  if (firstWhole < offset + bytes)
    page.uptodate |= <u8>blockMask(firstWhole, offset + bytes, inode.blockShift);
  noteBlocks(page);
}

/** Starts reading what one mapping has of file bytes [position, position + bytes). How many bytes that were, NO_BIO, IS_WRITING, or an errno. */
function readPiece(inode: Inode, page: Page, position: u64, bytes: u32): i32 {
  const pointer = changetype<usize>(page);
  const blockSize: u64 = 1 << inode.blockShift;
  const fileEnd = min<u64>((inode.size + blockSize - 1) & ~(blockSize - 1), roundUpToSector(inode.capacity));
  if (position >= fileEnd) {
    fillZeros(inode, pointer, <u32>position & (PAGE_SIZE - 1), bytes);
    return bytes;
  }
  const result = mapBlocks(inode, position, bytes, false);
  if (result != 0) return result;
  const wanted = min<u64>(min<u64>(bytes, fileEnd - position), blockMap.offset + blockMap.length - position);
  const piece = <u32>wanted;
  if (blockMap.type != IOMAP_MAPPED) {
    fillZeros(inode, pointer, <u32>position & (PAGE_SIZE - 1), piece);
    return piece;
  }
  if (page.flags & PAGE_WRITEBACK) return IS_WRITING;
  const sector = iomapSector(blockMap, position);
  // a listed page's links are taken: it travels alone
  const isAlone = (page.flags & PAGE_LISTED) != 0;
  if (!isAlone && !hasIo(page) && canJoin(openRead, inode, position, sector, piece)) {
    join(openRead, pointer, piece);
  } else {
    submitOpenRead();
    if (!open(openRead, inode, pointer, position, sector, piece, OP_READ, readDone())) return NO_BIO;
  }
  ioStarted(page);
  page.flags = (page.flags | PAGE_LOCKED) & ~PAGE_ERROR;
  if (isAlone) submitOpenRead();
  return piece;
}

/**
 * Starts reading file bytes [position, position + bytes), a run of blocks of one page, into it. Blocks that are not on
 * the drive (holes, unwritten, past the end of the file) become zeros at once. 0: started or done; 1: no bio is free, 2: the
 * page is under write-back and its waiters hear when that ends; negative: errno of the mapping. What comes behind a piece
 * that could not begin has not begun.
 */
export function readIn(inode: Inode, page: Page, position: u64, bytes: u32): i32 {
  while (bytes > 0) {
    const piece = readPiece(inode, page, position, bytes);
    if (piece < 0) return piece;
    if (piece == NO_BIO) return 1;
    if (piece == IS_WRITING) return 2;
    position += piece;
    bytes -= piece;
  }
  return 0;
}

/** Handler of KIND_PAGES_READ: the blocks read are uptodate; pages whose last read ended are unlocked. */
export function pagesRead(bioPointer: usize, result: i32): void {
  endReadIn(bioPointer, result == 0, PAGE_ERROR);
}

/** Handler of KIND_READAHEAD_DONE: as pagesRead, but of an error nothing remains than a page without its bytes. */
export function readaheadDone(bioPointer: usize, result: i32): void {
  endReadIn(bioPointer, result == 0, 0);
}

function endReadIn(bioPointer: usize, isGood: bool, onError: u8): void {
  const bio = changetype<Bio>(bioPointer);
  const inode = changetype<Inode>(bio.owner);
  let pointer = bio.firstPage;
  let offset = bio.spanOffset;
  let left = bio.sectorCount << SECTOR_SHIFT;
  let pageCount = bio.pageCount;
  const bioId = bio.id;
  bioGive(bioPointer);
  for (; pageCount > 0; pageCount--) {
    const page = changetype<Page>(pointer);
    const next = page.ioNext;
    const bytes = min<u32>(left, PAGE_SIZE - offset);
    if (isGood) page.uptodate |= <u8>blockMask(offset, offset + bytes, inode.blockShift);
    else page.flags |= onError;
    if (recording())
      record(RECORD_PAGE_READ, OP_READ, inode.index, blocksWord(page), pageIndex(page), 1, bioId);
    if (ioEnded(page)) {
      page.flags &= ~PAGE_LOCKED;
      if (page.flags & PAGE_RECLAIM) pageReclaimable(pointer);
      wakePage(pointer);
    }
    left -= bytes;
    offset = 0;
    pointer = next;
  }
}

/** The lowest run of set bits at or above `from`: low word its first bit, high word the bit behind it; 0 when none. */
function nextRun(bits: u32, from: u32): u64 {
  const rest = bits & ~(((<u32>1) << from) - 1);
  if (rest == 0) return 0;
  const first = ctz<u32>(rest);
  const end = ctz<u32>(~(rest >> first)) + first;
  return <u64>first | ((<u64>end) << 32);
}

/**
 * Starts write-back of a dirty page that is neither LOCKED nor under write-back: its dirty runs up to the end of the
 * file go to the open ioend or to new ones. `reason`: WRITEBACK_… 0: started, or nothing was left to write (then the
 * page is clean and not under write-back); 1: no bio is free, nothing has changed.
 */
export function writeBack(inode: Inode, page: Page, reason: u32): i32 {
  const pointer = changetype<usize>(page);
  assert((page.flags & (PAGE_WRITEBACK | PAGE_LOCKED)) == 0, 'write-back of a busy page');
  const start = pageIndex(page) << PAGE_SHIFT;
  const dirty = <u32>page.dirty;
  if (start >= inode.size) {
    clearDirty(inode, page, 0xff);
    noteBlocks(page);
    return 0;
  }
  const blockSize: u64 = 1 << inode.blockShift;
  const blockEnd = (inode.size + blockSize - 1) & ~(blockSize - 1);
  const limit = <u32>min<u64>(PAGE_SIZE, min<u64>(blockEnd, roundUpToSector(inode.capacity)) - start);
  if (movesBytes() && inode.size - start < <u64>PAGE_SIZE) {
    const tail = <u32>(inode.size - start);
    memory.fill(pageFrame(pointer) + tail, 0, PAGE_SIZE - tail);
  }
  let started = false;
  let from: u32 = 0;
  while (from < limit) {
    const run = nextRun(dirty, from >> inode.blockShift);
    if (run == 0) break;
    from = max<u32>(from, (<u32>run) << inode.blockShift);
    const to = min<u32>((<u32>(run >> 32)) << inode.blockShift, limit);
    if (from >= to) break;
    const position = start + from;
    const bytes = mapForWrite(inode, position, to - from);
    if (bytes == 0) {
      from = to;
      continue;
    }
    if (blockMap.type == IOMAP_HOLE) {
      from += bytes;
      continue;
    }
    if (!addToIoend(inode, pointer, position, bytes, reason, started)) {
      if (!started) return 1;
      // later runs of a page that is on its way already: they stay dirty, and picked when a sync waits for them
      if (reason == WRITEBACK_SYNC) page.flags |= PAGE_TOWRITE;
      redirty(inode, page, dirty & ~(((<u32>1) << (from >> inode.blockShift)) - 1));
      break;
    }
    started = true;
    ioStarted(page);
    from += bytes;
  }
  if (!started) {
    clearDirty(inode, page, 0xff);
    noteBlocks(page);
  }
  return 0;
}

/** Fills blockMap for a run of dirty blocks: how many bytes of it are mapped so; 0 when it can not be written, which is noted. */
function mapForWrite(inode: Inode, position: u64, bytes: u32): u32 {
  const mapped = mapBlocks(inode, position, bytes, true);
  if (mapped != 0 || blockMap.type == IOMAP_DELALLOC) {
    errseqSet(inode, mapped != 0 ? -mapped : EIO);
    return 0;
  }
  return <u32>min<u64>(bytes, blockMap.offset + blockMap.length - position);
}

/** Puts a mapped run of a page into the open ioend or a new one; the first run of a page takes it off its list. False when no bio is free. */
function addToIoend(
  inode: Inode,
  pointer: usize,
  position: u64,
  bytes: u32,
  reason: u32,
  isOnItsWay: bool,
): bool {
  const page = changetype<Page>(pointer);
  const sector = iomapSector(blockMap, position);
  const isUnwritten = blockMap.type == IOMAP_UNWRITTEN;
  const isJoining =
    !isOnItsWay && openWrite.reason == reason && canJoinIoend(inode, position, sector, bytes, isUnwritten);
  if (!isJoining) submitOpenWrite();
  // the page leaves its list before its links become part of the chain
  if (!isJoining && !open(openWrite, inode, pointer, position, sector, bytes, OP_WRITE, KIND_PAGES_WRITTEN))
    return false;
  if (!isOnItsWay) {
    page.flags |= PAGE_WRITEBACK;
    clearDirty(inode, page, 0xff);
    page.ioPrevious = 0;
    page.ioNext = 0;
    inode.writebackCount++;
    count(COUNTER_NR_WRITEBACK);
    count(COUNTER_CACHE_WRITTEN_BACK_PAGES);
  }
  if (isJoining) join(openWrite, pointer, bytes);
  // cut to the end of the file: what is appended later starts an ioend of its own
  openWrite.end = min<u64>(position + bytes, inode.size);
  openWrite.reason = reason;
  changetype<Bio>(openWrite.bio).ioendFlags = isUnwritten ? IOEND_UNWRITTEN : 0;
  return true;
}

/** Takes a page out of the index and gives it back; it is clean, idle and off the LRU list. */
export function pageDrop(inode: Inode, pointer: usize, wasDirty: u32): void {
  const page = changetype<Page>(pointer);
  if (recording()) record(RECORD_EVICTED, 0, inode.index, 0, pageIndex(page), 1, wasDirty);
  indexRemove(pointer);
  inode.pageCount--;
  countDown(COUNTER_NR_FILE_PAGES, 1);
  wakePage(pointer);
  pageGiveFree(pointer);
}

function endWriteback(inode: Inode, pointer: usize): void {
  const page = changetype<Page>(pointer);
  page.flags &= ~PAGE_WRITEBACK;
  inode.writebackCount--;
  countDown(COUNTER_NR_WRITEBACK, 1);
  count(COUNTER_NR_WRITTEN);
  dirtyFell();
  if (recording()) record(RECORD_WRITTEN, OP_WRITE, inode.index, 0, pageIndex(page), 1, 0);
  relistDirty(inode, page);
  if (page.flags & PAGE_RECLAIM) pageReclaimable(pointer);
  if (page.flags & PAGE_EVICTING) {
    if (page.dirty == 0) {
      pageDrop(inode, pointer, 1);
    } else {
      // runs that found no bio the first time; the bio that has just ended serves them
      const result = writeBack(inode, page, WRITEBACK_EVICTION);
      assert(result == 0, 'a bio that was given back is missing');
      submitOpenWrite();
    }
    return;
  }
  wakePage(pointer);
}

/** Handler of KIND_PAGES_WRITTEN: the end of one ioend. An error is noted in the mapping; the pages are clean all the same. */
export function pagesWritten(bioPointer: usize, result: i32): void {
  const bio = changetype<Bio>(bioPointer);
  const inode = changetype<Inode>(bio.owner);
  let pointer = bio.firstPage;
  let pageCount = bio.pageCount;
  const start = bio.ioendStart;
  const bytes = bio.ioendBytes;
  const isUnwritten = bio.ioendFlags == IOEND_UNWRITTEN;
  ioendRemove(inode, bio);
  bioGive(bioPointer);
  if (result < 0) errseqSet(inode, -result);
  // what the file system does about it comes before the pages are clean (iomap_finish_ioend)
  ioendDone(inode, start, bytes, isUnwritten, result);
  for (; pageCount > 0; pageCount--) {
    const next = changetype<Page>(pointer).ioNext;
    if (ioEnded(changetype<Page>(pointer))) endWriteback(inode, pointer);
    pointer = next;
  }
  wakeAll(changetype<usize>(inode) + offsetof<Inode>('writebackWaiters'));
}
