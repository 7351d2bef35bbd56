// Faults as exports: rules, layers of damage, late requests.
//
// Verbs: faultAdd, faultRemove, faultEnable, faultRuleAt, faultLayerAt, faultLayerRemove, faultHeal, faultsAttach, faultsAddress,
// faultsBytes, faultsAdopt, driveCancelRequest, driveLateRequest.

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP } from '../base/errno';
import { driveCancel } from '../drive/drive';
import { Drive, driveAt, driveCount, movesBytes } from '../drive/drive-table';
import {
  Layer,
  layerAt,
  layerFind,
  layerHeal,
  layerRemove,
  layersAttach,
  layersFree,
  layersHaveFile,
  layersUsed,
} from '../drive/fault-layers';
import { Rule, ruleAdd, ruleAt, ruleFind, ruleRemove, rulesUsed } from '../drive/fault-rules';
import { actionOf } from '../drive/fault-table';
import { faultsAdopt as adopt, faultsBytes as blockBytes, faultsBase, placeDamage } from '../drive/faults';
import { Request } from '../drive/request';
import {
  FAULT_ACT_NONE,
  FAULT_COUNT_ALL,
  FAULT_COUNT_FROM,
  FAULT_EFFECT_COUNT,
  FAULT_EIO,
  FAULT_ENOSPC,
  FAULT_FAILED_FLUSH,
  FAULT_FLAG_AT_ONCE,
  FAULT_FLAG_ENABLED,
  FAULT_FLAG_FUA,
  FAULT_FLAG_PLACED,
  FAULT_FLAKY,
  FAULT_GONE,
  FAULT_KEEP_SOME,
  FAULT_LATENT,
  FAULT_LOST_WRITE,
  FAULT_MISDIRECTED_READ,
  FAULT_MISDIRECTED_WRITE,
  FAULT_QUEUE_FULL,
  FAULT_REORDER,
  FAULT_ROT,
  FAULT_RULE_COUNTING,
  FAULT_RULE_DOMAIN,
  FAULT_RULE_EFFECT,
  FAULT_RULE_FIRST,
  FAULT_RULE_FLAGS,
  FAULT_RULE_NAME_BYTES,
  FAULT_RULE_NAME_ROOM,
  FAULT_RULE_NTH,
  FAULT_RULE_OPERATIONS,
  FAULT_RULE_PER_MILLION,
  FAULT_RULE_SECOND,
  FAULT_RULE_SECTOR,
  FAULT_RULE_SECTORS,
  FAULT_RULE_SIZE,
  FAULT_RULE_UNTIL,
  FAULT_SHORT,
  FAULT_SLOW,
  FAULT_TORN_WRITE,
  OP_COUNT,
} from '../layout';
import { MAX_FAULT_BITS, MAX_FAULT_FACTOR } from '../limits';
import { noteBadField } from './root';

const MAX_ERRNO: u64 = 4095;
const MAX_NS: u64 = 0x20000000000000;
const MAX_UNIT_SECTORS: u64 = 128;
/** Free layers without which no damage is placed. */
const LAYERS_AT_LEAST: u32 = 2;

/** True for effects that change bytes, or have to see them. */
function needsBytes(effect: u32): bool {
  switch (effect) {
    case FAULT_ENOSPC:
    case FAULT_ROT:
    case FAULT_FLAKY:
    case FAULT_LOST_WRITE:
    case FAULT_MISDIRECTED_WRITE:
    case FAULT_MISDIRECTED_READ:
    case FAULT_TORN_WRITE:
      return true;
    default:
      return false;
  }
}

function isErrno(value: u64): bool {
  return value > 0 && value <= MAX_ERRNO;
}

function isTear(second: u64): bool {
  const unit = second >> 24;
  return (
    (second & 0xff) <= <u64>FAULT_KEEP_SOME &&
    ((second >> 8) & 0xffff) <= MAX_ERRNO &&
    unit >= 1 &&
    unit <= MAX_UNIT_SECTORS &&
    popcnt<u64>(unit) == 1
  );
}

