// The table of axes: what a crash point leaves open, one axis for each choice.
//
// Verbs: axisAt, axesEmpty, axesAdd. See axes.ts for what the kinds mean.
// Invariant: report.states is the product of the radices, as exact as an f64 is, and report.statesLog2 its logarithm.

import { report } from './tables';

export const AXIS_VERSIONS: u32 = 0;
export const AXIS_PIECE: u32 = 1;
export const AXIS_WRITE: u32 = 2;
export const AXIS_ORDER: u32 = 3;
export const AXIS_CHAIN: u32 = 4;

@unmanaged
export class Axis {
  kind: u32;
  /** Place among the sorted pieces; or a piece; or a write. */
  first: u32;
  count: u32;
  padding: u32;
  /** Digits. */
  radix: f64;
}

@unmanaged
class Axes {
  base: usize;
  count: u32;
  /** Numbers of the pieces that can be seen and are in no chain, by their first sector, then by age. */
  sorted: usize;
  sortedCount: u32;
}

export const axes = changetype<Axes>(memory.data(offsetof<Axes>(), 16));

export function axisAt(index: u32): Axis {
  return changetype<Axis>(axes.base + <usize>index * offsetof<Axis>());
}

/** No choice is left: there is a single state. */
export function axesEmpty(): void {
  axes.count = 0;
  report.states = 1;
  report.statesLog2 = 0;
}

/** `log2`: the logarithm of the radix, which may be beyond an f64. */
export function axesAdd(kind: u32, first: u32, count: u32, radix: f64, log2: f64): void {
  const axis = axisAt(axes.count++);
  axis.kind = kind;
  axis.first = first;
  axis.count = count;
  axis.radix = radix;
  report.states *= radix;
  report.statesLog2 += log2;
}
