// Where playing has come to: time passes, steps go by, and it rests where there is something to read.
//
// Verbs: advance. Pure arithmetic: actions.ts gives it the screen's frames.
// Invariant: it never passes the last step, and the same elapsed times lead to the same steps.

/** Milliseconds to rest behind a step; 0 for most. */
export type RestBehind = (step: number) => number;

export class Playhead {
  /** Steps made, with the part of the next one that has passed. */
  #position: number;
  #restMs: number;

  /** It sets out from `step`, after a rest. */
  constructor(step: number, restMs = 0) {
    this.#position = step;
    this.#restMs = restMs;
  }

  get step(): number {
    return Math.floor(this.#position);
  }

  /** Lets time pass at a pace, up to `lastStep`; the step it has come to. */
  advance(elapsedMs: number, stepsASecond: number, lastStep: number, restBehind: RestBehind): number {
    let leftMs = elapsedMs;
    while (leftMs > 0 && this.#position < lastStep) {
      const restedMs = Math.min(this.#restMs, leftMs);
      this.#restMs -= restedMs;
      leftMs -= restedMs;
      const next = this.step + 1;
      const untilNextMs = ((next - this.#position) * 1000) / stepsASecond;
      if (untilNextMs > leftMs) {
        this.#position += (leftMs * stepsASecond) / 1000;
        break;
      }
      leftMs -= untilNextMs;
      this.#position = next;
      this.#restMs = restBehind(next);
    }
    return this.step;
  }
}
