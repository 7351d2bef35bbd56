// Reading a write log: torn tails, files that lie, logs in files and logs of machines that still run.

import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_STATE_SIZE } from '../../../assembly/layout.ts';
import { ConfigError, StorageError, WriteLogError } from '../../../src/errors.ts';
import { type LogEntry, openWriteLog, type WriteLog } from '../../../src/write-log/entries.ts';
import { openWriteLog as openFile } from '../../../src/write-log/node-logs.ts';
import { LogWriter } from '../../../src/write-log/writer.ts';
import { openMachine } from '../../support/machine.ts';

const entries = suite('entries of a write log');

/** A log of two drives: a write of 2 sectors, its completion, a mark, a flush. Bytes 64, 1152, 1216, 1288. */
function sample(): Uint8Array {
  const writer = new LogWriter(2);
  const data = new Uint8Array(1024).fill(5);
  writer.complete(
    writer.submit({
      operation: 'write',
      drive: 1,
      sector: 7,
      data,
      isFua: true,
      timeNs: 3,
      tag: 11,
      domain: 12,
    }),
  );
  writer.mark('half');
  writer.submit({ operation: 'flush' });
  return bytesOf(writer.log());
}

function bytesOf(log: WriteLog): Uint8Array {
  const bytes = new Uint8Array(log.bytes);
  log.source.read(bytes, 0);
  return bytes;
}

const kinds = (all: Iterable<LogEntry>): string[] => [...all].map(({ kind }) => kind);

/** Runs `body` with a folder of its own. */
async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-log-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as StorageError).code;
  }
  return 'nothing';
}

entries('every field comes back', () => {
  const log = openWriteLog(sample());
  assert.is(log.driveCount, 2);
  const [submit, complete, mark, flush] = [...log.entries()];
  assert.ok(submit?.kind === 'submit' && complete?.kind === 'complete' && mark?.kind === 'mark');
  const { data, ...fields } = submit as Extract<LogEntry, { kind: 'submit' }>;
  const request = { operation: 'write', drive: 1, number: 1, sector: 7, sectorCount: 2, timeNs: 3 };
  const flags = { isFua: true, isIgnored: false, isTorn: false, isFuaIgnored: false, isOrphaning: false };
  assert.equal(fields, {
    ...{ kind: 'submit', offset: 64, ...request, ...flags },
    ...{ intendedSector: 7, tag: 11, domain: 12, byteCount: 1024 },
    ...{ chain: 0, isUntorn: false, isTogether: false },
  });
  assert.equal(data(), new Uint8Array(1024).fill(5));
  assert.equal(complete, { kind: 'complete', offset: 1152, ...request, timeNs: 0, result: 0 });
  assert.equal(mark, { kind: 'mark', offset: 1216, timeNs: 0, text: 'half' });
  assert.is(flush?.offset, 1288);
});

entries('a write tells its chain, whether it tears, and whether it is there only with others', () => {
  const writer = new LogWriter();
  const data = new Uint8Array(512);
  writer.submit({ operation: 'write', data, chain: 9, isTogether: true });
  writer.submit({ operation: 'write', data, chain: 0xffffffff, isUntorn: true });
  const found = [...writer.log().entries()].map((entry) =>
    entry.kind === 'submit' ? [entry.chain, entry.isUntorn, entry.isTogether] : [],
  );
  assert.equal(found, [
    [9, false, true],
    [0xffffffff, true, false],
  ]);
  assert.throws(
    () => writer.submit({ operation: 'write', data, isTogether: true }),
    (error: unknown) => error instanceof ConfigError && error.field === 'chain',
  );
});

entries(
  'a stream that is cut anywhere gives the whole entries before, and says where the torn one begins',
  () => {
    const whole = sample();
    const starts = [64, 1152, 1216, 1288, whole.length];
    for (let length = 64; length <= whole.length; length++) {
      const log = openWriteLog(whole.slice(0, length));
      const count = starts.filter((start) => start <= length).length - 1;
      assert.is([...log.entries()].length, count, `${length}`);
      const start = starts[count] as number;
      assert.equal(
        log.tornTail(),
        length === start ? undefined : { offset: start, byteCount: length - start },
      );
    }
  },
);

