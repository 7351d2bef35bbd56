// Options → the config struct that the core reads at open.
//
// Verbs: resolveConfig (defaults and units), writeConfig (bytes), describeBadField (the core's refusal in words).
// The core checks every range; this file knows names, units and defaults only.

import {
  BAD_FIELD_DRIVES,
  BAD_FIELD_FILES,
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_UNSAFE,
  CACHE_MODE_WRITEBACK,
  CACHE_MODE_WRITETHROUGH,
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLOCK_SIZE,
  CONFIG_BLUESTORE_AIOS,
  CONFIG_BUFFER_BYTES,
  CONFIG_CACHE_PAGES,
  CONFIG_DRIVE_CHANNELS,
  CONFIG_DRIVE_COUNT,
  CONFIG_DRIVE_DMA_ALIGNMENT,
  CONFIG_DRIVE_FLAGS,
  CONFIG_DRIVE_LATENCY_DISCARD,
  CONFIG_DRIVE_LATENCY_FLUSH,
  CONFIG_DRIVE_LATENCY_READ,
  CONFIG_DRIVE_LATENCY_WRITE,
  CONFIG_DRIVE_LATENCY_WRITE_ZEROES,
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_QUEUE_DEPTH,
  CONFIG_DRIVE_SERIAL,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_SIZE_BYTES,
  CONFIG_DRIVE_VOLATILE_WRITES,
  CONFIG_EVICTION,
  CONFIG_FILE_CAPACITY_BYTES,
  CONFIG_FILE_COUNT,
  CONFIG_FILE_DRIVE,
  CONFIG_FILE_FLAGS,
  CONFIG_FILE_OFFSET_BYTES,
  CONFIG_FILE_SIZE,
  CONFIG_FILE_SIZE_BYTES,
  CONFIG_MAX_SECTORS,
  CONFIG_MAX_SEGMENTS,
  CONFIG_MERGE,
  CONFIG_OPERATIONS,
  CONFIG_PAYLOAD,
  CONFIG_RECORD_CAPACITY,
  CONFIG_RECORDING,
  CONFIG_REPLAY_BATCH,
  CONFIG_REPLAY_DATA_BYTES,
  CONFIG_REPLAY_RECORDS,
  CONFIG_REPLAY_SECTORS,
  CONFIG_SEED,
  CONFIG_SHARED_BYTES,
  CONFIG_SIZE,
  CONFIG_SPANS,
  CONFIG_USRBIO_CHUNK_BYTES,
  CONFIG_USRBIO_FLAGS,
  CONFIG_USRBIO_PARTS,
  CONFIG_VIRTIO_AIO_BATCH,
  CONFIG_VIRTIO_ALIGNMENT,
  CONFIG_VIRTIO_BLOCK_SIZE,
  CONFIG_VIRTIO_CACHE_MODE,
  CONFIG_VIRTIO_DEVICES,
  CONFIG_VIRTIO_ENGINE,
  CONFIG_VIRTIO_FLAGS,
  CONFIG_VIRTIO_MAX_TRANSFER,
  CONFIG_VIRTIO_QUEUES,
  CONFIG_VIRTIO_READ_ERROR,
  CONFIG_VIRTIO_REQUESTS,
  CONFIG_VIRTIO_WORKERS,
  CONFIG_VIRTIO_WRITE_ERROR,
  DRIVE_FLAG_READ_ONLY,
  DRIVE_FLAG_UNDO,
  DRIVE_MODEL_FIXED,
  DRIVE_MODEL_INSTANT,
  FILE_FLAG_EFBIG,
  USRBIO_FLAG_PRIORITY,
  USRBIO_FLAG_READ_ONLY,
  VIRTIO_FLAG_DETECT_UNMAP,
  VIRTIO_FLAG_DETECT_ZEROES,
  VIRTIO_FLAG_EMULATE_FUA,
  VIRTIO_FLAG_IGNORE_DISCARD,
} from '../../assembly/layout.ts';
import {
  DEFAULT_AIO_MAX_NR,
  DEFAULT_BIOS,
  DEFAULT_BLUESTORE_AIOS,
  DEFAULT_MAX_SECTORS,
  DEFAULT_MAX_SEGMENTS,
  DEFAULT_OPERATIONS,
  DEFAULT_QUEUE_DEPTH,
  DEFAULT_SPANS,
  DEFAULT_USRBIO_CHUNK_BYTES,
  DEFAULT_USRBIO_PARTS,
  DEFAULT_VIRTIO_REQUESTS,
  DEFAULT_VIRTIO_WORKERS,
  DEFAULT_VOLATILE_WRITES,
  LINUX_AIO_DEFAULT_BATCH,
  MAX_DRIVES,
  MAX_FILES,
  PAGE_SIZE,
  SECTOR_SIZE,
} from '../../assembly/limits.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import { ConfigError } from '../errors.ts';
import { parseSize } from './size.ts';

