// Stats, Dirent and StatFs, as node:fs has them.
//
// Verbs: toStats, toStatFs, Dirent. There are files and directories; every other question answers no.

import type { FileStat, VolumeStat } from '../../fs/structs.ts';
import { S_IFDIR, S_IFMT, S_IFREG, UV_DIRENT_DIR, UV_DIRENT_FILE } from './constants.ts';

const NS_IN_MS = 1_000_000n;
/** st_dev of everything on the volume, and its f_type. */
const DEVICE = 1;
const MAGIC = 0x73656374;

/** Milliseconds with the rest behind the point, as Node counts them: seconds and nanoseconds apart. */
function milliseconds(timeNs: bigint): number {
  return Number(timeNs / 1_000_000_000n) * 1000 + Number(timeNs % 1_000_000_000n) / 1e6;
}

/** What is asked of both kinds of Stats, and of Dirents. */
abstract class Typed {
  protected abstract type(): number;

  isFile(): boolean {
    return this.type() === S_IFREG;
  }

  isDirectory(): boolean {
    return this.type() === S_IFDIR;
  }

  isBlockDevice(): boolean {
    return false;
  }

  isCharacterDevice(): boolean {
    return false;
  }

  isSymbolicLink(): boolean {
    return false;
  }

  isFIFO(): boolean {
    return false;
  }

  isSocket(): boolean {
    return false;
  }
}

export class Stats extends Typed {
  readonly dev = DEVICE;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev = 0;
  readonly blksize: number;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly birthtime: Date;

  constructor(stat: FileStat) {
    super();
    this.mode = stat.mode;
    this.nlink = stat.links;
    this.uid = stat.uid;
    this.gid = stat.gid;
    this.blksize = stat.blockSize;
    this.ino = stat.inode;
    this.size = stat.size;
    this.blocks = stat.sectors;
    this.atimeMs = milliseconds(stat.accessTimeNs);
    this.mtimeMs = milliseconds(stat.modifyTimeNs);
    this.ctimeMs = milliseconds(stat.changeTimeNs);
    this.birthtimeMs = milliseconds(stat.birthTimeNs);
    this.atime = new Date(Math.round(this.atimeMs));
    this.mtime = new Date(Math.round(this.mtimeMs));
    this.ctime = new Date(Math.round(this.ctimeMs));
    this.birthtime = new Date(Math.round(this.birthtimeMs));
  }

  protected override type(): number {
    return this.mode & S_IFMT;
  }
}

export class BigIntStats extends Typed {
  readonly dev = BigInt(DEVICE);
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev = 0n;
  readonly blksize: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeMs: bigint;
  readonly mtimeMs: bigint;
  readonly ctimeMs: bigint;
  readonly birthtimeMs: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
  readonly birthtime: Date;

  constructor(stat: FileStat) {
    super();
    this.mode = BigInt(stat.mode);
    this.nlink = BigInt(stat.links);
    this.uid = BigInt(stat.uid);
    this.gid = BigInt(stat.gid);
    this.blksize = BigInt(stat.blockSize);
    this.ino = BigInt(stat.inode);
    this.size = BigInt(stat.size);
    this.blocks = BigInt(stat.sectors);
    this.atimeNs = stat.accessTimeNs;
    this.mtimeNs = stat.modifyTimeNs;
    this.ctimeNs = stat.changeTimeNs;
    this.birthtimeNs = stat.birthTimeNs;
    this.atimeMs = this.atimeNs / NS_IN_MS;
    this.mtimeMs = this.mtimeNs / NS_IN_MS;
    this.ctimeMs = this.ctimeNs / NS_IN_MS;
    this.birthtimeMs = this.birthtimeNs / NS_IN_MS;
    this.atime = new Date(Number(this.atimeMs));
    this.mtime = new Date(Number(this.mtimeMs));
    this.ctime = new Date(Number(this.ctimeMs));
    this.birthtime = new Date(Number(this.birthtimeMs));
  }

  protected override type(): number {
    return Number(this.mode) & S_IFMT;
  }
}

export function toStats(stat: FileStat, isBig: boolean | undefined): Stats | BigIntStats {
  return isBig === true ? new BigIntStats(stat) : new Stats(stat);
}

/** A name in a directory. */
export class Dirent extends Typed {
  readonly name: string | Buffer;
  readonly parentPath: string;
  readonly path: string;
  readonly #type: number;

  /** `type`: UV_DIRENT_FILE or UV_DIRENT_DIR. */
  constructor(name: string | Buffer, parentPath: string, type: number) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this.#type = type;
  }

  protected override type(): number {
    return this.#type === UV_DIRENT_DIR ? S_IFDIR : S_IFREG;
  }
}

export function direntType(type: 'file' | 'directory'): number {
  return type === 'directory' ? UV_DIRENT_DIR : UV_DIRENT_FILE;
}

/** What statfs(2) tells, as Node names it. */
export class StatFs<T extends number | bigint> {
  readonly type: T;
  readonly bsize: T;
  readonly blocks: T;
  readonly bfree: T;
  readonly bavail: T;
  readonly files: T;
  readonly ffree: T;

  constructor(stat: VolumeStat, as: (value: number) => T) {
    this.type = as(MAGIC);
    this.bsize = as(stat.blockSize);
    this.blocks = as(stat.blocks);
    this.bfree = as(stat.blocksFree);
    this.bavail = as(stat.blocksFree);
    this.files = as(stat.inodes);
    this.ffree = as(stat.inodesFree);
  }
}
