// Lines of a scene's text that say what the machine is: its options, drives, faults, files, and the clients.
//
// Verbs: readMachine, readDrive, readFault, readFile, readClient, and print… for each. Options have the names, kinds and words of the knobs.

import { DRIVE_MODELS, MODEL_NAMES, type ModelName } from '../../core/drive-models/index.ts';
import type { DriveConfig, FileConfig } from '../../core/options.ts';
import { parseFaultRule } from '../../faults/text.ts';
import { DEADLINE_KNOBS, DRIVE_KNOBS, LATENCY_KNOBS, parameterKnob } from '../panels/knobs/drive-table.ts';
import { GUEST_KNOBS, VIRTIO_KNOBS } from '../panels/knobs/guest-table.ts';
import { type Knob, printRule, printValue, readValue } from '../panels/knobs/kinds.ts';
import * as tables from '../panels/knobs/machine-table.ts';
import { CLIENT_KNOBS, modelOf } from '../panels/knobs/rows.ts';
import type { Json } from './changes.ts';
import { LineError, printField, printWord, readFields, readWord } from './text-words.ts';
import type { Entrance, SceneClient, SceneMachine } from './types.ts';

export const ENTRANCES: readonly Entrance[] = ['aio', 'usrbio', 'bluestore', 'virtio', 'block', 'files'];

type Table = Readonly<Record<string, Knob>>;
type Fields = Record<string, Json>;

function prefixed(prefix: string, table: Table): Table {
  return Object.fromEntries(Object.entries(table).map(([name, knob]) => [`${prefix}.${name}`, knob]));
}

/** Every option of a `machine` line, by the name it has there. */
const MACHINE: Table = {
  ...tables.CACHE_KNOBS,
  ...tables.BLOCK_KNOBS,
  ...prefixed('vm', tables.VM_KNOBS),
  volume: tables.VOLUME_KNOB,
  ...prefixed('volume', tables.VOLUME_KNOBS),
  ...GUEST_KNOBS,
  ...prefixed('virtio', VIRTIO_KNOBS),
  ...tables.RING_KNOBS,
  ...prefixed('usrbio', tables.USRBIO_KNOBS),
  ...prefixed('limits', tables.LIMIT_KNOBS),
};

/** Options that have a place of their own: the model is the line's first word, a fault a line. */
const ELSEWHERE = ['model', 'faults'];

function driveTable(model: ModelName): Table {
  const options = Object.entries(DRIVE_KNOBS as Table).filter(([name]) => !ELSEWHERE.includes(name));
  return {
    ...Object.fromEntries(options),
    latencyNs: { ...LATENCY_KNOBS.read, label: 'latencyNs' },
    ...prefixed('latencyNs', LATENCY_KNOBS),
    ...prefixed('deadline', DEADLINE_KNOBS),
    ...Object.fromEntries(DRIVE_MODELS[model].parameters.map((one) => [one.name, parameterKnob(one)])),
  };
}

/** The value at a name with points: `vm.dirtyRatio` in { vm: { dirtyRatio } }. */
function put(into: Fields, name: string, value: Json): void {
  const [first = '', second] = name.split('.');
  if (second === undefined) into[first] = value;
  else into[first] = { ...((typeof into[first] === 'object' ? into[first] : {}) as Fields), [second]: value };
}

function readOptions(words: readonly string[], table: Table, into: Fields, what: string): void {
  for (const [name, text] of readFields(words)) {
    const knob = table[name];
    if (knob === undefined || !Object.hasOwn(table, name))
      throw new LineError(
        `${what} has no option ${name}${nearest(name, Object.keys(table))}; it has ${listed(table)}`,
      );
    const value = readValue({ ...knob, label: name }, text);
    if (value === null) throw new LineError(`${name} has no value; leave it out for its default`);
    put(into, name, value);
  }
}

function listed(table: Table): string {
  return Object.keys(table).join(', ');
}

/** A name that begins alike, for somebody who mistyped. */
function nearest(name: string, names: readonly string[]): string {
  const low = name.toLowerCase();
  const found = names.find((one) => one.toLowerCase() === low || one.toLowerCase().endsWith(`.${low}`));
  return found === undefined ? '' : ` (did you mean ${found}?)`;
}

/** `name=value` of every option that is given, in the order of the table. */
function printOptions(table: Table, given: Fields): string[] {
  return Object.entries(table).flatMap(([name, knob]) => {
    const value = name.split('.').reduce<unknown>(stepInto, given);
    if (value === undefined || value === null || (isGroup(value) && knob.kind !== 'latency')) return [];
    return [printField(name, printValue(knob, value as Json).replaceAll(', ', ','))];
  });
}

