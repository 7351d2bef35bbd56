// An initramfs: a cpio archive in the "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
//
// Verbs: initramfs. Several archives may follow each other, so one can be added to another.

export interface Entry {
  /** From the root, without a slash before it; its folder comes first. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isFolder?: boolean;
}

const FILE_MODE = 0o100755;
const FOLDER_MODE = 0o040755;
const TRAILER = 'TRAILER!!!';

/** The archive, its length a multiple of 4. */
export function initramfs(entries: readonly Entry[]): Buffer {
  const parts = entries.map((entry, index) =>
    record(entry.name, entry.isFolder === true ? FOLDER_MODE : FILE_MODE, entry.bytes, index + 1),
  );
  return Buffer.concat([...parts, record(TRAILER, 0, new Uint8Array(0), 0)]);
}

function record(name: string, mode: number, bytes: Uint8Array, inode: number): Buffer {
  const nameBytes = Buffer.byteLength(name) + 1;
  // inode, mode, uid, gid, links, mtime, size, four device numbers, length of the name, no checksum
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, nameBytes, 0];
  const hexadecimal = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([padded(Buffer.from(`070701${hexadecimal}${name}\0`)), padded(bytes)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);
}
