// Random small logs under every crash model: the explorer's images are those of plain enumeration, at every step of the log.
// test-timeout: 120 seconds

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  LOG_FLAG_FUA,
  LOG_FLAG_TOGETHER,
  LOG_FLAG_UNTORN,
  OP_DISCARD,
  OP_FLUSH,
  OP_WRITE,
  OP_WRITE_ZEROES,
} from '../../../assembly/layout.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { DrivePromise } from '../../../src/core/promises.ts';
import type { CrashExplorerOptions, CrashModel } from '../../../src/crash/options.ts';
import { openExplorer, sectorsOf } from '../../support/explorer.ts';
import { BUILDS, type Build } from '../../support/machine.ts';
import { WriteLogBuilder } from '../../support/write-log-builder.ts';
import { crashSet, type NaiveEvent, type NaiveModel, type NaiveWrite } from './naive-crash.ts';

const SECTORS = 8;
const LOGS = Number(process.env.CRASH_LOGS ?? 1000);
const SEED = Number(process.env.CRASH_SEED ?? 20241121);
/** Sets larger than this are not worth their time. */
const MOST_IMAGES = 600;

/** Numbers from 0 up to a limit, from a seed (mulberry32). */
function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) % limit;
  };
}

type Pick = <T>(list: readonly T[]) => T;

function randomModel(pick: Pick): NaiveModel {
  const damage = pick(['none', 'none', 'zeros'] as const);
  const unit = pick([1, 1, 2, 4]);
  return {
    order: pick(['any', 'any', 'prefix', 'domainPrefix'] as const),
    tearing: pick(['none', 'units', 'unitPrefix', 'unitSuffix', 'unitEnds'] as const),
    unit,
    damage,
    scope: damage === 'none' ? 'powersafe' : pick(['powersafe', 'unit'] as const),
    device: pick(['volatile', 'volatile', 'volatile', 'noCache', 'lying'] as const),
    discard: pick(['oldOrZero', 'zeroes'] as const),
    flushScope: pick(['all', 'domain'] as const),
    atomic: pick([0, 0, 2, 4].filter((size) => size === 0 || size > unit)),
  };
}

function randomEvents(below: (limit: number) => number, pick: Pick): NaiveEvent[] {
  const events: NaiveEvent[] = [];
  const chains = pick([[0], [0, 1], [1, 2], [0, 1, 2]]);
  const open: number[] = [];
  const count = 1 + below(5);
  for (let id = 1; id <= count; id++) {
    const sector = below(SECTORS);
    const chain = pick(chains);
    const write: NaiveWrite = {
      sector,
      sectors: 1 + below(Math.min(4, SECTORS - sector)),
      kind: pick(['write', 'write', 'write', 'discard', 'zeroes'] as const),
      fill: pick([id, id, 200, 201]),
      isFua: below(5) === 0,
      domain: below(3),
      chain,
      isUntorn: below(4) === 0,
      isTogether: chain !== 0 && below(2) === 0,
    };
    events.push(below(3) === 0 ? { at: 'flush', id, domain: below(3) } : { at: 'submit', id, write });
    open.push(id);
    while (open.length > 0 && below(3) > 0) {
      const [done] = open.splice(below(open.length), 1);
      events.push({ at: 'complete', id: done as number, isFailed: below(12) === 0 });
    }
  }
  return events;
}

function logOfEvents(events: readonly NaiveEvent[]): Uint8Array {
  const log = new WriteLogBuilder();
  const operations = new Map<number, number>();
  for (const event of events) {
    if (event.at === 'complete') {
      log.complete(event.id, {
        operation: operations.get(event.id) ?? OP_WRITE,
        result: event.isFailed ? -5 : 0,
      });
      continue;
    }
    if (event.at === 'flush') {
      operations.set(event.id, OP_FLUSH);
      log.submit(OP_FLUSH, 0, { domain: event.domain });
      continue;
    }
    const { write } = event;
    const operation = { write: OP_WRITE, discard: OP_DISCARD, zeroes: OP_WRITE_ZEROES }[write.kind];
    operations.set(event.id, operation);
    const { sectors, fill, domain, chain } = write;
    const flags =
      (write.isFua ? LOG_FLAG_FUA : 0) |
      (write.isUntorn ? LOG_FLAG_UNTORN : 0) |
      (write.isTogether ? LOG_FLAG_TOGETHER : 0);
    log.submit(operation, write.sector, { sectors, fill, domain, chain, flags });
  }
  return log.bytes();
}

