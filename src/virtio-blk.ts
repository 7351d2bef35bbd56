// A driver for a drive's virtio-blk device: requests go through its virtqueue with their pages copied, as a transport needs it.
//
// Verbs: submit, poll, wait, request for raw chains; read, write, flush, discard, writeZeroes, getId; drain, drainEnd,
// resume, resize, reset, stats. One driver has a device at a time: opening it negotiates, closing it resets.

import {
  VIRTIO_BLK_CONFIG_BLK_SIZE,
  VIRTIO_BLK_CONFIG_CAPACITY,
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_GEOMETRY,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_HEADER_SIZE,
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  VIRTIO_MMIO_CONFIG,
  VIRTIO_MMIO_DEVICE_FEATURES,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_QUEUE_DESC_HIGH,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_HIGH,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_QUEUE_SIZE,
  VIRTIO_MMIO_STATUS,
  VIRTIO_STATS_BYTES,
  VIRTIO_STATS_EVENTS,
  VIRTIO_STATS_FAILED,
  VIRTIO_STATS_GROUP_SIZE,
  VIRTIO_STATS_INVALID,
  VIRTIO_STATS_MERGED,
  VIRTIO_STATS_OPERATIONS,
  VIRTIO_STATS_STATUS,
  VIRTIO_STATS_TIME,
  VIRTIO_STATUS_ACKNOWLEDGE,
  VIRTIO_STATUS_DRIVER,
  VIRTIO_STATUS_DRIVER_OK,
  VIRTIO_STATUS_FEATURES_OK,
  VIRTIO_STATUS_NEEDS_RESET,
} from '../assembly/layout.ts';
import { SECTOR_SIZE } from '../assembly/limits.ts';
import type { CoreExports } from './core/exports.ts';
import { Anchor } from './core/timeline.ts';
import { type VirtioBlkChain, type VirtioBlkRequest, VirtioQueue } from './core/virtio-queue.ts';
import { ConfigError, check, StorageError, type StorageErrorDetails } from './errors.ts';
import type { Machine } from './machine.ts';

const EIO = -5;
const EBADF = -9;
const EBUSY = -16;
const EDEADLK = -35;
const EOPNOTSUPP = -95;

const SEGMENT_BYTES = 16;
const SEGMENT_FLAG_UNMAP = 1;

/** Bit numbers of the features, by name. */
export const FEATURE_BITS = {
  segMax: VIRTIO_BLK_F_SEG_MAX,
  geometry: VIRTIO_BLK_F_GEOMETRY,
  readOnly: VIRTIO_BLK_F_RO,
  blkSize: VIRTIO_BLK_F_BLK_SIZE,
  flush: VIRTIO_BLK_F_FLUSH,
  topology: VIRTIO_BLK_F_TOPOLOGY,
  configWce: VIRTIO_BLK_F_CONFIG_WCE,
  mq: VIRTIO_BLK_F_MQ,
  discard: VIRTIO_BLK_F_DISCARD,
  writeZeroes: VIRTIO_BLK_F_WRITE_ZEROES,
  indirectDesc: VIRTIO_F_INDIRECT_DESC,
  eventIdx: VIRTIO_F_EVENT_IDX,
  version1: VIRTIO_F_VERSION_1,
} as const;

export type VirtioBlkFeature = keyof typeof FEATURE_BITS;
const FEATURES = Object.keys(FEATURE_BITS) as VirtioBlkFeature[];

/** Which of the features that the device offers the driver accepts. */
export interface VirtioBlkOptions {
  /** Only these, of which each must be offered. Default: all that are offered. */
  readonly accept?: readonly VirtioBlkFeature[];
  /** Not these. The event index (`eventIdx`) is never accepted: this driver looks at the ring itself. */
  readonly deny?: readonly VirtioBlkFeature[];
}

