// What each fault means for each operation, in words: a row for each effect, a column for each operation.
//
// The core decides by its own table (assembly/drive/fault-table.ts); a test compares the two, and runs every pair.
// Verbs: operationsOf.

import type { BlockOperation } from '../block-device.ts';

/** By number: FAULT_… of assembly/layout.ts. */
export const FAULT_EFFECTS = [
  'eio',
  'short',
  'latent',
  'enospc',
  'rot',
  'flaky',
  'lostWrite',
  'misdirectedWrite',
  'misdirectedRead',
  'tornWrite',
  'ignoredFlush',
  'ignoredFua',
  'failedFlush',
  'slow',
  'stuck',
  'queueFull',
  'readOnly',
  'gone',
  'reorder',
] as const;
export type FaultEffect = (typeof FAULT_EFFECTS)[number];

/** By number: OP_…. */
export const OPERATIONS: readonly BlockOperation[] = ['read', 'write', 'discard', 'writeZeroes', 'flush'];

/** By number (FAULT_ACT_…): what an effect does to a request, in words. */
export const FAULT_ACTIONS = {
  none: 'nothing',
  fail: 'it fails, and nothing is moved',
  part: 'its first bytes are moved, then it fails',
  damage: 'its sectors are damaged until they are overwritten',
  takeRoom: 'it needs room for sectors that hold only zeros, and fails without',
  giveRoom: 'it gives room back',
  flip: 'its answer has wrong bits, and the next answer has not',
  ignore: 'it reports success, and nothing happens',
  move: 'it happens somewhere else, and reports success',
  tear: 'some of its units reach the media',
  unforce: 'it reports success before it is on the media',
  orphan: 'it fails, and what it should have covered stays uncertain',
  delay: 'it ends later',
  hang: 'it never ends',
  refuse: 'it fails with EAGAIN if it must not wait, else it waits',
  latch: 'it fails, and so does every later one',
} as const;
export type FaultAction = keyof typeof FAULT_ACTIONS;

type Row = readonly [
  read: FaultAction,
  write: FaultAction,
  discard: FaultAction,
  writeZeroes: FaultAction,
  flush: FaultAction,
];

/** One row for each effect; the columns are OPERATIONS. */
export const FAULT_TABLE: Readonly<Record<FaultEffect, Row>> = {
  eio: ['fail', 'fail', 'fail', 'fail', 'fail'],
  short: ['part', 'part', 'part', 'part', 'none'],
  latent: ['damage', 'damage', 'damage', 'damage', 'none'],
  enospc: ['none', 'takeRoom', 'giveRoom', 'giveRoom', 'none'],
  rot: ['damage', 'damage', 'damage', 'damage', 'none'],
  flaky: ['flip', 'none', 'none', 'none', 'none'],
  lostWrite: ['none', 'ignore', 'ignore', 'ignore', 'none'],
  misdirectedWrite: ['none', 'move', 'move', 'move', 'none'],
  misdirectedRead: ['move', 'none', 'none', 'none', 'none'],
  tornWrite: ['none', 'tear', 'tear', 'tear', 'none'],
  ignoredFlush: ['none', 'none', 'none', 'none', 'ignore'],
  ignoredFua: ['none', 'unforce', 'unforce', 'unforce', 'none'],
  failedFlush: ['none', 'none', 'none', 'none', 'orphan'],
  slow: ['delay', 'delay', 'delay', 'delay', 'delay'],
  stuck: ['hang', 'hang', 'hang', 'hang', 'hang'],
  queueFull: ['refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
  readOnly: ['none', 'latch', 'latch', 'latch', 'none'],
  gone: ['latch', 'latch', 'latch', 'latch', 'latch'],
  reorder: ['delay', 'delay', 'delay', 'delay', 'none'],
};

/** The operations that an effect concerns. */
export function operationsOf(effect: FaultEffect): BlockOperation[] {
  return OPERATIONS.filter((_, operation) => FAULT_TABLE[effect][operation] !== 'none');
}
