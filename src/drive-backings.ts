// What the drives of one machine are kept in: sparse memory or image files, the bytes that volatile writes replace, layers of damage.
//
// Verbs: attach, attachAll, openFile, memory, checkReach, branch, reopen, closeFiles. The core is told descriptors; it alone reads and writes.
// Invariant: a drive is attached once in the life of its machine.

import { DRIVE_FLAG_READ_ONLY, DRIVE_FLAG_UNDO } from '../assembly/layout.ts';
import type { MemoryHost } from './backing/memory-host.ts';
import { OverlaidImage } from './backing/overlaid-image.ts';
import { SparseMemory } from './backing/sparse-memory.ts';
import type { BufferArena } from './core/buffer-arena.ts';
import type { ResolvedDrive } from './core/config-struct.ts';
import type { Core } from './core/core.ts';
import { ConfigError, check } from './errors.ts';
import type { ImageFile } from './platform.ts';

/** Descriptors of a drive's backing, and of the bytes that its volatile writes replace. */
interface DriveFds {
  readonly fd: number;
  readonly undoFd: number;
}

/** What a crashed machine left: each drive over a fork of its backing, what its cache can undo, its damage. */
export interface LeftDrives {
  readonly drives: readonly ResolvedDrive[];
  readonly undo: ReadonlyMap<number, SparseMemory>;
  readonly layers: SparseMemory | undefined;
}

/** What the drives' machine gives them. */
interface Owner {
  readonly core: Core;
  readonly host: MemoryHost;
  readonly buffers: BufferArena;
}

export class DriveBackings {
  readonly #owner: Owner;
  readonly #drives: readonly ResolvedDrive[];
  readonly #images: readonly (ImageFile | undefined)[];
  readonly #hasBytes: boolean;
  readonly #memories = new Map<number, SparseMemory>();
  readonly #fds = new Map<number, DriveFds>();
  /** Image files and the write log's, which the core has open. */
  readonly #imageFds: number[] = [];
  readonly #fileFds: number[] = [];
  #undo: ReadonlyMap<number, SparseMemory> = new Map();
  #layerFd = 0;

  constructor(
    owner: Owner,
    drives: readonly ResolvedDrive[],
    images: readonly (ImageFile | undefined)[],
    hasBytes: boolean,
  ) {
    this.#owner = owner;
    this.#drives = drives;
    this.#images = images;
    this.#hasBytes = hasBytes;
  }

  /** True when a drive's image held bytes before this machine opened it. */
  heldData(drive: number): boolean {
    return (this.#images[drive]?.size ?? 0) > 0;
  }

  isAttached(drive: number): boolean {
    return this.#fds.has(drive);
  }

  /** What a drive without an image is kept in. Throws ConfigError for a drive with an image or one not used yet. */
  memory(drive: number): SparseMemory {
    const memory = this.#memories.get(drive);
    if (memory === undefined) throw new ConfigError('drive', drive, 'a drive in memory that has been used');
    return memory;
  }

  /** Where layers of damage keep bytes: what another machine left, or nothing yet. */
  attachLayers(memory: SparseMemory | undefined): void {
    if (!this.#hasBytes) return;
    this.#layerFd = this.#owner.host.add(memory ?? new SparseMemory());
    this.#owner.core.call((exports) => exports.faultsAttach(this.#layerFd));
  }

  /** Gives a drive its backing if it has none yet: its image, the memory it was given, or new sparse memory. */
  attach(drive: number): void {
    const config = this.#drives[drive];
    if (config === undefined) throw new ConfigError('drive', drive, `from 0 to ${this.#drives.length - 1}`);
    if (!this.#hasBytes || this.isAttached(drive)) return;
    const image = config.memory === undefined ? this.#images[drive] : undefined;
    const fd = image === undefined ? this.#attachMemory(drive, config) : this.#openImage(config, image);
    const hasUndo = (config.flags & DRIVE_FLAG_UNDO) !== 0;
    const undoFd = hasUndo ? this.#owner.host.add(this.#undo.get(drive) ?? new SparseMemory()) : -1;
    this.#fds.set(drive, { fd, undoFd });
    check(
      'open',
      this.#owner.core.call((exports) => exports.driveAttach(drive, fd, undoFd)),
    );
  }

  attachAll(): void {
    for (const drive of this.#drives.keys()) this.attach(drive);
  }

  #attachMemory(drive: number, config: ResolvedDrive): number {
    const memory = config.memory ?? new SparseMemory();
    this.#memories.set(drive, memory);
    memory.extend(config.size);
    return this.#owner.host.add(memory);
  }

  #openImage(config: ResolvedDrive, image: ImageFile): number {
    const isReadOnly = (config.flags & DRIVE_FLAG_READ_ONLY) !== 0;
    const fd = this.openFile(image, config.image ?? image.name, isReadOnly);
    this.#imageFds.push(fd);
    return fd;
  }

  /** A descriptor of a real file; `path` is what the user calls it. Throws StorageError. */
  openFile(image: ImageFile, path: string, isReadOnly: boolean): number {
    const { core, host, buffers } = this.#owner;
    const name = new TextEncoder().encode(image.name);
    const result = buffers.borrow(name.length, (address) => {
      core.memory.bytes.set(name, address);
      return core.call((exports) =>
        exports.imageOpen(image.directory, address, name.length, isReadOnly ? 1 : 0),
      );
    });
    const fd = check('open', result, { path });
    this.#fileFds.push(fd);
    if (image.access !== undefined) host.addImage(fd, new OverlaidImage(image.access));
    return fd;
  }

  get hasFiles(): boolean {
    return this.#fileFds.length > 0;
  }

  /** Throws ConfigError when a file can not be forked here. */
  checkReach(call: string): void {
    if (this.#fileFds.some((fd) => !this.#owner.host.hasImage(fd)))
      throw new ConfigError('image', 'given', `out of reach for ${call} here`);
  }

  /** Takes over the descriptors of another machine's backings: `owner.host` has forks of them. */
  follow(other: DriveBackings): void {
    for (const [drive, fds] of other.#fds) {
      this.#fds.set(drive, fds);
      const memory = this.#owner.host.files.get(fds.fd);
      if (memory !== undefined) this.#memories.set(drive, memory);
    }
    this.#layerFd = other.#layerFd;
  }

  /** Everything over forks, for a machine that finds these drives. */
  leave(): LeftDrives {
    const files = this.#owner.host.save();
    const undo = new Map<number, SparseMemory>();
    const drives = this.#drives.map((config, drive) => {
      const fds = this.#fds.get(drive);
      const replaced = files.get(fds?.undoFd ?? -1);
      if (replaced !== undefined) undo.set(drive, replaced);
      return { ...config, memory: files.get(fds?.fd ?? -1) };
    });
    return { drives, undo, layers: files.get(this.#layerFd) };
  }

  /** Attaches what a crashed machine left; the drives themselves came with the config. */
  attachLeft({ undo, layers }: LeftDrives): void {
    this.#undo = undo;
    this.attachLayers(layers);
  }

  closeImages(): void {
    for (const fd of this.#imageFds) this.#owner.core.exports.imageClose(fd);
  }
}
