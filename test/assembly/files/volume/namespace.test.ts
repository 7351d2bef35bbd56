// Names of the volume: every errno of every call, and what each call leaves behind. In tables of one line a claim.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ATTRIBUTE_MODE,
  ATTRIBUTE_OWNER,
  ATTRIBUTE_TIMES,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DIRECTORY,
  OPEN_EXCLUSIVE,
  OPEN_READ,
  OPEN_TRUNCATE,
  OPEN_WRITE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  STAT_ACCESS_TIME,
  STAT_GID,
  STAT_MODE,
  STAT_MODIFY_TIME,
  STAT_UID,
} from '../../../../assembly/layout.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, poolsInUse } from '../../../support/machine.ts';
import { ERRNO, type RawStat, RawVolume } from './raw-volume.ts';

const names = suite('files/volume/namespace');
const LONG = 'n'.repeat(255);

/** `/d/` with a file, `/d/sub/`, an empty `/e/`, and a file `/f`. */
async function tree(build: Build): Promise<RawVolume> {
  const volume = await RawVolume.fresh(build);
  assert.is(volume.mkdir('/d'), 0);
  assert.is(volume.mkdir('/d/sub'), 0);
  assert.is(volume.mkdir('/e'), 0);
  assert.is(volume.create('/f'), 0);
  assert.is(volume.create('/d/file'), 0);
  return volume;
}

function statOf(volume: RawVolume, path: string): RawStat {
  const stat = volume.stat(path);
  if (typeof stat === 'number') throw new Error(`${path}: ${stat}`);
  return stat;
}