/** Which of FAULT_RULE_FIRST and FAULT_RULE_SECOND is out of its range, or 0. */
function badArgument(rule: Rule, drive: Drive): u32 {
  const first = rule.first;
  switch (rule.effect) {
    case FAULT_EIO:
    case FAULT_FAILED_FLUSH:
    case FAULT_GONE:
      return isErrno(first) ? 0 : FAULT_RULE_FIRST;
    case FAULT_SHORT:
      return isErrno(rule.second) ? 0 : FAULT_RULE_SECOND;
    case FAULT_ROT:
    case FAULT_FLAKY:
      return first >= 1 && first <= <u64>MAX_FAULT_BITS ? 0 : FAULT_RULE_FIRST;
    case FAULT_MISDIRECTED_WRITE:
    case FAULT_MISDIRECTED_READ:
      return (rule.flags & FAULT_FLAG_PLACED) == 0 || first < drive.sizeSectors ? 0 : FAULT_RULE_FIRST;
    case FAULT_TORN_WRITE:
      return isTear(rule.second) ? 0 : FAULT_RULE_SECOND;
    case FAULT_SLOW:
      if (first < 1000 || first > <u64>MAX_FAULT_FACTOR) return FAULT_RULE_FIRST;
      return rule.second <= MAX_NS ? 0 : FAULT_RULE_SECOND;
    case FAULT_QUEUE_FULL:
    case FAULT_REORDER:
      return first >= 1 && first <= MAX_NS ? 0 : FAULT_RULE_FIRST;
    default:
      return 0;
  }
}

/** The first field that is out of its range, or 0 when none is. */
function badField(rule: Rule, drive: Drive): u32 {
  if (rule.effect >= <u32>FAULT_EFFECT_COUNT) return FAULT_RULE_EFFECT;
  if (rule.operations == 0 || rule.operations >> OP_COUNT != 0) return FAULT_RULE_OPERATIONS;
  for (let operation: u32 = 0; operation < <u32>OP_COUNT; operation++) {
    const isAsked = (rule.operations & (1 << operation)) != 0;
    if (isAsked && actionOf(rule.effect, operation) == FAULT_ACT_NONE) return FAULT_RULE_OPERATIONS;
  }
  const flags: u32 = FAULT_FLAG_ENABLED | FAULT_FLAG_FUA | FAULT_FLAG_PLACED | FAULT_FLAG_AT_ONCE;
  const isDamage = rule.effect == FAULT_LATENT || rule.effect == FAULT_ROT;
  if ((rule.flags & ~flags) != 0 || ((rule.flags & FAULT_FLAG_AT_ONCE) != 0 && !isDamage))
    return FAULT_RULE_FLAGS;
  if ((rule.flags & FAULT_FLAG_AT_ONCE) != 0 && rule.domain != 0) return FAULT_RULE_DOMAIN;
  if (rule.counting > <u32>FAULT_COUNT_FROM) return FAULT_RULE_COUNTING;
  if (rule.counting != FAULT_COUNT_ALL && rule.nth == 0) return FAULT_RULE_NTH;
  if (rule.perMillion > 1000000) return FAULT_RULE_PER_MILLION;
  if (rule.sector >= drive.sizeSectors) return FAULT_RULE_SECTOR;
  if (rule.sectors == 0) return FAULT_RULE_SECTORS;
  if (rule.until != 0 && rule.until <= rule.after) return FAULT_RULE_UNTIL;
  if (rule.nameBytes > <u32>FAULT_RULE_NAME_ROOM) return FAULT_RULE_NAME_BYTES;
  return badArgument(rule, drive);
}

/**
 * Takes the rule in client memory at `address` (a multiple of 8). Its number, 1 and up; EINVAL with the field's FAULT_RULE_… offset in
 * ROOT_BAD_FIELD; ENODEV for its drive, EOPNOTSUPP for what needs bytes in a machine without, ENOSPC without room.
 */
export function faultAdd(address: i32): i32 {
  if (!isClientRange(<u32>address, FAULT_RULE_SIZE) || (address & 7) != 0) return -EFAULT;
  const from = changetype<Rule>(<usize>address);
  if (from.drive >= driveCount()) return -ENODEV;
  const drive = driveAt(from.drive);
  const bad = badField(from, drive);
  if (bad != 0) {
    noteBadField(bad, 0);
    return -EINVAL;
  }
  if (needsBytes(from.effect) && (!movesBytes() || !layersHaveFile())) return -EOPNOTSUPP;
  const pointer = ruleAdd(<usize>address);
  if (pointer == 0) return -ENOSPC;
  const rule = changetype<Rule>(pointer);
  rule.sectors = min<u64>(rule.sectors, drive.sizeSectors - rule.sector);
  if (!placeAtOnce(rule)) {
    ruleRemove(rule);
    return -ENOSPC;
  }
  return <i32>rule.number;
}

