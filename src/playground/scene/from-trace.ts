// A trace as a scene: its first requests, as soon as possible, each device on a drive of its own.
//
// Verbs: sceneFromTrace. Addresses stay what they are, as drives are sparse; a drive is as large as the last request on it needs.
// Errors of the trace are TraceErrors, with the line; what no scene can be made of is a RangeError in words.

import {
  TRACE_DATASYNC,
  TRACE_DISCARD,
  TRACE_FLUSH,
  TRACE_READ,
  TRACE_WRITE,
} from '../../../assembly/layout.ts';
import { SECTOR_SIZE } from '../../../assembly/limits.ts';
import type { ModelName } from '../../core/drive-models/index.ts';
import { TraceBatch, type TraceRecord } from '../../trace/batch.ts';
import { TraceError } from '../../trace/errors.ts';
import { openTraceOn } from '../../trace/open-on.ts';
import type { TraceReader } from '../../trace/reader.ts';
import { openWebSource } from '../../trace/web-source.ts';
import { MOST_REQUESTS } from './check.ts';
import { MOST_DRIVES } from './check-machine.ts';
import type { Chapter, ListWork, Scene, SceneClient, Work } from './types.ts';

const DEFAULT_REQUESTS = 10_000;
const DEFAULT_DEPTH = 32;
const DEFAULT_CACHE = 4_194_304;
const CHAPTERS = 10;
const MOST_BYTES = 16_777_216;
const MOST_DRIVE_BYTES = 2 ** 52;
const DRIVE_GRANULE = 1_048_576;
const LEAST_BUFFERS = 1_048_576;
const MOST_BUFFERS = 67_108_864;
/** A trace is read on to count its requests, but no further than these. */
const MOST_COUNTED = 200_000;
const BATCH = 4096;
/** Kinds of a list's requests, by the trace's operation. */
const LIST_KINDS: ReadonlyMap<number, number> = new Map([
  [TRACE_READ, 0],
  [TRACE_WRITE, 1],
  [TRACE_DISCARD, 2],
]);

/** How a trace becomes a scene. */
export interface TraceSceneOptions {
  /** What the reader calls it: the file's name. */
  readonly name: string;
  /** Requests that are read at most, 1 to 200,000. Default 10,000. */
  readonly requests?: number;
  /** Around the page cache: ranges are then widened to whole sectors. Default false. */
  readonly direct?: boolean;
  /** Requests in flight on each device, 1 to 256. Default 32. */
  readonly depth?: number;
  /** What the drives are. Default ssd. */
  readonly model?: ModelName;
  /** Bytes of page cache. Default 4 MiB. */
  readonly cache?: number;
  readonly signal?: AbortSignal;
}

/** A scene, and what was read for it. */
export interface TraceScene {
  readonly scene: Scene;
  /** For people: "fio iolog version 3". */
  readonly format: string;
  readonly compression: 'none' | 'gzip';
  /** Requests that were read: those of the scene, but that a very long one is several there. */
  readonly requestCount: number;
  /** Nothing of the trace was left out. */
  readonly isWhole: boolean;
  readonly deviceNames: readonly string[];
  /** All of this as a sentence. */
  readonly summary: string;
  /** In short: "10,000 of 154,000 requests, fio iolog version 3, 1 device". */
  readonly told: string;
}

