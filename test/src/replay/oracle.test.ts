// The oracle against a map of bytes that is too simple to be wrong, and the core's payload against the oracle's pattern.
//
// The map keeps every sector's 512 bytes and a count of its writes; what a write carries is computed here once more, in
// exact integers, from the sentence in src/replay/pattern.ts. Random writes, reads and discards of odd bytes go to both.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  GENERATION_MIXED,
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_RECORD_SIZE,
  TRACE_WRITE,
} from '../../../assembly/layout.ts';
import { type GenerationSink, Oracle, sectorsOf, WORDS_A_RECORD } from '../../../src/replay/oracle.ts';
import { fillPattern, patternBase } from '../../../src/replay/pattern.ts';
import { iolog, play, withFolder } from './support.ts';

const oracleSuite = suite('replay/oracle');

const SECTOR = 512;
const MASK = 0xffffffffn;

function mix(value: bigint): bigint {
  let mixed = value ^ (value >> 16n);
  mixed = (mixed * 0x85ebca6bn) & MASK;
  mixed ^= mixed >> 13n;
  mixed = (mixed * 0xc2b2ae35n) & MASK;
  return mixed ^ (mixed >> 16n);
}

/** The 512 bytes of a pattern, in exact integers. */
function pattern(seed: number, device: number, sector: number, generation: number): Uint8Array {
  let hash = mix(BigInt(seed) ^ ((BigInt(device) * 0x85ebca77n) & MASK));
  hash = mix(hash ^ (BigInt(sector) & MASK));
  hash = mix(hash ^ (BigInt(sector) >> 32n));
  const base = mix(hash ^ ((BigInt(generation) * 0xc2b2ae3dn) & MASK));
  const bytes = new Uint8Array(SECTOR);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < 128; word++) {
    view.setUint32(word * 4, Number((base + BigInt(word) * 0x9e3779b1n) & MASK), true);
  }
  return bytes;
}

interface Step {
  readonly operation: number;
  readonly device: number;
  readonly offset: number;
  readonly length: number;
}

/** Sectors by device and number: bytes, and how often written. */
class ByteMap {
  readonly sectors = new Map<string, { writes: number; bytes: Uint8Array }>();

  constructor(readonly seed: number) {}

  at(device: number, sector: number): { writes: number; bytes: Uint8Array } {
    return this.sectors.get(`${device}/${sector}`) ?? { writes: 0, bytes: new Uint8Array(SECTOR) };
  }

  write({ device, offset, length }: Step): number[] {
    return sectorsIn(offset, length).map((sector) => {
      const { writes, bytes } = this.at(device, sector);
      const carried = pattern(this.seed, device, sector, writes + 1);
      for (let index = 0; index < SECTOR; index++) {
        const position = sector * SECTOR + index;
        if (position >= offset && position < offset + length) bytes[index] = carried[index] as number;
      }
      this.sectors.set(`${device}/${sector}`, { writes: writes + 1, bytes });
      return writes + 1;
    });
  }

  discard({ device, offset, length }: Step): void {
    for (const sector of sectorsIn(offset, length)) this.at(device, sector).bytes.fill(0);
  }
}

function sectorsIn(offset: number, length: number): number[] {
  const first = Math.floor(offset / SECTOR);
  const count = Math.floor((offset + length - 1) / SECTOR) - first + 1;
  return Array.from({ length: count }, (_, index) => first + index);
}

function recordOf({ operation, device, offset, length }: Step): Uint32Array {
  const words = new Uint32Array(WORDS_A_RECORD);
  words.set([operation | (device << 16), length, offset % 2 ** 32, Math.floor(offset / 2 ** 32)]);
  return words;
}

function newSink(): GenerationSink {
  return { generations: new Uint32Array(64), mixed: new Uint8Array(64 * SECTOR), count: 0, mixedCount: 0 };
}

/** What a read must find, from the generations that the oracle gave the core. */
function bytesOf(
  sink: GenerationSink,
  index: number,
  seed: number,
  device: number,
  sector: number,
): Uint8Array {
  const generation = sink.generations[index] as number;
  if (generation === 0) return new Uint8Array(SECTOR);
  if ((generation & GENERATION_MIXED) !== 0) {
    const place = (generation & ~GENERATION_MIXED) >>> 0;
    return sink.mixed.slice(place * SECTOR, (place + 1) * SECTOR);
  }
  return pattern(seed, device, sector, generation);
}

