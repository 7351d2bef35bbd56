// The callback and promise forms, FileHandles, streams and Dirs beside those of node:fs: the same script on both has the
// same results, one after the other; and what only the adapter promises: that nothing is told before a call has returned.

import { type EventEmitter, once } from 'node:events';
import * as real from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../src/adapters/node-fs.ts';
import { BUILDS, type Build } from '../../support/machine.ts';
import { assertSound, openVolume } from '../fs/support.ts';

type Fs = Omit<NodeFs, 'promises'> & { readonly promises: Omit<typeof real.promises, 'lchmod'> };
type Script = (fs: Fs, root: string) => AsyncGenerator<unknown>;

/** What a promise comes to, in a form that is alike on both sides. */
async function told(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    const { name, code, message, syscall } = error as NodeJS.ErrnoException;
    return { name, code, syscall, message };
  }
}

/** The names that both forms have, with arguments; each is a step of the script. */
const STEPS: readonly [name: string, ...args: unknown[]][] = [
  ['writeFile', '/a', 'hello'],
  ['writeFile', '/a', Buffer.from(' world'), { flag: 'a' }],
  ['appendFile', '/a', '!', 'utf8'],
  ['readFile', '/a', 'utf8'],
  ['readFile', '/none', 'utf8'],
  ['readFile', '/a', { encoding: 'hex', signal: AbortSignal.abort() }],
  ['mkdir', '/d'],
  ['mkdir', '/d'],
  ['mkdir', '/d/e/f', { recursive: true }],
  ['copyFile', '/a', '/d/copy'],
  ['rename', '/d/copy', '/d/moved'],
  ['link', '/a', '/d/linked'],
  ['access', '/d'],
  ['access', '/none'],
  ['chmod', '/a', 0o600],
  ['truncate', '/a', 5],
  ['utimes', '/a', 100, 200.5],
  ['realpath', '/d/../a'],
  ['readlink', '/a'],
  ['unlink', '/d/linked'],
  ['unlink', '/d'],
  ['rmdir', '/d'],
  ['cp', '/d', '/copied', { recursive: true }],
  ['rm', '/none'],
  ['rm', '/d', { recursive: true }],
  ['rm', '/copied', { recursive: true, force: true }],
];

/** Arguments with the root before each path. */
const rooted = (args: readonly unknown[], root: string): unknown[] =>
  args.map((value) => (typeof value === 'string' && value.startsWith('/') ? root + value : value));

const without = (root: string, value: unknown): unknown =>
  JSON.parse(
    root === '' ? JSON.stringify(value ?? null) : JSON.stringify(value ?? null).replaceAll(root, ''),
  ) as unknown;

async function* callbacks(fs: Fs, root: string): AsyncGenerator<unknown> {
  for (const [name, ...args] of STEPS) {
    const call = (fs as unknown as Record<string, (...values: unknown[]) => void>)[name];
    const result = new Promise((resolve, reject) => {
      call?.(...rooted(args, root), (error: unknown, value: unknown) =>
        error ? reject(error) : resolve(value),
      );
    });
    yield [name, await told(result)];
  }
  const fd = await promisify(fs.open)(`${root}/a`, 'r+');
  yield await promisify(fs.write)(fd, Buffer.from('XY'), 0, 2, 1);
  yield await promisify(fs.read)(fd, Buffer.alloc(3), 0, 3, 0);
  const written = await new Promise((resolve) => {
    fs.write(fd, 'text', 2, 'latin1', (error, bytes, text) => resolve([error, bytes, text]));
  });
  const read = await new Promise((resolve) => {
    fs.read(fd, { position: 0, length: 4 }, (error, bytes, buffer) =>
      resolve([error, bytes, buffer?.length]),
    );
  });
  const alone = await new Promise((resolve) => {
    fs.read(fd, (error, bytes, buffer) => resolve([error, bytes, buffer?.subarray(0, 9).toString()]));
  });
  yield [written, read, alone];
  yield await promisify(fs.writev)(fd, [Buffer.from('1'), Buffer.from('2')], 0);
  yield await promisify(fs.readv)(fd, [Buffer.alloc(2), Buffer.alloc(9)], 0);
  yield await promisify(fs.exists)(`${root}/a`);
  await promisify(fs.fsync)(fd);
  await promisify(fs.ftruncate)(fd, 3);
  yield (await promisify(fs.fstat)(fd)).size;
  await promisify(fs.close)(fd);
  yield await told(promisify(fs.close)(fd));
}

