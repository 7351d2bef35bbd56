// Names are numbered in the order of their first appearance, keyed by raw bytes, and never past the capacity.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NameTable, NO_ROOM } from '../../../src/trace/names.ts';
import { utf8 } from './support.ts';

const names = suite('trace/names');

const find = (table: NameTable, name: string): number =>
  table.find(utf8(`<${name}>`), 1, utf8(name).length + 1);

names('a table answers as a Map of strings does', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 200 }), (asked) => {
      const table = new NameTable(200);
      const model = new Map<string, number>();
      for (const name of asked) {
        if (!model.has(name)) model.set(name, model.size);
        assert.is(find(table, name), model.get(name));
      }
      assert.is(table.names.length, model.size);
    }),
  );
});

names('a full table still knows its names and has no room for others', () => {
  const table = new NameTable(2);
  assert.equal([find(table, 'a'), find(table, 'b'), find(table, 'c'), find(table, 'a')], [0, 1, NO_ROOM, 0]);
  assert.equal(table.names, ['a', 'b']);
});

names('65,536 names fit', () => {
  const table = new NameTable(65536);
  for (let index = 0; index < 65536; index++) assert.is(find(table, `n${index}`), index);
  assert.is(find(table, 'n65536'), NO_ROOM);
  assert.is(find(table, 'n12345'), 12345);
});

names('control characters never reach the names that are shown', () => {
  const table = new NameTable(4);
  find(table, 'a\u001b[31m');
  assert.equal(table.names, ['a\ufffd[31m']);
});

names.run();
