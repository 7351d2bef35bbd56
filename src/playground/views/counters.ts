// The counters table: the machine's own counters, by group; those that the last report changed are marked.
//
// Every value carries `data-counter="group.name"`, so that a test can compare it with the machine's.

import type { Counters } from '../../counters.ts';
import { formatCount } from '../describe.ts';
import { make, setText } from '../dom.ts';

/** What this scene can move; the guest's device has no part in it. */
const GROUPS = ['aio', 'cache', 'block', 'drive'] as const;
const TITLES: Readonly<Record<(typeof GROUPS)[number], string>> = {
  aio: 'Rings',
  cache: 'Page cache',
  block: 'Block layer',
  drive: 'Drive',
};

export function countersView(root: HTMLElement): (counters: Counters, isFresh: boolean) => void {
  const cells = new Map<string, HTMLElement>();
  const cellOf = (table: HTMLElement, key: string, name: string): HTMLElement => {
    const line = make('tr');
    const head = make('th', '', name);
    head.setAttribute('scope', 'row');
    const cell = make('td');
    cell.dataset.counter = key;
    line.append(head, cell);
    table.append(line);
    cells.set(key, cell);
    return cell;
  };
  const tables = GROUPS.map((group) => {
    const table = make('table');
    table.append(make('caption', '', TITLES[group]), make('tbody'));
    root.append(table);
    return table.lastElementChild as HTMLElement;
  });
  return (counters, isFresh) => {
    GROUPS.forEach((group, index) => {
      for (const [name, value] of Object.entries(counters[group])) {
        const key = `${group}.${name}`;
        const cell = cells.get(key) ?? cellOf(tables[index] as HTMLElement, key, name);
        const text = formatCount(value);
        cell.parentElement?.classList.toggle('changed', !isFresh && cell.textContent !== text);
        cell.parentElement?.classList.toggle('zero', value === 0);
        setText(cell, text);
      }
    });
  };
}
