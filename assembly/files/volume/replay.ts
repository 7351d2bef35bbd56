// Replay of records: what a crash has left of a volume becomes a volume again.
//
// Verbs: replayClaim, replayBegin, replayChunk, replayEnd. Records that are there are gone through in the order in which they were made, and
// each is brought into the image, which is that of the transaction on which they stand; what is missing is passed over. A record that
// needs another is nothing without it. Then links are counted again, and what no path reaches is given up.
// Layout: a buffer of the area's sectors, a piece at a time; a bit for each place of a record that counts; names found of each inode.
// Invariants: the trees of extents and the table of names are those of the image all the way; the map of free blocks is not,
// and is made anew behind; blocks that are nobody's then are stale (blocks.ts). Nothing is written here, so mounting again after a
// crash finds the same.

import { arenaClaim } from '../../base/arena';
import { EUCLEAN } from '../../base/errno';
import { IOMAP_MAPPED, IOMAP_UNWRITTEN } from '../../cache/iomap';
import {
  DIRENT_TYPE_DIRECTORY,
  DIRENT_TYPE_FILE,
  MODE_DIRECTORY,
  MODE_FILE,
  MODE_TYPE,
  PROBLEM_EXTENT,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { blocksStale, staleBegin } from './blocks';
import { extentAdd, extentsRemove, freeSlotCount, setReplaying } from './extents';
import { hasRecords, volume } from './geometry';
import { DiskInode, diskInode, EXTENT_UNWRITTEN, metaTouch, nameSlot, setBit, testBit } from './image';
import { isDirectory, MODE_BITS, ROOT_INODE } from './inodes';
import { isLegalName, nameAdd, nameFind, nameRemove, nameSetChild, namesFree } from './names';
import { problemNote } from './problems';
import {
  EXTENTS_A_MAP,
  LAST_BLOCK,
  MAP_EXTENTS,
  RecordedExtent,
  RecordedMap,
  SIZE_AT_LEAST,
  SIZE_IS,
} from './record-maps';
import {
  ENTRY_NAME,
  ENTRY_SET,
  entryBytes,
  entryFacts,
  InodeFacts,
  RecordedAttributes,
  RecordedEntry,
} from './record-names';
import {
  isChained,
  isChainWhole,
  isRecord,
  isRecordWhole,
  RECORD_ATTRIBUTES,
  RECORD_BODY,
  RECORD_MAP,
  RECORD_NAMES,
  VolumeRecord,
} from './records';

/** Sectors of the area that are read at one time: little enough to stay in the processor's cache. */
const CHUNK_SECTORS: u32 = 512;
/** Most entries of one record. */
const MOST_ENTRIES: u32 = 2;

@unmanaged
class Replay {
  buffer: usize;
  /** Bits of places whose records count. */
  present: usize;
  /** Names of each inode. */
  found: usize;
  base: u64;
  /** Sectors of the area that have been gone through. */
  position: u32;
  /** Sound records that have been met, and those of the chain of metadata without a gap. */
  met: u32;
  chained: u32;
  hasFailed: u32;
}

const replay = changetype<Replay>(memory.data(offsetof<Replay>(), 16));

function presentBytes(): usize {
  return <usize>(((volume.recordSectors + 31) >> 5) << 2);
}

function tableBytes(): usize {
  return (<usize>volume.inodeCount + 1) << 2;
}

function chunkSectors(): u32 {
  return min<u32>(CHUNK_SECTORS, volume.recordSectors);
}

export function replayClaim(): void {
  if (!hasRecords()) return;
  replay.buffer = arenaClaim((<u64>chunkSectors()) << SECTOR_SHIFT, 512);
  replay.present = arenaClaim(<u64>presentBytes(), 16);
  replay.found = arenaClaim(<u64>tableBytes(), 16);
}

/** Records that stand on transaction `base` are to be replayed; the image is that of it, verified, with its names and extents in memory. */
export function replayBegin(base: u64): void {
  memory.fill(replay.present, 0, presentBytes());
  replay.base = base;
  replay.position = 0;
  replay.met = 0;
  replay.chained = 0;
  replay.hasFailed = 0;
  staleBegin();
  setReplaying(true);
}

/** Where the next piece of the area is read to. */
export function replayBuffer(): usize {
  return replay.buffer;
}

/** First sector of the next piece, in the area. */
export function replayPosition(): u32 {
  return replay.position;
}

/** Sectors of the next piece; 0: the area has come to its end. */
export function replaySectors(): u32 {
  return min<u32>(chunkSectors(), volume.recordSectors - replay.position);
}

/** The next piece is in the buffer: brings in its records. */
export function replayChunk(): void {
  const sectors = replaySectors();
  const isLast = replay.position + sectors == volume.recordSectors;
  let index: u32 = 0;
  while (index < sectors) {
    const address = replay.buffer + ((<usize>index) << SECTOR_SHIFT);
    if (!isRecord(address, replay.position + index, replay.base)) {
      index++;
      continue;
    }
    const record = changetype<VolumeRecord>(address);
    if (index + record.sectors > sectors && !isLast) break;
    if (index + record.sectors <= sectors) meet(record);
    index += record.sectors;
  }
  replay.position = min<u32>(replay.position + index, volume.recordSectors);
}

/** Blocks of a map hold bytes of its file, whatever becomes of the file. */
function noteBlocks(record: VolumeRecord): void {
  const map = changetype<RecordedMap>(changetype<usize>(record) + RECORD_BODY);
  let at = changetype<usize>(record) + MAP_EXTENTS;
  for (let index: u32 = 0; index < min<u32>(map.extents, EXTENTS_A_MAP); index++) {
    const extent = changetype<RecordedExtent>(at);
    if (isExtentSound(extent, map)) blocksStale(extent.start, extent.count & ~EXTENT_UNWRITTEN);
    at += offsetof<RecordedExtent>();
  }
}

function isPresent(place: u32): bool {
  return place < volume.recordSectors && testBit(replay.present, place);
}

function meet(record: VolumeRecord): void {
  replay.met++;
  if (record.type == RECORD_MAP) noteBlocks(record);
  if (!isRecordWhole(record) || !isChainWhole(record, replay.chained)) return;
  if (isChained(record)) replay.chained++;
  if (record.needs != 0 && !isPresent(record.needs - 1)) return;
  if (!apply(record)) return;
  setBit(replay.present, record.place);
}

/** True when the record has been brought in; false when it can not be, as a directory would come to lie below itself. */
function apply(record: VolumeRecord): bool {
  const body = changetype<usize>(record) + RECORD_BODY;
  switch (record.type) {
    case RECORD_NAMES:
      return applyEntries(record, body);
    case RECORD_MAP:
      return applyMap(record, changetype<RecordedMap>(body));
    case RECORD_ATTRIBUTES:
      return applyAttributes(record, changetype<RecordedAttributes>(body));
    default:
      return false;
  }
}

// ---- inodes ----

function isInode(number: u32): bool {
  return number - 1 < volume.inodeCount;
}

/** The inode of these facts, made if it is not there. 0 when the number has a later file, or can not be. */
function ensure(facts: InodeFacts, time: u64): u32 {
  if (!isInode(facts.number)) return 0;
  const disk = diskInode(facts.number);
  if (disk.generation > facts.generation) return 0;
  if (disk.generation < facts.generation || disk.mode == 0) make(disk, facts, time);
  return facts.number;
}

function make(disk: DiskInode, facts: InodeFacts, time: u64): void {
  const number = facts.number;
  if (disk.mode != 0) extentsRemove(number, 0, LAST_BLOCK, false);
  metaTouch(changetype<usize>(disk));
  memory.fill(changetype<usize>(disk), 0, offsetof<DiskInode>());
  disk.mode = facts.mode & (MODE_TYPE | MODE_BITS);
  disk.uid = facts.uid;
  disk.gid = facts.gid;
  disk.generation = facts.generation;
  disk.accessTime = time;
  disk.modifyTime = time;
  disk.changeTime = time;
  disk.birthTime = time;
}

/** The directory in which an entry is, made without a name if nothing has told of it yet. 0: none. */
function ensureParent(entry: RecordedEntry, time: u64): u32 {
  const facts = changetype<InodeFacts>(PARENT_FACTS);
  facts.number = entry.parent;
  facts.generation = entry.parentGeneration;
  facts.mode = MODE_DIRECTORY | PARENT_MODE;
  facts.uid = 0;
  facts.gid = 0;
  const number = ensure(facts, time);
  return number != 0 && isDirectory(number) ? number : 0;
}

/** rwxr-xr-x, until the directory's own name tells. */
const PARENT_MODE: u32 = 0x1ed;
const PARENT_FACTS: usize = memory.data(20, 8);

/** Mode and owner as a name tells them, of a directory that was made for its entries only. */
function completeFacts(facts: InodeFacts): void {
  const disk = diskInode(facts.number);
  if (disk.parent != 0 || facts.number == ROOT_INODE) return;
  disk.mode = facts.mode & (MODE_TYPE | MODE_BITS);
  disk.uid = facts.uid;
  disk.gid = facts.gid;
}

// ---- names ----

function applyEntries(record: VolumeRecord, at: usize): bool {
  const end = changetype<usize>(record) + ((<usize>record.sectors) << SECTOR_SHIFT);
  let hasApplied = false;
  for (let count: u32 = 0; count < MOST_ENTRIES && at + ENTRY_NAME <= end; count++) {
    const entry = changetype<RecordedEntry>(at);
    const next = at + entryBytes(entry);
    if (entry.change == 0 || next > end || !isLegalName(at + ENTRY_NAME, entry.nameBytes)) break;
    // a rename in one record: when its name can not be set the old one stays
    const isSet = <u32>entry.change == ENTRY_SET;
    if (isSet ? setEntry(entry, record.time) : removeEntry(entry, next, end)) hasApplied = true;
    at = next;
  }
  return hasApplied;
}

/** Whether the directory `number` is `directory` or above it. Parents are 0 where no name has told. */
function isAbove(number: u32, directory: u32): bool {
  while (directory != 0 && directory != number)
    directory = directory == ROOT_INODE ? 0 : diskInode(directory).parent;
  return directory == number;
}

function canSet(entry: RecordedEntry): bool {
  const facts = entryFacts(entry);
  return (facts.mode & MODE_TYPE) != <u32>MODE_DIRECTORY || !isAbove(facts.number, entry.parent);
}

function setEntry(entry: RecordedEntry, time: u64): bool {
  const parent = ensureParent(entry, time);
  const child = parent == 0 || !canSet(entry) ? 0 : ensure(entryFacts(entry), time);
  if (child == 0 || child == ROOT_INODE) return false;
  const name = changetype<usize>(entry) + ENTRY_NAME;
  const type: u32 = isDirectory(child) ? DIRENT_TYPE_DIRECTORY : DIRENT_TYPE_FILE;
  const found = nameFind(parent, name, entry.nameBytes);
  if (found == 0 && namesFree() == 0) return false;
  if (isDirectory(child)) {
    completeFacts(entryFacts(entry));
    forgetOther(child, found);
    metaTouch(changetype<usize>(diskInode(child)));
    diskInode(child).parent = parent;
  }
  if (found != 0) nameSetChild(found - 1, child, type);
  else nameAdd(parent, child, type, name, entry.nameBytes);
  metaTouch(changetype<usize>(diskInode(parent)));
  diskInode(parent).modifyTime = time;
  diskInode(parent).changeTime = time;
  return true;
}

/** A directory has one name: whichever it has that is not slot + 1 `kept` goes. */
function forgetOther(directory: u32, kept: u32): void {
  if (diskInode(directory).parent == 0) return;
  for (let index: u32 = 0; index < volume.nameCount; index++) {
    if (nameSlot(index).child == directory && index + 1 != kept) nameRemove(index);
  }
}

/** `next`: the entry behind it, if the record has one that sets what this one removes. */
function removeEntry(entry: RecordedEntry, next: usize, end: usize): bool {
  const follower = changetype<RecordedEntry>(next);
  const isMove = next + ENTRY_NAME <= end && <u32>follower.change == ENTRY_SET;
  if (isMove && !canSet(follower)) return false;
  const parent = isInode(entry.parent) && diskInode(entry.parent).generation == entry.parentGeneration;
  const found = parent ? nameFind(entry.parent, changetype<usize>(entry) + ENTRY_NAME, entry.nameBytes) : 0;
  if (found != 0) nameRemove(found - 1);
  return true;
}

// ---- files ----

function fail(number: u32, extent: RecordedExtent): bool {
  replay.hasFailed = 1;
  problemNote(PROBLEM_EXTENT, 0, number, extent.fileBlock, extent.start, 1);
  return false;
}

function isExtentSound(extent: RecordedExtent, map: RecordedMap): bool {
  const count = extent.count & ~EXTENT_UNWRITTEN;
  const isInRange =
    extent.fileBlock >= map.from && count > 0 && <u64>extent.fileBlock + count <= <u64>map.end;
  return isInRange && extent.start < volume.blockCount && count <= volume.blockCount - extent.start;
}

function applyMap(record: VolumeRecord, map: RecordedMap): bool {
  const number = ensure(changetype<InodeFacts>(changetype<usize>(map)), record.time);
  if (number == 0 || (diskInode(number).mode & MODE_TYPE) != <u32>MODE_FILE) return false;
  if (map.from < map.end) extentsRemove(number, map.from, map.end, false);
  let at = changetype<usize>(record) + MAP_EXTENTS;
  for (let index: u32 = 0; index < min<u32>(map.extents, EXTENTS_A_MAP); index++) {
    const extent = changetype<RecordedExtent>(at);
    // a cut in the middle of an extent takes a slot too
    if (!isExtentSound(extent, map) || freeSlotCount() < 2) return fail(number, extent);
    const type = extent.count & EXTENT_UNWRITTEN ? IOMAP_UNWRITTEN : IOMAP_MAPPED;
    extentAdd(number, extent.fileBlock, extent.count & ~EXTENT_UNWRITTEN, extent.start, type);
    at += offsetof<RecordedExtent>();
  }
  const disk = diskInode(number);
  metaTouch(changetype<usize>(disk));
  if (map.sizeMeans == SIZE_IS || (map.sizeMeans == SIZE_AT_LEAST && map.size > disk.size))
    disk.size = map.size;
  disk.modifyTime = record.time;
  disk.changeTime = record.time;
  return true;
}

function applyAttributes(record: VolumeRecord, attributes: RecordedAttributes): bool {
  const facts = changetype<InodeFacts>(changetype<usize>(attributes));
  const number = ensure(facts, record.time);
  if (number == 0) return false;
  const disk = diskInode(number);
  metaTouch(changetype<usize>(disk));
  disk.mode = (disk.mode & MODE_TYPE) | (facts.mode & MODE_BITS);
  disk.uid = facts.uid;
  disk.gid = facts.gid;
  disk.accessTime = attributes.accessTime;
  disk.modifyTime = attributes.modifyTime;
  disk.changeTime = record.time;
  return true;
}

// ---- the end ----

function foundAt(number: u32): usize {
  return replay.found + ((<usize>number) << 2);
}

/** Names lead to the root or go: those in directories without a name, and then those of what was named there. */
function dropUnreached(): void {
  memory.fill(replay.found, 0, tableBytes());
  for (let index: u32 = 0; index < volume.nameCount; index++) {
    const child = nameSlot(index).child;
    if (child != 0) store<u32>(foundAt(child), load<u32>(foundAt(child)) + 1);
  }
  store<u32>(foundAt(ROOT_INODE), 1);
  let hasDropped = true;
  while (hasDropped) {
    hasDropped = false;
    for (let index: u32 = 0; index < volume.nameCount; index++) {
      const slot = nameSlot(index);
      if (slot.child == 0 || load<u32>(foundAt(slot.parent)) > 0) continue;
      store<u32>(foundAt(slot.child), load<u32>(foundAt(slot.child)) - 1);
      nameRemove(index);
      hasDropped = true;
    }
  }
}

function setLinks(number: u32, links: u32): void {
  const disk = diskInode(number);
  if (disk.links == links) return;
  metaTouch(changetype<usize>(disk));
  disk.links = links;
}

function freeInode(number: u32): void {
  const disk = diskInode(number);
  const generation = disk.generation;
  extentsRemove(number, 0, LAST_BLOCK, false);
  metaTouch(changetype<usize>(disk));
  memory.fill(changetype<usize>(disk), 0, offsetof<DiskInode>());
  disk.generation = generation;
}

/** All records have been brought in: counts links, and frees what no name reaches. How many records there were, or EUCLEAN. */
export function replayEnd(): i32 {
  if (replay.met > 0) {
    dropUnreached();
    for (let number: u32 = 1; number <= volume.inodeCount; number++) {
      if (diskInode(number).mode == 0) continue;
      if (load<u32>(foundAt(number)) == 0) freeInode(number);
      else if (!isDirectory(number)) setLinks(number, load<u32>(foundAt(number)));
      else setLinks(number, 2);
    }
    for (let index: u32 = 0; index < volume.nameCount; index++) {
      const slot = nameSlot(index);
      if (slot.child != 0 && isDirectory(slot.child)) setLinks(slot.parent, diskInode(slot.parent).links + 1);
    }
  }
  setReplaying(false);
  return replay.hasFailed != 0 ? -EUCLEAN : <i32>replay.met;
}
