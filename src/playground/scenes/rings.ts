// The same sixteen writes through three rings: Linux AIO, USRBIO and BlueStore's aio_queue.
// Each has its own way to take many at once: a submission, a job of the daemon, a batch.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene, Work } from '../scene/types.ts';
import { row, SMALL } from './parts.ts';

const FILE_PAGES = 32;

/** Writes with a page between them, so that none can merge. */
function sixteen(client: string): Work {
  return { ...row('write', 0, 16, { client }), pattern: 'stride', stride: 2 * PAGE_SIZE };
}

export const RINGS: Scene = {
  id: 'rings',
  title: 'Three ways to ask',
  question: 'What is the difference between Linux AIO, USRBIO and BlueStore?',
  intro:
    'A request of an application waits on a ring until the storage takes it, and its result waits there until the application does. Three rings get the same sixteen writes of 4 KiB: that of Linux, that of the 3FS file system, and that of Ceph. All writes are direct: they go around the cache.',
  group: 'rings',
  pace: 4,
  machine: {
    ...SMALL,
    sharedMemory: 64 * PAGE_SIZE,
    cache: 4 * PAGE_SIZE,
    files: ['aio', 'usrbio', 'bluestore'].map((name) => ({
      name,
      capacity: FILE_PAGES * PAGE_SIZE,
      size: FILE_PAGES * PAGE_SIZE,
    })),
    drives: [
      {
        size: 3 * FILE_PAGES * PAGE_SIZE,
        model: 'fixed',
        channels: 4,
        queueDepth: 16,
        latencyNs: { read: 80_000, write: 60_000, flush: 500_000 },
      },
    ],
  },
  clients: [
    { name: 'Linux AIO', entrance: 'aio', target: 'aio', direct: true },
    { name: 'USRBIO', entrance: 'usrbio', target: 'usrbio', direct: true, ioDepth: 4 },
    { name: 'BlueStore', entrance: 'bluestore', target: 'bluestore', direct: true },
  ],
  chapters: [
    {
      title: 'Linux AIO',
      text: 'io_submit hands sixteen requests to the kernel in one call.',
      work: [sixteen('Linux AIO')],
      notes: [
        {
          kind: 'aioAccepted',
          text: 'Each request is described by 64 bytes, an iocb. The kernel takes it and starts it at once.',
        },
        {
          kind: 'issued',
          nth: 16,
          text: 'One call, sixteen requests at the drive. It works on four of them at a time.',
        },
        {
          kind: 'aioEvent',
          text: 'What has ended becomes an event on a ring that the application reads, one by one.',
        },
        { kind: 'aioEvent', nth: 16, text: 'Sixteen events in 240 µs.' },
      ],
    },
    {
      title: 'USRBIO',
      text: 'The ring of 3FS lies in shared memory. Its daemon takes requests in jobs, here of four (io_depth).',
      work: [sixteen('USRBIO')],
      notes: [
        {
          kind: 'usrbioPrepared',
          text: 'The application writes the request into the ring by itself: no call of the kernel, nothing is copied.',
        },
        { kind: 'usrbioJob', text: 'The daemon sees sixteen and makes four jobs of four.' },
        {
          kind: 'completed',
          text: 'The first of a job is written. But its application hears nothing yet.',
        },
        {
          kind: 'usrbioDone',
          nth: 4,
          text: 'Results of a job appear together, behind the slowest. Larger jobs mean fewer wake-ups, and longer waits.',
        },
        {
          kind: 'usrbioDone',
          nth: 16,
          text: 'The drive did the same work in the same time. Only the telling differs.',
        },
      ],
    },
    {
      title: 'BlueStore',
      text: "Ceph's store groups the writes of a transaction, and gives the whole group to Linux AIO.",
      work: [sixteen('BlueStore')],
      notes: [
        {
          kind: 'aioQueueSubmit',
          text: 'submit_batch offers all sixteen to io_submit. What the kernel has no room for would be offered again later.',
        },
        {
          kind: 'aioEvent',
          text: 'Below is the same ring as before, that of Linux: events come one by one.',
        },
        {
          kind: 'aioEvent',
          nth: 16,
          text: 'A thread of its own collects the events. The transaction goes on when the last one of its group is there.',
        },
      ],
    },
  ],
};
