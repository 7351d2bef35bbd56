// Knobs of the machine: cache, dirty limits, block layer, volume, rings, limits.
//
// Each says what its option does and what to watch for. Ranges are the core's (kinds.ts); a test opens a machine at both ends of each.

import {
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLOCK_REQUESTS,
  CONFIG_BLUESTORE_AIOS,
  CONFIG_CACHE_PAGES,
  CONFIG_DIRTY_BACKGROUND_RATIO,
  CONFIG_DIRTY_RATIO,
  CONFIG_FAULT_LAYERS,
  CONFIG_FAULT_RULES,
  CONFIG_IDENTITIES,
  CONFIG_MAX_SECTORS,
  CONFIG_MAX_SEGMENTS,
  CONFIG_OPERATIONS,
  CONFIG_READAHEAD_PAGES,
  CONFIG_SPANS,
  CONFIG_USRBIO_CHUNK_BYTES,
  CONFIG_USRBIO_PARTS,
  CONFIG_VIRTIO_REQUESTS,
  CONFIG_VOLUME_EXTENTS,
} from '../../../../assembly/layout.ts';
import * as limits from '../../../../assembly/limits.ts';
import { DEFAULT_CACHE } from '../../../core/config.ts';
import { MAX_U32 } from '../../../core/config-values.ts';
import {
  EVICTIONS,
  type FileConfig,
  type MachineConfig,
  type UsrbioConfig,
  type VmConfig,
  VOLUME_PROFILES,
  type VolumeConfig,
} from '../../../core/options.ts';
import type { SceneMachine } from '../../scene/types.ts';
import { type Knob, type KnobsOf, rangeOfField } from './kinds.ts';

const U32: readonly [number, number] = [0, MAX_U32];
const PAGE = limits.PAGE_SIZE;
const MOST_PAGED: readonly [number, number] = [2 * PAGE, MAX_U32 * PAGE];
export const BLOCK_SIZES = [512, 1024, 2048, 4096] as const;

type CacheOptions = Pick<SceneMachine, 'cache' | 'blockSize' | 'eviction' | 'readahead'>;
/** Has knobs of its own elsewhere: lists and groups. */
type Grouped =
  | 'drives'
  | 'files'
  | 'vm'
  | 'volume'
  | 'virtio'
  | 'usrbio'
  | 'limits'
  | 'cacheMode'
  | 'maxTransfer';
type RingOptions = Pick<SceneMachine, 'buffers' | 'sharedMemory' | 'aioMaxNr'>;
type BlockOptions = Omit<SceneMachine, keyof CacheOptions | keyof RingOptions | Grouped>;

export const CACHE_KNOBS: KnobsOf<CacheOptions> = {
  cache: {
    label: 'Cache size',
    kind: 'size',
    default: DEFAULT_CACHE,
    range: rangeOfField(CONFIG_CACHE_PAGES),
    step: PAGE,
    usual: [16 * PAGE, 64 * 1024 * 1024],
    meaning:
      'Bytes that the page cache holds. Smaller: the grid fills sooner, pages are evicted, and reads that were hits become misses.',
  },
  eviction: {
    label: 'Eviction',
    kind: 'choice',
    default: 'linux',
    choices: EVICTIONS,
    meaning:
      'Which page leaves first when there is no room. linux keeps two lists, so one scan does not push out what is used again and again; lru pushes out whatever was used longest ago.',
  },
  readahead: {
    label: 'Readahead',
    kind: 'size',
    default: 131072,
    range: rangeOfField(CONFIG_READAHEAD_PAGES),
    step: PAGE,
    usual: [0, 1024 * 1024],
    meaning:
      'The largest window that is read before it is asked for; 0: none. Watch a sequential reader: the window doubles until it is this long, and misses become hits.',
  },
  blockSize: {
    label: 'Block size',
    kind: 'choice',
    default: PAGE,
    choices: BLOCK_SIZES,
    meaning:
      'The smallest piece that the cache fetches and writes. Smaller than a page: a small write needs no read-in of the whole page, and a page may be there in part.',
  },
};

