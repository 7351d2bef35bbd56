// Findings: what the failing images of a search have in common, each cause shown by its smallest case.
//
// Verbs: explainFailures. Failures with the same key are one group; of each group the smallest is shrunk and explained, and the others are
// counted with it when they pass once the same lines of source have reached the disk. What is left over is shrunk next.
// Invariant: every failing image is counted in one finding at the most.

import type { LoggedWrite } from '../crash/log-facts.ts';
import type { CrashState } from '../crash/state.ts';
import { type Culprit, findCulprit } from './culprit.ts';
import { proveByFlush } from './explain-proof.ts';
import { timelineOf } from './explain-timeline.ts';
import { valueText, Words } from './explain-words.ts';
import type { FoundFailure, Level, Levels } from './parts.ts';
import { recipeOf } from './recipe.ts';
import { recipeFinding } from './recipe-finding.ts';
import { proofText } from './report.ts';
import type { StepRange } from './search-images.ts';
import { type Story, sentenceOf } from './sentence.ts';
import { type Shrunk, shrink } from './shrink.ts';
import { lostOf } from './shrink-ties.ts';
import { imageOf, Trial, type TrialLimits } from './shrink-trial.ts';
import type { Finding, Recipe } from './types.ts';

const DEFAULT_FINDINGS = 8;
/** Other failing images that are run again to see whether a finding stands for them. */
const MAX_COUNTED_RUNS = 300;
/** Failures of one group that are shrunk, however few findings they make. */
const MAX_ROUNDS = 32;
/** States of one image that are looked at for one that fails at its own moment. */
const MAX_STATES = 64;

/** What explaining is given, and when it ends. */
export interface ExplainOptions<Value> {
  readonly levels: Levels<Value>;
  /** What recipes say of the run. */
  readonly kind: Recipe['kind'];
  readonly options: Recipe['options'];
  /** Default 8. */
  readonly maxFindings?: number;
  /** Runs of the check for each finding. Default 2,000. */
  readonly runs?: number;
  /** When it is over, by performance.now(): what is found by then is not made smaller. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: 'shrink' | 'explain', done: number, total: number) => void;
}

/** A finding in the making. */
interface Cause<Value> {
  readonly story: Story<Value>;
  readonly states: readonly CrashState[];
  readonly range: StepRange | undefined;
  readonly image: string;
  images: number;
}

/** Makes findings of failing images, in the order in which they were found. */
export async function explainFailures<Value>(
  failures: readonly FoundFailure[],
  options: ExplainOptions<Value>,
): Promise<Finding[]> {
  const explainer = new Explainer(failures, options);
  const findings: Finding[] = [];
  const causes = await explainer.causes();
  for (const [place, cause] of causes.entries()) {
    options.onProgress?.('explain', place, causes.length);
    findings.push(await explainer.finding(cause));
  }
  return findings;
}

class Explainer<Value> {
  readonly #failures: readonly FoundFailure[];
  readonly #options: ExplainOptions<Value>;
  readonly #causes = new Map<string, Cause<Value>>();

  constructor(failures: readonly FoundFailure[], options: ExplainOptions<Value>) {
    this.#failures = failures;
    this.#options = options;
  }

