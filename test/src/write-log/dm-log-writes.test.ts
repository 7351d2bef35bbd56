// Logs in the format of dm-log-writes: the order of the kernel's target, the bytes of the format, and files that lie.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { ConfigError, WriteLogError } from '../../../src/errors.ts';
import { type DmLog, exportDmLogWrites } from '../../../src/write-log/dm-export.ts';
import { importDmLogWrites } from '../../../src/write-log/dm-import.ts';
import type { LogEntry, WriteLog } from '../../../src/write-log/entries.ts';
import { replayWriteLog } from '../../../src/write-log/replay.ts';
import { LogWriter } from '../../../src/write-log/writer.ts';
import { HeldDrive } from '../../assembly/drive/held-drive.ts';
import { BUILDS, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';

const dm = suite('dm-log-writes');

/** The entries of a log in dm-log-writes' format, read plainly: `0:7` data 7 at sector 0, with the flags' names. */
function told(log: DmLog, sectorSize = 512): string[] {
  const bytes = log.bytes();
  assert.is(bytes.length, log.byteCount);
  const view = new DataView(bytes.buffer);
  const lines: string[] = [];
  let at = sectorSize;
  for (let index = 0; index < log.entryCount; index++) {
    const [sector, sectors, flags, dataLength] = [0, 8, 16, 24].map((field) =>
      Number(view.getBigUint64(at + field, true)),
    );
    const names = ['flush', 'fua', 'discard', 'mark', 'metadata'].filter(
      (_name, bit) => ((flags as number) >> bit) & 1,
    );
    at += sectorSize;
    const text = new TextDecoder().decode(
      bytes.subarray(at - sectorSize + 32, at - sectorSize + 32 + (dataLength as number)),
    );
    const isData = !names.includes('discard') && (sectors as number) > 0;
    const where = (sectors as number) > 0 ? `${sector}+${sectors}${isData ? `:${bytes[at]}` : ''}` : '';
    if (isData) at += (sectors as number) * sectorSize;
    lines.push([where, ...names, text].filter((part) => part !== '').join(' '));
  }
  assert.is(at, bytes.length);
  return lines;
}

const END = 'mark dm-log-writes-end';

for (const build of BUILDS) {
  dm(
    `${build}: W1 W2 W3 C3 C2 F C1 CF is logged as W3, W2, flush, W1, and a power cut loses W1 only`,
    async () => {
      const drive = await HeldDrive.open(build, {}, { writeLog: true });
      const [first, second, third] = [drive.write(1, 1), drive.write(2, 2), drive.write(3, 3)];
      drive.complete(third);
      drive.complete(second);
      const flush = drive.flush();
      drive.complete(first);
      drive.complete(flush);
      const exported = exportDmLogWrites(drive.machine.writeLog.snapshot());
      assert.equal(told(exported), ['3+1:3', '2+1:2', 'flush', '1+1:1', END]);
      assert.equal(poolsInUse(drive.machine), NO_POOL_IN_USE);
      assert.equal(drive.cut('none', 4), [0, 0, 2, 3]);
    },
  );

  dm(`${build}: FUA is logged at its own completion, before older writes that no flush covers`, async () => {
    const drive = await HeldDrive.open(build, {}, { writeLog: true });
    const plain = drive.write(1, 1);
    const forced = drive.forcedWrite(2, 2);
    drive.complete(plain);
    drive.machine.writeLog.mark('here');
    drive.complete(forced);
    const unfinished = drive.write(3, 3);
    const exported = exportDmLogWrites(drive.machine.writeLog.snapshot());
    assert.equal(told(exported), ['mark here', '2+1:2 fua', '1+1:1', END]);
    assert.ok(exported.lost.includes('1 requests that were not complete at the end'));
    drive.complete(unfinished);
    assert.equal(poolsInUse(drive.machine), NO_POOL_IN_USE);
  });
}

/** A log of requests that are complete one after the other. */
function logOf(...requests: Parameters<LogWriter['submit']>[0][]): WriteLog {
  const writer = new LogWriter();
  for (const request of requests) writer.complete(writer.submit(request));
  return writer.log();
}

const data = (value: number, sectors = 1): Uint8Array => new Uint8Array(sectors * 512).fill(value);

dm('a discard waits for its flush like a write, and has no data; zeros are data', () => {
  const log = logOf(
    { operation: 'discard', sector: 8, sectorCount: 4 },
    { operation: 'write', sector: 0, data: data(5, 2) },
    { operation: 'writeZeroes', sector: 2, sectorCount: 300 },
    { operation: 'flush' },
    { operation: 'discard', sector: 16, sectorCount: 4, isFua: true },
  );
  assert.equal(told(exportDmLogWrites(log)), [
    ...['8+4 discard', '0+2:5', '2+300:0', 'flush', '16+4 fua discard', END],
  ]);
});

dm('a flush that fails, or a request that does, leaves no trace but the next flush takes the writes', () => {
  const writer = new LogWriter();
  writer.complete(writer.submit({ operation: 'write', sector: 1, data: data(1) }));
  writer.complete(writer.submit({ operation: 'flush' }), -5);
  writer.complete(writer.submit({ operation: 'write', sector: 2, data: data(2) }), -5);
  writer.complete(writer.submit({ operation: 'write', sector: 3, data: data(3) }));
  writer.complete(writer.submit({ operation: 'flush' }));
  const exported = exportDmLogWrites(writer.log());
  assert.equal(told(exported), ['1+1:1', '3+1:3', 'flush', END]);
  assert.ok(exported.lost.some((line) => line.startsWith('2 requests that failed')));
});

dm('what the drive does not do is not in the log: a lost write, a flush or FUA that was ignored', () => {
  const log = logOf(
    { operation: 'write', sector: 1, data: data(1) },
    { operation: 'flush', isIgnored: true },
    { operation: 'write', sector: 2, data: data(2), isIgnored: true },
    { operation: 'write', sector: 3, data: data(3), isFua: true, isFuaIgnored: true },
    { operation: 'write', sector: 4, data: data(4) },
    { operation: 'flush' },
  );
  const exported = exportDmLogWrites(log);
  assert.equal(told(exported), ['1+1:1', '3+1:3', '4+1:4', 'flush', END]);
  assert.ok(exported.lost.includes('2 requests that the drive did not carry out'));
  const image = new SparseMemory(5 * 512);
  assert.is(replayWriteLog(log, image), 3);
  const bytes = new Uint8Array(5 * 512);
  image.read(bytes, 0);
  assert.equal(
    [...bytes].filter((_byte, at) => at % 512 === 0),
    [0, 1, 0, 3, 4],
  );
});

dm('a flush that fails gives back what it has taken, before what is younger', () => {
  const writer = new LogWriter();
  writer.complete(writer.submit({ operation: 'write', sector: 1, data: data(1) }));
  const failing = writer.submit({ operation: 'flush' });
  writer.complete(writer.submit({ operation: 'write', sector: 2, data: data(2) }));
  writer.complete(failing, -5);
  writer.complete(writer.submit({ operation: 'flush' }));
  assert.equal(told(exportDmLogWrites(writer.log())), ['1+1:1', '2+1:2', 'flush', END]);
});

dm('a torn write that failed has written what is in the log, and is not forced', () => {
  const writer = new LogWriter();
  writer.complete(writer.submit({ operation: 'write', sector: 1, data: data(1) }));
  writer.complete(
    writer.submit({ operation: 'write', sector: 2, data: data(2), isFua: true, isTorn: true }),
    -5,
  );
  assert.equal(told(exportDmLogWrites(writer.log())), ['1+1:1', '2+1:2', END]);
});

dm('what a flush in flight at the end has taken stands before what is younger', () => {
  const writer = new LogWriter();
  writer.complete(writer.submit({ operation: 'write', sector: 1, data: data(1) }));
  writer.submit({ operation: 'flush' });
  writer.complete(writer.submit({ operation: 'write', sector: 2, data: data(2) }));
  assert.equal(told(exportDmLogWrites(writer.log())), ['1+1:1', '2+1:2', END]);
});

dm('sectors of 4,096 bytes count in their own unit; a request that does not fit them is refused', () => {
  const log = logOf(
    { operation: 'write', sector: 16, data: data(6, 24) },
    { operation: 'discard', sector: 8, sectorCount: 8 },
  );
  assert.equal(told(exportDmLogWrites(log, { sectorSize: 4096 }), 4096), ['2+3:6', '1+1 discard', END]);
  const odd = logOf({ operation: 'write', sector: 1, data: data(6, 8) });
  assert.throws(
    () => exportDmLogWrites(odd, { sectorSize: 4096 }),
    (error: unknown) =>
      error instanceof ConfigError &&
      error.message.includes('request 1 has 8 sectors of 512 bytes at sector 1'),
  );
  for (const sectorSize of [0, 256, 513, 131072, 1.5])
    assert.throws(() => exportDmLogWrites(log, { sectorSize }), /power of two from 512/);
  for (const drive of [-1, 1, 0.5]) assert.throws(() => exportDmLogWrites(log, { drive }), /from 0 to 0/);
});

dm('a mark that is too long for its sector is cut, and that is said', () => {
  const writer = new LogWriter();
  writer.mark('x'.repeat(1000));
  const exported = exportDmLogWrites(writer.log());
  assert.equal(told(exported), [`mark ${'x'.repeat(479)}`, END]);
  assert.ok(exported.lost.includes('1 marks cut to 479 bytes'));
});

dm('only the requests of the drive are exported', () => {
  const writer = new LogWriter(3);
  for (const drive of [0, 1, 2])
    writer.complete(writer.submit({ operation: 'write', drive, sector: drive, data: data(drive + 1) }));
  assert.equal(told(exportDmLogWrites(writer.log(), { drive: 1 })), ['1+1:2', END]);
});

/** What an import says, in words. */
function words(entries: Iterable<LogEntry>): string[] {
  return [...entries].flatMap((entry) => {
    if (entry.kind === 'mark') return [`mark ${entry.text}`];
    if (entry.kind !== 'submit') return [];
    const range = entry.sectorCount > 0 ? ` ${entry.sector}+${entry.sectorCount}` : '';
    return [
      `${entry.operation}${range}${entry.byteCount > 0 ? `:${entry.data()[0]}` : ''}${entry.isFua ? ' fua' : ''}`,
    ];
  });
}

dm('an export that is imported again has the same entries in the same order', () => {
  const writer = new LogWriter();
  writer.complete(writer.submit({ operation: 'write', sector: 8, data: data(1, 8) }));
  writer.mark('größer');
  writer.complete(writer.submit({ operation: 'discard', sector: 80, sectorCount: 16 }));
  writer.complete(writer.submit({ operation: 'flush' }));
  writer.complete(writer.submit({ operation: 'write', sector: 16, data: data(2, 8), isFua: true }));
  for (const sectorSize of [512, 1024, 4096]) {
    const first = exportDmLogWrites(writer.log(), { sectorSize });
    const imported = importDmLogWrites(first.bytes());
    assert.equal(words(imported.log.entries()), [
      ...[
        'mark größer',
        'write 8+8:1',
        'discard 80+16',
        'flush',
        'write 16+8:2 fua',
        'mark dm-log-writes-end',
      ],
    ]);
    assert.is(imported.endBytes, 96 * 512);
    assert.is(imported.entryCount, 6);
    assert.equal(imported.lost, [
      'times, tags and domains',
      'the order of submission, and what was in flight together',
    ]);
  }
});

/** A file of dm-log-writes with these entries: sector, sectors, flags, data_len. */
function fileOf(
  entries: readonly (readonly bigint[])[],
  count = entries.length,
  sectorSize = 512,
  room = 0,
): Uint8Array {
  const bytes = new Uint8Array(sectorSize * (1 + entries.length) + room);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 0x6a736677736872n, true);
  view.setBigUint64(8, 1n, true);
  view.setBigUint64(16, BigInt(count), true);
  view.setUint32(24, sectorSize, true);
  entries.forEach((entry, index) => {
    entry.forEach((value, field) => {
      view.setBigUint64(sectorSize * (1 + index) + field * 8, value, true);
    });
  });
  return bytes;
}

