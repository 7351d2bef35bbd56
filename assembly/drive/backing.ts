// The only file that calls WASI: bytes between linear memory and the image file.
//
// Verbs: backingOpen, backingClose, backingSize, backingRead, backingWrite, backingZero, backingCopy,
// backingSwap, backingSync.
// A short read past the end of the image yields zeros (an image is sparse and may be shorter than its drive); a write
// continues until all bytes are taken. Results are 0 or a negative Linux errno.
// Invariant: one call here is one vectored WASI call, unless the host takes or gives fewer bytes than asked.

import {
  fd_close,
  fd_filestat_get,
  fd_pread,
  fd_pwrite,
  fd_sync,
  filestat,
  path_open,
} from 'bindings/wasi_snapshot_preview1';
import { arenaClaim } from '../base/arena';
import { EIO, errnoFromWasi } from '../base/errno';
import { SECTOR_SHIFT, SECTOR_SIZE } from '../limits';

const ZERO_BLOCK_SIZE: u32 = 65536;
const ZERO_IOVECS: u32 = 64;
const BOUNCE_SIZE: u32 = 65536;
/** fd_read | fd_seek | fd_write | fd_sync | fd_datasync | fd_allocate | fd_filestat_get | fd_filestat_set_size …, as files need. */
const RIGHTS_READ_WRITE: u64 = 0x08e001ff;
/** The same without fd_write, fd_allocate and set_size. */
const RIGHTS_READ_ONLY: u64 = 0x0820003f;
const OFLAGS_CREATE: u16 = 1;
const FILESTAT_SIZE: i32 = 64;
const FILESTAT_SIZE_OFFSET: usize = 32;

@unmanaged
class Backing {
  iovecs: usize;
  zeroBlock: usize;
  zeroIovecs: usize;
  /** Twice BOUNCE_SIZE bytes on their way from one file to another, and the iovec that names them. */
  bounce: usize;
  otherBounce: usize;
  bounceIovec: u64;
  transferred: u32;
}

const backing = changetype<Backing>(memory.data(offsetof<Backing>(), 16));
const fileStatus: usize = memory.data(FILESTAT_SIZE, 16);

/** `iovecCapacity`: the most pieces of one request. */
export function backingClaim(iovecCapacity: u32): void {
  backing.iovecs = arenaClaim(<u64>iovecCapacity * 8, 16);
  backing.zeroBlock = arenaClaim(ZERO_BLOCK_SIZE, 4096);
  backing.zeroIovecs = arenaClaim(<u64>ZERO_IOVECS * 8, 16);
  backing.bounce = arenaClaim(BOUNCE_SIZE, 4096);
  backing.otherBounce = arenaClaim(BOUNCE_SIZE, 4096);
}

/** Scratch for the iovecs of the next call. */
export function backingIovecs(): usize {
  return backing.iovecs;
}

/** Opens (and creates unless read-only) a file below a preopened directory. The descriptor, or a negative errno. */
export function backingOpen(directory: i32, path: usize, pathLength: u32, isReadOnly: bool): i32 {
  const flags: u16 = isReadOnly ? 0 : OFLAGS_CREATE;
  const rights: u64 = isReadOnly ? RIGHTS_READ_ONLY : RIGHTS_READ_WRITE;
  const result = path_open(
    directory,
    1,
    path,
    pathLength,
    flags,
    rights,
    0,
    0,
    changetype<usize>(backing) + offsetof<Backing>('transferred'),
  );
  if (result != 0) return -errnoFromWasi(<u32>result);
  return <i32>backing.transferred;
}

export function backingClose(fd: i32): i32 {
  return -errnoFromWasi(<u32>fd_close(fd));
}

/** Bytes in the file, or a negative errno. */
export function backingSize(fd: i32): i64 {
  const result = fd_filestat_get(fd, changetype<filestat>(fileStatus));
  if (result != 0) return -errnoFromWasi(<u32>result);
  return load<i64>(fileStatus, FILESTAT_SIZE_OFFSET);
}

function transferredAddress(): usize {
  return changetype<usize>(backing) + offsetof<Backing>('transferred');
}

/** Drops `bytes` from the front of an iovec array; returns the index of the first iovec that is left. */
function skipIovecs(iovecs: usize, index: u32, bytes: u32): u32 {
  while (bytes > 0) {
    const iovec = iovecs + ((<usize>index) << 3);
    const length = load<u32>(iovec, 4);
    if (bytes < length) {
      store<usize>(iovec, load<usize>(iovec) + bytes);
      store<u32>(iovec, length - bytes, 4);
      return index;
    }
    bytes -= length;
    index++;
  }
  return index;
}

/** Fills the iovecs from `offsetBytes` on; what lies past the end of the file becomes zeros. The iovecs are used up. */
export function backingRead(fd: i32, iovecs: usize, count: u32, bytes: u32, offsetBytes: u64): i32 {
  let index: u32 = 0;
  while (bytes > 0) {
    backing.transferred = 0;
    const result = fd_pread(
      fd,
      iovecs + ((<usize>index) << 3),
      count - index,
      offsetBytes,
      transferredAddress(),
    );
    if (result != 0) return -errnoFromWasi(<u32>result);
    const got = backing.transferred;
    if (got == 0) break;
    if (got > bytes) return -EIO;
    index = skipIovecs(iovecs, index, got);
    bytes -= got;
    offsetBytes += got;
  }
  while (bytes > 0) {
    const iovec = iovecs + ((<usize>index) << 3);
    const length = load<u32>(iovec, 4);
    memory.fill(load<usize>(iovec), 0, length);
    bytes -= length;
    index++;
  }
  return 0;
}

