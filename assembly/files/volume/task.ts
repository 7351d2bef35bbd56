// What the volume does on its drive, one thing at a time: a commit, a checkpoint, a format, a mount, an unmount.
//
// Verbs: taskBegin, taskIsBusy, taskBioDone, taskResumed. A task is a chain of steps: each step is called with the result of the
// transfer that the step before began, begins the next one (or none), and answers which step follows.
// Invariant: nothing here waits: a step runs from the pump when its transfer has ended.

import { complete } from '../../base/dispatch';
import { bioOffer } from '../../drive/request';
import { formatStep } from './format';
import { checkpointStep, commitStep } from './journal';
import { mountStep } from './mount';
import { recordsKick } from './records';
import { ioBioDone, ioResumed, ioRun } from './sector-io';

export const STEP_END: u32 = 0;
export const STEP_COMMIT: u32 = 1;
export const STEP_COMMIT_FREEZE: u32 = 2;
export const STEP_COMMIT_FLUSHED: u32 = 3;
export const STEP_COMMIT_WRITTEN: u32 = 4;
export const STEP_COMMIT_ZERO: u32 = 5;
export const STEP_COMMIT_ZEROED: u32 = 6;
export const STEP_CHECKPOINT: u32 = 10;
export const STEP_CHECKPOINT_FLUSH: u32 = 11;
export const STEP_CHECKPOINT_SUPERBLOCK: u32 = 12;
export const STEP_CHECKPOINT_WRITTEN: u32 = 13;
export const STEP_FORMAT: u32 = 20;
export const STEP_FORMAT_CLEAR: u32 = 21;
export const STEP_FORMAT_ZERO: u32 = 22;
export const STEP_FORMAT_ROOT: u32 = 23;
export const STEP_FORMAT_FLUSH: u32 = 24;
export const STEP_FORMAT_SUPERBLOCKS: u32 = 25;
export const STEP_FORMAT_END: u32 = 26;
export const STEP_MOUNT: u32 = 30;
export const STEP_MOUNT_HOME: u32 = 31;
export const STEP_MOUNT_NEXT: u32 = 32;
export const STEP_MOUNT_HEADER: u32 = 33;
export const STEP_MOUNT_HEADERS: u32 = 34;
export const STEP_MOUNT_SECTORS: u32 = 35;
export const STEP_MOUNT_TAIL: u32 = 36;
export const STEP_MOUNT_VERIFY: u32 = 37;
export const STEP_MOUNT_RECORDS: u32 = 38;
export const STEP_MOUNT_ZERO: u32 = 39;
export const STEP_MOUNT_COMMIT: u32 = 40;
export const STEP_MOUNT_READY: u32 = 41;

@unmanaged
class Task {
  step: u32;
  /** The step behind a checkpoint. */
  after: u32;
  /** The step behind a commit of a volume with records. */
  afterCommit: u32;
  result: i32;
  doneKind: u32;
  owner: usize;
}

const task = changetype<Task>(memory.data(offsetof<Task>(), 16));

export function taskIsBusy(): bool {
  return task.step != STEP_END;
}

export function taskSetAfter(step: u32): void {
  task.after = step;
}

export function taskAfterCheckpoint(): u32 {
  return task.after;
}

export function taskSetAfterCommit(step: u32): void {
  task.afterCommit = step;
}

export function taskAfterCommit(): u32 {
  return task.afterCommit;
}

/** What the task will answer. */
export function taskSetResult(result: i32): void {
  task.result = result;
}

/** Starts a task; when it has ended (doneKind, owner) is completed, unless doneKind is 0. */
export function taskBegin(step: u32, doneKind: u32, owner: usize): void {
  assert(task.step == STEP_END, 'the volume does two things at once');
  task.step = step;
  task.result = 0;
  task.afterCommit = STEP_END;
  task.doneKind = doneKind;
  task.owner = owner;
  run();
}

function next(step: u32, result: i32): u32 {
  if (step < STEP_CHECKPOINT) return commitStep(step, result);
  if (step < STEP_FORMAT) return checkpointStep(step, result);
  return step < STEP_MOUNT ? formatStep(step, result) : mountStep(step, result);
}

function run(): void {
  while (task.step != STEP_END) {
    const result = ioRun();
    if (result == i32.MIN_VALUE) return;
    task.step = next(task.step, result);
    if (task.step != STEP_END) continue;
    if (task.doneKind != 0) complete(task.doneKind, task.owner, task.result);
    // a commit that was wanted meanwhile
    recordsKick();
    return;
  }
}

/** Handler of KIND_JOURNAL_BIO: a bio of the volume's own has ended. */
export function taskBioDone(bio: usize, result: i32): void {
  ioBioDone(bio, result);
  run();
}

/** Handler of KIND_JOURNAL_RESUME: a bio may be free. */
export function taskResumed(_waiter: usize, _result: i32): void {
  ioResumed();
  run();
  bioOffer();
}
