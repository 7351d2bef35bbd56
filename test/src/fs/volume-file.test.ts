// Open files of the volume: positions, lists of buffers, holes, and what is durable when.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../src/errors.ts';
import { BUILDS } from '../../support/machine.ts';
import { assertSound, bytes, codeOf, openVolume, reopen, text } from './support.ts';

const files = suite('volume files');

for (const build of BUILDS) {
  files(`${build}: reads and writes move the position, pread and pwrite do not`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    assert.equal([file.write(bytes('hello ')), file.write(bytes('world')), file.position], [6, 5, 11]);
    assert.is(file.pwrite(bytes('W'), 6n), 1);
    const buffer = new Uint8Array(5);
    assert.is(file.pread(buffer, 6), 5);
    assert.is(text(buffer), 'World');
    assert.is(file.position, 11);
    assert.is(file.read(buffer), 0, 'at the end');
    file.position = 9;
    assert.is(file.read(buffer), 2);
    assert.is(text(buffer.subarray(0, 2)), 'ld');
    assert.is(file.position, 11);
    file.position = 13;
    file.write(bytes('!'));
    assert.is(text(machine.fs.readFile('/a')), 'hello World\0\0!');
    file.close();
    assertSound(machine);
  });

  files(`${build}: what is opened to append goes to the end, and so does its position`, async () => {
    const machine = await openVolume(build);
    machine.fs.writeFile('/log', 'one');
    const log = machine.fs.open('/log', 'a+');
    const other = machine.fs.open('/log', { write: true, append: true });
    log.write(bytes(' two'));
    other.write(bytes(' three'));
    assert.is(log.pwrite(bytes(' four'), 0), 5);
    log.write(bytes(' five'));
    assert.equal([log.position, other.position], [23, 13]);
    assert.is(text(machine.fs.readFile('/log')), 'one two three four five');
    log.close();
    other.close();
    assertSound(machine);
  });

  files(`${build}: lists of buffers are one read or write`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    assert.is(file.writev([bytes('ab'), new Uint8Array(), bytes('cde')]), 5);
    assert.is(file.writev([bytes('X'), bytes('Y')], 1), 2);
    assert.is(file.position, 5);
    const parts = [new Uint8Array(1), new Uint8Array(3), new Uint8Array(3), new Uint8Array(2)];
    assert.is(file.readv(parts, 0), 5);
    assert.equal(parts.map(text), ['a', 'XYd', 'e\0\0', '\0\0']);
    file.position = 3;
    assert.is(file.readv(parts), 2);
    assert.equal([file.readv([]), file.writev([])], [0, 0]);
    file.close();
    assertSound(machine);
  });

  for (const buffers of ['64KiB', '8MiB'])
    files(`${build}: a long transfer arrives whole through ${buffers} of client memory`, async () => {
      const machine = await openVolume(build, { buffers });
      const file = machine.fs.open('/big', 'w+');
      const content = Uint8Array.from({ length: 2 * 1048576 + 77 }, (_, index) => (index * 31) % 251);
      assert.is(file.write(content), content.length);
      assert.is(file.position, content.length);
      assert.is(Buffer.compare(machine.fs.readFile('/big'), content), 0);
      assert.is(file.pread(new Uint8Array(content.length), 1000), content.length - 1000);
      file.close();
      assertSound(machine);
    });

  files(`${build}: holes are found, made and filled`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    file.pwrite(new Uint8Array(4096).fill(1), 0);
    file.pwrite(new Uint8Array(4096).fill(2), 12288);
    assert.equal([file.seekData(0), file.seekHole(0)], [0, 4096]);
    assert.equal([file.seekData(4096), file.seekHole(12288)], [12288, 16384]);
    assert.equal([file.seekData(16384), file.seekHole(99999)], [undefined, undefined]);
    file.punchHole(0, 4096);
    assert.equal([file.seekData(0), file.size], [12288, 16384]);
    file.zeroRange(12288, 100);
    const buffer = new Uint8Array(200);
    file.pread(buffer, 12288);
    assert.equal([buffer[99], buffer[100]], [0, 2]);
    file.allocate(16384, 8192, { keepSize: true });
    assert.is(file.size, 16384);
    file.allocate(16384, 8192);
    assert.is(file.size, 24576);
    file.zeroRange(24576, 4096, { keepSize: true });
    assert.is(file.size, 24576);
    assert.is(
      codeOf(() => file.allocate(0, 1e9)),
      'ENOSPC',
    );
    file.truncate(5n);
    assert.is(file.stat().size, 5);
    file.close();
    assertSound(machine);
  });

  files(`${build}: what a descriptor may not do is refused, and a closed one does nothing`, async () => {
    const machine = await openVolume(build);
    machine.fs.writeFile('/a', 'abc');
    const reader = machine.fs.open('/a');
    const writer = machine.fs.open('/a', 'r+');
    const appender = machine.fs.open('/a', 'a');
    const folder = machine.fs.open('/');
    for (const [call, code] of [
      [() => reader.write(bytes('x')), 'EBADF'],
      [() => reader.truncate(0), 'EINVAL'],
      [() => appender.read(new Uint8Array(1)), 'EBADF'],
      [() => folder.read(new Uint8Array(1)), 'EISDIR'],
      [() => [...reader.entries()], 'ENOTDIR'],
    ] as const)
      assert.is(codeOf(call), code, String(call));
    assert.equal(
      [...folder.entries()].map(({ name }) => name),
      ['a'],
    );
    folder.fsync();
    for (const file of [reader, writer, appender, folder]) file.close();
    for (const call of [
      () => writer.write(bytes('x')),
      () => writer.fsync(),
      () => writer.stat(),
      () => writer.size,
      () => writer.close(),
      () => writer.truncate(0),
      () => writer.setAttributes({ mode: 0 }),
      () => [...folder.entries()],
    ])
      assert.is(codeOf(call), 'EBADF', String(call));
    assertSound(machine);
  });

  files(`${build}: offsets and lengths are whole numbers from 0 to 2^53 - 1`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    const one = new Uint8Array(1);
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53, -1n, 2n ** 53n])
      for (const call of [
        () => file.pread(one, bad),
        () => file.pwrite(one, bad),
        () => file.truncate(bad),
        () => file.allocate(bad, 1),
        () => file.punchHole(0, bad),
        () => file.seekData(bad),
        () => file.syncRange(bad, 1, { write: true }),
      ])
        assert.throws(call, (error: unknown) => error instanceof ConfigError, `${bad} ${call}`);
    assert.is(
      codeOf(() => file.pwrite(one, Number.MAX_SAFE_INTEGER)),
      'EFBIG',
    );
    assert.is(file.pread(one, Number.MAX_SAFE_INTEGER), 0);
    assert.is(file.size, 0);
  });

  files(`${build}: fsync, fdatasync and synchronous files are durable, other writes are not`, async () => {
    const machine = await openVolume(build);
    const write = (name: string, flags: object): ReturnType<typeof machine.fs.open> => {
      const file = machine.fs.open(name, { write: true, create: true, ...flags });
      file.write(bytes('here'));
      return file;
    };
    write('fsync', {}).fsync();
    write('fdatasync', {}).fdatasync();
    write('sync', { sync: true });
    write('dsync', { dsync: true });
    write('range', {}).syncRange(0, 0, { waitBefore: true, write: true, waitAfter: true });
    write('nothing', {});
    machine.cutPower();
    const again = await reopen(build, machine);
    for (const name of ['fsync', 'fdatasync', 'sync', 'dsync'])
      assert.is(text(again.fs.readFile(name)), 'here', name);
    for (const name of ['range', 'nothing']) assert.not(again.fs.exists(name), name);
    assertSound(again);
  });

  files(`${build}: advice reads ahead, and drops what is clean`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    file.write(new Uint8Array(65536).fill(7));
    file.fsync();
    const reads = (): number => machine.vmstat().pgpgin;
    const wholeFile = (): number => {
      const before = reads();
      assert.is(file.pread(new Uint8Array(65536), 0), 65536);
      return reads() - before;
    };
    assert.is(wholeFile(), 0, 'all of it is cached');
    file.advise(0, 0, 'dontneed');
    assert.ok(wholeFile() > 0, 'none of it is');
    file.advise(0, 0, 'dontneed');
    file.advise(0, 65536, 'willneed');
    machine.run();
    assert.is(wholeFile(), 0);
    for (const advice of ['normal', 'random', 'sequential', 'noreuse'] as const) file.advise(0, 0, advice);
    file.close();
    assertSound(machine);
  });

  files(`${build}: direct I/O takes whole sectors`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', { read: true, write: true, create: true, direct: true });
    assert.is(file.write(new Uint8Array(8192).fill(7)), 8192);
    assert.is(
      codeOf(() => file.write(new Uint8Array(100))),
      'EINVAL',
    );
    const buffer = new Uint8Array(512);
    assert.is(file.pread(buffer, 7680), 512);
    assert.is(buffer[511], 7);
    assert.is(machine.fs.readFile('/a')[8191], 7, 'through the page cache');
    file.close();
    assertSound(machine);
  });
}

files.run();
