// How fast crash images are built and hashed: what changes from one state to the next is what it costs, not the size of the disk.
//
// The peer, in the same run, copies the whole disk for each state, puts the kept sectors in, and hashes it with node:crypto.

import { createHash } from 'node:crypto';
import {
  LOG_ENTRY_KIND,
  LOG_ENTRY_NUMBER,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_SECTOR,
  LOG_ENTRY_SECTORS,
  LOG_ENTRY_SIZE,
  LOG_HEADER_DRIVES,
  LOG_HEADER_MAGIC,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  LOG_MAGIC_HIGH,
  LOG_MAGIC_LOW,
  LOG_SUBMIT,
  LOG_VERSION,
  OP_WRITE,
} from '../assembly/layout.ts';
import { CrashExplorer, SparseMemory } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = 'how many crash images a second are built and hashed, with 64 uncertain sectors?';

const MIB = 1048576;
/** 32 writes of two sectors each. */
const WRITES = 32;
const WRITE = 1024;
const SECTOR = 512;
const STATES = 40_000;
const PEER_MS = 1500;
const ROUNDS = 3;

/** The writes lie evenly over the disk. */
const offsetOf = (index: number, disk: number) => (index * disk) / WRITES;
const contentOf = (index: number) => new Uint8Array(WRITE).fill(index + 1);

/** A log of writes that never become durable. */
function uncertainLog(disk: number): Uint8Array {
  const log = new Uint8Array(LOG_HEADER_SIZE + WRITES * (LOG_ENTRY_SIZE + WRITE));
  const view = new DataView(log.buffer);
  view.setUint32(LOG_HEADER_MAGIC, LOG_MAGIC_LOW, true);
  view.setUint32(LOG_HEADER_MAGIC + 4, LOG_MAGIC_HIGH, true);
  view.setUint32(LOG_HEADER_VERSION, LOG_VERSION, true);
  view.setUint32(LOG_HEADER_DRIVES, 1, true);
  for (let index = 0; index < WRITES; index++) {
    const at = LOG_HEADER_SIZE + index * (LOG_ENTRY_SIZE + WRITE);
    view.setUint8(at + LOG_ENTRY_KIND, LOG_SUBMIT);
    view.setUint8(at + LOG_ENTRY_OPERATION, OP_WRITE);
    view.setBigUint64(at + LOG_ENTRY_NUMBER, BigInt(index + 1), true);
    view.setBigUint64(at + LOG_ENTRY_SECTOR, BigInt(offsetOf(index, disk) / SECTOR), true);
    view.setUint32(at + LOG_ENTRY_SECTORS, WRITE / SECTOR, true);
    view.setUint32(at + LOG_ENTRY_PAYLOAD, WRITE, true);
    log.set(contentOf(index), at + LOG_ENTRY_SIZE);
  }
  return log;
}

function fullDisk(disk: number): Uint8Array {
  return new Uint8Array(disk).map((_, offset) => offset * 7);
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number;

/** States a second at the crash point where all 64 sectors are uncertain: the first of 2^32 one by one, or the sample of 2^64. */
async function explored(disk: number, base: SparseMemory, isSampled: boolean): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const explorer = await CrashExplorer.open({
      log: uncertainLog(disk),
      base,
      bound: isSampled ? 0 : 2 ** 53,
      budget: STATES,
      model: { tearing: isSampled ? 'units' : 'none' },
      limits: { images: 65536, visits: 0 },
    });
    explorer.count(WRITES);
    const start = performance.now();
    let built = 0;
    for (const image of explorer.images({ points: [WRITES] })) {
      if (image.hash.length !== 32) throw new Error('an image has no hash');
      if (++built === STATES) break;
    }
    rates.push((built * 1000) / (performance.now() - start));
  }
  return median(rates);
}

/** The same by copying and hashing all of the disk, a random half of the writes kept. */
function copied(disk: Uint8Array): number {
  const image = new Uint8Array(disk.length);
  let built = 0;
  const start = performance.now();
  while (performance.now() - start < PEER_MS) {
    image.set(disk);
    for (let index = 0; index < WRITES; index++) {
      if ((Math.imul(built + 1, 2654435761) >>> (index % 32)) & 1)
        image.set(contentOf(index), offsetOf(index, disk.length));
    }
    createHash('sha1').update(image).digest();
    built++;
  }
  return (built * 1000) / (performance.now() - start);
}

export async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const disk of [MIB, 64 * MIB]) {
    const bytes = fullDisk(disk);
    const base = new SparseMemory(disk);
    base.write(bytes, 0);
    const one = await explored(disk, base, false);
    const sample = await explored(disk, base, true);
    const peer = copied(bytes);
    rows.push([
      `${disk / MIB} MiB`,
      count(one),
      count(sample),
      peer < 100 ? peer.toFixed(1) : count(peer),
      times(one / peer),
      times(sample / peer),
    ]);
  }
  const headings = ['disk', 'one by one: images/s', 'sample: images/s', 'copy and sha1: images/s'];
  printTable([...headings, 'one by one / copy', 'sample / copy'], rows);
}
