// Requests sorted by their first sector: a treap through the requests themselves, threaded as a list.
//
// Verbs: sortedInsert, sortedRemove, sortedFind. Linux's elv_rb_add, elv_rb_del, elv_rb_find; the neighbours of a request are its
// sortedNext and sortedPrevious.
// Layout: `root` is the address of a word that holds the root. A request's key is (sortKey, sortStamp): equal sectors stand in the order in
// which they came. Its priority is mixed from the stamp, so the same run builds the same tree.
// Invariant: a parent's priority is not below its children's; sortKey is the sector that the request had when it was inserted.

import { mix32 } from '../base/hash';
import { Request } from '../drive/request';

const LEFT: usize = offsetof<Request>('sortedLeft');
const RIGHT: usize = offsetof<Request>('sortedRight');

function isBefore(a: Request, b: Request): bool {
  return a.sortKey != b.sortKey ? a.sortKey < b.sortKey : a.sortStamp < b.sortStamp;
}

/** Parts the tree `from` into what comes before the request, at word `low`, and what comes behind it, at word `high`. */
function split(from: usize, request: Request, low: usize, high: usize): void {
  while (from != 0) {
    const node = changetype<Request>(from);
    if (isBefore(node, request)) {
      store<usize>(low, from);
      low = from + RIGHT;
      from = node.sortedRight;
    } else {
      store<usize>(high, from);
      high = from + LEFT;
      from = node.sortedLeft;
    }
  }
  store<usize>(low, 0);
  store<usize>(high, 0);
}

/** Puts two trees, all of `low` before all of `high`, together at word `at`. */
function join(at: usize, low: usize, high: usize): void {
  while (low != 0 && high != 0) {
    const first = changetype<Request>(low);
    const second = changetype<Request>(high);
    if (first.sortPriority >= second.sortPriority) {
      store<usize>(at, low);
      at = low + RIGHT;
      low = first.sortedRight;
    } else {
      store<usize>(at, high);
      at = high + LEFT;
      high = second.sortedLeft;
    }
  }
  store<usize>(at, low != 0 ? low : high);
}

/** `stamp`: higher than that of every request in the tree. */
export function sortedInsert(root: usize, request: Request, stamp: u32): void {
  request.sortKey = request.sector;
  request.sortStamp = stamp;
  request.sortPriority = mix32(stamp);
  request.sortedNext = 0;
  request.sortedPrevious = 0;
  let at = root;
  let isPlaced = false;
  for (let pointer = load<usize>(root); pointer != 0; ) {
    const node = changetype<Request>(pointer);
    if (!isPlaced && node.sortPriority < request.sortPriority) isPlaced = true;
    const goesRight = isBefore(node, request);
    if (goesRight) request.sortedPrevious = pointer;
    else request.sortedNext = pointer;
    const child = pointer + (goesRight ? RIGHT : LEFT);
    if (!isPlaced) at = child;
    pointer = load<usize>(child);
  }
  const below = load<usize>(at);
  const self = changetype<usize>(request);
  split(below, request, self + LEFT, self + RIGHT);
  store<usize>(at, self);
  if (request.sortedPrevious != 0) changetype<Request>(request.sortedPrevious).sortedNext = self;
  if (request.sortedNext != 0) changetype<Request>(request.sortedNext).sortedPrevious = self;
}

export function sortedRemove(root: usize, request: Request): void {
  const self = changetype<usize>(request);
  let at = root;
  while (load<usize>(at) != self) {
    assert(load<usize>(at) != 0, 'a request is not where it was sorted');
    at = load<usize>(at) + (isBefore(changetype<Request>(load<usize>(at)), request) ? RIGHT : LEFT);
  }
  join(at, request.sortedLeft, request.sortedRight);
  if (request.sortedPrevious != 0)
    changetype<Request>(request.sortedPrevious).sortedNext = request.sortedNext;
  if (request.sortedNext != 0)
    changetype<Request>(request.sortedNext).sortedPrevious = request.sortedPrevious;
}

/** The first request that begins at `sector`, or 0. */
export function sortedFind(root: usize, sector: u64): usize {
  let found: usize = 0;
  let pointer = load<usize>(root);
  while (pointer != 0) {
    const node = changetype<Request>(pointer);
    if (node.sortKey == sector) found = pointer;
    pointer = node.sortKey < sector ? node.sortedRight : node.sortedLeft;
  }
  return found;
}
