// machine.crash: which images a crash can leave, by the tables of the fact sheet on crash consistency (§4, §5, §14), over the live machine.
//
// Every mask of a crash point is tried, so the set of images is the whole of what is legal. A sector is named by one value.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../src/core/options.ts';
import type { CrashOptions } from '../../src/crash-kinds.ts';
import { ConfigError } from '../../src/errors.ts';
import type { Machine } from '../../src/machine.ts';
import { valuesOf } from '../assembly/drive/held-drive.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const SECTOR = 512;
const SECTORS = 64;
const SMALL = {
  drives: [{ size: SECTORS * SECTOR }],
  cache: '64KiB',
  buffers: '1MiB',
  sharedMemory: '64KiB',
  aioMaxNr: 16,
} as const satisfies MachineConfig;

const fill = (value: number, sectors = 1) => new Uint8Array(sectors * SECTOR).fill(value);

const values = (machine: Machine, count: number) => valuesOf(machine.memory(), count);

/** Every image that some mask leaves of the first `count` sectors, sorted. */
function images(machine: Machine, count: number, options: CrashOptions = {}): string[] {
  const choices = machine
    .uncertainWrites(0, options.tearing ?? 0)
    .reduce((sum, write) => sum + write.choices, 0);
  const seen = new Set<string>();
  for (let mask = 0n; mask < 1n << BigInt(choices); mask++)
    seen.add(values(machine.crash('power', { ...options, choose: mask }), count).join(' '));
  return [...seen].sort();
}

const crash = suite('crash');

