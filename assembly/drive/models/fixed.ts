// The `fixed` model: channels that each serve one request at a time for a fixed latency per operation.
//
// Verbs: fixedStart. A request takes the channel that is free first.
// Layout: per drive, `channels` u64 times at which each channel is free.

import { END_OF_TIME, now } from '../../base/clock';
import { Drive } from '../drive-table';
import { Request } from '../request';
import { servedAt } from '../served';

export function fixedStart(drive: Drive, request: Request): void {
  const latency = load<u64>(
    changetype<usize>(drive) + offsetof<Drive>('latencyRead') + ((<usize>request.operation) << 3),
  );
  let best: usize = drive.channels;
  const end = drive.channels + ((<usize>drive.channelCount) << 3);
  for (let channel = best + 8; channel < end; channel += 8) {
    if (load<u64>(channel) < load<u64>(best)) best = channel;
  }
  const done = min<u64>(max<u64>(load<u64>(best), now()) + latency, END_OF_TIME);
  store<u64>(best, done);
  servedAt(request, done);
}
