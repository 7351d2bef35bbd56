// Keys as a serial console wants them: what a VT100 sends (and xterm, for the keys that it did not have).
//
// Verbs: keyBytes, pasteBytes. Tab is left to the page, so that a reader who uses the keyboard alone can go on; a button and Ctrl+I type one.

/** Of a KeyboardEvent. */
export interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

const ESCAPE = '\u001b';
const NAMED: Readonly<Record<string, string>> = {
  Enter: '\r',
  Backspace: '\u007f',
  Escape: ESCAPE,
  ArrowUp: `${ESCAPE}[A`,
  ArrowDown: `${ESCAPE}[B`,
  ArrowRight: `${ESCAPE}[C`,
  ArrowLeft: `${ESCAPE}[D`,
  Home: `${ESCAPE}[H`,
  End: `${ESCAPE}[F`,
  Delete: `${ESCAPE}[3~`,
  PageUp: `${ESCAPE}[5~`,
  PageDown: `${ESCAPE}[6~`,
};

/** What a key types, or undefined when it is the page's. */
export function keyBytes({ key, ctrlKey, altKey, metaKey }: Key): string | undefined {
  if (metaKey) return undefined;
  if (ctrlKey) return altKey ? undefined : controlBytes(key);
  const named = NAMED[key];
  const typed = named ?? ([...key].length === 1 ? key : undefined);
  if (typed === undefined) return undefined;
  return altKey && named === undefined ? ESCAPE + typed : typed;
}

/** Ctrl with a letter, or with one of [ \ ] ^ _; Ctrl+V stays the page's, which pastes. */
function controlBytes(key: string): string | undefined {
  const letter = key.toUpperCase();
  if (letter.length !== 1 || letter === 'V' || letter < 'A' || letter > '_') return undefined;
  return String.fromCharCode(letter.charCodeAt(0) - 64);
}

/** Text from the clipboard: a new line is the Enter key. */
export function pasteBytes(text: string): string {
  return text.replace(/\r?\n/g, '\r');
}
