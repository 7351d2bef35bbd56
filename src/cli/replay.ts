// `sectorlab replay TRACE`: plays a trace through the stack and reports what happened.
//
// Verbs: addReplayCommand. Exit status: 0 good, 1 a read came back wrong, 2 usage or bad input, 130 stopped by ^C (the
// report so far is printed). The report goes to stdout, progress and errors to stderr.

import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { MODEL_NAMES } from '../core/drive-models/index.ts';
import { type DriveText, parseDrive } from '../core/drive-models/text.ts';
import {
  CACHE_MODE_NAMES,
  type CacheMode,
  ENGINES,
  type Engine,
  EVICTIONS,
  type Eviction,
  SCHEDULERS,
  type Scheduler,
  type VmConfig,
} from '../core/options.ts';
import { ConfigError } from '../errors.ts';
import { nodePlatform } from '../node-platform.ts';
import { ENTRANCES, type Entrance, type ReplayOptions, type Timing } from '../replay/options.ts';
import { type ReplayProgress, replay } from '../replay/player.ts';
import { formatReport } from '../report/terminal.ts';
import { FORMATS, openTrace } from '../trace/index.ts';
import { again, size, wholeNumber } from './arguments.ts';

interface ReplayFlags {
  readonly format?: string;
  readonly through?: Entrance;
  readonly cache?: number;
  readonly cacheMode?: CacheMode;
  readonly engine?: Engine;
  readonly readahead?: number | 'off';
  readonly dirtyRatio?: number;
  readonly dirtyBackgroundRatio?: number;
  readonly dirtyBytes?: number;
  readonly dirtyBackgroundBytes?: number;
  readonly dirtyExpireCentisecs?: number;
  readonly dirtyWritebackCentisecs?: number;
  readonly eviction: Eviction;
  readonly blockSize?: number;
  readonly merge: boolean;
  readonly batch: number;
  readonly timing?: Timing;
  readonly speedup?: number;
  readonly payload: 'full' | 'none';
  readonly image?: string;
  readonly reopen: boolean;
  readonly drive?: DriveText;
  readonly latency?: number;
  readonly channels?: number;
  readonly scheduler?: Scheduler;
  readonly seed: number;
  readonly skipBad: number;
  readonly fault: readonly string[];
  readonly records: boolean;
  readonly json: boolean;
}

const EXIT_VIOLATION = 1;
const EXIT_INTERRUPTED = 130;
/** How long a stopped process may take to let go of its files. */
const HELD_MS = 200;

