// test-timeout: 120
// What charts show is what the machine counted and what the scene's clients saw, at every moment of the run.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_FLUSH } from '../../../../assembly/layout.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import { type Chart, type RunSeries, seriesOf } from '../../../../src/playground/model/series.ts';
import type { Ask } from '../../../../src/playground/scene/rows.ts';
import type { SceneRun } from '../../../../src/playground/scene/run.ts';
import type { Scene, SceneClient } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { COALESCED, FAILING_GUEST, NO_TIME } from '../support/corner-scenes.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';
import { playBeside } from '../support/model.ts';

const series = suite('series');

/** The machine behind a step. */
interface Moment {
  readonly timeNs: number;
  readonly dirty: number;
  readonly hits: number;
  readonly misses: number;
  readonly merges: number;
  readonly pieces: number;
  readonly atDrives: number;
  readonly driveBytes: number;
}

/** A request of a client, as the client saw it. */
interface Seen {
  readonly startedNs: number;
  readonly endedNs: number;
  readonly bytes: number;
}

interface Told {
  readonly run: Run;
  readonly moments: readonly Moment[];
  readonly seen: readonly Seen[];
  readonly driveBytes: number;
  readonly errors: number;
}

const isTransfer = ({ op }: Ask): boolean => op === 'read' || op === 'write';

/** Plays a scene, and notes what its machine and its clients say themselves. */
async function listen(scene: Scene): Promise<Told> {
  const moments: Moment[] = [];
  const seen: Seen[] = [];
  const started = new Map<string, { readonly ask: Ask; readonly atNs: number }>();
  const pieces = new Set<string>();
  let [read, bytes, moved, errors] = [0, 0, 0, 0];
  const listenTo = ({ clients, machine }: SceneRun): void => {
    for (const client of clients)
      client.watcher ??= {
        began: (number, ask) => {
          started.set(`${number}:${ask.number}`, { ask, atNs: machine.nowNs });
        },
        ended: (number, request, result) => {
          const { ask, atNs } = started.get(`${number}:${request}`) as { ask: Ask; atNs: number };
          const { entrance } = scene.clients[number] as SceneClient;
          // a guest and BlueStore are told no count of bytes
          const isCounted = entrance !== 'virtio' && entrance !== 'bluestore';
          const bytes = isCounted ? result : result < 0 ? 0 : ask.length;
          seen.push({
            startedNs: atNs,
            endedNs: machine.nowNs,
            bytes: isTransfer(ask) ? Math.max(0, bytes) : 0,
          });
        },
        called: () => {},
      };
  };
  const look = ({ machine }: SceneRun, run: Run): void => {
    for (; read < run.recordCount; read++) {
      const { kind, id, operation, count, detail } = run.recordAt(read);
      if (kind === 'queued' && operation !== OP_FLUSH) pieces.add(String(detail >>> 8));
      else if (kind === 'backMerged' || kind === 'frontMerged') pieces.add(String(id));
      else if (kind === 'completed' && detail >= 0 && operation <= 1) moved += 512 * count;
    }
    const { cache, block, drive } = machine.counters;
    // what waits has no counter
    let atDrives =
      run.stateAt(run.stepCount)?.drives.reduce((sum, { waiting }) => sum + waiting.length, 0) ?? 0;
    for (let index = 0; index < machine.driveCount; index++) atDrives += machine.diskStat(index).in_flight;
    bytes = drive.readBytes + drive.writeBytes;
    errors = drive.errors;
    moments.push({
      timeNs: machine.nowNs,
      dirty: cache.nrDirty,
      hits: cache.hits,
      misses: cache.misses,
      merges: block.readMerges + block.writeMerges,
      pieces: pieces.size,
      atDrives,
      driveBytes: moved,
    });
  };
  const run = await playBeside(scene, look, listenTo);
  return { run, moments, seen, driveBytes: bytes, errors };
}

function linesOf({ charts }: RunSeries, name: Chart['name']): readonly Float64Array[] {
  const chart = charts.find((each) => each.name === name);
  if (chart === undefined) throw new Error(`no chart ${name}`);
  return chart.lines.map(({ values }) => values);
}

/** 0 of nothing is no ratio. */
const percent = (part: number, whole: number): number => (whole === 0 ? Number.NaN : (100 * part) / whole);

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest of the values that at most one in a hundred exceeds. */
function exceededByOnePercent(values: readonly number[]): number {
  const reached = values.filter(
    (value) => values.filter((other) => other > value).length * 100 <= values.length,
  );
  return reached.length === 0 ? Number.NaN : Math.min(...reached);
}

/** Some of a step's records were made before a time, some since. */
function isWithinStep(run: Run, stepsMade: number, timeNs: number): boolean {
  if (stepsMade >= run.stepCount) return false;
  const [first, end] = run.recordsOf(stepsMade + 1);
  return first < end && run.recordAt(first).timeNs < timeNs;
}

function near(actual: number | undefined, expected: number, what: string): void {
  const isSame =
    Object.is(actual, expected) || Math.abs((actual ?? Number.NaN) - expected) <= 1e-9 * Math.abs(expected);
  if (!isSame) assert.is(actual, expected, what);
}

const ALL: readonly Scene[] = [...SCENES, ...ENTRANCE_SCENES, TOGETHER, COALESCED, FAILING_GUEST];

