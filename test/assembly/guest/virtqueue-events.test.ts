// Who tells whom: interrupts and notifications with EVENT_IDX and with flags, the sizes of the parts of a ring that follow
// from it, and how many requests may be outstanding.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VIRTIO_BLK_S_OK, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_OUT } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openUnit } from '../../support/unit-module.ts';
import { GuestQueue, NO_STATUS } from './queue.ts';

const EVENT_IDX = 1n << 29n;
const NEEDS_RESET = 64;
const NO_INTERRUPT = 1;

async function open(
  build: Build,
  isEvent: boolean,
  config: MachineConfig = {},
  size = 16,
): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, { drives: [{ size: 1048576 }], ...config });
  const queue = new GuestQueue(machine, { size });
  const { offered } = queue;
  queue.bytes.fill(0, queue.available, queue.available + 6 + 2 * size);
  queue.bytes.fill(0, queue.used, queue.used + 6 + 8 * size);
  assert.is(queue.attach({ features: isEvent ? offered : offered & ~EVENT_IDX }), 15);
  return [machine, queue];
}

const setUsedEvent = (queue: GuestQueue, index: number) =>
  queue.view.setUint16(queue.available + 4 + 2 * queue.size, index & 0xffff, true);
const availableEvent = (queue: GuestQueue) => queue.view.getUint16(queue.used + 4 + 8 * queue.size, true);
const usedFlags = (queue: GuestQueue) => queue.view.getUint16(queue.used, true);
const setFlags = (queue: GuestQueue, flags: number) => queue.view.setUint16(queue.available, flags, true);

/** One request, served. Whether it interrupted; the interrupt is acknowledged. */
function serve(queue: GuestQueue): boolean {
  const start = queue.mark();
  queue.put({ type: VIRTIO_BLK_T_FLUSH });
  queue.kickAndRun();
  assert.is(queue.takeUsed().length, 1);
  queue.release(start);
  const { interruptStatus } = queue;
  assert.is(interruptStatus & ~1, 0);
  queue.acknowledge();
  return interruptStatus !== 0;
}

/** Sheet §1.4. */
const NEED_EVENT: readonly [event: number, current: number, old: number, isNeeded: boolean][] = [
  [0, 1, 0, true],
  [5, 6, 5, true],
  [5, 8, 4, true],
  [5, 5, 2, false],
  [5, 10, 6, false],
  [65535, 0, 65535, true],
  [65534, 1, 65533, true],
  [3, 3, 3, false],
];

