// What a machine may be opened with: names, units, ranges and defaults, in words. The core checks every range.
//
// Nothing is decided here; config.ts fills in what is left out, config-struct.ts writes what the core reads.

import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { FaultRule } from '../faults/rule.ts';
import type { ModelName } from './drive-models/index.ts';
import type { DrivePromise } from './promises.ts';

export type Size = number | bigint | string;
export const EVICTIONS = ['linux', 'lru', 'fifo', 'clock', 's3-fifo'] as const;
export type Eviction = (typeof EVICTIONS)[number];
/** What sorts the requests that wait for a drive. */
export const SCHEDULERS = ['none', 'deadline'] as const;
export type Scheduler = (typeof SCHEDULERS)[number];
export type CacheMode = 'writeback' | 'none' | 'writethrough' | 'directsync' | 'unsafe';

/** One virtual disk. Everything has a default. */
export interface DriveConfig {
  /** Bytes, a multiple of 512 from 512 to 2^52. Default: the image's size, else 64 MiB. */
  readonly size?: Size;
  /**
   * What a request takes. `instant` (default): nothing. `fixed`: its latency on one of `channels`. `hdd`: seek and rotation. `ssd`,
   * `nvme`: flash with channels, dies, a write buffer and a translation layer.
   */
  readonly model?: ModelName;
  /**
   * Parameters of the model by name, as numbers in their units or as text (`{ readNs: '60us', writeBuffer: '8MiB' }`). Names,
   * units, ranges, defaults and where these come from: DRIVE_MODELS, and describeDrive in words.
   */
  readonly parameters?: Readonly<Record<string, number | string>>;
  /** Requests that a `fixed` drive serves at once, 1 to 1,024. Default 1. */
  readonly channels?: number;
  /** Latency of a `fixed` drive in nanoseconds, one number or one for each operation. Default 100,000 (100 µs). */
  readonly latencyNs?:
    | number
    | Partial<Record<'read' | 'write' | 'discard' | 'writeZeroes' | 'flush', number>>;
  /**
   * How service times vary: `constant` (default), `exponential` (the latency is the mean), `{ lognormal: sigma }` (the latency is
   * the median; sigma of its natural logarithm, 0 to 10), `{ factors: [factor, weight][] }` (each service takes the
   * latency times one of the factors, 0 to 1,000,000), or for `fixed` `{ histogram: [nanoseconds, weight][] }` (measured
   * latencies, whatever `latencyNs` is). Weights are whole numbers, 2^32 together. Drives with moving or flash parts vary the time
   * of their media. Each request's time depends on the seed, the drive, its operation, its first sector, and how often that was
   * asked for before.
   */
  readonly latency?: LatencyConfig;
  /** Stalls and slow periods. Default none. */
  readonly episodes?: readonly EpisodeConfig[];
  /** Requests the drive takes at once, 1 to 65,536. Default 256; 32 for hdd and ssd (NCQ), 1,024 for nvme. */
  readonly queueDepth?: number;
  /** Who goes to the drive next: `none` (default), the first that came; `deadline`, Linux's mq-deadline. */
  readonly scheduler?: Scheduler;
  /** Tunables of scheduler `deadline`. */
  readonly deadline?: DeadlineConfig;
  /**
   * Completed writes that the volatile write cache holds, 0 to 1,048,576; 0: none, a completed write is durable and
   * a flush ends at once, without a sync of an image file. Default 4,096.
   */
  readonly volatileWrites?: number;
  /** The drive takes FUA; else the block layer flushes behind a write that asks for it. Default true. */
  readonly fua?: boolean;
  /** Sectors read as zeros once a discard of them is durable, and before that as it was or as zeros all together; else each for itself. Default false. */
  readonly discardZeroes?: boolean;
  /**
   * What the drive promises about power cuts (`machine.crash`), by SQLite's names. A cut keeps the promises, and refuses a mask that would
   * break SEQUENTIAL. Default none.
   */
  readonly promises?: readonly DrivePromise[];
  /** Its cache survives a power cut: a completed write is durable, and flushes end at once. Default false. */
  readonly powerLossProtection?: boolean;
  /**
   * Alignment in bytes that direct I/O needs of a buffer's address, a power of two from 1 to 4,096; a buffer elsewhere is
   * EINVAL. Default 1, any address, as on a loop device; many disks want 512.
   */
  readonly dmaAlignment?: number;
  /** Rules of faults, as text or object; asked in this order. `machine.faults` adds and removes them later. Default: none. */
  readonly faults?: readonly (FaultRule | string)[];
  /** Nanoseconds after which the drive ends a request that it has not finished with ETIMEDOUT; 0 (default): never. */
  readonly timeoutNs?: number;
  readonly readOnly?: boolean;
  /** Serial number that a guest reads: 1 to 20 printable ASCII characters. Default: sectorlab- and the drive's number in four digits. */
  readonly serial?: string;
  /** Path of an image file; in a browser, in a dedicated worker, name of a file of the origin's private file system. Created unless readOnly. */
  readonly image?: string;
  /** Memory of an earlier machine, to reopen what it left. */
  readonly memory?: SparseMemory;
}

