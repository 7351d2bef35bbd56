// Block devices as exports: requests of whole sectors submitted to a drive and reaped, around the page cache.
//
// Verbs: blockSubmit, blockReap, blockPlug, blockUnplug. Nothing here waits: whoever wants a request to end runs events.

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL, EIO, ENODEV } from '../base/errno';
import { plugClose, plugOpen } from '../block/queue';
import { submissionReap, submissionStart } from '../block/submission';
import { Drive, driveAt, driveCount, movesBytes } from '../drive/drive-table';
import {
  BLOCK_DONE_SIZE,
  BLOCK_FLAGS_ALL,
  BLOCK_FUA,
  BLOCK_PREFLUSH,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';

const MAX_EXACT: f64 = 9007199254740991;

/** Sectors of a buffer that a 32-bit count of bytes can name. */
const MAX_SECTORS: u32 = 4194303;

function isWhole(value: f64): bool {
  return value >= 0 && value <= MAX_EXACT && Math.floor(value) == value;
}

/** What an operation takes: a flush neither range nor flags, a read no flush. */
function isGoodShape(operation: u32, sectorCount: u32, flags: u32): bool {
  if (operation > <u32>OP_FLUSH || (flags & ~(<u32>BLOCK_FLAGS_ALL)) != 0) return false;
  const isForcing = (flags & (BLOCK_FUA | BLOCK_PREFLUSH)) != 0;
  if (operation == OP_FLUSH) return sectorCount == 0 && !isForcing;
  return sectorCount > 0 && !(operation == OP_READ && isForcing);
}

/** The bytes of a read or write lie in client memory, where the drive can reach them. 0 or an errno. */
function checkBuffer(drive: Drive, sectorCount: u32, address: u32): i32 {
  if (sectorCount > MAX_SECTORS) return -EINVAL;
  if (!movesBytes()) return 0;
  if (!isClientRange(address, (<u64>sectorCount) << SECTOR_SHIFT)) return -EFAULT;
  return (address & drive.dmaMask) == 0 ? 0 : -EINVAL;
}

/**
 * Submits a request (OP_…) for `sectorCount` sectors from `sector` on; `address` holds a write's bytes, or takes a read's. Flags:
 * BLOCK_…. Tag and domain go to the write log. A handle, which blockReap tells when the request has ended; or ENODEV, EINVAL for a
 * shape that no request has or an address that the drive can not reach, EFAULT, EIO behind the end of the drive (bio_check_eod), EAGAIN while
 * there is no room.
 */
export function blockSubmit(
  drive: i32,
  operation: i32,
  sector: f64,
  sectorCount: i32,
  address: i32,
  flags: i32,
  tag: f64,
  domain: i32,
): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!isWhole(sector) || !isWhole(tag)) return -EINVAL;
  if (!isGoodShape(<u32>operation, <u32>sectorCount, <u32>flags)) return -EINVAL;
  const target = driveAt(<u32>drive);
  if (operation == OP_READ || operation == OP_WRITE) {
    const checked = checkBuffer(target, <u32>sectorCount, <u32>address);
    if (checked != 0) return checked;
  }
  const first = operation == OP_FLUSH ? 0 : <u64>sector;
  if (first > target.sizeSectors || <u64>(<u32>sectorCount) > target.sizeSectors - first) return -EIO;
  return submissionStart(
    target,
    <u32>operation,
    first,
    <u32>sectorCount,
    <usize>address,
    <u32>flags,
    <u64>tag,
    <u32>domain,
  );
}

/** Writes what has ended, oldest first, as BLOCK_DONE_… entries to `out`: at most `most`. How many, EFAULT, or EINVAL. */
export function blockReap(out: i32, most: i32): i32 {
  if (most < 0) return -EINVAL;
  if (!isClientRange(<u32>out, <u64>most * BLOCK_DONE_SIZE)) return -EFAULT;
  return <i32>submissionReap(<usize>out, <u32>most);
}

/** From now on what is submitted here stays together, until blockUnplug, or until events run. 0, or EBUSY. */
export function blockPlug(): i32 {
  return plugOpen();
}

/** Sends what the plug holds. 0, or EINVAL when it is not open. */
export function blockUnplug(): i32 {
  return plugClose();
}
