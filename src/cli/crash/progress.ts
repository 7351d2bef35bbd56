// How far `sectorlab crash` has come: one line on a terminal, with rate and time left.
//
// Verbs: ProgressLine: show, end.

import type { ExploreProgress } from '../../explore/types.ts';

const EVERY_MS = 100;

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** On stderr, at most every 100 ms; nothing where that is no terminal. */
export class ProgressLine {
  readonly #isShowing = process.stderr.isTTY === true;
  #phase: ExploreProgress['phase'] | undefined;
  #phaseStart = 0;
  #shown = 0;

  show({ phase, done, total, failed }: ExploreProgress): void {
    const now = performance.now();
    if (!this.#isShowing) return;
    if (this.#phase !== phase) {
      this.#phase = phase;
      this.#phaseStart = now;
    }
    if (now - this.#shown < EVERY_MS) return;
    this.#shown = now;
    const seconds = Math.max((now - this.#phaseStart) / 1000, 1e-3);
    const isKnown = total !== undefined && done > 0;
    const left = isKnown ? `, ${Math.ceil(((total - done) * seconds) / done)} s left` : '';
    const all = total === undefined ? '' : ` of ${count(total)}`;
    const rate = count(Math.round(done / seconds));
    process.stderr.write(`\r\x1b[K${phase}: ${count(done)}${all}, ${rate}/s, ${count(failed)} failed${left}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown > 0) process.stderr.write('\r\x1b[K');
  }
}
