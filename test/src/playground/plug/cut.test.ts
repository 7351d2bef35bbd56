// test-timeout: 60
// Power cuts of scenes: whatever the reader chooses, an honest drive keeps its promises, and a lying one is found out.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { LYING_DRIVE } from '../../../../src/playground/scenes/lying-drive.ts';
import { RENAME_REPLACE } from '../../../../src/playground/scenes/rename-replace.ts';
import { WRITE_TO_MEDIA } from '../../../../src/playground/scenes/write-to-media.ts';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import type { PlugEngine, Stake } from '../../../../src/playground/worker/plug-protocol.ts';
import { type Played, playAhead } from '../support/engine.ts';

const MOST_CHOICES = 8;

const cuts = suite('power cuts of scenes');

async function plugged(scene: Scene): Promise<{ plug: PlugEngine; played: Played }> {
  const played = await playAhead(scene);
  return { plug: makePlug(played.bench), played };
}

/** What survives by the bits of `mask`. */
function keptBy(stake: Stake, mask: number): boolean[] {
  const count = stake.writes.reduce((sum, { choices }) => sum + choices, 0);
  return Array.from({ length: count }, (_, index) => (mask & (1 << index)) !== 0);
}

cuts('no choice at any step of the first scene breaks a promise', async () => {
  const { plug, played } = await plugged(WRITE_TO_MEDIA);
  let cutCount = 0;
  let kept = 0;
  let lost = 0;
  for (let step = 0; step <= played.stepCount; step++) {
    const stake = await plug.stake(step, 0, 0);
    const count = stake.writes.length;
    assert.ok(count <= MOST_CHOICES, `${count} uncertain writes at step ${step}`);
    for (let mask = 0; mask < 1 << count; mask++) {
      const { judged } = await plug.cut({
        step,
        crash: 'power',
        drive: 0,
        tearing: 0,
        kept: keptBy(stake, mask),
      });
      assert.is(judged.promisedLost, 0, `step ${step}, mask ${mask}`);
      assert.is(judged.foreignSectors, 0, `step ${step}, mask ${mask}`);
      cutCount++;
      kept += judged.luckyThere;
      lost += judged.unpromisedLost;
    }
  }
  assert.ok(cutCount > played.stepCount);
  assert.ok(kept > 0 && lost > 0);
});

cuts('a drive that lies about flushes is found out, and said to lie', async () => {
  const { plug, played } = await plugged(LYING_DRIVE);
  const { stepCount: step } = played;
  const stake = await plug.stake(step, 1, 0);
  assert.ok(stake.promised.length > 0 && stake.writes.length > 0);
  const cut = { step, crash: 'power', drive: 1, tearing: 0 } as const;
  const lost = await plug.cut({ ...cut, kept: keptBy(stake, 0) });
  assert.ok(lost.judged.promisedLost > 0);
  assert.ok(lost.isLying);
  const drives = lost.judged.writes
    .filter(({ isBroken }) => isBroken)
    .map(({ row }) => lost.rows[row]?.target);
  assert.equal([...new Set(drives)], ['drive1']);
  const whole = await plug.cut({ ...cut, kept: keptBy(stake, 2 ** stake.writes.length - 1) });
  assert.is(whole.judged.promisedLost, 0);
  assert.is((await plug.cut({ ...cut, crash: 'os', kept: [] })).judged.promisedLost, 0);
});

cuts('a killed process loses nothing, a crash of the kernel what is only in memory', async () => {
  const { plug, played } = await plugged(WRITE_TO_MEDIA);
  const cut = { step: Math.round(played.stepCount / 4), drive: 0, tearing: 0, kept: [] };
  const ofProcess = await plug.cut({ ...cut, crash: 'process' });
  const ofKernel = await plug.cut({ ...cut, crash: 'os' });
  const isAllThere = (fate: string) => fate === 'there' || fate === 'replaced';
  const done = ofProcess.judged.writes.filter(({ row }) => ofProcess.rows[row]?.ended !== undefined);
  assert.ok(done.length > 0 && done.every(({ fate }) => isAllThere(fate)));
  assert.ok(ofKernel.judged.unpromisedLost > 0);
});

cuts('every choice at a moment is counted, and none breaks a promise', async () => {
  const { plug, played } = await plugged(WRITE_TO_MEDIA);
  for (let step = 0; step <= played.stepCount; step += 7) {
    const stake = await plug.stake(step, 0, 0);
    const tally = await plug.exploreMoment(step, 0, () => undefined);
    assert.is(tally.states, 2 ** stake.writes.length, `step ${step}`);
    assert.ok(tally.isExhaustive);
    assert.is(tally.lost + tally.halves, 0);
  }
});

cuts('when writes may tear, a write has a choice for each unit', async () => {
  const { plug, played } = await plugged(WRITE_TO_MEDIA);
  let torn = 0;
  for (let step = 0; step <= played.stepCount; step += 3) {
    const stake = await plug.stake(step, 0, 4096);
    const count = stake.writes.reduce((sum, { choices }) => sum + choices, 0);
    if (count === stake.writes.length) continue;
    const kept = Array.from({ length: count }, (_, index) => index % 2 === 0);
    const { judged } = await plug.cut({ step, crash: 'power', drive: 0, tearing: 4096, kept });
    torn += judged.writes.filter(({ fate }) => fate === 'partly').length;
    assert.is(judged.promisedLost, 0);
  }
  assert.ok(torn > 0);
});

cuts(
  'a file that another one has replaced, whole, breaks no promise; an empty one in its place does',
  async () => {
    const { plug, played } = await plugged(RENAME_REPLACE);
    const brokenAt: number[] = [];
    for (let step = 0; step <= played.stepCount; step++) {
      const stake = await plug.stake(step, 0, 0);
      const all = { step, crash: 'power', drive: 0, tearing: 0, kept: keptBy(stake, -1) } as const;
      assert.is((await plug.cut(all)).judged.promisedLost, 0, `all is kept at step ${step}`);
      const { judged } = await plug.cut({ ...all, kept: keptBy(stake, 0) });
      if (judged.promisedLost > 0) brokenAt.push(step);
      // the name without the content: the drive keeps its newest write only
      const newest = keptBy(stake, 0).map((_, index, { length }) => index === length - 1);
      const swapped = await plug.cut({ ...all, kept: newest });
      if (swapped.judged.promisedLost > 0) brokenAt.push(-step);
    }
    assert.ok(brokenAt.length > 0, 'a name without its content broke nothing');
    assert.ok(
      brokenAt.every((step) => step < 0),
      `broken though nothing volatile was kept: ${brokenAt}`,
    );
  },
);

cuts.run();
