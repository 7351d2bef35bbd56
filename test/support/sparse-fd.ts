// Sparse memory as browser_wasi_shim takes its files: the same bytes under a plain shim, to compare our own host with.

import { Fd, wasi } from '@bjorn3/browser_wasi_shim';
import type { SparseMemory } from '../../src/backing/sparse-memory.ts';

/** The shim's view of a file in sparse memory, for runtimes that take `Fd` objects. */
export class SparseFd extends Fd {
  constructor(readonly memory: SparseMemory) {
    super();
  }

  override fd_pread(size: number, offset: bigint): { ret: number; data: Uint8Array } {
    const start = Number(offset);
    try {
      const data = new Uint8Array(Math.max(0, Math.min(size, this.memory.size - start)));
      this.memory.read(data, start);
      return { ret: wasi.ERRNO_SUCCESS, data };
    } catch {
      return { ret: wasi.ERRNO_IO, data: new Uint8Array() };
    }
  }

  override fd_pwrite(data: Uint8Array, offset: bigint): { ret: number; nwritten: number } {
    try {
      this.memory.write(data, Number(offset));
      return { ret: wasi.ERRNO_SUCCESS, nwritten: data.byteLength };
    } catch {
      return { ret: wasi.ERRNO_IO, nwritten: 0 };
    }
  }

  override fd_sync(): number {
    return wasi.ERRNO_SUCCESS;
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat } {
    return {
      ret: wasi.ERRNO_SUCCESS,
      filestat: new wasi.Filestat(0n, wasi.FILETYPE_REGULAR_FILE, BigInt(this.memory.size)),
    };
  }

  override fd_close(): number {
    return wasi.ERRNO_SUCCESS;
  }
}
