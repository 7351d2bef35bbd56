// A write that fails in the background, the one fsync that says so, and the one that does not.
// The rule of errseq_t: each open file is told once.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, SMALL } from './parts.ts';

export const FSYNC_ERROR: Scene = {
  id: 'fsync-error',
  title: 'An fsync that fails once',
  question: 'If fsync fails, may a program just call it again?',
  intro:
    'A write ends in the page cache, long before the drive sees it. If the drive fails then, only fsync can say so. What Linux does next came as a surprise to the makers of several databases.',
  group: 'crashes',
  pace: 0.7,
  machine: {
    ...SMALL,
    cache: 8 * PAGE_SIZE,
    readahead: 0,
    drives: [
      {
        size: 32 * PAGE_SIZE,
        model: 'fixed',
        channels: 2,
        queueDepth: 4,
        latencyNs: { read: 80_000, write: 100_000, flush: 500_000 },
        volatileWrites: 16,
        faults: ['eio on=write nth=2 times=once'],
      },
    ],
  },
  clients: [{ name: 'database', entrance: 'aio' }],
  chapters: [
    {
      title: 'Once all is well',
      text: 'A database writes page 6 and calls fsync.',
      work: [pages('write', 6), { op: 'fsync' }],
      notes: [{ kind: 'flushed', text: 'The first version of page 6 is on the media.' }],
    },
    {
      title: 'A bad moment',
      text: 'It writes page 6 again, a second version, and calls fsync.',
      work: [pages('write', 6), { op: 'fsync' }],
      notes: [
        { kind: 'fault', text: 'This time the drive fails: an I/O error, EIO.' },
        {
          kind: 'written',
          text: 'The page is called clean all the same. Linux does not try again by itself.',
        },
        { kind: 'aioEvent', nth: 2, text: 'fsync says EIO (-5). So far, the database has been told.' },
      ],
    },
    {
      title: 'Once more',
      text: 'The database calls fsync again, hoping for the best.',
      work: [{ op: 'fsync' }],
      notes: [
        {
          kind: 'aioEvent',
          text: 'Success. Nothing is dirty, so nothing was written. The error was told once, and is forgotten.',
        },
      ],
    },
    {
      title: 'Reading it',
      text: 'Page 6 is read.',
      work: [pages('read', 6)],
      notes: [
        { kind: 'pageHit', text: 'A hit: the second version is still in the cache. All seems to be well.' },
      ],
    },
    {
      title: 'Memory is needed elsewhere',
      text: 'The kernel drops what is clean from the cache. Then page 6 is read again.',
      work: [{ op: 'dropCaches' }, pages('read', 6)],
      notes: [
        { kind: 'evicted', text: 'The second version was only here. It is gone, and nobody is told.' },
        {
          kind: 'completed',
          text: 'The first version is back. After a failed fsync, write everything again from a log of your own, or stop.',
        },
      ],
    },
  ],
};
