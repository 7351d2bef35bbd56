// Writes that are smaller than a block, as large as a block, and behind the end of a file.
// With blocks of 512 bytes a page is up to date in part.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { SMALL } from './parts.ts';

const BLOCK = 1024;

export const PARTIAL_PAGE: Scene = {
  id: 'partial-page',
  title: 'A write smaller than a block',
  question: 'Why must a small write read first?',
  intro:
    'The cache has pages of 4 KiB. Here the file system has blocks of 1 KiB, so a page is four of them, and the cache knows of each whether it is there and whether it is dirty. Only whole blocks travel between cache and drive.',
  group: 'cache',
  pace: 0.7,
  machine: {
    ...SMALL,
    cache: 16 * PAGE_SIZE,
    blockSize: BLOCK,
    readahead: 0,
    files: [
      { name: 'table', capacity: 16 * PAGE_SIZE, size: 16 * PAGE_SIZE },
      { name: 'log', capacity: 8 * PAGE_SIZE, size: 0 },
    ],
    drives: [
      {
        size: 32 * PAGE_SIZE,
        model: 'fixed',
        channels: 2,
        queueDepth: 4,
        latencyNs: { read: 100_000, write: 100_000, flush: 500_000 },
      },
    ],
  },
  clients: [
    { name: 'table', entrance: 'aio', target: 'table' },
    { name: 'log', entrance: 'aio', target: 'log', depth: 1 },
  ],
  chapters: [
    {
      title: 'A whole block',
      text: 'The application overwrites exactly one block in page 2 of its table.',
      work: [{ op: 'write', offset: 2 * PAGE_SIZE + BLOCK, length: BLOCK }],
      notes: [
        {
          kind: 'dirtied',
          text: 'Every byte of the block is new, so nothing has to be read. The other three blocks stay absent.',
        },
      ],
    },
    {
      title: 'A part of a block',
      text: 'Now 100 bytes in the middle of a block of page 5.',
      work: [{ op: 'write', offset: 5 * PAGE_SIZE + 2 * BLOCK + 300, length: 100 }],
      notes: [
        {
          kind: 'readIn',
          text: 'The drive will get the whole block back, so the bytes around the 100 are needed: it is read in first.',
        },
        { kind: 'issued', text: 'One block, two sectors: the rest of the page is of no interest.' },
        {
          kind: 'dirtied',
          text: 'Only now are the 100 bytes copied. This small write waited for the drive, the larger one did not.',
        },
      ],
    },
    {
      title: 'Across three blocks',
      text: 'A write of 2 KiB that begins and ends in the middle of a block, in page 8.',
      work: [{ op: 'write', offset: 8 * PAGE_SIZE + 500, length: 2 * BLOCK }],
      notes: [
        {
          kind: 'issued',
          text: 'Its first and last block need their other bytes. One read of three blocks is cheaper than two of one.',
        },
      ],
    },
    {
      title: 'Behind the end of a file',
      text: 'The log is empty. The application appends 100 bytes, and 100 more.',
      work: [
        { op: 'write', offset: 0, length: 100, client: 'log' },
        { op: 'write', offset: 100, length: 100, client: 'log' },
      ],
      notes: [
        {
          kind: 'dirtied',
          text: 'Behind the end of a file there is nothing to read. The rest of the block is zeros.',
        },
        { kind: 'pageHit', text: 'And now the block is there: the second write just copies.' },
      ],
    },
    {
      title: 'fsync',
      text: 'The table is made durable.',
      work: [{ op: 'fsync' }],
      notes: [
        { kind: 'writeback', text: 'Dirty blocks alone are written: of page 2 this is one of four.' },
        {
          kind: 'flushed',
          text: 'Three writes, ten sectors, are on the media. The log was not asked for, and is still in memory only.',
        },
      ],
    },
    {
      title: 'Reading the page',
      text: 'At last, the application reads page 2 as a whole.',
      work: [{ op: 'read', offset: 2 * PAGE_SIZE, length: PAGE_SIZE }],
      notes: [
        { kind: 'pageHit', text: 'The page is in the cache, but only one of its blocks is.' },
        {
          kind: 'readIn',
          nth: 2,
          text: 'The missing ones come from the drive: one before it, two behind it.',
        },
      ],
    },
  ],
};
