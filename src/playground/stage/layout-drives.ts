// The lower lanes: for each drive, on one address axis, what waits, what is in service, what its volatile cache holds, and its media.
//
// Drives stand side by side in one block lane and one drive lane. A request has one key from the queue to the volatile cache, so that it is seen to travel.

import { formatBytes, formatCount, formatCounted } from '../model/describe.ts';
import type { BlockRequest, DriveState, StackState, VolatileWrite } from '../model/types.ts';
import { type Axis, makeAxis } from './axis.ts';
import type { DriveExtent, RunExtent } from './extent.ts';
import * as g from './geometry.ts';
import { mediaPaths, occupied, spansPath } from './media.ts';
import { nameRequest, nameVolatile } from './names.ts';
import { textWidth } from './text.ts';
import {
  type Guide,
  type Label,
  type LaneContent,
  type LooseMark,
  mark,
  NO_CUTS,
  NOTHING,
  type Place,
  type Strip,
} from './types.ts';

interface Column {
  readonly index: number;
  readonly drive: DriveState;
  readonly extent: DriveExtent;
  readonly left: number;
  readonly width: number;
  readonly axis: Axis;
}

interface RowPlan {
  readonly rows: number;
  readonly pitch: number;
}

const UNKNOWN: Omit<DriveExtent, 'pieces'> = { waitingPeak: 0, inServicePeak: 0, volatilePeak: 0 };
const NO_STRIP = { emptyText: '', facts: '', paths: [], headX: undefined, isFlushing: false } as const;

function planRows(peak: number): RowPlan {
  return g.ROW_PLANS.find(({ upTo }) => peak <= upTo) ?? g.ROW_PLANS[0];
}

function columnsOf(
  state: StackState,
  extent: RunExtent,
  drives: readonly number[],
  left: number,
  width: number,
): Column[] {
  const each = (width - g.DRIVE_GAP * (drives.length - 1)) / drives.length;
  return drives.flatMap((index, column) => {
    const drive = state.drives[index];
    if (drive === undefined) return [];
    const sectorCount = state.shape.drives[index]?.sectorCount ?? 1;
    const known = extent.drives[index] ?? { ...UNKNOWN, pieces: [{ sector: 0, sectorCount }] };
    const x = left + column * (each + g.DRIVE_GAP);
    const axis = makeAxis(known.pieces, x + g.FLUSH_COLUMN, each - g.FLUSH_COLUMN);
    return [{ index, drive, extent: known, left: x, width: each, axis }];
  });
}

/** The block lane and the drive lane of drives that stand side by side. */
export function layoutDriveBand(
  state: StackState,
  extent: RunExtent,
  drives: readonly number[],
  left: number,
  width: number,
): { block: (place: Place) => LaneContent; drive: (place: Place) => LaneContent } {
  const columns = columnsOf(state, extent, drives, left, width);
  const needsHeading = state.drives.length > 1;
  const plan = (peak: (extent: DriveExtent) => number): RowPlan =>
    planRows(Math.max(0, ...columns.map((column) => peak(column.extent))));
  return {
    block: (place) =>
      layoutBlock(
        state,
        columns,
        needsHeading,
        plan((each) => each.waitingPeak),
        place,
      ),
    drive: (place) =>
      layoutDrive(
        state,
        columns,
        plan((each) => each.inServicePeak),
        planVolatile(state, columns),
        place,
      ),
  };
}

/** Of the volatile cache, few rows: what lies over each other is rare. */
function planVolatile(state: StackState, columns: readonly Column[]): RowPlan {
  const holds = Math.max(0, ...columns.map(({ index }) => state.shape.drives[index]?.volatileWrites ?? 0));
  if (holds === 0) return { rows: 1, pitch: 16 };
  const peak = Math.max(0, ...columns.map(({ extent }) => extent.volatilePeak));
  if (peak > g.VOLATILE_BARS) return { rows: 2, pitch: 8 };
  return peak > 8 ? { rows: 3, pitch: 10 } : { rows: 2, pitch: 14 };
}

function heading(state: StackState, { index, axis }: Column, y: number): Label {
  const model = state.shape.drives[index]?.model ?? '';
  const text = `drive ${index} · ${model}`;
  return { key: `heading:${index}`, x: axis.left, y, text, kind: 'heading', anchor: 'start' };
}

