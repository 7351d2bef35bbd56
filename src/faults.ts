// The faults of a machine's drives: rules, the damage that they have left, and requests that are late or stuck.
//
// Verbs: add, remove, enable, disable, list; layers, removeLayer, heal; late, cancel. Everything is kept in the core: the rules go with
// a snapshot, and with a disk after a crash.

import {
  FAULT_LAYER_BITS,
  FAULT_LAYER_DRIVE,
  FAULT_LAYER_HIDDEN_BY,
  FAULT_LAYER_KIND,
  FAULT_LAYER_NUMBER,
  FAULT_LAYER_PER_MILLION,
  FAULT_LAYER_RULE,
  FAULT_LAYER_SECTOR,
  FAULT_LAYER_SECTORS,
  FAULT_RULE_HITS,
  FAULT_RULE_MATCHES,
  FAULT_RULE_MISSED,
  FAULT_RULE_NUMBER,
  FAULT_RULE_SIZE,
  ROOT_BAD_FIELD,
} from '../assembly/layout.ts';
import { SECTOR_SIZE } from '../assembly/limits.ts';
import { ConfigError, check, StorageError } from './errors.ts';
import { type FaultRule, isVolumePath, type ResolvedFaultRule, resolveFaultRule } from './faults/rule.ts';
import { describeBadRule, type FaultRange, readRule, writeRule } from './faults/struct.ts';
import { formatFaultRule, parseFaultRule } from './faults/text.ts';
import type { FileSystem } from './fs/file-system.ts';
import type { Machine } from './machine.ts';

const EINVAL = -22;
const ENODEV = -19;
const ENOSPC = -28;
const EOPNOTSUPP = -95;
const ENOENT = -2;

/** A rule that is in force, or was. */
export interface FaultStatus {
  readonly number: number;
  readonly rule: ResolvedFaultRule;
  /** The rule as text. */
  readonly text: string;
  /** Requests that it looked at and that matched; flaws that are there from the start match none. */
  readonly matches: number;
  /** Requests that it has done something to. */
  readonly hits: number;
  /** Requests that it would have hit if there had been room for a layer, or a place to lead them to. */
  readonly missed: number;
}

/** Damage: sectors that give back something else than they should. */
export interface FaultLayer {
  readonly number: number;
  /** `latent`: a read fails. `rot`: it has wrong bits. `replaced`: the media hold something else than what was written. */
  readonly kind: 'latent' | 'rot' | 'replaced';
  readonly drive: number;
  /** Number of the rule that made it. */
  readonly rule: number;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  /** rot: wrong bits in each sector; else 0. */
  readonly bits: number;
  /** latent, rot: the chance of each sector. */
  readonly perMillion: number;
  /** A write has overwritten it that a power cut may still lose. */
  readonly isHidden: boolean;
}

const LAYER_KINDS = ['latent', 'latent', 'rot', 'replaced'] as const;

function resolve(rule: FaultRule | string, at: string): ResolvedFaultRule {
  return typeof rule === 'string' ? parseFaultRule(rule, at) : resolveFaultRule(rule, at);
}

/** What Faults asks of its machine. */
export interface FaultTarget {
  /** Bytes of a drive; undefined for a number that is none. */
  driveBytes(drive: number): number | undefined;
  /** Where a flat file lies; undefined for a name that is none. */
  fileRange(name: string): FaultRange | undefined;
  /** The mounted volume and its drive; undefined without one. */
  volume(): { readonly fs: FileSystem; readonly drive: number } | undefined;
}

/** The faults of a machine: `machine.faults`. */
export class Faults {
  readonly #machine: Machine;
  readonly #target: FaultTarget;

  constructor(machine: Machine, target: FaultTarget) {
    this.#machine = machine;
    this.#target = target;
  }

