// What a replay found: the keys of `replay --json`.
// Verbs: buildReport, measureDrives. Later versions add keys; none changes its meaning.

import * as layout from '../../assembly/layout.ts';
import type { Core } from '../core/core.ts';
import { type ParameterShown, parameterValues } from '../core/drive-models/index.ts';
import { parseDrive } from '../core/drive-models/text.ts';
import type { Counters } from '../counters.ts';
import { check } from '../errors.ts';
import type { Faults } from '../faults.ts';
import type { TraceReader } from '../trace/index.ts';
import type { DiskStat, Meminfo, Vmstat } from '../vmstat.ts';
import { LatencyHistogram, type LatencyJson } from './latency.ts';
import type { ResolvedReplay } from './options.ts';

/** A histogram of virtual nanoseconds for each operation, and for all of them together. */
export interface Latencies {
  readonly read: LatencyJson;
  readonly write: LatencyJson;
  readonly discard: LatencyJson;
  /** Flushes and datasyncs. */
  readonly flush: LatencyJson;
  readonly all: LatencyJson;
}

/** What a drive had in hand while requests were played; the final sync is not in it. */
export interface DriveUse {
  /** Requests at the drive, on the average of all that time, and at the most. */
  readonly meanDepth: number;
  readonly mostDepth: number;
  /** Share of the time in which a request was at the drive or waited for it, 0 to 1 (io_ticks). */
  readonly utilisation: number;
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
  /**
   * From arrival to completion: timing trace counts from the time in the trace, so a request that waited because others
   * were slow has waited (no coordinated omission); closed from when its client took it, asap from when its lot was put.
   */
  readonly latencyNs: Latencies;
  /** From the ring to completion. Null with timing asap: there it is the same. */
  readonly serviceNs: Omit<Latencies, 'all'> | null;
  /** Requests of the drives (after merging) but those of the final sync, from the start of the service to its end. */
  readonly driveNs: LatencyJson;
  /** In virtual time, from the start to the end of the last request; 0 when none passed. */
  readonly throughput: {
    readonly seconds: number;
    readonly requestsPerSecond: number;
    /** Of reads and writes. */
    readonly bytesPerSecond: number;
  };
  /** Every parameter of the drive's model. */
  readonly driveParameters: readonly Pick<ParameterShown, 'name' | 'value' | 'unit' | 'source'>[];
  /** One for each device of the trace. */
  readonly driveUse: readonly DriveUse[];
  /** Pages programmed for each page that the host wrote; null without a flash translation layer, or writes. */
  readonly writeAmplification: number | null;
  /** The rules of faults: what they are, how many requests they looked at and matched, and how many they did something to. */
  readonly faults: readonly { readonly rule: string; readonly matches: number; readonly hits: number }[];
  /** `requests`: played to their end; fewer than the trace's when the run was stopped. */
  readonly player: {
    readonly requests: number;
    readonly notifications: number;
    readonly heldForOverlap: number;
    /** Requests that could not be put on the ring when they arrived: it was full. */
    readonly late: number;
    /** Requests whose time in the trace lies before an earlier one's; they arrived with that one. */
    readonly backward: number;
    readonly mostInFlight: number;
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
  readonly atDrives: AtDrives;
}

/** The drives as they were when the last request had ended. */
export interface AtDrives {
  readonly driveNs: LatencyJson;
  readonly driveUse: readonly DriveUse[];
}

function histogram(core: Core, kind: number): LatencyJson {
  const at = check(
    'replay',
    core.call((exports) => exports.replayHistogram(kind)),
  );
  return LatencyHistogram.fromCore(core.memory, at).toJSON();
}

function byOperation(core: Core, first: number): Omit<Latencies, 'all'> {
  return {
    read: histogram(core, first + layout.REPLAY_OPERATION_READ),
    write: histogram(core, first + layout.REPLAY_OPERATION_WRITE),
    discard: histogram(core, first + layout.REPLAY_OPERATION_DISCARD),
    flush: histogram(core, first + layout.REPLAY_OPERATION_FLUSH),
  };
}

/** What each drive has had in hand up to now. */
export function measureDrives(
  machine: { readonly core: Core; readonly nowNs: number; diskStat(drive: number): DiskStat },
  driveCount: number,
): AtDrives {
  const { core, nowNs } = machine;
  const driveUse = Array.from({ length: driveCount }, (_, drive) => {
    const at = check(
      'stat',
      core.call((exports) => exports.driveTimes(drive)),
    );
    const busyNs = machine.diskStat(drive).io_ticks * 1e6;
    const totalNs = core.memory.u64(at + layout.DRIVE_TIMES_TOTAL_NS);
    return {
      meanDepth: nowNs === 0 ? 0 : totalNs / nowNs,
      mostDepth: core.memory.u64(at + layout.DRIVE_TIMES_MOST),
      utilisation: nowNs === 0 ? 0 : busyNs / nowNs,
    };
  });
  return { driveNs: histogram(core, layout.REPLAY_HISTOGRAM_DRIVE), driveUse };
}

function throughputOf(core: Core, requests: number): ReplayReport['throughput'] {
  const state = core.root(layout.ROOT_REPLAY_STATE);
  const seconds = core.memory.u64(state + layout.REPLAY_LAST_END) / 1e9;
  return {
    seconds,
    requestsPerSecond: perSecond(requests, seconds),
    bytesPerSecond: perSecond(core.memory.u64(state + layout.REPLAY_BYTES), seconds),
  };
}

/** `line`: as `--drive` takes it. */
function driveParameters(line: string): ReplayReport['driveParameters'] {
  const { model = 'instant', parameters } = parseDrive(line);
  return parameterValues(model, parameters).map(({ name, value, unit, source }) => ({
    name,
    value,
    unit,
    source,
  }));
}

function writeAmplification(core: Core): number | null {
  const written = core.counter(layout.COUNTER_FLASH_HOST_PAGES);
  return written === 0 ? null : core.counter(layout.COUNTER_FLASH_PROGRAMMED_PAGES) / written;
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
    readonly faults: Pick<Faults, 'list'>;
  },
  measured: Measured,
): ReplayReport {
  const { totals } = reader;
  const { core } = machine;
  const { guest, aio, usrbio, cache, block, drive, dirty } = machine.counters;
  const state = core.root(layout.ROOT_REPLAY_STATE);
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
    latencyNs: {
      ...byOperation(core, layout.REPLAY_HISTOGRAM_LATENCY),
      all: histogram(core, layout.REPLAY_HISTOGRAM_ALL),
    },
    serviceNs: config.timing === 'asap' ? null : byOperation(core, layout.REPLAY_HISTOGRAM_SERVICE),
    driveParameters: driveParameters(config.drive),
    ...measured.atDrives,
    throughput: throughputOf(core, measured.requests),
    writeAmplification: writeAmplification(core),
    faults: machine.faults.list().map(({ text, matches, hits }) => ({ rule: text, matches, hits })),
    player: {
      requests: measured.requests,
      notifications: core.memory.u64(state + layout.REPLAY_NOTIFICATIONS),
      heldForOverlap: core.memory.u64(state + layout.REPLAY_HELD_FOR_OVERLAP),
      late: core.memory.u64(state + layout.REPLAY_LATE),
      backward: core.memory.u64(state + layout.REPLAY_BACKWARD),
      mostInFlight: core.memory.u64(state + layout.REPLAY_MOST_IN_FLIGHT),
    },
    verify: verifyPart(core, measured),
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
