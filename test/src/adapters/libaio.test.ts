// The libaio adapter, called by hand: two memories, guest addresses, handles, error numbers, and nothing left behind.
//
// Rows 26 and 27 of the behaviours in the Linux AIO sheet, and what follows from there being two memories. A real program
// runs in test/peers/libaio.test.ts.

import { readFileSync } from 'node:fs';
import { wasi } from '@bjorn3/browser_wasi_shim';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LibaioOptions } from '../../../src/adapters/libaio.ts';
import { wasiErrno } from '../../../src/adapters/wasi/errno.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EVENTS, Guest, O_READ, O_WRITE } from './guest.ts';

const READ = 0;
const WRITE = 1;
const READV = 7;
const WRITEV = 8;
const EAGAIN = -6;
const EBADF = -8;
const EFAULT = -21;
const EINVAL = -28;
const ENOMEM = -48;
const BUFFER = 0x2000;
const KIB = 1024;

const libaio = suite('adapters/libaio');

async function open(
  build: Build,
  config: MachineConfig = {},
  options: LibaioOptions = {},
): Promise<[Machine, Guest]> {
  const machine = await openMachine(build, {
    files: [{ name: 'file', capacity: 65536, size: 4096 }],
    ...config,
  });
  return [machine, new Guest(machine, options)];
}

/** The end of a guest: nothing of it is left in the machine. */
function end(machine: Machine, ...guests: Guest[]): void {
  for (const guest of guests) guest.host.dispose();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  assert.is(machine.buffers.freeBytes, machine.buffers.capacity, 'client memory');
}

libaio("every error of the core has wasi-libc's number of the same name", () => {
  const source = readFileSync(new URL('../../../assembly/base/errno.ts', import.meta.url), 'utf8');
  const names = [...source.matchAll(/^export const (E[A-Z0-9]+) = (\d+);$/gm)];
  assert.ok(names.length > 20);
  const numbers = wasi as unknown as Record<string, number>;
  const unknown: string[] = [];
  for (const [, name = '', linux] of names) {
    const wanted = numbers[`ERRNO_${name === 'EOPNOTSUPP' ? 'NOTSUP' : name.slice(1)}`];
    if (wanted === undefined) unknown.push(name);
    assert.is(wasiErrno(Number(linux)), wanted ?? wasi.ERRNO_IO, name);
  }
  assert.ok(unknown.length < 6, `WASI has no number for ${unknown.join(', ')}`);
  assert.is(wasiErrno(9999), wasi.ERRNO_IO);
});

libaio(
  'as the package ships it, the adapter understands the errors of a machine from another bundle',
  async () => {
    const dist = new URL('../../../dist/', import.meta.url);
    const { Machine: Shipped } = await import(new URL('node/index.js', dist).href);
    const { libaioImports } = await import(new URL('adapters/libaio.js', dist).href);
    const machine = await Shipped.create({ files: [{ name: 'file', capacity: 65536 }] });
    const memory = new WebAssembly.Memory({ initial: 1 });
    const host = libaioImports(machine, memory);
    const { path_open, fd_filestat_set_size } = host.imports.wasi_snapshot_preview1;
    new Uint8Array(memory.buffer).set(new TextEncoder().encode('file'), 64);
    assert.is(path_open(3, 0, 64, 4, 0, O_READ | O_WRITE, 0n, 0, 0), 0);
    assert.is(path_open(3, 0, 64, 3, 0, O_READ, 0n, 0, 0), wasi.ERRNO_NOENT);
    assert.is(fd_filestat_set_size(4, 65537n), wasi.ERRNO_FBIG);
    host.dispose();
  },
);

