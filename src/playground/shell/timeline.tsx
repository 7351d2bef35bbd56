// Time: the slider over the whole run on a drawn track (chapters, activity, the part that has been played), and the transport below.
//
// The slider is the browser's own, so it has its keys, its touch and its speech; only its looks are ours.

import type { TargetedPointerEvent } from 'preact';
import { useState } from 'preact/hooks';
import { goTo } from '../actions.ts';
import { formatCount, formatTime } from '../model/describe.ts';
import { aftermath, aftermaths, cursor, run, runVersion, story, told } from '../state.ts';
import { ActivityPicture } from './activity-picture.tsx';
import { Clock, Transport } from './transport.tsx';
import { layout } from './view.ts';

/** Share of the track that a chapter needs for its title to be of use. */
const NARROWEST_TITLE = 0.03;

export function Timeline() {
  return (
    <div class="timeline">
      {layout.value === 'phone' && <Clock />}
      <Track />
      <Transport />
    </div>
  );
}

/** What a moment is, in words. */
function momentName(step: number): string {
  const shown = run.value;
  if (shown === undefined) return 'no run yet';
  const chapter = shown.chapterOf(step);
  const title = told.value.chapters[chapter]?.title;
  const where = title === undefined ? '' : `, chapter ${chapter + 1}: ${title}`;
  const cut = cutSteps().includes(step) ? ', where the crash came' : '';
  return `step ${formatCount(step)} of ${formatCount(shown.stepCount)}, ${formatTime(shown.timeNs(step))}${where}${cut}`;
}

/** Where the power was cut in the run that is shown: before its start, where it is what a crash has left, and at the crash that led on. */
function cutSteps(): number[] {
  const own = aftermath.value === undefined ? [] : [0];
  const next = aftermaths.value.filter(({ before }) => before.run === run.value);
  return [...own, ...next.map(({ before }) => before.step)];
}

const percent = (share: number): string => `${share * 100}%`;

function Track() {
  runVersion.value;
  const [hoveredStep, setHoveredStep] = useState<number>();
  const stepCount = run.value?.stepCount ?? 0;
  const shareOf = (step: number): number => (stepCount === 0 ? 0 : step / stepCount);
  const onPointerMove = (event: TargetedPointerEvent<HTMLElement>): void => {
    if (event.pointerType === 'touch') return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - left) / width));
    setHoveredStep(Math.round(share * stepCount));
  };
  return (
    <div class="track" onPointerMove={onPointerMove} onPointerLeave={() => setHoveredStep(undefined)}>
      <Chapters stepCount={stepCount} />
      <div class="track-ground">
        <ActivityPicture />
        <div class="played" style={{ width: percent(shareOf(cursor.value)) }} />
        {cutSteps().map((step) => (
          <div key={step} class="cut-mark" style={{ left: percent(shareOf(step)) }} />
        ))}
      </div>
      <input
        type="range"
        class="time-slider"
        aria-label="Moment"
        aria-valuetext={momentName(cursor.value)}
        min={0}
        max={stepCount}
        value={cursor.value}
        disabled={run.value === undefined}
        onInput={(event) => goTo(event.currentTarget.valueAsNumber)}
      />
      {hoveredStep !== undefined && run.value !== undefined && (
        <p
          class={shareOf(hoveredStep) > 0.5 ? 'moment-name from-right' : 'moment-name'}
          style={
            shareOf(hoveredStep) > 0.5
              ? { right: percent(1 - shareOf(hoveredStep)) }
              : { left: percent(shareOf(hoveredStep)) }
          }
        >
          {momentName(hoveredStep)}
        </p>
      )}
    </div>
  );
}

/** A mark where each chapter begins, with its title where there is room. */
function Chapters({ stepCount }: { stepCount: number }) {
  const known = story.value;
  const starts = told.value.chapters.flatMap(({ title }, index) => {
    const step = known?.firstStepOf(index);
    return step === undefined ? [] : [{ title, index, step }];
  });
  return (
    <ol class="chapter-marks">
      {starts.map(({ title, index, step }, at) => {
        const begin = (step - 1) / stepCount;
        const width = ((starts[at + 1]?.step ?? stepCount + 1) - step) / stepCount;
        const isNow = run.value?.chapterOf(cursor.value) === index;
        return (
          <li key={index} style={{ left: percent(begin), width: percent(width) }}>
            {width >= NARROWEST_TITLE && (
              <button
                type="button"
                class="quiet"
                aria-current={isNow ? 'step' : undefined}
                title={`Chapter ${index + 1}: ${title}`}
                onClick={() => goTo(step)}
              >
                {title}
              </button>
            )}
          </li>
        );
      })}
    </ol>
  );
}
