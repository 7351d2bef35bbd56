// Distributions and episodes in a drive's line: read, printed, read again; what is no such text is refused by name.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeDrive, parseDrive, printDrive } from '../../../src/core/drive-models/text.ts';
import { ConfigError } from '../../../src/errors.ts';

const texts = suite('timing text');

const LINES: [string, object][] = [
  ['hdd,latency=exponential', { latency: 'exponential' }],
  ['nvme,latency=lognormal:0.5', { latency: { lognormal: 0.5 } }],
  [
    'fixed,latency=histogram:50us*9/4ms*1',
    {
      latency: {
        histogram: [
          [50_000, 9],
          [4_000_000, 1],
        ],
      },
    },
  ],
  ['ssd,latency=factors:1*99/2.5*1', { latency: { factors: [[1, 99] as const, [2.5, 1] as const] } }],
  [
    'hdd,episodes=stall@1s+200ms;slow*4.5@0ns+5ms/20ms',
    {
      episodes: [
        { kind: 'stall', atNs: 1e9, lastsNs: 2e8 },
        { kind: 'slow', atNs: 0, lastsNs: 5e6, everyNs: 2e7, factor: 4.5 },
      ],
    },
  ],
];

for (const [line, expected] of LINES) {
  texts(`${line} is read, and printed as it was`, () => {
    const { model: _model, ...options } = parseDrive(line);
    assert.equal(options, expected);
    assert.is(printDrive(parseDrive(line)), line);
    assert.ok(describeDrive(parseDrive(line)).includes(line.slice(line.indexOf('=') + 1)));
  });
}

texts('what is neither is refused by name', () => {
  const bad = [
    'latency=uniform',
    'latency=lognormal',
    'latency=lognormal:x',
    'latency=histogram:5',
    'latency=histogram:5*',
    'latency=factors:1*2/',
    'episodes=stall',
    'episodes=stall*2@0s+1s',
    'episodes=slow@0s+1s',
    'episodes=slow*x@0s+1s',
    'episodes=stall@0s',
    'episodes=stall@0s+1s;',
  ];
  for (const part of bad) {
    try {
      parseDrive(`hdd,${part}`);
      assert.unreachable(part);
    } catch (error) {
      assert.instance(error, ConfigError, part);
      assert.ok(
        (error as Error).message.startsWith(part.slice(0, part.indexOf('='))),
        (error as Error).message,
      );
    }
  }
});

texts.run();
