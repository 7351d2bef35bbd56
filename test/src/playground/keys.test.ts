// The page's keys: each does one thing, and a control that has the focus keeps what it uses itself.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandOf, type Focus, KEYS, type Pressed } from '../../../src/playground/shell/keys.ts';

const keys = suite('keys');

function pressed(key: string, held: Partial<Pressed> = {}): Pressed {
  return { key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held };
}

keys('each row of the help is reached by its keys, and by nothing else', () => {
  for (const { keys: names, shift = false, command } of KEYS)
    for (const name of names) assert.is(commandOf(pressed(name, { shiftKey: shift }), 'none'), command);
  assert.is(new Set(KEYS.map(({ command }) => command)).size, KEYS.length);
  assert.is(commandOf(pressed('x'), 'none'), undefined);
});

keys('a letter is meant with capitals too, and ? with whatever makes it', () => {
  assert.is(commandOf(pressed('G', { shiftKey: true }), 'none'), 'scenes');
  assert.is(commandOf(pressed('?', { shiftKey: true }), 'none'), 'help');
});

keys('keys of the browser and of the system pass by', () => {
  for (const held of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }])
    for (const key of ['p', 'ArrowLeft', ' ']) assert.is(commandOf(pressed(key, held), 'none'), undefined);
});

keys('a focused control keeps the keys that it uses itself, and no others', () => {
  const kept: Readonly<Record<Focus, readonly string[]>> = {
    none: [],
    field: [' ', 'ArrowLeft', 'Home', 'g', '?', '['],
    pressable: [' '],
    mover: ['ArrowLeft', 'ArrowRight', 'Home', 'End'],
  };
  for (const focus of Object.keys(kept) as Focus[])
    for (const key of [' ', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'g', '?', '[']) {
      const isKept = focus === 'field' || kept[focus].includes(key);
      assert.is(commandOf(pressed(key), focus) === undefined, isKept, `${key} on ${focus}`);
    }
  assert.is(commandOf(pressed('ArrowRight', { shiftKey: true }), 'mover'), 'chapterForward');
});

keys.run();
