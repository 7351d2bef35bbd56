// A drive as one line of text, 'ssd,channels=4,readNs=60us,queueDepth=16', and in full for a report.
//
// Verbs: parseDrive, printDrive, describeDrive. The line is MODEL[,NAME=VALUE…]; a name is a parameter of the model or an option of
// every drive. What parseDrive answers is printed by printDrive in the words that parseDrive reads: parse(print(x)) is x.

import { ConfigError } from '../../errors.ts';
import type { DriveConfig } from '../options.ts';
import { parseSize } from '../size.ts';
import { DRIVE_MODELS, MODEL_NAMES, type ModelName, parameterValues } from './index.ts';
import { formatParameter, type ModelParameter, parseParameter } from './parameter.ts';
import { timingOptions } from './timing-text.ts';

/** What a line can say about a drive. */
export type DriveText = Omit<DriveConfig, 'image' | 'memory'>;

type OptionName = Exclude<keyof DriveText, 'model' | 'parameters'>;

interface OptionRow {
  readonly parse: (text: string, field: string) => unknown;
  readonly print: (value: unknown) => string;
}

const NS: ModelParameter = {
  name: 'ns',
  index: 0,
  unit: 'ns',
  default: 0,
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  source: '',
  meaning: '',
};

const WHOLE: OptionRow = {
  parse: (text, field) => {
    if (!/^\d+$/.test(text)) throw new ConfigError(field, text, 'a whole number');
    return Number(text);
  },
  print: String,
};
const SIZE: OptionRow = {
  parse: parseSize,
  print: (value) => formatParameter({ ...NS, unit: 'bytes' }, parseSize(value as number, 'size')),
};
const TIME = {
  parse: (text: string, field: string) => parseParameter(NS, text, field),
  print: (value: unknown) => formatParameter(NS, value as number),
};
const FLAG: OptionRow = {
  parse: (text, field) => {
    if (text !== 'yes' && text !== 'no') throw new ConfigError(field, text, 'yes or no');
    return text === 'yes';
  },
  print: (value) => (value === true ? 'yes' : 'no'),
};
/** Each row reads and prints values of its own option only. */
const TIMING = timingOptions(TIME) as unknown as Readonly<Record<'latency' | 'episodes', OptionRow>>;
const NAME: OptionRow = { parse: (text) => text, print: String };

/** The options of a drive that a line can give; `latencyNs.read=…` and so on give one operation's. */
const OPTIONS: Readonly<Partial<Record<OptionName, OptionRow>>> = {
  size: SIZE,
  channels: WHOLE,
  latencyNs: TIME,
  latency: TIMING.latency,
  episodes: TIMING.episodes,
  queueDepth: WHOLE,
  volatileWrites: WHOLE,
  dmaAlignment: WHOLE,
  readOnly: FLAG,
  serial: NAME,
};

const OPERATIONS = ['read', 'write', 'discard', 'writeZeroes', 'flush'] as const;

type Mutable = { -readonly [Name in keyof DriveText]: DriveText[Name] };

function modelOf(text: string): ModelName {
  const model = MODEL_NAMES.find((name) => name === text);
  if (model === undefined)
    throw new ConfigError('drive', text, `one of ${MODEL_NAMES.join(', ')}, first of all`);
  return model;
}

function setOption(drive: Mutable, name: string, text: string): boolean {
  const operation = OPERATIONS.find((one) => name === `latencyNs.${one}`);
  if (operation !== undefined) {
    const latencies = typeof drive.latencyNs === 'object' ? drive.latencyNs : {};
    drive.latencyNs = { ...latencies, [operation]: TIME.parse(text, name) as number };
    return true;
  }
  const row = OPTIONS[name as OptionName];
  if (row === undefined) return false;
  Object.assign(drive, { [name]: row.parse(text, name) });
  return true;
}

/**
 * The drive that a line asks for. Throws ConfigError naming the part that is wrong, its value, and what it may be.
 *
 * @example
 * console.log(parseDrive('ssd,channels=4,readNs=60us,queueDepth=16'));
 * // { model: 'ssd', parameters: { channels: 4, readNs: 60000 }, queueDepth: 16 }
 */
export function parseDrive(text: string): DriveText {
  const [first = '', ...rest] = text.split(',').map((part) => part.trim());
  const model = modelOf(first);
  const drive: Mutable = { model };
  const parameters: Record<string, number> = {};
  const seen = new Set<string>();
  for (const part of rest) {
    const at = part.indexOf('=');
    const [name, value] = at < 0 ? [part, ''] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 0) throw new ConfigError('drive', part, 'NAME=VALUE');
    if (seen.has(name)) throw new ConfigError(name, value, 'given once');
    seen.add(name);
    const parameter = DRIVE_MODELS[model].parameters.find((row) => row.name === name);
    if (parameter !== undefined) parameters[name] = parseParameter(parameter, value, name);
    else if (!setOption(drive, name, value)) {
      const known = [...DRIVE_MODELS[model].parameters.map((row) => row.name), ...Object.keys(OPTIONS)];
      throw new ConfigError(name, value, `left out: what ${model} knows is ${known.join(', ')}`);
    }
  }
  if (Object.keys(parameters).length > 0) drive.parameters = parameters;
  return drive;
}

/** The model's name; without one a drive with latencies is fixed, else instant. */
function nameOf(drive: DriveText): ModelName {
  return drive.model ?? (drive.latencyNs === undefined ? 'instant' : 'fixed');
}

/** The options given, as [name, value in words]. */
function printedOptions(drive: DriveText): [string, string][] {
  return Object.keys(OPTIONS).flatMap((name): [string, string][] => {
    const value = drive[name as OptionName];
    if (value === undefined) return [];
    if (name === 'latencyNs' && typeof value === 'object') {
      const latencies = value as Readonly<Record<string, number | undefined>>;
      return OPERATIONS.flatMap((operation): [string, string][] => {
        const one = latencies[operation];
        return one === undefined ? [] : [[`latencyNs.${operation}`, TIME.print(one)]];
      });
    }
    return [[name, (OPTIONS[name as OptionName] as OptionRow).print(value)]];
  });
}

/** One line that parseDrive reads: the model, then what was given for it. Throws ConfigError for a parameter that it can not have. */
export function printDrive(drive: DriveText): string {
  const given = drive.parameters ?? {};
  const parameters = parameterValues(nameOf(drive), given)
    .filter(({ name }) => given[name] !== undefined)
    .map(({ name, text }) => [name, text] as const);
  return [nameOf(drive), ...[...parameters, ...printedOptions(drive)].map((pair) => pair.join('='))].join(
    ',',
  );
}

/** The drive in full: what its model is, then a line for each parameter (value, `default` and its source, or `given`) and option given. */
export function describeDrive(drive: DriveText): string {
  const model = nameOf(drive);
  const rows = parameterValues(model, drive.parameters).map(({ name, text, isDefault, source }) => [
    name,
    text,
    isDefault ? `default: ${source}` : 'given',
  ]);
  for (const [name, text] of printedOptions(drive)) rows.push([name, text, 'given']);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const lines = rows.map(
    ([name = '', text = '', source]) =>
      `  ${name.padEnd(widths[0] as number)}  ${text.padStart(widths[1] as number)}  ${source}`,
  );
  return [`${model}: ${DRIVE_MODELS[model].summary}`, ...lines].join('\n');
}
