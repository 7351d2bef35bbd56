// One drive as its records tell it: what waits for it, what it serves, what its volatile cache holds, what is on the media.
//
// Verbs: apply (one record), beginStep, save, restore, state.
// Requests are replaced, never changed, so a saved state is a copy of the map alone.
// Invariants: a bio is in one request; a flush covers the writes that had completed when it was issued, oldest first.

import {
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
  RECORD_BACK_MERGED,
  RECORD_COMPLETED,
  RECORD_DESTAGED,
  RECORD_FAULT,
  RECORD_FLUSHED,
  RECORD_FRONT_MERGED,
  RECORD_ISSUED,
  RECORD_KEPT,
  RECORD_LOST,
  RECORD_QUEUED,
  RECORD_VOLATILE,
} from '../../../assembly/layout.ts';
import type { DriveShape } from '../worker/protocol.ts';
import { Media } from './media.ts';
import { Places } from './places.ts';
import type { RecordView } from './record-store.ts';
import type { Bio, BlockRequest, DriveState, VolatileWrite } from './types.ts';
import { apartWords, blockOperation, hueOf } from './words.ts';

/** Keys of flushes that the block layer sends for a request that is itself no flush. */
const CARRIER = 'flush:';

interface Counts {
  reads: number;
  writes: number;
  flushes: number;
  discards: number;
  pieces: number;
  merges: number;
  errors: number;
  faults: number;
  destaged: number;
  kept: number;
  lost: number;
  headSector: number;
  /** Writes that were reported complete and are volatile, ever. */
  volatiles: number;
}

interface HeldWrite {
  readonly write: VolatileWrite;
  readonly order: number;
  readonly isDiscard: boolean;
}

/** What a drive has when a run begins: the state of the run before it. */
export type HeldByDrive = Pick<DriveState, 'media' | 'volatileWrites'>;

export interface SavedDrive {
  readonly counts: Counts;
  readonly requests: readonly (readonly [string, BlockRequest])[];
  readonly marks: readonly (readonly [number, number])[];
  readonly held: readonly HeldWrite[];
  readonly rows: Uint8Array;
  readonly media: Uint8Array;
}

