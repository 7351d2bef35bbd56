// How long USRBIO's things live: buffers opened twice, unlinked, wrapped, destroyed in flight; rings destroyed busy, full,
// with results or with a hold; descriptors closed while registered; direct I/O through a ring.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EIO,
  ENOENT,
  IOR_BYTES,
  IOV_BYTES,
  pattern,
  UsrbioTester,
} from './usrbio-client.ts';

const CHUNK = 4096;
const DRIVE = 1048576;
const MILLISECOND = 1_000_000;
const lifetime = suite('rings/usrbio-lifetime');

const CONFIG: MachineConfig = {
  drives: [{ size: DRIVE, latencyNs: 100_000, channels: 16 }],
  files: [{ name: 'file', capacity: 262144, size: 20000 }],
  cache: 1048576,
  buffers: 1048576,
  sharedMemory: 1048576,
  usrbio: { chunkSize: CHUNK },
};

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, UsrbioTester]> {
  const machine = await openMachine(build, { ...CONFIG, ...config });
  return [machine, new UsrbioTester(machine)];
}

function finish(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  lifetime(`${build}: the mount point of a path`, async () => {
    const [machine, client] = await open(build);
    const out = client.struct(64);
    const extract = (path: string, size: number) =>
      client.raw.extractMountPoint(out, size, client.text(path));
    for (const path of ['/3fs', '/3fs/', '/3fs/a/b']) {
      client.bytes.fill(0xaa, out, out + 64);
      assert.is(extract(path, 64), 5);
      assert.is(client.textAt(out), '/3fs');
      assert.is(client.bytes[out + 5], 0xaa);
      client.bytes.fill(0xaa, out, out + 64);
      for (const size of [4, 0, -1]) assert.is(extract(path, size), 5, 'larger than size');
      assert.ok(
        client.bytes.subarray(out, out + 64).every((byte) => byte === 0xaa),
        'not filled',
      );
      assert.is(extract(path, 5), 5);
      assert.is(client.textAt(out), '/3fs');
    }
    for (const path of ['', '/', '/3f', '/3fsx', '3fs/a', '/other/3fs'])
      assert.is(extract(path, 64), -1, path);
    for (const address of client.outside) {
      assert.is(client.raw.extractMountPoint(address, 64, client.text('/3fs')), -1);
      assert.is(client.raw.extractMountPoint(out, 64, address), -1);
    }
    finish(machine);
  });

  lifetime(`${build}: a buffer that is opened, unlinked and destroyed`, async () => {
    const [machine, client] = await open(build);
    const { raw } = client;
    const first = client.iov(8192, 4096);
    const id = client.struct(16);
    client.bytes.copyWithin(id, first + 16, first + 32);
    const second = client.struct(IOV_BYTES);
    const openIt = (bytes: number, block: number, mount = client.mount) =>
      raw.iovOpen(second, id, mount, bytes, block, 7);
    assert.is(openIt(8192, 0), ENOENT, 'the link has the block size in its name');
    assert.is(openIt(8193, 4096), EIO, 'the file is shorter');
    assert.is(openIt(8192, 4096, client.text('/elsewhere')), ENOENT);
    assert.is(openIt(8192, 4096, 0), EINVAL);
    assert.is(raw.iovOpen(0, id, client.mount, 8192, 4096, 0), EINVAL);
    for (const address of client.outside)
      assert.is(raw.iovOpen(second, address, client.mount, 1, 4096, 0), EFAULT);
    assert.is(openIt(8192, 4096), 0);
    assert.is(client.base(second), client.base(first));
    assert.equal(
      [client.u64(second + 288), client.u64(second + 296), client.s32(second + 304)],
      [8192, 4096, 7],
    );
    assert.equal(client.bytes.slice(second + 16, second + 32), client.bytes.slice(id, id + 16));
    raw.iovUnlink(first);
    raw.iovUnlink(0);
    const third = client.struct(IOV_BYTES);
    assert.is(raw.iovOpen(third, id, client.mount, 8192, 4096, 0), EIO, 'its name is gone');
    const fd = client.open(0);
    const ior = client.ior();
    assert.is(client.prep(ior, second, { fd }), 0);
    assert.is(client.prep(ior, first, { fd, at: 512 }), 1);
    assert.equal(client.run(ior, 2), [512, 512], 'what is mapped stays');
    // a ring's memory is not a buffer
    client.bytes.copyWithin(id, ior + 16, ior + 32);
    assert.is(raw.iovOpen(third, id, client.mount, 4336, 0, 0), ENOENT);
    assert.is(client.prep(ior, ior, { fd }), 0);
    assert.equal(client.run(ior, 1), [EINVAL]);
    raw.iovDestroy(ior);
    assert.is(raw.submitIos(ior), 0, 'and is not destroyed as one');
    raw.iovDestroy(first);
    raw.iovDestroy(first);
    assert.ok(poolsInUse(machine).sharedPages > 0, 'still mapped once');
    raw.iovDestroy(second);
    raw.iorDestroy(ior);
    for (const address of [0, ...client.outside]) {
      raw.iovDestroy(address);
      raw.iovUnlink(address);
    }
    finish(machine);
  });

  lifetime(`${build}: client memory that is wrapped`, async () => {
    const [machine, client] = await open(build);
    const { raw } = client;
    const memory = machine.buffers.allocate(4096);
    const id = client.struct(16);
    const iov = client.struct(IOV_BYTES);
    assert.is(raw.iovPublish(id, memory, 4096, 8192), EINVAL);
    assert.is(raw.iovPublish(id, memory, 0, 0), EINVAL);
    for (const address of client.outside) {
      assert.is(raw.iovPublish(address, memory, 4096, 0), EFAULT);
      assert.is(raw.iovPublish(id, address, 4096, 0), EFAULT);
      assert.is(raw.iovUnpublish(address), EFAULT);
      assert.is(raw.iovWrap(iov, memory, address, client.mount, 4096, 0, -1), EFAULT);
    }
    assert.is(raw.iovUnpublish(id), ENOENT);
    assert.is(raw.iovPublish(id, memory, 4096, 2048), 0);
    assert.is(raw.iovWrap(iov, memory, id, client.mount, 4096, 2048, -1), 0);
    assert.is(client.u64(iov + 8), 0, 'iovh of a wrapped buffer is NULL');
    const fd = client.open(1);
    const ior = client.ior();
    machine.openFile('file').write(pattern(1000, 5), 0);
    assert.is(client.prep(ior, iov, { fd, at: 100, bytes: 1000 }), 0);
    assert.is(client.prep(ior, iov, { fd, at: 2000, bytes: 100 }), 1);
    assert.equal(client.run(ior, 2), [1000, EINVAL]);
    assert.equal(client.bytes.slice(memory + 100, memory + 1100), pattern(1000, 5));
    raw.iovDestroy(iov);
    assert.is(client.prep(ior, iov, { fd }), 0, 'destroying a wrapped buffer does nothing');
    assert.equal(client.run(ior, 1), [512]);
    assert.is(client.prep(ior, iov, { fd }), 0);
    assert.is(raw.iovUnpublish(id), 0);
    assert.is(raw.iovUnpublish(id), ENOENT);
    assert.equal(client.run(ior, 1), [EINVAL]);
    // an id that nobody knows
    client.bytes.fill(0xff, id, id + 16);
    assert.is(raw.iovWrap(iov, memory, id, client.mount, 4096, 0, -1), 0);
    assert.is(client.prep(ior, iov, { fd }), 0);
    assert.equal(client.run(ior, 1), [EINVAL]);
    raw.iorDestroy(ior);
    finish(machine);
  });

  lifetime(
    `${build}: a buffer that is destroyed in flight is not given to anybody else before the end`,
    async () => {
      const [machine, client] = await open(build);
      const fd = client.open(0, 5);
      const reader = client.ior();
      const writer = client.ior({ read: false });
      const content = pattern(8192, 2);
      machine.openFile('drive0').write(content, 0);
      machine.openFile('drive0').sync();
      const old = client.iov(524288);
      const address = client.base(old);
      client.bytes.set(content, address + 65536);
      machine.holdCompletions(true);
      assert.is(client.prep(reader, old, { fd, bytes: 8192 }), 0);
      assert.is(
        client.prep(writer, old, { fd: client.open(0, 7), at: 65536, bytes: 8192, offset: 65536 }),
        0,
      );
      client.raw.submitIos(reader);
      machine.run();
      client.raw.iovDestroy(old);
      const another = client.struct(IOV_BYTES);
      assert.is(
        client.raw.iovCreate(another, client.mount, 524288, 0, -1),
        EIO,
        'no other run of that length is left',
      );
      const small = client.iov(4096);
      assert.ok(client.base(small) >= address + 524288 || client.base(small) + 4096 <= address);
      machine.holdCompletions(false);
      assert.equal(client.run(reader, 1), [8192]);
      assert.equal(
        client.wait(writer, 1, 1).cqes.map((cqe) => cqe.result),
        [8192],
      );
      assert.equal(client.bytes.slice(address, address + 8192), content);
      assert.equal(machine.openFile('drive0').read(8192, 65536), content);
      assert.is(client.raw.iovCreate(another, client.mount, 524288, 0, -1), 0, 'now it is free');
      assert.ok(
        client.content(another).every((byte) => byte === 0),
        'and clean',
      );
      for (const iov of [small, another]) client.raw.iovDestroy(iov);
      for (const ior of [reader, writer]) client.raw.iorDestroy(ior);
      finish(machine);
    },
  );

  lifetime(`${build}: rings that are destroyed empty, full, busy, half done, with results`, async () => {
    const [machine, client] = await open(build);
    const fd = client.open(0, 7);
    const iov = client.iov(65536);
    const entries = 4;
    const make = (count: number, isSubmitted = true) => {
      const ior = client.ior({ entries, ioDepth: -1, read: false });
      for (let at = 0; at < count; at++) {
        const slot = client.prep(ior, iov, { fd, at: at * 512, offset: at * 8192, userdata: 9 });
        assert.is(slot, at);
      }
      if (isSubmitted) assert.is(client.raw.submitIos(ior), 0);
      return ior;
    };
    client.raw.iorDestroy(make(0));
    client.raw.iorDestroy(make(entries, false));
    client.raw.iorDestroy(make(entries));
    assert.is(poolsInUse(machine).sharedPages, 16, 'nothing ran: only the buffer is left');
    const done = make(entries);
    machine.run();
    client.raw.iorDestroy(done);
    assert.is(poolsInUse(machine).sharedPages, 16);
    machine.holdCompletions(true);
    const busy = make(entries);
    machine.run();
    machine.releaseCompletion(2);
    const base = client.base(busy);
    client.raw.iorDestroy(busy);
    assert.is(poolsInUse(machine).usrbioJobs, 4, 'the third is done, and behind two others');
    const next = client.ior({ entries, read: false });
    assert.is.not(client.base(next), base, 'its memory is in use');
    const shared = client.bytes.slice(client.base(next), client.base(next) + 4144);
    machine.holdCompletions(false);
    machine.run();
    assert.equal(
      client.bytes.slice(client.base(next), client.base(next) + 4144),
      shared,
      'nobody hears of the end',
    );
    assert.is(client.wait(next, 4, 0).result, 0);
    assert.is(machine.counters.usrbio.completed, 2 * entries);
    const reused = client.ior({ entries });
    assert.is(client.base(reused), base);
    for (const ior of [next, reused]) client.raw.iorDestroy(ior);
    client.raw.iovDestroy(iov);
    finish(machine);
  });

  lifetime(
    `${build}: a ring that is destroyed while it holds a rest keeps its number until the time is over`,
    async () => {
      const [machine, client] = await open(build);
      const fd = client.open(0);
      const iov = client.iov(4096);
      const first = client.ior({ ioDepth: -4, timeoutMs: 10 });
      const number = client.u64(first + 312);
      client.prep(first, iov, { fd });
      client.raw.submitIos(first);
      machine.advance(MILLISECOND);
      client.raw.iorDestroy(first);
      const second = client.ior({ ioDepth: -4, timeoutMs: 50 });
      assert.is.not(client.u64(second + 312), number);
      client.prep(second, iov, { fd });
      client.raw.submitIos(second);
      machine.advance(20 * MILLISECOND);
      assert.is(client.wait(second, 1, 0).result, 0, 'the old time is not its own');
      const third = client.ior({ ioDepth: -4, timeoutMs: 3 });
      assert.is(client.u64(third + 312), number, 'free again');
      const start = machine.nowNs;
      client.prep(third, iov, { fd, bytes: 8 });
      client.raw.submitIos(third);
      assert.equal(
        client.wait(third, 1, 1).cqes.map((cqe) => cqe.result),
        [8],
      );
      assert.is(machine.nowNs, start + 3 * MILLISECOND + 100_000);
      assert.is(client.wait(second, 1, 1).result, 1);
      assert.is(machine.nowNs, 51 * MILLISECOND);
      for (const ior of [second, third]) client.raw.iorDestroy(ior);
      client.raw.iovDestroy(iov);
      finish(machine);
    },
  );

  lifetime(`${build}: as many rings and buffers as there may be, and again`, async () => {
    const [machine, client] = await open(build, { sharedMemory: 8388608 });
    for (let round = 0; round < 2; round++) {
      const iors = Array.from({ length: 256 }, () => client.ior({ entries: 1 }));
      assert.is(client.create(client.struct(IOR_BYTES), { entries: 1 }), -24, 'EMFILE');
      const iovs = Array.from({ length: 1024 - 256 }, () => client.iov(1));
      assert.is(client.raw.iovCreate(client.struct(IOV_BYTES), client.mount, 1, 0, -1), -24);
      assert.is(new Set(iovs.map((iov) => client.bytes.slice(iov + 16, iov + 32).join())).size, iovs.length);
      for (const ior of iors) client.raw.iorDestroy(ior);
      for (const iov of iovs) client.raw.iovDestroy(iov);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      for (const struct of [...iors, ...iovs]) machine.buffers.free(struct);
    }
    finish(machine);
  });

  lifetime(
    `${build}: a descriptor that is closed while it is registered goes on to the old file`,
    async () => {
      const [machine, client] = await open(build);
      const { exports } = machine.core;
      machine.openFile('drive0').write(pattern(512, 1), 524288);
      machine.openFile('file').write(pattern(512, 2), 0);
      const iov = client.iov(4096);
      const ior = client.ior();
      const fd = client.open(0);
      assert.is(exports.fileClose(fd), 0);
      assert.is(client.prep(ior, iov, { fd, offset: 524288 }), 0);
      const again = exports.fileOpen(1, 3);
      assert.is(again, fd, 'the number is somebody else’s');
      assert.is(client.raw.regFd(again), 22, 'and can not be registered');
      assert.is(client.prep(ior, iov, { fd, at: 512, offset: 524288 }), 1);
      client.raw.deregFd(fd);
      assert.ok(client.raw.regFd(again) <= 0);
      assert.is(client.prep(ior, iov, { fd, at: 1024 }), 2);
      assert.equal(client.run(ior, 3), [512, 512, 512]);
      const expected = [pattern(512, 1), pattern(512, 1), pattern(512, 2)].flatMap((part) => [...part]);
      assert.equal([...client.content(iov).subarray(0, 1536)], expected);
      client.raw.iorDestroy(ior);
      client.raw.iovDestroy(iov);
      finish(machine);
    },
  );

  lifetime(`${build}: registering until the table is full, and deregistering all`, async () => {
    const [machine, client] = await open(build);
    const { exports } = machine.core;
    const fds: number[] = [];
    while (true) {
      const fd = exports.fileOpen(0, 3);
      if (fd < 0) break;
      fds.push(fd);
      const result = client.raw.regFd(fd);
      if (result > 0) {
        assert.is(result, 24, 'EMFILE');
        break;
      }
    }
    assert.ok(fds.length > 4000);
    for (const fd of fds) {
      client.raw.deregFd(fd);
      assert.is(exports.fileClose(fd), 0);
    }
    assert.ok(client.raw.regFd(exports.fileOpen(0, 3)) <= 0);
    finish(machine);
  });

  lifetime(`${build}: direct requests move whole sectors, others end with EINVAL`, async () => {
    const [machine, client] = await open(build, { drives: [{ size: DRIVE, dmaAlignment: 512 }] });
    const content = pattern(20000, 7);
    machine.openFile('file').write(content, 0);
    machine.openFile('file').sync();
    const iov = client.iov(65536);
    const reader = client.ior();
    const writer = client.ior({ read: false });
    const fd = client.open(1, 7);
    const run = (ior: number, at: number, bytes: number, offset: number) => {
      assert.is(client.prep(ior, iov, { fd, at, bytes, offset }), 0);
      return client.run(ior, 1)[0];
    };
    const bytes = client.content(iov);
    assert.is(run(reader, 0, 16384, 512), 16384);
    assert.equal(bytes.slice(0, 16384), content.slice(512, 16896));
    assert.is(run(reader, 512, 4096, 16384), 20000 - 16384, 'the end of the file');
    assert.equal(bytes.slice(512, 512 + 3616), content.slice(16384));
    for (const ior of [reader, writer]) {
      assert.is(run(ior, 0, 512, 100), EINVAL, 'offset');
      assert.is(run(ior, 0, 1000, 0), EINVAL, 'length');
      assert.is(run(ior, 0, 8192 + 100, 4096), EINVAL, 'length of the last part');
      assert.is(run(ior, 100, 512, 0), EINVAL, 'address');
    }
    assert.is(run(reader, 0, 1000, 19968), EINVAL, 'also where the file ends');
    assert.is(run(reader, 0, 1000, 131072), EINVAL);
    assert.is(run(reader, 0, 1024, 131072), 0);
    assert.equal(machine.openFile('file').read(20000, 0), content, 'nothing was written');
    bytes.fill(0xee);
    assert.is(run(writer, 0, 8192, 8192), 8192);
    assert.is(run(writer, 0, 4096, 24576), 4096, 'past the end: a hole');
    assert.is(run(reader, 0, 4096, 20480), 0, 'a hole');
    assert.is(run(reader, 16384, 16384, 12288), 16384);
    assert.equal(
      bytes.slice(16384, 32768),
      Uint8Array.from([
        ...Array(4096).fill(0xee),
        ...content.slice(16384, 20000),
        ...Array(4096 + 480).fill(0),
        ...Array(4096).fill(0xee),
      ]),
    );
    for (const ior of [reader, writer]) client.raw.iorDestroy(ior);
    client.raw.iovDestroy(iov);
    finish(machine);
  });

  lifetime(`${build}: posts that nobody took do not make a wait spin`, async () => {
    const [machine, client] = await open(build);
    const iov = client.iov(4096);
    const fd = client.open(0);
    const ior = client.ior();
    const semaphore = client.base(ior) + 16 + 96 * 9;
    client.prep(ior, iov, { fd });
    client.raw.submitIos(ior);
    client.view.setUint32(semaphore, 0xffffffff, true);
    const start = performance.now();
    assert.is(client.wait(ior, 1, 1).result, 1);
    assert.is(client.wait(ior, 1, 1).result, 0);
    assert.ok(performance.now() - start < 1000);
    assert.is(client.prep(ior, iov, { fd: 4095 }), EBADF);
    assert.is(client.prep(ior, client.struct(IOV_BYTES), { fd, pointer: 1 }), EINVAL);
    client.view.setUint32(client.base(ior), 0xffffffff, true);
    assert.ok(client.prep(ior, iov, { fd }) >= EAGAIN, 'a marker out of range');
    client.raw.iorDestroy(ior);
    client.raw.iovDestroy(iov);
    finish(machine);
  });
}

lifetime.run();
