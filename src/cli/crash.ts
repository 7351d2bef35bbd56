// `sectorlab crash`: explores a write log with a command as the check, or a module that exports a workload and its recovery.
//
// Verbs: addCrashCommand. Exit status: 0 every image is good, 1 one is not, 2 usage, bad input, or a check that fails without a crash, 3
// nothing was measured, 130 stopped by ^C (what was measured so far is printed). The report goes to stdout, progress and errors to stderr.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { LogVerdict } from '../explore/log-check.ts';
import { formatVerdict } from '../explore/report.ts';
import type { VerdictFacts, VerdictKind } from '../explore/types.ts';
import { addCrashOptions, asOption, type CrashFlags, given, refuseForeign, toModel } from './crash/flags.ts';
import { withInterrupt } from './crash/interrupt.ts';
import { InputError, type InputKind, inputKind } from './crash/log-input.ts';
import { type LogRunResult, runLog } from './crash/log-run.ts';
import { runModule } from './crash/module-run.ts';
import { ProgressLine } from './crash/progress.ts';

const EXIT: Readonly<Record<VerdictKind, number>> = {
  survived: 0,
  violated: 1,
  harnessBroken: 2,
  notMeasured: 3,
};
const EXIT_INTERRUPTED = 130;
const DEFAULT_TIMEOUT_SECONDS = 60;

type LogKind = Exclude<InputKind, 'module'>;

/** A verdict, and how it is printed. */
interface Outcome {
  readonly verdict: VerdictFacts;
  /** What --json shows beside the verdict's own fields. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Lines above the report. */
  readonly head: readonly string[];
}

/** Adds the command to the program. */
export function addCrashCommand(program: Command): void {
  const command = program
    .command('crash')
    .summary('check every image that a crash may leave')
    .description(
      'Builds every image that a crash may leave, and checks each distinct one once.\n\n' +
        "From a write log (of sectorlab, of dm-log-writes, or of QEMU's blklogwrites) with a command: it is run as CMD IMAGE, or with {}\n" +
        'replaced by the path; exit status 0 means good. It finds the marks that were set by then in SECTORLAB_MARKS, one a line, and\n' +
        'the step of the log in SECTORLAB_CRASH_POINT.\n\n' +
        'From a module that exports the functions workload and recover, as explore() takes them, and perhaps setup, options, and\n' +
        'device: true for a workload on sectors.',
    )
    .argument('<input>', 'a write log, or a module')
    .action(async (input: string, flags: CrashFlags) => {
      await runCrash(input, flags);
    });
  addCrashOptions(command, DEFAULT_TIMEOUT_SECONDS);
}

async function runCrash(file: string, flags: CrashFlags): Promise<void> {
  const kind = inputKind(file);
  refuseForeign(flags, kind === 'module' ? 'module' : 'log');
  const progress = new ProgressLine();
  const onProgress = progress.show.bind(progress);
  const { outcome, isStopped } = await withInterrupt(async (signal) => {
    const control = { signal, onProgress };
    const run =
      kind === 'module' ? exploreModule(file, flags, control) : exploreLog(file, kind, flags, control);
    return { outcome: await run.catch(asOption).finally(() => progress.end()), isStopped: signal.aborted };
  });
  if (flags.keep !== undefined) keepRecipes(flags.keep, outcome.verdict);
  await print(flags.json ? jsonOf(outcome) : reportOf(outcome));
  const status = isStopped ? EXIT_INTERRUPTED : EXIT[outcome.verdict.verdict];
  // a module may have left something open
  process.exit(status);
}

type Control = Pick<Parameters<typeof runLog>[0], 'signal'> &
  Required<Pick<Parameters<typeof runLog>[0], 'onProgress'>>;

async function exploreModule(file: string, flags: CrashFlags, control: Control): Promise<Outcome> {
  const verdict = await runModule(file, flags, control);
  return { verdict, about: { file }, head: [`module      ${file}`] };
}

async function exploreLog(
  file: string,
  kind: LogKind,
  flags: CrashFlags,
  control: Control,
): Promise<Outcome> {
  const { check } = flags;
  if (check === undefined || check.trim() === '')
    throw new InputError(
      `--check is missing: ${file} is a write log, and needs a command that checks an image`,
    );
  const drive = given(flags, ['size', 'drive', 'seed', 'bound']);
  const model = toModel(flags);
  const result = await runLog({
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
    ...control,
  });
  const { verdict, lost } = result;
  return { verdict, about: { file, format: kind, check, lost }, head: logHead(file, kind, check, result) };
}

function logHead(file: string, format: LogKind, check: string, { verdict, lost }: LogRunResult): string[] {
  const { entries, writes, flushes, fuaWrites, marks } = verdict.log;
  const lines = [
    `log         ${file} (${format}): ${entries} entries, ${writes} writes (${fuaWrites} FUA), ${flushes} flushes, ${marks} marks`,
    `check       ${check}`,
  ];
  if (lost.length > 0) lines.push(`not in it   ${lost.join('; ')}`);
  return [...lines, ...pointsLine(verdict)];
}

function pointsLine({ crashPoints, allPoints }: LogVerdict): string[] {
  return crashPoints === allPoints ? [] : [`points      ${crashPoints} of ${allPoints} crash points`];
}

function jsonOf({ about, verdict }: Outcome): string {
  return JSON.stringify({ ...about, ...verdict }, null, 2);
}

function reportOf({ head, verdict }: Outcome): string {
  return [...head, formatVerdict(verdict, useColor())].join('\n');
}

function useColor(): boolean {
  return process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '';
}

/** Ends when the text has left the process. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
}

function keepRecipes(folder: string, { findings }: VerdictFacts): void {
  mkdirSync(folder, { recursive: true });
  findings.forEach(({ recipe }, index) => {
    writeFileSync(path.join(folder, `finding-${index + 1}.json`), `${JSON.stringify(recipe, null, 2)}\n`);
  });
}
