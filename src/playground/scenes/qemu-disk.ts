// A guest's disk over the host's page cache: merged once, cached twice.
// With cache mode none it goes around the host: one copy less.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { pages, row, SMALL } from './parts.ts';

export const QEMU_DISK: Scene = {
  id: 'qemu-disk',
  title: "A guest's disk",
  question: 'Where is a write that a virtual machine has made?',
  intro:
    'A virtual machine has no disk, it has QEMU: a program of the host that answers its requests from a file. So each write passes two kernels. Watch one virtio-blk disk from the queue of the guest to the media of the host.',
  group: 'guests',
  pace: 0.7,
  machine: {
    ...SMALL,
    cache: 32 * PAGE_SIZE,
    cacheMode: 'writeback',
    drives: [
      {
        size: 64 * PAGE_SIZE,
        model: 'fixed',
        channels: 2,
        queueDepth: 8,
        latencyNs: { read: 80_000, write: 100_000, flush: 800_000 },
        volatileWrites: 32,
      },
    ],
  },
  clients: [{ name: 'guest', entrance: 'virtio' }],
  chapters: [
    {
      title: 'Six requests',
      text: 'Through its virtqueue the guest writes pages 8, 10, 9, 11 and 20, and reads page 30.',
      work: [
        pages('write', 8),
        pages('write', 10),
        pages('write', 9),
        pages('write', 11),
        pages('write', 20),
        pages('read', 30),
      ],
      notes: [
        {
          kind: 'guestRequest',
          text: "A virtqueue is a ring in the guest's memory. The guest believes that it talks to a disk of its own.",
        },
        {
          kind: 'multireqSplit',
          text: 'QEMU sorts the writes first. Pages 8 to 11 become one; page 20 is too far away.',
        },
        {
          kind: 'multireqIssued',
          text: 'Four requests, one write on the host. Arrival out of order does no harm here.',
        },
        {
          kind: 'dirtied',
          text: "That write lands in the host's page cache (cache mode writeback), not on a drive.",
        },
        {
          kind: 'guestDone',
          text: 'For the guest its disk has written. In truth the bytes are in the memory of the host.',
        },
        { kind: 'guestDone', nth: 6, text: 'Only the read had to wait for the drive.' },
      ],
    },
    {
      title: 'The guest flushes',
      text: "The guest's file system wants to be sure, and sends a flush.",
      work: [{ op: 'flush' }],
      notes: [
        {
          kind: 'writeback',
          text: 'A flush of the guest is an fsync on the host: now the dirty pages go out.',
        },
        {
          kind: 'flushed',
          text: "And the host's drive is flushed too. The guest's promise is kept by the whole chain, or not at all.",
        },
        {
          kind: 'guestDone',
          text: 'Now it is true. With cache mode unsafe this answer would come at once, and mean nothing.',
        },
      ],
    },
    {
      title: 'Reading back',
      text: 'The guest reads pages 8 to 11.',
      work: [row('read', 8, 4)],
      notes: [
        { kind: 'multireqIssued', text: 'Four reads, merged into one again.' },
        {
          kind: 'pageHit',
          nth: 4,
          text: "They are still in the host's cache. If the guest caches as well, the same bytes lie in memory twice.",
        },
      ],
    },
  ],
};
