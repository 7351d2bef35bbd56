// The config struct that the core reads at open, and the core's refusal of a field in words.
// Verbs: configBytes, describeBadField.

import {
  BAD_FIELD_DRIVES,
  BAD_FIELD_FILES,
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLOCK_REQUESTS,
  CONFIG_BLOCK_SIZE,
  CONFIG_BLUESTORE_AIOS,
  CONFIG_CACHE_PAGES,
  CONFIG_DIRTY_BACKGROUND_RATIO,
  CONFIG_DIRTY_PAGES,
  CONFIG_DIRTY_RATIO,
  CONFIG_DRIVE_CHANNELS,
  CONFIG_DRIVE_COUNT,
  CONFIG_DRIVE_DMA_ALIGNMENT,
  CONFIG_DRIVE_FLAGS,
  CONFIG_DRIVE_LATENCY_DISCARD,
  CONFIG_DRIVE_LATENCY_FIRST,
  CONFIG_DRIVE_LATENCY_FLUSH,
  CONFIG_DRIVE_LATENCY_KIND,
  CONFIG_DRIVE_LATENCY_READ,
  CONFIG_DRIVE_LATENCY_SECOND,
  CONFIG_DRIVE_LATENCY_WRITE,
  CONFIG_DRIVE_LATENCY_WRITE_ZEROES,
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_PARAMETERS,
  CONFIG_DRIVE_PROMISES,
  CONFIG_DRIVE_QUEUE_DEPTH,
  CONFIG_DRIVE_READ_EXPIRE,
  CONFIG_DRIVE_SCHEDULER,
  CONFIG_DRIVE_SERIAL,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_SIZE_BYTES,
  CONFIG_DRIVE_TIMEOUT,
  CONFIG_DRIVE_VOLATILE_WRITES,
  CONFIG_EPISODES,
  CONFIG_EVICTION,
  CONFIG_FAULT_LAYERS,
  CONFIG_FAULT_RULES,
  CONFIG_FILE_CAPACITY_BYTES,
  CONFIG_FILE_COUNT,
  CONFIG_FILE_DRIVE,
  CONFIG_FILE_FLAGS,
  CONFIG_FILE_OFFSET_BYTES,
  CONFIG_FILE_SIZE,
  CONFIG_FILE_SIZE_BYTES,
  CONFIG_IDENTITIES,
  CONFIG_LATENCY_POINTS,
  CONFIG_LOG_BUFFER_BYTES,
  CONFIG_MAX_SECTORS,
  CONFIG_MAX_SEGMENTS,
  CONFIG_OPERATIONS,
  CONFIG_READAHEAD_PAGES,
  CONFIG_RECORD_CAPACITY,
  CONFIG_REPLAY_BATCH,
  CONFIG_REPLAY_SLOTS,
  CONFIG_REPLAY_SPEEDUP,
  CONFIG_SIZE,
  CONFIG_SPANS,
  CONFIG_USRBIO_CHUNK_BYTES,
  CONFIG_USRBIO_PARTS,
  CONFIG_VIRTIO_AIO_BATCH,
  CONFIG_VIRTIO_ALIGNMENT,
  CONFIG_VIRTIO_BLOCK_SIZE,
  CONFIG_VIRTIO_ENGINE,
  CONFIG_VIRTIO_MAX_TRANSFER,
  CONFIG_VIRTIO_QUEUES,
  CONFIG_VIRTIO_REQUESTS,
  CONFIG_VIRTIO_WORKERS,
  CONFIG_VOLUME_BLOCKS,
  CONFIG_VOLUME_DRIVE,
  CONFIG_VOLUME_EXTENTS,
  CONFIG_VOLUME_INODES,
  CONFIG_WRITE_BANDWIDTH_PAGES,
} from '../../assembly/layout.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import { ConfigError } from '../errors.ts';
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
  readonly scheduler: number;
  /** Tunables of the deadline scheduler, in the order of the struct. */
  readonly deadline: readonly number[];
  readonly promises: number;
  readonly latencyKind: number;
  readonly latencyFirst: number;
  readonly latencySecond: number;
  /** Points of the distribution: value and weight. */
  readonly latencyPoints: readonly (readonly [value: number, weight: number])[];
  readonly episodes: readonly ResolvedEpisode[];
  readonly timeoutNs: number;
  /** Parameters of the model, by number. */
  readonly parameters: readonly number[];
  readonly image: string | undefined;
  readonly memory: SparseMemory | undefined;
}

/** Numbers of an EPISODE_… struct. */
export interface ResolvedEpisode {
  readonly at: number;
  readonly lasts: number;
  readonly every: number;
  readonly factor: number;
}

