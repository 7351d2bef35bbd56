// One test file in one process: start it, stop it at its time limit, and judge what it printed.
//
// uvu alone cannot be trusted with the verdict. A file that forgets `.run()` prints nothing and exits 0; so
// does one whose `before` hook throws, after "Passed: 0"; an await that never settles loses the totals; an
// error thrown late comes after "Passed". So a file is good only if it printed one set of totals, all of
// them passed, at least one ran (or it said why not), and it exited 0 in time.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Outcome what a process did
 * @property {number | null} exitCode null when a signal ended it
 * @property {boolean} timedOut
 * @property {string} stdout
 * @property {string} output stdout and stderr as they came
 *
 * @typedef {object} Verdict
 * @property {number} passed tests that passed
 * @property {number} failed tests that failed; at least 1 whenever the file is not good
 * @property {string} reason why the file is not good; empty if it is
 * @property {string[]} skips what the file said it could not run, each "what: why"
 *
 * @typedef {Verdict & { output: string, seconds: number }} FileResult
 */

export const DEFAULT_TIMEOUT_S = 120;

const HEADER_LINES = 5;
/** How long the pipes may stay open after the process has ended, if something it started holds them. */
const PIPE_GRACE_MS = 2000;

/** @type {Set<number>} ids of the process groups that are running */
const running = new Set();

/** Ends every test process that is still running. */
export function stopAll() {
  for (const group of running) killGroup(group);
}

/**
 * Runs one test file and judges it.
 * @param {string} file path, absolute or from `root`
 * @param {{ root: string, timeoutS?: number }} options `root` must hold node_modules/tsx; `timeoutS` overrules
 *   the file's own limit
 * @returns {Promise<FileResult>}
 */
export async function runTestFile(file, { root, timeoutS = timeoutOf(file) }) {
  const start = performance.now();
  const args = ['--import', 'tsx', '--disable-warning=ExperimentalWarning', file];
  const outcome = await runProcess(args, root, timeoutS);
  const verdict = judge(outcome, timeoutS);
  return { ...verdict, output: outcome.output, seconds: (performance.now() - start) / 1000 };
}

/**
 * The limit that a file asks for with `// test-timeout: 600` in its first lines.
 * @param {string} file
 * @returns {number} seconds
 */
export function timeoutOf(file) {
  const header = readFileSync(file, 'utf8').split('\n', HEADER_LINES).join('\n');
  const match = /^\/\/ test-timeout: (\d+)$/m.exec(header);
  return match ? Number(match[1]) : DEFAULT_TIMEOUT_S;
}

/**
 * @param {Outcome} outcome
 * @param {number} timeoutS named in the reason
 * @returns {Verdict}
 */
export function judge({ exitCode, timedOut, stdout }, timeoutS) {
  // Anywhere in a line: uvu leaves the cursor behind the dot of the test before.
  const skips = [...stdout.matchAll(/\bSKIPPED: (.+)$/gm)].map((match) => String(match[1]).trim());
  const totals = [...stdout.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)];
  const [total = 0, passed = 0, skipped = 0] =
    totals.length === 1 ? (totals[0] ?? []).slice(1).map(Number) : [];
  if (skipped > 0) skips.push(`${skipped} tests: marked to be skipped in the file`);

  let reason = '';
  if (timedOut) reason = `did not end within ${timeoutS} s`;
  else if (passed < total) reason = `${total - passed} of ${total} tests failed`;
  else if (exitCode !== 0) reason = exitCode === null ? 'ended by a signal' : `exit code ${exitCode}`;
  else if (totals.length > 1) reason = `printed ${totals.length} sets of totals instead of 1`;
  else if (total === 0 && skips.length === 0) reason = 'ran no test; is .run() missing?';

  const failed = reason === '' ? 0 : Math.max(1, total - passed);
  return { passed, failed, reason, skips };
}

/**
 * @param {string[]} args
 * @param {string} cwd
 * @param {number} timeoutS
 * @returns {Promise<Outcome>}
 */
function runProcess(args, cwd, timeoutS) {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what the test started ends with it.
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
    const child = spawn(process.execPath, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.on('error', reject);
    const group = child.pid;
    if (group === undefined) return;
    running.add(group);

    let stdout = '';
    let output = '';
    let timedOut = false;
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
    const limit = setTimeout(() => {
      timedOut = true;
      killGroup(group);
    }, timeoutS * 1000);
    /** @type {NodeJS.Timeout | undefined} */
    let grace;
    child.on('exit', () => {
      clearTimeout(limit);
      killGroup(group);
      running.delete(group);
      grace = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, PIPE_GRACE_MS);
    });
    child.on('close', (exitCode) => {
      clearTimeout(grace);
      resolve({ exitCode, timedOut, stdout, output });
    });
  });
}

/** @param {number} group process group id */
function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // The whole group has ended already.
  }
}
