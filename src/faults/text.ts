// Rules of faults as text: one grammar, read and printed here.
//
//   rule     = effect *( ' ' key '=' value )
//   effect   = one of FAULT_EFFECTS
//   keys     = name drive on fua file domain range nth every from after until afterStep perMillion times enabled
//              errno bytes bits room to keep unit factor delay
//   on       = operation *( ',' operation )         read write discard writeZeroes flush
//   range    = size '+' [ size ]                    first byte, and how many; none: to the end
//   bytes, room, to, unit = size                    4096, 64KiB, 1.5MiB
//   after, until, delay   = number [ 'ns' | 'us' | 'ms' | 's' ]   virtual time
//   times    = 'once' | 'ever' | number
//   fua, enabled          = 'true' | 'false'
//   file     = the name of a flat file, or '/' and a path on the volume (without range)
//   domain   = 'metadata' | number                  an inode of the volume
//   others   = as in FaultRule
//
// Verbs: parseFaultRule, formatFaultRule. What a rule prints, parses back to the same rule; what is at its default is not printed.

import type { BlockOperation } from '../block-device.ts';
import { ConfigError } from '../errors.ts';
import { type FaultRule, type ResolvedFaultRule, resolveFaultRule } from './rule.ts';
import type { FaultEffect } from './table.ts';

const TIME_UNITS: readonly (readonly [unit: string, nanoseconds: number])[] = [
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
  ['ns', 1],
];
const SIZE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
];

type Fields = { -readonly [Key in keyof FaultRule]?: unknown };

function readTime(at: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s)?$/.exec(text);
  const unit = TIME_UNITS.find(([name]) => name === (match?.[2] ?? 'ns'))?.[1] ?? 1;
  const nanoseconds = match === null ? Number.NaN : Math.round(Number(match[1]) * unit);
  if (!Number.isSafeInteger(nanoseconds))
    throw new ConfigError(at, text, 'a time such as 500, 20us, 3ms or 1.5s');
  return nanoseconds;
}

function readNumber(at: string, text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new ConfigError(at, text, 'a number');
  return Number(text);
}

function readFlag(at: string, text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new ConfigError(at, text, "'true' or 'false'");
  return text === 'true';
}

function readRange(at: string, text: string): Fields {
  const match = /^([^+]+)\+([^+]*)$/.exec(text);
  if (match === null) throw new ConfigError(at, text, "a range 'first+length', such as 1MiB+64KiB or 4096+");
  return match[2] === '' ? { offset: match[1] } : { offset: match[1], length: match[2] };
}

function readTimes(at: string, text: string): number | 'once' | 'ever' {
  return text === 'once' || text === 'ever' ? text : readNumber(at, text);
}

const asText = (_at: string, text: string): string => text;

/** By key: which field, and how its text is read. Both in the order in which they are printed. */
const READERS: Readonly<Record<string, (at: string, text: string) => Fields>> = {
  name: (at, text) => ({ name: asText(at, text) }),
  drive: (at, text) => ({ drive: readNumber(at, text) }),
  on: (_at, text) => ({ on: text.split(',') as BlockOperation[] }),
  fua: (at, text) => ({ fua: readFlag(at, text) }),
  file: (at, text) => ({ file: asText(at, text) }),
  domain: (at, text) => ({ domain: text === 'metadata' ? text : readNumber(at, text) }),
  range: readRange,
  nth: (at, text) => ({ nth: readNumber(at, text) }),
  every: (at, text) => ({ every: readNumber(at, text) }),
  from: (at, text) => ({ from: readNumber(at, text) }),
  after: (at, text) => ({ afterNs: readTime(at, text) }),
  until: (at, text) => ({ untilNs: readTime(at, text) }),
  afterStep: (at, text) => ({ afterStep: readNumber(at, text) }),
  perMillion: (at, text) => ({ perMillion: readNumber(at, text) }),
  times: (at, text) => ({ times: readTimes(at, text) }),
  enabled: (at, text) => ({ enabled: readFlag(at, text) }),
  errno: (at, text) => ({ errno: asText(at, text) }),
  bytes: (at, text) => ({ bytes: asText(at, text) }),
  bits: (at, text) => ({ bits: readNumber(at, text) }),
  room: (at, text) => ({ room: asText(at, text) }),
  to: (at, text) => ({ to: asText(at, text) }),
  keep: (at, text) => ({ keep: asText(at, text) }),
  unit: (at, text) => ({ unit: asText(at, text) }),
  factor: (at, text) => ({ factor: readNumber(at, text) }),
  delay: (at, text) => ({ delayNs: readTime(at, text) }),
};

