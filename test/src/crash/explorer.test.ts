// Samples, distinct images and states as plain data: what an explorer promises beyond which images there are.
// test-timeout: 60 seconds

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { CrashImage } from '../../../src/crash/image.ts';
import type { CrashExplorerOptions, CrashModel } from '../../../src/crash/options.ts';
import { openExplorer, sectorsOf } from '../../support/explorer.ts';
import { BUILDS, openMachine } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

/** n uncertain writes, each of one sector of its own. */
const writes = (n: number) =>
  logOf((it) => {
    for (let sector = 0; sector < n; sector++) it.write(sector);
  });

/** A longer log with overlaps, flushes and all kinds of writes. */
function mixedLog(it: WriteLogBuilder): void {
  for (let round = 0; round < 4; round++) {
    it.write(round, { sectors: 3 });
    it.write(round + 1, { sectors: 2, domain: 1 + (round % 2) });
    if (round === 1) it.discard(0, 4);
    if (round === 2) it.fua(2, { domain: 1 });
    it.mark(`round ${round}`);
    if (round % 2 === 1) it.flush();
  }
}

const MODELS: readonly CrashModel[] = [
  {},
  { tearing: 'none' },
  { tearing: 'unitEnds', damage: 'zeros' },
  { damage: 'garbage', scope: 'unit', unit: 1024 },
  { order: 'domainPrefix', tearing: 'unitPrefix', flushScope: 'domain' },
  { tearing: 'bytes', damage: 'garbage', unit: 1024 },
];

/** A run in one string: the hash of each state and what it lacks. */
async function trace(build: (typeof BUILDS)[number], options: CrashExplorerOptions): Promise<string> {
  const explorer = await openExplorer(build, options);
  const lines: string[] = [];
  for (const image of explorer.images())
    lines.push(`${image.hash} ${image.isNew} ${JSON.stringify(image.describe())}`);
  return [...lines, `${explorer.distinct} ${explorer.states}`].join('\n');
}

