// When a run is not measured, when the harness is broken, and what a verdict says then.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExploreDeviceOptions, FlushFacts, VerdictFacts } from '../../../src/explore/types.ts';
import { Verdict, VerdictError, WorkloadError } from '../../../src/index.ts';
import { explore, exploreDevice } from '../../support/explore.ts';
import { BUILDS } from '../../support/machine.ts';

const sector = (value: number) => new Uint8Array(512).fill(value);
const good = () => {};

const asserts = suite('what a verdict asserts');

const NEEDED: FlushFacts = {
  call: "fsync('/log')",
  stack: ['engine.ts:10:3', 'engine.ts:90:1'],
  step: 4,
  times: 1,
  need: 'needed',
  error: 'Error: lost',
  exhaustive: true,
};

const SURVIVED: VerdictFacts = {
  verdict: 'survived',
  reason: undefined,
  exhaustive: true,
  sampledPoints: 0,
  crashPoints: 5,
  states: 8,
  possibleStates: 8,
  distinctImages: 4,
  checkedImages: 4,
  failedImages: 0,
  recoveryImages: 0,
  findings: [],
  flushes: [NEEDED],
  acknowledged: 1,
  seed: 1,
  stopped: undefined,
  elapsedMs: 1,
};

/** What one of the two asserts throws, as text; undefined: nothing. */
function thrownBy(facts: Partial<VerdictFacts>, assertion: 'assertSurvived' | 'assertFlushesMatter') {
  const verdict = new Verdict({ ...SURVIVED, ...facts });
  try {
    verdict[assertion]();
    return undefined;
  } catch (error) {
    assert.instance(error, VerdictError);
    assert.is((error as VerdictError).verdict, verdict);
    return (error as VerdictError).message;
  }
}

asserts('only survived has survived; what did not is no matter of flushes', () => {
  assert.is(thrownBy({}, 'assertSurvived'), undefined);
  for (const verdict of ['violated', 'notMeasured', 'harnessBroken'] as const) {
    const facts = { verdict, reason: `it is ${verdict}` };
    const message = thrownBy(facts, 'assertSurvived');
    assert.ok(message !== undefined && message !== '', verdict);
    assert.is(thrownBy(facts, 'assertFlushesMatter'), message);
  }
});

asserts('flushes matter where each was tested and is needed', () => {
  const message = (flushes: readonly FlushFacts[]) => thrownBy({ flushes }, 'assertFlushesMatter');
  assert.is(message([NEEDED, NEEDED]), undefined);
  assert.is(message([]), 'no flush was tested');
  assert.is(
    message([
      NEEDED,
      { ...NEEDED, need: 'unnoticed' },
      { ...NEEDED, call: 'flush()', stack: [], need: 'untested' },
    ]),
    "  fsync('/log') at engine.ts:10:3: nothing notices its removal\n  flush(): was not tested",
  );
});

asserts.run();