const LIES: readonly [what: string, at: number, bytes: readonly number[], field: string, offset: number][] = [
  ['another magic', 0, [0], 'magic', 0],
  ['a version of the future', 8, [2], 'version', 8],
  ['no drive', 12, [0], 'drives', 12],
  ['too many drives', 12, [1, 16], 'drives', 12],
  ['no kind', 64, [0], 'kind', 64],
  ['a kind of the future', 1152, [9], 'kind', 1152],
  ['a read', 1153, [0], 'operation', 1153],
  ['a drive that is not there', 66, [2], 'drive', 66],
  ['an unknown flag', 68, [128], 'flags', 68],
  ['a write that is there only with others of no chain', 68, [64], 'chain', 64 + 36],
  ['a number that no number holds', 72, [0, 0, 0, 0, 0, 0, 0, 1], 'number', 72],
  ['a sector behind all drives', 88, [0, 0, 0, 0, 0, 8], 'sector', 88],
  ['data that is not as long as its sectors', 96, [3], 'payload', 116],
  ['data behind a completion', 1152 + 52, [8], 'payload', 1152 + 52],
  ['a mark that is not padded', 1216 + 52, [7], 'payload', 1216 + 52],
  ['a mark that is too long', 1216 + 52, [8, 16], 'payload', 1216 + 52],
];

for (const [what, at, changed, field, offset] of LIES) {
  entries(`refused, with place and field: ${what}`, () => {
    const bytes = sample();
    bytes.set(changed, at);
    const source = {
      size: bytes.length,
      read: (target: Uint8Array, from: number) => target.set(bytes.subarray(from, from + target.length)),
      name: 'machine.log',
    };
    try {
      for (const _entry of openWriteLog(source).entries());
    } catch (error) {
      if (!(error instanceof WriteLogError)) throw error;
      assert.equal([error.field, error.offset, error.path], [field, offset, 'machine.log']);
      assert.ok(error.message.startsWith(`machine.log at offset ${offset}: ${field} is `), error.message);
      return;
    }
    assert.unreachable('it was taken');
  });
}

entries('noise is refused or read, and never anything else', () => {
  const good = sample();
  let refused = 0;
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(good.length), (changes, length) => {
      const bytes = good.slice(0, Math.max(length, 64));
      for (const [at, value] of changes) bytes[at % (at % 2 === 0 ? 1352 : 128)] = value;
      try {
        for (const entry of openWriteLog(bytes).entries()) if (entry.kind === 'submit') entry.data();
      } catch (error) {
        if (!(error instanceof WriteLogError)) throw error;
        refused++;
      }
    }),
    { numRuns: 3000, seed: 6 },
  );
  assert.ok(refused > 300);
});

entries('what is shorter than a header, or no source, is refused', () => {
  for (const length of [0, 63])
    assert.throws(() => openWriteLog(new Uint8Array(length)), /fewer than a header/);
  for (const input of [undefined, null, 5, {}])
    assert.throws(() => openWriteLog(input as never), /source is /);
});

entries(
  'a log in a file is complete when the machine is closed, and one that tears is read up to there',
  () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'log');
      const machine = await openMachine('release', { drives: [{ size: '1MiB' }], writeLog: { path: file } });
      machine.blockDevice().write(3, new Uint8Array(512).fill(8));
      machine.writeLog.mark('end');
      assert.is(readFileSync(file).length, 0);
      assert.equal(kinds(machine.writeLog.entries()), ['submit', 'complete', 'mark']);
      machine.writeLog.flushToFile();
      assert.is(readFileSync(file).length, machine.writeLog.bytes);
      // what comes behind a snapshot is not in it
      const snapshot = machine.writeLog.snapshot();
      machine.blockDevice().flush();
      machine.close();
      assert.equal(kinds(snapshot.entries()), ['submit', 'complete', 'mark']);
      using log = openFile(file);
      assert.equal(kinds(log.entries()), ['submit', 'complete', 'mark', 'submit', 'complete']);
      assert.is(log.tornTail(), undefined);
      assert.is(machine.counters.writeLog.spilledBytes, log.bytes);
      truncateSync(file, log.bytes - 1);
      using torn = openFile(file);
      assert.equal(torn.tornTail(), { offset: log.bytes - 64, byteCount: 63 });
      assert.is([...torn.entries()].length, 4);
    }),
);

