// What the views need to know of a machine before its first record.
//
// Verbs: shapeOf.

import { DEFAULT_VOLATILE_WRITES, PAGE_SIZE, SECTOR_SIZE } from '../../../assembly/limits.ts';
import { DEFAULT_CACHE } from '../../core/config.ts';
import { DRIVE_MODELS } from '../../core/drive-models/index.ts';
import { parseSize } from '../../core/size.ts';
import type { SteppedRun } from '../scene/run.ts';
import type { SceneMachine } from '../scene/types.ts';
import type { ClientShape, DriveShape, FileShape, Shape } from './protocol.ts';

const DEFAULT_BLOCK_BYTES = 4096;

export function shapeOf(run: SteppedRun): Shape {
  const { machine, scene } = run;
  const drives = driveShapes(run);
  return {
    seed: scene.machine.seed ?? 1,
    cachePages: Math.floor(parseSize(scene.machine.cache ?? DEFAULT_CACHE, 'cache') / PAGE_SIZE),
    blocksAPage: PAGE_SIZE / (scene.machine.blockSize ?? DEFAULT_BLOCK_BYTES),
    drives,
    files: fileShapes(run, drives),
    clients: clientShapes(run),
    memoryBytes: machine.core.memoryBytes,
  };
}

function driveShapes({ machine, scene }: SteppedRun): DriveShape[] {
  return Array.from({ length: machine.driveCount }, (_, index) => {
    const drive = scene.machine.drives?.[index] ?? {};
    const model = drive.model ?? (drive.latencyNs === undefined ? 'instant' : 'fixed');
    const isSafe = drive.powerLossProtection === true;
    return {
      index,
      model,
      sectorCount: machine.blockDevice(index).sectorCount,
      channels: model === 'fixed' ? (drive.channels ?? 1) : undefined,
      queueDepth: drive.queueDepth ?? DRIVE_MODELS[model].queueDepth,
      volatileWrites: isSafe ? 0 : (drive.volatileWrites ?? DEFAULT_VOLATILE_WRITES),
    };
  });
}

/** Whole drives, flat files, and the files of the volume that clients have opened. */
function fileShapes({ machine, scene, ports }: SteppedRun, drives: readonly DriveShape[]): FileShape[] {
  const pages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
  const whole = drives.map(({ index, sectorCount }) => ({
    number: index,
    name: `drive${index}`,
    drive: index,
    pageCount: pages(sectorCount * SECTOR_SIZE),
  }));
  const flat = (scene.machine.files ?? []).map(({ name, drive = 0, capacity }) => ({
    number: machine.fileNumber(name),
    name,
    drive,
    pageCount: pages(parseSize(capacity, 'capacity')),
  }));
  const named = scene.clients.flatMap(({ target }, index) => {
    const number = ports[index]?.file;
    if (target === undefined || !target.startsWith('/') || number === undefined) return [];
    return [{ number, name: target, drive: volumeDrive(scene.machine), pageCount: 0 }];
  });
  const known = new Set<number>();
  return [...whole, ...flat, ...named].filter(({ number }) => !known.has(number) && known.add(number));
}

function volumeDrive({ volume }: SceneMachine): number {
  return typeof volume === 'object' ? (volume.drive ?? 0) : 0;
}

function clientShapes({ scene, ports }: SteppedRun): ClientShape[] {
  return scene.clients.map(({ name, entrance, target = 'drive0' }, index) => ({
    name,
    entrance,
    device: ports[index]?.devices[0] ?? 0,
    devices: ports[index]?.devices ?? [],
    contexts: ports[index]?.contexts ?? [],
    target,
  }));
}