/**
 * Reads a rule: `parseFaultRule('eio on=write range=1MiB+64KiB nth=3 times=once')`. `at`: what to call it in an error. Throws ConfigError
 * naming key, value and limit.
 *
 * @example
 * console.log(formatFaultRule(parseFaultRule('eio  times=1 on=write range=1024KiB+65536'))); // eio on=write range=1MiB+64KiB times=once
 */
export function parseFaultRule(text: string, at = 'fault'): ResolvedFaultRule {
  const [effect, ...pairs] = text.trim().split(/\s+/);
  const fields: Fields = {};
  const keys = new Set<string>();
  for (const pair of pairs) {
    const split = pair.indexOf('=');
    const key = split < 0 ? pair : pair.slice(0, split);
    const read = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
    if (read === undefined)
      throw new ConfigError(at, pair, `key=value with one of ${Object.keys(READERS).join(', ')}`);
    if (split < 0) throw new ConfigError(`${at}.${key}`, undefined, `given as ${key}=value`);
    if (keys.has(key)) throw new ConfigError(`${at}.${key}`, pair.slice(split + 1), 'given once');
    keys.add(key);
    Object.assign(fields, read(`${at}.${key}`, pair.slice(split + 1)));
  }
  return resolveFaultRule({ ...fields, effect: effect as FaultEffect } as FaultRule, at);
}

function printSize(bytes: number): string {
  const unit = bytes === 0 ? undefined : SIZE_UNITS.find(([, size]) => bytes % size === 0);
  return unit === undefined ? String(bytes) : `${bytes / unit[1]}${unit[0]}`;
}

function printTime(nanoseconds: number): string {
  const unit = nanoseconds === 0 ? undefined : TIME_UNITS.find(([, size]) => nanoseconds % size === 0);
  return unit === undefined ? '0ns' : `${nanoseconds / unit[1]}${unit[0]}`;
}

/** Fields whose text differs from that of the rule with nothing but its effect. */
function printedFields(rule: ResolvedFaultRule): Record<string, string> {
  const isRanged = rule.offset !== 0 || rule.length !== undefined;
  const length = rule.length === undefined ? '' : printSize(rule.length);
  const printed: Record<string, string | undefined> = {
    name: rule.name,
    drive: String(rule.drive),
    on: rule.on?.join(','),
    fua: String(rule.fua),
    file: rule.file,
    domain: String(rule.domain),
    range: isRanged ? `${printSize(rule.offset)}+${length}` : undefined,
    [rule.counting]: String(rule.count),
    after: printTime(rule.afterNs),
    until: rule.untilNs === undefined ? undefined : printTime(rule.untilNs),
    afterStep: String(rule.afterStep),
    perMillion: String(rule.perMillion),
    times: rule.times === 0 ? 'ever' : rule.times === 1 ? 'once' : String(rule.times),
    enabled: String(rule.enabled),
    errno: rule.errno,
    bytes: rule.bytes === undefined ? undefined : printSize(rule.bytes),
    bits: rule.bits === undefined ? undefined : String(rule.bits),
    room: rule.room === undefined ? undefined : printSize(rule.room),
    to: rule.to === undefined ? undefined : printSize(rule.to),
    keep: rule.keep,
    unit: rule.unit === undefined ? undefined : printSize(rule.unit),
    factor: rule.factor === undefined ? undefined : String(rule.factor),
    delay: rule.delayNs === undefined ? undefined : printTime(rule.delayNs),
  };
  const entries = Object.keys(READERS).map((key) => [key, printed[key]] as const);
  return Object.fromEntries(entries.filter(([, text]) => text !== undefined)) as Record<string, string>;
}

/** The rule as text that parses back to it. */
export function formatFaultRule(rule: ResolvedFaultRule): string {
  const plain = printedFields(resolveFaultRule({ effect: rule.effect }));
  const pairs = Object.entries(printedFields(rule)).filter(([key, text]) => plain[key] !== text);
  return [rule.effect, ...pairs.map(([key, text]) => `${key}=${text}`)].join(' ');
}
