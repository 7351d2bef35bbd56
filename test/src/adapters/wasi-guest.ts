// A guest of the WASI adapter without a program: a memory whose bytes a test writes, and the imports, called by hand.
//
// Verbs: WasiGuest: call, open, on, write, read, stat, names. A negative result is a WASI error number.

import { RIGHTS_DIRECTORY, RIGHTS_FILE } from '../../../src/adapters/wasi/abi.ts';
import { type WasiHost, type WasiOptions, wasiFs } from '../../../src/adapters/wasi.ts';
import type { Machine } from '../../../src/machine.ts';

export const SIZE = 65536;
export const ALL = RIGHTS_DIRECTORY | RIGHTS_FILE;
export const ROOT = 3;
/** Where a call may put its answer, and where other things lie. */
export const OUT = 0x100;
export const PATH = 0x200;
export const OTHER = 0x2000;
export const IOVECS = 0x4000;
export const BUFFER = 0x8000;
const ROOM = 0x4000;

export interface GuestOpen {
  readonly from?: number;
  readonly oflags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly flags?: number;
}

export interface GuestStat {
  readonly inode: bigint;
  readonly type: number;
  readonly links: bigint;
  readonly size: bigint;
  readonly access: bigint;
  readonly modify: bigint;
}

type Call = (...values: (number | bigint)[]) => number;
type Calls = Record<string, Call>;

export class WasiGuest {
  readonly memory = new WebAssembly.Memory({ initial: 1 });
  readonly host: WasiHost;
  readonly #calls: Calls;

  constructor(machine: Machine, options: WasiOptions = {}) {
    this.host = wasiFs(machine, { ...options, memory: this.memory });
    this.#calls = this.host.imports.wasi_snapshot_preview1 as Calls;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  call(name: string, ...values: (number | bigint)[]): number {
    return (this.#calls[name] as Call)(...values);
  }

  text(address: number, text: string): number {
    const encoded = new TextEncoder().encode(text);
    this.bytes.set(encoded, address);
    return encoded.length;
  }

  /** The descriptor, or the negative error. A directory is not opened for writing: pass its rights. */
  open(path: string, options: GuestOpen = {}): number {
    const { from = ROOT, oflags = 0, rights = RIGHTS_FILE, inheriting = 0n, flags = 0 } = options;
    const length = this.text(PATH, path);
    const result = this.call('path_open', from, 0, PATH, length, oflags, rights, inheriting, flags, OUT);
    return result === 0 ? this.view.getUint32(OUT, true) : -result;
  }

  /** A directory that everything may be done with. */
  directory(path: string, from = ROOT): number {
    return this.open(path, { from, oflags: 2, rights: RIGHTS_DIRECTORY, inheriting: ALL });
  }

  /** A call that takes a path below the first preopened directory, or two. */
  on(name: string, path: string, ...rest: (number | bigint)[]): number {
    return this.call(name, ROOT, PATH, this.text(PATH, path), ...rest);
  }

  rename(from: string, to: string, [source, target] = [ROOT, ROOT]): number {
    const [fromLength, toLength] = [this.text(PATH, from), this.text(OTHER, to)];
    return this.call('path_rename', source as number, PATH, fromLength, target as number, OTHER, toLength);
  }

  link(from: string, to: string): number {
    const [fromLength, toLength] = [this.text(PATH, from), this.text(OTHER, to)];
    return this.call('path_link', ROOT, 0, PATH, fromLength, ROOT, OTHER, toLength);
  }

  /** One iovec over `length` bytes of the buffer. */
  vector(length: number): readonly [number, number] {
    this.view.setUint32(IOVECS, BUFFER, true);
    this.view.setUint32(IOVECS + 4, length, true);
    return [IOVECS, 1];
  }

  #count(result: number): number {
    return result === 0 ? this.view.getUint32(OUT, true) : -result;
  }

  write(descriptor: number, text: string, offset?: bigint): number {
    const vector = this.vector(this.text(BUFFER, text));
    return this.#count(
      offset === undefined
        ? this.call('fd_write', descriptor, ...vector, OUT)
        : this.call('fd_pwrite', descriptor, ...vector, offset, OUT),
    );
  }

  /** What was read as text, or the negative error. */
  read(descriptor: number, length: number, offset?: bigint): string | number {
    const vector = this.vector(length);
    const count = this.#count(
      offset === undefined
        ? this.call('fd_read', descriptor, ...vector, OUT)
        : this.call('fd_pread', descriptor, ...vector, offset, OUT),
    );
    return count < 0 ? count : new TextDecoder().decode(this.bytes.slice(BUFFER, BUFFER + count));
  }

  /** Of a path, or of a descriptor. */
  stat(of: string | number): GuestStat | number {
    const result =
      typeof of === 'number'
        ? this.call('fd_filestat_get', of, OUT)
        : this.call('path_filestat_get', ROOT, 0, PATH, this.text(PATH, of), OUT);
    if (result !== 0) return -result;
    const u64 = (at: number) => this.view.getBigUint64(OUT + at, true);
    return {
      inode: u64(8),
      type: this.bytes[OUT + 16] as number,
      links: u64(24),
      size: u64(32),
      access: u64(40),
      modify: u64(48),
    };
  }

  /** The entries behind a cookie, as fd_readdir puts them into a buffer of `room` bytes: names, and the cookie behind each. */
  entries(
    descriptor: number,
    cookie = 0n,
    room = ROOM,
  ): { names: string[]; cookies: bigint[]; used: number } {
    const result = this.call('fd_readdir', descriptor, BUFFER, room, cookie, OUT);
    if (result !== 0) return { names: [], cookies: [], used: -result };
    const used = this.view.getUint32(OUT, true);
    const names: string[] = [];
    const cookies: bigint[] = [];
    for (let at = 0; at + 24 <= used; ) {
      const length = this.view.getUint32(BUFFER + at + 16, true);
      if (at + 24 + length > used) break;
      const name = this.bytes.slice(BUFFER + at + 24, BUFFER + at + 24 + length);
      names.push(new TextDecoder().decode(name));
      cookies.push(this.view.getBigUint64(BUFFER + at, true));
      at += 24 + length;
    }
    return { names, cookies, used };
  }
}
