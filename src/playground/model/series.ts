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
  RECORD_BACK_MERGED,
  RECORD_COMPLETED,
  RECORD_FRONT_MERGED,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_QUEUED,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_PREPARED,
} from '../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { CacheFold } from './cache-fold.ts';
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
  hits = 0;
  lookups = 0;
  merged = 0;
  pieces = 0;
  atDrives = 0;
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
        this.#end(`guest:${record.device}:${record.id}`, record.timeNs, record.count * SECTOR_SIZE);
        break;
      case RECORD_PAGE_HIT:
        this.hits += record.count;
        this.lookups += record.count;
        break;
      case RECORD_PAGE_MISS:
        this.lookups += record.count;
        break;
      case RECORD_BACK_MERGED:
      case RECORD_FRONT_MERGED:
        this.merged++;
        this.pieces++;
        break;
      case RECORD_QUEUED:
        this.pieces++;
        this.atDrives++;
        break;
      case RECORD_COMPLETED:
        this.atDrives--;
        if (record.detail >= 0 && (record.operation === OP_READ || record.operation === OP_WRITE))
          this.driveBytes += record.count * SECTOR_SIZE;
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

/** `endNs`: where the last stretch ends; the run's own end unless a longer one lies beside it. */
export function seriesOf(run: Run, endNs = run.timeNs(run.stepCount)): RunSeries {
  const stretchNs = Math.max(1, endNs) / STRETCHES;
  const column = (): Float64Array => new Float64Array(STRETCHES).fill(Number.NaN);
  const columns = {
    ...{ application: column(), drive: column(), mean: column(), p99: column() },
    ...{ dirty: column(), hits: column(), merges: column(), queue: column() },
  };
  const counting = new Counting();
  const cache = new CacheFold(run.shape);
  const lastNs = run.timeNs(run.stepCount);
  let number = 0;
  for (let stretch = 0; stretch < STRETCHES && stretch * stretchNs <= lastNs; stretch++) {
    const untilNs = stretch === STRETCHES - 1 ? Number.POSITIVE_INFINITY : (stretch + 1) * stretchNs;
    counting.beginStretch();
    for (; number < run.recordCount; number++) {
      const record = run.records.look(number);
      if (record.timeNs >= untilNs) break;
      counting.apply(record);
      cache.apply(record.kind, record);
    }
    columns.application[stretch] = (counting.applicationBytes * 1e9) / stretchNs;
    columns.drive[stretch] = (counting.driveBytes * 1e9) / stretchNs;
    columns.mean[stretch] = meanOf(counting.latenciesNs);
    columns.p99[stretch] = quantileOf(counting.latenciesNs, P99);
    columns.dirty[stretch] = cache.state(Math.min(untilNs, lastNs)).dirtyCount;
    columns.hits[stretch] = (100 * counting.hits) / counting.lookups;
    columns.merges[stretch] = (100 * counting.merged) / counting.pieces;
    columns.queue[stretch] = counting.atDrives;
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
