// Memory that is kept from call to call.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BufferArena } from '../../../src/core/buffer-arena.ts';
import { Scratch } from '../../../src/core/scratch.ts';

const kept = suite('scratch');

kept(
  'what is large enough stays, what is not grows to twice as much at least, and free gives all back',
  () => {
    const arena = new BufferArena(4096, 65536);
    const scratch = new Scratch(arena);
    assert.is(arena.freeBytes, 65536, 'nothing before it is asked for');
    const first = scratch.reserve(1);
    assert.is(scratch.reserve(64), first);
    assert.is(arena.freeBytes, 65536 - 64);
    const second = scratch.reserve(65);
    assert.is(arena.freeBytes, 65536 - 128);
    assert.is(scratch.reserve(128), second);
    scratch.reserve(1000);
    assert.is(arena.freeBytes, 65536 - 1024);
    scratch.free();
    scratch.free();
    assert.is(arena.freeBytes, 65536);
    assert.is(scratch.reserve(1) > 0, true, 'it can be used again');
  },
);

kept('when there is no room it keeps what it has', () => {
  const arena = new BufferArena(4096, 1024);
  const scratch = new Scratch(arena);
  const address = scratch.reserve(512);
  assert.throws(() => scratch.reserve(600), /buffers/);
  assert.is(scratch.reserve(512), address);
  scratch.free();
  assert.is(arena.freeBytes, 1024);
});

kept('what is abandoned is never handed out again, and what is aligned stays so', () => {
  const arena = new BufferArena(4096, 65536);
  const scratch = new Scratch(arena, 4096);
  const first = scratch.reserve(100);
  assert.is(first % 4096, 0);
  scratch.abandon();
  const second = scratch.reserve(100);
  assert.is.not(second, first);
  assert.is(second % 4096, 0);
  scratch.free();
  assert.is(arena.freeBytes, 65536 - 128, 'the abandoned bytes are gone');
});

kept.run();
