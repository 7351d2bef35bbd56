// When requests are issued: at their times in the trace, or by N clients. Schedules small enough to work out by hand are
// looked at request by request, in the machine's records.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_REPLAY_SLOTS } from '../../../assembly/limits.ts';
import { BUILDS } from '../../support/machine.ts';
import { type Asked, DISCARD, FLUSH, playAsked, READ, WRITE } from './one-by-one.ts';

const US = 1000;
const FIXED = { model: 'fixed', latencyNs: 100 * US } as const;
const DIRECT = { through: 'aio', cacheMode: 'none', merge: false, payload: 'none', drive: FIXED } as const;

/** Reads of 4 KiB that do not touch each other, at these times. */
function readsAt(times: readonly number[]): Asked[] {
  return times.map((timeNs, index) => ({ operation: READ, offset: index * 65536, length: 4096, timeNs }));
}

/** The nanoseconds of a histogram with few values: its sum, largest, and how many. */
const inShort = ({ count, sum, max }: { count: number; sum: bigint; max: number }) => [
  count,
  Number(sum),
  max,
];

for (const build of BUILDS) {
  const timing = suite(`replay/timing (${build})`);

  for (const through of ['aio', 'virtio', 'usrbio', 'bluestore'] as const) {
    timing(
      `each request arrives at its time in the trace, to the nanosecond, through ${through}`,
      async () => {
        const times = [0, 1, 7, 7, 999_999_999, 1_000_000_000, 86_400_000_000_001];
        const { records } = await playAsked(build, readsAt(times), { ...DIRECT, through, timing: 'trace' });
        const arrived = records.filter(({ kind }) => kind === 'arrived');
        assert.equal(
          arrived.map(({ timeNs, id, detail }) => [timeNs, id, detail]),
          times.map((time, index) => [time, index + 1, 0]),
        );
      },
    );
  }

  timing('an open loop does not wait: a queue with one server, worked out by hand', async () => {
    // served for 100 µs each, one at a time: they end at 100, 200, 300, 500, 600 µs
    const times = [0, 30, 160, 400, 400].map((time) => time * US);
    const { records, latency, service, drive } = await playAsked(build, readsAt(times), {
      ...DIRECT,
      timing: 'trace',
    });
    const at = (kind: string) => records.filter((one) => one.kind === kind).map(({ timeNs }) => timeNs / US);
    assert.equal(at('issued'), [0, 30, 160, 400, 400]);
    assert.equal(at('completed'), [100, 200, 300, 500, 600]);
    const waits = [100, 170, 140, 100, 200].map((time) => time * US);
    const sum = waits.reduce((total, time) => total + time, 0);
    for (const histogram of [latency.read, service.read, drive])
      assert.equal(inShort(histogram), [5, sum, 200 * US]);
    assert.is(latency.write.count + latency.discard.count + latency.flush.count, 0);
  });

  timing(
    'a drive that takes one request at a time makes the others wait outside, and that counts',
    async () => {
      const times = [0, 30, 160].map((time) => time * US);
      const options = { ...DIRECT, drive: { ...FIXED, queueDepth: 1 }, timing: 'trace' } as const;
      const { latency, service, drive, driveTimes } = await playAsked(build, readsAt(times), options);
      assert.equal(inShort(latency.read), [3, 410 * US, 170 * US]);
      assert.equal(inShort(service.read), [3, 410 * US, 170 * US], 'the block layer is behind the ring');
      assert.equal(inShort(drive), [3, 300 * US, 100 * US], 'at the drive: its service only');
      assert.equal(driveTimes, { totalNs: 300 * US, requests: 3, most: 1 });
    },
  );

  for (const [speedup, expected] of [
    [2, [0, 500, 1500, 1501]],
    [0.5, [0, 2000, 6000, 6006]],
    [2.5, [0, 400, 1200, 1201]],
    [0.000001, [0, 1e9, 3e9, 3.003e9]],
  ] as const) {
    timing(`--speedup ${speedup} divides the times, rounded down`, async () => {
      const { records } = await playAsked(build, readsAt([0, 1000, 3000, 3003]), {
        ...DIRECT,
        timing: 'trace',
        speedup,
      });
      const arrived = records.filter(({ kind }) => kind === 'arrived');
      assert.equal(
        arrived.map(({ timeNs }) => timeNs),
        expected,
      );
    });
  }

  timing(
    'a time that lies back arrives with the latest one so far, in the order of the trace, counted',
    async () => {
      const { records, player } = await playAsked(build, readsAt([0, 500, 400, 499, 500, 600]), {
        ...DIRECT,
        timing: 'trace',
      });
      const arrived = records.filter(({ kind }) => kind === 'arrived');
      assert.equal(
        arrived.map(({ timeNs, id }) => [timeNs, id]),
        [0, 500, 500, 500, 500, 600].map((time, index) => [time, index + 1]),
      );
      assert.is(player.backward, 2);
    },
  );

  timing('requests of one instant are announced together, up to the batch', async () => {
    const same = readsAt(Array.from({ length: 10 }, () => 0));
    const lotsOf = async (batch: number) =>
      (await playAsked(build, same, { ...DIRECT, timing: 'trace', batch })).player.notifications;
    assert.equal([await lotsOf(1), await lotsOf(4), await lotsOf(32)], [10, 3, 1]);
  });

  timing('what finds no slot waits in the client, and its latency counts from its arrival', async () => {
    const extra = 5;
    const many = readsAt(Array.from({ length: MAX_REPLAY_SLOTS + extra }, () => 10));
    const { latency, service, player, records } = await playAsked(build, many, {
      ...DIRECT,
      drive: { ...FIXED, queueDepth: 2048 },
      timing: 'trace',
    });
    assert.is(player.late, extra);
    assert.is(player.mostInFlight, MAX_REPLAY_SLOTS);
    assert.is(latency.read.max, (MAX_REPLAY_SLOTS + extra) * 100 * US);
    assert.is(service.read.max, MAX_REPLAY_SLOTS * 100 * US);
    const late = records.filter(({ kind, detail }) => kind === 'arrived' && detail > 0);
    assert.equal(
      late.map(({ detail }) => detail),
      Array.from({ length: extra }, (_, index) => (index + 1) * 100 * US),
    );
  });

  timing('what overlaps waits for the earlier one only, others go past, and the wait counts', async () => {
    const asked: Asked[] = [
      { operation: WRITE, offset: 0, length: 4096, timeNs: 0 },
      { operation: READ, offset: 2048, length: 4096, timeNs: 10 * US },
      { operation: READ, offset: 65536, length: 4096, timeNs: 20 * US },
      { operation: WRITE, offset: 4096, length: 4096, timeNs: 30 * US },
      { operation: READ, offset: 0, length: 512, timeNs: 310 * US },
    ];
    const { records, latency, service, player } = await playAsked(build, asked, {
      ...DIRECT,
      drive: { ...FIXED, channels: 8 },
      timing: 'trace',
    });
    const issued = records.filter(({ kind }) => kind === 'issued');
    assert.equal(
      issued.map(({ timeNs, address }) => [timeNs / US, address * 512]),
      [
        [0, 0],
        [20, 65536],
        [100, 2048],
        [200, 4096],
        [310, 0],
      ],
    );
    assert.is(player.heldForOverlap, 2);
    assert.is(player.late, 0);
    assert.equal(inShort(latency.read), [3, (190 + 100 + 100) * US, 190 * US]);
    assert.equal(inShort(service.read), [3, 300 * US, 100 * US]);
    assert.equal(inShort(latency.write), [2, (100 + 270) * US, 270 * US]);
    assert.equal(inShort(service.write), [2, 200 * US, 100 * US]);
  });

  for (const clients of [1, 3, 16]) {
    timing(`closed:${clients} has ${clients} in flight until fewer are left`, async () => {
      const asked = readsAt(Array.from({ length: 40 }, () => 0));
      const { records, player, latency } = await playAsked(build, asked, {
        ...DIRECT,
        drive: { ...FIXED, channels: 16, latencyNs: { read: 70 * US } },
        timing: `closed:${clients}`,
      });
      let inFlight = 0;
      let ended = 0;
      for (const [index, { kind, timeNs }] of records.entries()) {
        if (kind === 'issued') inFlight++;
        if (kind === 'completed') {
          inFlight--;
          ended++;
        }
        assert.ok(inFlight <= clients);
        const isInstantOver = records[index + 1]?.timeNs !== timeNs;
        if (isInstantOver) assert.is(inFlight, Math.min(clients, asked.length - ended), `at ${timeNs} ns`);
      }
      assert.is(ended, asked.length);
      assert.is(player.mostInFlight, clients);
      assert.equal(inShort(latency.read), [40, 40 * 70 * US, 70 * US]);
    });
  }

  timing('closed:1 takes exactly the service times, one after the other', async () => {
    const asked: Asked[] = [
      { operation: WRITE, offset: 0, length: 8192, timeNs: 0 },
      { operation: READ, offset: 0, length: 8192, timeNs: 0 },
      { operation: DISCARD, offset: 0, length: 4096, timeNs: 0 },
      { operation: FLUSH, offset: 0, length: 0, timeNs: 0 },
      { operation: READ, offset: 0, length: 4096, timeNs: 0 },
    ];
    const latencyNs = { read: 11 * US, write: 13 * US, discard: 17 * US, flush: 19 * US };
    const { latency, nowNs, player } = await playAsked(build, asked, {
      ...DIRECT,
      drive: { ...FIXED, latencyNs },
      timing: 'closed:1',
    });
    assert.equal(inShort(latency.read), [2, 22 * US, 11 * US]);
    assert.equal(inShort(latency.write), [1, 13 * US, 13 * US]);
    assert.equal(inShort(latency.discard), [1, 17 * US, 17 * US]);
    assert.equal(inShort(latency.flush), [1, 19 * US, 19 * US]);
    assert.equal(inShort(latency.all), [5, 71 * US, 19 * US]);
    assert.is(nowNs, 71 * US);
    assert.is(player.heldForOverlap, 0);
  });

  timing('a client whose request is held is not free for another', async () => {
    const writes = Array.from({ length: 4 }, () => ({ operation: WRITE, offset: 0, length: 512, timeNs: 0 }));
    const apart = { operation: WRITE, offset: 65536, length: 512, timeNs: 0 };
    const { records, player } = await playAsked(build, [...writes, apart], {
      ...DIRECT,
      drive: { ...FIXED, channels: 8 },
      timing: 'closed:2',
    });
    const issued = records.filter(({ kind }) => kind === 'issued').map(({ timeNs }) => timeNs / US);
    assert.equal(issued, [0, 100, 200, 300, 300]);
    assert.is(player.heldForOverlap, 3);
    assert.is(player.mostInFlight, 2);
  });

  timing.run();
}
