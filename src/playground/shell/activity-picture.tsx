// How busy a run was: a small bar for each stretch of steps, its height the records, its hues the requests.

import { run, runVersion, story } from '../state.ts';
import { ACTIVITY_HUES, type Activity } from '../story.ts';

const HEIGHT = 100;

/** For each hue a path of all its bars, in buckets across and hundredths up. */
export function activityPaths(activity: Activity, bucketCount: number): string[] {
  const width = ACTIVITY_HUES.length;
  const { counts } = activity;
  let highest = 1;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    let sum = 0;
    for (let hue = 0; hue < width; hue++) sum += counts[bucket * width + hue] ?? 0;
    highest = Math.max(highest, sum);
  }
  // the root keeps a quiet stretch visible beside a busy one
  const scale = HEIGHT / Math.sqrt(highest);
  const paths = ACTIVITY_HUES.map(() => '');
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const row = counts.subarray(bucket * width, (bucket + 1) * width);
    const sum = row.reduce((all, count) => all + count, 0);
    if (sum === 0) continue;
    const unit = (Math.sqrt(sum) * scale) / sum;
    let bottom = HEIGHT;
    for (const [hue, count] of row.entries()) {
      if (count === 0) continue;
      const top = bottom - count * unit;
      paths[hue] += `M${bucket + 0.1} ${bottom.toFixed(1)}h.8V${top.toFixed(1)}h-.8z`;
      bottom = top;
    }
  }
  return paths;
}

/** Drawn anew when more of the run is known, not when the cursor moves. */
export function ActivityPicture() {
  runVersion.value;
  const stepCount = run.value?.stepCount ?? 0;
  const activity = story.value?.activity;
  if (activity === undefined || stepCount === 0) return null;
  const bucketCount = Math.ceil(stepCount / activity.stepsABucket);
  return (
    <svg
      class="activity"
      viewBox={`0 0 ${stepCount / activity.stepsABucket} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {activityPaths(activity, bucketCount).map((path, at) => (
        <path key={ACTIVITY_HUES[at] ?? 'other'} class={ACTIVITY_HUES[at] ?? 'other'} d={path} />
      ))}
    </svg>
  );
}
