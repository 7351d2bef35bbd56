// The block lane: requests that wait, and those that the last step sent to the drive, on the address axis.
//
// Invariant: a request is drawn with the sectors and pieces it has now; merged ones are one bar.

import { reconcile } from '../dom.ts';
import type { BlockRequest, Model } from '../model.ts';
import { createRow, drawBar, requestLabel } from './axis.ts';

export function blockView(root: HTMLElement, sectorTotal: number): (model: Model) => void {
  return (model) => {
    const rows = [...model.issued, ...model.waiting].sort((left, right) => left.id - right.id);
    const draw = (row: HTMLElement, request: BlockRequest): void => {
      const isWaiting = request.channel < 0;
      const label = `${requestLabel(request)} · ${isWaiting ? 'waits' : 'sent'}`;
      drawBar(row, request, sectorTotal, { label, state: isWaiting ? 'waiting' : 'sent' });
    };
    reconcile(root, rows, ({ id }) => String(id), createRow, draw);
  };
}
