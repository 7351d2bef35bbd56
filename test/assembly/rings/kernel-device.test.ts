// KernelDevice and IOContext: what is queued, submitted, judged at completion, made durable, and left when a device stops.
//
// Results are produced by real means: small rings and pools, drives that hold or fail, a file that was cut short, a
// context destroyed behind the device's back. Left out: bdev_inject_crash (a drive's own power cut does that), and the
// io_uring backend, whose short submission strands requests in Ceph: this device has one backend, and its batch loops.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEVICE_CONTEXT } from '../../../assembly/layout.ts';
import { MAX_IO_CONTEXTS, MAX_KERNEL_DEVICES, MAX_TRANSFER_BYTES } from '../../../assembly/limits.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { type AbortReason, CephAbortError, ConfigError, StorageError } from '../../../src/errors.ts';
import type { KernelDevice, KernelDeviceOptions } from '../../../src/kernel-device.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openFlaky, WASI_EIO, WASI_ENOSPC } from '../drive/flaky-image.ts';

const BLOCK = 4096;
const SIZE = 1048576;
const EIO = -5;

const filled = (value: number, length = BLOCK) => new Uint8Array(length).fill(value);

interface Opened {
  readonly machine: Machine;
  readonly device: KernelDevice;
}

async function open(
  build: Build,
  config: MachineConfig = {},
  options: KernelDeviceOptions = {},
): Promise<Opened> {
  const machine = await openMachine(build, { drives: [{ size: SIZE }], records: 8192, ...config });
  return { machine, device: machine.openKernelDevice('drive0', options) };
}

