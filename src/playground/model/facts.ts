// What the inspector tells of a thing at a moment: what it is in one sentence, its fields, and what it belongs to.
//
// Verbs: factsOf (one thing), summaryOf (the whole moment).

import { PAGE_SHIFT, SECTOR_SHIFT } from '../../../assembly/limits.ts';
import type { Shape } from '../worker/protocol.ts';
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatTime,
  SECTORS_PER_PAGE,
} from './formats.ts';
import type {
  Bio,
  BlockRequest,
  CachedPage,
  EntityKey,
  GuestRequest,
  Hue,
  RingRequest,
  StackState,
  VolatileWrite,
} from './types.ts';

/** One field; `link`: the key of the thing that the value names. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly link?: EntityKey;
}

export interface Facts {
  readonly title: string;
  /** What it is, and how it stands, in one sentence. */
  readonly sentence: string;
  readonly hue: Hue | undefined;
  readonly rows: readonly Fact[];
}

const CELLS = [
  'Never written: nothing of it is on the media.',
  'On the media: it survives a power cut.',
  'A newer write of it is in the volatile cache: a power cut decides which one stays.',
  'Its newest write was lost in the last power cut.',
  'Written before the scene began, when its volume was made: it survives a power cut.',
];

const PAGE_SENTENCES: Readonly<Record<CachedPage['state'], string>> = {
  reading: 'A page of the cache whose bytes are on their way from the drive.',
  clean: 'A page of the cache, the same as on the drive: it may be dropped at any time.',
  dirty: 'A page of the cache, newer than the drive: its changes are in memory only.',
  writeback: 'A page of the cache that is being written to the drive.',
};

function fact(name: string, value: string, link?: EntityKey): Fact {
  return link === undefined ? { name, value } : { name, value, link };
}

/** Rows that say something. */
function rowsOf(...rows: readonly (Fact | undefined | false)[]): Fact[] {
  return rows.filter((row): row is Fact => row !== undefined && row !== false);
}

function sectorsRow({ sector, sectorCount }: { sector: number; sectorCount: number }): Fact | undefined {
  if (sectorCount === 0) return undefined;
  const last = sectorCount === 1 ? '' : `–${formatCount(sector + sectorCount - 1)}`;
  return fact('Sectors', `${formatCount(sector)}${last}, ${formatBytes(sectorCount * 2 ** SECTOR_SHIFT)}`);
}

function fileName(shape: Shape, number: number): string {
  return shape.files.find((file) => file.number === number)?.name ?? `file ${number}`;
}

/** The cached page that holds a byte of a file, as a link. */
function pageLink(state: StackState, file: number, offsetBytes: number): EntityKey | undefined {
  const key = `page:${file}:${Math.floor(offsetBytes / 2 ** PAGE_SHIFT)}`;
  return state.cache.slots.some((page) => page?.key === key) ? key : undefined;
}

function ringFacts(state: StackState, request: RingRequest): Facts {
  const ring = state.rings.find(({ client }) => client === request.client);
  const isTransfer = request.lengthBytes > 0;
  const how =
    request.state === 'prepared'
      ? 'prepared, and not taken yet'
      : request.state === 'running'
        ? 'on its way since'
        : request.result < 0
          ? `failed with error ${request.result} after`
          : 'done after';
  const spent = formatDuration(
    (request.state === 'done' ? request.endedNs : state.nowNs) - request.submittedNs,
  );
  return {
    title: `${request.verb} of ${ring?.name ?? 'a client'}`,
    sentence: `A request of an application, ${how}${request.state === 'prepared' ? '' : ` ${spent}`}.`,
    hue: request.hue,
    rows: rowsOf(
      request.file >= 0 && fact('File', fileName(state.shape, request.file)),
      isTransfer && fact('Offset', `${formatCount(request.offsetBytes)} B`),
      isTransfer && fact('Length', formatBytes(request.lengthBytes)),
      isTransfer &&
        fact(
          'First page',
          formatCount(Math.floor(request.offsetBytes / 2 ** PAGE_SHIFT)),
          pageLink(state, request.file, request.offsetBytes),
        ),
      fact('Submitted', formatTime(request.submittedNs)),
      request.state === 'done' && fact('Ended', formatTime(request.endedNs)),
      request.state === 'done' && fact('Result', formatCount(request.result)),
      request.job > 0 && fact('Job', formatCount(request.job)),
      request.operation > 0 && fact('Operation', formatCount(request.operation)),
    ),
  };
}

function guestFacts(state: StackState, request: GuestRequest): Facts {
  const mates = state.guests
    .flatMap(({ requests }) => requests)
    .filter(({ group, key }) => request.group > 0 && group === request.group && key !== request.key);
  return {
    title: `${request.verb} of a guest`,
    sentence: `A request that a guest put on its queue, ${request.state}${request.status === 0 ? '' : ', failed'}.`,
    hue: request.hue,
    rows: rowsOf(
      sectorsRow(request),
      request.group > 0 && fact('Merged I/O', formatCount(request.group)),
      ...mates.map((mate) => fact('Together with', `sector ${formatCount(mate.sector)}`, mate.key)),
      request.apart !== '' && fact('Begins a run', request.apart),
      fact('Submitted', formatTime(request.submittedNs)),
      request.state === 'done' && fact('Ended', formatTime(request.endedNs)),
      request.state === 'done' && fact('Status', formatCount(request.status)),
    ),
  };
}

