// Parts of USRBIO requests: what of a job's requests is at the files, and how it is put together again (PioV.cc of 3FS).
//
// Verbs: partsClaim, partsInit, startPart, partFinished, joinParts. A request is cut where a file chunk ends; a part is joined to
// its request as soon as those before it are, so that a job larger than the pool can not hold itself up.
// Invariants: whatever a client writes into the shared args is checked each time they are read; a part holds its buffer.

import { KIND_USRBIO_PART } from '../base/dispatch';
import { EBADF, EINVAL, ENODATA, EROFS } from '../base/errno';
import {
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_READ,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { spanAwait, spanTake } from '../base/span';
import { errseqLast, Inode, inodeAt } from '../cache/inode';
import { Drive, movesBytes } from '../drive/drive-table';
import { OpenFile, readThrough } from '../files/descriptor';
import { startOperation } from '../files/file-operation';
import { flatCount } from '../files/flat';
import { chunkBytes, holePresent } from '../files/holes';
import {
  DRIVE_FLAG_READ_ONLY,
  HF3FS_ARGS_BUFFER_ID,
  HF3FS_ARGS_BUFFER_OFFSET,
  HF3FS_ARGS_FILE,
  HF3FS_ARGS_FILE_OFFSET,
  HF3FS_ARGS_LENGTH,
  HF3FS_ARGS_USERDATA,
  HF3FS_IOR_FORBID_READ_HOLES,
  HF3FS_SQE_SLOT,
} from '../layout';
import { SECTOR_SIZE } from '../limits';
import { bufferFind, bufferHold, bufferRelease, SharedBuffer } from './usrbio-buffer';
import { isReadOnlyUser, Job } from './usrbio-jobs';
import { argsOf, keepResult, Ring, slotFlags, slotOpened, submissionAt } from './usrbio-ring';

/** What lies in one chunk of one request; the whole request when it can not be carried out. */
@unmanaged
export class Part {
  next: usize;
  job: usize;
  /** Its request, counted within the job. */
  request: u32;
  slot: u32;
  userdata: u64;
  /** Where it begins in the request. */
  offset: u64;
  length: u32;
  /** Bytes of it that exist in the file (a read). */
  present: u32;
  /** It is the last of its request. */
  isLast: u32;
  isDone: u32;
  address: usize;
  /** The buffer that it holds, or 0. */
  buffer: usize;
  result: i32;
  /** The inode whose write-back errors a synchronous write reports, or 0, and how many there were when it began. */
  inode: usize;
  errorMark: u32;
}

export const partPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

export function partsClaim(partCount: u32): void {
  poolClaim(partPool, offsetof<Part>(), partCount);
}

export function partsInit(): void {
  poolInit(partPool);
}

/** Why a request can not be carried out (sheet §6, in its order), or 0. */
function checkRequest(ring: Ring, args: usize): i32 {
  if (ring.isForRead == 0 && isReadOnlyUser()) return -EROFS;
  const file = load<u64>(args, HF3FS_ARGS_FILE);
  if (file >= <u64>flatCount()) return -EBADF;
  const drive = changetype<Drive>(inodeAt(<u32>file).drive);
  if (ring.isForRead == 0 && (drive.flags & DRIVE_FLAG_READ_ONLY) != 0) return -EROFS;
  const buffer = bufferFind(args + HF3FS_ARGS_BUFFER_ID);
  if (buffer == null || buffer.isRing != 0) return -EINVAL;
  const offset = load<u64>(args, HF3FS_ARGS_BUFFER_OFFSET);
  const bytes = load<u64>(args, HF3FS_ARGS_LENGTH);
  const room = <u64>buffer.bytes;
  if (bytes == 0 || offset > room || bytes > room - offset) return -EINVAL;
  const block = <u64>buffer.blockSize;
  if (block != 0 && offset / block != (offset + bytes - 1) / block) return -EINVAL;
  const fileOffset = load<u64>(args, HF3FS_ARGS_FILE_OFFSET);
  return fileOffset > <u64>i64.MAX_VALUE - bytes ? -EINVAL : 0;
}

/** A part of the request that the job is at, behind its other parts. 0 when the pool is empty. */
function addPart(job: Job, slot: u32, args: usize): usize {
  const pointer = poolTake(partPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, offsetof<Part>());
  const part = changetype<Part>(pointer);
  part.job = changetype<usize>(job);
  part.request = job.started;
  part.slot = slot;
  part.userdata = load<u64>(args, HF3FS_ARGS_USERDATA);
  part.offset = job.startedBytes;
  if (job.lastPart != 0) changetype<Part>(job.lastPart).next = pointer;
  else job.firstPart = pointer;
  job.lastPart = pointer;
  return pointer;
}

/** `last`: the last part of the request that has been started. */
function nextRequest(job: Job, last: Part): void {
  last.isLast = 1;
  job.started++;
  job.startedBytes = 0;
}

/** A request, or what is left of it, that fails before it reaches a file. */
function refuse(job: Job, slot: u32, args: usize, result: i32): bool {
  const pointer = addPart(job, slot, args);
  if (pointer == 0) return false;
  const part = changetype<Part>(pointer);
  part.result = result;
  part.isDone = 1;
  nextRequest(job, part);
  joinParts(job);
  return true;
}

/** Bytes of [position, position + length) that a read finds in the file. */
function presentBytes(inode: Inode, position: u64, length: u32): u32 {
  if (position >= inode.size) return 0;
  return <u32>holePresent(inode, position, min<u64>(length, inode.size - position));
}

/** Starts the next part of a job. False when there is no room for it now. */
export function startPart(job: Job, ring: Ring): bool {
  const slot = load<u32>(submissionAt(ring, (job.first + job.started) % ring.places), HF3FS_SQE_SLOT);
  const args = argsOf(ring, min<u32>(slot, ring.entries));
  const refusal = slot < ring.entries ? checkRequest(ring, args) : -EINVAL;
  if (refusal != 0) return refuse(job, slot, args, refusal);
  const buffer = changetype<SharedBuffer>(bufferFind(args + HF3FS_ARGS_BUFFER_ID));
  const inode = inodeAt(load<u32>(args, HF3FS_ARGS_FILE));
  const bytes = load<u64>(args, HF3FS_ARGS_LENGTH);
  // the client has shortened a request that is on its way
  if (job.startedBytes >= bytes) return refuse(job, slot, args, -EINVAL);
  const fileOffset = load<u64>(args, HF3FS_ARGS_FILE_OFFSET);
  // also where the file ends or has a hole, and nothing is read
  if ((slotFlags(ring, slot) & FLAG_DIRECT) != 0 && ((fileOffset | bytes) & (SECTOR_SIZE - 1)) != 0)
    return refuse(job, slot, args, -EINVAL);
  const position = fileOffset + job.startedBytes;
  const length = <u32>min<u64>(bytes - job.startedBytes, chunkBytes() - (position % chunkBytes()));
  const present = ring.isForRead != 0 ? presentBytes(inode, position, length) : length;
  if (partPool.used == partPool.capacity) return false;
  const address = buffer.address + <usize>(load<u64>(args, HF3FS_ARGS_BUFFER_OFFSET) + job.startedBytes);
  if (present > 0 && !startTransfer(ring, inode, slot, position, length, present, address)) return false;
  const pointer = addPart(job, slot, args);
  const part = changetype<Part>(pointer);
  part.length = length;
  part.present = present;
  part.address = address;
  part.buffer = changetype<usize>(buffer);
  if (ring.isForRead == 0 && (slotFlags(ring, slot) & (FLAG_DSYNC | FLAG_SYNC)) != 0) {
    part.inode = changetype<usize>(inode);
    part.errorMark = inode.writebackErrors;
  }
  bufferHold(buffer);
  job.startedBytes += length;
  if (job.startedBytes == bytes) nextRequest(job, part);
  if (present > 0) {
    const operation = changetype<Operation>(load<usize>(startedOperation));
    operation.owner = pointer;
    startOperation(operation);
  } else {
    part.isDone = 1;
    joinParts(job);
  }
  return true;
}

/** The operation that startTransfer has made ready. */
const startedOperation: usize = memory.data(8, 8);

/** Makes the operation of a part ready. False when there is no operation or no span. */
function startTransfer(
  ring: Ring,
  inode: Inode,
  slot: u32,
  position: u64,
  length: u32,
  present: u32,
  address: usize,
): bool {
  const flags = slotFlags(ring, slot);
  const isDirect = (flags & FLAG_DIRECT) != 0;
  // a direct read takes whole sectors also where the file or a hole ends
  const bytes = isDirect ? min<u32>((present + SECTOR_SIZE - 1) & ~(<u32>SECTOR_SIZE - 1), length) : present;
  const span = spanTake(address, bytes);
  if (span == 0) {
    spanAwait();
    return false;
  }
  const pointer = operationTake();
  assert(pointer != 0, 'a part of a USRBIO request found no operation');
  const operation = changetype<Operation>(pointer);
  operation.kind = ring.isForRead != 0 ? OPERATION_READ : OPERATION_WRITE;
  operation.flags = flags;
  operation.inode = changetype<usize>(inode);
  operation.position = position;
  operation.length = bytes;
  operation.spans = span;
  operation.doneKind = KIND_USRBIO_PART;
  const opened = slotOpened(ring, slot);
  // a client may have written another file into the shared args
  if (opened != 0 && changetype<OpenFile>(opened).inode == operation.inode)
    readThrough(operation, changetype<OpenFile>(opened));
  store<usize>(startedOperation, pointer);
  return true;
}

/** A part came back from the files. A synchronous write also reports what the write-back of its pages met. */
export function partFinished(part: Part, result: i32): void {
  part.result = result;
  part.isDone = 1;
  if (part.inode == 0 || result < 0) return;
  const inode = changetype<Inode>(part.inode);
  if (inode.writebackErrors != part.errorMark) part.result = errseqLast(inode);
}

/** Adds what one part brought to its request (concatIoRes). A gap before data is a hole: zeros, and counted. */
function joinPart(job: Job, ring: Ring, part: Part): void {
  if (job.total < 0) return;
  if (part.result < 0) {
    job.total = part.result;
    return;
  }
  const moved = min<u32>(<u32>part.result, part.present);
  if (moved == 0) return;
  const gap = part.offset - <u64>job.total;
  if (gap > 0 && (ring.isForRead == 0 || (ring.flags & HF3FS_IOR_FORBID_READ_HOLES) != 0)) {
    job.total = -ENODATA;
    return;
  }
  if (gap > 0 && movesBytes()) memory.fill(part.address - <usize>gap, 0, <usize>gap);
  job.total = <i64>(part.offset + moved);
}

/** Joins the parts that have come back, in order, up to the first that has not; gives them back. */
export function joinParts(job: Job): void {
  const ring = changetype<Ring>(job.ring);
  while (job.firstPart != 0 && changetype<Part>(job.firstPart).isDone != 0) {
    const pointer = job.firstPart;
    const part = changetype<Part>(pointer);
    joinPart(job, ring, part);
    if (part.isLast != 0) {
      keepResult(ring, (job.first + part.request) % ring.places, part.slot, part.userdata, job.total);
      job.total = 0;
    }
    job.firstPart = part.next;
    if (job.firstPart == 0) job.lastPart = 0;
    if (part.buffer != 0) bufferRelease(changetype<SharedBuffer>(part.buffer));
    poolGive(partPool, pointer);
  }
}
