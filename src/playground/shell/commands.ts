// What each of the page's keys does.
// keys.ts knows which key asks for which; the help lists both.

import {
  chapterBack,
  chapterForward,
  goTo,
  stepBack,
  stepForward,
  toEnd,
  togglePlaying,
} from '../actions.ts';
import { type Command, listenToKeys } from './keys.ts';
import { changeSpeed } from './speeds.ts';
import { nextTheme, showPanel } from './view.ts';

const ACTS: Readonly<Record<Command, () => void>> = {
  toggle: togglePlaying,
  stepForward,
  stepBack,
  chapterForward,
  chapterBack,
  toStart: () => goTo(0),
  toEnd,
  slower: () => changeSpeed(-1),
  faster: () => changeSpeed(1),
  scenes: () => showPanel('scenes'),
  knobs: () => showPanel('knobs'),
  inspector: () => showPanel('inspector'),
  plug: () => showPanel('plug'),
  theme: nextTheme,
  help: () => showPanel('help'),
};

export function startKeys(): void {
  listenToKeys((command) => ACTS[command]());
}
