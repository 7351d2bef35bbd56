// The key of the marks, made with the marks themselves.

import type { Hue } from '../model/types.ts';
import { MarkView } from './marks.tsx';
import { type LooseMark, type MarkShape, type MarkState, mark } from './types.ts';

interface Entry {
  readonly text: string;
  readonly shape: MarkShape;
  readonly state: MarkState;
  readonly hue: Hue;
}

const GROUPS: readonly { readonly title: string; readonly entries: readonly Entry[] }[] = [
  {
    title: 'Colour: what it does',
    entries: [
      { text: 'read', shape: 'bar', state: 'inService', hue: 'read' },
      { text: 'write', shape: 'bar', state: 'inService', hue: 'write' },
      { text: 'flush', shape: 'flush', state: 'inService', hue: 'flush' },
      { text: 'discard', shape: 'bar', state: 'inService', hue: 'discard' },
    ],
  },
  {
    title: 'Fill: how far it is',
    entries: [
      { text: 'waiting', shape: 'bar', state: 'waiting', hue: 'write' },
      { text: 'in service', shape: 'bar', state: 'inService', hue: 'write' },
      { text: 'volatile: can be lost', shape: 'bar', state: 'volatile', hue: 'write' },
      { text: 'durable, on the media', shape: 'bar', state: 'dirty', hue: 'write' },
      { text: 'done', shape: 'chip', state: 'done', hue: 'write' },
      { text: 'failed', shape: 'chip', state: 'failed', hue: 'write' },
    ],
  },
  {
    title: 'Squares: pages of 4 KiB',
    entries: [
      { text: 'being read in', shape: 'page', state: 'reading', hue: 'read' },
      { text: 'clean, as on the drive', shape: 'page', state: 'clean', hue: 'read' },
      { text: 'dirty, in memory only', shape: 'page', state: 'dirty', hue: 'write' },
      { text: 'being written back', shape: 'page', state: 'writeback', hue: 'write' },
      { text: 'and dirty again', shape: 'page', state: 'dirtyAgain', hue: 'write' },
    ],
  },
];

const WIDTH = 44;
const HEIGHT = 20;

/** What is said even while the rest is closed. */
const BRIEF: readonly Entry[] = [
  { text: 'waiting', shape: 'bar', state: 'waiting', hue: 'write' },
  { text: 'in service', shape: 'bar', state: 'inService', hue: 'write' },
  { text: 'volatile', shape: 'bar', state: 'volatile', hue: 'write' },
  { text: 'durable', shape: 'bar', state: 'dirty', hue: 'write' },
];

function Sample({ entry, name }: { entry: Entry; name: string }) {
  return (
    <svg
      class="legend-mark"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      <MarkView mark={{ ...sample(entry, name), lane: 0 }} fate={undefined} />
    </svg>
  );
}

function sample({ shape, state, hue, text }: Entry, name: string): LooseMark {
  const width = shape === 'page' || shape === 'flush' ? 16 : 40;
  const height = shape === 'page' ? 16 : 14;
  const box = { x: (WIDTH - width) / 2, y: (HEIGHT - height) / 2, width, height };
  return mark({
    ...box,
    key: `${name}:${text.replaceAll(/\W/g, '-')}`,
    entity: '',
    shape,
    state,
    hue,
    name: text,
  });
}

export function Legend() {
  return (
    <details class="legend">
      <summary>
        <span class="legend-title">What the marks mean</span>{' '}
        <span class="legend-line">
          {BRIEF.map((entry) => (
            <span key={entry.text}>
              <Sample entry={entry} name="brief" />
              {entry.text}
            </span>
          ))}
        </span>
      </summary>
      <LegendGroups name="key" />
    </details>
  );
}

/** The whole key. `name` tells it from another one in the page. */
export function LegendGroups({ name }: { name: string }) {
  return (
    <div class="legend-groups">
      {GROUPS.map(({ title, entries }) => (
        <section key={title}>
          <h3>{title}</h3>
          <ul>
            {entries.map((entry) => (
              <li key={entry.text}>
                <Sample entry={entry} name={name} />
                {entry.text}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
