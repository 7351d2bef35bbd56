// A replay report for people: aligned lines, units, shares.
// Verbs: formatReport. Colour only where the terminal wants it (the caller decides).

import { formatSize } from '../core/size.ts';
import type { LatencyJson } from '../replay/latency.ts';
import type { ReplayReport } from '../replay/report.ts';

const LABEL_WIDTH = 12;

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `many(1, 'flush', 'flushes')` is `1 flush`. */
function many(number: number, one: string, more = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : more}`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((part / whole) * 100).toFixed(2)} %`;
}

function seconds(value: number): string {
  return value >= 1 ? `${value.toFixed(3)} s` : `${(value * 1000).toFixed(1)} ms`;
}

const LATENCY_COLUMNS = ['mean', 'p50', 'p90', 'p99', 'p999', 'max'] as const;
const COLUMN_WIDTH = 12;
/** From here on microseconds are more digits than anybody reads. */
const MANY_NS = 1e10;

function latencyRow(name: string, cells: readonly string[]): string {
  return `${name.padEnd(LABEL_WIDTH)}${cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join('')}`;
}

function tenths(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

function latency(name: string, summary: LatencyJson, unitNs: number): string[] {
  if (summary.count === 0) return [];
  const cells = LATENCY_COLUMNS.map((column) => tenths(summary[column] / unitNs));
  return [line('', latencyRow(name, [count(summary.count), ...cells]))];
}

function traceLines(report: ReplayReport): string[] {
  const { trace } = report;
  const flushes = trace.flushes > 0 ? `, ${many(trace.flushes, 'flush', 'flushes')}` : '';
  const discards =
    trace.discards > 0 ? `, ${many(trace.discards, 'discard')} of ${formatSize(trace.discardBytes)}` : '';
  const span = trace.hasClock ? `, ${trace.spanSeconds.toFixed(3)} s recorded` : ', no clock in this format';
  const lines = [
    line('trace', `${trace.file} (${trace.format}, ${many(trace.devices, 'device')}${span})`),
    line(
      'requests',
      `${count(trace.requests)}: ${many(trace.reads, 'read')} of ${formatSize(trace.readBytes)}, ${many(trace.writes, 'write')} of ${formatSize(trace.writeBytes)}${flushes}${discards}`,
    ),
  ];
  if (trace.skipped > 0) {
    const reasons = Object.entries(trace.skippedReasons).map(([reason, number]) => `${reason} ${number}`);
    lines.push(line('skipped', `${count(trace.skipped)} bad lines: ${reasons.join(', ')}`));
  }
  for (const [note, number] of Object.entries(trace.notes))
    lines.push(line('note', `${note} (${count(number)})`));
  return lines;
}

function entranceLine(report: ReplayReport): string {
  const { guest, aio, usrbio, config, player } = report;
  const held = player.heldForOverlap > 0 ? `, ${count(player.heldForOverlap)} held for overlap` : '';
  if (config.through === 'bluestore') {
    return line(
      'bluestore',
      `${many(aio.submitted, 'aio')} of whole 4 KiB blocks (batch ${config.batch})${held}`,
    );
  }
  if (config.through === 'aio') {
    const submits = many(player.notifications, 'io_submit');
    return line('aio', `${many(aio.submitted, 'iocb')} in ${submits} (batch ${config.batch})${held}`);
  }
  if (config.through === 'usrbio') {
    const jobs = many(usrbio.jobs, 'job');
    return line('usrbio', `${many(usrbio.completed, 'request')} in ${jobs} (batch ${config.batch})${held}`);
  }
  const merged = guest.readsMerged + guest.writesMerged;
  const portion = share(merged, guest.reads + guest.writes);
  const kicks = many(player.notifications, 'notification');
  return line(
    'virtio',
    `${count(merged)} merged by multireq (${portion}) in ${kicks} (batch ${config.batch})${held}`,
  );
}

function readaheadOf(report: ReplayReport): string {
  const { readahead } = report.config;
  return readahead === 'off' ? 'off' : formatSize(readahead);
}

/** Who wrote pages back before the end, and what it cost the writers. */
function dirtyLine(report: ReplayReport): string {
  const { dirty, vmstat } = report;
  const pauses =
    dirty.pauses === 0
      ? 'no pause'
      : `${many(dirty.pauses, 'pause')} of ${seconds(dirty.pausedNs / 1e9)} together`;
  return line(
    'dirty',
    `limit ${count(vmstat.nr_dirty_threshold)} pages, background ${count(vmstat.nr_dirty_background_threshold)}: flusher wrote ${count(dirty.flusherPages)} pages in ${many(dirty.flusherPasses, 'pass', 'passes')}, ${pauses}`,
  );
}

/** Why the hits may be others than a plain LRU's. */
function orderLines(config: ReplayReport['config']): string[] {
  if (config.batch === 1 && !config.merge) return [];
  const note =
    'merged and batched runs reorder page accesses: hits differ from a run with --batch 1 --no-merge';
  return [line('', note)];
}

function cacheLines(report: ReplayReport): string[] {
  const { cache, config } = report;
  if (cache.accesses === 0) {
    const isAround = config.cacheMode === 'none' || config.cacheMode === 'directsync';
    return [line('cache', isAround ? `not used (cache mode ${config.cacheMode})` : 'no page was asked for')];
  }
  return [
    line(
      'cache',
      `${formatSize(config.cacheBytes)} ${config.eviction}: ${count(cache.hits)} hits of ${count(cache.accesses)} page accesses (${share(cache.hits, cache.accesses)}), ${count(cache.evictions)} evicted`,
    ),
    ...orderLines(config),
    line(
      'pages',
      `${count(cache.readInPages)} read in (readahead ${readaheadOf(report)}), ${count(cache.dirtiedPages)} dirtied, ${count(cache.writtenBackPages)} written back in ${count(cache.ioends)} ioends`,
    ),
    dirtyLine(report),
  ];
}

function driveLines(report: ReplayReport): string[] {
  const { block, drive, config } = report;
  const merges = block.readMerges + block.writeMerges;
  const scheduler = config.scheduler === 'none' ? '' : `; scheduler ${config.scheduler}`;
  const extra = `${drive.flushes > 0 ? `, ${many(drive.flushes, 'flush', 'flushes')}` : ''}${drive.discards > 0 ? `, ${many(drive.discards, 'discard')}` : ''}`;
  return [
    line(
      'block',
      `${count(merges)} bios merged into waiting requests${config.merge ? '' : ' (merging is off)'}${scheduler}`,
    ),
    line(
      'drive',
      `${config.drive}: ${many(drive.reads, 'read')} of ${formatSize(drive.readBytes)}, ${many(drive.writes, 'write')} of ${formatSize(drive.writeBytes)}${extra}`,
    ),
  ];
}

/** What the latencies of a report count from. */
function countedFrom({ timing }: ReplayReport['config']): string {
  if (timing === 'trace') return 'from arrival at its time in the trace';
  return timing === 'asap' ? 'from the notification of its lot' : 'from when its client took it';
}

function latencyLines(report: ReplayReport): string[] {
  if (report.time.virtualSeconds === 0)
    return [line('latency', 'none: the drive is instant (--drive fixed takes time)')];
  const { read, write, discard, flush, all } = report.latencyNs;
  const [unit, unitNs] = Math.max(all.max, report.driveNs.max) < MANY_NS ? ['µs', 1e3] : ['ms', 1e6];
  return [
    line('latency', `of each request ${countedFrom(report.config)} to its end, in ${unit} of virtual time`),
    line('', latencyRow('', ['count', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'])),
    ...latency('reads', read, unitNs),
    ...latency('writes', write, unitNs),
    ...latency('discards', discard, unitNs),
    ...latency('flushes', flush, unitNs),
    ...latency('at the drive', report.driveNs, unitNs),
  ];
}

/** How the requests were issued, when not in lots. */
function timingLines(report: ReplayReport): string[] {
  const { config, player } = report;
  if (config.timing === 'asap') return [];
  const how =
    config.timing === 'trace'
      ? `open loop: each request at its time in the trace${config.speedup === 1 ? '' : `, ${config.speedup} times as fast`}`
      : `closed loop: ${many(Number(config.timing.slice('closed:'.length)), 'client')}`;
  const parts = [
    `${how}; ${count(player.mostInFlight)} in flight at the most`,
    ...(player.late > 0 ? [`${count(player.late)} late for a full ring`] : []),
    ...(player.backward > 0 ? [`${count(player.backward)} with a time that lies back`] : []),
  ];
  return [line('timing', parts.join(', '))];
}

/** How much the drives had to do. Of several, the busiest is told. */
function useLines(report: ReplayReport): string[] {
  const { throughput, driveUse, writeAmplification } = report;
  const [busiest] = [...driveUse].sort((left, right) => right.utilisation - left.utilisation);
  if (throughput.seconds === 0 || busiest === undefined) return [];
  const which = driveUse.length > 1 ? `busiest of ${driveUse.length} drives` : 'drive';
  const depth = `queue depth ${busiest.meanDepth.toFixed(2)} on average, ${count(busiest.mostDepth)} at the most`;
  const amplification =
    writeAmplification === null ? '' : `; write amplification ${writeAmplification.toFixed(2)}`;
  return [
    line(
      'throughput',
      `${count(throughput.requestsPerSecond)} requests/s, ${(throughput.bytesPerSecond / 1e6).toFixed(1)} MB/s in ${seconds(throughput.seconds)} of virtual time`,
    ),
    line('use', `${which} busy ${share(busiest.utilisation, 1)} of that time, ${depth}${amplification}`),
  ];
}

/** What the rules of faults have done. */
function faultLines({ faults }: ReplayReport): string[] {
  return faults.map(({ rule, matches, hits }, index) => {
    // a flaw of the media is there from the start and looks at no request
    const what =
      hits > matches ? 'there from the start' : `met ${count(hits)} of ${many(matches, 'request')}`;
    return line(index === 0 ? 'faults' : '', `${rule}: ${what}`);
  });
}

function verifyLine(report: ReplayReport): string {
  const { verify, config } = report;
  if (config.payload === 'none') return line('verify', 'nothing: payload none moves no bytes');
  const reopened =
    verify.reopenedSectors === null
      ? ''
      : `; reopened: ${count(verify.reopenedSectors)} sectors, ${count(verify.reopenedMismatches ?? 0)} mismatches`;
  const first =
    verify.firstMismatch === null
      ? ''
      : ` (first: line ${verify.firstMismatch.line}, sector ${verify.firstMismatch.sector})`;
  return line(
    'verify',
    `${count(verify.sectorsChecked)} sectors read back, ${count(verify.mismatches)} mismatches${first}${reopened}`,
  );
}

/** The whole report, one line each, without a newline at the end. */
export function formatReport(report: ReplayReport): string {
  const { time } = report;
  const lines = [
    ...traceLines(report),
    entranceLine(report),
    ...timingLines(report),
    ...cacheLines(report),
    ...driveLines(report),
    ...useLines(report),
    ...faultLines(report),
    ...latencyLines(report),
    verifyLine(report),
    line(
      'time',
      `${seconds(time.virtualSeconds)} virtual; ${seconds(time.wallSeconds)} real (parse ${seconds(time.parseSeconds)}, core ${seconds(time.coreSeconds)}), ${count(time.requestsPerSecond)} requests/s`,
    ),
  ];
  if (report.records !== null) lines.push(line('records', `hash ${report.records.hash}`));
  if (report.interrupted)
    lines.push(
      `stopped before the end, after ${many(report.player.requests, 'request')}: the figures are those so far`,
    );
  return lines.join('\n');
}
