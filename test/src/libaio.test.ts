// libaio's functions: what its own source does around the system calls.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ioCancel,
  ioDestroy,
  ioFdsync,
  ioFsync,
  ioGetevents,
  ioPgetevents,
  ioPoll,
  ioPrepFdsync,
  ioPrepFsync,
  ioPrepPoll,
  ioPrepPread,
  ioPrepPreadv,
  ioPrepPreadv2,
  ioPrepPwrite,
  ioPrepPwritev,
  ioPrepPwritev2,
  ioQueueInit,
  ioQueueRelease,
  ioQueueRun,
  ioQueueWait,
  ioSetCallback,
  ioSetEventfd,
  ioSetup,
  ioSubmit,
} from '../../src/libaio.ts';
import { NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const EAGAIN = -11;
const EFAULT = -14;
const EINVAL = -22;
const EINPROGRESS = -115;

async function open() {
  const machine = await openMachine('release', { drives: [{ size: 1048576 }] });
  const { memory } = machine.core;
  const fd = machine.openFile('drive0', { direct: true }).descriptor;
  const word = machine.allocateBuffer(8, 64).address;
  assert.is(ioQueueInit(machine, 8, word), 0);
  const context = memory.u32(word);
  const iocb = machine.allocateBuffer(64, 64).address;
  const buffer = machine.allocateBuffer(4096).address;
  const pointer = machine.allocateBuffer(4, 64).address;
  const submit = (address: number) => {
    memory.setU32(pointer, address);
    return ioSubmit(machine, context, 1, pointer);
  };
  const events = machine.allocateBuffer(1024, 64).address;
  return { machine, memory, fd, word, context, iocb, buffer, submit, events };
}

const libaio = suite('src/libaio');

libaio('io_prep_* clear the 64 bytes and set what they name', async () => {
  const { machine, memory, iocb } = await open();
  const view = new DataView(memory.buffer, iocb, 64);
  type Fields = [opcode: number, fd: number, buf: bigint, nbytes: bigint, offset: bigint, rwFlags: number];
  const cases: [() => void, Fields][] = [
    [() => ioPrepPread(machine, iocb, 3, 4096, 512, 2 ** 40), [0, 3, 4096n, 512n, 2n ** 40n, 0]],
    [() => ioPrepPwrite(machine, iocb, 4, 8192, 1, 2), [1, 4, 8192n, 1n, 2n, 0]],
    [() => ioPrepFsync(machine, iocb, 5), [2, 5, 0n, 0n, 0n, 0]],
    [() => ioPrepFdsync(machine, iocb, 6), [3, 6, 0n, 0n, 0n, 0]],
    [() => ioPrepPoll(machine, iocb, 7, 5), [5, 7, 5n, 0n, 0n, 0]],
    [() => ioPrepPreadv(machine, iocb, 8, 4096, 2, 512), [7, 8, 4096n, 2n, 512n, 0]],
    [() => ioPrepPwritev(machine, iocb, 9, 4096, 3, 512), [8, 9, 4096n, 3n, 512n, 0]],
    [() => ioPrepPreadv2(machine, iocb, 8, 4096, 2, 512, 8), [7, 8, 4096n, 2n, 512n, 8]],
    [() => ioPrepPwritev2(machine, iocb, 9, 4096, 3, 512, 2), [8, 9, 4096n, 3n, 512n, 2]],
  ];
  for (const [prepare, expected] of cases) {
    memory.bytes.fill(0xff, iocb, iocb + 64);
    prepare();
    const fields = [
      view.getUint16(16, true),
      view.getUint32(20, true),
      view.getBigUint64(24, true),
      view.getBigUint64(32, true),
      view.getBigUint64(40, true),
      view.getUint32(12, true),
    ];
    assert.equal(fields, expected);
    const rest = [0, 4, 8, 48, 52, 56, 60].map((at) => view.getUint32(at, true));
    assert.equal([...rest, view.getUint16(18, true)], new Array(8).fill(0));
  }
});

libaio('io_queue_init refuses 0 and less without touching the word, else clears it first', async () => {
  const { machine, memory, word } = await open();
  memory.setU64(word, 77);
  for (const count of [0, -1, -1000]) {
    assert.is(ioQueueInit(machine, count, word), EINVAL);
    assert.is(memory.u64(word), 77);
  }
  assert.is(ioSetup(machine, 1, word), EINVAL, 'io_setup does not clear it');
  assert.is(ioQueueInit(machine, 1, word), 0);
  assert.ok(memory.u32(word) > 0);
  assert.is(ioQueueRelease(machine, memory.u32(word)), 0);
  assert.is(ioQueueRelease(machine, memory.u32(word)), EINVAL);
});

libaio('io_queue_run calls the callback of each completed event and answers 0', async () => {
  const { machine, context, iocb, fd, buffer, submit } = await open();
  const calls: number[][] = [];
  const note = (...values: number[]) => calls.push(values);
  for (const offset of [0, 1048576 - 512, 1048576]) {
    ioPrepPread(machine, iocb, fd, buffer, 1024, offset);
    ioSetCallback(machine, iocb, note);
    assert.is(submit(iocb), 1);
  }
  assert.is(ioQueueRun(machine, context), 0);
  assert.equal(
    calls.sort((a, b) => (b[2] as number) - (a[2] as number)),
    [1024, 512, 0].map((res) => [context, iocb, res, 0]),
  );
  assert.is(ioQueueRun(machine, context), 0);
  assert.is(calls.length, 3);
  assert.is(ioQueueRun(machine, 12345), EINVAL);
});

libaio('io_queue_run never waits, and a callback may submit', async () => {
  const { machine, context, iocb, fd, buffer, submit } = await open();
  const results: number[] = [];
  const again = (_context: number, at: number, res: number) => {
    results.push(res);
    if (results.length < 5) submit(at);
  };
  machine.holdCompletions(true);
  ioPrepPread(machine, iocb, fd, buffer, 512, 0);
  ioSetCallback(machine, iocb, again);
  submit(iocb);
  assert.is(ioQueueRun(machine, context), 0);
  assert.equal(results, []);
  machine.holdCompletions(false);
  assert.is(ioQueueRun(machine, context), 0);
  assert.equal(results, new Array(5).fill(512));
});

libaio('a callback takes the place of data; an event without one is a TypeError', async () => {
  const { machine, memory, context, iocb, fd, submit } = await open();
  const one = () => {};
  const two = () => {};
  memory.setU64(iocb, 99);
  ioSetCallback(machine, iocb, one);
  const first = memory.u64(iocb);
  ioSetCallback(machine, iocb, two);
  assert.is.not(memory.u64(iocb), first);
  ioSetCallback(machine, iocb, one);
  assert.is(memory.u64(iocb), first);
  ioPrepFsync(machine, iocb, fd);
  submit(iocb);
  assert.throws(() => ioQueueRun(machine, context), TypeError);
  assert.is(ioQueueRun(machine, context), 0, 'the event is gone');
});

libaio('io_poll, io_fsync and io_fdsync prepare, set the callback and submit', async () => {
  const { machine, context, iocb, fd } = await open();
  const results: number[] = [];
  const note = (_context: number, _iocb: number, res: number) => results.push(res);
  assert.is(ioPoll(machine, context, iocb, note, fd, 1), 1);
  assert.is(ioFsync(machine, context, iocb, note, fd), 1);
  assert.is(ioFdsync(machine, context, iocb, note, fd), 1);
  assert.is(ioFsync(machine, context, iocb, note, 999), -9);
  ioQueueRun(machine, context);
  assert.equal(
    results.sort((a, b) => a - b),
    [0, 0, 1],
  );
});

libaio('io_queue_wait answers 0 at once, whatever is in flight', async () => {
  const { machine, memory, context, iocb, fd, submit } = await open();
  const timeout = machine.allocateBuffer(16, 64).address;
  memory.setU64(timeout, 5);
  machine.holdCompletions(true);
  ioPrepFsync(machine, iocb, fd);
  submit(iocb);
  for (const one of [timeout, 0]) assert.is(ioQueueWait(machine, context, one), 0);
  assert.is(machine.nowNs, 0);
  assert.is(ioQueueWait(machine, context, 64), EFAULT);
  assert.is(ioQueueWait(machine, 12345, 0), EINVAL);
  machine.holdCompletions(false);
});

libaio('io_set_eventfd keeps other flags, and the eventfd counts', async () => {
  const { machine, memory, context, iocb, fd, submit, events } = await open();
  const eventfd = machine.createEventfd();
  ioPrepFsync(machine, iocb, fd);
  memory.setU32(iocb + 56, 4);
  ioSetEventfd(machine, iocb, eventfd.descriptor);
  assert.equal([memory.u32(iocb + 56), memory.u32(iocb + 60)], [5, eventfd.descriptor]);
  submit(iocb);
  assert.is(ioGetevents(machine, context, 1, 4, events, 0), 1);
  assert.is(eventfd.read(), 1);
});

libaio('io_cancel of a poll, and io_pgetevents, whose mask is checked and ignored', async () => {
  const { machine, memory, context, iocb, submit, events } = await open();
  ioPrepPoll(machine, iocb, machine.createEventfd().descriptor, 1);
  submit(iocb);
  assert.is(ioCancel(machine, context, iocb), EINPROGRESS);
  const signals = machine.allocateBuffer(24, 64).address;
  const wait = (mask: number, size: number, address = signals) => {
    memory.setU64(signals, mask);
    memory.setU64(signals + 8, size);
    return ioPgetevents(machine, context, 0, 4, events, 0, address);
  };
  assert.is(wait(signals + 16, 4), EINVAL);
  assert.is(wait(64, 8), EFAULT);
  assert.is(wait(0, 0, 64), EFAULT);
  assert.is(ioPgetevents(machine, context, 0, 4, events, 64, 64), EFAULT);
  assert.is(wait(signals + 16, 8), 1);
  assert.is(wait(0, 99), 0, 'without a mask the size is not looked at');
  assert.is(wait(0, 0, 0), 0);
});

libaio('everything is given back', async () => {
  const { machine, context, iocb, fd, submit, events } = await open();
  ioPrepFsync(machine, iocb, fd);
  let accepted = 0;
  while (submit(iocb) === 1) accepted++;
  assert.is(submit(iocb), EAGAIN);
  assert.is(accepted, 126, 'of 127 slots one is left unused');
  assert.is(ioGetevents(machine, context, 1, 1, events, 0), 1);
  assert.is(ioDestroy(machine, context), 0);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
});

libaio.run();
