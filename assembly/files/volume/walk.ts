// Paths: from bytes to a directory, a name in it, and what is there (link_path_walk, path_parentat of fs/namei.c).
//
// Verbs: walk, walkExisting. A path is UTF-8 with '/' between names, from the root whether it begins with '/' or not; '.'
// and '..' mean what they do in Linux, and there are no symbolic links.
// Invariant: after 0 `parent` is a directory; a name is only given for LAST_NAME.

import { ENAMETOOLONG, ENOENT, ENOTDIR } from '../../base/errno';
import { diskInode, NAME_MAX, nameSlot } from './image';
import { isDirectory, ROOT_INODE } from './inodes';
import { DOT, nameErrno, nameFind, SLASH } from './names';

/** PATH_MAX of Linux, which counts the NUL behind the path. */
const PATH_MAX: u32 = 4096;

/** What the last component is. */
export const LAST_NAME: u32 = 0;
export const LAST_ROOT: u32 = 1;
export const LAST_DOT: u32 = 2;
export const LAST_DOT_DOT: u32 = 3;

@unmanaged
export class Walk {
  parent: u32;
  /** The inode, or 0 when there is none of that name. */
  child: u32;
  /** The name's slot, when there is a child and it was named. */
  slot: u32;
  last: u32;
  name: usize;
  nameBytes: u32;
  hasSlash: u32;
}

/** Two at once, for calls with two paths. */
export const walkFrom = changetype<Walk>(memory.data(offsetof<Walk>(), 16));
export const walkTo = changetype<Walk>(memory.data(offsetof<Walk>(), 16));

function isSlash(address: usize): bool {
  return load<u8>(address) == SLASH;
}

/** Looks one component up in the directory `out.parent`. */
function lookUp(out: Walk, address: usize, bytes: u32): i32 {
  if (!isDirectory(out.parent)) return -ENOTDIR;
  if (bytes > NAME_MAX) return -ENAMETOOLONG;
  out.name = address;
  out.nameBytes = bytes;
  const startsWithDot = load<u8>(address) == DOT;
  if (startsWithDot && bytes == 1) {
    out.last = LAST_DOT;
    out.child = out.parent;
  } else if (startsWithDot && bytes == 2 && load<u8>(address, 1) == DOT) {
    out.last = LAST_DOT_DOT;
    out.child = diskInode(out.parent).parent;
  } else {
    const found = nameFind(out.parent, address, bytes);
    out.last = LAST_NAME;
    out.slot = found - 1;
    out.child = found == 0 ? 0 : nameSlot(found - 1).child;
  }
  return 0;
}

/** Fills `out` for the path. 0, ENOENT (a directory on the way, or an empty path), ENOTDIR, ENAMETOOLONG, EINVAL, EILSEQ. */
export function walk(path: usize, bytes: u32, out: Walk): i32 {
  if (bytes == 0) return -ENOENT;
  if (bytes >= PATH_MAX) return -ENAMETOOLONG;
  const wrong = nameErrno(path, bytes);
  if (wrong != 0) return wrong;
  out.parent = ROOT_INODE;
  out.child = ROOT_INODE;
  out.last = LAST_ROOT;
  out.hasSlash = 0;
  const end = path + bytes;
  let isFirst = true;
  while (true) {
    while (path < end && isSlash(path)) {
      path++;
      out.hasSlash = 1;
    }
    if (path == end) return 0;
    if (!isFirst) {
      if (out.child == 0) return -ENOENT;
      out.parent = out.child;
    }
    isFirst = false;
    const start = path;
    while (path < end && !isSlash(path)) path++;
    out.hasSlash = 0;
    const result = lookUp(out, start, <u32>(path - start));
    if (result != 0) return result;
  }
}

/** As walk, for what must be there: also ENOENT for the last name, ENOTDIR for a slash behind a file. */
export function walkExisting(path: usize, bytes: u32, out: Walk): i32 {
  const result = walk(path, bytes, out);
  if (result != 0) return result;
  if (out.child == 0) return -ENOENT;
  return out.hasSlash != 0 && !isDirectory(out.child) ? -ENOTDIR : 0;
}