/** What query-blockstats of QEMU says of a device; times are virtual. */
export interface VirtioBlkStats {
  readonly rd_operations: number;
  readonly rd_bytes: number;
  readonly rd_merged: number;
  readonly rd_total_time_ns: number;
  readonly failed_rd_operations: number;
  readonly invalid_rd_operations: number;
  /** Write-zeroes count as writes; discards are not counted. */
  readonly wr_operations: number;
  readonly wr_bytes: number;
  readonly wr_merged: number;
  readonly wr_total_time_ns: number;
  readonly failed_wr_operations: number;
  readonly invalid_wr_operations: number;
  readonly flush_operations: number;
  readonly flush_total_time_ns: number;
  readonly failed_flush_operations: number;
  readonly invalid_flush_operations: number;
  /** Errors of the drive that the error policy decided about (BLOCK_IO_ERROR). */
  readonly io_errors: number;
  /** `failed` and `nospace`: an error has stopped the device, resume() goes on. */
  readonly io_status: 'ok' | 'failed' | 'nospace';
}

const IO_STATUS = ['ok', 'failed', 'nospace'] as const;

/**
 * The driver of a drive's virtio-blk device. Make one with `machine.virtioBlk`; close it before the next one. Offsets and
 * lengths are bytes in whole sectors of 512. Virtual time passes while a call waits; a call that can not end because a
 * drive holds its completions, or the device is drained or stopped, throws EDEADLK, and its request stays in flight.
 *
 * @example
 * const machine = await Machine.create({ drives: [{ size: '64MiB', latencyNs: 100_000 }] });
 * const disk = machine.virtioBlk();
 * disk.write(4096, new Uint8Array(1024).fill(7));
 * disk.flush();
 * console.log(disk.read(4608, 512)[0], disk.stats.wr_bytes); // 7 1024
 * disk.close();
 */
export class VirtioBlkDevice implements Disposable {
  readonly drive: number;
  readonly #anchor: Anchor;
  readonly #queue: VirtioQueue;
  #accepted = 0n;
  #isClosed = false;

