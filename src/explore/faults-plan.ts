// Which faults are tried: the catalogue, and what a caller asks for, as rules that take the number of a point.
//
// Verbs: planFaults, ruleAt. A planned fault has one operation; its rule has no counting of its own.

import type { BlockOperation } from '../block-device.ts';
import { ConfigError } from '../errors.ts';
import { type FaultRule, resolveFaultRule } from '../faults/rule.ts';
import { FAULT_EFFECTS, type FaultEffect, operationsOf } from '../faults/table.ts';
import { formatFaultRule, parseFaultRule } from '../faults/text.ts';

/** A fault to try at one request after the other. */
export interface PlannedFault {
  readonly effect: FaultEffect;
  readonly operation: BlockOperation;
  readonly rule: FaultRule;
  /** The rule as text. */
  readonly text: string;
}

/**
 * Effects that leave something wrong on the drive, or give wrong bytes, without an error at the time: files without copies and checksums can
 * not be right afterwards, they can only notice it. After all others the drive holds what it should, or has said that it does not.
 */
export const SILENT_FAULTS: readonly FaultEffect[] = [
  'latent',
  'rot',
  'flaky',
  'lostWrite',
  'misdirectedWrite',
  'misdirectedRead',
  'tornWrite',
  'ignoredFlush',
  'ignoredFua',
];

/** Effects after which the drive works and holds what it has reported: what an engine without checksums can be asked to survive. */
export const REPORTED_FAULTS: readonly FaultEffect[] = FAULT_EFFECTS.filter(
  (effect) => !SILENT_FAULTS.includes(effect),
);

/** Errors that stay: a retry fails as well. */
const LASTING: readonly FaultEffect[] = ['eio', 'enospc', 'failedFlush', 'ignoredFlush'];

/** A late request is late by more than most timeouts of programs, and by less than the drive's own. */
const SLOW_NS = 10e9;

/** What exploreFaults tries by default: every effect at each operation that it concerns, once, and errors that stay as well. */
export const FAULT_CATALOGUE: readonly FaultRule[] = [
  ...FAULT_EFFECTS.flatMap((effect) => rulesOf(effect)),
  ...LASTING.flatMap((effect) => rulesOf(effect).map((rule) => ({ ...rule, times: 'ever' as const }))),
];

/** What a rule for the effect needs beside its name. */
function fieldsOf(effect: FaultEffect): Partial<FaultRule> {
  if (effect === 'slow') return { delayNs: SLOW_NS };
  return effect === 'ignoredFua' ? { fua: true } : {};
}

function rulesOf(effect: FaultEffect): FaultRule[] {
  // a discard gives room back, and can not lack it
  const operations = operationsOf(effect).filter((operation) => effect !== 'enospc' || operation === 'write');
  return operations.map((on) => ({ effect, on, times: 'once', ...fieldsOf(effect) }));
}

const COUNTING = ['nth', 'every', 'from'] as const;

function rules(given: FaultEffect | FaultRule | string, at: string): FaultRule[] {
  if (typeof given === 'string' && FAULT_EFFECTS.includes(given as FaultEffect))
    return rulesOf(given as FaultEffect);
  const rule = typeof given === 'string' ? readText(given, at) : given;
  for (const name of COUNTING) {
    if (rule[name] !== undefined)
      throw new ConfigError(`${at}.${name}`, rule[name], 'left out: each request has its turn');
  }
  const on = typeof rule.on === 'string' ? [rule.on] : (rule.on ?? operationsOf(rule.effect));
  return on.map((operation) => ({ ...rule, on: operation, times: rule.times ?? 'once' }));
}

/** A rule that was text, as an object that a caller would have given. */
function readText(text: string, at: string): FaultRule {
  const { counting, count, times, domain, ...fields } = parseFaultRule(text, at);
  return {
    ...(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
      effect: FaultEffect;
    }),
    ...(counting === 'all' ? {} : { [counting]: count }),
    ...(domain === 0 ? {} : { domain }),
    // 'ever' is what a rule has that says nothing, and here it is 'once'
    ...(text.includes(' times=') ? { times: times === 0 ? 'ever' : times } : {}),
  };
}

/** Bytes of the drive that the workload uses: a misdirected request goes to one of them. */
export interface UsedRange {
  readonly offset: number;
  readonly length: number;
}

function isMisdirecting({ effect, offset, length, to }: FaultRule): boolean {
  const isFree = offset === undefined && length === undefined && to === undefined;
  return isFree && (effect === 'misdirectedWrite' || effect === 'misdirectedRead');
}

/** The faults to try, in their order. Throws ConfigError for what is no rule, and for one that counts by itself. */
export function planFaults(
  given: readonly (FaultEffect | FaultRule | string)[] | undefined,
  used: UsedRange | undefined,
): PlannedFault[] {
  const all = (given ?? FAULT_CATALOGUE).flatMap((one, index) => rules(one, `faults[${index}]`));
  return all.map((rule, index) => {
    const placed =
      used !== undefined && rule.file === undefined && isMisdirecting(rule) ? { ...rule, ...used } : rule;
    const resolved = resolveFaultRule(placed, `faults[${index}]`);
    const operation = (resolved.on as readonly BlockOperation[])[0] as BlockOperation;
    return { effect: rule.effect, operation, rule: placed, text: formatFaultRule(resolved) };
  });
}

/** The rule that hits from request `point` on, 1 and up: as often as its `times` says. */
export function ruleAt(fault: PlannedFault, point: number): FaultRule {
  return { ...fault.rule, ...(fault.rule.times === 'once' ? { nth: point } : { from: point }) };
}
