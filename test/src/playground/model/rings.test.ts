// Rings and virtqueues as their records tell them: who asked, which operation serves it, and how it ended.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  OP_DISCARD,
  OP_WRITE,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../../assembly/layout.ts';
import type { Run } from '../../../../src/playground/model/run.ts';
import type { GuestState, RingState } from '../../../../src/playground/model/types.ts';
import { type Crafted, clientOf, runOf, stackOf } from '../support/crafted.ts';

const rings = suite('rings and guests in records');

const CLIENTS = {
  clients: [
    clientOf('virtio', { device: 2, devices: [2] }),
    clientOf('aio', { contexts: [1], name: 'one' }),
    clientOf('aio', { contexts: [4], name: 'other' }),
    clientOf('usrbio', { devices: [5, 6] }),
    clientOf('bluestore', { devices: [7], contexts: [8] }),
    clientOf('block'),
  ],
};
const WRITE = 1;

const accepted = (context: number, id: number, address = 0, count = 4096, operation = WRITE): Crafted => ({
  kind: 'aioAccepted',
  ...{ id, operation, address, count, device: 0 },
  detail: 1 | (context << 8),
});
const started = (id: number, address = 0, count = 4096, operation = WRITE): Crafted => ({
  kind: 'operationStarted',
  ...{ id, operation, address, count },
});
const event = (context: number, id: number, detail: number, timeNs = 0): Crafted => ({
  kind: 'aioEvent',
  ...{ device: context, id, detail, timeNs },
});

const ringAt = (run: Run, name: string, step = run.stepCount): RingState =>
  stackOf(run, step).rings.find((ring) => ring.name === name) as RingState;
const guestAt = (run: Run, step = run.stepCount): GuestState => stackOf(run, step).guests[0] as GuestState;

rings('every client but those of the block layer has a ring or a queue, under its own number', () => {
  const run = runOf([[]], CLIENTS);
  assert.equal(
    stackOf(run).rings.map(({ client, entrance }) => [client, entrance]),
    [
      [1, 'aio'],
      [2, 'aio'],
      [3, 'usrbio'],
      [4, 'bluestore'],
    ],
  );
  assert.equal(
    stackOf(run).guests.map(({ client, device }) => [client, device]),
    [[0, 2]],
  );
});

rings('a request goes to the client whose context it is, and ends with what its event says', () => {
  const run = runOf(
    [
      [{ ...accepted(1, 64, 8192), timeNs: 10 }, accepted(4, 128), accepted(3, 192)],
      [event(1, 64, 4096, 30), event(4, 128, -5, 40)],
    ],
    CLIENTS,
  );
  const [request] = ringAt(run, 'one', 1).requests;
  assert.equal(
    [request?.key, request?.state, request?.offsetBytes, request?.submittedNs],
    [...['ring:1:0', 'running', 8192, 10]],
  );
  const told = (name: string) => {
    const { inFlight, submitted, completed, failed, requests } = ringAt(run, name);
    return [
      inFlight,
      submitted,
      completed,
      failed,
      requests.map((each) => [each.state, each.result, each.endedNs]),
    ];
  };
  assert.equal(told('one'), [0, 1, 1, 0, [['done', 4096, 30]]]);
  assert.equal(told('other'), [0, 1, 1, 1, [['done', -5, 40]]]);
});

rings('an operation serves the oldest request of its range that has none', () => {
  const run = runOf(
    [
      [accepted(1, 1), accepted(1, 2, 4096), accepted(1, 3), accepted(1, 4)],
      [event(1, 1, -22), started(21), started(22, 4096), started(23, 0, 512)],
      [event(1, 3, 4096), accepted(1, 3), started(24)],
    ],
    CLIENTS,
  );
  const operations = (step: number) => ringAt(run, 'one', step).requests.map(({ operation }) => operation);
  assert.equal(operations(2), [0, 22, 21, 0]);
  assert.equal(operations(3), [0, 22, 21, 24, 0]);
});

