// 3FS USRBIO by its sheet: each line of "Behaviours worth testing" through the raw interface, on both builds.
//
// The chunk is 4,096 bytes. What the comfortable interface adds is in test/src/usrbio.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openFlaky, WASI_EIO } from '../drive/flaky-image.ts';
import {
  EACCES,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EIO,
  ENODATA,
  ENOENT,
  EROFS,
  IOR_BYTES,
  IOV_BYTES,
  pattern,
  UNTOUCHED,
  UsrbioTester,
} from './usrbio-client.ts';

const CHUNK = 4096;
const DRIVE = 1048576;
const MILLISECOND = 1_000_000;
const usrbio = suite('rings/usrbio');

const CONFIG: MachineConfig = {
  readahead: 0,
  drives: [{ size: DRIVE }],
  files: [{ name: 'file', capacity: 262144, size: 65536 }],
  cache: 1048576,
  buffers: 1048576,
  sharedMemory: 1048576,
  usrbio: { chunkSize: CHUNK },
};

/** A slow drive, so that requests stay in flight; its completions can be held. */
const SLOW: MachineConfig = { ...CONFIG, drives: [{ size: DRIVE, latencyNs: 100_000, channels: 8 }] };

interface Bench {
  readonly machine: Machine;
  readonly client: UsrbioTester;
  /** The drive, for reading and writing, registered. */
  readonly fd: number;
  readonly iov: number;
}

async function bench(build: Build, config: MachineConfig = CONFIG): Promise<Bench> {
  const machine = await openMachine(build, config);
  const client = new UsrbioTester(machine);
  return { machine, client, fd: client.open(0), iov: client.iov(65536) };
}

