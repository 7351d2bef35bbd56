// @ts-nocheck
// biome-ignore-all lint/style/useImportType: AssemblyScript has no imports of types alone
// AssemblyScript, compiled beside assembly/index.ts by ftl-probe.ts: what a test sees of a drive's flash translation layer.
//
// `probeFlash` chooses the drive; it has a translation layer once it has had a request. Answers are u32; where there is nothing, -1.

import { driveAt } from '../../assembly/drive/drive-table';
import { blockAt, dieAt, Flash } from '../../assembly/drive/models/flash-state';
import { ftlDie, ftlFind, ftlIsBuffered } from '../../assembly/drive/models/ftl';

@unmanaged
class Probe {
  flash: usize;
}

const probe = changetype<Probe>(memory.data(offsetof<Probe>(), 16));

function flash(): Flash {
  return changetype<Flash>(probe.flash);
}

/** The state of the drive's flash; 0 before its first request. */
export function probeFlash(drive: u32): usize {
  probe.flash = driveAt(drive).modelState;
  return probe.flash;
}

export function probeDies(): u32 {
  return flash().dieCount;
}

export function probeUnits(): u32 {
  return flash().capacityUnits;
}

export function probeUnitsAPage(): u32 {
  return flash().unitsAPage;
}

export function probeUnitsABlock(): u32 {
  return flash().unitsABlock;
}

export function probeBlocksADie(): u32 {
  return flash().blocksADie;
}

export function probeBufferedUnits(): u32 {
  return flash().bufferedUnits;
}

export function probeDieOf(unit: u32): u32 {
  return ftlDie(flash(), unit).index;
}

export function probeFind(unit: u32): u32 {
  return ftlFind(flash(), ftlDie(flash(), unit), unit);
}

export function probeIsBuffered(unit: u32): bool {
  const die = ftlDie(flash(), unit);
  return ftlIsBuffered(flash(), die, ftlFind(flash(), die, unit));
}

export function probeValid(die: u32, block: u32): u32 {
  return blockAt(flash(), dieAt(flash(), die), block).valid;
}

export function probeState(die: u32, block: u32): u32 {
  return blockAt(flash(), dieAt(flash(), die), block).state;
}

export function probeFreeBlocks(die: u32): u32 {
  return dieAt(flash(), die).freeCount;
}

export function probeOpenUnit(die: u32): u32 {
  return dieAt(flash(), die).openUnit;
}