/** The damage that a rule does without a request, once, when it is enabled first. False without room for it. */
function placeAtOnce(rule: Rule): bool {
  const flags: u32 = FAULT_FLAG_AT_ONCE | FAULT_FLAG_ENABLED;
  if ((rule.flags & flags) != flags || rule.perMillion == 0 || rule.hits != 0) return true;
  const end = rule.sector + rule.sectors;
  const isPlaced = placeDamage(driveAt(rule.drive), rule, rule.sector, end, rule.perMillion, 0);
  // it may be damaged all over already
  if (!isPlaced && layersFree() < LAYERS_AT_LEAST) return false;
  rule.hits = 1;
  return true;
}

/** Takes a rule away; the damage that it has done stays. 0 or ENOENT. */
export function faultRemove(number: i32): i32 {
  const pointer = ruleFind(<u32>number);
  if (pointer == 0) return -ENOENT;
  ruleRemove(changetype<Rule>(pointer));
  return 0;
}

/** Switches a rule on (1) or off (0). Switched on again, it goes on counting where it was, and what it had brought about for good is over. 0, ENOENT, or ENOSPC without room for damage that it does at once. */
export function faultEnable(number: i32, isOn: i32): i32 {
  const pointer = ruleFind(<u32>number);
  if (pointer == 0) return -ENOENT;
  const rule = changetype<Rule>(pointer);
  const kept: u32 = FAULT_FLAG_FUA | FAULT_FLAG_PLACED | FAULT_FLAG_AT_ONCE;
  rule.flags = (rule.flags & kept) | (isOn != 0 ? FAULT_FLAG_ENABLED : 0);
  return placeAtOnce(rule) ? 0 : -ENOSPC;
}

/** Address of the rule in place `index` (FAULT_RULE_…, its number is 0 when the place is free), or 0 behind the last. */
export function faultRuleAt(index: i32): i32 {
  return <u32>index < rulesUsed() ? <i32>changetype<usize>(ruleAt(<u32>index)) : 0;
}

/** Address of the layer in place `index` (FAULT_LAYER_…, its number is 0 when the place is free), or 0 behind the last. */
export function faultLayerAt(index: i32): i32 {
  return <u32>index < layersUsed() ? <i32>changetype<usize>(layerAt(<u32>index)) : 0;
}

/** A layer goes; with `isHealing` what should be there is there again. 0, ENOENT, or an errno of the image. */
export function faultLayerRemove(number: i32, isHealing: i32): i32 {
  const pointer = layerFind(<u32>number);
  if (pointer == 0) return -ENOENT;
  if (isHealing != 0) return layerHeal(changetype<Layer>(pointer));
  layerRemove(changetype<Layer>(pointer));
  return 0;
}

/** Gives the machine the file in which layers keep bytes: an open WASI descriptor. */
export function faultsAttach(fd: i32): i32 {
  layersAttach(fd);
  return 0;
}

/** Address of all rules and layers: one block, the same in every machine of one config. */
export function faultsAddress(): i32 {
  return <i32>faultsBase();
}

export function faultsBytes(): i32 {
  return <i32>blockBytes();
}

/** The block was overwritten with another machine's. */
export function faultsAdopt(): i32 {
  adopt();
  return 0;
}

/** Ends a late or stuck request of a drive with ECANCELED. 0, ENODEV, or ENOENT when none of that identity is late. */
export function driveCancelRequest(drive: i32, id: i32): i32 {
  return <u32>drive < driveCount() ? driveCancel(driveAt(<u32>drive), <u32>id) : -ENODEV;
}

/** Identity of the `index`-th late or stuck request of a drive, the last one first; 0 behind the oldest, or ENODEV. */
export function driveLateRequest(drive: i32, index: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (index < 0) return -EINVAL;
  let pointer = driveAt(<u32>drive).lateHead;
  for (; pointer != 0 && index > 0; index--) pointer = changetype<Request>(pointer).next;
  return pointer == 0 ? 0 : <i32>changetype<Request>(pointer).id;
}
