// Cases of libaio's harness that its C source can not run here (they want fork, threads, signals, rlimits, eventfds), in
// our own words: 7 and 8 (a largest size that answers EFBIG), 10 (a full device), 12 (a handle of somebody else), 16
// (eventfd), 17 (more requests than slots, reaped by call and from user space), 18 (io_destroy with a read in flight).

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EAGAIN, EFBIG, EINVAL, ENOSPC, POLL, PREAD, PWRITE, Ring } from './ring.ts';

const POLLIN = 1;

/** The end of a file or device of 64 KiB: what fits, what crosses, what lies behind. */
async function checkLimit(
  build: Build,
  name: string,
  atCapacity: 'ENOSPC' | 'EFBIG',
  direct: boolean,
): Promise<void> {
  const limit = 65536;
  const files = name === 'drive0' ? [] : [{ name, capacity: limit, atCapacity }];
  const machine = await openMachine(build, { drives: [{ size: name === 'drive0' ? limit : 131072 }], files });
  const ring = new Ring(machine);
  const handle = ring.open(32);
  const fd = machine.openFile(name, { direct }).descriptor;
  const buf = ring.allocate(limit, 4096);
  const unit = direct ? 512 : 1;
  const one = (opcode: number, offset: number, nbytes: number) => {
    assert.is(ring.submitOne(handle, { opcode, fd, buf, nbytes, offset }), 1);
    return ring.getEvents(handle, 1, 1).events[0]?.res;
  };
  const full = atCapacity === 'EFBIG' ? EFBIG : ENOSPC;
  assert.is(one(PWRITE, 0, limit), limit, 'ends at the limit');
  assert.is(one(PWRITE, unit, limit), limit - unit, 'crosses by one');
  assert.is(one(PWRITE, limit - unit, 2 * unit), unit);
  assert.is(one(PWRITE, limit, unit), full, 'begins at the limit');
  assert.is(one(PWRITE, limit + 4096, limit), full);
  assert.is(one(PWRITE, limit, 0), 0, 'nothing fits anywhere');
  assert.is(one(PREAD, limit, unit), 0);
  assert.is(one(PREAD, limit, 0), 0);
  assert.is(one(PREAD, limit - unit, 2 * unit), unit);
  assert.is(machine.openFile(name).size, limit);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const harness = suite(`libaio harness (${build})`);

  harness('7, 8 and 10: at the limit of size EFBIG, on a full device ENOSPC', async () => {
    for (const direct of [false, true]) {
      await checkLimit(build, 'limited', 'EFBIG', direct);
      await checkLimit(build, 'full', 'ENOSPC', direct);
      await checkLimit(build, 'drive0', 'ENOSPC', direct);
    }
  });

  harness('12: a handle of another machine is no context here', async () => {
    const [mine, other] = await Promise.all([openMachine(build), openMachine(build)]);
    const here = new Ring(mine);
    // the other machine's memory is laid out alike: only a context that is really there may be found
    const handle = new Ring(other).open(8);
    assert.is(here.submitRaw(handle, 0, 0), EINVAL);
    assert.is(here.submitOne(handle, { fd: mine.openFile('drive0').descriptor }), EINVAL);
    assert.is(here.getEventsRaw(handle, 0, 1, here.allocate(32), 0), EINVAL);
    assert.is(here.destroy(handle), EINVAL);
    assert.is(here.cancel(handle, here.iocb({ opcode: POLL })), EINVAL);
  });

  harness(
    '16: a write and a read of 10 MB, each counted once, and each event there when it is counted',
    async () => {
      const bytes = 10_000_000;
      const machine = await openMachine(build, { buffers: '24MiB' });
      const ring = new Ring(machine, 20_971_520);
      const handle = ring.open(1024);
      const fd = machine.openFile('drive0').descriptor;
      const buf = ring.allocate(bytes, 4096);
      const event = ring.createEventfd();
      for (let at = 0; at < bytes; at += 4096) ring.view.setUint32(buf + at, at, true);
      for (const opcode of [PWRITE, PREAD]) {
        assert.is(ring.submitOne(handle, { opcode, fd, buf, nbytes: bytes, flags: 1, resfd: event }), 1);
        // what select() does in C: a second context polls the eventfd
        const waiter = ring.open(1);
        ring.submitOne(waiter, { opcode: POLL, fd: event, buf: POLLIN });
        assert.is(ring.getEvents(waiter, 1, 1).events[0]?.res, POLLIN);
        assert.is(ring.readEventfd(event), 1n);
        assert.equal(
          ring.getEvents(handle, 0, 1, 0).events.map(({ res }) => res),
          [bytes],
        );
        assert.is(ring.destroy(waiter), 0);
        if (opcode === PWRITE) ring.bytes.fill(0, buf, buf + bytes);
      }
      for (let at = 0; at < bytes; at += 4096) assert.is(ring.view.getUint32(buf + at, true), at);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  const SLOTS = 126;
  for (const isByCall of [true, false]) {
    const how = isByCall ? 'by io_getevents' : 'from user space, by moving head';
    harness(`17: slots less one to four times as many requests, reaped ${how}`, async () => {
      for (const total of [SLOTS - 1, SLOTS, SLOTS + 1, 2 * SLOTS, 4 * SLOTS]) {
        const machine = await openMachine(build, {
          drives: [{ size: 1048576, latencyNs: 1000, channels: 4 }],
        });
        const ring = new Ring(machine);
        const handle = ring.open(32);
        const fd = machine.openFile('drive0', { direct: true }).descriptor;
        const buf = ring.allocate(512, 512);
        const seen = new Set<number>();
        let completed = 0;
        const header = (at: number) => ring.view.getUint32(handle + at, true);
        const nr = header(4);
        assert.is(nr, SLOTS + 1);
        const reapInUserSpace = () => {
          machine.run();
          let head = header(8);
          for (; head !== header(12); head = (head + 1) % nr) {
            const at = handle + 32 + head * 32;
            seen.add(ring.view.getUint32(at, true));
            assert.is(ring.view.getUint32(at + 16, true), 512);
            completed++;
          }
          ring.view.setUint32(handle + 8, head, true);
        };
        const reap = (minimum: number) => {
          if (!isByCall) return reapInUserSpace();
          for (const { data, res } of ring.getEvents(handle, minimum, 16).events) {
            assert.is(res, 512);
            seen.add(data);
            completed++;
          }
        };
        for (let data = 0; data < total; ) {
          const offset = (data % 2048) * 512;
          const accepted = ring.submitOne(handle, { data, opcode: PREAD, fd, buf, nbytes: 512, offset });
          if (accepted === 1) data++;
          else {
            assert.is(accepted, EAGAIN);
            assert.is(data - completed, SLOTS, 'not before the ring is full');
            reap(1);
          }
        }
        while (completed < total) reap(1);
        assert.equal([completed, seen.size], [total, total]);
        assert.is(ring.getEvents(handle, 0, 8).result, 0);
        assert.is(ring.destroy(handle), 0);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      }
    });
  }

  harness('18: once io_destroy has returned no read reaches its buffer', async () => {
    const latencies = [0, 1, 999, 1000, 1001, 50_000];
    for (const latencyNs of latencies) {
      const machine = await openMachine(build, { drives: [{ size: 1048576, latencyNs, channels: 2 }] });
      const ring = new Ring(machine);
      const fds = [{}, { direct: true }].map((options) => machine.openFile('drive0', options).descriptor);
      const buf = ring.allocate(8192, 4096);
      machine.openFile('drive0').write(new Uint8Array(1048576).fill(0x55), 0);
      for (let round = 0; round < 60; round++) {
        const handle = ring.open(1);
        const fd = fds[round % 2] as number;
        const mark = ring.mark();
        ring.submitOne(handle, {
          opcode: PREAD,
          fd,
          buf,
          nbytes: 8192,
          offset: ((round * 8192) % 1000000) & ~511,
        });
        for (let step = 0; step < round % 7; step++) machine.step();
        assert.is(ring.destroy(handle), 0);
        ring.release(mark);
        ring.bytes.fill(0xaa, buf, buf + 8192);
        machine.advance(100_000);
        assert.ok(ring.bytes.subarray(buf, buf + 8192).every((byte) => byte === 0xaa));
      }
      machine.run();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    }
  });

  harness.run();
}