function over(volume: RawVolume): void {
  volume.machine.run();
  assert.equal(poolsInUse(volume.machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  names(`${build}: without a mounted volume every call answers ENODEV`, async () => {
    const volume = await RawVolume.open(build);
    assert.is(volume.openFile('/'), ERRNO.ENODEV);
    assert.is(volume.mkdir('/a'), ERRNO.ENODEV);
    assert.is(volume.stat('/'), ERRNO.ENODEV);
    assert.is(volume.rename('/a', '/b'), ERRNO.ENODEV);
    assert.is(
      volume.call((exports) => exports.volumeStatfs(volume.scratch)),
      ERRNO.ENODEV,
    );
  });

  names(`${build}: a path is UTF-8 between slashes, from the root, with '.' and '..'`, async () => {
    const volume = await tree(build);
    const root = statOf(volume, '/').inode;
    const file = statOf(volume, '/d/file').inode;
    for (const path of ['/', '.', '..', '//', '/..', '/d/..', 'd/sub/../..', '/./', '/d/./sub/../../'])
      assert.is(statOf(volume, path).inode, root, path);
    for (const path of ['/d/file', 'd/file', '//d///file', './d/file', 'd/sub/../file', '../d/file'])
      assert.is(statOf(volume, path).inode, file, path);
    const table: [path: string | Uint8Array, errno: number][] = [
      ['', ERRNO.ENOENT],
      ['/none', ERRNO.ENOENT],
      ['/none/x', ERRNO.ENOENT],
      ['/none/', ERRNO.ENOENT],
      ['/f/', ERRNO.ENOTDIR],
      ['/f/x', ERRNO.ENOTDIR],
      ['/f/.', ERRNO.ENOTDIR],
      ['/f/..', ERRNO.ENOTDIR],
      [`/${LONG}`, ERRNO.ENOENT],
      [`/${LONG}n`, ERRNO.ENAMETOOLONG],
      [`${'/.'.repeat(2047)}/`, 0],
      [`${'/.'.repeat(2048)}`, ERRNO.ENAMETOOLONG],
      ['/a\0b', ERRNO.EINVAL],
      [new Uint8Array([47, 0xff]), ERRNO.EILSEQ],
      [new Uint8Array([47, 0xc0, 0x80]), ERRNO.EILSEQ],
      [new Uint8Array([47, 0xc3]), ERRNO.EILSEQ],
      [new Uint8Array([47, 0xed, 0xa0, 0x80]), ERRNO.EILSEQ],
      [new Uint8Array([47, 0xf4, 0x90, 0x80, 0x80]), ERRNO.EILSEQ],
      [new Uint8Array([47, 0xe2, 0x82, 0x28]), ERRNO.EILSEQ],
    ];
    for (const [path, errno] of table) {
      const stat = volume.stat(path);
      assert.is(typeof stat === 'number' ? stat : 0, errno, String(path));
    }
    assert.is(volume.create('/Grüße 🙂'), 0);
    assert.is(volume.create(`/${LONG}`), 0);
    assert.equal(volume.names('/'), ['Grüße 🙂', 'd/', 'e/', 'f', LONG].sort());
    over(volume);
  });

  names(`${build}: open`, async () => {
    const volume = await tree(build);
    const RW = OPEN_READ | OPEN_WRITE;
    const table: [path: string, flags: number, errno: number][] = [
      ['/f', 0, ERRNO.EINVAL],
      ['/f', OPEN_CREATE, ERRNO.EINVAL],
      ['/f', OPEN_READ | 1024, ERRNO.EINVAL],
      ['/f', OPEN_READ | OPEN_CREATE | OPEN_DIRECTORY, ERRNO.EINVAL],
      ['/none', OPEN_READ, ERRNO.ENOENT],
      ['/none/x', RW | OPEN_CREATE, ERRNO.ENOENT],
      ['/f', RW | OPEN_CREATE | OPEN_EXCLUSIVE, ERRNO.EEXIST],
      ['/d', RW | OPEN_CREATE | OPEN_EXCLUSIVE, ERRNO.EEXIST],
      ['/', OPEN_READ | OPEN_CREATE | OPEN_EXCLUSIVE, ERRNO.EEXIST],
      ['/d', OPEN_WRITE, ERRNO.EISDIR],
      ['/d', RW, ERRNO.EISDIR],
      ['/d', OPEN_READ | OPEN_TRUNCATE, ERRNO.EISDIR],
      ['/d', OPEN_READ | OPEN_CREATE, ERRNO.EISDIR],
      ['/d/.', OPEN_READ | OPEN_CREATE, ERRNO.EISDIR],
      ['/d', OPEN_READ | OPEN_DIRECT, ERRNO.EINVAL],
      ['/new/', RW | OPEN_CREATE, ERRNO.EISDIR],
      ['/f/', RW | OPEN_CREATE, ERRNO.EISDIR],
      ['/f/', OPEN_READ, ERRNO.ENOTDIR],
      ['/f', OPEN_READ | OPEN_DIRECTORY, ERRNO.ENOTDIR],
      ['/f/x', RW | OPEN_CREATE, ERRNO.ENOTDIR],
    ];
    for (const [path, flags, errno] of table)
      assert.is(volume.openFile(path, flags), errno, `${path} ${flags}`);
    for (const [path, flags] of [
      ['/f', OPEN_READ],
      ['/f', RW | OPEN_CREATE],
      ['/f', RW | OPEN_TRUNCATE],
      ['/f', RW | OPEN_EXCLUSIVE],
      ['/d', OPEN_READ],
      ['/d/', OPEN_READ | OPEN_DIRECTORY],
      ['/d/new', RW | OPEN_CREATE | OPEN_EXCLUSIVE],
    ] as const) {
      const descriptor = volume.openFile(path, flags);
      assert.ok(descriptor >= 3, `${path} ${flags}: ${descriptor}`);
      assert.is(volume.close(descriptor), 0);
    }
    assert.is(statOf(volume, '/d/new').mode, 0o100644);
    over(volume);
  });

  names(`${build}: mkdir, rmdir, unlink and link refuse what Linux refuses`, async () => {
    const volume = await tree(build);
    const table: [claim: string, result: number, errno: number][] = [
      ['mkdir /', volume.mkdir('/'), ERRNO.EEXIST],
      ['mkdir .', volume.mkdir('.'), ERRNO.EEXIST],
      ['mkdir /d', volume.mkdir('/d'), ERRNO.EEXIST],
      ['mkdir /f', volume.mkdir('/f'), ERRNO.EEXIST],
      ['mkdir /f/x', volume.mkdir('/f/x'), ERRNO.ENOTDIR],
      ['mkdir /none/x', volume.mkdir('/none/x'), ERRNO.ENOENT],
      ['mkdir too long', volume.mkdir(`/${LONG}x`), ERRNO.ENAMETOOLONG],
      ['mkdir with slashes', volume.mkdir('/g//'), 0],
      ['rmdir /', volume.rmdir('/'), ERRNO.EBUSY],
      ['rmdir /d/.', volume.rmdir('/d/.'), ERRNO.EINVAL],
      ['rmdir /d/sub/..', volume.rmdir('/d/sub/..'), ERRNO.ENOTEMPTY],
      ['rmdir /d', volume.rmdir('/d'), ERRNO.ENOTEMPTY],
      ['rmdir /f', volume.rmdir('/f'), ERRNO.ENOTDIR],
      ['rmdir /none', volume.rmdir('/none'), ERRNO.ENOENT],
      ['rmdir /g/', volume.rmdir('/g/'), 0],
      ['unlink /', volume.unlink('/'), ERRNO.EISDIR],
      ['unlink /d', volume.unlink('/d'), ERRNO.EISDIR],
      ['unlink /d/', volume.unlink('/d/'), ERRNO.EISDIR],
      ['unlink /d/..', volume.unlink('/d/..'), ERRNO.EISDIR],
      ['unlink /f/', volume.unlink('/f/'), ERRNO.ENOTDIR],
      ['unlink /none', volume.unlink('/none'), ERRNO.ENOENT],
      ['link of a directory', volume.link('/d', '/x'), ERRNO.EPERM],
      ['link to what exists', volume.link('/f', '/d/file'), ERRNO.EEXIST],
      ['link to the root', volume.link('/f', '/'), ERRNO.EEXIST],
      ['link of nothing', volume.link('/none', '/x'), ERRNO.ENOENT],
      ['link into nothing', volume.link('/f', '/none/x'), ERRNO.ENOENT],
      ['link with a slash behind', volume.link('/f', '/x/'), ERRNO.ENOENT],
      ['link of a file with a slash', volume.link('/f/', '/x'), ERRNO.ENOTDIR],
      ['link below a file', volume.link('/f', '/f/x'), ERRNO.ENOTDIR],
    ];
    for (const [claim, result, errno] of table) assert.is(result, errno, claim);
    assert.equal(volume.names('/'), ['d/', 'e/', 'f']);
    over(volume);
  });

  names(`${build}: rename refuses what Linux refuses, and then nothing has changed`, async () => {
    const volume = await tree(build);
    const table: [from: string, to: string, flags: number, errno: number][] = [
      ['/none', '/x', 0, ERRNO.ENOENT],
      ['/f', '/none/x', 0, ERRNO.ENOENT],
      ['/f', '/f/x', 0, ERRNO.ENOTDIR],
      ['/', '/x', 0, ERRNO.EBUSY],
      ['/d', '/', 0, ERRNO.EBUSY],
      ['/d/.', '/x', 0, ERRNO.EBUSY],
      ['/d', '/e/..', 0, ERRNO.EBUSY],
      ['/d', '/d/sub/x', 0, ERRNO.EINVAL],
      ['/d', '/d/x', 0, ERRNO.EINVAL],
      ['/d/sub', '/d', 0, ERRNO.ENOTEMPTY],
      ['/d/sub', '/d', RENAME_EXCHANGE, ERRNO.EINVAL],
      ['/d', '/d/sub', RENAME_EXCHANGE, ERRNO.EINVAL],
      ['/e', '/d', 0, ERRNO.ENOTEMPTY],
      ['/e', '/f', 0, ERRNO.ENOTDIR],
      ['/f', '/e', 0, ERRNO.EISDIR],
      ['/f/', '/x', 0, ERRNO.ENOTDIR],
      ['/f', '/x/', 0, ERRNO.ENOTDIR],
      ['/f', '/d/file', RENAME_NOREPLACE, ERRNO.EEXIST],
      ['/f', '/x', RENAME_EXCHANGE, ERRNO.ENOENT],
      ['/f', '/x', RENAME_EXCHANGE | RENAME_NOREPLACE, ERRNO.EINVAL],
      ['/f', '/x', 4, ERRNO.EINVAL],
      ['/d', '/f/', RENAME_EXCHANGE, ERRNO.ENOTDIR],
    ];
    for (const [from, to, flags, errno] of table)
      assert.is(volume.rename(from, to, flags), errno, `${from} → ${to} ${flags}`);
    assert.equal(volume.names('/'), ['d/', 'e/', 'f']);
    assert.equal(volume.names('/d'), ['file', 'sub/']);
    over(volume);
  });

  names(`${build}: rename moves, replaces and exchanges, and links of directories follow`, async () => {
    const volume = await tree(build);
    const file = statOf(volume, '/d/file').inode;
    assert.is(volume.rename('/d/file', '/f'), 0, 'over a file');
    assert.is(statOf(volume, '/f').inode, file);
    assert.is(volume.rename('/d', '/e'), 0, 'over an empty directory');
    assert.equal(volume.names('/'), ['e/', 'f']);
    assert.is(statOf(volume, '/').links, 3);
    assert.is(volume.mkdir('/g'), 0);
    assert.is(volume.rename('/e/sub', '/g/moved', RENAME_NOREPLACE), 0);
    assert.equal([statOf(volume, '/e').links, statOf(volume, '/g').links], [2, 3]);
    assert.is(statOf(volume, '/g/moved/..').inode, statOf(volume, '/g').inode);
    assert.is(volume.rename('/g/moved', '/f', RENAME_EXCHANGE), 0, 'a directory and a file');
    assert.is(statOf(volume, '/g/moved').inode, file);
    assert.is(statOf(volume, '/f/..').inode, statOf(volume, '/').inode);
    assert.equal([statOf(volume, '/').links, statOf(volume, '/g').links], [5, 2]);
    assert.is(volume.link('/g/moved', '/again'), 0);
    assert.is(volume.rename('/g/moved', '/again'), 0, 'two names of one file: nothing happens');
    assert.equal(volume.names('/g'), ['moved']);
    assert.is(volume.rename('/again', '/again'), 0);
    assert.is(volume.rename('/f/', '/h/'), 0, 'a directory may have slashes behind');
    assert.equal(volume.names('/'), ['again', 'e/', 'g/', 'h/']);
    over(volume);
  });

  names(`${build}: a file lives until its last name and its last descriptor are gone`, async () => {
    const volume = await tree(build);
    const before = statOf(volume, '/f');
    assert.is(volume.link('/f', '/d/again'), 0);
    assert.is(statOf(volume, '/f').links, 2);
    const descriptor = volume.openFile('/f');
    assert.is(volume.unlink('/f'), 0);
    assert.is(volume.unlink('/d/again'), 0);
    assert.is((volume.fstat(descriptor) as RawStat).links, 0);
    assert.is(volume.create('/other'), 0);
    assert.is.not(statOf(volume, '/other').inode, before.inode, 'the number is still taken');
    assert.is(volume.close(descriptor), 0);
    volume.machine.run();
    assert.is(volume.create('/f'), 0);
    assert.is(statOf(volume, '/f').inode, before.inode, 'the number is free again');
    assert.is(statOf(volume, '/f').generation, before.generation + 1);
    const directory = volume.openFile('/e', OPEN_READ);
    assert.is(volume.rmdir('/e'), 0);
    assert.equal(volume.read(directory), []);
    assert.is((volume.fstat(directory) as RawStat).links, 0);
    assert.is(volume.close(directory), 0);
    over(volume);
  });

  names(`${build}: inodes and names run out with ENOSPC`, async () => {
    const volume = await RawVolume.fresh(build);
    let made = 0;
    while (volume.create(`/f${made}`) === 0) made++;
    assert.is(made, 63, 'all inodes but the root');
    assert.is(volume.create('/one-more'), ERRNO.ENOSPC);
    assert.is(volume.mkdir('/one-more'), ERRNO.ENOSPC);
    let linked = 0;
    while (volume.link('/f0', `/l${linked}`) === 0) linked++;
    assert.is(linked, 88 - 63, 'all names');
    assert.is(volume.link('/f0', '/one-more'), ERRNO.ENOSPC);
    assert.is(volume.unlink('/f1'), 0);
    assert.is(volume.rename('/l0', '/f2'), 0, 'a rename needs no room');
    volume.machine.run();
    assert.is(volume.mkdir('/now'), 0);
    over(volume);
  });

  names(`${build}: a file has 65,000 names at most, a directory 64,998 subdirectories`, async () => {
    const volume = await RawVolume.fresh(build, {
      drives: [{ size: 134217728 }],
      volume: { inodes: 65100, extents: 16, mount: false },
      buffers: 65536,
    });
    assert.is(volume.create('/f'), 0);
    for (let index = 1; index < 65000; index++) volume.link('/f', `/${index}`);
    assert.is(statOf(volume, '/f').links, 65000);
    assert.is(volume.link('/f', '/one-more'), ERRNO.EMLINK);
    for (let index = 1; index < 65000; index++) volume.unlink(`/${index}`);
    assert.is(volume.mkdir('/e'), 0);
    assert.is(volume.mkdir('/d'), 0);
    for (let index = 0; index < 64998; index++) volume.mkdir(`/d/${index}`);
    assert.is(statOf(volume, '/d').links, 65000);
    assert.is(volume.mkdir('/d/one-more'), ERRNO.EMLINK);
    assert.is(volume.rename('/e', '/d/one-more'), ERRNO.EMLINK);
    assert.is(volume.rename('/f', '/d/file'), 0);
    assert.is(volume.rename('/e', '/d/file', RENAME_EXCHANGE), ERRNO.EMLINK);
    assert.is(volume.rename('/e', '/d/7'), 0, 'one directory for another');
    assert.is(statOf(volume, '/d').links, 65000);
  });

  names(`${build}: the table of descriptors can be full, and then nothing is made`, async () => {
    const volume = await tree(build);
    let last = 0;
    while (last >= 0) last = volume.openFile('/f', OPEN_READ);
    assert.is(last, ERRNO.EMFILE);
    assert.is(volume.openFile('/new', OPEN_WRITE | OPEN_CREATE), ERRNO.EMFILE);
    assert.is(volume.stat('/new'), ERRNO.ENOENT);
  });

  names(`${build}: a listing gives each entry once, whatever comes and goes`, async () => {
    const volume = await RawVolume.fresh(build);
    const made = Array.from({ length: 20 }, (_, index) => `file-${String(index).padStart(2, '0')}`);
    for (const name of made) assert.is(volume.create(`/${name}`), 0);
    assert.equal(volume.names('/'), made);
    const small = volume.list('/', 64);
    assert.equal(typeof small === 'number' ? small : small.map(({ name }) => name), made);
    const descriptor = volume.openFile('/', OPEN_READ);
    const seen = volume.read(descriptor, 0, 5 * 24);
    if (typeof seen === 'number') throw new Error(`${seen}`);
    assert.is(seen.length, 5);
    for (const gone of ['file-01', 'file-04', 'file-10']) assert.is(volume.unlink(`/${gone}`), 0);
    assert.is(volume.create('/late'), 0);
    assert.is(volume.rename('/file-15', '/file-15-renamed'), 0);
    const rest = volume.read(descriptor, seen.at(-1)?.cookie);
    if (typeof rest === 'number') throw new Error(`${rest}`);
    const all = [...seen, ...rest].map(({ name }) => name);
    const stayed = made.filter((name) => !['file-01', 'file-04', 'file-10', 'file-15'].includes(name));
    for (const name of stayed) assert.is(all.filter((other) => other === name).length, 1, name);
    assert.is(all.filter((name) => name.startsWith('file-15')).length, 1);
    assert.is(volume.read(descriptor, 0, 23), ERRNO.EINVAL, 'no room for the first entry');
    assert.equal(volume.read(descriptor, 0xffffffff), []);
    assert.is(volume.read(volume.openFile('/late')), ERRNO.ENOTDIR);
    assert.is(volume.read(99), ERRNO.EBADF);
  });

  names(`${build}: times move as Linux moves them, and setting attributes sets what it names`, async () => {
    const volume = await tree(build);
    const later = () => volume.machine.advance(1000);
    const start = statOf(volume, '/d');
    later();
    assert.is(volume.create('/d/new'), 0);
    const made = statOf(volume, '/d');
    assert.is(made.modifyTime, start.modifyTime + 1000);
    assert.equal([made.changeTime, made.accessTime], [made.modifyTime, start.accessTime]);
    later();
    assert.is(volume.link('/d/new', '/linked'), 0);
    const linked = statOf(volume, '/linked');
    assert.is(linked.changeTime, made.modifyTime + 1000, 'a link is a change of the inode');
    assert.is(linked.modifyTime, made.modifyTime, 'and not of its content');
    const set = (target: string | number, mask: number) =>
      volume.setAttributes(target, mask, (at) => {
        const { memory } = volume.machine.core;
        memory.setU32(at + STAT_MODE, 0o100600);
        memory.setU32(at + STAT_UID, 7);
        memory.setU32(at + STAT_GID, 8);
        memory.setU64(at + STAT_ACCESS_TIME, 1e15);
        memory.setU64(at + STAT_MODIFY_TIME, 2e15);
      });
    assert.is(set('/d', ATTRIBUTE_MODE), 0);
    assert.is(statOf(volume, '/d').mode, 0o040600, 'the type stays');
    assert.is(statOf(volume, '/d').modifyTime, made.modifyTime);
    const file = volume.openFile('/f');
    assert.is(set(file, ATTRIBUTE_TIMES | ATTRIBUTE_OWNER), 0);
    assert.equal([statOf(volume, '/f').accessTime, statOf(volume, '/f').modifyTime], [1e15, 2e15]);
    assert.is(set('/none', ATTRIBUTE_MODE), ERRNO.ENOENT);
    assert.is(set('/f', 8), ERRNO.EINVAL);
    assert.is(set(volume.machine.openFile('drive0').descriptor, ATTRIBUTE_MODE), ERRNO.EINVAL);
    over(volume);
  });

  names(`${build}: addresses that are not the client's are EFAULT`, async () => {
    const volume = await tree(build);
    const file = volume.openFile('/f');
    const root = volume.openFile('/', OPEN_READ);
    const [path, bytes] = volume.put('/f');
    const far = 0x7fffff00;
    const calls = [
      volume.call((exports) => exports.volumeOpen(far, 2, OPEN_READ, 0)),
      volume.call((exports) => exports.volumeOpen(path, -1, OPEN_READ, 0)),
      volume.call((exports) => exports.volumeOpen(0, 5, OPEN_READ, 0)),
      volume.call((exports) => exports.volumeMkdir(far, 2, 0)),
      volume.call((exports) => exports.volumeRmdir(far, 2)),
      volume.call((exports) => exports.volumeUnlink(far, 2)),
      volume.call((exports) => exports.volumeRename(path, bytes, far, 2, 0)),
      volume.call((exports) => exports.volumeLink(far, 2, path, bytes)),
      volume.call((exports) => exports.volumeStat(path, bytes, far)),
      volume.call((exports) => exports.volumeSetAttributes(path, bytes, 1, far)),
      volume.call((exports) => exports.volumeStatfs(far)),
      volume.call((exports) => exports.fileStat(file, far)),
      volume.call((exports) => exports.volumeReaddir(root, 0, far, 64)),
    ];
    assert.equal(
      calls,
      calls.map(() => ERRNO.EFAULT),
    );
  });

  names(`${build}: a drive has a stat as well`, async () => {
    const volume = await tree(build);
    const drive = volume.fstat(volume.machine.openFile('drive0').descriptor);
    const fields = typeof drive === 'number' ? drive : [drive.mode, drive.bytes, drive.links];
    assert.equal(fields, [0o060660, 1048576, 1]);
    assert.is(volume.fstat(99), ERRNO.EBADF);
  });
}

names.run();
