// Numbers in words: counts with separators, times, sizes, ranges of pages.
//
// Verbs: formatCount, formatCounted, formatTime, formatBytes, pageRange, sectorPages, byteRange.

import { PAGE_SHIFT, PAGE_SIZE, SECTOR_SHIFT } from '../../../assembly/limits.ts';

export const SECTORS_PER_PAGE = 1 << (PAGE_SHIFT - SECTOR_SHIFT);

const BEFORE_THOUSANDS = /\B(?=(\d{3})+$)/g;
const counts = new Intl.NumberFormat('en-US');
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
/** Sizes are told in the largest unit that they fill. */
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 53,248 */
export function formatCount(count: number): string {
  // a picture has a thousand of them, and Intl is slow
  return Number.isInteger(count) ? String(count).replace(BEFORE_THOUSANDS, ',') : counts.format(count);
}

/** 1 write, 2 writes */
export function formatCounted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A moment: 1,240 µs, or 36.091226 s from the first second on. */
export function formatTime(nanoseconds: number): string {
  const microseconds = Math.floor(nanoseconds / 1000);
  if (nanoseconds < 1e9) return `${formatCount(microseconds)} µs`;
  return `${formatCount(Math.floor(microseconds / 1e6))}.${String(microseconds % 1e6).padStart(6, '0')} s`;
}

/** 800 ns, 12.4 µs, 1.2 ms, 3 s: a length of time in the unit that suits it. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${tenths.format(nanoseconds)} ns`;
  if (nanoseconds < 1e6) return `${tenths.format(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 1e9) return `${tenths.format(nanoseconds / 1e6)} ms`;
  return `${tenths.format(nanoseconds / 1e9)} s`;
}

/** 1,000 B, 28 KiB, 3 MiB: exact, in the largest unit that divides it. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  while (bytes >= 1024 && bytes % 1024 === 0 && unit < BYTE_UNITS.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${formatCount(bytes)} ${BYTE_UNITS[unit]}`;
}

/** page 6, or pages 7–19 */
export function pageRange(first: number, count: number): string {
  return count === 1
    ? `page ${formatCount(first)}`
    : `pages ${formatCount(first)}–${formatCount(first + count - 1)}`;
}

/** Numbers of the pages in which sectors lie: 6, or 7–19. */
export function sectorPages(sector: number, sectorCount: number): string {
  const first = Math.floor(sector / SECTORS_PER_PAGE);
  const last = Math.floor((sector + sectorCount - 1) / SECTORS_PER_PAGE);
  return first === last ? String(first) : `${first}–${last}`;
}

/** Bytes as the pages they lie in; with the offset where they do not begin a page. */
export function byteRange(offsetBytes: number, lengthBytes: number): string {
  const first = Math.floor(offsetBytes / PAGE_SIZE);
  const last = Math.floor((offsetBytes + lengthBytes - 1) / PAGE_SIZE);
  const within = offsetBytes % PAGE_SIZE;
  return pageRange(first, last - first + 1) + (within === 0 ? '' : ` + ${formatCount(within)}`);
}
