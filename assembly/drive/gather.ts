// The bytes of a request, piece by piece.
//
// Verbs: gather.

import { spansToIovecs } from '../base/span';
import { SECTOR_SHIFT } from '../limits';
import { Bio, Request } from './request';

/** Writes the pieces that hold the first `sectorCount` sectors of a request as WASI iovecs to `out`; returns how many. */
export function gather(request: Request, sectorCount: u32, out: usize): u32 {
  let filled: u32 = 0;
  for (
    let pointer = request.bioHead;
    pointer != 0 && sectorCount > 0;
    pointer = changetype<Bio>(pointer).next
  ) {
    const bio = changetype<Bio>(pointer);
    const sectors = min<u32>(bio.sectorCount, sectorCount);
    filled += spansToIovecs(bio.span, bio.spanOffset, sectors << SECTOR_SHIFT, out + ((<usize>filled) << 3));
    sectorCount -= sectors;
  }
  return filled;
}
