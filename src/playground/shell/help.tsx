// How to read the page, and its keys.

import { LegendGroups } from '../stage/legend.tsx';
import { hasFingers } from '../stage/touch.ts';
import { KEYS } from './keys.ts';

export function Help() {
  return (
    <div class="help">
      <p>
        Each scene plays real requests through a real machine: the lanes show an application’s requests going
        down through the page cache and the block layer to a drive. Everything drawn comes from the machine’s
        own records. A step is one event of the machine, or one action of an application.
      </p>
      <h3>Marks</h3>
      <LegendGroups name="help" />
      {hasFingers() && (
        <>
          <h3>Fingers</h3>
          <p>
            Tap anything in the lanes to see what it is and what happened to it. Draw along the track of time
            to go to any moment; the arrows beside Play go one step.
          </p>
        </>
      )}
      <h3>Keys</h3>
      <dl class="key-list">
        {KEYS.map(({ shown, does }) => (
          <div key={shown}>
            <dt>
              <kbd>{shown}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        A key goes to the control that has the focus where that control uses it itself: arrows move a slider,
        Space presses a button.
      </p>
      <p class="hint">
        <a href="licenses.txt" target="_blank" rel="noreferrer">
          Libraries in this page, and their licences
        </a>
      </p>
    </div>
  );
}
