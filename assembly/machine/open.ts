// Opening: builds the parts from one config, in one claim of memory, and connects completions to their handlers.
//
// Verbs: machineOpen. Layout: config | client memory (buffers, AIO rings, the player's rings and data) | private memory.
// Invariant: all memory is claimed here or nothing has changed; HANDLERS is filled here and nowhere else.

import { arenaBytes, arenaClaim, arenaCommit, arenaStart } from '../base/arena';
import { clientMemoryFrom, clientMemoryTo } from '../base/client-memory';
import { clockClaim } from '../base/clock';
import {
  dispatchClaim,
  handle,
  KIND_AIO_DONE,
  KIND_AIO_READY,
  KIND_BACKEND_DONE,
  KIND_BLOCK_DEVICE_DONE,
  KIND_BLOCK_RESUME,
  KIND_CALL_DONE,
  KIND_DRIVE_BACKGROUND,
  KIND_DRIVE_LATE,
  KIND_DRIVE_RELEASED,
  KIND_DRIVE_SERVED,
  KIND_DRIVE_TIMEOUT,
  KIND_ENGINE_AIO_READY,
  KIND_ENGINE_AIO_RETRY,
  KIND_ENGINE_DONE,
  KIND_ENGINE_THREAD,
  KIND_EVENTFD_SIGNALLED,
  KIND_FLASH_ARRIVED,
  KIND_FLASH_DIE,
  KIND_FLASH_MOVED,
  KIND_FLASH_PROGRAMMED,
  KIND_FLUSHER_RESUME,
  KIND_FLUSHER_TICK,
  KIND_GUEST_INTERRUPT,
  KIND_INODE_EVICTED,
  KIND_JOURNAL_BIO,
  KIND_JOURNAL_RESUME,
  KIND_JOURNAL_TICK,
  KIND_KERNEL_DEVICE_DONE,
  KIND_KERNEL_DEVICE_READY,
  KIND_OPERATION_BIO,
  KIND_OPERATION_RESUME,
  KIND_PAGES_READ,
  KIND_PAGES_WRITTEN,
  KIND_PAUSE_OVER,
  KIND_PLAYER_ARRIVAL,
  KIND_PLAYER_DONE,
  KIND_PLAYER_PART,
  KIND_PLAYER_SYNCED,
  KIND_READAHEAD_DONE,
  KIND_RECORD_DONE,
  KIND_RECORD_RESUME,
  KIND_REQUEST_DONE,
  KIND_SPANS_BACK,
  KIND_SYNC_DONE,
  KIND_USRBIO_HOLD,
  KIND_USRBIO_PART,
  KIND_USRBIO_READY,
  KIND_USRBIO_SCAN,
} from '../base/dispatch';
import { EBUSY, ENOMEM } from '../base/errno';
import { identityClaim, identityInit } from '../base/identity';
import { operationClaim, operationInit } from '../base/operation';
import { recordsClaim, recordsSwitch } from '../base/record';
import { spanClaim, spanInit } from '../base/span';
import { deadlineClaim, deadlineInit } from '../block/deadline';
import { endClaim } from '../block/end-index';
import { flushClaim } from '../block/flush';
import { blockInit, requestDone } from '../block/queue';
import { statClaim } from '../block/stat';
import { submissionClaim, submissionDone, submissionInit } from '../block/submission';
import { dirtyLimitsInit } from '../cache/dirty-limits';
import { evictionClaim, evictionInit } from '../cache/eviction';
import { flusherInit, flusherResume, flusherTick } from '../cache/flusher';
import { inodeClaim } from '../cache/inode';
import { pageClaim, pageInit } from '../cache/page';
import { indexClaim } from '../cache/page-index';
import { pagesRead, pagesWritten, readaheadDone } from '../cache/page-io';
import { readaheadInit } from '../cache/readahead';
import { pauseOver, throttleInit } from '../cache/throttle';
import { backingClaim } from '../drive/backing';
import { driveLate, driveReleased, driveServed, driveTimedOut } from '../drive/drive';
import { driveAt, driveClaim, driveCount, driveInit } from '../drive/drive-table';
import { driveTimesClaim } from '../drive/drive-times';
import { episodesClaim, episodesInit } from '../drive/episodes';
import { faultsClaim, faultsInit } from '../drive/faults';
import { latencyClaim, latencyInit } from '../drive/latency';
import { flashDriveClaim, flashDriveInit, partMoved } from '../drive/models/flash';
import { programDone, writeArrived } from '../drive/models/flash-buffer';
import { dieDone } from '../drive/models/flash-dies';
import { requestClaim, requestInit } from '../drive/request';
import { serviceClaim, serviceInit, serviceWoken } from '../drive/service';
import { volatileClaim, volatileInit } from '../drive/volatile-cache';
import { logClaim, logInit } from '../drive/write-log';
import { descriptorClaim, descriptorInit } from '../files/descriptor';
import { operationBioDone } from '../files/drive-range';
import { resumeOperation } from '../files/file-operation';
import { flatInit } from '../files/flat';
import { holesClaim, holesInit } from '../files/holes';
import { syncFlushDone } from '../files/sync';
import { evictInit, inodeEvicted } from '../files/volume/evict';
import { extentsClaim } from '../files/volume/extents';
import { volume, volumeLayout } from '../files/volume/geometry';
import { imageClaim } from '../files/volume/image';
import { journalTick } from '../files/volume/journal';
import { namesClaim } from '../files/volume/names';
import { recordAreaClaim, recordAreaInit, recordDone, recordsResumed } from '../files/volume/records';
import { replayClaim } from '../files/volume/replay';
import { sectorIoInit } from '../files/volume/sector-io';
import { taskBioDone, taskResumed } from '../files/volume/task';
import { transactionClaim } from '../files/volume/transaction';
import { verifyClaim } from '../files/volume/verify';
import { volumeIomapInit } from '../files/volume/volume-iomap';
import { backendInit } from '../guest/block-backend';
import { nodesClaim, nodesInit } from '../guest/block-node';
import {
  DETECT_OFF,
  DETECT_ON,
  DETECT_UNMAP,
  engineDone,
  requestResume,
  requestsClaim,
  requestsInit,
} from '../guest/block-request';
import { engineClaim, engineClaimPrivate, engineInit } from '../guest/engine';
import { linuxAioReady, linuxAioRetry } from '../guest/engine-linux-aio';
import { threadDone } from '../guest/engine-threads';
import { backendDone, blkClaim, blkInit, virtioSpansBack } from '../guest/virtio-blk';
import { deviceClaim as virtioDevicesClaim, deviceInit as virtioDevicesInit } from '../guest/virtio-device';
import { statsClaim } from '../guest/virtio-stats';
import {
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLOCK_REQUESTS,
  CONFIG_BLOCK_SIZE,
  CONFIG_BLUESTORE_AIOS,
  CONFIG_BUFFER_BYTES,
  CONFIG_CACHE_PAGES,
  CONFIG_DIRTY_BACKGROUND_PAGES,
  CONFIG_DIRTY_BACKGROUND_RATIO,
  CONFIG_DIRTY_EXPIRE_CENTISECS,
  CONFIG_DIRTY_PAGES,
  CONFIG_DIRTY_RATIO,
  CONFIG_DIRTY_WRITEBACK_CENTISECS,
  CONFIG_DRIVE_CHANNELS,
  CONFIG_DRIVE_COUNT,
  CONFIG_DRIVE_SCHEDULER,
  CONFIG_DRIVE_VOLATILE_WRITES,
  CONFIG_EPISODES,
  CONFIG_EVICTION,
  CONFIG_FAULT_LAYERS,
  CONFIG_FAULT_RULES,
  CONFIG_FILE_COUNT,
  CONFIG_IDENTITIES,
  CONFIG_LATENCY_POINTS,
  CONFIG_LOG_BUFFER_BYTES,
  CONFIG_MAX_SECTORS,
  CONFIG_MAX_SEGMENTS,
  CONFIG_MERGE,
  CONFIG_OPERATIONS,
  CONFIG_PAYLOAD,
  CONFIG_READAHEAD_PAGES,
  CONFIG_RECORD_CAPACITY,
  CONFIG_RECORDING,
  CONFIG_REPLAY_BATCH,
  CONFIG_REPLAY_DATA_BYTES,
  CONFIG_REPLAY_RECORDS,
  CONFIG_REPLAY_SECTORS,
  CONFIG_REPLAY_SLOTS,
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
  CONFIG_VOLUME_DRIVE,
  CONFIG_VOLUME_EXTENTS,
  CONFIG_VOLUME_FLAGS,
  CONFIG_VOLUME_INODES,
  CONFIG_WRITE_BANDWIDTH_PAGES,
  SCHEDULER_DEADLINE,
  VIRTIO_ENGINE_LINUX_AIO,
  VIRTIO_FLAG_DETECT_UNMAP,
  VIRTIO_FLAG_DETECT_ZEROES,
  VIRTIO_FLAG_EMULATE_FUA,
  VIRTIO_FLAG_IGNORE_DISCARD,
} from '../layout';
import {
  BLOCK_REQUEST_MAX_BYTES,
  BLOCK_REQUEST_SPANS,
  EVICTION_RESERVE_PAGES,
  MAX_USRBIO_RINGS,
  PAGE_SIZE,
} from '../limits';
import { playerArrival } from '../replay/flight';
import { playerClaim, playerClaimPrivate } from '../replay/lot';
import {
  playerAioReady,
  playerDiscardDone,
  playerInterrupt,
  playerPartDone,
  playerSynced,
  playerUsrbioReady,
} from '../replay/player';
import { contextClaim, contextClaimPrivate } from '../rings/aio-context';
import { pollWoken } from '../rings/aio-poll';
import { queueClaim, queueClaimPrivate } from '../rings/aio-queue';
import { deviceReady } from '../rings/aio-thread';
import { deviceAioClaim, deviceAioClaimPrivate, deviceAioInit } from '../rings/device-aio';
import { deviceCallClaim, deviceCallDone, deviceCallInit } from '../rings/device-call';
import { contextsClaim, contextsInit } from '../rings/io-context';
import { deviceClaim } from '../rings/kernel-device';
import { kiocbClaim, kiocbDone, kiocbInit } from '../rings/kiocb';
import { sharedClaim, sharedClaimPrivate, sharedRuns } from '../rings/shared-memory';
import { buffersClaim, buffersInit } from '../rings/usrbio-buffer';
import {
  daemonClaim,
  daemonInit,
  daemonScan,
  daemonSpansBack,
  holdOver,
  partDone,
} from '../rings/usrbio-daemon';
import { registrationsClaim, registrationsInit } from '../rings/usrbio-fd';
import { ringsClaim } from '../rings/usrbio-ring';
import { checkConfig, driveConfig, field, fileConfig, volumeBlocks } from './config';
import { isExplorer } from './crash-calls';
import { callDone } from './file-calls';
import { noteBuffers } from './root';

