// Logs that can not be, and calls in the wrong order: each a clear error, none a trap.
// test-timeout: 60 seconds

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CRASH_CONFIG_BASE_FD,
  CRASH_CONFIG_BUDGET,
  CRASH_CONFIG_IMAGES,
  CRASH_CONFIG_LOG_FD,
  CRASH_CONFIG_UNIT,
  LOG_ENTRY_DRIVE,
  LOG_ENTRY_KIND,
  LOG_ENTRY_NUMBER,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_SECTOR,
  LOG_ENTRY_SECTORS,
  LOG_FLAG_TOGETHER,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  OP_DISCARD,
  OP_WRITE,
} from '../../../assembly/layout.ts';
import { MemoryHost } from '../../../src/backing/memory-host.ts';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { Core } from '../../../src/core/core.ts';
import { openExplorer } from '../../support/explorer.ts';
import { BUILDS, coreModule, openMachine } from '../../support/machine.ts';
import { logOf, WriteLogBuilder } from '../../support/write-log-builder.ts';

const SEED = Number(process.env.CRASH_SEED ?? 99);
const DAMAGED = Number(process.env.CRASH_LOGS ?? 200);

const EBUSY = -16;
const EINVAL = -22;
const ENOENT = -2;

/** Two writes and a flush. Entries at 64 (with 512 bytes of payload), 640, 704 (the same), 1280, 1344, 1408. */
const small = () =>
  logOf((it) => {
    it.write(0);
    it.write(1);
    it.flush();
  });

const FIRST = LOG_HEADER_SIZE;
const FIRST_COMPLETION = FIRST + 64 + 512;

function withU32(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  new DataView(copy.buffer).setUint32(offset, value, true);
  return copy;
}

function withU8(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[offset] = value;
  return copy;
}

