// A fold that was saved and put back is the one that went on: so any moment may be reached from the nearest saved one before it.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fold } from '../../../../src/playground/model/fold.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import type { CachedPage } from '../../../../src/playground/model/types.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { COALESCED, FAILING_GUEST } from '../support/corner-scenes.ts';
import { ENTRANCE_SCENES, TOGETHER } from '../support/entrances.ts';
import { playBeside } from '../support/model.ts';

const folds = suite('saved folds');

/** Steps from one save to the next, and steps that are compared behind each. */
const STRIDE = 17;
const AHEAD = 25;

function play(run: Run, fold: Fold, step: number): void {
  fold.beginStep(step);
  const [first, end] = run.recordsOf(step);
  for (let number = first; number < end; number++) fold.apply(run.records.look(number));
}

/** A state as plain data; pages in the doorway are those that are there. */
function plain(run: Run, fold: Fold, step: number) {
  const { cache, drives, ...rest } = fold.state(run.timeNs(step));
  const pages = cache.slots.filter((page): page is CachedPage => page !== undefined);
  return structuredClone({
    ...rest,
    cache: { ...cache, slots: pages.map(plainPage) },
    drives: drives.map((drive) => ({ ...drive, media: String(drive.media) })),
  });
}

function plainPage(page: CachedPage) {
  const { key, slot, state, uptodate, dirty, writeback, isLeaving, isActive, isAhead, lookup } = page;
  return { key, slot, state, uptodate, dirty, writeback, isLeaving, isActive, isAhead, lookup };
}

/** Gallery scenes with few records but many kinds of them. */
const SHORT = ['partial-page', 'readahead', 'fsync-storm', 'fsync-error', 'zeroes-and-discard', 'qemu-disk'];
const PLAYED: readonly Scene[] = [
  ...SCENES.filter(({ id }) => SHORT.includes(id)),
  ...ENTRANCE_SCENES,
  TOGETHER,
  COALESCED,
  FAILING_GUEST,
];

for (const scene of PLAYED) {
  folds(`${scene.id}: put back into a fold that was elsewhere, it goes on as the first time`, async () => {
    const run = await playBeside(scene);
    const [first, other] = [new Fold(run.shape), new Fold(run.shape)];
    // the end of the run is as far from everything as a fold can be
    for (let step = 1; step <= run.stepCount; step++) play(run, other, step);
    const saved = new Map<number, ReturnType<Fold['save']>>();
    const told = new Map<number, ReturnType<typeof plain>>();
    for (let step = 0; step <= run.stepCount; step++) {
      if (step > 0) play(run, first, step);
      if (step % STRIDE === 0) saved.set(step, first.save());
      if (step % 3 === 0) told.set(step, plain(run, first, step));
    }
    for (const [from, state] of [...saved].reverse()) {
      other.restore(state);
      for (let step = from + 1; step <= Math.min(run.stepCount, from + AHEAD); step++) {
        play(run, other, step);
        if (step % 3 === 0) assert.equal(plain(run, other, step), told.get(step), `${step} from ${from}`);
      }
    }
  });
}

folds.run();
