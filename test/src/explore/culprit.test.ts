// Culprits and their sentences: which write is missing, which one is there without it, what was lost; by file, bytes and line.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_FLAG_UNTORN } from '../../../assembly/layout.ts';
import { explainFailures } from '../../../src/explore/explain.ts';
import type { Finding } from '../../../src/explore/types.ts';
import { type Check, HandRun, type LevelOptions, levelOf, levelsOf, searchOf } from '../../support/level.ts';
import { BUILDS, type Build } from '../../support/machine.ts';

function sector(image: Check['image'], number: number): number {
  return image.read(number * 512, 1)[0] as number;
}

async function findingsOf(build: Build, run: HandRun, options: LevelOptions): Promise<Finding[]> {
  const level = await levelOf(build, run, options);
  const failures = await searchOf(level);
  return explainFailures(failures, { levels: levelsOf(level), kind: 'explore', options: {} });
}

/** A write of whole sectors to a file whose inode is `domain`. */
function write(
  run: HandRun,
  path: string,
  domain: number,
  line: number,
  at: number,
  offset: number,
  length = 512,
) {
  run.paths.set(domain, path);
  const tag = run.call('write', line, { path, offset, length });
  run.log.write(at, { tag, domain, sectors: Math.ceil(length / 512) });
}

function fsync(run: HandRun, path: string, domain: number, line: number) {
  run.log.flush({ domain, tag: run.call('fsync', line, { path }) });
}

/** A change of a name or a size: one sector that does not tear. */
function record(run: HandRun, domain: number, at: number, tag: number) {
  run.log.write(at, { tag, domain, flags: LOG_FLAG_UNTORN });
}

