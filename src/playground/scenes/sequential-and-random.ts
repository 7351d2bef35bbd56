// One disk with an arm: the same reads in a row, at random, and at random with many in the queue.
// Its head and its platter are the whole difference.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene, Work } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const DRIVE_PAGES = 128;
const READS = 24;

function scattered(client: string): Work {
  return { ...row('read', 0, READS, { client }), pattern: 'random', span: DRIVE_PAGES * PAGE_SIZE };
}

export const SEQUENTIAL_AND_RANDOM: Scene = {
  id: 'sequential-and-random',
  title: 'Sequential against random',
  question: 'Why does the order of reads matter so much to a disk?',
  intro:
    'A hard disk has one arm over turning platters. It reads 24 pages of 4 KiB in three ways: side by side, scattered, and scattered with many waiting. The reads are direct: they go around the cache, so that only the disk is measured.',
  group: 'drives',
  pace: 7,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'hdd',
        parameters: { heads: 1, outerSectors: 128, innerSectors: 96, readAhead: '16KiB' },
      },
    ],
  },
  clients: [
    { name: 'one at a time', entrance: 'aio', direct: true, depth: 1 },
    { name: 'many at once', entrance: 'aio', direct: true, depth: 16 },
  ],
  chapters: [
    {
      title: 'Side by side',
      text: '24 neighbouring pages, each asked for when the one before has come.',
      work: [row('read', 16, READS)],
      notes: [
        {
          kind: 'issued',
          text: 'The arm has to find the track, then wait until the sectors pass under the head.',
        },
        { kind: 'completed', text: 'Most of that time nothing was read. The disk was only getting there.' },
        {
          kind: 'completed',
          nth: 4,
          text: 'The next sectors pass under the head by themselves: about half a millisecond for each page now.',
        },
        { kind: 'completed', nth: READS, text: '24 reads, less than 20 milliseconds.' },
      ],
    },
    {
      title: 'Scattered',
      text: '24 pages again, anywhere on the disk, one at a time.',
      work: [scattered('one at a time')],
      notes: [
        {
          kind: 'completed',
          nth: 2,
          text: 'For each page the arm moves, and the platter turns. In these ten milliseconds a processor runs millions of instructions.',
        },
        {
          kind: 'completed',
          nth: 12,
          text: 'One arm can do about a hundred of these in a second, whatever the disk costs.',
        },
        { kind: 'completed', nth: READS, text: 'The same number of bytes took more than ten times as long.' },
      ],
    },
    {
      title: 'Scattered, many at once',
      text: 'Scattered again, but the application keeps 16 reads waiting.',
      work: [scattered('many at once')],
      notes: [
        {
          kind: 'issued',
          nth: 16,
          text: 'The disk has 16 to choose from, and takes the one that it can reach first.',
        },
        {
          kind: 'completed',
          nth: 10,
          text: 'They end in another order than they came. Some wait long, as nearer ones go first.',
        },
        {
          kind: 'completed',
          nth: READS,
          text: 'A shorter way for the arm, and still far from side by side. An SSD has no arm: see the next scene.',
        },
      ],
    },
  ],
};