function stepInto(value: unknown, part: string): unknown {
  return isGroup(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readMachine(words: readonly string[], machine: Fields): void {
  readOptions(words, MACHINE, machine, 'The machine');
}

export function printMachine(machine: SceneMachine): string[] {
  const options = printOptions(MACHINE, machine as unknown as Fields);
  const hasVolumeOptions = isGroup(machine.volume) && Object.keys(machine.volume).length > 0;
  // a volume of defaults alone would leave no word behind
  const all = isGroup(machine.volume) && !hasVolumeOptions ? [...options, 'volume=yes'] : options;
  return all.length === 0 ? [] : [`machine ${all.join(' ')}`];
}

/** `drive hdd size=64MiB rpm=7200` */
export function readDrive(words: readonly string[]): Fields {
  const [first = '', ...rest] = words;
  const model = MODEL_NAMES.find((name) => name === first);
  if (model === undefined)
    throw new LineError(`"${first}" is no model of a drive; write drive ${MODEL_NAMES.join(', drive ')}`);
  const flat: Fields = {};
  readOptions(rest, driveTable(model), flat, `A drive of model ${model}`);
  const drive: Fields = { model };
  const parameters: Fields = {};
  for (const [name, value] of Object.entries(flat)) {
    if (DRIVE_MODELS[model].parameters.some((parameter) => parameter.name === name)) parameters[name] = value;
    else drive[name] = value;
  }
  if (Object.keys(parameters).length > 0) drive.parameters = parameters;
  return drive;
}

export function printDriveLine(drive: DriveConfig): string {
  const model = modelOf(drive);
  const flat = { ...(drive as unknown as Fields), ...(drive.parameters ?? {}) };
  return ['drive', model, ...printOptions(driveTable(model), flat)].join(' ');
}

/** `fault drive0 eio on=write nth=3`: the number of the drive, and the rule. */
export function readFault(rest: string, driveCount: number): [drive: number, rule: string] {
  const [, number, rule = ''] = /^drive(\d{1,4})\s+(.+)$/.exec(rest) ?? [];
  if (number === undefined)
    throw new LineError('a fault is a drive and a rule; write fault drive0 eio on=write nth=3');
  if (Number(number) >= driveCount)
    throw new LineError(`there is no drive${number} above this line; the first one is drive0`);
  parseFaultRule(rule, 'fault');
  return [Number(number), rule];
}

export const printFault = printRule;

/** `file log capacity=1MiB` */
export function readFile(words: readonly string[]): Fields {
  const [name = '', ...rest] = words;
  if (name === '' || name.includes('='))
    throw new LineError('a file begins with its name; write file log capacity=1MiB');
  const file: Fields = { name: readWord(name) };
  readOptions(rest, tables.FILE_KNOBS, file, 'A file');
  if (file.capacity === undefined) throw new LineError('a file needs room; write capacity=1MiB');
  return file;
}

export function printFile(file: FileConfig): string {
  return ['file', printWord(file.name), ...printOptions(tables.FILE_KNOBS, file as unknown as Fields)].join(
    ' ',
  );
}

/** `client app aio drive0 depth=4 direct` */
export function readClient(words: readonly string[]): Fields {
  const [name, entrance, ...rest] = words;
  const found = ENTRANCES.find((one) => one === entrance);
  if (name === undefined || found === undefined)
    throw new LineError(
      `a client is a name and an entrance, one of ${ENTRANCES.join(', ')}; write client app aio drive0`,
    );
  const client: Fields = { name: readWord(name), entrance: found };
  const [target, ...others] = rest;
  const hasTarget = target !== undefined && target !== 'direct' && !/^[A-Za-z]+=/.test(target);
  if (hasTarget) client.target = readWord(target);
  const options = (hasTarget ? others : rest).map((word) => (word === 'direct' ? 'direct=yes' : word));
  readOptions(options, CLIENT_KNOBS, client, 'A client');
  return client;
}

export function printClient(client: SceneClient): string {
  const target = client.target === undefined ? [] : [printWord(client.target)];
  const options = printOptions(CLIENT_KNOBS, client as unknown as Fields).map((option) =>
    option === 'direct=yes' ? 'direct' : option,
  );
  return ['client', printWord(client.name), client.entrance, ...target, ...options].join(' ');
}
