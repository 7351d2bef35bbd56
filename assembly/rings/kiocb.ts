// Kiocbs: requests of AIO contexts from acceptance to event (struct aio_kiocb of fs/aio.c).
//
// Verbs: kiocbClaim, kiocbInit, kiocbTake, kiocbAwait, kiocbDone.
// Invariants: a kiocb holds the descriptor it works on and the eventfd it notifies, so both may be closed meanwhile; the
// eventfd counts a completion after its event is on the ring.

import { complete, KIND_NONE } from '../base/dispatch';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import { errseqCheckAndAdvance, Inode } from '../cache/inode';
import { holdDescriptor, OpenFile, releaseDescriptor } from '../files/descriptor';
import { Eventfd, eventfdOf, eventfdSignal } from '../files/eventfd';
import { IOCB_DATA, IOCB_FLAG_RESFD, IOCB_FLAGS, IOCB_RESFD } from '../layout';
import { AioContext, putEvent } from './aio-context';

@unmanaged
export class Kiocb {
  // the first four words are a PollWaiter
  pollNext: usize;
  pollPrevious: usize;
  pollEventfd: usize;
  pollMask: u32;
  /** Neighbours among the context's waiting polls. */
  activeNext: usize;
  activePrevious: usize;
  context: usize;
  /** The open file or eventfd that the request is for. */
  target: usize;
  /** The eventfd that counts the completion, or 0. */
  notified: usize;
  /** A sync or a synchronous write: it reports what write-back met. */
  reportsErrors: u32;
  data: u64;
  object: u64;
}

export const kiocbPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));

/** `capacity`: requests in flight at one time. */
export function kiocbClaim(capacity: u32): void {
  poolClaim(kiocbPool, offsetof<Kiocb>(), capacity);
}

/** u32: what to complete when a kiocb comes back, or KIND_NONE. */
const awaited: usize = memory.data(8, 8);

/** Completes `kind` once, the next time that a kiocb is given back. For whoever found none. */
export function kiocbAwait(kind: u32): void {
  store<u32>(awaited, kind);
}

export function kiocbInit(): void {
  poolInit(kiocbPool);
}

/** A kiocb for an iocb that has passed its checks; it holds what it names. 0 when all are in use. */
export function kiocbTake(context: AioContext, iocb: usize, target: usize): usize {
  const pointer = poolTake(kiocbPool);
  if (pointer == 0) return 0;
  memory.fill(pointer, 0, offsetof<Kiocb>());
  const kiocb = changetype<Kiocb>(pointer);
  kiocb.context = changetype<usize>(context);
  kiocb.target = target;
  kiocb.data = load<u64>(iocb, IOCB_DATA);
  kiocb.object = <u64>iocb;
  holdDescriptor(target);
  if (load<u32>(iocb, IOCB_FLAGS) & IOCB_FLAG_RESFD) {
    kiocb.notified = eventfdOf(load<i32>(iocb, IOCB_RESFD));
    holdDescriptor(kiocb.notified);
  }
  return pointer;
}

/** Handler of KIND_AIO_DONE: the event goes on the ring, then the eventfd hears of it. */
export function kiocbDone(pointer: usize, result: i32): void {
  const kiocb = changetype<Kiocb>(pointer);
  if (kiocb.reportsErrors != 0) {
    const error = errseqCheckAndAdvance(
      changetype<Inode>(changetype<OpenFile>(kiocb.target).inode),
      kiocb.target + offsetof<OpenFile>('errseqCursor'),
    );
    if (error != 0 && result >= 0) result = error;
  }
  releaseDescriptor(kiocb.target);
  putEvent(changetype<AioContext>(kiocb.context), kiocb.data, kiocb.object, result);
  const notified = kiocb.notified;
  poolGive(kiocbPool, pointer);
  const waiting = load<u32>(awaited);
  store<u32>(awaited, KIND_NONE);
  if (waiting != KIND_NONE) complete(waiting, 0, 0);
  if (notified == 0) return;
  eventfdSignal(changetype<Eventfd>(notified));
  releaseDescriptor(notified);
}
