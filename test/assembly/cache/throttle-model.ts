// balance_dirty_pages of mm/page-writeback.c once more, in plain numbers, for tests to compare the core with.
//
// Verbs: dirtyLimitsModel, positionRatioModel, ThrottleModel.write. One task, one device of a known bandwidth, HZ = 1000, and
// a drive that writes nothing, so that dirty pages only grow. Time is in nanoseconds.

const JIFFY_NS = 1_000_000;

export interface Limits {
  readonly threshold: number;
  readonly background: number;
  readonly freerun: number;
  readonly setpoint: number;
}

/** domain_dirty_limits: `available` pages, ratios in percent, the forms in bytes (0: the ratio). */
export function dirtyLimitsModel(
  available: number,
  vm: { ratio: number; backgroundRatio: number; bytes: number; backgroundBytes: number },
): Limits {
  const limit = (bytes: number, ratio: number): number =>
    bytes > 0 ? Math.ceil(bytes / 4096) : Math.floor((Math.floor((ratio * 4096) / 100) * available) / 4096);
  const threshold = limit(vm.bytes, vm.ratio);
  const wanted = limit(vm.backgroundBytes, vm.backgroundRatio);
  const background = wanted >= threshold ? Math.floor(threshold / 2) : wanted;
  const freerun = Math.floor((threshold + background) / 2);
  return { threshold, background, freerun, setpoint: Math.floor((freerun + threshold) / 2) };
}

/** pos_ratio_polynom times 1,024, with shifts that round down and a division that rounds to 0. */
export function positionRatioModel(setpoint: number, dirty: number, limit: number): number {
  if (dirty >= limit) return 0;
  const distance = (limit - setpoint) % 2 === 0 ? limit - setpoint + 1 : limit - setpoint;
  const x = Math.trunc(((setpoint - dirty) * 1024) / distance);
  const square = Math.floor((x * x) / 1024);
  const cube = Math.floor((square * x) / 1024);
  return Math.min(Math.max(cube + 1024, 0), 2048);
}

export interface Pause {
  readonly timeNs: number;
  readonly pauseNs: number;
  readonly dirty: number;
}

export class ThrottleModel {
  readonly pauses: Pause[] = [];
  timeNs = 0;
  dirty = 0;
  readonly #limits: Limits;
  readonly #pagesPerSecond: number;
  #sinceLook = 0;
  #sinceProcessorLook = 0;
  #allowance = 32;
  #hasExceeded = false;
  #lastPause: number | undefined;

  constructor(limits: Limits, pagesPerSecond: number) {
    this.#limits = limits;
    this.#pagesPerSecond = pagesPerSecond;
  }

  /** Dirties clean pages, one after the other. */
  write(pageCount: number): void {
    for (let page = 0; page < pageCount; page++) {
      if (this.#isTimeToLook()) this.#look();
      this.dirty++;
      this.#sinceLook++;
      this.#sinceProcessorLook++;
    }
  }

  #isTimeToLook(): boolean {
    const allowance = this.#hasExceeded ? Math.min(this.#allowance, 8) : this.#allowance;
    const forced = Math.max(16, Math.floor(this.#limits.threshold / 32));
    if (this.#sinceLook < allowance && this.#sinceProcessorLook < forced) return false;
    this.#sinceProcessorLook = 0;
    return true;
  }

  #look(): void {
    const { threshold, freerun, setpoint } = this.#limits;
    const jiffy = Math.floor(this.timeNs / JIFFY_NS);
    const speed = this.#pagesPerSecond;
    if (this.dirty <= freerun) {
      this.#hasExceeded = false;
      this.#lastPause = jiffy;
      this.#sinceLook = 0;
      this.#allowance = 2 ** Math.floor(Math.floor(Math.log2(threshold - this.dirty)) / 2);
      return;
    }
    this.#hasExceeded = this.dirty > threshold;
    const rate = Math.floor((speed * positionRatioModel(setpoint, this.dirty, threshold)) / 1024);
    const longest = Math.min(Math.floor(this.dirty / (1 + Math.floor(speed / 128))) + 1, 200);
    const { shortest, pages } = this.#shortest(longest, rate);
    if (rate === 0) throw new Error('the model does not know the limit itself');
    const period = Math.floor((1000 * this.#sinceLook) / rate);
    const pause = period - (this.#lastPause === undefined ? 0 : jiffy - this.#lastPause);
    if (pause < shortest) {
      this.#owe(jiffy, pause, period);
      return;
    }
    const taken = Math.min(pause, longest);
    this.pauses.push({ timeNs: this.timeNs, pauseNs: taken * JIFFY_NS, dirty: this.dirty });
    this.#lastPause = jiffy + Math.min(pause - taken, longest) + taken;
    this.#sinceLook = 0;
    this.#allowance = pages;
    this.timeNs += taken * JIFFY_NS;
  }

  #owe(jiffy: number, pause: number, period: number): void {
    if (pause < -1000) {
      this.#lastPause = jiffy;
      this.#sinceLook = 0;
    } else if (period > 0) {
      this.#lastPause = (this.#lastPause ?? 0) + period;
      this.#sinceLook = 0;
    } else if (this.#allowance <= this.#sinceLook) {
      this.#allowance += this.#sinceLook;
    }
  }

  /** wb_min_pause: the shortest pause worth taking, and the allowance after a pause. */
  #shortest(longest: number, rate: number): { shortest: number; pages: number } {
    const speed = this.#pagesPerSecond;
    let target = Math.min(10, 1 + Math.floor(longest / 2));
    let pages = Math.floor((speed * target) / 1024);
    if (pages < 32) {
      target = longest;
      pages = Math.floor((speed * target) / 1024);
      if (pages > 32) {
        pages = 32;
        target = Math.floor((1000 * 32) / speed);
      }
    }
    if (Math.floor((1000 * pages) / (rate + 1)) > longest) {
      target = longest;
      pages = Math.floor((rate * target) / 1024);
    }
    return { shortest: pages >= 32 ? 1 + Math.floor(target / 2) : target, pages };
  }
}
