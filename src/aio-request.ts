// AIO requests as objects, and their iocbs.
//
// Verbs: pread, pwrite, preadv, pwritev, fsync, fdsync, poll make a request; writeIocb and writeIovecs put one into client
// memory. A request is a plain object: it can be kept and submitted again.
// Layout: linux/aio_abi.h through assembly/layout.ts; everything is written as u32 words.

import {
  IOCB_BUF,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_DATA,
  IOCB_FILDES,
  IOCB_FLAG_IOPRIO,
  IOCB_FLAG_RESFD,
  IOCB_FLAGS,
  IOCB_LIO_OPCODE,
  IOCB_NBYTES,
  IOCB_OFFSET,
  IOCB_RESFD,
  IOCB_RW_FLAGS,
  IOCB_SIZE,
  IOVEC_SIZE,
} from '../assembly/layout.ts';
import type { LinearMemory } from './core/linear-memory.ts';
import type { RegisteredBuffer } from './core/registered-buffer.ts';

const OPCODES = {
  pread: IOCB_CMD_PREAD,
  pwrite: IOCB_CMD_PWRITE,
  fsync: IOCB_CMD_FSYNC,
  fdsync: IOCB_CMD_FDSYNC,
  poll: IOCB_CMD_POLL,
  preadv: IOCB_CMD_PREADV,
  pwritev: IOCB_CMD_PWRITEV,
} as const;

const TWO_32 = 4294967296;

/** What has a descriptor: an OpenFile or an Eventfd. */
export interface Descriptor {
  readonly descriptor: number;
}

/** What any request may carry. */
export interface AioOptions<Data = number> {
  /** Comes back as `event.data`; left out, 0 comes back. */
  readonly data?: Data | undefined;
  /** Counts the completion, behind the event. */
  readonly eventfd?: Descriptor | undefined;
  /** RWF_… bits of a read or write. */
  readonly rwFlags?: number | undefined;
  /** I/O priority of a read or write: class << 13 | level; left out, none. */
  readonly priority?: number | undefined;
}

/** One request. The builders below make them; `length` and `offset` are bytes. */
export interface AioRequest<Data = number> extends AioOptions<Data> {
  readonly op: keyof typeof OPCODES;
  readonly file: Descriptor;
  /** A registered buffer, or an address in client memory. For preadv and pwritev: of 16-byte iovecs, unless `pieces` is given. */
  readonly buffer?: RegisteredBuffer | number | undefined;
  /** Default: the registered buffer's. For preadv and pwritev with an address: how many iovecs. */
  readonly length?: number | undefined;
  readonly offset?: number | undefined;
  /** The buffers of preadv and pwritev, in order. */
  readonly pieces?: readonly RegisteredBuffer[] | undefined;
  /** The POLL… bits of poll, 0 to 65,535. */
  readonly events?: number | undefined;
}

/** A request with every property in place: objects of one shape are several times as fast to make and to read. */
function make<Data>(
  op: AioRequest['op'],
  file: Descriptor,
  buffer: RegisteredBuffer | undefined,
  pieces: readonly RegisteredBuffer[] | undefined,
  offset: number | undefined,
  events: number | undefined,
  options: AioOptions<Data> | undefined,
): AioRequest<Data> {
  return {
    op,
    file,
    buffer,
    length: undefined,
    offset,
    pieces,
    events,
    data: options?.data,
    eventfd: options?.eventfd,
    rwFlags: options?.rwFlags,
    priority: options?.priority,
  };
}

/** Reads into `buffer` from `offset`. */
export function pread<Data = number>(
  file: Descriptor,
  buffer: RegisteredBuffer,
  offset: number,
  options?: AioOptions<Data>,
): AioRequest<Data> {
  return make('pread', file, buffer, undefined, offset, undefined, options);
}

/** Writes `buffer` at `offset`. Its bytes must stay as they are until the event is seen. */
export function pwrite<Data = number>(
  file: Descriptor,
  buffer: RegisteredBuffer,
  offset: number,
  options?: AioOptions<Data>,
): AioRequest<Data> {
  return make('pwrite', file, buffer, undefined, offset, undefined, options);
}

/** Reads into up to 1,024 buffers, in order. */
export function preadv<Data = number>(
  file: Descriptor,
  pieces: readonly RegisteredBuffer[],
  offset: number,
  options?: AioOptions<Data>,
): AioRequest<Data> {
  return make('preadv', file, undefined, pieces, offset, undefined, options);
}

