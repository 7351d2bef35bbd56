// test-timeout: 90
// What a crash has left, as a run that the machine stands at and that crashes again; and the rest of the scene, played on it.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { RENAME_REPLACE } from '../../../../src/playground/scenes/rename-replace.ts';
import { WRITE_TO_MEDIA } from '../../../../src/playground/scenes/write-to-media.ts';
import { ALL_FLUSHES, XV6_LOG, xv6Scene } from '../../../../src/playground/scenes/xv6-log.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import type {
  Boot,
  CutRequest,
  PlugEngine,
  Survivor,
} from '../../../../src/playground/worker/plug-protocol.ts';
import { type Played, playAhead } from '../support/engine.ts';

const afterlives = suite('what a crash has left, as a run');

interface Plugged {
  readonly plug: PlugEngine;
  readonly played: Played;
}

async function plugged(scene: Scene): Promise<Plugged> {
  const played = await playAhead(scene);
  return { plug: makePlug(played.bench), played };
}

type Keep = (index: number) => boolean;
const NONE: Keep = () => false;
const ALL: Keep = () => true;
const HALF: Keep = (index) => index % 2 === 0;

async function requestAt(plug: PlugEngine, step: number, keep: Keep, after = 0): Promise<CutRequest> {
  const { writes } = await plug.stake(step, 0, 0, after);
  const kept = writes.map((_, index) => keep(index));
  return { step, crash: 'power', drive: 0, tearing: 0, kept, after };
}

const hashesOf = ({ parts }: Boot): string[] =>
  parts.flatMap(({ hashes }) => [...hashes].map((hash) => hash.toString(16).padStart(16, '0')));

const chaptersOf = ({ parts }: Boot): number[] => parts.flatMap(({ chapters }) => [...chapters]);

for (const id of ['write-to-media', 'rename-replace', 'xv6-log', 'lying-drive', 'fsync-storm', 'qemu-disk'])
  afterlives(
    `${id}: the machine stands at each step of a boot and of the rest, with the hash of the first time`,
    async () => {
      const scene = SCENES.find((one) => one.id === id) as Scene;
      const { plug, played } = await plugged(scene);
      for (const [share, goesOn] of [
        [0.3, false],
        [0.6, true],
      ] as const) {
        const step = Math.round(played.stepCount * share);
        const boot = (await plug.boot(await requestAt(plug, step, HALF), goesOn)) as Boot;
        const hashes = hashesOf(boot);
        assert.ok(hashes.length > 1, `${hashes.length} steps`);
        const stride = Math.ceil(hashes.length / 40);
        for (let at = hashes.length; at > 0; at -= stride) {
          const told = await played.engine.stand(at, boot.number);
          assert.is(told.recordHash, hashes[at - 1], `step ${at} of ${hashes.length}, cut at ${step}`);
        }
        const last = chaptersOf(boot).at(-1) as number;
        assert.is(last, boot.scene.chapters.length - 1, 'it is played to its last chapter');
      }
      assert.is((await played.engine.stand(played.stepCount)).recordHash, played.hashOf(played.stepCount));
    },
  );

afterlives(
  'a crash in recovery, at any step of it, breaks no promise and no transaction of the xv6 log',
  async () => {
    const { plug, played } = await plugged(XV6_LOG);
    let [volatile, cuts] = [0, 0];
    for (let step = 0; step <= played.stepCount; step += 3) {
      const boot = (await plug.boot(await requestAt(plug, step, HALF))) as Boot;
      for (let at = 0; at <= hashesOf(boot).length; at++)
        for (const keep of [NONE, ALL, HALF]) {
          const request = await requestAt(plug, at, keep, boot.number);
          const { xv6 } = await plug.cut(request);
          assert.is(xv6?.problem, undefined, `cut at ${step}, and at ${at} of the boot`);
          volatile += request.kept.length;
          cuts++;
        }
    }
    assert.ok(cuts > 100 && volatile > 20, `${cuts} cuts, ${volatile} volatile writes`);
  },
);

afterlives('a crash in the mount of a volume breaks no promise', async () => {
  const { plug, played } = await plugged(RENAME_REPLACE);
  let volatile = 0;
  for (let step = 0; step <= played.stepCount; step += 9) {
    const first = await plug.cut(await requestAt(plug, step, NONE));
    const boot = (await plug.boot(await requestAt(plug, step, NONE))) as Boot;
    for (let at = 1; at <= hashesOf(boot).length; at += 2) {
      const request = await requestAt(plug, at, HALF, boot.number);
      const second = await plug.cut(request);
      assert.is(second.judged.promisedLost, 0, `cut at ${step}, and at ${at} of the boot`);
      assert.ok(second.judged.promisedThere >= first.judged.promisedThere);
      assert.is(second.refused, undefined);
      volatile += request.kept.length;
    }
  }
  assert.ok(volatile > 0, 'the mount writes');
});

