// IOCB_CMD_POLL and io_cancel (fs/aio.c aio_poll, aio_poll_wake, aio_poll_cancel, io_cancel).
//
// Verbs: pollStart, pollWoken, ioCancel, cancelPolls. A poll of a file ends at once; a poll of an eventfd waits until a
// bit that it asks for is ready. Polls are all that can be cancelled.
// Layout: the waiting polls of a context are a list through activeNext and activePrevious, oldest first.
// Invariant: a kiocb on that list is parked at its eventfd, or its wake-up is on the way.

import { isClientRange } from '../base/client-memory';
import { complete, KIND_AIO_DONE } from '../base/dispatch';
import { EFAULT, EINPROGRESS, EINVAL } from '../base/errno';
import { isFile } from '../files/descriptor';
import { Eventfd, eventfdReady, PollWaiter, pollPark, pollUnpark } from '../files/eventfd';
import { IOCB_KEY, POLLERR, POLLHUP } from '../layout';
import { AioContext, findContext } from './aio-context';
import { Kiocb, kiocbDone } from './kiocb';

/** POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM: a regular file or disk is always ready for these. */
const FILE_READY: u32 = 0x145;

function activate(context: AioContext, kiocb: Kiocb): void {
  const pointer = changetype<usize>(kiocb);
  kiocb.activeNext = 0;
  kiocb.activePrevious = context.activeTail;
  if (context.activeTail != 0) changetype<Kiocb>(context.activeTail).activeNext = pointer;
  else context.activeHead = pointer;
  context.activeTail = pointer;
}

function deactivate(context: AioContext, kiocb: Kiocb): void {
  if (kiocb.activePrevious != 0) changetype<Kiocb>(kiocb.activePrevious).activeNext = kiocb.activeNext;
  else context.activeHead = kiocb.activeNext;
  if (kiocb.activeNext != 0) changetype<Kiocb>(kiocb.activeNext).activePrevious = kiocb.activePrevious;
  else context.activeTail = kiocb.activePrevious;
}

/** Ends with the bits of `asked` (16 of them) that are ready; POLLERR and POLLHUP are always asked for. */
export function pollStart(context: AioContext, pointer: usize, asked: u32): void {
  const kiocb = changetype<Kiocb>(pointer);
  if (isFile(kiocb.target)) {
    complete(KIND_AIO_DONE, pointer, asked & FILE_READY);
    return;
  }
  kiocb.pollMask = asked | POLLERR | POLLHUP;
  const eventfd = changetype<Eventfd>(kiocb.target);
  const ready = eventfdReady(eventfd) & kiocb.pollMask;
  if (ready != 0) {
    complete(KIND_AIO_DONE, pointer, ready);
    return;
  }
  pollPark(eventfd, changetype<PollWaiter>(pointer));
  activate(context, kiocb);
}

/** Handler of KIND_EVENTFD_SIGNALLED: `ready` is what the poll was woken for, whatever the eventfd holds by now. */
export function pollWoken(pointer: usize, ready: i32): void {
  deactivate(changetype<AioContext>(changetype<Kiocb>(pointer).context), changetype<Kiocb>(pointer));
  kiocbDone(pointer, ready);
}

/** Ends a parked poll with an event of 0. */
function cancel(context: AioContext, pointer: usize): void {
  pollUnpark(changetype<PollWaiter>(pointer));
  deactivate(context, changetype<Kiocb>(pointer));
  complete(KIND_AIO_DONE, pointer, 0);
}

/**
 * Sheet §12, in its order: EFAULT for a key that can not be read, EINVAL for a key that is not 0, an unknown context, and
 * whatever is not a waiting poll (reads, writes and syncs have no cancel routine). EINPROGRESS: cancelled, its event comes.
 */
export function ioCancel(handle: u32, iocb: u32): i32 {
  if (!isClientRange(<u64>iocb + IOCB_KEY, 4)) return -EFAULT;
  if (load<u32>(iocb, IOCB_KEY) != 0) return -EINVAL;
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  for (let pointer = context.activeHead; pointer != 0; pointer = changetype<Kiocb>(pointer).activeNext) {
    const kiocb = changetype<Kiocb>(pointer);
    if (kiocb.object != <u64>iocb || kiocb.pollEventfd == 0) continue;
    cancel(context, pointer);
    return -EINPROGRESS;
  }
  return -EINVAL;
}

/** Cancels every waiting poll of a context: what io_destroy does first. 0, or EINVAL for no such context. */
export function cancelPolls(handle: u32): i32 {
  const context = findContext(handle);
  if (context == null) return -EINVAL;
  let pointer = context.activeHead;
  while (pointer != 0) {
    const next = changetype<Kiocb>(pointer).activeNext;
    if (changetype<Kiocb>(pointer).pollEventfd != 0) cancel(context, pointer);
    pointer = next;
  }
  return 0;
}
