// test-timeout: 60
// The adapter against node:fs itself: the same random calls on a temporary folder and on a volume have the same results and
// the same errors, to the message.
//
// Left out where the two must differ: the numbers of descriptors and inodes, the order of a listing, the size of a directory,
// times that nobody set. Permissions are never taken from the owner: the volume does not check them.

import * as real from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../src/adapters/node-fs.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const RUNS = 60;
const LONGEST = 60;
const isRoot = process.getuid?.() === 0;

type Fs = Omit<NodeFs, 'promises'>;
/** One side: an fs, where its root is, and what the script has opened. */
interface Side {
  readonly fs: Fs;
  readonly root: string;
  readonly fds: number[];
}
interface Step {
  readonly name: string;
  readonly run: (side: Side) => unknown;
}

/** What can be told of a file on both sides. */
function told(stat: real.Stats | real.BigIntStats, hasTimes: boolean): unknown {
  const isDirectory = stat.isDirectory();
  return {
    kind: [stat.isFile(), isDirectory, stat.isSymbolicLink(), stat.isFIFO()],
    mode: Number(stat.mode),
    nlink: Number(stat.nlink),
    owner: isRoot ? [Number(stat.uid), Number(stat.gid)] : [],
    size: isDirectory ? 0 : Number(stat.size),
    mtime: hasTimes ? [Number(stat.mtimeMs), stat.mtime.getTime()] : [],
  };
}

/** The result or the error of a step, in a form that is alike on both sides. */
function outcome(side: Side, step: Step): unknown {
  const plain = (text: string): string => (side.root === '' ? text : text.replaceAll(side.root, ''));
  try {
    const value = step.run(side);
    return { value: typeof value === 'string' ? plain(value) : value };
  } catch (error) {
    const {
      name,
      code,
      errno,
      syscall,
      message,
      path: where,
      dest,
    } = error as NodeJS.ErrnoException & { dest?: string };
    return {
      name,
      code,
      errno,
      syscall,
      message: plain(message),
      path: plain(where ?? '-'),
      dest: plain(dest ?? '-'),
    };
  }
}

