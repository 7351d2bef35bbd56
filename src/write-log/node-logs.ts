// Write logs in files, for Node: what entries.ts and dm-import.ts do, with a path as well.
//
// Verbs: openWriteLog, importDmLogWrites.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StorageError } from '../errors.ts';
import { type ImportedLog, importDmLogWrites as importDm } from './dm-import.ts';
import { openWriteLog as open, type WriteLog } from './entries.ts';
import type { LogInput, LogSource } from './source.ts';

const EIO = -5;

/** Runs a call of node:fs; what it throws becomes a StorageError. */
function atFile<T>(syscall: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new StorageError(syscall, (error as NodeJS.ErrnoException).errno ?? EIO, { path });
  }
}

/** A file as a source. Throws StorageError for one that can not be opened. */
function openFile(path: string): LogSource & { close(): void } {
  const fd = atFile('open', path, () => openSync(path, 'r'));
  return {
    name: path,
    size: atFile('stat', path, () => fstatSync(fd).size),
    read(target, offset) {
      for (let done = 0; done < target.length; ) {
        const got = atFile('read', path, () =>
          readSync(fd, target, done, target.length - done, offset + done),
        );
        if (got === 0) throw new StorageError('read', EIO, { path, hint: 'the file has become shorter' });
        done += got;
      }
    },
    close: () => closeSync(fd),
  };
}

/**
 * Opens a write log: its bytes, a SparseMemory that holds them, or the path of its file, which stays open until `close()`.
 * Throws WriteLogError for what is none, StorageError for a file that can not be read.
 */
export function openWriteLog(input: LogInput | string): WriteLog {
  if (typeof input !== 'string') return open(input);
  const file = openFile(input);
  try {
    return open(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reads a log in the format of dm-log-writes: its bytes, a SparseMemory with them, or the path of its file. The log tells of
 * one drive. A file that ends inside an entry gives what stands before, and `lost` says so. Throws WriteLogError for what
 * is no such log, naming file, offset and field; StorageError for a file that can not be read.
 */
export function importDmLogWrites(input: LogInput | string): ImportedLog {
  if (typeof input !== 'string') return importDm(input);
  const file = openFile(input);
  try {
    return importDm(file);
  } finally {
    file.close();
  }
}
