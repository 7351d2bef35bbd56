// Explorers for tests, on both builds of the core.
//
// Verbs: openExplorer, imagesOf, sectorsOf.

import { openNodeImages } from '../../src/backing/node-files.ts';
import { CrashExplorer } from '../../src/crash/explorer.ts';
import type { CrashExplorerOptions } from '../../src/crash/options.ts';
import { type Build, coreModule } from './machine.ts';

/** Little memory: tests open thousands of explorers. */
const SMALL = { images: 65536, visits: 65536, payload: '64KiB' } as const;

/** CrashExplorer.open on the build named, with limits that tests get by with. */
export function openExplorer(build: Build, options: CrashExplorerOptions): Promise<CrashExplorer> {
  const platform = { core: () => coreModule(build), openImages: openNodeImages };
  return CrashExplorer.on(platform, { ...options, limits: { ...SMALL, ...options.limits } });
}

/** The first byte of each of the first `count` sectors of an image. */
export function sectorsOf(
  image: { read(offset: number, length: number): Uint8Array },
  count: number,
): string {
  const bytes = image.read(0, count * 512);
  return Array.from({ length: count }, (_, sector) => bytes[sector * 512]).join(' ');
}

/** The distinct images of some crash points, each as the first bytes of its sectors, sorted. */
export function imagesOf(explorer: CrashExplorer, sectors: number, points?: Iterable<number>): string[] {
  const found = new Set<string>();
  const options = points === undefined ? { newOnly: true } : { points };
  for (const image of explorer.images(options)) found.add(sectorsOf(image, sectors));
  return [...found].sort();
}
