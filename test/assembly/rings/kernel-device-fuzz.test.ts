// KernelDevice under hostile callers: handles that are none, addresses of the core, numbers without sense, and a client
// that scribbles over the aio_t records and rings. Every answer is a number, nothing traps, and after the device is
// closed nothing is left in use.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AIO_T_OFFSET, AIO_T_SIZE, DEVICE_CONTEXT } from '../../../assembly/layout.ts';
import type { CoreExports } from '../../../src/core/exports.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EBADF, EFAULT, EINVAL, Ring } from './ring.ts';

const SEED = 20231107;
const BLOCK = 4096;
const AIOS = 16;
const HANDLES = [0, -1, 2, 65, 1025, 2 ** 31 - 1, -(2 ** 31)];

type Call = (exports: CoreExports, handle: number) => number;

const DEVICE_CALLS: readonly Call[] = [
  (exports, handle) => exports.kernelDeviceClose(handle),
  (exports, handle) => exports.kernelDeviceState(handle),
  (exports, handle) => exports.kernelDeviceBlackhole(handle, 1),
  (exports, handle) => exports.kernelDeviceTakeDone(handle),
  (exports, handle) => exports.kernelDeviceFlush(handle),
  (exports, handle) => exports.kernelDeviceWrite(handle, 0, 0, 0, 0),
  (exports, handle) => exports.kernelDeviceRead(handle, 0, 0, 0),
  (exports, handle) => exports.kernelDeviceReadRandom(handle, 0, 0, 0),
  (exports, handle) => exports.kernelDeviceDiscard(handle, 0, 0),
  (exports, handle) => exports.ioContextCreate(handle, 0, 0),
];
const CONTEXT_CALLS: readonly Call[] = [
  (exports, handle) => exports.ioContextDestroy(handle),
  (exports, handle) => exports.ioContextState(handle),
  (exports, handle) => exports.ioContextAioWrite(handle, 0, 0, 0, 0),
  (exports, handle) => exports.ioContextAioRead(handle, 0, 0, 0),
  (exports, handle) => exports.ioContextSubmit(handle),
  (exports, handle) => exports.ioContextWait(handle),
];

