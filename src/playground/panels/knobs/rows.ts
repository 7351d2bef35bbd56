// The knobs of a scene, in groups: each with its place in the scene, its value, and what the scene's own value is.
//
// Verbs: knobGroups, withOption, withoutOption, optionOf. A row for every option that means something for this scene: parameters of the model that its
// drive has, tunables of the scheduler it uses, the volume's when there is one.
// Invariant: a change that gives an option the scene's own value is no change.

import { DRIVE_MODELS, MODEL_NAMES, type ModelName } from '../../../core/drive-models/index.ts';
import { parseParameter } from '../../../core/drive-models/parameter.ts';
import type { DriveConfig } from '../../../core/options.ts';
import { type Changes, changesOf, type Json, ownScene, valueAt } from '../../scene/changes.ts';
import type { Scene, SceneClient } from '../../scene/types.ts';
import { DEADLINE_KNOBS, DRIVE_KNOBS, LATENCY_KNOBS, parameterKnob } from './drive-table.ts';
import { GUEST_KNOBS, VIRTIO_KNOBS } from './guest-table.ts';
import type { Knob, KnobsOf } from './kinds.ts';
import {
  BLOCK_KNOBS,
  CACHE_KNOBS,
  FILE_KNOBS,
  LIMIT_KNOBS,
  RING_KNOBS,
  USRBIO_KNOBS,
  VM_KNOBS,
  VOLUME_KNOB,
  VOLUME_KNOBS,
} from './machine-table.ts';

export interface KnobRow {
  /** `machine.drives[0].model`: where its value stands. */
  readonly path: string;
  /** Unique in the scene: the path, and which part of the option it is. */
  readonly key: string;
  readonly knob: Knob;
  /** Undefined: left out, so the default holds. */
  readonly value: Json | undefined;
  readonly ownValue: Json | undefined;
  readonly isChanged: boolean;
  /** Where the own value of the scene is no default of the machine. */
  readonly group: string;
}

export interface KnobGroup {
  readonly title: string;
  readonly rows: readonly KnobRow[];
}

type Table = Readonly<Record<string, Knob>>;

export const CLIENT_KNOBS: KnobsOf<Pick<SceneClient, 'direct' | 'depth' | 'batch' | 'ioDepth'>> = {
  direct: {
    label: 'Around the cache',
    kind: 'switch',
    default: false,
    meaning: 'Direct I/O: requests go to the drive themselves, and no page of the cache is used.',
  },
  depth: {
    label: 'Requests in flight',
    kind: 'count',
    default: 256,
    range: [1, 256],
    usual: [1, 256],
    meaning: 'How many it asks for before it waits for an answer. 1: each waits for the one before.',
  },
  batch: {
    label: 'Requests that enter together',
    kind: 'count',
    default: undefined,
    defaultText: '1 with a depth, else all',
    range: [1, 256],
    usual: [1, 256],
    meaning: 'Neighbours that enter together can merge before the first of them is gone.',
  },
  ioDepth: {
    label: 'io_depth of the ring',
    kind: 'count',
    default: 0,
    meaning: 'Only USRBIO: how many requests the daemon waits for before it takes them as one job.',
  },
};

/** The model a drive has when none is given. */
export function modelOf(drive: DriveConfig): ModelName {
  const named = MODEL_NAMES.find((name) => name === drive.model);
  return named ?? (drive.latencyNs === undefined ? 'instant' : 'fixed');
}

