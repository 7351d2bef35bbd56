// The explorer of crash states as exports. It is an instance of its own: one that has opened a machine opens no explorer.
//
// Verbs: crashOpen, crashClose, crashReport, crashPoint, crashBuild, crashDescribe, crashRebuild, crashImage, crashVisit.
// Layout: config | what reading the log needs, payloads, images | tables of the log | slots, cells, pieces.
// Memory is claimed in three steps, as what the log holds tells how much the next one needs; all of it inside crashOpen.
// Invariants: no wrong argument, log or order of calls traps; each answers a negative errno. When an explorer opens, all memory that it claims is
// zeros, but for what lies before the tables when the one before had the same limits: of that no part relies on it, and the table of images is empty.

import { arenaBytes, arenaCommit, arenaStart } from '../base/arena';
import { EBUSY, EINVAL, ENOENT, ENOMEM } from '../base/errno';
import { axesBuild, axesClaim, axesDecode } from '../crash/axes';
import { chainsClaim, chainsCount, chainsLink } from '../crash/chains';
import { content, contentInit, hashesClaim, numberHashes, payloadsClaim } from '../crash/content';
import { imageBuild, imageClaim, imageInit, RUN_SECTORS } from '../crash/image';
import {
  imagesClaim,
  imagesForget,
  imagesInit,
  imagesLookUp,
  imagesNote,
  imagesSelect,
  visitSelect,
} from '../crash/images';
import { logCount, logFill, logTablesClaim } from '../crash/log';
import { streamClaim } from '../crash/log-stream';
import { lossesApply, lossesClaim, lossesDescribe, lossesForget, lossesInit } from '../crash/losses';
import { model, modelInit } from '../crash/model';
import { sampleBuild, sampleClaim, sampleCount, sampleDecode } from '../crash/sample';
import { MAX_SLOTS, runsClaim, slotsClaim, slotsCount, slotsInit } from '../crash/slots';
import { checkLayout, NEVER, Report, report } from '../crash/tables';
import {
  epoch,
  epochClaim,
  epochEnter,
  epochForget,
  epochInit,
  epochMeasure,
  measureClaim,
} from '../crash/uncertain';
import { backingClaim } from '../drive/backing';
import { driveCount } from '../drive/drive-table';
import {
  CRASH_CONFIG_BASE_FD,
  CRASH_CONFIG_BASE_HASH,
  CRASH_CONFIG_BOUND,
  CRASH_CONFIG_BUDGET,
  CRASH_CONFIG_DAMAGE,
  CRASH_CONFIG_DEVICE,
  CRASH_CONFIG_DISCARD,
  CRASH_CONFIG_DRIVE,
  CRASH_CONFIG_FLUSH_SCOPE,
  CRASH_CONFIG_IMAGE_FD,
  CRASH_CONFIG_IMAGES,
  CRASH_CONFIG_LOG_FD,
  CRASH_CONFIG_ORDER,
  CRASH_CONFIG_PAYLOAD_BYTES,
  CRASH_CONFIG_SCOPE,
  CRASH_CONFIG_SIZE,
  CRASH_CONFIG_TEARING,
  CRASH_CONFIG_UNIT,
  CRASH_CONFIG_VISITS,
  CRASH_DAMAGE_GARBAGE,
  CRASH_DAMAGE_NONE,
  CRASH_DEVICE_LYING,
  CRASH_DISCARD_ZEROES,
  CRASH_FLUSH_DOMAIN,
  CRASH_ORDER_DOMAIN_PREFIX,
  CRASH_SCOPE_UNIT,
  CRASH_TEARING_BYTES,
} from '../layout';
import {
  MAX_CRASH_IMAGES,
  MAX_CRASH_PAYLOAD_BYTES,
  MAX_CRASH_UNIT,
  MAX_CRASH_VISITS,
  MAX_DRIVES,
} from '../limits';
import { configStart, noteBadField } from './root';

/** 2^53: up to here the ordinals of states are exact. */
const MAX_BOUND: u64 = 1 << 53;

@unmanaged
class Explorer {
  isOpen: u32;
  /** It has been open, and no machine opens here any more. */
  wasOpen: u32;
  /** Where the tables of the log begin, and the end of memory that is not all zeros. */
  tables: usize;
  end: u64;
  /** The limits that what lies before the tables was claimed with. */
  images: u32;
  visits: u32;
  payloadBytes: u32;
}

const explorer = changetype<Explorer>(memory.data(offsetof<Explorer>(), 16));

/** This instance is an explorer, or was one, and no machine opens in it. */
export function isExplorer(): bool {
  return explorer.wasOpen != 0;
}

function field(offset: usize): u32 {
  return load<u32>(configStart() + offset);
}

function refuseField(offset: u32): i32 {
  noteBadField(offset, 0);
  return -EINVAL;
}

function isAbove(offset: usize, last: u32): bool {
  return field(offset) > last;
}

function isPowerOfTwo(value: u32): bool {
  return value != 0 && (value & (value - 1)) == 0;
}

