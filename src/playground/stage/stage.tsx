// The stack: one picture of where everything is at the moment that is shown.
//
// It draws what layout.ts places, at the width it is given; hovers, selects and walks the marks. A jump in time is drawn at once, a step is
// seen as movement.

import { useSignal } from '@preact/signals';
import type { TargetedMouseEvent } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { restBehind, select } from '../actions.ts';
import type { Run } from '../model/run.ts';
import type { EntityKey, StackState } from '../model/types.ts';
import { isMoving, isReadable } from '../reading.ts';
import { cursor, fates, hovered, isPlaying, pace, run, runVersion, selection, stack } from '../state.ts';
import { type DrawnMark, Elements } from './elements.ts';
import { extentOf } from './extent.ts';
import { MIN_WIDTH, TEXT_SIZE } from './geometry.ts';
import { type Happening, happeningsOf } from './happenings.ts';
import { isDirection, neighbour } from './keyboard.ts';
import { Brackets, Guides, Labels, LaneHeader, StripView } from './lanes.tsx';
import { layoutStage } from './layout.ts';
import { Legend } from './legend.tsx';
import { MarkView, markId } from './marks.tsx';
import { motion } from './motion.ts';
import { Patterns } from './patterns.tsx';
import { relatedTo } from './relations.ts';
import { Tags } from './tags.tsx';
import { hasFingers, nearestMark } from './touch.ts';
import type { LaneBox, Mark, StageLayout } from './types.ts';
import { withWays } from './ways.ts';

/** A cursor that moves further than this at once has jumped. */
const JUMP_STEPS = 30;

export function Stage() {
  const frame = useRef<HTMLDivElement>(null);
  const size = useSignal({ width: 0, scale: 1 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const next = sizeIn(Math.floor(element.clientWidth));
      if (next.width !== size.value.width || next.scale !== size.value.scale) size.value = next;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [size]);
  const { width, scale } = size.value;
  const shown = run.value;
  const state = stack.value;
  return (
    <section class="stage" aria-label="The stack">
      <Legend />
      <div class="stage-frame" ref={frame}>
        {shown !== undefined && state !== undefined && width > 0 && (
          <Picture run={shown} state={state} width={width} scale={scale} />
        )}
      </div>
    </section>
  );
}

/** What the picture is laid out for, and how much larger it is drawn: as much as the reader's text, as long as it fits. */
function sizeIn(width: number): { width: number; scale: number } {
  const textSize = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const scale = Math.max(1, Math.min(textSize / TEXT_SIZE, width / MIN_WIDTH));
  return { width: Math.floor(width / scale), scale };
}

interface PictureProps {
  readonly run: Run;
  readonly state: StackState;
  readonly width: number;
  readonly scale: number;
}

function Picture({ run: shown, state, width, scale }: PictureProps) {
  runVersion.value;
  const placed = layoutStage(state, extentOf(shown), width);
  const layout = isReadable.value ? withWays(placed, state) : placed;
  const happenings = isReadable.value ? happeningsOf(shown, state) : [];
  const svg = useRef<SVGSVGElement>(null);
  const change = useChange(shown, state.step, width);
  const isStill = change.isStill || !isMoving.value;
  motion.isOn = !isStill && !prefersLessMotion();
  motion.isBack = change.isBack;
  motion.roomMs = roomBehind(state.step);
  useEmphasis(svg, state);
  const current = useSignal<string | undefined>(undefined);
  const pages = useElements(layout.marks.filter(isPage), isStill);
  const bars = useElements(
    layout.marks.filter((mark) => !isPage(mark)),
    isStill,
  );
  const fate = fates.value;
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: a title would be shown as a tip over every mark; the section names the picture.
    <svg
      ref={svg}
      class={`stack${isStill ? ' is-still' : ''}${isPlaying.value && isReadable.value ? ' is-playing' : ''}${fate.size === 0 ? '' : ' has-fates'}`}
      width={layout.width * scale}
      height={layout.height * scale}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      onPointerOver={(event) => {
        if (event.pointerType !== 'touch') hovered.value = keyUnder(event.target);
      }}
      onPointerLeave={() => {
        hovered.value = undefined;
      }}
      onClick={(event) => select(keyUnder(event.target) ?? keyNear(event, layout, scale))}
      onKeyDown={(event) => walk(event, layout, current.value, (key) => (current.value = key))}
      onFocusOut={() => {
        hovered.value = undefined;
      }}
    >
      <Patterns />
      <Guides guides={layout.guides} />
      {layout.lanes.map((lane, index) => (
        <Lane
          key={lane.key}
          lane={lane}
          index={index}
          layout={layout}
          happenings={happenings}
          current={current.value}
        />
      ))}
      <path class="slots" d={layout.slots} />
      {layout.strips.map((strip) => (
        <StripView key={strip.key} strip={strip} />
      ))}
      <Labels labels={layout.labels} />
      <Brackets brackets={layout.brackets} />
      <g class="pages">
        {pages.map(({ element, mark }) => (
          <MarkView key={element} mark={mark} fate={fate.get(mark.entity)} />
        ))}
      </g>
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus. */}
      <g class="ghosts" aria-hidden="true" />
      <g class="bars">
        {bars.map(({ element, mark }) => (
          <MarkView key={element} mark={mark} fate={fate.get(mark.entity)} />
        ))}
      </g>
      <Tags layout={layout} happenings={happenings} />
    </svg>
  );
}

