// Lots: which requests share one, which are held for the next, and which are refused.
//
// A request that shares a byte with one of its lot waits for the lot to end when one of the two modifies; a lot holds at
// most `batch` requests. A refused request names its line and the limit, what is ahead of it is done, it is not begun.

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { REPLAY_LOT_BYTES, VIRTIO_MAX_SECTORS } from '../../../assembly/limits.ts';
import { ConfigError } from '../../../src/errors.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { fillPattern, patternBase } from '../../../src/replay/pattern.ts';
import { join, vscsiRecord } from '../trace/support.ts';
import { iolog, NAME, play, refusalOf, withFolder } from './support.ts';

const overlap = suite('replay/overlap');

const MIB = 2 ** 20;
const MAX_BYTES = 64 * MIB;
const DRIVE_BYTES = 2 ** 52;

async function lotsOf(
  requests: readonly string[],
  options: ReplayOptions = {},
): Promise<{ held: number; lots: number }> {
  const report = await play(iolog(requests, ['a', 'b']), { batch: 32, ...options });
  assert.is(report.verify.mismatches, 0);
  assert.is(report.player.requests, requests.length);
  assert.is(report.trace.requests, requests.length);
  return { held: report.player.heldForOverlap, lots: report.player.notifications };
}

const ONE_LOT = { held: 0, lots: 1 };
const TWO_LOTS = { held: 1, lots: 2 };

/** What two requests after one another make: one lot or two. */
const PAIRS: readonly [claim: string, requests: readonly string[], outcome: typeof ONE_LOT][] = [
  ['a write over a write is held', ['a write 0 4096', 'a write 3584 4096'], TWO_LOTS],
  ['a read of what is being written is held', ['a write 0 4096', 'a read 2048 512'], TWO_LOTS],
  ['a write over what is being read is held', ['a read 0 4096', 'a write 512 512'], TWO_LOTS],
  ['a read of what is being read is not held', ['a read 0 4096', 'a read 0 4096'], ONE_LOT],
  ['a discard of what is being written is held', ['a write 0 4096', 'a trim 0 512'], TWO_LOTS],
  ['a discard of what is being read is held', ['a read 0 4096', 'a trim 0 512'], TWO_LOTS],
  ['a read of what is being discarded is held', ['a trim 0 4096', 'a read 512 512'], TWO_LOTS],
  ['a discard over a discard is held', ['a trim 0 4096', 'a trim 512 512'], TWO_LOTS],
  ['the same bytes of another device are not held', ['a write 0 4096', 'b write 0 4096'], ONE_LOT],
  ['a neighbour is not held', ['a write 0 4096', 'a write 4096 4096'], ONE_LOT],
  ['a neighbour below is not held', ['a write 4096 4096', 'a write 0 4096'], ONE_LOT],
  ['a flush is never held', ['a write 0 4096', 'a sync 0 0'], ONE_LOT],
  ['a write after a flush is not held by the flush', ['a datasync 0 0', 'a write 0 4096'], ONE_LOT],
  ['a range that contains the other is held', ['a write 4096 512', 'a write 0 65536'], TWO_LOTS],
  [
    'ranges far apart are told apart by all their bits',
    ['a write 512 512', `a write ${2 ** 32 + 512} 512`],
    ONE_LOT,
  ],
];

for (const through of ['aio', 'virtio'] as const) {
  for (const [claim, requests, outcome] of PAIRS) {
    overlap(`${claim}, through ${through}`, async () => {
      assert.equal(await lotsOf(requests, { through }), outcome);
      assert.equal(await lotsOf(requests, { through, payload: 'none' }), outcome);
    });
  }
}

overlap('one shared byte is enough to be held', async () => {
  assert.equal(await lotsOf(['a write 0 101', 'a read 100 7']), TWO_LOTS);
  assert.equal(await lotsOf(['a write 0 100', 'a read 100 7']), ONE_LOT);
});