export interface ResolvedFile {
  readonly name: string;
  readonly drive: number;
  readonly offset: number;
  readonly capacity: number;
  readonly size: number;
  readonly flags: number;
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
    view.setUint32(base + CONFIG_DRIVE_SCHEDULER, drive.scheduler, true);
    drive.deadline.forEach((value, number) => {
      view.setUint32(base + CONFIG_DRIVE_READ_EXPIRE + number * 4, value, true);
    });
    view.setUint32(base + CONFIG_DRIVE_PROMISES, drive.promises, true);
    view.setUint32(base + CONFIG_DRIVE_LATENCY_KIND, drive.latencyKind, true);
    setU64(view, base + CONFIG_DRIVE_LATENCY_FIRST, drive.latencyFirst);
    setU64(view, base + CONFIG_DRIVE_LATENCY_SECOND, drive.latencySecond);
    setU64(view, base + CONFIG_DRIVE_TIMEOUT, drive.timeoutNs);
    drive.parameters.forEach((value, number) => {
      setU64(view, base + CONFIG_DRIVE_PARAMETERS + number * 8, value);
    });
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

/** Names and limits of the fields that the core may refuse, by CONFIG_… or BAD_FIELD_… offset. */
export const FIELD_LIMITS: ReadonlyMap<number, readonly [name: string, limit: string]> = new Map([
  [CONFIG_RECORD_CAPACITY, ['records', 'a power of two']],
  [CONFIG_CACHE_PAGES, ['cache', 'from 4096 bytes (one page) to 256 GiB']],
  [CONFIG_BLOCK_SIZE, ['blockSize', '512, 1024, 2048 or 4096']],
  [CONFIG_EVICTION, ['eviction', 'one of linux, lru, fifo, clock, s3-fifo']],
  [CONFIG_DIRTY_RATIO, ['vm.dirtyRatio', 'from 0 to 100 percent']],
  [CONFIG_DIRTY_BACKGROUND_RATIO, ['vm.dirtyBackgroundRatio', 'from 0 to 100 percent']],
  [CONFIG_DIRTY_PAGES, ['vm.dirtyBytes', 'in pages of 4096 bytes: 0, or 2 and more']],
  [CONFIG_WRITE_BANDWIDTH_PAGES, ['vm.writeBandwidth', 'in pages of 4096 bytes: 1 and more']],
  [CONFIG_READAHEAD_PAGES, ['readahead', 'from 0 to 1 GiB']],
  [CONFIG_OPERATIONS, ['limits.operations', 'from 1 to 65536']],
  [CONFIG_BIOS, ['limits.bios', 'from 4 to 1048576']],
  [CONFIG_BLOCK_REQUESTS, ['limits.blockRequests', 'from 0 to 65536']],
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
  [CONFIG_VOLUME_DRIVE, ['volume.drive', 'below the number of drives']],
  [CONFIG_VOLUME_INODES, ['volume.inodes', 'fewer than 65536 together with drives and files']],
  [CONFIG_VOLUME_EXTENTS, ['volume.extents', 'from 1 to 4194304']],
  [
    CONFIG_VOLUME_BLOCKS,
    [
      'volume.size in blocks',
      'no more than the drive has, and room for inodes, names, extents, the journal and a block',
    ],
  ],
  [CONFIG_REPLAY_BATCH, ['batch', 'from 1 to 256']],
  [CONFIG_LOG_BUFFER_BYTES, ['writeLog.buffer', 'a multiple of 8 from 64 to 1073741824 bytes']],
  [CONFIG_REPLAY_SLOTS, ['replay.timing.slots', 'from 1 to 1024']],
  [CONFIG_REPLAY_SPEEDUP, ['replay.timing.speedupMillionths', 'from 1 to 1000000000000']],
  [CONFIG_FAULT_RULES, ['limits.faultRules', 'from 0 to 4096']],
  [CONFIG_FAULT_LAYERS, ['limits.faultLayers', 'from 0 to 65536']],
  [CONFIG_IDENTITIES, ['limits.identities', 'a power of two from 16 to 16777216']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_SIZE_BYTES, ['size', 'a multiple of 512 from 512 to 2^52 bytes']],
  [CONFIG_EPISODES, ['episodes of all drives', 'at most 1048576']],
  [CONFIG_LATENCY_POINTS, ['points of all distributions', 'at most 1048576']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_LATENCY_KIND, ['latency', 'a histogram only with model fixed']],
  [BAD_FIELD_DRIVES + CONFIG_DRIVE_LATENCY_FIRST, ['latency.lognormal', 'from 0 to 10']],
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
  const parameter = (badField - BAD_FIELD_DRIVES - CONFIG_DRIVE_PARAMETERS) / 8;
  if (isDrive && parameter >= 0)
    return new ConfigError(
      `drives[${badIndex}].parameters, number ${parameter}`,
      config.drives[badIndex]?.parameters[parameter],
      "in the model's range",
    );
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
