// The file calls of WASI preview 1 on the files of a machine.
//
// Verbs: fileCalls. There is one directory, `/`, and it holds the machine's files: drive0 … and the flat files by name.
// None can be made or removed. Descriptors are those that io_submit takes.
// Invariant: a call touches the guest's memory only where its arguments say.

import type { GuestMemory } from '../../core/guest-memory.ts';
import type { OpenFile, OpenOptions } from '../../files.ts';
import type { Machine } from '../../machine.ts';
import {
  FDFLAG_APPEND,
  FDFLAG_DSYNC,
  FDFLAG_RSYNC,
  FDFLAG_SYNC,
  FDSTAT_SIZE,
  FILESTAT_SIZE,
  FILETYPE_BLOCK_DEVICE,
  FILETYPE_CHARACTER_DEVICE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  IOVEC_SIZE,
  LAST_OFFSET,
  LAST_POSITION,
  OFLAG_CREATE,
  OFLAG_DIRECTORY,
  OFLAG_EXCLUSIVE,
  OFLAG_TRUNCATE,
  RIGHT_DATASYNC,
  RIGHT_POLL,
  RIGHT_READ,
  RIGHT_SEEK,
  RIGHT_SET_FLAGS,
  RIGHT_SET_SIZE,
  RIGHT_STAT,
  RIGHT_SYNC,
  RIGHT_TELL,
  RIGHT_WRITE,
  RIGHTS_ALL,
  WHENCE_CURRENT,
  WHENCE_END,
  WHENCE_SET,
} from '../wasi/abi.ts';
import type { WasiCalls } from '../wasi/calls.ts';
import {
  WASI_EBADF,
  WASI_EEXIST,
  WASI_EFBIG,
  WASI_EINVAL,
  WASI_EISDIR,
  WASI_EMFILE,
  WASI_ENOENT,
  WASI_ENOSPC,
  WASI_ENOTDIR,
  WASI_EROFS,
  WASI_ESPIPE,
  WASI_SUCCESS,
} from '../wasi/errno.ts';
import { checkVector } from '../wasi/vectors.ts';
import { type Descriptor, type Descriptors, type GuestFile, ROOT_DESCRIPTOR } from './descriptors.ts';

/** All but reading and writing. */
const RIGHTS_ANY_FILE =
  RIGHT_DATASYNC |
  RIGHT_SEEK |
  RIGHT_SET_FLAGS |
  RIGHT_SYNC |
  RIGHT_TELL |
  RIGHT_STAT |
  RIGHT_SET_SIZE |
  RIGHT_POLL;

export interface FileOptions {
  /** Whether a path is opened around the page cache: WASI has no O_DIRECT. */
  readonly direct: (path: string) => boolean;
  /** Takes what the guest writes to stream 1 or 2. */
  readonly write: (stream: number, bytes: Uint8Array) => void;
}

export function fileCalls(
  machine: Machine,
  guest: GuestMemory,
  descriptors: Descriptors,
  options: FileOptions,
): WasiCalls {
  const files = new FileCalls(machine, guest, descriptors, options);
  return {
    fd_close: (fd: number) => (descriptors.close(fd) ? WASI_SUCCESS : WASI_EBADF),
    fd_datasync: (fd: number) => files.onFile(fd, ({ open }) => open.datasync()),
    fd_sync: (fd: number) => files.onFile(fd, ({ open }) => open.sync()),
    fd_fdstat_get: (fd: number, out: number) => files.fdstat(fd, out),
    fd_fdstat_set_flags: (fd: number, flags: number) => files.setFlags(fd, flags),
    fd_filestat_get: (fd: number, out: number) => files.filestat(descriptors.get(fd), out),
    fd_filestat_set_size: (fd: number, size: bigint) => files.setSize(fd, size),
    fd_pread: (fd: number, iovecs: number, count: number, offset: bigint, out: number) =>
      files.transferAt(fd, iovecs, count, offset, out, false),
    fd_pwrite: (fd: number, iovecs: number, count: number, offset: bigint, out: number) =>
      files.transferAt(fd, iovecs, count, offset, out, true),
    fd_read: (fd: number, iovecs: number, count: number, out: number) => files.read(fd, iovecs, count, out),
    fd_write: (fd: number, iovecs: number, count: number, out: number) => files.write(fd, iovecs, count, out),
    fd_seek: (fd: number, offset: bigint, whence: number, out: number) => files.seek(fd, offset, whence, out),
    fd_tell: (fd: number, out: number) => files.seek(fd, 0n, WHENCE_CURRENT, out),
    fd_prestat_get: (fd: number, out: number) => files.prestat(fd, out),
    fd_prestat_dir_name: (fd: number, path: number, length: number) => files.prestatName(fd, path, length),
    path_filestat_get: (fd: number, _flags: number, path: number, length: number, out: number) =>
      files.pathStat(fd, path, length, out),
    path_open: (
      fd: number,
      _lookup: number,
      path: number,
      length: number,
      oflags: number,
      rights: bigint,
      _inheriting: bigint,
      flags: number,
      out: number,
    ) => files.open(fd, path, length, oflags, rights, flags, out),
    path_unlink_file: (fd: number, path: number, length: number) => files.unlink(fd, path, length),
  };
}

