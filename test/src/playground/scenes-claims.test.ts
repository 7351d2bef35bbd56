// What a scene is for happens in it, and what its captions count is what the records count.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  MERGE_FLAGS,
  MERGE_NOT_ADJACENT,
  MERGE_OPERATION_DIFFERS,
  MERGE_TOO_MANY_SECTORS,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../../../assembly/layout.ts';
import type { Scene } from '../../../src/playground/scene/types.ts';
import { DIRTY_LIMITS } from '../../../src/playground/scenes/dirty-limits.ts';
import { EVICTION_SCAN } from '../../../src/playground/scenes/eviction-scan.ts';
import { FSYNC_ERROR } from '../../../src/playground/scenes/fsync-error.ts';
import { FSYNC_STORM } from '../../../src/playground/scenes/fsync-storm.ts';
import { GARBAGE_COLLECTION } from '../../../src/playground/scenes/garbage-collection.ts';
import { LYING_DRIVE } from '../../../src/playground/scenes/lying-drive.ts';
import { MERGING } from '../../../src/playground/scenes/merging.ts';
import { PARTIAL_PAGE } from '../../../src/playground/scenes/partial-page.ts';
import { QEMU_DISK } from '../../../src/playground/scenes/qemu-disk.ts';
import { QUEUE_DEPTH } from '../../../src/playground/scenes/queue-depth.ts';
import { READAHEAD } from '../../../src/playground/scenes/readahead.ts';
import { RENAME_REPLACE } from '../../../src/playground/scenes/rename-replace.ts';
import { RINGS } from '../../../src/playground/scenes/rings.ts';
import { SCHEDULER } from '../../../src/playground/scenes/scheduler.ts';
import { SEQUENTIAL_AND_RANDOM } from '../../../src/playground/scenes/sequential-and-random.ts';
import { TEN_THOUSAND } from '../../../src/playground/scenes/ten-thousand.ts';
import { WRITE_TO_MEDIA } from '../../../src/playground/scenes/write-to-media.ts';
import { ZEROES_AND_DISCARD } from '../../../src/playground/scenes/zeroes-and-discard.ts';
import { type PlayedScene, playScene } from '../../support/scene.ts';

const claims = suite('what the scenes claim');

/** A scene with other options of its machine. */
function on(scene: Scene, machine: Partial<Scene['machine']>): Scene {
  return { ...scene, machine: { ...scene.machine, ...machine } };
}

/** Times of the completions of a drive in a chapter. */
function completions({ of }: PlayedScene, chapter: number, device: number): number[] {
  return of(chapter, 'completed')
    .filter((record) => record.device === device)
    .map(({ timeNs }) => timeNs);
}

claims(
  'write-to-media: eight writes leave as one, and an eviction writes four pages for a reader',
  async () => {
    const { run, of, chapters } = await playScene(WRITE_TO_MEDIA);
    const { cache, block, drive } = run.machine.counters;
    assert.equal(
      [block.readMerges, cache.ioends, cache.evictions, drive.writes, drive.flushes],
      [2, 4, 10, 4, 3],
    );
    assert.is(of(4, 'writeback')[0]?.count, 5);
    const [flush] = of(4, 'completed').filter(({ operation }) => operation === OP_FLUSH);
    const [write] = of(4, 'completed').filter(({ operation }) => operation === OP_WRITE);
    const [issued] = of(4, 'issued');
    assert.ok((flush?.timeNs ?? 0) - (write?.timeNs ?? 0) > (write?.timeNs ?? 0) - (issued?.timeNs ?? 0));
    const evicted = of(7, 'evicted');
    assert.equal([evicted[0]?.address, evicted[0]?.detail], [2, 0]);
    assert.equal(
      evicted.filter(({ detail }) => detail === 1).map(({ address }) => address),
      [24, 25, 26, 27],
    );
    assert.is(chapters.length, 9);
  },
);

claims(
  'partial-page: only cut blocks are read, blocks alone are written, and nothing behind the end',
  async () => {
    const played = await playScene(PARTIAL_PAGE);
    const reads = [0, 1, 2, 3].map((chapter) => played.of(chapter, 'issued').map(({ count }) => count));
    assert.equal(reads, [[], [2], [6], []]);
    const writes = played.of(4, 'issued').filter(({ operation }) => operation === OP_WRITE);
    assert.equal(
      writes.map(({ count }) => count),
      [2, 2, 6],
    );
    assert.is(played.of(4, 'flushed')[0]?.count, 3);
    assert.equal(
      played.of(5, 'issued').map(({ count }) => count),
      [2, 4],
    );
    assert.is(played.tookNs(0), 0);
    assert.ok(played.tookNs(1) > 0);
  },
);

