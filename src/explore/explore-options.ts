// What explore's options come to: machines for the workload and for images, the crash model, limits.
//
// Verbs: resolveExplore. Throws ConfigError for what can not be.

import type { DriveConfig, MachineConfig, VolumeConfig, VolumeProfile } from '../core/options.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { ConfigError } from '../errors.ts';
import type { FaultRule } from '../faults/rule.ts';
import { parseFaultRule } from '../faults/text.ts';
import { isEarly, type ModelOptions } from './search-options.ts';
import type { ExploreCommon } from './types.ts';

const KINDS: readonly CrashKind[] = ['process', 'os', 'power'];
const MAX_DEPTH = 8;
/** Of a careless workload nearly every image fails in the same way, and there may be 100,000 of them. */
const ALIKE = 4096;

/** A machine is put back for each image, which costs by its memory: room for what files and sectors need, no more. */
export const SMALL = {
  cache: '1MiB',
  buffers: '256KiB',
  sharedMemory: 4096,
  aioMaxNr: 64,
  limits: {
    operations: 256,
    bios: 512,
    spans: 4096,
    virtioRequests: 1,
    bluestoreAios: 0,
    usrbioParts: 1,
    identities: 4096,
    faultLayers: 64,
  },
} as const;
/** Fewer sectors in a write, fewer states. */
const BLOCK_SIZE = 512;
/** Of a larger volume the area that a mount reads is larger, and making it writes more. */
export const DRIVE_SIZE = '16MiB';
export const EXTENTS = 4_096;
export const INODES = 512;

/** What differs between files and sectors. */
export interface VolumeChoice {
  readonly profile: VolumeProfile;
  readonly volume: Pick<VolumeConfig, 'inodes' | 'extents' | 'size'> | undefined;
}

export interface Resolved {
  readonly kinds: readonly CrashKind[];
  /** Of machines on images: nothing fails there but by what the image holds. */
  readonly config: MachineConfig;
  /** Of the machine that the workload runs on. */
  readonly workloadConfig: MachineConfig;
  readonly model: ModelOptions;
  readonly seed: number;
  readonly images: number;
  readonly findings: number;
  /** Images judged without a new failure, once there is one. */
  readonly alike: number;
  readonly depth: number;
  readonly timeoutMs: number;
}

function whole(
  field: string,
  value: number | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  const number = value ?? fallback;
  if (number !== Number.POSITIVE_INFINITY && (!Number.isInteger(number) || number < least || number > most))
    throw new ConfigError(field, value, `a whole number from ${least} to ${most}`);
  return number;
}

function kindsOf({ crash = 'power' }: ExploreCommon, choice: VolumeChoice | undefined): CrashKind[] {
  const kinds = [...new Set(typeof crash === 'string' ? [crash] : crash)];
  const unknown = kinds.find((kind) => !KINDS.includes(kind));
  if (kinds.length === 0 || unknown !== undefined)
    throw new ConfigError('crash', unknown ?? '[]', `one or more of ${KINDS.join(', ')}`);
  if (choice?.profile === 'journal' && kinds.includes('process'))
    throw new ConfigError(
      'crash',
      'process',
      "left out with profile 'journal', whose log does not hold what is in the page cache",
    );
  return kinds;
}

function volumeOf({ profile, volume }: VolumeChoice): VolumeConfig {
  return { inodes: INODES, extents: EXTENTS, ...volume, profile };
}

/** The page cache of a profile is explored as part of the drive's: its flushes must be in the log. */
function driveOf(drive: DriveConfig, choice: VolumeChoice | undefined): DriveConfig {
  if (!isEarly(choice?.profile)) return drive;
  const { volatileWrites, powerLossProtection: _, ...rest } = drive;
  return volatileWrites === 0 || volatileWrites === undefined ? rest : { ...rest, volatileWrites };
}

/** A drive that lies goes on lying after a crash; its other faults were those of the run. */
function isLie(rule: FaultRule | string): boolean {
  const { effect } = typeof rule === 'string' ? parseFaultRule(rule) : rule;
  return effect === 'ignoredFlush' || effect === 'ignoredFua';
}

function checkSeconds(seconds: number | undefined): void {
  if (seconds !== undefined && !(seconds > 0))
    throw new ConfigError('budget.seconds', seconds, 'a number above 0');
}

/** Options of explore (with `choice`) or exploreDevice. */
export function resolveExplore(options: ExploreCommon, choice: VolumeChoice | undefined): Resolved {
  const { machine, bound, tearing, unit, model, budget, seed = 1 } = options;
  checkSeconds(budget?.seconds);
  const drive: DriveConfig = { size: DRIVE_SIZE, ...options.drive };
  const workloadConfig: MachineConfig = {
    ...SMALL,
    blockSize: BLOCK_SIZE,
    ...machine,
    limits: { ...SMALL.limits, ...machine?.limits },
    drives: [driveOf(drive, choice)],
    ...(choice === undefined ? {} : { volume: volumeOf(choice) }),
    seed,
  };
  const { faults = [], ...sound } = driveOf(drive, choice);
  return {
    kinds: kindsOf(options, choice),
    config: { ...workloadConfig, drives: [{ ...sound, faults: faults.filter(isLie) }] },
    workloadConfig,
    model: {
      drive,
      profile: choice?.profile,
      seed,
      ...(bound === undefined ? {} : { bound }),
      ...(tearing === undefined ? {} : { tearing }),
      ...(unit === undefined ? {} : { unit }),
      ...(model === undefined ? {} : { model }),
      ...(budget === undefined ? {} : { budget }),
    },
    seed,
    images: whole('budget.images', budget?.images, Number.POSITIVE_INFINITY, 1, Number.MAX_SAFE_INTEGER),
    alike: whole('budget.alike', budget?.alike, ALIKE, 1, Number.MAX_SAFE_INTEGER),
    findings: whole('maxFindings', options.maxFindings, 8, 1, 1000),
    depth: whole('recoveryDepth', options.recoveryDepth, 0, 0, MAX_DEPTH),
    timeoutMs: whole('recoverTimeoutMs', options.recoverTimeoutMs, 10_000, 1, 2 ** 31 - 1),
  };
}
