// What the scenes share: a machine without idle room, so that its snapshots are cheap, and requests told by their pages.
//
// Verbs: page, pages. Constants: SMALL.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { SceneMachine, TransferWork } from '../scene/types.ts';

/** Room for a scene of some hundred requests, in a few megabytes of memory in place of thirty. */
export const SMALL = {
  seed: 1,
  buffers: 512 * 1024,
  sharedMemory: 16 * PAGE_SIZE,
  aioMaxNr: 8192,
  virtio: { workers: 8 },
  limits: {
    operations: 128,
    bios: 512,
    spans: 2048,
    virtioRequests: 64,
    bluestoreAios: 64,
    usrbioParts: 64,
    identities: 1024,
    faultLayers: 16,
    blockRequests: 64,
  },
} as const satisfies SceneMachine;

type Extra = Omit<TransferWork, 'op' | 'offset' | 'length'> & { readonly client?: string };

/** One request of `count` pages from page `first`. */
export function pages(
  op: TransferWork['op'],
  first: number,
  count = 1,
  extra: Extra = {},
): TransferWork & Extra {
  return { op, offset: first * PAGE_SIZE, length: count * PAGE_SIZE, ...extra };
}

/** A row of `count` requests of one page each, from page `first`. */
export function row(
  op: TransferWork['op'],
  first: number,
  count: number,
  extra: Extra = {},
): TransferWork & Extra {
  return { op, offset: first * PAGE_SIZE, length: PAGE_SIZE, count, ...extra };
}
