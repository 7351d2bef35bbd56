// What a replay takes, its defaults, and the machine it asks for.
// Verbs: resolveReplay.

import {
  DEFAULT_AIO_MAX_NR,
  DEFAULT_VOLATILE_WRITES,
  MAX_DRIVES,
  MAX_KERNEL_DEVICES,
  MAX_REPLAY_BATCH,
  MAX_REPLAY_SLOTS,
  MAX_REPLAY_SPEEDUP,
} from '../../assembly/limits.ts';
import { DEFAULT_READAHEAD } from '../core/cache-config.ts';
import { DEFAULT_CACHE } from '../core/config.ts';
import { oneOf } from '../core/config-values.ts';
import { DEFAULT_LATENCY_NS } from '../core/drive-config.ts';
import type { ModelName } from '../core/drive-models/index.ts';
import { type DriveText, printDrive } from '../core/drive-models/text.ts';
import {
  CACHE_MODE_NAMES,
  type CacheMode,
  type DriveConfig,
  ENGINES,
  type Engine,
  EVICTIONS,
  type Eviction,
  type MachineConfig,
  type ReplayTiming,
  type Scheduler,
  type Size,
  type VmConfig,
} from '../core/options.ts';
import { parseSize } from '../core/size.ts';
import { ConfigError } from '../errors.ts';
import type { FaultRule } from '../faults/rule.ts';
import type { TraceReader } from '../trace/index.ts';

/** How the requests of a trace enter. */
export const ENTRANCES = ['virtio', 'aio', 'usrbio', 'bluestore'] as const;
export type Entrance = (typeof ENTRANCES)[number];

/**
 * When requests are issued. `asap`: in lots of `batch`, each when the one before has ended. `trace`: at their times in the
 * trace, however many are in flight. `closed:N`: N clients (1 to 1,024), each with one request at a time.
 */
export type Timing = 'asap' | 'trace' | `closed:${number}`;

/** Every option has a default. */
export interface ReplayOptions {
  /** The entrance. Default: aio for byte-granular formats (fio iologs), else virtio. */
  readonly through?: Entrance;
  /** Page cache. Default 32 MiB. */
  readonly cache?: Size;
  /** Default writeback; through bluestore none, for its device is opened with O_DIRECT. */
  readonly cacheMode?: CacheMode;
  /** Largest readahead window of a file, 0 to 1 GiB in whole pages; `off` is 0. Default 128 KiB. */
  readonly readahead?: Size | 'off';
  /** Dirty limits and the flusher. */
  readonly vm?: VmConfig;
  /** Which page leaves first. Default linux. */
  readonly eviction?: Eviction;
  /** Through virtio: what QEMU's block layer reads and writes the file with. Default threads; linux-aio needs cache mode none or directsync. */
  readonly engine?: Engine;
  /** File-system block of the cached file, 512 to 4,096. Default 4,096. */
  readonly blockSize?: number;
  /** Merge requests. Default true. */
  readonly merge?: boolean;
  /** Requests on the ring for one notification, 1 to 256. Default 32. */
  readonly batch?: number;
  /** When requests are issued. Default asap; trace needs a format with times. */
  readonly timing?: Timing;
  /** With timing trace: how many times faster than the trace, 0.000001 to 1,000,000. Default 1. */
  readonly speedup?: number;
  /** Default full. */
  readonly payload?: 'full' | 'none';
  /** Whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** A real file for the first device; further devices go to PATH.1, PATH.2 …. Default: sparse memory. */
  readonly image?: string;
  /**
   * The drive under each device. Default: instant. Its size by default: 2^52 bytes, so that every trace fits; for hdd, whose
   * seeks depend on it, 500,107,862,016 bytes (976,773,168 sectors, a disk of 500 GB).
   */
  readonly drive?: Omit<DriveConfig, 'image' | 'memory' | 'readOnly'>;
  /** Rules of faults, as text or object, of any of the drives. Default none. */
  readonly faults?: readonly (FaultRule | string)[];
  /** Keep records (and their hash). Default false. */
  readonly records?: boolean | number;
  /** When the run is over, open what it left in a new machine and check every sector ever written. Default false. */
  readonly reopen?: boolean;
}

/** The options in force: what the report's `config` shows. */
export interface ResolvedReplay {
  readonly through: Entrance;
  readonly cacheBytes: number;
  readonly cacheMode: CacheMode;
  readonly eviction: Eviction;
  readonly engine: Engine | null;
  /** Bytes, or `off`. */
  readonly readahead: number | 'off';
  /** What was given of them; the report's vmstat has the limits in pages. */
  readonly vm: VmConfig;
  readonly blockSize: number;
  readonly merge: boolean;
  readonly batch: number;
  readonly timing: Timing;
  /** Null unless the timing is trace. */
  readonly speedup: number | null;
  readonly payload: 'full' | 'none';
  readonly seed: number;
  readonly image: string | null;
  /** As `--drive` takes it. */
  readonly drive: string;
  readonly driveBytes: number;
  /** The block layer's order of what waits for a drive. */
  readonly scheduler: Scheduler;
  /** Devices that a trace may name. */
  readonly driveCount: number;
  readonly records: boolean | number;
  readonly reopen: boolean;
}