export const VM_KNOBS: KnobsOf<VmConfig> = {
  dirtyRatio: {
    label: 'Dirty limit',
    kind: 'percent',
    default: 20,
    range: rangeOfField(CONFIG_DIRTY_RATIO),
    usual: [0, 100],
    replaces: ['dirtyBytes'],
    meaning:
      'Share of the cache that may be dirty before writers must pause. Lower: writers wait for the drive sooner.',
  },
  dirtyBackgroundRatio: {
    label: 'Background dirty limit',
    kind: 'percent',
    default: 10,
    range: rangeOfField(CONFIG_DIRTY_BACKGROUND_RATIO),
    usual: [0, 100],
    replaces: ['dirtyBackgroundBytes'],
    meaning:
      'Share of the cache from which the flusher begins to write in the background, before anyone has to wait.',
  },
  dirtyBytes: {
    label: 'Dirty limit in bytes',
    kind: 'size',
    default: undefined,
    defaultText: 'not used: the limit is a share of the cache',
    range: MOST_PAGED,
    step: PAGE,
    replaces: ['dirtyRatio'],
    meaning: 'The dirty limit as a size instead of a share.',
  },
  dirtyBackgroundBytes: {
    label: 'Background limit in bytes',
    kind: 'size',
    default: undefined,
    defaultText: 'not used: the limit is a share of the cache',
    range: [0, MAX_U32 * PAGE],
    step: PAGE,
    replaces: ['dirtyBackgroundRatio'],
    meaning: 'The background limit as a size instead of a share.',
  },
  dirtyExpireCentisecs: {
    label: 'Dirty age',
    kind: 'count',
    unit: '× 10 ms',
    default: 3000,
    range: U32,
    usual: [1, 10_000],
    meaning:
      'How old dirty pages become before periodic write-back takes their file. Lower: less is lost in a power cut, and more is written twice.',
  },
  dirtyWritebackCentisecs: {
    label: 'Write-back period',
    kind: 'count',
    unit: '× 10 ms',
    default: 500,
    range: U32,
    usual: [0, 10_000],
    meaning: 'Time between two periodic write-backs; 0: never, so that only limits and fsync write.',
  },
  writeBandwidth: {
    label: 'Bandwidth of paused writers',
    kind: 'rate',
    default: 104857600,
    range: [PAGE, MAX_U32 * PAGE],
    step: PAGE,
    usual: [1024 * 1024, 1024 * 1024 * 1024],
    meaning: 'What writers are held to while they are paused by the dirty limit. Lower: longer pauses.',
  },
};

export const BLOCK_KNOBS: KnobsOf<BlockOptions> = {
  merge: {
    label: 'Merging',
    kind: 'switch',
    default: true,
    meaning:
      'Neighbouring requests are joined while they wait, in the guest and in the block layer. Off: watch the number of requests at the drive grow.',
  },
  seed: {
    label: 'Seed',
    kind: 'count',
    default: 1,
    range: U32,
    meaning: 'All chance in the machine and in random work follows from it: the same seed, the same run.',
  },
};

export const VOLUME_KNOB: Knob = {
  label: 'Volume',
  kind: 'switch',
  default: false,
  meaning: 'A file system with names and a journal on a drive. Without it, files are plain extents.',
};

export const VOLUME_KNOBS: KnobsOf<VolumeConfig> = {
  profile: {
    label: 'Crash profile',
    kind: 'choice',
    default: 'journal',
    choices: VOLUME_PROFILES,
    meaning:
      'What of names and sizes a crash may take: as a journal, as ext4 ordered, as POSIX strictly, or renames in pieces.',
  },
  drive: {
    label: 'Drive of the volume',
    kind: 'count',
    default: 0,
    meaning: 'Number of the drive that the volume lies on.',
  },
  size: {
    label: 'Size of the volume',
    kind: 'size',
    default: undefined,
    defaultText: 'the whole drive',
    meaning: 'Bytes of the drive that the volume takes.',
  },
  inodes: {
    label: 'Inodes',
    kind: 'count',
    default: undefined,
    defaultText: 'one for each 16 KiB',
    meaning: 'Files and directories that it has room for; one more is an error, ENOSPC.',
  },
  extents: {
    label: 'Extents',
    kind: 'count',
    default: undefined,
    defaultText: 'one for each block',
    range: rangeOfField(CONFIG_VOLUME_EXTENTS),
    meaning: 'Pieces of all files together; fewer, and a scattered file finds no room.',
  },
  format: {
    label: 'Always format',
    kind: 'switch',
    default: false,
    meaning: 'Makes a new volume whatever the drive holds. Off: only a blank drive gets one.',
  },
  mount: {
    label: 'Mount at the start',
    kind: 'switch',
    default: true,
    meaning: 'Off: the machine has room for the volume, and does not open it. Clients of files need it.',
  },
};

/** Of each file of `machine.files`; its name is what clients call it by, and no knob. */
export const FILE_KNOBS: KnobsOf<Omit<FileConfig, 'name'>> = {
  drive: { label: 'Drive', kind: 'count', default: 0, meaning: 'Number of the drive that the file lies on.' },
  capacity: {
    label: 'Capacity',
    kind: 'size',
    default: undefined,
    defaultText: 'must be given',
    meaning: 'Room for the file, in whole blocks. A write behind it fails.',
  },
  size: {
    label: 'Size at the start',
    kind: 'size',
    default: 0,
    meaning:
      'A write inside the size may need a read-in; one behind it does not, since there is nothing to read.',
  },
  offset: {
    label: 'Place on the drive',
    kind: 'size',
    default: undefined,
    defaultText: 'behind the file before it',
    meaning: 'Where its extent begins. On a disk, files that lie far apart make the head move.',
  },
  atCapacity: {
    label: 'When it is full',
    kind: 'choice',
    default: 'ENOSPC',
    choices: ['ENOSPC', 'EFBIG'],
    meaning: 'What a write that begins behind the capacity answers: no space left, or file too large.',
  },
};

