// One mark: a bar, a flush, a request of an application, a page. The legend and the picture are made with the same.
//
// Invariant: a mark's outermost element carries its place, its key and its name; what is in it starts at 0, 0.

import { Component, type ComponentChild, createRef } from 'preact';
import type { Fate } from '../state.ts';
import {
  BAR_ARROW_FROM,
  CHIP_ARROW_FROM,
  MARK_SIZE,
  MARK_TEXT_LEFT,
  PLATE_END,
  SIGN_WIDTH,
} from './geometry.ts';
import { BOTH, CROSS, DOWN, diamondPath, EQUALS, pointedPath, TICK, UP } from './glyphs.ts';
import { isSame } from './memo.ts';
import { enter, leave, slideIn } from './motion.ts';
import { textWidth } from './text.ts';
import type { Mark } from './types.ts';

interface MarkProps {
  readonly mark: Mark;
  readonly fate: Fate | undefined;
}

export class MarkView extends Component<MarkProps> {
  readonly #group = createRef<SVGGElement>();

  override componentDidMount(): void {
    const { mark } = this.props;
    if (this.#group.current !== null && mark.shape !== 'page') enter(this.#group.current, mark, mark.way);
  }

  override componentWillUnmount(): void {
    const { mark } = this.props;
    if (this.#group.current !== null && mark.shape !== 'page') leave(this.#group.current, mark, mark.way);
  }

  override shouldComponentUpdate(next: Readonly<MarkProps>): boolean {
    return next.fate !== this.props.fate || !isSame(this.props.mark, next.mark);
  }

  override render({ mark, fate }: MarkProps): ComponentChild {
    const fateClass = fate === undefined ? '' : ` fate-${fate}`;
    return (
      // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a mark is a picture; its lane has the focus.
      <g
        ref={this.#group}
        id={markId(mark)}
        class={`mark ${mark.shape} is-${mark.state} hue-${mark.hue} ${mark.traits}${fateClass}`}
        data-key={mark.entity}
        role="img"
        aria-label={fate === undefined ? mark.name : `${mark.name}; ${FATE_WORDS[fate]}`}
        style={{ transform: `translate(${mark.x}px, ${mark.y}px)` }}
      >
        {mark.shape === 'page' ? pageBody(mark) : barBody(mark)}
        {fate !== undefined && fateSign(mark, fate)}
        <rect class="mark-ring" x="-3" y="-3" width={mark.width + 6} height={mark.height + 6} rx="4" />
      </g>
    );
  }
}

const FATE_WORDS: Record<Fate, string> = {
  kept: 'survives the power cut',
  lost: 'is lost in the power cut',
  torn: 'survives in part',
};

/** Of the element, for whoever points at it. */
export function markId(mark: Pick<Mark, 'key'>): string {
  return `mark-${mark.key.replaceAll(':', '-')}`;
}

// what follows are calls, no components: there are a thousand marks, and each component costs

function barBody(mark: Mark): ComponentChild {
  const { width, height, shape, hue, cuts, joined, text } = mark;
  const isChip = shape === 'chip';
  const hasArrow = shape !== 'flush' && width >= (isChip ? CHIP_ARROW_FROM : BAR_ARROW_FROM) && height >= 12;
  const middle = height / 2;
  return (
    <>
      {shape === 'flush' ? (
        <path class="body" d={diamondPath(width, height)} />
      ) : width < BAR_ARROW_FROM && !isChip ? (
        <path class="body" d={pointedPath(width, height, hue === 'read')} />
      ) : (
        <rect class="body" style={{ width: `${width}px` }} height={height} rx={isChip ? 4 : 2} />
      )}
      {joined !== undefined && <Joining key={`${joined.end}:${cuts.length}`} mark={mark} joined={joined} />}
      {cuts.length > 1 && (
        <path class="cuts" d={cuts.map((x) => (x < 1 ? '' : `M${x} 0V${height}`)).join('')} />
      )}
      {hasArrow && (
        <rect
          class="plate"
          x="0.75"
          y="0.75"
          width={plateWidth(mark)}
          height={height - 1.5}
          rx={isChip ? 3 : 1.5}
        />
      )}
      {hasArrow && <path class="sign" d={signOf(mark)} transform={`translate(10 ${middle})`} />}
      {text !== '' && (
        <text class="mark-text" x={MARK_TEXT_LEFT} y={middle + 4}>
          {text}
        </text>
      )}
      {mark.state === 'failed' && (
        <path class="crossed" d={`M0 0L${width} ${height}M0 ${height}L${width} 0`} />
      )}
    </>
  );
}

/** A plain ground for the sign and the words of a mark, so that they can be read on stripes. */
function plateWidth({ text, width }: Mark): number {
  const wide = text === '' ? SIGN_WIDTH : MARK_TEXT_LEFT + textWidth(text, MARK_SIZE) + PLATE_END;
  return Math.min(wide, width - 1.5);
}

function signOf({ state, hue }: Mark): string {
  if (state === 'done') return TICK;
  if (hue === 'read') return UP;
  if (hue === 'flush') return 'M0 -4L4 0L0 4L-4 0z';
  return hue === 'discard' ? CROSS : DOWN;
}

interface JoiningProps {
  readonly mark: Mark;
  readonly joined: NonNullable<Mark['joined']>;
}

/** The piece that has just joined: it slides to its neighbour from the side on which it lies. */
class Joining extends Component<JoiningProps> {
  readonly #rect = createRef<SVGRectElement>();

  override componentDidMount(): void {
    const { end, width } = this.props.joined;
    const distance = Math.max(24, width);
    if (this.#rect.current !== null) slideIn(this.#rect.current, end === 'back' ? distance : -distance);
  }

  override render({ joined, mark }: JoiningProps): ComponentChild {
    return (
      <rect ref={this.#rect} class="joining" x={joined.x} width={joined.width} height={mark.height} rx="2" />
    );
  }
}

const PAGE_SIGNS: Partial<Record<Mark['state'], string>> = {
  reading: UP,
  writeback: DOWN,
  dirtyAgain: BOTH,
  clean: EQUALS,
};
/** Smaller squares have no sign: their fill alone tells. */
const SIGN_FROM = 14;
const TEXT_LINE = 12;

function pageBody(mark: Mark): ComponentChild {
  const { width, height, text, parts, state } = mark;
  if (state === 'several') return severalBody(mark);
  const signY = text === '' ? height / 2 : (height + TEXT_LINE) / 2 + 1;
  // blocks tell more than one sign for all of them
  const isWhole = parts.length === 0;
  const sign = isWhole ? PAGE_SIGNS[state] : undefined;
  return (
    <>
      <rect class="body" x="0.5" y="0.5" width={width - 1} height={height - 1} rx="2" />
      {!isWhole && blocks(mark)}
      {text !== '' && (
        <text class="page-text" x={width / 2} y={TEXT_LINE}>
          {text}
        </text>
      )}
      {width >= SIGN_FROM && sign !== undefined && (
        <path
          class="sign"
          d={sign}
          transform={`translate(${width / 2} ${signY}) scale(${width < 20 ? 0.75 : 0.9})`}
        />
      )}
      {state === 'dirty' && isWhole && (
        <circle class="dot" cx={width / 2} cy={signY} r={Math.max(1.5, Math.min(3, width / 8))} />
      )}
    </>
  );
}

/** Blocks of a page, two rows of them, below its number. */
function blocks({ width, height, parts, text }: Mark): ComponentChild {
  const top = text === '' ? 2 : TEXT_LINE + 3;
  const columns = Math.ceil(parts.length / 2);
  const cellWidth = (width - 4) / columns;
  const cellHeight = (height - top - 2) / 2;
  return (
    <g class="blocks">
      {parts.map((part, index) => (
        <rect
          key={index}
          class={`block is-${part.state}`}
          x={2 + (index % columns) * cellWidth}
          y={top + Math.floor(index / columns) * cellHeight}
          width={Math.max(1, cellWidth - 1)}
          height={Math.max(1, cellHeight - 1)}
        />
      ))}
    </g>
  );
}

/** Pages that share a square: from the bottom up, as much as there is in each state. A path each: one attribute to change. */
function severalBody({ width, height, parts }: Mark): ComponentChild {
  let bottom = height - 0.5;
  return (
    <>
      <rect class="body" x="0.5" y="0.5" width={width - 1} height={height - 1} />
      {parts.map(({ state, share }) => {
        const tall = share * (height - 1);
        bottom -= tall;
        return (
          <path
            key={state}
            class={`block is-${state}`}
            d={`M0.5 ${bottom}h${width - 1}v${tall}h${1 - width}z`}
          />
        );
      })}
    </>
  );
}

/** A badge at the end: near the top corner of what is tall, else in the middle, so that it keeps clear of the words above a strip. */
function fateSign({ width, height }: Mark, fate: Fate): ComponentChild {
  return (
    <g class="fate" transform={`translate(${width} ${height > 20 ? 3 : height / 2})`}>
      <circle r="6.5" />
      <path d={fate === 'kept' ? TICK : fate === 'lost' ? CROSS : 'M-3 0H3'} />
    </g>
  );
}
