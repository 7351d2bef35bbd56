// Made-up stacks for tests of the stage: the whole of a StackState, with what a test names put into it.

import type { Run } from '../../../../src/playground/model/run.ts';
import type {
  BlockRequest,
  CachedPage,
  DriveState,
  PageState,
  RingRequest,
  StackState,
  VolatileWrite,
} from '../../../../src/playground/model/types.ts';
import { DriveReach, type RunExtent } from '../../../../src/playground/stage/extent.ts';
import type { DriveShape, Shape } from '../../../../src/playground/worker/protocol.ts';

export const SECTORS_A_PAGE = 8;

export interface DriveSketch {
  readonly pages?: number;
  readonly model?: string;
  readonly channels?: number;
  readonly volatileWrites?: number;
  readonly waiting?: readonly BlockRequest[];
  readonly inService?: readonly BlockRequest[];
  readonly held?: readonly VolatileWrite[];
  readonly durablePages?: readonly number[];
}

export interface Sketch {
  readonly cachePages?: number;
  readonly pages?: readonly (PageState | undefined)[];
  readonly rings?: readonly (readonly RingRequest[])[];
  readonly drives?: readonly DriveSketch[];
}

export function request(
  id: number,
  sector: number,
  sectorCount: number,
  more: Partial<BlockRequest> = {},
): BlockRequest {
  return {
    key: `request:${id}`,
    id,
    drive: 0,
    hue: sectorCount === 0 ? 'flush' : 'write',
    verb: sectorCount === 0 ? 'flush' : 'write',
    sector,
    sectorCount,
    bios: [{ key: `bio:${id}`, id, sector, sectorCount, joined: undefined }],
    apart: '',
    state: 'waiting',
    sharedWith: 0,
    isFaulty: false,
    queuedNs: 0,
    issuedNs: 0,
    row: id,
    ...more,
  };
}

export function ringRequest(client: number, number: number, more: Partial<RingRequest> = {}): RingRequest {
  return {
    key: `ring:${client}:${number}`,
    client,
    number,
    hue: 'write',
    verb: 'write',
    file: 0,
    offsetBytes: number * 4096,
    lengthBytes: 4096,
    submittedNs: 0,
    state: 'running',
    job: 0,
    operation: 0,
    result: 0,
    endedNs: 0,
    ...more,
  };
}

export function heldWrite(drive: number, id: number, sector: number, sectorCount: number): VolatileWrite {
  return {
    key: `write:${drive}:${id}`,
    drive,
    requestId: id,
    sector,
    sectorCount,
    hue: 'write',
    sinceNs: 0,
    isOrphan: false,
  };
}

function page(index: number, state: PageState): CachedPage {
  return {
    key: `page:0:${index}`,
    file: 0,
    index,
    slot: index,
    state,
    uptodate: state === 'reading' ? 0 : 1,
    dirty: state === 'dirty' ? 1 : 0,
    writeback: state === 'writeback' ? 1 : 0,
    isPartial: state === 'reading',
    isDirtyAgain: false,
    isLeaving: false,
    isActive: false,
    isAhead: false,
    lookup: undefined,
  };
}

function driveShape(sketch: DriveSketch, index: number): DriveShape {
  return {
    index,
    model: sketch.model ?? 'fixed',
    sectorCount: (sketch.pages ?? 32) * SECTORS_A_PAGE,
    channels: sketch.channels ?? 2,
    queueDepth: 32,
    volatileWrites: sketch.volatileWrites ?? 16,
  };
}

