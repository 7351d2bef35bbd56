// The ways of requests, as the records tell them: from the page that they write or fill, through the queue, to the media or back to the page.
//
// Verbs: withWays. Pure. A way is seen when a request appears or leaves; in between it moves from place to place by itself.

import type { BlockRequest, EntityKey, StackState, VolatileWrite } from '../model/types.ts';
import { pageAt } from './relations.ts';
import type { Mark, StageLayout, Strip, StripKind, Way } from './types.ts';

type Travelling = BlockRequest | VolatileWrite;

const isRequest = (one: Travelling): one is BlockRequest => 'bios' in one;

/** The layout with a way for each request of its drives. */
export function withWays(layout: StageLayout, state: StackState): StageLayout {
  const travelling = new Map<EntityKey, Travelling>();
  for (const { waiting, inService, volatileWrites } of state.drives)
    for (const one of [...waiting, ...inService, ...volatileWrites]) travelling.set(one.key, one);
  if (travelling.size === 0) return layout;
  const placeOf = pagePlaces(layout, state, travelling.values());
  const marks = layout.marks.map((mark): Mark => {
    const one = travelling.get(mark.entity);
    return one === undefined ? mark : { ...mark, way: wayOf(one, mark, layout, placeOf(one)) };
  });
  return { ...layout, marks };
}

function wayOf(one: Travelling, { x }: Mark, { strips }: StageLayout, page: Mark | undefined): Way {
  const strip = (kind: StripKind): Strip | undefined =>
    strips.find((each) => each.kind === kind && each.drive === one.drive);
  const inStrip = (kind: StripKind): Way['via'] => {
    const y = strip(kind)?.y;
    return y === undefined ? undefined : { x, y: y + 1 };
  };
  const from = page === undefined ? undefined : { x: page.x, y: page.y };
  const isWaiting = isRequest(one) && one.state === 'waiting';
  const hasFailed = isRequest(one) && one.isFaulty;
  const goesNowhere = isWaiting || hasFailed || one.hue === 'flush';
  return {
    from,
    via: isRequest(one) && !isWaiting ? inStrip('waiting') : undefined,
    to: goesNowhere ? undefined : one.hue === 'read' ? from : inStrip('media'),
  };
}

/** Where the page of each request is drawn, if it is. */
function pagePlaces(
  layout: StageLayout,
  state: StackState,
  travelling: Iterable<Travelling>,
): (one: Travelling) => Mark | undefined {
  const pageOf = new Map<Travelling, EntityKey>();
  for (const one of travelling) {
    const page = isRequest(one) ? pageAt(state, one.drive, one.sector) : undefined;
    if (page !== undefined) pageOf.set(one, page);
  }
  const wanted = new Set(pageOf.values());
  const places = new Map<EntityKey | undefined, Mark>();
  for (const mark of layout.marks)
    if (mark.shape === 'page' && wanted.has(mark.entity)) places.set(mark.entity, mark);
  return (one) => places.get(pageOf.get(one));
}
