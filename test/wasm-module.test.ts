// The built modules keep the promises that snapshots and hosts rely on: WASI is all they import, all state
// sits in linear memory, and the exports are what assembly/index.ts lists, in i32 and f64 only.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readModuleShape } from './support/wasm-sections.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Exported by every module, beside what index.ts lists. */
const ALWAYS_EXPORTED = ['_initialize', 'memory'];
const BOUNDARY_TYPES = ['i32', 'f64'];

/** (global mutable i32), (global i64), (func (param i64)), exported as "f". */
const SAMPLE = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  [0x01, 0x05, 0x01, 0x60, 0x01, 0x7e, 0x00],
  [0x03, 0x02, 0x01, 0x00],
  [0x06, 0x0b, 0x02, 0x7f, 0x01, 0x41, 0x00, 0x0b, 0x7e, 0x00, 0x42, 0x00, 0x0b],
  [0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  [0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b],
].flat();

const wasmModule = suite('wasm module');

wasmModule('the section reader finds mutable globals and i64 parameters', async () => {
  const bytes = Uint8Array.from(SAMPLE);
  await WebAssembly.compile(bytes);
  const { functions, globals } = readModuleShape(bytes);
  assert.equal([...functions], [['f', { parameters: ['i64'], results: [] }]]);
  assert.equal(globals, [
    { type: 'i32', isMutable: true, isImported: false },
    { type: 'i64', isMutable: false, isImported: false },
  ]);
});

wasmModule('the export list of a source text is read whole', () => {
  const text = `
    export { open, close as shut } from './machine';
    export function step(): i32 { return 0; }
    function inner(): void {}
    export { inner as outer };
  `;
  assert.equal(exportedNames(text), ['open', 'outer', 'shut', 'step']);
  assert.throws(() => exportedNames("export * from './machine';"), 'by name');
  assert.throws(() => exportedNames('export const A = 1;'), 'function');
});

for (const name of ['core.wasm', 'core.debug.wasm']) {
  const bytes = readFileSync(join(root, 'wasm', name));
  const compiled = new WebAssembly.Module(bytes);
  const shape = readModuleShape(bytes);

  wasmModule(`${name} imports functions of wasi_snapshot_preview1 and nothing else`, () => {
    const others = WebAssembly.Module.imports(compiled).filter(
      ({ module, kind }) => module !== 'wasi_snapshot_preview1' || kind !== 'function',
    );
    assert.equal(others, []);
  });

  wasmModule(`${name} has no mutable global, so that memory is the whole state`, () => {
    assert.equal(
      shape.globals.filter(({ isMutable }) => isMutable),
      [],
    );
  });

  wasmModule(`${name} exports what assembly/index.ts lists, memory and _initialize`, () => {
    const exported = WebAssembly.Module.exports(compiled);
    const listed = exportedNames(readFileSync(join(root, 'assembly/index.ts'), 'utf8'));
    assert.equal(exported.map((item) => item.name).sort(), [...listed, ...ALWAYS_EXPORTED].sort());
    const others = exported.filter(({ name, kind }) => kind !== (name === 'memory' ? 'memory' : 'function'));
    assert.equal(others, []);
  });

  wasmModule(`${name} passes i32 and f64 only: an i64 would cross as a BigInt`, () => {
    const wrong = [...shape.functions].filter(([, { parameters, results }]) =>
      [...parameters, ...results].some((type) => !BOUNDARY_TYPES.includes(type)),
    );
    assert.equal(wrong, []);
    assert.ok(shape.functions.size > 0);
  });

  console.log(`${name}: ${bytes.length} bytes`);
}

wasmModule.run();

/** The names that a module exports, sorted; it must list each by name, and functions only. */
function exportedNames(text: string): string[] {
  const names: string[] = [];
  for (const statement of ts.createSourceFile('index.ts', text, ts.ScriptTarget.Latest, true).statements) {
    if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (clause === undefined || !ts.isNamedExports(clause)) throw new Error('export each function by name');
      names.push(...clause.elements.map((element) => element.name.text));
    } else if (ts.canHaveModifiers(statement)) {
      const isExported = ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      if (!isExported) continue;
      if (!ts.isFunctionDeclaration(statement) || statement.name === undefined) {
        throw new Error('export a function and nothing else');
      }
      names.push(statement.name.text);
    }
  }
  return names.sort();
}
