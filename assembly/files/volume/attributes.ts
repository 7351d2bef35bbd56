// What stat tells of an inode, and what chmod, chown and utimes change.
//
// Verbs: statInode, setAttributes, statfs. Drives and flat files have a stat as well: a block device, and a file that is
// never older than the machine. Invariant: every field of STAT_SIZE bytes is written.

import { EINVAL } from '../../base/errno';
import { Inode } from '../../cache/inode';
import {
  ATTRIBUTE_MODE,
  ATTRIBUTE_OWNER,
  ATTRIBUTE_TIMES,
  MODE_FILE,
  MODE_TYPE,
  STAT_ACCESS_TIME,
  STAT_BIRTH_TIME,
  STAT_BLOCK_SIZE,
  STAT_BYTES,
  STAT_CHANGE_TIME,
  STAT_GENERATION,
  STAT_GID,
  STAT_INODE,
  STAT_LINKS,
  STAT_MODE,
  STAT_MODIFY_TIME,
  STAT_SECTORS,
  STAT_SIZE,
  STAT_UID,
  STATFS_BLOCK_SIZE,
  STATFS_BLOCKS,
  STATFS_BLOCKS_FREE,
  STATFS_EXTENTS,
  STATFS_EXTENTS_FREE,
  STATFS_INODES,
  STATFS_INODES_FREE,
  STATFS_NAME_MAX,
  STATFS_SIZE,
} from '../../layout';
import { SECTOR_SHIFT } from '../../limits';
import { availableBlockCount } from './blocks';
import { fileBlockCount, freeSlotCount } from './extents';
import { volume } from './geometry';
import { NAME_MAX } from './image';
import { diskInodeOf, inodeAltered, inodesFree, MODE_BITS } from './inodes';
import { changeErrno } from './namespace';
import { recordAttributes } from './record-names';

/** S_IFBLK with read and write for the owner and group, and a plain file for all. */
const MODE_DRIVE: u32 = 0x61b0;
const MODE_FLAT: u32 = <u32>MODE_FILE | 0x1b6;
const ATTRIBUTES_ALL: u32 = ATTRIBUTE_MODE | ATTRIBUTE_OWNER | ATTRIBUTE_TIMES;

/** Writes STAT_SIZE bytes at `out`. */
export function statInode(inode: Inode, out: usize): void {
  memory.fill(out, 0, STAT_SIZE);
  store<u32>(out, 1 << inode.blockShift, STAT_BLOCK_SIZE);
  store<u64>(out, inode.size, STAT_BYTES);
  if (inode.volumeInode == 0) {
    store<u32>(out, inode.index, STAT_INODE);
    store<u32>(out, inode.isBlockDevice != 0 ? MODE_DRIVE : MODE_FLAT, STAT_MODE);
    store<u32>(out, 1, STAT_LINKS);
    store<u64>(out, inode.isBlockDevice != 0 ? 0 : inode.capacity >> SECTOR_SHIFT, STAT_SECTORS);
    return;
  }
  const disk = diskInodeOf(inode);
  store<u32>(out, inode.volumeInode, STAT_INODE);
  store<u32>(out, disk.mode, STAT_MODE);
  store<u32>(out, disk.links, STAT_LINKS);
  store<u32>(out, disk.uid, STAT_UID);
  store<u32>(out, disk.gid, STAT_GID);
  store<u64>(
    out,
    (<u64>fileBlockCount(inode.volumeInode)) << (inode.blockShift - SECTOR_SHIFT),
    STAT_SECTORS,
  );
  store<u64>(out, disk.accessTime, STAT_ACCESS_TIME);
  store<u64>(out, disk.modifyTime, STAT_MODIFY_TIME);
  store<u64>(out, disk.changeTime, STAT_CHANGE_TIME);
  store<u64>(out, disk.birthTime, STAT_BIRTH_TIME);
  store<u32>(out, disk.generation, STAT_GENERATION);
}

/** Takes the fields that `mask` (ATTRIBUTE_…) names from the STAT struct at `from`. 0, or EINVAL, EROFS, ENODEV. */
export function setAttributes(inode: Inode, mask: u32, from: usize): i32 {
  if ((mask & ~ATTRIBUTES_ALL) != 0 || inode.volumeInode == 0) return -EINVAL;
  const refused = changeErrno();
  if (refused != 0 || mask == 0) return refused;
  const disk = diskInodeOf(inode);
  if (mask & ATTRIBUTE_MODE) disk.mode = (disk.mode & MODE_TYPE) | (load<u32>(from, STAT_MODE) & MODE_BITS);
  if (mask & ATTRIBUTE_OWNER) {
    disk.uid = load<u32>(from, STAT_UID);
    disk.gid = load<u32>(from, STAT_GID);
  }
  if (mask & ATTRIBUTE_TIMES) {
    disk.accessTime = load<u64>(from, STAT_ACCESS_TIME);
    disk.modifyTime = load<u64>(from, STAT_MODIFY_TIME);
  }
  inodeAltered(inode.volumeInode);
  recordAttributes(inode.volumeInode);
  return 0;
}

/** Writes STATFS_SIZE bytes at `out`. */
export function statfs(out: usize): void {
  memory.fill(out, 0, STATFS_SIZE);
  store<u32>(out, 1 << volume.blockShift, STATFS_BLOCK_SIZE);
  store<u32>(out, NAME_MAX, STATFS_NAME_MAX);
  store<u32>(out, volume.inodeCount, STATFS_INODES);
  store<u32>(out, inodesFree(), STATFS_INODES_FREE);
  store<u64>(out, volume.blockCount, STATFS_BLOCKS);
  store<u64>(out, availableBlockCount(), STATFS_BLOCKS_FREE);
  store<u32>(out, volume.extentCount, STATFS_EXTENTS);
  store<u32>(out, freeSlotCount(), STATFS_EXTENTS_FREE);
}
