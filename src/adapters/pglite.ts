// A file system for PGlite: PostgreSQL, compiled to wasm, keeps its data directory on a machine's volume.
//
// Verbs: pgliteFs. PGlite's class is handed in, so that nothing of the package is needed here.
//
// How PGlite 0.5.16 treats durability:
//   - it starts PostgreSQL with `-F` (fsync off), so that PostgreSQL asks for nothing to be durable;
//   - would it ask, fsync(2) ended in Emscripten, as PGlite's interface has no such call, and fdatasync(2) does nothing at all;
//   - after each query PGlite calls syncToFs, and waits for it unless `relaxedDurability` is set.
// The first is the caller's choice (`startParams`); the second is mended here: both calls reach the volume.

import type { Machine } from '../machine.ts';
import { CALL_NAMES, Calls } from './pglite/calls.ts';
import { type EmscriptenOptions, withHooks } from './pglite/emscripten.ts';

/** A class of PGlite's, seen from here. */
type AnyClass<Instance extends object> = abstract new (...values: never[]) => Instance;

/** Everything has a default. */
export interface PgliteFsOptions {
  /** Directory of the volume that holds the data directory; made when it is missing. Default `/`. */
  readonly directory?: string;
  /**
   * What the end of a query means. `all` (default): everything is on the media before the query's promise resolves (syncfs),
   * unless PGlite has `relaxedDurability`. `none`: nothing; durable is what PostgreSQL itself syncs, which it does when it
   * runs without `-F`.
   */
  readonly afterQuery?: 'all' | 'none';
  /** Of random numbers, a whole number from 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
}

const MOUNT_POINT = '/pglite/data';

/** What of PGlite's BaseFilesystem is built upon. */
interface BaseLike {
  init(pg: object, options: EmscriptenOptions): Promise<{ emscriptenOpts: EmscriptenOptions }>;
}

/** PGlite's own word for where it mounts the data directory. */
function mountPointOf(pg: object): string {
  const { paths } = pg.constructor as { paths?: { PGDATA?: string } };
  return paths?.PGDATA ?? MOUNT_POINT;
}

/**
 * The machine's volume as a file system for PGlite 0.5 (tried with 0.5.16), whose BaseFilesystem is handed in. The volume wants
 * 64 MiB and 2,048 inodes or more; without a data directory on it PGlite makes one, which takes seconds.
 *
 *     import { PGlite } from '@electric-sql/pglite';
 *     import { BaseFilesystem } from '@electric-sql/pglite/basefs';
 *
 *     const machine = await Machine.create({ drives: [{ size: '128MiB' }], volume: { inodes: 4096 } });
 *     const pg = await PGlite.create({ fs: pgliteFs(BaseFilesystem, machine) });
 *     await pg.query('SELECT 1');
 *
 * What is durable when: as PGlite comes, everything at the end of each query, and nothing before, in whatever order PostgreSQL
 * wrote it. To a crash inside a query that is harsher than any server: no write-ahead log protects the pages that a checkpoint or
 * a full buffer has written. To one behind it, it is kinder: pages, files and names are all there, not only the log. For
 * PostgreSQL's own order give PGlite its `startParams` without `-F` and this `afterQuery: 'none'`: fsync and fdatasync of files
 * and directories then reach the volume, and the log comes before the pages.
 *
 * Clocks begin at 2000-01-01 and follow the machine's, each look at one takes a microsecond; random numbers come from the seed: the same
 * queries write the same bytes. Making a new data directory is PGlite's own and uses the real ones.
 *
 * PostgreSQL does not start on a `postmaster.pid` without content, which a crash while it starts may leave (its name without its data):
 * remove such a file first, as its manual asks of an operator.
 *
 * Throws ConfigError without a volume.
 */
export function pgliteFs<Instance extends object>(
  BaseFilesystem: AnyClass<Instance>,
  machine: Machine,
  options: PgliteFsOptions = {},
): Instance {
  const { directory = '/', afterQuery = 'all', seed = 1 } = options;
  const calls = new Calls(machine, directory);
  calls.prepare();

  class VolumeFilesystem extends (BaseFilesystem as unknown as new () => BaseLike) {
    override async init(pg: object, given: EmscriptenOptions) {
      const { emscriptenOpts } = await super.init(pg, given);
      const targets = {
        mountPoint: mountPointOf(pg),
        syncFile: (descriptor: number, isDataOnly: boolean) => calls.syncFile(descriptor, isDataOnly),
        syncDirectory: (path: string) => calls.syncDirectory(path),
        nowNs: () => calls.nowNs(),
        seed,
      };
      return { emscriptenOpts: withHooks(emscriptenOpts, targets) };
    }

    async syncToFs(isRelaxed = false): Promise<void> {
      if (afterQuery === 'all' && !isRelaxed) calls.sync();
    }

    /** PostgreSQL has ended; what it wrote last is durable, too, unless it was to look after that itself. */
    async closeFs(): Promise<void> {
      if (afterQuery === 'all') calls.sync();
      calls.closeAll();
    }
  }

  const filesystem = new VolumeFilesystem();
  for (const name of CALL_NAMES) Object.assign(filesystem, { [name]: calls[name].bind(calls) });
  return filesystem as unknown as Instance;
}
