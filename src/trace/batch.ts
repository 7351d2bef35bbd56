// A batch of trace records: the memory that a reader fills and the replay core reads.
//
// Verbs: construct over own or given memory, fill (recorder.ts), read back with `at`.
// Layout: `capacity` records of 32 bytes, little-endian, as TRACE_* in assembly/layout.ts draws them;
// a 64-bit field is two u32 words, low word first. Invariant: records 0 … count - 1 are whole.

import {
  TRACE_DEVICE,
  TRACE_LENGTH,
  TRACE_LINE,
  TRACE_OFFSET,
  TRACE_OPERATION,
  TRACE_RECORD_SIZE,
  TRACE_TIME,
} from '../../assembly/layout.ts';

/** One record, decoded for tests and for people; the replay path reads the words instead. */
export interface TraceRecord {
  /** TRACE_READ … TRACE_DATASYNC. */
  operation: number;
  /** Index into `TraceReader.deviceNames`. */
  device: number;
  /** 0 for flush and datasync, else 1 to 2^32 - 1. */
  lengthBytes: number;
  /** 0 to 2^53 - 1 - length; 0 for flush and datasync. */
  offsetBytes: number;
  /** Nanoseconds since the first request of the trace; 0 where the format has no clock. */
  timeNs: bigint;
  /** Line (text) or record number (binary), counted from 1. */
  line: number;
}

/**
 * Room for `capacity` trace records.
 *
 * Pass `buffer` and `byteOffset` (a multiple of 4) to have records written straight into the linear memory
 * of a module; without them the batch owns its memory.
 *
 * @throws RangeError when capacity is not an integer of at least 1, or the buffer is too small or misaligned.
 */
export class TraceBatch {
  readonly capacity: number;
  /** Eight words a record. */
  readonly words: Uint32Array;
  /** The same memory as `words`. */
  readonly bytes: Uint8Array;
  /** Records that the last `TraceReader.next` wrote, 0 to capacity. */
  count = 0;

  constructor(capacity: number, buffer?: ArrayBufferLike, byteOffset = 0) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`capacity ${capacity} is not an integer of at least 1`);
    }
    const memory = buffer ?? new ArrayBuffer(capacity * TRACE_RECORD_SIZE);
    this.capacity = capacity;
    this.words = new Uint32Array(memory, byteOffset, (capacity * TRACE_RECORD_SIZE) / 4);
    this.bytes = new Uint8Array(memory, byteOffset, capacity * TRACE_RECORD_SIZE);
  }

  /**
   * Record `index`, 0 to count - 1.
   *
   * @throws RangeError when no such record was filled.
   */
  at(index: number): TraceRecord {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`record ${index} of a batch that holds ${this.count}`);
    }
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + index * TRACE_RECORD_SIZE);
    return {
      operation: view.getUint8(TRACE_OPERATION),
      device: view.getUint16(TRACE_DEVICE, true),
      lengthBytes: view.getUint32(TRACE_LENGTH, true),
      offsetBytes: Number(view.getBigUint64(TRACE_OFFSET, true)),
      timeNs: view.getBigUint64(TRACE_TIME, true),
      line: Number(view.getBigUint64(TRACE_LINE, true)),
    };
  }
}
