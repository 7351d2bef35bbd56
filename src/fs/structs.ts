// What the volume tells of files, directories and itself, and how its structs are read.
//
// Verbs: readStat, readEntries, readStatfs.

import {
  DIRENT_BYTES,
  DIRENT_COOKIE,
  DIRENT_INODE,
  DIRENT_NAME,
  DIRENT_NAME_BYTES,
  DIRENT_TYPE,
  DIRENT_TYPE_DIRECTORY,
  MODE_DIRECTORY,
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
  STAT_UID,
  STATFS_BLOCK_SIZE,
  STATFS_BLOCKS,
  STATFS_BLOCKS_FREE,
  STATFS_EXTENTS,
  STATFS_EXTENTS_FREE,
  STATFS_INODES,
  STATFS_INODES_FREE,
  STATFS_NAME_MAX,
} from '../../assembly/layout.ts';
import type { LinearMemory } from '../core/linear-memory.ts';

/** What stat(2) tells. Times are nanoseconds since 1970 on the machine's clock, which begins at 0 with a new volume. */
export interface FileStat {
  readonly inode: number;
  /** Type and permission bits: S_IFMT | 0o7777. */
  readonly mode: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file-system block. */
  readonly blockSize: number;
  /** Bytes. */
  readonly size: number;
  /** Sectors of 512 bytes that are allocated. */
  readonly sectors: number;
  readonly accessTimeNs: bigint;
  readonly modifyTimeNs: bigint;
  readonly changeTimeNs: bigint;
  readonly birthTimeNs: bigint;
  /** Changes whenever the inode number is used for a new file. */
  readonly generation: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly type: 'file' | 'directory';
  readonly inode: number;
}

/** Room on the volume: what statfs(2) tells, and extents. */
export interface VolumeStat {
  /** Bytes. */
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly extents: number;
  readonly extentsFree: number;
  /** Bytes of a name, at most. */
  readonly nameMax: number;
}

export function readStat(memory: LinearMemory, address: number): FileStat {
  const mode = memory.u32(address + STAT_MODE);
  return {
    inode: memory.u32(address + STAT_INODE),
    mode,
    isFile: (mode & MODE_TYPE) === MODE_FILE,
    isDirectory: (mode & MODE_TYPE) === MODE_DIRECTORY,
    links: memory.u32(address + STAT_LINKS),
    uid: memory.u32(address + STAT_UID),
    gid: memory.u32(address + STAT_GID),
    blockSize: memory.u32(address + STAT_BLOCK_SIZE),
    size: memory.u64(address + STAT_BYTES),
    sectors: memory.u64(address + STAT_SECTORS),
    accessTimeNs: memory.big64(address + STAT_ACCESS_TIME),
    modifyTimeNs: memory.big64(address + STAT_MODIFY_TIME),
    changeTimeNs: memory.big64(address + STAT_CHANGE_TIME),
    birthTimeNs: memory.big64(address + STAT_BIRTH_TIME),
    generation: memory.u32(address + STAT_GENERATION),
  };
}

const decoder = new TextDecoder();

/** The entries that volumeReaddir wrote: `bytes` of them at `address`. `cookie`: the cursor behind the last. */
export function readEntries(
  memory: LinearMemory,
  address: number,
  bytes: number,
): { entries: DirectoryEntry[]; cookie: number } {
  const entries: DirectoryEntry[] = [];
  let cookie = 0;
  for (let at = address; at < address + bytes; ) {
    const size = memory.u32(at + DIRENT_BYTES) & 0xffff;
    const nameBytes = memory.bytes[at + DIRENT_NAME_BYTES] as number;
    entries.push({
      name: decoder.decode(memory.bytes.subarray(at + DIRENT_NAME, at + DIRENT_NAME + nameBytes)),
      type: memory.bytes[at + DIRENT_TYPE] === DIRENT_TYPE_DIRECTORY ? 'directory' : 'file',
      inode: memory.u32(at + DIRENT_INODE),
    });
    cookie = memory.u32(at + DIRENT_COOKIE);
    at += size;
  }
  return { entries, cookie };
}

export function readStatfs(memory: LinearMemory, address: number): VolumeStat {
  return {
    blockSize: memory.u32(address + STATFS_BLOCK_SIZE),
    blocks: memory.u64(address + STATFS_BLOCKS),
    blocksFree: memory.u64(address + STATFS_BLOCKS_FREE),
    inodes: memory.u32(address + STATFS_INODES),
    inodesFree: memory.u32(address + STATFS_INODES_FREE),
    extents: memory.u32(address + STATFS_EXTENTS),
    extentsFree: memory.u32(address + STATFS_EXTENTS_FREE),
    nameMax: memory.u32(address + STATFS_NAME_MAX),
  };
}
