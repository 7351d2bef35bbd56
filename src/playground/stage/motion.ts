// How things come and go: what appears flies in from what caused it, what leaves fades as a ghost of itself.
//
// Verbs: motion.isOn (set once for each drawing), enter, slideIn, leave. Changes of place are CSS transitions; this is what those cannot do.
// Invariant: nothing here outlives GHOST_MS, and with reduced motion nothing happens at all.

const ENTER_MS = 240;
const GHOST_MS = 200;
const EASE = 'cubic-bezier(0.2, 0.7, 0.2, 1)';

export const motion = { isOn: false };

const place = (x: number, y: number): string => `translate(${x}px, ${y}px)`;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** From another place, or from a little above. */
export function enter(element: Element, to: Point, from: Point | undefined): void {
  if (!motion.isOn) return;
  const start = from ?? { x: to.x, y: to.y - 12 };
  element.animate(
    [
      { transform: place(start.x, start.y), opacity: 0.2 },
      { transform: place(to.x, to.y), opacity: 1 },
    ],
    { duration: ENTER_MS, easing: EASE },
  );
}

/** Towards its place from the side. */
export function slideIn(element: Element, offset: number): void {
  if (!motion.isOn) return;
  const keyframes = [
    { transform: place(offset, -10), opacity: 0.2 },
    { transform: place(0, 0), opacity: 1 },
  ];
  element.animate(keyframes, { duration: ENTER_MS, easing: EASE });
}

/** A copy stays for a moment, and moves to `to` where that is given. */
export function leave(element: SVGElement, at: Point, to: Point | undefined): void {
  const ghosts = element.ownerSVGElement?.querySelector('.ghosts');
  if (!motion.isOn || ghosts === null || ghosts === undefined) return;
  const ghost = element.cloneNode(true) as Element;
  for (const name of ['id', 'data-key', 'role', 'aria-label']) ghost.removeAttribute(name);
  ghosts.append(ghost);
  const end = to ?? at;
  const keyframes = [
    { transform: place(at.x, at.y), opacity: 0.8 },
    { transform: place(end.x, end.y), opacity: 0 },
  ];
  const animation = ghost.animate(keyframes, { duration: GHOST_MS, easing: EASE });
  animation.onfinish = () => ghost.remove();
  animation.oncancel = () => ghost.remove();
}
