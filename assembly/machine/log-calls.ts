// The write log as exports, and the tag that what is submitted carries into it.
//
// Verbs: logAttach, logMark, logFlush, logRead, logState, machineTag.

import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL } from '../base/errno';
import { setOperationTag } from '../base/operation';
import { logMark as markLog, logRead as readLog } from '../drive/write-log';

/** The largest whole number that an f64 holds with all before it. */
const MAX_WHOLE: f64 = 9007199254740991;

/** Sets a mark: its text is in client memory. Its number, counted from 1; EFAULT; see drive/write-log. */
export function logMark(text: i32, bytes: i32): i32 {
  if (bytes < 0 || !isClientRange(<u32>text, <u32>bytes)) return -EFAULT;
  return markLog(<usize>text, <u32>bytes);
}

/** Copies `bytes` of the log's stream from `offset` on to client memory: how many, fewer at its end; or an errno. */
export function logRead(out: i32, bytes: i32, offset: f64): i32 {
  if (bytes < 0 || !isClientRange(<u32>out, <u32>bytes)) return -EFAULT;
  if (!(offset >= 0 && offset <= MAX_WHOLE)) return -EINVAL;
  return readLog(<usize>out, <u32>bytes, <u64>offset);
}

/** The tag of operations that begin from now on: a whole number from 0 to 2^53 - 1. 0 or EINVAL. */
export function machineTag(tag: f64): i32 {
  if (!(tag >= 0 && tag <= MAX_WHOLE)) return -EINVAL;
  setOperationTag(<u64>tag);
  return 0;
}
