// The search: kinds of crash, budgets, signal, progress, what hangs, images that arise under contradicting promises.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, type ExploreProgress } from '../../../src/index.ts';
import { explore, exploreDevice } from '../../support/explore.ts';
import { BUILDS } from '../../support/machine.ts';

const sector = (value: number) => new Uint8Array(512).fill(value);

/** 2^`count` images, and a flush. */
const many = (count: number) => ({
  workload({ device, ack }: Parameters<Parameters<typeof exploreDevice<number>>[1]['workload']>[0]) {
    for (let value = 1; value <= count; value++) device.write(value, sector(value));
    device.flush();
    ack(count);
  },
});

for (const build of BUILDS) {
  const search = suite(`searching crash images (${build})`);

  search('a budget of images is kept, and spread over the log', async () => {
    const steps = new Set<number>();
    const verdict = await exploreDevice<number>(build, {
      ...many(12),
      budget: { images: 40 },
      recover({ device }) {
        for (let value = 12; value > 0; value--) {
          if (device.read(value, 1)[0] !== value) continue;
          steps.add(value);
          break;
        }
      },
    });
    assert.is(verdict.checkedImages, 40);
    assert.is(verdict.stopped, 'images');
    assert.not(verdict.exhaustive);
    assert.ok(steps.has(12) && steps.size >= 6, `writes up to ${[...steps]}`);
  });

  search('a budget of seconds ends it', async () => {
    const verdict = await exploreDevice<number>(build, {
      ...many(16),
      budget: { seconds: 0.3 },
      recover() {},
    });
    assert.is(verdict.stopped, 'seconds');
    assert.ok(verdict.checkedImages > 0, 'some were checked all the same');
    assert.ok(verdict.checkedImages < 65_536);
    assert.is(verdict.verdict, 'survived');
    assert.not(verdict.exhaustive);
  });

  search('once it fails, images that fail in no new way end it; one that never fails goes on', async () => {
    const careless = {
      ...many(9),
      budget: { alike: 20 },
      recover({ device }: Parameters<Parameters<typeof exploreDevice<number>>[1]['recover']>[0]) {
        const [first, second] = [device.read(1, 1)[0], device.read(2, 1)[0]];
        if (first === 0 && second !== 0) throw new Error('the second without the first');
      },
    };
    const verdict = await exploreDevice<number>(build, careless);
    assert.equal([verdict.verdict, verdict.stopped, verdict.exhaustive], ['violated', 'alike', false]);
    assert.ok(verdict.checkedImages >= 20 && verdict.checkedImages < 100, `${verdict.checkedImages} checked`);
    assert.match(String(verdict), /; stopped early, as many more images showed no new kind of failure\n/);
    const whole = await exploreDevice<number>(build, {
      ...careless,
      budget: { alike: Number.POSITIVE_INFINITY },
    });
    assert.equal([whole.stopped, whole.checkedImages, whole.exhaustive], [undefined, 512, true]);
    const good = await exploreDevice<number>(build, { ...careless, recover() {} });
    assert.equal([good.verdict, good.checkedImages, good.exhaustive], ['survived', 512, true]);
  });

  search('where one kind of crash is cut off so, the next is still gone through', async () => {
    const kinds: string[] = [];
    const verdict = await exploreDevice<number>(build, {
      ...many(8),
      crash: ['power', 'process'],
      budget: { alike: 5 },
      recover({ crash, device }) {
        kinds.push(crash);
        if (crash === 'power' && device.read(1, 1)[0] === 0) throw new Error('cut');
      },
    });
    assert.is(verdict.verdict, 'violated');
    assert.ok(kinds.includes('process'), [...new Set(kinds)].join());
  });

  search('a signal ends it, and what was measured by then is told', async () => {
    const stop = new AbortController();
    let runs = 0;
    const verdict = await exploreDevice<number>(build, {
      ...many(14),
      signal: stop.signal,
      recover() {
        if (++runs === 100) stop.abort();
      },
    });
    assert.is(verdict.stopped, 'signal');
    assert.ok(verdict.checkedImages >= 99 && verdict.checkedImages < 16_384);
  });

  search('aborted before it began, nothing is measured', async () => {
    const verdict = await exploreDevice<number>(build, {
      ...many(2),
      signal: AbortSignal.abort(),
      recover() {},
    });
    assert.is(verdict.verdict, 'notMeasured');
    assert.match(verdict.reason ?? '', /no image was checked/);
  });

  search('it tells how far it is, and lets others run', async () => {
    const told: ExploreProgress[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await exploreDevice<number>(build, {
      ...many(12),
      onProgress: (progress) => told.push(progress),
      recover() {},
    });
    clearInterval(timer);
    assert.ok(turns > 3, `${turns} turns`);
    assert.equal(told[0], { phase: 'record', done: 0, total: 2, failed: 0 });
    const checks = told.filter(({ phase }) => phase === 'check');
    assert.ok(checks.length > 0);
    checks.forEach(({ done, total, failed }, index) => {
      assert.ok(done >= (checks[index - 1]?.done ?? 0) && done <= 4096);
      assert.equal([total, failed], [4096, 0]);
    });
  });

  search('different failures are kept apart, equal ones are one finding; enough are enough', async () => {
    const options = {
      ...many(6),
      recover: ({ device }: { device: import('../../../src/index.ts').BlockDevice }) => {
        for (let value = 1; value < 6; value++)
          if (device.read(value, 1)[0] === 0 && device.read(value + 1, 1)[0] !== 0) {
            if (value === 1) throw new TypeError(`sector ${value} is empty`);
            throw new RangeError(`sector ${value} is empty, '${value + 1}' is not`);
          }
      },
    };
    const all = await exploreDevice<number>(build, options);
    assert.is(all.findings.length, 2);
    assert.is(
      all.findings.reduce((sum, { images }) => sum + images, 0),
      all.failedImages,
    );
    const first = await exploreDevice<number>(build, { ...options, maxFindings: 1 });
    assert.is(first.findings.length, 1);
    assert.is(first.stopped, 'findings');
    assert.ok(first.failedImages < all.failedImages);
  });

  search('asynchronous workloads and recoveries, on files', async () => {
    const run = (isSyncing: boolean) =>
      explore<string>(build, {
        profile: 'ordered',
        async workload({ fs, ack }) {
          for (const name of ['a', 'b']) {
            await fs.promises.writeFile(`/${name}`, name, { flush: isSyncing } as object);
            ack(name);
          }
          await (await fs.promises.open('/b', 'r')).sync();
        },
        async recover({ fs, must }) {
          for (const name of must) assert.is(await fs.promises.readFile(`/${name}`, 'utf8'), name);
        },
      });
    const good = await run(true);
    assert.is(good.verdict, 'survived', good.toString());
    const bad = await run(false);
    assert.is(bad.verdict, 'violated');
  });

  search('a recovery that never ends is a failure of its own, and the next ones go on', async () => {
    let passed = 0;
    const verdict = await exploreDevice<number>(build, {
      ...many(3),
      recoverTimeoutMs: 30,
      recover({ device }) {
        if (device.read(1, 1)[0] === 0 && device.read(2, 1)[0] !== 0) return new Promise(() => {});
        passed++;
        return undefined;
      },
    });
    assert.is(verdict.verdict, 'violated');
    assert.is(verdict.failedImages, 2);
    assert.match(verdict.findings[0]?.error ?? '', /RecoverTimeoutError: .* 30 ms/);
    assert.is(passed, 1 + 6);
  });

  search('one image under promises that contradict each other is two cases, and no false alarm', async () => {
    // 1 becomes 2 becomes 1: the first 1 and the last are one image
    const values = [1, 2, 1];
    const verdict = await exploreDevice<number>(build, {
      workload({ device, ack, attempt }) {
        values.forEach((value, index) => {
          attempt(index);
          device.write(0, sector(value));
          device.flush();
          ack(index);
        });
      },
      recover({ device, must, may }) {
        const found = device.read(0, 1)[0] ?? 0;
        const states = [0, ...values];
        const allowed = states.slice(must.length, may.length + 1);
        if (!allowed.includes(found)) throw new Error(`${found} after ${must.length} of ${may.length}`);
      },
    });
    assert.is(verdict.verdict, 'survived', verdict.findings[0]?.error);
    assert.is(verdict.distinctImages, 3);
  });

  search('what may be there is what was attempted; what was not is a phantom', async () => {
    const run = (isAttempting: boolean) =>
      exploreDevice<number>(build, {
        workload({ device, ack, attempt }) {
          device.write(1, sector(1));
          if (isAttempting) attempt(2);
          device.write(2, sector(2));
          device.flush();
          ack(1);
          ack(2);
        },
        recover({ device, must, may }) {
          const found = [1, 2].filter((value) => device.read(value, 1)[0] === value);
          for (const value of must) if (!found.includes(value)) throw new Error('lost');
          for (const value of found) if (!may.includes(value)) throw new Error('phantom');
        },
      });
    assert.is((await run(true)).verdict, 'survived');
    assert.match((await run(false)).findings[0]?.error ?? '', /phantom/);
  });

  search('11: a killed process loses nothing, a power cut what was not flushed', async () => {
    const run = (crash: 'process' | 'os' | 'power') =>
      exploreDevice<number>(build, {
        crash,
        workload({ device, ack }) {
          for (const value of [1, 2]) {
            device.write(value, sector(value));
            ack(value);
          }
          device.flush();
        },
        recover({ device, must }) {
          for (const value of must) assert.is(device.read(value, 1)[0], value);
        },
      });
    const killed = await run('process');
    assert.is(killed.verdict, 'survived', killed.reason);
    assert.is(killed.distinctImages, 3);
    assert.is((await run('os')).verdict, 'survived', 'the drive keeps what it has taken');
    assert.is((await run('power')).verdict, 'violated');
  });

  search('15: a drive that lies about flushes loses what was flushed', async () => {
    const run = (faults: readonly string[]) =>
      exploreDevice<number>(build, {
        drive: { faults },
        workload({ device, ack }) {
          device.write(1, sector(1));
          device.flush();
          ack(1);
        },
        recover({ device, must }) {
          for (const value of must) assert.is(device.read(value, 1)[0], value);
        },
      });
    assert.is((await run([])).verdict, 'survived');
    assert.is((await run(['ignoredFlush'])).verdict, 'violated');
  });

  search('a lie about flushes costs nothing while the drive has power', async () => {
    const run = (crash: 'os' | 'power', isSyncing = true) =>
      explore<string>(build, {
        crash,
        profile: 'ordered',
        drive: { faults: ['ignoredFlush'] },
        workload({ fs, ack }) {
          fs.writeFileSync('/a', 'x', { flush: isSyncing });
          ack('a');
          fs.fsyncSync(fs.openSync('/', 'r'));
        },
        recover({ fs, must }) {
          for (const name of must) assert.is(fs.readFileSync(`/${name}`, 'utf8'), 'x');
        },
      });
    assert.is((await run('power')).verdict, 'violated');
    assert.is((await run('os')).verdict, 'survived');
    assert.is((await run('os', false)).verdict, 'violated', 'the page cache is lost');
  });

  search('a device that the model calls lying costs nothing while it has power, either', async () => {
    const run = (crash: 'os' | 'power') =>
      explore<string>(build, {
        crash,
        profile: 'ordered',
        model: { device: 'lying' },
        workload({ fs, ack }) {
          fs.writeFileSync('/a', 'x', { flush: true });
          ack('a');
        },
        recover({ fs, must }) {
          for (const name of must) assert.is(fs.readFileSync(`/${name}`, 'utf8'), 'x');
        },
      });
    assert.is((await run('power')).verdict, 'violated');
    assert.is((await run('os')).verdict, 'survived');
  });

  search('19: two explorations of one workload come to the same verdict, byte for byte', async () => {
    const run = async () => {
      const verdict = await exploreDevice<number>(build, {
        ...many(8),
        bound: 16,
        budget: { sample: 40 },
        recover({ device }) {
          if (device.read(1, 1)[0] === 0 && device.read(8, 1)[0] !== 0) throw new Error('8 without 1');
        },
      });
      return JSON.stringify({ ...verdict.toJSON(), elapsedMs: 0 });
    };
    const first = await run();
    assert.is(await run(), first);
  });

  search('options out of their ranges are refused', async () => {
    const options = { ...many(1), recover() {} };
    const refused = async (given: object, field: string) => {
      const error = await exploreDevice<number>(build, { ...options, ...given }).catch((thrown) => thrown);
      assert.instance(error, ConfigError, `${field}: ${error}`);
      assert.is(error.field, field);
    };
    await refused({ crash: 'fire' }, 'crash');
    await refused({ crash: [] }, 'crash');
    await refused({ maxFindings: 0 }, 'maxFindings');
    await refused({ recoveryDepth: 9 }, 'recoveryDepth');
    await refused({ recoveryDepth: -1 }, 'recoveryDepth');
    await refused({ recoverTimeoutMs: 0.5 }, 'recoverTimeoutMs');
    await refused({ budget: { images: 0 } }, 'budget.images');
    await refused({ budget: { seconds: -1 } }, 'budget.seconds');
    await refused({ budget: { sample: 0 } }, 'budget');
    await refused({ bound: -1 }, 'bound');
    await refused({ unit: 100 }, 'model.unit');
  });

  search.run();
}