const DEFAULT_ALIGNMENT: u64 = 4096;
const PAYLOAD_FULL: u32 = 1;
/** Events by which a drive's model wakes itself, at most. */
const EVENTS_A_DRIVE: u32 = 4;

/** Handler of KIND_SPANS_BACK: whoever found none tries again. */
function spansBack(owner: usize, result: i32): void {
  virtioSpansBack(owner, result);
  daemonSpansBack();
}

function registerHandlers(): void {
  handle(KIND_OPERATION_RESUME, resumeOperation);
  handle(KIND_DRIVE_SERVED, driveServed);
  handle(KIND_DRIVE_RELEASED, driveReleased);
  handle(KIND_DRIVE_BACKGROUND, serviceWoken);
  handle(KIND_DRIVE_LATE, driveLate);
  handle(KIND_DRIVE_TIMEOUT, driveTimedOut);
  handle(KIND_REQUEST_DONE, requestDone);
  handle(KIND_FLASH_DIE, dieDone);
  handle(KIND_FLASH_MOVED, partMoved);
  handle(KIND_FLASH_ARRIVED, writeArrived);
  handle(KIND_FLASH_PROGRAMMED, programDone);
  handle(KIND_BLOCK_DEVICE_DONE, submissionDone);
  handle(KIND_PAGES_READ, pagesRead);
  handle(KIND_READAHEAD_DONE, readaheadDone);
  handle(KIND_PAGES_WRITTEN, pagesWritten);
  handle(KIND_FLUSHER_RESUME, flusherResume);
  handle(KIND_FLUSHER_TICK, flusherTick);
  handle(KIND_PAUSE_OVER, pauseOver);
  handle(KIND_OPERATION_BIO, operationBioDone);
  handle(KIND_INODE_EVICTED, inodeEvicted);
  handle(KIND_JOURNAL_BIO, taskBioDone);
  handle(KIND_JOURNAL_RESUME, taskResumed);
  handle(KIND_JOURNAL_TICK, journalTick);
  handle(KIND_RECORD_DONE, recordDone);
  handle(KIND_RECORD_RESUME, recordsResumed);
  handle(KIND_SYNC_DONE, syncFlushDone);
  handle(KIND_AIO_DONE, kiocbDone);
  handle(KIND_EVENTFD_SIGNALLED, pollWoken);
  handle(KIND_BACKEND_DONE, backendDone);
  handle(KIND_BLOCK_RESUME, requestResume);
  handle(KIND_ENGINE_DONE, engineDone);
  handle(KIND_ENGINE_THREAD, threadDone);
  handle(KIND_ENGINE_AIO_READY, linuxAioReady);
  handle(KIND_ENGINE_AIO_RETRY, linuxAioRetry);
  handle(KIND_CALL_DONE, callDone);
  handle(KIND_GUEST_INTERRUPT, playerInterrupt);
  handle(KIND_AIO_READY, playerAioReady);
  handle(KIND_PLAYER_ARRIVAL, playerArrival);
  handle(KIND_PLAYER_DONE, playerDiscardDone);
  handle(KIND_PLAYER_PART, playerPartDone);
  handle(KIND_PLAYER_SYNCED, playerSynced);
  handle(KIND_KERNEL_DEVICE_READY, deviceReady);
  handle(KIND_KERNEL_DEVICE_DONE, deviceCallDone);
  handle(KIND_SPANS_BACK, spansBack);
  handle(KIND_USRBIO_READY, playerUsrbioReady);
  handle(KIND_USRBIO_SCAN, daemonScan);
  handle(KIND_USRBIO_PART, partDone);
  handle(KIND_USRBIO_HOLD, holdOver);
}

