// The models of drives by name, with the parameters of each.
//
// Verbs: resolveParameters, parameterValues. Text forms of a whole drive are in text.ts.

import {
  DRIVE_MODEL_FIXED,
  DRIVE_MODEL_HDD,
  DRIVE_MODEL_INSTANT,
  DRIVE_MODEL_NVME,
  DRIVE_MODEL_SSD,
} from '../../../assembly/layout.ts';
import { DEFAULT_QUEUE_DEPTH } from '../../../assembly/limits.ts';
import { ConfigError } from '../../errors.ts';
import { FIXED_PARAMETERS } from './fixed.ts';
import { HDD_PARAMETERS } from './hdd.ts';
import { NVME_PARAMETERS } from './nvme.ts';
import { formatParameter, type ModelParameter, type ParameterValue, parseParameter } from './parameter.ts';
import { SSD_PARAMETERS } from './ssd.ts';

export const MODEL_NAMES = ['instant', 'fixed', 'hdd', 'ssd', 'nvme'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

export interface DriveModel {
  /** DRIVE_MODEL_…. */
  readonly number: number;
  readonly parameters: readonly ModelParameter[];
  readonly summary: string;
  /** Requests that the drive takes at once, unless its options say otherwise. */
  readonly queueDepth: number;
}

export const DRIVE_MODELS: Readonly<Record<ModelName, DriveModel>> = {
  instant: {
    number: DRIVE_MODEL_INSTANT,
    parameters: [],
    summary: 'no request takes time',
    queueDepth: DEFAULT_QUEUE_DEPTH,
  },
  fixed: {
    number: DRIVE_MODEL_FIXED,
    parameters: FIXED_PARAMETERS,
    summary: 'each request takes its latency on one of the channels',
    queueDepth: DEFAULT_QUEUE_DEPTH,
  },
  hdd: {
    number: DRIVE_MODEL_HDD,
    parameters: HDD_PARAMETERS,
    summary: 'a disk that seeks and rotates',
    queueDepth: 32,
  },
  ssd: {
    number: DRIVE_MODEL_SSD,
    parameters: SSD_PARAMETERS,
    summary: 'flash behind SATA: channels, dies, a write buffer and a translation layer',
    queueDepth: 32,
  },
  nvme: {
    number: DRIVE_MODEL_NVME,
    parameters: NVME_PARAMETERS,
    summary: 'flash behind PCIe: as ssd, with a deep queue',
    queueDepth: 1024,
  },
};

/** A parameter of a drive as reports show it. */
export interface ParameterShown {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The value with its unit. */
  readonly text: string;
  readonly isDefault: boolean;
  readonly source: string;
  readonly meaning: string;
}

type Given = Readonly<Record<string, ParameterValue>>;

/** Every parameter of the model with the value that `given` leaves it. Throws ConfigError, its field named `field`.NAME. */
export function parameterValues(model: ModelName, given: Given = {}, field = 'parameters'): ParameterShown[] {
  const table = DRIVE_MODELS[model].parameters;
  for (const name of Object.keys(given)) {
    if (!table.some((parameter) => parameter.name === name)) {
      const known = table.map((parameter) => parameter.name).join(', ');
      const limit =
        known === '' ? `left out: ${model} has no parameters` : `a parameter of ${model}: ${known}`;
      throw new ConfigError(`${field}.${name}`, given[name], limit);
    }
  }
  return table.map((parameter) => {
    const { name, unit, source, meaning } = parameter;
    const value =
      given[name] === undefined
        ? parameter.default
        : parseParameter(parameter, given[name], `${field}.${name}`);
    const isDefault = value === parameter.default;
    return {
      name,
      value,
      unit,
      text: formatParameter(parameter, value),
      isDefault,
      source: isDefault ? source : 'given',
      meaning,
    };
  });
}

/** What the core reads: each parameter's value at its number. Throws ConfigError. */
export function resolveParameters(model: ModelName, given: Given = {}, field = 'parameters'): number[] {
  const numbers: number[] = [];
  parameterValues(model, given, field).forEach(({ value }, row) => {
    numbers[DRIVE_MODELS[model].parameters[row]?.index as number] = value;
  });
  return Array.from(numbers, (value) => value ?? 0);
}
