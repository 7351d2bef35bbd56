// The few things that the views need of the document.
//
// Verbs: byId, make, reconcile, place. Elements keep their identity from one drawing to the next, so that a change of
// state can be a transition and a reader's place is kept.

/** The element of index.html with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no element "${id}"`);
  return element;
}

export function make(tag: string, className = '', text = ''): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

/** Sets a text only where it differs, so that nothing is announced twice. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes `parent` hold one element for each item, in order; `draw` gets each, the new ones after `create`. */
export function reconcile<Item>(
  parent: HTMLElement,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  create: (item: Item) => HTMLElement,
  draw: (element: HTMLElement, item: Item) => void,
): void {
  const old = new Map<string, HTMLElement>();
  for (const child of [...parent.children] as HTMLElement[]) old.set(child.dataset.key ?? '', child);
  items.forEach((item, index) => {
    const key = keyOf(item);
    const element = old.get(key) ?? create(item);
    old.delete(key);
    element.dataset.key = key;
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    draw(element, item);
  });
  for (const element of old.values()) element.remove();
}

/** Places an element on an axis of `total` units, in percent of its parent. */
export function place(element: HTMLElement, start: number, count: number, total: number): void {
  element.style.left = `${(start / total) * 100}%`;
  element.style.width = `${(count / total) * 100}%`;
}
