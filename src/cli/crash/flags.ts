// The options of `sectorlab crash`, and what they come to.
//
// Verbs: addCrashOptions, given, toModel, refuseForeign, asOption.

import { type Command, Option } from 'commander';
import type { VolumeProfile } from '../../core/options.ts';
import { CRASH_CHOICES, type CrashModel } from '../../crash/options.ts';
import type { CrashKind } from '../../crash-kinds.ts';
import { ConfigError } from '../../errors.ts';
import { LOG_MOMENTS, type LogMoment } from '../../explore/log-check.ts';
import { again, decimal, size, wholeNumber } from '../arguments.ts';

const PROFILES = ['strict', 'ordered', 'alice', 'journal'] as const satisfies readonly VolumeProfile[];
const KINDS = ['power', 'os', 'process'] as const satisfies readonly CrashKind[];
const MAX_SECONDS = 1e6;
const MAX_U32 = 2 ** 32 - 1;

export interface CrashFlags {
  readonly tearing?: NonNullable<CrashModel['tearing']>;
  readonly unit?: number;
  readonly order?: NonNullable<CrashModel['order']>;
  readonly damage?: NonNullable<CrashModel['damage']>;
  readonly scope?: NonNullable<CrashModel['scope']>;
  readonly device?: NonNullable<CrashModel['device']>;
  readonly discard?: NonNullable<CrashModel['discard']>;
  readonly promise: readonly string[];
  readonly size?: number;
  readonly bound?: number;
  readonly sample?: number;
  readonly images?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly maxFindings?: number;
  readonly timeout?: number;
  readonly keep?: string;
  readonly recipe?: string;
  readonly json: boolean;
  // of a write log
  readonly check?: string;
  readonly base?: string;
  readonly drive?: number;
  readonly at?: LogMoment;
  readonly startMark?: string;
  readonly endMark?: string;
  readonly jobs?: number;
  // of a module
  readonly export?: string;
  readonly profile?: VolumeProfile;
  readonly crash?: readonly CrashKind[];
  readonly recoveryDepth?: number;
  /** False: the removal of flushes is not tested. */
  readonly flushes: boolean;
  /** Under every fault, instead of crashes. */
  readonly faults: boolean;
}

const LOG_ONLY = ['check', 'base', 'drive', 'at', 'startMark', 'endMark', 'jobs'] as const;
const MODULE_ONLY = ['export', 'profile', 'crash', 'recoveryDepth'] as const;

/** An option that has a fixed set of values. */
function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices([...values]);
}

function addModelOptions(command: Command): void {
  command
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

function addLogOptions(command: Command): void {
  command
    .option('--check <command>', 'log: the check, a command of the shell')
    .option('--base <image>', 'log: what the drive held before the log began (default: zeros)')
    .option('--drive <n>', 'log: which of its drives (default: 0)', wholeNumber(0, 4095))
    .addOption(
      choice(
        '--at <moment>',
        'log: crash at all steps (the default), or only where a flush or a FUA write became durable, or at marks',
        LOG_MOMENTS,
      ),
    )
    .option('--start-mark <text>', 'log: crash only from this mark on')
    .option('--end-mark <text>', 'log: crash only up to this mark')
    .option('--jobs <n>', 'log: checks at one time (default: one a processor)', wholeNumber(1, 1024));
}

function addModuleOptions(command: Command): void {
  command
    .option(
      '--export <name>',
      'module: the export that holds workload and recover (default: the module itself)',
    )
    .addOption(
      choice(
        '--profile <name>',
        'module: what of names and sizes a crash may take (default: strict)',
        PROFILES,
      ),
    )
    .addOption(choice('--crash <kind...>', 'module: kinds of crash (default: power)', KINDS))
    .option(
      '--recovery-depth <n>',
      'module: crashes during recovery, so deep (default: 0)',
      wholeNumber(0, 8),
    )
    .option('--faults', 'module: run it under every fault of the catalogue, instead of crashing it', false)
    .option('--no-flushes', 'module: do not test which fsyncs the check notices the removal of');
}

function addLimitOptions(command: Command, timeoutSeconds: number): void {
  command
    .option('--size <size>', 'bytes of the drive (default: what the log needs; for a module 64MiB)', size)
    .option(
      '--bound <n>',
      'states of a crash point up to which all are built (default: 65536)',
      wholeNumber(0, 2 ** 53),
    )
    .option(
      '--sample <n>',
      'states of a sample at a crash point that has more (default: 4096)',
      wholeNumber(1, MAX_U32),
    )
    .option('--images <n>', 'stop after so many distinct images', wholeNumber(1, 2 ** 24))
    .option('--seconds <n>', 'stop after so many seconds', decimal(MAX_SECONDS))
    .option('--seed <n>', 'seed of samples and of garbage (default: 1)', wholeNumber(0, MAX_U32))
    .option('--max-findings <n>', 'stop after so many different failures (default: 8)', wholeNumber(1, 1000))
    .option(
      '--timeout <seconds>',
      `time that one check may take (default: ${timeoutSeconds}; for a module 10)`,
      decimal(MAX_SECONDS),
    );
}

export function addCrashOptions(command: Command, timeoutSeconds: number): void {
  addLogOptions(command);
  addModuleOptions(command);
  addModelOptions(command);
  addLimitOptions(command, timeoutSeconds);
  command
    .option('--keep <folder>', 'keep the recipe of each finding there, and of a log the failing images')
    .option('--recipe <file>', 'build the image of one finding again, and run the check on it alone')
    .option('--json', 'print the verdict as JSON', false);
}

/** Those of the flags that were given. */
export function given<Name extends keyof CrashFlags>(
  flags: CrashFlags,
  names: readonly Name[],
): { [Key in Name]?: NonNullable<CrashFlags[Key]> } {
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ) as { [Key in Name]?: NonNullable<CrashFlags[Key]> };
}

export function toModel(flags: CrashFlags): CrashModel {
  return {
    ...given(flags, ['tearing', 'unit', 'order', 'damage', 'scope', 'device', 'discard']),
    ...(flags.promise.length === 0 ? {} : { promises: flags.promise as NonNullable<CrashModel['promises']> }),
  };
}

function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Throws ConfigError for an option that says nothing about what is explored. */
export function refuseForeign(flags: CrashFlags, kind: 'log' | 'module'): void {
  const foreign = Object.entries(given(flags, kind === 'log' ? MODULE_ONLY : LOG_ONLY));
  for (const [name, value] of foreign)
    throw new ConfigError(kebab(name), value, `left out: it is not for a ${kind}`);
  if (kind === 'log' && flags.faults)
    throw new ConfigError('--faults', true, 'left out: it is not for a log');
}

/** Fields of the config that another option sets than the one of their name. */
const OPTIONS: Readonly<Record<string, string>> = {
  promises: 'promise',
  budget: 'sample',
  recoverTimeoutMs: 'timeout',
};

/** Names the option in place of the field of the config that was refused: `--start-mark` of `startMark`, `--unit` of `model.unit`. */
export function asOption(error: unknown): never {
  if (!(error instanceof ConfigError) || error.field.startsWith('recipe')) throw error;
  const name = error.field.replace(/^.*\./, '').replace(/\[\d+\]$/, '');
  throw new ConfigError(kebab(OPTIONS[name] ?? name), error.value, error.limit);
}