export type Size = number | bigint | string;
export type CacheMode = 'writeback' | 'none' | 'writethrough' | 'directsync' | 'unsafe';

/** One virtual disk. Everything has a default. */
export interface DriveConfig {
  /** Bytes, a multiple of 512 from 512 to 2^52. Default: the image's size, else 64 MiB. */
  readonly size?: Size;
  /** `instant` (default): no request takes time. `fixed`: each takes its latency on one of `channels`. */
  readonly model?: 'instant' | 'fixed';
  /** Requests that a `fixed` drive serves at once, 1 to 1,024. Default 1. */
  readonly channels?: number;
  /** Latency of a `fixed` drive in nanoseconds, one number or one for each operation. Default 100,000 (100 µs). */
  readonly latencyNs?:
    | number
    | Partial<Record<'read' | 'write' | 'discard' | 'writeZeroes' | 'flush', number>>;
  /** Requests the drive takes at once, 1 to 65,536. Default 256. */
  readonly queueDepth?: number;
  /** Completed writes that the volatile write cache holds, 0 to 1,048,576; 0: none, a completed write is durable. Default 4,096. */
  readonly volatileWrites?: number;
  /**
   * Alignment in bytes that direct I/O needs of a buffer's address, a power of two from 1 to 4,096; a buffer elsewhere is
   * EINVAL. Default 1, any address, as on a loop device; many disks want 512.
   */
  readonly dmaAlignment?: number;
  readonly readOnly?: boolean;
  /** Serial number that a guest reads: 1 to 20 printable ASCII characters. Default: sectorlab- and the drive's number in four digits. */
  readonly serial?: string;
  /** Path of an image file (Node only). Created unless readOnly. */
  readonly image?: string;
  /** Memory of an earlier machine, to reopen what it left. */
  readonly memory?: SparseMemory;
}

/** A named file that is one extent of a drive, with a size of its own. */
export interface FileConfig {
  readonly name: string;
  /** Number of the drive. Default 0. */
  readonly drive?: number;
  /** Where the extent begins on the drive, a multiple of blockSize. Default: behind the file before it. */
  readonly offset?: Size;
  /** Room for the file, a multiple of blockSize. */
  readonly capacity: Size;
  /** Its size at open, 0 to capacity. Default 0. */
  readonly size?: Size;
  /** What a write that begins behind the capacity answers: as a full file system (default), or as a limit of file size. */
  readonly atCapacity?: 'ENOSPC' | 'EFBIG';
}

/** What Machine.create takes. `{}` is a machine with one 64 MiB drive in memory and a 32 MiB page cache. */
export interface MachineConfig {
  readonly drives?: readonly DriveConfig[];
  readonly files?: readonly FileConfig[];
  /** Page cache, bytes, at least one page of 4,096 and at most 256 GiB. Default 32 MiB. */
  readonly cache?: Size;
  /** File-system block: 512, 1,024, 2,048 or 4,096 bytes. Default 4,096. */
  readonly blockSize?: number;
  readonly eviction?: 'lru';
  /** Merge requests, in the guest's device and in the block layer. Default true. */
  readonly merge?: boolean;
  /** `full` (default) moves bytes; `none` makes the same decisions without any. */
  readonly payload?: 'full' | 'none';
  /** Whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** Keep records from the start: true for a ring of 65,536, or its size (a power of two). Default false. */
  readonly records?: boolean | number;
  /** Keep what volatile writes replace, so that cutPower() can be played. Default: true with payload full, else false. */
  readonly powerCuts?: boolean;
  /** Bytes of memory for clients' buffers, rings and iocbs. Default 8 MiB. */
  readonly buffers?: Size;
  /** Bytes of memory that USRBIO buffers and rings are taken from, in whole pages. Default 8 MiB. */
  readonly sharedMemory?: Size;
  /** fs.aio-max-nr: events of all AIO contexts together. Default 65,536. */
  readonly aioMaxNr?: number;
  /** How the virtio devices use their drives. Default writeback. */
  readonly cacheMode?: CacheMode;
  /** The guests' disks and the block layer below them. */
  readonly virtio?: VirtioConfig;
  /** Bytes of one merged guest I/O; 0 is QEMU's default. */
  readonly maxTransfer?: number;
  /** The 3FS client and daemon. */
  readonly usrbio?: UsrbioConfig;
  /** Pools and limits; see assembly/limits.ts. */
  readonly limits?: Partial<
    Record<
      | 'operations'
      | 'bios'
      | 'spans'
      | 'maxSectors'
      | 'maxSegments'
      | 'virtioRequests'
      | 'bluestoreAios'
      | 'usrbioParts',
      number
    >
  >;
  /** Only for src/replay: makes room for the player. */
  readonly replay?: ReplayRoom;
}