/** Block 0 first: which are there, dirty, on their way. */
function blockWords(page: CachedPage, blockCount: number): string {
  const word = (block: number): string => {
    const bit = 2 ** block;
    if (page.writeback & bit) return 'on its way';
    if (page.dirty & bit) return 'dirty';
    return page.uptodate & bit ? 'clean' : 'absent';
  };
  return Array.from({ length: blockCount }, (_, block) => word(block)).join(', ');
}

function pageFacts(state: StackState, page: CachedPage): Facts {
  const { shape } = state;
  const traits = [
    page.isDirtyAgain && 'dirtied again meanwhile',
    page.isLeaving && 'chosen to leave, so it is written first',
    page.isAhead && 'read ahead, and not used yet',
    page.isActive && 'active, used more than once',
    page.lookup !== undefined && `looked up just now: a ${page.lookup}`,
  ].filter((trait) => trait !== false);
  const request = requestOf(state, page);
  return {
    title: `Page ${formatCount(page.index)} of ${fileName(shape, page.file)}`,
    sentence: PAGE_SENTENCES[page.state],
    hue: page.state === 'reading' ? 'read' : page.state === 'clean' ? undefined : 'write',
    rows: rowsOf(
      fact('State', [page.state === 'writeback' ? 'under write-back' : page.state, ...traits].join('; ')),
      fact(
        'Bytes',
        `${formatCount(page.index * 2 ** PAGE_SHIFT)} to ${formatCount((page.index + 1) * 2 ** PAGE_SHIFT - 1)}`,
      ),
      shape.blocksAPage > 1 && fact('Blocks', blockWords(page, shape.blocksAPage)),
      fact('Place', page.isLeaving ? 'at the door' : `slot ${formatCount(page.slot)} of the cache`),
      request !== undefined && fact('Request', `#${request.id}`, request.key),
    ),
  };
}

/** The request at or before the drive that moves the page's bytes: told only for a file that is its whole drive. */
function requestOf(state: StackState, page: CachedPage): BlockRequest | undefined {
  const file = state.shape.files.find(({ number }) => number === page.file);
  if (file === undefined || file.number !== file.drive || page.state === 'clean' || page.state === 'dirty')
    return undefined;
  const drive = state.drives[file.drive];
  const hue = page.state === 'reading' ? 'read' : 'write';
  const start = page.index * SECTORS_PER_PAGE;
  return [...(drive?.waiting ?? []), ...(drive?.inService ?? [])].find(
    (request) =>
      request.hue === hue &&
      request.sector < start + SECTORS_PER_PAGE &&
      start < request.sector + request.sectorCount,
  );
}

function requestFacts(state: StackState, request: BlockRequest): Facts {
  const isShared = request.sharedWith > 0;
  const waits = isShared
    ? `waits for flush #${request.sharedWith}, which serves it too`
    : 'waits for the drive';
  const since = formatDuration(
    state.nowNs - (request.state === 'waiting' ? request.queuedNs : request.issuedNs),
  );
  const how = request.state === 'waiting' ? `${waits}, ${since} so far` : `is being served, ${since} so far`;
  return {
    title: `Request #${request.id}`,
    sentence: `A ${request.verb} of drive ${request.drive} that ${how}.`,
    hue: request.hue,
    rows: rowsOf(
      sectorsRow(request),
      request.bios.length > 1 && fact('Pieces', formatCount(request.bios.length)),
      ...(request.bios.length > 1 ? request.bios.map(pieceRow) : []),
      request.apart !== '' && fact('On its own', request.apart),
      fact('Queued', formatTime(request.queuedNs)),
      request.state === 'inService' && fact('At the drive', formatTime(request.issuedNs)),
      request.isFaulty && fact('Fault', 'a rule of the drive has met it'),
    ),
  };
}

function pieceRow(bio: Bio): Fact {
  return fact(
    'Piece',
    `${formatCounted(bio.sectorCount, 'sector')} from ${formatCount(bio.sector)}`,
    bio.key,
  );
}

function bioFacts(bio: Bio, request: BlockRequest): Facts {
  return {
    title: `Piece ${bio.id}`,
    sentence: `What one submitter asked of drive ${request.drive}; it is in request #${request.id}.`,
    hue: request.hue,
    rows: rowsOf(
      sectorsRow(bio),
      fact('Request', `#${request.id}`, request.key),
      bio.joined !== undefined && fact('Joined', `at the ${bio.joined}, just now`),
    ),
  };
}

function writeFacts(state: StackState, write: VolatileWrite): Facts {
  return {
    title: `Volatile write #${write.requestId}`,
    sentence: `The drive has said that it is done, and holds it in its volatile cache: a power cut may lose it.`,
    hue: write.hue,
    rows: rowsOf(
      sectorsRow(write),
      fact('Drive', formatCount(write.drive)),
      fact('Held for', formatDuration(state.nowNs - write.sinceNs)),
      write.isOrphan && fact('Left behind', 'a flush that should have covered it has failed'),
    ),
  };
}

