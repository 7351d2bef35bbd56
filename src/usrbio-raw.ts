// The C interface of 3FS USRBIO (hf3fs_usrbio.h) on structs in client memory, with its own conventions.
//
// Every argument that the C interface takes as a pointer is an address in client memory; texts end with a NUL. Results are
// as there: a negative errno from most calls, a POSITIVE one from regFd and punchHole. Nothing throws.

import type { Core } from './core/core.ts';

/** Structs: struct hf3fs_iov 312 bytes, hf3fs_ior 600, hf3fs_cqe 24; offsets in assembly/layout.ts (HF3FS_…). */
export class UsrbioRaw {
  readonly #core: Core;

  /** @internal */
  constructor(core: Core) {
    this.#core = core;
  }

  /** hf3fs_is_hf3fs. */
  isHf3fs(descriptor: number): boolean {
    return this.#core.call((exports) => exports.usrbioIsHf3fs(descriptor)) !== 0;
  }

  /** hf3fs_extract_mount_point: bytes with the NUL, or -1; `out` is filled when `size` is enough. */
  extractMountPoint(out: number, size: number, path: number): number {
    return this.#core.call((exports) => exports.usrbioExtractMountPoint(out, size, path));
  }

  /** hf3fs_iovcreate: 0, EINVAL, EIO, ENOENT, EMFILE. */
  iovCreate(iov: number, mount: number, bytes: number, blockSize: number, numa: number): number {
    return this.#core.call((exports) => exports.usrbioIovCreate(iov, mount, bytes, blockSize, numa));
  }

  /** hf3fs_iovopen: 0, EINVAL, EFAULT, ENOENT, EIO. */
  iovOpen(iov: number, id: number, mount: number, bytes: number, blockSize: number, numa: number): number {
    return this.#core.call((exports) => exports.usrbioIovOpen(iov, id, mount, bytes, blockSize, numa));
  }

  /** hf3fs_iovwrap: 0, EINVAL, EFAULT. The id must be one that the daemon knows by the time of the request. */
  iovWrap(
    iov: number,
    base: number,
    id: number,
    mount: number,
    bytes: number,
    blockSize: number,
    numa: number,
  ): number {
    return this.#core.call((exports) => exports.usrbioIovWrap(iov, base, id, mount, bytes, blockSize, numa));
  }

  /** Tells the daemon of client memory and writes its id (16 bytes) to `id`: what the link of the Python binding does. */
  iovPublish(id: number, base: number, bytes: number, blockSize: number): number {
    return this.#core.call((exports) => exports.usrbioIovPublish(id, base, bytes, blockSize));
  }

  iovUnpublish(id: number): number {
    return this.#core.call((exports) => exports.usrbioIovUnpublish(id));
  }

  /** hf3fs_iovunlink. */
  iovUnlink(iov: number): void {
    this.#core.call((exports) => exports.usrbioIovUnlink(iov));
  }

  /** hf3fs_iovdestroy. */
  iovDestroy(iov: number): void {
    this.#core.call((exports) => exports.usrbioIovDestroy(iov));
  }

  /** hf3fs_ior_size: bytes. */
  iorSize(entries: number): number {
    return this.#core.call((exports) => exports.usrbioIorSize(entries));
  }

  /** hf3fs_iorcreate, …2, …3 and …4: what an older form lacks is 0. 0, EINVAL, ENOENT, EIO, EMFILE. */
  iorCreate(
    ior: number,
    mount: number,
    entries: number,
    isForRead: boolean,
    ioDepth: number,
    priority: number,
    timeoutMs: number,
    numa: number,
    flags: number,
  ): number {
    return this.#core.call((exports) =>
      exports.usrbioIorCreate(
        ior,
        mount,
        entries,
        isForRead ? 1 : 0,
        ioDepth,
        priority,
        timeoutMs,
        numa,
        flags,
      ),
    );
  }

  /** hf3fs_iordestroy. */
  iorDestroy(ior: number): void {
    this.#core.call((exports) => exports.usrbioIorDestroy(ior));
  }

  /** hf3fs_io_entries, or EINVAL for no ring. */
  ioEntries(ior: number): number {
    return this.#core.call((exports) => exports.usrbioIoEntries(ior));
  }

  /** hf3fs_reg_fd: 0 or less on success (minus the duplicate), a positive errno on failure. */
  regFd(descriptor: number): number {
    return this.#core.call((exports) => exports.usrbioRegFd(descriptor));
  }

  /** hf3fs_dereg_fd. */
  deregFd(descriptor: number): void {
    this.#core.call((exports) => exports.usrbioDeregFd(descriptor));
  }

  /** hf3fs_prep_io: the slot, or EINVAL, EBADF, EACCES, EAGAIN. `userdata`: a whole number up to 2^53. */
  prepIo(
    ior: number,
    iov: number,
    isRead: boolean,
    pointer: number,
    descriptor: number,
    offset: number,
    bytes: number,
    userdata: number,
  ): number {
    // without core.call: it is called for each request, and a function made for it would cost a good part of it
    const core = this.#core;
    core.checkAlive();
    try {
      const { exports } = core;
      return exports.usrbioPrepIo(ior, iov, isRead ? 1 : 0, pointer, descriptor, offset, bytes, userdata);
    } catch (error) {
      throw core.afterTrap(error);
    }
  }

  /** hf3fs_submit_ios: 0 or EINVAL. */
  submitIos(ior: number): number {
    return this.#core.call((exports) => exports.usrbioSubmitIos(ior));
  }

  /** hf3fs_wait_for_ios: results stored, or EINVAL. `timeout`: address of an ABSOLUTE virtual time, or 0. */
  waitForIos(ior: number, cqes: number, limit: number, minimum: number, timeout: number): number {
    return this.#core.call((exports) => exports.usrbioWaitForIos(ior, cqes, limit, minimum, timeout));
  }

  /** hf3fs_punchhole: 0 or a positive errno. */
  punchHole(descriptor: number, rangeCount: number, starts: number, ends: number): number {
    return this.#core.call((exports) => exports.usrbioPunchHole(descriptor, rangeCount, starts, ends));
  }
}
