// Same config and calls, same records; and a machine without bytes decides and times everything as one with bytes.
//
// A random workload of AIO requests (overlapping ones too), synchronous calls, holds and passing time is played twice, in
// both builds, with payload full and none: record hash, every counter and the virtual time are equal after every step.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AioRequest } from '../../src/aio-request.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { StorageError } from '../../src/errors.ts';
import type { Machine } from '../../src/machine.ts';
import { BUILDS, type Build, openMachine } from '../support/machine.ts';
import { holds } from './workload.ts';

const SEED = 8086;
const RUNS = 150;
const CAPACITY = 131072;

type Step = readonly [kind: number, handle: number, offset: number, length: number];

const setups = fc.record({
  blockSize: fc.constantFrom(512, 2048, 4096),
  cachePages: fc.integer({ min: 1, max: 20 }),
  merge: fc.boolean(),
  channels: fc.integer({ min: 1, max: 3 }),
  queueDepth: fc.constantFrom(1, 3, 256),
  volatileWrites: fc.constantFrom(0, 3, 4096),
  bios: fc.constantFrom(4, 9, 4096),
  seed: fc.nat(1000),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;
const steps: fc.Arbitrary<Step> = fc.tuple(fc.nat(13), fc.nat(5), fc.nat(CAPACITY), fc.nat(20000));

const HANDLES = [
  ['drive0', {}],
  ['drive0', { direct: true }],
  ['file', {}],
  ['file', { direct: true, dsync: true }],
  ['file', { dsync: true }],
  ['drive1', { direct: true }],
] as const;

function configOf(setup: Setup): MachineConfig {
  const { channels, queueDepth, volatileWrites, bios, cachePages, ...rest } = setup;
  const latencyNs = { read: 70, write: 110, flush: 900, discard: 5 };
  return {
    ...rest,
    drives: [
      { size: CAPACITY, channels, queueDepth, volatileWrites, latencyNs },
      { size: 2 * CAPACITY, queueDepth, volatileWrites },
    ],
    files: [{ name: 'file', drive: 1, offset: CAPACITY, capacity: CAPACITY, size: 50000 }],
    cache: cachePages * 4096,
    records: 1024,
    powerCuts: false,
    aioMaxNr: 512,
    limits: { bios },
  };
}

/** Plays the steps; what a step left behind, as one line of text each. */
function play(machine: Machine, sequence: readonly Step[]): string[] {
  const context = machine.createAioContext(256);
  const handles = HANDLES.map(([name, options]) => machine.openFile(name, options));
  const buffer = machine.buffers.allocate(65536);
  const attempt = (call: () => unknown): string => {
    try {
      return String(call());
    } catch (error) {
      if (error instanceof StorageError) return error.code;
      throw error;
    }
  };
  return sequence.map(([kind, handle, at, size]) => {
    const file = handles[handle] as (typeof handles)[number];
    const isDirect = HANDLES[handle]?.[1] !== undefined && 'direct' in HANDLES[handle][1];
    const offset = isDirect || kind === 12 ? at - (at % 512) : at;
    const length = isDirect || kind === 12 ? size - (size % 512) : size;
    const request = (op: AioRequest['op'], position: number): AioRequest =>
      op === 'pread' || op === 'pwrite' ? { op, file, buffer, length, offset: position } : { op, file };
    let answer = '';
    // the files of one machine may overlap in flight here: only decisions are compared, not bytes
    if (kind < 4)
      answer = attempt(() => context.submit([request('pwrite', offset), request('pwrite', offset + 512)]));
    else if (kind < 7) answer = attempt(() => context.submit([request('pread', offset)]));
    else if (kind === 7) answer = attempt(() => context.submit([request('fdsync', 0)]));
    else if (kind === 8) machine.holdCompletions(size % 2 === 0);
    else if (kind === 9) answer = attempt(() => machine.releaseCompletion(size % 3));
    else if (kind === 10) machine.advance(size);
    else if (kind === 11) {
      machine.holdCompletions(false);
      answer = attempt(() => file.write(new Uint8Array(length), offset));
    } else if (kind === 12) {
      machine.holdCompletions(false);
      answer = attempt(() => file.discard(offset, length));
    } else {
      const events = context.getEvents({ min: size % 3, timeoutNs: 500 });
      answer = events.map(({ res }) => res).join(' ');
    }
    const { recordHash, nowNs } = machine;
    return `${kind} ${answer} | ${recordHash} ${nowNs} ${JSON.stringify(machine.counters)}`;
  });
}

const determinism = suite('determinism');

determinism('both builds, played twice, with and without bytes, leave the same trail', async () => {
  let stepTotal = 0;
  await holds(
    fc.asyncProperty(setups, fc.array(steps, { maxLength: 80, size: 'max' }), async (setup, sequence) => {
      const trail = async (build: Build, payload: 'full' | 'none') =>
        play(await openMachine(build, { ...configOf(setup), payload }), sequence);
      const expected = await trail('release', 'full');
      for (const build of BUILDS) {
        assert.equal(await trail(build, 'full'), expected, `${build} again`);
        assert.equal(await trail(build, 'none'), expected, `${build} without bytes`);
      }
      stepTotal += sequence.length;
    }),
    SEED,
    RUNS,
  );
  console.log(`seed ${SEED}, ${stepTotal} steps`);
  assert.ok(stepTotal > RUNS * 10);
});

for (const build of BUILDS) {
  determinism(`${build}: another call, another hash`, async () => {
    const hashOf = async (offset: number) => {
      const machine = await openMachine(build, { records: true });
      machine.openFile('drive0').write(new Uint8Array(1), offset);
      return machine.recordHash;
    };
    assert.is(await hashOf(0), await hashOf(0));
    assert.is.not(await hashOf(0), await hashOf(1));
    assert.match(await hashOf(0), /^[0-9a-f]{16}$/);
  });

  determinism(`${build}: recording changes no counter and no time`, async () => {
    const stateOf = async (records: boolean) => {
      const machine = await openMachine(build, { records, drives: [{ latencyNs: 10 }], cache: '16KiB' });
      const file = machine.openFile('drive0');
      for (let page = 0; page < 20; page++) file.write(new Uint8Array(100), page * 5000);
      file.sync();
      return [machine.counters, machine.nowNs];
    };
    assert.equal(await stateOf(false), await stateOf(true));
  });
}

determinism.run();
