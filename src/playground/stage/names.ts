// What each mark is, as a sentence that is read out.
//
// Verbs: nameRing, nameGuest, namePage, namePages, nameRequest, nameVolatile.

import { formatBytes, formatCount, formatCounted, formatTime } from '../model/describe.ts';
import type {
  BlockRequest,
  CachedPage,
  GuestRequest,
  PageState,
  RingRequest,
  RingState,
  VolatileWrite,
} from '../model/types.ts';

function sectors(sector: number, sectorCount: number): string {
  return sectorCount === 1
    ? `sector ${formatCount(sector)}`
    : `sectors ${formatCount(sector)} to ${formatCount(sector + sectorCount - 1)}`;
}

export function nameRing(request: RingRequest, ring: RingState): string {
  const what =
    request.lengthBytes === 0
      ? request.verb
      : `${request.verb} of ${formatBytes(request.lengthBytes)} at ${formatBytes(request.offsetBytes)}`;
  return `${ring.name}: ${what}, ${ringState(request)}`;
}

function ringState(request: RingRequest): string {
  const since = formatTime(request.submittedNs);
  if (request.state === 'prepared') return 'prepared, not submitted yet';
  if (request.state === 'running') return `in flight since ${since}`;
  if (request.result < 0) return `failed with error ${formatCount(-request.result)}`;
  return `done after ${formatTime(request.endedNs - request.submittedNs)}`;
}

export function nameGuest(request: GuestRequest): string {
  const what =
    request.sectorCount === 0
      ? request.hue
      : `${request.hue}, ${sectors(request.sector, request.sectorCount)}`;
  const group = request.group === 0 ? '' : `, in merged request ${formatCount(request.group)}`;
  return `guest ${what}, ${request.state}${group}`;
}

const PAGE_STATES = {
  reading: 'being read in',
  clean: 'clean, the same as on the drive',
  dirty: 'dirty, in memory only',
  writeback: 'being written back',
};

export function namePage(page: CachedPage, fileName: string): string {
  const traits = [
    page.isDirtyAgain ? 'dirty again' : '',
    page.isLeaving ? 'chosen to leave' : '',
    page.isAhead ? 'read ahead, not used yet' : '',
    page.lookup === undefined ? '' : `a ${page.lookup} just now`,
  ].filter((trait) => trait !== '');
  return [`page ${formatCount(page.index)} of ${fileName}, ${PAGE_STATES[page.state]}`, ...traits].join(', ');
}

/** A square that stands for several pages. */
export function namePages(pageCount: number, countOf: (state: PageState) => number): string {
  const counts = Object.entries(PAGE_STATES).flatMap(([state, words]) => {
    const count = countOf(state as PageState);
    return count === 0 ? [] : [`${formatCount(count)} ${words.split(',')[0]}`];
  });
  return `${formatCounted(pageCount, 'page')}: ${counts.join(', ')}`;
}

export function nameRequest(request: BlockRequest): string {
  const what =
    request.sectorCount === 0
      ? `${request.verb} request ${request.id}`
      : `${request.verb} request ${request.id}, ${sectors(request.sector, request.sectorCount)}`;
  const merged = request.bios.length > 1 ? `, merged from ${request.bios.length}` : '';
  if (request.state === 'waiting') return `${what}${merged}, waiting since ${formatTime(request.queuedNs)}`;
  return `${what}${merged}, in service since ${formatTime(request.issuedNs)}`;
}

export function nameVolatile(write: VolatileWrite): string {
  return `write ${write.requestId}, ${sectors(write.sector, write.sectorCount)}, in the volatile cache: a power cut may lose it`;
}
