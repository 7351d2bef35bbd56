// Eventfds: counters behind descriptors, and the completions that IOCB_FLAG_RESFD counts in them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_DESCRIPTORS } from '../../../assembly/limits.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import * as aio from './ring.ts';
import { type Iocb, Ring } from './ring.ts';

const { EAGAIN, EBADF, EFAULT, EINVAL, EMFILE } = aio;
const { FDSYNC, FSYNC, POLL, PREAD, PREADV, PWRITE, PWRITEV } = aio;
const SEMAPHORE = 1;
const SIZE = 1048576;
const MAX = 2n ** 64n - 1n;

interface Bench {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly handle: number;
  readonly fd: number;
  readonly buffer: number;
}

async function open(build: Build, latencyNs?: number): Promise<Bench> {
  const drive = latencyNs === undefined ? { size: SIZE } : { size: SIZE, latencyNs };
  const machine = await openMachine(build, { drives: [drive] });
  const ring = new Ring(machine);
  const fd = machine.openFile('drive0', { direct: true }).descriptor;
  return { machine, ring, handle: ring.open(1), fd, buffer: ring.allocate(65536, 4096) };
}

function checkIdle(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const eventfd = suite(`eventfd (${build})`);

  eventfd('a read takes everything, and EAGAIN when there is nothing', async () => {
    const { ring } = await open(build);
    const event = ring.createEventfd(5);
    assert.is(ring.readEventfd(event), 5n);
    assert.is(ring.readEventfd(event), BigInt(EAGAIN));
    for (const value of [1, 2n ** 40n, 0]) assert.is(ring.writeEventfd(event, value), 0);
    assert.is(ring.readEventfd(event), 2n ** 40n + 1n);
    assert.is(ring.readEventfd(ring.createEventfd(0xffffffff)), 0xffffffffn);
  });

  eventfd('a semaphore gives 1 at a time', async () => {
    const { ring } = await open(build);
    const event = ring.createEventfd(2, SEMAPHORE);
    assert.is(ring.writeEventfd(event, 1), 0);
    for (let left = 3; left > 0; left--) assert.is(ring.readEventfd(event), 1n);
    assert.is(ring.readEventfd(event), BigInt(EAGAIN));
  });

  eventfd('2^64 - 1 can not be written, and what would reach it is EAGAIN and changes nothing', async () => {
    const { ring } = await open(build);
    const event = ring.createEventfd();
    assert.is(ring.writeEventfd(event, MAX), EINVAL);
    assert.is(ring.writeEventfd(event, MAX - 2n), 0);
    assert.is(ring.writeEventfd(event, 2), EAGAIN);
    assert.is(ring.writeEventfd(event, MAX - 1n), EAGAIN);
    assert.is(ring.writeEventfd(event, 1), 0);
    assert.is(ring.writeEventfd(event, 1), EAGAIN);
    assert.is(ring.writeEventfd(event, 0), 0);
    assert.is(ring.readEventfd(event), MAX - 1n);
  });

  eventfd('unknown flags, descriptors of nothing, of files, and bad addresses are refused', async () => {
    const { machine, ring, fd } = await open(build);
    for (const flags of [2, 4, 0x800, 0x80000, -1]) assert.is(ring.createEventfd(0, flags), EINVAL);
    for (const none of [0, 2, 999, -1, 0x7fffffff]) {
      assert.is(ring.readEventfd(none), BigInt(EBADF));
      assert.is(ring.writeEventfd(none, 1), EBADF);
    }
    assert.is(ring.readEventfd(fd), BigInt(EINVAL));
    assert.is(ring.writeEventfd(fd, 1), EINVAL);
    const event = ring.createEventfd(3);
    for (const bad of [0, ...ring.outside]) {
      assert.is(
        machine.core.call((exports) => exports.eventfdRead(event, bad)),
        EFAULT,
      );
      assert.is(
        machine.core.call((exports) => exports.eventfdWrite(event, bad)),
        EFAULT,
      );
    }
    assert.is(ring.readEventfd(event), 3n, 'nothing was taken by a read that could not store it');
  });

  eventfd('shares its numbers with files, and every number comes back', async () => {
    const { machine, ring, fd } = await open(build);
    const close = (descriptor: number) => machine.core.call((exports) => exports.fileClose(descriptor));
    const first = ring.createEventfd();
    assert.is(first, fd + 1);
    assert.is(machine.openFile('drive0').descriptor, fd + 2);
    assert.is(close(first), 0);
    assert.is(close(first), EBADF);
    assert.is(ring.createEventfd(), first);
    const rest = Array.from({ length: MAX_DESCRIPTORS - 3 }, () => ring.createEventfd());
    assert.is(Math.min(...rest), fd + 3);
    assert.is(ring.createEventfd(), EMFILE);
    for (const one of rest) assert.is(close(one), 0);
    assert.is(ring.createEventfd(), fd + 3);
  });

  eventfd('file calls refuse one with EINVAL, and nothing else with EBADF', async () => {
    const { machine, ring, buffer } = await open(build);
    const event = ring.createEventfd(1);
    for (const [fd, expected] of [
      [event, EINVAL],
      [999, EBADF],
    ] as const) {
      const answers = machine.core.call((exports) => [
        exports.filePread(fd, buffer, 8, 0),
        exports.filePwrite(fd, buffer, 8, 0),
        exports.fileSync(fd, 0),
        exports.fileSync(fd, 1),
        exports.fileDiscard(fd, 0, 512),
        exports.fileTruncate(fd, 0),
        exports.fileSize(fd),
      ]);
      assert.equal(answers, new Array(7).fill(expected));
    }
    assert.is(ring.readEventfd(event), 1n);
  });

  eventfd('no request but a poll works on one: EINVAL, behind the checks that come first', async () => {
    const { machine, ring, handle, buffer } = await open(build);
    const fd = ring.createEventfd(1);
    const iovecs = ring.iovecs([[buffer, 512]]);
    const whole: Record<number, Iocb> = {
      [PREAD]: { buf: buffer, nbytes: 512 },
      [PWRITE]: { buf: buffer, nbytes: 512 },
      [PREADV]: { buf: iovecs, nbytes: 1 },
      [PWRITEV]: { buf: iovecs, nbytes: 1 },
      [FSYNC]: {},
      [FDSYNC]: {},
    };
    for (const [opcode, fields] of Object.entries(whole))
      assert.is(
        ring.submitOne(handle, { opcode: Number(opcode), fd, ...fields }),
        EINVAL,
        `opcode ${opcode}`,
      );
    assert.is(ring.submitOne(handle, { opcode: PREAD, fd, buf: 64, rwFlags: 0x200 }), aio.EOPNOTSUPP);
    assert.is(ring.submitOne(handle, { opcode: PREAD, fd, buf: 64, nbytes: 1, offset: -1 }), EINVAL);
    assert.is(ring.submitOne(handle, { opcode: POLL, fd, buf: 1 }), 1);
    assert.equal(ring.results(handle), [1]);
    checkIdle(machine);
  });

  eventfd('two requests with one eventfd count 2; a refused request counts nothing', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const resfd = ring.createEventfd();
    const good = { opcode: PREAD, fd, buf: buffer, nbytes: 512, flags: 1, resfd };
    assert.is(
      ring.submit(handle, [ring.iocb(good), ring.iocb({ ...good, opcode: FSYNC, buf: 0, nbytes: 0 })]),
      2,
    );
    machine.run();
    assert.is(ring.readEventfd(resfd), 2n);
    for (const bad of [{ opcode: 77 }, { buf: 64 }, { offset: -1 }, { rwFlags: 0x200 }, { fd: 999 }])
      assert.ok(ring.submitOne(handle, { ...good, ...bad }) < 0);
    assert.is(ring.submitOne(handle, { ...good, resfd: 999 }), EBADF);
    assert.is(ring.submitOne(handle, { ...good, resfd: fd }), EINVAL);
    assert.is(ring.submitOne(handle, { ...good, resfd: 999, opcode: 77 }), EBADF, 'before the opcode');
    assert.is(ring.submitOne(handle, { ...good, resfd: 999, fd: 998, reserved2: 1 }), EINVAL);
    machine.run();
    assert.is(ring.readEventfd(resfd), BigInt(EAGAIN));
    assert.equal(ring.results(handle).length, 2);
    checkIdle(machine);
  });

  eventfd('counts a request that fails, that moves nothing, and a poll', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const resfd = ring.createEventfd();
    const flags = { flags: 1, resfd };
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 100, ...flags });
    ring.submitOne(handle, { opcode: PREAD, fd, ...flags });
    ring.submitOne(handle, { opcode: POLL, fd, buf: 5, ...flags });
    assert.equal(ring.results(handle), [EINVAL, 0, 5]);
    assert.is(ring.readEventfd(resfd), 3n);
    checkIdle(machine);
  });

  eventfd('counts when the event is on the ring, and not before', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, 1000);
    const resfd = ring.createEventfd();
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, flags: 1, resfd });
    const tail = () => ring.view.getUint32(handle + 12, true);
    while (tail() === 0) {
      assert.is(ring.readEventfd(resfd), BigInt(EAGAIN), 'nothing is counted while the ring is empty');
      assert.ok(machine.step());
    }
    assert.is(ring.readEventfd(resfd), 1n);
    assert.is(machine.nowNs, 1000);
  });

  eventfd('closed while a request is in flight it lives until the request has ended', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, 1000);
    const resfd = ring.createEventfd();
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, flags: 1, resfd });
    assert.is(
      machine.core.call((exports) => exports.fileClose(resfd)),
      0,
    );
    const next = ring.createEventfd();
    assert.is(next, resfd, 'the number is free at once');
    assert.equal(ring.results(handle), [512]);
    assert.is(ring.readEventfd(next), BigInt(EAGAIN), 'the old one was counted up, not the new one');
    checkIdle(machine);
  });

  eventfd('signals reach 2^64 - 1, stay there, and are lost beyond', async () => {
    const { machine, ring, handle, fd } = await open(build);
    const resfd = ring.createEventfd();
    assert.is(ring.writeEventfd(resfd, MAX - 1n), 0);
    for (let count = 0; count < 3; count++) {
      ring.submitOne(handle, { opcode: FSYNC, fd, flags: 1, resfd });
      machine.run();
    }
    ring.submitOne(handle, { opcode: POLL, fd: resfd, buf: 0 });
    assert.equal(ring.results(handle), [0, 0, 0, 8]);
    assert.is(ring.readEventfd(resfd), MAX);
    checkIdle(machine);
  });

  eventfd.run();
}