/** What an error of the drive means for a guest: QEMU's names. `enospc`: stop for ENOSPC, report everything else. */
export type ErrorPolicy = 'report' | 'ignore' | 'stop' | 'enospc';

/** The virtio-blk devices (one for each drive) and QEMU's block layer below them; everything has a default. */
export interface VirtioConfig {
  /** Virtqueues of a device, 1 to 16. Default 1. */
  readonly queues?: number;
  /** logical_block_size that the guest sees, 512 to 4,096. Default 512. */
  readonly blockSize?: Size;
  /** request_alignment of the file: smaller or unaligned requests are read, modified and written. 512 (default) to 4,096. */
  readonly requestAlignment?: Size;
  /** rerror. Default report. */
  readonly readError?: ErrorPolicy;
  /** werror: of writes, flushes, discards and write-zeroes. Default enospc. */
  readonly writeError?: ErrorPolicy;
  /** `threads` (default) or `linux-aio`, which needs cache mode none or directsync. */
  readonly engine?: Engine;
  /** Threads of the pool, 1 to 1,024. Default 64. */
  readonly workers?: number;
  /** iocbs of one io_submit (aio-max-batch), 1 to 1,024. Default 32. */
  readonly aioBatch?: number;
  /** What becomes of a write of nothing but zeros. Default off. */
  readonly detectZeroes?: 'off' | 'on' | 'unmap';
  /** `ignore`: discards answer success and do nothing. Default unmap. */
  readonly discard?: 'unmap' | 'ignore';
  /** A write that must be durable: a FUA write (native, default), or a write and a flush. */
  readonly fua?: 'native' | 'flush';
}

/** How USRBIO behaves; everything has a default. */
export interface UsrbioConfig {
  /** Bytes of a file chunk, a multiple of 4,096 up to 1 GiB: requests are cut there, holes are whole chunks. Default 512 KiB. */
  readonly chunkSize?: Size;
  /** The daemon works on rings of high priority first (enable_priority of 3FS). Default false. */
  readonly priority?: boolean;
  /** The client is a read-only user: requests of write rings end with EROFS. Default false. */
  readonly readOnly?: boolean;
}

export interface ReplayRoom {
  readonly records: number;
  readonly batch: number;
  readonly sectors: number;
  readonly dataBytes: number;
}

const CACHE_MODES: Readonly<Record<CacheMode, number>> = {
  writeback: CACHE_MODE_WRITEBACK,
  none: CACHE_MODE_NONE,
  writethrough: CACHE_MODE_WRITETHROUGH,
  directsync: CACHE_MODE_DIRECTSYNC,
  unsafe: CACHE_MODE_UNSAFE,
};

export const CACHE_MODE_NAMES: readonly CacheMode[] = [
  'writeback',
  'none',
  'writethrough',
  'directsync',
  'unsafe',
];
export const DEFAULT_DRIVE_SIZE = 67108864;
export const DEFAULT_CACHE = 33554432;
const DEFAULT_LATENCY_NS = 100_000;
const DEFAULT_BUFFERS = 8388608;
const DEFAULT_SHARED = 8388608;
const DEFAULT_RECORDS = 65536;
const MAX_U32 = 0xffffffff;

/** A number for each u32 of the struct, and the drives and files likewise. */
export interface ResolvedConfig {
  readonly fields: ReadonlyMap<number, number>;
  readonly drives: readonly ResolvedDrive[];
  readonly files: readonly ResolvedFile[];
  readonly payload: 'full' | 'none';
  readonly powerCuts: boolean;
  readonly seed: number;
}

