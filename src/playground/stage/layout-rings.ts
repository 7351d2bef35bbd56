// The upper lanes: one row for each client, in whose slots its requests stand; and a guest's queue, with brackets below what multireq merged.
//
// Invariant: a request keeps its slot while it is there, as it does on a ring.

import { formatBytes, formatCount } from '../model/describe.ts';
import type { GuestState, RingRequest, RingState, StackState } from '../model/types.ts';
import type { RunExtent } from './extent.ts';
import * as g from './geometry.ts';
import { nameGuest, nameRing } from './names.ts';
import { fitText, textWidth } from './text.ts';
import {
  type Box,
  type Bracket,
  type Label,
  type LaneContent,
  type LooseMark,
  type MarkState,
  mark,
  NOTHING,
  type Place,
} from './types.ts';

interface Rows {
  readonly columns: number;
  readonly pitch: number;
  readonly lines: number;
  /** From one line to the next. */
  readonly line: number;
}

/** How many slots stand beside each other, and on how many lines. */
function rowsOf(slots: number, width: number, line: number = g.CHIP_LINE): Rows {
  const pitch = Math.min(g.CHIP_MAX_WIDTH + g.CHIP_GAP, Math.floor(width / slots));
  if (pitch >= g.CHIP_MIN_WIDTH + g.CHIP_GAP) return { columns: slots, pitch, lines: 1, line };
  const least = g.CHIP_MIN_WIDTH + g.CHIP_GAP;
  const columns = Math.max(1, Math.floor(width / least));
  return { columns, pitch: least, lines: Math.ceil(slots / columns), line };
}

function slotBox(slot: number, { columns, pitch, line }: Rows, left: number, top: number): Box {
  return {
    x: left + (slot % columns) * pitch,
    y: top + Math.floor(slot / columns) * line,
    width: pitch - g.CHIP_GAP,
    height: g.CHIP_HEIGHT,
  };
}

function outline({ x, y, width, height }: Box): string {
  return `M${x + 0.5} ${y + 0.5}h${width - 1}v${height - 1}h${1 - width}z`;
}

/** A slot for each request: the one of its number where it is free, else the next free one. */
export function slotsFor(requests: readonly { readonly key: string }[], count: number): number[] {
  const taken = new Set<number>();
  return requests.map(({ key }) => {
    const number = Number(key.slice(key.lastIndexOf(':') + 1)) || 0;
    for (let offset = 0; offset < count; offset++) {
      const slot = (number + offset) % count;
      if (taken.has(slot)) continue;
      taken.add(slot);
      return slot;
    }
    return -1;
  });
}

/** A ring has no more places than this. */
const RING_SLOTS = 64;

interface ClientPlace {
  /** Of the slots. */
  readonly left: number;
  readonly width: number;
  readonly labelLeft: number;
  readonly labelWidth: number;
  /** 0 where names stand beside the slots. */
  readonly labelLine: number;
}

/** Where names of clients stand: left of their slots, from where the axes begin; or above where there is no room beside. */
function clientPlace(place: Place, names: readonly string[]): ClientPlace {
  if (place.width < g.CLIENT_BESIDE_FROM)
    return { ...place, labelLeft: place.left, labelWidth: place.width, labelLine: g.CLIENT_LABEL_LINE };
  const widest = Math.max(0, ...names.map((name) => textWidth(name, g.CAPTION_SIZE))) + g.CHIP_GAP * 3;
  const wanted = Math.max(g.CLIENT_LABEL_MIN, Math.min(g.CLIENT_LABEL_MAX, Math.ceil(widest)));
  const beside = g.FLUSH_COLUMN + wanted;
  return {
    left: place.left + beside,
    width: place.width - beside,
    labelLeft: place.left + g.FLUSH_COLUMN,
    labelWidth: wanted - g.CHIP_GAP,
    labelLine: 0,
  };
}

export function layoutRings(state: StackState, extent: RunExtent, place: Place): LaneContent {
  if (state.rings.length === 0)
    return { ...NOTHING, words: 'none here: requests go to the block layer at once' };
  const marks: LooseMark[] = [];
  const labels: Label[] = [];
  let slots = '';
  const own = clientPlace(
    place,
    state.rings.map((ring) => widestNameOf(ring, extent.slots[ring.client] ?? 1)),
  );
  const { left, width, labelLine } = own;
  let y = place.top;
  for (const ring of state.rings) {
    const count = Math.max(extent.slots[ring.client] ?? 1, Math.min(RING_SLOTS, ring.requests.length));
    const rows = rowsOf(count, width);
    labels.push(clientLabel(ring, own, y));
    y += labelLine;
    const found = slotsFor(ring.requests, count);
    ring.requests.forEach((request, index) => {
      const slot = found[index] ?? -1;
      if (slot >= 0) marks.push(chip(request, ring, slotBox(slot, rows, left, y)));
    });
    const taken = new Set(found);
    for (let slot = 0; slot < count; slot++) {
      if (!taken.has(slot)) slots += outline(slotBox(slot, rows, left, y));
    }
    y += rows.lines * rows.line + g.CLIENT_GAP;
  }
  return { ...NOTHING, marks, labels, slots, height: Math.max(0, y - g.CLIENT_GAP - place.top) };
}

