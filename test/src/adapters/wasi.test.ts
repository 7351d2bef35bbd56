// The calls of WASI preview 1 on a volume, one by one: what they answer, and which errors.
//
// Error numbers are those of wasi-libc.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FDFLAG_APPEND, FDFLAG_DSYNC, FDFLAG_SYNC } from '../../../src/adapters/wasi/abi.ts';
import { ExitStatus, type WasiOptions, wasiFs } from '../../../src/adapters/wasi.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import {
  ALL,
  BUFFER,
  type GuestStat,
  IOVECS,
  OTHER,
  OUT,
  PATH,
  ROOT,
  SIZE,
  WasiGuest,
} from './wasi-guest.ts';

const EBADF = 8;
const EEXIST = 20;
const EFAULT = 21;
const EFBIG = 22;
const EILSEQ = 25;
const EINVAL = 28;
const EISDIR = 31;
const EMFILE = 33;
const ENAMETOOLONG = 37;
const ENOENT = 44;
const ENOSPC = 51;
const ENOTDIR = 54;
const ENOTEMPTY = 55;
const ENOTSOCK = 57;
const ENOTSUP = 58;
const ENOTCAPABLE = 76;
const CREATE = 1;
const DIRECTORY = 2;
const EXCLUSIVE = 4;
const TRUNCATE = 8;
const READ = 2n;
const WRITE = 64n;

interface Opened {
  readonly machine: Machine;
  readonly guest: WasiGuest;
}

/** `folders` are made before the guest finds its directories. */
async function open(
  build: Build,
  options: WasiOptions = {},
  config: MachineConfig = {},
  folders: readonly string[] = [],
): Promise<Opened> {
  const machine = await openMachine(build, { volume: true, writeLog: true, ...config });
  for (const folder of folders) machine.fs.mkdir(folder);
  return { machine, guest: new WasiGuest(machine, options) };
}

