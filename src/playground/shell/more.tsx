// On a phone: the way to every panel that has no place of its own in the bar at the bottom.

import { Icon } from './icons.tsx';
import { ThemeSwitch } from './top-bar.tsx';
import { PANELS, type PanelName, showPanel } from './view.ts';

const NAMES: readonly PanelName[] = ['records', 'charts', 'editor', 'share', 'disk', 'linux', 'help'];

export function More() {
  return (
    <ul class="more-list">
      {NAMES.map((name) => (
        <li key={name}>
          <button type="button" class="quiet" onClick={() => showPanel(name)}>
            <Icon name={PANELS[name].icon} />
            {PANELS[name].title}
          </button>
        </li>
      ))}
      <li>
        <ThemeSwitch />
      </li>
    </ul>
  );
}
