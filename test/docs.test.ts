// Every @example of a docstring in src/ runs. The names that it uses are those of the package and of src/trace.
//
// The examples run in a temporary folder that holds the files they name.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as libaio from '../src/adapters/libaio.ts';
import * as nodeFs from '../src/adapters/node-fs.ts';
import * as pglite from '../src/adapters/pglite.ts';
import * as sqlite from '../src/adapters/sqlite.ts';
import * as wasi from '../src/adapters/wasi.ts';
import * as sectorlab from '../src/index.ts';
import * as trace from '../src/trace/index.ts';

const source = fileURLToPath(new URL('../src/', import.meta.url));
const ROWS = '128166372003061629,hm,0,Read,0,4096,1\n128166372003061729,hm,0,Write,4096,512,1\n';

/** The code behind each @example, by the file that holds it. */
function examples(): { file: string; code: string }[] {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.flatMap((file) => {
    const text = readFileSync(path.join(source, file), 'utf8');
    return [...text.matchAll(/^\s*\* @example\n((?:\s*\*(?!\/)(?! @).*\n)+)/gm)].map(([, body]) => ({
      file,
      code: (body as string).replace(/^\s*\* ?/gm, ''),
    }));
  });
}

const docs = suite('docs');

docs('there are examples to run', () => {
  assert.ok(examples().length > 0);
});

for (const { file, code } of examples()) {
  docs(`the example in src/${file} runs and prints`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-docs-'));
    const before = process.cwd();
    const printed: unknown[][] = [];
    try {
      writeFileSync(path.join(folder, 'hm_0.csv.gz'), gzipSync(ROWS));
      process.chdir(folder);
      const names: Record<string, unknown> = {
        ...sectorlab,
        ...trace,
        ...libaio,
        ...nodeFs,
        ...pglite,
        ...sqlite,
        sqlite3InitModule,
        ...wasi,
        console: { log: (...values: unknown[]) => printed.push(values) },
      };
      const AsyncFunction = (async () => {}).constructor as new (
        ...parts: string[]
      ) => (...values: unknown[]) => Promise<void>;
      await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
    } finally {
      process.chdir(before);
      rmSync(folder, { recursive: true, force: true });
    }
    assert.ok(printed.length > 0);
    if (file === path.join('trace', 'open.ts')) assert.equal(printed.at(-1), ['msr-csv', 2]);
    if (file === path.join('adapters', 'sqlite.ts')) assert.equal(printed, [[['buy milk']]]);
  });
}

docs.run();
