// Recording: calls with their words and lines, promises at their steps, paths of inodes; watching changes nothing.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFs } from '../../../src/adapters/node-fs.ts';
import { resolveExplore } from '../../../src/explore/explore-options.ts';
import { configOver, makeBase, type RunContext, record } from '../../../src/explore/record.ts';
import type { readLogFacts } from '../../../src/explore/record-log.ts';
import { Machine } from '../../../src/machine.ts';
import { platformOf } from '../../support/explore.ts';
import { BUILDS, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';

for (const build of BUILDS) {
  const platform = platformOf(build);
  const files = resolveExplore({ drive: { size: '4MiB' } }, { profile: 'strict', volume: undefined });
  const sectors = resolveExplore({ drive: { size: '1MiB' } }, undefined);

  const run = async (body: (context: RunContext<string>) => unknown, of = files) =>
    record<string>(
      {
        platform,
        config: of.workloadConfig,
        imageConfig: of.config,
        base: await makeBase(platform, of.config, undefined),
      },
      body,
    );

  const recording = suite(`recording a workload (${build})`);

  recording(
    'calls are told as Linux knows them, with paths, offsets and the line that made them',
    async () => {
      const { recording: it } = await run(({ machine }) => {
        const fs = nodeFs(machine);
        const fd = fs.openSync('/log', 'a');
        fs.writeSync(fd, 'twelve bytes');
        fs.writeSync(fd, 'more');
        fs.fsyncSync(fd);
        fs.readFileSync('/log');
        fs.renameSync('/log', '/old');
        fs.closeSync(fd);
      });
      const calls = [...it.calls.values()];
      assert.equal(
        calls.map(({ text }) => text),
        [
          "open('/log')",
          "write('/log', 12 bytes at 0)",
          "write('/log', 4 bytes at 12)",
          "fsync('/log')",
          "open('/log')",
          "close('/log')",
          "rename('/log', '/old')",
          "close('/log')",
        ],
      );
      for (const call of calls) assert.match(call.stack()[0] ?? '', /record\.test\.ts:\d+/);
      const [first] = calls[1]?.stack() ?? [];
      assert.is.not(first, calls[2]?.stack()[0]);
    },
  );

  recording('what reaches the drive carries the number of its call; inodes have names', async () => {
    const { recording: it, log } = await run(({ machine }) => {
      const fs = nodeFs(machine);
      fs.writeFileSync('/kept', 'a', { flush: true });
      fs.writeFileSync('/gone', 'b', { flush: true });
      fs.unlinkSync('/gone');
    });
    const tagged = [...log.entries()].flatMap((entry) => (entry.kind === 'submit' ? [entry] : []));
    assert.ok(tagged.length > 6);
    for (const { tag, domain } of tagged) {
      assert.ok(it.calls.has(tag), `call ${tag}`);
      assert.ok(it.paths.has(domain), `a path for ${domain}`);
    }
    assert.equal(new Set(it.paths.values()), new Set(['/', '/kept', '/gone']));
  });

  recording(
    'promises are at their steps; work for one begins when the one before is acknowledged',
    async () => {
      const { recording: it } = await run(({ machine, ack, attempt }) => {
        const device = machine.blockDevice();
        const write = (at: number) => device.write(at, new Uint8Array(512).fill(1));
        write(1);
        ack('a');
        write(2);
        attempt('c');
        ack('b');
        attempt('d');
        ack('c');
      }, sectors);
      assert.equal(it.promises, [
        { value: 'a', attempted: 0, acknowledged: 3 },
        { value: 'b', attempted: 3, acknowledged: 7 },
        { value: 'c', attempted: 6, acknowledged: 9 },
        { value: 'd', attempted: 8, acknowledged: undefined },
      ]);
    },
  );

  recording('two runs have one hash, another run another', async () => {
    const write = (value: number) =>
      run(({ machine }) => {
        machine.blockDevice().write(1, new Uint8Array(512).fill(value));
      }, sectors);
    const first = await write(1);
    assert.is(first.recording.hash, (await write(1)).recording.hash);
    assert.is.not(first.recording.hash, (await write(2)).recording.hash);
  });

  recording('watching changes nothing of what reaches the drive, and leaves nothing behind', async () => {
    const work = (machine: Machine) => {
      const fs = nodeFs(machine);
      for (const name of ['a', 'b']) fs.writeFileSync(`/${name}`, name.repeat(700), { flush: true });
      fs.renameSync('/a', '/b');
      fs.mkdirSync('/c');
      fs.appendFileSync('/b', 'end');
      fs.rmdirSync('/c');
    };
    const base = await makeBase(platform, files.config, undefined);
    const shape = (log: Parameters<typeof readLogFacts>[0]) =>
      [...log.entries()].map(({ offset: _, ...entry }) =>
        JSON.stringify(entry.kind === 'submit' || entry.kind === 'part' ? { ...entry, tag: 0 } : entry),
      );
    const machine = await Machine.open(platform, configOver(files.workloadConfig, base.fork(), true));
    work(machine);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    const { log } = await record<string>(
      { platform, config: files.workloadConfig, imageConfig: files.config, base },
      ({ machine: watched }) => {
        work(watched);
        assert.equal(poolsInUse(watched), NO_POOL_IN_USE);
      },
    );
    assert.equal(shape(log), shape(machine.writeLog.snapshot()));
  });

  recording('nothing of what setup left is uncertain, and the log begins empty', async () => {
    const base = await makeBase(platform, files.config, (machine) => machine.fs.writeFile('/a', 'unsynced'));
    const { log } = await record<string>(
      { platform, config: files.workloadConfig, imageConfig: files.config, base },
      ({ machine }) => {
        assert.is(new TextDecoder().decode(machine.fs.readFile('/a')), 'unsynced');
      },
    );
    assert.equal([...log.entries()], []);
  });

  recording.run();
}
