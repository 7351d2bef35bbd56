// One record as a line that is clicked to go there: its time, its hue, its sentence.

import { seek, select } from '../actions.ts';
import { describe, formatTime, recordHue } from '../model/describe.ts';
import type { Run } from '../model/run.ts';

interface Line {
  readonly run: Run;
  readonly number: number;
  /** now: of the step that is shown; later: not made yet at that moment. */
  readonly when: 'before' | 'now' | 'later';
  /** A click tells of the record itself, too. */
  readonly isSelecting?: boolean;
}

export function RecordLine({ run, number, when, isSelecting }: Line) {
  const record = run.recordAt(number);
  const go = (): void => {
    seek(run.stepOfRecord(number));
    if (isSelecting) select(`record:${number}`);
  };
  return (
    <li data-when={when}>
      <button type="button" class="quiet record-line" onClick={go} aria-current={when === 'now'}>
        <span class="record-time">{formatTime(record.timeNs)}</span>
        <span class="record-hue" data-hue={recordHue(record)} aria-hidden="true" />
        <span class="record-words">{describe(record)}</span>
      </button>
    </li>
  );
}
