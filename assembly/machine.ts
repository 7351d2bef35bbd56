// The machine: builds the parts from one config, and is the only one that pumps.
//
// Verbs: open, step, run, runUntil, and the synchronous calls, each of which is start + pump until done.
// Layout: config | client memory (buffers, AIO rings, the player's rings and data) | private memory of the parts.
// Invariants: open claims all memory or changes nothing; event handlers never wait; time moves only here.

import { abortNote } from './base/abort';
import { arenaBytes, arenaClaim, arenaCommit, arenaStart } from './base/arena';
import { clientMemoryFrom, clientMemoryTo, isClientRange } from './base/client-memory';
import { advanceTo, clockClaim, eventCount, eventNextTime, eventPop, now } from './base/clock';
import { COUNTERS, count } from './base/counters';
import {
  callHandler,
  dispatchClaim,
  dispatchOne,
  dispatchPending,
  handle,
  KIND_AIO_DONE,
  KIND_AIO_READY,
  KIND_BACKEND_DONE,
  KIND_CALL_DONE,
  KIND_DRIVE_RELEASED,
  KIND_DRIVE_SERVED,
  KIND_GUEST_INTERRUPT,
  KIND_OPERATION_BIO,
  KIND_OPERATION_RESUME,
  KIND_PAGES_READ,
  KIND_PAGES_WRITTEN,
  KIND_PLAYER_DONE,
  KIND_REQUEST_DONE,
  KIND_SYNC_DONE,
} from './base/dispatch';
import { EAGAIN, EBADF, EBUSY, EDEADLK, EFAULT, EINVAL, ENODEV, ENOMEM } from './base/errno';
import { histogramPercentile } from './base/histogram';
import {
  FLAG_DSYNC,
  FLAG_SYNC,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_SYNC,
  OPERATION_WRITE,
  Operation,
  operationClaim,
  operationInit,
  operationPool,
  operationTake,
} from './base/operation';
import { recordRing, recordsClaim, recordsSwitch } from './base/record';
import { spanClaim, spanInit, spanPool, spanTake } from './base/span';
import { blockInit, plugBegin, plugEnd, requestDone } from './block/queue';
import { evictionInit } from './cache/eviction';
import { errseqCheckAndAdvance, Inode, inodeAt, inodeClaim, inodeCount } from './cache/inode';
import { pageClaim, pageInit } from './cache/page';
import { indexClaim } from './cache/page-index';
import { pagesRead, pagesWritten } from './cache/page-io';
import { backingClaim, backingClose, backingOpen, backingSize } from './drive/backing';
import {
  driveAt,
  driveClaim,
  driveCount,
  driveHold,
  driveInit,
  drivePowerCut,
  driveRelease,
  driveReleased,
  driveServed,
  movesBytes,
} from './drive/drive';
import { bioPool, requestClaim, requestInit, requestPool } from './drive/request';
import { volatileClaim, volatileInit } from './drive/volatile-cache';
import {
  descriptorClaim,
  descriptorClose,
  descriptorInit,
  descriptorOpen,
  OpenFile,
  openFileOf,
} from './files/descriptor';
import { operationBioDone } from './files/direct';
import { resumeOperation, startOperation, syncFlushDone } from './files/file-operation';
import { flatInit } from './files/flat';
import {
  backendDone,
  virtioClaim,
  virtioInit,
  virtioIsBroken,
  virtioNotify,
  virtioRequestPool,
  virtioSetQueue,
} from './guest/virtio-blk';
import {
  BAD_FIELD_DRIVES,
  BAD_FIELD_FILES,
  CACHE_MODE_UNSAFE,
  CONFIG_AIO_MAX_NR,
  CONFIG_BIOS,
  CONFIG_BLOCK_SIZE,
  CONFIG_BUFFER_BYTES,
  CONFIG_CACHE_PAGES,
  CONFIG_DRIVE_CHANNELS,
  CONFIG_DRIVE_COUNT,
  CONFIG_DRIVE_FLAGS,
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_QUEUE_DEPTH,
  CONFIG_DRIVE_SIZE,
  CONFIG_DRIVE_SIZE_BYTES,
  CONFIG_DRIVE_VOLATILE_WRITES,
  CONFIG_EVICTION,
  CONFIG_FILE_CAPACITY_BYTES,
  CONFIG_FILE_COUNT,
  CONFIG_FILE_DRIVE,
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
  CONFIG_SIZE,
  CONFIG_SPANS,
  CONFIG_VIRTIO_CACHE_MODE,
  CONFIG_VIRTIO_DEVICES,
  CONFIG_VIRTIO_MAX_TRANSFER,
  CONFIG_VIRTIO_REQUESTS,
  COUNTER_STEPS,
  DRIVE_FLAG_UNDO,
  DRIVE_MODEL_FIXED,
  IO_EVENT_SIZE,
  LATENCY_P50,
  LATENCY_P90,
  LATENCY_P99,
  LATENCY_P999,
  LATENCY_SIZE,
  OPEN_READ,
  OPEN_WRITE,
  ROOT_ABORT_FILE,
  ROOT_ABORT_LINE,
  ROOT_ABORT_MESSAGE,
  ROOT_BAD_FIELD,
  ROOT_BAD_INDEX,
  ROOT_BUFFER_BYTES,
  ROOT_BUFFERS,
  ROOT_CONFIG,
  ROOT_COUNTERS,
  ROOT_LATENCY,
  ROOT_MEMORY_BYTES,
  ROOT_NOW,
  ROOT_RECORD_CAPACITY,
  ROOT_RECORD_HASH,
  ROOT_RECORDS,
  ROOT_RECORDS_MADE,
  ROOT_REPLAY_GENERATIONS,
  ROOT_REPLAY_MIXED,
  ROOT_REPLAY_MIXED_CAPACITY,
  ROOT_REPLAY_RECORDS,
  ROOT_REPLAY_STATE,
  ROOT_SIZE,
  ROOT_USED_BIOS,
  ROOT_USED_KIOCBS,
  ROOT_USED_OPERATIONS,
  ROOT_USED_REQUESTS,
  ROOT_USED_SPANS,
  ROOT_USED_VIRTIO,
} from './layout';
import {
  EVICTION_RESERVE_PAGES,
  MAX_CACHE_PAGES,
  MAX_CHANNELS,
  MAX_DRIVE_SHIFT,
  MAX_DRIVES,
  MAX_FILES,
  MAX_IOVECS,
  MAX_REPLAY_BATCH,
  MAX_TRANSFER_BYTES,
  PAGE_SIZE,
  SECTOR_SIZE,
} from './limits';
import {
  playerAioReady,
  playerClaim,
  playerClaimPrivate,
  playerDiscardDone,
  playerGenerations,
  playerInit,
  playerInterrupt,
  playerIsIdle,
  playerLatency,
  playerMixed,
  playerMixedCapacity,
  playerNotify,
  playerPrepare,
  playerRecords,
  playerStart,
  replayState,
} from './replay/player';
import {
  aioClaim,
  aioDone,
  aioInit,
  ioCheckReap,
  ioDestroyEnd,
  ioInFlight,
  ioReap,
  ioSubmit,
  kiocbPool,
} from './rings/aio';

