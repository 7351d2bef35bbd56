// Linux AIO: what the kernel answers to io_setup, io_submit, io_getevents, io_cancel and io_destroy, byte for byte.
//
// Eventfds and polls are in eventfd.test.ts and poll.test.ts, RWF_… in rw-flags.test.ts and nowait.test.ts, what libaio
// adds in test/src/libaio.test.ts; the 8-byte iovecs, 4-byte handles and WASI error numbers of a wasm32 guest are its
// adapter's.
// Ours is one processor: a ring has max(n, 4) × 2 + 2 slots rounded up to pages, and exactly nr - 1 requests fit.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { OpenOptions } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import * as aio from './ring.ts';
import { type Iocb, Ring } from './ring.ts';

const { EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, ENOSPC, EOPNOTSUPP, EPERM } = aio;
const { FDSYNC, FSYNC, POLL, PREAD, PREADV, PWRITE, PWRITEV } = aio;
const SIZE = 1048576;
const LATENCY_NS = 1_000_000;
const FIXED: MachineConfig = { drives: [{ size: SIZE, latencyNs: LATENCY_NS }] };

interface Bench {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly handle: number;
  readonly fd: number;
  /** 64 KiB of 0x11. */
  readonly buffer: number;
}

async function open(build: Build, options: OpenOptions = {}, config: MachineConfig = {}): Promise<Bench> {
  const machine = await openMachine(build, { drives: [{ size: SIZE }], ...config });
  const ring = new Ring(machine);
  const buffer = ring.allocate(65536, 4096);
  ring.bytes.fill(0x11, buffer, buffer + 65536);
  const fd = machine.openFile('drive0', options).descriptor;
  return { machine, ring, handle: ring.open(1), fd, buffer };
}

const pattern = (bytes: number, seed = 0) =>
  new Uint8Array(bytes).map((_, at) => (at * 31 + (at >> 8) + seed) & 0xff);

