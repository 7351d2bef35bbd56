// A rule of faults: where, which requests, when, how long, and what. Its fields with units, ranges and defaults.
//
// Verbs: resolveFaultRule. A resolved rule has every field that its effect knows, in bytes and nanoseconds; the core checks what
// depends on the drive.

import { LOG_DOMAIN_METADATA } from '../../assembly/layout.ts';
import { MAX_FAULT_BITS, SECTOR_SIZE } from '../../assembly/limits.ts';
import type { BlockOperation } from '../block-device.ts';
import type { Size } from '../core/options.ts';
import { parseSize } from '../core/size.ts';
import { ConfigError, errnoName, errnoNumber } from '../errors.ts';
import { FAULT_EFFECTS, type FaultEffect, operationsOf } from './table.ts';

const MAX_TIMES = 0xffffffff;
const MAX_UNIT = 65536;
const MAX_FACTOR = 1000;
const NAME = /^[A-Za-z0-9_.-]{1,60}$/;
/** Delay of queueFull unless said: what Linux waits before it asks a busy driver again (BLK_MQ_RESOURCE_DELAY). */
const QUEUE_FULL_DELAY_NS = 3_000_000;
const REORDER_DELAY_NS = 100_000;

/**
 * A rule, as object or as text (see formatFaultRule). Only `effect` must be given.
 *
 * Effects: `eio` (fails with `errno`), `short` (`bytes` are moved, then it fails), `latent` (unreadable until overwritten), `rot` (`bits` wrong
 * bits in each sector until overwritten), `flaky` (wrong once, right on retry), `enospc` (thin drive with `room`), `lostWrite`,
 * `misdirectedWrite`, `misdirectedRead` (`to`), `tornWrite` (`keep`, `unit`, `errno`), `ignoredFlush`, `ignoredFua`, `failedFlush` (`errno`),
 * `slow` (`factor`, `delayNs`), `stuck`, `queueFull` (`delayNs`), `readOnly`, `gone` (`errno`), `reorder` (`delayNs`). FAULT_TABLE says what
 * each means for each operation.
 */
export interface FaultRule {
  readonly effect: FaultEffect;
  /** 1 to 60 of A–Z a–z 0–9 _ . -; decisions by chance follow from it. Default: the effect. */
  readonly name?: string;
  /** Number of the drive. Default 0; in a drive's own options that drive. */
  readonly drive?: number;
  /** Operations. Default: all that the effect concerns. `latent` and `rot` without it damage their range at once. */
  readonly on?: BlockOperation | readonly BlockOperation[];
  /** Only writes with FUA. Default false. */
  readonly fua?: boolean;
  /** First byte, a multiple of 512: a request matches when it touches the range (flushes always do). Default 0. */
  readonly offset?: Size;
  /** Bytes of the range, a multiple of 512. Default: to the end. */
  readonly length?: Size;
  /**
   * A flat file, by name: the range is inside it. Or a file of the mounted volume, by a path that begins with '/': the rule takes its inode for
   * `domain`, and the volume's drive (not in a drive's own options, which come before the mount). It means that inode whatever becomes of its names; after the last one is gone a new file may get the
   * number, and is meant then.
   */
  readonly file?: string;
  /**
   * Requests with a piece of this domain, merged with others or not: the inode of a file of the volume, `'metadata'` (the volume's metadata and
   * journal), or what a block device's request was given. A flush is of the files whose syncs it serves, or of the metadata when a
   * commit of the journal sends it; one that also serves a write with FUA or PREFLUSH is of none. 0 to 2^32 - 1; 0 (default): any.
   */
  readonly domain?: number | 'metadata';
  /** Of the requests that match: the n-th, every n-th, or all from the n-th on; 1 and up. At most one of the three. Default: all. */
  readonly nth?: number;
  readonly every?: number;
  readonly from?: number;
  /** Virtual nanoseconds from which the rule looks, and from which it no longer does. Default: always. */
  readonly afterNs?: number;
  readonly untilNs?: number;
  /** Steps of the machine (`machine.stepCount`) from which the rule looks. Default 0. */
  readonly afterStep?: number;
  /** Chance of each request, 0 to 1,000,000, decided by seed, name, operation, sector and how often that was asked for. Default 1,000,000. */
  readonly perMillion?: number;
  /** How many requests it hits: a number from 1, 'once', or 'ever' (default). Damage lasts until it is overwritten. */
  readonly times?: number | 'once' | 'ever';
  /** Default true. */
  readonly enabled?: boolean;
  /** eio, short, gone, failedFlush: what the request ends with, default EIO, of gone ENODEV; tornWrite: default success. */
  readonly errno?: string;
  /** short: bytes that are moved, a multiple of 512. Default 512. */
  readonly bytes?: Size;
  /** rot, flaky: wrong bits, 1 to 4,096. Default 1. */
  readonly bits?: number;
  /** enospc: bytes of room, a multiple of 512. Default 0. */
  readonly room?: Size;
  /** misdirected…: where the first byte of the range is led, a multiple of 512. Default: a place of the range by chance. */
  readonly to?: Size;
  /** tornWrite: units that reach the media: 'some' (by chance, default), 'first:n' or 'last:n'. */
  readonly keep?: string;
  /** tornWrite: bytes of a unit, a power of two from 512 (default) to 64 KiB. */
  readonly unit?: Size;
  /** slow: what the service time is multiplied with, 1 (default) to 1,000. */
  readonly factor?: number;
  /** slow (default 0), queueFull (3 ms), reorder (at most; 100 µs): nanoseconds. */
  readonly delayNs?: number;
}