/** Every knob of the scene as it is played. */
export function knobGroups(scene: Scene): KnobGroup[] {
  const { machine, clients } = scene;
  const hasEntrance = (entrance: string): boolean => clients.some((client) => client.entrance === entrance);
  const of = (title: string, path: string, table: Table, names?: readonly string[]): KnobRow[] =>
    Object.entries(table)
      .filter(([name]) => names === undefined || names.includes(name))
      .map(([name, knob]) => rowOf(scene, title, `${path}.${name}`, knob));
  const groups: KnobGroup[] = [];
  const add = (title: string, ...rows: KnobRow[][]): void => {
    groups.push({ title, rows: rows.flat() });
  };
  add('Cache', of('Cache', 'machine', CACHE_KNOBS));
  add('Dirty limits', of('Dirty limits', 'machine.vm', VM_KNOBS));
  const block = ['maxSectors', 'maxSegments', 'blockRequests'];
  add(
    'Block layer',
    of('Block layer', 'machine', BLOCK_KNOBS),
    of('Block layer', 'machine.limits', LIMIT_KNOBS, block),
  );
  (machine.drives ?? [{}]).forEach((drive, index) => {
    groups.push({ title: `Drive ${index}`, rows: driveRows(scene, drive, index) });
  });
  clients.forEach((client, index) => {
    const names = Object.keys(CLIENT_KNOBS).filter(
      (name) => name !== 'ioDepth' || client.entrance === 'usrbio',
    );
    const title = `Client ${client.name}`;
    add(title, of(title, `clients[${index}]`, CLIENT_KNOBS, names));
  });
  const volume = rowOf(scene, 'Volume', 'machine.volume', VOLUME_KNOB);
  const hasVolume = machine.volume !== undefined && machine.volume !== false;
  add('Volume', [volume], hasVolume ? of('Volume', 'machine.volume', VOLUME_KNOBS) : []);
  (machine.files ?? []).forEach(({ name }, index) => {
    add(`File ${name}`, of(`File ${name}`, `machine.files[${index}]`, FILE_KNOBS));
  });
  const guest = hasEntrance('virtio') ? 'Guest' : 'Guest (none in this scene)';
  add(guest, of(guest, 'machine', GUEST_KNOBS), of(guest, 'machine.virtio', VIRTIO_KNOBS));
  add('Rings', of('Rings', 'machine', RING_KNOBS), of('Rings', 'machine.usrbio', USRBIO_KNOBS));
  const rest = Object.keys(LIMIT_KNOBS).filter((name) => !block.includes(name));
  add('Limits', of('Limits', 'machine.limits', LIMIT_KNOBS, rest));
  return groups;
}

function driveRows(scene: Scene, drive: DriveConfig, index: number): KnobRow[] {
  const title = `Drive ${index}`;
  const path = `machine.drives[${index}]`;
  const model = modelOf(drive);
  const isFixed = model === 'fixed';
  const rows = Object.entries(DRIVE_KNOBS as Table)
    .filter(([name]) => name !== 'channels' || isFixed || model === 'instant')
    .map(([name, knob]) => rowOf(scene, title, `${path}.${name}`, knob));
  const latencies = isFixed
    ? Object.values(LATENCY_KNOBS as Table).map((knob) => rowOf(scene, title, `${path}.latencyNs`, knob))
    : [];
  const parameters = DRIVE_MODELS[model].parameters.map((parameter) =>
    parameterRow(
      rowOf(scene, title, `${path}.parameters.${parameter.name}`, parameterKnob(parameter)),
      model,
    ),
  );
  const tunables =
    drive.scheduler === 'deadline'
      ? Object.entries(DEADLINE_KNOBS as Table).map(([name, knob]) =>
          rowOf(scene, title, `${path}.deadline.${name}`, knob),
        )
      : [];
  const [first, ...others] = rows;
  return [...(first === undefined ? [] : [first]), ...latencies, ...parameters, ...others, ...tunables];
}

/** Parameters may be given as text ('60us'): as numbers they are compared and shown. */
function parameterRow(row: KnobRow, model: ModelName): KnobRow {
  const name = row.path.slice(row.path.lastIndexOf('.') + 1);
  const parameter = DRIVE_MODELS[model].parameters.find((one) => one.name === name);
  const plain = (value: Json | undefined): Json | undefined => {
    if (typeof value !== 'string' || parameter === undefined || parameter.choices !== undefined) return value;
    try {
      return parseParameter(parameter, value, name);
    } catch {
      return value;
    }
  };
  const [value, ownValue] = [plain(row.value), plain(row.ownValue)];
  return { ...row, value, ownValue, isChanged: !isSame(value, ownValue) };
}

