// The bar at the top: what this is, which scene is open, and what holds for the page as a whole.

import { scene } from '../state.ts';
import { Icon, Mark } from './icons.tsx';
import { isDrawerOpen, layout, nextTheme, showPanel, type Theme, theme } from './view.ts';

const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const;
const THEME_NAMES: Readonly<Record<Theme, string>> = {
  system: 'as the system',
  light: 'light',
  dark: 'dark',
};

export function ThemeSwitch() {
  const name = `Theme: ${THEME_NAMES[theme.value]}`;
  const isWordy = layout.value === 'phone';
  return (
    <button
      type="button"
      class={isWordy ? 'quiet' : 'quiet square'}
      aria-label={isWordy ? undefined : name}
      title={isWordy ? undefined : name}
      onClick={nextTheme}
    >
      <Icon name={THEME_ICONS[theme.value]} />
      {isWordy && name}
    </button>
  );
}

export function TopBar() {
  const { title, question } = scene.value;
  const isPhone = layout.value === 'phone';
  return (
    <header class="top-bar">
      <h1>
        <Mark />
        <span class={isPhone ? 'unseen' : undefined}>sectorlab</span>
      </h1>
      <p class="top-scene">
        <strong>{title}</strong>
        <span>{question}</span>
      </p>
      {!isPhone && (
        <div class="top-tools">
          {layout.value === 'medium' && (
            <button
              type="button"
              class="quiet"
              aria-expanded={isDrawerOpen.value}
              onClick={() => {
                isDrawerOpen.value = !isDrawerOpen.value;
              }}
            >
              <Icon name="inspector" />
              Details
            </button>
          )}
          <button type="button" class="quiet" onClick={() => showPanel('share')}>
            <Icon name="share" />
            Share
          </button>
          <ThemeSwitch />
          <button
            type="button"
            class="quiet square"
            aria-label="Keys and marks"
            title="Keys and marks (?)"
            onClick={() => showPanel('help')}
          >
            <Icon name="help" />
          </button>
        </div>
      )}
    </header>
  );
}
