// 3FS USRBIO as a C program sees it: structs hf3fs_iov, hf3fs_ior, hf3fs_cqe in client memory, raw results.
//
// Verbs: iov, ior, prep, submit, wait, register; field reads structs. Offsets here are written out, as hf3fs_usrbio.h and
// IoRing.h have them on x86-64, and not taken from the core's own table: that table is under test.

import { ROOT_BUFFERS } from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';
import type { UsrbioRaw } from '../../../src/usrbio-raw.ts';

export const EIO = -5;
export const ENOENT = -2;
export const EBADF = -9;
export const EAGAIN = -11;
export const EACCES = -13;
export const EFAULT = -14;
export const EINVAL = -22;
export const ENOSPC = -28;
export const EROFS = -30;
export const ENODATA = -61;

export const IOV_BYTES = 312;
export const IOR_BYTES = 600;
export const CQE_BYTES = 24;
const CQE_ROOM = 256;

export interface Cqe {
  readonly index: number;
  readonly reserved: number;
  readonly result: number;
  readonly userdata: number;
}

export interface Reaped {
  readonly result: number;
  readonly cqes: readonly Cqe[];
}

export interface IorOptions {
  readonly entries?: number;
  readonly read?: boolean;
  readonly ioDepth?: number;
  readonly priority?: number;
  readonly timeoutMs?: number;
  readonly flags?: number;
}

/** `at`: where in the buffer; `pointer` overrides it. */
export interface Request {
  readonly fd: number;
  readonly at?: number;
  readonly pointer?: number;
  readonly read?: boolean;
  readonly offset?: number;
  readonly bytes?: number;
  readonly userdata?: number;
}

/** What never changes where nobody wrote: `reserved` of a cqe is left as it was. */
export const UNTOUCHED = 0x77777777;

export class UsrbioTester {
  readonly machine: Machine;
  readonly raw: UsrbioRaw;
  readonly mount: number;
  readonly #cqes: number;
  readonly #timespec: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.raw = machine.usrbio.raw;
    this.mount = this.text('/3fs');
    this.#cqes = machine.buffers.allocate(CQE_ROOM * CQE_BYTES);
    this.#timespec = machine.buffers.allocate(16);
  }

  get view(): DataView {
    return new DataView(this.machine.core.memory.buffer);
  }

  get bytes(): Uint8Array {
    return this.machine.core.memory.bytes;
  }

  /** Addresses that are the core's, or nobody's. */
  get outside(): number[] {
    const start = this.machine.core.root(ROOT_BUFFERS);
    return [64, start - 1, this.bytes.length - 8, this.bytes.length, 0xfffffff0, 0xffffffff];
  }

  u32(address: number): number {
    return this.view.getUint32(address, true);
  }

  s32(address: number): number {
    return this.view.getInt32(address, true);
  }

  u64(address: number): number {
    return Number(this.view.getBigUint64(address, true));
  }

  setU64(address: number, value: number | bigint): void {
    this.view.setBigUint64(address, BigInt(value), true);
  }

  /** Address of a NUL-terminated text. */
  text(value: string): number {
    const bytes = new TextEncoder().encode(`${value}\0`);
    const address = this.machine.buffers.allocate(bytes.length);
    this.bytes.set(bytes, address);
    return address;
  }

  /** The text at an address. */
  textAt(address: number): string {
    const end = this.bytes.indexOf(0, address);
    return new TextDecoder().decode(this.bytes.subarray(address, end));
  }

  struct(bytes: number): number {
    const address = this.machine.buffers.allocate(bytes);
    this.bytes.fill(0, address, address + bytes);
    return address;
  }

  /** Address of the struct hf3fs_iov of a new buffer. */
  iov(bytes: number, blockSize = 0): number {
    const iov = this.struct(IOV_BYTES);
    const result = this.raw.iovCreate(iov, this.mount, bytes, blockSize, -1);
    if (result !== 0) throw new Error(`hf3fs_iovcreate: ${result}`);
    return iov;
  }

  base(iov: number): number {
    return this.u64(iov);
  }

  /** The bytes of a buffer, not a copy. */
  content(iov: number): Uint8Array {
    return this.bytes.subarray(this.u64(iov), this.u64(iov) + this.u64(iov + 288));
  }

  create(ior: number, options: IorOptions, mount = this.mount): number {
    return this.raw.iorCreate(
      ior,
      mount,
      options.entries ?? 8,
      options.read ?? true,
      options.ioDepth ?? 0,
      options.priority ?? 0,
      options.timeoutMs ?? 0,
      -1,
      options.flags ?? 0,
    );
  }

  /** Address of the struct hf3fs_ior of a new ring. */
  ior(options: IorOptions = {}): number {
    const ior = this.struct(IOR_BYTES);
    const result = this.create(ior, options);
    if (result !== 0) throw new Error(`hf3fs_iorcreate: ${result}`);
    return ior;
  }

  /** A registered descriptor of a file by its number (drives first). `flags`: 1 read, 2 write, 4 direct. */
  open(file: number, flags = 3): number {
    const fd = this.machine.core.exports.fileOpen(file, flags);
    const result = this.raw.regFd(fd);
    if (fd < 0 || result > 0) throw new Error(`open ${fd}, hf3fs_reg_fd ${result}`);
    return fd;
  }

  prep(ior: number, iov: number, request: Request): number {
    return this.raw.prepIo(
      ior,
      iov,
      request.read ?? this.bytes[ior + 576] !== 0,
      request.pointer ?? this.base(iov) + (request.at ?? 0),
      request.fd,
      request.offset ?? 0,
      request.bytes ?? 512,
      request.userdata ?? 0,
    );
  }

  /** `deadlineNs`: absolute virtual time; left out: no limit. */
  wait(ior: number, limit: number, minimum: number, deadlineNs?: number): Reaped {
    if (deadlineNs !== undefined) {
      this.setU64(this.#timespec, Math.floor(deadlineNs / 1e9));
      this.setU64(this.#timespec + 8, deadlineNs % 1e9);
    }
    const room = Math.min(CQE_ROOM, Math.max(0, limit));
    for (let index = 0; index < room; index++)
      this.view.setUint32(this.#cqes + index * CQE_BYTES + 4, UNTOUCHED, true);
    const result = this.raw.waitForIos(
      ior,
      this.#cqes,
      limit,
      minimum,
      deadlineNs === undefined ? 0 : this.#timespec,
    );
    const cqes = Array.from({ length: Math.max(0, result) }, (_, index) => this.cqe(index));
    return { result, cqes };
  }

  private cqe(index: number): Cqe {
    const at = this.#cqes + index * CQE_BYTES;
    return {
      index: this.s32(at),
      reserved: this.u32(at + 4),
      result: Number(this.view.getBigInt64(at + 8, true)),
      userdata: this.u64(at + 16),
    };
  }

  /** Submits and waits for `count` results: their `result` fields. */
  run(ior: number, count: number): number[] {
    const submitted = this.raw.submitIos(ior);
    if (submitted !== 0) throw new Error(`hf3fs_submit_ios: ${submitted}`);
    return this.wait(ior, count, count).cqes.map((cqe) => cqe.result);
  }
}

/** `length` bytes that differ by place and by `seed`, none of them 0. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((index * 31 + (index >> 8) * 17 + seed * 101) % 255) + 1);
}
