// One read behind a wall of writes: first come, first served against mq-deadline.
// The read passes the writes because reads have the shorter deadline.

import { OP_READ } from '../../../assembly/layout.ts';
import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { DriveConfig } from '../../core/options.ts';
import type { Scene, Work } from '../scene/types.ts';
import { pages, row, SMALL } from './parts.ts';

const DRIVE: DriveConfig = {
  size: 64 * PAGE_SIZE,
  model: 'fixed',
  channels: 1,
  queueDepth: 1,
  latencyNs: 100_000,
  volatileWrites: 32,
};

const SIDES = ['none', 'deadline'] as const;

/** Writes that can not merge, and a read that comes last. */
function wall(side: string): Work[] {
  return [
    { ...row('write', 0, 12, { client: `${side}: writer` }), pattern: 'stride', stride: 2 * PAGE_SIZE },
    pages('read', 40, 1, { client: `${side}: reader` }),
  ];
}

export const SCHEDULER: Scene = {
  id: 'scheduler',
  title: 'A read behind a wall of writes',
  question: 'Who goes first when many wait?',
  intro:
    'A drive that is busy leaves a line of requests, and a scheduler decides who is next. The first drive has none: first come, first served. The second has mq-deadline of Linux, which takes four of a kind here before it looks around (16 by default).',
  group: 'drives',
  pace: 3,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    drives: [
      { ...DRIVE, scheduler: 'none' },
      { ...DRIVE, scheduler: 'deadline', deadline: { fifoBatch: 4 } },
    ],
  },
  clients: SIDES.flatMap((side, index) =>
    ['writer', 'reader'].map((role) => ({
      name: `${side}: ${role}`,
      entrance: 'aio' as const,
      target: `drive${index}`,
      direct: true,
    })),
  ),
  chapters: [
    {
      title: 'The wall',
      text: 'On each drive, twelve writes enter at once. Right behind them comes one read, and somebody waits for it.',
      work: [...wall('none'), ...wall('deadline')],
      notes: [
        { kind: 'queued', operation: OP_READ, text: 'The read is last in line. Each request takes 100 µs.' },
        {
          kind: 'issued',
          operation: OP_READ,
          device: 1,
          text: 'After four writes mq-deadline looks around. Somebody waits for a read, so reads go before writes.',
        },
        {
          kind: 'completed',
          operation: OP_READ,
          device: 1,
          text: 'This reader has its page after 500 µs. The other one still waits.',
        },
        {
          kind: 'issued',
          operation: OP_READ,
          device: 0,
          text: 'First come, first served: here the read begins three times as late, behind all writes.',
        },
      ],
    },
    {
      title: 'In order',
      text: 'Six writes to each drive: pages 20, 10, 30, 14, 26 and 12.',
      work: SIDES.flatMap((side) =>
        [20, 10, 30, 14, 26, 12].map((page) => pages('write', page, 1, { client: `${side}: writer` })),
      ),
      notes: [
        {
          kind: 'issued',
          nth: 3,
          text: 'The first drive gets them as they came: an arm would go back and forth.',
        },
        {
          kind: 'issued',
          device: 1,
          nth: 3,
          text: 'mq-deadline goes upwards: 20, 26, 30. It turns back only at the end: 10, 12, 14.',
        },
        {
          kind: 'completed',
          device: 1,
          nth: 6,
          text: 'This drive has no arm and gains nothing by it. A disk would; for fast flash, none is a good choice.',
        },
      ],
    },
  ],
};
