// SQLite on a machine's volume: a VFS for SQLite's own wasm build (@sqlite.org/sqlite-wasm), after os_unix.c.
//
// Verbs: installVfs; use, open, dispose. It is registered once with a sqlite3 module, which is expensive to load, and pointed
// at one volume after the other: a crash image costs no new module.
//
// As on Unix: the order of writes, flushes and directory flushes, the five levels of lock, a read behind the end of a file. Otherwise:
// a single process, no memory-mapped files, the index of a write-ahead log in memory, and clock and random numbers that are the same in each run.

import { ConfigError } from '../errors.ts';
import { ioMethods } from './sqlite/io-methods.ts';
import { Mount } from './sqlite/mount.ts';
import type { OpenFile } from './sqlite/open-file.ts';
import { Refusals } from './sqlite/refusals.ts';
import type { Sqlite3, SqliteDatabase, SqliteStruct, SqliteVfsStruct, SqliteVolume } from './sqlite/types.ts';
import { MAX_PATH_BYTES, vfsMethods } from './sqlite/vfs-methods.ts';

export type { Sqlite3, SqliteDatabase, SqliteFs, SqliteStats, SqliteVolume } from './sqlite/types.ts';

export interface InstallOptions {
  /** By which connections ask for it: a name that no VFS of the module has. Default `sectorlab`. */
  readonly name?: string;
}

/** A connection, as the module's object API makes them. */
type DatabaseOf<Module extends Sqlite3> = InstanceType<Module['oo1']['DB']>;

/** Bytes of sqlite3_file: the address of the methods. */
const FILE_BYTES = 4;
/** Of both tables of methods: 64-bit time, shared memory, no memory-mapped files. */
const VERSION = 2;

/** A VFS that shows one volume at a time. Make one with `installVfs`. */
export class SqliteVfs<Module extends Sqlite3 = Sqlite3> implements Disposable {
  readonly name: string;
  readonly #sqlite3: Module;
  readonly #files = new Map<number, OpenFile>();
  readonly #refusals = new Refusals();
  readonly #vfs: SqliteVfsStruct;
  readonly #methods: SqliteStruct;
  #databases: SqliteDatabase[] = [];
  #mount: Mount | undefined;

  /** @internal */
  constructor(sqlite3: Module, name: string) {
    const { capi, wasm, vfs } = sqlite3;
    if (name === '' || capi.sqlite3_vfs_find(name) !== 0)
      throw new ConfigError('name', name, 'a name that no VFS has');
    this.name = name;
    this.#sqlite3 = sqlite3;
    this.#methods = new capi.sqlite3_io_methods();
    // the version is the first field; the package's types do not know it by its name
    wasm.poke32(this.#methods.pointer, VERSION);
    this.#vfs = new capi.sqlite3_vfs();
    this.#vfs.$iVersion = VERSION;
    this.#vfs.$szOsFile = FILE_BYTES;
    this.#vfs.$mxPathname = MAX_PATH_BYTES;
    const context = {
      sqlite3,
      ioMethods: this.#methods.pointer,
      files: this.#files,
      refusals: this.#refusals,
      mount: () => this.#shown(),
    };
    const parts = {
      io: { struct: this.#methods, methods: ioMethods(wasm, this.#files, this.#refusals, name) },
      vfs: { struct: this.#vfs, methods: vfsMethods(context), name },
    };
    vfs.installVfs(parts as never);
  }

  #shown(): Mount {
    if (this.#mount === undefined) throw new ConfigError('volume', undefined, 'given to use() first');
    return this.#mount;
  }

  /**
   * Shows a volume, as it is after a crash of the one before: connections that are still open are not heard of any more, neither volume
   * changes by them, and those that `open` made are closed. SQLite's random numbers begin anew, so that the same calls write the same bytes.
   */
  use(volume: SqliteVolume): void {
    this.#leave();
    this.#mount = new Mount(volume, this.#sqlite3.wasm);
    this.#seed();
  }

  /** What is open stays behind on a volume that answers nothing. */
  #leave(): void {
    if (this.#mount !== undefined) this.#mount.isLeft = true;
    this.#mount = undefined;
    const left = this.#databases;
    this.#databases = [];
    for (const database of left) if (database.isOpen()) database.close();
  }

  /** SQLite seeds its generator once, by the default VFS: for as long as that takes it is this one. */
  #seed(): void {
    const { capi, wasm } = this.#sqlite3;
    const before = capi.sqlite3_vfs_find(null);
    const byte = wasm.alloc(1);
    capi.sqlite3_vfs_register(this.#vfs.pointer, 1);
    capi.sqlite3_randomness(0, 0);
    capi.sqlite3_randomness(1, byte);
    capi.sqlite3_vfs_register(before, 1);
    wasm.dealloc(byte);
  }

  /**
   * Opens a database of the volume: `new sqlite3.oo1.DB` with this VFS. `flags`: `c` creates, `w` writes, `r` reads only, `t` traces.
   * Throws the package's SQLite3Error.
   */
  open(filename: string, flags = 'c'): DatabaseOf<Module> {
    this.#shown();
    const database = new this.#sqlite3.oo1.DB({ filename, flags, vfs: this.name });
    this.#databases = this.#databases.filter((one) => one.isOpen());
    this.#databases.push(database);
    return database as DatabaseOf<Module>;
  }

  /** What the volume last refused, as its fs threw it: SQLite only has a number for it. */
  get lastError(): unknown {
    return this.#refusals.error;
  }

  /** Takes the VFS from the module. Connections that `open` did not make must be closed before. */
  dispose(): void {
    this.#leave();
    this.#sqlite3.capi.sqlite3_vfs_unregister(this.#vfs.pointer);
    this.#vfs.dispose();
    this.#methods.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Gives a `sqlite3` module a VFS over a volume, or over anything in the shape of node:fs. `volume` may come later, by `use`.
 * The module is the package's: `await sqlite3InitModule()`.
 *
 * A write-ahead log needs no exclusive locking mode. An error of the volume is SQLite's IOERR, FULL, CANTOPEN or READONLY; EIO of a read is
 * CORRUPT, as on Unix. `psow=0` in a URI takes POWERSAFE_OVERWRITE back. Throws ConfigError for a name that is taken.
 *
 * @example
 * const sqlite3 = await sqlite3InitModule();
 * const machine = await Machine.create({ volume: true });
 * const vfs = installVfs(sqlite3, { fs: nodeFs(machine), machine });
 * const db = vfs.open('/todo.db');
 * db.exec('pragma synchronous = extra'); // full, the default, may lose the last commit: nothing syncs the journal's end
 * db.exec("create table todo (task); insert into todo values ('buy milk')");
 *
 * const after = machine.crash('power');
 * vfs.use({ fs: nodeFs(after), machine: after });
 * console.log(vfs.open('/todo.db').selectValues('select task from todo')); // [ 'buy milk' ]
 */
export function installVfs<Module extends Sqlite3>(
  sqlite3: Module,
  volume?: SqliteVolume,
  options: InstallOptions = {},
): SqliteVfs<Module> {
  const vfs = new SqliteVfs(sqlite3, options.name ?? 'sectorlab');
  if (volume !== undefined) vfs.use(volume);
  return vfs;
}
