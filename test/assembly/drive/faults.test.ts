// Faults on a running machine: which requests a rule meets, how long damage lasts, what the layers above make of it, and what a
// power cut leaves. The numbers of behaviours are those of the fact sheet on crashes and faults, section 14.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RWF_NOWAIT } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { FAULT_EFFECTS, operationsOf } from '../../../src/faults/table.ts';
import { BUILDS, brokenRule, EXACT, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { codeOf, FaultyDrive, filled, SECTOR } from './faulty-drive.ts';
import { openFlaky, WASI_EIO } from './flaky-image.ts';

const faults = suite('faults');

/** Results of writes to a sector, one after the other. */
function writes(drive: FaultyDrive, sector: number, times: number): (number | undefined)[] {
  return Array.from({ length: times }, () => drive.send('write', sector, 1).result);
}

for (const build of BUILDS) {
  faults(`${build}: behaviour 27: EIO once on the third write to a range`, async () => {
    const drive = await FaultyDrive.open(build);
    drive.machine.faults.add('eio on=write range=4KiB+2KiB nth=3 times=once');
    assert.equal(writes(drive, 0, 3), [0, 0, 0], 'other ranges never');
    assert.equal(writes(drive, 9, 5), [0, 0, -5, 0, 0]);
    assert.equal(drive.read(9, 1), [200]);
    const [status] = drive.machine.faults.list();
    assert.equal([status?.matches, status?.hits], [5, 1]);
    assert.is(drive.machine.counters.drive.faults, 1);
    const [fault] = drive.machine.records.take().filter(({ kind }) => kind === 'fault');
    assert.equal([fault?.address, fault?.count, fault?.detail], [9, 1, 1]);
    assert.equal(poolsInUse(drive.machine), NO_POOL_IN_USE);
  });

  faults(
    `${build}: behaviour 27: persistent from the third on, every second, twice, and while it is time`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      const trial = (rule: string): (number | undefined)[] => {
        const number = machine.faults.add(rule);
        const results = writes(drive, 9, 6);
        machine.faults.remove(number);
        return results;
      };
      assert.equal(trial('eio on=write from=3'), [0, 0, -5, -5, -5, -5]);
      assert.equal(trial('eio on=write every=2'), [0, -5, 0, -5, 0, -5]);
      assert.equal(trial('eio on=write times=2'), [-5, -5, 0, 0, 0, 0]);
      assert.equal(trial('eio on=write every=2 times=2'), [0, -5, 0, -5, 0, 0]);
      assert.equal(trial('eio on=read'), [0, 0, 0, 0, 0, 0]);
      assert.equal(trial('eio fua=true'), [0, 0, 0, 0, 0, 0]);
      assert.equal(trial('eio errno=ENODATA times=1'), [-61, 0, 0, 0, 0, 0]);
      machine.faults.add('eio after=1ms until=2ms');
      const timed = [0, 1e6, 999_999, 1].map((passes) => {
        machine.advance(passes);
        return drive.send('write', 9, 1).result;
      });
      assert.equal(timed, [0, -5, -5, 0]);
      // a drive takes a request before the events that it causes
      const before = machine.stepCount;
      drive.send('write', 9, 1);
      const each = machine.stepCount - before;
      assert.ok(each > 0);
      machine.faults.add(`eio afterStep=${machine.stepCount + 2 * each}`);
      assert.equal(writes(drive, 9, 4), [0, 0, -5, -5]);
    },
  );

  faults(`${build}: behaviour 20: an unrelated read less, and the same writes fail`, async () => {
    const failing = async (reads: number): Promise<number[]> => {
      const drive = await FaultyDrive.open(build);
      drive.machine.faults.add('eio on=write perMillion=300000');
      return Array.from({ length: 40 }, (_, index) => {
        if (index < reads) drive.read(index, 1);
        return drive.send('write', index % 10, 1).result === 0 ? 0 : 1;
      });
    };
    const expected = await failing(0);
    assert.ok(expected.includes(1) && expected.includes(0));
    assert.equal(await failing(40), expected);
    assert.equal(await failing(7), expected);
  });

  faults(
    `${build}: behaviour 28: a latent error is hidden until it is read, and heals when it is overwritten`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      machine.faults.add('latent range=4KiB+1KiB');
      assert.equal(drive.read(7, 1), [8]);
      assert.is(drive.read(6, 4), 'EIO');
      drive.send('write', 8, 1);
      assert.equal(drive.read(8, 1), [200]);
      assert.is(drive.read(9, 1), 'EIO', 'only what was overwritten');
      drive.send('discard', 9, 1);
      assert.equal(drive.read(8, 2), [200, 0]);
      drive.send('flush');
      assert.equal(machine.faults.layers(), []);
      const healed = machine.records.take().filter(({ kind }) => kind === 'healed');
      assert.equal(
        healed.map(({ address, count, detail }) => [address, count, detail]),
        [
          [8, 1, 1],
          [9, 1, 1],
        ],
      );
    },
  );

  faults(
    `${build}: behaviour 28: through the page cache a part of a block needs the read, a whole one does not`,
    async () => {
      const machine = await openMachine(build, { ...EXACT, drives: [{ size: '1MiB' }], records: 4096 });
      machine.faults.add('latent range=8KiB+512');
      const file = machine.openFile('drive0');
      assert.is(
        codeOf(() => file.write(new Uint8Array(100), 8200)),
        'EIO',
      );
      assert.is(file.write(new Uint8Array(4096).fill(3), 8192), 4096);
      file.sync();
      machine.dropCaches();
      assert.is(file.read(1, 8200)[0], 3);
      assert.equal(machine.faults.layers(), []);
      assert.equal(brokenRule(machine), '');
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  faults(
    `${build}: behaviour 29: bit rot is the same on each read, gone when overwritten, and not in a snapshot from before`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      const before = machine.snapshot();
      const rot = (): number => machine.faults.add('rot range=4KiB+512 bits=1');
      rot();
      const device = machine.blockDevice();
      const seen = device.read(8, 1);
      assert.is(seen.filter((byte) => byte !== 9).length, 1);
      assert.equal(device.read(8, 1), seen);
      assert.equal(device.read(7, 3).slice(512, 1024), seen, 'in a longer read as well');
      assert.equal(drive.media(8, 1), [9], 'the image is whole');
      machine.restore(before);
      assert.equal(machine.blockDevice().read(8, 1), filled(9));
      rot();
      assert.equal(machine.blockDevice().read(8, 1), seen);
      drive.send('write', 8, 1);
      assert.equal(machine.blockDevice().read(8, 1), filled(200));
    },
  );

  faults(`${build}: behaviour 30: a write is led astray, and each side is repaired by itself`, async () => {
    const drive = await FaultyDrive.open(build);
    const { machine } = drive;
    machine.faults.add('misdirectedWrite range=5KiB+512 to=10KiB times=once');
    assert.is(drive.send('write', 10, 1).result, 0);
    assert.equal(drive.read(10, 1), [11]);
    assert.equal(drive.read(20, 1), [200]);
    drive.send('write', 20, 1, 77);
    assert.equal(drive.read(10, 1), [11]);
    assert.equal(drive.read(20, 1), [77]);
    assert.is(machine.faults.heal(), 2, 'one is hidden behind the write that is still volatile');
    assert.equal(drive.read(10, 1), [200]);
    assert.equal(drive.read(20, 1), [77]);
  });

  faults(`${build}: a misdirected write that a power cut loses is at neither place`, async () => {
    const drive = await FaultyDrive.open(build);
    drive.machine.faults.add('misdirectedWrite range=5KiB+512 to=10KiB');
    drive.send('write', 10, 1);
    const lost = drive.machine.crash('power', { choose: 'none' });
    const kept = drive.machine.crash('power', { choose: 'all' });
    const values = [lost, kept].map((machine) =>
      [10, 20].map((sector) => machine.blockDevice().read(sector, 1)[0]),
    );
    assert.equal(values, [
      [11, 21],
      [11, 200],
    ]);
  });

  faults(
    `${build}: behaviour 31: a failed flush is told once, the next fsync is good, and the data may be lost`,
    async () => {
      const machine = await openMachine(build, { ...EXACT, drives: [{ size: '1MiB' }] });
      const file = machine.openFile('drive0');
      file.write(new Uint8Array(4096).fill(5), 0);
      machine.faults.add('failedFlush times=once');
      assert.is(
        codeOf(() => file.sync()),
        'EIO',
      );
      file.sync();
      file.sync();
      const states = (['none', 'all'] as const).map(
        (choose) => machine.crash('power', { choose }).openFile('drive0').read(1, 0)[0],
      );
      assert.equal(states, [0, 5]);
      // what is written again is covered
      file.write(new Uint8Array(4096).fill(6), 0);
      file.sync();
      assert.is(machine.crash('power', { choose: 'none' }).openFile('drive0').read(1, 0)[0], 6);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  faults(
    `${build}: behaviour 15: a flush that is ignored covers nothing; an honest one covers it all`,
    async () => {
      const machine = await openMachine(build, { ...EXACT, drives: [{ size: '1MiB' }], records: 4096 });
      const file = machine.openFile('drive0');
      const lie = machine.faults.add('ignoredFlush');
      file.write(new Uint8Array(4096).fill(5), 0);
      file.sync();
      const firstByte = (): number | undefined =>
        machine.crash('power', { choose: 'none' }).openFile('drive0').read(1, 0)[0];
      assert.is(firstByte(), 0);
      assert.ok(machine.records.take().some(({ kind, detail }) => kind === 'fault' && detail === lie));
      machine.faults.disable(lie);
      machine.blockDevice().flush();
      assert.is(firstByte(), 5);
    },
  );

  faults(
    `${build}: behaviour 32: ENOSPC in delayed allocation: the write is good, the fsync is not`,
    async () => {
      // the drive promises more than it has: nothing fits behind its first MiB
      const machine = await openMachine(build, {
        ...EXACT,
        drives: [{ size: '4MiB' }],
        volume: { inodes: 16 },
      });
      machine.faults.add('enospc range=1MiB+');
      const file = machine.fs.open('/full', 'w+');
      assert.is(file.write(new Uint8Array(2 * 1024 * 1024).fill(1)), 2 * 1024 * 1024);
      assert.is(
        codeOf(() => file.fsync()),
        'ENOSPC',
      );
      file.fsync();
      const behind = new Uint8Array(3 * 1024 * 1024);
      machine.memory().read(behind, 1024 * 1024);
      assert.ok(behind.every((byte) => byte === 0));
      const after = machine.crash('power', { choose: 'all' }).fs.readFile('/full');
      assert.ok(after.every((byte) => byte === 1 || byte === 0));
      assert.is(brokenRule(machine), '');
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  faults(
    `${build}: behaviour 33: stuck I/O never ends, the rest goes on, and it can be cancelled`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      machine.faults.add('stuck on=write range=4KiB+512 times=once');
      const request = drive.send('write', 8, 1);
      machine.advance(3600e9);
      assert.is(request.isDone, false);
      assert.is(drive.send('write', 9, 1).result, 0);
      assert.is(machine.nowNs, 3600e9);
      const cut = (['none', 'all'] as const).map(
        (choose) => machine.crash('power', { choose }).blockDevice().read(8, 1)[0],
      );
      assert.equal(cut, [9, 200], 'uncertain');
      const [id] = machine.faults.late();
      assert.is(machine.faults.cancel(id as number), true);
      machine.run();
      assert.is(request.result, -125);
      assert.equal(machine.faults.late(), []);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  faults(
    `${build}: behaviour 33: a drive with a timeout ends what takes longer, and nothing else`,
    async () => {
      const drive = await FaultyDrive.open(build, { timeoutNs: 30e9, latencyNs: 1000 });
      const { machine } = drive;
      machine.faults.add('stuck range=4KiB+512');
      machine.faults.add('slow range=8KiB+512 delay=40s');
      machine.faults.add('slow range=16KiB+512 factor=3');
      const results = [8, 16, 32].map((sector) => {
        const began = machine.nowNs;
        const { result } = drive.send('write', sector, 1);
        return [result, machine.nowNs - began];
      });
      assert.equal(results, [
        [-110, 30e9],
        [-110, 30e9],
        [0, 3000],
      ]);
      const aborted = machine.records.take().filter(({ kind }) => kind === 'aborted');
      assert.equal(
        aborted.map(({ detail, address }) => [detail, address]),
        [
          [-110, 8],
          [-110, 16],
        ],
      );
      const slow = await FaultyDrive.open(build, { timeoutNs: 500, latencyNs: 1000 });
      assert.is(slow.send('read').result, -110, 'the model itself takes too long');
      assert.is(slow.machine.nowNs, 500);
    },
  );

  faults(`${build}: hours of service take a thousand times as long`, async () => {
    const drive = await FaultyDrive.open(build, { latencyNs: 2e13 });
    drive.machine.faults.add('slow range=4KiB+512 factor=1000');
    assert.is(drive.send('write', 8, 1).result, 0);
    assert.is(drive.machine.nowNs, 2e16);
  });

  faults(`${build}: reordered completions end in an order of their own, the same each time`, async () => {
    const order = async (): Promise<number[]> => {
      const drive = await FaultyDrive.open(build);
      drive.machine.faults.add('reorder delay=1ms');
      const device = drive.machine.blockDevice();
      for (let tag = 1; tag <= 12; tag++)
        device.submit({ operation: 'write', sector: tag * 3, data: filled(tag), tag });
      drive.machine.run();
      return device.reap().map(({ tag }) => tag);
    };
    const first = await order();
    assert.equal(
      [...first].sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, at) => at + 1),
    );
    assert.not.equal(
      first,
      [...first].sort((a, b) => a - b),
    );
    assert.equal(await order(), first);
  });

  faults(
    `${build}: a layer hidden by a write that a power cut loses shows again; durable, it is gone`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      machine.faults.add('latent range=4KiB+2KiB');
      drive.send('write', 9, 1);
      assert.equal(drive.read(9, 1), [200]);
      const codes = (['none', 'all'] as const).map((choose) => {
        const after = machine.crash('power', { choose });
        return [8, 9, 10, 11].map((sector) => codeOf(() => after.blockDevice().read(sector, 1)));
      });
      assert.equal(codes, [
        ['EIO', 'EIO', 'EIO', 'EIO'],
        ['EIO', 'none', 'EIO', 'EIO'],
      ]);
      drive.send('flush');
      const after = machine.crash('power', { choose: 'none' });
      assert.is(after.blockDevice().read(9, 1)[0], 200);
      const os = machine.crash('os');
      assert.is(
        codeOf(() => os.blockDevice().read(8, 1)),
        'EIO',
        'damage goes with the disk',
      );
    },
  );

  faults(`${build}: a write that only borders on damage leaves it as it is`, async () => {
    const drive = await FaultyDrive.open(build);
    const { machine } = drive;
    machine.faults.add('latent range=4KiB+2KiB');
    const before = machine.faults.layers();
    drive.send('write', 4, 4);
    drive.send('write', 12, 4);
    assert.equal(machine.faults.layers(), before);
    assert.equal(drive.read(4, 4), [200, 200, 200, 200]);
    assert.is(machine.records.take().filter(({ kind }) => kind === 'healed').length, 0);
  });

  faults(
    `${build}: a durable write in the middle of a volatile one shows none of what that one hides`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const { machine } = drive;
      machine.faults.add('latent range=4KiB+2KiB');
      drive.send('write', 8, 4);
      drive.send('write', 9, 1, 77, { fua: true });
      assert.equal(drive.read(8, 4), [200, 77, 200, 200]);
      const lost = machine.crash('power', { choose: 'none' }).blockDevice();
      assert.equal(
        [8, 9, 10, 11].map((sector) => codeOf(() => lost.read(sector, 1))),
        ['EIO', 'none', 'EIO', 'EIO'],
      );
    },
  );

  faults(
    `${build}: as many bits rot as were asked for, and what is left of the damage stays as it was`,
    async () => {
      const drive = await FaultyDrive.open(build);
      const device = drive.machine.blockDevice();
      drive.machine.faults.add('rot range=0+32KiB bits=64');
      const rotten = device.read(0, 64);
      for (let sector = 0; sector < 64; sector++) {
        let flipped = 0;
        for (const byte of rotten.subarray(sector * SECTOR, (sector + 1) * SECTOR))
          for (let bits = byte ^ (sector + 1); bits !== 0; bits &= bits - 1) flipped++;
        assert.is(flipped, 64);
      }
      const rule = drive.machine.faults.add('rot on=write range=40KiB+2KiB bits=1');
      drive.send('write', 80, 4);
      drive.send('write', 80, 4);
      drive.machine.faults.remove(rule);
      const before = device.read(82, 2);
      drive.send('write', 81, 1);
      assert.equal(device.read(82, 2), before);
      assert.not.equal(before, filled(200, 2));
    },
  );

  faults(`${build}: of a flaky place every second read is right, from the second on`, async () => {
    const drive = await FaultyDrive.open(build);
    const device = drive.machine.blockDevice();
    drive.machine.faults.add('flaky range=4KiB+512');
    const isRight = Array.from({ length: 4 }, () => device.read(8, 1).every((byte) => byte === 9));
    assert.equal(isRight, [false, true, false, true]);
  });

  faults(`${build}: a write that the image refuses leaves no damage`, async () => {
    const { machine, image } = await openFlaky(build);
    machine.faults.add('rot on=write range=4KiB+512');
    image.fail = ({ name }) => (name === 'pwrite' ? WASI_EIO : 0);
    assert.is(
      codeOf(() => machine.blockDevice().write(8, filled(1))),
      'EIO',
    );
    assert.equal(machine.faults.layers(), []);
    image.fail = () => 0;
    machine.blockDevice().write(8, filled(1));
    assert.is(machine.faults.layers().length, 1);
  });

  faults(`${build}: without room for a layer the fault does not happen, and counts as missed`, async () => {
    const drive = await FaultyDrive.open(build, {}, { limits: { faultLayers: 2 } });
    drive.machine.faults.add('lostWrite');
    assert.is(drive.send('write', 8, 1).result, 0);
    assert.equal(drive.read(8, 1), [200]);
    const [status] = drive.machine.faults.list();
    assert.equal([status?.hits, status?.missed], [0, 1]);
    const none = await FaultyDrive.open(build, {}, { limits: { faultLayers: 0, faultRules: 1 } });
    assert.throws(() => none.machine.faults.add('rot range=0+512'), /limits/);
    none.machine.faults.add('eio');
    assert.throws(() => none.machine.faults.add('eio'), /limits\.faultRules/);
  });

  faults(
    `${build}: a rule that is disabled, or has no chance, changes no record, whatever its effect`,
    async () => {
      const hash = async (rules: readonly string[]): Promise<string> => {
        const drive = await FaultyDrive.open(build, { latencyNs: 500, faults: rules });
        for (let index = 0; index < 20; index++) {
          drive.send('write', index, 3);
          drive.read(index, 2);
          drive.send(index % 2 === 0 ? 'discard' : 'writeZeroes', index + 5, 2);
          if (index % 4 === 0) drive.send('flush');
        }
        return drive.machine.recordHash;
      };
      const plain = await hash([]);
      assert.is(await hash(FAULT_EFFECTS.map((effect) => `${effect} enabled=false`)), plain);
      assert.is(await hash(FAULT_EFFECTS.map((effect) => `${effect} perMillion=0`)), plain);
      const awake = FAULT_EFFECTS.map((effect) => `${effect} on=${operationsOf(effect)[0]} after=1s`);
      assert.is(await hash(awake), plain);
      assert.is.not(await hash(['eio nth=2']), plain);
    },
  );

  faults(
    `${build}: with payload none errors and times are as with bytes, and what needs bytes is refused`,
    async () => {
      const run = async (payload: 'full' | 'none'): Promise<unknown> => {
        const config: MachineConfig = { payload };
        const rules = [
          'eio nth=3',
          'latent on=read range=10KiB+1KiB nth=2',
          'short nth=9',
          'slow nth=12 delay=7us',
          'gone nth=40',
        ];
        const drive = await FaultyDrive.open(build, { latencyNs: 500, faults: rules }, config);
        const results: unknown[] = [];
        for (let index = 0; index < 45; index++) {
          const operation = (['write', 'read', 'discard', 'flush'] as const)[index % 4] ?? 'read';
          const data = operation === 'write' && payload === 'none' ? { data: undefined } : {};
          results.push(drive.send(operation, index, 3, 1, data as object).result, drive.machine.nowNs);
        }
        return { results, counters: drive.machine.counters.drive };
      };
      assert.equal(await run('none'), await run('full'));
      const machine = await openMachine(build, { payload: 'none' });
      for (const effect of [
        'rot',
        'flaky',
        'lostWrite',
        'misdirectedWrite',
        'misdirectedRead',
        'tornWrite',
        'enospc',
      ]) {
        assert.throws(() => machine.faults.add(`${effect}`), /payload is 'none'/);
      }
    },
  );

  faults(`${build}: a queue that is full refuses who must not wait, and lets the others wait`, async () => {
    const machine = await openMachine(build, { drives: [{ size: '1MiB', faults: ['queueFull delay=2ms'] }] });
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(8);
    const buffer = machine.buffers.allocate(SECTOR);
    const request = { op: 'pwrite', file, buffer, length: SECTOR, offset: 0 } as const;
    context.submit([
      { ...request, data: 1, rwFlags: RWF_NOWAIT },
      { ...request, data: 2, offset: 8192 },
    ]);
    const ends = context.getEvents({ min: 2 }).map(({ data, res }) => [data, Number(res)]);
    assert.equal(ends, [
      [1, -11],
      [2, SECTOR],
    ]);
    assert.is(machine.nowNs, 2_000_000);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  faults(`${build}: AIO and virtio see the errors of the drive`, async () => {
    const machine = await openMachine(build, {
      drives: [{ size: '1MiB', faults: ['eio on=write nth=2', 'latent range=64KiB+512'] }],
      cacheMode: 'none',
    });
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(8);
    const buffer = machine.buffers.allocate(SECTOR);
    const results = ['pwrite', 'pwrite', 'pwrite', 'pread'].map((op, index) => {
      const offset = op === 'pread' ? 65536 : index * 8192;
      context.submit([{ op: op as 'pread', file, buffer, length: SECTOR, offset }]);
      return context.getEvents({ min: 1 })[0]?.res;
    });
    assert.equal(results.map(Number), [512, -5, 512, -5]);
    const disk = machine.virtioBlk(0);
    assert.is(
      codeOf(() => disk.read(65536, 512)),
      'EIO',
    );
    assert.is(disk.read(0, 512).length, 512);
    disk.close();
    assert.equal(poolsInUse(machine), { ...NO_POOL_IN_USE });
  });
}

faults.run();
