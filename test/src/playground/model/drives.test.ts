// A drive as its records tell it: who waits, who is served, what is volatile, and what a power cut would find.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_DISCARD, OP_FLUSH, OP_READ, OP_WRITE } from '../../../../assembly/layout.ts';
import {
  CELL_DURABLE,
  CELL_LOST,
  CELL_UNTOUCHED,
  CELL_VOLATILE,
} from '../../../../src/playground/model/media.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import type { DriveState } from '../../../../src/playground/model/types.ts';
import { type Crafted, runOf, stackOf } from '../support/crafted.ts';

const drives = suite('a drive in records');

const NOT_ADJACENT = 4;

/** A piece `bio` becomes request `id`. */
const queued = (id: number, operation: number, address = 0, count = 0, bio = 100 + id): Crafted => ({
  kind: 'queued',
  ...{ id, operation, address, count },
  detail: NOT_ADJACENT | (bio << 8),
});
const issued = (id: number, operation: number, address = 0, count = 0, bios = 1): Crafted => ({
  kind: 'issued',
  ...{ id, operation, address, count, detail: bios },
});
const completed = (id: number, operation: number, address = 0, count = 0, detail = 0): Crafted => ({
  kind: 'completed',
  ...{ id, operation, address, count, detail },
});
const volatile = (id: number, address: number, count: number, operation = OP_WRITE): Crafted => ({
  kind: 'volatile',
  ...{ id, operation, address, count },
});
/** A write from its start to the drive's volatile cache. */
const written = (id: number, address: number, count: number): Crafted[] => [
  queued(id, OP_WRITE, address, count),
  issued(id, OP_WRITE, address, count),
  volatile(id, address, count),
  completed(id, OP_WRITE, address, count),
];
const flushed = (id: number, count: number): Crafted => ({ kind: 'flushed', operation: OP_FLUSH, id, count });

function driveAt(run: Run, step = run.stepCount): DriveState {
  return stackOf(run, step).drives[0] as DriveState;
}

const waitingOf = (drive: DriveState) => drive.waiting.map(({ key, sharedWith }) => [key, sharedWith]);
const servedOf = (drive: DriveState) => drive.inService.map(({ key }) => key);

drives('a flush at the drive serves the oldest of those that wait, and they end with it', () => {
  const run = runOf([
    [queued(1, OP_FLUSH), queued(2, OP_FLUSH), queued(3, OP_FLUSH), queued(4, OP_FLUSH)],
    [issued(1, OP_FLUSH, 0, 0, 3)],
    [completed(1, OP_FLUSH)],
    [issued(4, OP_FLUSH)],
    [completed(4, OP_FLUSH)],
  ]);
  assert.equal(waitingOf(driveAt(run, 2)), [
    ['request:2', 1],
    ['request:3', 1],
    ['request:4', 0],
  ]);
  assert.equal(servedOf(driveAt(run, 2)), ['request:1']);
  assert.equal(waitingOf(driveAt(run, 3)), [['request:4', 0]]);
  assert.equal([waitingOf(driveAt(run, 4)), servedOf(driveAt(run, 4))], [[], ['request:4']]);
  assert.equal([waitingOf(driveAt(run)), servedOf(driveAt(run)), driveAt(run).flushes], [[], [], 2]);
});

drives('a flush that says no number serves all that wait, but no write and no flush of another', () => {
  const run = runOf([
    [queued(1, OP_FLUSH), queued(2, OP_WRITE, 0, 8), queued(3, OP_FLUSH), queued(4, OP_FLUSH)],
    [issued(1, OP_FLUSH, 0, 0, 2), issued(4, OP_FLUSH, 0, 0, 0)],
    [queued(5, OP_FLUSH)],
    [completed(4, OP_FLUSH)],
    [completed(1, OP_FLUSH)],
  ]);
  assert.equal(waitingOf(driveAt(run, 2)), [
    ['request:2', 0],
    ['request:3', 1],
  ]);
  assert.equal(waitingOf(driveAt(run, 4)), [
    ['request:2', 0],
    ['request:3', 1],
    ['request:5', 0],
  ]);
  assert.equal(waitingOf(driveAt(run)), [
    ['request:2', 0],
    ['request:5', 0],
  ]);
});

drives('the flush before a write is a request of its own beside it', () => {
  const run = runOf([
    [queued(1, OP_WRITE, 8, 8)],
    [issued(1, OP_FLUSH, 0, 0, 0)],
    [completed(1, OP_FLUSH)],
    [issued(1, OP_WRITE, 8, 8)],
    [completed(1, OP_WRITE, 8, 8)],
  ]);
  assert.equal([waitingOf(driveAt(run, 2)), servedOf(driveAt(run, 2))], [[['request:1', 0]], ['flush:1']]);
  assert.is(driveAt(run, 2).inService[0]?.hue, 'flush');
  assert.equal([waitingOf(driveAt(run, 3)), servedOf(driveAt(run, 3))], [[['request:1', 0]], []]);
  assert.equal(servedOf(driveAt(run, 4)), ['request:1']);
  assert.equal([servedOf(driveAt(run)), driveAt(run).flushes, driveAt(run).writes], [[], 1, 1]);
});

