// What ZenFS's tests load as their file system (the file that SETUP names): a volume by the adapter, with the tests' files.
//
// The machine is of the build that BUILD names. Modes are taken as they are given, as in the package's own set-up for node:fs.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFs } from '../../../src/adapters/node-fs.ts';
import { type Build, openMachine } from '../../support/machine.ts';

const data = fileURLToPath(new URL('../tests/data/', import.meta.resolve('@zenfs/core')));

// the tests are written for Node 24
(Error as unknown as { isError: unknown }).isError ??= (value: unknown) => value instanceof Error;

export const fs = nodeFs(await openMachine(process.env.BUILD as Build, { volume: true }), {
  umask: 0,
});

export const Stats = fs.Stats;

/** What the suite is told that there is not; it skips the tests that need it. */
export const flags = { symlinks: false, watch: false, xattr: false, lchmod: false, 'promises.exists': false };

for (const name of readdirSync(data)) {
  const file = join(data, name);
  if (statSync(file).isFile()) fs.writeFileSync(`/${name}`, readFileSync(file));
}
