// The `fixed` model: channels that each serve one request at a time for a latency per operation and the time of its bytes.
//
// Verbs: fixedStart. A request takes the channel that is free first. Only reads and writes move bytes; the latency varies as
// the drive's distribution says, the transfer does not.
// Layout: per drive, `channels` u64 times at which each channel is free.

import { now } from '../../base/clock';
import { FIXED_BANDWIDTH, OP_READ, OP_WRITE } from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { Drive } from '../drive-table';
import { serviceEnd } from '../episodes';
import { latencyOf } from '../latency';
import { Request } from '../request';
import { servedAt } from '../served';

const NANOSECONDS: u64 = 1000000000;

function transferNs(drive: Drive, request: Request): u64 {
  const bandwidth = load<u64>(drive.parameters + (FIXED_BANDWIDTH << 3));
  if (bandwidth == 0 || (request.operation != OP_READ && request.operation != OP_WRITE)) return 0;
  const bytes = (<u64>request.sectorCount) << SECTOR_SHIFT;
  return (bytes * NANOSECONDS + bandwidth - 1) / bandwidth;
}

export function fixedStart(drive: Drive, request: Request): void {
  const latency = load<u64>(
    changetype<usize>(drive) + offsetof<Drive>('latencyRead') + ((<usize>request.operation) << 3),
  );
  let best: usize = drive.channels;
  const end = drive.channels + ((<usize>drive.channelCount) << 3);
  for (let channel = best + 8; channel < end; channel += 8) {
    if (load<u64>(channel) < load<u64>(best)) best = channel;
  }
  const work = latencyOf(drive, request, latency) + transferNs(drive, request);
  const done = serviceEnd(drive, max<u64>(load<u64>(best), now()), work);
  store<u64>(best, done);
  servedAt(request, done);
}