/** Nothing is open, nothing wrong, nothing held. */
function close({ machine, guest }: Opened): void {
  guest.host.dispose();
  machine.fs.unmount();
  assert.equal(machine.fs.check(), []);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

const create = (guest: WasiGuest, path: string, text = ''): number => {
  const descriptor = guest.open(path, { oflags: CREATE });
  guest.write(descriptor, text);
  return descriptor;
};

/** Flushes that the drive has been asked for. */
const flushes = (machine: Machine): number =>
  [...machine.writeLog.entries()].filter((entry) => entry.kind === 'submit' && entry.operation === 'flush')
    .length;

const calls = suite('wasi');

calls('every call of preview 1 is there', async () => {
  const { default: process } = await import('node:process');
  const emit = process.emitWarning;
  process.emitWarning = () => {};
  const { WASI } = await import('node:wasi');
  process.emitWarning = emit;
  const expected = Object.keys(new WASI({ version: 'preview1' }).wasiImport).sort();
  const opened = await open('release');
  assert.equal(Object.keys(opened.guest.host.imports.wasi_snapshot_preview1).sort(), expected);
  close(opened);
});

for (const build of BUILDS) {
  calls(`${build}: the lowest number is free, and the table has an end`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    const name = (index: number) => guest.open(`f${index}`, { oflags: CREATE });
    assert.equal([name(1), name(2), name(3)], [4, 5, 6]);
    assert.is(guest.call('fd_close', 5), 0);
    assert.is(guest.call('fd_close', 5), EBADF);
    assert.is(name(4), 5);
    let last = 0;
    for (let fd = name(1); fd >= 0; fd = name(1)) last = fd;
    assert.is(last, 1023);
    assert.is(name(5), -EMFILE);
    assert.is(guest.stat('f5'), -ENOENT, 'and no file was made');
    close(opened);
  });

  calls(`${build}: a descriptor takes another's number`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    const [one, two] = [create(guest, 'one', 'first'), create(guest, 'two', 'second')];
    assert.is(guest.call('fd_renumber', one, 99), EBADF);
    assert.is(guest.call('fd_renumber', one, one), 0);
    assert.is(guest.call('fd_renumber', one, two), 0);
    assert.is(guest.call('fd_close', one), EBADF);
    assert.is(guest.read(two, 10, 0n), 'first');
    assert.is(guest.call('fd_renumber', two, 1), 0);
    assert.is(guest.write(1, ', printed'), 9);
    assert.equal((guest.stat('one') as GuestStat).size, 14n, 'standard output goes to the file');
    close(opened);
  });

  calls(`${build}: fd_sync and fd_datasync are those of the volume`, async () => {
    const opened = await open(build);
    const { guest, machine } = opened;
    const lost = create(guest, 'lost', 'nobody synced it');
    const kept = create(guest, 'kept', 'synced');
    const directory = guest.directory('.');
    for (const [call, descriptor] of [
      ['fd_sync', kept],
      ['fd_datasync', kept],
      ['fd_sync', directory],
    ] as const) {
      guest.write(kept, '!');
      const before = flushes(machine);
      assert.is(guest.call(call, descriptor), 0, call);
      assert.ok(flushes(machine) > before, `${call} flushes`);
    }
    guest.write(lost, 'more');
    const after = machine.crash('power');
    assert.is(
      new TextDecoder().decode(after.fs.readFile('/kept')),
      'synced!!',
      'a directory is not its files',
    );
    assert.not.ok(after.fs.exists('/lost') && after.fs.stat('/lost').size > 16);
    assert.is(guest.call('fd_sync', 1), ENOTCAPABLE);
    assert.is(guest.call('fd_sync', 99), EBADF);
    assert.is(guest.call('fd_datasync', directory), ENOTCAPABLE);
    close(opened);
  });

  calls(`${build}: DSYNC and SYNC make each write durable`, async () => {
    for (const flags of [FDFLAG_DSYNC, FDFLAG_SYNC]) {
      const opened = await open(build);
      const { guest, machine } = opened;
      const fd = guest.open('log', { oflags: CREATE, flags });
      guest.call('fd_sync', guest.directory('.'));
      assert.is(guest.write(fd, 'Ada'), 3);
      assert.is(new TextDecoder().decode(machine.crash('power').fs.readFile('/log')), 'Ada');
      assert.is(guest.call('fd_fdstat_get', fd, OUT), 0);
      assert.is(guest.view.getUint16(OUT + 2, true), flags);
      assert.is(guest.call('fd_fdstat_set_flags', fd, 0), ENOTSUP);
      close(opened);
    }
  });

  calls(`${build}: transfers at the ends of files, of memory and of numbers`, async () => {
    const opened = await open(build, {}, { drives: [{ size: '1MiB' }] });
    const { guest } = opened;
    const fd = create(guest, 'file', 'x'.repeat(100));
    assert.is(guest.read(fd, 300, 90n), 'x'.repeat(10));
    assert.is(guest.read(fd, 300, 2n ** 63n - 1n), '');
    assert.is(guest.read(fd, 300, -1n), -EINVAL);
    assert.is(guest.write(fd, 'y', -1n), -EINVAL);
    assert.is(guest.write(fd, 'y', 2n ** 63n - 1n), -EFBIG);
    assert.is(guest.write(fd, 'y', 200n), 1);
    assert.is(guest.read(fd, 300, 99n), `x${'\0'.repeat(100)}y`);
    assert.is(guest.call('fd_pread', fd, IOVECS, 1025, 0n, OUT), EINVAL);
    assert.is(guest.call('fd_pread', fd, IOVECS, -1, 0n, OUT), EINVAL);
    assert.is(guest.call('fd_pread', fd, SIZE - 6, 1, 0n, OUT), EFAULT);
    assert.is(guest.call('fd_pread', fd, IOVECS, 1, 0n, SIZE - 3), EFAULT);
    // a bad piece behind a good one: nothing moves
    guest.vector(10);
    guest.view.setUint32(IOVECS + 8, 0xffffff00, true);
    guest.view.setUint32(IOVECS + 12, 10, true);
    guest.text(BUFFER, '----------');
    assert.is(guest.call('fd_pread', fd, IOVECS, 2, 0n, OUT), EFAULT);
    assert.is(guest.call('fd_pwrite', fd, IOVECS, 2, 0n, OUT), EFAULT);
    assert.is(guest.bytes[BUFFER], '-'.charCodeAt(0));
    assert.is(guest.read(fd, 1, 0n), 'x');
    // pieces that overlap ask for more than there is memory
    for (let index = 0; index < 1024; index++) {
      guest.view.setUint32(IOVECS + index * 8, 0, true);
      guest.view.setUint32(IOVECS + index * 8 + 4, SIZE, true);
    }
    assert.is(guest.call('fd_pwrite', fd, IOVECS, 1024, 0n, OUT), 0);
    assert.is(guest.view.getUint32(OUT, true), SIZE);
    assert.is(guest.call('fd_pread', fd, IOVECS, 1024, 0n, OUT), 0);
    let full = 0;
    for (let at = 0n; full >= 0; at += 1000n) full = guest.write(fd, 'z'.repeat(1000), 65536n + at);
    assert.is(full, -ENOSPC);
    close(opened);
  });

  calls(`${build}: positions, appending and flags that change`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    const fd = create(guest, 'file', '0123456789');
    const seek = (offset: bigint, whence: number) => {
      const result = guest.call('fd_seek', fd, offset, whence, OUT);
      return result === 0 ? Number(guest.view.getBigUint64(OUT, true)) : -result;
    };
    assert.equal([seek(2n, 0), seek(3n, 1), seek(-1n, 2), seek(0n, 1)], [2, 5, 9, 9]);
    for (const [offset, whence] of [
      [-1n, 0],
      [-11n, 2],
      [0n, 3],
      [2n ** 63n - 1n, 1],
    ] as const)
      assert.is(seek(offset, whence), -EINVAL, `${offset} ${whence}`);
    assert.is(guest.read(fd, 5), '9');
    assert.is(guest.call('fd_tell', fd, OUT), 0);
    assert.is(guest.view.getBigUint64(OUT, true), 10n);
    assert.is(guest.call('fd_fdstat_set_flags', fd, FDFLAG_APPEND), 0);
    seek(0n, 0);
    assert.is(guest.write(fd, 'ab'), 2);
    assert.is(seek(0n, 1), 12);
    assert.is(guest.write(fd, 'c', 0n), 1, 'pwrite appends, too, as on Linux');
    assert.is(guest.read(fd, 20, 8n), '89abc');
    assert.is(guest.call('fd_fdstat_set_flags', fd, 0), 0);
    assert.is(guest.call('fd_fdstat_set_flags', fd, 64), EINVAL);
    assert.is(guest.write(fd, 'X', 0n), 1);
    assert.is(guest.read(fd, 3, 0n), 'X12');
    assert.is(guest.call('fd_seek', 1, 0n, 0, OUT), ENOTCAPABLE);
    close(opened);
  });

  calls(`${build}: rights are those asked for, and can only become fewer`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    create(guest, 'file', 'text');
    const reader = guest.open('file', { rights: READ });
    assert.is(guest.write(reader, 'x'), -ENOTCAPABLE);
    assert.is(guest.read(reader, 4), 'text');
    assert.is(guest.read(reader, 4, 0n), -ENOTCAPABLE, 'pread seeks');
    assert.is(guest.call('fd_filestat_get', reader, OUT), ENOTCAPABLE);
    const writer = guest.open('file', { rights: WRITE });
    assert.is(guest.read(writer, 4), -ENOTCAPABLE);
    assert.is(guest.call('fd_fdstat_set_rights', writer, WRITE | READ, 0n), ENOTCAPABLE);
    assert.is(guest.call('fd_fdstat_set_rights', writer, 0n, 0n), 0);
    assert.is(guest.write(writer, 'x'), -ENOTCAPABLE);
    // a directory that can not make files, nor hand writing on
    assert.is(guest.call('fd_fdstat_get', ROOT, OUT), 0);
    const inheriting = guest.view.getBigUint64(OUT + 16, true);
    assert.is(inheriting, ALL);
    const base = guest.view.getBigUint64(OUT + 8, true) & ~(1n << 10n);
    assert.is(guest.call('fd_fdstat_set_rights', ROOT, base, inheriting & ~WRITE), 0);
    assert.is(guest.open('new', { oflags: CREATE, rights: READ }), -ENOTCAPABLE);
    assert.is(guest.open('file', { rights: READ | WRITE }), -ENOTCAPABLE);
    assert.ok(guest.open('file', { rights: READ }) > 0);
    close(opened);
  });

  calls(`${build}: opening`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    create(guest, 'file', 'text');
    assert.is(guest.on('path_create_directory', 'folder'), 0);
    for (const [path, oflags, expected] of [
      ['file', CREATE | EXCLUSIVE, EEXIST],
      ['file', DIRECTORY, ENOTDIR],
      ['file/below', 0, ENOTDIR],
      ['file/', 0, ENOTDIR],
      ['none', 0, ENOENT],
      ['none/below', CREATE, ENOENT],
      ['folder', 0, EISDIR],
      ['folder', CREATE, EISDIR],
      ['new', CREATE | DIRECTORY, EINVAL],
      ['n'.repeat(256), CREATE, ENAMETOOLONG],
      ['', CREATE, ENOENT],
      ['nul\0inside', CREATE, EINVAL],
    ] as const)
      assert.is(guest.open(path, { oflags }), -expected, `${path} ${oflags}`);
    assert.is(guest.open('file', { flags: 32 }), -EINVAL);
    assert.is(guest.open('file', { from: 1 }), -ENOTDIR);
    assert.is(guest.open('file', { from: 99 }), -EBADF);
    guest.bytes.set([0x66, 0xff, 0x66], PATH);
    assert.is(guest.call('path_open', ROOT, 0, PATH, 3, CREATE, READ, 0n, 0, OUT), EILSEQ);
    assert.is(guest.call('path_open', ROOT, 0, SIZE - 1, 2, CREATE, READ, 0n, 0, OUT), EFAULT);
    assert.is(guest.call('path_open', ROOT, 0, PATH, -1, CREATE, READ, 0n, 0, OUT), EFAULT);
    assert.is(
      guest.call('path_open', ROOT, 0, PATH, guest.text(PATH, 'made'), CREATE, READ, 0n, 0, -4),
      EFAULT,
    );
    assert.is(guest.stat('made'), -ENOENT, 'no file without a place for its number');
    guest.open('file', { oflags: TRUNCATE });
    assert.is((guest.stat('file') as GuestStat).size, 0n);
    close(opened);
  });

  calls(`${build}: no path leads out of its directory`, async () => {
    const preopens = { '/data': '/inner/data', '.': 'inner/./data/..' };
    const opened = await open(build, { preopens }, {}, ['/inner', '/inner/data', '/inner/data/deep']);
    const { guest, machine } = opened;
    machine.fs.writeFile('/secret', 'outside');
    machine.fs.writeFile('/inner/shared', 'in one of them');
    for (const path of [
      '../secret',
      'deep/../../../secret',
      '..',
      'deep/../..',
      '/secret',
      '/',
      'no/../../x',
    ])
      for (const call of ['open', 'stat', 'mkdir', 'unlink', 'rmdir', 'rename', 'link'] as const) {
        const answer = {
          open: () => -guest.open(path, { oflags: CREATE }),
          stat: () => -(guest.stat(path) as number),
          mkdir: () => guest.on('path_create_directory', path),
          unlink: () => guest.on('path_unlink_file', path),
          rmdir: () => guest.on('path_remove_directory', path),
          rename: () => guest.rename('deep', path),
          link: () => guest.link(path, 'linked'),
        }[call]();
        assert.is(answer, ENOTCAPABLE, `${call} ${path}`);
      }
    assert.is(guest.open('../shared'), -ENOTCAPABLE);
    assert.is(guest.read(guest.open('shared', { from: 4 }), 20), 'in one of them');
    assert.is(guest.read(guest.open('./data/../shared', { from: 4 }), 20), 'in one of them');
    assert.is(guest.rename('deep', 'moved', [3, 4]), 0, 'from one to the other');
    assert.equal(machine.fs.readdir('/inner').sort(), ['data', 'moved', 'shared']);
    const deep = guest.directory('moved', 4);
    assert.is(guest.open('../shared', { from: deep }), -ENOTCAPABLE);
    assert.equal(machine.fs.readdir('/').sort(), ['inner', 'secret']);
    // the name of each, as a C library looks for them
    const names = [3, 4].map((fd) => {
      assert.is(guest.call('fd_prestat_get', fd, OUT), 0);
      const length = guest.view.getUint32(OUT + 4, true);
      assert.is(guest.call('fd_prestat_dir_name', fd, BUFFER, length - 1), ENAMETOOLONG);
      assert.is(guest.call('fd_prestat_dir_name', fd, BUFFER, length), 0);
      return new TextDecoder().decode(guest.bytes.slice(BUFFER, BUFFER + length));
    });
    assert.equal(names, ['/data', '.']);
    assert.is(guest.call('fd_prestat_get', deep, OUT), EBADF);
    close(opened);
  });

  calls(`${build}: an open directory follows its renames and knows when it is gone`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    for (const path of ['a', 'a/b', 'a/b/c', 'ab', 'full', 'empty'])
      assert.is(guest.on('path_create_directory', path), 0);
    create(guest, 'full/file');
    const [inner, other, empty] = [guest.directory('a/b/c'), guest.directory('ab'), guest.directory('empty')];
    assert.is(guest.rename('a', 'x'), 0);
    assert.ok(guest.open('file', { from: inner, oflags: CREATE }) > 0);
    assert.is((guest.stat('x/b/c/file') as GuestStat).size, 0n);
    assert.ok(guest.open('file', { from: other, oflags: CREATE }) > 0, 'whose name only begins so');
    assert.is(guest.rename('x', 'full'), ENOTEMPTY);
    assert.is(guest.rename('full', 'empty'), 0, 'over an empty one');
    assert.is(guest.open('file', { from: empty }), -ENOENT);
    assert.is(guest.entries(empty).used, -ENOENT);
    assert.is(guest.rename('x', 'x/b/x'), EINVAL);
    guest.on('path_create_directory', 'gone');
    const gone = guest.directory('gone');
    assert.is(guest.on('path_remove_directory', 'gone/'), 0);
    guest.on('path_create_directory', 'gone');
    assert.is(guest.open('file', { from: gone, oflags: CREATE }), -ENOENT, 'another of that name is another');
    close(opened);
  });

  calls(`${build}: names are made, linked, renamed and taken away`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    const fd = create(guest, 'file', 'text');
    assert.is(guest.on('path_create_directory', 'folder'), 0);
    assert.is(guest.on('path_create_directory', 'folder'), EEXIST);
    assert.is(guest.link('file', 'folder/other'), 0);
    assert.is(guest.link('file', 'folder/other'), EEXIST);
    assert.equal((guest.stat('file') as GuestStat).links, 2n);
    assert.is(guest.on('path_unlink_file', 'file'), 0);
    assert.is(guest.on('path_unlink_file', 'folder'), EISDIR);
    assert.is(guest.on('path_unlink_file', 'folder/other/'), ENOTDIR);
    assert.is(guest.on('path_remove_directory', 'folder/other'), ENOTDIR);
    assert.is(guest.on('path_remove_directory', 'folder'), ENOTEMPTY);
    assert.is(guest.rename('none', 'folder/x'), ENOENT);
    assert.is(guest.rename('folder/other', 'back'), 0);
    assert.is(guest.on('path_unlink_file', 'back'), 0);
    assert.is(guest.read(fd, 10, 0n), 'text', 'without a name it lives while it is open');
    assert.equal((guest.stat(fd) as GuestStat).links, 0n);
    assert.is(guest.on('path_remove_directory', 'folder'), 0);
    const target = guest.text(OTHER, 'target');
    assert.is(guest.call('path_symlink', OTHER, target, ROOT, PATH, guest.text(PATH, 'link')), ENOTSUP);
    create(guest, 'file');
    assert.is(guest.on('path_readlink', 'file', BUFFER, 10, OUT), EINVAL);
    assert.is(guest.on('path_readlink', 'none', BUFFER, 10, OUT), ENOENT);
    close(opened);
  });

  calls(`${build}: fd_readdir goes on where its cookie says, and cuts the last entry`, async () => {
    const opened = await open(build);
    const { guest } = opened;
    const made = Array.from({ length: 100 }, (_, index) => `a file with number ${index}`);
    for (const name of made) guest.call('fd_close', create(guest, name));
    const root = guest.directory('.');
    const whole = guest.entries(root);
    assert.equal(whole.names.slice(0, 2), ['.', '..']);
    assert.equal(whole.names.slice(2).sort(), [...made].sort());
    assert.ok(whole.used < 0x4000, 'less than the buffer: the end');
    // piece by piece, while files come and go
    const seen: string[] = [];
    let cookie = 0n;
    for (let turn = 0; ; turn++) {
      const { names, cookies, used } = guest.entries(root, cookie, 100);
      seen.push(...names);
      if (used < 100) break;
      assert.is(used, 100, 'a full buffer says that there may be more');
      cookie = cookies.at(-1) ?? cookie;
      if (turn === 3) guest.on('path_unlink_file', made[50] as string);
      if (turn === 5) create(guest, 'new');
    }
    assert.equal(seen, whole.names, 'each once, as it was at the beginning');
    assert.ok(guest.entries(root).names.includes('new'), 'the next one begins anew');
    assert.equal(guest.entries(root, 10_000n).used, 0);
    assert.equal(guest.entries(root, 2n ** 64n - 1n).used, 0);
    assert.is(guest.entries(root, 0n, 10).used, 10);
    assert.is(guest.call('fd_readdir', root, BUFFER, -1, 0n, OUT), EFAULT);
    assert.is(guest.call('fd_readdir', create(guest, 'file'), BUFFER, 10, 0n, OUT), ENOTCAPABLE);
    guest.on('path_create_directory', 'inner');
    assert.equal(guest.entries(guest.directory('inner')).names, ['.', '..']);
    close(opened);
  });

  calls(`${build}: sizes, room and advice`, async () => {
    const opened = await open(build, {}, { drives: [{ size: '1MiB' }] });
    const { guest } = opened;
    const fd = create(guest, 'file', 'text');
    const size = () => (guest.stat(fd) as GuestStat).size;
    assert.is(guest.call('fd_filestat_set_size', fd, -1n), EINVAL);
    assert.is(guest.call('fd_filestat_set_size', fd, 2n ** 60n), EFBIG);
    assert.is(guest.call('fd_filestat_set_size', fd, 10_000n), 0);
    assert.is(size(), 10_000n);
    assert.is(guest.call('fd_allocate', fd, 5000n, 0n), EINVAL);
    assert.is(guest.call('fd_allocate', fd, -1n, 10n), EINVAL);
    assert.is(guest.call('fd_allocate', fd, 2n ** 52n, 2n ** 52n + 2n ** 51n), EFBIG);
    assert.is(guest.call('fd_allocate', fd, 9000n, 5000n), 0);
    assert.is(size(), 14_000n);
    assert.is(guest.call('fd_allocate', fd, 0n, 2n ** 30n), ENOSPC);
    for (let advice = 0; advice < 6; advice++) assert.is(guest.call('fd_advise', fd, 0n, 0n, advice), 0);
    assert.is(guest.call('fd_advise', fd, 0n, 0n, 6), EINVAL);
    assert.is(guest.call('fd_advise', fd, -1n, 0n, 0), EINVAL);
    assert.is(guest.call('fd_advise', guest.directory('.'), 0n, 0n, 3), 0);
    assert.is(guest.call('fd_allocate', guest.directory('.'), 0n, 1n), ENOTCAPABLE);
    close(opened);
  });

  calls(`${build}: times are set, kept, or taken from the machine`, async () => {
    const opened = await open(build);
    const { guest, machine } = opened;
    const fd = create(guest, 'file');
    const times = () => {
      const { access, modify } = guest.stat('file') as GuestStat;
      return [access, modify];
    };
    assert.is(guest.call('fd_filestat_set_times', fd, 11n, 22n, 5), 0);
    assert.equal(times(), [11n, 22n]);
    const set = (access: bigint, modify: bigint, flags: number, path = 'file') =>
      guest.call('path_filestat_set_times', ROOT, 0, PATH, guest.text(PATH, path), access, modify, flags);
    assert.is(set(1n, 1n, 5, 'none'), ENOENT);
    assert.is(set(33n, 44n, 4), 0);
    assert.equal(times(), [11n, 44n]);
    machine.advance(5000);
    assert.is(set(0n, 0n, 2), 0);
    assert.equal(times(), [BigInt(machine.nowNs), 44n]);
    assert.is(set(0n, 0n, 3), EINVAL);
    assert.is(set(0n, 0n, 12), EINVAL);
    assert.is(set(-1n, 0n, 1), EINVAL);
    assert.is(guest.call('fd_filestat_set_times', 1, 0n, 0n, 5), ENOTCAPABLE);
    close(opened);
  });
}