function sectorFacts(state: StackState, drive: number, sector: number): Facts | undefined {
  const found = state.drives[drive];
  if (found === undefined) return undefined;
  const cell = Math.floor(sector / found.sectorsACell);
  return {
    title: `Sector ${formatCount(sector)} of drive ${drive}`,
    sentence: CELLS[found.media[cell] ?? 0] ?? '',
    hue: undefined,
    rows: rowsOf(
      fact('Bytes', `from ${formatCount(sector * 2 ** SECTOR_SHIFT)}`),
      found.sectorsACell > 1 && fact('Shown with', formatCounted(found.sectorsACell - 1, 'neighbour')),
      ...found.volatileWrites
        .filter((write) => write.sector <= sector && sector < write.sector + write.sectorCount)
        .map((write) => fact('Volatile write', `#${write.requestId}`, write.key)),
    ),
  };
}

/** What the state has of a key; undefined when the thing is not there at this moment. */
export function factsOf(state: StackState, key: EntityKey): Facts | undefined {
  const [kind, first, second] = key.split(':');
  switch (kind) {
    case 'ring': {
      const request = state.rings.flatMap(({ requests }) => requests).find((each) => each.key === key);
      return request && ringFacts(state, request);
    }
    case 'guest': {
      const request = state.guests.flatMap(({ requests }) => requests).find((each) => each.key === key);
      return request && guestFacts(state, request);
    }
    case 'page': {
      const page = state.cache.slots.find((each) => each?.key === key);
      return page && pageFacts(state, page);
    }
    case 'request':
    case 'flush': {
      const request = requestsOf(state).find((each) => each.key === key);
      return request && requestFacts(state, request);
    }
    case 'bio': {
      const request = requestsOf(state).find(({ bios }) => bios.some((bio) => bio.key === key));
      const bio = request?.bios.find((each) => each.key === key);
      return request && bio && bioFacts(bio, request);
    }
    case 'write': {
      const write = state.drives
        .flatMap(({ volatileWrites }) => volatileWrites)
        .find((each) => each.key === key);
      return write && writeFacts(state, write);
    }
    case 'sector':
      return sectorFacts(state, Number(first), Number(second));
    default:
      return undefined;
  }
}

function requestsOf({ drives }: StackState): BlockRequest[] {
  return drives.flatMap(({ waiting, inService }) => [...waiting, ...inService]);
}

const GONE: Readonly<Record<string, string>> = {
  ring: 'A request of an application',
  guest: 'A request of a guest',
  page: 'Page',
  request: 'Request',
  flush: 'Flush for request',
  bio: 'Piece',
  write: 'Volatile write',
};

/** What a thing is called that is not there at this moment. */
export function goneTitle(shape: Shape, key: EntityKey): string {
  const [kind = '', ...rest] = key.split(':');
  const numbers = rest.map(Number);
  const last = formatCount(numbers.at(-1) ?? 0);
  if (kind === 'page') return `Page ${last} of ${fileName(shape, numbers[0] ?? 0)}`;
  if (kind === 'ring') return `Request ${last} of ${shape.clients[numbers[0] ?? 0]?.name ?? 'a client'}`;
  if (kind === 'guest') return `Request ${last} of a guest`;
  return `${GONE[kind] ?? 'Something'} #${last}`;
}

/** The moment in a few numbers: what moves, and what a power cut would take. */
export function summaryOf(state: StackState): Fact[] {
  const { rings, guests, cache, drives } = state;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const asked = sum([...rings, ...guests].map(({ inFlight }) => inFlight));
  const waiting = sum(drives.map((drive) => drive.waiting.length));
  const inService = sum(drives.map((drive) => drive.inService.length));
  const held = drives.flatMap(({ volatileWrites }) => volatileWrites);
  const heldBytes = sum(held.map(({ sectorCount }) => sectorCount)) * 2 ** SECTOR_SHIFT;
  const unwritten = cache.dirtyCount + cache.writebackCount;
  return rowsOf(
    fact('Asked for', formatCounted(asked, 'request')),
    fact('At the drives', `${formatCount(waiting)} waiting, ${formatCount(inService)} in service`),
    fact(
      'In the cache',
      `${formatCount(cache.pageCount)} of ${formatCounted(cache.capacityPages, 'page')}, ${formatCount(cache.dirtyCount)} dirty`,
    ),
    cache.pausedWriters > 0 && fact('Held back', formatCounted(cache.pausedWriters, 'writer')),
    fact(
      'A cut loses',
      unwritten === 0 ? 'nothing of the cache' : `${formatCounted(unwritten, 'page')} of the cache`,
    ),
    fact(
      'A cut may lose',
      held.length === 0
        ? 'nothing of the drives'
        : `${formatCounted(held.length, 'drive write')}, ${formatBytes(heldBytes)}`,
    ),
  );
}
