// Works as single requests: which offsets a row has, and in which order.
//
// Verbs: measureRow, rowOfList, askAt. A row's request is found by its number alone, so nothing has to be kept from one to the next.
// Invariant: a random offset depends on the seed, the client, the chapter and the request's number among the client's in it.

import { parseSize } from '../../core/size.ts';
import type { ListWork, SyncWork, TransferWork } from './types.ts';

/** Kinds of the requests of a list. */
export const LIST_OPS: readonly TransferWork['op'][] = ['read', 'write', 'discard', 'writeZeroes'];

/** One request as it enters. */
export interface Ask {
  readonly op: TransferWork['op'] | SyncWork['op'];
  readonly offset: number;
  readonly length: number;
  readonly fua: boolean;
  /** Its number among the client's requests of the chapter. */
  readonly number: number;
}

/** Whose row it is: what randomness depends on. */
export interface RowPlace {
  readonly seed: number;
  readonly client: number;
  readonly chapter: number;
}

/** A row with its sizes as bytes. */
export interface Row {
  readonly op: TransferWork['op'];
  readonly offset: number;
  /** Of each request, or of the longest of a list. */
  readonly length: number;
  readonly count: number;
  readonly pattern: NonNullable<TransferWork['pattern']>;
  /** From one place of the row to the next, and how many places there are. */
  readonly stride: number;
  readonly places: number;
  readonly fua: boolean;
  /** A list, which has no pattern. */
  readonly requests: ListWork['requests'] | undefined;
}

/** A list as a row. */
export function rowOfList({ requests }: ListWork): Row {
  return {
    op: 'read',
    offset: 0,
    length: requests.reduce((longest, [, , length]) => Math.max(longest, length), 0),
    count: requests.length,
    pattern: 'sequential',
    stride: 0,
    places: requests.length,
    fua: false,
    requests,
  };
}

/** Throws ConfigError naming `field` for a size that is none. */
export function measureRow(work: TransferWork, field: string): Row {
  const length = parseSize(work.length, `${field}.length`);
  const count = work.count ?? 1;
  const pattern = work.pattern ?? 'sequential';
  const ownStride = pattern === 'stride' ? 2 * length : length;
  const stride = work.stride === undefined ? ownStride : parseSize(work.stride, `${field}.stride`);
  const span = work.span === undefined ? undefined : parseSize(work.span, `${field}.span`);
  const places = span === undefined || stride === 0 ? count : Math.floor((span - length) / stride) + 1;
  return {
    op: work.op,
    offset: parseSize(work.offset, `${field}.offset`),
    length,
    count,
    pattern,
    stride,
    places,
    fua: work.fua === true,
    requests: undefined,
  };
}

/** Request `index` of a row; `number`: its number among the client's of the chapter. */
export function askAt(row: Row, index: number, number: number, place: RowPlace): Ask {
  const listed = row.requests?.[index];
  if (listed !== undefined) {
    const [kind, offset, length] = listed;
    return { op: LIST_OPS[kind] ?? 'read', offset, length, fua: false, number };
  }
  const at = placeOf(row, index, number, place);
  return { op: row.op, offset: row.offset + at * row.stride, length: row.length, fua: row.fua, number };
}

function placeOf(row: Row, index: number, number: number, place: RowPlace): number {
  const { pattern } = row;
  const places = Math.max(1, row.places);
  if (pattern === 'random') return Math.floor(chance(place, number) * places);
  const turn = index % places;
  return pattern === 'reverse' ? places - 1 - turn : turn;
}

/** One round of murmur3's finalizer over what was mixed before. */
function mix(state: number, value: number): number {
  let bits = state ^ Math.imul(value, 0xcc9e2d51);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** From 0 to below 1, in steps of 2^-53. */
function chance({ seed, client, chapter }: RowPlace, number: number): number {
  const base = mix(mix(mix(0x9e3779b9, seed), client + 1), chapter + 1);
  const high = mix(base, number * 2 + 1) >>> 5;
  const low = mix(base, number * 2 + 2) >>> 6;
  return (high * 67108864 + low) / 9007199254740992;
}
