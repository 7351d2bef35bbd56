// The config that the host wrote: reading it and refusing what is out of range.
//
// Verbs: field, driveConfig, fileConfig, checkConfig. Invariant: after checkConfig() has answered 0 every field is within
// limits.ts, so the parts need not look again.

import { EINVAL } from '../base/errno';
import { badParameter } from '../drive/models/parameters';
import { volumeLayout } from '../files/volume/geometry';
import {
  BAD_FIELD_DRIVES,
  BAD_FIELD_FILES,
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_UNSAFE,
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
  CONFIG_DRIVE_LATENCY_FIRST,
  CONFIG_DRIVE_LATENCY_KIND,
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_PARAMETERS,
  CONFIG_DRIVE_QUEUE_DEPTH,
  CONFIG_DRIVE_SCHEDULER,
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
  CONFIG_PAYLOAD,
  CONFIG_READAHEAD_PAGES,
  CONFIG_RECORD_CAPACITY,
  CONFIG_REPLAY_BATCH,
  CONFIG_REPLAY_RECORDS,
  CONFIG_REPLAY_SLOTS,
  CONFIG_REPLAY_SPEEDUP,
  CONFIG_REPLAY_TIMING,
  CONFIG_SIZE,
  CONFIG_SPANS,
  CONFIG_USRBIO_CHUNK_BYTES,
  CONFIG_USRBIO_PARTS,
  CONFIG_VIRTIO_AIO_BATCH,
  CONFIG_VIRTIO_ALIGNMENT,
  CONFIG_VIRTIO_BLOCK_SIZE,
  CONFIG_VIRTIO_CACHE_MODE,
  CONFIG_VIRTIO_DEVICES,
  CONFIG_VIRTIO_ENGINE,
  CONFIG_VIRTIO_MAX_TRANSFER,
  CONFIG_VIRTIO_QUEUES,
  CONFIG_VIRTIO_READ_ERROR,
  CONFIG_VIRTIO_REQUESTS,
  CONFIG_VIRTIO_WORKERS,
  CONFIG_VIRTIO_WRITE_ERROR,
  CONFIG_VOLUME_BLOCKS,
  CONFIG_VOLUME_DRIVE,
  CONFIG_VOLUME_EXTENTS,
  CONFIG_VOLUME_FLAGS,
  CONFIG_VOLUME_INODES,
  CONFIG_WRITE_BANDWIDTH_PAGES,
  DISTRIBUTION_COUNT,
  DISTRIBUTION_HISTOGRAM,
  DRIVE_FLAG_LOGGED,
  DRIVE_FLAG_UNDO,
  DRIVE_MODEL_FIXED,
  DRIVE_MODEL_NVME,
  EVICTION_S3_FIFO,
  FILE_FLAG_EFBIG,
  ON_ERROR_ENOSPC,
  REPLAY_TIMING_ASAP,
  REPLAY_TIMING_CLOSED,
  REPLAY_TIMING_TRACE,
  SCHEDULER_DEADLINE,
  VIRTIO_ENGINE_LINUX_AIO,
  VOLUME_PROFILE_ALICE,
} from '../layout';
import {
  BLOCK_REQUEST_MAX_BYTES,
  LINUX_AIO_MAX_EVENTS,
  MAX_BLOCK_REQUESTS,
  MAX_BLUESTORE_AIOS,
  MAX_CACHE_PAGES,
  MAX_CHANNELS,
  MAX_DRIVE_SHIFT,
  MAX_DRIVES,
  MAX_EXTENTS,
  MAX_FAULT_LAYERS,
  MAX_FAULT_RULES,
  MAX_FILES,
  MAX_INODES,
  MAX_IOVECS,
  MAX_LOG_BUFFER_BYTES,
  MAX_READAHEAD_PAGES,
  MAX_REPLAY_BATCH,
  MAX_REPLAY_SLOTS,
  MAX_REPLAY_SPEEDUP,
  MAX_VIRTIO_QUEUES,
  MAX_VIRTIO_WORKERS,
  MIN_LOG_BUFFER_BYTES,
  PAGE_SIZE,
  SECTOR_SIZE,
} from '../limits';
import { configStart, noteBadField } from './root';

const PAYLOAD_FULL: u32 = 1;
/** Sigma of a lognormal distribution, in millionths: 10. */
const SIGMA_MOST: u64 = 10000000;
const TIMING_MOST: u32 = 1048576;

function bad(field: u32, index: u32): i32 {
  noteBadField(field, index);
  return -EINVAL;
}

export function field(offset: usize): u32 {
  return load<u32>(configStart() + offset);
}

