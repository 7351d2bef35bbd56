// What the calls of a guest on a volume share: its memory, its descriptors, its streams, and the machine.
//
// Types only.

import type { GuestMemory } from '../../core/guest-memory.ts';
import type { Machine } from '../../machine.ts';
import type { Descriptors } from './descriptors.ts';

export interface WasiContext {
  readonly machine: Machine;
  readonly guest: GuestMemory;
  readonly descriptors: Descriptors;
  /** Takes what the guest writes to stream 1 or 2. */
  readonly print: (stream: number, bytes: Uint8Array) => void;
  /** Fills `buffer` from the standard input; how many bytes there were. */
  readonly input: (buffer: Uint8Array) => number;
}