function rowOf(scene: Scene, group: string, path: string, knob: Knob): KnobRow {
  const value = partOf(valueAt(scene, path), knob.part);
  const ownValue = partOf(valueAt(ownScene(scene), path), knob.part);
  const key = knob.part === undefined ? path : `${path}.${knob.part}`;
  return { path, key, knob, value, ownValue, isChanged: !isSame(value, ownValue), group };
}

/** One value for all parts, or one for each. */
function partOf(value: unknown, part: string | undefined): Json | undefined {
  if (part === undefined || typeof value !== 'object' || value === null) return value as Json | undefined;
  return (value as Readonly<Record<string, Json>>)[part];
}

/** One value for all is the same as that value for each. */
function haveSameParts(one: unknown, other: unknown): boolean {
  return Object.keys(LATENCY_KNOBS).every((part) => isSame(partOf(one, part), partOf(other, part)));
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The scene's changes with this option at `value`; null: at its default. */
export function withOption(scene: Scene, row: KnobRow, value: Json): Changes {
  const own = ownScene(scene);
  const next: Record<string, Json> = { ...withoutOption(scene, row) };
  if (row.knob.part !== undefined) {
    const whole = partsOf(valueAt(scene, row.path), row.knob.part, value);
    if (haveSameParts(whole, valueAt(own, row.path))) delete next[row.path];
    else next[row.path] = whole;
    return next;
  }
  const meant = value === null ? undefined : value;
  if (isSame(meant, row.ownValue)) return next;
  next[row.path] = value;
  for (const path of replacedBy(row)) if (valueAt(own, path) !== undefined) next[path] = null;
  return next;
}

/** The scene's changes without the one of this option, and without what it replaced. */
export function withoutOption(scene: Scene, row: KnobRow): Changes {
  const changes = changesOf(scene);
  if (row.knob.part !== undefined) {
    const { [row.path]: _, ...others } = changes;
    const own = partOf(valueAt(ownScene(scene), row.path), row.knob.part) ?? null;
    const whole = partsOf(valueAt(scene, row.path), row.knob.part, own);
    return haveSameParts(whole, valueAt(ownScene(scene), row.path))
      ? others
      : { ...others, [row.path]: whole };
  }
  const dropped = [row.path, ...replacedBy(row)];
  const isDropped = (path: string): boolean =>
    dropped.some((one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`));
  return Object.fromEntries(Object.entries(changes).filter(([path]) => !isDropped(path)));
}

function replacedBy(row: KnobRow): string[] {
  const parent = row.path.slice(0, row.path.lastIndexOf('.'));
  return (row.knob.replaces ?? []).map((name) => `${parent}.${name}`);
}

/** The option with one part set: what was one value for all becomes one for each. */
function partsOf(value: unknown, part: string, partValue: Json): Json {
  const names = Object.keys(LATENCY_KNOBS);
  const parts: Record<string, Json> =
    typeof value === 'object' && value !== null
      ? { ...(value as Record<string, Json>) }
      : typeof value === 'number'
        ? Object.fromEntries(names.map((name) => [name, value]))
        : {};
  if (partValue === null) delete parts[part];
  else parts[part] = partValue;
  return parts;
}

/** `drives[0].queueDepth is 0; it must be …` → the row that it is about. */
export function rowOfError(groups: readonly KnobGroup[], message: string): KnobRow | undefined {
  const [, field] = /^(\S+?)(?:, number \d+)? is /.exec(message) ?? [];
  if (field === undefined) return undefined;
  const rows = groups.flatMap((group) => group.rows);
  const isAbout = (path: string): boolean => [field, `machine.${field}`].some((name) => isAt(name, path));
  const found = rows.filter((row) => isAbout(row.key) || isAbout(row.path));
  return found.sort((one, other) => other.key.length - one.key.length)[0];
}

function isAt(name: string, path: string): boolean {
  return name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}[`);
}
