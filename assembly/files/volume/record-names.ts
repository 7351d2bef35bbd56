// Records of names: what create, link, unlink and rename change of directories, entry by entry.
//
// Verbs: recordAdded, recordRemoved, recordMoved, recordExchanged, recordAttributes; entryNext. Called when the image has changed.
// An entry is set or removed under its name, so what a name ends with follows from the last record of it that is there. A set says
// all that is needed to make the inode: a name may be durable when nothing else of the file is.
// Layout: entries one after the other behind the record's head, each with its name, padded to 4 bytes. Each record's domain is a directory.
// Invariant: one directory's change by one call is one record, but in `alice`, where a rename is three.

import { operationTag } from '../../base/operation';
import { LOG_CHAIN_METADATA, VOLUME_PROFILE_ALICE, VOLUME_PROFILE_ORDERED } from '../../layout';
import { hasRecords, volume } from './geometry';
import { diskInode } from './image';
import {
  RECORD_ATTRIBUTES,
  RECORD_BODY,
  RECORD_NAMES,
  recordBegin,
  recordEnd,
  recordPlace,
  VolumeRecord,
} from './records';
import { Walk } from './walk';

export const ENTRY_SET: u32 = 1;
export const ENTRY_REMOVED: u32 = 2;

/** What a record says of an inode that may have to be made. */
@unmanaged
export class InodeFacts {
  number: u32;
  generation: u32;
  mode: u32;
  uid: u32;
  gid: u32;
}

@unmanaged
export class RecordedEntry {
  /** ENTRY_…, 0 behind the last. */
  change: u8;
  nameBytes: u8;
  reserved: u16;
  parent: u32;
  parentGeneration: u32;
  // InodeFacts
  child: u32;
  childGeneration: u32;
  mode: u32;
  uid: u32;
  gid: u32;
}

/** Facts of chmod, chown and utimes. */
@unmanaged
export class RecordedAttributes {
  // InodeFacts
  number: u32;
  generation: u32;
  mode: u32;
  uid: u32;
  gid: u32;
  reserved: u32;
  accessTime: u64;
  modifyTime: u64;
}

export const ENTRY_NAME: usize = offsetof<RecordedEntry>();

export function entryFacts(entry: RecordedEntry): InodeFacts {
  return changetype<InodeFacts>(changetype<usize>(entry) + offsetof<RecordedEntry>('child'));
}

/** Bytes of an entry with its name. */
export function entryBytes(entry: RecordedEntry): usize {
  return (ENTRY_NAME + <usize>entry.nameBytes + 3) & ~(<usize>3);
}

export function fillFacts(facts: InodeFacts, number: u32): void {
  const disk = diskInode(number);
  facts.number = number;
  facts.generation = disk.generation;
  facts.mode = disk.mode;
  facts.uid = disk.uid;
  facts.gid = disk.gid;
}

/** Writes an entry at `at`; the place behind it. */
function putEntry(at: usize, change: u32, place: Walk, child: u32): usize {
  const entry = changetype<RecordedEntry>(at);
  entry.change = <u8>change;
  entry.nameBytes = <u8>place.nameBytes;
  entry.parent = place.parent;
  entry.parentGeneration = diskInode(place.parent).generation;
  fillFacts(entryFacts(entry), child);
  memory.copy(at + ENTRY_NAME, place.name, place.nameBytes);
  return at + entryBytes(entry);
}

/** Sends a record of entries that ends before `end`. */
function endEntries(record: VolumeRecord, end: usize, directory: u32): void {
  const bytes = <u32>(end - changetype<usize>(record));
  const chain: u32 = volume.profile == <u32>VOLUME_PROFILE_ORDERED ? <u32>LOG_CHAIN_METADATA : 0;
  recordEnd(record, bytes, directory, chain, operationTag());
}

function firstEntry(record: VolumeRecord): usize {
  return changetype<usize>(record) + RECORD_BODY;
}

/** One entry alone. `needs`: place + 1 of a record without which it is nothing, or 0. */
function recordEntry(change: u32, place: Walk, child: u32, needs: u32): void {
  const record = recordBegin(RECORD_NAMES);
  record.needs = needs;
  endEntries(record, putEntry(firstEntry(record), change, place, child), place.parent);
}

/** A name that was not there names `child`. */
export function recordAdded(at: Walk, child: u32): void {
  if (hasRecords()) recordEntry(ENTRY_SET, at, child, 0);
}

/** A name of `at.child` is gone. */
export function recordRemoved(at: Walk): void {
  if (hasRecords()) recordEntry(ENTRY_REMOVED, at, at.child, 0);
}

/** The name `from` of `from.child` has become `to`, where `to.child` was, if it is not 0. */
export function recordMoved(from: Walk, to: Walk): void {
  if (!hasRecords()) return;
  const child = from.child;
  if (volume.profile == <u32>VOLUME_PROFILE_ALICE) {
    if (to.child != 0) recordEntry(ENTRY_REMOVED, to, to.child, 0);
    recordEntry(ENTRY_REMOVED, from, child, 0);
    recordEntry(ENTRY_SET, to, child, 0);
    return;
  }
  if (from.parent == to.parent || volume.profile == <u32>VOLUME_PROFILE_ORDERED) {
    const record = recordBegin(RECORD_NAMES);
    const second = putEntry(firstEntry(record), ENTRY_REMOVED, from, child);
    endEntries(record, putEntry(second, ENTRY_SET, to, child), to.parent);
    return;
  }
  const needs = recordPlace();
  recordEntry(ENTRY_SET, to, child, 0);
  recordEntry(ENTRY_REMOVED, from, child, needs);
}

/** Both names have changed places. Each of two directories gets a record of all of it, so that its sync covers the whole. */
export function recordExchanged(from: Walk, to: Walk): void {
  if (!hasRecords()) return;
  const isOne = from.parent == to.parent || volume.profile == <u32>VOLUME_PROFILE_ORDERED;
  const record = recordBegin(RECORD_NAMES);
  const second = putEntry(firstEntry(record), ENTRY_SET, from, to.child);
  endEntries(record, putEntry(second, ENTRY_SET, to, from.child), to.parent);
  if (isOne) return;
  const other = recordBegin(RECORD_NAMES);
  const behind = putEntry(firstEntry(other), ENTRY_SET, from, to.child);
  endEntries(other, putEntry(behind, ENTRY_SET, to, from.child), from.parent);
}

/** Mode, owner or times of an inode were set. */
export function recordAttributes(number: u32): void {
  if (!hasRecords() || diskInode(number).links == 0) return;
  const record = recordBegin(RECORD_ATTRIBUTES);
  const facts = changetype<RecordedAttributes>(firstEntry(record));
  fillFacts(changetype<InodeFacts>(changetype<usize>(facts)), number);
  facts.accessTime = diskInode(number).accessTime;
  facts.modifyTime = diskInode(number).modifyTime;
  const chain: u32 = volume.profile == <u32>VOLUME_PROFILE_ORDERED ? <u32>LOG_CHAIN_METADATA : 0;
  recordEnd(record, <u32>RECORD_BODY + offsetof<RecordedAttributes>(), number, chain, operationTag());
}