async function* promises(fs: Fs, root: string): AsyncGenerator<unknown> {
  for (const [name, ...args] of STEPS) {
    const call = (fs.promises as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>)[name];
    yield [name, await told(Promise.resolve(call?.(...rooted(args, root))))];
  }
  yield await told(fs.promises.stat(5 as never));
  await fs.promises.writeFile(`${root}/b`, ['one ', 'two ', Buffer.from('three')]);
  await fs.promises.appendFile(`${root}/b`, ' four');
  await fs.promises.writeFile(`${root}/c`, Readable.from(['stream', 'ed']));
  yield [fs.readFileSync(`${root}/b`, 'utf8'), fs.readFileSync(`${root}/c`, 'utf8')];
  yield (await fs.promises.readdir(`${root}/`, { withFileTypes: true })).map((entry) => entry.name).sort();
}

async function* handles(fs: Fs, root: string): AsyncGenerator<unknown> {
  const handle = await fs.promises.open(pathToFileURL(`${root}/a`), 'w+', 0o640);
  yield typeof (handle as unknown as EventEmitter).on;
  yield (await handle.write('hello world')).bytesWritten;
  yield (await handle.write(Buffer.from('HE'), 0, 2, 0)).bytesWritten;
  yield (await handle.write(Buffer.from('abc'), { offset: 1 } as never)).bytesWritten;
  yield (await handle.writev([Buffer.from('d'), Buffer.from('e')])).bytesWritten;
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(5), 0, 5, 0);
  yield [bytesRead, buffer.toString()];
  yield (await handle.read({ position: 3, length: 2 })).bytesRead;
  yield (await handle.read(Buffer.alloc(4), { offset: 2 })).bytesRead;
  yield (await handle.readv([Buffer.alloc(2), Buffer.alloc(2)], 0)).bytesRead;
  await handle.truncate(7);
  yield (await handle.stat()).size;
  yield typeof (await handle.stat({ bigint: true })).size;
  await handle.appendFile('!');
  await handle.chmod(0o600);
  await handle.utimes(1, 2);
  await handle.sync();
  await handle.datasync();
  yield [(await handle.stat()).mtimeMs, (await handle.stat()).mode];
  yield await told(handle.read('x' as never));
  let closes = 0;
  (handle as unknown as EventEmitter).on('close', () => closes++);
  await handle.close();
  yield [closes, handle.fd];
  const reason = (await told(handle.stat())) as { code: string; message: string };
  yield [reason.code, reason.message];
  await handle.close();
  await fs.promises.writeFile(`${root}/lines`, 'one\r\ntwo\nthree');
  const lines: string[] = [];
  const reader = await fs.promises.open(`${root}/lines`);
  for await (const line of reader.readLines()) lines.push(line);
  yield [lines, reader.fd];
  const whole = await fs.promises.open(`${root}/lines`);
  yield await fs.promises.readFile(whole, 'utf8');
  await fs.promises.writeFile(`${root}/none`, '').then(() => whole.close());
}

async function* streams(fs: Fs, root: string): AsyncGenerator<unknown> {
  const write = fs.createWriteStream(`${root}/a`, { flush: true } as object);
  write.write('hello ');
  write.end('world');
  await once(write, 'close');
  yield [write.bytesWritten, write.path === `${root}/a`];
  const parts: string[] = [];
  for await (const part of fs.createReadStream(`${root}/a`, {
    encoding: 'utf8',
    start: 2,
    end: 8,
    highWaterMark: 3,
  }))
    parts.push(part as string);
  yield parts;
  await pipeline(fs.createReadStream(`${root}/a`), fs.createWriteStream(`${root}/b`));
  await pipeline(Readable.from(['more']), fs.createWriteStream(`${root}/b`, { flags: 'a' }));
  await pipeline(Readable.from(['X']), fs.createWriteStream(`${root}/b`, { flags: 'r+', start: 4 }));
  yield fs.readFileSync(`${root}/b`, 'utf8');
  const missing = fs.createReadStream(`${root}/none`);
  yield await told(once(missing, 'open'));
  const fd = fs.openSync(`${root}/a`, 'r');
  const kept = fs.createReadStream('', { fd, autoClose: false, encoding: 'latin1' });
  kept.resume();
  await once(kept, 'end');
  yield fs.fstatSync(fd).size;
  fs.closeSync(fd);
  const handle = await fs.promises.open(`${root}/a`, 'r+');
  const sink: Writable = handle.createWriteStream({ start: 1 });
  sink.end('E');
  await once(sink, 'close');
  yield [handle.fd, fs.readFileSync(`${root}/a`, 'latin1')];
  const made = new (fs.ReadStream as unknown as new (file: string) => Readable)(`${root}/a`);
  yield [made instanceof fs.ReadStream, made instanceof Readable];
  yield (await made.toArray()).map(String);
}

