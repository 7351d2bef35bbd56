// test-timeout: 60 seconds
// `sectorlab crash LOG --check CMD` as a process: a command checks every distinct image, several at a time; what comes out, with which exit
// status, and what is left behind: nothing.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogVerdict } from '../../../src/explore/log-check.ts';
import { exportDmLogWrites } from '../../../src/write-log/dm-export.ts';
import { openWriteLog } from '../../../src/write-log/entries.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';
import { withFolder } from '../replay/support.ts';
import { type Outcome, runCli, save } from './support.ts';

const crash = suite('cli/crash');

/** Two transactions, a log record (sectors 0, 1) and a page (8, 9) each: in the second, no flush parts them. */
function transactions(log: WriteLogBuilder): void {
  log.write(0, { fill: 0x61, tag: 3 });
  log.flush();
  log.write(8, { fill: 0x62 });
  log.flush();
  log.mark('one');
  log.write(1, { fill: 0x63, tag: 4 });
  log.write(9, { fill: 0x64 });
  log.flush();
  log.mark('two');
}

/** A command that reads the first byte of a sector, and exits 3 if a page is there without its log record. */
const ORDERED = `sh -c '
  at() { dd if="$0" bs=1 skip=$(($1 * 512)) count=1 2>/dev/null | tr "\\0" 0; }
  if [ "$(at 8)" = b ] && [ "$(at 0)" != a ]; then echo "page 8 without its record" >&2; exit 3; fi
  if [ "$(at 9)" = d ] && [ "$(at 1)" != c ]; then echo "page 9 without its record" >&2; exit 3; fi
' {}`;

/** What is left of `sectorlab crash` in the temporary folder. */
const leftIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith('sectorlab'));

/** Processes of a group that have not ended. */
function runningIn(group: string): string[] {
  const rows = execFileSync('ps', ['-eo', 'pgid=,stat=,args='], { encoding: 'utf8' }).split('\n');
  return rows.filter((row) => {
    const [pgid, state = ''] = row.trim().split(/\s+/);
    return pgid === group && !state.startsWith('Z');
  });
}

interface Run extends Outcome {
  readonly folder: string;
}

