// Proofs by repair: the run with a flush more, and what is said when that does not help.

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

async function proofsOf(build: Build, run: HandRun, options: LevelOptions): Promise<Finding['proof'][]> {
  const level = await levelOf(build, run, options);
  const failures = await searchOf(level);
  const findings = await explainFailures(failures, { levels: levelsOf(level), kind: 'explore', options: {} });
  assert.ok(findings.length > 0);
  return findings.map(({ proof }) => proof);
}

/** A log record, then pages; the check wants the record before any page. */
function engine(pages: number): HandRun {
  const run = new HandRun();
  run.paths.set(7, '/log').set(8, '/db');
  run.log.write(0, { tag: run.call('write', 31, { path: '/log', offset: 0, length: 512 }), domain: 7 });
  for (let page = 1; page <= pages; page++) {
    const tag = run.call('write', 32, { path: '/db', offset: page * 512, length: 512 });
    run.log.write(page, { tag, domain: 8 });
  }
  return run;
}

function recordFirst({ image }: Check): void {
  for (let page = 1; page <= 8; page++)
    if (sector(image, page) !== 0 && sector(image, 0) === 0)
      throw new Error(`page ${page} has no log record`);
}

for (const build of BUILDS) {
  const test = suite(`explore/proof (${build})`);

  test('with an fsync behind the log write all states pass that a crash could leave from then on', async () => {
    const [proof] = await proofsOf(build, engine(8), { check: recordFirst });
    assert.is(proof?.flush, 'an fsync of /log');
    assert.is(proof?.flushAfter.call, "write('/log', 512 bytes at 0)");
    // the record in flight and behind the flush, then of each page the subsets of those that are written
    const pages = Array.from({ length: 8 }, (_, page) => 2 ** (page + 1)).reduce(
      (sum, states) => sum + states,
      0,
    );
    assert.is(proof?.states, 2 + 1 + pages);
    assert.equal([proof?.failed, proof?.exhaustive], [0, true]);
  });

  test('a drive that lies is not repaired by another flush', async () => {
    const [proof] = await proofsOf(build, engine(1), { check: recordFirst, model: { device: 'lying' } });
    assert.is(proof, undefined);
  });

  test('a page that is written before its record needs another order, not a flush', async () => {
    const run = new HandRun();
    run.log.write(1, { domain: 8 });
    run.log.write(0, { domain: 7 });
    const [proof] = await proofsOf(build, run, { check: recordFirst });
    assert.is(proof, undefined);
  });

  test('size and bytes of one call: no flush comes between them', async () => {
    const run = new HandRun();
    run.paths.set(9, '/log');
    const tag = run.call('write', 31, { path: '/log', offset: 0, length: 12 });
    run.log.write(0, { tag, domain: 9 });
    run.log.write(1, { tag, domain: 9, flags: LOG_FLAG_UNTORN });
    const [proof] = await proofsOf(build, run, { check: recordFirst });
    assert.is(proof, undefined);
  });

  test('a sample proves no more than a sample', async () => {
    const [proof] = await proofsOf(build, engine(8), { check: recordFirst, bound: 16 });
    assert.equal([proof?.failed, proof?.exhaustive], [0, false]);
  });

  test('the images of another cause are counted, not hidden', async () => {
    const run = engine(1);
    run.log.write(9, { tag: run.call('write', 40, { path: '/meta', offset: 0, length: 512 }), domain: 10 });
    run.log.write(1, {
      tag: run.call('write', 41, { path: '/db', offset: 512, length: 512 }),
      domain: 8,
      fill: 77,
    });
    const check = ({ image }: Check) => {
      const page = sector(image, 1);
      if (page !== 0 && sector(image, 0) === 0) throw new Error('page 1 lacks what it needs');
      if (page === 77 && sector(image, 9) === 0) throw new Error('page 1 lacks what it needs');
    };
    const proofs = await proofsOf(build, run, { check });
    assert.is(proofs.length, 2);
    assert.ok(proofs.some((proof) => (proof?.failed ?? 0) > 0));
  });

  test.run();
}