entries('a file that holds something is not written over', () =>
  inFolder(async (folder) => {
    const file = path.join(folder, 'log');
    writeFileSync(file, 'letters');
    let error: unknown;
    await openMachine('release', { writeLog: { path: file } }).catch((caught) => {
      error = caught;
    });
    assert.ok(error instanceof ConfigError && error.field === 'writeLog.path');
    assert.is(readFileSync(file, 'utf8'), 'letters');
    writeFileSync(file, '');
    const machine = await openMachine('release', { writeLog: { path: file } });
    machine.close();
    assert.is(readFileSync(file).length, 64);
  }),
);

entries('a path that leads nowhere is a StorageError, for the machine and for the reader', () =>
  inFolder(async (folder) => {
    let error: unknown;
    await openMachine('release', { writeLog: { path: path.join(folder, 'no', 'log') } }).catch((caught) => {
      error = caught;
    });
    assert.ok(error instanceof StorageError && error.code === 'ENOENT');
    assert.is(
      codeOf(() => openFile(path.join(folder, 'log'))),
      'ENOENT',
    );
    assert.is(
      codeOf(() => openFile(folder)),
      'EISDIR',
    );
  }),
);

entries('images and the log share one set of files', () =>
  inFolder(async (folder) => {
    const [image, file] = [path.join(folder, 'disk'), path.join(folder, 'log')];
    const machine = await openMachine('release', {
      drives: [{ image, size: '64KiB' }, { size: '64KiB' }],
      writeLog: { path: file },
    });
    machine.blockDevice(0).write(0, new Uint8Array(512).fill(1));
    machine.blockDevice(1).write(0, new Uint8Array(512).fill(2));
    machine.close();
    assert.is(readFileSync(image)[0], 1);
    using log = openFile(file);
    const drives = [...log.entries()].flatMap((entry) => (entry.kind === 'submit' ? [entry.drive] : []));
    assert.equal(drives, [0, 1]);
  }),
);

entries(
  'a log without bytes, and a buffer out of its range, are refused; a machine without a log says so',
  async () => {
    const refusal = async (config: Parameters<typeof openMachine>[1]): Promise<string> => {
      try {
        (await openMachine('release', config)).close();
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return 'taken';
    };
    assert.is(
      await refusal({ payload: 'none', writeLog: true }),
      "writeLog is true; it must be left out with payload 'none': a log needs bytes",
    );
    for (const buffer of [0, 8, 63, 68, '2GiB', 'x'])
      assert.ok((await refusal({ writeLog: { buffer } })).startsWith('writeLog.buffer is '));
    for (const buffer of [64, '1MiB']) assert.is(await refusal({ writeLog: { buffer } }), 'taken');
    const machine = await openMachine('release');
    assert.throws(() => machine.writeLog, /writeLog is not given; it must be given/);
    assert.is(machine.core.exports.logAttach(5), -22);
    assert.is(machine.core.exports.logFlush(), -22);
    assert.is(machine.core.exports.logMark(machine.buffers.allocate(64), 1), -22);
    assert.ok(LOG_STATE_SIZE > 0);
  },
);

entries('marks and tags are checked', async () => {
  const machine = await openMachine('release', { writeLog: { buffer: 64 } });
  assert.is(machine.writeLog.mark(''), 1);
  assert.is(machine.writeLog.mark('ä'.repeat(2048)), 2);
  for (const text of ['ä'.repeat(2049), 'a\0b', 7, undefined])
    assert.throws(() => machine.writeLog.mark(text as never), /text is /);
  assert.is(machine.writeLog.markCount, 2);
  assert.equal(
    [...machine.writeLog.entries()].map((entry) => (entry.kind === 'mark' ? entry.text.length : -1)),
    [0, 2048],
  );
  assert.is(machine.tag, 0);
  machine.tag = 2 ** 53 - 1;
  for (const tag of [-1, 0.5, 2 ** 53, Number.NaN, '1', undefined])
    assert.throws(() => (machine.tag = tag as never), /tag is /);
  assert.is(machine.tag, 2 ** 53 - 1);
});

entries.run();
