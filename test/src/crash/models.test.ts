// What each choice of a crash model allows, and what it never does.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  LOG_FLAG_FUA,
  LOG_FLAG_FUA_IGNORED,
  LOG_FLAG_IGNORED,
  LOG_FLAG_TORN,
  OP_DISCARD,
  OP_FLUSH,
  OP_WRITE,
} from '../../../assembly/layout.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { CrashExplorer } from '../../../src/crash/explorer.ts';
import { imagesOf, openExplorer, sectorsOf } from '../../support/explorer.ts';
import { BUILDS } from '../../support/machine.ts';
import { logOf } from '../../support/write-log-builder.ts';

const lastOf = (explorer: CrashExplorer) => explorer.points().length - 1;

/** A disk of whole sectors filled with one byte. */
function filled(sectors: number, byte: number): SparseMemory {
  const memory = new SparseMemory(sectors * 512);
  memory.write(new Uint8Array(sectors * 512).fill(byte), 0);
  return memory;
}

for (const build of BUILDS) {
  const models = suite(`crash models, one by one (${build})`);

  models(
    '35: an unflushed discard leaves old bytes or zeros in each unit; what was written over it and flushed is there',
    async () => {
      const log = logOf((it) => {
        it.discard(0, 3);
        it.mark('discarded');
        it.write(1, { fill: 5 });
        it.flush();
      });
      for (const tearing of ['units', 'none', 'unitPrefix'] as const) {
        const explorer = await openExplorer(build, { log, base: filled(3, 9), model: { tearing } });
        const discarded = explorer.pointOfMark('discarded')?.index ?? -1;
        const each = ['0', '9'].flatMap((a) =>
          ['0', '9'].flatMap((b) => ['0', '9'].map((c) => `${a} ${b} ${c}`)),
        );
        assert.equal(imagesOf(explorer, 3, [discarded]), each, tearing);
        assert.equal(imagesOf(explorer, 3, [lastOf(explorer)]), ['0 5 0']);
      }
      const zeroes = { discard: 'zeroes', tearing: 'none' } as const;
      const promised = await openExplorer(build, { log, base: filled(3, 9), model: zeroes });
      assert.equal(imagesOf(promised, 3, [1]), ['0 0 0', '9 9 9']);
    },
  );

  models(
    '36: without powersafe overwrite the whole unit may be damaged, with it nothing outside the write',
    async () => {
      const log = logOf((it) => it.write(9, { fill: 7, sectors: 2 }));
      const base = filled(24, 3);
      const outside = (bytes: Uint8Array) => [...bytes.subarray(0, 9 * 512), ...bytes.subarray(11 * 512)];
      const model = { unit: 4096, damage: 'garbage' } as const;
      const safe = await openExplorer(build, { log, base, model });
      for (const image of safe.images())
        assert.ok(outside(image.read(0, 24 * 512)).every((byte) => byte === 3));
      const promised = { ...model, scope: 'unit', promises: ['POWERSAFE_OVERWRITE'] } as const;
      const promising = await openExplorer(build, { log, base, model: promised });
      const hashes = (explorer: typeof safe) => [...explorer.images()].map((image) => image.hash);
      assert.equal(hashes(promising), hashes(await openExplorer(build, { log, base, model })));
      const unsafe = await openExplorer(build, { log, base, model: { ...model, scope: 'unit' } });
      const changed = new Set<number>();
      for (const image of unsafe.images()) {
        image.read(0, 24 * 512).forEach((byte, offset) => {
          if (byte !== 3) changed.add(offset >> 9);
        });
      }
      assert.equal(
        [...changed].sort((a, b) => a - b),
        [8, 9, 10, 11, 12, 13, 14, 15],
      );
      await rejects(openExplorer(build, { log, model: { scope: 'unit', damage: 'none' } }), /model\.scope/);
    },
  );

  models('garbage is the same for the same seed, and another for another write or seed', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.write(1);
    });
    const contents = async (seed: number) => {
      const explorer = await openExplorer(build, { log, seed, model: { damage: 'garbage' } });
      return [...explorer.images({ points: [2] })].map((image) =>
        Buffer.from(image.read(0, 1024)).toString('hex'),
      );
    };
    const once = await contents(4);
    assert.equal(await contents(4), once);
    assert.not.equal(await contents(5), once);
    assert.is(new Set(once).size, 9);
  });

  models('by bytes a write stops anywhere, and what follows is old', async () => {
    const log = logOf((it) => {
      it.write(0, { fill: 1, sectors: 2 });
      it.write(1, { fill: 2 });
    });
    const explorer = await openExplorer(build, {
      log,
      base: filled(3, 9),
      model: { tearing: 'bytes' },
      bound: 2 ** 20,
    });
    const first = [...explorer.images({ points: [1], newOnly: true })];
    assert.is(first.length, 1025);
    assert.is(explorer.count(2).states, 1025 * 513);
    const seen = new Set<string>();
    for (const [cut, image] of first.entries()) {
      const bytes = image.read(0, 1536);
      const kept = bytes.lastIndexOf(1) + 1;
      assert.ok(
        bytes.subarray(0, kept).every((byte) => byte === 1) &&
          bytes.subarray(kept).every((byte) => byte === 9),
      );
      seen.add(String(kept));
      if (cut % 100 === 0) assert.is(explorer.state(image.describe()).hash, image.hash);
    }
    assert.is(seen.size, 1025);
  });

  models('by bytes two torn writes over one sector keep their order', async () => {
    const log = logOf((it) => {
      it.write(0, { fill: 1 });
      it.write(0, { fill: 2 });
    });
    const explorer = await openExplorer(build, { log, model: { tearing: 'bytes' } });
    const found = new Set<string>();
    for (const image of explorer.images({ points: [2], newOnly: true })) {
      const bytes = image.read(0, 512);
      const second = bytes.lastIndexOf(2) + 1;
      const first = Math.max(second, bytes.lastIndexOf(1) + 1);
      const expected = Uint8Array.from(bytes, (_, at) => (at < second ? 2 : at < first ? 1 : 0));
      assert.equal(bytes, expected);
      found.add(`${first} ${second}`);
    }
    // the sample tries many of the 513 x 513
    assert.ok(found.size > 900, `${found.size}`);
  });

  models('ATOMIC4K keeps aligned pieces of 4,096 bytes whole, and tears what is left', async () => {
    // one sector, then an aligned piece of eight, then two
    const log = logOf((it) => it.write(7, { sectors: 11, fill: 1 }));
    const explorer = await openExplorer(build, { log, model: { promises: ['ATOMIC4K'] } });
    assert.is(explorer.count(1).states, 2 ** 4);
    for (const image of explorer.images({ points: [1] })) {
      assert.is(new Set(sectorsOf(image, 18).split(' ').slice(8, 16)).size, 1);
    }
    const atomic = await openExplorer(build, { log, model: { promises: ['ATOMIC'], damage: 'zeros' } });
    assert.is(atomic.count(1).states, 2);
    const sequential = await openExplorer(build, {
      log,
      model: { promises: ['SEQUENTIAL'], tearing: 'none' },
    });
    assert.is(sequential.count(1).states, 2);
    const bytes = await openExplorer(build, { log, model: { promises: ['ATOMIC512'], tearing: 'bytes' } });
    assert.is(bytes.count(1).states, 12);
  });

  models('a drive without a cache makes a write durable when it completes, a lying one never', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.flush();
      it.fua(1);
    });
    const noCache = await openExplorer(build, { log, model: { device: 'noCache' } });
    assert.equal(imagesOf(noCache, 2, [lastOf(noCache)]), ['1 3']);
    assert.equal(imagesOf(noCache, 2, [1]), ['0 0', '1 0'], 'in flight it is uncertain');
    const lying = await openExplorer(build, { log, model: { device: 'lying' } });
    assert.equal(imagesOf(lying, 2, [lastOf(lying)]), ['0 0', '0 3', '1 0', '1 3']);
  });

  models('what a drive ignored: lost writes never come, ignored flushes and FUA cover nothing', async () => {
    const log = logOf((it) => {
      it.write(0);
      it.write(1, { flags: LOG_FLAG_IGNORED });
      it.write(2, { flags: LOG_FLAG_FUA | LOG_FLAG_FUA_IGNORED });
      it.flush({ flags: LOG_FLAG_IGNORED });
    });
    const explorer = await openExplorer(build, { log });
    assert.equal(imagesOf(explorer, 3, [lastOf(explorer)]), ['0 0 0', '0 0 3', '1 0 0', '1 0 3']);
    assert.is(explorer.writes.length, 2);
  });

  models('a write that failed is gone, one that was given up stays uncertain for ever', async () => {
    const log = logOf((it) => {
      const failed = it.submit(OP_WRITE, 0);
      it.complete(failed, { result: -5 });
      const abandoned = it.submit(OP_WRITE, 1);
      it.complete(abandoned, { result: -110 });
      const torn = it.submit(OP_WRITE, 2, { flags: LOG_FLAG_TORN });
      it.complete(torn, { result: -5 });
      const flush = it.submit(OP_FLUSH);
      it.complete(flush, { operation: OP_FLUSH, result: -5 });
      it.mark('flush failed');
      it.flush();
    });
    const explorer = await openExplorer(build, { log });
    const kinds = explorer.points().map(({ kind }) => kind);
    assert.equal(kinds, ['start', 'submit', 'failure', 'submit', 'submit', 'flush']);
    assert.equal(imagesOf(explorer, 3, [1]), ['0 0 0', '1 0 0']);
    const before = explorer.pointOfMark('flush failed')?.index ?? -1;
    assert.equal(imagesOf(explorer, 3, [before]), ['0 0 0', '0 0 3', '0 2 0', '0 2 3']);
    assert.equal(imagesOf(explorer, 3, [lastOf(explorer)]), ['0 0 3', '0 2 3']);
  });

  models(
    'a flush with a domain covers its domain only, where the model says so; parts of a merged write have their own',
    async () => {
      const log = logOf((it) => {
        const merged = it.submit(OP_WRITE, 0, { sectors: 3, fill: 1 });
        it.part(merged, 0, 1, 7, 70);
        it.part(merged, 1, 2, 8, 80);
        it.complete(merged);
        it.write(3, { domain: 7, fill: 2 });
        it.flush({ domain: 7 });
      });
      const all = await openExplorer(build, { log });
      assert.equal(imagesOf(all, 4, [lastOf(all)]), ['1 1 1 2']);
      const strict = await openExplorer(build, { log, model: { flushScope: 'domain', tearing: 'none' } });
      assert.equal(
        strict.writes.map(({ number, offset, length, domain, tag }) => [number, offset, length, domain, tag]),
        [
          [1, 0, 512, 7, 70],
          [1, 512, 1024, 8, 80],
          [2, 1536, 512, 7, 0],
        ],
      );
      assert.equal(imagesOf(strict, 4, [lastOf(strict)]), ['1 0 0 2', '1 1 1 2']);
    },
  );

  models('prefix by domain: each domain loses its last writes, whatever the others do', async () => {
    const log = logOf((it) => {
      it.write(0, { domain: 1 });
      it.write(1, { domain: 2 });
      it.write(2, { domain: 1 });
    });
    const model = { order: 'domainPrefix', tearing: 'none' } as const;
    const explorer = await openExplorer(build, { log, model });
    assert.equal(imagesOf(explorer, 3, [3]), ['0 0 0', '0 2 0', '1 0 0', '1 0 3', '1 2 0', '1 2 3']);
  });

  models('only the drive that is asked for counts', async () => {
    const log = logOf((it) => {
      it.write(0, { drive: 1, fill: 4 });
      it.write(1, { fill: 5 });
      it.submit(OP_DISCARD, 0, { drive: 1, sectors: 2 });
    }, 2);
    assert.equal(imagesOf(await openExplorer(build, { log }), 2), ['0 0', '0 5']);
    const second = await openExplorer(build, { log, drive: 1 });
    assert.equal(
      second.points().map(({ step }) => step),
      [0, 1, 5],
    );
    assert.equal(imagesOf(second, 2), ['0 0', '4 0']);
  });

  models('an option out of its range is named', async () => {
    const log = logOf(() => {});
    await rejects(openExplorer(build, { log, model: { unit: 768 } }), /model\.unit/);
    await rejects(openExplorer(build, { log, model: { unit: 1536 } }), /model\.unit is 1536/);
    await rejects(openExplorer(build, { log, model: { unit: '128KiB' } }), /model\.unit/);
    await rejects(openExplorer(build, { log, model: { order: 'none' as 'any' } }), /model\.order/);
    await rejects(openExplorer(build, { log, model: { promises: ['SAFE' as 'ATOMIC'] } }), /model\.promises/);
    await rejects(openExplorer(build, { log, bound: -1 }), /bound is -1/);
    await rejects(openExplorer(build, { log, budget: 0 }), /budget is 0/);
    await rejects(openExplorer(build, { log, drive: 4096 }), /drive is 4096/);
    await rejects(openExplorer(build, { log, baseHash: 'ab' }), /baseHash/);
    await rejects(openExplorer(build, { log, limits: { images: 3 } }), /limits\.images is 3/);
    await rejects(openExplorer(build, { log, limits: { payload: '2GiB' } }), /limits\.payload/);
  });

  models.run();
}

async function rejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.match(error?.message ?? 'nothing was thrown', message);
}
