// Keys of the page as a whole, and which of them belong to the control that has the focus.
//
// Verbs: commandOf (pure), listenToKeys. KEYS is what the help shows.
// Invariant: a key is left to a control that uses it itself: Space to a button, arrows to a slider or a row of tabs, letters to a field.

export type Command =
  | 'toggle'
  | 'stepForward'
  | 'stepBack'
  | 'chapterForward'
  | 'chapterBack'
  | 'toStart'
  | 'toEnd'
  | 'slower'
  | 'faster'
  | 'scenes'
  | 'knobs'
  | 'inspector'
  | 'plug'
  | 'theme'
  | 'help';

interface KeyRow {
  readonly keys: readonly string[];
  readonly shift?: boolean;
  readonly command: Command;
  readonly shown: string;
  readonly does: string;
}

export const KEYS: readonly KeyRow[] = [
  { keys: [' '], command: 'toggle', shown: 'Space', does: 'play or pause' },
  { keys: ['ArrowRight'], command: 'stepForward', shown: '→', does: 'one step' },
  { keys: ['ArrowLeft'], command: 'stepBack', shown: '←', does: 'one step back' },
  { keys: ['ArrowRight'], shift: true, command: 'chapterForward', shown: 'Shift →', does: 'next chapter' },
  { keys: ['ArrowLeft'], shift: true, command: 'chapterBack', shown: 'Shift ←', does: 'chapter before' },
  { keys: ['Home'], command: 'toStart', shown: 'Home', does: 'to the start' },
  { keys: ['End'], command: 'toEnd', shown: 'End', does: 'to the end' },
  { keys: ['['], command: 'slower', shown: '[', does: 'slower' },
  { keys: [']'], command: 'faster', shown: ']', does: 'faster' },
  { keys: ['g'], command: 'scenes', shown: 'G', does: 'scenes' },
  { keys: ['k'], command: 'knobs', shown: 'K', does: 'knobs' },
  { keys: ['i'], command: 'inspector', shown: 'I', does: 'inspector' },
  { keys: ['p'], command: 'plug', shown: 'P', does: 'pull the plug' },
  { keys: ['t'], command: 'theme', shown: 'T', does: 'next theme' },
  { keys: ['?'], command: 'help', shown: '?', does: 'this list' },
];

/** What of a pressed key matters. */
export interface Pressed {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** What kind of control has the focus: `field` takes every key, `pressable` Space, `mover` arrows, Home and End. */
export type Focus = 'none' | 'field' | 'pressable' | 'mover';

const MOVES: ReadonlySet<string> = new Set(['ArrowRight', 'ArrowLeft', 'Home', 'End']);

export function commandOf(pressed: Pressed, focus: Focus): Command | undefined {
  const { key, shiftKey, ctrlKey, altKey, metaKey } = pressed;
  if (ctrlKey || altKey || metaKey || focus === 'field') return undefined;
  if (focus === 'pressable' && key === ' ') return undefined;
  if (focus === 'mover' && MOVES.has(key) && !shiftKey) return undefined;
  // a letter is meant with and without capitals; which keys need Shift for ? and [ is the keyboard's business
  const name = key.length === 1 ? key.toLowerCase() : key;
  const isMove = MOVES.has(name);
  return KEYS.find((row) => row.keys.includes(name) && (!isMove || (row.shift ?? false) === shiftKey))
    ?.command;
}

const FIELDS =
  'input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable=true], [data-own-keys]';
const MOVERS =
  'input[type=range], input[type=radio], [role=tab], [role=radio], [role=slider], [data-own-arrows], [data-own-arrows] *';
const PRESSABLES = 'button, summary, input, a[href], [role=button], [role=checkbox], [role=switch]';

/** The kind of control that an element is. */
export function focusOf(element: Element | null): Focus {
  if (element === null) return 'none';
  if (element.closest('[data-own-keys]') !== null || element.matches(FIELDS)) return 'field';
  if (element.matches(MOVERS)) return 'mover';
  return element.matches(PRESSABLES) ? 'pressable' : 'none';
}

/** Has the page's keys carried out from now on. Whatever was used before it came here (defaultPrevented) is not carried out again. */
export function listenToKeys(act: (command: Command) => void): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented) return;
    const command = commandOf(event, focusOf(document.activeElement));
    if (command === undefined) return;
    event.preventDefault();
    act(command);
  });
}
