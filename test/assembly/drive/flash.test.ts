// test-timeout: 120
// Drives of flash: their times against data sheets, formulas and arithmetic, and what they do with hostile parameters.
//
// Data sheets: published "up to" figures of a Samsung 860 EVO 500 GB (2018; SATA) and a 970 PRO 512 GB (2018; PCIe 3.0 x4); those at
// queue depth 1 were not checked against the sheets. Errors allowed are stated where they are checked. All load is in virtual time through the block layer, without bytes unless said.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONFIG_DRIVE_PARAMETERS, CONFIG_DRIVE_SIZE } from '../../../assembly/layout.ts';
import { MemoryHost, shimHost } from '../../../src/backing/memory-host.ts';
import type { BlockRequestOptions } from '../../../src/block-device.ts';
import { resolveConfig } from '../../../src/core/config.ts';
import { configBytes } from '../../../src/core/config-struct.ts';
import { Core } from '../../../src/core/core.ts';
import { DRIVE_MODELS, type ModelName } from '../../../src/core/drive-models/index.ts';
import type { ParameterValue } from '../../../src/core/drive-models/parameter.ts';
import type { DriveConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import {
  BUILDS,
  type Build,
  coreModule,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';
import { closedLoop, draws, openFlash, steadyRate } from './flash-load.ts';

const flash = suite('flash');
const SECTORS = 8;
const UNITS = 65536;

type Parameters = Readonly<Record<string, ParameterValue>>;

/** Only the dies take time: 100 µs to sense, 1 ms to program, 10 ms to erase. */
const DIES_ONLY = {
  readNs: 100_000,
  programNs: 1_000_000,
  eraseNs: 10_000_000,
  channelBandwidth: 1e12,
  interfaceBandwidth: 1e12,
  readCommandNs: 0,
  writeCommandNs: 0,
  readDelayNs: 0,
  writeDelayNs: 0,
} as const satisfies Parameters;

function readOf(unit: number, count = 1): BlockRequestOptions {
  return { operation: 'read', sector: unit * SECTORS, sectorCount: count * SECTORS };
}

function writeOf(unit: number, count = 1, fua = false): BlockRequestOptions {
  return { operation: 'write', sector: unit * SECTORS, sectorCount: count * SECTORS, fua };
}

function isNear(actual: number, expected: number, error: number, label: string): void {
  assert.ok(
    Math.abs(actual / expected - 1) <= error,
    `${label}: ${actual}, not ${expected} within ${error * 100} %`,
  );
}

/** One request after the other; how long each took. */
function oneByOne(machine: Machine, requests: readonly BlockRequestOptions[]): number[] {
  return closedLoop(machine, 1, requests.length, (number) => requests[number] as BlockRequestOptions)
    .latenciesNs;
}

/** All at once; how long each took, in the order of completion. */
function together(machine: Machine, requests: readonly BlockRequestOptions[]): number[] {
  return closedLoop(
    machine,
    requests.length,
    requests.length,
    (number) => requests[number] as BlockRequestOptions,
  ).latenciesNs;
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * fraction) - 1] as number;
}