rings('a request that has ended stays for six steps', () => {
  const run = runOf(
    [[accepted(1, 1), accepted(1, 2)], [event(1, 1, 0)], ...Array.from({ length: 8 }, () => [])],
    CLIENTS,
  );
  const numbers = (step: number) => ringAt(run, 'one', step).requests.map(({ number }) => number);
  assert.equal([numbers(2), numbers(8), numbers(9), numbers(10)], [[0, 1], [0, 1], [1], [1]]);
  assert.is(ringAt(run, 'one').inFlight, 1);
});

rings('no more than 64 are shown, the oldest, and the rest is counted', () => {
  const many = Array.from({ length: 70 }, (_, id) => accepted(1, id, id * 4096));
  const run = runOf([many.slice(0, 64), many.slice(64)], CLIENTS);
  const told = (step: number) => [
    ringAt(run, 'one', step).requests.length,
    ringAt(run, 'one', step).hiddenCount,
  ];
  assert.equal(
    [told(1), told(2)],
    [
      [64, 0],
      [64, 6],
    ],
  );
  assert.is(ringAt(run, 'one').requests.at(-1)?.number, 63);
});

rings('a job takes the oldest that are prepared on its ring', () => {
  const prepared = (device: number, id: number): Crafted => ({
    ...{ kind: 'usrbioPrepared', operation: WRITE, device, id, address: 0, count: 4096, detail: 3 },
  });
  const run = runOf(
    [
      [prepared(5, 0), prepared(6, 0), prepared(5, 1), prepared(5, 2)],
      [{ kind: 'usrbioJob', device: 5, id: 9, count: 2 }],
      [{ kind: 'usrbioDone', device: 5, id: 1, detail: 4096 }, prepared(5, 1)],
      [{ kind: 'usrbioJob', device: 5, id: 10, count: 2 }],
    ],
    CLIENTS,
  );
  const told = (step: number) =>
    ringAt(run, 'usrbio', step).requests.map(({ state, job }) => `${state} ${job}`);
  assert.equal(told(1), ['prepared 0', 'prepared 0', 'prepared 0', 'prepared 0']);
  assert.equal(told(2), ['running 9', 'prepared 0', 'running 9', 'prepared 0']);
  assert.equal(told(4), ['running 9', 'prepared 0', 'done 9', 'running 10', 'running 10']);
  assert.equal([ringAt(run, 'usrbio').batches, ringAt(run, 'usrbio').requests[0]?.file], [2, 3]);
});

rings('a BlueStore queue counts its calls and its tries apart', () => {
  const of = (kind: 'aioQueueSubmit' | 'aioQueueRetry', device: number): Crafted => ({ kind, device });
  const run = runOf(
    [[of('aioQueueSubmit', 7), of('aioQueueRetry', 7), of('aioQueueSubmit', 7), of('aioQueueSubmit', 1)]],
    CLIENTS,
  );
  assert.equal([ringAt(run, 'bluestore').batches, ringAt(run, 'bluestore').retries], [2, 1]);
  assert.equal([ringAt(run, 'one').batches, ringAt(run, 'usrbio').batches], [0, 0]);
});

const asked = (id: number, address: number, operation = VIRTIO_BLK_T_OUT, bytes = 4096): Crafted => ({
  kind: 'guestRequest',
  ...{ operation, device: 2, id, address, count: bytes },
});
const ended = (id: number, detail = 0, fields: Partial<Crafted> = {}): Crafted => ({
  ...{ kind: 'guestDone', operation: OP_WRITE, device: 2, id, detail, timeNs: 50 },
  ...fields,
});
const merged = (id: number, address: number, count: number, members: number): Crafted => ({
  kind: 'multireqIssued',
  ...{ operation: OP_WRITE, device: 2, id, address, count, detail: members },
});
const toldOf = (run: Run, step?: number) =>
  guestAt(run, step).requests.map(({ sector, state, group }) => `${sector} ${state} ${group}`);

