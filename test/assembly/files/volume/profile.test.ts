// Profiles: which files a crash may leave of a volume whose every change of metadata is a record of its own.
//
// Numbers in names are those of the sheet on crash consistency (§14). Trees are those at the end of the run: each path with its content,
// `x100` for a hundred x, a dot for a NUL.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileSystem } from '../../../../src/fs/file-system.ts';
import { BUILDS } from '../../../support/machine.ts';
import { type Options, RECORD_PROFILES, recordRun, treesOf } from './profile-support.ts';

type Calls = (fs: FileSystem) => void;
const bytes = (text: string) => new TextEncoder().encode(text);

function sync(fs: FileSystem, path: string): void {
  const file = fs.open(path, 'r');
  file.fsync();
  file.close();
}

for (const build of BUILDS) {
  const profile = suite(`files/volume/profile (${build})`);

  async function trees(options: Options, calls: Calls, setup?: Calls): Promise<string[]> {
    return treesOf(build, await recordRun(build, options, calls, setup));
  }

  profile('11 to 13: a write without a sync may be lost, with one it is not', async () => {
    const setup: Calls = (fs) => fs.writeFile('/a', 'o'.repeat(10));
    const write: Calls = (fs) => {
      const file = fs.open('/a', 'r+');
      file.pwrite(bytes('n'.repeat(10)), 0);
      file.close();
    };
    for (const name of RECORD_PROFILES) {
      assert.equal(await trees({ profile: name }, write, setup), ['/a=n10', '/a=o10'], name);
      const synced: Calls = (fs) => {
        write(fs);
        sync(fs, '/a');
      };
      assert.equal(await trees({ profile: name }, synced, setup), ['/a=n10'], name);
    }
  });

  profile(
    '16: a hundred bytes appended to a hundred leave sizes 100 or 200, with zeros where only the size is there',
    async () => {
      const append: Calls = (fs) => fs.appendFile('/a', 'y'.repeat(100));
      const setup: Calls = (fs) => fs.writeFile('/a', 'x'.repeat(100));
      const loose = ['/a=x100', '/a=x100.100', '/a=x100y100'];
      assert.equal(await trees({ profile: 'strict' }, append, setup), loose);
      assert.equal(await trees({ profile: 'alice' }, append, setup), loose);
    },
  );

  profile(
    '17: a new file that was synced may be without its name, until its directory is synced',
    async () => {
      const create: Calls = (fs) => {
        fs.writeFile('/a', 'x'.repeat(100));
        sync(fs, '/a');
      };
      const both: Calls = (fs) => {
        create(fs);
        sync(fs, '/');
      };
      assert.equal(await trees({ profile: 'strict' }, create), ['', '/a=x100']);
      assert.equal(await trees({ profile: 'alice' }, create), ['', '/a=x100']);
      assert.equal(await trees({ profile: 'ordered' }, create), ['/a=x100']);
      for (const name of RECORD_PROFILES)
        assert.equal(await trees({ profile: name }, both), ['/a=x100'], name);
    },
  );

  profile('a synced name of a file that never was leads to an empty file', async () => {
    const create: Calls = (fs) => {
      fs.writeFile('/a', 'x'.repeat(100));
      sync(fs, '/');
    };
    const left = await trees({ profile: 'strict' }, create);
    assert.equal(left, ['/a=', '/a=.100', '/a=x100']);
  });

  profile(
    '18: a rename over a file leaves the old content or the new; in alice also neither name',
    async () => {
      const rename: Calls = (fs) => fs.rename('/a', '/b');
      const setup: Calls = (fs) => {
        fs.writeFile('/a', 'new');
        fs.writeFile('/b', 'old');
      };
      const whole = ['/a=n1e1w1 /b=o1l1d1', '/b=n1e1w1'];
      assert.equal(await trees({ profile: 'strict' }, rename, setup), whole);
      assert.equal(await trees({ profile: 'ordered' }, rename, setup), whole);
      assert.equal(await trees({ profile: 'alice' }, rename, setup), [
        '',
        '/a=n1e1w1',
        '/a=n1e1w1 /b=n1e1w1',
        '/a=n1e1w1 /b=o1l1d1',
        '/b=n1e1w1',
        '/b=o1l1d1',
      ]);
    },
  );

  profile(
    'a rename between directories: both names may be there, never neither; in order it is one change',
    async () => {
      const rename: Calls = (fs) => fs.rename('/c/a', '/d/a');
      const setup: Calls = (fs) => {
        fs.mkdir('/c');
        fs.mkdir('/d');
        fs.writeFile('/c/a', 'x');
      };
      const [stays, both, moves, neither] = [
        '/c/ /c/a=x1 /d/',
        '/c/ /c/a=x1 /d/ /d/a=x1',
        '/c/ /d/ /d/a=x1',
        '/c/ /d/',
      ];
      assert.equal(await trees({ profile: 'ordered' }, rename, setup), [stays, moves]);
      assert.equal(await trees({ profile: 'strict' }, rename, setup), [stays, both, moves]);
      assert.equal(await trees({ profile: 'alice' }, rename, setup), [stays, both, neither, moves]);
    },
  );

  profile('a truncation is old or new; in alice it comes block by block from the end', async () => {
    const cut: Calls = (fs) => fs.truncate('/a', 4096);
    const setup: Calls = (fs) => fs.writeFile('/a', 'x'.repeat(12000));
    assert.equal(await trees({ profile: 'ordered' }, cut, setup), ['/a=x12000', '/a=x4096']);
    assert.equal(await trees({ profile: 'strict' }, cut, setup), ['/a=x12000', '/a=x4096']);
    assert.equal(await trees({ profile: 'alice' }, cut, setup), ['/a=x12000', '/a=x4096', '/a=x8192']);
  });

  profile(
    'replaced by rename without a sync, in order: the old content, the new, or an empty file',
    async () => {
      const replace: Calls = (fs) => {
        fs.writeFile('/t', 'new');
        fs.rename('/t', '/a');
      };
      const left = await trees({ profile: 'ordered' }, replace, (fs) => fs.writeFile('/a', 'old'));
      for (const tree of ['/a=', '/a=n1e1w1', '/a=o1l1d1', '/a=o1l1d1 /t=', '/a=o1l1d1 /t=n1e1w1'])
        assert.ok(left.includes(tree), `${tree} of ${left}`);
    },
  );

  profile.run();
}
