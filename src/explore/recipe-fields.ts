// Fields of a recipe from outside, each as what it must be.
//
// Verbs: object, text, texts, oneOf, whole, list. Each throws ConfigError, which names the field that is wrong.

import { ConfigError } from '../errors.ts';

function object(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(field, JSON.stringify(value), 'an object');
  return value as Record<string, unknown>;
}

function text(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new ConfigError(field, value, 'a text');
  return value;
}

function oneOf<T extends string>(field: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new ConfigError(field, value, allowed.map((one) => `'${one}'`).join(', '));
  return found;
}

function whole(field: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new ConfigError(field, value, 'a whole number from 0 to 2^53 - 1');
  return value;
}

function list(field: string, value: unknown, most = Number.POSITIVE_INFINITY): unknown[] {
  if (!Array.isArray(value)) throw new ConfigError(field, JSON.stringify(value), 'a list');
  if (value.length > most) throw new ConfigError(field, value.length, `at most ${most} entries`);
  return value;
}

function texts(field: string, value: unknown): string[] {
  return list(field, value).map((one, at) => text(`${field}[${at}]`, one));
}

export const fields = { object, text, texts, oneOf, whole, list };