function explorerModel(model: NaiveModel): CrashModel {
  const { atomic, unit, ...same } = model;
  const promises: DrivePromise[] = atomic === 0 ? [] : [`ATOMIC${atomic / 2}K` as DrivePromise];
  return { ...same, unit: unit * 512, promises };
}

interface Case {
  readonly model: NaiveModel;
  readonly events: readonly NaiveEvent[];
  readonly base: readonly number[];
  readonly named: string;
  /** What an explorer of it is opened with. */
  readonly options: CrashExplorerOptions;
}

function randomCase(number: number): Case {
  const below = numbers(SEED + number * 7919);
  const pick: Pick = (list) => list[below(list.length)] as (typeof list)[number];
  const model = randomModel(pick);
  const events = randomEvents(below, pick);
  const base = Array.from({ length: SECTORS }, () => (below(2) === 0 ? 0 : 200));
  const memory = new SparseMemory(SECTORS * 512);
  base.forEach((value, sector) => {
    memory.write(new Uint8Array(512).fill(value), sector * 512);
  });
  const named = `log ${number} of seed ${SEED}: ${JSON.stringify({ model, events, base })}`;
  const options = { log: logOfEvents(events), base: memory, model: explorerModel(model) };
  return { model, events, base, named, options };
}

async function compare(build: Build, number: number): Promise<number> {
  const { model, events, base, named, options } = randomCase(number);
  const explorer = await openExplorer(build, { ...options, bound: 2 ** 20 });
  const all = new Set<string>();
  let compared = 0;
  for (let step = 0; step <= events.length; step++) {
    const point = explorer.pointAt(step);
    const count = explorer.count(point.index);
    if (count.states > MOST_IMAGES * 8) return compared;
    const expected = crashSet(events, step, model, base);
    const images = new Set<string>();
    const hashes = new Map<string, string>();
    for (const image of explorer.images({ points: [point.index] })) {
      const content = sectorsOf(image, SECTORS);
      images.add(content);
      assert.is(hashes.get(content) ?? image.hash, image.hash, named);
      hashes.set(content, image.hash);
    }
    assert.equal([...images].sort(), [...expected].sort(), `step ${step}, ${named}`);
    assert.is(new Set(hashes.values()).size, images.size, named);
    for (const image of images) all.add(image);
    assert.is(explorer.distinct, all.size, named);
    compared++;
  }
  // the next log is explored by the same core
  explorer.close();
  return compared;
}

/** Of a sample: every image is one that plain enumeration finds, and rebuilt from what it lacks it is the same. */
async function compareSample(build: Build, number: number): Promise<number> {
  const { model, events, base, named, options } = randomCase(number);
  const whole = await openExplorer(build, { ...options, bound: 2 ** 20 });
  const last = whole.points().length - 1;
  if (whole.count(last).states > MOST_IMAGES) return 0;
  const expected = crashSet(events, events.length, model, base);
  const explorer = await openExplorer(build, { ...options, bound: 0, budget: 120 });
  const images = new Set<string>();
  for (const image of explorer.images({ points: [last] })) {
    const content = sectorsOf(image, SECTORS);
    assert.ok(expected.has(content), `${content} is not legal: ${named}`);
    if (image.isNew) assert.is(whole.state(image.describe()).hash, image.hash, named);
    images.add(content);
  }
  assert.ok(images.size >= Math.min(2, expected.size), named);
  return images.size / expected.size;
}

for (const build of BUILDS) {
  const naive = suite(`crash models (${build})`);

  naive('the images of random logs are those of plain enumeration', async () => {
    let compared = 0;
    const logs = build === 'release' ? LOGS : Math.ceil(LOGS / 10);
    for (let number = 0; number < logs; number++) compared += await compare(build, number);
    assert.ok(compared > logs * 2, `${compared} steps compared`);
  });

  naive('samples of random logs visit no state that is not legal, and most of those that are', async () => {
    let found = 0;
    const logs = Math.ceil(LOGS / (build === 'release' ? 4 : 40));
    for (let number = 0; number < logs; number++) found += await compareSample(build, number);
    assert.ok(found > logs * 0.6, `${found} of ${logs}`);
  });

  naive.run();
}