function driveLine(text: string): DriveText {
  try {
    return parseDrive(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function timing(text: string): Timing {
  if (!/^(asap|trace|closed:\d+)$/.test(text))
    throw new InvalidArgumentError('It must be asap, trace, or closed:N with a whole number N.');
  return text as Timing;
}

function factor(text: string): number {
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text))
    throw new InvalidArgumentError('It must be a decimal number such as 2, 0.5 or 10.25.');
  return Number(text);
}

function readahead(text: string): number | 'off' {
  return text === 'off' ? text : size(text);
}

/** Adds the command to the program. */
export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .summary('play an I/O trace through the stack')
    .description(
      'Plays each request of a trace through rings, page cache, merging and a virtual disk, checks every read, and reports.\n' +
        'The trace may be gzipped; its format is found from its content.',
    )
    .argument('<trace>', `a trace file: ${FORMATS.map((format) => format.title).join(', ')}`)
    .option(
      '--format <name>',
      `the format, instead of detection: ${FORMATS.map((format) => format.name).join(', ')}`,
    )
    .addOption(
      new Option(
        '--through <entrance>',
        'how requests enter: virtio (default for block traces), aio (for fio iologs), usrbio or bluestore',
      ).choices([...ENTRANCES]),
    )
    .option('--cache <size>', 'page cache (default: 32MiB)', size)
    .addOption(
      new Option(
        '--cache-mode <mode>',
        'how the disk is used (default: writeback; through bluestore: none)',
      ).choices([...CACHE_MODE_NAMES]),
    )
    .addOption(
      new Option(
        '--engine <name>',
        "through virtio: what reads and writes the file (default: threads; linux-aio needs '--cache-mode none' or directsync)",
      ).choices([...ENGINES]),
    )
    .option('--readahead <size|off>', 'largest readahead window of a file (default: 128KiB)', readahead)
    .option('--dirty-ratio <percent>', 'of the cache that may be dirty (default: 20)', wholeNumber(0, 100))
    .option(
      '--dirty-background-ratio <percent>',
      'of the cache from which the flusher writes (default: 10)',
      wholeNumber(0, 100),
    )
    .option('--dirty-bytes <size>', 'instead of --dirty-ratio, 8192 or more', size)
    .option('--dirty-background-bytes <size>', 'instead of --dirty-background-ratio', size)
    .option(
      '--dirty-expire-centisecs <n>',
      'age of a dirty file that periodic write-back writes (default: 3000)',
      wholeNumber(0, 4294967295),
    )
    .option(
      '--dirty-writeback-centisecs <n>',
      'time between periodic write-backs, 0: none (default: 500)',
      wholeNumber(0, 4294967295),
    )
    .addOption(
      new Option('--eviction <policy>', 'which page leaves first').choices(EVICTIONS).default('linux'),
    )
    .option('--block-size <bytes>', 'file-system block, 512 to 4096 (default: 4096)', wholeNumber(512, 4096))
    .option('--no-merge', 'merge nothing, neither in the guest device nor in the block layer')
    .option(
      '--batch <n>',
      'requests on the ring for one notification (fewer where they carry more than 8 MiB)',
      wholeNumber(1, 256),
      32,
    )
    .option(
      '--timing <when>',
      'asap (in lots, the default), trace (at the times of the trace), or closed:N (N clients, 1 to 1024)',
      timing,
    )
    .option('--speedup <factor>', 'with --timing trace: how many times faster (default: 1)', factor)
    .addOption(
      new Option('--payload <what>', 'full moves and checks bytes; none makes the same decisions without any')
        .choices(['full', 'none'])
        .default('full'),
    )
    .option('--image <path>', 'a real file as the disk, through WASI (further devices: PATH.1, PATH.2 …)')
    .option(
      '--reopen',
      'afterwards open what was left in a new machine and check every sector written',
      false,
    )
    .option(
      '--drive <model[,name=value…]>',
      `service times of the disk: ${MODEL_NAMES.join(', ')}, and their parameters, such as hdd,rpm=5400 (default: instant, or fixed with --latency or --channels)`,
      driveLine,
    )
    .option(
      '--latency <ns>',
      'latency of a fixed drive in nanoseconds (default: 100000)',
      wholeNumber(0, 1e12),
    )
    .option('--channels <n>', 'requests a fixed drive serves at once (default: 1)', wholeNumber(1, 1024))
    .addOption(
      new Option(
        '--scheduler <name>',
        "how the block layer orders what waits for a drive (default: none; deadline is Linux's mq-deadline)",
      ).choices([...SCHEDULERS]),
    )
    .option(
      '--fault <rule>',
      "a rule of faults, such as 'slow factor=20 perMillion=1000' or 'lostWrite every=300'; again for more",
      again,
      [],
    )
    .option('--seed <n>', 'seed of the data written', wholeNumber(0, 4294967295), 1)
    .option(
      '--skip-bad <n>',
      'bad lines that may be passed over and counted',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      0,
    )
    .option('--records', 'keep records of every decision and print their hash', false)
    .option('--json', 'print the report as JSON', false)
    .action(async (trace: string, flags: ReplayFlags) => {
      await runReplay(trace, flags);
    });
}

const VM_FLAGS = [
  'dirtyRatio',
  'dirtyBackgroundRatio',
  'dirtyBytes',
  'dirtyBackgroundBytes',
  'dirtyExpireCentisecs',
  'dirtyWritebackCentisecs',
] as const satisfies (keyof VmConfig & keyof ReplayFlags)[];

/** The dirty limits that were given. */
function toVm(flags: ReplayFlags): VmConfig {
  return Object.fromEntries(
    VM_FLAGS.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  );
}

