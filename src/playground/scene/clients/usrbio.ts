// A client of 3FS USRBIO: a ring for reads and a ring for writes, and one shared buffer cut into places.
//
// A lot is prepared request by request and submitted once for each ring that got some. USRBIO has no sync: a sync goes to the file itself.

import { saveList } from '../../../core/timeline.ts';
import { ConfigError, StorageError } from '../../../errors.ts';
import type { OpenFile } from '../../../files.ts';
import type { IoRing, Iovec } from '../../../usrbio.ts';
import type { Ask } from '../rows.ts';
import { type Stamp, stampBytes } from '../stamp.ts';
import { ifRoom } from './payload.ts';
import type { Ended, Port, PortPlace } from './port.ts';
import { SyncQueue } from './sync-queue.ts';

const PAGE = 4096;
const EAGAIN = -11;
const EIO = -5;

/** A request's place in the shared buffer, and its number. */
interface Place {
  readonly iov: Iovec;
  readonly number: number;
}

export class UsrbioPort implements Port {
  readonly devices: readonly number[];
  readonly contexts: readonly number[];
  readonly file: number;
  readonly #file: OpenFile;
  readonly #rings: { readonly read: IoRing<Place>; readonly write: IoRing<Place> };
  readonly #syncs: SyncQueue;
  readonly #free: Iovec[];
  /** What ended at once. Empty but between a submit and the reap after it. */
  #ended: Ended[] = [];

  constructor({ machine, client, depth, longestBytes }: PortPlace) {
    const { target = 'drive0', direct = false, ioDepth = 0, name } = client;
    if (target.startsWith('/'))
      throw new ConfigError(`target of ${name}`, target, 'a drive or a flat file: usrbio has no names');
    this.#file = machine.openFile(target, { direct });
    this.file = machine.fileNumber(target);
    const ring = (read: boolean): IoRing<Place> =>
      machine.usrbio.createRing<Place>({ entries: depth, read, ioDepth });
    this.#rings = { read: ring(true), write: ring(false) };
    this.devices = [this.#rings.read.number, this.#rings.write.number];
    this.#syncs = new SyncQueue(machine, this.#file);
    this.contexts = [this.#syncs.contextNumber];
    this.#free = cutBuffer(machine.usrbio, depth, longestBytes);
    machine.usrbio.register(this.#file);
    machine.timeline.keep(this, () => saveList(this.#free));
  }

  submit(asks: readonly Ask[], stampOf: (ask: Ask) => Stamp): number {
    const used = new Set<IoRing<Place>>();
    let taken = 0;
    for (const ask of asks) {
      const result = this.#prepare(ask, stampOf, used);
      if (result === EAGAIN) break;
      if (result < 0) this.#ended.push({ number: ask.number, result });
      taken++;
    }
    for (const ring of used) ring.submit();
    return taken;
  }

  /** 0, or why not: EAGAIN, there is no place now. */
  #prepare(ask: Ask, stampOf: (ask: Ask) => Stamp, used: Set<IoRing<Place>>): number {
    if (ask.op !== 'read' && ask.op !== 'write') {
      if (ask.op !== 'discard' && ask.op !== 'writeZeroes') this.#syncs.submit(ask.op, ask.number);
      return 0;
    }
    const place = this.#free.pop();
    if (place === undefined) return EAGAIN;
    const iov = place.slice(0, ask.length);
    if (ask.op === 'write') stampBytes(iov.bytes, ask.offset, stampOf(ask));
    const ring = this.#rings[ask.op];
    try {
      ring.prepare(iov, this.#file, ask.offset, { iov: place, number: ask.number });
    } catch (error) {
      this.#free.push(place);
      if (error instanceof StorageError) return error.errno;
      throw error;
    }
    used.add(ring);
    return 0;
  }

  reap(): readonly Ended[] {
    const ended = [...this.#ended, ...this.#syncs.reap()];
    this.#ended = [];
    for (const ring of [this.#rings.read, this.#rings.write]) {
      for (const { userdata, result } of ring.take()) {
        this.#free.push(userdata.iov);
        ended.push({ number: userdata.number, result });
      }
    }
    return ended;
  }
}

/** Places for requests: as many as the depth asks for, or as the shared memory has room for. Throws ConfigError for less than one. */
function cutBuffer(usrbio: { createIov(bytes: number): Iovec }, depth: number, longest: number): Iovec[] {
  const placeBytes = Math.max(1, Math.ceil(longest / PAGE)) * PAGE;
  for (let count = depth; count >= 1; count = Math.floor(count / 2)) {
    const whole = ifRoom(() => createIov(usrbio, count * placeBytes));
    if (whole === undefined) continue;
    return Array.from({ length: count }, (_, index) =>
      whole.slice(index * placeBytes, (index + 1) * placeBytes),
    );
  }
  throw new ConfigError('machine.sharedMemory', 'too small', `room for a request of ${longest} bytes`);
}

function createIov(usrbio: { createIov(bytes: number): Iovec }, bytes: number): Iovec | undefined {
  try {
    return usrbio.createIov(bytes);
  } catch (error) {
    if (error instanceof StorageError && error.errno === EIO) return undefined;
    throw error;
  }
}
