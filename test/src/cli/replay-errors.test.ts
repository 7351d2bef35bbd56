// `sectorlab replay` on what it cannot play: exit 2, nothing on stdout, and one line on stderr that names the file, the
// line or record where there is one, and the reason with the offending value.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../replay/support.ts';
import { join, vscsiRecord } from '../trace/support.ts';
import { MADE_TRACES, type MadeTrace, runCli, save } from './support.ts';

const errors = suite('cli/replay-errors');

const IOLOG = 'fio version 2 iolog\nf add\nf open\nf write 0 4096\n';
const MSR_ROW = '128166372003061629,made,0,Write,8192,4096,100\n';

async function assertRefused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runCli(['replay', ...args]);
  assert.is(stdout, '', 'stdout');
  assert.match(stderr, message);
  assert.match(stderr, /^sectorlab: [^\n]+\n$/, 'one line');
  assert.is(code, 2);
}

/** Content of a file called `bad`, options, and what stderr says after the file's name. */
const BAD_FILES: readonly [
  claim: string,
  content: string | Uint8Array,
  message: string,
  args?: readonly string[],
][] = [
  ['an empty file', '', 'the file is empty'],
  ['nothing but blank lines', '\n\n \n', 'nothing in the file but blank lines'],
  ['a file of no known format', 'hello, this is no trace\n'.repeat(9), 'supported: fio-iolog-v2, '],
  ['noise', new Uint8Array(5000).map((_, index) => (index * 7919 + (index >> 3)) & 255), 'supported: '],
  ['gzip that stops in the middle', gzipSync(MSR_ROW.repeat(500)).subarray(0, 60), 'the file is truncated'],
  ['gzip that is damaged', gzipSync(MSR_ROW.repeat(500)).fill(0xee, 30, 60), 'the gzip data'],
  ['a negative offset', `${IOLOG}f read -512 4096\n`, 'line 5: offset -512 is negative (the least is 0)'],
  [
    'a negative offset in MSR',
    `${MSR_ROW}${MSR_ROW.replace('8192', '-512')}`,
    'line 2: Offset -512 is negative',
  ],
  [
    'an offset past 2^53',
    `${IOLOG}f read 9007199254740992 1\n`,
    'line 5: offset 9007199254740992 is above the limit of 2^53 - 1',
  ],
  [
    'an offset past 2^53 in MSR',
    `${MSR_ROW}${MSR_ROW.replace('8192', '9007199254740992')}`,
    'line 2: Offset 9007199254740992 is above',
  ],
  [
    'an offset past the drive',
    `${IOLOG}f read 4503599627370496 1\n`,
    "line 5: offset 4503599627370496 with length 1 ends past the drive's end",
  ],
  ['a read of nothing', `${IOLOG}f read 0 0\n`, 'line 5: a read of length 0'],
  ['a write of nothing', `${IOLOG}f write 0 0\n`, 'line 5: a write of length 0'],
  ['a discard of nothing', `${IOLOG}f trim 0 0\n`, 'line 5: a discard of length 0'],
  ['a read of nothing in MSR', `${MSR_ROW}${MSR_ROW.replace('4096', '0')}`, 'line 2: a write of length 0'],
  [
    'a write of nothing in vscsi',
    join([vscsiRecord(1), vscsiRecord(1, { opcode: 0x2a, lengthBytes: 0 })]),
    'record 2 at byte 32: a write of length 0',
  ],
  [
    'a length of odd bytes through virtio',
    `${IOLOG}f read 0 700\n`,
    'line 5: offset 0 and length 700 are not whole sectors',
    ['--through', 'virtio'],
  ],
  [
    'an offset of odd bytes in MSR',
    `${MSR_ROW}${MSR_ROW.replace('8192', '8193')}`,
    'line 2: offset 8193 is no multiple of 512 bytes',
  ],
  [
    'a length of odd bytes around the cache',
    `${IOLOG}f read 0 700\n`,
    'which cache mode none needs',
    ['--cache-mode', 'none'],
  ],
  [
    'a length over 64 MiB',
    `${IOLOG}f read 0 67108865\n`,
    'line 5: length 67108865 is more than the 67108864 bytes',
  ],
  ['a number that is none', `${IOLOG}f read zero 512\n`, 'line 5: offset "zero" is no whole number'],
  ['a file read as another format', `${IOLOG}`, 'line 1: ', ['--format', 'msr-csv']],
  [
    'a record that stops in the middle',
    join([vscsiRecord(1), vscsiRecord(1).slice(0, 20)]),
    'record 2 at byte 32: ',
    ['--format', 'vscsi-v1'],
  ],
];

