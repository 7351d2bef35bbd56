// The private file system of an origin, made up for Node: files in memory behind synchronous access handles, with the faults that a browser may have.
//
// Verbs: PrivateFiles.install (as navigator.storage), fill, bytesOf. Names and errors are those of the File System standard; a write may take
// less than it is given, and storage may be full.
// Invariant: a file has one handle at a time, as in a browser.

const NOT_FOUND = 'NotFoundError';
const HELD = 'NoModificationAllowedError';

interface KeptFile {
  bytes: Uint8Array<ArrayBuffer>;
  isOpen: boolean;
}

type Mode = 'readwrite' | 'read-only';

/** What goes wrong, and what was asked for. */
export class PrivateFiles {
  /** By path from the root. */
  readonly files = new Map<string, KeptFile>();
  readonly folders = new Set<string>();
  /** Bytes of all files together. */
  quotaBytes = Number.POSITIVE_INFINITY;
  /** What one call reads or writes at most. */
  transferBytes = Number.POSITIVE_INFINITY;
  /** A name of a DOMException that every opening of a file throws. */
  openFault: string | undefined;
  /** The same for the root. */
  rootFault: string | undefined;
  /** False: as on a page outside a worker. */
  hasHandles = true;
  /** How each file was opened last. */
  readonly modes = new Map<string, Mode | undefined>();
  flushes = 0;

  /** Puts it where the code under test looks for it; returns what takes it away again. */
  install(): () => void {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    const getDirectory = async (): Promise<unknown> => {
      this.#throwFault(this.rootFault);
      return this.#folder('');
    };
    Object.defineProperty(globalThis, 'navigator', {
      configurable: true,
      value: { storage: { getDirectory } },
    });
    return () => {
      if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
      else Object.defineProperty(globalThis, 'navigator', before);
    };
  }

  /** Makes a file, or gives it another content. */
  fill(path: string, bytes: Uint8Array): void {
    this.files.set(path, { bytes: Uint8Array.from(bytes), isOpen: false });
  }

  bytesOf(path: string): Uint8Array {
    return this.#file(path).bytes;
  }

  /** Paths of the files that somebody has open. */
  get open(): string[] {
    return [...this.files].filter(([, { isOpen }]) => isOpen).map(([path]) => path);
  }

  #throwFault(name: string | undefined): void {
    if (name !== undefined) throw new DOMException('made up', name);
  }

  #file(path: string): KeptFile {
    const file = this.files.get(path);
    if (file === undefined) throw new DOMException(path, NOT_FOUND);
    return file;
  }

  #folder(path: string): unknown {
    const below = (name: string): string => (path === '' ? name : `${path}/${name}`);
    return {
      getDirectoryHandle: async (name: string) => {
        if (!this.folders.has(below(name))) throw new DOMException(name, NOT_FOUND);
        return this.#folder(below(name));
      },
      getFileHandle: async (name: string, { create = false } = {}) => {
        const file = below(name);
        if (this.folders.has(file)) throw new DOMException(name, 'TypeMismatchError');
        if (!this.files.has(file) && create) this.fill(file, new Uint8Array(0));
        this.#file(file);
        return this.#fileHandle(file);
      },
      removeEntry: async (name: string) => {
        if (this.#file(below(name)).isOpen) throw new DOMException(name, HELD);
        this.files.delete(below(name));
      },
    };
  }

  #fileHandle(path: string): unknown {
    const handle = { getFile: async () => new Blob([this.#file(path).bytes]) };
    if (!this.hasHandles) return handle;
    return {
      ...handle,
      createSyncAccessHandle: async ({ mode }: { mode?: Mode } = {}) => {
        this.#throwFault(this.openFault);
        const file = this.#file(path);
        if (file.isOpen) throw new DOMException(path, HELD);
        file.isOpen = true;
        this.modes.set(path, mode);
        return this.#accessHandle(file);
      },
    };
  }

  #resize(file: KeptFile, size: number): void {
    const others = [...this.files.values()].filter((one) => one !== file);
    const used = others.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (used + size > this.quotaBytes) throw new DOMException('full', 'QuotaExceededError');
    const bytes = new Uint8Array(size);
    bytes.set(file.bytes.subarray(0, size));
    file.bytes = bytes;
  }

  #accessHandle(file: KeptFile): unknown {
    const checkOpen = (): void => {
      if (!file.isOpen) throw new DOMException('closed', 'InvalidStateError');
    };
    return {
      read: (target: Uint8Array, { at }: { at: number }) => {
        checkOpen();
        const count = Math.min(target.length, this.transferBytes, Math.max(0, file.bytes.length - at));
        target.set(file.bytes.subarray(at, at + count));
        return count;
      },
      write: (source: Uint8Array, { at }: { at: number }) => {
        checkOpen();
        const count = Math.min(source.length, this.transferBytes);
        if (at + count > file.bytes.length) this.#resize(file, at + count);
        file.bytes.set(source.subarray(0, count), at);
        return count;
      },
      truncate: (size: number) => {
        checkOpen();
        this.#resize(file, size);
      },
      getSize: () => {
        checkOpen();
        return file.bytes.length;
      },
      flush: () => {
        checkOpen();
        this.flushes++;
      },
      close: () => {
        file.isOpen = false;
      },
    };
  }
}
