// How things come and go: what appears flies in from what caused it, what leaves fades as a ghost of itself on its way on.
//
// Verbs: motion (set once for each drawing), enter, slideIn, leave. Changes of place are CSS transitions; this is what those cannot do.
// Invariant: nothing here outlives LONG_MS, and with reduced motion nothing happens at all.

import type { Point, Way } from './types.ts';

const SHORT_MS = 240;
/** For a way with a stop. */
const LONG_MS = 800;
const GHOST_MS = 200;
const EASE = 'cubic-bezier(0.2, 0.7, 0.2, 1)';

export const motion = {
  isOn: false,
  /** A step back: what went forward comes back the same way. */
  isBack: false,
  /** Time until the next step. */
  roomMs: 0,
};

const place = ({ x, y }: Point): string => `translate(${x}px, ${y}px)`;

const longMs = (): number => Math.max(SHORT_MS, Math.min(LONG_MS, motion.roomMs));

/** From another place, with a stop where it has been on the way; or from a little above. */
export function enter(element: Element, at: Point, way: Way | undefined): void {
  if (!motion.isOn) return;
  const from = motion.isBack ? way?.to : way?.from;
  const via = motion.isBack ? undefined : way?.via;
  const start: Keyframe = { transform: place(from ?? via ?? { x: at.x, y: at.y - 12 }), opacity: 0.2 };
  const end: Keyframe = { transform: place(at), opacity: 1 };
  if (via === undefined) {
    element.animate([start, end], { duration: SHORT_MS, easing: EASE });
    return;
  }
  const stop = { transform: place(via), opacity: 1 };
  const keyframes = [
    { ...start, easing: EASE },
    { ...stop, offset: 0.35 },
    { ...stop, offset: 0.65, easing: EASE },
    end,
  ];
  element.animate(keyframes, { duration: longMs() });
}

/** Towards its place from the side. */
export function slideIn(element: Element, offset: number): void {
  if (!motion.isOn) return;
  const keyframes = [
    { transform: place({ x: offset, y: -10 }), opacity: 0.2 },
    { transform: place({ x: 0, y: 0 }), opacity: 1 },
  ];
  element.animate(keyframes, { duration: SHORT_MS, easing: EASE });
}

/** A copy stays for a moment, and goes where its way leads. */
export function leave(element: SVGElement, at: Point, way: Way | undefined): void {
  const ghosts = element.ownerSVGElement?.querySelector('.ghosts');
  if (!motion.isOn || ghosts === null || ghosts === undefined) return;
  const ghost = element.cloneNode(true) as Element;
  for (const name of ['id', 'data-key', 'role', 'aria-label']) ghost.removeAttribute(name);
  ghosts.append(ghost);
  const to = motion.isBack ? way?.from : way?.to;
  const keyframes = [
    { transform: place(at), opacity: 0.8 },
    { transform: place(to ?? at), opacity: to === undefined ? 0 : 0.2 },
  ];
  const animation = ghost.animate(keyframes, {
    duration: to === undefined ? GHOST_MS : longMs(),
    easing: EASE,
  });
  animation.onfinish = () => ghost.remove();
  animation.oncancel = () => ghost.remove();
}
