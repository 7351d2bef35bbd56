// What stands still: titles, hairlines, axes, strips with their media, empty slots.

import { Fragment } from 'preact';
import { CAPTION_SIZE, LABEL_SIZE, NARROW_LINES, PURPOSE_LINE, WIDE_LINES } from './geometry.ts';
import { memo } from './memo.ts';
import { fitSentence, fitText, textWidth } from './text.ts';
import type { Bracket, Guide, Label, LaneBox, Strip, StripKind } from './types.ts';

interface HeaderProps {
  readonly lane: LaneBox;
  /** What has just happened; empty: nothing. */
  readonly caption: string;
}

export const LaneHeader = memo(({ lane, caption }: HeaderProps) => {
  const { isWide, x, y, width, contentX, contentWidth, title, purposeLines, words, facts } = lane;
  const lines = isWide ? WIDE_LINES : NARROW_LINES;
  const factsWidth = textWidth(facts, LABEL_SIZE);
  const room = isWide ? contentWidth - factsWidth - CAPTION_SIZE * 2 : width;
  const showsPurpose = isWide || caption === '';
  const wordsX = isWide ? contentX : x;
  const wordsY = y + (isWide ? lines.title : lines.purpose);
  return (
    <g class="lane-header">
      {y > 0 && <path class="hairline" d={`M${x} ${y + 0.5}H${x + width}`} />}
      <text class="lane-title" x={x} y={y + lines.title}>
        {title}
      </text>
      {showsPurpose &&
        purposeLines.map((line, index) => (
          <text key={line} class="lane-purpose" x={x} y={y + lines.purpose + index * PURPOSE_LINE}>
            {line}
          </text>
        ))}
      <text class="lane-facts" x={contentX + contentWidth} y={y + lines.title} text-anchor="end">
        {facts}
      </text>
      {words !== '' && (
        <text class="lane-purpose" x={wordsX} y={wordsY}>
          {fitText(words, room, LABEL_SIZE)}
        </text>
      )}
      {caption !== '' && words === '' && (
        <text class="lane-caption" x={wordsX} y={wordsY}>
          {fitSentence(caption, room, CAPTION_SIZE)}
        </text>
      )}
    </g>
  );
});

export const Guides = memo(({ guides }: { guides: readonly Guide[] }) => (
  <path
    class="guides"
    d={guides.map(({ x, y, height }) => `M${Math.round(x) + 0.5} ${y}v${height}`).join('')}
  />
));

export const Labels = memo(({ labels }: { labels: readonly Label[] }) => (
  <g class="labels">
    {labels.map(({ key, kind, x, y, text, anchor }) => (
      <text key={key} class={`label-${kind}`} x={x} y={y} text-anchor={anchor}>
        {text}
      </text>
    ))}
  </g>
));

/** Strips in which the lines of the axis go on: behind the bars, and not behind words. */
const HAS_GUIDES: ReadonlySet<StripKind> = new Set(['inService', 'volatile']);

export const StripView = memo(({ strip }: { strip: Strip }) => {
  const { kind, x, y, width, height, label, labelY, facts, emptyText, paths, headX, axis, isFlushing } =
    strip;
  return (
    <g class={`strip strip-${kind}${isFlushing ? ' is-flushing' : ''}`}>
      {axis.pieces.map((piece) => (
        <rect
          key={piece.sector}
          class="strip-ground"
          x={piece.x}
          y={kind === 'media' ? y + 0.5 : y}
          width={piece.width}
          height={kind === 'media' ? height - 1 : height}
        />
      ))}
      {HAS_GUIDES.has(kind) && (
        <path
          class="guides"
          d={axis.ticks.map((tick) => `M${Math.round(tick.x) + 0.5} ${y}v${height}`).join('')}
        />
      )}
      {axis.pieces.slice(1).map((piece) => (
        <path
          key={piece.sector}
          class="fold"
          d={`M${piece.x - 10} ${y + height}L${piece.x - 6} ${y}M${piece.x - 6} ${y + height}L${piece.x - 2} ${y}`}
        />
      ))}
      {label !== '' && (
        <text class="strip-label" x={x} y={labelY}>
          {label}
        </text>
      )}
      {facts !== '' && textWidth(label + facts, LABEL_SIZE) < width - 16 && (
        <text class="strip-facts" x={x + width} y={labelY} text-anchor="end">
          {facts}
        </text>
      )}
      {paths.map((path) => (
        <path key={path.kind} class={`cells cells-${path.kind}`} d={path.data} />
      ))}
      {emptyText !== '' && (
        <text class="strip-empty" x={x + width / 2} y={y + height / 2 + 4} text-anchor="middle">
          {fitText(emptyText, width, LABEL_SIZE)}
        </text>
      )}
      {headX !== undefined && (
        <path class="head" style={{ transform: `translate(${headX}px, ${y + height}px)` }} d="M0 6L-4 0H4z" />
      )}
      {kind === 'volatile' && <path class="gate" d={`M${x} ${y + height + 4}H${x + width}`} />}
    </g>
  );
});

export const Brackets = memo(({ brackets }: { brackets: readonly Bracket[] }) => (
  <g class="brackets">
    {brackets.map(({ key, x, y, width, text }) => (
      <Fragment key={key}>
        <path class="bracket" d={`M${x} ${y}v3h${width}v-3`} />
        {text !== '' && width > textWidth(text, LABEL_SIZE) && (
          <text class="label-note" x={x + width / 2} y={y + 14} text-anchor="middle">
            {text}
          </text>
        )}
      </Fragment>
    ))}
  </g>
));
