// Every crash: all states that power cuts may leave of the scene, gone through by the worker; the smallest that fails, drawn; the table of the xv6 log.

import { formatCount, formatCounted } from '../model/describe.ts';
import { WHAT_IS_LOST, whyNotExplored } from '../plug/scene-subject.ts';
import { XV6_PARTS, type Xv6Flushes, type Xv6Part } from '../plug/xv6.ts';
import { FLUSH_ROWS, flushesOf } from '../scenes/xv6-log.ts';
import { scene } from '../state.ts';
import type { FlushTableRow, SceneVerdict, Tally } from '../worker/plug-protocol.ts';
import { FailingCaseView } from './explore/failing-case.tsx';
import { RecipeView } from './explore/recipe.tsx';
import {
  computeTable,
  exploreAll,
  progress,
  rateOf,
  search,
  stop,
  switchFlush,
  TABLE_UNITS,
  table,
  verdict,
} from './explore/state.ts';

const FLUSH_TITLES: Readonly<Record<Xv6Part, string>> = {
  log: 'behind the log',
  header: 'behind the commit',
  homes: 'behind the homes',
  clear: 'behind the emptied header',
};

export function Explore() {
  const reason = whyNotExplored(scene.value);
  const isXv6 = scene.value.check === 'xv6-log';
  return (
    <section class="explore" aria-labelledby="explore-title">
      <h2 id="explore-title">Every crash</h2>
      {isXv6 && <FlushSwitches />}
      {reason !== undefined ? (
        <p class="hint">{reason}</p>
      ) : (
        <>
          <p class="hint">
            Not one cut but all of them: at each moment, each set of writes that the drive may have kept. What
            fails is reduced to its smallest case. {WHAT_IS_LOST}
          </p>
          <Search />
          {verdict.value !== undefined && <Verdict found={verdict.value} />}
        </>
      )}
      {isXv6 && <FlushTable />}
      <RecipeView />
    </section>
  );
}

function FlushSwitches() {
  const flushes = flushesOf(scene.value);
  return (
    <fieldset class="flush-switches">
      <legend class="hint">The four flushes of a transaction</legend>
      {XV6_PARTS.map((part) => (
        <label key={part}>
          <input
            type="checkbox"
            checked={flushes[part]}
            data-flush={part}
            onChange={({ currentTarget }) => void switchFlush(part, currentTarget.checked)}
          />
          {FLUSH_TITLES[part]}
        </label>
      ))}
    </fieldset>
  );
}

function Search() {
  const isRunning = search.value === 'scene';
  const told = progress.value;
  return (
    <div class="plug-buttons">
      {isRunning ? (
        <button type="button" onClick={() => void stop()}>
          Stop
        </button>
      ) : (
        <button type="button" class="explore-all" onClick={() => void exploreAll()}>
          Explore every crash
        </button>
      )}
      {isRunning && (
        <div class="search-progress">
          <progress
            aria-label="How far the search is"
            max={told?.total ?? 1}
            value={told?.total === undefined ? undefined : told.done}
          />
          <p class="hint">
            {told === undefined
              ? 'Playing the scene …'
              : `${formatCount(told.done)} images, ${formatCount(rateOf(told))} a second, ${formatCount(told.failed)} bad`}
          </p>
        </div>
      )}
    </div>
  );
}

function Verdict({ found }: { found: SceneVerdict }) {
  const [smallest, ...others] = found.cases;
  return (
    <>
      <p class="verdict" role="status" data-verdict={found.verdict}>
        {verdictText(found)}
      </p>
      <p class="hint">
        {formatCounted(found.states, 'state')} at {formatCounted(found.crashPoints, 'moment')}
        {found.exhaustive
          ? ', which is all of them'
          : found.isCut
            ? ', where the search had found enough'
            : ', a sample'}
        ; {formatCounted(found.distinctImages, 'image')} that differ, {formatCount(found.failedImages)} bad;{' '}
        {formatCount(Math.round(found.elapsedMs))} ms.
      </p>
      {smallest !== undefined && <FailingCaseView told={smallest} title="The smallest case that fails" />}
      {others.length > 0 && (
        <details class="other-cases">
          <summary>{formatCounted(others.length, 'other case')}</summary>
          {others.map((one) => (
            <FailingCaseView key={one.recipe.image} told={one} title="Another case" />
          ))}
        </details>
      )}
    </>
  );
}

