// test-timeout: 60 seconds
// `sectorlab crash MODULE` as a process: exit statuses, reports and JSON of workloads that a module exports, and modules that are none.

import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { VerdictFacts } from '../../../src/explore/types.ts';
import { withFolder } from '../replay/support.ts';
import { runCli, save } from './support.ts';

const modules = suite('cli/crash-module');

const LEDGER = fileURLToPath(new URL('modules/ledger.crash.mjs', import.meta.url));

async function explore(args: readonly string[]): Promise<{ code: number | null; verdict: VerdictFacts }> {
  const { code, stdout, stderr } = await runCli(['crash', LEDGER, '--json', ...args]);
  assert.is(stderr, '');
  return { code, verdict: JSON.parse(stdout) as VerdictFacts };
}

async function assertRefused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runCli(['crash', ...args]);
  assert.is(stdout, '', 'stdout');
  assert.match(stderr, message);
  assert.match(stderr, /^sectorlab: [^\n]+\n$/, 'one line');
  assert.is(code, 2);
}

modules('a workload that loses what it promised: exit 1, with findings and their recipes', async () => {
  const { code, verdict } = await explore([]);
  assert.is(code, 1);
  assert.is(verdict.verdict, 'violated');
  assert.ok(verdict.failedImages > 0);
  const [finding] = verdict.findings;
  assert.match(finding?.error ?? '', /is lost|the ledger says/);
  assert.is(finding?.recipe.kind, 'explore');
  assert.ok((finding?.recipe.states.length ?? 0) > 0);
});

for (const [name, code, verdict] of [
  ['sectors', 0, 'survived'],
  ['idle', 3, 'notMeasured'],
  ['strict', 2, 'harnessBroken'],
] as const) {
  modules(`the export '${name}' is ${verdict}: exit ${code}`, async () => {
    const outcome = await explore(['--export', name]);
    assert.is(outcome.verdict.verdict, verdict);
    assert.is(outcome.code, code);
  });
}

modules('the repaired ledger survives where a plain journal is below it', async () => {
  const { code, verdict } = await explore(['--export', 'careful', '--profile', 'journal']);
  assert.is(verdict.verdict, 'survived');
  assert.is(verdict.exhaustive, true);
  assert.is(code, 0);
});

modules("options of the command line go before the module's", async () => {
  const lying = await explore(['--export', 'sectors', '--device', 'lying']);
  assert.is(lying.verdict.verdict, 'violated');
  const few = await explore(['--images', '1']);
  assert.is(few.verdict.stopped, 'images');
  assert.is(few.verdict.exhaustive, false);
});

modules('the report for people says what was found', async () => {
  const { code, stdout } = await runCli(['crash', LEDGER]);
  assert.is(code, 1);
  assert.ok(stdout.startsWith(`module      ${LEDGER}\n`));
  assert.not.match(stdout, /undefined|NaN/);
  assert.not.ok(stdout.includes('\u001b'), 'no colour');
});

modules('a recipe that was kept builds its image again, and the check fails on it', () =>
  withFolder(async (folder) => {
    await runCli(['crash', LEDGER, '--keep', folder]);
    const { code, stdout } = await runCli(['crash', LEDGER, '--recipe', `${folder}/finding-1.json`]);
    assert.is(code, 1);
    assert.match(stdout, /^image [0-9a-f]{32} of .* at step \d+: the check fails on it: Error: /);
    const other = await runCli([
      'crash',
      LEDGER,
      '--export',
      'careful',
      '--recipe',
      `${folder}/finding-1.json`,
    ]);
    assert.is(other.code, 2, 'it is of another workload');
    assert.match(other.stderr, /recipe\.log/);
  }),
);

modules('a workload runs under faults', async () => {
  const { code, stdout } = await runCli(['crash', LEDGER, '--export', 'careful', '--faults', '--json']);
  assert.is(code, 1);
  const report = JSON.parse(stdout);
  assert.is(report.verdict, 'violated');
  assert.ok(report.runs.length > 100);
  const sectors = await runCli(['crash', LEDGER, '--export', 'sectors', '--faults']);
  assert.is(sectors.code, 2);
  assert.match(sectors.stderr, /--faults is true; it must be left out: .* works on sectors/);
});

modules('the repaired ledger survives in every profile, and each of its fsyncs matters', async () => {
  for (const profile of ['strict', 'ordered']) {
    const { code, verdict } = await explore(['--export', 'careful', '--profile', profile]);
    assert.is(verdict.verdict, 'survived');
    assert.is(code, 0);
    assert.is(verdict.flushes.length, 2, 'one for each line');
    assert.ok(verdict.flushes.every(({ need }) => need === 'needed') || profile === 'ordered');
  }
});

const REFUSED: readonly [args: readonly string[], message: RegExp][] = [
  [['--export', 'throwing'], /ledger\.crash\.mjs: the workload threw: out of paper.*ledger\.crash\.mjs:\d+/],
  [['--export', 'halved'], /must export a function 'recover'; it is undefined/],
  [['--export', 'number'], /has no export 'number' that is an object; it exports careful, /],
  [['--check', 'true'], /--check is 'true'; it must be left out: it is not for a module/],
  [['--start-mark', 'x'], /--start-mark is 'x'; it must be left out/],
  [['--unit', '700'], /--unit is '?700'?; it must be a power of two/],
  [['--profile', 'fat'], /'--profile <name>' argument 'fat' is invalid/],
  [['--crash', 'fire'], /'--crash <kind...>' argument 'fire' is invalid/],
];
for (const [args, message] of REFUSED) {
  modules(`${args.join(' ')} is refused`, () => assertRefused([LEDGER, ...args], message));
}

modules('what is no module, or exports nothing of use, is refused by name', () =>
  withFolder(async (folder) => {
    const bad = save(folder, 'bad.mjs', 'export const workload = (;\n');
    await assertRefused([bad], /bad\.mjs can not be imported: SyntaxError/);
    const thrower = save(folder, 'thrower.mjs', "throw new Error('not today');\n");
    await assertRefused([thrower], /thrower\.mjs can not be imported: Error: not today .*thrower\.mjs:1/);
    const empty = save(folder, 'empty.mjs', 'export const a = 1;\n');
    await assertRefused([empty], /empty\.mjs exports no workload; it exports a/);
    await assertRefused([`${folder}/none.mjs`], /ENOENT/);
  }),
);

modules('a default export serves too', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'store.mjs', 'export default { workload() {}, recover() {} };\n');
    const { code } = await runCli(['crash', file]);
    assert.is(code, 3);
  }),
);

modules.run();