export function driveConfig(index: u32): usize {
  return configStart() + CONFIG_SIZE + <usize>index * CONFIG_DRIVE_SIZE;
}

export function fileConfig(index: u32): usize {
  return (
    configStart() +
    CONFIG_SIZE +
    <usize>field(CONFIG_DRIVE_COUNT) * CONFIG_DRIVE_SIZE +
    <usize>index * CONFIG_FILE_SIZE
  );
}

function isPowerOfTwo(value: u32): bool {
  return value != 0 && (value & (value - 1)) == 0;
}

/** Each field within its range (limits.ts); the first that is not is named in the root. */
export function checkConfig(): i32 {
  if (field(CONFIG_PAYLOAD) > PAYLOAD_FULL) return bad(CONFIG_PAYLOAD, 0);
  const records = field(CONFIG_RECORD_CAPACITY);
  if (records != 0 && !isPowerOfTwo(records)) return bad(CONFIG_RECORD_CAPACITY, 0);
  const cachePages = field(CONFIG_CACHE_PAGES);
  if (cachePages < 1 || cachePages > <u32>MAX_CACHE_PAGES) return bad(CONFIG_CACHE_PAGES, 0);
  const blockSize = field(CONFIG_BLOCK_SIZE);
  if (!isPowerOfTwo(blockSize) || blockSize < <u32>SECTOR_SIZE || blockSize > <u32>PAGE_SIZE)
    return bad(CONFIG_BLOCK_SIZE, 0);
  const dirty = checkDirty();
  if (dirty != 0) return dirty;
  if (field(CONFIG_READAHEAD_PAGES) > <u32>MAX_READAHEAD_PAGES) return bad(CONFIG_READAHEAD_PAGES, 0);
  if (field(CONFIG_EVICTION) > <u32>EVICTION_S3_FIFO) return bad(CONFIG_EVICTION, 0);
  if (field(CONFIG_OPERATIONS) < 1 || field(CONFIG_OPERATIONS) > 65536) return bad(CONFIG_OPERATIONS, 0);
  if (field(CONFIG_BIOS) < 4 || field(CONFIG_BIOS) > 1048576) return bad(CONFIG_BIOS, 0);
  if (field(CONFIG_SPANS) < 2048 || field(CONFIG_SPANS) > 16777216) return bad(CONFIG_SPANS, 0);
  if (field(CONFIG_MAX_SECTORS) < 8 || field(CONFIG_MAX_SECTORS) > 4194303) return bad(CONFIG_MAX_SECTORS, 0);
  if (field(CONFIG_MAX_SEGMENTS) < 1 || field(CONFIG_MAX_SEGMENTS) > <u32>MAX_IOVECS)
    return bad(CONFIG_MAX_SEGMENTS, 0);
  const drives = field(CONFIG_DRIVE_COUNT);
  if (drives < 1 || drives > <u32>MAX_DRIVES) return bad(CONFIG_DRIVE_COUNT, 0);
  if (field(CONFIG_FILE_COUNT) > <u32>MAX_FILES - drives) return bad(CONFIG_FILE_COUNT, 0);
  if (field(CONFIG_AIO_MAX_NR) > 4194304) return bad(CONFIG_AIO_MAX_NR, 0);
  if (field(CONFIG_BLUESTORE_AIOS) > <u32>MAX_BLUESTORE_AIOS) return bad(CONFIG_BLUESTORE_AIOS, 0);
  if (field(CONFIG_VIRTIO_DEVICES) > drives) return bad(CONFIG_VIRTIO_DEVICES, 0);
  if (field(CONFIG_VIRTIO_REQUESTS) > 65536) return bad(CONFIG_VIRTIO_REQUESTS, 0);
  if (field(CONFIG_BLOCK_REQUESTS) > <u32>MAX_BLOCK_REQUESTS) return bad(CONFIG_BLOCK_REQUESTS, 0);
  const virtio = checkVirtio();
  if (virtio != 0) return virtio;
  const parts = field(CONFIG_USRBIO_PARTS);
  if (parts < 1 || parts > 65536) return bad(CONFIG_USRBIO_PARTS, 0);
  const chunk = field(CONFIG_USRBIO_CHUNK_BYTES);
  if (chunk < <u32>PAGE_SIZE || (chunk & (PAGE_SIZE - 1)) != 0 || chunk > 1073741824)
    return bad(CONFIG_USRBIO_CHUNK_BYTES, 0);
  const batch = field(CONFIG_REPLAY_BATCH);
  if (field(CONFIG_REPLAY_RECORDS) != 0 && (batch < 1 || batch > <u32>MAX_REPLAY_BATCH))
    return bad(CONFIG_REPLAY_BATCH, 0);
  const timing = checkTiming();
  if (timing != 0) return timing;
  const identities = field(CONFIG_IDENTITIES);
  if (!isPowerOfTwo(identities) || identities < 16 || identities > 16777216) return bad(CONFIG_IDENTITIES, 0);
  const log = checkLog(drives);
  if (log != 0) return log;
  if (field(CONFIG_EPISODES) > TIMING_MOST) return bad(CONFIG_EPISODES, 0);
  if (field(CONFIG_LATENCY_POINTS) > TIMING_MOST) return bad(CONFIG_LATENCY_POINTS, 0);
  if (field(CONFIG_FAULT_RULES) > <u32>MAX_FAULT_RULES) return bad(CONFIG_FAULT_RULES, 0);
  if (field(CONFIG_FAULT_LAYERS) > <u32>MAX_FAULT_LAYERS) return bad(CONFIG_FAULT_LAYERS, 0);
  const checked = checkDrives(drives);
  return checked != 0 ? checked : checkVolume(drives);
}

