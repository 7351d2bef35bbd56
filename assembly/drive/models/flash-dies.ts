// The dies of a drive of flash and the channels that they share: reads first, then programs in order.
//
// Verbs: partTake, partGive, dieRead, programQueue, dieDone (handler). A die does one thing at a time and ends what it has begun. A read
// that waits goes before every program that has not begun; a program is preceded by the moves and erases of the collection that made
// room for it, page by page, or all in one where collections are not preemptive.
// A sensed page goes to the die's cache register, so the die is free while its channel takes it; a page to be programmed crosses the
// channel first, and the die waits for it. Moves stay inside the die (copyback).
// Layout: reads wait as a list of parts, programs as a list; a Part is one page of one read.
// Invariant: a die is busy exactly while one event with it as owner is on its way.

import { eventAt, now } from '../../base/clock';
import { complete, KIND_FLASH_DIE, KIND_FLASH_MOVED, KIND_FLASH_PROGRAMMED } from '../../base/dispatch';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../../base/pool';
import { FLASH_CHANNEL_RATE, FLASH_PREEMPTIVE, FLASH_PROGRAM_NS, FLASH_READ_NS } from '../../layout';
import { FLASH_PARTS } from '../../limits';
import { Drive } from '../drive-table';
import { serviceEnd } from '../episodes';
import { latencyOf } from '../latency';
import { Request } from '../request';
import { Job } from './flash-job';
import { channelOf, Die, Flash, Program, parameterOf, UNIT_SHIFT } from './flash-state';

const SECOND: u64 = 1000000000;

@unmanaged
export class Part {
  next: usize;
  job: usize;
  /** Units that cross the channel, bytes that the host gets. */
  units: u32;
  bytes: u32;
}

const partPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

export function partsClaim(hasFlash: bool): void {
  poolClaim(partPool, offsetof<Part>(), hasFlash ? FLASH_PARTS : 0);
}

export function partsInit(): void {
  poolInit(partPool);
}

/** A part, or 0: then wait until one is given back. */
export function partTake(): usize {
  return poolTake(partPool);
}

export function partGive(part: usize): void {
  poolGive(partPool, part);
}

export function partsInUse(): u32 {
  return partPool.used;
}

/** When what begins at `time` ends and takes `duration` outside the drive's episodes. */
export function later(flash: Flash, time: u64, duration: u64): u64 {
  return serviceEnd(changetype<Drive>(flash.drive), time, duration);
}

/** How long `bytes` (below 2^34) take at `rate` bytes a second. */
export function transferNs(bytes: u64, rate: u64): u64 {
  return (bytes * SECOND) / rate;
}

/** The channel moves `units` as soon as it is free; when it has. */
function crossChannel(flash: Flash, die: Die, units: u32): u64 {
  const channel = channelOf(flash, die);
  const duration = transferNs((<u64>units) << UNIT_SHIFT, parameterOf(flash, FLASH_CHANNEL_RATE));
  const end = later(flash, max<u64>(load<u64>(channel), now()), duration);
  store<u64>(channel, end);
  return end;
}

/** The die will sense the part's page. */
export function dieRead(die: Die, part: usize): void {
  changetype<Part>(part).next = 0;
  if (die.readTail != 0) changetype<Part>(die.readTail).next = part;
  else die.readHead = part;
  die.readTail = part;
  begin(die);
}

/** The die's open page is complete, and holds units of hosts: it is to be programmed after the collections that are noted. */
export function programQueue(flash: Flash, die: Die): void {
  const pointer = flash.programs;
  assert(pointer != 0, 'more programs than units in the buffer');
  const program = changetype<Program>(pointer);
  flash.programs = program.next;
  program.next = 0;
  program.flash = changetype<usize>(flash);
  program.waiting = die.openWaiting;
  program.number = flash.nextProgram++;
  program.units = die.openHosts;
  program.pages = <u32>(die.pagesEnded - die.pagesQueued);
  program.reads = die.movedReads;
  program.programs = die.movedPrograms;
  program.erases = die.erases;
  program.isLast = 0;
  if (program.waiting != 0) changetype<Job>(program.waiting).left++;
  die.pagesQueued = die.pagesEnded;
  die.movedReads = 0;
  die.movedPrograms = 0;
  die.erases = 0;
  die.openHosts = 0;
  die.openWaiting = 0;
  flash.queuedUnits += program.units;
  flash.queuedPrograms++;
  if (die.programTail != 0) changetype<Program>(die.programTail).next = pointer;
  else die.programHead = pointer;
  die.programTail = pointer;
  begin(die);
}

/** When the next step of the die's first program ends that begins now. */
function stepEnd(flash: Flash, die: Die, program: Program): u64 {
  const readNs = parameterOf(flash, FLASH_READ_NS);
  const programNs = parameterOf(flash, FLASH_PROGRAM_NS);
  const eraseNs = flash.eraseNs;
  if (parameterOf(flash, FLASH_PREEMPTIVE) == 0) {
    const whole = program.reads * readNs + program.programs * programNs + program.erases * eraseNs;
    if (program.reads + program.programs + program.erases != 0) {
      program.reads = 0;
      program.programs = 0;
      program.erases = 0;
      return later(flash, now(), whole);
    }
  }
  if (program.reads != 0) {
    program.reads--;
    return later(flash, now(), readNs);
  }
  if (program.programs != 0) {
    program.programs--;
    return later(flash, now(), programNs);
  }
  if (program.erases != 0) {
    program.erases--;
    return later(flash, now(), eraseNs);
  }
  program.isLast = 1;
  return later(flash, crossChannel(flash, die, flash.unitsAPage), programNs);
}

/** When a die has sensed the part's page that it begins to sense now. */
function senseEnd(flash: Flash, part: Part): u64 {
  const request = changetype<Request>(changetype<Job>(part.job).request);
  const readNs = latencyOf(changetype<Drive>(request.drive), request, parameterOf(flash, FLASH_READ_NS));
  return later(flash, now(), readNs);
}

/** An idle die takes what is next. */
function begin(die: Die): void {
  if (die.isBusy != 0) return;
  const flash = changetype<Flash>(die.flash);
  if (die.readHead != 0) {
    const part = changetype<Part>(die.readHead);
    die.readHead = part.next;
    if (part.next == 0) die.readTail = 0;
    die.sensing = changetype<usize>(part);
    die.isBusy = 1;
    eventAt(senseEnd(flash, part), KIND_FLASH_DIE, changetype<usize>(die));
  } else if (die.programHead != 0) {
    die.isBusy = 1;
    eventAt(
      stepEnd(flash, die, changetype<Program>(die.programHead)),
      KIND_FLASH_DIE,
      changetype<usize>(die),
    );
  }
}

/** Handler of KIND_FLASH_DIE: the die has ended what it did. */
export function dieDone(owner: usize, _result: i32): void {
  const die = changetype<Die>(owner);
  const flash = changetype<Flash>(die.flash);
  die.isBusy = 0;
  if (die.sensing != 0) {
    const part = die.sensing;
    die.sensing = 0;
    eventAt(crossChannel(flash, die, changetype<Part>(part).units), KIND_FLASH_MOVED, part);
  } else {
    const program = changetype<Program>(die.programHead);
    if (program.isLast != 0) {
      die.programHead = program.next;
      if (program.next == 0) die.programTail = 0;
      die.pagesProgrammed += program.pages;
      program.next = 0;
      complete(KIND_FLASH_PROGRAMMED, changetype<usize>(program), 0);
    }
  }
  begin(die);
}