/** Fields that only some effects have. */
const PARAMETERS: Readonly<Partial<Record<FaultEffect, readonly (keyof FaultRule)[]>>> = {
  eio: ['errno'],
  short: ['bytes', 'errno'],
  rot: ['bits'],
  flaky: ['bits'],
  enospc: ['room'],
  misdirectedWrite: ['to'],
  misdirectedRead: ['to'],
  tornWrite: ['keep', 'unit', 'errno'],
  failedFlush: ['errno'],
  slow: ['factor', 'delayNs'],
  queueFull: ['delayNs'],
  gone: ['errno'],
  reorder: ['delayNs'],
};
const ALL_PARAMETERS = [...new Set(Object.values(PARAMETERS).flat())];
const COMMON = [
  ...['effect', 'name', 'drive', 'on', 'fua', 'offset', 'length', 'file', 'domain', 'nth', 'every', 'from'],
  ...['afterNs', 'untilNs', 'afterStep', 'perMillion', 'times', 'enabled'],
];

/** A rule with every field that its effect knows; sizes in bytes. `on` is undefined for damage that is done at once. */
export interface ResolvedFaultRule {
  readonly effect: FaultEffect;
  readonly name: string;
  readonly drive: number;
  readonly on: readonly BlockOperation[] | undefined;
  readonly fua: boolean;
  readonly offset: number;
  readonly length: number | undefined;
  readonly file: string | undefined;
  /** 0: any. */
  readonly domain: number | 'metadata';
  readonly counting: 'all' | 'nth' | 'every' | 'from';
  readonly count: number;
  readonly afterNs: number;
  readonly untilNs: number | undefined;
  readonly afterStep: number;
  readonly perMillion: number;
  /** 0: no end. */
  readonly times: number;
  readonly enabled: boolean;
  readonly errno?: string | undefined;
  readonly bytes?: number;
  readonly bits?: number;
  readonly room?: number;
  readonly to?: number | undefined;
  readonly keep?: string;
  readonly unit?: number;
  readonly factor?: number;
  readonly delayNs?: number;
}

function whole(field: string, value: unknown, low: number, high: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high)
    throw new ConfigError(field, value, `a whole number from ${low} to ${high}`);
  return value as number;
}

function sectors(field: string, value: Size): number {
  const bytes = parseSize(value, field);
  if (bytes % SECTOR_SIZE !== 0) throw new ConfigError(field, value, 'a multiple of 512 bytes');
  return bytes;
}

function flag(field: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new ConfigError(field, value, 'true or false');
  return value;
}

function errno(field: string, value: unknown, fallback: string): string {
  if (value === undefined) return fallback;
  const number = typeof value === 'string' ? errnoNumber(value) : undefined;
  if (number === undefined)
    throw new ConfigError(field, value, 'the name of a Linux error, such as EIO or ENODATA');
  return errnoName(number);
}

/** The operations in their order; undefined for damage that is done at once. */
function operations(rule: FaultRule, at: string): readonly BlockOperation[] | undefined {
  const allowed = operationsOf(rule.effect);
  if (rule.on === undefined) return rule.effect === 'latent' || rule.effect === 'rot' ? undefined : allowed;
  const asked = typeof rule.on === 'string' ? [rule.on] : rule.on;
  const limit = `some of ${allowed.join(', ')} for ${rule.effect}`;
  if (!Array.isArray(asked) || asked.length === 0) throw new ConfigError(`${at}.on`, rule.on, limit);
  for (const operation of asked) {
    if (!allowed.includes(operation)) throw new ConfigError(`${at}.on`, operation, limit);
  }
  return allowed.filter((operation) => asked.includes(operation));
}

