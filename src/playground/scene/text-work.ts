// Lines of a chapter in a scene's text: what clients do, and what the captions say.
//
// Verbs: readWork, printWork, readNote, printNote.

import { OP_DISCARD, OP_FLUSH, OP_READ, OP_WRITE, OP_WRITE_ZEROES } from '../../../assembly/layout.ts';
import { parseSize } from '../../core/size.ts';
import { type Knob, printValue, readValue } from '../panels/knobs/kinds.ts';
import type { Json } from './changes.ts';
import { LineError, printText, printWord, readText, readWord, splitWords } from './text-words.ts';
import type { SceneNote, Work } from './types.ts';

const PATTERNS = ['sequential', 'reverse', 'random', 'stride'];
const TRANSFERS = ['read', 'write', 'discard', 'writeZeroes'];
const PLAIN = ['fsync', 'fdatasync', 'flush', 'dropCaches', 'sync'];
const NAMES = ['create', 'mkdir', 'unlink', 'rename', 'truncate', 'fsyncDirectory'];
/** First words of work; a line that begins with none of the language's words is told of these. */
export const WORK_WORDS: readonly string[] = [...TRANSFERS, ...PLAIN, 'wait', ...NAMES, 'json'];

const OPERATIONS: Readonly<Record<string, number>> = {
  read: OP_READ,
  write: OP_WRITE,
  discard: OP_DISCARD,
  writeZeroes: OP_WRITE_ZEROES,
  flush: OP_FLUSH,
};

const SIZE: Knob = { label: 'size', kind: 'size', default: undefined, meaning: '' };
const TIME: Knob = { label: 'wait', kind: 'time', default: undefined, meaning: '' };

type Fields = Record<string, Json>;

function size(what: string, word: string): number {
  return readValue({ ...SIZE, label: what }, word) as number;
}

/** `[CLIENT:] OP …`. */
export function readWork(line: string): Work {
  const [, named, rest = ''] = /^("(?:[^"\\]|\\.)*"|[^\s":=]+):\s*(.*)$/.exec(line) ?? [];
  const [op = '', ...words] = splitWords(named === undefined ? line : rest);
  const client = named === undefined ? {} : { client: readWord(named) };
  return { ...readOperation(op, words, named === undefined ? line : rest), ...client } as Work;
}

function readOperation(op: string, words: readonly string[], rest: string): Fields {
  if (TRANSFERS.includes(op)) return readTransfer(op, words);
  if (op === 'json') return readJson(rest.replace(/^\s*json\s*/, ''));
  const counts: Record<string, number> = { wait: 1, rename: 2, truncate: 2 };
  const count = counts[op] ?? (NAMES.includes(op) ? 1 : 0);
  if (!WORK_WORDS.includes(op))
    throw new LineError(`"${op}" is nothing that a client can do; it can ${WORK_WORDS.join(', ')}`);
  if (words.length !== count) throw new LineError(`${op} takes ${count === 0 ? 'nothing' : count} behind it`);
  const [first = '', second = ''] = words;
  if (op === 'wait') return { op, ns: readValue(TIME, first) };
  if (op === 'rename') return { op, path: readWord(first), to: readWord(second) };
  if (op === 'truncate') return { op, path: readWord(first), size: size('size', second) };
  return count === 0 ? { op } : { op, path: readWord(first) };
}

function readTransfer(op: string, words: readonly string[]): Fields {
  const [offset, length, ...rest] = words;
  if (offset === undefined || length === undefined)
    throw new LineError(`${op} needs where and how much; write ${op} 8KiB 4KiB`);
  const work: Fields = { op, offset: size('offset', offset), length: size('length', length) };
  for (const word of rest) {
    const [, count] = /^x(\d{1,9})$/.exec(word) ?? [];
    const [, name = '', value = ''] = /^(span|stride)=(.+)$/.exec(word) ?? [];
    if (count !== undefined) work.count = Number(count);
    else if (PATTERNS.includes(word)) work.pattern = word;
    else if (word === 'fua') work.fua = true;
    else if (name !== '') work[name] = size(name, value);
    else
      throw new LineError(
        `"${word}" says nothing about a ${op}; it may be x100, ${PATTERNS.join(', ')}, span=16MiB, stride=64KiB or fua`,
      );
  }
  return work;
}

