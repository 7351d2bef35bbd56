// vscsi, versions 1 and 2: opcodes, 64-bit fields, records that spell other formats' magics, and each fault.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TRACE_DISCARD, TRACE_FLUSH, TRACE_READ, TRACE_WRITE } from '../../../assembly/layout.ts';
import { faultOf, join, NAME, readTrace, type VscsiFields, vscsiRecord } from './support.ts';

const vscsi = suite('trace/vscsi');

const VERSIONS = [1, 2] as const;
const trace = (version: 1 | 2, ...records: VscsiFields[]) =>
  join(records.map((fields) => vscsiRecord(version, fields)));

for (const version of VERSIONS) {
  const recordBytes = version === 1 ? 32 : 40;

  vscsi(`version ${version}: every opcode becomes its operation`, async () => {
    const opcodes = [
      [TRACE_READ, 0x08, 0x28, 0xa8, 0x88],
      [TRACE_WRITE, 0x0a, 0x2a, 0xaa, 0x8a, 0x41, 0x93],
      [TRACE_FLUSH, 0x35, 0x91],
      [TRACE_DISCARD, 0x42],
    ].flatMap(([operation, ...codes]) => codes.map((opcode) => ({ operation: operation!, opcode })));
    const { reader, records } = await readTrace(trace(version, ...opcodes.map(({ opcode }) => ({ opcode }))));
    assert.equal(
      records.map(({ operation }) => operation),
      opcodes.map(({ operation }) => operation),
    );
    assert.equal(
      records.map(({ lengthBytes, offsetBytes }) => [lengthBytes, offsetBytes]),
      opcodes.map(({ operation }) => (operation === TRACE_FLUSH ? [0, 0] : [4096, 4096])),
    );
    assert.is(reader.format, `vscsi-v${version}`);
    assert.is(reader.entrance, 'virtio');
    assert.is(reader.unit, 'sector');
    assert.is(reader.hasClock, true);
    assert.equal(reader.deviceNames, ['vscsi']);
  });

  vscsi(`version ${version}: what is written is what is read`, async () => {
    const fields = fc.record({
      opcode: fc.constantFrom(0x28, 0x2a, 0x42),
      sectors: fc.integer({ min: 1, max: 2 ** 23 - 1 }),
      lbn: fc.bigInt(0n, 2n ** 44n - 2n ** 23n),
      micros: fc.bigInt(0n, 2n ** 53n - 1n),
      serial: fc.nat(),
    });
    await fc.assert(
      // the serial of a lone record may spell another format's magic; two good records outrank it
      fc.asyncProperty(fc.array(fields, { minLength: 2 }), async (all) => {
        const bytes = trace(version, ...all.map((one) => ({ ...one, lengthBytes: one.sectors * 512 })));
        const first = all[0]!.micros;
        const { records } = await readTrace(bytes);
        assert.equal(
          records,
          all.map(({ opcode, sectors, lbn, micros }, index) => ({
            operation: opcode === 0x28 ? TRACE_READ : opcode === 0x2a ? TRACE_WRITE : TRACE_DISCARD,
            device: 0,
            lengthBytes: sectors * 512,
            offsetBytes: Number(lbn) * 512,
            timeNs: micros > first ? (micros - first) * 1000n : 0n,
            line: index + 1,
          })),
        );
      }),
    );
  });

  vscsi(`version ${version}: each fault names file, record, byte, value and limit`, async () => {
    const cases: [VscsiFields, string][] = [
      [{ opcode: 0x12 }, 'SCSI opcode 0x12 is no read, write, flush or unmap'],
      [{ opcode: 0 }, 'SCSI opcode 0x00 is no read, write, flush or unmap'],
      [{ opcode: 0x128 }, 'SCSI opcode 0x128 is no read, write, flush or unmap'],
      [{ versionField: 0x0700 }, `version 7 in a trace of version ${version}`],
      [{ lengthBytes: 0 }, 'a read of length 0 (the least is 1 byte)'],
      [{ opcode: 0x42, lengthBytes: 24 }, 'length 24 is no multiple of 512 bytes'],
      [{ lbn: 2n ** 44n }, 'LBN 17592186044416 is above the limit of 2^44 - 1 (byte 2^53)'],
      [{ lbn: 2n ** 64n - 1n }, 'LBN 18446744073709551615 is above the limit of 2^44 - 1 (byte 2^53)'],
      [
        { lbn: 2n ** 44n - 1n },
        'offset 9007199254740480 + length 4096 ends above the limit of 9007199254740991 (2^53 - 1)',
      ],
      [{ micros: 2n ** 53n }, 'time 9007199254740992 is above the limit of 2^53 - 1'],
    ];
    for (const [fields, reason] of cases) {
      const bytes = trace(version, {}, {}, fields, {});
      const { error, records } = await faultOf(bytes);
      assert.is(error.message, `${NAME}: record 3 at byte ${2 * recordBytes}: ${reason}`);
      assert.is(error.code, 'ERR_TRACE_LINE');
      assert.equal([error.record, error.byteOffset, error.line], [3, 2 * recordBytes, undefined]);
      assert.is(records.length, 2);
      const skipping = await readTrace(bytes, { skipBad: 1 });
      assert.equal(
        skipping.records.map(({ line }) => line),
        [1, 2, 4],
      );
      assert.equal([...skipping.reader.totals.skippedReasons.values()], [{ count: 1, firstLines: [3] }]);
    }
  });

  vscsi(
    `version ${version}: a partial last record is a fault that says where the whole ones end`,
    async () => {
      const whole = trace(version, {}, { micros: 5633898368902n });
      for (let extra = 1; extra < recordBytes; extra++) {
        const bytes = join([whole, vscsiRecord(version).subarray(0, extra)]);
        const { error, records } = await faultOf(bytes);
        assert.is(error.code, 'ERR_TRACE_TRUNCATED');
        assert.is(
          error.message,
          `${NAME}: record 3 at byte ${2 * recordBytes}: ${extra} of its ${recordBytes} bytes are there; ` +
            `whole records end at byte ${2 * recordBytes}`,
        );
        assert.is(records.length, 2);
      }
      const bytes = join([whole, Uint8Array.of(1)]);
      assert.is((await readTrace(bytes, { skipBad: 1 })).reader.totals.skipped, 1);
    },
  );

  vscsi(`version ${version}: one record alone is recognised if it makes sense`, async () => {
    const { reader, records } = await readTrace(trace(version, {}));
    assert.is(reader.format, `vscsi-v${version}`);
    assert.is(records.length, 1);
    for (const fields of [
      { opcode: 0x12 },
      { lengthBytes: 100 },
      { lengthBytes: 0 },
      { lbn: 2n ** 60n },
      { micros: 2n ** 60n },
    ]) {
      assert.is(
        (await faultOf(trace(version, fields))).error.code,
        'ERR_TRACE_FORMAT',
        JSON.stringify(fields, String),
      );
    }
    const { error } = await faultOf(join([trace(version, {}), Uint8Array.of(9)]));
    assert.is(error.code, 'ERR_TRACE_TRUNCATED');
  });

  vscsi(`version ${version}: the low byte of the version field is not looked at`, async () => {
    const versionField = (version << 8) | 0x5a;
    assert.is((await readTrace(trace(version, { versionField }, { versionField }))).records.length, 2);
  });

  vscsi(`version ${version}: two bad records at the start do not hide the format`, async () => {
    const { reader, records } = await readTrace(trace(version, { opcode: 0x12 }, { lengthBytes: 0 }, {}), {
      skipBad: 2,
    });
    assert.is(reader.format, `vscsi-v${version}`);
    assert.is(records.length, 1);
  });
}

