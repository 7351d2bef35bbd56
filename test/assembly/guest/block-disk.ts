// A guest's disk for tests of the block layer: requests in one line each, and what became of them.
//
// Verbs: openDisk, openFlakyDisk, Disk.write, read, flush, discard, zeroes, serve, operations, drive, stats. A write's sectors
// are filled with one value; `operations` and `drive` say what reached the file and the drive since the last call.

import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_STATS_BYTES,
  VIRTIO_STATS_EVENTS,
  VIRTIO_STATS_FAILED,
  VIRTIO_STATS_GROUP_SIZE,
  VIRTIO_STATS_INVALID,
  VIRTIO_STATS_MERGED,
  VIRTIO_STATS_OPERATIONS,
  VIRTIO_STATS_STATUS,
  VIRTIO_STATS_TIME,
} from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import type { MachineRecord } from '../../../src/records.ts';
import { type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { type FlakyImage, openFlaky } from '../drive/flaky-image.ts';
import { GuestQueue, type Put } from './queue.ts';

const OPERATION_NAMES = ['R', 'W', 'D', 'Z', 'S', 'F'];

export interface StatsGroup {
  readonly operations: number;
  readonly bytes: number;
  readonly merged: number;
  readonly failed: number;
  readonly invalid: number;
  readonly timeNs: number;
}

export interface QueueOptions {
  readonly device?: number;
  readonly size?: number;
  readonly room?: number;
}

export class Disk {
  readonly machine: Machine;
  readonly queue: GuestQueue;
  readonly device: number;
  /** Bytes left free in front of the data of each request. */
  past = 0;
  #records: MachineRecord[] = [];

  constructor(machine: Machine, options: QueueOptions = {}) {
    this.machine = machine;
    this.device = options.device ?? 0;
    this.queue = GuestQueue.attached(machine, options);
    machine.records.take();
  }

  /** Puts a write of whole sectors, or of these pieces, all of one value. */
  write(sector: number, sectors: number, value: number, pieces: readonly number[] = [sectors * 512]): Put {
    const { past } = this;
    const put = this.queue.put({
      type: VIRTIO_BLK_T_OUT,
      sector,
      pieces,
      past,
      isIndirect: pieces.length > 8,
    });
    this.queue.bytes.fill(value, put.data, put.data + put.bytes);
    return put;
  }

  read(sector: number, sectors: number, pieces: readonly number[] = [sectors * 512]): Put {
    const isIndirect = pieces.length > 8;
    const { past } = this;
    return this.queue.put({ type: VIRTIO_BLK_T_IN, sector, pieces, past, isIn: true, isIndirect });
  }

  flush(): Put {
    return this.queue.put({ type: VIRTIO_BLK_T_FLUSH });
  }

  discard(sector: number, sectors: number): Put {
    return this.#segment(VIRTIO_BLK_T_DISCARD, sector, sectors, 0);
  }

  zeroes(sector: number, sectors: number, mayUnmap = false): Put {
    return this.#segment(VIRTIO_BLK_T_WRITE_ZEROES, sector, sectors, mayUnmap ? 1 : 0);
  }

  #segment(type: number, sector: number, sectors: number, flags: number): Put {
    const put = this.queue.put({ type, pieces: [16] });
    this.queue.view.setBigUint64(put.data, BigInt(sector), true);
    this.queue.view.setUint32(put.data + 8, sectors, true);
    this.queue.view.setUint32(put.data + 12, flags, true);
    return put;
  }

  /** Lets the data of the next request, and of what follows, begin `past` bytes behind a multiple of `boundary`. */
  align(boundary: number, past = 0): void {
    this.queue.allocate(boundary - 16, boundary);
    this.past = past;
  }

  kick(): void {
    assert.is(this.queue.kick(), 0);
  }

  /** Kicks and runs; each of these requests must end once, nothing else may. Returns their statuses. */
  serve(...puts: Put[]): number[] {
    this.queue.kickAndRun();
    return this.ended(...puts);
  }

  /** Checks that exactly these have ended since the last look. Returns their statuses. */
  ended(...puts: Put[]): number[] {
    assert.equal(this.used().sort(), puts.map(({ head }) => head).sort());
    return puts.map((put) => this.queue.statusOf(put));
  }

  /** Heads that have ended since the last look, in order. */
  used(): number[] {
    return this.queue.takeUsed().map(({ id }) => id);
  }

  drainBegin(): number {
    return this.machine.core.call((exports) => exports.virtioDrainBegin(this.device));
  }

  drainEnd(): number {
    return this.machine.core.call((exports) => exports.virtioDrainEnd(this.device));
  }

  resume(): number {
    return this.machine.core.call((exports) => exports.virtioResume(this.device));
  }

  /** Records since the last call of this or of what reads them. */
  takeRecords(): MachineRecord[] {
    this.#records = this.machine.records.take();
    return this.#records;
  }

  /** What the block layer did with the file, bytes: `W4096+512`. A synchronous write has a flush of its own below it. */
  operations(): string[] {
    return this.takeRecords()
      .filter(({ kind, device }) => kind === 'operationStarted' && device === this.device)
      .map(({ operation, address, count }) => {
        const letter = OPERATION_NAMES[operation] as string;
        return letter === 'F' || letter === 'S' ? 'F' : `${letter}${address}+${count}`;
      });
  }

  /** What the drive was given, sectors: `W8+1`. */
  driveRequests(): string[] {
    return this.takeRecords()
      .filter(({ kind, device }) => kind === 'issued' && device === this.device)
      .map(({ operation, address, count }) => `${OPERATION_NAMES[operation]}${address}+${count}`);
  }

  #statsAt(offset: number): number {
    const address = this.machine.core.call((exports) => exports.virtioStats(this.device));
    return Number(this.queue.view.getBigUint64(address + offset, true));
  }

  #group(index: number): StatsGroup {
    const at = (offset: number) => this.#statsAt(index * VIRTIO_STATS_GROUP_SIZE + offset);
    return {
      operations: at(VIRTIO_STATS_OPERATIONS),
      bytes: at(VIRTIO_STATS_BYTES),
      merged: at(VIRTIO_STATS_MERGED),
      failed: at(VIRTIO_STATS_FAILED),
      invalid: at(VIRTIO_STATS_INVALID),
      timeNs: at(VIRTIO_STATS_TIME),
    };
  }

  stats(): { reads: StatsGroup; writes: StatsGroup; flushes: StatsGroup; events: number; status: number } {
    return {
      reads: this.#group(0),
      writes: this.#group(1),
      flushes: this.#group(2),
      events: this.#statsAt(VIRTIO_STATS_EVENTS),
      status: this.#statsAt(VIRTIO_STATS_STATUS),
    };
  }

  /** The value of each sector, -1 where its bytes differ, read beside the device. */
  sectors(sector: number, count: number): number[] {
    const file = this.machine.openFile(`drive${this.device}`, { readOnly: true });
    const bytes = file.read(count * 512, sector * 512);
    file.close();
    return valuesOf(bytes);
  }

  assertIdle(): void {
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

/** The value of each sector, -1 where its bytes differ. */
export function valuesOf(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 512 }, (_, sector) => {
    const part = bytes.subarray(sector * 512, sector * 512 + 512);
    return part.every((byte) => byte === part[0]) ? (part[0] as number) : -1;
  });
}

export const OK: number = VIRTIO_BLK_S_OK;

/** `count` times the same status. */
export const all = (count: number, status: number): number[] => Array.from({ length: count }, () => status);

export async function openDisk(
  build: Build,
  config: MachineConfig = {},
  options: QueueOptions = {},
): Promise<Disk> {
  const machine = await openMachine(build, { drives: [{ size: 1048576 }], records: 65536, ...config });
  return new Disk(machine, options);
}

/** A disk whose drive is an image of ours. */
export async function openFlakyDisk(
  build: Build,
  config: MachineConfig = {},
  options: QueueOptions = {},
): Promise<{ disk: Disk; image: FlakyImage }> {
  const { machine, image } = await openFlaky(build, { records: 65536, ...config });
  return { disk: new Disk(machine, options), image };
}
