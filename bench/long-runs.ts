// What a long run costs the page: until all of it is known, to jump to any moment of it, to tell the history of anything in it, and memory.
//
// The scene of ten thousand requests, made longer, left after so many records; the most that the page takes is the second. Without a browser: the
// same machine, the same model. The worker plays while the page folds, so the larger of the two is what a reader waits for.

import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Machine } from '../src/index.ts';
import { Run } from '../src/playground/model/run.ts';
import type { Scene, Work } from '../src/playground/scene/types.ts';
import { TEN_THOUSAND } from '../src/playground/scenes/ten-thousand.ts';
import type { RunPart, Shape } from '../src/playground/worker/protocol.ts';
import { CAPS, Session } from '../src/playground/worker/session.ts';
import { count, printTable, times } from './table.ts';

export const title = 'what a long run costs the page';

/** Records that the scene makes as it is, at least. */
const RECORDS_OF_SCENE = 100_000;
const LOOKS = 60;
const MEBIBYTE = 2 ** 20;
const COLLECT_TURNS = 5;
const COLLECT_MS = 100;

/** With as many times the requests. */
function longer(factor: number): Scene {
  const more = (work: Work): Work[] => ('count' in work ? Array<Work>(factor).fill(work) : [work]);
  return {
    ...TEN_THOUSAND,
    chapters: TEN_THOUSAND.chapters.map((chapter) => ({ ...chapter, work: chapter.work.flatMap(more) })),
  };
}

interface Played {
  readonly shape: Shape;
  readonly parts: RunPart[];
  readonly tookMs: number;
}

async function play(scene: Scene, records: number): Promise<Played> {
  const parts: RunPart[] = [];
  const begun = performance.now();
  const session = await Session.open(
    scene,
    (options) => Machine.create(options),
    (part) => parts.push(part),
    { ...CAPS, records },
  );
  await session.whole;
  const tookMs = performance.now() - begun;
  session.close();
  return { shape: session.shape, parts, tookMs };
}

function median(values: number[]): number {
  return values.sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

/** Milliseconds of each of some calls, for numbers spread over 0 to `end`. */
function timesOf(end: number, call: (number: number) => void): number[] {
  return Array.from({ length: LOOKS }, (_, index) => {
    const number = Math.floor(end * ((index * 0.618034) % 1));
    const begun = performance.now();
    call(number);
    return performance.now() - begun;
  });
}

async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // a machine's memory is given back some turns after the machine
  for (let turn = 0; turn < COLLECT_TURNS; turn++) {
    collect();
    await setTimeout(COLLECT_MS);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function bytesOf({ records, recordEnds, timesNs, chapters, hashes }: RunPart): number {
  return [records, recordEnds, timesNs, chapters, hashes].reduce((sum, rows) => sum + rows.byteLength, 0);
}

async function measure(records: number): Promise<string[]> {
  const scene = longer(Math.ceil(records / RECORDS_OF_SCENE) + 1);
  const { shape, parts, tookMs } = await play(scene, records);
  const partBytes = parts.reduce((sum, part) => sum + bytesOf(part), 0);
  const before = await bytesInUse();
  const run = new Run(shape, scene);
  const begun = performance.now();
  for (const part of parts) run.add(part);
  const foldMs = performance.now() - begun;
  parts.length = 0;
  const bytes = (await bytesInUse()) - before + partBytes;
  const jumps = timesOf(run.stepCount, (step) => run.stateAt(step));
  const histories = timesOf(run.recordCount, (number) => {
    const { device, address, id } = run.recordAt(number);
    run.historyOf(number % 2 === 0 ? `page:${device}:${address}` : `request:${id}`);
  });
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    `${count(run.recordCount)} records, ${count(run.stepCount)} steps`,
    `${(tookMs / 1000).toFixed(1)} s`,
    `${(foldMs / 1000).toFixed(1)} s`,
    times(foldMs / tookMs),
    count((run.recordCount * 1000) / foldMs),
    `${ms(median(jumps))}, ${ms(Math.max(...jumps))}`,
    `${ms(median(histories))}, ${ms(Math.max(...histories))}`,
    `${count(bytes / MEBIBYTE)} MiB`,
  ];
}

export async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const records of [200_000, CAPS.records]) rows.push(await measure(records));
  const jump = 'jump: median, worst';
  const history = 'history: median, worst';
  printTable(['', 'played', 'folded', 'ratio', 'records/s', jump, history, 'memory'], rows);
}
