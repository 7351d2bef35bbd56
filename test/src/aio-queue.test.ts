// aio_queue and KernelDevice as JavaScript has them: raw numbers from the one, errors with names from the other, and
// client memory that comes back.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../../assembly/layout.ts';
import { Aio } from '../../src/aio-queue.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { ABORT_REASONS, CephAbortError, ConfigError, StorageError } from '../../src/errors.ts';
import type { Machine } from '../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const BLOCK = 4096;
const BUFFERS = 262144;

const host = suite('aio_queue and KernelDevice of the host');

const open = (build: Build, config: MachineConfig = {}): Promise<Machine> =>
  openMachine(build, { drives: [{ size: 1048576 }], buffers: BUFFERS, ...config });

/** All pools and all of the client's buffers are free again. */
function checkLeft(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  machine.buffers.free(machine.buffers.allocate(BUFFERS));
}

host('every ABORT_ of the layout has its name at its number', () => {
  const camel = (name: string) =>
    name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const reasons = Object.entries(layout).filter(
    ([name]) => name.startsWith('ABORT_') && name !== 'ABORT_COUNT',
  );
  const names: readonly string[] = ABORT_REASONS;
  assert.is(reasons.length, names.length);
  assert.is(layout.ABORT_COUNT, ABORT_REASONS.length);
  for (const [name, number] of reasons) assert.is(names[number], camel(name.slice(6)), name);
});

