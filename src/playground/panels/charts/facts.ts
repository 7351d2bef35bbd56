// A chart's lines in numbers, and values with their units.
//
// Verbs: factsOfLine, formatUnit.

import { formatCount, formatDuration } from '../../model/formats.ts';
import type { Line } from '../../model/series.ts';

export interface LineFacts {
  readonly last: number;
  readonly mean: number;
  readonly most: number;
}

/** Over the stretches that have a value; NaN when none has. */
export function factsOfLine({ values }: Line): LineFacts {
  const known = values.filter((value) => !Number.isNaN(value));
  return {
    last: known.at(-1) ?? Number.NaN,
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    most: known.length === 0 ? Number.NaN : known.reduce((most, value) => Math.max(most, value)),
  };
}

const RATES: readonly (readonly [string, number])[] = [
  ['GB/s', 1e9],
  ['MB/s', 1e6],
  ['kB/s', 1e3],
  ['B/s', 1],
];

export function formatUnit(unit: string, value: number): string {
  if (Number.isNaN(value)) return 'none';
  if (unit === 'ns') return formatDuration(value);
  if (unit === '%') return `${Math.round(value * 10) / 10} %`;
  if (unit !== 'bytes/s') return formatCount(Math.round(value * 10) / 10);
  const [name, size] = RATES.find(([, least]) => value >= least) ?? ['B/s', 1];
  return `${formatCount(Math.round((value / size) * 10) / 10)} ${name}`;
}
