// The built command line as a process: arguments in; exit status, stdout and stderr out.
//
// Verbs: runCli, startCli, save. It runs dist/cli/sectorlab.js, the file that is published, not its source.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { join, utf8, vscsiRecord } from '../trace/support.ts';

const CLI = fileURLToPath(new URL('../../../dist/cli/sectorlab.js', import.meta.url));

/** What a process left. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly outcome: Promise<Outcome>;
}

/** Starts `sectorlab` with these arguments; without the colour settings of the test runner. */
export function startCli(args: readonly string[], environment: Record<string, string> = {}): Started {
  if (!existsSync(CLI)) throw new Error(`${CLI} is missing; build it with: npm run build:cli`);
  const { NO_COLOR: _none, FORCE_COLOR: _force, NODE_OPTIONS: _options, ...inherited } = process.env;
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, outcome };
}

/** Runs `sectorlab` to its end. */
export function runCli(args: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
  return startCli(args, environment).outcome;
}

/** A small trace of one format: 2 writes, 2 reads of what was written, and what else the format has. */
export interface MadeTrace {
  readonly format: string;
  readonly content: Uint8Array;
  /** Requests: reads, writes, discards, flushes; bytes read and written; seconds from first to last. */
  readonly counts: readonly [number, number, number, number];
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly spanSeconds: number;
}

const MSR = [
  '128166372003061629,made,0,Write,8192,4096,100',
  '128166372003061639,made,0,Write,65536,8192,100',
  '128166372003061649,made,0,Read,8192,4096,100',
  '128166372003061729,made,0,Read,65536,512,100',
];

/** SCSI opcodes of the vscsi format. */
const [READ_10, WRITE_10, SYNCHRONIZE_CACHE, UNMAP] = [0x28, 0x2a, 0x35, 0x42];

function vscsi(version: 1 | 2): Uint8Array {
  const at = (step: number) => ({ micros: 5_000_000n + BigInt(step) });
  return join([
    vscsiRecord(version, { opcode: WRITE_10, lbn: 16n, lengthBytes: 4096, ...at(0) }),
    vscsiRecord(version, { opcode: WRITE_10, lbn: 128n, lengthBytes: 8192, ...at(1) }),
    vscsiRecord(version, { opcode: SYNCHRONIZE_CACHE, ...at(2) }),
    vscsiRecord(version, { opcode: READ_10, lbn: 16n, lengthBytes: 4096, ...at(3) }),
    vscsiRecord(version, { opcode: UNMAP, lbn: 128n, lengthBytes: 4096, ...at(4) }),
    vscsiRecord(version, { opcode: READ_10, lbn: 128n, lengthBytes: 512, ...at(10) }),
  ]);
}

const IOLOG = [
  'f write 8192 4096',
  'f write 65536 8192',
  'f datasync 0 0',
  'f read 8192 4096',
  'f trim 65536 4096',
];

function iologText(version: 2 | 3): string {
  const lines = ['f add', 'f open', ...IOLOG, 'f read 65536 512', 'f close'];
  const timed = lines.map((line, index) => (version === 2 ? line : `${index} ${line}`));
  return `${[`fio version ${version} iolog`, ...timed].join('\n')}\n`;
}

const BYTES = { readBytes: 4608, writeBytes: 12288 };
const MSR_TRACE = { content: utf8(`${MSR.join('\n')}\n`), counts: [2, 2, 0, 0], ...BYTES } as const;
const FULL = { counts: [2, 2, 1, 1], ...BYTES } as const;

/** One for each format of the readers. */
export const MADE_TRACES: readonly MadeTrace[] = [
  { format: 'msr-csv', ...MSR_TRACE, spanSeconds: 0.00001 },
  { format: 'fio-iolog-v2', ...FULL, content: utf8(iologText(2)), spanSeconds: 0 },
  { format: 'fio-iolog-v3', ...FULL, content: utf8(iologText(3)), spanSeconds: 0.000005 },
  { format: 'vscsi-v1', ...FULL, content: vscsi(1), spanSeconds: 0.00001 },
  { format: 'vscsi-v2', ...FULL, content: vscsi(2), spanSeconds: 0.00001 },
];

/** Writes a file into the folder, plain or gzipped, and gives its path. */
export function save(folder: string, name: string, content: Uint8Array | string, isPacked = false): string {
  const file = path.join(folder, isPacked ? `${name}.gz` : name);
  writeFileSync(file, isPacked ? gzipSync(content) : content);
  return file;
}
