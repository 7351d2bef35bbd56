// The three errors: their fields, their messages, and the names of error numbers.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, check, errnoName, InternalError, StorageError, VolumeError } from '../../src/errors.ts';

const errors = suite('errors');

errors('a number has its Linux name, either sign; one without a name is shown', () => {
  assert.equal([-5, 5, -28, -35, -95, -21, -133].map(errnoName), [
    'EIO',
    'EIO',
    'ENOSPC',
    'EDEADLK',
    'EOPNOTSUPP',
    'EISDIR',
    'E133',
  ]);
});

errors('a StorageError says what failed, where, and what may help, and leaves out what is not known', () => {
  const full = new StorageError('pread', -5, { path: 'a', offset: 0, length: 3, hint: 'try again' });
  assert.is(full.message, "EIO: pread 'a' at offset 0, 3 bytes (try again)");
  const bare = new StorageError('fsync', 5);
  assert.is(bare.message, 'EIO: fsync');
  assert.equal([bare.errno, bare.code, 'path' in bare && bare.path !== undefined], [-5, 'EIO', false]);
  assert.ok(bare instanceof Error);
});

errors('a ConfigError is a RangeError with field, value and limit', () => {
  const error = new ConfigError('cache', 'lots', 'a size');
  assert.ok(error instanceof RangeError);
  assert.is(error.message, "cache is 'lots'; it must be a size");
  assert.equal([error.field, error.value, error.limit], ['cache', 'lots', 'a size']);
  assert.is(new ConfigError('n', 2n, 'less').message, 'n is 2; it must be less');
});

errors('an InternalError asks for a report with its seed', () => {
  const cause = new Error('trap');
  const error = new InternalError('it broke', 3, 14, cause);
  assert.is(
    error.message,
    'it broke (seed 3, step 14). This is a bug in sectorlab; please report it with the seed.',
  );
  assert.equal([error.seed, error.step, error.cause], [3, 14, cause]);
});

errors('check passes counts on and throws for negative results', () => {
  assert.equal([check('read', 0), check('read', 7)], [0, 7]);
  assert.throws(() => check('read', -11), 'EAGAIN: read');
});

errors('an error of two paths names both', () => {
  const error = new StorageError('rename', -2, { path: '/a', dest: '/b' });
  assert.is(error.message, "ENOENT: rename '/a' -> '/b'");
  assert.equal([error.path, error.dest], ['/a', '/b']);
});

errors('a VolumeError tells each problem in a line', () => {
  const error = new VolumeError('EUCLEAN: the volume is damaged', ['one', 'two']);
  assert.is(error.message, 'EUCLEAN: the volume is damaged\n  one\n  two');
  assert.equal(
    [error.name, error.code, error.errno, error.problems],
    ['VolumeError', 'EUCLEAN', -117, ['one', 'two']],
  );
});

errors.run();