/** A client with more requests than slots says so. */
function nameOf({ name, hiddenCount }: RingState): string {
  return hiddenCount > 0 ? `${name}, ${formatCount(hiddenCount)} more` : name;
}

/** Room is kept for that where it may come, so that the slots stand still. */
function widestNameOf(ring: RingState, slots: number): string {
  return slots < RING_SLOTS ? ring.name : nameOf({ ...ring, hiddenCount: 99 });
}

function clientLabel(ring: RingState, { labelLeft, labelWidth, labelLine }: ClientPlace, y: number): Label {
  const text = labelLine === 0 ? nameOf(ring) : `${nameOf(ring)} · ${ring.entrance}`;
  return {
    key: `client:${ring.client}`,
    x: labelLeft,
    y: labelLine === 0 ? y + 14 : y + 11,
    text: fitText(text, labelWidth, g.CAPTION_SIZE),
    kind: 'name',
    anchor: 'start',
  };
}

function chip(request: RingRequest, ring: RingState, box: Box): LooseMark {
  return mark({
    ...box,
    key: request.key,
    entity: request.key,
    shape: 'chip',
    state: request.state === 'done' && request.result < 0 ? 'failed' : request.state,
    hue: request.hue,
    name: nameRing(request, ring),
    text: chipText(request, box.width),
  });
}

/** What was asked and how much; where that does not fit, how much; else nothing. */
function chipText({ verb, lengthBytes }: RingRequest, width: number): string {
  if (width < g.CHIP_TEXT_FROM) return '';
  const size = lengthBytes === 0 ? '' : formatBytes(lengthBytes);
  const room = width - g.MARK_TEXT_LEFT - g.MARK_PATTERN_WIDTH;
  return [`${verb} ${size}`.trim(), size].find((text) => textWidth(text, g.MARK_SIZE) <= room) ?? '';
}

const GUEST_STATES: Record<GuestState['requests'][number]['state'], MarkState> = {
  waiting: 'waiting',
  merged: 'waiting',
  issued: 'running',
  done: 'done',
};
const GUEST_SLOTS = 32;
const BRACKET_LINE = 16;

export function layoutGuests(state: StackState, place: Place): LaneContent {
  const marks: LooseMark[] = [];
  const labels: Label[] = [];
  const brackets: Bracket[] = [];
  let slots = '';
  const guestName = ({ name, isStopped }: GuestState): string => (isStopped ? `${name}, stopped` : name);
  const own = clientPlace(place, state.guests.map(guestName));
  const { left, width, labelLine } = own;
  let y = place.top;
  for (const guest of state.guests) {
    const slotCount = Math.max(GUEST_SLOTS, Math.min(64, guest.requests.length));
    const rows = rowsOf(slotCount, width, g.CHIP_LINE + BRACKET_LINE);
    labels.push({
      key: `guest:${guest.device}`,
      x: own.labelLeft,
      y: labelLine === 0 ? y + 14 : y + 11,
      text: fitText(guestName(guest), own.labelWidth, g.CAPTION_SIZE),
      kind: 'name',
      anchor: 'start',
    });
    y += labelLine;
    const shown = guest.requests.slice(0, 64);
    shown.forEach((request, slot) => {
      const box = slotBox(slot, rows, left, y);
      marks.push(
        mark({
          ...box,
          key: request.key,
          entity: request.key,
          shape: 'chip',
          state: request.state === 'done' && request.status !== 0 ? 'failed' : GUEST_STATES[request.state],
          hue: request.hue,
          name: nameGuest(request),
        }),
      );
      const last = brackets.at(-1);
      const text = `merged ${request.group}`;
      if (request.group === 0) return;
      const bottom = box.y + g.CHIP_HEIGHT + 3;
      const isSame = last?.key === `bracket:${guest.device}:${request.group}` && last.y === bottom;
      if (isSame) brackets[brackets.length - 1] = { ...last, width: box.x + box.width - last.x, text };
      else {
        const key = `bracket:${guest.device}:${request.group}`;
        brackets.push({ key, x: box.x, y: bottom, width: box.width, text: '' });
      }
    });
    for (let slot = shown.length; slot < rows.columns * rows.lines && slot < GUEST_SLOTS; slot++) {
      slots += outline(slotBox(slot, rows, left, y));
    }
    y += rows.lines * rows.line + g.CLIENT_GAP;
  }
  return { ...NOTHING, marks, labels, brackets, slots, height: Math.max(0, y - g.CLIENT_GAP - place.top) };
}