for (const build of BUILDS) {
  const events = suite(`virtqueue-events (${build})`);

  for (const [event, current, old, isNeeded] of NEED_EVENT) {
    events(`from ${old} to ${current} event ${event} is ${isNeeded ? 'passed' : 'not passed'}`, async () => {
      const unit = await openUnit(build);
      assert.is(unit.exports.needsEvent(event, current, old) !== 0, isNeeded);
    });
  }

  events('row 13: used_event 5, three completions from used.idx 4 to 7: one interrupt, at 6', async () => {
    const [machine, queue] = await open(build, true);
    setUsedEvent(queue, 5);
    assert.ok(serve(queue), 'the first completion after a reset always interrupts');
    assert.equal([serve(queue), serve(queue), serve(queue)], [false, false, false]);
    assert.is(queue.usedIndex, 4);
    assert.equal([serve(queue), serve(queue), serve(queue)], [false, true, false]);
    assert.is(queue.usedIndex, 7);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  events('row 14: with EVENT_IDX the flags are ignored, on both sides', async () => {
    const [, queue] = await open(build, true);
    setFlags(queue, NO_INTERRUPT);
    for (let index = 0; index < 5; index++) {
      setUsedEvent(queue, index);
      assert.ok(serve(queue), `completion ${index}`);
      assert.is(usedFlags(queue), 0);
    }
  });

  events('row 15: without EVENT_IDX, NO_INTERRUPT keeps bit 0 of InterruptStatus at 0', async () => {
    const [, queue] = await open(build, false);
    setFlags(queue, NO_INTERRUPT);
    setUsedEvent(queue, 0);
    assert.equal([serve(queue), serve(queue)], [false, false]);
    setFlags(queue, 0);
    assert.ok(serve(queue));
    setFlags(queue, 0xfffe);
    assert.ok(serve(queue), 'other flags mean nothing');
  });

  events('the config interrupt is not suppressed', async () => {
    const [, queue] = await open(build, false);
    setFlags(queue, NO_INTERRUPT);
    queue.offer(queue.size);
    queue.kick();
    assert.is(queue.interruptStatus, 2);
  });

  events('an interrupt stays until its bit is acknowledged', async () => {
    const [machine, queue] = await open(build, false);
    queue.put({ type: VIRTIO_BLK_T_FLUSH });
    queue.kickAndRun();
    assert.is(
      machine.core.call((exports) => exports.virtioResize(0, 4096)),
      0,
    );
    assert.is(queue.interruptStatus, 3);
    queue.acknowledge(4);
    assert.is(queue.interruptStatus, 3);
    queue.acknowledge(1);
    assert.is(queue.interruptStatus, 2);
    queue.acknowledge(0xffffffff | 0);
    assert.is(queue.interruptStatus, 0);
  });

  events('events are passed across 65,535', async () => {
    const [, queue] = await open(build, true);
    setUsedEvent(queue, 65534);
    assert.ok(serve(queue));
    let interrupts = 0;
    while (queue.usedIndex !== 65533) if (serve(queue)) interrupts++;
    assert.is(interrupts, 0);
    assert.equal([serve(queue), serve(queue), serve(queue), serve(queue)], [false, true, false, false]);
    assert.is(queue.usedIndex, 1);
  });

  events('the device asks to be notified of the next entry, again after each drain', async () => {
    const [, queue] = await open(build, true);
    for (let index = 0; index < 3; index++) {
      assert.is(availableEvent(queue), index);
      serve(queue);
    }
    queue.put({ type: VIRTIO_BLK_T_FLUSH });
    queue.put({ type: VIRTIO_BLK_T_FLUSH });
    queue.kickAndRun();
    assert.is(availableEvent(queue), 5);
    const [, plain] = await open(build, false);
    serve(plain);
    assert.equal(
      [availableEvent(plain), usedFlags(plain)],
      [0, 0],
      'the word is not the device’s without EVENT_IDX',
    );
  });

  events(
    'while it drains the device asks not to be notified: by flags, and never with EVENT_IDX',
    async () => {
      for (const isEvent of [true, false]) {
        const [machine, queue] = await open(build, isEvent);
        // the header lies over the used ring, so that its type is what the flags are when the chain is taken: 1 is a write
        const status = queue.statusByte();
        queue.putChain([
          { address: queue.used, length: 16 },
          { address: queue.allocate(512), length: 512 },
          { address: status, length: 1, flags: 2 },
        ]);
        queue.kickAndRun();
        assert.is(queue.bytes[status], VIRTIO_BLK_S_OK);
        const { reads, writes } = machine.counters.guest;
        assert.equal([reads, writes], isEvent ? [1, 0] : [0, 1]);
        assert.is(usedFlags(queue), 0, 'and afterwards it listens');
      }
    },
  );

  events(
    'a ring whose available index lies under the flags that the device writes is not walked for ever',
    async () => {
      const [machine, queue] = await open(build, false);
      queue.attach({ status: 11, features: queue.offered & ~EVENT_IDX });
      queue.write(0x044, 0);
      const status = queue.statusByte();
      queue.describeChain(0, [
        { address: queue.header(VIRTIO_BLK_T_FLUSH), length: 16 },
        { address: status, length: 1, flags: 2 },
      ]);
      // used.flags at available.idx: 1 while the queue is drained, 0 afterwards
      const available = queue.allocate(64, 4) + 2;
      queue.write(0x090, available);
      queue.write(0x0a0, available + 2);
      queue.write(0x044, 1);
      queue.write(0x070, 15);
      assert.is(queue.read(0x070), 15);
      for (let count = 0; count < 3; count++) assert.is(queue.kick(), 0);
      machine.run();
      assert.is(queue.bytes[status], VIRTIO_BLK_S_OK);
      queue.write(0x070, 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  events(
    'row 1: the parts of 256 entries have 4,096, 518 and 2,054 bytes, the last two for EVENT_IDX',
    async () => {
      const machine = await openMachine(build);
      const queue = new GuestQueue(machine);
      const bytes = 65536;
      const base = queue.allocate(bytes, 4096);
      assert.is(
        machine.core.call((exports) => exports.virtioMemory(0, base, bytes)),
        0,
      );
      const works = (features: bigint, addresses: readonly number[], size: number): boolean => {
        for (const status of [0, 1, 3]) queue.write(0x070, status);
        queue.write(0x020, Number(features));
        queue.write(0x070, 11);
        queue.write(0x038, size);
        for (const [index, address] of addresses.entries()) queue.write(0x080 + index * 16, address);
        queue.write(0x044, 1);
        return (queue.read(0x070) & NEEDS_RESET) === 0;
      };
      for (const [features, extra] of [
        [0n, 0],
        [EVENT_IDX, 2],
      ] as const) {
        for (const size of [1, 8, 128, 256, 1024]) {
          const parts = [16 * size, 4 + extra + 2 * size, 4 + extra + 8 * size];
          if (size === 256 && extra > 0) assert.equal(parts, [4096, 518, 2054]);
          for (const [part, length] of parts.entries()) {
            const alignment = [16, 2, 4][part] as number;
            const last = Math.floor((bytes - length) / alignment) * alignment;
            const at = (address: number) =>
              [0, 16384, 32768].map((usual, index) => (index === part ? address : usual));
            assert.ok(works(features, at(last), size), `${size}: part ${part} at the end`);
            assert.not(works(features, at(last + alignment), size), `${size}: part ${part} behind the end`);
          }
        }
      }
    },
  );

  events('as many requests as the ring has entries may be outstanding, and not one more', async () => {
    const [machine, queue] = await open(build, false, { cacheMode: 'none' }, 4);
    machine.holdCompletions(true);
    const header = queue.header(VIRTIO_BLK_T_OUT);
    const data = queue.allocate(512, 512);
    const statuses = [0, 1, 2, 3].map((head) => {
      const status = queue.statusByte();
      const table = queue.allocate(48, 16);
      const chain = [
        { address: header, length: 16 },
        { address: data, length: 512 },
        { address: status, length: 1, flags: 2 },
      ];
      queue.describeChain(0, chain, table);
      queue.describe(head, { address: table, length: 48, flags: 4 });
      queue.offer(head);
      return status;
    });
    queue.kickAndRun();
    assert.not(queue.needsReset);
    queue.offer(0);
    queue.kick();
    assert.ok(queue.needsReset, 'a fifth chain');
    machine.holdCompletions(false);
    machine.run();
    assert.is(queue.usedIndex, 0);
    for (const status of statuses) assert.is(queue.bytes[status], NO_STATUS);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  events.run();
}
