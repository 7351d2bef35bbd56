// fs.promises: the promise forms of the calls on paths, and what only exists as a promise.
//
// Verbs: promiseCalls. A path may be a FileHandle where Node takes one.

import { constants } from './constants.ts';
import { ENOSYS, errnoError } from './errors.ts';
import { FileHandle, type HandleCalls, isChunks } from './file-handle.ts';
import { type Call, promiseForms } from './forms.ts';

const NAMES = [
  'access',
  'chmod',
  'chown',
  'copyFile',
  'cp',
  'lchown',
  'link',
  'lstat',
  'lutimes',
  'mkdir',
  'mkdtemp',
  'opendir',
  'readdir',
  'readlink',
  'realpath',
  'rename',
  'rm',
  'rmdir',
  'stat',
  'statfs',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
] as const;

export function promiseCalls(calls: Readonly<Record<string, Call>>, handleCalls: HandleCalls) {
  const forms = promiseForms(calls, [...NAMES, 'open', 'readFile', 'writeFile', 'appendFile']);
  const { open: openForm, readFile, writeFile, appendFile, ...rest } = forms;

  const open = async (...values: unknown[]): Promise<FileHandle> =>
    new FileHandle(handleCalls, (await openForm?.(...values)) as number);

  /** Pieces are written as they come, to a file that is opened once. */
  async function writeChunks(
    path: unknown,
    content: unknown,
    options: unknown,
    fallback: string,
  ): Promise<void> {
    const given = (typeof options === 'object' ? options : {}) as { flag?: unknown; mode?: unknown };
    const handle = await open(path, given?.flag ?? fallback, given?.mode);
    try {
      await handle.writeFile(content, options);
    } finally {
      await handle.close();
    }
  }

  return {
    ...rest,
    constants,
    open,

    readFile: async (path: unknown, options?: unknown) =>
      path instanceof FileHandle ? path.readFile(options) : readFile?.(path, options),

    writeFile: async (path: unknown, content: unknown, options?: unknown) => {
      if (path instanceof FileHandle) return path.writeFile(content, options);
      return isChunks(content)
        ? writeChunks(path, content, options, 'w')
        : writeFile?.(path, content, options);
    },

    appendFile: async (path: unknown, content: unknown, options?: unknown) => {
      if (path instanceof FileHandle) return path.appendFile(content, options);
      return isChunks(content)
        ? writeChunks(path, content, options, 'a')
        : appendFile?.(path, content, options);
    },

    watch: (path: unknown): never => {
      throw errnoError(ENOSYS, 'watch', String(path));
    },
  };
}
