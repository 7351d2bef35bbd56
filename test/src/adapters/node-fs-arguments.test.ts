// What node:fs refuses, the adapter refuses in the same words: arguments of a wrong type or out of their range, in the order
// in which they are checked. The messages are compared with those of Node 20, on other versions only the codes.

import * as real from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../src/adapters/node-fs.ts';
import { BUILDS } from '../../support/machine.ts';
import { assertSound, openVolume } from '../fs/support.ts';

const isNode20 = process.versions.node.startsWith('20.');

/** An fs without its types: every call here breaks one. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose
type Loose = Record<string, any>;
interface Side {
  readonly fs: Loose;
  readonly root: string;
  readonly fd: number;
}
const b = Buffer.alloc(10);

const CALLS: readonly ((side: Side) => unknown)[] = [
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, 'x'),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, -2),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, 1.5),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, 2n ** 63n),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, 2n ** 63n - 1n),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 1, 2 ** 53 - 1),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 11, null),
  ({ fs, fd }) => fs.readSync(fd, b, 8, 3, null),
  ({ fs, fd }) => fs.readSync(fd, b, -1, 3, null),
  ({ fs, fd }) => fs.readSync(fd, b, 0, -1, null),
  ({ fs, fd }) => fs.readSync(fd, b, 'x', 1, null),
  ({ fs, fd }) => fs.readSync(fd, b, { offset: 4, length: 8 }),
  ({ fs, fd }) => fs.readSync(fd, b, 'x'),
  ({ fs, fd }) => fs.readSync(fd, 'text'),
  ({ fs, fd }) => fs.readSync(fd, Buffer.alloc(0), 0, 1, 0),
  ({ fs, fd }) => fs.readSync(fd, b, 0, 0, 0),
  ({ fs }) => fs.readSync('x', b),
  ({ fs }) => fs.readSync(9999, b),
  ({ fs, fd }) => fs.writeSync(fd, b, 0, 1, 2 ** 53 - 1),
  ({ fs, fd }) => fs.writeSync(fd, b, 0, 1, -5),
  ({ fs, fd }) => fs.writeSync(fd, b, 0, 1, 'x'),
  ({ fs, fd }) => fs.writeSync(fd, b, 11, 1),
  ({ fs, fd }) => fs.writeSync(fd, b, 9, 2),
  ({ fs, fd }) => fs.writeSync(fd, b, 0, -1),
  ({ fs, fd }) => fs.writeSync(fd, b, 1.5),
  ({ fs, fd }) => fs.writeSync(fd, 'abc', 0, 'hex'),
  ({ fs, fd }) => fs.writeSync(fd, 5),
  ({ fs, fd }) => fs.writeSync(fd, { toString: () => 'x' }),
  ({ fs, fd }) => fs.readvSync(fd, 5),
  ({ fs, fd }) => fs.readvSync(fd, [5]),
  ({ fs, fd }) => fs.readvSync(fd, []),
  ({ fs, fd }) => fs.writevSync(fd, 'x'),
  ({ fs, fd }) => fs.writevSync(fd, []),
  ({ fs }) => fs.closeSync(9999),
  ({ fs }) => fs.closeSync('x'),
  ({ fs }) => fs.closeSync(-1),
  ({ fs }) => fs.fsyncSync(2 ** 31),
  ({ fs }) => fs.fsyncSync(1.5),
  ({ fs }) => fs.fdatasyncSync(undefined),
  ({ fs }) => fs.fstatSync(null),
  ({ fs, fd }) => fs.ftruncateSync(fd, 'x'),
  ({ fs, fd }) => fs.ftruncateSync(fd, 1.5),
  ({ fs }) => fs.ftruncateSync('x', 1),
  ({ fs, fd }) => fs.fchmodSync(fd, 'x'),
  ({ fs, fd }) => fs.fchownSync(fd, 'x', 1),
  ({ fs, fd }) => fs.futimesSync(fd, 'x', 1),
  ({ fs, root }) => fs.openSync(`${root}/none`, 'zz'),
  ({ fs, root }) => fs.openSync(`${root}/none`, 1.5),
  ({ fs, root }) => fs.openSync(`${root}/none`, {}),
  ({ fs, root }) => fs.openSync(`${root}/none`, 'r', '9'),
  ({ fs, root }) => fs.openSync(`${root}/none`, 'r', -1),
  ({ fs, root }) => fs.openSync(`${root}/none`, null),
  ({ fs }) => fs.openSync(5),
  ({ fs }) => fs.openSync(),
  ({ fs }) => fs.openSync('a\0b'),
  ({ fs }) => fs.openSync(Buffer.from('a\0b')),
  ({ fs }) => fs.openSync(new URL('http://x')),
  ({ fs }) => fs.openSync(''),
  ({ fs }) => fs.statSync({}),
  ({ fs }) => fs.statSync(Symbol('x')),
  ({ fs, root }) => fs.statSync(`${root}/none`, { throwIfNoEntry: false }),
  ({ fs }) => fs.existsSync(5),
  ({ fs }) => fs.existsSync(),
  ({ fs }) => fs.renameSync('a'),
  ({ fs }) => fs.renameSync(undefined, 'a'),
  ({ fs }) => fs.linkSync('a', 7n),
  ({ fs, root }) => fs.mkdirSync(`${root}/new`, { recursive: 1 }),
  ({ fs, root }) => fs.mkdirSync(`${root}/new`, 'x'),
  ({ fs, root }) => fs.mkdirSync(`${root}/file`, { recursive: true }),
  ({ fs, root }) => fs.mkdirSync(`${root}/file/x`, { recursive: true }),
  ({ fs, root }) => fs.mkdirSync(`${root}/d/../e//f/`, { recursive: true }).slice(root.length),
  ({ fs, root }) => fs.rmSync(`${root}/none`, { force: 5 }),
  ({ fs, root }) => fs.rmSync(`${root}/none`, { recursive: 'x' }),
  ({ fs, root }) => fs.rmSync(`${root}/d`),
  ({ fs, root }) => fs.readdirSync(root, { encoding: 'zz' }),
  ({ fs, root }) => fs.readdirSync(`${root}/`, { recursive: 'x' }),
  ({ fs, root }) => fs.readdirSync(`${root}/`, 5),
  ({ fs, root }) => fs.readFileSync(`${root}/file`, 'zz'),
  ({ fs, root }) => fs.readFileSync(`${root}/file`, 5),
  ({ fs, root }) => fs.readFileSync(`${root}/file`, { flag: 'zz' }),
  ({ fs, root }) => fs.writeFileSync(`${root}/file2`, 5),
  ({ fs, root }) => fs.writeFileSync(`${root}/file2`, null),
  ({ fs, root }) => fs.writeFileSync(`${root}/file2`, Buffer.alloc(1), { flush: 1 }),
  ({ fs, root }) => fs.writeFileSync(`${root}/file2`, 'x', { mode: '8' }),
  ({ fs, root }) => fs.appendFileSync(`${root}/file2`, {}),
  ({ fs, root }) => fs.truncateSync(`${root}/file`, 'x'),
  ({ fs, root }) => fs.copyFileSync(`${root}/file`, `${root}/copy`, 99),
  ({ fs, root }) => fs.copyFileSync(`${root}/file`, `${root}/copy`, 'x'),
  ({ fs, root }) => fs.copyFileSync(`${root}/file`, 5),
  ({ fs, root }) => fs.cpSync(`${root}/d`, `${root}/d2`),
  ({ fs, root }) => fs.cpSync(`${root}/d`, `${root}/d`, { recursive: true }),
  ({ fs, root }) => fs.cpSync(`${root}/d`, `${root}/d/x`, { recursive: true }),
  ({ fs, root }) => fs.cpSync(`${root}/d`, `${root}/file`, { recursive: true }),
  ({ fs, root }) => fs.cpSync(`${root}/file`, `${root}/d`),
  ({ fs, root }) => fs.cpSync(`${root}/none`, `${root}/d`),
  ({ fs, root }) => fs.accessSync(`${root}/file`, 9),
  ({ fs, root }) => fs.accessSync(`${root}/file`, 'x'),
  ({ fs, root }) => fs.accessSync(`${root}/file`, fs.constants.X_OK),
  ({ fs, root }) => fs.accessSync(`${root}/d`, null),
  ({ fs, root }) => fs.chmodSync(`${root}/file`),
  ({ fs, root }) => fs.chmodSync(`${root}/file`, '9'),
  ({ fs, root }) => fs.chownSync(`${root}/file`, 1),
  ({ fs, root }) => fs.chownSync(`${root}/file`, 1, -2),
  ({ fs, root }) => fs.utimesSync(`${root}/file`, 'x', 1),
  ({ fs, root }) => fs.utimesSync(`${root}/file`, undefined, 1),
  ({ fs, root }) => fs.utimesSync(`${root}/none`, 1, 1),
  ({ fs, root }) => fs.readlinkSync(`${root}/file`),
  ({ fs, root }) => fs.symlinkSync('x', `${root}/file`),
  ({ fs, root }) => fs.symlinkSync('x', `${root}/none/x`),
  ({ fs, root }) => fs.mkdtempSync(`${root}/none/x`),
  ({ fs }) => fs.mkdtempSync(5),
  ({ fs, root }) => fs.open(`${root}/file`),
  ({ fs, root }) => fs.stat(`${root}/file`, 5),
  ({ fs, fd }) => fs.close(fd, 5),
  ({ fs, root }) => fs.readFile(`${root}/file`),
  ({ fs, fd }) => fs.write(fd, 'x'),
  ({ fs }) => fs.stat(5, () => {}),
  ({ fs, fd }) => fs.read(fd, b, 0, 11, 0, () => {}),
  ({ fs, root }) => fs.exists(`${root}/file`),
];

/** What a call answers or throws, without where the root is. */
function outcome(side: Side, call: (side: Side) => unknown): unknown {
  try {
    return { value: call(side) };
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    const plain = side.root === '' ? message : message.replaceAll(side.root, '');
    return isNode20 ? { name, code, message: plain } : { code };
  }
}

