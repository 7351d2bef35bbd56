// Playing: the same times lead to the same steps, no step is passed over, and it rests where it is told to.

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Playhead } from '../../../src/playground/playhead.ts';

const playhead = suite('Playhead');
const never = (): number => 0;

playhead('it makes its pace', () => {
  const head = new Playhead(0);
  assert.is(head.advance(999, 4, 100, never), 3);
  assert.is(head.advance(2, 4, 100, never), 4);
  assert.is(head.advance(60_000, 4, 100, never), 100);
});

playhead('it rests behind a step for as long as is asked, then goes on at its pace', () => {
  const head = new Playhead(0);
  const rest = (step: number): number => (step === 2 ? 1000 : 0);
  assert.is(head.advance(500, 4, 10, rest), 2);
  assert.is(head.advance(1000, 4, 10, rest), 2);
  assert.is(head.advance(249, 4, 10, rest), 2);
  assert.is(head.advance(2, 4, 10, rest), 3);
});

playhead('it rests before the last step it knows, and goes on when more is known', () => {
  const head = new Playhead(0);
  assert.is(head.advance(5000, 10, 3, never), 3);
  assert.is(head.advance(5000, 10, 3, never), 3);
  assert.is(head.advance(200, 10, 9, never), 5);
});

playhead('however time is cut into frames, it comes to the same step', () => {
  void fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.nat({ max: 300 }), { maxLength: 40 }),
      (frames, pace, rests) => {
        const rest = (step: number): number => rests[step] ?? 0;
        const inFrames = new Playhead(0);
        for (const frame of frames) inFrames.advance(frame, pace, 1000, rest);
        const totalMs = frames.reduce((sum, frame) => sum + frame, 0);
        const early = new Playhead(0).advance(totalMs - 1e-6, pace, 1000, rest);
        const late = new Playhead(0).advance(totalMs + 1e-6, pace, 1000, rest);
        assert.ok(inFrames.step >= early && inFrames.step <= late, `${early} ${inFrames.step} ${late}`);
      },
    ),
  );
});

playhead.run();
