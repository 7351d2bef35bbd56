// Distributions and episodes of a drive as text: the values of `latency` and `episodes` in a drive's line.
//
// Verbs: timingOptions. A distribution is 'exponential', 'lognormal:0.5', 'histogram:50us*9/4ms*1' or 'factors:1*9/2.5*1', points with
// their weights; an episode 'stall@1s+200ms', 'slow*4@1s+200ms', with '/5s' behind it every 5 s, and ';' between two.
// Ranges are checked where the options are resolved.

import { ConfigError } from '../../errors.ts';
import type { EpisodeConfig, LatencyConfig } from '../options.ts';

/** How a text is read, and a value printed. Reading throws ConfigError. */
interface Form<T> {
  readonly parse: (text: string, field: string) => T;
  readonly print: (value: T) => string;
}

const DISTRIBUTIONS =
  'constant, exponential, lognormal:SIGMA, histogram:TIME*WEIGHT/… or factors:FACTOR*WEIGHT/…';
const EPISODES = 'stall@AT+LASTS or slow*FACTOR@AT+LASTS, /EVERY behind it, ; between two';

function decimal(text: string, field: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new ConfigError(field, text, 'a decimal number');
  return Number(text);
}

function parsePoints(text: string, field: string, value: Form<number>['parse']): [number, number][] {
  return text.split('/').map((point) => {
    const [, first, weight] = /^([^*]+)\*(\d+)$/.exec(point) ?? [];
    if (first === undefined) throw new ConfigError(field, point, 'VALUE*WEIGHT');
    return [value(first, field), Number(weight)];
  });
}

function parseLatency(text: string, field: string, time: Form<number>): LatencyConfig {
  if (text === 'constant' || text === 'exponential') return text;
  const [, name, rest = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  if (name === 'lognormal') return { lognormal: decimal(rest, field) };
  if (name === 'histogram') return { histogram: parsePoints(rest, field, time.parse) };
  if (name === 'factors') return { factors: parsePoints(rest, field, decimal) };
  throw new ConfigError(field, text, DISTRIBUTIONS);
}

function printLatency(latency: LatencyConfig, time: Form<number>): string {
  if (typeof latency === 'string') return latency;
  if ('lognormal' in latency) return `lognormal:${latency.lognormal}`;
  if ('histogram' in latency)
    return `histogram:${latency.histogram.map(([value, weight]) => `${time.print(value)}*${weight}`).join('/')}`;
  return `factors:${latency.factors.map(([value, weight]) => `${value}*${weight}`).join('/')}`;
}

function parseEpisode(text: string, field: string, time: Form<number>): EpisodeConfig {
  const [, kind, factor, at, lasts, every] =
    /^(stall|slow)(?:\*([^@]+))?@([^+/]+)\+([^+/]+)(?:\/(.+))?$/.exec(text) ?? [];
  if (at === undefined || lasts === undefined || (kind === 'slow') !== (factor !== undefined))
    throw new ConfigError(field, text, EPISODES);
  return {
    kind: kind as EpisodeConfig['kind'],
    atNs: time.parse(at, field),
    lastsNs: time.parse(lasts, field),
    ...(every === undefined ? {} : { everyNs: time.parse(every, field) }),
    ...(factor === undefined ? {} : { factor: decimal(factor, field) }),
  };
}

function printEpisode(episode: EpisodeConfig, time: Form<number>): string {
  const { kind, factor, atNs, lastsNs, everyNs } = episode;
  const what = factor === undefined ? kind : `${kind}*${factor}`;
  const again = everyNs === undefined ? '' : `/${time.print(everyNs)}`;
  return `${what}@${time.print(atNs)}+${time.print(lastsNs)}${again}`;
}

/** The forms of both options; `time`: that of nanoseconds. */
export function timingOptions(time: Form<number>): {
  readonly latency: Form<LatencyConfig>;
  readonly episodes: Form<readonly EpisodeConfig[]>;
} {
  return {
    latency: {
      parse: (text, field) => parseLatency(text, field, time),
      print: (latency) => printLatency(latency, time),
    },
    episodes: {
      parse: (text, field) => text.split(';').map((one) => parseEpisode(one, field, time)),
      print: (episodes) => episodes.map((episode) => printEpisode(episode, time)).join(';'),
    },
  };
}
