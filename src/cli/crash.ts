// `sectorlab crash`: explores a write log with a command as the check, or a module that exports a workload and its recovery.
//
// Verbs: addCrashCommand. Exit status: 0 every image is good, 1 one is not, 2 usage, bad input, or a check that fails without a crash, 3
// nothing was measured, 130 stopped by ^C (what was measured so far is printed). The report goes to stdout, progress and errors to stderr.

import { type Command, Option } from 'commander';
import { CRASH_CHOICES, type CrashModel } from '../crash/options.ts';
import { ConfigError } from '../errors.ts';
import { LOG_MOMENTS, type LogMoment } from '../explore/log-check.ts';
import { formatVerdict } from '../explore/report.ts';
import type { ExploreProgress, VerdictFacts, VerdictKind } from '../explore/types.ts';
import { again, decimal, size, wholeNumber } from './arguments.ts';
import { withInterrupt } from './crash/interrupt.ts';
import { InputError, inputKind } from './crash/log-input.ts';
import { type LogRunResult, runLog } from './crash/log-run.ts';

const EXIT: Readonly<Record<VerdictKind, number>> = {
  survived: 0,
  violated: 1,
  harnessBroken: 2,
  notMeasured: 3,
};
const EXIT_INTERRUPTED = 130;
const DEFAULT_TIMEOUT_SECONDS = 60;
const PROGRESS_MS = 100;
const MAX_SECONDS = 1e6;

interface CrashFlags {
  readonly check?: string;
  readonly base?: string;
  readonly size?: number;
  readonly drive?: number;
  readonly tearing?: NonNullable<CrashModel['tearing']>;
  readonly unit?: number;
  readonly order?: NonNullable<CrashModel['order']>;
  readonly damage?: NonNullable<CrashModel['damage']>;
  readonly scope?: NonNullable<CrashModel['scope']>;
  readonly device?: NonNullable<CrashModel['device']>;
  readonly discard?: NonNullable<CrashModel['discard']>;
  readonly promise: readonly string[];
  readonly at?: LogMoment;
  readonly startMark?: string;
  readonly endMark?: string;
  readonly bound?: number;
  readonly sample?: number;
  readonly images?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly maxFindings?: number;
  readonly jobs?: number;
  readonly timeout?: number;
  readonly keep?: string;
  readonly json: boolean;
}

/** An option that has a fixed set of values. */
function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices([...values]);
}

function addModelOptions(command: Command): Command {
  return command
    .addOption(choice('--tearing <how>', 'how a write tears (default: units)', CRASH_CHOICES.tearing))
    .option('--unit <size>', 'a tearing unit (default: 512)', size)
    .addOption(choice('--order <which>', 'which writes may be there (default: any)', CRASH_CHOICES.order))
    .addOption(
      choice(
        '--damage <kind>',
        'what a unit may hold beside old and new (default: none)',
        CRASH_CHOICES.damage,
      ),
    )
    .addOption(
      choice(
        '--scope <where>',
        'where damage ends (default: powersafe, with the write)',
        CRASH_CHOICES.scope,
      ),
    )
    .addOption(
      choice(
        '--device <cache>',
        "the drive's cache; lying: flushes do nothing (default: volatile)",
        CRASH_CHOICES.device,
      ),
    )
    .addOption(
      choice('--discard <how>', 'what a discard may leave (default: oldOrZero)', CRASH_CHOICES.discard),
    )
    .option(
      '--promise <name>',
      "what the drive promises, by SQLite's names, such as ATOMIC4K or SEQUENTIAL; again for more",
      again,
      [],
    );
}

/** Adds the command to the program. */
export function addCrashCommand(program: Command): void {
  const command = program
    .command('crash')
    .summary('check every image that a crash may leave')
    .description(
      "Builds every image that a power cut may leave, from a write log (of sectorlab, of dm-log-writes, or of QEMU's blklogwrites),\n" +
        'and runs a command once on each distinct one. The check is run as CMD IMAGE, or with {} replaced by the path; exit status 0 means good.\n' +
        'It finds the marks that were set by then in SECTORLAB_MARKS, one a line, and the step of the log in SECTORLAB_CRASH_POINT.',
    )
    .argument('<log>', 'a write log')
    .option('--check <command>', 'the check: a command of the shell')
    .option('--base <image>', 'what the drive held before the log began (default: zeros)')
    .option(
      '--size <size>',
      'bytes of the drive (default: those of the base, or as many as the log needs)',
      size,
    )
    .option('--drive <n>', 'which drive of the log (default: 0)', wholeNumber(0, 4095))
    .addOption(
      choice(
        '--at <moment>',
        'crash at all steps, or only where a flush or a FUA write became durable, or at marks',
        LOG_MOMENTS,
      ),
    )
    .option('--start-mark <text>', 'crash only from this mark on')
    .option('--end-mark <text>', 'crash only up to this mark')
    .option(
      '--bound <n>',
      'states of a crash point up to which all are built (default: 65536)',
      wholeNumber(0, 2 ** 53),
    )
    .option(
      '--sample <n>',
      'states of a sample at a crash point that has more (default: 4096)',
      wholeNumber(1, 2 ** 32 - 1),
    )
    .option('--images <n>', 'stop after so many distinct images', wholeNumber(1, 2 ** 24))
    .option('--seconds <n>', 'stop after so many seconds', decimal(MAX_SECONDS))
    .option('--seed <n>', 'seed of samples and of garbage (default: 1)', wholeNumber(0, 2 ** 32 - 1))
    .option('--max-findings <n>', 'stop after so many different failures (default: 8)', wholeNumber(1, 1000))
    .option('--jobs <n>', 'checks at one time (default: one a processor)', wholeNumber(1, 1024))
    .option(
      '--timeout <seconds>',
      `time that one check may take (default: ${DEFAULT_TIMEOUT_SECONDS})`,
      decimal(MAX_SECONDS),
    )
    .option('--keep <folder>', 'keep failing images there, and the recipe of each finding')
    .option('--json', 'print the verdict as JSON', false)
    .action(async (log: string, flags: CrashFlags) => {
      await runCrash(log, flags);
    });
  addModelOptions(command);
}

