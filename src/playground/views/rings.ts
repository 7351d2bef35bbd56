// The rings lane: what the application has asked for in this chapter, and what has come back.
//
// One tile for each request. A tile is hollow from io_submit until its event is on the completion ring, then filled.

import { byteRange, fileOperation, formatBytes, formatCount, hueOf } from '../describe.ts';
import { make, reconcile, setText } from '../dom.ts';
import type { Model, RingRequest } from '../model.ts';

function create(request: RingRequest): HTMLElement {
  const tile = make('li', `tile ${hueOf(request.operation)}`);
  const name = fileOperation(request.operation);
  const size = request.lengthBytes > 0 ? ` ${formatBytes(request.lengthBytes)}` : '';
  const where = request.lengthBytes > 0 ? byteRange(request.offsetBytes, request.lengthBytes) : 'whole file';
  tile.append(make('strong', '', name + size), make('span', '', where), make('span', 'outcome'));
  return tile;
}

function draw(tile: HTMLElement, request: RingRequest): void {
  tile.classList.toggle('done', request.isDone);
  const result = request.result < 0 ? `error ${request.result}` : `done: ${formatCount(request.result)}`;
  setText(tile.lastElementChild as Element, request.isDone ? result : 'in flight');
}

export function ringsView(root: HTMLElement): (model: Model) => void {
  return (model) => {
    const keyed = model.ring.map((request, index) => ({ request, key: `${model.chapter}.${index}` }));
    reconcile(
      root,
      keyed,
      ({ key }) => key,
      ({ request }) => create(request),
      (tile, { request }) => draw(tile, request),
    );
  };
}
