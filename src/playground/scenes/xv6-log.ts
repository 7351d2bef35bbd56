// The log of xv6 (kernel/log.c): two transactions of two blocks each, with four flushes that can be switched off one by one.
//
// The layout is in plug/xv6.ts. Blocks are written one after the other, each when the one before has ended, as bwrite does.

import { OP_FLUSH, OP_WRITE, OP_WRITE_ZEROES } from '../../../assembly/layout.ts';
import {
  XV6_BLOCK_BYTES,
  XV6_HEADER,
  XV6_PARTS,
  XV6_TRANSACTIONS,
  type Xv6Flushes,
  type Xv6Part,
} from '../plug/xv6.ts';
import type { Chapter, Scene, SceneNote, Work } from '../scene/types.ts';
import { SMALL } from './parts.ts';

export const ALL_FLUSHES: Xv6Flushes = { log: true, header: true, homes: true, clear: true };
/** The rows of the table: no flush, then one after the other in the order of a transaction. */
export const FLUSH_ROWS: readonly Xv6Flushes[] = [0, 1, 2, 3, 4].map((count) => ({
  log: count > 0,
  header: count > 1,
  homes: count > 2,
  clear: count > 3,
}));
const DRIVE_BLOCKS = 16;

const TITLES: Readonly<Record<Xv6Part, string>> = {
  log: 'into the log',
  header: 'commit',
  homes: 'to their homes',
  clear: 'the log is emptied',
};

/** What each part of the first transaction is for; the second one is shorter. */
const TEXTS: Readonly<Record<Xv6Part, string>> = {
  log: 'Two blocks must change together. First both go to the log. A power cut now would change nothing.',
  header:
    'One write of one sector decides: the header now says where the two blocks belong. This is the commit.',
  homes: 'The blocks go to their homes, 3 and 4. If power fails halfway, recovery copies them from the log.',
  clear: 'Both homes are safe, so the header is emptied. The transaction is over.',
};

const AGAIN: Readonly<Record<Xv6Part, string>> = {
  log: 'The second transaction changes homes 4 and 5. Its blocks overwrite the log of the first.',
  header: 'The header names homes 4 and 5: committed.',
  homes: 'The blocks go home.',
  clear: 'The header is emptied again.',
};

const FLUSHED: Readonly<Record<Xv6Part, string>> = {
  log: 'The flush makes sure that the log is on the media before anything says that it counts.',
  header: 'Behind this flush the transaction is durable: whatever happens, recovery finds it.',
  homes: 'Only when the homes are on the media may the log be forgotten.',
  clear: 'And only when the header is empty on the media may the log be used again.',
};

const FLUSHED_AGAIN: Readonly<Record<Xv6Part, string>> = {
  log: 'The new log is on the media. The header is empty there, so nothing would be copied yet.',
  header: 'Committed: from here on a crash leaves both transactions, or recovery completes the second.',
  homes: 'Both new homes are on the media.',
  clear: 'Done. Two changes of two blocks each, and no moment at which one was there by halves.',
};

const VOLATILE =
  'The drive says "done", but keeps the blocks in its volatile cache. It may write them in any order, or lose them.';

const UNFLUSHED: Readonly<Record<Xv6Part, string>> = {
  log: 'No flush here: the header may reach the media before the log that it speaks of.',
  header: 'No flush here: homes may be overwritten while the media has no commit yet.',
  homes: 'No flush here: the header may be emptied on the media before the homes are there.',
  clear: 'No flush here: the next transaction may overwrite a log that an old header still names.',
};

function blocks(first: number, count: number): Work {
  return { op: 'write', offset: first * XV6_BLOCK_BYTES, length: XV6_BLOCK_BYTES, count };
}

function writesOf(part: Xv6Part, homes: readonly [number, number]): Work {
  if (part === 'log') return blocks(0, homes.length);
  if (part === 'homes') return blocks(homes[0], homes.length);
  const header = { offset: XV6_HEADER * XV6_BLOCK_BYTES, length: XV6_BLOCK_BYTES };
  return part === 'header' ? { op: 'write', ...header } : { op: 'writeZeroes', ...header };
}

/** The record that shows that the part's last write is in the volatile cache. */
function written(part: Xv6Part, text: string): SceneNote {
  const operation = part === 'clear' ? OP_WRITE_ZEROES : OP_WRITE;
  return { kind: 'volatile', operation, nth: part === 'log' || part === 'homes' ? 2 : 1, text };
}

function notesOf(part: Xv6Part, isFlushed: boolean, isFirst: boolean): SceneNote[] {
  if (!isFlushed) return [written(part, UNFLUSHED[part])];
  const flushed: SceneNote = {
    kind: 'flushed',
    operation: OP_FLUSH,
    text: isFirst ? FLUSHED[part] : FLUSHED_AGAIN[part],
  };
  return isFirst && part === 'log' ? [written(part, VOLATILE), flushed] : [flushed];
}

function chapter(part: Xv6Part, transaction: number, isFlushed: boolean): Chapter {
  const homes = XV6_TRANSACTIONS[transaction] as readonly [number, number];
  const isFirst = transaction === 0;
  return {
    title: `Transaction ${transaction + 1}: ${TITLES[part]}`,
    text: (isFirst ? TEXTS : AGAIN)[part],
    work: [writesOf(part, homes), ...(isFlushed ? [{ op: 'flush' } as const] : [])],
    notes: notesOf(part, isFlushed, isFirst),
  };
}

/** The scene with some of its flushes, and one or both of its transactions. */
export function xv6Scene(
  flushes: Xv6Flushes = ALL_FLUSHES,
  transactions: number = XV6_TRANSACTIONS.length,
): Scene {
  return {
    id: 'xv6-log',
    title: 'A log, and its four flushes',
    question: 'How do two blocks change together, whatever happens?',
    intro:
      'xv6, a small teaching system, keeps a log: blocks are first written there, then committed by one sector, then copied home. Four flushes keep the order. Switch one off under “Pull the plug”, and see what a power cut can do.',
    group: 'crashes',
    clients: [{ name: 'log', entrance: 'block', depth: 1 }],
    machine: {
      ...SMALL,
      cache: '64KiB',
      drives: [
        {
          size: DRIVE_BLOCKS * XV6_BLOCK_BYTES,
          model: 'fixed',
          latencyNs: { write: 40_000, writeZeroes: 40_000, flush: 200_000, read: 80_000 },
          volatileWrites: 32,
        },
      ],
    },
    chapters: Array.from({ length: transactions }, (_, transaction) =>
      XV6_PARTS.map((part) => chapter(part, transaction, flushes[part])),
    ).flat(),
    check: 'xv6-log',
    pace: 3,
  };
}

export const XV6_LOG: Scene = xv6Scene();

/** Which flushes a scene of this kind has. */
export function flushesOf({ chapters }: Scene): Xv6Flushes {
  const has = (part: number) => chapters[part]?.work.some(({ op }) => op === 'flush') === true;
  return { log: has(0), header: has(1), homes: has(2), clear: has(3) };
}
