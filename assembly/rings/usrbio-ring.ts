// USRBIO rings (hf3fs_ior): the client's side. Slots, prepared requests, and fetching of results.
//
// Verbs: iorCreate, iorDestroy, prepIo, fetchResults, takePost. The daemon's side is usrbio-daemon.ts.
// Layout: the ring's memory is shared and as IoRing.h has it (layout.ts): markers, args by slot, completions, submissions,
// a semaphore. Private beside it: results of jobs that run, which slots
// are taken, and a byte of flags for each.
// Invariants: a slot is taken from prepIo until its result is fetched, so at most `entries` requests are prepared, running
// or finished; whatever a client writes into the shared memory, the core keeps to its own markers and to client memory.

import { arenaClaim } from '../base/arena';
import { isClientRange } from '../base/client-memory';
import { count } from '../base/counters';
import { KIND_NONE } from '../base/dispatch';
import { EACCES, EAGAIN, EBADF, EFAULT, EINVAL, EIO, EMFILE } from '../base/errno';
import { FLAG_DIRECT, FLAG_DSYNC, FLAG_SYNC } from '../base/operation';
import { PageRuns, pageRunClaimMap, pageRunGive, pageRunTake, pagesFor } from '../base/page-run';
import { record, recording } from '../base/record';
import { Inode } from '../cache/inode';
import { OpenFile } from '../files/descriptor';
import {
  COUNTER_USRBIO_PREPARED,
  HF3FS_ARGS_BUFFER_ID,
  HF3FS_ARGS_BUFFER_OFFSET,
  HF3FS_ARGS_FILE,
  HF3FS_ARGS_FILE_OFFSET,
  HF3FS_ARGS_LENGTH,
  HF3FS_ARGS_SIZE,
  HF3FS_ARGS_USERDATA,
  HF3FS_CQE_INDEX,
  HF3FS_CQE_RESULT,
  HF3FS_CQE_SIZE,
  HF3FS_CQE_USERDATA,
  HF3FS_IOR_FLAGS,
  HF3FS_IOR_FOR_READ,
  HF3FS_IOR_IO_DEPTH,
  HF3FS_IOR_IORH,
  HF3FS_IOR_MOUNT_POINT,
  HF3FS_IOR_PRIORITY,
  HF3FS_IOR_SIZE,
  HF3FS_IOR_TIMEOUT,
  HF3FS_IOV_BASE,
  HF3FS_IOV_BYTES,
  HF3FS_IOV_ID,
  HF3FS_IOV_MOUNT_POINT,
  HF3FS_RING_CQE_HEAD,
  HF3FS_RING_CQE_TAIL,
  HF3FS_RING_MARKERS,
  HF3FS_RING_SEMAPHORE,
  HF3FS_RING_SLACK,
  HF3FS_RING_SQE_HEAD,
  HF3FS_RING_SQE_TAIL,
  HF3FS_SQE_SIZE,
  HF3FS_SQE_SLOT,
  HF3FS_SQE_USERDATA,
  OPEN_READ,
  OPEN_WRITE,
  RECORD_USRBIO_PREPARED,
} from '../layout';
import { MAX_USRBIO_RINGS } from '../limits';
import {
  bufferHold,
  bufferRelease,
  iovCreate,
  isIov,
  ringBufferOf,
  SharedBuffer,
  unmapBuffer,
} from './usrbio-buffer';
import { isDescriptorNumber, registrationOf } from './usrbio-fd';

const MOUNT_POINT_BYTES: usize = 256;
/** Bytes of shared memory for each entry: args, completion, submission. */
const ENTRY_BYTES: u64 = HF3FS_ARGS_SIZE + HF3FS_CQE_SIZE + HF3FS_SQE_SIZE;
const FIXED_BYTES: u64 = HF3FS_RING_MARKERS + HF3FS_RING_SEMAPHORE + HF3FS_RING_SLACK;
/** Private bytes of a slot: u16 flags and u16 descriptor of its request. */
const SLOT_BYTES: u32 = 4;
/** What a request takes over from its descriptor; the rest of the operation flags has no meaning here. */
const SLOT_FLAGS: u32 = FLAG_DIRECT | FLAG_DSYNC | FLAG_SYNC;

export const PRIORITY_HIGH: u32 = 0;
export const PRIORITY_NORMAL: u32 = 1;
export const PRIORITY_LOW: u32 = 2;

