// A volatile write cache as a plain list of writes, to compare the drive with.
//
// Verbs: write, flush, complete, image. It follows the rules of flush and FUA word by word, and keeps nothing but the list.

export interface NaiveWrite {
  readonly number: number;
  readonly value: number;
  readonly sector: number;
  readonly count: number;
  readonly isForced: boolean;
  state: 'started' | 'volatile' | 'durable';
  completed: number;
}

/** Every write ever made, in the order of submission; the media hold the last durable one of each sector. */
export class NaiveCache {
  readonly writes: NaiveWrite[] = [];
  /** The flush at the drive and the one behind it, 0: none; what had completed when the first was sent. */
  #flush = 0;
  #nextFlush = 0;
  #flushMark = 0;
  readonly #limit: number;
  readonly #old: number;
  #completed = 0;

  /** `limit`: writes that fit; `old`: what every sector holds before. */
  constructor(limit: number, old: number) {
    this.#limit = limit;
    this.#old = old;
  }

  get volatileCount(): number {
    return this.writes.filter(({ state }) => state === 'volatile').length;
  }

  write(number: number, value: number, sector: number, count: number, isForced: boolean): void {
    this.writes.push({ number, value, sector, count, isForced, state: 'started', completed: 0 });
  }

  flush(number: number): void {
    if (this.#flush !== 0) this.#nextFlush = number;
    else this.#sendFlush(number);
  }

  #sendFlush(number: number): void {
    this.#flush = number;
    this.#nextFlush = 0;
    this.#flushMark = this.#completed;
  }

  complete(number: number): void {
    if (number === this.#flush) {
      for (const write of this.writes)
        if (write.state === 'volatile' && write.completed <= this.#flushMark) write.state = 'durable';
      this.#sendFlush(this.#nextFlush);
      return;
    }
    const write = this.writes.find((each) => each.number === number) as NaiveWrite;
    write.completed = ++this.#completed;
    write.state = write.isForced ? 'durable' : 'volatile';
    const oldest = this.writes.find(({ state }) => state === 'volatile');
    if (this.volatileCount > this.#limit && oldest !== undefined) oldest.state = 'durable';
  }

  /** What each of the first `count` sectors holds after a power cut; `isKept` decides about the sectors of uncertain writes. */
  image(count: number, isKept: (write: NaiveWrite, sector: number) => boolean = () => false): number[] {
    return Array.from({ length: count }, (_, at) => {
      const last = this.writes.findLast(
        (write) =>
          at >= write.sector &&
          at < write.sector + write.count &&
          (write.state === 'durable' || isKept(write, at)),
      );
      return last?.value ?? this.#old;
    });
  }
}