/** What must hold of an idle machine. */
function checkIdle(machine: Machine): void {
  machine.run();
  machine.blockDevice().reap();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const requests = build === 'release' ? 4000 : 2000;

  flash(`${build}: random 4 KiB at queue depth 1 takes what the data sheets say, within 0.2 %`, async () => {
    const sheet: [ModelName, number, number][] = [
      ['ssd', 10_000, 42_000],
      ['nvme', 15_000, 55_000],
    ];
    for (const [model, reads, writes] of sheet) {
      const draw = draws(1);
      const machine = await openFlash(build, { model });
      const read = closedLoop(machine, 1, 500, () => readOf(draw(UNITS)));
      isNear(read.rate, reads, 0.002, `${model} reads`);
      assert.is(new Set(read.latenciesNs).size, 1, 'nothing varies on an idle drive');
      isNear(closedLoop(machine, 1, 500, () => writeOf(draw(UNITS))).rate, writes, 0.002, `${model} writes`);
      checkIdle(machine);
    }
  });

  flash(
    `${build}: random 4 KiB in a deep queue comes to the rates of the data sheets, within 1 %`,
    async () => {
      const sheet: [ModelName, number, number, number][] = [
        ['ssd', 32, 98_000, 90_000],
        ['nvme', 128, 370_000, 500_000],
      ];
      for (const [model, depth, reads, writes] of sheet) {
        const draw = draws(2);
        const reading = await openFlash(build, { model });
        isNear(
          steadyRate(reading, depth, depth * 2, requests, () => readOf(draw(UNITS))),
          reads,
          0.01,
          `${model} reads`,
        );
        const writing = await openFlash(build, { model });
        // into the buffer: the sheets measure fresh drives and short spans
        isNear(
          steadyRate(writing, depth, depth * 2, requests, () => writeOf(draw(UNITS))),
          writes,
          0.01,
          `${model} writes`,
        );
      }
    },
  );

  flash(`${build}: 128 KiB in sequence comes to the bandwidth of the data sheets, within 4 %`, async () => {
    const sheet: [ModelName, number, number][] = [
      ['ssd', 550e6, 520e6],
      ['nvme', 3500e6, 2300e6],
    ];
    for (const [model, read, written] of sheet) {
      const rate = async (request: (unit: number, count: number) => BlockRequestOptions): Promise<number> => {
        // blocks of full size, so that erases weigh what they do
        const machine = await openFlash(build, {
          model,
          size: '8GiB',
          parameters: { flashCapacity: '8GiB' },
        });
        return steadyRate(machine, 8, 300, requests / 2, (number) => request(number * 32, 32)) * 131072;
      };
      isNear(await rate(readOf), read, 0.04, `${model} read`);
      isNear(await rate(writeOf), written, 0.04, `${model} written`);
    }
  });

  flash(`${build}: reads of different dies go on at once, of one die one after the other`, async () => {
    const parameters = { ...DIES_ONLY, channels: 4, diesPerChannel: 2, pageSize: '16KiB' };
    const machine = await openFlash(build, { model: 'nvme', parameters });
    const rounded = (latencies: readonly number[]): number[] => latencies.map((ns) => Math.round(ns / 1000));
    // 8 dies: pages of 4 units, so unit 4n is on die n, and unit 32 on die 0 again
    assert.equal(
      rounded(
        together(
          machine,
          [0, 4, 8, 12, 16, 20, 24, 28].map((unit) => readOf(unit)),
        ),
      ),
      Array(8).fill(100),
    );
    assert.equal(
      rounded(
        together(
          machine,
          [0, 32, 64].map((unit) => readOf(unit)),
        ),
      ),
      [100, 200, 300],
    );
    // units of one page are sensed together when one request asks for them
    assert.equal(rounded(together(machine, [readOf(0, 4)])), [100]);
    assert.equal(rounded(together(machine, [readOf(0, 32)])), [100]);
    assert.equal(rounded(together(machine, [readOf(0, 64)])), [200]);
    assert.equal(rounded(together(machine, [readOf(3, 2)])), [100]);
    checkIdle(machine);
  });

  flash(`${build}: striped reads rise in proportion to the queue depth, up to dies / tR`, async () => {
    const parameters = { ...DIES_ONLY, channels: 8, diesPerChannel: 2, pageSize: '4KiB' };
    const machine = await openFlash(build, { model: 'nvme', parameters });
    for (const depth of [1, 2, 4, 8, 16, 32, 64, 128, 256]) {
      const count = Math.max(320, depth * 4);
      const { rate } = closedLoop(machine, depth, count, (number) => readOf(number % UNITS));
      isNear(rate, Math.min(depth, 16) / 100e-6, 0.001, `depth ${depth}`);
    }
  });

  flash(
    `${build}: random reads collide as the formula of balanced closed queues says, within 3 %`,
    async () => {
      // Lazowska et al., Quantitative System Performance (1984), balanced systems: N customers at D like centres of exponential
      // service S have a throughput of N / (N + D - 1) x D / S
      const dies = 16;
      const parameters = { ...DIES_ONLY, channels: dies, diesPerChannel: 1, pageSize: '4KiB' };
      for (const depth of [1, 4, 16, 64, 256]) {
        const machine = await openFlash(build, { model: 'nvme', parameters, latency: 'exponential' });
        const draw = draws(depth);
        const rate = steadyRate(machine, depth, depth * 8, 4 * requests, () => readOf(draw(UNITS)));
        isNear(rate, (depth / (depth + dies - 1)) * (dies / 100e-6), 0.03, `depth ${depth}`);
      }
    },
  );

  flash(
    `${build}: with service that does not vary random reads lie between that and no collisions`,
    async () => {
      const parameters = { ...DIES_ONLY, channels: 16, diesPerChannel: 1, pageSize: '4KiB' };
      for (const placement of ['striped', 'hashed']) {
        const machine = await openFlash(build, { model: 'nvme', parameters: { ...parameters, placement } });
        const draw = draws(3);
        const { rate } = closedLoop(machine, 16, requests, () => readOf(draw(UNITS)));
        assert.ok(rate > (16 / 31) * 160_000 * 1.1 && rate < 160_000 * 0.95, `${placement}: ${rate}`);
      }
      // a stride of as many pages as there are dies meets one die when striped, all of them when hashed
      const strided = async (placement: string): Promise<number> => {
        const machine = await openFlash(build, { model: 'nvme', parameters: { ...parameters, placement } });
        return closedLoop(machine, 16, 1000, (number) => readOf((number * 16) % UNITS)).rate;
      };
      isNear(await strided('striped'), 10_000, 0.001, 'striped');
      assert.ok((await strided('hashed')) > 60_000);
    },
  );

  flash(
    `${build}: reading in sequence takes the lesser bandwidth, the interface's or the channels'`,
    async () => {
      const rate = async (
        channels: number,
        channelBandwidth: number,
        interfaceBandwidth: number,
      ): Promise<number> => {
        const parameters = { ...DIES_ONLY, readNs: 1000, channels, channelBandwidth, interfaceBandwidth };
        const machine = await openFlash(build, { model: 'nvme', parameters });
        return closedLoop(machine, 16, 1000, (number) => readOf(number * 32, 32)).rate * 131072;
      };
      isNear(await rate(8, 100e6, 2e9), 800e6, 0.01, 'channels');
      isNear(await rate(8, 400e6, 2e9), 2e9, 0.01, 'interface');
      isNear(await rate(2, 400e6, 2e9), 800e6, 0.01, 'few channels');
    },
  );

  flash(`${build}: writes come at the speed of the buffer, then at that of the dies`, async () => {
    // 8 dies program 16 KiB in 1 ms: 131 MB/s; the interface brings 1 GB/s
    const parameters = {
      ...DIES_ONLY,
      channels: 8,
      diesPerChannel: 1,
      pageSize: '16KiB',
      interfaceBandwidth: 1e9,
      writeBuffer: '8MiB',
      filled: 0,
    };
    const machine = await openFlash(build, { model: 'nvme', parameters });
    const burst = closedLoop(machine, 1, 128, (number) => writeOf(number * 16, 16));
    isNear(burst.rate * 65536, 1e9, 0.001, 'burst');
    closedLoop(machine, 4, 200, (number) => writeOf((128 + number) * 16, 16));
    const drain = closedLoop(machine, 4, 400, (number) => writeOf((328 + number) * 16, 16));
    isNear(drain.rate * 65536, (8 * 16384) / 1e-3, 0.01, 'drain');
    checkIdle(machine);
    assert.is(machine.counters.flash.programmedPages, 728 * 16);
  });

  flash(
    `${build}: a flush waits for the programs of what was complete, FUA only for its own, protection for none`,
    async () => {
      const parameters = { ...DIES_ONLY, channels: 4, diesPerChannel: 1, pageSize: '16KiB', filled: 0 };
      const drive: DriveConfig = { model: 'nvme', parameters };
      const ms = (latencies: readonly number[]): number[] => latencies.map((ns) => Math.round(ns / 1e6));
      const open = (more: DriveConfig = {}): Promise<Machine> => openFlash(build, { ...drive, ...more });
      const flush: BlockRequestOptions = { operation: 'flush' };

      const plain = await open();
      assert.equal(
        ms(oneByOne(plain, [flush, writeOf(0), writeOf(4), writeOf(8), flush, flush])),
        [0, 0, 0, 0, 1, 0],
      );
      // five pages for die 0: it programs them one after the other
      assert.equal(
        ms(
          oneByOne(
            plain,
            [0, 16, 32, 48, 64].map((unit) => writeOf(unit, 4)),
          ),
        ),
        [0, 0, 0, 0, 0],
      );
      assert.equal(ms(oneByOne(plain, [writeOf(4, 1, true), writeOf(80, 1, true), flush])), [1, 5, 0]);
      checkIdle(plain);

      const through = await open({ volatileWrites: 0 });
      assert.equal(ms(oneByOne(through, [writeOf(0), writeOf(0, 16), flush])), [1, 1, 0]);
      const bufferless = await open({ parameters: { ...parameters, writeBuffer: 0 } });
      assert.equal(ms(oneByOne(bufferless, [writeOf(0), writeOf(0, 16), flush])), [1, 1, 0]);
      assert.equal(
        ms(
          together(
            bufferless,
            [0, 1, 2, 3].map((page) => writeOf(page * 4, 4)),
          ),
        ),
        [1, 1, 1, 1],
      );
      const safe = await open({ powerLossProtection: true });
      assert.equal(ms(oneByOne(safe, [writeOf(0), writeOf(4, 1, true), flush])), [0, 0, 0]);
      for (const machine of [through, bufferless, safe]) checkIdle(machine);
    },
  );

  flash(`${build}: a write larger than the buffer gets all of it, and others wait`, async () => {
    const parameters = {
      ...DIES_ONLY,
      channels: 1,
      diesPerChannel: 1,
      pageSize: '16KiB',
      filled: 0,
      writeBuffer: '32KiB',
    };
    const machine = await openFlash(build, { model: 'nvme', parameters });
    // 64 units are 16 pages: the next writes come in when 15 are programmed, and the buffer has 4 of its 8 units
    const latencies = together(machine, [writeOf(0, 64), writeOf(100), writeOf(101)]);
    assert.equal(
      latencies.map((ns) => Math.round(ns / 1e6)),
      [0, 15, 15],
    );
    // nine single units fill the buffer of eight; the ninth has the half-empty page programmed
    const single = together(
      machine,
      Array.from({ length: 9 }, (_, unit) => writeOf(200 + unit)),
    );
    assert.ok((single.at(-1) as number) >= 1e6, String(single));
    checkIdle(machine);
  });

  flash(`${build}: what holds nothing, and what is still in the buffer, is read without a die`, async () => {
    const parameters = { ...DIES_ONLY, channels: 4, diesPerChannel: 1, pageSize: '16KiB', filled: '50%' };
    const machine = await openFlash(build, { model: 'nvme', parameters });
    const us = (requests: readonly BlockRequestOptions[]): number[] =>
      oneByOne(machine, requests).map((ns) => Math.round(ns / 1000));
    assert.equal(
      us([readOf(0), readOf(UNITS / 2 - 1), readOf(UNITS / 2), readOf(UNITS - 1)]),
      [100, 100, 0, 0],
    );
    assert.equal(us([writeOf(0), readOf(0), readOf(1)]), [0, 0, 100]);
    assert.equal(us([{ operation: 'flush' }, readOf(0)]), [1000, 100]);
    assert.equal(
      us([{ operation: 'discard', sector: 0, sectorCount: 12 }, readOf(0), readOf(1)]),
      [0, 0, 100],
    );
    assert.equal(us([{ operation: 'writeZeroes', sector: 8, sectorCount: 8 }, readOf(1)]), [0, 0]);
    checkIdle(machine);
  });

  flash(`${build}: reads and writes share a half-duplex interface, and not a full-duplex one`, async () => {
    const seconds = async (fullDuplex: string): Promise<number> => {
      const parameters = {
        ...DIES_ONLY,
        readNs: 0,
        interfaceBandwidth: 100e6,
        fullDuplex,
        filled: 0,
        writeBuffer: '64MiB',
      };
      const machine = await openFlash(build, { model: 'ssd', parameters });
      return closedLoop(machine, 32, 800, (number) => (number % 2 === 0 ? readOf(number) : writeOf(number)))
        .seconds;
    };
    isNear(await seconds('no'), (800 * 4096) / 100e6, 0.01, 'half');
    isNear(await seconds('yes'), (400 * 4096) / 100e6, 0.05, 'full');
  });

  flash(
    `${build}: collection shows in the tail: reads wait for a move or an erase, or for all of it`,
    async () => {
      const tail = async (preemptiveCollection: string, overwritten: string): Promise<[number, number]> => {
        const parameters = {
          ...DIES_ONLY,
          channels: 4,
          diesPerChannel: 1,
          pageSize: '16KiB',
          blockPages: 64,
          overProvisioning: '10%',
          preemptiveCollection,
          overwritten,
          filled: overwritten === '0%' ? 0 : 100,
        };
        const machine = await openFlash(build, { model: 'nvme', parameters });
        const device = machine.blockDevice();
        const draw = draws(11);
        const waits: number[] = [];
        // 128 KiB/s of random writes and a thousand reads a second
        for (let step = 0; step < requests; step++) {
          if (step % 16 === 0) device.submit(writeOf(draw(UNITS)));
          const read = device.submit(readOf(draw(UNITS)));
          const at = machine.nowNs;
          while (!read.isDone) machine.step();
          waits.push(machine.nowNs - at);
          machine.advance(500_000);
        }
        device.reap();
        checkIdle(machine);
        return [percentile(waits, 0.5), percentile(waits, 0.999)];
      };
      const [freshMedian, freshTail] = await tail('yes', '0%');
      const [wornMedian, wornTail] = await tail('yes', '300%');
      const [wholeMedian, wholeTail] = await tail('no', '300%');
      assert.ok(freshMedian <= 100_100 && wornMedian <= 100_100 && wholeMedian <= 100_100);
      assert.ok(freshTail <= 1_100_100, `fresh ${freshTail}: a program, and tR`);
      assert.ok(wornTail > 3_000_000 && wornTail <= 10_100_100, `worn ${wornTail}: an erase, and tR`);
      assert.ok(wholeTail > 20_000_000, `whole ${wholeTail}: moves and an erase`);
    },
  );

  flash(`${build}: a stall of the drive holds all that it does`, async () => {
    const parameters = { ...DIES_ONLY, channels: 1, diesPerChannel: 1 };
    const episodes = [{ kind: 'stall', atNs: 50_000, lastsNs: 1_000_000 }] as const;
    const machine = await openFlash(build, { model: 'nvme', parameters, episodes });
    const [first, second] = oneByOne(machine, [readOf(0), readOf(0)]);
    isNear(first as number, 1_100_000, 0.001, 'in the stall');
    isNear(second as number, 100_000, 0.001, 'behind it');
  });

  flash(`${build}: the same with and without bytes, and each time`, async () => {
    const run = async (payload: 'full' | 'none'): Promise<unknown> => {
      const drive: DriveConfig = {
        model: 'ssd',
        size: '16MiB',
        parameters: { overwritten: '100%', writeBuffer: '256KiB' },
      };
      const machine = await openMachine(build, {
        drives: [drive],
        payload,
        cache: 65536,
        records: 1024,
        powerCuts: false,
      });
      const draw = draws(9);
      const file = machine.openFile('drive0', { direct: true });
      for (let step = 0; step < 300; step++) {
        const at = draw(4000) * 4096;
        const bytes = 512 * (1 + draw(64));
        if (draw(3) === 0) file.read(bytes, at);
        else file.write(new Uint8Array(bytes), at);
        if (draw(20) === 0) file.sync();
        if (draw(20) === 0) file.discard(at, bytes);
      }
      checkIdle(machine);
      return { hash: machine.recordHash, nowNs: machine.nowNs, flash: machine.counters.flash };
    };
    const full = await run('full');
    assert.equal(await run('none'), full);
    assert.equal(await run('full'), full);
  });

  flash(
    `${build}: a machine of a thousand such drives has flash for the first of them, and the others share it`,
    async () => {
      const drives = Array.from({ length: 1000 }, (): DriveConfig => ({ model: 'nvme', size: 2 ** 52 }));
      const machine = await openMachine(build, { drives, payload: 'none', cache: 65536 });
      const before = machine.core.memory.bytes.length;
      assert.ok(before < 2 ** 29, `${before} bytes`);
      for (let index = 0; index < 40; index++) {
        const device = machine.blockDevice(index * 25);
        const begin = machine.nowNs;
        device.read(2 ** 43 - 8, 8);
        isNear(machine.nowNs - begin, 66_666, 0.002, `drive ${index}`);
      }
      checkIdle(machine);
    },
  );
}

