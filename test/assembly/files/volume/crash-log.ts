// What a power cut may leave: every write of a drive with its bytes, from its start until it is durable.
//
// Verbs: CrashLog.open, drain, replayTo, cut, choices. A sector of the drive holds, after a cut, what is durable or any of the
// writes to it that are not (sheet crash-and-faults §4, model M0: any subset, torn at 512 bytes, honest flushes). A write is
// uncertain from its start; a FUA write is durable when it completes, any other when a flush that started after its completion ends.
// Invariant: the log is made from the drive's own records and from the bytes that reached its image.

import { OP_FLUSH, OP_READ } from '../../../../assembly/layout.ts';
import { SparseMemory } from '../../../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../../../src/core/options.ts';
import type { Machine } from '../../../../src/machine.ts';
import type { Build } from '../../../support/machine.ts';
import { FlakyImage, type ImageCall, openFlaky } from '../../drive/flaky-image.ts';

const SECTOR = 512;

type Event =
  | { readonly kind: 'write'; readonly id: number; readonly sector: number; readonly bytes: Uint8Array }
  | { readonly kind: 'volatile' | 'durable' | 'flushStart' | 'flushEnd'; readonly id: number };

interface Version {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Which version of each uncertain sector survives: from 0 (what is durable) to `versions` (the newest). */
export type Choice = (sector: number, versions: readonly Version[]) => number;

export class CrashLog {
  readonly machine: Machine;
  readonly #image: FlakyImage;
  readonly #initial: SparseMemory;
  readonly #events: Event[] = [];
  #landed: { offset: number; bytes: Uint8Array }[] = [];
  #last: ImageCall | undefined;
  // the state at #position
  #position = 0;
  readonly #durable = new Map<number, Uint8Array>();
  readonly #uncertain = new Map<number, Version[]>();
  readonly #volatile = new Set<number>();
  readonly #marks = new Map<number, readonly number[]>();

  private constructor(machine: Machine, image: FlakyImage, initial: SparseMemory) {
    this.machine = machine;
    this.#image = image;
    this.#initial = initial;
    image.fail = (call) => {
      this.#settle();
      if (call.name === 'pwrite') this.#last = call;
      return 0;
    };
  }

  /** A machine whose drive 0 starts with a copy of `initial`. */
  static async open(build: Build, config: MachineConfig, initial = new SparseMemory()): Promise<CrashLog> {
    const size = Number(config.drives?.[0]?.size);
    const { machine, image } = await openFlaky(
      build,
      { ...config, records: 65536 },
      new FlakyImage(copyOf(initial, size)),
    );
    return new CrashLog(machine, image, copyOf(initial, size));
  }

  /** The write before has landed: takes its bytes. */
  #settle(): void {
    if (this.#last === undefined) return;
    const bytes = new Uint8Array(this.#last.bytes);
    this.#image.memory.read(bytes, this.#last.offset);
    this.#landed.push({ offset: this.#last.offset, bytes });
    this.#last = undefined;
  }

  /** Takes in what has happened since the last call. Every few thousand records, or some are lost. */
  drain(): void {
    this.#settle();
    const wasVolatile = new Set<number>();
    for (const { kind, operation, id, address, count } of this.machine.records.take()) {
      if (kind === 'issued' && operation === OP_FLUSH) this.#events.push({ kind: 'flushStart', id });
      else if (kind === 'issued' && operation !== OP_READ)
        this.#events.push({ kind: 'write', id, sector: address, bytes: this.#takeLanded(address, count) });
      else if (kind === 'flushed') this.#events.push({ kind: 'flushEnd', id });
      else if (kind === 'volatile') {
        wasVolatile.add(id);
        this.#events.push({ kind: 'volatile', id });
      } else if (kind === 'completed' && operation !== OP_FLUSH && operation !== OP_READ) {
        if (!wasVolatile.has(id)) this.#events.push({ kind: 'durable', id });
      }
    }
    if (this.machine.records.lost > 0) throw new Error('records were lost');
    this.#image.take();
  }

  #takeLanded(sector: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count * SECTOR);
    let done = 0;
    while (done < bytes.length) {
      const next = this.#landed.shift();
      if (next === undefined || next.offset !== sector * SECTOR + done) throw new Error('a write is missing');
      bytes.set(next.bytes, done);
      done += next.bytes.length;
    }
    return bytes;
  }

