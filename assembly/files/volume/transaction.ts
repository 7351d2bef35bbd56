// The transaction that is on its way to the journal, or comes from there.
//
// Verbs: transactionClaim, transactionFreeze, transactionSector, transactionOpen, isTransactionWhole, transactionApply.
// Layout on the drive: headers | sectors. A header is {kind "SLjt", checksum, number u64, sector count u32, index u32, hash u64, up
// to 120 numbers of sectors of the image}; the hash covers the numbers and all that the sectors hold. In memory the headers have
// a buffer; the sectors are those of the shadow (commit), or lie at the shadow's start (replay).
// Invariant: sectors are listed in ascending order, each once.

import { arenaClaim } from '../../base/arena';
import { hashStep } from '../../base/hash';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../../limits';
import { headersOf, SECTORS_A_HEADER, SUPERBLOCKS, volume } from './geometry';
import { bitmapBytes, image, isSectorSound, nextBit, sealSector, sectorKind, setBit } from './image';

/** "SLjt" */
const SECTOR_TRANSACTION: u32 = 0x746a4c53;
const HEADER_NUMBER: usize = 8;
const HEADER_COUNT: usize = 16;
const HEADER_INDEX: usize = 20;
const HEADER_HASH: usize = 24;
const HEADER_LIST: usize = 32;

@unmanaged
class Transaction {
  headers: usize;
  number: u64;
  sectorCount: u32;
  headerCount: u32;
}

export const transaction = changetype<Transaction>(memory.data(offsetof<Transaction>(), 16));

export function transactionClaim(): void {
  const sectors = max<u32>(headersOf(volume.metaSectors), SUPERBLOCKS);
  transaction.headers = arenaClaim((<u64>sectors) << SECTOR_SHIFT, 512);
}

function header(index: u32): usize {
  return transaction.headers + ((<usize>index) << SECTOR_SHIFT);
}

/** Place of the number of the transaction's sector `index`. */
function listed(index: u32): usize {
  const place = index % SECTORS_A_HEADER;
  return header(index / SECTORS_A_HEADER) + HEADER_LIST + ((<usize>place) << 2);
}

/** Sector of the image that the transaction's sector `index` is. */
export function transactionMember(index: u32): u32 {
  return load<u32>(listed(index));
}

/** Sectors of journal that it takes. */
export function transactionLength(): u32 {
  return transaction.headerCount + transaction.sectorCount;
}

/** Address of its sector `position`, headers first, in a commit. */
export function transactionSector(position: u32): usize {
  if (position < transaction.headerCount) return header(position);
  const member = transactionMember(position - transaction.headerCount);
  return image.shadow + ((<usize>member) << SECTOR_SHIFT);
}

function hashSector(hash: u64, address: usize): u64 {
  for (let offset: usize = 0; offset < <usize>SECTOR_SIZE; offset += 8)
    hash = hashStep(hash, load<u64>(address + offset));
  return hash;
}

/**
 * Makes a transaction of all that is touched: copies it to the shadow, where it stands still, and writes the headers. The
 * next change belongs to the next transaction. `sector`: where on the drive it will begin.
 */
export function transactionFreeze(sector: u64): void {
  const number = image.running++;
  let hash = hashStep(volume.id, number);
  let count: u32 = 0;
  transaction.number = number;
  transaction.sectorCount = image.touchedCount;
  transaction.headerCount = headersOf(image.touchedCount);
  memory.fill(transaction.headers, 0, (<usize>transaction.headerCount) << SECTOR_SHIFT);
  for (let index = nextBit(image.touched, 0); index < volume.metaSectors; ) {
    const shadow = image.shadow + ((<usize>index) << SECTOR_SHIFT);
    memory.copy(shadow, image.live + ((<usize>index) << SECTOR_SHIFT), SECTOR_SIZE);
    sealSector(shadow, sectorKind(index), volume.homeSector + index);
    store<u32>(listed(count++), index);
    hash = hashSector(hashStep(hash, index), shadow);
    index = nextBit(image.touched, index + 1);
  }
  memory.fill(image.touched, 0, bitmapBytes());
  image.touchedCount = 0;
  for (let index: u32 = 0; index < transaction.headerCount; index++) {
    const at = header(index);
    store<u64>(at, number, HEADER_NUMBER);
    store<u32>(at, count, HEADER_COUNT);
    store<u32>(at, index, HEADER_INDEX);
    store<u64>(at, hash, HEADER_HASH);
    sealSector(at, SECTOR_TRANSACTION, sector + index);
  }
}

/** Number of the transaction whose header the sector at `address`, read from `sector`, is; 0: it is none of this volume's. */
export function headerNumber(address: usize, sector: u64): u64 {
  return isSectorSound(address, SECTOR_TRANSACTION, sector) ? load<u64>(address, HEADER_NUMBER) : 0;
}

/** The first header has been read from `sector`, with `room` sectors of journal from there. True when one can begin there. */
export function transactionOpen(sector: u64, room: u32): bool {
  const at = transaction.headers;
  transaction.number = headerNumber(at, sector);
  transaction.sectorCount = load<u32>(at, HEADER_COUNT);
  if (transaction.number == 0 || load<u32>(at, HEADER_INDEX) != 0) return false;
  if (transaction.sectorCount - 1 >= volume.metaSectors) return false;
  transaction.headerCount = headersOf(transaction.sectorCount);
  return transactionLength() <= room;
}

/** All of it has been read, from `sector`: the sectors to the start of the shadow. True when it is whole. */
export function isTransactionWhole(sector: u64): bool {
  for (let index: u32 = 1; index < transaction.headerCount; index++) {
    const at = header(index);
    const isNext =
      headerNumber(at, sector + index) == transaction.number && load<u32>(at, HEADER_INDEX) == index;
    if (!isNext) return false;
  }
  let hash = hashStep(volume.id, transaction.number);
  let least: u32 = 0;
  for (let index: u32 = 0; index < transaction.sectorCount; index++) {
    const member = transactionMember(index);
    const at = image.shadow + ((<usize>index) << SECTOR_SHIFT);
    if (member < least || member >= volume.metaSectors) return false;
    least = member + 1;
    hash = hashSector(hashStep(hash, member), at);
  }
  return hash == load<u64>(transaction.headers, HEADER_HASH);
}

/** Brings a transaction that is whole into the live image. Its sectors are not home. */
export function transactionApply(): void {
  for (let index: u32 = 0; index < transaction.sectorCount; index++) {
    const member = transactionMember(index);
    const from = image.shadow + ((<usize>index) << SECTOR_SHIFT);
    memory.copy(image.live + ((<usize>member) << SECTOR_SHIFT), from, SECTOR_SIZE);
    setBit(image.notHome, member);
  }
}
