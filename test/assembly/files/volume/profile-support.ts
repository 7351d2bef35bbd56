// What tests of profiles share: a run of calls on a volume with records, every image that a crash may leave of it, and what is found there.
//
// Verbs: openProfile, recordRun, exploreRun, eachImage, treesOf, treeOn, treeOf.

import * as assert from 'uvu/assert';
import type { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import type { MachineConfig, VolumeProfile } from '../../../../src/core/options.ts';
import type { DrivePromise } from '../../../../src/core/promises.ts';
import type { CrashExplorer } from '../../../../src/crash/explorer.ts';
import type { FileSystem } from '../../../../src/fs/file-system.ts';
import type { Machine } from '../../../../src/machine.ts';
import type { WriteLog } from '../../../../src/write-log/entries.ts';
import { openExplorer } from '../../../support/explorer.ts';
import { type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../../support/machine.ts';

export type RecordProfile = Exclude<VolumeProfile, 'journal'>;
export const RECORD_PROFILES: readonly RecordProfile[] = ['ordered', 'strict', 'alice'];

const SIZE = 1048576;
/** Little memory, as thousands of machines are opened. */
const SMALL = {
  cache: '128KiB',
  buffers: 65536,
  sharedMemory: 65536,
  aioMaxNr: 64,
  limits: { operations: 64, bios: 64, spans: 2048, virtioRequests: 16, bluestoreAios: 16, usrbioParts: 16 },
} as const satisfies MachineConfig;

export interface Options {
  readonly profile: RecordProfile;
  readonly promises?: readonly DrivePromise[];
  readonly blockSize?: number;
  readonly size?: number;
  readonly inodes?: number;
}

/** A machine with a volume of this profile, on `memory` or a blank drive. */
export function openProfile(
  build: Build,
  options: Options,
  memory?: SparseMemory,
  config: MachineConfig = {},
): Promise<Machine> {
  const { profile, promises = [], blockSize = 4096, size = SIZE, inodes = 32 } = options;
  const drive = { promises, ...(memory === undefined ? { size } : { memory }) };
  return openMachine(build, {
    ...SMALL,
    blockSize,
    drives: [drive],
    volume: { profile, inodes },
    ...config,
  });
}

export interface Run {
  readonly options: Options;
  readonly base: SparseMemory;
  readonly log: WriteLog;
}

/** Plays calls on a volume that `setup` has made, with a log of what they write. */
export async function recordRun(
  build: Build,
  options: Options,
  calls: (fs: FileSystem, machine: Machine) => void,
  setup: (fs: FileSystem) => void = () => {},
): Promise<Run> {
  const before = await openProfile(build, options);
  setup(before.fs);
  before.fs.unmount();
  const base = before.memory().fork();
  before.close();
  const machine = await openProfile(build, options, base.fork(), { writeLog: true });
  calls(machine.fs, machine);
  assert.equal(machine.fs.check(), []);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  const log = machine.writeLog.snapshot();
  machine.close();
  return { options, base, log };
}

/** The explorer of a run: whole writes unless told otherwise. */
export function exploreRun(build: Build, run: Run, model: object = {}): Promise<CrashExplorer> {
  const { profile, promises = [] } = run.options;
  return openExplorer(build, {
    log: run.log,
    base: run.base,
    model: {
      tearing: 'none',
      flushScope: profile === 'ordered' ? 'all' : 'domain',
      promises,
      ...model,
    },
    limits: { payload: '4MiB' },
  });
}

/** Content in short: runs of a character with their length, NUL as a dot. */
export function brief(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).replaceAll('\0', '.');
  return text.replace(/(.)\1*/gs, (run) => `${run[0]}${run.length}`);
}

/** Everything in a directory and below, an entry for each path: directories end with a slash, files have their content. */
export function treeOf(fs: FileSystem): string {
  return listTree(fs, '').sort().join(' ');
}

function listTree(fs: FileSystem, directory: string): string[] {
  return fs.entries(directory === '' ? '/' : directory).flatMap(({ name, type }) => {
    const path = `${directory}/${name}`;
    if (type === 'directory') return [`${path}/`, ...listTree(fs, path)];
    return [`${path}=${brief(fs.readFile(path))}`];
  });
}

/** What is found on an image: its tree. The volume is sound, and nothing is held. */
export async function treeOn(build: Build, options: Options, memory: SparseMemory): Promise<string> {
  const machine = await openProfile(build, options, memory);
  const tree = treeOf(machine.fs);
  assert.equal(machine.fs.check(), [], tree);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  machine.close();
  return tree;
}

/** Calls `look` with each distinct image that a crash may leave, at all crash points or the last. */
export async function eachImage(
  build: Build,
  run: Run,
  where: { readonly isLast?: boolean; readonly model?: object },
  look: (memory: SparseMemory) => Promise<void>,
): Promise<void> {
  const explorer = await exploreRun(build, run, where.model);
  const last = { points: [explorer.points().length - 1] };
  for (const image of explorer.images({ ...(where.isLast === true ? last : {}), newOnly: true }))
    await look(image.memory);
  assert.ok(explorer.exhaustive);
  explorer.close();
}

/** The distinct trees that a crash at the end of a run may leave, sorted. */
export async function treesOf(build: Build, run: Run): Promise<string[]> {
  const found = new Set<string>();
  await eachImage(build, run, { isLast: true }, async (memory) => {
    found.add(await treeOn(build, run.options, memory));
  });
  return [...found].sort();
}
