// Reads what has come up after a crash, one place after the other, so that each read can be stepped.
//
// Verbs: read, collect. A read is a request of Linux AIO; where the machine has no room for one, a call that runs to its end.

import { StorageError } from '../../errors.ts';
import type { Machine } from '../../machine.ts';
import { openPort } from '../scene/clients/index.ts';
import type { Port } from '../scene/clients/port.ts';
import type { Ask } from '../scene/rows.ts';

/** What a read asks the entrance for; its stamp is for writes, of which there are none. */
const NOBODY = { seed: 0, client: 0, chapter: 0, request: 0 };

export class Reader {
  readonly #machine: Machine;
  #target = '';
  #port: Port | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
    machine.timeline.keep(this, () => {
      const [target, port] = [this.#target, this.#port];
      return () => {
        this.#target = target;
        this.#port = port;
      };
    });
  }

  /** Begins to read. */
  read(target: string, offset: number, length: number): void {
    const ask: Ask = { op: 'read', offset, length, fua: false, number: 0 };
    const taken = this.#portOf(target, length)?.submit([ask], () => NOBODY) ?? 0;
    if (taken === 0) this.#readAtOnce(target, offset, length);
  }

  /** Gives back the room of what has ended. */
  collect(): void {
    this.#port?.reap();
  }

  #portOf(target: string, longestBytes: number): Port | undefined {
    if (this.#port !== undefined && this.#target === target) return this.#port;
    this.#target = target;
    this.#port = undefined;
    try {
      this.#port = openPort({
        machine: this.#machine,
        client: { name: 'reader', entrance: 'aio', target },
        depth: 1,
        batch: 1,
        longestBytes,
        earlierCount: 0,
        mustExist: true,
      });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
    return this.#port;
  }

  #readAtOnce(target: string, offset: number, length: number): void {
    if (target.startsWith('/')) {
      const file = this.#machine.fs.open(target);
      file.read(new Uint8Array(length));
      file.close();
      return;
    }
    const file = this.#machine.openFile(target);
    file.read(length, offset);
    file.close();
  }
}