export interface ResolvedDrive {
  readonly size: number;
  readonly model: number;
  readonly channels: number;
  readonly latencies: readonly number[];
  readonly queueDepth: number;
  readonly volatileWrites: number;
  readonly flags: number;
  readonly dmaAlignment: number;
  readonly serial: string;
  readonly image: string | undefined;
  readonly memory: SparseMemory | undefined;
}

export interface ResolvedFile {
  readonly name: string;
  readonly drive: number;
  readonly offset: number;
  readonly capacity: number;
  readonly size: number;
  readonly flags: number;
}

/** A whole number in a u32, or a ConfigError. */
function whole(field: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 0 || value > MAX_U32)
    throw new ConfigError(field, value, 'a whole number from 0 to 4294967295');
  return value;
}

function oneOf<T extends string>(field: string, value: T | undefined, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  if (!allowed.includes(value)) throw new ConfigError(field, value, `one of ${allowed.join(', ')}`);
  return value;
}

function latencies(field: string, value: DriveConfig['latencyNs']): number[] {
  const names = ['read', 'write', 'discard', 'writeZeroes', 'flush'] as const;
  return names.map((name) => {
    const one =
      typeof value === 'object' ? (value[name] ?? DEFAULT_LATENCY_NS) : (value ?? DEFAULT_LATENCY_NS);
    if (!Number.isSafeInteger(one) || one < 0)
      throw new ConfigError(`${field}.${name}`, one, 'a whole number of nanoseconds, 0 or more');
    return one;
  });
}

/** What a guest reads as a serial number, or nothing for the machine's own. */
function serialNumber(field: string, value: string | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || !/^[\x20-\x7e]{1,20}$/.test(value))
    throw new ConfigError(field, value, '1 to 20 printable ASCII characters');
  return value;
}

function resolveDrive(
  drive: DriveConfig,
  index: number,
  hasUndo: boolean,
  imageSize: number | undefined,
): ResolvedDrive {
  const field = `drives[${index}]`;
  const model = oneOf(
    `${field}.model`,
    drive.model,
    ['instant', 'fixed'] as const,
    drive.latencyNs === undefined ? 'instant' : 'fixed',
  );
  const volatileWrites = whole(`${field}.volatileWrites`, drive.volatileWrites, DEFAULT_VOLATILE_WRITES);
  const isUndoing = hasUndo && volatileWrites > 0 && drive.readOnly !== true;
  if (drive.image !== undefined && drive.memory !== undefined)
    throw new ConfigError(`${field}.memory`, 'given', 'left out when image is given');
  const knownSize =
    imageSize !== undefined && imageSize > 0 ? Math.floor(imageSize / 512) * 512 : DEFAULT_DRIVE_SIZE;
  return {
    size:
      drive.size === undefined ? (drive.memory?.size ?? knownSize) : parseSize(drive.size, `${field}.size`),
    model: model === 'fixed' ? DRIVE_MODEL_FIXED : DRIVE_MODEL_INSTANT,
    channels: whole(`${field}.channels`, drive.channels, 1),
    latencies: latencies(`${field}.latencyNs`, drive.latencyNs),
    queueDepth: whole(`${field}.queueDepth`, drive.queueDepth, DEFAULT_QUEUE_DEPTH),
    volatileWrites,
    flags: (drive.readOnly === true ? DRIVE_FLAG_READ_ONLY : 0) | (isUndoing ? DRIVE_FLAG_UNDO : 0),
    dmaAlignment: whole(`${field}.dmaAlignment`, drive.dmaAlignment, 1),
    serial: serialNumber(`${field}.serial`, drive.serial),
    image: drive.image,
    memory: drive.memory,
  };
}

