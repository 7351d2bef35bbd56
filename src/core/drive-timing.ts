// How a drive's service times vary: distributions and episodes, from options to what the core takes.
// Verbs: resolveLatency, resolveEpisodes, timingFields, sendTiming. The core checks every range again.

import {
  CONFIG_EPISODES,
  CONFIG_LATENCY_POINTS,
  DISTRIBUTION_CONSTANT,
  DISTRIBUTION_EXPONENTIAL,
  DISTRIBUTION_FACTORS,
  DISTRIBUTION_HISTOGRAM,
  DISTRIBUTION_LOGNORMAL,
  EPISODE_AT,
  EPISODE_EVERY,
  EPISODE_FACTOR,
  EPISODE_LASTS,
  EPISODE_SIZE,
  LATENCY_POINT_SIZE,
  LATENCY_POINT_VALUE,
  LATENCY_POINT_WEIGHT,
} from '../../assembly/layout.ts';
import { ConfigError, check } from '../errors.ts';
import type { BufferArena } from './buffer-arena.ts';
import type { ResolvedDrive, ResolvedEpisode } from './config-struct.ts';
import type { Core } from './core.ts';
import type { EpisodeConfig, LatencyConfig } from './options.ts';

const MILLION = 1_000_000;
const MOST_FACTOR = 1_000_000;
const MOST_SIGMA = 10;
const WEIGHTS_MOST = 4_294_967_296;

/** Kind, first number and points of a distribution. */
export type ResolvedLatency = Pick<ResolvedDrive, 'latencyKind' | 'latencyFirst' | 'latencyPoints'>;

function between(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw new ConfigError(field, value, `a number from ${least} to ${most}`);
  return value;
}

function nanoseconds(field: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
    throw new ConfigError(field, value, `a whole number of nanoseconds, ${least} or more`);
  return value;
}

/** `toValue`: checks the first number of a point and turns it into what the core takes. */
function resolvePoints(
  field: string,
  points: unknown,
  toValue: (field: string, value: unknown) => number,
): [number, number][] {
  if (!Array.isArray(points) || points.length === 0)
    throw new ConfigError(field, points, 'a list of [value, weight], at least one');
  let sum = 0;
  return points.map((point: unknown, index) => {
    const [value, weight] = Array.isArray(point) ? point : [];
    if (!Number.isSafeInteger(weight) || weight < 1)
      throw new ConfigError(`${field}[${index}][1]`, weight, 'a whole number, 1 or more');
    sum += weight;
    if (sum > WEIGHTS_MOST)
      throw new ConfigError(`${field}[${index}][1]`, weight, 'at most 2^32 with the weights before it');
    return [toValue(`${field}[${index}][0]`, value), weight];
  });
}

/** Throws ConfigError. `isFixed`: the drive is of model fixed. */
export function resolveLatency(
  field: string,
  latency: LatencyConfig | undefined,
  isFixed: boolean,
): ResolvedLatency {
  const of = (latencyKind: number, latencyFirst = 0, latencyPoints: [number, number][] = []) => ({
    latencyKind,
    latencyFirst,
    latencyPoints,
  });
  if (latency === undefined || latency === 'constant') return of(DISTRIBUTION_CONSTANT);
  if (latency === 'exponential') return of(DISTRIBUTION_EXPONENTIAL);
  if (typeof latency === 'object' && 'lognormal' in latency) {
    const sigma = between(`${field}.lognormal`, latency.lognormal, 0, MOST_SIGMA);
    return of(DISTRIBUTION_LOGNORMAL, Math.round(sigma * MILLION));
  }
  if (typeof latency === 'object' && 'histogram' in latency) {
    if (!isFixed)
      throw new ConfigError(`${field}.histogram`, 'given', "left out unless the model is 'fixed'");
    const points = resolvePoints(`${field}.histogram`, latency.histogram, (name, value) =>
      nanoseconds(name, value, 0),
    );
    return of(DISTRIBUTION_HISTOGRAM, 0, points);
  }
  if (typeof latency === 'object' && 'factors' in latency) {
    const points = resolvePoints(`${field}.factors`, latency.factors, (name, value) =>
      Math.round(between(name, value, 0, MOST_FACTOR) * MILLION),
    );
    return of(DISTRIBUTION_FACTORS, 0, points);
  }
  throw new ConfigError(
    field,
    latency,
    "'constant', 'exponential', { lognormal }, { histogram } or { factors }",
  );
}

/** Throws ConfigError. */
export function resolveEpisodes(
  field: string,
  episodes: readonly EpisodeConfig[] | undefined,
): ResolvedEpisode[] {
  return (episodes ?? []).map((episode, index) => {
    const name = `${field}[${index}]`;
    if (episode.kind !== 'stall' && episode.kind !== 'slow')
      throw new ConfigError(`${name}.kind`, episode.kind, 'one of stall, slow');
    const isStall = episode.kind === 'stall';
    if (isStall && episode.factor !== undefined)
      throw new ConfigError(`${name}.factor`, episode.factor, 'left out: a stall serves nothing');
    const lasts = nanoseconds(`${name}.lastsNs`, episode.lastsNs, 1);
    return {
      at: nanoseconds(`${name}.atNs`, episode.atNs, 0),
      lasts,
      every: episode.everyNs === undefined ? 0 : nanoseconds(`${name}.everyNs`, episode.everyNs, lasts + 1),
      factor: isStall ? 0 : Math.round(between(`${name}.factor`, episode.factor, 1, MOST_FACTOR) * 1000),
    };
  });
}

/** Fields of the config: what the core makes room for. */
export function timingFields(drives: readonly ResolvedDrive[]): [number, number][] {
  const total = (count: (drive: ResolvedDrive) => number) =>
    drives.reduce((sum, drive) => sum + count(drive), 0);
  return [
    [CONFIG_EPISODES, total(({ episodes }) => episodes.length)],
    [CONFIG_LATENCY_POINTS, total(({ latencyPoints }) => latencyPoints.length)],
  ];
}

/** Gives the drives of a machine that has just been opened their points and episodes. */
export function sendTiming(core: Core, buffers: BufferArena, drives: readonly ResolvedDrive[]): void {
  const { memory } = core;
  drives.forEach(({ latencyPoints, episodes }, index) => {
    if (latencyPoints.length > 0) {
      const sent = buffers.borrow(latencyPoints.length * LATENCY_POINT_SIZE, (address) => {
        latencyPoints.forEach(([value, weight], point) => {
          const at = address + point * LATENCY_POINT_SIZE;
          memory.setU64(at + LATENCY_POINT_VALUE, value);
          memory.setU64(at + LATENCY_POINT_WEIGHT, weight);
        });
        return core.call((exports) => exports.driveLatencyPoints(index, address, latencyPoints.length));
      });
      check('open', sent);
    }
    for (const episode of episodes) {
      const sent = buffers.borrow(EPISODE_SIZE, (address) => {
        memory.setU64(address + EPISODE_AT, episode.at);
        memory.setU64(address + EPISODE_LASTS, episode.lasts);
        memory.setU64(address + EPISODE_EVERY, episode.every);
        memory.setU64(address + EPISODE_FACTOR, episode.factor);
        return core.call((exports) => exports.driveEpisode(index, address));
      });
      check('open', sent);
    }
  });
}
