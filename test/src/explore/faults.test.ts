// Fault runs: engines with planted mistakes about errors, what is said of each, and every fault of the catalogue counted on its own.
//
// test-timeout: 120

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../../src/adapters/node-fs.ts';
import { openNodeImages } from '../../../src/backing/node-files.ts';
import type { Counters } from '../../../src/counters.ts';
import { ConfigError, InternalError } from '../../../src/errors.ts';
import { WorkloadError } from '../../../src/explore/explore-reasons.ts';
import { exploreFaultsOn } from '../../../src/explore/faults.ts';
import { REPORTED_FAULTS } from '../../../src/explore/faults-plan.ts';
import { FaultPromises } from '../../../src/explore/faults-promises.ts';
import type { FaultReport } from '../../../src/explore/faults-report.ts';
import type { ExploreFaultsOptions } from '../../../src/explore/faults-types.ts';
import { FAULT_EFFECTS, type FaultEffect, OPERATIONS, operationsOf } from '../../../src/faults/table.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, coreModule, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { Log, type LogOptions } from './faults-log.ts';

const RECORDS = ['one', 'two', 'three'];

type Options = Partial<ExploreFaultsOptions<string, NodeFs>>;

/** The log's workload and check: what is acknowledged is there, and nothing else than what was begun. */
function exploreLog(build: Build, how: LogOptions, options: Options = {}): Promise<FaultReport> {
  return exploreFaultsOn<string, NodeFs>(
    { core: () => coreModule(build), openImages: openNodeImages },
    (machine) => nodeFs(machine),
    {
      setup: ({ fs }) => Log.create(fs),
      workload({ fs, ack, machine }) {
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        const log = new Log(fs, how);
        for (const record of RECORDS) {
          log.append(record);
          ack(record);
        }
      },
      recover({ fs, must, may }) {
        const found = new Log(fs, how).records();
        for (const record of must) assert.ok(found.includes(record), `${record} is lost`);
        for (const record of found) assert.ok(may.includes(record), `${record} was never written`);
      },
      ...options,
    },
  );
}

/** Outcomes of the runs, by effect, without repetitions: 'eio handled'. */
const outcomesOf = (report: FaultReport): string[] =>
  [...new Set(report.runs.map(({ effect, outcome }) => `${effect} ${outcome}`))].sort();

/** The requests that a drive has been given between two moments: by its counters, and those with FUA by the write log. */
class Requests {
  readonly #machine: Machine;
  readonly #before: Counters['drive'];
  readonly #logBytes: number;
  #counts: Readonly<Record<string, number>> = {};
  #forced: readonly string[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#before = { ...machine.counters.drive };
    this.#logBytes = machine.writeLog.bytes;
  }

  take(): Requests {
    const { drive } = this.#machine.counters;
    const since = (name: keyof Counters['drive']) => drive[name] - this.#before[name];
    this.#counts = {
      read: since('reads'),
      write: since('writes'),
      discard: since('discards'),
      writeZeroes: since('writeZeroes'),
      flush: since('flushes'),
    };
    this.#forced = [...this.#machine.writeLog.entries()].flatMap((entry) =>
      entry.offset >= this.#logBytes && entry.kind === 'submit' && entry.isFua ? [entry.operation] : [],
    );
    return this;
  }

  /** Those that an effect concerns. */
  count(effect: FaultEffect, operation: string): number {
    if (effect === 'ignoredFua') return this.#forced.filter((forced) => forced === operation).length;
    return this.#counts[operation] as number;
  }
}

