// The machine: a whole block-I/O path with its drives, opened from options.
//
// Verbs: open files, the volume's files (fs), run and step virtual time, hold and release completions, cut the power, read counters and records.
// It holds no storage logic: every decision is the core's. Calls are synchronous, opening is not.

import {
  CONFIG_CACHE_PAGES,
  CUT_ALL,
  CUT_NONE,
  DRIVE_FLAG_READ_ONLY,
  DRIVE_FLAG_UNDO,
  ROOT_BAD_FIELD,
  ROOT_BAD_INDEX,
  ROOT_BUFFER_BYTES,
  ROOT_BUFFERS,
  ROOT_MEMORY_BYTES,
  ROOT_NOW,
  ROOT_RECORD_HASH,
  ROOT_TAG,
} from '../assembly/layout.ts';
import { SECTOR_SIZE } from '../assembly/limits.ts';
import { AioContext } from './aio.ts';
import { AioQueue } from './aio-queue.ts';
import { MemoryHost, shimHost } from './backing/memory-host.ts';
import { SparseMemory } from './backing/sparse-memory.ts';
import { BlockDevice, BlockPort } from './block-device.ts';
import { BufferArena } from './core/buffer-arena.ts';
import { resolveConfig } from './core/config.ts';
import { configBytes, describeBadField, type ResolvedConfig } from './core/config-struct.ts';
import { Core } from './core/core.ts';
import { sendTiming } from './core/drive-timing.ts';
import type { MachineConfig, Size, VolumeConfig } from './core/options.ts';
import { RegisteredBuffer } from './core/registered-buffer.ts';
import { formatSize } from './core/size.ts';
import { type Counters, readCounters } from './counters.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import { Eventfd, type EventfdOptions } from './eventfd.ts';
import { OpenFile, type OpenOptions, openFlags } from './files.ts';
import { FileSystem } from './fs/file-system.ts';
import { mountVolume } from './fs/mount.ts';
import { type HeldRequest, readHeldRequests } from './held-requests.ts';
import { KernelDevice, type KernelDeviceOptions } from './kernel-device.ts';
import type { ImageFile, Platform } from './platform.ts';
import { RecordReader } from './records.ts';
import { tearingUnit, type UncertainWrite, uncertainWrites } from './uncertain-writes.ts';
import { UsrbioClient } from './usrbio.ts';
import { VirtioBlkDevice, type VirtioBlkOptions } from './virtio-blk.ts';
import {
  type DirtyLimits,
  type DiskStat,
  type Meminfo,
  readDirtyLimits,
  readDiskStat,
  readMeminfo,
  readVmstat,
  type Vmstat,
} from './vmstat.ts';
import { MachineLog } from './write-log/machine-log.ts';

const ENOMEM = -12;

/** A running machine. Make one with `Machine.create` of the package entry. */
export class Machine implements Disposable {
  readonly core: Core;
  readonly buffers: BufferArena;
  readonly records: RecordReader;
  readonly #config: ResolvedConfig;
  readonly #host: MemoryHost;
  readonly #memories: (SparseMemory | undefined)[];
  readonly #images: (ImageFile | undefined)[];
  readonly #imageFds = new Map<number, number>();
  readonly #blockDevices = new Map<number, BlockDevice>();
  #blockPort: BlockPort | undefined;
  #usrbio: UsrbioClient | undefined;
  #fs: FileSystem | undefined;
  #writeLog: MachineLog | undefined;
  #isClosed = false;

  protected constructor(
    core: Core,
    host: MemoryHost,
    config: ResolvedConfig,
    images: (ImageFile | undefined)[],
  ) {
    this.core = core;
    this.#host = host;
    this.#config = config;
    this.#images = images;
    this.#memories = config.drives.map(() => undefined);
    this.buffers = new BufferArena(core.root(ROOT_BUFFERS), core.root(ROOT_BUFFER_BYTES));
    this.records = new RecordReader(core);
  }

