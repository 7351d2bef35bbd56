// Watches a machine for the moment at which a fault hits: which call met it, and whether anything hangs.
//
// Verbs: FaultWatch: begin, end, stop. What the drive is asked outside any call (write-back, a later event) was met by no call, but for
// a block device's: its requests go to the drive when events run.

import { COUNTER_DRIVE_FAULTS } from '../../assembly/layout.ts';
import type { CallWatcher } from '../core/call-watcher.ts';
import type { StorageErrorDetails } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { isDeath } from './faults-judge.ts';
import type { CallSite } from './parts.ts';
import { RecordedCall } from './record-calls.ts';

const EDEADLK = -35;
const DEVICE = /^drive\d+$/;

/** Until stop() nobody else watches the machine. */
export class FaultWatch implements CallWatcher {
  readonly #machine: Machine;
  /** Number of the rule whose hits count. */
  readonly #rule: number | undefined;
  #seen: number;
  #last: RecordedCall | undefined;
  #met: CallSite | undefined;
  #isHit = false;
  /** A call waited for what nothing can end. */
  isStuck = false;

  constructor(machine: Machine, rule: number | undefined) {
    this.#machine = machine;
    this.#rule = rule;
    this.#seen = this.#count();
    machine.watcher = this;
  }

  #count(): number {
    return this.#machine.core.counter(COUNTER_DRIVE_FAULTS);
  }

  /** If the rule has hit for the first time since the last look, `call` has met it. */
  #look(call: CallSite | undefined): void {
    const count = this.#count();
    if (this.#isHit || count === this.#seen) return;
    this.#seen = count;
    this.#isHit = this.#hasHit();
    if (this.#isHit) this.#met = call;
  }

  /** Faults of the drive's own options count as well: it must be the rule. A machine that has died in a call can not say. */
  #hasHit(): boolean {
    try {
      return this.#machine.faults.list().some(({ number, hits }) => number === this.#rule && hits > 0);
    } catch (error) {
      if (!isDeath(error)) throw error;
      return true;
    }
  }

  #lookBetween(): void {
    this.#look(DEVICE.test(this.#last?.path ?? '') ? this.#last : undefined);
  }

  begin(syscall: string, details: StorageErrorDetails): number {
    this.#lookBetween();
    this.#last = new RecordedCall(syscall, details);
    return 0;
  }

  end(result: number): void {
    this.#look(this.#last);
    if (result === EDEADLK) this.isStuck = true;
  }

  /** Watches no longer; the call that met the first fault. */
  stop(): CallSite | undefined {
    this.#machine.watcher = undefined;
    this.#lookBetween();
    return this.#met;
  }
}
