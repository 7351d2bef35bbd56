// Listing a directory: getdents, in the order of the slots.
//
// Verbs: listDirectory. '.' and '..' are left out. Invariant: an entry that is there from the first call to the last is
// given exactly once, whatever is added or removed meanwhile.

import { EINVAL, ENOTDIR } from '../../base/errno';
import { Inode } from '../../cache/inode';
import {
  DIRENT_BYTES,
  DIRENT_COOKIE,
  DIRENT_INODE,
  DIRENT_NAME,
  DIRENT_NAME_BYTES,
  DIRENT_TYPE,
} from '../../layout';
import { volume } from './geometry';
import { nameSlot } from './image';
import { nameBytes, nameNext } from './names';

/**
 * Writes entries (DIRENT_…) behind `cursor`, 0 or the cookie of an entry, to `out`: as many whole ones as `outBytes` holds. Bytes
 * written, 0 at the end; ENOTDIR; EINVAL when the next entry does not fit.
 */
export function listDirectory(inode: Inode, cursor: u32, out: usize, outBytes: u32): i32 {
  if (inode.isDirectory == 0) return -ENOTDIR;
  let written: u32 = 0;
  let index = cursor;
  while (true) {
    index = nameNext(inode.volumeInode, index);
    if (index >= volume.nameCount) return <i32>written;
    const slot = nameSlot(index);
    const bytes = (<u32>DIRENT_NAME + slot.nameBytes + 7) & ~7;
    if (bytes > outBytes - written) return written > 0 ? <i32>written : -EINVAL;
    const entry = out + written;
    memory.fill(entry, 0, bytes);
    store<u32>(entry, slot.child, DIRENT_INODE);
    store<u32>(entry, index + 1, DIRENT_COOKIE);
    store<u16>(entry, <u16>bytes, DIRENT_BYTES);
    store<u8>(entry, slot.nameBytes, DIRENT_NAME_BYTES);
    store<u8>(entry, slot.type, DIRENT_TYPE);
    memory.copy(entry + DIRENT_NAME, nameBytes(slot), slot.nameBytes);
    written += bytes;
    index++;
  }
}
