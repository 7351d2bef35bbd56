// Live machines on the page: their workers, and their runs on the stage.
//
// Verbs: startLive, LiveRuns (onRun, onPart), livePanel. A worker for each machine: ending it gives back all that the machine held.
// Invariant: a live machine has the lanes, or is over. Whoever opens a scene, or another live machine, ends it; leaving.ts asks before.

import { batch, effect, signal, untracked } from '@preact/signals';
import { proxy, type Remote, wrap } from 'comlink';
import { addLivePart, showLive } from '../actions.ts';
import { Run } from '../model/run.ts';
import type { PanelName } from '../shell/view.ts';
import { scene } from '../state.ts';
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

/** The panel whose live machine was the last to take the lanes: what can be done with it is done there. */
export const livePanel = signal<PanelName>('disk');

/** Why the run of a live machine does not begin with the machine. */
export const runNote = signal<string | undefined>(undefined);

const NOTES: Readonly<Record<LiveOpened['begins'], string | undefined>> = {
  anew: undefined,
  full: 'The run before this one had 400,000 records, as many as the page keeps, so this one goes on from there. The machine and its disk are as they were.',
  gap: 'So much happened at once that not all of it is on record. This run begins behind it, and draws what happened since. The machine and its disk are as they were.',
};

/** The runs of one live machine, of which the last is the one that goes on. */
export class LiveRuns {
  readonly #panel: PanelName;
  readonly #current = signal<Run | undefined>(undefined);

  /** `onLeft`: something else has taken the lanes, so the machine is to end. */
  constructor(panel: PanelName, onLeft: () => void) {
    this.#panel = panel;
    effect(() => {
      const current = this.#current.value;
      if (current === undefined || scene.value === current.scene) return;
      this.#current.value = undefined;
      untracked(onLeft);
    });
  }

  /** Listeners for the worker. */
  readonly onRun = proxy((opened: LiveOpened) => this.#begin(opened));
  readonly onPart = proxy((part: RunPart) => {
    if (this.#current.value !== undefined) addLivePart(this.#current.value, part);
  });

  #begin({ shape, scene: told, begins }: LiveOpened): void {
    const before = this.#current.peek();
    // a scene that comes from a worker is another object each time
    const isSame = begins !== 'anew' && before !== undefined;
    const next =
      isSame && begins === 'full' ? Run.behind(before, shape) : new Run(shape, isSame ? before.scene : told);
    batch(() => {
      runNote.value = NOTES[begins];
      this.#current.value = next;
      livePanel.value = this.#panel;
      showLive(next);
    });
  }
}