@unmanaged
export class Ring {
  /** The client may use it. A ring that is not live still works off its jobs. */
  isLive: u32;
  /** Its memory is in use. */
  isUsed: u32;
  index: u32;
  buffer: usize;
  base: usize;
  /** What the client asked for, and the places of both queues: one more. */
  entries: u32;
  places: u32;
  isForRead: u32;
  ioDepth: i32;
  priority: u32;
  timeoutMs: u32;
  flags: u32;
  own: usize;
  /** The daemon's own markers: next place to claim, oldest place not finished, next completion. */
  claimed: u32;
  finished: u32;
  completed: u32;
  /** Requests in jobs. */
  processing: u32;
  /** Jobs in the order in which they were formed. */
  firstJob: usize;
  lastJob: usize;
  /** A rest that waits for company goes at this time. */
  holdUntil: u64;
  isHolding: u32;
  /** An event of the clock will look at the hold. */
  isTimed: u32;
  /** KIND_… to complete (owner: the ring's handle) when results have appeared. */
  notifyKind: u32;
}

@unmanaged
class Rings {
  base: usize;
  fresh: u32;
}

const rings = changetype<Rings>(memory.data(offsetof<Rings>(), 16));
const privatePages = changetype<PageRuns>(memory.data(offsetof<PageRuns>(), 16));

/** `sharedPages`: pages of shared memory; the private part of a ring is smaller than its shared part. */
export function ringsClaim(sharedPages: u32): void {
  rings.base = arenaClaim(<u64>MAX_USRBIO_RINGS * offsetof<Ring>(), 16);
  privatePages.pageCount = sharedPages;
  privatePages.base = arenaClaim((<u64>sharedPages) << 12, 4096);
  pageRunClaimMap(privatePages);
}

export function ringAt(index: u32): Ring {
  return changetype<Ring>(rings.base + <usize>index * offsetof<Ring>());
}

/** Rings from this number on have never been used. */
export function ringEnd(): u32 {
  return rings.fresh;
}

/** The live ring with a handle (its number + 1), or null. */
export function ringOf(handle: u64): Ring | null {
  if (handle == 0 || handle > <u64>rings.fresh) return null;
  const ring = ringAt(<u32>handle - 1);
  return ring.isLive != 0 ? ring : null;
}

/** The live ring of a struct hf3fs_ior in client memory, or null. */
export function ringOfStruct(ior: u32): Ring | null {
  if ((ior & 3) != 0 || !isClientRange(ior, HF3FS_IOR_SIZE) || ior == 0) return null;
  return ringOf(load<u64>(ior, HF3FS_IOR_IORH));
}

/** hf3fs_ior_size: bytes of a ring of `entries`. */
export function iorSize(entries: i32): i64 {
  return <i64>FIXED_BYTES + <i64>ENTRY_BYTES * (<i64>entries + 1);
}

/** hf3fs_io_entries of a ring's bytes. */
export function ioEntries(bytes: u64): u32 {
  return <u32>((bytes - FIXED_BYTES) / ENTRY_BYTES) - 1;
}

// the shared part

export function argsOf(ring: Ring, slot: u32): usize {
  return ring.base + HF3FS_RING_MARKERS + <usize>slot * HF3FS_ARGS_SIZE;
}

function completionAt(ring: Ring, place: u32): usize {
  return argsOf(ring, ring.places) + <usize>place * HF3FS_CQE_SIZE;
}

export function submissionAt(ring: Ring, place: u32): usize {
  return completionAt(ring, ring.places) + <usize>place * HF3FS_SQE_SIZE;
}

function semaphoreOf(ring: Ring): usize {
  return submissionAt(ring, ring.places);
}

/** A marker that the client may have written to: always a place of the queue. */
export function marker(ring: Ring, field: usize): u32 {
  return load<u32>(ring.base + field) % ring.places;
}

/** Posts "completions available". */
export function postResults(ring: Ring): void {
  store<u32>(semaphoreOf(ring), load<u32>(semaphoreOf(ring)) + 1);
}

/** Waits that find a post and no results: all posts so far are of results that have been fetched. */
export function takePosts(ring: Ring): void {
  store<u32>(semaphoreOf(ring), 0);
}

// the private part: a result for each place of the queue, a bit for each slot, for each slot flags and a descriptor

function slotWords(ring: Ring): u32 {
  return (ring.entries + 31) >> 5;
}