/** How service times vary; see DriveConfig.latency. */
export type LatencyConfig =
  | 'constant'
  | 'exponential'
  | { readonly lognormal: number }
  | { readonly histogram: readonly (readonly [nanoseconds: number, weight: number])[] }
  | { readonly factors: readonly (readonly [factor: number, weight: number])[] };

/**
 * A time at which a drive serves nothing (`stall`), or everything more slowly (`slow`).
 *
 * @example
 * const machine = await Machine.create({
 *   drives: [{ latencyNs: 1000, episodes: [{ kind: 'stall', atNs: 0, lastsNs: 500_000 }] }],
 * });
 * machine.blockDevice().read(0, 8);
 * console.log(machine.nowNs); // 501000
 */
export interface EpisodeConfig {
  readonly kind: 'stall' | 'slow';
  /** Virtual nanoseconds at which it begins, 0 to 2^53 - 1. */
  readonly atNs: number;
  /** How long it lasts, 1 to 2^53 - 1. */
  readonly lastsNs: number;
  /** From one beginning to the next, more than lastsNs. Default: it happens once. */
  readonly everyNs?: number;
  /** Of `slow`: how many times as long services take, 1 to 1,000,000, to three decimal places. */
  readonly factor?: number;
}

/** Tunables of mq-deadline: whole numbers up to 2^32 - 1; everything has Linux's default. */
export interface DeadlineConfig {
  /** Milliseconds after which a read goes before its sector's turn. Default 500. */
  readonly readExpireMs?: number;
  /** The same for writes, discards and write-zeroes. Default 5,000. */
  readonly writeExpireMs?: number;
  /** How often reads may be chosen while writes wait. Default 2. */
  readonly writesStarved?: number;
  /** Requests of one direction in ascending order before the other is considered. Default 16. */
  readonly fifoBatch?: number;
  /** Look for a request that a bio fits in front of. Default true. */
  readonly frontMerges?: boolean;
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
  /** Page cache, bytes, at least one page of 4,096 and at most 256 GiB (with payload none); `linux` and `s3-fifo` also remember evicted pages, and fit 4 GiB of memory up to about 230 GiB. Default 32 MiB. */
  readonly cache?: Size;
  /** File-system block: 512, 1,024, 2,048 or 4,096 bytes. Default 4,096. */
  readonly blockSize?: number;
  /**
   * Which page leaves first. `linux` (default): two lists, and dirty pages stay until the flusher has written them. `lru`: exact
   * least recently used; `fifo`; `clock`: FIFO with a second chance; `s3-fifo` (SOSP 2023). Those write a dirty page back when
   * its turn comes.
   */
  readonly eviction?: Eviction;
  /** Largest readahead window, in whole pages; 0: none. Default 128 KiB. */
  readonly readahead?: Size;
  /** Dirty limits and the flusher, as /proc/sys/vm has them. */
  readonly vm?: VmConfig;
  /** A volume of named files on a drive: true for all defaults. Default: none. */
  readonly volume?: boolean | VolumeConfig;
  /** Merge requests, in the guest's device and in the block layer. Default true. */
  readonly merge?: boolean;
  /** `full` (default) moves bytes; `none` makes the same decisions without any. */
  readonly payload?: 'full' | 'none';
  /** Whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** Keep records from the start: true for a ring of 65,536, or its size (a power of two). Default false. */
  readonly records?: boolean | number;
  /**
   * Log what happens to the drives, with the bytes of each write: true, or where to and how. Default false. Needs payload full.
   */
  readonly writeLog?: boolean | WriteLogConfig;
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
      | 'usrbioParts'
      | 'identities'
      | 'faultRules'
      | 'faultLayers'
      | 'blockRequests',
      number
    >
  >;
  /** Only for src/replay: makes room for the player. */
  readonly replay?: ReplayRoom;
}

