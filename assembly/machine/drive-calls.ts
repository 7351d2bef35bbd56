// The drives as exports: their images, held completions. Power cuts are power-calls.ts.
//
// Verbs: driveAttach, driveStat, driveTimes, imageOpen, imageSize, imageClose, driveHoldCompletions, driveReleaseCompletion ….

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL, ENODEV } from '../base/errno';
import { queueHold } from '../block/drive-queue';
import { statOf } from '../block/stat';
import { backingClose, backingOpen, backingSize } from '../drive/backing';
import { driveHold, driveRelease } from '../drive/drive';
import { driveAt, driveCount, movesBytes } from '../drive/drive-table';
import { driveTimesOf } from '../drive/drive-times';
import { Bio, Request } from '../drive/request';
import {
  HELD_FLAGS,
  HELD_ID,
  HELD_OPERATION,
  HELD_SECTOR,
  HELD_SECTORS,
  HELD_SIZE,
  HELD_TAG,
} from '../layout';

/** Gives a drive its image: an open WASI descriptor, and one for the bytes that volatile writes replace (-1: none). */
export function driveAttach(drive: i32, fd: i32, undoFd: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!movesBytes()) return -EINVAL;
  driveAt(<u32>drive).fd = fd;
  driveAt(<u32>drive).undoFd = undoFd;
  return 0;
}

/** Opens (and creates unless the last argument is 1) an image by its path below a preopened directory: the path's bytes are in client memory. A descriptor or a negative errno. */
export function imageOpen(directory: i32, path: i32, pathBytes: i32, isReadOnly: i32): i32 {
  if (pathBytes <= 0 || !isClientRange(<u32>path, <u32>pathBytes)) return -EFAULT;
  return backingOpen(directory, <usize>path, <u32>pathBytes, isReadOnly != 0);
}

/** Bytes in an image, or a negative errno. */
export function imageSize(fd: i32): f64 {
  return <f64>backingSize(fd);
}

export function imageClose(fd: i32): i32 {
  return backingClose(fd);
}

/** Holds the completions of a drive (1) or lets them go up again (0). */
export function driveHoldCompletions(drive: i32, isHolding: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  driveHold(driveAt(<u32>drive), isHolding != 0);
  return 0;
}

/** How many completions a drive holds, or a negative errno. */
export function driveHeldCount(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>driveAt(<u32>drive).heldCount : -ENODEV;
}

/** Writes what a drive holds, oldest first, as HELD_… entries to `out`: at most `most`. How many, or ENODEV, EINVAL, EFAULT. */
export function driveHeld(drive: i32, out: i32, most: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (most < 0) return -EINVAL;
  if (!isClientRange(<u32>out, <u64>most * HELD_SIZE)) return -EFAULT;
  let told = 0;
  let entry = <usize>out;
  for (let pointer = driveAt(<u32>drive).heldHead; pointer != 0 && told < most; told++) {
    const request = changetype<Request>(pointer);
    store<u32>(entry, request.id, HELD_ID);
    store<u32>(entry, request.operation, HELD_OPERATION);
    store<u64>(entry, request.sector, HELD_SECTOR);
    store<u32>(entry, request.sectorCount, HELD_SECTORS);
    store<u32>(entry, request.flags, HELD_FLAGS);
    store<u64>(entry, request.bioHead == 0 ? 0 : changetype<Bio>(request.bioHead).tag, HELD_TAG);
    entry += HELD_SIZE;
    pointer = request.next;
  }
  return told;
}

/** Keeps requests from a drive (1), so that they wait, merge and are sorted, or sends them on their way (0). */
export function driveHoldDispatch(drive: i32, isHolding: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  queueHold(driveAt(<u32>drive), isHolding != 0);
  return 0;
}

/** Lets one held completion go up; 0 is the oldest. */
export function driveReleaseCompletion(drive: i32, index: i32): i32 {
  return <u32>drive < driveCount() ? driveRelease(driveAt(<u32>drive), <u32>index) : -ENODEV;
}

/** Completed writes in a drive's volatile cache. */
export function driveVolatileCount(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>driveAt(<u32>drive).volatileCount : -ENODEV;
}

/** Address of what a drive has done (DISK_STAT_…), good until the next call; or ENODEV. */
export function driveStat(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>statOf(<u32>drive) : -ENODEV;
}

/** Address of what a drive has had in hand up to now (DRIVE_TIMES_…); or ENODEV. */
export function driveTimes(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>driveTimesOf(<u32>drive) : -ENODEV;
}
