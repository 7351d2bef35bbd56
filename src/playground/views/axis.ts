// Bars on the drive's address axis: what the block lane and the drive lane share.
//
// Verbs: requestRow, drawBar, ticks. A bar begins at its first sector and is as long as its sectors; the pieces that
// were merged into it are joined segments. Its label stands where there is room: behind it, before it or inside.

import { blockOperation, hueOf, SECTORS_PER_PAGE, sectorPages } from '../describe.ts';
import { make, place, reconcile, setText } from '../dom.ts';
import type { Bio, BlockRequest } from '../model.ts';

const TICK_PAGES = 4;
/** Part of the axis that a label needs beside a bar, even on a narrow screen. */
const LABEL_ROOM = 0.4;

export interface BarText {
  readonly label: string;
  readonly state: string;
}

/** A row with one bar and its label. */
export function createRow(): HTMLElement {
  const row = make('li', 'row');
  const bar = make('span', 'bar');
  row.append(bar, make('span', 'label'));
  return row;
}

export function drawBar(
  row: HTMLElement,
  request: Pick<BlockRequest, 'operation' | 'sector' | 'sectorCount'> & { readonly bios: readonly Bio[] },
  total: number,
  { label, state }: BarText,
): void {
  const [bar, text] = [...row.children] as [HTMLElement, HTMLElement];
  const isWhole = request.sectorCount === 0;
  const start = isWhole ? 0 : request.sector / total;
  const end = isWhole ? 1 : (request.sector + request.sectorCount) / total;
  bar.className = `bar ${hueOf(request.operation)} ${state}`;
  place(bar, start, end - start, 1);
  reconcile(
    bar,
    isWhole ? [] : request.bios,
    (bio) => String(bio.sector),
    () => make('span', 'segment'),
    (segment, bio) => {
      segment.style.flexGrow = String(bio.sectorCount);
    },
  );
  const side = Math.max(start, 1 - end) < LABEL_ROOM ? 'inside' : start > 1 - end ? 'before' : 'behind';
  text.className = `label ${side}`;
  text.style.left = side === 'behind' ? `${end * 100}%` : side === 'inside' ? `${start * 100}%` : '';
  text.style.right = side === 'before' ? `${(1 - start) * 100}%` : '';
  const room = side === 'behind' ? 1 - end : side === 'before' ? start : 1 - start;
  text.style.maxWidth = `${room * 100}%`;
  setText(text, label);
}

/** "#4 read 11–13, 3 merged"; the axis says that these are pages. */
export function requestLabel(request: BlockRequest): string {
  const where = request.sectorCount > 0 ? ` ${sectorPages(request.sector, request.sectorCount)}` : '';
  const merged = request.bios.length > 1 ? `, ${request.bios.length} merged` : '';
  return `#${request.id} ${blockOperation(request.operation)}${where}${merged}`;
}

/** Page numbers under an axis of `total` sectors. */
export function drawTicks(axis: HTMLElement, total: number): void {
  const pageCount = total / SECTORS_PER_PAGE;
  for (let page = 0; page < pageCount; page += TICK_PAGES) {
    const tick = make('span', 'tick', String(page));
    tick.style.left = `${(page / pageCount) * 100}%`;
    axis.append(tick);
  }
}