dm('a flush with data is a flush and then the write; metadata flags are lost, and that is said', () => {
  const imported = importDmLogWrites(fileOf([[4n, 1n, 1n | 2n | 16n, 0n]], 1, 512, 512));
  assert.equal(words(imported.log.entries()), ['flush', 'write 4+1:0 fua']);
  assert.ok(imported.lost.includes('the metadata flag of 1 writes'));
});

dm('a mark of 65,504 bytes is cut to what a mark may have', () => {
  const bytes = fileOf([[0n, 0n, 8n, 65504n]], 1, 65536);
  bytes.fill(120, 65536 + 32);
  const imported = importDmLogWrites(bytes);
  assert.equal(words(imported.log.entries()), [`mark ${'x'.repeat(1365)}`]);
  assert.ok(imported.lost.includes('the end of 1 long marks'));
});

dm('a discard of 4 GiB is taken in parts', () => {
  const imported = importDmLogWrites(fileOf([[0n, 8388608n, 4n, 0n]]));
  assert.equal(words(imported.log.entries()), [
    ...['discard 0+4194303', 'discard 4194303+4194303', 'discard 8388606+2'],
  ]);
});

dm('a file that ends inside an entry gives what stands before', () => {
  const whole = exportDmLogWrites(
    logOf({ operation: 'write', data: data(1, 3) }, { operation: 'flush' }),
  ).bytes();
  for (let length = 512; length < whole.length; length += 100) {
    const imported = importDmLogWrites(whole.slice(0, length));
    const expected = length < 512 * 5 ? 0 : length < 512 * 6 ? 1 : 2;
    assert.is(imported.entryCount, expected, `${length}`);
    const at = [512, 512 * 5, 512 * 6][expected];
    assert.ok(
      imported.lost.includes(`${3 - expected} of 3 entries: the file ends inside the entry at offset ${at}`),
    );
  }
});