  async causes(): Promise<Cause<Value>[]> {
    const { maxFindings = DEFAULT_FINDINGS } = this.#options;
    for (const group of groupsOf(this.#failures)) {
      if (this.#causes.size >= maxFindings) break;
      await this.#group(group, maxFindings);
    }
    return [...this.#causes.values()];
  }

  /** Shrinks the smallest failure of a group, takes away what it stands for, and goes on with the rest. */
  async #group(group: readonly FoundFailure[], maxFindings: number): Promise<void> {
    let left = [...group].sort(bySize);
    for (
      let rounds = 0;
      left.length > 0 && rounds < MAX_ROUNDS && this.#causes.size < maxFindings;
      rounds++
    ) {
      const first = left[0] as FoundFailure;
      const level = await this.#levelOf(first);
      const words = new Words(level);
      const { trial, shrunk, culprit, range } = await explained(level, this.#limits(), first);
      const story = { level, words, shrunk, culprit, depth: first.states.length - 1 };
      const counted = await this.#counted(trial, story, left);
      this.#add(story, first, range, counted.size);
      left = left.filter((failure) => !counted.has(failure));
      this.#options.onProgress?.('shrink', group.length - left.length, group.length);
    }
  }

  #limits() {
    const { runs, deadlineMs, signal } = this.#options;
    return {
      ...(runs === undefined ? {} : { runs }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  async #levelOf({ crash, states, firstStep, lastStep }: FoundFailure): Promise<Level<Value>> {
    let level = await this.#options.levels.workload(crash);
    for (const state of states.slice(0, -1))
      level = await this.#options.levels.recovery(level, state, [firstStep, lastStep]);
    return level;
  }

  /** Of some failures those that the finding stands for: the same lines are missing, and with these back they pass. */
  async #counted(
    trial: Trial<Value>,
    story: Story<Value>,
    failures: readonly FoundFailure[],
  ): Promise<Set<FoundFailure>> {
    const [first, ...others] = failures;
    const counted = new Set(first === undefined ? [] : [first]);
    const lines = linesOf(story.words, story.culprit.missing);
    let runs = MAX_COUNTED_RUNS;
    for (const other of others) {
      const isSameLevel = first?.crash === other.crash && sameOuter(first, other);
      if (isSameLevel && runs-- > 0 && !trial.isOver) {
        if (await isSameCause(trial, story, lines, other)) counted.add(other);
      } else counted.add(other);
    }
    return counted;
  }

  #add(story: Story<Value>, failure: FoundFailure, range: StepRange | undefined, images: number): void {
    const { words, culprit, shrunk } = story;
    const key = JSON.stringify([
      shrunk.failure.key,
      story.depth,
      linesOf(words, culprit.missing),
      linesOf(words, culprit.present),
    ]);
    const known = this.#causes.get(key);
    if (known !== undefined) {
      known.images += images;
      return;
    }
    const states = [...failure.states.slice(0, -1), shrunk.state];
    const image = imageOf(story.level, shrunk.state)?.hash ?? failure.hash;
    this.#causes.set(key, { story, states, range, image, images });
  }

  async finding({ story, states, range, image, images }: Cause<Value>): Promise<Finding> {
    const { level, words, shrunk, culprit, depth } = story;
    const { crash } = level;
    const workload = await this.#options.levels.workload(crash);
    const { kind, options, deadlineMs, signal } = this.#options;
    const finding: Omit<Finding, 'recipe'> = {
      sentence: sentenceOf(story),
      error: `${shrunk.failure.name}: ${shrunk.failure.message}`,
      errorStack: shrunk.failure.stack,
      missing: culprit.missing.map((write) => words.facts(write)),
      present: culprit.present.map((write) => words.facts(write)),
      lost: culprit.lost === undefined ? undefined : valueText(culprit.lost.value),
      crash,
      crashPoint: crashPointOf(level, words, shrunk),
      depth,
      needsTearing: shrunk.needsTearing,
      proof: await proveByFlush(story, image, { deadlineMs, signal }),
      timeline: timelineOf(level, words, shrunk),
      images,
    };
    const recipe = recipeOf({
      kind,
      crash,
      options,
      log: workload.recording.hash,
      states,
      ...(range === undefined ? {} : { range }),
      image,
      finding: recipeFinding(finding, proofText(finding)),
    });
    return { ...finding, recipe };
  }
}

/** Failures with one key at one depth, in the order in which they were found. */
function groupsOf(failures: readonly FoundFailure[]): FoundFailure[][] {
  const groups = new Map<string, FoundFailure[]>();
  for (const failure of failures) {
    const key = `${failure.states.length} ${failure.failure.key}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [failure]);
    else group.push(failure);
  }
  return [...groups.values()];
}

function lossesOf({ states }: FoundFailure): number {
  return states.reduce((sum, { losses }) => sum + losses.length, 0);
}

function bySize(left: FoundFailure, right: FoundFailure): number {
  return lossesOf(left) - lossesOf(right) || left.firstStep - right.firstStep;
}

function sameOuter(left: FoundFailure, right: FoundFailure): boolean {
  return JSON.stringify(left.states.slice(0, -1)) === JSON.stringify(right.states.slice(0, -1));
}

/** What tells causes from each other: lines of source, or calls where there are none. */
function linesOf<Value>(words: Words<Value>, writes: readonly LoggedWrite[]): string[] {
  return [...new Set(writes.map((write) => lineKey(words, write)))].sort();
}

function lineKey<Value>(words: Words<Value>, write: LoggedWrite): string {
  return words.line(write) || words.call(write.tag)?.text || `write ${write.index}`;
}

/** A failure made small, and who is to blame. */
interface Explained<Value> {
  readonly trial: Trial<Value>;
  readonly shrunk: Shrunk;
  readonly culprit: Culprit<Value>;
  /** The steps for which the check was made, where these are not those of the crash point. */
  readonly range: StepRange | undefined;
}

/** Shrinks a failure and finds its culprits: at a moment of its own, or else over all its moments. One that fails at neither is left as it is. */
async function explained<Value>(
  level: Level<Value>,
  limits: TrialLimits,
  found: FoundFailure,
): Promise<Explained<Value>> {
  const narrow = new Trial(level, limits);
  for (const trial of [narrow, new Trial(level, limits, true)]) {
    const state = await failingState(trial, found);
    const shrunk = state === undefined ? undefined : await shrink(trial, state, found.failure.key);
    if (shrunk === undefined) continue;
    return { trial, shrunk, culprit: await findCulprit(trial, shrunk), range: rangeOf(trial, shrunk, found) };
  }
  const given = found.states.at(-1) as CrashState;
  const lost = lostOf(given.losses);
  const { writes } = level.explorer;
  const missing = [...lost.keys()].map((index) => writes[index] as LoggedWrite);
  return {
    trial: narrow,
    shrunk: {
      point: narrow.pointAt(given.step),
      state: given,
      lost,
      failure: found.failure,
      needsTearing: false,
      isMinimal: false,
    },
    culprit: { missing, present: [], lost: undefined },
    range: [found.firstStep, found.lastStep],
  };
}

/** Of a crash during recovery, the steps of the workload; of one that fails over several moments, these. */
function rangeOf<Value>(
  trial: Trial<Value>,
  { state }: Shrunk,
  { states, firstStep, lastStep }: FoundFailure,
): StepRange | undefined {
  if (states.length > 1) return [firstStep, lastStep];
  const image = trial.isWide ? imageOf(trial.level, state) : undefined;
  return image && trial.rangeOf(image);
}

/** Of the states that have the bytes of a failing image the first that fails at its own moment. */
async function failingState<Value>(
  trial: Trial<Value>,
  found: FoundFailure,
): Promise<CrashState | undefined> {
  const given = found.states.at(-1) as CrashState;
  const states = [...statesOf(trial.level, given)];
  // over all moments, the last is where the most is missing that was promised
  if (trial.isWide) states.sort((left, right) => right.step - left.step);
  for (const state of states) {
    const outcome = await trial.outcomeOf(state);
    if (outcome?.failure?.key === found.failure.key) return state;
  }
  return undefined;
}

/** The states with the same bytes as this one, itself first: at other moments other promises hold. */
function* statesOf<Value>(level: Level<Value>, state: CrashState): Generator<CrashState> {
  yield state;
  const index = imageOf(level, state)?.index;
  if (index === undefined) return;
  const others = level.explorer
    .statesOf(index)
    .sort((left, right) => left.losses.length - right.losses.length);
  yield* others.slice(0, MAX_STATES);
}

/** The same lines are missing, and once they are there it passes; or nothing is missing in either. */
async function isSameCause<Value>(
  trial: Trial<Value>,
  { words, shrunk }: Story<Value>,
  lines: readonly string[],
  other: FoundFailure,
): Promise<boolean> {
  const state = await failingState(trial, other);
  if (state === undefined) return false;
  const lost = lostOf(state.losses);
  const { writes } = trial.level.explorer;
  const back = [...lost].filter(([index]) => !lines.includes(lineKey(words, writes[index] as LoggedWrite)));
  if (lines.length > 0 && back.length === lost.size) return false;
  const point = trial.pointAt(state.step);
  const outcome = await trial.outcome(point, lines.length === 0 ? new Map() : new Map(back));
  const isFailing = outcome?.failure?.key === shrunk.failure.key;
  return lines.length === 0 ? isFailing : !isFailing;
}

function crashPointOf<Value>(
  level: Level<Value>,
  words: Words<Value>,
  { point }: Shrunk,
): Finding['crashPoint'] {
  const write = level.explorer.writes.findLast(({ submitted }) => submitted <= point.step);
  const flush = words.flushes.findLast(({ completed }) => completed !== undefined && completed <= point.step);
  const isFlush = (flush?.completed ?? 0) > (write?.submitted ?? 0);
  const tag = (isFlush ? flush?.tag : write?.tag) ?? 0;
  const { promises } = level.recording;
  return {
    step: point.step,
    lastStep: point.lastStep,
    after: words.call(tag)?.text ?? '',
    acknowledged: promises.filter(
      ({ acknowledged = Number.POSITIVE_INFINITY }) => acknowledged <= point.lastStep,
    ).length,
    attempted: promises.filter(({ attempted }) => attempted <= point.step).length,
  };
}
