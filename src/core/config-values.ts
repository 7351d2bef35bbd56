// Checks that every option goes through: whole numbers that fit a field, and names of a list.
// Verbs: whole, oneOf.

import { ConfigError } from '../errors.ts';

export const MAX_U32 = 0xffffffff;

/** A whole number in a u32, or a ConfigError. */
export function whole(field: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 0 || value > MAX_U32)
    throw new ConfigError(field, value, 'a whole number from 0 to 4294967295');
  return value;
}

export function oneOf<T extends string>(
  field: string,
  value: T | undefined,
  allowed: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback;
  if (!allowed.includes(value)) throw new ConfigError(field, value, `one of ${allowed.join(', ')}`);
  return value;
}
