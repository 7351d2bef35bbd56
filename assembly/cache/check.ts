// What must be true of the page cache between any two steps: for tests, which ask after each of their operations.
//
// Verbs: checkStart, checkFails, fault, checkCache. The rules are numbered CHECK_… in layout.ts; the first one that does not hold is
// noted in `fault`, with what was found and what would have been right.
// Invariant: a check changes nothing.

import { counterValue } from '../base/counters';
import { operationPool } from '../base/operation';
import { Bio } from '../drive/request';
import {
  CHECK_COUNTS,
  CHECK_DIRTY_UPTODATE,
  CHECK_GAUGES,
  CHECK_IDLE,
  CHECK_IOENDS,
  CHECK_LISTS,
  CHECK_MAPPINGS,
  CHECK_PAST_END,
  COUNTER_IOMAP_BEGINS,
  COUNTER_IOMAP_ENDS,
  COUNTER_NR_DIRTY,
  COUNTER_NR_FILE_PAGES,
  COUNTER_NR_WRITEBACK,
} from '../layout';
import { PAGE_SHIFT, PAGE_SIZE } from '../limits';
import { firstPage, listedCount, listOf, nextPage } from './eviction-lists';
import { Inode, inodeAt, inodeCount } from './inode';
import {
  blockMask,
  hasIo,
  ioCount,
  keyOf,
  PAGE_EVICTING,
  PAGE_LISTED,
  PAGE_LOCKED,
  PAGE_TOWRITE,
  PAGE_WRITEBACK,
  Page,
  pageAt,
  pageIndex,
  takenPageCount,
} from './page';
import { indexFind } from './page-index';

@unmanaged
export class Fault {
  rule: u32;
  file: u32;
  index: u64;
  found: u64;
  expected: u64;
}

@unmanaged
class Sums {
  pages: u64;
  dirty: u64;
  writeback: u64;
  onLists: u64;
  evicting: u64;
  /** Pages of the file under write-back, counted once for each bio that writes from them. */
  bios: u64;
}

export const fault = changetype<Fault>(memory.data(offsetof<Fault>(), 16));
const all = changetype<Sums>(memory.data(offsetof<Sums>(), 16));
const own = changetype<Sums>(memory.data(offsetof<Sums>(), 16));

export function checkStart(): void {
  memory.fill(changetype<usize>(fault), 0, offsetof<Fault>());
}

/** False when `found` is as expected; else notes the fault. */
export function checkFails(rule: u32, file: u32, index: u64, found: u64, expected: u64): bool {
  if (found == expected) return false;
  fault.rule = rule;
  fault.file = file;
  fault.index = index;
  fault.found = found;
  fault.expected = expected;
  return true;
}

/** The address of page record `number` if that page is in the index, else 0. */
export function cachedPage(number: u32): usize {
  const pointer = pageAt(number);
  return indexFind(keyOf(pointer)) == pointer ? pointer : 0;
}

/** Whether nobody is about to move the end of the file. */
function isSettled(inode: Inode): bool {
  return inode.lockExclusive == 0;
}

/** Blocks of the page that lie wholly behind the block of the last byte of its file. */
function blocksPastEnd(inode: Inode, page: Page): u32 {
  const start = pageIndex(page) << PAGE_SHIFT;
  if (inode.size <= start) return 0xff;
  const left = inode.size - start;
  return left >= <u64>PAGE_SIZE ? 0 : ~blockMask(0, <u32>left, inode.blockShift) & 0xff;
}

/** The rules of one page. */
function checkPage(pointer: usize): bool {
  const page = changetype<Page>(pointer);
  const inode = inodeAt(page.file);
  const file = <u32>page.file;
  const index = pageIndex(page);
  const dirty = <u32>page.dirty;
  const whole = blockMask(0, PAGE_SIZE, inode.blockShift);
  if (checkFails(CHECK_DIRTY_UPTODATE, file, index, dirty & ~(<u32>page.uptodate), 0)) return false;
  if (checkFails(CHECK_DIRTY_UPTODATE, file, index, <u32>page.uptodate & ~whole, 0)) return false;
  if (isSettled(inode) && checkFails(CHECK_PAST_END, file, index, dirty & blocksPastEnd(inode, page), 0))
    return false;
  const isListed = (page.flags & PAGE_LISTED) != 0;
  const mustBeListed = dirty != 0 && (page.flags & PAGE_WRITEBACK) == 0;
  if (checkFails(CHECK_LISTS, file, index, isListed ? 1 : 0, mustBeListed ? 1 : 0)) return false;
  const isBusy = (page.flags & (PAGE_LOCKED | PAGE_WRITEBACK)) != 0;
  if (checkFails(CHECK_IOENDS, file, index, hasIo(page) ? 1 : 0, isBusy ? 1 : 0)) return false;
  if (operationPool.used == 0 && checkFails(CHECK_IDLE, file, index, page.pins, 0)) return false;
  return true;
}

function addPage(sums: Sums, page: Page): void {
  sums.pages++;
  if (page.dirty != 0) sums.dirty++;
  if (page.flags & PAGE_LISTED) sums.onLists++;
  if (page.flags & PAGE_EVICTING) sums.evicting++;
  if (page.flags & PAGE_WRITEBACK) {
    sums.writeback++;
    sums.bios += ioCount(page);
  }
}

