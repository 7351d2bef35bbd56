// The other two forms of each call: with a callback, and as a promise. Both run the synchronous call when they are called
// and tell its result in a later turn of the event loop, in the order of the calls.
//
// Verbs: callbackForms, promiseForms, later. Invariant: a callback is never called before its call has returned.

import { promisify } from 'node:util';
import { checkFunction } from './arguments.ts';
import { invalidArgType, isArgumentError } from './errors.ts';

export type Call = (...values: never[]) => unknown;
type AnyCall = (...values: unknown[]) => unknown;
type Done = (error: unknown, ...values: unknown[]) => void;

const DEFAULT_READ_BYTES = 16384;

/** What a call's options may ask to be given up for. */
function checkSignal(values: readonly unknown[]): void {
  for (const value of values) {
    const signal = (value as { signal?: AbortSignal } | null | undefined)?.signal;
    if (!(signal instanceof AbortSignal) || !signal.aborted) continue;
    const error = new Error('The operation was aborted', { cause: signal.reason });
    throw Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
  }
}

function outcome(call: AnyCall, values: unknown[]): { error: unknown; result: unknown } {
  try {
    checkSignal(values);
    return { error: null, result: call(...values) };
  } catch (error) {
    return { error, result: undefined };
  }
}

/** Runs a call now; the promise is settled in a later turn. */
export function later<T>(call: () => T): Promise<T> {
  const { error, result } = outcome(call as AnyCall, []);
  return new Promise((resolve, reject) => {
    setImmediate(() => (error === null ? resolve(result as T) : reject(error)));
  });
}

/** The callback's arguments behind the error: the result, and for transfers the buffer. */
type Shape = (result: unknown, values: readonly unknown[]) => unknown[];
const plain: Shape = (result) => (result === undefined ? [] : [result]);
const withBuffer: Shape = (result, values) => [result ?? 0, values[1]];

function callbackForm(call: AnyCall, shape: Shape, prepare: (values: unknown[]) => unknown[]): AnyCall {
  return (...values) => {
    const callback = values.pop();
    if (typeof callback !== 'function') throw invalidArgType('cb', 'of type function', undefined);
    const prepared = prepare(values);
    const { error, result } = outcome(call, prepared);
    if (isArgumentError(error)) throw error;
    const rest = error === null || shape === withBuffer ? shape(result, prepared) : [];
    setImmediate(callback as Done, error, ...rest);
  };
}

/** fs.read(fd, [buffer,] [options,] callback) as readSync takes it. */
function readArguments(values: unknown[]): unknown[] {
  if (values.length > 1 && ArrayBuffer.isView(values[1])) return values;
  const options = (values[1] ?? {}) as { buffer?: ArrayBufferView };
  return [values[0], options.buffer ?? Buffer.alloc(DEFAULT_READ_BYTES), options];
}

/** A close may go without a callback. */
function closeForm(close: AnyCall): AnyCall {
  const form = callbackForm(close, plain, (values) => values);
  return (fd, callback = throwLater) => {
    checkFunction(callback, 'cb');
    form(fd, callback);
  };
}

function throwLater(error: unknown): void {
  if (error !== null) throw error;
}

function existsForm(exists: AnyCall): AnyCall {
  return (path, callback) => {
    checkFunction(callback, 'cb');
    setImmediate(callback as AnyCall, exists(path));
  };
}

const TRANSFERS: Readonly<Record<string, string>> = {
  read: 'bytesRead',
  write: 'bytesWritten',
  readv: 'bytesRead',
  writev: 'bytesWritten',
};

/** What util.promisify makes of a callback form that tells more than one thing, or no error. */
function promisified(name: string, form: AnyCall): AnyCall | undefined {
  const count = TRANSFERS[name];
  if (name === 'exists') return (...values) => new Promise((resolve) => form(...values, resolve));
  if (count === undefined) return undefined;
  const buffer = name === 'readv' ? 'buffers' : 'buffer';
  return (...values) =>
    new Promise((resolve, reject) => {
      form(...values, (error: unknown, moved: number, what: unknown) =>
        error === null ? resolve({ [count]: moved, [buffer]: what }) : reject(error),
      );
    });
}

/** The callback form of every call, by its name without Sync. */
export function callbackForms(calls: Readonly<Record<string, Call>>): Record<string, AnyCall> {
  const forms: Record<string, AnyCall> = {};
  for (const [syncName, syncCall] of Object.entries(calls)) {
    const name = syncName.replace(/Sync$/, '');
    const call = syncCall as unknown as AnyCall;
    const special: Readonly<Record<string, () => AnyCall>> = {
      close: () => closeForm(call),
      exists: () => existsForm(call),
      read: () => callbackForm(call, withBuffer, readArguments),
    };
    const shape = name in TRANSFERS ? withBuffer : plain;
    const form = special[name]?.() ?? callbackForm(call, shape, (values) => values);
    const custom = promisified(name, form);
    if (custom !== undefined) Object.defineProperty(form, promisify.custom, { value: custom });
    Object.defineProperty(form, 'name', { value: name });
    forms[name] = form;
  }
  return forms;
}

/** The promise form of the calls on paths, by their names without Sync. */
export function promiseForms(
  calls: Readonly<Record<string, Call>>,
  names: readonly string[],
): Record<string, AnyCall> {
  return Object.fromEntries(
    names.map((name) => {
      const call = calls[`${name}Sync`] as unknown as AnyCall;
      const form = async (...values: unknown[]) => {
        const { error, result } = outcome(call, values);
        return later(() => {
          if (error !== null) throw error;
          return result;
        });
      };
      return [name, form];
    }),
  );
}
