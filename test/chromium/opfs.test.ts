// test-timeout: 120
// Image files in the browser's private file system: what a machine writes there survives reloads, restarts and power cuts, and what goes
// wrong has a name.

import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PlaygroundServer, servePlayground } from '../../src/cli/playground.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import type { Commands } from './support/opfs-worker.ts';
import { EXECUTABLE } from './support/page.ts';

const MIB = 1048576;
const PAGE = `<!doctype html><title>OPFS</title><script type="module" src="page.js"></script>`;
/** Each worker of the page by a name; on the page itself the commands run without one. */
const SCRIPT = `
  import { Machine } from '../../../src/browser.ts';
  const workers = new Map();
  globalThis.ask = (which, name, args) => new Promise((resolve) => {
    const worker = workers.get(which) ?? new Worker('worker.js', { type: 'module' });
    workers.set(which, worker);
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage({ name, args });
  });
  globalThis.openHere = (config) => Machine.create(new URL('core.wasm', location.href), config).then(
    () => 'open', (error) => error.code + ': ' + error.message);
  document.title = 'ready';
`;

interface PageGlobals {
  ask(which: string, name: string, args: unknown[]): Promise<{ value?: unknown; error?: string }>;
  openHere(config: MachineConfig): Promise<string>;
}

const opfs = suite('images in OPFS');
let folder: string;
let server: PlaygroundServer;
let context: BrowserContext;
let page: Page;

async function launch(): Promise<void> {
  context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  });
  page = await context.newPage();
  await page.goto(server.url);
  await page.waitForFunction("document.title === 'ready'");
}

async function reload(): Promise<void> {
  await page.reload();
  await page.waitForFunction("document.title === 'ready'");
}

/** Runs a command in a worker of the page; an error is thrown with its code. */
function asker(which: string) {
  return async <Name extends keyof Commands>(
    name: Name,
    ...args: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>> => {
    const { value, error } = await page.evaluate(
      ([to, command, rest]) => (globalThis as unknown as PageGlobals).ask(to, command, rest),
      [which, name, args] as [string, string, unknown[]],
    );
    if (error !== undefined) throw new Error(error);
    return value as Awaited<ReturnType<Commands[Name]>>;
  };
}

const ask = asker('first');
const askOther = asker('second');

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );
}

opfs.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sectorlab-opfs-'));
  const here = fileURLToPath(new URL('support/', import.meta.url));
  const site = join(folder, 'site');
  await build({
    stdin: { contents: SCRIPT, resolveDir: here, loader: 'ts' },
    outfile: join(site, 'page.js'),
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  await build({
    entryPoints: [join(here, 'opfs-worker.ts')],
    outfile: join(site, 'worker.js'),
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  await copyFile(new URL('../../wasm/core.wasm', import.meta.url), join(site, 'core.wasm'));
  await writeFile(join(site, 'index.html'), PAGE);
  server = await servePlayground({ port: 0, folder: site });
  await launch();
});

opfs.after(async () => {
  await context?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

opfs('a drive takes its size from the options, then from its file', async () => {
  assert.is(await ask('open', { drives: [{ image: 'size.img', size: MIB }] }), 2048);
  assert.equal(await ask('files'), { 'size.img': 0 });
  await ask('write', 2047, 1, 9);
  await ask('flush');
  await ask('close');
  assert.equal(await ask('files'), { 'size.img': MIB });
  assert.is(await ask('open', { drives: [{ image: 'size.img' }] }), 2048);
  assert.equal(await ask('read', 2046, 2), [0, 9]);
  await ask('close');
  await ask('remove', 'size.img');
});

opfs('what was written is there after a reload, and after the browser was closed', async () => {
  const config = { drives: [{ image: 'kept.img', size: MIB }], volume: true };
  await ask('open', config);
  await ask('putText', '/note', 'Ada owes 10');
  await ask('sync');
  await reload();
  await ask('open', config);
  assert.is(await ask('getText', '/note'), 'Ada owes 10');
  await ask('close');
  await context.close();
  await launch();
  await ask('open', config);
  assert.is(await ask('getText', '/note'), 'Ada owes 10');
  await ask('close');
  await ask('remove', 'kept.img');
});

opfs('a power cut takes what no flush covers, for good', async () => {
  const drives = [{ image: 'cut.img', size: MIB }];
  await ask('open', { drives });
  await ask('write', 0, 2, 1);
  await ask('flush');
  await ask('write', 1, 2, 2);
  assert.equal(await ask('crashed', 'all', 0, 3), [1, 2, 2]);
  assert.equal(await ask('crashed', 'none', 0, 3), [1, 1, 0]);
  assert.equal(await ask('read', 0, 3), [1, 2, 2], 'the machine itself goes on');
  assert.equal(await ask('cutPower'), [1]);
  await ask('open', { drives });
  assert.equal(await ask('read', 0, 3), [1, 1, 0]);
  await ask('close');
  await ask('remove', 'cut.img');
});

opfs('going back to a snapshot puts the file back', async () => {
  await ask('open', { drives: [{ image: 'back.img', size: MIB }] });
  await ask('write', 5, 1, 3);
  assert.is(await ask('rewind', 5, 4), 3);
  await ask('close');
  await ask('remove', 'back.img');
});

opfs('a second opener is told that somebody has the file, until the first closes', async () => {
  const config = { drives: [{ image: 'one.img', size: MIB }] };
  await ask('open', config);
  assert.match(await failure(askOther('open', config)), /^EBUSY: EBUSY: open 'one.img' \(another machine/);
  await ask('close');
  assert.is(await askOther('open', config), 2048);
  await askOther('close');
  assert.match(await failure(ask('open', { ...config, cache: -1 })), /ERR_SECTORLAB_CONFIG/);
  await ask('remove', 'one.img');
});

opfs('files that are not there, are folders, or have no name are refused by name', async () => {
  const open = (image: string, rest = {}) => failure(ask('open', { drives: [{ image, ...rest }] }));
  assert.match(await open('none.img', { readOnly: true }), /^ENOENT: .*'none.img'/);
  assert.match(await open('folder/disk.img'), /^ENOENT/);
  assert.match(await open('../disk.img'), /^EINVAL/);
  assert.equal(await ask('files'), {});
  const here = await page.evaluate(() =>
    (globalThis as unknown as PageGlobals).openHere({ drives: [{ image: 'disk.img' }] }),
  );
  assert.match(here, /^ERR_SECTORLAB_CONFIG: image .*dedicated worker/);
  await ask('remove', 'disk.img').catch(() => {});
});

opfs('storage that is full is ENOSPC, and what was there stays', async () => {
  const client = await context.newCDPSession(page);
  const origin = new URL(server.url).origin;
  await ask('open', { drives: [{ image: 'full.img', size: 64 * MIB }] });
  await ask('write', 0, 1, 5);
  await ask('flush');
  await client.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2 * MIB });
  assert.match(await failure(ask('write', 100_000, 8, 6)), /^ENOSPC/);
  assert.equal(await ask('read', 0, 1), [5]);
  await client.send('Storage.overrideQuotaForOrigin', { origin });
  await ask('write', 100_000, 8, 6);
  assert.equal(await ask('read', 100_000, 1), [6]);
  await ask('close');
  await ask('remove', 'full.img');
});

if (existsSync(EXECUTABLE)) opfs.run();
else console.log(`SKIPPED: images in OPFS: ${EXECUTABLE} is missing`);
