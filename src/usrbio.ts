// 3FS USRBIO for JavaScript: buffers that client and daemon share, rings of requests, results as objects.
//
// Verbs: createIov, openIov, wrapIov, createRing, register, preadv, pwritev; on a ring: prepare, submit, wait, take. The shapes are
// those of the Python binding; a call that fails throws, a request that fails is a negative `result`. The C interface with
// its own conventions is UsrbioRaw (usrbio-raw.ts).

import {
  HF3FS_CQE_INDEX,
  HF3FS_CQE_RESULT,
  HF3FS_CQE_SIZE,
  HF3FS_IOR_ALLOW_READ_UNCOMMITTED,
  HF3FS_IOR_FORBID_READ_HOLES,
  HF3FS_IOR_IORH,
  HF3FS_IOR_SIZE,
  HF3FS_IOV_BASE,
  HF3FS_IOV_ID,
  HF3FS_IOV_SIZE,
} from '../assembly/layout.ts';
import type { Size } from './core/options.ts';
import { parseSize } from './core/size.ts';
import { Anchor, saveList, saveMap } from './core/timeline.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import type { OpenFile } from './files.ts';
import type { Machine } from './machine.ts';
import { UsrbioRaw } from './usrbio-raw.ts';

/** Where the machine's files are mounted for USRBIO. */
export const USRBIO_MOUNT_POINT = '/3fs';

const ID_BYTES = 16;
const WAIT_LIMIT = 65536;
const EINVAL = -22;
/** Just below 2^63. */
const MAX_TIME_NS = 9e18;

/** How a shared buffer is cut and where it is meant to lie. */
export interface IovOptions {
  /** A request may not cross a multiple of this many bytes; 0 (default): no such boundary. */
  readonly blockSize?: Size;
  /** NUMA node, kept and not used. Default -1. */
  readonly numa?: number;
}

/** Shared memory of one buffer. */
interface Root {
  readonly struct: number;
  readonly address: number;
  readonly bytes: number;
  isOpen: boolean;
  readonly anchor: Anchor;
  release(): void;
}

/** The shared memory of a new buffer, which goes back with its machine. */
function rootOf(machine: Machine, struct: number, address: number, bytes: number, release: () => void): Root {
  const root = { struct, address, bytes, isOpen: true, anchor: new Anchor(machine), release };
  machine.timeline.keep(root, () => () => {
    root.isOpen = true;
  });
  return root;
}

/** A shared buffer or a part of one: what a request reads into or writes from. */
export class Iovec {
  readonly #machine: Machine;
  readonly #root: Root;
  /** Its first byte, counted from the start of the whole buffer. */
  readonly offset: number;
  readonly length: number;

  /** @internal */
  constructor(machine: Machine, root: Root, offset: number, length: number) {
    this.#machine = machine;
    this.#root = root;
    this.offset = offset;
    this.length = length;
  }

