// A reader whose next pages are there before it asks, and one that cannot be guessed.
// The window doubles while the guess is right (mm/readahead.c).

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, row, SMALL } from './parts.ts';

const DRIVE_PAGES = 160;
/** Behind what was read ahead; no two are neighbours. */
const SCATTERED = [131, 100, 150, 118, 142, 109, 125, 156, 97, 137, 103, 113];

export const READAHEAD: Scene = {
  id: 'readahead',
  title: 'Reading ahead',
  question: 'How can a page be there before anyone asked for it?',
  intro:
    'The application reads one page of 4 KiB at a time, each when the one before is there. The kernel watches for a pattern: where it sees one, it reads further than it was asked to. That is readahead.',
  group: 'cache',
  pace: 3,
  machine: {
    ...SMALL,
    cache: 128 * PAGE_SIZE,
    readahead: '128KiB',
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'fixed',
        channels: 2,
        queueDepth: 8,
        latencyNs: { read: 100_000 },
        parameters: { bandwidth: '400MiB' },
      },
    ],
  },
  clients: [{ name: 'reader', entrance: 'aio', depth: 1 }],
  chapters: [
    {
      title: 'One after the other',
      text: 'The reader asks for pages 0 to 31, in order.',
      work: [row('read', 0, 32)],
      notes: [
        {
          kind: 'pageMiss',
          text: 'Page 0 is not in the cache: a miss. The reader has to wait for the drive.',
        },
        {
          kind: 'readahead',
          text: 'It is the start of the file, so the kernel bets on more: it reads four pages in place of one.',
        },
        {
          kind: 'readahead',
          nth: 2,
          text: 'The bet was right. Already at page 1 the next window is fetched, twice as long: eight pages.',
        },
        { kind: 'readahead', nth: 3, text: 'Sixteen pages. Each success doubles the window.' },
        {
          kind: 'readahead',
          nth: 4,
          text: '32 pages, 128 KiB: as far as it goes here. The knob is called readahead.',
        },
        {
          kind: 'pageHit',
          nth: 20,
          text: 'Hit after hit. The reader waits only where a window has not arrived yet.',
        },
        {
          kind: 'pageHit',
          nth: 31,
          text: 'One miss, and 31 hits. Where a hit had to wait, its page was on the way already.',
        },
      ],
    },
    {
      title: 'Anywhere',
      text: 'Twelve reads at random, where nothing is cached yet.',
      work: SCATTERED.map((page) => pages('read', page)),
      notes: [
        { kind: 'pageMiss', text: 'No pattern: nobody could know that this page would be next.' },
        {
          kind: 'readIn',
          nth: 4,
          text: 'The kernel reads exactly what was asked. To guess wrong would cost time, and push useful pages out.',
        },
      ],
    },
    {
      title: 'Once more from the start',
      text: 'Pages 0 to 15 again.',
      work: [row('read', 0, 16)],
      notes: [
        {
          kind: 'pageHit',
          nth: 16,
          text: 'All hits, and the drive had nothing to do. What was read ahead stays until its room is needed.',
        },
      ],
    },
  ],
};
