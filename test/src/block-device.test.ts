// Block devices by hand: what is submitted reaches the drive and comes back, what is refused, and how plugs, tags and limits behave.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK_DONE_SIZE, OP_FLUSH, OP_READ, OP_WRITE } from '../../assembly/layout.ts';
import type { BlockRequestOptions } from '../../src/block-device.ts';
import { ConfigError, StorageError } from '../../src/errors.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const devices = suite('block device');

const filled = (value: number, sectorCount = 1): Uint8Array => new Uint8Array(sectorCount * 512).fill(value);

const codeOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof StorageError || error instanceof ConfigError) return error.code;
    throw error;
  }
  return 'none';
};

for (const build of BUILDS) {
  devices(`${build}: what is written is read back, and zeroed sectors read as zeros`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
    const device = machine.blockDevice();
    assert.is(device.sectorCount, 2048);
    device.write(3, filled(9, 4));
    device.writeZeroes(4, 1);
    device.discard(5, 1);
    assert.equal(
      [2, 3, 4, 5, 6, 7].map((sector) => device.read(sector, 1)[511]),
      [0, 9, 0, 0, 9, 0],
    );
    device.write(2047, filled(1));
    assert.is(machine.openFile('drive0', { direct: true }).read(512, 2047 * 512)[0], 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(`${build}: it goes around the page cache: a cached page keeps what it had`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
    const file = machine.openFile('drive0');
    assert.is(file.read(1, 0)[0], 0);
    machine.blockDevice().write(0, filled(5));
    assert.is(file.read(1, 0)[0], 0);
    machine.dropCaches();
    assert.is(file.read(1, 0)[0], 5);
  });

  devices(
    `${build}: requests end in the order in which the drive ends them, and reap tells each once`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
      const device = machine.blockDevice();
      machine.holdCompletions(true);
      const requests = [1, 2, 3].map((tag) =>
        device.submit({ operation: 'write', sector: tag * 10, data: filled(tag), tag }),
      );
      machine.run();
      assert.equal(device.reap(), []);
      assert.is(machine.heldCompletions(), 3);
      machine.releaseCompletion(2);
      machine.releaseCompletion(0);
      assert.equal(
        requests.map(({ isDone, result }) => [isDone, result]),
        [
          [true, 0],
          [false, undefined],
          [true, 0],
        ],
      );
      assert.equal(
        device.reap().map(({ tag }) => tag),
        [3, 1],
      );
      machine.holdCompletions(false);
      machine.run();
      assert.equal(device.reap(), [requests[1]]);
      assert.equal(device.reap(), []);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  devices(
    `${build}: a read has its bytes when it has ended, and each drive's device tells its own`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: '1MiB' }, { size: '1MiB' }] });
      const [first, second] = [machine.blockDevice(0), machine.blockDevice(1)];
      assert.is(machine.blockDevice(1), second);
      second.write(7, filled(3, 2));
      const reads = [first, second].map((device) =>
        device.submit({ operation: 'read', sector: 8, sectorCount: 1 }),
      );
      assert.equal(
        reads.map(({ data }) => data),
        [undefined, undefined],
      );
      machine.run();
      assert.equal(
        reads.map(({ data }) => data?.[0]),
        [0, 3],
      );
      assert.equal(first.reap(), [reads[0]]);
      assert.equal(second.reap(), [reads[1]]);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  devices(
    `${build}: a plug keeps requests together, where they merge, until it ends or events run`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
      const device = machine.blockDevice();
      const write = (sector: number, more: Partial<BlockRequestOptions> = {}) =>
        device.submit({ operation: 'write', sector, data: filled(sector), ...more });
      machine.holdCompletions(true);
      device.plug(() => {
        write(0);
        write(1);
        write(2, { noMerge: true });
        assert.is(
          codeOf(() => device.plug(() => undefined)),
          'EBUSY',
        );
        assert.is(machine.counters.drive.writes, 0);
      });
      assert.is(machine.counters.drive.writes, 2);
      assert.is(machine.counters.block.writeMerges, 1);
      device.plug(() => {
        write(10);
        machine.run();
        assert.is(machine.counters.drive.writes, 3);
        write(11);
        machine.advance(1);
        assert.is(machine.counters.drive.writes, 4);
      });
      write(20);
      write(21);
      assert.is(machine.counters.drive.writes, 6);
      machine.holdCompletions(false);
      machine.run();
      assert.is(device.reap().length, 7);
      assert.is(device.read(2, 1)[0], 2);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  devices(`${build}: a request above maxSectors goes in parts and ends once`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB' }],
      limits: { maxSectors: 16 },
    });
    const device = machine.blockDevice();
    const bytes = Uint8Array.from({ length: 40 * 512 }, (_, index) => (index * 7) >> 3);
    const request = device.submit({ operation: 'write', sector: 100, data: bytes });
    machine.run();
    assert.equal(device.reap(), [request]);
    assert.is(machine.counters.drive.writes, 3);
    assert.equal(device.read(100, 40), bytes);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(`${build}: a part that fails fails the request`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB', readOnly: true }],
      limits: { maxSectors: 16 },
    });
    const device = machine.blockDevice();
    const request = device.submit({ operation: 'write', sector: 0, data: filled(1, 40) });
    machine.run();
    assert.is(request.result, -30);
    assert.is(
      codeOf(() => device.write(0, filled(1))),
      'EROFS',
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(`${build}: behind the end of the drive is EIO, for every operation but a flush`, async () => {
    const machine = await openMachine(build, { drives: [{ size: 8 * 512 }] });
    const device = machine.blockDevice();
    for (const [sector, sectorCount] of [
      [8, 1],
      [7, 2],
      [0, 9],
      [2 ** 52, 1],
    ] as const) {
      const code = (operation: BlockRequestOptions['operation']): string =>
        codeOf(() =>
          device.submit({
            operation,
            sector,
            sectorCount,
            ...(operation === 'write' ? { data: filled(0, sectorCount) } : {}),
          }),
        );
      assert.equal(
        (['read', 'write', 'discard', 'writeZeroes'] as const).map(code),
        ['EIO', 'EIO', 'EIO', 'EIO'],
        `${sector}+${sectorCount}`,
      );
    }
    device.write(7, filled(1));
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(`${build}: requests that nobody can carry out are refused in words`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
    const device = machine.blockDevice();
    const wrong: [unknown, string][] = [
      [{ operation: 'trim' }, 'operation'],
      [{ operation: 'write', sector: 0 }, 'sectorCount'],
      [{ operation: 'write', sector: 0, data: new Uint8Array(100) }, 'sectorCount'],
      [{ operation: 'write', sector: 0, sectorCount: 1 }, 'data.length'],
      [{ operation: 'write', sector: 0, sectorCount: 2, data: filled(1) }, 'data.length'],
      [{ operation: 'write', sector: -1, data: filled(1) }, 'sector'],
      [{ operation: 'write', sector: 0.5, data: filled(1) }, 'sector'],
      [{ operation: 'read', sector: 0, sectorCount: 1, data: filled(1) }, 'data'],
      [{ operation: 'read', sector: 0, sectorCount: 0 }, 'sectorCount'],
      [{ operation: 'read', sector: 0, sectorCount: 1, fua: true }, 'fua'],
      [{ operation: 'flush', preflush: true }, 'preflush'],
      [{ operation: 'flush', sectorCount: 1 }, 'sectorCount'],
      [{ operation: 'discard', sector: 0, sectorCount: 1, tag: -1 }, 'tag'],
      [{ operation: 'discard', sector: 0, sectorCount: 1, domain: 2 ** 32 }, 'domain'],
    ];
    for (const [options, field] of wrong) {
      let refused: unknown;
      try {
        device.submit(options as BlockRequestOptions);
      } catch (error) {
        refused = error;
      }
      assert.instance(refused, ConfigError, JSON.stringify(options));
      assert.is((refused as ConfigError).field, field);
    }
    assert.is(
      codeOf(() => machine.blockDevice(1)),
      'ERR_SECTORLAB_CONFIG',
    );
    assert.is(machine.buffers.freeBytes, machine.buffers.capacity);
  });

  devices(`${build}: the core refuses hostile numbers with an errno and takes nothing`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB', dmaAlignment: 512 }] });
    const { exports } = machine.core;
    const address = machine.buffers.allocate(4096, 4096);
    const submit = (...values: [number, number, number, number, number, number, number?, number?]) => {
      const [drive, operation, sector, count, at, flags, tag = 0, domain = 0] = values;
      return exports.blockSubmit(drive, operation, sector, count, at, flags, tag, domain);
    };
    const [EIO, EFAULT, ENODEV, EINVAL] = [-5, -14, -19, -22];
    assert.is(submit(1, OP_READ, 0, 1, address, 0), ENODEV);
    assert.is(submit(-1, OP_READ, 0, 1, address, 0), ENODEV);
    for (const operation of [5, -1, 255]) assert.is(submit(0, operation, 0, 1, address, 0), EINVAL);
    for (const flags of [16, -1]) assert.is(submit(0, OP_WRITE, 0, 1, address, flags), EINVAL);
    for (const flags of [2, 4]) {
      assert.is(submit(0, OP_READ, 0, 1, address, flags), EINVAL);
      assert.is(submit(0, OP_FLUSH, 0, 0, 0, flags), EINVAL);
    }
    assert.is(submit(0, OP_FLUSH, 0, 1, 0, 0), EINVAL);
    assert.is(submit(0, OP_READ, 0, 0, address, 0), EINVAL);
    for (const count of [-1, 2 ** 23]) assert.is(submit(0, OP_READ, 0, count, address, 0), EINVAL);
    for (const sector of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])
      assert.is(submit(0, OP_READ, sector, 1, address, 0), EINVAL);
    for (const tag of [-1, Number.NaN]) assert.is(submit(0, OP_WRITE, 0, 1, address, 0, tag), EINVAL);
    assert.is(submit(0, OP_READ, 2 ** 53 - 1, 1, address, 0), EIO);
    for (const wrong of [0, 8, -4096, 2 ** 31]) assert.is(submit(0, OP_READ, 0, 1, wrong, 0), EFAULT);
    assert.is(submit(0, OP_READ, 0, 1, address + 256, 0), EINVAL);
    assert.is(exports.blockReap(address, -1), EINVAL);
    assert.is(exports.blockReap(0, 1), EFAULT);
    assert.is(exports.blockReap(address, 2 ** 31 - 1), EFAULT);
    assert.is(exports.blockReap(address, 0), 0);
    assert.is(exports.blockUnplug(), EINVAL);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    assert.is(submit(0, OP_READ, 0, 1, address, 0), 0);
    machine.run();
    assert.is(exports.blockReap(address, 4096 / BLOCK_DONE_SIZE), 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(
    `${build}: blockRequests is how many may be out; one more is EAGAIN and starts nothing`,
    async () => {
      const machine = await openMachine(build, {
        drives: [{ size: '1MiB' }],
        limits: { blockRequests: 2 },
      });
      const device = machine.blockDevice();
      machine.holdCompletions(true);
      const reads = [1, 2].map(() => device.submit({ operation: 'read', sector: 0, sectorCount: 1 }));
      assert.is(
        codeOf(() => device.submit({ operation: 'read', sector: 0, sectorCount: 1 })),
        'EAGAIN',
      );
      machine.run();
      machine.releaseCompletion(0);
      // it has ended though nobody has asked, so there is room
      device.submit({ operation: 'read', sector: 0, sectorCount: 1 });
      assert.is(
        codeOf(() => device.flush()),
        'EAGAIN',
      );
      machine.holdCompletions(false);
      machine.run();
      assert.is(device.reap().length, 3);
      assert.ok(reads.every(({ isDone }) => isDone));
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      const none = await openMachine(build, { limits: { blockRequests: 0 } });
      assert.is(
        codeOf(() => none.blockDevice().flush()),
        'EAGAIN',
      );
    },
  );

  devices(`${build}: a request that finds no bios for all its parts is EAGAIN, and takes none`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB' }],
      limits: { bios: 4, maxSectors: 8 },
    });
    const device = machine.blockDevice();
    assert.is(
      codeOf(() => device.write(0, filled(1, 33))),
      'EAGAIN',
    );
    device.write(0, filled(1, 32));
    assert.is(device.read(31, 1)[0], 1);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  devices(
    `${build}: a synchronous call on a held drive is EDEADLK, and the request ends later for nobody`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: '1MiB' }] });
      const device = machine.blockDevice();
      machine.holdCompletions(true);
      assert.is(
        codeOf(() => device.write(0, filled(4))),
        'EDEADLK',
      );
      machine.holdCompletions(false);
      machine.run();
      assert.equal(device.reap(), []);
      assert.is(device.read(0, 1)[0], 4);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  devices(`${build}: without payload the same requests take the same time and move nothing`, async () => {
    const outcomes = [];
    for (const payload of ['full', 'none'] as const) {
      const machine = await openMachine(build, { payload, drives: [{ size: '1MiB', latencyNs: 1000 }] });
      const device = machine.blockDevice();
      device.write(0, filled(1, 8));
      device.read(0, 8);
      device.discard(0, 4);
      device.flush();
      assert.is(device.read(4, 1)[0], payload === 'full' ? 1 : 0);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      outcomes.push([machine.nowNs, machine.counters.drive, machine.counters.block]);
    }
    assert.equal(outcomes[0], outcomes[1]);
  });
}

devices.run();
