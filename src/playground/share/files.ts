// What a reader keeps: the records of a run, the scene, a picture of the lanes, as files.
//
// Verbs: recordLines, recordTable, saveFile. Text is made in parts, so that a million records need no string of their size.

import type { MachineRecord } from '../../records.ts';
import type { Run } from '../model/run.ts';

const RECORDS_A_PART = 8192;
const COLUMNS: readonly (keyof MachineRecord)[] = [
  'timeNs',
  'kind',
  'operation',
  'device',
  'id',
  'address',
  'count',
  'detail',
];

type Records = Pick<Run, 'recordCount' | 'recordAt'>;

function* parts(run: Records, line: (record: MachineRecord) => string): Generator<string> {
  for (let first = 0; first < run.recordCount; first += RECORDS_A_PART) {
    const lines: string[] = [];
    const end = Math.min(run.recordCount, first + RECORDS_A_PART);
    for (let number = first; number < end; number++) lines.push(line(run.recordAt(number)));
    yield `${lines.join('\n')}\n`;
  }
}

/** Each record as a line of JSON. */
export function recordLines(run: Records): string[] {
  return [
    ...parts(run, (record) =>
      JSON.stringify(Object.fromEntries(COLUMNS.map((name) => [name, record[name]]))),
    ),
  ];
}

/** Each record as a line of a table with commas, below a line of names. */
export function recordTable(run: Records): string[] {
  return [
    `${COLUMNS.join(',')}\n`,
    ...parts(run, (record) => COLUMNS.map((name) => String(record[name])).join(',')),
  ];
}

/** Hands a file to the browser, which keeps it where it keeps downloads. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // the browser has begun to read it by then
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
