// Chains of writes in the log: only the first links are there, a link as a whole; writes that do not tear; and what changes nothing makes no states.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_FLAG_TOGETHER, LOG_FLAG_UNTORN, OP_DISCARD, OP_WRITE } from '../../../assembly/layout.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { CrashExplorer } from '../../../src/crash/explorer.ts';
import type { CrashModel } from '../../../src/crash/options.ts';
import { imagesOf, openExplorer, sectorsOf } from '../../support/explorer.ts';
import { BUILDS } from '../../support/machine.ts';
import { logOf, type WriteLogBuilder } from '../../support/write-log-builder.ts';

const UNTORN = LOG_FLAG_UNTORN;
const TOGETHER = LOG_FLAG_TOGETHER;

const lastOf = (explorer: CrashExplorer) => explorer.points().length - 1;

/** Data of a file and then the record that leads to it: `count` times in one chain, from sector 0 on. */
const appends = (count: number, chain: number) => (it: WriteLogBuilder) => {
  for (let index = 0; index < count; index++) {
    it.write(index * 2, { chain, flags: TOGETHER });
    it.write(index * 2 + 1, { chain, flags: UNTORN });
  }
};

/** Which of the uncertain writes are there, as a string: K, - or t. */
function patternsOf(explorer: CrashExplorer, point: number): string[] {
  return [...explorer.images({ points: [point] })].map((image) => {
    const dropped = new Set(image.dropped);
    const torn = new Set(image.torn.map(({ write }) => write));
    return explorer.writes.map((write) => (dropped.has(write) ? '-' : torn.has(write) ? 't' : 'K')).join('');
  });
}

const TEARINGS = ['none', 'units', 'unitPrefix', 'unitSuffix', 'unitEnds', 'bytes'] as const;