claims('readahead: the window doubles from 4 pages to 32, and random reads get one page each', async () => {
  const played = await playScene(READAHEAD);
  assert.equal(
    played.of(0, 'readahead').map(({ address, count }) => [address, count]),
    [
      [0, 4],
      [4, 8],
      [12, 16],
      [28, 32],
      [60, 32],
    ],
  );
  assert.equal([played.of(0, 'pageMiss').length, played.of(0, 'pageHit').length], [1, 31]);
  assert.equal(
    played.of(1, 'readIn').map(({ count }) => count),
    Array.from({ length: played.of(1, 'pageMiss').length }, () => 1),
  );
  assert.ok(played.of(1, 'pageMiss').length >= 8);
  assert.is(played.of(2, 'issued').length, 0);
});

claims(
  'dirty-limits: the flusher comes first, the writer pauses 6 ms, and waits longest at the limit',
  async () => {
    const played = await playScene(DIRTY_LIMITS);
    assert.is(played.tookNs(0), 0);
    const [periodic] = played.of(1, 'flusher');
    assert.equal([periodic?.timeNs, periodic?.count], [30e9, 6]);
    const pauses = played.of(2, 'paused');
    assert.is(pauses[0]?.address, 6_000_000);
    const [background] = played.of(2, 'flusher');
    const dirtyThen = played
      .of(2, 'dirtied')
      .filter(({ timeNs }) => timeNs <= (background?.timeNs ?? 0)).length;
    assert.ok(dirtyThen > 16 && (pauses[0]?.timeNs ?? 0) >= (background?.timeNs ?? 0));
    assert.ok((pauses[0]?.count ?? 0) < (pauses[0]?.detail ?? 0));
    assert.ok((pauses[3]?.count ?? 0) >= (pauses[3]?.detail ?? 0));
    const { dirty, drive } = played.run.machine.counters;
    assert.ok(dirty.pausedNs > played.tookNs(2) / 2);
    assert.is(drive.flushes, 1);
  },
);

claims('eviction-scan: the working set survives the scan, and would not by least recently used', async () => {
  const played = await playScene(EVICTION_SCAN);
  assert.equal([played.of(3, 'pageHit').length, played.of(3, 'pageMiss').length], [6, 0]);
  assert.equal(
    played.of(2, 'evicted').map(({ address }) => address),
    Array.from({ length: 22 }, (_, index) => 16 + index),
  );
  assert.is(played.of(1, 'activated').length, 6);
  assert.ok(played.of(4, 'refault').some(({ detail }) => detail === 1));
  const lru = await playScene(on(EVICTION_SCAN, { eviction: 'lru' }));
  assert.is(lru.of(3, 'pageMiss').length, 6);
});

claims('merging: it shows both ends and four reasons why not, and what merging saves', async () => {
  const played = await playScene(MERGING);
  const reasons = new Set(
    played.chapters
      .flat()
      .filter(({ kind }) => kind === 'queued')
      .map(({ detail }) => detail & 0xff),
  );
  for (const reason of [MERGE_TOO_MANY_SECTORS, MERGE_OPERATION_DIFFERS, MERGE_FLAGS, MERGE_NOT_ADJACENT])
    assert.ok(reasons.has(reason), String(reason));
  assert.equal(
    [0, 1].map((chapter) => [
      played.of(chapter, 'backMerged').length,
      played.of(chapter, 'frontMerged').length,
    ]),
    [
      [7, 0],
      [0, 7],
    ],
  );
  const sizes = (chapter: number) => played.of(chapter, 'issued').map(({ count }) => count / 8);
  assert.equal([0, 1, 2].map(sizes), [
    [1, 8],
    [1, 8],
    [1, 8, 5],
  ]);
  assert.equal(
    played.of(4, 'issued').map(({ address, count }) => [address / 8, count / 8]),
    [
      [60, 1],
      [52, 1],
      [53, 2],
    ],
  );
  assert.is(played.tookNs(0), 400_000);
  assert.is(played.tookNs(5), 1_800_000);
  const off = await playScene(on(MERGING, { merge: false }));
  assert.is(off.tookNs(0), 1_800_000);
});

claims('sequential-and-random: scattered takes ten times as long, and a deep queue shortens it', async () => {
  const played = await playScene(SEQUENTIAL_AND_RANDOM);
  const [inRow, scattered, deep] = [played.tookNs(0), played.tookNs(1), played.tookNs(2)] as const;
  assert.ok(inRow < 20e6, String(inRow));
  assert.ok(scattered > 10 * inRow, `${scattered} against ${inRow}`);
  assert.ok(deep < 0.75 * scattered && deep > 4 * inRow, `${deep} against ${scattered}`);
  const ends = completions(played, 0, 0);
  const [asked, answered] = (['issued', 'completed'] as const).map((kind) =>
    played.of(2, kind).map(({ id }) => id),
  );
  assert.is.not(answered?.join(), asked?.join());
  assert.ok(scattered / 24 > 8e6 && scattered / 24 < 12e6);
  assert.ok(Math.abs((ends[4] ?? 0) - (ends[3] ?? 0) - 500_000) < 100_000);
});