function resolveFiles(files: readonly FileConfig[], driveCount: number): ResolvedFile[] {
  const ends = new Map<number, number>();
  const names = new Set<string>();
  return files.map((file, index) => {
    const field = `files[${index}]`;
    if (
      typeof file.name !== 'string' ||
      file.name === '' ||
      names.has(file.name) ||
      /^drive\d+$/.test(file.name)
    ) {
      throw new ConfigError(
        `${field}.name`,
        file.name,
        "a name of its own that is not empty and not 'drive' with a number",
      );
    }
    names.add(file.name);
    const drive = whole(`${field}.drive`, file.drive, 0);
    if (drive >= driveCount)
      throw new ConfigError(`${field}.drive`, drive, `below the number of drives, ${driveCount}`);
    const offset =
      file.offset === undefined ? (ends.get(drive) ?? 0) : parseSize(file.offset, `${field}.offset`);
    const capacity = parseSize(file.capacity, `${field}.capacity`);
    ends.set(drive, offset + capacity);
    const atCapacity = oneOf(`${field}.atCapacity`, file.atCapacity, ['ENOSPC', 'EFBIG'] as const, 'ENOSPC');
    return {
      name: file.name,
      drive,
      offset,
      capacity,
      size: parseSize(file.size ?? 0, `${field}.size`),
      flags: atCapacity === 'EFBIG' ? FILE_FLAG_EFBIG : 0,
    };
  });
}

/** The core refuses a cache that is too large; a count that does not fit its field is refused here. */
function cachePages(bytes: number): number {
  const pages = Math.floor(bytes / PAGE_SIZE);
  const [name, limit] = FIELD_LIMITS.get(CONFIG_CACHE_PAGES) as readonly [string, string];
  if (pages > MAX_U32) throw new ConfigError(name, `${pages} pages`, limit);
  return pages;
}

/** The struct has a megabyte of memory to lie in, so more than the core could take is not even written there. */
function checkCounts(driveCount: number, fileCount: number): void {
  const fields = [
    [CONFIG_DRIVE_COUNT, driveCount, MAX_DRIVES],
    [CONFIG_FILE_COUNT, fileCount, MAX_FILES],
  ] as const;
  for (const [field, count, most] of fields) {
    const [name, limit] = FIELD_LIMITS.get(field) as readonly [string, string];
    if (count > most) throw new ConfigError(name, count, limit);
  }
}

