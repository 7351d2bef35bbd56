// Loads ZenFS's tests of the `fs` module, in one process. They find the file system by the variable SETUP.
// The names are those of the package's folder tests/fs, without xattr, which node:fs does not have, watch, which the volume
// does not have, and dir, which makes a symbolic link before its first test.

const FILES = [
  'append',
  'concurrency',
  'directory',
  'errors',
  'exists',
  'links',
  'open',
  'permissions',
  'read',
  'readFile',
  'rename',
  'scaling',
  'stat',
  'streams',
  'tempdir',
  'times',
  'truncate',
  'write',
];

// all at once: the suites of a file begin when it is loaded, and the process ends with the last that has begun
await Promise.all(FILES.map((name) => import(import.meta.resolve(`@zenfs/core/tests/fs/${name}.test.ts`))));
