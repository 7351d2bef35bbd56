// Requests in flight one by one: each has a slot from its arrival to its end.
//
// Verbs: flightInit, flightTake, flightIssue, flightEnd, flightCount, playerArrival, fillWrite. With REPLAY_TIMING_TRACE a
// request arrives at its time in the trace, however many are in flight; when every slot is taken, or its bytes find no
// room, it waits in the client, and the time counts. With REPLAY_TIMING_CLOSED each slot is a client that takes the next
// request of the trace when its last one has ended.
// A request that overlaps an earlier one that has not ended, with a write or discard among the two, is held until that
// has ended; others go past it. What may go is put on the rings before time moves on, up to `batch` for one notification.
// Layout: a list of slots in the order of the trace, one of those that may go, a stack of free ones.
// Invariants: requests that overlap end in the order of the trace, so a read finds what the oracle says; a slot keeps its
// own generations, because the next batch takes the place of its batch.

import { END_OF_TIME, eventAt, now } from '../base/clock';
import { KIND_PLAYER_ARRIVAL } from '../base/dispatch';
import { EAGAIN } from '../base/errno';
import { record, recording } from '../base/record';
import { movesBytes } from '../drive/drive-table';
import {
  GENERATION_MIXED,
  RECORD_ARRIVED,
  REPLAY_BACKWARD,
  REPLAY_CONSUMED,
  REPLAY_ERROR,
  REPLAY_HELD_FOR_OVERLAP,
  REPLAY_LATE,
  REPLAY_THROUGH_BLUESTORE,
  REPLAY_TIMING_TRACE,
  TRACE_RECORD_SIZE,
  TRACE_TIME,
  TRACE_WRITE,
} from '../layout';
import { PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT, SECTOR_SIZE } from '../limits';
import { checkSlot, putRequest } from './entrance';
import {
  addTo,
  announce,
  isTransfer,
  overlaps,
  player,
  playerStop,
  replayState,
  Slot,
  slotAt,
  slotRead,
  widenDown,
  widenUp,
} from './lot';
import { payloadFill, sectorsTouched } from './payload';
import { roomGenerations, roomGive, roomMixed, roomTake } from './room';

const MILLION: u64 = 1000000;

@unmanaged
class Flight {
  /** Millionths: how many times faster than the trace. */
  speedup: u64;
  /** Virtual time of the trace's first request, and of the latest arrival so far. */
  start: u64;
  latest: u64;
  /** The next record's arrival is known, and an event will tell of it. */
  isTimed: u32;
  isAwaited: u32;
  /** Slots between arrival and end, and those of them that wait for others to end. */
  count: u32;
  heldCount: u32;
  head: usize;
  tail: usize;
  readyHead: usize;
  readyTail: usize;
  free: usize;
}

const flight = changetype<Flight>(memory.data(offsetof<Flight>(), 16));

/** All slots are free; times of the trace count from now. */
export function flightInit(speedup: u64): void {
  flight.speedup = speedup;
  flight.start = now();
  flight.latest = now();
  for (let index = player.slotCapacity; index > 0; index--) giveSlot(slotAt(index - 1));
}

export function flightCount(): u32 {
  return flight.count;
}

function indexOf(slot: Slot): u32 {
  return <u32>((changetype<usize>(slot) - player.slots) / offsetof<Slot>());
}

function giveSlot(slot: Slot): void {
  slot.next = flight.free;
  flight.free = changetype<usize>(slot);
}

/** Handler of KIND_PLAYER_ARRIVAL: time has come to where the next request is. */
export function playerArrival(_owner: usize, _result: i32): void {
  flight.isAwaited = 0;
}

/** Virtual time for a time of the trace. */
function scaled(nanoseconds: u64): u64 {
  const whole = nanoseconds / flight.speedup;
  if (whole > END_OF_TIME / MILLION) return END_OF_TIME;
  const since = whole * MILLION + ((nanoseconds % flight.speedup) * MILLION) / flight.speedup;
  return min<u64>(since, END_OF_TIME - flight.start) + flight.start;
}

