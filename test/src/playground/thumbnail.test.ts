// The small picture of a scene: every bar inside it, for every scene of the gallery.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SCENES } from '../../../src/playground/scenes/index.ts';
import { THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, thumbnailOf } from '../../../src/playground/shell/thumbnail.tsx';

const thumbnail = suite('thumbnailOf');

for (const scene of SCENES)
  thumbnail(`${scene.id} has a picture, and every bar lies inside it`, () => {
    const bars = thumbnailOf(scene);
    assert.ok(bars.length > 0);
    for (const bar of bars) {
      assert.ok(bar.left >= 0 && bar.left + bar.width <= THUMBNAIL_WIDTH + 1e-9, JSON.stringify(bar));
      assert.ok(bar.top >= 0 && bar.top + bar.height <= THUMBNAIL_HEIGHT + 1e-9, JSON.stringify(bar));
      assert.ok(bar.width > 0 && bar.height > 0, JSON.stringify(bar));
    }
  });

thumbnail.run();
