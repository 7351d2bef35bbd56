// The smallest case that fails, drawn: what was written, flushed and promised from top to bottom, with what a crash made of it, and the pair whose order matters.

import type { ComponentChildren } from 'preact';
import type { CaseRow, FailingCase } from '../../worker/plug-protocol.ts';
import { showCase } from './state.ts';

const MARKS: Readonly<Record<NonNullable<CaseRow['fate']>, string>> = {
  durable: '■',
  kept: '●',
  missing: '✕',
  torn: '◐',
};
const FATE_WORDS: Readonly<Record<NonNullable<CaseRow['fate']>, string>> = {
  durable: 'durable',
  kept: 'there',
  missing: 'missing',
  torn: 'torn',
};

/** A failing case of a scene that can be stood at. */
export function FailingCaseView({ told, title }: { told: FailingCase; title: string }) {
  return (
    <CaseStory told={told} title={title}>
      <div class="plug-buttons">
        <button type="button" onClick={() => void showCase(told)}>
          Show this moment
        </button>
        <button type="button" class="quiet" onClick={() => downloadRecipe(told)}>
          Download the recipe
        </button>
      </div>
    </CaseStory>
  );
}

/** What can be told of a failing case wherever it comes from. */
export type ToldCase = Pick<FailingCase, 'sentence' | 'error' | 'missing' | 'present' | 'proof' | 'rows'>;

export function CaseStory(props: {
  readonly told: ToldCase;
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  const { told, title, children } = props;
  return (
    <section class="failing-case" aria-label={title}>
      <h3>{title}</h3>
      <p>{told.sentence}</p>
      <p class="hint">Recovery says: {told.error}.</p>
      <CaseRows rows={told.rows} culprits={new Set([...told.missing, ...told.present])} />
      {told.proof !== undefined && <p>{told.proof}</p>}
      {children}
    </section>
  );
}

function CaseRows({ rows, culprits }: { rows: readonly CaseRow[]; culprits: ReadonlySet<string> }) {
  const writes = rows.filter(({ offset }) => offset !== undefined);
  const from = Math.min(...writes.map(({ offset }) => offset ?? 0));
  const to = Math.max(...writes.map(({ offset, length }) => (offset ?? 0) + (length ?? 0)));
  return (
    <ol class="case-rows">
      {rows.map((row, index) => {
        const isCulprit = row.kind === 'write' && row.fate !== 'durable' && culprits.has(row.what);
        return (
          <li
            key={`${row.step} ${row.kind} ${index}`}
            data-kind={row.kind}
            data-fate={row.fate}
            data-culprit={isCulprit}
          >
            <span class="case-mark" aria-hidden="true">
              {row.kind === 'crash'
                ? '╳'
                : row.kind === 'flush'
                  ? '◆'
                  : row.fate === undefined
                    ? '·'
                    : MARKS[row.fate]}
            </span>
            <span>
              {row.what}
              {row.fate !== undefined && <span class="unseen">: {FATE_WORDS[row.fate]}</span>}
            </span>
            {row.offset !== undefined && <CaseBar row={row} from={from} to={to} />}
          </li>
        );
      })}
    </ol>
  );
}

function CaseBar({ row, from, to }: { row: CaseRow; from: number; to: number }) {
  const span = Math.max(1, to - from);
  const percent = (part: number): string => `${((part * 100) / span).toFixed(2)}%`;
  return (
    <svg class="write-bar" data-fate={row.fate} aria-hidden="true">
      <line x1="0" x2="100%" y1="50%" y2="50%" />
      <rect x={percent((row.offset ?? 0) - from)} width={percent(row.length ?? 0)} y="15%" height="70%" />
    </svg>
  );
}

function downloadRecipe({ recipe }: FailingCase): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(recipe)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `recipe-${recipe.image.slice(0, 8)}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