function privateBytes(entries: u32): u64 {
  return (<u64>entries + 1) * HF3FS_CQE_SIZE + (((<u64>entries + 31) >> 5) << 2) + entries * SLOT_BYTES;
}

function resultAt(ring: Ring, place: u32): usize {
  return ring.own + <usize>place * HF3FS_CQE_SIZE;
}

function slotWord(ring: Ring, word: u32): usize {
  return resultAt(ring, ring.places) + ((<usize>word) << 2);
}

/** Takes the lowest free slot; -1 when there is none. */
function takeSlot(ring: Ring): i32 {
  for (let word: u32 = 0; word < slotWords(ring); word++) {
    const address = slotWord(ring, word);
    const free = ~load<u32>(address);
    if (free == 0) continue;
    const slot = (word << 5) + ctz<u32>(free);
    if (slot >= ring.entries) return -1;
    store<u32>(address, load<u32>(address) | ((<u32>1) << (slot & 31)));
    return <i32>slot;
  }
  return -1;
}

/** Frees a slot; nothing for a number that no request has. */
function freeSlot(ring: Ring, slot: u32): void {
  if (slot >= ring.entries) return;
  const address = slotWord(ring, slot >> 5);
  store<u32>(address, load<u32>(address) & ~((<u32>1) << (slot & 31)));
}

function slotFlagsAt(ring: Ring, slot: u32): usize {
  return slotWord(ring, slotWords(ring)) + <usize>slot * SLOT_BYTES;
}

/** FLAG_DIRECT, FLAG_DSYNC and FLAG_SYNC as the descriptor of the request in a slot has them. */
export function slotFlags(ring: Ring, slot: u32): u16 {
  return load<u16>(slotFlagsAt(ring, slot));
}

/** The registered file that the request in a slot was prepared with, as long as it is registered for that file; or 0. */
export function slotOpened(ring: Ring, slot: u32): usize {
  const descriptor = <i32>load<u16>(slotFlagsAt(ring, slot), 2);
  const registration = isDescriptorNumber(descriptor) ? registrationOf(descriptor) : null;
  return registration == null ? 0 : registration.opened;
}

// the calls

function takeRing(): Ring | null {
  for (let index: u32 = 0; index < rings.fresh; index++) {
    const ring = ringAt(index);
    if (ring.isUsed == 0 && ring.isTimed == 0) return ring;
  }
  return rings.fresh < <u32>MAX_USRBIO_RINGS ? ringAt(rings.fresh) : null;
}

/**
 * hf3fs_iorcreate to …4. 0; EINVAL: no ring struct, an empty or overlong mount point, entries below 1, timeout below 0, a
 * depth above the entries; ENOENT: no such mount; EIO: no memory; EMFILE: too many.
 */
export function iorCreate(
  ior: u32,
  mount: u32,
  entries: i32,
  isForRead: bool,
  ioDepth: i32,
  priority: i32,
  timeoutMs: i32,
  numa: i32,
  flags: u32,
): i32 {
  if (ior == 0 || timeoutMs < 0 || entries < 1) return -EINVAL;
  if ((ior & 3) != 0 || !isClientRange(ior, HF3FS_IOR_SIZE)) return -EFAULT;
  const ring = takeRing();
  if (ring == null) return -EMFILE;
  const created = iovCreate(ior, mount, <u64>iorSize(entries), 0, numa, true);
  if (created != 0) return created;
  const buffer = changetype<SharedBuffer>(ringBufferOf(ior));
  // the daemon refuses the link of such a ring (addIov); how negative a depth is it does not check
  const isTooDeep = ioDepth > entries;
  const own = isTooDeep ? <usize>0 : pageRunTake(privatePages, pagesFor(privateBytes(<u32>entries)));
  if (own == 0) {
    unmapBuffer(ior, buffer);
    return isTooDeep ? -EINVAL : -EIO;
  }
  const index = <u32>((changetype<usize>(ring) - rings.base) / offsetof<Ring>());
  if (index == rings.fresh) rings.fresh++;
  memory.fill(changetype<usize>(ring), 0, offsetof<Ring>());
  memory.fill(own, 0, <usize>privateBytes(<u32>entries));
  bufferHold(buffer);
  ring.index = index;
  ring.isLive = 1;
  ring.isUsed = 1;
  ring.buffer = changetype<usize>(buffer);
  ring.base = buffer.address;
  ring.entries = <u32>entries;
  ring.places = <u32>entries + 1;
  ring.isForRead = isForRead ? 1 : 0;
  ring.ioDepth = ioDepth;
  ring.priority = priority < 0 ? PRIORITY_HIGH : priority > 0 ? PRIORITY_LOW : PRIORITY_NORMAL;
  ring.timeoutMs = <u32>timeoutMs;
  ring.flags = flags;
  ring.own = own;
  ring.notifyKind = KIND_NONE;
  store<u64>(ior, <u64>index + 1, HF3FS_IOR_IORH);
  memory.copy(ior + HF3FS_IOR_MOUNT_POINT, ior + HF3FS_IOV_MOUNT_POINT, MOUNT_POINT_BYTES);
  store<u8>(ior, isForRead ? 1 : 0, HF3FS_IOR_FOR_READ);
  store<i32>(ior, ioDepth, HF3FS_IOR_IO_DEPTH);
  store<i32>(ior, priority, HF3FS_IOR_PRIORITY);
  store<i32>(ior, timeoutMs, HF3FS_IOR_TIMEOUT);
  store<u64>(ior, flags, HF3FS_IOR_FLAGS);
  return 0;
}