for (const build of BUILDS) {
  host(`${build}: requests go through a queue as in C++`, async () => {
    const machine = await open(build);
    const file = machine.openFile('drive0', { direct: true });
    file.write(new Uint8Array(BLOCK).fill(3), BLOCK);
    const queue = machine.createAioQueue(4);
    assert.is(queue.init(), 0);
    const aio = new Aio(machine, file, 5);
    assert.equal([aio.priv, aio.offset, aio.length, aio.returnValue], [5, 0, 0, -1000]);
    const buffer = aio.pread(BLOCK, BLOCK);
    assert.equal([aio.offset, aio.length, buffer % 4096], [BLOCK, BLOCK, 0]);

    const address = machine.buffers.allocate(BLOCK, BLOCK);
    const vector = new Aio(machine, file);
    // more pieces than an aio_t has room for
    for (let piece = 0; piece < 8; piece++) vector.addPiece(address + piece * 512, 512);
    machine.core.memory.bytes.fill(9, address, address + BLOCK);
    vector.pwritev(0, BLOCK);

    const { result, done, retries, sleptNs, calls } = queue.submitBatch([aio, vector], { priv: 11 });
    assert.equal([result, done, retries, sleptNs, calls], [2, 2, 0, 0, 1]);
    assert.equal([aio.priv, vector.priv, aio.returnValue], [11, 11, -1000]);
    const completed: Aio[] = [];
    assert.is(queue.getNextCompleted(250, completed, 1), 1);
    assert.is(queue.getNextCompleted(250, completed), 1);
    assert.is(queue.getNextCompleted(250, completed), 0);
    assert.is(completed.length, 2);
    assert.ok(completed.includes(aio) && completed.includes(vector));
    assert.equal([aio.returnValue, vector.returnValue], [BLOCK, BLOCK]);
    assert.is(machine.core.memory.bytes[buffer], 3);
    assert.equal(file.read(BLOCK, 0), new Uint8Array(BLOCK).fill(9));
    const readBack = new Aio(machine, file);
    readBack.addPiece(address, BLOCK);
    readBack.preadv(BLOCK, BLOCK);
    assert.is(queue.submitBatch([readBack]).result, 1);
    assert.is(queue.getNextCompleted(-1, completed), 1);
    assert.is(machine.core.memory.bytes[address], 3);

    for (const one of [aio, vector, readBack]) one.free();
    machine.buffers.free(address);
    assert.equal([queue.shutdown(), queue.destroy()], [0, 0]);
    checkLeft(machine);
  });

  host(`${build}: answers are numbers, and what aborts Ceph has a name`, async () => {
    const machine = await open(build);
    const file = machine.openFile('drive0', { direct: true });
    const queue = machine.createAioQueue();
    assert.is(queue.maxIodepth, 1024);
    assert.is(queue.abort, 'none');
    assert.is(queue.init(), 0);
    assert.is(queue.init(), -22);
    assert.is(queue.abort, 'initTwice');
    assert.is(queue.destroy(), -16);
    assert.is(queue.abort, 'notShutDown');
    machine.holdCompletions(true);
    const aio = new Aio(machine, file);
    aio.pread(0, BLOCK);
    const bad = new Aio(machine, file);
    assert.equal(queue.submitBatch([]), { result: 0, done: 0, retries: 0, sleptNs: 0, calls: 0 });
    // a request that was never prepared is a read of nothing at NULL, of 0 bytes
    bad.pread(-0, BLOCK);
    machine.core.memory.setU32(bad.address + layout.IOCB_FILDES, 999);
    assert.equal(queue.submitBatch([aio, bad]), {
      result: -9,
      done: 1,
      retries: 1,
      sleptNs: 125_000,
      calls: 2,
    });
    assert.equal(queue.submitBatch([bad], { rule: 'older', submitRetries: 0, initialDelayUs: 1 }).result, -9);
    assert.is(queue.shutdown(), -16);
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.shutdown(), 0);
    assert.is(queue.getNextCompleted(0, []), -22);
    assert.is(queue.destroy(), 0);
    assert.throws(
      () => aio.pwritev(-1, 1),
      (error: unknown) => error instanceof StorageError,
    );
    aio.free();
    bad.free();
    checkLeft(machine);
  });

  host(`${build}: a device's errors say what, where and why`, async () => {
    const machine = await open(build);
    const device = machine.openKernelDevice('drive0');
    const context = device.createContext();
    try {
      context.aioWrite(new Uint8Array(100), 0);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, CephAbortError);
      const { name, code, reason, syscall, result, message } = error as CephAbortError;
      assert.equal(
        { name, code, reason, syscall, result },
        {
          name: 'CephAbortError',
          code: 'ERR_CEPH_ABORT',
          reason: 'invalidIo',
          syscall: 'aio_write',
          result: -22,
        },
      );
      assert.is(message, 'Ceph aborts in aio_write: invalidIo (EINVAL)');
    }
    assert.throws(
      () => device.createContext({ priv: -1 }),
      (error: unknown) => error instanceof ConfigError && error.field === 'priv',
    );
    assert.throws(
      () => context.aioRead(-1, 0),
      (error: unknown) => error instanceof ConfigError && error.field === 'length',
    );
    context.close();
    context.close();
    device.close();
    device.close();
    assert.throws(
      () => device.flush(),
      (error: unknown) => error instanceof StorageError && error.code === 'EBADF' && error.path === 'drive0',
    );
    checkLeft(machine);
  });

  host(
    `${build}: payloads are freed at completion, after errors, and when the device is closed`,
    async () => {
      const machine = await open(build, { drives: [{ size: 1048576, latencyNs: 1000 }] });
      const file = machine.openFile('drive0', { direct: true });
      const device = machine.openKernelDevice(file);
      const context = device.createContext({ priv: 3 });
      const half = new Uint8Array(BUFFERS / 2 - BLOCK).fill(1);
      for (let round = 0; round < 5; round++) {
        // a second one would not fit if the first were not freed
        context.aioWrite(half, 0);
        const out = context.aioRead(half.length, 0);
        context.submit();
        if (round % 2 === 0) {
          context.wait();
        } else {
          machine.run();
          assert.equal(device.takeCompleted(), [context]);
        }
        assert.is(out.length, half.length);
        assert.is(context.numRunning, 0);
        device.takeCompleted();
        assert.throws(
          () => context.aioWrite(half, 1),
          (error: unknown) => error instanceof CephAbortError,
        );
        device.write(half, 0);
        assert.is(device.read(BLOCK, 0)[0], 1);
      }
      context.aioWrite(half, 0);
      context.submit();
      context.aioRead(BLOCK, 0);
      assert.equal([context.numPending, context.numRunning], [1, 1]);
      device.close();
      context.close();
      assert.is(file.read(512, 0)[0], 1, 'a file that was given stays open');
      checkLeft(machine);
    },
  );

  host(`${build}: a context that is closed hands out what it has read`, async () => {
    const machine = await open(build);
    using device = machine.openKernelDevice('drive0', { blockSize: '512', maxIodepth: 2, rule: 'older' });
    device.write(new Uint8Array(512).fill(6), 512);
    const context = device.createContext();
    const out = context.aioRead(512, 512);
    context.submit();
    machine.run();
    context.close();
    assert.equal(out, new Uint8Array(512).fill(6));
    assert.equal(
      [device.size, device.blockSize, device.ioSinceFlush, device.death],
      [1048576, 512, true, undefined],
    );
  });
}

host.run();
