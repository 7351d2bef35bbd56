// The disks that the page keeps in the origin's private file system: one folder, one file a disk.
//
// Verbs: storedDisks, makeStored, openStored, removeStored, patchStored; DISK_NAME, GUEST_DISK_NAME. A disk's file has its whole size from the start.

import { writeWhole } from '../../backing/opfs.ts';
import type { StoredDisk } from './live-protocol.ts';

/** The volume's disk and the guest's, as images of a machine. */
export const DISK_NAME = 'volume.img';
export const GUEST_DISK_NAME = 'linux.img';

interface Writable {
  write(source: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type OpenableHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<Writable> };

export async function storedDisks(): Promise<StoredDisk[]> {
  const root = await navigator.storage.getDirectory();
  const found: StoredDisk[] = [];
  for (const name of [DISK_NAME, GUEST_DISK_NAME]) {
    const handle = await root.getFileHandle(name).catch(() => undefined);
    if (handle !== undefined) found.push({ name, sizeBytes: (await handle.getFile()).size });
  }
  return found;
}

async function useFile(name: string, body: (file: Writable) => void): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const handle = (await root.getFileHandle(name, { create: true })) as OpenableHandle;
  const file = await handle.createSyncAccessHandle();
  try {
    body(file);
    file.flush();
  } finally {
    file.close();
  }
}

/** Makes the disk, `sizeBytes` of zeros, unless it is there. Throws an Error that a reader understands. */
export async function makeStored(name: string, sizeBytes: number): Promise<void> {
  if ((await storedDisks()).some((disk) => disk.name === name && disk.sizeBytes > 0)) return;
  try {
    await useFile(name, (file) => file.truncate(sizeBytes));
  } catch (error) {
    await removeStored(name).catch(() => {});
    if ((error as Error).name !== 'QuotaExceededError') throw error;
    throw new Error(
      'The browser has no room for a disk of this size. Choose a smaller one, or clear the other.',
    );
  }
}

const OPEN_ELSEWHERE = 'The disk is open, here or in another tab: close it there first.';

/** What `open` makes of a machine over a stored disk. Throws an Error that a reader understands when something else has the disk open. */
export async function openStored<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  try {
    return await open();
  } catch (error) {
    if (!/\bEBUSY\b/.test((error as Error).message)) throw error;
    throw new Error(OPEN_ELSEWHERE, { cause: error });
  }
}

export async function removeStored(name: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  try {
    await root.removeEntry(name);
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return;
    if ((error as Error).name !== 'NoModificationAllowedError') throw error;
    throw new Error(OPEN_ELSEWHERE, { cause: error });
  }
}

/** Writes pieces into the disk's file, which nobody has open. Throws an Error that a reader understands. */
export async function patchStored(
  name: string,
  pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
): Promise<void> {
  try {
    await useFile(name, (file) => {
      for (const { offset, bytes } of pieces) writeWhole(file, bytes, offset);
    });
  } catch (error) {
    if ((error as Error).name !== 'QuotaExceededError') throw error;
    throw new Error(
      'The browser has no room for all that the cut has left on the disk: some of it is not as it was cut.',
    );
  }
}
