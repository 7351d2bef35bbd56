// Calls on files of the volume while its drive fails, and what may be left of them.
//
// Verbs: Faults.open, turn. A turn begins with everything durable. While some writes of data fail, every byte that is
// written is noted. When the drive is well again: each descriptor that has not asked yet hears of an error once, and all of a
// file hear the same; a file of which none has heard has all its bytes; else each byte is an old one, a new one or zero.
// What is there is what the model goes on with. Metadata is spared: a journal that fails is the end of a volume.

import * as assert from 'uvu/assert';
import {
  ADVICE_DONTNEED,
  OPEN_APPEND,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_WRITE,
} from '../../assembly/layout.ts';
import { FlakyImage, openFlaky, WASI_EIO, WASI_ENOSPC } from '../assembly/drive/flaky-image.ts';
import type { Build } from '../support/machine.ts';
import { type Descriptor, FilesBench, REACH } from './files-bench.ts';
import type { NaiveFile } from './naive-files.ts';

const SECTOR = 512;
const EIO = -5;
const ENOSPC = -28;
const ERRORS = [EIO, ENOSPC];

interface Written {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export class Faults {
  readonly bench: FilesBench;
  readonly #image: FlakyImage;
  readonly #dataStart: number;
  #old = new Map<NaiveFile, Uint8Array>();
  #written = new Map<NaiveFile, Written[]>();
  /** What direct writes that failed may have put on the drive, also behind the end. */
  readonly #ghosts = new Map<NaiveFile, Written[]>();
  /** Descriptors that have asked for errors in this turn. */
  #asked = new Set<number>();

  private constructor(bench: FilesBench, image: FlakyImage) {
    this.bench = bench;
    this.#image = image;
    this.#dataStart = this.#findData();
    bench.unmountAnswers = [0, ...ERRORS];
    bench.mayLoseEnds = true;
  }

  static async open(build: Build, seed: number): Promise<Faults> {
    const image = new FlakyImage();
    const bench = await FilesBench.open(build, seed, async (of, config = {}) => {
      const [first, ...others] = config.drives ?? [];
      const drives = [{ ...first, size: 2097152 }, ...others];
      const volume = { inodes: 16, extents: 4096 };
      return (await openFlaky(of, { ...config, drives, volume }, image)).machine;
    });
    return new Faults(bench, image);
  }

  /** Where the first byte of data lands: what lies before it is metadata. */
  #findData(): number {
    const { bench } = this;
    const fd = bench.volume.openFile('z', OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    bench.call((exports) => exports.filePwrite(fd, bench.buffer, 1, 0));
    this.#image.take();
    bench.call((exports) => exports.fileSyncRange(fd, 0, 0, 7));
    const [first] = this.#image.take('pwrite');
    bench.volume.close(fd);
    bench.volume.unlink('z');
    return first?.offset ?? 0;
  }

  #files(): Set<NaiveFile> {
    return new Set(this.#descriptors().map(({ file }) => file));
  }

  #descriptors(): Descriptor[] {
    return this.bench.descriptors.filter(({ file }) => file.kind === 'volume');
  }

  /** One turn; false when there is no file to write to. */
  turn(): boolean {
    const { bench } = this;
    const { random } = bench;
    if (this.#descriptors().length === 0) return false;
    assert.is(bench.volume.syncAll(), 0, 'syncfs before the turn');
    this.#old = new Map([...this.#files()].map((file) => [file, file.bytes.slice()]));
    this.#written = new Map([...this.#files()].map((file) => [file, []]));
    this.#asked = new Set();
    const often = random.pick([1, 2, 5]);
    let failed = 0;
    this.#image.fail = ({ name, offset }) => {
      if (name !== 'pwrite' || offset < this.#dataStart || !random.oneIn(often)) return 0;
      failed++;
      return random.pick([WASI_EIO, WASI_ENOSPC]);
    };
    for (let call = 1 + random.below(5); call > 0; call--) {
      const descriptor = random.pick(this.#descriptors());
      if (random.oneIn(4)) this.#sync(descriptor);
      else this.#write(descriptor);
      bench.checkRules();
    }
    bench.machine.run();
    this.#image.fail = () => 0;
    this.#image.take();
    bench.tell(`turn over, ${failed} writes failed`);
    this.#settle(failed);
    bench.checkRules();
    return true;
  }

  #sync({ fd }: Descriptor): void {
    const { bench } = this;
    const result = bench.call((exports) => exports.fileSync(fd, bench.random.below(2)));
    bench.tell(`failing: sync ${fd}: ${result}`);
    assert.ok(result === 0 || ERRORS.includes(result), `sync: ${result}`);
    this.#asked.add(fd);
  }

  #write({ fd, file, flags }: Descriptor): void {
    const { bench } = this;
    const isDirect = (flags & OPEN_DIRECT) !== 0;
    const unit = isDirect ? SECTOR : 1;
    const at = Math.floor(bench.place(file) / unit) * unit;
    const length = Math.ceil(bench.length() / unit) * unit;
    const start = (flags & OPEN_APPEND) !== 0 ? file.size : at;
    if (start + length > REACH) return;
    const bytes = Uint8Array.from(bench.noise(length));
    const size = file.size;
    const result = bench.call((exports) => exports.filePwrite(fd, bench.buffer, length, at));
    bench.tell(`failing: write ${fd} flags ${flags} ${at} ${length} size ${size}: ${result}`);
    assert.ok(result === length || ERRORS.includes(result), `write: ${result}`);
    const isSynchronous = (flags & (OPEN_DSYNC | OPEN_SYNC)) !== 0;
    assert.ok(result > 0 || isDirect || isSynchronous, `a buffered write answers ${result}`);
    if (isSynchronous) this.#asked.add(fd);
    this.#written.get(file)?.push({ start, bytes });
    file.write(start, bytes);
    // a direct write that failed has not moved the end, but for one that failed as it was made durable
    const got = bench.machine.core.call((exports) => exports.fileSize(fd));
    if (got !== file.size) {
      assert.ok(result < 0 && isDirect && got === size, `size ${got} behind ${result}`);
      file.bytes.fill(0, size, start + length);
      file.size = size;
      this.#written.get(file)?.push({ start: size, bytes: new Uint8Array(start + length - size) });
    }
    // what a write that failed has left is settled at the end of the turn; behind the end of the file it stays out of sight
    if (result < 0 && isDirect) {
      this.#unclear.add(file);
      this.#ghosts.set(file, [...(this.#ghosts.get(file) ?? []), { start, bytes }]);
    }
  }

