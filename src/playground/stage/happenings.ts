// What has just happened in each lane, as one line: told by the records of the step that is shown.
//
// Verbs: happeningsOf. Of several records in a lane the most telling one speaks, and says how many were like it.

import { OP_FLUSH } from '../../../assembly/layout.ts';
import type { MachineRecord, RecordKind } from '../../records.ts';
import { blockOperation, describe, formatCount } from '../model/describe.ts';
import type { Run } from '../model/run.ts';
import type { EntityKey, StackState } from '../model/types.ts';
import { apartWords } from '../model/words.ts';
import type { LaneKind } from './types.ts';

export interface Happening {
  readonly lane: LaneKind;
  /** The drive whose lane it is; 0 where there is none. */
  readonly drive: number;
  readonly text: string;
  /** What it happened to, where it is told at the place itself. */
  readonly at: EntityKey | undefined;
}

/** Kinds by lane, the most telling first. */
const TELLING: readonly (readonly [LaneKind, readonly RecordKind[]])[] = [
  [
    'applications',
    [
      'paused',
      'throttled',
      'aioEvent',
      'usrbioDone',
      'usrbioJob',
      'aioQueueRetry',
      'aioQueueSubmit',
      'aioAccepted',
      'usrbioPrepared',
      'arrived',
    ],
  ],
  ['guest', ['guestStopped', 'multireqIssued', 'multireqSplit', 'guestDone', 'guestRequest']],
  [
    'cache',
    [
      'evicted',
      'readahead',
      'refault',
      'readIn',
      'writeback',
      'flusher',
      'written',
      'dirtied',
      'activated',
      'pagesDiscarded',
      'pageMiss',
      'pageHit',
    ],
  ],
  ['block', ['frontMerged', 'backMerged', 'queued']],
  [
    'drive',
    [
      'fault',
      'aborted',
      'lost',
      'kept',
      'flushed',
      'destaged',
      'healed',
      'collected',
      'volatile',
      'completed',
      'issued',
    ],
  ],
];
/** No more records than this are looked at. */
const MOST_RECORDS = 400;

export function happeningsOf(run: Run, state: StackState): Happening[] {
  const end = Math.min(state.endRecord, state.firstRecord + MOST_RECORDS);
  const records: MachineRecord[] = [];
  for (let index = state.firstRecord; index < end; index++) records.push(run.recordAt(index));
  return TELLING.flatMap(([lane, kinds]) => {
    const kind = kinds.find((each) => records.some((record) => record.kind === each));
    const alike = records.filter((record) => record.kind === kind);
    const [first] = alike;
    if (first === undefined) return [];
    const more = alike.length > 1 ? `, and ${alike.length - 1} more` : '';
    const isMerge = kind === 'backMerged' || kind === 'frontMerged';
    const text = SHORT[first.kind]?.(first) ?? describe(first);
    const drive = lane === 'block' || lane === 'drive' ? first.device : 0;
    return [
      { lane, drive, text: sentence(text + more), at: isMerge ? `request:${first.detail}` : undefined },
    ];
  });
}

/** What the bar itself shows, its sectors, need not be told beside it. */
const SHORT: Partial<Record<RecordKind, (record: MachineRecord) => string>> = {
  backMerged: ({ detail }) => `back merge: begins where #${detail} ends`,
  frontMerged: ({ detail }) => `front merge: ends where #${detail} begins`,
  queued: (record) =>
    record.operation === OP_FLUSH
      ? `#${record.id} queued: a flush`
      : `#${record.id} queued: ${apartWords(record.detail & 0xff)}`,
  issued: ({ id, operation }) => `#${id}, ${blockOperation(operation)}: to the drive`,
  completed: ({ id, operation, detail }) =>
    `#${id}, ${blockOperation(operation)}: completed${detail < 0 ? `, error ${detail}` : ''}`,
  volatile: ({ id, detail }) => `#${id} is in the volatile cache; ${formatCount(detail)} held there`,
};

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
