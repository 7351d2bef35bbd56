// test-timeout: 60 seconds
// Drives as servers with queues: mean response times against the formulas of queueing theory.
//
// Requests arrive as a Poisson process in virtual time at a `fixed` drive. M/M/1: exponential latency, mean response 1 / (mu - lambda).
// M/D/1: Pollaczek and Khinchine, 1/mu + rho / (2 mu (1 - rho)). M/D/c: the number in the system at times that are one service apart is a
// Markov chain (Crommelin, P.O.E.E. Journal 25, 1932), whose stationary mean and Little's law give the response. The errors are those of
// 20,000 arrivals, whose waits depend on each other: about 2 % at rho 0.6, 6 % at 0.8.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DriveConfig } from '../../../src/core/options.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { type Arrival, arrive, mean, openTimed, spans } from './timed-drive.ts';

const queueing = suite('queueing');

const SERVICE_NS = 1_000_000;
const ARRIVALS = 20_000;

/** Arrivals `lambda` a nanosecond on the average, each at a sector of its own. */
function* poisson(count: number, lambda: number): Generator<Arrival> {
  let state = 12_345;
  let atNs = 0;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = (state + 1) / 2 ** 32;
    atNs += Math.round(-Math.log(unit) / lambda);
    yield { atNs, operation: 'read', sector: index * 64, sectorCount: 8 };
  }
}

/** Response times, in nanoseconds, at a load of `rho` for each channel. */
async function responses(
  build: Build,
  drive: DriveConfig,
  channels: number,
  rho: number,
  count = ARRIVALS,
): Promise<number[]> {
  const machine = await openTimed(build, {
    model: 'fixed',
    latencyNs: SERVICE_NS,
    channels,
    queueDepth: 65536,
    ...drive,
  });
  arrive(machine, machine.blockDevice(), poisson(count, (rho * channels) / SERVICE_NS));
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  const ended = spans(machine);
  assert.is(ended.length, count);
  return ended.map(({ queuedNs, doneNs }) => doneNs - queuedNs);
}

/** Mean response of M/D/c in services: the chain N' = max(N - c, 0) + Poisson(rho c), iterated until it stands still. */
function crommelin(servers: number, rho: number): number {
  const load = rho * servers;
  const states = 400;
  const arrivals = [Math.exp(-load)];
  for (let count = 1; count < states; count++) {
    arrivals.push(((arrivals[count - 1] as number) * load) / count);
  }
  let chance = [1, ...new Array<number>(states - 1).fill(0)];
  for (let change = 1; change > 1e-10; ) {
    const next = new Array<number>(states).fill(0);
    chance.forEach((share, number) => {
      if (share < 1e-15) return;
      const left = Math.max(0, number - servers);
      for (let more = 0; left + more < states && more < 60; more++) {
        next[left + more] = (next[left + more] as number) + share * (arrivals[more] as number);
      }
    });
    change = next.reduce((sum, share, number) => sum + Math.abs(share - (chance[number] as number)), 0);
    chance = next;
  }
  return chance.reduce((sum, share, number) => sum + share * number, 0) / load;
}

function assertNear(value: number, expected: number, error: number, what: string): void {
  const off = Math.abs(value / expected - 1);
  assert.ok(off <= error, `${what}: ${value} is ${(off * 100).toFixed(2)} % off ${expected}`);
}

queueing('M/M/1: mean response 1 / (mu - lambda)', async () => {
  for (const [rho, error] of [
    [0.3, 0.02],
    [0.6, 0.03],
    [0.8, 0.07],
  ] as const) {
    const times = await responses('release', { latency: 'exponential' }, 1, rho);
    assertNear(mean(times), SERVICE_NS / (1 - rho), error, `rho ${rho}`);
    // the response is exponential, too: 1 - exp(-1) of them are below the mean
    const below = times.filter((time) => time < mean(times)).length / times.length;
    assertNear(below, 1 - Math.exp(-1), 0.05, `below the mean at rho ${rho}`);
  }
});

queueing('M/D/1: Pollaczek and Khinchine', async () => {
  for (const [rho, error] of [
    [0.3, 0.01],
    [0.6, 0.03],
    [0.8, 0.06],
  ] as const) {
    const times = await responses('release', {}, 1, rho);
    assertNear(mean(times), SERVICE_NS * (1 + rho / (2 * (1 - rho))), error, `rho ${rho}`);
    assert.is(Math.min(...times), SERVICE_NS);
  }
});

queueing("M/D/c: Crommelin's chain for 2, 4 and 8 channels", async () => {
  assertNear(crommelin(1, 0.6), 1 + 0.6 / 0.8, 1e-6, 'the chain itself, one server');
  for (const servers of [2, 4, 8]) {
    for (const [rho, error] of [
      [0.6, 0.02],
      [0.8, 0.06],
    ] as const) {
      const times = await responses('release', {}, servers, rho);
      assertNear(mean(times), SERVICE_NS * crommelin(servers, rho), error, `${servers} channels, rho ${rho}`);
    }
  }
});

queueing('a lognormal latency: Pollaczek and Khinchine with its variance', async () => {
  const sigma = 0.6;
  const rho = 0.5;
  // the nominal time is the median: the mean is exp(sigma² / 2) times as long, the squared variation exp(sigma²) - 1
  const factor = Math.exp(sigma ** 2 / 2);
  const latencyNs = Math.round(SERVICE_NS / factor);
  const times = await responses('release', { latencyNs, latency: { lognormal: sigma } }, 1, rho);
  const expected = 1 + (rho * Math.exp(sigma ** 2)) / (2 * (1 - rho));
  assertNear(mean(times), SERVICE_NS * expected, 0.04, 'mean');
});

queueing('both builds have the same response times', async () => {
  const [release, debug] = await Promise.all(
    BUILDS.map((build) => responses(build, { latency: 'exponential' }, 2, 0.8, 2000)),
  );
  assert.equal(release, debug);
});

queueing.run();