function counting(rule: FaultRule, at: string): Pick<ResolvedFaultRule, 'counting' | 'count'> {
  const given = (['nth', 'every', 'from'] as const).filter((name) => rule[name] !== undefined);
  const [name, second] = given;
  if (name === undefined) return { counting: 'all', count: 0 };
  if (second !== undefined) throw new ConfigError(`${at}.${second}`, rule[second], `left out beside ${name}`);
  return { counting: name, count: whole(`${at}.${name}`, rule[name], 1, Number.MAX_SAFE_INTEGER) };
}

function times(rule: FaultRule, at: string): number {
  if (rule.times === undefined || rule.times === 'ever') return 0;
  if (rule.times === 'once') return 1;
  if (typeof rule.times === 'string')
    throw new ConfigError(`${at}.times`, rule.times, "a number from 1, 'once' or 'ever'");
  return whole(`${at}.times`, rule.times, 1, MAX_TIMES);
}

function keep(field: string, value: unknown): string {
  if (value === undefined) return 'some';
  const match = typeof value === 'string' ? /^(?:some|(first|last):(\d{1,9}))$/.exec(value) : null;
  if (match === null) throw new ConfigError(field, value, "'some', 'first:n' or 'last:n'");
  return match[1] === undefined ? 'some' : `${match[1]}:${Number(match[2])}`;
}

function unit(field: string, value: Size): number {
  const bytes = sectors(field, value);
  if (bytes < SECTOR_SIZE || bytes > MAX_UNIT || (bytes & (bytes - 1)) !== 0)
    throw new ConfigError(field, value, 'a power of two from 512 to 65536 bytes');
  return bytes;
}

/** Whole thousandths. */
function factor(field: string, value: unknown): number {
  const isGood = typeof value === 'number' && value >= 1 && value <= MAX_FACTOR;
  if (!isGood || Math.abs(value * 1000 - Math.round(value * 1000)) > 1e-6)
    throw new ConfigError(field, value, `a number from 1 to ${MAX_FACTOR} in thousandths`);
  return Math.round(value * 1000) / 1000;
}

function delay(rule: FaultRule, at: string): number {
  const fallback = { slow: 0, queueFull: QUEUE_FULL_DELAY_NS, reorder: REORDER_DELAY_NS }[
    rule.effect as 'slow'
  ];
  const low = rule.effect === 'slow' ? 0 : 1;
  return whole(`${at}.delayNs`, rule.delayNs ?? fallback, low, Number.MAX_SAFE_INTEGER);
}

/** What the effect needs. */
function parameters(rule: FaultRule, at: string): Partial<ResolvedFaultRule> {
  switch (rule.effect) {
    case 'eio':
    case 'failedFlush':
      return { errno: errno(`${at}.errno`, rule.errno, 'EIO') };
    case 'gone':
      return { errno: errno(`${at}.errno`, rule.errno, 'ENODEV') };
    case 'short':
      return {
        bytes: sectors(`${at}.bytes`, rule.bytes ?? SECTOR_SIZE),
        errno: errno(`${at}.errno`, rule.errno, 'EIO'),
      };
    case 'rot':
    case 'flaky':
      return { bits: whole(`${at}.bits`, rule.bits ?? 1, 1, MAX_FAULT_BITS) };
    case 'enospc':
      return { room: sectors(`${at}.room`, rule.room ?? 0) };
    case 'misdirectedWrite':
    case 'misdirectedRead':
      return { to: rule.to === undefined ? undefined : sectors(`${at}.to`, rule.to) };
    case 'tornWrite':
      return {
        keep: keep(`${at}.keep`, rule.keep),
        unit: unit(`${at}.unit`, rule.unit ?? SECTOR_SIZE),
        errno: rule.errno === undefined ? undefined : errno(`${at}.errno`, rule.errno, ''),
      };
    case 'slow':
      return { factor: factor(`${at}.factor`, rule.factor ?? 1), delayNs: delay(rule, at) };
    case 'queueFull':
    case 'reorder':
      return { delayNs: delay(rule, at) };
    default:
      return {};
  }
}

