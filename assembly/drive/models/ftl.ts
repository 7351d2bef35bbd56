// The flash translation layer: which physical page holds a logical one, and the collection of blocks.
//
// Verbs: ftlForm, ftlDie, ftlFind, ftlIsBuffered, ftlWrite, ftlDiscard, ftlPad. Page mapping in units of 4 KiB. A page of the host's
// addresses always lies on the same die (striped over all of them, or each row begun at a drawn die), so each die is a
// log of its own: units are appended to its open block, and what they replace becomes invalid. When a die has taken a block and
// has fewer free ones than it should, it collects the closed block with the fewest valid units (greedy): they are appended
// as well, and the block is erased.
// Time is not known here: the reads, programs and erases of collections are noted on the die, and flash-dies.ts makes time of them.
// Invariants: map[l] = p exactly when owners[p] = l and p is valid; a block's `valid` counts those; a die has room for more than
// its logical units by over-provisioning, so the closed block with the fewest valid units always has an invalid one; a
// collection begins with an empty open block, so it never needs more than there is.

import { count, countMany } from '../../base/counters';
import { mix32 } from '../../base/hash';
import { mix64 } from '../../base/identity';
import { record, recording } from '../../base/record';
import {
  COUNTER_FLASH_ERASES,
  COUNTER_FLASH_HOST_PAGES,
  COUNTER_FLASH_PROGRAMMED_PAGES,
  FLASH_FILL_ORDER,
  FLASH_FILLED,
  FLASH_OVERWRITTEN,
  FLASH_PLACEMENT,
  OP_WRITE,
  RECORD_COLLECTED,
} from '../../layout';
import { Drive } from '../drive-table';
import {
  BLOCK_CLOSED,
  BLOCK_FREE,
  BLOCK_OPEN,
  blockAt,
  Die,
  dieAt,
  Flash,
  NO_UNIT,
  parameterOf,
} from './flash-state';

/** The die that has a unit of the capacity. */
export function ftlDie(flash: Flash, unit: u32): Die {
  const page = unit / flash.unitsAPage;
  const row = page / flash.dieCount;
  let column = page % flash.dieCount;
  if (parameterOf(flash, FLASH_PLACEMENT) != 0)
    column = (column + (mix32(row) % flash.dieCount)) % flash.dieCount;
  return dieAt(flash, column);
}

/** Its number among those of its die. */
function localOf(flash: Flash, unit: u32): u32 {
  const row = unit / flash.unitsAPage / flash.dieCount;
  return row * flash.unitsAPage + (unit % flash.unitsAPage);
}

function mapEntry(flash: Flash, die: Die, local: u32): usize {
  return flash.map + ((<usize>die.index * flash.logicalADie + <usize>local) << 2);
}

function ownerEntry(flash: Flash, die: Die, physical: u32): usize {
  return flash.owners + ((<usize>die.index * flash.physicalADie + <usize>physical) << 2);
}

/** The physical unit, numbered within the die, that holds a unit; NO_UNIT when nothing was written there. */
export function ftlFind(flash: Flash, die: Die, unit: u32): u32 {
  return load<u32>(mapEntry(flash, die, localOf(flash, unit)));
}

/** The page of this physical unit is not programmed yet: the buffer has it. */
export function ftlIsBuffered(flash: Flash, die: Die, physical: u32): bool {
  const block = blockAt(flash, die, physical / flash.unitsABlock);
  const page = block.firstPage + (physical % flash.unitsABlock) / flash.unitsAPage;
  return page >= die.pagesProgrammed;
}

function giveFree(flash: Flash, die: Die, index: u32): void {
  const block = blockAt(flash, die, index);
  block.state = BLOCK_FREE;
  block.next = NO_UNIT;
  if (die.freeCount == 0) die.freeHead = index;
  else blockAt(flash, die, die.freeTail).next = index;
  die.freeTail = index;
  die.freeCount++;
}

/** The closed block with the fewest valid units. */
function victimOf(flash: Flash, die: Die): u32 {
  let best = NO_UNIT;
  let fewest: u32 = NO_UNIT;
  for (let index: u32 = 0; index < flash.blocksADie; index++) {
    const block = blockAt(flash, die, index);
    if (block.state != BLOCK_CLOSED || block.valid >= fewest) continue;
    best = index;
    fewest = block.valid;
    if (fewest == 0) break;
  }
  assert(fewest < flash.unitsABlock, 'nothing to collect');
  return best;
}

function collect(flash: Flash, die: Die): void {
  const index = victimOf(flash, die);
  const first = index * flash.unitsABlock;
  const moved = blockAt(flash, die, index).valid;
  let lastPage = NO_UNIT;
  for (let physical = first; physical < first + flash.unitsABlock; physical++) {
    const local = load<u32>(ownerEntry(flash, die, physical));
    if (local == NO_UNIT || load<u32>(mapEntry(flash, die, local)) != physical) continue;
    if (physical / flash.unitsAPage != lastPage) {
      lastPage = physical / flash.unitsAPage;
      die.movedReads++;
    }
    // a collection begins with a page, so no page that it fills has a unit of a host
    if (append(flash, die, local)) die.movedPrograms++;
  }
  giveFree(flash, die, index);
  die.erases++;
  if (flash.isForming != 0) return;
  count(COUNTER_FLASH_ERASES);
  if (recording()) {
    const drive = changetype<Drive>(flash.drive);
    record(
      RECORD_COLLECTED,
      OP_WRITE,
      drive.index,
      die.index,
      <u64>die.index * flash.blocksADie + index,
      moved,
      0,
    );
  }
}