rings('a merged I/O has the requests that continue the one it begins with, in order', () => {
  const run = runOf(
    [
      [asked(1, 8), asked(2, 0), asked(3, 16), asked(4, 8, VIRTIO_BLK_T_IN), asked(5, 24), asked(6, 64)],
      [merged(2, 0, 24, 3)],
      [merged(6, 64, 8, 1)],
      [ended(2), ended(6, 1)],
    ],
    CLIENTS,
  );
  assert.equal(toldOf(run, 2), [
    '8 merged 1',
    '0 merged 1',
    '16 merged 1',
    '8 waiting 0',
    '24 waiting 0',
    '64 waiting 0',
  ]);
  assert.is(toldOf(run, 3).at(-1), '64 issued 2');
  const { requests, merges, inFlight, completed, failed } = guestAt(run);
  assert.equal([merges, inFlight, completed, failed], [2, 4, 2, 1]);
  assert.equal(
    requests.map(({ state, status }) => `${state} ${status}`),
    [...['merged 0', 'done 0', 'merged 0', 'waiting 0', 'waiting 0', 'done 1']],
  );
});

rings('why a request begins a run of its own is told at that request', () => {
  const split = (address: number, count: number, detail: number): Crafted => ({
    ...{ kind: 'multireqSplit', operation: OP_WRITE, device: 2, address, count, detail },
  });
  const run = runOf(
    [
      [
        asked(1, 0),
        asked(2, 0, VIRTIO_BLK_T_OUT, 8192),
        asked(3, 40),
        split(0, 16, 3),
        split(40, 8, 1),
        split(99, 8, 1),
      ],
    ],
    CLIENTS,
  );
  assert.equal(
    guestAt(run).requests.map(({ apart }) => apart),
    ['', 'the merged request would be too long', 'it does not begin where the one before it ends'],
  );
});

rings('the range of a discard is known when it ends, that of a flush never', () => {
  const run = runOf(
    [
      [asked(1, 5, VIRTIO_BLK_T_DISCARD, 16), asked(2, 0, VIRTIO_BLK_T_FLUSH, 0)],
      [
        ended(1, 0, { operation: OP_DISCARD, address: 96, count: 32 }),
        ended(2, 0, { operation: 4, address: 7 }),
      ],
    ],
    CLIENTS,
  );
  const ranges = (step: number) =>
    guestAt(run, step).requests.map((each) => [each.hue, each.sector, each.sectorCount]);
  assert.equal(ranges(1), [
    ['discard', 5, 0],
    ['flush', 0, 0],
  ]);
  assert.equal(ranges(2), [
    ['discard', 96, 32],
    ['flush', 0, 0],
  ]);
  assert.is(guestAt(run).requests[0]?.endedNs, 50);
});

rings('a head that is used again is another request, and one of another device is none of ours', () => {
  const run = runOf(
    [[asked(1, 0), ended(1), asked(1, 8), { ...asked(1, 16), device: 3 }], [ended(1, 2)]],
    CLIENTS,
  );
  assert.equal(
    guestAt(run).requests.map(({ key, state, status }) => `${key} ${state} ${status}`),
    ['guest:2:0 done 0', 'guest:2:1 done 2'],
  );
});

rings('a request of a guest that has ended stays for six steps', () => {
  const run = runOf(
    [[asked(1, 0), asked(2, 8)], [ended(1)], ...Array.from({ length: 8 }, () => [])],
    CLIENTS,
  );
  const numbers = (step: number) => guestAt(run, step).requests.map(({ number }) => number);
  assert.equal([numbers(8), numbers(9), numbers(10)], [[0, 1], [1], [1]]);
});

rings('a guest is stopped until it issues again', () => {
  const run = runOf(
    [[asked(1, 0)], [{ kind: 'guestStopped', device: 2, id: 1, detail: -5 }], [merged(1, 0, 8, 1)]],
    CLIENTS,
  );
  assert.equal(
    [1, 2, 3].map((step) => guestAt(run, step).isStopped),
    [false, true, false],
  );
});

rings.run();
