// The checksum of a metadata sector, written anew from the description in files/volume/image.ts and base/hash.ts.
//
// Verbs: sectorSum, seal. The hash takes the volume's id, the sector's number, the first word, then all words of 64 bits behind the header.

const MASK = (1n << 64n) - 1n;

function step(hash: bigint, word: bigint): bigint {
  const mixed = ((hash ^ word) * 0x100000001b3n) & MASK;
  const turned = ((mixed << 29n) | (mixed >> 35n)) & MASK;
  return (turned + 0x9e3779b97f4a7c15n) & MASK;
}

/** `bytes`: 512; `sector`: its number on the drive; `id`: the 8 bytes of the volume's id. */
export function sectorSum(bytes: Uint8Array, sector: number, id: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const idView = new DataView(id.buffer, id.byteOffset);
  let hash = step(idView.getBigUint64(0, true), BigInt(sector));
  hash = step(hash, BigInt(view.getUint32(0, true)));
  for (let offset = 8; offset < 512; offset += 8) hash = step(hash, view.getBigUint64(offset, true));
  return Number((hash ^ (hash >> 32n)) & 0xffffffffn);
}

/** Writes the right checksum into the header. */
export function seal(bytes: Uint8Array, sector: number, id: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, sectorSum(bytes, sector, id), true);
  return bytes;
}
