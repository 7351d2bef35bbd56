// machine.fs as a user meets it: files by their names, what is returned and what is thrown.
//
// Every errno of names is the core's business (test/assembly/files/volume); here are the calls, their errors' shape, text in
// and out, and arguments out of range.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../src/errors.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { assertSound, bytes, codeOf, openVolume, reopen, text, thrown } from './support.ts';

const files = suite('machine.fs');

for (const build of BUILDS) {
  files(`${build}: a machine without a volume has no files by name`, async () => {
    const machine = await openMachine(build);
    assert.throws(
      () => machine.fs,
      (error: unknown) => error instanceof ConfigError && error.field === 'volume',
    );
  });

  files(`${build}: a file keeps what is written, and tells of itself`, async () => {
    const machine = await openVolume(build);
    const { fs } = machine;
    fs.mkdir('/books', 0o750);
    fs.writeFile('books/ada', 'Ada owes 10', { mode: 0o640 });
    fs.appendFile(bytes('/books/ada'), bytes(', Bob 20'), { flush: true });
    assert.is(text(fs.readFile('/books/ada')), 'Ada owes 10, Bob 20');
    const file = fs.stat('/books/ada');
    assert.equal(
      [file.isFile, file.isDirectory, file.mode, file.size, file.links, file.sectors, file.blockSize],
      [true, false, 0o100640, 19, 1, 8, 4096],
    );
    const folder = fs.stat('/books');
    assert.equal([folder.isDirectory, folder.mode, folder.links], [true, 0o40750, 2]);
    assert.is(fs.stat('/').links, 3);
    assert.is.not(file.inode, folder.inode);
    assertSound(machine);
  });

  files(`${build}: names can be listed, moved, linked and taken away`, async () => {
    const machine = await openVolume(build);
    const { fs } = machine;
    fs.mkdir('/a');
    fs.mkdir('/a/sub');
    fs.writeFile('/a/x', 'x');
    fs.writeFile('/a/y', 'y');
    const told = fs.entries('/a').map(({ name, type, inode }) => {
      assert.is(inode, fs.stat(`/a/${name}`).inode);
      return `${name} ${type}`;
    });
    assert.equal(told.sort(), ['sub directory', 'x file', 'y file']);
    fs.rename('/a/x', '/a/y');
    assert.is(text(fs.readFile('/a/y')), 'x');
    fs.link('/a/y', '/a/sub/z');
    assert.is(fs.stat('/a/y').links, 2);
    fs.writeFile('/other', 'other');
    fs.rename('/other', '/a/y', { exchange: true });
    assert.is(text(fs.readFile('/a/y')) + text(fs.readFile('/other')), 'otherx');
    assert.is(
      codeOf(() => fs.rename('/other', '/a/y', { noReplace: true })),
      'EEXIST',
    );
    for (const name of ['/a/y', '/a/sub/z', '/other']) fs.unlink(name);
    fs.rmdir('/a/sub');
    assert.equal([fs.exists('/a'), fs.exists('/a/sub'), fs.exists('/a/y/z')], [true, false, false]);
    assertSound(machine);
  });

  files(`${build}: a listing longer than one answer of the core is whole`, async () => {
    const machine = await openVolume(build);
    const names = Array.from({ length: 300 }, (_, index) => `file-${index}-${'n'.repeat(index % 50)}`);
    for (const name of names) machine.fs.writeFile(name, '');
    assert.equal(machine.fs.readdir('/').sort(), names.sort());
  });

  files(`${build}: an error has Node's code, the call and the paths`, async () => {
    const { fs } = await openVolume(build);
    const one = thrown(() => fs.open('/none/x'));
    assert.equal(
      [one.name, one.code, one.errno, one.syscall, one.path, one.dest, one.message],
      ['StorageError', 'ENOENT', -2, 'open', '/none/x', undefined, "ENOENT: open '/none/x'"],
    );
    const two = thrown(() => fs.rename('/none', bytes('/new')));
    assert.equal(
      [two.syscall, two.path, two.dest, two.message],
      ['rename', '/none', '/new', "ENOENT: rename '/none' -> '/new'"],
    );
    fs.mkdir('/a');
    fs.writeFile('/f', '');
    for (const [call, code] of [
      [() => fs.mkdir('/a'), 'EEXIST'],
      [() => fs.open('/a', 'w'), 'EISDIR'],
      [() => fs.unlink('/a'), 'EISDIR'],
      [() => fs.link('/a', '/b'), 'EPERM'],
      [() => fs.rmdir('/'), 'EBUSY'],
      [() => fs.rename('/a', '/a/b'), 'EINVAL'],
      [() => fs.readdir('/none'), 'ENOENT'],
      [() => fs.readdir('/f'), 'ENOTDIR'],
      [() => fs.stat('/f/x'), 'ENOTDIR'],
      [() => fs.stat('n'.repeat(256)), 'ENAMETOOLONG'],
      [() => fs.stat('n/'.repeat(5000)), 'ENAMETOOLONG'],
      [() => fs.truncate('/none'), 'ENOENT'],
      [() => fs.chmod('/none', 0), 'ENOENT'],
    ] as const)
      assert.is(codeOf(call), code, String(call));
  });

  files(`${build}: arguments out of their range are ConfigErrors, and change nothing`, async () => {
    const machine = await openVolume(build);
    const { fs } = machine;
    fs.writeFile('/a', 'abc');
    const before = fs.stat('/a');
    for (const [call, field] of [
      [() => fs.open('/b', 'rw'), 'flags'],
      [() => fs.open('/b', 3), 'flags'],
      [() => fs.open('/b', 'w', 0o10000), 'mode'],
      [() => fs.open('/b', 'w', -1), 'mode'],
      [() => fs.mkdir('/b', 0.5), 'mode'],
      [() => fs.truncate('/a', -1), 'size'],
      [() => fs.truncate('/a', 2 ** 53), 'size'],
      [() => fs.chmod('/a', 0o10000), 'mode'],
      [() => fs.chown('/a', -1, 0), 'uid'],
      [() => fs.chown('/a', 0, 2 ** 32), 'gid'],
      [() => fs.utimes('/a', -1n, 0n), 'accessNs'],
      [() => fs.utimes('/a', 0n, 1n << 63n), 'modifyNs'],
    ] as const)
      assert.throws(
        call,
        (error: unknown) => error instanceof ConfigError && error.field === field,
        String(call),
      );
    assert.equal(fs.stat('/a'), before);
    assert.not(fs.exists('/b'));
    assertSound(machine);
  });

  files(`${build}: mode, owner and times stay across a power cut once they are synced`, async () => {
    const machine = await openVolume(build);
    const late = (1n << 62n) + 3n;
    machine.fs.writeFile('/a', 'abc');
    machine.fs.setAttributes('/a', { mode: 0o4711, owner: [7, 4294967295], times: [1n, late] });
    machine.fs.sync();
    machine.fs.chmod('/a', 0o600);
    machine.cutPower();
    const again = await reopen(build, machine);
    const { mode, uid, gid, accessTimeNs, modifyTimeNs } = again.fs.stat('/a');
    assert.equal([mode, uid, gid, accessTimeNs, modifyTimeNs], [0o104711, 7, 4294967295, 1n, late]);
    assertSound(again);
  });

  files(`${build}: time passes for files as it does for the machine`, async () => {
    const machine = await openVolume(build);
    machine.fs.writeFile('/a', 'a');
    const made = machine.fs.stat('/a');
    machine.advance(5_000_000);
    machine.fs.appendFile('/a', 'b');
    const { birthTimeNs, modifyTimeNs, changeTimeNs } = machine.fs.stat('/a');
    assert.is(birthTimeNs, made.birthTimeNs);
    assert.is(modifyTimeNs - made.modifyTimeNs, 5_000_000n);
    assert.is(changeTimeNs, modifyTimeNs);
  });

  files(`${build}: statfs counts what files take, and a full volume is ENOSPC`, async () => {
    const machine = await openVolume(build);
    const { fs } = machine;
    const empty = fs.statfs();
    fs.writeFile('/a', new Uint8Array(10 * 4096));
    fs.sync();
    const used = fs.statfs();
    assert.equal([empty.blocksFree - used.blocksFree, empty.inodesFree - used.inodesFree], [10, 1]);
    assert.equal([used.blockSize, used.nameMax], [4096, 255]);
    assert.is(
      codeOf(() => fs.writeFile('/big', new Uint8Array(9 * 1048576))),
      'ENOSPC',
    );
    fs.unlink('/big');
    fs.sync();
    assert.is(fs.statfs().blocksFree, used.blocksFree);
    assertSound(machine);
  });

  files(`${build}: after an unmount nothing answers, and the next machine finds everything`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w');
    file.write(bytes('kept'));
    assert.is(
      codeOf(() => machine.fs.unmount()),
      'EBUSY',
    );
    file.close();
    machine.fs.unmount();
    for (const call of [() => machine.fs.stat('/a'), () => machine.fs.unmount(), () => machine.fs.open('/a')])
      assert.is(codeOf(call), 'ENODEV');
    machine.cutPower();
    const again = await reopen(build, machine);
    assert.is(text(again.fs.readFile('/a')), 'kept');
    assertSound(again);
  });

  files(`${build}: a call on a drive that holds its completions is EDEADLK, and goes on later`, async () => {
    const machine = await openVolume(build);
    const file = machine.fs.open('/a', 'w+');
    file.write(bytes('first'));
    machine.holdCompletions(true);
    const error = thrown(() => file.fsync());
    assert.is(error.code, 'EDEADLK');
    assert.match(error.message, 'the drive holds its completions');
    file.write(bytes(' second'));
    machine.holdCompletions(false);
    machine.run();
    file.fsync();
    assert.is(text(machine.fs.readFile('/a')), 'first second');
    file.close();
    assertSound(machine);
  });
}

files.run();