flash('both builds make the same decisions', async () => {
  const hashes = await Promise.all(
    BUILDS.map(async (build) => {
      const machine = await openFlash(
        build,
        { model: 'nvme', parameters: { overwritten: '100%' } },
        { records: 1024 },
      );
      const draw = draws(4);
      closedLoop(machine, 16, 1000, () => (draw(2) === 0 ? readOf(draw(UNITS)) : writeOf(draw(UNITS))));
      machine.run();
      return [machine.recordHash, machine.nowNs];
    }),
  );
  assert.equal(hashes[0], hashes[1]);
});

/** Opens a core on these u64, whatever they are, and sends it some requests. What became of it. */
async function tryRaw(
  build: Build,
  model: ModelName,
  values: readonly bigint[],
  draw: (below: number) => number,
): Promise<string> {
  const core = await Core.load(await coreModule(build), new MemoryHost(shimHost()));
  const bytes = configBytes(
    resolveConfig({ drives: [{ model, size: '4MiB' }], payload: 'none', cache: 65536, merge: false }),
  );
  const view = new DataView(bytes.buffer);
  const drive = bytes.length - CONFIG_DRIVE_SIZE;
  values.forEach((value, index) => {
    view.setBigUint64(drive + CONFIG_DRIVE_PARAMETERS + index * 8, value, true);
  });
  core.memory.bytes.set(bytes, core.exports.configAddress());
  const result = core.call((exports) => exports.machineOpen());
  if (result !== 0) return result === -22 ? 'refused' : result === -12 ? 'no memory' : String(result);
  for (let step = 0; step < 30; step++) {
    const count = 1 + draw(64);
    const operation = draw(5);
    core.call((exports) =>
      exports.blockSubmit(
        0,
        operation,
        operation === 4 ? 0 : draw(8192 - count),
        operation === 4 ? 0 : count,
        0,
        draw(2),
        0,
        0,
      ),
    );
  }
  core.call((exports) => exports.machineRun(100_000));
  return 'ran';
}

