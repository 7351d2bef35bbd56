// aio_t and aio_queue_t as a C++ program sees them: structs in client memory, raw results, real io_submit underneath.
//
// What io_submit answers is made here, not scripted: full rings, a small pool of operations, drives that hold their
// completions, bad descriptors. The decisions alone are in aio-queue-batch.test.ts. Left out: EINTR, because no signal
// reaches a machine. Offsets are written out, as a struct of a 64-bit Linux has them.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ABORT_BATCH_TOO_LONG,
  ABORT_INIT_TWICE,
  ABORT_NONE,
  ABORT_NOT_SHUT_DOWN,
} from '../../../assembly/layout.ts';
import { MAX_AIO_QUEUES } from '../../../assembly/limits.ts';
import type { CoreExports } from '../../../src/core/exports.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, Ring } from './ring.ts';

const EBUSY = -16;
const EMFILE = -24;
const SIZE = 1048576;
const AIO_T = 192;
const NOT_DONE = -1000;
const OLDER = 1;

interface Outcome {
  readonly result: number;
  readonly done: number;
  readonly retries: number;
  readonly sleptUs: number;
  readonly calls: number;
}

interface BatchOptions {
  readonly priv?: number;
  readonly retries?: number;
  readonly rule?: number;
  readonly delayUs?: number;
}

class Bench {
  readonly machine: Machine;
  readonly ring: Ring;
  readonly fd: number;
  readonly buffer: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.ring = new Ring(machine);
    this.fd = machine.openFile('drive0', { direct: true }).descriptor;
    this.buffer = this.ring.allocate(65536, 4096);
  }

  static async open(build: Build, config: MachineConfig = {}): Promise<Bench> {
    return new Bench(await openMachine(build, { drives: [{ size: SIZE }], records: 4096, ...config }));
  }

  call(body: (exports: CoreExports) => number): number {
    return this.machine.core.call(body);
  }

  /** A queue after init(). */
  queue(depth = 1024): number {
    const queue = this.call((exports) => exports.aioQueueCreate(depth));
    assert.ok(queue > 0, String(queue));
    assert.is(
      this.call((exports) => exports.aioQueueInit(queue)),
      0,
    );
    return queue;
  }

  /** aio_t(0, fd) with one piece, prepared as a write of 4,096 bytes. */
  write(offset: number, fields: { fd?: number; buffer?: number } = {}): number {
    const aio = this.make(fields.fd ?? this.fd);
    this.pieces(aio, [[fields.buffer ?? this.buffer, 4096]]);
    assert.is(
      this.call((exports) => exports.aioPwritev(aio, offset, 4096)),
      0,
    );
    return aio;
  }

  make(fd = this.fd, priv = 0): number {
    const aio = this.ring.allocate(AIO_T, 16);
    this.ring.bytes.fill(0xee, aio, aio + AIO_T);
    assert.is(
      this.call((exports) => exports.aioMake(aio, priv, fd)),
      0,
    );
    return aio;
  }

  /** Fills the inline iovecs. */
  pieces(aio: number, pieces: readonly (readonly [base: number, length: number])[]): void {
    const { view } = this.ring;
    view.setUint32(aio + 76, pieces.length, true);
    pieces.forEach(([base, length], index) => {
      view.setBigUint64(aio + 112 + index * 16, BigInt(base), true);
      view.setBigUint64(aio + 120 + index * 16, BigInt(length), true);
    });
  }

  writes(count: number, first = 0): number[] {
    return Array.from({ length: count }, (_, index) => this.write((first + index) * 4096));
  }

  submit(queue: number, aios: readonly number[], options: BatchOptions = {}): Outcome {
    const { view } = this.ring;
    const mark = this.ring.mark();
    const array = this.ring.allocate(Math.max(1, aios.length) * 4);
    const struct = this.ring.allocate(48);
    aios.forEach((aio, index) => {
      view.setUint32(array + index * 4, aio, true);
    });
    this.ring.bytes.fill(0, struct, struct + 48);
    view.setBigUint64(struct, BigInt(options.priv ?? 0), true);
    view.setUint32(struct + 8, options.retries ?? 16, true);
    view.setUint32(struct + 12, options.rule ?? 0, true);
    view.setBigUint64(struct + 16, BigInt(options.delayUs ?? 125), true);
    const result = this.call((exports) => exports.aioQueueSubmitBatch(queue, array, aios.length, struct));
    this.ring.release(mark);
    return {
      result,
      done: view.getInt32(struct + 24, true),
      retries: view.getUint32(struct + 28, true),
      sleptUs: Number(view.getBigUint64(struct + 32, true)) / 1000,
      calls: view.getUint32(struct + 40, true),
    };
  }

  /** get_next_completed: the result, and the addresses. */
  next(queue: number, timeoutMs = 0, maximum = 16): { result: number; aios: number[] } {
    const mark = this.ring.mark();
    const array = this.ring.allocate(Math.max(0, maximum) * 4 + 4);
    const { view } = this.ring;
    this.ring.bytes.fill(0xcd, array, array + Math.max(0, maximum) * 4 + 4);
    const result = this.call((exports) => exports.aioQueueGetNextCompleted(queue, timeoutMs, array, maximum));
    const count = Math.max(0, result);
    for (let index = count; index <= Math.max(0, maximum); index++)
      assert.is(view.getUint32(array + index * 4, true), 0xcdcdcdcd, 'entries past the count are untouched');
    const aios = Array.from({ length: count }, (_, index) => view.getUint32(array + index * 4, true));
    this.ring.release(mark);
    return { result, aios };
  }

  rval(aio: number): number {
    return this.call((exports) => exports.aioReturnValue(aio));
  }

  abort(queue: number): number {
    const state = this.call((exports) => exports.aioQueueState(queue));
    return this.ring.view.getUint32(state, true);
  }

  /** Requests offered and what io_submit answered, call by call, since the last look. */
  submits(): (readonly [offered: number, answer: number])[] {
    return this.machine.records
      .take()
      .flatMap(({ kind, count, detail }) => (kind === 'aioQueueSubmit' ? [[count, detail] as const] : []));
  }

  shutdown(queue: number): number {
    return this.call((exports) => exports.aioQueueShutdown(queue));
  }

  destroy(queue: number): number {
    return this.call((exports) => exports.aioQueueDestroy(queue));
  }

  end(...queues: number[]): void {
    this.machine.run();
    for (const queue of queues) {
      assert.is(this.shutdown(queue), 0);
      assert.is(this.destroy(queue), 0);
    }
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
  }
}

