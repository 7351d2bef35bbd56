// The disks that a browser keeps: made once, patched whole, cleared unless somebody has them; a cut of their power leaves in the file what it says.
// test-timeout: 60

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/browser.ts';
import type { Machine as AnyMachine } from '../../../../src/machine.ts';
import { Disk } from '../../../../src/playground/worker/disk.ts';
import type { PlugChoice } from '../../../../src/playground/worker/live-protocol.ts';
import { cutPower } from '../../../../src/playground/worker/power.ts';
import {
  DISK_NAME,
  GUEST_DISK_NAME,
  makeStored,
  patchStored,
  removeStored,
  storedDisks,
} from '../../../../src/playground/worker/stored-disks.ts';
import { coreModule } from '../../../support/machine.ts';
import { PrivateFiles } from '../../../support/private-files.ts';

const MIB = 1048576;

const disks = suite('stored disks');
let files: PrivateFiles;
let uninstall: () => void;

disks.before.each(() => {
  files = new PrivateFiles();
  uninstall = files.install();
});
disks.after.each(() => uninstall());

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );
}

disks('they are listed by name and size, and no other file is', async () => {
  assert.equal(await storedDisks(), []);
  files.fill('letter.txt', new Uint8Array(9));
  files.fill(GUEST_DISK_NAME, new Uint8Array(4096));
  assert.equal(await storedDisks(), [{ name: GUEST_DISK_NAME, sizeBytes: 4096 }]);
});

disks('a disk is made of zeros in its whole size, once; one without content is made anew', async () => {
  await makeStored(DISK_NAME, MIB);
  assert.is(Buffer.compare(files.bytesOf(DISK_NAME), new Uint8Array(MIB)), 0);
  files.bytesOf(DISK_NAME)[5] = 1;
  await makeStored(DISK_NAME, 2 * MIB);
  assert.is(files.bytesOf(DISK_NAME).length, MIB);
  assert.is(files.bytesOf(DISK_NAME)[5], 1);
  files.fill(DISK_NAME, new Uint8Array(0));
  await makeStored(DISK_NAME, 2 * MIB);
  assert.is(files.bytesOf(DISK_NAME).length, 2 * MIB);
  assert.equal(files.open, []);
});

disks('without room for it there is no disk, and the reader is told what to do', async () => {
  files.quotaBytes = MIB;
  assert.match(await failure(makeStored(DISK_NAME, 2 * MIB)), /no room for a disk of this size/);
  assert.equal(await storedDisks(), []);
  files.openFault = 'InvalidStateError';
  assert.is(await failure(makeStored(DISK_NAME, MIB)), 'made up', 'anything else is told as it is');
});

disks('a disk is cleared unless somebody has it open; one that is not there is', async () => {
  await removeStored(DISK_NAME);
  await makeStored(DISK_NAME, MIB);
  const machine = await Machine.create(await coreModule('release'), { drives: [{ image: DISK_NAME }] });
  assert.match(await failure(removeStored(DISK_NAME)), /The disk is open, here or in another tab/);
  machine.close();
  await removeStored(DISK_NAME);
  assert.equal(await storedDisks(), []);
});

disks('pieces are written whole, however little the browser takes at once, and nothing else is', async () => {
  files.fill(DISK_NAME, new Uint8Array(40_000).fill(9));
  files.transferBytes = 1000;
  const bytes = Uint8Array.from({ length: 16384 }, (_, index) => index & 0xff);
  await patchStored(DISK_NAME, [{ offset: 16384, bytes }]);
  const found = files.bytesOf(DISK_NAME);
  assert.is(Buffer.compare(found.subarray(16384, 32768), bytes), 0);
  assert.ok([...found.subarray(0, 16384), ...found.subarray(32768)].every((byte) => byte === 9));
  assert.is(files.flushes, 1);
  assert.equal(files.open, []);
});

disks('a patch that the browser does not take is told of', async () => {
  files.fill(DISK_NAME, new Uint8Array(4096));
  files.transferBytes = 0;
  assert.match(await failure(patchStored(DISK_NAME, [{ offset: 0, bytes: new Uint8Array(512) }])), /no room/);
  assert.equal(files.open, []);
});

const SIZE = 4 * MIB;
const sectorOf = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);

async function machineOf(image: string | undefined): Promise<AnyMachine> {
  const drive = image === undefined ? { size: SIZE } : { image, size: SIZE };
  return Machine.create(await coreModule('release'), { drives: [{ ...drive, model: 'ssd' }] });
}

