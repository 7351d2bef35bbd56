// test-timeout: 120 seconds
// Logs of QEMU's blklogwrites driver, and ours in other hands.
//
// qemu-io (Debian package qemu-utils, 7.2) writes through blklogwrites; its log, imported, gives the bytes of its image. A log
// of ours, exported, is walked and continued by QEMU, and replayed by blklogwrites/replay.py (python3), which was written from the
// kernel's documentation: replay-log of the kernel's author is in no Debian package.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import { exportDmLogWrites } from '../../src/write-log/dm-export.ts';
import type { LogEntry } from '../../src/write-log/entries.ts';
import { importDmLogWrites } from '../../src/write-log/node-logs.ts';
import { replayWriteLog } from '../../src/write-log/replay.ts';
import { openMachine } from '../support/machine.ts';

const QEMU_IO = '/usr/bin/qemu-io';
const reader = fileURLToPath(new URL('blklogwrites/replay.py', import.meta.url));
const DISK_BYTES = 1048576;

const peer = suite('blklogwrites');

/** Whether a program is there; says how to get it if not. */
function has(program: string, what: string, packageName: string): boolean {
  if (spawnSync(program, ['--version']).status === 0) return true;
  console.log(`SKIPPED: ${what}: ${program} is missing; install it with: apt-get install ${packageName}`);
  return false;
}

/** Small whole numbers, the same in every run (Lehmer's generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

function inFolder(body: (at: (name: string) => string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-qemu-'));
    try {
      await body((name) => path.join(folder, name));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

function pattern(): Uint8Array {
  return new Uint8Array(DISK_BYTES).map((_byte, index) => (index >> 9) * 7 + 1);
}

/** Runs qemu-io's commands on a disk through blklogwrites. */
function qemuIo(disk: string, log: string, options: string, commands: readonly string[]): void {
  const image = `driver=blklogwrites,file.driver=file,file.filename=${disk},file.discard=unmap,log.driver=file,log.filename=${log}${options}`;
  const arguments_ = ['-t', 'writeback', '-d', 'unmap', '--image-opts', image];
  execFileSync(QEMU_IO, [...arguments_, ...commands.flatMap((command) => ['-c', command])], {
    encoding: 'utf8',
  });
}

/** Random commands in units of `unit` bytes; the last one flushes, which is when QEMU writes the super block. */
function commandsFor(unit: number, seed: number): string[] {
  const below = numbers(seed);
  const units = DISK_BYTES / unit;
  const commands = Array.from({ length: 60 }, () => {
    const count = 1 + below(Math.min(24, units / 2));
    const range = `${below(units - count) * unit} ${count * unit}`;
    const value = 1 + below(255);
    return [
      `write -P ${value} ${range}`,
      `writev -P ${value} ${range}`,
      `aio_write -P ${value} ${range}`,
      `write -z ${range}`,
      `discard ${range}`,
      'flush',
    ][below(6)] as string;
  });
  return [...commands, 'aio_flush', 'flush'];
}

function replayed(log: ReturnType<typeof importDmLogWrites>['log'], start: Uint8Array): Uint8Array {
  const image = new SparseMemory();
  image.write(start, 0);
  replayWriteLog(log, image);
  const bytes = new Uint8Array(DISK_BYTES);
  image.read(bytes, 0);
  return bytes;
}

/** A machine that has done a bit of everything; its log, and what its drive holds. */
async function ourLog(unit: number) {
  const begin = pattern();
  const memory = new SparseMemory(DISK_BYTES);
  memory.write(begin, 0);
  const machine = await openMachine('release', { drives: [{ memory }], writeLog: true });
  const device = machine.blockDevice();
  const below = numbers(unit);
  const sectors = unit / 512;
  for (let index = 0; index < 80; index++) {
    const count = sectors * (1 + below(8));
    const sector = below(DISK_BYTES / unit - 8) * sectors;
    const choice = below(8);
    if (choice === 0) device.flush();
    else if (choice === 1) device.discard(sector, count);
    else if (choice === 2) device.writeZeroes(sector, count);
    else if (choice === 3) machine.writeLog.mark(`step ${index}`);
    else device.write(sector, new Uint8Array(count * 512).fill(1 + below(255)));
  }
  device.write(0, new Uint8Array(unit).fill(77));
  device.flush();
  device.write(0, new Uint8Array(unit).fill(78), { fua: true });
  const held = new Uint8Array(DISK_BYTES);
  memory.read(held, 0);
  return { begin, held, exported: exportDmLogWrites(machine.writeLog.snapshot(), { sectorSize: unit }) };
}

if (has(QEMU_IO, "logs of QEMU's blklogwrites", 'qemu-utils')) {
  for (const [unit, seed] of [
    [512, 1],
    [512, 2],
    [4096, 3],
  ] as const) {
    peer(
      `a log of qemu-io with sectors of ${unit} bytes gives the bytes of its image (${seed})`,
      inFolder((at) => {
        writeFileSync(at('disk'), pattern());
        writeFileSync(at('log'), '');
        const commands = commandsFor(unit, seed);
        qemuIo(at('disk'), at('log'), `,log-sector-size=${unit}`, commands);
        const imported = importDmLogWrites(at('log'));
        assert.equal(replayed(imported.log, pattern()), new Uint8Array(readFileSync(at('disk'))));
        const kinds = (entry: LogEntry): string[] => (entry.kind === 'submit' ? [entry.operation] : []);
        const operations = [...imported.log.entries()].flatMap(kinds);
        const named = (word: string): number => commands.filter((command) => command.startsWith(word)).length;
        assert.is(operations.filter((operation) => operation === 'discard').length, named('discard'));
        // QEMU logs its zeros as data
        const writes = operations.filter((operation) => operation === 'write').length;
        assert.is(writes, named('write') + named('aio_write'));
        assert.is(imported.entryCount, operations.length);
      }),
    );
  }

  peer(
    'QEMU walks a log of ours and goes on behind it',
    inFolder(async (at) => {
      const { begin, held, exported } = await ourLog(512);
      writeFileSync(at('disk'), held);
      writeFileSync(at('log'), exported.bytes());
      qemuIo(at('disk'), at('log'), ',log-append=on', ['write -P 200 0 4096', 'flush']);
      const imported = importDmLogWrites(at('log'));
      assert.ok(imported.entryCount >= exported.entryCount + 2);
      assert.equal(replayed(imported.log, begin), new Uint8Array(readFileSync(at('disk'))));
      assert.is(readFileSync(at('disk'))[4095], 200);
    }),
  );
}

if (has('python3', 'logs of ours in an independent reader', 'python3')) {
  for (const unit of [512, 4096]) {
    peer(
      `a log of ours with sectors of ${unit} bytes, replayed by an independent reader, gives the drive's bytes`,
      inFolder(async (at) => {
        const { begin, held, exported } = await ourLog(unit);
        writeFileSync(at('image'), begin);
        writeFileSync(at('log'), exported.bytes());
        const said = execFileSync('python3', [reader, at('log'), at('image')], { encoding: 'utf8' });
        const lines = said.trimEnd().split('\n');
        assert.is(lines.length, exported.entryCount);
        assert.is(lines.at(-1), 'mark:dm-log-writes-end');
        assert.is(lines.at(-2), 'fua');
        assert.ok(lines.some((line) => line.startsWith('mark:step ')));
        assert.equal(new Uint8Array(readFileSync(at('image'))), held);
      }),
    );
  }
}

peer.run();
