// Small storage engines, each with one mistake that crashes reveal, beside its repaired twin: what they have in common.
//
// Verbs: checkHistory, sector, record, readRecord. Each engine is written as its author would, and differs from its twin by one step. A value
// of a workload is the state that its step leads to, as text.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import type { VolumeProfile } from '../../../src/core/options.ts';
import type { ExploreCommon, ExploreDeviceOptions, ExploreOptions } from '../../../src/explore/types.ts';

/** What the finding must say. Each pattern must be found in some write's call or words. */
export interface Expected {
  /** Writes that are missing or torn. */
  readonly missing: readonly RegExp[];
  /** Writes that are there and should not be without them; none when what was acknowledged is missing. */
  readonly present: readonly RegExp[];
  readonly isLost: boolean;
  readonly needsTearing: boolean;
  /** The flush behind the missing write with which no state fails, for mistakes that one flush mends. */
  readonly proof?: string;
  /** What the sentence says besides. */
  readonly sentence?: RegExp;
  /** Crashes of recovery that it takes. */
  readonly depth?: number;
}

interface Common {
  readonly name: string;
  /** The mistake in a few words. */
  readonly mistake: string;
  readonly options?: ExploreCommon;
  readonly expected: Expected;
}

export interface FileSpecimen extends Common {
  readonly level: 'files';
  /** Profiles in which the mistake shows. */
  readonly profiles: readonly VolumeProfile[];
  /** Profiles in which the twin survives. Default: all. */
  readonly twinProfiles?: readonly VolumeProfile[];
  engine(isRepaired: boolean): Pick<ExploreOptions<string, NodeFs>, 'setup' | 'workload' | 'recover'>;
}

export interface DeviceSpecimen extends Common {
  readonly level: 'device';
  engine(isRepaired: boolean): Pick<ExploreDeviceOptions<string>, 'setup' | 'workload' | 'recover'>;
}

export type Specimen = FileSpecimen | DeviceSpecimen;

export const SECTOR = 512;

/** The state is one that the workload has gone through: with all that was acknowledged, and nothing that was not begun. */
export function checkHistory(
  found: string,
  initial: string,
  { must, may }: { readonly must: readonly string[]; readonly may: readonly string[] },
): void {
  const states = [initial, ...may].slice(must.length);
  if (!states.includes(found)) throw new Error(`the state is '${found}', not '${states.join("' or '")}'`);
}

/** A sector with text at its begin, and zeros. */
export function sector(text: string): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}

/** The text at the begin of a sector. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}

/** A checksum that a torn or half-old record does not have. */
export function sum(text: string): string {
  let hash = 2_166_136_261;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 16_777_619);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** A line with its checksum before it. */
export function record(text: string): string {
  return `${sum(text)} ${text}\n`;
}

/** The lines from the begin whose checksums are right. */
export function readRecords(log: string): string[] {
  const texts: string[] = [];
  for (const line of log.split('\n').slice(0, -1)) {
    const text = line.slice(9);
    if (line.slice(0, 8) !== sum(text)) break;
    texts.push(text);
  }
  return texts;
}