async function* directories(fs: Fs, root: string): AsyncGenerator<unknown> {
  for (const name of ['one', 'two']) fs.writeFileSync(`${root}/${name}`, '');
  fs.mkdirSync(`${root}/three/four`, { recursive: true });
  const names: string[] = [];
  const directory = await fs.promises.opendir(`${root}/`);
  for await (const entry of directory) names.push(`${entry.name} ${entry.isFile()} ${entry.isDirectory()}`);
  yield names.sort();
  yield await told((async () => directory.read())());
  const other = fs.opendirSync(`${root}/three`);
  yield [other.path === `${root}/three`, other.readSync()?.name, other.readSync()];
  await other.close();
  yield await told((async () => other.closeSync())());
  const byCallback = await promisify(fs.opendir)(`${root}/three`);
  yield await new Promise((resolve) => {
    byCallback.read((error, entry) => byCallback.close(() => resolve([error, entry?.name])));
  });
  yield fs
    .readdirSync(Buffer.from(`${root}/`), { encoding: 'buffer' })
    .map(String)
    .sort();
  yield fs.mkdtempSync(`${root}/t-`).length - root.length;
}

const SCRIPTS: Readonly<Record<string, Script>> = { callbacks, promises, handles, streams, directories };

async function collect(script: Script, fs: Fs, root: string): Promise<unknown[]> {
  const results: unknown[] = [];
  for await (const result of script(fs, root)) results.push(without(root, result));
  return results;
}

async function compare(build: Build, script: Script): Promise<void> {
  const folder = real.mkdtempSync(path.join(tmpdir(), 'sectorlab-fs-'));
  try {
    const machine = await openVolume(build);
    const ours = await collect(script, nodeFs(machine, { umask: process.umask() }), '');
    assert.equal(ours, await collect(script, real, folder));
    assertSound(machine);
  } finally {
    real.rmSync(folder, { recursive: true, force: true });
  }
}

const forms = suite('node:fs forms');

for (const build of BUILDS) {
  for (const [name, script] of Object.entries(SCRIPTS))
    forms(`${build}: ${name} are node:fs's`, () => compare(build, script));

  forms(`${build}: a callback comes after its call, and in the order of the calls`, async () => {
    const fs = nodeFs(await openVolume(build));
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      fs.writeFile('/a', 'x', () => order.push('write'));
      fs.stat('/a', (error) => order.push(`stat ${error?.code}`));
      fs.exists('/a', (isThere) => order.push(`exists ${isThere}`));
      fs.unlink('/none', (error) => {
        order.push(`unlink ${error?.code}`);
        resolve();
      });
    });
    order.push('called');
    await Promise.resolve().then(() => order.push('microtask'));
    await done;
    assert.equal(order, ['called', 'microtask', 'write', 'stat undefined', 'exists true', 'unlink ENOENT']);
  });

  forms(`${build}: what the volume does not have says so`, async () => {
    const fs = nodeFs(await openVolume(build));
    fs.writeFileSync('/a', '');
    const code = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        return (error as NodeJS.ErrnoException).message;
      }
    };
    assert.equal(
      [
        code(() => fs.symlinkSync('/a', '/b')),
        code(() => fs.readlinkSync('/a')),
        code(() => fs.watch('/a')),
        code(() => fs.watchFile('/a', () => {})),
        code(() => fs.promises.watch('/a')),
        code(() => fs.unwatchFile('/a')),
      ],
      [
        "EPERM: operation not permitted, symlink '/a' -> '/b'",
        "EINVAL: invalid argument, readlink '/a'",
        "ENOSYS: function not implemented, watch '/a'",
        "ENOSYS: function not implemented, watch '/a'",
        "ENOSYS: function not implemented, watch '/a'",
        undefined,
      ],
    );
  });

  forms(`${build}: two adapters of one machine share files, not descriptors`, async () => {
    const machine = await openVolume(build);
    const [one, two] = [nodeFs(machine), nodeFs(machine)];
    const fd = one.openSync('/a', 'w');
    assert.is(fd, 3);
    assert.is(one.openSync('/a', 'r'), 4);
    one.closeSync(fd);
    assert.is(one.openSync('/b', 'w'), 3, 'the lowest number that is free');
    assert.throws(() => two.fsyncSync(3), /EBADF/);
    assert.is(two.openSync('/a', 'r'), 3);
    two.writeFileSync('/a', 'shared');
    assert.is(one.readFileSync('/a', 'utf8'), 'shared');
    const stats = one.statfsSync('/');
    assert.ok(stats.bfree > 0 && stats.bfree < stats.blocks);
    assert.is(typeof one.statfsSync('/', { bigint: true }).blocks, 'bigint');
  });
}

forms.run();
