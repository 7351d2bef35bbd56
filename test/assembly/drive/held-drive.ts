// A drive under the hand of a test: direct writes and flushes are submitted, and complete when the test says so.
//
// Verbs: HeldDrive.open, write, flush, read, complete, cut. Every submission has a number; completions are held by the
// drive, so submission, completion and crash can be put in any order. One flush is at the drive at a time: those that come
// meanwhile share the next one, which has the number of the first of them. A sector is filled with one value.

import type { AioContext } from '../../../src/aio.ts';
import type { AioRequest } from '../../../src/aio-request.ts';
import type { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { type Build, openMachine } from '../../support/machine.ts';

export const SECTOR = 512;

export class HeldDrive {
  readonly machine: Machine;
  readonly #context: AioContext;
  readonly #plain: OpenFile;
  readonly #forced: OpenFile;
  readonly #held: number[] = [];
  #flush = 0;
  /** Number of the flush that the next ones share, 0: none. */
  #nextFlush = 0;
  #number = 0;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.#context = machine.createAioContext(256);
    this.#plain = machine.openFile('drive0', { direct: true });
    this.#forced = machine.openFile('drive0', { direct: true, dsync: true });
  }

  static async open(build: Build, drive: DriveConfig = {}, config: MachineConfig = {}): Promise<HeldDrive> {
    const machine = await openMachine(build, {
      drives: [{ size: 64 * SECTOR, ...drive }],
      merge: false,
      cache: '16KiB',
      buffers: '1MiB',
      records: 4096,
      aioMaxNr: 256,
      ...config,
    });
    machine.holdCompletions(true);
    return new HeldDrive(machine);
  }

  get heldCount(): number {
    return this.#held.length;
  }

  #submit(request: AioRequest): number {
    this.#context.submit([request]);
    this.machine.run();
    this.#held.push(++this.#number);
    return this.#number;
  }

  #transfer(op: 'pread' | 'pwrite', file: OpenFile, value: number, sector: number, count: number): number {
    const length = count * SECTOR;
    // never given back: a request in flight reads it
    const buffer = this.machine.buffers.allocate(length);
    this.machine.core.memory.bytes.fill(value, buffer, buffer + length);
    return this.#submit({ op, file, buffer, length, offset: sector * SECTOR });
  }

  /** S(W): fills `count` sectors with `value`. Its number. */
  write(value: number, sector: number, count = 1): number {
    return this.#transfer('pwrite', this.#plain, value, sector, count);
  }

  /** S(W+FUA). */
  forcedWrite(value: number, sector: number, count = 1): number {
    return this.#transfer('pwrite', this.#forced, value, sector, count);
  }

  /** S(F). Another flush that waits is the same one. */
  flush(): number {
    const isWaiting = this.#flush !== 0;
    const number = this.#submit({ op: 'fdsync', file: this.#plain });
    if (isWaiting) {
      this.#held.pop();
      if (this.#nextFlush === 0) this.#nextFlush = number;
      return this.#nextFlush;
    }
    this.#flush = number;
    return number;
  }

  /** C(number). */
  complete(number: number): void {
    const index = this.#held.indexOf(number);
    this.#held.splice(index, 1);
    this.machine.releaseCompletion(index);
    if (number !== this.#flush) return;
    this.#flush = this.#nextFlush;
    this.#nextFlush = 0;
    if (this.#flush !== 0) this.#held.push(this.#flush);
  }

  /** C of the held request at a position, oldest first. Its number. */
  completeAt(index: number): number {
    const number = this.#held[index] as number;
    this.complete(number);
    return number;
  }

  /** Cuts the power; the value in each of the first `count` sectors, -1 where its bytes differ. */
  cut(keep: 'none' | 'all', count = 8): number[] {
    this.machine.cutPower({ keep });
    return valuesOf(this.machine.memory(), count);
  }
}

/** The value in each of the first `count` sectors, -1 where its bytes differ. */
export function valuesOf(memory: SparseMemory, count: number): number[] {
  const bytes = new Uint8Array(count * SECTOR);
  memory.read(bytes, 0);
  return Array.from({ length: count }, (_, sector) => {
    const part = bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    return part.every((byte) => byte === part[0]) ? (part[0] as number) : -1;
  });
}
