// test-timeout: 60
// Links, the address and trace files on the page: what opens is what was meant, what can not be opened is told and changes nothing, and what another build made is told so.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { applyChanges, changesOf, ownScene } from '../../../../src/playground/scene/changes.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { FIRST_SCENE, SCENES } from '../../../../src/playground/scenes/index.ts';
import { encodeLink } from '../../../../src/playground/share/link.ts';
import { playAhead } from '../support/engine.ts';
import { openPage } from '../support/page.ts';

const page = await openPage();
const opening = suite('opening links and files');

const MERGING = SCENES.find(({ id }) => id === 'merging') as Scene;
const OWN: Scene = { ...MERGING, id: 'mine', title: 'Mine', group: 'yours' };
const MERGED = await playAhead(MERGING);

/** Resolves when the shown run is known to its end. */
function whole(): Promise<void> {
  return new Promise((resolve) => {
    const stop = page.runVersion.subscribe(() => {
      if (page.run.value?.isWhole !== true) return;
      setTimeout(() => stop());
      resolve();
    });
  });
}

/** All that a reader would see of what is open. */
function shown(): readonly unknown[] {
  return [page.scene.value, page.run.value, page.cursor.value];
}

opening.before(async () => {
  await page.keepAddress();
});
opening.before.each(async () => {
  await page.openScene(FIRST_SCENE);
  await whole();
});
opening.after(() => page.close());

opening(
  'a link opens its scene at its moment, and nothing is told when the records are those of its maker',
  async () => {
    const step = Math.round(MERGED.stepCount / 2);
    const link = await encodeLink({ scene: MERGING, step, hash: MERGED.hashOf(step) }, SCENES);
    assert.is(await page.openLink(`#${link}`), 'opened');
    assert.is(page.scene.value, MERGING);
    assert.is(page.cursor.value, step);
    assert.is(page.problem.value, undefined);
  },
);

opening(
  'a link of another build, whose records differ, opens at its moment and says so with both hashes',
  async () => {
    const hash = MERGED.hashOf(7);
    const other = `${hash.startsWith('0') ? '1' : '0'}${hash.slice(1)}`;
    assert.is(await page.openLink(`v1&scene=merging&step=7&hash=${other}`), 'opened');
    assert.is(page.cursor.value, 7);
    assert.is(
      page.problem.value,
      `This build gives another run: at step 7 its records have hash ${hash}, and the link says ${other}.`,
    );
  },
);

opening(
  'a link to a step that this build’s run does not have ends at the last one, and says so',
  async () => {
    assert.is(await page.openLink('v1&scene=merging&step=999999&hash=00'), 'opened');
    assert.is(page.cursor.value, MERGED.stepCount);
    assert.is(
      page.problem.value,
      `The link is about step 999999, and this run ends at step ${MERGED.stepCount}: this build gives another run.`,
    );
  },
);

const changedScene = (change: object): Promise<string> =>
  encodeLink({ scene: { ...OWN, ...change } as Scene, step: undefined, hash: undefined }, SCENES);

const OLDER: readonly (readonly [what: string, link: () => Promise<string> | string, told: RegExp])[] = [
  ['an option that is gone', () => 'v1&scene=merging&machine.turbo=true', /machine\.turbo.*left out/],
  ['an option outside its range of now', () => 'v1&scene=merging&machine.cache=1', /cache/],
  [
    'a client that is gone',
    () => 'v1&scene=merging&clients[7].depth=4',
    /clients\[7\]\.depth.*not in this scene/,
  ],
  ['a part of a link that is gone', () => 'v1&scene=merging&speed=4', /"speed" names no option/],
  ['a scene that is gone', () => 'v1&scene=elevator', /"elevator", which this page does not have/],
  ['a later form', () => 'v2&scene=merging', /of form v2; this page reads v1/],
  ['an own scene with a field that is gone', () => changedScene({ speed: 2 }), /speed.*left out/],
  ['an own scene without a field of now', () => changedScene({ intro: undefined }), /intro.*given/],
  ['an own scene of a kind that is gone', () => changedScene({ group: 'basics' }), /group.*basics.*one of/],
];

