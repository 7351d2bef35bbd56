// Every option out of its range is a ConfigError that names the field, the value given and the limit; every option at its
// bounds opens. Options that TypeScript forbids are tried too: most callers write JavaScript.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { ConfigError } from '../../../src/errors.ts';
import { openMachine } from '../../support/machine.ts';

const config = suite('config');

async function refusal(options: unknown): Promise<ConfigError> {
  try {
    await openMachine('release', options as MachineConfig);
  } catch (error) {
    assert.instance(error, ConfigError, String(error));
    return error as ConfigError;
  }
  throw new Error(`it opened: ${JSON.stringify(options)}`);
}

/** [options, field, value as the message says it, part of the limit]. */
const REFUSED: [unknown, string, string, string][] = [
  [{ drives: [] }, 'drives', '0', 'from 1 to 4096'],
  [
    { drives: Array.from({ length: 4097 }, () => ({ size: 512 })), payload: 'none' },
    'drives',
    '4097',
    'from 1 to 4096',
  ],
  [
    { drives: Array.from({ length: 60000 }, () => ({ size: 512 })), payload: 'none' },
    'drives',
    '60000',
    'from 1 to 4096',
  ],
  [
    { files: Array.from({ length: 4096 }, (_, index) => ({ name: `f${index}`, capacity: 4096 })) },
    'files',
    '4096',
    'at most 4096 drives and files together',
  ],
  [{ drives: [{ size: 0 }] }, 'drives[0].size', '0', '512 to 2^52'],
  [{ drives: [{}, { size: 1000 }] }, 'drives[1].size', '1000', 'multiple of 512'],
  [{ drives: [{ size: 2 ** 52 + 512 }] }, 'drives[0].size', String(2 ** 52 + 512), '2^52'],
  [{ drives: [{ size: 'big' }] }, 'drives[0].size', "'big'", 'a size such as'],
  [{ drives: [{ size: -512 }] }, 'drives[0].size', '-512', 'a size such as'],
  [{ drives: [{ model: 'slow' }] }, 'drives[0].model', "'slow'", 'instant, fixed'],
  [{ drives: [{ model: 'ssd', channels: 4 }] }, 'drives[0].channels', '4', 'parameters.channels'],
  [
    { drives: [{}, { model: 'ssd', parameters: { channels: 65 } }] },
    'drives[1].parameters.channels',
    '65',
    'from 1 to 64',
  ],
  [
    { drives: [{ model: 'instant', parameters: { readNs: 1 } }] },
    'drives[0].parameters.readNs',
    '1',
    'instant has no parameters',
  ],
  [{ drives: [{ serial: '' }] }, 'drives[0].serial', "''", '1 to 20 printable ASCII characters'],
  [
    { drives: [{ serial: 'a serial number of 21' }] },
    'drives[0].serial',
    "'a serial number of 21'",
    '1 to 20 printable ASCII characters',
  ],
  [{ drives: [{ serial: 'é' }] }, 'drives[0].serial', "'é'", '1 to 20 printable ASCII characters'],
  [{ drives: [{ dmaAlignment: 0 }] }, 'drives[0].dmaAlignment', '0', 'a power of two from 1 to 4096'],
  [{ drives: [{ dmaAlignment: 3 }] }, 'drives[0].dmaAlignment', '3', 'a power of two from 1 to 4096'],
  [
    { drives: [{}, { dmaAlignment: 8192 }] },
    'drives[1].dmaAlignment',
    '8192',
    'a power of two from 1 to 4096',
  ],
  [{ drives: [{ dmaAlignment: 0.5 }] }, 'drives[0].dmaAlignment', '0.5', 'whole number'],
  [
    { files: [{ name: 'a', capacity: 4096, atCapacity: 'EIO' as 'EFBIG' }] },
    'files[0].atCapacity',
    "'EIO'",
    'ENOSPC, EFBIG',
  ],
  [{ limits: { blockRequests: 65537 } }, 'limits.blockRequests', '65537', '0 to 65536'],
  [{ drives: [{ channels: 0 }] }, 'drives[0].channels', '0', '1 to 1024'],
  [{ drives: [{ channels: 1025 }] }, 'drives[0].channels', '1025', '1 to 1024'],
  [{ drives: [{ channels: 1.5 }] }, 'drives[0].channels', '1.5', 'whole number'],
  [{ drives: [{ scheduler: 'cfq' }] }, 'drives[0].scheduler', "'cfq'", 'none, deadline'],
  [{ drives: [{ deadline: {} }] }, 'drives[0].deadline', "'given'", "unless scheduler is 'deadline'"],
  [
    { drives: [{ scheduler: 'deadline', deadline: { fifoBatch: -1 } }] },
    'drives[0].deadline.fifoBatch',
    '-1',
    'whole number',
  ],
  [{ drives: [{ queueDepth: 0 }] }, 'drives[0].queueDepth', '0', '1 to 65536'],
  [{ drives: [{ queueDepth: 65537 }] }, 'drives[0].queueDepth', '65537', '1 to 65536'],
  [{ drives: [{ volatileWrites: 1048577 }] }, 'drives[0].volatileWrites', '1048577', '0 to 1048576'],
  [{ drives: [{ volatileWrites: -1 }] }, 'drives[0].volatileWrites', '-1', 'whole number'],
  [{ drives: [{ latencyNs: -1 }] }, 'drives[0].latencyNs.read', '-1', 'nanoseconds'],
  [{ drives: [{ latencyNs: { flush: 0.5 } }] }, 'drives[0].latencyNs.flush', '0.5', 'nanoseconds'],
  [{ drives: [{ image: 'x', memory: new SparseMemory() }] }, 'drives[0].memory', "'given'", 'left out'],
  [{ files: [{ name: '', capacity: 4096 }] }, 'files[0].name', "''", 'not empty'],
  [{ files: [{ name: 'drive3', capacity: 4096 }] }, 'files[0].name', "'drive3'", 'name of its own'],
  [
    {
      files: [
        { name: 'a', capacity: 4096 },
        { name: 'a', capacity: 4096 },
      ],
    },
    'files[1].name',
    "'a'",
    'name of its own',
  ],
  [{ files: [{ name: 'a', capacity: 4096, drive: 1 }] }, 'files[0].drive', '1', 'number of drives, 1'],
  [{ files: [{ name: 'a', capacity: 0 }] }, 'files[0].capacity', '0', 'multiple of blockSize'],
  [{ files: [{ name: 'a', capacity: 4097 }] }, 'files[0].capacity', '4097', 'multiple of blockSize'],
  [{ files: [{ name: 'a', capacity: '65MiB' }] }, 'files[0].capacity', String(65 * 1048576), 'on the drive'],
  [
    { files: [{ name: 'a', capacity: 4096, offset: 512 }] },
    'files[0].offset',
    '512',
    'multiple of blockSize',
  ],
  [{ files: [{ name: 'a', capacity: 4096, size: 4097 }] }, 'files[0].size', '4097', '0 to capacity'],
  [{ cache: 4095 }, 'cache', '0 pages', '4096 bytes'],
  [{ cache: '257GiB', payload: 'none' }, 'cache', '67371008 pages', '256 GiB'],
  [{ cache: 2 ** 44 + 4096, payload: 'none' }, 'cache', `${2 ** 32 + 1} pages`, '256 GiB'],
  [{ cache: 'much' }, 'cache', "'much'", 'a size such as'],
  [{ cache: '8GiB' }, 'cache, buffers and limits together', 'GiB', '4 GiB'],
  [{ blockSize: 513 }, 'blockSize', '513', '512, 1024, 2048 or 4096'],
  [{ blockSize: 8192 }, 'blockSize', '8192', '512, 1024, 2048 or 4096'],
  [{ eviction: 'mru' }, 'eviction', "'mru'", 'linux, lru'],
  [{ payload: 'some' }, 'payload', "'some'", 'full, none'],
  [{ payload: 'none', powerCuts: true }, 'powerCuts', 'true', 'false with payload'],
  [{ payload: 'none', drives: [{ image: 'x' }] }, 'drives[0].image', "'given'", "payload 'none'"],
  [
    { payload: 'none', drives: [{ memory: new SparseMemory() }] },
    'drives[0].memory',
    "'given'",
    "payload 'none'",
  ],
  [{ seed: -1 }, 'seed', '-1', '4294967295'],
  [{ seed: 2 ** 32 }, 'seed', '4294967296', '4294967295'],
  [{ records: 100 }, 'records', '100', 'power of two'],
  [{ buffers: '4GiB' }, 'buffers', '4294967296', '4294967295'],
  [{ aioMaxNr: 4194305 }, 'aioMaxNr', '4194305', '0 to 4194304'],
  [{ cacheMode: 'fast' }, 'cacheMode', "'fast'", 'writeback, none'],
  [{ maxTransfer: -1 }, 'maxTransfer', '-1', 'whole number'],
  [{ limits: { operations: 0 } }, 'limits.operations', '0', '1 to 65536'],
  [{ limits: { bios: 3 } }, 'limits.bios', '3', '4 to 1048576'],
  [{ limits: { spans: 2047 } }, 'limits.spans', '2047', '2048 to 16777216'],
  [{ limits: { maxSectors: 7 } }, 'limits.maxSectors', '7', '8 to 4194303'],
  [{ limits: { maxSegments: 0 } }, 'limits.maxSegments', '0', '1 to 1024'],
  [{ limits: { maxSegments: 1025 } }, 'limits.maxSegments', '1025', '1 to 1024'],
  [{ limits: { virtioRequests: 65537 } }, 'limits.virtioRequests', '65537', '0 to 65536'],
];

