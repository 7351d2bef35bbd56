// A discard and victims on their way out: no write-back of an evicted page may still be under way when the drive is told
// to forget its sectors, however large the range is.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StorageError } from '../../../src/index.ts';
import { BUILDS, EXACT, openMachine } from '../../support/machine.ts';

const PAGE = 4096;
const SIZE = 64 * PAGE;

const discard = suite('cache/discard');

for (const build of BUILDS) {
  for (const length of [PAGE, SIZE]) {
    discard(
      `${build}: a discard of ${length} bytes waits for the write-back of an evicted page`,
      async () => {
        const machine = await openMachine(build, { ...EXACT, drives: [{ size: SIZE }], cache: PAGE });
        const file = machine.openFile('drive0');
        machine.holdCompletions(true);
        file.write(new Uint8Array(PAGE).fill(1), 0);
        file.write(new Uint8Array(PAGE).fill(2), PAGE);
        assert.is(machine.counters.cache.nrWriteback, 1, 'the first page is on its way out');
        assert.throws(
          () => file.discard(0, length),
          (error: unknown) => error instanceof StorageError && error.code === 'EDEADLK',
        );
        assert.is(machine.counters.drive.discards, 0, 'the drive has not been told');
        machine.holdCompletions(false);
        machine.run();
        assert.is(machine.counters.drive.discards, 1);
        const left = file.read(2 * PAGE, 0);
        assert.is(left[0], 0);
        assert.is(left[PAGE], length === SIZE ? 0 : 2);
      },
    );
  }
}

discard.run();
