// Knobs of the guests' disks and of QEMU's block layer below them.
// One row an option, as in knobs/table; the ranges are those that the machine itself checks.

import {
  CONFIG_VIRTIO_AIO_BATCH,
  CONFIG_VIRTIO_QUEUES,
  CONFIG_VIRTIO_WORKERS,
} from '../../../../assembly/layout.ts';
import { DEFAULT_VIRTIO_WORKERS, LINUX_AIO_DEFAULT_BATCH } from '../../../../assembly/limits.ts';
import { CACHE_MODE_NAMES, ENGINES, type VirtioConfig } from '../../../core/options.ts';
import type { SceneMachine } from '../../scene/types.ts';
import { type KnobsOf, rangeOfField } from './kinds.ts';
import { BLOCK_SIZES } from './machine-table.ts';

const POLICIES = ['report', 'ignore', 'stop', 'enospc'] as const;

export const GUEST_KNOBS: KnobsOf<Pick<SceneMachine, 'cacheMode' | 'maxTransfer'>> = {
  cacheMode: {
    label: 'Cache mode',
    kind: 'choice',
    default: 'writeback',
    choices: CACHE_MODE_NAMES,
    meaning:
      "QEMU's cache=. writeback: the guest's writes end in the host's page cache; none: they go around it; writethrough: each is flushed; unsafe: flushes are dropped, and a power cut takes what was promised.",
  },
  maxTransfer: {
    label: 'Longest guest I/O',
    kind: 'count',
    unit: 'bytes',
    default: 0,
    range: [512, 2147483136],
    meaning:
      "Bytes of one merged I/O of the guest's disk; 0 is QEMU's default. Smaller: fewer guest requests share an I/O.",
  },
};

export const VIRTIO_KNOBS: KnobsOf<VirtioConfig> = {
  queues: {
    label: 'Virtqueues',
    kind: 'count',
    default: 1,
    range: rangeOfField(CONFIG_VIRTIO_QUEUES),
    usual: [1, 16],
    meaning: "Queues of a guest's disk; requests of different queues are not merged.",
  },
  blockSize: {
    label: "Guest's sector size",
    kind: 'choice',
    default: 512,
    choices: BLOCK_SIZES,
    meaning: 'logical_block_size that the guest sees; requests must be whole blocks of it.',
  },
  requestAlignment: {
    label: 'Alignment below the guest',
    kind: 'choice',
    default: 512,
    choices: BLOCK_SIZES,
    meaning:
      'Smaller or unaligned requests of the guest are read, changed and written: watch a read appear before the write.',
  },
  readError: {
    label: 'On a read error',
    kind: 'choice',
    default: 'report',
    choices: POLICIES,
    meaning: 'rerror: tell the guest, pretend success, or stop the guest.',
  },
  writeError: {
    label: 'On a write error',
    kind: 'choice',
    default: 'enospc',
    choices: POLICIES,
    meaning:
      'werror: tell the guest, pretend success, or stop the guest; enospc stops only when there is no space.',
  },
  engine: {
    label: 'Engine',
    kind: 'choice',
    default: 'threads',
    choices: ENGINES,
    meaning:
      'How QEMU asks for I/O: a pool of threads, or Linux AIO, which needs cache mode none or directsync.',
  },
  workers: {
    label: 'Threads',
    kind: 'count',
    default: DEFAULT_VIRTIO_WORKERS,
    range: rangeOfField(CONFIG_VIRTIO_WORKERS),
    usual: [1, 64],
    meaning: 'Threads of the pool: so many requests of the guest run below at one time.',
  },
  aioBatch: {
    label: 'AIO batch',
    kind: 'count',
    default: LINUX_AIO_DEFAULT_BATCH,
    range: rangeOfField(CONFIG_VIRTIO_AIO_BATCH),
    usual: [1, 64],
    meaning: 'Requests of one io_submit with engine linux-aio.',
  },
  detectZeroes: {
    label: 'Detect zeroes',
    kind: 'choice',
    default: 'off',
    choices: ['off', 'on', 'unmap'],
    meaning: 'A write of nothing but zeros becomes a write-zeroes (on), or a discard (unmap).',
  },
  discard: {
    label: 'Discards',
    kind: 'choice',
    default: 'unmap',
    choices: ['unmap', 'ignore'],
    meaning: 'Passed on to the drive, or answered with success and dropped.',
  },
  fua: {
    label: 'Durable writes',
    kind: 'choice',
    default: 'native',
    choices: ['native', 'flush'],
    meaning: 'A write that must be durable: one FUA write, or a write and a flush behind it.',
  },
};
