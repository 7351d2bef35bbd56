// A machine with one flat file whose mappings a test writes down: extents, errors by the number of the call, short mappings.
//
// Verbs: Probe.open, script, fail, calls, page. The drive's image notes what is read and written (drive/flaky-image). A delayed extent
// gets the place on the drive that it has in the file when it is written back.

import type { CoreExports } from '../../src/core/exports.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { Machine } from '../../src/machine.ts';
import { FlakyImage } from '../assembly/drive/flaky-image.ts';
import { type Build, EXACT } from './machine.ts';
import { compileEntries } from './unit-module.ts';

const ENTRIES = ['assembly/index.ts', 'test/support/iomap-probe.entry.ts'];
const MAX_CALLS = 64;
/** The file's number: behind drive 0. */
const FILE = 1;

export const HOLE = 0;
export const DELALLOC = 1;
export const MAPPED = 2;
export const UNWRITTEN = 3;
export const F_NEW = 1;
export const F_BOUNDARY = 64;
export const F_SIZE_CHANGED = 1 << 14;
export const F_STALE = 1 << 15;

const CALL_NAMES = ['begin', 'end', 'map', 'done', 'punch'] as const;
export type CallName = (typeof CALL_NAMES)[number];

/** An address is null in holes and delayed extents; left out, the place on the drive is that in the file. */
export interface ProbeExtent {
  readonly offset: number;
  readonly length: number;
  readonly type: number;
  readonly flags?: number;
  readonly address?: number;
}

export interface ProbeCall {
  readonly name: CallName;
  /** Request flags of begin, the mapping's of end; 1 for a map that writes and for a done of unwritten blocks. */
  readonly flags: number;
  readonly position: number;
  readonly length: number;
  /** Bytes written of end, the result of done. */
  readonly extra: number;
}

export interface ProbeExports extends CoreExports {
  probeInstall(file: number): void;
  probeState(): number;
  probeExtents(): number;
  probeAnswers(): number;
  probeLog(): number;
  probeClientBytes(address: number): number;
  probePage(file: number, index: bigint): number;
  probeSetSize(file: number, size: bigint): void;
  probeRelease(file: number, position: bigint, length: bigint, written: bigint): void;
  probeIterBegin(file: number, position: bigint, length: bigint, flags: number): void;
  probeIterNext(): number;
  probeIterAdvance(bytes: bigint): void;
  probeIterFail(status: number): void;
  probeIterStale(): void;
  probeIterLeft(): bigint;
  probeIterPosition(): bigint;
  probeErrseqSet(file: number, errno: number): number;
  probeErrseqSample(file: number, cursor: number): number;
  probeErrseqCheck(file: number, cursor: number): number;
  probeErrseq(file: number): number;
  probeBreak(rule: number, file: number): void;
}

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** The core with the probe's exports. */
export function probeModule(build: Build): Promise<WebAssembly.Module> {
  let module = modules.get(build);
  if (module === undefined) {
    module = compileEntries(build, ENTRIES).then((bytes) => WebAssembly.compile(bytes));
    modules.set(build, module);
  }
  return module;
}

export class Probe {
  readonly machine: Machine;
  readonly image: FlakyImage;
  readonly fd: number;
  readonly file = FILE;
  readonly #buffer: number;

  private constructor(machine: Machine, image: FlakyImage) {
    this.machine = machine;
    this.image = image;
    this.exports.probeInstall(FILE);
    this.fd = this.exports.fileOpen(FILE, 3);
    this.#buffer = machine.buffers.allocate(131072, 4096);
  }

  /** A file of `size` bytes; the drive is full of 0xdd. */
  static async open(build: Build, size: number, config: MachineConfig = {}): Promise<Probe> {
    const image = new FlakyImage();
    image.memory.write(new Uint8Array(262144).fill(0xdd), 0);
    const machine = await Machine.open(
      {
        core: () => probeModule(build),
        openImages: () =>
          Promise.resolve({ host: image, images: [{ directory: 3, name: 'flaky', size: 262144 }] }),
      },
      {
        ...EXACT,
        powerCuts: false,
        drives: [{ size: 262144, image: 'flaky' }],
        files: [{ name: 'file', capacity: 262144, size }],
        ...config,
      },
    );
    image.take();
    return new Probe(machine, image);
  }