for (const [options, field, value, limit] of REFUSED) {
  config(`${field} = ${value} is refused by name, value and limit`, async () => {
    const error = await refusal(options);
    assert.is(error.field, field);
    assert.is(error.name, 'ConfigError');
    assert.is(error.code, 'ERR_SECTORLAB_CONFIG');
    assert.ok(error.message.startsWith(`${field} is `), error.message);
    for (const part of [value, limit])
      assert.ok(error.message.includes(part), `${error.message} has no ${part}`);
  });
}

const ACCEPTED: Record<string, MachineConfig> = {
  'nothing at all': {},
  'the smallest machine': {
    drives: [{ size: 512, channels: 1, queueDepth: 1, volatileWrites: 0, latencyNs: 0 }],
    cache: 4096,
    blockSize: 512,
    buffers: 0,
    aioMaxNr: 0,
    seed: 0,
    limits: { operations: 1, bios: 4, spans: 2048, maxSectors: 8, maxSegments: 1, virtioRequests: 0 },
  },
  'the largest drive': { drives: [{ size: 2 ** 52 }] },
  'the most drives and files': {
    drives: Array.from({ length: 4096 }, () => ({ size: 512 })),
    payload: 'none',
  },
  'a cache of 64 GiB without bytes': { cache: '64GiB', payload: 'none' },
};

