// The rules of the house that a formatter does not know, each a function from source text to its faults.
//
// A fault reads "path:line: what"; a file without one gives an empty list. test/tidy.test.ts tries each rule
// on made-up sources and then holds the repository to it.

import { posix } from 'node:path';
import ts from 'typescript';

/** Path from the repository's root → text. */
export type Sources = Map<string, string>;

/** From bottom to top; a file may import from its own layer and from those before it. */
const LAYERS = ['base', 'drive', 'block', 'cache', 'files', 'rings', 'guest', 'replay', 'machine', 'index'];
/** Stands beside the stack: looks at drives, and only the machine knows that it is there. */
const CRASH = 'crash';
const CRASH_IMPORTS = ['base', 'drive', CRASH];
const CRASH_IMPORTERS = ['machine', 'index', CRASH];

export const WASI = 'bindings/wasi_snapshot_preview1';
export const WASI_IMPORTER = 'assembly/drive/backing.ts';

export const CONSTANT_FILES = ['assembly/layout.ts', 'assembly/limits.ts'];
const CONSTANT_OPERATORS = [
  ts.SyntaxKind.PlusToken,
  ts.SyntaxKind.AsteriskToken,
  ts.SyntaxKind.LessThanLessThanToken,
  ts.SyntaxKind.BarToken,
];

export const HEADER_FREE_LINES = 15;

/** Every import or re-export that points up, aside or outside. */
export function importFaults(files: Sources): string[] {
  const faults: string[] = [];
  for (const [path, text] of files) {
    const from = layerOf(path);
    if (!isLayer(from)) faults.push(`${path}:1: ${from} is no layer`);
    for (const { specifier, line } of importsOf(path, text)) {
      const where = `${path}:${line}:`;
      if (!specifier.startsWith('.')) {
        if (specifier !== WASI) faults.push(`${where} unknown module ${specifier}`);
        else if (path !== WASI_IMPORTER) faults.push(`${where} only ${WASI_IMPORTER} may import ${WASI}`);
        continue;
      }
      const to = layerOf(posix.join(posix.dirname(path), specifier));
      if (!mayImport(from, to)) faults.push(`${where} ${from} may not import ${to} (${specifier})`);
    }
  }
  return faults;
}

function mayImport(from: string, to: string): boolean {
  if (to === CRASH) return CRASH_IMPORTERS.includes(from);
  if (from === CRASH) return CRASH_IMPORTS.includes(to);
  return LAYERS.includes(to) && LAYERS.indexOf(to) <= LAYERS.indexOf(from);
}

/** The layer that a path belongs to, which is its folder or, directly in assembly/, the file itself. */
function layerOf(path: string): string {
  const [top, second = ''] = path.split('/');
  if (top !== 'assembly') return path;
  const name = second.replace(/\.ts$/, '');
  return name === 'layout' || name === 'limits' ? 'base' : name;
}

function isLayer(name: string): boolean {
  return name === CRASH || LAYERS.includes(name);
}

/** Module variables and mutable statics become wasm globals; a default parameter adds one. */
export function stateFaults(files: Sources): string[] {
  const faults: string[] = [];
  for (const [path, text] of files) {
    const file = parse(path, text);
    const visit = (node: ts.Node, isModuleLevel: boolean): void => {
      const fault = (what: string) => faults.push(`${path}:${lineOf(file, node)}: ${what}`);
      if (isModuleLevel && ts.isVariableStatement(node)) {
        if ((node.declarationList.flags & ts.NodeFlags.Const) === 0) fault('module-level variable');
      } else if (ts.isPropertyDeclaration(node)) {
        const kinds = node.modifiers?.map((modifier) => modifier.kind) ?? [];
        const isStatic = kinds.includes(ts.SyntaxKind.StaticKeyword);
        if (isStatic && !kinds.includes(ts.SyntaxKind.ReadonlyKeyword)) fault('mutable static');
      } else if (ts.isParameter(node) && node.initializer !== undefined) {
        fault('default parameter');
      }
      const staysModuleLevel =
        isModuleLevel && (ts.isSourceFile(node) || ts.isModuleDeclaration(node) || ts.isModuleBlock(node));
      ts.forEachChild(node, (child) => visit(child, staysModuleLevel));
    };
    visit(file, true);
  }
  return faults;
}

/** Whatever is not `export const NAME = <integers and names joined by + * << |>;`. */
export function constantFaults(path: string, text: string): string[] {
  const file = parse(path, text);
  const isConstant = (node: ts.Expression): boolean => {
    if (ts.isNumericLiteral(node)) return Number.isInteger(Number(node.text));
    if (ts.isParenthesizedExpression(node)) return isConstant(node.expression);
    if (!ts.isBinaryExpression(node)) return ts.isIdentifier(node);
    return (
      CONSTANT_OPERATORS.includes(node.operatorToken.kind) && isConstant(node.left) && isConstant(node.right)
    );
  };
  const isGood = (statement: ts.Statement): boolean => {
    if (!ts.isVariableStatement(statement)) return false;
    const isExported = statement.modifiers?.length === 1 && statement.getText(file).startsWith('export');
    const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
    const declarations = statement.declarationList.declarations;
    return (
      isExported &&
      isConst &&
      declarations.every(
        ({ type, initializer }) => type === undefined && initializer !== undefined && isConstant(initializer),
      )
    );
  };
  return file.statements
    .filter((statement) => !isGood(statement))
    .map((statement) => `${path}:${lineOf(file, statement)}: ${statement.getText(file)}`);
}

export function viewFaults(files: Sources): string[] {
  const outside = new Map([...files].filter(([path]) => !path.startsWith('src/core/')));
  return faultsByLine(outside, /\bmemory\s*[!?]?\.\s*buffer\b|\bbuffer\b.*\}\s*=.*\bmemory\b/);
}

export function traceFaults(files: Sources): string[] {
  const faults: string[] = [];
  for (const [path, text] of files) {
    if (!path.startsWith('src/trace/')) continue;
    for (const { specifier, line } of importsOf(path, text)) {
      const target = posix.join(posix.dirname(path), specifier);
      if (specifier.startsWith('.') && target.startsWith('src/core/')) {
        faults.push(`${path}:${line}: ${specifier}`);
      }
    }
  }
  return faults;
}

export function headerFaults(files: Sources): string[] {
  const faults: string[] = [];
  for (const [path, text] of files) {
    const lines = text.split('\n');
    if (lines[0]?.startsWith('#!')) lines.shift();
    const opening = lines.join('\n');
    const hasHeader = /^(\/\/.*\n\/\/|\/\*(?!.*\*\/))/.test(opening);
    if (lines.length > HEADER_FREE_LINES && !hasHeader) faults.push(`${path}:1: no opening comment`);
  }
  return faults;
}

export function leftoverFaults(files: Sources): string[] {
  const inTests = new Map([...files].filter(([path]) => path.startsWith('test/')));
  return [...faultsByLine(files, /\b(?:TO[D]O|FIX[M]E)\b/), ...faultsByLine(inTests, /\.(?:only|skip)\(/)];
}

function faultsByLine(files: Sources, pattern: RegExp): string[] {
  return [...files].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

/** What a file imports or re-exports, and on which line. */
function importsOf(path: string, text: string): { specifier: string; line: number }[] {
  const file = parse(path, text);
  const info = ts.preProcessFile(text, true, true);
  return info.importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: file.getLineAndCharacterOfPosition(pos).line + 1,
  }));
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

function lineOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}
