// aio_t, one request of a BlueStore queue: an iocb with its owner, range, pieces and result (src/blk/aio/aio.h of Ceph).
//
// Verbs: aioMake, aioPwritev, aioPreadv, aioPread, aioReturnValue. They prepare and submit nothing. The pieces (iovecs,
// their number) are the client's to fill in before a prepare call, which takes length and pieces on trust.
// Layout: AIO_T_… in client memory; the iocb is first, so the address of an aio_t is the address of its iocb.

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL } from '../base/errno';
import {
  AIO_T_FD,
  AIO_T_INLINE_IOVECS,
  AIO_T_IOV,
  AIO_T_IOV_COUNT,
  AIO_T_LENGTH,
  AIO_T_NOT_DONE,
  AIO_T_OFFSET,
  AIO_T_PRIV,
  AIO_T_RVAL,
  AIO_T_SIZE,
  IOCB_BUF,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITEV,
  IOCB_FILDES,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_SIZE,
  IOVEC_BASE,
  IOVEC_LENGTH,
} from '../layout';

/** The largest f64 below which every whole number is exact. */
const MAX_EXACT: f64 = 9007199254740991;

export function isWhole(value: f64): bool {
  return value >= 0 && value <= MAX_EXACT && floor(value) == value;
}

/** aio_t(priv, fd) at an address of the core's choosing. */
export function aioClear(aio: usize, priv: u64, fd: i32): void {
  memory.fill(aio, 0, AIO_T_SIZE);
  store<u64>(aio, priv, AIO_T_PRIV);
  store<i32>(aio, fd, AIO_T_FD);
  store<i64>(aio, -AIO_T_NOT_DONE, AIO_T_RVAL);
  store<u64>(aio, aio + AIO_T_INLINE_IOVECS, AIO_T_IOV);
}

/** Stores the range and prepares the iocb: what io_prep_* of libaio does. */
export function aioPrepare(aio: usize, opcode: u32, offset: u64, length: u64, buffer: u64, count: u64): void {
  store<u64>(aio, offset, AIO_T_OFFSET);
  store<u64>(aio, length, AIO_T_LENGTH);
  memory.fill(aio, 0, IOCB_SIZE);
  store<u16>(aio, <u16>opcode, IOCB_LIO_OPCODE);
  store<i32>(aio, load<i32>(aio, AIO_T_FD), IOCB_FILDES);
  store<u64>(aio, buffer, IOCB_BUF);
  store<u64>(aio, count, IOCB_NBYTES);
  store<u64>(aio, offset, IOCB_OFFSET);
}

/** Prepares a transfer over all of the request's pieces. */
export function aioPrepareVector(aio: usize, opcode: u32, offset: u64, length: u64): void {
  aioPrepare(aio, opcode, offset, length, load<u64>(aio, AIO_T_IOV), load<u32>(aio, AIO_T_IOV_COUNT));
}

/** aio_t(priv, fd): no range, no pieces, not done. 0, EFAULT, or EINVAL for a `priv` that is no whole number up to 2^53 - 1. */
export function aioMake(aio: i32, priv: f64, fd: i32): i32 {
  if (!isClientRange(<u32>aio, AIO_T_SIZE)) return -EFAULT;
  if (!isWhole(priv)) return -EINVAL;
  aioClear(<u32>aio, <u64>priv, fd);
  return 0;
}

function checkRange(aio: i32, offset: f64, length: f64): i32 {
  if (!isClientRange(<u32>aio, AIO_T_SIZE)) return -EFAULT;
  return isWhole(offset) && isWhole(length) ? 0 : -EINVAL;
}

/** pwritev(offset, length) over the request's pieces. 0, EFAULT or EINVAL. */
export function aioPwritev(aio: i32, offset: f64, length: f64): i32 {
  const checked = checkRange(aio, offset, length);
  if (checked == 0) aioPrepareVector(<u32>aio, IOCB_CMD_PWRITEV, <u64>offset, <u64>length);
  return checked;
}

/** preadv(offset, length) into the request's pieces. 0, EFAULT or EINVAL. */
export function aioPreadv(aio: i32, offset: f64, length: f64): i32 {
  const checked = checkRange(aio, offset, length);
  if (checked == 0) aioPrepareVector(<u32>aio, IOCB_CMD_PREADV, <u64>offset, <u64>length);
  return checked;
}

/** pread(offset, length) of the Ceph of 2017, into one `buffer` that the client has allocated for it. 0, EFAULT or EINVAL. */
export function aioPread(aio: i32, offset: f64, length: f64, buffer: i32): i32 {
  const checked = checkRange(aio, offset, length);
  if (checked != 0) return checked;
  const iovec = <usize>(<u32>aio) + AIO_T_INLINE_IOVECS;
  store<u64>(iovec, <u64>(<u32>buffer), IOVEC_BASE);
  store<u64>(iovec, <u64>length, IOVEC_LENGTH);
  store<u64>(<u32>aio, iovec, AIO_T_IOV);
  store<u32>(<u32>aio, 1, AIO_T_IOV_COUNT);
  aioPrepare(<u32>aio, IOCB_CMD_PREAD, <u64>offset, <u64>length, <u32>buffer, <u64>length);
  return 0;
}

/** get_return_value(): bytes, a negative errno, or -1000 while nothing was reaped; EFAULT for no aio_t. */
export function aioReturnValue(aio: i32): f64 {
  if (!isClientRange(<u32>aio, AIO_T_SIZE)) return -EFAULT;
  return <f64>load<i64>(<u32>aio, AIO_T_RVAL);
}
