// The write log: which entries a run leaves, in which order, with which bytes; what becomes of it when its file fails.
//
// Requests are direct and held, so that their completions come in any order; a sector is filled with one value.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONFIG_LOG_BUFFER_BYTES,
  LOG_DOMAIN_METADATA,
  ROOT_BUFFER_BYTES,
  ROOT_BUFFERS,
} from '../../../assembly/layout.ts';
import { MemoryHost } from '../../../src/backing/memory-host.ts';
import { resolveConfig } from '../../../src/core/config.ts';
import { configBytes } from '../../../src/core/config-struct.ts';
import { Core } from '../../../src/core/core.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { Machine } from '../../../src/machine.ts';
import { type LogEntry, type LogPart, type LogSubmit, openWriteLog } from '../../../src/write-log/entries.ts';
import {
  BUILDS,
  type Build,
  coreModule,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';
import { FlakyImage, WASI_ENOSPC } from './flaky-image.ts';
import { HeldDrive } from './held-drive.ts';

const EFAULT = -14;
const EINVAL = -22;
const EFBIG = -27;

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

/** A machine whose log is in a file that a test watches and fails. */
async function openOnFile(
  build: Build,
  config: MachineConfig,
): Promise<{ machine: Machine; file: FlakyImage }> {
  const file = new FlakyImage();
  const machine = await Machine.open(
    {
      core: () => coreModule(build),
      openImages: () =>
        Promise.resolve({ host: file, images: [{ directory: 3, name: 'log', size: undefined }] }),
    },
    { drives: [{ size: '1MiB' }], ...config },
  );
  return { machine, file };
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

  log(`${build}: the parts of a merged request that went astray are as they were asked for`, async () => {
    const machine = await open(build, { drives: [{ size: '1MiB', faults: ['misdirectedWrite to=64KiB'] }] });
    const device = machine.blockDevice();
    device.plug(() => {
      for (const sector of [0, 1]) device.submit({ operation: 'write', sector, data: new Uint8Array(512) });
    });
    machine.run();
    device.reap();
    assert.equal(words(machine.writeLog.entries()), ['W1@128+2', 'part@0+1', 'part@1+1', 'C1']);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(`${build}: a write whose FUA was ignored says so`, async () => {
    const machine = await open(build, { drives: [{ size: '1MiB', faults: ['ignoredFua nth=2'] }] });
    for (const sector of [0, 1]) machine.blockDevice().write(sector, new Uint8Array(512), { fua: true });
    assert.equal(
      submits(machine).map(({ isFua, isFuaIgnored }) => [isFua, isFuaIgnored]),
      [
        [true, false],
        [true, true],
      ],
    );
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(`${build}: all that is left of a torn write completes with it`, async () => {
    const machine = await open(build, { drives: [{ size: '1MiB', faults: ['tornWrite keep=some'] }] });
    for (let count = 0; count < 4; count++) machine.blockDevice().write(count * 8, new Uint8Array(4096));
    const numbers = (kind: LogEntry['kind']) =>
      [...machine.writeLog.entries()].flatMap((entry) =>
        entry.kind === kind && 'number' in entry ? [entry.number] : [],
      );
    assert.ok(numbers('submit').length > 4, 'some are in several pieces');
    assert.equal(numbers('complete'), numbers('submit'));
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(`${build}: a flush that several asked for has a part for each, without sectors`, async () => {
    const machine = await open(build);
    const device = machine.blockDevice();
    // the first one is on its way while the others come
    machine.holdCompletions(true);
    for (const tag of [1, 2, 3]) device.submit({ operation: 'flush', tag });
    machine.run();
    machine.holdCompletions(false);
    machine.run();
    device.reap();
    const parts = [...machine.writeLog.entries()].filter((entry) => entry.kind === 'part');
    assert.equal(
      parts.map(({ operation, sector, sectorCount, tag }) => [operation, sector, sectorCount, tag]),
      [
        ['flush', 0, 0, 2],
        ['flush', 0, 0, 3],
      ],
    );
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
      file.pwrite(new Uint8Array(10).fill(3), 0);
      file.fdatasync();
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
        [
          [4, 8],
          [5, 8],
        ],
      );
      const flushes = after.filter(({ operation }) => operation === 'flush');
      assert.equal(
        flushes.map(({ domain }) => domain),
        [LOG_DOMAIN_METADATA, inode],
        'of the commit, and of fdatasync',
      );
      assert.ok(
        after.some(({ operation, domain }) => operation === 'write' && domain === LOG_DOMAIN_METADATA),
      );
      machine.run();
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  log(`${build}: what a read-only drive refuses is in the log as what changed nothing`, async () => {
    const machine = await open(build, { drives: [{ size: '1MiB', readOnly: true }] });
    assert.throws(() => machine.blockDevice().write(4, new Uint8Array(512).fill(1)), /EROFS/);
    assert.equal(words(machine.writeLog.entries()), ['W1@4+1?', 'C1=-30']);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  log(
    `${build}: a request that the buffer has no room for goes to the file in one gather write`,
    async () => {
      const { machine, file } = await openOnFile(build, { writeLog: { path: 'log', buffer: 256 } });
      const device = machine.blockDevice();
      device.write(0, new Uint8Array(8 * 512).fill(3));
      assert.equal(
        file.take('pwrite').map(({ offset, bytes, pieces }) => [offset, bytes, pieces]),
        [[0, 64 + 64 + 8 * 512, 3]],
      );
      device.flush();
      assert.equal(file.take('pwrite'), []);
      device.write(0, new Uint8Array(512).fill(4));
      assert.equal(
        file.take('pwrite').map(({ offset, bytes, pieces }) => [offset, bytes, pieces]),
        [[64 + 64 + 8 * 512, 3 * 64 + 64 + 512, 3]],
      );
      machine.writeLog.flushToFile();
      assert.equal(
        file.take().map(({ name, bytes }) => [name, bytes]),
        [
          ['pwrite', 64],
          ['sync', 0],
        ],
      );
      assert.is(file.memory.size, machine.writeLog.bytes);
      assert.is(machine.counters.writeLog.spilledBytes, machine.writeLog.bytes);
      assert.equal(words(openWriteLog(file.memory).entries()), ['W1@0+8', 'C1', 'F2', 'C2', 'W3@0+1', 'C3']);
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    },
  );

  log(`${build}: a file that takes a few bytes at a time still gets them all`, async () => {
    const { machine, file } = await openOnFile(build, { writeLog: { path: 'log', buffer: 64 } });
    file.short = ({ bytes }) => Math.min(bytes, 100);
    machine.blockDevice().write(7, new Uint8Array(3 * 512).fill(6));
    machine.writeLog.mark('short');
    machine.close();
    const log = openWriteLog(file.memory);
    assert.equal(words(log.entries()), ['W1@7+3', 'C1', '"short"']);
    assert.is(log.tornTail(), undefined);
  });

  log(`${build}: a file that fails ends the log, and the machine goes on`, async () => {
    const { machine, file } = await openOnFile(build, { writeLog: { path: 'log', buffer: 704 } });
    const device = machine.blockDevice();
    device.write(0, new Uint8Array(512).fill(1));
    assert.is(machine.writeLog.error, undefined);
    file.fail = () => WASI_ENOSPC;
    device.write(1, new Uint8Array(512).fill(2));
    const { error } = machine.writeLog;
    assert.is(error?.code, 'ENOSPC');
    file.fail = () => 0;
    device.write(2, new Uint8Array(512).fill(3));
    // the second write and its completion, the third and its
    assert.match(machine.writeLog.error?.message ?? '', /ends at 704 bytes; 4 entries are missing/);
    assert.equal(words(machine.writeLog.entries()), ['W1@0+1', 'C1']);
    assert.equal(words(machine.writeLog.snapshot().entries()), ['W1@0+1', 'C1']);
    assert.is(machine.counters.writeLog.entries, 2);
    assert.throws(() => machine.writeLog.mark('late'), /ENOSPC/);
    assert.throws(() => machine.writeLog.flushToFile(), /ENOSPC/);
    assert.is(device.read(2, 1)[0], 3);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    machine.close();
  });

  log(`${build}: addresses and offsets from a client are checked`, async () => {
    const machine = await open(build);
    machine.writeLog.mark('mark');
    const { logMark, logRead, machineTag } = machine.core.exports;
    const good = machine.buffers.allocate(4096);
    const [start, bytes] = [machine.core.root(ROOT_BUFFERS), machine.core.root(ROOT_BUFFER_BYTES)];
    for (const [address, length] of [
      [0, 8],
      [start - 8, 8],
      [-8, 8],
      [start, -1],
      [start, 2 ** 31 - 1],
      [start + bytes, 2 ** 30],
    ] as const) {
      assert.is(logMark(address, length), EFAULT);
      assert.is(logRead(address, length, 0), EFAULT);
    }
    assert.is(logMark(good, 4096), 2);
    assert.is(logMark(good, 4097), EFBIG);
    for (const offset of [-1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])
      assert.is(logRead(good, 8, offset), EINVAL);
    assert.is(
      logRead(good, 4096, 100),
      4096 < machine.writeLog.bytes - 100 ? 4096 : machine.writeLog.bytes - 100,
    );
    assert.is(logRead(good, 8, machine.writeLog.bytes), 0);
    assert.is(logRead(good, 8, machine.writeLog.bytes - 3), 3);
    for (const tag of [-1, Number.NaN, 2 ** 53]) assert.is(machineTag(tag), EINVAL);
  });

  log(`${build}: a drive that is logged needs a log`, async () => {
    const module = await coreModule(build);
    const core = await Core.load(module, new MemoryHost());
    const config = resolveConfig({ writeLog: true });
    const fields = new Map([...config.fields, [CONFIG_LOG_BUFFER_BYTES, 0] as const]);
    core.memory.bytes.set(configBytes({ ...config, fields }), core.exports.configAddress());
    assert.is(core.exports.machineOpen(), EINVAL);
  });
}

log.run();
