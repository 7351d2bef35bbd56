// The guest's console: rows of text, and a field that takes the keys.

import { useLayoutEffect, useRef } from 'preact/hooks';
import { keyBytes, pasteBytes } from '../../linux/keys.ts';
import type { Row } from '../../linux/screen.ts';
import { phase, rows, typeText } from './linux-state.ts';

/** Rows that a screen reader is told of. */
const TOLD_ROWS = 24;

const KEYS: readonly { readonly name: string; readonly label: string; readonly text: string }[] = [
  { name: 'Tab', label: 'Tab key', text: '\t' },
  { name: 'Ctrl C', label: 'Control C: end the command', text: '\u0003' },
  { name: 'Ctrl D', label: 'Control D: end of input', text: '\u0004' },
  { name: '↑', label: 'Up: the command before', text: '\u001b[A' },
];

const plain = (row: Row): string => row.map(({ text }) => text).join('');

export function Console() {
  const view = useRef<HTMLPreElement>(null);
  const shown = rows.value;
  const isOff = phase.value === 'off';
  useLayoutEffect(() => {
    if (view.current !== null) view.current.scrollTop = view.current.scrollHeight;
  }, [shown]);
  return (
    <div class="console" data-phase={phase.value}>
      <pre ref={view} class="console-view" aria-hidden="true">
        {shown.map((row, index) => (
          <Line key={index} row={row} />
        ))}
      </pre>
      <p class="unseen" role="log">
        {shown.slice(-TOLD_ROWS).map(plain).join('\n')}
      </p>
      <textarea
        class="console-input"
        data-first-focus
        aria-label="Console of the guest: what you type goes to its shell. Tab leaves it."
        autocapitalize="none"
        autocomplete="off"
        spellcheck={false}
        rows={1}
        disabled={isOff}
        placeholder={isOff ? 'The guest has no power' : 'Type here: it appears above'}
        onKeyDown={(event) => {
          event.stopPropagation();
          const typed = event.isComposing ? undefined : keyBytes(event);
          if (typed === undefined) return;
          event.preventDefault();
          void typeText(typed);
        }}
        onInput={(event) => {
          // pasted text, and keyboards of phones, which put text here without keys
          void typeText(pasteBytes(event.currentTarget.value));
          event.currentTarget.value = '';
        }}
      />
      <div class="console-keys">
        {KEYS.map(({ name, label, text }) => (
          <button
            key={name}
            type="button"
            aria-label={label}
            disabled={isOff}
            onClick={() => void typeText(text)}
          >
            {name}
          </button>
        ))}
      </div>
    </div>
  );
}

function Line({ row }: { row: Row }) {
  return (
    <>
      {row.map(({ text, look }, index) =>
        look === '' ? (
          text
        ) : (
          <span key={index} class={look}>
            {text}
          </span>
        ),
      )}
      {'\n'}
    </>
  );
}
