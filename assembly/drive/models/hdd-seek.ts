// How long the arm moves: the seek curve of Ruemmler and Wilkes ("An introduction to disk drive modeling", IEEE Computer 27(3),
// 1994): a + b √d for short distances, c + e d for long ones.
//
// Verbs: seekInit, seekNs. A data sheet tells three points of the curve: track to track, the average over all pairs of
// cylinders, and the full stroke. The fourth, the knee between the two branches, lies at a fifth of the stroke (the paper's HP
// 97560: 383 of 1,962 cylinders) and at such a time that the average is right: for pairs that are uniformly distributed
//   average = 0.125333 track + 0.661333 knee + 0.213333 full.
// Invariant: integers only; track ≤ knee ≤ full whatever the parameters are, so the curve never falls.

import { HDD_SEEK_AVERAGE, HDD_SEEK_FULL, HDD_SEEK_TRACK } from '../../layout';
import { Drive } from '../drive-table';
import { Hdd, hddParameter } from './hdd-state';

/** The knee is at 1 / KNEE of the stroke. */
const KNEE: u64 = 5;
/** Distances are scaled so that the stroke is less than 2^28, and the argument of the root fits 64 bits. */
const STROKE_BITS: u64 = 28;

export function seekInit(hdd: Hdd, drive: Drive): void {
  const track = hddParameter(drive, HDD_SEEK_TRACK);
  const full = max<u64>(hddParameter(drive, HDD_SEEK_FULL), track);
  const average = 750 * hddParameter(drive, HDD_SEEK_AVERAGE);
  const others = 94 * track + 160 * full;
  const knee = average > others ? (average - others) / 496 : 0;
  hdd.seekTrack = track;
  hdd.seekFull = full;
  hdd.seekKnee = min<u64>(max<u64>(knee, track), full);
}

/** The largest integer whose square is at most `value`. */
function isqrt(value: u64): u64 {
  let root: u64 = 0;
  let bit: u64 = 0x4000000000000000;
  while (bit > value) bit >>= 2;
  for (; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}

/** Nanoseconds to move over `distance` cylinders, settling for a read included. */
export function seekNs(hdd: Hdd, distance: u64): u64 {
  if (distance == 0) return 0;
  // from one cylinder to all of them
  let stroke = hdd.cylinders > 2 ? hdd.cylinders - 2 : 0;
  if (distance == 1 || stroke == 0) return hdd.seekTrack;
  let part = min<u64>(distance - 1, stroke);
  const bits = 64 - clz<u64>(stroke);
  if (bits > STROKE_BITS) {
    part >>= bits - STROKE_BITS;
    stroke >>= bits - STROKE_BITS;
  }
  const scaled = part * KNEE;
  if (scaled < stroke) {
    const root = isqrt((scaled << 32) / stroke);
    return hdd.seekTrack + (((hdd.seekKnee - hdd.seekTrack) * root) >> 16);
  }
  return hdd.seekKnee + ((hdd.seekFull - hdd.seekKnee) * (scaled - stroke)) / (stroke * (KNEE - 1));
}
