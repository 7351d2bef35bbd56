// The behaviours of the fact sheet on crash consistency that are about which images a crash may leave.
//
// W(a) writes sector a, F is a flush that completes; numbers in names are those of the sheet (§14). Bytes are the numbers of requests.
// Where each of them is tried:
//   1-10, 21        here, from logs; 1-4, 6 and 21 on the live machine in ../crash.test.ts; 5-8 under held completions in
//                   test/assembly/block/flush.test.ts; 8 also as dm-log-writes orders it in ../write-log/dm-log-writes.test.ts
//   11-14           ../crash.test.ts
//   15              ../crash-damage.test.ts; what the log says of lies in ../write-log/dm-log-writes.test.ts
//   19              test/model/seeds.test.ts, test/chromium/seeds.test.ts; faults that never hit: test/assembly/drive/faults.test.ts
//   20, 27-33       test/assembly/drive/faults.test.ts; 29, 31 and 33 over crashes in ../crash-damage.test.ts
//   34              test/assembly/block/room.test.ts
//   35, 36          models.test.ts; 35 on the live machine in ../crash.test.ts
//   38, 40          explorer.test.ts
//   22-26           planted mistakes in test/model/engines.test.ts; 30-33 under a workload in ../explore/faults.test.ts
//   37, 39          ../explore/shrink.test.ts and recipe.test.ts
// 16-18 are about files, which an explorer of drives does not have.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_FLAG_FUA, OP_FLUSH, OP_WRITE } from '../../../assembly/layout.ts';
import { imagesOf, openExplorer, sectorsOf } from '../../support/explorer.ts';
import { BUILDS } from '../../support/machine.ts';
import { logOf } from '../../support/write-log-builder.ts';

