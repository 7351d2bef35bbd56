// The address axis: it rises, shows all that a run touches, and folds what it does not.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../../../../assembly/layout.ts';
import { makeAxis, type Piece } from '../../../../src/playground/stage/axis.ts';
import { DriveReach, type DriveRecord, foldedPieces } from '../../../../src/playground/stage/extent.ts';
import { BAR_MIN_WIDTH, TICK_MIN_GAP } from '../../../../src/playground/stage/geometry.ts';

const GIB = 2_097_152;

const axes = suite('address axis');

function record(kind: number, address = 0, count = 8): DriveRecord {
  return { kind, address, count, operation: layout.OP_WRITE, detail: 0 };
}

function reach(sectorCount: number, addresses: readonly number[]): readonly Piece[] {
  const drive = new DriveReach({
    index: 0,
    model: 'ssd',
    sectorCount,
    channels: undefined,
    queueDepth: 32,
    volatileWrites: 0,
  });
  for (const address of addresses) drive.take(record(layout.RECORD_QUEUED, address));
  return drive.extent().pieces;
}

const FOLDED = [
  { sector: 0, sectorCount: 64 },
  { sector: 8 * GIB, sectorCount: 4096 },
  { sector: 900 * GIB, sectorCount: 8 },
];

for (const pieces of [[{ sector: 0, sectorCount: 256 }], [{ sector: 0, sectorCount: 2 ** 43 }], FOLDED]) {
  for (const width of [130, 300, 780]) {
    axes(`${pieces.length} pieces on ${width} pixels: x never falls and stays on the axis`, () => {
      const axis = makeAxis(pieces, 18, width);
      let last = -1;
      for (const piece of pieces) {
        for (let part = -1; part <= 10; part++) {
          const x = axis.x(Math.max(0, piece.sector + (piece.sectorCount * part) / 8));
          assert.ok(x >= last && x >= 18 && x <= 18 + width + 0.001, `${x} behind ${last}`);
          last = x;
        }
        const { x, width: wide } = axis.span(piece.sector + piece.sectorCount - 1, 1);
        assert.ok(wide >= BAR_MIN_WIDTH && x + wide <= 18 + width + 0.001);
      }
    });

    axes(`${pieces.length} pieces on ${width} pixels: ticks rise, and leave each other room`, () => {
      const { ticks } = makeAxis(pieces, 18, width);
      assert.ok(ticks.length > 0);
      ticks.slice(1).forEach((tick, index) => {
        assert.ok(tick.x - (ticks[index]?.x ?? 0) >= TICK_MIN_GAP - 1, `${ticks[index]?.text}, ${tick.text}`);
      });
    });
  }
}

axes('small drives are counted in pages, large ones in bytes', () => {
  const texts = (sectorCount: number): string[] =>
    makeAxis([{ sector: 0, sectorCount }], 0, 780).ticks.map(({ text }) => text);
  assert.equal(texts(256).slice(0, 3), ['page 0', '4', '8']);
  assert.equal(texts(2 * GIB).slice(0, 3), ['0', '256 MiB', '512 MiB']);
});

axes('a small drive is shown whole, wherever it is touched', () => {
  assert.equal(reach(256, [64]), [{ sector: 0, sectorCount: 256 }]);
});

axes('a huge drive is folded around what is touched', () => {
  const pieces = reach(1024 * GIB, [0, 8, 16, 700 * GIB, 700 * GIB + 8]);
  assert.is(pieces.length, 2);
  for (const address of [0, 16, 700 * GIB]) {
    assert.ok(
      pieces.some(({ sector, sectorCount }) => address >= sector && address + 8 <= sector + sectorCount),
      `${address}`,
    );
  }
  assert.ok(pieces.reduce((sum, { sectorCount }) => sum + sectorCount, 0) < GIB);
});

axes('what is touched all over is shown whole', () => {
  const all = Array.from({ length: 1024 }, (_, index) => index * (GIB / 1024));
  assert.equal(reach(GIB, all), [{ sector: 0, sectorCount: GIB }]);
});

