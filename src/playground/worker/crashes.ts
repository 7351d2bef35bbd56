// Crashes of what is open in the worker: what a cut leaves, and the run of what is left, which can crash again.
//
// Verbs: cut, boot, runAt, witnessOf, recorded. A crash makes another machine: the one that crashed goes on unharmed.
// Invariant: the same request leaves the same, so that a run is made anew from it whenever its promises are asked for.

import type { CrashOptions } from '../../crash-kinds.ts';
import { StorageError } from '../../errors.ts';
import type { Witness } from '../plug/explore-log.ts';
import { keepLedger, type RecordedScene, recordScene, sceneBytes } from '../plug/recorded-scene.ts';
import { judgeSurvivor } from '../plug/survivor.ts';
import { namedFiles, SurvivorRun } from '../plug/survivor-run.ts';
import { XV6_PARTS } from '../plug/xv6.ts';
import type { Ask } from '../scene/rows.ts';
import type { SceneRun } from '../scene/run.ts';
import type { Scene } from '../scene/types.ts';
import type { Afterlife } from './afterlives.ts';
import type { Bench } from './engine.ts';
import type { Boot, CutRequest, GoesOn, Survivor } from './plug-protocol.ts';
import type { RunPart } from './protocol.ts';
import { Session } from './session.ts';
import { shapeOf } from './shape.ts';

export class Crashes {
  readonly #bench: Bench;
  readonly #recordings = new WeakMap<Session, Promise<RecordedScene>>();
  readonly #witnesses = new WeakMap<Session, Witness>();

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** The open scene, recorded with a log. */
  recorded(): Promise<RecordedScene> {
    const session = this.#bench.session();
    const known = this.#recordings.get(session) ?? recordScene(session.scene, this.#bench.create);
    this.#recordings.set(session, known);
    return known;
  }

  /** The run of the scene, or of what a crash has left, standing behind `step` steps. As Session.at. */
  runAt(step: number, after = 0): SceneRun | SurvivorRun {
    return after === 0 ? this.#bench.session().at(step) : this.#bench.afterlives.get(after).session.at(step);
  }

  /** What was asked for and promised in a run. */
  async witnessOf(after = 0): Promise<Witness> {
    const recorded = await this.recorded();
    if (after === 0) return recorded;
    const afterlife = this.#bench.afterlives.get(after);
    const known = this.#witnesses.get(afterlife.session) ?? testimony(recorded.scene, afterlife);
    this.#witnesses.set(afterlife.session, known);
    return known;
  }

  /** Crashes there, boots what is left, and judges it. */
  async cut(request: CutRequest): Promise<Survivor> {
    const { step, crash, after } = request;
    const witness = await this.witnessOf(after);
    const run = this.runAt(step, after);
    const judged = judgeSurvivor(witness, step, crash, () => run.machine.crash(crash, optionsOf(request)));
    return { ...judged, goesOn: goesOnOf(witness.scene, run, judged) };
  }

  /** Crashes there again, and plays what is left to its end. */
  async boot(request: CutRequest, isGoingOn: boolean): Promise<Boot | undefined> {
    const { step, crash, after = 0 } = request;
    const survivor = await this.cut(request);
    if (crash === 'process' || survivor.refused !== undefined) return undefined;
    const { scene, ledger } = await this.witnessOf(after);
    const round = after === 0 ? 1 : this.#bench.afterlives.get(after).round + 1;
    const again: Afterlife['again'] = (onRest) => {
      const { machine, begunChapter, nextChapter } = this.runAt(step, after);
      const left = machine.crashUnmounted(crash, optionsOf(request));
      const chapter = isGoingOn ? survivor.goesOn?.chapter : undefined;
      const goingOn = { chapter, begunChapter, nextChapter, round, ledger: ledger.after(step) };
      return new SurvivorRun(left, scene, survivor, goingOn, onRest);
    };
    const failures = new Set<string>();
    const parts: RunPart[] = [];
    const run = again((rest) => tellFailures(rest, failures));
    const session = new Session(run, (part) => parts.push(part));
    const number = this.#bench.afterlives.keep({ before: after, session, round, again });
    await session.whole;
    const { machine } = session.at(session.stepCount);
    const shape = shapeOf(run);
    const known = new Set(shape.files.map((file) => file.number));
    const named = survivor.files === undefined ? [] : namedFiles(scene, survivor, machine);
    const files = [...shape.files, ...named.filter((file) => !known.has(file.number))];
    return {
      number,
      scene: run.scene,
      bootCount: run.bootCount,
      refusals: [...run.refusals, ...failures],
      shape: { ...shape, files },
      parts,
    };
  }
}

function optionsOf({ crash, kept, tearing, drive }: CutRequest): CrashOptions {
  return crash === 'power' ? { choose: kept, tearing, drive } : {};
}

/** What was promised by the end of a run behind a crash: what was before it, and what the programs asked for that went on. */
function testimony(scene: Scene, { again, round }: Afterlife): Witness {
  const run = again((rest, stepsBefore) => {
    keepLedger(rest, undefined, { ledger: run.ledger, round, stepsBefore });
  });
  try {
    while (run.step());
  } finally {
    run.machine.close();
  }
  const { ledger, transactionsFound } = run;
  return { scene, ledger, bytesOf: sceneBytes(scene), transactionsBefore: transactionsFound };
}

/** Failures that are told of a run at most. */
const MOST_FAILURES = 8;

/** Has what fails of the rest of a scene told, once for each, with the core's error. */
function tellFailures(rest: SceneRun, failures: Set<string>): void {
  const { clients } = rest.scene;
  const asks = new Map<string, Ask>();
  const tell = (client: number, call: string, result: number, path = clients[client]?.target ?? 'drive0') => {
    if (result >= 0 || failures.size >= MOST_FAILURES) return;
    failures.add(`${clients[client]?.name}: ${new StorageError(call, result, { path }).message}`);
  };
  rest.watch({
    began: (client, ask) => void asks.set(`${client} ${ask.number}`, ask),
    ended: (client, number, result) => tell(client, asks.get(`${client} ${number}`)?.op ?? '', result),
    called: (client, work, result) => tell(client, work.op, result, 'path' in work ? work.path : undefined),
  });
}

/** Of the xv6 log a transaction begins again that recovery has not found; of all else the chapter that was not over. */
function goesOnOf(
  scene: Scene,
  { begunChapter, nextChapter }: SceneRun | SurvivorRun,
  { xv6, refused, crash }: Omit<Survivor, 'goesOn'>,
): GoesOn | undefined {
  if (refused !== undefined || crash === 'process') return undefined;
  const ofTransaction = Math.floor(nextChapter / XV6_PARTS.length);
  const chapter =
    xv6 === undefined ? Math.max(0, nextChapter) : (xv6.transactions ?? ofTransaction) * XV6_PARTS.length;
  return chapter >= scene.chapters.length ? undefined : { chapter, isAgain: chapter <= begunChapter };
}
