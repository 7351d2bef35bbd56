// Crashes in the worker: what is at stake, what a cut leaves, what all cuts leave.
//
// Verbs: makePlug. The open scene's machine stands at a step and is never harmed: a crash makes another machine, searches play the scene anew with a write log.
// Invariant: one search runs at a time; a new one, or stopSearch, ends the one before.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { CrashExplorer } from '../../crash/explorer.ts';
import { exploreSectors, rerunSectors } from '../../explore/explore-entries.ts';
import type { Platform } from '../../platform.ts';
import type { UncertainWrite } from '../../uncertain-writes.ts';
import { exploreLog, modelOf } from '../plug/explore-log.ts';
import { type CaseFacts, caseOf } from '../plug/failing-case.ts';
import { isWrite, type LedgerRow, promisedWrites } from '../plug/ledger.ts';
import { type Place, placesOf } from '../plug/places.ts';
import { type RecordedScene, recordScene } from '../plug/recorded-scene.ts';
import { sceneSubject, whyNotExplored } from '../plug/scene-subject.ts';
import { openScene } from '../scene/run.ts';
import type { Scene } from '../scene/types.ts';
import { FLUSH_ROWS, xv6Scene } from '../scenes/xv6-log.ts';
import { Crashes } from './crashes.ts';
import type { Bench } from './engine.ts';
import type { FailingCase, PlugEngine, StakeWrite } from './plug-protocol.ts';

/** Images that an exploration in the page checks at most, seconds it may take, and failures it explains. */
const BUDGET = { images: 20_000, sample: 2048, seconds: 120 };
const MOST_FINDINGS = 4;
/** An explorer in the page has less memory than one in Node. */
const LIMITS = { images: 65_536, visits: 65_536, payload: '4MiB' } as const;

