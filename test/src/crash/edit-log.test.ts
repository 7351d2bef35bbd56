// Logs with a flush more or less: the images are those of a log that was made so, and nothing else changes.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_WRITE } from '../../../assembly/layout.ts';
import type { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { withFlush, withoutFlush } from '../../../src/crash/edit-log.ts';
import { openWriteLog } from '../../../src/write-log/entries.ts';
import { imagesOf, openExplorer } from '../../support/explorer.ts';
import { BUILDS, type Build } from '../../support/machine.ts';
import { WriteLogBuilder } from '../../support/write-log-builder.ts';

function built(make: (log: WriteLogBuilder) => void): WriteLogBuilder {
  const log = new WriteLogBuilder();
  make(log);
  return log;
}

/** The images of a log at all crash points, with flushes for domains. */
async function images(build: Build, log: SparseMemory) {
  const explorer = await openExplorer(build, { log, model: { flushScope: 'domain' } });
  return imagesOf(explorer, 3);
}

for (const build of BUILDS) {
  const edit = suite(`edited write logs (${build})`);

  edit('a flush put in is as good as one that was made', async () => {
    const log = built((it) => {
      it.write(0, { fill: 1, domain: 7 });
      it.write(1, { fill: 2, domain: 8 });
      it.write(2, { fill: 3, domain: 7 });
    });
    for (const [domain, step] of [
      [0, 2],
      [7, 2],
      [7, 4],
      [8, 4],
      [0, 0],
      [0, 6],
    ] as const) {
      const made = built((it) => {
        const flushAt = (here: number) => here === step && it.flush({ domain });
        flushAt(0);
        it.write(0, { fill: 1, domain: 7 });
        flushAt(2);
        it.write(1, { fill: 2, domain: 8 });
        flushAt(4);
        it.write(2, { fill: 3, domain: 7 });
        flushAt(6);
      });
      const edited = withFlush(log.memory(), step, domain).log;
      assert.equal(Buffer.from(bytesOf(edited)), Buffer.from(made.bytes()), `domain ${domain}, step ${step}`);
      assert.equal(await images(build, edited), await images(build, made.memory()));
    }
  });

  edit('a flush taken away covers nothing, and the log that was given is the same', async () => {
    let flush = 0;
    const log = built((it) => {
      it.write(0);
      flush = it.flush();
      it.write(1);
    });
    const before = log.memory();
    const edited = withoutFlush(before, flush);
    assert.equal(Buffer.from(bytesOf(before)), Buffer.from(log.bytes()));
    assert.equal(await images(build, before), ['0 0 0', '1 0 0', '1 3 0']);
    assert.equal(await images(build, edited), ['0 0 0', '0 3 0', '1 0 0', '1 3 0']);
  });

  edit('so is the FUA of a write', async () => {
    let fua = 0;
    const log = built((it) => {
      fua = it.fua(0);
      it.write(1);
    });
    assert.equal(await images(build, log.memory()), ['0 0 0', '1 0 0', '1 2 0']);
    assert.equal(await images(build, withoutFlush(log.memory(), fua)), ['0 0 0', '0 2 0', '1 0 0', '1 2 0']);
  });

  edit.run();
}

const steps = suite('steps of edited write logs');

steps('steps of both logs are told from each other; requests in flight keep their completions', () => {
  const log = new WriteLogBuilder();
  const first = log.submit(OP_WRITE, 0);
  log.mark('here');
  const second = log.submit(OP_WRITE, 1);
  log.complete(first);
  log.complete(second);
  const edited = withFlush(log.memory(), 2);
  assert.equal([0, 1, 2, 3, 5].map(edited.toNew), [0, 1, 2, 5, 7]);
  assert.equal([0, 2, 3, 4, 5, 7].map(edited.toOld), [0, 2, 2, 2, 3, 5]);
  assert.is(edited.step, 4);
  const entries = [...openWriteLog(edited.log).entries()];
  assert.equal(
    entries.map((entry) =>
      entry.kind === 'mark' ? entry.text : `${entry.kind} ${entry.operation} ${entry.number}`,
    ),
    [
      'submit write 1',
      'here',
      'submit flush 2',
      'complete flush 2',
      'submit write 3',
      'complete write 1',
      'complete write 3',
    ],
  );
});

steps('a flush does not part a request from its parts', () => {
  const log = new WriteLogBuilder();
  const merged = log.submit(OP_WRITE, 0, { sectors: 2 });
  log.part(merged, 0, 1, 7);
  log.part(merged, 1, 1, 8);
  log.complete(merged);
  for (const step of [1, 2, 3]) {
    const edited = withFlush(log.memory(), step);
    const kinds = [...openWriteLog(edited.log).entries()].map(({ kind }) => kind);
    assert.equal(kinds, ['submit', 'part', 'part', 'submit', 'complete', 'complete']);
    assert.equal([edited.step, edited.toNew(3), edited.toNew(4), edited.toOld(6)], [5, 3, 6, 4]);
  }
});

steps('a step or a request that the log has not is an error that names it', () => {
  const log = new WriteLogBuilder();
  log.write(0);
  assert.throws(() => withFlush(log.memory(), 3), /afterStep is 3; it must be a whole number from 0 to 2/);
  assert.throws(() => withFlush(log.memory(), 0.5), /afterStep is 0.5/);
  assert.throws(() => withFlush(log.memory(), -1), /afterStep is -1/);
  assert.throws(() => withoutFlush(log.memory(), 2), /number is 2/);
});

steps.run();

function bytesOf(log: SparseMemory): Uint8Array {
  const bytes = new Uint8Array(log.size);
  log.read(bytes, 0);
  return bytes;
}
