// What does merging cost a guest's disk, and what does it save on a real file?
//
// Requests go through a virtqueue as a driver puts them: 32 on the ring for one notification, indirect tables made before
// the measurement, all of 4 KiB. First without bytes or latency, which is the cost of the path itself; then the same
// load on an image file of Node, cache=none, where each I/O that is left is one system call (the kernel caches the file).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import {
  VIRTIO_BLK_HEADER_SIZE,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_MMIO_DEVICE_FEATURES_SEL,
  VIRTIO_MMIO_DRIVER_FEATURES,
  VIRTIO_MMIO_DRIVER_FEATURES_SEL,
  VIRTIO_MMIO_QUEUE_DESC_LOW,
  VIRTIO_MMIO_QUEUE_DEVICE_LOW,
  VIRTIO_MMIO_QUEUE_DRIVER_LOW,
  VIRTIO_MMIO_QUEUE_NOTIFY,
  VIRTIO_MMIO_QUEUE_READY,
  VIRTIO_MMIO_QUEUE_SEL,
  VIRTIO_MMIO_QUEUE_SIZE,
  VIRTIO_MMIO_STATUS,
  VIRTQ_AVAIL_IDX,
  VIRTQ_AVAIL_RING,
  VIRTQ_DESC_ADDR,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_DESC_FLAGS,
  VIRTQ_DESC_LEN,
  VIRTQ_DESC_NEXT,
  VIRTQ_DESC_SIZE,
  VIRTQ_USED_IDX,
} from '../assembly/layout.ts';
import type { MachineConfig } from '../src/core/options.ts';
import { Machine } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = 'guest requests of 4 KiB a second through a virtqueue, with and without merging';

const BYTES = 4096;
const SECTORS = BYTES / 512;
const LOT = 32;
const REQUESTS = 4096;
const RING = 256;
const DRIVE = REQUESTS * BYTES;
const ROUNDS_MS = 1500;

/** Where each request goes, and whether it writes. */
type Load = (index: number) => { readonly block: number; readonly isWrite: boolean };

/** A number below `limit` that looks random and is the same in each run. */
const scattered = (index: number, limit: number) => (Math.imul(index + 1, 0x9e3779b1) >>> 0) % limit;

const LOADS: readonly (readonly [name: string, load: Load])[] = [
  ['sequential writes', (index) => ({ block: index, isWrite: true })],
  ['sequential reads', (index) => ({ block: index, isWrite: false })],
  ['random writes', (index) => ({ block: scattered(index, REQUESTS), isWrite: true })],
  // runs of 8 that go on, a third of them reads
  [
    'mixed',
    (index) => ({
      block: (scattered(index >> 3, REQUESTS / 8) << 3) | (index & 7),
      isWrite: (index >> 3) % 3 !== 0,
    }),
  ],
];

/** A driver that has all requests of a load in memory and puts LOT of them on the ring at a time. */
class Driver {
  readonly #machine: Machine;
  readonly #descriptors: number;
  readonly #available: number;
  readonly #used: number;
  readonly #tables: number[];
  readonly #statuses: number;
  readonly #view: DataView;
  #index = 0;

