// The story: which chapter the run is in, what the application does there, and what the records have shown so far.
//
// A note appears with the record that proves it and names that record's number in the log.

import { make, reconcile, setText } from '../dom.ts';
import type { ShownNote } from '../notes.ts';
import type { Scene } from '../scene.ts';

export interface StoryParts {
  readonly chapters: HTMLElement;
  readonly title: HTMLElement;
  readonly text: HTMLElement;
  readonly notes: HTMLElement;
}

export function storyView(
  parts: StoryParts,
  scene: Scene,
  onChapter: (chapter: number) => void,
): (chapter: number, notes: readonly ShownNote[], isFinished: boolean) => void {
  const intro = { title: parts.title.textContent ?? '', text: parts.text.textContent ?? '' };
  const buttons = scene.chapters.map(({ title }, index) => {
    const item = make('li');
    const button = make('button', 'chapter', String(index + 1));
    button.setAttribute('type', 'button');
    button.setAttribute('aria-label', `Chapter ${index + 1}: ${title}`);
    button.title = title;
    button.addEventListener('click', () => onChapter(index));
    item.append(button);
    parts.chapters.append(item);
    return button;
  });
  return (chapter, notes, isFinished) => {
    const current = scene.chapters[chapter];
    buttons.forEach((button, index) => {
      button.classList.toggle('past', index < chapter || isFinished);
      if (index === chapter) button.setAttribute('aria-current', 'step');
      else button.removeAttribute('aria-current');
    });
    setText(parts.title, current === undefined ? intro.title : `${chapter + 1}. ${current.title}`);
    setText(parts.text, current?.text ?? intro.text);
    reconcile(
      parts.notes,
      notes,
      ({ number, note }) => `${chapter}.${number}.${note.kind}`,
      ({ number, note }) => {
        const item = make('li', 'note');
        item.append(make('span', 'record-number', `#${number}`), make('span', '', note.text));
        item.firstElementChild?.setAttribute('title', `record ${number}: ${note.kind}`);
        return item;
      },
      () => {},
    );
  };
}