/** Where ranges begin: the start, a chunk's edge, sectors past 2^32, and the end of a drive. */
const BASES = [0, 1022 * SECTOR, (2 ** 32 - 2) * SECTOR, 2 ** 52 - 16 * SECTOR];
/** Devices whose numbers, times the sectors of a drive, are more than a number holds exactly. */
const DEVICES = [0, 1, 1500, 4095];

/** Few places, so that steps meet; whole sectors often enough that both kinds of sector occur. */
const stepOf = fc
  .record({
    operation: fc.constantFrom(TRACE_WRITE, TRACE_WRITE, TRACE_READ, TRACE_DISCARD),
    device: fc.constantFrom(...DEVICES),
    base: fc.constantFrom(...BASES),
    start: fc.oneof(
      fc.integer({ min: 0, max: 5 * SECTOR }),
      fc.constantFrom(0, SECTOR, 2 * SECTOR, 3 * SECTOR),
    ),
    length: fc.oneof(
      fc.integer({ min: 1, max: 4 * SECTOR }),
      fc.constantFrom(SECTOR, 2 * SECTOR, 4 * SECTOR),
    ),
  })
  .map(({ operation, device, base, start, length }): Step => {
    if (operation !== TRACE_DISCARD) return { operation, device, offset: base + start, length };
    const offset = base + Math.floor(start / SECTOR) * SECTOR;
    return { operation, device, offset, length: Math.ceil(length / SECTOR) * SECTOR };
  });

function follow(seed: number, steps: readonly Step[]): { oracle: Oracle; map: ByteMap } {
  const oracle = new Oracle(seed);
  const map = new ByteMap(seed);
  for (const step of steps) {
    const sink = newSink();
    const record = recordOf(step);
    oracle.apply(record, 0, sink);
    assert.is(sink.count, sectorsOf(record, 0), 'generations of a record');
    if (step.operation === TRACE_WRITE) {
      assert.equal([...sink.generations.subarray(0, sink.count)], map.write(step));
    } else if (step.operation === TRACE_DISCARD) {
      map.discard(step);
    } else {
      sectorsIn(step.offset, step.length).forEach((sector, index) => {
        const found = bytesOf(sink, index, seed, step.device, sector);
        assert.equal(found, map.at(step.device, sector).bytes, `sector ${sector} of device ${step.device}`);
      });
    }
  }
  return { oracle, map };
}

oracleSuite('what a read must find is what a map of bytes holds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.array(stepOf, { minLength: 1, maxLength: 60 }),
      (seed, steps) => {
        const { oracle, map } = follow(seed, steps);
        for (const device of DEVICES) {
          for (const sector of BASES.flatMap((base) => sectorsIn(base, 10 * SECTOR))) {
            assert.equal(
              oracle.expected(device, sector),
              map.at(device, sector).bytes,
              `${device}/${sector}`,
            );
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});

oracleSuite('the ranges to read back are exactly the sectors ever written', () => {
  fc.assert(
    fc.property(fc.array(stepOf, { maxLength: 40 }), (steps) => {
      const { oracle, map } = follow(7, steps);
      const listed: string[] = [];
      for (const { device, sector, count } of oracle.writtenRanges()) {
        assert.ok(count > 0 && count <= 1024);
        for (let index = 0; index < count; index++) listed.push(`${device}/${sector + index}`);
      }
      assert.equal(listed.sort(), [...map.sectors.keys()].sort());
    }),
    { numRuns: 50 },
  );
});

oracleSuite('a sector written after a discard carries its next generation, not its first', () => {
  const write = { operation: TRACE_WRITE, device: 0, offset: 0, length: SECTOR };
  const discard = { ...write, operation: TRACE_DISCARD };
  const { oracle } = follow(1, [write, write, discard, write]);
  assert.equal(oracle.expected(0, 0), pattern(1, 0, 0, 3));
});

oracleSuite('a part written after a discard stands among zeros', () => {
  const write = { operation: TRACE_WRITE, device: 0, offset: 0, length: SECTOR };
  const part = { ...write, offset: 100, length: 8 };
  const { oracle } = follow(1, [write, { ...write, operation: TRACE_DISCARD }, part]);
  const bytes = oracle.expected(0, 0) as Uint8Array;
  assert.equal(bytes.slice(100, 108), pattern(1, 0, 0, 2).slice(100, 108));
  assert.ok([...bytes.slice(0, 100), ...bytes.slice(108)].every((byte) => byte === 0));
});

oracleSuite('flushes touch no sector', () => {
  for (const operation of [TRACE_FLUSH, TRACE_DATASYNC]) {
    const sink = newSink();
    const record = recordOf({ operation, device: 3, offset: 0, length: 0 });
    new Oracle(1).apply(record, 0, sink);
    assert.is(sink.count, 0);
    assert.is(sectorsOf(record, 0), 0);
  }
});

oracleSuite('a record is as many words as the layout says', () => {
  assert.is(WORDS_A_RECORD * 4, TRACE_RECORD_SIZE);
});

oracleSuite(
  'the pattern is word = base + i · step of a hash over seed, device, sector and generation',
  () => {
    const words = new Int32Array(128);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 0, max: 4095 }),
        fc.integer({ min: 0, max: 2 ** 43 - 1 }),
        fc.integer({ min: 1, max: 2 ** 30 - 1 }),
        (seed, device, sector, generation) => {
          fillPattern(words, patternBase(seed, device, sector, generation));
          assert.equal(new Uint8Array(words.buffer), pattern(seed, device, sector, generation));
        },
      ),
    );
  },
);

