// Numbered places, of which the lowest free one is given: slots of the grid, rows of a drive's queue.
//
// Verbs: take, give, save, restore.

export class Places {
  #isTaken: Uint8Array = new Uint8Array(16);
  /** No place below it is free. */
  #lowest = 0;
  /** No place from it on was ever taken. */
  #end = 0;

  take(): number {
    let place = this.#lowest;
    while (place < this.#end && this.#isTaken[place] === 1) place++;
    if (place === this.#isTaken.length) {
      const larger = new Uint8Array(place * 2);
      larger.set(this.#isTaken);
      this.#isTaken = larger;
    }
    this.#isTaken[place] = 1;
    this.#lowest = place + 1;
    this.#end = Math.max(this.#end, place + 1);
    return place;
  }

  give(place: number): void {
    this.#isTaken[place] = 0;
    this.#lowest = Math.min(this.#lowest, place);
  }

  save(): Uint8Array {
    return this.#isTaken.slice(0, this.#end);
  }

  restore(saved: Uint8Array): void {
    if (this.#isTaken.length < saved.length) this.#isTaken = new Uint8Array(Math.max(16, saved.length * 2));
    this.#isTaken.fill(0);
    this.#isTaken.set(saved);
    this.#end = saved.length;
    const free = saved.indexOf(0);
    this.#lowest = free < 0 ? saved.length : free;
  }
}
