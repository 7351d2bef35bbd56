// The media of a drive as cells on its address axis: untouched, written, volatile over it, lost, written before the scene began.
//
// Verbs: cover, uncover (a volatile write lies over it, or no more), settle, lose, age, save, restore. A cell is a sector, or as many sectors as
// bring a large drive to 65,536 cells.
// Invariant: a cell is volatile as long as any volatile write lies over it, whatever becomes durable below.

const MAX_CELLS = 65536;
export const CELL_UNTOUCHED = 0;
export const CELL_DURABLE = 1;
export const CELL_VOLATILE = 2;
export const CELL_LOST = 3;
export const CELL_FOUND = 4;

export class Media {
  readonly sectorsACell: number;
  readonly cells: Uint8Array;
  /** Cells up to it were ever touched: what is saved. */
  #end = 0;
  /** Volatile writes over each cell; none before there is one. */
  #covers: Uint32Array | undefined;

  constructor(sectorCount: number) {
    this.sectorsACell = Math.max(1, Math.ceil(sectorCount / MAX_CELLS));
    this.cells = new Uint8Array(Math.ceil(sectorCount / this.sectorsACell));
  }

  /** The sectors are on the media; of a discard, nothing is there any more. */
  settle(sector: number, sectorCount: number, isThere: boolean): void {
    this.#fill(sector, sectorCount, isThere ? CELL_DURABLE : CELL_UNTOUCHED);
  }

  lose(sector: number, sectorCount: number): void {
    this.#fill(sector, sectorCount, CELL_LOST);
  }

  cover(sector: number, sectorCount: number): void {
    this.#covers ??= new Uint32Array(this.cells.length);
    const end = this.#endOf(sector, sectorCount);
    for (let cell = this.#cellOf(sector); cell < end; cell++) {
      (this.#covers[cell] as number)++;
      this.cells[cell] = CELL_VOLATILE;
    }
  }

  /** What the cells are from now on, settle or lose must say. */
  uncover(sector: number, sectorCount: number): void {
    if (this.#covers === undefined) return;
    const end = this.#endOf(sector, sectorCount);
    for (let cell = this.#cellOf(sector); cell < end; cell++) (this.#covers[cell] as number)--;
  }

  /** What is on the media now was there before the scene began: a volume's format, say. */
  age(): void {
    for (let cell = 0; cell < this.#end; cell++)
      if (this.cells[cell] === CELL_DURABLE) this.cells[cell] = CELL_FOUND;
  }

  #cellOf(sector: number): number {
    return Math.floor(sector / this.sectorsACell);
  }

  /** Behind the last cell of the sectors, which are touched from now on. */
  #endOf(sector: number, sectorCount: number): number {
    const end = Math.min(this.cells.length, Math.ceil((sector + sectorCount) / this.sectorsACell));
    this.#end = Math.max(this.#end, end);
    return end;
  }

  #fill(sector: number, sectorCount: number, kind: number): void {
    const end = this.#endOf(sector, sectorCount);
    for (let cell = this.#cellOf(sector); cell < end; cell++)
      if ((this.#covers?.[cell] ?? 0) === 0) this.cells[cell] = kind;
  }

  save(): Uint8Array {
    return this.cells.slice(0, this.#end);
  }

  /** As saved, with nothing volatile over it until that is covered again. */
  restore(saved: Uint8Array): void {
    this.cells.fill(CELL_UNTOUCHED, saved.length, Math.max(this.#end, saved.length));
    this.cells.set(saved);
    this.#covers?.fill(0);
    this.#end = saved.length;
  }
}