for (const build of BUILDS) {
  const aioT = suite(`aio_t (${build})`);

  aioT('is new with a return value of -1000, and has no range', async () => {
    const bench = await Bench.open(build);
    const { view } = bench.ring;
    const aio = bench.make(7, 2 ** 53 - 1);
    assert.is(bench.rval(aio), NOT_DONE);
    const words = Array.from({ length: AIO_T / 8 }, (_, index) => view.getBigUint64(aio + index * 8, true));
    const expected = words.map(() => 0n);
    expected[8] = 2n ** 53n - 1n;
    expected[9] = 7n;
    expected[12] = 2n ** 64n - 1000n;
    expected[13] = BigInt(aio + 112);
    assert.equal(words, expected);
  });

  aioT('pwritev and preadv prepare the iocb over all pieces and submit nothing', async () => {
    const bench = await Bench.open(build);
    const { view } = bench.ring;
    for (const [opcode, prepare] of [
      [8, (aio: number) => bench.call((exports) => exports.aioPwritev(aio, 4096 * 9, 12345))],
      [7, (aio: number) => bench.call((exports) => exports.aioPreadv(aio, 4096 * 9, 12345))],
    ] as const) {
      const aio = bench.make();
      bench.pieces(aio, [
        [bench.buffer, 512],
        [bench.buffer + 512, 512],
        [bench.buffer + 4096, 1024],
      ]);
      assert.is(prepare(aio), 0);
      assert.is(view.getUint16(aio + 16, true), opcode);
      assert.is(view.getUint32(aio + 20, true), bench.fd);
      assert.is(Number(view.getBigUint64(aio + 24, true)), aio + 112, 'buf is the iovec array');
      assert.is(Number(view.getBigUint64(aio + 32, true)), 3, 'nbytes is the number of pieces');
      assert.is(Number(view.getBigUint64(aio + 40, true)), 4096 * 9);
      assert.is(Number(view.getBigUint64(aio + 80, true)), 4096 * 9);
      assert.is(Number(view.getBigUint64(aio + 88, true)), 12345, 'the length is taken on trust');
      assert.is(bench.rval(aio), NOT_DONE);
    }
    assert.is(bench.machine.counters.aio.submitted, 0);
  });

  aioT('pread is opcode 0 on one buffer', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(4);
    const aio = bench.make();
    bench.machine.openFile('drive0', { direct: true }).write(new Uint8Array(4096).fill(0x5a), 8192);
    assert.is(
      bench.call((exports) => exports.aioPread(aio, 8192, 4096, bench.buffer)),
      0,
    );
    assert.is(bench.ring.view.getUint16(aio + 16, true), 0);
    assert.is(Number(bench.ring.view.getBigUint64(aio + 32, true)), 4096);
    assert.is(bench.submit(queue, [aio]).result, 1);
    assert.equal(bench.next(queue), { result: 1, aios: [aio] });
    assert.is(bench.rval(aio), 4096);
    assert.ok(bench.ring.bytes.subarray(bench.buffer, bench.buffer + 4096).every((byte) => byte === 0x5a));
    bench.end(queue);
  });

  aioT('an address or a number that can not be is refused', async () => {
    const bench = await Bench.open(build);
    const aio = bench.make();
    for (const bad of [0, ...bench.ring.outside]) {
      assert.is(
        bench.call((exports) => exports.aioMake(bad, 0, 3)),
        EFAULT,
      );
      for (const prepare of [
        (exports: CoreExports) => exports.aioPwritev(bad, 0, 512),
        (exports: CoreExports) => exports.aioPreadv(bad, 0, 512),
        (exports: CoreExports) => exports.aioPread(bad, 0, 512, bench.buffer),
        (exports: CoreExports) => exports.aioReturnValue(bad),
      ])
        assert.is(bench.call(prepare), EFAULT);
    }
    for (const bad of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      for (const prepare of [
        (exports: CoreExports) => exports.aioMake(aio, bad, 3),
        (exports: CoreExports) => exports.aioPwritev(aio, bad, 512),
        (exports: CoreExports) => exports.aioPreadv(aio, 0, bad),
        (exports: CoreExports) => exports.aioPread(aio, bad, 512, bench.buffer),
      ])
        assert.is(bench.call(prepare), EINVAL, String(bad));
    }
  });

  aioT.run();

  const life = suite(`aio_queue's life (${build})`);

  life('init twice and destruction without shutdown abort; shutdown twice is fine', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(8);
    assert.is(bench.abort(queue), ABORT_NONE);
    assert.is(
      bench.call((exports) => exports.aioQueueInit(queue)),
      EINVAL,
    );
    assert.is(bench.abort(queue), ABORT_INIT_TWICE);
    assert.is(bench.destroy(queue), EBUSY);
    assert.is(bench.abort(queue), ABORT_NOT_SHUT_DOWN);
    assert.is(bench.submit(queue, [bench.write(0)]).result, 1, 'nothing has changed');
    bench.machine.run();
    assert.is(bench.shutdown(queue), 0);
    assert.is(bench.shutdown(queue), 0);
    assert.is(bench.destroy(queue), 0);
    assert.is(bench.destroy(queue), EBADF);
    bench.end();
  });

  life('what io_setup refuses is answered, and the queue has no context', async () => {
    const bench = await Bench.open(build, { aioMaxNr: 100 });
    for (const [depth, expected] of [
      [101, EAGAIN],
      [0, EINVAL],
      [-1, EINVAL],
      [4194305, EINVAL],
    ] as const) {
      const queue = bench.call((exports) => exports.aioQueueCreate(depth));
      assert.is(
        bench.call((exports) => exports.aioQueueInit(queue)),
        expected,
      );
      const state = bench.call((exports) => exports.aioQueueState(queue));
      assert.equal(
        [0, 4, 8].map((at) => bench.ring.view.getInt32(state + at, true)),
        [0, 0, depth],
      );
      assert.is(bench.submit(queue, []).result, 0);
      assert.is(bench.submit(queue, [bench.write(0)]).result, EINVAL);
      assert.is(bench.next(queue).result, EINVAL);
      assert.is(bench.destroy(queue), 0);
    }
    bench.end();
  });

  life('a queue can be used again after shutdown and a new init', async () => {
    const bench = await Bench.open(build, { aioMaxNr: 8 });
    const queue = bench.queue(8);
    for (let round = 0; round < 20; round++) {
      assert.is(bench.shutdown(queue), 0);
      assert.is(
        bench.call((exports) => exports.aioQueueInit(queue)),
        0,
      );
      const mark = bench.ring.mark();
      assert.is(bench.submit(queue, [bench.write(0)]).result, 1);
      assert.is(bench.next(queue).result, 1);
      bench.ring.release(mark);
    }
    bench.end(queue);
  });

  life('shutdown is refused while I/O is pending, and discards what was not reaped', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(8);
    bench.machine.holdCompletions(true);
    const aios = bench.writes(3);
    assert.is(bench.submit(queue, aios).result, 3);
    for (let round = 0; round < 3; round++) {
      bench.machine.run();
      assert.is(bench.shutdown(queue), EBUSY);
      assert.is(bench.abort(queue), ABORT_NONE);
    }
    bench.machine.holdCompletions(false);
    bench.machine.run();
    assert.equal(bench.next(queue, 0, 1), { result: 1, aios: [aios[0] as number] }, 'nothing has changed');
    bench.end(queue);
    assert.equal(
      aios.map((aio) => bench.rval(aio)),
      [4096, NOT_DONE, NOT_DONE],
    );
  });

  life('queues end busy, full, empty and unreaped, and leave nothing behind', async () => {
    const bench = await Bench.open(build, { drives: [{ size: SIZE, latencyNs: 1000 }] });
    const empty = bench.queue(4);
    const full = bench.queue(4);
    const unreaped = bench.queue(4);
    assert.is(bench.submit(full, bench.writes(130), { retries: 2 }).result, EAGAIN);
    assert.is(bench.submit(unreaped, bench.writes(4)).result, 4);
    const busy = bench.queue(4);
    assert.is(bench.submit(busy, bench.writes(4)).result, 4);
    assert.is(bench.shutdown(busy), EBUSY);
    bench.end(empty, full, unreaped, busy);
  });

  life('there is room for a fixed number of queues', async () => {
    const bench = await Bench.open(build);
    const queues = Array.from({ length: MAX_AIO_QUEUES }, () =>
      bench.call((exports) => exports.aioQueueCreate(1)),
    );
    assert.equal(
      queues,
      queues.map((_, index) => index + 1),
    );
    assert.is(
      bench.call((exports) => exports.aioQueueCreate(1)),
      EMFILE,
    );
    bench.end(...queues);
  });

  life('a handle that is none is refused by every call', async () => {
    const bench = await Bench.open(build);
    for (const bad of [0, 1, -1, MAX_AIO_QUEUES + 1, 2 ** 31 - 1, -(2 ** 31)]) {
      for (const call of [
        (exports: CoreExports) => exports.aioQueueInit(bad),
        (exports: CoreExports) => exports.aioQueueShutdown(bad),
        (exports: CoreExports) => exports.aioQueueDestroy(bad),
        (exports: CoreExports) => exports.aioQueueState(bad),
        (exports: CoreExports) => exports.aioQueueSubmitBatch(bad, 0, 0, 0),
        (exports: CoreExports) => exports.aioQueueGetNextCompleted(bad, 0, 0, 0),
      ])
        assert.is(bench.call(call), EBADF);
    }
  });

  life.run();

  const submit = suite(`submit_batch (${build})`);

  submit('an empty range is 0 without io_submit', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    assert.equal(bench.submit(queue, []), { result: 0, done: 0, retries: 0, sleptUs: 0, calls: 0 });
    assert.is(
      bench.call((exports) => exports.aioQueueSubmitBatch(queue, 0, 0, 0)),
      0,
    );
    assert.equal(bench.submits(), []);
    bench.end(queue);
  });

  submit(
    'a batch goes through the window, and the results are with the requests only when reaped',
    async () => {
      const bench = await Bench.open(build);
      const queue = bench.queue(8);
      const aios = bench.writes(20);
      const outcome = bench.submit(queue, aios, { priv: 77 });
      assert.equal(outcome, { result: 20, done: 20, retries: 0, sleptUs: 0, calls: 3 });
      assert.equal(bench.submits(), [
        [8, 8],
        [8, 8],
        [4, 4],
      ]);
      bench.machine.run();
      assert.ok(aios.every((aio) => bench.rval(aio) === NOT_DONE));
      assert.ok(aios.every((aio) => bench.ring.view.getBigUint64(aio + 64, true) === 77n));
      assert.equal(bench.next(queue, 0, 20).aios, aios);
      assert.ok(aios.every((aio) => bench.rval(aio) === 4096));
      bench.end(queue);
    },
  );

  submit('a full ring that nobody reaps is 8.191875 seconds of virtual time, then EAGAIN', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(4);
    // a ring of one page holds 126 requests
    assert.is(bench.submit(queue, bench.writes(126)).result, 126);
    bench.submits();
    const before = bench.machine.nowNs;
    const outcome = bench.submit(queue, [bench.write(0)]);
    assert.equal(outcome, { result: EAGAIN, done: 0, retries: 16, sleptUs: 8_191_875, calls: 17 });
    assert.is(bench.machine.nowNs - before, 8_191_875_000);
    assert.equal(
      bench.submits(),
      Array.from({ length: 17 }, () => [1, EAGAIN]),
    );
    bench.end(queue);
  });

  submit('a retry leaves a record with its delay, its number and what is left', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(4);
    bench.submit(queue, bench.writes(126));
    bench.machine.records.take();
    bench.submit(queue, [bench.write(0)], { retries: 2, delayUs: 10 });
    const retries = bench.machine.records.take().filter(({ kind }) => kind === 'aioQueueRetry');
    assert.equal(
      retries.map(({ device, address, count, detail }) => [device, address, count, detail]),
      [
        [queue, 10_000, 1, 1],
        [queue, 20_000, 2, 0],
      ],
    );
    bench.end(queue);
  });

  submit('partial acceptance sleeps by today’s rule; by the older only EAGAIN does', async () => {
    const config = { drives: [{ size: SIZE, latencyNs: 50_000 }], merge: false, limits: { operations: 4 } };
    const now = await Bench.open(build, config);
    const nowQueue = now.queue(6);
    // 4 kiocbs: 4 accepted; 125 µs later two requests of 50 µs are done, which is room for the last 2
    assert.equal(now.submit(nowQueue, now.writes(6)), {
      result: 6,
      done: 6,
      retries: 1,
      sleptUs: 125,
      calls: 2,
    });
    assert.equal(now.submits(), [
      [6, 4],
      [2, 2],
    ]);
    now.end(nowQueue);

    const older = await Bench.open(build, config);
    const olderQueue = older.queue(6);
    assert.equal(older.submit(olderQueue, older.writes(6), { rule: OLDER }), {
      result: 6,
      done: 6,
      retries: 1,
      sleptUs: 125,
      calls: 3,
    });
    assert.equal(older.submits(), [
      [6, 4],
      [2, EAGAIN],
      [2, 2],
    ]);
    older.end(olderQueue);
  });

  submit('a bad first request is answered at once', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const outcome = bench.submit(queue, [bench.write(0, { fd: 999 }), bench.write(4096)]);
    assert.equal(outcome, { result: EBADF, done: 0, retries: 0, sleptUs: 0, calls: 1 });
    assert.is(bench.machine.nowNs, 0);
    bench.end(queue);
  });

  submit('a bad third request of five: the first two run and complete, its error is answered', async () => {
    const bench = await Bench.open(build);
    for (const [rule, retries] of [
      [0, 1],
      [OLDER, 0],
    ] as const) {
      const queue = bench.queue();
      const aios = bench.writes(5);
      bench.ring.view.setUint16((aios[2] as number) + 16, 6, true);
      const outcome = bench.submit(queue, aios, { rule });
      assert.equal(outcome, { result: EINVAL, done: 2, retries, sleptUs: 125 * retries, calls: 2 });
      assert.equal(bench.next(queue).aios, aios.slice(0, 2));
      assert.equal(
        aios.map((aio) => bench.rval(aio)),
        [4096, 4096, NOT_DONE, NOT_DONE, NOT_DONE],
      );
      bench.end(queue);
    }
  });

  submit('retries are added to what the caller had counted', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(4);
    bench.submit(queue, bench.writes(126));
    const struct = bench.ring.allocate(48);
    const array = bench.ring.allocate(4);
    bench.ring.view.setUint32(array, bench.write(0), true);
    bench.ring.bytes.fill(0, struct, struct + 48);
    bench.ring.view.setUint32(struct + 8, 3, true);
    bench.ring.view.setUint32(struct + 28, 1000, true);
    bench.call((exports) => exports.aioQueueSubmitBatch(queue, array, 1, struct));
    assert.is(bench.ring.view.getUint32(struct + 28, true), 1003);
    bench.end(queue);
  });

  submit('more than 65,535 requests abort by the older rule only', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const struct = bench.ring.allocate(48);
    const array = bench.ring.allocate(65536 * 4);
    bench.ring.bytes.fill(0, struct, struct + 48);
    bench.ring.bytes.fill(0, array, array + 65536 * 4);
    const run = (count: number) =>
      bench.call((exports) => exports.aioQueueSubmitBatch(queue, array, count, struct));
    bench.ring.view.setUint32(struct + 12, OLDER, true);
    assert.is(run(65535), EFAULT, 'the first pointer is 0');
    assert.is(bench.abort(queue), ABORT_NONE);
    assert.is(run(65536), EINVAL);
    assert.is(bench.abort(queue), ABORT_BATCH_TOO_LONG);
    bench.ring.view.setUint32(struct + 12, 0, true);
    assert.is(run(65536), EFAULT);
    bench.end(queue);
  });

  submit('bad arrays, options and pointers are errors, and never reach the core', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const good = bench.write(0);
    const array = bench.ring.allocate(4);
    bench.ring.view.setUint32(array, good, true);
    const run = (aios: number, count: number, options: number) =>
      bench.call((exports) => exports.aioQueueSubmitBatch(queue, aios, count, options));
    for (const bad of [0, ...bench.ring.outside]) {
      assert.is(run(bad, 1, 0), EFAULT);
      if (bad !== 0) assert.is(run(array, 1, bad), EFAULT);
      bench.ring.view.setUint32(array, bad, true);
      assert.is(run(array, 1, 0), EFAULT);
      bench.ring.view.setUint32(array, good, true);
    }
    assert.is(run(array, -1, 0), EINVAL);
    assert.is(bench.submit(queue, [good], { rule: 2 }).result, EINVAL);
    assert.is(bench.submit(queue, [good], { retries: 65536 }).result, EINVAL);
    assert.is(bench.machine.counters.aio.submitted, 0);
    bench.end(queue);
  });

  submit('a delay beyond the end of time ends there', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue(4);
    bench.submit(queue, bench.writes(126));
    const outcome = bench.submit(queue, [bench.write(0)], { retries: 100, delayUs: 2 ** 60 });
    assert.equal([outcome.result, outcome.retries], [EAGAIN, 100]);
    bench.end(queue);
  });

  submit.run();

  const reap = suite(`get_next_completed (${build})`);

  reap('a timeout is milliseconds of virtual time, and 0 events then', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    for (const timeoutMs of [250, 1500, 0, 2 ** 31 - 1]) {
      const before = bench.machine.nowNs;
      assert.is(bench.next(queue, timeoutMs).result, 0);
      assert.is(bench.machine.nowNs - before, timeoutMs * 1e6);
    }
    bench.end(queue);
  });

  reap('a negative timeout waits until something completes or nothing can', async () => {
    const bench = await Bench.open(build, { drives: [{ size: SIZE, latencyNs: 5e9 }] });
    const queue = bench.queue();
    for (const timeoutMs of [-1, -1000, -(2 ** 31)]) {
      assert.is(bench.next(queue, timeoutMs).result, 0);
      bench.submit(queue, [bench.write(0)]);
      assert.is(bench.next(queue, timeoutMs).result, 1);
    }
    assert.is(bench.machine.nowNs, 15e9);
    bench.end(queue);
  });

  reap('waits for one event and takes what there is, at most max', async () => {
    const bench = await Bench.open(build, {
      drives: [{ size: SIZE, latencyNs: 1e6, channels: 2 }],
      merge: false,
    });
    const queue = bench.queue();
    const aios = bench.writes(3);
    bench.submit(queue, aios);
    assert.equal(bench.next(queue, 250).aios, aios.slice(0, 1));
    assert.equal(bench.next(queue, 0).aios, aios.slice(1, 2));
    assert.is(bench.next(queue, 0).result, 0);
    assert.is(bench.machine.nowNs, 1e6);
    assert.equal(bench.next(queue, 250).aios, aios.slice(2));
    assert.is(bench.machine.nowNs, 2e6);
    bench.end(queue);
  });

  reap('40 finished requests are 16, 16 and 8, in the order of completion', async () => {
    const bench = await Bench.open(build, { merge: false });
    const queue = bench.queue();
    bench.machine.holdCompletions(true);
    const aios = Array.from({ length: 40 }, (_, index) => bench.write(index * 8192));
    bench.submit(queue, aios);
    bench.machine.run();
    // the newest first
    const order = [...aios].reverse();
    for (let index = 39; index >= 0; index--) bench.machine.releaseCompletion(index);
    const batches = [1, 2, 3, 4].map(() => bench.next(queue, 0, 16).aios);
    assert.equal(batches, [order.slice(0, 16), order.slice(16, 32), order.slice(32), []]);
    assert.ok(aios.every((aio) => bench.rval(aio) === 4096));
    bench.machine.holdCompletions(false);
    bench.end(queue);
  });

  reap('more than the core carries at once come in one call', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const aios = bench.writes(100);
    bench.submit(queue, aios);
    assert.equal(bench.next(queue, 0, 97).aios, aios.slice(0, 97));
    assert.equal(bench.next(queue, 0, 200).aios, aios.slice(97));
    bench.end(queue);
  });

  reap('results are bytes, short ones too, or an errno', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const short = bench.make();
    bench.pieces(short, [[bench.buffer, 8192]]);
    bench.call((exports) => exports.aioPreadv(short, SIZE - 4096, 8192));
    const bad = bench.write(512 * 3 + 1);
    assert.is(bench.submit(queue, [short, bad]).result, 2);
    bench.next(queue);
    assert.equal([short, bad].map((aio) => bench.rval(aio)).sort(), [EINVAL, 4096]);
    bench.end(queue);
  });

  reap('max 0 or below is EINVAL, an array outside client memory EFAULT, and nothing is lost', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const aio = bench.write(0);
    bench.submit(queue, [aio]);
    assert.is(bench.next(queue, 0, 0).result, EINVAL);
    assert.is(bench.next(queue, 0, -1).result, EINVAL);
    for (const bad of [0, ...bench.ring.outside])
      assert.is(
        bench.call((exports) => exports.aioQueueGetNextCompleted(queue, 0, bad, 16)),
        EFAULT,
      );
    assert.equal(bench.next(queue).aios, [aio]);
    bench.end(queue);
  });

  reap('an event for what is no aio_t writes nothing', async () => {
    const bench = await Bench.open(build);
    const queue = bench.queue();
    const state = bench.call((exports) => exports.aioQueueState(queue));
    const handle = bench.ring.view.getUint32(state + 4, true);
    bench.submit(queue, [bench.write(0)]);
    bench.machine.run();
    for (const [index, object] of [64n, 2n ** 32n - 64n, 2n ** 64n - 1n].entries()) {
      bench.ring.view.setBigUint64(handle + 32 + 8, object, true);
      bench.ring.view.setUint32(handle + 8, 0, true);
      const { result, aios } = bench.next(queue);
      assert.equal([result, aios], [1, [Number(BigInt.asUintN(32, object))]], String(index));
    }
    bench.end(queue);
  });

  reap.run();
}
