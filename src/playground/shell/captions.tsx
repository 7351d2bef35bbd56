// What just happened, and why it matters: the chapter, and the notes that its records have proved, the newest first.
//
// The region keeps its height, so that the lanes below stand still; it scrolls inside.

import { goTo, openScene, play } from '../actions.ts';
import { runNote } from '../live/live.ts';
import { playRest } from '../panels/plug/state.ts';
import { verdictOf } from '../plug/words.ts';
import type { Scene } from '../scene/types.ts';
import { SCENES } from '../scenes/index.ts';
import {
  aftermath,
  cursor,
  isLive,
  isPlaying,
  pageState,
  run,
  runVersion,
  scene,
  speed,
  stack,
  story,
  told,
} from '../state.ts';
import { Icon } from './icons.tsx';
import { isShown, layout, showPanel } from './view.ts';

/** Playing faster than this, notes come too quickly to be spoken. */
const FASTEST_SPOKEN = 1;

export function Captions() {
  const chapter = stack.value?.chapter ?? -1;
  return (
    <section class="captions" aria-label="What happens">
      {aftermath.value === undefined && (isLive.value || (chapter < 0 && !isPlaying.value)) ? (
        <Opening />
      ) : (
        <Telling chapter={chapter} />
      )}
    </section>
  );
}

function Opening() {
  return (
    <div class="opening">
      <div class="caption-words">
        <p>{scene.value.intro}</p>
        {isLive.value && (
          <p class="live-note hint" role="status">
            {runNote.value}
          </p>
        )}
      </div>
      {!isLive.value && layout.value !== 'phone' && (
        <button
          type="button"
          class="primary large"
          disabled={run.value === undefined || isPlaying.value}
          onClick={() => play()}
        >
          <Icon name="play" />
          Play
        </button>
      )}
    </div>
  );
}

function Telling({ chapter }: { chapter: number }) {
  return (
    <>
      {pageState.value !== 'finished' ? (
        <ChapterWords number={Math.max(0, chapter)} />
      ) : aftermath.value === undefined ? (
        <Ending />
      ) : (
        <BootEnding />
      )}
      <Notes />
    </>
  );
}

function ChapterWords({ number }: { number: number }) {
  const { chapters } = told.value;
  const chapter = chapters[number];
  if (chapter === undefined) return null;
  return (
    <div class="caption-words">
      <p class="caption-number">
        {number + 1} of {chapters.length}
      </p>
      <h2>{chapter.title}</h2>
      <p>{chapter.text}</p>
    </div>
  );
}

function Notes() {
  runVersion.value;
  const notes = story.value?.notesAt(cursor.value) ?? [];
  const isSpoken = !isPlaying.value || (speed.value > 0 && speed.value <= FASTEST_SPOKEN);
  return (
    <ol class="notes" reversed aria-live={isSpoken ? 'polite' : 'off'} aria-relevant="additions">
      {notes.reverse().map(({ text, step }) => (
        <li key={`${step} ${text}`}>
          <button type="button" class="note" onClick={() => goTo(step)}>
            {text}
          </button>
        </li>
      ))}
    </ol>
  );
}

/** The scene behind this one in the gallery; the first behind the last. */
function sceneAfter(open: Scene): Scene {
  const at = SCENES.findIndex(({ id }) => id === open.id);
  return SCENES[(at + 1) % SCENES.length] as Scene;
}

/** It is up: what the crash has left, in a sentence; or the scene has been played to its end on that. */
function BootEnding() {
  const shown = aftermath.value;
  if (shown === undefined) return null;
  const { survivor, isGoingOn, refusals } = shown;
  return (
    <div class="caption-words ending">
      <h2>{isGoingOn ? 'The end, on what survived' : 'It is up again'}</h2>
      <p>
        {!isGoingOn
          ? verdictOf(survivor)
          : refusals.length === 0
            ? 'All that was left to do has been done.'
            : refusals.join('; ')}
      </p>
      {!isGoingOn && survivor.goesOn !== undefined && (
        <button type="button" onClick={() => void playRest()}>
          Play the rest on what survived
        </button>
      )}
      {!isShown('plug') && (
        <button type="button" onClick={() => showPanel('plug')}>
          Write by write
        </button>
      )}
    </div>
  );
}

function Ending() {
  const next = sceneAfter(scene.value);
  return (
    <div class="caption-words ending">
      <h2>The end. Now try:</h2>
      <ul>
        <li>
          <button type="button" onClick={() => void openScene(next)}>
            {next.title}
          </button>
        </li>
        <li>
          <button type="button" onClick={() => showPanel('plug')}>
            Pull the plug here
          </button>
        </li>
        <li>
          <button type="button" onClick={() => showPanel('knobs')}>
            Turn a knob
          </button>
        </li>
      </ul>
    </div>
  );
}
