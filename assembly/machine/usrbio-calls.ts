// 3FS USRBIO as exports, with the C interface's conventions: what pumps and waits, and what takes 64-bit numbers.
//
// Verbs: usrbioIov…, usrbioIor…, usrbioRegFd, usrbioPrepIo, usrbioSubmitIos, usrbioWaitForIos, usrbioTakeResults, usrbioPunchHole.
// Lengths and offsets are whole numbers in f64. Waiting is virtual: it takes events of the machine, never real time.

import { isClientRange } from '../base/client-memory';
import { END_OF_TIME } from '../base/clock';
import { EBADF, EFAULT, EINVAL, ENOSPC } from '../base/errno';
import { OPERATION_DISCARD } from '../base/operation';
import { Inode } from '../cache/inode';
import { OpenFile, openFileOf } from '../files/descriptor';
import { chunkBytes, holesPunch } from '../files/holes';
import { HF3FS_CQE_SIZE, HF3FS_IOV_BYTES, OPEN_WRITE } from '../layout';
import { SECTOR_SIZE, USRBIO_PUNCH_RANGES } from '../limits';
import { iovCreate, iovOpen, iovPublish, iovWrap } from '../rings/usrbio-buffer';
import { postRing } from '../rings/usrbio-jobs';
import {
  fetchResults,
  ioEntries,
  iorCreate,
  iorSize,
  prepIo,
  ringOfStruct,
  takePosts,
} from '../rings/usrbio-ring';
import { isOffset, runCall } from './file-calls';
import { machineRunDue, pumpUntil } from './pump';

/** hf3fs_iovcreate. `bytes`, `blockSize`: whole numbers; 0 or a negative errno. */
export function usrbioIovCreate(iov: i32, mount: i32, bytes: f64, blockSize: f64, numa: i32): i32 {
  if (!isOffset(bytes) || !isOffset(blockSize)) return -EINVAL;
  return iovCreate(<u32>iov, <u32>mount, <u64>bytes, <u64>blockSize, numa, false);
}

/** hf3fs_iovopen. */
export function usrbioIovOpen(iov: i32, id: i32, mount: i32, bytes: f64, blockSize: f64, numa: i32): i32 {
  if (!isOffset(bytes) || !isOffset(blockSize)) return -EINVAL;
  return iovOpen(<u32>iov, <u32>id, <u32>mount, <u64>bytes, <u64>blockSize, numa);
}

/** hf3fs_iovwrap. */
export function usrbioIovWrap(
  iov: i32,
  base: i32,
  id: i32,
  mount: i32,
  bytes: f64,
  blockSize: f64,
  numa: i32,
): i32 {
  if (!isOffset(bytes) || !isOffset(blockSize)) return -EINVAL;
  return iovWrap(<u32>iov, <u32>base, <u32>id, <u32>mount, <u64>bytes, <u64>blockSize, numa);
}

/** Makes client memory known to the daemon and writes its new id (16 bytes) to `id`: then it can be wrapped. */
export function usrbioIovPublish(id: i32, base: i32, bytes: f64, blockSize: f64): i32 {
  if (!isOffset(bytes) || !isOffset(blockSize)) return -EINVAL;
  return iovPublish(<u32>id, <u32>base, <u64>bytes, <u64>blockSize);
}

/** hf3fs_ior_size: bytes. */
export function usrbioIorSize(entries: i32): f64 {
  return <f64>iorSize(entries);
}

/** hf3fs_iorcreate4 with a priority: the older forms leave arguments at 0. */
export function usrbioIorCreate(
  ior: i32,
  mount: i32,
  entries: i32,
  isForRead: i32,
  ioDepth: i32,
  priority: i32,
  timeoutMs: i32,
  numa: i32,
  flags: i32,
): i32 {
  return iorCreate(
    <u32>ior,
    <u32>mount,
    entries,
    isForRead != 0,
    ioDepth,
    priority,
    timeoutMs,
    numa,
    <u32>flags,
  );
}

/** hf3fs_io_entries, or EINVAL for no ring. */
export function usrbioIoEntries(ior: i32): i32 {
  return ringOfStruct(<u32>ior) == null ? -EINVAL : <i32>ioEntries(load<u64>(<usize>ior, HF3FS_IOV_BYTES));
}

/** hf3fs_prep_io. The slot's number, or a negative errno. `userdata`: a whole number from 0 to 2^53. */
export function usrbioPrepIo(
  ior: i32,
  iov: i32,
  isRead: i32,
  pointer: i32,
  descriptor: i32,
  offset: f64,
  bytes: f64,
  userdata: f64,
): i32 {
  if (!isOffset(offset) || !isOffset(bytes) || !isOffset(userdata)) return -EINVAL;
  return prepIo(
    <u32>ior,
    <u32>iov,
    isRead != 0,
    <u32>pointer,
    descriptor,
    <u64>offset,
    <u64>bytes,
    <u64>userdata,
  );
}