/** Throws TraceError, RangeError, and the signal's reason. */
export async function sceneFromTrace(
  chunks: AsyncIterable<Uint8Array>,
  options: TraceSceneOptions,
): Promise<TraceScene> {
  const { name, requests = DEFAULT_REQUESTS, signal } = options;
  if (!Number.isInteger(requests) || requests < 1 || requests > MOST_REQUESTS)
    throw new RangeError(`requests is ${requests}; it must be a whole number from 1 to ${MOST_REQUESTS}`);
  const reader = await openTraceOn((file) => openWebSource(chunks, file), { name, signal });
  try {
    const { records, ...extent } = await readHead(reader, requests);
    if (records.length === 0) throw new RangeError(`${name}: there are no requests in it`);
    // those that only the rest of the trace is for are left out with it
    const deviceCount = records.reduce((most, { device }) => Math.max(most, device + 1), 0);
    const deviceNames = reader.deviceNames.slice(0, deviceCount);
    if (deviceCount > MOST_DRIVES)
      throw new RangeError(
        `${name}: its first ${count(records.length)} requests are for ${deviceCount} devices; a scene has at most ${MOST_DRIVES} drives`,
      );
    const scene = sceneOf(records, deviceNames, reader.formatTitle, options, extent.isWhole);
    return {
      scene,
      format: reader.formatTitle,
      compression: reader.compression,
      requestCount: records.length,
      isWhole: extent.isWhole,
      deviceNames,
      summary: scene.intro,
      told: `${countOf(records.length, extent)}, ${reader.formatTitle}, ${devicesInWords(deviceCount)}`,
    };
  } finally {
    await reader.close();
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** How much there is of a trace. */
interface Extent {
  /** Nothing was left out. */
  readonly isWhole: boolean;
  /** Requests that were met; there are more unless this is all. */
  readonly metCount: number;
  readonly isAllMet: boolean;
}

function countOf(readCount: number, { isWhole, metCount, isAllMet }: Extent): string {
  const all = `${count(metCount)} ${metCount === 1 ? 'request' : 'requests'}`;
  if (isWhole) return `all ${all}`;
  return `the first ${count(readCount)} of ${isAllMet ? '' : 'at least '}${all}`;
}

function devicesInWords(deviceCount: number): string {
  return deviceCount === 1 ? '1 device' : `${deviceCount} devices`;
}

/** The first requests, and how many there are besides. */
async function readHead(
  reader: TraceReader,
  most: number,
): Promise<Extent & { readonly records: TraceRecord[] }> {
  const batch = new TraceBatch(Math.min(most, BATCH));
  const records: TraceRecord[] = [];
  while (records.length < most && (await reader.next(batch)) > 0)
    for (let index = 0; index < batch.count && records.length < most; index++) records.push(batch.at(index));
  if (records.length < most)
    return { records, isWhole: true, metCount: reader.totals.requests, isAllMet: true };
  const isAllMet = await readOn(reader);
  const { requests } = reader.totals;
  return { records, isWhole: isAllMet && requests === most, metCount: requests, isAllMet };
}
/** True when this came to the end. What is wrong with the rest is no matter: it is left out. */
async function readOn(reader: TraceReader): Promise<boolean> {
  const batch = new TraceBatch(BATCH);
  try {
    while ((await reader.next(batch)) > 0) if (reader.totals.requests >= MOST_COUNTED) return false;
    return true;
  } catch (error) {
    if (error instanceof TraceError) return false;
    throw error;
  }
}

/** A request of the scene: a list's kind, offset and length, or a sync. */
type Item = readonly [kind: number, offset: number, length: number] | 'fsync' | 'fdatasync';

/** One request as the scene has it: several where it is longer than a scene's may be. */
function itemsOf(record: TraceRecord, isDirect: boolean, name: string): Item[] {
  if (record.operation === TRACE_FLUSH) return ['fsync'];
  if (record.operation === TRACE_DATASYNC) return ['fdatasync'];
  const kind = LIST_KINDS.get(record.operation) ?? 0;
  const isWidened = isDirect || record.operation === TRACE_DISCARD;
  const unit = isWidened ? SECTOR_SIZE : 1;
  const first = Math.floor(record.offsetBytes / unit) * unit;
  const end = Math.ceil((record.offsetBytes + record.lengthBytes) / unit) * unit;
  if (end > MOST_DRIVE_BYTES)
    throw new RangeError(
      `${name}: line ${record.line}: the request ends at byte ${end}; a drive has at most 2^52`,
    );
  const items: Item[] = [];
  for (let at = first; at < end; at += MOST_BYTES) items.push([kind, at, Math.min(MOST_BYTES, end - at)]);
  return items;
}

function sceneOf(
  records: readonly TraceRecord[],
  deviceNames: readonly string[],
  formatTitle: string,
  options: TraceSceneOptions,
  isWhole: boolean,
): Scene {
  const { name, direct = false, depth = DEFAULT_DEPTH, model = 'ssd', cache = DEFAULT_CACHE } = options;
  const devices = deviceNames.map((_, device) =>
    records.filter((record) => record.device === device).flatMap((record) => itemsOf(record, direct, name)),
  );
  const clients = deviceNames.map(
    (device, index): SceneClient => ({
      name: clientName(device, index, deviceNames),
      entrance: 'aio',
      target: `drive${index}`,
      direct,
      depth,
    }),
  );
  const left = isWhole ? '' : ' The rest of the file is left out.';
  return {
    id: `trace-${slugOf(name)}`,
    title: name.slice(0, 200) || 'A trace',
    question: `What does this machine do with ${isWhole ? 'a' : 'the beginning of a'} ${formatTitle} trace?`,
    intro: `${count(records.length)} requests for ${devices.length === 1 ? 'one device' : devicesInWords(devices.length)}, read from ${name.slice(0, 200)} (${formatTitle}).${left} They enter as soon as possible, ${depth} at a time${direct ? ', around the page cache' : ''}.`,
    group: 'yours',
    machine: {
      seed: 1,
      cache,
      buffers: buffersFor(devices, depth),
      drives: devices.map((items) => ({ model, size: driveSize(items) })),
    },
    clients,
    chapters: chaptersOf(records, devices, clients, options),
    pace: Math.max(4, Math.ceil(records.length / 15)),
  };
}

/** The device's own name, unless another has the same by its first letters, or it has none. */
function clientName(device: string, index: number, all: readonly string[]): string {
  const short = device.slice(-40);
  const isOwn = short !== '' && all.findIndex((one) => one.slice(-40) === short) === index;
  return isOwn ? short : `${short} ${index + 1}`.trim();
}

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'file' : slug;
}

function longest(items: readonly Item[]): number {
  return items.reduce((most, item) => (typeof item === 'string' ? most : Math.max(most, item[2])), 0);
}

function buffersFor(devices: readonly (readonly Item[])[], depth: number): number {
  const wanted = devices.reduce((sum, items) => sum + longest(items) * depth, LEAST_BUFFERS);
  return Math.ceil(Math.min(MOST_BUFFERS, wanted) / DRIVE_GRANULE) * DRIVE_GRANULE;
}

function driveSize(items: readonly Item[]): number {
  const end = items.reduce(
    (most, item) => (typeof item === 'string' ? most : Math.max(most, item[1] + item[2])),
    DRIVE_GRANULE,
  );
  return Math.min(MOST_DRIVE_BYTES, Math.ceil(end / DRIVE_GRANULE) * DRIVE_GRANULE);
}

/** Equal parts of the trace, so that the timeline has marks. */
function chaptersOf(
  records: readonly TraceRecord[],
  devices: readonly (readonly Item[])[],
  clients: readonly SceneClient[],
  { direct = false, name }: TraceSceneOptions,
): Chapter[] {
  const size = Math.max(1, Math.ceil(records.length / CHAPTERS));
  const chapters: Chapter[] = [];
  for (let first = 0; first < records.length; first += size) {
    const part = records.slice(first, first + size);
    const work = devices.flatMap((_, device) => {
      const mine = part.filter((record) => record.device === device);
      const items = mine.flatMap((record) => itemsOf(record, direct, name));
      return worksOf(items, clients[device]?.name ?? '');
    });
    const range = `${count(first + 1)} to ${count(first + part.length)}`;
    const [from, to] = [part[0]?.line ?? 0, part.at(-1)?.line ?? 0];
    chapters.push({
      title: `Requests ${range}`,
      text: `Lines ${count(from)} to ${count(to)} of the trace.`,
      work,
      notes: [],
    });
  }
  return chapters;
}

/** Lists, with the syncs between them. */
function worksOf(items: readonly Item[], client: string): Work[] {
  const works: Work[] = [];
  let requests: ListWork['requests'][number][] = [];
  const endList = (): void => {
    if (requests.length > 0) works.push({ op: 'list', requests, client });
    requests = [];
  };
  for (const item of items) {
    if (typeof item !== 'string') requests.push(item);
    else {
      endList();
      works.push({ op: item, client });
    }
  }
  endList();
  return works;
}
