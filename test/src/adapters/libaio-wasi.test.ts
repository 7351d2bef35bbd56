// The WASI calls of the libaio adapter: files, streams, time and the rest of what a C program's library asks for.

import { WASI, wasi } from '@bjorn3/browser_wasi_shim';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExitStatus, type LibaioOptions } from '../../../src/adapters/libaio.ts';
import { BUILDS, type Build, openMachine } from '../../support/machine.ts';
import { Guest, O_READ, O_WRITE } from './guest.ts';

const { ERRNO_BADF, ERRNO_EXIST, ERRNO_FAULT, ERRNO_FBIG, ERRNO_INVAL, ERRNO_ISDIR, ERRNO_NOENT } = wasi;
const { ERRNO_NOSPC, ERRNO_NOTDIR, ERRNO_ROFS, ERRNO_SPIPE } = wasi;
const OUT = 0x600;
const IOVECS = 0x900;
const BUFFER = 0x2000;
const CREATE = 1;
const DIRECTORY = 2;
const EXCLUSIVE = 4;
const TRUNCATE = 8;
const APPEND = 1;

const calls = suite('adapters/libaio wasi');

async function open(build: Build, options: LibaioOptions = {}, drives = [{}]): Promise<Guest> {
  const files = [{ name: 'file', capacity: 65536, size: 100 }];
  return new Guest(await openMachine(build, { drives, files }), options);
}

/** pread, pwrite, read or write of one piece; bytes moved, or the negative error. */
function move(guest: Guest, name: string, fd: number, length: number, ...offset: bigint[]): number {
  guest.words(IOVECS, [BUFFER, length]);
  const result = guest.call(name, fd, IOVECS, 1, ...offset, OUT);
  return result === 0 ? guest.view.getUint32(OUT, true) : -result;
}

calls('every function of preview 1 is there', async () => {
  const guest = await open('release');
  const known = Object.keys(new WASI([], [], []).wasiImport);
  assert.ok(known.length > 40);
  assert.equal(
    known.filter((name) => typeof guest.wasi[name] !== 'function'),
    [],
  );
  assert.is(guest.call('sock_accept', 0, 0, 0), wasi.ERRNO_NOSYS);
  assert.is(guest.call('path_rename', 3, 0, 0, 3, 0, 0), ERRNO_ROFS);
});

