// isomorphic-git 1.44.11, which takes an `fs`, keeps a repository on a volume: init, add, commit, branch, merge, log, status,
// checkout; and what it has committed is there after a power cut when everything was synced.
//
// Object names are git's own: a hash of the content, so one number proves that every byte was kept.

import git from 'isomorphic-git';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFs } from '../../../src/adapters/node-fs.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const dir = '/repo';
const author = { name: 'Ada', email: 'ada@example.org', timestamp: 1700000000, timezoneOffset: 0 };

/** Two commits on main, one on a branch, merged. The commits' names, newest first. */
async function history(fs: ReturnType<typeof nodeFs>): Promise<string[]> {
  await git.init({ fs, dir, defaultBranch: 'main' });
  const commit = async (files: Record<string, string>, message: string): Promise<void> => {
    for (const [filepath, content] of Object.entries(files)) {
      await fs.promises.writeFile(`${dir}/${filepath}`, content);
      await git.add({ fs, dir, filepath });
    }
    await git.commit({ fs, dir, message, author });
  };
  await fs.promises.mkdir(`${dir}/books`, { recursive: true });
  await commit({ 'books/ada.txt': 'Ada owes 10\n', 'books/bob.txt': 'Bob owes 20\n' }, 'Open the books');
  await commit({ 'books/ada.txt': 'Ada owes 99\n' }, 'Ada borrows');
  await git.branch({ fs, dir, ref: 'bob', checkout: true });
  await commit({ 'books/bob.txt': 'Bob owes nothing\n' }, 'Bob pays');
  await git.checkout({ fs, dir, ref: 'main' });
  await git.merge({ fs, dir, ours: 'main', theirs: 'bob', author });
  await git.checkout({ fs, dir, ref: 'main', force: true });
  return (await git.log({ fs, dir })).map(({ oid }) => oid);
}

const open = (
  build: Build,
  drives: { memory?: ReturnType<Awaited<ReturnType<typeof openMachine>>['memory']> }[] = [{}],
) => openMachine(build, { drives, volume: true });

const peer = suite('isomorphic-git');

for (const build of BUILDS) {
  peer(`${build}: a repository is what git makes of it`, async () => {
    const machine = await open(build);
    const fs = nodeFs(machine);
    const commits = await history(fs);
    assert.is(commits.length, 3, 'the merge moves main forward');
    assert.is(fs.readFileSync(`${dir}/books/bob.txt`, 'utf8'), 'Bob owes nothing\n');
    assert.equal(
      (await git.statusMatrix({ fs, dir })).map(([file, ...state]) => [file, ...state]),
      [
        ['books/ada.txt', 1, 1, 1],
        ['books/bob.txt', 1, 1, 1],
      ],
    );
    const { blob } = await git.readBlob({ fs, dir, oid: commits[2] as string, filepath: 'books/ada.txt' });
    assert.is(new TextDecoder().decode(blob), 'Ada owes 10\n');
    assert.equal(machine.fs.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  peer(`${build}: a synced repository is whole after a power cut`, async () => {
    const machine = await open(build);
    const commits = await history(nodeFs(machine));
    machine.fs.sync();
    machine.cutPower();
    const reopened = await open(build, [{ memory: machine.memory() }]);
    const fs = nodeFs(reopened);
    assert.equal(
      (await git.log({ fs, dir })).map(({ oid }) => oid),
      commits,
    );
    assert.equal(reopened.fs.check(), []);
    await git.checkout({ fs, dir, ref: 'bob', force: true });
    assert.equal(fs.readdirSync(`${dir}/books`).sort(), ['ada.txt', 'bob.txt']);
  });
}

peer.run();