/** The write log; everything has a default. */
export interface WriteLogConfig {
  /** Path of its file (Node only), which does not exist yet or is empty. Default: kept in memory. */
  readonly path?: string;
  /** Bytes kept back until they go to the file together: 64 bytes to 1 GiB, a multiple of 8. Default 1 MiB. */
  readonly buffer?: Size;
}

/** Dirty limits and periodic write-back; everything has a default. */
export interface VmConfig {
  /** Percent of the cache that may be dirty before writers pause, 0 to 100. Default 20. */
  readonly dirtyRatio?: number;
  /** Percent of the cache from which the flusher writes, 0 to 100. Default 10. */
  readonly dirtyBackgroundRatio?: number;
  /** Instead of dirtyRatio: bytes, at least two pages. */
  readonly dirtyBytes?: Size;
  /** Instead of dirtyBackgroundRatio: bytes. */
  readonly dirtyBackgroundBytes?: Size;
  /** Age in 1/100 s from which periodic write-back writes a file. Default 3,000 (30 s). */
  readonly dirtyExpireCentisecs?: number;
  /** Time in 1/100 s between two periodic write-backs; 0: never. Default 500 (5 s). */
  readonly dirtyWritebackCentisecs?: number;
  /** Bytes a second that paused writers are held to. Default 100 MiB. */
  readonly writeBandwidth?: Size;
}

/** In the order of VOLUME_PROFILE_…. */
export const VOLUME_PROFILES = ['journal', 'ordered', 'strict', 'alice'] as const;
/** See VolumeConfig.profile. */
export type VolumeProfile = (typeof VOLUME_PROFILES)[number];

/** A volume of named files; everything has a default. */
export interface VolumeConfig {
  /** Number of its drive. Default 0. */
  readonly drive?: number;
  /** Bytes of the drive that it takes. Default: the whole drive. */
  readonly size?: Size;
  /** Files and directories that it has room for. Default: one for each 16 KiB, from 16 to 4,096. */
  readonly inodes?: number;
  /** Extents of all files together. Default: one for each block, at most 1,048,576. */
  readonly extents?: number;
  /** Makes a new volume, whatever the drive holds: all of it is lost. Default false: only a blank drive gets a new volume. */
  readonly format?: boolean;
  /**
   * What of its names and sizes a crash may take. `journal` (default): transactions, written when they must be. The others write each
   * change to the drive early, so that every state that a kernel may leave is among those of a crash: `ordered` as ext4 does
   * (data before the size that shows it, names in order, an fsync covers all before it), `strict` as POSIX promises (an fsync covers
   * its file, a directory's its entries), `alice` as strict with renames and truncations in pieces. What an fsync covers and what
   * comes in order is for `explore` and CrashExplorer: after `machine.crash('power')` an fsync has covered everything, and a subset
   * of the uncertain writes may be one that `ordered` rules out.
   */
  readonly profile?: VolumeProfile;
  /** False: the machine has room for the volume, and the core's own calls format and mount it. Default true. */
  readonly mount?: boolean;
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
  /** When requests are issued. Default: in lots, as soon as possible. */
  readonly timing?: ReplayTiming;
}

/** Requests in flight one by one instead of in lots. */
export interface ReplayTiming {
  /** At their times in the trace, or one for each client that is free. */
  readonly mode: 'trace' | 'closed';
  /** Requests between arrival and end at one time, 1 to 1,024. */
  readonly slots: number;
  /** How many times faster than the trace, in millionths, 1 to 10^12. */
  readonly speedupMillionths: number;
}
export const CACHE_MODE_NAMES: readonly CacheMode[] = [
  'writeback',
  'none',
  'writethrough',
  'directsync',
  'unsafe',
];
/** How QEMU's block layer reads and writes a file. */
export const ENGINES = ['threads', 'linux-aio'] as const;
export type Engine = (typeof ENGINES)[number];
