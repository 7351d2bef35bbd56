// A note is shown from the record that proves it to the end of its chapter, wherever the reader comes from.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OP_READ, OP_WRITE } from '../../../../assembly/layout.ts';
import { NoteFinder } from '../../../../src/playground/scene/notes.ts';
import type { Chapter, SceneNote } from '../../../../src/playground/scene/types.ts';

const notes = suite('notes of a scene');

function chapter(...rows: Omit<SceneNote, 'text'>[]): Chapter {
  return {
    title: '',
    text: '',
    work: [],
    notes: rows.map((row, index) => ({ ...row, text: `note ${index}` })),
  };
}

/** Text and record of what is shown. */
function shown(finder: NoteFinder, at: number, endRecord: number): [string, number][] {
  return finder.shownAt(at, endRecord).map(({ note, record }) => [note.text, record]);
}

notes('the nth record of its kind, operation and device proves a note, and no earlier one', () => {
  const finder = new NoteFinder([
    chapter({ kind: 'issued', operation: OP_WRITE, nth: 2 }, { kind: 'issued', device: 3 }, { kind: 'lost' }),
  ]);
  finder.add(0, { kind: 'issued', operation: OP_WRITE, device: 0 });
  finder.add(0, { kind: 'issued', operation: OP_READ, device: 0 });
  finder.add(0, { kind: 'queued', operation: OP_WRITE, device: 3 });
  assert.equal(finder.found, []);
  finder.add(0, { kind: 'issued', operation: OP_WRITE, device: 3 });
  assert.equal(shown(finder, 0, 4), [
    ['note 0', 3],
    ['note 1', 3],
  ]);
});

notes('a note is shown only behind its record, and only in its chapter', () => {
  const finder = new NoteFinder([chapter({ kind: 'dirtied' }), chapter({ kind: 'dirtied' })]);
  finder.add(-1, { kind: 'dirtied', operation: OP_WRITE, device: 0 });
  finder.add(0, { kind: 'dirtied', operation: OP_WRITE, device: 0 });
  finder.add(1, { kind: 'dirtied', operation: OP_WRITE, device: 0 });
  assert.equal(shown(finder, 0, 1), []);
  assert.equal(shown(finder, 0, 2), [['note 0', 1]]);
  assert.equal(shown(finder, 0, 3), [['note 0', 1]]);
  assert.equal(shown(finder, 1, 3), [['note 0', 2]]);
  assert.equal(shown(finder, -1, 3), []);
});

notes.run();
