// The runner must never call a bad file good: each way in which uvu can be fooled is tried here, on small
// test files made in a temporary folder.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findTests, runTests, stageOf } from './run.mjs';
import { whyBuild } from './support/build-freshness.mjs';
import { runTestFile, timeoutOf } from './support/test-process.mjs';

const HEADER = "import { test } from 'uvu';\n";
const PASSING = `${HEADER}test('a', () => {});\ntest('b', () => {});\ntest.run();\n`;
const FAILING = `${HEADER}test('a', () => {});\ntest('b', () => { throw new Error('marker'); });\ntest.run();\n`;

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

const runner = suite('runner', { root: '' });

runner.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'sectorlab-runner-'));
  symlinkSync(join(repository, 'node_modules'), join(context.root, 'node_modules'));
  write(context.root, 'package.json', '{ "type": "module" }');
});

runner.after.each(({ root }) => rmSync(root, { recursive: true }));

runner('a file whose tests pass is good', async ({ root }) => {
  const result = await runFixture(root, PASSING);
  assert.is(result.reason, '');
  assert.equal([result.passed, result.failed, result.skips], [2, 0, []]);
});

runner('a failed test is counted and its output kept', async ({ root }) => {
  const result = await runFixture(root, FAILING);
  assert.is(result.reason, '1 of 2 tests failed');
  assert.equal([result.passed, result.failed], [1, 1]);
  assert.match(result.output, 'marker');
});

runner('a file that forgets .run() fails', async ({ root }) => {
  const result = await runFixture(root, `${HEADER}test('a', () => {});\n`);
  assert.match(result.reason, '.run() missing');
  assert.equal([result.passed, result.failed], [0, 1]);
});

runner('a before hook that throws fails, though uvu exits 0', async ({ root }) => {
  const hook = "test.before(() => { throw new Error('no'); });\n";
  const result = await runFixture(root, PASSING.replace('test(', `${hook}test(`));
  assert.equal([result.passed, result.failed], [0, 2]);
});

runner('a file that never ends is stopped at its limit, with what it started', async ({ root }) => {
  const body = "test('a', () => new Promise(() => { spawn('sleep', ['60'], { stdio: 'inherit' }); }));";
  const source = `// test-timeout: 2\nimport { spawn } from 'node:child_process';\n${HEADER}${body}\ntest.run();\n`;
  const result = await runFixture(root, source);
  assert.is(result.reason, 'did not end within 2 s');
  assert.equal([result.passed, result.failed], [0, 1]);
  assert.ok(result.seconds < 20, `took ${result.seconds} s`);
});

runner('an await that never settles fails, though nothing keeps the process alive', async ({ root }) => {
  const result = await runFixture(root, `${HEADER}test('a', () => new Promise(() => {}));\ntest.run();\n`);
  assert.is(result.reason, 'exit code 1');
  assert.is(result.failed, 1);
});

runner('an error thrown after the totals fails the file', async ({ root }) => {
  const result = await runFixture(root, `${PASSING}setTimeout(() => { throw new Error('late'); }, 300);\n`);
  assert.match(result.output, 'Passed:    2');
  assert.is(result.reason, 'exit code 1');
  assert.equal([result.passed, result.failed], [2, 1]);
});

runner('a file that does not compile fails', async ({ root }) => {
  const result = await runFixture(root, 'const = 1;\n');
  assert.is(result.reason, 'exit code 1');
  assert.is(result.failed, 1);
});

runner('a test that ends the process early fails the file', async ({ root }) => {
  const result = await runFixture(root, `${HEADER}test('a', () => process.exit(0));\ntest.run();\n`);
  assert.is(result.failed, 1);
});

runner('two sets of totals fail the file, because either could be the true one', async ({ root }) => {
  const forged = 'console.log("\\n  Total:     9\\n  Passed:    9\\n  Skipped:   0");\n';
  const result = await runFixture(root, PASSING.replace('test(', `${forged}test(`));
  assert.is(result.reason, 'printed 2 sets of totals instead of 1');
});

runner('a skip is listed with its reason, and counts as failed in CI', async ({ root }) => {
  const announce = "console.log('SKIPPED: kernel traces: no fio here');";
  write(root, 'test/a.test.ts', PASSING.replace('() => {}', `() => { ${announce} }`));
  const local = await runAll(root, { isCi: false });
  assert.ok(local.good);
  assert.match(local.text, '\nNot run:\n  test/a.test.ts: kernel traces: no fio here\n');
  assert.match(local.text, /\n2 passed, 0 failed\n$/);
  const ci = await runAll(root, { isCi: true });
  assert.not(ci.good);
  assert.match(ci.text, /\n2 passed, 1 failed\n$/);
});