/** Operations of the rings, one for each virtio request and each USRBIO part, and the synchronous call's own. */
function operationTotal(): u32 {
  return (
    field(CONFIG_OPERATIONS) +
    field(CONFIG_VIRTIO_REQUESTS) +
    max<u32>(field(CONFIG_REPLAY_BATCH), field(CONFIG_REPLAY_SLOTS)) +
    field(CONFIG_USRBIO_PARTS) +
    8
  );
}

/** The block layer's own spans, and as many as there are when Linux AIO names each piece again. */
function spanReserve(): u32 {
  const own = field(CONFIG_VIRTIO_REQUESTS) * BLOCK_REQUEST_SPANS;
  return field(CONFIG_VIRTIO_ENGINE) == VIRTIO_ENGINE_LINUX_AIO ? own * 2 + field(CONFIG_SPANS) : own;
}

function powerOfTwoAbove(value: u32): u32 {
  let power: u32 = 1024;
  while (power < value) power <<= 1;
  return power;
}

function claimClientMemory(): void {
  const buffers = arenaClaim(field(CONFIG_BUFFER_BYTES), DEFAULT_ALIGNMENT);
  noteBuffers(buffers, field(CONFIG_BUFFER_BYTES));
  clientMemoryFrom(buffers);
  contextClaim(field(CONFIG_AIO_MAX_NR));
  queueClaim();
  deviceAioClaim(field(CONFIG_BLUESTORE_AIOS));
  sharedClaim(field(CONFIG_SHARED_BYTES));
  engineClaim(field(CONFIG_VIRTIO_ENGINE));
  if (field(CONFIG_REPLAY_RECORDS) > 0) {
    playerClaim(
      field(CONFIG_DRIVE_COUNT),
      field(CONFIG_REPLAY_RECORDS),
      field(CONFIG_REPLAY_BATCH),
      field(CONFIG_REPLAY_SLOTS),
      field(CONFIG_REPLAY_DATA_BYTES),
    );
  }
  clientMemoryTo(<usize>arenaBytes());
}

