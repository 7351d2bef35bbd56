// What the VFS uses of SQLite's wasm package and of an `fs`, and what it is given. Types only.
// They are our own and small, so that the adapter needs no package, and any `fs` will do.

import type { DrivePromise } from '../../core/promises.ts';
import type { Machine } from '../../machine.ts';

/** A C struct of the package: fields are `$name`. */
export interface SqliteStruct {
  readonly pointer: number;
  dispose(): void;
}

export interface SqliteVfsStruct extends SqliteStruct {
  $iVersion: number;
  $szOsFile: number;
  $mxPathname: number;
}

/** What is used of a connection of the package's object API. */
export interface SqliteDatabase {
  isOpen(): boolean;
  close(): void;
}

/** What is used of the `sqlite3` object that @sqlite.org/sqlite-wasm gives. */
export interface Sqlite3 {
  readonly capi: {
    readonly sqlite3_vfs: new () => SqliteVfsStruct;
    readonly sqlite3_io_methods: new () => SqliteStruct;
    sqlite3_vfs_find(name: string | null): number;
    sqlite3_vfs_register(vfs: number, makeDefault: number): number;
    sqlite3_vfs_unregister(vfs: number): number;
    sqlite3_randomness(bytes: number, pointer: number): void;
    sqlite3_uri_boolean(name: number, parameter: string, fallback: number): number;
  };
  readonly wasm: {
    heap8u(): Uint8Array;
    alloc(bytes: number): number;
    dealloc(pointer: number): void;
    allocCString(text: string, withLength: false): number;
    cstrToJs(pointer: number): string | null;
    peek32(pointer: number): number;
    peek64(pointer: number): bigint;
    poke32(pointer: number, value: number): unknown;
    poke64(pointer: number, value: bigint): unknown;
    poke64f(pointer: number, value: number): unknown;
  };
  readonly vfs: { installVfs(parts: never): unknown };
  readonly oo1: {
    readonly DB: new (options: { filename: string; flags: string; vfs: string }) => SqliteDatabase;
  };
}

/** What is asked of a file's attributes. */
export interface SqliteStats {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  isFile(): boolean;
}

/** What the VFS uses of an `fs`: node:fs has it, nodeFs(machine), and what explore() hands over. */
export interface SqliteFs {
  readonly constants: {
    readonly O_RDONLY: number;
    readonly O_RDWR: number;
    readonly O_CREAT: number;
    readonly O_EXCL: number;
    readonly R_OK: number;
    readonly W_OK: number;
  };
  openSync(path: string, flags: number, mode?: number): number;
  closeSync(fd: number): void;
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  ftruncateSync(fd: number, bytes: number): void;
  fsyncSync(fd: number): void;
  fdatasyncSync(fd: number): void;
  fstatSync(fd: number): SqliteStats;
  statSync(path: string, options: { throwIfNoEntry: false }): SqliteStats | undefined;
  accessSync(path: string, mode: number): void;
  unlinkSync(path: string): void;
}

/** Where databases live. What explore() hands to a workload and to a recovery is one. */
export interface SqliteVolume {
  /** For example `nodeFs(machine)`. */
  readonly fs: SqliteFs;
  /** Gives SQLite its clock (1970 and the virtual time), the seed of its random numbers, and what the drive promises. Without it the clock stands still. */
  readonly machine?: Machine;
  /** What SQLite is told of the drive. Default: what the drive promises, and POWERSAFE_OVERWRITE, as on Unix. */
  readonly promises?: readonly DrivePromise[];
}
