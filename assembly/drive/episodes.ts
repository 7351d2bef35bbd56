// Episodes: times at which a drive serves nothing (a stall), or everything more slowly.
//
// Verbs: episodesClaim, episodesInit, episodeAdd, serviceEnd. An episode happens once or again and again. A service is work
// that is done at the rate of 1 outside all episodes, at 1 / factor inside a slow one, at 0 inside a stall; where several
// meet, a stall counts before a slow one, and the slowest before the others. A service without work (an instant drive, a
// hit in a cache) that begins in a stall ends with it.
// Layout: a pool of episodes; each drive has a list of its own.
// Invariant: a drive without episodes pays one comparison a service. A service that meets more than EDGES_MOST beginnings
// and ends of episodes does the rest of its work at the rate of 1, so that no config can keep the core busy for ever.

import { END_OF_TIME } from '../base/clock';
import { EINVAL, ENOSPC } from '../base/errno';
import { Pool, poolClaim, poolInit, poolTake } from '../base/pool';
import { EPISODE_AT, EPISODE_EVERY, EPISODE_FACTOR, EPISODE_LASTS } from '../layout';
import { Drive } from './drive-table';

const NORMAL: u64 = 1000;
const FACTOR_MOST: u64 = 1000000000;
const TIME_MOST: u64 = 0x20000000000000;
const EDGES_MOST: u32 = 65536;

@unmanaged
class Episode {
  next: usize;
  at: u64;
  lasts: u64;
  every: u64;
  /** Thousandths; 0: a stall. */
  factor: u64;
}

/** What holds at one moment. */
@unmanaged
class Moment {
  factor: u64;
  isStalled: u32;
  /** When an episode begins or ends next. */
  until: u64;
}

const episodePool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const moment = changetype<Moment>(memory.data(offsetof<Moment>(), 16));

export function episodesClaim(count: u32): void {
  poolClaim(episodePool, offsetof<Episode>(), count);
}

export function episodesInit(): void {
  poolInit(episodePool);
}

/** Adds the episode at `from` (EPISODE_…, readable) to a drive. 0, EINVAL for a field out of range, ENOSPC. */
export function episodeAdd(drive: Drive, from: usize): i32 {
  const at = load<u64>(from, EPISODE_AT);
  const lasts = load<u64>(from, EPISODE_LASTS);
  const every = load<u64>(from, EPISODE_EVERY);
  const factor = load<u64>(from, EPISODE_FACTOR);
  if (at > TIME_MOST || lasts == 0 || lasts > TIME_MOST || every > TIME_MOST) return -EINVAL;
  if (every != 0 && every <= lasts) return -EINVAL;
  if (factor != 0 && (factor < NORMAL || factor > FACTOR_MOST)) return -EINVAL;
  const pointer = poolTake(episodePool);
  if (pointer == 0) return -ENOSPC;
  const episode = changetype<Episode>(pointer);
  episode.at = at;
  episode.lasts = lasts;
  episode.every = every;
  episode.factor = factor;
  episode.next = drive.episodes;
  drive.episodes = pointer;
  return 0;
}

/** Fills in what holds at `time`. */
function lookAt(drive: Drive, time: u64): void {
  moment.factor = NORMAL;
  moment.isStalled = 0;
  moment.until = END_OF_TIME;
  for (let pointer = drive.episodes; pointer != 0; pointer = changetype<Episode>(pointer).next) {
    const episode = changetype<Episode>(pointer);
    let edge = episode.at;
    if (time >= edge) {
      const since = episode.every == 0 ? time - edge : (time - edge) % episode.every;
      if (since < episode.lasts) {
        edge = time + (episode.lasts - since);
        if (episode.factor == 0) moment.isStalled = 1;
        else moment.factor = max<u64>(moment.factor, episode.factor);
      } else {
        if (episode.every == 0) continue;
        edge = time + (episode.every - since);
      }
    }
    moment.until = min<u64>(moment.until, edge);
  }
}

/** When a service that begins at `start` and takes `work` nanoseconds of a drive without episodes ends. */
export function serviceEnd(drive: Drive, start: u64, work: u64): u64 {
  if (start >= END_OF_TIME) return END_OF_TIME;
  let time = start;
  if (drive.episodes != 0) {
    for (let edges: u32 = 0; edges < EDGES_MOST && time < END_OF_TIME; edges++) {
      lookAt(drive, time);
      if (moment.isStalled == 0) {
        const span = moment.until - time;
        // a slow period lasts at most TIME_MOST, so the product fits
        const room = moment.factor == NORMAL ? span : (span * NORMAL) / moment.factor;
        if (work <= room) {
          return time + (moment.factor == NORMAL ? work : (work * moment.factor + (NORMAL - 1)) / NORMAL);
        }
        work -= room;
      }
      time = moment.until;
    }
  }
  return work >= END_OF_TIME - time ? END_OF_TIME : time + work;
}
