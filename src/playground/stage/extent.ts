// How far a run goes: which addresses it touches and how much waits at its peak, so that axes and lanes keep their measure while it is played.
//
// Verbs: extentOf(run), which reads only the records that are new since the last call.
// Invariant: an axis changes only when a record lies outside what it shows.

import {
  OP_FLUSH,
  RECORD_BACK_MERGED,
  RECORD_COMPLETED,
  RECORD_DIRTIED,
  RECORD_EVICTED,
  RECORD_FRONT_MERGED,
  RECORD_ISSUED,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_QUEUED,
  RECORD_READ_IN,
  RECORD_VOLATILE,
} from '../../../assembly/layout.ts';
import { SECTORS_PER_PAGE } from '../model/describe.ts';
import type { RecordView } from '../model/record-store.ts';
import type { Run } from '../model/run.ts';
import type { Scene, SceneClient } from '../scene/types.ts';
import type { DriveShape } from '../worker/protocol.ts';
import type { Piece } from './axis.ts';

export interface DriveExtent {
  /** What the axis shows, in order, apart from each other. */
  readonly pieces: readonly Piece[];
  readonly waitingPeak: number;
  readonly inServicePeak: number;
  readonly volatilePeak: number;
}

export interface RunExtent {
  readonly drives: readonly DriveExtent[];
  /** Slots of each client's ring. */
  readonly slots: readonly number[];
  /** A page leaves dirty at some time: it is written while it stands in the doorway. */
  readonly hasDoorway: boolean;
  /** Some page is looked up, read in or made dirty. */
  readonly usesCache: boolean;
}

/** A drive is shown whole when more than this part of it is touched. */
const WHOLE_FROM = 1 / 4;
/** And always when it has no more sectors than this. */
const WHOLE_SECTORS = 256 * SECTORS_PER_PAGE;
/** A gap is folded when it is larger than this part of all that is touched. */
const FOLD_FROM = 1 / 4;
const MAX_PIECES = 4;
const MAX_GRANULES = 2048;
const MAX_SLOTS = 64;
const MIN_SLOTS = 4;

interface Known {
  readonly extent: RunExtent;
  readonly read: number;
  readonly drives: readonly DriveReach[];
}

const extents = new WeakMap<Run, Known>();

export function extentOf(run: Run): RunExtent {
  const known = extents.get(run);
  if (known !== undefined && known.read === run.recordCount) return known.extent;
  const drives = known?.drives ?? run.shape.drives.map((drive) => new DriveReach(drive));
  let usesCache = known?.extent.usesCache ?? false;
  let hasDoorway = known?.extent.hasDoorway ?? false;
  for (let index = known?.read ?? 0; index < run.recordCount; index++) {
    const record = run.records.look(index);
    if (DRIVE_KINDS.has(record.kind)) drives[record.device]?.take(record);
    else if (CACHE_KINDS.has(record.kind)) usesCache = true;
    else if (record.kind === RECORD_EVICTED && record.detail === 1) hasDoorway = true;
  }
  const extent = {
    drives: drives.map((drive) => drive.extent()),
    slots: run.shape.clients.map((_, client) => slotsOf(run.scene, client)),
    hasDoorway,
    usesCache,
  };
  extents.set(run, { extent, read: run.recordCount, drives });
  return extent;
}

const DRIVE_KINDS: ReadonlySet<number> = new Set([
  RECORD_QUEUED,
  RECORD_BACK_MERGED,
  RECORD_FRONT_MERGED,
  RECORD_ISSUED,
  RECORD_COMPLETED,
  RECORD_VOLATILE,
]);

const CACHE_KINDS: ReadonlySet<number> = new Set([
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_READ_IN,
  RECORD_DIRTIED,
]);

/** As much of a record as counts here. */
export type DriveRecord = Pick<RecordView, 'kind' | 'operation' | 'address' | 'count' | 'detail'>;

/** What one drive is asked for. Touched addresses are counted in granules, which double when there are too many. */
export class DriveReach {
  readonly #sectorCount: number;
  #granule: number = SECTORS_PER_PAGE;
  #touched = new Set<number>();
  #pieces: readonly Piece[];
  #waiting = 0;
  #inService = 0;
  #waitingPeak = 0;
  #inServicePeak = 0;
  #volatilePeak = 0;