for (const build of BUILDS) {
  const fuzz = suite(`hostile callers of a kernel device (${build})`);

  fuzz('handles that are none, and addresses that are not the client’s', async () => {
    const machine = await openMachine(build);
    const ring = new Ring(machine);
    const fd = machine.openFile('drive0', { direct: true }).descriptor;
    const call = (body: (exports: CoreExports) => number) => machine.core.call(body);
    for (const options of ring.outside)
      assert.is(
        call((exports) => exports.kernelDeviceOpen(fd, options)),
        EFAULT,
      );
    const zeros = ring.allocate(32);
    assert.is(
      call((exports) => exports.kernelDeviceOpen(fd, zeros)),
      EINVAL,
    );
    const device = call((exports) => exports.kernelDeviceOpen(fd, 0));
    assert.is(device, 1);
    const context = call((exports) => exports.ioContextCreate(device, 0, 0));
    assert.is(context, 1);
    for (const handle of HANDLES) {
      for (const one of [...DEVICE_CALLS, ...CONTEXT_CALLS])
        assert.is(
          call((exports) => one(exports, handle)),
          EBADF,
        );
    }
    for (const bad of [0, ...ring.outside]) {
      const list = ring.iovecs([[bad, BLOCK]]);
      for (const one of [
        (exports: CoreExports) => exports.ioContextAioWrite(context, 0, bad, 1, 0),
        (exports: CoreExports) => exports.ioContextAioWrite(context, 0, list, 1, 0),
        (exports: CoreExports) => exports.ioContextAioWrite(context, 0, list, 1, 1),
        (exports: CoreExports) => exports.ioContextAioRead(context, 0, bad, BLOCK),
        (exports: CoreExports) => exports.kernelDeviceWrite(device, 0, bad, 1, 0),
        (exports: CoreExports) => exports.kernelDeviceWrite(device, 0, list, 1, 1),
        (exports: CoreExports) => exports.kernelDeviceRead(device, 0, bad, BLOCK),
        (exports: CoreExports) => exports.kernelDeviceReadRandom(device, 1, bad, BLOCK),
      ])
        assert.is(call(one), EFAULT, String(bad));
    }
    const many = ring.allocate(64);
    for (const count of [-1, 2 ** 31 - 1])
      assert.ok(call((exports) => exports.ioContextAioWrite(context, 0, many, count, 0)) < 0);
    assert.is(
      call((exports) => exports.ioContextDestroy(context)),
      0,
    );
    assert.is(
      call((exports) => exports.kernelDeviceClose(device)),
      0,
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  fuzz('any calls with any numbers, and scribbles between them', async () => {
    const offset = fc.oneof(
      fc.nat(63).map((block) => block * BLOCK),
      fc.constantFrom(-1, 0.5, Number.NaN, Infinity, 2 ** 53, 1, 262144),
    );
    const step = fc.record({
      act: fc.nat(16),
      handle: fc.constantFrom(1, 1, 1, 2, 3, 0),
      offset,
      bytes: fc.constantFrom(0, 1, 512, BLOCK, BLOCK * 3, -1, 2 ** 31 - 1),
      count: fc.constantFrom(0, 1, 3, 5, 1024, -1),
      where: fc.nat(7000),
      value: fc.nat(255),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const machine = await openMachine(build, {
          drives: [{ size: 262144, latencyNs: 1000 }],
          limits: { bluestoreAios: AIOS },
          sharedMemory: 65536,
          aioMaxNr: 64,
          buffers: 524288,
        });
        const ring = new Ring(machine, 262144);
        const fd = machine.openFile('drive0', { direct: true }).descriptor;
        const call = (body: (exports: CoreExports) => number) => {
          const result = machine.core.call(body);
          assert.ok(Number.isInteger(result));
          return result;
        };
        const options = ring.allocate(32);
        const view = ring.view;
        [BLOCK, 4, 16, 3, 125, 0, BLOCK * 2, 0].forEach((word, index) => {
          view.setUint32(options + index * 4, word, true);
        });
        const buffer = ring.allocate(BLOCK * 4, BLOCK);
        const lists = [ring.iovecs(Array.from({ length: 1024 }, () => [buffer, BLOCK] as const))];
        lists.push(ring.iovecs(Array.from({ length: 1024 }, (_, at) => [buffer, at % 2 === 0 ? 100 : 3996])));
        const device = call((exports) => exports.kernelDeviceOpen(fd, options));
        const contextHandle = view.getUint32(
          call((exports) => exports.kernelDeviceState(device)) + DEVICE_CONTEXT,
          true,
        );
        call((exports) => exports.ioContextCreate(device, 0, 1));
        call((exports) => exports.ioContextCreate(device, 7, 0));
        call((exports) => exports.ioContextAioRead(1, BLOCK * 5, buffer, BLOCK));
        // the first aio_t: the one that holds the range of this read
        const range = new Uint8Array(new BigUint64Array([BigInt(BLOCK * 5), BigInt(BLOCK)]).buffer);
        const aios = Buffer.from(ring.bytes.buffer).indexOf(range, contextHandle) - AIO_T_OFFSET;
        assert.ok(aios > contextHandle);
        for (const { act, handle, offset: at, bytes, count, where, value } of steps) {
          const list = lists[value & 1] as number;
          const acts: (() => unknown)[] = [
            () => call((exports) => exports.ioContextAioWrite(handle, at, list, count, 0)),
            () => call((exports) => exports.ioContextAioWrite(handle, at, list, count, value & 1)),
            () => call((exports) => exports.ioContextAioRead(handle, at, buffer, bytes)),
            () => call((exports) => exports.ioContextAioRead(handle, at, buffer + value, bytes)),
            () => call((exports) => exports.ioContextSubmit(handle)),
            () => call((exports) => exports.ioContextSubmit(handle)),
            () => call((exports) => exports.ioContextWait(handle)),
            () => call((exports) => exports.ioContextDestroy(handle)),
            () => call((exports) => exports.ioContextCreate(handle, value, value & 1)),
            () => call((exports) => exports.kernelDeviceTakeDone(handle)),
            () => call((exports) => exports.kernelDeviceFlush(handle)),
            () => call((exports) => exports.kernelDeviceWrite(handle, at, list, count, value & 1)),
            () => call((exports) => exports.kernelDeviceReadRandom(handle, at, buffer, bytes)),
            () => call((exports) => exports.kernelDeviceDiscard(handle, at, bytes)),
            () => machine.advance(value * 10),
            () => {
              ring.bytes[contextHandle + where] = value;
            },
            () => {
              ring.bytes[aios + (where % (AIOS * AIO_T_SIZE))] = value;
            },
          ];
          acts[act]?.();
        }
        assert.is(
          call((exports) => exports.kernelDeviceClose(device)),
          0,
        );
        for (let handle = 1; handle < 64; handle++) call((exports) => exports.ioContextDestroy(handle));
        machine.run();
        const { bluestoreAios, ioContexts, deviceCalls, sharedPages, operations, kiocbs } =
          poolsInUse(machine);
        assert.equal(
          [bluestoreAios, ioContexts, deviceCalls, sharedPages, operations, kiocbs],
          [0, 0, 0, 0, 0, 0],
        );
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  fuzz.run();
}
