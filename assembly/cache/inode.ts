// The inode core that the page cache needs: size, extents' provider, dirty lists, error sequence.
//
// Verbs: inodeClaim, inodeAt, errseqSet, errseqLast, errseqSample, errseqCheckAndAdvance. `files/` fills the records.
// Layout: an array of Inode records, whole drives first, then flat files, then those of the volume; `index` is the 16-bit
// file number of the page index.
// Invariant: a dirty page of the inode that is not under write-back is on exactly one of its two lists.

import { arenaClaim } from '../base/arena';

@unmanaged
export class Inode {
  /** i_size in bytes. */
  size: u64;
  /** Bytes that may ever be in the file: the drive's size, or the extent's. */
  capacity: u64;
  /** First sector of the one extent; the provider's own. */
  extentSector: u64;
  drive: usize;
  index: u32;
  /** Which row of IOMAP_OPS maps this file. */
  iomapKind: u32;
  blockShift: u32;
  errseq: u32;
  /** Pages in the index, dirty pages, pages under write-back. */
  pageCount: u32;
  dirtyCount: u32;
  writebackCount: u32;
  dirtyHead: usize;
  dirtyTail: usize;
  /** The dirty list may not be in ascending order. */
  isDirtyMixed: u32;
  /** Dirty pages that a sync has picked, in ascending order (the TOWRITE tag). */
  writeHead: usize;
  writeTail: usize;
  /** Operations that wait until writebackCount is 0. */
  writebackWaiters: usize;
  /** A block device: writes past the end answer ENOSPC and the size never moves. */
  isBlockDevice: u32;
  openCount: u32;
  /** What a write behind the capacity answers: ENOSPC or EFBIG. */
  fullErrno: u32;
  /** Chunks that were never written, in order of their place (files/holes.ts). */
  holes: usize;
  /** Write-back errors so far: errseq alone does not tell a second one from the first. */
  writebackErrors: u32;
  /** The lock of files/inode-lock: operations that share it, whether one has it alone, and who waits for it. */
  lockShared: u32;
  lockExclusive: u32;
  lockWaiters: usize;
  /** The number of the file on its volume; 0 for drives and flat files. */
  volumeInode: u32;
  /** Moves whenever a mapping of the file may have changed (iomap's validity_cookie). */
  mappingSequence: u32;
  /** i_size as the last transaction or ioend made it on disk; at most `size`. */
  diskSize: u64;
  /** Writes over the zeros behind the end move the size (the extent of a flat file holds old bytes there). */
  zeroesExtend: u32;
  /** The flusher's list of dirty inodes, oldest first: when it became dirty, and its neighbours. */
  isListed: u32;
  dirtiedWhen: u64;
  dirtyInodePrevious: usize;
  dirtyInodeNext: usize;
  /** Page index where the flusher's next pass over this file goes on (writeback_index). */
  writebackIndex: u64;
  /** ioends in flight, in order of submission, and the number of the last one. */
  ioendFirst: usize;
  ioendLast: usize;
  ioendNumber: u64;
  /** The record that keeps the errors of the whole volume, for syncfs; 0 for drives and flat files. */
  superInode: usize;
  /** A directory of the volume: it has names, and no bytes. */
  isDirectory: u32;
  /** The next one of the list of inodes that nobody can reach (files/volume/evict). */
  evictNext: usize;
  /** Transactions of the journal that hold the file's last change, and its last change that a reader of its data needs. */
  lastTransaction: u64;
  lastDataTransaction: u64;
  /** The tag of the operation that changed the file last: what is written back carries it. */
  tag: u64;
  /** Shadows in the eviction's table that belong to this file. */
  shadowCount: u32;
  /** Behind the last page that has a shadow, or further. */
  shadowEnd: u64;
  /** Chain of its writes in the write log, when data and size stand or fall together; 0: none. */
  chain: u32;
  /** Chain of what is written while a truncation waits to be recorded; 0: none. */
  cutChain: u32;
  /** What has changed and is not recorded yet (files/volume/record-maps): of which blocks, what, and the size before a truncation. */
  recordFrom: u32;
  recordEnd: u32;
  recordWhat: u32;
  recordOldSize: u64;
  /** Records of it that have not ended. */
  recordsInFlight: u32;
}

@unmanaged
class InodeTable {
  base: usize;
  count: u32;
}

const inodes = changetype<InodeTable>(memory.data(offsetof<InodeTable>(), 16));

export function inodeClaim(inodeCount: u32): void {
  inodes.count = inodeCount;
  inodes.base = arenaClaim(<u64>inodeCount * offsetof<Inode>(), 64);
}

export function inodeCount(): u32 {
  return inodes.count;
}

export function inodeAt(index: u32): Inode {
  return changetype<Inode>(inodes.base + <usize>index * offsetof<Inode>());
}

// errseq_t (lib/errseq.c): bits 0..11 errno, bit 12 SEEN, bits 13..31 counter.

const ERRSEQ_SEEN: u32 = 0x1000;
const ERRSEQ_ERRNO: u32 = 0xfff;
const ERRSEQ_COUNT: u32 = 0x2000;

/** Notes a write-back error; `errno` is positive. The counter moves only if somebody has seen the last one. */
export function errseqSet(inode: Inode, errno: u32): void {
  inode.writebackErrors++;
  if (inode.superInode != 0) errseqSet(changetype<Inode>(inode.superInode), errno);
  const old = inode.errseq;
  let value = (old & ~(ERRSEQ_ERRNO | ERRSEQ_SEEN)) | errno;
  if (old & ERRSEQ_SEEN) value += ERRSEQ_COUNT;
  inode.errseq = value;
}

/** The negative errno of the last write-back error. */
export function errseqLast(inode: Inode): i32 {
  return -(<i32>(inode.errseq & ERRSEQ_ERRNO));
}

/** The cursor of a file that is being opened: 0 if the stored error has not been seen yet. */
export function errseqSample(inode: Inode): u32 {
  return inode.errseq & ERRSEQ_SEEN ? inode.errseq : 0;
}

/** 0, or the negative errno of an error that the cursor at `cursor` has not reported yet; moves the cursor. */
export function errseqCheckAndAdvance(inode: Inode, cursor: usize): i32 {
  if (inode.errseq == load<u32>(cursor)) return 0;
  inode.errseq |= ERRSEQ_SEEN;
  store<u32>(cursor, inode.errseq);
  return -(<i32>(inode.errseq & ERRSEQ_ERRNO));
}