  /**
   * Adds a rule, as object or text. Its number, 1 and up; of several rules for a request the one in the first place decides. `at`: what to call it in
   * an error. Throws ConfigError naming field, value and limit: also for an effect that needs bytes with `payload: 'none'`, and when
   * `limits.faultRules` rules, or `limits.faultLayers` layers, are there.
   *
   * @example
   * const machine = await Machine.create();
   * const file = machine.openFile('drive0', { direct: true });
   * machine.faults.add('eio on=write range=4KiB+512 nth=2');
   * for (let time = 1; time <= 3; time++) {
   *   try {
   *     console.log(file.write(new Uint8Array(512), 4096)); // 512, then 512
   *   } catch (error) {
   *     console.log(error.code); // EIO
   *   }
   * }
   *
   * @example
   * const machine = await Machine.create({ volume: true });
   * machine.fs.writeFile('/wal', 'one');
   * machine.faults.add('eio on=write file=/wal');
   * machine.fs.writeFile('/table', 'two', { flush: true });
   * try {
   *   machine.fs.writeFile('/wal', 'three', { flush: true });
   * } catch (error) {
   *   console.log(error.code); // EIO
   * }
   */
  add(rule: FaultRule | string, at = 'fault'): number {
    return this.#add(resolve(rule, at), at);
  }

  /** As add, for a rule in a drive's own options: `drive` unless it says so itself. */
  addTo(drive: number, rule: FaultRule | string, at: string): number {
    const resolved = resolve(rule, at);
    if (resolved.drive !== 0 && resolved.drive !== drive)
      throw new ConfigError(`${at}.drive`, resolved.drive, `left out, or ${drive}`);
    return this.#add({ ...resolved, drive }, at);
  }

