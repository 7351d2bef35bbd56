// Rules of faults: which requests of which drive they meet.
//
// Verbs: rulesClaim, rulesInit, ruleAdd, ruleFind, ruleRemove, ruleAt, ruleMeets, ruleHit. A rule looks at drive, operation, sectors,
// domain and time; what passes matches, and is counted; of those it takes the n-th, every n-th or all from the n-th on; of those,
// by chance, some; and no more than it has times for. Chance is decided by identity (base/identity.ts).
// Layout: an array of FAULT_RULE_SIZE records (layout.ts FAULT_RULE_…); a place whose number is 0 is free.
// Invariant: a rule that meets nothing changes nothing: no record, no counter, no draw of another rule.

import { now } from '../base/clock';
import { count, counterValue } from '../base/counters';
import { identityDraw, mix64, purposeOf } from '../base/identity';
import { record, recording } from '../base/record';
import {
  COUNTER_DRIVE_FAULTS,
  COUNTER_STEPS,
  FAULT_ACT_NONE,
  FAULT_COUNT_EVERY,
  FAULT_COUNT_FROM,
  FAULT_COUNT_NTH,
  FAULT_FLAG_AT_ONCE,
  FAULT_FLAG_ENABLED,
  FAULT_FLAG_FUA,
  FAULT_FLAG_LATCHED,
  FAULT_FLAKY,
  FAULT_RULE_NAME,
  FAULT_RULE_SIZE,
  OP_FLUSH,
  RECORD_FAULT,
} from '../layout';
import { Drive, driveAt, driveCount } from './drive-table';
import { actionOf } from './fault-table';
import { BIO_FUA, Bio, Request } from './request';

const MILLION: u32 = 1000000;

/** Field for field what layout.ts calls FAULT_RULE_…; the name follows. */
@unmanaged
export class Rule {
  number: u32;
  effect: u32;
  drive: u32;
  operations: u32;
  flags: u32;
  counting: u32;
  perMillion: u32;
  times: u32;
  sector: u64;
  sectors: u64;
  nth: u64;
  after: u64;
  until: u64;
  first: u64;
  second: u64;
  matches: u64;
  hits: u64;
  missed: u64;
  purpose: u64;
  left: u64;
  afterStep: u64;
  domain: u32;
  nameBytes: u32;
}

@unmanaged
class Rules {
  base: usize;
  capacity: u32;
  /** Places up to the last rule. */
  used: u32;
  nextNumber: u32;
}

const table = changetype<Rules>(memory.data(offsetof<Rules>(), 16));

/** `base`: FAULT_RULE_SIZE bytes for each of `capacity` rules. */
export function rulesInit(base: usize, capacity: u32): void {
  if (offsetof<Rule>('nameBytes') + 4 != FAULT_RULE_NAME) ERROR('a rule is not what layout.ts says');
  table.base = base;
  table.capacity = capacity;
  table.used = 0;
  table.nextNumber = 1;
}

/** Places that may hold rules: ruleAt(0) to ruleAt(rulesUsed() - 1). */
export function rulesUsed(): u32 {
  return table.used;
}

export function ruleAt(index: u32): Rule {
  return changetype<Rule>(table.base + <usize>index * FAULT_RULE_SIZE);
}

/** The rule of a number, or 0. */
export function ruleFind(number: u32): usize {
  for (let index: u32 = 0; index < table.used; index++) {
    const rule = ruleAt(index);
    if (number != 0 && rule.number == number) return changetype<usize>(rule);
  }
  return 0;
}

/** Counts again what the drives have to look at, from the rules that there are. */
export function rulesCount(): void {
  for (let index: u32 = 0; index < driveCount(); index++) driveAt(index).ruleCount = 0;
  table.used = 0;
  table.nextNumber = max<u32>(table.nextNumber, 1);
  for (let index: u32 = 0; index < table.capacity; index++) {
    const rule = ruleAt(index);
    if (rule.number == 0) continue;
    table.used = index + 1;
    table.nextNumber = max<u32>(table.nextNumber, rule.number + 1);
    const drive = driveAt(rule.drive);
    drive.ruleCount++;
    drive.needsIdentity = 1;
  }
}

