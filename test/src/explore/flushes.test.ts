// Which flushes matter: each is taken away, all at one line together, and what a crash could then leave is checked.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_FLUSH } from '../../../assembly/layout.ts';
import { testFlushes } from '../../../src/explore/flushes.ts';
import type { Level } from '../../../src/explore/parts.ts';
import { flushText } from '../../../src/explore/report.ts';
import { type Check, HandRun, type LevelOptions, levelOf } from '../../support/level.ts';
import { BUILDS, type Build } from '../../support/machine.ts';

function sector(image: Check['image'], number: number): number {
  return image.read(number * 512, 1)[0] as number;
}

/** A level whose images have all been gone through, as the search leaves it. */
async function searched(build: Build, run: HandRun, options: LevelOptions): Promise<Level<string>> {
  const level = await levelOf(build, run, options);
  for (const _ of level.explorer.images());
  return level;
}

function fsync(run: HandRun, line: number, path = '/log'): void {
  run.log.flush({ tag: run.call('fsync', line, { path }) });
}

/** A log record, a page, a second page; a flush behind each. */
function engine(): HandRun {
  const run = new HandRun();
  run.log.write(0);
  fsync(run, 10);
  run.log.write(1);
  fsync(run, 20, '/db');
  run.log.write(2);
  fsync(run, 30, '/db');
  return run;
}

/** The page needs the log record; nobody looks at the second page. */
function check({ image }: Check): void {
  if (sector(image, 1) !== 0 && sector(image, 0) === 0) throw new Error('the page has no log record');
}