/** Bytes of request data in flight: the largest request that can be replayed. */
export const DATA_BYTES = 67108864;
/** Sectors of one batch: as many as the largest request touches when it is not aligned. */
export const BATCH_SECTORS = DATA_BYTES / 512 + 2;
export const BATCH_RECORDS = 4096;
/** Sizes, drives and completed writes in a volatile cache that a replay has of each model, unless it is said. */
const MODEL_ROOM: Readonly<Record<ModelName, { bytes: number; drives: number; volatileWrites: number }>> = {
  // without a model the volatile cache is bookkeeping for power cuts, which a replay does not play; a small one keeps its records
  instant: { bytes: 2 ** 52, drives: MAX_DRIVES, volatileWrites: 64 },
  fixed: { bytes: 2 ** 52, drives: MAX_DRIVES, volatileWrites: 64 },
  hdd: { bytes: 500_107_862_016, drives: 64, volatileWrites: DEFAULT_VOLATILE_WRITES },
  // a translation layer takes a few MiB of memory for each GiB that it maps
  ssd: { bytes: 2 ** 52, drives: 16, volatileWrites: DEFAULT_VOLATILE_WRITES },
  nvme: { bytes: 2 ** 52, drives: 16, volatileWrites: DEFAULT_VOLATILE_WRITES },
};

/** Throws ConfigError for an option out of its range. */
export function resolveReplay(
  options: ReplayOptions,
  reader: Pick<TraceReader, 'entrance' | 'unit' | 'format' | 'hasClock'>,
): ResolvedReplay {
  const batch = options.batch ?? 32;
  if (!Number.isInteger(batch) || batch < 1 || batch > MAX_REPLAY_BATCH)
    throw new ConfigError('batch', batch, `a whole number from 1 to ${MAX_REPLAY_BATCH}`);
  const through = options.through ?? reader.entrance;
  if (!ENTRANCES.includes(through))
    throw new ConfigError('through', through, `one of ${ENTRANCES.join(', ')}`);
  const cacheMode = options.cacheMode ?? (through === 'bluestore' ? 'none' : 'writeback');
  if (!CACHE_MODE_NAMES.includes(cacheMode))
    throw new ConfigError('cacheMode', cacheMode, `one of ${CACHE_MODE_NAMES.join(', ')}`);
  if (through === 'bluestore' && cacheMode !== 'none' && cacheMode !== 'directsync')
    throw new ConfigError(
      'cacheMode',
      cacheMode,
      "'none' or 'directsync' through bluestore: its device is opened with O_DIRECT",
    );
  const payload = options.payload ?? 'full';
  if (payload === 'none' && options.image !== undefined)
    throw new ConfigError('payload', 'none', "'full' with --image: an image needs bytes");
  if (payload === 'none' && options.reopen === true)
    throw new ConfigError('payload', 'none', "'full' to check what was left: there are no bytes");
  return {
    through,
    cacheBytes: parseSize(options.cache ?? DEFAULT_CACHE, 'cache'),
    cacheMode,
    eviction: oneOf('eviction', options.eviction, EVICTIONS, 'linux'),
    engine: resolveEngine(through, cacheMode, options.engine),
    readahead: resolveReadahead(options.readahead),
    vm: options.vm ?? {},
    blockSize: options.blockSize ?? 4096,
    merge: options.merge ?? true,
    batch,
    ...resolveTiming(options, reader),
    payload,
    seed: options.seed ?? 1,
    image: options.image ?? null,
    ...resolveDrives(options.drive),
    records: options.records ?? false,
    reopen: options.reopen ?? false,
  };
}

/** N of `closed:N`, or undefined for another timing. Throws ConfigError for what is none. */
function clientsOf(timing: string): number | undefined {
  if (timing === 'asap' || timing === 'trace') return undefined;
  const clients = Number(/^closed:(\d+)$/.exec(timing)?.[1]);
  if (!(clients >= 1 && clients <= MAX_REPLAY_SLOTS))
    throw new ConfigError('timing', timing, `asap, trace, or closed:N with N from 1 to ${MAX_REPLAY_SLOTS}`);
  return clients;
}

