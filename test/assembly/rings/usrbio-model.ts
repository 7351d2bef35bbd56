// A naive USRBIO daemon for random tests: slots and places by their rules, jobs by the table of the sheet's §4, results in
// the order of jobs. It follows the machine's records, and throws where they or the results differ.
//
// Verbs: prepared, follow, fetched, isStuck.

import * as assert from 'uvu/assert';
import type { MachineRecord } from '../../../src/records.ts';
import type { Cqe } from './usrbio-client.ts';

const MILLISECOND = 1_000_000;

export interface RingConfig {
  readonly entries: number;
  readonly read: boolean;
  readonly ioDepth: number;
  readonly timeoutMs: number;
  readonly priority: number;
  readonly flags: number;
}

export interface Wanted {
  readonly slot: number;
  readonly userdata: number;
  readonly timeNs: number;
  /** What the result must be. */
  readonly result: number;
}

interface Job<T> {
  readonly requests: readonly T[];
  done: number;
}

export class RingModel<T extends Wanted> {
  readonly config: RingConfig;
  readonly #busy = new Set<number>();
  /** Prepared and in no job. */
  readonly waiting: T[] = [];
  /** Formed and not at the front of the finished ones, oldest first. */
  #jobs: Job<T>[] = [];
  #publishing: Job<T> | undefined;
  /** Finished and not fetched, oldest first. */
  readonly ready: T[] = [];
  jobCount = 0;
  timeouts = 0;
  overtakes = 0;
  queueFull = 0;

  constructor(config: RingConfig) {
    this.config = config;
  }

  /** What hf3fs_prep_io must answer to a request without faults: a slot, or EAGAIN. */
  nextSlot(): number {
    const { entries } = this.config;
    if (this.#busy.size === entries) return -11;
    const places = this.waiting.length + this.#jobs.reduce((sum, job) => sum + job.requests.length, 0);
    if (places === entries) {
      this.queueFull++;
      return -11;
    }
    let slot = 0;
    while (this.#busy.has(slot)) slot++;
    return slot;
  }

  prepared(request: T): void {
    this.#busy.add(request.slot);
    this.waiting.push(request);
  }

  get outstanding(): T[] {
    const running = this.#jobs.flatMap((job) => job.requests.slice(job.done));
    return [...this.waiting, ...running, ...this.ready];
  }

  get #processing(): number {
    return this.#jobs.reduce(
      (sum, job) => sum + (job.done === job.requests.length ? 0 : job.requests.length),
      0,
    );
  }

  /** One record of this ring. `fetched`: results that a wait during which it was made has taken. */
  follow(record: MachineRecord, fetched: number): void {
    assert.is(record.operation, this.config.read ? 0 : 1);
    if (record.kind === 'usrbioJob') this.#formed(record, fetched);
    if (record.kind === 'usrbioDone') this.#done(record);
  }

  /** The table of §4. Between records of one wait it is not known when results were fetched: then between two bounds. */
  #formed({ count, detail, timeNs }: MachineRecord, fetched: number): void {
    const { ioDepth, timeoutMs, entries } = this.config;
    const prepared = this.waiting.length;
    const most = Math.min(prepared, entries - this.#processing - this.ready.length + fetched);
    const least = Math.min(prepared, entries - this.#processing - this.ready.length);
    const depth = Math.abs(ioDepth);
    const text = `a job of ${count} of ${prepared}, room ${least} to ${most}, ${JSON.stringify(this.config)}`;
    assert.ok(count >= 1 && count <= most, text);
    if (ioDepth > 0) assert.is(count, depth, text);
    else if (ioDepth === 0) assert.ok(count >= least, text);
    else assert.ok(count <= depth && count >= Math.min(depth, Math.max(1, least)), text);
    const why = ioDepth === 0 ? 1 : count === depth ? 0 : timeoutMs === 0 ? 2 : 3;
    assert.is(detail, why, text);
    if (why === 3) {
      this.timeouts++;
      assert.ok(timeNs >= (this.waiting[0] as T).timeNs + timeoutMs * MILLISECOND, `too early: ${text}`);
    }
    this.#jobs.push({ requests: this.waiting.splice(0, count), done: 0 });
    this.jobCount++;
  }

  /** Results of a job appear together and in order; its places are free with those of all before it. */
  #done({ id, detail }: MachineRecord): void {
    this.#publishing ??= this.#jobs.find((job) => job.done === 0 && job.requests[0]?.slot === id);
    const job = this.#publishing;
    const request = job?.requests[job.done];
    assert.ok(job !== undefined && request !== undefined, `slot ${id} ends out of order`);
    assert.is(request?.slot, id);
    assert.is(detail, request?.result, `the result of slot ${id}`);
    job.done++;
    this.ready.push(request as T);
    if (job.done < job.requests.length) return;
    this.#publishing = undefined;
    if (job !== this.#jobs[0]) this.overtakes++;
    while (this.#jobs.length > 0 && this.#jobs[0]?.done === this.#jobs[0]?.requests.length)
      this.#jobs.shift();
  }

  /** What a wait returned: the oldest results. */
  fetched(cqes: readonly Cqe[]): T[] {
    assert.is(this.#publishing, undefined, 'half a job is to be seen');
    return cqes.map(({ index, result, userdata }) => {
      const request = this.ready.shift();
      assert.equal(
        { index, result, userdata },
        {
          index: request?.slot,
          result: request?.result,
          userdata: request?.userdata,
        },
      );
      this.#busy.delete(index);
      return request as T;
    });
  }

  /** True when nothing of what was submitted can go on, as the table says. */
  get isStuck(): boolean {
    const { entries, ioDepth } = this.config;
    const available = Math.min(this.waiting.length, entries - this.#processing - this.ready.length);
    return this.#processing === 0 && available < Math.max(1, ioDepth);
  }
}
