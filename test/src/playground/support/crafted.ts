// Runs of records that are written by hand: what the model makes of a row that no scene brings about, or that has to be exact.

import {
  RECORD_ADDRESS,
  RECORD_COUNT,
  RECORD_DETAIL,
  RECORD_DEVICE,
  RECORD_ID,
  RECORD_KIND,
  RECORD_OPERATION,
  RECORD_SIZE,
  RECORD_TIME,
} from '../../../../assembly/layout.ts';
import type { HeldByDrive } from '../../../../src/playground/model/drive-fold.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import type { StackState } from '../../../../src/playground/model/types.ts';
import { WRITE_TO_MEDIA } from '../../../../src/playground/scenes/write-to-media.ts';
import type { ClientShape, DriveShape, Shape } from '../../../../src/playground/worker/protocol.ts';
import { type MachineRecord, RECORD_KIND_NAMES, type RecordKind } from '../../../../src/records.ts';

/** What is not said is 0. */
export type Crafted = Partial<MachineRecord> & { readonly kind: RecordKind };

export function bytesOf(records: readonly Crafted[]): Uint8Array {
  const bytes = new Uint8Array(records.length * RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  records.forEach((record, index) => {
    const at = index * RECORD_SIZE;
    view.setBigUint64(at + RECORD_TIME, BigInt(record.timeNs ?? 0), true);
    view.setUint8(at + RECORD_KIND, RECORD_KIND_NAMES.indexOf(record.kind));
    view.setUint8(at + RECORD_OPERATION, record.operation ?? 0);
    view.setUint16(at + RECORD_DEVICE, record.device ?? 0, true);
    view.setUint32(at + RECORD_ID, record.id ?? 0, true);
    view.setBigUint64(at + RECORD_ADDRESS, BigInt(record.address ?? 0), true);
    view.setUint32(at + RECORD_COUNT, record.count ?? 0, true);
    view.setInt32(at + RECORD_DETAIL, record.detail ?? 0, true);
  });
  return bytes;
}

export const DRIVE: DriveShape = {
  index: 0,
  model: 'fixed',
  sectorCount: 256,
  channels: 1,
  queueDepth: 8,
  volatileWrites: 8,
};

export function clientOf(entrance: string, fields: Partial<ClientShape> = {}): ClientShape {
  return { name: entrance, entrance, device: 0, devices: [0], contexts: [], target: 'drive0', ...fields };
}

/** A machine of one drive of 256 sectors, and a cache of four pages with four blocks each. */
export function shapeWith(fields: Partial<Shape> = {}): Shape {
  return {
    seed: 1,
    cachePages: 4,
    blocksAPage: 4,
    drives: [DRIVE],
    files: [{ number: 0, name: 'drive0', drive: 0, pageCount: 32 }],
    clients: [],
    memoryBytes: 0,
    ...fields,
  };
}

/** A run of the first chapter, whose steps have these records; a step ends at the time of its last. */
export function runOf(
  steps: readonly (readonly Crafted[])[],
  fields: Partial<Shape> = {},
  held: readonly HeldByDrive[] = [],
): Run {
  const run = new Run(shapeWith(fields), WRITE_TO_MEDIA, held);
  let [made, timeNs] = [0, 0];
  const rows = steps.map((records) => {
    made += records.length;
    timeNs = records.at(-1)?.timeNs ?? timeNs;
    return { made, timeNs };
  });
  run.add({
    records: bytesOf(steps.flat()),
    recordEnds: Uint32Array.from(rows, (row) => row.made),
    timesNs: Float64Array.from(rows, (row) => row.timeNs),
    chapters: new Uint16Array(steps.length),
    hashes: new BigUint64Array(steps.length),
    isLast: true,
    cutShort: undefined,
  });
  return run;
}

/** The stack behind a step; behind the last by default. */
export function stackOf(run: Run, step = run.stepCount): StackState {
  const state = run.stateAt(step);
  if (state === undefined) throw new Error(`no state behind step ${step}`);
  return state;
}
