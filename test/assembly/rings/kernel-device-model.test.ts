// KernelDevice against a plain array of bytes: random writes in pieces, reads, flushes, discards and submits on two
// contexts, with a slow or instant drive, then a power cut.
//
// While the power is on a read gives what was last written. After the cut a block holds what the last effective flush
// covered, or something written after it, and nothing else; without a later write that is exactly the flushed bytes.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IoContext } from '../../../src/io-context.ts';
import type { KernelDevice } from '../../../src/kernel-device.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const SEED = 20250311;
const BLOCKS = 48;
const BLOCK = 512;

interface Step {
  readonly act: number;
  readonly context: number;
  readonly first: number;
  readonly count: number;
  readonly value: number;
  /** Where a payload is cut into pieces, in bytes. */
  readonly cuts: readonly number[];
}

interface Reading {
  readonly out: Uint8Array;
  readonly expected: Uint8Array;
}

class Model {
  readonly machine: Machine;
  readonly device: KernelDevice;
  readonly contexts: IoContext[];
  readonly bytes = new Uint8Array(BLOCKS * BLOCK);
  /** What each block may hold after a power cut, oldest first, as the value that fills it. */
  readonly left: number[][] = Array.from({ length: BLOCKS }, () => [0]);
  /** Blocks that a request which has not ended uses, by context. */
  readonly busy: Set<number>[] = [new Set(), new Set()];
  readonly writing: Set<number>[] = [new Set(), new Set()];
  readonly readings: Reading[][] = [[], []];
  /** I/O was waited for since the last flush, so the next one has to be effective. */
  isFlushOwed = false;

  constructor(machine: Machine, device: KernelDevice) {
    this.machine = machine;
    this.device = device;
    this.contexts = [device.createContext(), device.createContext({ priv: 1 })];
  }

  isFree(first: number, count: number): boolean {
    for (let block = first; block < first + count; block++)
      if (this.busy.some((set) => set.has(block))) return false;
    return true;
  }

  change(first: number, count: number, value: number): void {
    this.bytes.fill(value, first * BLOCK, (first + count) * BLOCK);
    for (let block = first; block < first + count; block++) this.left[block]?.push(value);
  }

  hold(context: number, first: number, count: number, isWrite: boolean): void {
    for (let block = first; block < first + count; block++) {
      this.busy[context]?.add(block);
      if (isWrite) this.writing[context]?.add(block);
    }
  }

  settle(context: number): void {
    for (const { out, expected } of this.readings[context]?.splice(0) ?? []) sameBytes(out, expected);
    this.busy[context]?.clear();
    this.writing[context]?.clear();
  }

  wait(context: number): void {
    const one = this.contexts[context] as IoContext;
    if (one.numPending + one.numRunning > 0) this.isFlushOwed = true;
    one.submit();
    one.wait();
    if (one.priv !== 0) assert.ok(this.device.takeCompleted().every((taken) => taken === one));
    this.settle(context);
  }

  flush(): void {
    const before = this.device.fdatasyncs;
    this.device.flush();
    assert.ok(this.device.fdatasyncs > before || !this.isFlushOwed, 'a flush that did nothing');
    this.isFlushOwed = false;
    if (this.device.fdatasyncs === before) return;
    this.left.forEach((values, block) => {
      if (!this.writing.some((set) => set.has(block))) values.splice(0, values.length - 1);
    });
  }

  run({ act, context, first, count, value, cuts }: Step): void {
    const one = this.contexts[context] as IoContext;
    const isFree = this.isFree(first, count);
    const payload = piecesOf(count * BLOCK, value, cuts);
    const start = first * BLOCK;
    switch (act) {
      case 0:
      case 1:
      case 2:
        if (!isFree) return;
        one.aioWrite(payload, start);
        this.hold(context, first, count, true);
        this.change(first, count, value);
        return;
      case 3: {
        if (!isFree) return;
        const out = one.aioRead(count * BLOCK, start);
        this.readings[context]?.push({ out, expected: this.bytes.slice(start, start + count * BLOCK) });
        this.hold(context, first, count, false);
        return;
      }
      case 4:
        one.submit();
        return;
      case 5:
        this.wait(context);
        return;
      case 6:
        this.flush();
        return;
      case 7:
        if (!isFree) return;
        this.device.write(payload, start, { buffered: value % 2 === 0 });
        this.isFlushOwed = true;
        this.change(first, count, value);
        return;
      case 8:
        if (!isFree) return;
        this.device.discard(start, count * BLOCK);
        this.change(first, count, 0);
        return;
      case 9: {
        if (!isFree) return;
        const length = count * BLOCK - (value % BLOCK);
        sameBytes(
          this.device.readRandom(length, start + (value % BLOCK)),
          this.bytes.slice(start + (value % BLOCK), start + (value % BLOCK) + length),
        );
        return;
      }
      default:
        this.machine.advance(value * 10_000);
    }
  }