axes('pieces lie apart and in order, and hold every run, however many runs there are', () => {
  const runs = Array.from({ length: 40 }, (_, index) => ({
    sector: index * index * 100_000,
    sectorCount: 8,
  }));
  const pieces = foldedPieces(runs, 200_000_000);
  assert.ok(pieces.length <= 4);
  pieces.slice(1).forEach((piece, index) => {
    const before = pieces[index] as Piece;
    assert.ok(before.sector + before.sectorCount < piece.sector);
  });
  for (const run of runs) {
    assert.ok(
      pieces.some(
        ({ sector, sectorCount }) => run.sector >= sector && run.sector + 8 <= sector + sectorCount,
      ),
    );
  }
});

/** Numbers that look random and are the same each time, below `limit`. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
}

axes('of equal gaps the first are folded', () => {
  const runs = Array.from({ length: 6 }, (_, index) => ({ sector: index * 1000, sectorCount: 8 }));
  assert.equal(foldedPieces(runs, 20_000), [
    { sector: 0, sectorCount: 8 },
    { sector: 1000, sectorCount: 8 },
    { sector: 2000, sectorCount: 8 },
    { sector: 2816, sectorCount: 2304 },
  ]);
});

axes('whatever is touched, on an axis of any width: at most four pieces, each with a width, in order', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const below = numbers(seed);
    const sectorCount = 4096 << below(8);
    // gaps are often equal: a few sizes, all multiples of a page
    const runs: Piece[] = [];
    for (let sector = 8 * below(60); sector + 800 < sectorCount && runs.length < 30; ) {
      const length = 8 * (1 + below(10));
      runs.push({ sector, sectorCount: length });
      sector += length + 8 * [1, 60, 60, 70][below(4)]!;
    }
    if (runs.length === 0) continue;
    const pieces = foldedPieces(runs, sectorCount);
    const width = 1 + below(700);
    const axis = makeAxis(pieces, 18, width);
    assert.ok(axis.pieces.length <= 4, `seed ${seed}: ${axis.pieces.length} pieces`);
    let end = 18;
    for (const piece of axis.pieces) {
      assert.ok(piece.width > 0 && piece.x >= end - 0.001, `seed ${seed}: ${piece.width} at ${piece.x}`);
      end = piece.x + piece.width;
    }
    assert.ok(end <= 18 + width + 0.001, `seed ${seed}: ends at ${end} of ${18 + width}`);
  }
});

axes('more pieces than there is room for are drawn narrow', () => {
  const pieces = Array.from({ length: 9 }, (_, index) => ({
    sector: index * 10_000,
    sectorCount: 8 << index,
  }));
  const axis = makeAxis(pieces, 0, 160);
  assert.ok(axis.pieces.every(({ width }) => width > 0));
  assert.ok(axis.ticks.length > 0);
});

axes('an axis stays as it is while a run goes on inside it', () => {
  const drive = new DriveReach({
    index: 0,
    model: 'ssd',
    sectorCount: 1024 * GIB,
    channels: undefined,
    queueDepth: 32,
    volatileWrites: 0,
  });
  for (const address of [0, 4000, 600 * GIB]) drive.take(record(layout.RECORD_QUEUED, address));
  const before = drive.extent().pieces;
  drive.take(record(layout.RECORD_QUEUED, 2000));
  assert.is(drive.extent().pieces, before);
  drive.take(record(layout.RECORD_QUEUED, 300 * GIB));
  assert.is.not(drive.extent().pieces, before);
});

axes('peaks are counted from what is queued, issued and completed', () => {
  const drive = new DriveReach({
    index: 0,
    model: 'ssd',
    sectorCount: 256,
    channels: undefined,
    queueDepth: 32,
    volatileWrites: 4,
  });
  for (const kind of [
    layout.RECORD_QUEUED,
    layout.RECORD_QUEUED,
    layout.RECORD_QUEUED,
    layout.RECORD_ISSUED,
    layout.RECORD_ISSUED,
    layout.RECORD_COMPLETED,
    layout.RECORD_ISSUED,
  ]) {
    drive.take(record(kind));
  }
  drive.take({ ...record(layout.RECORD_VOLATILE), detail: 3 });
  const { waitingPeak, inServicePeak, volatilePeak } = drive.extent();
  assert.equal([waitingPeak, inServicePeak, volatilePeak], [3, 2, 3]);
});

axes.run();