/** Fields that the rule must not have: unknown ones, and those of other effects. */
function checkFields(rule: FaultRule, at: string): void {
  const own = PARAMETERS[rule.effect] ?? [];
  for (const [name, value] of Object.entries(rule)) {
    if (value === undefined || COMMON.includes(name) || own.includes(name as keyof FaultRule)) continue;
    const isKnown = ALL_PARAMETERS.includes(name as keyof FaultRule);
    throw new ConfigError(
      `${at}.${name}`,
      value,
      isKnown ? `left out with ${rule.effect}` : 'a field of a rule',
    );
  }
}

/** Damage that is there from the start has nothing to wait for. */
function checkAtOnce(rule: FaultRule, at: string): void {
  for (const name of [
    'fua',
    'domain',
    'nth',
    'every',
    'from',
    'afterNs',
    'untilNs',
    'afterStep',
    'times',
  ] as const) {
    if (rule[name] !== undefined)
      throw new ConfigError(`${at}.${name}`, rule[name], `left out with ${rule.effect} unless on is given`);
  }
}

/** A path on the volume, and not the name of a flat file. */
export function isVolumePath(file: string | undefined): file is string {
  return file?.startsWith('/') === true;
}

/** The drive knows whose a request is, and not where in a file it lies. */
function checkFile(rule: FaultRule, at: string): void {
  if (rule.file === undefined) return;
  if (typeof rule.file !== 'string' || !/^\S+$/.test(rule.file))
    throw new ConfigError(`${at}.file`, rule.file, 'the name of a file, without spaces');
  if (rule.domain !== undefined) throw new ConfigError(`${at}.domain`, rule.domain, 'left out beside file');
  if (!isVolumePath(rule.file)) return;
  for (const name of ['offset', 'length', 'to'] as const) {
    if (rule[name] !== undefined)
      throw new ConfigError(
        `${at}.${name}`,
        rule[name],
        'left out beside a file of the volume: places are those of the drive; give domain, the inode, in place of file',
      );
  }
  if ((rule.effect === 'latent' || rule.effect === 'rot') && rule.on === undefined)
    throw new ConfigError(
      `${at}.on`,
      undefined,
      `given for ${rule.effect} of a file of the volume: the damage comes with its requests`,
    );
}

function domain(field: string, value: unknown): number | 'metadata' {
  if (value === 'metadata' || value === LOG_DOMAIN_METADATA) return 'metadata';
  const isGood =
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < LOG_DOMAIN_METADATA;
  if (!isGood) throw new ConfigError(field, value, "'metadata', or a whole number from 0 to 2^32 - 1");
  return value as number;
}

/** Fills in what is left out. `at`: what to call the rule in an error. Throws ConfigError naming field, value and limit. */
export function resolveFaultRule(rule: FaultRule, at = 'fault'): ResolvedFaultRule {
  if (typeof rule !== 'object' || rule === null || !FAULT_EFFECTS.includes(rule.effect))
    throw new ConfigError(`${at}.effect`, rule?.effect, `one of ${FAULT_EFFECTS.join(', ')}`);
  checkFields(rule, at);
  const on = operations(rule, at);
  if (on === undefined) checkAtOnce(rule, at);
  const name = rule.name ?? rule.effect;
  if (typeof name !== 'string' || !NAME.test(name))
    throw new ConfigError(`${at}.name`, name, '1 to 60 of A-Z, a-z, 0-9, _ . and -');
  checkFile(rule, at);
  const length = rule.length === undefined ? undefined : sectors(`${at}.length`, rule.length);
  if (length === 0) throw new ConfigError(`${at}.length`, rule.length, 'at least 512 bytes');
  const time = (field: 'afterNs' | 'untilNs' | 'afterStep', low: number): number =>
    whole(`${at}.${field}`, rule[field] ?? 0, low, Number.MAX_SAFE_INTEGER);
  const afterNs = time('afterNs', 0);
  return {
    effect: rule.effect,
    name,
    drive: whole(`${at}.drive`, rule.drive ?? 0, 0, MAX_TIMES),
    on,
    fua: flag(`${at}.fua`, rule.fua, false),
    offset: rule.offset === undefined ? 0 : sectors(`${at}.offset`, rule.offset),
    length,
    file: rule.file,
    domain: domain(`${at}.domain`, rule.domain ?? 0),
    ...counting(rule, at),
    afterNs,
    untilNs: rule.untilNs === undefined ? undefined : time('untilNs', afterNs + 1),
    afterStep: time('afterStep', 0),
    perMillion: whole(`${at}.perMillion`, rule.perMillion ?? 1_000_000, 0, 1_000_000),
    times: times(rule, at),
    enabled: flag(`${at}.enabled`, rule.enabled, true),
    ...parameters(rule, at),
  };
}
