// walkdir 0.4.1, which takes an `fs`, runs its own tests on the adapter: the files that it publishes, as they are, with the
// adapter where they ask for `fs`. It has no dependencies, and its tests touch what programs use of an `fs`: readdir, lstat,
// stat, mkdir, in callback and synchronous form.
//
// 14 tests in 12 files, and all pass. Three more files (async, symlink, nested-symlink) are left out: they look for symbolic
// links that npm does not publish, so they fail on any file system. The same run on node:fs shows that it is a fair one.

import * as nodeFsModule from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../src/adapters/node-fs.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const require = createRequire(import.meta.url);
const TESTS = path.join(path.dirname(require.resolve('walkdir')), 'test');
const WANT_LINKS = ['async.js', 'nested-symlink.js', 'symlink.js'];
const FILES = nodeFsModule
  .readdirSync(TESTS)
  .filter((name) => name.endsWith('.js') && !WANT_LINKS.includes(name));
const TEST_COUNT = 14;
const TEST_LIMIT_MS = 5000;

type Fs = Pick<NodeFs, 'mkdirSync' | 'writeFileSync'>;
type Body = (t: Tape) => void;

/** What of tape's assertions the files use: the first failure of a test counts. */
class Tape {
  failure: Error | undefined;
  readonly #end: () => void;

  constructor(end: () => void) {
    this.#end = end;
  }

  #note(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.failure ??= error as Error;
    }
  }

  ok = (value: unknown, message?: string): void => this.#note(() => assert.ok(value, message));
  equal = (value: unknown, wanted: unknown, message?: string): void =>
    this.#note(() => assert.is(value, wanted, message));
  equals = this.equal;
  deepEquals = (value: unknown, wanted: unknown, message?: string): void =>
    this.#note(() => assert.equal(value, wanted, message));
  fail = (message?: string): void => this.#note(() => assert.unreachable(message));
  end = (): void => this.#end();
}

/** Runs a test to its end: what failed, or nothing. */
function runTest(body: Body): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(new Error('the test did not end')), TEST_LIMIT_MS);
    const tape: Tape = new Tape(() => {
      clearTimeout(late);
      resolve(tape.failure);
    });
    body(tape);
  });
}

interface Results {
  passed: string[];
  failed: string[];
}

/** The tests that pass and those that fail, as `file: name`, with `fs` in place of node:fs. */
async function runAll(fs: unknown): Promise<Results> {
  const Module = require('node:module') as { _load(request: string, parent: unknown): unknown };
  const load = Module._load;
  const tests: [name: string, body: Body][] = [];
  const results: Results = { passed: [], failed: [] };
  Module._load = (request, parent) => {
    if (request === 'tape') return (name: string, body: Body) => tests.push([name, body]);
    return request === 'fs' ? fs : load.call(Module, request, parent);
  };
  try {
    for (const file of FILES) {
      for (const name of Object.keys(require.cache)) if (name.includes('walkdir')) delete require.cache[name];
      tests.length = 0;
      require(path.join(TESTS, file));
      assert.ok(tests.length > 0, `${file} has a test`);
      for (const [name, body] of tests) {
        const failure = await runTest(body);
        results[failure === undefined ? 'passed' : 'failed'].push(`${file}: ${name}`);
      }
    }
  } finally {
    Module._load = load;
  }
  return results;
}

/** Copies the folder that the tests walk to the same place. */
function copyFixtures(fs: Fs): void {
  const from = path.join(TESTS, 'dir');
  for (const entry of nodeFsModule.readdirSync(from, { withFileTypes: true, recursive: true })) {
    const place = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory()) fs.mkdirSync(place, { recursive: true });
    else {
      fs.mkdirSync(path.dirname(place), { recursive: true });
      fs.writeFileSync(place, nodeFsModule.readFileSync(place));
    }
  }
}

/** One of the tests makes a folder where the process stands, and walks from there. */
async function standingIn<T>(folder: string, run: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await run();
  } finally {
    process.chdir(before);
  }
}

const peer = suite('walkdir');

for (const build of BUILDS) {
  peer(`${build}: its tests pass on the adapter`, async () => {
    const machine = await openMachine(build, { volume: true });
    const fs = nodeFs(machine);
    copyFixtures(fs);
    const { passed, failed } = await standingIn('/', () => runAll(fs));
    assert.equal(failed, []);
    assert.is(passed.length, TEST_COUNT);
    assert.ok(fs.existsSync('/empty'), 'they ran on the volume');
    assert.equal(machine.fs.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });
}

peer('the same tests pass on node:fs', async () => {
  const folder = nodeFsModule.mkdtempSync(path.join(tmpdir(), 'sectorlab-walkdir-'));
  try {
    // one of the tests wants more than one thing where it stands
    for (const name of ['one', 'two']) nodeFsModule.writeFileSync(path.join(folder, name), '');
    const { passed, failed } = await standingIn(folder, () => runAll(nodeFsModule));
    assert.equal(failed, []);
    assert.is(passed.length, TEST_COUNT);
  } finally {
    nodeFsModule.rmSync(folder, { recursive: true });
  }
});

peer.run();
