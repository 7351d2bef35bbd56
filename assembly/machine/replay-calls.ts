// The replay player as exports: batches of trace records in, lots played, a latency summary out.
//
// Verbs: replayOpen, replayBatch, replayRun, replaySyncAll, replayLatency.
// Invariant: a batch is played in whole lots; the host may return to its event loop between two calls.

import { EDEADLK } from '../base/errno';
import { histogramPercentile } from '../base/histogram';
import { plugBegin, plugEnd } from '../block/queue';
import { inodeAt, inodeCount } from '../cache/inode';
import { descriptorClose, descriptorOpen } from '../files/descriptor';
import {
  CONFIG_SEED,
  CONFIG_VIRTIO_CACHE_MODE,
  LATENCY_P50,
  LATENCY_P90,
  LATENCY_P99,
  LATENCY_P999,
  OPEN_READ,
} from '../layout';
import {
  playerInit,
  playerIsIdle,
  playerLatency,
  playerNotify,
  playerPrepare,
  playerStart,
  replayState,
} from '../replay/player';
import { field } from './config';
import { fileSync } from './file-calls';
import { pumpOne } from './pump';
import { latencySummary } from './root';

/** Readies the player for one entrance (REPLAY_THROUGH_…). */
export function replayOpen(through: i32): i32 {
  return playerInit(<u32>through, field(CONFIG_SEED), field(CONFIG_VIRTIO_CACHE_MODE));
}

/** A batch of records and generations is in place. 0 or EINVAL. */
export function replayBatch(recordCount: i32): i32 {
  return playerStart(<u32>recordCount);
}

/** Plays at most `lotLimit` lots of the batch. 1: more is left; 0: the batch is done; EIO and others: REPLAY_ERROR_LINE; EDEADLK: a drive holds its completions. */
export function replayRun(lotLimit: i32): i32 {
  for (let lot = 0; lot < lotLimit; lot++) {
    if (!playerPrepare()) {
      const errno = load<i32>(replayState, 4);
      return errno != 0 ? -errno : 0;
    }
    plugBegin();
    playerNotify();
    plugEnd();
    while (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
    }
  }
  return 1;
}

/** Writes back and flushes every file that has been used; the player's last act. 0 or the first error. */
export function replaySyncAll(): i32 {
  let first = 0;
  for (let index: u32 = 0; index < inodeCount(); index++) {
    const inode = inodeAt(index);
    if (inode.pageCount == 0 && inode.dirtyCount == 0) continue;
    const descriptor = descriptorOpen(index, OPEN_READ);
    if (descriptor < 0) return descriptor;
    const result = fileSync(descriptor, 1);
    if (first == 0) first = result;
    descriptorClose(descriptor);
  }
  return first;
}

/** Fills the latencySummary summary (LATENCY_…) for reads (0) or writes (1). */
export function replayLatency(isWrite: i32): void {
  const histogram = playerLatency(isWrite != 0);
  if (histogram == 0) return;
  memory.copy(latencySummary, histogram, 24);
  store<u64>(latencySummary, histogramPercentile(histogram, 500), LATENCY_P50);
  store<u64>(latencySummary, histogramPercentile(histogram, 900), LATENCY_P90);
  store<u64>(latencySummary, histogramPercentile(histogram, 990), LATENCY_P99);
  store<u64>(latencySummary, histogramPercentile(histogram, 999), LATENCY_P999);
}
