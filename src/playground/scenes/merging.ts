// How waiting requests become one: at the back, at the front, and each reason why not.
// The rules are those of Linux (block/blk-merge.c); turn merging off with the knob to see the other side.

import { OP_READ, OP_WRITE } from '../../../assembly/layout.ts';
import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, row, SMALL } from './parts.ts';

const DRIVE_PAGES = 64;
/** 32 KiB: eight pages. */
const MAX_SECTORS = 64;

export const MERGING: Scene = {
  id: 'merging',
  title: 'Two requests become one',
  question: 'Which requests can travel together?',
  intro:
    'A drive asks a price for each request, however small it is. So the kernel looks at what is waiting and joins neighbours: it merges them. This drive serves one request at a time, each in 200 µs. The writes are direct: they go around the page cache.',
  group: 'merging',
  pace: 3,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    limits: { ...SMALL.limits, maxSectors: MAX_SECTORS },
    drives: [
      {
        size: DRIVE_PAGES * PAGE_SIZE,
        model: 'fixed',
        channels: 1,
        queueDepth: 1,
        latencyNs: 200_000,
        volatileWrites: 32,
      },
    ],
  },
  clients: [{ name: 'app', entrance: 'aio', direct: true, depth: 32, batch: 1 }],
  chapters: [
    {
      title: 'Forwards',
      text: 'Nine writes of 4 KiB enter, each right behind the one before.',
      work: [row('write', 4, 9)],
      notes: [
        { kind: 'issued', text: 'The drive is free, so the first write goes to it at once.' },
        { kind: 'queued', nth: 2, text: 'Now the drive is busy, and the second write has to wait.' },
        {
          kind: 'backMerged',
          text: 'The third begins where the waiting one ends. It joins at the back: a back merge.',
        },
        {
          kind: 'issued',
          nth: 2,
          text: 'Eight writes leave as one request of 32 KiB, and share one price: 200 µs.',
        },
      ],
    },
    {
      title: 'Backwards',
      text: 'Nine again, but each lies right before the one that came last.',
      work: [{ ...row('write', 16, 9), pattern: 'reverse' }],
      notes: [
        { kind: 'frontMerged', text: 'It ends where the waiting one begins: a front merge.' },
        {
          kind: 'issued',
          nth: 2,
          text: 'Eight in one once more. The order of arrival did not matter, being neighbours did.',
        },
      ],
    },
    {
      title: 'Too long',
      text: 'Fourteen neighbours. A request of this machine has at most 32 KiB; every real drive has some limit.',
      work: [row('write', 28, 14)],
      notes: [
        {
          kind: 'queued',
          nth: 3,
          text: 'A neighbour too, but with it the request would have more than 32 KiB. It starts another one.',
        },
        { kind: 'issued', nth: 3, text: 'One, eight and five: three requests.' },
      ],
    },
    {
      title: 'Not alike',
      text: 'Two writes, a read right behind them, and a write that wants to be on the media itself.',
      work: [pages('write', 44), pages('write', 45), pages('read', 46), pages('write', 47, 1, { fua: true })],
      notes: [
        {
          kind: 'queued',
          operation: OP_READ,
          text: 'A neighbour, but a read and a write never become one request.',
        },
        {
          kind: 'queued',
          operation: OP_WRITE,
          nth: 3,
          text: 'This one asks for the media itself (FUA, force unit access). That is a promise of its own, so it stays alone.',
        },
      ],
    },
    {
      title: 'Out of order',
      text: 'Page 60 keeps the drive busy. Pages 52, 54 and then 53 enter, which would fit together.',
      work: [pages('write', 60), pages('write', 52), pages('write', 54), pages('write', 53)],
      notes: [
        { kind: 'queued', nth: 3, text: 'Page 54 does not touch page 52: there is a gap between them.' },
        {
          kind: 'frontMerged',
          text: 'Page 53 fills the gap. It joins the one that came last, at its front.',
        },
        {
          kind: 'issued',
          nth: 3,
          text: 'Both are neighbours now, but nobody looks again: two requests. Linux without a scheduler does the same.',
        },
      ],
    },
    {
      title: 'A page between',
      text: 'Nine writes as in the beginning, but each leaves out one page.',
      work: [{ ...row('write', 4, 9), pattern: 'stride', stride: 2 * PAGE_SIZE }],
      notes: [
        { kind: 'queued', nth: 9, text: 'No two of them touch, so none can merge: nine requests.' },
        {
          kind: 'completed',
          nth: 9,
          text: '1,800 µs for what took 400. To see this with neighbours, switch merging off in the knobs.',
        },
      ],
    },
  ],
};
