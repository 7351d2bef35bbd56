// Records: each change of a volume's metadata as a write of its own, in every profile but the journal's.
//
// Verbs: recordAreaClaim, recordAreaInit, recordsStart, recordsReady, recordBegin, recordEnd, recordsCommit, recordsCommitted, recordDone.
// A record is sent to the drive as soon as it is made and never flushed by itself, so the write log holds every state that a kernel
// may leave: with the domain (the inode or directory whose sync covers it) and the chain (what must be there before it).
// Records stand on a transaction of the journal. When there is no room for more, or something that was freed is wanted again, a
// commit makes all of it durable as one transaction, and the area begins anew.
// Layout: a ring of slots, each with the bytes of one record, 1 or 2 sectors; on the drive {kind "SLrc", checksum, number of the
// transaction it stands on u64, time u64, type, sectors, flags, chained records before it, place in the area, place + 1 of the record
// that it needs, checksum of the second sector}, and what its type has (record-names.ts, record-maps.ts).
// Invariants: records are sent in the order in which they are made; no commit begins while one is on its way, and none is
// made while a commit is wanted or on its way.

import { arenaClaim } from '../../base/arena';
import { KIND_RECORD_DONE, KIND_RECORD_RESUME } from '../../base/dispatch';
import { Operation } from '../../base/operation';
import { park, wakeAll } from '../../base/wait-queue';
import { submitBio } from '../../block/queue';
import { BIO_NO_MERGE, BIO_UNTORN, Bio, bioGive, bioTake, bioWaiters } from '../../drive/request';
import { LOG_CHAIN_METADATA, OP_WRITE, VOLUME_PROFILE_ORDERED } from '../../layout';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { hasRecords, volume } from './geometry';
import { isSectorSound, sealSector, sectorSum } from './image';
import { inodeOf, volumeTime } from './inodes';
import { journalCommit, journalFail, journalHasFailed } from './journal';

/** "SLrc" */
const SECTOR_RECORD: u32 = 0x63724c53;

export const RECORD_NAMES: u32 = 1;
export const RECORD_MAP: u32 = 2;
export const RECORD_ATTRIBUTES: u32 = 3;

/** Record.flags: one of the chain of metadata; there only after all records of that chain which were made before it. */
const IS_CHAINED: u32 = 1;
const NEEDS_CHAIN: u32 = 2;

/** Most sectors of one record. */
export const RECORD_MOST_SECTORS: u32 = 2;
/** Most records that one call makes before it waits. */
const RECORDS_A_CALL: u32 = 4;
const SLOTS: u32 = 64;
const SLOT_BYTES: u32 = RECORD_MOST_SECTORS * <u32>SECTOR_SIZE;

/** The head of a record on the drive; its body follows. */
@unmanaged
export class VolumeRecord {
  kind: u32;
  sum: u32;
  base: u64;
  time: u64;
  type: u32;
  sectors: u32;
  flags: u32;
  chainedBefore: u32;
  place: u32;
  /** Place + 1 of the record without which it means nothing, or 0. */
  needs: u32;
  secondSum: u32;
  reserved: u32;
}

export const RECORD_BODY: usize = offsetof<VolumeRecord>();

@unmanaged
class Slot {
  // the first three words are a Span
  spanNext: usize;
  spanAddress: usize;
  spanLength: u32;
  isUsed: u32;
  /** The inode that waits for it. */
  domain: u32;
  chain: u32;
  tag: u64;
  sector: u64;
}

@unmanaged
class Records {
  // the first two words are a Waiter
  next: usize;
  resumeKind: u32;
  isParked: u32;
  slots: usize;
  buffers: usize;
  /** The transaction on which records stand. */
  base: u64;
  /** Sectors of the area that are used, and records of the chain of metadata in them. */
  head: u32;
  chained: u32;
  /** Records made and sent so far. */
  made: u32;
  sent: u32;
  inFlight: u32;
  isCommitWanted: u32;
  /** Operations that wait for a record's end, or for room. */
  waiters: usize;
}

