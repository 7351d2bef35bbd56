// What is wrong with the volume: the problems that the last mount or check has found.
//
// Verbs: problemsClear, problemNote, problemCount, problemsCopy. src/fs/problems.ts says each in one sentence.
// Invariant: every problem is counted; the first KEPT of them are kept.

import {
  PROBLEM_FIRST,
  PROBLEM_INODE,
  PROBLEM_KIND,
  PROBLEM_SECOND,
  PROBLEM_SECTOR,
  PROBLEM_SIZE,
  PROBLEM_THIRD,
} from '../../layout';

const KEPT: u32 = 64;
const list: usize = memory.data(2048, 16);
/** u32: how many have been noted. */
const total: usize = memory.data(4, 4);

export function problemsClear(): void {
  store<u32>(total, 0);
}

export function problemCount(): u32 {
  return load<u32>(total);
}

/** `kind`: PROBLEM_…; what the numbers are stands there. */
export function problemNote(kind: u32, sector: u32, inode: u32, first: u32, second: u32, third: u32): void {
  const index = problemCount();
  store<u32>(total, index + 1);
  if (index >= KEPT) return;
  const at = list + <usize>index * PROBLEM_SIZE;
  memory.fill(at, 0, PROBLEM_SIZE);
  store<u32>(at, kind, PROBLEM_KIND);
  store<u32>(at, sector, PROBLEM_SECTOR);
  store<u32>(at, inode, PROBLEM_INODE);
  store<u32>(at, first, PROBLEM_FIRST);
  store<u32>(at, second, PROBLEM_SECOND);
  store<u32>(at, third, PROBLEM_THIRD);
}

/** Writes as many whole problems as `bytes` holds to `out`. How many there are. */
export function problemsCopy(out: usize, bytes: u32): u32 {
  const kept = min<u32>(problemCount(), KEPT);
  memory.copy(out, list, <usize>min<u32>(kept, bytes / PROBLEM_SIZE) * PROBLEM_SIZE);
  return problemCount();
}