afterlives(
  'behind any crash the rest of the xv6 log leaves both transactions, and a crash in the rest breaks none',
  async () => {
    const { plug, played } = await plugged(XV6_LOG);
    const starts = new Set<number>();
    for (let step = 1; step < played.stepCount; step += 5) {
      const request = await requestAt(plug, step, HALF);
      const { goesOn, xv6 } = (await plug.cut(request)) as Survivor;
      if (xv6?.transactions === 2) {
        assert.is(goesOn, undefined, 'nothing is left to do');
        continue;
      }
      assert.is(goesOn?.chapter, (xv6?.transactions ?? 0) * 4);
      starts.add(goesOn?.chapter as number);
      const boot = (await plug.boot(request, true)) as Boot;
      const { length } = hashesOf(boot);
      for (const at of [length, Math.round(length * 0.8), Math.round(length * 0.6)]) {
        const again = await plug.cut(await requestAt(plug, at, NONE, boot.number));
        assert.is(again.xv6?.problem, undefined, `cut at ${step}, and at ${at} of what came after`);
        if (at === length) assert.is(again.xv6?.transactions, 2);
      }
    }
    assert.equal([...starts].sort(), [0, 4]);
  },
);

afterlives('a broken log that is played on is found out at the next crash', async () => {
  const { plug, played } = await plugged(xv6Scene({ ...ALL_FLUSHES, header: false, homes: false }));
  const problems = new Set<string>();
  const boot = (await plug.boot(await requestAt(plug, 8, NONE), true)) as Boot;
  const { length } = hashesOf(boot);
  for (let at = 0; at <= length; at++)
    for (const keep of [NONE, HALF, (index: number) => index % 2 === 1]) {
      const { xv6 } = await plug.cut(await requestAt(plug, at, keep, boot.number));
      if (xv6?.problem !== undefined) problems.add(xv6.problem);
    }
  assert.ok(problems.size > 0 && played.stepCount > 8, 'no crash of the rest has found anything');
});

afterlives('a chapter that was not over is begun again, one that was is not', async () => {
  const { plug, played } = await plugged(WRITE_TO_MEDIA);
  const seen = new Set<boolean>();
  for (let step = 0; step <= played.stepCount; step++) {
    const { goesOn } = await plug.cut(await requestAt(plug, step, ALL));
    const { chapter, clients } = played.bench.session().at(step);
    const isOver = clients.every(({ isDone }) => isDone);
    const next = isOver ? chapter + 1 : Math.max(0, chapter);
    assert.equal(
      goesOn,
      next < WRITE_TO_MEDIA.chapters.length ? { chapter: next, isAgain: !isOver && chapter >= 0 } : undefined,
      `step ${step}`,
    );
    if (goesOn !== undefined) seen.add(goesOn.isAgain);
  }
  assert.is(seen.size, 2);
});

afterlives(
  'a crash of a crash of a crash: each is judged, and the machines before are unharmed',
  async () => {
    const { plug, played } = await plugged(WRITE_TO_MEDIA);
    let after = 0;
    let step = Math.round(played.stepCount / 2);
    const numbers: number[] = [];
    for (let depth = 0; depth < 3; depth++) {
      const request = await requestAt(plug, step, HALF, after);
      const { judged, refused } = await plug.cut(request);
      assert.equal(
        [judged.promisedLost, judged.foreignSectors, refused],
        [0, 0, undefined],
        `depth ${depth}`,
      );
      const boot = (await plug.boot(request, true)) as Boot;
      after = boot.number;
      numbers.push(after);
      step = Math.round(hashesOf(boot).length / 2);
    }
    for (const number of numbers) await played.engine.stand(3, number);
    assert.is((await played.engine.stand(7)).recordHash, played.hashOf(7));
    await plug.boot(await requestAt(plug, 4, ALL));
    const gone = await played.engine.stand(3, numbers[0]).catch((error: Error) => error.message);
    assert.match(String(gone), /was closed/);
  },
);

/** Two programs, each with a file that nobody syncs. */
const UNSYNCED: Scene = {
  ...RENAME_REPLACE,
  id: 'unsynced',
  clients: [
    { name: 'early', entrance: 'files', target: '/early' },
    { name: 'late', entrance: 'files', target: '/late' },
  ],
  chapters: [
    { title: 'One', text: '', notes: [], work: [{ op: 'write', offset: 0, length: 4096 }] },
    {
      title: 'Two',
      text: '',
      notes: [],
      work: [
        { op: 'write', offset: 4096, length: 4096 },
        { op: 'write', offset: 0, length: 4096, client: 'late' },
        { op: 'unlink', path: '/nothing', client: 'late' },
        { op: 'fsync', client: 'late' },
      ],
    },
  ],
};

afterlives(
  'a program whose file is gone does nothing, and the core’s error is told; others go on',
  async () => {
    const { plug, played } = await plugged(UNSYNCED);
    const { bench } = played;
    let step = 0;
    while (bench.session().at(step).chapter < 1) step++;
    const boot = (await plug.boot(await requestAt(plug, step, NONE), true)) as Boot;
    assert.equal(boot.refusals, [
      "early can not go on: ENOENT: open '/early'",
      "late: ENOENT: unlink '/nothing'",
    ]);
    const { files, judged } = await plug.cut(await requestAt(plug, hashesOf(boot).length, NONE, boot.number));
    assert.equal(files, [{ path: '/late', bytes: 4096 }]);
    assert.is(judged.promisedThere, 1);
    // from the first chapter on, both begin as at first
    const anew = (await plug.boot(await requestAt(plug, 0, NONE), true)) as Boot;
    assert.equal(anew.refusals, ["late: ENOENT: unlink '/nothing'"]);
  },
);

afterlives.run();