/** Runs it on a log, with a temporary folder of its own, which must be empty afterwards. */
async function run(
  folder: string,
  log: Uint8Array | string,
  args: readonly string[],
): Promise<Run & { readonly verdict: LogVerdict }> {
  const file = typeof log === 'string' ? log : save(folder, 'disk.log', log);
  const temporary = path.join(folder, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const outcome = await runCli(['crash', file, ...args], { TMPDIR: temporary });
  assert.equal(leftIn(temporary), [], 'the temporary folder is empty');
  const verdict = (
    args.includes('--json') && outcome.stdout !== '' ? JSON.parse(outcome.stdout) : {}
  ) as LogVerdict;
  return { ...outcome, folder, verdict };
}

crash('a check that no image fails: exit 0, exhaustive, in either format', () =>
  withFolder(async (folder) => {
    const ours = logOf((log) => {
      transactions(log);
    });
    const dm = exportDmLogWrites(openWriteLog(ours)).bytes();
    for (const [log, format] of [
      [ours, 'log'],
      [dm, 'dm-log-writes'],
    ] as const) {
      const { code, stderr, verdict } = await run(folder, log, ['--check', 'test -f', '--json']);
      assert.is(stderr, '');
      assert.is(code, 0);
      assert.is(verdict.verdict, 'survived');
      assert.is(verdict.exhaustive, true);
      assert.is(verdict.distinctImages, 6);
      assert.is(verdict.checkedImages, 6);
      assert.equal((verdict as unknown as { format: string }).format, format);
    }
  }),
);

crash('a check that an image fails: exit 1, with few or many jobs', () =>
  withFolder(async (folder) => {
    for (const jobs of ['1', '4']) {
      const { code, stderr, verdict } = await run(folder, logOf(transactions), [
        '--check',
        ORDERED,
        '--json',
        '--jobs',
        jobs,
      ]);
      assert.is(stderr, '');
      assert.is(code, 1);
      assert.is(verdict.verdict, 'violated');
      assert.is(verdict.checkedImages, 6);
      assert.is(verdict.failedImages, 1);
    }
  }),
);

crash('the check is told the step and the marks, and each image is checked once', () =>
  withFolder(async (folder) => {
    const told = path.join(folder, 'told');
    const check = `printf '%s %s %s|' "$SECTORLAB_CRASH_POINT" "$SECTORLAB_CRASH_LAST" "$(echo $SECTORLAB_MARKS)" >>${told}; true`;
    const { code } = await run(folder, logOf(transactions), ['--check', check, '--jobs', '1']);
    assert.is(code, 0);
    const lines = readFileSync(told, 'utf8').split('|').slice(0, -1);
    // the end first, then the images in the order in which they were found
    const images = ['0 3 ', '1 7 ', '5 14 one', '10 14 one', '12 16 one two', '12 14 one'];
    assert.equal(lines, ['16 16 one two', ...images]);
  }),
);

crash('a check may write to its image: the next one does not see it', () =>
  withFolder(async (folder) => {
    const check = `test "$(dd if={} bs=1 skip=4000 count=1 2>/dev/null | tr '\\0' 0)" = 0 && printf x | dd of={} bs=1 seek=4000 conv=notrunc 2>/dev/null`;
    const { code, verdict } = await run(folder, logOf(transactions), ['--check', check, '--json']);
    assert.is(code, 0, JSON.stringify(verdict));
  }),
);

crash('a check that does not end is a failure, and nothing of it is left', () =>
  withFolder(async (folder) => {
    const pids = path.join(folder, 'pids');
    const check = `cmp -s -n 512 {} /dev/zero && { echo $$ >>${pids}; sleep 600 & sleep 600; }; true`;
    const { code, verdict } = await run(folder, logOf(transactions), [
      '--check',
      check,
      '--timeout',
      '0.5',
      '--json',
    ]);
    assert.is(code, 1);
    assert.is(verdict.failedImages, 1);
    for (const group of readFileSync(pids, 'utf8').trim().split('\n')) assert.equal(runningIn(group), []);
  }),
);

crash('a check killed by a signal is a failure', () =>
  withFolder(async (folder) => {
    const check = 'cmp -s -n 512 {} /dev/zero && kill -SEGV $$; true';
    const { code, verdict } = await run(folder, logOf(transactions), ['--check', check, '--json']);
    assert.is(code, 1);
    assert.is(verdict.failedImages, 1);
  }),
);

crash('a base image lies below, and is not changed', () =>
  withFolder(async (folder) => {
    const base = save(folder, 'base.img', Buffer.alloc(8192, 0x7a));
    const check = `test "$(head -c 8192 {} | tail -c 1)" = z && test "$(wc -c <{})" = 16384`;
    const { code } = await run(folder, logOf(transactions), [
      '--check',
      check,
      '--base',
      base,
      '--size',
      '16KiB',
    ]);
    assert.is(code, 0);
    assert.ok(readFileSync(base).equals(Buffer.alloc(8192, 0x7a)));
  }),
);

crash('failing images are kept, with what they hold', () =>
  withFolder(async (folder) => {
    const keep = path.join(folder, 'kept');
    // it spoils the image before it fails
    const check = `${ORDERED} || { printf zzzz | dd of={} conv=notrunc 2>/dev/null; exit 3; }`;
    await run(folder, logOf(transactions), ['--check', check, '--keep', keep]);
    const [name, ...others] = readdirSync(keep).filter((file) => file.endsWith('.img'));
    assert.equal(others, []);
    const bytes = readFileSync(path.join(keep, name as string));
    assert.equal(
      [0, 1, 8, 9].map((sector) => bytes[sector * 512]),
      [0x61, 0, 0x62, 0x64],
    );
    assert.is(statSync(path.join(keep, name as string)).size, 5120);
  }),
);

crash('a finding names what is missing and what is there, with a proof, in JSON and for people', () =>
  withFolder(async (folder) => {
    const { verdict } = await run(folder, logOf(transactions), ['--check', ORDERED, '--json']);
    const [finding, ...others] = verdict.findings;
    assert.equal(others, []);
    assert.equal(
      finding?.missing.map(({ offset, length, call }) => [offset, length, call]),
      [[512, 512, 'the write tagged 4']],
    );
    assert.equal(
      finding?.present.map(({ offset }) => offset),
      [9 * 512],
    );
    assert.is(finding?.error, 'exit status 3: page 9 without its record');
    assert.is(finding?.proof?.failed, 0);
    assert.is(finding?.crashPoint.step, 12);
    assert.is(finding?.recipe.kind, 'log');
    assert.match(finding?.sentence ?? '', /sector 9 can reach the disk before sector 1/);
    const people = await run(folder, logOf(transactions), ['--check', ORDERED]);
    assert.match(
      people.stdout,
      /^log .*disk\.log \(log\): 16 entries, 4 writes \(0 FUA\), 3 flushes, 2 marks$/m,
    );
    assert.ok(people.stdout.includes(finding?.sentence ?? '?'));
    assert.not.match(people.stdout, /undefined|NaN/);
  }),
);

crash('a recipe builds its image again, without the search: the check fails on it, or by now it passes', () =>
  withFolder(async (folder) => {
    const keep = path.join(folder, 'kept');
    const base = save(folder, 'base.img', Buffer.alloc(8192, 0x7a));
    const log = save(folder, 'disk.log', logOf(transactions));
    await run(folder, log, ['--check', ORDERED, '--keep', keep, '--base', base, '--size', '32KiB']);
    const recipe = path.join(keep, 'finding-1.json');
    const again = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(['crash', '--recipe', recipe, ...args]);
      assert.is(stderr, '');
      return { code, stdout };
    };
    const fails = await again('--check', ORDERED);
    assert.is(fails.code, 1);
    assert.match(fails.stdout, /at step 12: the check fails on it: exit status 3: page 9 without its record/);
    const passes = await again('--check', 'true', '--json');
    assert.is(passes.code, 0);
    assert.is(JSON.parse(passes.stdout).error, null);
    const size = await again(
      '--check',
      'test "$(wc -c <{})" = 32768 && test "$(head -c 5 {} | tail -c 1)" = a',
    );
    assert.is(size.code, 0, 'the image has the size and the bytes of before');
  }),
);