/** A log needs bytes, and a buffer for the drives that are logged. */
function checkLog(drives: u32): i32 {
  const buffer = field(CONFIG_LOG_BUFFER_BYTES);
  if (buffer != 0) {
    const isMultiple = (buffer & 7) == 0;
    if (!isMultiple || !isWithin(CONFIG_LOG_BUFFER_BYTES, MIN_LOG_BUFFER_BYTES, MAX_LOG_BUFFER_BYTES))
      return bad(CONFIG_LOG_BUFFER_BYTES, 0);
    return field(CONFIG_PAYLOAD) == PAYLOAD_FULL ? 0 : bad(CONFIG_PAYLOAD, 0);
  }
  for (let index: u32 = 0; index < drives; index++) {
    if (load<u32>(driveConfig(index), CONFIG_DRIVE_FLAGS) & DRIVE_FLAG_LOGGED)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_FLAGS, index);
  }
  return 0;
}

/** Whoever does not play in lots has slots, and a trace a speed. */
function checkTiming(): i32 {
  const timing = field(CONFIG_REPLAY_TIMING);
  if (timing > <u32>REPLAY_TIMING_CLOSED) return bad(CONFIG_REPLAY_TIMING, 0);
  const least: u32 = timing == REPLAY_TIMING_ASAP ? 0 : 1;
  const most: u32 = timing == REPLAY_TIMING_ASAP ? 0 : MAX_REPLAY_SLOTS;
  if (!isWithin(CONFIG_REPLAY_SLOTS, least, most)) return bad(CONFIG_REPLAY_SLOTS, 0);
  const speedup = load<u64>(configStart() + CONFIG_REPLAY_SPEEDUP);
  const isSpeedGood = speedup > 0 && speedup <= <u64>MAX_REPLAY_SPEEDUP;
  return timing == REPLAY_TIMING_TRACE && !isSpeedGood ? bad(CONFIG_REPLAY_SPEEDUP, 0) : 0;
}

function isWithin(offset: usize, low: u32, high: u32): bool {
  return field(offset) >= low && field(offset) <= high;
}

/** Dirty limits: percent, and at least two pages where the limit is given in pages. */
function checkDirty(): i32 {
  if (!isWithin(CONFIG_DIRTY_RATIO, 0, 100)) return bad(CONFIG_DIRTY_RATIO, 0);
  if (!isWithin(CONFIG_DIRTY_BACKGROUND_RATIO, 0, 100)) return bad(CONFIG_DIRTY_BACKGROUND_RATIO, 0);
  if (field(CONFIG_DIRTY_PAGES) == 1) return bad(CONFIG_DIRTY_PAGES, 0);
  return field(CONFIG_WRITE_BANDWIDTH_PAGES) == 0 ? bad(CONFIG_WRITE_BANDWIDTH_PAGES, 0) : 0;
}