function claimParts(): void {
  const drives = field(CONFIG_DRIVE_COUNT);
  const bios = field(CONFIG_BIOS);
  const hasBytes = field(CONFIG_PAYLOAD) == PAYLOAD_FULL;
  if (field(CONFIG_REPLAY_RECORDS) > 0)
    playerClaimPrivate(drives, field(CONFIG_REPLAY_SECTORS), field(CONFIG_REPLAY_TIMING));
  contextClaimPrivate();
  queueClaimPrivate();
  deviceAioClaimPrivate();
  deviceClaim();
  contextsClaim();
  deviceCallClaim();
  sharedClaimPrivate();
  kiocbClaim(field(CONFIG_OPERATIONS));
  buffersClaim();
  ringsClaim(sharedRuns.pageCount);
  registrationsClaim();
  daemonClaim(field(CONFIG_USRBIO_PARTS));
  holesClaim();
  recordsClaim(field(CONFIG_RECORD_CAPACITY));
  identityClaim(field(CONFIG_IDENTITIES));
  operationClaim(operationTotal());
  requestClaim(bios, drives);
  flushClaim(drives);
  submissionClaim(field(CONFIG_BLOCK_REQUESTS));
  spanClaim(field(CONFIG_SPANS), spanReserve());
  dispatchClaim(powerOfTwoAbove((operationTotal() * 3 + bios * 2 + drives) * 2));
  const requestSectors = field(CONFIG_MAX_SECTORS);
  const flashEvents = flashDriveClaim(driveConfig(0), drives, bios, requestSectors, field(CONFIG_SEED));
  clockClaim(bios + drives * (1 + EVENTS_A_DRIVE) + MAX_USRBIO_RINGS + 17 + flashEvents);
  let channels: u32 = 0;
  let cached: u32 = bios;
  let deadlines: u32 = 0;
  for (let index: u32 = 0; index < drives; index++) {
    const drive = driveConfig(index);
    channels += load<u32>(drive, CONFIG_DRIVE_CHANNELS);
    cached += load<u32>(drive, CONFIG_DRIVE_VOLATILE_WRITES) + 1;
    if (load<u32>(drive, CONFIG_DRIVE_SCHEDULER) == <u32>SCHEDULER_DEADLINE) deadlines++;
  }
  driveClaim(drives, channels, hasBytes);
  serviceClaim(driveConfig(0), drives);
  latencyClaim(field(CONFIG_LATENCY_POINTS));
  episodesClaim(field(CONFIG_EPISODES));
  statClaim(drives);
  deadlineClaim(deadlines);
  if (deadlines > 0) endClaim(powerOfTwoAbove(bios));
  driveTimesClaim(drives, field(CONFIG_REPLAY_RECORDS) > 0);
  volatileClaim(cached);
  faultsClaim(field(CONFIG_FAULT_RULES), field(CONFIG_FAULT_LAYERS));
  backingClaim(field(CONFIG_MAX_SEGMENTS));
  claimVolume(drives + field(CONFIG_FILE_COUNT));
  descriptorClaim();
  const pageTotal = field(CONFIG_CACHE_PAGES) + EVICTION_RESERVE_PAGES;
  pageClaim(pageTotal, hasBytes);
  indexClaim(pageTotal);
  evictionClaim(field(CONFIG_EVICTION), field(CONFIG_CACHE_PAGES));
  claimVirtio();
  logClaim(field(CONFIG_LOG_BUFFER_BYTES), field(CONFIG_MAX_SEGMENTS));
}

