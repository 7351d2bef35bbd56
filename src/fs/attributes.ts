// Changes of mode, owner and times, as the core takes them: a mask and a stat struct with the fields that it names.
//
// Verbs: writeAttributes.

import {
  ATTRIBUTE_MODE,
  ATTRIBUTE_OWNER,
  ATTRIBUTE_TIMES,
  STAT_ACCESS_TIME,
  STAT_GID,
  STAT_MODE,
  STAT_MODIFY_TIME,
  STAT_SIZE,
  STAT_UID,
} from '../../assembly/layout.ts';
import { ConfigError } from '../errors.ts';
import type { Calls } from './calls.ts';

const MAX_MODE = 0o7777;
const MAX_ID = 0xffffffff;

/** What to change; owner and times come in pairs. */
export interface Attributes {
  /** Permission bits, 0 to 0o7777. */
  readonly mode?: number;
  /** User and group, 0 to 2^32 - 1. */
  readonly owner?: readonly [uid: number, gid: number];
  /** Access and modification time, nanoseconds since 1970, 0 to 2^63 - 1. */
  readonly times?: readonly [accessNs: bigint, modifyNs: bigint];
}

function inRange(field: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new ConfigError(field, value, `a whole number from 0 to ${most}`);
  return value;
}

function timeNs(field: string, value: bigint): bigint {
  if (value < 0n || value >= 1n << 63n)
    throw new ConfigError(field, value, 'from 0 to 2^63 - 1 nanoseconds since 1970');
  return value;
}

/** Writes the struct; returns its mask and address. Throws ConfigError for a value out of its range. */
export function writeAttributes(calls: Calls, attributes: Attributes): { mask: number; address: number } {
  const { mode, owner, times } = attributes;
  const address = calls.struct(STAT_SIZE);
  const { memory } = calls;
  let mask = 0;
  if (mode !== undefined) {
    memory.setU32(address + STAT_MODE, inRange('mode', mode, MAX_MODE));
    mask |= ATTRIBUTE_MODE;
  }
  if (owner !== undefined) {
    memory.setU32(address + STAT_UID, inRange('uid', owner[0], MAX_ID));
    memory.setU32(address + STAT_GID, inRange('gid', owner[1], MAX_ID));
    mask |= ATTRIBUTE_OWNER;
  }
  if (times !== undefined) {
    memory.setBig64(address + STAT_ACCESS_TIME, timeNs('accessNs', times[0]));
    memory.setBig64(address + STAT_MODIFY_TIME, timeNs('modifyNs', times[1]));
    mask |= ATTRIBUTE_TIMES;
  }
  return { mask, address };
}