/** The drive that was given. --latency and --channels are short forms of a fixed one's. */
function toDrive({ drive, latency, channels }: ReplayFlags): DriveText {
  if (latency === undefined && channels === undefined) return drive ?? { model: 'instant' };
  if (drive !== undefined && drive.model !== 'fixed') {
    const [name, value] = latency === undefined ? ['--channels', channels] : ['--latency', latency];
    throw new ConfigError(name, value, `left out: the drive is ${drive.model}, not fixed`);
  }
  return {
    ...drive,
    model: 'fixed',
    ...(latency === undefined ? {} : { latencyNs: latency }),
    ...(channels === undefined ? {} : { channels }),
  };
}

function toOptions(flags: ReplayFlags): ReplayOptions {
  return {
    ...(flags.through === undefined ? {} : { through: flags.through }),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    ...(flags.cacheMode === undefined ? {} : { cacheMode: flags.cacheMode }),
    ...(flags.readahead === undefined ? {} : { readahead: flags.readahead }),
    ...(flags.engine === undefined ? {} : { engine: flags.engine }),
    ...(flags.blockSize === undefined ? {} : { blockSize: flags.blockSize }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.timing === undefined ? {} : { timing: flags.timing }),
    ...(flags.speedup === undefined ? {} : { speedup: flags.speedup }),
    vm: toVm(flags),
    eviction: flags.eviction,
    merge: flags.merge,
    batch: flags.batch,
    payload: flags.payload,
    seed: flags.seed,
    faults: flags.fault,
    records: flags.records,
    reopen: flags.reopen,
    drive: { ...toDrive(flags), ...(flags.scheduler === undefined ? {} : { scheduler: flags.scheduler }) },
  };
}

/** A progress line on a terminal: requests, rate, share of the file, time left. */
function progressLine(progress: ReplayProgress, fileBytes: number): string {
  const rate = Math.round(progress.requests / Math.max(progress.seconds, 1e-3));
  const done = Math.min(1, progress.bytesRead / Math.max(fileBytes, 1));
  const left = done > 0.01 ? ` ${Math.ceil((progress.seconds * (1 - done)) / done)} s left` : '';
  return `${progress.requests.toLocaleString('en-US')} requests, ${rate.toLocaleString('en-US')}/s, ${Math.round(done * 100)} %${left}`;
}

async function runReplay(trace: string, flags: ReplayFlags): Promise<void> {
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort();
  process.once('SIGINT', onInterrupt);
  const isShowing = process.stderr.isTTY === true;
  try {
    const opening = openTrace(trace, { format: flags.format, skipBad: flags.skipBad });
    const reader = await Promise.race([opening, aborted(stop.signal)]);
    if (reader === undefined) {
      process.stderr.write(`sectorlab: ${trace}: stopped before the trace could be read\n`);
      endInterrupted();
      return;
    }
    const fileBytes = statSync(trace).size;
    let shown = 0;
    const report = await replay(nodePlatform, reader, toOptions(flags), {
      signal: stop.signal,
      onProgress: (progress) => {
        if (!isShowing || performance.now() - shown < 100) return;
        shown = performance.now();
        process.stderr.write(`\r\x1b[K${progressLine(progress, fileBytes)}`);
      },
    });
    if (isShowing && shown > 0) process.stderr.write('\r\x1b[K');
    process.stdout.write(`${flags.json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);
    if (report.trace.requests === 0 && !report.interrupted)
      process.stderr.write(`${trace}: the trace holds no requests\n`);
    const isWrong = report.verify.mismatches > 0 || (report.verify.reopenedMismatches ?? 0) > 0;
    if (report.interrupted) endInterrupted();
    else if (isWrong) process.exitCode = EXIT_VIOLATION;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/** Resolves to undefined once the signal is aborted. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}

/** Ends with status 130. A read of a silent pipe can not be taken back, so what it still holds dies as ^C would have it. */
function endInterrupted(): void {
  process.exitCode = EXIT_INTERRUPTED;
  setTimeout(() => process.kill(process.pid, 'SIGINT'), HELD_MS).unref();
}
