// What the page knows of the disk that the browser keeps, and what a reader can do with it.
//
// Verbs: refresh, openDisk, closeDisk, clearDisk, keepStorage, act, readFile, plugDisk. One thing at a time: `isBusy` while the worker is asked.
// Another scene in the lanes closes the disk as the reader's button does.
// Invariant: what went wrong stands in `fault`, in words, until the next thing is done.

import { signal } from '@preact/signals';
import { mayLeave } from '../../live/leaving.ts';
import { LiveRuns, type LiveWorker, startLive } from '../../live/live.ts';
import { tellCut } from '../../live/power.tsx';
import type { DiskEngine, PlugChoice, StoredDisk, VolumeTold } from '../../worker/live-protocol.ts';

export const canStore = typeof navigator.storage?.getDirectory === 'function';

export const stored = signal<readonly StoredDisk[]>([]);
/** The volume, while the disk is open. */
export const volume = signal<VolumeTold | undefined>(undefined);
export const isBusy = signal(false);
export const fault = signal<string | undefined>(undefined);
/** What the last thing did. */
export const news = signal<string | undefined>(undefined);
/** The file that is being read. */
export const shown = signal<{ readonly name: string; readonly text: string } | undefined>(undefined);
export const choice = signal<PlugChoice>({ choose: 'none', seed: 0 });

export interface StorageTold {
  readonly usedBytes: number;
  readonly quotaBytes: number;
  /** The browser has promised not to clear it by itself. */
  readonly isPersisted: boolean;
}
export const storage = signal<StorageTold | undefined>(undefined);

const runs = new LiveRuns('disk', () => void leave());
let worker: LiveWorker | undefined;

function engine(): LiveWorker['disk'] {
  worker ??= startLive((message) => {
    fault.value = message;
    isBusy.value = false;
  });
  return worker.disk;
}

async function doing(body: () => Promise<void>): Promise<void> {
  isBusy.value = true;
  fault.value = undefined;
  news.value = undefined;
  try {
    await body();
  } catch (error) {
    fault.value = error instanceof Error ? error.message : String(error);
  } finally {
    isBusy.value = false;
  }
}

async function look(): Promise<void> {
  stored.value = await engine().stored();
  const [{ usage = 0, quota = 0 }, isPersisted] = await Promise.all([
    navigator.storage.estimate(),
    navigator.storage.persisted(),
  ]);
  storage.value = { usedBytes: usage, quotaBytes: quota, isPersisted };
}

/** Looks again at what the browser has. */
export function refresh(): Promise<void> {
  return canStore ? doing(look) : Promise.resolve();
}

/** Makes the disk when it is not there. A guest that runs is left for it. */
export async function openDisk(sizeBytes: number): Promise<void> {
  if (!(await mayLeave())) return;
  return doing(async () => {
    volume.value = await engine().open(sizeBytes, runs.onRun, runs.onPart);
    await look();
  });
}

export function closeDisk(): Promise<void> {
  return doing(async () => {
    await engine().close();
    volume.value = undefined;
    shown.value = undefined;
  });
}

/** Another scene has taken the lanes. */
async function leave(): Promise<void> {
  const left = worker;
  if (left === undefined || volume.value === undefined) return;
  await closeDisk();
  left.stop();
  if (worker === left) worker = undefined;
  if (fault.value === undefined)
    news.value = 'Another scene has the lanes now: everything was written, and the disk is closed.';
}

/** Deletes a disk with everything on it. */
export function clearDisk(name: string, isOpen: boolean): Promise<void> {
  return doing(async () => {
    if (isOpen) {
      volume.value = undefined;
      shown.value = undefined;
    }
    await engine().remove(name);
    await look();
  });
}

/** Asks the browser to keep what this page stores. */
export function keepStorage(): Promise<void> {
  return doing(async () => {
    const isPersisted = await navigator.storage.persist();
    await look();
    if (!isPersisted)
      news.value = 'The browser did not promise it. It may clear the disk when it runs out of room.';
  });
}

type Action = Exclude<keyof DiskEngine, 'stored' | 'remove' | 'open' | 'close' | 'read' | 'plug'>;

/** Does one thing on the volume. */
export function act<Name extends Action>(
  done: string,
  name: Name,
  ...args: Parameters<DiskEngine[Name]>
): Promise<void> {
  return doing(async () => {
    const call = engine()[name] as unknown as (...rest: unknown[]) => Promise<VolumeTold>;
    volume.value = await call(...args);
    news.value = done;
  });
}

export function readFile(name: string): Promise<void> {
  return doing(async () => {
    shown.value = { name, text: await engine().read(name) };
  });
}

export function plugDisk(): Promise<void> {
  return doing(async () => {
    const { cut, volume: left } = await engine().plug(choice.value);
    volume.value = left;
    shown.value = undefined;
    news.value = `${tellCut(cut)} The volume was mounted again, its journal replayed.`;
  });
}
