// test-timeout: 240
// Random mixes of a guest's requests, drains, resumes and held completions against an array of bytes.
//
// Requests overlap as they like. A read may find what any write left that can have been the last: one that began before the
// read ended, and that no other write has replaced for certain (begun after it ended, and ended before the read began).
// Every request ends exactly once, no record stays in use, and a power cut at the end loses nothing that must be durable.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { BUILDS, type Build, openMachine } from '../../support/machine.ts';
import { Disk, OK, valuesOf } from './block-disk.ts';
import type { Put } from './queue.ts';

const SEED = 20240917;
const RUNS = 150;
const SECTORS = 160;
const MAX_REQUESTS = 200;

interface Write {
  readonly value: number;
  readonly sector: number;
  readonly sectors: number;
  readonly begun: number;
  ended: number;
}

interface Pending {
  readonly put: Put;
  readonly write?: Write;
  readonly read?: { readonly sector: number; readonly begun: number };
}

const transfer = fc.record({
  kind: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'zeroes', 'discard', 'flush'),
  sector: fc.nat(SECTORS - 1),
  sectors: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40 })),
  cuts: fc.array(fc.nat(20480), { maxLength: 6 }),
  past: fc.constantFrom(0, 0, 1, 512, 100),
  isZero: fc.nat(5).map((n) => n === 0),
});
type Transfer = typeof transfer extends fc.Arbitrary<infer T> ? T : never;

