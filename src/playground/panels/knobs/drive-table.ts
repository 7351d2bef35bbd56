// Knobs of a drive: what every drive has, its scheduler, its times, and the parameters of its model.
//
// Verbs: parameterKnob. Parameters come from DRIVE_MODELS, which has name, unit, range, default, source and meaning.

import {
  BAD_FIELD_DRIVES,
  CONFIG_DRIVE_CHANNELS,
  CONFIG_DRIVE_DMA_ALIGNMENT,
  CONFIG_DRIVE_QUEUE_DEPTH,
  CONFIG_DRIVE_SIZE_BYTES,
  CONFIG_DRIVE_VOLATILE_WRITES,
} from '../../../../assembly/layout.ts';
import {
  DEFAULT_FIFO_BATCH,
  DEFAULT_READ_EXPIRE_MS,
  DEFAULT_VOLATILE_WRITES,
  DEFAULT_WRITE_EXPIRE_MS,
  DEFAULT_WRITES_STARVED,
  SECTOR_SIZE,
} from '../../../../assembly/limits.ts';
import { MAX_U32 } from '../../../core/config-values.ts';
import { DEFAULT_DRIVE_SIZE, DEFAULT_LATENCY_NS } from '../../../core/drive-config.ts';
import { MODEL_NAMES } from '../../../core/drive-models/index.ts';
import type { ModelParameter, ParameterUnit } from '../../../core/drive-models/parameter.ts';
import { type DeadlineConfig, type DriveConfig, SCHEDULERS } from '../../../core/options.ts';
import { type Knob, type KnobKind, type KnobsOf, rangeOfField } from './kinds.ts';

const driveRange = (field: number) => rangeOfField(BAD_FIELD_DRIVES + field);
const MOST_NS = Number.MAX_SAFE_INTEGER;

/** `image` and `memory` are no plain data; `deadline`, `latencyNs` and `parameters` have knobs for their parts. */
type Plain = Omit<DriveConfig, 'image' | 'memory' | 'deadline' | 'latencyNs' | 'parameters'>;

export const DRIVE_KNOBS: KnobsOf<Plain> = {
  model: {
    label: 'Model',
    kind: 'choice',
    default: undefined,
    defaultText: 'instant; fixed when it has latencies',
    choices: MODEL_NAMES,
    replaces: ['parameters', 'channels', 'latency'],
    meaning:
      'What a request takes. instant: nothing; fixed: its latency; hdd: the head must get there and wait for the sector; ssd and nvme: flash dies that work side by side.',
  },
  size: {
    label: 'Size',
    kind: 'size',
    default: DEFAULT_DRIVE_SIZE,
    range: driveRange(CONFIG_DRIVE_SIZE_BYTES),
    step: SECTOR_SIZE,
    meaning: 'Bytes of the drive: the length of the address axis.',
  },
  queueDepth: {
    label: 'Queue depth',
    kind: 'count',
    default: undefined,
    defaultText: '32 for hdd and ssd, 1,024 for nvme, else 256',
    range: driveRange(CONFIG_DRIVE_QUEUE_DEPTH),
    usual: [1, 1024],
    meaning:
      'Requests that the drive takes at once; the others wait above it, where they can still merge. 1: a disk has nothing to choose from, flash has idle dies.',
  },
  channels: {
    label: 'Channels',
    kind: 'count',
    default: 1,
    range: driveRange(CONFIG_DRIVE_CHANNELS),
    usual: [1, 64],
    meaning: 'Requests that a fixed drive serves at once.',
  },
  volatileWrites: {
    label: 'Volatile cache',
    kind: 'count',
    unit: 'writes',
    default: DEFAULT_VOLATILE_WRITES,
    range: driveRange(CONFIG_DRIVE_VOLATILE_WRITES),
    usual: [0, 4096],
    meaning:
      'Completed writes that the drive may still lose, drawn hatched. 0: every write is durable when it completes, and a flush costs nothing.',
  },
  powerLossProtection: {
    label: 'Power-loss protection',
    kind: 'switch',
    default: false,
    meaning: 'Its cache survives a power cut, so nothing is hatched and flushes end at once.',
  },
  fua: {
    label: 'Takes FUA',
    kind: 'switch',
    default: true,
    meaning: 'A write may ask for the media itself. Off: a flush is sent behind such a write.',
  },
  scheduler: {
    label: 'Scheduler',
    kind: 'choice',
    default: 'none',
    choices: SCHEDULERS,
    replaces: ['deadline'],
    meaning:
      "Which waiting request goes next. none: the first that came; deadline: in address order, unless one has waited too long (Linux's mq-deadline).",
  },
  latency: {
    label: 'Spread of latencies',
    kind: 'latency',
    default: 'constant',
    meaning:
      'constant, exponential, lognormal:0.5, factors:1*9/2.5*1, or with model fixed histogram:50us*9/4ms*1 (a value and its weight). Watch the 99th percentile leave the mean.',
  },
  episodes: {
    label: 'Stalls and slow periods',
    kind: 'episodes',
    default: [],
    meaning:
      'stall@1s+200ms: at 1 s nothing is served for 200 ms; slow*4@1s+200ms: everything takes four times as long; /5s behind it: every 5 s; ; between two.',
  },
  faults: {
    label: 'Faults',
    kind: 'rules',
    default: [],
    meaning:
      'What goes wrong, one rule a line: "eio on=write nth=3" fails the third write, "ignoredFlush" lies about flushes, "tornWrite", "rot bits=2", "slow factor=8", "lostWrite nth=1".',
  },
  promises: {
    label: 'Promises about power cuts',
    kind: 'names',
    default: [],
    meaning:
      'What a cut must keep to: ATOMIC4K (no aligned 4 KiB tears), SEQUENTIAL (writes reach the media in order), POWERSAFE_OVERWRITE, ATOMIC …',
  },
  discardZeroes: {
    label: 'Discarded sectors read as zeros',
    kind: 'switch',
    default: false,
    meaning: 'Else a discarded sector may show what it held before.',
  },
  timeoutNs: {
    label: 'Timeout',
    kind: 'time',
    default: 0,
    range: [0, MOST_NS],
    meaning: 'A request that takes longer ends with ETIMEDOUT; 0: never.',
  },
  dmaAlignment: {
    label: 'Buffer alignment',
    kind: 'count',
    unit: 'bytes',
    default: 1,
    range: driveRange(CONFIG_DRIVE_DMA_ALIGNMENT),
    isPowerOfTwo: true,
    meaning: "What direct I/O needs of a buffer's address; a buffer elsewhere is EINVAL.",
  },
  readOnly: {
    label: 'Read-only',
    kind: 'switch',
    default: false,
    meaning: 'Writes to it fail with EROFS.',
  },
  serial: {
    label: 'Serial number',
    kind: 'text',
    default: undefined,
    defaultText: 'sectorlab- and its number',
    meaning: 'What a guest reads as its serial: 1 to 20 printable ASCII characters.',
  },
};