/** A file, a directory, and a descriptor of the file. */
function furnish(fs: Loose, root: string): Side {
  fs.writeFileSync(`${root}/file`, 'hello');
  fs.mkdirSync(`${root}/d`);
  return { fs, root, fd: fs.openSync(`${root}/file`, 'r+') };
}

const argumentsOf = suite('node:fs arguments');

for (const build of BUILDS) {
  argumentsOf(`${build}: what is wrong with an argument is said as Node says it`, async () => {
    const folder = real.mkdtempSync(path.join(tmpdir(), 'sectorlab-fs-'));
    try {
      const machine = await openVolume(build);
      const ours = furnish(nodeFs(machine) as unknown as Loose, '');
      const theirs = furnish(real as unknown as Loose, folder);
      for (const call of CALLS) assert.equal(outcome(ours, call), outcome(theirs, call), String(call));
      ours.fs.closeSync(ours.fd);
      real.closeSync(theirs.fd);
      assertSound(machine);
    } finally {
      real.rmSync(folder, { recursive: true, force: true });
    }
  });
}

argumentsOf('the adapter has every function of node:fs that Linux has, with its type', async () => {
  const fs: NodeFs = nodeFs(await openVolume('release'));
  const ours = fs as unknown as Loose;
  const missing = Object.keys(real).filter((name) => !(name in ours));
  const left = [
    'FileReadStream',
    'FileWriteStream',
    '_toUnixTimestamp',
    'default',
    'lchmod',
    'lchmodSync',
    'openAsBlob',
  ];
  assert.equal(
    missing.filter((name) => !left.includes(name) && isNode20),
    [],
  );
  assert.equal(
    Object.keys(real.promises).filter((name) => !(name in ours.promises) && name !== 'lchmod' && isNode20),
    [],
  );
  assert.equal(
    Object.entries(real.constants).filter(
      ([name, value]) =>
        !name.startsWith('EXTENSIONLESS') && ours.constants[name] !== value && process.platform === 'linux',
    ),
    [],
  );
});

argumentsOf.run();
