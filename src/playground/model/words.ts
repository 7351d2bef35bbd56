// What numbers of records are called: operations with their hues, and why things were not merged.
//
// Verbs: hueOf, blockOperation, fileHue, fileOperation, guestHue, guestOperation, apartWords, splitWords.

import {
  MERGE_FLAGS,
  MERGE_NO_CANDIDATE,
  MERGE_NOT_ADJACENT,
  MERGE_OPERATION_DIFFERS,
  MERGE_SWITCHED_OFF,
  MERGE_TOO_MANY_SECTORS,
  MERGE_TOO_MANY_SEGMENTS,
  MULTIREQ_NOT_CONTIGUOUS,
  MULTIREQ_TOO_LONG,
  MULTIREQ_TOO_MANY_PIECES,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../../assembly/layout.ts';
import type { Hue } from './types.ts';

type Named = readonly [word: string, hue: Hue];

/** By OP_…: the rows of assembly/layout.ts. */
const BLOCK: readonly Named[] = [
  ['read', 'read'],
  ['write', 'write'],
  ['discard', 'discard'],
  ['write zeroes', 'discard'],
  ['flush', 'flush'],
];

/** By OPERATION_… of assembly/base/operation.ts: as on a drive, but that the flush is a sync. */
const FILE: readonly Named[] = [
  ...BLOCK.slice(0, 4),
  ['fsync', 'flush'],
  ['fdatasync', 'flush'],
  ['truncate', 'discard'],
  ['fallocate', 'discard'],
  ['sync_file_range', 'flush'],
  ['sync', 'flush'],
  ['drop pages', 'discard'],
];

/** By type of virtio-blk. */
const GUEST: ReadonlyMap<number, Named> = new Map([
  [VIRTIO_BLK_T_IN, ['read', 'read']],
  [VIRTIO_BLK_T_OUT, ['write', 'write']],
  [VIRTIO_BLK_T_FLUSH, ['flush', 'flush']],
  [VIRTIO_BLK_T_GET_ID, ['get id', 'read']],
  [VIRTIO_BLK_T_DISCARD, ['discard', 'discard']],
  [VIRTIO_BLK_T_WRITE_ZEROES, ['write zeroes', 'discard']],
]);

const APART: ReadonlyMap<number, string> = new Map([
  [MERGE_NO_CANDIDATE, 'nothing waits to be merged with'],
  [MERGE_SWITCHED_OFF, 'merging is off'],
  [MERGE_FLAGS, 'such a request is never merged'],
  [MERGE_OPERATION_DIFFERS, 'what waits is another operation'],
  [MERGE_NOT_ADJACENT, 'not adjacent to what waits'],
  [MERGE_TOO_MANY_SECTORS, 'the request would be too long'],
  [MERGE_TOO_MANY_SEGMENTS, 'the request would have too many pieces'],
]);

const SPLIT: ReadonlyMap<number, string> = new Map([
  [MULTIREQ_NOT_CONTIGUOUS, 'it does not begin where the one before it ends'],
  [MULTIREQ_TOO_MANY_PIECES, 'the merged request would have too many pieces'],
  [MULTIREQ_TOO_LONG, 'the merged request would be too long'],
]);

export function hueOf(operation: number): Hue {
  return BLOCK[operation]?.[1] ?? 'flush';
}

export function blockOperation(operation: number): string {
  return BLOCK[operation]?.[0] ?? `operation ${operation}`;
}

export function fileHue(operation: number): Hue {
  return FILE[operation]?.[1] ?? 'flush';
}

export function fileOperation(operation: number): string {
  return FILE[operation]?.[0] ?? `operation ${operation}`;
}

export function guestHue(type: number): Hue {
  return GUEST.get(type)?.[1] ?? 'flush';
}

export function guestOperation(type: number): string {
  return GUEST.get(type)?.[0] ?? `request type ${type}`;
}

/** Why a bio became a request of its own: MERGE_…. */
export function apartWords(reason: number): string {
  return APART.get(reason) ?? 'not merged';
}

/** Why a guest's request began a new run: MULTIREQ_…. */
export function splitWords(reason: number): string {
  return SPLIT.get(reason) ?? 'not merged';
}
