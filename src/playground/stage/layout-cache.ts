// The page cache as a grid of squares, a place for each page it can hold.
//
// A cache of more than PAGE_SQUARES pages shares them: a square stands for as many pages, and shows the part in each state.

import { formatCount, formatCounted } from '../model/describe.ts';
import type { CachedPage, PageState, StackState } from '../model/types.ts';
import type { RunExtent } from './extent.ts';
import * as g from './geometry.ts';
import { namePage, namePages } from './names.ts';
import { textWidth } from './text.ts';
import {
  type Box,
  type LaneContent,
  type LooseMark,
  mark,
  NO_PARTS,
  NOTHING,
  type Part,
  type Place,
} from './types.ts';

export interface Grid {
  readonly squares: number;
  readonly pagesASquare: number;
  readonly size: number;
  readonly pitch: number;
  readonly columns: number;
  readonly rows: number;
}

function pagesASquareOf(capacityPages: number): number {
  let pagesASquare = 1;
  while (capacityPages / pagesASquare > g.PAGE_SQUARES) pagesASquare *= 2;
  return pagesASquare;
}

export function gridOf(capacityPages: number, width: number): Grid {
  const pagesASquare = pagesASquareOf(capacityPages);
  const squares = Math.ceil(capacityPages / pagesASquare);
  const height = width < g.NARROW_GRID_BELOW ? g.NARROW_GRID_HEIGHT : g.PAGE_GRID_HEIGHT;
  for (let choice = 0; ; choice++) {
    const size = g.PAGE_SIZES[choice] ?? g.PAGE_SIZES.at(-1) ?? 8;
    const pitch = size + (g.PAGE_GAPS[choice] ?? 2);
    const columns = Math.max(1, Math.floor((width + pitch - size) / pitch));
    const rows = Math.ceil(squares / columns);
    if (rows * pitch <= height || choice >= g.PAGE_SIZES.length - 1) {
      return { squares, pagesASquare, size, pitch, columns, rows };
    }
  }
}

function squareBox(square: number, { columns, pitch, size }: Grid, place: Place): Box {
  return {
    x: place.left + (square % columns) * pitch,
    y: place.top + Math.floor(square / columns) * pitch,
    width: size,
    height: size,
  };
}

export function layoutCache(state: StackState, extent: RunExtent, lane: Place): LaneContent {
  const { cache } = state;
  // the squares begin where the address axes below begin
  const place = { ...lane, left: lane.left + g.FLUSH_COLUMN, width: lane.width - g.FLUSH_COLUMN };
  if (cache.capacityPages === 0)
    return { ...NOTHING, words: 'there is none: requests go straight to the drive' };
  if (!extent.usesCache) return { ...NOTHING, words: 'not used here: every request goes around it' };
  const grid = gridOf(cache.capacityPages, place.width);
  const marks: LooseMark[] = [];
  let slots = '';
  for (let square = 0; square < grid.squares; square++) {
    const box = squareBox(square, grid, place);
    const made = grid.pagesASquare === 1 ? onePage(state, square, box) : several(state, square, grid, box);
    if (made !== undefined) marks.push(made);
    else slots += `M${box.x + 0.5} ${box.y + 0.5}h${box.width - 1}v${box.height - 1}h${1 - box.width}z`;
  }
  const height = grid.rows * grid.pitch - (grid.pitch - grid.size);
  if (grid.pagesASquare > 1 || !extent.hasDoorway) return { ...NOTHING, marks, slots, height };
  return { ...withDoorway(state, grid, place, marks, height), slots };
}

/** How full it is, and for how many pages a square stands. */
export function cacheFacts({ cache }: StackState): string {
  const held = Math.min(cache.pageCount, cache.capacityPages);
  const parts = [`${formatCount(held)} of ${formatCounted(cache.capacityPages, 'page')}`];
  const pagesASquare = pagesASquareOf(cache.capacityPages);
  if (pagesASquare > 1) parts.push(`${formatCount(pagesASquare)} to a square`);
  if (cache.dirtyCount > 0) parts.unshift(`${formatCount(cache.dirtyCount)} dirty`);
  return parts.join(' · ');
}

/** Below the grid: pages that have given up their place and are written before they leave, and pages that wait for one. */
function withDoorway(
  state: StackState,
  grid: Grid,
  place: Place,
  marks: readonly LooseMark[],
  height: number,
): LaneContent {
  const size = Math.min(grid.size, g.DOORWAY_SIZE);
  const leaving = state.cache.slots.slice(state.cache.capacityPages).filter((page) => page !== undefined);
  const text = doorwayText(leaving);
  const left = place.left + textWidth(text, g.LABEL_SIZE);
  const room = Math.max(0, Math.floor((place.left + place.width - left) / (size + 2)));
  const y = place.top + height + g.DOORWAY_GAP;
  const out = leaving.slice(0, room).flatMap((page, index) => {
    return onePage(state, page.slot, { x: left + index * (size + 2), y, width: size, height: size }) ?? [];
  });
  const label = {
    key: 'cache:doorway',
    x: place.left,
    y: y + size / 2 + 4,
    kind: 'note',
    anchor: 'start',
  } as const;
  return {
    ...NOTHING,
    marks: [...marks, ...out],
    labels: leaving.length === 0 ? [] : [{ ...label, text }],
    height: height + g.DOORWAY_GAP + size,
  };
}

