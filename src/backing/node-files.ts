// Real image files through node:wasi: each image's folder is a preopened directory.
// Verbs: openNodeImages. node:wasi warns that it is experimental; the user did not choose it, so that one warning is kept off the screen.

import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { ImageFile } from '../platform.ts';
import type { WasiHost } from './memory-host.ts';

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

function sizeOf(path: string): number | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isFile()) throw new TypeError(`the image ${path} is no regular file`);
  return status.size;
}

/** A WASI host that reaches the images, and where each is. Paths are resolved against the working directory. */
export async function openNodeImages(
  paths: readonly string[],
): Promise<{ host: WasiHost; images: ImageFile[] }> {
  const directories: string[] = [];
  const images = paths.map((path) => {
    const absolute = resolve(path);
    const directory = dirname(absolute);
    if (!directories.includes(directory)) directories.push(directory);
    return {
      directory: FIRST_PREOPEN + directories.indexOf(directory),
      name: basename(absolute),
      size: sizeOf(absolute),
    };
  });
  const { WASI } = await importWasi();
  const preopens = Object.fromEntries(directories.map((directory, index) => [`/${index}`, directory]));
  const wasi = new WASI({ version: 'preview1', preopens, returnOnExit: true });
  const host: WasiHost = {
    imports: wasi.wasiImport as WebAssembly.ModuleImports,
    start: (instance) => wasi.initialize(instance),
  };
  return { host, images };
}
