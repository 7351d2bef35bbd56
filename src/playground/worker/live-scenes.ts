// What live machines are: as scenes without chapters, so that every view knows them, and as shapes.
//
// Verbs: diskScene, guestScene, liveShape.

import type { DriveConfig } from '../../core/options.ts';
import type { Machine } from '../../machine.ts';
import type { Scene } from '../scene/types.ts';
import type { GuestOptions } from './live-protocol.ts';
import type { Shape } from './protocol.ts';
import { DISK_NAME, GUEST_DISK_NAME } from './stored-disks.ts';

const MIB = 1048576;
const PAGE_BYTES = 4096;
const CACHE_BYTES = 2 * MIB;
const SEED = 1;
/** A drive of flash as design §3 has it, with a volatile cache that the defaults give. */
const DRIVE = { model: 'ssd' } as const;

/** A volume on a disk that is kept. */
export function diskScene(sizeBytes: number): Scene {
  return {
    id: 'your-disk',
    title: 'Your disk',
    question: 'What does this browser still have of your files after a reload, or after the power went?',
    intro:
      'A disk that this browser keeps. What you do with its files travels through the stack; what was synced survives a power cut.',
    group: 'yours',
    machine: {
      drives: [{ ...DRIVE, size: sizeBytes, image: DISK_NAME }],
      cache: CACHE_BYTES,
      volume: true,
      seed: SEED,
    },
    clients: [{ name: 'you', entrance: 'files' }],
    chapters: [],
    check: 'files',
  };
}

/** The disk of a guest. */
export function guestScene({ diskMib, isKept, cacheMode }: GuestOptions): Scene {
  const image: Partial<DriveConfig> = isKept ? { image: GUEST_DISK_NAME } : {};
  return {
    id: 'your-linux',
    title: 'A real Linux',
    question: 'What does a real driver ask of its disk, and what is left when the power goes?',
    intro:
      'Linux runs in this page, and its virtio-blk driver talks to this disk. Every request that you see is its own.',
    group: 'yours',
    machine: {
      drives: [{ ...DRIVE, size: diskMib * MIB, ...image }],
      cache: CACHE_BYTES,
      buffers: 32 * MIB,
      cacheMode,
      seed: SEED,
    },
    clients: [{ name: 'Linux', entrance: 'virtio', target: 'drive0' }],
    chapters: [],
    check: 'sectors',
  };
}

/** What the views need to know of a live machine, which has one drive. */
export function liveShape(machine: Machine, scene: Scene): Shape {
  const { sectorCount } = machine.blockDevice(0);
  const pageCount = Math.ceil((sectorCount * 512) / PAGE_BYTES);
  return {
    seed: SEED,
    cachePages: CACHE_BYTES / PAGE_BYTES,
    blocksAPage: 1,
    drives: [
      {
        index: 0,
        model: DRIVE.model,
        sectorCount,
        channels: undefined,
        queueDepth: 32,
        volatileWrites: 4096,
      },
    ],
    files: [{ number: 0, name: 'drive0', drive: 0, pageCount }],
    clients: scene.clients.map(({ name, entrance, target = 'drive0' }) => ({
      name,
      entrance,
      device: 0,
      devices: [0],
      contexts: [],
      target,
    })),
    memoryBytes: machine.core.memoryBytes,
  };
}
