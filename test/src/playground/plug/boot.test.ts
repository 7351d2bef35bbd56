// test-timeout: 60
// The boot of what a crash has left, as a run: it is the same each time, and its media marks say what the judge says.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SECTOR_SIZE } from '../../../../assembly/limits.ts';
import type { CrashKind } from '../../../../src/crash-kinds.ts';
import { CELL_DURABLE, CELL_LOST, CELL_VOLATILE } from '../../../../src/playground/model/media.ts';
import { Run } from '../../../../src/playground/model/run.ts';
import type { StackState } from '../../../../src/playground/model/types.ts';
import { bootRun } from '../../../../src/playground/plug/boot-run.ts';
import { LOST, THERE } from '../../../../src/playground/plug/judge.ts';
import { placesOf } from '../../../../src/playground/plug/places.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { SCENES } from '../../../../src/playground/scenes/index.ts';
import { ALL_FLUSHES, xv6Scene } from '../../../../src/playground/scenes/xv6-log.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import type { Boot, CutRequest, PlugEngine, Stake } from '../../../../src/playground/worker/plug-protocol.ts';
import { type Played, playAhead } from '../support/engine.ts';

const boots = suite('boots after a crash');

interface Plugged {
  readonly plug: PlugEngine;
  readonly played: Played;
  readonly run: Run;
}

async function plugged(scene: Scene): Promise<Plugged> {
  const played = await playAhead(scene);
  const run = new Run(played.shape, scene);
  for (const part of played.parts) run.add(part);
  return { plug: makePlug(played.bench), played, run };
}

const sceneOf = (id: string): Scene => {
  const scene = SCENES.find((one) => one.id === id);
  if (scene === undefined) throw new Error(`no scene ${id}`);
  return scene;
};

const cutAt = (step: number, kept: readonly boolean[], crash: CrashKind = 'power'): CutRequest => ({
  step,
  crash,
  drive: 0,
  tearing: 0,
  kept,
});

/** Keeps every second write. */
const halfOf = ({ writes }: Stake): boolean[] => writes.map((_, index) => index % 2 === 0);

const hashOf = (boot: Boot | undefined): bigint | undefined => boot?.parts.at(-1)?.hashes.at(-1);

const FEW = ['write-to-media', 'lying-drive', 'rename-replace', 'fsync-storm', 'xv6-log', 'qemu-disk'];

for (const id of FEW)
  boots(
    `${id}: booted twice, the records are the same; each step has a chapter, the last is the last`,
    async () => {
      const { plug, played, run } = await plugged(sceneOf(id));
      for (const share of [0, 0.4, 0.7, 1]) {
        const step = Math.round(played.stepCount * share);
        const stake = await plug.stake(step, 0, 0);
        const request = cutAt(step, halfOf(stake));
        const [one, other] = [await plug.boot(request), await plug.boot(request)];
        assert.ok(one !== undefined && one.parts.length > 0, `it boots at step ${step}`);
        assert.is(hashOf(one), hashOf(other));
        const booted = bootRun(one as Boot, run.stateAt(step) as StackState, 'power');
        assert.ok(booted.isWhole);
        for (let at = 1; at <= booted.stepCount; at++)
          assert.ok(booted.scene.chapters[booted.chapterOf(at)] !== undefined, `step ${at} has a chapter`);
        const end = booted.stateAt(booted.stepCount) as StackState;
        assert.is(end.drives.flatMap(({ inService, waiting }) => [...inService, ...waiting]).length, 0);
      }
      // the machine before the cut is unharmed
      assert.is((await played.engine.stand(played.stepCount)).recordHash, played.hashOf(played.stepCount));
    },
  );

boots('the media’s marks after the cut are what the judge says of each sector', async () => {
  for (const scene of [sceneOf('write-to-media'), xv6Scene({ ...ALL_FLUSHES, log: false })]) {
    const { plug, played, run } = await plugged(scene);
    const places = placesOf(scene);
    let [lostCount, thereCount] = [0, 0];
    for (let step = 0; step <= played.stepCount; step++) {
      const stake = await plug.stake(step, 0, 0);
      if (stake.writes.length === 0) continue;
      const kept = halfOf(stake);
      const survivor = await plug.cut(cutAt(step, kept));
      const boot = (await plug.boot(cutAt(step, kept))) as Boot;
      const cut = bootRun(boot, run.stateAt(step) as StackState, 'power').stateAt(1) as StackState;
      const { media } = cut.drives[0] as StackState['drives'][number];
      assert.not.ok(media.includes(CELL_VOLATILE), `nothing is volatile behind the cut at step ${step}`);
      const lost = new Set<number>();
      stake.writes.forEach(({ sector, sectorCount }, index) => {
        for (let at = sector; at < sector + sectorCount; at++) {
          if (kept[index]) lost.delete(at);
          else lost.add(at);
        }
      });
      media.forEach((cell, sector) => {
        assert.is(cell === CELL_LOST, lost.has(sector), `sector ${sector} at step ${step}`);
      });
      for (const { row, sectors } of survivor.judged.writes) {
        const { target = '', offsetBytes = 0 } = survivor.rows[row] ?? {};
        const first = Math.floor(((places.get(target)?.offsetBytes ?? 0) + offsetBytes) / SECTOR_SIZE);
        sectors.forEach((state, index) => {
          const cell = media[first + index];
          if (state === THERE && !lost.has(first + index)) {
            assert.is(cell, CELL_DURABLE, `sector ${first + index} is there at step ${step}`);
            thereCount++;
          }
          if (cell === CELL_LOST && state === LOST) lostCount++;
        });
      }
    }
    assert.ok(lostCount > 0 && thereCount > 0, `${lostCount} lost, ${thereCount} there`);
  }
});

boots('recovery of the xv6 log copies what the header names, and says so', async () => {
  const { plug, played } = await plugged(sceneOf('xv6-log'));
  let copied = 0;
  for (let step = 0; step <= played.stepCount; step++) {
    const stake = await plug.stake(step, 0, 0);
    const request = cutAt(
      step,
      stake.writes.map(() => true),
    );
    const { xv6 } = await plug.cut(request);
    const { scene } = (await plug.boot(request)) as Boot;
    const titles = scene.chapters.map(({ title }) => title);
    assert.is(titles.includes('The log is copied home'), xv6?.named !== undefined, titles.join(', '));
    if (xv6?.named !== undefined) copied++;
  }
  assert.ok(copied > 0 && copied < played.stepCount);
});

boots(
  'behind a crash of the kernel the drive still holds what it had taken; a killed process boots nothing',
  async () => {
    const { plug, played, run } = await plugged(sceneOf('write-to-media'));
    let heldCount = 0;
    for (let step = 0; step <= played.stepCount; step += 3) {
      assert.is(await plug.boot(cutAt(step, [], 'process')), undefined);
      const boot = (await plug.boot(cutAt(step, [], 'os'))) as Boot;
      const stake = await plug.stake(step, 0, 0);
      const start = bootRun(boot, run.stateAt(step) as StackState, 'os').stateAt(0) as StackState;
      assert.is(start.drives[0]?.volatileWrites.length, stake.writes.length, `step ${step}`);
      heldCount += stake.writes.length;
    }
    assert.ok(heldCount > 0);
  },
);

boots.run();