for (const build of BUILDS) {
  const test = suite(`explore/flushes (${build})`);

  test('one is needed, with the error that it prevents; the others are unnoticed', async () => {
    const facts = await testFlushes([await searched(build, engine(), { check })]);
    assert.equal(facts.map(flushText), [
      "fsync('/log') at engine.ts:10: needed (without it: Error: the page has no log record)",
      "fsync('/db') at engine.ts:20: unnoticed: removing it fails no check; either it is not needed or the check does not look",
      "fsync('/db') at engine.ts:30: unnoticed: removing it fails no check; either it is not needed or the check does not look",
    ]);
    assert.equal(
      facts.map(({ step, exhaustive }) => [step, exhaustive]),
      [
        [4, true],
        [8, true],
        [12, true],
      ],
    );
  });

  test('an acknowledgement behind a flush needs it', async () => {
    const run = new HandRun();
    run.attempt('k');
    run.log.write(0);
    fsync(run, 10);
    run.ack('k');
    const facts = await testFlushes([
      await searched(build, run, {
        check: ({ image, must }) => {
          if (must.includes('k') && sector(image, 0) === 0) throw new Error('lost');
        },
      }),
    ]);
    // the image without it arises before the flush as well: it is what is promised there that tells
    assert.equal(
      facts.map(({ need, error }) => [need, error]),
      [['needed', 'Error: lost']],
    );
  });

  test('flushes at one line for one file are taken away together; for another file they are others', async () => {
    const run = new HandRun();
    for (let round = 0; round < 3; round++) {
      run.log.write(round * 2);
      fsync(run, 10);
      run.log.write(round * 2 + 1);
      fsync(run, 10, `/segment${round}`);
    }
    const facts = await testFlushes([
      await searched(build, run, {
        check: ({ image }) => {
          // only the last round is looked at
          if (sector(image, 5) !== 0 && sector(image, 4) === 0)
            throw new Error('the last page has no record');
        },
      }),
    ]);
    assert.equal(
      facts.map(({ call, times, need }) => [call, times, need]),
      [
        ["fsync('/log')", 3, 'needed'],
        ["fsync('/segment0')", 1, 'unnoticed'],
        ["fsync('/segment1')", 1, 'unnoticed'],
        ["fsync('/segment2')", 1, 'unnoticed'],
      ],
    );
    assert.match(
      flushText(facts[0] as (typeof facts)[0]),
      /^fsync\('\/log'\) at engine\.ts:10 \(3 times\): needed/,
    );
  });

  test('what is known already is not judged again, and limits leave flushes untested', async () => {
    const level = await searched(build, engine(), { check });
    const before = level.judge.runs;
    await testFlushes([level]);
    // without the first flush: the page alone. Without the second: both pages, the log record and the second page. Without the third nothing
    assert.ok(level.judge.runs - before <= 5, `${level.judge.runs - before} runs`);
    const late = await testFlushes([level], { deadlineMs: 0 });
    assert.equal(
      late.map(({ need, exhaustive }) => [need, exhaustive]),
      Array(3).fill(['untested', false]),
    );
    assert.equal((await testFlushes([level], { images: 0 })).map(({ need }) => need)[0], 'untested');
    const aborted = await testFlushes([level], { signal: AbortSignal.abort() });
    assert.ok(aborted.every(({ need }) => need === 'untested'));
  });

  test('a flush that the drive ignores is not there to be taken away; a killed process needs none', async () => {
    const run = new HandRun();
    run.log.write(0);
    run.log.flush({ flags: 2 });
    const level = await searched(build, run, { check });
    assert.equal(await testFlushes([level]), []);
    assert.equal(
      await testFlushes([{ ...(await searched(build, engine(), { check })), crash: 'process' }]),
      [],
    );
  });

  test('of several kinds of crash one that needs it is enough, and what one leaves untested none makes good', async () => {
    const seen = await searched(build, engine(), { check });
    const run = new HandRun();
    for (const place of [0, 1, 2]) {
      run.log.write(place, { fill: 0 });
      fsync(run, (place + 1) * 10);
    }
    // nothing of it can be seen, so that there is nothing to judge
    const unseen = await searched(build, run, { check });
    const factsOf = async (levels: readonly Level<string>[], images: number) => {
      const [first] = await testFlushes(levels, { images });
      return [first?.need, first?.error, first?.exhaustive];
    };
    const error = 'Error: the page has no log record';
    assert.equal(await factsOf([seen, unseen], 8), ['needed', error, true]);
    assert.equal(await factsOf([unseen, seen], 8), ['needed', error, true]);
    assert.equal(await factsOf([seen, unseen], 0), ['untested', undefined, false]);
    assert.equal(await factsOf([unseen, seen], 0), ['untested', undefined, false]);
  });

  test('a call that flushes twice is one, and a flush that never came to its end is none', async () => {
    const run = new HandRun();
    const tag = run.call('fsync', 10, { path: '/log' });
    for (const place of [0, 1]) {
      run.log.write(place);
      run.log.flush({ tag });
    }
    run.log.write(2);
    run.log.submit(OP_FLUSH, 0, { tag: run.call('fsync', 20, { path: '/db' }) });
    const facts = await testFlushes([await searched(build, run, { check: () => {} })]);
    assert.equal(
      facts.map(({ call, times }) => [call, times]),
      [["fsync('/log')", 1]],
    );
  });

  test('where only a sample of the states is gone through, nothing is exhaustive', async () => {
    const level = await searched(build, engine(), { check, bound: 0 });
    const facts = await testFlushes([level]);
    assert.ok(
      facts.some(({ need, exhaustive }) => need === 'unnoticed' && !exhaustive),
      facts.map(flushText).join('\n'),
    );
  });

  test('an image that a crash leaves too early without the flush needs it', async () => {
    const run = new HandRun();
    run.log.write(0);
    fsync(run, 10);
    run.log.write(1);
    run.attempt('empty');
    run.log.write(0, { fill: 0 });
    const level = await searched(build, run, {
      check({ image, may }) {
        if (sector(image, 1) !== 0 && sector(image, 0) === 0 && !may.includes('empty'))
          throw new Error('early');
      },
    });
    const facts = await testFlushes([level]);
    assert.equal(
      facts.map(({ need, error }) => [need, error]),
      [['needed', 'Error: early']],
    );
  });

  test('a budget of images is kept to the last one', async () => {
    const run = new HandRun();
    run.log.write(0);
    fsync(run, 10);
    run.log.write(1);
    const level = await searched(build, run, { check: () => {} });
    const needOf = async (images: number) => (await testFlushes([level], { images }))[0]?.need;
    const before = level.judge.runs;
    assert.is(await needOf(100), 'unnoticed');
    const images = level.judge.runs - before;
    assert.ok(images > 0);
    assert.is(await needOf(images), 'unnoticed');
    assert.is(await needOf(images - 1), 'untested');
  });

  test.run();
}
