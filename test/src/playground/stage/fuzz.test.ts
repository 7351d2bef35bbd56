// Whatever machine a run is of, and however it arrives: the page finds its end, and every picture has a place for everything.
// The records are random as well, so that nothing leans on what today's core would never say. What hangs is ended by the time limit.
// test-timeout: 180

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RECORD_KIND_COUNT, RECORD_SIZE } from '../../../../assembly/layout.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { makeAxis } from '../../../../src/playground/stage/axis.ts';
import { extentOf } from '../../../../src/playground/stage/extent.ts';
import * as geometry from '../../../../src/playground/stage/geometry.ts';
import { layoutStage } from '../../../../src/playground/stage/layout.ts';
import type { RunPart, Shape } from '../../../../src/playground/worker/protocol.ts';

const fuzz = suite('stage fuzz');

const RUNS = 40;
const MODELS = ['instant', 'fixed', 'hdd', 'ssd', 'nvme'];
const ENTRANCES = ['aio', 'usrbio', 'bluestore', 'virtio', 'block', 'files'];
const SECTOR_COUNTS = [1, 7, 8, 63, 2048, 65_537, 2 ** 24, 2 ** 43];

class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

function drawShape(draw: Draw): Shape {
  const driveCount = draw.of([0, 1, 1, 2, 5, 64]);
  return {
    seed: 1,
    cachePages: draw.of([0, 1, 2, 63, 512, 513, 5000]),
    blocksAPage: draw.of([1, 2, 8]),
    drives: Array.from({ length: driveCount }, (_, index) => ({
      index,
      model: draw.of(MODELS),
      sectorCount: draw.of(SECTOR_COUNTS),
      channels: undefined,
      queueDepth: draw.of([1, 32, 1024]),
      volatileWrites: draw.of([0, 1, 4096]),
    })),
    files: Array.from({ length: draw.below(4) }, (_, number) => ({
      number,
      name: `file ${number}`,
      drive: 0,
      pageCount: draw.of([1, 64, 2 ** 30]),
    })),
    clients: Array.from({ length: draw.below(6) }, (_, index) => ({
      name: `client ${index}`,
      entrance: draw.of(ENTRANCES),
      device: index,
      devices: [index],
      contexts: [index],
      target: 'file 0',
    })),
    memoryBytes: 2 ** 24,
  };
}

/** Records that mostly are about few things, so that they meet. */
function drawRecords(draw: Draw, shape: Shape, count: number): Uint8Array {
  const bytes = new Uint8Array(count * RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    const at = index * RECORD_SIZE;
    const device = draw.below(Math.max(1, shape.drives.length));
    const sectorCount = shape.drives[device]?.sectorCount ?? 64;
    const address = draw.of([draw.below(8) * 8, draw.below(sectorCount)]);
    view.setBigUint64(at, BigInt(index * 100), true);
    view.setUint8(at + 8, draw.below(RECORD_KIND_COUNT));
    view.setUint8(at + 9, draw.below(6));
    view.setUint16(at + 10, device, true);
    view.setUint32(at + 12, draw.below(64), true);
    view.setBigUint64(at + 16, BigInt(address), true);
    view.setUint32(at + 24, draw.of([0, 1, 8, draw.below(64), draw.below(3000)]), true);
    view.setInt32(at + 28, draw.of([0, -5, draw.below(64), draw.below(64) << 8]), true);
  }
  return bytes;
}

/** The same records as parts of random sizes, among them empty ones; steps of random lengths. */
function drawParts(draw: Draw, records: Uint8Array): RunPart[] {
  const count = records.length / RECORD_SIZE;
  const parts: RunPart[] = [];
  for (let done = 0, isLast = false; !isLast; ) {
    const end = Math.min(count, done + draw.of([0, 1, draw.below(50), draw.below(1000)]));
    const ends: number[] = [];
    let at = done;
    while (at < end) {
      at = Math.min(end, at + draw.of([1, 2, 1 + draw.below(90)]));
      ends.push(at);
    }
    isLast = end === count;
    parts.push({
      records: records.slice(done * RECORD_SIZE, end * RECORD_SIZE),
      recordEnds: Uint32Array.from(ends),
      timesNs: Float64Array.from(ends, (recordEnd) => recordEnd * 100),
      chapters: new Uint16Array(ends.length),
      hashes: new BigUint64Array(ends.length),
      isLast,
      cutShort: undefined,
    });
    done = end;
  }
  return parts;
}

/** Every place of the picture is a number, and no mark leaves the picture on its right. */
function check(run: Run, step: number, width: number): void {
  const state = run.stateAt(step);
  if (state === undefined) throw new Error(`no state of step ${step}`);
  const layout = layoutStage(state, extentOf(run), width);
  const right = Math.max(width, geometry.MIN_WIDTH) + 1;
  const boxes = [...layout.lanes, ...layout.marks, ...layout.strips];
  const wrong = boxes.find(
    (box) =>
      ![box.x, box.y, box.width, box.height].every(Number.isFinite) ||
      !(box.width > 0 && box.height > 0 && box.x >= -0.01 && box.x + box.width <= right),
  );
  assert.is(wrong && JSON.stringify(wrong), undefined, `step ${step} on ${width} pixels`);
  const words = [...layout.labels, ...layout.guides, ...layout.brackets];
  assert.ok(words.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)));
  const paths = [layout.slots, ...layout.strips.flatMap(({ paths }) => paths.map(({ data }) => data))];
  assert.not.ok(paths.some((data) => /NaN|Infinity/.test(data)));
}

for (let seed = 1; seed <= RUNS; seed++) {
  fuzz(`run ${seed} of a random machine is known whole, shown anywhere at any width`, () => {
    const draw = new Draw(seed * 7919);
    const shape = drawShape(draw);
    const parts = drawParts(draw, drawRecords(draw, shape, 1 + draw.below(3000)));
    const run = new Run(shape, SCENES[0] as Scene);
    for (const [index, part] of parts.entries()) {
      run.add(part);
      if (index % 40 === 0) check(run, run.stepCount, draw.of([1, 320, 900]));
    }
    assert.ok(run.isWhole);
    for (let looks = 0; looks < 8; looks++)
      check(run, draw.below(run.stepCount + 1), draw.of([0, 40, 288, 320, 719, 720, 1100, 5000]));
  });
}

fuzz('an axis of any pieces and any width has an end, and few ticks', () => {
  const draw = new Draw(5);
  for (let round = 0; round < 3000; round++) {
    let sector = 0;
    const pieces = Array.from({ length: 1 + draw.below(5) }, () => {
      sector += draw.of([0, 1, 8, 2 ** 20, 2 ** 40]);
      const piece = { sector, sectorCount: draw.of([1, 3, 8, 4096, 2 ** 30, 2 ** 43]) };
      sector += piece.sectorCount;
      return piece;
    });
    const width = draw.of([0, 0.5, 1, 3, 17, 100, 1000, 4000]);
    const axis = makeAxis(pieces, draw.below(50), width);
    assert.ok(
      axis.ticks.length <= width / geometry.TICK_MIN_GAP + 6,
      `${axis.ticks.length} ticks in ${width}`,
    );
    assert.ok(axis.ticks.every(({ x }) => Number.isFinite(x)));
    const { x, width: wide } = axis.span(draw.below(sector), draw.of([1, 8, 2 ** 41]));
    assert.ok(Number.isFinite(x) && Number.isFinite(wide));
  }
});

fuzz.run();