function resolveTiming(
  options: ReplayOptions,
  reader: Pick<TraceReader, 'format' | 'hasClock'>,
): Pick<ResolvedReplay, 'timing' | 'speedup'> {
  const timing = options.timing ?? 'asap';
  clientsOf(timing);
  if (timing !== 'trace') {
    if (options.speedup === undefined) return { timing, speedup: null };
    throw new ConfigError('speedup', options.speedup, "left out unless the timing is 'trace'");
  }
  if (!reader.hasClock)
    throw new ConfigError('timing', timing, `asap or closed:N for ${reader.format}: the format has no times`);
  const speedup = options.speedup ?? 1;
  const most = MAX_REPLAY_SPEEDUP / 1e6;
  if (!(speedup >= 1e-6 && speedup <= most))
    throw new ConfigError('speedup', speedup, `a number from 0.000001 to ${most}`);
  return { timing, speedup };
}

/** What the core is told of the timing. */
function timingRoom({ timing, speedup }: ResolvedReplay): ReplayTiming | undefined {
  if (timing === 'asap') return undefined;
  const slots = clientsOf(timing) ?? MAX_REPLAY_SLOTS;
  const mode = timing === 'trace' ? 'trace' : 'closed';
  return { mode, slots, speedupMillionths: Math.round((speedup ?? 1) * 1e6) };
}

function resolveReadahead(readahead: ReplayOptions['readahead']): number | 'off' {
  if (readahead === 'off') return 'off';
  const bytes = parseSize(readahead ?? DEFAULT_READAHEAD, 'readahead');
  return bytes === 0 ? 'off' : bytes;
}

function resolveEngine(through: Entrance, cacheMode: CacheMode, engine: Engine | undefined): Engine | null {
  if (engine !== undefined && through !== 'virtio')
    throw new ConfigError('engine', engine, 'left out unless the trace enters through virtio');
  if (engine !== undefined && !ENGINES.includes(engine))
    throw new ConfigError('engine', engine, `one of ${ENGINES.join(', ')}`);
  if (engine === 'linux-aio' && cacheMode !== 'none' && cacheMode !== 'directsync')
    throw new ConfigError('engine', engine, "'threads' unless the cache mode is none or directsync");
  return through === 'virtio' ? (engine ?? 'threads') : null;
}

/** The drive with its model, and of a fixed one all that it can be given. */
export function replayDrive(drive: ReplayOptions['drive'] = {}): DriveText & { readonly model: ModelName } {
  const model = drive.model ?? (drive.latencyNs === undefined ? 'instant' : 'fixed');
  if (model !== 'fixed') return { ...drive, model };
  return { ...drive, model, latencyNs: drive.latencyNs ?? DEFAULT_LATENCY_NS, channels: drive.channels ?? 1 };
}

function resolveDrives(
  given: ReplayOptions['drive'],
): Pick<ResolvedReplay, 'drive' | 'driveBytes' | 'scheduler' | 'driveCount'> {
  const drive = replayDrive(given);
  const room = MODEL_ROOM[drive.model];
  return {
    drive: printDrive(drive),
    driveBytes: drive.size === undefined ? room.bytes : parseSize(drive.size, 'drive.size'),
    scheduler: drive.scheduler ?? 'none',
    driveCount: room.drives,
  };
}

/** The machine for a replay: a drive for every device that a trace may name. */
export function replayMachine(resolved: ResolvedReplay, options: ReplayOptions): MachineConfig {
  const drive = replayDrive(options.drive);
  const drives: DriveConfig[] = Array.from({ length: resolved.driveCount }, (_, device) => ({
    ...drive,
    volatileWrites: drive.volatileWrites ?? MODEL_ROOM[drive.model].volatileWrites,
    size: resolved.driveBytes,
    ...(options.image === undefined ? {} : { image: imageOf(options.image, device) }),
  }));
  const timing = timingRoom(resolved);
  return {
    drives,
    cache: resolved.cacheBytes,
    cacheMode: resolved.cacheMode,
    ...(resolved.engine === null ? {} : { virtio: { engine: resolved.engine } }),
    eviction: resolved.eviction,
    readahead: resolved.readahead === 'off' ? 0 : resolved.readahead,
    vm: resolved.vm,
    blockSize: resolved.blockSize,
    merge: resolved.merge,
    payload: resolved.payload,
    seed: resolved.seed,
    records: resolved.records,
    powerCuts: false,
    buffers: 65536,
    // each BlueStore device has a context with room for two requests of each slot
    aioMaxNr:
      timing === undefined ? 4096 : Math.max(DEFAULT_AIO_MAX_NR, timing.slots * 2 * MAX_KERNEL_DEVICES),
    limits: { maxSegments: 128 },
    replay: {
      records: BATCH_RECORDS,
      batch: resolved.batch,
      sectors: BATCH_SECTORS,
      dataBytes: DATA_BYTES,
      ...(timing === undefined ? {} : { timing }),
    },
  };
}

/** The image of a device: PATH, PATH.1, PATH.2 …. */
export function imageOf(path: string, device: number): string {
  return device === 0 ? path : `${path}.${device}`;
}