function verdictText({
  verdict: kind,
  exhaustive,
  failedImages,
  checkedImages,
  reason,
}: SceneVerdict): string {
  if (kind === 'violated')
    return `${formatCount(failedImages)} of ${formatCount(checkedImages)} images break something.`;
  if (kind === 'survived')
    return exhaustive ? 'It survives every power cut.' : 'No power cut that was tried breaks it.';
  return `Not measured: ${reason ?? 'nothing could have been lost'}.`;
}

function FlushTable() {
  const rows = table.value;
  const current = flushesOf(scene.value);
  return (
    <>
      {rows.length === 0 && (
        <div class="plug-buttons">
          <button
            type="button"
            class="compute-table"
            disabled={search.value === 'table'}
            onClick={() => void computeTable()}
          >
            Count the bad states by flush
          </button>
        </div>
      )}
      {rows.length > 0 && (
        <table class="flush-table">
          <caption>
            Two transactions, every power cut. Halves: one of two blocks is new. Lost: acknowledged, and gone.
            Torn: a write may be cut off between its sectors.
          </caption>
          <thead>
            <tr>
              <th scope="col">Flushes</th>
              <th scope="col">States</th>
              <th scope="col">Images</th>
              <th scope="col">Halves</th>
              <th scope="col">Lost</th>
            </tr>
          </thead>
          {FLUSH_ROWS.map((flushes) => (
            <TableGroup key={flushWords(flushes)} flushes={flushes} rows={rows} current={current} />
          ))}
        </table>
      )}
    </>
  );
}

/** A choice of flushes: its writes whole, and torn. */
function TableGroup(props: { flushes: Xv6Flushes; rows: readonly FlushTableRow[]; current: Xv6Flushes }) {
  const { flushes, rows, current } = props;
  const own = rows.filter((row) => flushWords(row.flushes) === flushWords(flushes));
  const isCurrent = flushWords(flushes) === flushWords(current);
  return (
    <tbody aria-current={isCurrent ? 'true' : undefined}>
      <tr>
        <th scope="rowgroup" colSpan={5}>
          {flushWords(flushes)}
        </th>
      </tr>
      {TABLE_UNITS.map((unit) => (
        <TableRow
          key={unit}
          title={unit === 0 ? 'whole' : 'torn'}
          tally={own.find(({ tearing }) => tearing === unit)?.tally}
        />
      ))}
    </tbody>
  );
}

function TableRow({ title, tally }: { title: string; tally: Tally | undefined }) {
  return (
    <tr>
      <th scope="row">{title}</th>
      {tally === undefined ? (
        <td colSpan={4}>{search.value === 'table' ? 'counting …' : 'not counted'}</td>
      ) : (
        <>
          <td>
            {tally.isExhaustive ? '' : '≥ '}
            {formatCount(tally.states)}
          </td>
          <td>{formatCount(tally.distinctImages)}</td>
          <td data-bad={tally.halves > 0}>{formatCount(tally.halves)}</td>
          <td data-bad={tally.lost > 0}>{formatCount(tally.lost)}</td>
        </>
      )}
    </tr>
  );
}

const SHORT: Readonly<Record<Xv6Part, string>> = {
  log: 'log',
  header: 'commit',
  homes: 'homes',
  clear: 'clear',
};

function flushWords(flushes: Xv6Flushes): string {
  const on = XV6_PARTS.filter((part) => flushes[part]).map((part) => SHORT[part]);
  return on.length === 0 ? 'none' : on.length === XV6_PARTS.length ? 'all four' : on.join(', ');
}
