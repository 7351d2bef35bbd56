// A failing crash state as a story: what was written, flushed and promised, what of it is there, and the moment of the scene at which it happens.
//
// Verbs: caseOf. A state counts entries of the scene's log; here they become steps of the scene, clients' requests, and the choices of the plug panel.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import type { CrashExplorer } from '../../crash/explorer.ts';
import type { LoggedWrite } from '../../crash/log-facts.ts';
import type { CrashLoss, CrashState } from '../../crash/state.ts';
import type { Finding, Recipe } from '../../explore/types.ts';
import type { UncertainWrite } from '../../uncertain-writes.ts';
import type { LogEntry } from '../../write-log/entries.ts';
import { formatCount } from '../model/describe.ts';
import type { CaseRow, FailingCase } from '../worker/plug-protocol.ts';
import { isWrite, type LedgerRow } from './ledger.ts';
import type { Place } from './places.ts';
import type { RecordedScene } from './recorded-scene.ts';
import { rangeWords, rowWords } from './words.ts';

export interface CaseParts {
  readonly recorded: RecordedScene;
  readonly explorer: CrashExplorer;
  readonly places: ReadonlyMap<string, Place>;
  readonly tearing: number;
  /** The writes of drive 0 that are uncertain behind a step of the scene. */
  readonly uncertainAt: (step: number) => Promise<readonly UncertainWrite[]>;
}

/** What is known of a failing state besides itself. */
export interface CaseFacts {
  readonly recipe: Recipe;
  readonly error: string;
  readonly finding: Finding | undefined;
}

/** Tells a failing state. */
export async function caseOf(parts: CaseParts, { recipe, error, finding }: CaseFacts): Promise<FailingCase> {
  const { recorded, explorer, tearing } = parts;
  const state = recipe.states.at(-1) as CrashState;
  const point = explorer.pointAt(state.step);
  // the last moment of the crash point: all that the check was told to be promised has been by then
  const sceneStep = recorded.lastStepAt(point.lastStep);
  const teller = new CaseTeller(parts, state);
  const missing = teller.wordsOf(explorer.writes.filter(({ index }) => teller.fateOf(index) !== 'kept'));
  const present = (finding?.present ?? []).flatMap(({ write }) => {
    const logged = explorer.writes[write];
    return logged === undefined ? [] : [teller.words(logged)];
  });
  return {
    sentence: sentenceOf(missing, present),
    error: error.replace(/^\w+: /, ''),
    missing,
    present,
    proof: proofOf(finding, explorer, teller),
    rows: teller.rows(),
    images: finding?.images ?? 1,
    recipe,
    sceneStep,
    tearing,
    kept: keptOf(await parts.uncertainAt(sceneStep), explorer.uncertain(point.index), state, tearing),
  };
}

function sentenceOf(missing: readonly string[], present: readonly string[]): string {
  const lost = missing.length === 0 ? 'nothing' : missing.join(' and ');
  if (present.length === 0)
    return `${capital(lost)} can be missing after a power cut, although durability had been promised.`;
  return `${capital(present.join(' and '))} can reach the media while ${lost} has not: nothing makes sure of the order.`;
}

