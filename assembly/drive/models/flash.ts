// The models `ssd` and `nvme`: flash behind an interface, with the same machinery and different parameters.
//
// Verbs: flashDriveClaim, flashDriveInit, flashStart, partMoved (handler). A read is cut into parts, one for each physical page: a die
// senses it (tR), its channel moves it, the interface takes it to the host; what was never written, or is still in the write buffer, needs only the
// interface. Writes, flushes and discards are flash-buffer.ts's; the dies flash-dies.ts's; what lies where, and the collection of
// blocks, ftl.ts's. Times are the same with and without bytes.
// A distribution of latencies varies the sensing of reads, and the delay of all else. Episodes stretch all times.
// Left out: suspension of programs and erases, refresh, errors and retries of reads, wear, caching of the map, an SLC cache, and
// coalescing of writes in the buffer.
// Invariant: a job waits for parts, programs, room or an event, and ends with jobServed once.

import { now } from '../../base/clock';
import {
  FLASH_DUPLEX,
  FLASH_LINK_RATE,
  FLASH_READ_COMMAND,
  FLASH_READ_DELAY,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../../layout';
import { FLASH_PARTS, SECTOR_SHIFT } from '../../limits';
import { Drive } from '../drive-table';
import { Request } from '../request';
import { bufferDiscard, bufferFlush, bufferWrite } from './flash-buffer';
import {
  dieRead,
  later,
  Part,
  partGive,
  partsClaim,
  partsInit,
  partsInUse,
  partTake,
  transferNs,
} from './flash-dies';
import { Job, jobServed, jobsClaim, jobsInit, jobsInUse, jobTake } from './flash-job';
import {
  Die,
  Flash,
  flashClaim,
  flashEvents,
  flashTake,
  NO_UNIT,
  parameterOf,
  UNIT_SHIFT,
} from './flash-state';
import { ftlDie, ftlFind, ftlForm, ftlIsBuffered } from './ftl';

/** A FIFO of jobs that found no part, of all drives. */
@unmanaged
class Waiting {
  head: usize;
  tail: usize;
}

const waiting = changetype<Waiting>(memory.data(offsetof<Waiting>(), 16));

/** Memory for the drives of these models among `drives`, whose configs begin at `config`; how many events they can have. */
export function flashDriveClaim(config: usize, drives: u32, bios: u32, requestSectors: u32, seed: u32): u32 {
  flashClaim(config, drives, requestSectors, seed);
  const events = flashEvents();
  const hasFlash = events != 0;
  partsClaim(hasFlash);
  jobsClaim(hasFlash ? bios : 0);
  return hasFlash ? events + FLASH_PARTS : 0;
}

export function flashDriveInit(): void {
  partsInit();
  jobsInit();
}

/** Requests and parts on their way. */
export function flashInUse(): u32 {
  return jobsInUse() + partsInUse();
}

/** The interface takes `bytes` of a read to the host as soon as it is free; its first transfer has the command with it. */
function crossOut(flash: Flash, job: Job, bytes: u32): void {
  const begin = max<u64>(flash.readLinkFree, now());
  let duration = transferNs(bytes, parameterOf(flash, FLASH_LINK_RATE));
  if (job.end == 0) duration += parameterOf(flash, FLASH_READ_COMMAND);
  job.end = later(flash, begin, duration);
  flash.readLinkFree = job.end;
  if (parameterOf(flash, FLASH_DUPLEX) == 0) flash.writeLinkFree = job.end;
}

function endIfDone(flash: Flash, job: Job): void {
  if (job.isDispatched == 0 || job.left != 0) return;
  jobServed(job, later(flash, job.end, parameterOf(flash, FLASH_READ_DELAY)));
}

/** Bytes of the request that lie in unit number `unit`. */
function bytesIn(request: Request, unit: u64): u32 {
  const from = max<u64>(unit << UNIT_SHIFT, request.mediaSector << SECTOR_SHIFT);
  const end = (request.mediaSector + request.sectorCount) << SECTOR_SHIFT;
  const to = min<u64>((unit + 1) << UNIT_SHIFT, end);
  return <u32>(to - from);
}

/** Puts the next units that lie on one page into a part for the die. False when there is no part. */
function dispatchPage(flash: Flash, job: Job, die: Die, physical: u32): bool {
  const pointer = partTake();
  if (pointer == 0) return false;
  const part = changetype<Part>(pointer);
  const request = changetype<Request>(job.request);
  const page = physical / flash.unitsAPage;
  part.job = changetype<usize>(job);
  part.units = 0;
  part.bytes = 0;
  while (job.from < job.to) {
    const unit = <u32>(job.from % flash.capacityUnits);
    if (part.units != 0) {
      if (ftlDie(flash, unit).index != die.index) break;
      const found = ftlFind(flash, die, unit);
      if (found == NO_UNIT || found / flash.unitsAPage != page) break;
    }
    part.units++;
    part.bytes += bytesIn(request, job.from);
    job.from++;
  }
  job.left++;
  dieRead(die, pointer);
  return true;
}

/** Sends the rest of a read on its way. False when it must wait for parts. */
function dispatch(flash: Flash, job: Job): bool {
  const request = changetype<Request>(job.request);
  while (job.from < job.to) {
    const unit = <u32>(job.from % flash.capacityUnits);
    const die = ftlDie(flash, unit);
    const physical = ftlFind(flash, die, unit);
    if (physical != NO_UNIT && !ftlIsBuffered(flash, die, physical)) {
      if (!dispatchPage(flash, job, die, physical)) return false;
    } else {
      job.ready += bytesIn(request, job.from);
      job.from++;
    }
  }
  job.isDispatched = 1;
  if (job.ready != 0) crossOut(flash, job, job.ready);
  endIfDone(flash, job);
  return true;
}

function read(flash: Flash, job: Job): void {
  if (waiting.head == 0 && dispatch(flash, job)) return;
  job.next = 0;
  if (waiting.tail != 0) changetype<Job>(waiting.tail).next = changetype<usize>(job);
  else waiting.head = changetype<usize>(job);
  waiting.tail = changetype<usize>(job);
}

/** Handler of KIND_FLASH_MOVED: a channel has brought a page of a read. */
export function partMoved(owner: usize, _result: i32): void {
  const part = changetype<Part>(owner);
  const job = changetype<Job>(part.job);
  const flash = changetype<Flash>(job.flash);
  crossOut(flash, job, part.bytes);
  job.left--;
  partGive(owner);
  endIfDone(flash, job);
  while (waiting.head != 0) {
    const next = changetype<Job>(waiting.head);
    const behind = next.next;
    if (!dispatch(changetype<Flash>(next.flash), next)) return;
    waiting.head = behind;
    if (behind == 0) waiting.tail = 0;
  }
}

/** The flash of a drive; made at its first request. */
function flashOf(drive: Drive): Flash {
  if (drive.modelState == 0) {
    const flash = flashTake(drive);
    if (flash.drive == changetype<usize>(drive)) ftlForm(flash);
    drive.modelState = changetype<usize>(flash);
  }
  return changetype<Flash>(drive.modelState);
}

/** The drive takes a request. */
export function flashStart(drive: Drive, request: Request): void {
  const flash = flashOf(drive);
  const job = jobTake(flash, request);
  switch (request.operation) {
    case OP_READ:
      read(flash, job);
      break;
    case OP_WRITE:
      bufferWrite(flash, job);
      break;
    case OP_FLUSH:
      bufferFlush(flash, job);
      break;
    default:
      bufferDiscard(flash, job);
  }
}
