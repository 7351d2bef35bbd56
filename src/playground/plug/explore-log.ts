// Every state that a power cut may leave of a scene, at one moment or at all of them, each judged by what the scene was promised.
//
// Verbs: exploreLog. The states come from CrashExplorer; an image is judged once for each set of promises. Long searches give way to other
// work, tell how far they are, and stop when asked to.

import type { CrashExplorer } from '../../crash/explorer.ts';
import type { CrashImage } from '../../crash/image.ts';
import type { CrashModel } from '../../crash/options.ts';
import type { Scene } from '../scene/types.ts';
import type { Tally } from '../worker/plug-protocol.ts';
import { type BytesOf, judgeSectors } from './judge.ts';
import { type Ledger, type LedgerRow, promisedWrites } from './ledger.ts';
import { driveReader, type Place } from './places.ts';
import { nextTurn, type RecordedScene } from './recorded-scene.ts';
import { partOf, recoverXv6, transactionOf } from './xv6.ts';

/** What one state came to. */
export type StateOutcome = 'good' | 'halves' | 'lost';

export interface LogSearch {
  readonly explorer: CrashExplorer;
  readonly recorded: RecordedScene;
  readonly places: ReadonlyMap<string, Place>;
  /** Indexes of crash points. Default: all. */
  readonly points?: readonly number[];
  /** The step of the scene whose promises count. Default: for each crash point the last one. */
  readonly atStep?: number;
  readonly onProgress?: (tally: Tally) => void;
  readonly isStopped?: () => boolean;
}

const TURN_MS = 20;
const REPORT_MS = 100;
/** Promises at the last step of a crash point, and what was begun by then. */
interface Moment {
  readonly rows: readonly LedgerRow[];
  readonly promised: ReadonlySet<number>;
  /** Transactions of the xv6 log that have ended. */
  readonly transactions: number;
  /** The same for moments with the same promises. */
  readonly key: string;
}

/** What was asked for and promised in a run. */
export interface Witness {
  readonly scene: Scene;
  readonly ledger: Ledger;
  readonly bytesOf: BytesOf;
  /** Of the xv6 log, the transactions that a recovery has found before the run began. Default 0. */
  readonly transactionsBefore?: number;
}

/** The promises behind `step` steps of a run. */
export function momentAt(recorded: Witness, step: number): Moment {
  const rows = recorded.ledger.upTo(step);
  const promised = promisedWrites(rows);
  const transactions = transactionsDone(recorded, rows);
  return { rows, promised, transactions, key: `${rows.length} ${promised.size} ${transactions}` };
}

/** Transactions whose last request has ended well, and those before them. */
function transactionsDone({ scene, transactionsBefore = 0 }: Witness, rows: readonly LedgerRow[]): number {
  if (scene.check !== 'xv6-log') return 0;
  const isLast = ({ chapter, request }: LedgerRow): boolean =>
    partOf({ chapter }) === 'clear' && request + 1 === scene.chapters[chapter]?.work.length;
  const done = rows.filter((row) => isLast(row) && (row.ended?.result ?? -1) >= 0);
  return Math.max(transactionsBefore, ...done.map((row) => transactionOf(row) + 1));
}

function outcomeOf(image: CrashImage, moment: Moment, { recorded, places, drive }: JudgeParts): StateOutcome {
  const read = driveReader(places, (index, offset, length) =>
    index === drive ? image.read(offset, length) : new Uint8Array(length),
  );
  if (recorded.scene.check === 'xv6-log') {
    const { transactions } = recoverXv6(moment.rows, recorded.bytesOf, read);
    if (transactions === undefined) return 'halves';
    return transactions < moment.transactions ? 'lost' : 'good';
  }
  const { promisedLost } = judgeSectors(moment.rows, recorded.bytesOf, read, moment.promised);
  return promisedLost > 0 ? 'lost' : 'good';
}

interface JudgeParts {
  readonly recorded: RecordedScene;
  readonly places: ReadonlyMap<string, Place>;
  readonly drive: number;
}

/** The crash model of a drive of the scene, as explore has it. */
export function modelOf(recorded: RecordedScene, tearing: number): CrashModel {
  const { volatileWrites, powerLossProtection, promises = [] } = recorded.scene.machine.drives?.[0] ?? {};
  const hasCache = volatileWrites !== 0 && powerLossProtection !== true;
  return {
    device: hasCache ? 'volatile' : 'noCache',
    promises,
    ...(tearing === 0 ? { tearing: 'none' } : { tearing: 'units', unit: tearing }),
  };
}

/** Goes through the states of crash points. */
export async function exploreLog(search: LogSearch): Promise<Tally> {
  const { explorer, recorded, places, onProgress, isStopped } = search;
  const points = search.points ?? explorer.points().map(({ index }) => index);
  const startMs = performance.now();
  const moments = new Map(
    points.map((index) => {
      const { lastStep } = explorer.points()[index] as { lastStep: number };
      return [index, momentAt(recorded, search.atStep ?? recorded.lastStepAt(lastStep))];
    }),
  );
  const outcomes = new Map<string, StateOutcome>();
  const badImages = new Set<number>();
  const count = { good: 0, halves: 0, lost: 0 };
  let isCut = false;
  const possibleStates = points.reduce((sum, index) => sum + explorer.count(index).states, 0);
  const isCounted = points.every((index) => explorer.count(index).isExhaustive);
  const tally = (isOver: boolean): Tally => ({
    states: count.good + count.halves + count.lost,
    possibleStates,
    distinctImages: explorer.distinct,
    halves: count.halves,
    lost: count.lost,
    badImages: badImages.size,
    isExhaustive: isOver && isCounted && !isCut,
    elapsedMs: performance.now() - startMs,
  });
  let turnMs = startMs;
  let reportMs = startMs;
  for (const image of explorer.images({ points })) {
    const moment = moments.get(image.point.index) as Moment;
    const key = `${image.index} ${moment.key}`;
    const outcome = outcomes.get(key) ?? outcomeOf(image, moment, { recorded, places, drive: 0 });
    outcomes.set(key, outcome);
    count[outcome]++;
    if (outcome !== 'good') {
      badImages.add(image.index ?? -1);
    }
    const now = performance.now();
    if (now - turnMs < TURN_MS) continue;
    if (now - reportMs >= REPORT_MS) {
      onProgress?.(tally(false));
      reportMs = now;
    }
    await nextTurn();
    turnMs = performance.now();
    isCut = isStopped?.() === true;
    if (isCut) break;
  }
  return tally(true);
}
