// What Node gives a machine: the module is read from the package, images are real files.
// The module is compiled once per process.

import { readFile } from 'node:fs/promises';
import { openNodeImages } from './backing/node-files.ts';
import { coreUrl } from './core/wasm-url.ts';
import type { Platform } from './platform.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

/** Compiles once per process. */
function compile(): Promise<WebAssembly.Module> {
  compiled ??= readFile(coreUrl).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

export const nodePlatform: Platform = { core: compile, openImages: openNodeImages };
