// What does a 4 KiB buffered write or read of a cached page cost, beside copying its bytes?
//
// In one run, over the same 16 MiB: pwrite and pread of the core one page a call, and by AIO in lots of 32 through registered
// buffers, on a drive and on a file of a volume; machine.fs and the node:fs adapter on that file; `memory.copy` of the same
// pages in a wasm loop; memfs; and writeSync and readSync of Node on a file in memory (tmpfs where there is one).

import * as kernelFs from 'node:fs';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memfs } from 'memfs';
import { Bench } from 'tinybench';
import { IO_EVENT_SIZE, IOCB_OFFSET, IOCB_SIZE } from '../assembly/layout.ts';
import { nodeFs } from '../src/adapters/node-fs.ts';
import { prepIocb } from '../src/aio-request.ts';
import { Machine } from '../src/index.ts';
import { count, printTable, times } from './table.ts';

export const title =
  '4 KiB pages that are cached: the core, memory.copy in wasm, memfs, and the kernel through node:fs';

const PAGE = 4096;
const PAGES = 4096;
const LOT = 32;
const TIME_MS = 1500;

/** Measures one pass over all pages. */
type Pass = () => void;

/**
 * `copy(to, from, count, toStep, fromStep)`: `count` times memory.copy of 4,096 bytes, stepping both addresses. By hand:
 *   loop  local.get 0  local.get 1  i32.const 4096  memory.copy   (to, from)
 *         to += toStep   from += fromStep   br_if (--count)  end
 */
const COPY_BODY = [
  ...[0x03, 0x40, 0x20, 0, 0x20, 1, 0x41, 0x80, 0x20, 0xfc, 0x0a, 0, 0],
  ...[0x20, 0, 0x20, 3, 0x6a, 0x21, 0, 0x20, 1, 0x20, 4, 0x6a, 0x21, 1],
  ...[0x20, 2, 0x41, 1, 0x6b, 0x22, 2, 0x0d, 0, 0x0b, 0x0b],
];
const MEMORY_PAGES = [0x82, 0x02]; // 258 × 64 KiB: the pages, and a buffer
const COPY_MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 9, 1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0], // type: five i32, no result
  ...[3, 2, 1, 0], // one function
  ...[5, 4, 1, 0, ...MEMORY_PAGES], // one memory
  ...[7, 8, 1, 4, 0x63, 0x6f, 0x70, 0x79, 0, 0], // export "copy"
  ...[10, COPY_BODY.length + 3, 1, COPY_BODY.length + 1, 0, ...COPY_BODY],
]);

async function copyPasses(): Promise<{ write: Pass; read: Pass }> {
  const { instance } = await WebAssembly.instantiate(COPY_MODULE);
  const copy = instance.exports.copy as (
    to: number,
    from: number,
    n: number,
    toStep: number,
    fromStep: number,
  ) => void;
  return {
    write: () => copy(PAGE, 0, PAGES, PAGE, 0),
    read: () => copy(0, PAGE, PAGES, 0, PAGE),
  };
}

/** A pass that fails would be measured as a fast one. */
function mustBe(expected: number, result: number): void {
  if (result !== expected) throw new Error(`a call answered ${result} instead of ${expected}`);
}

/** One call a page, from and to client memory. */
function callPasses(machine: Machine, descriptor: number, buffer: number): { write: Pass; read: Pass } {
  const { exports } = machine.core;
  return {
    write: () => {
      for (let page = 0; page < PAGES; page++)
        mustBe(PAGE, exports.filePwrite(descriptor, buffer, PAGE, page * PAGE));
    },
    read: () => {
      for (let page = 0; page < PAGES; page++)
        mustBe(PAGE, exports.filePread(descriptor, buffer, PAGE, page * PAGE));
    },
  };
}

/** io_submit of LOT iocbs that lie in client memory, of which only the offset changes, then io_getevents. */
function aioPass(machine: Machine, file: { descriptor: number }, op: 'pwrite' | 'pread'): Pass {
  const { core, buffers } = machine;
  const { handle } = machine.createAioContext(LOT);
  const iocbs = buffers.allocate(LOT * IOCB_SIZE);
  const pointers = buffers.allocate(LOT * 4);
  const events = buffers.allocate(LOT * IO_EVENT_SIZE);
  for (let index = 0; index < LOT; index++) {
    const iocb = iocbs + index * IOCB_SIZE;
    prepIocb(core.memory, iocb, { op, file, buffer: buffers.allocate(PAGE, PAGE), length: PAGE });
    core.memory.setU32(pointers + index * 4, iocb);
  }
  const words = core.memory.words;
  return () => {
    for (let page = 0; page < PAGES; page += LOT) {
      for (let index = 0; index < LOT; index++) {
        words[(iocbs + index * IOCB_SIZE + IOCB_OFFSET) >>> 2] = (page + index) * PAGE;
      }
      mustBe(LOT, core.exports.aioSubmit(handle, LOT, pointers));
      mustBe(LOT, core.exports.aioGetevents(handle, LOT, LOT, events, 0));
    }
  };
}