function checkIdle(machine: Machine): void {
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

const NR_OF: readonly (readonly [asked: number, nr: number])[] = [
  [1, 127],
  [62, 127],
  [63, 255],
  [126, 255],
  [127, 383],
  [1000, 2047],
  [1024, 2175],
  [4096, 8319],
  [65536, 131199],
];

for (const build of BUILDS) {
  const setup = suite(`io_setup (${build})`);

  setup('checks the pointer, then the word and the number, then the quota', async () => {
    const { ring } = await open(build);
    const at = (pointer: number, count: number) =>
      ring.machine.core.call((exports) => exports.aioSetup(count, pointer));
    for (const pointer of [0, ...ring.outside])
      for (const count of [0, 1, -1000]) assert.is(at(pointer, count), EFAULT, `${count} at ${pointer}`);
    assert.equal(ring.setup(0), { result: EINVAL, handle: 0 });
    assert.equal(ring.setup(1, 5), { result: EINVAL, handle: 5 });
    for (const count of [4194305, -1, -1000]) assert.equal(ring.setup(count), { result: EINVAL, handle: 0 });
    for (const count of [65537, 4194304, 0x80000000])
      assert.equal(ring.setup(count), { result: EAGAIN, handle: 0 });
  });

  setup('the quota counts what was asked for, and io_destroy gives it back', async () => {
    const { ring, handle } = await open(build);
    assert.is(ring.destroy(handle), 0);
    const big = ring.open(65535);
    ring.open(1);
    assert.is(ring.setup(1).result, EAGAIN);
    assert.is(ring.destroy(big), 0);
    assert.is(ring.setup(65535).result, 0);
  });

  setup('256 contexts live together, each with a handle of its own', async () => {
    const { ring, handle } = await open(build);
    const handles = [handle, ...Array.from({ length: 255 }, () => ring.open(1))];
    assert.is(new Set(handles).size, 256);
    assert.is(ring.setup(1).result < 0, true);
    for (const one of handles) assert.is(ring.destroy(one), 0);
  });

  setup('the ring header is what Linux maps', async () => {
    const { ring, handle: first } = await open(build);
    assert.is(ring.destroy(first), 0);
    for (const [asked, nr] of NR_OF) {
      const handle = ring.open(asked);
      assert.is(handle % 4096, 0);
      const header = Array.from({ length: 8 }, (_, index) => ring.view.getUint32(handle + index * 4, true));
      assert.equal(header, [0, nr, 0, 0, 0xa10a10a1, 1, 0, 32]);
      assert.is(ring.destroy(handle), 0);
    }
  });

  setup('a handle that is none is refused by every call', async () => {
    const { ring, handle } = await open(build);
    for (const bad of [0, handle + 32, handle + 4096, ring.allocate(64), ...ring.outside]) {
      assert.is(ring.submitRaw(bad, 0, 0), EINVAL);
      assert.is(ring.submitRaw(bad, -1, 0), EINVAL);
      assert.is(ring.getEventsRaw(bad, 0, 0, 0, 0), EINVAL);
      assert.is(ring.destroy(bad), EINVAL);
    }
  });

  setup('a copy of a ring somewhere else is no context', async () => {
    const { ring, handle } = await open(build);
    const copy = ring.allocate(64, 4096);
    ring.bytes.copyWithin(copy, handle, handle + 64);
    assert.is(ring.destroy(copy), EINVAL);
    ring.view.setUint32(copy, 255, true);
    assert.is(ring.destroy(copy), EINVAL);
    ring.view.setUint32(copy, 0xffffffff, true);
    assert.is(ring.destroy(copy), EINVAL);
  });

  setup.run();

  const submit = suite(`io_submit (${build})`);

  submit('nr is looked at before the context, and nothing is touched for 0', async () => {
    const { ring, handle } = await open(build);
    assert.is(ring.submitRaw(handle, 0, 0), 0);
    assert.is(ring.submitRaw(handle, -1, 0), EINVAL);
    assert.is(ring.submitRaw(12345, 0, 0), EINVAL);
  });

  submit('an event carries data and obj whole, res in 64 bits and res2 of 0', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const data = 2n ** 64n - 2n;
    const iocb = ring.iocb({ data, opcode: PREAD, fd, buf: buffer, nbytes: 100, offset: 3 });
    assert.is(ring.submit(handle, [iocb]), 1);
    ring.machine.run();
    const late = ring.iocb({ opcode: PWRITE, fd, buf: buffer, nbytes: 1, offset: SIZE });
    assert.is(ring.submit(handle, [late]), 1);
    ring.machine.run();
    const events = ring.allocate(64);
    assert.is(ring.getEventsRaw(handle, 2, 2, events, 0), 2);
    const words = Array.from({ length: 8 }, (_, index) => ring.view.getBigInt64(events + index * 8, true));
    assert.equal(words, [-2n, BigInt(iocb), 100n, 0n, 0n, BigInt(late), BigInt(ENOSPC), 0n]);
  });

  submit('the ring holds the event behind its 32-byte header, and head and tail move', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ data: 77, opcode: PREAD, fd, buf: buffer, nbytes: 8 });
    ring.submit(handle, [iocb]);
    ring.machine.run();
    const headAndTail = () => [8, 12].map((at) => ring.view.getUint32(handle + at, true));
    assert.equal(headAndTail(), [0, 1]);
    const words = [32, 40, 48, 56].map((at) => ring.view.getBigUint64(handle + at, true));
    assert.equal(words, [77n, BigInt(iocb), 8n, 0n]);
    assert.is(ring.getEvents(handle, 1, 1).result, 1);
    assert.equal(headAndTail(), [1, 1]);
  });

  submit('of an iocb only the key is written, and that is 0', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ data: 7, key: 77, opcode: PREAD, fd, buf: buffer, nbytes: 8, resfd: 99 });
    const before = ring.bytes.slice(iocb, iocb + 64);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    assert.is(ring.submit(handle, [iocb]), 1);
    before.fill(0, 8, 12);
    assert.equal(ring.bytes.slice(iocb, iocb + 64), before);
  });

  submit('stops at the first failure: what stands before it is accepted, its error is lost', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const good = { opcode: PREAD, fd, buf: buffer, nbytes: 512 };
    const iocbs = [good, { ...good, fd: 999 }, good].map((fields) => ring.iocb(fields));
    assert.is(ring.submit(handle, iocbs), 1);
    assert.is(ring.results(handle).length, 1);
    assert.is(ring.submit(handle, iocbs.slice(1)), EBADF);
    assert.equal(ring.results(handle), []);
    assert.is(machine.counters.aio.partialSubmits, 1);
  });

  submit('a bad pointer array, iocb pointer, or one past it is EFAULT or a short count', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const good = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    for (const bad of [0, ...ring.outside]) {
      assert.is(ring.submitRaw(handle, 1, bad), EFAULT, `array at ${bad}`);
      assert.is(ring.submit(handle, [bad]), EFAULT, `iocb at ${bad}`);
      assert.is(ring.submit(handle, [good, bad, good]), 1);
    }
    assert.is(ring.results(handle).length, ring.outside.length + 1);
  });

  const CHECKS: readonly [name: string, fields: Iocb, expected: number][] = [
    ['reserved2 before the descriptor', { reserved2: 1, fd: 999 }, EINVAL],
    ['the high half of reserved2', { reserved2: 2n ** 63n }, EINVAL],
    ['a buffer above 4 GiB', { buf: 2n ** 32n, fd: 999 }, EINVAL],
    ['a negative length', { nbytes: 2n ** 63n, fd: 999 }, EINVAL],
    ['the descriptor before the opcode', { fd: 999, opcode: 77 }, EBADF],
    ['descriptor -1', { fd: 0xffffffff }, EBADF],
    ['descriptor 0', { fd: 0 }, EBADF],
    ['an eventfd that is not open', { flags: 1, resfd: 999, opcode: 77 }, EBADF],
    ['an eventfd that is a drive', { flags: 1, resfd: 3, opcode: 77 }, EINVAL],
    ['opcode 4', { opcode: 4 }, EINVAL],
    ['opcode NOOP', { opcode: 6 }, EINVAL],
    ['opcode 9', { opcode: 9 }, EINVAL],
    ['opcode 65,535', { opcode: 65535 }, EINVAL],
    ['the priority class before the rw flags', { flags: 2, priority: 4 << 13, rwFlags: 0x200 }, EINVAL],
    ['real-time priority', { flags: 2, priority: (1 << 13) | 3 }, EPERM],
    ['an unknown rw flag before the buffer', { rwFlags: 0x200, buf: 64 }, EOPNOTSUPP],
    ['RWF_ATOMIC', { rwFlags: 0x40 }, EOPNOTSUPP],
    ['a buffer of the core', { buf: 64, offset: -1 }, EFAULT],
    ['a buffer at NULL', { buf: 0 }, EFAULT],
    ['offset -1', { offset: -1 }, EINVAL],
    ['an end behind 2^63 - 1', { offset: 2n ** 63n - 511n }, EINVAL],
    ['1,025 segments', { opcode: PREADV, buf: 64, nbytes: 1025 }, EINVAL],
    ['segments in memory of the core', { opcode: PREADV, buf: 64, nbytes: 1 }, EFAULT],
    ['FSYNC with a length', { opcode: FSYNC, buf: 0 }, EINVAL],
    ['FSYNC with a buffer', { opcode: FSYNC, nbytes: 0 }, EINVAL],
    ['FDSYNC with an offset', { opcode: FDSYNC, buf: 0, nbytes: 0, offset: 1 }, EINVAL],
    ['FSYNC with rw flags', { opcode: FSYNC, buf: 0, nbytes: 0, rwFlags: 2 }, EINVAL],
    ['POLL with a length', { opcode: POLL, buf: 1 }, EINVAL],
    ['POLL with a mask of 17 bits', { opcode: POLL, buf: 0x10000, nbytes: 0 }, EINVAL],
  ];
  for (const [name, fields, expected] of CHECKS) {
    submit(`refuses ${name} with ${expected}, no event and no slot lost`, async () => {
      const { machine, ring, handle, fd, buffer } = await open(build);
      const whole = { opcode: PREAD, fd, buf: buffer, nbytes: 512, ...fields };
      for (let round = 0; round < 300; round++) {
        const mark = ring.mark();
        assert.is(ring.submitOne(handle, whole), expected);
        ring.release(mark);
      }
      assert.equal(ring.results(handle), []);
      checkIdle(machine);
      assert.is(ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512 }), 1);
      assert.equal(ring.results(handle), [512]);
    });
  }

  submit('unknown aio_flags, RWF_HIPRI, and a priority without its flag are ignored', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const good = { opcode: PREAD, fd, buf: buffer, nbytes: 512 };
    for (const fields of [
      { flags: 4 },
      { flags: 0x80000000 },
      { rwFlags: 1 },
      { priority: 0xffff },
      { flags: 2, priority: 2 << 13 },
      { flags: 2, priority: 3 << 13 },
    ])
      assert.is(ring.submitOne(handle, { ...good, ...fields }), 1);
    assert.equal(ring.results(handle), new Array(6).fill(512));
  });

  submit('each direction needs the descriptor to be open for it', async () => {
    const { machine, ring, handle, buffer } = await open(build);
    const readOnly = machine.openFile('drive0', { readOnly: true }).descriptor;
    const writeOnly = machine.core.call((exports) => exports.fileOpen(0, 2));
    const one = (opcode: number, fd: number, rwFlags = 0) =>
      ring.submitOne(handle, { opcode, fd, buf: buffer, nbytes: 1, rwFlags });
    for (const opcode of [PWRITE, PWRITEV]) assert.is(one(opcode, readOnly), EBADF);
    for (const opcode of [PREAD, PREADV]) assert.is(one(opcode, writeOnly), EBADF);
    assert.is(one(PWRITE, readOnly, 0x200), EOPNOTSUPP);
    assert.is(one(PWRITE, writeOnly), 1);
    assert.is(one(PREAD, readOnly), 1);
    assert.is(ring.submitOne(handle, { opcode: FSYNC, fd: readOnly }), 1);
    assert.equal(ring.results(handle), [1, 1, 0]);
  });

  submit('iocb, iovecs and pointer array may be overwritten at once', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
    const data = pattern(1024);
    ring.bytes.set(data, buffer);
    const iovecs = ring.iovecs([
      [buffer, 512],
      [buffer + 512, 512],
    ]);
    const iocb = ring.iocb({ data: 42, opcode: PWRITEV, fd, buf: iovecs, nbytes: 2, offset: 512 });
    assert.is(ring.submit(handle, [iocb]), 1);
    ring.bytes.fill(0xff, iocb, iocb + 64);
    ring.bytes.fill(0xff, iovecs, iovecs + 32);
    assert.equal(ring.getEvents(handle, 1, 1).events, [{ data: 42, obj: iocb, res: 1024, res2: 0 }]);
    assert.equal(machine.openFile('drive0').read(1024, 512), data);
  });

  submit('one iocb twice in one call is two requests with one obj', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ data: 5, opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    assert.is(ring.submit(handle, [iocb, iocb]), 2);
    ring.machine.run();
    const event = { data: 5, obj: iocb, res: 512, res2: 0 };
    assert.equal(ring.getEvents(handle, 2, 4).events, [event, event]);
  });

  submit('closing the descriptor does not disturb what is in flight', async () => {
    const { machine, ring, handle, buffer } = await open(build, {}, FIXED);
    const file = machine.openFile('drive0', { direct: true });
    const iocb = { opcode: PREAD, fd: file.descriptor, buf: buffer, nbytes: 512 };
    assert.is(ring.submitOne(handle, iocb), 1);
    file.close();
    assert.is(ring.submitOne(handle, iocb), EBADF);
    assert.equal(ring.results(handle), [512]);
    assert.is(ring.bytes[buffer], 0);
    checkIdle(machine);
  });

  submit('exactly nr - 1 requests fit until an event is reaped; completion alone frees nothing', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    assert.is(ring.submit(handle, new Array(120).fill(iocb)), 120);
    machine.run();
    assert.is(ring.submit(handle, new Array(20).fill(iocb)), 6);
    assert.is(ring.submit(handle, [iocb]), EAGAIN);
    machine.run();
    assert.is(ring.submit(handle, [iocb]), EAGAIN);
    assert.is(ring.getEvents(handle, 1, 1).result, 1);
    assert.is(ring.submit(handle, [iocb, iocb]), 1);
    machine.run();
    assert.is(ring.getEvents(handle, 0, 1000).result, 126);
    checkIdle(machine);
  });

  submit('a slot that a rejected iocb did not need is still there', async () => {
    const { ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    const bad = ring.iocb({ opcode: 77, fd });
    assert.is(ring.submit(handle, new Array(125).fill(iocb)), 125);
    assert.is(ring.submit(handle, [bad]), EINVAL);
    assert.is(ring.submit(handle, [iocb]), 1);
    assert.is(ring.submit(handle, [bad]), EAGAIN, 'a slot is asked for before the opcode is looked at');
    assert.is(ring.submitOne(handle, { reserved2: 1 }), EINVAL, 'but after the reserved word');
  });

  submit('slots come back when the client moves head itself', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    let accepted = 0;
    for (let round = 0; round < 5; round++) {
      assert.is(ring.submit(handle, new Array(127).fill(iocb)), 126);
      accepted += 126;
      machine.run();
      assert.is(ring.view.getUint32(handle + 12, true), accepted % 127, 'tail');
      ring.view.setUint32(handle + 8, accepted % 127, true);
    }
    assert.is(ring.getEvents(handle, 0, 10).result, 0);
    checkIdle(machine);
  });

  submit('a head and a tail that the client has spoilt hurt nobody but the client', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const other = ring.open(1);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    for (const garbage of [127, 128, 0x7fffffff, 0xffffffff]) {
      for (const at of [4, 8, 12, 16, 28]) {
        ring.view.setUint32(handle + at, garbage, true);
        assert.ok(ring.submit(handle, new Array(130).fill(iocb)) <= 126);
        machine.run();
        assert.ok(ring.getEvents(handle, 0, 500).result <= 126);
      }
      ring.view.setUint32(handle + 8, 0, true);
      ring.view.setUint32(handle + 12, 0, true);
    }
    assert.is(ring.submit(other, [iocb]), 1);
    assert.equal(ring.results(other), [512]);
    assert.is(ring.destroy(handle), 0);
    checkIdle(machine);
  });

  submit.run();

  const transfer = suite(`transfers (${build})`);

  for (const direct of [false, true]) {
    const how = direct ? 'direct' : 'buffered';

    transfer(`${how}: writes then reads move the bytes named, and no others`, async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct });
      const data = pattern(4096, 9);
      ring.bytes.set(data, buffer);
      ring.submitOne(handle, { opcode: PWRITE, fd, buf: buffer, nbytes: 4096, offset: 1024 });
      assert.equal(ring.results(handle), [4096]);
      const target = buffer + 16384;
      ring.submitOne(handle, { opcode: PREAD, fd, buf: target, nbytes: 3072, offset: 1536 });
      assert.equal(ring.results(handle), [3072]);
      assert.equal(ring.bytes.slice(target, target + 3072), data.slice(512, 3584));
      assert.is(ring.bytes[target - 1], 0x11);
      assert.is(ring.bytes[target + 3072], 0x11);
      const drive = machine.openFile('drive0').read(8192, 0);
      const expected = new Uint8Array(8192);
      expected.set(data, 1024);
      assert.equal(drive, expected);
    });

    transfer(
      `${how}: at the end of the drive transfers are short, reads behind it 0, writes ENOSPC`,
      async () => {
        const { machine, ring, handle, fd, buffer } = await open(build, { direct });
        const one = (opcode: number, nbytes: number, offset: number | bigint) => {
          assert.is(ring.submitOne(handle, { opcode, fd, buf: buffer, nbytes, offset }), 1);
          return ring.results(handle)[0];
        };
        for (const [opcode, behind] of [
          [PREAD, 0],
          [PWRITE, ENOSPC],
        ] as const) {
          assert.is(one(opcode, 1024, SIZE - 1024), 1024);
          assert.is(one(opcode, 2048, SIZE - 1024), 1024);
          assert.is(one(opcode, 512, SIZE), behind);
          assert.is(one(opcode, 512, SIZE + 4096), behind);
          assert.is(one(opcode, 512, 2n ** 62n), behind);
          for (const offset of [0, 1, SIZE, SIZE + 5, 2n ** 63n - 1n]) assert.is(one(opcode, 0, offset), 0);
        }
        assert.is(machine.openFile('drive0').size, SIZE);
        checkIdle(machine);
      },
    );

    transfer(`${how}: segments are taken in order, empty ones skipped`, async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct });
      const data = pattern(2048, 4);
      ring.bytes.set(data, buffer);
      const vectored = (opcode: number, segments: [number, number][]) => {
        const buf = ring.iovecs(segments);
        assert.is(ring.submitOne(handle, { opcode, fd, buf, nbytes: segments.length, offset: 512 }), 1);
        return ring.results(handle)[0];
      };
      const written: [number, number][] = [
        [buffer + 1024, 512],
        [0, 0],
        [buffer, 1024],
        [buffer + 1536, 512],
      ];
      assert.is(vectored(PWRITEV, written), 2048);
      const expected = new Uint8Array(2048);
      expected.set(data.subarray(1024, 1536), 0);
      expected.set(data.subarray(0, 1024), 512);
      expected.set(data.subarray(1536), 1536);
      assert.equal(machine.openFile('drive0').read(2048, 512), expected);
      const target = buffer + 8192;
      const read: [number, number][] = [
        [target + 512, 512],
        [target + 1024, 1024],
        [target, 512],
      ];
      assert.is(vectored(PREADV, read), 2048);
      assert.equal(ring.bytes.slice(target + 512, target + 2048), expected.slice(0, 1536));
      assert.equal(ring.bytes.slice(target, target + 512), expected.slice(1536));
      checkIdle(machine);
    });
  }

  transfer('1,024 segments are accepted, and a count of 0 needs no array', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const buf = ring.iovecs(Array.from({ length: 1024 }, (_, index) => [buffer + 3 * index, 3]));
    assert.is(ring.submitOne(handle, { opcode: PWRITEV, fd, buf, nbytes: 1024, offset: 1 }), 1);
    assert.is(ring.submitOne(handle, { opcode: PREADV, fd, buf: 64, nbytes: 0 }), 1);
    assert.equal(
      ring.results(handle).sort((a, b) => a - b),
      [0, 3072],
    );
    checkIdle(machine);
  });

  transfer(
    'a bad base ends a vectored transfer before it, and is EFAULT when nothing stands before it',
    async () => {
      const { machine, ring, handle, fd, buffer } = await open(build);
      for (const bad of [0, ...ring.outside, 2n ** 32n + BigInt(buffer), 2n ** 64n - 16n]) {
        for (const opcode of [PREADV, PWRITEV]) {
          const good = [buffer, 512] as const;
          const after = ring.iovecs([good, [bad, 512], good]);
          assert.is(ring.submitOne(handle, { opcode, fd, buf: after, nbytes: 3 }), 1);
          assert.equal(ring.results(handle), [512]);
          const first = ring.iovecs([[bad, 512], good]);
          assert.is(ring.submitOne(handle, { opcode, fd, buf: first, nbytes: 2 }), EFAULT);
        }
      }
      const negative = ring.iovecs([
        [buffer, 512],
        [buffer, 2n ** 63n],
      ]);
      assert.is(ring.submitOne(handle, { opcode: PREADV, fd, buf: negative, nbytes: 2 }), EINVAL);
      const array = ring.machine.core.memory.bytes.length - 16;
      assert.is(ring.submitOne(handle, { opcode: PREADV, fd, buf: array, nbytes: 2 }), EFAULT);
      checkIdle(machine);
    },
  );

  transfer('a buffer that reaches past client memory is EFAULT, whatever its length', async () => {
    const { machine, ring, handle, fd } = await open(build);
    const last = ring.bytes.length;
    for (const [buf, nbytes] of [
      [last - 511, 512],
      [last, 1],
      [0xffffffff, 1],
      [0xfffffe00, 1024],
      [64, 2n ** 63n - 1n],
    ] as const)
      assert.is(ring.submitOne(handle, { opcode: PREAD, fd, buf, nbytes }), EFAULT, `${buf} + ${nbytes}`);
    checkIdle(machine);
  });

  transfer('O_DIRECT: a misaligned request is accepted, and its event is EINVAL', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true });
    const one = (fields: Iocb) => {
      assert.is(ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, ...fields }), 1);
      return ring.results(handle)[0];
    };
    assert.is(one({ nbytes: 100 }), EINVAL);
    assert.is(one({ offset: 1 }), EINVAL);
    assert.is(one({ opcode: PWRITE, offset: 511 }), EINVAL);
    assert.is(one({ nbytes: 0, offset: 1 }), 0);
    assert.is(one({ buf: buffer + 3 }), 512, 'memory may be anywhere');
    const vectored = (lengths: number[]) => {
      const buf = ring.iovecs(lengths.map((length) => [buffer, length]));
      return one({ opcode: PREADV, buf, nbytes: lengths.length });
    };
    assert.is(vectored([100, 412]), EINVAL);
    assert.is(vectored([512, 1024]), 1536);
    assert.is(machine.counters.drive.writes, 0);
    checkIdle(machine);
  });

  transfer('RWF_DSYNC and RWF_SYNC make a write durable, buffered or direct', async () => {
    for (const direct of [false, true]) {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct });
      const uncertain = () => machine.volatileWrites() + machine.counters.cache.nrDirty;
      for (const rwFlags of [2, 4]) {
        ring.submitOne(handle, { opcode: PWRITE, fd, buf: buffer, nbytes: 512, rwFlags });
        assert.equal(ring.results(handle), [512]);
        assert.is(uncertain(), 0);
      }
      ring.submitOne(handle, { opcode: PWRITE, fd, buf: buffer, nbytes: 512 });
      assert.equal(ring.results(handle), [512]);
      assert.is(uncertain(), 1);
    }
  });

  transfer('RWF_APPEND writes to the end of a file and where it is told on a drive', async () => {
    const config = { files: [{ name: 'log', capacity: 65536, size: 100 }] };
    const { machine, ring, handle, fd, buffer } = await open(build, {}, config);
    const log = machine.openFile('log');
    const appending = machine.openFile('log', { append: true });
    const write = { opcode: PWRITE, buf: buffer, nbytes: 10, offset: 0 };
    ring.submitOne(handle, { ...write, fd: log.descriptor, rwFlags: 16 });
    assert.equal(ring.results(handle), [10]);
    assert.is(log.size, 110);
    ring.submitOne(handle, { ...write, fd: appending.descriptor });
    assert.equal(ring.results(handle), [10]);
    assert.is(log.size, 120);
    ring.bytes.fill(0x22, buffer, buffer + 10);
    ring.submitOne(handle, { ...write, fd, offset: 131072, rwFlags: 16 });
    assert.equal(ring.results(handle), [10]);
    assert.is(machine.openFile('drive0').read(1, 131072)[0], 0x22);
  });

  transfer('FSYNC and FDSYNC answer 0 and leave nothing dirty or volatile', async () => {
    for (const opcode of [FSYNC, FDSYNC]) {
      const { machine, ring, handle, fd, buffer } = await open(build);
      ring.submitOne(handle, { opcode: PWRITE, fd, buf: buffer, nbytes: 8192 });
      assert.equal(ring.results(handle), [8192]);
      assert.is(machine.counters.cache.nrDirty, 2);
      assert.is(ring.submitOne(handle, { opcode, fd }), 1);
      assert.equal(ring.results(handle), [0]);
      assert.equal([machine.counters.cache.nrDirty, machine.volatileWrites()], [0, 0]);
      assert.is(machine.counters.drive.flushes, 1);
      checkIdle(machine);
    }
  });

  transfer('POLL answers at once which of the asked bits are ready', async () => {
    const { machine, ring, handle, fd } = await open(build, {}, FIXED);
    for (const [mask, ready] of [
      [1, 1],
      [4, 4],
      [5, 5],
      [0x145, 0x145],
      [0xffff, 0x145],
      [2, 0],
    ] as const) {
      assert.is(ring.submitOne(handle, { data: mask, opcode: POLL, fd, buf: mask }), 1);
      const { events } = ring.getEvents(handle, 1, 1);
      assert.equal([events[0]?.data, events[0]?.res], [mask, ready]);
    }
    assert.is(machine.nowNs, 0);
    checkIdle(machine);
  });

  transfer('FSYNC is no barrier: it covers what had completed when it was submitted', async () => {
    // the write takes longer than the flush, on a channel of its own
    const latencyNs = { write: 5_000_000, flush: 1000 };
    for (const isReaped of [true, false]) {
      const drives = [{ size: SIZE, channels: 2, latencyNs }];
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, { drives });
      ring.submitOne(handle, { data: 1, opcode: PWRITE, fd, buf: buffer, nbytes: 512 });
      if (isReaped) assert.is(ring.getEvents(handle, 1, 1).events[0]?.data, 1);
      ring.submitOne(handle, { data: 2, opcode: FSYNC, fd });
      assert.is(ring.getEvents(handle, 1, 1).events[0]?.data, 2);
      const memory = machine.memory();
      machine.cutPower({ keep: 'none' });
      const left = new Uint8Array(512);
      memory.read(left, 0);
      assert.equal([...new Set(left)], [isReaped ? 0x11 : 0]);
    }
  });

  transfer.run();

  const reap = suite(`io_getevents (${build})`);

  reap('checks the timeout pointer, the context, then min and nr', async () => {
    const { ring, handle } = await open(build);
    const events = ring.allocate(64);
    for (const bad of ring.outside) assert.is(ring.getEventsRaw(12345, 5, 1, events, bad), EFAULT);
    assert.is(ring.getEventsRaw(handle, 2, 1, events, 0), EINVAL);
    assert.is(ring.getEventsRaw(handle, -1, 1, events, 0), EINVAL);
    assert.is(ring.getEventsRaw(handle, 0, -1, events, 0), EINVAL);
    assert.is(ring.getEventsRaw(handle, 0, 0, 0, 0), 0);
    assert.is(ring.getEventsRaw(handle, 0, 1, events, 0), 0);
  });

  reap('min 0 takes what is there and never waits, whatever the timeout says', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    assert.is(ring.getEvents(handle, 0, 8).result, 0);
    assert.is(ring.getEvents(handle, 0, 8, 5e9).result, 0);
    assert.is(machine.nowNs, 0);
    machine.advance(LATENCY_NS);
    assert.is(ring.getEvents(handle, 0, 8).result, 1);
  });

  reap('with min it waits in virtual time until that many are there', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
    for (let index = 0; index < 4; index++)
      ring.submitOne(handle, {
        data: index,
        opcode: PREAD,
        fd,
        buf: buffer,
        nbytes: 512,
        offset: index * 8192,
      });
    const first = ring.getEvents(handle, 3, 8);
    assert.equal(
      first.events.map(({ data }) => data),
      [0, 1, 2],
    );
    assert.is(machine.nowNs, 3 * LATENCY_NS);
    assert.is(ring.getEvents(handle, 1, 8).events[0]?.data, 3);
  });

  reap('never takes more than nr, oldest first', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    for (let index = 0; index < 5; index++)
      ring.submitOne(handle, { data: index, opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    machine.run();
    for (const expected of [[0, 1], [2, 3], [4], []])
      assert.equal(
        ring.getEvents(handle, 0, 2).events.map(({ data }) => data),
        expected,
      );
  });

  reap('events go round and round the ring, also within one call', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    for (let first = 0; first < 500; first += 50) {
      for (let data = first; data < first + 50; data++) {
        const mark = ring.mark();
        ring.submitOne(handle, { data, opcode: PREAD, fd, buf: buffer, nbytes: 1 });
        ring.release(mark);
      }
      machine.run();
      assert.equal(
        ring.getEvents(handle, 50, 60).events.map(({ data }) => data),
        Array.from({ length: 50 }, (_, index) => first + index),
      );
      assert.is(ring.view.getUint32(handle + 8, true), (first + 50) % 127);
    }
  });

  reap(
    'a timeout that runs out gives fewer than min, moves the clock to it, and is not an error',
    async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
      for (let index = 0; index < 2; index++)
        ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, offset: index * 8192 });
      const timeout = ring.timespec(0, 20_000_000);
      const before = ring.bytes.slice(timeout, timeout + 16);
      const events = ring.allocate(96);
      assert.is(ring.getEventsRaw(handle, 3, 3, events, timeout), 2);
      assert.is(machine.nowNs, 20_000_000);
      assert.equal(ring.bytes.slice(timeout, timeout + 16), before);
      assert.is(ring.getEventsRaw(handle, 3, 3, events, timeout), 0);
      assert.is(machine.nowNs, 40_000_000);
    },
  );

  reap('a timeout between two completions gives the first, and one on the dot gives both', async () => {
    for (const [timeoutNs, expected] of [
      [LATENCY_NS - 1, 0],
      [LATENCY_NS, 1],
      [2 * LATENCY_NS - 1, 1],
      [2 * LATENCY_NS, 2],
    ] as const) {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
      for (let index = 0; index < 2; index++)
        ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, offset: index * 8192 });
      assert.is(ring.getEvents(handle, 2, 2, timeoutNs).result, expected);
      assert.is(machine.nowNs, timeoutNs);
    }
  });

  reap(
    'a timeout of {0, 0} polls; nanoseconds above a second count; a negative part waits for ever',
    async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
      const read = { opcode: PREAD, fd, buf: buffer, nbytes: 512 };
      const events = ring.allocate(64);
      ring.submitOne(handle, read);
      assert.is(ring.getEvents(handle, 1, 1, 0).result, 0);
      assert.is(machine.nowNs, 0);
      assert.is(ring.getEventsRaw(handle, 2, 2, events, ring.timespec(0, 2_000_000_000)), 1);
      assert.is(machine.nowNs, 2_000_000_000);
      for (const timeout of [ring.timespec(-1, 0), ring.timespec(0, -1)]) {
        const before = machine.nowNs;
        ring.submitOne(handle, read);
        assert.is(ring.getEventsRaw(handle, 1, 1, events, timeout), 1);
        assert.is(machine.nowNs, before + LATENCY_NS);
      }
    },
  );

  reap('when nothing can happen any more it answers what there is', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true });
    assert.is(ring.getEvents(handle, 1, 1).result, 0);
    machine.holdCompletions(true);
    ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    assert.is(ring.getEvents(handle, 1, 1).result, 0);
    machine.holdCompletions(false);
    assert.is(ring.getEvents(handle, 1, 1).result, 1);
  });

  reap('an address that can not take the events is EFAULT, and they stay', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    for (const bad of [0, ...ring.outside]) {
      assert.is(ring.getEventsRaw(handle, 0, 1, bad, ring.timespec(0, 0)), 0, 'not touched when empty');
      ring.submitOne(handle, { data: 9, opcode: PREAD, fd, buf: buffer, nbytes: 512 });
      machine.run();
      assert.is(ring.getEventsRaw(handle, 1, 1, bad, 0), EFAULT);
      assert.is(ring.getEvents(handle, 1, 1).events[0]?.data, 9);
    }
  });

  reap('completions are in the order in which the drive ends the requests', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true });
    machine.holdCompletions(true);
    for (let index = 0; index < 4; index++)
      ring.submitOne(handle, {
        data: index,
        opcode: PREAD,
        fd,
        buf: buffer,
        nbytes: 512,
        offset: index * 8192,
      });
    machine.run();
    assert.is(machine.heldCompletions(), 4);
    for (const index of [2, 0, 1, 0]) machine.releaseCompletion(index);
    assert.equal(
      ring.getEvents(handle, 4, 8).events.map(({ data }) => data),
      [2, 0, 3, 1],
    );
  });

  reap('events of one context are never another one’s', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const other = ring.open(1);
    for (let index = 0; index < 6; index++)
      ring.submitOne(index % 2 === 0 ? handle : other, {
        data: index,
        opcode: PREAD,
        fd,
        buf: buffer,
        nbytes: 1,
      });
    machine.run();
    const seen = [handle, other].map((one) => ring.getEvents(one, 0, 8).events.map(({ data }) => data));
    assert.equal(seen, [
      [0, 2, 4],
      [1, 3, 5],
    ]);
  });

  reap.run();

  const end = suite(`io_cancel and io_destroy (${build})`);

  end('no read can be cancelled: an unreadable key is EFAULT, everything else EINVAL', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, { direct: true });
    // of the 64 bytes only the key is looked at, and that of the second lies in client memory
    const outside = ring.outside.filter((_, index) => index !== 1);
    for (const bad of [0, ...outside]) assert.is(ring.cancel(12345, bad), EFAULT);
    const keyed = ring.iocb({ key: 1 });
    assert.is(ring.cancel(handle, keyed), EINVAL);
    assert.is(ring.cancel(12345, ring.iocb({})), EINVAL);
    machine.holdCompletions(true);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    ring.submit(handle, [iocb]);
    assert.is(ring.cancel(handle, iocb), EINVAL);
    machine.holdCompletions(false);
    assert.equal(ring.results(handle), [512]);
    assert.is(ring.cancel(handle, iocb), EINVAL);
  });

  end(
    'io_destroy waits for what is in flight; afterwards no buffer changes and the handle is none',
    async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true }, FIXED);
      for (let index = 0; index < 3; index++)
        ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512, offset: index * 8192 });
      assert.is(ring.destroy(handle), 0);
      assert.is(machine.nowNs, 3 * LATENCY_NS);
      ring.bytes.fill(0x33, buffer, buffer + 512);
      machine.run();
      assert.equal([...new Set(ring.bytes.slice(buffer, buffer + 512))], [0x33]);
      checkIdle(machine);
      assert.is(ring.destroy(handle), EINVAL);
      assert.is(ring.getEventsRaw(handle, 0, 0, 0, 0), EINVAL);
      assert.is(ring.submitRaw(handle, 0, 0), EINVAL);
    },
  );

  end(
    'io_destroy with requests that a held drive keeps is EDEADLK, and works when they are let go',
    async () => {
      const { machine, ring, handle, fd, buffer } = await open(build, { direct: true });
      machine.holdCompletions(true);
      ring.submitOne(handle, { opcode: PREAD, fd, buf: buffer, nbytes: 512 });
      assert.is(ring.destroy(handle), EDEADLK);
      machine.holdCompletions(false);
      assert.is(ring.destroy(handle), 0);
      checkIdle(machine);
    },
  );

  end('unreaped events go with their context, and the next one starts empty', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build);
    const iocb = ring.iocb({ opcode: PREAD, fd, buf: buffer, nbytes: 512 });
    ring.submit(handle, new Array(126).fill(iocb));
    machine.run();
    assert.is(ring.destroy(handle), 0);
    const next = ring.open(1);
    assert.is(ring.getEvents(next, 0, 8).result, 0);
    assert.is(ring.submit(next, new Array(126).fill(iocb)), 126);
    checkIdle(machine);
  });

  end('records of a request and of its event tell which context it was', async () => {
    const { machine, ring, handle, fd, buffer } = await open(build, {}, { records: 4096 });
    machine.records.take();
    const numbers = [handle, ring.open(1)].map((context) => {
      ring.submitOne(context, { opcode: PREAD, fd, buf: buffer, nbytes: 4096 });
      assert.equal(ring.results(context), [4096]);
      const made = machine.records.take();
      const [accepted] = made.filter(({ kind }) => kind === 'aioAccepted');
      const ended = made.filter(({ kind }) => kind === 'aioEvent');
      const { detail = 0, id = 0 } = accepted ?? {};
      assert.is(detail & 0xff, PREAD, 'the opcode is below the number');
      const number = detail >>> 8;
      assert.equal(
        ended.map((record) => [record.device, record.id]),
        [[number, id]],
      );
      return number;
    });
    assert.is(new Set(numbers).size, 2);
    checkIdle(machine);
  });

  end.run();
}
