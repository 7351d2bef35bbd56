// How many submissions plus reaps a second does each ring take, with a drive that costs nothing?
//
// A request is a read of 4 KiB, submitted and reaped; the drive is instant and no bytes are moved. Raw: structs that lie in
// client memory, one crossing to submit a batch and one to reap it; prep_io of USRBIO and aio_read of an IOContext are a
// crossing more for each request. Comfortable: the objects of the package. AIO requests are made anew for each batch,
// BlueStore's aio_t are prepared once and submitted again. In the same run an export that only answers a number is called
// as often as raw crosses: what that leaves of the time is the ring's own.

import { Bench } from 'tinybench';
import {
  AIO_T_RVAL,
  COUNTER_CACHE_HITS,
  COUNTER_DRIVE_READ_BYTES,
  HF3FS_CQE_RESULT,
  HF3FS_CQE_SIZE,
  HF3FS_IOR_SIZE,
  IO_EVENT_RES,
  IO_EVENT_SIZE,
  IOCB_SIZE,
} from '../assembly/layout.ts';
import { Aio, type AioRequest, Machine, type OpenFile, pread, prepIocb } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title = '4 KiB reads submitted and reaped a second, instant drive, payload none';

const BYTES = 4096;
/** Twice the length of a request, so that none is merged with its neighbour. */
const STRIDE = 8192;
const BATCHES = [1, 32, 256];
/** Requests of one pass: so few that most passes end before another process takes the processor. */
const REQUESTS = 256;
/** Crossings of one pass of the reference. */
const CALLS = 8192;
const TIME_MS = 400;

/** Submits one batch, reaps it, and checks every result. */
type Batch = () => void;

/** A ring, opened for batches of one size. */
interface Ring {
  readonly raw: Batch;
  readonly comfortable: Batch;
  /** Calls of exports that a raw batch makes. */
  readonly crossings: number;
}

type RingOpener = (machine: Machine, file: OpenFile, batch: number) => Ring;

/** A batch that fails would be measured as a fast one. */
function mustBe(expected: number, result: number): void {
  if (result !== expected) throw new Error(`a call answered ${result} instead of ${expected}`);
}

/** Checks the result at `address` and clears it, so that the next batch can not pass with this one's. */
function takeResult(words: Uint32Array, address: number): void {
  mustBe(BYTES, words[address >>> 2] as number);
  words[address >>> 2] = 0;
}

function takeResults(words: Uint32Array, first: number, size: number, batch: number): void {
  for (let index = 0; index < batch; index++) takeResult(words, first + index * size);
}

function linuxAio(machine: Machine, file: OpenFile, batch: number): Ring {
  const { core, buffers } = machine;
  const { exports, memory } = core;
  const { words } = memory;
  const context = machine.createAioContext(batch);
  const buffer = machine.allocateBuffer(BYTES);
  const iocbs = buffers.allocate(batch * IOCB_SIZE);
  const pointers = buffers.allocate(batch * 4);
  const events = buffers.allocate(batch * IO_EVENT_SIZE);
  for (let index = 0; index < batch; index++) {
    const iocb = iocbs + index * IOCB_SIZE;
    prepIocb(memory, iocb, pread(file, buffer, index * STRIDE));
    memory.setU32(pointers + index * 4, iocb);
  }
  return {
    crossings: 2,
    raw: () => {
      mustBe(batch, exports.aioSubmit(context.handle, batch, pointers));
      mustBe(batch, exports.aioGetevents(context.handle, batch, batch, events, 0));
      takeResults(words, events + IO_EVENT_RES, IO_EVENT_SIZE, batch);
    },
    comfortable: () => {
      const requests: AioRequest[] = [];
      for (let index = 0; index < batch; index++) requests.push(pread(file, buffer, index * STRIDE));
      mustBe(batch, context.submit(requests));
      const reaped = context.getEvents({ min: batch, max: batch });
      mustBe(batch, reaped.length);
      for (const event of reaped) mustBe(BYTES, event.check());
    },
  };
}