  /** Events so far. */
  get length(): number {
    return this.#events.length;
  }

  /** Plays the log on to event number `position`, which is not before the last one. */
  replayTo(position: number): void {
    while (this.#position < position) this.#play(this.#events[this.#position++] as Event);
  }

  #play(event: Event): void {
    if (event.kind === 'write') {
      for (let index = 0; index * SECTOR < event.bytes.length; index++) {
        const bytes = event.bytes.subarray(index * SECTOR, (index + 1) * SECTOR);
        const versions = this.#uncertain.get(event.sector + index) ?? [];
        versions.push({ id: event.id, bytes });
        this.#uncertain.set(event.sector + index, versions);
      }
    } else if (event.kind === 'volatile') this.#volatile.add(event.id);
    else if (event.kind === 'durable') this.#harden([event.id]);
    else if (event.kind === 'flushStart') this.#marks.set(event.id, [...this.#volatile]);
    else this.#harden(this.#marks.get(event.id) ?? []);
  }

  /** These writes are on the media; an older write of the same sector can not come back over them. */
  #harden(ids: readonly number[]): void {
    const hard = new Set(ids);
    for (const id of ids) this.#volatile.delete(id);
    for (const [sector, versions] of this.#uncertain) {
      const newest = versions.findLastIndex(({ id }) => hard.has(id));
      if (newest < 0) continue;
      this.#durable.set(sector, (versions[newest] as Version).bytes);
      const rest = versions.slice(newest + 1);
      if (rest.length === 0) this.#uncertain.delete(sector);
      else this.#uncertain.set(sector, rest);
    }
  }

  /** Writes that are uncertain now, oldest first. */
  uncertainWrites(): number[] {
    const ids = new Set<number>();
    for (const versions of this.#uncertain.values()) for (const { id } of versions) ids.add(id);
    return [...ids].sort((left, right) => left - right);
  }

  /** The media after a cut at the position of the last replay. */
  cut(choose: Choice): SparseMemory {
    const memory = copyOf(this.#initial, this.#initial.size);
    for (const [sector, bytes] of this.#durable) memory.write(bytes, sector * SECTOR);
    for (const [sector, versions] of this.#uncertain) {
      const kept = choose(sector, versions);
      if (kept > 0) memory.write((versions[kept - 1] as Version).bytes, sector * SECTOR);
    }
    return memory;
  }
}

export function copyOf(memory: SparseMemory, size: number): SparseMemory {
  const bytes = new Uint8Array(size);
  memory.read(bytes, 0);
  const copy = new SparseMemory(size);
  copy.write(bytes, 0);
  return copy;
}

/** A generator of numbers from 0 to `below` - 1 that gives the same ones for the same seed (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

/** Ways to choose what survives of these writes. */
export function choices(writes: readonly number[], roll: (below: number) => number): Choice[] {
  const newestOf =
    (isKept: (id: number) => boolean): Choice =>
    (_sector, versions) =>
      versions.findLastIndex(({ id }) => isKept(id)) + 1;
  const some = writes[roll(Math.max(writes.length, 1))] ?? 0;
  return [
    () => 0,
    (_sector, versions) => versions.length,
    newestOf((id) => id <= some),
    newestOf((id) => id !== some),
    newestOf((id) => id === some),
    (_sector, versions) => roll(versions.length + 1),
    (_sector, versions) => roll(versions.length + 1),
    // all but a few sectors
    (_sector, versions) => (roll(8) === 0 ? roll(versions.length + 1) : versions.length),
  ];
}