  /** Cuts the power in the middle of what runs. */
  cut(): void {
    this.machine.cutPower();
    const after = new Uint8Array(BLOCKS * BLOCK);
    this.machine.memory().read(after, 0);
    this.left.forEach((values, block) => {
      const part = after.subarray(block * BLOCK, (block + 1) * BLOCK);
      const value = part[0] as number;
      assert.ok(
        part.every((byte) => byte === value),
        `block ${block} is torn`,
      );
      assert.ok(values.includes(value), `block ${block} holds ${value}, not one of ${values}`);
    });
  }

  close(): void {
    for (const context of [0, 1]) this.wait(context);
    sameBytes(this.device.readRandom(BLOCKS * BLOCK, 0), this.bytes);
    for (const context of this.contexts) context.close();
    this.device.close();
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

/** Compares without the listing of every byte that a failed assert.equal makes. */
function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.is(actual.length, expected.length);
  assert.is(
    actual.findIndex((byte, index) => byte !== expected[index]),
    -1,
    'the first byte that differs',
  );
}

/** `total` bytes of `value`, cut into pieces of the lengths given and a rest. */
function piecesOf(total: number, value: number, cuts: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let left = total;
  for (const cut of cuts) {
    const length = Math.min(cut, left);
    pieces.push(new Uint8Array(length).fill(value));
    left -= length;
  }
  pieces.push(new Uint8Array(left).fill(value));
  return pieces;
}

const step = fc.record({
  act: fc.nat(10),
  context: fc.nat(1),
  first: fc.nat(BLOCKS - 9),
  count: fc.integer({ min: 1, max: 9 }),
  value: fc.integer({ min: 1, max: 255 }),
  cuts: fc.oneof(
    fc.constant([]),
    fc.array(
      fc.integer({ min: 0, max: 3 }).map((blocks) => blocks * BLOCK),
      { maxLength: 6 },
    ),
    fc.array(fc.nat(700), { maxLength: 6 }),
  ),
});

const setup = fc.record({
  latencyNs: fc.constantFrom(0, 70_000),
  maxIodepth: fc.constantFrom(1, 4, 1024),
  rwIoMax: fc.constantFrom(BLOCK, BLOCK * 3, 1048576),
  rule: fc.constantFrom('window' as const, 'older' as const),
  dmaAlignment: fc.constantFrom(1, 512),
});

for (const build of BUILDS) {
  const model = suite(`kernel device and a plain array of bytes (${build})`);

  for (const isCut of [false, true]) {
    model(isCut ? 'after a power cut' : 'while the power is on', async () => {
      await fc.assert(
        fc.asyncProperty(setup, fc.array(step, { maxLength: 80, size: 'max' }), async (fields, steps) => {
          const { latencyNs, dmaAlignment, ...options } = fields;
          const machine = await openMachine(build, {
            drives: [{ size: BLOCKS * BLOCK, latencyNs, channels: 2, dmaAlignment }],
            cache: '64KiB',
            buffers: '1MiB',
            sharedMemory: '512KiB',
            aioMaxNr: 1024,
          });
          const run = new Model(
            machine,
            machine.openKernelDevice('drive0', { blockSize: BLOCK, ...options }),
          );
          for (const one of steps) run.run(one);
          if (isCut) run.cut();
          else run.close();
        }),
        { seed: SEED, numRuns: 120 },
      );
    });
  }

  model.run();
}
