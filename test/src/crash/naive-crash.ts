// What a crash may leave, by trying everything: plain arrays, recursion, no cleverness. The explorer is compared with it.
//
// Verbs: crashSets. A log is a list of events; for each of its steps the set of images is made from scratch. Sectors hold two halves,
// of which a write by bytes may bring one, so that an image is a string of two letters for a sector.

export interface NaiveWrite {
  readonly sector: number;
  readonly sectors: number;
  readonly kind: 'write' | 'discard' | 'zeroes';
  /** What it fills its sectors with. */
  readonly fill: number;
  readonly isFua: boolean;
  readonly domain: number;
  /** 0: in none. */
  readonly chain: number;
  readonly isUntorn: boolean;
  readonly isTogether: boolean;
}

export type NaiveEvent =
  | { readonly at: 'submit'; readonly id: number; readonly write: NaiveWrite }
  | { readonly at: 'flush'; readonly id: number; readonly domain: number }
  | { readonly at: 'complete'; readonly id: number; readonly isFailed: boolean };

export interface NaiveModel {
  readonly order: 'any' | 'prefix' | 'domainPrefix';
  readonly tearing: 'none' | 'units' | 'unitPrefix' | 'unitSuffix' | 'unitEnds';
  /** Sectors. */
  readonly unit: number;
  readonly damage: 'none' | 'zeros';
  readonly scope: 'powersafe' | 'unit';
  readonly device: 'volatile' | 'noCache' | 'lying';
  readonly discard: 'oldOrZero' | 'zeroes';
  readonly flushScope: 'all' | 'domain';
  /** Sectors of aligned pieces that are never torn; 0: no promise. */
  readonly atomic: number;
}

interface Situation {
  /** Writes in the order of submission: certain ones, and those that may or may not be there. */
  readonly writes: readonly {
    readonly write: NaiveWrite;
    readonly isCertain: boolean;
    /** Names of its link, which has several writes or not: those of a link are there together. */
    readonly link: string;
    readonly isGroup: boolean;
  }[];
}

/** The link of each submitted write, by its request: what failed later still ends a link. */
function linksOf(events: readonly NaiveEvent[]): Map<number, string> {
  const links = new Map<number, string>();
  const open = new Map<number, string>();
  for (const event of events) {
    if (event.at !== 'submit' || event.write.chain === 0) continue;
    const { chain, isTogether } = event.write;
    const link = open.get(chain) ?? `${chain}/${event.id}`;
    links.set(event.id, link);
    if (isTogether) open.set(chain, link);
    else open.delete(chain);
  }
  return links;
}

/** What is certain and what is not after the first `count` events. */
function situation(events: readonly NaiveEvent[], count: number, model: NaiveModel): Situation {
  const past = events.slice(0, count);
  const completedAt = (id: number) => past.findIndex((event) => event.at === 'complete' && event.id === id);
  const isFailed = (id: number) =>
    past.some((event) => event.at === 'complete' && event.id === id && event.isFailed);
  const writes = past.flatMap((event) => (event.at === 'submit' && !isFailed(event.id) ? [event] : []));
  const isCertain = ({ id, write }: { id: number; write: NaiveWrite }) => {
    const done = completedAt(id);
    if (done < 0 || model.device === 'lying') return false;
    if (write.isFua || model.device === 'noCache') return true;
    return past.some((event, step) => {
      if (event.at !== 'flush' || step < done || completedAt(event.id) < 0 || isFailed(event.id))
        return false;
      return model.flushScope === 'all' || event.domain === 0 || event.domain === write.domain;
    });
  };
  const links = linksOf(events);
  return {
    writes: writes.map((event) => {
      const link = links.get(event.id) ?? '';
      const others = events.filter((one) => one.at === 'submit' && links.get(one.id) === link);
      const isGroup = link !== '' && (event.write.isTogether || others.length > 1);
      return { write: event.write, isCertain: isCertain(event), link, isGroup };
    }),
  };
}

/** A write that stands and falls with others is one piece, as is one that says so itself. */
function solidified(entry: Situation['writes'][number]): NaiveWrite {
  return entry.isGroup ? { ...entry.write, isUntorn: true } : entry.write;
}

/** No chain has something behind a link that is not whole, and no link is there in part. */
function respectsChains(writes: Situation['writes'], chosen: readonly PieceState[][]): boolean {
  const brokenAt = new Map<number, string>();
  const seen = new Map<string, string>();
  for (const [index, states] of chosen.entries()) {
    const { write, isCertain, link, isGroup } = writes[index] as Situation['writes'][number];
    if (write.chain === 0 || isCertain) continue;
    const state = states.every((one) => one === 'kept')
      ? 'all'
      : states.some((one) => one !== 'missing')
        ? 'some'
        : 'none';
    const broken = brokenAt.get(write.chain);
    if (broken !== undefined && broken !== link && state !== 'none') return false;
    if (isGroup && (seen.get(link) ?? state) !== state) return false;
    seen.set(link, state);
    if (state !== 'all' && broken === undefined) brokenAt.set(write.chain, link);
  }
  return true;
}

type Piece = readonly [from: number, to: number];
type PieceState = 'kept' | 'missing' | 'damaged';

function isLoose(write: NaiveWrite, model: NaiveModel): boolean {
  return write.kind === 'discard' && model.discard === 'oldOrZero' && !write.isUntorn;
}

