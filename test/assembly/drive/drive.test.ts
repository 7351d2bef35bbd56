// The virtual disk: when requests end, in which order they may, and what a read-only or failing one answers.
//
// Times are checked by arithmetic: a `fixed` drive serves `channels` requests at a time, each for its latency, and takes
// `queueDepth` at once. Requests are direct AIO, far apart so that none merge; times come from the records.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AioRequest } from '../../../src/aio-request.ts';
import type { DriveConfig, MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openFlaky, WASI_EIO } from './flaky-image.ts';

const drives = suite('drive');

function open(build: Build, drive: DriveConfig = {}, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, { drives: [{ size: '1MiB', ...drive }], records: 4096, ...config });
}

/** Submits direct requests of one sector, 16 sectors apart, in one call. */
function submit(machine: Machine, operations: readonly AioRequest['op'][]): void {
  const file = machine.openFile('drive0', { direct: true });
  const buffer = machine.buffers.allocate(512);
  const requests = operations.map((op, index) =>
    op === 'pread' || op === 'pwrite'
      ? { op, file, buffer, length: 512, offset: index * 8192, data: index }
      : { op, file, data: index },
  );
  assert.is(machine.createAioContext(64).submit(requests), operations.length);
}

function completionTimes(machine: Machine): number[] {
  return machine.records.take().flatMap(({ kind, timeNs }) => (kind === 'completed' ? [timeNs] : []));
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return 'nothing';
}