for (const [what, options] of Object.entries(ACCEPTED)) {
  config(`${what} opens`, async () => {
    const machine = await openMachine('release', options);
    assert.is(machine.driveCount, options.drives?.length ?? 1);
    assert.ok(Object.values(machine.counters.cache).every((value) => value === 0));
  });
}

config('files without an offset lie behind each other, drive by drive', async () => {
  const machine = await openMachine('release', {
    drives: [{ size: '1MiB' }, { size: '1MiB' }],
    files: [
      { name: 'a', capacity: 8192 },
      { name: 'b', capacity: 4096, drive: 1 },
      { name: 'c', capacity: 4096 },
    ],
  });
  for (const [index, name] of ['a', 'b', 'c'].entries())
    machine.openFile(name, { dsync: true }).write(new Uint8Array([index + 1]), 0);
  const byteAt = (drive: number, offset: number) => {
    const target = new Uint8Array(1);
    machine.memory(drive).read(target, offset);
    return target[0];
  };
  assert.equal([byteAt(0, 0), byteAt(1, 0), byteAt(0, 8192)], [1, 2, 3]);
});

config('a drive takes the size of the memory it is given', async () => {
  const machine = await openMachine('release', { drives: [{ memory: new SparseMemory(1536) }] });
  assert.is(machine.openFile('drive0').size, 1536);
});

config('latencyNs alone makes a drive of fixed latency, with 100 µs where nothing is said', async () => {
  const machine = await openMachine('release', { drives: [{ latencyNs: { read: 7 } }] });
  const file = machine.openFile('drive0', { direct: true });
  file.read(512, 0);
  assert.is(machine.nowNs, 7);
  file.write(new Uint8Array(512), 0);
  assert.is(machine.nowNs, 100_007);
});

config.run();
