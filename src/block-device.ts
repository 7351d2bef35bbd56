// A drive by hand: requests of whole sectors, submitted and reaped, through plug, merging and scheduler, around the page cache.
//
// Verbs: submit, reap, plug; read, write, flush, discard, writeZeroes, which run the machine until they have ended. What the page cache
// holds of the same sectors is neither written first nor dropped: whoever uses a drive both ways keeps the two alike.

import {
  BLOCK_DONE_HANDLE,
  BLOCK_DONE_RESULT,
  BLOCK_DONE_SIZE,
  BLOCK_FUA,
  BLOCK_NO_MERGE,
  BLOCK_NOWAIT,
  BLOCK_PREFLUSH,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  OP_WRITE_ZEROES,
} from '../assembly/layout.ts';
import { SECTOR_SIZE } from '../assembly/limits.ts';
import { saveList, saveMap } from './core/timeline.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import type { Machine } from './machine.ts';

const OPERATIONS = {
  read: OP_READ,
  write: OP_WRITE,
  discard: OP_DISCARD,
  writeZeroes: OP_WRITE_ZEROES,
  flush: OP_FLUSH,
} as const;

export type BlockOperation = keyof typeof OPERATIONS;

/** Good for every drive's dmaAlignment. */
const BUFFER_ALIGNMENT = 4096;
/** Ends that one call of the core tells. */
const REAP_ENTRIES = 64;
const MAX_COUNT = 0xffffffff;
const EAGAIN = -11;
const EDEADLK = -35;

/** What to submit. */
export interface BlockRequestOptions {
  readonly operation: BlockOperation;
  /** First sector of 512 bytes. Default 0; none for a flush. */
  readonly sector?: number;
  /** Sectors. Default: those of `data`. */
  readonly sectorCount?: number;
  /** A write's bytes, whole sectors; copied now. With payload none: left out. */
  readonly data?: Uint8Array;
  /** Ends when it is on the media itself (REQ_FUA): writes, discards and write-zeroes. Default false. */
  readonly fua?: boolean;
  /** What has ended before is on the media before this begins (REQ_PREFLUSH). Default false. */
  readonly preflush?: boolean;
  /** Not merged with others (REQ_NOMERGE). Default false. */
  readonly noMerge?: boolean;
  /** Ends with EAGAIN where it would have to wait for room in the drive's queue (REQ_NOWAIT): queueDepth requests, twice as many with a scheduler. Default false. */
  readonly nowait?: boolean;
  /** A number of yours for the write log, 0 to 2^53 - 1. Default 0. */
  readonly tag?: number;
  /** What the write belongs to, or the flush is for, in the write log: 0 (default, everything) to 2^32 - 1. */
  readonly domain?: number;
}

/** A request that was submitted. */
export class BlockRequest {
  readonly operation: BlockOperation;
  readonly sector: number;
  readonly sectorCount: number;
  readonly tag: number;
  readonly #port: BlockPort;
  #result: number | undefined;
  #data: Uint8Array | undefined;

  constructor(port: BlockPort, operation: BlockOperation, sector: number, sectorCount: number, tag: number) {
    this.#port = port;
    this.operation = operation;
    this.sector = sector;
    this.sectorCount = sectorCount;
    this.tag = tag;
  }

  /** True once it has ended, well or not. */
  get isDone(): boolean {
    if (this.#result === undefined) this.#port.collect();
    return this.#result !== undefined;
  }

  /** 0, or the negative errno it ended with; undefined while it is on its way. */
  get result(): number | undefined {
    return this.isDone ? this.#result : undefined;
  }

  /** What a read that ended well has read; else undefined. With payload none: zeros. */
  get data(): Uint8Array | undefined {
    return this.isDone ? this.#data : undefined;
  }

  /** For BlockPort: it is on its way again. */
  wait(): void {
    this.#result = undefined;
    this.#data = undefined;
  }

  /** For BlockPort: it has ended. */
  finish(result: number, data: Uint8Array | undefined): void {
    this.#result = result;
    this.#data = data;
  }
}

interface InFlight {
  readonly request: BlockRequest;
  /** Its buffer, 0: none. */
  readonly address: number;
  /** Who is told that it has ended. */
  readonly ended: BlockRequest[];
}

/** What all block devices of one machine share: the requests in flight by their handles. */
export class BlockPort {
  readonly #machine: Machine;
  readonly #inFlight = new Map<number, InFlight>();
  #entries = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    machine.timeline.keep(this, () => this.#save());
  }

