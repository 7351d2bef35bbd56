// What came up after a crash: one sentence, four counts, each write with its sectors, files by name.

import type { ComponentChildren } from 'preact';
import { formatBytes, formatCount, formatCounted } from '../../model/describe.ts';
import { type JudgedWrite, LOST, THERE } from '../../plug/judge.ts';
import { rowTitle, verdictOf } from '../../plug/words.ts';
import { blockName, XV6_HOMES } from '../../plug/xv6.ts';
import type { Scene } from '../../scene/types.ts';
import type { Survivor } from '../../worker/plug-protocol.ts';

const MOST_WRITES = 40;

export function Outcome(props: {
  readonly survivor: Survivor;
  readonly scene: Scene;
  /** What can be done now: it stands before the lists. */
  readonly children: ComponentChildren;
}) {
  const { survivor, scene, children } = props;
  const { judged, xv6, refused } = survivor;
  const isBroken = judged.promisedLost > 0 || xv6?.problem !== undefined || refused !== undefined;
  return (
    <div class="outcome" data-broken={isBroken}>
      <p class="outcome-sentence" role="status">
        {verdictOf(survivor)}
      </p>
      {refused === undefined && (
        <dl class="at-stake outcome-counts">
          <Count count={judged.promisedThere} title="promised, and there" />
          <Count count={judged.luckyThere} title="not promised, there by luck" />
          <Count count={judged.unpromisedLost} title="not promised, and lost" />
          <Count count={judged.promisedLost} title="promised, and lost" isBad={judged.promisedLost > 0} />
        </dl>
      )}
      {children}
      {xv6 !== undefined && <Homes homes={xv6.homes} named={xv6.named} />}
      {survivor.files !== undefined && <Files survivor={survivor} />}
      {judged.writes.length > 0 && <Writes survivor={survivor} scene={scene} />}
    </div>
  );
}

function Count({ count, title, isBad = false }: { count: number; title: string; isBad?: boolean }) {
  return (
    <div data-count={count} data-bad={isBad}>
      <dd>{formatCount(count)}</dd>
      <dt>{title}</dt>
    </div>
  );
}

function Homes({ homes, named }: { homes: readonly (number | undefined)[]; named: number | undefined }) {
  return (
    <table class="homes">
      <caption>
        {named === undefined
          ? 'The header on the media is empty, so recovery copies nothing.'
          : `The header on the media names transaction ${named + 1}, so recovery copies its log home.`}
      </caption>
      <tbody>
        {homes.map((found, index) => (
          <tr key={XV6_HOMES[index]}>
            <th scope="row">{blockName(XV6_HOMES[index] as number)}</th>
            <td>
              {found === undefined
                ? 'junk: what the log held before'
                : found === 0
                  ? 'empty'
                  : `from transaction ${found}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Files({ survivor: { files = [] } }: { survivor: Survivor }) {
  return (
    <section aria-label="Files that came up">
      <h3>Files</h3>
      {files.length === 0 ? (
        <p class="hint">There are none.</p>
      ) : (
        <ul class="survivor-files">
          {files.map(({ path, bytes }) => (
            <li key={path}>
              <code>{path}</code> {formatBytes(bytes)}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Broken promises first, then what is lost, then the rest in its order. */
function rank({ isBroken, lostCount }: JudgedWrite): number {
  return isBroken ? 0 : lostCount > 0 ? 1 : 2;
}

function Writes({ survivor: { judged, rows }, scene }: { survivor: Survivor; scene: Scene }) {
  const sorted = [...judged.writes].sort((left, right) => rank(left) - rank(right) || left.row - right.row);
  return (
    <section aria-label="Each write">
      <h3>Write by write</h3>
      <ol class="judged">
        {sorted.slice(0, MOST_WRITES).map((write) => {
          const row = rows[write.row];
          return row === undefined ? null : (
            <li key={write.row} data-fate={write.fate} data-broken={write.isBroken}>
              <span class="judged-words">{rowTitle(scene, row)}</span>
              <span class="judged-fate">{fateWords(write)}</span>
              <Sectors write={write} />
            </li>
          );
        })}
      </ol>
      {sorted.length > MOST_WRITES && (
        <p class="hint">and {formatCounted(sorted.length - MOST_WRITES, 'write')} more</p>
      )}
    </section>
  );
}

function fateWords({ fate, isPromised, isBroken, lostCount, sectorCount }: JudgedWrite): string {
  if (isBroken) return 'promised, lost';
  if (fate === 'partly')
    return `${formatCount(sectorCount - lostCount)} of ${formatCounted(sectorCount, 'sector')}`;
  if (fate === 'lost') return 'lost';
  if (fate === 'replaced') return 'overwritten since';
  return isPromised ? 'promised, there' : 'there by luck';
}

/** The sectors of a write from left to right; runs of the same kind are one piece. */
function Sectors({ write: { sectors } }: { write: JudgedWrite }) {
  const runs: { state: number; from: number; count: number }[] = [];
  sectors.forEach((state, index) => {
    const last = runs.at(-1);
    if (last?.state === state) last.count++;
    else runs.push({ state, from: index, count: 1 });
  });
  const percent = (part: number): string => `${((part * 100) / sectors.length).toFixed(2)}%`;
  return (
    <svg class="sector-strip" aria-hidden="true">
      {runs.map(({ state, from, count }) => (
        <rect
          key={from}
          class={state === LOST ? 'lost' : state === THERE ? 'there' : 'replaced'}
          x={percent(from)}
          width={percent(count)}
          y="1"
          height="6"
        />
      ))}
    </svg>
  );
}
