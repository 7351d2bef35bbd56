// Which flushes of a workload its check notices the removal of: the log without each, explored where that changes something.
//
// Verbs: testFlushes. Only images that no crash left before, or not at those moments, are judged, until the first failure.
// Invariant: `needed` has been seen to fail; `unnoticed` means that everything gone through passed.

import { withoutFlush } from '../crash/edit-log.ts';
import type { CrashExplorer } from '../crash/explorer.ts';
import type { CrashImage } from '../crash/image.ts';
import type { LoggedWrite } from '../crash/log-facts.ts';
import { failureAt } from './explain-moments.ts';
import { type LoggedFlush, Words } from './explain-words.ts';
import type { Failure, Level } from './parts.ts';
import type { FlushFacts } from './types.ts';

const DEFAULT_IMAGES = 4096;
/** States gone through for one flush. */
const MAX_STATES = 200_000;

/** When testing ends. */
export interface FlushOptions {
  /** Images judged for each flush and kind of crash. Default 4,096. */
  readonly images?: number;
  /** When it is over, by performance.now(): flushes not come to are `untested`. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What came of a run without a flush. */
interface Removal {
  readonly need: FlushFacts['need'];
  readonly failure: Failure | undefined;
  readonly exhaustive: boolean;
}

/** The steps at which an image is known to arise. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** Takes each flush of the run away in turn. `levels`: the same run under kinds of crash, all images of whose explorers have been gone through. */
export async function testFlushes<Value>(
  levels: readonly Level<Value>[],
  options: FlushOptions = {},
): Promise<FlushFacts[]> {
  // a killed process loses nothing that a flush could keep
  const lossy = levels.filter(({ crash }) => crash !== 'process');
  const [first] = lossy;
  if (first === undefined) return [];
  const words = new Words(first);
  const known = new Map(lossy.map((level) => [level, rangesOf(level.explorer)]));
  const facts: FlushFacts[] = [];
  const calls = callsOf(words);
  for (const [place, flushes] of calls.entries()) {
    options.onProgress?.(place, calls.length);
    let removal: Removal = { need: 'unnoticed', failure: undefined, exhaustive: true };
    for (const level of lossy) {
      const here = await withoutThem(level, flushes, known.get(level) ?? new Map(), options);
      removal = {
        need: here.need === 'unnoticed' ? removal.need : here.need,
        failure: here.failure,
        exhaustive: removal.exhaustive && here.exhaustive,
      };
      if (here.need === 'needed') break;
    }
    facts.push(factsOf(words, flushes, removal));
  }
  return facts;
}

/** The flushes of each line of source together, if they are for the same file. One that the drive ignores anyway is left out. */
function callsOf<Value>(words: Words<Value>): LoggedFlush[][] {
  const calls = new Map<string, LoggedFlush[]>();
  for (const flush of words.flushes) {
    if (flush.isIgnored || flush.completed === undefined) continue;
    const site = words.call(flush.tag);
    const [frame] = site?.stack() ?? [];
    const key = frame === undefined ? `flush ${flush.tag || -flush.number}` : `${site?.text} ${frame}`;
    const call = calls.get(key);
    if (call === undefined) calls.set(key, [flush]);
    else call.push(flush);
  }
  return [...calls.values()];
}

function factsOf<Value>(words: Words<Value>, flushes: readonly LoggedFlush[], removal: Removal): FlushFacts {
  const { need, failure, exhaustive } = removal;
  const flush = flushes[0] as LoggedFlush;
  const call = words.call(flush.tag);
  // a call may flush more than once
  const tags = new Set(flushes.map(({ tag, number }) => tag || -number));
  return {
    call: call?.text ?? 'flush()',
    stack: call?.stack() ?? [],
    step: flush.completed ?? flush.submitted,
    times: tags.size,
    need,
    error: failure === undefined ? undefined : `${failure.name}: ${failure.message}`,
    exhaustive,
  };
}

function rangesOf(explorer: CrashExplorer): Map<string, Range> {
  const ranges = new Map<string, Range>();
  for (let index = 0; index < explorer.distinct; index++) {
    const { hash, first, last } = explorer.facts(index);
    ranges.set(hash, { first: first.step, last: last.lastStep });
  }
  return ranges;
}

async function withoutThem<Value>(
  level: Level<Value>,
  flushes: readonly LoggedFlush[],
  known: ReadonlyMap<string, Range>,
  options: FlushOptions,
): Promise<Removal> {
  if (isOver(options)) return { need: 'untested', failure: undefined, exhaustive: false };
  let { log } = level.recording;
  for (const { number } of flushes) log = withoutFlush(log, number);
  using explorer = await level.open(log);
  const points = changedPoints(level.explorer.writes, explorer);
  const isCounted = points.every((point) => explorer.count(point).isExhaustive);
  const found = newImages(explorer, points, known, options);
  let isCut = found.isCut;
  for (const [runs, image] of found.images.entries()) {
    if (isOver(options) || runs >= (options.images ?? DEFAULT_IMAGES)) {
      isCut = true;
      break;
    }
    const failure = await failureAt(level, explorer, image);
    if (failure !== undefined) return { need: 'needed', failure, exhaustive: isCounted };
  }
  return { need: isCut ? 'untested' : 'unnoticed', failure: undefined, exhaustive: isCounted && !isCut };
}

/** The crash points between where writes were durable before and where they are durable now. */
function changedPoints(before: readonly LoggedWrite[], explorer: CrashExplorer): number[] {
  let [start, end] = [Number.POSITIVE_INFINITY, 0];
  for (const write of explorer.writes) {
    const durable = before[write.index]?.durable;
    if (durable === write.durable) continue;
    start = Math.min(start, durable ?? start);
    end = Math.max(end, write.durable ?? Number.POSITIVE_INFINITY);
  }
  const points = explorer.points().filter(({ step, lastStep }) => lastStep >= start && step < end);
  return points.map(({ index }) => index);
}

/** The images that a crash did not leave with the flush, or not at all of these steps. */
function newImages(
  explorer: CrashExplorer,
  points: readonly number[],
  known: ReadonlyMap<string, Range>,
  options: FlushOptions,
): { images: CrashImage[]; isCut: boolean } {
  const images: CrashImage[] = [];
  let isCut = false;
  for (const image of explorer.images({ points, newOnly: true })) {
    images.push(image);
    isCut = explorer.states >= MAX_STATES || isOver(options);
    if (isCut) break;
  }
  const isNew = ({ hash, firstStep, lastStep }: CrashImage) => {
    const range = known.get(hash);
    return range === undefined || firstStep < range.first || lastStep > range.last;
  };
  return { images: images.filter(isNew), isCut };
}

function isOver({ deadlineMs = Number.POSITIVE_INFINITY, signal }: FlushOptions): boolean {
  return performance.now() >= deadlineMs || signal?.aborted === true;
}
