// What a replay found: the keys of `replay --json`.
// Verbs: buildReport. Later versions add keys; none changes its meaning.

import * as layout from '../../assembly/layout.ts';
import type { Core } from '../core/core.ts';
import type { Counters } from '../counters.ts';
import type { TraceReader } from '../trace/index.ts';
import type { DiskStat, Meminfo, Vmstat } from '../vmstat.ts';
import type { ResolvedReplay } from './options.ts';

export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface ReplayReport {
  readonly trace: {
    readonly file: string;
    readonly format: string;
    readonly requests: number;
    readonly reads: number;
    readonly writes: number;
    readonly discards: number;
    readonly flushes: number;
    readonly readBytes: number;
    readonly writeBytes: number;
    readonly discardBytes: number;
    /** First to last request, to the microsecond; 0 when hasClock is false. */
    readonly spanSeconds: number;
    readonly hasClock: boolean;
    readonly devices: number;
    readonly skipped: number;
    readonly skippedReasons: Readonly<Record<string, number>>;
    readonly notes: Readonly<Record<string, number>>;
  };
  readonly config: ResolvedReplay;
  readonly guest: Counters['guest'];
  readonly aio: Counters['aio'];
  readonly usrbio: Counters['usrbio'];
  readonly cache: Counters['cache'];
  readonly block: Counters['block'];
  readonly drive: Counters['drive'];
  /** The flusher and the pauses of writers over the dirty limits. */
  readonly dirty: Counters['dirty'];
  /** As /proc/vmstat, /proc/meminfo and /sys/block/…/stat would have it at the end; `diskstats`: one for each device of the trace. */
  readonly vmstat: Vmstat;
  readonly meminfo: Meminfo;
  readonly diskstats: readonly DiskStat[];
  /** Virtual nanoseconds from submission to completion. */
  readonly latencyNs: { readonly read: LatencySummary; readonly write: LatencySummary };
  /** `requests`: played to their end; fewer than the trace's when the run was stopped. */
  readonly player: {
    readonly requests: number;
    readonly notifications: number;
    readonly heldForOverlap: number;
  };
  readonly verify: {
    readonly sectorsChecked: number;
    readonly mismatches: number;
    readonly firstMismatch: { readonly line: number; readonly sector: number } | null;
    /** With `reopen`: sectors read back from a new machine, and how many differed. */
    readonly reopenedSectors: number | null;
    readonly reopenedMismatches: number | null;
  };
  readonly records: { readonly hash: string } | null;
  readonly time: {
    readonly virtualSeconds: number;
    readonly parseSeconds: number;
    readonly coreSeconds: number;
    readonly wallSeconds: number;
    /** Requests by wall time, everything included; and by the core's own time. */
    readonly requestsPerSecond: number;
    readonly coreRequestsPerSecond: number;
  };
  /** The run was stopped before the trace ended; the figures are those so far. */
  readonly interrupted: boolean;
}

/** What the player measures outside the core. */
export interface Measured {
  readonly requests: number;
  readonly parseSeconds: number;
  readonly coreSeconds: number;
  readonly wallSeconds: number;
  readonly interrupted: boolean;
  readonly reopened: { readonly sectors: number; readonly mismatches: number } | null;
}

function latencySummary(core: Core, isWrite: boolean): LatencySummary {
  core.exports.replayLatency(isWrite ? 1 : 0);
  const at = core.root(layout.ROOT_LATENCY);
  const count = core.memory.u64(at + layout.LATENCY_COUNT);
  return {
    count,
    mean: count === 0 ? 0 : core.memory.u64(at + layout.LATENCY_SUM) / count,
    p50: core.memory.u64(at + layout.LATENCY_P50),
    p90: core.memory.u64(at + layout.LATENCY_P90),
    p99: core.memory.u64(at + layout.LATENCY_P99),
    p999: core.memory.u64(at + layout.LATENCY_P999),
    max: core.memory.u64(at + layout.LATENCY_MAX),
  };
}

function countsOf(tally: ReadonlyMap<string, { readonly count: number }>): Record<string, number> {
  return Object.fromEntries([...tally].map(([reason, { count }]) => [reason, count]));
}

function verifyPart(core: Core, measured: Measured): ReplayReport['verify'] {
  const state = core.root(layout.ROOT_REPLAY_STATE);
  const mismatches = core.memory.u64(state + layout.REPLAY_MISMATCHES);
  return {
    sectorsChecked: core.memory.u64(state + layout.REPLAY_SECTORS_CHECKED),
    mismatches,
    firstMismatch:
      mismatches === 0
        ? null
        : {
            line: core.memory.u64(state + layout.REPLAY_MISMATCH_LINE),
            sector: core.memory.u64(state + layout.REPLAY_MISMATCH_SECTOR),
          },
    reopenedSectors: measured.reopened?.sectors ?? null,
    reopenedMismatches: measured.reopened?.mismatches ?? null,
  };
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? Math.round(count / seconds) : 0;
}

/** Reads everything off a machine that has finished (or been stopped). */
export function buildReport(
  reader: TraceReader,
  config: ResolvedReplay,
  machine: {
    readonly core: Core;
    readonly counters: Counters;
    readonly nowNs: number;
    readonly recordHash: string;
    vmstat(): Vmstat;
    meminfo(): Meminfo;
    diskStat(drive: number): DiskStat;
  },
  measured: Measured,
): ReplayReport {
  const { totals } = reader;
  const { guest, aio, usrbio, cache, block, drive, dirty } = machine.counters;
  const state = machine.core.root(layout.ROOT_REPLAY_STATE);
  return {
    trace: {
      file: reader.file,
      format: reader.format,
      requests: totals.requests,
      reads: totals.reads,
      writes: totals.writes,
      discards: totals.discards,
      flushes: totals.flushes,
      readBytes: totals.readBytes,
      writeBytes: totals.writeBytes,
      discardBytes: totals.discardBytes,
      spanSeconds: Math.round(totals.spanSeconds * 1e6) / 1e6,
      hasClock: reader.hasClock,
      devices: reader.deviceNames.length,
      skipped: totals.skipped,
      skippedReasons: countsOf(totals.skippedReasons),
      notes: countsOf(totals.notes),
    },
    config,
    guest,
    aio,
    usrbio,
    cache,
    block,
    drive,
    dirty,
    vmstat: machine.vmstat(),
    meminfo: machine.meminfo(),
    diskstats: reader.deviceNames.map((_, device) => machine.diskStat(device)),
    latencyNs: { read: latencySummary(machine.core, false), write: latencySummary(machine.core, true) },
    player: {
      requests: measured.requests,
      notifications: machine.core.memory.u64(state + layout.REPLAY_NOTIFICATIONS),
      heldForOverlap: machine.core.memory.u64(state + layout.REPLAY_HELD_FOR_OVERLAP),
    },
    verify: verifyPart(machine.core, measured),
    records: config.records === false ? null : { hash: machine.recordHash },
    time: {
      virtualSeconds: machine.nowNs / 1e9,
      parseSeconds: measured.parseSeconds,
      coreSeconds: measured.coreSeconds,
      wallSeconds: measured.wallSeconds,
      requestsPerSecond: perSecond(measured.requests, measured.wallSeconds),
      coreRequestsPerSecond: perSecond(measured.requests, measured.coreSeconds),
    },
    interrupted: measured.interrupted,
  };
}
