// A run as far as it is known: its records, a row for each step, and the stack at any of them.
//
// Verbs: add, stateAt, recordAt, step facts.

import type { MachineRecord } from '../../records.ts';
import type { Scene } from '../scene/types.ts';
import type { RunPart, Shape } from '../worker/protocol.ts';
import type { StackState } from './types.ts';

export class Run {
  readonly shape: Shape;
  readonly scene: Scene;
  /** Steps known so far. */
  stepCount = 0;
  recordCount = 0;
  /** Every step is known. */
  isWhole = false;
  /** Why the run was left before its end. */
  cutShort: string | undefined;

  constructor(shape: Shape, scene: Scene) {
    this.shape = shape;
    this.scene = scene;
  }

  add(part: RunPart): void {
    this.stepCount += part.recordEnds.length;
    this.recordCount = part.recordEnds.at(-1) ?? this.recordCount;
    this.isWhole = part.isLast;
    this.cutShort = part.cutShort;
  }

  /** The stack behind `step` steps, 0 to stepCount: a new object, whose parts are good until the next call. */
  stateAt(step: number): StackState | undefined {
    return step < 0 ? undefined : undefined;
  }

  /** Record number `index`, counted from 0. */
  recordAt(index: number): MachineRecord {
    throw new RangeError(`record ${index}`);
  }
}