calls('standard streams: input comes piece by piece, lines go out', async () => {
  const lines: string[] = [];
  const opened = await open('release', {
    stdin: 'first\nsecond',
    stdout: (line) => lines.push(line),
    stderr: (line) => lines.push(`! ${line}`),
  });
  const { guest } = opened;
  assert.equal([guest.read(0, 4), guest.read(0, 100), guest.read(0, 100)], ['firs', 't\nsecond', '']);
  assert.is(guest.write(1, 'one\ntw'), 6);
  assert.is(guest.write(2, 'bad\n'), 4);
  assert.is(guest.write(1, 'o'), 1);
  assert.is(guest.write(0, 'x'), -ENOTCAPABLE);
  assert.is(guest.read(1, 1), -ENOTCAPABLE);
  assert.equal(lines, ['one', '! bad']);
  assert.is((guest.stat(1) as GuestStat).type, 2);
  assert.is(guest.call('fd_pread', 0, ...guest.vector(1), 0n, OUT), ENOTCAPABLE);
  close(opened);
  assert.equal(lines, ['one', '! bad', 'two']);
});

calls('poll_oneoff says of files what is there to read, and of what is not open EBADF', async () => {
  const opened = await open('release');
  const { guest, machine } = opened;
  const fd = create(guest, 'file', 'text');
  guest.call('fd_seek', fd, 1n, 0, OUT);
  const subscribe = (index: number, type: number, subject: number, timeout = 0n) => {
    const at = BUFFER + index * 48;
    guest.bytes.fill(0, at, at + 48);
    guest.view.setBigUint64(at, BigInt(index), true);
    guest.bytes[at + 8] = type;
    guest.view.setUint32(at + 16, subject, true);
    guest.view.setBigUint64(at + 24, timeout, true);
  };
  subscribe(0, 1, fd);
  subscribe(1, 2, fd);
  subscribe(2, 1, 99);
  assert.is(guest.call('poll_oneoff', BUFFER, OTHER, 3, OUT), 0);
  assert.is(guest.view.getUint32(OUT, true), 3);
  const events = [0, 1, 2].map((index) => {
    const at = OTHER + index * 32;
    return [guest.view.getUint16(at + 8, true), guest.bytes[at + 10], guest.view.getBigUint64(at + 16, true)];
  });
  assert.equal(events, [
    [0, 1, 3n],
    [0, 2, 0n],
    [EBADF, 1, 0n],
  ]);
  subscribe(0, 0, 1, 7000n);
  assert.is(guest.call('poll_oneoff', BUFFER, OTHER, 1, OUT), 0);
  assert.is(machine.nowNs, 7000, 'virtual time passes');
  close(opened);
});

