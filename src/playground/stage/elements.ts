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

  /** The marks in the order of their elements. */
  assign(marks: readonly Mark[], mayReuse: boolean): DrawnMark[] {
    const kept = new Set(marks.map(({ key }) => key));
    const free = mayReuse ? [...this.#elements].filter(([key]) => !kept.has(key)) : [];
    const drawn = marks.map((mark): DrawnMark => {
      const element = this.#elements.get(mark.key) ?? free.pop()?.[1] ?? ++this.#made;
      return { element, mark };
    });
    this.#elements = new Map(drawn.map(({ element, mark }) => [mark.key, element]));
    return drawn.sort((left, right) => left.element - right.element);
  }
}