/** 0, or EINVAL naming the first field out of its range. */
function checkFields(): i32 {
  if (isAbove(CRASH_CONFIG_DRIVE, MAX_DRIVES - 1)) return refuseField(CRASH_CONFIG_DRIVE);
  if (isAbove(CRASH_CONFIG_ORDER, CRASH_ORDER_DOMAIN_PREFIX)) return refuseField(CRASH_CONFIG_ORDER);
  if (isAbove(CRASH_CONFIG_TEARING, CRASH_TEARING_BYTES)) return refuseField(CRASH_CONFIG_TEARING);
  const unit = field(CRASH_CONFIG_UNIT);
  if (!isPowerOfTwo(unit) || unit > <u32>MAX_CRASH_UNIT) return refuseField(CRASH_CONFIG_UNIT);
  if (isAbove(CRASH_CONFIG_DAMAGE, CRASH_DAMAGE_GARBAGE)) return refuseField(CRASH_CONFIG_DAMAGE);
  const isNeeded = field(CRASH_CONFIG_SCOPE) != 0 && field(CRASH_CONFIG_DAMAGE) == <u32>CRASH_DAMAGE_NONE;
  if (isAbove(CRASH_CONFIG_SCOPE, CRASH_SCOPE_UNIT) || isNeeded) return refuseField(CRASH_CONFIG_SCOPE);
  if (isAbove(CRASH_CONFIG_DEVICE, CRASH_DEVICE_LYING)) return refuseField(CRASH_CONFIG_DEVICE);
  if (isAbove(CRASH_CONFIG_DISCARD, CRASH_DISCARD_ZEROES)) return refuseField(CRASH_CONFIG_DISCARD);
  if (isAbove(CRASH_CONFIG_FLUSH_SCOPE, CRASH_FLUSH_DOMAIN)) return refuseField(CRASH_CONFIG_FLUSH_SCOPE);
  if (load<u64>(configStart(), CRASH_CONFIG_BOUND) > MAX_BOUND) return refuseField(CRASH_CONFIG_BOUND);
  if (field(CRASH_CONFIG_BUDGET) == 0) return refuseField(CRASH_CONFIG_BUDGET);
  const images = field(CRASH_CONFIG_IMAGES);
  if (!isPowerOfTwo(images) || images > <u32>MAX_CRASH_IMAGES) return refuseField(CRASH_CONFIG_IMAGES);
  if (isAbove(CRASH_CONFIG_VISITS, MAX_CRASH_VISITS)) return refuseField(CRASH_CONFIG_VISITS);
  if (isAbove(CRASH_CONFIG_PAYLOAD_BYTES, MAX_CRASH_PAYLOAD_BYTES)) {
    return refuseField(CRASH_CONFIG_PAYLOAD_BYTES);
  }
  return 0;
}

function grow(): i32 {
  report.memoryBytes = arenaBytes();
  if (!arenaCommit()) return -ENOMEM;
  explorer.end = max<u64>(explorer.end, arenaBytes());
  return 0;
}

/** Claims what does not depend on the log. Used memory is there again for the same limits; for others it is cleared. */
function claimFixed(): void {
  const start = configStart() + CRASH_CONFIG_SIZE;
  const isSame =
    explorer.images == field(CRASH_CONFIG_IMAGES) &&
    explorer.visits == field(CRASH_CONFIG_VISITS) &&
    explorer.payloadBytes == field(CRASH_CONFIG_PAYLOAD_BYTES);
  if (!isSame && explorer.end != 0) memory.fill(start, 0, <usize>(explorer.end - start));
  explorer.images = field(CRASH_CONFIG_IMAGES);
  explorer.visits = field(CRASH_CONFIG_VISITS);
  explorer.payloadBytes = field(CRASH_CONFIG_PAYLOAD_BYTES);
  arenaStart(start);
  backingClaim(RUN_SECTORS + 1);
  streamClaim();
  payloadsClaim(explorer.payloadBytes & ~511);
  imageClaim();
  imagesClaim(explorer.images, explorer.visits);
  explorer.tables = <usize>arenaBytes();
}

/** Reads the log into tables. */
function openLog(): i32 {
  const fd = <i32>field(CRASH_CONFIG_LOG_FD);
  claimFixed();
  let result = grow();
  if (result == 0) result = logCount(fd);
  if (result != 0) return result;
  logTablesClaim();
  result = grow();
  return result != 0 ? result : logFill(fd);
}

/** Finds the sectors that the log touches, and how much is uncertain at most. */
function openSlots(): i32 {
  chainsCount();
  chainsClaim();
  runsClaim();
  measureClaim();
  const result = grow();
  if (result != 0) return result;
  chainsLink();
  const count = slotsCount();
  if (count > MAX_SLOTS || !epochMeasure()) return -ENOMEM;
  slotsClaim(<u32>count);
  return 0;
}

function openRest(): i32 {
  hashesClaim(numberHashes());
  epochClaim();
  axesClaim();
  sampleClaim();
  lossesClaim();
  const result = grow();
  if (result != 0) return result;
  const config = configStart();
  slotsInit();
  contentInit(<i32>field(CRASH_CONFIG_LOG_FD), <i32>field(CRASH_CONFIG_BASE_FD));
  epochInit();
  lossesInit();
  imageInit(
    <i32>field(CRASH_CONFIG_IMAGE_FD),
    load<u64>(config, CRASH_CONFIG_BASE_HASH),
    load<u64>(config, CRASH_CONFIG_BASE_HASH + 8),
  );
  imagesInit();
  report.point = NEVER;
  return 0;
}