  /** @internal Address of the struct hf3fs_iov of the whole buffer. */
  get struct(): number {
    this.#root.anchor.check();
    if (!this.#root.isOpen) throw new StorageError('hf3fs_iov', -9, { hint: 'the buffer was destroyed' });
    return this.#root.struct;
  }

  /** Address of its first byte in client memory. */
  get address(): number {
    return this.#root.address + this.offset;
  }

  /** The bytes themselves: no copy. Read them after the request has ended. Throws EBADF after destroy(). */
  get bytes(): Uint8Array {
    void this.struct;
    return this.#machine.core.memory.bytes.subarray(this.address, this.address + this.length);
  }

  /** The buffer's id, 16 bytes: what openIov takes. */
  get id(): Uint8Array {
    const at = this.struct + HF3FS_IOV_ID;
    return this.#machine.core.memory.bytes.slice(at, at + ID_BYTES);
  }

  /** A part, without a copy: bytes [start, end) of this one, 0 ≤ start ≤ end ≤ length. */
  slice(start = 0, end: number = this.length): Iovec {
    if (!Number.isInteger(start) || start < 0 || start > this.length)
      throw new ConfigError('start', start, `a whole number from 0 to ${this.length}`);
    if (!Number.isInteger(end) || end < start || end > this.length)
      throw new ConfigError('end', end, `a whole number from ${start} to ${this.length}`);
    return new Iovec(this.#machine, this.#root, this.offset + start, end - start);
  }

  /** hf3fs_iovunlink: nobody can open it by its id any more; what is open stays. */
  unlink(): void {
    const struct = this.struct;
    this.#machine.core.call((exports) => exports.usrbioIovUnlink(struct));
  }

  /** hf3fs_iovdestroy, for the whole buffer: requests that have not started yet end with EINVAL. */
  destroy(): void {
    if (!this.#root.isOpen || this.#root.anchor.isStale) return;
    this.#root.isOpen = false;
    this.#machine.timeline.drop(this.#root);
    this.#root.release();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** A ring's direction and how the daemon takes its requests. */
export interface IoRingOptions {
  /** Requests that may be prepared, running or finished and not fetched. 1 or more. */
  readonly entries: number;
  /** True (default): all requests read. False: all write. */
  readonly read?: boolean;
  /** > 0: jobs of exactly so many; 0 (default): a job of all there are; < 0: jobs of at most so many. */
  readonly ioDepth?: number;
  readonly priority?: 'high' | 'normal' | 'low';
  /** With a negative ioDepth: how long fewer than that are held back, in milliseconds of virtual time. Default 0. */
  readonly timeoutMs?: number;
  /** Reads answer ENODATA where a hole comes before data. Default false. */
  readonly forbidReadHoles?: boolean;
  /** Kept for the original's callers; no write here is ever uncommitted. */
  readonly allowReadUncommitted?: boolean;
  readonly numa?: number;
}

/** A request that has ended. `result`: bytes, or a negative Linux errno. */
export interface IoResult<T = unknown> {
  readonly iov: Iovec;
  readonly result: number;
  readonly userdata: T;
  /** The slot that the request had. */
  readonly index: number;
}

export interface WaitOptions {
  /** At most so many results. Default: minResults, or 1. */
  readonly maxResults?: number;
  /** Wait until there are so many. Default 0: do not wait. */
  readonly minResults?: number;
  /** At most so long, in virtual nanoseconds from now. */
  readonly timeoutNs?: number;
  /** At most until this virtual time (machine.nowNs), as the C interface has it. */
  readonly deadlineNs?: number;
}

function i32(field: string, value: number): void {
  if ((value | 0) !== value) throw new ConfigError(field, value, 'a whole number of 32 bits');
}

/** Virtual nanoseconds, or undefined for no limit. */
function deadlineOf(options: WaitOptions, machine: Machine): number | undefined {
  const { deadlineNs, timeoutNs } = options;
  if (deadlineNs === undefined && timeoutNs === undefined) return undefined;
  const deadline = deadlineNs ?? machine.nowNs + (timeoutNs ?? Infinity);
  if (Number.isNaN(deadline)) throw new ConfigError('timeoutNs', deadline, 'a number of nanoseconds');
  return deadline === Infinity ? undefined : deadline;
}

const PRIORITIES = { high: -1, normal: 0, low: 1 } as const;

/** A ring of read requests or of write requests. */
export class IoRing<T = unknown> implements Disposable {
  readonly #client: UsrbioClient;
  readonly #machine: Machine;
  readonly #anchor: Anchor;
  readonly #struct: number;
  readonly #slots: ({ readonly iov: Iovec; readonly userdata: T } | undefined)[];
  readonly #results: number;
  readonly entries: number;
  readonly read: boolean;
  /** Its number in records. */
  readonly number: number;
  #isOpen = true;

  /** @internal */
  constructor(client: UsrbioClient, machine: Machine, options: IoRingOptions) {
    this.#client = client;
    this.#machine = machine;
    this.#anchor = new Anchor(machine);
    this.entries = options.entries;
    this.read = options.read ?? true;
    // checked here: as an i32 they would be others
    i32('entries', options.entries);
    i32('ioDepth', options.ioDepth ?? 0);
    i32('timeoutMs', options.timeoutMs ?? 0);
    const { buffers } = machine;
    this.#struct = buffers.allocate(HF3FS_IOR_SIZE);
    const flags =
      (options.allowReadUncommitted === true ? HF3FS_IOR_ALLOW_READ_UNCOMMITTED : 0) |
      (options.forbidReadHoles === true ? HF3FS_IOR_FORBID_READ_HOLES : 0);
    const result = client.raw.iorCreate(
      this.#struct,
      client.mountPoint,
      options.entries,
      this.read,
      options.ioDepth ?? 0,
      PRIORITIES[options.priority ?? 'normal'],
      options.timeoutMs ?? 0,
      options.numa ?? -1,
      flags,
    );
    if (result < 0) {
      buffers.free(this.#struct);
      throw new StorageError('hf3fs_iorcreate', result);
    }
    this.number = machine.core.memory.u32(this.#struct + HF3FS_IOR_IORH) - 1;
    this.#slots = new Array(options.entries).fill(undefined);
    try {
      this.#results = buffers.allocate(Math.min(options.entries, WAIT_LIMIT) * HF3FS_CQE_SIZE + 16);
    } catch (error) {
      client.raw.iorDestroy(this.#struct);
      buffers.free(this.#struct);
      throw error;
    }
    machine.timeline.keep(this, () => {
      const slots = saveList(this.#slots);
      return () => {
        slots();
        this.#isOpen = true;
      };
    });
  }

  /** The struct, while the ring is there: afterwards its memory is somebody else's. */
  #open(syscall: string): number {
    this.#anchor.check();
    if (!this.#isOpen) throw new StorageError(syscall, EINVAL, { hint: 'the ring was destroyed' });
    return this.#struct;
  }

  /**
   * Puts a request on the ring: `iov.length` bytes at byte `offset` of the file. It may start before submit(). Throws
   * EAGAIN when the ring is full, EACCES for a file not opened for it.
   */
  prepare(iov: Iovec, file: OpenFile, offset: number, userdata?: T): this {
    const slot = this.#client.raw.prepIo(
      this.#open('hf3fs_prep_io'),
      iov.struct,
      this.read,
      iov.address,
      this.#client.register(file),
      offset,
      iov.length,
      0,
    );
    if (slot < 0)
      throw new StorageError('hf3fs_prep_io', slot, { path: file.name, offset, length: iov.length });
    this.#slots[slot] = { iov, userdata: userdata as T };
    return this;
  }

  /** Tells the daemon. Requests run when virtual time does: wait() lets it. */
  submit(): this {
    check('hf3fs_submit_ios', this.#client.raw.submitIos(this.#open('hf3fs_submit_ios')));
    return this;
  }

  /** Results, oldest first. Fewer than minResults come back when the time is up or nothing more can end. */
  wait(options: WaitOptions = {}): IoResult<T>[] {
    const struct = this.#open('hf3fs_wait_for_ios');
    const least = options.minResults ?? 0;
    const most = Math.max(options.maxResults ?? 0, least) || 1;
    const memory = this.#machine.core.memory;
    const deadline = deadlineOf(options, this.#machine);
    const room = Math.min(this.entries, WAIT_LIMIT);
    const timeout = this.#results + room * HF3FS_CQE_SIZE;
    if (deadline !== undefined) {
      // past times are all alike, and so are those that never come
      const time = Math.min(Math.max(0, deadline), MAX_TIME_NS);
      memory.setU64(timeout, Math.floor(time / 1e9));
      memory.setU64(timeout + 8, Math.floor(time % 1e9));
    }
    const results: IoResult<T>[] = [];
    while (results.length < most) {
      const got = check(
        'hf3fs_wait_for_ios',
        this.#client.raw.waitForIos(
          struct,
          this.#results,
          Math.min(room, most - results.length),
          Math.max(0, least - results.length),
          deadline === undefined ? 0 : timeout,
        ),
      );
      if (got === 0) break;
      for (let index = 0; index < got; index++) results.push(this.#result(index));
    }
    return results;
  }

  /** Results that are there, oldest first; nothing happens meanwhile, where wait first lets happen what is due. */
  take(): IoResult<T>[] {
    const struct = this.#open('hf3fs_wait_for_ios');
    const room = Math.min(this.entries, WAIT_LIMIT);
    const results: IoResult<T>[] = [];
    for (let got = room; got === room; ) {
      got = check(
        'hf3fs_wait_for_ios',
        this.#machine.core.call((exports) => exports.usrbioTakeResults(struct, this.#results, room)),
      );
      for (let index = 0; index < got; index++) results.push(this.#result(index));
    }
    return results;
  }

  #result(index: number): IoResult<T> {
    const memory = this.#machine.core.memory;
    const cqe = this.#results + index * HF3FS_CQE_SIZE;
    const slot = memory.u32(cqe + HF3FS_CQE_INDEX);
    const request = this.#slots[slot];
    if (request === undefined) throw new StorageError('hf3fs_wait_for_ios', -5, { hint: `slot ${slot}` });
    this.#slots[slot] = undefined;
    const result = memory.s64(cqe + HF3FS_CQE_RESULT);
    return { iov: request.iov, result, userdata: request.userdata, index: slot };
  }

  /** hf3fs_iordestroy: what runs ends without anybody to tell. */
  destroy(): void {
    if (!this.#isOpen || this.#anchor.isStale) return;
    this.#isOpen = false;
    this.#machine.timeline.drop(this);
    this.#client.raw.iorDestroy(this.#struct);
    this.#machine.buffers.free(this.#struct);
    this.#machine.buffers.free(this.#results);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/**
 * The USRBIO client of a machine: `machine.usrbio`. A request moves bytes between a shared buffer and a file: prepare it
 * on a ring of its direction, submit, wait. Descriptors are registered on the way.
 *
 * @example
 * const machine = await Machine.create();
 * const file = machine.openFile('drive0');
 * const { usrbio } = machine;
 * const iov = usrbio.createIov('64KiB');
 * iov.bytes.set(new TextEncoder().encode('Ada owes 10'));
 *
 * usrbio.pwritev([iov.slice(0, 11)], file, 4096);
 *
 * const ring = usrbio.createRing({ entries: 8 }); // reads; { read: false } writes
 * const there = iov.slice(8192, 8192 + 11);
 * ring.prepare(there, file, 4096, 'Ada').submit();
 * for (const { result, userdata } of ring.wait({ minResults: 1 })) console.log(userdata, result);
 * console.log(new TextDecoder().decode(there.bytes));
 */
export class UsrbioClient implements Disposable {
  readonly #machine: Machine;
  readonly raw: UsrbioRaw;
  /** @internal Address of the mount point's text. */
  readonly mountPoint: number;
  readonly #registered = new Map<number, OpenFile>();
  #rings: { read?: IoRing; write?: IoRing } = {};

  /** @internal */
  constructor(machine: Machine) {
    this.#machine = machine;
    this.raw = new UsrbioRaw(machine.core);
    const text = new TextEncoder().encode(`${USRBIO_MOUNT_POINT}\0`);
    this.mountPoint = machine.buffers.allocate(text.length);
    machine.core.memory.bytes.set(text, this.mountPoint);
    machine.timeline.keep(this, () => {
      const registered = saveMap(this.#registered);
      const rings = { ...this.#rings };
      return () => {
        registered();
        this.#rings = { ...rings };
      };
    });
  }

  /**
   * A shared buffer of `bytes` bytes of zeros. Throws EIO when the shared memory (`sharedMemory` of the machine) has no such
   * run of pages left, EINVAL for a block larger than the buffer.
   */
  createIov(bytes: Size, options: IovOptions = {}): Iovec {
    const size = parseSize(bytes, 'bytes');
    return this.#iov('hf3fs_iovcreate', size, (struct) =>
      this.raw.iovCreate(struct, this.mountPoint, size, blockSize(options), options.numa ?? -1),
    );
  }

  /** The same memory once more, by its id. ENOENT: no such buffer with this block size; EIO: unlinked or smaller. */
  openIov(id: Uint8Array, bytes: Size, options: IovOptions = {}): Iovec {
    const size = parseSize(bytes, 'bytes');
    return this.#machine.buffers.borrow(ID_BYTES, (address) => {
      this.#machine.core.memory.bytes.set(id.subarray(0, ID_BYTES), address);
      return this.#iov('hf3fs_iovopen', size, (struct) =>
        this.raw.iovOpen(struct, address, this.mountPoint, size, blockSize(options), options.numa ?? -1),
      );
    });
  }

  /** Client memory of the caller (machine.buffers) as a shared buffer; it stays the caller's. */
  wrapIov(address: number, bytes: Size, options: IovOptions = {}): Iovec {
    const size = parseSize(bytes, 'bytes');
    const { buffers, core } = this.#machine;
    const id = buffers.allocate(ID_BYTES);
    const published = this.raw.iovPublish(id, address, size, blockSize(options));
    if (published < 0) {
      buffers.free(id);
      throw new StorageError('hf3fs_iovwrap', published);
    }
    const struct = buffers.allocate(HF3FS_IOV_SIZE);
    check(
      'hf3fs_iovwrap',
      this.raw.iovWrap(struct, address, id, this.mountPoint, size, blockSize(options), options.numa ?? -1),
    );
    const release = (): void => {
      core.call((exports) => exports.usrbioIovUnpublish(id));
      buffers.free(id);
      buffers.free(struct);
    };
    return new Iovec(this.#machine, rootOf(this.#machine, struct, address, size, release), 0, size);
  }

  #iov(call: string, bytes: number, make: (struct: number) => number): Iovec {
    const { buffers, core } = this.#machine;
    const struct = buffers.allocate(HF3FS_IOV_SIZE);
    const result = make(struct);
    if (result < 0) {
      buffers.free(struct);
      throw new StorageError(call, result, { length: bytes });
    }
    const release = (): void => {
      core.call((exports) => exports.usrbioIovDestroy(struct));
      buffers.free(struct);
    };
    const address = core.memory.u32(struct + HF3FS_IOV_BASE);
    return new Iovec(this.#machine, rootOf(this.#machine, struct, address, bytes, release), 0, bytes);
  }

  /** A ring. EINVAL: entries below 1, a depth beyond them, a negative timeout; EIO: no shared memory is left. */
  createRing<T = unknown>(options: IoRingOptions): IoRing<T> {
    return new IoRing<T>(this, this.#machine, options);
  }

  /** hf3fs_reg_fd, once for each open file; returns its descriptor. prepare() calls it. Throws EBADF, EMFILE. */
  register(file: OpenFile): number {
    const known = this.#registered.get(file.descriptor);
    if (known === file) return file.descriptor;
    // the number belonged to a file that was closed without deregister()
    if (known !== undefined) this.raw.deregFd(file.descriptor);
    const result = this.raw.regFd(file.descriptor);
    if (result > 0) throw new StorageError('hf3fs_reg_fd', -result, { path: file.name });
    this.#registered.set(file.descriptor, file);
    return file.descriptor;
  }

  /** hf3fs_dereg_fd: requests that were prepared go on. Call it before the file is closed. */
  deregister(file: OpenFile): void {
    if (this.#registered.get(file.descriptor) !== file) return;
    this.#registered.delete(file.descriptor);
    this.raw.deregFd(file.descriptor);
  }

  /** Reads into the buffers, one behind the other in the file from byte `offset`. Total bytes, short at the end; throws the first error. */
  preadv(iovs: readonly Iovec[], file: OpenFile, offset: number): number {
    return this.#transfer('preadv', true, iovs, file, offset);
  }

  /** Writes the buffers, one behind the other in the file from byte `offset`. Total bytes; throws the first error. */
  pwritev(iovs: readonly Iovec[], file: OpenFile, offset: number): number {
    return this.#transfer('pwritev', false, iovs, file, offset);
  }

  #transfer(
    syscall: 'preadv' | 'pwritev',
    isRead: boolean,
    iovs: readonly Iovec[],
    file: OpenFile,
    offset: number,
  ): number {
    const key = isRead ? 'read' : 'write';
    try {
      return this.#batches(syscall, this.#ringFor(key), iovs, file, offset);
    } catch (error) {
      // what is still on the ring is of no use to the next call
      this.#rings[key]?.destroy();
      delete this.#rings[key];
      throw error;
    }
  }

  #batches(
    syscall: 'preadv' | 'pwritev',
    ring: IoRing,
    iovs: readonly Iovec[],
    file: OpenFile,
    offset: number,
  ): number {
    const parts = iovs.filter((iov) => iov.length > 0);
    let total = 0;
    let position = offset;
    for (let first = 0; first < parts.length; first += ring.entries) {
      const batch = parts.slice(first, first + ring.entries);
      for (const [index, iov] of batch.entries()) {
        ring.prepare(iov, file, position, index);
        position += iov.length;
      }
      const results = ring.submit().wait({ minResults: batch.length });
      if (results.length < batch.length)
        throw new StorageError(syscall, -35, { path: file.name, hint: 'the drive holds its completions' });
      results.sort((left, right) => (left.userdata as number) - (right.userdata as number));
      const failed = results.find((result) => result.result < 0);
      if (failed !== undefined) throw new StorageError(syscall, failed.result, { path: file.name, offset });
      for (const result of results) {
        total += result.result;
        if (result.result < result.iov.length) return total;
      }
    }
    return total;
  }

  #ringFor(key: 'read' | 'write'): IoRing {
    this.#rings[key] ??= this.createRing({ entries: 64, read: key === 'read' });
    return this.#rings[key];
  }

  /**
   * hf3fs_punchhole: makes whole chunks holes; they read as zeros, and a read through USRBIO tells them from data. Throws
   * EINVAL for a range that is not of whole chunks (`usrbio.chunkSize`), ENOSPC when too many holes exist.
   */
  punchHole(file: OpenFile, ranges: readonly { readonly start: number; readonly end: number }[]): void {
    const { buffers, core } = this.#machine;
    const result = buffers.borrow(Math.max(16, ranges.length * 16), (address) => {
      const ends = address + ranges.length * 8;
      for (const [index, range] of ranges.entries()) {
        core.memory.setU64(address + index * 8, range.start);
        core.memory.setU64(ends + index * 8, range.end);
      }
      return this.raw.punchHole(file.descriptor, ranges.length, address, ends);
    });
    if (result > 0) throw new StorageError('hf3fs_punchhole', -result, { path: file.name });
  }

  /** Destroys the rings of preadv and pwritev and deregisters every file. Both come back when they are used again. */
  close(): void {
    for (const ring of [this.#rings.read, this.#rings.write]) ring?.destroy();
    this.#rings = {};
    for (const descriptor of this.#registered.keys()) this.raw.deregFd(descriptor);
    this.#registered.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function blockSize(options: IovOptions): number {
  return options.blockSize === undefined ? 0 : parseSize(options.blockSize, 'blockSize');
}
