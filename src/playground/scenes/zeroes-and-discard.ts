// Telling a drive that bytes are zeros, or that nobody needs them any more.
// Neither moves bytes, and each reads back as zeros only by its own rule.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, SMALL } from './parts.ts';

export const ZEROES_AND_DISCARD: Scene = {
  id: 'zeroes-and-discard',
  title: 'Zeros, and nothing at all',
  question: 'How does a drive learn that bytes no longer matter?',
  intro:
    'Not every request has to carry bytes. A file system often wants zeros somewhere, or no longer needs what is there. Drives have a request for either. This drive moves 100 MiB a second; the program speaks to it without a cache.',
  group: 'drives',
  pace: 0.4,
  machine: {
    ...SMALL,
    cache: 4 * PAGE_SIZE,
    drives: [
      {
        size: 32 * PAGE_SIZE,
        model: 'fixed',
        channels: 1,
        queueDepth: 4,
        latencyNs: { read: 80_000, write: 80_000, writeZeroes: 20_000, discard: 10_000, flush: 300_000 },
        parameters: { bandwidth: '100MiB' },
        volatileWrites: 16,
      },
    ],
  },
  clients: [{ name: 'app', entrance: 'block' }],
  chapters: [
    {
      title: 'Data',
      text: 'Sixteen pages are written to the drive, and flushed.',
      work: [pages('write', 4, 16), { op: 'flush' }],
      notes: [
        { kind: 'issued', text: 'A write carries its bytes: 64 KiB travel to the drive.' },
        { kind: 'volatile', text: 'That took 705 µs, nearly all of it for moving the bytes.' },
        { kind: 'flushed', text: 'They are on the media.' },
      ],
    },
    {
      title: 'Write zeroes',
      text: 'The first half shall be zeros. There is a request for it that carries no bytes at all.',
      work: [pages('writeZeroes', 4, 8), { op: 'flush' }],
      notes: [
        { kind: 'issued', text: 'Only a range: "from sector 32, 64 sectors, zeros".' },
        {
          kind: 'volatile',
          text: 'It took 20 µs. It is a promise like any write: read now, the sectors are zeros.',
        },
        { kind: 'flushed', text: 'And it takes a flush to be durable, like any write.' },
      ],
    },
    {
      title: 'Discard',
      text: 'The second half is not needed any more: its file was deleted. The file system tells the drive.',
      work: [pages('discard', 12, 8), { op: 'flush' }],
      notes: [
        {
          kind: 'issued',
          text: 'A discard is a hint: "nobody will ask for these again". An SSD then need not keep them when it tidies up.',
        },
        {
          kind: 'volatile',
          text: 'What may be read there now is up to the drive: old bytes or zeros. A discard is no way to erase.',
        },
      ],
    },
    {
      title: 'Reading',
      text: 'Both halves are read.',
      work: [pages('read', 4, 8), pages('read', 12, 8)],
      notes: [
        { kind: 'backMerged', text: 'Reads of neighbours: one request.' },
        {
          kind: 'completed',
          text: 'Reading moves all bytes again, zeros too. They could be left out on the way there only.',
        },
      ],
    },
  ],
};
