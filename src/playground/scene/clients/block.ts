// A client of the block layer: whole sectors of a drive, around the page cache; a lot enters under one plug.
//
// Invariant: a drive's block device tells each end once, to whoever asks first; that one passes it on to the port whose request it is.

import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import type { BlockDevice, BlockOperation, BlockRequest } from '../../../block-device.ts';
import { ConfigError, StorageError } from '../../../errors.ts';
import type { Machine } from '../../../machine.ts';
import type { Ask } from '../rows.ts';
import type { Stamp } from '../stamp.ts';
import { payloadOf } from './payload.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { driveTarget } from './target.ts';

const EAGAIN = -11;
const EINVAL = -22;

/** Whose request it is, and its number. */
const owners = new WeakMap<BlockRequest, { readonly port: BlockPort; readonly number: number }>();

export class BlockPort implements Port {
  readonly devices: readonly number[];
  readonly file = undefined;
  readonly #machine: Machine;
  readonly #device: BlockDevice;
  /** What ended and was not asked for yet. Empty between two steps. */
  #ended: Ended[] = [];

  constructor({ machine, client }: PortPlace) {
    const drive = driveTarget(machine, client);
    this.#machine = machine;
    this.#device = machine.blockDevice(drive);
    this.devices = [drive];
  }

  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    return this.#device.plug(() => {
      let taken = 0;
      for (const ask of asks) {
        const result = this.#start(ask, stampOf);
        if (result === EAGAIN) break;
        if (result < 0) this.#ended.push({ number: ask.number, result });
        taken++;
      }
      return taken;
    });
  }

  /** 0, or why not: EAGAIN, there is no room now. */
  #start(ask: Ask, stampOf: (ask: Ask) => Stamp): number {
    const { op, offset, length, fua } = ask;
    const operation: BlockOperation = op === 'fsync' || op === 'fdatasync' ? 'flush' : op;
    if (offset % SECTOR_SIZE !== 0 || length % SECTOR_SIZE !== 0) return EINVAL;
    if (length > this.#machine.buffers.capacity) return EINVAL;
    try {
      const request = this.#device.submit({
        operation,
        ...(operation === 'flush' ? {} : { sector: offset / SECTOR_SIZE, sectorCount: length / SECTOR_SIZE }),
        ...(op === 'write' ? { data: payloadOf(ask, stampOf(ask)) } : {}),
        ...(fua ? { fua } : {}),
      });
      owners.set(request, { port: this, number: ask.number });
      return 0;
    } catch (error) {
      if (error instanceof StorageError) return error.errno;
      // the buffers have no room
      if (error instanceof ConfigError) return EAGAIN;
      throw error;
    }
  }

  reap(): readonly Ended[] {
    for (const request of this.#device.reap()) {
      const { port, number } = owners.get(request) ?? { port: this, number: 0 };
      port.#ended.push({ number, result: request.result ?? 0 });
    }
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }
}
