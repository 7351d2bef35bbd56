// Finds the notes that records prove.
//
// Verbs: NoteFinder.apply (one entry), shown. A note is shown from the record it is tied to until its chapter ends.

import type { Entry } from './protocol.ts';
import type { Chapter, SceneNote } from './scene.ts';

/** A note, and the number of the record that proves it. */
export interface ShownNote {
  readonly note: SceneNote;
  readonly number: number;
}

export class NoteFinder {
  readonly #chapters: readonly Chapter[];
  readonly #seen = new Map<SceneNote, number>();
  #chapter = -1;
  shown: ShownNote[] = [];

  constructor(chapters: readonly Chapter[]) {
    this.#chapters = chapters;
  }

  apply({ chapter, number, record }: Entry): void {
    if (chapter !== this.#chapter) {
      this.#chapter = chapter;
      this.#seen.clear();
      this.shown = [];
    }
    for (const note of this.#chapters[chapter]?.notes ?? []) {
      if (note.kind !== record.kind || (note.operation ?? record.operation) !== record.operation) continue;
      const count = (this.#seen.get(note) ?? 0) + 1;
      this.#seen.set(note, count);
      if (count === (note.nth ?? 1)) this.shown.push({ note, number });
    }
  }
}
