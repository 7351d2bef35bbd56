// Options of a drive → numbers: its size, model and parameters, queue, cache and promises.
// Verbs: resolveDrive, driveFields. The core checks every range.

import {
  CONFIG_BLOCK_REQUESTS,
  CONFIG_FAULT_LAYERS,
  CONFIG_FAULT_RULES,
  CONFIG_IDENTITIES,
  DRIVE_FLAG_DISCARD_ZEROES,
  DRIVE_FLAG_NO_FUA,
  DRIVE_FLAG_PLP,
  DRIVE_FLAG_READ_ONLY,
  DRIVE_FLAG_UNDO,
  SCHEDULER_DEADLINE,
  SCHEDULER_NONE,
} from '../../assembly/layout.ts';
import {
  DEFAULT_BLOCK_REQUESTS,
  DEFAULT_FAULT_LAYERS,
  DEFAULT_FAULT_RULES,
  DEFAULT_FIFO_BATCH,
  DEFAULT_IDENTITIES,
  DEFAULT_READ_EXPIRE_MS,
  DEFAULT_VOLATILE_WRITES,
  DEFAULT_WRITE_EXPIRE_MS,
  DEFAULT_WRITES_STARVED,
} from '../../assembly/limits.ts';
import { ConfigError } from '../errors.ts';
import type { ResolvedDrive } from './config-struct.ts';
import { oneOf, whole } from './config-values.ts';
import { DRIVE_MODELS, MODEL_NAMES, resolveParameters } from './drive-models/index.ts';
import { resolveEpisodes, resolveLatency } from './drive-timing.ts';
import {
  type DeadlineConfig,
  type DriveConfig,
  type MachineConfig,
  SCHEDULERS,
  type Scheduler,
} from './options.ts';
import { promiseBits } from './promises.ts';
import { parseSize } from './size.ts';

export const DEFAULT_DRIVE_SIZE = 67108864;
/** Of each operation of a fixed drive. */
export const DEFAULT_LATENCY_NS = 100_000;

/** Fields that all drives share. Throws ConfigError. */
export function driveFields(config: MachineConfig): [number, number][] {
  const limits = config.limits ?? {};
  return [
    [CONFIG_FAULT_RULES, whole('limits.faultRules', limits.faultRules, DEFAULT_FAULT_RULES)],
    [CONFIG_FAULT_LAYERS, whole('limits.faultLayers', limits.faultLayers, DEFAULT_FAULT_LAYERS)],
    [CONFIG_IDENTITIES, whole('limits.identities', limits.identities, DEFAULT_IDENTITIES)],
    [CONFIG_BLOCK_REQUESTS, whole('limits.blockRequests', limits.blockRequests, DEFAULT_BLOCK_REQUESTS)],
  ];
}

function latencies(field: string, value: DriveConfig['latencyNs']): number[] {
  const names = ['read', 'write', 'discard', 'writeZeroes', 'flush'] as const;
  return names.map((name) => {
    const one =
      typeof value === 'object' ? (value[name] ?? DEFAULT_LATENCY_NS) : (value ?? DEFAULT_LATENCY_NS);
    if (!Number.isSafeInteger(one) || one < 0)
      throw new ConfigError(`${field}.${name}`, one, 'a whole number of nanoseconds, 0 or more');
    return one;
  });
}

function timeout(field: string, value: number | undefined): number {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 0))
    throw new ConfigError(field, value, 'a whole number of nanoseconds, 0 or more');
  return value ?? 0;
}

/** What a guest reads as a serial number, or nothing for the machine's own. */
function serialNumber(field: string, value: string | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || !/^[\x20-\x7e]{1,20}$/.test(value))
    throw new ConfigError(field, value, '1 to 20 printable ASCII characters');
  return value;
}