for (const build of BUILDS) {
  flash(`${build}: parameters of any value are refused, or run; nothing traps`, async () => {
    const draw = draws(build === 'release' ? 1 : 2);
    const tally: Record<string, number> = {};
    for (let round = 0; round < (build === 'release' ? 300 : 100); round++) {
      const model: ModelName = draw(2) === 0 ? 'ssd' : 'nvme';
      const values: bigint[] = DRIVE_MODELS[model].parameters.map(({ default: value }) => BigInt(value));
      for (const { index, minimum, maximum, isPowerOfTwo } of DRIVE_MODELS[model].parameters) {
        const kind = draw(12);
        const drawn = minimum + draw(maximum - minimum + 1);
        if (kind === 0) values[index] = BigInt(minimum);
        else if (kind === 1 && maximum < 2 ** 30) values[index] = BigInt(maximum);
        else if (kind === 2)
          values[index] = BigInt(isPowerOfTwo ? 2 ** Math.floor(Math.log2(drawn)) : Math.min(drawn, 2 ** 26));
        else if (kind === 3 && draw(8) === 0)
          values[index] = (BigInt(draw(2 ** 32)) << 32n) | BigInt(draw(2 ** 32));
      }
      const became = await tryRaw(build, model, values, draw);
      tally[became] = (tally[became] ?? 0) + 1;
    }
    assert.ok((tally.ran ?? 0) > 50 && (tally.refused ?? 0) > 5, JSON.stringify(tally));
    assert.equal(
      Object.keys(tally).filter((name) => !['ran', 'refused', 'no memory'].includes(name)),
      [],
    );
  });
}

flash.run();
