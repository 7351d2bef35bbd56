// test-timeout: 120
// The test suite of another file system runs on the adapter: @zenfs/core 2.7.6 publishes its tests of `fs`, which take the
// file system to test from outside (its own are ZenFS's backends and node:fs). The files are run as they were published.
//
// 219 tests run in 18 files: 206 pass, 3 are skipped by the suite's own flags (lchmod, fs.promises.exists), as are the groups
// that need symbolic links, and the 10 below fail for the reasons that stand there. No other may.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILDS, type Build } from '../../support/machine.ts';

const PASSED = 206;

/** What does not pass, and why. */
const FAILURES: Readonly<Record<string, string>> = {
  rename: 'wants the absolute path as dest; Node and we name the path that was given',
  renameSync: 'the same',
  link: 'the same',
  linkSync: 'the same',
  'readdir returns Dirent recursively':
    'wants an absolute parentPath for a relative path; Node joins what was given',
  'read using callback API \\#239': 'wants a number of promisify(fs.read); Node gives { bytesRead, buffer }',
  mkdtempDisposableSync: 'not in Node 20',
  mkdtempDisposable: 'not in Node 20',
  'read changes atime': 'the volume keeps no access times, as with noatime',
  'write changes mtime': 'sets a time of today before; the clock of the machine begins in 1970',
};

const local = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The report of the suite, in TAP. */
function run(build: Build): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--test-reporter', 'tap', local('zenfs-suite.ts')],
    { env: { ...process.env, SETUP: local('zenfs-setup.ts'), BUILD: build }, encoding: 'utf8' },
  );
  return `${stdout}\n${stderr}`;
}

const peer = suite('zenfs');

for (const build of BUILDS) {
  peer(`${build}: the tests of ZenFS pass, but for those that want something else than Node does`, () => {
    const report = run(build);
    const failed = [...report.matchAll(/^ +not ok \d+ - (.*)$/gm)].map(([, name]) => name as string);
    assert.equal(failed.sort(), Object.keys(FAILURES).sort(), report.slice(-2000));
    const [passed, skipped] = ['pass', 'skipped'].map((name) =>
      Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(report)?.[1]),
    );
    assert.is(passed, PASSED);
    assert.is(skipped, 3);
  });
}

peer.run();