  readonly #unclear = new Set<NaiveFile>();

  #settle(failed: number): void {
    const { bench } = this;
    const heard = new Map<NaiveFile, number[]>();
    for (const { fd, file } of this.#descriptors()) {
      const result = bench.call((exports) => exports.fileSync(fd, 0));
      assert.ok(result === 0 || ERRORS.includes(result), `fsync: ${result}`);
      if (!this.#asked.has(fd)) heard.set(file, [...(heard.get(file) ?? []), result]);
      else if (result !== 0) this.#unclear.add(file);
    }
    for (const { fd } of this.#descriptors()) {
      assert.is(
        bench.call((exports) => exports.fileSync(fd, 0)),
        0,
        'a second fsync',
      );
    }
    for (const [file, results] of heard) {
      assert.is(new Set(results).size, 1, `descriptors of one file hear ${results}`);
      if (results[0] !== 0) this.#unclear.add(file);
    }
    const all = this.#descriptors().map(({ file }) => file);
    for (const file of new Set(all)) {
      const isAsked = this.#descriptors().every((one) => one.file !== file || this.#asked.has(one.fd));
      const isWhole = failed === 0 || !(this.#unclear.has(file) || isAsked);
      this.#compareCold(file, isWhole);
    }
    this.#unclear.clear();
    // syncfs has a cursor of its own in each descriptor
    for (const { fd } of this.#descriptors()) {
      const result = bench.call((exports) => exports.volumeSyncfs(fd));
      assert.ok(result === 0 || ERRORS.includes(result), `syncfs: ${result}`);
    }
  }

  /** Drops the file's pages, and reads what the drive has. */
  #compareCold(file: NaiveFile, isWhole: boolean): void {
    const { bench } = this;
    const opened = this.#descriptors().find((one) => one.file === file) as Descriptor;
    const { memory } = bench.machine.core;
    bench.call((exports) => exports.fileAdvise(opened.fd, 0, 0, ADVICE_DONTNEED));
    const step = 32768;
    for (let at = 0; at < file.size; at += step) {
      const got = bench.machine.core.call((exports) => exports.filePread(opened.fd, bench.buffer, step, at));
      const expected = file.read(at, step);
      assert.is(got, expected.length, 'bytes read after a fault');
      const bytes = memory.bytes.slice(bench.buffer, bench.buffer + got);
      if (isWhole) bench.compare(bytes, expected, at);
      else if (Buffer.compare(bytes, expected) !== 0) this.#adopt(file, at, bytes);
    }
  }

  #adopt(file: NaiveFile, at: number, got: Uint8Array): void {
    const old = this.#old.get(file) as Uint8Array;
    const written = [...(this.#written.get(file) ?? []), ...(this.#ghosts.get(file) ?? [])];
    for (let index = 0; index < got.length; index++) {
      const byte = got[index] as number;
      const place = at + index;
      if (byte === file.bytes[place] || byte === old[place] || byte === 0) continue;
      const isWritten = written.some(
        ({ start, bytes }) => place >= start && bytes[place - start] === byte && place < start + bytes.length,
      );
      if (!isWritten) assert.unreachable(`byte ${place} is ${byte}, which it never was to be`);
    }
    file.bytes.set(got, at);
  }
}