  #add(given: ResolvedFaultRule, at: string): number {
    const resolved = isVolumePath(given.file) ? this.#withInode(given, given.file, at) : given;
    const range = this.#rangeOf(resolved, at);
    const { core, buffers } = this.#machine;
    const result = buffers.borrow(FAULT_RULE_SIZE, (address) => {
      writeRule(core.memory, address, resolved, range);
      return core.call((exports) => exports.faultAdd(address));
    });
    if (result === EINVAL) throw describeBadRule(core.root(ROOT_BAD_FIELD), resolved, at);
    if (result === EOPNOTSUPP)
      throw new ConfigError('payload', 'none', `'full': ${resolved.effect} needs bytes`);
    if (result === ENOSPC)
      throw new ConfigError(at, resolved.effect, 'within limits.faultRules and limits.faultLayers');
    return check('fault', result);
  }

  /** The rule for a file of the volume, as one for its inode. */
  #withInode(rule: ResolvedFaultRule, path: string, at: string): ResolvedFaultRule {
    const volume = this.#target.volume();
    const field = `${at}.file`;
    if (volume === undefined)
      throw new ConfigError(field, path, 'a file of a mounted volume: add the rule when there is one');
    try {
      const { inode, isDirectory } = volume.fs.stat(path);
      if (isDirectory)
        throw new ConfigError(field, path, "a file: directories are metadata (domain: 'metadata')");
      return { ...rule, file: undefined, domain: inode, drive: volume.drive };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new ConfigError(field, path, `the path of a file of the volume (${error.code})`);
    }
  }

  #rangeOf(rule: ResolvedFaultRule, at: string): FaultRange {
    if (rule.file === undefined) {
      if (this.#target.driveBytes(rule.drive) === undefined)
        throw new ConfigError(`${at}.drive`, rule.drive, 'the number of a drive');
      return { drive: rule.drive, offset: rule.offset, length: rule.length };
    }
    const file = this.#target.fileRange(rule.file);
    if (file?.length === undefined) throw new ConfigError(`${at}.file`, rule.file, 'the name of a flat file');
    const length = rule.length ?? file.length - rule.offset;
    if (length <= 0 || rule.offset + length > file.length)
      throw new ConfigError(`${at}.length`, length, `within the ${file.length} bytes of the file`);
    return { drive: file.drive, offset: file.offset + rule.offset, length };
  }

  /** Takes a rule away. What it has damaged stays damaged. Throws StorageError ENOENT. */
  remove(number: number): void {
    check(
      'fault',
      this.#machine.core.call((exports) => exports.faultRemove(number)),
    );
  }

  /** Lets a rule look again, where it stopped counting; a drive that it made read-only, or gone, is as before. Throws StorageError ENOENT. */
  enable(number: number): void {
    this.#switch(number, 1);
  }

  /** The rule looks at nothing. Throws StorageError ENOENT. */
  disable(number: number): void {
    this.#switch(number, 0);
  }

  #switch(number: number, isOn: number): void {
    check(
      'fault',
      this.#machine.core.call((exports) => exports.faultEnable(number, isOn)),
    );
  }

  /** Every rule with what it has done, in the order of their places. A rule for a flat file tells its range on the drive, one for a file of the volume its inode as `domain`. */
  list(): FaultStatus[] {
    const { memory } = this.#machine.core;
    return this.#addresses((index) => this.#machine.core.call((exports) => exports.faultRuleAt(index)))
      .filter((address) => memory.u32(address + FAULT_RULE_NUMBER) !== 0)
      .map((address) => {
        const rule = readRule(memory, address, (drive) => this.#target.driveBytes(drive) ?? 0);
        return {
          number: memory.u32(address + FAULT_RULE_NUMBER),
          rule,
          text: formatFaultRule(rule),
          matches: memory.u64(address + FAULT_RULE_MATCHES),
          hits: memory.u64(address + FAULT_RULE_HITS),
          missed: memory.u64(address + FAULT_RULE_MISSED),
        };
      });
  }

  #addresses(at: (index: number) => number): number[] {
    const found: number[] = [];
    for (let address = at(0) >>> 0; address !== 0; address = at(found.length) >>> 0) found.push(address);
    return found;
  }

  /** The damage that there is. */
  layers(): FaultLayer[] {
    const { memory } = this.#machine.core;
    return this.#addresses((index) => this.#machine.core.call((exports) => exports.faultLayerAt(index)))
      .filter((address) => memory.u32(address + FAULT_LAYER_NUMBER) !== 0)
      .map((address) => ({
        number: memory.u32(address + FAULT_LAYER_NUMBER),
        kind: LAYER_KINDS[memory.u32(address + FAULT_LAYER_KIND)] ?? 'latent',
        drive: memory.u32(address + FAULT_LAYER_DRIVE),
        rule: memory.u32(address + FAULT_LAYER_RULE),
        offset: memory.u64(address + FAULT_LAYER_SECTOR) * SECTOR_SIZE,
        length: memory.u64(address + FAULT_LAYER_SECTORS) * SECTOR_SIZE,
        bits: memory.u32(address + FAULT_LAYER_BITS),
        perMillion: memory.u32(address + FAULT_LAYER_PER_MILLION),
        isHidden: memory.u32(address + FAULT_LAYER_HIDDEN_BY) !== 0,
      }));
  }

  /** Damage is gone: what should be there is there again. Pages in the cache stay as they are. Throws StorageError: ENOENT, or the image's. */
  removeLayer(number: number): void {
    check(
      'heal',
      this.#machine.core.call((exports) => exports.faultLayerRemove(number, 1)),
    );
  }

  /** All damage is gone; how many layers that were. */
  heal(drive?: number): number {
    const layers = this.layers().filter((layer) => drive === undefined || layer.drive === drive);
    for (const { number } of layers) this.removeLayer(number);
    return layers.length;
  }

  /** Identities (as records have them) of a drive's requests that a fault delays or keeps for ever, oldest first. Throws StorageError ENODEV. */
  late(drive = 0): number[] {
    const ids: number[] = [];
    const { core } = this.#machine;
    while (true) {
      const id = core.call((exports) => exports.driveLateRequest(drive, ids.length));
      if (id === ENODEV) throw new StorageError('late', ENODEV);
      if (id === 0) return ids.reverse();
      ids.push(id);
    }
  }

  /** Ends a late or stuck request with ECANCELED, when events run. False when none of this identity is late. */
  cancel(id: number, drive = 0): boolean {
    const result = this.#machine.core.call((exports) => exports.driveCancelRequest(drive, id));
    if (result === ENOENT) return false;
    check('cancel', result);
    return true;
  }
}
