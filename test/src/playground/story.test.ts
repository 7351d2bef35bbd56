// What a run tells: notes where their records are, chapters where they begin, time to read, and a picture of activity of any length.

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scene } from '../../../src/playground/scene/types.ts';
import { WRITE_TO_MEDIA } from '../../../src/playground/scenes/write-to-media.ts';
import { ACTIVITY_HUES, Activity, Story, type StoryRun } from '../../../src/playground/story.ts';
import type { MachineRecord, RecordKind } from '../../../src/records.ts';

const story = suite('Story');

interface Step {
  readonly chapter: number;
  readonly kinds: readonly RecordKind[];
}

const SCENE: Scene = {
  ...WRITE_TO_MEDIA,
  chapters: [
    { title: 'one', text: 'One.', work: [], notes: [{ kind: 'dirtied', nth: 2, text: 'Two are dirty.' }] },
    {
      title: 'two',
      text: 'Two.',
      work: [],
      notes: [
        { kind: 'dirtied', text: 'Dirty.' },
        { kind: 'flushed', text: 'Flushed.' },
      ],
    },
  ],
};

function record(kind: RecordKind): MachineRecord {
  return {
    kind,
    operation: 1,
    device: 0,
    id: 0,
    address: 0,
    count: 0,
    detail: 0,
    timeNs: 0,
  } as unknown as MachineRecord;
}

/** A run of given steps, of which `known` are known. */
function runOf(steps: readonly Step[]): StoryRun & { stepCount: number } {
  const records = steps.flatMap(({ kinds }) => kinds.map(record));
  const ends = steps.map((_, at) => steps.slice(0, at + 1).flatMap(({ kinds }) => kinds).length);
  return {
    scene: SCENE,
    stepCount: steps.length,
    chapterOf: (step) => (step === 0 ? -1 : (steps[step - 1] as Step).chapter),
    recordsOf: (step) => [ends[step - 2] ?? 0, ends[step - 1] ?? 0],
    recordAt: (number) => records[number] as MachineRecord,
  };
}

const STEPS: readonly Step[] = [
  { chapter: 0, kinds: ['dirtied'] },
  { chapter: 0, kinds: ['dirtied', 'dirtied'] },
  { chapter: 1, kinds: [] },
  { chapter: 1, kinds: ['dirtied', 'flushed'] },
];

story('notes of the chapter are there from the step of their record, in order', () => {
  const told = new Story(runOf(STEPS));
  told.catchUp();
  const texts = [0, 1, 2, 3, 4].map((step) => told.notesAt(step).map(({ text }) => text));
  assert.equal(texts, [[], [], ['Two are dirty.'], [], ['Dirty.', 'Flushed.']]);
  assert.equal([told.firstStepOf(0), told.firstStepOf(1), told.firstStepOf(2)], [1, 3, undefined]);
});

story('known in parts or at once, it tells the same', () => {
  const whole = new Story(runOf(STEPS));
  whole.catchUp();
  const growing = runOf(STEPS);
  const told = new Story(growing);
  for (let known = 0; known <= STEPS.length; known++) {
    growing.stepCount = known;
    told.catchUp();
  }
  assert.equal(told.notes, whole.notes);
  assert.equal(told.activity.counts, whole.activity.counts);
});

story('there is time to read where something is told, longer for more, and only there', () => {
  const told = new Story(runOf(STEPS));
  told.catchUp();
  assert.is(told.restBehind(0), 0);
  assert.ok(told.restBehind(2) > told.restBehind(1));
  assert.ok(told.restBehind(4) > told.restBehind(2));
});

story('activity keeps every record, in at most 256 buckets, however many steps there are', () => {
  void fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 9 }), (stepCount, every) => {
      const activity = new Activity();
      const hues = ACTIVITY_HUES.map(() => 0);
      let last = 0;
      for (let step = 1; step <= stepCount; step += every) {
        last = step;
        const hue = step % ACTIVITY_HUES.length;
        activity.add(step, ACTIVITY_HUES[hue]);
        hues[hue] = (hues[hue] ?? 0) + 1;
      }
      assert.ok(last <= activity.stepsABucket * 256);
      const sums = ACTIVITY_HUES.map((_, hue) =>
        activity.counts.reduce((sum, count, at) => sum + (at % ACTIVITY_HUES.length === hue ? count : 0), 0),
      );
      assert.equal(sums, hues);
    }),
  );
});

story('neighbours of activity become one bucket, so that each step stays in its place', () => {
  const activity = new Activity();
  for (const step of [1, 2, 3, 200, 256, 257]) activity.add(step, 'write');
  activity.add(3, undefined);
  const shown = new Map<number, number[]>();
  const width = ACTIVITY_HUES.length;
  for (let bucket = 0; bucket < 256; bucket++) {
    const row = [...activity.counts.slice(bucket * width, (bucket + 1) * width)];
    if (row.some((count) => count > 0)) shown.set(bucket, row);
  }
  assert.is(activity.stepsABucket, 2);
  assert.equal(
    [...shown],
    [
      [0, [0, 2, 0, 0, 0]],
      [1, [0, 1, 0, 0, 1]],
      [99, [0, 1, 0, 0, 0]],
      [127, [0, 1, 0, 0, 0]],
      [128, [0, 1, 0, 0, 0]],
    ],
  );
});

story('a reader rests for a text by its length, for all that is told at once, and never for long', () => {
  const told = new Story(runOf(STEPS));
  told.catchUp();
  assert.equal(
    [0, 1, 2, 3, 4].map((step) => told.restBehind(step)),
    [0, 500, 750, 500, 1150],
  );
  const long = { ...SCENE, chapters: [{ title: '', text: 'x'.repeat(1000), work: [], notes: [] }] };
  const other = new Story({ ...runOf(STEPS.slice(0, 1)), scene: long });
  other.catchUp();
  assert.is(other.restBehind(1), 4000);
});

story.run();
