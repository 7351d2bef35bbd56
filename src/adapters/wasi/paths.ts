// Paths of a guest: relative to a directory that it has open, and never out of it.
//
// Verbs: pathAt, pathBelow, tidyPath. What '.' and '..' mean is decided by the volume; here they are only counted, which is enough
// where there are no symbolic links.

import type { GuestMemory } from '../../core/guest-memory.ts';
import { WasiError } from './calls.ts';
import type { DirectoryDescriptor } from './descriptors.ts';
import { WASI_EILSEQ, WASI_EINVAL, WASI_ENOENT, WASI_ENOTCAPABLE } from './errno.ts';

/** A path's text in a guest's memory. Throws EFAULT, EILSEQ for what is not UTF-8, EINVAL for a NUL inside. */
export function pathAt(guest: GuestMemory, address: number, bytes: number): string {
  const copy = guest.copy(address, bytes >>> 0);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(copy);
  } catch {
    throw new WasiError(WASI_EILSEQ);
  }
  if (text.includes('\0')) throw new WasiError(WASI_EINVAL);
  return text;
}

/** How many names deep a path ends; throws ENOTCAPABLE when it leaves its directory on the way. */
function checkDepth(path: string): void {
  let depth = 0;
  for (const name of path.split('/')) {
    if (name === '..') depth--;
    else if (name !== '' && name !== '.') depth++;
    if (depth < 0) throw new WasiError(WASI_ENOTCAPABLE);
  }
}

/** The volume's path for one below `directory`. Throws ENOENT for an empty one or where the directory is gone, ENOTCAPABLE. */
export function pathBelow(directory: DirectoryDescriptor, path: string): string {
  if (path === '' || directory.path === undefined) throw new WasiError(WASI_ENOENT);
  if (path.startsWith('/')) throw new WasiError(WASI_ENOTCAPABLE);
  checkDepth(path);
  return `${directory.path}/${path}`;
}

/** A path of the volume with one name for each directory, as descriptors keep it: '' for the root. */
export function tidyPath(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.map((name) => `/${name}`).join('');
}