for (const [what, link, told] of OLDER)
  opening(`a link with ${what} is told so, and what was shown stays`, async () => {
    await page.seek(3);
    const before = shown();
    assert.is(await page.openLink(await link()), 'nothing');
    assert.match(page.problem.value ?? '', told);
    assert.not.match(page.problem.value ?? '', /undefined/);
    shown().forEach((one, index) => {
      assert.is(one, before[index]);
    });
  });

opening('an option that this page does not take is told to be, perhaps, of another version', async () => {
  await page.openLink('v1&scene=merging&machine.turbo=true');
  assert.match(
    page.problem.value ?? '',
    /^The link can not be opened: machine\.turbo .*another version of this page/,
  );
});

opening(
  'a page that begins with a link which the machine refuses shows the first scene, and says why',
  async () => {
    page.run.value = undefined;
    page.address.go('#v1&scene=merging&machine.cache=1');
    await toldOf(/cache/);
    await whole();
    assert.is(page.scene.value, FIRST_SCENE);
    assert.match(page.problem.value ?? '', /cache/);
  },
);

opening(
  'of two scenes that are opened at once the later one is shown, and nothing is told of the other',
  async () => {
    await Promise.all([page.replaceScene(MERGING), page.replaceScene(OWN)]);
    assert.is(page.scene.value, OWN);
    const texts = [MERGING, OWN].map((one) => page.openText(JSON.stringify(one), 'scene.json'));
    await Promise.all(texts);
    assert.is(page.scene.value.title, 'Mine');
    assert.is(page.problem.value, undefined);
  },
);

opening('a link that is still being opened says nothing once another scene is', async () => {
  let next: Promise<unknown> | undefined;
  await page.openLink('v1&scene=ten-thousand&step=999999&hash=00', () => {
    setTimeout(() => {
      next = page.openScene(MERGING);
    });
  });
  await next;
  await whole();
  assert.is(page.scene.value, MERGING);
  assert.is(page.problem.value, undefined);
});

opening(
  'the address follows the scene: its name, its changes, or all of it; a step Back for each scene',
  async () => {
    const { address } = page;
    const count = address.history.length;
    await page.openScene(MERGING);
    assert.is(address.hash, '#scene=merging');
    assert.is(address.history.length, count + 1);
    await page.replaceScene(applyChanges(MERGING, { 'machine.seed': 9 }));
    await settled();
    assert.is(address.hash, '#v1&scene=merging&machine.seed=9');
    assert.is(address.history.length, count + 1, 'a knob is no step');
    await page.replaceScene(OWN);
    await settled();
    assert.is(address.hash, `#${await encodeLink({ scene: OWN, step: undefined, hash: undefined }, SCENES)}`);
    assert.is(address.history.length, count + 2);
    const chapters = OWN.chapters.map((one, index) => ({ ...one, text: noise(3999 - index) }));
    await page.replaceScene({ ...OWN, intro: noise(4000), chapters });
    await settled();
    assert.is(address.history.length, count + 2, 'a scene that is too long stays out of the address');
  },
);

/** Text that does not pack well. */
function noise(length: number): string {
  let state = length;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String.fromCharCode(33 + (state >>> 25));
  }).join('');
}

/** The address is written once the link is packed. */
async function settled(): Promise<void> {
  await encodeLink({ scene: { ...OWN, intro: noise(4000) }, step: undefined, hash: undefined }, []);
  await encodeLink({ scene: { ...OWN, intro: noise(4000) }, step: undefined, hash: undefined }, []);
}

/** Resolves when a scene with this id is shown. */
async function sceneShown(id: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = page.run.subscribe((run) => {
      if (run === undefined || page.scene.value.id !== id) return;
      setTimeout(() => stop());
      resolve();
    });
  });
}

