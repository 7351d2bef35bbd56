// A guest of the libaio adapter without a program: a memory whose bytes a test writes, and the imports, called by hand.
//
// Verbs: Guest.open, setup, iocb, pointers, submit, getevents, wasi, path. Offsets are those of libaio.h in a wasm32
// program: 64-byte iocbs, 4-byte pointers, 8-byte iovecs.

import { type LibaioHost, type LibaioOptions, libaioImports } from '../../../src/adapters/libaio.ts';
import type { Machine } from '../../../src/machine.ts';

export const PAGE = 65536;
export const O_READ = 2n;
export const O_WRITE = 64n;
export const EVENTS = 0x8000;
const CONTEXT = 0x400;
const PATH = 0x500;
const OUT = 0x600;

export interface GuestIocb {
  readonly opcode?: number;
  readonly fd?: number;
  readonly buf?: number;
  readonly nbytes?: number | bigint;
  readonly offset?: number | bigint;
  readonly data?: bigint;
  readonly key?: number;
  readonly flags?: number;
  readonly rwFlags?: number;
  readonly resfd?: number;
  readonly reserved?: bigint;
}

export interface GuestEvent {
  readonly data: bigint;
  readonly obj: bigint;
  readonly res: bigint;
  readonly res2: bigint;
}

type Call = (...values: (number | bigint)[]) => number;

export class Guest {
  readonly memory: WebAssembly.Memory;
  readonly host: LibaioHost;
  readonly aio: Record<string, Call>;
  readonly wasi: Record<string, Call>;

  constructor(machine: Machine, options: LibaioOptions = {}, pages = 1) {
    this.memory = new WebAssembly.Memory({ initial: pages });
    this.host = libaioImports(machine, this.memory, options);
    this.aio = this.host.imports.aio as Record<string, Call>;
    this.wasi = this.host.imports.wasi_snapshot_preview1 as Record<string, Call>;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  call(name: string, ...values: (number | bigint)[]): number {
    return (this.aio[name] ?? (this.wasi[name] as Call))(...values);
  }

  text(address: number, text: string): number {
    const encoded = new TextEncoder().encode(text);
    this.bytes.set(encoded, address);
    return encoded.length;
  }

  /** path_open of a name; the descriptor, or the negative WASI error. */
  open(name: string, rights = O_READ | O_WRITE, flags = 0, oflags = 0): number {
    const length = this.text(PATH, name);
    const result = this.call('path_open', 3, 0, PATH, length, oflags, rights, 0n, flags, OUT);
    return result === 0 ? this.view.getUint32(OUT, true) : -result;
  }

  /** io_setup; the handle. */
  setup(count = 32): number {
    this.view.setUint32(CONTEXT, 0, true);
    const result = this.call('io_setup', count, CONTEXT);
    return result === 0 ? this.view.getUint32(CONTEXT, true) : result;
  }

  iocb(address: number, fields: GuestIocb): number {
    const { view } = this;
    this.bytes.fill(0, address, address + 64);
    view.setBigUint64(address, fields.data ?? 0n, true);
    view.setUint32(address + 8, fields.key ?? 0, true);
    view.setUint32(address + 12, fields.rwFlags ?? 0, true);
    view.setUint16(address + 16, fields.opcode ?? 0, true);
    view.setInt32(address + 20, fields.fd ?? 0, true);
    view.setUint32(address + 24, fields.buf ?? 0, true);
    view.setBigInt64(address + 32, BigInt(fields.nbytes ?? 0), true);
    view.setBigInt64(address + 40, BigInt(fields.offset ?? 0), true);
    view.setBigUint64(address + 48, fields.reserved ?? 0n, true);
    view.setUint32(address + 56, fields.flags ?? 0, true);
    view.setInt32(address + 60, fields.resfd ?? 0, true);
    return address;
  }

  words(address: number, values: readonly number[]): number {
    values.forEach((value, index) => {
      this.view.setUint32(address + index * 4, value, true);
    });
    return address;
  }

  submit(context: number, ...iocbs: number[]): number {
    return this.call('io_submit', context, iocbs.length, this.words(0x700, iocbs));
  }

  events(count: number, address = EVENTS): GuestEvent[] {
    return Array.from({ length: Math.max(0, count) }, (_, index) => ({
      data: this.view.getBigUint64(address + index * 32, true),
      obj: this.view.getBigUint64(address + index * 32 + 8, true),
      res: this.view.getBigInt64(address + index * 32 + 16, true),
      res2: this.view.getBigInt64(address + index * 32 + 24, true),
    }));
  }

  getevents(context: number, min = 1, max = 64, timeout = 0): GuestEvent[] {
    return this.events(this.call('io_getevents', context, min, max, EVENTS, timeout));
  }

  /** Submits one request and waits for it: event.res, or what io_submit answered. */
  run(context: number, fields: GuestIocb): number {
    const result = this.submit(context, this.iocb(0x800, fields));
    return result === 1 ? Number(this.getevents(context)[0]?.res) : result;
  }
}