function usrbio(machine: Machine, file: OpenFile, batch: number): Ring {
  const { core, buffers, usrbio: client } = machine;
  const { exports, memory } = core;
  const { words } = memory;
  const iov = client.createIov(BYTES);
  const ring = client.createRing({ entries: batch });
  const struct = buffers.allocate(HF3FS_IOR_SIZE);
  mustBe(0, client.raw.iorCreate(struct, client.mountPoint, batch, true, 0, 0, 0, -1, 0));
  const results = buffers.allocate(batch * HF3FS_CQE_SIZE);
  const descriptor = client.register(file);
  const { struct: iovStruct, address } = iov;
  return {
    crossings: batch + 2,
    raw: () => {
      for (let index = 0; index < batch; index++) {
        const offset = index * STRIDE;
        const slot = exports.usrbioPrepIo(struct, iovStruct, 1, address, descriptor, offset, BYTES, index);
        if (slot < 0) mustBe(0, slot);
      }
      mustBe(0, exports.usrbioSubmitIos(struct));
      mustBe(batch, exports.usrbioWaitForIos(struct, results, batch, batch, 0));
      takeResults(words, results + HF3FS_CQE_RESULT, HF3FS_CQE_SIZE, batch);
    },
    comfortable: () => {
      for (let index = 0; index < batch; index++) ring.prepare(iov, file, index * STRIDE, index);
      const ended = ring.submit().wait({ minResults: batch });
      mustBe(batch, ended.length);
      for (const { result } of ended) mustBe(BYTES, result);
    },
  };
}

function aioQueue(machine: Machine, file: OpenFile, batch: number): Ring {
  const { core, buffers } = machine;
  const { exports, memory } = core;
  const { words } = memory;
  const queue = machine.createAioQueue(batch);
  mustBe(0, queue.init());
  const buffer = machine.allocateBuffer(BYTES);
  const aios = Array.from({ length: batch }, () => new Aio(machine, file));
  const addresses = buffers.allocate(batch * 4);
  const completed = buffers.allocate(batch * 4);
  aios.forEach((aio, index) => {
    aio.addPiece(buffer.address, BYTES);
    aio.preadv(index * STRIDE, BYTES);
    memory.setU32(addresses + index * 4, aio.address);
  });
  return {
    crossings: 2,
    raw: () => {
      mustBe(batch, exports.aioQueueSubmitBatch(queue.handle, addresses, batch, 0));
      mustBe(batch, exports.aioQueueGetNextCompleted(queue.handle, -1, completed, batch));
      for (let index = 0; index < batch; index++)
        takeResult(words, (words[(completed >>> 2) + index] as number) + AIO_T_RVAL);
    },
    comfortable: () => {
      mustBe(batch, queue.submitBatch(aios).result);
      const reaped: Aio[] = [];
      mustBe(batch, queue.getNextCompleted(-1, reaped, batch));
      mustBe(batch, reaped.length);
      for (const aio of reaped) {
        mustBe(BYTES, aio.returnValue);
        words[(aio.address + AIO_T_RVAL) >>> 2] = 0;
      }
    },
  };
}

/** How many bytes came is not told here: the counters of the whole pass are. */
function kernelDevice(machine: Machine, file: OpenFile, batch: number): Ring {
  const { exports } = machine.core;
  const device = machine.openKernelDevice(file);
  const context = device.createContext();
  const buffer = machine.allocateBuffer(BYTES);
  return {
    crossings: batch + 2,
    raw: () => {
      for (let index = 0; index < batch; index++)
        mustBe(0, exports.ioContextAioRead(context.handle, index * STRIDE, buffer.address, BYTES));
      mustBe(0, exports.ioContextSubmit(context.handle));
      mustBe(0, exports.ioContextWait(context.handle));
      mustBe(0, context.returnValue);
    },
    comfortable: () => {
      for (let index = 0; index < batch; index++)
        mustBe(BYTES, context.aioRead(BYTES, index * STRIDE).length);
      context.submit();
      context.wait();
      mustBe(0, context.returnValue);
    },
  };
}

