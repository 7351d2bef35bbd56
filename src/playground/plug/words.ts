// Writes and moments of a scene in words: which block, which client, which chapter.
//
// Verbs: rowWords, rowTitle, rangeWords, verdictOf. What is not known is left out.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import { formatBytes, formatCount, formatCounted } from '../model/describe.ts';
import type { Scene } from '../scene/types.ts';
import type { Survivor } from '../worker/plug-protocol.ts';
import { EVERYTHING, type LedgerRow } from './ledger.ts';
import { blockName, transactionOf, XV6_BLOCK_BYTES } from './xv6.ts';

/** sector 40, sectors 40 to 47 */
export function rangeWords(offsetBytes: number, lengthBytes: number): string {
  const first = Math.floor(offsetBytes / SECTOR_SIZE);
  const last = Math.ceil((offsetBytes + lengthBytes) / SECTOR_SIZE) - 1;
  return first >= last
    ? `sector ${formatCount(first)}`
    : `sectors ${formatCount(first)} to ${formatCount(last)}`;
}

/** The same without its article, for lists: "4 KiB at 8 KiB". */
export function rowTitle(scene: Scene, row: LedgerRow): string {
  if (scene.check === 'xv6-log') return rowWords(scene, row);
  const owner = scene.clients.length > 1 ? `${scene.clients[row.client]?.name ?? ''}: ` : '';
  return `${owner}${formatBytes(row.lengthBytes)} at ${formatBytes(row.offsetBytes)}`;
}

const SYNCED: Readonly<Record<string, string>> = { block: 'flush', virtio: 'flush' };

/** What a client asked for: "home block 4 of transaction 2", "app's write of 4 KiB at 8 KiB". */
export function rowWords(scene: Scene, row: LedgerRow): string {
  if (scene.check === 'xv6-log') return xv6Words(row);
  const client = scene.clients[row.client];
  const owner = scene.clients.length > 1 ? `${client?.name ?? ''}’s ` : 'the ';
  if (row.op === 'sync')
    return row.target === EVERYTHING
      ? 'the sync of everything'
      : `${owner}${SYNCED[client?.entrance ?? ''] ?? 'fsync'}`;
  const verb = { write: 'write', discard: 'discard', writeZeroes: 'write of zeros' }[row.op];
  const file = row.target === 'drive0' ? '' : ` of ${row.target}`;
  return `${owner}${verb} of ${formatBytes(row.lengthBytes)} at ${formatBytes(row.offsetBytes)}${file}`;
}

function xv6Words(row: LedgerRow): string {
  const transaction = `transaction ${transactionOf(row) + 1}`;
  if (row.op === 'sync')
    return `the flush behind ${row.chapter % 4 === 0 ? 'the log' : row.chapter % 4 === 2 ? 'the homes' : 'the header'} of ${transaction}`;
  if (row.op === 'writeZeroes') return `the emptied header of ${transaction}`;
  return `${blockName(row.offsetBytes / XV6_BLOCK_BYTES)} of ${transaction}`;
}

/** What came up, in a sentence or two. */
export function verdictOf({ judged, xv6, refused, isLying, crash, faults }: Survivor): string {
  if (refused !== undefined) return `It does not come up again: ${refused}.`;
  if (xv6 !== undefined)
    return xv6.problem === undefined
      ? `Recovery finds ${xv6.transactions === 0 ? 'no transaction yet' : `${formatCounted(xv6.transactions ?? 0, 'transaction')}, whole`}: all is well.`
      : `${xv6.problem.charAt(0).toUpperCase()}${xv6.problem.slice(1)}.`;
  if (judged.promisedLost > 0) {
    const what =
      judged.promisedLost === 1
        ? 'A write that had been promised is missing'
        : `${formatCount(judged.promisedLost)} writes that had been promised are missing`;
    return `${what}. ${isLying ? 'This drive said that its flush was done, and it was not.' : 'A promise is broken.'}`;
  }
  if (faults.length > 0) return `The volume comes up with faults: ${faults[0]}.`;
  if (crash === 'process') return 'Nothing is lost: the kernel still has every byte.';
  if (judged.unpromisedLost > 0)
    return `Every promise is kept. ${formatCounted(judged.unpromisedLost, 'write')} without a promise ${judged.unpromisedLost === 1 ? 'is' : 'are'} lost, at least in part.`;
  return judged.luckyThere > 0
    ? 'Every promise is kept, and luck has kept the rest.'
    : 'Every promise is kept, and nothing is lost.';
}
