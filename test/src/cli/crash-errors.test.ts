// `sectorlab crash` on what it can not take: exit 2, nothing on stdout, one line on stderr that names what is wrong.

import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_ENTRY_KIND, LOG_HEADER_SIZE } from '../../../assembly/layout.ts';
import { logOf } from '../../support/write-log-builder.ts';
import { withFolder } from '../replay/support.ts';
import { runCli, save } from './support.ts';

const errors = suite('cli/crash-errors');

const LOG = logOf((log) => {
  log.write(0);
  log.flush();
  log.mark('done');
});

async function assertRefused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runCli(['crash', ...args]);
  assert.is(stdout, '', 'stdout');
  assert.match(stderr, message);
  assert.match(stderr, /^sectorlab: [^\n]+\n$/, 'one line');
  assert.is(code, 2);
}

errors('what is no log is refused by name', () =>
  withFolder(async (folder) => {
    const noise = save(folder, 'noise.img', Buffer.alloc(5000, 7));
    await assertRefused(
      [noise, '--check', 'true'],
      /noise\.img is no write log of sectorlab, no log of dm-log-writes/,
    );
    await assertRefused([save(folder, 'empty', ''), '--check', 'true'], /empty is no write log/);
    await assertRefused([path.join(folder, 'none.log'), '--check', 'true'], /ENOENT: open '.*none\.log'/);
    await assertRefused([folder, '--check', 'true'], /EISDIR: open/);
    const damaged = save(folder, 'damaged.log', LOG.with(LOG_HEADER_SIZE + LOG_ENTRY_KIND, 99));
    await assertRefused([damaged, '--check', 'true'], /damaged\.log at offset \d+: /);
  }),
);

/** Options for a good log, and what the line says of them. */
const BAD_OPTIONS: readonly [args: readonly string[], message: RegExp][] = [
  [[], /--check is missing/],
  [['--check', ''], /--check is missing/],
  [['--check', 'no-such-command-at-all'], /the check 'no-such-command-at-all' can not be run: .*not found/],
  [['--check', '/etc/passwd'], /the check '\/etc\/passwd' can not be run: .*denied/],
  [['--check', 'true', '--frobnicate'], /unknown option '--frobnicate'/],
  [
    ['--check', 'true', '--jobs', '0'],
    /'--jobs <n>' argument '0' is invalid. It must be a whole number from 1 to 1024/,
  ],
  [
    ['--check', 'true', '--timeout', '0'],
    /'--timeout <seconds>' argument '0' is invalid. It must be a number above 0/,
  ],
  [
    ['--check', 'true', '--tearing', 'some'],
    /'--tearing <how>' argument 'some' is invalid. Allowed choices are none, units/,
  ],
  [['--check', 'true', '--unit', '700'], /--unit is '?700'?; it must be a power of two from 512 to 65536/],
  [['--check', 'true', '--promise', 'NONE'], /--promise is 'NONE'; it must be/],
  [['--check', 'true', '--drive', '4'], /--drive is 4; it must be one of the log's, from 0 to 0/],
  [
    ['--check', 'true', '--start-mark', 'begin'],
    /--start-mark is 'begin'; it must be the text of a mark in the log/,
  ],
  [
    ['--check', 'true', '--damage', 'zeros', '--scope', 'unit', '--at', 'never'],
    /'--at <moment>' argument 'never' is invalid/,
  ],
  [['--check', 'true', '--base', '/no/such/base.img'], /ENOENT: open '\/no\/such\/base.img'/],
  [['--check', 'true', '--bound', '-1'], /'--bound <n>' argument '-1' is invalid/],
  [['--check', 'true', '--size', 'big'], /'--size <size>' argument 'big' is invalid/],
];
for (const [args, message] of BAD_OPTIONS) {
  errors(`${args.join(' ') || 'no option'} is refused`, () =>
    withFolder((folder) => assertRefused([save(folder, 'disk.log', LOG), ...args], message)),
  );
}

errors('what is no recipe is refused by name', () =>
  withFolder(async (folder) => {
    const log = save(folder, 'disk.log', LOG);
    const recipe = save(folder, 'recipe.json', '{"kind":"log"}');
    await assertRefused(
      [log, '--check', 'true', '--recipe', recipe],
      /recipe\.json: recipe\.sectorlab is not given/,
    );
    await assertRefused(['--check', 'true', '--recipe', `${folder}/none.json`], /none\.json: ENOENT/);
    await assertRefused(['--check', 'true'], /a write log or a module is missing/);
  }),
);

errors.run();
