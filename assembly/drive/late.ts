// Requests whose completion comes late, or never: what a fault delays, what is stuck, and what takes longer than the drive's timeout.
//
// Verbs: lateBegin, lateEnd, lateCancel. The service itself is over when a request comes here; nothing of its bytes changes any more.
// Layout: a list of requests for each drive.
// Invariant: a request here has one event to wait for: its completion, or the end of its time; a stuck one without a
// timeout has none, and leaves by lateCancel only.

import { END_OF_TIME, eventAt, eventCancel, now, timeAfter } from '../base/clock';
import { KIND_DRIVE_LATE, KIND_DRIVE_TIMEOUT } from '../base/dispatch';
import { Drive } from './drive-table';
import { FAULTED_LATE, FAULTED_PARKED, FAULTED_STUCK, Request } from './request';

function link(drive: Drive, request: Request): void {
  request.faultFlags |= FAULTED_PARKED;
  request.previous = 0;
  request.next = drive.lateHead;
  if (drive.lateHead != 0) changetype<Request>(drive.lateHead).previous = changetype<usize>(request);
  drive.lateHead = changetype<usize>(request);
}

/** How much longer than its model says a request takes. */
function extraOf(request: Request): u64 {
  const elapsed = now() - request.takenAt;
  const factor = request.faultFactor;
  // the factors of several rules add up: a product that is too long is without end
  const whole = elapsed / 1000;
  if (factor != 0 && whole > END_OF_TIME / factor) return END_OF_TIME;
  const more = whole * factor + ((elapsed % 1000) * factor) / 1000;
  return min<u64>(more, END_OF_TIME) + request.faultDelay;
}

/** The drive is done with a request that a fault delays. False when it can go up at once after all. */
export function lateBegin(drive: Drive, request: Request): bool {
  request.faultFlags &= ~FAULTED_LATE;
  const isStuck = (request.faultFlags & FAULTED_STUCK) != 0;
  const due = isStuck ? END_OF_TIME : timeAfter(extraOf(request));
  if (due == now()) return false;
  link(drive, request);
  const deadline = drive.timeoutNs != 0 ? request.takenAt + drive.timeoutNs : END_OF_TIME;
  if (due > deadline) eventAt(max<u64>(deadline, now()), KIND_DRIVE_TIMEOUT, changetype<usize>(request));
  else if (!isStuck) eventAt(due, KIND_DRIVE_LATE, changetype<usize>(request));
  return true;
}

/** The request is no longer late. */
export function lateEnd(drive: Drive, request: Request): void {
  if ((request.faultFlags & FAULTED_PARKED) == 0) return;
  request.faultFlags &= ~FAULTED_PARKED;
  if (request.previous != 0) changetype<Request>(request.previous).next = request.next;
  else drive.lateHead = request.next;
  if (request.next != 0) changetype<Request>(request.next).previous = request.previous;
  request.next = 0;
  request.previous = 0;
}

/** Takes the late request of this identity off the list and off the clock; 0 when there is none. */
export function lateCancel(drive: Drive, id: u32): usize {
  for (let pointer = drive.lateHead; pointer != 0; pointer = changetype<Request>(pointer).next) {
    const request = changetype<Request>(pointer);
    if (request.id != id) continue;
    if (!eventCancel(KIND_DRIVE_LATE, pointer)) eventCancel(KIND_DRIVE_TIMEOUT, pointer);
    lateEnd(drive, request);
    return pointer;
  }
  return 0;
}
