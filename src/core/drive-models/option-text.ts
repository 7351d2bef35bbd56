// The options that every drive has, as text: one row an option.
//
// Verbs: OPTION_ROWS, each with parse and print. The tunables of a scheduler and the faults have no row: they are given in
// code. The core, and drive-config.ts, check the ranges.

import { ConfigError } from '../../errors.ts';
import { type DriveConfig, SCHEDULERS } from '../options.ts';
import { parseSize } from '../size.ts';
import { formatParameter, type ModelParameter, parseParameter } from './parameter.ts';
import { timingOptions } from './timing-text.ts';

/** What a line can say about a drive beside its model and parameters. */
export type OptionText = Pick<
  DriveConfig,
  | 'size'
  | 'channels'
  | 'latencyNs'
  | 'latency'
  | 'episodes'
  | 'queueDepth'
  | 'scheduler'
  | 'volatileWrites'
  | 'fua'
  | 'powerLossProtection'
  | 'dmaAlignment'
  | 'timeoutNs'
  | 'readOnly'
  | 'serial'
>;

export interface OptionRow {
  /** Throws ConfigError naming `field`. */
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
const BYTES: ModelParameter = { ...NS, unit: 'bytes' };

const WHOLE: OptionRow = {
  parse: (text, field) => {
    if (!/^\d+$/.test(text)) throw new ConfigError(field, text, 'a whole number');
    return Number(text);
  },
  print: String,
};
const SIZE: OptionRow = {
  parse: parseSize,
  print: (value) => formatParameter(BYTES, parseSize(value as number, 'size')),
};
export const TIME = {
  parse: (text: string, field: string): number => parseParameter(NS, text, field),
  print: (value: unknown): string => formatParameter(NS, value as number),
};
const FLAG: OptionRow = {
  parse: (text, field) => {
    if (text !== 'yes' && text !== 'no') throw new ConfigError(field, text, 'yes or no');
    return text === 'yes';
  },
  print: (value) => (value === true ? 'yes' : 'no'),
};
const NAME: OptionRow = { parse: (text) => text, print: String };
const SCHEDULER: OptionRow = {
  parse: (text, field) => {
    const found = SCHEDULERS.find((name) => name === text);
    if (found === undefined) throw new ConfigError(field, text, `one of ${SCHEDULERS.join(', ')}`);
    return found;
  },
  print: String,
};

/** Each row reads and prints values of its own option only. */
const TIMING = timingOptions(TIME) as unknown as Readonly<Record<'latency' | 'episodes', OptionRow>>;

/** In the order in which they are printed. `latencyNs` is for all operations; text.ts has the forms for one. */
export const OPTION_ROWS: Readonly<Record<keyof OptionText, OptionRow>> = {
  size: SIZE,
  channels: WHOLE,
  latencyNs: TIME,
  latency: TIMING.latency,
  episodes: TIMING.episodes,
  queueDepth: WHOLE,
  scheduler: SCHEDULER,
  volatileWrites: WHOLE,
  fua: FLAG,
  powerLossProtection: FLAG,
  dmaAlignment: WHOLE,
  timeoutNs: TIME,
  readOnly: FLAG,
  serial: NAME,
};
