// What a scene's machine may say: every option by name and kind. What is in range, the machine says when it is opened.
//
// Verbs: checkMachine. The types say that no option is forgotten.

import { MODEL_NAMES } from '../../core/drive-models/index.ts';
import type {
  DeadlineConfig,
  DriveConfig,
  FileConfig,
  UsrbioConfig,
  VirtioConfig,
  VmConfig,
  VolumeConfig,
} from '../../core/options.ts';
import { CACHE_MODE_NAMES, ENGINES, EVICTIONS, SCHEDULERS, VOLUME_PROFILES } from '../../core/options.ts';
import {
  type Check,
  choice,
  either,
  fields,
  flag,
  isObject,
  leftOut,
  list,
  real,
  record,
  size,
  text,
  whole,
} from './check-values.ts';
import type { SceneMachine } from './types.ts';

/** A page can be asked for no more than this. */
export const MOST_MACHINE_BYTES = 1073741824;
export const MOST_DRIVES = 8;
const MOST_FILES = 64;
const MOST_POOL = 1048576;
const MOST_FAULTS = 64;
const MOST_POINTS = 4096;

const U32 = 0xffffffff;
const TIME = whole(0, Number.MAX_SAFE_INTEGER);
const COUNT = whole(0, U32);
const BYTES = size(0, Number.MAX_SAFE_INTEGER);
const MEMORY = size(0, MOST_MACHINE_BYTES);
const NAME = text(255, 1);
const SCALAR = either(
  [(value) => typeof value === 'number', real(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)],
  [(value) => typeof value === 'boolean', flag],
  [() => true, text(200)],
);
const POLICY = choice(['report', 'ignore', 'stop', 'enospc']);

type Checks<T> = Readonly<Record<keyof T, Check>>;

const PAIRS = list(list(real(0, Number.MAX_SAFE_INTEGER), 2, 2), 1, MOST_POINTS);
const LATENCIES: Checks<Exclude<DriveConfig['latencyNs'], number | undefined>> = {
  read: TIME,
  write: TIME,
  discard: TIME,
  writeZeroes: TIME,
  flush: TIME,
};
const DEADLINE: Checks<DeadlineConfig> = {
  readExpireMs: COUNT,
  writeExpireMs: COUNT,
  writesStarved: COUNT,
  fifoBatch: COUNT,
  frontMerges: flag,
};

const DRIVE: Checks<DriveConfig> = {
  size: BYTES,
  model: choice(MODEL_NAMES),
  parameters: record(SCALAR, 64),
  channels: COUNT,
  latencyNs: either([isObject, fields(LATENCIES)], [() => true, TIME]),
  latency: either(
    [isObject, fields({ lognormal: real(0, 10), histogram: PAIRS, factors: PAIRS })],
    [() => true, choice(['constant', 'exponential'])],
  ),
  episodes: list(
    fields(
      {
        kind: choice(['stall', 'slow']),
        atNs: TIME,
        lastsNs: TIME,
        everyNs: TIME,
        factor: real(1, 1_000_000),
      },
      ['kind', 'atNs', 'lastsNs'],
    ),
    0,
    64,
  ),
  queueDepth: COUNT,
  scheduler: choice(SCHEDULERS),
  deadline: fields(DEADLINE),
  volatileWrites: COUNT,
  fua: flag,
  discardZeroes: flag,
  promises: list(text(40), 0, 32),
  powerLossProtection: flag,
  dmaAlignment: COUNT,
  faults: list(
    either(
      [isObject, record(either([Array.isArray, list(text(20), 0, 8)], [() => true, SCALAR]), 40)],
      [() => true, text(400, 1)],
    ),
    0,
    MOST_FAULTS,
  ),
  timeoutNs: TIME,
  readOnly: flag,
  serial: text(20, 1),
  image: leftOut('a scene has no files of its own'),
  memory: leftOut('a scene has no memory of its own'),
};

const FILE: Checks<FileConfig> = {
  name: NAME,
  drive: COUNT,
  offset: BYTES,
  capacity: BYTES,
  size: BYTES,
  atCapacity: choice(['ENOSPC', 'EFBIG']),
};

const VM: Checks<VmConfig> = {
  dirtyRatio: COUNT,
  dirtyBackgroundRatio: COUNT,
  dirtyBytes: BYTES,
  dirtyBackgroundBytes: BYTES,
  dirtyExpireCentisecs: COUNT,
  dirtyWritebackCentisecs: COUNT,
  writeBandwidth: BYTES,
};

const VOLUME: Checks<VolumeConfig> = {
  drive: COUNT,
  size: BYTES,
  inodes: COUNT,
  extents: COUNT,
  format: flag,
  profile: choice(VOLUME_PROFILES),
  mount: leftOut('a scene mounts its volume'),
};

const VIRTIO: Checks<VirtioConfig> = {
  queues: COUNT,
  blockSize: BYTES,
  requestAlignment: BYTES,
  readError: POLICY,
  writeError: POLICY,
  engine: choice(ENGINES),
  workers: COUNT,
  aioBatch: COUNT,
  detectZeroes: choice(['off', 'on', 'unmap']),
  discard: choice(['unmap', 'ignore']),
  fua: choice(['native', 'flush']),
};

const USRBIO: Checks<UsrbioConfig> = { chunkSize: BYTES, priority: flag, readOnly: flag };

const POOL = whole(0, MOST_POOL);
const LIMITS: Checks<NonNullable<SceneMachine['limits']>> = {
  operations: POOL,
  bios: POOL,
  spans: POOL,
  maxSectors: COUNT,
  maxSegments: COUNT,
  virtioRequests: POOL,
  bluestoreAios: POOL,
  usrbioParts: POOL,
  identities: POOL,
  faultRules: POOL,
  faultLayers: POOL,
  blockRequests: POOL,
};

const MACHINE: Checks<SceneMachine> = {
  drives: list(fields(DRIVE), 1, MOST_DRIVES),
  files: list(fields(FILE, ['name', 'capacity']), 0, MOST_FILES),
  cache: MEMORY,
  blockSize: COUNT,
  eviction: choice(EVICTIONS),
  readahead: BYTES,
  vm: fields(VM),
  volume: either([isObject, fields(VOLUME)], [() => true, flag]),
  merge: flag,
  seed: COUNT,
  buffers: MEMORY,
  sharedMemory: size(0, MOST_MACHINE_BYTES / 2),
  aioMaxNr: POOL,
  cacheMode: choice(CACHE_MODE_NAMES),
  virtio: fields(VIRTIO),
  maxTransfer: COUNT,
  usrbio: fields(USRBIO),
  limits: fields(LIMITS),
};

/** Throws ConfigError for a field that is none, or is of another kind. */
export const checkMachine: Check = fields(MACHINE);
