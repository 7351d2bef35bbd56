// A rule in the core's memory: FAULT_RULE_… of assembly/layout.ts, written and read.
//
// Verbs: writeRule, readRule, describeBadRule. Sectors there, bytes here.

import * as layout from '../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../assembly/limits.ts';
import type { LinearMemory } from '../core/linear-memory.ts';
import { ConfigError, errnoName, errnoNumber } from '../errors.ts';
import type { ResolvedFaultRule } from './rule.ts';
import { FAULT_EFFECTS, OPERATIONS, operationsOf } from './table.ts';

const COUNTINGS = ['all', 'nth', 'every', 'from'] as const;
const KEEPS = ['first', 'last', 'some'];
/** More than any drive has. */
const ALL_SECTORS = 2 ** 44;

/** The range of a rule on its drive, in bytes. `length` undefined: to the end of the drive. */
export interface FaultRange {
  readonly drive: number;
  readonly offset: number;
  readonly length: number | undefined;
}

function errnoOf(rule: ResolvedFaultRule): number {
  return rule.errno === undefined ? 0 : (errnoNumber(rule.errno) ?? 0);
}

/** The two numbers that the effect needs, as layout.ts says them. */
function parametersOf(rule: ResolvedFaultRule): [first: number, second: number] {
  switch (rule.effect) {
    case 'short':
      return [(rule.bytes ?? 0) / SECTOR_SIZE, errnoOf(rule)];
    case 'rot':
    case 'flaky':
      return [rule.bits ?? 1, 0];
    case 'enospc':
      return [(rule.room ?? 0) / SECTOR_SIZE, 0];
    case 'misdirectedWrite':
    case 'misdirectedRead':
      return [(rule.to ?? 0) / SECTOR_SIZE, 0];
    case 'tornWrite': {
      const [mode = 'some', units = '0'] = (rule.keep ?? 'some').split(':');
      const unit = (rule.unit ?? SECTOR_SIZE) / SECTOR_SIZE;
      return [Number(units), KEEPS.indexOf(mode) + errnoOf(rule) * 2 ** 8 + unit * 2 ** 24];
    }
    case 'slow':
      return [Math.round((rule.factor ?? 1) * 1000), rule.delayNs ?? 0];
    case 'queueFull':
    case 'reorder':
      return [rule.delayNs ?? 1, 0];
    default:
      return [errnoOf(rule), 0];
  }
}

/** Writes the rule with its range on the drive to `address`, FAULT_RULE_SIZE bytes. */
export function writeRule(
  memory: LinearMemory,
  address: number,
  rule: ResolvedFaultRule,
  range: FaultRange,
): void {
  memory.bytes.fill(0, address, address + layout.FAULT_RULE_SIZE);
  const operations = rule.on ?? operationsOf(rule.effect);
  const [first, second] = parametersOf(rule);
  const name = new TextEncoder().encode(rule.name);
  const u32 = (field: number, value: number) => memory.setU32(address + field, value);
  const u64 = (field: number, value: number) => memory.setU64(address + field, value);
  u32(layout.FAULT_RULE_EFFECT, FAULT_EFFECTS.indexOf(rule.effect));
  u32(layout.FAULT_RULE_DRIVE, range.drive);
  u32(
    layout.FAULT_RULE_OPERATIONS,
    operations.reduce((mask, operation) => mask | (1 << OPERATIONS.indexOf(operation)), 0),
  );
  u32(
    layout.FAULT_RULE_FLAGS,
    (rule.enabled ? layout.FAULT_FLAG_ENABLED : 0) |
      (rule.fua ? layout.FAULT_FLAG_FUA : 0) |
      (rule.to === undefined ? 0 : layout.FAULT_FLAG_PLACED) |
      (rule.on === undefined ? layout.FAULT_FLAG_AT_ONCE : 0),
  );
  u32(layout.FAULT_RULE_COUNTING, COUNTINGS.indexOf(rule.counting));
  u32(layout.FAULT_RULE_PER_MILLION, rule.perMillion);
  u32(layout.FAULT_RULE_TIMES, rule.times);
  u64(layout.FAULT_RULE_SECTOR, range.offset / SECTOR_SIZE);
  u64(layout.FAULT_RULE_SECTORS, range.length === undefined ? ALL_SECTORS : range.length / SECTOR_SIZE);
  u64(layout.FAULT_RULE_NTH, rule.count);
  u64(layout.FAULT_RULE_AFTER, rule.afterNs);
  u64(layout.FAULT_RULE_UNTIL, rule.untilNs ?? 0);
  u64(layout.FAULT_RULE_AFTER_STEP, rule.afterStep);
  u64(layout.FAULT_RULE_FIRST, first);
  u64(layout.FAULT_RULE_SECOND, second);
  u32(layout.FAULT_RULE_DOMAIN, rule.domain === 'metadata' ? layout.LOG_DOMAIN_METADATA : rule.domain);
  u32(layout.FAULT_RULE_NAME_BYTES, name.length);
  memory.bytes.set(name, address + layout.FAULT_RULE_NAME);
}

