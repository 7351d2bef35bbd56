// How waiting requests become one: at the back, at the front, and each reason why not.

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
  pace: 1,
  machine: {
    ...SMALL,
    cache: 16 * PAGE_SIZE,
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
  clients: [{ name: 'app', entrance: 'aio', direct: true }],
  chapters: [
    {
      title: 'Forwards',
      text: 'Eight writes of 4 KiB enter together, each right behind the one before.',
      work: [row('write', 4, 8)],
      notes: [
        {
          kind: 'queued',
          text: 'The first write finds nothing waiting, so it becomes a request of its own.',
        },
        {
          kind: 'backMerged',
          text: 'The second begins where the waiting one ends. It joins at the back: a back merge.',
        },
        {
          kind: 'issued',
          text: 'Eight writes leave as one request of 32 KiB, and share one price: 200 µs.',
        },
      ],
    },
    {
      title: 'Backwards',
      text: 'Eight writes again, but each lies right before the last one.',
      work: [{ ...row('write', 16, 8), pattern: 'reverse' }],
      notes: [
        { kind: 'frontMerged', text: 'It ends where the waiting one begins: a front merge.' },
        {
          kind: 'issued',
          text: 'One request again. The order of arrival did not matter, being neighbours did.',
        },
      ],
    },
    {
      title: 'Too long',
      text: 'Twelve neighbours enter. In this machine a request has at most 32 KiB, as real drives have their limit.',
      work: [row('write', 28, 12)],
      notes: [
        {
          kind: 'queued',
          nth: 2,
          text: 'The ninth is a neighbour too, but with it the request would be too long. It starts a second one.',
        },
        { kind: 'issued', nth: 2, text: 'Eight and four: two requests, twice the time.' },
      ],
    },
    {
      title: 'Not alike',
      text: 'A write, a read right behind it, and behind that two more writes. The last one wants to be on the media.',
      work: [pages('write', 44), pages('read', 45), pages('write', 46), pages('write', 47, 1, { fua: true })],
      notes: [
        {
          kind: 'queued',
          operation: OP_READ,
          text: 'It is a neighbour, but a read and a write never become one request.',
        },
        {
          kind: 'queued',
          operation: OP_WRITE,
          nth: 3,
          text: 'This write asks for the media itself (FUA, force unit access). What it promises is its own, so it stays alone.',
        },
      ],
    },
    {
      title: 'Out of order',
      text: 'Three writes that would fit into one: pages 52, 54, and then 53 between them.',
      work: [pages('write', 52), pages('write', 54), pages('write', 53)],
      notes: [
        { kind: 'queued', nth: 2, text: 'Page 54 does not touch page 52: there is a gap between them.' },
        { kind: 'frontMerged', text: 'Page 53 joins the request that came last, at its front.' },
        {
          kind: 'issued',
          nth: 2,
          text: 'Now both requests are neighbours, but nobody looks again: two requests went out. Linux without a scheduler does the same.',
        },
      ],
    },
    {
      title: 'A page between',
      text: 'Eight writes as in the beginning, but each leaves out one page.',
      work: [{ ...row('write', 4, 8), pattern: 'stride', stride: 2 * PAGE_SIZE, span: 16 * PAGE_SIZE }],
      notes: [
        { kind: 'queued', nth: 8, text: 'No two of them touch, so none can merge: eight requests.' },
        {
          kind: 'completed',
          nth: 8,
          text: 'The same bytes took eight times as long. To see this for neighbours too, switch merging off in the knobs.',
        },
      ],
    },
  ],
};
