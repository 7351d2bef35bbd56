// The log of xv6 (kernel/log.c), with all its flushes and with some left out: how many crash states are bad is known exactly.
//
// Sectors: two of log, a header, three homes. A transaction on two homes writes the log; flush; header; flush; the homes; flush;
// an empty header; flush. Recovery copies the log home when the header names homes. A state is good when recovery finds what was
// there before or after a transaction, for both homes of it together.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { CrashImage } from '../../../src/crash/image.ts';
import { openExplorer } from '../../support/explorer.ts';
import { BUILDS } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

const HEADER = 2;
const HOMES = [3, 4, 5];
const JUNK = 99;

type Flushes = { log?: boolean; head?: boolean; home?: boolean; clear?: boolean };
type Row = readonly [flushes: Flushes, one: readonly number[], two: readonly number[]];

/** Bad states, states, distinct images: for one transaction and for two. */
const TABLE: readonly Row[] = [
  [{}, [69, 127, 32], [6513, 8191, 324]],
  [{ log: true }, [9, 38, 11], [70, 165, 42]],
  [{ log: true, head: true }, [2, 25, 11], [32, 91, 42]],
  [{ log: true, head: true, home: true }, [0, 20, 9], [4, 45, 20]],
  [{ log: true, head: true, home: true, clear: true }, [0, 21, 9], [0, 41, 17]],
];

/** The header names its homes by their number, counted from 1; 0 ends the list. */
function header(homes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(512);
  bytes.set(homes.map((home) => home + 1));
  return bytes;
}

function transact(
  log: WriteLogBuilder,
  homes: readonly [number, number],
  values: readonly [number, number],
  flushes: Flushes,
) {
  const step = (isFlushed: boolean | undefined) => {
    if (isFlushed) log.flush();
  };
  log.write(0, { fill: values[0] });
  log.write(1, { fill: values[1] });
  step(flushes.log);
  log.write(HEADER, { fill: header(homes) });
  step(flushes.head);
  log.write(HOMES[homes[0]] ?? 0, { fill: values[0] });
  log.write(HOMES[homes[1]] ?? 0, { fill: values[1] });
  step(flushes.home);
  log.write(HEADER, { fill: header([]) });
  step(flushes.clear);
}

/** The homes as recovery leaves them. */
function recovered(image: CrashImage): string {
  const sectors = Array.from({ length: 6 }, (_, sector) => image.read(sector * 512, 512));
  const homes = HOMES.map((sector) => sectors[sector]?.[0]);
  for (let place = 0; place < 2; place++) {
    const home = sectors[HEADER]?.[place] ?? 0;
    if (home !== 0) homes[home - 1] = sectors[place]?.[0];
  }
  return homes.join(' ');
}

for (const build of BUILDS) {
  const xv6 = suite(`the log of xv6 (${build})`);

  for (const [flushes, ...expected] of TABLE) {
    expected.forEach((figures, place) => {
      const transactions = place + 1;
      const names = Object.keys(flushes).join(', ') || 'no';
      xv6(`${names} flushes, ${transactions} transactions: ${figures.join(', ')}`, async () => {
        const log = logOf((it) => {
          transact(it, [0, 1], [11, 12], flushes);
          if (transactions === 2) transact(it, [1, 2], [22, 23], flushes);
        });
        const base = junkDisk();
        const explorer = await openExplorer(build, { log, base, model: { tearing: 'none' } });
        const good = ['0 0 0', '11 12 0', '11 22 23'].slice(0, transactions + 1);
        let bad = 0;
        for (const image of explorer.images()) if (!good.includes(recovered(image))) bad++;
        assert.equal([bad, explorer.states, explorer.distinct], figures);
        assert.ok(explorer.exhaustive);
      });
    });
  }

  xv6.run();
}

function junkDisk(): SparseMemory {
  const memory = new SparseMemory(6 * 512);
  memory.write(new Uint8Array(2 * 512).fill(JUNK), 0);
  return memory;
}
