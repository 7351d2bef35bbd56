// machine.fs: the volume's files by their names, synchronous and as Linux has them.
//
// Verbs: open, stat, exists, rename, link, unlink, mkdir, rmdir, readdir, chmod, chown, utimes, statfs, truncate, readFile,
// writeFile, appendFile, sync, unmount, check. A path is relative to the root; there are no permissions and no symbolic links.

import { RENAME_EXCHANGE, RENAME_NOREPLACE, STAT_SIZE, STATFS_SIZE } from '../../assembly/layout.ts';
import { ConfigError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { type Attributes, writeAttributes } from './attributes.ts';
import { Calls, type Path, pathText, wholeBytes } from './calls.ts';
import { coreOpenFlags, type OpenFlags } from './open-flags.ts';
import { listProblems } from './problems.ts';
import { type DirectoryEntry, type FileStat, readStat, readStatfs, type VolumeStat } from './structs.ts';
import { VolumeFile } from './volume-file.ts';

const MAX_MODE = 0o7777;

/** How writeFile and appendFile open their file. */
export interface WriteOptions {
  /** As of `open`. Default `'w'`, of appendFile `'a'`. */
  readonly flags?: string | number | OpenFlags;
  /** Permission bits of a new file. Default 0o666. */
  readonly mode?: number;
  /** fsync before the file is closed. Default false. */
  readonly flush?: boolean;
}

export interface RenameOptions {
  /** EEXIST when the new name is taken. */
  readonly noReplace?: boolean;
  /** Both names exist and change places. */
  readonly exchange?: boolean;
}

function checkMode(mode: number): number {
  if (!Number.isInteger(mode) || mode < 0 || mode > MAX_MODE)
    throw new ConfigError('mode', mode, 'permission bits from 0 to 0o7777');
  return mode;
}

const toBytes = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/**
 * The files of a machine's volume. Every failure is a StorageError with Node's `code`; a path that is not there is ENOENT,
 * one with a file where a directory must be is ENOTDIR, a name above 255 bytes or a path above 4,095 is ENAMETOOLONG.
 *
 * @example
 * const machine = await Machine.create({ volume: true });
 * machine.fs.mkdir('/books');
 * const file = machine.fs.open('/books/ada', 'w+');
 * file.write(new TextEncoder().encode('Ada owes 10'));
 * file.fsync();
 * console.log(machine.fs.readdir('/books'), machine.fs.stat('/books/ada').size); // [ 'ada' ] 11
 */
export class FileSystem {
  readonly #calls: Calls;
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#calls = new Calls(machine);
  }

  /** @internal The same volume, of a clone. */
  twin(machine: Machine): FileSystem {
    const twin = new FileSystem(machine);
    twin.#calls.take(this.#calls);
    return twin;
  }

  /** @internal How its files make their calls. */
  get calls(): Calls {
    return this.#calls;
  }

  /**
   * Opens a file, or a directory to read: `flags` are open(2)'s by name, one of Node's strings (`'r'`, `'w+'`, `'ax'`) or
   * Linux's number; `mode` the permission bits (0 to 0o7777) of a file that is made. Throws ENOENT, EEXIST, EISDIR, ENOTDIR,
   * ENOSPC, EMFILE, EROFS; ConfigError for unknown flags.
   *
   * @example
   * const machine = await Machine.create({ volume: true });
   * const log = machine.fs.open('log', { append: true, create: true, write: true, dsync: true });
   * console.log(log.write(new Uint8Array(3)), log.size); // 3 3
   */
  open(path: Path, flags: string | number | OpenFlags = 'r', mode = 0o666): VolumeFile {
    const bits = coreOpenFlags(flags);
    const permissions = checkMode(mode);
    const descriptor = this.#calls.onPath('open', path, (exports, address, bytes) =>
      exports.volumeOpen(address, bytes, bits, permissions),
    );
    return new VolumeFile(this.#calls, descriptor, pathText(path), bits);
  }

  /** Throws ENOENT, ENOTDIR. */
  stat(path: Path): FileStat {
    const out = this.#calls.struct(STAT_SIZE);
    this.#calls.onPath('stat', path, (exports, address, bytes) => exports.volumeStat(address, bytes, out));
    return readStat(this.#calls.memory, out);
  }

  /** @internal As stat, but where there is no such name it answers ENOENT or ENOTDIR, negative. */
  statIfThere(path: Path): FileStat | number {
    const out = this.#calls.struct(STAT_SIZE);
    const result = this.#calls.onPathIfThere('stat', path, (exports, address, bytes) =>
      exports.volumeStat(address, bytes, out),
    );
    return result < 0 ? result : readStat(this.#calls.memory, out);
  }

  /** Whether there is a file or directory of that name. */
  exists(path: Path): boolean {
    return typeof this.statIfThere(path) !== 'number';
  }

  /** Gives a file or directory a new name, in one step: after a crash it has the old one or the new. Throws ENOENT, EEXIST, ENOTEMPTY, EINVAL. */
  rename(from: Path, to: Path, options: RenameOptions = {}): void {
    const flags =
      (options.noReplace === true ? RENAME_NOREPLACE : 0) | (options.exchange === true ? RENAME_EXCHANGE : 0);
    this.#calls.onPaths('rename', from, to, (exports, [a, aBytes], [b, bBytes]) =>
      exports.volumeRename(a, aBytes, b, bBytes, flags),
    );
  }

  /** Gives a file one more name. Throws ENOENT, EEXIST, EPERM for a directory. */
  link(from: Path, to: Path): void {
    this.#calls.onPaths('link', from, to, (exports, [a, aBytes], [b, bBytes]) =>
      exports.volumeLink(a, aBytes, b, bBytes),
    );
  }

  /** Takes a name of a file away; an open file lives on until it is closed. Throws ENOENT, EISDIR. */
  unlink(path: Path): void {
    this.#calls.onPath('unlink', path, (exports, address, bytes) => exports.volumeUnlink(address, bytes));
  }

  /** Makes a directory; `mode`: permission bits, 0 to 0o7777. Throws EEXIST, ENOENT, ENOSPC. */
  mkdir(path: Path, mode = 0o777): void {
    const permissions = checkMode(mode);
    this.#calls.onPath('mkdir', path, (exports, address, bytes) =>
      exports.volumeMkdir(address, bytes, permissions),
    );
  }

  /** Takes an empty directory away. Throws ENOTEMPTY, ENOTDIR, EBUSY for the root. */
  rmdir(path: Path): void {
    this.#calls.onPath('rmdir', path, (exports, address, bytes) => exports.volumeRmdir(address, bytes));
  }

  /** The names in a directory, without `.` and `..`. Throws ENOENT, ENOTDIR. */
  readdir(path: Path): string[] {
    return this.entries(path).map(({ name }) => name);
  }

  /** As readdir, with type and inode number. */
  entries(path: Path): DirectoryEntry[] {
    const directory = this.open(path, { directory: true });
    try {
      return [...directory.entries()];
    } finally {
      directory.close();
    }
  }

  /** Mode, owner and times in one change. Throws ENOENT; ConfigError for a value out of its range. */
  setAttributes(path: Path, attributes: Attributes): void {
    const { mask, address: struct } = writeAttributes(this.#calls, attributes);
    this.#calls.onPath('setattr', path, (exports, address, bytes) =>
      exports.volumeSetAttributes(address, bytes, mask, struct),
    );
  }

  /** `mode`: permission bits, 0 to 0o7777. Nothing checks them. */
  chmod(path: Path, mode: number): void {
    this.setAttributes(path, { mode });
  }

  /** User and group, 0 to 2^32 - 1. */
  chown(path: Path, uid: number, gid: number): void {
    this.setAttributes(path, { owner: [uid, gid] });
  }

  /** Access and modification time, nanoseconds since 1970. */
  utimes(path: Path, accessNs: bigint, modifyNs: bigint): void {
    this.setAttributes(path, { times: [accessNs, modifyNs] });
  }

  /** Makes a file `size` bytes long. Throws ENOENT, EISDIR, EFBIG. */
  truncate(path: Path, size: number | bigint = 0): void {
    const bytes = wholeBytes('size', size);
    this.#with(this.open(path, 'r+'), (file) => file.truncate(bytes));
  }

  /** Room on the volume. */
  statfs(): VolumeStat {
    const out = this.#calls.struct(STATFS_SIZE);
    this.#calls.run('statfs', {}, (exports) => exports.volumeStatfs(out));
    return readStatfs(this.#calls.memory, out);
  }

  /** All bytes of a file. Throws ENOENT, EISDIR, EIO. */
  readFile(path: Path): Uint8Array {
    return this.#with(this.open(path, 'r'), (file) => {
      const bytes = new Uint8Array(file.size);
      return bytes.subarray(0, file.read(bytes));
    });
  }

  /** Makes a file with this content, or gives it to an old one; text is UTF-8. Throws ENOSPC when it does not fit. */
  writeFile(path: Path, content: Uint8Array | string, options: WriteOptions = {}): void {
    const bytes = toBytes(content);
    this.#with(this.open(path, options.flags ?? 'w', options.mode), (file) => {
      for (let done = 0; done < bytes.length; ) done += file.write(bytes.subarray(done));
      if (options.flush === true) file.fsync();
    });
  }

  /** As writeFile, at the end of the file. */
  appendFile(path: Path, content: Uint8Array | string, options: WriteOptions = {}): void {
    this.writeFile(path, content, { flags: 'a', ...options });
  }

  #with<T>(file: VolumeFile, use: (file: VolumeFile) => T): T {
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  /** Everything that was written and every change of a name is on the media when it returns (syncfs). */
  sync(): void {
    this.#with(this.open('/', { directory: true }), ({ descriptor }) =>
      this.#calls.run('syncfs', {}, (exports) => exports.volumeSyncfs(descriptor)),
    );
  }

  /**
   * Writes everything home and leaves the volume: further calls answer ENODEV. Nobody has to: what was synced survives anyway.
   * Throws EBUSY while a file is open, EIO for data that could not be written.
   */
  unmount(): void {
    this.#calls.run('umount', {}, (exports) => exports.volumeUnmount());
  }

  /** Looks over the whole volume, in memory and on the drive: what is wrong, a sentence each; nothing when all is well. */
  check(): string[] {
    return listProblems(this.#machine);
  }
}
