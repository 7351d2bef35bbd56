// The text in the editor, what is wrong with it, and the way to play it.
//
// Verbs: setDraft, startFrom, playDraft. The draft is kept for this tab of the browser (sessionStorage), so a reload does not lose it.

import { computed, signal } from '@preact/signals';
import { replaceScene } from '../../actions.ts';
import { formatSceneText, type LineProblem, locateProblem, parseSceneText } from '../../scene/text.ts';
import type { Scene } from '../../scene/types.ts';
import { EXAMPLES } from './examples.ts';

const KEY = 'sectorlab-draft';
/** A longer text is a file, not something to type. */
const MOST_CHARS = 400_000;

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? (EXAMPLES[0]?.text as string);
  } catch {
    return EXAMPLES[0]?.text as string;
  }
}

export const draft = signal(stored());
/** What the machine said when the draft was to be played; gone with the next letter. */
const refusal = signal<LineProblem | undefined>(undefined);
export const read = computed(() => parseSceneText(draft.value));
export const problems = computed<readonly LineProblem[]>(() =>
  refusal.value === undefined ? read.value.problems : [refusal.value],
);

export function setDraft(text: string): void {
  draft.value = text;
  refusal.value = undefined;
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // a browser that keeps nothing still edits
  }
}

/** Writes a scene into the editor. Throws RangeError for one too long to be typed. */
export function startFrom(from: Scene): void {
  const text = formatSceneText({ ...from, id: 'yours' });
  if (text.length > MOST_CHARS)
    throw new RangeError(
      `This scene is ${text.length.toLocaleString('en-GB')} characters as text, more than the editor takes`,
    );
  setDraft(text);
}

/** Opens the draft as a scene, from its start; what the machine refuses is shown at its line. */
export async function playDraft(): Promise<void> {
  const next = read.value.scene;
  if (next === undefined) return;
  try {
    await replaceScene(next, 0);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    refusal.value = locateProblem(draft.value, message);
  }
}
