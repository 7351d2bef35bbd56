// Does my data survive a power cut? A whole machine inside one test: no root, no kernel module, no temporary file.
//
// The machine has one drive in memory with a volatile write cache, as most disks have, and a page cache in front of it.
// What was synced is there after the power comes back; what was only written is not. Copy this file and put your own
// storage engine between "write" and "sync".

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Machine } from '../../src/index.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** One drive of 1 MiB, and on it a file with room for 64 KiB. */
const config = {
  drives: [{ size: '1MiB' }],
  files: [{ name: 'accounts.db', capacity: '64KiB', size: '64KiB' }],
};

test('synced bytes survive a power cut, unsynced bytes do not', async () => {
  const machine = await Machine.create(config);
  const file = machine.openFile('accounts.db');

  // sync() is fsync: when it returns, this is on the media
  file.write(bytesOf('Ada owes 10'), 0);
  file.sync();

  // this only reaches the page cache; a read sees it, a disk does not
  file.write(bytesOf('Ada owes 99'), 0);
  assert.is(textOf(file.read(11, 0)), 'Ada owes 99');

  // a new machine over what the media hold; this one goes on, and can be crashed again
  const after = machine.crash('power');
  assert.is(textOf(after.openFile('accounts.db').read(11, 0)), 'Ada owes 10');

  // kill -9 is kinder: the page cache is the system's
  assert.is(textOf(machine.crash('process').openFile('accounts.db').read(11, 0)), 'Ada owes 99');
});

test('a direct write is gone too until the drive has flushed its own cache', async () => {
  const machine = await Machine.create(config);
  const file = machine.openFile('accounts.db', { direct: true });

  // direct I/O goes around the page cache, in whole sectors of 512 bytes
  file.write(new Uint8Array(512).fill(1), 0);
  file.sync();
  file.write(new Uint8Array(512).fill(2), 0);
  file.write(new Uint8Array(512).fill(2), 512);

  // the drive said "done" to both, but they are in its volatile cache
  assert.is(machine.volatileWrites(), 2);

  // each of the two may have reached the media or not: try every image that can be left
  const images = [0b00n, 0b01n, 0b10n, 0b11n].map((choose) => {
    const seen = machine.crash('power', { choose }).openFile('accounts.db').read(1024, 0);
    return [seen[0], seen[512]];
  });
  assert.equal(images, [
    [1, 0],
    [2, 0],
    [1, 2],
    [2, 2],
  ]);
});

test('the memory of a machine whose power was cut can be handed to the next', async () => {
  const machine = await Machine.create(config);
  const file = machine.openFile('accounts.db');
  file.write(bytesOf('Ada owes 10'), 0);
  file.sync();
  file.write(bytesOf('Ada owes 99'), 0);

  // cutPower ends this machine, and leaves its own memory (or its image file) as the media would be
  machine.cutPower();
  const reopened = await Machine.create({ ...config, drives: [{ memory: machine.memory() }] });
  assert.is(textOf(reopened.openFile('accounts.db').read(11, 0)), 'Ada owes 10');
});

test.run();