const root: usize = memory.data(ROOT_SIZE, 16);
const latency: usize = memory.data(LATENCY_SIZE, 16);
const event: usize = memory.data(32, 16);
/** The result of the synchronous call that is running: result i32, isDone u32. */
const call: usize = memory.data(8, 8);
const DEFAULT_ALIGNMENT: u64 = 4096;
const BIT_FULL: u32 = 1;

function configStart(): usize {
  return (__heap_base + 15) & ~(<usize>15);
}

/** Where the host writes the config before machineOpen. */
export function configAddress(): i32 {
  return <i32>configStart();
}

/** Where things are (ROOT_…), brought up to date by this call. */
export function rootAddress(): i32 {
  store<u32>(root, <u32>COUNTERS, ROOT_COUNTERS);
  store<u32>(root, <u32>recordRing.base, ROOT_RECORDS);
  store<u32>(root, recordRing.capacity, ROOT_RECORD_CAPACITY);
  store<u64>(root, recordRing.made, ROOT_RECORDS_MADE);
  store<u64>(root, recordRing.hash, ROOT_RECORD_HASH);
  store<u32>(root, <u32>playerRecords(), ROOT_REPLAY_RECORDS);
  store<u32>(root, <u32>playerGenerations(), ROOT_REPLAY_GENERATIONS);
  store<u32>(root, <u32>playerMixed(), ROOT_REPLAY_MIXED);
  store<u32>(root, playerMixedCapacity(), ROOT_REPLAY_MIXED_CAPACITY);
  store<u32>(root, <u32>replayState, ROOT_REPLAY_STATE);
  store<u32>(root, <u32>latency, ROOT_LATENCY);
  store<u32>(root, <u32>abortNote.message, ROOT_ABORT_MESSAGE);
  store<u32>(root, <u32>abortNote.file, ROOT_ABORT_FILE);
  store<u32>(root, abortNote.line, ROOT_ABORT_LINE);
  store<u32>(root, <u32>configStart(), ROOT_CONFIG);
  store<u64>(root, now(), ROOT_NOW);
  store<u64>(root, arenaBytes(), ROOT_MEMORY_BYTES);
  store<u32>(root, operationPool.used, ROOT_USED_OPERATIONS);
  store<u32>(root, bioPool.used, ROOT_USED_BIOS);
  store<u32>(root, spanPool.used, ROOT_USED_SPANS);
  store<u32>(root, requestPool.used, ROOT_USED_REQUESTS);
  store<u32>(root, kiocbPool.used, ROOT_USED_KIOCBS);
  store<u32>(root, virtioRequestPool.used, ROOT_USED_VIRTIO);
  return <i32>root;
}

