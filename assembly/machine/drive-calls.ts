// The drives as exports: their images, held completions. Power cuts are power-calls.ts.
//
// Verbs: driveAttach, driveStat, driveTimes, imageOpen, imageSize, imageClose, driveHoldCompletions, driveReleaseCompletion ….

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL, ENODEV } from '../base/errno';
import { statOf } from '../block/stat';
import { backingClose, backingOpen, backingSize } from '../drive/backing';
import { driveHold, driveRelease } from '../drive/drive';
import { driveAt, driveCount, movesBytes } from '../drive/drive-table';
import { driveTimesOf } from '../drive/drive-times';

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
