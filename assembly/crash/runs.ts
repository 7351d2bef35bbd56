// Axes of runs: writes of which only the first ones can be there, as the model keeps an order or as they are a chain of the log.
//
// Verbs: buildOrder, buildChains, setRun, legalise. A digit says how many links are whole, and how the next one tears; in an order each write is a link.
// Invariant: a run has no state in which something is there behind a link that is not whole.

import { CRASH_ORDER_ANY, CRASH_ORDER_DOMAIN_PREFIX } from '../layout';
import { AXIS_CHAIN, AXIS_ORDER, Axis, axes, axisAt } from './axis';
import { chainCount, chainHead, linkEnd } from './chains';
import { model } from './model';
import { NEVER, report, writeAt } from './tables';
import { isNothing, isWhole, tear, tearCount, tearLog2, tearNothing, tearWhole } from './tear';
import { epoch, uncertainAt } from './uncertain';

/** One axis for all writes, or one for those of each domain. Its writes are linked by Write.next. */
export function buildOrder(): void {
  const isByDomain = model.order == <u32>CRASH_ORDER_DOMAIN_PREFIX;
  for (let place: u32 = 0; place < epoch.count; place++) {
    const index = uncertainAt(place);
    const write = writeAt(index);
    write.next = NEVER;
    const axis = isByDomain ? orderOf(write.domain) : axes.count == 0 ? 0 : changetype<usize>(axisAt(0));
    if (axis == 0) {
      const made = axisAt(axes.count++);
      made.kind = AXIS_ORDER;
      made.first = index;
      made.count = index;
      made.radix = tearCount(write);
      continue;
    }
    const order = changetype<Axis>(axis);
    // while it is built, count is the last write
    writeAt(order.count).next = index;
    order.count = index;
    order.radix += tearCount(write) - 1;
  }
  for (let index: u32 = 0; index < axes.count; index++) countRun(axisAt(index));
}

function orderOf(domain: u32): usize {
  for (let index: u32 = 0; index < axes.count; index++) {
    if (writeAt(axisAt(index).first).domain == domain) return changetype<usize>(axisAt(index));
  }
  return 0;
}

/** An axis for each chain of the log. */
export function buildChains(): void {
  for (let active: u32 = 0; active < chainCount(); active++) {
    const axis = axisAt(axes.count++);
    axis.kind = AXIS_CHAIN;
    axis.first = chainHead(active);
    axis.radix = 1;
    for (let index = axis.first; index != NEVER; index = linkEnd(index)) axis.radix += linkSteps(axis, index);
    countRun(axis);
  }
}

function countRun(axis: Axis): void {
  report.states *= axis.radix;
  report.statesLog2 += runLog2(axis);
}

/** Beyond what an f64 holds the largest of its writes is as good as the sum. */
function runLog2(axis: Axis): f64 {
  if (axis.radix < f64.MAX_VALUE) return Math.log2(axis.radix);
  let largest: f64 = 0;
  for (let index = axis.first; index != NEVER; index = nextOf(axis.kind, index)) {
    largest = max<f64>(largest, tearLog2(writeAt(index)));
  }
  return largest;
}

/** The write behind this one in an order or a chain. */
function nextOf(kind: u32, index: u32): u32 {
  return kind == AXIS_CHAIN ? writeAt(index).chainNext : writeAt(index).next;
}

/** What stands and falls with the write ends here: in an order it is alone. */
function endOf(kind: u32, index: u32): u32 {
  return kind == AXIS_CHAIN ? linkEnd(index) : writeAt(index).next;
}

/** Values that a link (of an order: a write) adds to those of its axis. Several writes of a link do not tear. */
function linkSteps(axis: Axis, first: u32): f64 {
  const end = endOf(axis.kind, first);
  let steps: f64 = 0;
  for (let index = first; index != end; index = nextOf(axis.kind, index)) {
    steps = max<f64>(steps, tearCount(writeAt(index)) - 1);
  }
  return steps;
}

/** So many links are there, or a part of the one behind them, and nothing after that. */
export function setRun(axis: Axis, digit: u64): void {
  let rest = <f64>digit;
  let isOver = false;
  for (let first = axis.first; first != NEVER; ) {
    const steps = linkSteps(axis, first);
    const end = endOf(axis.kind, first);
    const isKept = !isOver && rest >= steps;
    for (let index = first; index != end; index = nextOf(axis.kind, index)) {
      if (isKept) tearWhole(writeAt(index));
      else tearNothing(writeAt(index));
    }
    if (isKept) {
      rest -= steps;
    } else {
      if (!isOver && rest > 0) tear(writeAt(first), <u64>rest);
      isOver = true;
    }
    first = end;
  }
}

/** Makes any state legal: drops what follows the first write of an order, or link of a chain, that is not whole. */
export function legalise(): void {
  let isChanged = true;
  // what one of them drops may be before something of another
  while (isChanged) {
    isChanged = false;
    if (model.order != <u32>CRASH_ORDER_ANY) {
      for (let axis: u32 = 0; axis < axes.count; axis++) {
        if (legaliseRun(AXIS_ORDER, axisAt(axis).first)) isChanged = true;
      }
    }
    for (let active: u32 = 0; active < chainCount(); active++) {
      if (legaliseRun(AXIS_CHAIN, chainHead(active))) isChanged = true;
    }
  }
}

/** True when something was dropped. */
function legaliseRun(kind: u32, head: u32): bool {
  let isChanged = false;
  let isOver = false;
  for (let first = head; first != NEVER; ) {
    const end = endOf(kind, first);
    let isComplete = true;
    for (let index = first; index != end; index = nextOf(kind, index)) {
      if (!isWhole(writeAt(index))) isComplete = false;
    }
    const isAlone = nextOf(kind, first) == end;
    for (let index = first; index != end && (isOver || !(isComplete || isAlone)); ) {
      if (!isNothing(writeAt(index))) isChanged = true;
      tearNothing(writeAt(index));
      index = nextOf(kind, index);
    }
    if (!isComplete) isOver = true;
    first = end;
  }
  return isChanged;
}