for (const build of BUILDS) {
  const open = (config: MachineConfig = {}) => openMachine(build, { ...SMALL, ...config });

  const test = (name: string, body: (machine: Machine) => void | Promise<void>) =>
    crash(`${build}: ${name}`, async () => {
      const machine = await open();
      await body(machine);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    });

  test('behaviour 1: W(0) W(1) F W(0) W(2) leaves 4 images', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1));
    drive.write(1, fill(2));
    drive.flush();
    drive.write(0, fill(3));
    drive.write(2, fill(4));
    assert.equal(images(machine, 3), ['1 2 0', '1 2 4', '3 2 0', '3 2 4']);
  });

  test('behaviour 1: over all crash points 7 images', (machine) => {
    const drive = machine.blockDevice();
    const all = new Set<string>();
    const look = () => {
      for (const image of images(machine, 3)) all.add(image);
    };
    look();
    for (const act of [
      () => drive.write(0, fill(1)),
      () => drive.write(1, fill(2)),
      () => drive.flush(),
      () => drive.write(0, fill(3)),
      () => drive.write(2, fill(4)),
    ]) {
      act();
      look();
    }
    assert.is(all.size, 7);
  });

  test('behaviour 2: two writes of one sector leave old, A or B; flushed, only B', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(9), { fua: true });
    drive.write(0, fill(1));
    drive.write(0, fill(2));
    assert.equal(images(machine, 1), ['1', '2', '9']);
    drive.flush();
    assert.equal(images(machine, 1), ['2']);
  });

  test('behaviour 3: a write of 4 sectors leaves 16 images, 2 with units of 2,048', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1, 4));
    assert.is(images(machine, 4, { tearing: 512 }).length, 16);
    assert.equal(images(machine, 4, { tearing: 2048 }), ['0 0 0 0', '1 1 1 1']);
    assert.equal(images(machine, 4), ['0 0 0 0', '1 1 1 1']);
  });

  test('behaviour 3: prefixes of a write are 5 of its masks', (machine) => {
    machine.blockDevice().write(0, fill(1, 4));
    const prefixes = [0, 1, 2, 3, 4].map((kept) =>
      values(machine.crash('power', { choose: (1n << BigInt(kept)) - 1n, tearing: 512 }), 4).join(''),
    );
    assert.equal(prefixes, ['0000', '1000', '1100', '1110', '1111']);
  });

  test('behaviour 4: A on 0-1 then B on 1-2 leave 12 images torn, 4 whole', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1, 2));
    drive.write(1, fill(2, 2));
    assert.is(images(machine, 3, { tearing: 512 }).length, 12);
    assert.equal(images(machine, 3), ['0 0 0', '0 2 2', '1 1 0', '1 2 2']);
  });

  test('units lie at multiples of their size on the drive', (machine) => {
    machine.blockDevice().write(3, fill(1, 6));
    assert.is(machine.uncertainWrites(0, '2KiB')[0]?.choices, 3);
    const torn = machine.crash('power', { choose: [true, false, true], tearing: '2KiB' });
    assert.equal(values(torn, 10), [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    assert.is(machine.uncertainWrites(0, '64KiB')[0]?.choices, 1, 'the largest unit');
  });

  test('a durable write over an uncertain one stays, whatever is kept', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1, 4));
    drive.write(1, fill(2, 2), { fua: true });
    drive.write(2, fill(3, 2));
    assert.equal(images(machine, 4), ['0 2 2 0', '0 2 3 3', '1 2 2 1', '1 2 3 3']);
  });

  test('behaviour 6: FUA completed is always there, what was before it in half of the images', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1));
    drive.write(1, fill(2), { fua: true });
    assert.equal(images(machine, 2), ['0 2', '1 2']);
  });

  test('behaviour 10: a write of identical content leaves 1 image', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1), { fua: true });
    drive.write(0, fill(1));
    assert.equal(images(machine, 1), ['1']);
  });

  test('behaviour 21: an image stays as it is: read twice, and crashed again without a write', (machine) => {
    const drive = machine.blockDevice();
    for (let sector = 0; sector < 6; sector++) drive.write(sector, fill(sector + 1));
    const after = machine.crash('power', { choose: 'random', seed: 5 });
    const first = values(after, 6);
    assert.equal(values(after, 6), first);
    assert.equal(after.uncertainWrites(), []);
    assert.equal(images(after, 6), [first.join(' ')]);
  });

  test('behaviour 33: a request held back when the power goes is uncertain', (machine) => {
    const drive = machine.blockDevice();
    machine.holdCompletions(true);
    const held = drive.submit({ operation: 'write', sector: 0, data: fill(1), tag: 77 });
    machine.run();
    assert.is(held.isDone, false);
    const [write] = machine.uncertainWrites();
    assert.equal([write?.isCompleted, write?.tag, write?.operation], [false, 77, 'write']);
    assert.equal(images(machine, 1), ['0', '1']);
    assert.is(machine.crash('power').heldCompletions(), 0);
    assert.is(machine.heldCompletions(), 1, 'the machine itself goes on as it was');
    machine.holdCompletions(false);
    machine.run();
    assert.is(held.result, 0);
    drive.reap();
  });

  test('behaviour 35: a discard not flushed leaves old or zero in each sector', (machine) => {
    const drive = machine.blockDevice();
    drive.write(0, fill(1, 3), { fua: true });
    drive.discard(0, 3);
    assert.equal(images(machine, 3), [
      '0 0 0',
      '0 0 1',
      '0 1 0',
      '0 1 1',
      '1 0 0',
      '1 0 1',
      '1 1 0',
      '1 1 1',
    ]);
    drive.write(1, fill(2));
    drive.flush();
    assert.equal(images(machine, 3), ['0 2 0']);
  });

  crash(`${build}: promises take states away`, async () => {
    const promising = async (drive: object) => {
      const machine = await open({ drives: [{ size: SECTORS * SECTOR, ...drive }] });
      const device = machine.blockDevice();
      device.write(4, fill(9, 4), { fua: true });
      device.write(0, fill(1, 4));
      device.write(4, fill(2, 2));
      return machine;
    };
    const count = (machine: Machine) => images(machine, 6, { tearing: 512 }).length;
    assert.is(count(await promising({})), 64);
    assert.is(count(await promising({ promises: ['ATOMIC1K'] })), 8);
    assert.is(count(await promising({ promises: ['ATOMIC512', 'ATOMIC2K'] })), 4);
    assert.is(count(await promising({ promises: ['ATOMIC'] })), 4);
    const sequential = await promising({ promises: ['SEQUENTIAL'] });
    const random = Array.from({ length: 40 }, (_, seed) =>
      values(sequential.crash('power', { choose: 'random', seed, tearing: 512 }), 6).join(''),
    );
    // the last write that is there may be torn, what is before it is whole
    for (const state of random) assert.match(state, /^([01]{4}99|1111[29]{2})$/);
    assert.ok(new Set(random).size > 8);
    assert.ok(random.includes('111122'));
    const zeroes = await promising({ discardZeroes: true });
    zeroes.blockDevice().flush();
    zeroes.blockDevice().discard(0, 3);
    assert.equal(images(zeroes, 4), ['0 0 0 1', '1 1 1 1']);
    const protectedDrive = await promising({ powerLossProtection: true });
    assert.equal(values(protectedDrive.crash('power'), 8), [1, 1, 1, 1, 2, 2, 9, 9]);
    for (const promises of [['atomic'], ['SAFE'], [1]])
      await open({ drives: [{ promises: promises as never }] }).then(
        () => assert.unreachable(),
        (error: unknown) => assert.ok(error instanceof ConfigError),
      );
  });

  crash(`${build}: behaviour 11: a process that is killed loses nothing that it wrote`, async () => {
    const machine = await open();
    const file = machine.openFile('drive0');
    file.write(new TextEncoder().encode('Ada owes 10'), 100);
    const after = machine.crash('process');
    const read = after.openFile('drive0').read(11, 100);
    assert.is(new TextDecoder().decode(read), 'Ada owes 10');
    assert.is(after.vmstat().nr_dirty, 1, 'its page cache lives on');
    assert.equal(poolsInUse(after), NO_POOL_IN_USE);
  });

  crash(`${build}: behaviour 11: an OS crash loses the page cache and keeps what drives have`, async () => {
    const machine = await open();
    const drive = machine.blockDevice();
    drive.write(0, fill(1));
    drive.write(1, fill(2));
    machine.openFile('drive0').write(fill(3), 4096);
    const after = machine.crash('os');
    assert.equal(values(after, 10), [1, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    // the drive still has power: its cache is as volatile as it was
    assert.is(after.volatileWrites(), 2);
    assert.equal(images(after, 2), ['0 0', '0 2', '1 0', '1 2']);
    after.blockDevice().flush();
    assert.equal(images(after, 2), ['1 2']);
    assert.is(machine.volatileWrites(), 2, 'the first machine has its own cache');
  });

  crash(
    `${build}: an OS crash loses what waits in the block layer and keeps what the drive has begun`,
    async () => {
      const machine = await open({ drives: [{ size: SECTORS * SECTOR, queueDepth: 1 }], merge: false });
      const drive = machine.blockDevice();
      machine.holdCompletions(true);
      drive.submit({ operation: 'write', sector: 0, data: fill(1) });
      drive.submit({ operation: 'write', sector: 4, data: fill(2) });
      machine.run();
      const after = machine.crash('os');
      assert.equal(values(after, 5), [1, 0, 0, 0, 0]);
      assert.is(after.volatileWrites(), 1);
      assert.equal(
        after.uncertainWrites().map(({ isCompleted }) => isCompleted),
        [true],
      );
    },
  );

  crash(
    `${build}: begun writes that the cache has no room for are destaged by an OS crash, uncertain at power loss`,
    async () => {
      const machine = await open({ drives: [{ size: SECTORS * SECTOR, volatileWrites: 1 }], merge: false });
      machine.holdCompletions(true);
      for (const sector of [0, 2, 4])
        machine.blockDevice().submit({ operation: 'write', sector, data: fill(sector + 1) });
      machine.run();
      assert.is(images(machine, 5).length, 8);
      const after = machine.crash('os');
      assert.is(after.volatileWrites(), 1);
      assert.equal(images(after, 5), ['1 0 3 0 0', '1 0 3 0 5']);
    },
  );

  test('behaviour 12: buffered and not synced: lost; written back and not flushed: both', (machine) => {
    const file = machine.openFile('drive0');
    file.write(fill(1, 8), 0);
    assert.equal(images(machine, 1), ['0']);
    machine.advance(40e9);
    assert.is(machine.vmstat().nr_dirty, 0, 'the flusher has written it');
    assert.equal(images(machine, 1), ['0', '1']);
  });

  test('behaviour 13: fsync returned 0: there is no image without the data', (machine) => {
    const file = machine.openFile('drive0');
    file.write(fill(1, 8), 0);
    file.sync();
    assert.equal(images(machine, 1), ['1']);
  });

  crash(
    `${build}: behaviour 14: sync_file_range returned 0: there is an image without the data`,
    async () => {
      const machine = await open({ drives: [{ size: '2MiB' }], volume: { inodes: 16 } });
      const file = machine.fs.open('/a', 'w+');
      file.write(fill(1));
      file.fsync();
      machine.fs.sync();
      file.pwrite(fill(2), 0);
      file.syncRange(0, 0, { write: true, waitAfter: true });
      const choices = machine.uncertainWrites().reduce((sum, write) => sum + write.choices, 0);
      assert.ok(choices > 0);
      const first = (choose: bigint) => machine.crash('power', { choose }).fs.readFile('/a')[0];
      assert.is(first(0n), 1);
      assert.is(first((1n << BigInt(choices)) - 1n), 2);
    },
  );

  test('random survivors: the same for a seed, a subset, and seldom the same for two seeds', (machine) => {
    const drive = machine.blockDevice();
    for (let sector = 0; sector < 40; sector++) drive.write(sector, fill(sector + 1));
    const image = (seed: number) => values(machine.crash('power', { choose: 'random', seed }), 40);
    const seen = new Set(Array.from({ length: 10 }, (_, seed) => image(seed).join()));
    assert.is(seen.size, 10);
    assert.equal(image(3), image(3));
    const kept = image(3).filter((value) => value !== 0).length;
    assert.ok(kept > 5 && kept < 35, `${kept} of 40`);
  });

  test('random survivors do not depend on writes elsewhere', (machine) => {
    const play = (skipped: number) => {
      const clone = machine.clone();
      const drive = clone.blockDevice();
      for (let sector = 0; sector < 20; sector++)
        if (sector !== skipped) drive.write(sector, fill(sector + 1));
      return values(clone.crash('power', { choose: 'random', seed: 9 }), 20);
    };
    const all = play(-1);
    for (const skipped of [0, 7, 19]) {
      const expected = all.map((value, sector) => (sector === skipped ? 0 : value));
      assert.equal(play(skipped), expected);
    }
  });

  crash(`${build}: the records of the new machine tell what was kept, torn and lost`, async () => {
    const machine = await open({ records: true });
    const drive = machine.blockDevice();
    drive.write(0, fill(1, 2));
    drive.write(4, fill(2, 2));
    drive.write(8, fill(3, 2));
    const after = machine.crash('power', { choose: [true, true, true, false, false, false], tearing: 512 });
    const told = after.records
      .take()
      .map(({ kind, address, count, detail }) => [kind, address, count, detail]);
    assert.equal(told, [
      ['kept', 0, 2, 0],
      ['kept', 4, 2, 1],
      ['lost', 8, 2, 0],
    ]);
  });

  crash(`${build}: a mask is for one drive, the others lose all`, async () => {
    const machine = await open({ drives: [{ size: 32768 }, { size: 32768 }] });
    for (const drive of [0, 1]) machine.blockDevice(drive).write(0, fill(drive + 1));
    const first = (after: Machine, drive: number) => {
      const bytes = new Uint8Array(1);
      after.memory(drive).read(bytes, 0);
      return bytes[0];
    };
    const masked = machine.crash('power', { choose: [true], drive: 1 });
    assert.equal([first(masked, 0), first(masked, 1)], [0, 2]);
    const all = machine.crash('power', { choose: 'all' });
    assert.equal([first(all, 0), first(all, 1)], [1, 2]);
  });

  crash(
    `${build}: a volume is mounted and its journal replayed; a name that was not synced is gone`,
    async () => {
      const machine = await open({ drives: [{ size: '2MiB' }], volume: { inodes: 16, format: true } });
      machine.fs.writeFile('/kept', 'one', { flush: true });
      machine.fs.sync();
      machine.fs.writeFile('/lost', 'two');
      const power = machine.crash('power');
      assert.equal(power.fs.readdir('/'), ['kept']);
      assert.equal(power.fs.check(), []);
      assert.equal(machine.crash('os').fs.readdir('/'), ['kept']);
      const killed = machine.crash('process');
      assert.equal(killed.fs.readdir('/').sort(), ['kept', 'lost']);
      assert.is(new TextDecoder().decode(killed.fs.readFile('/lost')), 'two');
      assert.equal(killed.fs.check(), []);
      // and all go on
      for (const after of [power, killed]) {
        after.fs.writeFile('/more', 'three', { flush: true });
        assert.is(new TextDecoder().decode(after.fs.readFile('/more')), 'three');
      }
      assert.equal(machine.fs.readdir('/').sort(), ['kept', 'lost']);
    },
  );

  crash(`${build}: what a crash can not do is said`, async () => {
    const machine = await open();
    machine.blockDevice().write(0, fill(1, 3));
    const throws = (options: object, field: string, of = machine, kind = 'power') =>
      assert.throws(
        () => of.crash(kind as 'power', options),
        (error: unknown) => error instanceof ConfigError && error.message.includes(field),
        JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
      );
    throws({ choose: [true, true] }, 'choose');
    throws({ choose: [] }, 'choose');
    throws({ choose: 2n }, 'choose');
    throws({ choose: -1n }, 'choose');
    throws({ choose: new Uint8Array(2) }, 'choose');
    throws({ choose: new Uint8Array([2]) }, 'choose');
    throws({ choose: 'some' }, 'choose');
    throws({ choose: 8n, tearing: 512 }, 'choose');
    throws({ tearing: 1000 }, 'tearing');
    throws({ tearing: 256 }, 'tearing');
    throws({ tearing: '128KiB' }, 'tearing');
    throws({ seed: -1 }, 'seed');
    throws({ drive: 1 }, 'drive');
    throws({}, 'kind', machine, 'flood');
    throws({}, 'payload', await open({ payload: 'none' }), 'os');
    throws({}, 'powerCuts', await open({ powerCuts: false }));
    const unplugged = await open({ powerCuts: false });
    unplugged.blockDevice().write(0, fill(1));
    assert.equal(values(unplugged.crash('os'), 1), [1]);
    assert.equal(values(machine.crash('power', { choose: new Uint8Array([1]) }), 3), [1, 1, 1]);
  });

  crash(`${build}: a thousand crashes leave nothing behind`, async () => {
    const machine = await open();
    const drive = machine.blockDevice();
    const { rss } = process.memoryUsage();
    for (let round = 0; round < (build === 'release' ? 1000 : 100); round++) {
      drive.write(round % SECTORS, fill(round % 250));
      const kind = (['power', 'os', 'process'] as const)[round % 3] as 'power';
      machine.crash(kind, { choose: 'random', seed: round }).close();
      if (round % 16 === 0) drive.flush();
    }
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    assert.is(machine.memory().size, SECTORS * SECTOR);
    assert.ok(machine.memory().heldBytes <= SECTORS * SECTOR, `${machine.memory().heldBytes} bytes held`);
    // a machine has 10 MiB of memory
    const grown = Math.round((process.memoryUsage().rss - rss) / 1048576);
    assert.ok(grown < 1024, `${grown} MiB more`);
  });
}

crash('the same crash leaves the same bytes in both builds', async () => {
  const play = async (build: Build) => {
    const machine = await openMachine(build, SMALL);
    const drive = machine.blockDevice();
    for (let sector = 0; sector < 40; sector++) drive.write(sector, fill(sector + 1, 3));
    return [0, 1, 2].map((seed) =>
      values(machine.crash('power', { choose: 'random', seed, tearing: 512 }), SECTORS),
    );
  };
  assert.equal(await play('debug'), await play('release'));
});

crash.run();