for (const build of BUILDS) {
  calls(`${build}: path_open knows the files of the machine and nothing else`, async () => {
    const guest = await open(build, {}, [{}, { readOnly: true }]);
    assert.is(guest.open('file'), 4);
    assert.is(guest.open('./file'), 5);
    assert.is(guest.open('/drive0'), 6);
    const refused = [
      ['missing', 0, ERRNO_NOENT],
      ['missing', CREATE, ERRNO_NOSPC],
      ['file', CREATE | EXCLUSIVE, ERRNO_EXIST],
      ['file', DIRECTORY, ERRNO_NOTDIR],
      ['file/deeper', 0, ERRNO_NOENT],
      ['../file', 0, ERRNO_NOENT],
      ['drive1', 0, ERRNO_ROFS],
      ['.', 0, ERRNO_ISDIR],
    ] as const;
    for (const [name, oflags, errno] of refused)
      assert.is(guest.open(name, O_READ | O_WRITE, 0, oflags), -errno, `${name} ${oflags}`);
    assert.is(guest.open('.', O_READ), 7, 'the directory itself');
    assert.is(guest.open('drive1', O_READ), 8);
    assert.is(guest.call('path_open', 4, 0, 0, 0, 0, 0n, 0n, 0, OUT), ERRNO_NOTDIR);
    assert.is(guest.call('path_open', 99, 0, 0, 0, 0, 0n, 0n, 0, OUT), ERRNO_BADF);
    assert.is(guest.call('path_open', 3, 0, 0xfffffff0, 99, 0, 0n, 0n, 0, OUT), ERRNO_FAULT);
    assert.is(guest.call('path_unlink_file', 3, 0x500, 6), ERRNO_ROFS);
    guest.host.dispose();
  });

  calls(`${build}: a closed number is the next to be used, and a table has an end`, async () => {
    const guest = await open(build);
    assert.equal([guest.open('file'), guest.open('file'), guest.open('file')], [4, 5, 6]);
    assert.is(guest.call('fd_close', 5), 0);
    assert.is(guest.call('fd_close', 5), ERRNO_BADF);
    assert.is(guest.open('file'), 5);
    let last = 0;
    for (let fd = guest.open('file'); fd >= 0; fd = guest.open('file')) last = fd;
    assert.is(last, 1023);
    assert.is(guest.open('file'), -wasi.ERRNO_MFILE);
    guest.host.dispose();
  });

  calls(`${build}: access modes, O_TRUNC, O_APPEND and positions`, async () => {
    const guest = await open(build);
    const [reader, writer] = [guest.open('file', O_READ), guest.open('file', O_WRITE)];
    assert.is(move(guest, 'fd_write', reader, 8), -ERRNO_BADF);
    assert.is(move(guest, 'fd_read', writer, 8), -ERRNO_BADF);
    assert.is(move(guest, 'fd_read', reader, 300), 100);
    assert.is(move(guest, 'fd_read', reader, 300), 0);
    const appender = guest.open('file', O_READ | O_WRITE, APPEND);
    assert.is(move(guest, 'fd_write', appender, 50), 50);
    assert.is(move(guest, 'fd_pwrite', appender, 50, 0n), 50, 'pwrite goes to the end, as on Linux');
    assert.is(guest.call('fd_tell', appender, OUT), 0);
    assert.is(guest.view.getBigUint64(OUT, true), 150n);
    assert.is(guest.call('fd_seek', reader, -20n, 2, OUT), 0);
    assert.is(guest.view.getBigUint64(OUT, true), 180n);
    assert.is(move(guest, 'fd_read', reader, 300), 20);
    for (const [offset, whence] of [
      [-1n, 0],
      [-201n, 1],
      [0n, 3],
      [2n ** 63n - 1n, 1],
    ] as const)
      assert.is(guest.call('fd_seek', reader, offset, whence, OUT), ERRNO_INVAL, `${offset} ${whence}`);
    assert.is(guest.call('fd_seek', 1, 0n, 0, OUT), ERRNO_SPIPE);
    guest.open('file', O_READ, 0, TRUNCATE);
    assert.is(move(guest, 'fd_pread', reader, 300, 0n), 200, 'who only reads does not truncate');
    guest.open('file', O_WRITE, 0, TRUNCATE);
    assert.is(move(guest, 'fd_pread', reader, 300, 0n), 0);
    const drive = guest.open('drive0', O_READ | O_WRITE, 0, TRUNCATE);
    assert.is(guest.call('fd_seek', drive, 0n, 2, OUT), 0);
    assert.is(guest.view.getBigUint64(OUT, true), 67108864n, 'a drive keeps its size');
    guest.host.dispose();
  });

  calls(`${build}: transfers at the ends of files, of memory and of numbers`, async () => {
    const guest = await open(build);
    const fd = guest.open('file');
    assert.is(move(guest, 'fd_pwrite', fd, 100, 65500n), 36);
    assert.is(move(guest, 'fd_pwrite', fd, 1, 65536n), -ERRNO_NOSPC);
    assert.is(move(guest, 'fd_pread', fd, 100, -1n), -ERRNO_INVAL);
    assert.is(move(guest, 'fd_pread', fd, 100, 2n ** 63n - 1n), 0);
    assert.is(move(guest, 'fd_pwrite', fd, 100, 2n ** 63n - 1n), -ERRNO_FBIG);
    assert.is(move(guest, 'fd_pread', fd, 0xffffffff, 0n), -ERRNO_FAULT);
    assert.is(guest.call('fd_pread', fd, IOVECS, 1025, 0n, OUT), ERRNO_INVAL);
    assert.is(guest.call('fd_pread', fd, IOVECS, -1, 0n, OUT), ERRNO_INVAL);
    assert.is(guest.call('fd_pread', fd, 65530, 1, 0n, OUT), ERRNO_FAULT);
    // pieces before a bad one count
    guest.words(IOVECS, [BUFFER, 10, 0xffffff00, 10]);
    assert.is(guest.call('fd_pread', fd, IOVECS, 2, 0n, OUT), 0);
    assert.is(guest.view.getUint32(OUT, true), 10);
    assert.is(guest.call('fd_filestat_set_size', fd, -1n), ERRNO_INVAL);
    assert.is(guest.call('fd_filestat_set_size', fd, 65537n), ERRNO_FBIG);
    assert.is(guest.call('fd_filestat_set_size', fd, 2n ** 60n), ERRNO_FBIG);
    assert.is(guest.call('fd_filestat_set_size', fd, 5n), 0);
    assert.is(guest.call('fd_filestat_set_size', guest.open('drive0'), 5n), ERRNO_INVAL);
    assert.is(guest.call('fd_filestat_set_size', 77, 5n), ERRNO_BADF);
    assert.is(guest.call('fd_filestat_get', fd, OUT), 0);
    assert.equal([guest.bytes[OUT + 16], guest.view.getBigUint64(OUT + 32, true)], [4, 5n]);
    assert.is(guest.call('fd_sync', fd) + guest.call('fd_datasync', fd), 0);
    assert.is(guest.call('fd_sync', 1), ERRNO_INVAL);
    assert.is(guest.call('fd_sync', 77), ERRNO_BADF);
    guest.host.dispose();
  });

  calls(`${build}: flags that change leave position and requests in flight alone`, async () => {
    const guest = await open(build, {}, [{ latencyNs: 1000 }]);
    const context = guest.setup();
    const fd = guest.open('file');
    assert.is(move(guest, 'fd_read', fd, 30), 30);
    assert.is(guest.submit(context, guest.iocb(0x800, { fd, buf: BUFFER, nbytes: 10 })), 1);
    assert.is(guest.call('fd_fdstat_set_flags', fd, APPEND), 0);
    assert.is(guest.call('fd_fdstat_get', fd, OUT), 0);
    assert.is(guest.view.getUint16(OUT + 2, true), APPEND);
    assert.is(move(guest, 'fd_read', fd, 300), 70);
    assert.is(move(guest, 'fd_write', fd, 7), 7);
    assert.is(guest.getevents(context)[0]?.res, 10n);
    assert.is(guest.call('fd_filestat_get', fd, OUT), 0);
    assert.is(guest.view.getBigUint64(OUT + 32, true), 107n);
    guest.host.dispose();
  });
}