/** `imageSizes`: bytes in each drive's image file, where there is one. Throws ConfigError. */
export function resolveConfig(
  config: MachineConfig,
  imageSizes: readonly (number | undefined)[] = [],
): ResolvedConfig {
  const payload = oneOf('payload', config.payload, ['full', 'none'] as const, 'full');
  oneOf('eviction', config.eviction, ['lru'] as const, 'lru');
  const powerCuts = config.powerCuts ?? payload === 'full';
  if (powerCuts && payload === 'none')
    throw new ConfigError('powerCuts', true, "false with payload 'none': a power cut needs bytes");
  checkCounts(config.drives?.length ?? 1, config.files?.length ?? 0);
  const drives = (config.drives ?? [{}]).map((drive, index) => {
    if (payload === 'none' && (drive.image !== undefined || drive.memory !== undefined)) {
      throw new ConfigError(
        `drives[${index}].${drive.image === undefined ? 'memory' : 'image'}`,
        'given',
        "left out with payload 'none': it holds no bytes",
      );
    }
    return resolveDrive(drive, index, powerCuts, imageSizes[index]);
  });
  const files = resolveFiles(config.files ?? [], drives.length);
  const cacheBytes = parseSize(config.cache ?? DEFAULT_CACHE, 'cache');
  const seed = whole('seed', config.seed, 1);
  const limits = config.limits ?? {};
  const replay = config.replay;
  const records =
    config.records === true
      ? DEFAULT_RECORDS
      : config.records === false
        ? 0
        : whole('records', config.records, 0);
  const fields = new Map<number, number>([
    [CONFIG_PAYLOAD, payload === 'full' ? 1 : 0],
    [CONFIG_RECORD_CAPACITY, records],
    [CONFIG_RECORDING, records > 0 ? 1 : 0],
    [CONFIG_SEED, seed],
    [CONFIG_CACHE_PAGES, cachePages(cacheBytes)],
    [CONFIG_BLOCK_SIZE, whole('blockSize', config.blockSize, PAGE_SIZE)],
    [CONFIG_EVICTION, 0],
    [CONFIG_MERGE, config.merge === false ? 0 : 1],
    [CONFIG_OPERATIONS, whole('limits.operations', limits.operations, DEFAULT_OPERATIONS)],
    [CONFIG_BIOS, whole('limits.bios', limits.bios, DEFAULT_BIOS)],
    [CONFIG_SPANS, whole('limits.spans', limits.spans, DEFAULT_SPANS)],
    [CONFIG_MAX_SECTORS, whole('limits.maxSectors', limits.maxSectors, DEFAULT_MAX_SECTORS)],
    [CONFIG_MAX_SEGMENTS, whole('limits.maxSegments', limits.maxSegments, DEFAULT_MAX_SEGMENTS)],
    [CONFIG_DRIVE_COUNT, drives.length],
    [CONFIG_FILE_COUNT, files.length],
    [
      CONFIG_BUFFER_BYTES,
      whole('buffers', parseSize(config.buffers ?? DEFAULT_BUFFERS, 'buffers'), DEFAULT_BUFFERS),
    ],
    [
      CONFIG_SHARED_BYTES,
      whole('sharedMemory', parseSize(config.sharedMemory ?? DEFAULT_SHARED, 'sharedMemory'), DEFAULT_SHARED),
    ],
    [CONFIG_AIO_MAX_NR, whole('aioMaxNr', config.aioMaxNr, DEFAULT_AIO_MAX_NR)],
    [CONFIG_BLUESTORE_AIOS, whole('limits.bluestoreAios', limits.bluestoreAios, DEFAULT_BLUESTORE_AIOS)],
    [CONFIG_VIRTIO_DEVICES, drives.length],
    [CONFIG_VIRTIO_REQUESTS, whole('limits.virtioRequests', limits.virtioRequests, DEFAULT_VIRTIO_REQUESTS)],
    [
      CONFIG_VIRTIO_CACHE_MODE,
      CACHE_MODES[oneOf('cacheMode', config.cacheMode, CACHE_MODE_NAMES, 'writeback')],
    ],
    ...virtioFields(config.virtio ?? {}),
    [CONFIG_VIRTIO_MAX_TRANSFER, whole('maxTransfer', config.maxTransfer, 0)],
    [
      CONFIG_USRBIO_CHUNK_BYTES,
      whole(
        'usrbio.chunkSize',
        parseSize(config.usrbio?.chunkSize ?? DEFAULT_USRBIO_CHUNK_BYTES, 'usrbio.chunkSize'),
        DEFAULT_USRBIO_CHUNK_BYTES,
      ),
    ],
    [
      CONFIG_USRBIO_FLAGS,
      (config.usrbio?.priority === true ? USRBIO_FLAG_PRIORITY : 0) |
        (config.usrbio?.readOnly === true ? USRBIO_FLAG_READ_ONLY : 0),
    ],
    [CONFIG_USRBIO_PARTS, whole('limits.usrbioParts', limits.usrbioParts, DEFAULT_USRBIO_PARTS)],
    [CONFIG_REPLAY_RECORDS, replay?.records ?? 0],
    [CONFIG_REPLAY_BATCH, replay?.batch ?? 0],
    [CONFIG_REPLAY_SECTORS, replay?.sectors ?? 0],
    [CONFIG_REPLAY_DATA_BYTES, replay?.dataBytes ?? 0],
  ]);
  return { fields, drives, files, payload, powerCuts, seed };
}

const ERROR_POLICIES = ['report', 'ignore', 'stop', 'enospc'] as const;
/** How QEMU's block layer reads and writes a file. */
export const ENGINES = ['threads', 'linux-aio'] as const;
export type Engine = (typeof ENGINES)[number];

function virtioFields(virtio: VirtioConfig): [number, number][] {
  const size = (field: string, value: Size | undefined): number =>
    whole(field, value === undefined ? undefined : parseSize(value, field), SECTOR_SIZE);
  const policy = (field: string, value: ErrorPolicy | undefined, fallback: ErrorPolicy): number =>
    ERROR_POLICIES.indexOf(oneOf(field, value, ERROR_POLICIES, fallback));
  const zeroes = oneOf('virtio.detectZeroes', virtio.detectZeroes, ['off', 'on', 'unmap'] as const, 'off');
  const discard = oneOf('virtio.discard', virtio.discard, ['unmap', 'ignore'] as const, 'unmap');
  const fua = oneOf('virtio.fua', virtio.fua, ['native', 'flush'] as const, 'native');
  return [
    [CONFIG_VIRTIO_QUEUES, whole('virtio.queues', virtio.queues, 1)],
    [CONFIG_VIRTIO_BLOCK_SIZE, size('virtio.blockSize', virtio.blockSize)],
    [CONFIG_VIRTIO_ALIGNMENT, size('virtio.requestAlignment', virtio.requestAlignment)],
    [CONFIG_VIRTIO_READ_ERROR, policy('virtio.readError', virtio.readError, 'report')],
    [CONFIG_VIRTIO_WRITE_ERROR, policy('virtio.writeError', virtio.writeError, 'enospc')],
    [CONFIG_VIRTIO_ENGINE, ENGINES.indexOf(oneOf('virtio.engine', virtio.engine, ENGINES, 'threads'))],
    [CONFIG_VIRTIO_WORKERS, whole('virtio.workers', virtio.workers, DEFAULT_VIRTIO_WORKERS)],
    [CONFIG_VIRTIO_AIO_BATCH, whole('virtio.aioBatch', virtio.aioBatch, LINUX_AIO_DEFAULT_BATCH)],
    [
      CONFIG_VIRTIO_FLAGS,
      (zeroes === 'off' ? 0 : VIRTIO_FLAG_DETECT_ZEROES) |
        (zeroes === 'unmap' ? VIRTIO_FLAG_DETECT_UNMAP : 0) |
        (discard === 'ignore' ? VIRTIO_FLAG_IGNORE_DISCARD : 0) |
        (fua === 'flush' ? VIRTIO_FLAG_EMULATE_FUA : 0),
    ],
  ];
}

