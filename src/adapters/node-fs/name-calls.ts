// The calls on names, synchronous: rename, link, unlink, mkdir, rmdir, rm, readdir, mkdtemp, realpath, and the symbolic
// links that the volume does not have.
//
// Verbs: nameCalls. What Node does in several steps (a recursive mkdir, rm or readdir) takes the same ones here.

import path from 'node:path';
import type { DirectoryEntry } from '../../fs/structs.ts';
import { checkBoolean, encoded, type Options, toMode, toOptions, toPath } from './arguments.ts';
import type { Context } from './context.ts';
import {
  asNode,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  EPERM,
  errnoError,
  storageErrno,
  systemError,
} from './errors.ts';
import { Dirent, direntType } from './stats.ts';

const MODE_OF_NEW_DIRECTORIES = 0o777;
const MODE_OF_TEMPORARY_DIRECTORIES = 0o700;
const TEMPORARY_TRIES = 1000;

interface ReaddirOptions extends Options {
  readonly withFileTypes?: boolean;
  readonly recursive?: boolean;
}

interface RmOptions {
  readonly force?: boolean;
  readonly recursive?: boolean;
}

export function nameCalls(context: Context) {
  const { volume } = context;
  const isDirectory = (name: string): boolean => volume.exists(name) && volume.stat(name).isDirectory;

  /** mkdir's errno, 0 when the directory was made. */
  function tryMkdir(name: string, mode: number): number {
    try {
      volume.mkdir(name, mode);
      return 0;
    } catch (error) {
      const errno = storageErrno(error);
      if (errno === 0) throw error;
      return errno;
    }
  }

  /** Makes what is missing: a folder whose own is missing waits until that is there. The first that was made. */
  function makeAll(name: string, mode: number): string | undefined {
    const waiting = [name];
    let first: string | undefined;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const errno = tryMkdir(at, mode);
      const above = at.slice(0, Math.max(at.lastIndexOf('/'), 0));
      if (errno === 0) first ??= at;
      else if (errno === ENOENT && above !== '') waiting.push(at, above);
      else if (errno !== EEXIST) throw errnoError(errno, 'mkdir', name);
      else if (!volume.stat(at).isDirectory)
        throw errnoError(waiting.length > 0 ? ENOTDIR : EEXIST, 'mkdir', name);
    }
    return first;
  }

  function removeAll(name: string): void {
    if (!volume.stat(name).isDirectory) {
      volume.unlink(name);
      return;
    }
    for (const child of volume.readdir(name)) removeAll(path.posix.join(name, child));
    volume.rmdir(name);
  }

  /** Directories after their siblings, as Node lists them: [entry, its folder below the first]. */
  function* walk(root: string): Generator<[DirectoryEntry, string]> {
    const waiting = [''];
    for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
      // not joined: what is before `..` in a path must be there
      for (const entry of volume.entries(folder === '' ? root : `${root}/${folder}`)) {
        yield [entry, folder];
        if (entry.type === 'directory') waiting.push(path.posix.join(folder, entry.name));
      }
    }
  }

  function readdir(value: unknown, given?: unknown): (string | Buffer | Dirent)[] {
    const options = toOptions<ReaddirOptions>(given);
    const name = toPath(value);
    if (options.recursive != null) checkBoolean(options.recursive, 'options.recursive');
    const found = asNode(
      'scandir',
      () =>
        options.recursive === true
          ? [...walk(name)]
          : volume.entries(name).map((entry) => [entry, ''] as [DirectoryEntry, string]),
      name,
    );
    return found.map(([entry, folder]) => {
      if (options.withFileTypes !== true)
        return encoded(path.posix.join(folder, entry.name), options.encoding);
      const parent = folder === '' ? name : path.posix.join(name, folder);
      return new Dirent(encoded(entry.name, options.encoding), parent, direntType(entry.type));
    });
  }

  /** Whether there is something to remove. Refuses a directory that is not to be removed with all it holds. */
  function checkRm(name: string, options: RmOptions): boolean {
    const { force = false, recursive = false } = options;
    checkBoolean(recursive, 'options.recursive');
    checkBoolean(force, 'options.force');
    let isFolder: boolean;
    try {
      isFolder = volume.stat(name).isDirectory;
    } catch (error) {
      const errno = storageErrno(error);
      if (errno === ENOENT && force) return false;
      throw errno === 0 ? error : errnoError(errno, force && recursive ? 'unlink' : 'lstat', name);
    }
    if (!isFolder || recursive) return true;
    throw systemError('ERR_FS_EISDIR', 'Path is a directory', {
      errno: EISDIR,
      syscall: 'rm',
      message: 'is a directory',
      path: name,
    });
  }

  const realpath = (name: string, options: unknown): string | Buffer =>
    encoded(path.posix.resolve('/', name), toOptions(options).encoding);

  function realpathSync(value: unknown, options?: unknown): string | Buffer {
    const name = path.posix.resolve('/', toPath(value));
    let at = '/';
    for (const part of name.split('/')) {
      at = path.posix.join(at, part);
      asNode('lstat', () => volume.stat(at), at);
    }
    return realpath(name, options);
  }

  realpathSync.native = (value: unknown, options?: unknown): string | Buffer => {
    const name = toPath(value);
    asNode('realpath', () => volume.stat(name), name);
    return realpath(name, options);
  };

  return {
    renameSync(oldPath: unknown, newPath: unknown): void {
      const from = toPath(oldPath, 'oldPath');
      const to = toPath(newPath, 'newPath');
      asNode('rename', () => volume.rename(from, to), from, to);
    },

    linkSync(existingPath: unknown, newPath: unknown): void {
      const from = toPath(existingPath, 'existingPath');
      const to = toPath(newPath, 'newPath');
      asNode('link', () => volume.link(from, to), from, to);
    },

    unlinkSync(value: unknown): void {
      const name = toPath(value);
      asNode('unlink', () => volume.unlink(name), name);
    },

    mkdirSync(value: unknown, options?: unknown): string | undefined {
      const given = typeof options === 'object' && options !== null ? options : { mode: options };
      const { mode, recursive = false } = given as { mode?: unknown; recursive?: unknown };
      const name = toPath(value);
      checkBoolean(recursive, 'options.recursive');
      const permissions = toMode(mode ?? MODE_OF_NEW_DIRECTORIES, 'mode') & ~context.umask;
      if (recursive) return makeAll(name, permissions);
      asNode('mkdir', () => volume.mkdir(name, permissions), name);
      return undefined;
    },

    mkdtempSync(value: unknown, options?: unknown): string | Buffer {
      const { encoding } = toOptions(options);
      const prefix = toPath(value, 'prefix');
      for (let tries = 0; tries < TEMPORARY_TRIES; tries++) {
        const name = prefix + context.temporaryName();
        if (volume.exists(name)) continue;
        asNode('mkdtemp', () => volume.mkdir(name, MODE_OF_TEMPORARY_DIRECTORIES), `${prefix}XXXXXX`);
        return encoded(name, encoding);
      }
      throw errnoError(EEXIST, 'mkdtemp', `${prefix}XXXXXX`);
    },

    rmdirSync(value: unknown, options?: { recursive?: boolean }): void {
      const name = toPath(value);
      asNode(
        'rmdir',
        () => (options?.recursive === true && isDirectory(name) ? removeAll(name) : volume.rmdir(name)),
        name,
      );
    },

    rmSync(value: unknown, options: RmOptions = {}): void {
      const name = toPath(value);
      if (checkRm(name, options)) asNode('unlink', () => removeAll(name), name);
    },

    readdirSync: readdir,
    realpathSync,

    /** No file is a symbolic link. */
    readlinkSync(value: unknown, options?: unknown): never {
      toOptions(options);
      const name = toPath(value, 'oldPath');
      asNode('readlink', () => volume.stat(name), name);
      throw errnoError(EINVAL, 'readlink', name);
    },

    /** As Linux answers on a file system without symbolic links. */
    symlinkSync(target: unknown, value: unknown): never {
      const to = toPath(target, 'target');
      const name = toPath(value);
      try {
        volume.stat(name);
      } catch (error) {
        const errno = storageErrno(error);
        const hasFolder = errno === ENOENT && isDirectory(path.posix.dirname(path.posix.resolve('/', name)));
        throw errno === 0 ? error : errnoError(hasFolder ? EPERM : errno, 'symlink', to, name);
      }
      throw errnoError(EEXIST, 'symlink', to, name);
    },
  };
}
