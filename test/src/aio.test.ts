// The host's AIO: requests as objects over registered buffers, and the raw way.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AioContext,
  type AioRequest,
  ConfigError,
  fdsync,
  fsync,
  POLLIN,
  poll,
  pread,
  preadv,
  prepIocb,
  pwrite,
  pwritev,
  RWF_DSYNC,
  RWF_NOWAIT,
  type StorageError,
} from '../../src/public.ts';
import { NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const SIZE = 1048576;

async function open(latencyNs?: number) {
  const machine = await openMachine('release', {
    drives: [latencyNs === undefined ? { size: SIZE } : { size: SIZE, latencyNs }],
  });
  return {
    machine,
    file: machine.openFile('drive0', { direct: true }),
    context: machine.createAioContext(4),
  };
}

const pattern = (bytes: number, seed = 0) => new Uint8Array(bytes).map((_, at) => (at * 13 + seed) & 0xff);

const aio = suite('src/aio');

aio('a write and a read move bytes between a registered buffer and the drive', async () => {
  const { machine, file, context } = await open();
  const buffer = machine.allocateBuffer(4096);
  assert.is(buffer.length, 4096);
  assert.ok(buffer.bytes.every((byte) => byte === 0));
  buffer.bytes.set(pattern(4096));
  assert.is(context.submit([pwrite(file, buffer, 512)]), 1);
  assert.is(context.getEvents({ min: 1 })[0]?.check(), 4096);
  const target = machine.allocateBuffer(8192);
  const part = target.subarray(1024, 5120);
  assert.equal([part.address, part.length], [target.address + 1024, 4096]);
  context.submit([pread(file, part, 512)]);
  assert.is(context.getEvents({ min: 1 })[0]?.res, 4096);
  assert.equal(target.bytes.slice(1024, 5120), pattern(4096));
  assert.is(target.bytes[1023], 0);
  assert.equal(file.read(4096, 512), pattern(4096));
});

aio('events bring the request back, in the order of completion, and the data it carries', async () => {
  const { machine, file } = await open();
  const context = machine.createAioContext<{ readonly name: string }>(4);
  const buffer = machine.allocateBuffer(512);
  const requests = ['a', 'b', 'c'].map((name, index) =>
    pread(file, buffer, index * 8192, { data: { name } }),
  );
  machine.holdCompletions(true);
  assert.is(context.submit(requests), 3);
  machine.run();
  for (const index of [2, 0, 0]) machine.releaseCompletion(index);
  const events = context.getEvents({ min: 3 });
  assert.equal(
    events.map(({ data }) => data.name),
    ['c', 'a', 'b'],
  );
  for (const [index, place] of [2, 0, 1].entries()) assert.is(events[index]?.request, requests[place]);
});

aio('without data 0 comes back, and the same request may be in flight many times', async () => {
  const { machine, file, context } = await open();
  const request = pread(file, machine.allocateBuffer(512), 0);
  assert.is(context.submit([request, request, request]), 3);
  const events = context.getEvents({ min: 3 });
  assert.equal(
    events.map(({ data, res }) => [data, res]),
    new Array(3).fill([0, 512]),
  );
  assert.is(new Set(events.map(({ obj }) => obj)).size, 3, 'each with an iocb of its own');
});

aio('vectored requests take their pieces in order', async () => {
  const { machine, file, context } = await open();
  const whole = machine.allocateBuffer(2048);
  whole.bytes.set(pattern(2048));
  const pieces = [whole.subarray(1024, 2048), whole.subarray(0, 512), whole.subarray(512, 1024)];
  const others = [whole.subarray(0, 512)];
  assert.is(context.submit([pwritev(file, pieces, 0), pwritev(file, others, 4096), pwritev(file, [], 0)]), 3);
  const sizes = context.getEvents({ min: 3 }).map(({ res }) => res);
  assert.equal(
    sizes.sort((a, b) => a - b),
    [0, 512, 2048],
  );
  const target = machine.allocateBuffer(2048);
  context.submit([preadv(file, [target.subarray(1024), target.subarray(0, 1024)], 0)]);
  assert.is(context.getEvents({ min: 1 })[0]?.check(), 2048);
  assert.equal(target.bytes.slice(1024), pattern(2048).slice(1024));
  assert.equal(target.bytes.slice(0, 1024), pattern(2048).slice(0, 1024));
  assert.equal(file.read(512, 4096), pattern(512));
});

aio('syncs, polls, eventfds, flags and priorities reach the iocb', async () => {
  const { machine, context } = await open();
  const file = machine.openFile('drive0');
  const eventfd = machine.createEventfd();
  const buffer = machine.allocateBuffer(512);
  const codeOf = (request: AioRequest) => {
    try {
      context.submit([request]);
      return context.getEvents({ min: 1 })[0]?.res;
    } catch (error) {
      return (error as StorageError).code;
    }
  };
  assert.is(codeOf(pwrite(file, buffer, 0, { rwFlags: RWF_DSYNC, eventfd })), 512);
  assert.is(machine.counters.drive.flushes, 1);
  assert.is(codeOf(fsync(file, { eventfd })), 0);
  assert.is(codeOf(fdsync(file, { eventfd })), 0);
  assert.is(codeOf(poll(file, 0xffff, { eventfd })), 0x145);
  assert.is(eventfd.read(), 4);
  assert.is(codeOf(pread(file, buffer, 65536, { rwFlags: RWF_NOWAIT })), -11);
  assert.is(codeOf(pread(file, buffer, 0, { priority: (2 << 13) | 7 })), 512);
  assert.is(codeOf(pread(file, buffer, 0, { priority: 1 << 13 })), 'EPERM');
  assert.is(codeOf(pread(file, buffer, 0, { rwFlags: 0x200 })), 'EOPNOTSUPP');
  assert.is(codeOf(pread(file, buffer, -1)), 'EINVAL');
  assert.is(codeOf(pread(file, buffer, 2 ** 53)), 0);
  assert.is(codeOf(pread(file, buffer, 0, { eventfd: file })), 'EINVAL');
  assert.is(codeOf(pread(eventfd, buffer, 0)), 'EINVAL');
});

aio('a poll waits for an eventfd, and can be cancelled', async () => {
  const { machine, file, context } = await open();
  const eventfd = machine.createEventfd();
  const request = poll(eventfd, POLLIN);
  context.submit([request]);
  assert.equal(context.getEvents({ min: 1 }), []);
  eventfd.write(3);
  assert.is(context.getEvents({ min: 1 })[0]?.res, POLLIN);
  assert.is(eventfd.read(), 3);
  assert.is(context.cancel(request), false, 'it has ended');
  context.submit([request]);
  assert.is(context.cancel(request), true);
  assert.is(context.cancel(request), false);
  assert.is(context.getEvents({ min: 1 })[0]?.res, 0);
  machine.holdCompletions(true);
  const read = pread(file, machine.allocateBuffer(512), 0);
  context.submit([read]);
  assert.is(context.cancel(read), false);
  machine.holdCompletions(false);
});

aio('an eventfd counts, throws EAGAIN when it has nothing, and a semaphore gives 1', async () => {
  const { machine } = await open();
  const code = (body: () => unknown) => {
    try {
      body();
      return 'none';
    } catch (error) {
      return (error as StorageError).code;
    }
  };
  using eventfd = machine.createEventfd({ initialCount: 2 });
  eventfd.write(5);
  assert.is(eventfd.read(), 7);
  assert.is(
    code(() => eventfd.read()),
    'EAGAIN',
  );
  const semaphore = machine.createEventfd({ initialCount: 2, semaphore: true });
  assert.equal([semaphore.read(), semaphore.read()], [1, 1]);
  semaphore.close();
  assert.is(
    code(() => semaphore.read()),
    'EBADF',
  );
});

aio('a bad request is an error with its name; what stands before it is accepted', async () => {
  const { machine, file, context } = await open();
  const good = pread(file, machine.allocateBuffer(512), 0);
  const bad: AioRequest = { op: 'pread', file: { descriptor: 999 }, buffer: 64, length: 512 };
  assert.is(context.submit([good, bad, good]), 1);
  assert.is(context.getEvents({ min: 1 })[0]?.request, good);
  assert.throws(
    () => context.submit([bad, good]),
    (error: StorageError) => error.code === 'EBADF' && error.syscall === 'io_submit',
  );
  assert.equal(context.getEvents(), []);
  const odd = pread(file, machine.allocateBuffer(100), 0);
  context.submit([odd]);
  const [event] = context.getEvents({ min: 1 });
  assert.is(event?.error?.code, 'EINVAL');
  assert.throws(
    () => event?.check(),
    (error: StorageError) => error.syscall === 'pread',
  );
});

aio('a context takes slotCount requests, and as many again when they are reaped', async () => {
  const { machine, file, context } = await open();
  assert.is(context.slotCount, 126);
  const request = pread(file, machine.allocateBuffer(512), 0);
  for (let round = 0; round < 5; round++) {
    assert.is(context.submit(new Array(100).fill(request)), 100);
    assert.is(context.submit(new Array(100).fill(request)), 26);
    assert.throws(() => context.submit([request]), /EAGAIN/);
    assert.is(context.getEvents({ min: 1000, max: 2000 }).length, 126);
  }
  context.destroy();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
});

aio('a timeout runs out in virtual time', async () => {
  const { machine, file, context } = await open(1000);
  context.submit([pread(file, machine.allocateBuffer(512), 0)]);
  assert.equal(context.getEvents({ min: 1, timeoutNs: 999 }), []);
  assert.is(machine.nowNs, 999);
  assert.is(context.getEvents({ min: 2, timeoutNs: 2_000_000_001 }).length, 1);
  assert.is(machine.nowNs, 2_000_001_000);
});

aio('raw: iocbs in registered memory, numbers as libaio returns them', async () => {
  const { machine, file, context } = await open();
  const iocbs = machine.allocateBuffer(128);
  const pointers = machine.allocateBuffer(8, 64);
  const events = machine.allocateBuffer(64);
  const buffer = machine.allocateBuffer(512);
  const { memory } = machine.core;
  [7, 2 ** 40].forEach((data, index) => {
    prepIocb(memory, iocbs.address + index * 64, pread(file, buffer, 0, { data }));
    memory.setU32(pointers.address + index * 4, iocbs.address + index * 64);
  });
  assert.is(context.submitRaw(pointers.address, 2), 2);
  assert.is(context.submitRaw(pointers.address, -1), -22);
  assert.is(context.submitRaw(0, 1), -14);
  assert.is(context.getEventsRaw(1, 1, events.address, 0), 1);
  assert.equal(
    [memory.u64(events.address), memory.u32(events.address + 8), memory.u32(events.address + 16)],
    [7, iocbs.address, 512],
  );
  assert.is(context.getEventsRaw(2, 1, events.address, 0), -22);
  const [event] = context.getEvents({ min: 1 });
  assert.equal([event?.data, event?.obj, event?.request], [2 ** 40, iocbs.address + 64, undefined]);
  assert.is(context.submitAddresses([iocbs.address]), 1);
  assert.is(context.getEvents({ min: 1 })[0]?.data, 7);
});

aio('raw and made requests share a context: each event finds its own', async () => {
  const { machine, file, context } = await open();
  const buffer = machine.allocateBuffer(512);
  const iocb = machine.allocateBuffer(64);
  const made = pread(file, buffer, 0, { data: 5 });
  for (let round = 0; round < 200; round++) {
    prepIocb(machine.core.memory, iocb.address, pread(file, buffer, 0, { data: round % 64 }));
    context.submit([made]);
    context.submitAddresses([iocb.address]);
    const events = context.getEvents({ min: 2 });
    assert.equal(
      events.map(({ data }) => data),
      [5, round % 64],
    );
    assert.equal(
      events.map(({ request }) => request),
      [made, undefined],
    );
  }
});

aio('after destroy calls are EINVAL, and the memory is back', async () => {
  const machine = await openMachine('release', { buffers: 65536 });
  const file = machine.openFile('drive0');
  const buffer = machine.allocateBuffer(512, 64);
  const whole = (): boolean => {
    try {
      machine.allocateBuffer(65536 - 512 - 64, 64).free();
      return true;
    } catch {
      return false;
    }
  };
  for (let round = 0; round < 100; round++) {
    let context: AioContext | undefined;
    {
      using one = machine.createAioContext(100);
      context = one;
      one.submit(new Array(150).fill(preadv(file, [buffer], 0)));
    }
    assert.throws(() => context?.submit([]), /EINVAL/);
    assert.throws(() => context?.submitAddresses([]), /EINVAL/);
    assert.throws(() => context?.getEvents(), /EINVAL/);
    assert.throws(() => context?.destroy(), /EINVAL/);
    assert.is(context.submitRaw(0, 0), -22);
  }
  assert.ok(whole());
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
});

aio('registered buffers refuse wrong sizes, are freed once, and their parts never', async () => {
  const { machine } = await open();
  for (const length of [0, -1, 1.5, Number.NaN])
    assert.throws(
      () => machine.allocateBuffer(length),
      (error: unknown) => error instanceof ConfigError,
    );
  for (const alignment of [0, 32, 100, 8192, Number.NaN])
    assert.throws(
      () => machine.allocateBuffer(64, alignment),
      (error: unknown) => error instanceof ConfigError,
    );
  const buffer = machine.allocateBuffer(100, 512);
  assert.is(buffer.address % 512, 0);
  buffer.bytes.fill(9);
  const part = buffer.subarray(10);
  part.free();
  assert.is(machine.allocateBuffer(64, 64).address === buffer.address, false);
  buffer.free();
  buffer.free();
  const next = machine.allocateBuffer(100, 512);
  assert.is(next.address, buffer.address);
  assert.ok(next.bytes.every((byte) => byte === 0));
});

aio.run();
