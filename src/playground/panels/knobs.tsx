// Knobs: every option of the scene's machine and clients, what is changed, and what the change did.

import { signal } from '@preact/signals';
import type { Run } from '../model/run.ts';
import { ownRun } from '../own-run.ts';
import { run, runVersion, scene } from '../state.ts';
import { defaultInWords, showValue } from './knobs/kinds.ts';
import { KnobField } from './knobs/row.tsx';
import { type KnobGroup, type KnobRow, knobGroups } from './knobs/rows.ts';
import { compareTotals, type Totals, totalsOf } from './knobs/totals.ts';
import { refused, resetKnob, resetKnobs } from './knobs/turning.ts';

const query = signal('');
/** Groups that the reader has opened; these outlive the panel. */
const opened = signal<ReadonlySet<string>>(new Set(['Cache', 'Drive 0']));

export function Knobs() {
  const groups = knobGroups(scene.value);
  const changed = groups.flatMap((group) => group.rows.filter((row) => row.isChanged));
  const words = query.value.trim().toLowerCase();
  const found = words === '' ? undefined : search(groups, words);
  return (
    <div class="knobs">
      <input
        type="search"
        class="knob-search"
        aria-label="Search options"
        placeholder="Search options"
        data-first-focus
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
      />
      {changed.length > 0 && <Changed rows={changed} />}
      {found === undefined ? (
        groups.map((group) => <Group key={group.title} group={group} />)
      ) : (
        <Found rows={found} />
      )}
    </div>
  );
}

function search(groups: readonly KnobGroup[], words: string): KnobRow[] {
  const isHit = ({ knob, key, group }: KnobRow): boolean =>
    `${knob.label} ${key} ${group} ${knob.meaning}`.toLowerCase().includes(words);
  return groups.flatMap((group) => group.rows.filter(isHit));
}

function Found({ rows }: { rows: readonly KnobRow[] }) {
  if (rows.length === 0) return <p class="hint">No option has these words.</p>;
  return (
    <section class="knob-group" aria-label="Options found">
      {rows.map((row) => (
        <div key={row.key}>
          <p class="knob-place">{row.group}</p>
          <KnobField row={row} prefix="found" />
        </div>
      ))}
    </section>
  );
}

function Changed({ rows }: { rows: readonly KnobRow[] }) {
  return (
    <section class="knob-changed" aria-label="Changed options">
      <header>
        <h3>{rows.length === 1 ? '1 option changed' : `${rows.length} options changed`}</h3>
        <button type="button" class="quiet" onClick={() => void resetKnobs()}>
          Reset all
        </button>
      </header>
      <ul>
        {rows.map((row) => (
          <li key={row.key}>
            <span>
              {row.knob.label} <span class="hint">{row.group}</span>
              <span class="knob-turned">
                {inWords(row, row.ownValue)} → <b>{inWords(row, row.value)}</b>
              </span>
            </span>
            <button
              type="button"
              class="quiet knob-reset"
              aria-label={`Reset ${row.knob.label} of ${row.group}`}
              onClick={() => void resetKnob(row)}
            >
              Reset
            </button>
          </li>
        ))}
      </ul>
      <Strip />
    </section>
  );
}

function inWords({ knob }: KnobRow, value: KnobRow['value']): string {
  if (knob.kind === 'switch') return (value ?? knob.default) === false ? 'off' : 'on';
  return value === undefined ? defaultInWords(knob) : showValue(knob, value) || 'none';
}

function Group({ group }: { group: KnobGroup }) {
  const isOpen = opened.value.has(group.title) || group.rows.some((row) => row.key === refused.value?.key);
  const changedCount = group.rows.filter((row) => row.isChanged).length;
  return (
    <details
      class="knob-group"
      open={isOpen}
      onToggle={(event) => {
        const next = new Set(opened.value);
        if (event.currentTarget.open) next.add(group.title);
        else next.delete(group.title);
        if (next.size !== opened.value.size) opened.value = next;
      }}
    >
      <summary>
        {group.title}
        <span class="hint">{changedCount > 0 ? `${changedCount} changed` : group.rows.length}</span>
      </summary>
      {isOpen && group.rows.map((row) => <KnobField key={row.key} row={row} prefix="knob" />)}
    </details>
  );
}

const totals = new WeakMap<Run, Totals>();

function totalsOnce(of: Run): Totals {
  const known = totals.get(of) ?? totalsOf(of);
  totals.set(of, known);
  return known;
}

/** What the changes did: this run beside the scene's own. */
function Strip() {
  runVersion.value;
  const own = ownRun.value;
  const now = run.value;
  if (own === undefined || now?.isWhole !== true)
    return <p class="hint">Both runs are being played to compare them.</p>;
  const rows = compareTotals(totalsOnce(own), totalsOnce(now));
  return (
    <table class="knob-strip">
      <caption>What it changed</caption>
      <thead>
        <tr>
          <th scope="col">Whole run</th>
          <th scope="col">Before</th>
          <th scope="col">Now</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name} data-same={row.isSame}>
            <th scope="row">{row.name}</th>
            <td>{row.own}</td>
            <td>
              {row.now}
              <span class="knob-difference">{row.difference}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
