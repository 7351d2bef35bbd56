// Which element of the page draws which mark.
//
// Verbs: assign. A mark keeps its element, and elements keep their order: one that changed its place among the others would lose its movement.
// Where nothing is seen to move, a new mark takes the element of one that is gone, which is far less work for the browser than a new element.

import type { Mark } from './types.ts';

export interface DrawnMark {
  readonly element: number;
  readonly mark: Mark;
}

export class Elements {
  #elements: ReadonlyMap<string, number> = new Map();
  #made = 0;
  /** The keys that were given last, and by element where its mark stood among them. */
  #keys: readonly string[] = [];
  #drawn: readonly { readonly element: number; readonly index: number }[] = [];

  /** The marks in the order of their elements. */
  assign(marks: readonly Mark[], mayReuse: boolean): DrawnMark[] {
    const keys = this.#keys;
    const isAsBefore = marks.length === keys.length && marks.every(({ key }, index) => key === keys[index]);
    if (!isAsBefore) this.#place(marks, mayReuse);
    return this.#drawn.map(({ element, index }) => ({ element, mark: marks[index] as Mark }));
  }

  #place(marks: readonly Mark[], mayReuse: boolean): void {
    this.#keys = marks.map(({ key }) => key);
    const kept = new Set(this.#keys);
    const free = mayReuse ? [...this.#elements].filter(([key]) => !kept.has(key)) : [];
    const elements = this.#keys.map((key) => this.#elements.get(key) ?? free.pop()?.[1] ?? ++this.#made);
    this.#elements = new Map(this.#keys.map((key, index) => [key, elements[index] as number]));
    this.#drawn = elements
      .map((element, index) => ({ element, index }))
      .sort((left, right) => left.element - right.element);
  }
}
