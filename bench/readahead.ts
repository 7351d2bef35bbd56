// What does readahead save a reader of 4 KiB pieces, and what does it cost?
//
// A drive that takes 100 µs for a request, whatever its size, on one channel and on eight; 64 MiB are read from end to end in
// 4 KiB calls, then as many pieces here and there on a drive 64 times as large. Virtual time and the drive's requests are exact; real time is that of the core.

import type { Size } from '../src/core/options.ts';
import { Machine } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = '4 KiB reads of a drive of 100 µs a request, with and without readahead';

const PAGE = 4096;
const PAGES = 16384;
const LATENCY_NS = 100_000;

interface Figures {
  readonly virtualMs: number;
  readonly requests: number;
  readonly readPages: number;
  readonly realNs: number;
}

const DRIVE_PAGES = PAGES * 64;

/** The page of the n-th read: one after the other, or everywhere, no two side by side for long. */
const ORDERS = {
  sequential: (index: number) => index,
  random: (index: number) => (index * 40503 * 17) % DRIVE_PAGES,
} as const;

async function read(order: keyof typeof ORDERS, readahead: Size, channels: number): Promise<Figures> {
  const machine = await Machine.create({
    drives: [{ size: DRIVE_PAGES * PAGE, latencyNs: LATENCY_NS, channels }],
    cache: PAGES * PAGE,
    readahead,
  });
  const { exports } = machine.core;
  const { descriptor } = machine.openFile('drive0');
  const buffer = machine.buffers.allocate(PAGE, PAGE);
  const pageOf = ORDERS[order];
  const started = performance.now();
  for (let index = 0; index < PAGES; index++) {
    const result = exports.filePread(descriptor, buffer, PAGE, pageOf(index) * PAGE);
    if (result !== PAGE) throw new Error(`a read answered ${result}`);
  }
  const realNs = ((performance.now() - started) * 1e6) / PAGES;
  const virtualMs = machine.nowNs / 1e6;
  const { drive, cache } = machine.counters;
  const figures = { virtualMs, requests: drive.reads, readPages: cache.readInPages, realNs };
  machine.close();
  return figures;
}

export async function run(): Promise<void> {
  for (const order of ['sequential', 'random'] as const) {
    for (const channels of [1, 8]) {
      const rows: string[][] = [];
      let without: Figures | undefined;
      for (const readahead of [0, '128KiB', '1MiB'] as const) {
        const figures = await read(order, readahead, channels);
        without ??= figures;
        rows.push([
          readahead === 0 ? 'off' : readahead,
          count(figures.virtualMs),
          times(without.virtualMs / figures.virtualMs),
          count(figures.requests),
          count(figures.readPages),
          figures.realNs.toFixed(0),
        ]);
      }
      const channelText = channels === 1 ? '1 channel' : `${channels} channels`;
      printTable(
        [`${order}, ${channelText}`, 'virtual ms', 'off / this', 'drive reads', 'pages read', 'real ns/read'],
        rows,
      );
    }
  }
}
