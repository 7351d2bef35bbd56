// The judge and what it stands on: nothing leaks from one recovery to the next, which promises hold when, which failures are one.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CrashExplorer } from '../../../src/crash/explorer.ts';
import { resolveExplore } from '../../../src/explore/explore-options.ts';
import { ImageMachine } from '../../../src/explore/images.ts';
import { RecoveryJudge } from '../../../src/explore/judge.ts';
import { failureOf } from '../../../src/explore/judge-failure.ts';
import { PromiseRange } from '../../../src/explore/judge-promises.ts';
import { makeBase, record } from '../../../src/explore/record.ts';
import type { VolumeFile } from '../../../src/index.ts';
import { explore, platformOf } from '../../support/explore.ts';
import { BUILDS, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';

const promises = suite('promises by step');

promises('must is what was acknowledged by a step, may what was begun', () => {
  const range = new PromiseRange([
    { value: 'a', attempted: 0, acknowledged: 4 },
    { value: 'b', attempted: 2, acknowledged: 3 },
    { value: 'c', attempted: 4, acknowledged: undefined },
  ]);
  const at = (step: number) => [range.must(step).join(''), range.may(step).join('')];
  assert.equal([0, 1, 2, 3, 4, 5].map(at), [
    ['', 'a'],
    ['', 'a'],
    ['', 'ab'],
    ['b', 'ba'],
    ['ba', 'bac'],
    ['ba', 'bac'],
  ]);
  assert.is(range.must(3), range.must(3), 'made once');
  assert.throws(() => (range.must(4) as string[]).sort(), /read only|not extensible|Cannot assign/);
});

promises('promises contradict each other where one is begun and kept between two steps', () => {
  const range = new PromiseRange([
    { value: 1, attempted: 2, acknowledged: 6 },
    { value: 2, attempted: 4, acknowledged: 5 },
    { value: 3, attempted: 7, acknowledged: undefined },
  ]);
  assert.not(range.contradicts(0, 4));
  assert.ok(range.contradicts(0, 5));
  assert.ok(range.contradicts(3, 5));
  assert.not(range.contradicts(4, 9));
});

promises.run();

const failures = suite('failures');

failures('values do not make another failure; name, words and place do', () => {
  const at = (make: () => Error) => failureOf(make(), false).key;
  const lost = (text: string) => new Error(text);
  const keys = [
    lost("'k5' is lost at 0x1f"),
    lost("'key 17' is lost at 0x2e40"),
    lost('"b" is lost at 512'),
  ].map(({ name, message }) => failureOf({ ...new Error(), name, message }, false).key);
  assert.is(new Set(keys).size, 1);
  assert.is.not(
    at(() => new Error('a')),
    at(() => new TypeError('a')),
  );
  const twice = [1, 2].map((value) => at(() => lost(`'${value}' is lost`)));
  assert.is(twice[0], twice[1]);
  const elsewhere = at(() => new Error("'1' is lost"));
  assert.is.not(twice[0], elsewhere, 'thrown from another line');
});

failures('whatever is thrown is a failure, and its stack is the user’s', () => {
  assert.is(failureOf('plain', false).message, 'plain');
  assert.is(failureOf(undefined, false).name, 'thrown undefined');
  const { stack } = failureOf(new Error('here'), true);
  assert.match(stack ?? '', /^Error: here\n {4}at .*judge\.test\.ts/);
});

failures.run();

for (const build of BUILDS) {
  const platform = platformOf(build);
  const judge = suite(`judging images (${build})`);

  judge(
    '25: the first step of an image finds no acknowledgement before the flush, the last does',
    async () => {
      const { config } = resolveExplore({ drive: { size: '1MiB' } }, undefined);
      const base = await makeBase(platform, config, undefined);
      const { recording } = await record<number>(
        { platform, config, imageConfig: config, base },
        ({ machine, ack }) => {
          const device = machine.blockDevice();
          device.write(0, new Uint8Array(512).fill(1));
          ack(1);
          device.flush();
        },
      );
      const explorer = await CrashExplorer.on(platform, { log: recording.log, base });
      const images = [...explorer.images({ newOnly: true })];
      const judging = new RecoveryJudge<number>({
        machines: await ImageMachine.prepare(platform, config),
        promises: new PromiseRange(recording.promises),
        crash: 'power',
        timeoutMs: 1000,
        recover({ machine, must }) {
          for (const value of must)
            if (machine.blockDevice().read(0, 1)[0] !== value) throw new Error(`${value} is lost`);
        },
      });
      const failed = { first: 0, last: 0 };
      for (const image of images) {
        const { firstStep, lastStep, point } = image;
        if ((await judging.judge(image, firstStep, point.lastStep)).failure !== undefined) failed.first++;
        const { failure } = await judging.judge(image, firstStep, lastStep);
        if (failure === undefined) continue;
        failed.last++;
        assert.ok(failure.isLoss, 'with nothing to be there it passes');
      }
      assert.equal(failed, { first: 0, last: 1 });
    },
  );

  judge(
    'a recovery finds nothing of the one before: files, descriptors, time, memory, the fs itself',
    async () => {
      const { config } = resolveExplore({}, { profile: 'journal', volume: undefined });
      const base = await makeBase(platform, config, (machine) => machine.fs.writeFile('/a', 'one'));
      const machines = await ImageMachine.prepare(platform, config);
      const seen = new Set<string>();
      const kept: VolumeFile[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const machine = machines.open(base);
        const file = machine.fs.open('/a', 'r+');
        seen.add(
          JSON.stringify([
            machine.fs.readdir('/'),
            new TextDecoder().decode(machine.fs.readFile('/a')),
            file.descriptor,
            machine.nowNs,
            machine.buffers.freeBytes,
            machine.counters,
            poolsInUse(machine),
          ]),
        );
        for (const old of kept) assert.throws(() => old.read(new Uint8Array(1)), /ESTALE/);
        file.write(new TextEncoder().encode('two'));
        file.fsync();
        machine.fs.mkdir(`/more${turn}`);
        machine.advance(1e9);
        machine.allocateBuffer(4096);
        kept.push(file);
      }
      assert.is(seen.size, 1, [...seen].join('\n'));
      const [row] = seen;
      assert.equal(JSON.parse(row ?? '').at(-1), NO_POOL_IN_USE);
    },
  );

  judge('a slow recovery runs once for images that look the same; a quick one on each', async () => {
    const run = async (slowMs: number) => {
      let runs = 0;
      const seen = new Set<string>();
      const verdict = await explore<string>(build, {
        profile: 'strict',
        workload({ fs, ack }) {
          for (const name of ['a', 'b', 'c']) fs.writeFileSync(`/${name}`, name);
          fs.fsyncSync(fs.openSync('/c', 'r'));
          ack('c');
        },
        recover({ fs, must, may }) {
          runs++;
          const names = fs.readdirSync('/');
          seen.add(
            JSON.stringify([names.map((name) => [name, fs.readFileSync(`/${name}`, 'latin1')]), must, may]),
          );
          for (const end = performance.now() + slowMs; performance.now() < end; );
          for (const name of must) if (!names.includes(name)) throw new Error(`${name} is lost`);
        },
      });
      return { runs, seen: seen.size, failed: verdict.failedImages, checked: verdict.checkedImages };
    };
    const quick = await run(0);
    const slow = await run(8);
    assert.is(quick.failed, slow.failed);
    assert.is(quick.checked, slow.checked);
    assert.is(quick.seen, slow.seen, 'nothing is left out');
    assert.ok(quick.checked > 2 * quick.seen, `${quick.checked} images look like ${quick.seen}`);
    assert.ok(slow.runs < slow.checked / 2, `${slow.runs} runs for ${slow.checked} images`);
  });

  judge('functions that a recovery replaces are back for the next', async () => {
    let patched = 0;
    const verdict = await explore<string>(build, {
      profile: 'journal',
      workload({ fs, ack }) {
        fs.writeFileSync('/a', 'x', { flush: true });
        ack('a');
      },
      recover({ fs }) {
        const open = fs.openSync('/', 'r');
        if (open !== 3) throw new Error(`descriptor ${open}`);
        if ('patched' in fs.statSync) patched++;
        Object.assign(fs, { statSync: Object.assign(() => {}, { patched: true }) });
      },
    });
    assert.is(verdict.failedImages, 0, verdict.toString());
    assert.ok(verdict.checkedImages > 2);
    assert.is(patched, 0);
  });

  judge.run();
}
