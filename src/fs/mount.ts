// Mounting: the volume that a drive holds, or a new one on a blank drive.
//
// Verbs: mountVolume.

import { errnoName, StorageError, VolumeError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { listProblems } from './problems.ts';

const EINVAL = -22;
const ENODATA = -61;
const EUCLEAN = -117;

/** What a drive that is not blank and can not be mounted holds, by the errno of the mount. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [
    EINVAL,
    'the drive holds something else than this volume; volume.format: true makes a new one in its place',
  ],
  [EUCLEAN, 'the volume is damaged'],
]);

/**
 * Mounts the volume of a machine's drive; a blank drive gets a new one first, and so does any when `isFormatting`. Throws
 * VolumeError for a drive that holds something else, or a volume of other sizes, or a damaged one; StorageError EIO, EROFS.
 */
export function mountVolume(machine: Machine, isFormatting: boolean): void {
  const { core } = machine;
  let result = isFormatting ? ENODATA : core.call((exports) => exports.volumeMount());
  if (result === ENODATA) {
    result = core.call((exports) => exports.volumeFormat());
    if (result === 0) result = core.call((exports) => exports.volumeMount());
  }
  if (result >= 0) return;
  const reason = REASONS.get(result);
  if (reason === undefined) throw new StorageError('mount', result);
  throw new VolumeError(`${errnoName(result)}: ${reason}`, listProblems(machine));
}
