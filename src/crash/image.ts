// One crash image: what a crash may leave of a drive, and how it came to be.
//
// Verbs: read, memory, describe. Invariant: its bytes are those of its state, also when others were built since.

import type { SparseMemory } from '../backing/sparse-memory.ts';
import type { CrashExplorer } from './explorer.ts';
import type { CrashPoint, LoggedWrite } from './log-facts.ts';
import type { CrashLoss, CrashState } from './state.ts';

/** What the explorer tells an image. */
export interface CrashImageSource {
  readonly hash: string;
  /** Number of the distinct image; undefined for one that was built by its state and did not come before. */
  readonly index: number | undefined;
  readonly isNew: boolean;
  readonly point: CrashPoint;
  readonly describe: () => CrashState;
  readonly bytes: () => SparseMemory;
}

/** A write of which a part is there, or is damaged. */
export interface TornWrite {
  readonly write: LoggedWrite;
  readonly losses: readonly CrashLoss[];
}

/** An image that an explorer has built. */
export class CrashImage {
  /** 32 hexadecimal digits over the whole content: images with equal bytes have equal hashes. */
  readonly hash: string;
  /** Its number among the distinct images; undefined for one built by `state` that did not come before. */
  readonly index: number | undefined;
  /** No state before had these bytes. */
  readonly isNew: boolean;
  /** The crash point of its state. */
  readonly point: CrashPoint;
  readonly #explorer: CrashExplorer;
  readonly #source: CrashImageSource;

  constructor(explorer: CrashExplorer, source: CrashImageSource) {
    this.hash = source.hash;
    this.index = source.index;
    this.isNew = source.isNew;
    this.point = source.point;
    this.#explorer = explorer;
    this.#source = source;
  }

  /** The first step of the log at which a crash may leave this image, of the states built so far. */
  get firstStep(): number {
    return this.index === undefined ? this.point.step : this.#explorer.facts(this.index).first.step;
  }

  /** The last such step. What was acknowledged up to here must be in the image; ask when all states have been built. */
  get lastStep(): number {
    return this.index === undefined ? this.point.lastStep : this.#explorer.facts(this.index).last.lastStep;
  }

  /** What the state lacks, as plain data: `explorer.state` builds this image from it. */
  describe(): CrashState {
    return this.#source.describe();
  }

  #lossesByWrite(): Map<LoggedWrite, CrashLoss[]> {
    const losses = new Map<LoggedWrite, CrashLoss[]>();
    for (const loss of this.describe().losses) {
      const write = this.#explorer.writes[loss.write] as LoggedWrite;
      losses.set(write, [...(losses.get(write) ?? []), loss]);
    }
    return losses;
  }

  /** The uncertain writes of which nothing is there. */
  get dropped(): readonly LoggedWrite[] {
    return [...this.#lossesByWrite()]
      .filter(([write, losses]) => isDropped(write, losses))
      .map(([write]) => write);
  }

  /** The uncertain writes of which a part is missing or damaged. */
  get torn(): readonly TornWrite[] {
    return [...this.#lossesByWrite()]
      .filter(([write, losses]) => !isDropped(write, losses))
      .map(([write, losses]) => ({ write, losses }));
  }

  /** `length` bytes from `offset` on. */
  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#source.bytes().read(bytes, offset);
    return bytes;
  }

  /** The image as memory of a drive, to open a machine with: a fork, so that what is written there is not seen here. */
  get memory(): SparseMemory {
    return this.#source.bytes().fork();
  }
}

function isDropped(write: LoggedWrite, losses: readonly CrashLoss[]): boolean {
  const [loss] = losses;
  return losses.length === 1 && loss?.kind === 'missing' && loss.length === write.length;
}