const records = changetype<Records>(memory.data(offsetof<Records>(), 16));

export function recordAreaClaim(): void {
  if (!hasRecords()) return;
  records.slots = arenaClaim(<u64>SLOTS * offsetof<Slot>(), 16);
  records.buffers = arenaClaim(<u64>SLOTS * SLOT_BYTES, 512);
}

export function recordAreaInit(): void {
  records.resumeKind = KIND_RECORD_RESUME;
}

/** A mount begins: records that stand on transaction `base` follow. */
export function recordsStart(base: u64): void {
  records.base = base;
  records.head = 0;
  records.chained = 0;
  records.isCommitWanted = 0;
}

export function recordsBase(): u64 {
  return records.base;
}

/** Records that have not ended. */
export function recordsInFlight(): u32 {
  return records.inFlight;
}

/** True from the moment that a commit is wanted until it has ended. */
export function isCommitting(): bool {
  return records.isCommitWanted != 0;
}

/** True when there are records that a commit would make room behind. */
export function hasRecordsToCommit(): bool {
  return records.head > 0;
}

/** Parks an operation until a record has ended or a commit has made room. */
export function recordsPark(operation: Operation): void {
  park(changetype<usize>(records) + offsetof<Records>('waiters'), changetype<usize>(operation));
}

function slotAt(number: u32): Slot {
  return changetype<Slot>(records.slots + <usize>(number % SLOTS) * offsetof<Slot>());
}

function bufferAt(number: u32): usize {
  return records.buffers + <usize>(number % SLOTS) * SLOT_BYTES;
}

/** Whether so many records of so many sectors can be made now. When the area has no room for them a commit begins. */
export function recordsReady(count: u32, sectors: u32): bool {
  if (records.isCommitWanted != 0) return false;
  if (records.head + sectors > volume.recordSectors) {
    recordsCommit();
    return false;
  }
  for (let index: u32 = 0; index < count; index++) {
    if (slotAt(records.made + index).isUsed != 0) return false;
  }
  return true;
}

/** Whether the records of one call can be made now. */
export function recordsReadyForCall(): bool {
  return recordsReady(RECORDS_A_CALL, RECORDS_A_CALL * RECORD_MOST_SECTORS);
}

/** Makes everything durable as one transaction as soon as no record is on its way; what was freed may then be taken again. */
export function recordsCommit(): void {
  if (journalHasFailed()) return;
  records.isCommitWanted = 1;
  recordsKick();
}

/** The volume changes no more: nobody waits for room. */
export function recordsGiveUp(): void {
  records.isCommitWanted = 0;
  recordsWake();
}

/** Begins the commit that is wanted, if it can begin. */
export function recordsKick(): void {
  if (records.isCommitWanted != 0 && records.inFlight == 0) journalCommit();
}

/** Transaction `number` is durable, and all that records said is in it. */
export function recordsCommitted(number: u64): void {
  recordsStart(number);
  recordsWake();
}

/** Whoever waits for room or a record's end looks again. */
export function recordsWake(): void {
  wakeAll(changetype<usize>(records) + offsetof<Records>('waiters'));
}

/** The next record, empty; recordsReady has said that it can be made. Its body is zeros. */
export function recordBegin(type: u32): VolumeRecord {
  const record = changetype<VolumeRecord>(bufferAt(records.made));
  memory.fill(changetype<usize>(record), 0, SLOT_BYTES);
  record.type = type;
  return record;
}

/** The record's place + 1, for one that needs it. Before recordEnd. */
export function recordPlace(): u32 {
  return records.head + 1;
}

/**
 * Sends the record: `bytes` of it with its head. `domain`: the inode whose sync covers it; `chain`: its chain in the write log.
 * In `ordered` a record outside the chain of metadata needs what that chain has so far.
 */
