// The bytes of a request on their way to the drive's image and back, and what a fault makes of them.
//
// Verbs: transferStart, transferRead, transferLog. A write's bytes go to the image when the drive takes it, a read's come from there
// when it ends. Faults are decided (faults.ts) before; here they come about.
// Invariant: the image holds what the media hold; what they should hold instead is in a layer (fault-layers.ts).

import { ENODEV } from '../base/errno';
import {
  FAULT_ACT_DAMAGE,
  FAULT_ACT_FLIP,
  FAULT_ACT_MOVE,
  FAULT_ACT_ORPHAN,
  FAULT_ACT_PART,
  FAULT_ACT_TEAR,
  LOG_FLAG_FUA_IGNORED,
  LOG_FLAG_IGNORED,
  LOG_FLAG_ORPHANING,
  LOG_FLAG_TORN,
  OP_READ,
  OP_WRITE,
} from '../layout';
import { SECTOR_BITS_SHIFT, SECTOR_SHIFT } from '../limits';
import { backingIovecs, backingRead, backingWrite, backingZero } from './backing';
import { Drive, movesBytes } from './drive-table';
import { flipBits, layerKeepsMedia, layerKeepsRequest, layersRead, layersWritten } from './fault-layers';
import { Rule } from './fault-rules';
import { damage, isSectorKept, tearError, tearRun } from './faults';
import { gather, gatherPart } from './gather';
import { FAULTED_FUA_IGNORED, FAULTED_IGNORED, Request } from './request';
import { cacheWriteStarted } from './volatile-cache';
import { logSubmitted, logSubmittedAs } from './write-log';

/** The action that a rule has decided on, or 0. */
function actionFor(request: Request): u32 {
  return request.fault != 0 ? request.faultAction : 0;
}

/** `sectorCount` sectors of a write-like request from the `skip`-th on go to the image. 0 or an errno. */
function put(drive: Drive, request: Request, skip: u32, sectorCount: u32): i32 {
  const sector = request.mediaSector + skip;
  let result = 0;
  if (movesBytes()) {
    const bytes = sectorCount << SECTOR_SHIFT;
    if (request.operation == OP_WRITE) {
      const pieces = gatherPart(request, skip, sectorCount, backingIovecs());
      result = backingWrite(drive.fd, backingIovecs(), pieces, bytes, sector << SECTOR_SHIFT);
    } else {
      result = backingZero(drive.fd, sector << SECTOR_SHIFT, bytes);
    }
  }
  // what was led astray is itself what a layer remembers
  if (result == 0 && drive.layerCount != 0)
    layersWritten(drive, request, sector, sector + sectorCount, actionFor(request) != FAULT_ACT_MOVE);
  return result;
}

/** The units that reach the media are written, the others remembered. 0 or an errno. */
function tear(drive: Drive, request: Request, rule: Rule): i32 {
  for (let at: u32 = 0; at < request.sectorCount; ) {
    const run = tearRun(request, at);
    const result = isSectorKept(request, at)
      ? put(drive, request, at, run)
      : layerKeepsRequest(drive, request, rule.number, at, run);
    if (result != 0) return result;
    at += run;
  }
  return -tearError(rule);
}

/** Writes as the fault has it. 0 or an errno, which a short or torn write may have although bytes were written. */
function putFaulted(drive: Drive, request: Request): i32 {
  const rule = changetype<Rule>(request.fault);
  const sectorCount = request.sectorCount;
  switch (request.faultAction) {
    case FAULT_ACT_PART: {
      const part = <u32>rule.first;
      const result = part > 0 ? put(drive, request, 0, part) : 0;
      return result != 0 ? result : -(<i32>rule.second);
    }
    case FAULT_ACT_TEAR:
      return tear(drive, request, rule);
    case FAULT_ACT_MOVE: {
      const result = put(drive, request, 0, sectorCount);
      return result != 0 ? result : layerKeepsRequest(drive, request, rule.number, 0, sectorCount);
    }
    default: {
      const result = put(drive, request, 0, sectorCount);
      if (result == 0 && request.faultAction == FAULT_ACT_DAMAGE) damage(drive, rule, request);
      return result;
    }
  }
}

/** The bytes of a write, discard or write-zeroes go to the image. 0 or an errno. */
export function transferStart(drive: Drive, request: Request): i32 {
  const rule = changetype<Rule>(request.fault);
  if (request.faultFlags & FAULTED_IGNORED)
    return layerKeepsRequest(drive, request, rule.number, 0, request.sectorCount);
  let result = 0;
  if (actionFor(request) == FAULT_ACT_MOVE)
    result = layerKeepsMedia(drive, rule.number, request.mediaSector, request.sectorCount);
  if (result == 0) result = cacheWriteStarted(drive, request);
  if (result != 0) return result;
  if (movesBytes() && drive.fd < 0) return -ENODEV;
  if (request.fault == 0) result = put(drive, request, 0, request.sectorCount);
  else result = putFaulted(drive, request);
  return result;
}

/** The bytes of a read come from the image. 0 or an errno. */
export function transferRead(drive: Drive, request: Request): i32 {
  const action = actionFor(request);
  const isMoving = movesBytes();
  const rule = changetype<Rule>(request.fault);
  const sectorCount = action == FAULT_ACT_PART ? <u32>rule.first : request.sectorCount;
  if (isMoving) {
    if (drive.fd < 0) return -ENODEV;
    const pieces = gather(request, sectorCount, backingIovecs());
    const result = backingRead(
      drive.fd,
      backingIovecs(),
      pieces,
      sectorCount << SECTOR_SHIFT,
      request.mediaSector << SECTOR_SHIFT,
    );
    if (result != 0) return result;
  }
  if (drive.layerCount != 0) {
    const result = layersRead(drive, request, sectorCount, isMoving);
    if (result != 0) return result;
  }
  if (action == FAULT_ACT_PART) return -(<i32>rule.second);
  if (action == FAULT_ACT_FLIP) {
    const sector = <u32>(request.faultDraw % sectorCount);
    flipBits(request, sector << SECTOR_SHIFT, SECTOR_BITS_SHIFT, <u32>rule.first, request.faultDraw >> 8);
  }
  return 0;
}

/** Tells the write log what has become of a request that the drive has taken. */
export function transferLog(drive: Drive, request: Request): void {
  const action = actionFor(request);
  if (request.operation == OP_READ || (action == 0 && request.faultFlags == 0)) {
    logSubmitted(drive, request);
    return;
  }
  request.logNumber = 0;
  request.logCount = 0;
  let flags: u32 = (request.faultFlags & FAULTED_FUA_IGNORED) != 0 ? LOG_FLAG_FUA_IGNORED : 0;
  if (action == FAULT_ACT_PART) {
    const part = <u32>changetype<Rule>(request.fault).first;
    if (part > 0) logSubmittedAs(drive, request, 0, part, flags | LOG_FLAG_TORN);
  } else if (action == FAULT_ACT_TEAR) {
    for (let at: u32 = 0; at < request.sectorCount; ) {
      const run = tearRun(request, at);
      if (isSectorKept(request, at)) logSubmittedAs(drive, request, at, run, flags | LOG_FLAG_TORN);
      at += run;
    }
  } else {
    if (action == FAULT_ACT_ORPHAN) flags |= LOG_FLAG_ORPHANING;
    if (request.result != 0 || (request.faultFlags & FAULTED_IGNORED) != 0) flags |= LOG_FLAG_IGNORED;
    logSubmittedAs(drive, request, 0, request.sectorCount, flags);
  }
}