opening(
  'an address that the reader goes to opens; an empty one is the first scene; a broken one changes nothing',
  async () => {
    const { address } = page;
    address.go('#v1&scene=merging&machine.seed=12');
    await sceneShown('merging');
    assert.equal(changesOf(page.scene.value), { 'machine.seed': 12 });
    assert.is(ownScene(page.scene.value), MERGING);
    const before = shown();
    address.go('#v1&scene=nowhere');
    await toldOf(/nowhere/);
    shown().forEach((one, index) => {
      assert.is(one, before[index]);
    });
    address.go('');
    await sceneShown(FIRST_SCENE.id);
    assert.is(page.scene.value, FIRST_SCENE);
  },
);

/** Resolves when the reader is told of it. */
function toldOf(what: RegExp): Promise<void> {
  return new Promise((resolve) => {
    const stop = page.problem.subscribe((told) => {
      if (!what.test(told ?? '')) return;
      setTimeout(() => stop());
      resolve();
    });
  });
}

const ROWS = Array.from(
  { length: 40 },
  (_, index) =>
    `${128166372000000000 + index * 1000},web,0,${index % 3 ? 'Write' : 'Read'},${index * 8192},4096,100`,
);
const TRACE = new Blob([`${ROWS.join('\n')}\n`]);

opening('a trace is read again for each choice, and each builds on the ones before', async () => {
  await page.openBlob(TRACE, 'web.csv');
  assert.is(page.problem.value, undefined);
  assert.is(page.scene.value.id, 'trace-web-csv');
  assert.is(page.shownTrace.value?.made.requestCount, 40);
  await page.changeTrace({ requests: 10 });
  await page.changeTrace({ model: 'hdd' });
  assert.equal(page.shownTrace.value?.choices, { requests: 10, direct: false, depth: 32, model: 'hdd' });
  assert.is(page.shownTrace.value?.made.requestCount, 10);
  assert.is(page.scene.value.machine.drives?.[0]?.model, 'hdd');
  const both = [page.changeTrace({ direct: true }), page.changeTrace({ depth: 4 })];
  await Promise.all(both);
  assert.equal(page.shownTrace.value?.choices, { requests: 10, direct: true, depth: 4, model: 'hdd' });
  assert.is(page.reading.value, undefined);
});

opening(
  'what knobs have changed about the machine stays with another choice, but for its drives',
  async () => {
    await page.openBlob(TRACE, 'web.csv');
    const changes = { 'machine.cache': 65536, 'machine.drives[0].queueDepth': 2, 'clients[0].depth': 3 };
    await page.replaceScene(applyChanges(page.scene.value, changes));
    assert.ok(page.shownTrace.value !== undefined, 'it is still the trace that is shown');
    await page.changeTrace({ requests: 5 });
    assert.equal(changesOf(page.scene.value), { 'machine.cache': 65536 });
    await page.openScene(MERGING);
    assert.is(page.shownTrace.value, undefined);
    await page.changeTrace({ requests: 6 });
    assert.is(page.scene.value, MERGING, 'no trace, no choice');
  },
);

opening('a reading that is cancelled, or overtaken, changes nothing and says nothing', async () => {
  const before = shown();
  const reading = page.openBlob(TRACE, 'web.csv');
  await Promise.resolve();
  page.cancelOpening();
  const other = page.openBlob(TRACE, 'one.csv');
  const last = page.openBlob(TRACE, 'two.csv');
  page.cancelOpening();
  await Promise.all([reading, other, last]);
  assert.is(page.problem.value, undefined);
  assert.is(page.reading.value, undefined);
  assert.ok(shown().every((one, index) => one === before[index]) || page.scene.value.id === 'trace-two-csv');
  await page.openBlob(TRACE, 'three.csv');
  assert.is(page.scene.value.id, 'trace-three-csv');
});

opening.run();
