// Cores that explore one log after the other: what the one before left is not seen.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNodeImages } from '../../../src/backing/node-files.ts';
import { CrashExplorer } from '../../../src/crash/explorer.ts';
import type { CrashExplorerOptions } from '../../../src/crash/options.ts';
import { openExplorer } from '../../support/explorer.ts';
import { BUILDS, type Build, coreModule } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

/** Everything that an explorer says of a log, in one string. */
function trace(explorer: CrashExplorer): string {
  const lines = [JSON.stringify(explorer.writes), JSON.stringify(explorer.points())];
  for (const image of explorer.images())
    lines.push(`${image.hash} ${image.isNew} ${image.index} ${JSON.stringify(image.describe())}`);
  for (let image = 0; image < explorer.distinct; image++)
    lines.push(`${JSON.stringify(explorer.facts(image))} ${JSON.stringify(explorer.statesOf(image))}`);
  return lines.join('\n');
}

/** An instance that nothing was explored with before. */
async function openFresh(build: Build, options: CrashExplorerOptions): Promise<CrashExplorer> {
  const module = await coreModule(build);
  let used: WebAssembly.Module | undefined;
  const platform = {
    // a module that is taken apart and put together again has no idle cores
    core: () => {
      used ??= structuredClone(module);
      return used;
    },
    openImages: openNodeImages,
  };
  return CrashExplorer.on(platform, options);
}

const LOGS: readonly ((it: WriteLogBuilder) => void)[] = [
  (it) => {
    for (let sector = 0; sector < 6; sector++) it.write(sector, { sectors: 2, chain: sector % 3 });
    it.mark('here');
  },
  () => {},
  (it) => {
    it.write(0, { fill: 0 });
    it.flush();
    it.discard(0, 3);
  },
  (it) => {
    for (let round = 0; round < 20; round++) it.write(round * 100, { sectors: 3 });
  },
];

const OPTIONS: readonly Omit<CrashExplorerOptions, 'log'>[] = [
  { bound: 64, budget: 100 },
  { bound: 256, budget: 50, model: { tearing: 'none', order: 'domainPrefix' } },
  { bound: 16, budget: 40, model: { damage: 'garbage', scope: 'unit', unit: 2048 } },
  { bound: 64, budget: 100, model: { tearing: 'bytes' }, limits: { images: 4096, visits: 5, payload: 1024 } },
];

for (const build of BUILDS) {
  const pool = suite(`cores of explorers (${build})`);

  pool('a core that explored other logs, models and limits says the same as a new one', async () => {
    const wanted = new Map<string, string>();
    for (const [log, make] of LOGS.entries()) {
      for (const [option, options] of OPTIONS.entries()) {
        const limits = { images: 2048, visits: 1024, payload: 4096, ...options.limits };
        const all = { ...options, limits, log: logOf(make) };
        const fresh = await openFresh(build, all);
        wanted.set(`${log} ${option}`, trace(fresh));
        for (const before of [...wanted.keys()]) {
          const [otherLog, otherOption] = before.split(' ').map(Number) as [number, number];
          const other = OPTIONS[otherOption] as (typeof OPTIONS)[number];
          const explorer = await openExplorer(build, {
            ...other,
            limits: { images: 2048, visits: 1024, payload: 4096, ...other.limits },
            log: logOf(LOGS[otherLog] as (typeof LOGS)[number]),
          });
          assert.is(trace(explorer), wanted.get(before), `log ${otherLog}, options ${otherOption}`);
          explorer.close();
        }
      }
    }
  });

  pool('one that refused a log, or had no memory for one, is good for the next', async () => {
    const good = logOf(LOGS[0] as (typeof LOGS)[number]);
    const fresh = trace(await openExplorer(build, { log: good }));
    const cut = await openExplorer(build, { log: good.slice(0, -8) }).catch((error: Error) => error);
    assert.match(String(cut), /cut off/);
    const first = await openExplorer(build, { log: good });
    assert.is(trace(first), fresh);
    first.close();
    const huge = logOf((it) => it.discard(0, 0xffffffff));
    assert.match(String(await openExplorer(build, { log: huge }).catch((error: Error) => error)), /ENOMEM/);
    assert.is(trace(await openExplorer(build, { log: good })), fresh);
  });

  pool('explorers that are open at once do not share a core', async () => {
    const one = await openExplorer(build, { log: logOf((it) => it.write(0, { fill: 1 })) });
    const other = await openExplorer(build, { log: logOf((it) => it.write(0, { fill: 2 })) });
    const bytes = (explorer: CrashExplorer) =>
      [...explorer.images({ points: [1] })].map((image) => image.read(0, 1)[0]);
    assert.equal(
      [bytes(one), bytes(other)],
      [
        [0, 1],
        [0, 2],
      ],
    );
    one.close();
    assert.equal(bytes(other), [0, 2]);
  });

  pool('a closed explorer tells how much there was, and nothing else', async () => {
    const explorer = await openExplorer(build, { log: logOf((it) => it.write(0)) });
    const images = [...explorer.images()];
    explorer.close();
    explorer.close();
    const next = await openExplorer(build, { log: logOf(LOGS[0] as (typeof LOGS)[number]) });
    assert.equal([explorer.entryCount, explorer.distinct, explorer.states], [2, 2, 3]);
    assert.throws(() => explorer.writes, /closed/);
    assert.throws(() => images[0]?.read(0, 512), /closed/);
    next.close();
  });

  pool.run();
}
