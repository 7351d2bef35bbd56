// Which pages a read brings in, told a second time: sheet buffered-write §18.1 and §18.2, over sets of page numbers.
//
// Verbs: NaiveFile.open, read, advise. One read runs to its end before the next begins and nothing ever leaves the cache, so
// all there is to say is in which order windows are read. Nothing here is taken from the core.

const PAGE = 4096;

interface Opened {
  start: number;
  size: number;
  asyncSize: number;
  maximum: number;
  /** Position behind the last byte read; infinite before the first read. */
  previous: number;
  isRandom: boolean;
}

/** What one read did: page ranges in the order of their I/O, and how many pages it found and missed. */
export interface NaiveRead {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly hits: number;
  readonly misses: number;
}

export class NaiveFile {
  readonly bytes: number;
  readonly maximum: number;
  readonly cached = new Set<number>();
  readonly marked = new Set<number>();
  #ranges: [number, number][] = [];

  constructor(bytes: number, maximum: number) {
    this.bytes = bytes;
    this.maximum = maximum;
  }

  open(): Opened {
    return {
      start: 0,
      size: 0,
      asyncSize: 0,
      maximum: this.maximum,
      previous: Number.POSITIVE_INFINITY,
      isRandom: false,
    };
  }

  advise(opened: Opened, advice: 'normal' | 'sequential' | 'random'): void {
    opened.isRandom = advice === 'random';
    if (advice === 'normal') opened.maximum = this.maximum;
    if (advice === 'sequential') opened.maximum = this.maximum * 2;
  }

  read(opened: Opened, position: number, bytes: number): NaiveRead {
    this.#ranges = [];
    const end = Math.min(position + bytes, this.bytes);
    if (bytes === 0 || position >= end) return { ranges: [], hits: 0, misses: 0 };
    const behind = Math.ceil((position + bytes) / PAGE);
    const pages: number[] = [];
    for (let page = Math.floor(position / PAGE); page * PAGE < end; page++) pages.push(page);
    const hits = pages.filter((page) => this.cached.has(page)).length;
    if (opened.maximum === 0 || opened.isRandom) {
      this.#bring(pages[0] as number, pages.length, undefined);
    } else {
      for (const page of pages) {
        if (!this.cached.has(page)) this.#miss(opened, page, behind - page);
        else if (this.marked.delete(page)) this.#goOn(opened, page, behind - page);
      }
    }
    opened.previous = end;
    return { ranges: this.#ranges, hits, misses: pages.length - hits };
  }

  /** I/O for the pages of a window that are missing, up to the last page of the file. */
  #bring(from: number, count: number, mark: number | undefined): void {
    const last = Math.floor((this.bytes - 1) / PAGE);
    let run: [number, number] | undefined;
    for (let page = from; page < from + count && page <= last; page++) {
      if (this.cached.has(page)) {
        run = undefined;
        continue;
      }
      this.cached.add(page);
      if (page === mark) this.marked.add(page);
      if (run === undefined) {
        run = [page, page];
        this.#ranges.push(run);
      }
      run[1] = page + 1;
    }
  }

  #window(opened: Opened): void {
    const mark = opened.asyncSize === 0 ? undefined : opened.start + opened.size - opened.asyncSize;
    this.#bring(opened.start, opened.size, mark);
  }

  #miss(opened: Opened, page: number, asked: number): void {
    const most = opened.maximum;
    const distance = page - Math.floor(opened.previous / PAGE);
    if (page === 0 || asked > most || distance === 0 || distance === 1) {
      const power = 2 ** Math.ceil(Math.log2(asked));
      let size = most;
      if (power <= Math.floor(most / 32)) size = 4 * power;
      else if (power <= Math.floor(most / 4)) size = 2 * power;
      opened.start = page;
      opened.size = size;
      opened.asyncSize = size > asked ? size - asked : Math.floor(size / 2);
      this.#window(opened);
      return;
    }
    let before = 0;
    while (before < most && this.cached.has(page - 1 - before)) before++;
    if (before <= asked) {
      this.#bring(page, asked, undefined);
      return;
    }
    const doubled = before === page ? 2 * before : before;
    opened.start = page;
    opened.size = Math.min(doubled + asked, most);
    opened.asyncSize = 1;
    this.#window(opened);
  }

  #goOn(opened: Opened, page: number, asked: number): void {
    const most = opened.maximum;
    let current: number;
    if (page === opened.start + opened.size - opened.asyncSize) {
      opened.start += opened.size;
      current = opened.size;
    } else {
      let missing = page + 1;
      while (missing <= page + most && this.cached.has(missing)) missing++;
      if (missing - page > most) return;
      opened.start = missing;
      current = missing - page + asked;
    }
    if (current < Math.floor(most / 16)) opened.size = 4 * current;
    else if (current <= Math.floor(most / 2)) opened.size = 2 * current;
    else opened.size = most;
    let step = 4;
    while (most % step !== 0) step /= 2;
    const end = opened.start + opened.size;
    const trimmed = end - (end % step);
    if (trimmed > opened.start) opened.size = trimmed - opened.start;
    opened.asyncSize = opened.size;
    this.#window(opened);
  }
}
