// Shrinking: from a failing state to one from which nothing can be put back, of the same failure, that a crash can leave.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_FLAG_TOGETHER, LOG_FLAG_UNTORN } from '../../../assembly/layout.ts';
import type { CrashLoss } from '../../../src/crash/state.ts';
import { type Shrunk, shrink } from '../../../src/explore/shrink.ts';
import { Trial, type TrialLimits } from '../../../src/explore/shrink-trial.ts';
import { type Check, HandRun, type LevelOptions, levelOf } from '../../support/level.ts';
import { BUILDS, type Build } from '../../support/machine.ts';

const SECTOR = 512;

function missing(write: number, sector: number, sectors = 1): CrashLoss {
  return { write, kind: 'missing', offset: sector * SECTOR, length: sectors * SECTOR };
}

/** The first byte of a sector. */
function sector(image: Check['image'], number: number): number {
  return image.read(number * SECTOR, 1)[0] as number;
}

/** A run of single-sector writes to sectors 0, 1, 2 …, filled with 1, 2, 3 …. */
function writes(count: number): HandRun {
  const run = new HandRun();
  for (let place = 0; place < count; place++) run.log.write(place, { fill: place + 1 });
  return run;
}

async function shrunkOf(
  build: Build,
  run: HandRun,
  options: LevelOptions,
  losses: CrashLoss[],
  limits: TrialLimits = {},
): Promise<{ shrunk: Shrunk; trial: Trial<string> }> {
  const level = await levelOf(build, run, options);
  const trial = new Trial(level, limits);
  const step = level.explorer.points().at(-1)?.step ?? 0;
  const outcome = await trial.outcomeOf({ step, losses });
  assert.ok(outcome?.failure, 'the state to begin with fails');
  const shrunk = await shrink(trial, { step, losses }, outcome?.failure?.key ?? '');
  assert.ok(shrunk);
  return { shrunk: shrunk as Shrunk, trial };
}

