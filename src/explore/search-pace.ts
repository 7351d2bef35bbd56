// Long work in pieces: back to the event loop at least every 50 ms, progress at most every 100 ms, an end by time or signal.
//
// Verbs: Pace: isDue, pause, stopped, report.

import type { ExploreProgress } from './types.ts';

const TURN_MS = 40;
const REPORT_MS = 100;

/** After everything that waits in the event loop. */
const nextTurn: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise((resolve) => setImmediate(resolve))
    : () =>
        new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            port1.close();
            resolve();
          };
          port2.postMessage(undefined);
        });

export interface PaceOptions {
  readonly signal?: AbortSignal | undefined;
  /** From now on. */
  readonly seconds?: number | undefined;
  readonly onProgress?: ((progress: ExploreProgress) => void) | undefined;
}

export class Pace {
  readonly startMs = performance.now();
  /** By performance.now(). */
  readonly deadlineMs: number;
  readonly #options: PaceOptions;
  #turnMs = this.startMs;
  #reportMs = this.startMs;
  #nowMs = this.startMs;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.deadlineMs = this.startMs + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  }

  /** Time to give way: `pause()` does. */
  get isDue(): boolean {
    this.#nowMs = performance.now();
    return this.#nowMs - this.#turnMs >= TURN_MS || this.#nowMs >= this.deadlineMs;
  }

  /** It ends by time. */
  get hasEnd(): boolean {
    return this.deadlineMs !== Number.POSITIVE_INFINITY;
  }

  /** Half of its time is over, as of the last pause or look. */
  get isHalfOver(): boolean {
    return this.#nowMs - this.startMs >= (this.deadlineMs - this.startMs) / 2;
  }

  /** Why to stop, if there is a reason, as of the last pause or look. */
  get stopped(): 'seconds' | 'signal' | undefined {
    if (this.#options.signal?.aborted === true) return 'signal';
    return this.#nowMs >= this.deadlineMs ? 'seconds' : undefined;
  }

  /** Lets others run; tells how far it has come. */
  async pause(progress: () => ExploreProgress): Promise<void> {
    const { onProgress } = this.#options;
    if (onProgress !== undefined && this.#nowMs - this.#reportMs >= REPORT_MS) {
      this.#reportMs = this.#nowMs;
      onProgress(progress());
    }
    await nextTurn();
    this.#turnMs = this.#nowMs = performance.now();
  }

  /** Tells at once. */
  report(progress: ExploreProgress): void {
    this.#options.onProgress?.(progress);
  }
}
