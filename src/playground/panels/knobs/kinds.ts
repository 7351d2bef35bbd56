// What a knob is, and how its value is written and read.
//
// Verbs: printValue, readValue, rangeOfField, rangeInWords. Ranges come from where the machine has them: a knob names the field of the core's
// config, whose limits stand in FIELD_LIMITS.

import { FIELD_LIMITS } from '../../../core/config-struct.ts';
import { OPTION_ROWS } from '../../../core/drive-models/option-text.ts';
import { formatParameter, type ModelParameter } from '../../../core/drive-models/parameter.ts';
import { parseSize } from '../../../core/size.ts';
import { type FaultRule, resolveFaultRule } from '../../../faults/rule.ts';
import { formatFaultRule, parseFaultRule } from '../../../faults/text.ts';
import type { Json } from '../../scene/changes.ts';

/**
 * `size` bytes, `rate` bytes a second, `time` nanoseconds (all also as text: '64KiB', '80us'), `count`, `percent`, `number`, `choice` one of a few,
 * `switch` yes or no, `latency` and `episodes` as in a drive's line, `names` a list of words, `rules` faults, one a line, `text` words.
 */
export type KnobKind =
  | 'size'
  | 'rate'
  | 'time'
  | 'count'
  | 'percent'
  | 'choice'
  | 'switch'
  | 'latency'
  | 'episodes'
  | 'names'
  | 'rules'
  | 'text';

export interface Knob {
  readonly label: string;
  readonly kind: KnobKind;
  /** In the unit of the option itself. Undefined: it depends, and `defaultText` says on what. */
  readonly default: Json | undefined;
  readonly defaultText?: string;
  /** Least and most that the machine accepts, in the unit of the option. */
  readonly range?: readonly [least: number, most: number];
  /** The next value that counts; 1 unless said. */
  readonly step?: number;
  readonly isPowerOfTwo?: boolean;
  /** Where a slider makes sense: inside the range, growing by factors when the ends are far apart. */
  readonly usual?: readonly [low: number, high: number];
  readonly choices?: readonly (string | number)[];
  /** Behind a number: 'ms', '× 10 ms'. */
  readonly unit?: string;
  /** What it does, and what to watch for in the lanes. */
  readonly meaning: string;
  /** Options beside it that this one replaces: they are left out when it is set. */
  readonly replaces?: readonly string[];
  /** The part of an option that holds one value, or one for each of these. */
  readonly part?: string;
}

/** A knob for every option: a new option without one does not compile. */
export type KnobsOf<T> = { readonly [Name in keyof Required<T>]: Knob };

/** `from A to B` in the core's list of limits. */
export function rangeOfField(field: number): readonly [number, number] {
  const [name, limit] = FIELD_LIMITS.get(field) ?? [`field ${field}`, ''];
  const [, least, most, unit] = /from (\d+(?:\^\d+)?)\b.*? to (\d+(?:\^\d+)?)( GiB)?/.exec(limit) ?? [];
  if (least === undefined || most === undefined) throw new RangeError(`${name} has no range in "${limit}"`);
  return [power(least), power(most) * (unit === undefined ? 1 : 2 ** 30)];
}

function power(text: string): number {
  const [base, exponent = '1'] = text.split('^');
  return Number(base) ** Number(exponent);
}

const NUMBER: ModelParameter = {
  name: 'value',
  index: 0,
  unit: 'count',
  default: 0,
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  source: '',
  meaning: '',
};
const UNITS = { size: 'bytes', rate: 'bytes/s', time: 'ns' } as const;

/** The value as its field shows it. */
export function printValue(knob: Knob, value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  switch (knob.kind) {
    case 'size':
      return printNumber('size', parseSize(value as number, knob.label));
    case 'rate':
      return printNumber('rate', parseSize(value as number, knob.label));
    case 'time':
      return printNumber('time', Number(value));
    case 'switch':
      return value === false ? 'no' : 'yes';
    case 'latency':
    case 'episodes':
      return OPTION_ROWS[knob.kind].print(value);
    case 'names':
      return (value as readonly string[]).join(', ');
    case 'rules':
      return (value as unknown as readonly (FaultRule | string)[]).map(printRule).join('\n');
    default:
      return String(value);
  }
}

