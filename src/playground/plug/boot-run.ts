// The run of a boot, its drives beginning with what they had when the crash came.
//
// Verbs: bootRun.

import type { CrashKind } from '../../crash-kinds.ts';
import type { HeldByDrive } from '../model/drive-fold.ts';
import { Run } from '../model/run.ts';
import type { DriveState, StackState } from '../model/types.ts';
import type { Boot } from '../worker/plug-protocol.ts';

/** `before`: the stack at the moment of the crash. */
export function bootRun({ scene, shape, parts }: Boot, before: StackState, crash: CrashKind): Run {
  const held = before.drives.map((drive) => heldAt(drive, crash));
  const booted = new Run(shape, scene, held);
  for (const part of parts) booted.add(part);
  return booted;
}

/** What a drive has when the crash is over: after one of the kernel, also the writes that it had taken. */
function heldAt({ media, volatileWrites, inService }: DriveState, crash: CrashKind): HeldByDrive {
  const taken = inService.filter(({ hue }) => crash === 'os' && (hue === 'write' || hue === 'discard'));
  return {
    media: media.slice(),
    volatileWrites: [
      ...volatileWrites,
      ...taken.map(({ id, drive, sector, sectorCount, hue }) => ({
        key: `write:${drive}:${id}`,
        drive,
        requestId: id,
        sector,
        sectorCount,
        hue,
        sinceNs: 0,
        isOrphan: false,
      })),
    ],
  };
}
