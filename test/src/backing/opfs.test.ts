// Images in the origin's private file system, with the faults that a browser may have: short transfers, no room, somebody else's handle.
// What a real browser does is in test/chromium/opfs.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openOpfsImages } from '../../../src/backing/opfs.ts';
import { Machine } from '../../../src/browser.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine as AnyMachine } from '../../../src/machine.ts';
import { coreModule } from '../../support/machine.ts';
import { PrivateFiles } from '../../support/private-files.ts';

const MIB = 1048576;

const opfs = suite('backing/opfs');
let files: PrivateFiles;
let uninstall: () => void;

opfs.before.each(() => {
  files = new PrivateFiles();
  uninstall = files.install();
});
opfs.after.each(() => uninstall());

async function open(config: MachineConfig): Promise<AnyMachine> {
  return Machine.create(await coreModule('release'), config);
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

/** Bytes that tell where they are. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
}

/** Without a picture of what differs, which of thousands of bytes takes minutes. */
function assertSame(found: Uint8Array, expected: Uint8Array, what?: string): void {
  assert.is(Buffer.compare(found, expected), 0, what);
}

opfs('what a handle takes and gives piece by piece arrives whole, and where it belongs', async () => {
  files.transferBytes = 1000;
  const bytes = pattern(5 * 4096);
  const machine = await open({ drives: [{ image: 'disk.img', size: MIB, volatileWrites: 0 }] });
  const device = machine.blockDevice();
  device.write(24, bytes);
  device.flush();
  assertSame(files.bytesOf('disk.img').subarray(24 * 512, 24 * 512 + bytes.length), bytes);
  assertSame(device.read(24, 40), bytes);
  const snapshot = machine.snapshot();
  device.write(24, new Uint8Array(bytes.length));
  device.flush();
  assertSame(device.read(24, 40), new Uint8Array(bytes.length));
  machine.restore(snapshot);
  assertSame(files.bytesOf('disk.img').subarray(24 * 512, 24 * 512 + bytes.length), bytes, 'put back');
  machine.close();
  assert.equal(files.open, []);
});

opfs('a flush of the drive is one of the file', async () => {
  const machine = await open({ drives: [{ image: 'disk.img', size: MIB }] });
  const device = machine.blockDevice();
  device.write(0, pattern(512));
  const before = files.flushes;
  device.flush();
  assert.ok(files.flushes > before);
  machine.close();
});

opfs('a file that is larger than what was written stays so, and gives the drive its size', async () => {
  files.fill('disk.img', pattern(2 * MIB));
  const machine = await open({ drives: [{ image: 'disk.img' }] });
  assert.is(machine.blockDevice().sectorCount, 4096);
  assert.equal(machine.blockDevice().read(4095, 1), pattern(2 * MIB).subarray(-512));
  machine.close();
  assert.is(files.bytesOf('disk.img').length, 2 * MIB);
});

opfs('no room is ENOSPC at the write that finds none, and what is there can still be read', async () => {
  const machine = await open({ drives: [{ image: 'disk.img', size: MIB, volatileWrites: 0 }] });
  const device = machine.blockDevice();
  device.write(0, pattern(4096));
  files.quotaBytes = files.bytesOf('disk.img').length;
  assert.throws(
    () => {
      device.write(1024, pattern(4096));
      device.flush();
    },
    (error: { code: string }) => error.code === 'ENOSPC',
  );
  assertSame(device.read(0, 8), pattern(4096));
  machine.close();
});

opfs('what the browser says becomes an errno that says what to do', async () => {
  const drives = [{ image: 'disk.img', size: MIB }];
  for (const [name, told] of [
    ['NoModificationAllowedError', /^EBUSY: .*'disk\.img' \(another machine, here or in another tab/],
    ['QuotaExceededError', /^ENOSPC: .*'disk\.img' \(the origin's storage is full\)/],
    ['SecurityError', /^EACCES: .*'disk\.img' \(the browser keeps no files for this origin\)/],
    ['AbortError', /^EIO: .*'disk\.img'/],
  ] as const) {
    files.openFault = name;
    assert.match(await failure(open({ drives })), told);
  }
  files.rootFault = 'SecurityError';
  assert.match(await failure(open({ drives })), /^EACCES: .*'\/' \(the browser keeps no files/);
});

opfs('one image that can not be opened leaves none of the others held', async () => {
  files.folders.add('folder');
  assert.match(await failure(openOpfsImages(['one.img', 'folder'])), /^EISDIR: .*'folder'/);
  assert.equal(files.open, []);
  const { host } = await openOpfsImages(['one.img', 'two.img']);
  assert.equal(files.open, ['one.img', 'two.img']);
  host.release?.();
  assert.equal(files.open, []);
});

opfs('a volume that is refused leaves its image to the next who opens it', async () => {
  const noise = pattern(4 * MIB);
  files.fill('disk.img', noise);
  const config = { drives: [{ image: 'disk.img' }], volume: true } as const;
  assert.match(await failure(open(config)), /^EUCLEAN: /);
  assert.equal(files.open, []);
  assert.is(Buffer.compare(files.bytesOf('disk.img'), noise), 0, 'and as it was');
});

opfs('folders are gone through by name, and none is made', async () => {
  files.folders.add('disks').add('disks/old');
  const { host, images } = await openOpfsImages(['disks/old/a.img', '/b.img']);
  assert.equal([...files.files.keys()], ['disks/old/a.img', 'b.img']);
  assert.equal(
    images.map(({ name, size }) => [name, size]),
    [
      ['a.img', undefined],
      ['b.img', undefined],
    ],
  );
  host.release?.();
  assert.match(await failure(openOpfsImages(['disks/new/a.img'])), /^ENOENT: .*'disks\/new\/a\.img'/);
  for (const path of ['', '/', '.', '..', 'disks/..', '../a.img', './a.img'])
    assert.match(await failure(openOpfsImages([path])), /^EINVAL: .*without \. or \.\./, path);
});

opfs('an image that is only read is opened so, and is not made', async () => {
  assert.match(await failure(openOpfsImages(['none.img'], [true])), /^ENOENT: .*'none\.img'/);
  assert.equal([...files.files.keys()], []);
  files.fill('read.img', pattern(4096));
  const { host, images } = await openOpfsImages(['read.img', 'written.img'], [true, false]);
  assert.equal([files.modes.get('read.img'), files.modes.get('written.img')], ['read-only', 'readwrite']);
  assert.equal(
    images.map(({ size }) => size),
    [4096, undefined],
  );
  host.release?.();
});

opfs('where there are no such files, or none that are synchronous, the option is refused', async () => {
  files.hasHandles = false;
  assert.match(await failure(openOpfsImages(['a.img'])), /^ERR_SECTORLAB_CONFIG: image .*dedicated worker/);
  uninstall();
  assert.match(await failure(openOpfsImages(['a.img'])), /^ERR_SECTORLAB_CONFIG: image .*no files here/);
});

opfs.run();