function driveState(sketch: DriveSketch, index: number): DriveState {
  const media = new Uint8Array((sketch.pages ?? 32) * SECTORS_A_PAGE).slice(0, 65_536);
  for (const durable of sketch.durablePages ?? []) media.fill(1, durable * 8, durable * 8 + 8);
  for (const { sector, sectorCount } of sketch.held ?? []) media.fill(2, sector, sector + sectorCount);
  return {
    index,
    waiting: sketch.waiting ?? [],
    inService: (sketch.inService ?? []).map((each) => ({ ...each, state: 'inService' as const })),
    volatileWrites: sketch.held ?? [],
    media,
    sectorsACell: 1,
    headSector: 0,
    reads: 0,
    writes: 0,
    flushes: 0,
    discards: 0,
    pieces: 0,
    merges: 0,
    errors: 0,
    faults: 0,
    destaged: 0,
    kept: 0,
    lost: 0,
  };
}

export function shapeOf(sketch: Sketch): Shape {
  const drives = (sketch.drives ?? [{}]).map(driveShape);
  return {
    seed: 1,
    cachePages: sketch.cachePages ?? 16,
    blocksAPage: 1,
    drives,
    files: drives.map(({ index, sectorCount }) => ({
      number: index,
      name: `drive${index}`,
      drive: index,
      pageCount: sectorCount / SECTORS_A_PAGE,
    })),
    clients: (sketch.rings ?? [[]]).map((_, client) => ({
      name: client === 0 ? 'app' : `app ${client + 1}`,
      entrance: 'aio',
      device: 0,
      devices: [0],
      contexts: [],
      target: 'drive0',
    })),
    memoryBytes: 0,
  };
}

export function stateOf(sketch: Sketch): StackState {
  const capacityPages = sketch.cachePages ?? 16;
  const pages = sketch.pages ?? [];
  const slots = Array.from({ length: capacityPages }, (_, slot) => {
    const state = pages[slot];
    return state === undefined ? undefined : page(slot, state);
  });
  const shape = shapeOf(sketch);
  return {
    shape,
    step: 1,
    nowNs: 80_000,
    chapter: 0,
    rings: (sketch.rings ?? [[]]).map((requests, client) => ({
      client,
      name: shape.clients[client]?.name ?? '',
      entrance: 'aio',
      requests,
      hiddenCount: 0,
      inFlight: requests.filter(({ state }) => state !== 'done').length,
      submitted: requests.length,
      completed: requests.filter(({ state }) => state === 'done').length,
      failed: 0,
      batches: 0,
      retries: 0,
    })),
    guests: [],
    cache: {
      capacityPages,
      slots,
      pageCount: slots.filter((slot) => slot !== undefined).length,
      dirtyCount: slots.filter((slot) => slot?.state === 'dirty').length,
      writebackCount: slots.filter((slot) => slot?.state === 'writeback').length,
      readingCount: slots.filter((slot) => slot?.state === 'reading').length,
      hits: 0,
      misses: 0,
      evictions: 0,
      refaults: 0,
      activations: 0,
      pausedWriters: 0,
      pausedUntilNs: 0,
      dirtyLimitPages: 0,
    },
    drives: (sketch.drives ?? [{}]).map(driveState),
    firstRecord: 0,
    endRecord: 0,
  };
}

/** An extent as a run would have in which the state is the peak. */
export function extentFor(state: StackState): RunExtent {
  return {
    drives: state.drives.map((drive, index) => ({
      ...new DriveReach(state.shape.drives[index] as DriveShape).extent(),
      waitingPeak: drive.waiting.length,
      inServicePeak: drive.inService.length,
      volatilePeak: drive.volatileWrites.length,
    })),
    hasDoorway: state.cache.slots.length > state.cache.capacityPages,
    usesCache: true,
    slots: state.rings.map(({ requests }) => Math.max(4, requests.length)),
  };
}

/** A run of these states, one a step. */
export function runOf(states: readonly StackState[]): Run {
  return {
    shape: states[0]?.shape,
    scene: { clients: [{ name: 'app', entrance: 'aio' }], chapters: [] },
    stepCount: states.length,
    recordCount: 0,
    isWhole: true,
    stateAt: (step: number) => states[step],
  } as unknown as Run;
}
