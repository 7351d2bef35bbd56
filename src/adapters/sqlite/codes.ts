// Numbers of sqlite3.h that a VFS takes and answers. Constants only.
// Names are SQLite's.

export const SQLITE_OK = 0;
export const SQLITE_BUSY = 5;
export const SQLITE_NOMEM = 7;
export const SQLITE_IOERR = 10;
export const SQLITE_NOTFOUND = 12;
export const SQLITE_FULL = 13;
export const SQLITE_CANTOPEN = 14;

export const SQLITE_IOERR_READ = SQLITE_IOERR | (1 << 8);
export const SQLITE_IOERR_SHORT_READ = SQLITE_IOERR | (2 << 8);
export const SQLITE_IOERR_WRITE = SQLITE_IOERR | (3 << 8);
export const SQLITE_IOERR_FSYNC = SQLITE_IOERR | (4 << 8);
export const SQLITE_IOERR_DIR_FSYNC = SQLITE_IOERR | (5 << 8);
export const SQLITE_IOERR_TRUNCATE = SQLITE_IOERR | (6 << 8);
export const SQLITE_IOERR_FSTAT = SQLITE_IOERR | (7 << 8);
export const SQLITE_IOERR_UNLOCK = SQLITE_IOERR | (8 << 8);
export const SQLITE_IOERR_DELETE = SQLITE_IOERR | (10 << 8);
export const SQLITE_IOERR_ACCESS = SQLITE_IOERR | (13 << 8);
export const SQLITE_IOERR_CHECKRESERVEDLOCK = SQLITE_IOERR | (14 << 8);
export const SQLITE_IOERR_LOCK = SQLITE_IOERR | (15 << 8);
export const SQLITE_IOERR_CLOSE = SQLITE_IOERR | (16 << 8);
export const SQLITE_IOERR_SHMLOCK = SQLITE_IOERR | (20 << 8);
export const SQLITE_IOERR_SHMMAP = SQLITE_IOERR | (21 << 8);
export const SQLITE_IOERR_DELETE_NOENT = SQLITE_IOERR | (23 << 8);
/** Told to the application as SQLITE_CORRUPT. */
export const SQLITE_IOERR_CORRUPTFS = SQLITE_IOERR | (33 << 8);

// xOpen
export const SQLITE_OPEN_READONLY = 0x1;
export const SQLITE_OPEN_READWRITE = 0x2;
export const SQLITE_OPEN_CREATE = 0x4;
export const SQLITE_OPEN_DELETEONCLOSE = 0x8;
export const SQLITE_OPEN_EXCLUSIVE = 0x10;
export const SQLITE_OPEN_URI = 0x40;
export const SQLITE_OPEN_MAIN_DB = 0x100;
export const SQLITE_OPEN_MAIN_JOURNAL = 0x800;
export const SQLITE_OPEN_SUPER_JOURNAL = 0x4000;
export const SQLITE_OPEN_WAL = 0x80000;

// xAccess
export const SQLITE_ACCESS_EXISTS = 0;

// xLock
export const SQLITE_LOCK_NONE = 0;
export const SQLITE_LOCK_SHARED = 1;
export const SQLITE_LOCK_RESERVED = 2;
export const SQLITE_LOCK_PENDING = 3;
export const SQLITE_LOCK_EXCLUSIVE = 4;

// xSync
export const SQLITE_SYNC_DATAONLY = 0x10;

// xShmLock
export const SQLITE_SHM_UNLOCK = 1;
export const SQLITE_SHM_SHARED = 4;
export const SQLITE_SHM_NLOCK = 8;

// xFileControl
export const SQLITE_FCNTL_LOCKSTATE = 1;
export const SQLITE_FCNTL_LAST_ERRNO = 4;
export const SQLITE_FCNTL_SIZE_HINT = 5;
export const SQLITE_FCNTL_CHUNK_SIZE = 6;
export const SQLITE_FCNTL_PERSIST_WAL = 10;
export const SQLITE_FCNTL_VFSNAME = 12;
export const SQLITE_FCNTL_POWERSAFE_OVERWRITE = 13;
export const SQLITE_FCNTL_TEMPFILENAME = 16;
export const SQLITE_FCNTL_HAS_MOVED = 20;

// xDeviceCharacteristics
export const SQLITE_IOCAP_POWERSAFE_OVERWRITE = 0x1000;
export const SQLITE_IOCAP_SUBPAGE_READ = 0x8000;

/** What a promise of a drive is called here. */
export const SQLITE_IOCAP = {
  ATOMIC: 0x1,
  ATOMIC512: 0x2,
  ATOMIC1K: 0x4,
  ATOMIC2K: 0x8,
  ATOMIC4K: 0x10,
  ATOMIC8K: 0x20,
  ATOMIC16K: 0x40,
  ATOMIC32K: 0x80,
  ATOMIC64K: 0x100,
  SAFE_APPEND: 0x200,
  SEQUENTIAL: 0x400,
  POWERSAFE_OVERWRITE: SQLITE_IOCAP_POWERSAFE_OVERWRITE,
} as const;