/** hf3fs_iordestroy: the client can not use it any more; jobs that run end without anybody to tell. */
export function iorDestroy(ior: u32): void {
  const ring = ringOfStruct(ior);
  if (ring == null) return;
  store<u64>(<usize>ior, 0, HF3FS_IOR_IORH);
  ring.isLive = 0;
  const buffer = changetype<SharedBuffer>(ring.buffer);
  // the struct is the client's: the mapping ends whatever its iov says by now
  unmapBuffer(ior, buffer);
  ringFreeUnused(ring);
}

/** The client is gone: as iorDestroy, but its structs are not there any more. */
export function ringAbandon(ring: Ring): void {
  ring.isLive = 0;
  ringFreeUnused(ring);
}

/** Gives the memory of a destroyed ring back once its last job has ended. */
export function ringFreeUnused(ring: Ring): void {
  if (ring.isLive != 0 || ring.firstJob != 0 || ring.isUsed == 0) return;
  pageRunGive(privatePages, ring.own, <u32>pagesFor(privateBytes(ring.entries)));
  bufferRelease(changetype<SharedBuffer>(ring.buffer));
  ring.isUsed = 0;
}

function checkPrep(
  ring: Ring | null,
  iov: u32,
  isRead: bool,
  pointer: u32,
  descriptor: i32,
  bytes: u64,
): i32 {
  if (ring == null || isRead != (ring.isForRead != 0) || !isIov(iov) || bytes == 0) return -EINVAL;
  const base = load<u64>(iov, HF3FS_IOV_BASE);
  const size = load<u64>(iov, HF3FS_IOV_BYTES);
  if (pointer == 0 || base == 0 || <u64>pointer < base) return -EINVAL;
  const offset = <u64>pointer - base;
  if (offset > size || bytes > size - offset || descriptor == i32.MIN_VALUE) return -EINVAL;
  const number = abs<i32>(descriptor);
  if (!isDescriptorNumber(number)) return -EINVAL;
  const registration = registrationOf(number);
  if (registration == null) return -EBADF;
  const needed: u32 = isRead ? OPEN_READ : OPEN_WRITE;
  return changetype<OpenFile>(registration.opened).openFlags & needed ? 0 : -EACCES;
}

