// A disk, an SSD and an NVMe drive side by side: what each gains from many requests at once.
// The disk sorts its queue, flash spreads it over its chips.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene, Work } from '../scene/types.ts';
import { pages, row, SMALL } from './parts.ts';

const DRIVE_PAGES = 512;
const KINDS = ['hdd', 'ssd', 'nvme'] as const;

const ANYWHERE = { pattern: 'random', span: DRIVE_PAGES * PAGE_SIZE } as const;

/** Reads of each drive, all at once as far as its client lets them. */
function together(count: number): Work[] {
  return KINDS.map((client) => ({ ...row('read', 0, count, { client }), ...ANYWHERE }));
}

/** The same, but each read waits for the one before. */
function inTurn(count: number): Work[] {
  const turn = KINDS.flatMap((client): Work[] => [
    { ...pages('read', 0, 1, { client }), ...ANYWHERE },
    { op: 'wait', ns: 0, client },
  ]);
  return Array.from({ length: count }, () => turn).flat();
}

export const QUEUE_DEPTH: Scene = {
  id: 'queue-depth',
  title: 'One at a time, or many at once',
  question: 'How deep should a queue be?',
  intro:
    'A hard disk, a SATA SSD and an NVMe drive get the same kind of work: random reads of 4 KiB. First each has one request at a time, then up to 32. How many wait at once is the queue depth.',
  group: 'drives',
  pace: 25,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'hdd',
        parameters: { heads: 1, outerSectors: 128, innerSectors: 96, readAhead: 0 },
      },
      { size: DRIVE_PAGES * PAGE_SIZE, model: 'ssd' },
      { size: DRIVE_PAGES * PAGE_SIZE, model: 'nvme' },
    ],
  },
  clients: KINDS.map((name, index) => ({
    name,
    entrance: 'aio',
    target: `drive${index}`,
    direct: true,
    depth: 32,
  })),
  chapters: [
    {
      title: 'One at a time',
      text: '16 reads for each drive; the next one enters when the one before has ended.',
      work: inTurn(16),
      notes: [
        {
          kind: 'completed',
          device: 2,
          text: 'NVMe answers first: 67 µs, 50 of them for the flash itself.',
        },
        { kind: 'completed', device: 1, text: 'The SSD needs 100 µs.' },
        {
          kind: 'completed',
          device: 1,
          nth: 16,
          text: 'Both are done with 16, and the disk has not found its first sector.',
        },
        {
          kind: 'completed',
          device: 0,
          text: 'There it is, after milliseconds: an arm moves, a platter turns.',
        },
      ],
    },
    {
      title: 'Up to 32 at once',
      text: '64 reads for each drive, with 32 on the way at any time.',
      work: together(64),
      notes: [
        {
          kind: 'issued',
          device: 2,
          nth: 32,
          text: 'Each drive has 32 requests at once, and may serve them in any order.',
        },
        {
          kind: 'completed',
          device: 2,
          nth: 16,
          text: 'NVMe answers every few microseconds now, though no read is faster than before.',
        },
        {
          kind: 'completed',
          device: 2,
          nth: 64,
          text: 'NVMe has served 64 in the time that six took one by one. Its flash is many chips, and most were idle before.',
        },
        {
          kind: 'completed',
          device: 1,
          nth: 64,
          text: 'The SSD gains more than eight times, until its SATA link is full. One at a time, most of it lies idle.',
        },
        {
          kind: 'completed',
          device: 0,
          nth: 64,
          text: 'The disk gains a little: it has one arm, and can only choose the shorter way. Every wait is longer for it.',
        },
      ],
    },
  ],
};
