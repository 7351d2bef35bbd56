// explore and exploreDevice as a whole: what survives, what does not, what was not measured, a harness that is broken.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BlockDevice, explore, exploreDevice } from '../../../src/index.ts';

/** Numbers, one to a sector, each acknowledged once it is durable, or at once. */
const counting = (isFlushing: boolean) => ({
  workload: ({ device, ack }: { device: BlockDevice; ack(value: number): void }) => {
    for (let value = 1; value <= 4; value++) {
      device.write(value, new Uint8Array(512).fill(value));
      if (isFlushing) device.flush();
      ack(value);
    }
    device.flush();
  },
  recover: ({
    device,
    must,
    may,
  }: {
    device: BlockDevice;
    must: readonly number[];
    may: readonly number[];
  }) => {
    const found = [1, 2, 3, 4].filter((value) => device.read(value, 1)[0] === value);
    for (const value of must) if (!found.includes(value)) throw new Error(`${value} is lost`);
    for (const value of found) if (!may.includes(value)) throw new Error(`${value} has come from nowhere`);
  },
});

const device = suite('exploreDevice');

device('26: a correct engine survives, and the verdict says that all was gone through', async () => {
  const verdict = await exploreDevice<number>(counting(true));
  assert.is(verdict.verdict, 'survived', verdict.reason);
  assert.ok(verdict.exhaustive);
  assert.is(verdict.distinctImages, 5);
  assert.is(verdict.checkedImages, 5);
  assert.is(verdict.failedImages, 0);
  assert.is(verdict.acknowledged, 4);
  verdict.assertSurvived();
});

device(
  '25: what is acknowledged before the flush is found by the last step at which an image arises',
  async () => {
    const verdict = await exploreDevice<number>(counting(false));
    assert.is(verdict.verdict, 'violated');
    assert.is(verdict.failedImages, 15, 'all but the one that holds every number');
    assert.throws(() => verdict.assertSurvived(), /is lost/);
  },
);

device.run();

const files = suite('explore');

files('a key-value log survives with its fsync and breaks without', async () => {
  const run = (isSyncing: boolean) =>
    explore<string>({
      profile: 'ordered',
      workload({ fs, ack }) {
        for (const key of ['a', 'b', 'c']) {
          const fd = fs.openSync('/log', 'a');
          fs.writeSync(fd, `${key}\n`);
          if (isSyncing) fs.fsyncSync(fd);
          fs.closeSync(fd);
          ack(key);
        }
        const fd = fs.openSync('/log', 'r');
        fs.fsyncSync(fd);
      },
      recover({ fs, must, may }) {
        const found = fs.existsSync('/log') ? fs.readFileSync('/log', 'utf8').split('\n').slice(0, -1) : [];
        for (const key of must) if (!found.includes(key)) throw new Error(`'${key}' is lost`);
        for (const key of found) if (!may.includes(key)) throw new Error(`'${key}' has come from nowhere`);
      },
    });
  assert.is((await run(true)).verdict, 'survived');
  assert.is((await run(false)).verdict, 'violated');
});

files(
  'blocks that setup has freed hold nothing of its files: a size without its data shows zeros',
  async () => {
    const verdict = await explore<string>({
      setup({ fs }) {
        fs.writeFileSync('/old', 'stale'.repeat(100));
        fs.unlinkSync('/old');
      },
      workload({ fs, ack }) {
        fs.writeFileSync('/new', 'fresh'.repeat(100), { flush: true });
        ack('new');
      },
      recover({ fs }) {
        const text = fs.existsSync('/new') ? fs.readFileSync('/new', 'utf8') : '';
        if (text.includes('stale')) throw new Error('stale bytes are shown');
      },
    });
    assert.is(verdict.verdict, 'survived', verdict.findings[0]?.sentence);
  },
);

files.run();
