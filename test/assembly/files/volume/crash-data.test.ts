// test-timeout: 120
// Power cuts and data: a file shows its own bytes or zeros, never what the drive held before nor another file's bytes; and
// what fsync or fdatasync has answered for is there to the byte, until a later call has begun to change it.
//
// The drive is full of OLD bytes. Every file is made once, of one value, so that a byte tells whose it is. Buffered and direct writes,
// truncates, holes, unlinks (blocks change hands) and syncs in random order; then cuts as in crash.test.ts.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FALLOCATE_KEEP_SIZE,
  FALLOCATE_PUNCH_HOLE,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_READ,
  OPEN_WRITE,
} from '../../../../assembly/layout.ts';
import { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import { BUILDS, type Build, EXACT } from '../../../support/machine.ts';
import { CrashLog, choices, dice } from './crash-log.ts';
import { ERRNO, RawVolume } from './raw-volume.ts';

const SIZE = 262144;
const OLD = 0xdd;
const FILE_LIMIT = 16384;
/** No block lies before it: superblocks, home area and journal of configOf's volume end below. */
const DATA_SECTOR = 152;
const crash = suite('files/volume/crash-data');

function configOf(blockSize: number): MachineConfig {
  return {
    ...EXACT,
    blockSize,
    cache: '96KiB',
    buffers: 65536,
    drives: [{ size: SIZE }],
    volume: { inodes: 32, extents: 64, mount: false },
  };
}

/** What a test knows of a file. */
interface File {
  readonly name: string;
  readonly value: number;
  content: Uint8Array;
  /** The content that a sync has answered for, as long as no call has begun to change it. */
  synced: Uint8Array | undefined;
  isGone: boolean;
}

/** What must hold after a call, and while the next one runs. */
interface Claim {
  readonly end: number;
  readonly files: readonly {
    readonly name: string;
    readonly value: number;
    readonly synced: Uint8Array | undefined;
  }[];
}

class Player {
  readonly volume: RawVolume;
  readonly files: File[] = [];
  readonly #roll: (below: number) => number;

  constructor(volume: RawVolume, roll: (below: number) => number) {
    this.volume = volume;
    this.#roll = roll;
  }

  #with(file: File, flags: number, body: (descriptor: number) => void): void {
    const descriptor = this.volume.openFile(`/${file.name}`, flags);
    assert.ok(descriptor >= 3, `${file.name}: ${descriptor}`);
    body(descriptor);
    assert.is(this.volume.close(descriptor), 0);
  }

  #create(): void {
    const value = this.files.length + 1;
    if (value >= OLD) return;
    const file = { name: `f${value}`, value, content: new Uint8Array(), synced: undefined, isGone: false };
    if (this.volume.create(`/${file.name}`) === 0) this.files.push(file);
  }

  #write(file: File, isDirect: boolean): void {
    const unit = isDirect ? 512 : 1;
    const offset = this.#roll(FILE_LIMIT / 2 / unit) * unit;
    const length = (1 + this.#roll(6000 / unit)) * unit;
    this.#with(file, OPEN_READ | OPEN_WRITE | (isDirect ? OPEN_DIRECT : 0), (descriptor) => {
      const [address] = this.volume.put(new Uint8Array(length).fill(file.value));
      const put = this.volume.call((exports) => exports.filePwrite(descriptor, address, length, offset));
      if (put <= 0) return;
      const content = new Uint8Array(Math.max(file.content.length, offset + put));
      content.set(file.content);
      content.fill(file.value, offset, offset + put);
      file.content = content;
    });
  }

  #truncate(file: File): void {
    const size = this.#roll(FILE_LIMIT);
    this.#with(file, OPEN_READ | OPEN_WRITE, (descriptor) => {
      if (this.volume.call((exports) => exports.fileTruncate(descriptor, size)) !== 0) return;
      const content = new Uint8Array(size);
      content.set(file.content.subarray(0, size));
      file.content = content;
    });
  }

  #punch(file: File): void {
    const offset = this.#roll(FILE_LIMIT);
    const length = 1 + this.#roll(6000);
    const mode = FALLOCATE_PUNCH_HOLE | FALLOCATE_KEEP_SIZE;
    this.#with(file, OPEN_READ | OPEN_WRITE, (descriptor) => {
      const result = this.volume.call((exports) => exports.fileFallocate(descriptor, mode, offset, length));
      if (result === 0)
        file.content = file.content.map((byte, at) => (at >= offset && at < offset + length ? 0 : byte));
    });
  }

  #sync(file: File): void {
    this.#with(file, OPEN_READ, (descriptor) => {
      const result = this.volume.call((exports) => exports.fileSync(descriptor, this.#roll(2)));
      if (result === 0) file.synced = file.content.slice();
    });
  }

  /** Plans a call: which file it changes, and how. */
  plan(): { readonly changes: File | undefined; readonly run: () => void } {
    const alive = this.files.filter((file) => !file.isGone);
    const file = alive[this.#roll(Math.max(alive.length, 1))];
    const which = this.#roll(20);
    if (file === undefined || which < 3) return { changes: undefined, run: () => this.#create() };
    if (which < 8) return { changes: file, run: () => this.#write(file, false) };
    if (which < 11) return { changes: file, run: () => this.#write(file, true) };
    if (which < 12) return { changes: file, run: () => this.#truncate(file) };
    if (which < 13) return { changes: file, run: () => this.#punch(file) };
    if (which < 15) {
      const run = () => {
        assert.is(this.volume.unlink(`/${file.name}`), 0);
        file.isGone = true;
      };
      return { changes: file, run };
    }
    if (which < 18) return { changes: undefined, run: () => this.#sync(file) };
    return { changes: undefined, run: () => this.volume.machine.advance(3e9) };
  }

  claim(end: number, isChanging: File | undefined): Claim {
    return {
      end,
      files: this.files.map((file) => ({
        name: file.name,
        value: file.value,
        synced: file.isGone || file === isChanging ? undefined : file.synced,
      })),
    };
  }
}

function contentOf(volume: RawVolume, name: string): Uint8Array | undefined {
  const descriptor = volume.openFile(`/${name}`, OPEN_READ);
  if (descriptor < 0) return undefined;
  const got = volume.call((exports) => exports.filePread(descriptor, volume.scratch, 16384, 0));
  assert.ok(got >= 0, `${name}: ${got}`);
  const bytes = volume.machine.core.memory.bytes.slice(volume.scratch, volume.scratch + got);
  volume.close(descriptor);
  return bytes;
}

function checkLeft(volume: RawVolume, claim: Claim, where: string): void {
  for (const { name, value, synced } of claim.files) {
    const content = contentOf(volume, name);
    if (synced !== undefined) {
      assert.ok(content !== undefined, `${where}: ${name} is gone`);
      assert.ok(
        content !== undefined && Buffer.compare(content, synced) === 0,
        `${where}: ${name} is not as synced`,
      );
    }
    const alien = content?.find((byte) => byte !== 0 && byte !== value);
    assert.is(alien, undefined, `${where}: ${name} of ${value} shows ${alien}`);
  }
}

async function playAndCut(
  build: Build,
  seed: number,
  blockSize: number,
  calls: number,
  moments: number,
): Promise<void> {
  const config = configOf(blockSize);
  const initial = new SparseMemory(SIZE);
  initial.write(new Uint8Array(SIZE).fill(OLD), 0);
  const log = await CrashLog.open(build, config, initial);
  const volume = new RawVolume(log.machine);
  assert.equal([volume.format(), volume.mount()], [0, 0]);
  const roll = dice(seed);
  const player = new Player(volume, roll);
  log.drain();
  const claims: Claim[] = [];
  for (let call = 0; call < calls; call++) {
    const { changes, run } = player.plan();
    // from here on the synced content of what the call changes is not promised any more
    claims.push(player.claim(log.length, changes));
    if (changes !== undefined) changes.synced = undefined;
    run();
    log.drain();
  }
  assert.equal(volume.check(), []);
  const first = claims[0]?.end ?? 0;
  const at = Array.from({ length: moments }, () => first + roll(log.length - first + 1));
  for (const moment of at.sort((left, right) => left - right)) {
    log.replayTo(moment);
    const claim = claims[claims.findLastIndex(({ end }) => end <= moment)] as Claim;
    for (const [way, choose] of choices(log.uncertainWrites(), roll).entries()) {
      const after = await RawVolume.open(build, {
        ...config,
        drives: [{ size: SIZE, memory: log.cut(choose) }],
      });
      const where = `seed ${seed}, moment ${moment}, way ${way}`;
      assert.is(after.mount(), 0, where);
      assert.equal(after.check(), [], where);
      checkLeft(after, claim, where);
    }
  }
}

for (const build of BUILDS) {
  crash(`${build}: blocks of a removed file are used again only when its removal is durable`, async () => {
    const config = configOf(4096);
    const log = await CrashLog.open(build, config);
    const volume = new RawVolume(log.machine);
    assert.equal([volume.format(), volume.mount()], [0, 0]);
    const fill = (name: string, value: number): number => {
      const descriptor = volume.openFile(`/${name}`, OPEN_READ | OPEN_WRITE | OPEN_CREATE);
      const [address] = volume.put(new Uint8Array(4096).fill(value));
      let end = 0;
      let put = 4096;
      for (; put === 4096; end += Math.max(put, 0))
        put = volume.call((exports) => exports.filePwrite(descriptor, address, 4096, end));
      volume.call((exports) => exports.fileSync(descriptor, 0));
      volume.close(descriptor);
      return put;
    };
    assert.is(fill('f', 1), ERRNO.ENOSPC, 'the first file takes every block');
    assert.is(volume.syncAll(), 0);
    const whole = contentOf(volume, 'f');
    log.machine.holdCompletions(true);
    assert.is(volume.unlink('/f'), 0);
    assert.is(volume.syncAll(), -35, 'the commit is on its way');
    assert.is(fill('g', 2), -35, 'and whoever wants the blocks waits for it');
    log.drain();
    log.replayTo(log.length);
    // the journal is lost, data is kept
    const media = log.cut((sector, versions) => (sector < DATA_SECTOR ? 0 : versions.length));
    const after = await RawVolume.open(build, { ...config, drives: [{ size: SIZE, memory: media }] });
    assert.is(after.mount(), 0);
    assert.equal(contentOf(after, 'f'), whole);
    log.machine.holdCompletions(false);
    log.machine.run();
    assert.equal(volume.check(), []);
  });

  for (const blockSize of [4096, 1024]) {
    crash(`${build}: blocks of ${blockSize}: synced bytes are there, and no byte is another's`, async () => {
      for (const seed of [3, 4]) await playAndCut(build, seed, blockSize, 150, 6);
    });
  }
}

crash.run();