/** Those of the flags that were given. */
function given<Name extends keyof CrashFlags>(
  flags: CrashFlags,
  names: readonly Name[],
): { [Key in Name]?: NonNullable<CrashFlags[Key]> } {
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ) as { [Key in Name]?: NonNullable<CrashFlags[Key]> };
}

function toModel(flags: CrashFlags): CrashModel {
  return {
    ...given(flags, ['tearing', 'unit', 'order', 'damage', 'scope', 'device', 'discard']),
    ...(flags.promise.length === 0 ? {} : { promises: flags.promise as NonNullable<CrashModel['promises']> }),
  };
}

/** A line on a terminal, at most every 100 ms; an empty text takes it away. */
class ProgressLine {
  readonly #isShowing = process.stderr.isTTY === true;
  readonly #start = performance.now();
  #shown = 0;

  show({ phase, done, total, failed }: ExploreProgress): void {
    const now = performance.now();
    if (!this.#isShowing || now - this.#shown < PROGRESS_MS) return;
    this.#shown = now;
    const seconds = Math.max((now - this.#start) / 1000, 1e-3);
    const rate = Math.round(done / seconds);
    const left =
      total === undefined || done === 0 ? '' : `, ${Math.ceil(((total - done) * seconds) / done)} s left`;
    const of = total === undefined ? '' : ` of ${total.toLocaleString('en-US')}`;
    process.stderr.write(
      `\r\x1b[K${phase}: ${done.toLocaleString('en-US')}${of}, ${rate.toLocaleString('en-US')}/s, ${failed} failed${left}`,
    );
  }

  end(): void {
    if (this.#shown > 0) process.stderr.write('\r\x1b[K');
  }
}

/** The option that sets a field of the config: `--start-mark` of `startMark`, `--unit` of `model.unit`. */
function optionOf(field: string): string {
  const name = field.replace(/^model\./, '').replace(/s\[\d+\]$/, '');
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Names the option in place of the field that the core refused. */
function asOption(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  throw new ConfigError(optionOf(error.field), error.value, error.limit);
}

async function runCrash(file: string, flags: CrashFlags): Promise<void> {
  const kind = inputKind(file);
  if (kind === 'module') throw new InputError(`${file} is a module: only write logs can be explored`);
  const { check } = flags;
  if (check === undefined || check.trim() === '')
    throw new InputError(
      `--check is missing: ${file} is a write log, and needs a command that checks an image`,
    );
  const progress = new ProgressLine();
  const drive = given(flags, ['size', 'drive', 'seed', 'bound']);
  const model = toModel(flags);
  const result = await withInterrupt(async (signal) => {
    const run = await runLog({
      file,
      kind,
      check,
      timeoutSeconds: flags.timeout ?? DEFAULT_TIMEOUT_SECONDS,
      base: flags.base,
      jobs: flags.jobs,
      keep: flags.keep,
      search: {
        ...drive,
        ...given(flags, ['at', 'startMark', 'endMark', 'maxFindings']),
        model,
        budget: given(flags, ['images', 'sample', 'seconds']),
      },
      recipe: { ...drive, model, file, ...given(flags, ['base']) },
      signal,
      onProgress: (step) => progress.show(step),
    })
      .catch(asOption)
      .finally(() => progress.end());
    return { ...run, isStopped: signal.aborted };
  });
  process.stdout.write(
    `${flags.json ? logJson(file, kind, check, result) : logReport(file, kind, check, result)}\n`,
  );
  process.exitCode = result.isStopped ? EXIT_INTERRUPTED : EXIT[result.verdict.verdict];
}

function logJson(file: string, format: string, check: string, { verdict, lost }: LogRunResult): string {
  return JSON.stringify({ file, format, check, lost, ...verdict }, null, 2);
}

function logReport(file: string, format: string, check: string, { verdict, lost }: LogRunResult): string {
  const { writes, flushes, fuaWrites, marks, entries } = verdict.log;
  const lines = [
    `log         ${file} (${format}): ${entries} entries, ${writes} writes (${fuaWrites} FUA), ${flushes} flushes, ${marks} marks`,
    `check       ${check}`,
  ];
  if (lost.length > 0) lines.push(`not in it   ${lost.join('; ')}`);
  if (verdict.crashPoints < verdict.allPoints)
    lines.push(`points      ${verdict.crashPoints} of ${verdict.allPoints} crash points`);
  return [...lines, formatVerdict(verdict as VerdictFacts, useColor())].join('\n');
}

function useColor(): boolean {
  return process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '';
}