for (const build of BUILDS) {
  const chains = suite(`chains of writes (${build})`);
  const openLog = (make: (it: WriteLogBuilder) => void, model: CrashModel = {}) =>
    openExplorer(build, { log: logOf(make), model });

  chains('of a chain only the first writes are there, of two chains any first ones', async () => {
    const explorer = await openLog((it) => {
      it.write(0, { chain: 1 });
      it.write(1, { chain: 2 });
      it.write(2, { chain: 1 });
      it.write(3);
    });
    assert.is(explorer.count(4).states, 3 * 2 * 2);
    const images = imagesOf(explorer, 4, [4]);
    assert.is(images.length, 12);
    assert.ok(images.every((image) => !/^0 . 3/.test(image)));
  });

  chains(
    'data that is together with its record is there with it or not at all, however it tears',
    async () => {
      for (const tearing of TEARINGS) {
        const explorer = await openLog(
          (it) => {
            it.write(0, { chain: 5, flags: TOGETHER, sectors: 3 });
            it.write(8, { chain: 5, flags: TOGETHER, sectors: 2 });
            it.write(16, { chain: 5 });
          },
          { tearing, damage: 'zeros' },
        );
        assert.equal(patternsOf(explorer, 3).sort(), ['---', 'KKK'], tearing);
        assert.is(explorer.count(3).states, 2);
      }
    },
  );

  chains('before its record is in the log, data is there or not, and nothing else hangs on it', async () => {
    const explorer = await openLog((it) => {
      it.write(0, { chain: 5 });
      it.write(1, { chain: 5, flags: TOGETHER, sectors: 2 });
      it.write(4, { chain: 5, flags: TOGETHER });
      it.write(9);
    });
    assert.equal(patternsOf(explorer, 3).sort(), ['---K', 'K--K', 'KKKK']);
    assert.is(explorer.count(4).states, 3 * 2);
  });

  chains('the last link that is there may tear when it is a single write that is not untorn', async () => {
    const explorer = await openLog((it) => {
      it.write(0, { chain: 1, flags: UNTORN, sectors: 2 });
      it.write(2, { chain: 1, sectors: 2 });
      it.write(4, { chain: 1, flags: UNTORN, sectors: 2 });
    });
    assert.equal(patternsOf(explorer, 3).sort(), ['---', 'K--', 'KK-', 'KKK', 'Kt-', 'Kt-']);
  });

  chains('an untorn write is one piece that no damage reaches, a discard too', async () => {
    for (const tearing of TEARINGS) {
      const model = { tearing, unit: 4096, damage: 'garbage', scope: 'unit' } as const;
      const write = await openLog((it) => it.write(1, { sectors: 20, flags: UNTORN }), model);
      assert.equal([write.count(1).states, imagesOf(write, 24, [1]).length], [2, 2], tearing);
      assert.ok(write.writes[0]?.isUntorn);
      const base = new SparseMemory(4096);
      base.write(new Uint8Array(4096).fill(9), 0);
      const log = logOf((it) => it.submit(OP_DISCARD, 1, { sectors: 3, flags: UNTORN }));
      const discard = await openExplorer(build, { log, base, model });
      assert.equal(imagesOf(discard, 5, [1]), ['9 0 0 0 9', '9 9 9 9 9'], tearing);
    }
  });

  chains('a write over sectors of a chain is seen where it is there, whatever the chain lost', async () => {
    const explorer = await openLog((it) => {
      it.write(0, { fill: 1 });
      it.write(0, { fill: 2, chain: 7 });
      it.write(0, { fill: 1 });
      it.write(1, { fill: 4, chain: 7 });
    });
    assert.equal(imagesOf(explorer, 2, [4]), ['0 0', '1 0', '1 4', '2 0', '2 4']);
  });

  chains('what a flush has made durable is no link any more', async () => {
    const explorer = await openLog(
      (it) => {
        it.write(0, { chain: 1, domain: 1 });
        it.write(1, { chain: 1, domain: 2 });
        it.write(2, { chain: 1, domain: 1 });
        it.flush({ domain: 1 });
        it.write(3, { chain: 1, domain: 2 });
      },
      { flushScope: 'domain' },
    );
    assert.equal(imagesOf(explorer, 4, [lastOf(explorer)]), ['1 0 3 0', '1 2 3 0', '1 2 3 5']);
  });

  chains('parts of a merged request have chains of their own', async () => {
    const explorer = await openLog((it) => {
      const merged = it.submit(OP_WRITE, 0, { sectors: 3, fill: 1 });
      it.part(merged, 0, 1, 7, 70, { chain: 7, flags: TOGETHER });
      it.part(merged, 1, 1, 8, 80);
      it.part(merged, 2, 1, 7, 71, { chain: 7 });
      it.complete(merged);
    });
    assert.equal(
      explorer.writes.map(({ tag, chain, link, isTogether }) => [tag, chain, link, isTogether]),
      [
        [70, 7, 1, true],
        [80, 0, 0, false],
        [71, 7, 1, false],
      ],
    );
    assert.equal(imagesOf(explorer, 3, [1]), ['0 0 0', '0 1 0', '1 0 1', '1 1 1']);
  });

  chains('with an order of the model nothing is there that either forbids', async () => {
    const make = (it: WriteLogBuilder) => {
      it.write(0, { chain: 1, flags: TOGETHER, domain: 3 });
      it.write(1, { domain: 3 });
      it.write(2, { chain: 1, domain: 4 });
    };
    const prefix = await openLog(make, { order: 'prefix' });
    assert.equal(imagesOf(prefix, 3, [3]), ['0 0 0', '1 2 3']);
    const byDomain = await openLog(make, { order: 'domainPrefix' });
    assert.equal(imagesOf(byDomain, 3, [3]), ['0 0 0', '1 0 3', '1 2 3']);
  });

  chains(
    'a sample is over links: prefixes, all but one, legal pairs and only ones come before random states, none is illegal',
    async () => {
      const options = { budget: 600, bound: 0 };
      const log = logOf((it) => {
        appends(6, 1)(it);
        for (let sector = 20; sector < 26; sector++) it.write(sector);
        appends(4, 2)(it);
      });
      const explorer = await openExplorer(build, { log, ...options });
      const last = lastOf(explorer);
      const linkOf = explorer.writes.map(({ link, index }) => (link === 0 ? `w${index}` : `l${link}`));
      const items = [...new Set(linkOf)];
      assert.is(items.length, 16);
      const found: string[] = [];
      for (const image of explorer.images({ points: [last] })) {
        assert.equal(image.torn, []);
        const dropped = new Set(image.dropped.map(({ index }) => linkOf[index]));
        assert.is(
          image.dropped.length,
          linkOf.filter((item) => dropped.has(item)).length,
          'a link is missing as a whole',
        );
        const kept = items.map((item) => !dropped.has(item));
        // links of a chain come in the order of the log
        for (const chain of [1, 2]) {
          const states = items.flatMap((item, at) =>
            explorer.writes.some((write, index) => linkOf[index] === item && write.chain === chain)
              ? [kept[at] === true ? 'K' : '-']
              : [],
          );
          assert.match(states.join(''), /^K*-*$/);
        }
        found.push(kept.map((isKept) => (isKept ? 'K' : '-')).join(''));
      }
      const chainAt = items.map(
        (item) => explorer.writes.find((_, index) => linkOf[index] === item)?.chain ?? 0,
      );
      const isBound = (i: number, j: number) => i < j && chainAt[i] !== 0 && chainAt[i] === chainAt[j];
      const places: number[] = [];
      const expect = (isKept: (at: number) => boolean) => {
        const wanted = items.map((_, at) => (isKept(at) ? 'K' : '-')).join('');
        const place = found.indexOf(wanted);
        assert.ok(place >= 0, wanted);
        places.push(place);
      };
      for (let count = 0; count <= 16; count++) expect((at) => at < count);
      for (let i = 0; i < 16; i++) expect((at) => at !== i && !isBound(i, at));
      for (let j = 0; j < 16; j++) {
        expect((at) => at === j || isBound(at, j));
        for (let i = 0; i < j; i++) {
          if (!isBound(i, j)) expect((at) => at <= j && at !== i && !isBound(i, at));
        }
      }
      assert.ok(Math.max(...places) < 17 + 15 + 105 + 14, 'nothing else comes between');
      assert.ok(explorer.distinct > 300, `random ones fill the budget: ${explorer.distinct}`);
    },
  );

  chains('a sample leaves out a link of which only the first write can be seen', async () => {
    const log = logOf((it) => {
      it.write(0, { chain: 1, flags: TOGETHER });
      it.write(1, { chain: 1, fill: 0 });
      for (let sector = 2; sector < 12; sector++) it.write(sector);
    });
    const explorer = await openExplorer(build, { log, budget: 40, bound: 0 });
    const images = imagesOf(explorer, 12, [lastOf(explorer)]);
    assert.ok(images.includes('0 0 0 0 0 0 0 0 0 0 0 0'), 'nothing is there');
    assert.ok(images.includes('0 0 3 4 5 6 7 8 9 10 11 12'), 'all but the link is there');
  });

  chains('a 4 KiB write over a page of which one sector differs has 2 states', async () => {
    const page = new Uint8Array(4096).fill(6);
    const changed = Uint8Array.from(page);
    changed[5 * 512 + 3] = 1;
    const log = logOf((it) => {
      it.write(8, { fill: page });
      it.flush();
      it.write(8, { fill: changed });
    });
    for (const tearing of TEARINGS) {
      const explorer = await openExplorer(build, { log, model: { tearing } });
      const last = lastOf(explorer);
      if (tearing !== 'bytes') assert.is(explorer.count(last).states, 2, tearing);
      const images = [...explorer.images({ points: [last], newOnly: true })];
      assert.is(images.length, 2, tearing);
      assert.equal(
        new Set(patternsOf(explorer, last)),
        new Set(tearing === 'bytes' ? ['K-', 'KK', 'Kt'] : ['K-', 'KK']),
      );
    }
  });

  chains(
    'what is the same again over the same sectors is one version; a third between them stays',
    async () => {
      const count = async (fills: readonly number[]) => {
        const explorer = await openLog((it) => {
          for (const fill of fills) it.write(3, { fill });
        });
        const { states } = explorer.count(fills.length);
        assert.is(imagesOf(explorer, 4, [fills.length]).length, states, 'each state has an image of its own');
        return states;
      };
      assert.is(await count([1, 1]), 2);
      assert.is(await count([1, 2, 1, 2, 1]), 3);
      assert.is(await count([1, 0, 2]), 3);
      assert.is(await count([0, 0, 0]), 1);
    },
  );

  chains('what may be damaged is never left out', async () => {
    const explorer = await openLog((it) => it.write(0, { fill: 0, sectors: 2 }), { damage: 'garbage' });
    assert.is(explorer.count(1).states, 9);
    assert.is([...explorer.images({ points: [1], newOnly: true })].length, 4);
  });

  chains('damage below durable bytes still reaches the rest of its unit', async () => {
    const explorer = await openLog(
      (it) => {
        it.write(1, { fill: 1 });
        it.fua(1, { fill: 2 });
      },
      { unit: 1024, damage: 'garbage', scope: 'unit' },
    );
    const images = [...explorer.images({ points: [lastOf(explorer)] })].map((image) => sectorsOf(image, 2));
    assert.ok(images.includes('0 2') && images.some((image) => /^[1-9]\d* 2$/.test(image)), images.join());
    assert.ok(images.every((image) => image.endsWith(' 2')));
  });

  chains('a state of a chain rebuilds, also one that the chain would not allow', async () => {
    const explorer = await openLog(appends(3, 1));
    for (const image of explorer.images({ points: [6] }))
      assert.is(explorer.state(image.describe()).hash, image.hash);
    const losses = [{ write: 0, kind: 'missing', offset: 0, length: 512 }] as const;
    assert.is(sectorsOf(explorer.state({ step: 12, losses }), 6), '0 2 3 4 5 6');
    assert.throws(
      () => explorer.state({ step: 12, losses: [{ ...losses[0], kind: 'zeros' }] }),
      /state.losses/,
    );
  });

  chains('many chains and long ones are counted', async () => {
    const many = await openLog((it) => {
      for (let chain = 1; chain <= 300; chain++) it.write(chain, { chain: chain * 7919, fill: 1 });
    });
    assert.equal([many.count(300).log2, many.count(300).states], [300, 2 ** 300]);
    const long = await openLog((it) => {
      for (let index = 0; index < 300; index++) it.write(index, { chain: 0xffffffff, fill: 1 });
    });
    assert.equal([long.count(300).states, imagesOf(long, 300, [300]).length], [301, 301]);
  });

  chains.run();
}
