// Cores of explorers that were closed, for those that open next: making an instance costs many times what reading a small log does.
//
// Verbs: takeCore, giveCore. Invariant: a core that lies here has no explorer open, no file, and never trapped.

import {
  CRASH_CONFIG_IMAGES,
  CRASH_CONFIG_PAYLOAD_BYTES,
  CRASH_CONFIG_VISITS,
} from '../../assembly/layout.ts';
import { MemoryHost } from '../backing/memory-host.ts';
import { Core } from '../core/core.ts';
import type { Platform } from '../platform.ts';

/** Idle cores of one module: more explorers than this are rarely open at once. */
const MAX_IDLE = 2;
/** A core with more memory than this is not kept. */
const MAX_IDLE_BYTES = 134217728;

/** A core with the host that its files are in. */
export interface ExplorerCore {
  readonly core: Core;
  readonly host: MemoryHost;
  /** The limits that its memory is laid out for. */
  readonly limits: string;
}

const idle = new WeakMap<WebAssembly.Module, ExplorerCore[]>();

/** What decides how the memory is laid out before the log is read. `config`: CRASH_CONFIG_…. */
function limitsOf(config: Uint8Array): string {
  const view = new DataView(config.buffer, config.byteOffset);
  return [CRASH_CONFIG_IMAGES, CRASH_CONFIG_VISITS, CRASH_CONFIG_PAYLOAD_BYTES]
    .map((field) => view.getUint32(field, true))
    .join();
}

/** An idle core that was open with the same limits, or a new one. */
export async function takeCore(platform: Platform, config: Uint8Array): Promise<ExplorerCore> {
  const source = await platform.core();
  const limits = limitsOf(config);
  const cores = source instanceof WebAssembly.Module ? idle.get(source) : undefined;
  const place = cores?.findIndex((one) => one.limits === limits) ?? -1;
  if (cores !== undefined && place >= 0) return cores.splice(place, 1)[0] as ExplorerCore;
  const host = new MemoryHost();
  return { core: await Core.load(source, host), host, limits };
}

/** Ends the core's explorer, and keeps the core for the next one if it is good for that. */
export function giveCore(given: ExplorerCore): void {
  const { core, host } = given;
  for (const fd of host.files.keys()) host.remove(fd);
  if (core.isDead || core.memoryBytes > MAX_IDLE_BYTES) return;
  core.call((exports) => exports.crashClose());
  const cores = idle.get(core.module) ?? [];
  idle.set(core.module, [given, ...cores].slice(0, MAX_IDLE));
}
