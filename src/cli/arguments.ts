// Values of options, as commander wants them read: each refuses what it can not take, and says what it can.
//
// Verbs: wholeNumber, decimal, size, again.

import { InvalidArgumentError } from 'commander';
import { parseSize } from '../core/size.ts';

/** A whole number from `low` to `high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high) {
      throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}

/** A decimal number above 0, up to `high`. */
export function decimal(high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || value <= 0 || value > high)
      throw new InvalidArgumentError(`It must be a number above 0 and up to ${high}, such as 2 or 0.5.`);
    return value;
  };
}

/** Bytes, from text such as 32MiB. */
export function size(text: string): number {
  try {
    return parseSize(text, 'size');
  } catch {
    throw new InvalidArgumentError('It must be a size such as 32MiB, 1GiB or 4096.');
  }
}

/** Collects an option that may be given again. */
export function again(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}
