// test-timeout: 120
// Profiles where room ends: records, inodes, names and blocks are taken again only behind a commit, and a crash anywhere around it
// leaves what came before it whole; and what a volume with records refuses.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTER_JOURNAL_COMMITS } from '../../../../assembly/layout.ts';
import { VolumeError } from '../../../../src/errors.ts';
import type { FileSystem } from '../../../../src/fs/file-system.ts';
import type { Machine } from '../../../../src/machine.ts';
import { BUILDS, NO_POOL_IN_USE, poolsInUse } from '../../../support/machine.ts';
import {
  eachImage,
  type Options,
  openProfile,
  RECORD_PROFILES,
  recordRun,
  treeOf,
  treeOn,
  treesOf,
} from './profile-support.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const SMALL = { size: 131072, inodes: 8 } as const;

function commits(machine: Machine): number {
  return machine.core.counter(COUNTER_JOURNAL_COMMITS);
}

function appendSynced(fs: FileSystem, path: string, text: string): void {
  const file = fs.open(path, 'a');
  file.write(bytes(text));
  file.fsync();
  file.close();
}

for (const build of BUILDS) {
  const room = suite(`files/volume/profile-room (${build})`);

  room('the area of records fills up over and over: nothing is lost, at any crash point', async () => {
    for (const profile of ['ordered', 'strict'] as const) {
      const options: Options = { profile, ...SMALL };
      const written: string[] = [];
      const run = await recordRun(
        build,
        options,
        (fs, machine) => {
          const before = commits(machine);
          for (let round = 0; round < 45; round++) {
            appendSynced(fs, '/a', 'x');
            written.push(`/a=x${fs.stat('/a').size}`);
          }
          assert.ok(commits(machine) >= before + 1, 'no commit has made room');
        },
        (fs) => fs.writeFile('/a', 'x'),
      );
      const found = new Set<string>();
      await eachImage(build, run, {}, async (memory) => {
        found.add(await treeOn(build, options, memory));
      });
      // without an order of data and size the last byte may be missing where its size is there
      const whole = [...found].filter((tree) => !tree.endsWith('.1'));
      assert.equal(new Set(whole), new Set(['/a=x1', ...written]), profile);
    }
  });

  room('inodes, names and blocks that were freed are taken again behind a commit', async () => {
    for (const profile of RECORD_PROFILES) {
      const options: Options = { profile, ...SMALL };
      const machine = await openProfile(build, options);
      const { fs } = machine;
      const before = commits(machine);
      for (let round = 0; round < 20; round++) {
        fs.writeFile('/a', String.fromCharCode(97 + round).repeat(20000));
        fs.link('/a', '/b');
        fs.rename('/b', '/c');
        fs.unlink('/a');
        fs.unlink('/c');
      }
      assert.ok(commits(machine) > before);
      fs.writeFile('/end', 'end');
      fs.sync();
      assert.equal(fs.check(), []);
      assert.is(treeOf(fs), '/end=e1n1d1');
      assert.is(await treeOn(build, options, machine.memory().fork()), '/end=e1n1d1');
      assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      machine.close();
    }
  });

  room('a full volume answers ENOSPC, and is sound', async () => {
    const options: Options = { profile: 'strict', ...SMALL };
    const machine = await openProfile(build, options);
    const { fs } = machine;
    const refused = (call: () => void) => {
      try {
        call();
      } catch (error) {
        return (error as { code: string }).code;
      }
      return undefined;
    };
    assert.is(
      refused(() => fs.writeFile('/big', 'x'.repeat(SMALL.size))),
      'ENOSPC',
    );
    assert.is(
      refused(() => {
        for (let index = 0; index < 20; index++) fs.writeFile(`/${index}`, '');
      }),
      'ENOSPC',
    );
    fs.sync();
    assert.equal(fs.check(), []);
    const tree = treeOf(fs);
    assert.is(await treeOn(build, options, machine.memory().fork()), tree);
    machine.close();
  });

  room('blocks of a file that is gone never show in another, whatever is missing', async () => {
    const options: Options = { profile: 'strict', ...SMALL };
    const run = await recordRun(
      build,
      options,
      (fs, machine) => {
        fs.unlink('/secret');
        const before = commits(machine);
        fs.writeFile('/a', 'y'.repeat(fs.statfs().blocksFree * 4096 + 4096));
        assert.ok(commits(machine) > before, 'the blocks were there without a commit');
      },
      (fs) => fs.writeFile('/secret', 's'.repeat(24576)),
    );
    let looked = 0;
    await eachImage(build, run, {}, async (memory) => {
      const tree = await treeOn(build, options, memory);
      looked++;
      assert.not.match(tree.replace('/secret=s24576', ''), /s\d/, tree);
    });
    assert.ok(looked > 10);
  });

  room('a crash in a mount, and one behind it, find the same tree', async () => {
    const options: Options = { profile: 'strict' };
    const run = await recordRun(
      build,
      options,
      (fs) => {
        fs.rename('/t', '/a');
        fs.truncate('/b', 4096);
      },
      (fs) => {
        fs.writeFile('/t', 'new');
        fs.writeFile('/a', 'old');
        fs.writeFile('/b', 'b'.repeat(5000));
      },
    );
    let crashes = 0;
    await eachImage(build, run, { isLast: true }, async (memory) => {
      const mounted = await openProfile(build, options, memory.fork(), { writeLog: true });
      const tree = treeOf(mounted.fs);
      const again = { options, base: memory, log: mounted.writeLog.snapshot() };
      mounted.close();
      await eachImage(build, again, { model: { tearing: 'unitPrefix' } }, async (left) => {
        crashes++;
        assert.is(await treeOn(build, options, left), tree);
      });
    });
    assert.ok(crashes > 10, `${crashes}`);
  });

  room('a crash, a recovery that writes, and a crash again', async () => {
    const options: Options = { profile: 'strict' };
    const run = await recordRun(build, options, (fs) => fs.writeFile('/a', 'one'));
    const found = new Set<string>();
    await eachImage(build, run, { isLast: true }, async (memory) => {
      const mounted = await openProfile(build, options, memory.fork(), { writeLog: true });
      const before = treeOf(mounted.fs);
      const file = mounted.fs.open('/b', 'w');
      file.write(bytes('two'));
      file.fsync();
      file.close();
      const root = mounted.fs.open('/', 'r');
      root.fsync();
      root.close();
      const again = { options, base: memory, log: mounted.writeLog.snapshot() };
      mounted.close();
      for (const tree of await treesOf(build, again))
        assert.is(tree, `${before} /b=t1w1o1`.trim(), 'what was there or synced is lost');
      found.add(before);
    });
    assert.equal([...found].sort(), ['', '/a=', '/a=.3', '/a=o1n1e1']);
  });

  room('bytes of a file that a crash took never show in one that is written behind it', async () => {
    const options: Options = { profile: 'strict', ...SMALL };
    const secret = 's'.repeat(8192);
    const runs = [
      // its map and data are durable, its name is not
      await recordRun(build, options, (fs) => appendSynced(fs, '/secret', secret)),
      await recordRun(
        build,
        options,
        (fs) => fs.unlink('/secret'),
        (fs) => fs.writeFile('/secret', secret),
      ),
    ];
    for (const run of runs) {
      let gone = 0;
      await eachImage(build, run, { isLast: true }, async (memory) => {
        const mounted = await openProfile(build, options, memory.fork(), { writeLog: true });
        const before = treeOf(mounted.fs);
        mounted.fs.writeFile('/b', 'y'.repeat(8192));
        const again = { options, base: memory, log: mounted.writeLog.snapshot() };
        mounted.close();
        if (before !== '') return;
        gone++;
        for (const tree of await treesOf(build, again)) assert.not.match(tree, /s\d/);
      });
      assert.ok(gone > 0);
    }
  });

  room('a record is kept or lost as one in a power cut, however writes tear', async () => {
    const options: Options = { profile: 'strict' };
    const machine = await openProfile(build, options);
    machine.fs.writeFile(`/${'a'.repeat(251)}`, '');
    machine.fs.sync();
    machine.fs.rename(`/${'a'.repeat(251)}`, `/${'b'.repeat(251)}`);
    const writes = machine.uncertainWrites(0, 512);
    assert.equal(
      writes.map(({ sectorCount, choices }) => [sectorCount, choices]),
      [[2, 1]],
    );
    machine.close();
  });

  room('a volume with records is not mounted as one with a journal, nor the other way round', async () => {
    const left = await openProfile(build, { profile: 'strict' });
    left.fs.writeFile('/a', 'x');
    const memory = left.memory().fork();
    left.close();
    const mismatch = async (volume: object, on: typeof memory) => {
      try {
        await openProfile(build, { profile: 'strict' }, on, { volume });
      } catch (error) {
        assert.instance(error, VolumeError);
        return String((error as Error).message);
      }
      return '';
    };
    assert.match(
      await mismatch({ inodes: 32 }, memory.fork()),
      /made with profile strict.*opened with journal/,
    );
    const plain = await openProfile(build, { profile: 'strict' }, undefined, { volume: { inodes: 32 } });
    const journal = plain.memory().fork();
    plain.close();
    const text = await mismatch({ inodes: 32, profile: 'alice' }, journal);
    assert.match(text, /made with profile journal.*opened with alice/);
    assert.is(await treeOn(build, { profile: 'alice' }, memory), '/a=x1');
  });

  room.run();
}