function doorwayText(pages: readonly CachedPage[]): string {
  const leavingCount = pages.filter(({ isLeaving }) => isLeaving).length;
  if (leavingCount === pages.length) return 'leaving, once written:';
  return leavingCount === 0 ? 'waiting for a place:' : 'leaving, or waiting for a place:';
}

function onePage(state: StackState, slot: number, box: Box): LooseMark | undefined {
  const page = state.cache.slots[slot];
  if (page === undefined) return undefined;
  const file = state.shape.files.findIndex(({ number }) => number === page.file);
  const isDirtyAgain = page.state === 'writeback' && page.isDirtyAgain;
  return mark({
    ...box,
    key: page.key,
    entity: page.key,
    shape: 'page',
    state: isDirtyAgain ? 'dirtyAgain' : page.state,
    hue: page.state === 'reading' || page.state === 'clean' ? 'read' : 'write',
    name: namePage(page, state.shape.files[file]?.name ?? `file ${page.file}`),
    text: box.width >= g.PAGE_TEXT_FROM ? pageText(page, file, state.shape.files.length) : '',
    parts: blocksOf(page, state.shape.blocksAPage),
    traits: [
      page.lookup ?? '',
      page.isLeaving ? 'leaving' : '',
      page.isAhead ? 'ahead' : '',
      page.isActive ? 'active' : '',
    ]
      .filter((trait) => trait !== '')
      .join(' '),
  });
}

/** State of each block, where they differ; a page whose blocks are alike has one state. */
function blocksOf(page: CachedPage, blocksAPage: number): readonly Part[] {
  const all = 2 ** blocksAPage - 1;
  const isMixed = [page.uptodate, page.dirty, page.writeback].some((bits) => bits !== 0 && bits !== all);
  if (blocksAPage === 1 || !isMixed) return NO_PARTS;
  return Array.from({ length: blocksAPage }, (_, block): Part => {
    const has = (bits: number): boolean => ((bits >>> block) & 1) === 1;
    const held = has(page.uptodate) ? 'clean' : page.state === 'reading' ? 'reading' : 'absent';
    const state = has(page.writeback) ? 'writeback' : has(page.dirty) ? 'dirty' : held;
    return { state, share: 1 / blocksAPage };
  });
}

/** The page's number; with a letter for its file where there are several. */
function pageText(page: CachedPage, file: number, fileCount: number): string {
  const letter = fileCount > 1 && file >= 0 && file < 26 ? String.fromCharCode(97 + file) : '';
  const text = letter + page.index;
  return text.length <= 4 ? text : '';
}

const PART_STATES = ['reading', 'dirty', 'writeback', 'clean'] as const;

interface Face {
  readonly parts: readonly Part[];
  readonly name: string;
}

/** Faces of squares by their counts: hundreds of squares have a few faces between them, and look the same again in the next frame. */
const faces = new Map<string, Face>();
const MOST_FACES = 4096;

function faceOf(counts: Record<PageState, number>, pageCount: number, pagesASquare: number): Face {
  const { reading, dirty, writeback, clean } = counts;
  const key = `${pagesASquare}:${reading}:${dirty}:${writeback}:${clean}`;
  const known = faces.get(key);
  if (known !== undefined) return known;
  const face: Face = {
    parts: PART_STATES.filter((state) => counts[state] > 0).map((state) => ({
      state,
      share: counts[state] / pagesASquare,
    })),
    name: namePages(pageCount, (state) => counts[state]),
  };
  if (faces.size === MOST_FACES) faces.clear();
  faces.set(key, face);
  return face;
}

function several(state: StackState, square: number, grid: Grid, box: Box): LooseMark | undefined {
  const { slots } = state.cache;
  const begin = square * grid.pagesASquare;
  const end = Math.min(begin + grid.pagesASquare, slots.length);
  const counts = { reading: 0, dirty: 0, writeback: 0, clean: 0 };
  let first: CachedPage | undefined;
  let pageCount = 0;
  for (let slot = begin; slot < end; slot++) {
    const page = slots[slot];
    if (page === undefined) continue;
    first ??= page;
    counts[page.state]++;
    pageCount++;
  }
  if (first === undefined) return undefined;
  return mark({
    ...box,
    ...faceOf(counts, pageCount, grid.pagesASquare),
    key: `square:${square}`,
    entity: first.key,
    shape: 'page',
    state: 'several',
    // its parts have their own
    hue: 'write',
  });
}
