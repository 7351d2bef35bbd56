// What a client's `target` names: a whole drive, a flat file, or a file of the volume, which is made if it is not there, unless it must be.
//
// Verbs: openTarget, resultOf.

import type { Descriptor } from '../../../aio-request.ts';
import { ConfigError, StorageError } from '../../../errors.ts';
import type { Machine } from '../../../machine.ts';
import type { SceneClient } from '../types.ts';

const EOPNOTSUPP = -95;

export interface Target {
  readonly descriptor: Descriptor;
  /** Number of the file in records. */
  readonly number: number;
  /** Discards or zeroes a range, from the beginning of the call to its end: 0 or a negative errno. */
  clear(op: 'discard' | 'writeZeroes', offset: number, length: number): number;
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

/** Opens a client's target for direct or buffered I/O. Throws StorageError for one that can not be opened, or that `mustExist` and does not. */
export function openTarget(machine: Machine, client: SceneClient, mustExist = false): Target {
  const { target = client.entrance === 'files' ? '/' : 'drive0', direct = false } = client;
  if (target.startsWith('/')) {
    const how =
      target === '/' ? { directory: true } : { read: true, write: true, create: !mustExist, direct };
    const file = machine.fs.open(target, how);
    return {
      descriptor: file,
      number: machine.volumeFileNumber(file.stat().inode),
      clear: (op, offset, length) =>
        resultOf(() => (op === 'discard' ? file.punchHole(offset, length) : file.zeroRange(offset, length))),
    };
  }
  const file = machine.openFile(target, { direct });
  return {
    descriptor: file,
    number: machine.fileNumber(target),
    clear: (op, offset, length) =>
      op === 'discard' ? resultOf(() => file.discard(offset, length)) : EOPNOTSUPP,
  };
}

/** Number of the whole drive that a client's target names. Throws ConfigError for anything else. */
export function driveTarget(machine: Machine, { target = 'drive0', name, entrance }: SceneClient): number {
  const drive = /^drive(\d+)$/.exec(target)?.[1];
  if (drive === undefined || Number(drive) >= machine.driveCount)
    throw new ConfigError(`target of ${name}`, target, `a drive, as drive0: ${entrance} has nothing else`);
  return Number(drive);
}
