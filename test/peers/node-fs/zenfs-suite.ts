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

// as one module that imports them all: the suites then begin in this order, however long a file takes to load
const imports = FILES.map(
  (name) => `import '${import.meta.resolve(`@zenfs/core/tests/fs/${name}.test.ts`)}';`,
);
await import(`data:text/javascript,${encodeURIComponent(imports.join('\n'))}`);
