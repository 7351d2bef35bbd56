// Image files through node:wasi, in a temporary folder: what is written is in the file, and what is in the file is read.
//
// Also: short files read as zeros, every way in which an image can not be opened, a power cut on an image, and that a user
// of images sees no warning about node:wasi.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StorageError } from '../../../src/errors.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';

const images = suite<{ folder: string }>('image files');

images.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sectorlab-image-'));
});

images.after.each(({ folder }) => {
  rmSync(folder, { recursive: true, force: true });
});

async function rejection(open: Promise<unknown>): Promise<StorageError> {
  try {
    await open;
  } catch (error) {
    assert.instance(error, StorageError, String(error));
    return error as StorageError;
  }
  throw new Error('it opened');
}

for (const build of BUILDS) {
  images(`${build}: an image is created, written, and read by the next machine`, async ({ folder }) => {
    const image = join(folder, 'disk.img');
    const machine = await openMachine(build, { drives: [{ image, size: '1MiB' }] });
    const file = machine.openFile('drive0');
    file.write(new Uint8Array(3000).fill(8), 5000);
    assert.is(statSync(image).size, 0, 'nothing is written before a sync');
    file.sync();
    machine.close();
    const bytes = readFileSync(image);
    assert.is(bytes.length, 8192);
    assert.ok(bytes.subarray(5000, 8000).every((byte) => byte === 8));
    assert.ok(bytes.subarray(0, 5000).every((byte) => byte === 0));

    const again = await openMachine(build, { drives: [{ image }] });
    assert.is(again.openFile('drive0').size, 8192, 'the size of the file');
    assert.equal([...again.openFile('drive0').read(4, 4998)], [0, 0, 8, 8]);
    again.close();
  });

  images(`${build}: what a short image lacks reads as zeros`, async ({ folder }) => {
    const image = join(folder, 'short.img');
    writeFileSync(image, new Uint8Array(700).fill(1));
    const machine = await openMachine(build, { drives: [{ image, size: 8192 }] });
    // what an earlier transfer left in client memory may not shine through
    machine.buffers.borrow(65536, (address) =>
      machine.core.memory.bytes.fill(0x55, address, address + 65536),
    );
    const direct = machine.openFile('drive0', { direct: true }).read(8192, 0);
    assert.is(direct.length, 8192);
    assert.is(
      direct.findIndex((byte) => byte !== 1),
      700,
    );
    assert.ok(direct.subarray(700).every((byte) => byte === 0));
    assert.equal(machine.openFile('drive0').read(8192, 0), direct);
    machine.close();
    assert.is(statSync(image).size, 700, 'reading changes nothing');
  });

  images(`${build}: two images in two folders are two drives`, async ({ folder }) => {
    mkdirSync(join(folder, 'other'));
    const paths = [join(folder, 'a.img'), join(folder, 'other', 'a.img')];
    const machine = await openMachine(build, { drives: paths.map((image) => ({ image, size: 4096 })) });
    for (const [index, name] of ['drive0', 'drive1'].entries())
      machine.openFile(name, { direct: true, dsync: true }).write(new Uint8Array(512).fill(index + 1), 0);
    machine.close();
    assert.equal(
      paths.map((path) => readFileSync(path)[0]),
      [1, 2],
    );
  });

  images(`${build}: an image behind a symbolic link to another folder opens`, async ({ folder }) => {
    mkdirSync(join(folder, 'store'));
    const target = join(folder, 'store', 'disk.img');
    writeFileSync(target, new Uint8Array(512).fill(4));
    symlinkSync(target, join(folder, 'link.img'));
    const machine = await openMachine(build, { drives: [{ image: join(folder, 'link.img') }] });
    assert.is(machine.openFile('drive0').read(1, 0)[0], 4);
    machine.close();
  });

  images(`${build}: a read-only image is not created and not changed`, async ({ folder }) => {
    const image = join(folder, 'read.img');
    const error = await rejection(openMachine(build, { drives: [{ image, readOnly: true, size: 4096 }] }));
    assert.is(error.code, 'ENOENT');
    assert.match(error.message, image);
    assert.not.ok(existsSync(image));
    writeFileSync(image, new Uint8Array(512).fill(6));
    const machine = await openMachine(build, { drives: [{ image, readOnly: true }] });
    assert.is(machine.openFile('drive0', { readOnly: true }).read(512, 0)[511], 6);
    assert.equal(machine.cutPower(), [0]);
  });

  images(
    `${build}: an image in a folder that does not exist is ENOENT and names the path`,
    async ({ folder }) => {
      const image = join(folder, 'nowhere', 'disk.img');
      const error = await rejection(openMachine(build, { drives: [{ image, size: 4096 }] }));
      assert.is(error.code, 'ENOENT');
      assert.is(error.syscall, 'open');
      assert.match(error.message, image);
    },
  );

  images(`${build}: a folder is no image`, async ({ folder }) => {
    const error = await rejection(openMachine(build, { drives: [{ image: folder, size: 4096 }] }));
    assert.is(error.code, 'EISDIR');
    assert.match(error.message, folder);
  });

  images(`${build}: an image that does not open leaves no other one open`, async ({ folder }) => {
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const images = ['good.img', 'missing.img'].map((name) => join(folder, name));
    const config = { drives: images.map((image, index) => ({ image, size: 4096, readOnly: index === 1 })) };
    await rejection(openMachine(build, config));
    const before = openFiles();
    for (let round = 0; round < 20; round++) await rejection(openMachine(build, config));
    // the preopened folder itself stays open until its host is collected
    assert.ok(openFiles() - before <= 20, `${openFiles() - before} more files are open`);
  });

  images(`${build}: a power cut takes unflushed writes out of the image`, async ({ folder }) => {
    const image = join(folder, 'cut.img');
    const machine = await openMachine(build, { drives: [{ image, size: 4096 }] });
    const file = machine.openFile('drive0', { direct: true });
    file.write(new Uint8Array(1024).fill(1), 0);
    file.sync();
    file.write(new Uint8Array(1024).fill(2), 512);
    assert.is(readFileSync(image)[1024], 2, 'the image holds the newest bytes');
    assert.equal(machine.cutPower(), [1]);
    const bytes = readFileSync(image);
    assert.equal([bytes[0], bytes[512], bytes[1024]], [1, 1, 0]);
  });
}

images('a user of images sees nothing on stderr', ({ folder }) => {
  const script = `
    import { Machine } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)};
    const machine = await Machine.create({ drives: [{ image: ${JSON.stringify(join(folder, 'quiet.img'))}, size: 4096 }] });
    machine.openFile('drive0', { dsync: true }).write(new Uint8Array(10), 0);
    machine.close();
    process.emitWarning('of the user', 'ExperimentalWarning');
    console.log('done');
  `;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '' },
  });
  assert.is(child.stdout.trim(), 'done', child.stderr);
  assert.not.match(child.stderr, 'WASI');
  assert.match(child.stderr, 'of the user', 'other warnings pass');
});

images.run();
