// The records up to the moment that is shown, newest first, of the layers that the reader wants.

import { signal } from '@preact/signals';
import { LAYER_NAMES, type Layer, layerOf } from '../model/describe.ts';
import { formatCount } from '../model/formats.ts';
import type { Run } from '../model/run.ts';
import { readingStep } from '../reading.ts';
import { run, runVersion } from '../state.ts';
import { RecordLine } from './record-line.tsx';

const MOST_LINES = 100;
/** How far it looks back for lines of the wanted layers. */
const MOST_LOOKED_AT = 20_000;

const LAYER_WORDS: Readonly<Record<Layer, string>> = {
  rings: 'Rings',
  guests: 'Guests',
  files: 'Files',
  cache: 'Cache',
  block: 'Merging',
  drive: 'Drives',
};

/** Layers whose records are left out. */
const hidden = signal<ReadonlySet<Layer>>(new Set());

function toggle(layer: Layer): void {
  const next = new Set(hidden.value);
  if (!next.delete(layer)) next.add(layer);
  hidden.value = next;
}

/** Numbers of the newest records before `end`, newest first. */
function newest(shown: Run, end: number): number[] {
  const left = hidden.value;
  const found: number[] = [];
  const last = Math.max(0, end - MOST_LOOKED_AT);
  for (let number = end - 1; number >= last && found.length < MOST_LINES; number--)
    if (left.size === 0 || !left.has(layerOf(shown.recordAt(number).kind))) found.push(number);
  return found;
}

export function Records() {
  runVersion.value;
  const shown = run.value;
  if (shown === undefined) return <p class="hint">The scene is being opened.</p>;
  const [first, end] = shown.recordsOf(readingStep());
  const lines = newest(shown, end);
  return (
    <div class="records">
      <fieldset class="record-layers">
        <legend class="hint">
          {formatCount(end)} of {formatCount(shown.recordCount)} decisions so far, newest first
        </legend>
        {LAYER_NAMES.map((layer) => (
          <button
            key={layer}
            type="button"
            aria-pressed={!hidden.value.has(layer)}
            onClick={() => toggle(layer)}
          >
            {LAYER_WORDS[layer]}
          </button>
        ))}
      </fieldset>
      {lines.length === 0 && <p class="hint">Nothing yet. Press play, or step.</p>}
      <ol class="record-lines">
        {lines.map((number) => (
          <RecordLine
            key={number}
            run={shown}
            number={number}
            when={number >= first ? 'now' : 'before'}
            isSelecting
          />
        ))}
      </ol>
    </div>
  );
}
