// Requests that travel between two memories: a guest's iocb becomes an iocb in client memory, its buffers too.
//
// Verbs: prepare (copy in), keyBack, deliver (copy out), give. The core makes the checks: a guest address that lies outside
// the guest's memory becomes one outside client memory, so that EFAULT has its place among the other errors.
// Layout: one allocation for each request: the iocb (64 bytes), iovecs of 16 bytes, then the bytes of its buffers. For
// direct I/O a buffer keeps the guest's address modulo 4,096, because that is what alignment is checked with.
// Invariant: a request owns its allocation from prepare to give, so an address in an event names one request.

import {
  IOCB_BUF,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_FILDES,
  IOCB_FLAG_RESFD,
  IOCB_FLAGS,
  IOCB_KEY,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_RESFD,
  IOCB_SIZE,
} from '../../../assembly/layout.ts';
import { MAX_IOVECS, MAX_TRANSFER_BYTES, PAGE_SIZE } from '../../../assembly/limits.ts';
import type { GuestMemory } from '../../core/guest-memory.ts';
import type { Machine } from '../../machine.ts';
import type { Descriptors } from './descriptors.ts';

/** An address that is never a client's and is not NULL. */
const OUT_OF_RANGE = 8;
const GUEST_IOVEC_SIZE = 8;
const IOVEC_SIZE = 16;

/** A part of a buffer, in both memories. `offset` counts from the request's address. */
interface Segment {
  readonly guest: number;
  readonly offset: number;
  readonly length: number;
}

/** One iocb that has been copied in. `address` is its place in client memory, `iocb` its address in the guest. */
export interface Request {
  readonly address: number;
  readonly iocb: number;
  readonly isRead: boolean;
  readonly segments: readonly Segment[];
}

/** Where the parts of a request will lie. */
class Plan {
  readonly iovecs: { base: number; length: bigint }[] = [];
  readonly segments: Segment[] = [];
  readonly #alignment: number;
  end: number;

  constructor(iovecCount: number, alignment: number) {
    this.end = IOCB_SIZE + iovecCount * IOVEC_SIZE;
    this.#alignment = alignment;
  }

  /** Gives a guest buffer its place; where it begins. */
  place(guest: number, length: number): number {
    const skip = (guest - this.end) % this.#alignment;
    const offset = this.end + (skip < 0 ? skip + this.#alignment : skip);
    this.segments.push({ guest, offset, length });
    this.end = offset + length;
    return offset;
  }
}

export class Requests {
  readonly #machine: Machine;
  readonly #guest: GuestMemory;
  readonly #descriptors: Descriptors;

  constructor(machine: Machine, guest: GuestMemory, descriptors: Descriptors) {
    this.#machine = machine;
    this.#guest = guest;
    this.#descriptors = descriptors;
  }

  /** Copies the iocb at a guest address (64 bytes that are there) in, and what it writes. undefined: client memory is full. */
  prepare(iocbAddress: number): Request | undefined {
    const iocb = this.#guest.copy(iocbAddress, IOCB_SIZE);
    const opcode = iocb.getUint16(IOCB_LIO_OPCODE, true);
    const file = this.#descriptors.file(iocb.getUint32(IOCB_FILDES, true));
    iocb.setInt32(IOCB_FILDES, file?.open.descriptor ?? -1, true);
    if ((iocb.getUint32(IOCB_FLAGS, true) & IOCB_FLAG_RESFD) !== 0) {
      const signalled = this.#descriptors.file(iocb.getUint32(IOCB_RESFD, true));
      iocb.setInt32(IOCB_RESFD, signalled?.open.descriptor ?? -1, true);
    }
    const alignment = file?.options.direct === true ? PAGE_SIZE : 1;
    const isVector = opcode === IOCB_CMD_PREADV || opcode === IOCB_CMD_PWRITEV;
    const isPlain = opcode === IOCB_CMD_PREAD || opcode === IOCB_CMD_PWRITE;
    let plan = new Plan(0, alignment);
    // a request that will be refused anyway needs no memory
    if (file !== undefined && isPlain) this.#planBuffer(iocb, plan);
    if (file !== undefined && isVector) plan = this.#planVector(iocb, alignment);
    const address = this.#allocate(plan.end, alignment);
    if (address === undefined) return undefined;
    const isRead = opcode === IOCB_CMD_PREAD || opcode === IOCB_CMD_PREADV;
    const request = { address, iocb: iocbAddress >>> 0, isRead, segments: plan.segments };
    this.#copyIn(request, iocb, plan);
    return request;
  }