  #save(): () => void {
    const inFlight = saveMap(this.#inFlight);
    const waiting = [...this.#inFlight.values()];
    const entries = this.#entries;
    return () => {
      inFlight();
      for (const { request } of waiting) request.wait();
      this.#entries = entries;
    };
  }

  /** Notes a request that the core has taken. */
  add(handle: number, entry: InFlight): void {
    this.#inFlight.set(handle, entry);
  }

  /** Takes what has ended from the core, and tells the requests. */
  collect(): void {
    const { core, buffers } = this.#machine;
    if (this.#inFlight.size === 0) return;
    if (this.#entries === 0) this.#entries = buffers.allocate(REAP_ENTRIES * BLOCK_DONE_SIZE);
    for (let count = REAP_ENTRIES; count === REAP_ENTRIES; ) {
      count = check(
        'reap',
        core.call((exports) => exports.blockReap(this.#entries, REAP_ENTRIES)),
      );
      for (let index = 0; index < count; index++) this.#finish(this.#entries + index * BLOCK_DONE_SIZE);
    }
  }

  #finish(entry: number): void {
    const { memory } = this.#machine.core;
    const handle = memory.u32(entry + BLOCK_DONE_HANDLE);
    const result = memory.u32(entry + BLOCK_DONE_RESULT) | 0;
    const known = this.#inFlight.get(handle);
    // of the machine that this one was cloned from
    if (known === undefined) return;
    const { request, address, ended } = known;
    this.#inFlight.delete(handle);
    const isRead = request.operation === 'read' && result === 0;
    const bytes = request.sectorCount * SECTOR_SIZE;
    if (address !== 0) {
      request.finish(result, isRead ? memory.bytes.slice(address, address + bytes) : undefined);
      this.#machine.buffers.free(address);
    } else {
      request.finish(result, isRead ? new Uint8Array(bytes) : undefined);
    }
    ended.push(request);
  }
}

/**
 * A drive by hand. Sectors are 512 bytes. It goes around the page cache, and neither writes back nor drops what is cached.
 *
 * @example
 * const machine = await Machine.create();
 * const device = machine.blockDevice();
 * device.write(8, new Uint8Array(1024).fill(7), { fua: true });
 * device.write(16, new Uint8Array(512));
 * console.log(machine.volatileWrites()); // 1: the second write
 * device.flush();
 * console.log(machine.volatileWrites(), device.read(9, 1)[0]); // 0 7
 *
 * @example
 * const machine = await Machine.create();
 * const device = machine.blockDevice();
 * machine.holdCompletions(true);
 * const write = device.submit({ operation: 'write', sector: 0, data: new Uint8Array(512) });
 * const flush = device.submit({ operation: 'flush' });
 * machine.run();
 * machine.releaseCompletion(0); // the write ends after the flush was sent, which does not cover it
 * machine.releaseCompletion(0);
 * console.log(write.isDone, flush.result, machine.volatileWrites()); // true 0 1
 */
export class BlockDevice {
  /** Number of the drive. */
  readonly drive: number;
  /** Sectors of the drive. */
  readonly sectorCount: number;
  readonly #machine: Machine;
  readonly #port: BlockPort;
  readonly #hasBytes: boolean;
  readonly #ended: BlockRequest[] = [];

  constructor(machine: Machine, port: BlockPort, drive: number, sectorCount: number, hasBytes: boolean) {
    this.#machine = machine;
    this.#port = port;
    this.drive = drive;
    this.sectorCount = sectorCount;
    this.#hasBytes = hasBytes;
    machine.timeline.keep(this, () => saveList(this.#ended));
  }

  /**
   * Submits a request, and lets nothing happen: run(), step() or advance() of the machine do. A request longer than
   * `limits.maxSectors` goes to the drive in parts. Throws ConfigError for options that no request has, StorageError: EIO behind
   * the end of the drive, EAGAIN when `limits.blockRequests` or `limits.bios` have no room.
   */
  submit(options: BlockRequestOptions): BlockRequest {
    return this.#start(options, this.#ended);
  }

  /** Requests of submit() that have ended since the last call, in the order in which they ended. */
  reap(): BlockRequest[] {
    this.#port.collect();
    return this.#ended.splice(0);
  }

  /**
   * What `body` submits stays together under a plug, where it merges, until `body` returns. Events that run inside it send it on its
   * way early, as Linux does when a thread blocks. Throws StorageError EBUSY inside another plug.
   */
  plug<T>(body: () => T): T {
    const { core } = this.#machine;
    check(
      'plug',
      core.call((exports) => exports.blockPlug()),
    );
    try {
      return body();
    } finally {
      core.call((exports) => exports.blockUnplug());
    }
  }

  /** Reads `sectorCount` sectors. Throws StorageError: EIO, EDEADLK while nothing can end it. */
  read(sector: number, sectorCount: number): Uint8Array {
    return this.#finish({ operation: 'read', sector, sectorCount }).data as Uint8Array;
  }

  /** Writes `data`, whole sectors. Throws StorageError: EIO, EROFS, EDEADLK while nothing can end it. */
  write(
    sector: number,
    data: Uint8Array,
    flags: Pick<BlockRequestOptions, 'fua' | 'preflush' | 'tag' | 'domain'> = {},
  ): void {
    this.#finish({
      ...flags,
      operation: 'write',
      sector,
      sectorCount: data.length / SECTOR_SIZE,
      ...(this.#hasBytes ? { data } : {}),
    });
  }

  /** Makes everything durable that had ended. Throws as write. */
  flush(flags: Pick<BlockRequestOptions, 'tag' | 'domain'> = {}): void {
    this.#finish({ ...flags, operation: 'flush' });
  }

  /** The sectors' content is of no use any more; here they read as zeros. Throws as write. */
  discard(sector: number, sectorCount: number): void {
    this.#finish({ operation: 'discard', sector, sectorCount });
  }

  /** Throws as write. */
  writeZeroes(
    sector: number,
    sectorCount: number,
    flags: Pick<BlockRequestOptions, 'fua' | 'preflush' | 'tag' | 'domain'> = {},
  ): void {
    this.#finish({ ...flags, operation: 'writeZeroes', sector, sectorCount });
  }

  #start(options: BlockRequestOptions, ended: BlockRequest[]): BlockRequest {
    const { operation, sector = 0, tag = 0, domain = 0 } = options;
    const sectorCount = options.sectorCount ?? (options.data?.length ?? 0) / SECTOR_SIZE;
    this.#check(options, sector, sectorCount);
    const details = {
      path: `drive${this.drive}`,
      offset: sector * SECTOR_SIZE,
      length: sectorCount * SECTOR_SIZE,
    };
    const { watcher } = this.#machine;
    const logTag = watcher?.begin(operation, details) || tag;
    const address = this.#bufferFor(options, sectorCount);
    const flags =
      (options.noMerge === true ? BLOCK_NO_MERGE : 0) |
      (options.fua === true ? BLOCK_FUA : 0) |
      (options.nowait === true ? BLOCK_NOWAIT : 0) |
      (options.preflush === true ? BLOCK_PREFLUSH : 0);
    const submit = (): number =>
      this.#machine.core.call((exports) =>
        exports.blockSubmit(
          this.drive,
          OPERATIONS[operation],
          sector,
          sectorCount,
          address,
          flags,
          logTag,
          domain,
        ),
      );
    let handle = submit();
    if (handle === EAGAIN) {
      // what has ended and nobody has asked for keeps its place
      this.#port.collect();
      handle = submit();
    }
    watcher?.end(Math.min(0, handle));
    if (handle < 0) {
      if (address !== 0) this.#machine.buffers.free(address);
      throw new StorageError(operation, handle, details);
    }
    const request = new BlockRequest(this.#port, operation, sector, sectorCount, tag);
    this.#port.add(handle, { request, address, ended });
    return request;
  }

  /** What the core would refuse as EINVAL, in words. */
  #check(options: BlockRequestOptions, sector: number, sectorCount: number): void {
    const { operation, data, tag = 0, domain = 0 } = options;
    if (!Object.hasOwn(OPERATIONS, operation))
      throw new ConfigError('operation', operation, `one of ${Object.keys(OPERATIONS).join(', ')}`);
    wholeNumber('sector', sector, Number.MAX_SAFE_INTEGER);
    wholeNumber('tag', tag, Number.MAX_SAFE_INTEGER);
    wholeNumber('domain', domain, MAX_COUNT);
    const isForcing = options.fua === true || options.preflush === true;
    if (isForcing && (operation === 'read' || operation === 'flush'))
      throw new ConfigError(options.fua === true ? 'fua' : 'preflush', true, `left out for a ${operation}`);
    if (operation === 'flush') {
      if (sectorCount !== 0) throw new ConfigError('sectorCount', sectorCount, '0 for a flush');
      return;
    }
    wholeNumber('sectorCount', sectorCount, MAX_COUNT);
    if (sectorCount === 0) throw new ConfigError('sectorCount', 0, 'at least 1');
    const wantsData = operation === 'write' && this.#hasBytes;
    if (!wantsData && data !== undefined)
      throw new ConfigError(
        'data',
        'given',
        `left out ${operation === 'write' ? "with payload 'none'" : `for a ${operation}`}`,
      );
    if (wantsData && data?.length !== sectorCount * SECTOR_SIZE)
      throw new ConfigError('data.length', data?.length, `${sectorCount} sectors of ${SECTOR_SIZE} bytes`);
  }

  /** Memory for the bytes of a read or write, with a write's bytes in it; 0 for none. */
  #bufferFor({ operation, data }: BlockRequestOptions, sectorCount: number): number {
    if (!this.#hasBytes || (operation !== 'read' && operation !== 'write')) return 0;
    const { buffers, core } = this.#machine;
    const address = buffers.allocate(sectorCount * SECTOR_SIZE, BUFFER_ALIGNMENT);
    if (data !== undefined) core.memory.bytes.set(data, address);
    return address;
  }

  #finish(options: BlockRequestOptions): BlockRequest {
    // nobody reaps it: it is for this call
    const request = this.#start(options, []);
    const details = {
      path: `drive${this.drive}`,
      offset: request.sector * SECTOR_SIZE,
      length: request.sectorCount * SECTOR_SIZE,
    };
    while (!request.isDone) {
      if (!this.#machine.step())
        throw new StorageError(options.operation, EDEADLK, {
          ...details,
          hint: 'completions are held, and nothing else can end it',
        });
    }
    check(options.operation, request.result as number, details);
    return request;
  }
}

function wholeNumber(field: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new ConfigError(field, value, `a whole number from 0 to ${most}`);
}
