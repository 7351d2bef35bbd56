// test-timeout: 120
//
// Whole traces in every timing, through every entrance: what is read is what the order of the trace says, with bytes and
// without the decisions are the same, and a run can be stopped, repeated and refused as one in lots can.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../../../src/errors.ts';
import { ENTRANCES, type ReplayOptions, type Timing } from '../../../src/replay/options.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { decisions, iolog, play } from './support.ts';

const US = 1000;

const whole = suite('replay/timing-traces');

/** Whole numbers from 0 to `limit` - 1, always the same ones (a linear congruential generator). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** An iolog of version 3 with `count` requests over two small files, some microseconds apart: nearly all overlap. */
function crowded(count: number, unit: number, seed: number): string {
  const next = numbers(seed);
  let time = 0;
  const requests = Array.from({ length: count }, () => {
    time += next(4) * next(30);
    const file = next(4) === 0 ? 'b' : 'a';
    if (next(20) === 0) return `${time} ${file} ${next(2) === 0 ? 'sync' : 'datasync'} 0 0`;
    if (next(12) === 0) return `${time} ${file} trim ${next(120) * 512} ${(1 + next(16)) * 512}`;
    const action = next(2) === 0 ? 'read' : 'write';
    return `${time} ${file} ${action} ${next(65536 / unit) * unit} ${(1 + next(16384 / unit)) * unit}`;
  });
  return ['fio version 3 iolog', '0 a add', '0 a open', '0 b add', '0 b open', ...requests, ''].join('\n');
}

const SLOW = {
  model: 'fixed',
  latencyNs: { read: 60 * US, write: 25 * US, flush: 400 * US },
  channels: 4,
} as const;
const TIMINGS: readonly Timing[] = ['trace', 'closed:1', 'closed:7', 'closed:64'];

function assertRight(report: ReplayReport, what: string): void {
  assert.is(report.verify.mismatches, 0, what);
  assert.is(report.verify.reopenedMismatches ?? 0, 0, what);
  assert.is(report.player.requests, report.trace.requests, what);
}

/** Everything that must not depend on whether bytes were moved. */
function withoutBytes(report: ReplayReport): unknown {
  const { config, verify, ...rest } = decisions(report) as ReplayReport;
  return rest;
}

for (const through of ENTRANCES) {
  const unit = through === 'aio' || through === 'usrbio' ? 7 : 512;
  // over 4,096 records, so that requests outlive the batch that they came with
  const trace = crowded(4500, unit, 11);
  for (const timing of TIMINGS) {
    whole(`every read is right with bytes to fight for: ${timing} through ${through}`, async () => {
      const cacheMode = through === 'bluestore' ? 'none' : 'writeback';
      const options: ReplayOptions = {
        through,
        timing,
        drive: SLOW,
        cache: '128KiB',
        cacheMode,
        records: true,
      };
      const full = await play(trace, { ...options, reopen: true });
      assertRight(full, timing);
      assert.ok(full.verify.sectorsChecked > 10_000);
      if (timing !== 'closed:1') assert.ok(full.player.heldForOverlap > 500);
      const none = await play(trace, { ...options, payload: 'none' });
      assert.equal(withoutBytes(none), { ...(withoutBytes(full) as object) });
    });
  }
}

whole('where the order does not matter, every timing does the same work', async () => {
  const lines = Array.from({ length: 500 }, (_, index) => {
    const offset = ((index * 7919) % 500) * 8192;
    return `${index * 20} a ${index % 3 === 0 ? 'write' : 'read'} ${offset} 4096`;
  });
  const trace = ['fio version 3 iolog', '0 a add', '0 a open', ...lines, ''].join('\n');
  const options: ReplayOptions = { cacheMode: 'none', merge: false, drive: SLOW };
  const counted = async (timing: Timing) => {
    const { drive, block, aio, latencyNs, driveNs } = await play(trace, { ...options, timing });
    const { read, write } = latencyNs;
    return { drive, block, submitted: aio.submitted, counts: [read.count, write.count, driveNs.count] };
  };
  const asap = await counted('asap');
  assert.equal(asap.counts, [333, 167, 500]);
  for (const timing of TIMINGS) assert.equal(await counted(timing), asap, timing);
});

