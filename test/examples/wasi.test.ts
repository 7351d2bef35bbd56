// A wasm program keeps a log on a machine's volume, through WASI as any other: explore says whether its fd_sync is in the right place.
//
// The program is AssemblyScript, compiled here; one in C, Rust or Zig is instantiated in the same way.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import asc from 'assemblyscript/asc';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasiFs } from '../../src/adapters/wasi.ts';
import { explore, Machine, type VerdictFacts } from '../../src/index.ts';

/** Appends each of its arguments as a line, and prints it when it is safe; `early`: before. */
const program = (isEarly: boolean): string => `
import { fd_sync, fd_write, fdflags, oflags, path_open, rights } from 'bindings/wasi_snapshot_preview1';

const ROOT: u32 = 3;
const OUT = memory.data(8);

function open(path: string, flags: u16, base: u64, mode: u16): u32 {
  const text = String.UTF8.encode(path);
  const errno = path_open(ROOT, 0, changetype<usize>(text), text.byteLength, flags, base, 0, mode, OUT);
  if (errno != 0) process.exit(1);
  return load<u32>(OUT);
}

function append(file: u32, line: string): void {
  const text = String.UTF8.encode(line + '\\n');
  const piece = memory.data(8);
  store<u32>(piece, <u32>changetype<usize>(text));
  store<u32>(piece, text.byteLength, 4);
  if (fd_write(file, piece, 1, OUT) != 0) process.exit(2);
}

const file = open('log', oflags.CREAT, rights.FD_WRITE | rights.FD_SYNC, fdflags.APPEND);
fd_sync(open('.', oflags.DIRECTORY, rights.FD_SYNC, 0)); // the log's name
for (let index = 1; index < process.argv.length; index++) {
  append(file, process.argv[index]);
  ${isEarly ? 'console.log(process.argv[index]); fd_sync(file);' : 'fd_sync(file); console.log(process.argv[index]);'}
}
`;

async function compile(source: string): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined;
  const stderr = asc.createMemoryStream();
  const config = 'node_modules/@assemblyscript/wasi-shim/asconfig.json';
  const { error } = await asc.main(
    ['store.ts', '--config', config, '--runtime', 'stub', '--outFile', 'store.wasm'],
    {
      stderr,
      readFile: (name, baseDir) => {
        if (name === 'store.ts') return source;
        const file = path.resolve(baseDir, name);
        return existsSync(file) ? readFileSync(file, 'utf8') : null;
      },
      writeFile: (name, contents) => {
        if (name === 'store.wasm') binary = contents as Uint8Array;
      },
    },
  );
  assert.is(error, null, stderr.toString());
  return new WebAssembly.Module(Uint8Array.from(binary ?? []));
}

const NAMES = ['Ada', 'Bob', 'Eve'];

function exploreStore(module: WebAssembly.Module): Promise<VerdictFacts> {
  return explore<string>({
    workload: ({ machine, attempt, ack }) => {
      for (const name of NAMES) attempt(name);
      const wasi = wasiFs(machine, { args: ['store', ...NAMES], stdout: ack });
      assert.is(wasi.start(new WebAssembly.Instance(module, wasi.imports)), 0);
    },
    recover: ({ fs, must }) => {
      const lines = fs.existsSync('/log') ? fs.readFileSync('/log', 'utf8').split('\n') : [];
      for (const name of must) assert.ok(lines.includes(name), `${name} is lost`);
    },
  });
}

const example = suite('a WASI program');
let careful: Promise<WebAssembly.Module> | undefined;

/** Compiled once. */
function carefulProgram(): Promise<WebAssembly.Module> {
  careful ??= compile(program(false));
  return careful;
}

example('finds its files on the volume', async () => {
  const machine = await Machine.create({ volume: true });
  const printed: string[] = [];
  const wasi = wasiFs(machine, { args: ['store', ...NAMES], stdout: (line) => printed.push(line) });
  const status = wasi.start(new WebAssembly.Instance(await carefulProgram(), wasi.imports));
  assert.is(status, 0);
  assert.equal(printed, NAMES);
  assert.is(new TextDecoder().decode(machine.fs.readFile('/log')), 'Ada\nBob\nEve\n');
});

example('that syncs before it tells loses nothing that it has told', async () => {
  const verdict = await exploreStore(await carefulProgram());
  assert.is(verdict.verdict, 'survived', String(verdict));
  assert.is(verdict.acknowledged, 3);
});

example('that tells before it syncs is found out', async () => {
  const verdict = await exploreStore(await compile(program(true)));
  assert.is(verdict.verdict, 'violated', String(verdict));
  assert.match(verdict.findings[0]?.sentence ?? '', /\/log/);
});

example.run();