const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ put: fc.array(transfer, { minLength: 1, maxLength: 10 }) }) },
  { weight: 3, arbitrary: fc.record({ step: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ hold: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ release: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ drain: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ resume: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ run: fc.constant(true) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

const settings = fc
  .record({
    cacheMode: fc.constantFrom('none', 'none', 'directsync', 'writeback', 'writethrough', 'unsafe'),
    engine: fc.constantFrom('threads', 'linux-aio'),
    alignment: fc.constantFrom(512, 4096),
    maxTransfer: fc.constantFrom(0, 4096, 8192, 20480),
    merge: fc.boolean(),
    workers: fc.constantFrom(1, 2, 64),
    aioBatch: fc.constantFrom(1, 4, 32),
    dmaAlignment: fc.constantFrom(1, 512),
    fua: fc.constantFrom('native', 'flush'),
    detectZeroes: fc.constantFrom('off', 'on', 'unmap'),
    latencyNs: fc.constantFrom(0, 1000),
    operations: fc.constantFrom(3, 64),
    spans: fc.constant(2048),
  })
  .map((one): MachineConfig => {
    const isDirect = one.cacheMode === 'none' || one.cacheMode === 'directsync';
    return {
      cacheMode: one.cacheMode as MachineConfig['cacheMode'] & string,
      maxTransfer: one.maxTransfer,
      merge: one.merge,
      cache: 65536,
      buffers: '3MiB',
      sharedMemory: '2MiB',
      aioMaxNr: 2048,
      drives: [
        { size: SECTORS * 512, latencyNs: one.latencyNs, channels: 4, dmaAlignment: one.dmaAlignment },
      ],
      limits: { operations: one.operations, spans: one.spans },
      virtio: {
        engine: isDirect ? (one.engine as 'threads') : 'threads',
        requestAlignment: one.alignment,
        workers: one.workers,
        aioBatch: one.aioBatch,
        fua: one.fua as 'native',
        detectZeroes: one.detectZeroes as 'off',
      },
    };
  });

/** Lengths of pieces that `bytes` is cut into. */
function piecesOf(bytes: number, cuts: readonly number[]): number[] {
  const places = [...new Set([0, bytes, ...cuts.filter((cut) => cut < bytes)])].sort((a, b) => a - b);
  return places.slice(1).map((place, index) => place - (places[index] as number));
}

class Model {
  readonly disk: Disk;
  readonly writes: Write[] = [{ value: 0, sector: 0, sectors: SECTORS, begun: -2, ended: -1 }];
  readonly pending = new Map<number, Pending>();
  time = 0;
  requests = 0;
  drains = 0;
  discards = 0;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  put(one: Transfer): void {
    if (++this.requests > MAX_REQUESTS) return;
    const { queue } = this.disk;
    const sectors = Math.min(one.sectors, SECTORS - one.sector);
    const begun = this.time++;
    const pieces = piecesOf(sectors * 512, one.cuts);
    const common = { sector: one.sector, pieces, past: one.past, isIndirect: true };
    const noted = (value: number): Write => {
      const write = { value, sector: one.sector, sectors, begun, ended: Number.POSITIVE_INFINITY };
      this.writes.push(write);
      return write;
    };
    if (one.kind === 'flush') {
      const put = queue.put({ type: VIRTIO_BLK_T_FLUSH, isIndirect: true });
      this.pending.set(put.head, { put });
    } else if (one.kind === 'read') {
      const put = queue.put({ ...common, type: VIRTIO_BLK_T_IN, isIn: true });
      this.pending.set(put.head, { put, read: { sector: one.sector, begun } });
    } else if (one.kind === 'write') {
      const put = queue.put({ ...common, type: VIRTIO_BLK_T_OUT });
      const value = one.isZero ? 0 : (this.requests % 255) + 1;
      queue.bytes.fill(value, put.data, put.data + put.bytes);
      this.pending.set(put.head, { put, write: noted(value) });
    } else {
      if (one.kind === 'discard') this.discards++;
      const type = one.kind === 'discard' ? VIRTIO_BLK_T_DISCARD : VIRTIO_BLK_T_WRITE_ZEROES;
      const put = queue.put({ type, pieces: [16], isIndirect: true });
      queue.view.setBigUint64(put.data, BigInt(one.sector), true);
      queue.view.setUint32(put.data + 8, sectors, true);
      queue.view.setUint32(put.data + 12, 0, true);
      this.pending.set(put.head, { put, write: noted(0) });
    }
  }

  /** Checks that each sector can hold what a read that began then, and ended now, has found. */
  check(values: readonly number[], first: number, begun: number): void {
    values.forEach((value, index) => {
      const sector = first + index;
      const touching = this.writes.filter(
        (write) => write.sector <= sector && sector < write.sector + write.sectors,
      );
      const isPossible = touching.some(
        (write) =>
          write.value === value &&
          !touching.some((other) => write.ended < other.begun && other.ended < begun),
      );
      assert.ok(isPossible, `sector ${sector} holds ${value}`);
    });
  }

  look(): void {
    this.time++;
    for (const head of this.disk.used()) {
      const one = this.pending.get(head);
      assert.ok(one !== undefined, 'no request ends twice');
      this.pending.delete(head);
      assert.is(this.disk.queue.statusOf(one.put), OK);
      if (one.read !== undefined)
        this.check(valuesOf(this.disk.queue.dataOf(one.put)), one.read.sector, one.read.begun);
      if (one.write !== undefined) one.write.ended = this.time;
    }
  }

  apply(one: Command): void {
    const { disk } = this;
    const { machine } = disk;
    if ('put' in one) {
      one.put.forEach((request) => {
        this.put(request);
      });
      disk.kick();
    } else if ('step' in one) {
      for (let step = 0; step < one.step; step++) machine.step();
    } else if ('hold' in one) {
      machine.holdCompletions(one.hold);
    } else if ('release' in one) {
      const held = machine.heldCompletions();
      if (held > 0) machine.releaseCompletion(one.release % held);
    } else if ('drain' in one) {
      if (one.drain) {
        const result = disk.drainBegin();
        assert.ok(result === 0 || result === -35, `${result}`);
        this.drains++;
      } else if (this.drains > 0) {
        assert.is(disk.drainEnd(), 0);
        this.drains--;
      }
    } else if ('resume' in one) {
      assert.is(disk.resume(), 0);
    } else {
      machine.run();
    }
    this.look();
  }

  finish(): void {
    const { disk } = this;
    disk.machine.holdCompletions(false);
    while (this.drains-- > 0) assert.is(disk.drainEnd(), 0);
    disk.machine.run();
    this.look();
    assert.is(this.pending.size, 0, 'every request has ended');
    disk.assertIdle();
    this.check(disk.sectors(0, SECTORS), 0, this.time);
  }

  /** What has ended is on the media: of itself in a synchronous mode, but for discards, else by a flush. */
  cut(mode: string | undefined): void {
    if (mode === 'unsafe') return;
    const { machine } = this.disk;
    const isSynchronous = mode === 'writethrough' || mode === 'directsync';
    if (!isSynchronous || this.discards > 0) assert.equal(this.disk.serve(this.disk.flush()), [OK]);
    machine.cutPower({ keep: 'none' });
    const bytes = new Uint8Array(SECTORS * 512);
    machine.memory().read(bytes, 0);
    this.check(valuesOf(bytes), 0, this.time);
  }
}

async function play(build: Build, config: MachineConfig, commands: readonly Command[]): Promise<number> {
  const machine = await openMachine(build, config);
  const model = new Model(new Disk(machine, { room: 2621440 }));
  for (const one of commands) model.apply(one);
  model.finish();
  model.cut(config.cacheMode);
  machine.close();
  return model.requests;
}

for (const build of BUILDS) {
  const random = suite(`block model (${build})`);

  random('random requests, drains, resumes and held completions', async () => {
    let requests = 0;
    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.array(command, { minLength: 5, maxLength: 40, size: 'max' }),
        async (config, commands) => {
          requests += await play(build, config, commands);
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(requests > RUNS * 30, `${requests} requests`);
  });

  random.run();
}
