// What a run tells a reader: the notes that its records have proved, where its chapters begin, and how busy it was.
//
// Verbs: catchUp (reads the steps that have become known), notesAt, firstStepOf, restBehind, Activity.add. All of it is a function of the records, so
// it is the same wherever the reader comes from.

import { recordHue } from './model/describe.ts';
import type { Run } from './model/run.ts';
import type { Hue } from './model/types.ts';
import { NoteFinder } from './scene/notes.ts';
import type { Scene } from './scene/types.ts';

/** What is read of a run. */
export type StoryRun = Pick<Run, 'stepCount' | 'chapterOf' | 'recordsOf' | 'recordAt'> & {
  readonly scene: Scene;
};

export interface StoryNote {
  readonly text: string;
  readonly chapter: number;
  /** Steps made when the record that proves it is there. */
  readonly step: number;
}

/** How long a reader takes for a text, in milliseconds a character; and to find it, whatever its length. */
const READING_MS_A_CHARACTER = 25;
const FINDING_MS = 400;
/** A first visitor looks around so long before something moves. */
export const FIRST_LOOK_MS = 700;
/** However much is told at once, the picture goes on. */
const LONGEST_REST_MS = 4000;

export class Story {
  readonly activity = new Activity();
  readonly notes: StoryNote[] = [];
  readonly #run: StoryRun;
  readonly #finder: NoteFinder;
  readonly #firstSteps: number[] = [];
  readonly #rests = new Map<number, number>();
  #read = 0;

  constructor(run: StoryRun) {
    this.#run = run;
    this.#finder = new NoteFinder(run.scene.chapters);
  }

  /** Reads what has become known since the last time. */
  catchUp(): void {
    for (let step = this.#read + 1; step <= this.#run.stepCount; step++) this.#readStep(step);
    this.#read = this.#run.stepCount;
  }

  #readStep(step: number): void {
    const chapter = this.#run.chapterOf(step);
    if (chapter >= 0 && this.#firstSteps[chapter] === undefined) {
      this.#firstSteps[chapter] = step;
      this.#rest(step, this.#run.scene.chapters[chapter]?.text ?? '');
    }
    const noteCount = this.#finder.found.length;
    const [first, end] = this.#run.recordsOf(step);
    for (let number = first; number < end; number++) {
      const record = this.#run.recordAt(number);
      this.#finder.add(chapter, record);
      this.activity.add(step, recordHue(record));
    }
    for (const { note } of this.#finder.found.slice(noteCount)) {
      this.notes.push({ text: note.text, chapter, step });
      this.#rest(step, note.text);
    }
  }

  #rest(step: number, text: string): void {
    const restMs = FINDING_MS + text.length * READING_MS_A_CHARACTER;
    this.#rests.set(step, (this.#rests.get(step) ?? 0) + restMs);
  }

  /** Notes of the chapter at a moment, oldest first. */
  notesAt(step: number): StoryNote[] {
    const chapter = this.#run.chapterOf(step);
    return this.notes.filter((note) => note.chapter === chapter && note.step <= step);
  }

  /** Steps made when a chapter has begun; undefined while it is not known to. */
  firstStepOf(chapter: number): number | undefined {
    return this.#firstSteps[chapter];
  }

  /** Milliseconds that a reader wants behind a step, for what is told there. */
  restBehind(step: number): number {
    return Math.min(LONGEST_REST_MS, this.#rests.get(step) ?? 0);
  }
}

/** Rows of the picture of activity, from the bottom: the kinds of requests, and whatever moves no request. */
export const ACTIVITY_HUES: readonly (Hue | undefined)[] = ['read', 'write', 'flush', 'discard', undefined];
const MOST_BUCKETS = 256;

/** Records by step, in at most 256 buckets of equal size, however long the run becomes. */
export class Activity {
  stepsABucket = 1;
  /** A row of counts for each bucket, as ACTIVITY_HUES has them. */
  counts = new Uint32Array(MOST_BUCKETS * ACTIVITY_HUES.length);

  /** A record made by step number `step`, counted from 1. */
  add(step: number, hue: Hue | undefined): void {
    while (step > this.stepsABucket * MOST_BUCKETS) this.#halve();
    const bucket = Math.floor((step - 1) / this.stepsABucket);
    const at = bucket * ACTIVITY_HUES.length + ACTIVITY_HUES.indexOf(hue);
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  /** Two neighbours become one. */
  #halve(): void {
    const width = ACTIVITY_HUES.length;
    const joined = new Uint32Array(this.counts.length);
    for (let at = 0; at < this.counts.length; at++) {
      const to = Math.floor(at / width / 2) * width + (at % width);
      joined[to] = (joined[to] ?? 0) + (this.counts[at] ?? 0);
    }
    this.counts = joined;
    this.stepsABucket *= 2;
  }
}
