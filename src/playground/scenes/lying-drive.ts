// Two drives get the same writes and flushes; one of them only says that it flushed.
// Pull the plug at its end: one of them breaks its promise.

import { OP_FLUSH } from '../../../assembly/layout.ts';
import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { DriveConfig } from '../../core/options.ts';
import type { Scene } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const DRIVE: DriveConfig = {
  size: 32 * PAGE_SIZE,
  model: 'fixed',
  channels: 2,
  queueDepth: 4,
  latencyNs: { read: 80_000, write: 100_000, flush: 1_000_000 },
  volatileWrites: 16,
};

export const LYING_DRIVE: Scene = {
  id: 'lying-drive',
  title: 'A drive that lies',
  question: 'What is fsync worth if the drive does not keep its word?',
  intro:
    'A drive holds fresh writes in a volatile cache, which a power cut empties. A flush asks it to bring them all to the media. Two drives get the same writes and the same fsync. The second one only says that it flushed.',
  group: 'crashes',
  pace: 0.9,
  machine: {
    ...SMALL,
    cache: 32 * PAGE_SIZE,
    drives: [DRIVE, { ...DRIVE, faults: ['ignoredFlush drive=1'] }],
  },
  clients: [
    { name: 'honest', entrance: 'aio', target: 'drive0' },
    { name: 'lying', entrance: 'aio', target: 'drive1' },
  ],
  chapters: [
    {
      title: 'The same writes',
      text: 'Two applications write four pages each, and call fsync.',
      work: [
        row('write', 4, 4, { client: 'honest' }),
        { op: 'fsync', client: 'honest' },
        row('write', 4, 4, { client: 'lying' }),
        { op: 'fsync', client: 'lying' },
      ],
      notes: [
        {
          kind: 'dirtied',
          nth: 4,
          text: 'Four pages are in the page cache of the kernel. No drive has seen them yet.',
        },
        {
          kind: 'volatile',
          text: 'The drive has the write, in its volatile cache (hatched). So far both are alike.',
        },
        { kind: 'issued', operation: OP_FLUSH, text: 'Both are asked to flush: the last step of fsync.' },
        { kind: 'fault', operation: OP_FLUSH, text: 'The second drive takes the flush and does nothing.' },
        { kind: 'flushed', device: 0, text: 'The honest drive has its write on the media (solid).' },
        {
          kind: 'completed',
          operation: OP_FLUSH,
          device: 1,
          text: 'The other one says "done" just the same. No application can tell the difference.',
        },
      ],
    },
    {
      title: 'Pull the plug',
      text: 'Both write two more pages, sure of the first four. Cut the power when you like, and compare.',
      work: [row('write', 12, 2, { client: 'honest' }), row('write', 12, 2, { client: 'lying' })],
      notes: [
        {
          kind: 'dirtied',
          device: 1,
          nth: 2,
          text: 'After a power cut now, the first drive has four pages. The second has what it likes of them, or none.',
        },
      ],
    },
  ],
};
