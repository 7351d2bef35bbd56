// BlueStore's KernelDevice for JavaScript. Its groups of asynchronous requests are IoContexts (io-context.ts).
//
// Verbs: createContext, takeCompleted, flush, write, read, readRandom, discard, close. What aborts Ceph throws
// CephAbortError, everything else that fails a StorageError.

import {
  AIO_RING_ID,
  AIO_RULE_OLDER,
  AIO_RULE_WINDOW,
  DEVICE_ABORT,
  DEVICE_BLOCK_SIZE,
  DEVICE_CONTEXT,
  DEVICE_DEATH,
  DEVICE_DEATH_RESULT,
  DEVICE_FDATASYNCS,
  DEVICE_IO_SINCE_FLUSH,
  DEVICE_OPTION_BLOCK_SIZE,
  DEVICE_OPTION_INITIAL_DELAY_US,
  DEVICE_OPTION_MAX_IODEPTH,
  DEVICE_OPTION_REAP_MAX,
  DEVICE_OPTION_RULE,
  DEVICE_OPTION_RW_IO_MAX,
  DEVICE_OPTION_SIZE,
  DEVICE_OPTION_SUBMIT_RETRIES,
  DEVICE_SIZE_BYTES,
} from '../assembly/layout.ts';
import {
  DEFAULT_AIO_IODEPTH,
  DEFAULT_AIO_REAP,
  DEFAULT_DEVICE_BLOCK,
  DEFAULT_SUBMIT_DELAY_US,
  DEFAULT_SUBMIT_RETRIES,
  MAX_TRANSFER_BYTES,
  PAGE_SIZE,
} from '../assembly/limits.ts';
import type { CoreExports } from './core/exports.ts';
import type { Size } from './core/options.ts';
import { parseSize } from './core/size.ts';
import { Anchor, saveMap } from './core/timeline.ts';
import { ABORT_REASONS, type AbortReason, CephAbortError, check, StorageError } from './errors.ts';
import type { OpenFile } from './files.ts';
import { IoContext, type IoContextOptions, layOut, wholeNumber, withIovecs } from './io-context.ts';
import type { Machine } from './machine.ts';

const EINVAL = -22;
const EDEADLK = -35;
const ENOTRECOVERABLE = -131;

/** Ceph's options, by their defaults. */
export interface KernelDeviceOptions {
  /** bdev_block_size: every range is whole blocks. A power of two from 512 to 65,536; default 4,096. */
  readonly blockSize?: Size;
  /** bdev_aio_max_queue_depth. Default 1,024. */
  readonly maxIodepth?: number;
  /** bdev_aio_reap_max: events reaped at a time, 1 to 16. Default 16. */
  readonly reapMax?: number;
  /** bdev_aio_submit_retry_max, 0 to 65,535. Default 16. */
  readonly submitRetries?: number;
  /** bdev_aio_submit_retry_initial_delay_us. Default 125. */
  readonly initialDelayUs?: number;
  /** A longer write is cut into requests of so many bytes: a multiple of 512, at most the default of 0x7ffff000. */
  readonly rwIoMax?: Size;
  /** How a batch is retried: `window` (default) is Ceph of today, `older` that of about 2018 to 2023. */
  readonly rule?: 'window' | 'older';
}

/** Fills DEVICE_OPTION_… at `at`. */
function storeOptions(machine: Machine, at: number, options: KernelDeviceOptions): void {
  const { memory } = machine.core;
  const blockSize = parseSize(options.blockSize ?? DEFAULT_DEVICE_BLOCK, 'blockSize');
  const rwIoMax = parseSize(options.rwIoMax ?? MAX_TRANSFER_BYTES, 'rwIoMax');
  const depth = options.maxIodepth ?? DEFAULT_AIO_IODEPTH;
  const reapMax = options.reapMax ?? DEFAULT_AIO_REAP;
  const retries = options.submitRetries ?? DEFAULT_SUBMIT_RETRIES;
  const delay = options.initialDelayUs ?? DEFAULT_SUBMIT_DELAY_US;
  const isPower = blockSize >= 512 && blockSize <= 65536 && Number.isInteger(Math.log2(blockSize));
  const isCut = rwIoMax >= 512 && rwIoMax <= MAX_TRANSFER_BYTES && rwIoMax % 512 === 0;
  memory.setU32(
    at + DEVICE_OPTION_BLOCK_SIZE,
    wholeNumber('blockSize', blockSize, 'a power of two from 512 to 65536', isPower),
  );
  memory.setU32(
    at + DEVICE_OPTION_MAX_IODEPTH,
    wholeNumber('maxIodepth', depth, 'from 1 to 2147483647', depth >= 1 && depth < 2 ** 31),
  );
  memory.setU32(
    at + DEVICE_OPTION_REAP_MAX,
    wholeNumber('reapMax', reapMax, 'from 1 to 16', reapMax >= 1 && reapMax <= DEFAULT_AIO_REAP),
  );
  memory.setU32(
    at + DEVICE_OPTION_SUBMIT_RETRIES,
    wholeNumber('submitRetries', retries, 'from 0 to 65535', retries >= 0 && retries <= 65535),
  );
  memory.setU64(
    at + DEVICE_OPTION_INITIAL_DELAY_US,
    wholeNumber('initialDelayUs', delay, 'a whole number from 0', delay >= 0),
  );
  memory.setU32(
    at + DEVICE_OPTION_RW_IO_MAX,
    wholeNumber('rwIoMax', rwIoMax, 'a multiple of 512 from 512 to 2147479552', isCut),
  );
  memory.setU32(at + DEVICE_OPTION_RULE, options.rule === 'older' ? AIO_RULE_OLDER : AIO_RULE_WINDOW);
}