/** Inodes of the cache, and the volume's own memory when there is one. Its inodes count from 1. */
function claimVolume(flatTotal: u32): void {
  const inodes = field(CONFIG_VOLUME_INODES);
  inodeClaim(flatTotal + (inodes > 0 ? inodes + 1 : 0));
  if (inodes == 0) return;
  volumeLayout(
    volumeBlocks(),
    ctz<u32>(field(CONFIG_BLOCK_SIZE)),
    inodes,
    field(CONFIG_VOLUME_EXTENTS),
    field(CONFIG_VOLUME_FLAGS),
  );
  volume.firstInode = flatTotal;
  volume.seed = field(CONFIG_SEED);
  imageClaim();
  namesClaim();
  transactionClaim();
  verifyClaim();
  recordAreaClaim();
  replayClaim();
  const blocksAPage = PAGE_SIZE / field(CONFIG_BLOCK_SIZE);
  extentsClaim(<u64>field(CONFIG_CACHE_PAGES) * blocksAPage + operationTotal());
}

function claimVirtio(): void {
  const deviceCount = field(CONFIG_VIRTIO_DEVICES);
  virtioDevicesClaim(deviceCount, field(CONFIG_VIRTIO_QUEUES));
  blkClaim(field(CONFIG_VIRTIO_REQUESTS));
  statsClaim(deviceCount);
  nodesClaim(deviceCount);
  requestsClaim(field(CONFIG_VIRTIO_REQUESTS));
  engineClaimPrivate(deviceCount);
}

/** Bytes of one job of the block layer: the limit, or the longest there is, in whole blocks. */
function virtioMaxTransfer(): u32 {
  const limit = field(CONFIG_VIRTIO_MAX_TRANSFER);
  const bytes = limit == 0 ? BLOCK_REQUEST_MAX_BYTES : limit;
  return bytes & ~(field(CONFIG_VIRTIO_ALIGNMENT) - 1);
}

