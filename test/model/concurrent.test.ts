// test-timeout: 600
// Many requests in flight at once, held back and released in random order, on machines with hardly any room.
//
// Each request owns a byte range that no other one touches while it is in flight; ranges share pages and blocks, so
// writers, readers, syncs and evictions wait for each other everywhere. Whatever the order of completion: each request
// ends once with its whole length, the bytes are right at every read and on the backing, and every pool is empty again.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AioContext } from '../../src/aio.ts';
import type { AioRequest } from '../../src/aio-request.ts';
import { EVICTIONS } from '../../src/core/options.ts';
import { StorageError } from '../../src/errors.ts';
import type { OpenFile } from '../../src/files.ts';
import type { Machine } from '../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';
import { holds, noise } from './workload.ts';

const SEED = 31337;
const RUNS = { release: 2500, debug: 400 } as const;
const EAGAIN = -11;

/** Byte ranges of the drive: the first are used buffered and lie across pages and blocks, the others direct. */
const BUFFERED_SLOT = 1777;
const BUFFERED_SLOTS = 24;
const DIRECT_SLOT = 4096;
const DIRECT_SLOTS = 8;
const DIRECT_START = 12 * 4096;
const SLOTS = BUFFERED_SLOTS + DIRECT_SLOTS;
const DRIVE_SIZE = DIRECT_START + DIRECT_SLOTS * DIRECT_SLOT;

type Action =
  | readonly ['submit', readonly (readonly [slot: number, kind: number])[]]
  | readonly ['hold', boolean]
  | readonly ['release', number]
  | readonly ['reap', number]
  | readonly ['advance', number];

const setups = fc.record({
  blockSize: fc.constantFrom(512, 1024, 4096),
  cachePages: fc.integer({ min: 1, max: 8 }),
  merge: fc.boolean(),
  channels: fc.integer({ min: 1, max: 3 }),
  queueDepth: fc.constantFrom(1, 2, 64),
  bios: fc.constantFrom(4, 5, 6, 64),
  operations: fc.constantFrom(2, 8, 64),
  eviction: fc.constantFrom(...EVICTIONS),
  volatileWrites: fc.constantFrom(0, 2, 100),
  latencyNs: fc.record({ read: fc.nat(300), write: fc.nat(300), flush: fc.nat(300) }),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant('submit' as const),
      fc.array(fc.tuple(fc.nat(SLOTS - 1), fc.nat(9)), { minLength: 1, maxLength: 12 }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('hold' as const), fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('release' as const), fc.nat(15)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('reap' as const), fc.nat(4)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('advance' as const), fc.nat(400)) },
);

interface Slot {
  readonly offset: number;
  readonly length: number;
  readonly buffer: number;
  readonly expected: Uint8Array;
  isBusy: boolean;
}