class FileCalls {
  readonly #machine: Machine;
  readonly #guest: GuestMemory;
  readonly #descriptors: Descriptors;
  readonly #options: FileOptions;

  constructor(machine: Machine, guest: GuestMemory, descriptors: Descriptors, options: FileOptions) {
    this.#machine = machine;
    this.#guest = guest;
    this.#descriptors = descriptors;
    this.#options = options;
  }

  /** Does something with an open file; EBADF, or EINVAL for what is no file. */
  onFile(fd: number, body: (file: GuestFile) => void): number {
    const file = this.#descriptors.file(fd);
    if (file === undefined) return this.#descriptors.get(fd) === undefined ? WASI_EBADF : WASI_EINVAL;
    body(file);
    return WASI_SUCCESS;
  }

  /** A path's name below `/`: '' for the directory itself, undefined for a path that leads deeper or out. */
  #name(path: number, length: number): string | undefined {
    const text = new TextDecoder().decode(this.#guest.copy(path, length >>> 0));
    const parts = text.split('/').filter((part) => part !== '' && part !== '.');
    return parts.length > 1 || parts[0] === '..' ? undefined : (parts[0] ?? '');
  }

  #has(name: string | undefined): name is string {
    if (name === undefined) return false;
    try {
      this.#machine.fileNumber(name);
      return true;
    } catch {
      return false;
    }
  }

  /** 0 when paths can be looked up from here. */
  #checkDirectory(fd: number): number {
    const found = this.#descriptors.get(fd);
    if (found === undefined) return WASI_EBADF;
    return found.kind === 'directory' ? WASI_SUCCESS : WASI_ENOTDIR;
  }

  open(
    fd: number,
    path: number,
    length: number,
    oflags: number,
    rights: bigint,
    flags: number,
    out: number,
  ): number {
    const checked = this.#checkDirectory(fd);
    if (checked !== WASI_SUCCESS) return checked;
    this.#guest.bytes(out, 4);
    const name = this.#name(path, length);
    const isWriting = (rights & RIGHT_WRITE) !== 0n;
    let descriptor: number;
    if (name === '') {
      if (isWriting || (oflags & OFLAG_CREATE) !== 0) return WASI_EISDIR;
      descriptor = this.#descriptors.openDirectory();
    } else {
      // there is no room for another entry in the directory
      if (!this.#has(name)) return (oflags & OFLAG_CREATE) !== 0 ? WASI_ENOSPC : WASI_ENOENT;
      if ((oflags & OFLAG_DIRECTORY) !== 0) return WASI_ENOTDIR;
      if ((oflags & OFLAG_CREATE) !== 0 && (oflags & OFLAG_EXCLUSIVE) !== 0) return WASI_EEXIST;
      const isReading = (rights & RIGHT_READ) !== 0n || !isWriting;
      descriptor = this.#descriptors.open(name, this.#openOptions(name, flags, isReading, isWriting), flags);
    }
    if (descriptor < 0) return WASI_EMFILE;
    const file = this.#descriptors.file(descriptor);
    if ((oflags & OFLAG_TRUNCATE) !== 0 && isWriting && file !== undefined && !this.#isDrive(file))
      file.open.truncate(0);
    this.#guest.setU32(out, descriptor);
    return WASI_SUCCESS;
  }

  #openOptions(name: string, flags: number, isReading: boolean, isWriting: boolean): OpenOptions {
    return {
      direct: this.#options.direct(`/${name}`),
      append: (flags & FDFLAG_APPEND) !== 0,
      dsync: (flags & FDFLAG_DSYNC) !== 0,
      sync: (flags & (FDFLAG_SYNC | FDFLAG_RSYNC)) !== 0,
      readOnly: !isWriting,
      writeOnly: !isReading,
    };
  }

  #isDrive(file: GuestFile): boolean {
    return file.number < this.#machine.driveCount;
  }

  setFlags(fd: number, flags: number): number {
    return this.onFile(fd, (file) => {
      const { readOnly, writeOnly } = file.options;
      const options = this.#openOptions(file.name, flags, writeOnly !== true, readOnly !== true);
      this.#descriptors.reopen(fd, file, options, flags);
    });
  }

  setSize(fd: number, size: bigint): number {
    // a u64 that holds a negative off_t
    if (BigInt.asIntN(64, size) < 0n)
      return this.#descriptors.get(fd) === undefined ? WASI_EBADF : WASI_EINVAL;
    if (size > LAST_OFFSET) return this.#descriptors.get(fd) === undefined ? WASI_EBADF : WASI_EFBIG;
    return this.onFile(fd, ({ open }) => open.truncate(Number(size)));
  }

  /** One transfer over the guest's pieces from `position` on; bytes done, short where the file ends. An error counts only when nothing moved. */
  #transfer(open: OpenFile, iovecs: number, count: number, position: number, isWrite: boolean): number {
    let done = 0;
    for (let index = 0; index < count; index++) {
      const length = this.#guest.u32(iovecs + index * IOVEC_SIZE + 4);
      if (length === 0) continue;
      let step: number;
      try {
        step = this.#piece(open, iovecs + index * IOVEC_SIZE, position + done, isWrite);
      } catch (error) {
        if (done > 0) return done;
        throw error;
      }
      done += step;
      if (step < length) break;
    }
    return done;
  }

  #piece(open: OpenFile, iovec: number, position: number, isWrite: boolean): number {
    const bytes = this.#guest.bytes(this.#guest.u32(iovec), this.#guest.u32(iovec + 4));
    if (isWrite) return open.write(bytes, position);
    const read = open.read(bytes.length, position);
    bytes.set(read);
    return read.length;
  }

  transferAt(
    fd: number,
    iovecs: number,
    count: number,
    offset: bigint,
    out: number,
    isWrite: boolean,
  ): number {
    const file = this.#descriptors.file(fd);
    if (file === undefined) return this.#descriptors.get(fd) === undefined ? WASI_EBADF : WASI_ESPIPE;
    checkVector(this.#guest, iovecs, count, out);
    if (BigInt.asIntN(64, offset) < 0n) return WASI_EINVAL;
    // behind the end of every file there is
    if (offset > LAST_POSITION) {
      if (isWrite) return WASI_EFBIG;
      offset = LAST_POSITION;
    }
    this.#guest.setU32(out, this.#transfer(file.open, iovecs, count, Number(offset), isWrite));
    return WASI_SUCCESS;
  }

  read(fd: number, iovecs: number, count: number, out: number): number {
    const found = this.#descriptors.get(fd);
    if (found === undefined) return WASI_EBADF;
    if (found.kind === 'directory') return WASI_EISDIR;
    checkVector(this.#guest, iovecs, count, out);
    // the standard input is empty
    const done = found.kind === 'file' ? this.#transfer(found.open, iovecs, count, found.position, false) : 0;
    if (found.kind === 'file') found.position += done;
    this.#guest.setU32(out, done);
    return WASI_SUCCESS;
  }

  write(fd: number, iovecs: number, count: number, out: number): number {
    const found = this.#descriptors.get(fd);
    if (found === undefined || (found.kind === 'stream' && found.number === 0)) return WASI_EBADF;
    if (found.kind === 'directory') return WASI_EISDIR;
    checkVector(this.#guest, iovecs, count, out);
    const done =
      found.kind === 'file'
        ? this.#transfer(found.open, iovecs, count, found.position, true)
        : this.#print(found.number, iovecs, count);
    if (found.kind === 'file') {
      const isAppend = found.options.append === true && !this.#isDrive(found);
      found.position = isAppend ? found.open.size : found.position + done;
    }
    this.#guest.setU32(out, done);
    return WASI_SUCCESS;
  }

  #print(stream: number, iovecs: number, count: number): number {
    let done = 0;
    for (let index = 0; index < count; index++) {
      const iovec = iovecs + index * IOVEC_SIZE;
      const bytes = this.#guest.bytes(this.#guest.u32(iovec), this.#guest.u32(iovec + 4));
      this.#options.write(stream, bytes);
      done += bytes.length;
    }
    return done;
  }

  seek(fd: number, offset: bigint, whence: number, out: number): number {
    const file = this.#descriptors.file(fd);
    if (file === undefined) return this.#descriptors.get(fd) === undefined ? WASI_EBADF : WASI_ESPIPE;
    this.#guest.bytes(out, 8);
    const bases = new Map([
      [WHENCE_SET, 0],
      [WHENCE_CURRENT, file.position],
      [WHENCE_END, file.open.size],
    ]);
    const base = bases.get(whence);
    if (base === undefined) return WASI_EINVAL;
    const target = BigInt(base) + BigInt.asIntN(64, offset);
    if (target < 0n || target > LAST_POSITION) return WASI_EINVAL;
    file.position = Number(target);
    this.#guest.setU64(out, target);
    return WASI_SUCCESS;
  }

  fdstat(fd: number, out: number): number {
    const found = this.#descriptors.get(fd);
    if (found === undefined) return WASI_EBADF;
    let rights = RIGHTS_ALL;
    if (found.kind === 'stream') rights = found.number === 0 ? RIGHT_READ : RIGHT_WRITE;
    if (found.kind === 'file') {
      rights = RIGHTS_ANY_FILE;
      if (found.options.writeOnly !== true) rights |= RIGHT_READ;
      if (found.options.readOnly !== true) rights |= RIGHT_WRITE;
    }
    this.#guest.bytes(out, FDSTAT_SIZE).fill(0);
    this.#guest.setU8(out, this.#fileType(found));
    this.#guest.setU16(out + 2, found.kind === 'file' ? found.flags : 0);
    this.#guest.setU64(out + 8, rights);
    this.#guest.setU64(out + 16, found.kind === 'directory' ? RIGHTS_ALL : 0n);
    return WASI_SUCCESS;
  }

  #fileType(found: Descriptor): number {
    if (found.kind === 'directory') return FILETYPE_DIRECTORY;
    if (found.kind === 'stream') return FILETYPE_CHARACTER_DEVICE;
    return this.#isDrive(found) ? FILETYPE_BLOCK_DEVICE : FILETYPE_REGULAR_FILE;
  }

  filestat(found: Descriptor | undefined, out: number): number {
    if (found === undefined) return WASI_EBADF;
    const isFile = found.kind === 'file';
    this.#guest.bytes(out, FILESTAT_SIZE).fill(0);
    this.#guest.setU64(out + 8, isFile ? BigInt(found.number) + 2n : 1n);
    this.#guest.setU8(out + 16, this.#fileType(found));
    this.#guest.setU64(out + 24, 1n);
    this.#guest.setU64(out + 32, isFile ? BigInt(found.open.size) : 0n);
    return WASI_SUCCESS;
  }

  pathStat(fd: number, path: number, length: number, out: number): number {
    const checked = this.#checkDirectory(fd);
    if (checked !== WASI_SUCCESS) return checked;
    const name = this.#name(path, length);
    if (name === '') return this.filestat({ kind: 'directory' }, out);
    if (!this.#has(name)) return WASI_ENOENT;
    const descriptor = this.#descriptors.open(name, { readOnly: true }, 0);
    if (descriptor < 0) return WASI_EMFILE;
    try {
      return this.filestat(this.#descriptors.get(descriptor), out);
    } finally {
      this.#descriptors.close(descriptor);
    }
  }

  unlink(fd: number, path: number, length: number): number {
    const checked = this.#checkDirectory(fd);
    if (checked !== WASI_SUCCESS) return checked;
    const name = this.#name(path, length);
    if (name === '') return WASI_EISDIR;
    return this.#has(name) ? WASI_EROFS : WASI_ENOENT;
  }

  prestat(fd: number, out: number): number {
    if (fd !== ROOT_DESCRIPTOR || this.#descriptors.get(fd)?.kind !== 'directory') return WASI_EBADF;
    this.#guest.bytes(out, 8).fill(0);
    this.#guest.setU32(out + 4, 1);
    return WASI_SUCCESS;
  }

  prestatName(fd: number, path: number, length: number): number {
    if (fd !== ROOT_DESCRIPTOR || this.#descriptors.get(fd)?.kind !== 'directory') return WASI_EBADF;
    if (length >>> 0 < 1) return WASI_EINVAL;
    this.#guest.setU8(path, '/'.charCodeAt(0));
    return WASI_SUCCESS;
  }
}
