// Pull the plug: what is at stake at the moment that is shown, what the reader lets survive, and what comes up again.
//
// Dry first: what would be lost. Then the choice, write by write. Then the boot, with each promise judged.

import { useEffect } from 'preact/hooks';
import type { CrashKind } from '../../crash-kinds.ts';
import { formatCount, formatCounted } from '../model/describe.ts';
import { Icon } from '../shell/icons.tsx';
import { aftermath, cursor, isPlaying, run, scene } from '../state.ts';
import type { Stake } from '../worker/plug-protocol.ts';
import { choiceCount } from './plug/choice.ts';
import { Outcome } from './plug/outcome.tsx';
import {
  back,
  boot,
  choose,
  crash,
  drive,
  isGoingOn,
  look,
  mode,
  playRest,
  preset,
  pull,
  setDrive,
  setTearing,
  stakeNow,
  survivor,
  tearing,
} from './plug/state.ts';
import { TryAll } from './plug/try-all.tsx';
import { UncertainWrites } from './plug/uncertain-writes.tsx';

/** The cursor must rest so long before the worker is asked what is at stake. */
const REST_MS = 180;

const KINDS: readonly (readonly [CrashKind, string, string])[] = [
  [
    'power',
    'Power cut',
    'Memory is gone, and so is the drive’s power. Of the writes that no flush covers, the media may hold any: a drive empties its cache in whatever order suits it.',
  ],
  [
    'os',
    'Kernel crash',
    'Memory is gone: dirty pages, and what waits in the block layer. The drive keeps its power and all that it has taken.',
  ],
  [
    'process',
    'Killed process',
    'Only the application is gone. Its writes are in the page cache, which lives on: nothing is lost. A test that only kills processes never sees a missing fsync.',
  ],
];

const UNITS: readonly (readonly [number, string])[] = [
  [0, 'it is there whole, or not at all'],
  [512, 'it tears between sectors of 512 B'],
  [4096, 'it tears between pages of 4 KiB'],
];

export function Plug() {
  const [step, opened, unit, index] = [cursor.value, run.value, tearing.value, drive.value];
  const isResting = !isPlaying.value;
  useEffect(() => {
    if (opened === undefined || !isResting) return;
    const timer = setTimeout(() => void look(), REST_MS);
    return () => clearTimeout(timer);
  }, [step, opened, unit, index, isResting]);
  return (
    <section class="plug" aria-labelledby="plug-title" data-mode={mode.value}>
      <h2 id="plug-title">Pull the plug</h2>
      {mode.value !== 'survivor' && <AtStake stake={stakeNow.value} />}
      {mode.value === 'idle' ? <Pull /> : mode.value === 'survivor' ? <CameUp /> : <Choice />}
    </section>
  );
}

function AtStake({ stake }: { stake: Stake | undefined }) {
  if (stake === undefined)
    return <p class="hint">{isPlaying.value ? 'Pause to see what a crash would take now.' : 'Looking …'}</p>;
  const { writes, dirtyPages } = stake;
  const cached = writes.filter(({ isCompleted }) => isCompleted).length;
  return (
    <dl class="at-stake" aria-label="At stake now">
      <Figure
        count={dirtyPages}
        title={dirtyPages === 1 ? 'dirty page in memory' : 'dirty pages in memory'}
      />
      <Figure count={cached} title="in the drive’s cache" />
      <Figure count={writes.length - cached} title="on their way" />
    </dl>
  );
}

function Figure({ count, title }: { count: number; title: string }) {
  return (
    <div data-count={count}>
      <dd>{formatCount(count)}</dd>
      <dt>{title}</dt>
    </div>
  );
}

function Pull() {
  return (
    <button
      type="button"
      class="pull"
      data-first-focus
      disabled={run.value === undefined}
      onClick={() => void pull()}
    >
      <Icon name="plug" />
      {aftermath.value === undefined ? 'Pull the plug now' : 'Pull the plug again'}
    </button>
  );
}

function Choice() {
  const stake = stakeNow.value;
  const about = KINDS.find(([kind]) => kind === crash.value)?.[2];
  return (
    <div class="plug-choice">
      <fieldset class="segments" aria-label="What crashes">
        {KINDS.map(([kind, title]) => (
          <button
            key={kind}
            type="button"
            aria-pressed={crash.value === kind}
            onClick={() => {
              crash.value = kind;
            }}
          >
            {title}
          </button>
        ))}
      </fieldset>
      <p class="hint">{about}</p>
      {crash.value === 'power' && stake !== undefined && <PowerChoice stake={stake} />}
      <div class="plug-buttons">
        <button
          type="button"
          class="primary"
          disabled={stake === undefined || mode.value === 'booting'}
          onClick={() => void boot()}
        >
          Boot what is left
        </button>
        <button type="button" class="quiet" onClick={back}>
          Plug it in again
        </button>
      </div>
      {crash.value === 'power' && stake !== undefined && choiceCount(stake.writes) > 0 && (
        <TryAll stake={stake} />
      )}
    </div>
  );
}

