// A client of BlueStore's KernelDevice: each lot is an IOContext, which goes in by one submit_batch, and ends as a whole.
//
// A flush is an fdatasync of the device's file, asked for through AIO, so that it can be stepped. A discard is a call. What would abort Ceph is a
// request that failed; after the death of the device everything fails.

import { CephAbortError, StorageError } from '../../../errors.ts';
import type { OpenFile } from '../../../files.ts';
import type { IoContext } from '../../../io-context.ts';
import type { KernelDevice } from '../../../kernel-device.ts';
import type { Ask } from '../rows.ts';
import type { Stamp } from '../stamp.ts';
import { ifRoom, payloadOf } from './payload.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { SyncQueue } from './sync-queue.ts';

const EIO = -5;
const EINVAL = -22;

/** A lot on its way, with the numbers of its requests. */
interface Lot {
  readonly context: IoContext;
  readonly numbers: readonly number[];
}

export class BluestorePort implements Port {
  readonly devices: readonly number[];
  readonly contexts: readonly number[];
  readonly file: number;
  readonly #file: OpenFile;
  readonly #device: KernelDevice;
  readonly #syncs: SyncQueue;
  #lots: readonly Lot[] = [];
  /** What ended at once. Empty but between a submit and the reap after it. */
  #ended: Ended[] = [];

  constructor({ machine, client, earlierCount }: PortPlace) {
    const { target = 'drive0' } = client;
    this.#file = machine.openFile(target, { direct: true });
    this.file = machine.fileNumber(target);
    this.#device = machine.openKernelDevice(this.#file);
    // queues are numbered from 1 as they are made, and each device has one
    this.devices = [earlierCount + 1];
    this.#syncs = new SyncQueue(machine, this.#file);
    this.contexts = [this.#device.contextNumber, this.#syncs.contextNumber];
    machine.timeline.keep(this, () => {
      const lots = this.#lots;
      return () => {
        this.#lots = lots;
      };
    });
  }

  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    const [first] = asks;
    if (first === undefined) return 0;
    if (first.op !== 'read' && first.op !== 'write') return this.#single(first);
    const context = this.#device.createContext({ allowEio: true });
    const numbers: number[] = [];
    let taken = 0;
    for (const ask of asks) {
      if (ask.op !== 'read' && ask.op !== 'write') break;
      const result = this.#queue(context, ask, stampOf);
      if (result === undefined) break;
      if (result < 0) this.#ended.push({ number: ask.number, result });
      else numbers.push(ask.number);
      taken++;
    }
    this.#start(context, numbers);
    return taken;
  }

  #single({ op, offset, length, number }: Ask): number {
    if (op === 'discard')
      this.#ended.push({ number, result: outcome(() => this.#device.discard(offset, length)) });
    else this.#syncs.submit('fdatasync', number);
    return 1;
  }

  /** 0, a negative errno, or undefined: there is no memory now. */
  #queue(context: IoContext, ask: Ask, stampOf: (ask: Ask) => Stamp): number | undefined {
    return ifRoom(() =>
      outcome(() => {
        if (ask.op === 'read') context.aioRead(ask.length, ask.offset);
        else context.aioWrite(payloadOf(ask, stampOf(ask)), ask.offset);
      }),
    );
  }

  /** Submits what was queued. */
  #start(context: IoContext, numbers: readonly number[]): void {
    if (numbers.length === 0) {
      context.close();
      return;
    }
    this.#lots = [...this.#lots, { context, numbers }];
    if (outcome(() => context.submit()) < 0) this.#giveUp();
  }

  /** The device is dead: nothing of it ends any more. */
  #giveUp(): void {
    for (const { numbers } of this.#lots)
      this.#ended.push(...numbers.map((number) => ({ number, result: EIO })));
    this.#lots = [];
  }

  reap(): readonly Ended[] {
    if (this.#lots.length > 0 && this.#device.death !== undefined) this.#giveUp();
    const ended = [...this.#ended, ...this.#syncs.reap()];
    this.#ended = [];
    const done = this.#lots.filter(({ context }) => context.numRunning === 0);
    if (done.length === 0) return ended;
    this.#lots = this.#lots.filter((lot) => !done.includes(lot));
    for (const { context, numbers } of done) {
      const result = context.returnValue;
      context.close();
      for (const number of numbers) ended.push({ number, result });
    }
    return ended;
  }
}

/** 0, or what Ceph or Linux finds wrong. */
function outcome(body: () => void): number {
  try {
    body();
    return 0;
  } catch (error) {
    if (error instanceof StorageError) return error.errno;
    if (error instanceof CephAbortError) return error.reason === 'invalidIo' ? EINVAL : EIO;
    throw error;
  }
}
