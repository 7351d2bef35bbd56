// Arguments as node:fs takes them: paths, descriptors, modes, flags, encodings, times, ranges of buffers.
//
// Verbs: toPath, toFd, toFlags, toMode, toOptions, toBytes, toSeconds, check…, encoded. What is refused is refused as by Node 20, in its order.

import { fileURLToPath } from 'node:url';
import { O_RDONLY, textFlags } from '../../fs/open-flags.ts';
import { argumentError, invalidArgType, invalidArgValue, outOfRange } from './errors.ts';

const MAX_INT32 = 2147483647;
const MIN_INT32 = -2147483648;
const MAX_UINT32 = 4294967295;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Options that more than one call has. */
export interface Options {
  readonly encoding?: BufferEncoding | 'buffer' | null;
  readonly flag?: string | number;
  readonly mode?: number | string;
  readonly flush?: boolean | null;
  readonly signal?: AbortSignal;
}

/** A path as the volume takes it. A Buffer that is no UTF-8 stays what it is. */
export function toPath(value: unknown, name = 'path'): string {
  const path = value instanceof URL ? fileURLToPath(value) : value;
  if (typeof path !== 'string' && !(path instanceof Uint8Array))
    throw invalidArgType(name, 'of type string or an instance of Buffer or URL', path);
  if (typeof path === 'string' ? path.includes('\0') : path.includes(0))
    throw invalidArgValue(name, path, 'must be a string, Uint8Array, or URL without null bytes');
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}

export function checkInteger(
  value: unknown,
  name: string,
  least = Number.MIN_SAFE_INTEGER,
  most = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value);
}

export function toFd(value: unknown, name = 'fd'): number {
  checkInteger(value, name, 0, MAX_INT32);
  return Object.is(value, -0) ? 0 : value;
}

/** Whether a first argument is a descriptor rather than a path. */
export function isFd(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && (value | 0) === value;
}

/** Linux's number for flags given as Node's string, as a number, or not at all. */
export function toFlags(value: unknown, name = 'flags'): number {
  if (value == null) return O_RDONLY;
  if (typeof value === 'number') {
    checkInteger(value, name, MIN_INT32, MAX_INT32);
    return value;
  }
  const flags = typeof value === 'string' ? textFlags(value) : undefined;
  if (flags === undefined) throw invalidArgValue(name, value);
  return flags;
}

/** Permission bits, given as a number or octal digits. */
export function toMode(value: unknown, name: string, fallback?: number): number {
  let mode = value ?? fallback;
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode))
      throw invalidArgValue(name, mode, 'must be a 32-bit unsigned integer or an octal string');
    mode = Number.parseInt(mode, 8);
  }
  checkInteger(mode, name, 0, MAX_UINT32);
  return mode & 0o7777;
}

function checkEncoding(encoding: unknown): void {
  if (encoding && encoding !== 'buffer' && !Buffer.isEncoding(encoding as string))
    throw invalidArgValue('encoding', encoding, 'is invalid encoding');
}

/** Options, of which a string is the encoding. */
export function toOptions<T extends object = Options>(value: unknown, fallback: T = {} as T): T {
  if (value == null || typeof value === 'function') return fallback;
  if (typeof value === 'string') {
    checkEncoding(value);
    return { ...fallback, encoding: value };
  }
  if (typeof value !== 'object') throw invalidArgType('options', 'one of type string or object', value);
  const options = value as T & Options;
  checkEncoding(options.encoding);
  const { signal } = options;
  if (signal !== undefined && (signal === null || typeof signal !== 'object' || !('aborted' in signal)))
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal);
  return options;
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

export function checkFunction(
  value: unknown,
  name: string,
): asserts value is (...values: unknown[]) => unknown {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value);
}

export function checkObject(value: unknown, name: string): void {
  if (value !== null && value !== undefined && (typeof value !== 'object' || Array.isArray(value)))
    throw invalidArgType(name, 'of type object', value);
}

