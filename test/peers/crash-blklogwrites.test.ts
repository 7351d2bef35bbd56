// test-timeout: 60 seconds
// `sectorlab crash` on a log of QEMU's blklogwrites: what a disk behind qemu-io could have lost, with a command as the check.

import { execFileSync, spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VerdictFacts } from '../../src/explore/types.ts';
import { runCli } from '../src/cli/support.ts';
import { withFolder } from '../src/replay/support.ts';

const QEMU_IO = '/usr/bin/qemu-io';
const peer = suite('crash of a blklogwrites log');

/** A log record and its page; with a flush between them, or without. */
function record(folder: string, isFlushed: boolean): string {
  const [disk, log] = [path.join(folder, 'disk'), path.join(folder, 'log')];
  writeFileSync(disk, '');
  truncateSync(disk, 65536);
  writeFileSync(log, '');
  const image = `driver=blklogwrites,file.driver=file,file.filename=${disk},log.driver=file,log.filename=${log}`;
  const commands = ['write -P 97 0 512', ...(isFlushed ? ['flush'] : []), 'write -P 98 4096 512', 'flush'];
  const options = ['-t', 'writeback', '--image-opts', image];
  execFileSync(QEMU_IO, [...options, ...commands.flatMap((command) => ['-c', command])]);
  return log;
}

/** The page must not be there without its record. */
const CHECK = `sh -c 'test "$(dd if="$0" bs=1 skip=4096 count=1 2>/dev/null)" != b || test "$(head -c 1 "$0")" = a' {}`;

if (spawnSync(QEMU_IO, ['--version']).status === 0) {
  for (const [isFlushed, code] of [
    [false, 1],
    [true, 0],
  ] as const) {
    peer(`a page ${isFlushed ? 'behind' : 'without'} a flush of its record exits ${code}`, () =>
      withFolder(async (folder) => {
        const log = record(folder, isFlushed);
        const outcome = await runCli(['crash', log, '--check', CHECK, '--json']);
        assert.is(outcome.stderr, '');
        assert.is(outcome.code, code);
        const verdict = JSON.parse(outcome.stdout) as VerdictFacts & { readonly format: string };
        assert.is(verdict.format, 'dm-log-writes');
        assert.is(verdict.exhaustive, true);
        assert.equal(
          verdict.findings.map(({ missing }) => missing[0]?.offset),
          isFlushed ? [] : [0],
        );
      }),
    );
  }
} else {
  console.log(
    `SKIPPED: crash of a blklogwrites log: ${QEMU_IO} is missing; install it with: apt-get install qemu-utils`,
  );
}

peer.run();
