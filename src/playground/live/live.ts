// Live machines on the page: their workers, and their runs on the stage.
//
// Verbs: startLive, LiveRuns (begin, add, isShown, show). A worker for each machine: ending it gives back all that the machine held.

import { signal } from '@preact/signals';
import { proxy, type Remote, wrap } from 'comlink';
import { addLivePart, play, seek, showLive } from '../actions.ts';
import { Run } from '../model/run.ts';
import { isPlaying, run } from '../state.ts';
import type { DiskEngine, GuestEngine, LiveOpened } from '../worker/live-protocol.ts';
import type { RunPart } from '../worker/protocol.ts';

/** The part behind # is for v86, which looks for it (worker/live.ts). */
const SCRIPT = './live.js#use-scheduling-api';

export interface LiveWorker {
  readonly disk: Remote<DiskEngine>;
  readonly guest: Remote<GuestEngine>;
  /** Ends it at once. */
  stop(): void;
}

/** `onFailure` is told when the worker itself breaks. */
export function startLive(onFailure: (message: string) => void): LiveWorker {
  const worker = new Worker(new URL(SCRIPT, import.meta.url), { type: 'module' });
  worker.addEventListener('error', (event) => {
    onFailure(`The machine’s worker has stopped: ${event.message || 'its script could not be loaded'}.`);
  });
  // one worker has both, and a page uses one of them
  const { disk, guest } = wrap(worker) as unknown as Pick<LiveWorker, 'disk' | 'guest'>;
  return { disk, guest, stop: () => worker.terminate() };
}

/** The runs of one live machine, of which the last is the one that goes on. */
export class LiveRuns {
  readonly #current = signal<Run | undefined>(undefined);

  /** Listeners for the worker. */
  readonly onRun = proxy((opened: LiveOpened) => this.#begin(opened));
  readonly onPart = proxy((part: RunPart) => {
    if (this.#current.value !== undefined) addLivePart(this.#current.value, part);
  });

  get isShown(): boolean {
    return this.#current.value !== undefined && run.value === this.#current.value;
  }

  /** It is shown, and the end is being followed. */
  get isFollowed(): boolean {
    return this.isShown && isPlaying.value;
  }

  /** Shows what happens now. */
  show(): void {
    const current = this.#current.value;
    if (current === undefined) return;
    if (!this.isShown) showLive(current);
    seek(current.stepCount);
    if (!isPlaying.value) play();
  }

  #begin({ shape, scene }: LiveOpened): void {
    const before = this.#current.value;
    const next = new Run(shape, scene);
    this.#current.value = next;
    // whoever looks at something else meanwhile goes on doing so
    if (before === undefined || run.value === before) showLive(next);
  }
}