vscsi('a serial number that spells the magic of another format is still a serial number', async () => {
  const magics = [
    0x00088b1f, 0xfd2fb528, 0x39685a42, 0x587a37fd, 0x65617407, 0x07746165, 0x206f6966, 0x04034b50,
  ];
  for (const serial of magics) {
    const { reader, records } = await readTrace(trace(1, { serial }, { serial: serial + 1 }, {}));
    assert.is(reader.format, 'vscsi-v1', serial.toString(16));
    assert.is(reader.compression, 'none');
    assert.is(records.length, 3);
  }
});

vscsi('printable fields do not make a record text', async () => {
  const lbn = 0x0000002c31323334n;
  const record = {
    serial: 0x2c303031,
    lengthBytes: 0x30303000,
    opcode: 0x2a,
    lbn,
    micros: 0x00003132332c3031n,
  };
  const { reader } = await readTrace(trace(1, record, record));
  assert.is(reader.format, 'vscsi-v1');
  assert.is(reader.totals.writes, 2);
});

vscsi('records that say both versions are version 2', async () => {
  const record = vscsiRecord(2, { opcode: 0x12, serial: 0x01000001 });
  record[15] = 1;
  const { error } = await faultOf(join([record, record]));
  assert.match(error.message, /record 1 at byte 0: SCSI opcode 0x12/);
  assert.is(
    (await readTrace(join([record, record, vscsiRecord(2)]), { skipBad: 2 })).reader.format,
    'vscsi-v2',
  );
});

vscsi('a trace without whole records, named by hand, is truncated', async () => {
  const { error } = await faultOf(vscsiRecord(1).subarray(0, 10), { format: 'vscsi-v1' });
  assert.is(error.code, 'ERR_TRACE_TRUNCATED');
  assert.match(
    error.message,
    /record 1 at byte 0: 10 of its 32 bytes are there; whole records end at byte 0/,
  );
});

vscsi.run();