  constructor({ sectorCount }: DriveShape) {
    this.#sectorCount = sectorCount;
    while (sectorCount / this.#granule > 65_536) this.#granule *= 2;
    this.#pieces = [{ sector: 0, sectorCount }];
  }

  take(record: DriveRecord): void {
    if (record.kind === RECORD_ISSUED) {
      this.#waiting = Math.max(0, this.#waiting - 1);
      this.#inServicePeak = Math.max(this.#inServicePeak, ++this.#inService);
    } else if (record.kind === RECORD_COMPLETED) {
      this.#inService = Math.max(0, this.#inService - 1);
    } else if (record.kind === RECORD_VOLATILE) {
      this.#volatilePeak = Math.max(this.#volatilePeak, record.detail);
    } else {
      if (record.kind === RECORD_QUEUED) this.#waitingPeak = Math.max(this.#waitingPeak, ++this.#waiting);
      if (record.operation !== OP_FLUSH && record.count > 0) this.#touch(record.address, record.count);
    }
  }

  extent(): DriveExtent {
    const [first] = this.#pieces;
    const isUnread = this.#pieces.length === 1 && first?.sectorCount === this.#sectorCount;
    if (this.#touched.size > 0 && (isUnread || !this.#isShown())) {
      this.#pieces = foldedPieces(this.#runs(), this.#sectorCount);
    }
    return {
      pieces: this.#pieces,
      waitingPeak: this.#waitingPeak,
      inServicePeak: this.#inServicePeak,
      volatilePeak: this.#volatilePeak,
    };
  }

  #touch(sector: number, sectorCount: number): void {
    const end = Math.min(sector + sectorCount, this.#sectorCount);
    for (let at = Math.floor(sector / this.#granule); at * this.#granule < end; at++) this.#touched.add(at);
    while (this.#touched.size > MAX_GRANULES) {
      this.#granule *= 2;
      this.#touched = new Set([...this.#touched].map((granule) => granule >> 1));
    }
  }

  #runs(): Piece[] {
    const runs: { sector: number; sectorCount: number }[] = [];
    for (const granule of [...this.#touched].sort((a, b) => a - b)) {
      const sector = granule * this.#granule;
      const last = runs.at(-1);
      if (last !== undefined && last.sector + last.sectorCount === sector) last.sectorCount += this.#granule;
      else runs.push({ sector, sectorCount: this.#granule });
    }
    return runs;
  }

  #isShown(): boolean {
    return this.#runs().every((run) => this.#pieces.some((piece) => covers(piece, run)));
  }
}

function covers(piece: Piece, run: Piece): boolean {
  return run.sector >= piece.sector && run.sector + run.sectorCount <= piece.sector + piece.sectorCount;
}

/** The pieces that an axis shows for these touched runs, in order, of a drive of so many sectors. */
export function foldedPieces(runs: readonly Piece[], sectorCount: number): Piece[] {
  const touched = runs.reduce((sum, run) => sum + run.sectorCount, 0);
  const whole = [{ sector: 0, sectorCount }];
  if (runs.length === 0 || sectorCount <= WHOLE_SECTORS || touched >= sectorCount * WHOLE_FROM) return whole;
  const cuts = widestGaps(runs, touched * FOLD_FROM);
  const pieces: Piece[] = [];
  let begin = runs[0] as Piece;
  for (let index = 1; index <= runs.length; index++) {
    if (index < runs.length && !cuts.has(index)) continue;
    pieces.push(rounded(begin, runs[index - 1] ?? begin, sectorCount));
    begin = runs[index] ?? begin;
  }
  const separate = joined(pieces);
  const shown = separate.reduce((sum, piece) => sum + piece.sectorCount, 0);
  return shown >= sectorCount * WHOLE_FROM ? whole : separate;
}

/** The runs behind the widest gaps: those of more sectors than `from`, and no more than make MAX_PIECES pieces. Of equal gaps, the first. */
function widestGaps(runs: readonly Piece[], from: number): ReadonlySet<number> {
  const gaps = runs
    .slice(1)
    .map((run, index) => ({ before: index + 1, sectors: gapBefore(run, runs[index] ?? run) }));
  const wide = gaps.filter(({ sectors }) => sectors > from).sort((a, b) => b.sectors - a.sectors);
  return new Set(wide.slice(0, MAX_PIECES - 1).map(({ before }) => before));
}

function gapBefore(run: Piece, previous: Piece): number {
  return run.sector - previous.sector - previous.sectorCount;
}

/** From the first run to the last, outward to multiples of about an eighth of it. */
function rounded(first: Piece, last: Piece, sectorCount: number): Piece {
  const length = last.sector + last.sectorCount - first.sector;
  let unit = SECTORS_PER_PAGE;
  while (unit * 8 < length) unit *= 2;
  const begin = Math.floor(first.sector / unit) * unit;
  const end = Math.min(sectorCount, Math.ceil((last.sector + last.sectorCount) / unit) * unit);
  return { sector: begin, sectorCount: end - begin };
}

/** Rounding may have made neighbours meet. */
function joined(pieces: readonly Piece[]): Piece[] {
  const apart: Piece[] = [];
  for (const piece of pieces) {
    const last = apart.at(-1);
    if (last === undefined || last.sector + last.sectorCount < piece.sector) apart.push(piece);
    else {
      const end = Math.max(last.sector + last.sectorCount, piece.sector + piece.sectorCount);
      apart[apart.length - 1] = { sector: last.sector, sectorCount: end - last.sector };
    }
  }
  return apart;
}

/** As many slots as the client can have in flight at once. */
function slotsOf(scene: Scene, client: number): number {
  const asker = scene.clients[client];
  if (asker === undefined) return MIN_SLOTS;
  const most = Math.max(0, ...scene.chapters.map(({ work }) => requestsIn(work, asker, scene)));
  return Math.max(1, Math.min(MAX_SLOTS, asker.depth ?? MAX_SLOTS, Math.max(MIN_SLOTS, most)));
}

function requestsIn(work: Scene['chapters'][number]['work'], client: SceneClient, scene: Scene): number {
  return work
    .filter((each) => (each.client ?? scene.clients[0]?.name) === client.name)
    .reduce((sum, each) => sum + (('count' in each ? each.count : undefined) ?? 1), 0);
}