interface LaneProps {
  readonly lane: LaneBox;
  readonly index: number;
  readonly layout: StageLayout;
  readonly happenings: readonly Happening[];
  readonly current: string | undefined;
}

/** Title, caption and the place of the focus of one lane. */
function Lane({ lane, index, layout, happenings, current }: LaneProps) {
  const marks = layout.marks.filter((mark) => mark.lane === index);
  const active = marks.find(({ key }) => key === current);
  const happening = happenings.find((each) => each.lane === lane.kind && lanesDrive(lane) <= each.drive);
  // what is told at its place need not be told twice
  const isTagged = marks.some(({ entity }) => entity === happening?.at);
  const caption = isTagged ? '' : (happening?.text ?? '');
  const counted =
    marks.length === 0 ? 'nothing in it' : `${marks.length} to walk through with the arrow keys`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of SVG shapes has no element of HTML.
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the lane is a stop of the Tab key only because its marks are walked with the arrows.
    <g
      class="lane"
      role="group"
      tabindex={0}
      data-own-arrows
      data-lane={index}
      aria-label={[`${lane.title}: ${lane.purposeLines.join(' ')}${lane.words}`, lane.facts, counted]
        .filter((part) => part !== '')
        .join('; ')}
      aria-owns={active === undefined ? undefined : markId(active)}
      aria-activedescendant={active === undefined ? undefined : markId(active)}
    >
      <rect
        class="lane-ground"
        x={lane.x}
        y={lane.y + 1}
        width={lane.width}
        height={lane.height - 1}
        rx="4"
      />
      <LaneHeader lane={lane} caption={caption} />
    </g>
  );
}

/** The first drive of a lane's band. */
function lanesDrive({ key, kind }: LaneBox): number {
  return Number(key.slice(kind.length)) || 0;
}

/** A finger need not hit a mark, only come near. */
function keyNear(
  event: TargetedMouseEvent<SVGSVGElement>,
  layout: StageLayout,
  scale: number,
): EntityKey | undefined {
  if (!hasFingers()) return undefined;
  const { left, top } = event.currentTarget.getBoundingClientRect();
  return nearestMark(layout.marks, (event.clientX - left) / scale, (event.clientY - top) / scale)?.entity;
}

function keyUnder(target: EventTarget | null): EntityKey | undefined {
  const element = target instanceof Element ? target.closest('[data-key]') : null;
  return element?.getAttribute('data-key') ?? undefined;
}

function walk(
  event: KeyboardEvent,
  layout: StageLayout,
  current: string | undefined,
  go: (key: string) => void,
): void {
  const lane = event.target instanceof Element ? event.target.closest('[data-lane]') : null;
  if (lane === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const marks = layout.marks.filter((mark) => mark.lane === Number(lane.getAttribute('data-lane')));
  const active = marks.find(({ key }) => key === current);
  if (event.key === 'Enter' && active !== undefined) select(active.entity);
  else if (event.key === 'Escape' && active !== undefined) select(undefined);
  else if (isDirection(event.key) && marks.length > 0) {
    const next = neighbour(marks, active, event.key);
    if (next === undefined) return;
    go(next.key);
    hovered.value = next.entity;
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

const isPage = ({ shape }: Mark): boolean => shape === 'page';

/** What has changed since the last drawing. */
interface Change {
  /** The picture is another moment's, another run's or another width's, and nothing should be seen to move. */
  readonly isStill: boolean;
  readonly isBack: boolean;
}

function useChange(shown: Run, step: number, width: number): Change {
  const last = useRef({ shown, step, width, isStill: true, isBack: false });
  const before = last.current;
  if (before.shown !== shown || before.step !== step || before.width !== width) {
    const isJump = Math.abs(step - before.step) > JUMP_STEPS;
    last.current = {
      shown,
      step,
      width,
      isStill: before.shown !== shown || before.width !== width || isJump,
      isBack: step < before.step,
    };
  }
  return last.current;
}

/** Milliseconds that the moment behind a step is shown for, while it is played. */
function roomBehind(step: number): number {
  if (!isPlaying.peek()) return Number.POSITIVE_INFINITY;
  return pace.peek() === 0 ? 0 : 1000 / pace.peek() + restBehind(step);
}

function prefersLessMotion(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function useElements(marks: readonly Mark[], mayReuse: boolean): DrawnMark[] {
  const elements = useMemo(() => new Elements(), []);
  return elements.assign(marks, mayReuse);
}

/** Marks what belongs to what is hovered or selected; the style sheet dims the rest. On the elements themselves, so that nothing is drawn again. */
function useEmphasis(svg: { readonly current: SVGSVGElement | null }, state: StackState): void {
  const [over, chosen] = [hovered.value, selection.value];
  cursor.value;
  const wasMarked = useRef(false);
  useLayoutEffect(() => {
    const key = over ?? chosen;
    if (key === undefined && !wasMarked.current) return;
    wasMarked.current = key !== undefined;
    const related = key === undefined ? undefined : relatedTo(state, key);
    for (const element of svg.current?.querySelectorAll('[data-key]') ?? []) {
      const own = element.getAttribute('data-key') ?? '';
      element.toggleAttribute('data-related', related?.has(own) ?? false);
      element.toggleAttribute('data-hovered', own === over);
      element.toggleAttribute('data-selected', own === chosen);
    }
    const isSeen = related !== undefined && svg.current?.querySelector('[data-related]') !== null;
    svg.current?.toggleAttribute('data-dimmed', isSeen);
  });
}
