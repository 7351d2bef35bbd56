// The address axis of a drive: sectors from left to right.
//
// Verbs: makeAxis, axis.x (of a sector), axis.span (of a bar), axis.ticks. A drive of which little is touched is folded: pieces of its
// address space stand beside each other in order, with a gap for what was left out.
// Invariant: x never falls from one sector to the next, and every x lies between left and left + width.

import { formatBytes, formatCount, SECTORS_PER_PAGE } from '../model/describe.ts';
import { BAR_MIN_WIDTH, FOLD_GAP, PIECE_MIN_WIDTH, TICK_MIN_GAP } from './geometry.ts';

/** A range of sectors. */
export interface Piece {
  readonly sector: number;
  readonly sectorCount: number;
}

export interface AxisPiece extends Piece {
  readonly x: number;
  readonly width: number;
}

export interface Tick {
  readonly x: number;
  readonly text: string;
}

export interface Axis {
  readonly left: number;
  readonly width: number;
  readonly pieces: readonly AxisPiece[];
  /** Where a sector begins; one that was folded away is in its gap. */
  x(sector: number): number;
  /** Where a bar of so many sectors stands: at least BAR_MIN_WIDTH wide, and never beyond the axis. */
  span(sector: number, sectorCount: number): { x: number; width: number };
  readonly ticks: readonly Tick[];
}

const SECTOR_BYTES = 512;
/** Drives up to so many pages are counted in pages. */
const PAGES_AT_MOST = 256;

export function makeAxis(pieces: readonly Piece[], left: number, width: number): Axis {
  const placed = place(pieces, left, width);
  const x = (sector: number): number => {
    for (const piece of placed) {
      if (sector < piece.sector) return Math.max(left, piece.x - FOLD_GAP / 2);
      if (sector <= piece.sector + piece.sectorCount) {
        return piece.x + ((sector - piece.sector) / piece.sectorCount) * piece.width;
      }
    }
    return left + width;
  };
  const span = (sector: number, sectorCount: number) => {
    const begin = x(sector);
    const wide = Math.max(BAR_MIN_WIDTH, x(sector + sectorCount) - begin);
    return { x: Math.min(begin, left + width - wide), width: wide };
  };
  return { left, width, pieces: placed, x, span, ticks: ticksOf(placed) };
}

/**
 * Widths in proportion to the sectors, but that no piece is narrower than can be seen; on an axis too narrow for that, pieces are equal and gaps
 * take at most half of it.
 */
function place(pieces: readonly Piece[], left: number, width: number): AxisPiece[] {
  const gap = pieces.length === 1 ? 0 : Math.min(FOLD_GAP, width / 2 / (pieces.length - 1));
  const room = width - gap * (pieces.length - 1);
  const sectors = pieces.reduce((sum, { sectorCount }) => sum + sectorCount, 0);
  const least = Math.min(PIECE_MIN_WIDTH, room / pieces.length);
  const shared = room - least * pieces.length;
  let x = left;
  return pieces.map((piece) => {
    const share = piece.sectorCount / sectors;
    const wide = pieces.length === 1 ? room : least + shared * share;
    const placed = { ...piece, x, width: wide };
    x += wide + gap;
    return placed;
  });
}

function ticksOf(pieces: readonly AxisPiece[]): Tick[] {
  const end = Math.max(...pieces.map(({ sector, sectorCount }) => sector + sectorCount));
  const inPages = end <= PAGES_AT_MOST * SECTORS_PER_PAGE;
  const text = (sector: number): string => (inPages ? pageText(sector) : byteText(sector));
  const ticks: Tick[] = [];
  for (const piece of pieces) {
    const scale = piece.width / piece.sectorCount;
    // no step would be wide enough
    if (!(scale > 0)) continue;
    let step = SECTORS_PER_PAGE;
    while (step * scale < TICK_MIN_GAP) step *= 2;
    for (let sector = Math.ceil(piece.sector / step) * step; ; sector += step) {
      const x = piece.x + (sector - piece.sector) * scale;
      if (x > piece.x + piece.width - TICK_MIN_GAP / 2 && ticks.length > 0) break;
      if (sector >= piece.sector + piece.sectorCount) break;
      if (x - (ticks.at(-1)?.x ?? Number.NEGATIVE_INFINITY) >= TICK_MIN_GAP - 1) {
        ticks.push({ x, text: text(sector) });
      }
    }
  }
  return ticks;
}

function pageText(sector: number): string {
  const page = sector / SECTORS_PER_PAGE;
  return page === 0 ? 'page 0' : formatCount(page);
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function byteText(sector: number): string {
  let amount = (sector * SECTOR_BYTES) / 1024;
  if (amount === 0) return '0';
  let unit = 0;
  while (amount % 1024 === 0 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  if (amount < 100_000) return `${formatCount(amount)} ${UNITS[unit]}`;
  return formatBytes(sector * SECTOR_BYTES);
}