  get exports(): ProbeExports {
    return this.machine.core.exports as ProbeExports;
  }

  script(extents: readonly ProbeExtent[], longest = 0, keepsDelayed = false): void {
    const { memory } = this.machine.core;
    const view = new DataView(memory.bytes.buffer);
    const state = this.exports.probeState();
    view.setUint32(state, extents.length, true);
    view.setUint32(state + 4, keepsDelayed ? 1 : 0, true);
    view.setBigUint64(state + 8, BigInt(longest), true);
    extents.forEach(({ offset, length, type, flags = 0, address }, index) => {
      const at = this.exports.probeExtents() + index * 32;
      const place = address ?? (type === HOLE || type === DELALLOC ? -1 : offset);
      view.setBigUint64(at, BigInt(offset), true);
      view.setBigUint64(at + 8, BigInt(length), true);
      view.setBigInt64(at + 16, BigInt(place), true);
      view.setUint32(at + 24, type, true);
      view.setUint32(at + 28, flags, true);
    });
  }

  /** Call `number` (from 0) of begin, end or map answers `errno`; 1: that map changes the file's mappings. */
  fail(name: 'begin' | 'end' | 'map', number: number, errno: number): void {
    const row = CALL_NAMES.indexOf(name) * MAX_CALLS + number;
    const at = this.exports.probeAnswers() + row * 4;
    new DataView(this.machine.core.memory.bytes.buffer).setInt32(at, errno, true);
  }

  /** Calls of the provider since the last time, all or those of one name. */
  calls(name?: CallName): ProbeCall[] {
    const view = new DataView(this.machine.core.memory.bytes.buffer);
    const count = this.exports.probeState() + 16;
    const calls = Array.from({ length: view.getUint32(count, true) }, (_, index) => {
      const at = this.exports.probeLog() + index * 32;
      return {
        name: CALL_NAMES[view.getUint32(at, true)] as CallName,
        flags: view.getUint32(at + 4, true),
        position: Number(view.getBigUint64(at + 8, true)),
        length: Number(view.getBigUint64(at + 16, true)),
        extra: Number(view.getBigInt64(at + 24, true)),
      };
    });
    view.setUint32(count, 0, true);
    return name === undefined ? calls : calls.filter((call) => call.name === name);
  }

  /** pwrite of `length` bytes of `value`, of which the buffer has only `readable`. */
  write(offset: number, length: number, readable = length, value = 1): number {
    const { bytes } = this.machine.core.memory;
    const isShort = readable < length;
    const end = this.#buffer + this.exports.probeClientBytes(this.#buffer);
    const address = isShort ? end - readable : this.#buffer;
    const kept = bytes.slice(address, address + readable);
    bytes.fill(value, address, address + readable);
    const result = this.machine.core.call((exports) => exports.filePwrite(this.fd, address, length, offset));
    if (isShort) this.machine.core.memory.bytes.set(kept, address);
    return result;
  }

  /** pread: the bytes, or the negative errno. */
  read(offset: number, length: number): Uint8Array | number {
    const result = this.machine.core.call((exports) =>
      exports.filePread(this.fd, this.#buffer, length, offset),
    );
    return result < 0 ? result : this.machine.core.memory.bytes.slice(this.#buffer, this.#buffer + result);
  }

  sync(): number {
    return this.machine.core.call((exports) => exports.fileSync(this.fd, 0));
  }

  get size(): number {
    return this.exports.fileSize(this.fd);
  }

  /** The blocks of a page, or undefined when it is not cached. */
  page(index: number): { readonly uptodate: number; readonly dirty: number } | undefined {
    const bits = this.exports.probePage(FILE, BigInt(index));
    return bits < 0 ? undefined : { uptodate: bits & 0xff, dirty: (bits >> 8) & 0xff };
  }

  /** [offset, bytes] of the reads, or writes, that reached the drive since the last time. */
  drive(name: 'pread' | 'pwrite'): [number, number][] {
    return this.image.take(name).map(({ offset, bytes }) => [offset, bytes]);
  }
}
