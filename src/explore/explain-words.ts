// Writes, flushes and values in words, as the program's author knows them: files and bytes, names, calls and lines of source.
//
// Verbs: Words.facts, what, line, range, flushOf; lineOf, valueText, listed. What the log does not tell is left out, never guessed.

import { LOG_DOMAIN_METADATA } from '../../assembly/layout.ts';
import { formatSize } from '../core/size.ts';
import type { LoggedWrite } from '../crash/log-facts.ts';
import type { CrashLoss } from '../crash/state.ts';
import type { CrashKind } from '../crash-kinds.ts';
import { WriteLog } from '../write-log/entries.ts';
import type { CallSite, Level } from './parts.ts';
import type { WriteFacts } from './types.ts';

const RECORD_BYTES = 512;
/** Blocks that a volume may have: a write of a file is rounded to them. */
const BLOCKS = [512, 1024, 2048, 4096];
const MAX_VALUE_CHARACTERS = 60;
/** Calls that change names. */
const NAMING: ReadonlySet<string> = new Set(['open', 'mkdir', 'rename', 'link', 'unlink', 'rmdir']);

/** What crashes, in words. */
export const CRASH_WORDS: Readonly<Record<CrashKind, string>> = {
  power: 'a power cut',
  os: 'a crash of the operating system',
  process: 'the death of the process',
};

/** `engine.ts:31` of a stack's nearest frame; empty when there is none. */
export function lineOf(stack: readonly string[]): string {
  const match = /([^/\\()\s]+):(\d+):\d+\)?$/.exec(stack[0] ?? '');
  return match === null ? '' : `${decodeURIComponent(match[1] ?? '')}:${match[2]}`;
}

/** A value that was acknowledged, as a short text. */
export function valueText(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}