function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 4294967296, true);
  view.setUint32(offset + 4, Math.floor(value / 4294967296), true);
}

/** Bytes of the struct with its drives and files. */
export function configBytes(config: ResolvedConfig): Uint8Array {
  const bytes = new Uint8Array(
    CONFIG_SIZE + config.drives.length * CONFIG_DRIVE_SIZE + config.files.length * CONFIG_FILE_SIZE,
  );
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of config.fields) view.setUint32(offset, value, true);
  const latencyOffsets = [
    CONFIG_DRIVE_LATENCY_READ,
    CONFIG_DRIVE_LATENCY_WRITE,
    CONFIG_DRIVE_LATENCY_DISCARD,
    CONFIG_DRIVE_LATENCY_WRITE_ZEROES,
    CONFIG_DRIVE_LATENCY_FLUSH,
  ];
  config.drives.forEach((drive, index) => {
    const base = CONFIG_SIZE + index * CONFIG_DRIVE_SIZE;
    setU64(view, base + CONFIG_DRIVE_SIZE_BYTES, drive.size);
    latencyOffsets.forEach((offset, operation) => {
      setU64(view, base + offset, drive.latencies[operation] ?? 0);
    });
    view.setUint32(base + CONFIG_DRIVE_MODEL, drive.model, true);
    view.setUint32(base + CONFIG_DRIVE_CHANNELS, drive.channels, true);
    view.setUint32(base + CONFIG_DRIVE_QUEUE_DEPTH, drive.queueDepth, true);
    view.setUint32(base + CONFIG_DRIVE_VOLATILE_WRITES, drive.volatileWrites, true);
    view.setUint32(base + CONFIG_DRIVE_FLAGS, drive.flags, true);
    view.setUint32(base + CONFIG_DRIVE_DMA_ALIGNMENT, drive.dmaAlignment, true);
    bytes.set(new TextEncoder().encode(drive.serial), base + CONFIG_DRIVE_SERIAL);
  });
  config.files.forEach((file, index) => {
    const base = CONFIG_SIZE + config.drives.length * CONFIG_DRIVE_SIZE + index * CONFIG_FILE_SIZE;
    setU64(view, base + CONFIG_FILE_OFFSET_BYTES, file.offset);
    setU64(view, base + CONFIG_FILE_CAPACITY_BYTES, file.capacity);
    setU64(view, base + CONFIG_FILE_SIZE_BYTES, file.size);
    view.setUint32(base + CONFIG_FILE_DRIVE, file.drive, true);
    view.setUint32(base + CONFIG_FILE_FLAGS, file.flags, true);
  });
  return bytes;
}