function bad(field: u32, index: u32): i32 {
  store<u32>(root, field, ROOT_BAD_FIELD);
  store<u32>(root, index, ROOT_BAD_INDEX);
  return -EINVAL;
}

function field(offset: usize): u32 {
  return load<u32>(configStart() + offset);
}

function driveConfig(index: u32): usize {
  return configStart() + CONFIG_SIZE + <usize>index * CONFIG_DRIVE_SIZE;
}

function fileConfig(index: u32): usize {
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
function checkConfig(): i32 {
  if (field(CONFIG_PAYLOAD) > BIT_FULL) return bad(CONFIG_PAYLOAD, 0);
  const records = field(CONFIG_RECORD_CAPACITY);
  if (records != 0 && !isPowerOfTwo(records)) return bad(CONFIG_RECORD_CAPACITY, 0);
  const cachePages = field(CONFIG_CACHE_PAGES);
  if (cachePages < 1 || cachePages > <u32>MAX_CACHE_PAGES) return bad(CONFIG_CACHE_PAGES, 0);
  const blockSize = field(CONFIG_BLOCK_SIZE);
  if (!isPowerOfTwo(blockSize) || blockSize < <u32>SECTOR_SIZE || blockSize > <u32>PAGE_SIZE)
    return bad(CONFIG_BLOCK_SIZE, 0);
  if (field(CONFIG_EVICTION) != 0) return bad(CONFIG_EVICTION, 0);
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
  if (field(CONFIG_VIRTIO_DEVICES) > drives) return bad(CONFIG_VIRTIO_DEVICES, 0);
  if (field(CONFIG_VIRTIO_REQUESTS) > 65536) return bad(CONFIG_VIRTIO_REQUESTS, 0);
  if (field(CONFIG_VIRTIO_CACHE_MODE) > <u32>CACHE_MODE_UNSAFE) return bad(CONFIG_VIRTIO_CACHE_MODE, 0);
  const batch = field(CONFIG_REPLAY_BATCH);
  if (field(CONFIG_REPLAY_RECORDS) != 0 && (batch < 1 || batch > <u32>MAX_REPLAY_BATCH))
    return bad(CONFIG_REPLAY_BATCH, 0);
  return checkDrives(drives);
}

function checkDrives(drives: u32): i32 {
  const hasBytes = field(CONFIG_PAYLOAD) == BIT_FULL;
  for (let index: u32 = 0; index < drives; index++) {
    const drive = driveConfig(index);
    const size = load<u64>(drive, CONFIG_DRIVE_SIZE_BYTES);
    const isSizeGood =
      size >= <u64>SECTOR_SIZE && (size & (SECTOR_SIZE - 1)) == 0 && size <= (<u64>1) << MAX_DRIVE_SHIFT;
    if (!isSizeGood) return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_SIZE_BYTES, index);
    if (load<u32>(drive, CONFIG_DRIVE_MODEL) > <u32>DRIVE_MODEL_FIXED)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_MODEL, index);
    const channels = load<u32>(drive, CONFIG_DRIVE_CHANNELS);
    if (channels < 1 || channels > <u32>MAX_CHANNELS)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_CHANNELS, index);
    const depth = load<u32>(drive, CONFIG_DRIVE_QUEUE_DEPTH);
    if (depth < 1 || depth > 65536) return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_QUEUE_DEPTH, index);
    if (load<u32>(drive, CONFIG_DRIVE_VOLATILE_WRITES) > 1048576)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_VOLATILE_WRITES, index);
    if ((load<u32>(drive, CONFIG_DRIVE_FLAGS) & DRIVE_FLAG_UNDO) != 0 && !hasBytes)
      return bad(BAD_FIELD_DRIVES + CONFIG_DRIVE_FLAGS, index);
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
  }
  return 0;
}