for (const build of BUILDS) {
  const explorers = suite(`crash explorer (${build})`);

  explorers(
    '38: 30 uncertain writes are sampled: 31 prefixes, 30 single drops and 435 pairs come before random ones',
    async () => {
      const explorer = await openExplorer(build, { log: writes(30), budget: 1200 });
      const { isExhaustive, visits, states } = explorer.count(30);
      assert.equal([isExhaustive, visits, states], [false, 1200, 2 ** 30]);
      assert.not(explorer.exhaustive);
      const kept: string[] = [];
      for (const image of explorer.images({ points: [30] })) {
        const dropped = new Set(image.dropped.map(({ index }) => index));
        kept.push(Array.from({ length: 30 }, (_, index) => (dropped.has(index) ? '-' : 'K')).join(''));
        assert.equal(image.torn, []);
      }
      const place = (wanted: (index: number) => boolean) => {
        const found = kept.indexOf(
          Array.from({ length: 30 }, (_, index) => (wanted(index) ? 'K' : '-')).join(''),
        );
        assert.ok(found >= 0);
        return found;
      };
      const places: number[] = [];
      for (let j = 0; j <= 30; j++) places.push(place((index) => index < j));
      for (let i = 0; i < 30; i++) places.push(place((index) => index !== i));
      for (let j = 0; j < 30; j++) {
        places.push(place((index) => index === j));
        for (let i = 0; i < j; i++) places.push(place((index) => index <= j && index !== i));
      }
      assert.equal([kept.indexOf('-'.repeat(30)), kept.indexOf('K'.repeat(30))], [0, 1]);
      const ordered = new Set(places).size;
      assert.is(Math.max(...places), ordered - 1, 'nothing else comes between');
      assert.is(ordered, 31 + 29 + 406 + 28);
      assert.ok(explorer.distinct > 1100, 'random ones fill the budget');
    },
  );

  explorers('one write is torn in 2, in 3, at 4,096 bytes, by first units and single gaps', async () => {
    const log = logOf((it) => {
      it.write(0, { sectors: 24, fill: 1 });
      it.write(32, { fill: 2 });
    });
    const explorer = await openExplorer(build, { log, bound: 8, budget: 400 });
    const seen = new Set<string>();
    for (const image of explorer.images({ points: [2] })) seen.add(sectorsOf(image, 33).replaceAll(' ', ''));
    const expect = (isThere: (sector: number) => boolean) => {
      const sectors = Array.from({ length: 24 }, (_, sector) => (isThere(sector) ? 1 : 0)).join('');
      for (const other of ['0', '2']) assert.ok(seen.has(`${sectors}00000000${other}`), sectors);
    };
    for (const half of [0, 1]) expect((sector) => Math.floor(sector / 12) === half);
    for (const third of [0, 1, 2]) {
      expect((sector) => Math.floor(sector / 8) === third);
      expect((sector) => Math.floor(sector / 8) !== third);
    }
    for (let cut = 1; cut < 24; cut++) expect((sector) => sector < cut);
    for (let gap = 0; gap < 24; gap++) expect((sector) => sector !== gap);
    expect((sector) => sector >= 16);
  });

  explorers('40: lists of missing writes with equal bytes are one image, and can be listed', async () => {
    const log = logOf((it) => {
      it.write(0, { fill: 1 });
      it.write(0, { fill: 2 });
      it.write(1, { fill: 0 });
    });
    const explorer = await openExplorer(build, { log, model: { tearing: 'none' } });
    const last: CrashImage[] = [...explorer.images({ points: [3] })];
    assert.equal([last.length, explorer.distinct], [4, 3], 'the third write changes nothing');
    assert.is(last.filter((image) => image.isNew).length, 3);
    const second = last.find((image) => sectorsOf(image, 1) === '2');
    const states = explorer.statesOf(second?.index ?? -1);
    const lists = states.map(({ losses }) => losses.map(({ write }) => write).join());
    assert.equal(lists.sort(), ['', '0']);
    for (const state of states) assert.is(explorer.state(state).hash, second?.hash);
    assert.is(explorer.facts(second?.index ?? -1).states, 2);
    assert.is(explorer.states, 4, 'an image built from its state is not counted again');
  });

  explorers('the same image from several crash points is listed with all of them', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.flush();
      it.write(1);
    });
    const explorer = await openExplorer(build, { log });
    for (const image of explorer.images()) image.isNew;
    assert.is(explorer.distinct, 3);
    assert.equal(
      explorer.statesOf(1).map(({ step }) => step),
      [1, 4, 5],
    );
  });

  explorers('a state as JSON rebuilds its image in an explorer with another seed', async () => {
    for (const model of MODELS) {
      const options = { log: logOf(mixedLog), model, bound: 64, budget: 90 };
      const explorer = await openExplorer(build, { ...options, seed: 7 });
      const found = [...explorer.images()].map(
        (image) => [JSON.stringify(image.describe()), image.hash] as const,
      );
      const other = await openExplorer(build, { ...options, seed: 8 });
      // out of order, so that each is built from another one
      const shuffled = found.map((_, index) => found[(index * 37) % found.length] as (typeof found)[number]);
      for (const [state, hash] of shuffled) assert.is(other.state(JSON.parse(state)).hash, hash, state);
      assert.equal([other.distinct, other.states], [0, 0]);
    }
  });

  explorers('a state that the model has not is refused', async () => {
    const explorer = await openExplorer(build, { log: logOf(mixedLog), model: { tearing: 'none' } });
    const refused = (step: number, loss: object) =>
      assert.throws(() => explorer.state({ step, losses: [loss as never] }), /losses/);
    const whole = { write: 0, kind: 'missing', offset: 0, length: 1536 };
    assert.is(sectorsOf(explorer.state({ step: 2, losses: [whole as never] }), 3), '0 0 0');
    refused(2, { ...whole, length: 512 });
    refused(2, { ...whole, kind: 'zeros' });
    refused(2, { ...whole, kind: 'gone' });
    refused(2, { ...whole, write: 1 });
    refused(2, { ...whole, write: 0xffffffff });
    refused(2, { ...whole, offset: -1 });
    assert.throws(() => explorer.state({ step: 999, losses: [] }), /step is 999/);
    assert.throws(() => explorer.state({ step: 1, losses: Array(1000).fill(whole) }), /losses/);
  });

  explorers(
    'images read the same later, whatever was built since, and in any order of crash points',
    async () => {
      const explorer = await openExplorer(build, { log: logOf(mixedLog), bound: 512, budget: 64 });
      const first = [...explorer.images()].map((image) => ({ image, bytes: image.hash }));
      const points = explorer.points().map(({ index }) => index);
      const backward = await openExplorer(build, { log: logOf(mixedLog), bound: 512, budget: 64 });
      const hashes = new Set([...backward.images({ points: points.reverse() })].map((image) => image.hash));
      assert.equal([...hashes].sort(), [...new Set(first.map(({ bytes }) => bytes))].sort());
      for (const { image, bytes } of first.filter((_, index) => index % 29 === 0)) {
        const [again] = [
          ...(
            await openExplorer(build, { log: logOf(() => {}), base: image.memory, baseHash: image.hash })
          ).images(),
        ];
        assert.is(again?.hash, bytes);
        assert.equal(image.read(0, 4096), again?.read(0, 4096));
      }
    },
  );

  explorers('hashes of explorers on crash images are those of one explorer that saw it all', async () => {
    const before = await openExplorer(build, { log: writes(2) });
    const both = [...before.images()].find((image) => sectorsOf(image, 2) === '1 2') as CrashImage;
    const next = logOf((it) => it.write(1, { fill: 0 }));
    const after = await openExplorer(build, { log: next, base: both.memory, baseHash: both.hash });
    const hashes = [...after.images()].map((image) => [sectorsOf(image, 2), image.hash]);
    const one = [...before.images()].find((image) => sectorsOf(image, 2) === '1 0') as CrashImage;
    assert.equal(hashes.slice(-1), [['1 0', one.hash]]);
  });

  explorers('entries may lie across the ends of what is read of a long log at once', async () => {
    for (const text of ['8 bytes.', 'thirty-two bytes, in the log 32.', 'x'.repeat(56)]) {
      const log = logOf((it) => {
        it.mark(text);
        for (let count = 0; count < 600; count++) it.discard(count, 1);
      });
      const explorer = await openExplorer(build, { log });
      assert.equal(
        explorer.writes.map(({ offset, completed }) => [offset, completed]),
        Array.from({ length: 600 }, (_, count) => [count * 512, 3 + 2 * count]),
      );
    }
  });

  explorers('the payload need not fit into memory', async () => {
    const options = { log: logOf(mixedLog), bound: 256, budget: 100 };
    const expected = await trace(build, options);
    for (const payload of [0, 512, 2048]) {
      assert.is(await trace(build, { ...options, limits: { payload } }), expected, `${payload} bytes`);
    }
  });

  explorers(
    'one image more than there is room for is an error; states beyond the list are only counted',
    async () => {
      const explorer = await openExplorer(build, { log: writes(3), limits: { images: 4, visits: 2 } });
      assert.throws(() => [...explorer.images()], /ENOSPC.*limits\.images/);
      assert.is(explorer.distinct, 4);
      const few = await openExplorer(build, { log: writes(3), limits: { visits: 2 } });
      assert.is([...few.images()].length, 15);
      assert.equal([few.distinct, few.statesOf(0).length, few.facts(0).states], [8, 2, 4]);
    },
  );

  explorers('an image opens a machine, and what the machine writes is not seen in the explorer', async () => {
    const explorer = await openExplorer(build, { log: writes(2), base: new SparseMemory(8192) });
    for (const image of explorer.images({ points: [2] })) {
      const machine = await openMachine(build, { drives: [{ memory: image.memory }] });
      const file = machine.openFile('drive0');
      assert.equal(file.read(1024, 0), image.read(0, 1024));
      file.write(new Uint8Array(1024).fill(77), 0);
      file.sync();
      assert.not.ok(image.read(0, 1024).includes(77));
    }
  });

  explorers('the log of a machine is explored as it is', async () => {
    const machine = await openMachine(build, { writeLog: true });
    const file = machine.openFile('drive0', { direct: true });
    file.write(new Uint8Array(512).fill(1), 0);
    file.sync();
    machine.writeLog.mark('synced');
    file.write(new Uint8Array(512).fill(2), 0);
    file.write(new Uint8Array(512).fill(3), 512);
    const explorer = await openExplorer(build, { log: machine.writeLog.snapshot() });
    const synced = explorer.pointOfMark('synced')?.index ?? -1;
    const from = (first: number) => {
      const points = explorer
        .points()
        .slice(first)
        .map(({ index }) => index);
      return new Set([...explorer.images({ points })].map((image) => sectorsOf(image, 2)));
    };
    assert.equal([...from(0)].sort(), ['0 0', '1 0', '1 3', '2 0', '2 3']);
    assert.equal([...from(synced)].sort(), ['1 0', '1 3', '2 0', '2 3']);
  });

  explorers(
    'a volume is mounted on each image of its drive: what was synced is there, and nothing in between',
    async () => {
      const config = { volume: true, cache: 65536, buffers: 65536 } as const;
      const size = 262144;
      const machine = await openMachine(build, { ...config, drives: [{ size }], writeLog: true });
      const write = (text: string) => {
        machine.fs.writeFile('/ledger.new', new TextEncoder().encode(text));
        const file = machine.fs.open('/ledger.new', 'r');
        file.fsync();
        file.close();
        machine.fs.rename('/ledger.new', '/ledger');
      };
      write('Ada owes 10');
      machine.fs.sync();
      machine.writeLog.mark('synced');
      write('Ada owes 99');
      machine.fs.sync();
      const log = machine.writeLog.snapshot();
      const explorer = await openExplorer(build, { log, size, bound: 64, budget: 40 });
      const first = explorer.pointOfMark('synced')?.index ?? -1;
      const points = explorer.points().flatMap(({ index }) => (index < first ? [] : [index]));
      const found = new Map<string, number>();
      for (const image of explorer.images({ points, newOnly: true })) {
        assert.is(image.memory.size, size);
        const after = await openMachine(build, { ...config, drives: [{ memory: image.memory }] });
        const text = new TextDecoder().decode(after.fs.readFile('/ledger'));
        found.set(text, (found.get(text) ?? 0) + 1);
      }
      assert.equal([...found.keys()].sort(), ['Ada owes 10', 'Ada owes 99']);
      assert.ok((found.get('Ada owes 10') ?? 0) > 5, JSON.stringify([...found]));
    },
  );

  explorers('a closed explorer says so', async () => {
    const explorer = await openExplorer(build, { log: writes(1) });
    explorer.close();
    assert.throws(() => [...explorer.images()], /closed/);
  });

  explorers.run();
}

const determinism = suite('crash explorer, both builds');

determinism(
  'the same log, model and seed give the same states, hashes and lists, twice and in both builds',
  async () => {
    let seeded = 0;
    for (const model of MODELS) {
      const options = { log: logOf(mixedLog), model, bound: 128, budget: 80, seed: 3 };
      const release = await trace('release', options);
      assert.is(await trace('release', options), release);
      assert.is(await trace('debug', options), release);
      if ((await trace('release', { ...options, seed: 4 })) !== release) seeded++;
    }
    assert.ok(seeded >= 3, 'garbage and samples are of the seed');
  },
);

determinism.run();
