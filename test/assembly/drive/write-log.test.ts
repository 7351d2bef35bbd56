// The write log: which entries a run leaves, in which order, with which bytes; what becomes of it when its file fails.
//
// Requests are direct and held, so that their completions come in any order; a sector is filled with one value.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_DOMAIN_METADATA } from '../../../assembly/layout.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import type { LogEntry, LogPart, LogSubmit } from '../../../src/write-log/entries.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { HeldDrive } from './held-drive.ts';

const log = suite('write log');

/** Entries as short words: `W1@8+2` a write submitted, `C1` complete, `F`, `D`, `Z`; `!` behind FUA, `=-5` a result. */
function words(entries: Iterable<LogEntry>): string[] {
  const letters = { write: 'W', discard: 'D', writeZeroes: 'Z', flush: 'F' } as const;
  return [...entries].map((entry) => {
    if (entry.kind === 'mark') return `"${entry.text}"`;
    const range = entry.operation === 'flush' ? '' : `@${entry.sector}+${entry.sectorCount}`;
    if (entry.kind === 'part') return `part${range}`;
    if (entry.kind === 'complete') return `C${entry.number}${entry.result === 0 ? '' : `=${entry.result}`}`;
    return `${letters[entry.operation]}${entry.number}${range}${entry.isFua ? '!' : ''}${entry.isIgnored ? '?' : ''}`;
  });
}

function submits(machine: Machine): LogSubmit[] {
  return [...machine.writeLog.entries()].filter((entry) => entry.kind === 'submit');
}

function open(build: Build, config: MachineConfig = {}): Promise<Machine> {
  return openMachine(build, { drives: [{ size: '1MiB' }], writeLog: true, ...config });
}

for (const build of BUILDS) {
  log(
    `${build}: requests are logged when the drive takes them and when they are complete, reads are not`,
    async () => {
      const drive = await HeldDrive.open(build, {}, { writeLog: true });
      const first = drive.write(1, 8, 2);
      const second = drive.forcedWrite(2, 0);
      drive.complete(second);
      const flush = drive.flush();
      drive.machine.writeLog.mark('between');
      drive.complete(first);
      drive.complete(flush);
      drive.machine.holdCompletions(false);
      drive.machine.openFile('drive0', { direct: true }).read(512, 0);
      assert.equal(words(drive.machine.writeLog.entries()), [
        ...['W1@8+2', 'W2@0+1!', 'C2', 'F3', '"between"', 'C1', 'C3'],
      ]);
      const [one, two] = submits(drive.machine);
      assert.equal(one?.data(), new Uint8Array(1024).fill(1));
      assert.equal(two?.data(), new Uint8Array(512).fill(2));
      assert.is(drive.machine.counters.writeLog.entries, 7);
      assert.equal(poolsInUse(drive.machine), NO_POOL_IN_USE);
    },
  );

  log(`${build}: times are virtual, drives are told apart`, async () => {
    const machine = await open(build, {
      drives: [
        { size: '1MiB', latencyNs: 1000 },
        { size: '1MiB', latencyNs: 70 },
      ],
    });
    machine.advance(5);
    for (const name of ['drive1', 'drive0'])
      machine.openFile(name, { direct: true }).write(new Uint8Array(512), 4096);
    const told = [...machine.writeLog.entries()].map((entry) =>
      entry.kind === 'mark' ? [] : [entry.kind, entry.drive, entry.timeNs],
    );
    assert.equal(told, [
      ['submit', 1, 5],
      ['complete', 1, 75],
      ['submit', 0, 75],
      ['complete', 0, 1075],
    ]);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(`${build}: a merged request is one entry, and a part for each bio with its tag`, async () => {
    const machine = await open(build);
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(8);
    const buffer = machine.buffers.allocate(1024);
    machine.core.memory.bytes.fill(1, buffer, buffer + 512);
    machine.core.memory.bytes.fill(2, buffer + 512, buffer + 1024);
    machine.tag = 9;
    context.submit([
      { op: 'pwrite', file, buffer, length: 512, offset: 0 },
      { op: 'pwrite', file, buffer: buffer + 512, length: 512, offset: 512 },
    ]);
    machine.run();
    assert.equal(words(machine.writeLog.entries()), ['W1@0+2', 'part@0+1', 'part@1+1', 'C1']);
    const entries = [...machine.writeLog.entries()];
    assert.is((entries[0] as LogSubmit).tag, 9);
    assert.is((entries[1] as LogPart).tag, 9);
    const data = (entries[0] as LogSubmit).data();
    assert.equal([data[0], data[511], data[512], data[1023]], [1, 1, 2, 2]);
    context.destroy();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(
    `${build}: write-back carries the tag of the file's last change, and the volume its inodes as domains`,
    async () => {
      const machine = await open(build, { drives: [{ size: '8MiB' }], volume: true });
      machine.tag = 3;
      const file = machine.fs.open('/a', { create: true, write: true });
      file.pwrite(new Uint8Array(4096).fill(1), 0);
      machine.tag = 4;
      file.pwrite(new Uint8Array(10).fill(2), 0);
      machine.tag = 5;
      machine.writeLog.mark('sync');
      file.fsync();
      const inode = file.stat().inode;
      file.close();
      const after: LogSubmit[] = [];
      let isAfter = false;
      for (const entry of machine.writeLog.entries()) {
        if (entry.kind === 'mark') isAfter = true;
        else if (isAfter && entry.kind === 'submit') after.push(entry);
      }
      const data = after.filter(({ operation, domain }) => operation === 'write' && domain === inode);
      assert.equal(
        data.map(({ tag, sectorCount }) => [tag, sectorCount]),
        [[4, 8]],
      );
      assert.ok(
        after.some(({ operation, domain }) => operation === 'write' && domain === LOG_DOMAIN_METADATA),
      );
      machine.run();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );
}

log.run();
