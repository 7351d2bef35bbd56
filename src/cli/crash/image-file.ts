// An image as a file, for a check that is a command: written once, then only what differs from the image before.
//
// Verbs: put, keepAs, remove. A check may write to the file (a repair does): its time of modification is set to a moment of long ago, so
// that one written to is known, and is made anew.
// Invariant: after `put` the file holds the bytes of the image, whatever the check before has done to it.

import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rm, stat, utimes } from 'node:fs/promises';
import type { SparseMemory } from '../../backing/sparse-memory.ts';

const COPY_BYTES = 1048576;
/** Nobody writes a file then. */
const LONG_AGO_SECONDS = 86400;

/** Copies a file, as a clone where the file system can; else bytes, and what is zero stays a hole. */
async function copySparsely(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return;
  } catch {
    // not such a file system, or another one
  }
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w');
    try {
      await copyPieces(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copyPieces(source: FileHandle, target: FileHandle): Promise<void> {
  const piece = Buffer.alloc(COPY_BYTES);
  const zeros = Buffer.alloc(COPY_BYTES);
  const { size } = await source.stat();
  await target.truncate(size);
  for (let offset = 0; offset < size; ) {
    const { bytesRead } = await source.read(piece, 0, COPY_BYTES, offset);
    if (bytesRead === 0) break;
    const bytes = piece.subarray(0, bytesRead);
    if (!bytes.equals(zeros.subarray(0, bytesRead))) await writeAll(target, bytes, offset);
    offset += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
}

/** What the images are changes of. */
export interface ImageBase {
  /** Holds no byte that was written: it is the file at `path`, or zeros. */
  readonly memory: SparseMemory;
  readonly path: string | undefined;
}

export class ImageFile {
  readonly path: string;
  readonly #base: ImageBase;
  readonly #sizeBytes: number;
  /** What the file holds, when nobody else wrote to it; undefined: no file. */
  #held: SparseMemory | undefined;

  /** `sizeBytes`: of every image, at least the base's. */
  constructor(path: string, base: ImageBase, sizeBytes: number) {
    this.path = path;
    this.#base = base;
    this.#sizeBytes = sizeBytes;
  }

  /** Makes the file hold the image. Throws what node:fs throws. */
  async put(image: SparseMemory): Promise<void> {
    const held = this.#held !== undefined && (await this.#isIntact()) ? this.#held : await this.#begin();
    this.#held = undefined;
    const file = await open(this.path, 'r+');
    try {
      for (const { offset, bytes } of image.unshared(held)) {
        const length = Math.min(bytes.length, this.#sizeBytes - offset);
        if (length > 0) await writeAll(file, bytes.subarray(0, length), offset);
      }
    } finally {
      await file.close();
    }
    await utimes(this.path, LONG_AGO_SECONDS, LONG_AGO_SECONDS);
    this.#held = image;
  }

  async #isIntact(): Promise<boolean> {
    const found = await stat(this.path).catch(() => undefined);
    return (
      found?.isFile() === true && found.size === this.#sizeBytes && found.mtimeMs === LONG_AGO_SECONDS * 1000
    );
  }

  /** The file as it was before the log. */
  async #begin(): Promise<SparseMemory> {
    await rm(this.path, { recursive: true, force: true });
    if (this.#base.path !== undefined) await copySparsely(this.#base.path, this.path);
    const file = await open(this.path, this.#base.path === undefined ? 'w' : 'r+');
    try {
      await file.truncate(this.#sizeBytes);
    } finally {
      await file.close();
    }
    return this.#base.memory;
  }

  /** Leaves a copy behind. */
  keepAs(path: string): Promise<void> {
    return copySparsely(this.path, path);
  }

  async remove(): Promise<void> {
    this.#held = undefined;
    await rm(this.path, { recursive: true, force: true });
  }
}
