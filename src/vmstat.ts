// The machine's figures under the names that Linux gives them: /proc/vmstat, /proc/meminfo and /sys/block/*/stat.
//
// Verbs: readVmstat, readMeminfo, readDiskStat, readDirtyLimits. Memory is the page cache and nothing else; a cache is not
// zoned, so each figure is the machine's whole.

import * as layout from '../assembly/layout.ts';
import { PAGE_SIZE } from '../assembly/limits.ts';
import type { Core } from './core/core.ts';
import { check } from './errors.ts';

/** Names of /proc/vmstat in its order, and the counter of each. */
const VMSTAT = {
  nr_inactive_file: layout.COUNTER_NR_INACTIVE_FILE,
  nr_active_file: layout.COUNTER_NR_ACTIVE_FILE,
  workingset_nodes: layout.COUNTER_WORKINGSET_NODES,
  workingset_refault_file: layout.COUNTER_WORKINGSET_REFAULT,
  workingset_activate_file: layout.COUNTER_WORKINGSET_ACTIVATE,
  workingset_restore_file: layout.COUNTER_WORKINGSET_RESTORE,
  nr_file_pages: layout.COUNTER_NR_FILE_PAGES,
  nr_dirty: layout.COUNTER_NR_DIRTY,
  nr_writeback: layout.COUNTER_NR_WRITEBACK,
  nr_dirtied: layout.COUNTER_CACHE_DIRTIED_PAGES,
  nr_written: layout.COUNTER_NR_WRITTEN,
  nr_dirty_threshold: layout.COUNTER_NR_DIRTY_THRESHOLD,
  nr_dirty_background_threshold: layout.COUNTER_NR_DIRTY_BACKGROUND_THRESHOLD,
  pgactivate: layout.COUNTER_PGACTIVATE,
  pgdeactivate: layout.COUNTER_PGDEACTIVATE,
  pgsteal_direct: layout.COUNTER_PGSTEAL,
  pgscan_direct: layout.COUNTER_PGSCAN,
  drop_pagecache: layout.COUNTER_DROP_PAGECACHE,
} as const;

/**
 * What /proc/vmstat says of a page cache, in pages and times; `pgpgin` and `pgpgout` in KiB. Reclaim is always a
 * direct one here, and `drop_pagecache` counts pages, not calls.
 */
export type Vmstat = { readonly [Name in keyof typeof VMSTAT]: number } & {
  readonly nr_free_pages: number;
  readonly pgpgin: number;
  readonly pgpgout: number;
};

/** What /proc/meminfo says of a page cache: kB, whole pages each. */
export interface Meminfo {
  readonly MemTotal: number;
  readonly MemFree: number;
  readonly Cached: number;
  readonly 'Active(file)': number;
  readonly 'Inactive(file)': number;
  readonly Dirty: number;
  readonly Writeback: number;
}

/** Fields of /sys/block/*\/stat in its order: requests, bios merged into them, sectors of 512 bytes, milliseconds. */
const DISK_STAT = {
  read_ios: layout.DISK_STAT_READ_IOS,
  read_merges: layout.DISK_STAT_READ_MERGES,
  read_sectors: layout.DISK_STAT_READ_SECTORS,
  read_ticks: layout.DISK_STAT_READ_TICKS,
  write_ios: layout.DISK_STAT_WRITE_IOS,
  write_merges: layout.DISK_STAT_WRITE_MERGES,
  write_sectors: layout.DISK_STAT_WRITE_SECTORS,
  write_ticks: layout.DISK_STAT_WRITE_TICKS,
  in_flight: layout.DISK_STAT_IN_FLIGHT,
  io_ticks: layout.DISK_STAT_IO_TICKS,
  time_in_queue: layout.DISK_STAT_TIME_IN_QUEUE,
  discard_ios: layout.DISK_STAT_DISCARD_IOS,
  discard_merges: layout.DISK_STAT_DISCARD_MERGES,
  discard_sectors: layout.DISK_STAT_DISCARD_SECTORS,
  discard_ticks: layout.DISK_STAT_DISCARD_TICKS,
  flush_ios: layout.DISK_STAT_FLUSH_IOS,
  flush_ticks: layout.DISK_STAT_FLUSH_TICKS,
} as const;

/** What a drive has done: requests that ended, bios merged into waiting ones, sectors of 512 bytes, milliseconds of virtual time. */
export type DiskStat = { readonly [Name in keyof typeof DISK_STAT]: number };

/** Dirty limits in pages, and how fast writers may go now. */
export interface DirtyLimits {
  /** From here on writers wait until pages have been written. */
  readonly threshold: number;
  /** Above it the flusher writes. */
  readonly background: number;
  /** Up to it (dirty pages and those under write-back) writers never pause. */
  readonly freerun: number;
  /** Here writers are held to vm.writeBandwidth. */
  readonly setpoint: number;
  /** What vm.writeBandwidth is multiplied with now, 0 to 2. Below freerun it is not used. */
  readonly positionRatio: number;
}

function values<Name extends string>(
  offsets: Readonly<Record<Name, number>>,
  read: (offset: number) => number,
): Record<Name, number> {
  const entries = (Object.keys(offsets) as Name[]).map((name) => [name, read(offsets[name])] as const);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** `cachePages`: what the cache has room for. */
export function readVmstat(core: Core, cachePages: number): Vmstat {
  const counted = values(VMSTAT, (offset) => core.counter(offset));
  return {
    // victims whose write-back is still in flight lie beyond the cache's room
    nr_free_pages: Math.max(cachePages - counted.nr_file_pages, 0),
    ...counted,
    pgpgin: Math.floor(core.counter(layout.COUNTER_PGPGIN) / 2),
    pgpgout: Math.floor(core.counter(layout.COUNTER_PGPGOUT) / 2),
  };
}

export function readMeminfo(core: Core, cachePages: number): Meminfo {
  const kB = PAGE_SIZE / 1024;
  const vmstat = readVmstat(core, cachePages);
  return {
    MemTotal: cachePages * kB,
    MemFree: vmstat.nr_free_pages * kB,
    Cached: vmstat.nr_file_pages * kB,
    'Active(file)': vmstat.nr_active_file * kB,
    'Inactive(file)': vmstat.nr_inactive_file * kB,
    Dirty: vmstat.nr_dirty * kB,
    Writeback: vmstat.nr_writeback * kB,
  };
}

/** Throws StorageError ENODEV for a drive that is not there. */
export function readDiskStat(core: Core, drive: number): DiskStat {
  const at = check(
    'stat',
    core.call((exports) => exports.driveStat(drive)),
  );
  return values(DISK_STAT, (offset) => core.memory.u64(at + offset));
}

export function readDirtyLimits(core: Core): DirtyLimits {
  const at = core.call((exports) => exports.dirtyLimits());
  const field = (offset: number): number => core.memory.u64(at + offset);
  return {
    threshold: field(layout.DIRTY_LIMITS_THRESHOLD),
    background: field(layout.DIRTY_LIMITS_BACKGROUND),
    freerun: field(layout.DIRTY_LIMITS_FREERUN),
    setpoint: field(layout.DIRTY_LIMITS_SETPOINT),
    positionRatio: field(layout.DIRTY_LIMITS_POSITION_RATIO) / 2 ** layout.RATIO_SHIFT,
  };
}
