// A guest's driver of a drive's virtio-blk disk: a lot is put on the virtqueue with one notification, so that neighbours in it merge.
//
// Any sync is a flush of the disk. What the device does with it depends on its cache mode.

import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import type { VirtioBlkChain, VirtioBlkRequest } from '../../../core/virtio-queue.ts';
import { StorageError } from '../../../errors.ts';
import type { VirtioBlkDevice } from '../../../virtio-blk.ts';
import type { Ask } from '../rows.ts';
import { type Stamp, stampBytes } from '../stamp.ts';
import { ifRoom } from './payload.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { driveTarget } from './target.ts';

const EIO = -5;
const EAGAIN = -11;
const EOPNOTSUPP = -95;
const SEGMENT_BYTES = 16;

const TYPES: Readonly<Record<Ask['op'], number>> = {
  read: VIRTIO_BLK_T_IN,
  write: VIRTIO_BLK_T_OUT,
  discard: VIRTIO_BLK_T_DISCARD,
  writeZeroes: VIRTIO_BLK_T_WRITE_ZEROES,
  fsync: VIRTIO_BLK_T_FLUSH,
  fdatasync: VIRTIO_BLK_T_FLUSH,
  flush: VIRTIO_BLK_T_FLUSH,
};

/** A request on the virtqueue. */
interface Running {
  readonly request: VirtioBlkRequest;
  readonly number: number;
}

export class VirtioPort implements Port {
  readonly devices: readonly number[];
  readonly file = undefined;
  readonly #device: VirtioBlkDevice;
  #running: readonly Running[] = [];

  constructor({ machine, client }: PortPlace) {
    const drive = driveTarget(machine, client);
    this.#device = machine.virtioBlk(drive);
    this.devices = [drive];
    machine.timeline.keep(this, () => {
      const running = this.#running;
      return () => {
        this.#running = running;
      };
    });
  }

  /** All of a lot, or where the buffers have no room for all of it, a half, a quarter …. */
  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    for (let count = asks.length; count > 0; count = Math.floor(count / 2)) {
      const chains = asks.slice(0, count).map((ask) => chainOf(ask, stampOf));
      const requests = ifRoom(() => this.#put(chains));
      if (requests === undefined) continue;
      const started = requests.map((request, index) => ({ request, number: asks[index]?.number ?? 0 }));
      this.#running = [...this.#running, ...started];
      return count;
    }
    return 0;
  }

  /** Undefined while the ring is full. */
  #put(chains: readonly VirtioBlkChain[]): VirtioBlkRequest[] | undefined {
    try {
      return this.#device.submit(chains);
    } catch (error) {
      if (error instanceof StorageError && error.errno === EAGAIN) return undefined;
      throw error;
    }
  }

  reap(): readonly Ended[] {
    this.#device.poll();
    const ended = this.#running.filter(({ request }) => request.state !== 'pending');
    if (ended.length > 0) this.#running = this.#running.filter(({ request }) => request.state === 'pending');
    return ended.map(({ request, number }) => ({ number, result: resultOfRequest(request) }));
  }
}

function resultOfRequest({ isDone, status }: VirtioBlkRequest): number {
  if (isDone && status === VIRTIO_BLK_S_OK) return 0;
  return !isDone || status === VIRTIO_BLK_S_IOERR ? EIO : EOPNOTSUPP;
}

/** virtio 1.2 §5.2.6. */
function chainOf(ask: Ask, stampOf: (ask: Ask) => Stamp): VirtioBlkChain {
  const isSegment = ask.op === 'discard' || ask.op === 'writeZeroes';
  const dataBytes = ask.op === 'write' ? ask.length : isSegment ? SEGMENT_BYTES : 0;
  const readable = new Uint8Array(VIRTIO_BLK_HEADER_SIZE + dataBytes);
  const view = new DataView(readable.buffer);
  const sector = BigInt(Math.floor(ask.offset / SECTOR_SIZE));
  view.setUint32(0, TYPES[ask.op], true);
  view.setBigUint64(8, isSegment ? 0n : sector, true);
  if (ask.op === 'write') stampBytes(readable.subarray(VIRTIO_BLK_HEADER_SIZE), ask.offset, stampOf(ask));
  if (isSegment) {
    view.setBigUint64(VIRTIO_BLK_HEADER_SIZE, sector, true);
    view.setUint32(VIRTIO_BLK_HEADER_SIZE + 8, Math.floor(ask.length / SECTOR_SIZE), true);
  }
  return { readable, writableLength: (ask.op === 'read' ? ask.length : 0) + 1 };
}
