// Stalls and slow periods, to the nanosecond, against a model that does the work in small steps.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DriveConfig, EpisodeConfig } from '../../../src/core/options.ts';
import { ConfigError } from '../../../src/errors.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { arrive, openTimed, spans } from './timed-drive.ts';

const episodes = suite('episodes');

/** Ends of reads of 100 ns that arrive at `times`, on as many channels. */
async function endsOf(
  build: Build,
  list: readonly EpisodeConfig[],
  times: readonly number[],
  drive: DriveConfig = {},
): Promise<number[]> {
  const machine = await openTimed(build, {
    model: 'fixed',
    channels: 64,
    latencyNs: 100,
    episodes: list,
    ...drive,
  });
  const device = machine.blockDevice();
  arrive(
    machine,
    device,
    times.map((atNs, index) => ({ atNs, operation: 'read', sector: index * 64, sectorCount: 1 })),
  );
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  const ended = spans(machine).sort((left, right) => left.sector - right.sector);
  return ended.map(({ doneNs }) => doneNs);
}

function isActive({ atNs, lastsNs, everyNs }: EpisodeConfig, time: number): boolean {
  if (time < atNs) return false;
  return (everyNs === undefined ? time - atNs : (time - atNs) % everyNs) < lastsNs;
}

/** The same by small steps: whole nanoseconds, and factors that are whole numbers. */
function naiveEnd(list: readonly EpisodeConfig[], start: number, work: number): number {
  let time = start;
  let left = work;
  for (; ; time++) {
    const active = list.filter((episode) => isActive(episode, time));
    if (active.some(({ kind }) => kind === 'stall')) continue;
    if (left <= 1e-9) return time;
    left -= 1 / Math.max(1, ...active.map(({ factor }) => factor ?? 1));
  }
}

for (const build of BUILDS) {
  episodes(`${build}: in a stall nothing is served, and work under way goes on behind it`, async () => {
    const stall = { kind: 'stall', atNs: 1000, lastsNs: 500 } as const;
    const ends = await endsOf(build, [stall], [850, 900, 950, 1000, 1200, 1499, 1500]);
    // the second ends as the stall begins; the third has done half of its work by then
    assert.equal(ends, [950, 1000, 1550, 1600, 1600, 1600, 1600]);
  });

  episodes(`${build}: a slow period stretches the part of a service that lies in it`, async () => {
    const slow = { kind: 'slow', atNs: 1000, lastsNs: 300, factor: 4 } as const;
    const ends = await endsOf(build, [slow], [800, 950, 1000, 1200, 1300]);
    // 950: 50 ns of work, then 50 that take 200; 1000: 75 of its work take 300, then 25; 1200: 25 take 100, then 75
    assert.equal(ends, [900, 1200, 1325, 1375, 1400]);
  });

  episodes(`${build}: an instant drive stalls as well`, async () => {
    const stall = { kind: 'stall', atNs: 1000, lastsNs: 500, everyNs: 1000 } as const;
    const ends = await endsOf(build, [stall], [0, 999, 1000, 1600, 2250], {
      model: 'instant',
    });
    assert.equal(ends, [0, 999, 1500, 1600, 2500]);
  });

  episodes(`${build}: periodic episodes that overlap do as small steps of work do`, async () => {
    const list: EpisodeConfig[] = [
      { kind: 'slow', atNs: 40, lastsNs: 60, everyNs: 150, factor: 2 },
      { kind: 'slow', atNs: 0, lastsNs: 35, everyNs: 90, factor: 5 },
      { kind: 'stall', atNs: 70, lastsNs: 20, everyNs: 210 },
      { kind: 'stall', atNs: 500, lastsNs: 300 },
    ];
    const times = Array.from({ length: 60 }, (_, index) => index * 37);
    const ends = await endsOf(build, list, times);
    times.forEach((time, index) => {
      const expected = naiveEnd(list, time, 100);
      // each end of an episode inside the service may round up or down by less than a nanosecond
      const off = Math.abs((ends[index] as number) - expected);
      assert.ok(off <= 12, `arrival at ${time}: ends at ${ends[index]}, not ${expected}`);
    });
  });

  episodes(`${build}: the queue behind a stall is served in order when it ends`, async () => {
    const stall = { kind: 'stall', atNs: 0, lastsNs: 10_000 } as const;
    const ends = await endsOf(build, [stall], [0, 10, 20], { channels: 1 });
    assert.equal(ends, [10_100, 10_200, 10_300]);
  });

  episodes(
    `${build}: a service of a hundred days through a stall every two nanoseconds comes to an end`,
    async () => {
      const stall = { kind: 'stall', atNs: 0, lastsNs: 1, everyNs: 2 } as const;
      const ends = await endsOf(build, [stall], [0], { latencyNs: 8_640_000_000_000_000 });
      // 65,536 edges: half of them ends of stalls, each followed by a nanosecond of work
      assert.equal(ends, [8_640_000_000_032_768]);
    },
  );

  episodes(`${build}: the core refuses an episode out of range, and one too many`, async () => {
    const machine = await openMachine(build, {
      drives: [{ episodes: [{ kind: 'stall', atNs: 1, lastsNs: 1 }] }],
    });
    const { core, buffers } = machine;
    const at = buffers.allocate(64);
    const add = (...numbers: number[]) => {
      numbers.forEach((number, index) => {
        core.memory.setU64(at + index * 8, number);
      });
      return core.exports.driveEpisode(0, at);
    };
    const EINVAL = -22;
    assert.is(add(2 ** 54, 1, 0, 0), EINVAL);
    assert.is(add(0, 0, 0, 0), EINVAL);
    assert.is(add(0, 10, 10, 0), EINVAL);
    assert.is(add(0, 10, 0, 999), EINVAL);
    assert.is(add(0, 10, 0, 1_000_000_001), EINVAL);
    assert.is(add(0, 10, 0, 0), -28, 'ENOSPC: room is made at open');
  });
}

episodes('an option out of its range is named', async () => {
  const cases: [unknown, string][] = [
    [{ kind: 'pause', atNs: 0, lastsNs: 1 }, 'kind'],
    [{ kind: 'stall', atNs: -1, lastsNs: 1 }, 'atNs'],
    [{ kind: 'stall', atNs: 0, lastsNs: 0 }, 'lastsNs'],
    [{ kind: 'stall', atNs: 0, lastsNs: 5, everyNs: 5 }, 'everyNs'],
    [{ kind: 'stall', atNs: 0, lastsNs: 5, factor: 2 }, 'factor'],
    [{ kind: 'slow', atNs: 0, lastsNs: 5 }, 'factor'],
    [{ kind: 'slow', atNs: 0, lastsNs: 5, factor: 0.5 }, 'factor'],
  ];
  for (const [episode, name] of cases) {
    try {
      await openMachine('release', { drives: [{ episodes: [episode as EpisodeConfig] }] });
      assert.unreachable(name);
    } catch (error) {
      assert.instance(error, ConfigError, name);
      assert.ok((error as Error).message.includes(`drives[0].episodes[0].${name}`), (error as Error).message);
    }
  }
});

episodes.run();