calls('what is printed comes as lines, the last one when the program ends', async () => {
  const lines: string[] = [];
  const guest = await open('release', {
    stdout: (line) => lines.push(line),
    stderr: (line) => lines.push(`! ${line}`),
  });
  const print = (stream: number, text: string) => {
    const length = guest.text(BUFFER, text);
    return move(guest, 'fd_write', stream, length);
  };
  assert.is(print(1, 'one\ntw'), 6);
  assert.is(print(2, 'bad\n'), 4);
  assert.is(print(1, 'o\n\nthr'), 6);
  assert.is(print(0, 'nobody'), -ERRNO_BADF);
  assert.is(move(guest, 'fd_read', 0, 10), 0);
  assert.equal(lines, ['one', '! bad', 'two', '']);
  guest.host.dispose();
  assert.is(lines.at(-1), 'thr');
});

calls('arguments and environment', async () => {
  const guest = await open('release', { args: ['program', 'x y'], env: { HOME: '/', EMPTY: '' } });
  const strings = (name: string) => {
    assert.is(guest.call(`${name}_sizes_get`, OUT, OUT + 4), 0);
    const count = guest.view.getUint32(OUT, true);
    const bytes = guest.view.getUint32(OUT + 4, true);
    assert.is(guest.call(`${name}_get`, IOVECS, BUFFER), 0);
    const first = guest.view.getUint32(IOVECS, true);
    assert.is(first, BUFFER);
    return [count, new TextDecoder().decode(guest.bytes.slice(BUFFER, BUFFER + bytes))];
  };
  assert.equal(strings('args'), [2, 'program\0x y\0']);
  assert.equal(strings('environ'), [2, 'HOME=/\0EMPTY=\0']);
  assert.is(guest.call('args_get', 65534, BUFFER), ERRNO_FAULT);
});

