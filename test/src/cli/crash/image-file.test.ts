// An image file of a check: it holds the image's bytes whatever the check before has done to it, and holes where nothing is.

import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import { ImageFile } from '../../../../src/cli/crash/image-file.ts';
import { openBase } from '../../../../src/cli/crash/log-input.ts';
import { withFolder } from '../../replay/support.ts';

const image = suite('cli/crash/image-file');

const CHUNK = 16384;
const MIB = 1048576;

function bytesOf(memory: SparseMemory, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  memory.read(bytes, 0);
  return bytes;
}

/** What a check may do to its image. */
const DAMAGES: readonly [what: string, damage: (file: string) => void][] = [
  ['overwritten', (file) => writeFileSync(file, Buffer.alloc(4 * CHUNK, 77))],
  ['longer', (file) => appendFileSync(file, 'x')],
  ['shorter', (file) => truncateSync(file, 10)],
  ['removed', (file) => rmSync(file)],
  [
    'a folder',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
];

for (const isOnFile of [false, true]) {
  const over = isOnFile ? 'a base image' : 'zeros';
  image(`over ${over} each image is there, one after the other`, () =>
    withFolder(async (folder) => {
      const basePath = path.join(folder, 'base.img');
      const size = 6 * CHUNK + 512;
      if (isOnFile) writeFileSync(basePath, Buffer.alloc(5 * CHUNK, 5));
      const base = openBase(isOnFile ? basePath : undefined);
      const file = new ImageFile(path.join(folder, 'image'), base, size);
      const memory = base.memory.fork();
      memory.extend(size);
      for (let step = 0; step < 12; step++) {
        memory.write(new Uint8Array(700).fill(step + 1), ((step * 7) % 11) * (CHUNK / 2));
        await file.put(memory.fork());
        assert.ok(readFileSync(file.path).equals(bytesOf(memory, size)), `step ${step}`);
      }
      await file.put(base.memory.fork());
      assert.ok(readFileSync(file.path).equals(bytesOf(base.memory, size)), 'back to the base');
      if (isOnFile)
        assert.ok(readFileSync(basePath).equals(Buffer.alloc(5 * CHUNK, 5)), 'the base is as it was');
    }),
  );
}

for (const [what, damage] of DAMAGES) {
  image(`an image file that the check leaves ${what} is made anew`, () =>
    withFolder(async (folder) => {
      const file = new ImageFile(path.join(folder, 'image'), openBase(undefined), 4 * CHUNK);
      const memory = new SparseMemory(4 * CHUNK);
      memory.write(new Uint8Array([1, 2, 3]), 100);
      await file.put(memory.fork());
      damage(file.path);
      memory.write(new Uint8Array([4]), 3 * CHUNK);
      await file.put(memory.fork());
      assert.ok(readFileSync(file.path).equals(bytesOf(memory, 4 * CHUNK)));
    }),
  );
}

image('a large image with few bytes takes little of the disk, and so does a copy', () =>
  withFolder(async (folder) => {
    const size = 64 * MIB;
    const basePath = path.join(folder, 'base.img');
    writeFileSync(basePath, 'begin');
    truncateSync(basePath, 32 * MIB);
    const base = openBase(basePath);
    const file = new ImageFile(path.join(folder, 'image'), base, size);
    const memory = base.memory.fork();
    memory.write(new Uint8Array([1]), size - 1);
    await file.put(memory);
    await file.keepAs(path.join(folder, 'kept'));
    for (const name of ['image', 'kept']) {
      const { size: bytes, blocks } = statSync(path.join(folder, name));
      assert.is(bytes, size);
      assert.ok(blocks * 512 <= 4 * MIB, `${name} takes ${blocks * 512} bytes`);
    }
    await file.remove();
    assert.not.ok(statSync(file.path, { throwIfNoEntry: false }));
  }),
);

image.run();
