// What the media of a drive holds, as few shapes as there are to be seen: cells side by side and alike become one, and what is narrower than
// a pixel shares it.
//
// Verbs: mediaPaths (durable, volatile and lost cells as path data), occupied (ranges merged on an axis), spansPath.

import type { DriveState } from '../model/types.ts';
import type { Axis } from './axis.ts';
import type { Strip } from './types.ts';

interface Span {
  readonly x: number;
  readonly end: number;
}

/** By the number of the cell, from 1. */
const KINDS = ['durable', 'volatile', 'lost', 'found'] as const;
const DURABLE = 1;

export function mediaPaths(
  { media, sectorsACell }: DriveState,
  axis: Axis,
  y: number,
  height: number,
): { paths: Strip['paths']; durableSectors: number } {
  const spans: Span[][] = KINDS.map(() => []);
  for (const piece of axis.pieces) {
    const scale = piece.width / piece.sectorCount;
    const first = Math.floor(piece.sector / sectorsACell);
    const last = Math.min(media.length, Math.ceil((piece.sector + piece.sectorCount) / sectorsACell));
    let begin = first;
    for (let cell = first; cell < last; cell = begin) {
      const kind = media[cell] ?? 0;
      begin = cell + 1;
      while (begin < last && media[begin] === kind) begin++;
      if (kind === 0) continue;
      const x = piece.x + Math.max(0, cell * sectorsACell - piece.sector) * scale;
      const end = piece.x + Math.min(piece.sectorCount, begin * sectorsACell - piece.sector) * scale;
      addSpan(spans[kind - 1] ?? [], { x, end });
    }
  }
  let durableCells = 0;
  for (const kind of media) if (kind === DURABLE) durableCells++;
  return {
    paths: KINDS.flatMap((kind, index) => {
      const own = spans[index] ?? [];
      // what was there before leaves the edge of the strip to be seen
      const inset = kind === 'found' ? 1 : 0;
      return own.length === 0 ? [] : [{ kind, data: spansPath(own, y + inset, height - 2 * inset) }];
    }),
    durableSectors: durableCells * sectorsACell,
  };
}

/** To the right of all before; what comes within half a pixel of the last makes that longer. */
function addSpan(spans: Span[], { x, end }: Span): void {
  const last = spans.at(-1);
  const wide = Math.max(end, x + 1);
  if (last !== undefined && x <= last.end + 0.5)
    spans[spans.length - 1] = { x: last.x, end: Math.max(last.end, wide) };
  else spans.push({ x, end: wide });
}

export function occupied(
  axis: Axis,
  ranges: readonly { readonly sector: number; readonly sectorCount: number }[],
): Span[] {
  const spans: Span[] = [];
  for (const { sector, sectorCount } of [...ranges].sort((a, b) => a.sector - b.sector)) {
    const { x, width } = axis.span(sector, sectorCount);
    addSpan(spans, { x, end: x + width });
  }
  return spans;
}

const round = (value: number): number => Math.round(value * 10) / 10;

export function spansPath(spans: readonly Span[], y: number, height: number): string {
  return spans.map(({ x, end }) => `M${round(x)} ${y}H${round(end)}v${height}H${round(x)}z`).join('');
}