drives('pieces join at the end that the record says, and are new there for one step', () => {
  const join = (kind: 'backMerged' | 'frontMerged', id: number, address: number): Crafted => ({
    ...{ kind, operation: OP_WRITE, id, address, count: 8, detail: 1 },
  });
  const run = runOf([
    [queued(1, OP_WRITE, 16, 8, 50)],
    [join('backMerged', 51, 24), join('frontMerged', 52, 8)],
    [],
  ]);
  const [request] = driveAt(run, 2).waiting;
  assert.equal([request?.sector, request?.sectorCount], [8, 24]);
  assert.equal(
    request?.bios.map(({ id, sector, joined }) => [id, sector, joined]),
    [
      [52, 8, 'front'],
      [50, 16, undefined],
      [51, 24, 'back'],
    ],
  );
  assert.is(request?.apart, 'not adjacent to what waits');
  const later = driveAt(run, 3);
  assert.ok(later.waiting[0]?.bios.every(({ joined }) => joined === undefined));
  assert.equal([later.pieces, later.merges], [3, 2]);
});

drives('a request that another takes in is gone, with its row, and its pieces are in the other', () => {
  const taken = (id: number, address: number): Crafted => ({
    ...({ kind: 'backMerged', operation: OP_WRITE, id, address, count: 8, detail: 1 } as const),
  });
  const run = runOf([
    [queued(1, OP_WRITE, 0, 8, 50), queued(2, OP_WRITE, 8, 8, 51), { ...taken(52, 16), detail: 2 }],
    [taken(51, 8), taken(52, 16)],
    [queued(3, OP_READ, 64, 8, 53)],
  ]);
  const drive = driveAt(run);
  assert.equal(
    drive.waiting.map(({ key, row, bios }) => [key, row, bios.map(({ id }) => id)]),
    [
      ['request:1', 0, [50, 51, 52]],
      ['request:3', 1, [53]],
    ],
  );
  assert.equal([drive.pieces, drive.merges], [4, 2]);
});

drives(
  'a completed write is volatile until a flush that was issued since, and its head is where it ended',
  () => {
    const run = runOf([
      written(1, 0, 8),
      [queued(2, OP_FLUSH), issued(2, OP_FLUSH)],
      written(3, 16, 8),
      [flushed(2, 1), completed(2, OP_FLUSH)],
    ]);
    const before = driveAt(run, 3);
    assert.equal(
      before.volatileWrites.map(({ requestId }) => requestId),
      [1, 3],
    );
    assert.equal([before.media[0], before.media[16]], [CELL_VOLATILE, CELL_VOLATILE]);
    const after = driveAt(run);
    assert.equal(
      after.volatileWrites.map(({ key, sinceNs }) => [key, sinceNs]),
      [['write:0:3', 0]],
    );
    assert.equal(
      [after.media[0], after.media[7], after.media[8], after.media[16]],
      [...[CELL_DURABLE, CELL_DURABLE, CELL_UNTOUCHED, CELL_VOLATILE]],
    );
    assert.is(after.headSector, 24);
  },
);

drives(
  'without a volatile cache a completed write is on the media at once, a discard is gone from it',
  () => {
    const run = runOf([
      [issued(1, OP_WRITE, 0, 16), completed(1, OP_WRITE, 0, 16)],
      [issued(2, OP_DISCARD, 4, 4), completed(2, OP_DISCARD, 4, 4)],
      [issued(3, OP_READ, 32, 8), completed(3, OP_READ, 32, 8)],
    ]);
    assert.equal(
      [3, 4, 7, 8, 32].map((sector) => driveAt(run).media[sector]),
      [...[CELL_DURABLE, CELL_UNTOUCHED, CELL_UNTOUCHED, CELL_DURABLE, CELL_UNTOUCHED]],
    );
    assert.equal([driveAt(run).reads, driveAt(run).writes, driveAt(run).discards], [1, 1, 1]);
  },
);

drives('a write that failed, or that a fault has met, is not told to be on the media', () => {
  const fault: Crafted = { kind: 'fault', id: 2 };
  const run = runOf([
    [queued(1, OP_WRITE, 0, 8), issued(1, OP_WRITE, 0, 8), completed(1, OP_WRITE, 0, 8, -5)],
    [queued(2, OP_WRITE, 8, 8), issued(2, OP_WRITE, 8, 8), fault],
    [completed(2, OP_WRITE, 8, 8)],
  ]);
  assert.equal(
    driveAt(run, 2).inService.map(({ isFaulty }) => isFaulty),
    [true],
  );
  const { media, errors, faults } = driveAt(run);
  assert.equal([media[0], media[8], errors, faults], [CELL_UNTOUCHED, CELL_UNTOUCHED, 1, 1]);
});