/** Takes a free block to write into, and sees to it that there are others. */
function openNext(flash: Flash, die: Die): void {
  assert(die.freeCount > 0, 'a die without a free block');
  if (die.openBlock != NO_UNIT) blockAt(flash, die, die.openBlock).state = BLOCK_CLOSED;
  const index = die.freeHead;
  const block = blockAt(flash, die, index);
  die.freeHead = block.next;
  die.freeCount--;
  block.state = BLOCK_OPEN;
  block.firstPage = die.pagesEnded;
  die.openBlock = index;
  die.openUnit = 0;
  if (die.isCollecting != 0) return;
  die.isCollecting = 1;
  while (die.freeCount < flash.freeBlocks) collect(flash, die);
  die.isCollecting = 0;
}

function makeRoom(flash: Flash, die: Die): void {
  // collections may fill the block that they were made for
  while (die.openUnit == flash.unitsABlock) openNext(flash, die);
}

/** The open page is full, or is programmed as it is. */
function endPage(flash: Flash, die: Die): void {
  die.pagesEnded++;
  if (flash.isForming == 0) countMany(COUNTER_FLASH_PROGRAMMED_PAGES, flash.unitsAPage);
}

/** Appends one unit to the die's log; what held it before is invalid. True when that has filled a page. */
function append(flash: Flash, die: Die, local: u32): bool {
  makeRoom(flash, die);
  invalidate(flash, die, local);
  const physical = die.openBlock * flash.unitsABlock + die.openUnit;
  store<u32>(ownerEntry(flash, die, physical), local);
  store<u32>(mapEntry(flash, die, local), physical);
  blockAt(flash, die, die.openBlock).valid++;
  die.openUnit++;
  if (die.openUnit % flash.unitsAPage != 0) return false;
  endPage(flash, die);
  return true;
}

function invalidate(flash: Flash, die: Die, local: u32): void {
  const physical = load<u32>(mapEntry(flash, die, local));
  if (physical == NO_UNIT) return;
  store<u32>(mapEntry(flash, die, local), NO_UNIT);
  blockAt(flash, die, physical / flash.unitsABlock).valid--;
}

/** A unit that a host has written. `waiting`: a write that waits until it is programmed, or 0. True: the die's open page is full. */
export function ftlWrite(flash: Flash, die: Die, unit: u32, waiting: usize): bool {
  makeRoom(flash, die);
  if (flash.isForming == 0) {
    die.openHosts++;
    if (waiting != 0) die.openWaiting = waiting;
    count(COUNTER_FLASH_HOST_PAGES);
  }
  return append(flash, die, localOf(flash, unit));
}

/** A unit that holds nothing any more. */
export function ftlDiscard(flash: Flash, unit: u32): void {
  invalidate(flash, ftlDie(flash, unit), localOf(flash, unit));
}

/** Ends the open page of a die as it is if it holds a unit of a host: the rest is lost until the block is erased. True: it did. */
export function ftlPad(flash: Flash, die: Die): bool {
  if (die.openHosts == 0) return false;
  padPage(flash, die);
  return true;
}

function padPage(flash: Flash, die: Die): void {
  while (die.openUnit % flash.unitsAPage != 0) {
    store<u32>(ownerEntry(flash, die, die.openBlock * flash.unitsABlock + die.openUnit), NO_UNIT);
    die.openUnit++;
  }
  endPage(flash, die);
}

function divisor(left: u64, right: u64): u64 {
  while (right != 0) {
    const rest = left % right;
    left = right;
    right = rest;
  }
  return left;
}

/** Writes `units` units once, in order or in the order of a permutation (i * step + offset modulo units). */
function fill(flash: Flash, units: u32, seed: u64): void {
  let step: u64 = 1;
  let offset: u64 = 0;
  if (parameterOf(flash, FLASH_FILL_ORDER) != 0 && units > 1) {
    step = 1 + (mix64(seed) % (units - 1));
    while (divisor(step, units) != 1) step++;
    offset = mix64(seed + 1) % units;
  }
  let place = offset;
  for (let index: u32 = 0; index < units; index++) {
    ftlWrite(flash, ftlDie(flash, <u32>place), <u32>place, 0);
    place = (place + step) % units;
  }
}

/** The state before the start: all blocks free, then filled and written over as the parameters say. */
export function ftlForm(flash: Flash): void {
  memory.fill(flash.map, 0xff, (<usize>flash.dieCount * flash.logicalADie) << 2);
  memory.fill(flash.owners, 0xff, (<usize>flash.dieCount * flash.physicalADie) << 2);
  flash.isForming = 1;
  for (let index: u32 = 0; index < flash.dieCount; index++) {
    const die = dieAt(flash, index);
    for (let block: u32 = 0; block < flash.blocksADie; block++) giveFree(flash, die, block);
    die.openBlock = NO_UNIT;
    openNext(flash, die);
  }
  const units = <u32>((<u64>flash.capacityUnits * parameterOf(flash, FLASH_FILLED)) / 100);
  const stream = mix64(<u64>flash.seed);
  fill(flash, units, stream);
  const again = units == 0 ? 0 : (<u64>flash.capacityUnits * parameterOf(flash, FLASH_OVERWRITTEN)) / 100;
  for (let index: u64 = 0; index < again; index++) {
    const unit = <u32>(mix64(stream + 2 + index) % units);
    ftlWrite(flash, ftlDie(flash, unit), unit, 0);
  }
  for (let index: u32 = 0; index < flash.dieCount; index++) {
    const die = dieAt(flash, index);
    if (die.openUnit % flash.unitsAPage != 0) padPage(flash, die);
    die.pagesQueued = die.pagesEnded;
    die.pagesProgrammed = die.pagesEnded;
    die.movedReads = 0;
    die.movedPrograms = 0;
    die.erases = 0;
  }
  flash.isForming = 0;
}
