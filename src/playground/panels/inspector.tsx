// What is under the pointer, has the focus or was selected: what it is, its fields, its history. With nothing chosen, the moment as a whole.

import { seek, select } from '../actions.ts';
import { type Fact, type Facts, goneTitle, summaryOf } from '../model/facts.ts';
import { formatCount, formatCounted } from '../model/formats.ts';
import { recordFacts } from '../model/record-facts.ts';
import type { Run } from '../model/run.ts';
import type { EntityKey } from '../model/types.ts';
import { readingStep } from '../reading.ts';
import { layout } from '../shell/view.ts';
import { hovered, run, runVersion, selection, stack } from '../state.ts';
import { RecordLine } from './record-line.tsx';

/** Lines of a history on each side of the moment that is shown. */
const LINES_A_SIDE = 60;

export function Inspector() {
  runVersion.value;
  const shown = run.value;
  const key = hovered.value ?? selection.value;
  if (shown === undefined) return <p class="hint">The scene is being opened.</p>;
  if (key === undefined || key.startsWith('lane:')) return <Moment />;
  return <Thing shown={shown} entity={key} />;
}

function Moment() {
  readingStep();
  const state = stack.peek();
  return (
    <div class="inspector">
      <h3>This moment</h3>
      {state !== undefined && <FactTable rows={summaryOf(state)} />}
      <p class="hint">
        {layout.value === 'phone'
          ? 'Tap anything in the stack: a request, a page, a piece of the media. It stays chosen while time goes on.'
          : 'Point at anything in the stack, or reach it with the arrow keys: a request, a page, a piece of the media. A click keeps it here while time goes on.'}
      </p>
    </div>
  );
}

function Thing({ shown, entity }: { shown: Run; entity: EntityKey }) {
  const facts = factsAt(shown, entity);
  const isKept = selection.value === entity;
  return (
    <div class="inspector">
      <div class="inspector-head">
        <h3>
          <span class="record-hue" data-hue={facts?.hue} aria-hidden="true" />
          {facts?.title ?? goneTitle(shown.shape, entity)}
        </h3>
        {isKept && (
          <button type="button" class="quiet" onClick={() => select(undefined)}>
            Let go
          </button>
        )}
      </div>
      <p>{facts?.sentence ?? 'It is not there at this moment. Its history says when it was.'}</p>
      {facts !== undefined && <FactTable rows={facts.rows} />}
      <History shown={shown} entity={entity} />
    </div>
  );
}

/** What is told of a thing at the moment that is shown; undefined: it is not there. */
export function factsAt(shown: Run, entity: EntityKey): Facts | undefined {
  if (!entity.startsWith('record:')) return shown.factsOf(entity, readingStep());
  const number = Number(entity.slice('record:'.length));
  return number < shown.recordCount ? recordFacts(shown.recordAt(number), number) : undefined;
}

function FactTable({ rows }: { rows: readonly Fact[] }) {
  return (
    <table class="facts">
      <tbody>
        {rows.map(({ name, value, link }, index) => (
          // a name may come twice: pieces, mates
          <tr key={`${name} ${index}`}>
            <th scope="row">{name}</th>
            <td>{link === undefined ? value : <Link to={link}>{value}</Link>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Link({ to, children }: { to: EntityKey; children: string }) {
  return (
    <button type="button" class="link" onClick={() => select(to)}>
      {children}
    </button>
  );
}

function History({ shown, entity }: { shown: Run; entity: EntityKey }) {
  const all = shown.historyOf(entity);
  const [first, end] = shown.recordsOf(readingStep());
  const made = all.filter((number) => number < end).length;
  const from = Math.max(0, made - LINES_A_SIDE);
  const lines = all.slice(from, made + LINES_A_SIDE);
  if (all.length === 0) return null;
  return (
    <>
      <h4>History</h4>
      {from > 0 && (
        <button type="button" class="link" onClick={() => seek(shown.stepOfRecord(all[0] ?? 0))}>
          {formatCounted(from, 'earlier line')}
        </button>
      )}
      <ol class="record-lines">
        {lines.map((number) => (
          <RecordLine
            key={number}
            run={shown}
            number={number}
            when={number >= end ? 'later' : number >= first ? 'now' : 'before'}
          />
        ))}
      </ol>
      {from + lines.length < all.length && (
        <p class="hint">{formatCount(all.length - from - lines.length)} more later</p>
      )}
    </>
  );
}