/** The pieces of a write: sectors of the drive, from and to. */
function piecesOf(write: NaiveWrite, model: NaiveModel): Piece[] {
  const end = write.sector + write.sectors;
  if (write.isUntorn || (model.tearing === 'none' && !isLoose(write, model))) return [[write.sector, end]];
  const pieces: [number, number][] = [];
  for (let sector = write.sector; sector < end; ) {
    const isAtomic =
      !isLoose(write, model) &&
      model.atomic >= model.unit &&
      sector % model.atomic === 0 &&
      sector + model.atomic <= end;
    const next = isAtomic ? sector + model.atomic : (Math.floor(sector / model.unit) + 1) * model.unit;
    pieces.push([sector, Math.min(next, end)]);
    sector = Math.min(next, end);
  }
  return pieces;
}

function canBeDamaged(write: NaiveWrite, [from, to]: Piece, model: NaiveModel): boolean {
  const isAtomic = model.atomic > 0 && to - from === model.atomic && from % model.atomic === 0;
  return model.damage !== 'none' && write.kind !== 'discard' && !isAtomic && !write.isUntorn;
}

/** Every way in which a write may be torn, all and nothing among them, each once. */
function tearings(write: NaiveWrite, model: NaiveModel): PieceState[][] {
  const pieces = piecesOf(write, model);
  const found = new Map<string, PieceState[]>();
  const add = (states: PieceState[]) => found.set(states.join(), states);
  const may = (piece: number) => canBeDamaged(write, pieces[piece] as Piece, model);
  if (isLoose(write, model) || model.tearing === 'units' || model.tearing === 'none') {
    const extend = (states: PieceState[]): void => {
      if (states.length === pieces.length) {
        add(states);
        return;
      }
      extend([...states, 'kept']);
      extend([...states, 'missing']);
      if (may(states.length)) extend([...states, 'damaged']);
    };
    extend([]);
    return [...found.values()];
  }
  const ends = model.tearing === 'unitEnds' ? [false, true] : [model.tearing === 'unitSuffix'];
  for (const isFromEnd of ends) {
    for (let kept = 0; kept <= pieces.length; kept++) {
      const place = (index: number) => (isFromEnd ? pieces.length - 1 - index : index);
      const states = pieces.map((_, index): PieceState => (place(index) < kept ? 'kept' : 'missing'));
      add(states);
      const torn = pieces.findIndex((_, index) => place(index) === kept);
      if (torn >= 0 && may(torn)) add(states.map((state, index) => (index === torn ? 'damaged' : state)));
    }
  }
  return [...found.values()];
}

/** The images after the first `count` events, each as the content of its sectors. */
export function crashSet(
  events: readonly NaiveEvent[],
  count: number,
  model: NaiveModel,
  base: readonly number[],
): Set<string> {
  const writes = situation(events, count, model).writes.map((entry) => ({
    ...entry,
    write: solidified(entry),
  }));
  const images = new Set<string>();
  const chosen: PieceState[][] = [];
  const choose = (index: number, isOver: ReadonlySet<number>): void => {
    const entry = writes[index];
    if (entry === undefined) {
      images.add(imageOf(writes, chosen, model, base).join(' '));
      return;
    }
    const whole = piecesOf(entry.write, model).map((): PieceState => 'kept');
    const nothing = whole.map((): PieceState => 'missing');
    const group = model.order === 'domainPrefix' ? entry.write.domain : 0;
    const options = entry.isCertain ? [whole] : isOver.has(group) ? [nothing] : tearings(entry.write, model);
    for (const states of options) {
      chosen[index] = states;
      if (!respectsChains(writes, chosen.slice(0, index + 1))) continue;
      const ends = !entry.isCertain && model.order !== 'any' && states.some((state) => state !== 'kept');
      choose(index + 1, ends ? new Set([...isOver, group]) : isOver);
    }
  };
  choose(0, new Set());
  return images;
}

function imageOf(
  writes: Situation['writes'],
  chosen: readonly PieceState[][],
  model: NaiveModel,
  base: readonly number[],
): number[] {
  const image = [...base];
  // the newest bytes that are certain: older uncertain writes do not reach them
  const certainFrom = base.map((_, sector) =>
    writes.reduce(
      (last, { write, isCertain }, index) => (isCertain && covers(write, sector) ? index : last),
      -1,
    ),
  );
  writes.forEach(({ write }, index) => {
    const put = (sector: number, value: number) => {
      if (index >= (certainFrom[sector] ?? -1)) image[sector] = value;
    };
    const pieces = piecesOf(write, model);
    for (const [place, [from, to]] of pieces.entries()) {
      const state = chosen[index]?.[place];
      if (state === 'kept') {
        for (let sector = from; sector < to; sector++) put(sector, write.kind === 'write' ? write.fill : 0);
      } else if (state === 'damaged') {
        const isWide = model.scope === 'unit';
        const first = isWide ? Math.floor(from / model.unit) * model.unit : from;
        const last = isWide ? Math.ceil(to / model.unit) * model.unit : to;
        for (let sector = first; sector < last; sector++) put(sector, 0);
      }
    }
  });
  return image;
}

function covers(write: NaiveWrite, sector: number): boolean {
  return sector >= write.sector && sector < write.sector + write.sectors;
}
