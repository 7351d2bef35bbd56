// Every choice at this moment, judged: how many of them break a promise.

import { formatCount } from '../../model/describe.ts';
import { whyNotExplored } from '../../plug/scene-subject.ts';
import { aftermath, scene } from '../../state.ts';
import type { Stake, Tally } from '../../worker/plug-protocol.ts';
import { choiceCount } from './choice.ts';
import { allTally, isTryingAll, tryAll } from './state.ts';

const BEHIND_A_CRASH =
  'Every choice at once is tried in the scene itself. Behind a crash it is one choice at a time.';
/** More choices are a sample. */
const MOST_CHOICES = 16;

export function TryAll({ stake }: { stake: Stake }) {
  const reason = whyNotExplored(scene.value) ?? (aftermath.value === undefined ? undefined : BEHIND_A_CRASH);
  if (reason !== undefined) return <p class="hint">{reason}</p>;
  const count = choiceCount(stake.writes);
  const title =
    count <= MOST_CHOICES ? `Try all ${formatCount(2 ** count)}` : `Try a sample of 2^${formatCount(count)}`;
  const tally = allTally.value;
  return (
    <div class="try-all">
      <button type="button" disabled={isTryingAll.value} onClick={() => void tryAll()}>
        {title}
      </button>
      {tally !== undefined && (
        <p role="status" data-broken={tally.lost + tally.halves}>
          {tallyText(tally)}
        </p>
      )}
    </div>
  );
}

function tallyText({ states, distinctImages, lost, halves, isExhaustive }: Tally): string {
  const gone = `${formatCount(states)} ${states === 1 ? 'outcome' : 'outcomes'}${isExhaustive ? '' : ' so far'}, ${formatCount(distinctImages)} different on the media`;
  const bad = [
    ...(halves > 0 ? [`${formatCount(halves)} leave a change by halves`] : []),
    ...(lost > 0 ? [`${formatCount(lost)} break a promise`] : []),
  ];
  return `${gone}: ${bad.length === 0 ? 'none breaks a promise.' : `${bad.join(', ')}.`}`;
}