/** True when the record's time has come; else an event will tell. A time that lies back is the latest one so far. */
function hasArrived(entry: usize): bool {
  if (flight.isTimed == 0) {
    const time = scaled(load<u64>(entry, TRACE_TIME));
    if (time < flight.latest) addTo(REPLAY_BACKWARD, 1);
    flight.latest = max<u64>(time, flight.latest);
    flight.isTimed = 1;
  }
  if (flight.latest <= now()) return true;
  if (flight.isAwaited == 0) {
    flight.isAwaited = 1;
    eventAt(flight.latest, KIND_PLAYER_ARRIVAL, 0);
  }
  return false;
}

/** Where the request's room begins: at its first sector, or BlueStore's block. */
function roomStart(slot: Slot): u64 {
  return widenDown(slot.offset) & ~(<u64>(SECTOR_SIZE - 1));
}

/** A place for the bytes of a read or write. False when there is none. */
function takeRoom(slot: Slot): bool {
  slot.pages = 0;
  if (!isTransfer(slot)) return true;
  const start = roomStart(slot);
  slot.pages = <u32>((widenUp(slot.offset + slot.bytes) - start + (PAGE_SIZE - 1)) >> PAGE_SHIFT);
  const address = roomTake(slot.pages);
  slot.data = address + <usize>(slot.offset - start);
  return address != 0;
}

/** Copies the record's generations, and the sectors that they name, out of the batch. */
function keepGenerations(slot: Slot): void {
  const sectorCount = sectorsTouched(slot.offset, slot.bytes);
  const from = player.generations + ((<usize>player.generationCursor) << 2);
  const address = slot.data - <usize>(slot.offset - roomStart(slot));
  player.generationCursor += sectorCount;
  slot.generations = roomGenerations(address);
  slot.mixed = roomMixed(address);
  if (!movesBytes()) return;
  let mixedCount: u32 = 0;
  for (let sector: u32 = 0; sector < sectorCount; sector++) {
    let generation = load<u32>(from + ((<usize>sector) << 2));
    if ((generation & GENERATION_MIXED) != 0) {
      const bytes = player.mixed + ((<usize>(generation & ~GENERATION_MIXED)) << SECTOR_SHIFT);
      memory.copy(slot.mixed + ((<usize>mixedCount) << SECTOR_SHIFT), bytes, SECTOR_SIZE);
      generation = GENERATION_MIXED | mixedCount++;
    }
    store<u32>(slot.generations + ((<usize>sector) << 2), generation);
  }
}

/** The bytes of a write. Through BlueStore they are put between those of the blocks that were read. */
export function fillWrite(slot: Slot): void {
  if (slot.operation != TRACE_WRITE || !movesBytes() || player.through == REPLAY_THROUGH_BLUESTORE) return;
  payloadFill(player.seed, slot.device, slot.data, slot.offset, slot.bytes, slot.generations);
}

function append(slot: Slot): void {
  const pointer = changetype<usize>(slot);
  slot.next = 0;
  slot.previous = flight.tail;
  if (flight.tail != 0) changetype<Slot>(flight.tail).next = pointer;
  else flight.head = pointer;
  flight.tail = pointer;
  flight.count++;
}

function unlink(slot: Slot): void {
  if (slot.previous != 0) changetype<Slot>(slot.previous).next = slot.next;
  else flight.head = slot.next;
  if (slot.next != 0) changetype<Slot>(slot.next).previous = slot.previous;
  else flight.tail = slot.previous;
  flight.count--;
}

function letGo(slot: Slot): void {
  const pointer = changetype<usize>(slot);
  slot.nextReady = 0;
  if (flight.readyTail != 0) changetype<Slot>(flight.readyTail).nextReady = pointer;
  else flight.readyHead = pointer;
  flight.readyTail = pointer;
}

