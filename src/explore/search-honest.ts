// A log as if its drive had kept its promises. A drive that lies about flushes loses nothing while it has power: of a crash of the operating system
// only the page cache suffers, and what an fsync covered was written.
//
// Verbs: honestLog.

import { LOG_ENTRY_FLAGS, LOG_FLAG_FUA_IGNORED, LOG_FLAG_IGNORED } from '../../assembly/layout.ts';
import type { SparseMemory } from '../backing/sparse-memory.ts';
import { WriteLog } from '../write-log/entries.ts';

/** The log itself where its drive was honest, else a copy. */
export function honestLog(log: SparseMemory): SparseMemory {
  let copy: SparseMemory | undefined;
  for (const entry of new WriteLog(log).entries()) {
    if (entry.kind !== 'submit') continue;
    const isLie = entry.operation === 'flush' ? entry.isIgnored : entry.isFuaIgnored;
    if (!isLie) continue;
    copy ??= log.fork();
    const flags = new Uint8Array(4);
    copy.read(flags, entry.offset + LOG_ENTRY_FLAGS);
    const view = new DataView(flags.buffer);
    const lie = entry.operation === 'flush' ? LOG_FLAG_IGNORED : LOG_FLAG_FUA_IGNORED;
    view.setUint32(0, view.getUint32(0, true) & ~lie, true);
    copy.write(flags, entry.offset + LOG_ENTRY_FLAGS);
  }
  return copy ?? log;
}