overlap(
  'a chain of writes to one place is a lot each, counted once each, and ends with the last',
  async () => {
    const writes = Array.from({ length: 9 }, () => 'a write 0 4096');
    assert.equal(await lotsOf([...writes, 'a read 0 4096']), { held: 9, lots: 10 });
  },
);

overlap('what follows a held request goes into its lot', async () => {
  const requests = ['a write 0 512', 'a write 0 512', 'a write 512 512', 'a write 1024 512'];
  assert.equal(await lotsOf(requests), TWO_LOTS);
});

overlap('with batch 1 nothing can be held', async () => {
  assert.equal(await lotsOf(['a write 0 512', 'a write 0 512', 'a read 0 512'], { batch: 1 }), {
    held: 0,
    lots: 3,
  });
});

for (const through of ['aio', 'virtio'] as const) {
  overlap(`a lot is at most batch requests and one notification, through ${through}`, async () => {
    const requests = Array.from({ length: 70 }, (_, index) => `a write ${index * 4096} 512`);
    for (const [batch, lots] of [
      [1, 70],
      [7, 10],
      [32, 3],
      [69, 2],
      [70, 1],
      [256, 1],
    ] as const) {
      assert.equal(await lotsOf(requests, { batch, through }), { held: 0, lots }, `batch ${batch}`);
    }
  });
}

overlap('requests of several devices share one lot and one notification', async () => {
  const requests = Array.from(
    { length: 16 },
    (_, index) => `${index % 2 === 0 ? 'a' : 'b'} write ${index * 512} 512`,
  );
  assert.equal(await lotsOf(requests, { through: 'virtio' }), ONE_LOT);
});

overlap('a lot ends before its data is more than its bound, and a single request may be more', async () => {
  const requests = Array.from({ length: 20 }, (_, index) => `a write ${index * MIB} ${MIB}`);
  const lots = Math.ceil((20 * MIB) / REPLAY_LOT_BYTES);
  assert.equal(await lotsOf(requests), { held: 0, lots });
  const large = [`a write 0 ${REPLAY_LOT_BYTES + 512}`, `a read ${REPLAY_LOT_BYTES * 2} 512`];
  assert.equal(await lotsOf(large), { held: 0, lots: 2 });
});

for (const batch of [0, 257, 1.5, Number.NaN]) {
  overlap(`batch ${batch} is a ConfigError that names the limit`, async () => {
    try {
      await lotsOf(['a read 0 512'], { batch });
    } catch (error) {
      assert.instance(error, ConfigError);
      assert.match((error as Error).message, 'whole number from 1 to 256');
      return;
    }
    assert.unreachable();
  });
}

/** Line of the second request of a trace with one file. */
const SECOND_LINE = 5;

const REFUSED: readonly [claim: string, request: string, reason: string, options: ReplayOptions][] = [
  [
    'a write of one byte over 64 MiB',
    `a write 0 ${MAX_BYTES + 1}`,
    `length ${MAX_BYTES + 1} is more than the ${MAX_BYTES} bytes`,
    {},
  ],
  ['a read of 4 GiB - 1', `a read 0 ${2 ** 32 - 1}`, `is more than the ${MAX_BYTES} bytes`, {}],
  [
    'a write over 64 MiB through virtio',
    `a write 0 ${MAX_BYTES + 512}`,
    `is more than the ${MAX_BYTES} bytes`,
    { through: 'virtio' },
  ],
  [
    'a write that ends past 2^52',
    `a write ${DRIVE_BYTES - 511} 512`,
    `offset ${DRIVE_BYTES - 511} with length 512 ends past the drive's end, 2^52`,
    {},
  ],
  [
    'a read that begins past 2^52',
    `a read ${2 ** 53 - 1024} 512`,
    "past the drive's end, 2^52",
    { through: 'virtio' },
  ],
  [
    'a discard that ends past 2^52',
    `a trim ${DRIVE_BYTES - 512} ${200 * MIB}`,
    "past the drive's end, 2^52",
    {},
  ],
  [
    'a discard of odd bytes',
    'a trim 0 700',
    'length 700 are not whole sectors of 512 bytes, which a discard needs',
    {},
  ],
  [
    'a discard longer than virtio has',
    `a trim 0 ${(VIRTIO_MAX_SECTORS + 1) * 512}`,
    `more than the ${VIRTIO_MAX_SECTORS * 512} bytes`,
    { through: 'virtio' },
  ],
];

