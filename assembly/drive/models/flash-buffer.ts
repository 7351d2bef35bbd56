// The write buffer of a drive of flash, and who waits for it: writes for room, flushes and FUA writes for their programs.
//
// Verbs: bufferWrite, bufferFlush, bufferDiscard, writeArrived (handler), programDone (handler). A write takes room, crosses the interface, and is
// complete when it has arrived; its pages are programmed when they are full, or when a flush, a FUA write or want of room makes the
// drive program them as they are. A write larger than the buffer gets all of it.
// FUA, and every write of a drive without volatile cache or buffer, waits for the programs that hold its own units; on each die
// these come after what the buffer had before. Power-loss protection makes flush and FUA nothing special.
// Invariant: bufferedUnits counts the units of writes that were let in and are not programmed. While a write waits for room,
// something is on its way in, or a program is queued.

import { eventAt, now } from '../../base/clock';
import { KIND_FLASH_ARRIVED } from '../../base/dispatch';
import {
  DRIVE_FLAG_PLP,
  FLASH_BUFFER,
  FLASH_DUPLEX,
  FLASH_LINK_RATE,
  FLASH_WRITE_COMMAND,
  FLASH_WRITE_DELAY,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { Drive } from '../drive-table';
import { latencyOf } from '../latency';
import { BIO_FUA, Request } from '../request';
import { later, programQueue, transferNs } from './flash-dies';
import { Job, jobServed } from './flash-job';
import { Die, dieAt, Flash, Program, parameterOf, UNIT_SECTORS_SHIFT } from './flash-state';
import { ftlDie, ftlDiscard, ftlPad, ftlWrite } from './ftl';

/** The interface takes a command and `bytes` from the host as soon as it is free; when it has. */
function crossIn(flash: Flash, bytes: u64): u64 {
  const begin = max<u64>(flash.writeLinkFree, now());
  const duration =
    parameterOf(flash, FLASH_WRITE_COMMAND) + transferNs(bytes, parameterOf(flash, FLASH_LINK_RATE));
  const end = later(flash, begin, duration);
  flash.writeLinkFree = end;
  if (parameterOf(flash, FLASH_DUPLEX) == 0) flash.readLinkFree = end;
  return end;
}

/** When the job's request ends, whose work has ended at `time`. */
function delayed(flash: Flash, job: Job, time: u64): u64 {
  const request = changetype<Request>(job.request);
  const delay = latencyOf(changetype<Drive>(request.drive), request, parameterOf(flash, FLASH_WRITE_DELAY));
  return later(flash, time, delay);
}

function hasRoom(flash: Flash, units: u32): bool {
  return flash.bufferedUnits == 0 || flash.bufferedUnits + units <= flash.bufferUnits;
}

function letIn(flash: Flash, job: Job): void {
  const request = changetype<Request>(job.request);
  flash.bufferedUnits += <u32>(job.to - job.from);
  flash.arriving++;
  eventAt(
    crossIn(flash, (<u64>request.sectorCount) << SECTOR_SHIFT),
    KIND_FLASH_ARRIVED,
    changetype<usize>(job),
  );
}

/** Programs the die's open page if it holds something of a host. */
function pad(flash: Flash, die: Die): void {
  if (ftlPad(flash, die)) programQueue(flash, die);
}

function padAll(flash: Flash): void {
  for (let index: u32 = 0; index < flash.dieCount; index++) pad(flash, dieAt(flash, index));
}

/** Lets in the writes that there is room for, in order, and makes room when nothing else would. */
function relieve(flash: Flash): void {
  while (flash.writeHead != 0) {
    const job = changetype<Job>(flash.writeHead);
    if (!hasRoom(flash, <u32>(job.to - job.from))) break;
    flash.writeHead = job.next;
    if (job.next == 0) flash.writeTail = 0;
    letIn(flash, job);
  }
  if (flash.writeHead != 0 && flash.arriving == 0 && flash.queuedPrograms == 0) padAll(flash);
}

/** A write, with data. */
export function bufferWrite(flash: Flash, job: Job): void {
  job.next = 0;
  if (flash.writeTail != 0) changetype<Job>(flash.writeTail).next = changetype<usize>(job);
  else flash.writeHead = changetype<usize>(job);
  flash.writeTail = changetype<usize>(job);
  relieve(flash);
}

function waitsForPrograms(flash: Flash, request: Request): bool {
  const drive = changetype<Drive>(request.drive);
  if (parameterOf(flash, FLASH_BUFFER) == 0) return true;
  if (drive.flags & DRIVE_FLAG_PLP) return false;
  return (request.flags & BIO_FUA) != 0 || drive.volatileLimit == 0;
}

/** Handler of KIND_FLASH_ARRIVED: the write's data is in the buffer. */
export function writeArrived(owner: usize, _result: i32): void {
  const job = changetype<Job>(owner);
  const flash = changetype<Flash>(job.flash);
  const waiting = waitsForPrograms(flash, changetype<Request>(job.request)) ? owner : 0;
  flash.arriving--;
  // one of its own, so that no program can be its last before all are there
  job.left = 1;
  for (let number = job.from; number < job.to; number++) {
    const unit = <u32>(number % flash.capacityUnits);
    const die = ftlDie(flash, unit);
    if (ftlWrite(flash, die, unit, waiting)) programQueue(flash, die);
  }
  if (waiting != 0) {
    for (let unit = job.from; unit < job.to; unit++) {
      const die = ftlDie(flash, <u32>(unit % flash.capacityUnits));
      if (die.openWaiting == waiting) pad(flash, die);
    }
  }
  writeProgrammed(flash, job);
  relieve(flash);
}

/** A program that the write waited for is done, or its data is all on its way. */
function writeProgrammed(flash: Flash, job: Job): void {
  if (--job.left == 0) jobServed(job, delayed(flash, job, now()));
}

/** Handler of KIND_FLASH_PROGRAMMED: a page of hosts is programmed, its units leave the buffer. */
export function programDone(owner: usize, _result: i32): void {
  const program = changetype<Program>(owner);
  const flash = changetype<Flash>(program.flash);
  flash.bufferedUnits -= program.units;
  flash.queuedUnits -= program.units;
  flash.queuedPrograms--;
  if (program.waiting != 0) writeProgrammed(flash, changetype<Job>(program.waiting));
  let link = changetype<usize>(flash) + offsetof<Flash>('flushHead');
  while (load<usize>(link) != 0) {
    const job = changetype<Job>(load<usize>(link));
    if (program.number < job.mark) job.left -= program.units;
    if (job.left == 0) {
      store<usize>(link, job.next);
      jobServed(job, delayed(flash, job, now()));
    } else {
      link = changetype<usize>(job);
    }
  }
  program.next = flash.programs;
  flash.programs = owner;
  relieve(flash);
}

/** What the buffer has now is to be programmed before the flush ends. */
export function bufferFlush(flash: Flash, job: Job): void {
  const drive = changetype<Drive>(changetype<Request>(job.request).drive);
  const end = crossIn(flash, 0);
  if ((drive.flags & DRIVE_FLAG_PLP) == 0) padAll(flash);
  if (flash.queuedUnits == 0 || (drive.flags & DRIVE_FLAG_PLP) != 0) {
    jobServed(job, delayed(flash, job, end));
    return;
  }
  job.left = flash.queuedUnits;
  job.mark = flash.nextProgram;
  job.next = flash.flushHead;
  flash.flushHead = changetype<usize>(job);
}

/** A discard, or a write of zeros: whole units of it hold nothing any more; no flash is written. */
export function bufferDiscard(flash: Flash, job: Job): void {
  const request = changetype<Request>(job.request);
  const first = (request.mediaSector + (1 << UNIT_SECTORS_SHIFT) - 1) >> UNIT_SECTORS_SHIFT;
  const behind = (request.mediaSector + request.sectorCount) >> UNIT_SECTORS_SHIFT;
  const last = min<u64>(behind, first + flash.capacityUnits);
  for (let unit = first; unit < last; unit++) ftlDiscard(flash, <u32>(unit % flash.capacityUnits));
  jobServed(job, delayed(flash, job, crossIn(flash, 0)));
}
