// Numbers of WASI preview 1: sizes of structs, flags, types, rights.
//
// Source: wasi_snapshot_preview1.witx and typenames.witx of the WASI repository.

export const IOVEC_SIZE = 8;
export const FILESTAT_SIZE = 64;
export const FDSTAT_SIZE = 24;
export const PRESTAT_SIZE = 8;
export const DIRENT_SIZE = 24;
/** IOV_MAX of Linux. */
export const MAX_IOVECS = 1024;

export const OFLAG_CREATE = 1;
export const OFLAG_DIRECTORY = 2;
export const OFLAG_EXCLUSIVE = 4;
export const OFLAG_TRUNCATE = 8;

export const FDFLAG_APPEND = 1;
export const FDFLAG_DSYNC = 2;
export const FDFLAG_NONBLOCK = 4;
export const FDFLAG_RSYNC = 8;
export const FDFLAG_SYNC = 16;
export const FDFLAGS_ALL = 31;

export const FILETYPE_BLOCK_DEVICE = 1;
export const FILETYPE_CHARACTER_DEVICE = 2;
export const FILETYPE_DIRECTORY = 3;
export const FILETYPE_REGULAR_FILE = 4;

export const WHENCE_SET = 0;
export const WHENCE_CURRENT = 1;
export const WHENCE_END = 2;

export const FSTFLAG_ACCESS = 1;
export const FSTFLAG_ACCESS_NOW = 2;
export const FSTFLAG_MODIFY = 4;
export const FSTFLAG_MODIFY_NOW = 8;

export const RIGHT_DATASYNC = 1n << 0n;
export const RIGHT_READ = 1n << 1n;
export const RIGHT_SEEK = 1n << 2n;
export const RIGHT_SET_FLAGS = 1n << 3n;
export const RIGHT_SYNC = 1n << 4n;
export const RIGHT_TELL = 1n << 5n;
export const RIGHT_WRITE = 1n << 6n;
export const RIGHT_ADVISE = 1n << 7n;
export const RIGHT_ALLOCATE = 1n << 8n;
export const RIGHT_CREATE_DIRECTORY = 1n << 9n;
export const RIGHT_CREATE_FILE = 1n << 10n;
export const RIGHT_LINK_SOURCE = 1n << 11n;
export const RIGHT_LINK_TARGET = 1n << 12n;
export const RIGHT_OPEN = 1n << 13n;
export const RIGHT_READDIR = 1n << 14n;
export const RIGHT_READLINK = 1n << 15n;
export const RIGHT_RENAME_SOURCE = 1n << 16n;
export const RIGHT_RENAME_TARGET = 1n << 17n;
export const RIGHT_PATH_STAT = 1n << 18n;
export const RIGHT_PATH_SET_SIZE = 1n << 19n;
export const RIGHT_PATH_SET_TIMES = 1n << 20n;
export const RIGHT_STAT = 1n << 21n;
export const RIGHT_SET_SIZE = 1n << 22n;
export const RIGHT_SET_TIMES = 1n << 23n;
export const RIGHT_SYMLINK = 1n << 24n;
export const RIGHT_REMOVE_DIRECTORY = 1n << 25n;
export const RIGHT_UNLINK = 1n << 26n;
export const RIGHT_POLL = 1n << 27n;
export const RIGHTS_ALL = (1n << 30n) - 1n;

/** What can be done with a file at all. */
export const RIGHTS_FILE =
  RIGHT_DATASYNC |
  RIGHT_READ |
  RIGHT_SEEK |
  RIGHT_SET_FLAGS |
  RIGHT_SYNC |
  RIGHT_TELL |
  RIGHT_WRITE |
  RIGHT_ADVISE |
  RIGHT_ALLOCATE |
  RIGHT_STAT |
  RIGHT_SET_SIZE |
  RIGHT_SET_TIMES |
  RIGHT_POLL;

/** What can be done with a directory. */
export const RIGHTS_DIRECTORY =
  RIGHT_SET_FLAGS |
  RIGHT_SYNC |
  RIGHT_ADVISE |
  RIGHT_CREATE_DIRECTORY |
  RIGHT_CREATE_FILE |
  RIGHT_LINK_SOURCE |
  RIGHT_LINK_TARGET |
  RIGHT_OPEN |
  RIGHT_READDIR |
  RIGHT_READLINK |
  RIGHT_RENAME_SOURCE |
  RIGHT_RENAME_TARGET |
  RIGHT_PATH_STAT |
  RIGHT_PATH_SET_SIZE |
  RIGHT_PATH_SET_TIMES |
  RIGHT_STAT |
  RIGHT_SET_TIMES |
  RIGHT_SYMLINK |
  RIGHT_REMOVE_DIRECTORY |
  RIGHT_UNLINK |
  RIGHT_POLL;

/** What makes an open one for writing. */
export const RIGHTS_WRITING = RIGHT_WRITE | RIGHT_DATASYNC | RIGHT_ALLOCATE | RIGHT_SET_SIZE;

/** Offsets are exact numbers up to here. */
export const LAST_OFFSET = BigInt(Number.MAX_SAFE_INTEGER);
/** Where a transfer may begin at most: no file is so long. */
export const LAST_POSITION = LAST_OFFSET - 2n ** 43n;