/** The same for a reader: with a space before the unit, which readValue takes too. */
export function showValue(knob: Knob, value: Json | undefined): string {
  const text = printValue(knob, value);
  return knob.kind === 'size' || knob.kind === 'rate' || knob.kind === 'time'
    ? text.replace(/(\d)([A-Za-z])/, '$1 $2')
    : text;
}

function printNumber(kind: keyof typeof UNITS, value: number): string {
  return formatParameter({ ...NUMBER, unit: UNITS[kind] }, value);
}

/** A rule of faults as one line, however it was given. */
export function printRule(rule: FaultRule | string): string {
  return typeof rule === 'string' ? rule.trim() : formatFaultRule(resolveFaultRule(rule));
}

/** The value that a text asks for; null: empty, so that the default holds. Throws an Error whose message is for the reader. */
export function readValue(knob: Knob, text: string): Json {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  switch (knob.kind) {
    case 'size':
      return parseSize(trimmed, knob.label);
    case 'rate':
      return parseSize(trimmed.replace(/\/s$/, ''), knob.label);
    case 'time':
      return OPTION_ROWS.timeoutNs.parse(trimmed, knob.label) as number;
    case 'count':
    case 'percent':
      return readNumber(knob, trimmed);
    case 'choice':
      return readChoice(knob, trimmed);
    case 'switch':
      return trimmed === 'yes';
    case 'latency':
    case 'episodes':
      return OPTION_ROWS[knob.kind].parse(trimmed, knob.label) as Json;
    case 'names':
      return trimmed.split(/[\s,]+/).filter((name) => name !== '');
    case 'rules':
      return readRules(trimmed);
    default:
      return trimmed;
  }
}

function readNumber(knob: Knob, text: string): number {
  const digits = text.replace(/[,\s%]/g, '');
  if (!/^-?\d+$/.test(digits)) throw new RangeError(`${knob.label} is "${text}"; it must be a whole number`);
  return Number(digits);
}

function readChoice(knob: Knob, text: string): Json {
  const found = knob.choices?.find((choice) => String(choice) === text);
  if (found === undefined)
    throw new RangeError(`${knob.label} is "${text}"; it must be one of ${knob.choices?.join(', ')}`);
  return found;
}

/** Each rule is read here, so that what is wrong is said with its line. */
function readRules(text: string): Json {
  return text.split('\n').flatMap((line, index) => {
    const rule = line.trim();
    if (rule === '') return [];
    parseFaultRule(rule, `line ${index + 1}`);
    return [rule];
  });
}

/** 'from 4 KiB to 256 GiB', or what it may be otherwise. */
export function rangeInWords(knob: Knob): string {
  if (knob.range === undefined) return '';
  const [least, most] = knob.range.map((value) => spoken(knob, value));
  const unit = knob.unit === undefined ? '' : ` ${knob.unit}`;
  return `${knob.isPowerOfTwo === true ? 'a power of two ' : ''}from ${least} to ${most}${unit}`;
}

const counts = new Intl.NumberFormat('en-GB');

function spoken(knob: Knob, value: number): string {
  if (knob.kind === 'percent') return `${value} %`;
  return knob.kind === 'count' ? counts.format(value) : showValue(knob, value);
}

/** The default in words. */
export function defaultInWords(knob: Knob): string {
  if (knob.defaultText !== undefined) return knob.defaultText;
  if (knob.default === undefined) return 'none';
  if (knob.kind === 'switch') return knob.default === true ? 'on' : 'off';
  const text = typeof knob.default === 'number' ? spoken(knob, knob.default) : showValue(knob, knob.default);
  return text === '' ? 'none' : text;
}
