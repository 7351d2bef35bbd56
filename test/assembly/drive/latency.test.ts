// Distributions of latencies: their moments against theory, and draws that depend on identity only.
//
// Each drive has as many channels as requests are in flight, so what passes between start and end of a request is its latency.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DriveConfig, LatencyConfig, MachineConfig } from '../../../src/core/options.ts';
import { ConfigError } from '../../../src/errors.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { arrive, mean, openTimed, type Span, spans } from './timed-drive.ts';

const latencies = suite('latency');

const NOMINAL = 100_000;
const BATCH = 1000;
const READS = 6000;

/** Reads each of the sectors once, many at a time; what they took, in the order of `sectors`. */
async function readAll(
  build: Build,
  latency: LatencyConfig,
  sectors: readonly number[],
  drive: DriveConfig = {},
  config: MachineConfig = {},
): Promise<number[]> {
  const machine = await openTimed(
    build,
    { model: 'fixed', channels: 1024, latencyNs: NOMINAL, latency, ...drive },
    config,
  );
  const device = machine.blockDevice();
  const ended: Span[] = [];
  for (let from = 0; from < sectors.length; from += BATCH) {
    for (const sector of sectors.slice(from, from + BATCH)) {
      device.submit({ operation: 'read', sector, sectorCount: 8 });
    }
    machine.run();
    device.reap();
    ended.push(...spans(machine));
  }
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  const bySector = new Map(ended.map(({ sector, issuedNs, doneNs }) => [sector, doneNs - issuedNs]));
  return sectors.map((sector) => bySector.get(sector) as number);
}

const SECTORS = Array.from({ length: READS }, (_, index) => index * 64);

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(share * sorted.length)] as number;
}

/** Relative error. */
function assertNear(value: number, expected: number, error: number, what: string): void {
  const off = Math.abs(value / expected - 1);
  assert.ok(off <= error, `${what}: ${value} is ${(off * 100).toFixed(2)} % off ${expected}`);
}

