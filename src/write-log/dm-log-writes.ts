// The format of Linux's dm-log-writes (drivers/md/dm-log-writes.c), which QEMU's blklogwrites writes as well.
//
// A log is sectors of `sectorsize` bytes. Sector 0 is the super block: u64 magic, u64 version, u64 nr_entries, u32 sectorsize.
// Each entry takes a sector: u64 sector, u64 nr_sectors, u64 flags, u64 data_len; the text of a mark stands behind that in the
// same sector, the data of a write in the nr_sectors behind it, a discard has none. All little-endian; sector numbers count
// in units of sectorsize.

export const DM_MAGIC = 0x6a736677736872n;
export const DM_VERSION = 1n;
export const DM_FLUSH = 1;
export const DM_FUA = 2;
export const DM_DISCARD = 4;
export const DM_MARK = 8;
export const DM_METADATA = 16;
export const DM_FLAGS_ALL = 31;

export const DM_SUPER_VERSION = 8;
export const DM_SUPER_ENTRIES = 16;
export const DM_SUPER_SECTOR_SIZE = 24;
export const DM_SUPER_SIZE = 28;

export const DM_ENTRY_SECTORS = 8;
export const DM_ENTRY_FLAGS = 16;
export const DM_ENTRY_DATA_LENGTH = 24;
export const DM_ENTRY_SIZE = 32;

/** The mark that the kernel puts at the end. */
export const DM_END_MARK = 'dm-log-writes-end';

/** Whether a log may have sectors of so many bytes. */
export function isDmSectorSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65536 && Number.isInteger(Math.log2(bytes));
}