for (const [claim, content, message, args = []] of BAD_FILES) {
  errors(`${claim} is refused with its place and reason`, () =>
    withFolder(async (folder) => {
      const file = save(folder, 'bad', content);
      const { code, stdout, stderr } = await runCli(['replay', file, ...args]);
      assert.is(stdout, '', 'stdout');
      assert.ok(stderr.startsWith(`sectorlab: ${file}: `), stderr);
      assert.ok(stderr.includes(message), stderr);
      assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.is(code, 2);
    }),
  );
}

errors('what is refused with a report for people is refused with --json too', () =>
  withFolder(async (folder) => {
    await assertRefused(
      [save(folder, 'bad', `${IOLOG}f read -1 1\n`), '--json'],
      /line 5: offset -1 is negative/,
    );
  }),
);

errors('a missing file and a directory are refused by name', () =>
  withFolder(async (folder) => {
    const missing = path.join(folder, 'nothing.csv');
    await assertRefused([missing], /nothing\.csv: cannot be read: ENOENT/);
    mkdirSync(path.join(folder, 'traces'));
    await assertRefused([path.join(folder, 'traces')], /traces: cannot be read: EISDIR/);
  }),
);

errors('a format that does not exist is refused with those that do', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', (MADE_TRACES[0] as MadeTrace).content);
    await assertRefused([file, '--format', 'spc'], /"spc" is no format; there are fio-iolog-v2, .*msr-csv/);
  }),
);

/** Options that are refused before the trace is opened, and what the line says of them. */
const BAD_OPTIONS: readonly [args: string, message: RegExp][] = [
  ['--frobnicate', /unknown option '--frobnicate'/],
  ['--cahce 1MiB', /unknown option '--cahce'.*--cache/],
  ['--cache', /'--cache <size>' argument missing/],
  ['--cache lots', /argument 'lots' is invalid.*32MiB/],
  ['--cache -1', /argument '-1' is invalid/],
  ['--cache 1e9', /argument '1e9' is invalid/],
  ['--cache 9007199254740992', /argument '9007199254740992' is invalid/],
  ['--cache 0.3KiB', /argument '0.3KiB' is invalid/],
  ['--readahead on', /argument 'on' is invalid.*32MiB/],
  ['--readahead -1', /argument '-1' is invalid/],
  ['--batch 0', /whole number from 1 to 256/],
  ['--batch 257', /whole number from 1 to 256/],
  ['--batch 1.5', /whole number from 1 to 256/],
  ['--batch x', /whole number from 1 to 256/],
  ['--seed -1', /whole number from 0 to 4294967295/],
  ['--seed 4294967296', /whole number from 0 to 4294967295/],
  ['--skip-bad -1', /whole number from 0/],
  ['--channels 0', /whole number from 1 to 1024/],
  ['--through nvme', /Allowed choices are virtio, aio/],
  ['--cache-mode fast', /Allowed choices are writeback, none, writethrough, directsync, unsafe/],
  ['--dirty-ratio 101', /whole number from 0 to 100/],
  ['--dirty-background-ratio -1', /whole number from 0 to 100/],
  ['--dirty-bytes some', /argument 'some' is invalid/],
  ['--dirty-expire-centisecs x', /whole number from 0/],
  ['--eviction mru', /Allowed choices are linux, lru, fifo, clock, s3-fifo/],
  ['--payload some', /Allowed choices are full, none/],
  ['--drive tape', /drive is 'tape'; it must be one of instant, fixed, hdd, ssd, nvme/],
  ['--drive hdd,rmp=5400', /rmp is '5400'; it must be left out: what hdd knows is rpm, /],
  ['--drive hdd,rpm=fast', /rpm is 'fast'; it must be a whole number \(rpm\) from/],
  ['--drive ssd,readNs=60us,readNs=61us', /readNs is '61us'; it must be given once/],
  ['--drive fixed,channels', /drive is 'channels'; it must be NAME=VALUE/],
  ['--scheduler bfq', /Allowed choices are none, deadline/],
  ['--timing sometime', /It must be asap, trace, or closed:N/],
  ['--timing closed:', /It must be asap, trace, or closed:N/],
  ['--timing closed:-1', /It must be asap, trace, or closed:N/],
  ['--speedup fast', /decimal number such as 2, 0.5 or 10.25/],
  ['--speedup -2', /decimal number|argument missing/],
  ['another.csv', /too many arguments/],
];

for (const [args, message] of BAD_OPTIONS) {
  errors(`${args} is refused in one line`, () => assertRefused(['trace.csv', ...args.split(' ')], message));
}

