// What of PGlite's Emscripten module a file system must reach behind PGlite's interface.
//
// Verbs: emscriptenHooks. fsync(2) and fdatasync(2) are passed on, the clocks become the machine's, random bytes come from its
// seed, and a truncation no longer stamps the host's time on a file: then the same queries give the same bytes.
//
// Where fsync is lost, in PGlite 0.5.16: fd_sync calls `stream.stream_ops.fsync` where there is one, and PGlite's stream
// operations have none; __syscall_fdatasync returns 0 and calls nothing.

import { GuestMemory } from '../../core/guest-memory.ts';
import { randomBytes } from '../wasi/random.ts';

/** An inode as Emscripten's FS has it. */
interface EmscriptenNode {
  readonly name: string;
  readonly parent: EmscriptenNode;
  readonly node_ops: { setattr(node: EmscriptenNode, attributes: Record<string, unknown>): void };
  readonly stream_ops: { fsync?: (stream: EmscriptenStream) => number };
}

interface EmscriptenStream {
  readonly node: EmscriptenNode;
  /** What PGlite's interface answered to open; directories have none. */
  readonly nfd?: number;
}

export interface EmscriptenModule {
  readonly FS: {
    lookupPath(path: string): { readonly node: EmscriptenNode };
    getStream(descriptor: number): EmscriptenStream | null | undefined;
    unlink(path: string): void;
    createDevice(parent: string, name: string, input: () => number): unknown;
  };
}

type Imports = Record<string, Record<string, unknown>>;
type Call = (...values: never[]) => unknown;

/** The options of PGlite's Emscripten module that matter here. */
export interface EmscriptenOptions {
  readonly wasmMemory?: WebAssembly.Memory;
  readonly preRun?: readonly ((module: EmscriptenModule) => void)[];
  readonly instantiateWasm?: (imports: Imports, success: unknown) => unknown;
}

export interface HookTargets {
  /** Where PGlite mounts the data directory. */
  readonly mountPoint: string;
  /** Makes an open file durable. `isDataOnly`: as fdatasync. */
  readonly syncFile: (descriptor: number, isDataOnly: boolean) => void;
  /** Makes the entries of a directory durable; its path below the mount point. */
  readonly syncDirectory: (path: string) => void;
  /** Nanoseconds since 1970. */
  readonly nowNs: () => bigint;
  readonly seed: number;
}

/** The path of a node below its mount point: '' for that itself. */
function pathBelow(root: EmscriptenNode, node: EmscriptenNode): string {
  return node === root ? '' : `${pathBelow(root, node.parent)}/${node.name}`;
}

/** Runs something on a stream of the mounted file system, 0; an Emscripten errno when it fails. */
function answer(body: () => void): number {
  try {
    body();
    return 0;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'number') return code;
    throw error;
  }
}

class Hooks {
  readonly #targets: HookTargets;
  #module: EmscriptenModule | undefined;
  #root: EmscriptenNode | undefined;
  readonly #nextByte: () => number;

  constructor(targets: HookTargets) {
    this.#targets = targets;
    this.#nextByte = randomBytes(targets.seed);
  }

  /** Called when PGlite has mounted its file system, before PostgreSQL runs. */
  attach(module: EmscriptenModule): void {
    const { node } = module.FS.lookupPath(this.#targets.mountPoint);
    this.#module = module;
    this.#root = node;
    node.stream_ops.fsync = (stream) => this.#sync(stream, false);
    const { setattr } = node.node_ops;
    // Emscripten adds the time to a change of size, and PGlite would set it; the volume keeps times itself
    node.node_ops.setattr = (target, { timestamp: _timestamp, ...attributes }) => setattr(target, attributes);
    // these are Emscripten's own, and PostgreSQL asks the second
    for (const name of ['random', 'urandom']) {
      module.FS.unlink(`/dev/${name}`);
      module.FS.createDevice('/dev', name, this.#nextByte);
    }
  }

  #sync(stream: EmscriptenStream, isDataOnly: boolean): number {
    const { nfd, node } = stream;
    return answer(() => {
      if (nfd !== undefined) this.#targets.syncFile(nfd, isDataOnly);
      else this.#targets.syncDirectory(pathBelow(this.#root as EmscriptenNode, node));
    });
  }

  /** fdatasync(2): of a file of this file system; what the module had before for all else. */
  datasync(descriptor: number, before: (descriptor: number) => number): number {
    const stream = this.#module?.FS.getStream(descriptor);
    if (stream?.node.stream_ops !== this.#root?.stream_ops || stream === undefined || stream === null)
      return before(descriptor);
    return -this.#sync(stream, true);
  }

  /** The module's imports with time and chance replaced, and fdatasync passed on. */
  imports(imports: Imports, memory: WebAssembly.Memory): Imports {
    const { nowNs } = this.#targets;
    const guest = new GuestMemory(memory);
    const nowMs = (): number => Number(nowNs()) / 1e6;
    const env: Record<string, Call> = {
      emscripten_date_now: () => Math.floor(nowMs()),
      emscripten_get_now: nowMs,
      __syscall_fdatasync: (descriptor: number) =>
        this.datasync(descriptor, imports.env?.__syscall_fdatasync as (descriptor: number) => number),
    };
    const wasi: Record<string, Call> = {
      clock_time_get: (_clock: number, _precision: bigint, time: number) => {
        guest.setU64(time, nowNs());
        return 0;
      },
      random_get: (buffer: number, length: number) => {
        const bytes = guest.bytes(buffer, length >>> 0);
        for (let index = 0; index < bytes.length; index++) bytes[index] = this.#nextByte();
        return 0;
      },
    };
    return {
      ...imports,
      env: replaced(imports.env, env),
      wasi_snapshot_preview1: replaced(imports.wasi_snapshot_preview1, wasi),
    };
  }
}

/** Only what the module imports is replaced: Emscripten hands over proxies that must not be copied. */
function replaced(
  imports: Record<string, unknown> | undefined,
  calls: Record<string, Call>,
): Record<string, unknown> {
  return new Proxy(imports ?? {}, {
    get: (target, name) => calls[name as string] ?? Reflect.get(target, name),
  });
}

/** `options` with hooks that reach `targets`. To be called on what PGlite's own init has given back. */
export function withHooks<Options extends EmscriptenOptions>(
  options: Options,
  targets: HookTargets,
): Options {
  const hooks = new Hooks(targets);
  const { instantiateWasm, wasmMemory, preRun = [] } = options;
  const changed = { ...options, preRun: [...preRun, (module: EmscriptenModule) => hooks.attach(module)] };
  if (instantiateWasm === undefined || wasmMemory === undefined) return changed;
  return {
    ...changed,
    instantiateWasm: (imports: Imports, success: unknown) =>
      instantiateWasm(hooks.imports(imports, wasmMemory), success),
  };
}
