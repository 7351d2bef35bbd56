// Machines for tests, on both builds of the core: `release` is what is published, `debug` has names and every assertion
// in unoptimised code. A test body runs once for each name of BUILDS.
//
// Verbs: openMachine, poolsInUse, brokenRule. Each build is compiled once in a process.

import { readFile } from 'node:fs/promises';
import {
  CHECK_EXPECTED,
  CHECK_FILE,
  CHECK_FOUND,
  CHECK_INDEX,
  CHECK_SIZE,
  ROOT_USED_BIOS,
  ROOT_USED_BLOCK_REQUESTS,
  ROOT_USED_BLUESTORE_AIOS,
  ROOT_USED_DEVICE_CALLS,
  ROOT_USED_FLASH,
  ROOT_USED_IO_CONTEXTS,
  ROOT_USED_KIOCBS,
  ROOT_USED_OPERATIONS,
  ROOT_USED_REQUESTS,
  ROOT_USED_SHARED_PAGES,
  ROOT_USED_SPANS,
  ROOT_USED_SUBMISSIONS,
  ROOT_USED_USRBIO_JOBS,
  ROOT_USED_USRBIO_PARTS,
  ROOT_USED_VIRTIO,
} from '../../assembly/layout.ts';
import { openNodeImages } from '../../src/backing/node-files.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { Machine } from '../../src/machine.ts';

export type Build = 'release' | 'debug';
export const BUILDS: readonly Build[] = ['release', 'debug'];

const FILES: Readonly<Record<Build, string>> = { release: 'core.wasm', debug: 'core.debug.wasm' };
const compiled = new Map<Build, Promise<WebAssembly.Module>>();

/** The module of a build. */
export function coreModule(build: Build): Promise<WebAssembly.Module> {
  let module = compiled.get(build);
  if (module === undefined) {
    const url = new URL(`../../wasm/${FILES[build]}`, import.meta.url);
    module = readFile(url).then((bytes) => WebAssembly.compile(bytes));
    compiled.set(build, module);
  }
  return module;
}

/** Machine.create on the build named. */
export function openMachine(build: Build, config: MachineConfig = {}): Promise<Machine> {
  return Machine.open({ core: () => coreModule(build), openImages: openNodeImages }, config);
}

/** Nothing happens to the cache but what a test does: exact LRU, no readahead, no limits, no flusher. */
export const EXACT = {
  eviction: 'lru',
  readahead: 0,
  vm: { dirtyBytes: '64GiB', dirtyBackgroundBytes: '32GiB', dirtyWritebackCentisecs: 0 },
} as const satisfies MachineConfig;

const POOLS = {
  operations: ROOT_USED_OPERATIONS,
  bios: ROOT_USED_BIOS,
  spans: ROOT_USED_SPANS,
  requests: ROOT_USED_REQUESTS,
  kiocbs: ROOT_USED_KIOCBS,
  virtioRequests: ROOT_USED_VIRTIO,
  blockRequests: ROOT_USED_BLOCK_REQUESTS,
  submissions: ROOT_USED_SUBMISSIONS,
  flash: ROOT_USED_FLASH,
  bluestoreAios: ROOT_USED_BLUESTORE_AIOS,
  ioContexts: ROOT_USED_IO_CONTEXTS,
  deviceCalls: ROOT_USED_DEVICE_CALLS,
  usrbioJobs: ROOT_USED_USRBIO_JOBS,
  usrbioParts: ROOT_USED_USRBIO_PARTS,
  sharedPages: ROOT_USED_SHARED_PAGES,
} as const;

/** How many records of each pool are in use: all 0 when the machine is idle. */
export function poolsInUse(machine: Machine): Record<keyof typeof POOLS, number> {
  const names = Object.keys(POOLS) as (keyof typeof POOLS)[];
  const entries = names.map((name) => [name, machine.core.root(POOLS[name])] as const);
  return Object.fromEntries(entries) as Record<keyof typeof POOLS, number>;
}

/** What poolsInUse answers when nothing is held. */
export const NO_POOL_IN_USE: Readonly<Record<keyof typeof POOLS, number>> = {
  operations: 0,
  bios: 0,
  spans: 0,
  requests: 0,
  kiocbs: 0,
  virtioRequests: 0,
  blockRequests: 0,
  submissions: 0,
  flash: 0,
  bluestoreAios: 0,
  ioContexts: 0,
  deviceCalls: 0,
  usrbioJobs: 0,
  usrbioParts: 0,
  sharedPages: 0,
};

const CHECK_NAMES = [
  '',
  'a dirty block is uptodate',
  'the counts of a file are those of its pages',
  'the gauges are those of all pages',
  'no dirty block lies behind the end',
  'each mapping has ended',
  'each reserved block is dirty',
  'the size on disk is not larger than i_size',
  'the lists hold what they must',
  'pages are busy exactly while bios move their bytes',
  'nothing is pinned or locked without an operation',
  'extents, slots and free blocks agree',
  'each dirty block has an extent',
] as const;
const checkRoom = new WeakMap<Machine, number>();

/** Which of the rules that always hold does not hold now (machineCheck), in words; '' when all do. */
export function brokenRule(machine: Machine): string {
  const out = checkRoom.get(machine) ?? machine.buffers.allocate(CHECK_SIZE);
  checkRoom.set(machine, out);
  const rule = machine.core.call((exports) => exports.machineCheck(out));
  if (rule === 0) return '';
  const { memory } = machine.core;
  const [index, found, expected] = [CHECK_INDEX, CHECK_FOUND, CHECK_EXPECTED].map((at) =>
    memory.u64(out + at),
  );
  const where = `file ${memory.u32(out + CHECK_FILE)}, ${index}: ${found}, not ${expected}`;
  return `rule ${rule}, ${CHECK_NAMES[rule]}: ${where}`;
}
