// The cache lane: one square for each page frame, and the pages that are on their way out.
//
// A square's fill says how the page stands to the drive (clean, dirty, read-in, write-back), its sign says the same
// without colour; a ring around it marks the pages that the last step looked up.

import { make, reconcile, setText } from '../dom.ts';
import type { Model, PageState } from '../model.ts';

const STATES: Readonly<Record<PageState, { readonly sign: string; readonly name: string }>> = {
  reading: { sign: '↑', name: 'being read in' },
  clean: { sign: '=', name: 'clean' },
  dirty: { sign: '●', name: 'dirty' },
  writeback: { sign: '↓', name: 'being written back' },
};

interface Square {
  readonly key: string;
  readonly index: number | undefined;
}

function create(): HTMLElement {
  const square = make('li', 'page');
  square.append(make('span', 'number'), make('span', 'sign'));
  return square;
}

function drawSquare(model: Model, element: HTMLElement, index: number | undefined): void {
  const page = index === undefined ? undefined : model.pages.get(index);
  const state = page === undefined ? undefined : STATES[page.state];
  const lookup = index === undefined ? undefined : model.lookups.get(index);
  element.className = ['page', page?.state ?? 'empty', lookup ?? ''].join(' ').trim();
  setText(element.children[0] as Element, index === undefined ? '' : String(index));
  setText(element.children[1] as Element, state?.sign ?? '');
  const found = lookup === undefined ? '' : `, ${lookup} in this step`;
  const label = state === undefined ? 'free' : `page ${index}: ${state.name}${found}`;
  element.setAttribute('aria-label', label);
  element.title = label;
}

export function cacheView(grid: HTMLElement, leaving: HTMLElement): (model: Model) => void {
  return (model) => {
    const draw = (element: HTMLElement, { index }: Square): void => drawSquare(model, element, index);
    const slots = model.slots.map((index, slot): Square => ({ key: String(slot), index }));
    reconcile(grid, slots, ({ key }) => key, create, draw);
    const out = [...model.leaving].map((index): Square => ({ key: String(index), index }));
    reconcile(leaving, out, ({ key }) => key, create, draw);
    leaving.parentElement?.classList.toggle('idle', out.length === 0);
  };
}
