// IOCB_CMD_POLL on eventfds, and io_cancel, which cancels polls that wait and nothing else.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import * as aio from './ring.ts';
import { Ring } from './ring.ts';

const { EAGAIN, EDEADLK, EFAULT, EINPROGRESS, EINVAL } = aio;
const { FSYNC, POLL, PREAD, PWRITE } = aio;
const POLLIN = 1;
const POLLPRI = 2;
const POLLOUT = 4;
const SIZE = 1048576;
const MAX = 2n ** 64n - 1n;

async function open(build: Build, limits = {}) {
  const machine = await openMachine(build, { drives: [{ size: SIZE }], limits });
  const ring = new Ring(machine);
  const fd = machine.openFile('drive0', { direct: true }).descriptor;
  const event = ring.createEventfd();
  return { machine, ring, handle: ring.open(1), fd, event, buffer: ring.allocate(4096, 4096) };
}

function checkIdle(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const poll = suite(`poll (${build})`);

  poll('what is ready ends at once, with the bits that were asked for', async () => {
    const { machine, ring, handle, event } = await open(build);
    const one = (mask: number) => {
      assert.is(ring.submitOne(handle, { opcode: POLL, fd: event, buf: mask }), 1);
      return ring.results(handle)[0];
    };
    assert.is(one(POLLOUT), POLLOUT);
    assert.is(one(0xffff), POLLOUT, 'empty: only a write would not block');
    ring.writeEventfd(event, 1);
    assert.is(one(POLLIN), POLLIN);
    assert.is(one(POLLIN | POLLPRI), POLLIN);
    assert.is(one(0xffff), POLLIN | POLLOUT);
    ring.readEventfd(event);
    ring.writeEventfd(event, MAX - 1n);
    assert.is(one(0xffff), POLLIN, 'full: a write of 1 would block');
    checkIdle(machine);
  });

  poll('what is not ready waits until it is, whoever makes it so', async () => {
    const { machine, ring, handle, fd, event } = await open(build);
    const wait = (mask: number, data: number) =>
      assert.is(ring.submitOne(handle, { data, opcode: POLL, fd: event, buf: mask }), 1);
    wait(POLLIN, 1);
    machine.advance(1e9);
    assert.equal(ring.results(handle), []);
    assert.is(poolsInUse(machine).kiocbs, 1);
    ring.writeEventfd(event, 3);
    assert.equal(ring.results(handle), [POLLIN]);

    ring.readEventfd(event);
    ring.writeEventfd(event, MAX - 1n);
    wait(POLLOUT, 2);
    assert.equal(ring.results(handle), []);
    ring.readEventfd(event);
    assert.equal(ring.results(handle), [POLLOUT]);

    wait(POLLIN, 3);
    ring.submitOne(handle, { data: 4, opcode: FSYNC, fd, flags: 1, resfd: event });
    machine.run();
    assert.equal(
      ring.getEvents(handle, 2, 2).events.map(({ data, res }) => [data, res]),
      [
        [4, 0],
        [3, POLLIN],
      ],
    );
    checkIdle(machine);
  });

  poll('is woken by what happened, though it is over when the event is put on the ring', async () => {
    const { machine, ring, handle, event } = await open(build);
    ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLIN });
    ring.writeEventfd(event, 1);
    assert.is(ring.readEventfd(event), 1n);
    assert.equal(ring.results(handle), [POLLIN]);
    checkIdle(machine);
  });

  poll('a write of 0 and a change of other bits wake nobody', async () => {
    const { machine, ring, handle, event } = await open(build);
    ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLPRI });
    ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLIN });
    ring.writeEventfd(event, 0);
    assert.equal(ring.results(handle), []);
    ring.writeEventfd(event, 1);
    assert.equal(ring.results(handle), [POLLIN]);
    assert.is(poolsInUse(machine).kiocbs, 1);
    assert.is(ring.destroy(handle), 0);
    checkIdle(machine);
  });

  poll('many wait on one eventfd, and are woken in the order in which they came', async () => {
    const { machine, ring, handle, event } = await open(build);
    const other = ring.open(1);
    const masks = [POLLIN, POLLPRI, POLLIN, POLLIN | POLLPRI, POLLPRI, POLLIN];
    masks.forEach((buf, data) => {
      for (const context of [handle, other]) ring.submitOne(context, { data, opcode: POLL, fd: event, buf });
    });
    ring.writeEventfd(event, 1);
    machine.run();
    for (const context of [handle, other]) {
      assert.equal(
        ring.getEvents(context, 0, 9).events.map(({ data }) => data),
        [0, 2, 3, 5],
      );
      assert.is(ring.destroy(context), 0);
    }
    checkIdle(machine);
  });

  poll('a poll that notifies the eventfd that it waits for ends once', async () => {
    const { machine, ring, handle, event } = await open(build);
    const self = { opcode: POLL, fd: event, buf: POLLIN, flags: 1, resfd: event };
    ring.submit(handle, [ring.iocb(self), ring.iocb(self)]);
    ring.writeEventfd(event, 1);
    assert.equal(ring.results(handle), [POLLIN, POLLIN]);
    assert.is(ring.readEventfd(event), 3n);
    checkIdle(machine);
  });

  poll('the eventfd may be closed meanwhile: the poll waits on, and ends by a signal', async () => {
    const { machine, ring, handle, fd, event, buffer } = await open(build);
    machine.holdCompletions(true);
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, flags: 1, resfd: event });
    ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLIN });
    machine.core.call((exports) => exports.fileClose(event));
    assert.equal(ring.results(handle), []);
    machine.holdCompletions(false);
    assert.equal(ring.results(handle), [512, POLLIN]);
    checkIdle(machine);
  });

  poll('io_getevents with min 1 answers 0 when only a poll is left to wait for', async () => {
    const { machine, ring, handle, event } = await open(build);
    ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLIN });
    assert.is(ring.getEvents(handle, 1, 1).result, 0);
    assert.is(ring.getEvents(handle, 1, 1, 5000).result, 0);
    assert.is(machine.nowNs, 5000);
  });

  poll('waiting polls take slots and kiocbs: EAGAIN when there are no more', async () => {
    const { machine, ring, handle, event } = await open(build, { operations: 8 });
    const iocb = ring.iocb({ opcode: POLL, fd: event, buf: POLLIN });
    assert.is(ring.submit(handle, new Array(20).fill(iocb)), 8);
    assert.is(ring.submit(handle, [iocb]), EAGAIN);
    ring.writeEventfd(event, 1);
    assert.equal(ring.results(handle), new Array(8).fill(POLLIN));
    checkIdle(machine);
  });

  poll.run();

  const cancel = suite(`io_cancel (${build})`);

  cancel('a waiting poll: EINPROGRESS, one event of 0, then EINVAL', async () => {
    const { machine, ring, handle, event } = await open(build);
    const iocb = ring.iocb({ data: 7, opcode: POLL, fd: event, buf: POLLIN });
    assert.is(ring.submit(handle, [iocb]), 1);
    assert.is(ring.cancel(handle, iocb), EINPROGRESS);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    machine.run();
    assert.equal(ring.getEvents(handle, 0, 4).events, [{ data: 7, obj: iocb, res: 0, res2: 0 }]);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    ring.writeEventfd(event, 1);
    assert.equal(ring.results(handle), []);
    checkIdle(machine);
  });

  cancel('looks at the key, then the context, then for the request', async () => {
    const { ring, handle, event } = await open(build);
    const other = ring.open(1);
    const iocb = ring.iocb({ opcode: POLL, fd: event, buf: POLLIN });
    ring.submit(handle, [iocb]);
    for (const bad of [0, 64, ring.bytes.length - 8, 0xffffffff, 0xfffffff8])
      assert.is(ring.cancel(12345, bad), EFAULT);
    ring.view.setUint32(iocb + 8, 1, true);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    ring.view.setUint32(iocb + 8, 0, true);
    assert.is(ring.cancel(12345, iocb), EINVAL);
    assert.is(ring.cancel(other, iocb), EINVAL, 'of another context');
    assert.is(ring.cancel(handle, ring.iocb({ opcode: POLL, fd: event, buf: POLLIN })), EINVAL, 'a copy');
    assert.is(ring.cancel(handle, iocb), EINPROGRESS);
  });

  cancel('one iocb submitted twice is two polls: each cancel takes the older', async () => {
    const { ring, handle, event } = await open(build);
    const iocb = ring.iocb({ data: 1, opcode: POLL, fd: event, buf: POLLIN });
    ring.submit(handle, [iocb]);
    ring.view.setUint32(iocb, 2, true);
    ring.submit(handle, [iocb]);
    const datas = () => {
      ring.machine.run();
      return ring.getEvents(handle, 0, 4).events.map(({ data }) => data);
    };
    assert.is(ring.cancel(handle, iocb), EINPROGRESS);
    assert.equal(datas(), [1]);
    assert.is(ring.cancel(handle, iocb), EINPROGRESS);
    assert.equal(datas(), [2]);
    assert.is(ring.cancel(handle, iocb), EINVAL);
  });

  cancel('a poll that has been woken is no longer there, nor is one of a file', async () => {
    const { machine, ring, handle, fd, event } = await open(build);
    const iocb = ring.iocb({ opcode: POLL, fd: event, buf: POLLIN });
    ring.submit(handle, [iocb]);
    ring.writeEventfd(event, 1);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    const ready = ring.iocb({ opcode: POLL, fd, buf: POLLIN });
    ring.submit(handle, [ready]);
    assert.is(ring.cancel(handle, ready), EINVAL);
    assert.equal(ring.results(handle), [POLLIN, POLLIN]);
    checkIdle(machine);
  });

  cancel('reads, writes and syncs in flight are EINVAL and end as they would', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    machine.holdCompletions(true);
    const iocbs = [PREAD, PWRITE, FSYNC].map((opcode) =>
      ring.iocb(opcode === FSYNC ? { opcode, fd } : { opcode, fd, buf: buffer, nbytes: 512 }),
    );
    assert.is(ring.submit(handle, iocbs), 3);
    for (const iocb of iocbs) assert.is(ring.cancel(handle, iocb), EINVAL);
    machine.holdCompletions(false);
    assert.equal(
      ring.results(handle).sort((a, b) => a - b),
      [0, 512, 512],
    );
    checkIdle(machine);
  });

  cancel('a cancelled poll counts in its eventfd', async () => {
    const { machine, ring, handle, event } = await open(build);
    const resfd = ring.createEventfd();
    const iocb = ring.iocb({ opcode: POLL, fd: event, buf: POLLIN, flags: 1, resfd });
    ring.submit(handle, [iocb]);
    assert.is(ring.cancel(handle, iocb), EINPROGRESS);
    machine.run();
    assert.is(ring.readEventfd(resfd), 1n);
  });

  cancel('any of the polls of an eventfd may go: the others stay', async () => {
    for (const gone of [0, 1, 2, 3]) {
      const { machine, ring, handle, event } = await open(build);
      const iocbs = [0, 1, 2, 3].map((data) => ring.iocb({ data, opcode: POLL, fd: event, buf: POLLIN }));
      ring.submit(handle, iocbs);
      assert.is(ring.cancel(handle, iocbs[gone] as number), EINPROGRESS);
      ring.writeEventfd(event, 1);
      machine.run();
      assert.equal(
        ring.getEvents(handle, 0, 8).events.map(({ data }) => data),
        [gone, ...[0, 1, 2, 3].filter((data) => data !== gone)],
      );
      checkIdle(machine);
    }
  });

  cancel(
    'io_destroy cancels the waiting polls first; a held drive leaves the context without them',
    async () => {
      const { machine, ring, handle, fd, event, buffer } = await open(build);
      const resfd = ring.createEventfd();
      for (let count = 0; count < 5; count++)
        ring.submitOne(handle, { opcode: POLL, fd: event, buf: POLLIN, flags: 1, resfd });
      machine.holdCompletions(true);
      ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512 });
      assert.is(ring.destroy(handle), EDEADLK);
      assert.is(ring.readEventfd(resfd), 5n);
      assert.equal(ring.results(handle), [0, 0, 0, 0, 0]);
      machine.holdCompletions(false);
      assert.is(ring.destroy(handle), 0);
      ring.writeEventfd(event, 1);
      checkIdle(machine);
    },
  );

  cancel(
    'a context destroyed while full, with unreaped events and waiting polls, leaves nothing behind',
    async () => {
      const { machine, ring, handle, fd, event, buffer } = await open(build);
      const read = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512, flags: 1, resfd: event });
      const wait = ring.iocb({ opcode: POLL, fd: ring.createEventfd(), buf: POLLIN });
      for (let round = 0; round < 3; round++) {
        const context = ring.open(1);
        assert.is(ring.submit(context, new Array(60).fill(read)), 60);
        machine.run();
        assert.is(ring.submit(context, new Array(30).fill(wait)), 30);
        assert.is(ring.submit(context, new Array(60).fill(read)), 36);
        assert.is(ring.submit(context, [read]), EAGAIN);
        assert.is(ring.destroy(context), 0);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE, 'without a further step');
        assert.is(ring.readEventfd(event), 96n);
      }
      assert.is(ring.destroy(handle), 0);
      checkIdle(machine);
    },
  );

  cancel.run();
}