for (const build of BUILDS) {
  const crash = suite(`crash behaviours (${build})`);

  crash('1: W(0) W(1) F W(0) W(2): 4 images at the end, 7 over all crash points', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.write(1);
      it.flush();
      it.write(0);
      it.write(2);
    });
    const explorer = await openExplorer(build, { log });
    const last = explorer.points().length - 1;
    assert.is(explorer.count(last).states, 4);
    assert.equal(imagesOf(explorer, 3, [last]), ['1 2 0', '1 2 5', '4 2 0', '4 2 5']);
    imagesOf(explorer, 3);
    assert.is(explorer.distinct, 7);
    assert.ok(explorer.exhaustive);
  });

  crash(
    '2: two writes to one sector leave the old bytes, the first or the second; after a flush the second',
    async () => {
      const log = logOf((it) => {
        it.write(0);
        it.write(0);
        it.flush();
      });
      const explorer = await openExplorer(build, { log });
      assert.equal(imagesOf(explorer, 1, [2]), ['0', '1', '2']);
      assert.equal(imagesOf(explorer, 1, [3]), ['2']);
    },
  );

  crash('3: a write of 4 sectors leaves 16 images, 2 with units of 2,048 bytes, 5 by prefix', async () => {
    const log = logOf((it) => it.write(0, { sectors: 4 }));
    const distinct = async (model: object) => {
      const explorer = await openExplorer(build, { log, model });
      return imagesOf(explorer, 4, [1]).length;
    };
    assert.is(await distinct({}), 16);
    assert.is(await distinct({ unit: 2048 }), 2);
    assert.is(await distinct({ tearing: 'unitPrefix' }), 5);
    assert.is(await distinct({ order: 'prefix', tearing: 'unitPrefix' }), 5);
    assert.is(await distinct({ tearing: 'none' }), 2);
  });

  crash('4: A on 0 and 1, B on 1 and 2: 12 images with tearing, 4 without', async () => {
    const log = logOf((it) => {
      it.write(0, { sectors: 2 });
      it.write(1, { sectors: 2 });
    });
    const torn = await openExplorer(build, { log });
    assert.is(imagesOf(torn, 3, [2]).length, 12);
    const whole = await openExplorer(build, { log, model: { tearing: 'none' } });
    assert.equal(imagesOf(whole, 3, [2]), ['0 0 0', '0 2 2', '1 1 0', '1 2 2']);
  });

  crash('5: a flush covers what had completed when it was submitted, once it completes', async () => {
    const log = logOf((it) => {
      const early = it.submit(OP_WRITE, 0);
      const late = it.submit(OP_WRITE, 1);
      it.complete(early);
      const flush = it.submit(OP_FLUSH);
      it.complete(late);
      it.mark('before');
      it.complete(flush, { operation: OP_FLUSH });
      it.mark('behind');
    });
    const explorer = await openExplorer(build, { log });
    const before = explorer.pointOfMark('before');
    const behind = explorer.pointOfMark('behind');
    assert.is(imagesOf(explorer, 2, [before?.index ?? -1]).length, 4);
    assert.equal(imagesOf(explorer, 2, [behind?.index ?? -1]), ['1 0', '1 2']);
  });

  crash('6: W1, then W2 with FUA: W2 always there, W1 in half of the images', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.fua(1);
    });
    const explorer = await openExplorer(build, { log });
    const last = explorer.points().length - 1;
    assert.is(explorer.points()[last]?.kind, 'durableWrite');
    assert.equal(imagesOf(explorer, 2, [last]), ['0 2', '1 2']);
    assert.is(imagesOf(explorer, 2, [last - 1]).length, 4, 'in flight the write with FUA is uncertain');
  });

  crash('7: W1, then W2 with PREFLUSH: W1 always; with PREFLUSH and FUA exactly one image', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.flush();
      it.write(1);
    });
    const explorer = await openExplorer(build, { log });
    assert.equal(imagesOf(explorer, 2, [explorer.points().length - 1]), ['1 0', '1 3']);
    const both = logOf((it) => {
      it.write(0);
      it.flush();
      it.write(1, { flags: LOG_FLAG_FUA });
    });
    const certain = await openExplorer(build, { log: both });
    assert.equal(imagesOf(certain, 2, [certain.points().length - 1]), ['1 3']);
  });

  crash('8: the order of dm-log-writes: W2 and W3 are durable, W1 is uncertain', async () => {
    const log = logOf((it) => {
      const [first, second, third] = [0, 1, 2].map((sector) => it.submit(OP_WRITE, sector)) as [
        number,
        number,
        number,
      ];
      it.complete(third);
      it.complete(second);
      const flush = it.submit(OP_FLUSH);
      it.complete(first);
      it.complete(flush, { operation: OP_FLUSH });
    });
    const explorer = await openExplorer(build, { log });
    assert.equal(imagesOf(explorer, 3, [explorer.points().length - 1]), ['0 2 3', '1 2 3']);
  });

  crash('9: epochs of 4, 1 and 3 writes: 24 distinct images, 9 by prefix', async () => {
    const log = logOf((it) => {
      for (const sectors of [[0, 1, 2, 3], [4], [5, 6, 7]]) {
        for (const sector of sectors) it.write(sector);
        it.flush();
      }
    });
    assert.is(imagesOf(await openExplorer(build, { log }), 8).length, 24);
    assert.is(imagesOf(await openExplorer(build, { log, model: { order: 'prefix' } }), 8).length, 9);
  });

  crash('10: a write of identical content adds no image', async () => {
    const log = logOf((it) => it.write(0, { fill: 0 }));
    const explorer = await openExplorer(build, { log });
    assert.equal(imagesOf(explorer, 1), ['0']);
    assert.is(explorer.distinct, 1);
    assert.is(explorer.states, 2, 'one at each crash point');
    assert.equal([explorer.count(1).states, explorer.count(1).uncertain], [1, 1]);
  });

  crash('21: an image reads the same twice, and a crash without writes leaves it alone', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.write(2);
    });
    const explorer = await openExplorer(build, { log });
    for (const image of explorer.images({ points: [2] })) {
      const once = image.read(0, 2048);
      assert.equal(image.read(0, 2048), once);
      const again = await openExplorer(build, {
        log: logOf(() => {}),
        base: image.memory,
        baseHash: image.hash,
      });
      const images = [...again.images()];
      assert.equal(
        images.map((one) => one.hash),
        [image.hash],
      );
      assert.equal(images[0]?.read(0, 2048), once);
    }
  });

  crash('an image comes at the steps from its first to its last, also where others lie between', async () => {
    const log = logOf((it) => {
      it.write(0); // steps 1 and 2
      it.write(1); // 3 and 4
      it.flush(); // 5 and 6
      it.write(0); // 7 and 8
      it.write(2); // 9 and 10
    });
    const explorer = await openExplorer(build, { log });
    const images = [...explorer.images()];
    const both = images.filter((image) => sectorsOf(image, 3) === '1 2 0');
    for (const image of both) assert.equal([image.firstStep, image.lastStep], [3, 10]);
    const first = images.filter((image) => sectorsOf(image, 3) === '1 0 0');
    for (const image of first) assert.equal([image.firstStep, image.lastStep], [1, 5]);
  });

  crash.run();
}