  #allocate(bytes: number, alignment: number): number | undefined {
    try {
      return this.#machine.buffers.allocate(bytes, Math.max(alignment, 64));
    } catch {
      return undefined;
    }
  }

  #isBuffer(address: number, length: number): boolean {
    return address !== 0 && this.#guest.has(address, length);
  }

  /** A plain transfer. A length or an address that the core refuses by itself stays as it is. */
  #planBuffer(iocb: DataView, plan: Plan): void {
    const asked = iocb.getBigInt64(IOCB_NBYTES, true);
    if (asked <= 0n || iocb.getUint32(IOCB_BUF + 4, true) !== 0) return;
    const length = asked < MAX_TRANSFER_BYTES ? Number(asked) : MAX_TRANSFER_BYTES;
    const buffer = iocb.getUint32(IOCB_BUF, true);
    if (this.#isBuffer(buffer, length)) plan.place(buffer, length);
  }

  /** A vectored transfer: {u32, u32} of the guest becomes {u64, u64}; what lies behind the first bad segment does not count. */
  #planVector(iocb: DataView, alignment: number): Plan {
    const count = iocb.getBigUint64(IOCB_NBYTES, true);
    const array = iocb.getUint32(IOCB_BUF, true);
    const isRefused = count === 0n || count > BigInt(MAX_IOVECS) || iocb.getUint32(IOCB_BUF + 4, true) !== 0;
    if (isRefused || !this.#isBuffer(array, Number(count) * GUEST_IOVEC_SIZE)) return new Plan(0, alignment);
    const plan = new Plan(Number(count), alignment);
    const iovecs = this.#guest.copy(array, Number(count) * GUEST_IOVEC_SIZE);
    let left = MAX_TRANSFER_BYTES;
    let isCut = false;
    for (let at = 0; at < iovecs.byteLength; at += GUEST_IOVEC_SIZE) {
      const guest = iovecs.getUint32(at, true);
      const asked = iovecs.getInt32(at + 4, true);
      const length = Math.min(asked, left);
      let base = OUT_OF_RANGE;
      if (length > 0 && !isCut) {
        isCut = !this.#isBuffer(guest, length);
        if (!isCut) {
          base = plan.place(guest, length);
          left -= length;
        }
      }
      plan.iovecs.push({ base, length: BigInt(asked) });
    }
    return plan;
  }

  #copyIn(request: Request, iocb: DataView<ArrayBuffer>, plan: Plan): void {
    const { address, segments, isRead } = request;
    const { memory } = this.#machine.core;
    if (plan.iovecs.length > 0) iocb.setUint32(IOCB_BUF, address + IOCB_SIZE, true);
    else if (segments[0] !== undefined) iocb.setUint32(IOCB_BUF, address + segments[0].offset, true);
    else if (isTransferOf(iocb) && iocb.getUint32(IOCB_BUF, true) !== 0)
      iocb.setUint32(IOCB_BUF, OUT_OF_RANGE, true);
    memory.bytes.set(new Uint8Array(iocb.buffer), address);
    plan.iovecs.forEach(({ base, length }, index) => {
      const isPlaced = base !== OUT_OF_RANGE;
      const at = address + IOCB_SIZE + index * IOVEC_SIZE;
      memory.setU64(at, isPlaced ? address + base : base);
      memory.setU32(at + 8, Number(BigInt.asUintN(32, length)));
      memory.setU32(at + 12, length < 0n ? 0xffffffff : 0);
    });
    if (isRead) return;
    for (const { guest, offset, length } of segments)
      memory.bytes.set(this.#guest.bytes(guest, length), address + offset);
  }

  /** The key word is all that submission writes to an iocb. */
  keyBack({ address, iocb }: Request): void {
    this.#guest.setU32(iocb + IOCB_KEY, this.#machine.core.memory.u32(address + IOCB_KEY));
  }

  /** Copies the `result` bytes of a read that has ended to where the guest wanted them. */
  deliver({ address, isRead, segments }: Request, result: number): void {
    if (!isRead) return;
    const { memory } = this.#machine.core;
    let left = result;
    for (const { guest, offset, length } of segments) {
      const step = Math.min(length, left);
      if (step <= 0) return;
      this.#guest.bytes(guest, step).set(memory.bytes.subarray(address + offset, address + offset + step));
      left -= step;
    }
  }

  give({ address }: Request): void {
    this.#machine.buffers.free(address);
  }
}

function isTransferOf(iocb: DataView): boolean {
  const opcode = iocb.getUint16(IOCB_LIO_OPCODE, true);
  return [IOCB_CMD_PREAD, IOCB_CMD_PWRITE, IOCB_CMD_PREADV, IOCB_CMD_PWRITEV].includes(opcode);
}
