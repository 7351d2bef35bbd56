// Room for the bytes of requests that end one by one: runs of pages, taken and given in any order.
//
// Verbs: roomBytes, roomClaim, roomTake, roomGive, roomGenerations, roomMixed. Next fit: the search goes on where the last
// one ended, so it seldom passes a run that is in use.
// Layout: u32 for each page: the length of the run that begins there, or 0. Beside the data lie, at the same place,
// a generation for each sector and its bytes if it is a mixed one: a slot outlives the batch it came from.
// Invariant: the search never begins inside a run.

import { arenaClaim } from '../base/arena';
import { PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT } from '../limits';

@unmanaged
class Room {
  base: usize;
  pageCount: u32;
  cursor: u32;
  runs: usize;
  generations: usize;
  mixed: usize;
}

const room = changetype<Room>(memory.data(offsetof<Room>(), 16));

/** Bytes of data for the longest request of `dataBytes`: it may begin and end inside a page. */
export function roomBytes(dataBytes: u32): u64 {
  return (((<u64>dataBytes + PAGE_SIZE - 1) >> PAGE_SHIFT) + 1) << PAGE_SHIFT;
}

/** `data`: roomBytes(dataBytes) of client memory. */
export function roomClaim(data: usize, dataBytes: u32): void {
  const bytes = roomBytes(dataBytes);
  room.base = data;
  room.pageCount = <u32>(bytes >> PAGE_SHIFT);
  room.runs = arenaClaim(<u64>room.pageCount * 4, 16);
  room.generations = arenaClaim((bytes >> SECTOR_SHIFT) * 4, 16);
  room.mixed = arenaClaim(bytes, 64);
}

function runAt(page: u32): usize {
  return room.runs + ((<usize>page) << 2);
}

/** The first of `pages` free pages between two others, or -1. */
function find(from: u32, to: u32, pages: u32): i32 {
  let first = from;
  for (let page = from; page < to; ) {
    const run = load<u32>(runAt(page));
    page += run == 0 ? 1 : run;
    if (run != 0) first = page;
    else if (page - first == pages) return <i32>first;
  }
  return -1;
}

/** The address of `pages` pages in a row, or 0 when there are none. */
export function roomTake(pages: u32): usize {
  let first = find(room.cursor, room.pageCount, pages);
  if (first < 0) first = find(0, room.pageCount, pages);
  if (first < 0) return 0;
  store<u32>(runAt(<u32>first), pages);
  room.cursor = <u32>first + pages;
  return room.base + ((<usize>first) << PAGE_SHIFT);
}

export function roomGive(address: usize): void {
  const run = runAt(<u32>((address - room.base) >> PAGE_SHIFT));
  assert(load<u32>(run) != 0, 'room was given back twice');
  store<u32>(run, 0);
}

/** Where the generations of a run's sectors are kept, u32 each. */
export function roomGenerations(address: usize): usize {
  return room.generations + (((address - room.base) >> SECTOR_SHIFT) << 2);
}

/** Where its mixed sectors are kept, one after the other. */
export function roomMixed(address: usize): usize {
  return room.mixed + (address - room.base);
}
