// A small SSD that is full: each new page needs room, and room has to be made.
// What the drive writes is more than it was asked for: write amplification.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const DRIVE_PAGES = 128;

export const GARBAGE_COLLECTION: Scene = {
  id: 'garbage-collection',
  title: 'An SSD that is full',
  question: 'Why does an SSD slow down when it is full?',
  intro:
    'Flash is written page by page, but erased only in blocks of many pages. Inside an SSD a translation layer hides that, as long as it has room to move. This tiny SSD has one chip, blocks of four pages, and no buffer: each write waits for the flash.',
  group: 'drives',
  pace: 16,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'ssd',
        parameters: {
          channels: 1,
          diesPerChannel: 1,
          pageSize: PAGE_SIZE,
          blockPages: 4,
          overProvisioning: 13,
          writeBuffer: '16KiB',
          filled: 100,
        },
        volatileWrites: 0,
      },
    ],
  },
  clients: [{ name: 'app', entrance: 'aio', direct: true, depth: 1 }],
  chapters: [
    {
      title: 'Room to spare',
      text: 'The drive is full, but it has some blocks more than it shows. Sixteen pages are overwritten in order.',
      work: [row('write', 0, 16)],
      notes: [
        {
          kind: 'completed',
          text: 'Flash can not be overwritten. The new version goes to a spare block, the old one is just marked as stale.',
        },
        {
          kind: 'completed',
          nth: 8,
          text: 'So each write takes the same: 787 µs, the time that flash needs.',
        },
      ],
    },
    {
      title: 'Tidying up',
      text: 'Thirty-two more, again in order. The spare blocks run out.',
      work: [row('write', 16, 32)],
      notes: [
        {
          kind: 'collected',
          text: 'All four pages of a block are stale. It is erased as a whole, and a write waits for it: 4.6 ms.',
        },
        {
          kind: 'collected',
          nth: 4,
          text: 'In order, whole blocks become stale together. There is nothing to save.',
        },
      ],
    },
    {
      title: 'Anywhere',
      text: 'Now 48 pages, here and there.',
      work: [{ ...row('write', 0, 48), pattern: 'random', span: DRIVE_PAGES * PAGE_SIZE }],
      notes: [
        {
          kind: 'collected',
          nth: 6,
          text: 'Of this block some pages are still needed. They are copied elsewhere first: garbage collection.',
        },
        {
          kind: 'collected',
          nth: 11,
          text: 'Three of four pages are still needed here: three copies, to make room for one page.',
        },
        {
          kind: 'completed',
          nth: 48,
          text: 'The flash wrote 76 pages for 48: write amplification. Free space keeps it low, and so does discard.',
        },
      ],
    },
  ],
};
