// Small writes that are each made durable, one client alone, then four together.
// Four that come together share the commits of the journal, and so the price of a flush.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene, Work } from '../scene/types.ts';
import { SMALL } from './parts.ts';

const NAMES = ['ann', 'ben', 'cem', 'dee'];
const RECORD_BYTES = 200;

/** Appends to a log, and fsync behind each. */
function commits(client: string, first: number, count: number): Work[] {
  return Array.from({ length: count }, (_, index): Work[] => [
    { op: 'write', offset: (first + index) * RECORD_BYTES, length: RECORD_BYTES, client },
    { op: 'fsync', client },
  ]).flat();
}

export const FSYNC_STORM: Scene = {
  id: 'fsync-storm',
  title: 'A storm of fsyncs',
  question: 'What does a small safe write cost, and who shares the cost?',
  intro:
    'fsync returns when what was written would survive a power cut. For that the drive has to flush, and a flush takes long: 2 ms here. Four people keep a log on the same volume, and call fsync behind each line.',
  group: 'crashes',
  pace: 3,
  machine: {
    ...SMALL,
    cache: 32 * PAGE_SIZE,
    volume: { inodes: 16, profile: 'journal' },
    drives: [
      {
        size: '512KiB',
        model: 'fixed',
        channels: 4,
        queueDepth: 8,
        latencyNs: { read: 80_000, write: 50_000, flush: 2_000_000 },
        volatileWrites: 64,
      },
    ],
  },
  clients: NAMES.map((name) => ({ name, entrance: 'aio', target: `/${name}.log`, depth: 1 })),
  chapters: [
    {
      title: 'One log',
      text: 'Ann appends 200 bytes to her log and calls fsync. She does so four times.',
      work: commits('ann', 0, 4),
      notes: [
        {
          kind: 'writeback',
          text: 'Her 200 bytes are part of a block of 4 KiB, and the whole block goes to the drive.',
        },
        {
          kind: 'commit',
          text: 'The file has grown. Its new size goes to the journal, a log in which the volume notes such changes.',
        },
        {
          kind: 'flushed',
          text: 'The drive needs 2 ms to bring its volatile cache to the media. That is the price of an fsync.',
        },
        {
          kind: 'aioEvent',
          nth: 8,
          text: 'Four times 200 bytes took 8.4 ms, and nearly all of it went into four flushes.',
        },
      ],
    },
    {
      title: 'Four logs',
      text: 'Now Ann, Ben, Cem and Dee do the same three times each, side by side.',
      work: NAMES.flatMap((name) => commits(name, 4, 3)),
      notes: [
        { kind: 'commit', text: 'Ann is first. Her fsync begins a transaction of the journal, and a flush.' },
        {
          kind: 'volatile',
          nth: 2,
          text: "Ben's block arrives while that flush is on its way. It came too late for it, and waits for the next.",
        },
        {
          kind: 'commit',
          nth: 2,
          text: 'The next transaction takes Ben, Cem and Dee together: group commit.',
        },
        { kind: 'flushed', nth: 2, text: 'One flush, three fsyncs. The three share its price.' },
        {
          kind: 'flushed',
          nth: 4,
          text: 'Again three together. Who comes while a flush is on its way shares the next one.',
        },
        {
          kind: 'aioEvent',
          nth: 24,
          text: 'Twelve fsyncs took six transactions and 12.4 ms: half the price each. More clients would share better still.',
        },
      ],
    },
  ],
};
