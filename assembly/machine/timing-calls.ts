// How the service times of a drive vary, as exports: called between machineOpen and the first request.
//
// Verbs: driveLatencyPoints, driveEpisode.

import { isClientRange } from '../base/client-memory';
import { EFAULT, ENODEV } from '../base/errno';
import { driveAt, driveCount } from '../drive/drive-table';
import { episodeAdd } from '../drive/episodes';
import { latencySetPoints } from '../drive/latency';
import { EPISODE_SIZE, LATENCY_POINT_SIZE } from '../layout';

/** Gives a drive the points of its distribution: `count` LATENCY_POINT_… in client memory. 0, -EFAULT, or as latencySetPoints. */
export function driveLatencyPoints(drive: i32, points: i32, count: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!isClientRange(<u32>points, <u64>(<u32>count) * LATENCY_POINT_SIZE)) return -EFAULT;
  return latencySetPoints(driveAt(<u32>drive), <usize>points, <u32>count);
}

/** Adds an episode (EPISODE_…, in client memory) to a drive. 0, -EFAULT, or as episodeAdd. */
export function driveEpisode(drive: i32, episode: i32): i32 {
  if (<u32>drive >= driveCount()) return -ENODEV;
  if (!isClientRange(<u32>episode, EPISODE_SIZE)) return -EFAULT;
  return episodeAdd(driveAt(<u32>drive), <usize>episode);
}