/** Options that only the machine can refuse. */
const BAD_TOGETHER: readonly [args: string, message: RegExp][] = [
  ['--cache 0', /cache is '0 pages'; it must be from 4096 bytes/],
  ['--cache 4095', /cache is '0 pages'; it must be from 4096 bytes/],
  ['--cache 1TiB', /cache is .* it must be .*256 GiB/],
  ['--dirty-bytes 4096', /vm.dirtyBytes is 1; it must be in pages of 4096 bytes: 0, or 2 and more/],
  [
    '--dirty-bytes 8192 --dirty-ratio 5',
    /vm.dirtyBytes is .*; it must be left out when vm.dirtyRatio is given/,
  ],
  ['--block-size 1000', /blockSize is 1000; it must be/],
  ['--timing closed:0', /timing is 'closed:0'; it must be .*N from 1 to 1024/],
  ['--timing closed:1025', /timing is 'closed:1025'; it must be .*N from 1 to 1024/],
  ['--timing trace --speedup 0', /speedup is 0; it must be a number from 0.000001 to 1000000/],
  ['--speedup 2', /speedup is 2; it must be left out unless the timing is 'trace'/],
  ['--drive hdd --latency 5', /--latency is 5; it must be left out: the drive is hdd, not fixed/],
  ['--drive instant --channels 2', /--channels is 2; it must be left out: the drive is instant, not fixed/],
  ['--drive fixed,channels=0', /channels is 0; it must be from 1 to 1024/],
  ['--payload none --image disk.img', /payload is 'none'; it must be 'full' with --image/],
  ['--payload none --reopen', /payload is 'none'; it must be 'full'/],
];

for (const [args, message] of BAD_TOGETHER) {
  errors(`${args} is refused in one line, with the limit`, () =>
    withFolder(async (folder) => {
      const file = save(folder, 'trace', (MADE_TRACES[0] as MadeTrace).content);
      await assertRefused([file, ...args.split(' ')], message);
    }),
  );
}

errors('--timing trace of a format without times names the format', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', IOLOG);
    await assertRefused(
      [file, '--timing', 'trace'],
      /timing is 'trace'; it must be asap or closed:N for fio-iolog-v2: the format has no times/,
    );
  }),
);

errors('a request past the end of a disk with a size says how to make it larger', () =>
  withFolder(async (folder) => {
    const file = save(folder, 'trace', `${IOLOG}f read 1000000000000 4096\n`);
    await assertRefused(
      [file, '--drive', 'hdd,rpm=5400'],
      /line 5: offset 1000000000000 with length 4096 ends past the drive's end, 500107862016 bytes \(--drive hdd,rpm=5400,size=… makes/,
    );
    const larger = await runCli(['replay', file, '--drive', 'hdd,size=2TiB']);
    assert.is(larger.code, 0, larger.stderr);
  }),
);

errors('a trace of more devices than there are drives of a model names the line', () =>
  withFolder(async (folder) => {
    const names = Array.from({ length: 17 }, (_, index) => `f${index}`);
    const lines = names.flatMap((name) => [`${name} add`, `${name} open`, `${name} write 0 4096`]);
    const file = save(folder, 'trace', `fio version 2 iolog\n${lines.join('\n')}\n`);
    for (const payload of ['full', 'none']) {
      await assertRefused(
        [file, '--drive', 'ssd', '--payload', payload],
        /line 52: device 17 of the trace is one more than the 16 ssd drives that a replay has/,
      );
    }
  }),
);

errors('no trace and no such command are usage errors', async () => {
  await assertRefused([], /missing required argument 'trace'/);
  const { code, stdout, stderr } = await runCli(['repaly', 'trace.csv']);
  assert.is(code, 2);
  assert.is(stdout, '');
  assert.match(stderr, /unknown command 'repaly'/);
});

errors('a fault that can not be, a request that fails, and one that never ends', async () => {
  const sample = 'test/examples/sample.iolog.gz';
  const faulted = (rule: string, ...args: string[]) => [sample, '--drive', 'fixed', '--fault', rule, ...args];
  await assertRefused(faulted('flood'), /--fault.effect is 'flood'; it must be one of eio, short, /);
  await assertRefused(faulted('eio nth=0'), /--fault.nth is 0; /);
  await assertRefused(
    faulted('rot bits=1', '--payload', 'none'),
    /payload is 'none'; it must be 'full': rot needs bytes/,
  );
  await assertRefused(
    faulted('eio on=read nth=100'),
    /sample.iolog.gz: line \d+: the request failed with an I\/O error/,
  );
  await assertRefused(faulted('stuck nth=100'), /EDEADLK: .*a request never ends; timeoutNs of the drive/);
});

errors.run();