/** Absolute virtual nanoseconds of a timespec {seconds s64, nanoseconds s64}; one before the opening is 0. */
function deadlineOf(timeout: u32): u64 {
  const seconds = load<i64>(timeout);
  const nanoseconds = load<i64>(timeout, 8);
  if (seconds < 0 || nanoseconds < 0) return 0;
  if (seconds > 9000000000) return END_OF_TIME;
  return <u64>seconds * 1000000000 + min<u64>(<u64>nanoseconds, END_OF_TIME / 2);
}

/** Lets the next thing happen that is due by `deadline`. False when there is none: it is then the deadline, or later. */
function wait(deadline: u64): bool {
  return pumpUntil(deadline < END_OF_TIME ? deadline : u64.MAX_VALUE);
}

/**
 * hf3fs_wait_for_ios: how many results were stored at `cqes` (room for `limit`), or EINVAL, EFAULT. `timeout`: address of
 * an absolute virtual time, 0 for none. When nothing can happen any more it returns what there is, where the original
 * would wait for ever.
 */
export function usrbioWaitForIos(ior: i32, cqes: i32, limit: i32, minimum: i32, timeout: i32): i32 {
  const ring = ringOfStruct(<u32>ior);
  if (limit <= 0 || ring == null) return -EINVAL;
  if (!isClientRange(<u32>cqes, <u64>limit * HF3FS_CQE_SIZE) || (cqes & 3) != 0) return -EFAULT;
  if (timeout != 0 && !isClientRange(<u32>timeout, 16)) return -EFAULT;
  const deadline = timeout == 0 ? END_OF_TIME : deadlineOf(<u32>timeout);
  const wanted = min<i32>(minimum, limit);
  machineRunDue();
  let filled = 0;
  while (filled < limit) {
    const fetched = fetchResults(ring, <usize>cqes + <usize>filled * HF3FS_CQE_SIZE, <u32>(limit - filled));
    filled += <i32>fetched;
    if (fetched > 0) {
      // there is room for more completions now
      postRing(ring);
      machineRunDue();
      continue;
    }
    if (filled >= wanted) break;
    takePosts(ring);
    if (!wait(deadline)) break;
  }
  return filled;
}

/**
 * As hf3fs_wait_for_ios for at most `limit` results that are there already; nothing happens meanwhile. How many were stored at `cqes`, or
 * EINVAL, EFAULT.
 */
export function usrbioTakeResults(ior: i32, cqes: i32, limit: i32): i32 {
  const ring = ringOfStruct(<u32>ior);
  if (limit <= 0 || ring == null) return -EINVAL;
  if (!isClientRange(<u32>cqes, <u64>limit * HF3FS_CQE_SIZE) || (cqes & 3) != 0) return -EFAULT;
  const fetched = fetchResults(ring, <usize>(<u32>cqes), <u32>limit);
  // there is room for more completions now
  if (fetched > 0) postRing(ring);
  return <i32>fetched;
}

/** Punches one range of whole chunks: 0 or a positive errno. */
function punch(opened: OpenFile, start: u64, end: u64): i32 {
  const inode = changetype<Inode>(opened.inode);
  const limit = min<u64>(end, inode.capacity & ~(<u64>SECTOR_SIZE - 1));
  if (limit <= start) return 0;
  if (!holesPunch(inode, start, end)) return ENOSPC;
  return -runCall(opened, OPERATION_DISCARD, start, limit - start, 0);
}

/**
 * hf3fs_punchhole: 0 or a POSITIVE errno. `starts`, `ends`: addresses of `rangeCount` u64 each (0 to 1,000), multiples of
 * the chunk size, else EINVAL; nothing is punched unless all ranges are good.
 */
export function usrbioPunchHole(descriptor: i32, rangeCount: i32, starts: i32, ends: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return EBADF;
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & OPEN_WRITE) == 0) return EBADF;
  if (rangeCount < 0 || rangeCount > USRBIO_PUNCH_RANGES) return EINVAL;
  const bytes = <u64>rangeCount * 8;
  if (bytes == 0) return 0;
  if (!isClientRange(<u32>starts, bytes) || !isClientRange(<u32>ends, bytes)) return EFAULT;
  for (let index = 0; index < rangeCount; index++) {
    const start = load<u64>(<usize>starts + index * 8);
    const end = load<u64>(<usize>ends + index * 8);
    if (start % chunkBytes() != 0 || end % chunkBytes() != 0 || end < start) return EINVAL;
  }
  for (let index = 0; index < rangeCount; index++) {
    const result = punch(opened, load<u64>(<usize>starts + index * 8), load<u64>(<usize>ends + index * 8));
    if (result != 0) return result;
  }
  return 0;
}