function proofOf(
  finding: Finding | undefined,
  explorer: CrashExplorer,
  teller: CaseTeller,
): string | undefined {
  const proof = finding?.proof;
  const write = proof && explorer.writes[proof.flushAfter.write];
  if (proof === undefined || write === undefined) return undefined;
  const extent = proof.exhaustive
    ? `all ${formatCount(proof.states)} states`
    : `${formatCount(proof.states)} states of a sample`;
  const result = proof.failed === 0 ? 'are good' : `leave ${formatCount(proof.failed)} bad ones of this kind`;
  return `With a flush right behind ${teller.words(write)}, ${extent} ${result}.`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

class CaseTeller {
  readonly #parts: CaseParts;
  readonly #state: CrashState;
  readonly #losses = new Map<number, CrashLoss[]>();

  constructor(parts: CaseParts, state: CrashState) {
    this.#parts = parts;
    this.#state = state;
    for (const loss of state.losses)
      this.#losses.set(loss.write, [...(this.#losses.get(loss.write) ?? []), loss]);
  }

  fateOf(index: number): 'kept' | 'missing' | 'torn' {
    const losses = this.#losses.get(index);
    if (losses === undefined) return 'kept';
    const lost = losses.reduce((sum, { length }) => sum + length, 0);
    return lost >= (this.#parts.explorer.writes[index]?.length ?? 0) ? 'missing' : 'torn';
  }

  /** Each once, in the order of the log. */
  wordsOf(writes: readonly LoggedWrite[]): string[] {
    return [...new Set(writes.map((write) => this.words(write)))];
  }

  words(write: LoggedWrite): string {
    const { recorded } = this.#parts;
    const row = this.#rowOf(write);
    return row === undefined ? rangeWords(write.offset, write.length) : rowWords(recorded.scene, row);
  }

  /** The newest request of a client that a write of the log brings. */
  #rowOf({ submitted, offset, length }: LoggedWrite): LedgerRow | undefined {
    const { recorded, places } = this.#parts;
    const rows = recorded.ledger.upTo(recorded.sceneStepIn(submitted, submitted));
    return rows.findLast((row) => {
      const place = isWrite(row) ? places.get(row.target) : undefined;
      if (place === undefined) return false;
      const start = place.offsetBytes + row.offsetBytes;
      return start < offset + length && offset < start + row.lengthBytes;
    });
  }

  /** From the last flush before the first missing write to the crash. */
  rows(): CaseRow[] {
    const { recorded, explorer } = this.#parts;
    const { step: crashStep } = this.#state;
    const lastStep = explorer.pointAt(crashStep).lastStep;
    const rows: CaseRow[] = [];
    let writes = 0;
    let step = 0;
    let start = 0;
    const firstLost = Math.min(
      ...this.#state.losses.map(({ write }) => explorer.writes[write]?.submitted ?? 0),
    );
    for (const entry of recorded.log.entries()) {
      step++;
      if (step > lastStep) break;
      const submitted = explorer.writes[writes]?.submitted === step ? explorer.writes[writes] : undefined;
      while (explorer.writes[writes]?.submitted === step) writes++;
      if (entry.kind === 'complete' && entry.operation === 'flush' && step < firstLost) start = rows.length;
      const row = this.#rowOfEntry(entry, step, submitted);
      if (row !== undefined) rows.push(row);
    }
    const crash: CaseRow = {
      step: lastStep,
      kind: 'crash',
      fate: undefined,
      what: 'power cut',
      offset: undefined,
      length: undefined,
    };
    return [...rows.slice(start), crash];
  }

  #rowOfEntry(entry: LogEntry, step: number, write: LoggedWrite | undefined): CaseRow | undefined {
    const plain = { step, fate: undefined, offset: undefined, length: undefined };
    if (entry.kind === 'submit' && write !== undefined)
      return {
        step,
        kind: 'write',
        fate: this.#isDurable(write) ? 'durable' : this.fateOf(write.index),
        what: this.words(write),
        offset: write.offset,
        length: write.length,
      };
    if (entry.kind === 'complete' && entry.operation === 'flush')
      return { ...plain, kind: 'flush', what: entry.result < 0 ? 'a flush fails' : 'flush' };
    if (entry.kind !== 'mark') return undefined;
    const [word, value] = entry.text.split(' ');
    if (word !== 'ack' && word !== 'attempt') return undefined;
    return { ...plain, kind: word, what: this.#promise(word, Number(value)) };
  }

  #isDurable({ durable }: LoggedWrite): boolean {
    return durable !== undefined && durable <= this.#state.step;
  }

  #promise(word: 'ack' | 'attempt', value: number): string {
    const { scene, ledger } = this.#parts.recorded;
    if (scene.check === 'xv6-log')
      return `transaction ${value} ${word === 'ack' ? 'is acknowledged' : 'begins'}`;
    const row = ledger.rows[value];
    return row === undefined ? 'promised' : `${rowWords(scene, row)} has ended: promised`;
  }
}

/**
 * The choices of the plug panel that make a state: one a unit of each uncertain write. Log and machine have the same uncertain
 * writes in the same order; where sectors were written twice, the loss is that of the write in its turn.
 */
function keptOf(
  uncertain: readonly UncertainWrite[],
  logged: readonly LoggedWrite[],
  state: CrashState,
  tearing: number,
): boolean[] {
  const lost = new Set<string>();
  const covering = (offset: number, writes: readonly { start: number; end: number }[]) =>
    writes.flatMap(({ start, end }, index) => (start <= offset && offset < end ? [index] : []));
  const loggedRanges = logged.map(({ offset, length }) => ({ start: offset, end: offset + length }));
  const ranges = uncertain.map(({ sector, sectorCount }) => ({
    start: sector * SECTOR_SIZE,
    end: (sector + sectorCount) * SECTOR_SIZE,
  }));
  for (const loss of state.losses) {
    const place = logged.findIndex(({ index }) => index === loss.write);
    for (let offset = loss.offset; offset < loss.offset + loss.length; offset += SECTOR_SIZE) {
      const rank = covering(offset, loggedRanges).indexOf(place);
      const write = covering(offset, ranges)[rank];
      if (write !== undefined) lost.add(`${write} ${offset}`);
    }
  }
  return uncertain.flatMap(({ choices }, index) => {
    const { start, end } = ranges[index] as { start: number; end: number };
    const unit = choices === 1 || tearing === 0 ? end - start : tearing;
    const first = choices === 1 ? start : Math.floor(start / unit) * unit;
    return Array.from({ length: choices }, (_, choice) => {
      const from = Math.max(start, first + choice * unit);
      return !lost.has(`${index} ${from}`);
    });
  });
}