export function recordEnd(record: VolumeRecord, bytes: u32, domain: u32, chain: u32, tag: u64): void {
  const address = changetype<usize>(record);
  const sectors: u32 = bytes > <u32>SECTOR_SIZE ? RECORD_MOST_SECTORS : 1;
  const sector = <u64>volume.recordSector + records.head;
  const isChained = chain == <u32>LOG_CHAIN_METADATA;
  record.base = records.base;
  record.time = volumeTime();
  record.sectors = sectors;
  if (isChained) record.flags = IS_CHAINED;
  else if (volume.profile == <u32>VOLUME_PROFILE_ORDERED) record.flags = NEEDS_CHAIN;
  record.chainedBefore = records.chained;
  record.place = records.head;
  if (sectors > 1) record.secondSum = sectorSum(address + SECTOR_SIZE, sector + 1);
  sealSector(address, SECTOR_RECORD, sector);
  const slot = slotAt(records.made);
  slot.spanNext = 0;
  slot.spanAddress = address;
  slot.spanLength = sectors << SECTOR_SHIFT;
  slot.isUsed = 1;
  slot.domain = domain;
  slot.chain = chain;
  slot.tag = tag;
  slot.sector = sector;
  if (isChained) records.chained++;
  records.head += sectors;
  records.made++;
  records.inFlight++;
  inodeOf(domain).recordsInFlight++;
  send();
}

/** Sends what is made, as far as there are bios. */
function send(): void {
  while (records.isParked == 0 && records.sent != records.made) {
    const pointer = bioTake();
    if (pointer == 0) {
      park(bioWaiters(), changetype<usize>(records));
      records.isParked = 1;
      return;
    }
    const slot = slotAt(records.sent++);
    const bio = changetype<Bio>(pointer);
    bio.doneKind = KIND_RECORD_DONE;
    bio.owner = changetype<usize>(slot);
    bio.drive = volume.drive;
    bio.operation = OP_WRITE;
    bio.flags = BIO_NO_MERGE | BIO_UNTORN;
    bio.sector = slot.sector;
    bio.sectorCount = slot.spanLength >> SECTOR_SHIFT;
    bio.segmentCount = 1;
    bio.span = changetype<usize>(slot);
    bio.tag = slot.tag;
    bio.domain = slot.domain;
    bio.chain = slot.chain;
    submitBio(bio);
  }
}

/** Handler of KIND_RECORD_RESUME: a bio may be free. */
export function recordsResumed(_waiter: usize, _result: i32): void {
  records.isParked = 0;
  send();
}

/** Handler of KIND_RECORD_DONE. A record that can not be written ends all changes, as a failed commit does. */
export function recordDone(bioPointer: usize, result: i32): void {
  const slot = changetype<Slot>(changetype<Bio>(bioPointer).owner);
  bioGive(bioPointer);
  slot.isUsed = 0;
  records.inFlight--;
  inodeOf(slot.domain).recordsInFlight--;
  if (result < 0 && !journalHasFailed()) journalFail(result);
  recordsWake();
  recordsKick();
}

// ---- reading them back ----

/** Whether a sound record that stands on `base` begins at `address`, which holds sector `place` of the area. */
export function isRecord(address: usize, place: u32, base: u64): bool {
  if (load<u32>(address) != SECTOR_RECORD) return false;
  if (!isSectorSound(address, SECTOR_RECORD, <u64>volume.recordSector + place)) return false;
  const record = changetype<VolumeRecord>(address);
  return record.base == base && record.place == place && record.sectors - 1 < RECORD_MOST_SECTORS;
}

/** Whether the second sector of a record is the one that was written with the first. */
export function isRecordWhole(record: VolumeRecord): bool {
  if (record.sectors == 1) return true;
  const sector = <u64>volume.recordSector + record.place + 1;
  return record.secondSum == sectorSum(changetype<usize>(record) + SECTOR_SIZE, sector);
}

/** Whether the records of the chain of metadata that have been found, `chained` of them without a gap, are all that this one needs. */
export function isChainWhole(record: VolumeRecord, chained: u32): bool {
  return (record.flags & (IS_CHAINED | NEEDS_CHAIN)) == 0 || record.chainedBefore == chained;
}

export function isChained(record: VolumeRecord): bool {
  return (record.flags & IS_CHAINED) != 0;
}