const LIES: readonly [what: string, bytes: Uint8Array, field: string, offset: number][] = [
  ['nothing', new Uint8Array(), 'super block', 0],
  ['a short file', new Uint8Array(27), 'super block', 0],
  ['another magic', new Uint8Array(512), 'magic', 0],
  ['version 2', fileOf([]).fill(2, 8, 9), 'version', 8],
  ['sectors of 100 bytes', fileOf([]).fill(100, 24, 25).fill(0, 25, 26), 'sectorsize', 24],
  ['more entries than a number holds', fileOf([]).fill(255, 16, 24), 'nr_entries', 16],
  ['an unknown flag', fileOf([[0n, 0n, 32n, 0n]]), 'flags', 512 + 16],
  ['a mark longer than its sector', fileOf([[0n, 0n, 8n, 481n]]), 'data_len', 512 + 24],
  ['data_len that is not the data', fileOf([[0n, 0n, 0n, 7n]]), 'data_len', 512 + 24],
  ['a sector behind all drives', fileOf([[1n << 44n, 1n, 4n, 0n]]), 'sector', 512],
  ['a sector that no number holds', fileOf([[1n << 60n, 1n, 4n, 0n]]), 'sector', 512],
];

for (const [what, bytes, field, offset] of LIES) {
  dm(`refused, with place and field: ${what}`, () => {
    const source = {
      size: bytes.length,
      read: (target: Uint8Array, at: number) => target.set(bytes.subarray(at, at + target.length)),
      name: 'disk.log',
    };
    try {
      importDmLogWrites(source);
    } catch (error) {
      if (!(error instanceof WriteLogError)) throw error;
      assert.equal([error.field, error.offset, error.path], [field, offset, 'disk.log']);
      assert.ok(error.message.startsWith(`disk.log at offset ${offset}: ${field} is `), error.message);
      return;
    }
    assert.unreachable('it was taken');
  });
}

dm('what is no source is a ConfigError', () => {
  for (const input of [undefined, null, 7, {}, [1, 2]])
    assert.throws(() => importDmLogWrites(input as never), /source is /);
});

dm('noise in a good file is refused or read, and never anything else', () => {
  const good = exportDmLogWrites(
    logOf(
      { operation: 'write', data: data(1, 2) },
      { operation: 'discard', sector: 4, sectorCount: 2 },
      { operation: 'flush' },
    ),
  ).bytes();
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at % (at % 2 === 0 ? bytes.length : 544)] = value;
        try {
          const imported = importDmLogWrites(bytes);
          assert.is(imported.log.tornTail(), undefined);
          exportDmLogWrites(imported.log);
        } catch (error) {
          if (!(error instanceof WriteLogError)) throw error;
          refused++;
        }
      },
    ),
    { numRuns: 600, seed: 5 },
  );
  assert.ok(refused > 60);
});

dm('a log in sparse memory is read as well', () => {
  const memory = new SparseMemory();
  memory.write(exportDmLogWrites(logOf({ operation: 'flush' })).bytes(), 0);
  assert.equal(words(importDmLogWrites(memory).log.entries()), ['flush', 'mark dm-log-writes-end']);
});

dm.run();
