// Ten thousand requests through a small cache to a fast drive: the scene for looking at speed and at charts.
// `npm run bench playground` measures how smoothly the page plays it.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const DRIVE_PAGES = 2048;
const CACHE_PAGES = 1024;

export const TEN_THOUSAND: Scene = {
  id: 'ten-thousand',
  title: 'Ten thousand requests',
  question: 'What does a busy machine look like?',
  intro:
    'A reader and a writer go anywhere, and a scan goes straight through, all at once: 10,000 requests of 4 KiB to an NVMe drive of 8 MiB, through a cache of 4 MiB. Look at the charts, and at the cache finding its balance.',
  group: 'drives',
  pace: 1000,
  machine: {
    ...SMALL,
    cache: CACHE_PAGES * PAGE_SIZE,
    eviction: 'linux',
    drives: [{ size: DRIVE_PAGES * PAGE_SIZE, model: 'nvme' }],
  },
  clients: [
    { name: 'reader', entrance: 'aio', depth: 16 },
    { name: 'writer', entrance: 'aio', depth: 8 },
    { name: 'scan', entrance: 'aio', depth: 4 },
  ],
  chapters: [
    {
      title: 'All at once',
      text: '5,000 random reads of the whole drive, 3,000 random writes in its first half, 2,000 reads in order.',
      work: [
        {
          ...row('read', 0, 5000, { client: 'reader' }),
          pattern: 'random',
          span: DRIVE_PAGES * PAGE_SIZE,
        },
        {
          ...row('write', 0, 3000, { client: 'writer' }),
          pattern: 'random',
          span: (DRIVE_PAGES / 2) * PAGE_SIZE,
        },
        row('read', 0, 2000, { client: 'scan' }),
      ],
      notes: [
        { kind: 'readahead', text: 'The scan is seen at once, and read ahead of. The random reader is not.' },
        {
          kind: 'flusher',
          text: 'A tenth of the cache is dirty: the flusher begins to write in the background.',
        },
        {
          kind: 'paused',
          text: 'Still it grows faster than it goes: the writer is made to sleep for a while.',
        },
        {
          kind: 'collected',
          text: 'Inside the drive, flash that holds old versions is tidied up, which takes time as well.',
        },
        { kind: 'evicted', text: 'The cache is full. From here on each new page pushes out an old one.' },
        {
          kind: 'refault',
          nth: 600,
          text: 'A page is wanted again soon after it had to leave: a refault. Many of them mean that the cache is too small.',
        },
        {
          kind: 'activated',
          nth: 2000,
          text: 'Pages that are used again become active. The scan, which uses each page once, does not push them out.',
        },
      ],
    },
    {
      title: 'And now to the media',
      text: 'The writer asks that everything be durable.',
      work: [{ op: 'fsync', client: 'writer' }],
      notes: [{ kind: 'flushed', text: 'Every write that had been acknowledged is on the media now.' }],
    },
  ],
};