function registerHandlers(): void {
  handle(KIND_OPERATION_RESUME, resumeOperation);
  handle(KIND_DRIVE_SERVED, driveServed);
  handle(KIND_DRIVE_RELEASED, driveReleased);
  handle(KIND_REQUEST_DONE, requestDone);
  handle(KIND_PAGES_READ, pagesRead);
  handle(KIND_PAGES_WRITTEN, pagesWritten);
  handle(KIND_OPERATION_BIO, operationBioDone);
  handle(KIND_SYNC_DONE, syncFlushDone);
  handle(KIND_AIO_DONE, aioDone);
  handle(KIND_BACKEND_DONE, backendDone);
  handle(KIND_CALL_DONE, callDone);
  handle(KIND_GUEST_INTERRUPT, playerInterrupt);
  handle(KIND_AIO_READY, playerAioReady);
  handle(KIND_PLAYER_DONE, playerDiscardDone);
}

/** Operations of the rings, one for each virtio request, and the synchronous call's own. */
function operationTotal(): u32 {
  return field(CONFIG_OPERATIONS) + field(CONFIG_VIRTIO_REQUESTS) + field(CONFIG_REPLAY_BATCH) + 8;
}

function powerOfTwoAbove(value: u32): u32 {
  let power: u32 = 1024;
  while (power < value) power <<= 1;
  return power;
}

function claimClientMemory(): void {
  store<u32>(root, field(CONFIG_BUFFER_BYTES), ROOT_BUFFER_BYTES);
  const buffers = arenaClaim(field(CONFIG_BUFFER_BYTES), DEFAULT_ALIGNMENT);
  store<u32>(root, <u32>buffers, ROOT_BUFFERS);
  clientMemoryFrom(buffers);
  aioClaim(field(CONFIG_AIO_MAX_NR), field(CONFIG_OPERATIONS));
  if (field(CONFIG_REPLAY_RECORDS) > 0) {
    playerClaim(
      field(CONFIG_DRIVE_COUNT),
      field(CONFIG_REPLAY_RECORDS),
      field(CONFIG_REPLAY_BATCH),
      field(CONFIG_REPLAY_DATA_BYTES),
    );
  }
  clientMemoryTo(<usize>arenaBytes());
}

