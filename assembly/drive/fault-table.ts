// What each fault means for each operation: the one table of effects and operations.
//
// Verbs: actionOf, faultAction. Layout: a row for each effect (FAULT_…), in it a word for each operation (OP_…): FAULT_ACT_….
// src/faults/table.ts says the same in words; a test walks both.

import {
  FAULT_ACT_DAMAGE as DAMAGE,
  FAULT_ACT_DELAY as DELAY,
  FAULT_ACT_FAIL as FAIL,
  FAULT_EFFECT_COUNT,
  FAULT_ACT_FLIP as FLIP,
  FAULT_ACT_GIVE_ROOM as GIVE_ROOM,
  FAULT_ACT_HANG as HANG,
  FAULT_ACT_IGNORE as IGNORE,
  FAULT_ACT_LATCH as LATCH,
  FAULT_ACT_MOVE as MOVE,
  FAULT_ACT_NONE as NONE,
  OP_COUNT,
  FAULT_ACT_ORPHAN as ORPHAN,
  FAULT_ACT_PART as PART,
  FAULT_ACT_REFUSE as REFUSE,
  FAULT_ACT_TAKE_ROOM as TAKE_ROOM,
  FAULT_ACT_TEAR as TEAR,
  FAULT_ACT_UNFORCE as UNFORCE,
} from '../layout';

// biome-ignore format: a table
const TABLE: usize = memory.data<i32>([
  // read     write      discard    writeZeroes flush
  FAIL,       FAIL,      FAIL,      FAIL,       FAIL,   // eio
  PART,       PART,      PART,      PART,       NONE,   // short
  DAMAGE,     DAMAGE,    DAMAGE,    DAMAGE,     NONE,   // latent
  NONE,       TAKE_ROOM, GIVE_ROOM, GIVE_ROOM,  NONE,   // enospc
  DAMAGE,     DAMAGE,    DAMAGE,    DAMAGE,     NONE,   // rot
  FLIP,       NONE,      NONE,      NONE,       NONE,   // flaky
  NONE,       IGNORE,    IGNORE,    IGNORE,     NONE,   // lostWrite
  NONE,       MOVE,      MOVE,      MOVE,       NONE,   // misdirectedWrite
  MOVE,       NONE,      NONE,      NONE,       NONE,   // misdirectedRead
  NONE,       TEAR,      TEAR,      TEAR,       NONE,   // tornWrite
  NONE,       NONE,      NONE,      NONE,       IGNORE, // ignoredFlush
  NONE,       UNFORCE,   UNFORCE,   UNFORCE,    NONE,   // ignoredFua
  NONE,       NONE,      NONE,      NONE,       ORPHAN, // failedFlush
  DELAY,      DELAY,     DELAY,     DELAY,      DELAY,  // slow
  HANG,       HANG,      HANG,      HANG,       HANG,   // stuck
  REFUSE,     REFUSE,    REFUSE,    REFUSE,     REFUSE, // queueFull
  NONE,       LATCH,     LATCH,     LATCH,      NONE,   // readOnly
  LATCH,      LATCH,     LATCH,     LATCH,      LATCH,  // gone
  DELAY,      DELAY,     DELAY,     DELAY,      NONE,   // reorder
]);

/** What the effect does to a request of the operation (FAULT_ACT_…). */
export function actionOf(effect: u32, operation: u32): u32 {
  return load<u32>(TABLE + ((<usize>(effect * OP_COUNT + operation)) << 2));
}

/** The same for hosts; FAULT_ACT_NONE where there is no such effect or operation. */
export function faultAction(effect: i32, operation: i32): i32 {
  if (<u32>effect >= <u32>FAULT_EFFECT_COUNT || <u32>operation >= <u32>OP_COUNT) return NONE;
  return <i32>actionOf(<u32>effect, <u32>operation);
}