for (const build of BUILDS) {
  const cases: [string, DriveConfig, AioRequest['op'][], number[]][] = [
    ['one channel serves one after the other', { channels: 1 }, ['pread', 'pread', 'pread'], [100, 200, 300]],
    [
      'two channels serve two at a time',
      { channels: 2 },
      ['pread', 'pread', 'pread', 'pread', 'pread'],
      [100, 100, 200, 200, 300],
    ],
    [
      'a queue depth of 1 leaves channels idle',
      { channels: 4, queueDepth: 1 },
      ['pread', 'pread', 'pread'],
      [100, 200, 300],
    ],
    ['each operation has its own latency', { channels: 3 }, ['pread', 'pwrite', 'fdsync'], [30, 100, 500]],
    [
      'the channel that is free first is taken',
      { channels: 2 },
      ['pread', 'pwrite', 'pwrite'],
      [30, 100, 130],
    ],
  ];
  for (const [claim, drive, operations, expected] of cases) {
    drives(`${build}: ${claim}`, async () => {
      const isMixed = operations.includes('pwrite');
      const latencyNs = { read: 100, write: isMixed ? 30 : 100, flush: 500 };
      const machine = await open(build, { ...drive, model: 'fixed', latencyNs });
      submit(machine, operations);
      machine.run();
      const times = completionTimes(machine);
      // with a write of 30 ns beside a read of 100 ns the write ends first
      assert.equal(times, claim.startsWith('the channel') ? [30, 60, 100] : expected);
      assert.is(machine.nowNs, times.at(-1));
    });
  }

  drives(`${build}: an instant drive takes no time, and still completes from the pump only`, async () => {
    const machine = await open(build);
    machine.holdCompletions(true);
    submit(machine, ['pwrite', 'pread']);
    assert.is(machine.heldCompletions(), 0, 'nothing completes inside submit');
    machine.run();
    assert.is(machine.heldCompletions(), 2);
    assert.is(machine.nowNs, 0);
  });

  drives(`${build}: held completions are released in any order, each once`, async () => {
    const machine = await open(build);
    const file = machine.openFile('drive0', { direct: true });
    const buffer = machine.buffers.allocate(512);
    const context = machine.createAioContext(8);
    machine.holdCompletions(true);
    context.submit(
      [0, 1, 2, 3].map((data) => ({ op: 'pwrite', file, buffer, length: 512, offset: data * 8192, data })),
    );
    machine.run();
    assert.is(machine.heldCompletions(), 4);
    assert.equal(context.getEvents({ min: 1 }), []);
    for (const index of [2, 0, 1]) machine.releaseCompletion(index);
    assert.is(machine.heldCompletions(), 1);
    assert.is(
      codeOf(() => machine.releaseCompletion(1)),
      'EINVAL',
    );
    assert.equal(
      context.getEvents().map(({ data }) => data),
      [2, 0, 3],
    );
    machine.holdCompletions(false);
    assert.equal(
      context.getEvents().map(({ data }) => data),
      [1],
    );
    assert.is(
      codeOf(() => machine.releaseCompletion(0)),
      'EINVAL',
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  drives(`${build}: a held request keeps its place in the queue depth`, async () => {
    const machine = await open(build, { queueDepth: 2 });
    machine.holdCompletions(true);
    submit(machine, ['pwrite', 'pwrite', 'pwrite']);
    machine.run();
    assert.is(machine.heldCompletions(), 2);
    assert.is(machine.counters.drive.writes, 2);
    machine.releaseCompletion();
    assert.is(machine.counters.drive.writes, 3);
  });

  drives(`${build}: a read gives what is on the drive when it ends`, async () => {
    const machine = await open(build);
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(8);
    const [into, from] = [machine.buffers.allocate(512), machine.buffers.allocate(512)];
    machine.core.memory.bytes.fill(9, from, from + 512);
    machine.holdCompletions(true);
    context.submit([{ op: 'pread', file, buffer: into, length: 512, offset: 0 }]);
    machine.run();
    context.submit([{ op: 'pwrite', file, buffer: from, length: 512, offset: 0 }]);
    machine.holdCompletions(false);
    machine.run();
    assert.is(machine.core.memory.bytes[into], 9);
  });

  drives(`${build}: a read-only drive is read, and not written, and survives a power cut`, async () => {
    const first = await open(build);
    first.openFile('drive0', { dsync: true }).write(new Uint8Array([5]), 3);
    const machine = await open(build, { memory: first.memory(), readOnly: true });
    assert.is(
      codeOf(() => machine.openFile('drive0')),
      'EROFS',
    );
    const file = machine.openFile('drive0', { readOnly: true });
    assert.equal([...file.read(2, 3)], [5, 0]);
    assert.is(
      codeOf(() => file.write(new Uint8Array(1), 0)),
      'EBADF',
    );
    assert.is(
      codeOf(() => file.discard(0, 512)),
      'EBADF',
    );
    file.sync();
    assert.equal(machine.cutPower(), [0]);
  });

  drives(`${build}: drives lose power together, each with its own writes`, async () => {
    const machine = await openMachine(build, { drives: [{}, { volatileWrites: 0 }, { readOnly: true }] });
    for (const name of ['drive0', 'drive1'])
      machine.openFile(name, { direct: true }).write(new Uint8Array(512).fill(1), 0);
    assert.equal(machine.cutPower(), [1, 0, 0]);
    const bytes = [0, 1].map((drive) => {
      const target = new Uint8Array(1);
      machine.memory(drive).read(target, 0);
      return target[0];
    });
    assert.equal(bytes, [0, 1]);
  });

  drives(`${build}: an error of the image is the request's error, and only that one's`, async () => {
    const { machine, image } = await openFlaky(build, { merge: false });
    const file = machine.openFile('drive0', { direct: true });
    image.fail = ({ name, offset }) => (name === 'pwrite' && offset === 512 ? WASI_EIO : 0);
    const sector = new Uint8Array(512).fill(3);
    assert.is(file.write(sector, 0), 512);
    assert.is(
      codeOf(() => file.write(sector, 512)),
      'EIO',
    );
    assert.is(file.write(sector, 1024), 512);
    image.fail = ({ name }) => (name === 'pread' ? WASI_EIO : 0);
    assert.is(
      codeOf(() => file.read(512, 0)),
      'EIO',
    );
    assert.is(machine.counters.drive.errors, 2);
    image.fail = () => 0;
    assert.is(file.read(512, 0)[0], 3);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  drives(`${build}: a host that takes or gives fewer bytes is asked again for the rest`, async () => {
    const { machine, image } = await openFlaky(build);
    image.short = ({ bytes }) => Math.min(bytes, 1000);
    const file = machine.openFile('drive0', { direct: true });
    const bytes = Uint8Array.from({ length: 4096 }, (_, index) => index % 251);
    assert.is(file.write(bytes, 512), 4096);
    assert.equal(
      image.take('pwrite').map(({ offset }) => offset),
      [512, 1512, 2512, 3512, 4512],
    );
    assert.equal([...file.read(4096, 512)], [...bytes]);
    image.short = () => 0;
    assert.is(
      codeOf(() => file.write(bytes, 0)),
      'EIO',
      'a write that makes no progress',
    );
  });

  drives(`${build}: a memory that throws is a drive that fails`, async () => {
    const machine = await open(build, { volatileWrites: 0 });
    const memory = machine.memory();
    const file = machine.openFile('drive0', { direct: true });
    memory.write = () => {
      throw new RangeError('no memory');
    };
    assert.is(
      codeOf(() => file.write(new Uint8Array(512), 0)),
      'EIO',
    );
    assert.is(file.read(512, 0).length, 512);
  });
}

drives.run();
