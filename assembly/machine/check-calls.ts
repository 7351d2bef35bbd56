// A call for tests: whether all that must always be true of cache and volume is true now.
//
// Verbs: machineCheck. Invariant: it changes nothing, and takes time in proportion to cached pages and extents.

import { isClientRange } from '../base/client-memory';
import { EFAULT } from '../base/errno';
import { checkCache, checkStart, Fault, fault } from '../cache/check';
import { checkVolume } from '../files/volume/check-reservations';
import { CHECK_SIZE } from '../layout';

/** 0, or the number of the rule that does not hold (CHECK_…), with CHECK_SIZE bytes about it at `out`; EFAULT. */
export function machineCheck(out: i32): i32 {
  if (!isClientRange(<u32>out, CHECK_SIZE)) return -EFAULT;
  if (offsetof<Fault>() != <usize>CHECK_SIZE) ERROR('the struct of a check is out of step');
  checkStart();
  if (checkCache()) checkVolume();
  memory.copy(<usize>out, changetype<usize>(fault), CHECK_SIZE);
  return <i32>fault.rule;
}