/** The machine with its slots, and what is in flight by the number in each iocb's data. */
class Driver {
  readonly machine: Machine;
  readonly context: AioContext;
  readonly slots: Slot[];
  readonly #buffered: OpenFile;
  readonly #direct: OpenFile;
  readonly inFlight = new Map<
    number,
    { kind: AioRequest['op']; slot: Slot | undefined; bytes?: Uint8Array }
  >();
  submitted = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.context = machine.createAioContext(256);
    this.#buffered = machine.openFile('drive0');
    this.#direct = machine.openFile('drive0', { direct: true });
    this.slots = Array.from({ length: SLOTS }, (_, index) => {
      const isDirect = index >= BUFFERED_SLOTS;
      const length = isDirect ? DIRECT_SLOT : BUFFERED_SLOT;
      return {
        offset: isDirect ? DIRECT_START + (index - BUFFERED_SLOTS) * DIRECT_SLOT : index * BUFFERED_SLOT,
        length,
        buffer: machine.buffers.allocate(length),
        expected: new Uint8Array(length),
        isBusy: false,
      };
    });
  }

  submit(wanted: readonly (readonly [slot: number, kind: number])[]): void {
    const requests: AioRequest[] = [];
    for (const [index, kindNumber] of wanted) {
      const slot = this.slots[index] as Slot;
      const data = ++this.submitted;
      const file = index >= BUFFERED_SLOTS ? this.#direct : this.#buffered;
      if (kindNumber === 9) {
        this.inFlight.set(data, { kind: 'fdsync', slot: undefined });
        requests.push({ op: 'fdsync', file, data });
        continue;
      }
      if (slot.isBusy) continue;
      slot.isBusy = true;
      const kind = kindNumber < 4 ? 'pread' : 'pwrite';
      const bytes = noise(slot.length, data);
      this.machine.core.memory.bytes.set(
        kind === 'pwrite' ? bytes : new Uint8Array(slot.length),
        slot.buffer,
      );
      this.inFlight.set(data, { kind, slot, bytes });
      requests.push({ op: kind, file, buffer: slot.buffer, length: slot.length, offset: slot.offset, data });
    }
    if (requests.length === 0) return;
    let accepted = 0;
    try {
      accepted = this.context.submit(requests);
    } catch (error) {
      if (!(error instanceof StorageError) || error.errno !== EAGAIN) throw error;
    }
    for (const { data } of requests.slice(accepted)) this.#end(data as number);
  }

  #end(data: number): void {
    const slot = this.inFlight.get(data)?.slot;
    if (slot !== undefined) slot.isBusy = false;
    this.inFlight.delete(data);
  }

  reap(min: number): void {
    for (const { data, res } of this.context.getEvents({ min: Math.min(min, this.inFlight.size) })) {
      const request = this.inFlight.get(data);
      assert.ok(request, `event of request ${data}, which is not in flight`);
      const { kind, slot, bytes } = request;
      assert.is(res, slot?.length ?? 0, `result of ${kind}`);
      if (kind === 'pwrite') slot?.expected.set(bytes as Uint8Array);
      if (kind === 'pread' && slot !== undefined) {
        const memory = this.machine.core.memory.bytes;
        const got = memory.subarray(slot.buffer, slot.buffer + slot.length);
        assert.is(Buffer.compare(got, slot.expected), 0, `bytes read at ${slot.offset}`);
      }
      this.#end(data);
    }
  }

  act(action: Action): void {
    const { machine } = this;
    switch (action[0]) {
      case 'submit':
        this.submit(action[1]);
        break;
      case 'hold':
        machine.holdCompletions(action[1]);
        break;
      case 'release':
        if (machine.heldCompletions() > 0) machine.releaseCompletion(action[1] % machine.heldCompletions());
        break;
      case 'reap':
        this.reap(action[1]);
        break;
      default:
        machine.advance(action[1]);
    }
  }
}

async function play(build: Build, setup: Setup, sequence: readonly Action[]): Promise<number> {
  const { blockSize, cachePages, merge, bios, operations, eviction, ...drive } = setup;
  const machine = await openMachine(build, {
    drives: [{ ...drive, size: DRIVE_SIZE }],
    blockSize,
    merge,
    eviction,
    cache: cachePages * 4096,
    buffers: '1MiB',
    aioMaxNr: 256,
    limits: { bios, operations, spans: 2048, virtioRequests: 0 },
  });
  const driver = new Driver(machine);
  for (const action of sequence) driver.act(action);

  machine.holdCompletions(false);
  driver.reap(driver.inFlight.size);
  assert.is(driver.inFlight.size, 0, 'requests that never ended');
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  const file = machine.openFile('drive0');
  file.sync();
  assert.is(machine.counters.cache.nrDirty, 0);
  assert.is(machine.counters.cache.nrWriteback, 0);
  assert.ok(machine.counters.cache.nrFilePages <= cachePages, 'pages beyond the capacity');
  const onDrive = new Uint8Array(DRIVE_SIZE);
  machine.memory().read(onDrive, 0);
  const seen = file.read(DRIVE_SIZE, 0);
  for (const { offset, length, expected } of driver.slots) {
    assert.is(Buffer.compare(seen.subarray(offset, offset + length), expected), 0, `read at ${offset}`);
    assert.is(Buffer.compare(onDrive.subarray(offset, offset + length), expected), 0, `backing at ${offset}`);
  }
  return driver.submitted;
}

const concurrent = suite('many requests in flight');

for (const build of BUILDS) {
  concurrent(`${build}: all end once, bytes are right, pools are empty`, async () => {
    let total = 0;
    await holds(
      fc.asyncProperty(
        setups,
        fc.array(actions, { maxLength: 120, size: 'max' }),
        async (setup, sequence) => {
          total += await play(build, setup, sequence);
        },
      ),
      SEED,
      RUNS[build],
    );
    console.log(`${build}: seed ${SEED}, ${total} requests`);
    assert.ok(total > RUNS[build] * 50);
  });
}

concurrent.run();
