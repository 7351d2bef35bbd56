// `sectorlab crash`: explores a write log with a command as the check, or a module that exports a workload and its recovery.
//
// Verbs: addCrashCommand. Exit status: 0 every image is good, 1 one is not, 2 usage, bad input, or a check that fails without a crash, 3
// nothing was measured, 130 stopped by ^C (what was measured so far is printed). The report goes to stdout, progress and errors to stderr.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { LogVerdict } from '../explore/log-check.ts';
import { parseRecipe } from '../explore/recipe.ts';
import { formatVerdict } from '../explore/report.ts';
import type { Recipe, VerdictFacts, VerdictKind } from '../explore/types.ts';
import { addCrashOptions, asOption, type CrashFlags, given, refuseForeign, toModel } from './crash/flags.ts';
import { withInterrupt } from './crash/interrupt.ts';
import { InputError, type InputKind, inputKind } from './crash/log-input.ts';
import { type LogRun, type LogRunResult, rerunRecipe, runLog } from './crash/log-run.ts';
import { rerunModule, runFaults, runModule } from './crash/module-run.ts';
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

/** What is printed, and how it ends. */
interface Outcome {
  readonly text: string;
  readonly json: unknown;
  readonly status: number;
}

/** Adds the command to the program. */
export function addCrashCommand(program: Command): void {
  const command = program
    .command('crash')
    .summary('check every image that a crash may leave')
    .description(
      'Builds every image that a crash may leave, and checks each distinct one once.\n\n' +
        "From a write log (of sectorlab, of dm-log-writes, or of QEMU's blklogwrites) with a command: it is run as CMD IMAGE, or with {}\n" +
        'replaced by the path; exit status 0 means good. It finds the marks that were set by then in SECTORLAB_MARKS, one a line, and ' +
        'the step of the log in SECTORLAB_CRASH_POINT.\n\n' +
        'From a module that exports the functions workload and recover, as explore() takes them, and perhaps setup, options, and ' +
        'device: true for a workload on sectors.',
    )
    .argument('[input]', 'a write log, or a module; of a recipe of a log it may be left out')
    .action(async (input: string | undefined, flags: CrashFlags) => {
      await runCrash(input, flags);
    });
  addCrashOptions(command, DEFAULT_TIMEOUT_SECONDS);
}

async function runCrash(input: string | undefined, flags: CrashFlags): Promise<void> {
  const recipe = flags.recipe === undefined ? undefined : readRecipe(flags.recipe);
  const file = input ?? recipe?.options.file;
  if (typeof file !== 'string')
    throw new InputError("a write log or a module is missing: 'sectorlab crash <input>'");
  const kind = inputKind(file);
  refuseForeign(flags, kind === 'module' ? 'module' : 'log');
  const progress = new ProgressLine();
  const onProgress = progress.show.bind(progress);
  const { outcome, isStopped } = await withInterrupt(async (signal) => {
    const control = { signal, onProgress };
    const run =
      recipe !== undefined
        ? followRecipe(file, kind, recipe, flags, control)
        : kind === 'module'
          ? exploreModule(file, flags, control)
          : exploreLog(file, kind, flags, control);
    return { outcome: await run.catch(asOption).finally(() => progress.end()), isStopped: signal.aborted };
  });
  await print(flags.json ? JSON.stringify(outcome.json, null, 2) : outcome.text);
  // a module may have left something open
  process.exit(isStopped ? EXIT_INTERRUPTED : outcome.status);
}

type Control = Pick<Parameters<typeof runLog>[0], 'signal'> &
  Required<Pick<Parameters<typeof runLog>[0], 'onProgress'>>;

/** `head`: lines above the report. `about`: what --json shows beside the verdict's own fields. */
function outcomeOf(verdict: VerdictFacts, head: readonly string[], about: object): Outcome {
  return {
    text: [...head, formatVerdict(verdict, useColor())].join('\n'),
    json: { ...about, ...verdict },
    status: EXIT[verdict.verdict],
  };
}

async function exploreModule(file: string, flags: CrashFlags, control: Control): Promise<Outcome> {
  const head = [`module      ${file}`];
  if (flags.faults) {
    const report = await runFaults(file, flags, control);
    const json = { file, ...report.toJSON() };
    return { text: [...head, report.toString()].join('\n'), json, status: EXIT[report.verdict] };
  }
  const verdict = await runModule(file, flags, control);
  if (flags.keep !== undefined) keepRecipes(flags.keep, verdict);
  return outcomeOf(verdict, head, { file });
}

async function exploreLog(
  file: string,
  kind: LogKind,
  flags: CrashFlags,
  control: Control,
): Promise<Outcome> {
  const run = logRun(file, kind, flags, control);
  const result = await runLog(run);
  const { verdict, lost } = result;
  if (flags.keep !== undefined) keepRecipes(flags.keep, verdict);
  return outcomeOf(verdict, logHead(run, result), { file, format: kind, check: run.check, lost });
}

function logRun(file: string, kind: LogKind, flags: CrashFlags, control: Control): LogRun {
  const { check } = flags;
  if (check === undefined || check.trim() === '')
    throw new InputError(
      `--check is missing: ${file} is a write log, and needs a command that checks an image`,
    );
  const drive = given(flags, ['size', 'drive', 'seed', 'bound']);
  const model = toModel(flags);
  return {
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
    recipe: { file, ...drive, model, ...given(flags, ['base']) },
    ...control,
  };
}

/** Builds one image again. The recipe says with which options; those of the command line go before. */
async function followRecipe(
  file: string,
  kind: InputKind,
  recipe: Recipe,
  flags: CrashFlags,
  control: Control,
): Promise<Outcome> {
  const { image, error } =
    kind === 'module'
      ? await rerunModule(file, flags, recipe)
      : await rerunRecipe(recipeRun(logRun(file, kind, flags, control), recipe), recipe);
  const what = error === undefined ? 'the check passes on it' : `the check fails on it: ${error}`;
  return {
    text: `image ${image.hash} of ${file} at step ${image.point.step}: ${what}`,
    json: { file, image: image.hash, error: error ?? null },
    status: EXIT[error === undefined ? 'survived' : 'violated'],
  };
}

function recipeRun(run: LogRun, { options }: Recipe): LogRun {
  const { base, file: _, ...search } = options as Record<string, unknown> & { base?: string };
  const isModelGiven = Object.keys(run.search.model ?? {}).length > 0;
  const { model, ...rest } = run.search;
  return {
    ...run,
    base: run.base ?? base,
    search: { ...search, ...rest, ...(isModelGiven && model !== undefined ? { model } : {}) },
  };
}

function readRecipe(file: string): Recipe {
  try {
    return parseRecipe(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(`${file}: ${(error as Error).message}`);
  }
}

function logHead({ file, kind, check }: LogRun, { verdict, lost }: LogRunResult): string[] {
  const { entries, writes, flushes, fuaWrites, marks } = verdict.log;
  const lines = [
    `log         ${file} (${kind}): ${entries} entries, ${writes} writes (${fuaWrites} FUA), ${flushes} flushes, ${marks} marks`,
    `check       ${check}`,
  ];
  if (lost.length > 0) lines.push(`not in it   ${lost.join('; ')}`);
  return [...lines, ...pointsLine(verdict)];
}

function pointsLine({ crashPoints, allPoints }: LogVerdict): string[] {
  return crashPoints === allPoints ? [] : [`points      ${crashPoints} of ${allPoints} crash points`];
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
