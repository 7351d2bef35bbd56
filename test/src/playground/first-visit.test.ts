// The first ten seconds: what the page plays by itself shows one write on its whole way, and says where it is at each stop.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_FLUSH } from '../../../assembly/layout.ts';
import { SECTORS_PER_PAGE } from '../../../src/playground/model/describe.ts';
import { CELL_DURABLE } from '../../../src/playground/model/media.ts';
import type { Run } from '../../../src/playground/model/run.ts';
import type { StackState } from '../../../src/playground/model/types.ts';
import { Playhead } from '../../../src/playground/playhead.ts';
import { FIRST_SCENE } from '../../../src/playground/scenes/index.ts';
import { FIRST_LOOK_MS, Story } from '../../../src/playground/story.ts';
import { playBeside } from './support/model.ts';

const firstVisit = suite('first visit');

const FRAME_MS = 1000 / 60;
const PATIENCE_MS = 10_000;
/** Page that the first write is of. */
const PAGE = 2;
/** What is shown for less is not seen. */
const LEAST_SHOWN_MS = 800;

interface Moment {
  readonly ms: number;
  readonly stop: string;
  /** The newest caption. */
  readonly caption: string;
}

/** What is shown in each frame of the page's own playing, up to the moment at which the media has the write. */
function playedFrames(run: Run): Moment[] {
  const story = new Story(run);
  story.catchUp();
  const playhead = new Playhead(0, FIRST_LOOK_MS);
  const frames: Moment[] = [];
  const rest = (step: number): number => story.restBehind(step);
  for (let ms = 0; ms < 60_000; ms += FRAME_MS) {
    const step = playhead.advance(FRAME_MS, FIRST_SCENE.pace ?? 4, run.stepCount, rest);
    const state = run.stateAt(step) as StackState;
    frames.push({ ms, stop: stopOf(state), caption: story.notesAt(step).at(-1)?.text ?? '' });
    if (frames.at(-1)?.stop === 'media') break;
  }
  return frames;
}

/** Where the first write is: the stop on its way. */
function stopOf({ cache, drives }: StackState): string {
  const page = cache.slots.find((each) => each?.index === PAGE);
  const [drive] = drives;
  if (drive?.media[PAGE * SECTORS_PER_PAGE] === CELL_DURABLE) return 'media';
  if (drive?.inService.some(({ hue }) => hue === 'write')) return 'drive';
  if (drive?.volatileWrites.length) return 'volatile';
  return page?.state === 'dirty' ? 'dirty' : 'before';
}

firstVisit(
  'within ten seconds the first write is on the media, with time and a caption at each stop',
  async () => {
    const run = await playBeside(FIRST_SCENE);
    const frames = playedFrames(run);
    const last = frames.at(-1) as Moment;
    assert.ok(last.ms < PATIENCE_MS, `${last.ms} ms`);
    const stops = [...new Set(frames.map(({ stop }) => stop))];
    assert.equal(stops, ['before', 'dirty', 'drive', 'volatile', 'media']);
    const captions = new Set([last.caption]);
    for (const stop of ['dirty', 'drive', 'volatile']) {
      const shown = frames.filter((frame) => frame.stop === stop);
      const caption = shown[0]?.caption ?? '';
      assert.ok(caption !== '', `${stop}: told from its first frame`);
      assert.ok(shown.length * FRAME_MS >= LEAST_SHOWN_MS, `${stop}: shown for ${shown.length} frames`);
      captions.add(caption);
    }
    assert.is(captions.size, 4, [...captions].join(' '));
  },
);

firstVisit('what put it there is a flush, after the application asked for it', async () => {
  const run = await playBeside(FIRST_SCENE);
  const kinds: string[] = [];
  for (let step = 1; run.chapterOf(step) === 0; step++) {
    const [first, end] = run.recordsOf(step);
    for (let number = first; number < end; number++) {
      const { kind, operation } = run.recordAt(number);
      kinds.push(operation === OP_FLUSH ? `${kind} flush` : kind);
    }
  }
  const way = ['dirtied', 'aioAccepted flush', 'writeback', 'queued', 'issued', 'volatile', 'issued flush'];
  const found = [...way, 'flushed flush'].map((kind) => kinds.indexOf(kind));
  assert.ok(
    found.every((at, index) => at >= 0 && at > (found[index - 1] ?? -1)),
    `${found}: ${kinds.join(' ')}`,
  );
});

firstVisit.run();