function claimParts(): void {
  const drives = field(CONFIG_DRIVE_COUNT);
  const bios = field(CONFIG_BIOS);
  const hasBytes = field(CONFIG_PAYLOAD) == BIT_FULL;
  if (field(CONFIG_REPLAY_RECORDS) > 0) playerClaimPrivate(drives, field(CONFIG_REPLAY_SECTORS));
  recordsClaim(field(CONFIG_RECORD_CAPACITY));
  operationClaim(operationTotal());
  requestClaim(bios);
  spanClaim(field(CONFIG_SPANS));
  dispatchClaim(powerOfTwoAbove((operationTotal() * 3 + bios * 2 + drives) * 2));
  clockClaim(bios + 16);
  let channels: u32 = 0;
  let cached: u32 = bios;
  let hasUndo = false;
  for (let index: u32 = 0; index < drives; index++) {
    const drive = driveConfig(index);
    channels += load<u32>(drive, CONFIG_DRIVE_CHANNELS);
    cached += load<u32>(drive, CONFIG_DRIVE_VOLATILE_WRITES) + 1;
    if (load<u32>(drive, CONFIG_DRIVE_FLAGS) & DRIVE_FLAG_UNDO) hasUndo = true;
  }
  driveClaim(drives, channels, hasBytes);
  volatileClaim(cached, hasUndo);
  backingClaim(field(CONFIG_MAX_SEGMENTS));
  inodeClaim(drives + field(CONFIG_FILE_COUNT));
  descriptorClaim();
  const pageTotal = field(CONFIG_CACHE_PAGES) + EVICTION_RESERVE_PAGES;
  pageClaim(pageTotal, hasBytes);
  indexClaim(pageTotal);
  virtioClaim(field(CONFIG_VIRTIO_DEVICES), field(CONFIG_VIRTIO_REQUESTS));
}

function initParts(): void {
  const isMerging = field(CONFIG_MERGE) != 0;
  registerHandlers();
  recordsSwitch(field(CONFIG_RECORDING) != 0);
  operationInit();
  requestInit();
  spanInit();
  driveInit(driveConfig(0));
  volatileInit();
  blockInit(field(CONFIG_MAX_SECTORS), field(CONFIG_MAX_SEGMENTS), isMerging);
  flatInit(fileConfig(0), field(CONFIG_FILE_COUNT), ctz<u32>(field(CONFIG_BLOCK_SIZE)));
  descriptorInit();
  pageInit();
  evictionInit(field(CONFIG_CACHE_PAGES));
  aioInit();
  virtioInit(field(CONFIG_VIRTIO_CACHE_MODE), field(CONFIG_VIRTIO_MAX_TRANSFER), isMerging);
}

/**
 * Builds the machine from the config at configAddress(). Once per instance. 0; EINVAL with ROOT_BAD_FIELD and
 * ROOT_BAD_INDEX; ENOMEM with ROOT_MEMORY_BYTES when more than 4 GiB are needed; EBUSY when it is open already.
 */
