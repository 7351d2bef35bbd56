// What belongs together: an application's request, its pages, the drive's request that carries them, the write in the volatile cache.
//
// Verbs: relatedTo. By what the state says of their places: a flat file that is the drive itself has page n at sector 8n.

import { SECTORS_PER_PAGE } from '../model/describe.ts';
import type { EntityKey, StackState } from '../model/types.ts';

/** A range of sectors of a drive. */
interface Extent {
  readonly drive: number;
  readonly sector: number;
  readonly sectorCount: number;
}

interface Placed extends Extent {
  readonly key: EntityKey;
}

const SECTOR_BYTES = 512;

/** Everything in the stack that has a place on a drive. */
function placedThings(state: StackState): Placed[] {
  const { shape } = state;
  const flat = new Map(shape.files.filter(isFlat).map((file) => [file.number, file.drive]));
  const things: Placed[] = [];
  for (const page of state.cache.slots) {
    const drive = page === undefined ? undefined : flat.get(page.file);
    if (page === undefined || drive === undefined) continue;
    things.push({
      key: page.key,
      drive,
      sector: page.index * SECTORS_PER_PAGE,
      sectorCount: SECTORS_PER_PAGE,
    });
  }
  for (const drive of state.drives) {
    const own = { drive: drive.index };
    for (const request of [...drive.waiting, ...drive.inService])
      things.push({ ...own, ...rangeOf(request) });
    for (const write of drive.volatileWrites) things.push({ ...own, ...rangeOf(write) });
  }
  for (const ring of state.rings) {
    const target = shape.clients[ring.client]?.target;
    const file = shape.files.find(({ name }) => name === target);
    if (file === undefined || !isFlat(file)) continue;
    for (const request of ring.requests) {
      const sector = Math.floor(request.offsetBytes / SECTOR_BYTES);
      const end = Math.ceil((request.offsetBytes + request.lengthBytes) / SECTOR_BYTES);
      things.push({ key: request.key, drive: file.drive, sector, sectorCount: end - sector });
    }
  }
  return things;
}

function rangeOf<T extends { key: EntityKey; sector: number; sectorCount: number }>({
  key,
  sector,
  sectorCount,
}: T) {
  return { key, sector, sectorCount };
}

/** The drive as a file: its bytes are where they are on the drive. */
export function isFlat({ name, drive }: { readonly name: string; readonly drive: number }): boolean {
  return name === `drive${drive}`;
}

function meet(a: Extent, b: Extent): boolean {
  return a.drive === b.drive && a.sector < b.sector + b.sectorCount && b.sector < a.sector + a.sectorCount;
}

/** Keys of what lies at the same place as `key`, and itself. */
export function relatedTo(state: StackState, key: EntityKey): Set<EntityKey> {
  const things = placedThings(state);
  const own = things.filter((thing) => thing.key === key);
  const related = new Set([key]);
  for (const thing of things) {
    if (own.some((each) => meet(each, thing))) related.add(thing.key);
  }
  return related;
}

/** Key of the page at a sector, for what travels between the two. */
export function pageAt(state: StackState, drive: number, sector: number): EntityKey | undefined {
  const file = state.shape.files.find((each) => each.drive === drive && isFlat(each));
  return file === undefined ? undefined : `page:${file.number}:${Math.floor(sector / SECTORS_PER_PAGE)}`;
}
