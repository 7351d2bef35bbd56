// A working set and one long scan through the same small cache.
// With eviction lru the scan pushes the working set out; with linux the active list keeps it.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const CACHE_PAGES = 16;

export const EVICTION_SCAN: Scene = {
  id: 'eviction-scan',
  title: 'A scan through a small cache',
  question: 'Who has to leave when the cache is full?',
  intro:
    'An application keeps coming back to the same six pages: its working set. Then a backup reads 32 pages once, through a cache that holds 16. Will the working set still be there?',
  group: 'cache',
  pace: 5,
  machine: {
    ...SMALL,
    cache: CACHE_PAGES * PAGE_SIZE,
    eviction: 'linux',
    readahead: 0,
    drives: [
      { size: 64 * PAGE_SIZE, model: 'fixed', channels: 2, queueDepth: 8, latencyNs: { read: 80_000 } },
    ],
  },
  clients: [
    { name: 'app', entrance: 'aio', depth: 1 },
    { name: 'backup', entrance: 'aio', depth: 1 },
  ],
  chapters: [
    {
      title: 'The working set',
      text: 'The application reads pages 4 to 9.',
      work: [row('read', 4, 6)],
      notes: [
        {
          kind: 'pageMiss',
          text: 'Nothing is cached yet: each page is a miss and costs a read of the drive.',
        },
        { kind: 'readIn', nth: 6, text: 'New pages stand on the inactive list: on probation.' },
      ],
    },
    {
      title: 'Again, and again',
      text: 'It reads the same six pages two more times.',
      work: [row('read', 4, 6), row('read', 4, 6)],
      notes: [
        { kind: 'pageHit', text: 'All hits now.' },
        {
          kind: 'activated',
          text: 'Used again and again, the page moves to the active list: it has proved that it is worth its room.',
        },
      ],
    },
    {
      title: 'The scan',
      text: 'A backup reads 32 pages, 16 to 47, each of them once.',
      work: [row('read', 16, 32, { client: 'backup' })],
      notes: [
        {
          kind: 'evicted',
          text: 'The cache is full. Out goes page 16, the oldest on the inactive list, and none of the working set.',
        },
        {
          kind: 'evicted',
          nth: 11,
          text: 'Each new page of the scan pushes out the oldest one of the scan.',
        },
        {
          kind: 'evicted',
          nth: 22,
          text: 'The scan has pushed out only its own pages. By plain least recently used, all six would be gone.',
        },
      ],
    },
    {
      title: 'Back to work',
      text: 'The application reads its six pages again.',
      work: [row('read', 4, 6)],
      notes: [
        {
          kind: 'pageHit',
          nth: 6,
          text: 'Six hits. Switch the knob eviction to lru, and here are six misses.',
        },
      ],
    },
    {
      title: 'What left too early',
      text: 'The backup comes back for six pages that it had read: 35 to 38, and 30 and 31.',
      work: [row('read', 35, 4, { client: 'backup' }), row('read', 30, 2, { client: 'backup' })],
      notes: [
        {
          kind: 'refault',
          text: 'A shadow of it is left: how many others have come and gone since. If few, the page was thrown out too early.',
        },
        {
          kind: 'activated',
          text: 'So few, that a cache a little larger would have kept it. It goes straight to the active list.',
        },
      ],
    },
  ],
};
