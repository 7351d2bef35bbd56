// What a panel about scenes says while a live machine has the lanes: why it has nothing to do, and where the machine's own panel is.

import { showPanel } from '../shell/view.ts';
import { livePanel } from './live.ts';

export function WhileLive({ why }: { why: string }) {
  const name = livePanel.value;
  return (
    <div class="while-live">
      <p>{why}</p>
      <button type="button" data-first-focus onClick={() => showPanel(name)}>
        Show {name === 'linux' ? 'Linux' : 'your disk'}
      </button>
    </div>
  );
}