/** `a, b and c`; of many the first ones. */
export function listed(items: readonly string[], most = 3): string {
  if (items.length > most)
    return `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`;
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The directory of a path. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** A change of names, sizes or attributes: one record that does not tear. */
export function isRecord(write: LoggedWrite): boolean {
  return write.isUntorn && write.length === RECORD_BYTES;
}

/** A flush of the log, and when it was complete. */
export interface LoggedFlush {
  readonly number: number;
  readonly tag: number;
  readonly domain: number;
  readonly submitted: number;
  readonly completed: number | undefined;
  readonly isIgnored: boolean;
}

/** The words of one level. */
export class Words<Value> {
  readonly #level: Level<Value>;
  #byTag: Map<number, LoggedWrite[]> | undefined;
  #flushes: readonly LoggedFlush[] | undefined;

  constructor(level: Level<Value>) {
    this.#level = level;
  }

  call(tag: number): CallSite | undefined {
    return this.#level.recording.calls.get(tag);
  }

  /** The writes of one call, in the order of the log. */
  #sameCall(tag: number): readonly LoggedWrite[] {
    if (this.#byTag === undefined) {
      this.#byTag = new Map();
      for (const write of this.#level.explorer.writes) {
        const found = this.#byTag.get(write.tag);
        if (found === undefined) this.#byTag.set(write.tag, [write]);
        else found.push(write);
      }
    }
    return this.#byTag.get(tag) ?? [];
  }

  /** The writes that the call has made that made this one, itself among them. */
  ofCall(write: LoggedWrite): readonly LoggedWrite[] {
    return write.tag === 0 ? [write] : this.#sameCall(write.tag);
  }

  /** The directory whose fsync makes a change of a name durable; undefined for other writes. */
  folderOf(write: LoggedWrite): string | undefined {
    const isName = isRecord(write) && NAMING.has(this.call(write.tag)?.syscall ?? '');
    return isName && !this.#isFile(write.domain) ? this.#level.recording.paths.get(write.domain) : undefined;
  }

  /** Bytes were written for this domain: it is a file, no directory. */
  #isFile(domain: number): boolean {
    return this.#level.explorer.writes.some((write) => write.domain === domain && !isRecord(write));
  }

  /** Several writes with their lines: "bytes 0 to 5 of /log and the new size of /log (engine.ts:9)". */
  whatsAndLines(writes: readonly LoggedWrite[]): string {
    const byLine = new Map<string, Set<string>>();
    for (const write of writes) {
      const whats = byLine.get(this.line(write)) ?? new Set();
      byLine.set(this.line(write), whats.add(this.what(write)));
    }
    return listed(
      [...byLine].map(([line, whats]) => `${listed([...whats])}${line === '' ? '' : ` (${line})`}`),
    );
  }

  /** The flushes of the log, of this level's drive. */
  get flushes(): readonly LoggedFlush[] {
    this.#flushes ??= readFlushes(this.#level);
    return this.#flushes;
  }

  /** The flush that made a write durable, if one did. */
  flushOf(write: LoggedWrite): LoggedFlush | undefined {
    return this.flushes.find(({ completed }) => completed !== undefined && completed === write.durable);
  }

  /** Everything about a write. */
  facts(write: LoggedWrite): WriteFacts {
    const call = this.call(write.tag);
    const offset = this.#fileOffset(write);
    return {
      write: write.index,
      what: this.what(write),
      call: call?.text ?? '',
      stack: call?.stack() ?? [],
      file: call?.path ?? this.#level.recording.paths.get(write.domain),
      offset: offset === undefined ? write.offset : offset.start,
      length: offset === undefined ? write.length : offset.end - offset.start,
    };
  }

  /** The line of the caller; empty when it is not known. */
  line(write: LoggedWrite): string {
    return this.lineOfTag(write.tag);
  }

  lineOfTag(tag: number): string {
    return lineOf(this.call(tag)?.stack() ?? []);
  }

  /** The write with the line that it comes from: "bytes 0 to 511 of /db (engine.ts:40)". */
  whatAndLine(write: LoggedWrite): string {
    const line = this.line(write);
    return line === '' ? this.what(write) : `${this.what(write)} (${line})`;
  }

  /** What a write is: bytes of a file, a name, a size. */
  what(write: LoggedWrite): string {
    const call = this.call(write.tag);
    if (write.domain === LOG_DOMAIN_METADATA) return 'the journal of the file system';
    if (isRecord(write)) return this.#record(write, call);
    const verb = write.operation === 'write' ? '' : write.operation === 'discard' ? 'discarded ' : 'zeroed ';
    return verb + this.range(write, write.offset, write.length);
  }

  /** A range of bytes of the drive that a write covers, in its file's bytes. */
  range(write: LoggedWrite, offset: number, length: number): string {
    const call = this.call(write.tag);
    const path = call?.path ?? this.#level.recording.paths.get(write.domain);
    const file = this.#fileOffset(write);
    if (file !== undefined && path !== undefined) {
      const start = Math.max(file.start, file.first + offset - write.offset);
      const end = Math.min(file.end, file.first + offset + length - write.offset);
      return `bytes ${start} to ${end - 1} of ${path}`;
    }
    if (path?.startsWith('/')) return `${formatSize(length)} of ${path}`;
    return sectorsText(offset, length);
  }

  /** Which bytes of its file a write holds: `first` for its first sector, `start` and `end` of what the call has changed. */
  #fileOffset(write: LoggedWrite): { first: number; start: number; end: number } | undefined {
    const { path, offset, length } = this.call(write.tag) ?? {};
    if (path === undefined || !path.startsWith('/') || offset === undefined || length === undefined)
      return undefined;
    const data = this.#sameCall(write.tag).filter((other) => !isRecord(other));
    const total = data.reduce((sum, other) => sum + other.length, 0);
    for (const block of BLOCKS) {
      const from = Math.floor(offset / block) * block;
      const to = Math.ceil((offset + length) / block) * block;
      if (to - from !== total) continue;
      let first = from;
      for (const other of data) {
        if (other.index === write.index) break;
        first += other.length;
      }
      return { first, start: Math.max(first, offset), end: Math.min(first + write.length, offset + length) };
    }
    return undefined;
  }

  #record(write: LoggedWrite, call: CallSite | undefined): string {
    const { paths } = this.#level.recording;
    const owner = paths.get(write.domain);
    const path = call?.path;
    if (call === undefined || path === undefined)
      return owner === undefined ? 'a change of metadata' : `metadata of ${owner}`;
    const to = (name: string) => `the name ${name} in ${folderOf(name)}`;
    const from = (name: string) => `the removal of ${name} from ${folderOf(name)}`;
    if (call.syscall === 'unlink' || call.syscall === 'rmdir') return from(path);
    if (call.syscall === 'open' && (owner === path || this.#isFile(write.domain)))
      return `the truncation of ${path}`;
    if (call.syscall === 'open' || call.syscall === 'mkdir') return to(path);
    if (call.syscall === 'link') return to(call.dest ?? path);
    if (call.syscall === 'rename' && call.dest !== undefined)
      return this.#rename(write, path, call.dest, to, from);
    if (call.syscall === 'write' || call.syscall === 'fallocate') return `the new size of ${path}`;
    if (call.syscall === 'ftruncate' || call.syscall === 'truncate') return `the truncation of ${path}`;
    if (call.syscall === 'setattr' || call.syscall === 'fsetattr') return `the attributes of ${path}`;
    return `metadata of ${owner ?? path}`;
  }

  /** A rename is one record, or the new name and the removal of the old one, or also the removal of what had the new name. */
  #rename(
    write: LoggedWrite,
    source: string,
    target: string,
    to: (name: string) => string,
    from: (name: string) => string,
  ): string {
    const records = this.#sameCall(write.tag).filter(isRecord);
    const place = records.findIndex(({ index }) => index === write.index);
    if (records.length === 1) return `the rename of ${source} to ${target}`;
    if (records.length === 2) {
      const isOneFolder = records[0]?.domain === records[1]?.domain;
      const folder = this.#level.recording.paths.get(write.domain);
      return (isOneFolder ? place === 1 : folder === folderOf(target)) ? to(target) : from(source);
    }
    return [from(target), from(source), to(target)][place] ?? `the rename of ${source} to ${target}`;
  }

  /** What is missing of a torn write. */
  losses(write: LoggedWrite, losses: readonly CrashLoss[]): string {
    return listed(losses.map(({ offset, length }) => this.range(write, offset, length)));
  }
}

function sectorsText(offset: number, length: number): string {
  const [first, count] = [offset / 512, length / 512];
  if (!Number.isInteger(first) || !Number.isInteger(count))
    return `bytes ${offset} to ${offset + length - 1}`;
  return count === 1 ? `sector ${first}` : `sectors ${first} to ${first + count - 1}`;
}

function readFlushes<Value>({ recording, options }: Level<Value>): LoggedFlush[] {
  const drive = options.drive ?? 0;
  const flushes = new Map<number, { -readonly [Name in keyof LoggedFlush]: LoggedFlush[Name] }>();
  let step = 0;
  for (const entry of new WriteLog(recording.log).entries()) {
    step++;
    if (entry.kind === 'mark' || entry.operation !== 'flush' || entry.drive !== drive) continue;
    const { number } = entry;
    const known = flushes.get(number);
    if (entry.kind === 'submit') {
      const { tag, domain, isIgnored } = entry;
      flushes.set(number, { number, tag, domain, isIgnored, submitted: step, completed: undefined });
    } else if (known !== undefined && entry.kind === 'complete') known.completed = step;
    else if (known !== undefined && entry.kind === 'part') known.tag ||= entry.tag;
  }
  return [...flushes.values()];
}