for (const scene of ALL) {
  series(`${scene.id}: at the end of every stretch, charts show what machine and clients say`, async () => {
    const { run, moments, seen, driveBytes, errors } = await listen(scene);
    const shown = seriesOf(run);
    const [applications, drives] = linesOf(shown, 'throughput') as [Float64Array, Float64Array];
    const [mean, slowest] = linesOf(shown, 'latency') as [Float64Array, Float64Array];
    const [dirty, hits, merges, queue] = (['dirty', 'hits', 'merges', 'queue'] as const).map(
      (name) => linesOf(shown, name)[0],
    );
    const count = shown.timesNs.length;
    const stretchNs = run.timeNs(run.stepCount) / count;
    const hasOwn = scene.clients.some(({ entrance }) => entrance !== 'block');
    // a lot of BlueStore ends as a whole; what is no request of an application is in no chart
    const areSingle = scene.clients.every(({ entrance }) => entrance !== 'bluestore' && entrance !== 'block');
    let checked = 0;
    for (let stretch = 0, at = 0; stretch < count; stretch++) {
      const from = stretch * stretchNs;
      const until = stretch === count - 1 ? Number.POSITIVE_INFINITY : (stretch + 1) * stretchNs;
      const before = at;
      while (at < moments.length && (moments[at] as Moment).timeNs < until) at++;
      // a call is one step, in which time goes by
      if (isWithinStep(run, at, until) || isWithinStep(run, before, from)) continue;
      const moment = moments[at - 1];
      if (moment === undefined) continue;
      const what = `stretch ${stretch}`;
      near(dirty?.[stretch], moment.dirty, what);
      near(queue?.[stretch], moment.atDrives, what);
      near(hits?.[stretch], percent(moment.hits, moment.hits + moment.misses), what);
      near(merges?.[stretch], percent(moment.merges, moment.pieces), what);
      const moved = moment.driveBytes - (moments[before - 1]?.driveBytes ?? 0);
      near(drives[stretch], (moved * 1e9) / stretchNs, what);
      checked++;
      if (!areSingle) continue;
      const ended = seen.filter(({ endedNs }) => endedNs >= from && endedNs < until);
      const bytes = ended.reduce((sum, request) => sum + request.bytes, 0);
      const latencies = ended.map(({ startedNs, endedNs }) => endedNs - startedNs);
      near(applications[stretch], (bytes * 1e9) / stretchNs, what);
      near(mean[stretch], meanOf(latencies), what);
      near(slowest[stretch], exceededByOnePercent(latencies), what);
    }
    assert.ok(checked > 20, `${checked} stretches`);
    const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
    if (errors === 0) near((total(drives) * stretchNs) / 1e9, driveBytes, 'bytes of the drives');
    const asked = seen.reduce((sum, { bytes }) => sum + bytes, 0);
    if (hasOwn) near((total(applications) * stretchNs) / 1e9, asked, 'bytes of the applications');
    else assert.ok([applications, mean].every((values) => values.every(Number.isNaN)));
  });
}

series('every chart has a title, lines with names, and the unit of its values', async () => {
  const { charts } = seriesOf(await playBeside(COALESCED));
  assert.equal(
    charts.map(({ name, title, unit, lines }) => [name, title, unit, lines.map(({ label }) => label)]),
    [
      ['throughput', 'Throughput', 'bytes/s', ['Applications', 'Drives']],
      ['latency', 'Latency of requests', 'ns', ['Mean', 'Slowest 1 %']],
      ['queue', 'Requests at the drives', 'requests', ['Waiting or in service']],
      ['dirty', 'Dirty pages', 'pages', ['Dirty']],
      ['hits', 'Hit ratio so far', '%', ['Hits']],
      ['merges', 'Merge ratio so far', '%', ['Merged']],
    ],
  );
});

series('a request that takes in another counts each piece once', async () => {
  const run = await playBeside(COALESCED);
  const end = run.stateAt(run.stepCount)?.drives[0];
  const joined = Array.from({ length: run.recordCount }, (_, number) => run.recordAt(number))
    .filter(({ kind }) => kind === 'backMerged' || kind === 'frontMerged')
    .map(({ id }) => id);
  assert.ok(joined.length > new Set(joined).size, 'no piece has moved with its request');
  assert.equal([end?.pieces, end?.writes], [12, 8]);
  near(linesOf(seriesOf(run), 'merges')[0]?.at(-1), percent(12 - 8, 12), 'merge ratio');
});

series('a machine in which no time passes has no throughput', async () => {
  const run = await playBeside(NO_TIME);
  assert.is(run.timeNs(run.stepCount), 0);
  for (const values of linesOf(seriesOf(run), 'throughput')) assert.ok(values.every(Number.isNaN));
});

series('beside a longer run, a run keeps its values and ends where it ends', async () => {
  const run = await playBeside(COALESCED);
  const endNs = run.timeNs(run.stepCount);
  assert.ok(Math.abs(seriesOf(run, 240_000).timesNs[0]! - 500) < 1e-6, 'a time is the middle of its stretch');
  const [alone, beside] = [seriesOf(run), seriesOf(run, 2 * endNs)];
  assert.is(beside.timesNs.at(-1), alone.timesNs.at(-1)! * 2);
  const [queue, long] = [alone, beside].map((each) => linesOf(each, 'queue')[0] as Float64Array);
  const half = beside.timesNs.length / 2;
  for (let stretch = 0; stretch < half - 1; stretch++) assert.is(long?.[stretch], queue?.[2 * stretch + 1]);
  assert.ok(long?.subarray(half + 1).every(Number.isNaN));
});

series.run();
