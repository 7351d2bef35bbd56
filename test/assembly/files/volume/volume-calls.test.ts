// The calls as a whole: what a config may ask for, arguments that are garbage, many who wait for one commit, held drives.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_JOURNAL_COMMITS, OPEN_CREATE, OPEN_READ, OPEN_WRITE } from '../../../../assembly/layout.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../../support/machine.ts';
import { ERRNO, RawVolume } from './raw-volume.ts';

const calls = suite('files/volume/calls');

async function refusal(build: Build, config: MachineConfig): Promise<string> {
  try {
    await openMachine(build, config);
  } catch (error) {
    if (error instanceof ConfigError) return error.field;
    throw error;
  }
  return '';
}

for (const build of BUILDS) {
  calls(`${build}: a config that can not be is refused by its field`, async () => {
    const drives = [{ size: 1048576 }];
    const table: [config: MachineConfig, field: string][] = [
      [{ drives, volume: { drive: 1 } }, 'volume.drive'],
      [{ drives, volume: { size: 2097152 } }, 'volume.size'],
      [{ drives, volume: { inodes: 65536 } }, 'volume.inodes'],
      [{ drives, volume: { extents: 0 } }, 'volume.extents'],
      [{ drives, volume: { inodes: 4096 } }, 'volume.size in blocks'],
      [{ drives: [{ size: 32768 }], volume: true }, 'volume.size in blocks'],
      [{ drives, volume: true, payload: 'none' }, 'volume'],
    ];
    for (const [config, field] of table) assert.is(await refusal(build, config), field);
    assert.is(
      await refusal(build, { drives: [{ size: 65536 }], volume: { mount: false } }),
      '',
      'the smallest',
    );
  });

  calls(`${build}: a volume may lie in a part of a drive, and nothing behind it is touched`, async () => {
    const volume = await RawVolume.open(build, {
      volume: { inodes: 16, extents: 64, size: 262144, mount: false },
    });
    const memory = volume.machine.memory();
    memory.write(new Uint8Array(1048576).fill(9), 0);
    assert.equal([volume.format(), volume.mount()], [0, 0]);
    const descriptor = volume.openFile('/f', OPEN_READ | OPEN_WRITE | OPEN_CREATE);
    const [address] = volume.put(new Uint8Array(8192).fill(1));
    let end = 0;
    let put = 8192;
    while (put > 0) {
      put = volume.call((exports) => exports.filePwrite(descriptor, address, 8192, end));
      end += Math.max(put, 0);
    }
    assert.is(put, ERRNO.ENOSPC);
    assert.ok(end > 100000, `${end} bytes fit`);
    volume.close(descriptor);
    assert.is(volume.unmount(), 0);
    const behind = new Uint8Array(1048576 - 262144);
    memory.read(behind, 262144);
    assert.ok(behind.every((byte) => byte === 9));
  });

  calls(`${build}: many syncs that wait together share commits`, async () => {
    const volume = await RawVolume.fresh(build, {
      drives: [{ size: 1048576, model: 'fixed', latencyNs: 100_000, channels: 4 }],
    });
    const { machine } = volume;
    const files = Array.from({ length: 16 }, (_, index) =>
      volume.openFile(`/f${index}`, OPEN_READ | OPEN_WRITE | OPEN_CREATE),
    );
    assert.is(volume.syncAll(), 0);
    const before = machine.core.counter(COUNTER_JOURNAL_COMMITS);
    const context = volume.scratch;
    machine.core.memory.bytes.fill(0, context, context + 4096);
    assert.is(
      volume.call((exports) => exports.aioSetup(64, context)),
      0,
    );
    const ring = machine.core.memory.u32(context);
    const [iocbs, pointers, events] = [context + 64, context + 2112, context + 4096];
    for (const [index, descriptor] of files.entries()) {
      const [path, bytes] = volume.put(`/g${index}`, 12288);
      volume.call((exports) =>
        exports.fileClose(exports.volumeOpen(path, bytes, OPEN_WRITE | OPEN_CREATE, 0o600)),
      );
      const attributes = context + 12800;
      volume.call((exports) => exports.fileSetAttributes(descriptor, 1, attributes));
      const iocb = iocbs + index * 64;
      machine.core.memory.bytes.fill(0, iocb, iocb + 64);
      machine.core.memory.setU32(iocb + 16, 2);
      machine.core.memory.setU32(iocb + 20, descriptor);
      machine.core.memory.setU32(pointers + index * 4, iocb);
    }
    assert.is(
      volume.call((exports) => exports.aioSubmit(ring, 16, pointers)),
      16,
    );
    assert.is(
      volume.call((exports) => exports.aioGetevents(ring, 16, 16, events, 0)),
      16,
    );
    for (let index = 0; index < 16; index++) assert.is(machine.core.memory.s64(events + index * 32 + 16), 0);
    assert.ok(
      machine.core.counter(COUNTER_JOURNAL_COMMITS) - before <= 2,
      'one, or one more that came too late',
    );
    assert.is(
      volume.call((exports) => exports.aioDestroy(ring)),
      0,
    );
    for (const descriptor of files) volume.close(descriptor);
    assert.equal(volume.check(), []);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  calls(
    `${build}: few bios and small requests: commits and checkpoints wait their turn and end`,
    async () => {
      const volume = await RawVolume.fresh(build, {
        limits: { bios: 4, maxSectors: 8, maxSegments: 1 },
        drives: [{ size: 1048576, model: 'fixed', latencyNs: 1000, channels: 2, queueDepth: 2 }],
      });
      const [address] = volume.put(new Uint8Array(8192).fill(1));
      for (let round = 0; round < 60; round++) {
        const descriptor = volume.openFile(`/f${round % 8}`, OPEN_READ | OPEN_WRITE | OPEN_CREATE);
        assert.is(
          volume.call((exports) => exports.filePwrite(descriptor, address, 8192, 0)),
          8192,
        );
        assert.is(
          volume.call((exports) => exports.fileSync(descriptor, 0)),
          0,
        );
        volume.close(descriptor);
        if (round % 8 === 7)
          for (let index = 0; index < 8; index++) assert.is(volume.unlink(`/f${index}`), 0);
      }
      assert.equal(volume.check(), []);
      assert.is(volume.unmount(), 0);
      assert.is(volume.mount(), 0);
      assert.equal(volume.check(), []);
      assert.equal(poolsInUse(volume.machine), NO_POOL_IN_USE);
    },
  );

  calls(`${build}: garbage in any argument is an error, never a trap`, async () => {
    const volume = await RawVolume.fresh(build);
    const { exports } = volume.machine.core;
    const [address] = volume.put('/a/b/../c');
    const names = (Object.keys(exports) as (keyof typeof exports)[]).filter((name) =>
      /^volume(?!Format|Mount|Unmount)|^file(Stat|SetAttributes|Open|Close|Sync)/.test(name),
    );
    assert.ok(names.length >= 16);
    const value = fc.oneof(
      fc.constantFrom(0, 1, 2, 3, 4, 9, 255, 4096, -1, 0x7fffffff, -0x80000000, address, address + 1),
      fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(value, { minLength: 5, maxLength: 5 }),
        (name, values) => {
          const result = volume.call((all) => (all[name] as (...rest: number[]) => number)(...values));
          assert.ok(Number.isInteger(result) && result >= -133, `${name} ${values}: ${result}`);
        },
      ),
      { numRuns: 3000, seed: 5 },
    );
    assert.equal(volume.check(), []);
  });

  calls(`${build}: a drive that holds its completions makes calls wait, and nothing is lost`, async () => {
    const volume = await RawVolume.fresh(build);
    volume.machine.holdCompletions(true);
    assert.is(volume.mkdir('/d'), 0, 'names need no drive');
    assert.is(volume.create('/d/f'), 0);
    const root = volume.openFile('/', OPEN_READ);
    assert.is(
      volume.call((exports) => exports.fileSync(root, 0)),
      -35,
    );
    assert.is(volume.create('/later'), 0, 'the next transaction takes it');
    volume.machine.holdCompletions(false);
    volume.machine.run();
    assert.is(volume.close(root), 0);
    assert.is(volume.unmount(), 0);
    volume.machine.holdCompletions(true);
    assert.is(volume.mount(), -35);
    assert.is(volume.mount(), ERRNO.EBUSY, 'it is still on its way');
    volume.machine.holdCompletions(false);
    volume.machine.run();
    assert.equal(volume.names('/'), ['d/', 'later'], 'and comes to its end');
    assert.equal(volume.check(), []);
    assert.equal(poolsInUse(volume.machine), NO_POOL_IN_USE);
  });
}

calls.run();
