// A writer that is faster than its drive: the flusher wakes, then the writer is made to pause.
// The limits are those of /proc/sys/vm, and the pauses those of balance_dirty_pages.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const CACHE_PAGES = 64;
const DRIVE_PAGES = 128;
const SECOND_NS = 1e9;

export const DIRTY_LIMITS: Scene = {
  id: 'dirty-limits',
  title: 'A burst against the dirty limits',
  question: 'Why is writing fast, until suddenly it is not?',
  intro:
    'A write ends when its bytes are in the page cache; such a page is dirty until the drive has it. Linux limits how much may be dirty: from 25 % of this cache on it is written in the background, and on the way to 50 % the writer is slowed down. The drive moves 4 MiB a second.',
  group: 'cache',
  pace: 4,
  machine: {
    ...SMALL,
    cache: CACHE_PAGES * PAGE_SIZE,
    eviction: 'linux',
    vm: { dirtyRatio: 50, dirtyBackgroundRatio: 25, writeBandwidth: '2MiB' },
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'fixed',
        channels: 1,
        queueDepth: 4,
        latencyNs: { read: 500_000, write: 2_000_000, flush: 1_000_000 },
        parameters: { bandwidth: '4MiB' },
      },
    ],
  },
  clients: [{ name: 'writer', entrance: 'aio', depth: 1 }],
  chapters: [
    {
      title: 'A little',
      text: 'The application writes six pages, one after the other.',
      work: [row('write', 2, 6)],
      notes: [
        {
          kind: 'dirtied',
          text: 'The page is dirty: newer in memory than on the drive. The write has ended already.',
        },
        { kind: 'aioEvent', nth: 6, text: 'Six writes in no time. The drive knows nothing of them yet.' },
      ],
    },
    {
      title: 'Half a minute later',
      text: 'Nothing more is written. 36 seconds pass.',
      work: [{ op: 'wait', ns: 36 * SECOND_NS }],
      notes: [
        {
          kind: 'flusher',
          text: 'The flusher writes dirty pages in the background. Every 5 seconds it looks for files that have been dirty for 30.',
        },
        {
          kind: 'writeback',
          text: 'Six pages, one request. Until now a power cut would have lost them all.',
        },
      ],
    },
    {
      title: 'The burst',
      text: 'Now the application writes 72 pages as fast as it can.',
      work: [row('write', 16, 72)],
      notes: [
        { kind: 'dirtied', nth: 5, text: 'Each write is a copy in memory, and takes no time.' },
        {
          kind: 'flusher',
          text: 'More than a quarter of the cache is dirty. The flusher starts, and the writer goes on at full speed.',
        },
        {
          kind: 'paused',
          text: 'Dirty pages come faster than they go, and the limit is near. Linux makes the writer sleep: its write takes 6 ms.',
        },
        {
          kind: 'paused',
          nth: 4,
          text: 'At the limit there is no way on but at the speed of the drive. The cache hid it, for a while.',
        },
        {
          kind: 'writeback',
          nth: 2,
          text: 'The flusher sends all that is dirty in one piece: one request, and long enough to fill the drive.',
        },
        {
          kind: 'evicted',
          text: 'The cache is full as well. Clean pages leave at once; dirty ones may not, before they are written.',
        },
      ],
    },
    {
      title: 'And then fsync',
      text: 'Last, the application asks that all of it be durable.',
      work: [{ op: 'fsync' }],
      notes: [
        { kind: 'writeback', text: 'What is dirty still is written first.' },
        {
          kind: 'flushed',
          text: 'The flusher never sends a flush; fsync does. Only now are all the writes safe from a power cut.',
        },
      ],
    },
  ],
};