for (const build of BUILDS) {
  latencies(`${build}: constant takes the nominal time, each time`, async () => {
    const times = await readAll(build, 'constant', SECTORS.slice(0, 100));
    assert.equal([...new Set(times)], [NOMINAL]);
  });

  latencies(
    `${build}: exponential has the nominal time as mean and as deviation, and ln 2 of it as median`,
    async () => {
      const times = await readAll(build, 'exponential', SECTORS);
      // 6,000 draws: one standard error of the mean is 1.3 %, of the others 2 to 3 %
      assertNear(mean(times), NOMINAL, 0.04, 'mean');
      const deviation = Math.sqrt(mean(times.map((time) => (time - NOMINAL) ** 2)));
      assertNear(deviation, NOMINAL, 0.08, 'deviation');
      assertNear(percentile(times, 0.5), NOMINAL * Math.LN2, 0.06, 'median');
      assertNear(percentile(times, 0.9), NOMINAL * Math.log(10), 0.06, 'p90');
      assertNear(percentile(times, 0.99), NOMINAL * Math.log(100), 0.1, 'p99');
    },
  );

  latencies(
    `${build}: lognormal has the nominal time as median, and exp(sigma squared / 2) of it as mean`,
    async () => {
      const sigma = 0.5;
      const times = await readAll(build, { lognormal: sigma }, SECTORS);
      assertNear(percentile(times, 0.5), NOMINAL, 0.03, 'median');
      assertNear(mean(times), NOMINAL * Math.exp(sigma ** 2 / 2), 0.03, 'mean');
      const logs = times.map((time) => Math.log(time / NOMINAL));
      assertNear(Math.sqrt(mean(logs.map((value) => value ** 2))), sigma, 0.03, 'sigma');
      // a normal variate is as often below -1 and above 1 as it must be
      const share = (isWithin: (value: number) => boolean) =>
        logs.filter((value) => isWithin(value / sigma)).length / logs.length;
      assertNear(
        share((value) => value > 1),
        0.1587,
        0.09,
        'above 1 sigma',
      );
      assertNear(
        share((value) => value < -1),
        0.1587,
        0.09,
        'below -1 sigma',
      );
      assertNear(
        share((value) => Math.abs(value) > 2),
        0.0455,
        0.2,
        'beyond 2 sigma',
      );
    },
  );

  latencies(`${build}: a histogram gives its nanoseconds as often as their weights say`, async () => {
    const points = [
      [50_000, 5],
      [200_000, 3],
      [4_000_000, 2],
    ] as const;
    const times = await readAll(build, { histogram: points }, SECTORS);
    for (const [value, weight] of points) {
      const share = times.filter((time) => time === value).length / READS;
      assertNear(share, weight / 10, 0.07, `${value} ns`);
    }
    assert.is(new Set(times).size, 3);
  });

  latencies(`${build}: what takes longer than time lasts ends with it, in order`, async () => {
    const machine = await openTimed(build, {
      model: 'fixed',
      latencyNs: 2 ** 53 - 1,
      latency: { factors: [[1e6, 1]] },
    });
    const device = machine.blockDevice();
    arrive(machine, device, [
      { atNs: 10, operation: 'read', sector: 0, sectorCount: 1 },
      { atNs: 20, operation: 'read', sector: 8, sectorCount: 1 },
    ]);
    assert.equal(
      spans(machine).map(({ sector, doneNs }) => [sector, doneNs]),
      [
        [0, 2 ** 63],
        [8, 2 ** 63],
      ],
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  latencies(`${build}: factors multiply the nominal time`, async () => {
    const latency = {
      factors: [
        [1, 4_294_967_294],
        [2.5, 1],
        [1000, 1],
      ],
    } as const;
    const times = await readAll(build, latency, SECTORS.slice(0, 500));
    assert.equal([...new Set(times)], [NOMINAL]);
    const even = await readAll(
      build,
      { factors: [[0.5, 1] as const, [2.5, 1] as const] },
      SECTORS.slice(0, 500),
    );
    assert.equal([...new Set(even)].sort(), [NOMINAL / 2, NOMINAL * 2.5].sort());
  });

  latencies(`${build}: taking requests out of a run leaves the times of all others`, async () => {
    const some = SECTORS.slice(0, 300);
    const all = await readAll(build, 'exponential', some);
    const odd = await readAll(
      build,
      'exponential',
      some.filter((_, index) => index % 2 === 1),
    );
    assert.equal(
      odd,
      all.filter((_, index) => index % 2 === 1),
    );
    assert.equal(await readAll(build, 'exponential', [...some].reverse()), [...all].reverse());
    const otherSeed = await readAll(build, 'exponential', some, {}, { seed: 2 });
    assert.is(otherSeed.filter((time, index) => time === all[index]).length, 0);
  });

  latencies(
    `${build}: the same sector asked for again has a new time, and each operation its own`,
    async () => {
      const machine = await openTimed(build, { model: 'fixed', latencyNs: NOMINAL, latency: 'exponential' });
      const device = machine.blockDevice();
      for (const operation of ['read', 'read', 'write', 'writeZeroes'] as const) {
        device.submit({ operation, sector: 8, sectorCount: 8 });
        machine.run();
      }
      const times = spans(machine).map(({ issuedNs, doneNs }) => doneNs - issuedNs);
      assert.is(new Set(times).size, 4, `${times}`);
      device.reap();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  latencies(`${build}: a transfer beside the latency takes bytes / bandwidth, on the channel`, async () => {
    const machine = await openTimed(build, {
      model: 'fixed',
      channels: 1,
      latencyNs: 1000,
      parameters: { bandwidth: 1_000_000_000 },
    });
    const device = machine.blockDevice();
    for (const sectorCount of [1, 8]) device.submit({ operation: 'read', sector: 0, sectorCount });
    device.submit({ operation: 'discard', sector: 0, sectorCount: 4096 });
    device.submit({ operation: 'flush' });
    machine.run();
    assert.equal(
      spans(machine).map(({ doneNs }) => doneNs),
      [1512, 1512 + 1000 + 4096, 7608, 8608],
    );
    device.reap();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  latencies(
    `${build}: points from outside client memory, without weight, or a second time are refused`,
    async () => {
      const machine = await openMachine(build, {
        drives: [{ latencyNs: 5, latency: { histogram: [[7, 1]] } }, { latencyNs: 5 }],
      });
      const { core, buffers } = machine;
      const points = buffers.allocate(64);
      const set = (drive: number, address: number, count: number) =>
        core.exports.driveLatencyPoints(drive, address, count);
      assert.is(set(0, points, 1), -16, 'EBUSY');
      assert.is(set(1, points, 1), -22, 'EINVAL: a constant latency has no points');
      assert.is(set(2, points, 1), -19, 'ENODEV');
      assert.is(set(0, 16, 1), -14, 'EFAULT');
      assert.is(set(0, points, -1), -14, 'EFAULT');
      assert.is(set(0, points, 0x7fffffff), -14, 'EFAULT');
      assert.is(core.exports.driveEpisode(0, 16), -14, 'EFAULT');
      assert.is(core.exports.driveEpisode(9, points), -19, 'ENODEV');
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );
}

latencies('both builds draw the same times, bit for bit', async () => {
  for (const latency of ['exponential', { lognormal: 1.5 }] as const) {
    const [release, debug] = await Promise.all(
      BUILDS.map((build) => readAll(build, latency, SECTORS.slice(0, 1000))),
    );
    assert.equal(release, debug);
  }
});

latencies('an option out of its range is named', async () => {
  const cases: [DriveConfig, string][] = [
    [{ model: 'fixed', latency: { lognormal: 11 } }, 'drives[0].latency.lognormal'],
    [{ model: 'fixed', latency: 'uniform' as 'constant' }, 'drives[0].latency'],
    [{ model: 'fixed', latency: { histogram: [] } }, 'drives[0].latency.histogram'],
    [{ model: 'fixed', latency: { histogram: [[-1, 1]] } }, 'drives[0].latency.histogram[0][0]'],
    [{ model: 'fixed', latency: { histogram: [[1, 0]] } }, 'drives[0].latency.histogram[0][1]'],
    [{ model: 'instant', latency: { histogram: [[1, 1]] } }, 'drives[0].latency.histogram'],
    [
      {
        model: 'fixed',
        latency: {
          factors: [
            [1, 4_294_967_296],
            [1, 1],
          ],
        },
      },
      'drives[0].latency.factors[1][1]',
    ],
  ];
  for (const [drive, field] of cases) {
    try {
      await openMachine('release', { drives: [drive] });
      assert.unreachable(field);
    } catch (error) {
      assert.instance(error, ConfigError, field);
      assert.ok((error as Error).message.includes(field), (error as Error).message);
    }
  }
});

latencies.run();