for (const [claim, request, reason, options] of REFUSED) {
  for (const payload of ['full', 'none'] as const) {
    overlap(`${claim} is refused, naming line and limit, payload ${payload}`, async () => {
      const error = await refusalOf(iolog(['a write 0 512', request, 'a write 8192 512']), {
        ...options,
        payload,
      });
      assert.is(error.code, 'ERR_REPLAY_REQUEST');
      assert.is(error.file, NAME);
      assert.is(error.line, SECOND_LINE);
      assert.match(error.message, `${NAME}: line ${SECOND_LINE}: `);
      assert.match(error.message, reason);
    });
  }
}

overlap('a refused request of a binary trace is named by its record', async () => {
  const good = vscsiRecord(1, { lbn: 0n });
  const trace = join([good, good, vscsiRecord(1, { lbn: 2n ** 43n })]);
  const error = await refusalOf(trace);
  assert.is(error.line, 3);
  assert.match(error.message, `${NAME}: record 3: offset ${DRIVE_BYTES} with length 4096 ends past`);
});

overlap('what is just inside the limits is played and right', async () => {
  const requests = [
    `a write 0 ${MAX_BYTES}`,
    `a read 0 ${MAX_BYTES}`,
    `a write ${DRIVE_BYTES - 512} 512`,
    `a read ${DRIVE_BYTES - 1024} 1024`,
  ];
  for (const through of ['aio', 'virtio'] as const) {
    const report = await play(iolog(requests), { through, cache: '8MiB' });
    assert.is(report.verify.mismatches, 0);
    assert.is(report.verify.sectorsChecked, MAX_BYTES / 512 + 2);
  }
});

overlap('a discard of nearly 4 GiB is played through aio and reads as zeros', async () => {
  const length = 2 ** 32 - 512;
  const requests = ['a write 4096 4096', `a write ${length - 512} 512`, `a trim 0 ${length}`];
  const reads = ['a read 0 8192', `a read ${length - 512} 1024`];
  const report = await play(iolog([...requests, ...reads]), { reopen: true });
  assert.is(report.verify.mismatches, 0);
  assert.is(report.verify.reopenedMismatches, 0);
  assert.is(report.drive.discardBytes, length);
});

overlap('of a refused request nothing is done, and everything ahead of it is', async () => {
  for (const batch of [1, 32]) {
    await withFolder(async (folder) => {
      const image = path.join(folder, 'disk.img');
      const trace = iolog(['a write 0 512', `a write 0 ${MAX_BYTES + 512}`, 'a write 8192 512']);
      await refusalOf(trace, { cacheMode: 'directsync', batch, image });
      const words = new Int32Array(128);
      fillPattern(words, patternBase(1, 0, 0, 1));
      const left = readFileSync(image);
      assert.equal(new Uint8Array(left.subarray(0, 512)), new Uint8Array(words.buffer));
      assert.is(left.length, 512);
    });
  }
});

overlap('what is ahead of a bad line is done before the line is complained of', async () => {
  await withFolder(async (folder) => {
    const image = path.join(folder, 'disk.img');
    try {
      await play(iolog(['a write 0 512', 'a write -1 512']), { cacheMode: 'directsync', image });
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), `${NAME}: line ${SECOND_LINE}: offset -1 is negative`);
    }
    assert.is(readFileSync(image).length, 512);
  });
});

overlap.run();