for (const build of BUILDS) {
  libaio(`${build}: 26. garbage behind tv_nsec is not read, and EINVAL arrives as -28`, async () => {
    const [machine, guest] = await open(build);
    const context = guest.setup();
    const timespec = 0x900;
    guest.bytes.fill(0xff, timespec, timespec + 16);
    guest.view.setBigInt64(timespec, 0n, true);
    guest.view.setInt32(timespec + 8, 20_000_000, true);
    assert.is(guest.call('io_getevents', context, 1, 1, EVENTS, timespec), 0);
    assert.is(machine.nowNs, 20_000_000);
    assert.is(guest.call('io_getevents', context, 2, 1, EVENTS, 0), EINVAL);
    end(machine, guest);
  });

  libaio(`${build}: with errno 'linux' results and events carry the kernel's numbers`, async () => {
    for (const [errno, number] of [
      ['wasi', EINVAL],
      ['linux', -22],
    ] as const) {
      const [machine, guest] = await open(build, {}, { errno, direct: () => true });
      const context = guest.setup();
      const fd = guest.open('drive0');
      assert.is(guest.call('io_destroy', 12345), number);
      assert.is(guest.run(context, { opcode: READ, fd, buf: BUFFER, nbytes: 100 }), number, 'event.res');
      assert.is(guest.open('missing'), -44, 'WASI calls answer WASI numbers');
      end(machine, guest);
    }
  });

  libaio(
    `${build}: 27. addresses at and past the end of memory are EFAULT, without a wrap-around`,
    async () => {
      const [machine, guest] = await open(build);
      const context = guest.setup();
      const fd = guest.open('drive0');
      const size = guest.bytes.length;
      const good = guest.iocb(0x800, { opcode: READ, fd, buf: BUFFER, nbytes: 512 });
      for (const address of [0, 0xfffffff0, -16, 0xffffffff, size, size - 63, 0x80000000]) {
        assert.is(guest.submit(context, address), EFAULT, `iocb ${address}`);
        assert.is(guest.call('io_cancel', context, address, 0), EFAULT, `cancel ${address}`);
      }
      for (const address of [0, 0xfffffffc, -4, size, size - 3, 0x80000000]) {
        assert.is(guest.call('io_submit', context, 1, address), EFAULT, `pointers ${address}`);
        assert.is(guest.call('io_setup', 1, address), EFAULT, `context ${address}`);
        assert.is(guest.call('io_queue_init', 1, address), EFAULT, `context ${address}`);
      }
      guest.words(size - 4, [good]);
      assert.is(guest.call('io_submit', context, 2, size - 4), 1, 'the array ends with the memory');
      assert.is(guest.getevents(context).length, 1);
      for (const buf of [0, 0xffffffff, size, size - 511, 0xfffffe00]) {
        for (const opcode of [READ, WRITE])
          assert.is(guest.run(context, { opcode, fd, buf, nbytes: 512 }), EFAULT, `buffer ${buf}`);
      }
      for (const buf of [0, size, size - 7, 0xfffffff8])
        assert.is(guest.run(context, { opcode: READV, fd, buf, nbytes: 1 }), EFAULT, `iovec ${buf}`);
      for (const timeout of [size - 15, 0xfffffff8, -1])
        assert.is(guest.call('io_getevents', 0, 0, 0, EVENTS, timeout), EFAULT, `timeout ${timeout}`);
      assert.is(guest.run(context, { opcode: READ, fd, buf: size - 512, nbytes: 512 }), 512);
      end(machine, guest);
    },
  );

  libaio(`${build}: the order of the checks holds for guest addresses`, async () => {
    const [machine, guest] = await open(build);
    const context = guest.setup();
    const fd = guest.open('file', O_READ);
    const bad = 0xfffffff0;
    const answers = [
      [{ opcode: WRITE, fd: 99, buf: bad, nbytes: 512, reserved: 1n }, EINVAL],
      [{ opcode: READ, fd: 99, buf: bad, nbytes: -1 }, EINVAL],
      [{ opcode: 77, fd: 99, buf: bad, nbytes: 512 }, EBADF],
      [{ opcode: READ, fd, buf: bad, nbytes: 512, flags: 1, resfd: 99 }, EBADF],
      [{ opcode: READ, fd, buf: bad, nbytes: 512, flags: 1, resfd: fd }, EINVAL],
      [{ opcode: WRITE, fd, buf: bad, nbytes: 512, rwFlags: 0x20000 }, -58],
      [{ opcode: WRITE, fd, buf: bad, nbytes: 512 }, EBADF],
      [{ opcode: READ, fd, buf: bad, nbytes: 512, offset: -1 }, EFAULT],
      [{ opcode: READ, fd, buf: BUFFER, nbytes: 512, offset: -1 }, EINVAL],
      [{ opcode: READV, fd, buf: bad, nbytes: 1025 }, EINVAL],
      [{ opcode: READV, fd, buf: bad, nbytes: 1 }, EFAULT],
      [{ opcode: READV, fd, buf: bad, nbytes: 0 }, 0],
      [{ opcode: READ, fd, buf: bad, nbytes: 0 }, 0],
      [{ opcode: READ, fd: 3, buf: BUFFER, nbytes: 1 }, EBADF],
      [{ opcode: WRITE, fd: 1, buf: BUFFER, nbytes: 1 }, EBADF],
    ] as const;
    for (const [fields, answer] of answers)
      assert.is(
        guest.run(context, fields),
        answer,
        JSON.stringify(fields, (_, value) => String(value)),
      );
    // a high word of the address or the count
    guest.iocb(0x800, { opcode: READ, fd, buf: BUFFER, nbytes: 512 });
    guest.view.setUint32(0x800 + 28, 1, true);
    assert.is(guest.submit(context, 0x800), EINVAL);
    end(machine, guest);
  });

  libaio(`${build}: the key becomes 0 where the kernel writes it, and only there`, async () => {
    const [machine, guest] = await open(build);
    const context = guest.setup();
    const fd = guest.open('file');
    const key = (fields: object) => {
      const result = guest.submit(context, guest.iocb(0x800, { buf: BUFFER, nbytes: 8, ...fields, key: 77 }));
      return [result, guest.view.getUint32(0x808, true)];
    };
    assert.equal(key({ fd: 99 }), [EBADF, 77]);
    assert.equal(key({ fd, opcode: 77 }), [EINVAL, 0]);
    assert.equal(key({ fd }), [1, 0]);
    const [first, second, third] = [0xa00, 0xa40, 0xa80].map((address, index) =>
      guest.iocb(address, { fd: index === 1 ? 99 : fd, buf: BUFFER, nbytes: 8, key: 5 }),
    ) as [number, number, number];
    assert.is(guest.submit(context, first, second, third), 1);
    assert.equal(
      [first, second, third].map((address) => guest.view.getUint32(address + 8, true)),
      [0, 5, 5],
    );
    end(machine, guest);
  });

  libaio(
    `${build}: data and obj come back as they were, and a write took its bytes at submission`,
    async () => {
      const [machine, guest] = await open(build);
      const context = guest.setup();
      const fd = guest.open('file');
      guest.bytes.fill(7, BUFFER, BUFFER + 512);
      guest.words(0x900, [BUFFER, 100, 0, 0, BUFFER + 100, 412]);
      const iocb = guest.iocb(0x800, {
        opcode: WRITEV,
        fd,
        buf: 0x900,
        nbytes: 3,
        data: 0xfedcba9876543210n,
      });
      assert.is(guest.submit(context, iocb, iocb), 2);
      guest.bytes.fill(0xee, 0x700, BUFFER + 512);
      const event = { data: 0xfedcba9876543210n, obj: 0x800n, res: 512n, res2: 0n };
      guest.bytes.fill(0xee, EVENTS, EVENTS + 64);
      assert.equal(guest.getevents(context, 2), [event, event]);
      assert.equal(machine.openFile('file').read(512, 0), new Uint8Array(512).fill(7));
      end(machine, guest);
    },
  );

  libaio(`${build}: a read's bytes appear when its event is reaped, only as many as were read`, async () => {
    const [machine, guest] = await open(build);
    machine.openFile('file').write(new Uint8Array(4096).fill(9), 0);
    const context = guest.setup();
    const fd = guest.open('file');
    guest.words(0x900, [BUFFER, 16, BUFFER + 32, 48]);
    const iocb = guest.iocb(0x800, { opcode: READV, fd, buf: 0x900, nbytes: 2, offset: 4096 - 40 });
    assert.is(guest.submit(context, iocb), 1);
    machine.run();
    const region = () => [...guest.bytes.subarray(BUFFER, BUFFER + 80)];
    assert.equal(region(), Array(80).fill(0), 'nothing has been reaped');
    // the memory may have grown since
    guest.memory.grow(1);
    assert.equal(
      guest.getevents(context).map(({ res }) => res),
      [40n],
    );
    assert.equal(region(), [
      ...Array(16).fill(9),
      ...Array(16).fill(0),
      ...Array(24).fill(9),
      ...Array(24).fill(0),
    ]);
    // events that lie over the buffer win
    const over = guest.iocb(0x800, { opcode: READ, fd, buf: EVENTS, nbytes: 32, data: 5n });
    assert.is(guest.submit(context, over), 1);
    assert.is(guest.getevents(context)[0]?.data, 5n);
    end(machine, guest);
  });

  libaio(`${build}: after io_destroy no byte of a guest changes`, async () => {
    const [machine, guest] = await open(build, { drives: [{ latencyNs: 1000 }] });
    const context = guest.setup();
    const fd = guest.open('file');
    machine.openFile('file').write(new Uint8Array(4096).fill(9), 0);
    const iocb = guest.iocb(0x800, { opcode: READ, fd, buf: BUFFER, nbytes: 4096 });
    assert.is(guest.submit(context, iocb, iocb), 2);
    const before = guest.bytes.slice();
    assert.is(guest.call('io_destroy', context), 0);
    machine.run();
    assert.is(Buffer.compare(before, guest.bytes), 0);
    assert.is(guest.call('io_destroy', context), EINVAL);
    assert.is(guest.call('io_getevents', context, 0, 1, EVENTS, 0), EINVAL);
    end(machine, guest);
  });

  libaio(`${build}: a handle means nothing to another guest`, async () => {
    const [machine, guest] = await open(build);
    const other = new Guest(machine);
    const [mine, theirs] = [guest.setup(), other.setup()];
    assert.is.not(mine, theirs);
    assert.ok(mine >= 64 && mine < 1024);
    assert.is(guest.call('io_submit', theirs, 0, 0), EINVAL);
    assert.is(other.call('io_destroy', mine), EINVAL);
    for (const handle of [0, 1, mine + 1, -1, 2 ** 31]) {
      assert.is(guest.call('io_submit', handle, 0, 0), EINVAL, `${handle}`);
      assert.is(guest.call('io_submit', handle, -1, 0), EINVAL, `${handle}`);
    }
    assert.is(guest.call('io_submit', mine, 0, 0), 0);
    // a descriptor neither
    const fd = other.open('drive0');
    assert.is(guest.run(mine, { opcode: READ, fd, buf: BUFFER, nbytes: 512 }), EBADF);
    end(machine, guest, other);
  });

  libaio(`${build}: more contexts than there are handles, one after another and at once`, async () => {
    const [machine, guest] = await open(build);
    for (let round = 0; round < 1000; round++) assert.is(guest.call('io_destroy', guest.setup(1)), 0);
    const handles = Array.from({ length: 256 }, () => guest.setup(1));
    assert.is(new Set(handles).size, 256);
    assert.is(guest.setup(1), ENOMEM);
    end(machine, guest);
  });

  libaio(
    `${build}: full client memory is EAGAIN while requests hold it, and reaping still works`,
    async () => {
      const [machine, guest] = await open(build, { buffers: 64 * KIB });
      const context = guest.setup(256);
      const fd = guest.open('drive0');
      const iocbs = Array.from({ length: 6 }, (_, index) =>
        guest.iocb(0x800 + index * 64, { opcode: WRITE, fd, buf: BUFFER, nbytes: 15 * KIB, offset: index }),
      );
      assert.is(guest.submit(context, ...iocbs), 4);
      assert.is(guest.submit(context, ...iocbs.slice(4)), EAGAIN);
      // small ones until nothing at all is left
      const small = guest.iocb(0xc00, { opcode: WRITE, fd, buf: BUFFER, nbytes: 1 });
      let filled = 0;
      while (guest.submit(context, small) === 1) filled++;
      assert.ok(filled > 0);
      assert.is(guest.getevents(context, 4 + filled, 200).length, 4 + filled);
      assert.is(guest.submit(context, ...iocbs.slice(4)), 2);
      assert.is(guest.getevents(context, 2).length, 2);
      guest.memory.grow(1);
      const large = { opcode: WRITE, fd, buf: BUFFER, nbytes: 80 * KIB };
      assert.is(guest.run(context, large), ENOMEM, 'it can never fit');
      end(machine, guest);
    },
  );

  libaio(`${build}: direct I/O is checked with the guest's own alignment`, async () => {
    const [machine, guest] = await open(
      build,
      { drives: [{ dmaAlignment: 512 }] },
      { direct: (path) => path === '/drive0' },
    );
    const context = guest.setup();
    const fd = guest.open('drive0');
    for (const opcode of [READ, WRITE]) {
      assert.is(guest.run(context, { opcode, fd, buf: BUFFER, nbytes: 1024 }), 1024);
      assert.is(guest.run(context, { opcode, fd, buf: BUFFER + 512, nbytes: 1024 }), 1024);
      assert.is(guest.run(context, { opcode, fd, buf: BUFFER + 4, nbytes: 1024 }), EINVAL);
    }
    guest.words(0x900, [BUFFER + 512, 512, BUFFER + 4096, 1024]);
    assert.is(guest.run(context, { opcode: WRITEV, fd, buf: 0x900, nbytes: 2 }), 1536);
    guest.words(0x900, [BUFFER + 512, 512, BUFFER + 4097, 1024]);
    assert.is(guest.run(context, { opcode: READV, fd, buf: 0x900, nbytes: 2 }), EINVAL);
    const cached = guest.open('file');
    assert.is(guest.run(context, { opcode: READ, fd: cached, buf: BUFFER + 1, nbytes: 3 }), 3);
    end(machine, guest);
  });

  libaio(
    `${build}: a guest ends with requests in flight, a held drive keeps it until it lets go`,
    async () => {
      const [machine, guest] = await open(build);
      const context = guest.setup();
      const fd = guest.open('drive0', O_READ | O_WRITE, 2);
      machine.holdCompletions(true);
      const iocb = guest.iocb(0x800, { opcode: WRITE, fd, buf: BUFFER, nbytes: 512 });
      assert.is(guest.submit(context, iocb), 1);
      assert.is(guest.call('io_destroy', context), -16, 'EDEADLK');
      assert.throws(
        () => guest.host.dispose(),
        (error: StorageError) => error.code === 'EDEADLK',
      );
      machine.holdCompletions(false);
      end(machine, guest);
      assert.is(guest.open('drive0'), EBADF, 'the directory is closed too');
    },
  );

  libaio(`${build}: io_cancel knows a request by the guest's address`, async () => {
    const [machine, guest] = await open(build);
    const context = guest.setup();
    const fd = guest.open('file');
    const iocb = guest.iocb(0x800, { opcode: READ, fd, buf: BUFFER, nbytes: 8 });
    assert.is(guest.submit(context, iocb), 1);
    assert.is(guest.call('io_cancel', context, iocb, 0), EINVAL, 'a read can not be cancelled');
    assert.is(guest.call('io_cancel', 5, iocb, 0), EINVAL);
    guest.view.setUint32(iocb + 8, 1, true);
    assert.is(guest.call('io_cancel', context, iocb, 0), EINVAL);
    assert.is(guest.getevents(context).length, 1);
    end(machine, guest);
  });
}

libaio.run();