drives('what a failed flush left behind stays volatile until a flush covers that many', () => {
  const flush = (id: number, ...end: Crafted[]): Crafted[] => [
    queued(id, OP_FLUSH),
    issued(id, OP_FLUSH),
    ...end,
  ];
  const run = runOf([
    written(1, 0, 8),
    flush(2, completed(2, OP_FLUSH, 0, 0, -5)),
    written(3, 8, 8),
    flush(4, flushed(4, 1), completed(4, OP_FLUSH)),
    flush(5, flushed(5, 1), completed(5, OP_FLUSH)),
  ]);
  const told = (step: number) =>
    driveAt(run, step).volatileWrites.map(({ requestId, isOrphan }) => [requestId, isOrphan]);
  assert.equal(told(3), [
    [1, true],
    [3, false],
  ]);
  assert.equal(told(4), [[1, true]]);
  assert.equal(told(5), []);
});

drives('what did not begin before the failed flush is no orphan of it', () => {
  const run = runOf([
    written(1, 0, 8),
    [queued(2, OP_FLUSH), issued(2, OP_FLUSH)],
    written(3, 8, 8),
    [completed(2, OP_FLUSH, 0, 0, -5)],
  ]);
  assert.equal(
    driveAt(run).volatileWrites.map(({ isOrphan }) => isOrphan),
    [true, false],
  );
});

drives('a full volatile cache moves one write to the media, whichever the drive names', () => {
  const destaged = (id: number): Crafted => ({ kind: 'destaged', id });
  const run = runOf([
    [...written(1, 0, 8), ...written(2, 8, 8), ...written(3, 16, 8)],
    [destaged(2)],
    [destaged(1)],
  ]);
  assert.equal(
    driveAt(run, 2).volatileWrites.map(({ requestId }) => requestId),
    [1, 3],
  );
  assert.equal([driveAt(run, 2).media[0], driveAt(run, 2).media[8]], [CELL_VOLATILE, CELL_DURABLE]);
  assert.equal(
    driveAt(run).volatileWrites.map(({ requestId }) => requestId),
    [3],
  );
  assert.is(driveAt(run).destaged, 2);
});

drives('a power cut keeps, tears or loses a write, and a discard that it keeps leaves nothing', () => {
  const decided = (kind: 'kept' | 'lost', id: number, address: number, detail = 0): Crafted => ({
    ...{ kind, operation: OP_WRITE, id, address, count: 8, detail },
  });
  const run = runOf([
    [...written(1, 0, 8), ...written(2, 8, 8), ...written(3, 16, 8), volatile(4, 24, 8, OP_DISCARD)],
    [
      ...[decided('kept', 1, 0), decided('kept', 2, 8, 3), decided('lost', 3, 16)],
      { ...decided('kept', 4, 24), operation: OP_DISCARD },
    ],
  ]);
  const { media, volatileWrites, kept, lost } = driveAt(run);
  assert.equal(
    [0, 8, 16, 24].map((sector) => media[sector]),
    [...[CELL_DURABLE, CELL_LOST, CELL_LOST, CELL_UNTOUCHED]],
  );
  assert.equal([volatileWrites, kept, lost], [[], 3, 1]);
});

drives('the lowest free row is given again', () => {
  const run = runOf([
    [queued(1, OP_READ, 0, 8), queued(2, OP_READ, 16, 8), queued(3, OP_READ, 32, 8)],
    [
      issued(1, OP_READ, 0, 8),
      completed(1, OP_READ, 0, 8),
      queued(4, OP_READ, 48, 8),
      queued(5, OP_READ, 64, 8),
    ],
  ]);
  assert.equal(
    driveAt(run).waiting.map(({ id, row }) => [id, row]),
    [
      [2, 1],
      [3, 2],
      [4, 0],
      [5, 3],
    ],
  );
});

drives('a run that begins where another ended has its volatile writes, and a flush covers them', () => {
  const earlier = driveAt(runOf([written(1, 0, 8)]));
  const flush = [queued(2, OP_FLUSH), issued(2, OP_FLUSH), flushed(2, 1), completed(2, OP_FLUSH)];
  const run = runOf([flush], {}, [earlier]);
  assert.equal([driveAt(run, 0).volatileWrites.length, driveAt(run, 0).media[0]], [1, CELL_VOLATILE]);
  assert.equal([driveAt(run, 1).volatileWrites.length, driveAt(run, 1).media[0]], [0, CELL_DURABLE]);
});

drives.run();
