// A row of tabs over one panel: Tab reaches the chosen tab, arrows go along the row and choose.

import type { Signal } from '@preact/signals';
import type { TargetedKeyboardEvent } from 'preact';
import { PanelBody } from './panel-body.tsx';
import { PANELS, type PanelName } from './view.ts';

/** Index to go to for a key, or undefined when the key is none of the row's. */
export function tabAfter(key: string, index: number, count: number): number | undefined {
  if (key === 'ArrowRight') return (index + 1) % count;
  if (key === 'ArrowLeft') return (index + count - 1) % count;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return undefined;
}

export function Tabs({
  label,
  names,
  chosen,
}: {
  label: string;
  names: readonly PanelName[];
  chosen: Signal<PanelName>;
}) {
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const next = tabAfter(event.key, names.indexOf(chosen.value), names.length);
    const name = next === undefined ? undefined : names[next];
    if (name === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    chosen.value = name;
    event.currentTarget.querySelector<HTMLElement>(`#tab-${name}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {names.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={chosen.value === name}
            aria-controls={chosen.value === name ? `panel-${name}` : undefined}
            tabIndex={chosen.value === name ? 0 : -1}
            onClick={() => {
              chosen.value = name;
            }}
          >
            {PANELS[name].title}
          </button>
        ))}
      </div>
      <PanelBody key={chosen.value} name={chosen.value} role="tabpanel" />
    </>
  );
}
