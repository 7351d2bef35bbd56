// Real image files through node:wasi: each image's folder is a preopened directory.
// Verbs: openNodeImages. node:wasi warns that it is experimental; the user did not choose it, so that one warning is kept off the screen.

import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { StorageError } from '../errors.ts';
import type { ImageFile } from '../platform.ts';
import type { WasiHost } from './memory-host.ts';
import type { ImageAccess } from './overlaid-image.ts';

const FIRST_PREOPEN = 3;

type WasiModule = typeof import('node:wasi');

/** Imports node:wasi without its ExperimentalWarning; every other warning passes. */
async function importWasi(): Promise<WasiModule> {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const isExperimental =
      rest[0] === 'ExperimentalWarning' ||
      (rest[0] as { type?: string } | undefined)?.type === 'ExperimentalWarning';
    if (!isExperimental || !String(warning).includes('WASI'))
      (emitWarning as (...all: unknown[]) => void)(warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return await import('node:wasi');
  } finally {
    process.emitWarning = emitWarning;
  }
}

const EINVAL = -22;
const EISDIR = -21;
const EIO = -5;

/** Where an image really is (behind symbolic links, which could lead out of a preopened directory), and its size if it exists. */
function locate(path: string): { directory: string; name: string; size: number | undefined } {
  const absolute = resolve(path);
  try {
    const status = statSync(absolute, { throwIfNoEntry: false });
    if (status === undefined)
      return { directory: realpathSync(dirname(absolute)), name: basename(absolute), size: undefined };
    if (status.isDirectory()) throw new StorageError('open', EISDIR, { path });
    if (!status.isFile())
      throw new StorageError('open', EINVAL, { path, hint: 'an image is a regular file' });
    const real = realpathSync(absolute);
    return { directory: dirname(real), name: basename(real), size: status.size };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError('open', (error as NodeJS.ErrnoException).errno ?? EIO, { path });
  }
}

/** Closes what nobody can reach any more. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

/** A file beside the core's own descriptor, opened to write where that is allowed. It closes when it is garbage. */
class NodeImage implements ImageAccess {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, isWritable(path) ? 'r+' : 'r');
    forgotten.register(this, this.#fd);
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  read(target: Uint8Array, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const got = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  write(source: Uint8Array, offset: number): void {
    for (let done = 0; done < source.length; )
      done += writeSync(this.#fd, source, done, source.length - done, offset + done);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The same functions, each behind a proxy. V8 calls the functions of node:wasi on a fast path in which a garbage
 * collection crashes the process (nodejs/node issue 46777; one of four short runs with Node 20.20). It does not look
 * through a proxy.
 */
function withoutFastCalls(functions: object): WebAssembly.ModuleImports {
  const entries = Object.entries(functions) as [string, (...values: unknown[]) => unknown][];
  return Object.fromEntries(entries.map(([name, call]) => [name, new Proxy(call, {})]));
}

/** A WASI host that reaches the images, and where each is. Paths are resolved against the working directory. Throws StorageError. */
export async function openNodeImages(
  paths: readonly string[],
): Promise<{ host: WasiHost; images: ImageFile[] }> {
  const directories: string[] = [];
  const images = paths.map((path) => {
    const { directory, name, size } = locate(path);
    if (!directories.includes(directory)) directories.push(directory);
    return {
      directory: FIRST_PREOPEN + directories.indexOf(directory),
      name,
      size,
      access: () => new NodeImage(join(directory, name)),
    };
  });
  const { WASI } = await importWasi();
  const preopens = Object.fromEntries(directories.map((directory, index) => [`/${index}`, directory]));
  const wasi = new WASI({ version: 'preview1', preopens, returnOnExit: true });
  const host: WasiHost = {
    imports: withoutFastCalls(wasi.wasiImport),
    start: (instance) => wasi.initialize(instance),
  };
  return { host, images };
}