/** The effect's own fields from its two numbers. */
function readParameters(
  effect: ResolvedFaultRule['effect'],
  first: number,
  second: number,
  isPlaced: boolean,
): Partial<ResolvedFaultRule> {
  switch (effect) {
    case 'eio':
    case 'failedFlush':
    case 'gone':
      return { errno: errnoName(first) };
    case 'short':
      return { bytes: first * SECTOR_SIZE, errno: errnoName(second) };
    case 'rot':
    case 'flaky':
      return { bits: first };
    case 'enospc':
      return { room: first * SECTOR_SIZE };
    case 'misdirectedWrite':
    case 'misdirectedRead':
      return { to: isPlaced ? first * SECTOR_SIZE : undefined };
    case 'tornWrite': {
      const mode = KEEPS[second % 2 ** 8] as string;
      const errno = Math.floor(second / 2 ** 8) % 2 ** 16;
      return {
        keep: mode === 'some' ? mode : `${mode}:${first}`,
        unit: Math.floor(second / 2 ** 24) * SECTOR_SIZE,
        errno: errno === 0 ? undefined : errnoName(errno),
      };
    }
    case 'slow':
      return { factor: first / 1000, delayNs: second };
    case 'queueFull':
    case 'reorder':
      return { delayNs: first };
    default:
      return {};
  }
}

/** The rule at `address`; its range is the drive's, whatever file it was given for. `driveBytes`: of its drive. */
export function readRule(
  memory: LinearMemory,
  address: number,
  driveBytes: (drive: number) => number,
): ResolvedFaultRule {
  const u32 = (field: number) => memory.u32(address + field);
  const u64 = (field: number) => memory.u64(address + field);
  const effect = FAULT_EFFECTS[u32(layout.FAULT_RULE_EFFECT)] as ResolvedFaultRule['effect'];
  const flags = u32(layout.FAULT_RULE_FLAGS);
  const mask = u32(layout.FAULT_RULE_OPERATIONS);
  const drive = u32(layout.FAULT_RULE_DRIVE);
  const offset = u64(layout.FAULT_RULE_SECTOR) * SECTOR_SIZE;
  const length = u64(layout.FAULT_RULE_SECTORS) * SECTOR_SIZE;
  const until = u64(layout.FAULT_RULE_UNTIL);
  const domain = u32(layout.FAULT_RULE_DOMAIN);
  const name = address + layout.FAULT_RULE_NAME;
  return {
    effect,
    name: new TextDecoder().decode(memory.bytes.slice(name, name + u32(layout.FAULT_RULE_NAME_BYTES))),
    drive,
    on:
      (flags & layout.FAULT_FLAG_AT_ONCE) !== 0
        ? undefined
        : OPERATIONS.filter((_, operation) => (mask & (1 << operation)) !== 0),
    fua: (flags & layout.FAULT_FLAG_FUA) !== 0,
    offset,
    length: offset + length === driveBytes(drive) ? undefined : length,
    file: undefined,
    domain: domain === layout.LOG_DOMAIN_METADATA ? 'metadata' : domain,
    counting: COUNTINGS[u32(layout.FAULT_RULE_COUNTING)] ?? 'all',
    count: u64(layout.FAULT_RULE_NTH),
    afterNs: u64(layout.FAULT_RULE_AFTER),
    untilNs: until === 0 ? undefined : until,
    afterStep: u64(layout.FAULT_RULE_AFTER_STEP),
    perMillion: u32(layout.FAULT_RULE_PER_MILLION),
    times: u32(layout.FAULT_RULE_TIMES),
    enabled: (flags & layout.FAULT_FLAG_ENABLED) !== 0,
    ...readParameters(
      effect,
      u64(layout.FAULT_RULE_FIRST),
      u64(layout.FAULT_RULE_SECOND),
      (flags & layout.FAULT_FLAG_PLACED) !== 0,
    ),
  };
}

/** The core refused a field that depends on the drive. */
export function describeBadRule(badField: number, rule: ResolvedFaultRule, at: string): ConfigError {
  if (badField === layout.FAULT_RULE_SECTOR)
    return new ConfigError(`${at}.offset`, rule.offset, 'below the size of the drive');
  if (badField === layout.FAULT_RULE_FIRST)
    return new ConfigError(`${at}.to`, rule.to, 'below the size of the drive');
  return new ConfigError(at, badField, 'a rule that the core takes');
}
