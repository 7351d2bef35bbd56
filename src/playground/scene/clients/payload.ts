// Bytes of a scene's requests in a machine's buffers.
//
// Verbs: tryAllocate, stamped.

import { ConfigError } from '../../../errors.ts';
import type { Machine } from '../../../machine.ts';
import type { Ask } from '../rows.ts';
import { type Stamp, stampBytes } from '../stamp.ts';

const ALIGNMENT = 4096;

/** Result of `body`, or undefined where the machine's buffers have no room now. */
export function ifRoom<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Memory for a request's bytes, with a write's in it; undefined: there is none now. */
export function allocateFor(machine: Machine, ask: Ask, stamp: Stamp): number | undefined {
  const address = ifRoom(() => machine.buffers.allocate(Math.max(1, ask.length), ALIGNMENT));
  if (address !== undefined && ask.op === 'write')
    stampBytes(machine.core.memory.bytes.subarray(address, address + ask.length), ask.offset, stamp);
  return address;
}

/** A write's bytes. */
export function payloadOf(ask: Ask, stamp: Stamp): Uint8Array {
  const bytes = new Uint8Array(ask.length);
  stampBytes(bytes, ask.offset, stamp);
  return bytes;
}
