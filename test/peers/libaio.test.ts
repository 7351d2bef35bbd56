// test-timeout: 180
// A C program compiled by clang for wasm32-wasi against the system's own libaio.h runs on a machine and finds what a
// kernel would give it; afterwards the machine finds the program's bytes.
//
// Debian packages: clang, lld, wasi-libc, libclang-rt-14-dev-wasm32, libaio-dev. The program is test/peers/libaio/cases.c.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LibaioOptions, libaioImports } from '../../src/adapters/libaio.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';
import { compileC, missingForC } from '../support/wasi-sdk.ts';

const MIB = 1048576;
const HEADER = '/usr/include/libaio.h';

const MACHINE: MachineConfig = {
  drives: [{ size: 16 * MIB }, { size: 10 * MIB }, { size: 65536 }],
  files: [
    { name: 'file', capacity: 9 * MIB },
    { name: 'small', capacity: 65536 },
    { name: 'limited', capacity: 65536, atCapacity: 'EFBIG' },
  ],
  cache: '2MiB',
  buffers: '32MiB',
};

const SLOW = {
  ...MACHINE,
  drives: (MACHINE.drives ?? []).map((drive) => ({ ...drive, latencyNs: 100, channels: 4 })),
};

const RUNS: Readonly<
  Record<string, { config: MachineConfig; args: readonly string[]; options?: LibaioOptions }>
> = {
  'flat files': { config: MACHINE, args: ['/file', '/small', '/limited'] },
  'whole drives': { config: MACHINE, args: ['/drive1', '/drive2'] },
  'flat files on drives that take time': { config: SLOW, args: ['/file', '/small', '/limited'] },
};

/** The program. The header is the system's, the C library wasi-libc's. */
const compile = (): Uint8Array<ArrayBuffer> =>
  compileC(new URL('libaio/cases.c', import.meta.url), {
    flags: ['-D_WASI_EMULATED_SIGNAL'],
    headers: [HEADER],
    libraries: ['-lwasi-emulated-signal', '-Wl,--allow-undefined'],
  });

/** cases.c fill(bytes, 65536, 42). */
const PATTERN = Uint8Array.from({ length: 65536 }, (_, index) => index * 31 + (index >> 8) + 42);

const peer = suite('libaio');
const missing = missingForC([HEADER], 'libaio-dev');

if (missing !== undefined) {
  console.log(`SKIPPED: a C program with libaio: ${missing}`);
} else {
  let program: Promise<WebAssembly.Module> | undefined;
  for (const build of BUILDS) {
    for (const [name, { config, args, options }] of Object.entries(RUNS)) {
      peer(`${build}: ${name}`, async () => {
        program ??= WebAssembly.compile(compile());
        const machine = await openMachine(build, config);
        const lines: string[] = [];
        let instance: WebAssembly.Instance | undefined;
        const libaio = libaioImports(machine, () => instance?.exports.memory as WebAssembly.Memory, {
          ...options,
          args: ['cases', ...args],
          stdout: (line) => lines.push(line),
        });
        instance = await WebAssembly.instantiate(await program, libaio.imports as WebAssembly.Imports);
        const status = libaio.run(instance);
        assert.equal(
          lines.filter((line) => !line.startsWith('ok ')),
          [],
        );
        assert.is(status, 0);
        assert.is(lines.length, 21);
        libaio.dispose();
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        assert.is(machine.buffers.freeBytes, machine.buffers.capacity, 'client memory is free again');
        const [left, small] = args.map((file) => machine.openFile(file.slice(1)).read(65536, 0));
        assert.is(Buffer.compare(left as Uint8Array, PATTERN), 0, 'what the program wrote last');
        assert.is(small?.length, 65536);
      });
    }
  }
}

peer.run();
