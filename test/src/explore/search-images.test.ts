// The images of a recording: each is found once, with the steps at which it arises, and what cuts the finding short is told apart.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CrashExplorer } from '../../../src/crash/explorer.ts';
import { StorageError } from '../../../src/errors.ts';
import { PromiseRange } from '../../../src/explore/judge-promises.ts';
import { ImageSet } from '../../../src/explore/search-images.ts';
import type { Pace } from '../../../src/explore/search-pace.ts';
import type { ExploreProgress } from '../../../src/explore/types.ts';
import { HandRun, levelOf } from '../../support/level.ts';

const images = suite('explore/search-images');

/** It never ends. */
const PACE = { hasEnd: false, isDue: false, stopped: undefined } as Pace;
const progress = (): ExploreProgress => ({ phase: 'enumerate', done: 0, total: undefined, failed: 0 });
const ALL = Number.POSITIVE_INFINITY;

images(
  'of a killed process each point is a state, and points with the same bytes are one image',
  async () => {
    const run = new HandRun();
    run.log.write(0, { fill: 1 });
    run.log.write(0, { fill: 1 });
    run.log.write(0, { fill: 2 });
    const { explorer, recording } = await levelOf('release', run, { check: () => undefined });
    const set = new ImageSet(explorer, new PromiseRange(recording.promises), 'process');
    assert.is(set.states, 0);
    assert.ok(await set.enumerate(PACE, progress, ALL));
    const points = explorer.points();
    assert.is(set.states, points.length);
    assert.is(set.possibleStates, points.length);
    const found = [...set.images()];
    const hashes = points.map(({ step }) => explorer.state({ step, losses: [] }).hash);
    assert.equal(
      found.map(({ image }) => image.hash),
      [...new Set(hashes)],
    );
    assert.ok(found.length < points.length, 'some are the same');
    for (const { image, ranges } of found) {
      const own = points.filter((_, index) => hashes[index] === image.hash);
      assert.is(ranges()[0]?.[0], own[0]?.step);
      assert.is(ranges().at(-1)?.[1], own.at(-1)?.lastStep);
    }
  },
);

images('no room for more images ends the finding; anything else is thrown', async () => {
  const failing = (error: Error): Promise<boolean> => {
    const explorer = {
      images: () => {
        throw error;
      },
    } as unknown as CrashExplorer;
    const set = new ImageSet(explorer, new PromiseRange([]), 'power');
    return set.enumerate(PACE, progress, ALL).then((isWhole) => {
      assert.ok(set.isFull);
      return isWhole;
    });
  };
  assert.not(await failing(new StorageError('images', -28)));
  for (const other of [new StorageError('images', -5), new Error('a bug')])
    assert.is(await failing(other).catch((error) => error), other);
});

images.run();
