// Checks of plain values, put together to the shape that a scene must have.
//
// Verbs: text, whole, real, flag, size, choice, list, record, fields, either. A check gets a value and its path, and throws ConfigError naming the path, what
// stands there, and what may.

import { parseSize } from '../../core/size.ts';
import { ConfigError } from '../../errors.ts';

export type Check = (value: unknown, path: string) => void;

const SHOWN_CHARS = 60;

/** A value in an error: short, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return 'left out';
  const words = typeof value === 'string' ? value : (JSON.stringify(value) ?? typeof value);
  return words.length > SHOWN_CHARS ? `${words.slice(0, SHOWN_CHARS)}…` : words;
}

function refuse(path: string, value: unknown, limit: string): never {
  throw new ConfigError(path, shown(value), limit);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text of `least` to `most` characters, that looks like `form` where there is one. */
export function text(
  most: number,
  least = 0,
  form?: { readonly pattern: RegExp; readonly words: string },
): Check {
  return (value, path) => {
    const limit = `a text of ${least} to ${most} characters${form === undefined ? '' : `, ${form.words}`}`;
    if (typeof value !== 'string' || value.length < least || value.length > most) refuse(path, value, limit);
    if (form !== undefined && !form.pattern.test(value)) refuse(path, value, limit);
  };
}

export function whole(least: number, most: number): Check {
  return (value, path) => {
    const isGood = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
    if (!isGood) refuse(path, value, `a whole number from ${least} to ${most}`);
  };
}

export function real(least: number, most: number): Check {
  return (value, path) => {
    const isGood = typeof value === 'number' && value >= least && value <= most;
    if (!isGood) refuse(path, value, `a number from ${least} to ${most}`);
  };
}

export const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') refuse(path, value, 'true or false');
};

/** Bytes, as a number or as text with a unit. */
export function size(least: number, most: number): Check {
  return (value, path) => {
    if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'bigint')
      refuse(path, value, 'a size such as 4096, 64MiB or 1GiB');
    const bytes = parseSize(value, path);
    if (bytes < least || bytes > most) refuse(path, value, `from ${least} to ${most} bytes`);
  };
}

export function choice(allowed: readonly string[]): Check {
  return (value, path) => {
    if (typeof value !== 'string' || !allowed.includes(value))
      refuse(path, value, `one of ${allowed.join(', ')}`);
  };
}

export function list(check: Check, least: number, most: number): Check {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      refuse(path, Array.isArray(value) ? `${value.length} of them` : value, `a list of ${least} to ${most}`);
    value.forEach((one: unknown, index) => {
      check(one, `${path}[${index}]`);
    });
  };
}

/** Names that are not known beforehand, at most `most`. */
export function record(check: Check, most: number): Check {
  return (value, path) => {
    if (!isObject(value) || Object.keys(value).length > most)
      refuse(path, value, `an object of at most ${most} fields`);
    for (const [name, one] of Object.entries(value)) check(one, `${path}.${name}`);
  };
}

/** An object of these fields and no others. `required` must be there; the others may be left out. */
export function fields(checks: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (value, path) => {
    if (!isObject(value)) refuse(path, value, 'an object');
    const prefix = path === '' ? '' : `${path}.`;
    for (const name of required)
      if (value[name] === undefined) refuse(`${prefix}${name}`, undefined, 'given');
    for (const [name, one] of Object.entries(value)) {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined)
        refuse(
          `${prefix}${name}`,
          'given',
          `left out: what may stand here is ${Object.keys(checks).join(', ')}`,
        );
      if (one !== undefined) check(one, `${prefix}${name}`);
    }
  };
}

/** The first check whose `test` fits decides. */
export function either(
  ...cases: readonly (readonly [test: (value: unknown) => boolean, check: Check])[]
): Check {
  return (value, path) => {
    const found = cases.find(([test]) => test(value)) ?? cases.at(-1);
    found?.[1](value, path);
  };
}

/** Never given by a scene. */
export function leftOut(why: string): Check {
  return (_value, path) => refuse(path, 'given', `left out: ${why}`);
}