/** The calls about crashes, on what is open in the worker. */
export function makePlug(bench: Bench): PlugEngine {
  let search = new AbortController();
  const platform: Platform = {
    core: bench.module,
    openImages: () => Promise.reject(new Error('there are no image files in a page')),
  };
  const crashes = new Crashes(bench);
  const begin = (): AbortSignal => {
    search.abort();
    search = new AbortController();
    return search.signal;
  };
  const explorerOf = (recorded: RecordedScene, tearing: number): Promise<CrashExplorer> =>
    CrashExplorer.on(platform, {
      log: recorded.log,
      size: recorded.scene.machine.drives?.[0]?.size ?? '64MiB',
      model: modelOf(recorded, tearing),
      seed: recorded.scene.machine.seed ?? 1,
      limits: LIMITS,
    });

  return {
    async stake(step, drive, tearing, after = 0) {
      const { scene, ledger } = await crashes.witnessOf(after);
      const { machine } = crashes.runAt(step, after);
      const rows = ledger.upTo(step);
      const places = placesOf(scene);
      const counts = Array.from(
        { length: machine.driveCount },
        (_, index) => machine.uncertainWrites(index).length,
      );
      return {
        after,
        step,
        drive,
        tearing,
        writes: machine
          .uncertainWrites(drive, tearing)
          .map((write) => stakeWrite(write, drive, rows, places)),
        driveCounts: counts,
        dirtyPages: machine.counters.cache.nrDirty,
        rows,
        promised: [...promisedWrites(rows)],
        refusal: undefined,
      };
    },

    cut: (request) => crashes.cut(request),
    boot: (request, goesOn = false) => crashes.boot(request, goesOn),

    async exploreMoment(step, tearing, onProgress) {
      const session = bench.session();
      refuse(session.scene);
      const signal = begin();
      const recorded = await crashes.recorded();
      using explorer = await explorerOf(recorded, tearing);
      const { index } = explorer.pointAt(recorded.logStepAt(step));
      return await exploreLog({
        explorer,
        recorded,
        places: placesOf(session.scene),
        points: [index],
        atStep: step,
        onProgress,
        isStopped: () => signal.aborted,
      });
    },

    async exploreScene(scene, tearing, onProgress) {
      refuse(scene);
      const signal = begin();
      const subject = sceneSubject(scene);
      const verdict = await exploreSectors(platform, {
        ...subject.options,
        ...(tearing === 0 ? { tearing: 'none' } : { tearing: 'units', unit: tearing }),
        flushes: false,
        budget: BUDGET,
        maxFindings: MOST_FINDINGS,
        signal,
        onProgress,
      });
      const facts = verdict.findings.map(({ recipe, error }, index) => ({
        recipe,
        error,
        finding: verdict.findings[index],
      }));
      return {
        verdict: verdict.verdict,
        reason: verdict.reason,
        exhaustive: verdict.exhaustive,
        isCut: verdict.stopped !== undefined,
        states: verdict.states,
        crashPoints: verdict.crashPoints,
        distinctImages: verdict.distinctImages,
        checkedImages: verdict.checkedImages,
        failedImages: verdict.failedImages,
        cases: await tell(subject.recorded(), tearing, facts),
        elapsedMs: verdict.elapsedMs,
      };
    },

    async flushTable(transactions, tearing, onRow) {
      const signal = begin();
      for (const flushes of FLUSH_ROWS) {
        if (signal.aborted) return;
        const scene = xv6Scene(flushes, transactions);
        const recorded = await recordScene(scene, bench.create);
        using explorer = await explorerOf(recorded, tearing);
        const tally = await exploreLog({
          explorer,
          recorded,
          places: placesOf(scene),
          isStopped: () => signal.aborted,
        });
        onRow({ flushes, tearing, tally });
      }
    },

    async followRecipe(scene, recipe) {
      refuse(scene);
      const subject = sceneSubject(scene);
      const { error } = await rerunSectors(platform, recipe, subject.options);
      const tearing = tearingOf(recipe.options);
      const facts = { recipe, error: error ?? 'the check passes by now', finding: undefined };
      const [told] = await tell(subject.recorded(), tearing, [facts]);
      return told as FailingCase;
    },

    async stopSearch() {
      search.abort();
    },
  };

  /** Tells failing states by the log in which their steps count. */
  async function tell(
    recorded: RecordedScene,
    tearing: number,
    facts: readonly CaseFacts[],
  ): Promise<FailingCase[]> {
    if (facts.length === 0) return [];
    using explorer = await explorerOf(recorded, tearing);
    const parts = {
      recorded,
      explorer,
      places: placesOf(recorded.scene),
      tearing,
      uncertainAt: (step: number) => uncertainAt(recorded.scene, step, tearing),
    };
    const cases: FailingCase[] = [];
    for (const one of facts) cases.push(await caseOf(parts, one));
    return cases;
  }

  async function uncertainAt(
    scene: Scene,
    step: number,
    tearing: number,
  ): Promise<readonly UncertainWrite[]> {
    const run = await openScene(scene, bench.create);
    try {
      while (run.stepCount < step && run.step());
      return run.machine.uncertainWrites(0, tearing);
    } finally {
      run.machine.close();
    }
  }
}

function refuse(scene: Scene): void {
  const reason = whyNotExplored(scene);
  if (reason !== undefined) throw new Error(reason);
}

/** The tearing unit that a recipe's run had. */
function tearingOf({ tearing, unit }: Readonly<Record<string, unknown>>): number {
  if (tearing === 'none') return 0;
  return typeof unit === 'number' ? unit : SECTOR_SIZE;
}

function stakeWrite(
  { id, operation, sector, sectorCount, isCompleted, choices }: UncertainWrite,
  drive: number,
  rows: readonly LedgerRow[],
  places: ReadonlyMap<string, Place>,
): StakeWrite {
  const [from, to] = [sector * SECTOR_SIZE, (sector + sectorCount) * SECTOR_SIZE];
  const isUnder = (row: LedgerRow): boolean => {
    const place = isWrite(row) ? places.get(row.target) : undefined;
    if (place === undefined || place.drive !== drive) return false;
    const start = place.offsetBytes + row.offsetBytes;
    return start < to && from < start + row.lengthBytes;
  };
  const touched = rows.filter(isUnder).map(({ index }) => index);
  return { id, operation, sector, sectorCount, isCompleted, choices, rows: touched };
}
