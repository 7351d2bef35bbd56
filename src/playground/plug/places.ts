// Where a scene's targets are on its drives, and how a survivor's content is read.
//
// Verbs: placesOf, driveReader, fileReader.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { resolveConfig } from '../../core/config.ts';
import type { OpenFile } from '../../files.ts';
import type { Machine } from '../../machine.ts';
import { machineOptions } from '../scene/machine-options.ts';
import type { Scene } from '../scene/types.ts';
import type { ReadTarget } from './judge.ts';
import type { Ledger } from './ledger.ts';

/** Where a target begins. */
export interface Place {
  readonly drive: number;
  readonly offsetBytes: number;
}

/** Of drives and flat files by name; files of a volume have no place of their own. Throws ConfigError. */
export function placesOf(scene: Scene): ReadonlyMap<string, Place> {
  const { drives, files } = resolveConfig(machineOptions(scene), []);
  return new Map([
    ...drives.map((_, drive): [string, Place] => [`drive${drive}`, { drive, offsetBytes: 0 }]),
    ...files.map(({ name, drive, offset }): [string, Place] => [name, { drive, offsetBytes: offset }]),
  ]);
}

/** Reads targets of drives whose bytes `read` has. */
export function driveReader(
  places: ReadonlyMap<string, Place>,
  read: (drive: number, offset: number, length: number) => Uint8Array,
): ReadTarget {
  return (target, offset, length) => {
    const place = places.get(target);
    return place === undefined ? [] : [read(place.drive, place.offsetBytes + offset, length)];
  };
}

/** Reads the targets of a scene on a machine that has come up after a crash: files of the volume under each name that they have had. */
export function fileReader(machine: Machine, ledger: Ledger): ReadTarget {
  const contents = new Map<string, Uint8Array>();
  const contentOf = (path: string): Uint8Array | undefined => {
    const known = contents.get(path);
    if (known !== undefined) return known;
    if (!machine.fs.exists(path)) return undefined;
    const content = machine.fs.readFile(path);
    contents.set(path, content);
    return content;
  };
  const files = new Map<string, OpenFile>();
  const openedFile = (target: string): OpenFile => {
    const file = files.get(target) ?? machine.openFile(target);
    files.set(target, file);
    return file;
  };
  return (target, offset, length) => {
    if (!target.startsWith('/')) return [openedFile(target).read(length, offset)];
    return ledger.namesOf(target).flatMap((name) => {
      const content = contentOf(name);
      return content === undefined ? [] : [content.subarray(offset, offset + length)];
    });
  };
}

/** Reads what the media of a machine without caches hold. */
export function mediaReader(machine: Machine, places: ReadonlyMap<string, Place>): ReadTarget {
  return driveReader(places, (drive, offset, length) => {
    const bytes = new Uint8Array(Math.max(length, SECTOR_SIZE));
    machine.memory(drive).read(bytes, offset);
    return bytes.subarray(0, length);
  });
}
