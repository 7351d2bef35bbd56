// A volume by its raw calls, for tests: paths go in as strings, results come back as the errno's number or what was asked for.
//
// Verbs: RawVolume.open, RawVolume.fresh, format, mount, call, openFile, stat, list, check. Nothing is thrown: an error is its number.

import {
  DIRENT_BYTES,
  DIRENT_COOKIE,
  DIRENT_INODE,
  DIRENT_NAME,
  DIRENT_NAME_BYTES,
  DIRENT_TYPE,
  OPEN_CREATE,
  OPEN_DIRECTORY,
  OPEN_READ,
  OPEN_WRITE,
  PROBLEM_SIZE,
  STAT_ACCESS_TIME,
  STAT_BYTES,
  STAT_CHANGE_TIME,
  STAT_GENERATION,
  STAT_INODE,
  STAT_LINKS,
  STAT_MODE,
  STAT_MODIFY_TIME,
  STAT_SIZE,
} from '../../../../assembly/layout.ts';
import type { CoreExports } from '../../../../src/core/exports.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import type { Machine } from '../../../../src/machine.ts';
import { type Build, EXACT, openMachine } from '../../../support/machine.ts';

const encoder = new TextEncoder();
const SCRATCH = 16384;
const OUT = 8192;

export const ERRNO = {
  EPERM: -1,
  ENOENT: -2,
  EIO: -5,
  EBADF: -9,
  EFAULT: -14,
  EBUSY: -16,
  EEXIST: -17,
  ENODEV: -19,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  EMFILE: -24,
  ENOSPC: -28,
  EROFS: -30,
  EMLINK: -31,
  ENAMETOOLONG: -36,
  ENOTEMPTY: -39,
  ENODATA: -61,
  EILSEQ: -84,
  EUCLEAN: -117,
} as const;

/** What a small volume is made of: 64 inodes, 88 names, 64 extents. */
export const SMALL = { inodes: 64, extents: 64, mount: false } as const;

export interface RawStat {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly bytes: number;
  readonly generation: number;
  readonly accessTime: number;
  readonly modifyTime: number;
  readonly changeTime: number;
}

export interface RawEntry {
  readonly inode: number;
  readonly cookie: number;
  readonly type: number;
  readonly name: string;
}

