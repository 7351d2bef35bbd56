// The drives of a machine: one record each, filled from the config.
//
// Verbs: driveClaim, driveInit, driveCount, driveAt, movesBytes. The block layer keeps its waiting requests in the
// record, service.ts its channels, volatile-cache.ts its entries, drive.ts what it holds back.
// Layout: an array of Drive records in config order, then each drive's channel times.

import { arenaClaim } from '../base/arena';
import {
  CONFIG_DRIVE_CHANNELS,
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
  CONFIG_DRIVE_SCHEDULER,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_SIZE_BYTES,
  CONFIG_DRIVE_TIMEOUT,
  CONFIG_DRIVE_VOLATILE_WRITES,
  DISTRIBUTION_CONSTANT,
  DRIVE_FLAG_PLP,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';

@unmanaged
export class Drive {
  sizeSectors: u64;
  // five latencies, indexed by operation
  latencyRead: u64;
  latencyWrite: u64;
  latencyDiscard: u64;
  latencyWriteZeroes: u64;
  latencyFlush: u64;
  completedWrites: u64;
  index: u32;
  model: u32;
  channels: usize;
  channelCount: u32;
  queueDepth: u32;
  inFlight: u32;
  // the block layer's waiting requests
  queueHead: usize;
  queueTail: usize;
  queueCount: u32;
  /** What goes before them. */
  bypassHead: usize;
  bypassTail: usize;
  /** None of them goes to the drive. */
  isQueueHeld: u32;
  isHolding: u32;
  heldHead: usize;
  heldTail: usize;
  heldCount: u32;
  /** Requests whose completion a fault delays, or keeps for ever. */
  lateHead: usize;
  cachedHead: usize;
  cachedTail: usize;
  cachedCount: u32;
  volatileCount: u32;
  volatileLimit: u32;
  flags: u32;
  /** Bits that must be 0 in the address of a direct transfer's buffer (dma_alignment). */
  dmaMask: u32;
  /** WASI descriptor of the image, or -1. */
  fd: i32;
  /** WASI descriptor where replaced bytes are kept, or -1: then a power cut can not be played. */
  undoFd: i32;
  scheduler: u32;
  promises: u32;
  /** The block layer's scheduler, and the model, keep their own records here. */
  schedulerState: usize;
  /** Its scheduler has got requests of the plug that is being emptied; the next such drive. */
  isInPlug: u32;
  nextInPlug: usize;
  modelState: usize;
  /** 32 u64, by number. */
  parameters: usize;
  latencyKind: u32;
  /** Rules of faults and layers of damage that concern this drive; 0 is the fast path. */
  ruleCount: u32;
  layerCount: u32;
  /** Something here decides by identity, so accesses are counted. */
  needsIdentity: u32;
  latencyFirst: u64;
  latencySecond: u64;
  timeoutNs: u64;
  /** Points of its distribution (latency.ts): value u64, weights up to it u64. */
  latencyPoints: usize;
  latencyPointCount: u32;
  /** Its stalls and slow periods (episodes.ts), or 0. */
  episodes: usize;
}

@unmanaged
class DriveTable {
  base: usize;
  count: u32;
  channelBase: usize;
  movesBytes: u32;
}

const drives = changetype<DriveTable>(memory.data(offsetof<DriveTable>(), 16));

export function driveClaim(driveCount: u32, channelTotal: u32, movesBytes: bool): void {
  drives.count = driveCount;
  drives.movesBytes = movesBytes ? 1 : 0;
  drives.base = arenaClaim(<u64>driveCount * offsetof<Drive>(), 64);
  drives.channelBase = arenaClaim(<u64>channelTotal * 8, 16);
}

/** Reads `driveCount` drive configs at `config`. */
export function driveInit(config: usize): void {
  let channels = drives.channelBase;
  for (let index: u32 = 0; index < drives.count; index++) {
    const from = config + <usize>index * CONFIG_DRIVE_SIZE;
    const drive = driveAt(index);
    memory.fill(changetype<usize>(drive), 0, offsetof<Drive>());
    drive.index = index;
    drive.sizeSectors = load<u64>(from, CONFIG_DRIVE_SIZE_BYTES) >> SECTOR_SHIFT;
    drive.latencyRead = load<u64>(from, CONFIG_DRIVE_LATENCY_READ);
    drive.latencyWrite = load<u64>(from, CONFIG_DRIVE_LATENCY_WRITE);
    drive.latencyDiscard = load<u64>(from, CONFIG_DRIVE_LATENCY_DISCARD);
    drive.latencyWriteZeroes = load<u64>(from, CONFIG_DRIVE_LATENCY_WRITE_ZEROES);
    drive.latencyFlush = load<u64>(from, CONFIG_DRIVE_LATENCY_FLUSH);
    drive.model = load<u32>(from, CONFIG_DRIVE_MODEL);
    drive.channelCount = load<u32>(from, CONFIG_DRIVE_CHANNELS);
    drive.queueDepth = load<u32>(from, CONFIG_DRIVE_QUEUE_DEPTH);
    drive.volatileLimit = load<u32>(from, CONFIG_DRIVE_VOLATILE_WRITES);
    drive.flags = load<u32>(from, CONFIG_DRIVE_FLAGS);
    // what has completed is safe: as if there were no volatile cache
    if (drive.flags & DRIVE_FLAG_PLP) drive.volatileLimit = 0;
    drive.dmaMask = load<u32>(from, CONFIG_DRIVE_DMA_ALIGNMENT) - 1;
    drive.scheduler = load<u32>(from, CONFIG_DRIVE_SCHEDULER);
    drive.promises = load<u32>(from, CONFIG_DRIVE_PROMISES);
    drive.latencyKind = load<u32>(from, CONFIG_DRIVE_LATENCY_KIND);
    drive.latencyFirst = load<u64>(from, CONFIG_DRIVE_LATENCY_FIRST);
    drive.latencySecond = load<u64>(from, CONFIG_DRIVE_LATENCY_SECOND);
    if (drive.latencyKind != DISTRIBUTION_CONSTANT) drive.needsIdentity = 1;
    drive.timeoutNs = load<u64>(from, CONFIG_DRIVE_TIMEOUT);
    drive.parameters = from + CONFIG_DRIVE_PARAMETERS;
    drive.fd = -1;
    drive.undoFd = -1;
    drive.channels = channels;
    channels += (<usize>drive.channelCount) << 3;
  }
}

export function driveCount(): u32 {
  return drives.count;
}

export function driveAt(index: u32): Drive {
  return changetype<Drive>(drives.base + <usize>index * offsetof<Drive>());
}

export function movesBytes(): bool {
  return drives.movesBytes != 0;
}