export function machineOpen(): i32 {
  if (driveCount() != 0) return -EBUSY;
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

// ---- the pump ----

/** Runs one completion, or takes the next event. False when nothing is pending. */
function pumpOne(): bool {
  if (dispatchOne()) {
    count(COUNTER_STEPS);
    return true;
  }
  if (eventCount() == 0) return false;
  eventPop(event);
  count(COUNTER_STEPS);
  callHandler(load<u32>(event, 16), load<usize>(event, 20), 0);
  return true;
}

/** Runs one event. 1, or 0 when the machine is idle. */
export function machineStep(): i32 {
  return pumpOne() ? 1 : 0;
}

/** Runs until nothing is pending, at most `limit` events. How many were run. */
export function machineRun(limit: i32): i32 {
  let ran = 0;
  while (ran < limit && pumpOne()) ran++;
  return ran;
}

/** Runs all that is due now, without moving the clock. How many events were run. */
export function machineRunDue(): i32 {
  let ran = 0;
  while (dispatchPending() > 0 || (eventCount() > 0 && eventNextTime() <= now())) {
    pumpOne();
    ran++;
  }
  return ran;
}

/** Lets `nanoseconds` (a whole number from 0 to 2^53) of virtual time pass, events included. 0 or EINVAL. */
export function machineAdvance(nanoseconds: f64): i32 {
  if (!(nanoseconds >= 0 && nanoseconds <= 9007199254740992)) return -EINVAL;
  const until = now() + <u64>nanoseconds;
  while (dispatchPending() > 0 || (eventCount() > 0 && eventNextTime() <= until)) pumpOne();
  advanceTo(until);
  return 0;
}

export function machineRecord(isOn: i32): void {
  recordsSwitch(isOn != 0);
}

// ---- synchronous file calls ----

/** Handler of KIND_CALL_DONE. */
function callDone(_owner: usize, result: i32): void {
  store<i32>(call, result);
  store<u32>(call, 1, 4);
}

/** Pumps until the call that was started has ended. EDEADLK when nothing can end it (a held drive). */
function finishCall(): i32 {
  while (load<u32>(call, 4) == 0) {
    if (!pumpOne()) return -EDEADLK;
  }
  return load<i32>(call);
}

/** Starts an operation on a descriptor and waits for it. */
function runCall(opened: OpenFile, kind: u8, offset: u64, bytes: u64, spans: usize): i32 {
  const pointer = operationTake();
  if (pointer == 0) return -EAGAIN;
  const operation = changetype<Operation>(pointer);
  operation.kind = kind;
  operation.flags = <u16>opened.operationFlags;
  operation.inode = opened.inode;
  operation.position = offset;
  operation.length = bytes;
  operation.spans = spans;
  operation.doneKind = KIND_CALL_DONE;
  store<u32>(call, 0, 4);
  startOperation(operation);
  return finishCall();
}

function isOffset(offset: f64): bool {
  return offset >= 0 && offset <= 9007199254740991 && floor(offset) == offset;
}

/** Reports the error that the mapping holds for this open file, if any. */
function withFileError(opened: OpenFile, result: i32): i32 {
  const cursor = changetype<usize>(opened) + offsetof<OpenFile>('errseqCursor');
  const error = errseqCheckAndAdvance(changetype<Inode>(opened.inode), cursor);
  return error != 0 && result >= 0 ? error : result;
}

function transfer(descriptor: i32, buffer: i32, bytes: i32, offset: f64, kind: u8, needed: u32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & needed) == 0) return -EBADF;
  if (bytes < 0 || bytes > MAX_TRANSFER_BYTES || !isOffset(offset)) return -EINVAL;
  if (bytes == 0) return 0;
  if (!isClientRange(<u32>buffer, <u32>bytes)) return -EFAULT;
  const span = spanTake(<usize>buffer, <u32>bytes);
  if (span == 0) return -EAGAIN;
  const result = runCall(opened, kind, <u64>offset, <u64>bytes, span);
  const isSynchronous = (opened.operationFlags & (FLAG_DSYNC | FLAG_SYNC)) != 0;
  return kind == OPERATION_WRITE && isSynchronous ? withFileError(opened, result) : result;
}

/** pread: bytes read into client memory at `buffer` (short at the end of the file), or a negative errno. */
export function filePread(descriptor: i32, buffer: i32, bytes: i32, offset: f64): i32 {
  return transfer(descriptor, buffer, bytes, offset, OPERATION_READ, OPEN_READ);
}

/** pwrite: bytes written, or a negative errno (ENOSPC at the end of the file's room). */
export function filePwrite(descriptor: i32, buffer: i32, bytes: i32, offset: f64): i32 {
  return transfer(descriptor, buffer, bytes, offset, OPERATION_WRITE, OPEN_WRITE);
}

/** fsync, or fdatasync with `dataOnly`: write back, wait, flush the drive; 0 or the error, each reported once per open file. */
export function fileSync(descriptor: i32, dataOnly: i32): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  const opened = changetype<OpenFile>(pointer);
  return withFileError(opened, runCall(opened, dataOnly != 0 ? OPERATION_DATASYNC : OPERATION_SYNC, 0, 0, 0));
}

/** Discards whole sectors: cached pages of the range become clean zeros, the drive is told. 0 or a negative errno. */
export function fileDiscard(descriptor: i32, offset: f64, bytes: f64): i32 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  const opened = changetype<OpenFile>(pointer);
  if ((opened.openFlags & OPEN_WRITE) == 0) return -EBADF;
  if (!isOffset(offset) || !isOffset(bytes)) return -EINVAL;
  return runCall(opened, OPERATION_DISCARD, <u64>offset, <u64>bytes, 0);
}

