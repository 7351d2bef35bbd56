// The drive lane: what each channel serves, what the volatile cache holds, what is on the media.
//
// All on the same address axis as the block lane. Hatched is what a power cut may lose, solid is what it may not.

import { formatCounted, formatTime, sectorPages } from '../describe.ts';
import { make, place, reconcile, setText } from '../dom.ts';
import type { Model, PageState, VolatileWrite } from '../model.ts';
import { createRow, drawBar, requestLabel } from './axis.ts';

/** Pages newer than what the drive was given. */
const NOT_ON_DRIVE: ReadonlySet<PageState> = new Set(['dirty', 'writeback']);

interface Run {
  readonly start: number;
  readonly count: number;
}

export interface DriveParts {
  readonly channels: HTMLElement;
  readonly held: HTMLElement;
  readonly media: HTMLElement;
  /** Where the number of writes that could be lost is said in words. */
  readonly summary: HTMLElement;
}

function durableRuns(durable: Uint8Array): Run[] {
  const runs: Run[] = [];
  let start = -1;
  for (let sector = 0; sector <= durable.length; sector++) {
    const isSet = durable[sector] === 1;
    if (isSet && start < 0) start = sector;
    if (!isSet && start >= 0) {
      runs.push({ start, count: sector - start });
      start = -1;
    }
  }
  return runs;
}

function drawChannels(root: HTMLElement, model: Model, sectorTotal: number): void {
  reconcile(
    root,
    model.channels.map((request, channel) => ({ request, channel })),
    ({ channel }) => String(channel),
    ({ channel }) => {
      const line = make('li', 'channel');
      line.append(make('span', 'row-name', `channel ${channel}`), createRow());
      return line;
    },
    (line, { request }) => {
      const row = line.lastElementChild as HTMLElement;
      row.classList.toggle('idle', request === undefined);
      if (request === undefined) return;
      drawBar(row, request, sectorTotal, { label: requestLabel(request), state: 'served' });
      row.title = `since ${formatTime(request.issuedNs)}`;
    },
  );
}

function drawHeld(root: HTMLElement, writes: readonly VolatileWrite[], sectorTotal: number): void {
  reconcile(
    root,
    writes,
    ({ requestId }) => String(requestId),
    () => make('span', 'bar write volatile'),
    (bar, write) => {
      place(bar, write.sector, write.sectorCount, sectorTotal);
      bar.title = `#${write.requestId}: pages ${sectorPages(write.sector, write.sectorCount)}`;
    },
  );
}

export function driveView(parts: DriveParts, sectorTotal: number): (model: Model) => void {
  return (model) => {
    drawChannels(parts.channels, model, sectorTotal);
    drawHeld(parts.held, model.volatileWrites, sectorTotal);
    reconcile(
      parts.media,
      durableRuns(model.durable),
      ({ start }) => String(start),
      () => make('span', 'bar write durable'),
      (bar, { start, count }) => {
        place(bar, start, count, sectorTotal);
        bar.title = `pages ${sectorPages(start, count)}`;
      },
    );
    const unwritten = [...model.pages.values()].filter(({ state }) => NOT_ON_DRIVE.has(state)).length;
    setText(parts.summary, describeRisk(unwritten, model.volatileWrites.length));
  };
}

function describeRisk(unwrittenPages: number, heldWrites: number): string {
  const risks: string[] = [];
  if (unwrittenPages > 0) risks.push(`${formatCounted(unwrittenPages, 'page')} that the drive does not have`);
  if (heldWrites > 0) risks.push(`${formatCounted(heldWrites, 'write')} in the volatile cache`);
  return risks.length === 0
    ? 'A power cut now would lose nothing.'
    : `A power cut now could lose ${risks.join(' and ')}.`;
}
