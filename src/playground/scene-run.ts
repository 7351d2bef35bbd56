// Plays a scene on a machine, one step at a time.
//
// Verbs: SceneRun.step, finish. A step is one event of the machine; when the machine is idle, the next step reaps what
// has completed and submits the next chapter.
// Invariant: whoever plays it, at whatever pace, the machine gets the same calls in the same order, so its records
// have the same hash.

import type { AioContext } from '../aio.ts';
import type { AioRequest } from '../aio-request.ts';
import type { OpenFile } from '../files.ts';
import type { Machine } from '../machine.ts';
import type { Scene, SceneRequest } from './scene.ts';

const BUFFER_ALIGNMENT = 4096;

export class SceneRun {
  readonly #machine: Machine;
  readonly #scene: Scene;
  readonly #file: OpenFile;
  readonly #context: AioContext;
  #buffers: number[] = [];
  /** Index of the chapter that was submitted last; -1 before the first. */
  chapter = -1;
  /** Events of the machine that have run. */
  eventCount = 0;
  isFinished = false;

  constructor(machine: Machine, scene: Scene) {
    this.#machine = machine;
    this.#scene = scene;
    this.#file = machine.openFile('drive0');
    this.#context = machine.createAioContext(
      Math.max(...scene.chapters.map((chapter) => chapter.requests.length)),
    );
  }

  /** Runs one event, or submits the next chapter when none is pending. False when there is nothing left to do. */
  step(): boolean {
    if (this.isFinished) return false;
    if (this.#machine.step()) {
      this.eventCount++;
      return true;
    }
    this.#reap();
    const next = this.#scene.chapters[this.chapter + 1];
    if (next === undefined) {
      this.isFinished = true;
      return false;
    }
    this.chapter++;
    this.#submit(next.requests);
    return true;
  }

  /** Steps to the end. */
  finish(): void {
    while (this.step());
  }

  #reap(): void {
    if (this.chapter < 0) return;
    const expected = this.#scene.chapters[this.chapter]?.requests.length ?? 0;
    const events = this.#context.getEvents({ min: expected, max: expected });
    const failed = events.find((event) => event.res < 0);
    if (events.length !== expected || failed !== undefined) {
      const what = failed === undefined ? `${events.length} of ${expected} ended` : `result ${failed.res}`;
      throw new Error(`chapter ${this.chapter + 1} of the scene went wrong: ${what}`);
    }
    for (const buffer of this.#buffers) this.#machine.buffers.free(buffer);
    this.#buffers = [];
  }

  #submit(requests: readonly SceneRequest[]): void {
    const accepted = this.#context.submit(requests.map((request) => this.#prepare(request)));
    if (accepted !== requests.length) {
      throw new Error(
        `chapter ${this.chapter + 1} of the scene: ${accepted} of ${requests.length} were accepted`,
      );
    }
  }

  #prepare({ op, offset, length }: SceneRequest): AioRequest {
    if (offset === undefined || length === undefined) return { op, file: this.#file };
    const buffer = this.#machine.buffers.allocate(length, BUFFER_ALIGNMENT);
    this.#buffers.push(buffer);
    return { op, file: this.#file, buffer, offset, length };
  }
}
