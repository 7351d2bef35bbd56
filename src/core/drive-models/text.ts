// A drive as one line of text, 'ssd,channels=4,readNs=60us,queueDepth=16', and in full for a report.
//
// Verbs: parseDrive, printDrive, describeDrive. The line is MODEL[,NAME=VALUE…]; a name is a parameter of the model or an option of
// every drive. What parseDrive answers is printed by printDrive in the words that parseDrive reads: parse(print(x)) is x.

import { ConfigError } from '../../errors.ts';
import type { DriveConfig } from '../options.ts';
import { DRIVE_MODELS, MODEL_NAMES, type ModelName, parameterValues } from './index.ts';
import { OPTION_ROWS, type OptionRow, type OptionText, TIME } from './option-text.ts';
import { parseParameter } from './parameter.ts';

/** What a line can say about a drive. */
export type DriveText = OptionText & Pick<DriveConfig, 'model' | 'parameters'>;

type OptionName = keyof OptionText;

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
  if (!Object.hasOwn(OPTION_ROWS, name)) return false;
  const row: OptionRow = OPTION_ROWS[name as OptionName];
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
      const known = [...DRIVE_MODELS[model].parameters.map((row) => row.name), ...Object.keys(OPTION_ROWS)];
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
  return Object.keys(OPTION_ROWS).flatMap((name): [string, string][] => {
    const value = drive[name as OptionName];
    if (value === undefined) return [];
    if (name === 'latencyNs' && typeof value === 'object') {
      const latencies = value as Readonly<Record<string, number | undefined>>;
      return OPERATIONS.flatMap((operation): [string, string][] => {
        const one = latencies[operation];
        return one === undefined ? [] : [[`latencyNs.${operation}`, TIME.print(one)]];
      });
    }
    return [[name, OPTION_ROWS[name as OptionName].print(value)]];
  });
}

/** One line that parseDrive reads, with all but what has no form as text (option-text.ts): the model, then what was given for it. Throws ConfigError for a parameter that it can not have. */
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