crash('a recipe of another log is refused', () =>
  withFolder(async (folder) => {
    const keep = path.join(folder, 'kept');
    await run(folder, logOf(transactions), ['--check', ORDERED, '--keep', keep]);
    const other = save(
      folder,
      'other.log',
      logOf((log) => log.write(0)),
    );
    const recipe = path.join(keep, 'finding-1.json');
    const { code, stdout, stderr } = await runCli(['crash', other, '--recipe', recipe, '--check', 'true']);
    assert.is(code, 2);
    assert.is(stdout, '');
    assert.match(stderr, /^sectorlab: .*hash.*\n$/);
  }),
);

crash('what measures nothing exits 3, and says why', () =>
  withFolder(async (folder) => {
    const { code, stdout } = await run(
      folder,
      logOf((log) => log.write(0)),
      ['--check', 'true'],
    );
    assert.is(code, 3);
    assert.match(stdout, /nothing in the log was ever promised/);
  }),
);

crash('a check that fails without a crash exits 2, and says so', () =>
  withFolder(async (folder) => {
    const { code, stdout } = await run(folder, logOf(transactions), ['--check', 'echo no luck; false']);
    assert.is(code, 2);
    assert.match(stdout, /the check fails without a crash.*\(exit status 1: no luck\)/);
  }),
);

crash('the model is what the options say', () =>
  withFolder(async (folder) => {
    const wide = logOf((log) => {
      log.write(0, { fill: 1, sectors: 4 });
      log.flush();
    });
    const images = async (...args: string[]): Promise<number> => {
      const { verdict } = await run(folder, wide, ['--check', 'test -f', '--json', ...args]);
      return verdict.distinctImages;
    };
    assert.is(await images(), 16);
    assert.is(await images('--tearing', 'none'), 2);
    assert.is(await images('--unit', '1KiB'), 4);
    assert.is(await images('--tearing', 'unitPrefix'), 5);
    assert.is(await images('--promise', 'ATOMIC1K'), 4);
    assert.is(await images('--images', '3'), 3);
    assert.is(await images('--device', 'noCache'), 16, 'until it is complete, a write is uncertain');
  }),
);

crash.run();