function initVirtio(isMerging: bool): void {
  const flags = field(CONFIG_VIRTIO_FLAGS);
  let detectZeroes = DETECT_OFF;
  if (flags & VIRTIO_FLAG_DETECT_ZEROES)
    detectZeroes = flags & VIRTIO_FLAG_DETECT_UNMAP ? DETECT_UNMAP : DETECT_ON;
  nodesInit(field(CONFIG_VIRTIO_CACHE_MODE));
  engineInit(field(CONFIG_VIRTIO_ALIGNMENT), field(CONFIG_VIRTIO_WORKERS), field(CONFIG_VIRTIO_AIO_BATCH));
  requestsInit(
    field(CONFIG_VIRTIO_ALIGNMENT),
    virtioMaxTransfer(),
    detectZeroes,
    (flags & VIRTIO_FLAG_IGNORE_DISCARD) == 0,
    (flags & VIRTIO_FLAG_EMULATE_FUA) != 0,
  );
  backendInit(field(CONFIG_VIRTIO_READ_ERROR), field(CONFIG_VIRTIO_WRITE_ERROR));
  virtioDevicesInit();
  blkInit(virtioMaxTransfer(), field(CONFIG_VIRTIO_BLOCK_SIZE), isMerging, driveConfig(0));
}

/** Dirty limits, the pauses of writers over them, and the flusher. */
function initDirty(): void {
  dirtyLimitsInit(
    field(CONFIG_CACHE_PAGES),
    field(CONFIG_DIRTY_RATIO),
    field(CONFIG_DIRTY_PAGES),
    field(CONFIG_DIRTY_BACKGROUND_RATIO),
    field(CONFIG_DIRTY_BACKGROUND_PAGES),
  );
  throttleInit(field(CONFIG_WRITE_BANDWIDTH_PAGES));
  flusherInit(
    field(CONFIG_DIRTY_EXPIRE_CENTISECS),
    field(CONFIG_DIRTY_WRITEBACK_CENTISECS),
    field(CONFIG_WRITE_BANDWIDTH_PAGES),
  );
}

function initParts(): void {
  const isMerging = field(CONFIG_MERGE) != 0;
  registerHandlers();
  recordsSwitch(field(CONFIG_RECORDING) != 0);
  identityInit(field(CONFIG_SEED));
  operationInit();
  requestInit();
  spanInit();
  driveInit(driveConfig(0));
  serviceInit();
  latencyInit();
  episodesInit();
  volatileInit();
  flashDriveInit();
  faultsInit();
  logInit(field(CONFIG_DRIVE_COUNT));
  blockInit(field(CONFIG_MAX_SECTORS), field(CONFIG_MAX_SEGMENTS), isMerging);
  submissionInit();
  deadlineInit(driveConfig(0));
  flatInit(fileConfig(0), field(CONFIG_FILE_COUNT), ctz<u32>(field(CONFIG_BLOCK_SIZE)));
  volumeIomapInit();
  evictInit();
  sectorIoInit();
  recordAreaInit();
  if (field(CONFIG_VOLUME_INODES) > 0) volume.drive = changetype<usize>(driveAt(field(CONFIG_VOLUME_DRIVE)));
  descriptorInit();
  pageInit();
  initDirty();
  readaheadInit(field(CONFIG_READAHEAD_PAGES), field(CONFIG_CACHE_PAGES));
  evictionInit(field(CONFIG_EVICTION), field(CONFIG_CACHE_PAGES));
  kiocbInit();
  deviceAioInit();
  contextsInit();
  deviceCallInit();
  holesInit(field(CONFIG_USRBIO_CHUNK_BYTES));
  buffersInit(field(CONFIG_SEED));
  registrationsInit();
  daemonInit(field(CONFIG_USRBIO_FLAGS));
  initVirtio(isMerging);
}

/**
 * Builds the machine from the config at configAddress(). Once per instance. 0; EINVAL with ROOT_BAD_FIELD and
 * ROOT_BAD_INDEX; ENOMEM with ROOT_MEMORY_BYTES when more than 4 GiB are needed; EBUSY when it is open already.
 */
export function machineOpen(): i32 {
  if (driveCount() != 0 || isExplorer()) return -EBUSY;
  const checked = checkConfig();
  if (checked != 0) return checked;
  const configEnd = fileConfig(field(CONFIG_FILE_COUNT));
  arenaStart(configEnd);
  claimClientMemory();
  claimParts();
  if (!arenaCommit()) {
    driveClaim(0, 0, false);
    return -ENOMEM;
  }
  initParts();
  return 0;
}