export class RawVolume {
  readonly machine: Machine;
  readonly scratch: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.scratch = machine.buffers.allocate(SCRATCH);
  }

  /** A machine with a small volume in 1 MiB that is neither formatted nor mounted. */
  static async open(build: Build, config: MachineConfig = {}): Promise<RawVolume> {
    return new RawVolume(
      await openMachine(build, { ...EXACT, drives: [{ size: 1048576 }], volume: SMALL, ...config }),
    );
  }

  /** The same, formatted and mounted. */
  static async fresh(build: Build, config: MachineConfig = {}): Promise<RawVolume> {
    const volume = await RawVolume.open(build, config);
    const results = [volume.format(), volume.mount()];
    if (results.some((result) => result !== 0)) throw new Error(`format and mount: ${results}`);
    return volume;
  }

  call(body: (exports: CoreExports) => number): number {
    return this.machine.core.call(body);
  }

  format(): number {
    return this.call((exports) => exports.volumeFormat());
  }

  mount(): number {
    return this.call((exports) => exports.volumeMount());
  }

  unmount(): number {
    return this.call((exports) => exports.volumeUnmount());
  }

  /** What is wrong with the volume, a line a problem: kind, sector, inode and three numbers. */
  check(): string[] {
    const { memory } = this.machine.core;
    const out = this.scratch + OUT;
    const count = this.call((exports) => exports.volumeCheck(out, 64 * PROBLEM_SIZE));
    if (count < 0) return [`volumeCheck: ${count}`];
    return Array.from({ length: Math.min(count, 64) }, (_, index) => {
      const at = out + index * PROBLEM_SIZE;
      return [0, 4, 8, 12, 16, 20].map((field) => memory.u32(at + field)).join(' ');
    });
  }

  /** fsync of a path. */
  sync(path: string): number {
    const descriptor = this.openFile(path, OPEN_READ);
    if (descriptor < 0) return descriptor;
    const result = this.call((exports) => exports.fileSync(descriptor, 0));
    this.close(descriptor);
    return result;
  }

  /** syncfs. */
  syncAll(): number {
    const descriptor = this.openFile('/', OPEN_READ);
    const result = this.call((exports) => exports.volumeSyncfs(descriptor));
    this.close(descriptor);
    return result;
  }

  /** Puts bytes into client memory: `at` bytes into the scratch. */
  put(text: string | Uint8Array, at = 0): [address: number, bytes: number] {
    const bytes = typeof text === 'string' ? encoder.encode(text) : text;
    this.machine.core.memory.bytes.set(bytes, this.scratch + at);
    return [this.scratch + at, bytes.length];
  }

  openFile(path: string | Uint8Array, flags: number = OPEN_READ | OPEN_WRITE, mode = 0o644): number {
    const [address, bytes] = this.put(path);
    return this.call((exports) => exports.volumeOpen(address, bytes, flags, mode));
  }

  close(descriptor: number): number {
    return this.call((exports) => exports.fileClose(descriptor));
  }

  /** Makes a file and closes it. */
  create(path: string, mode = 0o644): number {
    const descriptor = this.openFile(path, OPEN_READ | OPEN_WRITE | OPEN_CREATE, mode);
    return descriptor < 0 ? descriptor : this.close(descriptor);
  }

  mkdir(path: string | Uint8Array, mode = 0o755): number {
    const [address, bytes] = this.put(path);
    return this.call((exports) => exports.volumeMkdir(address, bytes, mode));
  }

  rmdir(path: string): number {
    const [address, bytes] = this.put(path);
    return this.call((exports) => exports.volumeRmdir(address, bytes));
  }

  unlink(path: string): number {
    const [address, bytes] = this.put(path);
    return this.call((exports) => exports.volumeUnlink(address, bytes));
  }

  rename(from: string, to: string, flags = 0): number {
    const [first, firstBytes] = this.put(from);
    const [second, secondBytes] = this.put(to, OUT);
    return this.call((exports) => exports.volumeRename(first, firstBytes, second, secondBytes, flags));
  }

  link(from: string, to: string): number {
    const [first, firstBytes] = this.put(from);
    const [second, secondBytes] = this.put(to, OUT);
    return this.call((exports) => exports.volumeLink(first, firstBytes, second, secondBytes));
  }

  #statAt(at: number): RawStat {
    const { memory } = this.machine.core;
    return {
      inode: memory.u32(at + STAT_INODE),
      mode: memory.u32(at + STAT_MODE),
      links: memory.u32(at + STAT_LINKS),
      bytes: memory.u64(at + STAT_BYTES),
      generation: memory.u32(at + STAT_GENERATION),
      accessTime: memory.u64(at + STAT_ACCESS_TIME),
      modifyTime: memory.u64(at + STAT_MODIFY_TIME),
      changeTime: memory.u64(at + STAT_CHANGE_TIME),
    };
  }

  stat(path: string | Uint8Array): RawStat | number {
    const [address, bytes] = this.put(path);
    const out = this.scratch + OUT;
    const result = this.call((exports) => exports.volumeStat(address, bytes, out));
    return result < 0 ? result : this.#statAt(out);
  }

  fstat(descriptor: number): RawStat | number {
    const out = this.scratch + OUT;
    const result = this.call((exports) => exports.fileStat(descriptor, out));
    return result < 0 ? result : this.#statAt(out);
  }

  /** Takes the fields that `mask` names from a struct that `fill` writes at the address it is given. */
  setAttributes(target: string | number, mask: number, fill: (at: number) => void): number {
    const at = this.scratch + OUT;
    this.machine.core.memory.bytes.fill(0, at, at + STAT_SIZE);
    fill(at);
    if (typeof target === 'number')
      return this.call((exports) => exports.fileSetAttributes(target, mask, at));
    const [address, bytes] = this.put(target);
    return this.call((exports) => exports.volumeSetAttributes(address, bytes, mask, at));
  }

  /** The entries behind `cursor` that fit in `room` bytes. */
  read(descriptor: number, cursor = 0, room = OUT): RawEntry[] | number {
    const { memory } = this.machine.core;
    const out = this.scratch + OUT;
    const filled = this.call((exports) => exports.volumeReaddir(descriptor, cursor, out, room));
    if (filled < 0) return filled;
    const entries: RawEntry[] = [];
    for (let at = out; at < out + filled; ) {
      const head = memory.u32(at + DIRENT_BYTES);
      const nameBytes = (head >>> ((DIRENT_NAME_BYTES - DIRENT_BYTES) * 8)) & 0xff;
      const name = memory.bytes.slice(at + DIRENT_NAME, at + DIRENT_NAME + nameBytes);
      entries.push({
        inode: memory.u32(at + DIRENT_INODE),
        cookie: memory.u32(at + DIRENT_COOKIE),
        type: (head >>> ((DIRENT_TYPE - DIRENT_BYTES) * 8)) & 0xff,
        name: new TextDecoder().decode(name),
      });
      at += head & 0xffff;
    }
    return entries;
  }

  /** All entries of a directory, `room` bytes at a time. */
  list(path: string, room = OUT): RawEntry[] | number {
    const descriptor = this.openFile(path, OPEN_READ | OPEN_DIRECTORY);
    if (descriptor < 0) return descriptor;
    const all: RawEntry[] = [];
    while (true) {
      const some = this.read(descriptor, all.at(-1)?.cookie ?? 0, room);
      if (typeof some === 'number') return some;
      if (some.length === 0) break;
      all.push(...some);
    }
    this.close(descriptor);
    return all;
  }

  /** The names of a directory, sorted, directories with a slash behind; or the errno. */
  names(path: string): string[] | number {
    const entries = this.list(path);
    if (typeof entries === 'number') return entries;
    return entries.map(({ name, type }) => (type === 4 ? `${name}/` : name)).sort();
  }
}
