// Runs the tests: every test/**/*.test.ts, each file in its own process, in three stages.
//
//   node test/run.mjs [--stage core|chromium|peers] [--no-build] [part of a path …]
//
// `chromium` drives a real browser, `peers` compares with other programs, `core` is the rest. The last line
// is "N passed, N failed", counting single tests, and the exit code is 0 only if none failed and one ran.
// What could not run is listed with its reason; where CI is set, that counts as failed.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { whyBuild } from './support/build-freshness.mjs';
import { runTestFile, stopAll } from './support/test-process.mjs';

/**
 * @typedef {object} Options
 * @property {string} root folder that holds test/ and node_modules/
 * @property {string[]} stages in the order to run them
 * @property {string[]} filters parts of paths; none selects every file
 * @property {boolean} isCi a skip counts as failed
 * @property {(text: string) => void} write
 * @property {string} [chromium] path of the browser
 *
 * @typedef {{ passed: number, failed: number, skips: string[] }} Tally
 */

const STAGES = ['core', 'chromium', 'peers'];
const CHROMIUM = '/usr/bin/chromium';
const PARALLEL_LIMIT = 2;

/**
 * Test files under `root`/test, sorted, as paths from `root`.
 * @param {string} root
 * @returns {string[]}
 */
export function findTests(root) {
  const names = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  return names
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/**
 * @param {string} path from the root, as `findTests` gives it
 * @returns {string}
 */
export function stageOf(path) {
  const folder = path.split('/')[1] ?? '';
  return folder === 'chromium' || folder === 'peers' ? folder : 'core';
}

/**
 * Runs the selected tests and writes the report, whose last line is "N passed, N failed".
 * @param {Options} options
 * @returns {Promise<boolean>} whether all is well: nothing failed and at least one test ran
 */
export async function runTests(options) {
  const { root, stages, filters, isCi, write } = options;
  const files = findTests(root).filter(
    (path) => filters.length === 0 || filters.some((part) => path.includes(part)),
  );
  /** @type {Tally} */
  const tally = { passed: 0, failed: 0, skips: [] };
  for (const stage of stages) {
    const selected = files.filter((path) => stageOf(path) === stage);
    if (selected.length > 0) await runStage(stage, selected, options, tally);
  }
  if (tally.skips.length > 0) {
    write(`\nNot run:\n${tally.skips.map((skip) => `  ${skip}\n`).join('')}`);
    if (isCi) {
      write('  (each counts as failed, because CI is set)\n');
      tally.failed += tally.skips.length;
    }
  }
  if (tally.passed + tally.failed === 0) write('\nNo test ran.\n');
  write(`\n${tally.passed} passed, ${tally.failed} failed\n`);
  return tally.failed === 0 && tally.passed > 0;
}

/**
 * @param {string} stage
 * @param {string[]} files
 * @param {Options} options
 * @param {Tally} tally added to
 */
async function runStage(stage, files, { root, write, chromium = CHROMIUM }, tally) {
  if (stage === 'chromium' && !existsSync(chromium)) {
    const remedy = 'apt-get install --no-install-recommends chromium';
    tally.skips.push(
      `chromium: ${files.length} test files: ${chromium} is missing; install it with: ${remedy}`,
    );
    return;
  }
  const start = performance.now();
  const waiting = [...files];
  write(`\n${stage}\n`);
  const runNext = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const result = await runTestFile(join(root, path), { root });
      tally.passed += result.passed;
      tally.failed += result.failed;
      tally.skips.push(...result.skips.map((skip) => `${path}: ${skip}`));
      const line = `${path}  ${result.passed} passed  ${result.seconds.toFixed(1)} s`;
      if (result.reason === '') write(`  ok    ${line}\n`);
      else write(`  FAIL  ${line}: ${result.reason}\n${result.output.replace(/^/gm, '    | ').trimEnd()}\n`);
    }
  };
  const lanes = Math.min(PARALLEL_LIMIT, availableParallelism());
  await Promise.all(Array.from({ length: lanes }, runNext));
  write(`  ${stage}: ${files.length} files in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

async function main() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const { values, positionals } = parseArgs({
    options: { stage: { type: 'string', multiple: true }, 'no-build': { type: 'boolean' } },
    allowPositionals: true,
  });
  const stages = values.stage ?? STAGES;
  const unknown = stages.find((stage) => !STAGES.includes(stage));
  if (unknown !== undefined) throw new Error(`no stage "${unknown}"; there are ${STAGES.join(', ')}`);

  const reason = values['no-build'] ? '' : whyBuild(root);
  if (reason !== '') {
    console.log(`${reason}: running npm run build`);
    const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
    if (status !== 0) {
      console.log('the build failed\n\n0 passed, 1 failed');
      return false;
    }
  }
  return runTests({
    root,
    stages: STAGES.filter((stage) => stages.includes(stage)),
    filters: positionals,
    isCi: process.env.CI === 'true',
    write: (text) => process.stdout.write(text),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      stopAll();
      process.exit(1);
    });
  }
  process.exitCode = (await main()) ? 0 : 1;
}