const RINGS: readonly [name: string, open: RingOpener][] = [
  ['Linux AIO', linuxAio],
  ['USRBIO', usrbio],
  ['BlueStore aio_queue', aioQueue],
];

/** What the requests of one pass must have moved: bytes off the drive, or pages that were in the cache. */
interface Expectation {
  readonly counter: number;
  readonly growth: number;
}

const FROM_DRIVE: Expectation = { counter: COUNTER_DRIVE_READ_BYTES, growth: REQUESTS * BYTES };
const FROM_CACHE: Expectation = { counter: COUNTER_CACHE_HITS, growth: REQUESTS };

/** REQUESTS requests in batches, of which every one was a read of the kind that the table is about. */
function pass(machine: Machine, batch: number, run: Batch, expected: Expectation): () => void {
  return () => {
    const before = machine.core.counter(expected.counter);
    for (let done = 0; done < REQUESTS; done += batch) run();
    mustBe(expected.growth, machine.core.counter(expected.counter) - before);
  };
}

/** CALLS calls of an export that does nothing. */
function crossingsAlone(machine: Machine): () => void {
  const { exports } = machine.core;
  const address = exports.configAddress();
  return () => {
    for (let call = 0; call < CALLS; call++) mustBe(address, exports.configAddress());
  };
}

/** Passes a second, by their medians, in their order. */
async function measure(passes: readonly (() => void)[]): Promise<number[]> {
  const bench = new Bench({ time: TIME_MS, warmupTime: 200 });
  passes.forEach((run, index) => {
    bench.add(`${index}`, run, { async: false });
  });
  await bench.run();
  return bench.tasks.map(({ result }) => {
    if (result.state === 'errored') throw result.error;
    if (!('latency' in result)) throw new Error('a pass was not measured');
    return 1000 / result.latency.p50;
  });
}

async function row(
  machine: Machine,
  name: string,
  ring: Ring,
  batch: number,
  expected: Expectation,
): Promise<string[]> {
  const [raw, comfortable, crossings] = (await measure([
    pass(machine, batch, ring.raw, expected),
    pass(machine, batch, ring.comfortable, expected),
    crossingsAlone(machine),
  ])) as [number, number, number];
  const secondsOfCrossings = ring.crossings / (crossings * CALLS);
  return [
    name,
    count(batch),
    count(raw * REQUESTS),
    count(comfortable * REQUESTS),
    times(comfortable / raw),
    count(ring.crossings),
    `${(1e9 * secondsOfCrossings).toFixed(0)} ns`,
    `${((100 * secondsOfCrossings * raw * REQUESTS) / batch).toFixed(1)} %`,
  ];
}

async function table(
  heading: string,
  machine: Machine,
  file: OpenFile,
  rings: readonly [name: string, open: RingOpener][],
  expected: Expectation,
): Promise<void> {
  const rows: string[][] = [];
  for (const [name, open] of rings) {
    for (const batch of BATCHES)
      rows.push(await row(machine, name, open(machine, file, batch), batch, expected));
  }
  printTable(
    [
      heading,
      'batch',
      'raw/s',
      'comfortable/s',
      'comfortable / raw',
      'crossings a batch',
      'crossings alone',
      'share of raw',
    ],
    rows,
  );
}

export async function run(): Promise<void> {
  const machine = await Machine.create({
    payload: 'none',
    drives: [{}, {}],
    limits: { bluestoreAios: Math.max(...BATCHES) },
  });
  try {
    const direct = machine.openFile('drive0', { direct: true });
    await table('direct', machine, direct, [...RINGS, ['BlueStore KernelDevice', kernelDevice]], FROM_DRIVE);
    const buffered = machine.openFile('drive1');
    // afterwards every page that is asked for is in the cache
    for (let offset = 0; offset < Math.max(...BATCHES) * STRIDE; offset += STRIDE)
      buffered.read(BYTES, offset);
    await table('cached', machine, buffered, RINGS, FROM_CACHE);
  } finally {
    machine.close();
  }
}
