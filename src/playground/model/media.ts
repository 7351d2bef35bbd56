// The media of a drive as cells on its address axis: untouched, written, volatile over it, lost, written before the scene began.
//
// Verbs: settle, cover, lose, age, save, restore. A cell is a sector, or as many sectors as bring a large drive to 65,536 cells.

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

  constructor(sectorCount: number) {
    this.sectorsACell = Math.max(1, Math.ceil(sectorCount / MAX_CELLS));
    this.cells = new Uint8Array(Math.ceil(sectorCount / this.sectorsACell));
  }

  /** The sectors are on the media; of a discard, nothing is there any more. */
  settle(sector: number, sectorCount: number, isThere: boolean): void {
    this.#fill(sector, sectorCount, isThere ? CELL_DURABLE : CELL_UNTOUCHED);
  }

  cover(sector: number, sectorCount: number): void {
    this.#fill(sector, sectorCount, CELL_VOLATILE);
  }

  lose(sector: number, sectorCount: number): void {
    this.#fill(sector, sectorCount, CELL_LOST);
  }

  /** What is on the media now was there before the scene began: a volume's format, say. */
  age(): void {
    for (let cell = 0; cell < this.#end; cell++)
      if (this.cells[cell] === CELL_DURABLE) this.cells[cell] = CELL_FOUND;
  }

  #fill(sector: number, sectorCount: number, cell: number): void {
    const end = Math.ceil((sector + sectorCount) / this.sectorsACell);
    this.cells.fill(cell, Math.floor(sector / this.sectorsACell), end);
    this.#end = Math.min(this.cells.length, Math.max(this.#end, end));
  }

  save(): Uint8Array {
    return this.cells.slice(0, this.#end);
  }

  restore(saved: Uint8Array): void {
    this.cells.fill(CELL_UNTOUCHED, saved.length, Math.max(this.#end, saved.length));
    this.cells.set(saved);
    this.#end = saved.length;
  }
}
