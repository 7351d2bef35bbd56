// The machine's counters as an object, in groups, with the names that reports use.
// Verbs: readCounters.

import * as layout from '../assembly/layout.ts';
import type { Core } from './core/core.ts';

const GROUPS = {
  guest: {
    reads: layout.COUNTER_GUEST_READS,
    writes: layout.COUNTER_GUEST_WRITES,
    flushes: layout.COUNTER_GUEST_FLUSHES,
    discards: layout.COUNTER_GUEST_DISCARDS,
    readsMerged: layout.COUNTER_GUEST_READS_MERGED,
    writesMerged: layout.COUNTER_GUEST_WRITES_MERGED,
    writeZeroes: layout.COUNTER_GUEST_WRITE_ZEROES,
    invalid: layout.COUNTER_GUEST_INVALID,
  },
  aio: {
    submitted: layout.COUNTER_AIO_SUBMITTED,
    completed: layout.COUNTER_AIO_COMPLETED,
    partialSubmits: layout.COUNTER_AIO_PARTIAL_SUBMITS,
  },
  usrbio: {
    prepared: layout.COUNTER_USRBIO_PREPARED,
    completed: layout.COUNTER_USRBIO_COMPLETED,
    jobs: layout.COUNTER_USRBIO_JOBS,
  },
  cache: {
    accesses: layout.COUNTER_CACHE_ACCESSES,
    hits: layout.COUNTER_CACHE_HITS,
    misses: layout.COUNTER_CACHE_MISSES,
    evictions: layout.COUNTER_CACHE_EVICTIONS,
    readInPages: layout.COUNTER_CACHE_READ_IN_PAGES,
    dirtiedPages: layout.COUNTER_CACHE_DIRTIED_PAGES,
    writtenBackPages: layout.COUNTER_CACHE_WRITTEN_BACK_PAGES,
    ioends: layout.COUNTER_CACHE_IOENDS,
    throttledCount: layout.COUNTER_CACHE_THROTTLED,
    discardedPages: layout.COUNTER_CACHE_DISCARDED_PAGES,
    nrDirty: layout.COUNTER_NR_DIRTY,
    nrWriteback: layout.COUNTER_NR_WRITEBACK,
    nrFilePages: layout.COUNTER_NR_FILE_PAGES,
    readaheadPages: layout.COUNTER_READAHEAD_PAGES,
  },
  reclaim: {
    scannedPages: layout.COUNTER_PGSCAN,
    takenPages: layout.COUNTER_PGSTEAL,
    activatedPages: layout.COUNTER_PGACTIVATE,
    deactivatedPages: layout.COUNTER_PGDEACTIVATE,
    refaults: layout.COUNTER_WORKINGSET_REFAULT,
    refaultsActivated: layout.COUNTER_WORKINGSET_ACTIVATE,
    refaultsRestored: layout.COUNTER_WORKINGSET_RESTORE,
    droppedPages: layout.COUNTER_DROP_PAGECACHE,
    nrActiveFile: layout.COUNTER_NR_ACTIVE_FILE,
    nrInactiveFile: layout.COUNTER_NR_INACTIVE_FILE,
    nrShadows: layout.COUNTER_WORKINGSET_NODES,
  },
  dirty: {
    writtenPages: layout.COUNTER_NR_WRITTEN,
    thresholdPages: layout.COUNTER_NR_DIRTY_THRESHOLD,
    backgroundPages: layout.COUNTER_NR_DIRTY_BACKGROUND_THRESHOLD,
    pauses: layout.COUNTER_DIRTY_PAUSES,
    pausedNs: layout.COUNTER_DIRTY_PAUSED_NS,
    flusherPasses: layout.COUNTER_FLUSHER_PASSES,
    flusherPages: layout.COUNTER_FLUSHER_PAGES,
  },
  iomap: {
    begins: layout.COUNTER_IOMAP_BEGINS,
    ends: layout.COUNTER_IOMAP_ENDS,
  },
  journal: {
    commits: layout.COUNTER_JOURNAL_COMMITS,
    sectors: layout.COUNTER_JOURNAL_SECTORS,
    checkpoints: layout.COUNTER_JOURNAL_CHECKPOINTS,
  },
  block: {
    reads: layout.COUNTER_BLOCK_READS,
    writes: layout.COUNTER_BLOCK_WRITES,
    readMerges: layout.COUNTER_BLOCK_READ_MERGES,
    writeMerges: layout.COUNTER_BLOCK_WRITE_MERGES,
    readSectors: layout.COUNTER_BLOCK_READ_SECTORS,
    writeSectors: layout.COUNTER_BLOCK_WRITE_SECTORS,
    flushes: layout.COUNTER_BLOCK_FLUSHES,
    discards: layout.COUNTER_BLOCK_DISCARDS,
    readBioSectors: layout.COUNTER_PGPGIN,
    writeBioSectors: layout.COUNTER_PGPGOUT,
  },
  drive: {
    reads: layout.COUNTER_DRIVE_READS,
    writes: layout.COUNTER_DRIVE_WRITES,
    readBytes: layout.COUNTER_DRIVE_READ_BYTES,
    writeBytes: layout.COUNTER_DRIVE_WRITE_BYTES,
    flushes: layout.COUNTER_DRIVE_FLUSHES,
    discards: layout.COUNTER_DRIVE_DISCARDS,
    discardBytes: layout.COUNTER_DRIVE_DISCARD_BYTES,
    writeZeroes: layout.COUNTER_DRIVE_WRITE_ZEROES,
    destaged: layout.COUNTER_DRIVE_DESTAGED,
    errors: layout.COUNTER_DRIVE_ERRORS,
    faults: layout.COUNTER_DRIVE_FAULTS,
  },
  flash: {
    hostPages: layout.COUNTER_FLASH_HOST_PAGES,
    programmedPages: layout.COUNTER_FLASH_PROGRAMMED_PAGES,
    erases: layout.COUNTER_FLASH_ERASES,
  },
  writeLog: {
    entries: layout.COUNTER_LOG_ENTRIES,
    spilledBytes: layout.COUNTER_LOG_SPILLED_BYTES,
  },
} as const;

type Groups = typeof GROUPS;

/** Counts since the machine opened; `nr…` are how many there are now. */
export type Counters = {
  readonly [Group in keyof Groups]: { readonly [Name in keyof Groups[Group]]: number };
};

export function readCounters(core: Core): Counters {
  const result: Record<string, Record<string, number>> = {};
  for (const [group, names] of Object.entries(GROUPS)) {
    const values: Record<string, number> = {};
    for (const [name, offset] of Object.entries(names)) values[name] = core.counter(offset);
    result[group] = values;
  }
  return result as unknown as Counters;
}