/** The devices of guests, and the block layer below them. */
function checkVirtio(): i32 {
  const mode = field(CONFIG_VIRTIO_CACHE_MODE);
  if (mode > <u32>CACHE_MODE_UNSAFE) return bad(CONFIG_VIRTIO_CACHE_MODE, 0);
  if (!isWithin(CONFIG_VIRTIO_QUEUES, 1, MAX_VIRTIO_QUEUES)) return bad(CONFIG_VIRTIO_QUEUES, 0);
  const blockSize = field(CONFIG_VIRTIO_BLOCK_SIZE);
  if (!isPowerOfTwo(blockSize) || !isWithin(CONFIG_VIRTIO_BLOCK_SIZE, SECTOR_SIZE, PAGE_SIZE))
    return bad(CONFIG_VIRTIO_BLOCK_SIZE, 0);
  const alignment = field(CONFIG_VIRTIO_ALIGNMENT);
  if (!isPowerOfTwo(alignment) || !isWithin(CONFIG_VIRTIO_ALIGNMENT, SECTOR_SIZE, PAGE_SIZE))
    return bad(CONFIG_VIRTIO_ALIGNMENT, 0);
  const maxTransfer = field(CONFIG_VIRTIO_MAX_TRANSFER);
  if (maxTransfer != 0 && !isWithin(CONFIG_VIRTIO_MAX_TRANSFER, alignment, BLOCK_REQUEST_MAX_BYTES))
    return bad(CONFIG_VIRTIO_MAX_TRANSFER, 0);
  if (field(CONFIG_VIRTIO_READ_ERROR) > <u32>ON_ERROR_ENOSPC) return bad(CONFIG_VIRTIO_READ_ERROR, 0);
  if (field(CONFIG_VIRTIO_WRITE_ERROR) > <u32>ON_ERROR_ENOSPC) return bad(CONFIG_VIRTIO_WRITE_ERROR, 0);
  const engine = field(CONFIG_VIRTIO_ENGINE);
  const isDirect = mode == CACHE_MODE_NONE || mode == CACHE_MODE_DIRECTSYNC;
  if (engine > <u32>VIRTIO_ENGINE_LINUX_AIO || (engine == VIRTIO_ENGINE_LINUX_AIO && !isDirect))
    return bad(CONFIG_VIRTIO_ENGINE, 0);
  if (!isWithin(CONFIG_VIRTIO_WORKERS, 1, MAX_VIRTIO_WORKERS)) return bad(CONFIG_VIRTIO_WORKERS, 0);
  return isWithin(CONFIG_VIRTIO_AIO_BATCH, 1, LINUX_AIO_MAX_EVENTS) ? 0 : bad(CONFIG_VIRTIO_AIO_BATCH, 0);
}

/** Blocks from the start of the drive that are the volume's. */
export function volumeBlocks(): u32 {
  const driveBytes = load<u64>(driveConfig(field(CONFIG_VOLUME_DRIVE)), CONFIG_DRIVE_SIZE_BYTES);
  const blocks = driveBytes >> ctz<u64>(field(CONFIG_BLOCK_SIZE));
  const wanted = field(CONFIG_VOLUME_BLOCKS);
  return wanted != 0 ? wanted : <u32>min<u64>(blocks, u32.MAX_VALUE);
}

/** The volume's drive, and tables that leave room for data on it. */
function checkVolume(drives: u32): i32 {
  const inodes = field(CONFIG_VOLUME_INODES);
  if (inodes == 0) return 0;
  if (field(CONFIG_PAYLOAD) != PAYLOAD_FULL) return bad(CONFIG_PAYLOAD, 0);
  if (field(CONFIG_VOLUME_DRIVE) >= drives) return bad(CONFIG_VOLUME_DRIVE, 0);
  if (inodes >= <u32>MAX_INODES - drives - field(CONFIG_FILE_COUNT)) return bad(CONFIG_VOLUME_INODES, 0);
  if (!isWithin(CONFIG_VOLUME_EXTENTS, 1, MAX_EXTENTS)) return bad(CONFIG_VOLUME_EXTENTS, 0);
  if (field(CONFIG_VOLUME_FLAGS) > <u32>VOLUME_PROFILE_ALICE) return bad(CONFIG_VOLUME_FLAGS, 0);
  const blockShift = ctz<u32>(field(CONFIG_BLOCK_SIZE));
  const driveBytes = load<u64>(driveConfig(field(CONFIG_VOLUME_DRIVE)), CONFIG_DRIVE_SIZE_BYTES);
  if ((<u64>volumeBlocks()) << blockShift > driveBytes) return bad(CONFIG_VOLUME_BLOCKS, 0);
  const extents = field(CONFIG_VOLUME_EXTENTS);
  const fits = volumeLayout(volumeBlocks(), blockShift, inodes, extents, field(CONFIG_VOLUME_FLAGS));
  return fits ? 0 : bad(CONFIG_VOLUME_BLOCKS, 0);
}

