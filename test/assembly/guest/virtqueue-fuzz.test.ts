// test-timeout: 300
// Hostile rings, thirty million descriptors: no trap, no endless walk, no byte outside a guest's memory, nothing that a
// neighbour notices, and after a reset no record is in use.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Build } from '../../support/machine.ts';
import { HostileGuests } from './hostile-guest.ts';

interface Slice {
  readonly seed: number;
  readonly name: string;
  readonly build?: Build;
  readonly descriptors?: number;
  readonly machine?: MachineConfig;
}

const drives = (drive: object) => [drive, drive, drive].map((each) => ({ size: 1048576, ...each }));

const SLICES: readonly Slice[] = [
  { seed: 1, name: 'as it comes' },
  { seed: 2, name: 'as it comes' },
  { seed: 3, name: 'as it comes' },
  { seed: 4, name: 'few records', machine: { limits: { virtioRequests: 4, spans: 2048 } } },
  { seed: 5, name: 'one record', machine: { limits: { virtioRequests: 1, spans: 2048 } } },
  { seed: 6, name: 'drives that take time', machine: { drives: drives({ latencyNs: 20_000 }) } },
  { seed: 7, name: 'no page cache', machine: { cacheMode: 'none', drives: drives({ dmaAlignment: 512 }) } },
  {
    seed: 8,
    name: 'Linux AIO, direct and synchronous',
    machine: { cacheMode: 'directsync', virtio: { engine: 'linux-aio', aioBatch: 4 } },
  },
  {
    seed: 9,
    name: 'padding and serialising',
    machine: { cacheMode: 'none', virtio: { requestAlignment: 4096, workers: 2 } },
  },
  {
    seed: 10,
    name: 'blocks of 4,096 bytes, write-through, zeros detected',
    machine: { cacheMode: 'writethrough', virtio: { blockSize: 4096, detectZeroes: 'unmap', fua: 'flush' } },
  },
  { seed: 11, name: 'debug', build: 'debug', descriptors: 1_000_000 },
  {
    seed: 12,
    name: 'debug, few records',
    build: 'debug',
    descriptors: 1_000_000,
    machine: { limits: { virtioRequests: 3, spans: 2048 } },
  },
];

const fuzz = suite('guest/virtqueue-fuzz');

for (const { seed, name, build = 'release', descriptors = 3_000_000, machine } of SLICES) {
  fuzz(`seed ${seed}: ${name}`, async () => {
    const guests = await HostileGuests.open(build, machine === undefined ? { seed } : { seed, machine });
    guests.play(descriptors);
    assert.ok(guests.broken > descriptors / 1000, `${guests.broken} times a device broke`);
    assert.ok(guests.served > descriptors / 500, `${guests.served} requests of the neighbour`);
    const { reads, writes, flushes, discards, writeZeroes, invalid } = guests.machine.counters.guest;
    for (const [kind, count] of Object.entries({ reads, writes, flushes, discards, writeZeroes, invalid }))
      assert.ok(count > descriptors / 4000, `${count} ${kind}`);
  });
}

fuzz.run();