/** Sector 0 is durable, 1 to 8 are not; two pages of the cache are dirty. */
async function atStake(image: string | undefined): Promise<AnyMachine> {
  const machine = await machineOf(image);
  const device = machine.blockDevice();
  device.write(0, sectorOf(1));
  device.flush();
  for (let sector = 1; sector <= 8; sector++) device.write(sector * 64, sectorOf(sector + 1));
  const file = machine.openFile('drive0');
  file.write(new Uint8Array(8192).fill(99), 2 * MIB);
  file.close();
  return machine;
}

const CHOICES: readonly PlugChoice[] = [
  { choose: 'none', seed: 1 },
  { choose: 'all', seed: 1 },
  ...[1, 2, 3].map((seed) => ({ choose: 'random', seed }) as const),
];

for (const image of [undefined, DISK_NAME])
  disks(
    `a cut ${image === undefined ? 'in memory' : 'of a stored disk'} loses what it says, and what no flush covers only`,
    async () => {
      for (const choice of CHOICES) {
        const before = await atStake(image);
        const { machine, told } = await cutPower(before, choice, image, () => machineOf(image));
        const device = machine.blockDevice();
        const [durable, ...others] = Array.from({ length: 9 }, (_, at) => device.read(at * 64, 1)[0]);
        assert.is(durable, 1);
        others.forEach((fill, index) => {
          assert.ok(fill === 0 || fill === index + 2, `sector ${(index + 1) * 64} is its write, or nothing`);
        });
        const kept = others.filter((fill) => fill !== 0).length;
        assert.equal(told, { uncertain: 8, kept, lost: 8 - kept, dirtyPages: 2 });
        if (choice.choose !== 'random') assert.is(kept, choice.choose === 'all' ? 8 : 0);
        else assert.ok(kept > 0 && kept < 8, `seed ${choice.seed} keeps ${kept}`);
        assert.equal(device.read(2 * 2048, 1), new Uint8Array(512), 'memory is gone');
        if (image !== undefined) assert.is(files.bytesOf(image)[64 * 512], others[0]);
        machine.close();
        assert.equal(files.open, [], 'nobody holds the file');
        if (image !== undefined) await removeStored(image);
      }
    },
  );

interface OpenedDisk {
  readonly disk: Disk;
  readonly told: string;
}

async function openDisk(): Promise<OpenedDisk> {
  const disk = new Disk(coreModule('release'));
  const told = await failure(
    disk.open(
      SIZE,
      () => undefined,
      () => undefined,
    ),
  );
  return { disk, told };
}

disks('what is kept of a volume is there again, also behind a cut', async () => {
  const { disk, told } = await openDisk();
  assert.is(told, 'no error');
  await disk.write('note', 'Ada owes 10', true);
  await disk.write('other', 'nobody asked for this to be kept', false);
  const { cut, volume } = await disk.plug({ choose: 'none', seed: 1 });
  assert.is(cut.kept, 0);
  assert.equal(
    volume.entries.map(({ name }) => name),
    ['note'],
  );
  assert.is(await disk.read('note'), 'Ada owes 10');
  await disk.close();
  const again = await openDisk();
  assert.is(await again.disk.read('note'), 'Ada owes 10');
  await again.disk.close();
  assert.equal(files.open, []);
});

disks(
  'a stored disk that is cut short, or damaged, comes up, or says why not in words, and can be cleared',
  async () => {
    const { disk } = await openDisk();
    await disk.write('note', 'Ada owes 10', true);
    await disk.close();
    const good = Uint8Array.from(files.bytesOf(DISK_NAME));
    let state = 7;
    const next = (end: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * end);
    };
    const used = good.findLastIndex((byte) => byte !== 0) + 1;
    const flipped = Array.from({ length: 60 }, () => {
      const bytes = Uint8Array.from(good);
      for (let flips = 1 + next(4); flips > 0; flips--) {
        const at = next(Math.min(used, 262_144));
        bytes[at] = (bytes[at] as number) ^ (1 << next(8));
      }
      return bytes;
    });
    const cut = [1, 511, 512, 513, 4096, 65_536, SIZE - 4096, SIZE - 1].map((end) => good.subarray(0, end));
    let refused = 0;
    for (const bytes of [...flipped, ...cut]) {
      files.fill(DISK_NAME, bytes);
      const opened = await openDisk();
      if (opened.told === 'no error') {
        for (const call of [
          opened.disk.read('note'),
          opened.disk.write('note', 'x', true),
          opened.disk.close(),
        ])
          assert.not.match(await failure(call), /undefined|NaN|unreachable|\bat /);
      } else {
        refused++;
        assert.not.match(opened.told, /undefined|NaN|unreachable|\bat \//);
        assert.ok(opened.told.length > 10 && opened.told.length < 1000, opened.told);
      }
      await removeStored(DISK_NAME);
    }
    assert.ok(refused > 3, `${refused} were refused`);
  },
);

disks.run();
