// Records: one 32-byte note for each decision, in a ring in linear memory.
//
// Verbs: recordsClaim, recordsOn, record. The host reads the ring; a running hash covers every record ever made, so
// two runs can be compared although the ring forgets.
// Invariant: recording changes no decision; off, it costs one load.

import {
  RECORD_ADDRESS,
  RECORD_COUNT,
  RECORD_DETAIL,
  RECORD_DEVICE,
  RECORD_ID,
  RECORD_KIND,
  RECORD_OPERATION,
  RECORD_SIZE,
  RECORD_TIME,
} from '../layout';
import { arenaClaim } from './arena';
import { now } from './clock';
import { hashStep } from './hash';

@unmanaged
export class RecordRing {
  base: usize;
  /** Records the ring holds, a power of two; 0 when recording is off for good. */
  capacity: u32;
  isOn: u32;
  padding: u32;
  /** Records made since the machine opened. */
  made: u64;
  hash: u64;
}

export const recordRing = changetype<RecordRing>(memory.data(offsetof<RecordRing>(), 16));

export function recordsClaim(capacity: u32): void {
  recordRing.capacity = capacity;
  recordRing.base = arenaClaim(<u64>capacity * RECORD_SIZE, 64);
  recordRing.hash = 0xcbf29ce484222325;
}

export function recordsSwitch(isOn: bool): void {
  recordRing.isOn = isOn && recordRing.capacity > 0 ? 1 : 0;
}

export function recording(): bool {
  return recordRing.isOn != 0;
}

/** Call only while recording(). Fields: see layout.ts. */
export function record(
  kind: u32,
  operation: u32,
  device: u32,
  id: u32,
  address: u64,
  recordCount: u32,
  detail: u32,
): void {
  const entry = recordRing.base + <usize>(<u32>recordRing.made & (recordRing.capacity - 1)) * RECORD_SIZE;
  store<u64>(entry, now(), RECORD_TIME);
  store<u8>(entry, <u8>kind, RECORD_KIND);
  store<u8>(entry, <u8>operation, RECORD_OPERATION);
  store<u16>(entry, <u16>device, RECORD_DEVICE);
  store<u32>(entry, id, RECORD_ID);
  store<u64>(entry, address, RECORD_ADDRESS);
  store<u32>(entry, recordCount, RECORD_COUNT);
  store<u32>(entry, detail, RECORD_DETAIL);
  let hash = recordRing.hash;
  hash = hashStep(hash, load<u64>(entry));
  hash = hashStep(hash, load<u64>(entry, 8));
  hash = hashStep(hash, load<u64>(entry, 16));
  recordRing.hash = hashStep(hash, load<u64>(entry, 24));
  recordRing.made++;
}
