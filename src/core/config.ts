// Options → numbers: defaults and units. The core checks every range; this file knows names, units and defaults only.
// Verbs: resolveConfig.

import {
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_UNSAFE,
  CACHE_MODE_WRITEBACK,
  CACHE_MODE_WRITETHROUGH,
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLUESTORE_AIOS,
  CONFIG_BUFFER_BYTES,
  CONFIG_CACHE_PAGES,
  CONFIG_DRIVE_COUNT,
  CONFIG_FILE_COUNT,
  CONFIG_LOG_BUFFER_BYTES,
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
  CONFIG_REPLAY_SLOTS,
  CONFIG_REPLAY_SPEEDUP,
  CONFIG_REPLAY_TIMING,
  CONFIG_SEED,
  CONFIG_SHARED_BYTES,
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
  DRIVE_FLAG_LOGGED,
  FILE_FLAG_EFBIG,
  REPLAY_TIMING_CLOSED,
  REPLAY_TIMING_TRACE,
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
  DEFAULT_LOG_BUFFER_BYTES,
  DEFAULT_MAX_SECTORS,
  DEFAULT_MAX_SEGMENTS,
  DEFAULT_OPERATIONS,
  DEFAULT_SPANS,
  DEFAULT_USRBIO_CHUNK_BYTES,
  DEFAULT_USRBIO_PARTS,
  DEFAULT_VIRTIO_REQUESTS,
  DEFAULT_VIRTIO_WORKERS,
  LINUX_AIO_DEFAULT_BATCH,
  MAX_DRIVES,
  MAX_FILES,
  PAGE_SIZE,
  SECTOR_SIZE,
} from '../../assembly/limits.ts';
import { ConfigError } from '../errors.ts';
import { cacheFields, volumeFields } from './cache-config.ts';
import { FIELD_LIMITS, type ResolvedConfig, type ResolvedFile } from './config-struct.ts';
import { MAX_U32, oneOf, whole } from './config-values.ts';
import { driveFields, resolveDrive } from './drive-config.ts';
import { timingFields } from './drive-timing.ts';
import {
  CACHE_MODE_NAMES,
  type CacheMode,
  ENGINES,
  type ErrorPolicy,
  type FileConfig,
  type MachineConfig,
  type ReplayTiming,
  type Size,
  type VirtioConfig,
} from './options.ts';
import { parseSize } from './size.ts';

const CACHE_MODES: Readonly<Record<CacheMode, number>> = {
  writeback: CACHE_MODE_WRITEBACK,
  none: CACHE_MODE_NONE,
  writethrough: CACHE_MODE_WRITETHROUGH,
  directsync: CACHE_MODE_DIRECTSYNC,
  unsafe: CACHE_MODE_UNSAFE,
};
export const DEFAULT_CACHE = 33554432;
const DEFAULT_BUFFERS = 8388608;
const DEFAULT_SHARED = 8388608;
const DEFAULT_RECORDS = 65536;
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

/** The struct has two megabytes of memory to lie in, so more than the core could take is not even written there. */
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
  const powerCuts = config.powerCuts ?? payload === 'full';
  if (powerCuts && payload === 'none')
    throw new ConfigError('powerCuts', true, "false with payload 'none': a power cut needs bytes");
  checkCounts(config.drives?.length ?? 1, config.files?.length ?? 0);
  const logBuffer = logBufferBytes(config.writeLog);
  const isLogging = logBuffer > 0;
  if (isLogging && payload === 'none')
    throw new ConfigError('writeLog', config.writeLog, "left out with payload 'none': a log needs bytes");
  const drives = (config.drives ?? [{}]).map((drive, index) => {
    if (payload === 'none' && (drive.image !== undefined || drive.memory !== undefined)) {
      throw new ConfigError(
        `drives[${index}].${drive.image === undefined ? 'memory' : 'image'}`,
        'given',
        "left out with payload 'none': it holds no bytes",
      );
    }
    const resolved = resolveDrive(drive, index, powerCuts, imageSizes[index]);
    return isLogging ? { ...resolved, flags: resolved.flags | DRIVE_FLAG_LOGGED } : resolved;
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
    ...cacheFields(config),
    ...volumeFields(
      config,
      drives.map((drive) => drive.size),
    ),
    ...driveFields(config),
    [CONFIG_LOG_BUFFER_BYTES, logBuffer],
    ...timingFields(drives),
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
    ...replayTimingFields(replay?.timing),
  ]);
  return { fields, drives, files, payload, powerCuts, seed };
}

/** Bytes of the write log's buffer; 0 without a log. A buffer of 0 would be no log, so it is refused here. */
function logBufferBytes(writeLog: MachineConfig['writeLog']): number {
  if (writeLog === undefined || writeLog === false) return 0;
  const buffer = writeLog === true ? undefined : writeLog.buffer;
  if (buffer === undefined) return DEFAULT_LOG_BUFFER_BYTES;
  const bytes = whole('writeLog.buffer', parseSize(buffer, 'writeLog.buffer'), DEFAULT_LOG_BUFFER_BYTES);
  const [name, limit] = FIELD_LIMITS.get(CONFIG_LOG_BUFFER_BYTES) as readonly [string, string];
  if (bytes === 0) throw new ConfigError(name, bytes, limit);
  return bytes;
}

function replayTimingFields(timing: ReplayTiming | undefined): [number, number][] {
  if (timing === undefined) return [];
  const speedup = timing.speedupMillionths;
  return [
    [CONFIG_REPLAY_TIMING, timing.mode === 'trace' ? REPLAY_TIMING_TRACE : REPLAY_TIMING_CLOSED],
    [CONFIG_REPLAY_SLOTS, timing.slots],
    [CONFIG_REPLAY_SPEEDUP, speedup % 2 ** 32],
    [CONFIG_REPLAY_SPEEDUP + 4, Math.floor(speedup / 2 ** 32)],
  ];
}

const ERROR_POLICIES = ['report', 'ignore', 'stop', 'enospc'] as const;
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