runner("uvu's own skips are reported too", async ({ root }) => {
  const result = await runFixture(root, PASSING.replace('test(', "test['skip']('c', () => {});\ntest("));
  assert.equal([result.passed, result.failed, result.skips.length], [2, 0, 1]);
});

runner('counts are summed over files and stages, and a failed output is shown whole', async ({ root }) => {
  write(root, 'test/a.test.ts', PASSING);
  write(root, 'test/deep/er/b.test.ts', FAILING);
  write(root, 'test/peers/c.test.ts', PASSING);
  write(root, 'test/support/not-a-test.ts', FAILING);
  const all = await runAll(root, {});
  assert.not(all.good);
  assert.match(all.text, 'marker');
  assert.ok(all.text.indexOf('\npeers\n') > all.text.indexOf('\ncore\n'));
  assert.match(all.text, /\n5 passed, 1 failed\n$/);
  const filtered = await runAll(root, { filters: ['peers/c'] });
  assert.ok(filtered.good);
  assert.match(filtered.text, /\n2 passed, 0 failed\n$/);
});

runner('a run without any test is not good', async ({ root }) => {
  write(root, 'test/a.test.ts', PASSING);
  const { good, text } = await runAll(root, { filters: ['nowhere'] });
  assert.not(good);
  assert.match(text, /\n0 passed, 0 failed\n$/);
});

runner('a missing browser skips the chromium stage and says how to install it', async ({ root }) => {
  write(root, 'test/a.test.ts', PASSING);
  write(root, 'test/chromium/b.test.ts', FAILING);
  const { good, text } = await runAll(root, { chromium: join(root, 'nowhere') });
  assert.ok(good);
  assert.match(text, 'apt-get install --no-install-recommends chromium');
});

runner('stages go by folder', ({ root }) => {
  const paths = ['test/a.test.ts', 'test/chromium/b.test.ts', 'test/peers/x/c.test.ts'];
  for (const path of paths) write(root, path, '');
  assert.equal(findTests(root), paths);
  assert.equal(paths.map(stageOf), ['core', 'chromium', 'peers']);
});

runner('the limit is read from the first lines only', ({ root }) => {
  write(root, 'a.ts', '// What it is.\n// test-timeout: 600\n');
  write(root, 'b.ts', `${'\n'.repeat(20)}// test-timeout: 600\n`);
  assert.is(timeoutOf(join(root, 'a.ts')), 600);
  assert.is(timeoutOf(join(root, 'b.ts')), 120);
});

runner('a build is asked for when a file is missing or older than a source', ({ root }) => {
  const built = ['wasm/core.wasm', 'wasm/core.debug.wasm', 'dist/types/src/index.d.ts'];
  built.push('dist/node/index.js', 'dist/cli/sectorlab.js', 'dist/browser/browser.js');
  built.push('dist/adapters/libaio.js');
  for (const path of ['asconfig.json', 'assembly/base/a.ts', 'src/b.ts', ...built]) touch(root, path, 1000);
  assert.is(whyBuild(root), 'dist/playground/main.js is missing');
  touch(root, 'dist/playground/main.js', 1000);
  assert.is(whyBuild(root), '');
  touch(root, 'assembly/base/a.ts', 2000);
  assert.match(whyBuild(root), 'assembly/base/a.ts is newer than');
});

runner.run();

/** Runs `source` as one test file. */
function runFixture(root: string, source: string) {
  write(root, 'test/fixture.test.ts', source);
  return runTestFile(join(root, 'test/fixture.test.ts'), { root });
}

/** Runs every test file below `root`; gives the verdict and the whole report. */
async function runAll(root: string, options: Partial<Parameters<typeof runTests>[0]>) {
  let text = '';
  const good = await runTests({
    root,
    stages: ['core', 'chromium', 'peers'],
    filters: [],
    isCi: false,
    write: (part: string) => {
      text += part;
    },
    ...options,
  });
  return { good, text };
}

function write(root: string, path: string, text: string) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function touch(root: string, path: string, timeS: number) {
  write(root, path, '');
  utimesSync(join(root, path), timeS, timeS);
}
