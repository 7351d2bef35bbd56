// What the tests of the replay share: traces from text, a platform on either build, the delivered traces with what must
// come out of them, a folder that goes away.
//
// Verbs: play, playFile, iolog, delivered, withFolder, decisions. Invariant: nothing here knows a rule of the player; the
// expected numbers come from expected.json beside the traces, which another program counted.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { openNodeImages } from '../../../src/backing/node-files.ts';
import type { Platform } from '../../../src/platform.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { type ReplayControl, ReplayError, replay } from '../../../src/replay/player.ts';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { openTrace } from '../../../src/trace/index.ts';
import { type Build, coreModule } from '../../support/machine.ts';
import { SHARED_TRACES, streamOf, utf8 } from '../trace/support.ts';

export const NAME = 'made.trace';

/** The platform of Node on one build of the core. */
export function platformOf(build: Build = 'release'): Platform {
  return { core: () => coreModule(build), openImages: openNodeImages };
}

interface PlayOptions extends ReplayOptions {
  readonly build?: Build;
  readonly platform?: Platform;
  readonly skipBad?: number;
  readonly control?: ReplayControl;
}

/** Replays a trace held in memory; its errors call it NAME. */
export async function play(
  content: string | Uint8Array,
  { build, platform, skipBad, control, ...options }: PlayOptions = {},
): Promise<ReplayReport> {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  const reader = await openTrace(streamOf(bytes), { name: NAME, skipBad });
  return replay(platform ?? platformOf(build), reader, options, control);
}

/** Replays a trace file. */
export async function playFile(
  path: string,
  { build, platform, skipBad, control, ...options }: PlayOptions = {},
): Promise<ReplayReport> {
  return replay(platform ?? platformOf(build), await openTrace(path, { skipBad }), options, control);
}

/** The ReplayError that ends a replay. */
export async function refusalOf(
  content: string | Uint8Array,
  options: PlayOptions = {},
): Promise<ReplayError> {
  try {
    await play(content, options);
  } catch (error) {
    assert.instance(error, ReplayError, String(error));
    return error as ReplayError;
  }
  return assert.unreachable('the replay took every request') as never;
}

/** Lines of a fio iolog (version 2) over the files named; the first request is line `files.length * 2 + 2`. */
export function iolog(requests: readonly string[], files: readonly string[] = ['a']): string {
  const heads = files.flatMap((file) => [`${file} add`, `${file} open`]);
  return `${['fio version 2 iolog', ...heads, ...requests].join('\n')}\n`;
}

/** One row of expected.json. */
export interface Expected {
  readonly requests: number;
  readonly reads: number;
  readonly writes: number;
  readonly discards: number;
  readonly flushes: number;
  readonly read_bytes: number;
  readonly write_bytes: number;
  readonly span_s: number;
  readonly devices: number;
  readonly lru: Readonly<Record<string, { readonly hits: number; readonly accesses: number }>>;
}

/** A trace of a format that is delivered. */
export interface Delivered {
  /** As expected.json names it. */
  readonly name: string;
  readonly path: string;
  readonly expected: Expected;
  /** The one of over 100,000 requests: it is played at fewer settings. */
  readonly isLarge: boolean;
  /** Every transfer is whole sectors, so the virtio and the direct entrances take it. */
  readonly isWholeSectors: boolean;
}

const DELIVERED = /^(fio-iolog\/|msr-csv\/|vscsi\/.*\.vscsi\.gz$)/;
const EXPECTED_URL = new URL('expected.json', SHARED_TRACES);

/** Path of a file beside the repository. */
export function sharedPath(name: string): string {
  return fileURLToPath(new URL(name, SHARED_TRACES));
}

/** Every delivered trace; none, said aloud, when they are not beside the repository. */
export function delivered(what: string): Delivered[] {
  if (!existsSync(EXPECTED_URL)) {
    console.log(`SKIPPED: ${what}: the traces beside the repository (../shared/traces) are missing`);
    return [];
  }
  const rows = Object.entries(JSON.parse(readFileSync(EXPECTED_URL, 'utf8')) as Record<string, Expected>);
  return rows
    .filter(([name]) => DELIVERED.test(name))
    .map(([name, expected]) => ({
      name,
      path: sharedPath(name),
      expected,
      isLarge: expected.requests > 100_000,
      isWholeSectors: !name.includes('unaligned'),
    }));
}

/** Runs `body` with a new folder, which is removed afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'sectorlab-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything that a report says but how long the real machine took. */
export function decisions(report: ReplayReport): unknown {
  const { virtualSeconds } = report.time;
  return { ...report, time: { virtualSeconds } };
}
