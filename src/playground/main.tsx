// The page: it mounts the shell, and opens the scene that the link names, or the first.
//
// A browser that lacks something is told so in words; one that cannot even run this file is told by index.html.
//
// The state that a test or a reader's tool may want stands on <main>: data-state, data-scene, data-step, data-step-count, data-record-hash.

import { effect } from '@preact/signals';
import { render } from 'preact';
import { play } from './actions.ts';
import { missingHere } from './missing.ts';
import { keepAddress } from './share/address.ts';
import { startKeys } from './shell/commands.ts';
import { Shell } from './shell/shell.tsx';
import { cursor, isPlaying, problem, run, scene } from './state.ts';
import { FIRST_LOOK_MS } from './story.ts';

const LESS_MOTION = '(prefers-reduced-motion: reduce)';

/** A reader who came for nothing in particular sees the first scene play, unless less motion was asked for, or the reader has begun something. */
function playSoon(): void {
  if (run.value === undefined || problem.value !== undefined || matchMedia(LESS_MOTION).matches) return;
  if (cursor.value === 0 && !isPlaying.value) play(FIRST_LOOK_MS);
}

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no element "app"');
effect(() => {
  document.title = `${scene.value.title} · sectorlab`;
});
root.replaceChildren();
const missing = missingHere();
if (missing === undefined) begin(root);
else render(<p class="plain">{missing}</p>, root);

function begin(page: HTMLElement): void {
  render(<Shell />, page);
  startKeys();
  const cameByLink = location.hash.length > 1;
  void keepAddress().then(() => {
    if (!cameByLink) playSoon();
  });
}
