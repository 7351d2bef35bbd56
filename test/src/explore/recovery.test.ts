// Crashes during recovery (behaviour 22), on the log of xv6 (kernel/log.c): sectors 0 and 1 hold the log, 2 its header, 3 to 5 the homes.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BlockDevice, ConfigError } from '../../../src/index.ts';
import { exploreDevice } from '../../support/explore.ts';
import { BUILDS } from '../../support/machine.ts';

const HEADER = 2;
const HOME = 3;
const HOMES = [0, 1, 2];

const sector = (...bytes: number[]): Uint8Array => {
  const data = new Uint8Array(512);
  data.set(bytes);
  return data;
};

interface Flushes {
  readonly log?: boolean;
  readonly header?: boolean;
  readonly homes?: boolean;
}
const ALL: Flushes = { log: true, header: true, homes: true };

/** Writes two homes in one transaction. */
function transact(
  device: BlockDevice,
  homes: readonly [number, number],
  values: readonly [number, number],
  flushes: Flushes,
): void {
  const flush = (isAsked: boolean | undefined) => isAsked === true && device.flush();
  for (const place of [0, 1] as const) device.write(place, sector(values[place]));
  flush(flushes.log);
  device.write(HEADER, sector(homes[0] + 1, homes[1] + 1));
  flush(flushes.header);
  for (const place of [0, 1] as const) device.write(HOME + homes[place], sector(values[place]));
  flush(flushes.homes);
  device.write(HEADER, sector());
  device.flush();
}

/** Copies the log home when the header names homes; the homes afterwards. */
function recoverLog(device: BlockDevice, isFlushing = true): string {
  const header = device.read(HEADER, 1);
  if (header[0] !== 0) {
    for (const place of [0, 1])
      if (header[place] !== 0) device.write(HOME + (header[place] ?? 0) - 1, device.read(place, 1));
    if (isFlushing) device.flush();
    device.write(HEADER, sector());
    device.flush();
  }
  return HOMES.map((home) => device.read(HOME + home, 1)[0]).join(' ');
}

function run(
  build: (typeof BUILDS)[number],
  flushes: Flushes,
  options: {
    recoveryDepth?: number;
    recover?: (device: BlockDevice) => string;
    returns?: boolean;
  } = {},
) {
  const { recover = recoverLog, recoveryDepth = 0, returns = true } = options;
  return exploreDevice<string>(build, {
    drive: { size: '1MiB' },
    tearing: 'none',
    recoveryDepth,
    workload({ device, ack }) {
      transact(device, [0, 1], [11, 12], flushes);
      ack('11 12 0');
      transact(device, [1, 2], [22, 23], flushes);
      ack('11 22 23');
    },
    recover({ device, must, may }) {
      const homes = recover(device);
      const allowed = ['0 0 0', ...may].slice(must.length);
      if (!allowed.includes(homes)) throw new Error(`the homes hold ${homes}`);
      return returns ? homes : undefined;
    },
  });
}

for (const build of BUILDS) {
  const xv6 = suite(`the log of xv6, explored (${build})`);

  xv6('with all its flushes survives every state', async () => {
    const verdict = await run(build, ALL);
    assert.is(verdict.verdict, 'survived', verdict.toString());
    assert.ok(verdict.exhaustive);
    assert.equal([verdict.states, verdict.distinctImages], [41, 17]);
  });

  for (const missing of ['log', 'header', 'homes'] as const) {
    xv6(`without the flush behind the ${missing} does not`, async () => {
      const verdict = await run(build, { ...ALL, [missing]: false });
      assert.is(verdict.verdict, 'violated');
      assert.match(verdict.findings[0]?.error ?? '', /the homes hold/);
    });
  }

  xv6('22: crashes during its recovery, two deep, lead to the same state', async () => {
    const once = await run(build, ALL, { recoveryDepth: 1 });
    assert.is(once.verdict, 'survived', once.toString());
    assert.ok(once.exhaustive);
    assert.ok(once.recoveryImages > 0);
    const twice = await run(build, ALL, { recoveryDepth: 2 });
    assert.is(twice.verdict, 'survived', twice.toString());
    assert.ok(twice.recoveryImages >= once.recoveryImages);
  });

  xv6('22: a recovery that forgets its own flush fails only when it crashes itself', async () => {
    const recover = (device: BlockDevice) => recoverLog(device, false);
    assert.is((await run(build, ALL, { recover })).verdict, 'survived');
    const nested = await run(build, ALL, { recover, recoveryDepth: 1 });
    assert.is(nested.verdict, 'violated');
    const [finding] = nested.findings;
    assert.is(finding?.depth, 1);
    assert.is(finding?.recipe.states.length, 2);
  });

  xv6('22: a recovery that is not idempotent is told by what it returns', async () => {
    // counts in a sector of its own how often it has run
    const recover = (device: BlockDevice) => {
      const header = device.read(HEADER, 1);
      if (header[0] === 0) return recoverLog(device);
      const runs = (device.read(9, 1)[0] ?? 0) + 1;
      device.write(9, sector(runs));
      device.flush();
      return recoverLog(device);
    };
    const state = (device: BlockDevice) => `${recover(device)}`;
    assert.is((await run(build, ALL, { recover: state, recoveryDepth: 1 })).verdict, 'survived');
    const verdict = await exploreDevice<number>(build, {
      drive: { size: '1MiB' },
      recoveryDepth: 1,
      workload({ device, ack }) {
        device.write(HEADER, sector(1));
        device.flush();
        ack(1);
      },
      recover({ device }) {
        const runs = (device.read(9, 1)[0] ?? 0) + 1;
        device.write(9, sector(runs));
        device.flush();
        return runs;
      },
    });
    assert.is(verdict.verdict, 'violated');
    assert.match(verdict.findings[0]?.error ?? '', /RecoveryDiffersError: .*returns 2, without that crash 1/);
  });

  xv6('22: a recovery that crashes finds the same promises again', async () => {
    for (const recoveryDepth of [1, 2]) {
      const verdict = await exploreDevice<string>(build, {
        drive: { size: '1MiB' },
        recoveryDepth,
        workload({ device, ack, attempt }) {
          for (const [place, name] of ['a', 'b', 'c'].entries()) {
            attempt(name);
            device.write(place, sector(1));
            device.flush();
            ack(name);
          }
        },
        recover({ device, must, may }) {
          for (const place of [8, 9]) {
            device.write(place, sector(1));
            device.flush();
          }
          return [must, may];
        },
      });
      assert.is(verdict.verdict, 'survived', verdict.toString());
      assert.ok(verdict.recoveryImages > 0);
    }
  });

  xv6('22: what recovery returns must be a JSON value, where it is compared', async () => {
    const explored = (recoveryDepth: number) =>
      exploreDevice<number>(build, {
        drive: { size: '1MiB' },
        recoveryDepth,
        workload({ device, ack }) {
          device.write(0, sector(1));
          device.flush();
          ack(1);
        },
        recover: () => 1n,
      });
    assert.is((await explored(0)).verdict, 'survived');
    const error = await explored(1).catch((thrown) => thrown);
    assert.instance(error, ConfigError);
    assert.is(error.field, 'recover');
  });

  xv6.run();
}