/** In the order of the config struct. */
function deadlineTunables(
  field: string,
  scheduler: Scheduler,
  tunables: DeadlineConfig | undefined,
): number[] {
  if (scheduler !== 'deadline' && tunables !== undefined)
    throw new ConfigError(field, 'given', "left out unless scheduler is 'deadline'");
  const { readExpireMs, writeExpireMs, writesStarved, fifoBatch, frontMerges = true } = tunables ?? {};
  return [
    whole(`${field}.readExpireMs`, readExpireMs, DEFAULT_READ_EXPIRE_MS),
    whole(`${field}.writeExpireMs`, writeExpireMs, DEFAULT_WRITE_EXPIRE_MS),
    whole(`${field}.writesStarved`, writesStarved, DEFAULT_WRITES_STARVED),
    whole(`${field}.fifoBatch`, fifoBatch, DEFAULT_FIFO_BATCH),
    frontMerges ? 1 : 0,
  ];
}

/** Numbers of one drive. `imageSize`: bytes in its image file, where there is one. Throws ConfigError. */
export function resolveDrive(
  drive: DriveConfig,
  index: number,
  hasUndo: boolean,
  imageSize: number | undefined,
): ResolvedDrive {
  const field = `drives[${index}]`;
  const model = oneOf(
    `${field}.model`,
    drive.model,
    MODEL_NAMES,
    drive.latencyNs === undefined ? 'instant' : 'fixed',
  );
  const hasChannels = DRIVE_MODELS[model].parameters.some(({ name }) => name === 'channels');
  if (hasChannels && drive.channels !== undefined)
    throw new ConfigError(
      `${field}.channels`,
      drive.channels,
      `left out: ${model} takes parameters.channels`,
    );
  const volatileWrites = whole(`${field}.volatileWrites`, drive.volatileWrites, DEFAULT_VOLATILE_WRITES);
  const scheduler = oneOf(`${field}.scheduler`, drive.scheduler, SCHEDULERS, 'none');
  const isProtected = drive.powerLossProtection === true;
  const isUndoing = hasUndo && volatileWrites > 0 && !isProtected && drive.readOnly !== true;
  if (drive.image !== undefined && drive.memory !== undefined)
    throw new ConfigError(`${field}.memory`, 'given', 'left out when image is given');
  const knownSize =
    imageSize !== undefined && imageSize > 0 ? Math.floor(imageSize / 512) * 512 : DEFAULT_DRIVE_SIZE;
  return {
    size:
      drive.size === undefined ? (drive.memory?.size ?? knownSize) : parseSize(drive.size, `${field}.size`),
    model: DRIVE_MODELS[model].number,
    channels: whole(`${field}.channels`, drive.channels, 1),
    latencies: latencies(`${field}.latencyNs`, drive.latencyNs),
    queueDepth: whole(`${field}.queueDepth`, drive.queueDepth, DRIVE_MODELS[model].queueDepth),
    volatileWrites,
    flags:
      (drive.readOnly === true ? DRIVE_FLAG_READ_ONLY : 0) |
      (isUndoing ? DRIVE_FLAG_UNDO : 0) |
      (drive.fua === false ? DRIVE_FLAG_NO_FUA : 0) |
      (drive.discardZeroes === true ? DRIVE_FLAG_DISCARD_ZEROES : 0) |
      (isProtected ? DRIVE_FLAG_PLP : 0),
    dmaAlignment: whole(`${field}.dmaAlignment`, drive.dmaAlignment, 1),
    serial: serialNumber(`${field}.serial`, drive.serial),
    scheduler: scheduler === 'deadline' ? SCHEDULER_DEADLINE : SCHEDULER_NONE,
    deadline: deadlineTunables(`${field}.deadline`, scheduler, drive.deadline),
    promises: promiseBits(`${field}.promises`, drive.promises),
    ...resolveLatency(`${field}.latency`, drive.latency, model === 'fixed'),
    episodes: resolveEpisodes(`${field}.episodes`, drive.episodes),
    latencySecond: 0,
    timeoutNs: timeout(`${field}.timeoutNs`, drive.timeoutNs),
    parameters: resolveParameters(model, drive.parameters, `${field}.parameters`),
    image: drive.image,
    memory: drive.memory,
  };
}