calls('a signal ends the program as proc_exit does; there are no sockets', async () => {
  const opened = await open('release');
  const { guest } = opened;
  const ends = (status: number) => (error: unknown) => error instanceof ExitStatus && error.status === status;
  assert.throws(() => guest.call('proc_exit', 3), ends(3));
  assert.throws(() => guest.call('proc_raise', 6), ends(134));
  assert.is(guest.call('proc_raise', 16), 0);
  assert.is(guest.call('proc_raise', 31), EINVAL);
  assert.is(guest.call('proc_raise', -1), EINVAL);
  for (const name of ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown']) {
    assert.is(guest.call(name, ROOT, 0, 0, 0, 0), ENOTSOCK);
    assert.is(guest.call(name, 99, 0, 0, 0, 0), EBADF);
  }
  close(opened);
});

calls('a program runs to its end, whatever that is; what it has open is closed then', async () => {
  const opened = await open('release');
  const { guest, machine } = opened;
  const run = (body: () => void): number =>
    guest.host.start({ exports: { _start: body } } as unknown as WebAssembly.Instance);
  create(guest, 'file');
  assert.throws(() => machine.fs.unmount(), /EBUSY/);
  assert.is(
    run(() => guest.call('proc_exit', 9)),
    9,
  );
  close(opened);
  const trapped = await open('release');
  create(trapped.guest, 'file');
  assert.throws(() =>
    trapped.guest.host.start({
      exports: {
        _start: () => {
          throw new WebAssembly.RuntimeError('unreachable');
        },
      },
    } as unknown as WebAssembly.Instance),
  );
  close(trapped);
});

calls('what can not be opened for the guest is refused at once', async () => {
  const machine = await openMachine('release', { volume: true });
  machine.fs.writeFile('/file', '');
  assert.throws(() => wasiFs(machine, { preopens: { '/': '/none' } }), /ENOENT/);
  assert.throws(() => wasiFs(machine, { preopens: { '/': '/file' } }), /ENOTDIR/);
  assert.throws(() => wasiFs(machine, { preopens: { '/': '/', '/x': '/none' } }), /ENOENT/);
  machine.fs.unmount();
  const without = await openMachine('release');
  assert.throws(() => wasiFs(without), /ERR_SECTORLAB_CONFIG|volume/);
});

calls.run();
