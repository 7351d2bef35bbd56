// Faults: what the rules of a drive make of a request, decided when the drive takes it.
//
// Verbs: faultsClaim, faultsInit, faultsAdopt, faultsDecide,
// placeDamage, damage, settleRoom, tearRun. The decision is left in the request: an error in `result`,
// else in `fault`, `faultAction`, `faultFlags`, `mediaSector` and `faultDelay`; drive.ts carries it out.
// Layout: one block of memory: the rules, then the layers. With it goes all that a drive's damage is but the layer file.
// Invariants: the first rule that decides about a request's outcome does, in the order in which rules were added; delays add
// up. What can not be done (no room for a layer, nowhere to lead a write) is not done, and counts as missed.

import { arenaClaim } from '../base/arena';
import { EAGAIN, ENOSPC, EROFS } from '../base/errno';
import { identityDraw, mix64 } from '../base/identity';
import {
  FAULT_ACT_DAMAGE,
  FAULT_ACT_DELAY,
  FAULT_ACT_FAIL,
  FAULT_ACT_FLIP,
  FAULT_ACT_GIVE_ROOM,
  FAULT_ACT_HANG,
  FAULT_ACT_IGNORE,
  FAULT_ACT_LATCH,
  FAULT_ACT_MOVE,
  FAULT_ACT_NONE,
  FAULT_ACT_ORPHAN,
  FAULT_ACT_PART,
  FAULT_ACT_REFUSE,
  FAULT_ACT_TAKE_ROOM,
  FAULT_ACT_TEAR,
  FAULT_ACT_UNFORCE,
  FAULT_FLAG_LATCHED,
  FAULT_FLAG_PLACED,
  FAULT_KEEP_FIRST,
  FAULT_KEEP_LAST,
  FAULT_KEEP_SOME,
  FAULT_LATENT,
  FAULT_LAYER_LATENT,
  FAULT_LAYER_ROT,
  FAULT_LAYER_SIZE,
  FAULT_READ_ONLY,
  FAULT_REORDER,
  FAULT_RULE_SIZE,
  FAULT_SLOW,
  OP_FLUSH,
  OP_READ,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';
import { backingZeroSectors } from './backing';
import { Drive } from './drive-table';
import { Layer, layerAdd, layersCount, layersCover, layersCut, layersFree, layersInit } from './fault-layers';
import { Rule, ruleAt, ruleDraw, ruleHit, ruleMeets, rulesCount, rulesInit, rulesUsed } from './fault-rules';
import {
  BIO_FUA,
  BIO_NOWAIT,
  FAULTED_FUA_IGNORED,
  FAULTED_IGNORED,
  FAULTED_LATE,
  FAULTED_STUCK,
  FAULTED_TORN,
  Request,
} from './request';

// purposes of a rule's draws beside the one that decides whether it hits
const DRAW_CHOICE: u64 = 1;
const DRAW_DELAY: u64 = 2;
const DRAW_PLACE: u64 = 3;

@unmanaged
class Block {
  base: usize;
  ruleCapacity: u32;
  layerCapacity: u32;
}

const block = changetype<Block>(memory.data(offsetof<Block>(), 16));

export function faultsClaim(ruleCapacity: u32, layerCapacity: u32): void {
  block.ruleCapacity = ruleCapacity;
  block.layerCapacity = layerCapacity;
  block.base = arenaClaim(faultsBytes(), 64);
}

/** Bytes of the block. */
export function faultsBytes(): u64 {
  return <u64>block.ruleCapacity * FAULT_RULE_SIZE + <u64>block.layerCapacity * FAULT_LAYER_SIZE;
}

export function faultsBase(): usize {
  return block.base;
}

export function faultsInit(): void {
  rulesInit(block.base, block.ruleCapacity);
  layersInit(block.base + <usize>block.ruleCapacity * FAULT_RULE_SIZE, block.layerCapacity);
}

/** The block was overwritten with that of another machine of the same config. */
export function faultsAdopt(): void {
  rulesCount();
  layersCount();
}

/** The damage of a latent or rot rule over [from, to). False without room for a layer, or when it is there already. */
export function placeDamage(
  drive: Drive,
  rule: Rule,
  from: u64,
  to: u64,
  chance: u32,
  generation: u32,
): bool {
  const kind: u32 = rule.effect == FAULT_LATENT ? FAULT_LAYER_LATENT : FAULT_LAYER_ROT;
  if (layersFree() < 2 || layersCover(drive, kind, from, to)) return false;
  layersCut(drive, kind, from, to, 0);
  const pointer = layerAdd(drive, kind, rule.number, from, to - from);
  if (pointer == 0) return false;
  const layer = changetype<Layer>(pointer);
  layer.purpose = mix64(rule.purpose + DRAW_PLACE);
  layer.bits = <u32>rule.first;
  layer.perMillion = chance;
  layer.generation = generation;
  return true;
}

/** Puts the damage where a rule and a request meet. */
export function damage(drive: Drive, rule: Rule, request: Request): bool {
  const from = max<u64>(rule.sector, request.mediaSector);
  const to = min<u64>(rule.sector + rule.sectors, request.mediaSector + request.sectorCount);
  return from < to && placeDamage(drive, rule, from, to, 1000000, request.generation);
}

/** Where a misdirected request goes: a place of the same size that it does not overlap; mediaSector when there is none. */
function elsewhere(drive: Drive, rule: Rule, request: Request): u64 {
  const sector = request.sector;
  const length = <u64>request.sectorCount;
  if (rule.flags & FAULT_FLAG_PLACED) {
    const target = rule.first + (sector - rule.sector);
    const isInside =
      sector >= rule.sector && target <= drive.sizeSectors && length <= drive.sizeSectors - target;
    return isInside && (target + length <= sector || sector + length <= target) ? target : sector;
  }
  // within the rule's range if the request is, at a multiple of its length from where it should be
  let zone = rule.sector;
  let zoneEnd = zone + rule.sectors;
  if (sector < zone || sector + length > zoneEnd) {
    zone = 0;
    zoneEnd = drive.sizeSectors;
  }
  const phase = (sector - zone) % length;
  const places = (zoneEnd - zone - phase) / length;
  if (places < 2) return sector;
  const place = (sector - zone) / length;
  const other = (place + 1 + (ruleDraw(rule, request, DRAW_CHOICE) % (places - 1))) % places;
  return zone + phase + other * length;
}

// ---- torn writes: units of `rule.second >> 24` sectors, counted from the start of the drive ----

function unitSectors(rule: Rule): u64 {
  return rule.second >> 24;
}

/** Whether the unit of the request, counted from 0 of `units`, reaches the media. */
function isUnitKept(rule: Rule, request: Request, unit: u64, units: u64): bool {
  switch (<u32>rule.second & 0xff) {
    case FAULT_KEEP_FIRST:
      return unit < rule.first;
    case FAULT_KEEP_LAST:
      return unit + rule.first >= units;
    default: {
      // one that is kept and one that is not, so that there is a tear
      const kept = request.faultDraw % units;
      if (unit == kept) return true;
      if (unit == (kept + 1 + ((request.faultDraw >> 32) % (units - 1))) % units) return false;
      return (identityDraw(request.faultDraw, 0, 0, unit, 0) & 1) != 0;
    }
  }
}

function unitsOf(rule: Rule, request: Request): u64 {
  const size = unitSectors(rule);
  return (request.mediaSector + request.sectorCount - 1) / size - request.mediaSector / size + 1;
}

/** How many sectors from the `skip`-th on share the fate of that one: they all reach the media, or none does. */
export function tearRun(request: Request, skip: u32): u32 {
  const rule = changetype<Rule>(request.fault);
  const isKept = isSectorKept(request, skip);
  let end = skip;
  while (end < request.sectorCount && isSectorKept(request, end) == isKept) {
    const size = unitSectors(rule);
    const next = ((request.mediaSector + end) / size + 1) * size - request.mediaSector;
    end = <u32>min<u64>(next, request.sectorCount);
  }
  return end - skip;
}

/** Whether a sector of a torn or short request, counted from 0, reaches the media. */
export function isSectorKept(request: Request, index: u32): bool {
  const rule = changetype<Rule>(request.fault);
  const size = unitSectors(rule);
  const unit = (request.mediaSector + index) / size - request.mediaSector / size;
  return isUnitKept(rule, request, unit, unitsOf(rule, request));
}

/** Decides whether a write is torn: not when it has a single unit, or all or none would be kept, or there is no room to remember. */
function tears(rule: Rule, request: Request): bool {
  const units = unitsOf(rule, request);
  if (units < 2 || ((<u32>rule.second & 0xff) != FAULT_KEEP_SOME && rule.first >= units)) return false;
  let lost: u32 = 0;
  request.fault = changetype<usize>(rule);
  for (let at: u32 = 0; at < request.sectorCount; at += tearRun(request, at)) {
    if (!isSectorKept(request, at)) lost++;
  }
  request.fault = 0;
  return lost > 0 && lost < layersFree();
}

/** The errno that a torn write ends with, or 0. */
export function tearError(rule: Rule): i32 {
  return <i32>(rule.second >> 8) & 0xffff;
}

// ---- deciding ----

/** The outcome is decided: no other rule has a say. */
function settle(drive: Drive, request: Request, rule: Rule, action: u32): void {
  request.fault = changetype<usize>(rule);
  request.faultAction = action;
  ruleHit(rule, drive, request);
}

function failWith(drive: Drive, request: Request, rule: Rule, errno: i32): void {
  settle(drive, request, rule, FAULT_ACT_FAIL);
  request.result = -errno;
}

function delay(drive: Drive, request: Request, rule: Rule): void {
  request.faultFlags |= FAULTED_LATE;
  if (rule.effect == FAULT_REORDER) request.faultDelay += ruleDraw(rule, request, DRAW_DELAY) % rule.first;
  else if (rule.effect == FAULT_SLOW) {
    request.faultDelay += rule.second;
    request.faultFactor += rule.first - 1000;
  } else request.faultDelay += rule.first;
  ruleHit(rule, drive, request);
}

/** What neither decides about the outcome nor keeps another rule from it. True when the action was one of those. */
function applyBeside(drive: Drive, request: Request, rule: Rule, action: u32): bool {
  switch (action) {
    case FAULT_ACT_DELAY:
      delay(drive, request, rule);
      return true;
    case FAULT_ACT_REFUSE:
      if ((request.flags & BIO_NOWAIT) != 0) return false;
      delay(drive, request, rule);
      return true;
    case FAULT_ACT_HANG:
      request.faultFlags |= FAULTED_STUCK | FAULTED_LATE;
      ruleHit(rule, drive, request);
      return true;
    case FAULT_ACT_UNFORCE:
      if ((request.flags & BIO_FUA) == 0) return true;
      request.faultFlags |= FAULTED_FUA_IGNORED;
      ruleHit(rule, drive, request);
      return true;
    default:
      return false;
  }
}

/** A request that changes bytes: what does not come about counts as missed. */
function applyToBytes(drive: Drive, request: Request, rule: Rule, action: u32): void {
  switch (action) {
    case FAULT_ACT_DAMAGE:
      // what a write leaves behind is damaged behind it
      if (request.operation == OP_READ && !damage(drive, rule, request)) return;
      if (request.operation != OP_READ && layersFree() < 4) break;
      settle(drive, request, rule, action);
      return;
    case FAULT_ACT_IGNORE:
      if (request.operation != OP_FLUSH && layersFree() < 3) break;
      request.faultFlags |= FAULTED_IGNORED;
      settle(drive, request, rule, action);
      return;
    case FAULT_ACT_MOVE: {
      const target = elsewhere(drive, rule, request);
      if (target == request.sector || (request.operation != OP_READ && layersFree() < 6)) break;
      request.mediaSector = target;
      settle(drive, request, rule, action);
      return;
    }
    case FAULT_ACT_TEAR:
      request.faultDraw = ruleDraw(rule, request, DRAW_CHOICE);
      if (!tears(rule, request)) break;
      request.faultFlags |= FAULTED_TORN;
      settle(drive, request, rule, action);
      return;
  }
  rule.missed++;
}

/** A thin drive: a sector takes room while it holds something else than zeros. An image that can not be read is as good as full of room. */
function takeRoom(drive: Drive, request: Request, rule: Rule, action: u32): void {
  const zeroSectors = backingZeroSectors(drive.fd, request.sector << SECTOR_SHIFT, request.sectorCount);
  if (action == FAULT_ACT_TAKE_ROOM && zeroSectors > 0 && <u64>zeroSectors > rule.left) {
    failWith(drive, request, rule, ENOSPC);
  } else if (zeroSectors >= 0) {
    request.roomRule = changetype<usize>(rule);
    request.roomBefore = <u32>zeroSectors;
  }
}

/** The request has been moved: how much room is left now. */
export function settleRoom(drive: Drive, request: Request): void {
  const zeroSectors = backingZeroSectors(drive.fd, request.sector << SECTOR_SHIFT, request.sectorCount);
  if (zeroSectors >= 0) changetype<Rule>(request.roomRule).left += <u64>zeroSectors - <u64>request.roomBefore;
}

function apply(drive: Drive, request: Request, rule: Rule, action: u32): void {
  if (applyBeside(drive, request, rule, action) || request.fault != 0) return;
  switch (action) {
    case FAULT_ACT_FAIL:
      failWith(drive, request, rule, <i32>rule.first);
      return;
    case FAULT_ACT_REFUSE:
      failWith(drive, request, rule, EAGAIN);
      return;
    case FAULT_ACT_LATCH:
      rule.flags |= FAULT_FLAG_LATCHED;
      failWith(drive, request, rule, rule.effect == FAULT_READ_ONLY ? EROFS : <i32>rule.first);
      return;
    case FAULT_ACT_ORPHAN:
      failWith(drive, request, rule, <i32>rule.first);
      request.faultAction = action;
      return;
    case FAULT_ACT_PART:
      if (rule.first < <u64>request.sectorCount) settle(drive, request, rule, action);
      return;
    case FAULT_ACT_FLIP:
      request.faultDraw = ruleDraw(rule, request, DRAW_CHOICE);
      settle(drive, request, rule, action);
      return;
    case FAULT_ACT_TAKE_ROOM:
    case FAULT_ACT_GIVE_ROOM:
      takeRoom(drive, request, rule, action);
      return;
    default:
      applyToBytes(drive, request, rule, action);
  }
}

/** The drive takes the request: each of its rules has a look. Called only for a drive with rules. */
export function faultsDecide(drive: Drive, request: Request): void {
  request.faultDelay = 0;
  request.faultFactor = 0;
  request.roomRule = 0;
  for (let index: u32 = 0; index < rulesUsed(); index++) {
    const rule = ruleAt(index);
    if (rule.number == 0 || rule.drive != drive.index) continue;
    const action = ruleMeets(rule, request);
    if (action != FAULT_ACT_NONE) apply(drive, request, rule, action);
  }
}
