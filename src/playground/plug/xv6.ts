// The log of xv6 (kernel/log.c) as a scene plays it: which block is what, and what recovery makes of a crash.
//
// Layout in blocks of 1,024 bytes: 0 and 1 the log, 2 the header, 3 to 5 the homes. A transaction on two homes has four chapters: the log,
// the header that names the homes (this commits), the homes, the header emptied. Each ends with a flush, which may be switched off.
// Verbs: recoverXv6. Recovery copies the log home when the header names homes. Good is what was there before or after a transaction, for both homes together.

import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import type { BytesOf, ReadTarget } from './judge.ts';
import { isWrite, type LedgerRow } from './ledger.ts';

export const XV6_BLOCK_BYTES = 1024;
export const XV6_HEADER = 2;
export const XV6_HOMES = [3, 4, 5];
/** Homes that each transaction changes. */
export const XV6_TRANSACTIONS = [
  [3, 4],
  [4, 5],
] as const;
/** The four parts of a transaction, each a chapter, in the order of the flushes that end them. */
export const XV6_PARTS = ['log', 'header', 'homes', 'clear'] as const;
export type Xv6Part = (typeof XV6_PARTS)[number];
/** Which flushes the code has. */
export type Xv6Flushes = Readonly<Record<Xv6Part, boolean>>;

const SECTORS = XV6_BLOCK_BYTES / SECTOR_SIZE;

/** The transaction that a row belongs to, from 0. */
export function transactionOf({ chapter }: Pick<LedgerRow, 'chapter'>): number {
  return Math.floor(chapter / XV6_PARTS.length);
}

/** The homes of the transaction that a header names, by the place of their blocks in the log. */
export function homesNamed(named: number | undefined): readonly number[] {
  return named === undefined ? [] : (XV6_TRANSACTIONS[named] ?? []);
}

export function partOf({ chapter }: Pick<LedgerRow, 'chapter'>): Xv6Part {
  return XV6_PARTS[chapter % XV6_PARTS.length] as Xv6Part;
}

/** What a block is called. */
export function blockName(block: number): string {
  if (block === XV6_HEADER) return 'the header';
  return block < XV6_HEADER ? `log block ${block}` : `home block ${block}`;
}

/** What recovery finds. */
export interface Xv6Found {
  /** Transactions whose homes are there, all of them together; undefined: one is there by halves. */
  readonly transactions: number | undefined;
  /** The transaction that the header names, from 0; undefined: the header is empty. */
  readonly named: number | undefined;
  /** For each home, the transaction (from 1; 0: none) whose block it holds after recovery; undefined: none of theirs, or a torn one. */
  readonly homes: readonly (number | undefined)[];
}

/** Reads a crash's survivor as recovery does. `rows`: what the scene has written by then, or in all. */
export function recoverXv6(rows: readonly LedgerRow[], bytesOf: BytesOf, read: ReadTarget): Xv6Found {
  const writes = rows.filter((row) => isWrite(row) && row.op === 'write');
  const writerAt = (block: number, sector: number): LedgerRow | undefined => {
    const found = read('drive0', offsetOf(block, sector), SECTOR_SIZE)[0] as Uint8Array;
    const hasWritten = (row: LedgerRow, from: number): boolean =>
      row.offsetBytes <= from &&
      from < row.offsetBytes + row.lengthBytes &&
      isEqual(bytesOf(row, from, SECTOR_SIZE), found);
    return writes.findLast((row) => {
      // a recovery before may have copied it from the log
      const place = partOf(row) === 'log' ? homesNamed(transactionOf(row)).indexOf(block) : -1;
      return (
        hasWritten(row, offsetOf(block, sector)) || (place >= 0 && hasWritten(row, offsetOf(place, sector)))
      );
    });
  };
  // the header's list of homes is in its first sector
  const header = writerAt(XV6_HEADER, 0);
  const named = header === undefined ? undefined : transactionOf(header);
  const list = homesNamed(named);
  const homes = XV6_HOMES.map((home) => {
    const place = list.indexOf(home);
    if (place < 0) return wholeTransaction(writerAt, home);
    const found = wholeTransaction(writerAt, place);
    // whatever the log holds is copied home: another transaction's block, meant for another home, is junk there
    return found !== undefined && XV6_TRANSACTIONS[found - 1]?.[place] === home ? found : undefined;
  });
  const states = XV6_TRANSACTIONS.length + 1;
  const transactions = Array.from({ length: states }, (_, count) => count).find((count) =>
    XV6_HOMES.every((home, index) => homes[index] === lastOn(home, count)),
  );
  return { transactions, named, homes };
}

function offsetOf(block: number, sector: number): number {
  return block * XV6_BLOCK_BYTES + sector * SECTOR_SIZE;
}

/** The transaction whose value a block holds, from 1: all its sectors are of the same one. */
function wholeTransaction(
  writerAt: (block: number, sector: number) => LedgerRow | undefined,
  block: number,
): number | undefined {
  const found = Array.from({ length: SECTORS }, (_, sector) => {
    const writer = writerAt(block, sector);
    return writer === undefined ? 0 : transactionOf(writer) + 1;
  });
  return found.every((one) => one === found[0]) ? found[0] : undefined;
}

/** Behind `count` transactions, the last of them that changed a home, from 1; 0: none. */
function lastOn(home: number, count: number): number {
  return XV6_TRANSACTIONS.slice(0, count).findLastIndex((homes) => homes.some((one) => one === home)) + 1;
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** What is wrong with what recovery finds, in words, where `promised` transactions had been acknowledged; undefined: nothing. */
export function xv6Problem({ transactions, homes }: Xv6Found, promised: number): string | undefined {
  if (transactions === undefined) {
    const blocks = homes.map((found, index) => {
      const what =
        found === undefined ? 'junk' : found === 0 ? 'nothing' : `the block of transaction ${found}`;
      return `${blockName(XV6_HOMES[index] as number)} holds ${what}`;
    });
    return `a transaction is there by halves: ${blocks.join(', ')}`;
  }
  if (transactions < promised) return `transaction ${promised} had been acknowledged, and is gone`;
  return undefined;
}