/** Which field of a drive's distribution is out of its range, or 0. */
function checkDistribution(drive: usize): u32 {
  const kind = load<u32>(drive, CONFIG_DRIVE_LATENCY_KIND);
  if (kind >= <u32>DISTRIBUTION_COUNT) return CONFIG_DRIVE_LATENCY_KIND;
  const isFixed = load<u32>(drive, CONFIG_DRIVE_MODEL) == DRIVE_MODEL_FIXED;
  if (kind == DISTRIBUTION_HISTOGRAM && !isFixed) return CONFIG_DRIVE_LATENCY_KIND;
  return load<u64>(drive, CONFIG_DRIVE_LATENCY_FIRST) > SIGMA_MOST ? CONFIG_DRIVE_LATENCY_FIRST : 0;
}

function checkDrives(drives: u32): i32 {
  const hasBytes = field(CONFIG_PAYLOAD) == PAYLOAD_FULL;
  for (let index: u32 = 0; index < drives; index++) {
    const drive = driveConfig(index);
    const size = load<u64>(drive, CONFIG_DRIVE_SIZE_BYTES);
    const isSizeGood =
      size >= <u64>SECTOR_SIZE && (size & (SECTOR_SIZE - 1)) == 0 && size <= (<u64>1) << MAX_DRIVE_SHIFT;
    if (!isSizeGood) return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_SIZE_BYTES, index);
    if (load<u32>(drive, CONFIG_DRIVE_MODEL) > <u32>DRIVE_MODEL_NVME)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_MODEL, index);
    const parameter = badParameter(load<u32>(drive, CONFIG_DRIVE_MODEL), drive + CONFIG_DRIVE_PARAMETERS);
    if (parameter >= 0)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_PARAMETERS + ((<u32>parameter) << 3), index);
    const badTiming = checkDistribution(drive);
    if (badTiming != 0) return bad(BAD_FIELD_DRIVES + badTiming, index);
    if (load<u32>(drive, CONFIG_DRIVE_SCHEDULER) > <u32>SCHEDULER_DEADLINE)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_SCHEDULER, index);
    const channels = load<u32>(drive, CONFIG_DRIVE_CHANNELS);
    if (channels < 1 || channels > <u32>MAX_CHANNELS)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_CHANNELS, index);
    const depth = load<u32>(drive, CONFIG_DRIVE_QUEUE_DEPTH);
    if (depth < 1 || depth > 65536) return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_QUEUE_DEPTH, index);
    if (load<u32>(drive, CONFIG_DRIVE_VOLATILE_WRITES) > 1048576)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_VOLATILE_WRITES, index);
    if ((load<u32>(drive, CONFIG_DRIVE_FLAGS) & DRIVE_FLAG_UNDO) != 0 && !hasBytes)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_FLAGS, index);
    if (load<u64>(drive, CONFIG_DRIVE_TIMEOUT) > (<u64>1) << 53)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_TIMEOUT, index);
    const dmaAlignment = load<u32>(drive, CONFIG_DRIVE_DMA_ALIGNMENT);
    if (!isPowerOfTwo(dmaAlignment) || dmaAlignment > <u32>PAGE_SIZE)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_DMA_ALIGNMENT, index);
  }
  for (let index: u32 = 0; index < field(CONFIG_FILE_COUNT); index++) {
    const file = fileConfig(index);
    const mask = <u64>(field(CONFIG_BLOCK_SIZE) - 1);
    const drive = load<u32>(file, CONFIG_FILE_DRIVE);
    if (drive >= drives) return bad(BAD_FIELD_FILES + CONFIG_FILE_DRIVE, index);
    const driveSize = load<u64>(driveConfig(drive), CONFIG_DRIVE_SIZE_BYTES);
    const offset = load<u64>(file, CONFIG_FILE_OFFSET_BYTES);
    if ((offset & mask) != 0 || offset > driveSize)
      return bad(BAD_FIELD_FILES + CONFIG_FILE_OFFSET_BYTES, index);
    const capacity = load<u64>(file, CONFIG_FILE_CAPACITY_BYTES);
    if (capacity == 0 || (capacity & mask) != 0 || capacity > driveSize - offset)
      return bad(BAD_FIELD_FILES + CONFIG_FILE_CAPACITY_BYTES, index);
    if (load<u64>(file, CONFIG_FILE_SIZE_BYTES) > capacity)
      return bad(BAD_FIELD_FILES + CONFIG_FILE_SIZE_BYTES, index);
    if (load<u32>(file, CONFIG_FILE_FLAGS) > <u32>FILE_FLAG_EFBIG)
      return bad(BAD_FIELD_FILES + CONFIG_FILE_FLAGS, index);
  }
  return 0;
}
