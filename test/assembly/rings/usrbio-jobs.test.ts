// The USRBIO daemon under load: jobs a look, job queues, workers and priorities; pools that are nearly empty; what its
// records and counters say, with bytes and without.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { pattern, UsrbioTester } from './usrbio-client.ts';

const CHUNK = 4096;
const DRIVE = 64 * 1048576;
const WORKERS = 128;
const jobs = suite('rings/usrbio-jobs');

const CONFIG: MachineConfig = {
  drives: [{ size: DRIVE }],
  files: [{ name: 'file', capacity: 262144 }],
  cache: 1048576,
  buffers: 1048576,
  sharedMemory: 4194304,
  usrbio: { chunkSize: CHUNK },
};

async function open(build: Build, config: MachineConfig = {}): Promise<[Machine, UsrbioTester]> {
  const machine = await openMachine(build, { ...CONFIG, ...config });
  return [machine, new UsrbioTester(machine)];
}

function close(
  machine: Machine,
  client: UsrbioTester,
  iors: readonly number[],
  iovs: readonly number[],
): void {
  for (const ior of iors) client.raw.iorDestroy(ior);
  for (const iov of iovs) client.raw.iovDestroy(iov);
  machine.run();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

/** Prepares `count` reads of a sector around the cache, far from each other. */
function prepare(client: UsrbioTester, ior: number, iov: number, fd: number, count: number, from = 0): void {
  for (let request = 0; request < count; request++) {
    const slot = client.prep(ior, iov, { fd, offset: (from + request) * 8192 });
    assert.is(slot, request);
  }
}

function ofKind(machine: Machine, kind: string) {
  return machine.records.take().filter((record) => record.kind === kind);
}

for (const build of BUILDS) {
  jobs(`${build}: a look takes 32 jobs of a ring and then those of the next`, async () => {
    const [machine, client] = await open(build, { records: true });
    const iov = client.iov(4096);
    const fd = client.open(0, 5);
    const first = client.ior({ entries: 70, ioDepth: -1 });
    const second = client.ior({ entries: 1 });
    const other = client.ior({ entries: 1, priority: 1 });
    prepare(client, first, iov, fd, 70);
    prepare(client, second, iov, fd, 1);
    prepare(client, other, iov, fd, 1);
    client.raw.submitIos(first);
    machine.run();
    const rings = ofKind(machine, 'usrbioJob').map((record) => record.device);
    // 32 of each look; a worker that has ended a job takes one more of the same ring
    assert.equal(rings.slice(0, 33), [...Array(32).fill(0), 1]);
    assert.is(rings.filter((ring) => ring === 0).length, 70);
    assert.not.ok(rings.includes(2), 'nobody has posted its priority');
    assert.is(client.wait(second, 1, 0).result, 1, 'found without a submit of its own');
    client.raw.submitIos(other);
    assert.is(client.wait(other, 1, 1).result, 1);
    close(machine, client, [first, second, other], [iov]);
  });

  for (const [name, priority, limit] of [
    ['high', -1, 32],
    ['normal', 0, 1024],
    ['low', 1, 4096],
  ] as const) {
    jobs(`${build}: at most 128 jobs of ${name} priority run and ${limit} wait`, async () => {
      const [machine, client] = await open(build, {
        records: 32768,
        usrbio: { chunkSize: CHUNK, priority: true },
      });
      const entries = limit + 300;
      const iov = client.iov(4096);
      const fd = client.open(0, 5);
      const ior = client.ior({ entries, ioDepth: -1, priority });
      prepare(client, ior, iov, fd, entries);
      machine.holdCompletions(true);
      client.raw.submitIos(ior);
      machine.run();
      assert.is(machine.heldCompletions(), WORKERS);
      assert.is(ofKind(machine, 'usrbioJob').length, WORKERS + limit);
      machine.releaseCompletion(0);
      assert.is(machine.heldCompletions(), WORKERS, 'the next one runs');
      machine.holdCompletions(false);
      machine.run();
      assert.is(ofKind(machine, 'usrbioJob').length, entries - WORKERS - limit);
      let fetched = 0;
      while (fetched < entries) fetched += client.wait(ior, 256, 1).result;
      assert.is(client.wait(ior, 256, 0).result, 0);
      close(machine, client, [ior], [iov]);
    });
  }

  jobs(`${build}: a ring that found no record for a job has one when others end`, async () => {
    const [machine, client] = await open(build);
    const iov = client.iov(8192);
    const fd = client.open(0);
    const direct = client.open(0, 5);
    const many = client.ior({ entries: 8192, ioDepth: -1 });
    const one = client.ior({ entries: 1 });
    assert.is(client.prep(one, iov, { fd }), 0);
    assert.equal(client.run(one, 1), [512], 'the page is cached from here on');
    machine.holdCompletions(true);
    assert.is(client.prep(many, iov, { fd: direct, offset: 1048576 }), 0);
    for (let request = 1; request < 8192; request++) assert.is(client.prep(many, iov, { fd }), request);
    client.raw.submitIos(many);
    machine.run();
    assert.is(poolsInUse(machine).usrbioJobs, 8192, 'all but the first one have ended');
    assert.is(client.prep(one, iov, { fd }), 0);
    assert.equal(client.run(one, 1), [], 'no record is left');
    machine.holdCompletions(false);
    assert.is(client.wait(one, 1, 1).result, 1);
    machine.run();
    let fetched = 0;
    while (fetched < 8192) fetched += client.wait(many, 256, 0).result;
    close(machine, client, [many, one], [iov]);
  });

  for (const priority of [true, false]) {
    jobs(
      `${build}: with${priority ? '' : 'out'} usrbio.priority ${priority ? 'the higher' : 'the older'} job runs first`,
      async () => {
        const [machine, client] = await open(build, {
          records: true,
          usrbio: { chunkSize: CHUNK, priority },
        });
        const iov = client.iov(4096);
        const fd = client.open(0, 5);
        const busy = client.ior({ entries: WORKERS, ioDepth: -1 });
        prepare(client, busy, iov, fd, WORKERS);
        machine.holdCompletions(true);
        client.raw.submitIos(busy);
        machine.run();
        const waiting = [5, 0, -3].map((level) => client.ior({ entries: 1, priority: level }));
        waiting.forEach((ior, index) => {
          prepare(client, ior, iov, fd, 1, 1000 + index);
          client.raw.submitIos(ior);
          machine.run();
        });
        machine.records.take();
        machine.holdCompletions(false);
        machine.run();
        const started = ofKind(machine, 'operationStarted').map((record) => record.address / 8192 - 1000);
        assert.equal(started, priority ? [2, 1, 0] : [0, 1, 2]);
        close(machine, client, [busy, ...waiting], [iov]);
      },
    );
  }

  for (const limits of [{ usrbioParts: 1 }, { usrbioParts: 2 }, { usrbioParts: 3, bios: 4 }]) {
    jobs(`${build}: requests larger than a pool, ${JSON.stringify(limits)}`, async () => {
      const [machine, client] = await open(build, {
        limits,
        drives: [{ size: DRIVE, latencyNs: 10_000, channels: 3 }],
      });
      const chunks = 40;
      const content = pattern(chunks * CHUNK, 1);
      const iov = client.iov(2 * chunks * CHUNK);
      client.content(iov).set(content);
      const fd = client.open(0);
      const writer = client.ior({ read: false });
      const reader = client.ior({ ioDepth: -1 });
      const direct = client.ior();
      assert.is(client.prep(writer, iov, { fd, bytes: chunks * CHUNK, offset: 100 }), 0);
      assert.is(client.prep(writer, iov, { fd, bytes: 10 * CHUNK, offset: 1048576 }), 1);
      assert.equal(client.run(writer, 2), [chunks * CHUNK, 10 * CHUNK]);
      client.content(iov).fill(0);
      const directFd = client.open(0, 5);
      for (let part = 0; part < 4; part++) {
        const bytes = 10 * CHUNK;
        assert.is(
          client.prep(reader, iov, { fd, at: part * bytes, bytes, offset: 100 + part * bytes }),
          part,
        );
        assert.is(
          client.prep(direct, iov, { fd: directFd, at: (4 + part) * bytes, bytes, offset: 1048576 }),
          part,
        );
      }
      client.raw.submitIos(direct);
      assert.equal(client.run(reader, 4), Array(4).fill(10 * CHUNK));
      assert.equal(
        client.wait(direct, 4, 4).cqes.map((cqe) => cqe.result),
        Array(4).fill(10 * CHUNK),
      );
      assert.equal(client.content(iov).slice(0, chunks * CHUNK), content);
      for (let part = 4; part < 8; part++) {
        assert.equal(
          client.content(iov).slice(part * 10 * CHUNK, (part + 1) * 10 * CHUNK),
          content.slice(0, 10 * CHUNK),
        );
      }
      close(machine, client, [writer, reader, direct], [iov]);
    });
  }

  jobs(`${build}: requests of more parts than there are spans, on two rings`, async () => {
    const [machine, client] = await open(build, {
      sharedMemory: 33554432,
      buffers: 2097152,
      limits: { usrbioParts: 8192, spans: 2048, bios: 8192 },
      drives: [{ size: DRIVE, latencyNs: 10_000, channels: 64 }],
    });
    const bytes = 3000 * CHUNK;
    const iov = client.iov(2 * bytes);
    const content = pattern(bytes, 3);
    machine.openFile('drive0').write(content, 0);
    machine.openFile('drive0').sync();
    const fd = client.open(0, 5);
    const rings = [client.ior(), client.ior()];
    rings.forEach((ior, index) => {
      assert.is(client.prep(ior, iov, { fd, at: index * bytes, bytes }), 0);
    });
    machine.holdCompletions(true);
    client.raw.submitIos(rings[0] as number);
    machine.run();
    assert.is(poolsInUse(machine).spans, 2048);
    machine.holdCompletions(false);
    for (const [index, ior] of rings.entries()) {
      assert.equal(client.run(ior, 1), [bytes]);
      assert.ok(
        Buffer.compare(client.content(iov).subarray(index * bytes, (index + 1) * bytes), content) === 0,
      );
    }
    close(machine, client, rings, [iov]);
  });

  jobs(`${build}: without payload all counters, times and records are the same`, async () => {
    const trails = [];
    for (const payload of ['full', 'none'] as const) {
      const [machine, client] = await open(build, {
        payload,
        powerCuts: false,
        records: true,
        limits: { usrbioParts: 8 },
        drives: [{ size: DRIVE, latencyNs: 50_000, channels: 2 }],
      });
      const iov = client.iov(131072, 65536);
      const fd = client.open(1);
      const direct = client.open(0, 7);
      const writer = client.ior({ read: false, ioDepth: -2 });
      const reader = client.ior({ ioDepth: -3, timeoutMs: 1 });
      const strict = client.ior({ flags: 2 });
      const results: number[] = [];
      for (let round = 0; round < 6; round++) {
        client.prep(writer, iov, { fd, bytes: 5000, offset: round * 20000 });
        client.prep(writer, iov, { fd: direct, bytes: 16384, offset: 1048576 + round * 4096 });
        client.prep(writer, iov, { fd: direct, bytes: 1000, offset: round });
        results.push(...client.run(writer, 3));
        for (let part = 0; part < 4; part++)
          client.prep(reader, iov, { fd, bytes: 12000, offset: part * 9000 + round });
        client.prep(strict, iov, { fd, bytes: 30000 });
        client.prep(strict, iov, { fd, at: 65000, bytes: 1000 });
        client.raw.submitIos(strict);
        results.push(...client.run(reader, 4), ...client.run(strict, 2));
      }
      close(machine, client, [writer, reader, strict], [iov]);
      trails.push({ results, counters: machine.counters, time: machine.nowNs, hash: machine.recordHash });
    }
    assert.ok(trails[0]?.results.some((result) => result > 5000) && trails[0]?.results.includes(-61));
    assert.equal(trails[1], trails[0]);
  });

  jobs(`${build}: records and counters say what was prepared, formed and finished`, async () => {
    const [machine, client] = await open(build, { records: true });
    const iov = client.iov(65536);
    const fd = client.open(1);
    machine.advance(77);
    const unused = client.ior();
    const writer = client.ior({ read: false, ioDepth: -2 });
    client.prep(writer, iov, { fd, bytes: 100, offset: 5 });
    client.prep(writer, iov, { fd, bytes: 9000, offset: 2 ** 40 });
    client.prep(writer, iov, { fd, bytes: 1, offset: 9 });
    assert.equal(client.run(writer, 3), [100, -28, 1]);
    const trail = machine.records
      .take()
      .filter((record) => record.kind.startsWith('usrbio'))
      .map(({ kind, operation, device, id, address, count, detail, timeNs }) =>
        [kind, operation, device, id, address, count, detail, timeNs].join(' '),
      );
    assert.equal(trail, [
      'usrbioPrepared 1 1 0 5 100 1 77',
      'usrbioPrepared 1 1 1 1099511627776 9000 1 77',
      'usrbioPrepared 1 1 2 9 1 1 77',
      'usrbioJob 1 1 0 0 2 0 77',
      'usrbioJob 1 1 1 0 1 2 77',
      'usrbioDone 1 1 0 0 1 100 77',
      'usrbioDone 1 1 1 0 1 -28 77',
      'usrbioDone 1 1 2 0 1 1 77',
    ]);
    assert.equal(machine.counters.usrbio, { prepared: 3, completed: 3, jobs: 2 });
    const reader = client.ior({ ioDepth: -4, timeoutMs: 2 });
    const all = client.ior();
    client.prep(reader, iov, { fd, bytes: 5, offset: 5 });
    client.prep(all, iov, { fd, bytes: 5, offset: 5 });
    client.raw.submitIos(reader);
    assert.is(client.wait(reader, 1, 1).result, 1);
    const formed = ofKind(machine, 'usrbioJob').map(({ operation, device, detail, timeNs }) => [
      operation,
      device,
      detail,
      timeNs,
    ]);
    assert.equal(
      formed,
      [
        [0, 3, 1, 77],
        [0, 2, 3, 2_000_077],
      ],
      'all there were; the timeout',
    );
    close(machine, client, [unused, writer, reader, all], [iov]);
  });
}

jobs.run();