for (const build of BUILDS) {
  const test = suite(`explore/culprit (${build})`);

  test('23: no flush between log record and page write: both are named, and a flush between them repairs it', async () => {
    const run = new HandRun();
    write(run, '/log', 7, 31, 0, 0);
    write(run, '/db', 8, 32, 4, 8192);
    fsync(run, '/log', 7, 33);
    const check = ({ image }: Check) => {
      if (sector(image, 4) !== 0 && sector(image, 0) === 0) throw new Error('page 2 has no log record');
    };
    const [finding, ...others] = await findingsOf(build, run, { check });
    assert.is(others.length, 0);
    assert.is(
      finding?.sentence,
      'bytes 8192 to 8703 of /db (engine.ts:32) can reach the disk before bytes 0 to 511 of /log (engine.ts:31): nothing makes the second durable before the first is written',
    );
    assert.equal(
      finding?.missing.map(({ file, offset, length, call }) => ({ file, offset, length, call })),
      [{ file: '/log', offset: 0, length: 512, call: "write('/log', 512 bytes at 0)" }],
    );
    assert.equal(
      finding?.present.map(({ what }) => what),
      ['bytes 8192 to 8703 of /db'],
    );
    assert.is(finding?.error, 'Error: page 2 has no log record');
    assert.is(finding?.images, 1);
    assert.is(finding?.lost, undefined);
    const { flush, failed, states, exhaustive } = finding?.proof ?? {};
    assert.equal(
      { flush, failed, states, exhaustive },
      { flush: 'an fsync of /log', failed: 0, states: 5, exhaustive: true },
    );
    assert.equal(
      finding?.timeline.map(({ kind, fate, line }) => [kind, fate, line]),
      [
        ['write', 'missing', 'engine.ts:31'],
        ['write', 'kept', 'engine.ts:32'],
        ['crash', undefined, ''],
      ],
    );
  });

  test('an fsync of another file between them is named: it does not cover the missing write', async () => {
    const run = new HandRun();
    write(run, '/log', 7, 31, 0, 0);
    fsync(run, '/db', 8, 32);
    write(run, '/db', 8, 33, 4, 0);
    const check = ({ image }: Check) => {
      if (sector(image, 4) !== 0 && sector(image, 0) === 0) throw new Error('no log record');
    };
    const [finding] = await findingsOf(build, run, { check, model: { flushScope: 'domain' } });
    assert.match(
      finding?.sentence ?? '',
      /is written \(fsync\('\/db'\) \(engine.ts:32\) between them does not cover it\)$/,
    );
    assert.is(finding?.proof?.flush, 'an fsync of /log');
    assert.is(finding?.proof?.failed, 0);
  });

  test('25: acknowledged before the flush: the value is named, and the flush that comes too late', async () => {
    const run = new HandRun();
    run.attempt('k5');
    write(run, '/log', 7, 31, 0, 48, 12);
    run.ack('k5');
    fsync(run, '/log', 7, 33);
    const check = ({ image, must }: Check) => {
      if (must.includes('k5') && sector(image, 0) === 0) throw new Error("'k5' is not there");
    };
    const [finding] = await findingsOf(build, run, { check });
    assert.is(
      finding?.sentence,
      "'k5' was acknowledged, but a power cut can lose it: nothing has made bytes 48 to 59 of /log (engine.ts:31) durable by then; fsync('/log') (engine.ts:33) comes too late",
    );
    assert.is(finding?.lost, "'k5'");
    assert.equal(finding?.present, []);
    assert.is(finding?.crashPoint.acknowledged, 1);
    assert.is(finding?.proof?.failed, 0, 'with the flush before the acknowledgement nothing is lost');
  });

  test('a lying drive: the flush that it ignored is named', async () => {
    const run = new HandRun();
    run.attempt('k');
    write(run, '/log', 7, 31, 0, 0);
    run.log.flush({ domain: 7, flags: 2, tag: run.call('fsync', 33, { path: '/log' }) });
    run.ack('k');
    const check = ({ image, must }: Check) => {
      if (must.length > 0 && sector(image, 0) === 0) throw new Error('lost');
    };
    const [finding] = await findingsOf(build, run, { check });
    assert.match(
      finding?.sentence ?? '',
      /durable by then, as the drive has ignored fsync\('\/log'\) \(engine.ts:33\)$/,
    );
  });

  test('a name that no fsync of its directory has made durable', async () => {
    const run = new HandRun();
    run.paths.set(2, '/');
    run.attempt('k');
    record(run, 2, 100, run.call('open', 11, { path: '/a' }));
    write(run, '/a', 9, 12, 0, 0);
    fsync(run, '/a', 9, 13);
    run.ack('k');
    const check = ({ image, must }: Check) => {
      if (must.length > 0 && (sector(image, 0) === 0 || sector(image, 100) === 0)) throw new Error('lost');
    };
    const [finding] = await findingsOf(build, run, { check, model: { flushScope: 'domain' } });
    assert.is(
      finding?.sentence,
      "'k' was acknowledged, but a power cut can lose it: nothing has made the name /a in / (engine.ts:11) durable by then; an fsync of the directory / would",
    );
    assert.is(finding?.proof?.flush, 'an fsync of the directory /');
    assert.is(finding?.proof?.failed, 0);
  });

  test('the new size of a file without its bytes', async () => {
    const run = new HandRun();
    run.paths.set(9, '/log');
    const tag = run.call('write', 31, { path: '/log', offset: 0, length: 12 });
    run.log.write(0, { tag, domain: 9 });
    record(run, 9, 100, tag);
    const check = ({ image }: Check) => {
      if (sector(image, 100) !== 0 && sector(image, 0) === 0) throw new Error('zeros at the end');
    };
    const [finding] = await findingsOf(build, run, { check });
    assert.is(
      finding?.sentence,
      'the new size of /log (engine.ts:31) can be on the disk without bytes 0 to 11 of /log (engine.ts:31): zeros are read there',
    );
  });

  test('a rename is named by what its records do', async () => {
    const names = async (count: number, domains: readonly number[]) => {
      const run = new HandRun();
      run.paths.set(2, '/').set(3, '/d');
      const tag = run.call('rename', 20, { path: '/a', dest: '/d/b' });
      for (let place = 0; place < count; place++) record(run, domains[place] ?? 2, 100 + place, tag);
      const check = ({ image }: Check) => {
        for (let place = 0; place < count; place++)
          if (sector(image, 100 + place) === 0) throw new Error(`${'x'.repeat(place)}`);
      };
      const level = await levelOf(build, run, { check });
      const { Words } = await import('../../../src/explore/explain-words.ts');
      const words = new Words(level);
      return level.explorer.writes.map((one) => words.what(one));
    };
    assert.equal(await names(1, [2]), ['the rename of /a to /d/b']);
    assert.equal(await names(2, [3, 2]), ['the name /d/b in /d', 'the removal of /a from /']);
    assert.equal(await names(2, [2, 3]), ['the removal of /a from /', 'the name /d/b in /d']);
    assert.equal(await names(2, [2, 2]), ['the removal of /a from /', 'the name /d/b in /d']);
    assert.equal(await names(3, [3, 2, 3]), [
      'the removal of /d/b from /d',
      'the removal of /a from /',
      'the name /d/b in /d',
    ]);
  });

  test('24: a write that only fails torn: what is missing of it is named; without tearing nothing is found', async () => {
    const run = new HandRun();
    write(run, '/db', 8, 40, 0, 0, 8192);
    const check = ({ image }: Check) => {
      const there = Array.from({ length: 16 }, (_, place) => sector(image, place) !== 0);
      // the commit record is in the last sector, and has no checksum over the others
      if (there[15] && there.includes(false)) throw new Error('committed data is missing');
    };
    const [finding] = await findingsOf(build, run, { check, model: { unit: 1024 } });
    assert.is(
      finding?.sentence,
      'a power cut can tear the write of bytes 0 to 8191 of /db (engine.ts:40): bytes 0 to 1023 of /db can be missing while the rest of the write is there',
    );
    assert.ok(finding?.needsTearing);
    assert.is(finding?.proof, undefined, 'no flush makes a write whole');
    assert.equal(await findingsOf(build, run, { check, model: { tearing: 'none' } }), []);
  });

  test('a moment at which nothing is missing, and yet the state is bad', async () => {
    const run = new HandRun();
    run.attempt('k');
    run.log.flush();
    write(run, '/a', 8, 50, 0, 0);
    run.log.flush();
    write(run, '/b', 9, 51, 1, 0);
    run.log.flush();
    const check = ({ image }: Check) => {
      if (sector(image, 0) !== 0 && sector(image, 1) === 0) throw new Error('/a without /b');
    };
    const [finding, ...others] = await findingsOf(build, run, { check });
    assert.is(others.length, 0);
    assert.is(
      finding?.sentence,
      "a power cut right after write('/a', 512 bytes at 0) (engine.ts:50) leaves what the check refuses, although nothing that was written by then is missing",
    );
    assert.equal(finding?.missing, []);
  });

  test('two causes with one error are two findings; each counts the images that it explains', async () => {
    const run = new HandRun();
    for (const [place, line] of [31, 41].entries()) {
      write(run, '/log', 7, line, place * 10, place * 512);
      write(run, '/db', 8, line + 1, place * 10 + 1, place * 512);
      fsync(run, '/log', 7, line + 2);
    }
    const check = ({ image }: Check) => {
      for (const at of [0, 10])
        if (sector(image, at + 1) !== 0 && sector(image, at) === 0)
          throw new Error(`page ${at} has no log record`);
    };
    const findings = await findingsOf(build, run, { check });
    assert.equal(
      findings.map(({ missing, present, images }) => [
        missing[0]?.stack[0]?.slice(-16),
        present[0]?.call,
        images,
      ]),
      [
        ['//engine.ts:31:9', "write('/db', 512 bytes at 0)", 1],
        ['//engine.ts:41:9', "write('/db', 512 bytes at 512)", 1],
      ].map(([line, call, images]) => [
        `put (file:///home/me/${String(line).slice(2)})`.slice(-16),
        call,
        images,
      ]),
    );
    const one = await explainFailures(await searchOf(await levelOf(build, run, { check })), {
      levels: levelsOf(await levelOf(build, run, { check })),
      kind: 'explore',
      options: {},
      maxFindings: 1,
    });
    assert.is(one.length, 1);
  });

  test('many images of one cause are one finding', async () => {
    const run = new HandRun();
    write(run, '/log', 7, 31, 0, 0);
    for (let page = 0; page < 6; page++) write(run, '/db', 8, 32, 10 + page, page * 512);
    const check = ({ image }: Check) => {
      for (let page = 0; page < 6; page++)
        if (sector(image, 10 + page) !== 0 && sector(image, 0) === 0)
          throw new Error(`page ${page} has no log record`);
    };
    const findings = await findingsOf(build, run, { check });
    assert.is(findings.length, 1);
    assert.is(findings[0]?.images, 63);
    assert.equal(findings[0]?.recipe.states, [
      { step: 3, losses: [{ write: 0, kind: 'missing', offset: 0, length: 512 }] },
    ]);
  });

  test('of several acknowledged values the one is named whose loss makes it fail, in the order of their acknowledgements', async () => {
    for (const lostPlace of [0, 1, 2, 3, 4]) {
      const run = new HandRun();
      const names = ['a', 'b', 'c', 'd', 'e'];
      for (const name of [...names].reverse()) run.attempt(name);
      for (const [place, name] of names.entries()) {
        write(run, '/log', 7, 31 + place, place, place * 512);
        run.ack(name);
      }
      run.attempt('f');
      write(run, '/end', 8, 50, 9, 0);
      const check = ({ image, must }: Check) => {
        const isGone = sector(image, lostPlace) === 0 && must.includes(names[lostPlace] as string);
        if (isGone && sector(image, 9) !== 0) throw new Error('a value is gone');
      };
      const [finding] = await findingsOf(build, run, { check });
      assert.is(finding?.lost, `'${names[lostPlace]}'`);
      assert.is(finding?.crashPoint.acknowledged, 5);
    }
  });

  test('of several writes without which it would pass the nearest behind the first missing one is named, else the nearest before', async () => {
    const presentOf = async (missing: readonly number[], present: readonly number[], ...acked: string[]) => {
      const run = new HandRun();
      for (let place = 0; place < 5; place++) write(run, '/db', 8, 31 + place, place, place * 512);
      for (const value of acked) run.ack(value);
      const check = ({ image, must }: Check) => {
        const isGone = missing.every((place) => sector(image, place) === 0);
        const isThere = present.every((place) => sector(image, place) !== 0);
        if (isGone && isThere && must.length === acked.length) throw new Error('not in order');
      };
      const [finding] = await findingsOf(build, run, { check });
      assert.equal(
        finding?.missing.map(({ offset }) => offset / 512),
        missing,
      );
      return finding?.present.map(({ offset }) => offset / 512);
    };
    assert.equal(await presentOf([1], [0, 2, 3]), [2]);
    assert.equal(await presentOf([1, 3], [0, 2, 4]), [2]);
    assert.equal(await presentOf([3], [0, 1], 'k'), [1]);
  });

  test.run();
}
