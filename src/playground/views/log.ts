// The log: every record in words, newest last, as a list that grows.
//
// It follows the newest line unless the reader has scrolled up. Where the reader stands is noted when they scroll: the
// box may change its height between two drawings.

import { describe, formatTime, layerOf, recordHue } from '../describe.ts';
import { make } from '../dom.ts';
import type { Entry } from '../protocol.ts';

/** Pixels from the end at which the reader still counts as being there. */
const FOLLOW_PX = 24;

export interface LogView {
  clear(): void;
  add(entries: readonly Entry[]): void;
}

export function logView(root: HTMLElement): LogView {
  let last: HTMLElement[] = [];
  let isFollowing = true;
  root.addEventListener('scroll', () => {
    isFollowing = root.scrollHeight - root.scrollTop - root.clientHeight < FOLLOW_PX;
  });
  return {
    clear() {
      root.replaceChildren();
      last = [];
      isFollowing = true;
    },
    add(entries) {
      for (const line of last) line.classList.remove('new');
      last = entries.map(({ number, record }) => {
        const line = make('li', `entry new ${recordHue(record) ?? ''}`.trim());
        line.append(
          make('span', 'record-number', `#${number}`),
          make('span', 'time', formatTime(record.timeNs)),
          make('span', 'layer', layerOf(record.kind)),
          make('span', 'sentence', describe(record)),
        );
        return line;
      });
      root.append(...last);
      if (isFollowing) root.scrollTop = root.scrollHeight;
    },
  };
}
