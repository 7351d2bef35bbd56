// Random calls on the volume and on a naive tree: the same errors, the same tree, the check quiet, before and after a mount.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OPEN_CREATE, OPEN_READ, OPEN_WRITE } from '../../../../assembly/layout.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, poolsInUse } from '../../../support/machine.ts';
import { NaiveTree } from './naive-tree.ts';
import { ERRNO, RawVolume } from './raw-volume.ts';

const model = suite('files/volume/namespace-model');

type Call =
  | { readonly kind: 'create' | 'mkdir' | 'rmdir' | 'unlink' | 'open'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string; readonly flags: number }
  | { readonly kind: 'sync' | 'close' | 'advance' };

const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c', 'ü') },
  fc.constantFrom('.', '..'),
);
const path = fc
  .tuple(fc.array(name, { minLength: 0, maxLength: 4 }), fc.constantFrom('', '', '', '/'))
  .map(([names, end]) => `/${names.join('/')}${names.length > 0 ? end : ''}`);
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('create' as const), path }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('mkdir' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rmdir' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlink' as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('link' as const), path, to: path }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('rename' as const),
      path,
      to: path,
      flags: fc.constantFrom(0, 0, 1, 2, 2, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('sync' as const, 'close', 'advance') }) },
);

/** The volume's tree in the oracle's form. */
function linesOf(volume: RawVolume): string[] {
  const list = (directory: string): string[] => {
    const entries = volume.list(`${directory}/`);
    if (typeof entries === 'number') throw new Error(`${directory}: ${entries}`);
    return entries.flatMap((entry) => {
      const at = `${directory}/${entry.name}`;
      const stat = volume.stat(at);
      const links = typeof stat === 'number' ? stat : stat.links;
      const isDirectory = entry.type === 4;
      return [`${at} ${isDirectory ? 'directory' : 'file'} ${links}`, ...(isDirectory ? list(at) : [])];
    });
  };
  return list('').sort();
}

/** What both answer. */
function play(volume: RawVolume, tree: NaiveTree, step: Call, open: number[]): [number, number] {
  switch (step.kind) {
    case 'create':
      return [volume.create(step.path), tree.create(step.path)];
    case 'mkdir':
      return [volume.mkdir(step.path), tree.mkdir(step.path)];
    case 'rmdir':
      return [volume.rmdir(step.path), tree.rmdir(step.path)];
    case 'unlink':
      return [volume.unlink(step.path), tree.unlink(step.path)];
    case 'link':
      return [volume.link(step.path, step.to), tree.link(step.path, step.to)];
    case 'rename':
      return [volume.rename(step.path, step.to, step.flags), tree.rename(step.path, step.to, step.flags)];
    case 'open': {
      const descriptor = volume.openFile(step.path, OPEN_READ | OPEN_WRITE | OPEN_CREATE);
      if (descriptor >= 0) open.push(descriptor);
      return [Math.min(descriptor, 0), tree.create(step.path)];
    }
    case 'close':
      return [open.length > 0 ? volume.close(open.pop() as number) : 0, 0];
    case 'advance':
      volume.machine.advance(2e9);
      return [0, 0];
    default:
      return [volume.syncAll(), 0];
  }
}

async function check(build: Build, calls: readonly Call[]): Promise<void> {
  const volume = await RawVolume.fresh(build, { cache: '128KiB', buffers: 65536 });
  const tree = new NaiveTree();
  const open: number[] = [];
  for (const [index, step] of calls.entries()) {
    const [got, wanted] = play(volume, tree, step, open);
    assert.is(got, wanted, `call ${index}: ${JSON.stringify(step)}`);
    if (index % 8 === 0) assert.equal(volume.check(), []);
  }
  assert.equal(linesOf(volume), tree.lines());
  for (const descriptor of open) assert.is(volume.close(descriptor), 0);
  assert.is(volume.unmount(), 0);
  assert.is(volume.mount(), 0);
  assert.equal(linesOf(volume), tree.lines());
  assert.equal(volume.check(), []);
  assert.equal(poolsInUse(volume.machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  model(`${build}: random calls do what they do on a naive tree`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 20, maxLength: 120 }), (calls) => check(build, calls)),
      { numRuns: 40, seed: 11 },
    );
  });

  model(`${build}: the model can fail: a rename that did not happen is seen`, async () => {
    const volume = await RawVolume.fresh(build);
    const tree = new NaiveTree();
    assert.equal([volume.create('/a'), tree.create('/a'), tree.rename('/a', '/b', 0)], [0, 0, 0]);
    assert.not.equal(linesOf(volume), tree.lines());
    assert.is(tree.unlink('/a'), ERRNO.ENOENT);
  });
}

model.run();
