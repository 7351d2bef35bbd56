// A column of numbers that grows: one row a step.
//
// Verbs: add (rows of a part), at. Layout: typed memory, doubled when it is full.

type Typed = Uint16Array | Uint32Array | Float64Array | BigUint64Array;

export class Column<Memory extends Typed> {
  readonly #make: (length: number) => Memory;
  #memory: Memory;
  count = 0;

  constructor(make: (length: number) => Memory) {
    this.#make = make;
    this.#memory = make(256);
  }

  add(rows: Memory): void {
    const end = this.count + rows.length;
    if (end > this.#memory.length) {
      const larger = this.#make(Math.max(end, this.#memory.length * 2));
      larger.set(this.#memory.subarray(0, this.count) as never);
      this.#memory = larger;
    }
    this.#memory.set(rows as never, this.count);
    this.count = end;
  }

  /** Row `index`, 0 to count - 1. */
  at(index: number): Memory[number] {
    if (index < 0 || index >= this.count) throw new RangeError(`there is no row ${index}`);
    return this.#memory[index] as Memory[number];
  }
}