function layoutBlock(
  state: StackState,
  columns: readonly Column[],
  needsHeading: boolean,
  plan: RowPlan,
  place: Place,
): LaneContent {
  const labels: Label[] = [];
  const marks: LooseMark[] = [];
  const strips: Strip[] = [];
  const guides: Guide[] = [];
  const headingLine = needsHeading ? g.STRIP_LABEL_LINE : 0;
  const axisTop = place.top + headingLine + g.TICK_LINE;
  const height = plan.rows * plan.pitch;
  for (const column of columns) {
    const { index, axis, drive } = column;
    if (needsHeading) labels.push(heading(state, column, place.top + 12));
    for (const tick of axis.ticks) {
      const key = `${index}:${tick.text}:${Math.round(tick.x)}`;
      labels.push({
        key: `tick:${key}`,
        x: tick.x + 3,
        y: axisTop - 5,
        text: tick.text,
        kind: 'tick',
        anchor: 'start',
      });
      guides.push({
        key: `guide:${key}`,
        x: tick.x,
        y: axisTop - g.TICK_LINE + 2,
        height: height + g.TICK_LINE + 2,
      });
    }
    const bars = placeRequests(column, drive.waiting, axisTop, plan);
    const hidden = drive.waiting.length - bars.length;
    strips.push({
      ...NO_STRIP,
      key: `waiting:${index}`,
      kind: 'waiting',
      drive: index,
      x: axis.left,
      y: axisTop,
      width: axis.width,
      height,
      label: '',
      labelY: axisTop + height + 11,
      facts: hidden > 0 ? `${formatCount(hidden)} more behind them` : '',
      emptyText: drive.waiting.length === 0 ? 'nothing waits' : '',
      axis,
    });
    marks.push(...bars);
  }
  return {
    ...NOTHING,
    marks,
    strips,
    labels,
    guides,
    height: headingLine + g.TICK_LINE + height + g.FOOT_LINE,
  };
}

function layoutDrive(
  state: StackState,
  columns: readonly Column[],
  service: RowPlan,
  cache: RowPlan,
  place: Place,
): LaneContent {
  const marks: LooseMark[] = [];
  const strips: Strip[] = [];
  const serviceTop = place.top + g.STRIP_LABEL_LINE;
  const cacheTop = serviceTop + service.rows * service.pitch + g.STRIP_GAP + g.STRIP_LABEL_LINE;
  const mediaTop = cacheTop + cache.rows * cache.pitch + g.STRIP_GAP + g.STRIP_LABEL_LINE;
  const bottom = mediaTop + g.MEDIA_HEIGHT;
  for (const column of columns) {
    strips.push(serviceStrip(state, column, serviceTop, service.rows * service.pitch));
    marks.push(...placeRequests(column, column.drive.inService, serviceTop, service));
    const bars = placeVolatile(column, cacheTop, cache);
    strips.push(volatileStrip(state, column, cacheTop, cache.rows * cache.pitch, bars.length));
    marks.push(...bars);
    strips.push(mediaStrip(state, column, mediaTop));
  }
  return { ...NOTHING, marks, strips, height: bottom - place.top + 2 };
}

function serviceStrip(state: StackState, { index, drive, axis }: Column, y: number, height: number): Strip {
  const shape = state.shape.drives[index];
  const limit = shape?.queueDepth;
  return {
    ...NO_STRIP,
    key: `service:${index}`,
    kind: 'inService',
    drive: index,
    x: axis.left,
    y,
    width: axis.width,
    height,
    label: 'in service',
    labelY: y - g.STRIP_LABEL_RISE,
    facts: limit === undefined ? '' : `${formatCount(drive.inService.length)} of ${formatCount(limit)}`,
    emptyText: drive.inService.length === 0 ? 'idle' : '',
    axis,
    headX: shape?.model === 'hdd' ? axis.x(drive.headSector) : undefined,
  };
}

function volatileStrip(state: StackState, column: Column, y: number, height: number, drawn: number): Strip {
  const { index, drive, axis } = column;
  const holds = state.shape.drives[index]?.volatileWrites ?? 0;
  const count = drive.volatileWrites.length;
  const isBand = count > drawn;
  return {
    ...NO_STRIP,
    key: `volatile:${index}`,
    kind: 'volatile',
    drive: index,
    x: axis.left,
    y,
    width: axis.width,
    height,
    label: 'volatile cache',
    labelY: y - g.STRIP_LABEL_RISE,
    facts: holds === 0 ? '' : `${formatCount(count)} of ${formatCounted(holds, 'write')}`,
    emptyText: holds === 0 ? 'none: a completed write is durable' : count === 0 ? 'nothing to lose' : '',
    paths: isBand ? [{ kind: 'volatile', data: volatileBand(column, y, height) }] : [],
    axis,
    isFlushing: drive.inService.some(({ hue }) => hue === 'flush'),
  };
}

function volatileBand({ drive, axis }: Column, y: number, height: number): string {
  const spans = occupied(axis, drive.volatileWrites);
  return spansPath(spans, y + 1, height - 2);
}

