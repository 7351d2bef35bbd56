// On a phone, where nothing hovers and the inspector is a sheet: what was tapped, in a few words below the lanes.
//
// The lanes above it get shorter and stay where they are; what was tapped is kept in sight.

import { useLayoutEffect } from 'preact/hooks';
import { select } from '../actions.ts';
import { goneTitle } from '../model/facts.ts';
import { factsAt } from '../panels/inspector.tsx';
import { run, runVersion, selection } from '../state.ts';
import { Icon } from './icons.tsx';
import { layout, sheet, showPanel } from './view.ts';

/** Scrolls the lanes as little as it takes to see what is selected. */
export function keepInSight(): void {
  document.querySelector('.stack [data-selected]')?.scrollIntoView({ block: 'nearest' });
}

export function Peek() {
  runVersion.value;
  const shown = run.value;
  const key = selection.value;
  useLayoutEffect(() => {
    if (key !== undefined && layout.peek() === 'phone') keepInSight();
  }, [key]);
  // the inspector says it all
  if (layout.value !== 'phone' || sheet.value === 'inspector' || shown === undefined || key === undefined)
    return null;
  const facts = factsAt(shown, key);
  return (
    <section class="peek" aria-label="What is selected" aria-live="polite">
      <div class="peek-words">
        <h2>
          <span class="record-hue" data-hue={facts?.hue} aria-hidden="true" />
          {facts?.title ?? goneTitle(shown.shape, key)}
        </h2>
        <p>{facts?.sentence ?? 'It is not there at this moment.'}</p>
      </div>
      <button type="button" onClick={() => showPanel('inspector')}>
        Details
      </button>
      <button type="button" class="quiet square" aria-label="Let go" onClick={() => select(undefined)}>
        <Icon name="close" />
      </button>
    </section>
  );
}
