// mq-deadline written plainly, on arrays that are sorted anew each time: which requests there are, and in which order they leave.
//
// Verbs: submit, plug, release, advance. Times are milliseconds. What the drive was given is in `issued`.

import type { BlockOperation } from '../../../src/block-device.ts';

export interface Piece {
  readonly operation: BlockOperation;
  readonly sector: number;
  readonly sectorCount: number;
  readonly noMerge: boolean;
}

interface Waiting {
  readonly operation: BlockOperation;
  sector: number;
  sectorCount: number;
  segments: number;
  noMerge: boolean;
  expires: number;
  /** Numbers that grow: when it was put into the order by sector, and into the table of ends. */
  sorted: number;
  ended: number;
}

export interface Tunables {
  readonly readExpireMs: number;
  readonly writeExpireMs: number;
  readonly writesStarved: number;
  readonly fifoBatch: number;
  readonly frontMerges: boolean;
}

type Direction = 'reads' | 'writes';

const directionOf = ({ operation }: { operation: BlockOperation }): Direction =>
  operation === 'read' ? 'reads' : 'writes';
const endOf = ({ sector, sectorCount }: { sector: number; sectorCount: number }): number =>
  sector + sectorCount;
const isMergeable = ({ operation, noMerge }: { operation: BlockOperation; noMerge: boolean }): boolean =>
  (operation === 'read' || operation === 'write') && !noMerge;

export class DeadlineModel {
  readonly issued: [BlockOperation, number, number][] = [];
  merges = 0;
  readonly #tunables: Tunables;
  readonly #depth: number;
  readonly #maxSectors: number;
  readonly #maxSegments: number;
  readonly #fifo: Record<Direction, Waiting[]> = { reads: [], writes: [] };
  readonly #following: Record<Direction, Waiting | undefined> = { reads: undefined, writes: undefined };
  #last: Waiting | undefined;
  #direction: Direction = 'reads';
  #batching = 0;
  #starved = 0;
  #inFlight = 0;
  #now = 0;
  #stamp = 0;

  constructor(tunables: Tunables, depth: number, maxSectors: number, maxSegments: number) {
    this.#tunables = tunables;
    this.#depth = depth;
    this.#maxSectors = maxSectors;
    this.#maxSegments = maxSegments;
  }

  get waitingCount(): number {
    return this.#fifo.reads.length + this.#fifo.writes.length;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  submit(piece: Piece): void {
    if (!this.#joinWaiting(piece)) this.#insert(this.#requestOf(piece));
    this.#dispatch();
  }

  plug(pieces: readonly Piece[]): void {
    const plug: Waiting[] = [];
    for (const piece of pieces) {
      const last = plug.at(-1);
      if (last !== undefined && this.#tryJoin(last, piece)) continue;
      if (!this.#joinWaiting(piece)) plug.push(this.#requestOf(piece));
    }
    for (const request of plug) this.#insert(request);
    this.#dispatch();
  }

  release(): void {
    this.#inFlight--;
    this.#dispatch();
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  #requestOf(piece: Piece): Waiting {
    return { ...piece, segments: 1, expires: 0, sorted: 0, ended: 0 };
  }

  #inOrder(direction: Direction): Waiting[] {
    return [...this.#fifo[direction]].sort((a, b) => a.sector - b.sector || a.sorted - b.sorted);
  }

  #neighbour(request: Waiting, step: 1 | -1): Waiting | undefined {
    const order = this.#inOrder(directionOf(request));
    return order[order.indexOf(request) + step];
  }

  #isNear(request: Waiting, piece: { sector: number; sectorCount: number }): boolean {
    return endOf(request) === piece.sector || endOf(piece) === request.sector;
  }

  /** A bio joins a request at either end; a limit in the way means that nothing ever joins it. */
  #tryJoin(request: Waiting, piece: Piece): boolean {
    if (request.operation !== piece.operation || !isMergeable(request) || !isMergeable(piece)) return false;
    if (!this.#isNear(request, piece)) return false;
    if (
      request.sectorCount + piece.sectorCount > this.#maxSectors ||
      request.segments + 1 > this.#maxSegments
    ) {
      request.noMerge = true;
      return false;
    }
    if (endOf(request) !== piece.sector) request.sector = piece.sector;
    request.sectorCount += piece.sectorCount;
    request.segments++;
    this.merges++;
    return true;
  }

  #withEnd(sector: number, direction: Direction): Waiting | undefined {
    return this.#fifo[direction]
      .filter((request) => isMergeable(request) && endOf(request) === sector)
      .sort((a, b) => b.ended - a.ended)[0];
  }

