// Compiles test/support/unit-module.entry.ts, in which inner parts of the core stand alone, and instantiates it.
//
// Verbs: openUnit, compileEntries. As asconfig.json has it, one variant is optimised and one is not. A compiled module is kept in
// node_modules/.cache under the hash of everything that it is made of, so it is never of an older source.
// An instance has its own memory: nothing is left of one test in the next.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import type { Build } from './machine.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const ENTRY = 'test/support/unit-module.entry.ts';
const CACHE = join(root, 'node_modules/.cache/sectorlab-unit');

const OPTIONS = [
  ...['--lib', './node_modules/@assemblyscript/wasi-shim/assembly'],
  ...['--use', 'ASC_WASI=1', '--use', 'abort=assembly/base/abort/trap'],
  ...['--runtime', 'stub', '--exportStart', '_initialize', '--enable', 'simd', '--initialMemory', '16'],
];
const VARIANTS: Readonly<Record<Build, readonly string[]>> = {
  release: ['--optimizeLevel', '3', '--shrinkLevel', '0'],
  debug: ['--debug'],
};

/** Addresses and u32 are numbers (negative above 2^31), a u64 is a bigint. Each stands in assembly/ or in the entry. */
export interface UnitExports {
  readonly memory: WebAssembly.Memory;
  readonly LOG_KIND: WebAssembly.Global;
  _initialize(): void;
  unitSetup(events: number, records: number, spans: number, pages: number): void;
  unitScratch(): number;
  unitPool(): number;
  unitPoolUsed(): number;
  unitSpansUsed(): number;
  unitLog(): number;
  unitLogCount(): number;
  unitLink(span: number, next: number): void;
  unitKey(file: number, index: bigint): bigint;
  unitNamePage(page: number, file: number, index: bigint): void;
  unitPageKey(page: number): bigint;
  unitInode(): number;
  unitFillPage(page: number): void;
  unitList(isWriteList: number, out: number): number;
  unitDirtyCount(): number;
  advanceTo(time: bigint): void;
  eventAt(time: bigint, kind: number, owner: number): void;
  eventCount(): number;
  eventNextTime(): bigint;
  eventPop(out: number): void;
  now(): bigint;
  needsEvent(event: number, current: number, old: number): number;
  complete(kind: number, owner: number, result: number): void;
  dispatchOne(): number;
  dispatchPending(): number;
  bucketOf(value: bigint): number;
  histogramAdd(histogram: number, value: bigint): void;
  histogramAddAll(histogram: number, from: number): void;
  histogramClear(histogram: number): void;
  poolGive(pool: number, record: number): void;
  poolHolds(pool: number, address: number): number;
  poolInit(pool: number): void;
  poolTake(pool: number): number;
  spanAdvance(cursor: number, bytes: number): void;
  spanCopyIn(cursor: number, source: number, bytes: number): void;
  spanCopyOut(cursor: number, destination: number, bytes: number): void;
  spanGiveChain(head: number): void;
  spanPieces(span: number, offset: number, bytes: number): number;
  spanTake(address: number, length: number): number;
  spanZero(cursor: number, bytes: number): void;
  spansToIovecs(span: number, offset: number, bytes: number, out: number): number;
  park(queue: number, waiter: number): void;
  wakeAll(queue: number): void;
  wakeOne(queue: number): number;
  clearDirty(inode: number, page: number, blocks: number): void;
  listRemove(inode: number, page: number): void;
  markDirty(inode: number, page: number, blocks: number): void;
  pickDirty(inode: number, first: bigint, last: bigint): void;
  sortDirty(inode: number): void;
  flusherWake(): void;
  unitFailPage(index: bigint): void;
  unitWritebackErrors(): number;
  positionRatio(setpoint: bigint, dirty: bigint, limit: bigint): bigint;
  pageGiveFree(page: number): void;
  pageTakeFree(): number;
  indexFind(key: bigint): number;
  indexInsert(page: number): void;
  indexRemove(page: number): void;
  multireqAdd(request: number, sector: bigint, bytes: number, pieces: number, isWrite: number): void;
  multireqConfigure(maxTransfer: number, maxPieces: number, isMerging: number): void;
  multireqCount(): number;
  multireqIsFull(isWrite: number): number;
  multireqIsWrite(): number;
  multireqPlan(device: number): number;
  multireqRequest(entry: number): number;
  multireqRunFirst(run: number): number;
  multireqRunLength(run: number): number;
  batchAnswer(batch: number, answer: number): number;
  batchBegin(
    batch: number,
    rule: number,
    maxIodepth: number,
    count: number,
    retries: number,
    delayNs: bigint,
  ): void;
  batchOffer(batch: number): number;
  unitBatch(batch: number, out: number): void;
}

/** Room for `events`, `records` of the pool (16 bytes each), `spans` and `pages`. */
export interface UnitRoom {
  readonly events?: number;
  readonly records?: number;
  readonly spans?: number;
  readonly pages?: number;
}

/** One instance. */
export class Unit {
  readonly exports: UnitExports;
  /** 256 KiB of memory for the test's own use. */
  readonly scratch: number;

  constructor(exports: UnitExports, room: UnitRoom) {
    this.exports = exports;
    exports._initialize();
    exports.unitSetup(room.events ?? 16, room.records ?? 16, room.spans ?? 64, room.pages ?? 16);
    this.scratch = exports.unitScratch();
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.exports.memory.buffer);
  }
}

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** A fresh instance of the entry, compiled if it has changed. Throws what the compiler says. */
export async function openUnit(build: Build, room: UnitRoom = {}): Promise<Unit> {
  let module = modules.get(build);
  if (module === undefined) {
    module = compileEntries(build, [ENTRY]).then((bytes) => WebAssembly.compile(bytes));
    modules.set(build, module);
  }
  // the parts below the cache could call these; nothing that a test does here reaches a drive
  const wasi = Object.fromEntries(
    WebAssembly.Module.imports(await module).map(({ name }) => [name, () => unreachable(name)]),
  );
  const instance = await WebAssembly.instantiate(await module, { wasi_snapshot_preview1: wasi });
  return new Unit(instance.exports as unknown as UnitExports, room);
}

function unreachable(name: string): never {
  throw new Error(`${name} was called`);
}

/** The module of some entries, compiled if anything in it has changed. Throws what the compiler says. */
export async function compileEntries(
  build: Build,
  entries: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const options = [...OPTIONS, ...VARIANTS[build]];
  const file = join(CACHE, `${build}-${sourceHash(options, entries)}.wasm`);
  if (!existsSync(file)) {
    mkdirSync(CACHE, { recursive: true });
    // under its name only when it is whole: another process may be reading
    const part = `${file}.${process.pid}`;
    const stderr = asc.createMemoryStream();
    const output = ['--config', 'none', '--baseDir', root, '--outFile', relative(root, part)];
    const { error } = await asc.main([...entries, ...options, ...output], { stderr });
    if (error !== null) throw new Error(`${entries} does not compile:\n${stderr}`);
    renameSync(part, file);
  }
  return new Uint8Array(readFileSync(file));
}

function sourceHash(options: readonly string[], entries: readonly string[]): string {
  const hash = createHash('sha256').update(options.join(' '));
  const names = readdirSync(join(root, 'assembly'), { recursive: true, encoding: 'utf8' });
  const sources = names.filter((name) => name.endsWith('.ts')).map((name) => `assembly/${name}`);
  const compiler = 'node_modules/assemblyscript/package.json';
  for (const path of [...entries, compiler, ...sources.sort()])
    hash.update(`\n${path}\n`).update(readFileSync(join(root, path)));
  return hash.digest('hex').slice(0, 24);
}
