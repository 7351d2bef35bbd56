// A survivor of a crash, booted and judged: what it holds of the scene's writes, its files by name, what its recovery says.
//
// Verbs: judgeSurvivor.

import type { CrashKind } from '../../crash-kinds.ts';
import { InternalError } from '../../errors.ts';
import type { FileSystem } from '../../fs/file-system.ts';
import type { Machine } from '../../machine.ts';
import type { Scene } from '../scene/types.ts';
import type { Survivor, SurvivorFile } from '../worker/plug-protocol.ts';
import { momentAt, type Witness } from './explore-log.ts';
import { judgeSectors, type ReadTarget, withReplaced } from './judge.ts';
import { fileReader, mediaReader, placesOf } from './places.ts';
import { recoverXv6, xv6Problem } from './xv6.ts';

/** Crashes a machine that stands at `step` of a run, and judges what comes up. */
export function judgeSurvivor(
  recorded: Witness,
  step: number,
  crash: CrashKind,
  crashed: () => Machine,
): Omit<Survivor, 'goesOn'> {
  const { scene, bytesOf, ledger } = recorded;
  const moment = momentAt(recorded, step);
  const plain = {
    crash,
    step,
    rows: moment.rows,
    isLying: isLying(scene),
    xv6: undefined,
    files: undefined,
    faults: [],
  };
  const judge = (read: ReadTarget) => judgeSectors(moment.rows, bytesOf, read, moment.promised);
  /** Renames whose old name is gone: the new one has come through. */
  const replacements = ({ fs }: Machine) =>
    ledger.replacements.filter((one) => one.step <= step && !fs.exists(one.from));
  let machine: Machine;
  try {
    machine = crashed();
  } catch (error) {
    if (error instanceof InternalError || !(error instanceof Error) || error.name !== 'VolumeError')
      throw error;
    return { ...plain, judged: judge(() => []), refused: error.message };
  }
  try {
    const hasVolume = scene.machine.volume !== undefined && scene.machine.volume !== false;
    const places = placesOf(scene);
    // a killed process leaves the page cache, which only its files show
    const read =
      hasVolume || crash === 'process' ? fileReader(machine, ledger) : mediaReader(machine, places);
    const found = scene.check === 'xv6-log' ? recoverXv6(moment.rows, bytesOf, read) : undefined;
    return {
      ...plain,
      judged: hasVolume ? withReplaced(judge(read), moment.rows, replacements(machine)) : judge(read),
      files: hasVolume ? filesOf(machine.fs) : undefined,
      faults: hasVolume ? machine.fs.check() : [],
      xv6: found && { ...found, problem: xv6Problem(found, moment.transactions) },
      refused: undefined,
    };
  } finally {
    machine.close();
  }
}

function filesOf(fs: FileSystem, folder = '/'): SurvivorFile[] {
  return fs.entries(folder).flatMap(({ name, type }) => {
    const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
    return type === 'directory' ? filesOf(fs, path) : [{ path, bytes: Number(fs.stat(path).size) }];
  });
}

/** The drive, or the guest's cache mode, does not keep what it says. */
function isLying({ machine }: Scene): boolean {
  const faults = (machine.drives ?? []).flatMap((drive) => drive.faults ?? []);
  return machine.cacheMode === 'unsafe' || /ignoredFlush|ignoredFua/.test(JSON.stringify(faults));
}