function checkPages(): bool {
  memory.fill(changetype<usize>(all), 0, offsetof<Sums>());
  for (let number: u32 = 0; number < takenPageCount(); number++) {
    const pointer = cachedPage(number);
    if (pointer == 0) continue;
    if (!checkPage(pointer)) return false;
    addPage(all, changetype<Page>(pointer));
  }
  if (checkFails(CHECK_GAUGES, 0, 0, counterValue(COUNTER_NR_FILE_PAGES), all.pages)) return false;
  if (checkFails(CHECK_GAUGES, 0, 1, counterValue(COUNTER_NR_DIRTY), all.dirty)) return false;
  return !checkFails(CHECK_GAUGES, 0, 2, counterValue(COUNTER_NR_WRITEBACK), all.writeback);
}

/** Walks one list of dirty pages of a file: how many there are, or u64.MAX_VALUE when it is not whole. */
function listLength(inode: Inode, isPicked: bool): u64 {
  let length: u64 = 0;
  let previous: usize = 0;
  let pointer = isPicked ? inode.writeHead : inode.dirtyHead;
  while (pointer != 0) {
    const page = changetype<Page>(pointer);
    const isRight = page.file == inode.index && page.ioPrevious == previous;
    const isTagged = (page.flags & PAGE_TOWRITE) != 0;
    if (!isRight || isTagged != isPicked || length == all.pages) return u64.MAX_VALUE;
    length++;
    previous = pointer;
    pointer = page.ioNext;
  }
  return previous == (isPicked ? inode.writeTail : inode.dirtyTail) ? length : u64.MAX_VALUE;
}

/** The pages of the ioends in flight, each as often as an ioend has it; u64.MAX_VALUE when the list is not whole. */
function ioendPages(inode: Inode): u64 {
  let pages: u64 = 0;
  let number: u64 = 0;
  let previous: usize = 0;
  for (let pointer = inode.ioendFirst; pointer != 0; pointer = changetype<Bio>(pointer).ioendNext) {
    const bio = changetype<Bio>(pointer);
    if (bio.ioendPrevious != previous || bio.ioendNumber <= number || bio.ioendBytes == 0)
      return u64.MAX_VALUE;
    number = bio.ioendNumber;
    pages += bio.pageCount;
    previous = pointer;
  }
  return previous == inode.ioendLast && number <= inode.ioendNumber ? pages : u64.MAX_VALUE;
}

function isUsed(inode: Inode): bool {
  return (
    inode.pageCount != 0 ||
    (inode.dirtyHead | inode.dirtyTail | inode.writeHead | inode.writeTail | inode.ioendFirst) != 0
  );
}

/** The counts and lists of a file against its pages. */
function checkInode(inode: Inode): bool {
  const file = inode.index;
  if (operationPool.used == 0) {
    const isHeld = (inode.lockShared | inode.lockExclusive) != 0 || inode.lockWaiters != 0;
    if (checkFails(CHECK_IDLE, file, 0, isHeld ? 1 : 0, 0)) return false;
  }
  memory.fill(changetype<usize>(own), 0, offsetof<Sums>());
  if (isUsed(inode)) {
    for (let number: u32 = 0; number < takenPageCount(); number++) {
      const pointer = cachedPage(number);
      if (pointer != 0 && changetype<Page>(pointer).file == file) addPage(own, changetype<Page>(pointer));
    }
  }
  if (checkFails(CHECK_COUNTS, file, 0, inode.pageCount, own.pages)) return false;
  if (checkFails(CHECK_COUNTS, file, 1, inode.dirtyCount, own.dirty)) return false;
  if (checkFails(CHECK_COUNTS, file, 2, inode.writebackCount, own.writeback)) return false;
  const listed = listLength(inode, false) + listLength(inode, true);
  if (checkFails(CHECK_LISTS, file, 1, listed, own.onLists)) return false;
  const mustBeListed: u64 = inode.dirtyCount > 0 ? 1 : 0;
  if (checkFails(CHECK_LISTS, file, 3, inode.isListed, mustBeListed)) return false;
  return !checkFails(CHECK_IOENDS, file, 1, ioendPages(inode), own.bios);
}

/** The eviction's lists hold every page once, but for victims on their way out. */
function checkEviction(): bool {
  let length: u64 = 0;
  let previous: usize = 0;
  for (let pointer = firstPage(); pointer != 0 && length <= all.pages; pointer = nextPage(pointer)) {
    const page = changetype<Page>(pointer);
    const before: usize = listOf(page).head == pointer ? 0 : previous;
    const isRight = page.lruPrevious == before && (page.flags & PAGE_EVICTING) == 0;
    if (checkFails(CHECK_LISTS, page.file, pageIndex(page), isRight ? 1 : 0, 1)) return false;
    previous = pointer;
    length++;
  }
  if (checkFails(CHECK_LISTS, 0, 3, listedCount(), length)) return false;
  return !checkFails(CHECK_LISTS, 0, 2, length, all.pages - all.evicting);
}

/** Each mapping that was begun has ended, but for one that each operation may hold. */
function checkMappings(): bool {
  const held = counterValue(COUNTER_IOMAP_BEGINS) - counterValue(COUNTER_IOMAP_ENDS);
  return held <= <u64>operationPool.used || !checkFails(CHECK_MAPPINGS, 0, 0, held, operationPool.used);
}

/** True when every rule holds; else `fault` says which one does not. */
export function checkCache(): bool {
  if (!checkPages()) return false;
  for (let file: u32 = 0; file < inodeCount(); file++) {
    if (!checkInode(inodeAt(file))) return false;
  }
  return checkEviction() && checkMappings();
}
