// Service-time models: when will the drive be done with a request that it starts now?
//
// Verbs: serviceEnd. `instant` answers now; `fixed` has channels that each serve one request at a time for a fixed
// latency per operation, and a request takes the channel that is free first.
// Layout: per drive, `channels` u64 times at which each channel is free.

import { END_OF_TIME, now } from '../base/clock';
import { DRIVE_MODEL_FIXED } from '../layout';
import { Drive } from './drive-table';

/** Virtual time at which a request of this operation ends when it is started now. Takes a channel. */
export function serviceEnd(drive: Drive, operation: u32): u64 {
  if (drive.model != DRIVE_MODEL_FIXED) return now();
  const latency = load<u64>(
    changetype<usize>(drive) + offsetof<Drive>('latencyRead') + ((<usize>operation) << 3),
  );
  let best: usize = drive.channels;
  const end = drive.channels + ((<usize>drive.channelCount) << 3);
  for (let channel = best + 8; channel < end; channel += 8) {
    if (load<u64>(channel) < load<u64>(best)) best = channel;
  }
  const done = min<u64>(max<u64>(load<u64>(best), now()) + latency, END_OF_TIME);
  store<u64>(best, done);
  return done;
}