calls('time is virtual and a sleep lets it pass; random bytes come from the seed', async () => {
  const guest = await open('release');
  const time = (clock: number) => {
    assert.is(guest.call('clock_time_get', clock, 1n, OUT), 0);
    return guest.view.getBigUint64(OUT, true);
  };
  assert.is(time(0), 0n);
  const subscribe = (index: number, type: number, timeout: bigint, flags: number) => {
    const at = BUFFER + index * 48;
    guest.bytes.fill(0xff, at, at + 48);
    guest.view.setBigUint64(at, BigInt(index + 10), true);
    guest.bytes[at + 8] = type;
    guest.view.setBigUint64(at + 24, timeout, true);
    guest.view.setUint16(at + 40, flags, true);
  };
  const poll = (count: number) => {
    assert.is(guest.call('poll_oneoff', BUFFER, 0x4000, count, OUT), 0);
    const ready = guest.view.getUint32(OUT, true);
    return Array.from({ length: ready }, (_, index) => guest.view.getBigUint64(0x4000 + index * 32, true));
  };
  subscribe(0, 0, 5000n, 0);
  subscribe(1, 0, 2000n, 0);
  assert.equal(poll(2), [11n]);
  assert.is(time(1), 2000n);
  subscribe(0, 0, 2500n, 1);
  assert.equal(poll(1), [10n], 'a time, not a span');
  assert.is(time(1), 2500n);
  subscribe(1, 1, 0n, 0);
  subscribe(0, 0, 1000n, 0);
  assert.equal(poll(2), [11n], 'a descriptor is ready at once');
  assert.is(time(1), 2500n);
  assert.is(guest.call('poll_oneoff', BUFFER, 0x4000, 0, OUT), ERRNO_INVAL);
  assert.is(guest.call('poll_oneoff', BUFFER, 0x4000, 2 ** 30, OUT), ERRNO_FAULT);
  assert.is(guest.call('clock_time_get', 9, 1n, OUT), ERRNO_INVAL);
  assert.is(guest.call('clock_res_get', 0, OUT), 0);

  const random = async (seed: number) => {
    const other = await open('release', { seed });
    assert.is(other.call('random_get', BUFFER, 64), 0);
    return [...other.bytes.slice(BUFFER, BUFFER + 64)];
  };
  assert.equal(await random(7), await random(7));
  assert.is.not(String(await random(7)), String(await random(8)));
  assert.ok(new Set(await random(7)).size > 32);
  assert.is(guest.call('random_get', BUFFER, -1), ERRNO_FAULT);
});

calls('proc_exit ends the program with its status', async () => {
  const guest = await open('release');
  assert.throws(
    () => guest.call('proc_exit', 3),
    (error: unknown) => error instanceof ExitStatus && error.status === 3,
  );
  const run = (start: () => void) =>
    guest.host.run({ exports: { _start: start } } as unknown as WebAssembly.Instance);
  assert.is(
    run(() => guest.call('proc_exit', 3)),
    3,
  );
  assert.is(
    run(() => {}),
    0,
  );
  assert.throws(() =>
    run(() => {
      throw new WebAssembly.RuntimeError('unreachable');
    }),
  );
});

calls('the one directory is found the way a C library looks for it', async () => {
  const guest = await open('release');
  assert.is(guest.call('fd_prestat_get', 3, OUT), 0);
  assert.equal([...guest.bytes.subarray(OUT, OUT + 8)], [0, 0, 0, 0, 1, 0, 0, 0]);
  assert.is(guest.call('fd_prestat_dir_name', 3, BUFFER, 1), 0);
  assert.is(guest.bytes[BUFFER], '/'.charCodeAt(0));
  assert.is(guest.call('fd_prestat_get', 4, OUT), ERRNO_BADF);
  assert.is(guest.call('fd_fdstat_get', 3, OUT), 0);
  assert.is(guest.bytes[OUT], wasi.FILETYPE_DIRECTORY);
  assert.is(guest.call('fd_fdstat_get', 1, OUT), 0);
  assert.is(guest.bytes[OUT], wasi.FILETYPE_CHARACTER_DEVICE);
  const length = guest.text(0x500, 'drive0');
  assert.is(guest.call('path_filestat_get', 3, 0, 0x500, length, OUT), 0);
  assert.is(guest.bytes[OUT + 16], wasi.FILETYPE_BLOCK_DEVICE);
  assert.is(guest.call('path_filestat_get', 3, 0, 0x500, 3, OUT), ERRNO_NOENT);
});

calls.run();
