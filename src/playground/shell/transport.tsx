// The buttons of time, how fast it goes, what the clock says, and whether the machine agrees.

import { useState } from 'preact/hooks';
import {
  chapterBack,
  chapterForward,
  goTo,
  stepBack,
  stepForward,
  toEnd,
  togglePlaying,
} from '../actions.ts';
import { BackToNow } from '../live/back-to-now.tsx';
import { formatCount, formatTime } from '../model/describe.ts';
import { cursor, isLive, isPlaying, recordHash, run, runVersion, speed, stack, standing } from '../state.ts';
import { Icon, type IconName } from './icons.tsx';
import { SPEEDS } from './speeds.ts';
import { dock, layout, PANELS, panelsOf, togglePanel } from './view.ts';

const SHORT_HASH_CHARS = 8;

export function Transport() {
  return layout.value === 'phone' ? <PhoneTransport /> : <WideTransport />;
}

function WideTransport() {
  return (
    <div class="transport">
      <div class="transport-buttons">
        <TimeButton label="To the start" icon="toStart" act={() => goTo(0)} keys="Home" />
        <TimeButton label="Chapter before" icon="chapterBack" act={chapterBack} keys="Shift ←" />
        <TimeButton label="One step back" icon="stepBack" act={stepBack} keys="←" />
        <PlayButton />
        <TimeButton label="One step" icon="stepForward" act={stepForward} keys="→" />
        <TimeButton label="Next chapter" icon="chapterForward" act={chapterForward} keys="Shift →" />
        <TimeButton label="To the end" icon="toEnd" act={toEnd} keys="End" />
      </div>
      <SpeedChoice />
      <Clock />
      {isLive.value ? <BackToNow following="live" /> : <HashMark />}
      <DockButtons />
    </div>
  );
}

/** What a thumb needs; start and end are the ends of the slider. */
function PhoneTransport() {
  return (
    <div class="transport">
      <SpeedChoice />
      <TimeButton label="Chapter before" icon="chapterBack" act={chapterBack} keys="Shift ←" />
      <TimeButton label="One step back" icon="stepBack" act={stepBack} keys="←" />
      <PlayButton />
      <TimeButton label="One step" icon="stepForward" act={stepForward} keys="→" />
      <TimeButton label="Next chapter" icon="chapterForward" act={chapterForward} keys="Shift →" />
    </div>
  );
}

function TimeButton(props: { label: string; icon: IconName; act: () => void; keys: string }) {
  const { label, icon, act, keys } = props;
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

function PlayButton() {
  const name = isPlaying.value ? 'Pause' : 'Play';
  return (
    <button
      type="button"
      class="primary square play-button"
      aria-label={name}
      title={`${name} (Space)`}
      disabled={run.value === undefined}
      onClick={togglePlaying}
    >
      <Icon name={isPlaying.value ? 'pause' : 'play'} />
    </button>
  );
}

function SpeedChoice() {
  return (
    <select
      class="speed"
      aria-label="Speed"
      title="Speed ([ slower, ] faster)"
      value={String(speed.value)}
      onChange={(event) => {
        speed.value = Number(event.currentTarget.value);
      }}
    >
      {SPEEDS.map(({ value, name }) => (
        <option key={value} value={String(value)}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function Clock() {
  runVersion.value;
  const shown = run.value;
  return (
    <p class="clock">
      <strong>{formatTime(stack.value?.nowNs ?? 0)}</strong>
      <span>
        step {formatCount(cursor.value)} of {formatCount(shown?.stepCount ?? 0)}
        {shown !== undefined && !shown.isWhole && (isLive.value ? ', live' : ', playing ahead')}
      </span>
    </p>
  );
}

/** The hash of all records so far, and that the machine, put back to this moment, has made the same. */
function HashMark() {
  const [isCopied, setCopied] = useState('');
  const hash = recordHash.value;
  if (hash === undefined) return null;
  const isReplayed = standing.value?.step === cursor.value && standing.value.recordHash === hash;
  const copy = (): void => {
    navigator.clipboard.writeText(hash).then(
      () => setCopied(hash),
      () => setCopied(''), // the browser lets this page copy nothing; the full hash is in the title
    );
  };
  return (
    <p class="hash">
      <button
        type="button"
        class="quiet"
        title={`Hash of the records so far: ${hash}. The same scene and seed give the same hash anywhere.`}
        onClick={copy}
      >
        <Icon name={isCopied === hash ? 'check' : 'copy'} />
        <code>
          {hash.slice(0, SHORT_HASH_CHARS)}
          <span class="hash-rest">{hash.slice(SHORT_HASH_CHARS)}</span>
        </code>
        <span class="unseen">hash of the records so far, copy it</span>
      </button>
      <span class="replayed" title="The machine was put back to this moment and made the same records again.">
        {isReplayed && (
          <>
            <Icon name="check" />
            <span class="label">replayed, same hash</span>
          </>
        )}
      </span>
    </p>
  );
}

function DockButtons() {
  return (
    <div class="dock-buttons">
      {panelsOf('dock').map((name) => (
        <button
          key={name}
          type="button"
          class="quiet"
          aria-label={PANELS[name].title}
          aria-expanded={dock.value === name}
          onClick={() => togglePanel(name)}
        >
          <Icon name={PANELS[name].icon} />
          <span class="label">{PANELS[name].title}</span>
        </button>
      ))}
    </div>
  );
}
