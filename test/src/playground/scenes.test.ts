// Every scene of the gallery runs to its end, is the same run in both builds, and its captions stand on records, in their order.
// test-timeout: 120

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describe } from '../../../src/playground/model/describe.ts';
import { checkScene } from '../../../src/playground/scene/check.ts';
import { FIRST_SCENE, SCENES } from '../../../src/playground/scenes/index.ts';
import { playScene } from '../../support/scene.ts';

/** Longest line of a caption that a reader takes in while the scene goes on. */
const NOTE_CHARACTERS = 130;
/** Longest text of a chapter that has room beside them. */
const TEXT_CHARACTERS = 105;
const SMALL_MEMORY_BYTES = 16 * 1024 * 1024;

/** Requests that are meant to fail, by scene. */
const FAILURES: Readonly<Record<string, number>> = { 'fsync-error': 1 };

const gallery = suite('gallery of scenes');

gallery('it begins with the first scene, and no two scenes have the same id or title', () => {
  assert.is(SCENES[0], FIRST_SCENE);
  for (const key of ['id', 'title', 'question'] as const)
    assert.is(new Set(SCENES.map((scene) => scene[key])).size, SCENES.length, key);
});

gallery('scenes of a group stand together', () => {
  const groups = SCENES.map(({ group }) => group).filter((group, index, all) => group !== all[index - 1]);
  assert.is(new Set(groups).size, groups.length, groups.join(', '));
});

for (const scene of SCENES) {
  gallery(`${scene.id}: every word is there, and short enough to be read`, () => {
    assert.match(scene.id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.ok(scene.question.endsWith('?'));
    const texts = [scene.title, scene.intro, ...scene.chapters.flatMap(({ title, text }) => [title, text])];
    for (const text of texts) assert.ok(text.length > 0 && !text.includes('!'), text);
    for (const { notes, title, text } of scene.chapters) {
      assert.ok(notes.length > 0, title);
      assert.ok(text.length <= TEXT_CHARACTERS, text);
      for (const note of notes)
        assert.ok(note.text.length > 0 && note.text.length <= NOTE_CHARACTERS, note.text);
    }
  });

  gallery(`${scene.id}: it is a scene that would be taken from a link, too`, () => {
    assert.equal(checkScene(JSON.parse(JSON.stringify(scene))), JSON.parse(JSON.stringify(scene)));
  });

  gallery(
    `${scene.id}: it runs to its end, each note is proved in its place, and both builds agree`,
    async () => {
      const played = await playScene(scene);
      assert.is(played.run.stuck, undefined);
      assert.is(played.lost, 0);
      const { clients } = played.run;
      for (const { submitted, completed } of clients) assert.is(completed, submitted);
      assert.is(
        clients.reduce((sum, { failed }) => sum + failed, 0),
        FAILURES[scene.id] ?? 0,
      );
      scene.chapters.forEach(({ notes, title }, index) => {
        const found = played.found.filter(({ chapter }) => chapter === index).map(({ note }) => note.text);
        assert.equal(
          found,
          notes.map(({ text }) => text),
          title,
        );
      });
      const kinds = new Map(played.chapters.flat().map((record) => [record.kind, record]));
      for (const [kind, record] of kinds) assert.is.not(describe(record), kind);
      assert.ok(played.run.machine.core.memory.bytes.length <= SMALL_MEMORY_BYTES);
      const debug = await playScene(scene, 'debug');
      assert.is(debug.run.machine.recordHash, played.run.machine.recordHash);
      assert.is(debug.run.stepCount, played.run.stepCount);
      assert.equal(debug.run.machine.counters, played.run.machine.counters);
    },
  );
}

gallery.run();