/** Writes up to 1,024 buffers, in order. */
export function pwritev<Data = number>(
  file: Descriptor,
  pieces: readonly RegisteredBuffer[],
  offset: number,
  options?: AioOptions<Data>,
): AioRequest<Data> {
  return make('pwritev', file, undefined, pieces, offset, undefined, options);
}

type SyncOptions<Data> = Omit<AioOptions<Data>, 'rwFlags' | 'priority'>;

/** Makes durable what had completed when it was submitted: it is no barrier for what is in flight. */
export function fsync<Data = number>(file: Descriptor, options?: SyncOptions<Data>): AioRequest<Data> {
  return make('fsync', file, undefined, undefined, undefined, undefined, options);
}

/** As fsync, for the data and what is needed to read it back. */
export function fdsync<Data = number>(file: Descriptor, options?: SyncOptions<Data>): AioRequest<Data> {
  return make('fdsync', file, undefined, undefined, undefined, undefined, options);
}

/** Ends when one of the POLL… bits in `events` is ready, with the ready ones as `res`. Files always are; an eventfd may wait. */
export function poll<Data = number>(
  file: Descriptor,
  events: number,
  options?: SyncOptions<Data>,
): AioRequest<Data> {
  return make('poll', file, undefined, undefined, undefined, events, options);
}

function setU64(words: Uint32Array, index: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  words[index] = value - high * TWO_32;
  words[index + 1] = high;
}

/** Bytes of iovecs that a request needs in client memory. */
export function iovecBytes(request: AioRequest<unknown>): number {
  return (request.pieces?.length ?? 0) * IOVEC_SIZE;
}

/** Writes the iovecs of `pieces` at `address`. */
export function writeIovecs(words: Uint32Array, address: number, pieces: readonly RegisteredBuffer[]): void {
  let index = address >>> 2;
  for (const { address: base, length } of pieces) {
    words[index] = base;
    words[index + 1] = 0;
    words[index + 2] = length;
    words[index + 3] = 0;
    index += 4;
  }
}

/** Writes all of an iocb but its data, key and reserved words. `iovecs`: where the iovecs of `pieces` are. */
export function writeIocb(
  words: Uint32Array,
  address: number,
  request: AioRequest<unknown>,
  iovecs: number,
): void {
  const { op, file, buffer, pieces, eventfd, priority, events } = request;
  let memory = 0;
  let length = request.length ?? 0;
  if (pieces !== undefined) {
    memory = iovecs;
    length = pieces.length;
  } else if (typeof buffer === 'number') {
    memory = buffer;
  } else if (buffer !== undefined) {
    memory = buffer.address;
    length = request.length ?? buffer.length;
  } else if (events !== undefined) {
    memory = events;
  }
  const at = address >>> 2;
  let flags = 0;
  let resfd = 0;
  if (eventfd !== undefined) {
    flags = IOCB_FLAG_RESFD;
    resfd = eventfd.descriptor;
  }
  if (priority !== undefined) flags |= IOCB_FLAG_IOPRIO;
  words[at + (IOCB_RW_FLAGS >>> 2)] = request.rwFlags ?? 0;
  words[at + (IOCB_LIO_OPCODE >>> 2)] = OPCODES[op] | ((priority ?? 0) << 16);
  words[at + (IOCB_FILDES >>> 2)] = file.descriptor;
  words[at + (IOCB_BUF >>> 2)] = memory;
  words[at + (IOCB_BUF >>> 2) + 1] = 0;
  setU64(words, at + (IOCB_NBYTES >>> 2), length);
  setU64(words, at + (IOCB_OFFSET >>> 2), request.offset ?? 0);
  words[at + (IOCB_FLAGS >>> 2)] = flags;
  words[at + (IOCB_RESFD >>> 2)] = resfd;
}

/** Fills the 64 bytes of an iocb at `address` with a request without `pieces`; everything not named is 0. */
export function prepIocb(memory: LinearMemory, address: number, request: AioRequest): void {
  const words = memory.words;
  words.fill(0, address >>> 2, (address + IOCB_SIZE) >>> 2);
  setU64(words, (address + IOCB_DATA) >>> 2, request.data ?? 0);
  writeIocb(words, address, request, 0);
}

/** Readies an iocb that writeIocb will fill again and again: `data` stands in it for good. */
export function readyIocb(words: Uint32Array, address: number, data: number): void {
  words.fill(0, address >>> 2, (address + IOCB_SIZE) >>> 2);
  words[(address + IOCB_DATA) >>> 2] = data;
}
