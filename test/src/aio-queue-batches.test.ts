// The batches of an aio_queue by its objects: growing sizes, partial batches, retries, and memory that comes back. The
// calls underneath are tested in test/assembly/rings/aio-queue.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Aio } from '../../src/aio-queue.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const EBADF = -9;
const EAGAIN = -11;
const EBUSY = -16;
const EINVAL = -22;
const NOT_DONE = -1000;
const BYTES = 4096;

const queues = suite('batches of an aio queue');

for (const build of BUILDS) {
  queues(`${build}: bytes go out and come back, in batches of growing size`, async () => {
    const machine = await openMachine(build, { drives: [{ size: 1048576 }] });
    const file = machine.openFile('drive0', { direct: true });
    const free = machine.buffers.freeBytes;
    const queue = machine.createAioQueue(64);
    assert.is(queue.init(), 0);
    for (const size of [1, 5, 40]) {
      const out = machine.allocateBuffer(size * BYTES);
      const back = machine.allocateBuffer(size * BYTES);
      out.bytes.forEach((_, index) => {
        out.bytes[index] = (index >>> 12) + size + index;
      });
      for (const [isWrite, buffer] of [
        [true, out],
        [false, back],
      ] as const) {
        const aios = Array.from({ length: size }, (_, index) => {
          const aio = new Aio(machine, file, index);
          aio.addPiece(buffer.address + index * BYTES, BYTES / 2);
          aio.addPiece(buffer.address + index * BYTES + BYTES / 2, BYTES / 2);
          if (isWrite) aio.pwritev(index * BYTES, BYTES);
          else aio.preadv(index * BYTES, BYTES);
          return aio;
        });
        assert.is(aios[0]?.returnValue, NOT_DONE);
        const batch = queue.submitBatch(aios, { priv: 2 ** 40 + size });
        assert.equal(batch, { result: size, done: size, retries: 0, sleptNs: 0, calls: 1 });
        const completed: Aio[] = [];
        while (completed.length < size) assert.ok(queue.getNextCompleted(-1, completed, 7) > 0);
        assert.equal(new Set(completed), new Set(aios));
        for (const aio of aios) {
          assert.is(aio.returnValue, BYTES);
          assert.is(aio.priv, 2 ** 40 + size);
          aio.free();
        }
      }
      assert.equal(back.bytes, out.bytes);
      out.free();
      back.free();
    }
    assert.is(queue.getNextCompleted(0, []), 0);
    assert.is(queue.shutdown(), 0);
    assert.is(queue.destroy(), 0);
    assert.is(machine.buffers.freeBytes, free);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  queues(
    `${build}: a batch that gives up says how far it came; the next one is not taken for it`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: 1048576 }] });
      const file = machine.openFile('drive0', { direct: true });
      const queue = machine.createAioQueue(4096);
      assert.is(queue.init(), 0);
      const buffer = machine.allocateBuffer(BYTES);
      const make = (): Aio => {
        const aio = new Aio(machine, file);
        aio.addPiece(buffer.address, BYTES);
        aio.preadv(0, BYTES);
        return aio;
      };
      const closed = machine.openFile('drive0');
      const nowhere = new Aio(machine, closed);
      nowhere.addPiece(buffer.address, BYTES);
      nowhere.preadv(0, BYTES);
      closed.close();
      const between = make();
      between.pwritev(100, BYTES);
      const mixed = queue.submitBatch([make(), between, nowhere, make()]);
      assert.equal([mixed.result, mixed.done], [EBADF, 2]);
      const completed: Aio[] = [];
      while (queue.getNextCompleted(0, completed) > 0);
      assert.is(completed.length, 2);
      assert.is(between.returnValue, EINVAL, 'not whole sectors');
      assert.is(nowhere.returnValue, NOT_DONE);
      machine.holdCompletions(true);
      const one = make();
      assert.is(queue.submitBatch([one]).result, 1);
      assert.is(queue.getNextCompleted(0, completed), 0);
      assert.is(one.returnValue, NOT_DONE);
      assert.is(queue.shutdown(), EBUSY);
      assert.is(queue.destroy(), EBUSY);
      assert.is(queue.abort, 'notShutDown');
      machine.holdCompletions(false);
      assert.is(queue.getNextCompleted(-1, completed), 1);
      assert.is(completed.at(-1), one);
      assert.equal(queue.submitBatch([]), { result: 0, done: 0, retries: 0, sleptNs: 0, calls: 0 });
      assert.is(queue.shutdown(), 0);
      assert.is(queue.destroy(), 0);
      const late = queue.submitBatch([one]);
      assert.equal([late.result, late.done], [EBADF, 0]);
      assert.is(queue.getNextCompleted(0, completed), EBADF);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  queues(`${build}: retries of a full ring sleep in virtual time and are told`, async () => {
    const machine = await openMachine(build, { drives: [{ size: 1048576 }] });
    const file = machine.openFile('drive0', { direct: true });
    const queue = machine.createAioQueue(1);
    assert.is(queue.init(), 0);
    const buffer = machine.allocateBuffer(BYTES);
    const aios = Array.from({ length: 300 }, () => {
      const aio = new Aio(machine, file);
      aio.addPiece(buffer.address, BYTES);
      aio.preadv(0, BYTES);
      return aio;
    });
    const full = queue.submitBatch(aios, { submitRetries: 3, initialDelayUs: 10 });
    assert.is(full.result, EAGAIN);
    assert.is(full.done, 126, 'the slots of the smallest ring');
    assert.is(full.retries, 3);
    assert.is(full.sleptNs, (10 + 20 + 40) * 1000);
    const completed: Aio[] = [];
    while (queue.getNextCompleted(0, completed, 300) > 0);
    assert.equal(completed, aios.slice(0, full.done));
    assert.is(queue.shutdown(), 0);
    assert.is(queue.destroy(), 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

queues.run();
