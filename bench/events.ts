// How many events a second does the core take, with requests in flight on drives of each model?
//
// An event is one completion or one entry of the event heap, as the pump counts them (steps). Requests are random reads of 4 KiB
// by hand, payload none; as many as the row says are always in flight, and ends are reaped in batches of half of them. In the same
// run a plain JavaScript simulation keeps as many events in a binary heap of (time, sequence): pop the first, push another later.

import { COUNTER_STEPS } from '../assembly/layout.ts';
import { type DriveConfig, Machine } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = "events a second of the core's heap and dispatch, payload none";

const IN_FLIGHT = [1, 32, 1024];
const PASSES = 7;
const EVENTS_A_PASS = 60_000;

const DRIVES: Readonly<Record<string, DriveConfig>> = {
  instant: { model: 'instant' },
  fixed: { model: 'fixed', latencyNs: 100_000, channels: 1024 },
  'fixed, exponential': { model: 'fixed', latencyNs: 100_000, channels: 1024, latency: 'exponential' },
  hdd: { model: 'hdd' },
  ssd: { model: 'ssd' },
  nvme: { model: 'nvme' },
};

function median(values: number[]): number {
  return values.sort((left, right) => left - right)[values.length >> 1] as number;
}

function draws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Events a second of `machine.run`, submissions not counted. */
async function ofCore(drive: DriveConfig, inFlight: number): Promise<number> {
  const machine = await Machine.create({
    drives: [{ size: '1GiB', queueDepth: 2048, ...drive }],
    payload: 'none',
    merge: false,
    cache: '64KiB',
    limits: { blockRequests: 4096 },
  });
  const device = machine.blockDevice();
  const draw = draws(1);
  const submit = () => device.submit({ operation: 'read', sector: draw(262_144) * 8, sectorCount: 8 });
  for (let index = 0; index < inFlight; index++) submit();
  // three events a request: due, done at the drive, done at the device
  const batch = Math.max(1, inFlight >> 1) * 3;
  const pass = () => {
    const from = machine.core.counter(COUNTER_STEPS);
    let nanoseconds = 0;
    while (machine.core.counter(COUNTER_STEPS) - from < EVENTS_A_PASS) {
      const before = process.hrtime.bigint();
      machine.core.exports.machineRun(batch);
      nanoseconds += Number(process.hrtime.bigint() - before);
      for (const _ended of device.reap()) submit();
    }
    return ((machine.core.counter(COUNTER_STEPS) - from) * 1e9) / nanoseconds;
  };
  pass();
  return median(Array.from({ length: PASSES }, pass));
}

/** A binary heap of numbers in typed arrays, ordered by time, then sequence. */
class PlainHeap {
  readonly #time: Float64Array;
  readonly #sequence: Float64Array;
  #size = 0;
  #next = 0;

  constructor(capacity: number) {
    this.#time = new Float64Array(capacity);
    this.#sequence = new Float64Array(capacity);
  }

  #isBefore(time: number, sequence: number, index: number): boolean {
    const other = this.#time[index] as number;
    return time < other || (time === other && sequence < (this.#sequence[index] as number));
  }

  #move(from: number, to: number): void {
    this.#time[to] = this.#time[from] as number;
    this.#sequence[to] = this.#sequence[from] as number;
  }

  push(time: number): void {
    const sequence = this.#next++;
    let index = this.#size++;
    while (index > 0 && this.#isBefore(time, sequence, (index - 1) >> 1)) {
      this.#move((index - 1) >> 1, index);
      index = (index - 1) >> 1;
    }
    this.#time[index] = time;
    this.#sequence[index] = sequence;
  }

  pop(): number {
    const first = this.#time[0] as number;
    const last = --this.#size;
    const time = this.#time[last] as number;
    const sequence = this.#sequence[last] as number;
    let index = 0;
    for (let child = 1; child < last; child = 2 * index + 1) {
      const right = child + 1;
      if (right < last && this.#isBefore(this.#time[right] as number, this.#sequence[right] as number, child))
        child = right;
      if (this.#isBefore(time, sequence, child)) break;
      this.#move(child, index);
      index = child;
    }
    this.#time[index] = time;
    this.#sequence[index] = sequence;
    return first;
  }
}

/** Events a second of the plain simulation. */
function ofPlainHeap(inFlight: number): number {
  const heap = new PlainHeap(inFlight + 1);
  const draw = draws(2);
  for (let index = 0; index < inFlight; index++) heap.push(draw(100_000));
  const pass = () => {
    const before = process.hrtime.bigint();
    for (let index = 0; index < EVENTS_A_PASS; index++) heap.push(heap.pop() + draw(200_000));
    return (EVENTS_A_PASS * 1e9) / Number(process.hrtime.bigint() - before);
  };
  pass();
  return median(Array.from({ length: PASSES }, pass));
}

export async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const inFlight of IN_FLIGHT) {
    const plain = ofPlainHeap(inFlight);
    rows.push(['plain JavaScript heap', `${inFlight}`, count(plain), times(1)]);
    for (const [name, drive] of Object.entries(DRIVES)) {
      const rate = await ofCore(drive, inFlight);
      rows.push([name, `${inFlight}`, count(rate), times(rate / plain)]);
    }
  }
  printTable(['drive', 'in flight', 'events/s', 'of the plain heap'], rows);
}