for (const build of BUILDS) {
  const hostile = suite(`hostile write logs (${build})`);

  const refused = async (log: Uint8Array, message: RegExp) => {
    const error = await openExplorer(build, { log }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    assert.is(error?.name, 'WriteLogError', String(error));
    assert.match(error?.message ?? '', message);
  };

  hostile('each field that can not be is named with its entry and its offset', async () => {
    await refused(new Uint8Array(), /offset 0: the header/);
    await refused(new Uint8Array(64), /offset 0: the header/);
    await refused(small().slice(0, 63), /offset 0: the header/);
    await refused(withU32(small(), LOG_HEADER_VERSION, 2), /the version/);
    await refused(small().slice(0, 100), /offset 64: the entry of entry 1 is cut off/);
    await refused(small().slice(0, 300), /offset 64: the entry of entry 1 is cut off/);
    await refused(small().slice(0, -1), /offset 1408: the entry of entry 6 is cut off/);
    await refused(withU8(small(), FIRST + LOG_ENTRY_KIND, 0), /the kind of entry 1/);
    await refused(withU8(small(), FIRST + LOG_ENTRY_KIND, 9), /the kind of entry 1/);
    await refused(withU8(small(), FIRST + LOG_ENTRY_OPERATION, 0), /the operation of entry 1/);
    await refused(withU8(small(), FIRST + LOG_ENTRY_DRIVE, 1), /the drive of entry 1/);
    await refused(
      withU32(small(), FIRST + LOG_ENTRY_SECTOR + 4, 0x7fffffff),
      /the range of sectors of entry 1/,
    );
    await refused(withU32(small(), FIRST + LOG_ENTRY_SECTORS, 2), /the payload of entry 1/);
    await refused(withU32(small(), FIRST + LOG_ENTRY_SECTORS, 0xffffffff), /the payload of entry 1/);
    await refused(withU32(small(), FIRST + LOG_ENTRY_PAYLOAD, 0xfffffff8), /the payload of entry 1/);
    await refused(withU32(small(), FIRST_COMPLETION + LOG_ENTRY_PAYLOAD, 8), /the payload of entry 2/);
    await refused(
      withU32(small(), FIRST_COMPLETION + LOG_ENTRY_NUMBER, 7),
      /entry 2 is one that was never submitted/,
    );
    await refused(withU32(small(), FIRST + LOG_ENTRY_NUMBER, 2), /entry 2 is one that was never submitted/);
  });

  hostile(
    'a completion that comes twice, numbers that go back, and parts of nothing are refused',
    async () => {
      const twice = (it: WriteLogBuilder) => {
        it.complete(it.write(0));
      };
      await refused(logOf(twice), /complete already/);
      const back = new WriteLogBuilder();
      back.write(0);
      back.write(1);
      await refused(withU32(back.bytes(), FIRST + LOG_ENTRY_NUMBER, 9), /never submitted|not greater/);
      await refused(
        logOf((it) => it.part(1, 0, 1, 1)),
        /the part of entry 1/,
      );
      await refused(
        logOf((it) => it.part(it.write(0), 0, 1, 1)),
        /the part of entry 3/,
      );
    },
  );

  hostile('ranges that no memory holds are an error, not a trap', async () => {
    const error = await openExplorer(build, {
      log: logOf((it) => it.submit(OP_DISCARD, 0, { sectors: 0xffffffff })),
    }).catch((reason: Error) => reason);
    assert.match(String(error), /ENOMEM/);
    const far = await openExplorer(build, { log: logOf((it) => it.write(2 ** 43 - 1)) });
    assert.is([...far.images()].length, 3);
  });

  hostile('logs with random bytes are explored or refused', async () => {
    let opened = 0;
    let state = SEED;
    const below = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    const whole = logOf((it) => {
      for (let round = 0; round < 6; round++) {
        it.write(below(8), { sectors: 1 + below(3), domain: below(3) });
        if (below(3) === 0) it.flush({ domain: below(3) });
        if (below(3) === 0) it.discard(below(8), 1 + below(4));
        if (below(4) === 0) it.mark('here');
      }
    });
    const runs = build === 'release' ? DAMAGED : DAMAGED / 4;
    for (let run = 0; run < runs; run++) {
      const log = Uint8Array.from(whole);
      for (let change = 0; change <= below(3); change++) {
        const at = below(log.length);
        log[at] = below(2) === 0 ? below(256) : (log[at] ?? 0) ^ (1 << below(8));
      }
      const model = { flushScope: 'domain', order: below(2) === 0 ? 'domainPrefix' : 'any' } as const;
      const cut = below(4) === 0 ? log.subarray(0, below(log.length)) : log;
      try {
        const explorer = await openExplorer(build, { log: cut, model, bound: 64, budget: 16 });
        for (const image of explorer.images()) image.hash;
        opened++;
      } catch (error) {
        assert.ok(['WriteLogError', 'StorageError'].includes((error as Error).name), `run ${run}: ${error}`);
      }
    }
    assert.ok(opened > runs / 10 && opened < runs, `${opened} of ${runs} opened`);
  });

  hostile('calls in any order answer an errno', async () => {
    const host = new MemoryHost();
    const core = await Core.load(await coreModule(build), host);
    const { exports, memory } = core;
    assert.equal(
      [exports.crashPoint(0), exports.crashBuild(0), exports.crashDescribe(0), exports.crashRebuild(0)],
      [ENOENT, ENOENT, ENOENT, ENOENT],
    );
    assert.equal(
      [exports.crashImage(0), exports.crashVisit(0), exports.crashVisit(1)],
      [ENOENT, ENOENT, ENOENT],
    );
    assert.is(exports.crashOpen(), EINVAL, 'no field is set');
    const config = exports.configAddress();
    const log = new SparseMemory(small().length);
    log.write(small(), 0);
    memory.setU32(config + CRASH_CONFIG_LOG_FD, host.add(log));
    memory.setU32(config + CRASH_CONFIG_BASE_FD, -1);
    memory.setU32(config + CRASH_CONFIG_UNIT, 1);
    memory.setU32(config + CRASH_CONFIG_BUDGET, 1);
    memory.setU32(config + CRASH_CONFIG_IMAGES, 16);
    assert.is(exports.crashOpen(), 0);
    assert.is(exports.crashOpen(), EBUSY);
    assert.is(exports.machineOpen(), EBUSY);
    assert.equal(
      [exports.crashPoint(-1), exports.crashPoint(99), exports.crashBuild(0)],
      [ENOENT, ENOENT, ENOENT],
    );
    assert.is(exports.crashPoint(1), 0);
    for (const ordinal of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1])
      assert.is(exports.crashBuild(ordinal), ENOENT);
    assert.equal([exports.crashRebuild(-1), exports.crashRebuild(1)], [EINVAL, EINVAL]);
    assert.equal(
      [exports.crashImage(-1), exports.crashImage(1), exports.crashVisit(-1)],
      [ENOENT, ENOENT, ENOENT],
    );
  });

  hostile(
    'an instance with a machine opens no explorer, and a log that fails to be read is an error',
    async () => {
      const machine = await openMachine(build);
      assert.is(
        machine.core.call((exports) => exports.crashOpen()),
        EBUSY,
      );
      const log = new SparseMemory(small().length);
      log.write(small(), 0);
      let reads = 0;
      const failing = Object.assign(log, {
        read(target: Uint8Array, offset: number) {
          if (++reads > 2) throw new Error('the medium failed');
          SparseMemory.prototype.read.call(log, target, offset);
        },
      });
      const explorer = await openExplorer(build, { log: failing });
      assert.throws(() => [...explorer.images()], /EIO/);
    },
  );

  hostile('what could not be read once is read again, not remembered', async () => {
    const log = new SparseMemory(small().length);
    log.write(small(), 0);
    let isFailing = false;
    const failing = Object.assign(log, {
      read(target: Uint8Array, offset: number) {
        if (isFailing) throw new Error('the medium failed');
        SparseMemory.prototype.read.call(log, target, offset);
      },
    });
    const explorer = await openExplorer(build, { log: failing });
    isFailing = true;
    assert.throws(() => explorer.count(2), /EIO/);
    assert.throws(() => [...explorer.images({ points: [2] })], /EIO/);
    isFailing = false;
    assert.is([...explorer.images({ points: [2], newOnly: true })].length, 4);
  });

  hostile('a write that is there only with others needs a chain', async () => {
    const together = (options: object) => (it: WriteLogBuilder) => {
      it.write(0, { flags: LOG_FLAG_TOGETHER, ...options });
    };
    await refused(logOf(together({})), /offset 64: the chain of entry 1 is 0/);
    await refused(
      logOf((it) => it.part(it.submit(OP_WRITE, 0), 0, 1, 0, 0, { flags: LOG_FLAG_TOGETHER })),
      /the chain of entry 2 is 0/,
    );
    await openExplorer(build, { log: logOf(together({ chain: 1 })) });
  });

  hostile('an entry of one drive is checked, and not counted, for another', async () => {
    const log = logOf((it) => it.write(0, { drive: 1 }), 2);
    const explorer = await openExplorer(build, { log });
    assert.is(explorer.points().length, 1);
  });

  hostile.run();
}