const FIELD_LIMITS: ReadonlyMap<number, readonly [name: string, limit: string]> = new Map([
  [CONFIG_RECORD_CAPACITY, ['records', 'a power of two']],
  [CONFIG_CACHE_PAGES, ['cache', 'from 4096 bytes (one page) to 256 GiB']],
  [CONFIG_BLOCK_SIZE, ['blockSize', '512, 1024, 2048 or 4096']],
  [CONFIG_OPERATIONS, ['limits.operations', 'from 1 to 65536']],
  [CONFIG_BIOS, ['limits.bios', 'from 4 to 1048576']],
  [CONFIG_SPANS, ['limits.spans', 'from 2048 to 16777216']],
  [CONFIG_MAX_SECTORS, ['limits.maxSectors', 'from 8 to 4194303']],
  [CONFIG_MAX_SEGMENTS, ['limits.maxSegments', 'from 1 to 1024']],
  [CONFIG_DRIVE_COUNT, ['drives', 'from 1 to 4096 drives']],
  [CONFIG_FILE_COUNT, ['files', 'at most 4096 drives and files together']],
  [CONFIG_AIO_MAX_NR, ['aioMaxNr', 'from 0 to 4194304']],
  [CONFIG_USRBIO_PARTS, ['limits.usrbioParts', 'from 1 to 65536']],
  [CONFIG_USRBIO_CHUNK_BYTES, ['usrbio.chunkSize', 'a multiple of 4096 from 4096 to 1 GiB']],
  [CONFIG_BLUESTORE_AIOS, ['limits.bluestoreAios', 'from 0 to 65536']],
  [CONFIG_VIRTIO_QUEUES, ['virtio.queues', 'from 1 to 16']],
  [CONFIG_VIRTIO_BLOCK_SIZE, ['virtio.blockSize', '512, 1024, 2048 or 4096']],
  [CONFIG_VIRTIO_ALIGNMENT, ['virtio.requestAlignment', '512, 1024, 2048 or 4096']],
  [CONFIG_VIRTIO_MAX_TRANSFER, ['maxTransfer', '0, or from virtio.requestAlignment to 2147483136']],
  [CONFIG_VIRTIO_ENGINE, ['virtio.engine', "0 ('threads') unless cacheMode is 'none' or 'directsync'"]],
  [CONFIG_VIRTIO_WORKERS, ['virtio.workers', 'from 1 to 1024']],
  [CONFIG_VIRTIO_AIO_BATCH, ['virtio.aioBatch', 'from 1 to 1024']],
  [CONFIG_VIRTIO_REQUESTS, ['limits.virtioRequests', 'from 0 to 65536']],
  [CONFIG_REPLAY_BATCH, ['batch', 'from 1 to 256']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_SIZE_BYTES, ['size', 'a multiple of 512 from 512 to 2^52 bytes']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_CHANNELS, ['channels', 'from 1 to 1024']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_QUEUE_DEPTH, ['queueDepth', 'from 1 to 65536']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_VOLATILE_WRITES, ['volatileWrites', 'from 0 to 1048576']],
  [BAD_FIELD_FILES + CONFIG_FILE_OFFSET_BYTES, ['offset', 'a multiple of blockSize inside the drive']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_DMA_ALIGNMENT, ['dmaAlignment', 'a power of two from 1 to 4096']],
  [
    BAD_FIELD_FILES + CONFIG_FILE_CAPACITY_BYTES,
    ['capacity', 'a multiple of blockSize that fits behind offset on the drive'],
  ],
  [BAD_FIELD_FILES + CONFIG_FILE_SIZE_BYTES, ['size', 'from 0 to capacity']],
]);

/** The core refused a field: says which, its value and its limit. `badField` and `badIndex` as the root holds them. */
export function describeBadField(config: ResolvedConfig, badField: number, badIndex: number): ConfigError {
  const [name, limit] = FIELD_LIMITS.get(badField) ?? [`field ${badField}`, 'in its range'];
  const view = new DataView(configBytes(config).buffer);
  const isDrive = badField >= BAD_FIELD_DRIVES && badField < BAD_FIELD_FILES;
  if (badField < BAD_FIELD_DRIVES) {
    const value =
      badField === CONFIG_CACHE_PAGES
        ? `${view.getUint32(badField, true)} pages`
        : view.getUint32(badField, true);
    return new ConfigError(name, value, limit);
  }
  const value = isDrive
    ? {
        size: config.drives[badIndex]?.size,
        channels: config.drives[badIndex]?.channels,
        queueDepth: config.drives[badIndex]?.queueDepth,
        volatileWrites: config.drives[badIndex]?.volatileWrites,
        dmaAlignment: config.drives[badIndex]?.dmaAlignment,
      }[name]
    : {
        offset: config.files[badIndex]?.offset,
        capacity: config.files[badIndex]?.capacity,
        size: config.files[badIndex]?.size,
      }[name];
  return new ConfigError(`${isDrive ? 'drives' : 'files'}[${badIndex}].${name}`, value, limit);
}
