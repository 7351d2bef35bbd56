// What the inspector says of a thing is what its records say: times, sizes, who failed; and which records are its history.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_WRITE } from '../../../../assembly/layout.ts';
import { describe, recordHue } from '../../../../src/playground/model/describe.ts';
import { summaryOf } from '../../../../src/playground/model/facts.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import type { MachineRecord } from '../../../../src/records.ts';
import { type Crafted, clientOf, runOf, stackOf } from '../support/crafted.ts';

const facts = suite('facts of things');

const CLIENTS = {
  clients: [clientOf('virtio', { device: 2, devices: [2] }), clientOf('aio', { contexts: [1], name: 'app' })],
};

function row(run: Run, key: string, name: string, step = run.stepCount): string | undefined {
  return run.factsOf(key, step)?.rows.find((each) => each.name === name)?.value;
}

facts('a request is on its way since it was submitted, and took until it ended', () => {
  const run = runOf(
    [
      [{ kind: 'aioAccepted', operation: 1, timeNs: 5000, id: 8, address: 4096, count: 8192, detail: 257 }],
      [{ kind: 'mark', timeNs: 9000 }],
      [{ kind: 'aioEvent', device: 1, id: 8, timeNs: 25_000, detail: -5 }],
      [{ kind: 'mark', timeNs: 90_000 }],
    ],
    CLIENTS,
  );
  const sentence = (step: number) => run.factsOf('ring:1:0', step)?.sentence;
  assert.is(sentence(2), 'A request of an application, on its way since 4 µs.');
  assert.is(sentence(4), 'A request of an application, failed with error -5 after 20 µs.');
  assert.is(run.factsOf('ring:1:0', 1)?.title, 'write of app');
  assert.equal(
    ['Offset', 'Length', 'First page', 'Submitted', 'Ended'].map((name) => row(run, 'ring:1:0', name)),
    ['4,096 B', '8 KiB', '1', '5 µs', '25 µs'],
  );
});

facts('a request of a guest says whether it failed', () => {
  const asked = (id: number): Crafted => ({ kind: 'guestRequest', operation: 1, device: 2, id, count: 4096 });
  const ended = (id: number, detail: number): Crafted => ({
    kind: 'guestDone',
    operation: 1,
    device: 2,
    id,
    detail,
  });
  const run = runOf(
    [
      [asked(1), asked(2)],
      [ended(1, 0), ended(2, 1)],
    ],
    CLIENTS,
  );
  const sentence = (number: number) => run.factsOf(`guest:2:${number}`, 2)?.sentence;
  assert.is(sentence(0), 'A request that a guest put on its queue, done.');
  assert.is(sentence(1), 'A request that a guest put on its queue, done, failed.');
});

facts('sectors are told with their last and their size, and a moment with what a power cut may lose', () => {
  const run = runOf([
    [],
    [{ kind: 'volatile', operation: OP_WRITE, id: 3, address: 1000, count: 16 }],
    [{ kind: 'throttled', address: 5, count: 1 }],
  ]);
  assert.is(row(run, 'write:0:3', 'Sectors'), '1,000–1,015, 8 KiB');
  const told = (step: number, name: RegExp) =>
    summaryOf(stackOf(run, step)).find((each) => name.test(each.name))?.value ?? 'not told';
  assert.match(told(1, /may lose/), /^nothing/);
  assert.match(told(2, /may lose/), /^1 .*, 8 KiB$/);
  assert.equal(
    [2, 3].map((step) => told(step, /Held back/)),
    ['not told', '1 writer'],
  );
});

facts('the history of a sector and of a page has the records about it and no neighbours', () => {
  const written = (address: number, device = 0): Crafted => ({
    ...{ kind: 'issued', operation: OP_WRITE, device, id: 1, address, count: 8 },
  });
  const refault = (device: number, address: number): Crafted => ({
    kind: 'refault',
    device,
    address,
    count: 8,
  });
  const run = runOf([
    [written(0), written(8), written(16), written(8, 1), refault(0, 8), refault(0, 9), refault(1, 8)],
  ]);
  for (const [sector, history] of [
    [7, [0]],
    [8, [1]],
    [15, [1]],
    [16, [2]],
    [24, []],
  ] as const)
    assert.equal(run.historyOf(`sector:0:${sector}`), history, `sector ${sector}`);
  assert.equal(run.historyOf('page:0:8'), [4]);
  assert.equal(run.historyOf('page:1:8'), [6]);
});

function sentenceOf(record: Crafted): string {
  return describe({
    timeNs: 0,
    operation: 0,
    device: 0,
    id: 0,
    address: 0,
    count: 1,
    detail: 0,
    ...record,
  } as MachineRecord);
}

facts('a sentence says why, how many and what became of it, where its record does', () => {
  const said: readonly (readonly [Crafted, string])[] = [
    [{ kind: 'evicted', address: 6 }, 'page 6 left the cache'],
    [{ kind: 'evicted', address: 6, detail: 1 }, 'page 6 left the cache, written first'],
    [
      { kind: 'flusher', count: 2, detail: 0 },
      'the flusher wants to write 2 pages: some have been dirty for long',
    ],
    [
      { kind: 'flusher', detail: 1 },
      'the flusher wants to write 1 page: more are dirty than the background limit',
    ],
    [{ kind: 'flusher', detail: 2 }, 'the flusher wants to write 1 page: it was asked to'],
    [{ kind: 'aioAccepted', operation: 4, count: 0 }, 'accepted: fsync'],
    [
      { kind: 'aioAccepted', operation: 1, address: 8192, count: 8192 },
      'accepted: write of 8 KiB at pages 2–3',
    ],
    [
      { kind: 'multireqIssued', operation: 1, count: 8, detail: 1 },
      'one request of the guest goes on alone: write of 8 sectors from 0',
    ],
    [
      { kind: 'multireqIssued', operation: 1, count: 24, detail: 3 },
      '3 requests of the guest go on as one: write of 24 sectors from 0',
    ],
    [{ kind: 'writeback', address: 2, count: 3, detail: 1 }, 'write-back of pages 2–4 for a sync'],
    [
      { kind: 'kept', address: 8, count: 4, detail: 1 },
      'power cut: 1 of 4 sectors from 8 survive; the write is torn',
    ],
    [{ kind: 'kept', address: 8, count: 4 }, 'power cut: the write of 4 sectors from 8 survives'],
    [{ kind: 'guestDone', id: 3, detail: 1 }, "the guest's request 3 is finished: I/O error"],
    [
      { kind: 'usrbioJob', id: 3, count: 2, detail: 3 },
      'job 3 takes 2 requests from the ring: the timeout is over',
    ],
  ];
  for (const [record, sentence] of said) assert.is(sentenceOf(record), sentence);
});

facts("a guest's request has the hue of its type, what it became that of its operation", () => {
  const hueOf = (kind: MachineRecord['kind'], operation: number) =>
    recordHue({ kind, operation } as MachineRecord);
  assert.equal(
    [0, 1, 4, 11].map((type) => hueOf('guestRequest', type)),
    ['read', 'write', 'flush', 'discard'],
  );
  assert.equal(
    [0, 1, 2, 4].map((operation) => hueOf('multireqIssued', operation)),
    [...['read', 'write', 'discard', 'flush']],
  );
});

facts.run();
