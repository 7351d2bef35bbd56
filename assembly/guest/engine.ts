// How a node's file is read and written: on Linux AIO, or by a pool of threads (raw_co_prw in block/file-posix.c of QEMU).
//
// Verbs: engineClaim, engineInit, engineSubmit, engineBegin, engineEnd. Evaluated for each request: a direct request with a
// piece that the drive can not reach goes to the threads, through a linear copy; else a read, write or flush goes where the
// machine was told; a discard or write-zeroes always goes to the threads.
// Invariant: each job ends with one KIND_ENGINE_DONE (owner: the request), never inside engineSubmit.

import { Span } from '../base/span';
import { OP_FLUSH, OP_READ, OP_WRITE, VIRTIO_ENGINE_LINUX_AIO } from '../layout';
import { BlockNode, BlockRequest, isDirect, JOB_MISALIGNED, nodeDrive } from './block-node';
import {
  linuxAioBegin,
  linuxAioClaim,
  linuxAioClaimPrivate,
  linuxAioEnd,
  linuxAioInit,
  linuxAioOpen,
  linuxAioSubmit,
} from './engine-linux-aio';
import { threadsInit, threadsSubmit } from './engine-threads';

@unmanaged
class Engine {
  kind: u32;
  /** request_alignment of the files. */
  alignment: u32;
}

const engine = changetype<Engine>(memory.data(offsetof<Engine>(), 16));

/** Claims the engine's part of client memory. `kind`: VIRTIO_ENGINE_…. */
export function engineClaim(kind: u32): void {
  engine.kind = kind;
  if (kind == VIRTIO_ENGINE_LINUX_AIO) linuxAioClaim();
}

/** Claims what clients may not name. */
export function engineClaimPrivate(deviceCount: u32): void {
  if (engine.kind == VIRTIO_ENGINE_LINUX_AIO) linuxAioClaimPrivate(deviceCount);
}

/** `alignment`: bytes; `workers`: threads; `batch`: iocbs of one io_submit. */
export function engineInit(alignment: u32, workers: u32, batch: u32): void {
  engine.alignment = alignment;
  threadsInit(workers);
  if (engine.kind == VIRTIO_ENGINE_LINUX_AIO) linuxAioInit(batch);
}

function isMisaligned(node: BlockNode, head: usize): bool {
  const addressMask = nodeDrive(node).dmaMask;
  for (let pointer = head; pointer != 0; pointer = changetype<Span>(pointer).next) {
    const span = changetype<Span>(pointer);
    if ((span.length & (engine.alignment - 1)) != 0 || (<u32>span.address & addressMask) != 0) return true;
  }
  return false;
}

/** Starts the job in `request.job…`. The spans belong to it from now on. */
export function engineSubmit(node: BlockNode, request: BlockRequest): void {
  const kind = request.jobKind;
  const isTransfer = kind == OP_READ || kind == OP_WRITE;
  if (isTransfer && isDirect(node) && isMisaligned(node, request.jobSpans))
    request.jobFlags |= JOB_MISALIGNED;
  const isForAio =
    engine.kind == VIRTIO_ENGINE_LINUX_AIO &&
    (isTransfer || kind == OP_FLUSH) &&
    (request.jobFlags & JOB_MISALIGNED) == 0 &&
    linuxAioOpen();
  if (isForAio) linuxAioSubmit(request);
  else threadsSubmit(request);
}

/** A queue is about to be drained: jobs for Linux AIO gather (defer_call_begin). */
export function engineBegin(): void {
  if (engine.kind == VIRTIO_ENGINE_LINUX_AIO) linuxAioBegin();
}

export function engineEnd(): void {
  if (engine.kind == VIRTIO_ENGINE_LINUX_AIO) linuxAioEnd();
}
