// test-timeout: 60 seconds
// ^C in the middle of `sectorlab crash`: what was measured so far is printed, the exit status is 130, and neither a check nor an image is left.

import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VerdictFacts } from '../../../src/explore/types.ts';
import { logOf } from '../../support/write-log-builder.ts';
import { withFolder } from '../replay/support.ts';
import { type Outcome, type Started, save, startCli } from './support.ts';

const stop = suite('cli/crash-stop');

const WITHIN_MS = 2000;
const LEDGER = fileURLToPath(new URL('modules/ledger.crash.mjs', import.meta.url));

interface Interrupted extends Outcome {
  readonly tookMs: number;
}

async function interrupt({ child, outcome }: Started, signal: NodeJS.Signals): Promise<Interrupted> {
  const start = performance.now();
  child.kill(signal);
  const result = await outcome;
  return { ...result, tookMs: performance.now() - start };
}

/** Resolves when a file is there. */
async function appears(file: string): Promise<void> {
  const watcher = watch(path.dirname(file));
  while (!existsSync(file)) await once(watcher, 'change');
  watcher.close();
}

/** Twelve writes and no flush before the last: 4,096 images and more. */
const LOG = logOf((log) => {
  for (let sector = 0; sector < 12; sector++) log.write(sector);
  log.flush();
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  stop(`${signal} while checks run ends them, and prints what was checked`, () =>
    withFolder(async (folder) => {
      const temporary = path.join(folder, 'tmp');
      mkdirSync(temporary);
      const count = path.join(folder, 'count');
      const waiting = path.join(folder, 'waiting');
      // the first few are quick; then one waits until it is ended
      const check = `echo >>${count}; [ $(wc -l <${count}) -lt 6 ] || { echo $$ >${waiting}.new; mv ${waiting}.new ${waiting}; sleep 600; }; test -f`;
      const started = startCli(
        ['crash', save(folder, 'disk.log', LOG), '--check', check, '--jobs', '1', '--json'],
        { TMPDIR: temporary },
      );
      await appears(waiting);
      const { code, stdout, stderr, tookMs } = await interrupt(started, signal);
      assert.is(stderr, '');
      assert.is(code, 130);
      assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
      const verdict = JSON.parse(stdout) as VerdictFacts;
      assert.is(verdict.stopped, 'signal');
      assert.is(verdict.exhaustive, false);
      // one of the five was the look at the end
      assert.is(verdict.checkedImages, 4);
      assert.equal(readdirSync(temporary), []);
      const stat = `/proc/${readFileSync(waiting, 'utf8').trim()}/stat`;
      assert.ok(!existsSync(stat) || / Z /.test(readFileSync(stat, 'utf8')), 'the check has ended');
    }),
  );
}

stop('^C while a module is explored prints what was checked', async () => {
  const started = startCli(['crash', LEDGER, '--export', 'slow', '--json', '--images', '100000']);
  // the first is the look at the end
  let checks = 0;
  while (checks < 3) {
    const [text] = (await once(started.child.stderr, 'data')) as [string];
    checks += text.split('checking').length - 1;
  }
  const { code, stdout, tookMs } = await interrupt(started, 'SIGINT');
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
  assert.is(code, 130);
  assert.is((JSON.parse(stdout) as VerdictFacts).stopped, 'signal');
});

stop.run();