for (const build of BUILDS) {
  const test = suite(`explore/shrink (${build})`);

  test('37: of 9 dropped and 2 torn writes only write 4 matters: exactly it is left, whole', async () => {
    const run = new HandRun();
    for (let place = 0; place < 12; place++) run.log.write(place * 4, { sectors: 4, fill: place + 1 });
    const losses = [
      ...[0, 1, 2, 4, 5, 6, 7, 8, 9].map((write) => missing(write, write * 4, 4)),
      missing(3, 13, 2),
      missing(10, 40),
    ];
    const check = ({ image }: Check) => {
      if (sector(image, 16) !== 5 && sector(image, 44) === 12) throw new Error('write 4 is not there');
    };
    const { shrunk } = await shrunkOf(build, run, { check }, losses);
    assert.equal(shrunk.state, { step: 23, losses: [missing(4, 16, 4)] });
    assert.not(shrunk.needsTearing);
    assert.ok(shrunk.isMinimal);
  });

  test('two writes are needed: the pair is found, at the earliest crash point', async () => {
    const check = ({ image }: Check) => {
      const isThere = [2, 6, 7].map((number) => sector(image, number) !== 0);
      if (isThere.join() === 'false,false,true') throw new Error('both are missing');
    };
    const losses = [0, 2, 3, 5, 6].map((write) => missing(write, write));
    const { shrunk } = await shrunkOf(build, writes(12), { check }, losses);
    assert.equal(shrunk.state, { step: 15, losses: [missing(2, 2), missing(6, 6)] });
  });

  test('four of thirty: halves find what pairs would not, and nothing can be put back', async () => {
    const needed = [3, 11, 12, 28];
    const check = ({ image }: Check) => {
      const isLast = sector(image, 30) !== 0;
      if (isLast && needed.every((write) => sector(image, write) === 0)) throw new Error('all four');
    };
    const losses = Array.from({ length: 30 }, (_, write) => missing(write, write));
    const { shrunk, trial } = await shrunkOf(build, writes(31), { check }, losses);
    assert.equal(
      shrunk.state.losses.map(({ write }) => write),
      needed,
    );
    assert.ok(trial.runs < 300, `${trial.runs} runs`);
    for (const back of needed) {
      const lost = new Map([...shrunk.lost].filter(([write]) => write !== back));
      assert.ok(await trial.passes(shrunk.point, lost));
    }
  });

  test('another failure is not followed', async () => {
    const check = ({ image }: Check) => {
      if (sector(image, 6) === 0) return;
      if (sector(image, 1) === 0) throw new Error('the header is gone');
      if (sector(image, 4) === 0) throw new Error(`a page is gone${sector(image, 5) === 0 ? '' : ' alone'}`);
    };
    const losses = [2, 4, 5].map((write) => missing(write, write));
    const { shrunk } = await shrunkOf(build, writes(7), { check }, losses);
    assert.is(shrunk.failure.message, 'a page is gone');
    assert.equal(shrunk.state.losses, [missing(4, 4), missing(5, 5)], 'with one of them it fails otherwise');
  });

  test('a write that fails only torn stays torn: the fewest, then the lowest units', async () => {
    const run = new HandRun();
    run.log.write(0, { sectors: 8, fill: 1 });
    run.log.write(8, { fill: 2 });
    const check = ({ image }: Check) => {
      const there = [0, 1, 2, 3, 4, 5, 6, 7].filter((number) => sector(image, number) === 1);
      if (there.length > 0 && there.length < 8) throw new Error('half a record');
    };
    const losses = [missing(0, 1, 2), missing(0, 5, 2), missing(1, 8)];
    const { shrunk } = await shrunkOf(build, run, { check }, losses);
    assert.equal(shrunk.state, { step: 1, losses: [missing(0, 0)] });
    assert.ok(shrunk.needsTearing);
    const prefix = await shrunkOf(build, run, { check, model: { tearing: 'unitPrefix' } }, [
      missing(0, 3, 5),
    ]);
    assert.equal(prefix.shrunk.state.losses, [missing(0, 7)], 'only the end may be missing');
    const coarse = await shrunkOf(build, run, { check, model: { unit: 2048 } }, [missing(0, 4, 4)]);
    assert.equal(coarse.shrunk.state.losses, [missing(0, 0, 4)]);
  });

  test('missing bytes instead of garbage, where that fails as well', async () => {
    const check = ({ image }: Check) => {
      if (sector(image, 2) === 3 && sector(image, 1) !== 2) throw new Error('the second is not there');
    };
    const garbage: CrashLoss = { write: 1, kind: 'garbage', offset: SECTOR, length: SECTOR, pattern: 7 };
    const options = { check, model: { damage: 'garbage' } } as const;
    const { shrunk } = await shrunkOf(build, writes(3), options, [garbage]);
    assert.equal(shrunk.state.losses, [missing(1, 1)]);
    assert.not(shrunk.needsTearing);
  });

  test('with writes in order what comes behind a missing one is missing too', async () => {
    const check = ({ image }: Check) => {
      if (sector(image, 2) === 0 && sector(image, 0) === 1) throw new Error('the third is gone');
    };
    const losses = [1, 2, 3, 4].map((write) => missing(write, write));
    const { shrunk, trial } = await shrunkOf(build, writes(5), { check, model: { order: 'prefix' } }, losses);
    // what is not written yet is missing anyway
    assert.equal(shrunk.state.losses.length, 1);
    assert.is(shrunk.state.losses[0]?.write, (shrunk.state.step - 1) / 2, 'the newest write at that point');
    const point = trial.points.at(-1) as Shrunk['point'];
    assert.is(await trial.outcome(point, new Map([[2, [missing(2, 2)]]])), undefined, 'no crash leaves that');
  });

  test('a chain: what stands and falls together stays together, and only its end can be missing', async () => {
    const run = new HandRun();
    const chained = (place: number, flags: number) =>
      run.log.write(place, { fill: place + 1, chain: 7, flags });
    chained(0, LOG_FLAG_TOGETHER);
    chained(1, LOG_FLAG_UNTORN);
    chained(2, LOG_FLAG_TOGETHER);
    chained(3, LOG_FLAG_UNTORN);
    run.log.write(4, { fill: 5 });
    const check = ({ image }: Check) => {
      if (sector(image, 4) !== 0 && sector(image, 2) === 0) throw new Error('the third is gone');
    };
    const all = [0, 1, 2, 3].map((write) => missing(write, write));
    const { shrunk, trial } = await shrunkOf(build, run, { check }, all);
    assert.equal(shrunk.state, { step: 9, losses: [missing(2, 2), missing(3, 3)] });
    assert.ok(shrunk.isMinimal);
    const lost = (...writes: number[]) => new Map(writes.map((write) => [write, [missing(write, write)]]));
    assert.is(await trial.outcome(shrunk.point, lost(2)), undefined, 'data without its record');
    assert.is(
      await trial.outcome(shrunk.point, lost(0, 1)),
      undefined,
      'a later link without an earlier one',
    );
    assert.ok(await trial.passes(shrunk.point, new Map()));
  });

  test('a write that does not tear is never tried torn', async () => {
    const run = new HandRun();
    run.log.write(0, { sectors: 2, flags: LOG_FLAG_UNTORN });
    run.log.write(2);
    const check = ({ image }: Check) => {
      if (sector(image, 2) !== 0 && sector(image, 1) === 0) throw new Error('gone');
    };
    const { shrunk, trial } = await shrunkOf(build, run, { check }, [missing(0, 0, 2)]);
    assert.equal(shrunk.state.losses, [missing(0, 0, 2)]);
    assert.is(await trial.outcome(shrunk.point, new Map([[0, [missing(0, 1)]]])), undefined);
  });

  test('what must be there is what was acknowledged at the crash point itself', async () => {
    const run = new HandRun();
    run.attempt('a');
    run.log.write(0);
    run.log.write(1);
    run.ack('a');
    const check = ({ image, must }: Check) => {
      if (must.includes('a') && sector(image, 0) === 0) throw new Error("'a' is lost");
    };
    const { shrunk } = await shrunkOf(build, run, { check }, [missing(0, 0), missing(1, 1)]);
    assert.equal(shrunk.state, { step: 3, losses: [missing(0, 0)] });
    assert.is(shrunk.point.lastStep, 4, 'the end of its range comes after the acknowledgement');
  });

  test('runs are limited, and each image is checked once for a crash point', async () => {
    const check = ({ image }: Check) => {
      if ([3, 11, 12, 29].every((write) => sector(image, write) === 0)) throw new Error('all four');
    };
    const losses = Array.from({ length: 30 }, (_, write) => missing(write, write));
    const { shrunk, trial } = await shrunkOf(build, writes(30), { check }, losses, { runs: 40 });
    assert.is(trial.runs, 40);
    assert.not(shrunk.isMinimal);
    await trial.outcomeOf(shrunk.state);
    assert.is(trial.runs, 40);
  });

  test('damage without which the check passes stays damage', async () => {
    const check = ({ image }: Check) => {
      if (![0, 2].includes(sector(image, 1))) throw new Error('neither old nor new');
    };
    const garbage: CrashLoss = { write: 1, kind: 'garbage', offset: SECTOR, length: SECTOR, pattern: 7 };
    const options = { check, model: { damage: 'garbage' } } as const;
    const { shrunk } = await shrunkOf(build, writes(3), options, [garbage]);
    assert.equal(shrunk.state.losses, [garbage]);
    assert.ok(shrunk.needsTearing);
  });

  test('a whole missing write is told instead of a torn one where it fails as well', async () => {
    const run = new HandRun();
    run.log.write(0, { sectors: 4, fill: 1 });
    run.log.write(8, { fill: 2 });
    run.log.write(9, { fill: 3 });
    const check = ({ image }: Check) => {
      const there = [0, 1, 2, 3].filter((number) => sector(image, number) === 1).length;
      const isTorn = there > 0 && there < 4;
      if (sector(image, 9) === 3 && (isTorn || sector(image, 8) === 0)) throw new Error('not whole');
    };
    const { shrunk } = await shrunkOf(build, run, { check }, [missing(0, 1, 2)]);
    assert.equal(shrunk.state.losses, [missing(1, 8)]);
    assert.not(shrunk.needsTearing);
  });

  test('of a torn write never more is missing in the end than in the beginning', async () => {
    const run = new HandRun();
    run.log.write(0, { sectors: 8, fill: 1 });
    const check = ({ image }: Check) => {
      const there = [0, 1, 2, 3, 4, 5, 6, 7].map((number) => sector(image, number) === 1);
      if (there[7] && !there[1] && !there[4]) throw new Error('two parts of it');
    };
    const { shrunk } = await shrunkOf(build, run, { check }, [missing(0, 1), missing(0, 4)]);
    assert.equal(shrunk.state.losses, [missing(0, 1), missing(0, 4)]);
  });

  test('a write that newer durable bytes cover is none that can be missing; one that they cover in part is', async () => {
    const run = new HandRun();
    run.log.write(0, { sectors: 2, fill: 1, domain: 7 });
    run.log.write(4, { sectors: 2, fill: 2, domain: 7 });
    run.log.write(0, { fill: 3, domain: 8 });
    run.log.write(1, { fill: 4, domain: 8 });
    run.log.write(4, { fill: 5, domain: 8 });
    run.log.flush({ domain: 8 });
    run.log.write(8, { fill: 6, domain: 7 });
    const level = await levelOf(build, run, { check: () => undefined, model: { flushScope: 'domain' } });
    const trial = new Trial(level);
    const uncertainAt = (step: number) => [...trial.ties(trial.pointAt(step)).writes.keys()];
    assert.equal(uncertainAt(level.explorer.points().at(-1)?.step ?? 0), [1, 5]);
    assert.equal(uncertainAt(9), [0, 1, 2, 3, 4], 'before the flush each of them is');
  });

  test('what no drive leaves is no outcome, and is not run', async () => {
    const level = await levelOf(build, writes(2), { check: () => undefined });
    const trial = new Trial(level);
    const step = level.explorer.points().at(-1)?.step ?? 0;
    assert.is(trial.runs, 0);
    const half: CrashLoss = { write: 0, kind: 'missing', offset: 0, length: 100 };
    assert.is(await trial.outcomeOf({ step, losses: [half] }), undefined);
    assert.is(trial.runs, 0);
    assert.equal(await trial.outcomeOf({ step, losses: [missing(0, 0)] }), { failure: undefined });
    assert.is(trial.runs, 1);
  });

  test.run();
}
