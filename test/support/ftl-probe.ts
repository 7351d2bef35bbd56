// Machines whose flash translation layers a test can look into, and a model of such a layer in plain JavaScript.
//
// Verbs: openProbe; FtlModel: write, discard, flush. The model is written from the description of assembly/drive/models/ftl.ts, with
// objects and lists instead of tables: a die is a list of blocks, a block a list of what its units hold.

import { openNodeImages } from '../../src/backing/node-files.ts';
import type { CoreExports } from '../../src/core/exports.ts';
import type { DriveConfig, MachineConfig } from '../../src/core/options.ts';
import { Machine } from '../../src/machine.ts';
import type { Build } from './machine.ts';
import { compileEntries } from './unit-module.ts';

const ENTRIES = ['assembly/index.ts', 'test/support/ftl-probe.entry.ts'];

export interface FtlProbe extends CoreExports {
  probeFlash(drive: number): number;
  probeDies(): number;
  probeUnits(): number;
  probeUnitsAPage(): number;
  probeUnitsABlock(): number;
  probeBlocksADie(): number;
  probeBufferedUnits(): number;
  probeDieOf(unit: number): number;
  probeFind(unit: number): number;
  probeIsBuffered(unit: number): number;
  probeValid(die: number, block: number): number;
  probeState(die: number, block: number): number;
  probeFreeBlocks(die: number): number;
  probeOpenUnit(die: number): number;
}

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** A machine without bytes with one drive of flash of this kind. */
export async function openProbe(
  build: Build,
  drive: DriveConfig,
  config: MachineConfig = {},
): Promise<{ machine: Machine; probe: FtlProbe }> {
  let module = modules.get(build);
  if (module === undefined) {
    module = compileEntries(build, ENTRIES).then((bytes) => WebAssembly.compile(bytes));
    modules.set(build, module);
  }
  const compiled = module;
  const machine = await Machine.open(
    { core: () => compiled, openImages: openNodeImages },
    { drives: [{ size: '64MiB', ...drive }], payload: 'none', cache: 65536, merge: false, ...config },
  );
  return { machine, probe: machine.core.exports as FtlProbe };
}

interface ModelBlock {
  /** Logical units, or null: padding. */
  readonly held: (number | null)[];
  isErased: boolean;
}

interface ModelDie {
  readonly blocks: ModelBlock[];
  /** Numbers of free blocks, the next one first. */
  readonly free: number[];
  open: number;
  /** Logical units of hosts in the open page. */
  hosts: number;
}

export interface ModelShape {
  readonly units: number;
  readonly dies: number;
  readonly unitsAPage: number;
  readonly unitsABlock: number;
  readonly blocksADie: number;
  readonly freeBlocks: number;
}

export class FtlModel {
  readonly shape: ModelShape;
  readonly dies: ModelDie[];
  /** Logical unit → its block and place there. */
  readonly where = new Map<number, { readonly block: number; readonly place: number }>();
  hostPages = 0;
  programmedPages = 0;
  erases = 0;

  /** Full, in order, as a drive with filled = 100 % is. */
  constructor(shape: ModelShape) {
    this.shape = shape;
    this.dies = Array.from({ length: shape.dies }, () => {
      const blocks = Array.from({ length: shape.blocksADie }, () => ({ held: [], isErased: true }));
      const free = Array.from(blocks.keys());
      return { blocks, free, open: free.shift() as number, hosts: 0 };
    });
    for (let unit = 0; unit < shape.units; unit++) this.write(unit);
    for (const die of this.dies) this.#pad(die, true);
    this.hostPages = 0;
    this.programmedPages = 0;
    this.erases = 0;
  }

  dieOf(unit: number): number {
    return Math.floor(unit / this.shape.unitsAPage) % this.shape.dies;
  }

  isValid(die: number, block: number, place: number): boolean {
    const unit = this.dies[die]?.blocks[block]?.held[place];
    if (unit === null || unit === undefined) return false;
    const at = this.where.get(unit);
    return at?.block === block && at.place === place;
  }

  validCount(die: number, block: number): number {
    let count = 0;
    for (let place = 0; place < this.shape.unitsABlock; place++) if (this.isValid(die, block, place)) count++;
    return count;
  }

  #append(die: ModelDie, unit: number): void {
    const block = die.blocks[die.open] as ModelBlock;
    this.where.set(unit, { block: die.open, place: block.held.length });
    block.held.push(unit);
    block.isErased = false;
    if (block.held.length % this.shape.unitsAPage === 0) {
      this.programmedPages += this.shape.unitsAPage;
      die.hosts = 0;
    }
  }

  #room(number: number, isCollecting: boolean): void {
    const die = this.dies[number] as ModelDie;
    while (die.blocks[die.open]?.held.length === this.shape.unitsABlock) {
      die.open = die.free.shift() as number;
      if (isCollecting) continue;
      while (die.free.length < this.shape.freeBlocks) this.#collect(number);
    }
  }

  #collect(number: number): void {
    const die = this.dies[number] as ModelDie;
    const closed = [...die.blocks.keys()].filter((block) => block !== die.open && !die.free.includes(block));
    const counts = closed.map((block) => this.validCount(number, block));
    const victim = closed[counts.indexOf(Math.min(...counts))] as number;
    const block = die.blocks[victim] as ModelBlock;
    const moved = block.held.filter((_, place) => this.isValid(number, victim, place)) as number[];
    for (const unit of moved) {
      this.#room(number, true);
      this.#append(die, unit);
    }
    block.held.length = 0;
    block.isErased = true;
    die.free.push(victim);
    this.erases++;
  }

  write(unit: number): void {
    const number = this.dieOf(unit);
    const die = this.dies[number] as ModelDie;
    this.#room(number, false);
    this.hostPages++;
    die.hosts++;
    this.#append(die, unit);
  }

  discard(unit: number): void {
    this.where.delete(unit);
  }

  #pad(die: ModelDie, isAlways: boolean): void {
    const { held } = die.blocks[die.open] as ModelBlock;
    if (held.length % this.shape.unitsAPage === 0 || (die.hosts === 0 && !isAlways)) return;
    while (held.length % this.shape.unitsAPage !== 0) held.push(null);
    this.programmedPages += this.shape.unitsAPage;
    die.hosts = 0;
  }

  flush(): void {
    for (const die of this.dies) this.#pad(die, false);
  }
}