/** The file's size in bytes, or a negative errno. */
export function fileSize(descriptor: i32): f64 {
  const pointer = openFileOf(descriptor);
  if (pointer == 0) return -EBADF;
  return <f64>changetype<Inode>(changetype<OpenFile>(pointer).inode).size;
}

/** A descriptor for file number `file` (drives first, then flat files), or a negative errno. `flags`: OPEN_…. */
export function fileOpen(file: i32, flags: i32): i32 {
  return descriptorOpen(<u32>file, <u32>flags);
}

export function fileClose(descriptor: i32): i32 {
  return descriptorClose(descriptor);
}

// ---- Linux AIO ----

/** io_submit with a plug around it, then everything that is due. */
export function aioSubmit(handle_: i32, requestCount: i32, pointers: i32): i32 {
  plugBegin();
  const result = ioSubmit(<u32>handle_, requestCount, <u32>pointers);
  plugEnd();
  return result;
}

/**
 * io_getevents. `timeout`: address of {seconds s64, nanoseconds s64} in client memory, 0 to wait without limit; virtual
 * time passes. Due completions are run even for minimum 0. When nothing can happen any more it returns what there is.
 */
export function aioGetevents(handle_: i32, minimum: i32, maximum: i32, events: i32, timeout: i32): i32 {
  if (timeout != 0 && !isClientRange(<u32>timeout, 16)) return -EFAULT;
  const checked = ioCheckReap(<u32>handle_, minimum, maximum);
  if (checked != 0) return checked;
  machineRunDue();
  let deadline = u64.MAX_VALUE;
  if (timeout != 0) {
    const seconds = load<i64>(<usize>timeout);
    const nanoseconds = load<i64>(<usize>timeout, 8);
    // a negative part waits for ever, as Linux does
    if (seconds >= 0 && nanoseconds >= 0 && seconds < 9000000000)
      deadline = now() + <u64>seconds * 1000000000 + <u64>nanoseconds;
  }
  let reaped = 0;
  while (true) {
    const result = ioReap(<u32>handle_, <u32>(maximum - reaped), <u32>events + reaped * IO_EVENT_SIZE);
    if (result < 0) return reaped > 0 ? reaped : result;
    reaped += result;
    if (reaped >= minimum) return reaped;
    if (dispatchPending() == 0) {
      if (eventCount() == 0) {
        if (deadline != u64.MAX_VALUE) advanceTo(deadline);
        return reaped;
      }
      if (eventNextTime() > deadline) {
        advanceTo(deadline);
        return reaped;
      }
    }
    pumpOne();
  }
}

/** io_destroy: waits for the context's requests, discards its events. EDEADLK when a held drive keeps them from ending. */
export function aioDestroy(handle_: i32): i32 {
  while (true) {
    const inFlight = ioInFlight(<u32>handle_);
    if (inFlight < 0) return inFlight;
    if (inFlight == 0) return ioDestroyEnd(<u32>handle_);
    if (!pumpOne()) return -EDEADLK;
  }
}

// ---- virtio ----

export function virtioQueue(device: i32, size: i32, descriptors: i32, available: i32, used: i32): i32 {
  return virtioSetQueue(<u32>device, <u32>size, <u32>descriptors, <u32>available, <u32>used);
}

export function virtioKick(device: i32): i32 {
  return virtioNotify(<u32>device);
}

export function virtioNeedsReset(device: i32): i32 {
  return virtioIsBroken(<u32>device);
}

// ---- drives ----

/** Gives a drive its image: an open WASI descriptor, and one for the bytes that volatile writes replace (-1: none). */
export function driveAttach(drive: i32, fd: i32, undoFd: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!movesBytes()) return -EINVAL;
  driveAt(<u32>drive).fd = fd;
  driveAt(<u32>drive).undoFd = undoFd;
  return 0;
}