/** Destroys what a test made, lets the machine end its work, and looks at the pools. */
function close({ machine, client }: Bench, iors: readonly number[], iovs: readonly number[]): void {
  for (const ior of iors) client.raw.iorDestroy(ior);
  for (const iov of iovs) client.raw.iovDestroy(iov);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

function jobSizes(machine: Machine): number[] {
  return machine.records
    .take()
    .filter((record) => record.kind === 'usrbioJob')
    .map((record) => record.count);
}

for (const build of BUILDS) {
  usrbio(`${build}: row 1: the bytes of a ring, and its entries back from them`, async () => {
    const all = await bench(build);
    const { client } = all;
    const { raw } = client;
    assert.equal(
      [0, 1, 100, 1024].map((entries) => raw.iorSize(entries)),
      [4240, 4336, 13840, 102544],
    );
    const ior = client.ior({ entries: 100 });
    assert.is(raw.ioEntries(ior), 100);
    assert.is(client.u64(ior + 288), 13840, 'iov.size');
    assert.is(raw.ioEntries(client.struct(IOR_BYTES)), EINVAL, 'not a ring');
    close(all, [ior], [all.iov]);
  });

  usrbio(`${build}: row 2: rings that are refused`, async () => {
    const all = await bench(build);
    const { client } = all;
    const ior = client.struct(IOR_BYTES);
    assert.is(client.create(ior, { entries: 0 }), EINVAL);
    assert.is(client.create(ior, { entries: -1 }), EINVAL);
    assert.is(client.create(ior, { timeoutMs: -1 }), EINVAL);
    assert.is(client.create(ior, {}, client.text('')), EINVAL, 'an empty mount point');
    assert.is(client.create(ior, {}, 0), EINVAL, 'no mount point');
    assert.is(client.create(0, {}), EINVAL, 'no ring');
    assert.is(client.create(ior, { entries: 4, ioDepth: 5 }), EINVAL);
    assert.is(client.create(ior, { entries: 2 ** 31 - 1 }), EIO, 'no memory for it');
    assert.is(client.create(ior, {}, client.text('/elsewhere')), ENOENT);
    for (const address of client.outside) assert.is(client.create(address & ~3, {}), EFAULT);
    assert.is(client.create(ior, { entries: 4, ioDepth: 4 }), 0);
    const deep = client.ior({ entries: 4, ioDepth: -100 });
    assert.is(client.s32(deep + 580), -100, 'a very negative depth is not checked');
    close(all, [ior, deep], [all.iov]);
  });

  usrbio(
    `${build}: row 3: a mount point of 255 characters passes the length check, one of 256 does not`,
    async () => {
      const all = await bench(build);
      const { client } = all;
      const ior = client.struct(IOR_BYTES);
      const iov = client.struct(IOV_BYTES);
      const long = client.text(`/3fs${'/'.repeat(251)}`);
      const longer = client.text(`/3fs${'/'.repeat(252)}`);
      assert.is(client.create(ior, {}, longer), EINVAL);
      assert.is(client.raw.iovCreate(iov, longer, 512, 0, -1), EINVAL);
      assert.is(client.create(ior, {}, long), 0);
      assert.is(client.raw.iovCreate(iov, long, 512, 0, -1), 0);
      assert.is(client.textAt(iov + 32), client.textAt(long));
      assert.is(client.textAt(ior + 320), client.textAt(long));
      const elsewhere = client.text('x'.repeat(255));
      assert.is(client.create(client.struct(IOR_BYTES), {}, elsewhere), ENOENT, 'past the length check');
      close(all, [ior], [iov, all.iov]);
    },
  );

  usrbio(`${build}: row 4: a write on a read ring is EINVAL and takes no slot`, async () => {
    const all = await bench(build);
    const { client, fd, iov } = all;
    const reader = client.ior({ entries: 1 });
    const writer = client.ior({ entries: 1, read: false });
    assert.is(client.prep(reader, iov, { fd, read: false }), EINVAL);
    assert.is(client.prep(writer, iov, { fd, read: true }), EINVAL);
    assert.is(client.u32(client.base(reader)), 0, 'sqeHead');
    assert.is(client.prep(reader, iov, { fd }), 0);
    assert.is(client.prep(writer, iov, { fd }), 0);
    close(all, [reader, writer], [iov]);
  });

  usrbio(`${build}: row 5: length 0 and ranges outside the buffer are EINVAL`, async () => {
    const all = await bench(build);
    const { client, fd, iov } = all;
    const ior = client.ior();
    const base = client.base(iov);
    const prep = (pointer: number, bytes: number) => client.prep(ior, iov, { fd, pointer, bytes });
    assert.is(prep(base, 0), EINVAL);
    assert.is(prep(base - 1, 512), EINVAL);
    assert.is(prep(base + 65536 - 511, 512), EINVAL);
    assert.is(prep(base + 65536, 1), EINVAL);
    assert.is(prep(base, 65537), EINVAL);
    assert.is(prep(base, 2 ** 53 - 1), EINVAL);
    assert.is(prep(0, 512), EINVAL);
    assert.is(client.prep(ior, 0, { fd, pointer: base }), EINVAL, 'no iov');
    assert.is(client.prep(0, iov, { fd, read: true }), EINVAL, 'no ring');
    assert.is(client.prep(client.struct(IOR_BYTES), iov, { fd, read: false }), EINVAL, 'not created');
    assert.is(client.prep(ior, client.struct(IOV_BYTES), { fd, pointer: base }), EINVAL, 'base null');
    for (const fdOutside of [-(2 ** 31), 2 ** 31 - 1, 9000]) {
      assert.is(client.prep(ior, iov, { fd: fdOutside }), EINVAL, 'outside the descriptor table');
    }
    assert.is(prep(base + 65536 - 512, 512), 0, 'exactly at the end');
    assert.is(prep(base, 65536), 1);
    assert.equal(client.run(ior, 2), [512, 65536]);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 6: an unregistered descriptor is EBADF, after the direction`, async () => {
    const all = await bench(build);
    const { client, machine, iov } = all;
    const ior = client.ior();
    const unregistered = machine.core.exports.fileOpen(0, 3);
    assert.is(client.prep(ior, iov, { fd: unregistered }), EBADF);
    assert.is(client.prep(ior, iov, { fd: 0 }), EBADF);
    assert.is(client.prep(ior, iov, { fd: 777 }), EBADF);
    assert.is(client.prep(ior, iov, { fd: unregistered, read: false }), EINVAL);
    assert.is(client.prep(ior, iov, { fd: unregistered, bytes: 0 }), EINVAL);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 7: the mode of the registration decides`, async () => {
    const all = await bench(build);
    const { client, fd, iov } = all;
    const reader = client.ior();
    const writer = client.ior({ read: false });
    const readOnly = client.open(0, 1);
    const writeOnly = client.open(0, 2);
    assert.is(client.prep(reader, iov, { fd: writeOnly }), EACCES);
    assert.is(client.prep(writer, iov, { fd: readOnly }), EACCES);
    assert.is(client.prep(reader, iov, { fd: readOnly }), 0);
    assert.is(client.prep(writer, iov, { fd: writeOnly }), 0);
    assert.is(client.prep(reader, iov, { fd }), 1);
    assert.is(client.prep(writer, iov, { fd, at: 512, offset: 512 }), 1);
    assert.equal(client.run(reader, 2), [512, 512]);
    assert.equal(client.run(writer, 2), [512, 512]);
    close(all, [reader, writer], [iov]);
  });

  usrbio(`${build}: row 8: registration answers minus the duplicate, or a positive errno`, async () => {
    const all = await bench(build);
    const { client, machine, iov } = all;
    const { raw } = client;
    const fd = machine.core.exports.fileOpen(0, 3);
    const registered = raw.regFd(fd);
    assert.ok(registered < 0, `${registered}`);
    assert.is(raw.regFd(fd), 22, 'EINVAL, positive');
    assert.is(raw.regFd(-registered), 22, 'the duplicate is registered too');
    const ior = client.ior();
    for (const name of [fd, -fd, registered, -registered]) {
      assert.ok(client.prep(ior, iov, { fd: name }) >= 0, `${name}`);
    }
    assert.equal(client.run(ior, 4), [512, 512, 512, 512]);
    for (const foreign of [999, -1, 2, -fd, 2 ** 31 - 1, -(2 ** 31)])
      assert.is(raw.regFd(foreign), 9, `${foreign}`);
    const eventfd = machine.core.exports.eventfdCreate(0, 0);
    assert.is(raw.regFd(eventfd), 9, 'not a file of 3FS');
    assert.is(raw.isHf3fs(fd), true);
    assert.is(raw.isHf3fs(-registered), true);
    for (const foreign of [0, 999, -1, eventfd]) assert.is(raw.isHf3fs(foreign), false, `${foreign}`);
    for (const foreign of [999, -1, 0, -fd, -(2 ** 31), 2 ** 31 - 1]) raw.deregFd(foreign);
    raw.deregFd(-registered);
    assert.is(client.prep(ior, iov, { fd }), EBADF, 'both numbers are forgotten');
    assert.is(machine.core.exports.fileClose(-registered), EBADF, 'the duplicate is closed');
    assert.is(machine.core.exports.fileClose(fd), 0, 'the original is not');
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 9: a new request has the lowest free slot`, async () => {
    const all = await bench(build, SLOW);
    const { client, machine, fd, iov } = all;
    const ior = client.ior({ ioDepth: -1 });
    const slots = [0, 1, 2].map((at) => client.prep(ior, iov, { fd, at: at * 4096, offset: at * 4096 }));
    assert.equal(slots, [0, 1, 2]);
    machine.holdCompletions(true);
    assert.is(client.raw.submitIos(ior), 0);
    machine.run();
    machine.releaseCompletion(1);
    assert.equal(
      client.wait(ior, 8, 1).cqes.map((cqe) => cqe.index),
      [1],
    );
    assert.is(client.prep(ior, iov, { fd }), 1);
    assert.is(client.prep(ior, iov, { fd }), 3);
    machine.holdCompletions(false);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 10: a slot is busy until its result is fetched`, async () => {
    const all = await bench(build);
    const { client, machine, fd, iov } = all;
    for (const entries of [1, 3, 32, 33, 64]) {
      const ior = client.ior({ entries });
      for (let slot = 0; slot < entries; slot++) assert.is(client.prep(ior, iov, { fd }), slot);
      assert.is(client.prep(ior, iov, { fd }), EAGAIN);
      assert.is(client.raw.submitIos(ior), 0);
      machine.run();
      assert.is(client.prep(ior, iov, { fd }), EAGAIN, 'they have ended, and are not fetched');
      assert.equal(
        client.wait(ior, 1, 0).cqes.map((cqe) => cqe.index),
        [0],
      );
      assert.is(client.prep(ior, iov, { fd }), 0);
      assert.is(client.prep(ior, iov, { fd }), EAGAIN);
      client.raw.iorDestroy(ior);
    }
    close(all, [], [iov]);
  });

  usrbio(
    `${build}: row 11: a submit with nothing prepared is good, one on a destroyed ring is not`,
    async () => {
      const all = await bench(build);
      const { client, iov } = all;
      const ior = client.ior();
      assert.is(client.raw.submitIos(ior), 0);
      client.raw.iorDestroy(ior);
      assert.is(client.u64(ior + 312), 0, 'iorh');
      assert.is(client.raw.submitIos(ior), EINVAL);
      assert.is(client.raw.submitIos(0), EINVAL);
      assert.is(client.wait(ior, 1, 0).result, EINVAL);
      for (const address of client.outside) assert.is(client.raw.submitIos(address), EINVAL);
      client.raw.iorDestroy(ior);
      client.raw.iorDestroy(0);
      close(all, [], [iov]);
    },
  );

  usrbio(`${build}: row 12: io_depth 4 takes jobs of exactly 4`, async () => {
    const all = await bench(build, { ...SLOW, records: true });
    const { client, machine, fd, iov } = all;
    const ior = client.ior({ ioDepth: 4 });
    const prep = (count: number) => {
      for (let request = 0; request < count; request++) assert.ok(client.prep(ior, iov, { fd }) >= 0);
      assert.is(client.raw.submitIos(ior), 0);
    };
    prep(6);
    const deadline = machine.nowNs + 20 * MILLISECOND;
    assert.is(client.wait(ior, 8, 6, deadline).result, 4);
    assert.is(machine.nowNs, deadline);
    assert.is(client.wait(ior, 8, 0).result, 0);
    prep(2);
    assert.is(client.wait(ior, 8, 4).result, 4);
    assert.equal(jobSizes(machine), [4, 4]);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 13: io_depth 0 makes one job, its results in the order of submission`, async () => {
    const all = await bench(build, { ...SLOW, records: true });
    const { client, machine, fd, iov } = all;
    const ior = client.ior();
    // the first ones have the most to do
    const sizes = [6, 1, 5, 2, 4, 3].map((chunks) => chunks * CHUNK);
    sizes.forEach((bytes, request) => {
      assert.is(client.prep(ior, iov, { fd, bytes, offset: request * 32768, userdata: request }), request);
    });
    assert.equal(client.run(ior, 6), sizes);
    assert.equal(jobSizes(machine), [6]);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 14: io_depth -4 without a timeout makes jobs of at most 4, at once`, async () => {
    const all = await bench(build, { ...CONFIG, records: true });
    const { client, machine, fd, iov } = all;
    const ior = client.ior({ ioDepth: -4 });
    for (let request = 0; request < 6; request++) client.prep(ior, iov, { fd, userdata: 100 + request });
    assert.is(client.raw.submitIos(ior), 0);
    const { cqes } = client.wait(ior, 8, 6, 0);
    assert.equal(
      cqes.map((cqe) => cqe.userdata),
      [100, 101, 102, 103, 104, 105],
    );
    assert.equal(jobSizes(machine), [4, 2]);
    close(all, [ior], [iov]);
  });

  usrbio(
    `${build}: row 15: io_depth -4 with a timeout of 10 ms holds a rest of 3 for that long`,
    async () => {
      const all = await bench(build, { ...CONFIG, records: true });
      const { client, machine, fd, iov } = all;
      const ior = client.ior({ ioDepth: -4, timeoutMs: 10 });
      const prep = (count: number) => {
        for (let request = 0; request < count; request++) assert.ok(client.prep(ior, iov, { fd }) >= 0);
        assert.is(client.raw.submitIos(ior), 0);
      };
      machine.advance(5 * MILLISECOND);
      const start = machine.nowNs;
      prep(3);
      assert.is(client.wait(ior, 8, 3, start + 9.99 * MILLISECOND).result, 0);
      assert.is(machine.nowNs, start + 9.99 * MILLISECOND);
      assert.is(client.wait(ior, 8, 3).result, 3);
      assert.is(machine.nowNs, start + 10 * MILLISECOND);
      prep(3);
      machine.advance(5 * MILLISECOND);
      assert.is(client.wait(ior, 8, 0).result, 0);
      prep(1);
      assert.is(client.wait(ior, 8, 0).result, 4, 'a fourth one ends the wait');
      assert.is(machine.nowNs, start + 15 * MILLISECOND);
      // the hold of a later rest has its own 10 ms, not what is left of the one before
      prep(2);
      assert.is(client.wait(ior, 8, 2).result, 2);
      assert.is(machine.nowNs, start + 25 * MILLISECOND);
      prep(5);
      assert.is(client.wait(ior, 8, 0).result, 4, 'a full job goes at once');
      assert.is(client.wait(ior, 8, 1).result, 1);
      assert.is(machine.nowNs, start + 35 * MILLISECOND);
      assert.equal(jobSizes(machine), [3, 4, 2, 4, 1]);
      close(all, [ior], [iov]);
    },
  );

  usrbio(
    `${build}: row 16: a wait for no results is EINVAL, and more than there is room for is lowered`,
    async () => {
      const all = await bench(build);
      const { client, fd, iov } = all;
      const ior = client.ior();
      assert.is(client.wait(ior, 0, 0).result, EINVAL);
      assert.is(client.wait(ior, -1, 0).result, EINVAL);
      assert.is(client.wait(0, 1, 0).result, EINVAL);
      for (let request = 0; request < 5; request++) client.prep(ior, iov, { fd });
      client.raw.submitIos(ior);
      assert.is(client.wait(ior, 2, 10).result, 2);
      assert.is(client.wait(ior, 2, 2 ** 31 - 1).result, 2);
      for (const address of client.outside) {
        assert.is(client.raw.waitForIos(ior, address, 1, 0, 0), EFAULT);
        assert.is(client.raw.waitForIos(ior, client.base(iov), 1, 0, address), EFAULT);
      }
      assert.is(client.wait(ior, 2, 0).result, 1);
      close(all, [ior], [iov]);
    },
  );

  usrbio(`${build}: row 17: a deadline that is past gives what is ready, never an error`, async () => {
    const all = await bench(build, SLOW);
    const { client, machine, fd, iov } = all;
    const ior = client.ior();
    machine.advance(1000 * MILLISECOND);
    const past = machine.nowNs - 1;
    assert.is(client.wait(ior, 8, 3, past).result, 0);
    for (let request = 0; request < 3; request++) client.prep(ior, iov, { fd });
    client.raw.submitIos(ior);
    assert.is(client.wait(ior, 8, 3, past).result, 0, 'in flight');
    machine.run();
    const time = machine.nowNs;
    assert.is(client.wait(ior, 8, 5, past).result, 3);
    assert.is(machine.nowNs, time);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 18: a poll returns all that is ready`, async () => {
    const all = await bench(build, SLOW);
    const { client, machine, fd, iov } = all;
    const ior = client.ior();
    for (let request = 0; request < 5; request++) client.prep(ior, iov, { fd });
    client.raw.submitIos(ior);
    assert.is(client.wait(ior, 8, 0).result, 0);
    assert.is(client.wait(ior, 8, -5).result, 0);
    machine.run();
    assert.is(client.wait(ior, 8, 0).result, 5);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 19: the deadline is a time, not a duration`, async () => {
    const all = await bench(build, SLOW);
    const { client, machine, fd, iov } = all;
    const ior = client.ior();
    machine.advance(60_000 * MILLISECOND);
    client.prep(ior, iov, { fd });
    client.raw.submitIos(ior);
    assert.is(client.wait(ior, 1, 1, 5_000 * MILLISECOND).result, 0);
    assert.is(machine.nowNs, 60_000 * MILLISECOND);
    assert.is(client.wait(ior, 1, 1, 60_005 * MILLISECOND).result, 1);
    assert.is(machine.nowNs, 60_000 * MILLISECOND + 100_000);
    close(all, [ior], [iov]);
  });

  usrbio(
    `${build}: row 20: the end of a file and holes make a read short, a hole before data does not`,
    async () => {
      const all = await bench(build);
      const { client, machine, iov } = all;
      const file = machine.openFile('file');
      file.truncate(0);
      const fd = client.open(1);
      // data in chunks 0 and 3, and 100 bytes in chunk 6: 1, 2, 4 and 5 are holes
      const first = pattern(CHUNK, 1);
      const third = pattern(CHUNK, 3);
      const tail = pattern(100, 6);
      file.write(first, 0);
      file.write(third, 3 * CHUNK);
      file.write(tail, 6 * CHUNK);
      const ior = client.ior();
      const content = client.content(iov);
      const read = (offset: number, bytes: number): number => {
        content.fill(0xaa);
        assert.ok(client.prep(ior, iov, { fd, at: 1000, offset, bytes }) >= 0);
        return client.run(ior, 1)[0] as number;
      };
      const check = (result: number, expected: Uint8Array) => {
        assert.is(result, expected.length);
        assert.equal(content.slice(1000, 1000 + result), expected);
        assert.ok(
          content.subarray(0, 1000).every((byte) => byte === 0xaa),
          'before the request',
        );
        assert.ok(
          content.subarray(1000 + result).every((byte) => byte === 0xaa),
          'behind the result',
        );
      };
      const zeros = (length: number) => new Uint8Array(length);
      const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
      check(read(6 * CHUNK + 40, 500), tail.slice(40));
      check(read(6 * CHUNK + 100, 500), zeros(0));
      check(read(20 * CHUNK, 500), zeros(0));
      check(read(2 * CHUNK + 96, 4100), join(zeros(4000), third.slice(0, 100)));
      check(read(0, 4 * CHUNK), join(first, zeros(2 * CHUNK), third));
      check(read(100, 3 * CHUNK - 100), first.slice(100));
      check(read(CHUNK, CHUNK), zeros(0));
      check(read(CHUNK + 5, 2 * CHUNK - 5), zeros(0));
      check(read(4 * CHUNK - 10, 3 * CHUNK), join(third.slice(CHUNK - 10), zeros(2 * CHUNK), tail));
      // the short end of a chunk before more data counts as a hole
      file.write(pattern(10, 9), 8 * CHUNK + 5);
      check(read(6 * CHUNK, 3 * CHUNK), join(tail, zeros(2 * CHUNK - 100), zeros(5), pattern(10, 9)));
      check(read(6 * CHUNK, CHUNK), tail);
      check(read(8 * CHUNK, 5), zeros(5));
      close(all, [ior], [iov]);
    },
  );

  usrbio(`${build}: row 21: FORBID_READ_HOLES`, async () => {
    const all = await bench(build);
    const { client, machine, iov } = all;
    const file = machine.openFile('file');
    file.truncate(0);
    const fd = client.open(1);
    file.write(pattern(CHUNK, 1), CHUNK);
    file.write(pattern(CHUNK, 3), 3 * CHUNK);
    const ior = client.ior({ flags: 2 });
    const ranges = [
      [0, 2 * CHUNK],
      [CHUNK, 2 * CHUNK],
      [CHUNK, 3 * CHUNK],
      [0, CHUNK],
      [3 * CHUNK, 2 * CHUNK],
    ] as const;
    for (const [offset, bytes] of ranges) assert.ok(client.prep(ior, iov, { fd, offset, bytes }) >= 0);
    assert.equal(client.run(ior, 5), [ENODATA, CHUNK, ENODATA, 0, CHUNK]);
    assert.is(client.u64(ior + 592), 2, 'flags');
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 22: the gap of one request is not the next one's`, async () => {
    const all = await bench(build);
    const { client, machine, iov } = all;
    const file = machine.openFile('file');
    file.truncate(0);
    const fd = client.open(1);
    file.write(pattern(CHUNK, 1), 0);
    file.write(pattern(CHUNK, 2), 2 * CHUNK);
    const ior = client.ior();
    const content = client.content(iov).fill(0xaa);
    client.prep(ior, iov, { fd, at: 0, offset: CHUNK - 110, bytes: 200 });
    client.prep(ior, iov, { fd, at: 200, offset: 2 * CHUNK - 100, bytes: 200 });
    assert.equal(client.run(ior, 2), [110, 200]);
    assert.equal(content.slice(0, 110), pattern(CHUNK, 1).slice(-110));
    assert.ok(
      content.subarray(110, 200).every((byte) => byte === 0xaa),
      'the tail of the first',
    );
    assert.ok(content.subarray(200, 300).every((byte) => byte === 0));
    assert.equal(content.slice(300, 400), pattern(CHUNK, 2).slice(0, 100));
    assert.is(content[400], 0xaa);
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 23: a request over a block boundary of the buffer ends with EINVAL`, async () => {
    const all = await bench(build);
    const { client, fd } = all;
    const blocks = client.iov(16384, 4096);
    const odd = client.iov(10000, 3000);
    const ior = client.ior();
    assert.is(client.u64(blocks + 296), 4096, 'block_size');
    const requests = [
      [blocks, 0, 4096, 4096],
      [blocks, 4095, 1, 1],
      [blocks, 4095, 2, EINVAL],
      [blocks, 0, 16384, EINVAL],
      [blocks, 8192, 4097, EINVAL],
      [odd, 3000, 3000, 3000],
      [odd, 9000, 1000, 1000],
      [odd, 2999, 2, EINVAL],
    ] as const;
    for (const [iov, at, bytes] of requests) assert.ok(client.prep(ior, iov, { fd, at, bytes }) >= 0);
    assert.equal(
      client.run(ior, 8),
      requests.map(([, , , result]) => result),
    );
    assert.is(client.prep(ior, all.iov, { fd, at: 1, bytes: 65535 }), 0, 'block size 0');
    assert.equal(client.run(ior, 1), [65535]);
    assert.is(client.raw.iovCreate(client.struct(IOV_BYTES), client.mount, 4096, 4097, -1), EINVAL);
    close(all, [ior], [blocks, odd, all.iov]);
  });

  usrbio(`${build}: row 24: a buffer that is destroyed before the daemon looks`, async () => {
    const all = await bench(build);
    const { client, fd } = all;
    const ior = client.ior();
    assert.is(client.prep(ior, all.iov, { fd, userdata: 5 }), 0);
    client.raw.iovDestroy(all.iov);
    client.raw.submitIos(ior);
    const { cqes } = client.wait(ior, 1, 1);
    assert.equal(cqes, [{ index: 0, reserved: UNTOUCHED, result: EINVAL, userdata: 5 }]);
    const iov = client.iov(4096);
    assert.is(client.prep(ior, iov, { fd }), 0);
    assert.equal(client.run(ior, 1), [512], 'the ring goes on');
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 25: all that a read-only user writes ends with EROFS`, async () => {
    const all = await bench(build, { ...CONFIG, usrbio: { chunkSize: CHUNK, readOnly: true } });
    const { client, machine, fd, iov } = all;
    const writer = client.ior({ read: false });
    const reader = client.ior();
    client.content(iov).fill(0xee);
    for (let at = 0; at < 3; at++) assert.is(client.prep(writer, iov, { fd, at: at * 512, bytes: 9000 }), at);
    assert.equal(client.run(writer, 3), [EROFS, EROFS, EROFS]);
    assert.is(client.prep(reader, iov, { fd }), 0);
    assert.equal(client.run(reader, 1), [512]);
    assert.ok(
      machine
        .openFile('drive0')
        .read(9000, 0)
        .every((byte) => byte === 0),
    );
    close(all, [reader, writer], [iov]);
  });

  usrbio(`${build}: row 25: a read-only drive, by the inode of the request`, async () => {
    const all = await bench(build, { ...CONFIG, drives: [{ size: DRIVE }, { size: DRIVE, readOnly: true }] });
    const { client, machine, fd, iov } = all;
    assert.is(machine.core.exports.fileOpen(1, 3), EROFS, 'it can not be opened for writing');
    const writer = client.ior({ read: false });
    assert.is(client.prep(writer, iov, { fd }), 0);
    assert.is(client.prep(writer, iov, { fd }), 1);
    client.setU64(client.base(writer) + 16 + 24, 1);
    assert.equal(client.run(writer, 2), [EROFS, 512]);
    close(all, [writer], [iov]);
  });

  usrbio(
    `${build}: row 26: the places of a job that ended early are free when the jobs before it have ended`,
    async () => {
      const all = await bench(build, SLOW);
      const { client, machine, fd, iov } = all;
      const ior = client.ior({ entries: 4, ioDepth: 2 });
      const markers = () => [0, 4, 8, 12].map((offset) => client.u32(client.base(ior) + offset));
      machine.holdCompletions(true);
      for (let at = 0; at < 4; at++)
        assert.is(client.prep(ior, iov, { fd, at: at * 512, offset: at * 8192 }), at);
      client.raw.submitIos(ior);
      machine.run();
      assert.is(machine.heldCompletions(), 4, 'two jobs of two in flight');
      machine.releaseCompletion(3);
      assert.is(client.wait(ior, 4, 0).result, 0, 'half a job');
      machine.releaseCompletion(2);
      assert.equal(
        client.wait(ior, 4, 4).cqes.map((cqe) => cqe.index),
        [2, 3],
      );
      assert.equal(markers(), [4, 0, 2, 2], 'sqeHead, sqeTail, cqeHead, cqeTail');
      assert.is(client.prep(ior, iov, { fd }), EAGAIN, 'two slots are free, no place is');
      machine.releaseCompletion(0);
      assert.is(client.prep(ior, iov, { fd }), EAGAIN);
      machine.releaseCompletion(0);
      assert.equal(markers(), [4, 4, 4, 2]);
      assert.is(client.prep(ior, iov, { fd }), 2);
      assert.is(client.prep(ior, iov, { fd }), 3);
      assert.equal(
        client.wait(ior, 2, 2).cqes.map((cqe) => cqe.index),
        [0, 1],
      );
      machine.holdCompletions(false);
      assert.equal(client.run(ior, 2), [512, 512]);
      close(all, [ior], [iov]);
    },
  );

  usrbio(`${build}: row 27: userdata and index through many turns of both queues`, async () => {
    const all = await bench(build, SLOW);
    const { client, fd, iov } = all;
    const entries = 7;
    const ior = client.ior({ entries, ioDepth: -3 });
    const outstanding = new Map<number, number>();
    let made = 0;
    let ended = 0;
    while (ended < 10 * entries) {
      for (let batch = (made % 4) + 1; batch > 0 && outstanding.size < entries; batch--) {
        const userdata = 2 ** 53 - 1 - made * 977;
        const slot = client.prep(ior, iov, { fd, at: made * 8, bytes: 8, offset: made * 512, userdata });
        if (slot === EAGAIN) break;
        assert.ok(slot >= 0 && !outstanding.has(slot), `${slot}`);
        outstanding.set(slot, userdata);
        made++;
      }
      client.raw.submitIos(ior);
      for (const cqe of client.wait(ior, 1 + (made % 5), 1).cqes) {
        assert.is(cqe.userdata, outstanding.get(cqe.index));
        assert.is(cqe.result, 8);
        assert.is(cqe.reserved, UNTOUCHED, 'the library never fills it');
        outstanding.delete(cqe.index);
        ended++;
      }
    }
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 28: a request keeps its file when the descriptor is deregistered`, async () => {
    const all = await bench(build);
    const { client, machine, fd, iov } = all;
    machine.openFile('drive0').write(pattern(512, 4), 1024);
    const ior = client.ior();
    assert.is(client.prep(ior, iov, { fd, offset: 1024 }), 0);
    client.raw.deregFd(fd);
    assert.is(machine.core.exports.fileClose(fd), 0);
    assert.is(client.prep(ior, iov, { fd }), EBADF);
    assert.equal(client.run(ior, 1), [512]);
    assert.equal(client.content(iov).slice(0, 512), pattern(512, 4));
    close(all, [ior], [iov]);
  });

  usrbio(`${build}: row 29: one bad part of three fails its request, and no other`, async () => {
    for (const bad of [0, 1, 2]) {
      const { machine, image } = await openFlaky(build, { ...CONFIG, files: [] });
      const client = new UsrbioTester(machine);
      const all = { machine, client, fd: client.open(0), iov: client.iov(65536) };
      const { fd, iov } = all;
      const ior = client.ior();
      image.fail = (call) => (call.name === 'pread' && call.offset === (4 + bad) * CHUNK ? WASI_EIO : 0);
      client.prep(ior, iov, { fd, offset: 0, bytes: 2 * CHUNK });
      client.prep(ior, iov, { fd, at: 8192, offset: 4 * CHUNK, bytes: 3 * CHUNK });
      client.prep(ior, iov, { fd, at: 20480, offset: 8 * CHUNK, bytes: CHUNK });
      assert.equal(client.run(ior, 3), [2 * CHUNK, EIO, CHUNK]);
      close(all, [ior], [iov]);
    }
  });

  usrbio(`${build}: the structs, byte for byte`, async () => {
    const all = await bench(build);
    const { client, machine, fd } = all;
    const iov = client.struct(IOV_BYTES);
    assert.is(client.raw.iovCreate(iov, client.mount, 12288, 4096, 3), 0);
    assert.ok(client.u64(iov) > 0, 'base');
    assert.is.not(client.u64(iov + 8), 0, 'iovh');
    assert.is(client.textAt(iov + 32), '/3fs');
    assert.equal([client.u64(iov + 288), client.u64(iov + 296), client.s32(iov + 304)], [12288, 4096, 3]);
    assert.ok(client.content(iov).every((byte) => byte === 0));
    const ior = client.struct(IOR_BYTES);
    assert.is(client.raw.iorCreate(ior, client.mount, 5, true, -2, -7, 11, 1, 3), 0);
    assert.is(client.u64(ior + 288), 4144 + 96 * 6, 'iov.size');
    assert.is(client.textAt(ior + 32), '/3fs');
    assert.is.not(client.u64(ior + 312), 0, 'iorh');
    assert.is(client.textAt(ior + 320), '/3fs');
    assert.is(client.bytes[ior + 576], 1, 'for_read');
    assert.equal(
      [580, 584, 588].map((offset) => client.s32(ior + offset)),
      [-2, -7, 11],
      'io_depth, priority, timeout',
    );
    assert.is(client.u64(ior + 592), 3, 'flags');
    // the shared memory of the ring, E = 6
    const ring = client.u64(ior);
    const userdata = 2 ** 53 - 1;
    assert.is(client.prep(ior, all.iov, { fd, bytes: 1 }), 0);
    assert.is(client.prep(ior, iov, { fd, at: 4096, bytes: 4000, offset: 2 ** 40, userdata }), 1);
    assert.equal(
      [0, 4, 8, 12].map((offset) => client.u32(ring + offset)),
      [2, 0, 0, 0],
    );
    const args = ring + 16 + 56;
    assert.equal(client.bytes.slice(args, args + 16), client.bytes.slice(iov + 16, iov + 32), 'bufId');
    assert.equal(
      [16, 24, 32, 40, 48].map((offset) => client.u64(args + offset)),
      [4096, 0, 2 ** 40, 4000, userdata],
    );
    const submission = ring + 16 + 80 * 6 + 16;
    assert.is(client.s32(submission), 1);
    assert.is(client.u64(submission + 8), userdata);
    client.raw.submitIos(ior);
    machine.run();
    assert.equal(
      [0, 4, 8, 12].map((offset) => client.u32(ring + offset)),
      [2, 2, 2, 0],
    );
    assert.is(client.u32(ring + 16 + 96 * 6), 1, 'the semaphore has been posted once for the job');
    const completion = ring + 16 + 56 * 6 + 24;
    assert.is(client.s32(completion), 1);
    assert.is(client.u64(completion + 8), 0, 'past the end of the drive');
    assert.is(client.u64(completion + 16), userdata);
    assert.is(client.wait(ior, 2, 2).result, 2);
    assert.equal(
      [0, 4, 8, 12].map((offset) => client.u32(ring + offset)),
      [2, 2, 2, 2],
    );
    close(all, [ior], [iov, all.iov]);
  });
}

usrbio.run();
