// What a drive of flash memory is made of: its geometry, and where its dies, blocks, maps and programs lie.
//
// Verbs: flashClaim, flashEvents, flashTake, dieAt, channelOf, blockAt, parameterOf. ssd and nvme are one machinery with different parameters.
// Layout: all states lie in one claim; a drive takes its part with its first request. In a part: Flash | dies | channels (u64 each:
// when it is free) | blocks, by die | programs | map: u32 a logical unit, by die | owners: u32 a physical unit, by die.
// A unit is 4 KiB; a page is what a die programs at once; unit numbers in map and owners are the die's own.
// Invariant: a machine of up to OWN_STATES such drives has a state for each. With more, the first SHARED_STATES that are used have
// one; each later drive stands on the flash of the last of them, as another partition of it would, and shares its times.

import { arenaClaim } from '../../base/arena';
import {
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_PARAMETERS,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_SIZE_BYTES,
  DRIVE_MODEL_NVME,
  DRIVE_MODEL_SSD,
  FLASH_BLOCK_PAGES,
  FLASH_BUFFER,
  FLASH_CAPACITY,
  FLASH_CHANNELS,
  FLASH_DIES,
  FLASH_ERASE_NS,
  FLASH_FREE_BLOCKS,
  FLASH_PAGE_BYTES,
  FLASH_SPARE,
} from '../../layout';
import {
  DEFAULT_FLASH_BYTES,
  FLASH_BLOCKS_AT_LEAST,
  FLASH_OWN_STATES,
  FLASH_SHARED_STATES,
  SECTOR_SHIFT,
} from '../../limits';
import { Drive } from '../drive-table';

/** Bytes of a unit as a shift count, and sectors. */
export const UNIT_SHIFT: u32 = 12;
export const UNIT_SECTORS_SHIFT: u32 = 3;
/** In map and owners: nothing. */
export const NO_UNIT: u32 = 0xffffffff;

@unmanaged
export class Flash {
  /** The drive that came first. */
  drive: usize;
  parameters: usize;
  dieCount: u32;
  channelCount: u32;
  unitsAPage: u32;
  unitsABlock: u32;
  blocksADie: u32;
  /** Logical and physical units of one die. */
  logicalADie: u32;
  physicalADie: u32;
  capacityUnits: u32;
  freeBlocks: u32;
  /** Of a block as it is, which may be smaller than it was asked for. */
  eraseNs: u64;
  /** While the state before the start is made nothing takes time or is counted. */
  isForming: u32;
  seed: u32;
  bufferUnits: u32;
  /** Units of writes that were let in and are not programmed; those of them in queued programs; writes on their way in. */
  bufferedUnits: u32;
  queuedUnits: u32;
  queuedPrograms: u32;
  arriving: u32;
  dies: usize;
  channels: usize;
  blocks: usize;
  map: usize;
  owners: usize;
  /** Free programs. */
  programs: usize;
  nextProgram: u64;
  /** When the interface is free in each direction; one time for both unless it is full duplex. */
  readLinkFree: u64;
  writeLinkFree: u64;
  // jobs that wait: writes for room, flushes for programs
  writeHead: usize;
  writeTail: usize;
  flushHead: usize;
}

@unmanaged
export class Die {
  flash: usize;
  index: u32;
  isBusy: u32;
  /** The part that it senses; 0: it works on the program at programHead. */
  sensing: usize;
  readHead: usize;
  readTail: usize;
  programHead: usize;
  programTail: usize;
  openBlock: u32;
  /** Next unit of the open block; the open page has units of hosts, and a write that waits until it is programmed. */
  openUnit: u32;
  openHosts: u32;
  openWaiting: usize;
  /** Pages ended, put into programs, and programmed, since the start. */
  pagesEnded: u64;
  pagesQueued: u64;
  pagesProgrammed: u64;
  freeHead: u32;
  freeTail: u32;
  freeCount: u32;
  isCollecting: u32;
  // work of collections that no program has taken yet
  movedReads: u32;
  movedPrograms: u32;
  erases: u32;
  padding: u32;
}