  #candidate(piece: Piece): Waiting | undefined {
    const last = this.#last;
    if (
      last !== undefined &&
      this.#isNear(last, piece) &&
      last.operation === piece.operation &&
      isMergeable(last)
    )
      return last;
    const behind = this.#withEnd(piece.sector, directionOf(piece));
    if (behind !== undefined || !this.#tunables.frontMerges) return behind;
    const before = this.#inOrder(directionOf(piece)).find(({ sector }) => sector === endOf(piece));
    return before !== undefined && before.operation === piece.operation && isMergeable(before)
      ? before
      : undefined;
  }

  #joinWaiting(piece: Piece): boolean {
    if (!isMergeable(piece)) return false;
    const request = this.#candidate(piece);
    if (request === undefined) return false;
    const before = request.sector;
    // its neighbours are those of the place it had
    const [next, previous] = [this.#neighbour(request, 1), this.#neighbour(request, -1)];
    if (!this.#tryJoin(request, piece)) {
      if (this.#last === request) this.#last = undefined;
      return false;
    }
    if (request.sector === before) {
      if (next === undefined || !this.#takeIn(request, next)) this.#grown(request);
    } else if (previous === undefined || !this.#takeIn(previous, request)) {
      request.sorted = ++this.#stamp;
      this.#last = request;
    }
    return true;
  }

  #grown(request: Waiting): void {
    request.ended = ++this.#stamp;
    this.#last = request;
  }

  #fits(request: Waiting, next: Waiting): boolean {
    return (
      request.operation === next.operation &&
      isMergeable(request) &&
      isMergeable(next) &&
      endOf(request) === next.sector &&
      request.sectorCount + next.sectorCount <= this.#maxSectors &&
      request.segments + next.segments <= this.#maxSegments
    );
  }

  #takeIn(request: Waiting, next: Waiting): boolean {
    if (!this.#fits(request, next)) return false;
    const fifo = this.#fifo[directionOf(request)];
    if (fifo.includes(next)) {
      if (next.expires < request.expires) {
        fifo.splice(fifo.indexOf(request), 1);
        fifo.splice(fifo.indexOf(next) + 1, 0, request);
        request.expires = next.expires;
      }
      this.#remove(next);
    }
    request.sectorCount += next.sectorCount;
    request.segments += next.segments;
    this.merges++;
    this.#grown(request);
    return true;
  }

  #remove(request: Waiting): void {
    const direction = directionOf(request);
    if (this.#following[direction] === request) this.#following[direction] = this.#neighbour(request, 1);
    const fifo = this.#fifo[direction];
    fifo.splice(fifo.indexOf(request), 1);
    if (this.#last === request) this.#last = undefined;
  }

  #insert(request: Waiting): void {
    const direction = directionOf(request);
    if (isMergeable(request)) {
      if (this.#last !== undefined && this.#takeIn(this.#last, request)) return;
      let grown = request;
      while (true) {
        const before = this.#withEnd(grown.sector, direction);
        if (before === undefined || !this.#takeIn(before, grown)) break;
        grown = before;
      }
      if (grown !== request) return;
    }
    request.sorted = ++this.#stamp;
    request.ended = ++this.#stamp;
    if (isMergeable(request)) this.#last ??= request;
    request.expires =
      this.#now + (direction === 'reads' ? this.#tunables.readExpireMs : this.#tunables.writeExpireMs);
    this.#fifo[direction].push(request);
  }

  #choose(): Direction {
    const { reads, writes } = this.#fifo;
    if (reads.length > 0 && (writes.length === 0 || this.#starved++ < this.#tunables.writesStarved))
      return 'reads';
    this.#starved = 0;
    return 'writes';
  }

  #next(): Waiting {
    let request = this.#following[this.#direction];
    if (request === undefined || this.#batching >= this.#tunables.fifoBatch) {
      this.#direction = this.#choose();
      this.#batching = 0;
      const oldest = this.#fifo[this.#direction][0] as Waiting;
      const following = this.#following[this.#direction];
      request = following === undefined || oldest.expires <= this.#now ? oldest : following;
    }
    this.#batching++;
    return request;
  }

  #dispatch(): void {
    while (this.waitingCount > 0 && this.#inFlight < this.#depth) {
      const request = this.#next();
      const following = this.#neighbour(request, 1);
      this.#remove(request);
      this.#following[directionOf(request)] = following;
      this.#inFlight++;
      this.issued.push([request.operation, request.sector, request.sectorCount]);
    }
  }
}
