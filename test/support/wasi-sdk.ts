// C programs for wasm32-wasi, compiled with the system's clang and wasi-libc.
//
// Verbs: missingForC, compileC. Debian packages: clang, lld, wasi-libc, libclang-rt-14-dev-wasm32.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const NEEDED = ['/usr/bin/clang', '/usr/bin/wasm-ld', '/usr/include/wasm32-wasi/stdio.h'];
const REMEDY = 'apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32';

/** What is missing to compile C (and of `others`, which a program needs), and what to do about it; undefined when nothing is. */
export function missingForC(others: readonly string[] = [], packages = ''): string | undefined {
  const runtime = spawnSync('clang', ['--target=wasm32-wasi', '-print-libgcc-file-name'], {
    encoding: 'utf8',
  });
  const missing = [...NEEDED, ...others, runtime.stdout?.trim() || 'libclang_rt'].filter(
    (file) => !existsSync(file),
  );
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} missing; install with: ${REMEDY} ${packages}`.trimEnd();
}

/** What a program is compiled with beside the C library. */
export interface CompileOptions {
  readonly flags?: readonly string[];
  /** Headers of the system that are used alone: what lies beside them is another system's. */
  readonly headers?: readonly string[];
  readonly libraries?: readonly string[];
}

/** The bytes of a program. `source`: a file of C. */
export function compileC(source: URL, options: CompileOptions = {}): Uint8Array<ArrayBuffer> {
  const { flags = [], headers = [], libraries = [] } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-c-'));
  try {
    const output = path.join(folder, 'program.wasm');
    for (const header of headers) copyFileSync(header, path.join(folder, path.basename(header)));
    const { status, stderr } = spawnSync(
      'clang',
      [
        ...['--target=wasm32-wasi', '-O1', '-Wall', '-Wextra', '-Werror', `-I${folder}`],
        ...flags,
        fileURLToPath(source),
        ...['-o', output],
        ...libraries,
      ],
      { encoding: 'utf8' },
    );
    assert.is(status, 0, stderr);
    return Uint8Array.from(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