/**
 * Opens an explorer of the log that the config at configAddress() names (CRASH_CONFIG_…). Whatever it answers but for ROOT_BAD_FIELD and EBUSY, crashClose
 * comes before the next one: 0; EINVAL with ROOT_BAD_FIELD, or with the report's CRASH_ERROR when the log is refused; ENOMEM with the report's memory; EBUSY; the
 * errno of a file.
 */
export function crashOpen(): i32 {
  checkLayout();
  if (driveCount() != 0 || explorer.isOpen != 0) return -EBUSY;
  noteBadField(0, 0);
  const checked = checkFields();
  if (checked != 0) return checked;
  explorer.isOpen = 1;
  explorer.wasOpen = 1;
  modelInit(configStart());
  report.point = NEVER;
  report.pointCount = 0;
  let result = openLog();
  if (result == 0) result = openSlots();
  if (result == 0) result = openRest();
  if (result != 0) report.pointCount = 0;
  return result;
}

/** Ends the explorer: another may be opened, at little cost when it has the same limits. 0, or ENOENT when there is none. */
export function crashClose(): i32 {
  if (explorer.isOpen == 0) return -ENOENT;
  explorer.isOpen = 0;
  imagesForget();
  if (explorer.end > <u64>explorer.tables) {
    memory.fill(explorer.tables, 0, <usize>(explorer.end - <u64>explorer.tables));
  }
  explorer.end = min<u64>(explorer.end, <u64>explorer.tables);
  memory.fill(changetype<usize>(report), 0, offsetof<Report>());
  report.point = NEVER;
  return 0;
}

/** Address of CRASH_…, what is known of the log, the crash point and the image. */
export function crashReport(): i32 {
  return <i32>changetype<usize>(report);
}

/** Goes to a crash point, 0 to the report's number of them - 1; the image stays as it is. 0, ENOENT, or the errno of a file. */
export function crashPoint(point: i32): i32 {
  if (<u32>point >= report.pointCount) return -ENOENT;
  if (<u32>point == report.point) return 0;
  lossesForget();
  content.error = 0;
  report.point = NEVER;
  epochEnter(<u32>point);
  if (content.error != 0) {
    epochForget();
    return content.error;
  }
  axesBuild();
  report.point = <u32>point;
  report.uncertain = epoch.count;
  const isExhaustive = report.states <= <f64>model.bound;
  report.isExhaustive = isExhaustive ? 1 : 0;
  report.ordinals = isExhaustive ? report.states : sampleCount();
  if (!isExhaustive) sampleBuild();
  return 0;
}

/** A crash point has been entered. */
function isAtPoint(): bool {
  return report.pointCount > 0 && report.point != NEVER;
}

/** Sets what is wanted to the state of an ordinal. 0, or ENOENT for one that the crash point has not. */
function decode(ordinal: f64): i32 {
  if (!isAtPoint() || !(ordinal >= 0 && ordinal < report.ordinals)) return -ENOENT;
  lossesForget();
  if (report.isExhaustive != 0) axesDecode(<u64>ordinal);
  else sampleDecode(<u64>ordinal);
  return 0;
}

/**
 * Builds and counts state number `ordinal` of the crash point, 0 to CRASH_ORDINALS - 1: 1 when its image is new, 0 when it came before. ENOENT; ENOSPC for
 * more images than there is room for; the errno of a file.
 */
export function crashBuild(ordinal: f64): i32 {
  const decoded = decode(ordinal);
  if (decoded != 0) return decoded;
  const built = imageBuild();
  return built != 0 ? built : imagesNote(<u64>ordinal);
}

/** Lists the losses of a state of the crash point, and leaves the image as it is: how many, or ENOENT. */
export function crashDescribe(ordinal: f64): i32 {
  const decoded = decode(ordinal);
  return decoded != 0 ? decoded : <i32>lossesDescribe();
}

/** Builds the state of the crash point that has the first `lossCount` losses and no others, and counts nothing: 1 when its image did not come before. EINVAL, ENOENT, or the errno of a file. */
export function crashRebuild(lossCount: i32): i32 {
  if (!isAtPoint()) return -ENOENT;
  const applied = lossesApply(<u32>lossCount);
  if (applied != 0) return applied;
  const built = imageBuild();
  if (built != 0) return built;
  imagesLookUp();
  return <i32>report.isNew;
}

/** Tells the report about image number `image`, 0 to CRASH_DISTINCT - 1. 0 or ENOENT. */
export function crashImage(image: i32): i32 {
  return imagesSelect(<u32>image);
}

/** Tells the report about visit number `visit`, 1 to CRASH_VISIT_COUNT: a state, and the next one with the same image. 0 or ENOENT. */
export function crashVisit(visit: i32): i32 {
  return visitSelect(<u32>visit);
}
