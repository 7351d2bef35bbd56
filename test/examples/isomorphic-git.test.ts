// test-timeout: 60 seconds
// What explore finds in isomorphic-git 1.44.11 (isomorphic-git.crash.mjs): a crash during a commit can leave a branch that leads nowhere. With
// an fs that syncs and renames below it, the same code survives every state.
//
// git itself looks at what is left, where it is installed: it refuses the same branch, and finds nothing wrong with the repaired one.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecoverContext } from '../../src/explore/types.ts';
import { explore, type NodeFs } from '../../src/index.ts';
import { dir, durable, options, recover, setup, workload } from './isomorphic-git.crash.mjs';

const example = suite('examples/isomorphic-git');
const hasGit = spawnSync('git', ['--version']).status === 0;
if (!hasGit)
  console.log('SKIPPED: git on what is left: git is missing; install it with: apt-get install git');

/** Copies a folder of the volume to a real one. */
function copyOut(fs: NodeFs, from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [`${from}/${entry.name}`, path.join(to, entry.name)];
    if (entry.isDirectory()) copyOut(fs, source, target);
    else writeFileSync(target, fs.readFileSync(source));
  }
}

/** What git says of the repository: exit status and words. */
function askGit(fs: NodeFs, ...args: string[]): { status: number | null; says: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-git-'));
  try {
    copyOut(fs, dir, folder);
    const environment = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
    const { status, stdout, stderr } = spawnSync('git', ['-c', 'safe.directory=*', '-C', folder, ...args], {
      encoding: 'utf8',
      env: environment,
    });
    return { status, says: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Found = RecoverContext<string, NodeFs>;

example('a process that dies while it commits can leave an empty branch, which git refuses too', async () => {
  const seen: { status: number | null; says: string }[] = [];
  const verdict = await explore<string>({
    ...options,
    setup,
    workload,
    crash: 'process',
    async recover(found: Found) {
      try {
        await recover(found);
      } catch (error) {
        if (hasGit) seen.push(askGit(found.fs, 'log', 'main'));
        throw error;
      }
    },
  });
  assert.is(verdict.verdict, 'violated');
  assert.is(verdict.exhaustive, true);
  assert.is(verdict.findings.length, 1);
  const [finding] = verdict.findings;
  assert.match(finding?.error ?? '', /NotFoundError: Could not find main/);
  assert.match(finding?.sentence ?? '', /right after open\('\/repo\/\.git\/refs\/heads\/main'\)/);
  for (const { status, says } of seen) {
    assert.is.not(status, 0);
    assert.match(says, /main/);
  }
  if (hasGit) assert.ok(seen.length > 0);
});

example('with write-back as on ext4, a power cut can leave a branch without what it leads to', async () => {
  const verdict = await explore<string>({
    ...options,
    setup,
    workload,
    recover,
    profile: 'ordered',
    flushes: false,
  });
  assert.is(verdict.verdict, 'violated');
  assert.ok(verdict.findings.some(({ error }) => error.includes('Could not find main')));
  const object = verdict.findings.find(({ missing }) =>
    missing.some(({ file }) => file?.includes('/objects/')),
  );
  assert.match(object?.error ?? '', /DecompressionError|NotFoundError/);
});

for (const profile of ['strict', 'ordered'] as const) {
  example(
    `with an fs that syncs and renames, every state is good (${profile}), for git as well`,
    async () => {
      let looks = 0;
      const verdict = await explore<string>({
        ...options,
        ...durable,
        profile,
        flushes: false,
        async recover(found: Found) {
          await durable.recover(found);
          if (!hasGit || looks++ % 8 !== 0) return;
          const { status, says } = askGit(found.fs, 'fsck', '--strict', '--no-dangling');
          assert.is(status, 0, says);
        },
      });
      assert.is(verdict.verdict, 'survived');
      assert.is(verdict.exhaustive, true);
      assert.is(verdict.acknowledged, 1);
    },
  );
}

example.run();
