// What is said of writes, moments and survivors: the right block, client, number and verdict, in words that hold.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EVERYTHING, type LedgerRow } from '../../../../src/playground/plug/ledger.ts';
import { rangeWords, rowTitle, rowWords, verdictOf } from '../../../../src/playground/plug/words.ts';
import { blockName, type Xv6Found, xv6Problem } from '../../../../src/playground/plug/xv6.ts';
import type { Scene, SceneClient } from '../../../../src/playground/scene/types.ts';
import { FIRST_SCENE } from '../../../../src/playground/scenes/index.ts';
import { XV6_LOG } from '../../../../src/playground/scenes/xv6-log.ts';
import type { Survivor } from '../../../../src/playground/worker/plug-protocol.ts';

const words = suite('words of the plug');

const ROW: LedgerRow = {
  index: 0,
  client: 0,
  chapter: 0,
  request: 0,
  op: 'write',
  target: 'drive0',
  offsetBytes: 8192,
  lengthBytes: 4096,
  isForced: false,
  begunAt: 0,
  begunStep: 1,
  ended: undefined,
};

function sceneWith(...clients: readonly SceneClient[]): Scene {
  return { ...FIRST_SCENE, check: 'sectors', clients };
}

const ALONE = sceneWith({ name: 'app', entrance: 'aio' });
const TWO = sceneWith({ name: 'app', entrance: 'aio' }, { name: 'guest', entrance: 'virtio' });

words('a range is its sectors, those that it touches only in part as well', () => {
  assert.is(rangeWords(0, 512), 'sector 0');
  assert.is(rangeWords(0, 513), 'sectors 0 to 1');
  assert.is(rangeWords(511, 2), 'sectors 0 to 1');
  assert.is(rangeWords(20_480, 4096), 'sectors 40 to 47');
  assert.is(rangeWords(1_048_576, 512), 'sector 2,048');
});

words(
  'a write has its length and place, its client where there are several, its file where it is one',
  () => {
    assert.is(rowWords(ALONE, ROW), 'the write of 4 KiB at 8 KiB');
    assert.is(rowWords(TWO, { ...ROW, client: 1 }), 'guest’s write of 4 KiB at 8 KiB');
    assert.is(
      rowWords(ALONE, { ...ROW, op: 'discard', target: '/log' }),
      'the discard of 4 KiB at 8 KiB of /log',
    );
    assert.is(rowWords(ALONE, { ...ROW, op: 'writeZeroes' }), 'the write of zeros of 4 KiB at 8 KiB');
    assert.is(rowTitle(ALONE, ROW), '4 KiB at 8 KiB');
    assert.is(rowTitle(TWO, ROW), 'app: 4 KiB at 8 KiB');
  },
);

words('a sync is called what its client calls it', () => {
  const sync = { ...ROW, op: 'sync' } as const;
  assert.is(rowWords(ALONE, sync), 'the fsync');
  assert.is(rowWords(TWO, { ...sync, client: 1 }), 'guest’s flush');
  assert.is(rowWords(sceneWith({ name: 'log', entrance: 'block' }), sync), 'the flush');
  assert.is(rowWords(TWO, { ...sync, target: EVERYTHING }), 'the sync of everything');
});

words('of the xv6 log each write is a block of a transaction, each flush what it stands behind', () => {
  const at = (chapter: number, block: number, op: LedgerRow['op'] = 'write') =>
    rowWords(XV6_LOG, { ...ROW, chapter, op, offsetBytes: block * 1024, lengthBytes: 1024 });
  assert.is(at(0, 0), 'log block 0 of transaction 1');
  assert.is(at(4, 1), 'log block 1 of transaction 2');
  assert.is(at(1, 2), 'the header of transaction 1');
  assert.is(at(6, 4), 'home block 4 of transaction 2');
  assert.is(at(7, 2, 'writeZeroes'), 'the emptied header of transaction 2');
  assert.equal(
    [0, 1, 2, 3, 4, 5, 6, 7].map((chapter) => at(chapter, 0, 'sync')),
    [1, 2].flatMap((transaction) =>
      ['log', 'header', 'homes', 'header'].map(
        (part) => `the flush behind the ${part} of transaction ${transaction}`,
      ),
    ),
  );
  assert.is(rowTitle(XV6_LOG, { ...ROW, offsetBytes: 0 }), 'log block 0 of transaction 1');
  assert.equal([1, 2, 3].map(blockName), ['log block 1', 'the header', 'home block 3']);
});

const JUDGED = {
  writes: [],
  promisedThere: 0,
  promisedLost: 0,
  luckyThere: 0,
  unpromisedLost: 0,
  foreignSectors: 0,
};
const GOOD: Survivor = {
  crash: 'power',
  step: 1,
  judged: JUDGED,
  rows: [],
  files: undefined,
  faults: [],
  xv6: undefined,
  refused: undefined,
  isLying: false,
  goesOn: undefined,
};

words('the verdict says the worst that is so, and no less', () => {
  const of = (survivor: Partial<Survivor>, judged: Partial<Survivor['judged']> = {}) =>
    verdictOf({ ...GOOD, ...survivor, judged: { ...JUDGED, ...judged } });
  assert.is(of({}), 'Every promise is kept, and nothing is lost.');
  assert.is(of({}, { luckyThere: 1 }), 'Every promise is kept, and luck has kept the rest.');
  assert.is(
    of({}, { luckyThere: 1, unpromisedLost: 1 }),
    'Every promise is kept. 1 write without a promise is lost, at least in part.',
  );
  assert.is(
    of({}, { unpromisedLost: 1200 }),
    'Every promise is kept. 1,200 writes without a promise are lost, at least in part.',
  );
  assert.is(
    of({ crash: 'process' }, { unpromisedLost: 1 }),
    'Nothing is lost: the kernel still has every byte.',
  );
  assert.is(
    of({ faults: ['inode 3 has no name', 'another'] }, { unpromisedLost: 2 }),
    'The volume comes up with faults: inode 3 has no name.',
  );
  assert.is(
    of({ faults: ['a fault'] }, { promisedLost: 1, unpromisedLost: 1 }),
    'A write that had been promised is missing. A promise is broken.',
  );
  assert.is(
    of({ isLying: true }, { promisedLost: 2 }),
    '2 writes that had been promised are missing. This drive said that its flush was done, and it was not.',
  );
  assert.is(
    of({ refused: 'no superblock' }, { promisedLost: 2 }),
    'It does not come up again: no superblock.',
  );
});

const FOUND: Xv6Found = { transactions: 0, named: undefined, homes: [0, 0, 0] };

words('of the xv6 log the verdict is what recovery finds', () => {
  const of = (found: Partial<Xv6Found>, promised = 0) => {
    const whole = { ...FOUND, ...found };
    return verdictOf({ ...GOOD, xv6: { ...whole, problem: xv6Problem(whole, promised) } });
  };
  assert.is(of({}), 'Recovery finds no transaction yet: all is well.');
  assert.is(of({ transactions: 1 }, 1), 'Recovery finds 1 transaction, whole: all is well.');
  assert.is(of({ transactions: 2 }, 1), 'Recovery finds 2 transactions, whole: all is well.');
  assert.is(of({ transactions: 1 }, 2), 'Transaction 2 had been acknowledged, and is gone.');
  assert.is(
    of({ transactions: undefined, homes: [1, 0, undefined] }),
    'A transaction is there by halves: home block 3 holds the block of transaction 1, home block 4 holds nothing, home block 5 holds junk.',
  );
});

words.run();
