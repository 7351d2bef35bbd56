// Small captions at the place where something happened: why a bar has just become longer.

import { LABEL_SIZE } from './geometry.ts';
import type { Happening } from './happenings.ts';
import { textWidth } from './text.ts';
import type { StageLayout } from './types.ts';

export function Tags({ layout, happenings }: { layout: StageLayout; happenings: readonly Happening[] }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus; the lane's caption says the same.
    <g class="tags" aria-hidden="true">
      {happenings.map(({ at, text }) => {
        const mark = at === undefined ? undefined : layout.marks.find(({ entity }) => entity === at);
        if (mark === undefined) return null;
        const isRight = mark.x + mark.width + 8 + textWidth(text, LABEL_SIZE) <= layout.width;
        return (
          <text
            key={at}
            class="tag"
            x={isRight ? mark.x + mark.width + 8 : mark.x - 8}
            y={mark.y + mark.height / 2 + 4}
            text-anchor={isRight ? 'start' : 'end'}
          >
            {text}
          </text>
        );
      })}
    </g>
  );
}
