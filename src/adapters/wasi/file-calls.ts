// The calls of WASI preview 1 on what is open: data, positions, syncs.
//
// Verbs: fileCalls. Each fd_sync and fd_datasync is one of the volume's; the pieces of an fd_write are one write.
// Invariant: a call touches the guest's memory only where its arguments say, and writes nothing when it fails.

import type { Advice } from '../../fs/volume-file.ts';
import {
  FDFLAG_APPEND,
  LAST_POSITION,
  RIGHT_ADVISE,
  RIGHT_ALLOCATE,
  RIGHT_DATASYNC,
  RIGHT_READ,
  RIGHT_SEEK,
  RIGHT_SET_SIZE,
  RIGHT_SYNC,
  RIGHT_TELL,
  RIGHT_WRITE,
  WHENCE_CURRENT,
  WHENCE_END,
  WHENCE_SET,
} from './abi.ts';
import { type WasiCalls, WasiError } from './calls.ts';
import type { WasiContext } from './context.ts';
import type { Descriptor, FileDescriptor } from './descriptors.ts';
import { WASI_EFBIG, WASI_EINVAL, WASI_EISDIR, WASI_ESPIPE, WASI_SUCCESS } from './errno.ts';
import { readVector, writeVector } from './vectors.ts';

/** In the order of their numbers. */
const ADVICE: readonly Advice[] = ['normal', 'sequential', 'random', 'willneed', 'dontneed', 'noreuse'];

const toUnsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

function onlyFile(found: Descriptor, otherwise: number): FileDescriptor {
  if (found.kind !== 'file') throw new WasiError(found.kind === 'directory' ? WASI_EISDIR : otherwise);
  return found;
}

/** A file's size or the end of a range as a number. Throws EINVAL for a negative off_t, EFBIG for what no file can have. */
function sizeOf(value: bigint): number {
  const size = toUnsigned(value);
  if (size >= 1n << 63n) throw new WasiError(WASI_EINVAL);
  if (size > LAST_POSITION) throw new WasiError(WASI_EFBIG);
  return Number(size);
}

const isAppending = ({ flags }: FileDescriptor): boolean => (flags & FDFLAG_APPEND) !== 0;

