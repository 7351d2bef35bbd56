// The gallery: every scene as a card, in its groups. Arrows go from card to card, Enter opens.

import type { TargetedKeyboardEvent } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { openScene } from '../actions.ts';
import type { Scene } from '../scene/types.ts';
import { SCENES } from '../scenes/index.ts';
import { scene } from '../state.ts';
import { Thumbnail } from './thumbnail.tsx';
import { closeSheet } from './view.ts';

/** Scenes by their group, in the order of the gallery. */
function grouped(scenes: readonly Scene[]): [group: Scene['group'], scenes: Scene[]][] {
  const groups = new Map<Scene['group'], Scene[]>();
  for (const entry of scenes) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  return [...groups];
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };

/** From card to card, over the borders of groups. */
function moveFocus(event: TargetedKeyboardEvent<HTMLElement>): void {
  const cards = [...event.currentTarget.querySelectorAll<HTMLElement>('.scene-card')];
  const at = cards.indexOf(document.activeElement as HTMLElement);
  const next =
    event.key === 'Home' ? 0 : event.key === 'End' ? cards.length - 1 : at + (STEPS[event.key] ?? 0);
  if (at < 0 || next === at || cards[next] === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  cards[next].focus();
}

export function Gallery() {
  const list = useRef<HTMLElement>(null);
  // whoever comes by a link, or back to this tab, sees where they are
  useLayoutEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [scene.value.id]);
  const isListed = SCENES.some(({ id }) => id === scene.value.id);
  return (
    <nav ref={list} class="gallery" aria-label="Scenes" onKeyDown={moveFocus}>
      {!isListed && <Group name="yours" scenes={[scene.value]} />}
      {grouped(SCENES).map(([name, scenes]) => (
        <Group key={name} name={name} scenes={scenes} />
      ))}
    </nav>
  );
}

function Group({ name, scenes }: { name: string; scenes: readonly Scene[] }) {
  return (
    <section class="scene-group">
      <h3>{name}</h3>
      <ul>
        {scenes.map((entry) => (
          <li key={entry.id}>
            <Card entry={entry} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Card({ entry }: { entry: Scene }) {
  const isOpen = entry.id === scene.value.id;
  const open = (): void => {
    closeSheet();
    void openScene(entry);
  };
  return (
    <button
      type="button"
      class="scene-card"
      aria-current={isOpen ? 'true' : undefined}
      data-first-focus={isOpen ? '' : undefined}
      data-scene-id={entry.id}
      onClick={open}
    >
      <Thumbnail scene={entry} />
      <span class="scene-words">
        <strong>{entry.title}</strong>
        <span>{entry.question}</span>
      </span>
    </button>
  );
}
