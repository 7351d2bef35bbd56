// The finding of a recipe as a failing case that can be drawn.
//
// Verbs: toldOf.

import type { RecipeFinding, RecipeRow } from '../../explore/types.ts';
import { formatCounted } from '../model/describe.ts';
import type { CaseRow, FailingCase } from '../worker/plug-protocol.ts';
import { capital } from './failing-case.ts';

/** What is told of any case. */
type Told = Pick<FailingCase, 'sentence' | 'error' | 'missing' | 'present' | 'proof' | 'rows'>;

export function toldOf({ sentence, error, missing, present, proof, rows, leftOut }: RecipeFinding): Told {
  const told = rows.map(caseRow);
  const middle = Math.ceil(rows.length / 2);
  const gap: CaseRow[] =
    leftOut === undefined
      ? []
      : [
          {
            ...PLAIN,
            step: told[middle]?.step ?? 0,
            kind: 'attempt',
            what: `${formatCounted(leftOut, 'row')} left out`,
          },
        ];
  return {
    sentence: `${capital(sentence.replace(/\.$/, ''))}.`,
    error: error.replace(/^\w+: /, ''),
    missing,
    present,
    proof: proof === undefined ? undefined : `${capital(proof)}.`,
    rows: [...told.slice(0, middle), ...gap, ...told.slice(middle)],
  };
}

const CRASHES: Readonly<Record<string, string>> = {
  power: 'power cut',
  os: 'kernel crash',
  process: 'killed process',
};
const PLAIN = { fate: undefined, offset: undefined, length: undefined } as const;

function caseRow({ step, kind, what, fate, line, offset, length }: RecipeRow): CaseRow {
  const at = line === undefined ? '' : ` (${line})`;
  const words = {
    write: what,
    flush: `${what}${at}`,
    ack: `acknowledged ${what}`,
    attempt: `begun ${what}`,
    crash: CRASHES[what] ?? what,
  };
  return { step, kind, fate, what: words[kind], offset, length };
}