/** Opens (and creates unless the last argument is 1) an image by its path below a preopened directory: the path's bytes are in client memory. A descriptor or a negative errno. */
export function imageOpen(directory: i32, path: i32, pathBytes: i32, isReadOnly: i32): i32 {
  if (pathBytes <= 0 || !isClientRange(<u32>path, <u32>pathBytes)) return -EFAULT;
  return backingOpen(directory, <usize>path, <u32>pathBytes, isReadOnly != 0);
}

/** Bytes in an image, or a negative errno. */
export function imageSize(fd: i32): f64 {
  return <f64>backingSize(fd);
}

export function imageClose(fd: i32): i32 {
  return backingClose(fd);
}

/** Holds the completions of a drive (1) or lets them go up again (0). */
export function driveHoldCompletions(drive: i32, isHolding: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  driveHold(driveAt(<u32>drive), isHolding != 0);
  return 0;
}

/** How many completions a drive holds, or a negative errno. */
export function driveHeldCount(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>driveAt(<u32>drive).heldCount : -ENODEV;
}

/** Lets one held completion go up; 0 is the oldest. */
export function driveReleaseCompletion(drive: i32, index: i32): i32 {
  return <u32>drive < driveCount() ? driveRelease(driveAt(<u32>drive), <u32>index) : -ENODEV;
}

/** Completed writes in a drive's volatile cache. */
export function driveVolatileCount(drive: i32): i32 {
  return <u32>drive < driveCount() ? <i32>driveAt(<u32>drive).volatileCount : -ENODEV;
}

/** Plays a power cut on one drive: its image is left as the media would be. Writes lost, or a negative errno. The machine is of no use afterwards. */
export function driveCutPower(drive: i32, keepAll: i32): i32 {
  return <u32>drive < driveCount() ? drivePowerCut(driveAt(<u32>drive), keepAll != 0) : -ENODEV;
}

// ---- replay ----

/** Readies the player for one entrance (REPLAY_THROUGH_…). */
export function replayOpen(through: i32): i32 {
  return playerInit(<u32>through, field(CONFIG_SEED), field(CONFIG_VIRTIO_CACHE_MODE));
}

/** A batch of records and generations is in place. 0 or EINVAL. */
export function replayBatch(recordCount: i32): i32 {
  return playerStart(<u32>recordCount);
}

/** Plays at most `lotLimit` lots of the batch. 1: more is left; 0: the batch is done; EIO and others: REPLAY_ERROR_LINE; EDEADLK: a drive holds its completions. */
export function replayRun(lotLimit: i32): i32 {
  for (let lot = 0; lot < lotLimit; lot++) {
    if (!playerPrepare()) {
      const errno = load<i32>(replayState, 4);
      return errno != 0 ? -errno : 0;
    }
    plugBegin();
    playerNotify();
    plugEnd();
    while (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
    }
  }
  return 1;
}

/** Writes back and flushes every file that has been used; the player's last act. 0 or the first error. */
export function replaySyncAll(): i32 {
  let first = 0;
  for (let index: u32 = 0; index < inodeCount(); index++) {
    const inode = inodeAt(index);
    if (inode.pageCount == 0 && inode.dirtyCount == 0) continue;
    const descriptor = descriptorOpen(index, OPEN_READ);
    if (descriptor < 0) return descriptor;
    const result = fileSync(descriptor, 1);
    if (first == 0) first = result;
    descriptorClose(descriptor);
  }
  return first;
}

/** Fills the latency summary (LATENCY_…) for reads (0) or writes (1). */
export function replayLatency(isWrite: i32): void {
  const histogram = playerLatency(isWrite != 0);
  if (histogram == 0) return;
  memory.copy(latency, histogram, 24);
  store<u64>(latency, histogramPercentile(histogram, 500), LATENCY_P50);
  store<u64>(latency, histogramPercentile(histogram, 900), LATENCY_P90);
  store<u64>(latency, histogramPercentile(histogram, 990), LATENCY_P99);
  store<u64>(latency, histogramPercentile(histogram, 999), LATENCY_P999);
}