  /**
   * Opens a machine. Throws ConfigError for an option out of its range (naming field, value and limit), StorageError
   * for an image that can not be opened, VolumeError for a volume that can not be mounted.
   */
  static async open(platform: Platform, options: MachineConfig = {}): Promise<Machine> {
    const paths = (options.drives ?? []).flatMap((drive) => (drive.image === undefined ? [] : [drive.image]));
    const logPath = typeof options.writeLog === 'object' ? options.writeLog.path : undefined;
    if (logPath !== undefined) paths.push(logPath);
    const opened = paths.length > 0 ? await platform.openImages(paths) : { host: shimHost(), images: [] };
    let next = 0;
    const images = (options.drives ?? [{}]).map((drive) =>
      drive.image === undefined ? undefined : opened.images[next++],
    );
    const logImage = logPath === undefined ? undefined : opened.images[next];
    if (logImage?.size)
      throw new ConfigError('writeLog.path', logPath, 'a file that is empty or not there yet');
    const config = resolveConfig(
      options,
      images.map((image) => image?.size),
    );
    const host = new MemoryHost(opened.host);
    const core = await Core.load(await platform.core(), host);
    core.seed = config.seed;
    openCore(core, config);
    const machine = new Machine(core, host, config, images);
    if (options.writeLog) machine.#startLog(logImage, logPath ?? '');
    sendTiming(core, machine.buffers, config.drives);
    if (config.payload === 'full') {
      // drives of a small machine are attached at once; of a large one, when first used
      if (config.drives.length <= 64) machine.#attachAll();
    }
    const volume = options.volume === true ? {} : options.volume;
    if (volume && volume.mount !== false) machine.#mount(volume);
    return machine;
  }