/** The bytes of a Buffer, TypedArray or DataView, in place. */
export function viewOf(value: ArrayBufferView): Uint8Array {
  return value instanceof Uint8Array
    ? value
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

export function checkBuffer(value: unknown, name = 'buffer'): asserts value is ArrayBufferView {
  if (!ArrayBuffer.isView(value))
    throw invalidArgType(name, 'an instance of Buffer, TypedArray, or DataView', value);
}

export function checkBuffers(value: unknown): asserts value is ArrayBufferView[] {
  if (!Array.isArray(value) || !value.every((part) => ArrayBuffer.isView(part)))
    throw invalidArgType('buffers', 'an ArrayBufferView[]', value);
}

/** Bytes to write: a view, or text in an encoding. */
export function toBytes(value: unknown, name: string, encoding: unknown): Uint8Array {
  if (ArrayBuffer.isView(value)) return viewOf(value);
  if (typeof value !== 'string')
    throw invalidArgType(name, 'of type string or an instance of Buffer, TypedArray, or DataView', value);
  if (encoding === 'hex' && value.length % 2 !== 0)
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${value.length}`);
  return Buffer.from(value, Buffer.isEncoding(encoding as string) ? (encoding as BufferEncoding) : 'utf8');
}

export function checkReadRange(offset: number, length: number, byteLength: number): void {
  if (length < 0) throw outOfRange('length', '>= 0', length);
  if (offset + length > byteLength) throw outOfRange('length', `<= ${byteLength - offset}`, length);
}

export function checkWriteRange(offset: number, length: number, byteLength: number): void {
  if (offset > byteLength) throw outOfRange('offset', `<= ${byteLength}`, offset);
  if (length > byteLength - offset) throw outOfRange('length', `<= ${byteLength - offset}`, length);
  if (length < 0) throw outOfRange('length', '>= 0', length);
  checkInteger(length, 'length', 0, MAX_INT32);
}

/** A place in a file; undefined, null and -1 are the descriptor's own. */
export function checkPosition(value: unknown): number | bigint | undefined {
  if (value == null) return undefined;
  if (typeof value === 'bigint') {
    if (value < MIN_INT64 || value > MAX_INT64)
      throw outOfRange('position', `>= ${MIN_INT64} && <= ${MAX_INT64}`, value);
    return value < 0n ? undefined : value;
  }
  if (typeof value !== 'number') throw invalidArgType('position', 'of type bigint or integer', value);
  checkInteger(value, 'position', -1);
  return value === -1 ? undefined : value;
}

/** Of a write: whatever is no place in a file is the descriptor's own. */
export function toWritePosition(value: unknown): number | bigint | undefined {
  if (typeof value === 'bigint') return value < 0n ? undefined : value;
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** A mode of access or copyFile, three bits. */
export function toThreeBits(value: unknown): number {
  if (value == null) return 0;
  if (typeof value !== 'number' || (value | 0) !== value)
    throw argumentError(TypeError, 'ERR_INVALID_ARG_TYPE', 'mode must be int32 or null/undefined');
  if (value < 0 || value > 7)
    throw argumentError(RangeError, 'ERR_OUT_OF_RANGE', 'mode is out of range: >= 0 && <= 7');
  return value;
}

/** Seconds since 1970; undefined for a negative number, which stands for now. */
export function toSeconds(value: unknown, name = 'time'): number | undefined {
  if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
    return toSeconds(Number(value), name);
  if (typeof value === 'number' && Number.isFinite(value)) return value < 0 ? undefined : value;
  if (value instanceof Date) return value.getTime() / 1000;
  throw invalidArgType(name, 'an instance of Date or an Time in seconds', value);
}

/** A name as an encoding gives it: text, or a Buffer. */
export function encoded(text: string, encoding: unknown): string | Buffer {
  if (encoding === 'buffer') return Buffer.from(text);
  if (!encoding || encoding === 'utf8' || encoding === 'utf-8') return text;
  return Buffer.from(text).toString(encoding as BufferEncoding);
}