  /** @internal */
  constructor(machine: Machine, drive: number, options: VirtioBlkOptions) {
    machine.attachDrive(drive);
    this.#anchor = new Anchor(machine);
    this.drive = drive;
    if (this.#read(VIRTIO_MMIO_STATUS) !== 0)
      throw new StorageError('virtio', EBUSY, {
        path: `drive${drive}`,
        hint: 'another driver has the device',
      });
    this.#queue = new VirtioQueue(machine.core.memory, machine.buffers);
    try {
      this.#negotiate(options);
    } catch (error) {
      this.close();
      throw error;
    }
    machine.timeline.keep(this, () => {
      const queue = this.#queue.save();
      const accepted = this.#accepted;
      return () => {
        queue();
        this.#accepted = accepted;
        this.#isClosed = false;
      };
    });
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  // ---- what was negotiated ----

  /** The features that driver and device agreed on. */
  get features(): VirtioBlkFeature[] {
    return FEATURES.filter((name) => this.hasFeature(name));
  }

  hasFeature(name: VirtioBlkFeature): boolean {
    return ((this.#accepted >> BigInt(FEATURE_BITS[name])) & 1n) !== 0n;
  }

  /** Bytes that the disk has now. */
  get capacity(): number {
    const low = this.readConfig(VIRTIO_BLK_CONFIG_CAPACITY, 4);
    return (this.readConfig(VIRTIO_BLK_CONFIG_CAPACITY + 4, 4) * 2 ** 32 + low) * SECTOR_SIZE;
  }

  /** Bytes of a logical block. */
  get blockSize(): number {
    return this.readConfig(VIRTIO_BLK_CONFIG_BLK_SIZE, 4);
  }

  /** A field of the config space (virtio 1.2 §5.2.4): `width` 1, 2 or 4 bytes at `offset`; all ones behind the end. */
  readConfig(offset: number, width: number): number {
    return this.#read(VIRTIO_MMIO_CONFIG + offset, width);
  }

  /** Writes a field of the config space. Only `writeback` (offset 32, 1 byte) takes it. */
  writeConfig(offset: number, width: number, value: number): void {
    this.#write(VIRTIO_MMIO_CONFIG + offset, value, width);
  }

  /** True after a malformed request, until reset(): the device takes nothing any more. */
  get needsReset(): boolean {
    return (this.#read(VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET) !== 0;
  }

  // ---- chains ----

  /**
   * Puts chains (at most 341 in flight) on the ring and notifies the device once, so that neighbours among them merge.
   * All or none: throws EAGAIN while the ring has no room for them, ConfigError when `buffers` has none.
   */
  submit(chains: readonly VirtioBlkChain[]): VirtioBlkRequest[] {
    this.#checkOpen();
    this.poll();
    const requests = this.#queue.submit(chains);
    this.#write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    return requests;
  }

  /** Takes what the device has answered; returns how many requests that were. Does not wait. */
  poll(): number {
    return this.#isClosed ? 0 : this.#queue.poll();
  }

  /**
   * Runs the machine until every one of `requests` has its answer. Throws EDEADLK when nothing that could end them is
   * pending, EIO when the device needs a reset or has been reset.
   */
  wait(requests: readonly VirtioBlkRequest[]): void {
    this.poll();
    while (requests.some((request) => !request.isDone)) {
      if (requests.some((request) => request.state === 'lost'))
        throw new StorageError('virtio', EIO, { hint: 'the device was reset' });
      if (this.#machine.step()) {
        this.poll();
        continue;
      }
      if (this.needsReset) throw new StorageError('virtio', EIO, { hint: 'the device needs reset()' });
      throw new StorageError('virtio', EDEADLK, { hint: 'held, drained or stopped' });
    }
  }

  /** One chain, and its answer. */
  request(chain: VirtioBlkChain): VirtioBlkRequest {
    const requests = this.submit([chain]);
    this.wait(requests);
    return requests[0] as VirtioBlkRequest;
  }

  // ---- the requests of a disk ----

  /** Throws StorageError: EIO for IOERR (outside the disk, parts of a block, an error of the drive). */
  read(offset: number, length: number): Uint8Array {
    return this.#transfer('read', VIRTIO_BLK_T_IN, offset, length);
  }

  /** Complete is not durable unless the device has no write cache: flush. Throws as read does, and on a read-only drive. */
  write(offset: number, bytes: Uint8Array): void {
    this.#transfer('write', VIRTIO_BLK_T_OUT, offset, 0, bytes);
  }

  /** Makes completed writes durable. */
  flush(): void {
    this.#transfer('flush', VIRTIO_BLK_T_FLUSH, 0, 0);
  }

  /** The range may lose its content. Throws EOPNOTSUPP when the feature was not negotiated. */
  discard(offset: number, length: number): void {
    this.#segment('discard', VIRTIO_BLK_T_DISCARD, offset, length, 0);
  }

  /** The range reads as zeros; `unmap`: it may be deallocated. Throws EOPNOTSUPP when the feature was not negotiated. */
  writeZeroes(offset: number, length: number, options: { readonly unmap?: boolean } = {}): void {
    const flags = options.unmap === true ? SEGMENT_FLAG_UNMAP : 0;
    this.#segment('writeZeroes', VIRTIO_BLK_T_WRITE_ZEROES, offset, length, flags);
  }

  /** The serial number, at most 20 characters. */
  getId(): string {
    const bytes = this.#transfer('getId', VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES);
    return new TextDecoder().decode(bytes).replace(/\0.*$/, '');
  }

  // ---- the device ----

  /** Stops taking requests and waits for those in the drive; what is submitted stays on the ring. Nests. Throws EDEADLK. */
  drain(): void {
    this.#call('drain', (exports) => exports.virtioDrainBegin(this.drive));
  }

  /** Ends the last drain(). Throws EINVAL when none was begun. */
  drainEnd(): void {
    this.#call('drainEnd', (exports) => exports.virtioDrainEnd(this.drive));
  }

  /** Tries again what an error has stopped (error policy `stop`). */
  resume(): void {
    this.#call('resume', (exports) => exports.virtioResume(this.drive));
  }

  /** Sets the capacity: whole logical blocks, at most the drive's size. Throws EINVAL. */
  resize(bytes: number): void {
    this.#call('resize', (exports) => exports.virtioResize(this.drive, bytes));
  }

  /**
   * Resets the device and negotiates anew. Requests in flight are lost. Throws EDEADLK when the drive holds some of
   * them (release them and reset again), ConfigError for features that are not offered.
   */
  reset(options: VirtioBlkOptions = {}): void {
    this.#checkOpen();
    this.#halt();
    this.#negotiate(options);
  }

  /** What the device has done since the machine opened. */
  get stats(): VirtioBlkStats {
    const { core } = this.#machine;
    const base = core.call((exports) => exports.virtioStats(this.drive));
    const number = (field: number, group = 0) =>
      core.memory.u64(base + group * VIRTIO_STATS_GROUP_SIZE + field);
    return {
      rd_operations: number(VIRTIO_STATS_OPERATIONS),
      rd_bytes: number(VIRTIO_STATS_BYTES),
      rd_merged: number(VIRTIO_STATS_MERGED),
      rd_total_time_ns: number(VIRTIO_STATS_TIME),
      failed_rd_operations: number(VIRTIO_STATS_FAILED),
      invalid_rd_operations: number(VIRTIO_STATS_INVALID),
      wr_operations: number(VIRTIO_STATS_OPERATIONS, 1),
      wr_bytes: number(VIRTIO_STATS_BYTES, 1),
      wr_merged: number(VIRTIO_STATS_MERGED, 1),
      wr_total_time_ns: number(VIRTIO_STATS_TIME, 1),
      failed_wr_operations: number(VIRTIO_STATS_FAILED, 1),
      invalid_wr_operations: number(VIRTIO_STATS_INVALID, 1),
      flush_operations: number(VIRTIO_STATS_OPERATIONS, 2),
      flush_total_time_ns: number(VIRTIO_STATS_TIME, 2),
      failed_flush_operations: number(VIRTIO_STATS_FAILED, 2),
      invalid_flush_operations: number(VIRTIO_STATS_INVALID, 2),
      io_errors: number(VIRTIO_STATS_EVENTS),
      io_status: IO_STATUS[number(VIRTIO_STATS_STATUS)] ?? 'failed',
    };
  }

  /**
   * Resets the device and gives all memory back; a second time does nothing. Throws EDEADLK when the drive holds
   * completions of its requests: release them and close again.
   */
  close(): void {
    if (this.#isClosed || this.#anchor.isStale) return;
    this.#halt();
    this.#isClosed = true;
    this.#machine.timeline.drop(this);
    this.#queue.free();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ---- inside ----

  #read(offset: number, width = 4): number {
    return this.#machine.core.call((exports) => exports.virtioRead(this.drive, offset, width)) >>> 0;
  }

  #write(offset: number, value: number, width = 4): void {
    this.#call('virtio', (exports) => exports.virtioWrite(this.drive, offset, width, value));
  }

  #call(name: string, body: (exports: CoreExports) => number): void {
    this.#checkOpen();
    check(name, this.#machine.core.call(body));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StorageError('virtio', EBADF, { hint: 'the driver is closed' });
  }

  /** Reset, until which the device owns the memory of what is in flight. */
  #halt(): void {
    this.#write(VIRTIO_MMIO_STATUS, 0);
    this.#queue.clear();
  }

  /** The bits of `names`. Throws ConfigError for a name that is none. */
  #bits(field: string, names: readonly VirtioBlkFeature[]): bigint {
    return names.reduce((bits, name) => {
      if (FEATURE_BITS[name] === undefined) throw new ConfigError(field, name, FEATURES.join(', '));
      return bits | (1n << BigInt(FEATURE_BITS[name]));
    }, 0n);
  }

  /** virtio 1.2 §3.1.1. */
  #negotiate({ accept, deny = [] }: VirtioBlkOptions): void {
    const denied = this.#bits('deny', deny) | this.#bits('deny', ['eventIdx']);
    let status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    this.#write(VIRTIO_MMIO_STATUS, status);
    const offered = [0, 1].reduce((bits, word) => {
      this.#write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, word);
      return bits | (BigInt(this.#read(VIRTIO_MMIO_DEVICE_FEATURES)) << BigInt(word * 32));
    }, 0n);
    this.#accepted = (accept === undefined ? offered : this.#bits('accept', accept)) & ~denied;
    for (const word of [0, 1]) {
      this.#write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
      this.#write(VIRTIO_MMIO_DRIVER_FEATURES, Number((this.#accepted >> BigInt(word * 32)) & 0xffffffffn));
    }
    status |= VIRTIO_STATUS_FEATURES_OK;
    this.#write(VIRTIO_MMIO_STATUS, status);
    if (this.#read(VIRTIO_MMIO_STATUS) !== status) {
      const missing = this.#accepted & ~offered;
      const names = FEATURES.filter((name) => (missing >> BigInt(FEATURE_BITS[name])) & 1n);
      throw new ConfigError('accept', names.join(', '), 'features that the device offers');
    }
    this.#setUpQueue();
    this.#write(VIRTIO_MMIO_STATUS, status | VIRTIO_STATUS_DRIVER_OK);
  }

  #setUpQueue(): void {
    const { descriptors, available, used } = this.#queue.addresses;
    this.#queue.clear();
    this.#write(VIRTIO_MMIO_QUEUE_SEL, 0);
    this.#write(VIRTIO_MMIO_QUEUE_SIZE, this.#queue.size);
    const registers = [
      [VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, descriptors],
      [VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, available],
      [VIRTIO_MMIO_QUEUE_DEVICE_LOW, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, used],
    ] as const;
    for (const [low, high, address] of registers) {
      this.#write(low, address);
      this.#write(high, 0);
    }
    this.#write(VIRTIO_MMIO_QUEUE_READY, 1);
  }

  /** One request with `data` and room for `answerBytes`; returns the answer without its status. */
  #transfer(
    name: string,
    type: number,
    offset: number,
    answerBytes: number,
    data: Uint8Array = new Uint8Array(0),
    details: StorageErrorDetails = { offset, length: data.length + answerBytes },
  ): Uint8Array {
    const readable = new Uint8Array(VIRTIO_BLK_HEADER_SIZE + data.length);
    const view = new DataView(readable.buffer);
    view.setUint32(0, type, true);
    view.setBigUint64(8, BigInt(sectors('offset', offset)), true);
    readable.set(data, VIRTIO_BLK_HEADER_SIZE);
    const { status, written } = this.request({ readable, writableLength: answerBytes + 1 });
    if (status === VIRTIO_BLK_S_OK) return written.subarray(0, answerBytes);
    throw new StorageError(name, status === VIRTIO_BLK_S_UNSUPP ? EOPNOTSUPP : EIO, details);
  }

  /** A discard or write-zeroes of one segment. */
  #segment(name: string, type: number, offset: number, length: number, flags: number): void {
    const count = sectors('length', length);
    if (count > 0xffffffff) throw new ConfigError('length', length, 'less than 2 TiB');
    const segment = new Uint8Array(SEGMENT_BYTES);
    const view = new DataView(segment.buffer);
    view.setBigUint64(0, BigInt(sectors('offset', offset)), true);
    view.setUint32(8, count, true);
    view.setUint32(12, flags, true);
    this.#transfer(name, type, 0, 0, segment, { offset, length });
  }
}

/** Bytes as sectors. */
function sectors(field: string, bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes % SECTOR_SIZE !== 0)
    throw new ConfigError(field, bytes, `a multiple of ${SECTOR_SIZE} bytes`);
  return bytes / SECTOR_SIZE;
}