export const RING_KNOBS: KnobsOf<RingOptions> = {
  buffers: {
    label: "Clients' memory",
    kind: 'size',
    default: 8388608,
    range: U32,
    meaning: 'Memory for buffers, rings and requests of clients. Too little, and requests do not fit.',
  },
  sharedMemory: {
    label: 'Shared memory',
    kind: 'size',
    default: 8388608,
    range: U32,
    meaning: 'Memory that USRBIO rings and buffers are taken from, which client and daemon share.',
  },
  aioMaxNr: {
    label: 'AIO events at most',
    kind: 'count',
    default: limits.DEFAULT_AIO_MAX_NR,
    range: rangeOfField(CONFIG_AIO_MAX_NR),
    meaning:
      'Events of all Linux AIO contexts together (fs.aio-max-nr); a context that does not fit is refused.',
  },
};

export const USRBIO_KNOBS: KnobsOf<UsrbioConfig> = {
  chunkSize: {
    label: 'USRBIO chunk',
    kind: 'size',
    default: limits.DEFAULT_USRBIO_CHUNK_BYTES,
    range: rangeOfField(CONFIG_USRBIO_CHUNK_BYTES),
    step: PAGE,
    usual: [PAGE, 8 * 1024 * 1024],
    meaning: 'Requests are cut where a chunk of the file ends: smaller chunks, more requests below.',
  },
  priority: {
    label: 'USRBIO priorities',
    kind: 'switch',
    default: false,
    meaning: 'The daemon works on rings of high priority first.',
  },
  readOnly: {
    label: 'USRBIO read-only user',
    kind: 'switch',
    default: false,
    meaning: 'Requests of write rings end with EROFS.',
  },
};

const limit = (label: string, value: number, field: number, meaning: string): Knob => ({
  label,
  kind: 'count',
  default: value,
  range: rangeOfField(field),
  meaning,
});

type Limits = Required<NonNullable<MachineConfig['limits']>>;

export const LIMIT_KNOBS: KnobsOf<Limits> = {
  maxSectors: limit(
    'Longest request',
    limits.DEFAULT_MAX_SECTORS,
    CONFIG_MAX_SECTORS,
    'Sectors of 512 bytes in one merged request. Lower: watch merging stop with "too long".',
  ),
  maxSegments: limit(
    'Pieces of a request',
    limits.DEFAULT_MAX_SEGMENTS,
    CONFIG_MAX_SEGMENTS,
    'Pieces of memory that one merged request may have. 1: nothing merges.',
  ),
  blockRequests: limit(
    'Requests of the block layer',
    limits.DEFAULT_BLOCK_REQUESTS,
    CONFIG_BLOCK_REQUESTS,
    'Requests that clients of the block layer have in flight, with their plug.',
  ),
  operations: limit(
    'Operations',
    limits.DEFAULT_OPERATIONS,
    CONFIG_OPERATIONS,
    'Requests on files and drives that run at once; more wait.',
  ),
  bios: limit(
    'Pieces in flight',
    limits.DEFAULT_BIOS,
    CONFIG_BIOS,
    'Pieces of requests below the cache at one time.',
  ),
  spans: limit(
    'Spans',
    limits.DEFAULT_SPANS,
    CONFIG_SPANS,
    'Pieces of memory that requests in flight may name together.',
  ),
  virtioRequests: limit(
    'Guest requests',
    limits.DEFAULT_VIRTIO_REQUESTS,
    CONFIG_VIRTIO_REQUESTS,
    'Requests of all guests that the device holds at one time.',
  ),
  bluestoreAios: limit(
    'BlueStore requests',
    limits.DEFAULT_BLUESTORE_AIOS,
    CONFIG_BLUESTORE_AIOS,
    "Requests of BlueStore's queues at one time.",
  ),
  usrbioParts: limit(
    'USRBIO parts',
    limits.DEFAULT_USRBIO_PARTS,
    CONFIG_USRBIO_PARTS,
    'Parts of USRBIO requests that run at one time.',
  ),
  identities: {
    ...limit(
      'Remembered requests',
      limits.DEFAULT_IDENTITIES,
      CONFIG_IDENTITIES,
      'How many places chance remembers how often they were asked for.',
    ),
    isPowerOfTwo: true,
  },
  faultRules: limit(
    'Fault rules',
    limits.DEFAULT_FAULT_RULES,
    CONFIG_FAULT_RULES,
    'Rules of faults that the machine has room for.',
  ),
  faultLayers: limit(
    'Damaged places',
    limits.DEFAULT_FAULT_LAYERS,
    CONFIG_FAULT_LAYERS,
    'Places whose damage is remembered until it is overwritten.',
  ),
};
