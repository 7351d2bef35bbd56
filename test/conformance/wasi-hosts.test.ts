// One body for every WASI host: the same module does the same under each, byte for byte and record for record.
//
// Hosts: our own memory host, plain browser_wasi_shim with a SparseFd among its descriptors, plain browser_wasi_shim with
// its own in-memory File, and node:wasi on a real file. The module imports nothing else, so that is all a runtime needs.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { File, OpenFile as ShimOpenFile, WASI } from '@bjorn3/browser_wasi_shim';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_WRITE,
  ROOT_BUFFERS,
  ROOT_RECORD_HASH,
} from '../../assembly/layout.ts';
import { MemoryHost, type WasiHost } from '../../src/backing/memory-host.ts';
import { openNodeImages } from '../../src/backing/node-files.ts';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import { resolveConfig } from '../../src/core/config.ts';
import { configBytes } from '../../src/core/config-struct.ts';
import { Core } from '../../src/core/core.ts';
import { readCounters } from '../../src/counters.ts';
import { BUILDS, type Build, coreModule } from '../support/machine.ts';
import { SparseFd } from '../support/sparse-fd.ts';

const DRIVE_SIZE = 65536;

interface Mounted {
  readonly host: WasiHost;
  /** The descriptor of the drive's bytes. */
  attach(core: Core): number;
  /** What is in the backing at the end. */
  bytes(): Uint8Array;
  close?(): void;
}

function shimWith(...fds: ConstructorParameters<typeof WASI>[2]): WasiHost {
  const shim = new WASI([], [], fds);
  return {
    imports: shim.wasiImport as WebAssembly.ModuleImports,
    start: (instance) =>
      shim.initialize(instance as WebAssembly.Instance & { exports: { memory: WebAssembly.Memory } }),
  };
}

function bytesOf(memory: SparseMemory): Uint8Array {
  const bytes = new Uint8Array(DRIVE_SIZE);
  memory.read(bytes, 0);
  return bytes;
}

const HOSTS: Record<string, () => Promise<Mounted>> = {
  'the memory host': async () => {
    const memory = new SparseMemory(DRIVE_SIZE);
    const host = new MemoryHost();
    const fd = host.add(memory);
    return { host, attach: () => fd, bytes: () => bytesOf(memory) };
  },
  'browser_wasi_shim with sparse memory': async () => {
    const memory = new SparseMemory(DRIVE_SIZE);
    return { host: shimWith(new SparseFd(memory)), attach: () => 0, bytes: () => bytesOf(memory) };
  },
  "browser_wasi_shim with the shim's own file": async () => {
    const file = new File(new Uint8Array(DRIVE_SIZE));
    return { host: shimWith(new ShimOpenFile(file)), attach: () => 0, bytes: () => file.data };
  },
  'node:wasi with a file': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sectorlab-hosts-'));
    const path = join(folder, 'disk.img');
    writeFileSync(path, new Uint8Array(DRIVE_SIZE));
    const { host, images } = await openNodeImages([path]);
    let fd = -1;
    let core: Core | undefined;
    return {
      host,
      attach(opened) {
        core = opened;
        const buffer = opened.root(ROOT_BUFFERS);
        const name = new TextEncoder().encode(images[0]?.name);
        opened.memory.bytes.set(name, buffer);
        fd = opened.exports.imageOpen(images[0]?.directory as number, buffer, name.length, 0);
        assert.ok(fd > 0, `imageOpen answered ${fd}`);
        assert.is(opened.exports.imageSize(fd), DRIVE_SIZE);
        return fd;
      },
      bytes: () => readFileSync(path),
      close() {
        core?.exports.imageClose(fd);
        rmSync(folder, { recursive: true });
      },
    };
  },
};

/** Plays one workload on the raw exports and returns everything that can be seen of it. */
async function play(build: Build, mounted: Mounted): Promise<unknown> {
  const core = await Core.load(await coreModule(build), mounted.host);
  const config = resolveConfig({
    drives: [{ size: DRIVE_SIZE, latencyNs: 100 }],
    cache: 4 * 4096,
    records: 1024,
    powerCuts: false,
  });
  core.memory.bytes.set(configBytes(config), core.exports.configAddress());
  assert.is(core.exports.machineOpen(), 0);
  assert.is(core.exports.driveAttach(0, mounted.attach(core), -1), 0);
  const { exports, memory } = core;
  const buffered = exports.fileOpen(0, OPEN_READ | OPEN_WRITE);
  const direct = exports.fileOpen(0, OPEN_READ | OPEN_WRITE | OPEN_DIRECT | OPEN_DSYNC);
  const buffer = core.root(ROOT_BUFFERS) + 4096;
  const results: number[] = [];
  const seen: Uint8Array[] = [];
  for (let round = 0; round < 40; round++) {
    const offset = (round * 7919) % (DRIVE_SIZE - 5000);
    const sector = Math.floor(offset / 512) * 512;
    memory.bytes.fill(round + 1, buffer, buffer + 5000);
    results.push(exports.filePwrite(buffered, buffer, 100 + round * 100, offset));
    results.push(exports.filePwrite(direct, buffer, 1024, (sector + 20480) % 61440));
    results.push(exports.filePread(round % 2 === 0 ? direct : buffered, buffer, 4096, sector));
    seen.push(memory.bytes.slice(buffer, buffer + 4096));
    if (round % 10 === 9)
      results.push(exports.fileDiscard(buffered, sector, 2048), exports.fileSync(buffered, 0));
  }
  assert.ok(
    results.every((result) => result >= 0),
    results.join(' '),
  );
  const hash = memory.hex64(exports.rootAddress() + ROOT_RECORD_HASH);
  const bytes = Uint8Array.from(mounted.bytes());
  mounted.close?.();
  return { results, seen, hash, bytes, counters: readCounters(core) };
}

const hosts = suite('WASI hosts');

for (const build of BUILDS) {
  for (const [name, mount] of Object.entries(HOSTS)) {
    hosts(`${build}: ${name} gives the same bytes, results, counters and records`, async () => {
      const expected = await play(build, await (HOSTS['the memory host'] as () => Promise<Mounted>)());
      assert.equal(await play(build, await mount()), expected);
    });
  }
}

hosts.run();
