// The small signs in marks, as path data around their middle.
//
// They repeat in shape what hue and pattern say: arrows for the way that bytes go, a tick, a cross, and outlines of small bars.

/** Towards the drive, away from it. */
export const DOWN = 'M0 -4V4M-3 1L0 4L3 1';
export const UP = 'M0 4V-4M-3 -1L0 -4L3 -1';
export const BOTH = 'M-2.5 4V-4M-4.5 -2L-2.5 -4L-0.5 -2M2.5 -4V4M0.5 2L2.5 4L4.5 2';
export const TICK = 'M-3.5 0L-1 3L3.5 -3';
export const CROSS = 'M-3 -3L3 3M3 -3L-3 3';
export const EQUALS = 'M-3 -1.75H3M-3 1.75H3';

/** A bar that is too narrow for an arrow points itself: up when bytes leave the drive, else down. */
export function pointedPath(width: number, height: number, isUp: boolean): string {
  const tip = Math.min(3, height / 3);
  const half = width / 2;
  return isUp
    ? `M0 ${tip}L${half} 0L${width} ${tip}V${height}H0z`
    : `M0 0H${width}V${height - tip}L${half} ${height}L0 ${height - tip}z`;
}

/** A flush has no length: a diamond. */
export function diamondPath(width: number, height: number): string {
  return `M${width / 2} 0L${width} ${height / 2}L${width / 2} ${height}L0 ${height / 2}z`;
}
