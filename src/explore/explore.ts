// explore: runs a workload, builds every image that a crash may leave of it, runs recovery on each, and gives a verdict.
//
// Verbs: exploreOn, rerunOn. The parts: record (the run), search-images (the images), judge (recovery), search, explain, verdict.
// What differs between files and sectors, Node and browsers comes in as a Subject and a Platform.

import type { CrashKind } from '../crash-kinds.ts';
import type { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { VERSION } from '../version.ts';
import { explainFailures } from './explain.ts';
import { plainFindings } from './explore-findings.ts';
import { ExploreLevels } from './explore-levels.ts';
import { type Resolved, resolveExplore, type VolumeChoice } from './explore-options.ts';
import { brokenBy, differingRuns, unmeasured, WorkloadError } from './explore-reasons.ts';
import { testFlushes } from './flushes.ts';
import { ImageMachine } from './images.ts';
import { type RecoverCall, RecoveryJudge } from './judge.ts';
import { PromiseRange } from './judge-promises.ts';
import type { Failure, SearchTally } from './parts.ts';

import { type Rerun, replayRecipe } from './recipe.ts';
import { makeBase, type RecordedWorkload, type RunContext, type RunStart, record } from './record.ts';
import { searchImages } from './search.ts';
import { ImageSet } from './search-images.ts';
import { isEarly } from './search-options.ts';
import { Pace } from './search-pace.ts';
import type { ExploreCommon, Finding, FlushFacts, Recipe, VerdictFacts } from './types.ts';
import { Verdict } from './verdict.ts';

/** A workload and its recovery, whatever they work on. */
export interface Subject<Value> {
  readonly kind: Extract<Recipe['kind'], 'explore' | 'exploreDevice'>;
  readonly setup: ((machine: Machine) => unknown) | undefined;
  readonly workload: (context: RunContext<Value>) => unknown;
  readonly recover: RecoverCall<Value>;
  /** Makes what recoveries on a machine share, before its first image. */
  readonly adorn: ((machine: Machine) => void) | undefined;
  /** Undefined: sectors. */
  readonly volume: VolumeChoice | undefined;
}

/** Of a time budget, what the search may take; explaining has the rest. */
const SEARCH_SHARE = 0.7;
const NOTHING_FOUND = { findings: [] as Finding[], flushes: [] as FlushFacts[] };

type Counts = Pick<
  VerdictFacts,
  'sampledPoints' | 'crashPoints' | 'states' | 'possibleStates' | 'distinctImages'
>;

/** Where a run of the workload begins. Throws WorkloadError for what `setup` throws. */
async function startOf<Value>(
  platform: Platform,
  subject: Subject<Value>,
  resolved: Resolved,
): Promise<RunStart> {
  const { setup } = subject;
  const guarded =
    setup &&
    (async (machine: Machine) => {
      try {
        await setup(machine);
      } catch (error) {
        throw new WorkloadError('setup', error);
      }
    });
  const base = await makeBase(platform, resolved.config, guarded);
  return { platform, config: resolved.workloadConfig, imageConfig: resolved.config, base };
}

/** Records the workload, twice. Throws WorkloadError. */
async function recordTwice<Value>(
  start: RunStart,
  subject: Subject<Value>,
): Promise<{ run: RecordedWorkload<Value>; difference: string | undefined }> {
  const run = await record(start, subject.workload);
  if (run.thrown !== undefined) throw new WorkloadError('workload', run.thrown.error);
  const again = await record(start, subject.workload);
  return { run, difference: differingRuns(run, again) };
}

class Exploration<Value> {
  readonly #platform: Platform;
  readonly #subject: Subject<Value>;
  readonly #options: ExploreCommon;
  readonly #resolved: Resolved;
  readonly #startMs = performance.now();

  constructor(platform: Platform, subject: Subject<Value>, options: ExploreCommon) {
    this.#platform = platform;
    this.#subject = subject;
    this.#options = options;
    this.#resolved = resolveExplore(options, subject.volume);
  }

  async run(): Promise<Verdict> {
    const { signal, onProgress, budget } = this.#options;
    onProgress?.({ phase: 'record', done: 0, total: 2, failed: 0 });
    const start = await startOf(this.#platform, this.#subject, this.#resolved);
    const { run, difference } = await recordTwice(start, this.#subject);
    if (difference !== undefined) return this.#verdict(run, { verdict: 'harnessBroken', reason: difference });
    const machines = await this.#machines();
    const broken = await this.#failureAtEnd(run, machines);
    if (broken !== undefined)
      return this.#verdict(run, { verdict: 'harnessBroken', reason: brokenBy(broken) });
    const pace = new Pace({
      signal,
      onProgress,
      seconds: budget?.seconds === undefined ? undefined : budget.seconds * SEARCH_SHARE,
    });
    return this.#search(run, this.#levels(run, machines), pace);
  }

  /** Records the workload, and goes to the image of a recipe. */
  async rerun(recipe: Recipe): Promise<Rerun> {
    const start = await startOf(this.#platform, this.#subject, this.#resolved);
    const run = await record(start, this.#subject.workload);
    if (run.thrown !== undefined) throw new WorkloadError('workload', run.thrown.error);
    return replayRecipe(recipe, this.#levels(run, await this.#machines()));
  }

  #machines(): Promise<ImageMachine> {
    return ImageMachine.prepare(this.#platform, this.#resolved.config, { adorn: this.#subject.adorn });
  }

  #levels(run: RecordedWorkload<Value>, machines: ImageMachine): ExploreLevels<Value> {
    const { recover, adorn } = this.#subject;
    const [platform, resolved] = [this.#platform, this.#resolved];
    return new ExploreLevels({ platform, recover, resolved, run, machines, adorn });
  }

  /** The check on what the run leaves without a crash. */
  async #failureAtEnd(run: RecordedWorkload<Value>, machines: ImageMachine): Promise<Failure | undefined> {
    const judge = new RecoveryJudge<Value>({
      machines,
      recover: this.#subject.recover,
      promises: new PromiseRange(run.recording.promises),
      crash: 'none',
      timeoutMs: this.#resolved.timeoutMs,
    });
    const always = Number.POSITIVE_INFINITY;
    return (await judge.judgeMemory(run.end, always, always)).failure;
  }

  async #search(run: RecordedWorkload<Value>, levels: ExploreLevels<Value>, pace: Pace): Promise<Verdict> {
    const { images, findings, alike, depth } = this.#resolved;
    const tally: SearchTally = {
      checked: 0,
      recoveryImages: 0,
      failures: [],
      keys: new Set(),
      stopped: undefined,
      sampled: 0,
    };
    const counts = { sampledPoints: 0, crashPoints: 0, states: 0, possibleStates: 0, distinctImages: 0 };
    for (const crash of this.#resolved.kinds) {
      // another kind of crash may fail in another way
      if (tally.stopped !== undefined && tally.stopped !== 'alike') break;
      const level = await levels.workload(crash);
      const set = new ImageSet(level.explorer, levels.promises, crash);
      await searchImages(
        { level, images: set, limits: { images, findings, alike }, pace, levels, depth },
        tally,
      );
      addCounts(counts, set);
    }
    const sampledPoints = counts.sampledPoints + tally.sampled;
    const explained = await this.#explain(run, levels, tally);
    const reason = unmeasured(run, {
      isPossible: counts.possibleStates > counts.crashPoints || isOnlyProcess(this.#resolved.kinds),
      needsFlush: this.#needsFlush(),
      checked: tally.checked,
    });
    const verdict =
      tally.failures.length > 0 ? 'violated' : reason === undefined ? 'survived' : 'notMeasured';
    return this.#verdict(run, {
      ...counts,
      ...explained,
      sampledPoints,
      verdict,
      reason: verdict === 'notMeasured' ? reason : undefined,
      exhaustive: sampledPoints === 0 && tally.stopped === undefined,
      checkedImages: tally.checked,
      failedImages: tally.failures.length,
      recoveryImages: tally.recoveryImages,
      stopped: tally.stopped,
    });
  }

  /** Something is only durable after a flush. */
  #needsFlush(): boolean {
    const { kinds, model } = this.#resolved;
    if (isOnlyProcess(kinds)) return false;
    const { volatileWrites, powerLossProtection } = model.drive;
    return isEarly(model.profile) || (volatileWrites !== 0 && powerLossProtection !== true);
  }

  async #explain(
    run: RecordedWorkload<Value>,
    levels: ExploreLevels<Value>,
    { failures, stopped }: SearchTally,
  ): Promise<typeof NOTHING_FOUND> {
    const { explain = true, flushes = true, signal, onProgress, budget } = this.#options;
    const seconds = budget?.seconds ?? Number.POSITIVE_INFINITY;
    const ends = {
      deadlineMs: this.#startMs + seconds * 1000,
      ...(signal === undefined ? {} : { signal }),
    };
    if (failures.length === 0) {
      if (!flushes || stopped !== undefined) return NOTHING_FOUND;
      const tell = (done: number, total: number) =>
        onProgress?.({ phase: 'flushes', done, total, failed: 0 });
      const known = await Promise.all(this.#resolved.kinds.map((crash) => levels.workload(crash)));
      return { findings: [], flushes: await testFlushes(known, { ...ends, onProgress: tell }) };
    }
    const shared = { kind: this.#subject.kind, options: this.#recipeOptions() };
    const failed = failures.length;
    const found = explain
      ? await explainFailures(failures, {
          ...ends,
          ...shared,
          levels,
          maxFindings: this.#resolved.findings,
          onProgress: (phase, done, total) => onProgress?.({ phase, done, total, failed }),
        })
      : [];
    if (found.length > 0) return { findings: found, flushes: [] };
    const plain = plainFindings(failures, { ...shared, sectorlab: VERSION, recording: run.recording });
    return { findings: plain, flushes: [] };
  }

  /** What a recipe says of the run. */
  #recipeOptions(): Recipe['options'] {
    const { drive, machine, tearing, unit, model } = this.#options;
    const { volume } = this.#subject;
    const given = { drive, machine, tearing, unit, model, ...volume, seed: this.#resolved.seed };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  }

  #verdict(
    run: RecordedWorkload<Value>,
    facts: Partial<VerdictFacts> & Pick<VerdictFacts, 'verdict'>,
  ): Verdict {
    const acknowledged = run.recording.promises.filter((one) => one.acknowledged !== undefined).length;
    return new Verdict({
      reason: undefined,
      exhaustive: false,
      sampledPoints: 0,
      crashPoints: 0,
      states: 0,
      possibleStates: 0,
      distinctImages: 0,
      checkedImages: 0,
      failedImages: 0,
      recoveryImages: 0,
      stopped: undefined,
      ...NOTHING_FOUND,
      acknowledged,
      seed: this.#resolved.seed,
      elapsedMs: performance.now() - this.#startMs,
      ...facts,
    });
  }
}

function isOnlyProcess(kinds: readonly CrashKind[]): boolean {
  return kinds.every((kind) => kind === 'process');
}

function addCounts<Value>(counts: { -readonly [Name in keyof Counts]: number }, set: ImageSet<Value>): void {
  counts.crashPoints += set.explorer.points().length;
  counts.states += set.states;
  counts.possibleStates += set.possibleStates;
  counts.distinctImages += set.count;
  counts.sampledPoints += set.sampledPoints;
}

/** Explores a subject on a platform. */
export async function exploreOn<Value>(
  platform: Platform,
  subject: Subject<Value>,
  options: ExploreCommon,
): Promise<Verdict> {
  return new Exploration(platform, subject, options).run();
}

/** Runs a subject again to where a recipe leads. */
export function rerunOn<Value>(
  platform: Platform,
  subject: Subject<Value>,
  options: ExploreCommon,
  recipe: Recipe,
): Promise<Rerun> {
  return new Exploration(platform, subject, options).rerun(recipe);
}