claims(
  'queue-depth: 32 at once are worth ten times to NVMe, eight to an SSD, and less than four times to a disk',
  async () => {
    const played = await playScene(QUEUE_DEPTH);
    const first = [0, 1, 2].map((drive) => completions(played, 0, drive));
    const second = [0, 1, 2].map((drive) => completions(played, 1, drive));
    const startNs = played.endsNs[0] ?? 0;
    const gain = [0, 1, 2].map((drive) => {
      const [alone, together] = [first[drive] ?? [], second[drive] ?? []];
      return (alone.at(-1) ?? 0) / alone.length / (((together.at(-1) ?? 0) - startNs) / together.length);
    });
    assert.ok((gain[0] ?? 9) < 4, `hdd ${gain[0]}`);
    assert.ok((gain[1] ?? 0) > 8, `ssd ${gain[1]}`);
    assert.ok((gain[2] ?? 0) > 10, `nvme ${gain[2]}`);
    assert.ok(Math.abs((first[2]?.[0] ?? 0) - 67_000) < 1000);
    assert.ok(Math.abs((first[1]?.[0] ?? 0) - 100_000) < 1000);
    assert.ok((first[0]?.[0] ?? 0) > (first[1]?.at(-1) ?? 0));
    assert.ok((second[2]?.at(-1) ?? 0) - startNs < (first[2]?.[5] ?? 0));
  },
);

claims(
  'ten-thousand: it makes 10,000 requests, and the cache has hits, evictions and a flusher',
  async () => {
    const { run } = await playScene(TEN_THOUSAND);
    const { aio, cache, reclaim, dirty } = run.machine.counters;
    assert.is(aio.completed, 10_001);
    assert.ok(cache.hits > 1000 && cache.evictions > 1000 && dirty.flusherPasses > 0 && reclaim.refaults > 0);
  },
);

claims('lying-drive: both say the flush is done, and one has its writes on the media', async () => {
  const played = await playScene(LYING_DRIVE);
  const { machine } = played.run;
  assert.equal(
    played
      .of(0, 'completed')
      .filter(({ operation }) => operation === OP_FLUSH)
      .map(({ detail }) => detail),
    [0, 0],
  );
  assert.equal([machine.uncertainWrites(0).length, machine.uncertainWrites(1).length], [0, 1]);
});

claims(
  'rings: one submit, jobs of four that end together, one batch, and the same time for each',
  async () => {
    const played = await playScene(RINGS);
    assert.is(played.of(0, 'aioEvent').length, 16);
    assert.equal(
      played.of(1, 'usrbioJob').map(({ count }) => count),
      [4, 4, 4, 4],
    );
    const done = played.of(1, 'usrbioDone').map(({ timeNs }) => timeNs);
    assert.equal([done.length, new Set(done).size], [16, 4]);
    assert.equal(
      played.of(2, 'aioQueueSubmit').map(({ count, detail }) => [count, detail]),
      [[16, 16]],
    );
    assert.equal([0, 1, 2].map(played.tookNs), [240_000, 240_000, 240_000]);
    assert.is(played.run.machine.counters.block.writeMerges, 0);
  },
);

claims(
  "qemu-disk: four writes of the guest are one of the host, in its cache until the guest's flush",
  async () => {
    const played = await playScene(QEMU_DISK);
    assert.equal(
      played.of(0, 'multireqIssued').map(({ address, count, detail }) => [address / 8, count / 8, detail]),
      [
        [8, 4, 4],
        [20, 1, 1],
        [30, 1, 1],
      ],
    );
    assert.equal(
      played.of(0, 'issued').map(({ operation }) => operation),
      [OP_READ],
    );
    assert.is(played.of(1, 'flushed')[0]?.count, 2);
    assert.is(played.of(2, 'issued').length, 0);
  },
);

