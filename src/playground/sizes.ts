// Prints what a visit to the built page loads: the first time at once, and what only some panels ask for.
//
// Run by `npm run build:playground`, from the list that esbuild leaves. Maps for debuggers are not counted: no visit loads them.

import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const DIST = 'dist';
const FOLDER = join(DIST, 'playground');
/** Loaded by index.html, or by main.js when it starts. */
const FIRST = ['index.html', 'style.css', 'main.js', 'worker.js', 'core.wasm'];

interface Output {
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
}

interface Sizes {
  readonly path: string;
  readonly rawBytes: number;
  readonly gzipBytes: number;
}

const { outputs } = JSON.parse(readFileSync(join(DIST, 'playground.meta.json'), 'utf8')) as {
  outputs: Readonly<Record<string, Output>>;
};

/** Files of the first visit: those that are named, and what they import outright. */
function firstVisit(): Set<string> {
  const found = new Set(FIRST.map((name) => join(FOLDER, name)));
  for (const path of found)
    for (const { path: imported, kind } of outputs[path]?.imports ?? [])
      if (kind === 'import-statement') found.add(imported);
  return found;
}

function sizesOf(path: string): Sizes {
  const bytes = readFileSync(path);
  return { path: relative(FOLDER, path), rawBytes: bytes.length, gzipBytes: gzipSync(bytes).length };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`.padStart(11);
}

function print(title: string, paths: readonly string[]): void {
  const rows = paths.map(sizesOf).sort((a, b) => b.gzipBytes - a.gzipBytes);
  const total: Sizes = {
    path: title,
    rawBytes: rows.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
    gzipBytes: rows.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0),
  };
  for (const { path, rawBytes, gzipBytes } of [total, ...rows]) {
    const name = path === title ? title : `  ${path}`;
    console.log(`${name.padEnd(32)}${kilobytes(rawBytes)}${kilobytes(gzipBytes)} gzip`);
  }
}

const first = firstVisit();
const later = Object.keys(outputs).filter((path) => !first.has(path) && !path.endsWith('.map'));
print('first visit', [...first]);
if (later.length > 0) print('later, when asked for', later);
