// aio_rw_flags: which bits io_submit takes, and what they do. RWF_NOWAIT is in test/assembly/cache/nowait.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  RWF_APPEND,
  RWF_ATOMIC,
  RWF_DONTCACHE,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOSIGNAL,
  RWF_NOWAIT,
} from '../../../src/public.ts';
import { BUILDS, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EINVAL, EOPNOTSUPP, FSYNC, POLL, PREAD, PREADV, PWRITE, PWRITEV, Ring } from './ring.ts';

const SIZE = 65536;

for (const build of BUILDS) {
  const flags = suite(`rw flags (${build})`);

  const open = async () => {
    const machine = await openMachine(build, {
      ...EXACT,
      drives: [{ size: SIZE }],
      files: [{ name: 'log', capacity: 32768, size: 100 }],
    });
    const ring = new Ring(machine);
    const buffer = ring.allocate(512, 512);
    ring.bytes.fill(0x41, buffer, buffer + 512);
    const whole = { fd: machine.openFile('drive0').descriptor, buf: buffer, nbytes: 10 };
    return { machine, ring, handle: ring.open(64), whole, buffer };
  };

  flags('the values are those of linux/fs.h', () => {
    assert.equal(
      [RWF_HIPRI, RWF_NOWAIT, RWF_APPEND, RWF_NOAPPEND, RWF_ATOMIC, RWF_DONTCACHE, RWF_NOSIGNAL],
      [1, 8, 16, 32, 64, 128, 256],
    );
  });

  flags('hints are taken and change nothing, alone and together', async () => {
    const { machine, ring, handle, whole } = await open();
    for (const rwFlags of [
      RWF_HIPRI,
      RWF_DONTCACHE,
      RWF_NOSIGNAL,
      RWF_HIPRI | RWF_DONTCACHE | RWF_NOSIGNAL,
    ]) {
      for (const opcode of [PREAD, PWRITE]) {
        assert.is(ring.submitOne(handle, { ...whole, opcode, rwFlags }), 1);
        assert.equal(ring.results(handle), [10]);
      }
    }
    assert.is(machine.counters.cache.readInPages, 1, 'what was read with DONTCACHE is cached');
    assert.is(machine.counters.drive.writes, 0);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  flags('ATOMIC and every unknown bit are EOPNOTSUPP at submit, APPEND with NOAPPEND is EINVAL', async () => {
    const { ring, handle, whole } = await open();
    const iovecs = ring.iovecs([[whole.buf, 10]]);
    for (const opcode of [PREAD, PWRITE, PREADV, PWRITEV]) {
      const isVectored = opcode === PREADV || opcode === PWRITEV;
      const one = (rwFlags: number) =>
        ring.submitOne(handle, {
          ...whole,
          opcode,
          rwFlags,
          ...(isVectored ? { buf: iovecs, nbytes: 1 } : {}),
        });
      assert.is(one(RWF_ATOMIC), EOPNOTSUPP);
      for (let bit = 9; bit < 32; bit++) assert.is(one(2 ** bit), EOPNOTSUPP, `bit ${bit}`);
      assert.is(one(RWF_APPEND | RWF_NOAPPEND), EINVAL);
      assert.is(one(RWF_APPEND | RWF_NOAPPEND | RWF_ATOMIC), EINVAL, 'before ATOMIC');
      assert.is(one(RWF_APPEND | RWF_NOAPPEND | 0x200), EOPNOTSUPP, 'behind unknown bits');
      assert.is(one(RWF_NOAPPEND), 1);
    }
    for (const opcode of [FSYNC, POLL])
      assert.is(ring.submitOne(handle, { fd: whole.fd, opcode, rwFlags: RWF_HIPRI }), EINVAL);
    assert.equal(ring.results(handle), new Array(4).fill(10));
  });

  flags('NOAPPEND writes where it is told although the file was opened with O_APPEND', async () => {
    const { machine, ring, handle, whole } = await open();
    const log = machine.openFile('log', { append: true });
    const one = (rwFlags: number) => {
      ring.submitOne(handle, { ...whole, fd: log.descriptor, opcode: PWRITE, offset: 20, rwFlags });
      return ring.results(handle)[0];
    };
    assert.is(one(RWF_NOAPPEND), 10);
    assert.is(log.size, 100);
    assert.equal([...log.read(12, 19)], [0, ...new Array(10).fill(0x41), 0]);
    assert.is(one(0), 10);
    assert.is(log.size, 110);
    assert.is(one(RWF_APPEND), 10);
    assert.is(log.size, 120);
  });

  flags.run();
}