claims('fsync-storm: four clients share transactions and flushes, and pay half the price', async () => {
  const played = await playScene(FSYNC_STORM);
  assert.equal(
    [0, 1].map((chapter) => played.of(chapter, 'commit').length),
    [4, 6],
  );
  assert.equal(
    [0, 1].map((chapter) => played.of(chapter, 'flushed').length),
    [4, 6],
  );
  assert.equal(
    played.of(1, 'flushed').map(({ count }) => count),
    [1, 3, 1, 3, 1, 3],
  );
  assert.equal([played.tookNs(0), Math.round(played.tookNs(1) / 1e5)], [8_400_000, 124]);
  const price = [played.tookNs(0) / 4, played.tookNs(1) / 12] as const;
  assert.ok(price[1] < 0.5 * price[0], price.join(' '));
  const [ben] = played.of(1, 'volatile').slice(1);
  const [first, second] = played.of(1, 'flushed');
  assert.ok((ben?.timeNs ?? 0) < (first?.timeNs ?? 0) && second !== undefined);
});

claims(
  'rename-replace: the quick way has name and content in doubt together, the careful way the name alone',
  async () => {
    const played = await playScene(RENAME_REPLACE);
    const held = [1, 4].map((chapter) => played.of(chapter, 'volatile').at(-1)?.detail);
    assert.equal(held, [3, 1]);
    assert.equal(played.run.machine.fs.readdir('/'), ['settings']);
    assert.is(played.run.machine.uncertainWrites().length, 0);
  },
);

claims('zeroes-and-discard: zeros and discards carry no bytes, and reading moves them all', async () => {
  const played = await playScene(ZEROES_AND_DISCARD);
  const took = [0, 1, 2].map((chapter) => {
    const [issued, held] = [played.of(chapter, 'issued')[0], played.of(chapter, 'volatile')[0]];
    return (held?.timeNs ?? 0) - (issued?.timeNs ?? 0);
  });
  assert.equal(took, [705_000, 20_000, 10_000]);
  assert.is(played.tookNs(3), 705_000);
  assert.equal(
    played.of(1, 'issued')[0] && [played.of(1, 'issued')[0]?.address, played.of(1, 'issued')[0]?.count],
    [32, 64],
  );
  const { drive } = played.run.machine.counters;
  assert.equal([drive.writeZeroes, drive.discards, drive.writeBytes], [1, 1, 65_536]);
});

claims('fsync-error: the second fsync says nothing, and the first version comes back', async () => {
  const page = (scene: Scene, chapters: number) =>
    playScene({ ...scene, chapters: scene.chapters.slice(0, chapters) }).then(({ run }) =>
      Buffer.from(run.machine.openFile('drive0').read(4096, 6 * 4096)).toString('hex'),
    );
  const versions = await Promise.all([1, 2, 4, 5].map((chapters) => page(FSYNC_ERROR, chapters)));
  assert.is.not(versions[0], versions[1]);
  assert.is(versions[2], versions[1]);
  assert.is(versions[3], versions[0]);
  const played = await playScene(FSYNC_ERROR);
  assert.equal([played.of(1, 'aioEvent').at(-1)?.detail, played.of(2, 'aioEvent')[0]?.detail], [-5, 0]);
});

claims('scheduler: mq-deadline lets the read pass after four writes, and goes upwards', async () => {
  const played = await playScene(SCHEDULER);
  const issued = (chapter: number, drive: number) =>
    played.of(chapter, 'issued').filter(({ device }) => device === drive);
  const read = [0, 1].map((drive) => issued(0, drive).findIndex(({ operation }) => operation === OP_READ));
  assert.equal(read, [12, 4]);
  const [answer] = played
    .of(0, 'completed')
    .filter(({ operation, device }) => operation === OP_READ && device === 1);
  assert.is(answer?.timeNs, 500_000);
  const begins = [0, 1].map((drive) => issued(0, drive)[read[drive] ?? 0]?.timeNs);
  assert.equal(begins, [1_200_000, 400_000]);
  assert.equal(
    [0, 1].map((drive) => issued(1, drive).map(({ address }) => address / 8)),
    [
      [20, 10, 30, 14, 26, 12],
      [20, 26, 30, 10, 12, 14],
    ],
  );
});

claims(
  'garbage-collection: in order nothing is copied, at random the flash writes 76 pages for 48',
  async () => {
    const played = await playScene(GARBAGE_COLLECTION);
    const moved = [0, 1, 2].map((chapter) => played.of(chapter, 'collected').map(({ count }) => count));
    assert.equal([moved[0], moved[1]], [[], [0, 0, 0, 0, 0, 0, 0]]);
    assert.equal(moved[2]?.slice(0, 11), [0, 0, 0, 0, 0, 2, 1, 2, 2, 2, 3]);
    const { flash } = played.run.machine.counters;
    assert.equal([flash.hostPages, flash.programmedPages - 48], [96, 76]);
    const ends = [0, ...completions(played, 0, 0), ...completions(played, 1, 0)];
    const took = ends.slice(1).map((end, index) => Math.round((end - (ends[index] ?? 0)) / 1000));
    assert.equal([took[0], took[7], took[20]], [787, 787, 4587]);
  },
);

claims.run();
