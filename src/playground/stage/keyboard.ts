// Walking the marks with the keyboard: Tab goes from lane to lane, arrows from mark to mark within one.
//
// The lane keeps the focus and names its current mark (aria-activedescendant), so that a mark that leaves does not take the focus along.

import type { Mark } from './types.ts';

export type Direction = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown' | 'Home' | 'End';

export function isDirection(key: string): key is Direction {
  return key.startsWith('Arrow') || key === 'Home' || key === 'End';
}

/** The mark to go to from `current`, in reading order; up and down go to the nearest in the next row. */
export function neighbour(
  marks: readonly Mark[],
  current: Mark | undefined,
  direction: Direction,
): Mark | undefined {
  const ordered = [...marks].sort((a, b) => rowOf(a) - rowOf(b) || a.x - b.x);
  if (direction === 'End') return ordered.at(-1);
  if (current === undefined || direction === 'Home') return ordered[0];
  if (direction === 'ArrowUp' || direction === 'ArrowDown') return nextRow(ordered, current, direction);
  const index = ordered.findIndex(({ key }) => key === current.key) + (direction === 'ArrowRight' ? 1 : -1);
  return ordered[Math.max(0, Math.min(ordered.length - 1, index))];
}

const rowOf = ({ y, height }: Mark): number => y + height / 2;
const middleOf = ({ x, width }: Mark): number => x + width / 2;

function nextRow(ordered: readonly Mark[], current: Mark, direction: Direction): Mark | undefined {
  const isBeyond = (mark: Mark): boolean =>
    direction === 'ArrowDown' ? rowOf(mark) > rowOf(current) + 1 : rowOf(mark) < rowOf(current) - 1;
  const beyond = ordered.filter(isBeyond);
  const row = direction === 'ArrowDown' ? beyond[0] : beyond.at(-1);
  if (row === undefined) return current;
  const away = (mark: Mark): number => Math.abs(middleOf(mark) - middleOf(current));
  return beyond
    .filter((mark) => Math.abs(rowOf(mark) - rowOf(row)) < 1)
    .reduce((best, mark) => (away(mark) < away(best) ? mark : best), row);
}
