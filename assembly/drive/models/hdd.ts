// The `hdd` model: one arm over turning platters, a queue that it reorders, a write cache and a read-ahead buffer.
//
// Verbs: hddBytes, hddClaim, hddInit, hddStart, hddWake.
// What a request goes through: the command (commandNs); for a write the interface; then the head, unless the buffer serves it. Of
// the first `reorderDepth` requests that wait for the head it takes the one whose first sector it can reach first (shortest
// positioning time first, as NCQ is done); 1 is first come, first served. Read bytes go over the interface while they pass
// under the head; the end is later only where the interface is slower than the platters.
// A write with room in the write cache (drive.volatileLimit is not 0, no FUA) ends when it has come over the interface. The
// head writes the cache back in elevator order when no request waits and none came for idleNs; at once, and in turns with
// requests, while a flush waits, and from when a write found no room until half of the cache is free. A flush ends when all that
// was in the cache when it came is on the platters. A discard takes the command alone.
// No request is aged: one that is far from all others waits as long as nearer ones keep coming.
// The drive's volatile-cache keeps a write uncertain until a flush has ended, also when it is on the platters before: every state that it
// counts as possible is one that a disk may leave, and a write log, which has flushes only, tells the same.
// Events: at most one awaited and one in the background are set for a time to come. Whoever waits for a request has an awaited
// event to wait for; writing back an idle disk's cache is in the background, so that a machine's run() ends.

