// Where the parts of a volume lie on its drive.
//
// Verbs: volumeLayout, hasRecords. Layout, in 512-byte sectors from the start of the drive:
//   two superblocks | home area: inode sectors, name sectors, extent sectors | journal | records | data blocks
// Data begins at a multiple of the block size. The journal holds a transaction that touches every sector of metadata, with
// its headers, so the largest transaction there can be fits an empty journal. Records are those of a profile (records.ts).
// Invariant: the layout follows from the config alone, so a volume is opened only with the sizes it was made with.

import { VOLUME_PROFILE_JOURNAL } from '../../layout';
import { SECTOR_SHIFT } from '../../limits';

export const SUPERBLOCKS: u32 = 2;
/** Inodes and extents in one sector of metadata; a name has one to itself. */
export const INODES_A_SECTOR: u32 = 7;
export const EXTENTS_A_SECTOR: u32 = 31;
/** Sector numbers that one header of a transaction lists. */
export const SECTORS_A_HEADER: u32 = 120;
/** Sectors of journal beside the largest transaction: small transactions on a small volume are not a checkpoint each. */
const JOURNAL_SLACK: u32 = 32;
/** Sectors for records: so many, but on a small drive only this part of it. */
const RECORD_SECTORS: u32 = 8192;
const RECORD_SHARE_SHIFT: u32 = 3;

@unmanaged
export class Volume {
  /** The drive, 0 in a machine without a volume. */
  drive: usize;
  inodeCount: u32;
  nameCount: u32;
  extentCount: u32;
  /** Sectors of the home area, and where each kind begins in it. */
  metaSectors: u32;
  nameStart: u32;
  extentStart: u32;
  homeSector: u32;
  journalSector: u32;
  journalSectors: u32;
  /** The area of records, of no sectors in a volume without them. */
  recordSector: u32;
  recordSectors: u32;
  /** VOLUME_PROFILE_…. */
  profile: u32;
  blockShift: u32;
  blockCount: u32;
  /** First sector of block 0. */
  dataSector: u64;
  /** Of this volume: checksums cover it, so sectors of an earlier volume on the drive are not taken for its own. */
  id: u64;
  /** Names work: from a successful mount to unmount. */
  isMounted: u32;
  isReadOnly: u32;
  /** The machine's, for the id of a new volume. */
  seed: u32;
  /** Index of the cache's inode 0 of the volume; inode n of the volume is that of `firstInode + n`. */
  firstInode: u32;
}

export const volume = changetype<Volume>(memory.data(offsetof<Volume>(), 16));

export function headersOf(sectorCount: u32): u32 {
  return (sectorCount + SECTORS_A_HEADER - 1) / SECTORS_A_HEADER;
}

/** Each change of metadata is a record of its own, written at once: every profile but the journal's. */
export function hasRecords(): bool {
  return volume.profile != <u32>VOLUME_PROFILE_JOURNAL;
}

/** Names that a volume of so many inodes has room for: hard links need more than one. */
function namesFor(inodeCount: u32): u32 {
  return inodeCount + (inodeCount >> 2) + 8;
}

/**
 * Fills `volume` for `totalBlocks` blocks from the start of a drive. False when metadata and journal leave no block for data;
 * then the layout is not to be used.
 */
export function volumeLayout(
  totalBlocks: u32,
  blockShift: u32,
  inodeCount: u32,
  extentCount: u32,
  profile: u32,
): bool {
  volume.profile = profile;
  volume.inodeCount = inodeCount;
  volume.nameCount = namesFor(inodeCount);
  volume.extentCount = extentCount;
  volume.nameStart = (inodeCount + INODES_A_SECTOR - 1) / INODES_A_SECTOR;
  volume.extentStart = volume.nameStart + volume.nameCount;
  volume.metaSectors = volume.extentStart + (extentCount + EXTENTS_A_SECTOR - 1) / EXTENTS_A_SECTOR;
  volume.homeSector = SUPERBLOCKS;
  volume.journalSector = SUPERBLOCKS + volume.metaSectors;
  volume.journalSectors = volume.metaSectors + headersOf(volume.metaSectors) + JOURNAL_SLACK;
  volume.blockShift = blockShift;
  const sectorShift = blockShift - SECTOR_SHIFT;
  volume.recordSector = volume.journalSector + volume.journalSectors;
  const share = <u32>min<u64>(((<u64>totalBlocks) << sectorShift) >> RECORD_SHARE_SHIFT, RECORD_SECTORS);
  volume.recordSectors = hasRecords() ? share : 0;
  const sectorsBefore = volume.recordSector + volume.recordSectors;
  const blocksBefore = (sectorsBefore + (1 << sectorShift) - 1) >> sectorShift;
  volume.dataSector = (<u64>blocksBefore) << sectorShift;
  if (blocksBefore >= totalBlocks) return false;
  volume.blockCount = totalBlocks - blocksBefore;
  return true;
}
