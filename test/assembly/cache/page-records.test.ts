// What records tell of a page: when it enters, when its read ends, which of its blocks are there and dirty, when it is active no more.
//
// Whoever keeps a picture of the cache has these alone: a page of four blocks of 1,024 bytes, block 0 in the lowest bit.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_BLOCKS_DIRTY_SHIFT } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import type { RecordKind } from '../../../src/records.ts';
import { BUILDS, type Build, EXACT, openMachine } from '../../support/machine.ts';

const PAGE = 4096;
const BLOCK = 1024;
const ALL = 0b1111;

const records = suite('cache/page-records');

interface Bench {
  readonly machine: Machine;
  readonly file: OpenFile;
}

async function open(build: Build, config: MachineConfig = {}, name = 'drive0'): Promise<Bench> {
  const machine = await openMachine(build, { ...EXACT, blockSize: BLOCK, records: 65536, ...config });
  return { machine, file: machine.openFile(name) };
}

const blocks = (uptodate: number, dirty: number): number => uptodate | (dirty << PAGE_BLOCKS_DIRTY_SHIFT);
const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(1);

/** The new records of these kinds, as [kind, page, blocks, detail]. */
function told({ machine }: Bench, ...kinds: RecordKind[]): [RecordKind, number, number, number][] {
  return machine.records
    .take()
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, address, id, detail }) => [kind, address, id, detail]);
}

for (const build of BUILDS) {
  records(
    `${build}: a page enters empty, and the end of its read says that all its blocks are there`,
    async () => {
      const { machine, file } = await open(build);
      machine.records.take();
      file.read(PAGE, 3 * PAGE);
      const seen = machine.records.take();
      const of = (kind: RecordKind) => seen.findIndex((record) => record.kind === kind);
      assert.ok(of('entered') >= 0 && of('entered') < of('readIn') && of('readIn') < of('pageRead'));
      const [entered, readIn, pageRead] = [seen[of('entered')], seen[of('readIn')], seen[of('pageRead')]];
      assert.equal([entered?.address, entered?.count, entered?.id], [3, 1, 0]);
      assert.equal([pageRead?.address, pageRead?.count, pageRead?.id], [3, 1, blocks(ALL, 0)]);
      assert.is(pageRead?.detail, readIn?.id, 'it names the bio that brought it');
      file.read(PAGE, 3 * PAGE);
      assert.not.ok(machine.records.take().some(({ kind }) => kind === 'entered' || kind === 'pageRead'));
    },
  );

  records(
    `${build}: a page that becomes dirty says which blocks, and each further block is told`,
    async () => {
      const bench = await open(build);
      bench.machine.records.take();
      bench.file.write(bytes(BLOCK), BLOCK);
      bench.file.write(bytes(BLOCK), 3 * BLOCK);
      bench.file.write(bytes(BLOCK), 3 * BLOCK);
      assert.equal(told(bench, 'entered', 'dirtied', 'blocks'), [
        ['entered', 0, 0, 0],
        ['dirtied', 0, blocks(0b0010, 0b0010), 1],
        ['blocks', 0, blocks(0b1010, 0b1010), 0],
      ]);
    },
  );

  records(
    `${build}: blocks that change while the page is on its way to the drive say that it is`,
    async () => {
      const bench = await open(build);
      const { machine, file } = bench;
      file.write(bytes(BLOCK), BLOCK);
      machine.holdCompletions(true);
      const context = machine.createAioContext(4);
      context.submit([{ op: 'fsync', file }]);
      machine.records.take();
      file.write(bytes(BLOCK), 2 * BLOCK);
      file.write(bytes(BLOCK), 3 * BLOCK);
      assert.equal(told(bench, 'dirtied', 'blocks'), [
        ['dirtied', 0, blocks(0b0110, 0b0100), 1],
        ['blocks', 0, blocks(0b1110, 0b1100), 1],
      ]);
      machine.holdCompletions(false);
      context.getEvents({ min: 1 });
      context.destroy();
    },
  );

  records(`${build}: a discard says which blocks of a cached page are still dirty`, async () => {
    const bench = await open(build);
    bench.file.write(bytes(PAGE), PAGE);
    bench.machine.records.take();
    bench.file.discard(PAGE + BLOCK, 2 * BLOCK);
    assert.equal(told(bench, 'pagesDiscarded'), [['pagesDiscarded', 1, blocks(ALL, 0b1001), 0b1001]]);
  });

  records(`${build}: a file cut inside a page says what is left of the page`, async () => {
    const files = [{ name: 'cut', capacity: 4 * PAGE }];
    const bench = await open(build, { files }, 'cut');
    bench.file.write(bytes(PAGE), 0);
    bench.machine.records.take();
    bench.file.truncate(BLOCK + 1);
    assert.equal(told(bench, 'blocks').at(-1), ['blocks', 0, blocks(0b0011, 0b0011), 0]);
  });

  records(
    `${build}: pages activated and not deactivated are as many as the active list has, after every read`,
    async () => {
      const { machine, file } = await open(build, { eviction: 'linux', cache: 8 * PAGE });
      const active = new Set<number>();
      let deactivatedCount = 0;
      const all = [0, 1, 2, 3, 4, 5, 6, 7];
      for (const page of [...all, ...all, ...all, 10, 11, 12, 13, 0, 1, 14, 15, 16]) {
        file.read(PAGE, page * PAGE);
        for (const { kind, address } of machine.records.take()) {
          if (kind === 'activated') active.add(address);
          if (kind !== 'deactivated') continue;
          assert.ok(active.delete(address), `page ${address} was not active`);
          deactivatedCount++;
        }
        assert.is(active.size, machine.counters.reclaim.nrActiveFile);
      }
      assert.ok(deactivatedCount > 0);
    },
  );
}

records.run();
