// Are the built files there, and newer than everything they are made of?
//
// Tests load wasm/ and dist/, which are not committed; a test of yesterday's build proves nothing.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['assembly', 'src', 'asconfig.json'];
const BUILT = [
  'wasm/core.wasm',
  'wasm/core.debug.wasm',
  'dist/node/index.js',
  'dist/cli/sectorlab.js',
  'dist/browser/browser.js',
  'dist/adapters/libaio.js',
  'dist/playground/main.js',
  'dist/types/src/index.d.ts',
];

/**
 * Why a build is needed.
 * @param {string} root the package's folder
 * @returns {string} empty if none is
 */
export function whyBuild(root) {
  const missing = BUILT.find((path) => !existsSync(join(root, path)));
  if (missing !== undefined) return `${missing} is missing`;
  const oldest = times(root, BUILT).reduce((a, b) => (b.timeMs < a.timeMs ? b : a));
  const newest = times(root, SOURCES).reduce((a, b) => (b.timeMs > a.timeMs ? b : a));
  return oldest.timeMs < newest.timeMs ? `${newest.path} is newer than ${oldest.path}` : '';
}

/**
 * When each file was last written; a folder stands for all files in it.
 * @param {string} root
 * @param {string[]} paths from `root`
 * @returns {{ path: string, timeMs: number }[]}
 */
function times(root, paths) {
  return paths.flatMap((path) => {
    const stat = statSync(join(root, path));
    if (!stat.isDirectory()) return [{ path, timeMs: stat.mtimeMs }];
    const names = readdirSync(join(root, path));
    return times(
      root,
      names.map((name) => `${path}/${name}`),
    );
  });
}
