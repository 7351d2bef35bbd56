// test-timeout: 60
// Power cuts of scenes: whatever the reader chooses, an honest drive keeps its promises, and a lying one is found out.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scene } from '../../../../src/playground/scene/types.ts';
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
      const { judged } = await plug.cut({ step, crash: 'power', drive: 0, tearing: 0, kept: keptBy(stake, mask) });
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

cuts.run();
