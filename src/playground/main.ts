// The page: it starts the worker, hands it commands, and draws what the records say.
//
// Reports are drawn once a frame. The state that a test or a reader's tool may want stands on <main>: data-state,
// data-record-hash, data-now-ns, data-event-count, data-step, data-chapter.
// Invariant: everything drawn comes from records and counters of the machine; nothing is staged.

import { Controls } from './controls.ts';
import { formatCount, formatTime } from './describe.ts';
import { byId, setText } from './dom.ts';
import { Model } from './model.ts';
import { NoteFinder } from './notes.ts';
import type { Command, Progress, Report } from './protocol.ts';
import { FIRST_SCENE } from './scene.ts';
import { drawTicks } from './views/axis.ts';
import { blockView } from './views/block.ts';
import { cacheView } from './views/cache.ts';
import { countersView } from './views/counters.ts';
import { driveView } from './views/drive.ts';
import { logView } from './views/log.ts';
import { ringsView } from './views/rings.ts';
import { storyView } from './views/story.ts';

const scene = FIRST_SCENE;
const { driveSectors } = scene.shape;
const page = byId('playground');

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const post = (command: Command): void => worker.postMessage(command);
const controls = new Controls(post);

const lanes = [
  ringsView(byId('rings')),
  cacheView(byId('cache'), byId('leaving')),
  blockView(byId('queue'), driveSectors),
  driveView(
    {
      channels: byId('channels'),
      held: byId('held'),
      media: byId('media'),
      summary: byId('risk'),
    },
    driveSectors,
  ),
];
const drawCounters = countersView(byId('counters'));
const log = logView(byId('log'));
const drawStory = storyView(
  {
    chapters: byId('chapters'),
    title: byId('chapter-title'),
    text: byId('chapter-text'),
    notes: byId('notes'),
  },
  scene,
  (chapter) => post({ type: 'seek', chapter }),
);
for (const axis of document.querySelectorAll<HTMLElement>('.axis')) drawTicks(axis, driveSectors);

let model = new Model(scene.shape);
let notes = new NoteFinder(scene.chapters);
let waiting: Progress[] = [];

function draw(): void {
  const last = waiting.at(-1);
  if (last === undefined) return;
  for (const { chapter, step, entries } of waiting) {
    for (const entry of entries) {
      model.apply(entry);
      notes.apply(entry);
    }
    model.advanceTo(chapter, step);
  }
  const entries = waiting.flatMap((progress) => progress.entries);
  waiting = [];
  for (const drawLane of lanes) drawLane(model);
  drawStory(last.chapter, notes.shown, last.state === 'finished');
  drawCounters(last.counters, last.step === 0);
  // last, because it scrolls to its end and the story decides its height
  log.add(entries);
  controls.show(last);
  setText(byId('clock'), formatTime(last.nowNs));
  setText(byId('events'), formatCount(last.eventCount));
  setText(byId('hash'), last.recordHash);
  Object.assign(page.dataset, {
    state: last.state,
    recordHash: last.recordHash,
    nowNs: last.nowNs,
    eventCount: last.eventCount,
    step: last.step,
    chapter: last.chapter,
  });
}

function fail(message: string): void {
  page.dataset.state = 'failed';
  const alert = byId('failure');
  alert.hidden = false;
  setText(alert, message);
}

worker.addEventListener('message', ({ data: report }: MessageEvent<Report>) => {
  if (report.type === 'failed') {
    fail(`The machine could not go on: ${report.message}`);
    return;
  }
  if (report.type === 'loaded') {
    model = new Model(scene.shape);
    notes = new NoteFinder(scene.chapters);
    waiting = [];
    log.clear();
  }
  waiting.push(report);
  if (waiting.length === 1) requestAnimationFrame(draw);
});
worker.addEventListener('error', () => {
  fail('The worker could not start. Open this page over http, for instance with: npx sectorlab playground');
});

controls.sendSpeed();
post({ type: 'load' });
