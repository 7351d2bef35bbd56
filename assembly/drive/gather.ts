// The bytes of a request, piece by piece.
//
// Verbs: gather, gatherPart.

import { SpanCursor, spanAdvance, spansToIovecs } from '../base/span';
import { SECTOR_SHIFT } from '../limits';
import { Bio, Request } from './request';

const cursor = changetype<SpanCursor>(memory.data(offsetof<SpanCursor>(), 16));

/** Writes the pieces that hold the first `sectorCount` sectors of a request as WASI iovecs to `out`; returns how many. */
export function gather(request: Request, sectorCount: u32, out: usize): u32 {
  return gatherPart(request, 0, sectorCount, out);
}

/** The same for `sectorCount` sectors from the `skip`-th on, counted from 0. */
export function gatherPart(request: Request, skip: u32, sectorCount: u32, out: usize): u32 {
  let filled: u32 = 0;
  for (
    let pointer = request.bioHead;
    pointer != 0 && sectorCount > 0;
    pointer = changetype<Bio>(pointer).next
  ) {
    const bio = changetype<Bio>(pointer);
    if (skip >= bio.sectorCount) {
      skip -= bio.sectorCount;
      continue;
    }
    const sectors = min<u32>(bio.sectorCount - skip, sectorCount);
    cursor.span = bio.span;
    cursor.offset = bio.spanOffset;
    spanAdvance(cursor, skip << SECTOR_SHIFT);
    filled += spansToIovecs(
      cursor.span,
      cursor.offset,
      sectors << SECTOR_SHIFT,
      out + ((<usize>filled) << 3),
    );
    sectorCount -= sectors;
    skip = 0;
  }
  return filled;
}
