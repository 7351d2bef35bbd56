// The calls on whole files, synchronous: readFile, writeFile, appendFile, truncate, copyFile, cp.
//
// Verbs: wholeCalls. They are made of the calls on descriptors and names, so their errors are theirs.

import path from 'node:path';
import { checkBoolean, isFd, type Options, toBytes, toOptions, toPath, toThreeBits } from './arguments.ts';
import type { attributeCalls } from './attribute-calls.ts';
import { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } from './constants.ts';
import type { Context } from './context.ts';
import type { descriptorCalls } from './descriptor-calls.ts';
import {
  asNode,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOTDIR,
  EOPNOTSUPP,
  errnoError,
  invalidArgType,
  systemError,
} from './errors.ts';
import type { nameCalls } from './name-calls.ts';

const GROWING_BYTES = 8192;

interface CopyOptions {
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly errorOnExist?: boolean;
  readonly preserveTimestamps?: boolean;
  readonly mode?: number;
  readonly filter?: (source: string, destination: string) => boolean;
}

type Parts = ReturnType<typeof descriptorCalls> &
  ReturnType<typeof nameCalls> &
  ReturnType<typeof attributeCalls>;

export function wholeCalls(context: Context, fs: Parts) {
  const { volume } = context;

  function withFile<T>(file: unknown, flag: unknown, mode: unknown, use: (fd: number) => T): T {
    if (isFd(file)) return use(file);
    const fd = fs.openSync(file, flag, mode);
    try {
      return use(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** From where the descriptor stands to the end. */
  function readAll(fd: number): Buffer {
    const stat = fs.fstatSync(fd);
    const parts: Buffer[] = [];
    let wanted = Number(stat.size) || GROWING_BYTES;
    while (true) {
      const part = Buffer.alloc(wanted);
      const got = fs.readSync(fd, part, 0, wanted);
      if (got === 0) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      parts.push(part.subarray(0, got));
      wanted = GROWING_BYTES;
    }
  }

  function writeFileSync(file: unknown, data: unknown, given?: unknown): void {
    const options = toOptions(given, { encoding: 'utf8' } as Options);
    const flush = options.flush ?? false;
    checkBoolean(flush, 'options.flush');
    const bytes = toBytes(data, 'data', options.encoding);
    withFile(file, options.flag || 'w', options.mode, (fd) => {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done);
      if (flush) fs.fsyncSync(fd);
    });
  }

  function copyFile(source: string, target: string, mode: number): void {
    const from = volume.stat(source);
    if (from.isDirectory) throw errnoError(EISDIR, 'copyfile', source, target);
    if ((mode & COPYFILE_EXCL) !== 0 && volume.exists(target))
      throw errnoError(EEXIST, 'copyfile', source, target);
    if ((mode & COPYFILE_FICLONE_FORCE) !== 0) throw errnoError(EOPNOTSUPP, 'copyfile', source, target);
    if (volume.exists(target) && volume.stat(target).inode === from.inode) return;
    const content = volume.readFile(source);
    volume.writeFile(target, content, { mode: from.mode & 0o7777 });
    volume.chmod(target, from.mode & 0o7777);
  }

  /** Refuses what can not be copied onto what is there, as Node words it. */
  function checkCopy(source: string, target: string, options: CopyOptions): void {
    const refuse = (code: string, prefix: string, errno: number, message: string, where: string): never => {
      throw systemError(code, prefix, { errno, syscall: 'cp', message, path: where });
    };
    const from = asNode('lstat', () => volume.stat(source), source);
    const to = volume.exists(target) ? volume.stat(target) : undefined;
    if (to?.inode === from.inode)
      refuse('ERR_FS_CP_EINVAL', 'Invalid src or dest', EINVAL, 'src and dest cannot be the same', target);
    if (from.isDirectory && options.recursive !== true)
      refuse('ERR_FS_EISDIR', 'Path is a directory', EISDIR, `${source} is a directory (not copied)`, source);
    if (from.isDirectory && to?.isDirectory === false)
      refuse(
        'ERR_FS_CP_DIR_TO_NON_DIR',
        'Cannot overwrite non-directory with directory',
        EISDIR,
        `cannot overwrite non-directory ${target} with directory ${source}`,
        target,
      );
    if (!from.isDirectory && to?.isDirectory === true)
      refuse(
        'ERR_FS_CP_NON_DIR_TO_DIR',
        'Cannot overwrite directory with non-directory',
        ENOTDIR,
        `cannot overwrite directory ${target} with non-directory ${source}`,
        target,
      );
    if (
      from.isDirectory &&
      `${path.posix.resolve('/', target)}/`.startsWith(`${path.posix.resolve('/', source)}/`)
    )
      refuse(
        'ERR_FS_CP_EINVAL',
        'Invalid src or dest',
        EINVAL,
        `cannot copy ${source} to a subdirectory of self ${target}`,
        target,
      );
    if (to?.isFile === true && options.errorOnExist === true && options.force === false)
      refuse('ERR_FS_CP_EEXIST', 'Target already exists', EEXIST, `${target} already exists`, target);
  }

  function copyTree(source: string, target: string, options: CopyOptions): void {
    const isWanted = options.filter?.(source, target) ?? true;
    if (typeof isWanted === 'object')
      throw invalidArgType('options.filter', 'a function that answers at once', options.filter);
    if (!isWanted) return;
    checkCopy(source, target, options);
    const from = volume.stat(source);
    if (from.isDirectory) {
      if (!volume.exists(target)) volume.mkdir(target, from.mode & 0o7777);
      for (const name of volume.readdir(source))
        copyTree(path.posix.join(source, name), path.posix.join(target, name), options);
      return;
    }
    if (volume.exists(target) && options.force === false) return;
    copyFile(source, target, options.mode ?? 0);
    if (options.preserveTimestamps === true) volume.utimes(target, from.accessTimeNs, from.modifyTimeNs);
  }

  return {
    readFileSync(file: unknown, given?: unknown): string | Buffer {
      const { encoding, flag } = toOptions(given);
      const bytes = withFile(file, flag, undefined, readAll);
      return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
    },

    writeFileSync,

    appendFileSync(file: unknown, data: unknown, given?: unknown): void {
      const options = toOptions(given, { encoding: 'utf8' } as Options);
      writeFileSync(file, data, { ...options, flag: isFd(file) ? 'a' : options.flag || 'a' });
    },

    truncateSync(file: unknown, length: unknown = 0): void {
      withFile(file, 'r+', undefined, (fd) => fs.ftruncateSync(fd, length));
    },

    copyFileSync(from: unknown, to: unknown, mode?: unknown): void {
      const source = toPath(from, 'src');
      const target = toPath(to, 'dest');
      const bits = toThreeBits(mode);
      asNode('copyfile', () => copyFile(source, target, bits), source, target);
    },

    cpSync(from: unknown, to: unknown, options: CopyOptions = {}): void {
      const source = toPath(from, 'src');
      const target = toPath(to, 'dest');
      const folder = path.posix.dirname(path.posix.resolve('/', target));
      asNode('lstat', () => volume.stat(source), source);
      fs.mkdirSync(folder, { recursive: true });
      asNode('cp', () => copyTree(source, target, options ?? {}), source, target);
    },
  };
}
