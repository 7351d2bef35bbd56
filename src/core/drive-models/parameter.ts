// One parameter of a drive model: its unit, default, range and source, and its values as text.
//
// Verbs: parseParameter, formatParameter. Text is what people write ('85us', '64MiB', '550MB/s', '7%'), and a value that was printed
// parses back to itself.

import { ConfigError } from '../../errors.ts';
import { parseSize } from '../size.ts';

export type ParameterUnit = 'ns' | 'bytes' | 'bytes/s' | 'count' | 'percent' | 'rpm' | 'choice';

export interface ModelParameter {
  readonly name: string;
  /** Its number in CONFIG_DRIVE_PARAMETERS. */
  readonly index: number;
  readonly unit: ParameterUnit;
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Between minimum and maximum only powers of two are taken. */
  readonly isPowerOfTwo?: true;
  /** Of the unit `choice`: the names of 0, 1, 2 …. */
  readonly choices?: readonly string[];
  /** Where the default comes from. */
  readonly source: string;
  readonly meaning: string;
}

/** What a caller may give for a parameter: a number in its unit, or text. */
export type ParameterValue = number | string;

const NS_UNITS: readonly (readonly [string, number])[] = [
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
  ['ns', 1],
];
const BYTE_UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
];
const RATE_UNITS: readonly (readonly [string, number])[] = [
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
];

/** The largest unit that leaves a whole number, or nothing. */
function inUnits(value: number, units: readonly (readonly [string, number])[]): string | undefined {
  const unit = value === 0 ? undefined : units.find(([, size]) => value % size === 0);
  return unit === undefined ? undefined : `${value / unit[1]}${unit[0]}`;
}

/** The value with its unit, as parseParameter reads it. */
export function formatParameter(parameter: ModelParameter, value: number): string {
  switch (parameter.unit) {
    case 'ns':
      return inUnits(value, NS_UNITS) ?? `${value}ns`;
    case 'bytes':
      return inUnits(value, BYTE_UNITS) ?? `${value}`;
    case 'bytes/s':
      return `${inUnits(value, RATE_UNITS) ?? `${value}B`}/s`;
    case 'percent':
      return `${value}%`;
    case 'choice':
      return parameter.choices?.[value] ?? `${value}`;
    default:
      return `${value}`;
  }
}

function limitOf(parameter: ModelParameter): string {
  if (parameter.choices !== undefined) return `one of ${parameter.choices.join(', ')}`;
  const [low, high] = [parameter.minimum, parameter.maximum].map((value) =>
    formatParameter(parameter, value),
  );
  return `a whole number${parameter.isPowerOfTwo ? ' that is a power of two' : ''} (${parameter.unit}) from ${low} to ${high}`;
}

/** `'85us'` → 85000; 85000 → 85000. NaN for what is no number with such a unit. */
function numberOf(parameter: ModelParameter, value: ParameterValue): number {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  switch (parameter.unit) {
    case 'choice':
      return parameter.choices?.includes(text) ? parameter.choices.indexOf(text) : Number.NaN;
    case 'ns': {
      const [, digits, unit] = /^(\d+(?:\.\d+)?) ?(ns|us|µs|ms|s|)$/.exec(text) ?? [];
      const size = NS_UNITS.find(([name]) => name === (unit === 'µs' ? 'us' : unit || 'ns'))?.[1];
      if (size === undefined) return Number.NaN;
      const exact = Number(digits) * size;
      return Number.isSafeInteger(exact) ? exact : Math.round(exact * 1e6) / 1e6;
    }
    case 'bytes':
    case 'bytes/s':
      try {
        return parseSize(parameter.unit === 'bytes/s' ? text.replace(/\/s$/, '') : text, parameter.name);
      } catch {
        return Number.NaN;
      }
    default: {
      const [, digits] =
        (parameter.unit === 'percent' ? /^(\d+) ?%?$/ : /^(\d+)(?: ?rpm)?$/).exec(text) ?? [];
      return digits === undefined ? Number.NaN : Number(digits);
    }
  }
}

/** The number of a value, which must be in the parameter's range. Throws ConfigError naming `field`, the value and the range. */
export function parseParameter(parameter: ModelParameter, value: ParameterValue, field: string): number {
  const number = numberOf(parameter, value);
  const isInRange =
    Number.isSafeInteger(number) && number >= parameter.minimum && number <= parameter.maximum;
  const isFit = parameter.isPowerOfTwo !== true || Number.isInteger(Math.log2(number));
  if (!isInRange || !isFit) throw new ConfigError(field, value, limitOf(parameter));
  return number;
}
