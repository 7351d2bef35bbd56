// One record as the inspector tells of it: its sentence, its fields as they are, and the thing that it is about.
//
// Verbs: recordFacts, thingOf.

import type { MachineRecord } from '../../records.ts';
import { describe, layerOf, recordHue } from './describe.ts';
import type { Facts } from './facts.ts';
import { formatCount, formatTime } from './formats.ts';
import type { EntityKey } from './types.ts';

/** The thing that a record is about, where it has one with a key of its own. */
export function thingOf({ kind, device, id, address, detail }: MachineRecord): EntityKey | undefined {
  if (kind === 'backMerged' || kind === 'frontMerged') return `request:${detail}`;
  if (kind === 'volatile' || kind === 'destaged' || kind === 'kept' || kind === 'lost')
    return `write:${device}:${id}`;
  switch (layerOf(kind)) {
    case 'cache':
      return kind === 'flusher' || kind === 'paused' ? undefined : `page:${device}:${address}`;
    case 'block':
      return `request:${id}`;
    case 'drive':
      return kind === 'mark' || kind === 'collected' || kind === 'none' ? undefined : `request:${id}`;
    default:
      return undefined;
  }
}

export function recordFacts(record: MachineRecord, number: number): Facts {
  const sentence = describe(record);
  const thing = thingOf(record);
  const field = (name: string, value: number) => ({ name, value: formatCount(value) });
  return {
    title: `Record ${formatCount(number)}`,
    sentence: `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`,
    hue: recordHue(record),
    rows: [
      { name: 'Time', value: formatTime(record.timeNs) },
      { name: 'Kind', value: record.kind },
      { name: 'Layer', value: layerOf(record.kind) },
      ...(thing === undefined ? [] : [{ name: 'About', value: thing.split(':').join(' '), link: thing }]),
      field('Device', record.device),
      field('Identity', record.id),
      field('Address', record.address),
      field('Count', record.count),
      field('Detail', record.detail),
    ],
  };
}