/** Writes all bytes of the iovecs at `offsetBytes`. The iovecs are used up. */
export function backingWrite(fd: i32, iovecs: usize, count: u32, bytes: u32, offsetBytes: u64): i32 {
  let index: u32 = 0;
  while (bytes > 0) {
    backing.transferred = 0;
    const result = fd_pwrite(
      fd,
      iovecs + ((<usize>index) << 3),
      count - index,
      offsetBytes,
      transferredAddress(),
    );
    if (result != 0) return -errnoFromWasi(<u32>result);
    const put = backing.transferred;
    if (put == 0 || put > bytes) return -EIO;
    index = skipIovecs(iovecs, index, put);
    bytes -= put;
    offsetBytes += put;
  }
  return 0;
}

/** Writes zeros; WASI preview 1 has no call that punches a hole. 4 MiB a call. */
export function backingZero(fd: i32, offsetBytes: u64, bytes: u64): i32 {
  const perCall: u64 = <u64>ZERO_BLOCK_SIZE * ZERO_IOVECS;
  while (bytes > 0) {
    const step = <u32>min<u64>(bytes, perCall);
    let count: u32 = 0;
    for (let left = step; left > 0; count++) {
      const length = min<u32>(left, ZERO_BLOCK_SIZE);
      store<usize>(backing.zeroIovecs + ((<usize>count) << 3), backing.zeroBlock);
      store<u32>(backing.zeroIovecs + ((<usize>count) << 3), length, 4);
      left -= length;
    }
    const result = backingWrite(fd, backing.zeroIovecs, count, step, offsetBytes);
    if (result != 0) return result;
    offsetBytes += step;
    bytes -= step;
  }
  return 0;
}

/** The iovec of `bytes` bytes of a bounce buffer. */
function iovecOf(bounce: usize, bytes: u32): usize {
  const iovec = changetype<usize>(backing) + offsetof<Backing>('bounceIovec');
  store<usize>(iovec, bounce);
  store<u32>(iovec, bytes, 4);
  return iovec;
}

function bounceIovec(bytes: u32): usize {
  return iovecOf(backing.bounce, bytes);
}

/** Bytes of one file become bytes of another, or of another place of it that does not overlap. 0 or an errno. */
export function backingCopy(fromFd: i32, fromOffset: u64, toFd: i32, toOffset: u64, bytes: u64): i32 {
  while (bytes > 0) {
    const step = <u32>min<u64>(bytes, BOUNCE_SIZE);
    let result = backingRead(fromFd, bounceIovec(step), 1, step, fromOffset);
    if (result != 0) return result;
    result = backingWrite(toFd, bounceIovec(step), 1, step, toOffset);
    if (result != 0) return result;
    fromOffset += step;
    toOffset += step;
    bytes -= step;
  }
  return 0;
}

/** Two places of two files change their bytes. 0 or an errno. */
export function backingSwap(
  firstFd: i32,
  firstOffset: u64,
  secondFd: i32,
  secondOffset: u64,
  bytes: u64,
): i32 {
  while (bytes > 0) {
    const step = <u32>min<u64>(bytes, BOUNCE_SIZE);
    let result = backingRead(firstFd, iovecOf(backing.bounce, step), 1, step, firstOffset);
    if (result == 0)
      result = backingRead(secondFd, iovecOf(backing.otherBounce, step), 1, step, secondOffset);
    if (result == 0) result = backingWrite(secondFd, iovecOf(backing.bounce, step), 1, step, secondOffset);
    if (result == 0) result = backingWrite(firstFd, iovecOf(backing.otherBounce, step), 1, step, firstOffset);
    if (result != 0) return result;
    firstOffset += step;
    secondOffset += step;
    bytes -= step;
  }
  return 0;
}

/** How many of the sectors from `offsetBytes` on hold nothing but zeros, or a negative errno. */
export function backingZeroSectors(fd: i32, offsetBytes: u64, sectorCount: u32): i32 {
  let zeroSectors = 0;
  let left = (<u64>sectorCount) << SECTOR_SHIFT;
  while (left > 0) {
    const step = <u32>min<u64>(left, BOUNCE_SIZE);
    const result = backingRead(fd, bounceIovec(step), 1, step, offsetBytes);
    if (result != 0) return result;
    for (let at: u32 = 0; at < step; at += SECTOR_SIZE) {
      if (isZero(backing.bounce + at)) zeroSectors++;
    }
    offsetBytes += step;
    left -= step;
  }
  return zeroSectors;
}

/** True when the sector of memory at `address` holds nothing but zeros. */
function isZero(address: usize): bool {
  const end = address + SECTOR_SIZE;
  for (; address < end; address += 8) {
    if (load<u64>(address) != 0) return false;
  }
  return true;
}

export function backingSync(fd: i32): i32 {
  return -errnoFromWasi(<u32>fd_sync(fd));
}
