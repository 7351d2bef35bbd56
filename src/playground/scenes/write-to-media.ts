// The first scene: one write from the application to the media, then a read-in, hits, merges, eviction and two more fsyncs.
//
// Its machine is small, so that each page of the cache and each request can be seen. Its first chapter is what a first visitor sees move: the
// whole way of one write in less than ten seconds, a few words at each stop.

import { OP_FLUSH, OP_WRITE } from '../../../assembly/layout.ts';
import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, SMALL } from './parts.ts';

const CACHE_PAGES = 16;
const DRIVE_PAGES = 32;
const CHANNELS = 2;

export const WRITE_TO_MEDIA: Scene = {
  id: 'write-to-media',
  title: 'From write to media',
  question: 'When is a write safe?',
  intro:
    'An application writes a few pages of 4 KiB. On their way to the drive they pass the page cache, the memory that the kernel keeps for files. Watch where the bytes are at each moment, and what a power cut would take.',
  group: 'first steps',
  pace: 2.5,
  clients: [{ name: 'app', entrance: 'aio' }],
  machine: {
    ...SMALL,
    cache: CACHE_PAGES * PAGE_SIZE,
    eviction: 'lru',
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'fixed',
        channels: CHANNELS,
        queueDepth: CHANNELS,
        latencyNs: { read: 80_000, write: 40_000, flush: 200_000 },
        volatileWrites: 16,
      },
    ],
  },
  chapters: [
    {
      title: 'One write, made safe',
      text: 'One write of 4 KiB, then fsync.',
      work: [pages('write', 2), { op: 'fsync' }],
      notes: [
        { kind: 'dirtied', text: 'The bytes are in the page cache. The page is dirty.' },
        { kind: 'issued', operation: OP_WRITE, text: 'fsync sends it through the queue to the drive.' },
        { kind: 'volatile', text: 'The drive has it, but a power cut would still take it.' },
        { kind: 'flushed', text: 'A flush puts it on the media. Now it is safe.' },
      ],
    },
    {
      title: 'Four writes',
      text: 'The application writes pages 2 to 5, 4 KiB each: page 2 a second time.',
      work: [pages('write', 2), pages('write', 3), pages('write', 4), pages('write', 5)],
      notes: [
        {
          kind: 'dirtied',
          text: 'Page 2 is dirty again: newer than the drive, which still has the bytes of the first write.',
        },
        {
          kind: 'aioEvent',
          nth: 4,
          text: 'All four report success and no time has passed. The drive has not heard of them: a power cut now would lose all four.',
        },
      ],
    },
    {
      title: 'A write smaller than a page',
      text: 'Next come 1,000 bytes in the middle of page 6.',
      work: [{ op: 'write', offset: 6 * PAGE_SIZE + 700, length: 1000 }],
      notes: [
        {
          kind: 'readIn',
          text: 'The cache keeps whole blocks of 4 KiB, so it must first read the bytes around the 1,000 new ones.',
        },
        {
          kind: 'dirtied',
          text: 'Only now can the copy happen. This small write took a whole read of the drive, where the larger ones took no time.',
        },
      ],
    },
    {
      title: 'The same pages again',
      text: 'The application overwrites pages 3 and 4, and a few more bytes of page 6.',
      work: [pages('write', 3), pages('write', 4), { op: 'write', offset: 6 * PAGE_SIZE, length: 512 }],
      notes: [
        {
          kind: 'pageHit',
          text: 'The page is in the cache: a hit. It is dirty already, so there is nothing more to note.',
        },
        {
          kind: 'pageHit',
          nth: 3,
          text: 'Page 6 is complete in memory now, so even a small write needs no read. The drive will see one write of each page, not two.',
        },
      ],
    },
    {
      title: 'fsync',
      text: 'The application calls fsync. It returns when all that was written would survive a power cut.',
      work: [{ op: 'fsync' }],
      notes: [
        {
          kind: 'writeback',
          text: 'Five dirty pages lie side by side, so they leave in one piece: one request where there were eight writes.',
        },
        {
          kind: 'volatile',
          text: 'The drive says "done", but holds the write in its volatile cache (hatched). It can still be lost.',
        },
        {
          kind: 'queued',
          operation: OP_FLUSH,
          text: 'That is why fsync also sends a flush, and waits for it.',
        },
        {
          kind: 'flushed',
          text: 'Now the bytes are on the media (solid), and fsync may return. The flush took longer than the write.',
        },
      ],
    },
    {
      title: 'Reads: hit, miss, merge',
      text: 'Five reads enter together: pages 4, 12, 13, 11 and 20.',
      work: [pages('read', 4), pages('read', 12), pages('read', 13), pages('read', 11), pages('read', 20)],
      notes: [
        { kind: 'pageHit', text: 'Page 4 is in the cache, and its read needs nothing from the drive.' },
        {
          kind: 'backMerged',
          text: 'The read of page 13 begins where the waiting read of page 12 ends: it joins at the back.',
        },
        { kind: 'frontMerged', text: 'Page 11 lies right before them: it joins at the front.' },
        {
          kind: 'issued',
          nth: 2,
          text: 'Four misses became two requests. Page 20 is too far away to merge, but the drive serves two requests at once.',
        },
      ],
    },
    {
      title: 'Filling the cache',
      text: 'One write of seven pages, 24 to 30.',
      work: [pages('write', 24, 7)],
      notes: [
        {
          kind: 'dirtied',
          nth: 7,
          text: 'The cache is full: 16 pages, seven of them dirty. Whoever needs another page must push one out.',
        },
      ],
    },
    {
      title: 'Eviction',
      text: 'One read of pages 7 to 19. Three of them are cached; ten need room.',
      work: [pages('read', 7, 13)],
      notes: [
        {
          kind: 'evicted',
          text: 'The page whose last use is longest ago leaves first. Page 2 is clean, so it is simply dropped.',
        },
        {
          kind: 'writeback',
          text: 'Next in line are pages 24 to 27, and they are dirty: they must be written before they may leave. A read has caused a write.',
        },
        {
          kind: 'queued',
          operation: OP_WRITE,
          text: 'This drive takes two requests at a time and has two reads, so the write waits in the queue.',
        },
        {
          kind: 'aioEvent',
          text: 'The reader has its pages and did not wait for the write, which is still on its way.',
        },
        {
          kind: 'volatile',
          text: 'Four of the seven new pages are in the volatile cache of the drive, three in memory only. A power cut would lose all seven.',
        },
      ],
    },
    {
      title: 'fsync again',
      text: 'A last fsync leaves nothing to lose.',
      work: [{ op: 'fsync' }],
      notes: [
        {
          kind: 'issued',
          operation: OP_WRITE,
          text: 'The three pages that are still dirty go to the drive.',
        },
        {
          kind: 'flushed',
          text: 'One flush covers every write that had completed before it began: these three pages, and the four that eviction wrote.',
        },
      ],
    },
  ],
};
