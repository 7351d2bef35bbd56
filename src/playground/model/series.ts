// What charts show of a run, over its virtual time: throughput, latency, dirty pages, hits, merges, requests at the drives.
//
// Verbs: seriesOf. Told from the records alone, in even stretches of time; the same stretches for all, so that one x serves all charts, and for two
// runs with the same end.
// Invariant: a stretch in which nothing of the kind happened has NaN, never 0, where the value would be a ratio or a time.

import {
  OP_READ,
  OP_WRITE,
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
  RECORD_COMPLETED,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_PREPARED,
  VIRTIO_BLK_S_OK,
} from '../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { Fold } from './fold.ts';
import { hitRatio, mergeRatio } from './ratios.ts';
import type { RecordView } from './record-store.ts';
import type { Run } from './run.ts';

export interface Line {
  readonly label: string;
  /** One for each stretch; NaN: nothing to tell. */
  readonly values: Float64Array;
}

export interface Chart {
  readonly name: 'throughput' | 'latency' | 'dirty' | 'hits' | 'merges' | 'queue';
  readonly title: string;
  /** `bytes/s`, `ns`, `pages`, `%` of all so far, `requests`. */
  readonly unit: string;
  readonly lines: readonly Line[];
}

export interface RunSeries {
  /** Middle of each stretch, in virtual nanoseconds. */
  readonly timesNs: Float64Array;
  readonly charts: readonly Chart[];
}

const STRETCHES = 240;
const P99 = 0.99;

/** Numbers of one stretch while it is counted. */
class Counting {
  applicationBytes = 0;
  driveBytes = 0;
  latenciesNs: number[] = [];
  readonly #started = new Map<string, number>();

  beginStretch(): void {
    this.applicationBytes = 0;
    this.driveBytes = 0;
    this.latenciesNs = [];
  }

  apply(record: RecordView): void {
    switch (record.kind) {
      case RECORD_AIO_ACCEPTED:
        this.#started.set(`aio:${record.id}`, record.timeNs);
        break;
      case RECORD_AIO_EVENT:
        this.#end(`aio:${record.id}`, record.timeNs, record.detail);
        break;
      case RECORD_USRBIO_PREPARED:
        this.#started.set(`usrbio:${record.device}:${record.id}`, record.timeNs);
        break;
      case RECORD_USRBIO_DONE:
        this.#end(`usrbio:${record.device}:${record.id}`, record.timeNs, record.detail);
        break;
      case RECORD_GUEST_REQUEST:
        this.#started.set(`guest:${record.device}:${record.id}`, record.timeNs);
        break;
      case RECORD_GUEST_DONE:
        this.#end(`guest:${record.device}:${record.id}`, record.timeNs, guestBytes(record));
        break;
      case RECORD_COMPLETED:
        if (record.detail >= 0 && isTransfer(record.operation)) this.driveBytes += record.count * SECTOR_SIZE;
        break;
    }
  }

  #end(handle: string, timeNs: number, bytes: number): void {
    const startedNs = this.#started.get(handle);
    this.#started.delete(handle);
    if (bytes > 0) this.applicationBytes += bytes;
    if (startedNs !== undefined) this.latenciesNs.push(timeNs - startedNs);
  }
}

function isTransfer(operation: number): boolean {
  return operation === OP_READ || operation === OP_WRITE;
}

function guestBytes({ operation, count, detail: status }: RecordView): number {
  return isTransfer(operation) && status === VIRTIO_BLK_S_OK ? count * SECTOR_SIZE : 0;
}

/** `endNs`: where the last stretch ends; the run's own end unless a longer one lies beside it. */
export function seriesOf(run: Run, endNs = run.timeNs(run.stepCount)): RunSeries {
  const stretchNs = Math.max(1, endNs) / STRETCHES;
  const column = (): Float64Array => new Float64Array(STRETCHES).fill(Number.NaN);
  const columns = {
    ...{ application: column(), drive: column(), mean: column(), p99: column() },
    ...{ dirty: column(), hits: column(), merges: column(), queue: column() },
  };
  const counting = new Counting();
  // without clients: whose requests they are is not asked here
  const fold = new Fold({ ...run.shape, clients: [] });
  // requests of the block layer are nobody's: a scene of these alone has no applications
  const hasApplications = run.shape.clients.some(({ entrance }) => entrance !== 'block');
  /** A run that takes no time has no throughput. */
  const rate = (bytes: number): number => (endNs > 0 ? (bytes * 1e9) / stretchNs : Number.NaN);
  const lastNs = run.timeNs(run.stepCount);
  let number = 0;
  for (let stretch = 0; stretch < STRETCHES && stretch * stretchNs <= lastNs; stretch++) {
    const untilNs = stretch === STRETCHES - 1 ? Number.POSITIVE_INFINITY : (stretch + 1) * stretchNs;
    counting.beginStretch();
    fold.beginStep(stretch);
    for (; number < run.recordCount; number++) {
      const record = run.records.look(number);
      if (record.timeNs >= untilNs) break;
      counting.apply(record);
      fold.apply(record);
    }
    const { cache, drives } = fold.state(Math.min(untilNs, lastNs));
    if (hasApplications) columns.application[stretch] = rate(counting.applicationBytes);
    columns.drive[stretch] = rate(counting.driveBytes);
    columns.mean[stretch] = meanOf(counting.latenciesNs);
    columns.p99[stretch] = quantileOf(counting.latenciesNs, P99);
    columns.dirty[stretch] = cache.dirtyCount;
    columns.hits[stretch] = 100 * (hitRatio(cache) ?? Number.NaN);
    columns.merges[stretch] = 100 * (mergeRatio(drives) ?? Number.NaN);
    columns.queue[stretch] = drives.reduce(
      (sum, drive) => sum + drive.waiting.length + drive.inService.length,
      0,
    );
  }
  return {
    timesNs: Float64Array.from({ length: STRETCHES }, (_, stretch) => (stretch + 0.5) * stretchNs),
    charts: [
      chart('throughput', 'Throughput', 'bytes/s', [
        ['Applications', columns.application],
        ['Drives', columns.drive],
      ]),
      chart('latency', 'Latency of requests', 'ns', [
        ['Mean', columns.mean],
        ['Slowest 1 %', columns.p99],
      ]),
      chart('queue', 'Requests at the drives', 'requests', [['Waiting or in service', columns.queue]]),
      chart('dirty', 'Dirty pages', 'pages', [['Dirty', columns.dirty]]),
      chart('hits', 'Hit ratio so far', '%', [['Hits', columns.hits]]),
      chart('merges', 'Merge ratio so far', '%', [['Merged', columns.merges]]),
    ],
  };
}

function chart(
  name: Chart['name'],
  title: string,
  unit: string,
  lines: readonly (readonly [label: string, values: Float64Array])[],
): Chart {
  return { name, title, unit, lines: lines.map(([label, values]) => ({ label, values })) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantileOf(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN;
}
