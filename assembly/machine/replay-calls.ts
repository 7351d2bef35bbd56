// The replay player as exports: batches of trace records in, lots played, a latency summary out.
//
// Verbs: replayOpen, replayBatch, replayRun, replaySync, replayLatency.
// Invariant: a batch is played in whole lots; the host may return to its event loop between two calls.

import { EDEADLK } from '../base/errno';
import { histogramPercentile } from '../base/histogram';
import { plugBegin, plugEnd } from '../block/queue';
import {
  CONFIG_SEED,
  CONFIG_VIRTIO_CACHE_MODE,
  LATENCY_P50,
  LATENCY_P90,
  LATENCY_P99,
  LATENCY_P999,
  REPLAY_ERROR,
} from '../layout';
import { playerInit, playerNotify } from '../replay/entrance';
import { playerLatency, replayState } from '../replay/lot';
import { playerIsIdle, playerPrepare, playerStart, playerSyncError, playerSyncNext } from '../replay/player';
import { field } from './config';
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

/**
 * Plays the batch, whole lots at a time, for about `eventLimit` events. 1: more is left; 0: the batch is done; EIO and
 * others: see REPLAY_ERROR_LINE; EDEADLK: a drive holds its completions.
 */
export function replayRun(eventLimit: i32): i32 {
  let ran = 0;
  while (ran < eventLimit) {
    ran++;
    if (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
      continue;
    }
    if (!playerPrepare()) {
      const errno = load<i32>(replayState, REPLAY_ERROR);
      return errno != 0 ? -errno : 0;
    }
    plugBegin();
    playerNotify();
    plugEnd();
  }
  return 1;
}

/**
 * Writes back and flushes every file that has been used, for about `eventLimit` events: the player's last act. 1: more
 * is left; 0: done; else the first error.
 */
export function replaySync(eventLimit: i32): i32 {
  let ran = 0;
  while (ran < eventLimit) {
    ran++;
    if (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
    } else if (!playerSyncNext()) {
      return playerSyncError();
    }
  }
  return 1;
}

/** Fills the latency summary (LATENCY_…) for reads (0) or writes (1). */
export function replayLatency(isWrite: i32): void {
  const histogram = playerLatency(isWrite != 0);
  if (histogram == 0) return;
  memory.copy(latencySummary, histogram, 24);
  store<u64>(latencySummary, histogramPercentile(histogram, 500), LATENCY_P50);
  store<u64>(latencySummary, histogramPercentile(histogram, 900), LATENCY_P90);
  store<u64>(latencySummary, histogramPercentile(histogram, 990), LATENCY_P99);
  store<u64>(latencySummary, histogramPercentile(histogram, 999), LATENCY_P999);
}
