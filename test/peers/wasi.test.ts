// test-timeout: 120
// A C program finds on a volume what it finds in a real folder: the same output, line by line, and the same files afterwards.
//
// The peer is node:wasi, in a process of its own. The program is test/peers/wasi/files.c, compiled with clang and wasi-libc.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFs } from '../../src/adapters/node-fs.ts';
import { wasiFs } from '../../src/adapters/wasi.ts';
import { VOLUME_PROFILES, type VolumeProfile } from '../../src/core/options.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';
import { compileC, missingForC } from '../support/wasi-sdk.ts';

const INPUT = 'a line\nand one without an end';
const ENV = { WORD: 'sector' };
const ARGS = ['files', '/data'];

/** What a run leaves: its output, its status, and each file with its content. */
interface Run {
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  readonly status: number | null;
  readonly tree: readonly string[];
}

type Tree = Pick<typeof import('node:fs'), 'readdirSync' | 'readFileSync' | 'statSync'>;

/** The files below a folder, each with its size and what it begins with. */
function treeOf(fs: Tree, folder: string): string[] {
  const names = fs.readdirSync(folder).sort();
  return names.flatMap((name) => {
    const whole = `${folder}/${name}`;
    if (fs.statSync(whole).isDirectory())
      return [`${name}/`, ...treeOf(fs, whole).map((line) => `${name}/${line}`)];
    return [`${name} ${fs.readFileSync(whole).toString('base64')}`];
  });
}

/** Runs a program, whose bytes are in a file, under node:wasi in a folder. */
const UNDER_NODE = `
const { readFileSync } = require('node:fs');
const { WASI } = require('node:wasi');
const [file, folder] = process.argv.slice(1);
const wasi = new WASI({ version: 'preview1', args: ${JSON.stringify(ARGS)}, env: ${JSON.stringify(ENV)},
  preopens: { '/data': folder }, returnOnExit: true });
WebAssembly.instantiate(readFileSync(file), wasi.getImportObject()).then(({ instance }) => {
  process.exitCode = wasi.start(instance);
});`;

function underNode(program: Uint8Array): Run {
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-wasi-'));
  try {
    const data = path.join(folder, 'data');
    const file = path.join(folder, 'program.wasm');
    mkdirSync(data);
    writeFileSync(file, program);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', '-e', UNDER_NODE, file, data],
      { input: INPUT, encoding: 'utf8' },
    );
    return {
      lines: stdout.trimEnd().split('\n'),
      errors: stderr.trimEnd().split('\n'),
      status,
      tree: treeOf({ readdirSync, readFileSync, statSync }, data),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The program on a volume, in the directory /files of it. */
async function onVolume(
  build: Build,
  profile: VolumeProfile,
  program: Uint8Array<ArrayBuffer>,
): Promise<Run> {
  const machine = await openMachine(build, { volume: { profile, inodes: 4096 } });
  const [lines, errors]: [string[], string[]] = [[], []];
  machine.fs.mkdir('/files');
  const wasi = wasiFs(machine, {
    preopens: { '/data': '/files' },
    args: ARGS,
    env: ENV,
    stdin: INPUT,
    stdout: (line) => lines.push(line),
    stderr: (line) => errors.push(line),
  });
  const { instance } = await WebAssembly.instantiate(program, wasi.imports);
  const status = wasi.start(instance);
  const tree = treeOf(nodeFs(machine), '/files');
  assert.equal(machine.fs.readdir('/'), ['files'], 'nothing outside');
  machine.fs.unmount();
  assert.equal(machine.fs.check(), []);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  return { lines, errors, status, tree };
}

const peer = suite('wasi');
const missing = missingForC();

if (missing !== undefined) {
  console.log(`SKIPPED: a C program under WASI: ${missing}`);
} else {
  let both: { program: Uint8Array<ArrayBuffer>; expected: Run } | undefined;
  for (const build of BUILDS) {
    for (const profile of VOLUME_PROFILES) {
      peer(
        `${build}: a C program finds what node:wasi gives it, on a volume of profile ${profile}`,
        async () => {
          if (both === undefined) {
            const program = compileC(new URL('wasi/files.c', import.meta.url));
            both = { program, expected: underNode(program) };
          }
          const { program, expected } = both;
          assert.is(expected.status, 7);
          assert.ok(expected.lines.length > 120);
          const found = await onVolume(build, profile, program);
          assert.is(found.lines.join('\n'), expected.lines.join('\n'));
          assert.equal(found.errors, expected.errors);
          assert.is(found.status, expected.status);
          assert.equal(found.tree, expected.tree);
        },
      );
    }
  }
}

peer.run();
