// What a client's entrance owes the player of a scene.
//
// Verbs: submit, reap, call. Nothing happens in the machine while a port submits or reaps: the player alone lets events happen,
// one a step. Only a call runs to its end.
// Invariant: what a port keeps is put back by a snapshot of the machine.

import type { Machine } from '../../../machine.ts';
import type { Ask } from '../rows.ts';
import type { Stamp } from '../stamp.ts';
import type { NameWork, SceneClient } from '../types.ts';

/** A request that has ended. */
export interface Ended {
  /** Its number among the client's requests of the chapter. */
  readonly number: number;
  /** Bytes or 0, or a negative errno. */
  readonly result: number;
}

/** An open entrance of one client. */
export interface Port {
  /** Numbers that its records have: of its rings, its queue, its guest device, its drive, or for aio and files of its file. */
  readonly devices: readonly number[];
  /** Numbers of its AIO contexts in records. */
  readonly contexts?: readonly number[];
  /** Number of the file that it uses, where it uses one. */
  readonly file: number | undefined;
  /**
   * Lets requests enter together, in their order. How many it has dealt with, the first ones: the others found no room and may come again when
   * something has ended. What was refused for good is among those that reap tells of.
   */
  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number;
  /** What has ended since the last time. */
  reap(): readonly Ended[];
  /** Carries out a call from its beginning to its end. Only where the entrance has such calls. */
  call?(work: NameWork): number;
}

/** Where a port is opened. */
export interface PortPlace {
  readonly machine: Machine;
  readonly client: SceneClient;
  /** Requests in flight at most, and requests that enter together. */
  readonly depth: number;
  readonly batch: number;
  /** Bytes of its longest request. */
  readonly longestBytes: number;
  /** Clients of the same entrance that were opened before it. */
  readonly earlierCount: number;
  /** Its file must be there already: it is not made. Default false. */
  readonly mustExist?: boolean;
}

/** The entrance of a client that has none. */
export const NO_PORT: Port = { devices: [], file: undefined, submit: () => 0, reap: () => [] };
