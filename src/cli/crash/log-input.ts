// What `sectorlab crash` is given: a write log of ours, one of dm-log-writes, or a module; and the image that the drive held before.
//
// Verbs: inputKind, openLog, openBase.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { LOG_MAGIC_HIGH, LOG_MAGIC_LOW } from '../../../assembly/layout.ts';
import type { ImageAccess } from '../../backing/overlaid-image.ts';
import { OverlaidImage } from '../../backing/overlaid-image.ts';
import { SparseMemory } from '../../backing/sparse-memory.ts';
import { StorageError } from '../../errors.ts';
import { DM_MAGIC } from '../../write-log/dm-log-writes.ts';
import type { WriteLog } from '../../write-log/entries.ts';
import { importDmLogWrites, openWriteLog } from '../../write-log/node-logs.ts';
import type { ImageBase } from './image-file.ts';

const MODULE_ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];
const OUR_MAGIC = (BigInt(LOG_MAGIC_HIGH >>> 0) << 32n) | BigInt(LOG_MAGIC_LOW >>> 0);
const MAGIC_BYTES = 8;
const EIO = -5;
const EISDIR = -21;

export type InputKind = 'log' | 'dm-log-writes' | 'module';

/** What is wrong with what the command line was given. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code = 'ERR_SECTORLAB_INPUT';
}

/** Opens a file to read; what node:fs throws becomes a StorageError. */
function openFile(path: string): number {
  try {
    const fd = openSync(path, 'r');
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
  } catch (error) {
    throw new StorageError('open', (error as NodeJS.ErrnoException).errno ?? EIO, { path });
  }
  throw new StorageError('open', EISDIR, { path });
}

/** By the ending of its name, or the first bytes. Throws InputError for what is none, StorageError for a file that can not be read. */
export function inputKind(path: string): InputKind {
  const fd = openFile(path);
  const head = Buffer.alloc(MAGIC_BYTES);
  try {
    readSync(fd, head, 0, MAGIC_BYTES, 0);
  } finally {
    closeSync(fd);
  }
  if (MODULE_ENDINGS.includes(extname(path))) return 'module';
  const magic = head.readBigUInt64LE();
  if (magic === OUR_MAGIC) return 'log';
  if (magic === DM_MAGIC) return 'dm-log-writes';
  throw new InputError(
    `${path} is no write log of sectorlab, no log of dm-log-writes, and no module (${MODULE_ENDINGS.join(', ')})`,
  );
}

export interface OpenedLog {
  readonly log: WriteLog;
  /** What the format does not say, in words. */
  readonly lost: readonly string[];
}

/** Opens a log of either format. Throws WriteLogError for one that is damaged. */
export function openLog(path: string, kind: Exclude<InputKind, 'module'>): OpenedLog {
  return kind === 'log' ? { log: openWriteLog(path), lost: [] } : importDmLogWrites(path);
}

/** A file that is only read. */
function readOnly(path: string): ImageAccess {
  const fd = openFile(path);
  const refuse = (): never => {
    throw new StorageError('write', EIO, { path, hint: 'the base image is never written' });
  };
  return {
    size: fstatSync(fd).size,
    read: (target, offset) => readSync(fd, target, 0, target.length, offset),
    write: refuse,
    truncate: refuse,
  };
}

/** What the drive held before the log: an image file, which is read where it is needed, or zeros. */
export function openBase(path: string | undefined): ImageBase {
  if (path === undefined) return { memory: new SparseMemory(), path };
  const access = readOnly(path);
  return { memory: new OverlaidImage(() => access).fork(), path };
}
