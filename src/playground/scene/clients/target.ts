// What a client's `target` names: a whole drive, a flat file, or a file of the volume, which is made if it is not there.
//
// Verbs: openTarget.

import type { Descriptor } from '../../../aio-request.ts';
import { StorageError } from '../../../errors.ts';
import type { Machine } from '../../../machine.ts';
import type { SceneClient } from '../types.ts';

export interface Target {
  readonly descriptor: Descriptor;
  /** Number of the file in records. */
  readonly number: number;
  /** Discards a range, from the beginning of the call to its end: 0 or a negative errno. */
  discard(offset: number, length: number): number;
}

/** 0, or the errno of what `body` throws. */
export function resultOf(body: () => void): number {
  try {
    body();
    return 0;
  } catch (error) {
    if (error instanceof StorageError) return error.errno;
    throw error;
  }
}

/** Throws StorageError for a target that can not be opened. */
export function openTarget(machine: Machine, { target = 'drive0', direct = false }: SceneClient): Target {
  if (target.startsWith('/')) {
    const file = machine.fs.open(target, { read: true, write: true, create: true, direct });
    return {
      descriptor: file,
      number: file.stat().inode,
      discard: (offset, length) => resultOf(() => file.punchHole(offset, length)),
    };
  }
  const file = machine.openFile(target, { direct });
  return {
    descriptor: file,
    number: machine.fileNumber(target),
    discard: (offset, length) => resultOf(() => file.discard(offset, length)),
  };
}
