// ^C for a command that has something to say when it is stopped: a signal that is aborted, and a folder that goes away in any case.
//
// Verbs: withInterrupt, withFolder.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `body` with a signal that ^C (or the end of the terminal) aborts. */
export async function withInterrupt<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await body(stop.signal);
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}

/** Runs `body` with a new temporary folder, which is gone afterwards, also when the process ends in between. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-crash-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.on('exit', remove);
  try {
    return await body(folder);
  } finally {
    process.removeListener('exit', remove);
    remove();
  }
}
