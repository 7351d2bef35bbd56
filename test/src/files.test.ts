// Open files as a user meets them: what is returned, what is thrown, and the message's parts.
//
// Contents are the model's business (test/model); here are offsets and lengths out of range, flags, sizes, appending,
// transfers above the 1 MiB that cross at a time, descriptors, and calls on a drive that holds its completions.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_DESCRIPTORS } from '../../assembly/limits.ts';
import { ConfigError, StorageError } from '../../src/errors.ts';
import { BUILDS, openMachine } from '../support/machine.ts';

const files = suite('files');

function thrownBy(call: () => unknown): StorageError {
  try {
    call();
  } catch (error) {
    assert.instance(error, StorageError, String(error));
    return error as StorageError;
  }
  throw new Error('nothing was thrown');
}

for (const build of BUILDS) {
  files(`${build}: offsets and lengths are whole numbers from 0 to 2^53 - 1, bigint too`, async () => {
    const file = (await openMachine(build)).openFile('drive0');
    for (const offset of [-1, 0.5, Number.NaN, Infinity, 2 ** 53, -1n, 2n ** 53n]) {
      for (const call of [() => file.read(1, offset), () => file.write(new Uint8Array(1), offset)]) {
        assert.throws(call, (error: unknown) => error instanceof ConfigError && error.field === 'offset');
      }
    }
    for (const length of [-1, 1.5, Number.NaN])
      assert.throws(
        () => file.read(length, 0),
        (error: unknown) => error instanceof ConfigError && error.field === 'length',
      );
    assert.is(file.write(new Uint8Array([1, 2]), 10n), 2);
    assert.equal([...file.read(2, 10n)], [1, 2]);
    assert.is(file.read(1, Number.MAX_SAFE_INTEGER).length, 0);
    assert.is(thrownBy(() => file.write(new Uint8Array(1), Number.MAX_SAFE_INTEGER)).code, 'ENOSPC');
  });

  files(`${build}: an error has Node's shape and says where`, async () => {
    const file = (await openMachine(build, { drives: [{ size: 4096 }] })).openFile('drive0');
    const { name, code, errno, syscall, path, offset, length, message } = thrownBy(() =>
      file.write(new Uint8Array(7), 4096),
    );
    assert.equal(
      { name, code, errno, syscall, path, offset, length },
      {
        name: 'StorageError',
        code: 'ENOSPC',
        errno: -28,
        syscall: 'pwrite',
        path: 'drive0',
        offset: 4096,
        length: 7,
      },
    );
    assert.is(message, "ENOSPC: pwrite 'drive0' at offset 4096, 7 bytes");
  });

  files(`${build}: a name that is no file is ENOENT, a closed file EBADF`, async () => {
    const machine = await openMachine(build, { files: [{ name: 'a', capacity: 4096 }] });
    for (const name of ['drive1', 'b', '', 'drive', 'drive00x']) {
      const error = thrownBy(() => machine.openFile(name));
      assert.equal([error.code, error.syscall, error.path], ['ENOENT', 'open', name]);
    }
    assert.equal([machine.fileNumber('drive0'), machine.fileNumber('a')], [0, 1]);
    const file = machine.openFile('a');
    file.close();
    for (const call of [
      () => file.read(1, 0),
      () => file.write(new Uint8Array(1), 0),
      () => file.sync(),
      () => file.datasync(),
      () => file.discard(0, 512),
      () => file.size,
      () => file.close(),
    ])
      assert.is(thrownBy(call).code, 'EBADF');
  });

  files(`${build}: a handle that may only read does not write or discard`, async () => {
    const file = (await openMachine(build)).openFile('drive0', { readOnly: true });
    assert.is(file.read(5, 0).length, 5);
    assert.is(thrownBy(() => file.write(new Uint8Array(1), 0)).code, 'EBADF');
    assert.is(thrownBy(() => file.discard(0, 512)).code, 'EBADF');
  });

  files(`${build}: descriptors run out with EMFILE, and a closed one is given again`, async () => {
    const machine = await openMachine(build, { cache: 4096, buffers: 4096, aioMaxNr: 0 });
    const open = Array.from({ length: MAX_DESCRIPTORS }, () => machine.openFile('drive0'));
    assert.is(new Set(open.map(({ descriptor }) => descriptor)).size, MAX_DESCRIPTORS);
    assert.is(thrownBy(() => machine.openFile('drive0')).code, 'EMFILE');
    open[77]?.close();
    assert.is(machine.openFile('drive0').descriptor, open[77]?.descriptor);
  });

  files(`${build}: a transfer above 1 MiB crosses in parts and arrives whole`, async () => {
    const machine = await openMachine(build, { buffers: '2MiB' });
    const file = machine.openFile('drive0');
    const bytes = Uint8Array.from({ length: 2 * 1048576 + 77 }, (_, index) => (index * 31) % 251);
    assert.is(file.write(bytes, 1000), bytes.length);
    assert.is(Buffer.compare(file.read(bytes.length, 1000), bytes), 0);
    // short at the end of the drive
    assert.is(file.write(bytes, 67108864 - 1500000), 1500000);
    assert.is(file.read(bytes.length, 67108864 - 1500000).length, 1500000);
  });

  files(`${build}: an appending handle writes at the end of a flat file, whatever the offset`, async () => {
    const machine = await openMachine(build, { files: [{ name: 'log', capacity: 4096, size: 3 }] });
    const log = machine.openFile('log', { append: true });
    log.write(new Uint8Array([1]), 0);
    log.write(new Uint8Array([2]), 4000);
    assert.is(log.size, 5);
    assert.equal([...machine.openFile('log').read(10, 0)], [0, 0, 0, 1, 2]);
  });

  files(`${build}: a discard takes whole sectors inside the file`, async () => {
    const file = (await openMachine(build, { drives: [{ size: 4096 }] })).openFile('drive0');
    for (const [offset, length] of [
      [1, 512],
      [0, 511],
      [0, 8192],
    ] as const)
      assert.is(thrownBy(() => file.discard(offset, length)).code, 'EINVAL');
    assert.is(thrownBy(() => file.discard(4096, 512)).code, 'ENOSPC');
    file.discard(0, 0);
    file.discard(0, 4096);
  });

  files(
    `${build}: a call on a drive that holds its completions is EDEADLK, and its bytes stay its own`,
    async () => {
      const machine = await openMachine(build, { drives: [{ size: 8192, queueDepth: 1 }] });
      const file = machine.openFile('drive0', { direct: true });
      machine.holdCompletions(true);
      const error = thrownBy(() => file.write(new Uint8Array(512).fill(1), 0));
      assert.is(error.code, 'EDEADLK');
      assert.match(error.message, 'the drive holds its completions');
      // this one waits for the first: its bytes are read from client memory only later
      thrownBy(() => file.write(new Uint8Array(512).fill(2), 1024));
      machine.core.memory.bytes.fill(9, machine.buffers.allocate(512), machine.buffers.allocate(512) + 512);
      machine.holdCompletions(false);
      assert.is(file.write(new Uint8Array(1024).fill(3), 2048), 1024, "not an earlier call's result");
      assert.equal([file.read(512, 0)[0], file.read(512, 1024)[0], file.read(512, 2048)[0]], [1, 2, 3]);
    },
  );
}

files.run();