whole('the same options give the same report twice, however long a slice takes', async () => {
  const trace = crowded(1500, 512, 3);
  for (const timing of ['trace', 'closed:9'] as const) {
    const options = { timing, drive: SLOW, cache: '64KiB', records: true } as const;
    const first = await play(trace, options);
    const { now } = performance;
    let time = 0;
    performance.now = () => {
      time += 1000;
      return time;
    };
    try {
      assert.equal(decisions(await play(trace, options)), decisions(first));
    } finally {
      performance.now = now;
    }
    const debug = await play(trace, { ...options, build: 'debug' });
    assert.equal(decisions(debug), decisions(first));
  }
});

whole('ten idle days pass in no time', async () => {
  const far = 864_000_000_000;
  const trace = `fio version 3 iolog\n0 a add\n0 a open\n0 a write 0 4096\n${far} a read 0 4096\n`;
  const report = await play(trace, { timing: 'trace', drive: SLOW });
  assertRight(report, 'idle');
  assert.ok(report.time.virtualSeconds >= 864_000 && report.time.virtualSeconds < 864_001);
  assert.ok(report.throughput.seconds >= 864_000);
});

whole('a signal stops it, and what was done is told', async () => {
  const stop = new AbortController();
  const onProgress = ({ requests }: { requests: number }): void => {
    if (requests > 0) stop.abort();
  };
  const control = { signal: stop.signal, onProgress };
  const { now } = performance;
  let time = 0;
  performance.now = () => {
    time += 20;
    return time;
  };
  try {
    const report = await play(crowded(4500, 512, 5), { timing: 'trace', drive: SLOW, control });
    assert.is(report.interrupted, true);
    assert.ok(report.player.requests > 0 && report.player.requests < 4500, `${report.player.requests}`);
  } finally {
    performance.now = now;
  }
});

whole('a refused request is named by its line, and everything ahead of it is done', async () => {
  for (const timing of ['trace', 'closed:4'] as const) {
    const lines = ['0 a write 0 4096', '1 a write 4096 4096', '2 a read 0 67108865', '3 a write 8192 4096'];
    try {
      await play(['fio version 3 iolog', '0 a add', '0 a open', ...lines, ''].join('\n'), { timing });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'line 6: length 67108865 is more than the 67108864 bytes');
    }
  }
});

whole('more flushes than BlueStore has in hand at one time wait their turn', async () => {
  const requests = Array.from({ length: 200 }, (_, index) =>
    index % 2 === 0 ? `a write ${index * 4096} 4096` : 'a sync 0 0',
  );
  for (const timing of ['asap', 'closed:200'] as const) {
    const options = { through: 'bluestore', batch: 256, timing, drive: SLOW } as const;
    assertRight(await play(iolog(requests), options), timing);
  }
});

for (const [options, message] of [
  [{ timing: 'trace' }, /asap or closed:N for fio-iolog-v2: the format has no times/],
  [{ timing: 'closed:0' }, /timing is 'closed:0'; it must be asap, trace, or closed:N with N from 1 to 1024/],
  [{ timing: 'closed:1025' }, /with N from 1 to 1024/],
  [{ timing: 'closed:x' as Timing }, /closed:N/],
  [{ timing: 'open' as Timing }, /asap, trace, or closed:N/],
  [{ timing: 'closed:2', speedup: 2 }, /speedup is 2; it must be left out unless the timing is 'trace'/],
  [{ speedup: 1 }, /left out unless/],
] as const satisfies readonly (readonly [ReplayOptions, RegExp])[]) {
  whole(`${JSON.stringify(options)} of a trace without times is a ConfigError`, async () => {
    try {
      await play(iolog(['a read 0 512']), options);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ConfigError);
      assert.match((error as Error).message, message);
    }
  });
}

for (const speedup of [0, -1, Number.NaN, 1e-7, 1_000_001, Number.POSITIVE_INFINITY]) {
  whole(`speedup ${speedup} is a ConfigError`, async () => {
    try {
      await play('fio version 3 iolog\n0 a add\n0 a open\n0 a read 0 512\n', { timing: 'trace', speedup });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ConfigError);
      assert.match((error as Error).message, /from 0.000001 to 1000000/);
    }
  });
}

whole.run();
