// Proof by repair: the same run with a flush behind the missing write, gone through again.
//
// Verbs: proveByFlush. Only the crash points are gone through at which the write could be missing.

import { withFlush } from '../crash/edit-log.ts';
import type { CrashImage } from '../crash/image.ts';
import type { LoggedWrite } from '../crash/log-facts.ts';
import { failureAt } from './explain-moments.ts';
import type { Story } from './sentence.ts';
import type { Finding } from './types.ts';

/** States gone through, and images judged, for one flush that is tried. */
const MAX_STATES = 65_536;
const MAX_RUNS = 2_048;

/** When a proof ends. */
export interface ProofLimits {
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
  const after = culprit.missing.at(-1);
  if (after === undefined || shrunk.needsTearing) return undefined;
  const afterStep = Math.max(...culprit.missing.map((write) => endOf(story, write)));
  if (!Number.isFinite(afterStep)) return undefined;
  let best: Repair | undefined;
  for (const domain of domainsOf(culprit.missing, culprit.present)) {
    const repair = await tryFlush(story, after, afterStep, domain, image, limits);
    if (repair !== undefined && (best === undefined || repair.failed === 0)) best = repair;
    if (best?.failed === 0) break;
  }
  return best === undefined ? undefined : { ...best, flushAfter: words.facts(after) };
}

/** The step at which the call that made a write has nothing more in flight: a program can not flush sooner. */
function endOf<Value>({ words }: Story<Value>, write: LoggedWrite): number {
  return Math.max(...words.ofCall(write).map(({ completed = Number.POSITIVE_INFINITY }) => completed));
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
  const edited = withFlush(level.recording.log, afterStep, domain, level.options.drive);
  // what was promised at the step of the flush is promised only when it is complete
  const toOld = (step: number) =>
    step >= afterStep && step < edited.step ? afterStep - 0.5 : edited.toOld(step);
  using explorer = await level.open(edited.log);
  const end = edited.toNew(after.durable ?? level.explorer.entryCount);
  const points = explorer
    .points()
    .filter(({ step, lastStep }) => lastStep >= after.submitted && step < end)
    .map(({ index }) => index);
  const images: CrashImage[] = [];
  let isAll = points.every((point) => explorer.count(point).isExhaustive);
  for (const one of explorer.images({ points, newOnly: true })) {
    images.push(one);
    if (explorer.states < MAX_STATES && !isOver(limits)) continue;
    isAll = false;
    break;
  }
  const { states } = explorer;
  const failing = new Set<string>();
  for (const [runs, one] of images.entries()) {
    if (runs >= MAX_RUNS || isOver(limits)) {
      isAll = false;
      break;
    }
    const key = (await failureAt(level, explorer, one, toOld))?.key;
    if (key !== shrunk.failure.key) continue;
    if (one.hash === image) return undefined;
    failing.add(one.hash);
  }
  return { flush: flushWords(story, after, domain), states, failed: failing.size, exhaustive: isAll };
}

function isOver({ deadlineMs = Number.POSITIVE_INFINITY, signal }: ProofLimits): boolean {
  return performance.now() >= deadlineMs || signal?.aborted === true;
}

/** "an fsync of /log", "an fsync of the directory /", "a flush". */
function flushWords<Value>({ level, words }: Story<Value>, after: LoggedWrite, domain: number): string {
  const folder = words.folderOf(after);
  if (domain === after.domain && folder !== undefined) return `an fsync of the directory ${folder}`;
  const own = domain === after.domain ? words.call(after.tag)?.path : undefined;
  const path = own ?? level.recording.paths.get(domain);
  return domain === 0 || path === undefined ? 'a flush' : `an fsync of ${path}`;
}