export class DriveFold {
  readonly #shape: DriveShape;
  readonly #media: Media;
  /** By key, in the order in which they were queued. */
  readonly #requests = new Map<string, BlockRequest>();
  readonly #requestOfBio = new Map<number, string>();
  /** Flushes at the drive: how many writes had become volatile when they were issued. */
  readonly #marks = new Map<number, number>();
  readonly #rows = new Places();
  #held: HeldWrite[] = [];
  /** Keys of requests with a bio that joined in this step. */
  #joined: string[] = [];
  #counts: Counts = {
    reads: 0,
    writes: 0,
    flushes: 0,
    discards: 0,
    pieces: 0,
    merges: 0,
    errors: 0,
    faults: 0,
    destaged: 0,
    kept: 0,
    lost: 0,
    headSector: 0,
    volatiles: 0,
  };

  constructor(shape: DriveShape, held?: HeldByDrive) {
    this.#shape = shape;
    this.#media = new Media(shape.sectorCount);
    if (held === undefined) return;
    this.#media.restore(held.media);
    this.#held = held.volatileWrites.map((write) => ({
      write,
      order: ++this.#counts.volatiles,
      isDiscard: write.hue === 'discard',
    }));
    this.#coverHeld();
  }

  endOpening(): void {
    this.#media.age();
  }

  beginStep(): void {
    if (this.#joined.length === 0) return;
    for (const key of this.#joined) {
      const request = this.#requests.get(key);
      if (request === undefined) continue;
      const bios = request.bios.map((bio) =>
        bio.joined === undefined ? bio : { ...bio, joined: undefined },
      );
      this.#requests.set(key, { ...request, bios });
    }
    this.#joined = [];
  }

  apply(kind: number, record: RecordView): void {
    switch (kind) {
      case RECORD_QUEUED:
        this.#queue(record);
        break;
      case RECORD_BACK_MERGED:
      case RECORD_FRONT_MERGED:
        this.#merge(record, kind === RECORD_FRONT_MERGED);
        break;
      case RECORD_ISSUED:
        this.#issue(record);
        break;
      case RECORD_COMPLETED:
        this.#complete(record);
        break;
      case RECORD_VOLATILE:
        this.#hold(record);
        break;
      case RECORD_FLUSHED:
        this.#flushed(record);
        break;
      case RECORD_DESTAGED:
        this.#destage(record.id);
        break;
      case RECORD_FAULT:
        this.#fault(record);
        break;
      case RECORD_KEPT:
      case RECORD_LOST:
        this.#cut(record, kind === RECORD_KEPT);
        break;
    }
  }

  #queue(record: RecordView): void {
    const { id, operation, address: sector, count: sectorCount, detail, timeNs } = record;
    const key = `request:${id}`;
    const bioId = detail >>> 8;
    this.#requestOfBio.set(bioId, key);
    if (operation !== OP_FLUSH) this.#counts.pieces++;
    this.#requests.set(key, {
      ...this.#bare(record, key),
      bios: [{ key: `bio:${bioId}`, id: bioId, sector, sectorCount, joined: undefined }],
      apart: operation === OP_FLUSH ? '' : apartWords(detail & 0xff),
      queuedNs: timeNs,
    });
  }

  #bare(
    { id, operation, address: sector, count: sectorCount, timeNs }: RecordView,
    key: string,
  ): BlockRequest {
    return {
      key,
      id,
      drive: this.#shape.index,
      hue: hueOf(operation),
      verb: blockOperation(operation),
      sector,
      sectorCount,
      bios: [],
      apart: '',
      state: 'waiting',
      sharedWith: 0,
      isFaulty: false,
      queuedNs: timeNs,
      issuedNs: 0,
      row: this.#rows.take(),
    };
  }

  #merge({ id, address: sector, count: sectorCount, detail }: RecordView, isFront: boolean): void {
    const key = `request:${detail}`;
    const request = this.#requests.get(key);
    if (request === undefined) return;
    // the bio of a request that is itself taken in
    const from = this.#requestOfBio.get(id);
    if (from === undefined) this.#counts.pieces++;
    if (from === undefined || this.#takeBio(from, id)) this.#counts.merges++;
    this.#requestOfBio.set(id, key);
    const bio: Bio = { key: `bio:${id}`, id, sector, sectorCount, joined: isFront ? 'front' : 'back' };
    this.#requests.set(key, {
      ...request,
      sector: isFront ? sector : request.sector,
      sectorCount: request.sectorCount + sectorCount,
      bios: isFront ? [bio, ...request.bios] : [...request.bios, bio],
    });
    this.#joined.push(key);
  }

  /** Takes a bio out of a request; true when that was its last, and the request is gone. */
  #takeBio(key: string, id: number): boolean {
    const request = this.#requests.get(key);
    if (request === undefined) return true;
    const bios = request.bios.filter((bio) => bio.id !== id);
    if (bios.length === 0) this.#remove(request);
    else this.#requests.set(key, { ...request, bios });
    return bios.length === 0;
  }

  #issue(record: RecordView): void {
    const { id, operation, address: sector, count: sectorCount, timeNs } = record;
    this.#countIssued(operation);
    const own = this.#requests.get(`request:${id}`);
    const isCarrier = operation === OP_FLUSH && own?.hue !== 'flush';
    const key = isCarrier ? `${CARRIER}${id}` : `request:${id}`;
    const request = isCarrier || own === undefined ? this.#bare(record, key) : own;
    this.#requests.set(key, { ...request, sector, sectorCount, state: 'inService', issuedNs: timeNs });
    if (operation === OP_FLUSH) {
      this.#marks.set(id, this.#counts.volatiles);
      this.#share(id, record.detail - 1);
    }
  }

  #countIssued(operation: number): void {
    if (operation === OP_READ) this.#counts.reads++;
    else if (operation === OP_WRITE) this.#counts.writes++;
    else if (operation === OP_FLUSH) this.#counts.flushes++;
    else if (operation === OP_DISCARD) this.#counts.discards++;
  }

  /** A flush at the drive serves the oldest `others` that wait; fewer than 0: all of them. */
  #share(id: number, others: number): void {
    for (const [key, request] of this.#requests) {
      if (others === 0) return;
      if (request.hue !== 'flush' || request.state !== 'waiting' || request.sharedWith !== 0) continue;
      this.#requests.set(key, { ...request, sharedWith: id });
      others--;
    }
  }

  #complete(record: RecordView): void {
    const { id, operation, detail } = record;
    if (detail < 0) this.#counts.errors++;
    const key =
      operation === OP_FLUSH && this.#requests.has(`${CARRIER}${id}`) ? `${CARRIER}${id}` : `request:${id}`;
    const request = this.#requests.get(key);
    if (request !== undefined) this.#remove(request);
    if (operation === OP_FLUSH) {
      this.#endFlush(id, detail < 0);
      return;
    }
    this.#counts.headSector = record.address + record.count;
    if (operation === OP_READ || detail < 0 || request?.isFaulty === true) return;
    // without a volatile cache, or with FUA, a completed write is on the media
    if (this.#held.at(-1)?.write.requestId === id) return;
    this.#media.settle(record.address, record.count, operation !== OP_DISCARD);
  }

  #endFlush(id: number, hasFailed: boolean): void {
    for (const request of [...this.#requests.values()]) if (request.sharedWith === id) this.#remove(request);
    const mark = this.#marks.get(id) ?? 0;
    this.#marks.delete(id);
    if (!hasFailed) return;
    this.#held = this.#held.map((held) =>
      held.order > mark || held.write.isOrphan ? held : { ...held, write: { ...held.write, isOrphan: true } },
    );
  }

  #hold(record: RecordView): void {
    const { id, operation, address: sector, count: sectorCount, timeNs } = record;
    this.#held.push({
      order: ++this.#counts.volatiles,
      isDiscard: operation === OP_DISCARD,
      write: {
        key: `write:${this.#shape.index}:${id}`,
        drive: this.#shape.index,
        requestId: id,
        sector,
        sectorCount,
        hue: hueOf(operation),
        sinceNs: timeNs,
        isOrphan: false,
      },
    });
    this.#media.cover(sector, sectorCount);
  }

  #flushed(record: RecordView): void {
    const mark = this.#marks.get(record.id) ?? this.#counts.volatiles;
    const before = this.#held.filter(({ order }) => order <= mark);
    // what a failed flush may have left behind is covered only when the drive says that it was as many
    const isAll = before.length === record.count;
    this.#settle(({ order, write }) => order <= mark && (isAll || !write.isOrphan));
  }

  /** One volatile write is on the media now: nearly always the oldest. */
  #destage(request: number): void {
    this.#counts.destaged++;
    const at = this.#held.findIndex(({ write }) => write.requestId === request);
    // there may be thousands, and of all ways to take the first one only this moves none of the others
    const destaged = at === 0 ? this.#held.shift() : at < 0 ? undefined : this.#held.splice(at, 1)[0];
    if (destaged !== undefined) this.#settleOne(destaged);
  }

  #settleOne({ write: { sector, sectorCount }, isDiscard }: HeldWrite): void {
    this.#media.uncover(sector, sectorCount);
    this.#media.settle(sector, sectorCount, !isDiscard);
  }

  /** What is chosen of the volatile writes is on the media now. */
  #settle(isChosen: (held: HeldWrite) => boolean): void {
    const rest: HeldWrite[] = [];
    for (const held of this.#held)
      if (isChosen(held)) this.#settleOne(held);
      else rest.push(held);
    this.#held = rest;
  }

  /** All volatile writes lie over the media. */
  #coverHeld(): void {
    for (const { write } of this.#held) this.#media.cover(write.sector, write.sectorCount);
  }

  #fault(record: RecordView): void {
    this.#counts.faults++;
    const key = `request:${record.id}`;
    const request = this.#requests.get(key);
    if (request !== undefined) this.#requests.set(key, { ...request, isFaulty: true });
  }

  /** A power cut has decided about one write that was not durable. */
  #cut(record: RecordView, isKept: boolean): void {
    const kept = isKept ? record.detail || record.count : 0;
    if (isKept) this.#counts.kept++;
    else this.#counts.lost++;
    this.#settle(({ write }) => write.requestId === record.id);
    this.#media.settle(record.address, record.count, record.operation !== OP_DISCARD);
    if (kept < record.count) this.#media.lose(record.address, record.count);
  }

  #remove(request: BlockRequest): void {
    this.#requests.delete(request.key);
    this.#rows.give(request.row);
    for (const { id } of request.bios) this.#requestOfBio.delete(id);
  }

  save(): SavedDrive {
    return {
      counts: { ...this.#counts },
      requests: [...this.#requests],
      marks: [...this.#marks],
      held: this.#held.slice(),
      rows: this.#rows.save(),
      media: this.#media.save(),
    };
  }

  restore(saved: SavedDrive): void {
    this.#counts = { ...saved.counts };
    this.#requests.clear();
    this.#requestOfBio.clear();
    this.#joined = [];
    for (const [key, request] of saved.requests) {
      this.#requests.set(key, request);
      for (const bio of request.bios) {
        this.#requestOfBio.set(bio.id, key);
        if (bio.joined !== undefined) this.#joined.push(key);
      }
    }
    this.#marks.clear();
    for (const [id, mark] of saved.marks) this.#marks.set(id, mark);
    this.#held = saved.held.slice();
    this.#rows.restore(saved.rows);
    this.#media.restore(saved.media);
    this.#coverHeld();
  }

  state(): DriveState {
    const waiting: BlockRequest[] = [];
    const inService: BlockRequest[] = [];
    for (const request of this.#requests.values())
      (request.state === 'waiting' ? waiting : inService).push(request);
    const { volatiles: _, ...counts } = this.#counts;
    return {
      index: this.#shape.index,
      waiting,
      inService,
      volatileWrites: this.#held.map(({ write }) => write),
      media: this.#media.cells,
      sectorsACell: this.#media.sectorsACell,
      ...counts,
    };
  }
}