/** Takes the rule at `from`, which is in its ranges; its place, or 0 when there is none. */
export function ruleAdd(from: usize): usize {
  for (let index: u32 = 0; index < table.capacity; index++) {
    const rule = ruleAt(index);
    if (rule.number != 0) continue;
    memory.copy(changetype<usize>(rule), from, FAULT_RULE_SIZE);
    rule.flags &= ~FAULT_FLAG_LATCHED;
    rule.matches = 0;
    rule.hits = 0;
    rule.missed = 0;
    rule.left = rule.first;
    rule.purpose = purposeOf(changetype<usize>(rule) + FAULT_RULE_NAME, rule.nameBytes);
    rule.number = table.nextNumber;
    rulesCount();
    return changetype<usize>(rule);
  }
  return 0;
}

export function ruleRemove(rule: Rule): void {
  rule.number = 0;
  rulesCount();
}

/** 64 random bits about a request for one purpose of a rule. */
export function ruleDraw(rule: Rule, request: Request, purpose: u64): u64 {
  return identityDraw(
    mix64(rule.purpose + purpose),
    rule.drive,
    request.operation,
    request.sector,
    request.generation,
  );
}

function isCounted(rule: Rule): bool {
  switch (rule.counting) {
    case FAULT_COUNT_NTH:
      return rule.matches == rule.nth;
    case FAULT_COUNT_EVERY:
      return rule.matches % rule.nth == 0;
    case FAULT_COUNT_FROM:
      return rule.matches >= rule.nth;
    default:
      return true;
  }
}

function isInRange(rule: Rule, request: Request): bool {
  if (request.operation == OP_FLUSH) return true;
  const end = request.sector + request.sectorCount;
  // an overflow of sector + sectors would be a range without end
  return end > rule.sector && (request.sector < rule.sector || request.sector - rule.sector < rule.sectors);
}

/** A request is of the domain of each of its bios. A flush without bios is for everything, and of no domain. */
function isInDomain(rule: Rule, request: Request): bool {
  if (rule.domain == 0) return true;
  for (let pointer = request.bioHead; pointer != 0; pointer = changetype<Bio>(pointer).next) {
    if (changetype<Bio>(pointer).domain == rule.domain) return true;
  }
  return false;
}

/** What the rule does to the request (FAULT_ACT_…); counts a match. */
export function ruleMeets(rule: Rule, request: Request): u32 {
  if ((rule.flags & FAULT_FLAG_ENABLED) == 0) return FAULT_ACT_NONE;
  const action = actionOf(rule.effect, request.operation);
  if (action == FAULT_ACT_NONE || (rule.flags & FAULT_FLAG_LATCHED) != 0) return action;
  if ((rule.flags & FAULT_FLAG_AT_ONCE) != 0) return FAULT_ACT_NONE;
  if ((rule.operations & (1 << request.operation)) == 0 || !isInRange(rule, request)) return FAULT_ACT_NONE;
  if (!isInDomain(rule, request)) return FAULT_ACT_NONE;
  if ((rule.flags & FAULT_FLAG_FUA) != 0 && (request.flags & BIO_FUA) == 0) return FAULT_ACT_NONE;
  if (counterValue(COUNTER_STEPS) < rule.afterStep) return FAULT_ACT_NONE;
  if (now() < rule.after || (rule.until != 0 && now() >= rule.until)) return FAULT_ACT_NONE;
  // the next read of a place is right
  if (rule.effect == FAULT_FLAKY && (request.generation & 1) != 0) return FAULT_ACT_NONE;
  rule.matches++;
  if (!isCounted(rule) || (rule.times != 0 && rule.hits >= <u64>rule.times)) return FAULT_ACT_NONE;
  if (rule.perMillion >= MILLION) return action;
  const isDrawn = ruleDraw(rule, request, 0) % MILLION < <u64>rule.perMillion;
  return isDrawn ? action : FAULT_ACT_NONE;
}

/** The rule has done something to the request. */
export function ruleHit(rule: Rule, drive: Drive, request: Request): void {
  rule.hits++;
  count(COUNTER_DRIVE_FAULTS);
  if (!recording()) return;
  record(
    RECORD_FAULT,
    request.operation,
    drive.index,
    request.id,
    request.sector,
    request.sectorCount,
    rule.number,
  );
}
