// test-timeout: 60
// Profiles, call by call: what only some calls do, calls that fail, and drives that do.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileSystem } from '../../../../src/fs/file-system.ts';
import { BUILDS, NO_POOL_IN_USE, poolsInUse } from '../../../support/machine.ts';
import {
  type Options,
  openProfile,
  RECORD_PROFILES,
  recordRun,
  treeOf,
  treeOn,
  treesOf,
} from './profile-support.ts';

type Calls = (fs: FileSystem) => void;
const bytes = (text: string) => new TextEncoder().encode(text);

function on(
  fs: FileSystem,
  path: string,
  flags: Parameters<FileSystem['open']>[1],
  call: (file: ReturnType<FileSystem['open']>) => void,
) {
  const file = fs.open(path, flags);
  call(file);
  file.close();
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return '';
}

for (const build of BUILDS) {
  const calls = suite(`files/volume/profile-calls (${build})`);

  async function trees(options: Options, made: Calls, setup?: Calls): Promise<string[]> {
    return treesOf(build, await recordRun(build, options, made, setup));
  }

  calls('an exchange is there as a whole or not, also between directories', async () => {
    const setup: Calls = (fs) => {
      fs.mkdir('/d');
      fs.writeFile('/a', 'a');
      fs.writeFile('/d/b', 'b');
    };
    const exchange: Calls = (fs) => fs.rename('/a', '/d/b', { exchange: true });
    for (const profile of RECORD_PROFILES)
      assert.equal(
        await trees({ profile }, exchange, setup),
        ['/a=a1 /d/ /d/b=b1', '/a=b1 /d/ /d/b=a1'],
        profile,
      );
  });

  calls('a directory moves with all that is in it, and has one name', async () => {
    const setup: Calls = (fs) => {
      for (const path of ['/c', '/d', '/c/e']) fs.mkdir(path);
      fs.writeFile('/c/e/a', 'x');
    };
    const left = await trees({ profile: 'strict' }, (fs) => fs.rename('/c/e', '/d/e'), setup);
    assert.equal(left, ['/c/ /c/e/ /c/e/a=x1 /d/', '/c/ /d/ /d/e/ /d/e/a=x1']);
  });

  calls('directories that could only form a ring stay where they were', async () => {
    const setup: Calls = (fs) => {
      fs.mkdir('/a');
      fs.mkdir('/b');
    };
    const turn: Calls = (fs) => {
      fs.rename('/a', '/b/a');
      fs.rename('/b/a', '/a');
      fs.rename('/b', '/a/b');
    };
    for (const tree of await trees({ profile: 'strict' }, turn, setup))
      assert.ok(['/a/ /b/', '/b/ /b/a/', '/a/ /a/b/'].includes(tree), tree);
  });

  calls('a directory whose own name is missing takes what is in it along', async () => {
    const make: Calls = (fs) => {
      fs.mkdir('/d');
      fs.writeFile('/d/a', '');
    };
    assert.equal(await trees({ profile: 'strict' }, make), ['', '/d/', '/d/ /d/a=']);
  });

  calls('a file without names, still open, is not there after a crash', async () => {
    const options: Options = { profile: 'strict' };
    const machine = await openProfile(build, options);
    const file = machine.fs.open('/a', 'w+');
    machine.fs.unlink('/a');
    file.write(bytes('x'));
    file.fsync();
    assert.is(await treeOn(build, options, machine.memory().fork()), '');
    file.close();
    assert.equal(machine.fs.check(), []);
    machine.close();
  });

  calls('allocated blocks, holes and zeros come as their calls made them', async () => {
    const setup: Calls = (fs) => fs.writeFile('/a', 'x'.repeat(12288));
    for (const profile of RECORD_PROFILES) {
      const punch: Calls = (fs) => on(fs, '/a', 'r+', (file) => file.punchHole(4096, 4096));
      assert.equal(await trees({ profile }, punch, setup), ['/a=x12288', '/a=x4096.4096x4096'], profile);
      const grow: Calls = (fs) => on(fs, '/a', 'r+', (file) => file.allocate(12288, 4096));
      assert.equal(await trees({ profile }, grow, setup), ['/a=x12288', '/a=x12288.4096'], profile);
    }
  });

  calls(
    'a synchronous direct write that makes a file longer in its last block is there with its size',
    async () => {
      const setup: Calls = (fs) => fs.writeFile('/a', 'x'.repeat(512));
      const append: Calls = (fs) =>
        on(fs, '/a', { write: true, direct: true, dsync: true }, (file) =>
          file.pwrite(bytes('y'.repeat(512)), 512),
        );
      for (const profile of RECORD_PROFILES)
        assert.equal(await trees({ profile }, append, setup), ['/a=x512y512'], profile);
    },
  );

  calls('modes are recorded when they are set', async () => {
    const options: Options = { profile: 'strict' };
    const machine = await openProfile(build, options);
    machine.fs.writeFile('/a', 'x');
    machine.fs.chmod('/a', 0o600);
    const after = await openProfile(build, options, machine.memory().fork());
    assert.is(after.fs.stat('/a').mode & 0o777, 0o600);
    after.close();
    machine.close();
  });

  calls('a record that can not be written makes the volume read-only, and syncs fail', async () => {
    const options: Options = { profile: 'strict' };
    const machine = await openProfile(build, options);
    const { fs } = machine;
    fs.writeFile('/a', 'x');
    const file = fs.open('/a', 'r+');
    machine.faults.add('eio on=write domain=1');
    assert.is(
      codeOf(() => fs.rename('/a', '/b')),
      '',
    );
    assert.is(
      codeOf(() => fs.rename('/b', '/c')),
      'EROFS',
    );
    assert.is(
      codeOf(() => fs.mkdir('/d')),
      'EROFS',
    );
    assert.is(
      codeOf(() => file.pwrite(bytes('y'), 0)),
      'EROFS',
    );
    assert.is(
      codeOf(() => file.fsync()),
      'EIO',
    );
    assert.is(treeOf(fs), '/b=x1');
    file.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    machine.close();
  });

  calls('an operating system that stops leaves what was called', async () => {
    for (const profile of RECORD_PROFILES) {
      const machine = await openProfile(build, { profile });
      machine.fs.writeFile('/a', 'x');
      machine.fs.rename('/a', '/b');
      const next = machine.crash('os');
      assert.is(treeOf(next.fs), '/b=x1', profile);
      assert.equal(next.fs.check(), []);
      next.close();
    }
  });

  calls.run();
}
