// Finds the notes of a scene that records prove.
//
// Verbs: NoteFinder.add (one record), shownAt (the captions of a moment). A note is proved by the nth record of its chapter that is of its kind,
// operation and device; it is shown from there to the end of the chapter.
// Invariant: what is found depends on records alone, so a reader who goes back sees the same captions at the same place.

import type { MachineRecord } from '../../records.ts';
import type { Chapter, SceneNote } from './types.ts';

/** A note, its chapter, and the number of the record that proves it, counted from 0 over the whole run. */
export interface FoundNote {
  readonly note: SceneNote;
  readonly chapter: number;
  readonly record: number;
}

/** What of a record a note looks at. */
type Proof = Pick<MachineRecord, 'kind' | 'operation' | 'device'>;

export class NoteFinder {
  readonly #chapters: readonly Chapter[];
  readonly #counts = new Map<SceneNote, number>();
  readonly #found: FoundNote[] = [];
  #records = 0;

  constructor(chapters: readonly Chapter[]) {
    this.#chapters = chapters;
  }

  /** Every note found so far, in the order of the records. */
  get found(): readonly FoundNote[] {
    return this.#found;
  }

  /** The next record of the run, and the chapter in which it was made; -1 before the first. */
  add(chapter: number, record: Proof): void {
    for (const note of this.#chapters[chapter]?.notes ?? []) {
      if (!isProof(note, record)) continue;
      const count = (this.#counts.get(note) ?? 0) + 1;
      this.#counts.set(note, count);
      if (count === (note.nth ?? 1)) this.#found.push({ note, chapter, record: this.#records });
    }
    this.#records++;
  }

  /** Notes of a chapter that the records before number `endRecord` have proved, oldest first. */
  shownAt(chapter: number, endRecord: number): FoundNote[] {
    return this.#found.filter((found) => found.chapter === chapter && found.record < endRecord);
  }
}

function isProof({ kind, operation, device }: SceneNote, record: Proof): boolean {
  return (
    kind === record.kind &&
    (operation ?? record.operation) === record.operation &&
    (device ?? record.device) === record.device
  );
}