for (const build of BUILDS) {
  const verdicts = suite(`verdicts (${build})`);

  verdicts('not measured: nothing was acknowledged', async () => {
    const verdict = await exploreDevice<number>(build, {
      workload({ device }) {
        device.write(0, sector(1));
        device.flush();
      },
      recover: good,
    });
    assert.is(verdict.verdict, 'notMeasured');
    assert.match(verdict.reason ?? '', /^nothing was acknowledged/);
    assert.throws(() => verdict.assertSurvived(), /nothing was acknowledged/);
  });

  verdicts('not measured: no flush', async () => {
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(1));
        ack(1);
      },
      recover: good,
    });
    assert.is(verdict.verdict, 'notMeasured');
    assert.match(verdict.reason ?? '', /^no flush and no FUA write reached the drive/);
  });

  verdicts('a forced write asks for durability as a flush does', async () => {
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(1), { fua: true });
        ack(1);
      },
      recover({ device, must }) {
        if (must.length > 0) assert.equal(device.read(0, 1), sector(1));
      },
    });
    assert.is(verdict.reason, undefined);
    assert.is(verdict.verdict, 'survived');
  });

  verdicts('not measured: nothing written, nothing volatile', async () => {
    const silent = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.flush();
        ack(1);
      },
      recover: good,
    });
    assert.is(silent.verdict, 'notMeasured');
    assert.match(silent.reason ?? '', /^the workload wrote nothing/);
    const same = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(0));
        device.flush();
        ack(1);
      },
      recover: good,
    });
    assert.is(same.verdict, 'notMeasured', 'what was there already can not be lost');
    assert.match(same.reason ?? '', /^no write was volatile/);
  });

  verdicts('with findings, violated wins over not measured', async () => {
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(1));
        ack(1);
      },
      recover({ device, must }) {
        for (const value of must) assert.is(device.read(0, 1)[0], value);
      },
    });
    assert.is(verdict.verdict, 'violated');
    assert.is(verdict.reason, undefined);
  });

  verdicts('a drive without a volatile cache needs no flush', async () => {
    const verdict = await exploreDevice<number>(build, {
      drive: { volatileWrites: 0 },
      workload({ device, ack }) {
        for (const value of [1, 2]) {
          device.write(value, sector(value));
          ack(value);
        }
      },
      recover({ device, must }) {
        for (const value of must) assert.is(device.read(value, 1)[0], value);
      },
    });
    assert.is(verdict.verdict, 'survived', verdict.reason);
  });

  verdicts('broken harness: the check fails without a crash', async () => {
    const verdict = await explore<string>(build, {
      workload({ fs, ack }) {
        fs.writeFileSync('/a', 'x', { flush: true });
        ack('a');
      },
      recover({ fs, crash }) {
        if (crash === 'none') fs.readFileSync('/never');
      },
    });
    assert.is(verdict.verdict, 'harnessBroken');
    assert.match(verdict.reason ?? '', /fails without any crash.*ENOENT.*\/never/s);
    assert.match(verdict.reason ?? '', /verdict\.test\.ts/, 'with the line of the check');
    assert.throws(() => verdict.assertSurvived(), /\/never/);
  });

  verdicts('broken harness: two runs differ, and where', async () => {
    let runs = 0;
    const verdict = await explore<string>(build, {
      workload({ fs, ack }) {
        fs.writeFileSync('/a', 'same', { flush: true });
        fs.writeFileSync('/b', `run ${++runs}`, { flush: true });
        ack('b');
      },
      recover: good,
    });
    assert.is(verdict.verdict, 'harnessBroken');
    assert.match(verdict.reason ?? '', /two runs of the workload differ: .*with other bytes/);
    assert.match(verdict.reason ?? '', /Math\.random/);
  });

  verdicts('broken harness: a run that does more than the other', async () => {
    let runs = 0;
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(1));
        if (runs++ > 0) device.write(7, sector(2));
        device.flush();
        ack(1);
      },
      recover: good,
    });
    assert.is(verdict.verdict, 'harnessBroken');
    assert.match(
      verdict.reason ?? '',
      /the first made a flush, of flush\('drive0'\) at .*verdict\.test\.ts.*, the second made a write of 1 sectors at 7, of write\('drive0', 512 bytes at 3584\)/,
    );
  });

  verdicts('what setup or workload throw is thrown on', async () => {
    const cause = new Error('no such luck');
    const fail = () => {
      throw cause;
    };
    const options: ExploreDeviceOptions<number> = { workload: good, recover: good };
    for (const [what, given] of Object.entries({ setup: { setup: fail }, workload: { workload: fail } })) {
      const error = await exploreDevice<number>(build, { ...options, ...given }).catch((thrown) => thrown);
      assert.instance(error, WorkloadError);
      assert.match(
        error.message,
        new RegExp(`^the ${what} threw: no such luck \\(verdict\\.test\\.ts:\\d+\\)$`),
      );
      assert.is(error.cause, cause);
    }
  });

  verdicts('a verdict is an error, a text and plain data', async () => {
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack }) {
        device.write(0, sector(1));
        ack(1);
        device.flush();
      },
      recover({ device, must }) {
        if (must.length > 0 && device.read(0, 1)[0] !== 1) throw new Error('1 is lost');
      },
    });
    assert.instance(verdict, Verdict);
    let thrown: unknown;
    try {
      verdict.assertSurvived();
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, VerdictError);
    assert.match((thrown as VerdictError).message, /1 is lost/);
    assert.is((thrown as VerdictError).verdict, verdict);
    assert.match(String(verdict), /violated/);
    const data = JSON.parse(JSON.stringify(verdict));
    assert.is(data.verdict, 'violated');
    assert.is(data.findings.length, verdict.findings.length);
    assert.is(data.crashPoints, verdict.crashPoints);
  });

  verdicts('a sampled run survives, and is not called exhaustive', async () => {
    const verdict = await exploreDevice<number>(build, {
      bound: 16,
      budget: { sample: 50 },
      workload({ device, ack }) {
        for (let value = 1; value <= 30; value++) device.write(value, sector(value));
        device.flush();
        ack(1);
      },
      recover({ device, must }) {
        if (must.length > 0) assert.is(device.read(30, 1)[0], 30);
      },
    });
    assert.is(verdict.verdict, 'survived', verdict.toString());
    assert.not(verdict.exhaustive);
    assert.ok(verdict.sampledPoints > 0);
    assert.ok(verdict.possibleStates > verdict.states);
    assert.match(String(verdict), /sample/);
    assert.not.match(String(verdict), /\bsafe\b|every state/);
  });

  verdicts.run();
}