function mediaStrip(state: StackState, { index, drive, axis }: Column, y: number): Strip {
  const { paths, durableSectors } = mediaPaths(drive, axis, y, g.MEDIA_HEIGHT);
  const bytes = Math.min(durableSectors, state.shape.drives[index]?.sectorCount ?? durableSectors) * 512;
  return {
    ...NO_STRIP,
    key: `media:${index}`,
    kind: 'media',
    drive: index,
    x: axis.left,
    y,
    width: axis.width,
    height: g.MEDIA_HEIGHT,
    label: 'media',
    labelY: y - g.STRIP_LABEL_RISE,
    facts: durableSectors === 0 ? 'nothing durable yet' : `${formatBytes(bytes)} durable`,
    paths,
    axis,
  };
}

/** Key under which a request is drawn for as long as it is seen. */
function travelKey(drive: number, id: string): string {
  return `travel:${drive}:${id}`;
}

/** The part of a key that tells requests apart. */
function identity(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

interface Placed {
  readonly x: number;
  readonly width: number;
}

/** The first row, from `first` on and around, in which nothing is in the way; -1 when every row is taken. */
function freeRow(rows: Placed[][], { x, width }: Placed, first: number): number {
  for (let offset = 0; offset < rows.length; offset++) {
    const index = (first + offset) % rows.length;
    const isFree = rows[index]?.every(
      (other) => x >= other.x + other.width + g.BAR_GAP || x + width + g.BAR_GAP <= other.x,
    );
    if (isFree) {
      rows[index]?.push({ x, width });
      return index;
    }
  }
  return -1;
}

function placeRequests(
  column: Column,
  requests: readonly BlockRequest[],
  top: number,
  plan: RowPlan,
): LooseMark[] {
  const rows: Placed[][] = Array.from({ length: plan.rows }, () => []);
  const height = plan.pitch - 2;
  return requests.flatMap((request) => {
    const isFlush = request.sectorCount === 0;
    const wide = Math.min(height, g.FLUSH_COLUMN - 4);
    const span = isFlush
      ? { x: column.left + (g.FLUSH_COLUMN - 2 - wide) / 2, width: wide }
      : column.axis.span(request.sector, request.sectorCount);
    const row = freeRow(rows, span, request.row % plan.rows);
    if (row < 0) return [];
    return [requestMark(column, request, { ...span, y: top + row * plan.pitch + 1, height })];
  });
}

function requestMark(
  { index, axis }: Column,
  request: BlockRequest,
  box: { x: number; y: number; width: number; height: number },
): LooseMark {
  const place = (sector: number): number => axis.x(sector) - box.x;
  const joining = request.bios.find(({ joined }) => joined !== undefined);
  return mark({
    ...box,
    key: travelKey(index, identity(request.key)),
    entity: request.key,
    shape: request.sectorCount === 0 ? 'flush' : 'bar',
    state: request.state,
    hue: request.hue,
    name: nameRequest(request),
    text: barText(request.id, box.width, box.height),
    cuts:
      request.bios.length > 1 && box.width > request.bios.length * 3
        ? request.bios.map(({ sector }) => place(sector))
        : NO_CUTS,
    joined:
      joining?.joined === undefined
        ? undefined
        : {
            x: Math.max(0, place(joining.sector)),
            width: Math.max(2, place(joining.sector + joining.sectorCount) - place(joining.sector)),
            end: joining.joined,
          },
  });
}

const BAR_TEXT_HEIGHT = 12;

function barText(id: number, width: number, height: number): string {
  const text = `#${id}`;
  return height >= BAR_TEXT_HEIGHT &&
    width >= g.MARK_TEXT_LEFT + textWidth(text, g.MARK_SIZE) + g.MARK_PATTERN_WIDTH
    ? text
    : '';
}

function placeVolatile(column: Column, top: number, plan: RowPlan): LooseMark[] {
  const { drive, axis, index } = column;
  if (drive.volatileWrites.length > g.VOLATILE_BARS) return [];
  const rows: Placed[][] = Array.from({ length: plan.rows }, () => []);
  const height = plan.pitch - 2;
  const bars: LooseMark[] = [];
  for (const write of drive.volatileWrites) {
    const span = axis.span(write.sector, write.sectorCount);
    const row = freeRow(rows, span, 0);
    if (row < 0) return [];
    bars.push(volatileMark(index, write, { ...span, y: top + row * plan.pitch + 1, height }));
  }
  return bars;
}

function volatileMark(
  drive: number,
  write: VolatileWrite,
  box: { x: number; y: number; width: number; height: number },
): LooseMark {
  return mark({
    ...box,
    key: travelKey(drive, identity(write.key).slice(String(drive).length + 1)),
    entity: write.key,
    shape: 'bar',
    state: 'volatile',
    hue: write.hue,
    name: nameVolatile(write),
    text: barText(write.requestId, box.width, box.height),
  });
}
