// QEMU's block backend, thin: a guest I/O becomes one operation on the host file.
//
// Verbs: backendTransfer, backendFlush, backendDiscard. Cache modes map to how the file is used: writeback goes through
// the page cache, none around it, writethrough and directsync make every write durable, unsafe ignores flushes.
// Invariant: in_flight is counted from submit to the end of the completion handler; a completion never runs inside a
// submit. An operation is always free: the pool holds one for each virtio request.

import { KIND_BACKEND_DONE } from '../base/dispatch';
import {
  FLAG_BOUNCED,
  FLAG_DIRECT,
  FLAG_DSYNC,
  FLAG_UNSAFE,
  OPERATION_DATASYNC,
  OPERATION_DISCARD,
  OPERATION_READ,
  OPERATION_WRITE,
  Operation,
  operationTake,
} from '../base/operation';
import { inodeAt } from '../cache/inode';
import { startOperation } from '../files/file-operation';
import {
  CACHE_MODE_DIRECTSYNC,
  CACHE_MODE_NONE,
  CACHE_MODE_UNSAFE,
  CACHE_MODE_WRITETHROUGH,
} from '../layout';
import { SECTOR_SHIFT } from '../limits';

@unmanaged
class Backend {
  inFlight: u32;
}

const backend = changetype<Backend>(memory.data(offsetof<Backend>(), 16));

/** The operation flags of a cache mode. */
function modeFlags(mode: u32): u16 {
  switch (mode) {
    case CACHE_MODE_NONE:
      return FLAG_DIRECT | FLAG_BOUNCED;
    case CACHE_MODE_WRITETHROUGH:
      return FLAG_DSYNC;
    case CACHE_MODE_DIRECTSYNC:
      return FLAG_DIRECT | FLAG_BOUNCED | FLAG_DSYNC;
    case CACHE_MODE_UNSAFE:
      return FLAG_UNSAFE;
    default:
      return 0;
  }
}

function start(kind: u8, device: u32, mode: u32, sector: u64, bytes: u64, spans: usize, owner: usize): void {
  const pointer = operationTake();
  assert(pointer != 0, 'no operation is left for a virtio request');
  const operation = changetype<Operation>(pointer);
  operation.kind = kind;
  operation.flags = modeFlags(mode);
  operation.inode = changetype<usize>(inodeAt(device));
  operation.position = sector << SECTOR_SHIFT;
  operation.length = bytes;
  operation.spans = spans;
  operation.doneKind = KIND_BACKEND_DONE;
  operation.owner = owner;
  backend.inFlight++;
  startOperation(operation);
}

/** One read or write of the device's file; ends with KIND_BACKEND_DONE. The spans belong to it from now on. */
export function backendTransfer(
  isWrite: bool,
  device: u32,
  mode: u32,
  sector: u64,
  bytes: u32,
  spans: usize,
  owner: usize,
): void {
  start(isWrite ? OPERATION_WRITE : OPERATION_READ, device, mode, sector, bytes, spans, owner);
}

export function backendFlush(device: u32, mode: u32, owner: usize): void {
  start(OPERATION_DATASYNC, device, mode, 0, 0, 0, owner);
}

export function backendDiscard(device: u32, mode: u32, sector: u64, bytes: u64, owner: usize): void {
  start(OPERATION_DISCARD, device, mode, sector, bytes, 0, owner);
}

/** To be called at the end of the completion handler. */
export function backendFinished(): void {
  assert(backend.inFlight > 0, 'a backend request ended twice');
  backend.inFlight--;
}
