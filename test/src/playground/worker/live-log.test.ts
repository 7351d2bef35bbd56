// The log of a live machine: its steps are found in the records, and its hash is the machine's own.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_SIZE } from '../../../../assembly/layout.ts';
import type { Machine } from '../../../../src/machine.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import { LiveLog } from '../../../../src/playground/worker/live-log.ts';
import { diskScene, liveShape } from '../../../../src/playground/worker/live-scenes.ts';
import { survivors } from '../../../../src/playground/worker/power.ts';
import type { RunPart } from '../../../../src/playground/worker/protocol.ts';
import { openMachine } from '../../../support/machine.ts';

const open = (): Promise<Machine> =>
  openMachine('release', { drives: [{ model: 'ssd', size: '4MiB' }], volume: true, records: true });

const recordsOf = (parts: readonly RunPart[]): number =>
  parts.reduce((sum, part) => sum + part.records.length / RECORD_SIZE, 0);

const log = suite('the log of a live machine');

log('all records from the first, in steps whose last hash is the machine’s', async () => {
  const machine = await open();
  const live = new LiveLog(machine);
  const mount = live.take();
  assert.is(live.hash, machine.recordHash);
  machine.fs.writeFile('/note', 'Ada owes 10', { flush: true });
  const written = live.take();
  const last = written.at(-1) as RunPart;
  assert.is(live.hash, machine.recordHash);
  assert.is((last.hashes.at(-1) as bigint).toString(16).padStart(16, '0'), machine.recordHash);
  assert.is(last.recordEnds.at(-1), recordsOf([...mount, ...written]));
  assert.is(recordsOf([...mount, ...written]), machine.records.take().length);
  assert.equal(live.take(), []);
});

log('a step is one moment: times never go back, and a new moment is a new step', async () => {
  const machine = await open();
  const live = new LiveLog(machine, 'next');
  machine.fs.writeFile('/note', new Uint8Array(100_000), { flush: true });
  const [part] = live.take() as [RunPart];
  assert.ok(part.timesNs.length > 4);
  const view = new DataView(part.records.buffer);
  part.recordEnds.forEach((end, step) => {
    const first = step === 0 ? 0 : (part.recordEnds[step - 1] as number);
    assert.ok(end > first);
    for (let record = first; record < end; record++)
      assert.is(Number(view.getBigUint64(record * RECORD_SIZE, true)), part.timesNs[step]);
  });
  assert.equal(
    [...part.timesNs],
    [...part.timesNs].sort((left, right) => left - right),
  );
});

log('records that come in several parts are the same run', async () => {
  const [one, other] = [await open(), await open()];
  const [atOnce, inPieces] = [new LiveLog(one), new LiveLog(other)];
  const pieces: RunPart[] = [];
  for (let count = 0; count < 20; count++) {
    for (const machine of [one, other]) machine.fs.writeFile(`/file${count}`, 'text', { flush: true });
    pieces.push(...inPieces.take());
  }
  atOnce.take();
  assert.is(inPieces.hash, atOnce.hash);
  assert.is(pieces.at(-1)?.recordEnds.at(-1), other.records.take().length);
});

log('a log that reaches its limit is full, and the next goes on behind it', async () => {
  const machine = await open();
  const live = new LiveLog(machine, 'next', 10);
  machine.fs.writeFile('/note', new Uint8Array(100_000), { flush: true });
  assert.not(live.isFull);
  const before = recordsOf(live.take());
  assert.ok(live.isFull && !live.hasGap);
  assert.is(live.hash, machine.recordHash);
  const next = new LiveLog(machine, 'next');
  machine.fs.unlink('/note');
  const [part] = next.take() as [RunPart];
  assert.is(next.hash, machine.recordHash);
  assert.is(part.recordEnds.at(-1), recordsOf([part]), 'records are counted anew');
  assert.ok(before > 10);
});

log(
  'a log whose records were overwritten has a gap, takes none of them, and the next begins behind it',
  async () => {
    const machine = await openMachine('release', {
      drives: [{ model: 'ssd', size: '64MiB' }],
      volume: true,
      records: 2048,
    });
    const live = new LiveLog(machine, 'next');
    machine.fs.writeFile('/note', new Uint8Array(4_000_000), { flush: true });
    assert.equal(live.take(), []);
    assert.ok(live.isFull && live.hasGap);
    const next = new LiveLog(machine, 'next');
    machine.fs.unlink('/note');
    next.take();
    assert.is(next.hash, machine.recordHash);
  },
);

log('a run behind a full one begins with the pages and the drives that the machine has', async () => {
  const machine = await open();
  const scene = diskScene(4 * 1048576);
  const shape = liveShape(machine, scene);
  const live = new LiveLog(machine);
  const first = new Run(shape, scene);
  machine.fs.writeFile('/dirty', new Uint8Array(100_000));
  for (const part of live.take()) first.add(part);
  const behind = Run.behind(first, shape);
  const before = behind.stateAt(0);
  assert.is(before?.nowNs, machine.nowNs);
  assert.is(before?.cache.dirtyCount, machine.vmstat().nr_dirty);
  assert.ok((before?.cache.dirtyCount ?? 0) > 0);
  assert.is(before?.drives[0]?.volatileWrites.length, machine.volatileWrites(0));
  const next = new LiveLog(machine, 'next');
  machine.fs.sync();
  machine.fs.writeFile('/other', new Uint8Array(50_000));
  for (const part of next.take()) behind.add(part);
  const after = behind.stateAt(behind.stepCount);
  assert.is(after?.cache.dirtyCount, machine.vmstat().nr_dirty);
  assert.is(after?.drives[0]?.volatileWrites.length, machine.volatileWrites(0));
  assert.equal(behind.stateAt(0), before, 'back to its beginning');
});

log('a cut keeps what was chosen, and the same at random for the same seed', () => {
  const writes = [1, 3, 1].map((choices, id) => ({
    id,
    operation: 'write' as const,
    sector: id,
    sectorCount: choices,
    isCompleted: true,
    tag: 0,
    choices,
  }));
  assert.equal(survivors(writes, { choose: 'none', seed: 1 }), Array(5).fill(false));
  assert.equal(survivors(writes, { choose: 'all', seed: 1 }), Array(5).fill(true));
  const random = (seed: number) => survivors(writes, { choose: 'random', seed }).join();
  assert.is(random(7), random(7));
  assert.ok(new Set([1, 2, 3, 4, 5].map(random)).size > 1);
});

log.run();