import { arenaClaim } from '../../base/arena';
import { eventAt, eventInBackground, now } from '../../base/clock';
import { KIND_DRIVE_BACKGROUND } from '../../base/dispatch';
import {
  CONFIG_DRIVE_PARAMETERS,
  CONFIG_DRIVE_VOLATILE_WRITES,
  DRIVE_MODEL_HDD,
  HDD_COMMAND,
  HDD_HEAD_SWITCH,
  HDD_IDLE,
  HDD_LINK_RATE,
  HDD_READ_AHEAD,
  HDD_REORDER_DEPTH,
  HDD_WRITE_CACHE,
  HDD_WRITE_SETTLE,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { Drive, driveAt, driveCount } from '../drive-table';
import { serviceEnd } from '../episodes';
import { latencyFor, latencyOf } from '../latency';
import { BIO_FUA, Request } from '../request';
import { servedAt } from '../served';
import { geometryBytes, geometryInit } from './hdd-geometry';
import { FOR_EVER, headFollows, journey, positionedAt, travel } from './hdd-media';
import {
  aheadBegin,
  aheadCatchUp,
  aheadContinues,
  aheadForget,
  aheadHolds,
  aheadStop,
  aheadTake,
  aheadTravel,
} from './hdd-read-ahead';
import { seekInit } from './hdd-seek';
import { Hdd, hddOf, hddParameter, revolutionNs } from './hdd-state';
import {
  entriesBytes,
  entryAdd,
  entryCovers,
  entryDone,
  entryFits,
  entryInHand,
  entryTake,
} from './hdd-write-cache';

const NANOSECONDS: u64 = 1000000000;

@unmanaged
class Memory {
  base: usize;
}

const own = changetype<Memory>(memory.data(offsetof<Memory>(), 16));

/** Entries of the write cache: as many as the drive's volatile writes, unless the cache has no bytes for them. */
function entryCapacity(volatileWrites: u32, parameters: usize): u64 {
  return min<u64>(volatileWrites, load<u64>(parameters + (HDD_WRITE_CACHE << 3)) >> SECTOR_SHIFT);
}

/** Bytes of memory for the disk whose config is at `config`. */
export function hddBytes(config: usize): u64 {
  const parameters = config + CONFIG_DRIVE_PARAMETERS;
  const capacity = entryCapacity(load<u32>(config, CONFIG_DRIVE_VOLATILE_WRITES), parameters);
  return offsetof<Hdd>() + geometryBytes(parameters) + entriesBytes(capacity);
}

/** `bytes`: of all disks together. */
export function hddClaim(bytes: u64): void {
  own.base = arenaClaim(bytes, 16);
}

export function hddInit(): void {
  let address = own.base;
  for (let index: u32 = 0; index < driveCount(); index++) {
    const drive = driveAt(index);
    if (drive.model != DRIVE_MODEL_HDD) continue;
    const hdd = changetype<Hdd>(address);
    memory.fill(address, 0, offsetof<Hdd>());
    address += offsetof<Hdd>();
    drive.modelState = changetype<usize>(hdd);
    hdd.drive = changetype<usize>(drive);
    hdd.revolution = revolutionNs(drive);
    hdd.headSwitch = hddParameter(drive, HDD_HEAD_SWITCH);
    hdd.writeSettle = hddParameter(drive, HDD_WRITE_SETTLE);
    hdd.commandNs = hddParameter(drive, HDD_COMMAND);
    hdd.linkRate = hddParameter(drive, HDD_LINK_RATE);
    hdd.reorderDepth = <u32>hddParameter(drive, HDD_REORDER_DEPTH);
    hdd.readAhead = hddParameter(drive, HDD_READ_AHEAD) >> SECTOR_SHIFT;
    hdd.idleNs = hddParameter(drive, HDD_IDLE);
    hdd.cacheBytes = hddParameter(drive, HDD_WRITE_CACHE);
    hdd.entryCapacity = <u32>entryCapacity(drive.volatileLimit, drive.parameters);
    hdd.zones = address;
    address += <usize>geometryBytes(drive.parameters);
    hdd.entries = address;
    address += <usize>entriesBytes(hdd.entryCapacity);
    seekInit(hdd, drive);
    geometryInit(hdd, drive);
  }
}

function driveOf(hdd: Hdd): Drive {
  return changetype<Drive>(hdd.drive);
}

function append(headWord: usize, tailWord: usize, request: Request): void {
  const pointer = changetype<usize>(request);
  request.next = 0;
  request.previous = load<usize>(tailWord);
  if (request.previous != 0) changetype<Request>(request.previous).next = pointer;
  else store<usize>(headWord, pointer);
  store<usize>(tailWord, pointer);
}

function remove(headWord: usize, tailWord: usize, request: Request): void {
  if (request.previous != 0) changetype<Request>(request.previous).next = request.next;
  else store<usize>(headWord, request.next);
  if (request.next != 0) changetype<Request>(request.next).previous = request.previous;
  else store<usize>(tailWord, request.previous);
}

function waitForHead(hdd: Hdd, request: Request): void {
  const base = changetype<usize>(hdd);
  append(base + offsetof<Hdd>('waitHead'), base + offsetof<Hdd>('waitTail'), request);
}

function waitForRoom(hdd: Hdd, request: Request): void {
  const base = changetype<usize>(hdd);
  append(base + offsetof<Hdd>('roomHead'), base + offsetof<Hdd>('roomTail'), request);
}

function bytesOf(request: Request): u64 {
  return (<u64>request.sectorCount) << SECTOR_SHIFT;
}

function linkNs(hdd: Hdd, bytes: u64): u64 {
  return (bytes * NANOSECONDS + hdd.linkRate - 1) / hdd.linkRate;
}

/** Moves bytes over the interface, from `time` at the earliest; when they are over. */
function linkMove(hdd: Hdd, time: u64, bytes: u64): u64 {
  hdd.linkFreeAt = serviceEnd(driveOf(hdd), max<u64>(time, hdd.linkFreeAt), linkNs(hdd, bytes));
  return hdd.linkFreeAt;
}

/** A read whose bytes are in one of the buffers. */
function isBuffered(hdd: Hdd, request: Request): bool {
  aheadCatchUp(hdd, now());
  return (
    aheadHolds(hdd, request.sector, request.sectorCount) ||
    entryCovers(hdd, request.sector, request.sectorCount)
  );
}

function startRead(hdd: Hdd, request: Request): void {
  if (!isBuffered(hdd, request)) {
    waitForHead(hdd, request);
    return;
  }
  if (aheadHolds(hdd, request.sector, request.sectorCount))
    aheadTake(hdd, request.sector + request.sectorCount);
  hdd.hostUntil = max<u64>(hdd.hostUntil, now());
  servedAt(request, linkMove(hdd, request.modelMark, bytesOf(request)));
}

/** A write that fits goes to the cache. */
function cacheWrite(hdd: Hdd, request: Request): void {
  const readyAt = linkMove(hdd, request.modelMark, bytesOf(request));
  entryAdd(hdd, request.sector, request.sectorCount, request.generation, readyAt);
  hdd.hostUntil = max<u64>(hdd.hostUntil, readyAt);
  servedAt(request, readyAt);
}

function startWrite(hdd: Hdd, request: Request): void {
  aheadForget(hdd, request.sector, request.sectorCount, now());
  const isCached =
    request.operation == OP_WRITE &&
    (request.flags & BIO_FUA) == 0 &&
    hdd.entryCapacity > 0 &&
    bytesOf(request) <= hdd.cacheBytes;
  if (!isCached) {
    if (request.operation == OP_WRITE) request.modelMark = linkMove(hdd, request.modelMark, bytesOf(request));
    waitForHead(hdd, request);
  } else if (hdd.roomHead == 0 && entryFits(hdd, request.sectorCount)) {
    cacheWrite(hdd, request);
  } else {
    hdd.isPressed = 1;
    waitForRoom(hdd, request);
  }
}

function startFlush(hdd: Hdd, request: Request): void {
  request.modelCount = hdd.entryCount + hdd.isDestaging;
  if (request.modelCount == 0) {
    servedAt(request, request.modelMark);
    return;
  }
  request.modelMark = hdd.nextSequence;
  const base = changetype<usize>(hdd);
  append(base + offsetof<Hdd>('flushHead'), base + offsetof<Hdd>('flushTail'), request);
}

export function hddStart(drive: Drive, request: Request): void {
  const hdd = hddOf(drive);
  // from here on the time from which the head may move for it
  request.modelMark = serviceEnd(drive, now(), hdd.commandNs);
  switch (request.operation) {
    case OP_READ:
      startRead(hdd, request);
      break;
    case OP_FLUSH:
      startFlush(hdd, request);
      break;
    case OP_DISCARD:
      servedAt(request, request.modelMark);
      return;
    default:
      startWrite(hdd, request);
  }
  goOn(hdd);
}

/** The request that the head reaches first, of those it looks at. There is one. */
function chooseRequest(hdd: Hdd, time: u64): Request {
  let best = changetype<Request>(hdd.waitHead);
  if (hdd.reorderDepth == 1 || best.next == 0) return best;
  let bestTime = u64.MAX_VALUE;
  let pointer = hdd.waitHead;
  for (let looked: u32 = 0; looked < hdd.reorderDepth && pointer != 0; looked++) {
    const request = changetype<Request>(pointer);
    const isRead = request.operation == OP_READ;
    const begin = max<u64>(time, request.modelMark);
    const reached =
      isRead && aheadContinues(hdd, request.sector, request.sectorCount)
        ? begin
        : positionedAt(hdd, begin, request.sector, !isRead);
    if (reached < bestTime) {
      bestTime = reached;
      best = request;
    }
    pointer = request.next;
  }
  return best;
}

/** The head serves a request that waits for it. */
function serve(hdd: Hdd, time: u64): void {
  const drive = driveOf(hdd);
  aheadCatchUp(hdd, time);
  const request = chooseRequest(hdd, time);
  const base = changetype<usize>(hdd);
  remove(base + offsetof<Hdd>('waitHead'), base + offsetof<Hdd>('waitTail'), request);
  const isRead = request.operation == OP_READ;
  const end = request.sector + request.sectorCount;
  const begin = max<u64>(time, request.modelMark);
  aheadCatchUp(hdd, begin);
  let work: u64 = 0;
  if (isRead && aheadHolds(hdd, request.sector, request.sectorCount)) {
    // it came under the head while the command was read
    aheadTake(hdd, end);
    hdd.freeAt = begin;
    hdd.hostUntil = begin;
    servedAt(request, linkMove(hdd, begin, bytesOf(request)));
    return;
  }
  if (isRead && aheadContinues(hdd, request.sector, request.sectorCount)) {
    aheadTravel(hdd, end);
    journey.begun = min<u64>(journey.begun, begin);
  } else {
    aheadStop(hdd, begin);
    travel(hdd, begin, request.sector, request.sectorCount, !isRead, FOR_EVER);
  }
  work = max<u64>(journey.ended, begin) - begin;
  headFollows(hdd);
  const transferred = isRead ? max<u64>(journey.begun, begin) + linkNs(hdd, bytesOf(request)) : 0;
  const late = transferred > journey.ended ? transferred - journey.ended : 0;
  hdd.freeAt = serviceEnd(drive, begin, latencyOf(drive, request, work));
  hdd.hostUntil = hdd.freeAt;
  if (isRead) aheadBegin(hdd, end, hdd.freeAt);
  servedAt(request, hdd.freeAt + late);
}

/** The head writes an entry of the cache; of those that the oldest flush covers, when one waits. There is one. */
function destage(hdd: Hdd, time: u64): void {
  const drive = driveOf(hdd);
  const flush = hdd.flushHead;
  entryTake(hdd, flush != 0 ? changetype<Request>(flush).modelMark : u64.MAX_VALUE);
  const entry = entryInHand(hdd);
  const begin = max<u64>(time, entry.readyAt);
  aheadStop(hdd, begin);
  travel(hdd, begin, entry.sector, entry.sectorCount, true, FOR_EVER);
  headFollows(hdd);
  const work = latencyFor(drive, OP_WRITE, entry.sector, entry.generation, journey.ended - begin);
  hdd.freeAt = serviceEnd(drive, begin, work);
}

/** The entry in hand is on the platters: flushes may end, and writes that wait for room go on. */
function destaged(hdd: Hdd): void {
  entryDone(hdd);
  if (hdd.cacheUsed <= hdd.cacheBytes >> 1 && hdd.entryCount <= hdd.entryCapacity >> 1) hdd.isPressed = 0;
  const base = changetype<usize>(hdd);
  for (let pointer = hdd.flushHead; pointer != 0; ) {
    const flush = changetype<Request>(pointer);
    pointer = flush.next;
    // what is written while flushes wait the oldest of them covers, and so do all others
    if (--flush.modelCount > 0) continue;
    remove(base + offsetof<Hdd>('flushHead'), base + offsetof<Hdd>('flushTail'), flush);
    servedAt(flush, now());
  }
  while (hdd.roomHead != 0) {
    const request = changetype<Request>(hdd.roomHead);
    if (!entryFits(hdd, request.sectorCount)) break;
    remove(base + offsetof<Hdd>('roomHead'), base + offsetof<Hdd>('roomTail'), request);
    request.modelMark = max<u64>(request.modelMark, now());
    cacheWrite(hdd, request);
  }
}

/** Gives the head, which is free, something to do. False when there is nothing for now. */
function dispatch(hdd: Hdd, time: u64): bool {
  const isUrgent = hdd.flushHead != 0 || hdd.roomHead != 0 || hdd.isPressed != 0;
  const isWaited = hdd.waitHead != 0;
  if (isWaited && !(isUrgent && hdd.wasHost != 0 && hdd.entryCount > 0)) {
    hdd.wasHost = 1;
    serve(hdd, time);
    return true;
  }
  if (hdd.entryCount == 0 || (!isUrgent && time < hdd.hostUntil + hdd.idleNs)) return false;
  hdd.wasHost = 0;
  destage(hdd, time);
  return true;
}

/** Sets an event for when the head is free, or the disk has been idle long enough. */
function arrange(hdd: Hdd, time: u64): void {
  const isAwaited = hdd.waitHead != 0 || hdd.flushHead != 0 || hdd.roomHead != 0;
  if (isAwaited) {
    if (hdd.awaitedAt != 0 && hdd.awaitedAt <= hdd.freeAt) return;
    hdd.awaitedAt = hdd.freeAt;
    eventAt(hdd.freeAt, KIND_DRIVE_BACKGROUND, hdd.drive);
    return;
  }
  if (hdd.isDestaging == 0 && hdd.entryCount == 0) return;
  const at =
    hdd.isDestaging != 0 ? hdd.freeAt : max<u64>(max<u64>(hdd.freeAt, hdd.hostUntil + hdd.idleNs), time);
  if (hdd.backgroundAt != 0 && hdd.backgroundAt <= at) return;
  hdd.backgroundAt = at;
  eventInBackground(at, KIND_DRIVE_BACKGROUND, hdd.drive);
}

function goOn(hdd: Hdd): void {
  const time = now();
  while (hdd.freeAt <= time) {
    if (hdd.isDestaging != 0) destaged(hdd);
    if (!dispatch(hdd, time)) break;
  }
  arrange(hdd, time);
}

export function hddWake(drive: Drive): void {
  const hdd = hddOf(drive);
  const time = now();
  if (hdd.awaitedAt <= time) hdd.awaitedAt = 0;
  if (hdd.backgroundAt <= time) hdd.backgroundAt = 0;
  goOn(hdd);
}
