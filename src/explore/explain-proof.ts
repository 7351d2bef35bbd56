// Proof by repair: the same run with a flush behind the missing write, gone through again.
//
// Verbs: proveByFlush. A flush only takes states away, so what passed without it passes with it: where every image has been judged,
// only those that failed are run again.

import { withFlush } from '../crash/edit-log.ts';
import type { CrashImage } from '../crash/image.ts';
import type { LoggedWrite } from '../crash/log-facts.ts';
import { isRecord } from './explain-words.ts';
import type { Level } from './parts.ts';
import type { Story } from './sentence.ts';
import type { Finding } from './types.ts';

/** States gone through, and images judged, for one flush that is tried. */
const MAX_STATES = 200_000;
const MAX_RUNS = 2000;

/** What a proof need not run again, and when it ends. */
export interface ProofLimits {
  /** The failing images, by hash, where all images of the level were judged. */
  readonly failing?: ReadonlySet<string> | undefined;
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came out with one flush more. */
interface Repair {
  readonly flush: string;
  readonly states: number;
  readonly failed: number;
  readonly exhaustive: boolean;
}

/** The flush that repairs a finding, the narrowest first; undefined when none there does. */
export async function proveByFlush<Value>(
  story: Story<Value>,
  image: string,
  limits: ProofLimits = {},
): Promise<Finding['proof']> {
  const { culprit, shrunk, words } = story;
  const completed = culprit.missing.map((write) => write.completed ?? Number.POSITIVE_INFINITY);
  const afterStep = Math.max(0, ...completed);
  const after = culprit.missing[completed.indexOf(afterStep)];
  if (after === undefined || shrunk.needsTearing || !Number.isFinite(afterStep)) return undefined;
  let best: Repair | undefined;
  for (const domain of domainsOf(culprit.missing, culprit.present)) {
    const repair = await tryFlush(story, after, afterStep, domain, image, limits);
    if (repair !== undefined && (best === undefined || repair.failed < best.failed)) best = repair;
    if (best?.failed === 0) break;
  }
  return best === undefined ? undefined : { ...best, flushAfter: words.facts(after) };
}

/** What to flush: the missing write's file, the present one's, everything. */
function domainsOf(missing: readonly LoggedWrite[], present: readonly LoggedWrite[]): number[] {
  const domains = new Set([...missing, ...present].map(({ domain }) => domain));
  return missing.some(({ domain }) => domain !== missing[0]?.domain) ? [0] : [...new Set([...domains, 0])];
}

async function tryFlush<Value>(
  story: Story<Value>,
  after: LoggedWrite,
  afterStep: number,
  domain: number,
  image: string,
  limits: ProofLimits,
): Promise<Repair | undefined> {
  const { level, shrunk } = story;
  const { key } = shrunk.failure;
  const edited = withFlush(level.recording.log, afterStep, domain, level.options.drive);
  using explorer = await level.open(edited.log);
  const end = edited.toNew(after.durable ?? level.explorer.entryCount);
  const points = explorer.points().filter(({ step, lastStep }) => lastStep >= after.submitted && step < end);
  const images = new Map<string, CrashImage>();
  let isAll = points.every(({ index }) => explorer.count(index).isExhaustive);
  for (const one of explorer.images({ points: points.map(({ index }) => index), newOnly: true })) {
    images.set(one.hash, one);
    if (explorer.states < MAX_STATES && !isOver(limits)) continue;
    isAll = false;
    break;
  }
  const states = explorer.states;
  let failed = 0;
  let runs = 0;
  for (const one of images.values()) {
    if (limits.failing?.has(one.hash) === false) continue;
    if (runs++ >= MAX_RUNS || isOver(limits)) {
      isAll = false;
      break;
    }
    const { failure } = await level.judge.judge(
      explorer.state(one.describe()),
      edited.toOld(one.firstStep),
      edited.toOld(one.lastStep),
    );
    if (failure?.key !== key) continue;
    if (one.hash === image) return undefined;
    failed++;
  }
  return { flush: flushWords(story.level, after, domain), states, failed, exhaustive: isAll };
}

function isOver({ deadlineMs = Number.POSITIVE_INFINITY, signal }: ProofLimits): boolean {
  return performance.now() >= deadlineMs || signal?.aborted === true;
}

/** "an fsync of /log", "an fsync of the directory /", "a flush of everything". */
function flushWords<Value>({ recording }: Level<Value>, after: LoggedWrite, domain: number): string {
  const path = recording.paths.get(domain);
  if (domain === 0 || path === undefined) return 'a flush';
  const call = recording.calls.get(after.tag);
  const isFolder = domain === after.domain && isRecord(after) && call?.path !== path && call?.dest !== path;
  return `an fsync of ${isFolder ? 'the directory ' : ''}${path}`;
}