const latencyOf = (part: string, words: string): Knob => ({
  label: `Latency of ${words}`,
  kind: 'time',
  part,
  default: DEFAULT_LATENCY_NS,
  range: [0, MOST_NS],
  usual: [1000, 100_000_000],
  meaning: `What ${words} take on a fixed drive. Longer: more waits in the queue, where neighbours can merge.`,
});

type Latencies = Exclude<DriveConfig['latencyNs'], number | undefined>;

/** Of model fixed only. */
export const LATENCY_KNOBS: KnobsOf<Latencies> = {
  read: latencyOf('read', 'reads'),
  write: latencyOf('write', 'writes'),
  flush: latencyOf('flush', 'flushes'),
  discard: latencyOf('discard', 'discards'),
  writeZeroes: latencyOf('writeZeroes', 'write-zeroes'),
};

/** Of scheduler deadline only. */
export const DEADLINE_KNOBS: KnobsOf<DeadlineConfig> = {
  readExpireMs: {
    label: 'A read waits at most',
    kind: 'count',
    unit: 'ms',
    default: DEFAULT_READ_EXPIRE_MS,
    range: [0, MAX_U32],
    usual: [0, 5000],
    meaning: "After so long a read goes before its sector's turn.",
  },
  writeExpireMs: {
    label: 'A write waits at most',
    kind: 'count',
    unit: 'ms',
    default: DEFAULT_WRITE_EXPIRE_MS,
    range: [0, MAX_U32],
    usual: [0, 10_000],
    meaning: 'The same for writes, discards and write-zeroes.',
  },
  writesStarved: {
    label: 'Reads before a write',
    kind: 'count',
    default: DEFAULT_WRITES_STARVED,
    range: [0, MAX_U32],
    usual: [0, 16],
    meaning: 'How often reads may be chosen while writes wait.',
  },
  fifoBatch: {
    label: 'Batch in one direction',
    kind: 'count',
    default: DEFAULT_FIFO_BATCH,
    range: [0, MAX_U32],
    usual: [1, 64],
    meaning: 'Requests in ascending order before the other direction is considered.',
  },
  frontMerges: {
    label: 'Front merges',
    kind: 'switch',
    default: true,
    meaning: 'Look for a request that a new one fits in front of.',
  },
};

const KINDS: Readonly<Record<ParameterUnit, KnobKind>> = {
  ns: 'time',
  bytes: 'size',
  'bytes/s': 'rate',
  count: 'count',
  percent: 'percent',
  rpm: 'count',
  choice: 'choice',
};

/** `readNs` → `Read time`. */
function labelOf(name: string): string {
  const words = name
    .replace(/Ns$/, '')
    .replace(/([A-Z])/g, ' $1')
    .toLowerCase();
  return words === 'rpm' ? 'Revolutions' : words.charAt(0).toUpperCase() + words.slice(1);
}

export function parameterKnob(parameter: ModelParameter): Knob {
  const { name, unit, minimum, maximum, choices, meaning, source } = parameter;
  const sentence = meaning.charAt(0).toUpperCase() + meaning.slice(1);
  return {
    label: labelOf(name),
    kind: KINDS[unit],
    default: choices?.[parameter.default] ?? parameter.default,
    ...(choices === undefined ? { range: [minimum, maximum] as const } : { choices }),
    ...(unit === 'rpm' ? { unit: 'a minute' } : {}),
    ...(parameter.isPowerOfTwo === true ? { isPowerOfTwo: true } : {}),
    meaning: `${sentence}. The default: ${source}.`,
  };
}