/** Steps of device 0 in its first sectors, as lines of an iolog. */
function lineOf({ operation, offset, length }: Step): string {
  const names: Record<number, string> = {
    [TRACE_READ]: 'read',
    [TRACE_WRITE]: 'write',
    [TRACE_DISCARD]: 'trim',
  };
  return `a ${names[operation]} ${offset} ${length}`;
}

oracleSuite('what the core leaves in an image is what the map of bytes holds', async () => {
  const steps = fc.array(
    stepOf.map((step) => ({ ...step, device: 0, offset: step.offset % (32 * SECTOR) })),
    { minLength: 5, maxLength: 40 },
  );
  const options = fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    batch: fc.constantFrom(1, 7, 32),
    cache: fc.constantFrom('16KiB', '1MiB'),
  });
  await fc.assert(
    fc.asyncProperty(steps, options, (made, { seed, batch, cache }) =>
      withFolder(async (folder) => {
        const image = join(folder, 'disk.img');
        const report = await play(iolog(made.map(lineOf)), { seed, batch, cache, image });
        assert.is(report.verify.mismatches, 0);
        const { map } = follow(seed, made);
        const left = readFileSync(image);
        for (const [key, { bytes }] of map.sectors) {
          const start = Number(key.split('/')[1]) * SECTOR;
          const found = new Uint8Array(SECTOR);
          found.set(left.subarray(start, start + SECTOR));
          assert.equal(found, bytes, `sector ${key}`);
        }
      }),
    ),
    { numRuns: 12, endOnFailure: true },
  );
});

oracleSuite(
  'what the core leaves past sector 2^32 and at the end of a drive is right after reopening',
  async () => {
    const places = [2 ** 41 - 512, 2 ** 41, 2 ** 45 + 1024, 2 ** 52 - 4096];
    const lines = places.flatMap((offset) => [`a write ${offset} 1024`, `a write ${offset + 100} 700`]);
    const report = await play(iolog([...lines, ...places.map((offset) => `a read ${offset} 1024`)]), {
      seed: 99,
      reopen: true,
      cache: '16KiB',
      batch: 1,
    });
    assert.is(report.verify.mismatches, 0);
    assert.is(report.verify.sectorsChecked, 8);
    assert.is(report.verify.reopenedMismatches, 0);
    assert.is(report.verify.reopenedSectors, 7);
  },
);

oracleSuite('parts of neighbouring sectors stay apart on devices of any number', async () => {
  const files = Array.from({ length: 1600 }, (_, index) => `f${index}`);
  const last = files.at(-1);
  const requests = [0, 1, 2, 3].flatMap((sector) => [`${last} write ${sector * 512 + 10} 20`]);
  const reads = [0, 1, 2, 3].map((sector) => `${last} read ${sector * 512} 512`);
  const report = await play(iolog([...requests, ...reads], files), { batch: 1 });
  assert.is(report.trace.devices, 1600);
  assert.is(report.verify.mismatches, 0);
  assert.is(report.verify.sectorsChecked, 4);
});

oracleSuite.run();
