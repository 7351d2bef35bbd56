// The replay player as exports: batches of trace records in, requests played, histograms out.
//
// Verbs: replayOpen, replayBatch, replayRun, replayDrain, replaySync, replayHistogram.
// Invariant: what is played does not depend on the host's calls: in lots, a batch is played in whole lots; one by one,
// time does not move on while a record of the batch, or of the next one, may be due.

import { now } from '../base/clock';
import { EDEADLK, EINVAL } from '../base/errno';
import { histogramAddAll, histogramClear } from '../base/histogram';
import { plugBegin, plugEnd } from '../block/queue';
import { driveTimesHistogram } from '../drive/drive-times';
import {
  CONFIG_REPLAY_RECORDS,
  CONFIG_REPLAY_SPEEDUP,
  CONFIG_SEED,
  CONFIG_VIRTIO_CACHE_MODE,
  HISTOGRAM_SIZE,
  REPLAY_CONSUMED,
  REPLAY_ERROR,
  REPLAY_HISTOGRAM_ALL,
  REPLAY_HISTOGRAM_DRIVE,
  REPLAY_HISTOGRAM_KINDS,
  REPLAY_HISTOGRAM_LATENCY,
  REPLAY_HISTOGRAM_SERVICE,
  REPLAY_TIMING_ASAP,
} from '../layout';
import { playerInit, playerNotify } from '../replay/entrance';
import { flightInit, flightIssue, flightTake } from '../replay/flight';
import { player, playerHistogram, replayState } from '../replay/lot';
import { playerIsIdle, playerPrepare, playerStart, playerSyncError, playerSyncNext } from '../replay/player';
import { field } from './config';
import { pumpOne, pumpUntil } from './pump';
import { configStart } from './root';

/** What histograms are added up in for the host to read. */
const together: usize = memory.data(HISTOGRAM_SIZE, 16);

/** Readies the player for one entrance (REPLAY_THROUGH_…). 0, EINVAL, or what the entrance says. */
export function replayOpen(through: i32): i32 {
  const result = playerInit(<u32>through, field(CONFIG_SEED), field(CONFIG_VIRTIO_CACHE_MODE));
  if (result != 0 || player.timing == REPLAY_TIMING_ASAP) return result;
  flightInit(load<u64>(configStart() + CONFIG_REPLAY_SPEEDUP));
  return 0;
}

/** A batch of records and generations is in place. 0 or EINVAL. */
export function replayBatch(recordCount: i32): i32 {
  return playerStart(<u32>recordCount);
}

function notify(): void {
  plugBegin();
  playerNotify();
  plugEnd();
}

/** 0, or the negative errno that the player stopped with. */
function stopped(): i32 {
  return -load<i32>(replayState, REPLAY_ERROR);
}

function runLots(eventLimit: i32): i32 {
  for (let ran = 0; ran < eventLimit; ran++) {
    if (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
    } else {
      if (!playerPrepare()) return stopped();
      notify();
    }
  }
  return 1;
}

/** All that is due at this instant happens; what has arrived by then is put on the rings; then time moves on. */
function runFlight(eventLimit: i32, isDraining: bool): i32 {
  for (let ran = 0; ran < eventLimit; ran++) {
    if (pumpUntil(now())) continue;
    flightTake();
    if (flightIssue()) {
      notify();
      continue;
    }
    const isUsedUp = load<u32>(replayState, REPLAY_CONSUMED) == player.recordCount;
    if (isUsedUp && !isDraining && stopped() == 0) return 0;
    if (playerIsIdle() && (isUsedUp || stopped() != 0)) return stopped();
    if (!pumpOne()) return -EDEADLK;
  }
  return 1;
}

/**
 * Plays the batch for about `eventLimit` events. 1: more is left; 0: the batch is used up; EIO and others: see
 * REPLAY_ERROR_LINE; EDEADLK: a drive holds its completions.
 */
export function replayRun(eventLimit: i32): i32 {
  return player.timing == REPLAY_TIMING_ASAP ? runLots(eventLimit) : runFlight(eventLimit, false);
}

/** After the last batch: plays what is in flight to its end. Answers as replayRun. */
export function replayDrain(eventLimit: i32): i32 {
  return player.timing == REPLAY_TIMING_ASAP ? 0 : runFlight(eventLimit, true);
}

/**
 * Writes back and flushes every file that has been used, for about `eventLimit` events: the player's last act. 1: more
 * is left; 0: done; else the first error.
 */
export function replaySync(eventLimit: i32): i32 {
  for (let ran = 0; ran < eventLimit; ran++) {
    if (!playerIsIdle()) {
      if (!pumpOne()) return -EDEADLK;
    } else if (!playerSyncNext()) {
      return playerSyncError();
    }
  }
  return 1;
}

/** Address of a histogram (HISTOGRAM_…) by its number (REPLAY_HISTOGRAM_…), good until the next call; or EINVAL. */
export function replayHistogram(kind: i32): i32 {
  if (field(CONFIG_REPLAY_RECORDS) == 0 || <u32>kind >= <u32>REPLAY_HISTOGRAM_KINDS) return -EINVAL;
  if (kind < REPLAY_HISTOGRAM_DRIVE) return <i32>playerHistogram(kind);
  if (kind == REPLAY_HISTOGRAM_DRIVE) return <i32>driveTimesHistogram();
  histogramClear(together);
  for (let number: u32 = REPLAY_HISTOGRAM_LATENCY; number < <u32>REPLAY_HISTOGRAM_SERVICE; number++)
    histogramAddAll(together, playerHistogram(number));
  return kind == REPLAY_HISTOGRAM_ALL ? <i32>together : -EINVAL;
}