@unmanaged
export class Block {
  /** Pages that its die had ended when it was opened. */
  firstPage: u64;
  valid: u32;
  state: u32;
  next: u32;
  padding: u32;
}
export const BLOCK_FREE: u32 = 0;
export const BLOCK_OPEN: u32 = 1;
export const BLOCK_CLOSED: u32 = 2;

/** A page to be programmed, and the collection before it. */
@unmanaged
export class Program {
  next: usize;
  flash: usize;
  /** A write that waits for it, or 0. */
  waiting: usize;
  number: u64;
  /** Units of hosts in it; pages of the die that it ends. */
  units: u32;
  pages: u32;
  reads: u32;
  programs: u32;
  erases: u32;
  isLast: u32;
}

@unmanaged
class States {
  base: usize;
  bytes: u64;
  used: u64;
  last: usize;
  events: u32;
  /** Units of the largest request. */
  requestUnits: u32;
  seed: u32;
}

const states = changetype<States>(memory.data(offsetof<States>(), 16));

export function parameterOf(flash: Flash, number: u32): u64 {
  return load<u64>(flash.parameters + ((<usize>number) << 3));
}

function isFlash(model: u32): bool {
  return model == DRIVE_MODEL_SSD || model == DRIVE_MODEL_NVME;
}

function divideUp(value: u64, divisor: u64): u64 {
  return (value + divisor - 1) / divisor;
}

/** Fills in the sizes. */
function measure(flash: Flash, sizeBytes: u64): void {
  flash.channelCount = <u32>parameterOf(flash, FLASH_CHANNELS);
  flash.dieCount = flash.channelCount * <u32>parameterOf(flash, FLASH_DIES);
  flash.unitsAPage = <u32>(parameterOf(flash, FLASH_PAGE_BYTES) >> UNIT_SHIFT);
  flash.freeBlocks = <u32>parameterOf(flash, FLASH_FREE_BLOCKS);
  const asked = parameterOf(flash, FLASH_CAPACITY);
  const capacity = asked != 0 ? asked : min<u64>(sizeBytes, DEFAULT_FLASH_BYTES);
  flash.capacityUnits = <u32>divideUp(capacity, 1 << UNIT_SHIFT);
  const rows = divideUp(divideUp(flash.capacityUnits, flash.unitsAPage), flash.dieCount);
  let blockPages = parameterOf(flash, FLASH_BLOCK_PAGES);
  while (blockPages > 1 && rows < blockPages * FLASH_BLOCKS_AT_LEAST) blockPages >>= 1;
  flash.eraseNs = (parameterOf(flash, FLASH_ERASE_NS) * blockPages) / parameterOf(flash, FLASH_BLOCK_PAGES);
  flash.unitsABlock = <u32>blockPages * flash.unitsAPage;
  flash.logicalADie = <u32>rows * flash.unitsAPage;
  const full = divideUp(rows, blockPages);
  const spare = max<u64>(1, divideUp(full * parameterOf(flash, FLASH_SPARE), 100));
  flash.blocksADie = <u32>(full + spare) + flash.freeBlocks;
  flash.physicalADie = flash.blocksADie * flash.unitsABlock;
  const buffer = <u32>(parameterOf(flash, FLASH_BUFFER) >> UNIT_SHIFT);
  // without a buffer a write is in the page registers of the dies until it is programmed
  flash.bufferUnits = buffer != 0 ? buffer : flash.dieCount * flash.unitsAPage;
}

/** Programs that can exist: each holds a unit of the buffer, which takes at least one request. */
function programCount(flash: Flash): u32 {
  return max<u32>(flash.bufferUnits, states.requestUnits) + flash.dieCount;
}

