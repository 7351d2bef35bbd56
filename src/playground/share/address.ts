// The page's address: it names the scene and its options, so that a reload or a bookmark opens them again, and Back goes to the scene before.
//
// Verbs: keepAddress. The moment is not in it, since it would change with each step: the Share panel makes a link of that.

import { openScene, tell } from '../actions.ts';
import { changesOf, ownScene } from '../scene/changes.ts';
import type { Scene } from '../scene/types.ts';
import { FIRST_SCENE, SCENES } from '../scenes/index.ts';
import { isLive, problem, run, scene } from '../state.ts';
import { encodeLink } from './link.ts';
import { openLink } from './opening.ts';

/** A scene of one's own that is longer than this stays out of the address. */
const MOST_CHARS = 8000;

/** The scene that the address is about. */
let addressed: Scene | undefined;
/** The address while a live machine has the lanes: of the scene before it. */
let liveAddress: string | undefined;
/** Addresses that were to be opened. */
let openingCount = 0;

/** Opens what the address says, or the first scene; from then on the address follows the scene, and Back and Forward open theirs. */
export async function keepAddress(): Promise<void> {
  window.addEventListener('popstate', () => void openAddress());
  await openAddress();
  scene.subscribe((next) => void follow(next));
}

async function openAddress(): Promise<void> {
  const number = ++openingCount;
  const before = addressed;
  const outcome = await openLink(location.hash, (target) => {
    addressed = target;
  });
  if (outcome === 'stayed' && number === openingCount) stay(before);
  if (outcome !== 'nothing') return;
  // an address that says nothing is the first scene's; one that can not be opened leaves what is there
  if (run.value !== undefined && location.hash.length > 1) return;
  const told = problem.value;
  addressed = FIRST_SCENE;
  if (!(await openScene(FIRST_SCENE)) && number === openingCount) stay(before);
  // opening a scene takes away what was told
  if (told !== undefined) tell(told);
}

/** The reader stays with the live machine: Back leads to the scene before it, as it did. */
function stay(live: Scene | undefined): void {
  addressed = live;
  history.pushState(null, '', liveAddress);
}

async function follow(next: Scene): Promise<void> {
  if (next === addressed) return;
  if (isLive.peek()) {
    // a live machine has no address: a reload, and Back, open the scene before it
    if (addressed?.id !== next.id) history.pushState(null, '', location.href);
    addressed = next;
    liveAddress = location.href;
    return;
  }
  const isSameOwn = addressed !== undefined && ownScene(addressed) === ownScene(next);
  addressed = next;
  const isPlain = SCENES.includes(next) && Object.keys(changesOf(next)).length === 0;
  const fragment = isPlain
    ? `scene=${next.id}`
    : await encodeLink({ scene: next, step: undefined, hash: undefined }, SCENES);
  if (addressed !== next || fragment.length > MOST_CHARS) return;
  if (isSameOwn) history.replaceState(null, '', `#${fragment}`);
  else history.pushState(null, '', `#${fragment}`);
}
