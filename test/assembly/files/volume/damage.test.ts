// test-timeout: 120
// Damage: a byte that changes on the drive is found and named by the mount, or harmless: then everything is there as before.
// Structures that are wrong though every checksum is right are found as well, each by its own kind of problem.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  PROBLEM_BAD_INODE,
  PROBLEM_CHECKSUM,
  PROBLEM_DANGLING,
  PROBLEM_EXTENT,
  PROBLEM_JOURNAL,
  PROBLEM_LINKS,
  PROBLEM_NAME,
  PROBLEM_NAME_TWICE,
  PROBLEM_PARENT,
  PROBLEM_ROOT,
  PROBLEM_UNREACHABLE,
} from '../../../../assembly/layout.ts';
import type { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import { BUILDS, type Build } from '../../../support/machine.ts';
import { copyOf, dice } from './crash-log.ts';
import { ERRNO, RawVolume } from './raw-volume.ts';
import { seal } from './seal.ts';

const SIZE = 262144;
const SECTOR = 512;
const damage = suite('files/volume/damage');
const CONFIG = { drives: [{ size: SIZE }], cache: '128KiB', buffers: 65536 };

// sectors of this volume: 2 superblocks, 10 of inodes, 88 of names, 3 of extents, the journal
const HOME = 2;
const NAMES = HOME + 10;
const EXTENTS = NAMES + 88;
const JOURNAL = EXTENTS + 3;
const JOURNAL_SECTORS = 101 + 1 + 32;

async function open(build: Build, memory: SparseMemory): Promise<RawVolume> {
  return RawVolume.open(build, { ...CONFIG, drives: [{ size: SIZE, memory }] });
}

/** A volume with `/d/e/`, `/d/f` of three extents, `/g`, `/h` (one file): unmounted, or as a power cut leaves it. */
async function made(build: Build, isUnmounted: boolean): Promise<SparseMemory> {
  const volume = await RawVolume.fresh(build, CONFIG);
  volume.mkdir('/d');
  volume.mkdir('/d/e');
  volume.syncAll();
  volume.create('/d/f');
  volume.syncAll();
  volume.create('/g');
  volume.link('/g', '/h');
  const descriptor = volume.openFile('/d/f');
  const [address] = volume.put(new Uint8Array(4096).fill(5));
  for (const page of [0, 2, 4])
    volume.call((exports) => exports.filePwrite(descriptor, address, 4096, page * 4096));
  volume.close(descriptor);
  assert.is(volume.syncAll(), 0);
  const memory = volume.machine.memory();
  if (isUnmounted) assert.is(volume.unmount(), 0);
  volume.machine.cutPower();
  return copyOf(memory, SIZE);
}

function stateOf(volume: RawVolume): unknown {
  const names = ['/', '/d', '/d/e'].map((path) => volume.names(path));
  return [names, ['/', '/d', '/d/e', '/d/f', '/g', '/h'].map((path) => volume.stat(path))];
}

function flipped(memory: SparseMemory, offset: number, mask: number): SparseMemory {
  const copy = copyOf(memory, SIZE);
  const byte = new Uint8Array(1);
  copy.read(byte, offset);
  copy.write(
    byte.map((value) => value ^ mask),
    offset,
  );
  return copy;
}

for (const build of BUILDS) {
  for (const isUnmounted of [true, false]) {
    const title = isUnmounted ? 'after an unmount' : 'after a power cut';
    damage(`${build}: a flipped byte of metadata ${title} is named or harmless`, async () => {
      const memory = await made(build, isUnmounted);
      const right = await open(build, copyOf(memory, SIZE));
      assert.is(right.mount(), 0);
      const state = stateOf(right);
      const roll = dice(7);
      const end = (JOURNAL + JOURNAL_SECTORS) * SECTOR;
      let found = 0;
      for (let sample = 0; sample < 120; sample++) {
        // half of the samples in what is written: inodes, the first names, extents, the journal's start
        const dense = [
          0,
          HOME,
          HOME + 1,
          NAMES,
          NAMES + 1,
          NAMES + 4,
          EXTENTS,
          JOURNAL,
          JOURNAL + 1,
          JOURNAL + 5,
        ];
        const offset =
          sample % 2 === 0
            ? roll(end)
            : (dense[roll(dense.length)] as number) * SECTOR + roll(sample % 4 === 1 ? SECTOR : 96);
        const volume = await open(build, flipped(memory, offset, 1 << roll(8)));
        const result = volume.mount();
        const where = `byte ${offset % SECTOR} of sector ${Math.floor(offset / SECTOR)}`;
        assert.ok(result === 0 || result === ERRNO.EUCLEAN, `${where}: ${result}`);
        const problems = volume.check();
        if (result !== 0) {
          found++;
          assert.ok(problems.length > 0, where);
          continue;
        }
        assert.equal(problems, [], where);
        // the last transaction of a journal can not be told from one that a power cut has torn
        const isInLast = !isUnmounted && offset >= JOURNAL * SECTOR;
        if (!isInLast) assert.equal(stateOf(volume), state, where);
      }
      assert.ok(found > 25, `${found} were found`);
    });
  }

  damage(`${build}: one superblock is enough, whichever is lost; without both it is damage`, async () => {
    const unmounted = await made(build, true);
    // a journal that has begun anew since the older superblock was written
    const anew = await open(build, copyOf(unmounted, SIZE));
    assert.equal([anew.mount(), anew.mkdir('/anew'), anew.syncAll()], [0, 0, 0]);
    anew.machine.cutPower();
    for (const memory of [unmounted, await made(build, false), anew.machine.memory()]) {
      const right = await open(build, copyOf(memory, SIZE));
      right.mount();
      const state = stateOf(right);
      for (const copy of [0, 1]) {
        const volume = await open(build, flipped(memory, copy * SECTOR + 20, 1));
        assert.is(volume.mount(), 0);
        assert.equal(stateOf(volume), state);
        assert.is(volume.create('/more'), 0);
        assert.is(volume.unmount(), 0);
        assert.is(volume.mount(), 0);
      }
      const volume = await open(build, flipped(flipped(memory, 20, 1), SECTOR + 20, 1));
      assert.is(volume.mount(), ERRNO.EUCLEAN);
      assert.ok(volume.check()[0]?.startsWith('1 '));
    }
  });

  damage(`${build}: a damaged transaction with a later one behind it is no torn end`, async () => {
    const memory = await made(build, false);
    const volume = await open(build, flipped(memory, JOURNAL * SECTOR + 600, 1));
    assert.is(volume.mount(), ERRNO.EUCLEAN);
    assert.match(volume.check()[0] ?? '', new RegExp(`^${PROBLEM_JOURNAL} ${JOURNAL} 0 1 [23] 0$`));
  });

  damage(
    `${build}: a structure that is wrong under right checksums is found, and said what it is`,
    async () => {
      const memory = await made(build, true);
      const id = new Uint8Array(8);
      memory.read(id, 16);
      // extents are handed out from the last slot down, so the last sector has the first two
      // inodes 1 to 5: the root, d, e, f, g; 72 bytes each from byte 8; names in the order they were made: d, e, f, g, h
      const inode = (number: number, field: number) => 8 + (number - 1) * 72 + field;
      const LINKS = 4;
      const SIZE_FIELD = 8;
      const FLAGS = 60;
      const PARENT = 64;
      const table: [
        claim: string,
        sector: number,
        offset: number,
        value: number | ((view: DataView) => number),
        kind: number,
      ][] = [
        ['links', HOME, inode(5, LINKS), 1, PROBLEM_LINKS],
        ['links of a directory', HOME, inode(2, LINKS), 2, PROBLEM_LINKS],
        ['a type', HOME, inode(4, 0), 0o120644, PROBLEM_BAD_INODE],
        ['a flag', HOME, inode(4, FLAGS), 1, PROBLEM_BAD_INODE],
        ['a directory with bytes', HOME, inode(2, SIZE_FIELD), 512, PROBLEM_BAD_INODE],
        ['a file with a parent', HOME, inode(4, PARENT), 2, PROBLEM_BAD_INODE],
        ['a parent out of range', HOME, inode(2, PARENT), 0xffffffff, PROBLEM_BAD_INODE],
        ['a parent', HOME, inode(3, PARENT), 1, PROBLEM_PARENT],
        ['a circle', HOME, inode(2, PARENT), 3, PROBLEM_UNREACHABLE],
        ['the root', HOME, inode(1, 0), 0o100755, PROBLEM_ROOT],
        ['a name of nothing', NAMES, 12, 40, PROBLEM_DANGLING],
        ['a name of what is out of range', NAMES, 12, 0xffffffff, PROBLEM_DANGLING],
        ['a name in a file', NAMES, 8, 4, PROBLEM_DANGLING],
        ['a name of the root', NAMES, 12, 1, PROBLEM_DANGLING],
        ['a name with a slash', NAMES, 24, 47, PROBLEM_NAME],
        ['a name with bytes behind it', NAMES, 28, 65, PROBLEM_NAME],
        ['a name twice', NAMES + 4, 24, 'g'.charCodeAt(0), PROBLEM_NAME_TWICE],
        ['a free slot with bytes', NAMES + 9, 100, 1, PROBLEM_NAME],
        ['an extent of no file', EXTENTS + 2, 16, 3, PROBLEM_EXTENT],
        ['an extent of nobody', EXTENTS + 2, 16, 0xffffffff, PROBLEM_EXTENT],
        ['an extent behind the end', EXTENTS + 2, 24, 0x00fffff0, PROBLEM_EXTENT],
        ['an extent without blocks', EXTENTS + 2, 28, 0, PROBLEM_EXTENT],
        ['two extents of one block', EXTENTS + 2, 24, (view) => view.getUint32(40, true), PROBLEM_EXTENT],
        ['two extents of one place', EXTENTS + 2, 20, (view) => view.getUint32(36, true), PROBLEM_EXTENT],
      ];
      for (const [claim, sector, offset, value, kind] of table) {
        const copy = copyOf(memory, SIZE);
        const bytes = new Uint8Array(SECTOR);
        copy.read(bytes, sector * SECTOR);
        const view = new DataView(bytes.buffer);
        view.setUint32(offset, typeof value === 'number' ? value : value(view), true);
        if (sector === NAMES + 9) view.setUint32(0, 0x6d6e4c53, true);
        copy.write(seal(bytes, sector, id), sector * SECTOR);
        const volume = await open(build, copy);
        assert.is(volume.mount(), ERRNO.EUCLEAN, claim);
        const kinds = volume.check().map((problem) => Number(problem.split(' ')[0]));
        assert.ok(kinds.includes(kind), `${claim}: ${volume.check().join('; ')}`);
        assert.not.ok(kinds.includes(PROBLEM_CHECKSUM), `${claim}: the test seals as the core does`);
      }
    },
  );
}

damage.run();
