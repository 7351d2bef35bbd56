// The editor's examples: each is a scene, and plays to its end.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../../../src/index.ts';
import { EXAMPLES } from '../../../../src/playground/panels/editor/examples.ts';
import { openScene } from '../../../../src/playground/scene/run.ts';
import { parseSceneText } from '../../../../src/playground/scene/text.ts';
import type { Scene } from '../../../../src/playground/scene/types.ts';

const examples = suite('examples of the editor');

for (const { name, text } of EXAMPLES) {
  examples(`"${name}" plays to its end, and its notes are about records that it makes`, async () => {
    const { scene, problems } = parseSceneText(text);
    assert.equal(problems, []);
    const run = await openScene(scene as Scene, (options) => Machine.create(options));
    while (run.step());
    assert.is(run.stuck, undefined);
    assert.ok(run.stepCount > 5);
    const kinds = new Set(run.machine.records.take().map((record) => record.kind));
    for (const chapter of (scene as Scene).chapters)
      for (const note of chapter.notes) assert.ok(kinds.has(note.kind), note.kind);
    run.machine.close();
  });
}

examples.run();