const ENTRY = ['a', 'b', 'c'];
const place = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(fc.constantFrom(...ENTRY), { minLength: 1, maxLength: 3 })
      .map((parts) => `/${parts.join('/')}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/a/',
      '/b//c',
      '/a/../b',
      '/c/./a',
      '/a/b/',
      '/none/x',
      `/${'n'.repeat(255)}`,
      `/${'n'.repeat(256)}`,
      '/ß→𝄞',
    ),
  },
);
/** Of a call with two names: which of two errors comes first is not told apart. */
const onePlace = place.filter((name) => name.length < 256);
const content = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const offset = fc.constantFrom(0, 1, 5, 100, 4095, 4096, 9000);
const maybeOffset = fc.option(offset, { nil: null });
const flag = fc.constantFrom(
  'r',
  'r+',
  'w',
  'wx',
  'w+',
  'wx+',
  'a',
  'ax',
  'a+',
  'as',
  'rs+',
  0,
  1,
  2,
  real.constants.O_RDWR | real.constants.O_CREAT,
  real.constants.O_DIRECTORY,
);
const mode = fc.constantFrom(0o600, 0o644, 0o755, 0o777, '700', undefined);
const slot = fc.nat(5);
const encoding = fc.constantFrom(
  'utf8',
  'hex',
  'base64',
  'latin1',
  'utf16le',
) as fc.Arbitrary<BufferEncoding>;

/** A step with its arguments; `fd` takes the script's descriptors in turn, and one that is not open when there is none. */
function step<T>(
  name: string,
  args: fc.Arbitrary<T>,
  run: (side: Side, args: T) => unknown,
): fc.Arbitrary<Step> {
  return args.map((values) => ({
    name: `${name} ${fc.stringify(values)}`,
    run: (side) => run(side, values),
  }));
}
const fd = ({ fds }: Side, number: number): number =>
  fds.length === 0 ? 9999 : (fds[number % fds.length] as number);

const onDescriptors = [
  step('open', fc.tuple(place, flag, mode), (side, [p, f, m]) => {
    side.fds.push(side.fs.openSync(side.root + p, f, m));
  }),
  step('close', slot, (side, n) => {
    const number = fd(side, n);
    side.fs.closeSync(number);
    side.fds.splice(side.fds.indexOf(number), 1);
  }),
  step('read', fc.tuple(slot, fc.nat(50), maybeOffset), (side, [n, length, at]) => {
    const buffer = Buffer.alloc(60, 7);
    return [side.fs.readSync(fd(side, n), buffer, 3, length, at), buffer.toString('hex')];
  }),
  step('read options', fc.tuple(slot, maybeOffset), (side, [n, position]) => {
    const buffer = new Uint16Array(16);
    return [side.fs.readSync(fd(side, n), buffer, { position, offset: 2 }), buffer.join()];
  }),
  step('write', fc.tuple(slot, content, maybeOffset), (side, [n, bytes, at]) =>
    side.fs.writeSync(fd(side, n), bytes, 0, bytes.length, at),
  ),
  step('write text', fc.tuple(slot, fc.string(), maybeOffset, encoding), (side, [n, text, at, code]) =>
    side.fs.writeSync(fd(side, n), text, at, code),
  ),
  step(
    'writev',
    fc.tuple(slot, fc.array(content, { maxLength: 3 }), fc.option(offset, { nil: undefined })),
    (side, [n, parts, at]) => side.fs.writevSync(fd(side, n), parts, at),
  ),
  step('readv', fc.tuple(slot, fc.option(offset, { nil: undefined })), (side, [n, at]) => {
    const parts = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(20)];
    return [side.fs.readvSync(fd(side, n), parts, at), Buffer.concat(parts).toString('hex')];
  }),
  step('ftruncate', fc.tuple(slot, fc.constantFrom(undefined, -3, 0, 7, 5000)), (side, [n, size]) =>
    side.fs.ftruncateSync(fd(side, n), size),
  ),
  step('fsync', slot, (side, n) => side.fs.fsyncSync(fd(side, n))),
  step('fdatasync', slot, (side, n) => side.fs.fdatasyncSync(fd(side, n))),
  step('fstat', slot, (side, n) => told(side.fs.fstatSync(fd(side, n)), false)),
  step('fchmod', fc.tuple(slot, fc.constantFrom(0o700, 0o755)), (side, [n, m]) =>
    side.fs.fchmodSync(fd(side, n), m),
  ),
  step('futimes', fc.tuple(slot, fc.constantFrom(1, 1.5, 123456.789)), (side, [n, t]) => {
    side.fs.futimesSync(fd(side, n), t, t);
    return told(side.fs.fstatSync(fd(side, n)), true);
  }),
  step('read file of fd', slot, (side, n) => side.fs.readFileSync(fd(side, n), 'hex')),
  step('append to fd', fc.tuple(slot, content), (side, [n, bytes]) =>
    side.fs.appendFileSync(fd(side, n), bytes),
  ),
];

const onNames = [
  step('stat', place, (side, p) => told(side.fs.statSync(side.root + p), false)),
  step('lstat big', place, (side, p) => told(side.fs.lstatSync(side.root + p, { bigint: true }), false)),
  step('access', fc.tuple(place, fc.constantFrom(undefined, 0, 1, 4, 7)), (side, [p, m]) =>
    side.fs.accessSync(side.root + p, m),
  ),
  step('exists', place, (side, p) => side.fs.existsSync(side.root + p)),
  step('mkdir', fc.tuple(place, mode), (side, [p, m]) => side.fs.mkdirSync(side.root + p, m)),
  step('mkdir all', place, (side, p) => side.fs.mkdirSync(side.root + p, { recursive: true })),
  step('rmdir', place, (side, p) => side.fs.rmdirSync(side.root + p)),
  step('unlink', place, (side, p) => side.fs.unlinkSync(side.root + p)),
  step('rm', fc.tuple(place, fc.boolean(), fc.boolean()), (side, [p, recursive, force]) =>
    side.fs.rmSync(side.root + p, { recursive, force }),
  ),
  step('rename', fc.tuple(onePlace, onePlace), (side, [p, q]) =>
    side.fs.renameSync(side.root + p, side.root + q),
  ),
  step('link', fc.tuple(onePlace, onePlace), (side, [p, q]) =>
    side.fs.linkSync(side.root + p, side.root + q),
  ),
  step('copy', fc.tuple(onePlace, onePlace, fc.constantFrom(undefined, 0, 1)), (side, [p, q, m]) => {
    // libuv removes the target when it fails on a directory
    if (side.fs.statSync(side.root + p).isFile()) side.fs.copyFileSync(side.root + p, side.root + q, m);
  }),
  step('readlink', place, (side, p) => side.fs.readlinkSync(side.root + p)),
  step('realpath', place, (side, p) => side.fs.realpathSync(side.root + p)),
  step('realpath native', place, (side, p) => side.fs.realpathSync.native(side.root + p)),
  step('readdir', place, (side, p) => side.fs.readdirSync(side.root + p).sort()),
  step('readdir all', place, (side, p) =>
    side.fs
      .readdirSync(side.root + p, { recursive: true, withFileTypes: true })
      .map((entry) => [entry.parentPath.slice(side.root.length), entry.name, entry.isDirectory()].join())
      .sort(),
  ),
  step('opendir', place, (side, p) => {
    const names: string[] = [];
    // newer Node's error has the path, Node 20's has not
    if (!side.fs.existsSync(side.root + p) || !side.fs.statSync(side.root + p).isDirectory()) return names;
    const directory = side.fs.opendirSync(`${side.root}${p}`);
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync())
      names.push(entry.name);
    directory.closeSync();
    return names.sort();
  }),
  step(
    'write file',
    fc.tuple(place, content, fc.constantFrom('w', 'wx', 'a', 'r+'), mode),
    (side, [p, bytes, f, m]) => side.fs.writeFileSync(side.root + p, bytes, { flag: f, mode: m }),
  ),
  step('append file', fc.tuple(place, fc.string()), (side, [p, text]) =>
    side.fs.appendFileSync(side.root + p, text),
  ),
  step('read file', fc.tuple(place, encoding), (side, [p, code]) =>
    side.fs.readFileSync(side.root + p, code),
  ),
  step('truncate', fc.tuple(place, fc.constantFrom(undefined, 0, 3, 6000)), (side, [p, size]) =>
    side.fs.truncateSync(side.root + p, size),
  ),
  step('chmod', fc.tuple(place, fc.constantFrom(0o700, '755', 0o777)), (side, [p, m]) =>
    side.fs.chmodSync(side.root + p, m),
  ),
  step('chown', fc.tuple(place, fc.constantFrom(0, 1000, -1)), (side, [p, id]) =>
    isRoot ? side.fs.chownSync(side.root + p, id, 7) : undefined,
  ),
  step('utimes', fc.tuple(place, fc.constantFrom(0, 1.25, 1e9, new Date(86400000))), (side, [p, t]) => {
    side.fs.utimesSync(side.root + p, t, t);
    return told(side.fs.statSync(side.root + p), true);
  }),
];

/** Everything below a folder, with the bytes of each file. */
function everything({ fs, root }: Side, folder = ''): unknown[] {
  return fs
    .readdirSync(`${root}${folder}/`)
    .sort()
    .map((name) => {
      const at = `${folder}/${name}`;
      const stat = fs.statSync(root + at);
      const inside = stat.isDirectory()
        ? everything({ fs, root, fds: [] }, at)
        : fs.readFileSync(root + at, 'hex');
      return [name, told(stat, false), inside];
    });
}

async function play(build: Build, steps: readonly Step[]): Promise<void> {
  const folder = real.mkdtempSync(path.join(tmpdir(), 'sectorlab-fs-'));
  const machine = await openMachine(build, { drives: [{ size: '8MiB' }], cache: '1MiB', volume: true });
  const ours: Side = { fs: nodeFs(machine, { umask: process.umask() }), root: '', fds: [] };
  const theirs: Side = { fs: real, root: folder, fds: [] };
  try {
    steps.forEach((each, index) => {
      assert.equal(outcome(ours, each), outcome(theirs, each), `step ${index}: ${each.name}`);
    });
    assert.equal(everything(ours), everything(theirs));
    for (const side of [ours, theirs]) for (const number of side.fds.splice(0)) side.fs.closeSync(number);
    assert.equal(machine.fs.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  } finally {
    for (const number of theirs.fds) real.closeSync(number);
    real.rmSync(folder, { recursive: true, force: true });
  }
}

const differential = suite('node:fs differential');

for (const build of BUILDS) {
  differential(`${build}: random calls answer as node:fs does`, async () => {
    const anyStep = fc.oneof(...onDescriptors, ...onNames);
    const script = fc.array(anyStep, { maxLength: LONGEST, size: 'max' });
    const property = fc.asyncProperty(script, (steps) => play(build, steps));
    await fc.assert(property, { numRuns: RUNS, seed: 20261121, includeErrorInReport: true });
  });
}

differential.run();