type PagesOf = Pick<typeof kernelFs, 'readSync' | 'writeSync'>;

/** Anything with the shape of node:fs. */
function nodePasses(fs: PagesOf, file: number): { write: Pass; read: Pass } {
  const buffer = new Uint8Array(PAGE).fill(1);
  return {
    write: () => {
      for (let page = 0; page < PAGES; page++) mustBe(PAGE, fs.writeSync(file, buffer, 0, PAGE, page * PAGE));
    },
    read: () => {
      for (let page = 0; page < PAGES; page++) mustBe(PAGE, fs.readSync(file, buffer, 0, PAGE, page * PAGE));
    },
  };
}

/** A file of all the pages, in an `fs` that is kept in memory. */
function filledMemfs(): { fs: PagesOf; file: number } {
  const { fs } = memfs();
  const file = fs.openSync('/pages', 'w+');
  fs.writeSync(file, new Uint8Array(PAGES * PAGE));
  return { fs: fs as unknown as PagesOf, file };
}

/** Nanoseconds a page, median of passes, by the name of each. */
async function measure(passes: ReadonlyMap<string, Pass>): Promise<Map<string, number>> {
  const bench = new Bench({ time: TIME_MS, warmupTime: 300 });
  for (const [name, pass] of passes) bench.add(name, pass, { async: false });
  await bench.run();
  return new Map(
    bench.tasks.map(({ name, result }) => {
      if (!('latency' in result)) throw new Error(`${name} was not measured`);
      return [name, (result.latency.p50 * 1e6) / PAGES];
    }),
  );
}

async function table(kind: 'write' | 'read', machine: Machine, kernelFile: number): Promise<void> {
  const drive = machine.openFile('drive0');
  const file = machine.fs.open('/pages', 'r+');
  const buffer = machine.buffers.allocate(PAGE, PAGE);
  const bytes = new Uint8Array(PAGE).fill(1);
  const adapter = nodeFs(machine);
  const memory = filledMemfs();
  const copy = 'memory.copy in wasm';
  const memfsName = `memfs ${kind}Sync`;
  const kernel = `node:fs ${kind}Sync on ${existsSync(TMPFS) ? 'tmpfs' : 'a temporary file'}`;
  const medians = await measure(
    new Map<string, Pass>([
      [copy, (await copyPasses())[kind]],
      [`core p${kind}, drive`, callPasses(machine, drive.descriptor, buffer)[kind]],
      [`core p${kind}, file`, callPasses(machine, file.descriptor, buffer)[kind]],
      [`core aio, lots of ${LOT}, drive`, aioPass(machine, drive, `p${kind}`)],
      [`core aio, lots of ${LOT}, file`, aioPass(machine, file, `p${kind}`)],
      [
        `machine.fs p${kind}`,
        () => {
          for (let page = 0; page < PAGES; page++)
            mustBe(PAGE, kind === 'write' ? file.pwrite(bytes, page * PAGE) : file.pread(bytes, page * PAGE));
        },
      ],
      [`node:fs adapter ${kind}Sync`, nodePasses(adapter as PagesOf, adapter.openSync('/pages', 'r+'))[kind]],
      [memfsName, nodePasses(memory.fs, memory.file)[kind]],
      [kernel, nodePasses(kernelFs, kernelFile)[kind]],
    ]),
  );
  const bases = [copy, memfsName, kernel].map((name) => medians.get(name) as number);
  printTable(
    [
      `${kind} of a cached page`,
      'ns (median)',
      'pages/s',
      'time / memory.copy',
      'time / memfs',
      'time / node:fs',
    ],
    [...medians].map(([name, ns]) => [
      name,
      ns.toFixed(0),
      count(1e9 / ns),
      ...bases.map((base) => times(ns / base)),
    ]),
  );
}

const TMPFS = '/dev/shm';

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(existsSync(TMPFS) ? TMPFS : tmpdir(), 'sectorlab-bench-'));
  const kernelFile = openSync(join(folder, 'pages'), 'w+');
  const size = PAGES * PAGE * 4;
  // the volume on a drive of its own; nothing is written back while a page is measured
  const machine = await Machine.create({
    cache: size * 2,
    drives: [{ size: PAGES * PAGE * 2 }, { size }],
    volume: { drive: 1 },
    vm: { dirtyBytes: '64GiB', dirtyBackgroundBytes: '32GiB' },
  });
  try {
    machine.fs.writeFile('/pages', new Uint8Array(PAGES * PAGE));
    await table('write', machine, kernelFile);
    await table('read', machine, kernelFile);
  } finally {
    machine.close();
    closeSync(kernelFile);
    rmSync(folder, { recursive: true });
  }
}