/** Earlier requests that have not ended and must, before this one may go. */
function countBlockers(slot: Slot): u32 {
  let blockers: u32 = 0;
  if (slot.bytes == 0) return 0;
  for (let pointer = flight.head; pointer != 0; pointer = changetype<Slot>(pointer).next) {
    if (overlaps(changetype<Slot>(pointer), slot)) blockers++;
  }
  return blockers;
}

function noteLate(slot: Slot): void {
  if (slot.isLate == 0) addTo(REPLAY_LATE, 1);
  slot.isLate = 1;
}

function noteArrival(slot: Slot): void {
  const ago = now() - slot.arrived;
  if (ago > 0) noteLate(slot);
  if (!recording()) return;
  record(
    RECORD_ARRIVED,
    <u8>slot.operation,
    slot.device,
    <u32>slot.line,
    slot.offset,
    slot.bytes,
    <u32>min<u64>(ago, i32.MAX_VALUE),
  );
}

/** The record gets a slot. False: there is none, or no room for its bytes, or the player stopped. */
function takeRecord(entry: usize): bool {
  if (flight.free == 0) return false;
  const slot = changetype<Slot>(flight.free);
  slotRead(slot, entry);
  const refusal = checkSlot(slot);
  if (refusal != 0) playerStop(slot.line, refusal);
  if (refusal != 0 || !takeRoom(slot)) return false;
  flight.free = slot.next;
  slot.arrived = player.timing == REPLAY_TIMING_TRACE ? flight.latest : now();
  slot.isMerging = 0;
  slot.isDone = 0;
  slot.isLate = 0;
  if (isTransfer(slot)) keepGenerations(slot);
  fillWrite(slot);
  noteArrival(slot);
  slot.blockers = countBlockers(slot);
  append(slot);
  if (slot.blockers == 0) {
    letGo(slot);
  } else {
    flight.heldCount++;
    addTo(REPLAY_HELD_FOR_OVERLAP, 1);
  }
  return true;
}

/** The records of the batch whose time has come (trace), or for which a client is free (closed), get their slots. */
export function flightTake(): void {
  let consumed = load<u32>(replayState, REPLAY_CONSUMED);
  while (consumed < player.recordCount && load<u32>(replayState, REPLAY_ERROR) == 0) {
    const entry = player.records + <usize>consumed * TRACE_RECORD_SIZE;
    if (player.timing == REPLAY_TIMING_TRACE && !hasArrived(entry)) return;
    if (!takeRecord(entry)) return;
    flight.isTimed = 0;
    store<u32>(replayState, ++consumed, REPLAY_CONSUMED);
  }
}

/** Puts what may go where the next notification announces it, at most `batch`. True: there is something to announce. */
export function flightIssue(): bool {
  while (flight.readyHead != 0 && player.putCount < player.batch) {
    const slot = changetype<Slot>(flight.readyHead);
    const index = indexOf(slot);
    const result = putRequest(slot, index);
    if (result == -EAGAIN) {
      noteLate(slot);
      break;
    }
    flight.readyHead = slot.nextReady;
    if (flight.readyHead == 0) flight.readyTail = 0;
    if (result < 0) {
      playerStop(slot.line, -result);
      flightEnd(slot);
      continue;
    }
    slot.issued = now();
    announce(index);
  }
  return player.putCount > 0;
}

/** The request has ended: those that it held may go, and its slot and its room are free. */
export function flightEnd(slot: Slot): void {
  let held = flight.heldCount;
  for (let pointer = slot.next; pointer != 0 && held > 0; pointer = changetype<Slot>(pointer).next) {
    const later = changetype<Slot>(pointer);
    if (later.blockers == 0) continue;
    held--;
    if (!overlaps(slot, later) || --later.blockers > 0) continue;
    flight.heldCount--;
    letGo(later);
  }
  unlink(slot);
  if (slot.pages > 0) roomGive(slot.data - <usize>(slot.offset - roomStart(slot)));
  giveSlot(slot);
}