/** What a call throws must be an abort of Ceph, for this reason. */
function aborts(reason: AbortReason, call: () => unknown): CephAbortError {
  try {
    call();
  } catch (error) {
    assert.instance(error, CephAbortError, String(error));
    assert.is((error as CephAbortError).reason, reason);
    assert.is((error as CephAbortError).code, 'ERR_CEPH_ABORT');
    return error as CephAbortError;
  }
  throw new Error('nothing was thrown');
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

function fails(code: string, call: () => unknown): void {
  assert.throws(call, (error: unknown) => error instanceof StorageError && error.code === code);
}

/** Requests offered and what io_submit answered, since the last look. */
function submits(machine: Machine): (readonly [number, number])[] {
  return machine.records
    .take()
    .flatMap(({ kind, count, detail }) => (kind === 'aioQueueSubmit' ? [[count, detail] as const] : []));
}

function checkLeft({ machine, device }: Opened): void {
  machine.run();
  device.close();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const opening = suite(`a kernel device opens (${build})`);

  opening('its size is whole blocks: 10,000 bytes are 8,192', async () => {
    const machine = await openMachine(build, { files: [{ name: 'f', capacity: '64KiB', size: 10000 }] });
    const device = machine.openKernelDevice('f');
    assert.equal([device.size, device.blockSize], [8192, 4096]);
    const small = machine.openKernelDevice('f', { blockSize: 512 });
    assert.equal([small.size, small.blockSize], [9728, 512]);
    small.close();
    checkLeft({ machine, device });
  });

  opening('it needs direct I/O, reading and writing', async () => {
    const machine = await openMachine(build, { drives: [{ size: SIZE }, { size: SIZE, readOnly: true }] });
    fails('EINVAL', () => machine.openKernelDevice(machine.openFile('drive0')));
    fails('EINVAL', () =>
      machine.openKernelDevice(machine.openFile('drive1', { direct: true, readOnly: true })),
    );
    const closed = machine.openFile('drive0', { direct: true });
    closed.close();
    fails('EBADF', () => machine.openKernelDevice(closed));
    fails('EROFS', () => machine.openKernelDevice('drive1'));
  });

  opening('without aio_t records there is none, and io_setup may refuse', async () => {
    const machine = await openMachine(build, { limits: { bluestoreAios: 0 } });
    fails('ENODEV', () => machine.openKernelDevice('drive0'));
    const few = await openMachine(build, { aioMaxNr: 1024 });
    const device = few.openKernelDevice('drive0');
    fails('EAGAIN', () => few.openKernelDevice('drive0'));
    checkLeft({ machine: few, device });
  });

  opening('options out of range are named', async () => {
    const machine = await openMachine(build);
    const bad: readonly [field: string, options: KernelDeviceOptions][] = [
      ['blockSize', { blockSize: 256 }],
      ['blockSize', { blockSize: 5000 }],
      ['blockSize', { blockSize: 131072 }],
      ['maxIodepth', { maxIodepth: 0 }],
      ['reapMax', { reapMax: 0 }],
      ['reapMax', { reapMax: 17 }],
      ['submitRetries', { submitRetries: 65536 }],
      ['initialDelayUs', { initialDelayUs: -1 }],
      ['rwIoMax', { rwIoMax: 1000 }],
      ['rwIoMax', { rwIoMax: MAX_TRANSFER_BYTES + 512 }],
    ];
    for (const [field, options] of bad)
      assert.throws(
        () => machine.openKernelDevice('drive0', options),
        (error: unknown) => error instanceof ConfigError && error.field === field,
      );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  opening('there is room for a fixed number of devices and contexts, and it comes back', async () => {
    const machine = await openMachine(build, { aioMaxNr: 4096 });
    const options = { maxIodepth: 1 };
    for (let round = 0; round < 2; round++) {
      const devices = Array.from({ length: MAX_KERNEL_DEVICES }, () =>
        machine.openKernelDevice('drive0', options),
      );
      fails('EMFILE', () => machine.openKernelDevice('drive0', options));
      const [device] = devices as [KernelDevice];
      const contexts = Array.from({ length: MAX_IO_CONTEXTS }, () => device.createContext());
      fails('EMFILE', () => device.createContext());
      for (const context of contexts) context.close();
      for (const one of devices) one.close();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    }
  });

  opening.run();

  const queueing = suite(`aio_write and aio_read (${build})`);

  queueing('queue and do no I/O; submit moves what is pending to running', async () => {
    const { machine, device } = await open(build, { drives: [{ size: SIZE, latencyNs: 1000 }] });
    const context = device.createContext();
    context.aioWrite(filled(1), 0);
    context.aioRead(BLOCK, BLOCK);
    assert.equal([context.numPending, context.numRunning], [2, 0]);
    assert.is(machine.counters.aio.submitted, 0);
    context.submit();
    assert.equal([context.numPending, context.numRunning], [0, 2]);
    context.wait();
    assert.equal([context.numPending, context.numRunning, context.returnValue], [0, 0, 0]);
    context.submit();
    assert.is(machine.counters.aio.submitted, 2, 'nothing pending, nothing submitted');
    context.close();
    checkLeft({ machine, device });
  });

  queueing('no whole blocks, length 0 or past the end: an assertion, and nothing is queued', async () => {
    const { machine, device } = await open(build);
    const context = device.createContext();
    const bad: readonly [length: number, offset: number][] = [
      [BLOCK, 512],
      [BLOCK, 4095],
      [512, 0],
      [BLOCK - 1, 0],
      [0, 0],
      [BLOCK, SIZE],
      [BLOCK * 2, SIZE - BLOCK],
      [BLOCK, -BLOCK],
      [BLOCK, 0.5],
      [BLOCK, Number.NaN],
      [BLOCK, 2 ** 53],
      [BLOCK, Number.MAX_SAFE_INTEGER],
    ];
    for (const [length, offset] of bad) {
      for (const call of [
        () => context.aioWrite(filled(1, length), offset),
        () => context.aioWrite(filled(1, length), offset, { buffered: true }),
        () => context.aioRead(length, offset),
        () => device.write(filled(1, length), offset),
        () => device.read(length, offset),
        () => device.discard(offset, length),
      ])
        aborts('invalidIo', call);
    }
    assert.is(context.numPending, 0);
    assert.is(device.death, undefined);
    context.aioWrite(filled(1), SIZE - BLOCK);
    context.submit();
    context.wait();
    context.close();
    checkLeft({ machine, device });
  });

  queueing('a read has its length at once and its bytes when it was waited for', async () => {
    const { machine, device } = await open(build);
    device.write(filled(7, BLOCK * 3), BLOCK);
    const context = device.createContext();
    const out = context.aioRead(BLOCK * 2, BLOCK * 2);
    assert.is(out.length, BLOCK * 2);
    context.submit();
    assert.ok(out.every((byte) => byte === 0));
    context.wait();
    assert.ok(out.every((byte) => byte === 7));
    context.close();
    checkLeft({ machine, device });
  });

  queueing('the payload is the one of the call, whatever becomes of the array', async () => {
    const { machine, device } = await open(build);
    const context = device.createContext();
    const bytes = filled(5);
    context.aioWrite(bytes, 0);
    bytes.fill(9);
    context.submit();
    bytes.fill(8);
    context.wait();
    assert.ok(device.read(BLOCK, 0).every((byte) => byte === 5));
    context.close();
    checkLeft({ machine, device });
  });

  queueing('a write of RW_IO_MAX bytes is one request, one block more makes two', async () => {
    // 2 GiB of a list that names the same 4 MiB again and again, on a drive without data
    const piece = 4194304;
    const machine = await openMachine(build, {
      drives: [{ size: '4GiB' }],
      payload: 'none',
      buffers: '8MiB',
      records: 65536,
    });
    const device = machine.openKernelDevice('drive0');
    const { buffers, core } = machine;
    const memory = buffers.allocate(piece, 4096);
    const list = buffers.allocate(513 * 16);
    const run = (total: number) => {
      const context = device.createContext();
      const count = Math.ceil(total / piece);
      for (let index = 0; index < count; index++) {
        core.memory.setU64(list + index * 16, memory);
        core.memory.setU64(list + index * 16 + 8, Math.min(piece, total - index * piece));
      }
      assert.is(
        core.call((exports) => exports.ioContextAioWrite(context.handle, BLOCK, list, count, 0)),
        0,
      );
      const pending = context.numPending;
      machine.records.take();
      context.submit();
      const accepted = machine.records.take().filter(({ kind }) => kind === 'aioAccepted');
      context.wait();
      context.close();
      assert.is(accepted.length, pending);
      return accepted.map(({ address, count: bytes }) => [address, bytes]);
    };
    assert.is(MAX_TRANSFER_BYTES, 0x7ffff000);
    assert.equal(run(MAX_TRANSFER_BYTES), [[BLOCK, MAX_TRANSFER_BYTES]]);
    assert.equal(run(MAX_TRANSFER_BYTES + BLOCK), [
      [BLOCK, MAX_TRANSFER_BYTES],
      [BLOCK + MAX_TRANSFER_BYTES, BLOCK],
    ]);
    checkLeft({ machine, device });
  });

  queueing('a smaller cut: every piece is a request, the rest is the last, a read is never cut', async () => {
    const { machine, device } = await open(build, {}, { rwIoMax: BLOCK * 3 });
    const context = device.createContext();
    const bytes = new Uint8Array(BLOCK * 8).map((_, index) => (index >> 9) & 0xff);
    context.aioWrite([bytes.subarray(0, BLOCK * 2), bytes.subarray(BLOCK * 2)], BLOCK);
    assert.is(context.numPending, 3);
    context.aioWrite(bytes, BLOCK * 20);
    context.submit();
    context.wait();
    const out = [1, 20].map((block) => context.aioRead(BLOCK * 8, BLOCK * block));
    assert.is(context.numPending, 2);
    context.submit();
    context.wait();
    for (const one of out) sameBytes(one, bytes);
    context.close();
    checkLeft({ machine, device });
  });

  queueing('a list of whole blocks is used in place; others, and 1,024 pieces, are copied', async () => {
    const { machine, device } = await open(build, {}, { blockSize: 512 });
    const context = device.createContext();
    const pages = () => poolsInUse(machine).sharedPages;
    const lists: readonly [lengths: number[], pages: number][] = [
      [[512], 0],
      [[512, 1024, 512, 512], 0],
      // a list of its own for more pieces than an aio_t has room for
      [Array(5).fill(512), 1],
      [Array(1023).fill(512), 4],
      [Array(1024).fill(512), 128],
      [[100, 412], 1],
      [[512, 1, 511], 1],
      [[511, 4097], 2],
    ];
    for (const [lengths, expected] of lists) {
      const pieces = lengths.map((length, index) => filled(index + 1, length));
      context.aioWrite(pieces, 512);
      assert.is(pages(), expected, `${lengths.length} pieces`);
      context.submit();
      context.wait();
      assert.is(pages(), 0);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      sameBytes(device.read(total, 512), Uint8Array.from(pieces.flatMap((piece) => [...piece])));
    }
    context.close();
    checkLeft({ machine, device });
  });

  queueing('addresses that the drive can not reach are copied too', async () => {
    const { machine, device } = await open(
      build,
      { drives: [{ size: SIZE, dmaAlignment: 4096 }] },
      { blockSize: 512 },
    );
    const context = device.createContext();
    context.aioWrite([filled(1, 512), filled(2, 512)], 0);
    assert.is(poolsInUse(machine).sharedPages, 1);
    context.submit();
    context.wait();
    assert.equal(device.readRandom(2, 511), new Uint8Array([1, 2]));
    device.write([filled(3, 512), filled(4, 512)], 0);
    assert.equal(device.readRandom(2, 511), new Uint8Array([3, 4]));
    context.close();
    checkLeft({ machine, device });
  });

  queueing('without shared memory or requests left nothing is queued', async () => {
    const none = await open(build, { sharedMemory: 8192 });
    const context = none.device.createContext();
    context.aioWrite([filled(1, 100), filled(1, BLOCK - 100)], 0);
    fails('ENOMEM', () => context.aioWrite([filled(1, 100), filled(1, BLOCK * 2 - 100)], 0));
    assert.is(context.numPending, 1);
    fails('ENOMEM', () => none.device.write([filled(1, 100), filled(1, BLOCK * 2 - 100)], 0));
    context.submit();
    context.wait();
    context.close();
    checkLeft(none);

    const few = await open(build, { limits: { bluestoreAios: 4 } }, { rwIoMax: BLOCK });
    const small = few.device.createContext();
    small.aioWrite(filled(1, BLOCK * 2), 0);
    fails('EAGAIN', () => small.aioWrite(filled(1, BLOCK * 3), 0));
    assert.is(small.numPending, 2);
    small.aioRead(BLOCK, 0);
    small.aioRead(BLOCK, 0);
    fails('EAGAIN', () => small.aioRead(BLOCK, 0));
    assert.is(poolsInUse(few.machine).bluestoreAios, 4);
    small.submit();
    small.wait();
    assert.is(poolsInUse(few.machine).bluestoreAios, 0);
    small.close();
    checkLeft(few);
  });

  queueing.run();

  const completing = suite(`submit and completion (${build})`);

  completing('with priv, one callback after the last of 5; without, aio_wait returns then', async () => {
    const { machine, device } = await open(build, {
      drives: [{ size: SIZE, latencyNs: 1000 }],
      merge: false,
    });
    const context = device.createContext({ priv: 42 });
    const write = () => {
      for (let index = 0; index < 5; index++) context.aioWrite(filled(index), index * BLOCK * 2);
      context.submit();
    };
    write();
    for (let left = 4; left > 0; left--) {
      machine.advance(1000);
      assert.is(context.numRunning, left);
      assert.equal(device.takeCompleted(), []);
    }
    machine.advance(1000);
    const [taken, ...others] = device.takeCompleted();
    assert.is(taken, context);
    assert.is(taken?.priv, 42);
    assert.equal(others, []);
    assert.equal(device.takeCompleted(), []);
    write();
    machine.run();
    write();
    machine.run();
    assert.equal(device.takeCompleted(), [context, context], 'each end is told');
    context.close();

    const waiting = device.createContext();
    for (let index = 0; index < 5; index++) waiting.aioWrite(filled(index), index * BLOCK * 2);
    waiting.submit();
    const before = machine.nowNs;
    waiting.wait();
    assert.is(machine.nowNs - before, 5000);
    assert.equal(device.takeCompleted(), []);
    waiting.close();
    checkLeft({ machine, device });
  });

  completing('contexts end in the order of their last requests; one that is closed is not told', async () => {
    const { machine, device } = await open(build);
    const contexts = [1, 2, 3].map((priv) => device.createContext({ priv }));
    for (const context of contexts) {
      context.aioRead(BLOCK, 0);
      context.submit();
    }
    machine.run();
    contexts[1]?.close();
    assert.equal(
      device.takeCompleted().map(({ priv }) => priv),
      [1, 3],
    );
    contexts[0]?.close();
    contexts[2]?.close();
    checkLeft({ machine, device });
  });

  completing('aio_wait with only pending requests returns at once', async () => {
    const { machine, device } = await open(build, { drives: [{ size: SIZE, latencyNs: 1000 }] });
    const context = device.createContext();
    context.aioWrite(filled(1), 0);
    context.wait();
    assert.equal([context.numPending, machine.nowNs], [1, 0]);
    context.close();
    checkLeft({ machine, device });
  });

  completing('a second submit while the first batch runs hands over the new requests only', async () => {
    const { machine, device } = await open(build);
    machine.holdCompletions(true);
    const context = device.createContext();
    for (let index = 0; index < 3; index++) context.aioWrite(filled(1), index * BLOCK);
    context.submit();
    for (let index = 0; index < 2; index++) context.aioWrite(filled(2), index * BLOCK);
    context.submit();
    assert.equal(submits(machine), [
      [3, 3],
      [2, 2],
    ]);
    assert.is(context.numRunning, 5);
    fails('EDEADLK', () => context.wait());
    fails('EBUSY', () => context.close());
    machine.holdCompletions(false);
    context.wait();
    context.close();
    checkLeft({ machine, device });
  });

  completing(
    '3,000 requests are 1,024, 1,024 and what fits; the AIO thread reaps during the sleep',
    async () => {
      const config = {
        drives: [{ size: '16MiB' }],
        limits: { bluestoreAios: 3000, operations: 4096, bios: 8192 },
        buffers: '16MiB',
        records: 65536,
      };
      for (const [rule, expected] of [
        [
          'window',
          [
            [1024, 1024],
            [1024, 1024],
            [952, 126],
            [826, 826],
          ],
        ],
        [
          'older',
          [
            [1024, 1024],
            [1024, 1024],
            [952, 126],
            [826, -11],
            [826, 826],
          ],
        ],
      ] as const) {
        const { machine, device } = await open(build, config, { rule });
        const context = device.createContext();
        for (let index = 0; index < 3000; index++) context.aioRead(BLOCK, index * BLOCK);
        context.submit();
        assert.equal(
          submits(machine),
          expected.map((pair) => [...pair]),
        );
        assert.equal([context.retries, context.sleptNs], [1, 125_000]);
        context.wait();
        assert.is(machine.counters.aio.completed, 3000);
        context.close();
        checkLeft({ machine, device });
      }
    },
  );

  completing('a batch that can not be submitted kills the device', async () => {
    const { machine, device } = await open(build, {}, { submitRetries: 3 });
    const file = machine.openFile('drive0', { direct: true });
    machine.holdCompletions(true);
    // the machine's other requests hold all that there is
    const other = machine.createAioContext(2048);
    const buffer = machine.buffers.allocate(512);
    while (true) {
      try {
        other.submit([{ op: 'pread', file, buffer, length: 512, offset: 0 }]);
      } catch {
        break;
      }
    }
    const context = device.createContext({ allowEio: true });
    context.aioRead(BLOCK, 0);
    const error = aborts('submit', () => context.submit());
    assert.is(error.result, -11);
    assert.is(context.numRunning, 1);
    assert.is(device.death, 'submit');
    assert.is(machine.nowNs, (125 + 250 + 500) * 1000);
    for (const call of [
      () => context.submit(),
      () => context.wait(),
      () => context.aioRead(BLOCK, 0),
      () => context.aioWrite(filled(1), 0),
      () => device.flush(),
      () => device.write(filled(1), 0),
      () => device.read(BLOCK, 0),
      () => device.readRandom(1, 0),
      () => device.discard(0, BLOCK),
      () => device.createContext(),
    ])
      aborts('submit', call);
    machine.holdCompletions(false);
    machine.run();
    device.close();
    context.close();
    other.destroy();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  completing('allow_eio: one of 3 that fails makes -EIO, and the other two count', async () => {
    for (const priv of [0, 9]) {
      const { machine, image } = await openFlaky(build, { merge: false, records: 1024 });
      const device = machine.openKernelDevice('drive0');
      const context = device.createContext({ priv, allowEio: true });
      image.fail = ({ name, offset }) => (name === 'pwrite' && offset === BLOCK * 4 ? WASI_ENOSPC : 0);
      for (const block of [2, 4, 6]) context.aioWrite(filled(block), block * BLOCK);
      context.submit();
      machine.run();
      assert.is(context.numRunning, 0);
      if (priv === 0) context.wait();
      else assert.equal(device.takeCompleted(), [context]);
      assert.is(context.returnValue, EIO);
      assert.is(device.death, undefined);
      context.close();
      checkLeft({ machine, device });
    }
  });

  completing('without allow_eio an error kills the device, and whatever is not reaped stays so', async () => {
    const { machine, image } = await openFlaky(build, { merge: false });
    const device = machine.openKernelDevice('drive0');
    const context = device.createContext({ priv: 1 });
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    for (const block of [0, 2]) context.aioWrite(filled(1), block * BLOCK);
    context.submit();
    machine.run();
    assert.is(device.death, 'unexpectedError');
    assert.is(context.numRunning, 2);
    assert.is(aborts('unexpectedError', () => context.wait()).result, EIO);
    device.close();
    context.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  completing('an error that no medium gives kills the device with allow_eio too', async () => {
    // a buffer that the drive can not reach: EINVAL at completion
    const { machine, device } = await open(build, { drives: [{ size: SIZE, dmaAlignment: 512 }] });
    const context = device.createContext({ allowEio: true });
    context.aioRead(BLOCK, 0);
    // the aio_t records are client memory: bend the iovec behind the device's back
    const aio = findAio(machine);
    machine.core.memory.setU64(aio + 112, machine.core.memory.u64(aio + 112) + 1);
    context.submit();
    assert.is(aborts('unexpectedError', () => context.wait()).result, -22);
    device.close();
    context.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  completing('a short completion kills the device, with allow_eio too', async () => {
    const machine = await openMachine(build, { files: [{ name: 'f', capacity: '64KiB', size: 16384 }] });
    const device = machine.openKernelDevice('f');
    const context = device.createContext({ allowEio: true });
    machine.openFile('f').truncate(BLOCK * 2 - 1);
    context.aioRead(BLOCK, BLOCK);
    context.submit();
    assert.is(aborts('shortIo', () => context.wait()).result, 4095);
    device.close();
    context.close();

    const other = machine.openKernelDevice('f');
    machine.openFile('f').truncate(1);
    assert.is(aborts('shortIo', () => other.read(BLOCK, 0)).result, 1);
    other.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  completing('reaping that fails, or gives what is no request of the device, kills it', async () => {
    const gone = await open(build);
    const handle = contextOf(gone);
    const context = gone.device.createContext();
    context.aioRead(BLOCK, 0);
    context.submit();
    assert.is(
      gone.machine.core.call((exports) => exports.aioDestroy(handle)),
      0,
    );
    assert.is(aborts('reap', () => context.wait()).result, -22);
    gone.device.close();
    context.close();
    assert.equal(poolsInUse(gone.machine), NO_POOL_IN_USE);

    const stray = await open(build);
    const ring = contextOf(stray);
    const victim = stray.device.createContext();
    victim.aioRead(BLOCK, 0);
    victim.submit();
    victim.wait();
    // the client moves the ring's head back: the event is there again
    stray.machine.core.memory.setU32(ring + 8, 0);
    victim.aioRead(BLOCK, 0);
    victim.submit();
    victim.wait();
    assert.is(stray.device.death, 'reap');
    aborts('reap', () => victim.aioRead(BLOCK, 0));
    stray.device.close();
    victim.close();
    assert.equal(poolsInUse(stray.machine), NO_POOL_IN_USE);
  });

  completing.run();

  const durable = suite(`flush and synchronous I/O (${build})`);

  durable('flush does nothing without I/O since the last one; a reaped read makes it do', async () => {
    const { machine, device } = await open(build, { drives: [{ size: SIZE, latencyNs: 1000 }] });
    const flushes = () => [device.fdatasyncs, machine.counters.drive.flushes];
    device.flush();
    assert.equal(flushes(), [0, 0]);
    const context = device.createContext();
    context.aioRead(BLOCK, 0);
    context.submit();
    device.flush();
    assert.equal(flushes(), [0, 0], 'submitted and not reaped');
    context.wait();
    assert.is(device.ioSinceFlush, true);
    device.flush();
    assert.equal(flushes(), [1, 1]);
    assert.is(device.ioSinceFlush, false);
    device.flush();
    assert.equal(flushes(), [1, 1]);
    device.write(filled(1), 0);
    device.flush();
    assert.equal(flushes(), [2, 2]);
    device.read(BLOCK, 0);
    device.flush();
    assert.equal(flushes(), [2, 2], 'a synchronous read does not count');
    context.close();
    checkLeft({ machine, device });
  });

  durable(
    'a write that was reaped and flushed survives a power cut, one that was not may be lost',
    async () => {
      const { machine, device } = await open(build);
      const context = device.createContext();
      const write = (value: number, block: number, options = {}) => {
        context.aioWrite(filled(value), block * BLOCK, options);
        context.submit();
        context.wait();
      };
      write(1, 0);
      write(2, 1, { buffered: true });
      device.flush();
      write(3, 2);
      write(4, 3, { buffered: true });
      machine.cutPower();
      const left = new Uint8Array(BLOCK * 4);
      machine.memory().read(left, 0);
      assert.equal(
        [0, 1, 2, 3].map((block) => left[block * BLOCK]),
        [1, 2, 0, 0],
      );
    },
  );

  durable('a flush that fails kills the device', async () => {
    const { machine, image } = await openFlaky(build);
    const device = machine.openKernelDevice('drive0');
    device.write(filled(1), 0);
    image.fail = ({ name }) => (name === 'sync' ? WASI_EIO : 0);
    assert.is(aborts('flush', () => device.flush()).result, EIO);
    aborts('flush', () => device.read(BLOCK, 0));
    checkLeft({ machine, device });
  });

  durable('what write-back met is found by flush', async () => {
    const { machine, image } = await openFlaky(build);
    const device = machine.openKernelDevice('drive0');
    device.write(filled(1), 0, { buffered: true });
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_ENOSPC : 0);
    aborts('flush', () => device.flush());
    checkLeft({ machine, device });
  });

  durable('a buffered aio_write is done when it returns and queues nothing', async () => {
    const { machine, device } = await open(build);
    const context = device.createContext();
    context.aioWrite([filled(1, 100), filled(2, BLOCK - 100)], 0, { buffered: true });
    assert.is(context.numPending, 0);
    assert.is(machine.counters.cache.nrDirty, 1);
    assert.is(device.ioSinceFlush, true);
    context.close();
    device.flush();
    assert.is(machine.counters.cache.nrDirty, 0);
    assert.equal(device.readRandom(2, 99), new Uint8Array([1, 2]));
    checkLeft({ machine, device });
  });

  durable('synchronous calls answer errors and go on', async () => {
    const { machine, image } = await openFlaky(build);
    const device = machine.openKernelDevice('drive0');
    image.fail = ({ name }) => (name === 'sync' ? 0 : WASI_EIO);
    fails('EIO', () => device.write(filled(1), 0));
    fails('EIO', () => device.read(BLOCK, 0));
    fails('EIO', () => device.readRandom(10, 5));
    image.fail = () => 0;
    device.write(filled(1), 0);
    assert.equal(device.readRandom(1, 5), filled(1, 1));
    assert.is(device.death, undefined);
    checkLeft({ machine, device });
  });

  durable('read_random takes any range inside the device', async () => {
    const { machine, device } = await open(build);
    const bytes = new Uint8Array(BLOCK * 4).map((_, index) => (index * 7 + (index >> 8)) & 0xff);
    device.write(bytes, 0);
    for (const [length, offset] of [
      [1, 0],
      [1, 4095],
      [2, 4095],
      [BLOCK, 1],
      [BLOCK, BLOCK],
      [BLOCK * 3, BLOCK - 1],
      [BLOCK * 4, 0],
    ] as const)
      sameBytes(device.readRandom(length, offset), bytes.subarray(offset, offset + length));
    assert.is(device.readRandom(1, SIZE - 1).length, 1);
    for (const [length, offset] of [
      [0, 0],
      [1, SIZE],
      [2, SIZE - 1],
      [1, -1],
    ] as const)
      aborts('invalidIo', () => device.readRandom(length, offset));
    checkLeft({ machine, device });
  });

  durable('a discard reads as zeros; a blackhole takes writes and discards and does nothing', async () => {
    const { machine, device } = await open(build);
    device.write(filled(1, BLOCK * 4), 0);
    device.discard(BLOCK, BLOCK);
    assert.equal(device.readRandom(2, BLOCK - 1), new Uint8Array([1, 0]));
    device.blackhole = true;
    const context = device.createContext({ priv: 1 });
    context.aioWrite(filled(9), 0);
    context.aioWrite(filled(9), 0, { buffered: true });
    device.write(filled(9), 0);
    device.discard(0, BLOCK);
    assert.is(context.numPending, 0);
    aborts('invalidIo', () => context.aioWrite(filled(9), 1));
    device.blackhole = false;
    assert.equal(device.readRandom(1, 0), filled(1, 1));
    context.close();
    checkLeft({ machine, device });
  });

  durable('calls on a drive that holds its completions end as a deadlock, and later for nobody', async () => {
    const { machine, device } = await open(build);
    device.write(filled(1), 0);
    machine.holdCompletions(true);
    fails('EDEADLK', () => device.flush());
    fails('EDEADLK', () => device.readRandom(10, 5));
    fails('EDEADLK', () => device.write([filled(2, 100), filled(3, BLOCK - 100)], 0));
    // a second flusher waits for the first although nothing is left to flush
    fails('EDEADLK', () => device.flush());
    fails('EAGAIN', () => device.read(BLOCK, 0));
    assert.is(device.fdatasyncs, 1);
    // the write is done while the first flush runs, so the second one has something to flush
    machine.releaseCompletion(2);
    machine.holdCompletions(false);
    machine.run();
    assert.is(device.fdatasyncs, 2);
    assert.equal(device.readRandom(2, 99), new Uint8Array([2, 3]));
    checkLeft({ machine, device });
  });

  durable.run();

  const stopping = suite(`a kernel device stops (${build})`);

  stopping('with requests in flight: they end, and their contexts still show them running', async () => {
    const { machine, device } = await open(build, { drives: [{ size: SIZE, latencyNs: 1e6 }] });
    const context = device.createContext({ priv: 1 });
    context.aioWrite([filled(1, 100), filled(2, BLOCK - 100)], 0);
    const out = context.aioRead(BLOCK, BLOCK * 8);
    context.submit();
    device.close();
    assert.is(machine.nowNs, 2e6);
    assert.equal([context.numRunning, context.numPending], [2, 0]);
    const before = machine.core.memory.bytes.slice();
    machine.run();
    machine.advance(1e9);
    assert.ok(out.every((byte) => byte === 0));
    assert.ok(sameClientBytes(machine, before), 'no buffer is touched any more');
    assert.is(machine.openFile('drive0').read(1, 99)[0], 1, 'the write took place');
    fails('EBADF', () => context.wait());
    fails('EBADF', () => context.submit());
    fails('EBADF', () => device.flush());
    context.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    const again = machine.openKernelDevice('drive0');
    assert.equal(again.readRandom(2, 99), new Uint8Array([1, 2]));
    checkLeft({ machine, device: again });
  });

  stopping('busy, full, unreaped and empty, and leaves nothing behind', async () => {
    const config = { drives: [{ size: SIZE, latencyNs: 1000 }], limits: { bluestoreAios: 8 }, merge: false };
    const bodies: ((opened: Opened) => void)[] = [
      () => {},
      ({ device }) => {
        device.createContext().aioRead(BLOCK, 0);
      },
      ({ device }) => {
        const context = device.createContext();
        for (let index = 0; index < 8; index++) context.aioRead(BLOCK, index * BLOCK * 2);
        context.submit();
      },
      ({ machine, device }) => {
        const context = device.createContext({ priv: 1 });
        for (let index = 0; index < 8; index++) context.aioWrite(filled(1), index * BLOCK * 2);
        context.submit();
        machine.advance(3000);
      },
      ({ machine, device }) => {
        const context = device.createContext({ priv: 1 });
        context.aioRead(BLOCK, 0);
        context.submit();
        machine.run();
      },
    ];
    const { machine } = await open(build, config);
    for (let round = 0; round < 5; round++) {
      for (const body of bodies) {
        const device = machine.openKernelDevice('drive0');
        const created: { close(): void }[] = [];
        const create = device.createContext.bind(device);
        device.createContext = (options) => {
          const context = create(options);
          created.push(context);
          return context;
        };
        body({ machine, device });
        device.close();
        for (const context of created) context.close();
        machine.run();
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      }
    }
  });

  stopping('a held drive keeps it open; then it can be closed, and nothing else', async () => {
    const { machine, device } = await open(build);
    machine.holdCompletions(true);
    const context = device.createContext();
    context.aioRead(BLOCK, 0);
    context.submit();
    fails('EDEADLK', () => device.close());
    fails('EBADF', () => device.flush());
    fails('EBADF', () => context.aioRead(BLOCK, 0));
    machine.holdCompletions(false);
    machine.run();
    assert.is(context.numRunning, 1, 'nobody reaps');
    device.close();
    context.close();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  stopping('the queue of a device is its own', async () => {
    const { machine, device } = await open(build);
    for (const call of ['aioQueueInit', 'aioQueueShutdown', 'aioQueueDestroy', 'aioQueueState'] as const)
      assert.is(
        machine.core.call((exports) => exports[call](1)),
        -9,
      );
    checkLeft({ machine, device });
  });

  stopping.run();
}

/** Handle of a device's AIO context, which is the address of its ring. */
function contextOf({ machine, device }: Opened): number {
  const state = machine.core.call((exports) => exports.kernelDeviceState(device.handle));
  return machine.core.memory.u32(state + DEVICE_CONTEXT);
}

/** Address of the first aio_t of the machine's devices: the one request that is queued. */
function findAio(machine: Machine): number {
  const { bytes } = machine.core.memory;
  const pattern = new Uint8Array(8);
  // rval of a request that is not done
  new DataView(pattern.buffer).setBigInt64(0, -1000n, true);
  const at = Buffer.from(bytes.buffer).indexOf(pattern);
  return at - 96;
}

/** Client memory, the buffers and the rings behind them, is what it was. */
function sameClientBytes(machine: Machine, before: Uint8Array): boolean {
  const start = machine.buffers.allocate(64);
  machine.buffers.free(start);
  const end = start + machine.buffers.capacity;
  return Buffer.compare(machine.core.memory.bytes.subarray(start, end), before.subarray(start, end)) === 0;
}
