// The write log of a machine that runs: marks, and reading what is there so far.
//
// Verbs: MachineLog.mark, entries, snapshot, flushToFile, close. Its bytes are in the log's file and in the core's buffer; both
// are read through the core.

import {
  LOG_STATE_BYTES,
  LOG_STATE_DROPPED,
  LOG_STATE_ERROR,
  LOG_STATE_MARKS,
} from '../../assembly/layout.ts';
import { MAX_MARK_BYTES } from '../../assembly/limits.ts';
import { SparseMemory } from '../backing/sparse-memory.ts';
import type { BufferArena } from '../core/buffer-arena.ts';
import type { Core } from '../core/core.ts';
import { ConfigError, check, StorageError } from '../errors.ts';
import { type LogEntry, type TornTail, WriteLog } from './entries.ts';

const CHUNK_BYTES = 65536;

/** The log of what happens to a machine's drives. `machine.writeLog` */
export class MachineLog {
  readonly #core: Core;
  readonly #buffers: BufferArena;
  /** Where its file is, when it is in memory. */
  readonly #memory: SparseMemory | undefined;
  readonly #fd: number;

  private constructor(core: Core, buffers: BufferArena, fd: number, memory: SparseMemory | undefined) {
    this.#core = core;
    this.#buffers = buffers;
    this.#fd = fd;
    this.#memory = memory;
  }

  /** A new log in the file behind `fd`. */
  static attach(core: Core, buffers: BufferArena, fd: number, memory: SparseMemory | undefined): MachineLog {
    check(
      'writeLog',
      core.call((exports) => exports.logAttach(fd)),
    );
    return new MachineLog(core, buffers, fd, memory);
  }

  /** The log of a machine that goes on from where this one is; `files`: those of its host. */
  twin(core: Core, buffers: BufferArena, files: ReadonlyMap<number, SparseMemory>): MachineLog {
    return new MachineLog(core, buffers, this.#fd, files.get(this.#fd));
  }

  get #state(): number {
    return this.#core.call((exports) => exports.logState());
  }

  /** Bytes of the log so far. */
  get bytes(): number {
    return this.#core.memory.u64(this.#state + LOG_STATE_BYTES);
  }

  /** Marks set so far. */
  get markCount(): number {
    return this.#core.memory.u32(this.#state + LOG_STATE_MARKS);
  }

  /** Why the log has ended before the machine, if it has: its file failed. What it holds is whole up to there. */
  get error(): StorageError | undefined {
    const errno = this.#core.memory.u32(this.#state + LOG_STATE_ERROR) | 0;
    if (errno === 0) return undefined;
    const dropped = this.#core.memory.u64(this.#state + LOG_STATE_DROPPED);
    const hint = `the write log ends at ${this.bytes} bytes; ${dropped} entries are missing`;
    return new StorageError('write', errno, { hint });
  }

  /**
   * Sets a mark: `text`, at most 4,096 bytes as UTF-8 and without NUL. Its number, counted from 1. Throws ConfigError for
   * another text, StorageError when the log has ended.
   */
  mark(text: string): number {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : undefined;
    if (bytes === undefined || bytes.length > MAX_MARK_BYTES || bytes.includes(0))
      throw new ConfigError('text', text, `a string without NUL of at most ${MAX_MARK_BYTES} bytes`);
    return this.#buffers.borrow(Math.max(1, bytes.length), (address) => {
      this.#core.memory.bytes.set(bytes, address);
      return check(
        'mark',
        this.#core.call((exports) => exports.logMark(address, bytes.length)),
      );
    });
  }

  /** Brings all of the log to its file. Throws StorageError when the file fails, or did so before. */
  flushToFile(): void {
    check(
      'flush',
      this.#core.call((exports) => exports.logFlush()),
    );
  }

  /** The entries so far, in the order in which things happened; what comes later is not among them. */
  entries(): Generator<LogEntry, TornTail | undefined> {
    return this.#view().entries();
  }

  /** The log so far, for as long as one likes: the machine goes on without it. Costs little for a log in memory; a file is copied. */
  snapshot(): WriteLog {
    if (this.#memory !== undefined && this.error === undefined) {
      this.flushToFile();
      return new WriteLog(this.#memory.fork());
    }
    const from = this.#view();
    const copy = new SparseMemory(from.bytes);
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let offset = 0; offset < from.bytes; offset += CHUNK_BYTES) {
      const part = chunk.subarray(0, Math.min(CHUNK_BYTES, from.bytes - offset));
      from.source.read(part, offset);
      copy.write(part, offset);
    }
    return new WriteLog(copy);
  }

  /** The log as it is now, read through the core. */
  #view(): WriteLog {
    return new WriteLog({ size: this.bytes, read: (target, offset) => this.#read(target, offset) });
  }

  #read(target: Uint8Array, offset: number): void {
    const room = Math.min(target.length, CHUNK_BYTES);
    this.#buffers.borrow(Math.max(1, room), (address) => {
      for (let done = 0; done < target.length; ) {
        const wanted = Math.min(room, target.length - done);
        const got = check(
          'read',
          this.#core.call((exports) => exports.logRead(address, wanted, offset + done)),
        );
        if (got === 0)
          throw new StorageError('read', -5, { offset: offset + done, hint: 'the log is shorter' });
        target.set(this.#core.memory.bytes.subarray(address, address + got), done);
        done += got;
      }
    });
  }

  /** What is still in the buffer goes to the file, if that can be, and a real file is closed. */
  close(): void {
    this.#core.exports.logFlush();
    if (this.#memory === undefined) this.#core.exports.imageClose(this.#fd);
  }
}