/**
 * A block device of BlueStore. Offsets and lengths are bytes, in whole blocks unless said.
 *
 * @example
 * const machine = await Machine.create();
 * const device = machine.openKernelDevice('drive0');
 * const context = device.createContext();
 * context.aioWrite(new Uint8Array(4096).fill(7), 0);
 * const read = context.aioRead(4096, 8192);
 * context.submit();
 * context.wait();
 * device.flush();
 * console.log(read.length, device.fdatasyncs);
 */
export class KernelDevice implements Disposable {
  readonly #anchor: Anchor;
  readonly #state: number;
  readonly #contexts = new Map<number, IoContext>();
  readonly handle: number;
  readonly name: string;
  readonly #owned: OpenFile | undefined;
  #isClosed = false;

  /** @internal Made by machine.openKernelDevice(). `owned`: closed with the device. */
  constructor(machine: Machine, file: OpenFile, options: KernelDeviceOptions, owned?: OpenFile) {
    this.#anchor = new Anchor(machine);
    this.#owned = owned;
    this.name = file.name;
    this.handle = machine.buffers.borrow(DEVICE_OPTION_SIZE, (at) => {
      storeOptions(machine, at, options);
      const opened = machine.core.call((exports) => exports.kernelDeviceOpen(file.descriptor, at));
      const hint = opened === EINVAL ? { hint: 'a device needs direct I/O, reading and writing' } : {};
      return check('open', opened, { path: file.name, ...hint });
    });
    this.#state = machine.core.call((exports) => exports.kernelDeviceState(this.handle));
    machine.timeline.keep(this, () => {
      const contexts = saveMap(this.#contexts);
      return () => {
        contexts();
        this.#isClosed = false;
      };
    });
  }

  get #machine(): Machine {
    return this.#anchor.machine;
  }