/** Gives each array its place from `base` on; returns the end. */
function place(flash: Flash, base: u64): u64 {
  const dies = <u64>flash.dieCount;
  flash.dies = <usize>base;
  base += dies * offsetof<Die>();
  flash.channels = <usize>base;
  base += (<u64>flash.channelCount) << 3;
  flash.blocks = <usize>base;
  base += dies * flash.blocksADie * offsetof<Block>();
  flash.programs = <usize>base;
  base += <u64>programCount(flash) * offsetof<Program>();
  flash.map = <usize>base;
  base += (dies * flash.logicalADie) << 2;
  flash.owners = <usize>base;
  base += (dies * flash.physicalADie) << 2;
  return (base + 63) & ~(<u64>63);
}

const measured = changetype<Flash>(memory.data(offsetof<Flash>(), 16));

/** Room for the states of `drives` drives whose configs begin at `config`. A request has at most `requestSectors`. */
export function flashClaim(config: usize, drives: u32, requestSectors: u32, seed: u32): void {
  states.requestUnits = (requestSectors >> UNIT_SECTORS_SHIFT) + 2;
  states.seed = seed;
  let count: u32 = 0;
  let total: u64 = 0;
  let largest: u64 = 0;
  let dies: u32 = 0;
  let mostDies: u32 = 0;
  for (let index: u32 = 0; index < drives; index++) {
    const from = config + <usize>index * CONFIG_DRIVE_SIZE;
    if (!isFlash(load<u32>(from, CONFIG_DRIVE_MODEL))) continue;
    measured.parameters = from + CONFIG_DRIVE_PARAMETERS;
    measure(measured, load<u64>(from, CONFIG_DRIVE_SIZE_BYTES));
    const bytes = place(measured, (offsetof<Flash>() + 63) & ~63);
    count++;
    total += bytes;
    largest = max<u64>(largest, bytes);
    if (count <= <u32>FLASH_OWN_STATES) dies += measured.dieCount;
    mostDies = max<u32>(mostDies, measured.dieCount);
  }
  const isShared = count > <u32>FLASH_OWN_STATES;
  states.bytes = isShared ? largest * FLASH_SHARED_STATES : total;
  states.events = isShared ? mostDies * FLASH_SHARED_STATES : dies;
  states.base = arenaClaim(states.bytes, 64);
}

/** Events that the dies can have at one time; 0 when no drive is of flash. */
export function flashEvents(): u32 {
  return states.events;
}

function freePrograms(flash: Flash): void {
  const first = flash.programs;
  flash.programs = 0;
  for (let index = programCount(flash); index > 0; index--) {
    const program = changetype<Program>(first + <usize>(index - 1) * offsetof<Program>());
    program.next = flash.programs;
    flash.programs = changetype<usize>(program);
  }
}

/** The flash of a drive that has none yet: new if its field `drive` is this drive, and then with all blocks free and nothing mapped. */
export function flashTake(drive: Drive): Flash {
  measured.parameters = drive.parameters;
  measure(measured, drive.sizeSectors << SECTOR_SHIFT);
  const from = <u64>states.base + states.used;
  const end = place(measured, from + ((offsetof<Flash>() + 63) & ~63));
  if (end - states.base > states.bytes) return changetype<Flash>(states.last);
  states.used = end - states.base;
  memory.fill(<usize>from, 0, <usize>(end - from));
  memory.copy(<usize>from, changetype<usize>(measured), offsetof<Flash>());
  const flash = changetype<Flash>(<usize>from);
  flash.drive = changetype<usize>(drive);
  flash.seed = states.seed + drive.index;
  freePrograms(flash);
  for (let index: u32 = 0; index < flash.dieCount; index++) {
    const die = dieAt(flash, index);
    die.flash = changetype<usize>(flash);
    die.index = index;
  }
  states.last = <usize>from;
  return flash;
}

export function dieAt(flash: Flash, index: u32): Die {
  return changetype<Die>(flash.dies + <usize>index * offsetof<Die>());
}

/** Where it stands when a die's channel is free. */
export function channelOf(flash: Flash, die: Die): usize {
  return flash.channels + ((<usize>(die.index % flash.channelCount)) << 3);
}

export function blockAt(flash: Flash, die: Die, index: u32): Block {
  return changetype<Block>(
    flash.blocks + (<usize>die.index * flash.blocksADie + <usize>index) * offsetof<Block>(),
  );
}
