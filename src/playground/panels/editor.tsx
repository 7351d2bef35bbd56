// The editor: a scene as text, with what is wrong at its line while it is typed.

import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { tell } from '../actions.ts';
import type { LineProblem } from '../scene/text.ts';
import { showPanel } from '../shell/view.ts';
import { isLive, scene } from '../state.ts';
import { draft, playDraft, problems, read, setDraft, startFrom } from './editor/draft.ts';
import { EXAMPLES } from './editor/examples.ts';

const MOST_PROBLEMS = 8;
const isHelpOpen = signal(false);

export function Editor() {
  const found = problems.value;
  return (
    <div class="editor">
      <Start />
      <Text found={found} />
      {found.length > 0 && <Problems found={found} />}
      <div class="editor-actions">
        <button
          type="button"
          class="primary"
          disabled={read.value.scene === undefined}
          onClick={() => void playDraft()}
        >
          Open this scene
        </button>
        <button type="button" class="quiet" onClick={() => showPanel('share')}>
          Share or save
        </button>
      </div>
      <Words />
      <p class="hint">The text stays in this tab of your browser until you close it.</p>
    </div>
  );
}

function Start() {
  return (
    <div class="editor-actions">
      <button
        type="button"
        disabled={isLive.value}
        title={
          isLive.value ? 'A live machine is no scene: what you do to it is not written down.' : undefined
        }
        onClick={() => {
          try {
            startFrom(scene.value);
          } catch (error) {
            tell(error);
          }
        }}
      >
        Start from this scene
      </button>
      <select
        aria-label="Examples"
        value=""
        onChange={(event) => {
          const example = EXAMPLES.find(({ name }) => name === event.currentTarget.value);
          if (example !== undefined) setDraft(example.text);
          event.currentTarget.value = '';
        }}
      >
        <option value="">Examples</option>
        {EXAMPLES.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </div>
  );
}

/** A text field with the numbers of its lines; those that are wrong are marked, and their message stands right there. */
function Text({ found }: { found: readonly LineProblem[] }) {
  const numbers = useRef<HTMLOListElement>(null);
  const wrong = new Map(found.map(({ line, message }) => [line, message]));
  const lineCount = draft.value.split('\n').length;
  return (
    <div class="editor-text">
      <ol ref={numbers} aria-hidden="true">
        {Array.from({ length: lineCount }, (_, index) => (
          <li key={index} data-wrong={wrong.has(index + 1)} title={wrong.get(index + 1)} />
        ))}
      </ol>
      <textarea
        id="editor-text"
        aria-label="The scene as text"
        aria-invalid={found.length > 0}
        aria-describedby={found.length > 0 ? 'editor-problems' : undefined}
        data-first-focus
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        wrap="off"
        rows={18}
        value={draft.value}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onScroll={(event) => {
          if (numbers.current !== null) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}

function Problems({ found }: { found: readonly LineProblem[] }) {
  return (
    <ul class="editor-problems" id="editor-problems" aria-live="polite">
      {found.slice(0, MOST_PROBLEMS).map(({ line, message }) => (
        <li key={line} data-line={line}>
          <button type="button" class="quiet" onClick={() => goToLine(line)}>
            Line {line}
          </button>
          <span class="fault">{message}</span>
        </li>
      ))}
      {found.length > MOST_PROBLEMS && <li class="hint">and {found.length - MOST_PROBLEMS} more</li>}
    </ul>
  );
}

function goToLine(line: number): void {
  const field = document.querySelector<HTMLTextAreaElement>('#editor-text');
  const lines = draft.value.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  field?.focus();
  field?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}

const WORDS: readonly (readonly [string, string])[] = [
  ['title, question, intro', 'what stands above the scene'],
  ['machine cache=64KiB eviction=lru', 'options of the machine, by the names under Knobs'],
  ['drive hdd size=64MiB rpm=7200', 'a drive: instant, fixed, hdd, ssd or nvme, and its parameters'],
  ['fault drive0 eio on=write nth=3', 'what goes wrong'],
  ['file log capacity=1MiB', 'a named piece of a drive'],
  [
    'client app aio drive0 depth=4',
    'who asks, by which entrance (aio, usrbio, bluestore, virtio, block, files), for what',
  ],
  ['chapter Two writes', 'what follows happens next, when all before it is done'],
  ['write 8KiB 4KiB', 'where, and how much; also read, discard, writeZeroes'],
  ['app: read 0 64KiB x100 random span=16MiB', 'a client by name, a hundred of them, in which order'],
  ['fsync, fdatasync, flush', 'waits for what went before, and makes it durable'],
  ['wait 5s', 'lets virtual time pass'],
  ['create /a, rename /a /b, unlink /a', 'names of a volume (machine volume=yes, a client by files)'],
  ['note dirtied 2: text', 'a caption for the second such record of the chapter'],
];

function Words() {
  return (
    <details
      class="editor-words"
      open={isHelpOpen.value}
      onToggle={(event) => {
        isHelpOpen.value = event.currentTarget.open;
      }}
    >
      <summary>The words of the language</summary>
      <dl>
        {WORDS.map(([word, meaning]) => (
          <div key={word}>
            <dt>
              <code>{word}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
