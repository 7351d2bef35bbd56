// The end of a machine as exports: what a power cut may lose, the cut, and drives that go on in another machine.
//
// Verbs: driveUncertain, driveCutPower, drivesSave, drivesLoad, drivesForget. Another machine with the same config has the same addresses: the
// host copies the blocks that drivesSave names to where they were, attaches the backings, and calls drivesLoad.

import { isClientRange } from '../base/client-memory';
import { EBUSY, EFAULT, EINVAL, ENODEV } from '../base/errno';
import { Drive, driveAt, driveCount } from '../drive/drive-table';
import { faultsAdopt, faultsBase, faultsBytes } from '../drive/faults';
import { choiceCount, cutPower, isUnit } from '../drive/power-cut';
import {
  Cached,
  cacheEntriesAddress,
  cacheEntriesBytes,
  cacheForget,
  cacheLoad,
  cacheSave,
  cacheSavedAddress,
  cacheSavedBytes,
  cacheSettle,
  STATE_STARTED,
} from '../drive/volatile-cache';
import {
  SAVED_BLOCK_SIZE,
  SAVED_BLOCKS,
  SAVED_COUNT,
  SAVED_MAX_BLOCKS,
  UNCERTAIN_CHOICES,
  UNCERTAIN_COMPLETED,
  UNCERTAIN_ID,
  UNCERTAIN_OPERATION,
  UNCERTAIN_SECTOR,
  UNCERTAIN_SECTORS,
  UNCERTAIN_SIZE,
  UNCERTAIN_TAG,
} from '../layout';

const saved: usize = memory.data(SAVED_BLOCKS + SAVED_MAX_BLOCKS * SAVED_BLOCK_SIZE, 16);

function noteUncertain(drive: Drive, entry: Cached, unitBytes: u32, out: usize): void {
  store<u32>(out, entry.requestId, UNCERTAIN_ID);
  store<u32>(out, entry.operation, UNCERTAIN_OPERATION);
  store<u32>(out, entry.state == STATE_STARTED ? 0 : 1, UNCERTAIN_COMPLETED);
  store<u32>(out, choiceCount(drive, entry, unitBytes), UNCERTAIN_CHOICES);
  store<u64>(out, entry.sector, UNCERTAIN_SECTOR);
  store<u32>(out, entry.sectorCount, UNCERTAIN_SECTORS);
  store<u64>(out, entry.tag, UNCERTAIN_TAG);
}

/**
 * Lists up to `max` writes of a drive that a power cut may lose, behind the first `skip`, in submission order, as UNCERTAIN_… structs.
 * How many there are behind `skip`, or a negative errno.
 */
export function driveUncertain(drive: i32, unitBytes: i32, skip: i32, out: i32, max: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!isUnit(<u32>unitBytes) || skip < 0 || max < 0) return -EINVAL;
  if (max > 0 && !isClientRange(<u32>out, <u64>(<u32>max) * UNCERTAIN_SIZE)) return -EFAULT;
  const from = driveAt(<u32>drive);
  let pointer = from.cachedHead;
  for (; skip > 0 && pointer != 0; skip--) pointer = changetype<Cached>(pointer).next;
  let count = 0;
  for (; pointer != 0; count++) {
    const entry = changetype<Cached>(pointer);
    if (count < max)
      noteUncertain(from, entry, <u32>unitBytes, <usize>(<u32>out) + <usize>count * UNCERTAIN_SIZE);
    pointer = entry.next;
  }
  return count;
}

/**
 * Plays a power cut on one drive: its image is left as the media would be. `choose` is CUT_…, `unitBytes` what writes may tear in (0: not at
 * all), `mask` in client memory. Writes lost, or a negative errno. The machine is of no use afterwards, unless
 * drivesForget follows.
 */
export function driveCutPower(
  drive: i32,
  choose: i32,
  unitBytes: i32,
  mask: i32,
  maskBytes: i32,
  seed: i32,
): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (maskBytes < 0 || (maskBytes > 0 && !isClientRange(<u32>mask, <u32>maskBytes))) return -EFAULT;
  return cutPower(
    driveAt(<u32>drive),
    <u32>choose,
    <u32>unitBytes,
    <usize>(<u32>mask),
    <u32>maskBytes,
    <u32>seed,
  );
}

function saveBlock(address: usize, bytes: u32): void {
  const count = load<u32>(saved, SAVED_COUNT);
  assert(count < <u32>SAVED_MAX_BLOCKS, 'more saved blocks than there is room for');
  const row = saved + SAVED_BLOCKS + <usize>count * SAVED_BLOCK_SIZE;
  store<u32>(row, <u32>address);
  store<u32>(row, bytes, 4);
  store<u32>(saved, count + 1, SAVED_COUNT);
}

/** Where the state lies that stays with the drives (SAVED_…), brought up to date by this call. */
export function drivesSave(): i32 {
  store<u32>(saved, 0, SAVED_COUNT);
  cacheSave();
  saveBlock(cacheSavedAddress(), cacheSavedBytes());
  saveBlock(cacheEntriesAddress(), cacheEntriesBytes());
  saveBlock(faultsBase(), <u32>faultsBytes());
  return <i32>saved;
}

function isBusy(): bool {
  for (let index: u32 = 0; index < driveCount(); index++) {
    if (driveAt(index).inFlight > 0 || driveAt(index).cachedHead != 0) return true;
  }
  return false;
}

/**
 * The saved blocks of another machine are in place and its backings are attached: the drives go on as they were there. With `hasPower` what they
 * had begun is in their caches now; else their power is to be cut. 0, or EBUSY for a machine that was used.
 */
export function drivesLoad(hasPower: i32): i32 {
  if (isBusy()) return -EBUSY;
  faultsAdopt();
  cacheLoad();
  for (let index: u32 = 0; hasPower != 0 && index < driveCount(); index++) cacheSettle(driveAt(index));
  return 0;
}

/** The volatile caches have lost their power: they are empty. 0, or EBUSY while a drive has requests. */
export function drivesForget(): i32 {
  for (let index: u32 = 0; index < driveCount(); index++) {
    if (driveAt(index).inFlight > 0) return -EBUSY;
  }
  for (let index: u32 = 0; index < driveCount(); index++) cacheForget(driveAt(index));
  return 0;
}