function PowerChoice({ stake }: { stake: Stake }) {
  const count = choiceCount(stake.writes);
  return (
    <>
      {stake.driveCounts.length > 1 && <DriveChoice counts={stake.driveCounts} />}
      {count === 0 ? (
        <p class="plug-note">Nothing is volatile on this drive: there is one outcome only.</p>
      ) : (
        <>
          <fieldset class="plug-presets" aria-label="What survives">
            <Preset name="none" title="Lose all" />
            <Preset name="all" title="Keep all" />
            <Preset name="worst" title="Worst order" />
            <Preset name="random" title={preset.value === 'random' ? 'Random again' : 'Random'} />
          </fieldset>
          <UncertainWrites stake={stake} />
        </>
      )}
      {count > 0 && <Tearing />}
    </>
  );
}

function Tearing() {
  return (
    <div class="field plug-tearing">
      <label for="plug-tearing">If the power goes within a write</label>
      <select
        id="plug-tearing"
        value={String(tearing.value)}
        onChange={({ currentTarget }) => void setTearing(Number(currentTarget.value))}
      >
        {UNITS.map(([unit, title]) => (
          <option key={unit} value={String(unit)}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}

function DriveChoice({ counts }: { counts: readonly number[] }) {
  return (
    <div class="field">
      <label for="plug-drive">Choose for</label>
      <select
        id="plug-drive"
        value={String(drive.value)}
        onChange={({ currentTarget }) => void setDrive(Number(currentTarget.value))}
      >
        {counts.map((count, index) => (
          <option key={index} value={String(index)}>
            drive {index}: {formatCounted(count, 'write')}
          </option>
        ))}
      </select>
      <p class="hint">The other drives lose what is volatile.</p>
    </div>
  );
}

function Preset({ name, title }: { name: 'none' | 'all' | 'random' | 'worst'; title: string }) {
  return (
    <button type="button" aria-pressed={preset.value === name} onClick={() => choose(name)}>
      {title}
    </button>
  );
}

function CameUp() {
  const came = survivor.value;
  if (came === undefined) return null;
  return (
    <>
      <Outcome survivor={came} scene={scene.value}>
        <GoOn />
        <div class="plug-buttons">
          <button type="button" onClick={back}>
            Back to before the cut
          </button>
        </div>
      </Outcome>
      {aftermath.value !== undefined && <Again />}
    </>
  );
}

/** The rest of the scene, on what has come up. */
function GoOn() {
  const shown = aftermath.value;
  if (shown === undefined) return null;
  const { survivor: came, isGoingOn: isPlayed, refusals } = shown;
  if (isPlayed) return <Refusals refusals={refusals} />;
  const chapter = scene.value.chapters[came.goesOn?.chapter ?? -1];
  if (came.goesOn === undefined || chapter === undefined)
    return <p class="hint">The scene had nothing left to do when the crash came.</p>;
  return (
    <>
      <p class="hint">
        {came.goesOn.isAgain
          ? 'Its programs start again and begin once more with'
          : 'Its programs start again and go on with'}{' '}
        “{chapter.title}”.
      </p>
      <div class="plug-buttons">
        <button
          type="button"
          class="primary play-rest"
          disabled={isGoingOn.value}
          onClick={() => void playRest()}
        >
          Play the rest on what survived
        </button>
      </div>
    </>
  );
}

/** What could not be done of the rest, in the core's words. */
function Refusals({ refusals }: { refusals: readonly string[] }) {
  if (refusals.length === 0) return null;
  return (
    <section aria-label="What failed of the rest">
      <h3>What failed of the rest</h3>
      <ul class="refusals">
        {refusals.map((refusal) => (
          <li key={refusal}>{refusal}</li>
        ))}
      </ul>
    </section>
  );
}

/** The next crash: while it recovers, or while its programs go on. */
function Again() {
  return (
    <>
      <h3>And if the power goes again?</h3>
      <p class="hint">
        Step to any moment of this run. A system must survive a crash in its recovery too, and find what it
        had promised before.
      </p>
      <AtStake stake={stakeNow.value} />
      <Pull />
    </>
  );
}
