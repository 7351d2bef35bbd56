// The end of a service time: how a model says when the drive is done with a request.
//
// Verbs: servedAt. What would end after the drive's timeout is aborted at its end instead.
// Invariant: a request is never served inside its start; what is due at once goes through the queue of completions, so that
// what was started first ends first.

import { END_OF_TIME, eventAt, now } from '../base/clock';
import { complete, KIND_DRIVE_SERVED, KIND_DRIVE_TIMEOUT } from '../base/dispatch';
import { Drive } from './drive-table';
import { Request } from './request';

/** The media is done with the request at `time`, now or later. Once for each request. */
export function servedAt(request: Request, time: u64): void {
  const timeoutNs = changetype<Drive>(request.drive).timeoutNs;
  if (timeoutNs != 0 && time > request.takenAt + timeoutNs) {
    eventAt(max<u64>(now(), request.takenAt + timeoutNs), KIND_DRIVE_TIMEOUT, changetype<usize>(request));
  } else if (time <= now()) complete(KIND_DRIVE_SERVED, changetype<usize>(request), 0);
  else eventAt(min<u64>(time, END_OF_TIME), KIND_DRIVE_SERVED, changetype<usize>(request));
}
