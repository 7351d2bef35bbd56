// isomorphic-git 1.44.11, unmodified, through explore: a repository with one commit, whose files are durable, gets a second one.
//
//   npx sectorlab crash test/examples/isomorphic-git.crash.mjs --crash process
//   npx sectorlab crash test/examples/isomorphic-git.crash.mjs --profile ordered
//   npx sectorlab crash test/examples/isomorphic-git.crash.mjs --export durable
//
// Nothing is asked of the second commit, only that a crash does not cost the first one: the branch must lead to either, whole.
// The package says nothing about crashes, and calls fsync nowhere. `durable` puts an fs between that syncs and renames.

import path from 'node:path';
import git from 'isomorphic-git';

/**
 * @typedef {import('../../src/index.ts').NodeFs} NodeFs
 * @typedef {{ writeFile: (file: string, data: any) => Promise<void>, mkdir: (folder: string) => Promise<unknown> }} Writing
 * @typedef {{ promises: Omit<NodeFs['promises'], 'writeFile' | 'mkdir'> & Writing }} GitFs
 * @typedef {import('../../src/explore/types.ts').WorkloadContext<string, NodeFs>} Work
 * @typedef {import('../../src/explore/types.ts').RecoverContext<string, NodeFs>} Found
 */

export const dir = '/repo';
const FIRST = 'Ada owes 10';
const SECOND = 'Ada owes 99';
const author = { name: 'Ada', email: 'ada@example.org', timestamp: 1700000000, timezoneOffset: 0 };

/**
 * Writes the ledger, and commits it with its text as the message.
 * @param {GitFs} fs
 * @param {string} text
 */
async function commit(fs, text) {
  await fs.promises.writeFile(`${dir}/ledger`, text);
  await git.add({ fs, dir, filepath: 'ledger' });
  await git.commit({ fs, dir, message: `${text}\n`, author, committer: author });
}

/** @param {{ fs: NodeFs }} context */
export async function setup({ fs }) {
  await git.init({ fs, dir, defaultBranch: 'main' });
  await commit(fs, FIRST);
}

/** @param {Work} context */
export async function workload({ fs, attempt }) {
  attempt(SECOND);
  await commit(fs, SECOND);
}

/**
 * Goes from the branch to each of its commits, and reads what they hold.
 * @param {Found} found
 */
export async function recover({ fs, must }) {
  const texts = [];
  for (const entry of await git.log({ fs, dir, ref: 'main' })) {
    const { blob } = await git.readBlob({ fs, dir, oid: entry.oid, filepath: 'ledger' });
    const text = new TextDecoder().decode(blob);
    if (entry.commit.message !== `${text}\n`) throw new Error('a commit holds another ledger');
    texts.push(text);
  }
  if (texts.at(-1) !== FIRST || texts.length > 2) throw new Error(`the history is ${texts.join(', ')}`);
  for (const text of must) if (!texts.includes(text)) throw new Error(`commit '${text}' is lost`);
}

/** A sample, in seconds: in `strict` there are four million states. */
export const options = { bound: 256, budget: { sample: 64, seconds: 10 }, maxFindings: 3 };

/**
 * What isomorphic-git writes, as a program must that wants it to be there: a new file, synced, over the old one, and its folder synced.
 * @param {NodeFs} fs
 * @returns {GitFs}
 */
export function syncing(fs) {
  /** @param {string} folder */
  const syncFolder = async (folder) => {
    const handle = await fs.promises.open(folder, 'r');
    await handle.sync();
    await handle.close();
  };
  return {
    promises: {
      ...fs.promises,
      async writeFile(file, data) {
        const folder = path.dirname(file);
        // git passes over such names, among objects and among branches
        const fresh = path.join(folder, `tmp_obj_${path.basename(file)}.lock`);
        await fs.promises.writeFile(fresh, data, { flush: true });
        await fs.promises.rename(fresh, file);
        await syncFolder(folder);
      },
      async mkdir(folder) {
        await fs.promises.mkdir(folder);
        await syncFolder(path.dirname(folder));
      },
    },
  };
}

export const durable = {
  setup,
  recover,
  /** @param {Work} context */
  async workload({ fs, attempt, ack }) {
    attempt(SECOND);
    await commit(syncing(fs), SECOND);
    ack(SECOND);
  },
};