for (const build of BUILDS) {
  const faults = suite(`fault runs (${build})`);

  faults('an engine that ignores errors of fsync loses silently, and its line is named', async () => {
    const report = await exploreLog(
      build,
      { onSyncError: 'ignore' },
      { faults: ['eio on=write', 'failedFlush'] },
    );
    assert.is(report.verdict, 'violated');
    assert.equal(
      report.findings.map(({ effect, outcome, call }) => [effect, outcome, call]),
      [
        ['eio', 'silentLoss', "fdatasync('/log')"],
        ['failedFlush', 'silentLoss', "fdatasync('/log')"],
      ],
    );
    const [finding] = report.findings;
    assert.match(finding?.stack[0] ?? '', /#sync .*faults-log\.ts:\d+/);
    assert.match(
      finding?.sentence ?? '',
      /^silent loss after a power cut: .*three is lost; 'eio on=write nth=3 times=once', met by fdatasync\('\/log'\) at .*#sync/,
    );
    assert.throws(() => report.assertHandled(), /silent loss/);
  });

  faults('behaviour 31: one that tries fsync again is told 0, and loses silently', async () => {
    const report = await exploreLog(build, { onSyncError: 'retry' }, { faults: ['failedFlush'] });
    const [finding] = report.findings;
    assert.equal(
      [finding?.outcome, finding?.first.look, finding?.first.reported],
      ['silentLoss', 'power', undefined],
    );
    assert.match(finding?.stack[0] ?? '', /#sync/);
  });

  faults('one that passes errors on survives every fault that is reported', async () => {
    const report = await exploreLog(build, {}, { faults: REPORTED_FAULTS });
    assert.equal(report.findings, []);
    assert.is(report.verdict, 'survived');
    assert.ok(report.exhaustive);
    report.assertHandled();
    assert.ok(report.runs.some(({ reported }) => reported?.includes('EIO')));
  });

  faults('rot and latent errors are noticed with checksums, and wrong answers without', async () => {
    const checked = await exploreLog(
      build,
      { hasChecksums: true },
      { faults: ['rot bits=64 on=write', 'latent on=write'] },
    );
    assert.is(checked.verdict, 'survived');
    assert.equal(outcomesOf(checked), ['latent handled', 'latent noticed', 'rot handled', 'rot noticed']);
    assert.match(
      checked.findings.map(({ sentence }) => sentence).join('\n'),
      /damage noticed .*DamagedLogError/,
    );
    const blind = await exploreLog(build, {}, { faults: ['rot bits=64 on=write'] });
    assert.is(blind.verdict, 'violated');
    assert.ok(outcomesOf(blind).includes('rot wrongAnswer'));
  });

  faults('an error that the engine has for damage is noticed when isNoticed says so', async () => {
    const how: Options = {
      faults: ['rot bits=64 on=write'],
      recover({ fs }) {
        try {
          new Log(fs, { hasChecksums: true }).records();
        } catch {
          throw new TypeError('bad log');
        }
      },
      workload({ fs }) {
        new Log(fs, { hasChecksums: true }).append('one');
      },
    };
    const blind = await exploreLog(build, {}, how);
    assert.equal(outcomesOf(blind), ['rot wrongAnswer']);
    const asked = await exploreLog(build, {}, { ...how, isNoticed: (error) => error instanceof TypeError });
    assert.equal(outcomesOf(asked), ['rot noticed']);
  });

  faults('damage that nothing has done is no excuse: to notice it is to refuse', async () => {
    const report = await exploreLog(
      build,
      {},
      {
        faults: ['eio on=write'],
        recover({ fs, must }) {
          const found = new Log(fs).records();
          if (found.length < RECORDS.length)
            throw Object.assign(new Error(`${must.length}`), { code: 'ECORRUPT' });
        },
      },
    );
    assert.ok(outcomesOf(report).includes('eio refused'));
    assert.is(report.verdict, 'violated');
  });

  faults(
    'behaviour 32: no room at the n-th write is told by fsync, and nothing past it is acknowledged',
    async () => {
      const setup: Options['setup'] = ({ fs }) => fs.writeFileSync('/log', '', { flush: true });
      const report = await exploreLog(build, {}, { setup, faults: ['enospc', 'enospc times=ever'] });
      assert.equal(report.findings, []);
      assert.ok(report.runs.length >= 2 * RECORDS.length);
      const told = report.runs.filter(({ reported }) => reported?.includes('ENOSPC'));
      assert.ok(told.length > 0);
      for (const { acknowledged } of told) assert.ok(acknowledged < RECORDS.length);
      const deaf = await exploreLog(
        build,
        { onSyncError: 'ignore' },
        { setup, faults: ['enospc times=ever'] },
      );
      assert.ok(outcomesOf(deaf).includes('enospc silentLoss'));
    },
  );

  faults(
    'behaviour 33: a slow request is waited for; a stuck one fails after 30 s, or hangs where the drive never gives up',
    async () => {
      const slow = await exploreLog(build, {}, { faults: ['slow', 'queueFull', 'reorder'] });
      assert.equal(outcomesOf(slow), ['queueFull handled', 'reorder handled', 'slow handled']);
      const timed = await exploreLog(build, {}, { faults: ['stuck on=write'] });
      assert.equal(outcomesOf(timed), ['stuck handled']);
      assert.ok(timed.runs.every(({ reported }) => reported?.includes('ETIMEDOUT')));
      const patient = { faults: ['stuck on=write'], drive: { timeoutNs: 0 } };
      const hung = await exploreLog(build, {}, patient);
      assert.equal(outcomesOf(hung), ['stuck hang']);
      assert.equal(
        hung.findings.map(({ call }) => call),
        ["fdatasync('/log')"],
      );
      const deaf = await exploreLog(build, { onSyncError: 'ignore' }, patient);
      assert.not.ok(outcomesOf(deaf).includes('stuck handled'), 'Linux would not have answered');
    },
  );

  faults(
    'behaviour 30: lost and misdirected writes and lying flushes are silent losses, as nothing tells of them',
    async () => {
      const report = await exploreLog(
        build,
        {},
        {
          faults: ['lostWrite', { effect: 'misdirectedWrite', to: '1MiB' }, 'ignoredFlush times=ever'],
        },
      );
      const losses = report.findings.filter(({ outcome }) => outcome === 'silentLoss');
      assert.equal(losses.map(({ effect }) => effect).sort(), [
        'ignoredFlush',
        'lostWrite',
        'misdirectedWrite',
      ]);
      for (const { call } of losses) assert.is(call, "fdatasync('/log')");
    },
  );

  faults(
    'a recovery that takes a failed read for no data is wrong; one that passes it on is not',
    async () => {
      const faulty = { faults: ['eio on=read times=ever'] };
      const good = await exploreLog(build, {}, faulty);
      assert.equal(good.findings, []);
      const [run] = good.runs.filter(({ phase }) => phase === 'recovery');
      assert.match(run?.reported ?? '', /EIO/);
      const bad = await exploreLog(build, { hidesReadErrors: true }, faulty);
      const [finding] = bad.findings;
      assert.equal(
        [finding?.outcome, finding?.phase, finding?.first.look, finding?.call],
        ['wrongAnswer', 'recovery', 'during', "read('/log', 4096 bytes at 0)"],
      );
      const without = await exploreLog(build, { hidesReadErrors: true }, { ...faulty, recovery: false });
      assert.equal(without.findings, []);
    },
  );

  faults('a recovery that clears what it can not read loses it for the next one, too', async () => {
    const report = await exploreLog(
      build,
      {},
      {
        faults: ['eio on=read times=ever'],
        recover({ fs, must }) {
          let found: string[];
          try {
            found = new Log(fs).records();
          } catch {
            Log.create(fs);
            return;
          }
          for (const record of must) assert.ok(found.includes(record), `${record} is lost`);
        },
      },
    );
    const [finding] = report.findings;
    assert.equal([finding?.outcome, finding?.first.look], ['silentLoss', 'afterwards']);
  });

  faults('every effect is tried at as many requests as there are of its operations', async () => {
    const seen: { workload?: Requests; recovery?: Requests } = {};
    const how: Options = {
      faults: FAULT_EFFECTS,
      workload({ fs, ack, machine }) {
        const requests = new Requests(machine);
        new Log(fs).append('one');
        ack('one');
        const device = machine.blockDevice();
        device.write(30_000, new Uint8Array(512).fill(1), { fua: true });
        device.discard(30_000, 8);
        for (const fua of [false, true]) device.writeZeroes(30_016, 8, { fua });
        seen.workload ??= requests.take();
      },
      recover({ fs, machine }) {
        const requests = new Requests(machine);
        new Log(fs).records();
        machine.blockDevice().write(30_000, new Uint8Array(512));
        seen.recovery ??= requests.take();
      },
    };
    const report = await exploreLog(build, {}, how);
    assert.is(report.reason, undefined);
    assert.ok(report.exhaustive);
    for (const { effect, operation, phase, points, fault } of report.coverage)
      assert.is(points, seen[phase]?.count(effect, operation), `${phase}: ${fault}`);
    for (const effect of FAULT_EFFECTS) {
      const tried = report.coverage.filter((one) => one.effect === effect);
      assert.equal(
        new Set(tried.map(({ operation }) => operation)).size,
        effect === 'enospc' ? 1 : operationsOf(effect).length,
        effect,
      );
      assert.ok(
        tried.some(({ hits }) => hits > 0),
        `${effect} hits something`,
      );
    }
    for (const operation of OPERATIONS)
      assert.ok((seen.workload?.count('eio', operation) ?? 0) > 0, `there is a ${operation}`);
  });

  faults('the same report again, and of a run that went on after the fault', async () => {
    const options: Options = {
      faults: ['eio', 'misdirectedWrite', 'rot on=write', 'flaky'],
      workload({ fs, ack, attempt }) {
        const log = new Log(fs);
        for (const record of RECORDS) {
          attempt(record);
          try {
            log.append(record);
          } catch {
            continue; // its user is told; the log overwrites what is there
          }
          ack(record);
        }
      },
    };
    const reports: string[] = [];
    for (const on of [build, build, build === 'debug' ? 'release' : 'debug'] as const)
      reports.push(JSON.stringify(await exploreLog(on, {}, options)));
    const [one, again, other] = reports;
    assert.match(one ?? '', /"acknowledged":2/);
    assert.ok(again === one, 'the same in a second run');
    assert.ok(other === one, 'and in the other build');
  });

  faults('a promise that is never settled hangs, and the runs after it are as before', async () => {
    const report = await exploreLog(
      build,
      {},
      {
        faults: ['eio on=write'],
        recoverTimeoutMs: 100,
        async workload({ fs, ack }) {
          const log = new Log(fs);
          for (const record of RECORDS) {
            try {
              log.append(record);
            } catch {
              if (record === 'one') await new Promise(() => {});
              throw new Error(`${record} has failed`);
            }
            ack(record);
          }
        },
      },
    );
    assert.equal(
      report.runs.map(({ outcome, acknowledged }) => [outcome, acknowledged]),
      [
        ['hang', 0],
        ['handled', 1],
        ['handled', 2],
      ],
    );
  });

  faults('a recovery that is never settled hangs, too, and what it does later is not seen', async () => {
    const late: Promise<unknown>[] = [];
    const report = await exploreLog(
      build,
      {},
      {
        faults: ['gone on=read', 'eio on=read times=ever'],
        recoverTimeoutMs: 50,
        async recover({ fs, must }) {
          try {
            assert.is(new Log(fs).records().length, must.length);
          } catch (error) {
            if (late.length > 0) throw error;
            const waited = new Promise((resolve) => setTimeout(resolve, 100));
            late.push(waited.then(() => fs.unlinkSync('/log')).catch(() => undefined));
            await waited;
          }
        },
      },
    );
    await Promise.all(late);
    const recoveries = report.runs.filter(({ phase }) => phase === 'recovery');
    assert.equal(
      recoveries.map(({ effect, outcome }) => `${effect} ${outcome}`),
      ['gone hang', 'eio handled'],
    );
  });

  faults('faults that the drive has by itself are no hits of the one that is tried', async () => {
    const drive = { faults: ['slow delay=1ms'] };
    const report = await exploreLog(build, {}, { faults: ['eio on=flush'], drive });
    assert.ok(report.runs.every(({ syscall }) => syscall === 'fdatasync'));
    assert.is(report.runs.length, RECORDS.length);
  });

  faults('an assertion of the core is told as our bug', async () => {
    let runs = 0;
    const report = await exploreLog(
      build,
      {},
      {
        faults: ['eio on=write'],
        workload({ fs }) {
          runs++;
          new Log(fs, { onSyncError: 'ignore' }).append('one');
          if (runs > 1) throw new InternalError('planted', 1, 2, undefined);
        },
        recover: () => undefined,
      },
    );
    assert.equal(outcomesOf(report), ['eio died']);
    assert.match(report.findings[0]?.sentence ?? '', /our bug/);
  });

  faults('a check that fails without a fault is no finding', async () => {
    const wrong = await exploreLog(build, {}, { recover: () => assert.ok(false, 'always') });
    assert.is(wrong.verdict, 'harnessBroken');
    assert.match(wrong.reason ?? '', /recovery fails without a fault, after a power cut.*always/);
    assert.throws(() => wrong.assertHandled(), /without a fault/);
    const failing = await exploreLog(build, {}, { workload: () => assert.ok(false, 'at once') });
    assert.match(failing.reason ?? '', /the workload fails without a fault.*at once/);
    try {
      await exploreLog(build, {}, { setup: () => assert.ok(false, 'no room') });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, WorkloadError);
      assert.match((error as Error).message, /setup/);
    }
    const idle = await exploreLog(build, {}, { workload: () => undefined, recover: () => undefined });
    assert.is(idle.verdict, 'notMeasured');
    assert.throws(() => idle.assertHandled(), /no fault hit any request/);
  });

  faults('budget, points, signal and progress', async () => {
    const few = await exploreLog(build, {}, { faults: ['eio'], budget: { runs: 2 } });
    assert.equal([few.runs.length, few.stopped, few.exhaustive], [2, 'runs', false]);
    assert.throws(() => few.assertHandled(), /stopped before every request was tried \(runs\)/);
    const capped = await exploreLog(build, {}, { faults: ['eio on=write'], maxPoints: 2 });
    assert.equal([capped.runs.length, capped.stopped, capped.exhaustive], [2, undefined, false]);
    const timed = await exploreLog(build, {}, { faults: ['eio'], budget: { seconds: 0 } });
    assert.is(timed.stopped, 'seconds');
    const controller = new AbortController();
    const told: number[] = [];
    const whole = await exploreLog(
      build,
      {},
      {
        faults: ['eio'],
        onProgress: ({ phase, done }) => told.push(phase === 'faults' ? done : Number.NaN),
      },
    );
    assert.is(told.at(-1), whole.runs.length);
    let runs = 0;
    const aborted = await exploreLog(
      build,
      {},
      {
        faults: ['eio'],
        signal: controller.signal,
        workload({ fs }) {
          if (++runs === 3) controller.abort();
          new Log(fs).append('one');
        },
        recover: () => undefined,
      },
    );
    // the clean run, one with a fault at the only read, and one that finds no second read
    assert.equal([aborted.runs.length, aborted.stopped, aborted.exhaustive], [1, 'signal', false]);
  });

  faults('what is no fault to try is refused', async () => {
    const refused = async (fault: unknown, field: RegExp) => {
      try {
        await exploreLog(build, {}, { faults: [fault as string] });
        assert.unreachable();
      } catch (error) {
        assert.instance(error, ConfigError);
        assert.match((error as ConfigError).field, field);
      }
    };
    await refused('eio nth=3', /faults\[0\]\.nth/);
    await refused({ effect: 'eio', every: 2 }, /faults\[0\]\.every/);
    await refused('eio on=sideways', /faults\[0\]\.on/);
    await refused('nonsense on=write', /effect/);
    await refused('rot on=flush', /faults\[0\]\.on/);
  });

  faults.run();
}

const promises = suite('promises of a fault run');

function promisesOf(...steps: readonly (readonly ['attempt' | 'ack', string])[]): FaultPromises<string> {
  const book = new FaultPromises<string>();
  for (const [verb, value] of steps) book[verb](value);
  return book;
}

promises('a value that failed may be there, one that was not come to may not', () => {
  const clean = promisesOf(['ack', 'a'], ['ack', 'b'], ['ack', 'c'], ['ack', 'd']);
  const failed = promisesOf(['ack', 'a']);
  assert.equal([failed.must, failed.may(clean)], [['a'], ['a', 'b']]);
  const wentOn = promisesOf(['ack', 'a'], ['ack', 'c']);
  assert.equal(
    [wentOn.must, wentOn.may(clean)],
    [
      ['a', 'c'],
      ['a', 'c', 'b', 'd'],
    ],
  );
  assert.equal(promisesOf().may(clean), ['a']);
  assert.equal(clean.may(clean), ['a', 'b', 'c', 'd']);
});

promises('a value that is announced is not begun by the one before it', () => {
  const clean = promisesOf(['attempt', 'a'], ['ack', 'a'], ['attempt', 'b'], ['ack', 'b']);
  assert.equal(promisesOf(['attempt', 'a'], ['ack', 'a']).may(clean), ['a']);
  assert.equal(promisesOf(['attempt', 'a']).may(clean), ['a']);
  assert.equal(promisesOf(['attempt', 'a']).must, []);
});

promises('values are the same when they are written the same; equal ones are counted', () => {
  const clean = promisesOf(['ack', 'a'], ['ack', 'a'], ['ack', 'b']);
  assert.equal(promisesOf(['ack', 'a']).may(clean), ['a', 'a']);
  const book = new FaultPromises<object>();
  book.attempt({ key: 1n });
  book.ack({ key: 1n });
  assert.equal([book.must.length, book.may(book).length], [1, 1]);
});

promises.run();