/** hf3fs_prep_io. The slot's number, or EINVAL, EBADF, EACCES, EAGAIN in the order of sheet §3. */
export function prepIo(
  ior: u32,
  iov: u32,
  isRead: bool,
  pointer: u32,
  descriptor: i32,
  offset: u64,
  bytes: u64,
  userdata: u64,
): i32 {
  const found = ringOfStruct(ior);
  const checked = checkPrep(found, iov, isRead, pointer, descriptor, bytes);
  if (checked != 0) return checked;
  const ring = changetype<Ring>(found);
  const slot = takeSlot(ring);
  if (slot < 0) return -EAGAIN;
  const head = marker(ring, HF3FS_RING_SQE_HEAD);
  const next = (head + 1) % ring.places;
  if (next == ring.finished) {
    // a later job has ended before an earlier one: its slots are free, its places are not
    freeSlot(ring, <u32>slot);
    return -EAGAIN;
  }
  const registration = registrationOf(abs<i32>(descriptor));
  const opened = changetype<OpenFile>(changetype<usize>(registration != null ? registration.opened : 0));
  const inode = changetype<Inode>(opened.inode);
  store<u16>(slotFlagsAt(ring, <u32>slot), <u16>(opened.operationFlags & SLOT_FLAGS));
  store<u16>(slotFlagsAt(ring, <u32>slot), <u16>abs<i32>(descriptor), 2);
  const args = argsOf(ring, <u32>slot);
  memory.copy(args + HF3FS_ARGS_BUFFER_ID, iov + HF3FS_IOV_ID, 16);
  store<u64>(args, <u64>pointer - load<u64>(iov, HF3FS_IOV_BASE), HF3FS_ARGS_BUFFER_OFFSET);
  store<u64>(args, inode.index, HF3FS_ARGS_FILE);
  store<u64>(args, offset, HF3FS_ARGS_FILE_OFFSET);
  store<u64>(args, bytes, HF3FS_ARGS_LENGTH);
  store<u64>(args, userdata, HF3FS_ARGS_USERDATA);
  const submission = submissionAt(ring, head);
  store<i32>(submission, slot, HF3FS_SQE_SLOT);
  store<u64>(submission, userdata, HF3FS_SQE_USERDATA);
  store<u32>(ring.base, next, HF3FS_RING_SQE_HEAD);
  count(COUNTER_USRBIO_PREPARED);
  if (recording())
    record(
      RECORD_USRBIO_PREPARED,
      isRead ? 0 : 1,
      ring.index,
      <u32>slot,
      offset,
      <u32>bytes,
      <u32>inode.index,
    );
  return slot;
}

/** Results that can be fetched now. */
export function resultsReady(ring: Ring): u32 {
  const tail = marker(ring, HF3FS_RING_CQE_TAIL);
  return ring.completed >= tail ? ring.completed - tail : ring.places - tail + ring.completed;
}

/** Moves up to `limit` results to `cqes` (checked by the caller), oldest first, and frees their slots. How many. */
export function fetchResults(ring: Ring, cqes: usize, limit: u32): u32 {
  const wanted = min<u32>(resultsReady(ring), limit);
  let tail = marker(ring, HF3FS_RING_CQE_TAIL);
  for (let index: u32 = 0; index < wanted; index++) {
    const from = completionAt(ring, tail);
    const to = cqes + <usize>index * HF3FS_CQE_SIZE;
    const slot = load<u32>(from, HF3FS_CQE_INDEX);
    store<u32>(to, slot, HF3FS_CQE_INDEX);
    store<u64>(to, load<u64>(from, HF3FS_CQE_RESULT), HF3FS_CQE_RESULT);
    store<u64>(to, load<u64>(from, HF3FS_CQE_USERDATA), HF3FS_CQE_USERDATA);
    freeSlot(ring, slot);
    tail = tail + 1 == ring.places ? 0 : tail + 1;
  }
  store<u32>(ring.base, tail, HF3FS_RING_CQE_TAIL);
  return wanted;
}

/** Keeps the result of the request at a place until its job has ended. */
export function keepResult(ring: Ring, place: u32, slot: u32, userdata: u64, result: i64): void {
  const kept = resultAt(ring, place);
  store<u64>(kept, slot, HF3FS_CQE_INDEX);
  store<i64>(kept, result, HF3FS_CQE_RESULT);
  store<u64>(kept, userdata, HF3FS_CQE_USERDATA);
}

export function keptSlot(ring: Ring, place: u32): u32 {
  return load<u32>(resultAt(ring, place), HF3FS_CQE_INDEX);
}

export function keptResult(ring: Ring, place: u32): i64 {
  return load<i64>(resultAt(ring, place), HF3FS_CQE_RESULT);
}

/** Puts the kept result of a place on the ring; there is room, for whoever claims requests has counted it. */
export function publishResult(ring: Ring, place: u32): void {
  memory.copy(completionAt(ring, ring.completed), resultAt(ring, place), HF3FS_CQE_SIZE);
  ring.completed = ring.completed + 1 == ring.places ? 0 : ring.completed + 1;
  store<u32>(ring.base, ring.completed, HF3FS_RING_CQE_HEAD);
}

/** The oldest places are free again. */
export function moveFinished(ring: Ring, placeCount: u32): void {
  ring.finished = (ring.finished + placeCount) % ring.places;
  store<u32>(ring.base, ring.finished, HF3FS_RING_SQE_TAIL);
}
