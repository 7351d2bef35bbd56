// QEMU's block backend: the door between a guest's device and its node (block/block-backend.c).
//
// Verbs: backendSubmit, backendFinished, backendDrainBegin, backendDrainEnd, errorAction. A request that arrives while the node is
// quiesced waits outside, uncounted, so that the drain need not wait for it.
// Invariants: in_flight is counted from entrance to the end of the completion handler; a completion never runs inside a
// submit.

import { ENOSPC } from '../base/errno';
import { BlockNode, BlockRequest, nodeAt } from './block-node';
import { requestStart, requestTake } from './block-request';

/** What is done about an error (BlockErrorAction), and the policies that lead to it (BlockdevOnError). */
export const ACTION_REPORT: u32 = 0;
export const ACTION_IGNORE: u32 = 1;
export const ACTION_STOP: u32 = 2;
/** Stop for ENOSPC, report everything else. */
const POLICY_ENOSPC: u32 = 3;

@unmanaged
class Policies {
  read: u32;
  write: u32;
}

const policies = changetype<Policies>(memory.data(offsetof<Policies>(), 16));

/** rerror and werror: ON_ERROR_…. */
export function backendInit(readPolicy: u32, writePolicy: u32): void {
  policies.read = readPolicy;
  policies.write = writePolicy;
}

/** blk_get_error_action. */
export function errorAction(isRead: bool, errno: i32): u32 {
  const policy = isRead ? policies.read : policies.write;
  if (policy != POLICY_ENOSPC) return policy;
  return errno == -ENOSPC ? ACTION_STOP : ACTION_REPORT;
}

function enter(node: BlockNode, request: BlockRequest): void {
  node.inFlight++;
  requestStart(request);
}

/**
 * One request of a guest: ends with (doneKind, owner, 0 or a negative errno). The spans belong to it from now on.
 * `isForced`: the write is on the media when it ends.
 */
export function backendSubmit(
  device: u32,
  kind: u32,
  offset: u64,
  bytes: u64,
  flags: u32,
  spans: usize,
  doneKind: u32,
  owner: usize,
): void {
  const node = nodeAt(device);
  const request = requestTake(node, kind, offset, bytes, flags, spans, doneKind, owner);
  if (node.quiesced == 0) {
    enter(node, request);
    return;
  }
  const pointer = changetype<usize>(request);
  if (node.waitingTail != 0) changetype<BlockRequest>(node.waitingTail).next = pointer;
  else node.waitingHead = pointer;
  node.waitingTail = pointer;
}

/** To be called at the end of the completion handler. */
export function backendFinished(device: u32): void {
  const node = nodeAt(device);
  assert(node.inFlight > 0, 'a backend request ended twice');
  node.inFlight--;
}

/** Requests of a device that have entered and not ended. */
export function backendInFlight(device: u32): u32 {
  return nodeAt(device).inFlight;
}

/** bdrv_drained_begin: nothing enters from now on. Nests. */
export function backendDrainBegin(device: u32): void {
  nodeAt(device).quiesced++;
}

/** bdrv_drained_end: at the outermost, what waited enters in its order. */
export function backendDrainEnd(device: u32): void {
  const node = nodeAt(device);
  if (node.quiesced == 0 || --node.quiesced > 0) return;
  while (node.waitingHead != 0 && node.quiesced == 0) {
    const request = changetype<BlockRequest>(node.waitingHead);
    node.waitingHead = request.next;
    if (node.waitingHead == 0) node.waitingTail = 0;
    request.next = 0;
    enter(node, request);
  }
}
