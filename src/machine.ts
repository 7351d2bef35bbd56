// The machine: a whole block-I/O path with its drives, opened from options.
//
// Verbs: open files, the volume's files (fs), run and step virtual time, hold and release completions, cut the power, read counters and records.
// It holds no storage logic: every decision is the core's. Calls are synchronous, opening is not.

import {
  CONFIG_CACHE_PAGES,
  COUNTER_STEPS,
  CUT_ALL,
  CUT_NONE,
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
import type { CallWatcher } from './core/call-watcher.ts';
import { resolveConfig } from './core/config.ts';
import { configBytes, describeBadField, type ResolvedConfig } from './core/config-struct.ts';
import { Core } from './core/core.ts';
import { sendTiming } from './core/drive-timing.ts';
import type { MachineConfig, Size, VolumeConfig } from './core/options.ts';
import type { DrivePromise } from './core/promises.ts';
import { RegisteredBuffer } from './core/registered-buffer.ts';
import { formatSize } from './core/size.ts';
import { saveMap, Timeline } from './core/timeline.ts';
import { type Counters, readCounters } from './counters.ts';
import {
  type CrashKind,
  type CrashOptions,
  cutDrives,
  readCut,
  takeDrives,
  withoutFormat,
} from './crash-kinds.ts';
import { DriveBackings } from './drive-backings.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import { Eventfd, type EventfdOptions } from './eventfd.ts';
import { Faults } from './faults.ts';
import { OpenFile, type OpenOptions, openFlags } from './files.ts';
import { FileSystem } from './fs/file-system.ts';
import { mountVolume } from './fs/mount.ts';
import type { VolumeFile } from './fs/volume-file.ts';
import { type HeldRequest, readHeldRequests } from './held-requests.ts';
import { KernelDevice, type KernelDeviceOptions } from './kernel-device.ts';
import type { ImageFile, OpenedImages, Platform } from './platform.ts';
import { RecordReader } from './records.ts';
import { Snapshot } from './snapshot.ts';
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
const EBADF = -9;
const EDEADLK = -35;
const MAX_DRIVES_AT_ONCE = 64;

/** A running machine. Make one with `Machine.create` of the package entry. */
export class Machine implements Disposable {
  readonly core: Core;
  readonly buffers: BufferArena;
  readonly records: RecordReader;
  /** @internal Is told of calls that change files or drives. */
  watcher: CallWatcher | undefined;
  /** @internal What the host's objects know, for snapshots. */
  readonly timeline = new Timeline();
  readonly #options: MachineConfig;
  readonly #config: ResolvedConfig;
  readonly #host: MemoryHost;
  readonly #images: (ImageFile | undefined)[];
  readonly #backings: DriveBackings;
  readonly #blockDevices = new Map<number, BlockDevice>();
  #blockPort: BlockPort | undefined;
  #usrbio: UsrbioClient | undefined;
  #faults: Faults | undefined;
  #fs: FileSystem | undefined;
  #writeLog: MachineLog | undefined;
  #isClosed = false;
  /** Held only while somebody else does: later ones share its pages. */
  #lastSnapshot: WeakRef<Snapshot> | undefined;

  protected constructor(
    core: Core,
    host: MemoryHost,
    options: MachineConfig,
    config: ResolvedConfig,
    images: (ImageFile | undefined)[],
  ) {
    this.core = core;
    this.#host = host;
    this.#options = options;
    this.#config = config;
    this.#images = images;
    this.buffers = new BufferArena(core.root(ROOT_BUFFERS), core.root(ROOT_BUFFER_BYTES));
    this.records = new RecordReader(core);
    this.#backings = new DriveBackings(
      { core, host, buffers: this.buffers },
      config.drives,
      images,
      config.payload === 'full',
    );
    this.timeline.keep(this.buffers, () => this.buffers.save());
    this.timeline.keep(this.records, () => this.records.save());
    this.timeline.keep(this, () => this.#saveFields());
  }

  /**
   * Opens a machine. Throws ConfigError for an option out of its range (naming field, value and limit), StorageError
   * for an image that can not be opened, VolumeError for a volume that can not be mounted.
   */
  static async open(platform: Platform, options: MachineConfig = {}): Promise<Machine> {
    const machine = await Machine.prepare(platform, options);
    machine.#mountIfAsked(options.volume);
    return machine;
  }

  /** @internal As open, but the volume is not mounted yet: `mountOn` does. */
  static async prepare(platform: Platform, options: MachineConfig): Promise<Machine> {
    const withImages = (options.drives ?? []).filter(({ image }) => image !== undefined);
    const paths = withImages.map(({ image }) => image as string);
    const logPath = typeof options.writeLog === 'object' ? options.writeLog.path : undefined;
    if (logPath !== undefined) paths.push(logPath);
    if (paths.length === 0) return Machine.#prepareOver(platform, options, { host: shimHost(), images: [] });
    const isReadOnly = withImages.map((drive) => drive.readOnly === true);
    const opened = await platform.openImages(paths, isReadOnly);
    try {
      return await Machine.#prepareOver(platform, options, opened);
    } catch (error) {
      opened.host.release?.();
      throw error;
    }
  }

  static async #prepareOver(
    platform: Platform,
    options: MachineConfig,
    opened: OpenedImages,
  ): Promise<Machine> {
    const logPath = typeof options.writeLog === 'object' ? options.writeLog.path : undefined;
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
    const machine = Machine.#opened(core, host, options, config, images);
    if (options.writeLog) machine.#startLog(logImage, logPath ?? '');
    machine.#backings.attachLayers(undefined);
    machine.#addFaults();
    // drives of a small machine are attached at once; of a large one, when first used
    if (config.drives.length <= MAX_DRIVES_AT_ONCE) machine.#attachAll();
    if (mountedVolume(options.volume) !== undefined) machine.#fs = new FileSystem(machine);
    return machine;
  }

  /**
   * @internal Begins anew over another content of drive 0: `prepared` is a snapshot of this machine as `prepare` gave it. Nothing of what
   * happened since is left. Throws as open does for a volume.
   */
  mountOn(prepared: Snapshot, memory: SparseMemory): void {
    this.restore(prepared);
    this.memory(0).become(memory);
    this.#mountIfAsked(withoutFormat(this.#options.volume));
  }

  static #opened(
    core: Core,
    host: MemoryHost,
    options: MachineConfig,
    config: ResolvedConfig,
    images: (ImageFile | undefined)[],
  ): Machine {
    core.seed = config.seed;
    openCore(core, config);
    const machine = new Machine(core, host, options, config, images);
    sendTiming(core, machine.buffers, config.drives);
    return machine;
  }

  #startLog(image: ImageFile | undefined, path: string): void {
    const memory = image === undefined ? new SparseMemory() : undefined;
    const fd =
      image === undefined
        ? this.#host.add(memory as SparseMemory)
        : this.#backings.openFile(image, path, false);
    this.#writeLog = MachineLog.attach(this.core, this.buffers, fd, memory);
  }

  /** The rules of the drives' options. */
  #addFaults(): void {
    this.#options.drives?.forEach((drive, index) => {
      drive.faults?.forEach((rule, number) => {
        this.faults.addTo(index, rule, `drives[${index}].faults[${number}]`);
      });
    });
  }

  /** Mounts the volume if the options ask for it, or closes what was opened before. */
  #mountIfAsked(option: MachineConfig['volume']): void {
    const volume = mountedVolume(option);
    if (volume === undefined) return;
    try {
      this.attachDrive(volume.drive ?? 0);
      mountVolume(this, volume.format === true);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#fs ??= new FileSystem(this);
  }

  /** Attaches every drive, or closes what was opened before the one that fails. */
  #attachAll(): void {
    try {
      this.#backings.attachAll();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Gives drive number `drive` its backing if it has none yet: its image, the memory it was given, or new sparse memory. */
  attachDrive(drive: number): void {
    this.#backings.attach(drive);
  }

  /** True when a drive's image held bytes before this machine opened it. */
  heldData(drive: number): boolean {
    return this.#backings.heldData(drive);
  }

  /** Number of drives. Files number them first: drive n is file n. */
  get driveCount(): number {
    return this.#config.drives.length;
  }

  /** Virtual time since the machine opened, in nanoseconds. */
  get nowNs(): number {
    return this.core.memory.u64(this.core.exports.rootAddress() + ROOT_NOW);
  }

  /** Events that have run since the machine opened: step() runs one. */
  get stepCount(): number {
    return this.core.counter(COUNTER_STEPS);
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

  /** Number that records have for a file of the volume, by its inode number: they come behind drives and flat files. */
  volumeFileNumber(inode: number): number {
    return this.driveCount + this.#config.files.length + inode;
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
    return Eventfd.create(this, options);
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

  get #volumeDrive(): number {
    const { volume } = this.#options;
    return typeof volume === 'object' ? (volume.drive ?? 0) : 0;
  }

  /** What a drive, by default the volume's, promises about a power cut: its option. */
  promises(drive = this.#volumeDrive): readonly DrivePromise[] {
    return this.#options.drives?.[drive]?.promises ?? [];
  }

  /** The faults of the drives: rules, damage, late requests. */
  get faults(): Faults {
    this.#faults ??= new Faults(this, {
      driveBytes: (drive) => this.#config.drives[drive]?.size,
      fileRange: (name) => {
        const file = this.#config.files.find((one) => one.name === name);
        return file && { drive: file.drive, offset: file.offset, length: file.capacity };
      },
      volume: () => this.#fs && { fs: this.#fs, drive: this.#volumeDrive },
    });
    return this.#faults;
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

  /**
   * Runs one event that is due by `timeNs` (absolute virtual time, a whole number from 0 to 2^53), one of the flusher's clock included. False
   * when there is none: then it is that time.
   *
   * @example
   * const machine = await Machine.create({ drives: [{ latencyNs: 1000 }] });
   * machine.blockDevice().submit({ operation: 'read', sectorCount: 8 });
   * while (machine.stepUntil(500));
   * console.log(machine.nowNs, machine.blockDevice().reap().length); // 500 0
   */
  stepUntil(timeNs: number): boolean {
    const result = this.core.call((exports) => exports.machineStepUntil(timeNs));
    if (result < 0) throw new ConfigError('timeNs', timeNs, 'a whole number from 0 to 2^53');
    return result === 1;
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
      !this.#backings.isAttached(drive)
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
    return this.#backings.memory(drive);
  }

  #saveFields(): () => void {
    const usrbio = this.#usrbio;
    const fs = this.#fs;
    const blockPort = this.#blockPort;
    const devices = saveMap(this.#blockDevices);
    return () => {
      this.#usrbio = usrbio;
      this.#fs = fs;
      this.#blockPort = blockPort;
      devices();
      this.#isClosed = false;
    };
  }

  /** A machine whose state can be taken: open, with every drive attached and every file within reach. */
  #checkWhole(call: string): void {
    if (this.#isClosed) throw new StorageError(call, EBADF, { hint: 'the machine is closed' });
    this.core.checkAlive();
    this.#attachAll();
    this.#backings.checkReach(call);
  }

  /**
   * The whole machine as it is now: memory, drives, and what open files, rings and buffers know. It costs what has changed since the
   * snapshot before, if that is still held, and a look at all memory. An image file is not copied: while snapshots and clones are
   * held, what the machine overwrites in it is kept for them first, and nothing else may write to it.
   *
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0');
   * file.write(new TextEncoder().encode('Ada owes 10'), 0);
   * const before = machine.snapshot();
   * file.write(new TextEncoder().encode('Ada owes 99'), 0);
   * machine.restore(before);
   * console.log(new TextDecoder().decode(file.read(11, 0))); // Ada owes 10
   */
  snapshot(): Snapshot {
    this.#checkWhole('snapshot');
    const host = { files: this.#host.save(), stores: this.#host.files, timeline: this.timeline.save() };
    const snapshot = new Snapshot(this, this.core.memory, host, this.nowNs, this.#lastSnapshot?.deref());
    this.#lastSnapshot = new WeakRef(snapshot);
    return snapshot;
  }

  /**
   * Puts the machine back to a snapshot of it, as often as one likes, forward and backward: the same calls then have the same
   * results. Objects made before the snapshot go back with it, closed ones are open again; what was made after it throws
   * StorageError ESTALE when it is used, and memory allocated after it must not be used. A trap is undone, and so is a power
   * cut or a close, unless files were closed. What lies outside the machine stays as it is: adapters' own tables, a guest in an emulator, memory of
   * a C program. Throws ConfigError for a snapshot of another machine, StorageError when an image can not be written.
   */
  restore(snapshot: Snapshot): void {
    if (snapshot.owner !== this)
      throw new ConfigError('snapshot', 'of another machine', 'one of this machine');
    if (this.#isClosed && this.#backings.hasFiles)
      throw new StorageError('restore', EBADF, { hint: 'the machine and its files are closed' });
    this.#host.restore(snapshot.host.files, snapshot.host.stores);
    snapshot.load(this.core.memory);
    this.core.revive();
    this.timeline.restore(snapshot.host.timeline);
    this.#lastSnapshot = new WeakRef(snapshot);
  }

  /**
   * A machine of its own that goes on from here: what one does, the other does not see. Its drives are in memory, over what they share. It has
   * the descriptors of this machine: `twin` gives the objects for them. Throws RangeError on the main thread of a browser that
   * does not instantiate modules of this size there at once.
   *
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0');
   * const other = machine.clone();
   * other.twin(file).write(new Uint8Array([1]), 0);
   * console.log(file.read(1, 0)[0], other.twin(file).read(1, 0)[0]); // 0 1
   */
  clone(): Machine {
    const clone = this.#branch(this.snapshot());
    clone.buffers.take(this.buffers);
    clone.records.follow(this.records);
    clone.#fs = this.#fs?.twin(clone);
    return clone;
  }

  /** The object of this machine for the same descriptor or memory as one of the machine that it was cloned from. */
  twin<T extends OpenFile | VolumeFile | Eventfd | RegisteredBuffer>(object: T): T {
    return object.twin(this) as T;
  }

  /** A new instance with a snapshot's memory and files; the host's objects are not there. */
  #branch(snapshot: Snapshot): Machine {
    const host = MemoryHost.branch(snapshot.host.files);
    const core = Core.start(this.core.module, host);
    snapshot.load(core.memory);
    core.seed = this.core.seed;
    const machine = new Machine(core, host, this.#options, this.#config, this.#images);
    machine.#backings.follow(this.#backings);
    machine.#lastSnapshot = new WeakRef(snapshot);
    if (this.#writeLog !== undefined)
      machine.#writeLog = this.#writeLog.twin(core, machine.buffers, host.files);
    return machine;
  }

  /**
   * What is left after a crash: a new machine with the same options, over what the drives of this one hold; this one goes on
   * unharmed. After `'process'` (or a guest, killed) page cache and drives live on, descriptors and rings are gone. After `'os'` the page cache
   * is lost, and what waited in the block layer; all that the drives had taken is theirs, still in volatile caches. After `'power'` the
   * caches are empty, and `choose` says which of the uncertain writes reached the media. Its drives are in memory, over what they share
   * with this machine's: image files stay as they are. A volume is mounted, its journal replayed.
   *
   * The drive knows writes, not files: on a volume with a profile a flush covers everything, and `choose` may keep a write without one
   * that its profile puts before it (`explore` and CrashExplorer know both).
   *
   * Throws ConfigError with `payload: 'none'`, for power loss with `powerCuts: false`, and for a mask of another length;
   * VolumeError for a volume that can not be mounted; RangeError as clone.
   *
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0', { direct: true });
   * file.write(new Uint8Array(512).fill(1), 0);
   * file.write(new Uint8Array(512).fill(2), 512);
   * for (const kept of [0b00n, 0b01n, 0b10n, 0b11n]) {
   *   const after = machine.crash('power', { choose: kept });
   *   console.log(...after.openFile('drive0').read(1024, 0).filter((_, at) => at % 512 === 0)); // 0 0, 1 0, 0 2, 1 2
   * }
   */
  crash(kind: CrashKind, options: CrashOptions = {}): Machine {
    const machine = this.crashUnmounted(kind, options);
    if (kind !== 'process') machine.#mountIfAsked(withoutFormat(this.#options.volume));
    return machine;
  }

  /** @internal As crash, but a volume is not mounted yet: `beginMount` and step() do that. A killed process leaves it mounted. */
  crashUnmounted(kind: CrashKind, options: CrashOptions = {}): Machine {
    if (this.#config.payload === 'none')
      throw new ConfigError('payload', 'none', "'full': what is left after a crash is bytes");
    if (kind === 'process') return this.#killed();
    if (kind !== 'os' && kind !== 'power') throw new ConfigError('kind', kind, "'process', 'os' or 'power'");
    if (kind === 'power' && !this.#config.powerCuts)
      throw new ConfigError('powerCuts', false, 'true (the default with payload full) to cut the power');
    this.#checkWhole('crash');
    const cut = kind === 'power' ? readCut(this, options) : undefined;
    const machine = this.#reopened();
    takeDrives(machine.core, this.core, cut === undefined);
    if (cut !== undefined) cutDrives(machine, cut);
    return machine;
  }

  /**
   * @internal Begins to mount the volume that the options ask for, and lets step() go on with it: its first request is kept from the drive
   * until the call has given up waiting. Whoever steps to the end has it mounted, if it can be. `fs` is there at once. Throws StorageError.
   */
  beginMount(): void {
    const volume = mountedVolume(this.#options.volume);
    if (volume === undefined) return;
    const drive = volume.drive ?? 0;
    this.attachDrive(drive);
    this.holdDispatch(true, drive);
    const result = this.core.call((exports) => exports.volumeMount());
    this.holdDispatch(false, drive);
    if (result !== EDEADLK) check('mount', result);
    this.#fs ??= new FileSystem(this);
  }

  /** A clone whose client was killed: it has a client of its own, which has nothing yet. */
  #killed(): Machine {
    const machine = this.#branch(this.snapshot());
    check(
      'kill',
      machine.core.call((exports) => exports.processKill()),
    );
    if (this.#fs !== undefined) machine.#fs = new FileSystem(machine);
    return machine;
  }

  /** A fresh machine with the same options, before its volume is mounted, over forks of the backings. */
  #reopened(): Machine {
    const left = this.#backings.leave();
    const host = new MemoryHost();
    const core = Core.start(this.core.module, host);
    const machine = Machine.#opened(
      core,
      host,
      this.#options,
      { ...this.#config, drives: left.drives },
      this.#images,
    );
    machine.#backings.attachLeft(left);
    if (this.#writeLog !== undefined) machine.#startLog(undefined, '');
    machine.#attachAll();
    return machine;
  }

  /** Closes image files. Dirty pages are not written: sync first. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#writeLog?.close();
    this.#backings.closeImages();
    this.#host.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What to mount the volume with, if it is to be mounted. */
function mountedVolume(option: MachineConfig['volume']): VolumeConfig | undefined {
  const volume = option === true ? {} : option;
  return volume && volume.mount !== false ? volume : undefined;
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
