// Time: the slider over the whole run, the buttons that play and step, and what the clock says.

import { goTo, stepBack, stepForward, togglePlaying } from '../actions.ts';
import { cursor, isPlaying, run, runVersion } from '../state.ts';
import { Icon, type IconName } from './icons.tsx';

function TimeButton({
  label,
  icon,
  act,
  keys,
}: {
  label: string;
  icon: IconName;
  act: () => void;
  keys: string;
}) {
  return (
    <button
      type="button"
      class="quiet square"
      aria-label={label}
      title={`${label} (${keys})`}
      disabled={run.value === undefined}
      onClick={act}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Timeline() {
  runVersion.value;
  const stepCount = run.value?.stepCount ?? 0;
  return (
    <div class="timeline">
      <input
        type="range"
        class="time-slider"
        aria-label="Moment"
        min={0}
        max={stepCount}
        value={cursor.value}
        onInput={(event) => goTo(event.currentTarget.valueAsNumber)}
      />
      <div class="transport">
        <TimeButton label="To the start" icon="toStart" act={() => goTo(0)} keys="Home" />
        <TimeButton label="One step back" icon="stepBack" act={stepBack} keys="←" />
        <button
          type="button"
          class="primary square"
          aria-label={isPlaying.value ? 'Pause' : 'Play'}
          onClick={togglePlaying}
        >
          <Icon name={isPlaying.value ? 'pause' : 'play'} />
        </button>
        <TimeButton label="One step" icon="stepForward" act={stepForward} keys="→" />
        <TimeButton label="To the end" icon="toEnd" act={() => goTo(stepCount)} keys="End" />
      </div>
    </div>
  );
}