  #u32(field: number): number {
    return this.#machine.core.memory.u32(this.#state + field);
  }

  /** Bytes: the file's size, rounded down to whole blocks. */
  get size(): number {
    return this.#machine.core.memory.u64(this.#state + DEVICE_SIZE_BYTES);
  }

  get blockSize(): number {
    return this.#u32(DEVICE_BLOCK_SIZE);
  }

  /** What records call its AIO context (RECORD_AIO_ACCEPTED, RECORD_AIO_EVENT). */
  get contextNumber(): number {
    return this.#machine.core.memory.u32(this.#u32(DEVICE_CONTEXT) + AIO_RING_ID);
  }

  /** I/O was reaped or written since the last flush. */
  get ioSinceFlush(): boolean {
    return this.#u32(DEVICE_IO_SINCE_FLUSH) !== 0;
  }

  /** fdatasyncs that flush() has made. */
  get fdatasyncs(): number {
    return this.#u32(DEVICE_FDATASYNCS);
  }

  /** Why the device is dead; undefined while it lives. */
  get death(): AbortReason | undefined {
    const reason = this.#u32(DEVICE_DEATH);
    return reason === 0 ? undefined : ABORT_REASONS[reason];
  }

  /** @internal Runs a call of the core; what aborts Ceph and what fails are thrown. */
  call(name: string, body: (exports: CoreExports) => number, details: Record<string, number> = {}): number {
    if (this.#isClosed) throw new StorageError(name, -9, { path: this.name });
    const result = this.#machine.core.call(body);
    if (result >= 0) return result;
    const reason = result === ENOTRECOVERABLE ? this.#u32(DEVICE_DEATH) : this.#u32(DEVICE_ABORT);
    if (reason === 0) throw new StorageError(name, result, { path: this.name, ...details });
    const cause = result === ENOTRECOVERABLE ? this.#u32(DEVICE_DEATH_RESULT) | 0 : result;
    throw new CephAbortError(name, ABORT_REASONS[reason] ?? 'none', cause);
  }

  /** An IOContext: a group of requests. */
  createContext(options: IoContextOptions = {}): IoContext {
    const priv = options.priv ?? 0;
    wholeNumber('priv', priv, 'from 0 to 2^53 - 1', priv >= 0);
    const handle = this.call('IOContext', (exports) =>
      exports.ioContextCreate(this.handle, priv, options.allowEio === true ? 1 : 0),
    );
    const context = new IoContext(this.#machine, this, handle, priv, () => this.#contexts.delete(handle));
    this.#contexts.set(handle, context);
    return context;
  }

  /** Contexts with a priv whose last running request has ended, oldest first, each as often as it has. Runs nothing. */
  takeCompleted(): IoContext[] {
    const taken: IoContext[] = [];
    while (true) {
      const handle = this.call('aio_callback', (exports) => exports.kernelDeviceTakeDone(this.handle));
      if (handle === 0) return taken;
      const context = this.#contexts.get(handle);
      if (context === undefined) continue;
      context.settle();
      taken.push(context);
    }
  }

  /** Makes durable what was reaped or written before; does nothing when nothing was since the last flush. */
  flush(): void {
    this.call('flush', (exports) => exports.kernelDeviceFlush(this.handle));
  }

  /** Writes and returns when the drive has the bytes. `buffered`: the page cache has them. Not durable before flush(). */
  write(
    bytes: Uint8Array | readonly Uint8Array[],
    offset: number,
    options: { readonly buffered?: boolean } = {},
  ): void {
    this.#borrow(bytes, (iovecs, count) => {
      this.call(
        'pwritev',
        (exports) =>
          exports.kernelDeviceWrite(this.handle, offset, iovecs, count, options.buffered === true ? 1 : 0),
        { offset },
      );
    });
  }

  /** Reads whole blocks. */
  read(length: number, offset: number): Uint8Array {
    return this.#read(length, offset, (exports, buffer) =>
      exports.kernelDeviceRead(this.handle, offset, buffer, length),
    );
  }

  /** Reads any range inside the device. */
  readRandom(length: number, offset: number): Uint8Array {
    return this.#read(length, offset, (exports, buffer) =>
      exports.kernelDeviceReadRandom(this.handle, offset, buffer, length),
    );
  }

  #read(length: number, offset: number, body: (exports: CoreExports, buffer: number) => number): Uint8Array {
    wholeNumber('length', length, 'a whole number from 0', length >= 0);
    const { buffers, core } = this.#machine;
    const buffer = buffers.allocate(Math.max(1, length), PAGE_SIZE);
    return this.#keepIfAbandoned(buffer, () => {
      this.call('pread', (exports) => body(exports, buffer), { offset, length });
      return core.memory.bytes.slice(buffer, buffer + length);
    });
  }

  /** Discards whole blocks; they read as zeros. */
  discard(offset: number, length: number): void {
    this.call('discard', (exports) => exports.kernelDeviceDiscard(this.handle, offset, length), {
      offset,
      length,
    });
  }

  /** objectstore_blackhole: while it is on, writes and discards succeed and do nothing. */
  set blackhole(isOn: boolean) {
    this.call('blackhole', (exports) => exports.kernelDeviceBlackhole(this.handle, isOn ? 1 : 0));
  }

  /** Lays out a payload in client memory for a synchronous call. */
  #borrow(bytes: Uint8Array | readonly Uint8Array[], use: (iovecs: number, count: number) => void): void {
    const address = layOut(this.#machine, bytes);
    this.#keepIfAbandoned(address, () => withIovecs(this.#machine, address, bytes, use));
  }

  /** Frees a buffer after a call, unless a drive that holds its completions still uses it. */
  #keepIfAbandoned<T>(address: number, use: () => T): T {
    let isAbandoned = false;
    try {
      return use();
    } catch (error) {
      isAbandoned = error instanceof StorageError && error.errno === EDEADLK;
      throw error;
    } finally {
      if (!isAbandoned) this.#machine.buffers.free(address);
    }
  }

  /**
   * Stops the AIO thread and closes. Requests in flight end, but their contexts never complete: wait for them first.
   * Throws EDEADLK when a held drive keeps one in flight; close again when it is released.
   */
  close(): void {
    if (this.#isClosed || this.#anchor.isStale) return;
    check(
      'close',
      this.#machine.core.call((exports) => exports.kernelDeviceClose(this.handle)),
      { path: this.name },
    );
    this.#isClosed = true;
    this.#machine.timeline.drop(this);
    this.#owned?.close();
    for (const context of this.#contexts.values()) context.abandon();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