  constructor(machine: Machine, load: Load) {
    this.#machine = machine;
    const allocate = (bytes: number, alignment = 16) => machine.buffers.allocate(bytes, alignment);
    this.#descriptors = allocate(RING * VIRTQ_DESC_SIZE);
    this.#available = allocate(6 + 2 * RING);
    this.#used = allocate(6 + 8 * RING);
    this.#statuses = allocate(REQUESTS);
    const headers = allocate(REQUESTS * VIRTIO_BLK_HEADER_SIZE);
    const tables = allocate(REQUESTS * 3 * VIRTQ_DESC_SIZE);
    const data = allocate(LOT * BYTES, 4096);
    this.#view = new DataView(machine.core.memory.buffer);
    this.#tables = Array.from({ length: REQUESTS }, (_, index) => {
      const { block, isWrite } = load(index);
      const header = headers + index * VIRTIO_BLK_HEADER_SIZE;
      this.#view.setUint32(header, isWrite ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, true);
      this.#view.setBigUint64(header + 8, BigInt(block * SECTORS), true);
      const table = tables + index * 3 * VIRTQ_DESC_SIZE;
      const dataFlags = VIRTQ_DESC_F_NEXT | (isWrite ? 0 : VIRTQ_DESC_F_WRITE);
      this.#describe(table, header, VIRTIO_BLK_HEADER_SIZE, VIRTQ_DESC_F_NEXT, 1);
      this.#describe(table + VIRTQ_DESC_SIZE, data + (index % LOT) * BYTES, BYTES, dataFlags, 2);
      this.#describe(table + 2 * VIRTQ_DESC_SIZE, this.#statuses + index, 1, VIRTQ_DESC_F_WRITE, 0);
      return table;
    });
    this.#attach();
  }

  #describe(at: number, address: number, length: number, flags: number, next: number): void {
    this.#view.setBigUint64(at + VIRTQ_DESC_ADDR, BigInt(address), true);
    this.#view.setUint32(at + VIRTQ_DESC_LEN, length, true);
    this.#view.setUint16(at + VIRTQ_DESC_FLAGS, flags, true);
    this.#view.setUint16(at + VIRTQ_DESC_NEXT, next, true);
  }

  #write(offset: number, value: number): void {
    const result = this.#machine.core.exports.virtioWrite(0, offset, 4, value);
    if (result !== 0) throw new Error(`a register answered ${result}`);
  }

  #attach(): void {
    this.#write(VIRTIO_MMIO_STATUS, 3);
    this.#write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    this.#write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    // indirect tables, flushes (bits 28 and 9), and version 1 (bit 32)
    this.#write(VIRTIO_MMIO_DRIVER_FEATURES, (1 << 28) | (1 << 9));
    this.#write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    this.#write(VIRTIO_MMIO_DRIVER_FEATURES, 1);
    this.#write(VIRTIO_MMIO_STATUS, 11);
    this.#write(VIRTIO_MMIO_QUEUE_SEL, 0);
    this.#write(VIRTIO_MMIO_QUEUE_SIZE, RING);
    this.#write(VIRTIO_MMIO_QUEUE_DESC_LOW, this.#descriptors);
    this.#write(VIRTIO_MMIO_QUEUE_DRIVER_LOW, this.#available);
    this.#write(VIRTIO_MMIO_QUEUE_DEVICE_LOW, this.#used);
    this.#write(VIRTIO_MMIO_QUEUE_READY, 1);
    this.#write(VIRTIO_MMIO_STATUS, 15);
  }

  /** Serves every request once, LOT a notification. */
  serve(): void {
    const view = this.#view;
    for (let first = 0; first < REQUESTS; first += LOT) {
      for (let index = 0; index < LOT; index++) {
        const head = (first + index) % RING;
        const table = this.#tables[first + index] as number;
        this.#describe(
          this.#descriptors + head * VIRTQ_DESC_SIZE,
          table,
          3 * VIRTQ_DESC_SIZE,
          VIRTQ_DESC_F_INDIRECT,
          0,
        );
        const slot = this.#index++ % RING;
        view.setUint16(this.#available + VIRTQ_AVAIL_RING + slot * 2, head, true);
      }
      view.setUint16(this.#available + VIRTQ_AVAIL_IDX, this.#index & 0xffff, true);
      this.#write(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
      this.#machine.run();
    }
    const isServed = view.getUint16(this.#used + VIRTQ_USED_IDX, true) === (this.#index & 0xffff);
    if (!isServed) throw new Error('a request has not ended');
    for (let index = 0; index < REQUESTS; index++) {
      if (view.getUint8(this.#statuses + index) !== VIRTIO_BLK_S_OK)
        throw new Error(`request ${index} failed`);
    }
  }
}

interface Measured {
  readonly perSecond: number;
  /** I/Os left of each 32 requests. */
  readonly ios: number;
}

async function measure(config: MachineConfig, load: Load): Promise<Measured> {
  const machine = await Machine.create({ powerCuts: false, ...config });
  try {
    const driver = new Driver(machine, load);
    driver.serve();
    const { reads, writes } = machine.counters.drive;
    const bench = new Bench({ time: ROUNDS_MS, warmupTime: 300 });
    bench.add('serve', () => driver.serve(), { async: false });
    await bench.run();
    const result = bench.tasks[0]?.result;
    if (result === undefined || !('latency' in result)) throw new Error('nothing was measured');
    return { perSecond: (REQUESTS / result.latency.p50) * 1000, ios: ((reads + writes) / REQUESTS) * LOT };
  } finally {
    machine.close();
  }
}

async function pathTable(): Promise<void> {
  const rows: string[][] = [];
  for (const [name, load] of LOADS) {
    const config = { payload: 'none', cacheMode: 'none', drives: [{ size: DRIVE }] } as const;
    const merged = await measure({ ...config, merge: true }, load);
    const single = await measure({ ...config, merge: false }, load);
    rows.push([
      name,
      count(merged.perSecond),
      merged.ios.toFixed(1),
      count(single.perSecond),
      single.ios.toFixed(1),
      times(merged.perSecond / single.perSecond),
    ]);
  }
  printTable(
    ['no bytes', 'merging: requests/s', 'I/Os of 32', 'off: requests/s', 'I/Os of 32', 'merging / off'],
    rows,
  );
}

async function fileTable(): Promise<void> {
  const rows: string[][] = [];
  const folder = mkdtempSync(join(tmpdir(), 'sectorlab-bench-'));
  try {
    for (const [name, load] of LOADS) {
      const measured: Measured[] = [];
      for (const merge of [true, false]) {
        const image = join(folder, `${name.replace(' ', '-')}-${merge}.img`);
        // no holes: a read moves bytes of the file
        writeFileSync(image, new Uint8Array(DRIVE).fill(1));
        const config = { merge, cacheMode: 'none', drives: [{ size: DRIVE, image }] } as const;
        measured.push(await measure(config, load));
      }
      const [merged, single] = measured as [Measured, Measured];
      rows.push([
        name,
        count(merged.perSecond),
        count(single.perSecond),
        times(merged.perSecond / single.perSecond),
      ]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  printTable(['an image file, node:wasi', 'merging: requests/s', 'off: requests/s', 'merging / off'], rows);
}

export async function run(): Promise<void> {
  await pathTable();
  await fileTable();
}
