// Sizes as people write them: 4096, '64MiB', '1.5GiB', '10GB'.
// Verbs: parseSize, formatSize.

import { ConfigError } from '../errors.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
  tb: 1000 ** 4,
  pib: 1024 ** 5,
};

/** Bytes, a whole number from 0 to 2^53 - 1. Accepts a number, a bigint, or a string with a unit. Throws ConfigError naming `field`. */
export function parseSize(value: number | bigint | string, field: string): number {
  const limit = 'a size such as 4096, 64MiB or 1GiB, a whole number of bytes up to 2^53 - 1';
  let bytes: number;
  if (typeof value === 'string') {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(value);
    const unit = match === null ? undefined : UNITS[(match[2] ?? '').toLowerCase()];
    if (match === null || unit === undefined) throw new ConfigError(field, value, limit);
    bytes = Number(match[1]) * unit;
  } else {
    bytes = Number(value);
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new ConfigError(field, value, limit);
  return bytes;
}

/** `formatSize(33554432)` is `'32 MiB'`; at most one decimal. */
export function formatSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${names[unit]}`;
}
