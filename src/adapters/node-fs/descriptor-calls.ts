// The calls on descriptors, synchronous: open, close, read, write, readv, writev, sync, truncate, and what is told and set
// of an open file.
//
// Verbs: descriptorCalls. Overloads, defaults and the order of checks are those of Node 20.

import {
  checkBuffer,
  checkBuffers,
  checkInteger,
  checkObject,
  checkPosition,
  checkReadRange,
  checkWriteRange,
  toBytes,
  toFd,
  toFlags,
  toMode,
  toPath,
  toWritePosition,
  viewOf,
} from './arguments.ts';
import { checkOwner, toOwner, toTimes } from './attribute-calls.ts';
import type { Context } from './context.ts';
import { asNode, EINVAL, errnoError, invalidArgValue } from './errors.ts';
import { toStats } from './stats.ts';

const MODE_OF_NEW_FILES = 0o666;

/** Where in a buffer and in the file: what an options object of read and write holds. */
interface Range {
  readonly offset?: number | null;
  readonly length?: number | null;
  readonly position?: number | bigint | null;
}

export function descriptorCalls(context: Context) {
  return {
    openSync(path: unknown, flags?: unknown, mode?: unknown): number {
      const name = toPath(path);
      const number = toFlags(flags);
      const permissions = toMode(mode, 'mode', MODE_OF_NEW_FILES) & ~context.umask;
      return context.add(asNode('open', () => context.volume.open(name, number, permissions), name));
    },

    closeSync(fd: unknown): void {
      const file = context.file(fd, 'close');
      context.remove(toFd(fd));
      asNode('close', () => file.close());
    },

    readSync(fd: unknown, buffer: unknown, ...rest: [unknown?, unknown?, unknown?]): number {
      toFd(fd);
      checkBuffer(buffer);
      let [offset, length, position] = rest;
      if (rest.length <= 1 || typeof offset === 'object') {
        if (offset !== undefined) checkObject(offset, 'options');
        const range = (offset ?? {}) as Range;
        offset = range.offset === undefined ? 0 : range.offset;
        length = range.length === undefined ? buffer.byteLength - (offset as number) : range.length;
        position = range.position;
      }
      if (offset === undefined) offset = 0;
      checkInteger(offset, 'offset', 0);
      const bytes = (length as number) | 0;
      if (bytes === 0) return 0;
      if (buffer.byteLength === 0) throw invalidArgValue('buffer', buffer, 'is empty and cannot be written');
      checkReadRange(offset, bytes, buffer.byteLength);
      const at = checkPosition(position);
      const file = context.file(fd, 'read');
      if (at !== undefined && at > Number.MAX_SAFE_INTEGER) throw errnoError(EINVAL, 'read');
      const part = viewOf(buffer).subarray(offset, offset + bytes);
      return asNode('read', () => (at === undefined ? file.read(part) : file.pread(part, at)));
    },

    writeSync(fd: unknown, buffer: unknown, ...rest: [unknown?, unknown?, unknown?]): number {
      toFd(fd);
      let [offset, length, position] = rest;
      let part: Uint8Array;
      if (ArrayBuffer.isView(buffer)) {
        if (typeof offset === 'object') {
          const range = (offset ?? {}) as Range;
          offset = range.offset;
          length = range.length;
          position = range.position;
        }
        const start = offset ?? 0;
        checkInteger(start, 'offset', 0);
        const bytes = typeof length === 'number' ? length : buffer.byteLength - start;
        checkWriteRange(start, bytes, buffer.byteLength);
        part = viewOf(buffer).subarray(start, start + bytes);
      } else {
        part = toBytes(buffer, 'buffer', length);
        position = offset;
      }
      const at = toWritePosition(position);
      const file = context.file(fd, 'write');
      return asNode('write', () => (at === undefined ? file.write(part) : file.pwrite(part, at)));
    },

    readvSync(fd: unknown, buffers: unknown, position?: unknown): number {
      toFd(fd);
      checkBuffers(buffers);
      const file = context.file(fd, 'read');
      if (buffers.length === 0) throw errnoError(EINVAL, 'read');
      const at = typeof position === 'number' ? toWritePosition(position) : undefined;
      return asNode('read', () => file.readv(buffers.map(viewOf), at));
    },

    writevSync(fd: unknown, buffers: unknown, position?: unknown): number {
      toFd(fd);
      checkBuffers(buffers);
      if (buffers.length === 0) return 0;
      const file = context.file(fd, 'write');
      const at = typeof position === 'number' ? toWritePosition(position) : undefined;
      return asNode('write', () => file.writev(buffers.map(viewOf), at));
    },

    fsyncSync(fd: unknown): void {
      const file = context.file(fd, 'fsync');
      asNode('fsync', () => file.fsync());
    },

    fdatasyncSync(fd: unknown): void {
      const file = context.file(fd, 'fdatasync');
      asNode('fdatasync', () => file.fdatasync());
    },

    ftruncateSync(fd: unknown, length: unknown = 0): void {
      checkInteger(length, 'len');
      const file = context.file(fd, 'ftruncate');
      asNode('ftruncate', () => file.truncate(Math.max(0, length)));
    },

    fstatSync(fd: unknown, options: { bigint?: boolean } = {}) {
      const file = context.file(fd, 'fstat');
      return toStats(
        asNode('fstat', () => file.stat()),
        options.bigint,
      );
    },

    fchmodSync(fd: unknown, mode: unknown): void {
      const permissions = toMode(mode, 'mode');
      const file = context.file(fd, 'fchmod');
      asNode('fchmod', () => file.setAttributes({ mode: permissions }));
    },

    fchownSync(fd: unknown, uid: unknown, gid: unknown): void {
      checkOwner(uid, gid);
      const file = context.file(fd, 'fchown');
      asNode('fchown', () => file.setAttributes({ owner: toOwner(file.stat(), uid, gid) }));
    },

    futimesSync(fd: unknown, accessed: unknown, modified: unknown): void {
      const times = toTimes(context, accessed, modified, ['atime', 'mtime']);
      const file = context.file(fd, 'futime');
      asNode('futime', () => file.setAttributes({ times }));
    },
  };
}