function readJson(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch {
    // said below
  }
  throw new LineError('json needs an object behind it, such as {"op":"fsync"}');
}

export function printWork(work: Work): string {
  const line = plainWork(work);
  if (line !== undefined && isSame(readWork(line), work)) return line;
  return `json ${JSON.stringify(work)}`;
}

/** What is written differently and means the same ('4KiB' and 4096) is the same. */
function isSame(one: Work, other: Work): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(work: Work): [string, unknown][] {
  const sizes = ['offset', 'length', 'span', 'stride', 'size'];
  return Object.entries(work)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): [string, unknown] => [name, sizes.includes(name) ? parseSize(value, name) : value])
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

function plainWork(work: Work): string | undefined {
  const fields = work as unknown as Fields;
  const sizeOf = (name: string): string => printValue(SIZE, fields[name]);
  const words: string[] = [work.op];
  if (TRANSFERS.includes(work.op)) {
    words.push(sizeOf('offset'), sizeOf('length'));
    if (fields.count !== undefined) words.push(`x${fields.count}`);
    if (fields.pattern !== undefined) words.push(String(fields.pattern));
    for (const name of ['span', 'stride'])
      if (fields[name] !== undefined) words.push(`${name}=${sizeOf(name)}`);
    if (fields.fua === true) words.push('fua');
  } else if (work.op === 'wait') words.push(printValue(TIME, fields.ns));
  else if (NAMES.includes(work.op)) {
    words.push(printWord(String(fields.path)));
    if (fields.to !== undefined) words.push(printWord(String(fields.to)));
    if (fields.size !== undefined) words.push(sizeOf('size'));
  } else if (!PLAIN.includes(work.op)) return undefined;
  const client = work.client === undefined ? '' : `${printClientName(work.client)}: `;
  return client + words.join(' ');
}

function printClientName(name: string): string {
  return /^[^\s":=#]+$/.test(name) ? name : JSON.stringify(name);
}

/** `KIND [NTH] [operation=…] [device=…]: TEXT` */
export function readNote(rest: string, kinds: readonly string[]): SceneNote {
  const at = rest.indexOf(':');
  const [kind = '', ...words] = splitWords(at < 0 ? rest : rest.slice(0, at));
  if (at < 0) throw new LineError('a note is a kind of record and its text; write note dirtied 2: text');
  if (!kinds.includes(kind))
    throw new LineError(`"${kind}" is no kind of record; there are ${kinds.join(', ')}`);
  const note: Fields = { kind };
  for (const word of words) {
    const [, name = '', value = ''] = /^(operation|device)=(\w+)$/.exec(word) ?? [];
    if (/^\d{1,9}$/.test(word)) note.nth = Number(word);
    else if (name === 'operation' && Object.hasOwn(OPERATIONS, value))
      note.operation = OPERATIONS[value] ?? 0;
    else if (name !== '' && /^\d{1,9}$/.test(value)) note[name] = Number(value);
    else
      throw new LineError(
        `"${word}" says nothing about a note; it may be a number, operation=write or device=0`,
      );
  }
  return { ...note, text: readText(rest.slice(at + 1)) } as unknown as SceneNote;
}

export function printNote(note: SceneNote): string {
  const words = ['note', note.kind];
  if (note.nth !== undefined) words.push(String(note.nth));
  const named = Object.entries(OPERATIONS).find(([, number]) => number === note.operation)?.[0];
  if (note.operation !== undefined) words.push(`operation=${named ?? note.operation}`);
  if (note.device !== undefined) words.push(`device=${note.device}`);
  return `${words.join(' ')}: ${printText(note.text)}`;
}