export function fileCalls(context: WasiContext): WasiCalls {
  const { guest, descriptors } = context;

  function read(found: Descriptor, buffer: Uint8Array, position?: number): number {
    if (found.kind === 'stream') return context.input(buffer);
    const { file } = onlyFile(found, WASI_ESPIPE);
    return position === undefined ? file.read(buffer) : file.pread(buffer, position);
  }

  /** Behind the end, with the position behind the bytes. */
  function append({ file }: FileDescriptor, bytes: Uint8Array): number {
    const end = file.size;
    const put = file.pwrite(bytes, end);
    file.position = end + put;
    return put;
  }

  function write(found: Descriptor, bytes: Uint8Array): number {
    if (found.kind === 'stream') {
      context.print(found.number, bytes);
      return bytes.length;
    }
    const opened = onlyFile(found, WASI_ESPIPE);
    return isAppending(opened) ? append(opened, bytes) : opened.file.write(bytes);
  }

  function seek(number: number, offset: bigint, whence: number, out: number): number {
    const isTelling = whence === WHENCE_CURRENT && offset === 0n;
    const { file } = onlyFile(descriptors.need(number, isTelling ? RIGHT_TELL : RIGHT_SEEK), WASI_ESPIPE);
    guest.bytes(out, 8);
    const bases = new Map<number, () => number>([
      [WHENCE_SET, () => 0],
      [WHENCE_CURRENT, () => file.position],
      [WHENCE_END, () => file.size],
    ]);
    const base = bases.get(whence)?.();
    if (base === undefined) return WASI_EINVAL;
    const target = BigInt(base) + BigInt.asIntN(64, offset);
    if (target < 0n || target > LAST_POSITION) return WASI_EINVAL;
    file.position = Number(target);
    guest.setU64(out, target);
    return WASI_SUCCESS;
  }

  /** What is left of a file from `position` on: no reason to hold a larger buffer. */
  const bytesLeft = (found: Descriptor, position: number | undefined): number =>
    found.kind === 'file' ? found.file.size - (position ?? found.file.position) : Number.POSITIVE_INFINITY;

  return {
    fd_advise: (number: number, offset: bigint, length: bigint, advice: number) => {
      const found = descriptors.need(number, RIGHT_ADVISE);
      const name = ADVICE[advice];
      if (name === undefined) return WASI_EINVAL;
      if (toUnsigned(offset) > LAST_POSITION || toUnsigned(length) > LAST_POSITION) return WASI_EINVAL;
      if (found.kind === 'file')
        found.file.advise(Number(toUnsigned(offset)), Number(toUnsigned(length)), name);
      return WASI_SUCCESS;
    },
    fd_allocate: (number: number, offset: bigint, length: bigint) => {
      const { file } = onlyFile(descriptors.need(number, RIGHT_ALLOCATE), WASI_ESPIPE);
      const [start, bytes] = [sizeOf(offset), sizeOf(length)];
      if (bytes === 0) return WASI_EINVAL;
      if (BigInt(start) + BigInt(bytes) > LAST_POSITION) return WASI_EFBIG;
      file.allocate(start, bytes);
      return WASI_SUCCESS;
    },
    fd_close: (number: number) => {
      descriptors.close(number);
      return WASI_SUCCESS;
    },
    fd_datasync: (number: number) => {
      const found = descriptors.need(number, RIGHT_DATASYNC);
      if (found.kind === 'stream') return WASI_EINVAL;
      found.file.fdatasync();
      return WASI_SUCCESS;
    },
    fd_sync: (number: number) => {
      const found = descriptors.need(number, RIGHT_SYNC);
      if (found.kind === 'stream') return WASI_EINVAL;
      found.file.fsync();
      return WASI_SUCCESS;
    },
    fd_filestat_set_size: (number: number, size: bigint) => {
      const { file } = onlyFile(descriptors.need(number, RIGHT_SET_SIZE), WASI_EINVAL);
      file.truncate(sizeOf(size));
      return WASI_SUCCESS;
    },
    fd_pread: (number: number, iovecs: number, count: number, offset: bigint, out: number) => {
      const found = onlyFile(descriptors.need(number, RIGHT_READ | RIGHT_SEEK), WASI_ESPIPE);
      const unsigned = toUnsigned(offset);
      if (unsigned >= 1n << 63n) return WASI_EINVAL;
      // nothing is so far behind
      const position = Number(unsigned > LAST_POSITION ? LAST_POSITION : unsigned);
      const vector = [iovecs, count, out] as const;
      readVector(guest, vector, bytesLeft(found, position), (buffer) => read(found, buffer, position));
      return WASI_SUCCESS;
    },
    fd_pwrite: (number: number, iovecs: number, count: number, offset: bigint, out: number) => {
      const found = onlyFile(descriptors.need(number, RIGHT_WRITE | RIGHT_SEEK), WASI_ESPIPE);
      const start = sizeOf(offset);
      writeVector(guest, [iovecs, count, out], (bytes) =>
        // as Linux: who appends does so wherever the offset is
        found.file.pwrite(bytes, isAppending(found) ? found.file.size : start),
      );
      return WASI_SUCCESS;
    },
    fd_read: (number: number, iovecs: number, count: number, out: number) => {
      const found = descriptors.need(number, RIGHT_READ);
      readVector(guest, [iovecs, count, out], bytesLeft(found, undefined), (buffer) => read(found, buffer));
      return WASI_SUCCESS;
    },
    fd_renumber: (from: number, to: number) => {
      descriptors.renumber(from, to);
      return WASI_SUCCESS;
    },
    fd_seek: seek,
    fd_tell: (number: number, out: number) => seek(number, 0n, WHENCE_CURRENT, out),
    fd_write: (number: number, iovecs: number, count: number, out: number) => {
      const found = descriptors.need(number, RIGHT_WRITE);
      writeVector(guest, [iovecs, count, out], (bytes) => write(found, bytes));
      return WASI_SUCCESS;
    },
  };
}