  #startLog(image: ImageFile | undefined, path: string): void {
    const memory = image === undefined ? new SparseMemory() : undefined;
    const fd =
      image === undefined ? this.#host.add(memory as SparseMemory) : this.#openFile(image, path, false);
    this.#writeLog = new MachineLog(this.core, this.buffers, fd, memory);
  }

  /** Mounts the volume, or closes what was opened before. */
  #mount(volume: VolumeConfig): void {
    try {
      this.attachDrive(volume.drive ?? 0);
      mountVolume(this, volume.format === true);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#fs = new FileSystem(this);
  }

  /** Attaches every drive, or closes what was opened before the one that fails. */
  #attachAll(): void {
    try {
      this.#config.drives.forEach((_, drive) => {
        this.attachDrive(drive);
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Gives drive number `drive` its backing if it has none yet: its image, the memory it was given, or new sparse memory. */
  attachDrive(drive: number): void {
    const config = this.#config.drives[drive];
    if (config === undefined)
      throw new ConfigError('drive', drive, `from 0 to ${this.#config.drives.length - 1}`);
    if (this.#config.payload === 'none' || this.#memories[drive] !== undefined || this.#imageFds.has(drive))
      return;
    const image = this.#images[drive];
    const fd = image === undefined ? this.#attachMemory(drive) : this.#openImage(drive, image);
    let undoFd = -1;
    if ((config.flags & DRIVE_FLAG_UNDO) !== 0) {
      undoFd = this.#host.add(new SparseMemory());
    }
    check(
      'open',
      this.core.call((exports) => exports.driveAttach(drive, fd, undoFd)),
    );
  }

  #attachMemory(drive: number): number {
    const config = this.#config.drives[drive];
    const memory = config?.memory ?? new SparseMemory();
    this.#memories[drive] = memory;
    memory.extend(config?.size ?? 0);
    return this.#host.add(memory);
  }

  #openImage(drive: number, image: ImageFile): number {
    const isReadOnly = ((this.#config.drives[drive]?.flags ?? 0) & DRIVE_FLAG_READ_ONLY) !== 0;
    const fd = this.#openFile(image, this.#config.drives[drive]?.image ?? image.name, isReadOnly);
    this.#imageFds.set(drive, fd);
    return fd;
  }

  /** A descriptor of a real file; `path` is what the user calls it. Throws StorageError. */
  #openFile(image: ImageFile, path: string, isReadOnly: boolean): number {
    const name = new TextEncoder().encode(image.name);
    const fd = this.buffers.borrow(name.length, (address) => {
      this.core.memory.bytes.set(name, address);
      return this.core.call((exports) =>
        exports.imageOpen(image.directory, address, name.length, isReadOnly ? 1 : 0),
      );
    });
    return check('open', fd, { path });
  }

  /** True when a drive's image held bytes before this machine opened it. */
  heldData(drive: number): boolean {
    return (this.#images[drive]?.size ?? 0) > 0;
  }

  /** Number of drives. Files number them first: drive n is file n. */
  get driveCount(): number {
    return this.#config.drives.length;
  }

  /** Virtual time since the machine opened, in nanoseconds. */
  get nowNs(): number {
    return this.core.memory.u64(this.core.exports.rootAddress() + ROOT_NOW);
  }

  /** Hash over every record made so far, 16 hexadecimal digits. The same run gives the same hash, in Node and in a browser. */
  get recordHash(): string {
    return this.core.memory.hex64(this.core.exports.rootAddress() + ROOT_RECORD_HASH);
  }

  get counters(): Counters {
    return readCounters(this.core);
  }

  /** Pages that the page cache has room for. */
  get #cachePages(): number {
    return this.#config.fields.get(CONFIG_CACHE_PAGES) ?? 0;
  }

  /**
   * The page cache's figures under the names of /proc/vmstat.
   *
   * @example
   * const machine = await Machine.create();
   * machine.openFile('drive0').write(new Uint8Array(8192), 0);
   * console.log(machine.vmstat().nr_dirty); // 2
   * machine.advance(35e9); // the flusher writes what has been dirty for 30 s
   * console.log(machine.vmstat().nr_dirty, machine.vmstat().pgpgout); // 0 8
   */
  vmstat(): Vmstat {
    return readVmstat(this.core, this.#cachePages);
  }

  /** The page cache's figures under the names of /proc/meminfo, in kB. */
  meminfo(): Meminfo {
    return readMeminfo(this.core, this.#cachePages);
  }

  /** What a drive has done under the names of /sys/block/…/stat. Throws StorageError ENODEV. */
  diskStat(drive = 0): DiskStat {
    return readDiskStat(this.core, drive);
  }

  /** How many pages may be dirty, and how fast writers may go. */
  dirtyLimits(): DirtyLimits {
    return readDirtyLimits(this.core);
  }

  /** Number of a file by name: `drive0` … for whole drives, else a name of `files`. Throws ENOENT. */
  fileNumber(name: string): number {
    const drive = /^drive(\d+)$/.exec(name);
    if (drive !== null && Number(drive[1]) < this.driveCount) return Number(drive[1]);
    const index = this.#config.files.findIndex((file) => file.name === name);
    if (index < 0) throw new StorageError('open', -2, { path: name });
    return this.driveCount + index;
  }

  /** Opens a whole drive (`'drive0'`) or a flat file by its name. Throws StorageError: ENOENT, EROFS, EMFILE. */
  openFile(name: string, options: OpenOptions = {}): OpenFile {
    const number = this.fileNumber(name);
    this.attachDrive(
      number < this.driveCount ? number : (this.#config.files[number - this.driveCount]?.drive ?? 0),
    );
    const descriptor = this.core.call((exports) => exports.fileOpen(number, openFlags(options)));
    return new OpenFile(this, check('open', descriptor, { path: name }), name, options.direct === true);
  }

  /**
   * Memory for requests, zeroed: `length` bytes at a multiple of `alignment` (a power of two, 64 to 4,096; the default is
   * good for direct I/O on any drive). Throws ConfigError when `buffers` has no room.
   */
  allocateBuffer(length: number, alignment = 4096): RegisteredBuffer {
    return RegisteredBuffer.allocate(this.core.memory, this.buffers, length, alignment);
  }

  /** An eventfd, to count completions in or to poll. Throws StorageError EMFILE. */
  createEventfd(options: EventfdOptions = {}): Eventfd {
    return new Eventfd(this, options);
  }

  /**
   * A Linux AIO context for at least `eventCount` requests (1 to aioMaxNr); it takes `slotCount`, which is more, as Linux's
   * ring is enlarged to whole pages. Throws StorageError as io_setup fails. `Data`: what its requests carry.
   */
  createAioContext<Data = number>(eventCount: number): AioContext<Data> {
    return new AioContext<Data>(this, eventCount);
  }

  /** The volume's files by their names. Throws ConfigError for a machine that was opened without `volume`. */
  get fs(): FileSystem {
    if (this.#fs === undefined)
      throw new ConfigError('volume', undefined, 'given (true, or its options) when the machine is created');
    return this.#fs;
  }

  /**
   * Drive number `drive` as a block device: whole sectors, around the page cache. Each call answers the same object. Throws
   * ConfigError for a drive that is not there.
   */
  blockDevice(drive = 0): BlockDevice {
    const known = this.#blockDevices.get(drive);
    if (known !== undefined) return known;
    this.attachDrive(drive);
    this.#blockPort ??= new BlockPort(this);
    const size = this.#config.drives[drive]?.size ?? 0;
    const device = new BlockDevice(
      this,
      this.#blockPort,
      drive,
      size / SECTOR_SIZE,
      this.#config.payload === 'full',
    );
    this.#blockDevices.set(drive, device);
    return device;
  }

  /** The log of what happens to the drives. Throws ConfigError for a machine that was opened without `writeLog`. */
  get writeLog(): MachineLog {
    if (this.#writeLog === undefined)
      throw new ConfigError(
        'writeLog',
        undefined,
        'given (true, or its options) when the machine is created',
      );
    return this.#writeLog;
  }

  /**
   * What is submitted from now on is called: a whole number from 0 (nothing, as at first) to 2^53 - 1 that the write log keeps
   * with each request. What is written back carries the tag of the call that changed the file last. Throws ConfigError.
   *
   * @example
   * const machine = await Machine.create({ writeLog: true });
   * machine.tag = 7;
   * machine.openFile('drive0', { direct: true }).write(new Uint8Array(512), 0);
   * for (const entry of machine.writeLog.entries()) if (entry.kind === 'submit') console.log(entry.tag); // 7
   */
  get tag(): number {
    return this.core.memory.u64(this.core.exports.rootAddress() + ROOT_TAG);
  }

  set tag(tag: number) {
    const isTag = Number.isSafeInteger(tag) && tag >= 0;
    if (!isTag || this.core.call((exports) => exports.machineTag(tag)) < 0)
      throw new ConfigError('tag', tag, 'a whole number from 0 to 2^53 - 1');
  }

  /** The machine's 3FS USRBIO client. */
  get usrbio(): UsrbioClient {
    this.#usrbio ??= new UsrbioClient(this);
    return this.#usrbio;
  }

  /** BlueStore's aio_queue_t, before its init(). `maxIodepth`: requests for one io_submit. Throws EMFILE. */
  createAioQueue(maxIodepth = 1024): AioQueue {
    return new AioQueue(this, maxIodepth);
  }

  /**
   * BlueStore's KernelDevice on a drive or flat file, by its name or opened with `direct: true`. Throws ConfigError for an
   * option out of its range, StorageError as io_setup fails or without `limits.bluestoreAios`.
   */
  openKernelDevice(file: string | OpenFile, options: KernelDeviceOptions = {}): KernelDevice {
    if (typeof file !== 'string') return new KernelDevice(this, file, options);
    const opened = this.openFile(file, { direct: true });
    try {
      return new KernelDevice(this, opened, options, opened);
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /**
   * A driver for the virtio-blk device of drive number `drive`. Throws StorageError EBUSY while another has the device,
   * ConfigError for features that are not offered or when `buffers` has no room for the ring.
   */
  virtioBlk(drive = 0, options: VirtioBlkOptions = {}): VirtioBlkDevice {
    return new VirtioBlkDevice(this, drive, options);
  }

  /** Runs one event. False when the machine is idle. */
  step(): boolean {
    return this.core.call((exports) => exports.machineStep()) === 1;
  }

  /** Runs events until none is pending; returns how many. */
  run(): number {
    let total = 0;
    while (true) {
      const ran = this.core.call((exports) => exports.machineRun(1_000_000));
      total += ran;
      if (ran < 1_000_000) return total;
    }
  }

  /** Lets virtual time pass: `nanoseconds`, a whole number from 0 to 2^53. */
  advance(nanoseconds: number): void {
    const result = this.core.call((exports) => exports.machineAdvance(nanoseconds));
    if (result < 0) throw new ConfigError('nanoseconds', nanoseconds, 'a whole number from 0 to 2^53');
  }

  /**
   * Drops the clean pages of the cache that nobody uses, as `echo 1 > /proc/sys/vm/drop_caches` does; returns how many. Dirty
   * pages stay with their data: sync first to drop more.
   *
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0');
   * file.write(new Uint8Array(4096), 0);
   * file.read(4096, 4096);
   * console.log(machine.dropCaches()); // 1: the dirty page stays
   */
  dropCaches(): number {
    return this.core.call((exports) => exports.cacheDrop());
  }

  /** Holds back the completions of a drive until they are released (true), or stops holding and releases all (false). */
  holdCompletions(isHolding: boolean, drive = 0): void {
    check(
      'hold',
      this.core.call((exports) => exports.driveHoldCompletions(drive, isHolding ? 1 : 0)),
    );
  }

  /** How many completions a drive holds. */
  heldCompletions(drive = 0): number {
    return check(
      'held',
      this.core.call((exports) => exports.driveHeldCount(drive)),
    );
  }

  /** Lets the held completion number `index` (0 is the oldest) take effect, and runs what is due. */
  releaseCompletion(index = 0, drive = 0): void {
    check(
      'release',
      this.core.call((exports) => exports.driveReleaseCompletion(drive, index)),
    );
    this.core.call((exports) => exports.machineRunDue());
  }

  /** What a drive holds, oldest first: the number of each is its index for releaseCompletion. */
  heldRequests(drive = 0): HeldRequest[] {
    return readHeldRequests(this, drive);
  }

  /**
   * Releases held completions in an order of yours: indexes into heldRequests() as it is now, each once, some or all. Runs what is due
   * after each. Throws ConfigError for an index that is not there or given twice.
   *
   * @example
   * const machine = await Machine.create();
   * const device = machine.blockDevice();
   * machine.holdCompletions(true);
   * for (const sector of [0, 8, 16]) device.submit({ operation: 'write', sector, data: new Uint8Array(512), tag: sector });
   * machine.run();
   * machine.releaseCompletions([2, 0]);
   * console.log(device.reap().map(({ tag }) => tag), machine.heldRequests()[0].tag); // [ 16, 0 ] 8
   */
  releaseCompletions(order: readonly number[], drive = 0): void {
    const count = this.heldCompletions(drive);
    order.forEach((index, at) => {
      if (!Number.isInteger(index) || index < 0 || index >= count || order.indexOf(index) !== at)
        throw new ConfigError('order', index, `indexes from 0 to ${count - 1}, each once`);
    });
    order.forEach((index, at) => {
      const gone = order.slice(0, at).filter((earlier) => earlier < index).length;
      this.releaseCompletion(index - gone, drive);
    });
  }

  /**
   * Keeps requests from a drive (true): they wait in the block layer, where they merge and the scheduler sorts them; or sends
   * them on their way (false), in the scheduler's order, as far as the drive takes them.
   */
  holdDispatch(isHolding: boolean, drive = 0): void {
    check(
      'hold',
      this.core.call((exports) => exports.driveHoldDispatch(drive, isHolding ? 1 : 0)),
    );
  }

  /** Completed writes that a drive's volatile cache holds: what a power cut may lose. */
  volatileWrites(drive = 0): number {
    return check(
      'volatile',
      this.core.call((exports) => exports.driveVolatileCount(drive)),
    );
  }

  /**
   * The writes of a drive that a power cut may lose, in submission order. `tearing`: bytes of the unit that writes may tear in, as for
   * a crash; 0 (default): not at all. Throws StorageError ENODEV.
   */
  uncertainWrites(drive = 0, tearing: Size = 0): UncertainWrite[] {
    return uncertainWrites(this, drive, tearingUnit(tearing));
  }

  /**
   * Cuts the power and closes the machine. The page cache is gone; of the writes that no flush covers, `keep: 'none'`
   * (default) loses every one and `keep: 'all'` loses none. Returns how many writes each drive lost. The backings hold
   * what the media would: pass `image` or `memory(drive)` to the next machine. Throws ConfigError when the machine was
   * opened with `powerCuts: false` or `payload: 'none'`.
   */
  cutPower(options: { readonly keep?: 'none' | 'all' } = {}): number[] {
    const keep = options.keep ?? 'none';
    if (keep !== 'none' && keep !== 'all') throw new ConfigError('keep', keep, "'none' or 'all'");
    if (!this.#config.powerCuts)
      throw new ConfigError('powerCuts', false, 'true (the default with payload full) to cut the power');
    const lost = this.#config.drives.map((_, drive) =>
      this.#memories[drive] === undefined && !this.#imageFds.has(drive)
        ? 0
        : check(
            'cutPower',
            this.core.call((exports) =>
              exports.driveCutPower(drive, keep === 'all' ? CUT_ALL : CUT_NONE, 0, 0, 0, 0),
            ),
          ),
    );
    this.close();
    return lost;
  }

  /** What a drive without an image is kept in. Throws ConfigError for a drive with an image or one not used yet. */
  memory(drive = 0): SparseMemory {
    const memory = this.#memories[drive];
    if (memory === undefined) throw new ConfigError('drive', drive, 'a drive in memory that has been used');
    return memory;
  }

  /** Closes image files. Dirty pages are not written: sync first. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#writeLog?.close();
    for (const fd of this.#imageFds.values()) this.core.exports.imageClose(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openCore(core: Core, config: ResolvedConfig): void {
  const address = core.exports.configAddress();
  core.memory.bytes.set(configBytes(config), address);
  const result = core.call((exports) => exports.machineOpen());
  if (result === ENOMEM) {
    const needed = core.memory.u64(core.exports.rootAddress() + ROOT_MEMORY_BYTES);
    throw new ConfigError(
      'cache, buffers and limits together',
      formatSize(needed),
      'at most 4 GiB of memory',
    );
  }
  if (result !== 0) throw describeBadField(config, core.root(ROOT_BAD_FIELD), core.root(ROOT_BAD_INDEX));
}
